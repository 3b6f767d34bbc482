/* SPDX-License-Identifier: Apache-2.0 */
/* Import 9, acknowledge and erase: the recipient's ack makes the `delivered` entry and starts
 * retention; when that ends the inbox key is destroyed, then the body, and `erased` is logged. */
#include "crypto/digest.h"
#include "crypto/receipt.h"
#include "gateway/clerk/spool.h"
#include "gateway/core/parcel.h"
#include "gateway/flow/stages.h"
#include "schemas/entry.h"

#include <stdio.h>

enum { I9_DAY_MS = 86400000 };

static uint8_t
i9_kind(const struct store_row *row)
{
    return row->state == FLOW_M9_ACKED ? ENTRY_DELIVERED : ENTRY_ERASED;
}

/* The exporter's decision that our `delivered` answers, from its parcel. */
enum err
i9_erase_peer(struct flow *f, const struct store_row *row, uint8_t leaf[static 32],
              struct entry_peer *ret)
{
    struct parcel parcel;
    struct span bytes;
    TRY(store_part_get(f->store, row->id, STORE_PARCEL, 0, &f->room, &bytes));
    TRY(parcel_read(bytes, &parcel));
    TRY(digest_leaf(parcel.entry, leaf));
    *ret = (struct entry_peer){span_str(row->peer_origin), row->peer_index, leaf};
    return ERR_OK;
}

static enum err
i9_fill_acked(struct flow *f, struct flow_run *run, const void *arg)
{
    struct store_row *row = &run->row;
    const int64_t now = flow_run_wall(f);
    const struct entry_head head = {.time_ms = now, .transfer = row->id, .has_n = true, .n = 0};
    struct store_entry entry = {.kind = ENTRY_DELIVERED};
    struct receipt receipt;
    struct entry_peer peer;
    struct span record;
    uint8_t hash[32];
    uint8_t leaf[32];
    uint8_t *out = NULL;
    (void)arg;
    const int64_t end = now + (int64_t)f->config.retain_days * I9_DAY_MS;
    if (end < row->retain_ms)
        row->retain_ms = end;
    /* It was acknowledged before this database was restored: what the log has stands. */
    const enum err err = store_entry_get(f->store, row->id, ENTRY_DELIVERED, 0, &f->room, &entry);
    if (err != ERR_NOT_FOUND)
        return err;
    TRY(store_part_get(f->store, row->id, STORE_RECEIPT, RECEIPT_ACCEPTED, &f->room, &record));
    TRY(receipt_decode(record, &receipt));
    TRY(receipt_hash(&receipt, hash));
    TRY(i9_erase_peer(f, row, leaf, &peer));
    TRY(room_take(&f->room, ENTRY_BYTES_MAX, &out));
    TRY(entry_write_receipt(&head, ENTRY_DELIVERED, hash, &peer, (char *)out, ENTRY_BYTES_MAX,
                            &entry.bytes));
    return store_entry_put(f->store, row->id, &entry);
}

bool
i9_erase_ack(struct flow *f, struct flow_run *run)
{
    if (run->row.state != FLOW_M7_SETTLED)
        return true; /* acknowledged before */
    return flow_run_save(f, run, FLOW_M9_ACKED, i9_fill_acked, NULL) == ERR_OK;
}

static enum err
i9_fill_erasing(struct flow *f, struct flow_run *run, const void *arg)
{
    struct store_row *row = &run->row;
    const struct entry_head head = {
        .time_ms = flow_run_wall(f), .transfer = row->id, .has_n = true, .n = 0};
    struct store_entry entry = {.kind = ENTRY_ERASED};
    struct store_entry received;
    uint8_t *out = NULL;
    (void)arg;
    TRY(store_part_del(f->store, row->id, STORE_INBOX));
    TRY(store_part_del(f->store, row->id, STORE_HELD));
    TRY(i4_release_forget(f, row));
    TRY(store_entry_forget(f->store, row->id)); /* what the entry says is gone */
    TRY(store_entry_get(f->store, row->id, ENTRY_RECEIVED, row->n, &f->room, &received));
    TRY(room_take(&f->room, ENTRY_BYTES_MAX, &out));
    TRY(entry_write_erased(&head, received.index, received.origin, (char *)out, ENTRY_BYTES_MAX,
                           &entry.bytes));
    row->retain_ms = STORE_NEVER;
    return store_entry_put(f->store, row->id, &entry);
}

void
i9_erase_received(struct flow *f, struct flow_run *run, uint64_t n, const char *reason)
{
    run->row.n = n;
    (void)snprintf(run->row.reason, sizeof(run->row.reason), "%s", reason);
    f->out.notice(f->out.ctx, FLOW_NOTICE_LOST, run->row.id, n);
    if (flow_run_save(f, run, FLOW_M9_ERASING, i9_fill_erasing, NULL) != ERR_OK && !f->dead)
        flow_run_retry(f, run);
}

void
i9_erase_due(struct flow *f, struct flow_run *run)
{
    if (flow_run_wall(f) < run->row.retain_ms)
        return;
    if (flow_run_save(f, run, FLOW_M9_ERASING, i9_fill_erasing, NULL) != ERR_OK && !f->dead)
        flow_run_retry(f, run);
}

void
i9_erase_append(struct flow *f, struct flow_run *run)
{
    /* The key is gone; now the body goes, before the log says that both did. */
    if (run->row.state == FLOW_M9_ERASING && run->row.spool[0] != 0 &&
        spool_remove(f->spool_dir, run->row.spool) != ERR_OK) {
        flow_run_dead(f);
        return;
    }
    s6_log_entry(f, run, i9_kind(&run->row), 0);
}

static enum err
i9_fill_logged(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_appended *p = arg;
    struct store_row *row = &run->row;
    row->logged_ms = flow_run_wall(f);
    if (row->state == FLOW_M9_ACKED)
        row->receipt_status = RECEIPT_DELIVERED;
    else
        row->spool[0] = 0;
    return store_entry_logged(f->store, row->id, i9_kind(row), 0, p->index, p->leaf);
}

void
i9_erase_appended(struct flow *f, struct flow_run *run, const struct p_appended *p)
{
    const enum flow_state next = run->row.state == FLOW_M9_ACKED ? FLOW_M9_LOGGED : FLOW_M9_ERASED;
    if (flow_run_save(f, run, next, i9_fill_logged, p) != ERR_OK && !f->dead)
        flow_run_retry(f, run);
}
