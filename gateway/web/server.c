/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web/server.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/core/clock.h"
#include "gateway/web/httpdate.h"

enum {
    SERVER_BURST = 32,     /* connections accepted per turn */
    SERVER_PAUSE_MS = 100, /* when the process has no descriptor left, or no connection to spare */
    SERVER_SHED_MS = 1000, /* how long a handshake is safe when all connections are taken */
    SERVER_SURPLUS_MS = 2000, /* what a connection beyond its party's share has to hear its 429 */
};

struct server_client {
    struct server *owner;
    struct server_client *next;
    struct server_client **link; /* what points here */
    int fd;
    struct conn *conn;
    struct loop_watch *watch;
    struct loop_timer *timer;
    struct loop_defer *defer;
    int64_t since_ms;
    bool is_met;     /* who it is has been looked at */
    bool is_surplus; /* its party has its share already: nothing on it reaches the owner */
};

struct server {
    struct server_config config;
    struct loop_watch *watch;
    struct loop_timer *pause;
    struct server_client *clients;
    size_t client_count;
    uint64_t accepted;
    uint64_t failed;
    bool is_started;
    bool is_draining;
};

/* -- one client
 * ----------------------------------------------------------------------------------*/

static enum err
server_recv(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len)
{
    const struct server_client *c = ctx;
    const ssize_t n = recv(c->fd, buf, cap, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_IO;
    *ret_len = (size_t)n;
    return n == 0 ? ERR_CLOSED : ERR_OK;
}

static enum err
server_send(void *ctx, struct span bytes, size_t *ret_len)
{
    const struct server_client *c = ctx;
    const ssize_t n = send(c->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_IO;
    *ret_len = (size_t)n;
    return ERR_OK;
}

/* Nobody is known at the other end yet. */
static bool
server_is_stranger(const struct server_client *c)
{
    return c->owner->config.conn.tls != NULL && conn_identity(c->conn)->name[0] == 0;
}

static bool
server_is_same(const struct identity *a, const struct identity *b)
{
    return a->role == b->role && strcmp(a->zone, b->zone) == 0 && strcmp(a->name, b->name) == 0;
}

/* Once, when it is known who is there: whether that party has its share of connections already. */
static void
server_meet(struct server_client *c)
{
    const struct server *l = c->owner;
    const struct identity *who = conn_identity(c->conn);
    size_t count = 0;
    if (c->is_met || l->config.party_max == 0 || server_is_stranger(c))
        return;
    c->is_met = true;
    for (const struct server_client *o = l->clients; o != NULL; o = o->next)
        count += o->is_met && !o->is_surplus && server_is_same(conn_identity(o->conn), who) ? 1 : 0;
    if (count <= l->config.party_max)
        return;
    c->is_surplus = true;
    c->since_ms = clock_mono_ms();
    OPLOG(l->config.log, EVENT_CONNECTION_SURPLUS, OPLOG_STR("party", who->name),
          OPLOG_INT("open", count - 1));
}

static void
server_refuse(struct server_client *c, uint32_t stream)
{
    struct reply refusal;
    reply_init(&refusal, server_port(), c, stream, false);
    reply_header(&refusal, "retry-after", SPAN_LIT("2"));
    reply_code(&refusal, PROBLEM_RATE_LIMITED,
               SPAN_LIT("too many connections of this party are open; close some of them"));
    reply_finish(&refusal);
    conn_drain(c->conn);
}

static void
server_on_http(void *ctx, const struct http_event *event)
{
    struct server_client *c = ctx;
    server_meet(c);
    if (!c->is_surplus)
        c->owner->config.event(c->owner->config.ctx, c, event);
    else if (event->type == HTTP_EVENT_HEAD)
        server_refuse(c, event->stream);
}

static void
server_on_wake(void *ctx)
{
    loop_defer_post(((struct server_client *)ctx)->defer);
}

static void server_want(struct server *l);

static void
server_drop(struct server_client *c)
{
    struct server *l = c->owner;
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    conn_free(c->conn);
    loop_watch_free(c->watch);
    loop_timer_free(c->timer);
    loop_defer_free(c->defer);
    if (c->fd >= 0)
        (void)close(c->fd);
    free(c);
    l->client_count--;
    server_want(l);
}

static void
server_note_end(struct server_client *c, enum err err)
{
    const bool handshake = server_is_stranger(c);
    if (err == ERR_OK || err == ERR_CLOSED || err == ERR_SHORT || err == ERR_IO)
        return;
    if (handshake)
        c->owner->failed++;
    OPLOG(c->owner->config.log, EVENT_CONNECTION_ENDED, OPLOG_ERR(err),
          OPLOG_STR("alert_sent", conn_alert_sent(c->conn)),
          OPLOG_STR("alert_received", conn_alert_received(c->conn)),
          OPLOG_STR("party", conn_identity(c->conn)->name));
}

static void
server_pump(struct server_client *c)
{
    const int64_t now = clock_mono_ms();
    enum err err = conn_pump(c->conn, now);
    if (err == ERR_OK) {
        const unsigned wants = conn_wants(c->conn);
        int64_t at = conn_deadline(c->conn);
        server_meet(c);
        if (c->is_surplus && at > c->since_ms + SERVER_SURPLUS_MS)
            at = c->since_ms + SERVER_SURPLUS_MS;
        unsigned events = (wants & CONN_WANTS_READ) != 0 ? LOOP_READ : 0;
        events |= (wants & CONN_WANTS_WRITE) != 0 ? LOOP_WRITE : 0;
        err = loop_watch_set(c->watch, events);
        if (at == INT64_MAX)
            loop_timer_clear(c->timer);
        else if (err == ERR_OK)
            err = loop_timer_set(c->timer, at <= now ? 1 : (uint32_t)(at - now));
    }
    if (err == ERR_OK && !(c->is_surplus && now >= c->since_ms + SERVER_SURPLUS_MS))
        return;
    server_note_end(c, err);
    server_drop(c);
}

static void
server_on_ready(void *ctx, unsigned events)
{
    (void)events;
    server_pump(ctx);
}

static void
server_on_due(void *ctx)
{
    server_pump(ctx);
}

static enum err
server_client_init(struct server *l, struct server_client *c)
{
    struct conn_config config = l->config.conn;
    const struct conn_io io = {server_recv, server_send, c};
    config.http.sink = (struct http_sink){server_on_http, c};
    config.http.wake = server_on_wake;
    config.http.wake_ctx = c;
    TRY(loop_watch_new(l->config.loop, c->fd, server_on_ready, c, &c->watch));
    TRY(loop_timer_new(l->config.loop, server_on_due, c, &c->timer));
    TRY(loop_defer_new(l->config.loop, server_on_due, c, &c->defer));
    return conn_new(&config, &io, clock_mono_ms(), &c->conn);
}

static void
server_take(struct server *l, int fd)
{
    const int on = 1;
    struct server_client *c = calloc(1, sizeof(*c));
    l->accepted++;
    if (c == NULL) {
        (void)close(fd);
        return;
    }
    /* Answers leave at once; the records are put together by ourselves. */
    (void)!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->owner = l;
    c->fd = fd;
    c->since_ms = clock_mono_ms();
    c->next = l->clients;
    c->link = &l->clients;
    if (c->next != NULL)
        c->next->link = &c->next;
    l->clients = c;
    l->client_count++;
    const enum err err = server_client_init(l, c);
    if (err == ERR_OK)
        server_pump(c);
    else
        server_drop(c);
}

/* -- accepting
 * -----------------------------------------------------------------------------------*/

/* The oldest connection that has not said who it is or has no right to be here, or NULL. */
static struct server_client *
server_stranger(const struct server *l)
{
    struct server_client *oldest = NULL;
    for (struct server_client *c = l->clients; c != NULL; c = c->next)
        if (server_is_stranger(c) || c->is_surplus)
            oldest = c; /* the list begins with the newest */
    return oldest;
}

static void
server_want(struct server *l)
{
    /* Full of strangers it still listens: a newcomer takes the place of the oldest. */
    const bool room = l->client_count < l->config.clients_max || server_stranger(l) != NULL;
    const bool open = l->is_started && !l->is_draining && room && !loop_timer_is_set(l->pause);
    if (l->watch != NULL && loop_watch_set(l->watch, open ? LOOP_READ : 0) != ERR_OK)
        OPLOG(l->config.log, EVENT_INTERNAL, OPLOG_STR("where", "server"));
}

static void
server_on_pause_over(void *ctx)
{
    server_want(ctx);
}

/* Makes room for one who waits, at the cost of the oldest handshake: who opens connections and says
 * nothing keeps nobody out for longer than SERVER_SHED_MS. */
static bool
server_shed(struct server *l)
{
    struct server_client *oldest = server_stranger(l);
    if (oldest == NULL || clock_mono_ms() - oldest->since_ms < SERVER_SHED_MS)
        return false;
    OPLOG(l->config.log, EVENT_CONNECTION_SHED, OPLOG_INT("open", l->client_count));
    l->failed++;
    server_drop(oldest);
    return true;
}

static void
server_on_accept(void *ctx, unsigned events)
{
    struct server *l = ctx;
    (void)events;
    const bool full = l->client_count >= l->config.clients_max;
    if (full && !server_shed(l)) {
        if (loop_timer_set(l->pause, SERVER_PAUSE_MS) != ERR_OK)
            OPLOG(l->config.log, EVENT_INTERNAL, OPLOG_STR("where", "server"));
        server_want(l);
        return;
    }
    for (int i = 0; i < SERVER_BURST && l->client_count < l->config.clients_max; i++) {
        const int fd = accept4(l->config.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            const bool spent =
                errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            if (spent && loop_timer_set(l->pause, SERVER_PAUSE_MS) == ERR_OK)
                OPLOG(l->config.log, EVENT_CONNECTIONS_FULL, OPLOG_INT("open", l->client_count));
            break;
        }
        server_take(l, fd);
    }
    if (!full && l->client_count >= l->config.clients_max)
        OPLOG(l->config.log, EVENT_CONNECTIONS_FULL, OPLOG_INT("open", l->client_count));
    server_want(l);
}

enum err
server_new(const struct server_config *config, struct server **ret)
{
    struct server *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NOMEM;
    l->config = *config;
    enum err err = loop_watch_new(config->loop, config->fd, server_on_accept, l, &l->watch);
    if (err == ERR_OK)
        err = loop_timer_new(config->loop, server_on_pause_over, l, &l->pause);
    if (err != ERR_OK) {
        l->config.fd = -1;
        server_free(l);
        return err;
    }
    *ret = l;
    return ERR_OK;
}

void
server_free(struct server *l)
{
    if (l == NULL)
        return;
    l->is_draining = true;
    while (l->clients != NULL)
        server_drop(l->clients);
    loop_watch_free(l->watch);
    loop_timer_free(l->pause);
    if (l->config.fd >= 0)
        (void)close(l->config.fd);
    free(l);
}

enum err
server_start(struct server *l)
{
    l->is_started = true;
    return loop_watch_set(l->watch, LOOP_READ);
}

void
server_drain(struct server *l)
{
    l->is_draining = true;
    server_want(l);
    for (struct server_client *c = l->clients; c != NULL; c = c->next)
        conn_drain(c->conn);
}

size_t
server_client_count(const struct server *l)
{
    return l->client_count;
}

uint64_t
server_accepted(const struct server *l)
{
    return l->accepted;
}

uint64_t
server_failed(const struct server *l)
{
    return l->failed;
}

void
server_set_tls(struct server *l, struct tlsctx *tls)
{
    l->config.conn.tls = tls;
}

void
server_recheck(struct server *l)
{
    for (struct server_client *c = l->clients; c != NULL;) {
        struct server_client *next = c->next;
        if (conn_recheck(c->conn) != ERR_OK)
            server_drop(c);
        c = next;
    }
}

void
server_end(struct server_client *client)
{
    conn_drain(client->conn);
}

const struct identity *
server_identity(const struct server_client *client)
{
    return conn_identity(client->conn);
}

/* -- the port
 * ------------------------------------------------------------------------------------*/

static enum err
server_port_grant(void *conn, uint32_t stream, uint64_t bytes)
{
    return conn_grant(((struct server_client *)conn)->conn, stream, bytes);
}

static enum err
server_port_inform(void *conn, uint32_t stream, const struct http_response *response)
{
    return conn_inform(((struct server_client *)conn)->conn, stream, response);
}

static enum err
server_port_respond(void *conn, uint32_t stream, const struct http_response *response)
{
    struct http_header headers[REPLY_HEADERS_MAX + 1];
    struct http_response dated = *response;
    char now[HTTPDATE_BYTES];
    assert(response->header_count <= REPLY_HEADERS_MAX);
    if (response->header_count > 0)
        memcpy(headers, response->headers, response->header_count * sizeof(headers[0]));
    headers[dated.header_count++] = (struct http_header){
        SPAN_LIT("date"), httpdate_put((uint64_t)(clock_wall_ms() / 1000), now)};
    dated.headers = headers;
    return conn_respond(((struct server_client *)conn)->conn, stream, &dated);
}

static enum err
server_port_write(void *conn, uint32_t stream, struct span bytes, size_t *ret_len)
{
    return conn_write(((struct server_client *)conn)->conn, stream, bytes, ret_len);
}

static enum err
server_port_finish(void *conn, uint32_t stream)
{
    return conn_finish(((struct server_client *)conn)->conn, stream);
}

static enum err
server_port_reset(void *conn, uint32_t stream)
{
    return conn_reset(((struct server_client *)conn)->conn, stream);
}

const struct reply_port *
server_port(void)
{
    static const struct reply_port port = {server_port_grant,   server_port_inform,
                                           server_port_respond, server_port_write,
                                           server_port_finish,  server_port_reset};
    return &port;
}
