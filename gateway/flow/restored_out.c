/* SPDX-License-Identifier: Apache-2.0 */
/* Exports of a restored database. What the log says was the end is the end. A decision in it may
 * have been followed by a RELEASE that nobody here remembers: only the peer knows, and while it is
 * silent the transfer waits. Where it has one, there is no way back (X8, without the bytes): what
 * the peer receipts is the end. Where it has none, the transfer goes on from where the copy left
 * it; a decision that the copy does not have is made and logged again under the next n, and a body
 * that it does not have ends the transfer. */
#include "crypto/receipt.h"
#include "gateway/clerk/counter.h"
#include "gateway/clerk/spool.h"
#include "gateway/core/parcel.h"
#include "gateway/flow/restored.h"

#include <stdio.h>

enum { OUT_FETCH_TRIES = 5, OUT_LOST_TRIES = 8, OUT_REMIND_MS = 60 * 1000 };

/* -- ends that the log has ---------------------------------------------------------------------*/

/* A reservation that was never given back counts now, one of a transfer that did not cross goes. */
static enum err
out_count(struct flow *f, struct flow_run *run, bool crossed)
{
    uint64_t year = 0;
    const enum err err = store_reserve_get(f->store, run->row.id, &year);
    if (crossed && err == ERR_OK)
        return counter_commit(f->store, run->row.id, run->row.party, &f->room);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    return crossed ? ERR_OK : counter_drop(f->store, run->row.id);
}

/* What the rows of all these ends have in common: the log's word, no key. */
static enum err
out_fill_common(struct flow *f, struct flow_run *run, const struct restored_story *story,
                bool crossed)
{
    static const uint8_t zero[32] = {0};
    struct store_row *row = &run->row;
    const struct restored_item *decision = restored_last(story, ENTRY_DECISION);
    TRY(restored_adopt(f, run, story));
    if (decision != NULL) {
        row->log_index = decision->entry.index;
        row->origin[0] = 0;
        memcpy(row->leaf, decision->entry.leaf, sizeof(row->leaf));
        if (memcmp(row->seal_hash, zero, sizeof(zero)) == 0)
            memcpy(row->seal_hash, decision->seal_hash, sizeof(row->seal_hash));
    }
    TRY(store_part_del(f->store, row->id, STORE_WRAPPED));
    return out_count(f, run, crossed);
}

static enum err
out_fill_settled(struct flow *f, struct flow_run *run, const void *arg)
{
    TRY(out_fill_common(f, run, arg, true));
    run->row.outcome = FLOW_X10_SETTLED;
    run->row.peer_verdict = 1 + (uint64_t)VERDICT_ALLOW;
    run->row.spool[0] = 0;
    return ERR_OK;
}

static enum err
out_fill_denied(struct flow *f, struct flow_run *run, const void *arg)
{
    TRY(out_fill_common(f, run, arg, false));
    run->row.verdict = VERDICT_DENY;
    run->row.spool[0] = 0;
    return ERR_OK;
}

static enum err
out_fill_refused(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct restored_item *refused = restored_last(arg, ENTRY_REFUSED);
    struct store_row *row = &run->row;
    TRY(out_fill_common(f, run, arg, false));
    (void)snprintf(row->reason, sizeof(row->reason), "%.*s", (int)refused->reason.len,
                   (const char *)refused->reason.ptr);
    row->spool[0] = 0;
    return ERR_OK;
}

/* How it is called that a transfer ended with `refused`, as s9_receipt.c does. */
static enum flow_state
out_refused_as(const struct restored_item *refused)
{
    if (refused->by_peer)
        return span_eq_str(refused->reason, "verdict-expired") ? FLOW_XE_EXPIRED : FLOW_XD_DENIED;
    return span_eq_str(refused->reason, "hold-expired") ||
                   span_eq_str(refused->reason, "offer-expired")
               ? FLOW_XE_EXPIRED
               : FLOW_XF_FAILED;
}

/* Enters an end; the body goes, and the receipt that belongs to it is asked of the peer. */
static void
out_end(struct flow *f, struct flow_run *run, enum flow_state state, flow_run_fill *fill,
        const struct restored_story *story, bool by_peer)
{
    char stem[sizeof(run->row.spool)];
    memcpy(stem, run->row.spool, sizeof(stem));
    if (!restored_enter(f, run, state, fill, story))
        return;
    if (stem[0] != 0 && spool_remove(f->spool_dir, stem) != ERR_OK) {
        flow_run_dead(f);
        return;
    }
    if (!by_peer || (run->row.receipt_status != 0 && run->row.receipt_status != RECEIPT_HELD))
        return;
    run->flags |= RUN_FETCH;
    flow_run_now(f, run);
}

/* True when the log has the end and the run was brought there. */
static bool
out_ended(struct flow *f, struct flow_run *run, const struct restored_story *story)
{
    const struct restored_item *decision = restored_last(story, ENTRY_DECISION);
    const struct restored_item *refused = restored_last(story, ENTRY_REFUSED);
    const enum flow_state state = run->row.state;
    if (restored_last(story, ENTRY_DELIVERED) != NULL)
        out_end(f, run, FLOW_X12_DELIVERED, out_fill_settled, story, true);
    else if (restored_last(story, ENTRY_SETTLED) != NULL && state != FLOW_X10_SETTLED &&
             state != FLOW_X11_DELIVERING)
        out_end(f, run, FLOW_X10_SETTLED, out_fill_settled, story, true);
    else if (refused != NULL)
        out_end(f, run, out_refused_as(refused), out_fill_refused, story, refused->by_peer);
    else if (decision != NULL && decision->verdict == VERDICT_DENY)
        out_end(f, run, FLOW_XD_DENIED, out_fill_denied, story, false);
    else
        return false;
    return true;
}

/* -- a RELEASE that was forgotten --------------------------------------------------------------*/

static enum err
out_fill_released(struct flow *f, struct flow_run *run, const void *arg)
{
    return out_fill_common(f, run, arg, true);
}

static void
out_released(struct flow *f, struct flow_run *run, const struct restored_story *story,
             struct span parcel)
{
    struct span copy = {0};
    const uint8_t *id = run->row.id;
    if (room_copy(&f->room, parcel, &copy) != ERR_OK) {
        flow_run_retry(f, run);
        return;
    }
    if (!restored_enter(f, run, FLOW_X8_RELEASED, out_fill_released, story))
        return;
    f->out.notice(f->out.ctx, FLOW_NOTICE_OVERTAKEN, id, run->row.n);
    if (copy.len == 0)
        return;
    flow_run_wait(f, run, OUT_REMIND_MS);
    const enum err err = s9_receipt_in(f, NULL, span_str(run->row.peer), id, copy);
    (void)err; /* ours to ask again, not the sender's breach */
}

/* -- none was taken ----------------------------------------------------------------------------*/

static enum err
out_fill_same(struct flow *f, struct flow_run *run, const void *arg)
{
    return restored_adopt(f, run, arg);
}

static enum err
out_fill_again(struct flow *f, struct flow_run *run, const void *arg)
{
    TRY(restored_adopt(f, run, arg));
    return s5_decide_reopen(f, run, NULL);
}

static void
out_onward(struct flow *f, struct flow_run *run, const struct restored_story *story)
{
    const struct store_row *row = &run->row;
    bool differs = false;
    const enum err err = restored_differs(f, run, ENTRY_DECISION, row->n, story, &differs);
    if (err != ERR_OK) {
        flow_run_retry(f, run);
        return;
    }
    const bool newer = differs || story->decisions > row->decisions;
    switch ((unsigned)row->state) {
    case FLOW_X1_CREATED:
    case FLOW_X2_RECEIVING:
        run->known = true;
        run->doubt = false;
        /* The copy is of a time before the body was whole, and a decision was logged since. */
        if (story->decisions > 0)
            s9_receipt_refuse(f, run, "operator", "body-lost", FLOW_XF_FAILED);
        else
            flow_run_now(f, run);
        return;
    case FLOW_X5_DECIDED:
    case FLOW_X6_LOGGED:
    case FLOW_X7_FORWARDING:
        (void)restored_enter(f, run, newer ? FLOW_X4_RESERVED : row->state,
                             newer ? out_fill_again : out_fill_same, story);
        return;
    case FLOW_X6_APPROVING:
        (void)restored_enter(f, run, run->doubt ? FLOW_X6_HELD : row->state, out_fill_same, story);
        return;
    default:
        (void)restored_enter(f, run, row->state, out_fill_same, story);
    }
}

/* The peer may have a RELEASE that is not known here. */
static bool
out_may_be_released(const struct store_row *row, const struct restored_story *story)
{
    const struct restored_item *decision = restored_last(story, ENTRY_DECISION);
    if (decision == NULL || decision->verdict != VERDICT_ALLOW)
        return false;
    return row->state >= FLOW_X1_CREATED && row->state <= FLOW_X7_FORWARDING;
}

void
restored_out_act(struct flow *f, struct flow_run *run, const struct restored_story *story,
                 struct span stand)
{
    struct parcel parcel;
    struct receipt receipt = {0};
    if (out_ended(f, run, story))
        return;
    if (!out_may_be_released(&run->row, story)) {
        out_onward(f, run, story);
        return;
    }
    if (stand.len == 0) {
        restored_ask_peer(f, run);
        return;
    }
    const struct span bytes = span_from(stand, 1);
    const bool receipted =
        parcel_read(bytes, &parcel) == ERR_OK && receipt_decode(parcel.record, &receipt) == ERR_OK;
    /* An offer that was refused, or ended at the peer without one, has taken no RELEASE. */
    if (stand.ptr[0] == STAND_RELEASED || (receipted && receipt.status != RECEIPT_OFFER_REFUSED))
        out_released(f, run, story, receipted ? bytes : SPAN_LIT(""));
    else
        out_onward(f, run, story);
}

/* -- afterwards --------------------------------------------------------------------------------*/

void
restored_out_fetch(struct flow *f, struct flow_run *run)
{
    if (run->tries < OUT_FETCH_TRIES) {
        restored_ask_peer(f, run);
        return;
    }
    run->flags &= ~(unsigned)RUN_FETCH; /* the end stands in the log; its evidence lacks this */
    flow_run_wait(f, run, UINT32_MAX);
}

void
restored_out_stands(struct flow *f, struct flow_run *run, uint16_t status, struct span stand)
{
    const struct span peer = span_str(run->row.peer);
    const bool fetching = (run->flags & RUN_FETCH) != 0;
    struct span parcel = stand.len > 1 ? span_from(stand, 1) : SPAN_LIT("");
    if (!fetching && run->row.state != FLOW_X8_RELEASED)
        return;
    if (stand.len == 0 || status == 0) {
        flow_run_retry(f, run);
        return;
    }
    if (parcel.len > 0) {
        run->flags &= ~(unsigned)RUN_FETCH;
        flow_run_wait(f, run, fetching ? UINT32_MAX : OUT_REMIND_MS);
        const enum err err = s9_receipt_in(f, NULL, peer, run->row.id, parcel);
        (void)err; /* as above */
    } else if (fetching) {
        run->flags &= ~(unsigned)RUN_FETCH;
        flow_run_wait(f, run, UINT32_MAX);
    } else if (stand.ptr[0] == STAND_RELEASED) {
        flow_run_wait(f, run, OUT_REMIND_MS); /* it works on it, or its operators do */
    } else if (run->tries < OUT_LOST_TRIES) {
        flow_run_retry(f, run);
    } else {
        /* It forgot the RELEASE too, and the bytes are gone here: nobody can open the body. */
        f->out.notice(f->out.ctx, FLOW_NOTICE_LOST, run->row.id, run->row.n);
        s9_receipt_refuse(f, run, "operator", "release-lost", FLOW_XF_FAILED);
    }
}
