/* SPDX-License-Identifier: Apache-2.0 */
/* What ledger says about the log as a whole, and what this database remembers of it. */
#include "gateway/clerk/store_again.h"
#include "gateway/flow/stages.h"

/* unseen: entries about transfers or counters that the log has behind our head. Those that are
 * stored here and not known to be logged explain as many. */
static void
log_compare(struct flow *f, uint64_t unseen)
{
    uint64_t pending = 0;
    if (f->compared || store_entry_pending(f->store, &pending) != ERR_OK)
        return;
    f->compared = true;
    if (unseen <= pending)
        return;
    /* The log speaks of transfers this database never heard of: it is an old copy, and how many
     * persons crossed is not known here any more. */
    f->counters_unknown = true;
    f->behind_seq = f->start_seq;
    f->refill_ms = 0;
    f->refill = true;
    f->out.notice(f->out.ctx, FLOW_NOTICE_BEHIND, NULL, unseen - pending);
    if (store_begin(f->store) != ERR_OK ||
        store_meta_put(f->store, "counters_unknown", 1) != ERR_OK ||
        store_meta_put(f->store, "behind_seq", f->behind_seq) != ERR_OK ||
        store_row_wake(f->store) != ERR_OK || store_commit(f->store) != ERR_OK)
        flow_run_dead(f);
}

/* What waited to hear whether the log is ahead goes on at once. */
static void
log_compared(struct flow *f)
{
    for (size_t i = 0; i < FLOW_RUNS_MAX; i++) {
        struct flow_run *run = &f->runs[i];
        if (run->used && run->row.seq <= f->start_seq && run->conv.tag == 0 &&
            run->conv.due_ms != INT64_MAX)
            flow_run_now(f, run);
    }
}

enum err
flow_log_state(struct flow *f, const struct msg *m)
{
    struct p_ledger_state p;
    uint64_t head = 0;
    uint8_t root[32];
    TRY(payload_ledger_state_get(m->body, &p));
    if (p.state > LOG_QUARANTINED)
        return ERR_RANGE;
    if (p.state == LOG_QUARANTINED && f->log_state != LOG_QUARANTINED)
        f->out.notice(f->out.ctx, FLOW_NOTICE_QUARANTINED, NULL, p.size);
    f->log_state = (enum log_state)p.state;
    f->log_known = true;
    if (p.state == LOG_QUARANTINED)
        return ERR_OK;
    if (p.succeeds != 0) {
        if (strcmp(store_origin(f->store), f->config.origin) != 0) {
            TRY(flow_succeed(f, &p));
            flow_log_hello(f, 0);
        }
        return ERR_OK;
    }
    const bool before = f->compared;
    /* It cannot have compared a head of another log and found that it holds it. */
    if (p.compared != 0 && store_origin(f->store)[0] != 0 &&
        strcmp(store_origin(f->store), f->config.origin) != 0)
        return ERR_STATE;
    if (p.compared != 0)
        log_compare(f, p.unseen);
    if (f->compared && !before)
        log_compared(f);
    if (!f->compared)
        return ERR_OK; /* the head that is stored is what the comparison rests on */
    const enum err seen = store_head_get(f->store, &head, root);
    if (seen == ERR_NOT_FOUND || p.size >= head)
        store_head_set(f->store, p.size, p.root);
    if (store_origin(f->store)[0] == 0)
        store_origin_set(f->store, f->config.origin);
    f->again = true;
    return ERR_OK;
}

void
flow_log_hello(struct flow *f, unsigned index)
{
    uint8_t body[64 + STORE_ORIGIN_MAX];
    struct p_head_seen seen = {.origin = span_str(store_origin(f->store))};
    struct msg m = {.type = MSG_HEAD_SEEN};
    const enum err err = store_head_get(f->store, &seen.size, seen.root);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        flow_run_dead(f);
    /* Without it ledger stays unconfirmed, which is safe; one that cannot be told is gone. */
    else if (payload_head_seen_put(&seen, body, sizeof(body), &m.body) == ERR_OK)
        f->log_known = f->out.tell(f->out.ctx, ROLE_LEDGER, index, &m) == ERR_OK && f->log_known;
}
