/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/desk/desk_role.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "gateway/desk/desk.h"
#include "gateway/web/keysign.h"
#include "gateway/web/server.h"

enum {
    DESK_ASK_MS = 1000,
    DESK_ASK_SOON_MS = 150, /* until the gateway was ready once */
    DESK_WINDOW_BYTES = 16 * 1024 * 1024,
};

struct desk_role {
    struct rolemain *rm;
    struct keysign sign;
    struct tlskey_lib *lib;
    struct h2server_budget budget;
    struct server *listener;
    struct server *plain; /* NULL: not configured */
    struct loop_timer *timer;
    struct desk engine;
};

static struct chan *
desk_role_chan(void *ctx, enum role_id role, unsigned index)
{
    struct chan *chan = rolemain_chan(((struct desk_role *)ctx)->rm, role, index);
    return chan != NULL && chan_is_open(chan) ? chan : NULL;
}

static int64_t
desk_role_now(void *ctx)
{
    (void)ctx;
    return clock_mono_ms();
}

static void
desk_role_event(void *ctx, struct server_client *client, const struct http_event *event)
{
    struct desk_role *r = ctx;
    desk_event(&r->engine, server_port(), client, server_identity(client), false, event);
}

static void
desk_role_plain_event(void *ctx, struct server_client *client, const struct http_event *event)
{
    struct desk_role *r = ctx;
    desk_event(&r->engine, server_port(), client, server_identity(client), true, event);
}

static void
desk_role_on_time(void *ctx)
{
    struct desk_role *r = ctx;
    desk_poll(&r->engine);
    const bool ready = vitals_is_ready(&r->engine.vitals, clock_mono_ms());
    if (loop_timer_set(r->timer, ready ? DESK_ASK_MS : DESK_ASK_SOON_MS) != ERR_OK)
        OPLOG(r->rm->log, EVENT_INTERNAL, OPLOG_STR("where", "desk timer"));
}

static enum err
desk_role_listen(struct desk_role *r, struct tlsctx *tls, int fd, struct server **ret)
{
    const struct config *c = r->rm->config;
    struct server_config config = {.loop = r->rm->loop,
                                   .log = r->rm->log,
                                   .fd = fd,
                                   .conn = conn_config_default(),
                                   .clients_max = (size_t)config_int(c, CONFIG_LIMIT_CONNECTIONS),
                                   .event = tls == NULL ? desk_role_plain_event : desk_role_event,
                                   .ctx = r};
    if (fd < 0)
        return ERR_NOT_FOUND;
    server_limits(c, &config.conn);
    config.conn.tls = tls;
    if (tls != NULL)
        config.party_max = (size_t)config_int(c, CONFIG_LIMIT_CONNECTIONS_PER_PARTY);
    config.conn.roles = IDENTITY_OPERATOR | IDENTITY_AUDITOR;
    config.conn.http.budget = &r->budget;
    return server_new(&config, ret);
}

static enum err
desk_role_setup(struct rolemain *rm, struct grant *grants, size_t grant_count, void **ret_ctx)
{
    struct tlsctx *tls = NULL;
    TRY(crypto_init());
    /* One process, one desk: what is made here lives until the process ends. */
    struct desk_role *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->rm = rm;
    r->budget.limit = DESK_WINDOW_BYTES;
    r->engine = (struct desk){.loop = rm->loop,
                              .chan = desk_role_chan,
                              .now_ms = desk_role_now,
                              .ctx = r,
                              .role_ms = (uint32_t)config_int(rm->config, CONFIG_TIMEOUT_ROLE_MS)};
    keysign_init(&r->sign, rolemain_chan_blocking(rm, ROLE_KEEPER, 0), LISTENER_DESK,
                 (uint32_t)config_int(rm->config, CONFIG_TIMEOUT_SIGN_MS));
    TRY(tlskey_lib_new(&r->lib));
    TRY(server_tls(r->lib, keysign_signer(&r->sign), config_str(rm->config, CONFIG_ZONE), grants,
                   grant_count, &tls));
    TRY(desk_init(&r->engine));
    TRY(loop_timer_new(rm->loop, desk_role_on_time, r, &r->timer));
    TRY(desk_role_listen(r, tls,
                         rolemain_take(rolemain_grant(grants, grant_count, GRANT_LISTEN_DESK)),
                         &r->listener));
    *ret_ctx = r;
    struct grant *plain = rolemain_grant(grants, grant_count, GRANT_LISTEN_PLAIN);
    return plain == NULL ? ERR_OK : desk_role_listen(r, NULL, rolemain_take(plain), &r->plain);
}

static enum err
desk_role_start(struct rolemain *rm)
{
    struct desk_role *r = rm->ctx;
    desk_poll(&r->engine);
    TRY(loop_timer_set(r->timer, DESK_ASK_SOON_MS));
    if (r->plain != NULL)
        TRY(server_start(r->plain));
    return server_start(r->listener);
}

static enum err
desk_role_message(struct rolemain *rm, struct chan *chan, struct msg *m)
{
    (void)chan;
    return desk_message(&((struct desk_role *)rm->ctx)->engine, m);
}

static void
desk_role_peer_lost(struct rolemain *rm, struct chan *chan)
{
    vitals_lost(&((struct desk_role *)rm->ctx)->engine.vitals, chan_role(chan));
}

static enum err
desk_role_reload(struct rolemain *rm, const struct config *config, struct grant *grants,
                 size_t grant_count, struct fault *ret_fault)
{
    struct desk_role *r = rm->ctx;
    struct tlsctx *tls = NULL;
    (void)ret_fault;
    TRY(server_tls(r->lib, keysign_signer(&r->sign), config_str(config, CONFIG_ZONE), grants,
                   grant_count, &tls));
    server_set_tls(r->listener, tls);
    server_recheck(r->listener);
    return ERR_OK;
}

/* Health goes on being served until the end: that is how a balancer learns of the drain. */
static void
desk_role_drain(struct rolemain *rm)
{
    struct desk_role *r = rm->ctx;
    r->engine.vitals.is_draining = true;
    rolemain_drained(rm);
}

static size_t
desk_role_stats(struct rolemain *rm, char *out, size_t cap)
{
    const struct desk_role *r = rm->ctx;
    const int len = snprintf(out, cap, "connections_open %zu\nrequests_total %" PRIu64 "\n",
                             server_client_count(r->listener) +
                                 (r->plain == NULL ? 0 : server_client_count(r->plain)),
                             r->engine.requests);
    return len < 0 || (size_t)len >= cap ? 0 : (size_t)len;
}

const struct role_ops desk_role_ops = {
    .role = ROLE_DESK,
    .setup = desk_role_setup,
    .start = desk_role_start,
    .on_message = desk_role_message,
    .on_peer_lost = desk_role_peer_lost,
    .on_reload = desk_role_reload,
    .on_drain = desk_role_drain,
    .on_stats = desk_role_stats,
};
