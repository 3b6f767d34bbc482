/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link/corridor_conn.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/net/tls.h"

enum { CORRIDOR_CONN_PLAIN_BYTES = 64 * 1024, CORRIDOR_CONN_TURNS_MAX = 64 };

struct corridor_conn {
    struct corridor_conn_config config;
    struct conn_io io;
    struct tls *tls;
    struct h2client *http;
    bool is_pumping;
    bool transport_ended;
    bool peer_ended;
    int64_t since_ms;
    uint8_t plain[CORRIDOR_CONN_PLAIN_BYTES];
};

static void
corridor_conn_wake(void *ctx)
{
    struct corridor_conn *c = ctx;
    if (!c->is_pumping && c->config.http.wake != NULL)
        c->config.http.wake(c->config.http.wake_ctx);
}

enum err
corridor_conn_new(const struct corridor_conn_config *config, const struct conn_io *io,
                  int64_t now_ms, struct corridor_conn **ret)
{
    struct corridor_conn *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    c->config = *config;
    c->io = *io;
    c->since_ms = now_ms;
    const enum err err = tls_new(config->tls, config->zone, config->server_name, &c->tls);
    if (err != ERR_OK) {
        corridor_conn_free(c);
        return err;
    }
    *ret = c;
    return ERR_OK;
}

void
corridor_conn_free(struct corridor_conn *c)
{
    if (c == NULL)
        return;
    c->is_pumping = true;
    h2client_free(c->http);
    tls_free(c->tls);
    free(c);
}

struct h2client *
corridor_conn_http(const struct corridor_conn *c)
{
    return c->http;
}

static enum err
corridor_conn_recv(struct corridor_conn *c, bool *ret_moved)
{
    uint8_t *ptr = NULL;
    size_t cap = 0;
    size_t len = 0;
    if (c->transport_ended)
        return ERR_OK;
    tls_in_room(c->tls, &ptr, &cap);
    if (cap == 0)
        return ERR_OK;
    const enum err err = c->io.recv(c->io.ctx, ptr, cap, &len);
    if (err == ERR_AGAIN)
        return ERR_OK;
    *ret_moved = true;
    if (err == ERR_CLOSED) {
        c->transport_ended = true;
        tls_in_eof(c->tls);
        return ERR_OK;
    }
    TRY(err);
    tls_in_filled(c->tls, len);
    return ERR_OK;
}

static enum err
corridor_conn_shake(struct corridor_conn *c, int64_t now_ms, bool *ret_moved)
{
    const enum err err = tls_handshake(c->tls);
    if (err == ERR_AGAIN)
        return ERR_OK;
    TRY(err);
    if (!tls_is_h2(c->tls))
        return ERR_PROTOCOL;
    *ret_moved = true;
    struct h2client_config http = c->config.http;
    http.wake = corridor_conn_wake;
    http.wake_ctx = c;
    return h2client_new(&http, now_ms, &c->http);
}

static enum err
corridor_conn_read(struct corridor_conn *c, int64_t now_ms, bool *ret_moved)
{
    size_t len = 0;
    if (c->peer_ended)
        return ERR_OK;
    const enum err err = tls_read(c->tls, c->plain, sizeof(c->plain), &len);
    if (err == ERR_AGAIN)
        return ERR_OK;
    *ret_moved = true;
    if (err == ERR_CLOSED) {
        c->peer_ended = true;
        h2client_eof(c->http);
        return ERR_OK;
    }
    TRY(err);
    /* A broken protocol: h2client says so to the peer, and the connection is closing. */
    (void)!h2client_feed(c->http, span_of(c->plain, len), now_ms);
    return ERR_OK;
}

static enum err
corridor_conn_run(struct corridor_conn *c, int64_t now_ms, bool *ret_moved)
{
    size_t len = 0;
    h2client_run(c->http, now_ms);
    const struct span out = h2client_out(c->http);
    if (out.len == 0)
        return h2client_is_closing(c->http) ? ERR_CLOSED : ERR_OK;
    const enum err err = tls_write(c->tls, out, &len);
    if (err != ERR_OK && err != ERR_AGAIN)
        return err;
    h2client_out_taken(c->http, len);
    *ret_moved = *ret_moved || len > 0;
    return ERR_OK;
}

static enum err
corridor_conn_send(struct corridor_conn *c, bool *ret_moved)
{
    const struct span out = tls_out(c->tls);
    size_t len = 0;
    if (out.len == 0)
        return ERR_OK;
    const enum err err = c->io.send(c->io.ctx, out, &len);
    if (err == ERR_AGAIN)
        return ERR_OK;
    TRY(err);
    tls_out_taken(c->tls, len);
    *ret_moved = true;
    return ERR_OK;
}

static enum err
corridor_conn_turn(struct corridor_conn *c, int64_t now_ms, bool *ret_moved)
{
    enum err err = corridor_conn_recv(c, ret_moved);
    if (err == ERR_OK && c->http == NULL)
        err = corridor_conn_shake(c, now_ms, ret_moved);
    if (err == ERR_OK && c->http != NULL)
        err = corridor_conn_read(c, now_ms, ret_moved);
    if (err == ERR_OK && c->http != NULL)
        err = corridor_conn_run(c, now_ms, ret_moved);
    /* Also what TLS still has to say at the end: an alert, a close_notify. */
    if (err == ERR_CLOSED)
        tls_close(c->tls);
    const enum err sent = corridor_conn_send(c, ret_moved);
    return err != ERR_OK ? err : sent;
}

enum err
corridor_conn_pump(struct corridor_conn *c, int64_t now_ms)
{
    bool moved = true;
    enum err err = ERR_OK;
    assert(!c->is_pumping);
    c->is_pumping = true;
    if (c->http == NULL && now_ms - c->since_ms >= (int64_t)c->config.handshake_ms)
        err = ERR_TIMEOUT;
    if (c->http != NULL)
        err = h2client_tick(c->http, now_ms);
    for (int turn = 0; err == ERR_OK && moved && turn < CORRIDOR_CONN_TURNS_MAX; turn++) {
        moved = false;
        err = corridor_conn_turn(c, now_ms, &moved);
    }
    c->is_pumping = false;
    if (err == ERR_OK && moved)
        corridor_conn_wake(c); /* turns ran out, work did not */
    return err;
}

unsigned
corridor_conn_wants(const struct corridor_conn *c)
{
    unsigned wants = tls_out(c->tls).len > 0 ? CONN_WANTS_WRITE : 0;
    if (!c->transport_ended)
        wants |= CONN_WANTS_READ;
    return wants;
}

int64_t
corridor_conn_deadline(const struct corridor_conn *c)
{
    if (c->http == NULL)
        return c->since_ms + (int64_t)c->config.handshake_ms;
    return h2client_deadline(c->http);
}

enum err
corridor_conn_recheck(struct corridor_conn *c)
{
    return c->http == NULL ? ERR_OK : tls_recheck(c->tls);
}

const char *
corridor_conn_alert_sent(const struct corridor_conn *c)
{
    return tls_alert_text(tls_alert_sent(c->tls));
}

const char *
corridor_conn_alert_received(const struct corridor_conn *c)
{
    return tls_alert_text(tls_alert_received(c->tls));
}
