/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/ledger_floor.h"

#include "gateway/ledger/ledger_part.h"
#include "schemas/text.h"
#include "schemas/wire.h"

/* What an entry says; false: nothing of it is for the floor. */
static bool
floor_read(struct ledger *l, struct span leaf, struct ledger_floor *ret)
{
    struct ledger_floor row = {.epoch = 0};
    struct entry e;
    struct span text;
    if (entry_read(leaf, false, l->scratch, &e, NULL) != ERR_OK || e.kind != ENTRY_POLICY ||
        entry_get_str(&e, "action", &text) != ERR_OK)
        return false;
    /* What ended was followed by something else, or is not missed. */
    if (!span_eq_str(text, "activate") && !span_eq_str(text, "schedule"))
        return false;
    if (entry_get_str(&e, "epoch", &text) != ERR_OK ||
        text_parse_u64(text, UINT64_MAX, &row.epoch) != ERR_OK ||
        entry_get_hash(&e, "sha256", row.sha256) != ERR_OK ||
        entry_get_str(&e, "id", &text) != ERR_OK || text.len == 0 || text.len >= sizeof(row.id))
        return false;
    memcpy(row.id, text.ptr, text.len);
    *ret = row;
    return true;
}

static void
floor_drop(struct ledger *l, size_t at)
{
    l->floor[at] = l->floor[--l->floor_count];
}

void
ledger_floor_take(struct ledger *l, struct span leaf)
{
    struct ledger_floor row;
    if (!floor_read(l, leaf, &row))
        return;
    for (size_t i = l->floor_count; i-- > 0;) {
        struct ledger_floor *old = &l->floor[i];
        if (strcmp(old->id, row.id) != 0)
            continue;
        if (old->epoch > row.epoch)
            return;
        if (old->epoch < row.epoch)
            floor_drop(l, i);
        else if (memcmp(old->sha256, row.sha256, sizeof(old->sha256)) == 0)
            return;
    }
    if (l->floor_count == LEDGER_FLOOR_MAX) {
        size_t oldest = 0;
        for (size_t i = 1; i < l->floor_count; i++)
            if (l->floor[i].epoch < l->floor[oldest].epoch)
                oldest = i;
        floor_drop(l, oldest);
    }
    l->floor[l->floor_count++] = row;
}

enum err
ledger_floor_load(struct ledger *l)
{
    l->floor_count = 0;
    for (size_t i = LOGSTORE_POLICIES; i-- > 0;) {
        uint64_t index = 0;
        size_t len = 0;
        if (logstore_policy(l->log, i, &index) != ERR_OK)
            continue;
        TRY(logstore_get(l->log, index, (uint8_t *)l->text, sizeof(l->text), &len));
        ledger_floor_take(l, span_of(l->text, len));
    }
    return ERR_OK;
}

void
ledger_floor_tell(struct ledger *l)
{
    static uint8_t rows[LEDGER_FLOOR_MAX * (32 + 1 + 64)];
    struct wire_writer w;
    struct p_policy_floor p;
    struct span body;
    wire_writer_init(&w, rows, sizeof(rows));
    for (size_t i = 0; i < l->floor_count; i++) {
        const struct span id = span_str(l->floor[i].id);
        wire_put_bytes(&w, span_of(l->floor[i].sha256, 32));
        wire_put_u8(&w, (uint8_t)id.len);
        wire_put_bytes(&w, id);
    }
    /* A judge that is gone again hears of it when it is back. */
    if (wire_writer_finish(&w, &p.documents) == ERR_OK &&
        payload_policy_floor_put(&p, l->tx, sizeof(l->tx), &body) == ERR_OK)
        (void)!l->out.send(l->out.ctx, ROLE_JUDGE, MSG_POLICY_FLOOR, NULL, body);
}
