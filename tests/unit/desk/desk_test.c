/* SPDX-License-Identifier: Apache-2.0 */
/* Desk without sockets: real channels to a clerk and a warden that the test plays, and a connection
 * that writes down what it is told. */
#include "gateway/desk/desk.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/test.h"

#define HELD "00112233445566778899aabbccddeeff"
#define GOOD_STATUS                                                                              \
    "{\"roles\":[{\"index\":0,\"landlock\":7,\"phase\":\"running\",\"pid\":9,\"restarts\":0,"    \
    "\"role\":\"edge\",\"seccomp\":true,\"stats\":\"open 3\\n\"}],\"sandbox\":true,\"version\":" \
    "\"1\"}"

/* What a stream was told, and what the other roles heard. */
static struct {
    struct http_request head;
    bool open;
    uint64_t granted;
    unsigned informs;
    uint16_t status;
    char headers[2048];
    char body[8192];
    size_t body_len;
    bool finished;
} stream;

static struct heard {
    unsigned count;
    enum msg_type type;
    uint8_t transfer[16];
    uint8_t body[MSG_PAYLOAD_MAX];
    size_t len;
    struct chan_ticket ticket;
} heard[ROLE_COUNT];

static const enum role_id others[] = {ROLE_WARDEN, ROLE_CLERK};
static struct chan_host desk_host;
static struct chan_host hosts[ROLE_COUNT];
static struct chan *to[ROLE_COUNT];
static struct chan *from[ROLE_COUNT];
static unsigned violations;
static int64_t now_ms = 1000;
static struct identity who;
static struct desk desk;

/* -- the connection ---------------------------------------------------------------------------- */

static enum err
port_grant(void *conn, uint32_t n, uint64_t bytes)
{
    (void)conn;
    (void)n;
    stream.granted += bytes;
    return stream.open ? ERR_OK : ERR_NOT_FOUND;
}

static enum err
port_inform(void *conn, uint32_t n, const struct http_response *response)
{
    (void)conn;
    (void)n;
    CHECK_EQ(http_response_check(response), ERR_OK);
    stream.informs++;
    return ERR_OK;
}

static enum err
port_respond(void *conn, uint32_t n, const struct http_response *response)
{
    size_t len = 0;
    (void)conn;
    (void)n;
    CHECK_EQ(stream.status, 0);
    CHECK_EQ(http_response_check(response), ERR_OK);
    stream.status = response->status;
    for (size_t i = 0; i < response->header_count; i++)
        len += (size_t)snprintf(
            stream.headers + len, sizeof(stream.headers) - len, "%.*s: %.*s\n",
            (int)response->headers[i].name.len, (const char *)response->headers[i].name.ptr,
            (int)response->headers[i].value.len, (const char *)response->headers[i].value.ptr);
    return ERR_OK;
}

static enum err
port_write(void *conn, uint32_t n, struct span bytes, size_t *ret_len)
{
    (void)conn;
    (void)n;
    CHECK(stream.body_len + bytes.len < sizeof(stream.body));
    memcpy(stream.body + stream.body_len, bytes.ptr, bytes.len);
    stream.body_len += bytes.len;
    *ret_len = bytes.len;
    return ERR_OK;
}

static enum err
port_finish(void *conn, uint32_t n)
{
    (void)conn;
    (void)n;
    stream.finished = true;
    return ERR_OK;
}

static enum err
port_reset(void *conn, uint32_t n)
{
    (void)conn;
    (void)n;
    stream.open = false;
    return ERR_OK;
}

static const struct reply_port port = {port_grant, port_inform, port_respond,
                                       port_write, port_finish, port_reset};

/* -- the other roles --------------------------------------------------------------------------- */

static enum err
on_heard(void *ctx, struct chan *chan, struct msg *m)
{
    struct heard *h = ctx;
    h->count++;
    h->type = m->type;
    h->len = m->body.len;
    memcpy(h->transfer, m->transfer, sizeof(h->transfer));
    memcpy(h->body, m->body.ptr, m->body.len);
    h->ticket = chan_ticket_of(chan, m);
    return ERR_OK;
}

static enum err
on_desk(void *ctx, struct chan *chan, struct msg *m)
{
    (void)chan;
    return desk_message(ctx, m);
}

static void
on_lost(void *ctx, struct chan *chan)
{
    (void)ctx;
    (void)chan;
}

static void
on_violation(void *ctx, struct chan *chan, enum err why, uint32_t type)
{
    (void)ctx;
    (void)chan;
    (void)why;
    (void)type;
    violations++;
}

static struct chan *
chan_of(void *ctx, enum role_id role, unsigned index)
{
    (void)ctx;
    return index == 0 && to[role] != NULL && chan_is_open(to[role]) ? to[role] : NULL;
}

static int64_t
clock_now(void *ctx)
{
    (void)ctx;
    return now_ms;
}

static void
pair(enum role_id role)
{
    static uint32_t generation;
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    generation++;
    CHECK_EQ(chan_open(to[role], ends[0], generation), ERR_OK);
    CHECK_EQ(chan_open(from[role], ends[1], generation), ERR_OK);
}

static void
start(void)
{
    desk = (struct desk){.chan = chan_of, .now_ms = clock_now, .role_ms = 1000};
    CHECK_EQ(loop_new(&desk.loop), ERR_OK);
    desk_host = (struct chan_host){.loop = desk.loop,
                                   .self = ROLE_DESK,
                                   .ctx = &desk,
                                   .on_message = on_desk,
                                   .on_lost = on_lost,
                                   .on_violation = on_violation};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const enum role_id role = others[i];
        hosts[role] = (struct chan_host){.loop = desk.loop,
                                         .self = role,
                                         .ctx = &heard[role],
                                         .on_message = on_heard,
                                         .on_lost = on_lost,
                                         .on_violation = on_violation};
        CHECK_EQ(chan_new(&desk_host, role, 0, false, &to[role]), ERR_OK);
        CHECK_EQ(chan_new(&hosts[role], ROLE_DESK, 0, false, &from[role]), ERR_OK);
        pair(role);
    }
    CHECK_EQ(desk_init(&desk), ERR_OK);
}

static void
run(void)
{
    for (int i = 0; i < 16; i++)
        CHECK_EQ(loop_run_once(desk.loop, false), ERR_OK);
}

static void
say(enum role_id role, enum msg_type type, struct span body)
{
    const struct msg m = {.type = type, .body = body};
    CHECK_EQ(chan_answer(&heard[role].ticket, &m), ERR_OK);
    run();
}

static void
clerk_says(uint16_t status, const char *code, const char *body)
{
    uint8_t buf[1024];
    struct span out;
    const struct p_answer p = {.status = status, .code = span_str(code), .body = span_str(body)};
    CHECK_EQ(payload_answer_put(&p, buf, sizeof(buf), &out), ERR_OK);
    say(ROLE_CLERK, MSG_ANSWER, out);
}

static void
event(enum http_event_type type, struct span data, bool is_plain)
{
    const struct http_event e = {
        .type = type, .stream = 1, .head = &stream.head, .data = data, .reason = ERR_OK};
    desk_event(&desk, &port, &stream, is_plain ? NULL : &who, is_plain, &e);
    run();
}

static void
close_stream(void)
{
    if (stream.open)
        event(HTTP_EVENT_DONE, span_of(NULL, 0), false);
    stream.open = false;
}

/* A request's head; a body of length (UINT64_MAX: unknown) still comes when has_body. */
static void
ask_head(enum identity_role role, enum http_method method, const char *target, bool has_body,
         uint64_t length)
{
    close_stream();
    memset(&stream, 0, sizeof(stream));
    stream.open = true;
    CHECK_EQ(http_target(&stream.head, span_str(target)), ERR_OK);
    stream.head.method = method;
    stream.head.has_body = has_body;
    stream.head.has_length = length != UINT64_MAX;
    stream.head.length = stream.head.has_length ? length : 0;
    who = (struct identity){role, "my-cyberjaya", "ops", {7}};
    event(HTTP_EVENT_HEAD, span_of(NULL, 0), role == 0);
}

/* role 0: on the cleartext port. */
static uint16_t
ask(enum identity_role role, enum http_method method, const char *target)
{
    ask_head(role, method, target, false, 0);
    event(HTTP_EVENT_END, span_of(NULL, 0), role == 0);
    return stream.status;
}

static bool
said(const char *text)
{
    stream.body[stream.body_len] = 0;
    const bool has = strstr(stream.body, text) != NULL || strstr(stream.headers, text) != NULL;
    if (!has)
        printf("# no %s in %s%s\n", text, stream.headers, stream.body);
    return has;
}

/* -- tests ------------------------------------------------------------------------------------- */

static void
test_poll(void)
{
    struct p_query q;
    TEST("warden and clerk are asked how they are, one question at a time")
    {
        desk_poll(&desk);
        desk_poll(&desk);
        run();
        CHECK(heard[ROLE_WARDEN].count == 1 && heard[ROLE_WARDEN].type == MSG_STATUS_ASK);
        CHECK(heard[ROLE_CLERK].count == 1 && heard[ROLE_CLERK].type == MSG_QUERY);
        CHECK_EQ(payload_query_get(span_of(heard[ROLE_CLERK].body, heard[ROLE_CLERK].len), &q),
                 ERR_OK);
        CHECK_EQ(q.what, QUERY_HEALTH);
    }
    TEST("until they answer, the gateway lives, has not started and is not ready")
    {
        CHECK_EQ(ask(0, HTTP_GET, "/healthz/live"), 200);
        CHECK_EQ(ask(0, HTTP_GET, "/healthz/startup"), 503);
        CHECK_EQ(ask(0, HTTP_GET, "/healthz/ready"), 503);
        CHECK(said("\"the warden does not answer\"") && said("cache-control: no-store"));
    }
    TEST("when all is well it is ready, and its numbers are there to be scraped")
    {
        const struct p_ledger_state log = {.state = LOG_CONFIRMED, .size = 12};
        const struct p_peer_state peer = {.peer = SPAN_LIT("cn-lingang"), .up = 1};
        uint8_t buf[256];
        struct msg m = {.type = MSG_LEDGER_STATE};
        say(ROLE_WARDEN, MSG_STATUS, SPAN_LIT(GOOD_STATUS));
        clerk_says(200, "", "{\"counters_unknown\":false}");
        CHECK_EQ(payload_ledger_state_put(&log, buf, sizeof(buf), &m.body), ERR_OK);
        CHECK_EQ(desk_message(&desk, &m), ERR_OK);
        m.type = MSG_PEER_STATE;
        CHECK_EQ(payload_peer_state_put(&peer, buf, sizeof(buf), &m.body), ERR_OK);
        CHECK_EQ(desk_message(&desk, &m), ERR_OK);
        CHECK_EQ(ask(0, HTTP_GET, "/healthz/ready"), 200);
        CHECK_EQ(ask(0, HTTP_GET, "/healthz/startup"), 200);
        CHECK_EQ(ask(0, HTTP_GET, "/metrics"), 200);
        CHECK(said("tdz_edge_open{index=\"0\"} 3\n") && said("tdz_log_size 12\n"));
        CHECK(said("content-type: text/plain; version=0.0.4; charset=utf-8"));
        CHECK(said("tdz_peer_up{zone=\"cn-lingang\"} 1\n"));
        CHECK_EQ(ask(0, HTTP_HEAD, "/healthz/ready"), 200);
        CHECK_EQ(stream.body_len, 0);
    }
    TEST("once started it stays started, but a silent warden ends readiness")
    {
        now_ms += VITALS_STALE_MS + 1;
        CHECK_EQ(ask(0, HTTP_GET, "/healthz/ready"), 503);
        CHECK_EQ(ask(0, HTTP_GET, "/healthz/startup"), 200);
        CHECK_EQ(ask(0, HTTP_GET, "/healthz/live"), 200);
        now_ms -= VITALS_STALE_MS + 1;
    }
    TEST("an answer of another kind, and a message desk does not know, are violations")
    {
        struct msg m = {.type = MSG_GO};
        uint8_t rubbish[3] = {1, 2, 3};
        struct msg cut = {.type = MSG_LEDGER_STATE, .body = span_of(rubbish, sizeof(rubbish))};
        CHECK_EQ(desk_message(&desk, &m), ERR_PROTOCOL);
        CHECK(desk_message(&desk, &cut) != ERR_OK);
        desk_poll(&desk);
        run();
        say(ROLE_CLERK, MSG_ANSWER, span_of(rubbish, sizeof(rubbish)));
        CHECK_EQ(violations, 1);
        CHECK(!chan_is_open(to[ROLE_CLERK]));
        pair(ROLE_CLERK);
        say(ROLE_WARDEN, MSG_STATUS, SPAN_LIT("{"));
        CHECK_EQ(violations, 1); /* it goes stale instead */
        CHECK(vitals_is_ready(&desk.vitals, now_ms));
    }
}

static void
test_routes(void)
{
    TEST("what is not in the table, or not in cleartext, is not there")
    {
        CHECK_EQ(ask(0, HTTP_GET, "/"), 404);
        CHECK_EQ(ask(0, HTTP_GET, "/metrics/"), 404);
        CHECK_EQ(ask(0, HTTP_POST, "/v1/holds/" HELD "/approval"), 404);
        CHECK_EQ(ask(IDENTITY_OPERATOR, HTTP_GET, "/console"), 404);
    }
    TEST("another method is refused with those that are allowed")
    {
        CHECK_EQ(ask(0, HTTP_POST, "/metrics"), 405);
        CHECK(said("allow: GET, HEAD"));
        CHECK_EQ(ask(IDENTITY_OPERATOR, HTTP_GET, "/v1/holds/" HELD "/approval"), 405);
        CHECK(said("allow: POST"));
    }
    TEST("partners and peers have no business here, auditors may look but not release")
    {
        CHECK_EQ(ask(IDENTITY_PARTNER, HTTP_GET, "/metrics"), 403);
        CHECK_EQ(ask(IDENTITY_PEER, HTTP_GET, "/healthz/live"), 403);
        CHECK_EQ(ask(IDENTITY_AUDITOR, HTTP_GET, "/metrics"), 200);
        const unsigned before = heard[ROLE_CLERK].count;
        CHECK_EQ(ask(IDENTITY_AUDITOR, HTTP_POST, "/v1/holds/" HELD "/approval"), 403);
        CHECK_EQ(ask(IDENTITY_PARTNER, HTTP_POST, "/v1/holds/" HELD "/approval"), 403);
        CHECK_EQ(heard[ROLE_CLERK].count, before);
    }
}

static void
approve_with(struct span note)
{
    ask_head(IDENTITY_OPERATOR, HTTP_POST, "/v1/holds/" HELD "/approval", true, note.len);
    event(HTTP_EVENT_DATA, span_of(note.ptr, note.len / 2), false);
    event(HTTP_EVENT_DATA, span_from(note, note.len / 2), false);
    event(HTTP_EVENT_END, span_of(NULL, 0), false);
}

static void
test_approval(void)
{
    static uint8_t large[DESK_BODY_MAX + 1];
    const struct span note = SPAN_LIT("tdz.approval/1\n{}\n");
    struct p_query q;
    TEST("an operator's approval goes to clerk with who it is, and clerk's word comes back")
    {
        approve_with(note);
        CHECK_EQ(stream.status, 0);
        CHECK_EQ(payload_query_get(span_of(heard[ROLE_CLERK].body, heard[ROLE_CLERK].len), &q),
                 ERR_OK);
        CHECK(q.what == QUERY_APPROVAL && q.role == IDENTITY_OPERATOR && q.cert[0] == 7);
        CHECK(span_eq_str(q.party, "ops") && span_eq(q.body, note));
        CHECK(heard[ROLE_CLERK].transfer[0] == 0 && heard[ROLE_CLERK].transfer[15] == 0xff);
        clerk_says(200, "", "{\"state\":\"forwarding\"}");
        CHECK(stream.status == 200 && said("{\"state\":\"forwarding\"}"));
        CHECK(said("content-type: application/json"));
    }
    TEST("clerk's refusal is a problem of the table, and a code it has not is an internal error")
    {
        approve_with(note);
        clerk_says(409, "idempotency-in-progress", "");
        CHECK(stream.status == 409 && said("\"code\":\"idempotency-in-progress\""));
        approve_with(note);
        clerk_says(418, "teapot", "");
        CHECK(stream.status == 500 && said("\"code\":\"internal\""));
    }
    TEST("a transfer that is no identifier is not found, a body that is too long is refused")
    {
        const unsigned before = heard[ROLE_CLERK].count;
        CHECK_EQ(ask(IDENTITY_OPERATOR, HTTP_POST, "/v1/holds/xyz/approval"), 404);
        ask_head(IDENTITY_OPERATOR, HTTP_POST, "/v1/holds/" HELD "/approval", true, sizeof(large));
        CHECK_EQ(stream.status, 413);
        ask_head(IDENTITY_OPERATOR, HTTP_POST, "/v1/holds/" HELD "/approval", true, UINT64_MAX);
        CHECK(stream.status == 0 && stream.granted > 0);
        event(HTTP_EVENT_DATA, span_of(large, sizeof(large)), false);
        CHECK_EQ(stream.status, 413);
        event(HTTP_EVENT_END, span_of(NULL, 0), false);
        CHECK_EQ(heard[ROLE_CLERK].count, before);
    }
    TEST("a client that waits for it is told to go on")
    {
        close_stream();
        memset(&stream, 0, sizeof(stream));
        stream.open = true;
        CHECK_EQ(http_target(&stream.head, SPAN_LIT("/v1/holds/" HELD "/approval")), ERR_OK);
        stream.head.method = HTTP_POST;
        stream.head.has_body = true;
        stream.head.expect_continue = true;
        event(HTTP_EVENT_HEAD, span_of(NULL, 0), false);
        CHECK(stream.informs == 1 && stream.status == 0);
    }
    TEST("a client that left is not answered, and a clerk that is gone is an internal error")
    {
        approve_with(note);
        close_stream();
        clerk_says(200, "", "{}");
        CHECK_EQ(stream.status, 0);
        approve_with(note);
        chan_close(to[ROLE_CLERK]);
        run();
        CHECK_EQ(stream.status, 500);
        approve_with(note);
        CHECK_EQ(stream.status, 500);
        pair(ROLE_CLERK);
        close_stream();
        CHECK(desk.exchanges == NULL);
    }
}

int
main(void)
{
    if (crypto_init() != ERR_OK)
        return 1;
    start();
    test_poll();
    test_routes();
    test_approval();
    close_stream();
    run();
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        chan_free(to[others[i]]);
        chan_free(from[others[i]]);
    }
    desk_finish(&desk);
    loop_free(desk.loop);
    return test_end();
}
