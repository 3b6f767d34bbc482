/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/conn.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/net/h1.h"
#include "gateway/net/rate.h"
#include "gateway/net/tls.h"

enum {
    CONN_PLAIN_BYTES = 64 * 1024,
    CONN_TURNS_MAX = 64,     /* of one pump, so that one busy peer does not hold the loop */
    CONN_TLS_HANDSHAKE = 22, /* first byte of a ClientHello's record */
    CONN_PROBLEM_BYTES = 8 * 1024,
};

enum conn_state { CONN_HANDSHAKE, CONN_OPEN, CONN_LINGER };

struct conn {
    struct conn_config config;
    struct conn_io io;
    enum conn_state state;
    struct tls *tls;
    struct h1 *h1;
    struct h2server *h2;
    struct identity identity;
    bool is_denied;
    enum problem_code denial;
    bool is_pumping;
    bool saw_first; /* byte of the peer */
    bool peer_ended;
    bool transport_ended;
    int64_t since_ms; /* of the state */
    struct rate_meter out_meter;
    size_t plain_at;
    size_t plain_len;
    uint8_t plain[CONN_PLAIN_BYTES];
};

struct conn_config
conn_config_default(void)
{
    return (struct conn_config){
        .handshake_ms = 10000, .linger_ms = 2000, .http = h2server_config_default()};
}

static void
conn_wake(struct conn *c)
{
    if (!c->is_pumping && c->config.http.wake != NULL)
        c->config.http.wake(c->config.http.wake_ctx);
}

/* Between the engine and the consumer: a peer without the right identity gets its 403 here, and
 * the consumer never hears of it. */
static void
conn_on_event(void *ctx, const struct http_event *event)
{
    struct conn *c = ctx;
    if (!c->is_denied) {
        c->config.http.sink.event(c->config.http.sink.ctx, event);
        return;
    }
    const struct problem problem = {.code = c->denial};
    if (event->type == HTTP_EVENT_HEAD && conn_problem(c, event->stream, &problem) != ERR_OK &&
        conn_reset(c, event->stream) != ERR_OK)
        assert(false && "the stream of a HEAD event is open");
}

static void
conn_on_wake(void *ctx)
{
    conn_wake(ctx);
}

static enum err
conn_start_http(struct conn *c, bool is_h2, int64_t now_ms)
{
    struct h2server_config config = c->config.http;
    config.sink = (struct http_sink){conn_on_event, c};
    config.wake = conn_on_wake;
    config.wake_ctx = c;
    c->state = CONN_OPEN;
    c->since_ms = now_ms;
    return is_h2 ? h2server_new(&config, now_ms, &c->h2)
                 : h1_new(&config.limits, &config.sink, now_ms, &c->h1);
}

enum err
conn_new(const struct conn_config *config, const struct conn_io *io, int64_t now_ms,
         struct conn **ret_conn)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    c->config = *config;
    c->io = *io;
    c->since_ms = now_ms;
    const enum err err = config->tls != NULL ? tls_new(config->tls, NULL, NULL, &c->tls)
                                             : conn_start_http(c, false, now_ms);
    if (err != ERR_OK) {
        conn_free(c);
        return err;
    }
    *ret_conn = c;
    return ERR_OK;
}

void
conn_free(struct conn *c)
{
    if (c == NULL)
        return;
    c->is_pumping = true;
    h1_free(c->h1);
    h2server_free(c->h2);
    tls_free(c->tls);
    explicit_bzero(c->plain, c->plain_len);
    free(c);
}

/* Transport. */

static enum err
conn_recv(struct conn *c, bool *ret_moved)
{
    uint8_t *ptr = c->plain;
    size_t cap = 0;
    if (c->transport_ended)
        return ERR_OK;
    if (c->tls != NULL)
        tls_in_room(c->tls, &ptr, &cap);
    else if (c->plain_at == c->plain_len)
        cap = CONN_PLAIN_BYTES;
    if (cap == 0)
        return ERR_OK;
    size_t len = 0;
    const enum err err = c->io.recv(c->io.ctx, ptr, cap, &len);
    if (err == ERR_AGAIN)
        return ERR_OK;
    *ret_moved = true;
    if (err == ERR_CLOSED) {
        c->transport_ended = true;
        if (c->tls != NULL)
            tls_in_eof(c->tls);
        return ERR_OK;
    }
    TRY(err);
    if (c->tls == NULL) {
        c->plain_at = 0;
        c->plain_len = len;
        return ERR_OK;
    }
    /* Cleartext on a TLS port gets no byte, not even an alert. */
    if (!c->saw_first && ptr[0] != CONN_TLS_HANDSHAKE)
        return ERR_PROTOCOL;
    c->saw_first = true;
    tls_in_filled(c->tls, len);
    return ERR_OK;
}

static struct span
conn_out(const struct conn *c)
{
    if (c->tls != NULL)
        return tls_out(c->tls);
    return c->h1 != NULL ? h1_out(c->h1) : span_of(NULL, 0);
}

static enum err
conn_send(struct conn *c, int64_t now_ms, bool *ret_moved)
{
    const struct span out = conn_out(c);
    if (out.len == 0)
        return ERR_OK;
    size_t len = 0;
    const enum err err = c->io.send(c->io.ctx, out, &len);
    if (err == ERR_AGAIN)
        return ERR_OK;
    TRY(err);
    rate_meter_add(&c->out_meter, len);
    if (c->tls != NULL)
        tls_out_taken(c->tls, len);
    else
        h1_out_taken(c->h1, len, now_ms);
    *ret_moved = true;
    return ERR_OK;
}

/* TLS. */

static enum err
conn_handshake(struct conn *c, int64_t now_ms, bool *ret_moved)
{
    const enum err err = tls_handshake(c->tls);
    if (err == ERR_AGAIN)
        return ERR_OK;
    TRY(err);
    *ret_moved = true;
    if (tls_identity(c->tls, &c->identity) != ERR_OK) {
        c->is_denied = true;
        c->denial = PROBLEM_IDENTITY_UNKNOWN;
    } else if (((unsigned)c->identity.role & c->config.roles) == 0) {
        c->is_denied = true;
        c->denial = PROBLEM_ROLE_NOT_ALLOWED;
    }
    return conn_start_http(c, tls_is_h2(c->tls), now_ms);
}

static void
conn_peer_end(struct conn *c)
{
    if (c->peer_ended)
        return;
    c->peer_ended = true;
    if (c->h1 != NULL)
        h1_eof(c->h1);
    if (c->h2 != NULL)
        h2server_eof(c->h2);
}

static enum err
conn_read(struct conn *c, bool *ret_moved)
{
    if (c->plain_at < c->plain_len || c->peer_ended)
        return ERR_OK;
    if (c->tls == NULL) {
        if (c->transport_ended)
            conn_peer_end(c);
        return ERR_OK;
    }
    size_t len = 0;
    const enum err err = tls_read(c->tls, c->plain, CONN_PLAIN_BYTES, &len);
    if (err == ERR_AGAIN)
        return ERR_OK;
    *ret_moved = true;
    if (err != ERR_OK)
        conn_peer_end(c);
    if (err == ERR_CLOSED)
        return ERR_OK;
    TRY(err);
    c->plain_at = 0;
    c->plain_len = len;
    return ERR_OK;
}

/* HTTP. A broken protocol is no error here: the engine closes after it said so. */
static void
conn_feed(struct conn *c, int64_t now_ms, bool *ret_moved)
{
    const struct span in = span_of(c->plain + c->plain_at, c->plain_len - c->plain_at);
    size_t used = in.len;
    enum err err = ERR_OK;
    if (in.len == 0)
        return;
    if (c->h1 != NULL)
        err = h1_feed(c->h1, in, now_ms, &used);
    else
        err = h2server_feed(c->h2, in, now_ms);
    *ret_moved = *ret_moved || used > 0 || err != ERR_OK;
    c->plain_at += used;
}

static enum err
conn_run(struct conn *c, int64_t now_ms, bool *ret_moved)
{
    if (c->h2 != NULL)
        h2server_run(c->h2, now_ms);
    if (c->tls == NULL) {
        if (h1_out(c->h1).len == 0)
            h1_out_taken(c->h1, 0, now_ms);
        return ERR_OK;
    }
    const struct span out = c->h2 != NULL ? h2server_out(c->h2) : h1_out(c->h1);
    size_t len = 0;
    if (out.len > 0) {
        const enum err err = tls_write(c->tls, out, &len);
        if (err != ERR_OK && err != ERR_AGAIN)
            return err;
    }
    if (c->h2 != NULL)
        h2server_out_taken(c->h2, len);
    else if (len > 0 || out.len == 0)
        h1_out_taken(c->h1, len, now_ms);
    *ret_moved = *ret_moved || len > 0;
    return ERR_OK;
}

static bool
conn_is_finished(const struct conn *c)
{
    if (c->h2 != NULL)
        return h2server_is_closing(c->h2) && h2server_out(c->h2).len == 0;
    return h1_is_closing(c->h1) && h1_out(c->h1).len == 0;
}

static enum err
conn_turn(struct conn *c, int64_t now_ms, bool *ret_moved)
{
    TRY(conn_recv(c, ret_moved));
    if (c->state == CONN_HANDSHAKE)
        TRY(conn_handshake(c, now_ms, ret_moved));
    if (c->state == CONN_OPEN) {
        TRY(conn_read(c, ret_moved));
        conn_feed(c, now_ms, ret_moved);
        TRY(conn_run(c, now_ms, ret_moved));
        if (conn_is_finished(c)) {
            c->state = CONN_LINGER;
            c->since_ms = now_ms;
            if (c->tls != NULL)
                tls_close(c->tls);
        }
    } else if (c->state == CONN_LINGER) {
        /* What still comes is thrown away: closing at once could cost the peer our last bytes. */
        c->plain_at = c->plain_len;
        TRY(conn_read(c, ret_moved));
    }
    TRY(conn_send(c, now_ms, ret_moved));
    const bool all_sent = conn_out(c).len == 0;
    if (c->state == CONN_LINGER && all_sent && (c->peer_ended || c->transport_ended))
        return ERR_CLOSED;
    return ERR_OK;
}

static enum err
conn_tick(struct conn *c, int64_t now_ms)
{
    const struct http_limits *l = &c->config.http.limits;
    const int64_t passed = now_ms - c->since_ms;
    rate_meter_run(&c->out_meter, conn_out(c).len > 0, now_ms);
    if (rate_meter_is_slow(&c->out_meter, l->min_out_rate, l->rate_ms, now_ms))
        return ERR_TIMEOUT;
    if (c->state == CONN_HANDSHAKE && passed >= (int64_t)c->config.handshake_ms)
        return ERR_TIMEOUT;
    if (c->state == CONN_LINGER && passed >= (int64_t)c->config.linger_ms)
        return ERR_CLOSED;
    if (c->state == CONN_OPEN && c->h1 != NULL)
        h1_tick(c->h1, now_ms);
    if (c->state == CONN_OPEN && c->h2 != NULL)
        h2server_tick(c->h2, now_ms);
    return ERR_OK;
}

enum err
conn_pump(struct conn *c, int64_t now_ms)
{
    bool moved = true;
    assert(!c->is_pumping);
    c->is_pumping = true;
    enum err err = conn_tick(c, now_ms);
    for (int turn = 0; err == ERR_OK && moved && turn < CONN_TURNS_MAX; turn++) {
        moved = false;
        err = conn_turn(c, now_ms, &moved);
    }
    rate_meter_run(&c->out_meter, conn_out(c).len > 0, now_ms);
    bool sent = false;
    if (err == ERR_PROTOCOL && conn_send(c, now_ms, &sent) != ERR_OK)
        err = ERR_PROTOCOL; /* the alert could not be sent: nothing more to do */
    c->is_pumping = false;
    if (err == ERR_OK && moved)
        conn_wake(c); /* turns ran out, work did not */
    return err;
}

unsigned
conn_wants(const struct conn *c)
{
    const bool is_blocked = c->state == CONN_OPEN && c->plain_at < c->plain_len;
    unsigned wants = conn_out(c).len > 0 ? CONN_WANTS_WRITE : 0;
    if (!is_blocked && !c->transport_ended)
        wants |= CONN_WANTS_READ;
    return wants;
}

int64_t
conn_deadline(const struct conn *c)
{
    int64_t at = rate_meter_deadline(&c->out_meter, c->config.http.limits.rate_ms);
    int64_t other = INT64_MAX;
    if (c->state == CONN_HANDSHAKE)
        other = c->since_ms + c->config.handshake_ms;
    else if (c->state == CONN_LINGER)
        other = c->since_ms + c->config.linger_ms;
    else
        other = c->h2 != NULL ? h2server_deadline(c->h2) : h1_deadline(c->h1);
    return other < at ? other : at;
}

void
conn_drain(struct conn *c)
{
    if (c->h1 != NULL)
        h1_drain(c->h1);
    if (c->h2 != NULL)
        h2server_drain(c->h2);
    conn_wake(c);
}

enum err
conn_recheck(struct conn *c)
{
    return c->tls == NULL || c->state == CONN_HANDSHAKE ? ERR_OK : tls_recheck(c->tls);
}

const struct identity *
conn_identity(const struct conn *c)
{
    return &c->identity;
}

bool
conn_is_h2(const struct conn *c)
{
    return c->h2 != NULL;
}

const char *
conn_alert_sent(const struct conn *c)
{
    return tls_alert_text(c->tls == NULL ? TLS_NO_ALERT : tls_alert_sent(c->tls));
}

const char *
conn_alert_received(const struct conn *c)
{
    return tls_alert_text(c->tls == NULL ? TLS_NO_ALERT : tls_alert_received(c->tls));
}

/* The consumer's side. Each call may make work for pump. */

static enum err
conn_woken(struct conn *c, enum err err)
{
    conn_wake(c);
    return err;
}

enum err
conn_grant(struct conn *c, uint32_t stream, uint64_t bytes)
{
    return conn_woken(c, c->h2 != NULL ? h2server_grant(c->h2, stream, bytes)
                                       : h1_grant(c->h1, stream, bytes));
}

enum err
conn_inform(struct conn *c, uint32_t stream, const struct http_response *response)
{
    return conn_woken(c, c->h2 != NULL ? h2server_inform(c->h2, stream, response)
                                       : h1_inform(c->h1, stream, response));
}

enum err
conn_respond(struct conn *c, uint32_t stream, const struct http_response *response)
{
    return conn_woken(c, c->h2 != NULL ? h2server_respond(c->h2, stream, response)
                                       : h1_respond(c->h1, stream, response));
}

enum err
conn_write(struct conn *c, uint32_t stream, struct span bytes, size_t *ret_len)
{
    return conn_woken(c, c->h2 != NULL ? h2server_write(c->h2, stream, bytes, ret_len)
                                       : h1_write(c->h1, stream, bytes, ret_len));
}

enum err
conn_finish(struct conn *c, uint32_t stream)
{
    return conn_woken(c, c->h2 != NULL ? h2server_finish(c->h2, stream) : h1_finish(c->h1, stream));
}

enum err
conn_reset(struct conn *c, uint32_t stream)
{
    return conn_woken(c, c->h2 != NULL ? h2server_reset(c->h2, stream) : h1_reset(c->h1, stream));
}

enum err
conn_problem(struct conn *c, uint32_t stream, const struct problem *problem)
{
    char buf[CONN_PROBLEM_BYTES];
    struct span body;
    TRY(problem_write(problem, buf, sizeof(buf), &body));
    const struct http_header type = {SPAN_LIT("content-type"),
                                     SPAN_LIT("application/problem+json")};
    const struct http_response r = {.status = problem_get(problem->code)->status,
                                    .headers = &type,
                                    .header_count = 1,
                                    .has_length = true,
                                    .length = body.len};
    size_t len = 0;
    TRY(conn_respond(c, stream, &r));
    TRY(conn_write(c, stream, body, &len));
    if (len != body.len)
        return conn_reset(c, stream) == ERR_OK ? ERR_FULL : ERR_BUG;
    return conn_finish(c, stream);
}
