/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link/link_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/link/corridor_conn.h"
#include "gateway/link/link_socket.h"

enum {
    LINK_PEER_STREAM_WINDOW = 256 * 1024, /* answers are small */
    LINK_PEER_PING_MS = 20 * 1000,        /* idle flows are cut on the way */
    LINK_PEER_PING_WAIT_MS = 15 * 1000,
};

struct link_peer {
    struct rolemain *rm;
    struct config_peer config;
    char authority[300];
    struct tlsctx *tls;
    struct outbound *out;
    int fd;
    bool is_connecting;
    bool is_begun; /* outbound knows the connection */
    bool was_bbr_told;
    struct corridor_conn *conn;
    struct loop_watch *watch;
    struct loop_timer *due;
    struct loop_timer *retry;
    struct loop_defer *defer;
    uint32_t retry_ms;
};

static void link_peer_pump(struct link_peer *p);

static void
link_peer_on_wake(void *ctx)
{
    loop_defer_post(((struct link_peer *)ctx)->defer);
}

void
link_peer_wake(struct link_peer *p)
{
    loop_defer_post(p->defer);
}

static void
link_peer_later(struct link_peer *p)
{
    const uint32_t max = (uint32_t)config_int(p->rm->config, CONFIG_TIMEOUT_RETRY_MAX_MS);
    if (loop_timer_set(p->retry, p->retry_ms) != ERR_OK)
        OPLOG(p->rm->log, EVENT_INTERNAL, OPLOG_STR("where", "link_peer"));
    p->retry_ms = p->retry_ms > max / 2 ? max : p->retry_ms * 2;
}

static void
link_peer_close(struct link_peer *p, const char *why)
{
    outbound_lost(p->out, why, clock_mono_ms());
    corridor_conn_free(p->conn);
    loop_watch_free(p->watch);
    if (p->fd >= 0)
        (void)close(p->fd);
    p->conn = NULL;
    p->watch = NULL;
    p->fd = -1;
    p->is_connecting = false;
    p->is_begun = false;
    loop_timer_clear(p->due);
    link_peer_later(p);
}

static enum err
link_peer_begin(struct link_peer *p)
{
    bool has_bbr = false;
    TRY(link_socket_connected(p->fd));
    p->is_connecting = false;
    link_socket_tune(p->fd, &has_bbr);
    if (!has_bbr && !p->was_bbr_told)
        OPLOG(p->rm->log, EVENT_CORRIDOR_NO_BBR, OPLOG_STR("peer", p->config.zone),
              OPLOG_STR("next", "sysctl net.ipv4.tcp_allowed_congestion_control"));
    p->was_bbr_told = true;
    struct corridor_conn_config config = {
        .tls = p->tls,
        .zone = p->config.zone,
        .handshake_ms = (uint32_t)config_int(p->rm->config, CONFIG_TIMEOUT_HEADER_MS),
        .http = h2client_config_default(),
    };
    /* A name, never an address, is shown in the clear (RFC 6066 3). */
    if (strcmp(p->config.host, p->config.address) != 0)
        config.server_name = p->config.host;
    config.http.event = outbound_event;
    config.http.event_ctx = p->out;
    config.http.wake = link_peer_on_wake;
    config.http.wake_ctx = p;
    config.http.stream_window = LINK_PEER_STREAM_WINDOW;
    config.http.ping_ms = LINK_PEER_PING_MS;
    config.http.ping_wait_ms = LINK_PEER_PING_WAIT_MS;
    const struct conn_io io = link_socket_io(&p->fd);
    return corridor_conn_new(&config, &io, clock_mono_ms(), &p->conn);
}

static void
link_peer_set_timer(struct link_peer *p)
{
    const int64_t now = clock_mono_ms();
    int64_t at = p->conn == NULL ? INT64_MAX : corridor_conn_deadline(p->conn);
    const int64_t other = outbound_deadline(p->out);
    at = other < at ? other : at;
    if (at == INT64_MAX) {
        loop_timer_clear(p->due);
        return;
    }
    const int64_t wait = at <= now ? 0 : at - now;
    if (loop_timer_set(p->due, wait > UINT32_MAX ? UINT32_MAX : (uint32_t)wait) != ERR_OK)
        OPLOG(p->rm->log, EVENT_INTERNAL, OPLOG_STR("where", "link_peer"));
}

static void
link_peer_fail(struct link_peer *p, enum err err)
{
    const char *alert = corridor_conn_alert_received(p->conn);
    char why[128];
    if (strcmp(alert, "none") != 0)
        (void)snprintf(why, sizeof(why), "the peer ended TLS with the alert %s", alert);
    else if (err == ERR_DENIED)
        (void)snprintf(why, sizeof(why), "the certificate there is not that of a peer of %s",
                       p->config.zone);
    else
        (void)snprintf(why, sizeof(why), "%s", error_text(err));
    link_peer_close(p, why);
}

static void
link_peer_pump(struct link_peer *p)
{
    const int64_t now = clock_mono_ms();
    if (p->fd < 0)
        return;
    if (p->is_connecting) {
        const enum err begun = link_peer_begin(p);
        if (begun != ERR_OK) {
            link_peer_close(p, "the connection was refused or found no way");
            return;
        }
    }
    outbound_tick(p->out, now);
    enum err err = corridor_conn_pump(p->conn, now);
    if (err == ERR_OK && !p->is_begun && corridor_conn_http(p->conn) != NULL) {
        p->is_begun = true;
        outbound_connected(p->out, corridor_conn_http(p->conn), now);
        loop_defer_post(p->defer);
    }
    if (outbound_is_up(p->out))
        p->retry_ms = (uint32_t)config_int(p->rm->config, CONFIG_TIMEOUT_RETRY_MIN_MS);
    if (err == ERR_OK && p->is_begun && outbound_wants_close(p->out))
        err = ERR_CLOSED;
    if (err != ERR_OK) {
        link_peer_fail(p, err);
        return;
    }
    const unsigned wants = corridor_conn_wants(p->conn);
    const unsigned events = ((wants & CONN_WANTS_READ) != 0 ? LOOP_READ : 0U) |
                            ((wants & CONN_WANTS_WRITE) != 0 ? LOOP_WRITE : 0U);
    if (loop_watch_set(p->watch, events) != ERR_OK) {
        link_peer_close(p, error_text(ERR_SYS));
        return;
    }
    link_peer_set_timer(p);
}

static void
link_peer_on_ready(void *ctx, unsigned events)
{
    struct link_peer *p = ctx;
    (void)events;
    link_peer_pump(p);
}

static void
link_peer_on_due(void *ctx)
{
    struct link_peer *p = ctx;
    if (p->is_connecting)
        link_peer_close(p, "the connection found no answer");
    else
        link_peer_pump(p);
}

static void
link_peer_on_defer(void *ctx)
{
    struct link_peer *p = ctx;
    if (!p->is_connecting)
        link_peer_pump(p);
}

static enum err
link_peer_open(struct link_peer *p)
{
    if (p->config.address[0] == 0)
        return ERR_NOT_FOUND;
    TRY(link_socket_connect(p->config.address, p->config.port, &p->fd));
    p->is_connecting = true;
    TRY(loop_watch_new(p->rm->loop, p->fd, link_peer_on_ready, p, &p->watch));
    TRY(loop_watch_set(p->watch, LOOP_WRITE));
    return loop_timer_set(p->due, (uint32_t)config_int(p->rm->config, CONFIG_TIMEOUT_HEADER_MS));
}

static void
link_peer_on_retry(void *ctx)
{
    struct link_peer *p = ctx;
    if (p->fd >= 0)
        return;
    const enum err err = link_peer_open(p);
    if (err == ERR_NOT_FOUND)
        link_peer_close(p, "its name did not resolve; reload when it does");
    else if (err != ERR_OK)
        link_peer_close(p, error_text(err));
}

void
link_peer_start(struct link_peer *p)
{
    link_peer_on_retry(p);
}

enum err
link_peer_new(struct rolemain *rm, const struct config_peer *config, struct tlsctx *tls,
              const struct outbound_out *out, struct link_peer **ret)
{
    struct link_peer *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ERR_NOMEM;
    p->rm = rm;
    p->config = *config;
    p->tls = tls;
    p->fd = -1;
    p->retry_ms = (uint32_t)config_int(rm->config, CONFIG_TIMEOUT_RETRY_MIN_MS);
    const bool is_v6 = strchr(config->host, ':') != NULL;
    (void)snprintf(p->authority, sizeof(p->authority), is_v6 ? "[%s]:%u" : "%s:%u", config->host,
                   (unsigned)config->port);
    const struct outbound_config oc = {
        .zone = p->config.zone,
        .gateway = p->config.gateway,
        .authority = p->authority,
        .transfers_max = (size_t)config_int(rm->config, CONFIG_LIMIT_TRANSFERS_OPEN),
        .retry_min_ms = (uint32_t)config_int(rm->config, CONFIG_TIMEOUT_RETRY_MIN_MS),
        .retry_max_ms = (uint32_t)config_int(rm->config, CONFIG_TIMEOUT_RETRY_MAX_MS),
        .out = *out,
    };
    enum err err = outbound_new(&oc, &p->out);
    if (err == ERR_OK)
        err = loop_timer_new(rm->loop, link_peer_on_due, p, &p->due);
    if (err == ERR_OK)
        err = loop_timer_new(rm->loop, link_peer_on_retry, p, &p->retry);
    if (err == ERR_OK)
        err = loop_defer_new(rm->loop, link_peer_on_defer, p, &p->defer);
    if (err != ERR_OK) {
        link_peer_free(p);
        return err;
    }
    *ret = p;
    return ERR_OK;
}

void
link_peer_free(struct link_peer *p)
{
    if (p == NULL)
        return;
    corridor_conn_free(p->conn);
    outbound_free(p->out);
    loop_watch_free(p->watch);
    loop_timer_free(p->due);
    loop_timer_free(p->retry);
    loop_defer_free(p->defer);
    if (p->fd >= 0)
        (void)close(p->fd);
    free(p);
}

void
link_peer_move(struct link_peer *p, const struct config_peer *config)
{
    memcpy(p->config.address, config->address, sizeof(p->config.address));
    if (p->fd < 0) {
        loop_timer_clear(p->retry);
        link_peer_on_retry(p);
    }
}

void
link_peer_recheck(struct link_peer *p)
{
    if (p->conn != NULL && corridor_conn_recheck(p->conn) != ERR_OK)
        link_peer_close(p, "its certificate is not accepted any more");
}

struct outbound *
link_peer_outbound(struct link_peer *p)
{
    return p->out;
}

const char *
link_peer_zone(const struct link_peer *p)
{
    return p->config.zone;
}

const char *
link_peer_gateway(const struct link_peer *p)
{
    return p->config.gateway;
}
