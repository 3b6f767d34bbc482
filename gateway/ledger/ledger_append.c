/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit: entries are collected until the loop has nothing more at hand or log.batch_ms is
 * over, one fdatasync makes them durable, then everybody is answered. */
#include <assert.h>
#include <stdio.h>

#include "gateway/core/fault.h"
#include "gateway/ledger/ledger_floor.h"
#include "gateway/ledger/ledger_origin.h"
#include "gateway/ledger/ledger_part.h"
#include "gateway/ledger/segment.h"

static enum err
append_refuse(struct ledger *l, const struct chan_ticket *ticket, enum err err)
{
    struct p_appended p = {.err = (uint16_t)-err};
    struct logstore_head head;
    struct span body;
    logstore_head(l->log, &head);
    p.size = head.size;
    memcpy(p.root, head.root.b, sizeof(p.root));
    l->refused++;
    const enum err put = payload_appended_put(&p, l->tx, sizeof(l->tx), &body);
    return ledger_reply(l, ticket, MSG_APPENDED, put, body);
}

/* Entries that end a transfer, or say what went wrong, are let in when the disk is nearly full. */
static bool
append_closes(uint8_t kind)
{
    return kind == ENTRY_RECEIVED || kind == ENTRY_SETTLED || kind == ENTRY_REFUSED ||
           kind == ENTRY_DELIVERED || kind == ENTRY_ERASED || kind == ENTRY_INCIDENT;
}

/* The entry is one that clerk may append, and is what the message says it is. */
static enum err
append_check(struct ledger *l, const struct ledger_in *in, const struct p_append *p,
             struct logstore_item *ret)
{
    static const uint8_t none[16];
    TRY(logstore_item(p->entry, l->scratch, ret));
    if (ret->key.kind == ENTRY_GENESIS)
        return ERR_DENIED;
    if (ret->key.kind != p->kind || ret->key.n != p->n)
        return ERR_TYPE;
    if (ret->has_transfer ? memcmp(ret->key.transfer, in->transfer, 16) != 0
                          : memcmp(in->transfer, none, 16) != 0)
        return ERR_TYPE;
    return ERR_OK;
}

enum err
ledger_append(struct ledger *l, const struct ledger_in *in)
{
    struct p_append p;
    struct logstore_item item;
    TRY(payload_append_get(in->body, &p));
    if (l->state == LOG_QUARANTINED)
        return append_refuse(l, &in->ticket, ERR_QUARANTINE);
    /* A database of the log before this one must have come over first. */
    if (ledger_origin_has(l) && !l->head_seen)
        return append_refuse(l, &in->ticket, ERR_AGAIN);
    const enum err err = append_check(l, in, &p, &item);
    if (err != ERR_OK)
        return append_refuse(l, &in->ticket, err);
    if (l->pending_count == LOGSTORE_BATCH_MAX ||
        l->arena_len + item.leaf.len + SEGMENT_RECORD * (l->pending_count + 1) > LEDGER_ARENA)
        ledger_append_flush(l);
    uint8_t *copy = l->arena + l->arena_len;
    memcpy(copy, item.leaf.ptr, item.leaf.len);
    item.leaf.ptr = copy;
    l->arena_len += item.leaf.len;
    l->pending[l->pending_count++] = (struct ledger_pending){
        .ticket = in->ticket, .item = item, .closing = append_closes(item.key.kind)};
    /* A lone entry does not wait for company that did not come the last time either. */
    if (l->pending_count == 1)
        l->flush_ms = l->mono_ms + (l->last_batch > 1 ? l->config.batch_ms : 0);
    if (l->pending_count == LOGSTORE_BATCH_MAX)
        ledger_append_flush(l);
    return ERR_OK;
}

static void
append_conflict(struct ledger *l, const struct logstore_item *item)
{
    char detail[128];
    struct logindex_key key = item->key;
    uint64_t index = 0;
    key.kind = ENTRY_INCIDENT;
    if (logstore_find(l->log, &key, &index) == ERR_OK)
        return;
    const int n = snprintf(detail, sizeof(detail), "%s %u was asked for with other bytes",
                           entry_kind_name((enum entry_kind)item->key.kind), (unsigned)item->key.n);
    assert(n > 0 && (size_t)n < sizeof(detail));
    ledger_append_incident(l, key.transfer, key.n, SPAN_LIT("entry-conflict"),
                           span_of(detail, (size_t)n));
}

/* Appends those of the batch that are closing or not (or all: which 2) and notes the results. */
static enum err
append_some(struct ledger *l, size_t count, bool closing, bool all, enum err *errs,
            struct logstore_result *results)
{
    static struct logstore_item items[LOGSTORE_BATCH_MAX];
    static struct logstore_result got[LOGSTORE_BATCH_MAX];
    static size_t from[LOGSTORE_BATCH_MAX];
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        if (all || l->pending[i].closing == closing) {
            from[used] = i;
            items[used++] = l->pending[i].item;
        }
    if (used == 0)
        return ERR_OK;
    const enum err err = ledger_check(l, logstore_append(l->log, items, used, closing, got));
    for (size_t i = 0; i < used; i++) {
        errs[from[i]] = err == ERR_OK ? got[i].err : err;
        results[from[i]] = err == ERR_OK ? got[i] : (struct logstore_result){.err = err};
    }
    return err;
}

static void
append_answer(struct ledger *l, const struct ledger_pending *pending, enum err err,
              const struct logstore_result *result, const struct logstore_head *head)
{
    struct p_appended p = {.err = (uint16_t)-err, .index = result->index, .size = head->size};
    struct span body;
    memcpy(p.leaf, result->leaf.b, sizeof(p.leaf));
    memcpy(p.root, head->root.b, sizeof(p.root));
    l->appended += err == ERR_OK ? 1 : 0;
    l->refused += err == ERR_OK ? 0 : 1;
    const enum err put = payload_appended_put(&p, l->tx, sizeof(l->tx), &body);
    /* An asker whose queue is full asks again: the same bytes get the same index. */
    (void)!ledger_reply(l, &pending->ticket, MSG_APPENDED, put, body);
}

void
ledger_append_flush(struct ledger *l)
{
    static enum err errs[LOGSTORE_BATCH_MAX];
    static struct logstore_result results[LOGSTORE_BATCH_MAX];
    struct logstore_head head;
    const size_t count = l->pending_count;
    if (count == 0 || l->dead)
        return;
    bool closing = true;
    for (size_t i = 0; i < count; i++)
        closing = closing && l->pending[i].closing;
    FAULT_POINT(ledger_append_start);
    enum err err = append_some(l, count, closing, true, errs, results);
    /* Nearly full: what ends transfers still goes in, by itself. */
    if (err == ERR_NO_SPACE && !closing)
        err = append_some(l, count, true, false, errs, results);
    if (l->dead)
        return;
    FAULT_POINT(ledger_append_synced);
    l->pending_count = 0;
    l->arena_len = 0;
    l->last_batch = count;
    l->batches++;
    logstore_head(l->log, &head);
    for (size_t i = 0; i < count; i++)
        append_answer(l, &l->pending[i], errs[i], &results[i], &head);
    for (size_t i = 0; i < count; i++)
        if (errs[i] == ERR_OK && l->pending[i].item.key.kind == ENTRY_POLICY)
            ledger_floor_take(l, l->pending[i].item.leaf);
    for (size_t i = 0; i < count && !l->dead; i++)
        if (errs[i] == ERR_CONFLICT)
            append_conflict(l, &l->pending[i].item);
    if (err == ERR_NO_SPACE)
        l->out.note(l->out.ctx, EVENT_LOG_FULL, SPAN_LIT(""), head.size);
    if (err == ERR_QUARANTINE)
        ledger_quarantine(l, SPAN_LIT("engine"), head.size);
    if (l->state != LOG_CONFIRMED) /* confirmed, it is told with each checkpoint */
        ledger_tell_state(l, ROLE_DESK);
    ledger_sign_next(l);
}

/* One entry of our own, at once. */
static enum err
append_own(struct ledger *l, struct span leaf)
{
    struct logstore_item item;
    struct logstore_result result;
    TRY(logstore_item(leaf, l->scratch, &item));
    TRY(ledger_check(l, logstore_append(l->log, &item, 1, true, &result)));
    return result.err;
}

void
ledger_append_incident(struct ledger *l, const uint8_t *transfer, uint32_t n, struct span code,
                       struct span detail)
{
    static char text[ENTRY_BYTES_MAX];
    const struct entry_head head = {
        .time_ms = l->wall_ms, .transfer = transfer, .has_n = transfer != NULL, .n = n};
    struct span leaf;
    enum err err = entry_write_incident(&head, code, detail, text, sizeof(text), &leaf);
    if (err == ERR_OK)
        err = append_own(l, leaf);
    l->out.note(l->out.ctx, EVENT_LOG_INCIDENT, code, (uint64_t)-err);
    if (err != ERR_OK)
        return;
    /* Clerk counts our entries as its own knowledge of the log. */
    ledger_tell_state(l, ROLE_CLERK);
    ledger_sign_next(l);
}

enum err
ledger_append_genesis(struct ledger *l, const struct entry_peer *prev, const uint8_t *note)
{
    char vkey[NOTE_VKEY_MAX];
    char text[2048];
    struct span leaf;
    const struct entry_head head = {.time_ms = l->wall_ms};
    TRY(note_key_text(&l->config.log.key, vkey));
    TRY(entry_write_genesis(&head, span_str(l->config.origin), span_str(vkey), prev, note, text,
                            sizeof(text), &leaf));
    FAULT_POINT(ledger_genesis);
    return append_own(l, leaf);
}
