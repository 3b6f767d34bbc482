/* SPDX-License-Identifier: Apache-2.0 */
/* The driver: what comes in goes to its stage, and every transfer whose time has come is driven by
 * the function its state names in flow.def. */
#include "gateway/clerk/clerk_counter.h"
#include "gateway/clerk/clerk_query.h"
#include "gateway/clerk/spool.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/restored.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { FLOW_TICK_MAX_MS = 1000, FLOW_REFILL_MS = 500, FLOW_CLEAN_MS = 60 * 1000 };
enum { FLOW_TURNS_MAX = 64 }; /* rounds of driving in one call; more is a loop of ours */

typedef void flow_drive_fn(struct flow *f, struct flow_run *run);

static flow_drive_fn *const flow_drives[FLOW_STATE_COUNT] = {
#define NONE NULL
#define FLOW_STATE(ID, name, shown, drive, logged, durable) drive,
#include "gateway/flow/flow.def"
#undef FLOW_STATE
#undef NONE
};

typedef void flow_logged_fn(struct flow *f, struct flow_run *run, const struct p_appended *p);

static flow_logged_fn *const flow_loggeds[FLOW_STATE_COUNT] = {
#define NONE NULL
#define FLOW_STATE(ID, name, shown, drive, logged, durable) logged,
#include "gateway/flow/flow.def"
#undef FLOW_STATE
#undef NONE
};

/* -- life --------------------------------------------------------------------------------------*/

enum err
flow_new(struct store *store, int spool_dir, const struct flow_config *config,
         const struct flow_outbound *out, struct flow **ret)
{
    struct flow *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return ERR_NOMEM;
    f->store = store;
    f->spool_dir = spool_dir;
    f->config = *config;
    f->out = *out;
    f->runs = calloc(FLOW_RUNS_MAX, sizeof(*f->runs));
    f->jobs = calloc(FLOW_JOBS_MAX, sizeof(*f->jobs));
    /* Untouched pages cost nothing. */
    void *room = mmap(NULL, FLOW_ROOM_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    f->room = (struct room){room == MAP_FAILED ? NULL : room, FLOW_ROOM_BYTES, 0};
    if (f->runs == NULL || f->jobs == NULL || f->room.buf == NULL) {
        flow_free(f);
        return ERR_NOMEM;
    }
    uint64_t unknown = 0;
    if (store_meta_get(store, "counters_unknown", &unknown) == ERR_OK)
        f->counters_unknown = unknown != 0;
    if (store_meta_get(store, "behind_seq", &unknown) == ERR_OK)
        f->behind_seq = unknown;
    *ret = f;
    return ERR_OK;
}

void
flow_free(struct flow *f)
{
    if (f == NULL)
        return;
    f->dead = true; /* nobody is told */
    for (size_t i = 0; f->runs != NULL && i < FLOW_RUNS_MAX; i++) {
        f->runs[i].inspector.bound = false;
        if (f->runs[i].used)
            flow_run_free(f, &f->runs[i]);
    }
    for (size_t i = 0; f->jobs != NULL && i < FLOW_JOBS_MAX; i++)
        flow_job_free(&f->jobs[i]);
    if (f->room.buf != NULL)
        (void)munmap(f->room.buf, f->room.cap);
    free(f->runs);
    free(f->jobs);
    free(f);
}

/* Empties the room; what a large person set touched goes back to the system. */
static void
flow_tidy(struct flow *f)
{
    enum { FLOW_ROOM_KEEP = 1 << 20 };
    if (f->room.len > FLOW_ROOM_KEEP)
        (void)madvise(f->room.buf + FLOW_ROOM_KEEP, f->room.cap - FLOW_ROOM_KEEP, MADV_DONTNEED);
    f->room.len = 0;
}

/* A row whose time has come, freshly loaded or in memory. */
static void
flow_due(struct flow *f, struct flow_run *run)
{
    if (restored_waits(f, &run->row) || restored_wants(f, run)) {
        run->is_due = run->row.wake_ms != 0;
        flow_run_now(f, run);
        return;
    }
    switch ((unsigned)run->row.state) {
    case FLOW_X1_CREATED:
    case FLOW_X2_RECEIVING:
        s2_receive_late(f, run);
        return;
    case FLOW_X6_HELD:
        if (flow_run_wall(f) >= (int64_t)run->row.not_after * 1000)
            s9_receipt_refuse(f, run, "timeout", "hold-expired", FLOW_XE_EXPIRED);
        else
            s4_reserve_retry(f, run);
        return;
    case FLOW_M1_OFFERED:
    case FLOW_M2_RECEIVING:
    case FLOW_M3_COMPLETE:
    case FLOW_M6_HELD:
        i1_offer_expire(f, run);
        return;
    case FLOW_M7_SETTLED:
    case FLOW_M9_DELIVERED:
        i9_erase_due(f, run);
        return;
    default:
        flow_run_now(f, run);
    }
}

static void
flow_refill(struct flow *f)
{
    enum { FLOW_REFILL_MAX = FLOW_RUNS_MAX + 64 };
    uint8_t *memory = NULL;
    size_t count = 0;
    f->refill = false;
    f->refill_ms = flow_run_mono(f) + FLOW_REFILL_MS;
    if (room_take(&f->room, FLOW_REFILL_MAX * 16, &memory) != ERR_OK)
        return;
    uint8_t(*ids)[16] = (void *)memory;
    flow_job_errands(f);
    clerk_counter_resume(f);
    flow_succeed_resume(f);
    const enum err err = store_row_due(f->store, flow_run_wall(f), ids, FLOW_REFILL_MAX, &count);
    if (err == ERR_IO)
        flow_run_dead(f);
    if (err != ERR_OK)
        return;
    for (size_t i = 0; i < count && !f->dead; i++) {
        if (flow_run_live(f, ids[i]) != NULL)
            continue;
        struct flow_run *run = flow_run_find(f, ids[i]);
        if (run == NULL)
            return;
        flow_due(f, run);
    }
}

static bool
flow_wants_spool(void *ctx, const char *stem)
{
    const struct span *list = ctx;
    return memmem(list->ptr, list->len, stem, 32) != NULL;
}

struct flow_stems {
    struct flow *f;
    size_t len;
};

static enum err
flow_stem(void *ctx, const char *stem)
{
    struct flow_stems *stems = ctx;
    if (stems->f->room.cap - stems->len < 33)
        return ERR_FULL;
    memcpy(stems->f->room.buf + stems->len, stem, strlen(stem) + 1);
    stems->len += 33;
    return ERR_OK;
}

enum err
flow_start(struct flow *f)
{
    struct flow_stems stems = {f, 0};
    size_t removed = 0;
    TRY(store_row_newest(f->store, &f->start_seq));
    TRY(store_spool_list(f->store, flow_stem, &stems));
    struct span list = span_of(f->room.buf, stems.len);
    TRY(spool_sweep(f->spool_dir, flow_wants_spool, &list, &removed));
    if (removed > 0)
        f->out.notice(f->out.ctx, FLOW_NOTICE_SWEPT, NULL, removed);
    f->room.len = 0;
    clerk_counter_watch(f, NULL);
    flow_succeed_resume(f);
    f->refill = true;
    (void)flow_tick(f);
    if (f->stats.runs > 0)
        f->out.notice(f->out.ctx, FLOW_NOTICE_RECOVERED, NULL, f->stats.runs);
    return f->dead ? ERR_IO : ERR_OK;
}

/* -- driving -----------------------------------------------------------------------------------*/

/* At rest: nothing is asked, nobody waits, and no process works on it. */
static bool
flow_is_idle(const struct flow_run *run)
{
    return run->row.seq != 0 && run->row.wake_ms != 0 && run->conv.tag == 0 && !run->has_open &&
           !run->has_put && run->conv.due_ms == INT64_MAX;
}

static void
flow_drive(struct flow *f, struct flow_run *run)
{
    run->conv.due_ms = INT64_MAX;
    if (run->row.seq == 0) {
        if (run->row.direction == DIRECTION_IMPORT)
            i1_offer_drop(f, run);
        else
            s1_accept_drop(f, run, "internal"); /* judge or keeper did not say all in time */
        return;
    }
    if (restored_waits(f, &run->row))
        flow_run_wait(f, run, f->config.retry_min_ms);
    else if (restored_wants(f, run))
        restored_drive(f, run);
    else if ((run->flags & RUN_FETCH) != 0)
        restored_out_fetch(f, run);
    else if (run->row.state == FLOW_X2_RECEIVING)
        flow_due(f, run);
    else if (flow_drives[run->row.state] != NULL)
        flow_drives[run->row.state](f, run);
    else if (run->is_due && run->known) {
        run->is_due = false;
        flow_due(f, run); /* what it was woken for, now that the log was heard */
    }
}

static void
flow_pump(struct flow *f)
{
    for (unsigned turn = 0; f->again && turn < FLOW_TURNS_MAX; turn++) {
        const int64_t now = flow_run_mono(f);
        f->again = false;
        for (size_t i = 0; i < FLOW_RUNS_MAX && !f->dead; i++) {
            struct flow_run *run = &f->runs[i];
            if (!run->used)
                continue;
            if (run->has_put && run->put_ms <= now)
                flow_reply_put(f, run, true);
            if (run->conv.tag == 0 && run->conv.due_ms <= now)
                flow_drive(f, run);
            if (run->used && flow_is_idle(run) && !(run->known && flow_job_speaks(f, run->row.id)))
                flow_run_free(f, run);
            flow_tidy(f);
        }
        for (size_t i = 0; i < FLOW_JOBS_MAX && !f->dead; i++) {
            struct flow_job *job = &f->jobs[i];
            if (job->kind != JOB_NONE && job->conv.tag == 0 && job->conv.due_ms <= now)
                flow_job_drive(f, job);
            flow_tidy(f);
        }
        if (f->refill && !f->dead && now >= f->refill_ms)
            flow_refill(f);
        flow_tidy(f);
    }
}

uint32_t
flow_tick(struct flow *f)
{
    const int64_t now = flow_run_mono(f);
    int64_t next = now + FLOW_TICK_MAX_MS;
    if (f->dead)
        return FLOW_TICK_MAX_MS;
    if (now >= f->refill_ms)
        f->refill = true;
    if (now >= f->clean_ms) {
        f->clean_ms = now + FLOW_CLEAN_MS;
        clerk_query_clean(f);
        clerk_counter_watch(f, NULL); /* a year may have begun */
    }
    f->again = true;
    flow_pump(f);
    for (size_t i = 0; i < FLOW_RUNS_MAX; i++) {
        const struct flow_run *run = &f->runs[i];
        if (run->used && run->conv.tag == 0 && run->conv.due_ms < next)
            next = run->conv.due_ms;
        if (run->used && run->has_put && run->put_ms < next)
            next = run->put_ms;
    }
    for (size_t i = 0; i < FLOW_JOBS_MAX; i++) {
        const struct flow_job *job = &f->jobs[i];
        if (job->kind != JOB_NONE && job->conv.tag == 0 && job->conv.due_ms < next)
            next = job->conv.due_ms;
    }
    return next <= now ? 1 : (uint32_t)(next - now);
}

/* -- messages ----------------------------------------------------------------------------------*/

static enum err
flow_policies(struct flow *f, const struct msg *m)
{
    struct p_policies p;
    TRY(payload_policies_get(m->body, &p));
    return clerk_query_note(f, p.entry);
}

static enum err
flow_told(struct flow *f, enum role_id from, unsigned index, const struct chan_ticket *t,
          struct msg *m)
{
    struct p_pull_end end;
    switch ((unsigned)m->type) {
    case MSG_UPLOAD_OPEN:
        return s1_accept_open(f, index, t, m);
    case MSG_UPLOAD_END:
        return s2_receive_end(f, index, t, m);
    case MSG_QUERY:
        return clerk_query_in(f, from, t, m);
    case MSG_PULL_OPEN:
        return i8_pull_open(f, index, t, m);
    case MSG_PULL_END:
        TRY(payload_pull_end_get(m->body, &end));
        i8_pull_end(f, end.pull);
        return ERR_OK;
    case MSG_INSPECTED:
        return s2_receive_inspected(f, index, m);
    case MSG_SEALED:
        return s3_seal_sealed(f, index, m);
    case MSG_SEAL_FAILED:
        return s2_receive_failed(f, index, m);
    case MSG_OPENED:
        return i5_open_opened(f, index, m);
    case MSG_OFFERED: {
        struct flow_run *run = flow_run_live(f, m->transfer);
        return run == NULL ? ERR_OK : s1_accept_offered(f, run, m);
    }
    case MSG_PERMITTED:
        return s5_decide_permitted(f, m);
    case MSG_POLICIES:
        return flow_policies(f, m);
    case MSG_LEDGER_STATE:
        return flow_log_state(f, m);
    case MSG_FORWARD_STATE:
        return s7_forward_state(f, m);
    case MSG_CORRIDOR_IN:
        return i1_offer_in(f, t, m);
    case MSG_BODY_STATE:
        return i2_body_state(f, m);
    case MSG_LEDGER_PEER:
    case MSG_PEER_STATE:
        f->again = true; /* what waited for a peer is tried when its time comes */
        return ERR_OK;
    default:
        return ERR_PROTOCOL;
    }
}

enum err
flow_message(struct flow *f, enum role_id from, unsigned index, const struct chan_ticket *ticket,
             struct msg *m)
{
    if (f->dead)
        return ERR_OK;
    f->from_index = index;
    const enum err err = flow_told(f, from, index, ticket, m);
    flow_tidy(f);
    f->again = true;
    flow_pump(f);
    return err;
}

static enum err
flow_proved(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_proved p;
    TRY(payload_proved_get(m->body, &p));
    if (p.err != 0) {
        flow_run_retry(f, run);
        return ERR_OK;
    }
    run->flags |= RUN_PROVED;
    flow_run_now(f, run);
    return ERR_OK;
}

static enum err
flow_appended(struct flow *f, struct flow_run *run, const struct msg *m)
{
    flow_logged_fn *const fn = flow_loggeds[run->row.state];
    struct p_appended p;
    bool logged = false;
    if (fn == NULL)
        return ERR_PROTOCOL;
    TRY(s6_log_heard(f, run, m, &p, &logged));
    if (logged)
        fn(f, run, &p);
    return ERR_OK;
}

static enum err
flow_answered(struct flow *f, struct flow_run *run, const struct msg *m)
{
    switch ((unsigned)m->type) {
    case MSG_PREFLIGHTED:
        return s1_accept_preflighted(f, run, m);
    case MSG_KEY_GIVEN:
        return s2_receive_keyed(f, run, m);
    case MSG_DECIDED:
        return s5_decide_decided(f, run, m);
    case MSG_VOUCH_DONE:
        return s5_decide_vouched(f, run, m);
    case MSG_APPENDED:
        return flow_appended(f, run, m);
    case MSG_STORY:
        return restored_told(f, run, m);
    case MSG_PROVED:
        return flow_proved(f, run, m);
    case MSG_SEAL_SIGNED:
        return s6_log_signed(f, run, m);
    case MSG_GO_TOLD:
        return s7_forward_told(f, run, m);
    case MSG_WRAPPED:
        return s8_release_wrapped(f, run, m);
    case MSG_PROOF:
        return s8_release_proof(f, run, m);
    case MSG_PARCEL_SENT:
        return s8_release_sent(f, run, m);
    case MSG_IMPORT_CHECKED:
        return run->row.seq == 0 ? i1_offer_checked(f, run, m) : i5_open_rechecked(f, run, m);
    case MSG_PEER_VERIFIED:
        return i5_open_rechecked(f, run, m);
    case MSG_SEAL_CHECKED:
        return i2_body_checked(f, run, m);
    case MSG_UNWRAPPED:
        return i5_open_unwrapped(f, run, m);
    case MSG_RECEIPT_SIGNED:
        return i7_settle_signed(f, run, m);
    default:
        return ERR_PROTOCOL;
    }
}

static enum err
flow_settle(struct flow *f, struct flow_run *run, enum err err, const struct msg *m)
{
    run->conv.tag = 0;
    if (err == ERR_OK)
        return flow_answered(f, run, m);
    if (run->row.seq == 0 && run->row.direction == DIRECTION_EXPORT)
        s1_accept_drop(f, run, "internal");
    else if (run->row.seq == 0)
        i1_offer_drop(f, run);
    else if (run->row.state == FLOW_X1_CREATED)
        s2_receive_fail(f, run, "internal", SPAN_LIT(""));
    else if (run->row.state == FLOW_M1_OFFERED)
        i2_body_stop(f, run, 503);
    else
        flow_run_retry(f, run);
    return ERR_OK;
}

enum err
flow_answer(struct flow *f, uint64_t tag, enum err err, struct msg *m)
{
    const size_t index = (size_t)((tag >> 32) & 0xffff);
    const bool is_job = tag >> 63 != 0;
    enum err ret = ERR_OK;
    if (f->dead)
        return ERR_OK;
    if (is_job && index < FLOW_JOBS_MAX && f->jobs[index].conv.tag == tag) {
        f->jobs[index].conv.tag = 0;
        if (err == ERR_OK)
            ret = flow_job_answer(f, &f->jobs[index], m);
        else
            flow_job_failed(f, &f->jobs[index], err);
    } else if (!is_job && index < FLOW_RUNS_MAX && f->runs[index].used &&
               f->runs[index].conv.tag == tag) {
        ret = flow_settle(f, &f->runs[index], err, m);
    }
    flow_tidy(f);
    f->again = true;
    flow_pump(f);
    return ret;
}

/* -- peers and life ----------------------------------------------------------------------------*/

static void
flow_lost_run(struct flow *f, struct flow_run *run, enum role_id role, unsigned index)
{
    const bool early = run->row.state == FLOW_X1_CREATED || run->row.state == FLOW_X2_RECEIVING;
    const bool edge = role == ROLE_EDGE && run->edge.bound && run->edge.index == index;
    const bool inspector =
        role == ROLE_INSPECTOR && run->inspector.bound && run->inspector.index == index;
    const bool sealer = role == ROLE_SEALER && run->sealer.bound && run->sealer.index == index;
    if (edge) {
        run->has_open = false;
        run->has_put = false;
        run->edge.bound = false;
    }
    if (run->row.seq != 0 && early) {
        if (edge && (run->flags & RUN_ENDED) == 0)
            s2_receive_fail(f, run, "interrupted", SPAN_LIT(""));
        else if ((inspector && (run->flags & RUN_INSPECTED) == 0) ||
                 (sealer && (run->flags & RUN_SEALED) == 0))
            s2_receive_fail(f, run, "inspector-failed", SPAN_LIT(""));
    }
    if (run->row.seq != 0 && run->row.state == FLOW_M4_RELEASED && (inspector || sealer))
        i5_open_orphaned(f, run, inspector);
    if (role == ROLE_LINK && s7_forward_runs(run)) {
        run->flags &= ~(unsigned)(RUN_GONE | RUN_READY | RUN_SENT);
        if (run->conv.tag == 0)
            flow_run_retry(f, run);
    }
}

void
flow_lost(struct flow *f, enum role_id role, unsigned index)
{
    if (f->dead)
        return;
    for (size_t i = 0; i < FLOW_RUNS_MAX && !f->dead; i++) {
        if (f->runs[i].used)
            flow_lost_run(f, &f->runs[i], role, index);
    }
    for (size_t i = 0; i < FLOW_JOBS_MAX; i++) {
        struct flow_job *job = &f->jobs[i];
        const bool gone = role == ROLE_SEALER && job->peer.bound && job->peer.index == index;
        const bool asker = job->has_ticket && (role == ROLE_EDGE || role == ROLE_DESK) &&
                           job->a == index && job->c == role;
        if (job->kind != JOB_NONE && (gone || asker))
            flow_job_free(job);
    }
    if (role == ROLE_INSPECTOR && index < ROLE_INDEX_MAX)
        f->inspectors[index] = (struct flow_inspector){0};
    if (role == ROLE_LEDGER)
        f->log_known = false;
    f->again = true;
    flow_pump(f);
}

void
flow_new_peer(struct flow *f, enum role_id role, unsigned index)
{
    if (role == ROLE_INSPECTOR && index < ROLE_INDEX_MAX)
        f->inspectors[index] =
            (struct flow_inspector){.gen = f->out.generation(f->out.ctx, role, index)};
    if (role == ROLE_LEDGER)
        flow_log_hello(f, index);
    f->again = true;
}

void
flow_reload(struct flow *f, const struct flow_config *config)
{
    f->config = *config;
}

void
flow_drain(struct flow *f)
{
    f->draining = true;
}

bool
flow_is_drained(const struct flow *f)
{
    for (size_t i = 0; i < FLOW_RUNS_MAX; i++) {
        const struct flow_run *run = &f->runs[i];
        if (run->used && (run->row.seq == 0 || run->row.state == FLOW_X1_CREATED ||
                          run->row.state == FLOW_X2_RECEIVING || run->has_put))
            return false;
    }
    return true;
}

void
flow_stats(const struct flow *f, struct flow_stats *ret)
{
    *ret = f->stats;
    for (size_t i = 0; i < FLOW_JOBS_MAX; i++)
        ret->jobs += f->jobs[i].kind == JOB_NONE ? 0 : 1;
    ret->log_state = (unsigned)f->log_state;
    ret->counters_unknown = f->counters_unknown;
}

bool
flow_is_dead(const struct flow *f)
{
    return f->dead;
}
