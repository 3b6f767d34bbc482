/* SPDX-License-Identifier: Apache-2.0 */
/* The inspector as a process: messages and ring descriptors in, messages out. What it does is
 * inspector.h. */
#include "gateway/inspector/inspector_role.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "gateway/inspector/inspector.h"

struct inspector_role;

struct inspector_role_watch {
    struct inspector_role *role;
    size_t slot;
    struct loop_watch *watch;
};

struct inspector_role {
    struct rolemain *rm;
    struct inspector engine;
    struct inspector_role_watch watch[INSPECTOR_SLOTS_MAX][INSPECTOR_RINGS];
    bool again[INSPECTOR_SLOTS_MAX];
    struct loop_defer *defer;
};

static enum err
inspector_role_send(void *ctx, enum role_id role, unsigned index, uint32_t generation,
                    enum msg_type type, const uint8_t transfer[static 16], struct span body,
                    const int *fds, size_t fd_count)
{
    struct inspector_role *r = ctx;
    struct chan *chan = rolemain_chan(r->rm, role, index);
    if (chan == NULL || !chan_is_open(chan))
        return ERR_ROLE_LOST;
    if (generation != 0 && chan_incarnation(chan) != generation)
        return ERR_ROLE_LOST;
    struct msg m = {.type = type, .body = body, .fd_count = fd_count};
    memcpy(m.transfer, transfer, sizeof(m.transfer));
    for (size_t k = 0; k < fd_count; k++)
        m.fds[k] = fds[k];
    const enum err err = chan_send(chan, &m);
    if (err == ERR_FULL)
        OPLOG(r->rm->log, EVENT_CHANNEL_FULL, OPLOG_STR("role", role_name(role)));
    return err;
}

static void
inspector_role_ready(void *ctx, unsigned events)
{
    struct inspector_role_watch *w = ctx;
    (void)events;
    inspector_turn(&w->role->engine, w->slot);
}

static enum err
inspector_role_watch(void *ctx, size_t slot, enum inspector_ring which, int fd)
{
    struct inspector_role *r = ctx;
    struct inspector_role_watch *w = &r->watch[slot][which];
    loop_watch_free(w->watch);
    *w = (struct inspector_role_watch){.role = r, .slot = slot};
    if (fd < 0)
        return ERR_OK;
    TRY(loop_watch_new(r->rm->loop, fd, inspector_role_ready, w, &w->watch));
    return loop_watch_set(w->watch, LOOP_READ);
}

static void
inspector_role_again(void *ctx, size_t slot)
{
    struct inspector_role *r = ctx;
    r->again[slot] = true;
    loop_defer_post(r->defer);
}

/* Every transfer that has more to do gets one turn. */
static void
inspector_role_round(void *ctx)
{
    struct inspector_role *r = ctx;
    for (size_t k = 0; k < r->engine.slot_max; k++) {
        if (!r->again[k])
            continue;
        r->again[k] = false;
        inspector_turn(&r->engine, k);
    }
}

static void
inspector_role_retire(void *ctx)
{
    struct inspector_role *r = ctx;
    rolemain_replace(r->rm);
}

static enum err
inspector_role_setup(struct rolemain *rm, struct grant *grants, size_t grant_count, void **ret_ctx)
{
    (void)grants;
    (void)grant_count;
    TRY(crypto_init());
    struct inspector_role *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->rm = rm;
    const int64_t slots = config_int(rm->config, CONFIG_LIMIT_TRANSFERS_OPEN);
    TRY(inspector_init(&r->engine,
                       slots > INSPECTOR_SLOTS_MAX ? INSPECTOR_SLOTS_MAX : (size_t)slots,
                       (size_t)config_int(rm->config, CONFIG_BUDGET_RING_SLOTS)));
    r->engine.out = (struct inspector_out){r, inspector_role_send, inspector_role_watch,
                                           inspector_role_again, inspector_role_retire};
    TRY(loop_defer_new(rm->loop, inspector_role_round, r, &r->defer));
    *ret_ctx = r;
    return ERR_OK;
}

static enum err
inspector_role_message(struct rolemain *rm, struct chan *chan, struct msg *m)
{
    struct inspector_role *r = rm->ctx;
    struct inspector_in in = {.type = m->type,
                              .from = chan_role(chan),
                              .from_index = chan_index(chan),
                              .from_generation = chan_incarnation(chan),
                              .body = m->body,
                              .fds = m->fds,
                              .fd_count = m->fd_count};
    memcpy(in.transfer, m->transfer, sizeof(in.transfer));
    return inspector_handle(&r->engine, &in);
}

static void
inspector_role_peer_lost(struct rolemain *rm, struct chan *chan)
{
    struct inspector_role *r = rm->ctx;
    inspector_lost(&r->engine, chan_role(chan), chan_index(chan));
    /* A new clerk knows of no binding, so it must meet a process that has none. */
    if (chan_role(chan) == ROLE_CLERK && r->engine.is_bound)
        rolemain_replace(rm);
}

static size_t
inspector_role_stats(struct rolemain *rm, char *out, size_t cap)
{
    const struct inspector_role *r = rm->ctx;
    const int n = snprintf(out, cap, "inspections_open %zu\ninspections_done %llu\n",
                           inspector_busy(&r->engine), (unsigned long long)r->engine.done);
    return n < 0 || (size_t)n >= cap ? 0 : (size_t)n;
}

const struct role_ops inspector_role_ops = {
    .role = ROLE_INSPECTOR,
    .setup = inspector_role_setup,
    .on_message = inspector_role_message,
    .on_peer_lost = inspector_role_peer_lost,
    .on_stats = inspector_role_stats,
};
