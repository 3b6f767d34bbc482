/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says of one transfer, for a clerk whose database may be an older copy of itself. */
#include "gateway/ledger/ledger_part.h"
#include "schemas/wire.h"

/* The payload has a few fields beside the entries. */
enum { STORY_ROOM = MSG_PAYLOAD_MAX - 64, STORY_ITEM = 1 + 2 + 8 + 4 };

struct story {
    struct ledger *l;
    struct logindex_key key; /* of the next entry */
    struct wire_writer w;
};

/* The index of entry (kind, n). ERR_NOT_FOUND. */
static enum err
story_find(struct story *s, uint8_t kind, uint32_t n, uint64_t *ret)
{
    s->key.kind = kind;
    s->key.n = n;
    return ledger_check(s->l, logstore_find(s->l->log, &s->key, ret));
}

/* The number of entries of a kind that is numbered from 0. */
static enum err
story_count(struct story *s, uint8_t kind, uint32_t *ret)
{
    uint64_t index = 0;
    for (uint32_t n = 0; n < ENTRY_N_MAX; n++) {
        const enum err err = story_find(s, kind, n, &index);
        if (err == ERR_NOT_FOUND) {
            *ret = n;
            return ERR_OK;
        }
        TRY(err);
    }
    return ERR_RANGE;
}

/* Adds entry (kind, n) if the log has it. ERR_FULL. */
static enum err
story_add(struct story *s, uint8_t kind, uint32_t n)
{
    struct ledger *l = s->l;
    uint64_t index = 0;
    size_t len = 0;
    const enum err err = story_find(s, kind, n, &index);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    TRY(ledger_check(l, logstore_get(l->log, index, (uint8_t *)l->text, sizeof(l->text), &len)));
    if (s->w.len + STORY_ITEM + len > STORY_ROOM)
        return ERR_FULL;
    wire_put_u8(&s->w, kind);
    wire_put_u16(&s->w, (uint16_t)n);
    wire_put_u64(&s->w, index);
    wire_put_vec32(&s->w, span_of((const uint8_t *)l->text, len));
    return s->w.err;
}

static enum err
story_tell(struct story *s, struct p_story *p)
{
    static const uint8_t ends[] = {ENTRY_SETTLED, ENTRY_REFUSED, ENTRY_DELIVERED, ENTRY_ERASED};
    uint32_t count = 0;
    TRY(story_count(s, ENTRY_OPENED, &p->opens));
    TRY(story_count(s, ENTRY_DECISION, &p->decisions));
    if (p->decisions > 0)
        TRY(story_add(s, ENTRY_DECISION, p->decisions - 1));
    for (size_t i = 0; i < sizeof(ends); i++)
        TRY(story_add(s, ends[i], 0));
    TRY(story_count(s, ENTRY_RECEIVED, &count));
    for (uint32_t n = 0; n < count; n++)
        TRY(story_add(s, ENTRY_RECEIVED, n));
    TRY(story_count(s, ENTRY_APPROVAL, &count));
    enum err err = ERR_OK;
    for (uint32_t n = 0; n < count && err == ERR_OK; n++)
        err = story_add(s, ENTRY_APPROVAL, n);
    return err == ERR_FULL ? ERR_OK : err;
}

enum err
ledger_story(struct ledger *l, const struct ledger_in *in)
{
    static uint8_t entries[STORY_ROOM];
    struct story s = {.l = l};
    struct p_story_ask ask;
    struct p_story p = {0};
    struct span body;
    TRY(payload_story_ask_get(in->body, &ask));
    memcpy(s.key.transfer, in->transfer, sizeof(s.key.transfer));
    wire_writer_init(&s.w, entries, sizeof(entries));
    const enum err err = l->state == LOG_QUARANTINED ? ERR_QUARANTINE : story_tell(&s, &p);
    if (err != ERR_OK)
        p = (struct p_story){.err = (uint16_t)-err};
    else
        p.entries = span_of(entries, s.w.len);
    const enum err put = payload_story_put(&p, l->tx, sizeof(l->tx), &body);
    return ledger_reply(l, &in->ticket, MSG_STORY, put, body);
}
