/* SPDX-License-Identifier: Apache-2.0 */
/* Import 7, settle: the logged entry is proved to keeper, keeper signs the RECEIPT, and one
 * transaction makes the dataset visible with its inbox key, or removes it. The receipt is then an
 * errand: carried to the peer until the peer has it. */
#include "gateway/clerk/spool.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/stages.h"
#include "schemas/entry.h"

enum {
    I7_HELD = 2,
    I7_ACCEPTED = 3,
    I7_DENIED = 4,
    I7_WITHDRAWN = 5,
    I7_EXPIRED = 6,
    I7_DELIVERED = 7
};
enum { I7_OFFER_REFUSED = 1, I7_DAY_MS = 86400000 };

/* The entry that the receipt rests on. */
static uint8_t
i7_kind(const struct store_row *row)
{
    if (row->receipt_status == I7_DELIVERED)
        return ENTRY_DELIVERED;
    return row->receipt_status == I7_EXPIRED ? ENTRY_REFUSED : ENTRY_RECEIVED;
}

static uint64_t
i7_n(const struct store_row *row)
{
    return i7_kind(row) == ENTRY_RECEIVED ? row->n : 0;
}

bool
i7_settle_errand(const struct store_row *row, struct store_errand *ret)
{
    const uint64_t status = row->receipt_status == I7_DELIVERED ? I7_ACCEPTED : row->receipt_status;
    if (status == 0 || row->log_index == STORE_NONE)
        return false;
    const bool refused = status == I7_EXPIRED;
    *ret = (struct store_errand){.status = status,
                                 .kind = refused ? ENTRY_REFUSED : ENTRY_RECEIVED,
                                 .n = refused ? 0 : row->n};
    memcpy(ret->transfer, row->id, sizeof(ret->transfer));
    return true;
}

/* A part that may be absent for this status. */
static enum err
i7_part(struct flow *f, const struct store_row *row, enum store_part what, uint64_t n,
        struct span *ret)
{
    const enum err err = store_part_get(f->store, row->id, what, n, &f->room, ret);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err
i7_ask(struct flow *f, struct flow_run *run)
{
    const struct store_row *row = &run->row;
    struct p_receipt_sign ask = {.status = (uint16_t)row->receipt_status,
                                 .received_at = row->received_at,
                                 .log_index = row->log_index};
    struct store_entry entry;
    struct span body;
    TRY(store_entry_get(f->store, row->id, i7_kind(row), i7_n(row), &f->room, &entry));
    ask.log_index = entry.index;
    memcpy(ask.leaf, entry.leaf, sizeof(ask.leaf));
    memcpy(ask.offer_hash, row->offer_hash, sizeof(ask.offer_hash));
    /* RECEIPT 1 names the offer where the others name the seal. */
    memcpy(ask.seal_hash,
           row->receipt_status == I7_OFFER_REFUSED ? row->offer_hash : row->seal_hash,
           sizeof(ask.seal_hash));
    memcpy(ask.release_hash, row->release_hash, sizeof(ask.release_hash));
    if (ask.received_at == 0)
        ask.received_at = (uint64_t)(row->logged_ms / 1000);
    TRY(i7_part(f, row, STORE_PERMIT, row->n, &ask.permit));
    TRY(i7_part(f, row, STORE_HELD, 0, &ask.held));
    if (row->receipt_status >= I7_WITHDRAWN)
        TRY(i7_part(f, row, STORE_RELEASE, 0, &ask.release));
    TRY(payload_receipt_sign_put(&ask, f->tx, sizeof(f->tx), &body));
    flow_run_ask(f, run, ROLE_KEEPER, 0, MSG_RECEIPT_SIGN, body);
    return ERR_OK;
}

void
i7_settle_drive(struct flow *f, struct flow_run *run)
{
    if ((run->flags & RUN_RECHECK) != 0)
        i5_open_reoffer(f, run);
    else if ((run->flags & RUN_PROVED) == 0)
        s6_log_prove(f, run, i7_kind(&run->row), i7_n(&run->row));
    else if (i7_ask(f, run) != ERR_OK)
        flow_run_retry(f, run);
}

static enum flow_state
i7_next(const struct store_row *row)
{
    if (row->receipt_status == I7_ACCEPTED)
        return FLOW_M7_SETTLED;
    if (row->receipt_status == I7_DELIVERED)
        return FLOW_M9_DELIVERED;
    if (row->receipt_status == I7_EXPIRED)
        return row->outcome == FLOW_MF_FAILED ? FLOW_MF_FAILED : FLOW_ME_EXPIRED;
    return row->receipt_status == I7_HELD ? FLOW_M6_HELD : FLOW_MD_DENIED;
}

static enum err
i7_fill(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_receipt_signed *p = arg;
    struct store_row *row = &run->row;
    struct store_errand errand = {
        .status = row->receipt_status, .kind = i7_kind(row), .n = i7_n(row)};
    memcpy(errand.transfer, row->id, sizeof(errand.transfer));
    TRY(store_part_put(f->store, row->id, STORE_RECEIPT, row->receipt_status, p->receipt));
    TRY(store_errand_put(f->store, &errand));
    switch ((unsigned)i7_next(row)) {
    case FLOW_M7_SETTLED:
        if (row->retain_days > 0)
            row->retain_ms = flow_run_wall(f) + (int64_t)row->retain_days * I7_DAY_MS;
        TRY(store_part_put(f->store, row->id, STORE_INBOX, 0, p->inbox));
        return store_part_del(f->store, row->id, STORE_HELD);
    case FLOW_MD_DENIED:
    case FLOW_ME_EXPIRED:
    case FLOW_MF_FAILED:
        row->spool[0] = 0;
        TRY(store_part_del(f->store, row->id, STORE_HELD));
        return i4_release_forget(f, row);
    default:
        return ERR_OK; /* held: the key stays held; delivered: retention runs already */
    }
}

/* What the offer's question waits for: its receipt is an answer now, and an errand anyway. */
static void
i7_answer_offer(struct flow *f, struct flow_run *run)
{
    struct flow_job *job = flow_job_new(f, JOB_STATE, run->row.id);
    if (job == NULL) {
        i2_body_stop(f, run, 503);
        return;
    }
    job->ticket = run->open;
    job->has_ticket = true;
    job->a = run->row.receipt_status;
    job->b = CORRIDOR_OFFER;
    job->c = (uint64_t)ENTRY_RECEIVED << 32 | run->row.n;
    run->has_open = false;
}

static enum err
i7_fill_unsigned(struct flow *f, struct flow_run *run, const void *arg)
{
    (void)arg;
    if (run->row.receipt_status == I7_DELIVERED)
        return ERR_OK; /* retention ends it */
    run->row.spool[0] = 0;
    TRY(store_part_del(f->store, run->row.id, STORE_HELD));
    return i4_release_forget(f, &run->row);
}

void
i7_settle_unsigned(struct flow *f, struct flow_run *run, uint16_t err)
{
    char stem[sizeof(run->row.spool)];
    const uint64_t status = run->row.receipt_status;
    f->out.notice(f->out.ctx, FLOW_NOTICE_REFUSED, run->row.id, err);
    if (status == I7_HELD || status == I7_ACCEPTED || status == I7_DENIED) {
        i6_decide_refuse(f, run, "operator", "key-lost", FLOW_MF_FAILED);
        return;
    }
    memcpy(stem, run->row.spool, sizeof(stem));
    if (flow_run_save(f, run, i7_next(&run->row), i7_fill_unsigned, NULL) != ERR_OK) {
        if (!f->dead)
            flow_run_retry(f, run);
        return;
    }
    if (run->row.spool[0] == 0 && stem[0] != 0 && spool_remove(f->spool_dir, stem) != ERR_OK)
        flow_run_dead(f);
    if (run->has_open)
        i2_body_stop(f, run, 503);
}

/* No receipt yet, or never. */
static void
i7_refused(struct flow *f, struct flow_run *run, uint16_t err)
{
    const bool unproved = err == (uint16_t)-ERR_PROOF || err == (uint16_t)-ERR_CONFLICT;
    const bool forgot =
        err == (uint16_t)-ERR_NOT_FOUND && run->row.receipt_status == I7_OFFER_REFUSED;
    run->flags &= ~(unsigned)RUN_PROVED; /* keeper was restarted: prove it again */
    if (forgot)
        run->flags |= RUN_RECHECK; /* and judge tells it again that the offer was refused */
    if (forgot || unproved || flow_never_passes(err) || !flow_never_said(run))
        flow_run_retry(f, run);
    else
        i7_settle_unsigned(f, run, err);
}

enum err
i7_settle_signed(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_receipt_signed p;
    char stem[sizeof(run->row.spool)];
    TRY(payload_receipt_signed_get(m->body, &p));
    const bool accepted = run->row.receipt_status == I7_ACCEPTED;
    if (run->row.state != FLOW_M6_LOGGED && run->row.state != FLOW_M9_LOGGED)
        return ERR_OK;
    if (p.err != 0) {
        i7_refused(f, run, p.err);
        return ERR_OK;
    }
    if (p.receipt.len == 0 || accepted != (p.inbox.len > 0))
        return ERR_MISSING;
    memcpy(stem, run->row.spool, sizeof(stem));
    const enum flow_state next = i7_next(&run->row);
    if (next == FLOW_M7_SETTLED)
        flow_duty_tell(f, &run->row); /* before it is stored: told twice rather than never */
    if (flow_run_save(f, run, next, i7_fill, &p) != ERR_OK) {
        if (!f->dead)
            flow_run_retry(f, run);
        return ERR_OK;
    }
    const bool gone = next == FLOW_MD_DENIED || next == FLOW_ME_EXPIRED || next == FLOW_MF_FAILED;
    if (gone && stem[0] != 0 && spool_remove(f->spool_dir, stem) != ERR_OK)
        flow_run_dead(f);
    if (run->has_open)
        i7_answer_offer(f, run);
    f->refill = true;
    f->refill_ms = 0;
    return ERR_OK;
}
