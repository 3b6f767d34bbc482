/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/flow/flow_job.h"

#include "gateway/clerk/clerk_counter.h"
#include "gateway/clerk/clerk_evidence.h"
#include "gateway/clerk/clerk_hold.h"
#include "gateway/clerk/clerk_query.h"
#include "gateway/core/parcel.h"
#include "gateway/flow/stages.h"

#include <assert.h>
#include <stdlib.h>

enum { ERRAND_OTHERWISE = 409, ERRAND_REFUSALS = 40 };
enum { FLOW_ERRANDS_MAX = 64 }; /* at a time; the rest follow when some are done */

struct flow_job *
flow_job_new(struct flow *f, enum flow_job_kind kind, const uint8_t *id)
{
    for (size_t i = 0; i < FLOW_JOBS_MAX; i++) {
        struct flow_job *job = &f->jobs[i];
        if (job->kind != JOB_NONE)
            continue;
        *job = (struct flow_job){.kind = kind};
        if (id != NULL)
            memcpy(job->id, id, sizeof(job->id));
        f->again = true;
        return job;
    }
    return NULL;
}

struct flow_job *
flow_job_begin(struct flow *f, enum flow_job_kind kind, const uint8_t *id, struct span message,
               const struct chan_ticket *ticket)
{
    struct flow_job *job = flow_job_new(f, kind, id);
    uint8_t *copy = job == NULL ? NULL : malloc(message.len + 1);
    if (copy == NULL) {
        if (job != NULL)
            flow_job_free(job);
        return NULL;
    }
    if (message.len > 0)
        memcpy(copy, message.ptr, message.len);
    job->kept = span_of(copy, message.len);
    if (ticket != NULL) {
        job->ticket = *ticket;
        job->has_ticket = true;
    }
    return job;
}

void
flow_job_free(struct flow_job *job)
{
    free((void *)(uintptr_t)job->kept.ptr);
    free((void *)(uintptr_t)job->more.ptr);
    *job = (struct flow_job){.kind = JOB_NONE};
}

void
flow_job_ask(struct flow *f, struct flow_job *job, enum role_id role, unsigned index,
             enum msg_type type, struct span body)
{
    struct msg m = {.type = type, .body = body};
    const uint64_t tag = UINT64_C(1) << 63 | ((uint64_t)(job - f->jobs) << 32) | ++f->serial;
    memcpy(m.transfer, job->id, sizeof(m.transfer));
    assert(job->conv.tag == 0);
    const bool early = role == ROLE_LEDGER && f->saying_again && job->kind != JOB_AGAIN;
    if (early || f->out.ask(f->out.ctx, role, index, &m, tag) != ERR_OK) {
        flow_job_retry(f, job);
        return;
    }
    job->conv.tag = tag;
    job->conv.due_ms = INT64_MAX;
}

void
flow_job_retry(struct flow *f, struct flow_job *job)
{
    const uint32_t twice = job->conv.pause_ms * 2;
    uint32_t pause = twice < f->config.retry_min_ms ? f->config.retry_min_ms : twice;
    if (pause > f->config.retry_max_ms)
        pause = f->config.retry_max_ms;
    job->conv.tag = 0;
    job->conv.pause_ms = pause;
    job->conv.due_ms = flow_run_mono(f) + pause;
}

bool
flow_job_speaks(const struct flow *f, const uint8_t id[static 16])
{
    for (size_t i = 0; i < FLOW_JOBS_MAX; i++)
        if (f->jobs[i].kind == JOB_HOLD && memcmp(f->jobs[i].id, id, 16) == 0)
            return true;
    return false;
}

void
flow_job_hurry(struct flow *f, const uint8_t id[static 16])
{
    for (size_t i = 0; i < FLOW_JOBS_MAX; i++)
        if (f->jobs[i].kind == JOB_HOLD && f->jobs[i].conv.tag == 0 &&
            memcmp(f->jobs[i].id, id, 16) == 0)
            f->jobs[i].conv.due_ms = 0;
}

/* -- errands -----------------------------------------------------------------------------------*/

void
flow_job_errands(struct flow *f)
{
    struct store_errand list[FLOW_ERRANDS_MAX];
    size_t count = 0;
    const enum err err = store_errand_list(f->store, list, sizeof(list) / sizeof(list[0]), &count);
    if (err == ERR_IO)
        flow_run_dead(f);
    if (err != ERR_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        bool running = false;
        for (size_t j = 0; j < FLOW_JOBS_MAX && !running; j++)
            running = f->jobs[j].kind == JOB_ERRAND && f->jobs[j].a == list[i].status &&
                      memcmp(f->jobs[j].id, list[i].transfer, 16) == 0;
        if (running)
            continue;
        struct flow_job *job = flow_job_new(f, JOB_ERRAND, list[i].transfer);
        if (job == NULL)
            return;
        job->a = list[i].status;
        job->b = list[i].kind;
        job->c = list[i].n;
    }
}

/* Asks for the proof of entry (kind, n), for the peer of the row. */
static void
job_ask_proof(struct flow *f, struct flow_job *job, uint8_t kind, uint64_t n)
{
    struct store_row row;
    struct p_proof_ask ask = {.kind = kind, .n = (uint16_t)n};
    struct span body;
    if (store_row_get(f->store, job->id, &row) != ERR_OK) {
        flow_job_free(job);
        return;
    }
    ask.peer = span_str(row.peer);
    if (payload_proof_ask_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK)
        flow_job_retry(f, job);
    else
        flow_job_ask(f, job, ROLE_LEDGER, 0, MSG_PROOF_ASK, body);
}

/* The parcel of receipt `status` with the proof in p, in the room. */
static enum err
job_parcel(struct flow *f, struct flow_job *job, uint64_t status, const struct p_proof *p,
           struct span *ret)
{
    struct parcel parcel = {.kind = PARCEL_RECEIPT,
                            .entry = p->entry,
                            .proof = p->proof,
                            .old_size = p->old_size,
                            .consistency = p->consistency};
    uint8_t *out = NULL;
    TRY(store_part_get(f->store, job->id, STORE_RECEIPT, status, &f->room, &parcel.record));
    TRY(room_take(&f->room, PARCEL_BYTES_MAX, &out));
    return parcel_write(&parcel, out, PARCEL_BYTES_MAX, ret);
}

static void
job_errand_drive(struct flow *f, struct flow_job *job)
{
    if (f->log_state != LOG_CONFIRMED) {
        flow_job_retry(f, job);
        return;
    }
    job_ask_proof(f, job, (uint8_t)job->b, job->c);
}

/* A receipt whose checkpoint the exporter has cosigned needs nothing more in its evidence. The peer
 * cosigns within a round trip; after two seconds the receipt goes as it is. */
enum { JOB_COSIGNED_TRIES = 40, JOB_COSIGNED_MS = 50 };

static enum err
job_errand_proof(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_proof p;
    struct store_row row;
    struct p_parcel_send send = {.what = PARCEL_RECEIPT};
    struct span body;
    TRY(payload_proof_get(m->body, &p));
    if (p.err == 0 && p.cosigned == 0 && job->step < JOB_COSIGNED_TRIES) {
        job->step++;
        job->conv.tag = 0;
        job->conv.due_ms = flow_run_mono(f) + JOB_COSIGNED_MS;
        return ERR_OK;
    }
    if (p.err != 0 || store_row_get(f->store, job->id, &row) != ERR_OK ||
        job_parcel(f, job, job->a, &p, &send.parcel) != ERR_OK) {
        flow_job_retry(f, job);
        return ERR_OK;
    }
    send.peer = span_str(row.peer);
    if (payload_parcel_send_put(&send, f->tx, sizeof(f->tx), &body) != ERR_OK)
        flow_job_retry(f, job);
    else
        flow_job_ask(f, job, ROLE_LINK, 0, MSG_PARCEL_SEND, body);
    return ERR_OK;
}

static enum err
job_errand_sent(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_parcel_sent p;
    TRY(payload_parcel_sent_get(m->body, &p));
    const bool refused = p.status == ERRAND_OTHERWISE && ++job->until_ms >= ERRAND_REFUSALS;
    if ((p.status < 200 || p.status > 299) && !refused) {
        flow_job_retry(f, job);
        return ERR_OK;
    }
    /* The peer's log has another end of it; when it asks how it stands here, it hears of this. */
    if (refused)
        f->out.notice(f->out.ctx, FLOW_NOTICE_CONFLICT, job->id, job->a);
    if (store_begin(f->store) != ERR_OK || store_errand_del(f->store, job->id, job->a) != ERR_OK ||
        store_commit(f->store) != ERR_OK)
        flow_run_dead(f);
    flow_job_free(job);
    f->refill = true;
    return ERR_OK;
}

/* -- a peer asks how it stands */

static enum err
job_state_proof(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_proof p;
    struct store_row row;
    struct span parcel = {0};
    TRY(payload_proof_get(m->body, &p));
    if (store_row_get(f->store, job->id, &row) != ERR_OK) {
        flow_job_free(job);
        return ERR_OK;
    }
    if (p.err == 0 && job_parcel(f, job, job->a, &p, &parcel) != ERR_OK)
        parcel = (struct span){0};
    if (job->b == CORRIDOR_OFFER && parcel.len > 0)
        flow_reply_corridor(f, &job->ticket, 403, parcel, NULL, NULL);
    else if (job->b == CORRIDOR_OFFER)
        flow_reply_corridor(f, &job->ticket, 503, SPAN_LIT(""), NULL, NULL);
    else
        clerk_query_corridor(f, &job->ticket, &row, parcel);
    flow_job_free(job);
    return ERR_OK;
}

static void
job_state_drive(struct flow *f, struct flow_job *job)
{
    job_ask_proof(f, job, (uint8_t)(job->c >> 32), job->c & UINT32_MAX);
}

/* -- dispatch */

/* PEER_VERIFY of the parcel in job->kept. */
static void
job_verify(struct flow *f, struct flow_job *job)
{
    struct parcel parcel;
    struct store_row row;
    struct p_peer_verify ask = {0};
    struct span body;
    if (parcel_read(job->kept, &parcel) != ERR_OK ||
        store_row_get(f->store, job->id, &row) != ERR_OK) {
        flow_job_free(job);
        return;
    }
    ask.peer = span_str(row.peer);
    ask.entry = parcel.entry;
    ask.proof = parcel.proof;
    ask.old_size = parcel.old_size;
    ask.consistency = parcel.consistency;
    if (job->kind == JOB_RECEIPT)
        ask.receipt = parcel.record;
    else
        ask.release = parcel.record;
    if (payload_peer_verify_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK)
        flow_job_failed(f, job, ERR_FULL);
    else
        flow_job_ask(f, job, ROLE_LEDGER, 0, MSG_PEER_VERIFY, body);
}

void
flow_job_drive(struct flow *f, struct flow_job *job)
{
    job->conv.due_ms = INT64_MAX;
    switch (job->kind) {
    case JOB_RECEIPT:
    case JOB_RELEASE:
        job_verify(f, job);
        return;
    case JOB_ERRAND:
        job_errand_drive(f, job);
        return;
    case JOB_STATE:
        job_state_drive(f, job);
        return;
    case JOB_PULL:
        i8_pull_drive(f, job);
        return;
    case JOB_EVIDENCE:
        clerk_evidence_drive(f, job);
        return;
    case JOB_HOLD:
        clerk_hold_drive(f, job);
        return;
    case JOB_ADJUST:
        clerk_counter_drive(f, job);
        return;
    case JOB_AGAIN:
        flow_succeed_drive(f, job);
        return;
    case JOB_WAIT:
    case JOB_DRY:
    case JOB_NOTE:
        clerk_query_drive(f, job);
        return;
    case JOB_NONE:
        return;
    }
}

enum err
flow_job_answer(struct flow *f, struct flow_job *job, struct msg *m)
{
    switch (job->kind) {
    case JOB_RECEIPT:
        return m->type == MSG_PEER_VERIFIED ? s9_receipt_verified(f, job, m) : ERR_PROTOCOL;
    case JOB_RELEASE:
        return m->type == MSG_PEER_VERIFIED ? i4_release_verified(f, job, m) : ERR_PROTOCOL;
    case JOB_ERRAND:
        if (m->type == MSG_PROOF)
            return job_errand_proof(f, job, m);
        return m->type == MSG_PARCEL_SENT ? job_errand_sent(f, job, m) : ERR_PROTOCOL;
    case JOB_STATE:
        return m->type == MSG_PROOF ? job_state_proof(f, job, m) : ERR_PROTOCOL;
    case JOB_PULL:
        return i8_pull_answer(f, job, m);
    case JOB_EVIDENCE:
        return clerk_evidence_answer(f, job, m);
    case JOB_ADJUST:
        return clerk_counter_answer(f, job, m);
    case JOB_AGAIN:
        return flow_succeed_answer(f, job, m);
    case JOB_HOLD:
        return m->type == MSG_NOTE_ANSWER ? clerk_hold_answer(f, job, m) : ERR_PROTOCOL;
    case JOB_DRY:
    case JOB_NOTE:
    case JOB_WAIT:
        return clerk_query_answer(f, job, m);
    case JOB_NONE:
        break;
    }
    return ERR_PROTOCOL;
}

void
flow_job_failed(struct flow *f, struct flow_job *job, enum err err)
{
    switch (job->kind) {
    case JOB_RECEIPT:
    case JOB_RELEASE:
    case JOB_STATE:
        /* The peer asks again. */
        flow_reply_corridor(f, &job->ticket, 503, SPAN_LIT(""), NULL, NULL);
        flow_job_free(job);
        return;
    case JOB_AGAIN:
    case JOB_ERRAND:
    case JOB_NOTE:
        flow_job_retry(f, job);
        return;
    case JOB_ADJUST:
        clerk_counter_failed(f, job);
        return;
    case JOB_HOLD:
    case JOB_PULL:
    case JOB_EVIDENCE:
    case JOB_DRY:
    case JOB_WAIT:
        flow_reply_code(f, &job->ticket, NULL,
                        err == ERR_ROLE_LOST ? "internal" : "log-unavailable", SPAN_LIT(""),
                        SPAN_LIT(""));
        flow_job_free(job);
        return;
    case JOB_NONE:
        return;
    }
}
