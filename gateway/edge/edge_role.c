/* SPDX-License-Identifier: Apache-2.0 */
/* Edge as a process: connections and channels around edge.h. Several may run; they share the
 * listening socket and nothing else. */
#include "gateway/edge/edge_role.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "gateway/edge/edge.h"
#include "gateway/web/keysign.h"
#include "gateway/web/server.h"

enum { EDGE_BUDGET_PART = 2, EDGE_DRAIN_POLL_MS = 100 };

struct edge_role {
    struct rolemain *rm;
    struct keysign sign;
    struct tlskey_lib *lib;
    struct tlsctx *tls;
    struct h2server_budget budget;
    struct server *listener;
    struct edge *engine;
    struct loop_timer *drain;
};

static struct chan *
edge_role_chan(void *ctx, enum role_id role, unsigned index)
{
    struct chan *chan = rolemain_chan(((struct edge_role *)ctx)->rm, role, index);
    return chan != NULL && chan_is_open(chan) ? chan : NULL;
}

static int64_t
edge_role_now(void *ctx)
{
    (void)ctx;
    return clock_mono_ms();
}

static void
edge_role_event(void *ctx, struct server_client *client, const struct http_event *event)
{
    struct edge_role *r = ctx;
    edge_event(r->engine, server_port(), client, server_identity(client), event);
}

static void
edge_role_config(struct edge_role *r, const struct config *c, struct edge_config *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->loop = r->rm->loop;
    ret->chan = edge_role_chan;
    ret->now_ms = edge_role_now;
    ret->ctx = r;
    (void)snprintf(ret->zone, sizeof(ret->zone), "%s", config_str(c, CONFIG_ZONE));
    (void)snprintf(ret->gateway, sizeof(ret->gateway), "%s", config_str(c, CONFIG_GATEWAY));
    ret->dataset_bytes_max = (uint64_t)config_int(c, CONFIG_LIMIT_DATASET_BYTES);
    ret->name_bytes_max = (uint32_t)config_int(c, CONFIG_LIMIT_NAME_BYTES);
    ret->facts_bytes_max = (uint32_t)config_int(c, CONFIG_LIMIT_FACTS_BYTES);
    ret->decisions_rate = (uint32_t)config_int(c, CONFIG_LIMIT_DECISIONS_RATE);
    ret->role_ms = (uint32_t)config_int(c, CONFIG_TIMEOUT_ROLE_MS);
    ret->ring_slots = (size_t)config_int(c, CONFIG_BUDGET_RING_SLOTS);
    ret->transfers_max = (size_t)config_int(c, CONFIG_LIMIT_TRANSFERS_OPEN);
}

static enum err
edge_role_listen(struct edge_role *r, struct grant *grants, size_t grant_count)
{
    const struct config *c = r->rm->config;
    struct server_config config = {.loop = r->rm->loop,
                                   .log = r->rm->log,
                                   .conn = conn_config_default(),
                                   .clients_max = (size_t)config_int(c, CONFIG_LIMIT_CONNECTIONS),
                                   .event = edge_role_event,
                                   .ctx = r};
    server_limits(c, &config.conn);
    config.conn.tls = r->tls;
    config.party_max = (size_t)config_int(c, CONFIG_LIMIT_CONNECTIONS_PER_PARTY);
    config.conn.roles = IDENTITY_PARTNER | IDENTITY_OPERATOR | IDENTITY_AUDITOR;
    config.conn.http.budget = &r->budget;
    config.conn.http.limits.rate_ms = (uint32_t)config_int(c, CONFIG_TIMEOUT_RATE_GRACE_MS);
    config.conn.http.limits.min_in_rate = (uint32_t)config_int(c, CONFIG_LIMIT_MIN_RATE);
    config.conn.http.limits.min_out_rate = config.conn.http.limits.min_in_rate;
    r->budget.limit = (uint64_t)config_int(c, CONFIG_BUDGET_BYTES) / EDGE_BUDGET_PART /
                      rolemain_instances(r->rm, ROLE_EDGE);
    config.fd = rolemain_take(rolemain_grant(grants, grant_count, GRANT_LISTEN_PARTNER));
    if (config.fd < 0)
        return ERR_NOT_FOUND;
    return server_new(&config, &r->listener);
}

static enum err
edge_role_setup(struct rolemain *rm, struct grant *grants, size_t grant_count, void **ret_ctx)
{
    struct edge_config config;
    TRY(crypto_init());
    /* One process, one listener: what is made here lives until the process ends. */
    struct edge_role *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->rm = rm;
    keysign_init(&r->sign, rolemain_chan_blocking(rm, ROLE_KEEPER, 0), LISTENER_PARTNER,
                 (uint32_t)config_int(rm->config, CONFIG_TIMEOUT_SIGN_MS));
    TRY(tlskey_lib_new(&r->lib));
    TRY(server_tls(r->lib, keysign_signer(&r->sign), config_str(rm->config, CONFIG_ZONE), grants,
                   grant_count, &r->tls));
    edge_role_config(r, rm->config, &config);
    TRY(edge_new(&config, &r->engine));
    *ret_ctx = r;
    return edge_role_listen(r, grants, grant_count);
}

static enum err
edge_role_start(struct rolemain *rm)
{
    return server_start(((struct edge_role *)rm->ctx)->listener);
}

static enum err
edge_role_message(struct rolemain *rm, struct chan *chan, struct msg *m)
{
    return edge_message(((struct edge_role *)rm->ctx)->engine, chan, m);
}

static void
edge_role_peer_new(struct rolemain *rm, struct chan *chan)
{
    edge_new_peer(((struct edge_role *)rm->ctx)->engine, chan);
}

static enum err
edge_role_reload(struct rolemain *rm, const struct config *config, struct grant *grants,
                 size_t grant_count, struct fault *ret_fault)
{
    struct edge_role *r = rm->ctx;
    struct edge_config fresh;
    struct tlsctx *tls = NULL;
    (void)ret_fault;
    TRY(server_tls(r->lib, keysign_signer(&r->sign), config_str(config, CONFIG_ZONE), grants,
                   grant_count, &tls));
    edge_role_config(r, config, &fresh);
    edge_reconfigure(r->engine, &fresh);
    server_set_tls(r->listener, tls);
    /* Whom the old trust let in and the new one does not goes now. Connections keep what they need
     * of the old context, which is theirs until the process ends. */
    server_recheck(r->listener);
    r->tls = tls;
    return ERR_OK;
}

static void
edge_role_drain_poll(void *ctx)
{
    struct edge_role *r = ctx;
    if (edge_is_idle(r->engine) || loop_timer_set(r->drain, EDGE_DRAIN_POLL_MS) != ERR_OK)
        rolemain_drained(r->rm);
}

static void
edge_role_drain(struct rolemain *rm)
{
    struct edge_role *r = rm->ctx;
    edge_drain(r->engine);
    server_drain(r->listener);
    if (r->drain == NULL &&
        loop_timer_new(rm->loop, edge_role_drain_poll, r, &r->drain) != ERR_OK) {
        rolemain_drained(rm);
        return;
    }
    edge_role_drain_poll(r);
}

static size_t
edge_role_stats(struct rolemain *rm, char *out, size_t cap)
{
    const struct edge_role *r = rm->ctx;
    struct edge_stats s;
    edge_stats(r->engine, &s);
    const int len = snprintf(out, cap,
                             "connections_open %zu\nconnections_accepted_total %" PRIu64
                             "\nhandshakes_failed_total %" PRIu64 "\nrequests_total %" PRIu64
                             "\nproblems_total %" PRIu64 "\nuploads_open %" PRIu64
                             "\npulls_open %" PRIu64 "\nreceived_bytes_total %" PRIu64
                             "\nsent_bytes_total %" PRIu64 "\nwindow_bytes %" PRIu64 "\n",
                             server_client_count(r->listener), server_accepted(r->listener),
                             server_failed(r->listener), s.requests, s.refused, s.uploads_open,
                             s.pulls_open, s.bytes_in, s.bytes_out, r->budget.used);
    return len < 0 || (size_t)len >= cap ? 0 : (size_t)len;
}

const struct role_ops edge_role_ops = {
    .role = ROLE_EDGE,
    .setup = edge_role_setup,
    .start = edge_role_start,
    .on_message = edge_role_message,
    .on_peer_new = edge_role_peer_new,
    .on_reload = edge_role_reload,
    .on_drain = edge_role_drain,
    .on_stats = edge_role_stats,
};
