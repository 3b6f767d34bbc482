/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/link/linkworld.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "gateway/link/link_socket.h"
#include "gateway/net/identity.h"

enum { LINKWORLD_TURNS_MAX = 20000 };

/* A single request of the test itself. */
static struct {
    struct span body;
    size_t at;
    uint16_t status;
    bool is_over;
} own;

static void
linkworld_die(const char *what)
{
    fprintf(stderr, "linkworld: %s\n", what);
    abort();
}

static void
linkworld_must(enum err err, const char *what)
{
    if (err != ERR_OK)
        linkworld_die(what);
}

/* The other zone's clerk and ledger. */

static enum err
linkworld_ask(struct linkworld *w, struct inbound_request *request, uint8_t what, struct span body)
{
    if (w->asked_count == LINKWORLD_ASKED_MAX)
        return ERR_FULL;
    struct linkworld_asked *a = &w->asked[w->asked_count++];
    a->request = request;
    a->what = what;
    a->len = body.len < sizeof(a->body) ? body.len : sizeof(a->body);
    if (a->len > 0)
        memcpy(a->body, body.ptr, a->len);
    return ERR_OK;
}

static enum err
linkworld_ask_clerk(void *ctx, struct inbound_request *request, const uint8_t transfer[static 16],
                    const struct p_corridor_in *question)
{
    struct linkworld *w = ctx;
    if (!span_eq_str(question->peer, LINKWORLD_HERE))
        linkworld_die("another peer is named");
    w->in_count[question->what]++;
    const bool is_ours = memcmp(transfer, w->transfer, 16) == 0;
    return linkworld_ask(w, request, is_ours ? question->what : 50, question->body);
}

static enum err
linkworld_ask_ledger(void *ctx, struct inbound_request *request,
                     const struct p_witness_ask *question)
{
    struct linkworld *w = ctx;
    (void)snprintf(w->witness_path, sizeof(w->witness_path), "%.*s", (int)question->path.len,
                   (const char *)question->path.ptr);
    return linkworld_ask(w, request, 0, question->body);
}

static enum err
linkworld_ask_log(void *ctx, struct inbound_request *request, const struct p_log_read *question)
{
    struct linkworld *w = ctx;
    (void)snprintf(w->log_path, sizeof(w->log_path), "%.*s", (int)question->path.len,
                   (const char *)question->path.ptr);
    return linkworld_ask(w, request, 100, span_of(NULL, 0));
}

static void
linkworld_body_state(void *ctx, const uint8_t transfer[static 16], const struct p_body_state *state)
{
    struct linkworld *w = ctx;
    if (memcmp(transfer, w->transfer, 16) != 0)
        linkworld_die("another transfer");
    w->held = state->groups;
    w->is_done = w->is_done || state->complete != 0;
}

static void
linkworld_end(void *ctx, void *conn, const char *peer, enum err why)
{
    struct linkworld *w = ctx;
    (void)peer;
    w->ended++;
    w->ended_why = why;
    conn_drain(conn);
}

static void
linkworld_disk_failed(void *ctx)
{
    ((struct linkworld *)ctx)->disk_failures++;
}

static void
linkworld_answer_clerk(struct linkworld *w, const struct linkworld_asked *a)
{
    char text[128];
    struct p_corridor_answer answer = {.status = 200};
    const char *state = w->is_done ? "complete" : w->import_body >= 0 ? "receiving" : "offered";
    int fds[2] = {-1, -1};
    if (!w->has_offer)
        state = "none";
    if (a->what == CORRIDOR_OFFER && w->refuses) {
        answer.status = 403;
        answer.body = SPAN_LIT("receipt one");
    } else if (a->what == CORRIDOR_SEAL && w->has_offer) {
        if (w->import_body < 0) {
            w->import_body = memfd_create("import", MFD_CLOEXEC);
            w->import_groups = memfd_create("import-groups", MFD_CLOEXEC);
        }
        memcpy(answer.root, w->root, sizeof(answer.root));
        answer.body_len = w->body_len;
        answer.groups = w->held;
        if (!w->is_done) {
            fds[0] = dup(w->import_body);
            fds[1] = dup(w->import_groups);
        }
    } else if (a->what == CORRIDOR_OFFER || a->what == CORRIDOR_STATE) {
        w->has_offer = w->has_offer || a->what == CORRIDOR_OFFER;
        if (w->has_offer && state[0] == 'n')
            state = "offered";
        (void)snprintf(text, sizeof(text), "{\"groups\":%llu,\"receipt\":null,\"state\":\"%s\"}",
                       (unsigned long long)w->held, state);
        answer.body = span_str(text);
    } else if (a->what == CORRIDOR_RELEASE) {
        answer.status = w->is_done ? 202 : 409;
    } else if (a->what == CORRIDOR_RECEIPT) {
        answer.status = 200;
    } else {
        answer.status = 404;
    }
    inbound_clerk_answer(a->request, ERR_OK, &answer, fds[0], fds[1]);
}

static bool
linkworld_answer(struct linkworld *w)
{
    if (w->clerk_dumb || w->asked_count == 0)
        return false;
    const struct linkworld_asked a = w->asked[0];
    w->asked_count--;
    memmove(w->asked, w->asked + 1, w->asked_count * sizeof(w->asked[0]));
    if (a.what == 0) {
        const struct p_witness_answer answer = {.status = 200, .body = SPAN_LIT("cosigned\n")};
        inbound_ledger_answer(a.request, ERR_OK, &answer);
    } else if (a.what == 100) {
        const struct p_log_data data = {.bytes = 5};
        const int fd = memfd_create("log", MFD_CLOEXEC);
        if (write(fd, "hello", 5) != 5)
            linkworld_die("write");
        inbound_log_answer(a.request, ERR_OK, &data, fd);
    } else {
        linkworld_answer_clerk(w, &a);
    }
    return true;
}

/* Our clerk and ledger. */

static void
linkworld_state(void *ctx, const uint8_t transfer[static 16], const struct p_forward_state *state)
{
    struct linkworld *w = ctx;
    (void)transfer;
    if (w->stage_count < LINKWORLD_STAGES_MAX)
        w->stages[w->stage_count++] = state->stage;
    w->acked = state->groups;
    w->parcel_len = state->parcel.len < sizeof(w->parcel) ? state->parcel.len : sizeof(w->parcel);
    if (w->parcel_len > 0)
        memcpy(w->parcel, state->parcel.ptr, w->parcel_len);
    (void)snprintf(w->detail, sizeof(w->detail), "%.*s", (int)state->detail.len,
                   (const char *)state->detail.ptr);
}

static void
linkworld_parcel_sent(void *ctx, const struct outbound_ticket *ticket,
                      const struct p_parcel_sent *sent)
{
    struct linkworld *w = ctx;
    if (ticket->bytes[0] != 7)
        linkworld_die("another ticket");
    w->sent = *sent;
    w->sent_count++;
}

static void
linkworld_witness_result(void *ctx, const struct outbound_ticket *ticket,
                         const struct p_witness_result *result)
{
    struct linkworld *w = ctx;
    if (ticket->bytes[0] != 9)
        linkworld_die("another ticket");
    w->witness_status = result->status;
    w->witness_count++;
    w->answer_len = result->body.len < sizeof(w->answer) ? result->body.len : sizeof(w->answer);
    if (w->answer_len > 0)
        memcpy(w->answer, result->body.ptr, w->answer_len);
}

static void
linkworld_peer_state(void *ctx, const struct p_peer_state *state)
{
    struct linkworld *w = ctx;
    w->up_count += state->up != 0;
    w->down_count += state->up == 0;
    (void)snprintf(w->detail, sizeof(w->detail), "%.*s", (int)state->detail.len,
                   (const char *)state->detail.ptr);
}

/* Wires. */

static void
linkworld_on_client(void *ctx, const struct h2client_event *event)
{
    if (event->tag != &own) {
        outbound_event(ctx, event);
        return;
    }
    if (event->type == H2CLIENT_HEAD)
        own.status = event->response->status;
    own.is_over = own.is_over || event->type == H2CLIENT_END || event->type == H2CLIENT_ABORT;
}

static void
linkworld_on_server(void *ctx, const struct http_event *event)
{
    struct linkworld *w = ctx;
    inbound_event(w->in, w->server, conn_identity(w->server)->zone, event);
}

static enum err
port_grant(void *conn, uint32_t stream, uint64_t bytes)
{
    return conn_grant(conn, stream, bytes);
}

static enum err
port_inform(void *conn, uint32_t stream, const struct http_response *response)
{
    return conn_inform(conn, stream, response);
}

static enum err
port_respond(void *conn, uint32_t stream, const struct http_response *response)
{
    return conn_respond(conn, stream, response);
}

static enum err
port_write(void *conn, uint32_t stream, struct span bytes, size_t *ret_len)
{
    return conn_write(conn, stream, bytes, ret_len);
}

static enum err
port_finish(void *conn, uint32_t stream)
{
    return conn_finish(conn, stream);
}

static enum err
port_reset(void *conn, uint32_t stream)
{
    return conn_reset(conn, stream);
}

static const struct reply_port linkworld_port = {port_grant, port_inform, port_respond,
                                                 port_write, port_finish, port_reset};

void
linkworld_init(struct linkworld *w, const char *certs)
{
    memset(w, 0, sizeof(*w));
    w->now = 1000;
    w->body_fd = w->groups_fd = w->import_body = w->import_groups = -1;
    w->fds[0] = w->fds[1] = -1;
    w->budget.limit = 64 << 20;
    nettest_set_dir(certs);
    nettest_end_init(&w->here, false, LINKWORLD_HERE "/peer", true, false, 0);
    nettest_trust(&w->here, LINKWORLD_THERE, NULL);
    nettest_end_init(&w->there, true, LINKWORLD_THERE "/peer", true, false, 0);
    nettest_trust(&w->there, LINKWORLD_HERE, NULL);
    const struct inbound_config in = {
        .zone = LINKWORLD_THERE,
        .gateway = "gw1",
        .transfers_max = 4,
        .port = &linkworld_port,
        .out = {linkworld_ask_clerk, linkworld_ask_ledger, linkworld_ask_log, linkworld_body_state,
                linkworld_end, linkworld_disk_failed, w},
    };
    const struct outbound_config out = {
        .zone = LINKWORLD_THERE,
        .gateway = "gw1",
        .authority = "gw1:7443",
        .transfers_max = 4,
        .retry_min_ms = 100,
        .retry_max_ms = 1000,
        .out = {linkworld_state, linkworld_parcel_sent, linkworld_witness_result,
                linkworld_peer_state, w},
    };
    linkworld_must(inbound_new(&in, &w->in), "inbound");
    linkworld_must(outbound_new(&out, &w->out), "outbound");
}

static void
linkworld_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void
linkworld_cut(struct linkworld *w)
{
    if (w->client != NULL)
        outbound_lost(w->out, "cut", w->now);
    corridor_conn_free(w->client);
    conn_free(w->server);
    w->client = NULL;
    w->server = NULL;
    linkworld_close(&w->fds[0]);
    linkworld_close(&w->fds[1]);
    /* Who asked is gone: the answers still come. */
    while (linkworld_answer(w))
        continue;
}

void
linkworld_finish(struct linkworld *w)
{
    w->clerk_dumb = false;
    linkworld_cut(w);
    outbound_free(w->out);
    inbound_free(w->in);
    linkworld_close(&w->body_fd);
    linkworld_close(&w->groups_fd);
    linkworld_close(&w->import_body);
    linkworld_close(&w->import_groups);
    nettest_end_finish(&w->here);
    nettest_end_finish(&w->there);
}

void
linkworld_connect(struct linkworld *w)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, w->fds) != 0)
        linkworld_die("socketpair");
    struct corridor_conn_config cc = {.tls = w->here.ctx,
                                      .zone = LINKWORLD_THERE,
                                      .handshake_ms = 10000,
                                      .http = h2client_config_default()};
    cc.http.event = linkworld_on_client;
    cc.http.event_ctx = w->out;
    struct conn_config sc = conn_config_default();
    sc.tls = w->there.ctx;
    sc.roles = IDENTITY_PEER;
    sc.http.sink = (struct http_sink){linkworld_on_server, w};
    sc.http.budget = &w->budget;
    const struct conn_io cio = link_socket_io(&w->fds[0]);
    const struct conn_io sio = link_socket_io(&w->fds[1]);
    w->is_begun = false;
    linkworld_must(corridor_conn_new(&cc, &cio, w->now, &w->client), "client");
    linkworld_must(conn_new(&sc, &sio, w->now, &w->server), "server");
}

void
linkworld_certificates(struct linkworld *w, const char *here, const char *there)
{
    if (here != NULL) {
        nettest_end_finish(&w->here);
        nettest_end_init(&w->here, false, here, true, false, 0);
        nettest_trust(&w->here, LINKWORLD_THERE, NULL);
    }
    if (there != NULL) {
        nettest_end_finish(&w->there);
        nettest_end_init(&w->there, true, there, true, false, 0);
        nettest_trust(&w->there, LINKWORLD_HERE, NULL);
    }
}

static bool
linkworld_pump_client(struct linkworld *w)
{
    bool moved = false;
    outbound_tick(w->out, w->now);
    const enum err err = corridor_conn_pump(w->client, w->now);
    if (err == ERR_OK && !w->is_begun && corridor_conn_http(w->client) != NULL) {
        w->is_begun = true;
        moved = true;
        outbound_connected(w->out, corridor_conn_http(w->client), w->now);
    }
    if (err == ERR_OK && !(w->is_begun && outbound_wants_close(w->out)))
        return moved;
    w->client_end = err;
    outbound_lost(w->out, error_text(err), w->now);
    corridor_conn_free(w->client);
    w->client = NULL;
    linkworld_close(&w->fds[0]);
    return true;
}

/* Only readiness tells whether a turn was of use: bytes on a wire, answers, time to come. */
static bool
linkworld_is_readable(int fd)
{
    uint8_t byte = 0;
    return fd >= 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

bool
linkworld_turn(struct linkworld *w)
{
    const uint64_t before = inbound_bytes(w->in);
    bool moved = linkworld_answer(w);
    if (w->client != NULL)
        moved = linkworld_pump_client(w) || moved;
    if (w->server != NULL && conn_pump(w->server, w->now) != ERR_OK) {
        conn_free(w->server);
        w->server = NULL;
        linkworld_close(&w->fds[1]);
        moved = true;
    }
    moved = moved || w->asked_count > 0 || inbound_bytes(w->in) != before;
    moved =
        moved || (w->client != NULL && (corridor_conn_wants(w->client) & CONN_WANTS_WRITE) != 0);
    moved = moved || (w->client != NULL && linkworld_is_readable(w->fds[0]));
    return moved || (w->server != NULL && linkworld_is_readable(w->fds[1]));
}

void
linkworld_run(struct linkworld *w)
{
    unsigned quiet = 0;
    for (int turn = 0; turn < LINKWORLD_TURNS_MAX && quiet < 3; turn++)
        quiet = linkworld_turn(w) ? 0 : quiet + 1;
}

static void
linkworld_fill(struct linkworld *w, uint64_t plain_len, struct leaftree *tree)
{
    const uint64_t chunks = body_chunk_count(plain_len);
    uint8_t prefix[BODY_PREFIX_BYTES];
    uint8_t chunk[BODY_SEALED_BYTES];
    uint32_t seed = (uint32_t)plain_len + 1;
    memset(prefix, 0x5a, sizeof(prefix));
    if (pwrite(w->body_fd, prefix, sizeof(prefix), 0) != (ssize_t)sizeof(prefix))
        linkworld_die("write");
    for (uint64_t k = 0; k < chunks; k++) {
        uint8_t leaf[32];
        uint8_t group[32];
        bool is_full = false;
        size_t len = 0;
        linkworld_must(body_chunk_sealed_len(plain_len, k, &len), "length");
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            chunk[i] = (uint8_t)(seed >> 24);
        }
        if (pwrite(w->body_fd, chunk, len, (off_t)body_chunk_offset(k)) != (ssize_t)len)
            linkworld_die("write");
        linkworld_must(digest_leaf(span_of(chunk, len), leaf), "leaf");
        linkworld_must(leaftree_add(tree, leaf, group, &is_full), "tree");
        if (!is_full && k + 1 == chunks) {
            linkworld_must(leaftree_last_group(tree, group), "group");
            is_full = true;
        }
        if (is_full && pwrite(w->groups_fd, group, 32, (off_t)(w->groups++ * 32)) != 32)
            linkworld_die("write");
    }
}

void
linkworld_dataset(struct linkworld *w, uint64_t plain_len)
{
    static const uint8_t seed[32] = {7};
    struct leaftree tree;
    struct sign_key key;
    struct span bytes;
    linkworld_close(&w->body_fd);
    linkworld_close(&w->groups_fd);
    linkworld_close(&w->import_body);
    linkworld_close(&w->import_groups);
    w->body_fd = memfd_create("body", MFD_CLOEXEC);
    w->groups_fd = memfd_create("groups", MFD_CLOEXEC);
    w->groups = 0;
    w->held = 0;
    w->stage_count = 0;
    w->is_done = w->has_offer = w->refuses = false;
    memset(w->in_count, 0, sizeof(w->in_count));
    memset(w->transfer, (int)(plain_len % 251) + 1, sizeof(w->transfer));
    memset(w->offer_hash, 0x0f, sizeof(w->offer_hash));
    leaftree_init(&tree);
    linkworld_fill(w, plain_len, &tree);
    struct seal seal = {.suite = SUITE_AES_256_GCM,
                        .chunk_count = body_chunk_count(plain_len),
                        .plain_len = plain_len,
                        .sealed_at = 1700000000};
    memset(seal.prefix, 0x5a, sizeof(seal.prefix));
    memcpy(seal.offer_hash, w->offer_hash, sizeof(seal.offer_hash));
    linkworld_must(leaftree_root(&tree, seal.root), "root");
    memcpy(w->root, seal.root, sizeof(w->root));
    linkworld_must(sign_key_init(&key, seed), "key");
    linkworld_must(seal_sign(&seal, &key), "sign");
    linkworld_must(seal_encode(&seal, w->seal, sizeof(w->seal), &bytes), "encode");
    w->seal_len = bytes.len;
    w->body_len = body_bytes(plain_len);
}

void
linkworld_forward(struct linkworld *w, bool has_go)
{
    struct p_forward p = {.peer = SPAN_LIT(LINKWORLD_THERE),
                          .offer = SPAN_LIT("an offer"),
                          .seal = span_of(w->seal, w->seal_len),
                          .body_len = w->body_len};
    memcpy(p.offer_hash, w->offer_hash, sizeof(p.offer_hash));
    linkworld_must(outbound_forward(w->out, w->transfer, &p, dup(w->body_fd), dup(w->groups_fd),
                                    has_go, w->now),
                   "forward");
}

bool
linkworld_has_stage(const struct linkworld *w, enum forward_stage stage)
{
    return memchr(w->stages, (int)stage, w->stage_count) != NULL;
}

bool
linkworld_is_same(const struct linkworld *w)
{
    static uint8_t a[65536];
    static uint8_t b[65536];
    for (uint64_t at = 0; at < w->body_len; at += sizeof(a)) {
        const ssize_t n = pread(w->body_fd, a, sizeof(a), (off_t)at);
        const ssize_t m = pread(w->import_body, b, sizeof(b), (off_t)at);
        if (n <= 0 || n != m || memcmp(a, b, (size_t)n) != 0)
            return false;
    }
    return true;
}

static enum err
own_read(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len, bool *ret_end)
{
    (void)ctx;
    const size_t left = own.body.len - own.at;
    const size_t len = left < cap ? left : cap;
    if (len > 0)
        memcpy(buf, own.body.ptr + own.at, len);
    own.at += len;
    *ret_len = len;
    *ret_end = own.at == own.body.len;
    return ERR_OK;
}

uint16_t
linkworld_request(struct linkworld *w, enum http_method method, const char *target,
                  struct span body, const char *versions)
{
    const struct http_header header = {SPAN_LIT("tdz-corridor"), span_str(versions)};
    const struct h2client_request r = {.method = method,
                                       .authority = SPAN_LIT("gw1"),
                                       .target = span_str(target),
                                       .headers = &header,
                                       .header_count = versions != NULL,
                                       .has_body = method != HTTP_GET,
                                       .has_length = method != HTTP_GET,
                                       .length = body.len,
                                       .body = {own_read, NULL},
                                       .tag = &own};
    uint32_t stream = 0;
    own.body = body;
    own.at = 0;
    own.status = 0;
    own.is_over = false;
    struct h2client *http = w->client == NULL ? NULL : corridor_conn_http(w->client);
    if (http == NULL || h2client_begin(http, &r, &stream) != ERR_OK ||
        h2client_grant(http, stream, HTTP_CREDIT_ALL) != ERR_OK)
        return 0;
    linkworld_run(w);
    return own.status;
}
