/* SPDX-License-Identifier: Apache-2.0 */
/* Our client against our server, joined by copying bytes. */
#include "gateway/net/h2client.h"

#include <stdlib.h>

#include "gateway/net/h2server.h"
#include "tests/test.h"

enum { REQUESTS = 150, BODY = 200000, HOP_BYTES = 65535, RELAY_BYTES = 3000000, HOLD = 40000 };

/* One hop: a client and the server it talks to. Either runs only when something woke it. */
struct hop {
    struct h2client *client;
    struct h2server *server;
    bool client_woken;
    bool server_woken;
};

static struct h2server_budget budget = {.limit = 128 << 20};
static int64_t now;

static void
wake_client(void *ctx)
{
    ((struct hop *)ctx)->client_woken = true;
}

static void
wake_server(void *ctx)
{
    ((struct hop *)ctx)->server_woken = true;
}

static void
hop_start(struct hop *hop, uint32_t window,
          void (*on_client)(void *, const struct h2client_event *),
          void (*on_server)(void *, const struct http_event *))
{
    struct h2client_config client = h2client_config_default();
    struct h2server_config server = h2server_config_default();
    memset(hop, 0, sizeof(*hop));
    now = 1000;
    client.event = on_client;
    client.event_ctx = hop;
    client.wake = wake_client;
    client.wake_ctx = hop;
    client.stream_window = window;
    client.connection_window = window;
    server.sink = (struct http_sink){on_server, hop};
    server.wake = wake_server;
    server.wake_ctx = hop;
    server.budget = &budget;
    server.stream_window = window;
    server.connection_window = window;
    server.window_max = window;
    CHECK_EQ(h2client_new(&client, now, &hop->client), ERR_OK);
    CHECK_EQ(h2server_new(&server, now, &hop->server), ERR_OK);
    hop->client_woken = true;
    hop->server_woken = true;
}

static void
hop_stop(struct hop *hop)
{
    h2client_free(hop->client);
    h2server_free(hop->server);
}

/* Runs whoever was woken and moves bytes; false when nobody has anything to do. */
static bool
hop_turn(struct hop *hop)
{
    bool moved = hop->client_woken || hop->server_woken;
    if (hop->client_woken) {
        hop->client_woken = false;
        h2client_run(hop->client, now);
    }
    const struct span up = h2client_out(hop->client);
    if (up.len > 0) {
        CHECK_EQ(h2server_feed(hop->server, up, now), ERR_OK);
        h2client_out_taken(hop->client, up.len);
        hop->client_woken = true;
        hop->server_woken = true;
        moved = true;
    }
    if (hop->server_woken) {
        hop->server_woken = false;
        h2server_run(hop->server, now);
    }
    const struct span down = h2server_out(hop->server);
    if (down.len > 0) {
        CHECK_EQ(h2client_feed(hop->client, down, now), ERR_OK);
        h2server_out_taken(hop->server, down.len);
        hop->client_woken = true;
        hop->server_woken = true;
        moved = true;
    }
    return moved;
}

static void
hop_settle(struct hop *hop)
{
    for (int turn = 0; turn < 100000 && hop_turn(hop); turn++)
        continue;
}

/* A body of BODY bytes that pauses in the middle once. */
struct upload {
    uint64_t sent;
    bool paused;
    bool fails;
    uint32_t stream;
    unsigned heads;
    unsigned ends;
    unsigned aborts;
    enum err reason;
    uint16_t status;
    uint64_t got;
    bool is_named; /* a header came whole */
};

static struct upload uploads[REQUESTS];
static uint64_t server_got;
static unsigned server_ends;
static bool server_answers;
static bool server_grants;

static enum err
upload_read(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len, bool *ret_end)
{
    struct upload *u = ctx;
    const uint64_t left = BODY - u->sent;
    if (u->fails && u->sent > 0)
        return ERR_IO;
    if (!u->paused && u->sent >= BODY / 2) {
        u->paused = true;
        return ERR_AGAIN;
    }
    *ret_len = left < cap ? (size_t)left : cap;
    memset(buf, 'x', *ret_len);
    u->sent += *ret_len;
    *ret_end = u->sent == BODY;
    return ERR_OK;
}

static void
on_answer(void *ctx, const struct h2client_event *event)
{
    struct upload *u = event->tag;
    struct hop *hop = ctx;
    switch (event->type) {
    case H2CLIENT_HEAD:
        u->heads++;
        u->status = event->response->status;
        for (size_t i = 0; i < event->response->header_count; i++) {
            u->is_named = u->is_named || (span_eq_str(event->response->headers[i].name, "x-name") &&
                                          span_eq_str(event->response->headers[i].value, "value"));
        }
        CHECK_EQ(h2client_grant(hop->client, event->stream, 1), ERR_OK);
        break;
    case H2CLIENT_DATA:
        u->got += event->data.len;
        CHECK_EQ(event->data.len, 1);
        if (u->got < 2)
            CHECK_EQ(h2client_grant(hop->client, event->stream, 1), ERR_OK);
        break;
    case H2CLIENT_END:
        u->ends++;
        break;
    case H2CLIENT_ABORT:
        u->aborts++;
        u->reason = event->reason;
        break;
    }
}

static void
on_upload(void *ctx, const struct http_event *event)
{
    struct hop *hop = ctx;
    const struct http_header name = {SPAN_LIT("x-name"), SPAN_LIT("value")};
    const struct http_response ok = {
        .status = 201, .headers = &name, .header_count = 1, .has_length = true, .length = 2};
    size_t len = 0;
    if (event->type == HTTP_EVENT_HEAD && server_grants)
        CHECK_EQ(h2server_grant(hop->server, event->stream, HTTP_CREDIT_ALL), ERR_OK);
    if (event->type == HTTP_EVENT_DATA)
        server_got += event->data.len;
    if (event->type != HTTP_EVENT_END)
        return;
    server_ends++;
    if (!server_answers)
        return;
    CHECK_EQ(h2server_respond(hop->server, event->stream, &ok), ERR_OK);
    CHECK_EQ(h2server_write(hop->server, event->stream, SPAN_LIT("ok"), &len), ERR_OK);
    CHECK_EQ(h2server_finish(hop->server, event->stream), ERR_OK);
}

static void
begin(struct hop *hop, struct upload *u)
{
    const struct http_header h = {SPAN_LIT("x-a"), SPAN_LIT("b")};
    const struct h2client_request r = {.method = HTTP_PUT,
                                       .authority = SPAN_LIT("peer"),
                                       .target = SPAN_LIT("/corridor/v1/x?y=z"),
                                       .headers = &h,
                                       .header_count = 1,
                                       .has_body = true,
                                       .has_length = true,
                                       .length = BODY,
                                       .body = {upload_read, u},
                                       .tag = u};
    CHECK_EQ(h2client_begin(hop->client, &r, &u->stream), ERR_OK);
}

static void
reset(bool grants, bool answers)
{
    memset(uploads, 0, sizeof(uploads));
    server_got = 0;
    server_ends = 0;
    server_grants = grants;
    server_answers = answers;
}

static void
test_uploads(void)
{
    static struct hop hop;
    TEST("many uploads at once, more than the server allows, all arrive and are all answered")
    {
        reset(true, true);
        hop_start(&hop, HOP_BYTES, on_answer, on_upload);
        for (int i = 0; i < REQUESTS; i++)
            begin(&hop, &uploads[i]);
        hop_settle(&hop);
        CHECK_EQ(server_ends, 0); /* each paused in the middle */
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < REQUESTS; i++) {
                if (uploads[i].ends == 0)
                    CHECK_EQ(h2client_resume(hop.client, uploads[i].stream), ERR_OK);
            }
            hop_settle(&hop);
        }
        CHECK_EQ(server_got, (uint64_t)REQUESTS * BODY);
        for (int i = 0; i < REQUESTS; i++) {
            CHECK(uploads[i].status == 201 && uploads[i].is_named && uploads[i].got == 2);
            CHECK(uploads[i].heads == 1 && uploads[i].ends == 1 && uploads[i].aborts == 0);
        }
        CHECK_EQ(h2client_open_count(hop.client), 0);
        CHECK_EQ(h2client_resume(hop.client, uploads[0].stream), ERR_NOT_FOUND);
        CHECK_EQ(h2client_grant(hop.client, uploads[0].stream, 1), ERR_NOT_FOUND);
        hop_stop(&hop);
    }
    TEST("a server that grants nothing is sent no more than its window")
    {
        reset(false, false);
        hop_start(&hop, HOP_BYTES, on_answer, on_upload);
        begin(&hop, &uploads[0]);
        uploads[0].paused = true;
        hop_settle(&hop);
        CHECK_EQ(uploads[0].sent, HOP_BYTES);
        CHECK_EQ(server_got, 0);
        hop_stop(&hop);
        CHECK_EQ(uploads[0].aborts, 1);
        CHECK_EQ(uploads[0].reason, ERR_CLOSED);
    }
    TEST("a cancelled upload, and one whose source fails, are aborted at both ends")
    {
        reset(true, true);
        hop_start(&hop, HOP_BYTES, on_answer, on_upload);
        begin(&hop, &uploads[0]);
        begin(&hop, &uploads[1]);
        uploads[1].fails = true;
        hop_settle(&hop);
        CHECK_EQ(uploads[1].reason, ERR_CANCELLED);
        CHECK_EQ(h2client_cancel(hop.client, uploads[0].stream), ERR_OK);
        CHECK_EQ(uploads[0].reason, ERR_CANCELLED);
        CHECK_EQ(h2client_cancel(hop.client, uploads[0].stream), ERR_NOT_FOUND);
        hop_settle(&hop);
        CHECK(h2server_is_idle(hop.server));
        CHECK_EQ(server_ends, 0);
        hop_stop(&hop);
    }
}

static void
test_connection(void)
{
    static struct hop hop;
    TEST("a draining server ends new requests, and the connection after the old ones")
    {
        reset(true, true);
        hop_start(&hop, HOP_BYTES, on_answer, on_upload);
        begin(&hop, &uploads[0]);
        hop_settle(&hop);
        h2server_drain(hop.server);
        hop_settle(&hop);
        CHECK(!h2client_can_begin(hop.client) && !h2client_is_closing(hop.client));
        const struct h2client_request r = {
            .method = HTTP_GET, .authority = SPAN_LIT("p"), .target = SPAN_LIT("/")};
        uint32_t stream = 0;
        CHECK_EQ(h2client_begin(hop.client, &r, &stream), ERR_CLOSED);
        CHECK_EQ(h2client_resume(hop.client, uploads[0].stream), ERR_OK);
        hop_settle(&hop);
        CHECK_EQ(uploads[0].ends, 1);
        CHECK(h2client_is_closing(hop.client) && h2server_is_closing(hop.server));
        hop_stop(&hop);
    }
    TEST("a silent path is pinged, measured, and given up")
    {
        reset(true, true);
        hop_start(&hop, HOP_BYTES, on_answer, on_upload);
        hop_settle(&hop);
        now = h2client_deadline(hop.client);
        CHECK_EQ(now, 21000);
        CHECK_EQ(h2client_tick(hop.client, now), ERR_OK);
        CHECK(hop.client_woken);
        h2client_run(hop.client, now);
        now += 70;
        hop_settle(&hop);
        CHECK_EQ(h2client_rtt(hop.client), 70);
        begin(&hop, &uploads[0]);
        now = h2client_deadline(hop.client);
        CHECK_EQ(h2client_tick(hop.client, now), ERR_OK);
        now = h2client_deadline(hop.client);
        CHECK_EQ(h2client_tick(hop.client, now), ERR_TIMEOUT);
        CHECK_EQ(uploads[0].reason, ERR_TIMEOUT);
        hop_stop(&hop);
    }
    TEST("bytes that are no HTTP/2, and an early end, abort what is open")
    {
        for (int i = 0; i < 2; i++) {
            reset(true, true);
            hop_start(&hop, HOP_BYTES, on_answer, on_upload);
            begin(&hop, &uploads[0]);
            if (i == 0)
                CHECK_EQ(h2client_feed(hop.client, SPAN_LIT("HTTP/1.1 200 OK\r\n\r\nnot h2"), now),
                         ERR_OK); /* nghttp2 answers with GOAWAY by itself */
            else
                h2client_eof(hop.client);
            h2client_run(hop.client, now);
            CHECK(h2client_is_closing(hop.client));
            CHECK_EQ(uploads[0].aborts, 1);
            CHECK_EQ(uploads[0].reason, i == 0 ? ERR_CANCELLED : ERR_SHORT);
            hop_stop(&hop);
        }
    }
    TEST("a request that would split the head is refused")
    {
        const struct http_header bad = {SPAN_LIT("x"), SPAN_LIT("a\r\nb")};
        struct h2client_request r = {
            .method = HTTP_GET, .authority = SPAN_LIT("p"), .target = SPAN_LIT("/")};
        uint32_t stream = 0;
        hop_start(&hop, HOP_BYTES, on_answer, on_upload);
        r.headers = &bad;
        r.header_count = 1;
        CHECK_EQ(h2client_begin(hop.client, &r, &stream), ERR_SYNTAX);
        r.header_count = 0;
        r.target = SPAN_LIT("/a b");
        CHECK_EQ(h2client_begin(hop.client, &r, &stream), ERR_SYNTAX);
        r.target = SPAN_LIT("/");
        r.authority = SPAN_LIT("a/b");
        CHECK_EQ(h2client_begin(hop.client, &r, &stream), ERR_SYNTAX);
        hop_stop(&hop);
    }
}

/* A relay between two hops: what the first server gives is what the second client sends, and
 * credit goes back from inside the second one's run, as bytes leave. */
static struct {
    struct hop in;
    struct hop out;
    uint32_t in_stream;
    uint32_t out_stream;
    uint8_t held[HOLD];
    size_t held_len;
    bool ended;
    uint64_t sent;
    uint64_t arrived;
    bool complete;
} relay;

static enum err
source_read(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len, bool *ret_end)
{
    const uint64_t left = RELAY_BYTES - relay.sent;
    (void)ctx;
    *ret_len = left < cap ? (size_t)left : cap;
    memset(buf, 'r', *ret_len);
    relay.sent += *ret_len;
    *ret_end = relay.sent == RELAY_BYTES;
    return ERR_OK;
}

static enum err
relay_read(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len, bool *ret_end)
{
    (void)ctx;
    if (relay.held_len == 0 && !relay.ended)
        return ERR_AGAIN;
    const size_t len = relay.held_len < cap ? relay.held_len : cap;
    memcpy(buf, relay.held, len);
    memmove(relay.held, relay.held + len, relay.held_len - len);
    relay.held_len -= len;
    *ret_len = len;
    *ret_end = relay.ended && relay.held_len == 0;
    if (len > 0 && !relay.ended)
        CHECK_EQ(h2server_grant(relay.in.server, relay.in_stream, len), ERR_OK);
    return ERR_OK;
}

static void
on_relay_in(void *ctx, const struct http_event *event)
{
    (void)ctx;
    if (event->type == HTTP_EVENT_HEAD) {
        relay.in_stream = event->stream;
        CHECK_EQ(h2server_grant(relay.in.server, event->stream, HOLD), ERR_OK);
    } else if (event->type == HTTP_EVENT_DATA) {
        CHECK(event->data.len <= sizeof(relay.held) - relay.held_len);
        memcpy(relay.held + relay.held_len, event->data.ptr, event->data.len);
        relay.held_len += event->data.len;
        CHECK_EQ(h2client_resume(relay.out.client, relay.out_stream), ERR_OK);
    } else if (event->type == HTTP_EVENT_END) {
        relay.ended = true;
        CHECK_EQ(h2client_resume(relay.out.client, relay.out_stream), ERR_OK);
    }
}

static void
on_relay_out(void *ctx, const struct http_event *event)
{
    (void)ctx;
    if (event->type == HTTP_EVENT_HEAD)
        CHECK_EQ(h2server_grant(relay.out.server, event->stream, HTTP_CREDIT_ALL), ERR_OK);
    relay.arrived += event->type == HTTP_EVENT_DATA ? event->data.len : 0;
    relay.complete = relay.complete || event->type == HTTP_EVENT_END;
}

static void
on_nothing(void *ctx, const struct h2client_event *event)
{
    (void)ctx;
    (void)event;
}

static void
test_relay(void)
{
    TEST("credit given in one session from inside another's send never hangs the pair")
    {
        struct h2client_request r = {.method = HTTP_PUT,
                                     .authority = SPAN_LIT("p"),
                                     .target = SPAN_LIT("/"),
                                     .has_body = true,
                                     .body = {source_read, NULL}};
        uint32_t stream = 0;
        memset(&relay, 0, sizeof(relay));
        hop_start(&relay.in, HOP_BYTES, on_nothing, on_relay_in);
        hop_start(&relay.out, HOP_BYTES, on_nothing, on_relay_out);
        CHECK_EQ(h2client_begin(relay.in.client, &r, &stream), ERR_OK);
        r.body.read = relay_read;
        CHECK_EQ(h2client_begin(relay.out.client, &r, &relay.out_stream), ERR_OK);
        bool moved = true;
        for (int turn = 0; turn < 100000 && moved; turn++) {
            moved = hop_turn(&relay.in);
            moved = hop_turn(&relay.out) || moved;
        }
        CHECK_EQ(relay.arrived, RELAY_BYTES);
        CHECK(relay.complete);
        hop_stop(&relay.in);
        hop_stop(&relay.out);
        CHECK_EQ(budget.used, 0);
    }
}

int
main(void)
{
    test_uploads();
    test_connection();
    test_relay();
    return test_end();
}
