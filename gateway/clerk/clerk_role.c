/* SPDX-License-Identifier: Apache-2.0 */
/* Clerk as a process: the engine of gateway/flow joined to channels, clocks and the event loop.
 * A database or spool that fails ends the process: what is on disk is no longer known, and a fresh
 * clerk reads it again. */
#include "gateway/clerk/clerk_role.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "crypto/crypto.h"
#include "gateway/flow/flow.h"
#include "schemas/trust.h"

enum { CLERK_TRUST_MAX = 1 << 20, CLERK_ASKED_MAX = 8192, CLERK_PATH_MAX = 64 };

/* An open question: what its answer is handed to. */
struct clerk_asked {
    struct clerk_role *role;
    uint64_t tag;
    bool used;
};

struct clerk_role {
    struct rolemain *rm;
    struct store *store;
    struct flow *flow;
    struct loop_timer *timer;
    int state_dir;
    int spool_dir;
    bool draining;
    bool started;
    uint8_t *trust_bytes;
    struct trust *trust;
    char *vkeys; /* NUL terminated, one after the other */
    struct flow_config config;
    struct clerk_asked asked[CLERK_ASKED_MAX];
};

/* -- the engine's way out -----------------------------------------------------------------------*/

static int64_t
role_wall(void *ctx)
{
    (void)ctx;
    return clock_wall_ms();
}

static int64_t
role_mono(void *ctx)
{
    (void)ctx;
    return clock_mono_ms();
}

static enum err
role_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return getrandom(out, len, 0) == (ssize_t)len ? ERR_OK : ERR_SYS;
}

static enum err
role_tell(void *ctx, enum role_id role, unsigned index, const struct msg *m)
{
    struct clerk_role *r = ctx;
    struct chan *chan = rolemain_chan(r->rm, role, index);
    const enum err err = chan == NULL || !chan_is_open(chan) ? ERR_ROLE_LOST : chan_send(chan, m);
    if (err == ERR_FULL)
        OPLOG(r->rm->log, EVENT_CHANNEL_FULL, OPLOG_STR("role", role_name(role)));
    return err;
}

static enum err
role_on_answer(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct clerk_asked *asked = ctx;
    struct clerk_role *r = asked->role;
    (void)chan;
    asked->used = false;
    return flow_answer(r->flow, asked->tag, err, answer);
}

static enum err
role_ask(void *ctx, enum role_id role, unsigned index, const struct msg *m, uint64_t tag)
{
    struct clerk_role *r = ctx;
    struct chan *chan = rolemain_chan(r->rm, role, index);
    struct clerk_asked *slot = NULL;
    if (chan == NULL || !chan_is_open(chan))
        return ERR_ROLE_LOST;
    for (size_t i = 0; i < CLERK_ASKED_MAX && slot == NULL; i++)
        slot = r->asked[i].used ? NULL : &r->asked[i];
    if (slot == NULL)
        return ERR_FULL;
    *slot = (struct clerk_asked){r, tag, true};
    const uint32_t deadline = (uint32_t)config_int(r->rm->config, CONFIG_TIMEOUT_ROLE_MS);
    const enum err err = chan_ask(chan, m, deadline, role_on_answer, slot, NULL);
    if (err != ERR_OK)
        slot->used = false;
    return err;
}

static enum err
role_answer(void *ctx, const struct chan_ticket *ticket, const struct msg *m)
{
    (void)ctx;
    return chan_answer(ticket, m);
}

static uint32_t
role_generation(void *ctx, enum role_id role, unsigned index)
{
    const struct clerk_role *r = ctx;
    const struct chan *chan = rolemain_chan(r->rm, role, index);
    return chan == NULL || !chan_is_open(chan) ? 0 : chan_incarnation(chan);
}

static unsigned
role_instances(void *ctx, enum role_id role)
{
    const struct clerk_role *r = ctx;
    return rolemain_instances(r->rm, role);
}

static void
role_fault(void *ctx, enum flow_state state, bool stored)
{
    (void)ctx;
#if TDZ_FAULTS
    static const enum fault_id before[FLOW_STATE_COUNT] = {
#define FLOW_STATE(ID, name, shown, drive, logged, durable) FAULT_clerk_##name##_before,
#include "gateway/flow/flow.def"
#undef FLOW_STATE
    };
    static const enum fault_id after[FLOW_STATE_COUNT] = {
#define FLOW_STATE(ID, name, shown, drive, logged, durable) FAULT_clerk_##name##_stored,
#include "gateway/flow/flow.def"
#undef FLOW_STATE
    };
    (void)fault_hit(stored ? after[state] : before[state]);
#else
    (void)state;
    (void)stored;
#endif
}

static void
role_notice(void *ctx, enum flow_notice notice, const uint8_t *transfer, uint64_t value)
{
    static const uint8_t none[16];
    static const enum event_id events[] = {
        [FLOW_NOTICE_RECOVERED] = EVENT_CLERK_RECOVERED,
        [FLOW_NOTICE_BEHIND] = EVENT_CLERK_BEHIND,
        [FLOW_NOTICE_UNPROVED] = EVENT_CLERK_UNPROVED,
        [FLOW_NOTICE_QUARANTINED] = EVENT_CLERK_QUARANTINED,
        [FLOW_NOTICE_SWEPT] = EVENT_CLERK_SWEPT,
        [FLOW_NOTICE_DAMAGED] = EVENT_CLERK_DAMAGED,
        [FLOW_NOTICE_REFUSED] = EVENT_CLERK_REFUSED,
        [FLOW_NOTICE_CONFLICT] = EVENT_CLERK_CONFLICT,
        [FLOW_NOTICE_OVERTAKEN] = EVENT_CLERK_OVERTAKEN,
        [FLOW_NOTICE_LOST] = EVENT_CLERK_LOST,
        [FLOW_NOTICE_COUNTER] = EVENT_CLERK_COUNTER,
        [FLOW_NOTICE_DUTY] = EVENT_CLERK_DUTY,
        [FLOW_NOTICE_SUCCEEDED] = EVENT_CLERK_SUCCEEDED,
        [FLOW_NOTICE_STORE] = EVENT_CLERK_STORE,
    };
    struct clerk_role *r = ctx;
    OPLOG(r->rm->log, events[notice], OPLOG_INT("value", value),
          OPLOG_TRANSFER(transfer == NULL ? none : transfer));
}

/* -- configuration ------------------------------------------------------------------------------*/

/* Log keys of all zones, for evidence. */
static enum err
role_vkeys(struct clerk_role *r)
{
    size_t bytes = 0;
    for (size_t z = 0; z < r->trust->zone_count; z++) {
        for (size_t i = 0; i < r->trust->zones[z].log_count; i++)
            bytes += r->trust->zones[z].logs[i].len + 1;
    }
    char *at = malloc(bytes + 1);
    if (at == NULL)
        return ERR_NOMEM;
    free(r->vkeys);
    r->vkeys = at;
    r->config.vkey_count = 0;
    for (size_t z = 0; z < r->trust->zone_count; z++) {
        for (size_t i = 0; i < r->trust->zones[z].log_count; i++) {
            const struct span key = r->trust->zones[z].logs[i];
            if (r->config.vkey_count == FLOW_VKEYS_MAX)
                return ERR_FULL;
            memcpy(at, key.ptr, key.len);
            at[key.len] = 0;
            r->config.vkeys[r->config.vkey_count++] = at;
            at += key.len + 1;
        }
    }
    return ERR_OK;
}

static enum err
role_trust(struct clerk_role *r, struct grant *grants, size_t grant_count)
{
    struct fault fault;
    size_t len = 0;
    const struct grant *g = rolemain_grant(grants, grant_count, GRANT_TRUST);
    if (g == NULL)
        return ERR_MISSING;
    TRY(rolemain_size(g, &len));
    if (len > CLERK_TRUST_MAX)
        return ERR_TOO_LARGE;
    uint8_t *bytes = malloc(len + 1);
    struct trust *trust = calloc(1, sizeof(*trust));
    enum err err = bytes == NULL || trust == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK)
        err = rolemain_read(g, bytes, len + 1, &len);
    if (err == ERR_OK)
        err = trust_load(span_of(bytes, len), trust, &fault);
    if (err != ERR_OK) {
        free(bytes);
        free(trust);
        return err;
    }
    if (r->trust != NULL)
        trust_free(r->trust);
    free(r->trust);
    free(r->trust_bytes);
    r->trust = trust;
    r->trust_bytes = bytes;
    return role_vkeys(r);
}

static void
role_config(struct clerk_role *r, const struct config *c)
{
    struct flow_config *to = &r->config;
    (void)snprintf(to->zone, sizeof(to->zone), "%s", config_str(c, CONFIG_ZONE));
    (void)snprintf(to->origin, sizeof(to->origin), "%s", config_str(c, CONFIG_ORIGIN));
    to->peer_count = config_peer_count(c);
    for (size_t i = 0; i < to->peer_count; i++)
        (void)snprintf(to->peers[i].zone, sizeof(to->peers[i].zone), "%s", config_peer(c, i)->zone);
    to->dataset_bytes_max = (uint64_t)config_int(c, CONFIG_LIMIT_DATASET_BYTES);
    to->spool_bytes_max = (uint64_t)config_int(c, CONFIG_BUDGET_SPOOL_BYTES);
    to->spool_peer_bytes_max = (uint64_t)config_int(c, CONFIG_BUDGET_SPOOL_PEER_BYTES);
    to->uploads_per_partner = (uint32_t)config_int(c, CONFIG_LIMIT_UPLOADS_PER_PARTNER);
    to->name_bytes_max = (uint32_t)config_int(c, CONFIG_LIMIT_NAME_BYTES);
    to->role_ms = (uint32_t)config_int(c, CONFIG_TIMEOUT_ROLE_MS);
    to->retry_min_ms = (uint32_t)config_int(c, CONFIG_TIMEOUT_RETRY_MIN_MS);
    to->retry_max_ms = (uint32_t)config_int(c, CONFIG_TIMEOUT_RETRY_MAX_MS);
    to->warn_pi = (uint64_t)config_int(c, CONFIG_COUNTER_WARN_PI);
    to->warn_spi = (uint64_t)config_int(c, CONFIG_COUNTER_WARN_SPI);
    to->retain_days = (uint32_t)config_int(c, CONFIG_RETAIN_DAYS);
    to->offer_valid_s = (uint32_t)config_int(c, CONFIG_OFFER_VALID_S);
    to->idempotency_ms = config_int(c, CONFIG_IDEMPOTENCY_S) * 1000;
}

/* -- life ---------------------------------------------------------------------------------------*/

/* Ends the process when the engine is dead. */
static void
role_after(struct clerk_role *r)
{
    if (flow_is_dead(r->flow))
        abort(); /* logged already; warden starts a clerk that reads what is on disk */
    if (r->draining && flow_is_drained(r->flow)) {
        r->draining = false;
        rolemain_drained(r->rm);
    }
}

static void
role_tick(void *ctx)
{
    struct clerk_role *r = ctx;
    const uint32_t wait = flow_tick(r->flow);
    role_after(r);
    if (loop_timer_set(r->timer, wait) != ERR_OK)
        loop_stop(r->rm->loop);
}

/* Something happened: look soon whether the engine wants to be called. */
static void
role_poke(struct clerk_role *r)
{
    role_after(r);
    if (loop_timer_set(r->timer, 1) != ERR_OK)
        loop_stop(r->rm->loop);
}

/* SQLite opens by path, and gets one through the descriptor: what is above the folder is none of
 * our business, and may be closed to the account we run as. */
static enum err
role_open_store(struct clerk_role *r)
{
    char folder[CLERK_PATH_MAX];
    (void)snprintf(folder, sizeof(folder), "/proc/self/fd/%d", r->state_dir);
    return store_open(folder, &r->store);
}

static enum err
role_setup(struct rolemain *rm, struct grant *grants, size_t grant_count, void **ret_ctx)
{
    static const struct flow_outbound way_out = {
        .wall_ms = role_wall,
        .mono_ms = role_mono,
        .random = role_random,
        .tell = role_tell,
        .ask = role_ask,
        .answer = role_answer,
        .generation = role_generation,
        .instances = role_instances,
        .fault = role_fault,
        .notice = role_notice,
    };
    struct flow_outbound out = way_out;
    struct clerk_role *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->rm = rm;
    out.ctx = r;
    *ret_ctx = r;
    TRY(crypto_init());
    r->state_dir = rolemain_take(rolemain_grant(grants, grant_count, GRANT_DIR_STATE));
    r->spool_dir = rolemain_take(rolemain_grant(grants, grant_count, GRANT_DIR_SPOOL));
    if (r->state_dir < 0 || r->spool_dir < 0)
        return ERR_MISSING;
    TRY(role_trust(r, grants, grant_count));
    role_config(r, rm->config);
    TRY(role_open_store(r));
    TRY(loop_timer_new(rm->loop, role_tick, r, &r->timer));
    return flow_new(r->store, r->spool_dir, &r->config, &out, &r->flow);
}

static enum err
role_start(struct rolemain *rm)
{
    struct clerk_role *r = rm->ctx;
    r->started = true;
    TRY(flow_start(r->flow));
    return loop_timer_set(r->timer, 1);
}

static enum err
role_message(struct rolemain *rm, struct chan *chan, struct msg *m)
{
    struct clerk_role *r = rm->ctx;
    const struct chan_ticket ticket = chan_ticket_of(chan, m);
    const struct msg_rule *rule = msg_rule_of((uint32_t)m->type);
    const bool asks = rule != NULL && (rule->flags & MSG_F_ASK) != 0;
    const enum err err =
        flow_message(r->flow, chan_role(chan), chan_index(chan), asks ? &ticket : NULL, m);
    role_poke(r);
    return err;
}

static void
role_lost(struct rolemain *rm, struct chan *chan)
{
    struct clerk_role *r = rm->ctx;
    flow_lost(r->flow, chan_role(chan), chan_index(chan));
    role_poke(r);
}

static void
role_new_peer(struct rolemain *rm, struct chan *chan)
{
    struct clerk_role *r = rm->ctx;
    flow_new_peer(r->flow, chan_role(chan), chan_index(chan));
    if (r->started)
        role_poke(r);
}

static enum err
role_reload(struct rolemain *rm, const struct config *config, struct grant *grants,
            size_t grant_count, struct fault *ret_fault)
{
    struct clerk_role *r = rm->ctx;
    (void)ret_fault;
    TRY(role_trust(r, grants, grant_count));
    role_config(r, config);
    flow_reload(r->flow, &r->config);
    return ERR_OK;
}

static void
role_drain(struct rolemain *rm)
{
    struct clerk_role *r = rm->ctx;
    flow_drain(r->flow);
    r->draining = true;
    role_poke(r);
}

static void
role_stop(struct rolemain *rm)
{
    struct clerk_role *r = rm->ctx;
    store_close(r->store);
    r->store = NULL;
}

static size_t
role_stats(struct rolemain *rm, char *out, size_t cap)
{
    struct clerk_role *r = rm->ctx;
    struct flow_stats s;
    flow_stats(r->flow, &s);
    const int len = snprintf(
        out, cap,
        "transfers_settled %llu\ntransfers_denied %llu\ntransfers_failed %llu\n"
        "transfers_expired %llu\nimports_settled %llu\nimports_refused %llu\npulls %llu\n"
        "transfers_open %llu\njobs_open %llu\nlog_state %u\ncounters_unknown %d\n"
        "counters_over %llu\n",
        (unsigned long long)s.settled, (unsigned long long)s.denied, (unsigned long long)s.failed,
        (unsigned long long)s.expired, (unsigned long long)s.imported,
        (unsigned long long)s.refused, (unsigned long long)s.pulled, (unsigned long long)s.runs,
        (unsigned long long)s.jobs, s.log_state, s.counters_unknown ? 1 : 0,
        (unsigned long long)s.counters_over);
    return len < 0 || (size_t)len >= cap ? 0 : (size_t)len;
}

const struct role_ops clerk_role_ops = {
    .role = ROLE_CLERK,
    .setup = role_setup,
    .start = role_start,
    .on_message = role_message,
    .on_peer_lost = role_lost,
    .on_peer_new = role_new_peer,
    .on_reload = role_reload,
    .on_drain = role_drain,
    .on_stop = role_stop,
    .on_stats = role_stats,
};
