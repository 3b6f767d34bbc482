/* SPDX-License-Identifier: Apache-2.0 */
/* Imports of a restored database. An end in the log is the end: what was refused or erased is not
 * brought back by a copy. A `received` in it stands, whoever decides again: only the same verdict
 * is receipted, for the entry that is in the log. */
#include "crypto/receipt.h"
#include "gateway/clerk/spool.h"
#include "gateway/flow/restored.h"

#include <stdio.h>

enum { IN_DAY_MS = 86400000 };

static enum err
in_fill_same(struct flow *f, struct flow_run *run, const void *arg)
{
    return restored_adopt(f, run, arg);
}

static enum err
in_fill_gone(struct flow *f, struct flow_run *run, const void *arg)
{
    TRY(restored_adopt(f, run, arg));
    TRY(store_part_del(f->store, run->row.id, STORE_HELD));
    TRY(store_part_del(f->store, run->row.id, STORE_INBOX));
    TRY(i4_release_forget(f, &run->row));
    run->row.spool[0] = 0;
    return ERR_OK;
}

static enum err
in_fill_erased(struct flow *f, struct flow_run *run, const void *arg)
{
    TRY(in_fill_gone(f, run, arg));
    TRY(store_entry_forget(f->store, run->row.id));
    run->row.retain_ms = STORE_NEVER;
    return ERR_OK;
}

/* How it is called that an import ended with `refused`, as the stages do. */
static enum flow_state
in_refused_as(const struct restored_item *refused)
{
    static const char *const over[] = {"offer-expired", "hold-expired", "verdict-expired",
                                       "offer-refused", "contradicts-log"};
    for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++)
        if (span_eq_str(refused->reason, over[i]))
            return FLOW_ME_EXPIRED;
    return FLOW_MF_FAILED;
}

/* The peer hears of it by receipt, which needs the RELEASE. */
static enum err
in_fill_refused(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct restored_item *refused = restored_last(arg, ENTRY_REFUSED);
    struct store_row *row = &run->row;
    TRY(restored_adopt(f, run, arg));
    TRY(store_part_del(f->store, row->id, STORE_HELD));
    row->outcome = in_refused_as(refused);
    row->receipt_status = RECEIPT_EXPIRED;
    (void)snprintf(row->reason, sizeof(row->reason), "%.*s", (int)refused->reason.len,
                   (const char *)refused->reason.ptr);
    return ERR_OK;
}

static enum err
in_fill_delivered(struct flow *f, struct flow_run *run, const void *arg)
{
    struct store_row *row = &run->row;
    const int64_t end = flow_run_wall(f) + (int64_t)f->config.retain_days * IN_DAY_MS;
    TRY(restored_adopt(f, run, arg));
    if (end < row->retain_ms)
        row->retain_ms = end;
    row->receipt_status = RECEIPT_DELIVERED;
    return ERR_OK;
}

/* Nothing of it stays here. */
static void
in_end(struct flow *f, struct flow_run *run, enum flow_state state, flow_run_fill *fill,
       const struct restored_story *story)
{
    char stem[sizeof(run->row.spool)];
    memcpy(stem, run->row.spool, sizeof(stem));
    if (restored_enter(f, run, state, fill, story) && stem[0] != 0 &&
        spool_remove(f->spool_dir, stem) != ERR_OK)
        flow_run_dead(f);
}

/* A decision is stored, and the log has another entry in its place. */
static void
in_decided_otherwise(struct flow *f, struct flow_run *run, const struct restored_story *story)
{
    const struct restored_item *final = restored_final(story);
    const struct store_row *row = &run->row;
    const bool same = final != NULL && final->entry.n == row->n && final->verdict == row->verdict;
    if (row->state == FLOW_MP_REFUSED && !same) {
        i2_body_stop(f, run, 503);
        in_end(f, run, FLOW_MD_DENIED, in_fill_gone, story);
        return;
    }
    (void)restored_enter(f, run, same ? row->state : FLOW_M5_INSPECTED, in_fill_same, story);
}

void
restored_in_act(struct flow *f, struct flow_run *run, const struct restored_story *story)
{
    const enum flow_state state = run->row.state;
    const bool refused = restored_last(story, ENTRY_REFUSED) != NULL;
    const bool delivered = restored_last(story, ENTRY_DELIVERED) != NULL;
    const bool decided = state == FLOW_M6_DECIDED || state == FLOW_MP_REFUSED;
    bool differs = false;
    if (decided &&
        restored_differs(f, run, ENTRY_RECEIVED, run->row.n, story, &differs) != ERR_OK) {
        flow_run_retry(f, run);
        return;
    }
    if (restored_last(story, ENTRY_ERASED) != NULL)
        in_end(f, run, FLOW_M9_ERASED, in_fill_erased, story);
    else if (refused && state >= FLOW_M1_OFFERED && state <= FLOW_M3_COMPLETE)
        in_end(f, run, FLOW_ME_EXPIRED, in_fill_gone, story);
    else if (refused && state >= FLOW_M4_RELEASED && state <= FLOW_M6_APPROVING)
        (void)restored_enter(f, run, FLOW_MR_REFUSING, in_fill_refused, story);
    else if (delivered && (state == FLOW_M7_SETTLED || state == FLOW_M9_ACKED))
        (void)restored_enter(f, run, FLOW_M9_LOGGED, in_fill_delivered, story);
    else if (state == FLOW_M6_APPROVING && run->doubt)
        (void)restored_enter(f, run, FLOW_M6_HELD, in_fill_same, story);
    else if (differs)
        in_decided_otherwise(f, run, story);
    else
        (void)restored_enter(f, run, state, in_fill_same, story);
}
