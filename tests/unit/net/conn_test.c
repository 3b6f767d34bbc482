/* SPDX-License-Identifier: Apache-2.0 */
/* Whole connections over real sockets, with curl as the client that is not ours. */
#include "gateway/net/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/unit/net/nettest.h"

#define ZONE "my-cyberjaya"

enum { BIG = 5000000, GRANT = 30000 };

static struct nettest_end server;
static struct h2server_budget budget = {.limit = 128 << 20};
static const char *certs;
static int64_t now;

static struct consumer {
    struct conn *conn;
    int fd;
    bool woken;
    unsigned heads;
    unsigned ends;
    unsigned dones;
    unsigned aborts;
    enum err reason;
    uint64_t body;
    uint32_t owed_stream; /* credit to give outside of pump */
    uint64_t owed;
    uint64_t to_send;
    uint32_t send_stream;
    bool is_big;
    char name[64];
} consumer;

static enum err
io_recv(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len)
{
    const ssize_t n = recv(*(int *)ctx, buf, cap, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN ? ERR_AGAIN : ERR_IO;
    *ret_len = (size_t)n;
    return n == 0 ? ERR_CLOSED : ERR_OK;
}

static enum err
io_send(void *ctx, struct span bytes, size_t *ret_len)
{
    const ssize_t n = send(*(int *)ctx, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN ? ERR_AGAIN : ERR_IO;
    *ret_len = (size_t)n;
    return ERR_OK;
}

static void
on_wake(void *ctx)
{
    ((struct consumer *)ctx)->woken = true;
}

static void
send_more(struct consumer *k)
{
    static const uint8_t block[50000];
    while (k->to_send > 0) {
        size_t len = k->to_send < sizeof(block) ? (size_t)k->to_send : sizeof(block);
        if (conn_write(k->conn, k->send_stream, span_of(block, len), &len) != ERR_OK)
            return;
        k->to_send -= len;
    }
    CHECK_EQ(conn_finish(k->conn, k->send_stream), ERR_OK);
}

static void
answer(struct consumer *k, const struct http_event *event)
{
    char text[32];
    size_t len = 0;
    if (k->is_big) {
        const struct http_response r = {.status = 200};
        k->to_send = BIG;
        k->send_stream = event->stream;
        CHECK_EQ(conn_respond(k->conn, event->stream, &r), ERR_OK);
        send_more(k);
        return;
    }
    const int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)k->body);
    const struct http_response r = {.status = 200, .has_length = true, .length = (uint64_t)n};
    CHECK_EQ(conn_respond(k->conn, event->stream, &r), ERR_OK);
    CHECK_EQ(conn_write(k->conn, event->stream, span_of(text, (size_t)n), &len), ERR_OK);
    CHECK_EQ(conn_finish(k->conn, event->stream), ERR_OK);
}

static void
on_event(void *ctx, const struct http_event *event)
{
    struct consumer *k = ctx;
    const struct http_response go_on = {.status = 100};
    switch (event->type) {
    case HTTP_EVENT_HEAD:
        k->heads++;
        k->body = 0;
        k->is_big = span_eq_str(event->head->path, "/big");
        (void)snprintf(k->name, sizeof(k->name), "%s", conn_identity(k->conn)->name);
        if (event->head->expect_continue)
            CHECK_EQ(conn_inform(k->conn, event->stream, &go_on), ERR_OK);
        CHECK_EQ(conn_grant(k->conn, event->stream, GRANT), ERR_OK);
        break;
    case HTTP_EVENT_DATA:
        k->body += event->data.len;
        k->owed += event->data.len;
        k->owed_stream = event->stream;
        break;
    case HTTP_EVENT_END:
        k->ends++;
        answer(k, event);
        break;
    case HTTP_EVENT_WRITABLE:
        send_more(k);
        break;
    case HTTP_EVENT_DONE:
        k->dones++;
        break;
    case HTTP_EVENT_ABORT:
        k->aborts++;
        k->reason = event->reason;
        break;
    }
}

static void
accept_conn(int fd, unsigned roles, bool cleartext)
{
    struct conn_config config = conn_config_default();
    memset(&consumer, 0, sizeof(consumer));
    consumer.fd = fd;
    config.tls = cleartext ? NULL : server.ctx;
    config.roles = roles;
    config.http.sink = (struct http_sink){on_event, &consumer};
    config.http.wake = on_wake;
    config.http.wake_ctx = &consumer;
    config.http.budget = &budget;
    const struct conn_io io = {io_recv, io_send, &consumer.fd};
    CHECK_EQ(conn_new(&config, &io, now, &consumer.conn), ERR_OK);
}

/* Serves until the connection ends; returns how. Credit is given back outside of pump only. */
static enum err
serve(void)
{
    enum err err = ERR_OK;
    for (int turn = 0; err == ERR_OK && turn < 200000; turn++) {
        consumer.woken = false;
        err = conn_pump(consumer.conn, now);
        if (err != ERR_OK)
            break;
        if (consumer.owed > 0) {
            const uint64_t owed = consumer.owed;
            consumer.owed = 0;
            if (conn_grant(consumer.conn, consumer.owed_stream, owed) == ERR_OK)
                CHECK(consumer.woken);
        }
        if (consumer.woken)
            continue;
        const unsigned wants = conn_wants(consumer.conn);
        struct pollfd p = {.fd = consumer.fd,
                           .events = (short)(((wants & CONN_WANTS_READ) != 0 ? POLLIN : 0) |
                                             ((wants & CONN_WANTS_WRITE) != 0 ? POLLOUT : 0))};
        if (poll(&p, 1, 5000) == 0)
            err = ERR_BUG; /* nothing happens any more: a lost wake-up */
    }
    conn_free(consumer.conn);
    (void)close(consumer.fd);
    return err;
}

static int
listen_on(uint16_t *ret_port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 4) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

struct ran {
    int code; /* exit code of curl */
    enum err served;
    char text[256]; /* its standard output */
};

/* curl with the certificate stem, one option more, and a path, against one connection of ours. */
static struct ran
curl(const char *stem, const char *version, const char *option, const char *value, const char *path)
{
    struct ran ran = {0};
    uint16_t port = 0;
    const int listener = listen_on(&port);
    char url[128];
    char cert[300];
    char key[300];
    char ca[300];
    int out[2];
    CHECK(pipe2(out, O_CLOEXEC) == 0);
    (void)snprintf(url, sizeof(url), "https://localhost:%u%s", port, path);
    (void)snprintf(cert, sizeof(cert), "%s/%s.pem", certs, stem);
    (void)snprintf(key, sizeof(key), "%s/%s.key", certs, stem);
    (void)snprintf(ca, sizeof(ca), "%s/%s/ca.pem", certs, ZONE);
    const char *const argv[] = {
        "curl", "-sS",      "-m", "20",    "--cert", cert, "--key",
        key,    "--cacert", ca,   version, url,      "-w", " %{http_code} %{http_version}",
        option, value,      NULL};
    const pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(out[1], 1);
        union {
            const char *const *in;
            char *const *out;
        } args = {argv};
        (void)execvp("curl", args.out);
        _exit(127);
    }
    (void)close(out[1]);
    accept_conn(accept4(listener, NULL, NULL, SOCK_CLOEXEC), IDENTITY_PARTNER, false);
    ran.served = serve();
    size_t len = 0;
    ssize_t n = 0;
    do {
        n = read(out[0], ran.text + len, sizeof(ran.text) - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    (void)close(out[0]);
    (void)close(listener);
    return ran;
}

static void
test_curl(const char *upload)
{
    static const char *const versions[] = {"--http1.1", "--http2"};
    static const char *const shown[] = {" 200 1.1", " 200 2"};
    static const char *const partner = "partners/hospital-kl";
    for (int v = 0; v < 2; v++) {
        char expect[64];
        TEST(v == 0 ? "curl uploads over HTTP/1.1 under back-pressure"
                    : "curl uploads over HTTP/2 under back-pressure")
        {
            const struct ran ran = curl(partner, versions[v], "-T", upload, "/up");
            (void)snprintf(expect, sizeof(expect), "%d%s", BIG, shown[v]);
            CHECK(strcmp(ran.text, expect) == 0);
            CHECK_EQ(ran.code, 0);
            /* curl says goodbye in TLS after HTTP/1.1, but not after HTTP/2. */
            CHECK_EQ(ran.served, v == 0 ? ERR_CLOSED : ERR_SHORT);
            CHECK(strcmp(consumer.name, "hospital-kl") == 0);
            CHECK_EQ(consumer.dones, 1);
        }
        TEST(v == 0 ? "curl downloads over HTTP/1.1" : "curl downloads over HTTP/2")
        {
            const struct ran ran = curl(partner, versions[v], "-o", "/dev/null", "/big");
            CHECK(strcmp(ran.text, shown[v]) == 0);
            CHECK_EQ(ran.code, 0);
            CHECK_EQ(consumer.dones, 1);
        }
        TEST(v == 0 ? "a wrong name or role is answered 403 over HTTP/1.1"
                    : "a wrong name or role is answered 403 over HTTP/2")
        {
            struct ran ran = curl("bad/san-two-uris", versions[v], "-T", upload, "/up");
            CHECK(strstr(ran.text, "{\"code\":\"identity-unknown\"") != NULL ||
                  strstr(ran.text, " 403 ") != NULL);
            CHECK_EQ(consumer.heads, 0);
            ran = curl("bad/role-peer", versions[v], "-o", "/dev/null", "/");
            CHECK(strstr(ran.text, " 403 ") != NULL);
            CHECK_EQ(consumer.heads, 0);
            CHECK_EQ(ran.served, v == 0 ? ERR_CLOSED : ERR_SHORT);
        }
    }
}

/* Runs one connection over a socketpair against bytes of a peer; the far end is read into far. */
static enum err
meet(bool cleartext, const void *bytes, size_t len, bool then_close, char *far, size_t cap,
     size_t *ret_far)
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    accept_conn(pair[0], IDENTITY_PARTNER, cleartext);
    CHECK(send(pair[1], bytes, len, 0) == (ssize_t)len);
    if (then_close)
        CHECK(shutdown(pair[1], SHUT_WR) == 0);
    enum err err = ERR_OK;
    for (int i = 0; i < 20 && err == ERR_OK; i++)
        err = conn_pump(consumer.conn, now);
    const ssize_t n = recv(pair[1], far, cap - 1, MSG_DONTWAIT);
    *ret_far = n > 0 ? (size_t)n : 0;
    far[*ret_far] = 0;
    if (err == ERR_OK) {
        CHECK(conn_deadline(consumer.conn) < INT64_MAX);
        now = conn_deadline(consumer.conn);
        err = conn_pump(consumer.conn, now);
    }
    conn_free(consumer.conn);
    (void)close(pair[0]);
    (void)close(pair[1]);
    return err;
}

static void
test_ends(void)
{
    static char far[8192];
    size_t len = 0;
    TEST("cleartext on a TLS port is closed without a byte")
    {
        CHECK_EQ(meet(false, "GET / HTTP/1.1\r\n\r\n", 18, false, far, sizeof(far), &len),
                 ERR_PROTOCOL);
        CHECK_EQ(len, 0);
    }
    TEST("a peer that stops in the handshake is dropped at the deadline")
    {
        const int64_t before = now;
        CHECK_EQ(meet(false, "\x16\x03\x01", 3, false, far, sizeof(far), &len), ERR_TIMEOUT);
        CHECK_EQ(now - before, 10000);
        CHECK_EQ(meet(false, "\x16\x03\x01", 3, true, far, sizeof(far), &len), ERR_SHORT);
    }
    TEST("broken TLS gets its alert")
    {
        CHECK_EQ(
            meet(false, "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9, false, far, sizeof(far), &len),
            ERR_PROTOCOL);
        CHECK(len == 7 && far[0] == 21);
    }
    TEST("a loopback listener speaks cleartext HTTP/1.1 and closes in order")
    {
        static const char get[] = "GET / HTTP/1.1\r\nHost: gw\r\n\r\n";
        CHECK_EQ(meet(true, get, sizeof(get) - 1, true, far, sizeof(far), &len), ERR_CLOSED);
        CHECK(strstr(far, "200 OK") != NULL);
        CHECK_EQ(consumer.dones, 1);
        CHECK_EQ(meet(true, "junk\n", 5, true, far, sizeof(far), &len), ERR_CLOSED);
        CHECK(strstr(far, "400 Bad Request") != NULL);
        CHECK_EQ(consumer.heads, 0);
        static const char cut[] = "PUT / HTTP/1.1\r\nHost: gw\r\nContent-Length: 9\r\n\r\nabc";
        CHECK_EQ(meet(true, cut, sizeof(cut) - 1, true, far, sizeof(far), &len), ERR_CLOSED);
        CHECK(consumer.aborts == 1 && consumer.reason == ERR_SHORT && consumer.ends == 0);
    }
}

static void
test_cut(void)
{
    TEST("an upload whose TLS ends without close_notify is cut, not complete")
    {
        int pair[2];
        struct nettest_end client;
        struct tls *t = NULL;
        CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        nettest_end_init(&client, false, "partners/hospital-kl", false, true, 0);
        nettest_trust(&client, ZONE, NULL);
        CHECK_EQ(tls_new(client.ctx, NULL, NULL, &t), ERR_OK);
        accept_conn(pair[0], IDENTITY_PARTNER, false);
        enum err err = ERR_OK;
        for (int i = 0; i < 10; i++) {
            uint8_t *ptr = NULL;
            size_t cap = 0;
            (void)(tls_handshake(t) == ERR_OK);
            if (i == 5) {
                size_t n = 0;
                CHECK_EQ(tls_write(t,
                                   SPAN_LIT("PUT /x HTTP/1.1\r\nHost: gw\r\n"
                                            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
                                   &n),
                         ERR_OK);
            }
            const struct span out = tls_out(t);
            CHECK(send(pair[1], out.ptr, out.len, 0) == (ssize_t)out.len);
            tls_out_taken(t, out.len);
            err = conn_pump(consumer.conn, now);
            tls_in_room(t, &ptr, &cap);
            const ssize_t n = recv(pair[1], ptr, cap, MSG_DONTWAIT);
            if (n > 0)
                tls_in_filled(t, (size_t)n);
        }
        CHECK_EQ(err, ERR_OK);
        CHECK(!conn_is_h2(consumer.conn));
        CHECK_EQ(consumer.body, 3);
        CHECK_EQ(conn_recheck(consumer.conn), ERR_OK);
        nettest_trust(&server, "cn-lingang", NULL);
        CHECK_EQ(conn_recheck(consumer.conn), ERR_DENIED);
        nettest_trust(&server, ZONE, NULL);
        (void)close(pair[1]);
        CHECK_EQ(conn_pump(consumer.conn, now), ERR_SHORT);
        CHECK(consumer.aborts == 1 && consumer.reason == ERR_SHORT && consumer.ends == 0);
        CHECK(strcmp(conn_alert_sent(consumer.conn), "none") == 0);
        conn_free(consumer.conn);
        (void)close(pair[0]);
        tls_free(t);
        nettest_end_finish(&client);
    }
}

int
main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    certs = argv[1];
    now = 1000;
    nettest_set_dir(certs);
    nettest_end_init(&server, true, ZONE "/partner", true, true, 0);
    nettest_trust(&server, ZONE, NULL);
    char upload[] = "/tmp/tdz-conn-XXXXXX";
    const int fd = mkstemp(upload);
    CHECK(fd >= 0 && ftruncate(fd, BIG) == 0 && close(fd) == 0);
    test_ends();
    test_cut();
    test_curl(upload);
    (void)unlink(upload);
    nettest_end_finish(&server);
    CHECK_EQ(budget.used, 0);
    return test_end();
}
