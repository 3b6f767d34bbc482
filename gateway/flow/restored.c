/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/flow/restored.h"

#include "crypto/digest.h"
#include "gateway/flow/flow_job.h"
#include "schemas/wire.h"

enum { RESTORED_ITEMS_MAX = 256 };

/* -- who asks ----------------------------------------------------------------------------------*/

bool
restored_waits(const struct flow *f, const struct store_row *row)
{
    return !f->compared && row->seq != 0 && row->seq <= f->start_seq;
}

static bool
restored_is_over(enum flow_state state)
{
    switch ((unsigned)state) {
    case FLOW_X12_DELIVERED:
    case FLOW_XD_DENIED:
    case FLOW_XF_FAILED:
    case FLOW_XE_EXPIRED:
    case FLOW_MD_DENIED:
    case FLOW_ME_EXPIRED:
    case FLOW_MF_FAILED:
    case FLOW_M9_ERASED:
        return true;
    default:
        return false;
    }
}

bool
restored_wants(const struct flow *f, const struct flow_run *run)
{
    const struct store_row *row = &run->row;
    if (row->seq == 0 || restored_is_over(row->state))
        return false;
    /* An offer that was forgotten comes again, as a new row. */
    const bool old = row->seq <= f->behind_seq || row->direction == DIRECTION_IMPORT;
    return run->doubt || (!run->known && f->behind_seq > 0 && old);
}

void
restored_doubt(struct flow *f, struct flow_run *run)
{
    f->out.notice(f->out.ctx, FLOW_NOTICE_CONFLICT, run->row.id, run->row.n);
    run->doubt = true;
    flow_run_drop(run, KEEP_STORY);
    flow_run_drop(run, KEEP_STAND);
    flow_run_retry(f, run);
}

/* -- asking ------------------------------------------------------------------------------------*/

static void
restored_ask_log(struct flow *f, struct flow_run *run)
{
    static const struct p_story_ask ask = {0};
    struct span body;
    if (payload_story_ask_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK)
        flow_run_retry(f, run);
    else
        flow_run_ask(f, run, ROLE_LEDGER, 0, MSG_STORY_ASK, body);
}

void
restored_ask_peer(struct flow *f, struct flow_run *run)
{
    const struct p_parcel_send ask = {.peer = span_str(run->row.peer), .what = PARCEL_STATE};
    struct span body;
    if (payload_parcel_send_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK)
        flow_run_retry(f, run);
    else
        flow_run_ask(f, run, ROLE_LINK, 0, MSG_PARCEL_SEND, body);
}

/* -- the story ---------------------------------------------------------------------------------*/

static uint8_t
restored_verdict(struct span word)
{
    return span_eq_str(word, "allow")  ? VERDICT_ALLOW
           : span_eq_str(word, "hold") ? VERDICT_HOLD
                                       : VERDICT_DENY;
}

/* What the entry says that matters here; its texts are copied into the room. */
static enum err
restored_read(struct flow *f, struct span bytes, struct entry_scratch *scratch,
              struct restored_item *item)
{
    struct entry entry;
    struct span word;
    TRY(entry_read(bytes, false, scratch, &entry, NULL));
    if (entry.kind == ENTRY_DECISION || entry.kind == ENTRY_RECEIVED) {
        TRY(entry_get_str(&entry, "verdict", &word));
        item->verdict = restored_verdict(word);
        const enum err err = entry_get_hash(&entry, "seal", item->seal_hash);
        return err == ERR_MISSING ? ERR_OK : err;
    }
    if (entry.kind != ENTRY_REFUSED)
        return ERR_OK;
    TRY(entry_get_str(&entry, "by", &word));
    item->by_peer = span_eq_str(word, "peer");
    TRY(entry_get_str(&entry, "reason", &word));
    return room_copy(&f->room, word, &item->reason);
}

static enum err
restored_items(struct flow *f, struct span list, struct restored_story *story)
{
    struct wire_reader r;
    uint8_t *memory = NULL;
    uint8_t *scratch = NULL;
    TRY(room_take(&f->room, RESTORED_ITEMS_MAX * sizeof(*story->items), &memory));
    TRY(room_take(&f->room, sizeof(struct entry_scratch), &scratch));
    story->items = (void *)memory;
    wire_reader_init(&r, list);
    while (r.err == ERR_OK && wire_left(&r) > 0) {
        struct restored_item item = {.verdict = VERDICT_DENY};
        if (story->count == RESTORED_ITEMS_MAX)
            return ERR_FULL;
        item.entry.kind = wire_get_u8(&r);
        item.entry.n = wire_get_u16(&r);
        item.entry.index = wire_get_u64(&r);
        item.entry.bytes = wire_get_vec32(&r, ENTRY_BYTES_MAX);
        TRY(r.err);
        TRY(digest_leaf(item.entry.bytes, item.entry.leaf));
        TRY(restored_read(f, item.entry.bytes, (void *)scratch, &item));
        story->received += item.entry.kind == ENTRY_RECEIVED;
        story->items[story->count++] = item;
    }
    return wire_reader_finish(&r);
}

static enum err
restored_parse(struct flow *f, struct span kept, struct restored_story *ret)
{
    struct p_story p;
    TRY(payload_story_get(kept, &p));
    *ret = (struct restored_story){.decisions = p.decisions, .opens = p.opens};
    return restored_items(f, p.entries, ret);
}

const struct restored_item *
restored_last(const struct restored_story *story, uint8_t kind)
{
    const struct restored_item *last = NULL;
    for (size_t i = 0; i < story->count; i++)
        if (story->items[i].entry.kind == kind)
            last = &story->items[i];
    return last;
}

const struct restored_item *
restored_final(const struct restored_story *story)
{
    const struct restored_item *last = NULL;
    for (size_t i = 0; i < story->count; i++)
        if (story->items[i].entry.kind == ENTRY_RECEIVED && story->items[i].verdict != VERDICT_HOLD)
            last = &story->items[i];
    return last;
}

enum err
restored_differs(struct flow *f, const struct flow_run *run, uint8_t kind, uint64_t n,
                 const struct restored_story *story, bool *ret)
{
    struct store_entry stored;
    *ret = false;
    for (size_t i = 0; i < story->count; i++) {
        const struct store_entry *said = &story->items[i].entry;
        if (said->kind != kind || said->n != n)
            continue;
        const enum err err = store_entry_get(f->store, run->row.id, kind, n, &f->room, &stored);
        if (err == ERR_NOT_FOUND)
            return ERR_OK;
        TRY(err);
        *ret = !span_eq(stored.bytes, said->bytes);
    }
    return ERR_OK;
}

/* The next decision has another number; operators' words for it move along. */
static enum err
restored_renumber(struct flow *f, struct store_row *row, uint64_t decisions)
{
    struct span words;
    const enum err err =
        store_part_get(f->store, row->id, STORE_APPROVAL, row->decisions, &f->room, &words);
    if (err == ERR_OK)
        TRY(store_part_put(f->store, row->id, STORE_APPROVAL, decisions, words));
    row->decisions = decisions;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err
restored_adopt(struct flow *f, struct flow_run *run, const struct restored_story *story)
{
    struct store_row *row = &run->row;
    const uint32_t said = row->direction == DIRECTION_EXPORT ? story->decisions : story->received;
    /* A word that is being appended moves on when that is answered. */
    const bool speaking =
        !run->doubt && (row->state == FLOW_X6_APPROVING || row->state == FLOW_M6_APPROVING);
    for (size_t i = 0; i < story->count; i++)
        if (!speaking || story->items[i].entry.kind != ENTRY_APPROVAL)
            TRY(store_entry_adopt(f->store, row->id, &story->items[i].entry));
    if (row->decisions < said)
        TRY(restored_renumber(f, row, said));
    if (row->opens < story->opens)
        row->opens = story->opens;
    if (story->count > 0)
        row->left = 1;
    return ERR_OK;
}

enum err
restored_received(struct flow *f, const struct store_row *row, uint64_t *ret_n,
                  uint8_t *ret_verdict)
{
    const size_t mark = f->room.len;
    uint8_t *scratch = NULL;
    enum err found = ERR_NOT_FOUND;
    TRY(room_take(&f->room, sizeof(struct entry_scratch), &scratch));
    for (uint64_t n = 0; n < row->decisions; n++) {
        struct store_entry entry;
        struct restored_item item = {.verdict = VERDICT_HOLD};
        const enum err err =
            store_entry_get(f->store, row->id, ENTRY_RECEIVED, n, &f->room, &entry);
        if (err == ERR_NOT_FOUND)
            continue;
        TRY(err);
        /* Judge's own entries have salts; of one that came from the log they are lost. */
        if (entry.index == STORE_NONE || entry.salts.len > 0 ||
            restored_read(f, entry.bytes, (void *)scratch, &item) != ERR_OK ||
            item.verdict == VERDICT_HOLD)
            continue;
        *ret_n = n;
        *ret_verdict = item.verdict;
        found = ERR_OK;
    }
    f->room.len = mark;
    return found;
}

/* -- driving -----------------------------------------------------------------------------------*/

bool
restored_enter(struct flow *f, struct flow_run *run, enum flow_state state, flow_run_fill *fill,
               const struct restored_story *story)
{
    const enum err err = flow_run_save(f, run, state, fill, story);
    if (err != ERR_OK && !f->dead)
        flow_run_retry(f, run);
    if (err == ERR_OK) {
        run->known = true;
        run->doubt = false;
        if (run->is_due)
            flow_run_now(f, run);
        flow_job_hurry(f, run->row.id);
    }
    return err == ERR_OK;
}

void
restored_drive(struct flow *f, struct flow_run *run)
{
    struct restored_story story;
    if (run->kept[KEEP_STORY].ptr == NULL) {
        restored_ask_log(f, run);
        return;
    }
    const enum err err = restored_parse(f, run->kept[KEEP_STORY], &story);
    if (err != ERR_OK) {
        flow_run_drop(run, KEEP_STORY);
        flow_run_retry(f, run);
    } else if (run->row.direction == DIRECTION_EXPORT) {
        restored_out_act(f, run, &story, run->kept[KEEP_STAND]);
    } else {
        restored_in_act(f, run, &story);
    }
}

enum err
restored_told(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_story p;
    TRY(payload_story_get(m->body, &p));
    if (p.err != 0 || flow_run_keep(run, KEEP_STORY, m->body) != ERR_OK)
        flow_run_retry(f, run);
    else
        flow_run_now(f, run);
    return ERR_OK;
}

enum err
restored_stands(struct flow *f, struct flow_run *run, const struct p_parcel_sent *p)
{
    static const uint8_t none = STAND_NONE;
    const bool told = p->status == 200 && p->body.len > 0;
    const struct span stand = p->status == 404 ? span_of(&none, 1) : told ? p->body : SPAN_LIT("");
    if (!restored_wants(f, run)) {
        restored_out_stands(f, run, p->status, stand);
        return ERR_OK;
    }
    if (stand.len == 0 || flow_run_keep(run, KEEP_STAND, stand) != ERR_OK)
        flow_run_retry(f, run);
    else
        flow_run_now(f, run);
    return ERR_OK;
}
