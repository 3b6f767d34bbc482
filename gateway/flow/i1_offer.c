/* SPDX-License-Identifier: Apache-2.0 */
/* Import 1, offer: a peer's OFFER is checked by judge and kept (M1), or refused with an entry and
 * RECEIPT 1 (MP). The same offer gets the same answer; other bytes under a known id are a conflict.
 * Every request of the corridor enters here. */
#include "gateway/clerk/clerk_query.h"
#include "gateway/clerk/spool.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/restored.h"
#include "schemas/entry.h"

#include <stdio.h>

static enum err
i1_text(struct span text, char *out, size_t cap)
{
    if (text.len >= cap || (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL))
        return ERR_RANGE;
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return ERR_OK;
}

static bool
i1_is_peer(const struct flow *f, struct span zone)
{
    for (size_t i = 0; i < f->config.peer_count; i++) {
        if (span_eq_str(zone, f->config.peers[i].zone))
            return true;
    }
    return false;
}

/* Answers with the state, and with the last receipt's parcel when there is one. offer: an offer
 * that was refused is answered with 403 and the parcel alone. */
static void
i1_answer_state(struct flow *f, const struct chan_ticket *t, const struct store_row *row,
                enum corridor_kind what)
{
    const bool refused =
        what == CORRIDOR_OFFER && row->state == FLOW_MD_DENIED && row->receipt_status == 1;
    struct store_errand errand;
    if (!i7_settle_errand(row, &errand) || (what == CORRIDOR_OFFER && !refused)) {
        clerk_query_corridor(f, t, row, SPAN_LIT(""));
        return;
    }
    struct flow_job *job = flow_job_new(f, JOB_STATE, row->id);
    if (job == NULL) {
        flow_reply_corridor(f, t, 503, SPAN_LIT(""), NULL, NULL);
        return;
    }
    job->ticket = *t;
    job->has_ticket = true;
    job->a = errand.status;
    job->b = what;
    job->c = (uint64_t)errand.kind << 32 | errand.n;
}

static void
i1_offer_again(struct flow *f, const struct chan_ticket *t, struct flow_run *run, struct span offer)
{
    struct span have;
    if (run->row.seq == 0) {
        flow_reply_corridor(f, t, 503, SPAN_LIT(""), NULL, NULL); /* judge has it already */
        return;
    }
    if (store_part_get(f->store, run->row.id, STORE_OFFER, 0, &f->room, &have) != ERR_OK ||
        !span_eq(have, offer)) {
        f->out.notice(f->out.ctx, FLOW_NOTICE_CONFLICT, run->row.id, 0);
        flow_reply_corridor(f, t, 409, SPAN_LIT(""), NULL, NULL);
        return;
    }
    if (run->row.state == FLOW_MP_REFUSED ||
        (run->row.state == FLOW_M6_LOGGED && run->row.receipt_status == 1))
        flow_reply_corridor(f, t, 503, SPAN_LIT(""), NULL, NULL); /* its receipt is being made */
    else
        i1_answer_state(f, t, &run->row, CORRIDOR_OFFER);
}

static void
i1_offer_new(struct flow *f, const struct chan_ticket *t, const struct p_corridor_in *in,
             const uint8_t id[static 16])
{
    struct p_import_offer ask = {.peer = in->peer, .offer = in->body};
    struct span body;
    struct flow_run *run = NULL;
    if (!f->draining && f->log_state != LOG_QUARANTINED)
        run = flow_run_new(f);
    if (run == NULL) {
        flow_reply_corridor(f, t, 503, SPAN_LIT(""), NULL, NULL);
        return;
    }
    memcpy(run->row.id, id, sizeof(run->row.id));
    run->row.direction = DIRECTION_IMPORT;
    run->has_open = true;
    run->open = *t;
    if (i1_text(in->peer, run->row.peer, sizeof(run->row.peer)) != ERR_OK ||
        flow_run_keep(run, KEEP_OFFERED, in->body) != ERR_OK ||
        payload_import_offer_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK) {
        i1_offer_drop(f, run);
        return;
    }
    flow_run_ask(f, run, ROLE_JUDGE, 0, MSG_IMPORT_OFFER, body);
    if (run->conv.tag == 0)
        i1_offer_drop(f, run);
}

void
i1_offer_drop(struct flow *f, struct flow_run *run)
{
    if (run->has_open)
        flow_reply_corridor(f, &run->open, 503, SPAN_LIT(""), NULL, NULL);
    run->has_open = false;
    flow_run_free(f, run);
}

enum err
i1_offer_in(struct flow *f, const struct chan_ticket *t, struct msg *m)
{
    struct p_corridor_in p;
    TRY(payload_corridor_in_get(m->body, &p));
    if (p.what < CORRIDOR_OFFER || p.what > CORRIDOR_STATE || !i1_is_peer(f, p.peer))
        return ERR_RANGE;
    if (p.what == CORRIDOR_RECEIPT)
        return s9_receipt_in(f, t, p.peer, m->transfer, p.body);
    struct flow_run *run = flow_run_find(f, m->transfer);
    if (run != NULL &&
        (run->row.direction != DIRECTION_IMPORT || !span_eq_str(p.peer, run->row.peer))) {
        /* Our own export, or another peer's transfer: to this peer it does not exist. */
        flow_reply_corridor(f, t, p.what == CORRIDOR_OFFER ? 409 : 404, SPAN_LIT(""), NULL, NULL);
        return ERR_OK;
    }
    if (run == NULL && p.what == CORRIDOR_OFFER) {
        i1_offer_new(f, t, &p, m->transfer);
        return ERR_OK;
    }
    if (run == NULL || (run->row.seq == 0 && p.what != CORRIDOR_OFFER)) {
        flow_reply_corridor(f, t, 404, SPAN_LIT(""), NULL, NULL);
        return ERR_OK;
    }
    if (p.what == CORRIDOR_OFFER)
        i1_offer_again(f, t, run, p.body);
    else if (p.what == CORRIDOR_SEAL)
        return i2_body_seal(f, t, run, p.body);
    else if (p.what == CORRIDOR_RELEASE)
        return i4_release_in(f, t, run, p.body);
    else
        i1_answer_state(f, t, &run->row, CORRIDOR_STATE);
    return ERR_OK;
}

/* -- judge's word */

/* What judge's word makes of the row, whose OFFER is stored. */
static enum err
i1_fill_word(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_import_checked *p = arg;
    const struct store_entry entry = {.kind = ENTRY_RECEIVED, .bytes = p->entry, .salts = p->salts};
    struct store_row *row = &run->row;
    TRY(i1_text(p->agreement, row->agreement, sizeof(row->agreement)));
    TRY(i1_text(p->sender, row->other, sizeof(row->other)));
    TRY(i1_text(p->recipient, row->party, sizeof(row->party)));
    TRY(i1_text(p->name, row->name, sizeof(row->name)));
    memcpy(row->offer_hash, p->offer_hash, sizeof(row->offer_hash));
    row->verdict = p->verdict;
    row->not_after = p->not_after;
    row->retain_days = p->retain_days;
    row->reserved_at = p->bytes_max;
    if (p->verdict != VERDICT_DENY)
        return store_part_put(f->store, row->id, STORE_SPEC, 0, p->spec);
    row->receipt_status = 1;
    row->outcome = FLOW_MD_DENIED;
    row->decisions = 1;
    TRY(store_part_put(f->store, row->id, STORE_DECISION, 0, p->decision));
    TRY(store_part_put(f->store, row->id, STORE_RECORD, 0, p->record));
    return store_entry_put(f->store, row->id, &entry);
}

static enum err
i1_fill(struct flow *f, struct flow_run *run, const void *arg)
{
    TRY(store_part_put(f->store, run->row.id, STORE_OFFER, 0, run->kept[KEEP_OFFERED]));
    return i1_fill_word(f, run, arg);
}

/* The status for an offer that is not one: the peer's fault, or ours to be asked again. */
static uint16_t
i1_status(uint16_t err)
{
    if (flow_never_passes(err))
        return 503;
    return err == (uint16_t)-ERR_CONFLICT ? 409 : 400;
}

enum err
i1_offer_checked(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_import_checked p;
    TRY(payload_import_checked_get(m->body, &p));
    const struct chan_ticket t = run->open;
    if (p.err != 0) {
        flow_reply_corridor(f, &t, i1_status(p.err), p.detail, NULL, NULL);
        run->has_open = false;
        flow_run_free(f, run);
        return ERR_OK;
    }
    if (p.verdict > VERDICT_ALLOW)
        return ERR_RANGE;
    const bool denied = p.verdict == VERDICT_DENY;
    const enum err err =
        flow_run_save(f, run, denied ? FLOW_MP_REFUSED : FLOW_M1_OFFERED, i1_fill, &p);
    if (err == ERR_RANGE)
        return err;
    if (err != ERR_OK) {
        if (!f->dead)
            i1_offer_drop(f, run);
        return ERR_OK;
    }
    if (denied)
        return ERR_OK; /* answered with its receipt */
    run->has_open = false;
    clerk_query_corridor(f, &t, &run->row, SPAN_LIT(""));
    return ERR_OK;
}

enum err
i1_offer_rechecked(struct flow *f, struct flow_run *run, const struct p_import_checked *p)
{
    if (p->err != 0 || p->verdict != VERDICT_DENY)
        return ERR_OK; /* the peer shows its SEAL again, and is told */
    /* What is in force now does not let it in, and no RELEASE was taken: that is the answer. */
    const enum err err = flow_run_save(f, run, FLOW_MP_REFUSED, i1_fill_word, p);
    return err == ERR_RANGE ? err : ERR_OK;
}

/* -- the offer ends */

static enum err
i1_fill_expired(struct flow *f, struct flow_run *run, const void *arg)
{
    (void)arg;
    run->row.spool[0] = 0;
    return store_part_del(f->store, run->row.id, STORE_HELD);
}

void
i1_offer_expire(struct flow *f, struct flow_run *run)
{
    char stem[sizeof(run->row.spool)];
    uint64_t n = 0;
    uint8_t verdict = VERDICT_DENY;
    /* It was received, a newer copy of this database had its key, and nobody sends that again. */
    if (restored_received(f, &run->row, &n, &verdict) == ERR_OK && verdict == VERDICT_ALLOW) {
        i9_erase_received(f, run, n, "key-lost");
        return;
    }
    if (run->row.state == FLOW_M6_HELD) {
        i6_decide_refuse(f, run, "timeout", "hold-expired", FLOW_ME_EXPIRED);
        return;
    }
    memcpy(stem, run->row.spool, sizeof(stem));
    if (flow_run_save(f, run, FLOW_ME_EXPIRED, i1_fill_expired, NULL) != ERR_OK)
        return;
    if (stem[0] != 0 && spool_remove(f->spool_dir, stem) != ERR_OK)
        flow_run_dead(f);
}
