/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/flow/flow_run.h"

#include "gateway/flow/flow_job.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

int64_t
flow_run_mono(const struct flow *f)
{
    return f->out.mono_ms(f->out.ctx);
}

int64_t
flow_run_wall(const struct flow *f)
{
    return f->out.wall_ms(f->out.ctx);
}

void
flow_run_dead(struct flow *f)
{
    if (!f->dead)
        f->out.notice(f->out.ctx, FLOW_NOTICE_STORE, NULL, 0);
    f->dead = true;
}

struct flow_run *
flow_run_new(struct flow *f)
{
    for (size_t i = 0; i < FLOW_RUNS_MAX; i++) {
        struct flow_run *run = &f->runs[i];
        if (run->used)
            continue;
        *run = (struct flow_run){.used = true, .fds = {-1, -1}};
        run->conv.due_ms = INT64_MAX;
        run->row.bytes = STORE_NONE;
        run->row.log_index = STORE_NONE;
        run->row.peer_index = STORE_NONE;
        run->row.wake_ms = STORE_NEVER;
        run->row.retain_ms = STORE_NEVER;
        f->stats.runs++;
        return run;
    }
    return NULL;
}

void
flow_run_free(struct flow *f, struct flow_run *run)
{
    assert(run->used);
    flow_pool_give(f, run);
    for (unsigned i = 0; i < KEEP_COUNT; i++)
        flow_run_drop(run, (enum flow_keep)i);
    for (size_t i = 0; i < 2; i++) {
        if (run->fds[i] >= 0)
            (void)close(run->fds[i]);
    }
    run->used = false;
    f->refill = true;
    f->stats.runs--;
}

struct flow_run *
flow_run_live(struct flow *f, const uint8_t id[static 16])
{
    for (size_t i = 0; i < FLOW_RUNS_MAX; i++) {
        struct flow_run *run = &f->runs[i];
        if (run->used && memcmp(run->row.id, id, 16) == 0)
            return run;
    }
    return NULL;
}

struct flow_run *
flow_run_find(struct flow *f, const uint8_t id[static 16])
{
    struct store_row row;
    struct flow_run *run = flow_run_live(f, id);
    if (run != NULL)
        return run;
    const enum err err = store_row_get(f->store, id, &row);
    if (err == ERR_IO)
        flow_run_dead(f);
    if (err != ERR_OK)
        return NULL;
    run = flow_run_new(f);
    if (run == NULL)
        return NULL;
    run->row = row;
    if (row.wake_ms <= 0)
        flow_run_now(f, run);
    return run;
}

enum err
flow_run_keep(struct flow_run *run, enum flow_keep what, struct span bytes)
{
    uint8_t *copy = malloc(bytes.len + 1);
    if (copy == NULL)
        return ERR_NOMEM;
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    flow_run_drop(run, what);
    run->kept[what] = span_of(copy, bytes.len);
    return ERR_OK;
}

void
flow_run_drop(struct flow_run *run, enum flow_keep what)
{
    /* The copy is ours; the span only views it as constant. */
    free((void *)(uintptr_t)run->kept[what].ptr);
    run->kept[what] = (struct span){0};
}

/* -- states ------------------------------------------------------------------------------------*/

/* When a row in that state wants to be looked at: 0 at once, after a restart too. */
static int64_t
run_wake(const struct flow *f, const struct store_row *row)
{
    const int64_t end =
        row->not_after > INT64_MAX / 1000 ? STORE_NEVER : (int64_t)row->not_after * 1000;
    const int64_t soon = flow_run_wall(f) + f->config.retry_max_ms;
    switch (row->state) {
    case FLOW_X6_HELD:
        return row->pending_others != 0 && soon < end ? soon : end;
    case FLOW_M1_OFFERED:
    case FLOW_M2_RECEIVING:
    case FLOW_M3_COMPLETE:
    case FLOW_M6_HELD:
        return end;
    case FLOW_M7_SETTLED:
    case FLOW_M9_DELIVERED:
        return row->retain_ms;
    case FLOW_X10_SETTLED:
    case FLOW_X12_DELIVERED:
    case FLOW_XD_DENIED:
    case FLOW_XF_FAILED:
    case FLOW_XE_EXPIRED:
    case FLOW_MD_DENIED:
    case FLOW_ME_EXPIRED:
    case FLOW_MF_FAILED:
    case FLOW_M9_ERASED:
        return STORE_NEVER;
    case FLOW_XP_REFUSED:
    case FLOW_X1_CREATED:
    case FLOW_X2_RECEIVING:
    case FLOW_X3_SEALED:
    case FLOW_X4_RESERVED:
    case FLOW_X5_DECIDED:
    case FLOW_X6_LOGGED:
    case FLOW_X6_APPROVING:
    case FLOW_X7_FORWARDING:
    case FLOW_X8_RELEASED:
    case FLOW_X9_RECEIPTED:
    case FLOW_X11_DELIVERING:
    case FLOW_XR_REFUSING:
    case FLOW_MP_REFUSED:
    case FLOW_M4_RELEASED:
    case FLOW_M5_INSPECTED:
    case FLOW_M6_DECIDED:
    case FLOW_M6_LOGGED:
    case FLOW_M6_APPROVING:
    case FLOW_MR_REFUSING:
    case FLOW_M9_ACKED:
    case FLOW_M9_LOGGED:
    case FLOW_M9_ERASING:
    case FLOW_STATE_COUNT:
        break;
    }
    return 0;
}

static void
run_count(struct flow *f, enum flow_shown before, const struct store_row *row)
{
    if (before == row->shown)
        return;
    const bool out = row->direction == DIRECTION_EXPORT;
    if (row->shown == FLOW_SHOWN_SETTLED)
        *(out ? &f->stats.settled : &f->stats.imported) += 1;
    if (row->shown == FLOW_SHOWN_DENIED)
        *(out ? &f->stats.denied : &f->stats.refused) += 1;
    if (row->shown == FLOW_SHOWN_FAILED)
        f->stats.failed++;
    if (row->shown == FLOW_SHOWN_EXPIRED)
        f->stats.expired++;
}

static enum err
run_write(struct flow *f, struct flow_run *run, enum flow_state state, flow_run_fill *fill,
          const void *arg)
{
    TRY(store_begin(f->store));
    if (run->row.seq == 0)
        TRY(store_row_put(f->store, &run->row)); /* parts refer to it */
    if (fill != NULL)
        TRY(fill(f, run, arg));
    run->row.state = state;
    run->row.shown = flow_state_advance(run->row.shown, state);
    run->row.updated_ms = flow_run_wall(f);
    run->row.wake_ms = run_wake(f, &run->row);
    TRY(store_row_put(f->store, &run->row));
    f->out.fault(f->out.ctx, state, false);
    return f->dead ? ERR_CANCELLED : store_commit(f->store);
}

enum err
flow_run_save(struct flow *f, struct flow_run *run, enum flow_state state, flow_run_fill *fill,
              const void *arg)
{
    const struct store_row before = run->row;
    if (f->dead)
        return ERR_IO;
    if (run->row.seq == 0) {
        run->row.state = state;
        run->row.created_ms = flow_run_wall(f);
        run->row.updated_ms = run->row.created_ms;
    }
    const enum err err = run_write(f, run, state, fill, arg);
    if (err != ERR_OK) {
        store_rollback(f->store);
        run->row = before;
        if (err == ERR_IO)
            flow_run_dead(f);
        return err;
    }
    f->out.fault(f->out.ctx, state, true);
    if (f->dead)
        return ERR_CANCELLED; /* a test ended us here */
    for (unsigned i = 0; i < KEEP_COUNT; i++)
        flow_run_drop(run, (enum flow_keep)i);
    run_count(f, before.seq == 0 ? FLOW_SHOWN_RECEIVING : before.shown, &run->row);
    run->flags = 0;
    run->tries = 0;
    if (state != FLOW_M4_RELEASED && state != FLOW_M5_INSPECTED)
        run->damages = run->refusals = run->losses = run->recalls = 0;
    run->conv = (struct flow_conv){0, INT64_MAX, 0};
    if (run->row.wake_ms == 0 && state != FLOW_X2_RECEIVING)
        flow_run_now(f, run);
    for (size_t i = 0; i < FLOW_JOBS_MAX && before.shown != run->row.shown; i++) {
        struct flow_job *job = &f->jobs[i];
        if (job->kind == JOB_WAIT && memcmp(job->id, run->row.id, 16) == 0)
            job->conv.due_ms = 0; /* a long poll sees the change */
    }
    flow_reply_put(f, run, false);
    return ERR_OK;
}

/* -- conversations -----------------------------------------------------------------------------*/

void
flow_run_ask(struct flow *f, struct flow_run *run, enum role_id role, unsigned index,
             enum msg_type type, struct span body)
{
    struct msg m = {.type = type, .body = body};
    const uint64_t tag = ((uint64_t)(run - f->runs) << 32) | ++f->serial;
    memcpy(m.transfer, run->row.id, sizeof(m.transfer));
    assert(run->conv.tag == 0);
    /* What was said before must be in the log that follows before anything that rests on it. */
    const bool early = role == ROLE_LEDGER && f->saying_again;
    if (early || f->out.ask(f->out.ctx, role, index, &m, tag) != ERR_OK) {
        flow_run_retry(f, run);
        return;
    }
    run->conv.tag = tag;
    run->conv.due_ms = INT64_MAX;
}

enum err
flow_run_tell(struct flow *f, const struct flow_run *run, enum role_id role, unsigned index,
              enum msg_type type, struct span body, const int *fds, size_t fd_count)
{
    struct msg m = {.type = type, .body = body, .fd_count = fd_count};
    memcpy(m.transfer, run->row.id, sizeof(m.transfer));
    for (size_t i = 0; i < fd_count; i++)
        m.fds[i] = fds[i];
    return f->out.tell(f->out.ctx, role, index, &m);
}

void
flow_run_retry(struct flow *f, struct flow_run *run)
{
    const uint32_t twice = run->conv.pause_ms * 2;
    uint32_t pause = twice < f->config.retry_min_ms ? f->config.retry_min_ms : twice;
    if (pause > f->config.retry_max_ms)
        pause = f->config.retry_max_ms;
    run->conv.tag = 0;
    run->conv.pause_ms = pause;
    run->conv.due_ms = flow_run_mono(f) + pause;
    run->tries++;
}

void
flow_run_wait(struct flow *f, struct flow_run *run, uint32_t ms)
{
    run->conv.tag = 0;
    run->conv.due_ms = ms == UINT32_MAX ? INT64_MAX : flow_run_mono(f) + ms;
}

void
flow_run_now(struct flow *f, struct flow_run *run)
{
    run->conv.due_ms = 0;
    f->again = true;
}
