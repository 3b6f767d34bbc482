/* SPDX-License-Identifier: Apache-2.0 */
/* Another log follows the one this database is of (docs/adr/0009): it comes over in one
 * transaction, and what the lost log can prove to nobody any more, and is still needed, is said
 * again, byte for byte, before any other entry of a transfer. */
#include "gateway/clerk/store_again.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/stages.h"

#include <stdio.h>

/* Rows in memory are as the store has them. */
static void
succeed_runs(struct flow *f, const char *former)
{
    for (size_t i = 0; i < FLOW_RUNS_MAX; i++) {
        struct store_row *row = &f->runs[i].row;
        if (f->runs[i].used && row->seq != 0 && row->log_index != STORE_NONE && row->origin[0] == 0)
            (void)snprintf(row->origin, sizeof(row->origin), "%s", former);
    }
}

/* The database is an older copy: what it says of a transfer under way may be behind what the peer
 * has of it, which is asked first (restored.h). */
static enum err
succeed_behind(struct flow *f)
{
    TRY(store_meta_put(f->store, "counters_unknown", 1));
    TRY(store_meta_put(f->store, "behind_seq", f->start_seq));
    return store_row_wake(f->store);
}

enum err
flow_succeed(struct flow *f, const struct p_ledger_state *p)
{
    char former[STORE_ORIGIN_MAX];
    uint64_t pending = 0;
    const bool behind = p->succeeds == 2;
    if (p->succeeds > 2 || p->prev_origin.len == 0 || p->prev_origin.len >= sizeof(former))
        return ERR_RANGE;
    (void)snprintf(former, sizeof(former), "%.*s", (int)p->prev_origin.len,
                   (const char *)p->prev_origin.ptr);
    enum err err = store_begin(f->store);
    if (err == ERR_OK)
        err = store_again_begin(f->store, former, p->prev_size, f->config.origin);
    if (err == ERR_OK && behind)
        err = succeed_behind(f);
    if (err == ERR_OK)
        err = store_commit(f->store);
    if (err == ERR_OK)
        err = store_entry_pending(f->store, &pending);
    if (err != ERR_OK) {
        flow_run_dead(f);
        return ERR_OK;
    }
    succeed_runs(f, former);
    f->counters_unknown = f->counters_unknown || behind;
    if (behind)
        f->behind_seq = f->start_seq;
    f->saying_again = true;
    f->refill = true;
    f->refill_ms = 0;
    f->out.notice(f->out.ctx, FLOW_NOTICE_SUCCEEDED, NULL, pending);
    if (behind)
        f->out.notice(f->out.ctx, FLOW_NOTICE_BEHIND, NULL, 0);
    return ERR_OK;
}

/* -- saying again ------------------------------------------------------------------------------*/

/* Nothing is left: what waited for it goes on. */
static void
succeed_end(struct flow *f)
{
    if (!f->saying_again)
        return;
    f->saying_again = false;
    for (size_t i = 0; i < FLOW_RUNS_MAX; i++) {
        struct flow_run *run = &f->runs[i];
        if (run->used && run->row.seq != 0 && run->row.wake_ms == 0 && run->conv.tag == 0 &&
            run->row.state != FLOW_X2_RECEIVING)
            flow_run_now(f, run);
    }
}

void
flow_succeed_resume(struct flow *f)
{
    const size_t mark = f->room.len;
    struct store_again again;
    for (size_t i = 0; i < FLOW_JOBS_MAX; i++)
        if (f->jobs[i].kind == JOB_AGAIN)
            return;
    const enum err err = store_again_next(f->store, &f->room, &again);
    f->room.len = mark;
    if (err == ERR_IO)
        flow_run_dead(f);
    if (err == ERR_NOT_FOUND)
        succeed_end(f);
    else if (err == ERR_OK)
        f->saying_again = true;
    if (err == ERR_OK)
        (void)flow_job_new(f, JOB_AGAIN, NULL);
}

void
flow_succeed_drive(struct flow *f, struct flow_job *job)
{
    static const uint8_t none[STORE_ID_BYTES];
    struct store_again again;
    struct span body;
    enum err err = store_again_next(f->store, &f->room, &again);
    if (err == ERR_NOT_FOUND) {
        flow_job_free(job);
        succeed_end(f);
        return;
    }
    if (err == ERR_OK && (f->log_state == LOG_QUARANTINED || !f->compared))
        err = ERR_AGAIN;
    const struct p_append ask = {.kind = again.kind, .n = (uint16_t)again.n, .entry = again.bytes};
    if (err == ERR_OK)
        err = payload_append_put(&ask, f->tx, sizeof(f->tx), &body);
    if (err == ERR_IO) {
        flow_run_dead(f);
    } else if (err != ERR_OK) {
        flow_job_retry(f, job);
    } else {
        memcpy(job->id, again.has_transfer ? again.transfer : none, sizeof(job->id));
        flow_job_ask(f, job, ROLE_LEDGER, 0, MSG_APPEND, body);
    }
}

/* The entry stands in the present log now; so does the place its row shows, if it was that one. */
static enum err
succeed_place(struct flow *f, const struct store_again *again, const struct p_appended *p)
{
    struct flow_run *live = flow_run_live(f, again->transfer);
    struct store_entry entry;
    struct store_row row;
    TRY(store_entry_get(f->store, again->transfer, again->kind, again->n, &f->room, &entry));
    if (live != NULL)
        row = live->row;
    else
        TRY(store_row_get(f->store, again->transfer, &row));
    TRY(store_entry_logged(f->store, again->transfer, again->kind, again->n, p->index, p->leaf));
    if (row.origin[0] == 0 || row.log_index != entry.index)
        return ERR_OK;
    row.origin[0] = 0;
    row.log_index = p->index;
    memcpy(row.leaf, p->leaf, sizeof(row.leaf));
    if (live != NULL)
        live->row = row;
    return store_row_put(f->store, &row);
}

enum err
flow_succeed_answer(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_appended p;
    struct store_again again;
    if (m->type != MSG_APPENDED)
        return ERR_PROTOCOL;
    enum err err = s6_log_read(f, m, &p);
    const bool conflict = err == ERR_CONFLICT;
    if (conflict)
        f->out.notice(f->out.ctx, FLOW_NOTICE_CONFLICT, job->id, 0);
    if (err == ERR_AGAIN) {
        flow_job_retry(f, job);
        return ERR_OK;
    }
    if (!conflict)
        TRY(err);
    err = store_again_next(f->store, &f->room, &again);
    if (err == ERR_OK)
        err = store_begin(f->store);
    if (err == ERR_OK && again.has_transfer && !conflict)
        err = succeed_place(f, &again, &p);
    if (err == ERR_OK)
        err = store_again_done(f->store, again.seq);
    if (err == ERR_OK)
        err = store_commit(f->store);
    if (err != ERR_OK) {
        flow_run_dead(f);
        return ERR_OK;
    }
    job->conv.pause_ms = 0;
    job->conv.due_ms = 0;
    f->again = true;
    return ERR_OK;
}
