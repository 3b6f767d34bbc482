/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 9, receipt: what the other zone says has become of the dataset, verified by ledger against
 * that zone's log, is stored with our own entry (X9), and the entry is appended (X10). Also the
 * other ends of what was logged: refused by the peer, by an operator, by time. */
#include "crypto/receipt.h"
#include "gateway/clerk/counter.h"
#include "gateway/clerk/spool.h"
#include "gateway/core/parcel.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/stages.h"
#include "schemas/entry.h"

#include <stdio.h>

/* While the peer's operators decide it is reminded now and then: it may be restored to a time
 * before it held. */
enum { S9_HELD_MS = 10 * 60 * 1000 };

/* A receipt on its way into the row. */
struct s9_news {
    struct receipt receipt;
    struct span parcel;
    struct p_peer_verified verified;
    enum flow_state next;
};

/* -- a parcel comes in */

/* The receipt names this transfer, its container and, where one was sent, its RELEASE. */
static bool
s9_is_about(const struct store_row *row, const struct receipt *r)
{
    static const uint8_t zero[32] = {0};
    const uint8_t *sealed = r->status == RECEIPT_OFFER_REFUSED ? row->offer_hash : row->seal_hash;
    if (memcmp(r->transfer, row->id, sizeof(r->transfer)) != 0 ||
        memcmp(r->seal_hash, sealed, sizeof(r->seal_hash)) != 0)
        return false;
    /* Of a RELEASE that a newer copy of this database had, the receipt alone tells the hash. */
    return r->status == RECEIPT_OFFER_REFUSED ||
           memcmp(row->release_hash, zero, sizeof(zero)) == 0 ||
           memcmp(r->release_hash, row->release_hash, sizeof(r->release_hash)) == 0;
}

/* The log has the end that this receipt is of, and the receipt itself is not here. */
static bool
s9_completes(const struct store_row *row, enum receipt_status status)
{
    if (row->receipt_status != 0 && row->receipt_status != RECEIPT_HELD)
        return false;
    switch ((unsigned)row->state) {
    case FLOW_X10_SETTLED:
    case FLOW_X12_DELIVERED:
        return status == RECEIPT_ACCEPTED;
    case FLOW_XD_DENIED:
        return status == RECEIPT_OFFER_REFUSED || status == RECEIPT_REFUSED ||
               status == RECEIPT_WITHDRAWN;
    case FLOW_XE_EXPIRED:
        return status == RECEIPT_EXPIRED;
    default:
        return false;
    }
}

/* What the state of the row makes of a status: taken, known already, or against the order. */
static enum err
s9_expects(const struct store_row *row, enum receipt_status status)
{
    if (row->receipt_status == status || (row->receipt_status != 0 && status == RECEIPT_HELD))
        return ERR_EXISTS;
    if (s9_completes(row, status))
        return ERR_OK;
    switch (status) {
    case RECEIPT_OFFER_REFUSED:
        /* Also when it was released: a restored peer may refuse what it let in before. */
        return row->state == FLOW_X7_FORWARDING || row->state == FLOW_X8_RELEASED ? ERR_OK
                                                                                  : ERR_STATE;
    case RECEIPT_HELD:
    case RECEIPT_ACCEPTED:
    case RECEIPT_REFUSED:
    case RECEIPT_WITHDRAWN:
    case RECEIPT_EXPIRED:
        return row->state == FLOW_X8_RELEASED ? ERR_OK : ERR_STATE;
    case RECEIPT_DELIVERED:
        if (row->state == FLOW_X10_SETTLED)
            return ERR_OK;
        /* It may overtake: the peer repeats it. */
        return row->state == FLOW_X8_RELEASED || row->state == FLOW_X9_RECEIPTED ? ERR_AGAIN
                                                                                 : ERR_STATE;
    }
    return ERR_STATE;
}

static void
s9_answer(struct flow *f, const struct chan_ticket *t, uint16_t status)
{
    if (t != NULL)
        flow_reply_corridor(f, t, status, SPAN_LIT(""), NULL, NULL);
}

enum err
s9_receipt_in(struct flow *f, const struct chan_ticket *t, struct span peer,
              const uint8_t id[static 16], struct span body)
{
    struct parcel parcel;
    struct receipt receipt;
    struct flow_run *run = flow_run_find(f, id);
    if (run == NULL || run->row.direction != DIRECTION_EXPORT ||
        !span_eq_str(peer, run->row.peer)) {
        s9_answer(f, t, 404);
        return ERR_OK;
    }
    if (parcel_read(body, &parcel) != ERR_OK || parcel.kind != PARCEL_RECEIPT ||
        receipt_decode(parcel.record, &receipt) != ERR_OK || !s9_is_about(&run->row, &receipt)) {
        s9_answer(f, t, 400);
        return ERR_OK;
    }
    const enum err expects = s9_expects(&run->row, receipt.status);
    if (expects != ERR_OK) {
        s9_answer(f, t, expects == ERR_EXISTS ? 200 : expects == ERR_AGAIN ? 503 : 409);
        return ERR_OK;
    }
    if (flow_job_begin(f, JOB_RECEIPT, id, body, t) == NULL)
        s9_answer(f, t, 503);
    return ERR_OK;
}

/* -- it is verified */

static enum err
s9_write_settled(struct flow *f, const struct flow_run *run, const struct s9_news *news,
                 enum entry_kind kind, struct span *ret)
{
    const struct entry_head head = {
        .time_ms = flow_run_wall(f), .transfer = run->row.id, .has_n = true, .n = 0};
    const struct entry_peer peer = {news->verified.origin, news->verified.index,
                                    news->verified.leaf};
    uint8_t hash[32];
    uint8_t *out = NULL;
    TRY(receipt_hash(&news->receipt, hash));
    TRY(room_take(&f->room, ENTRY_BYTES_MAX, &out));
    if (kind != ENTRY_REFUSED)
        return entry_write_receipt(&head, kind, hash, &peer, (char *)out, ENTRY_BYTES_MAX, ret);
    const struct span reason =
        news->receipt.status == RECEIPT_OFFER_REFUSED ? SPAN_LIT("offer-refused")
        : news->receipt.status == RECEIPT_WITHDRAWN   ? SPAN_LIT("withdrawn")
        : news->receipt.status == RECEIPT_EXPIRED     ? SPAN_LIT("verdict-expired")
                                                      : SPAN_LIT("refused-on-import");
    return entry_write_refused(&head, SPAN_LIT("peer"), reason, &peer, (char *)out, ENTRY_BYTES_MAX,
                               ret);
}

static enum entry_kind
s9_kind(enum receipt_status status)
{
    if (status == RECEIPT_ACCEPTED)
        return ENTRY_SETTLED;
    return status == RECEIPT_DELIVERED ? ENTRY_DELIVERED : ENTRY_REFUSED;
}

/* The receipt itself, and what it says of the other zone. */
static enum err
s9_fill_receipt(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct s9_news *news = arg;
    struct store_row *row = &run->row;
    const enum receipt_status status = news->receipt.status;
    struct parcel parcel;
    TRY(parcel_read(news->parcel, &parcel));
    TRY(store_part_put(f->store, row->id, STORE_RECEIPT, status, parcel.record));
    TRY(store_part_put(f->store, row->id, STORE_PARCEL, status, news->parcel));
    TRY(store_part_put(f->store, row->id, STORE_COSIGNED, status, news->verified.cosignature));
    row->receipt_status = status;
    if (status != RECEIPT_DELIVERED)
        row->peer_verdict = 1 + (uint64_t)news->verified.verdict;
    if (status != RECEIPT_OFFER_REFUSED)
        memcpy(row->release_hash, news->receipt.release_hash, sizeof(row->release_hash));
    row->peer_index = news->verified.index;
    (void)snprintf(row->peer_origin, sizeof(row->peer_origin), "%.*s",
                   (int)news->verified.origin.len, (const char *)news->verified.origin.ptr);
    return ERR_OK;
}

static enum err
s9_fill(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct s9_news *news = arg;
    struct store_row *row = &run->row;
    const enum receipt_status status = news->receipt.status;
    TRY(s9_fill_receipt(f, run, arg));
    if (status == RECEIPT_DELIVERED)
        row->outcome = FLOW_X12_DELIVERED;
    if (status == RECEIPT_HELD) {
        row->shown = FLOW_SHOWN_HELD_AGAIN;
        return ERR_OK;
    }
    struct store_entry entry = {.kind = (uint8_t)s9_kind(status)};
    TRY(s9_write_settled(f, run, news, s9_kind(status), &entry.bytes));
    if (status != RECEIPT_DELIVERED) {
        row->outcome = status == RECEIPT_ACCEPTED  ? FLOW_X10_SETTLED
                       : status == RECEIPT_EXPIRED ? FLOW_XE_EXPIRED
                                                   : FLOW_XD_DENIED;
        TRY(store_part_del(f->store, row->id, STORE_WRAPPED));
        /* Before the release (an offer refused) the persons did not cross; after it they did, and
         * no reservation is left. */
        TRY(counter_drop(f->store, row->id));
    }
    return store_entry_put(f->store, row->id, &entry);
}

static void
s9_take(struct flow *f, struct flow_job *job, struct flow_run *run, struct s9_news *news)
{
    const enum receipt_status status = news->receipt.status;
    news->parcel = job->kept;
    news->next = status == RECEIPT_HELD        ? FLOW_X8_RELEASED
                 : status == RECEIPT_DELIVERED ? FLOW_X11_DELIVERING
                                               : FLOW_X9_RECEIPTED;
    const bool completes = s9_completes(&run->row, status);
    const enum err err = completes ? flow_run_save(f, run, run->row.state, s9_fill_receipt, news)
                                   : flow_run_save(f, run, news->next, s9_fill, news);
    if (err == ERR_OK && status == RECEIPT_HELD)
        flow_run_wait(f, run, S9_HELD_MS); /* the peer's operators decide; its receipt follows */
    if (!f->dead && job->has_ticket)
        s9_answer(f, &job->ticket, err == ERR_OK ? 200 : 503);
}

enum err
s9_receipt_verified(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct s9_news news = {0};
    struct parcel parcel;
    TRY(payload_peer_verified_get(m->body, &news.verified));
    struct flow_run *run = flow_run_find(f, job->id);
    if (run == NULL || news.verified.err != 0) {
        if (job->has_ticket)
            s9_answer(f, &job->ticket, news.verified.err != 0 ? 400 : 503);
    } else {
        TRY(parcel_read(job->kept, &parcel));
        TRY(receipt_decode(parcel.record, &news.receipt));
        const enum err expects = s9_expects(&run->row, news.receipt.status);
        if (news.verified.verdict > VERDICT_ALLOW)
            return ERR_RANGE;
        if (expects == ERR_OK)
            s9_take(f, job, run, &news);
        else if (job->has_ticket)
            s9_answer(f, &job->ticket, expects == ERR_EXISTS ? 200 : 409);
    }
    if (job->kind != JOB_NONE)
        flow_job_free(job);
    return ERR_OK;
}

/* -- our own entry */

static uint8_t
s9_entry_of(const struct store_row *row)
{
    if (row->state == FLOW_X11_DELIVERING)
        return ENTRY_DELIVERED;
    return row->outcome == FLOW_X10_SETTLED ? ENTRY_SETTLED : ENTRY_REFUSED;
}

void
s9_receipt_append(struct flow *f, struct flow_run *run)
{
    s6_log_entry(f, run, s9_entry_of(&run->row), 0);
}

static enum err
s9_fill_done(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_appended *p = arg;
    const uint8_t kind = s9_entry_of(&run->row);
    run->row.logged_ms = flow_run_wall(f);
    run->row.spool[0] = 0; /* the other zone holds it, or nobody will */
    return store_entry_logged(f->store, run->row.id, kind, 0, p->index, p->leaf);
}

void
s9_receipt_appended(struct flow *f, struct flow_run *run, const struct p_appended *p)
{
    char stem[sizeof(run->row.spool)];
    enum flow_state next = (enum flow_state)run->row.outcome;
    memcpy(stem, run->row.spool, sizeof(stem));
    if (next == FLOW_X10_SETTLED)
        flow_duty_tell(f, &run->row); /* before it is stored: told twice rather than never */
    if (flow_run_save(f, run, next, s9_fill_done, p) != ERR_OK) {
        if (!f->dead)
            flow_run_retry(f, run);
        return;
    }
    if (stem[0] != 0 && spool_remove(f->spool_dir, stem) != ERR_OK)
        flow_run_dead(f);
}

/* -- giving up what was logged */

struct s9_refusal {
    const char *by;
    const char *reason;
    enum flow_state outcome;
};

static enum err
s9_fill_refused(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct s9_refusal *r = arg;
    const struct entry_head head = {
        .time_ms = flow_run_wall(f), .transfer = run->row.id, .has_n = true, .n = 0};
    struct store_entry entry = {.kind = ENTRY_REFUSED};
    uint8_t *out = NULL;
    TRY(room_take(&f->room, ENTRY_BYTES_MAX, &out));
    TRY(entry_write_refused(&head, span_str(r->by), span_str(r->reason), NULL, (char *)out,
                            ENTRY_BYTES_MAX, &entry.bytes));
    TRY(store_entry_put(f->store, run->row.id, &entry));
    TRY(store_part_del(f->store, run->row.id, STORE_WRAPPED));
    TRY(counter_drop(f->store, run->row.id));
    if (r->outcome == FLOW_XF_FAILED) /* no fault of the sender: the same request may come again */
        TRY(store_idem_free(f->store, run->row.id));
    run->row.outcome = r->outcome;
    (void)snprintf(run->row.reason, sizeof(run->row.reason), "%s", r->reason);
    return ERR_OK;
}

void
s9_receipt_refuse(struct flow *f, struct flow_run *run, const char *by, const char *reason,
                  enum flow_state outcome)
{
    static const struct p_forward_stop stop = {0};
    const struct s9_refusal refusal = {by, reason, outcome};
    const bool forwarding = run->row.state == FLOW_X7_FORWARDING;
    struct span body;
    if (flow_run_save(f, run, FLOW_XR_REFUSING, s9_fill_refused, &refusal) != ERR_OK) {
        if (!f->dead)
            flow_run_retry(f, run);
        return;
    }
    if (forwarding && payload_forward_stop_put(&stop, f->tx, sizeof(f->tx), &body) == ERR_OK)
        (void)!flow_run_tell(f, run, ROLE_LINK, 0, MSG_FORWARD_STOP, body, NULL, 0);
}
