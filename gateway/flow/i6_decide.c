/* SPDX-License-Identifier: Apache-2.0 */
/* Import 6, decide and log: the import decision rests on our own inspection; its `received` entry
 * is stored (M6), appended, and only then receipted. */
#include "gateway/flow/restored.h"
#include "schemas/entry.h"

#include <stdio.h>

void
i6_decide_drive(struct flow *f, struct flow_run *run)
{
    s5_decide_drive(f, run);
}

static uint8_t
i6_kind(const struct store_row *row)
{
    return row->state == FLOW_MR_REFUSING ? ENTRY_REFUSED : ENTRY_RECEIVED;
}

static uint64_t
i6_n(const struct store_row *row)
{
    return row->state == FLOW_MR_REFUSING ? 0 : row->n;
}

void
i6_decide_append(struct flow *f, struct flow_run *run)
{
    s6_log_entry(f, run, i6_kind(&run->row), i6_n(&run->row));
}

/* The receipt that follows a decision. */
static uint64_t
i6_status(uint64_t verdict)
{
    return verdict == VERDICT_ALLOW ? 3 : verdict == VERDICT_HOLD ? 2 : 4;
}

static enum err
i6_fill_logged(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_appended *p = arg;
    struct store_row *row = &run->row;
    const uint8_t kind = i6_kind(row);
    const uint64_t n = i6_n(row);
    if (row->state == FLOW_M6_DECIDED)
        row->receipt_status = i6_status(row->verdict);
    row->log_index = p->index;
    row->origin[0] = 0;
    row->logged_ms = flow_run_wall(f);
    row->left = 1;
    memcpy(row->leaf, p->leaf, sizeof(row->leaf));
    return store_entry_logged(f->store, row->id, kind, n, p->index, p->leaf);
}

void
i6_decide_appended(struct flow *f, struct flow_run *run, const struct p_appended *p)
{
    if (flow_run_save(f, run, FLOW_M6_LOGGED, i6_fill_logged, p) != ERR_OK && !f->dead)
        flow_run_retry(f, run);
}

/* -- giving up */

struct i6_refusal {
    const char *by;
    const char *reason;
    enum flow_state outcome;
};

enum err
i6_decide_note(struct flow *f, struct flow_run *run, const char *by, const char *reason,
               enum flow_state outcome)
{
    const struct entry_head head = {
        .time_ms = flow_run_wall(f), .transfer = run->row.id, .has_n = true, .n = 0};
    struct store_entry entry = {.kind = ENTRY_REFUSED};
    struct store_entry said;
    uint8_t *out = NULL;
    TRY(room_take(&f->room, ENTRY_BYTES_MAX, &out));
    const enum err err = store_entry_get(f->store, run->row.id, ENTRY_REFUSED, 0, &f->room, &said);
    if (err == ERR_NOT_FOUND) {
        TRY(entry_write_refused(&head, span_str(by), span_str(reason), NULL, (char *)out,
                                ENTRY_BYTES_MAX, &entry.bytes));
        TRY(store_entry_put(f->store, run->row.id, &entry));
    } else {
        TRY(err); /* the log has one from before this database was restored: it stands */
    }
    TRY(store_part_del(f->store, run->row.id, STORE_HELD));
    run->row.outcome = outcome;
    run->row.receipt_status = 6;
    (void)snprintf(run->row.reason, sizeof(run->row.reason), "%s", reason);
    return ERR_OK;
}

static enum err
i6_fill_refused(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct i6_refusal *r = arg;
    return i6_decide_note(f, run, r->by, r->reason, r->outcome);
}

void
i6_decide_refuse(struct flow *f, struct flow_run *run, const char *by, const char *reason,
                 enum flow_state outcome)
{
    const struct i6_refusal refusal = {by, reason, outcome};
    uint64_t n = 0;
    uint8_t verdict = VERDICT_DENY;
    /* The log has that it was received, from before this database was restored: that stands, and
     * what is not here any more is erased. */
    if (restored_received(f, &run->row, &n, &verdict) == ERR_OK && verdict == VERDICT_ALLOW) {
        i9_erase_received(f, run, n, reason);
        return;
    }
    if (flow_run_save(f, run, FLOW_MR_REFUSING, i6_fill_refused, &refusal) != ERR_OK && !f->dead)
        flow_run_retry(f, run);
}
