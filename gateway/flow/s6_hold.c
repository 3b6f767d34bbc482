/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 6, held: an operator's signed word on a hold is stored with its `approval` entry (X6A,
 * M6A), appended, and only then acted on: decided again when all have spoken whom the rules ask
 * for, or when somebody refused; held on otherwise. Import holds (M6H) take the same way.
 *
 * STORE_APPROVAL of the decision to come: u8 complete | record_hash[32] of the held decision |
 * notes with a NUL between two. */
#include "crypto/digest.h"
#include "gateway/flow/stages.h"

enum { S6_BLOB_HEAD = 33 };

bool
s6_hold_is(const struct store_row *row)
{
    return row->state == FLOW_X6_HELD || row->state == FLOW_M6_HELD;
}

enum err
s6_hold_words(struct flow *f, const struct store_row *row, struct s6_hold_words *ret)
{
    struct s6_hold_words words = {0};
    struct span record;
    struct span blob;
    const enum err err =
        store_part_get(f->store, row->id, STORE_APPROVAL, row->decisions, &f->room, &blob);
    if (err == ERR_OK && blob.len >= S6_BLOB_HEAD) {
        words.complete = blob.ptr[0] != 0;
        memcpy(words.held, blob.ptr + 1, sizeof(words.held));
        words.notes = span_from(blob, S6_BLOB_HEAD);
    } else if (err == ERR_OK || err == ERR_NOT_FOUND) {
        /* A decision of before this database was restored has no record here, and no words. */
        const enum err have =
            store_part_get(f->store, row->id, STORE_RECORD, row->n, &f->room, &record);
        if (have != ERR_NOT_FOUND) {
            TRY(have);
            TRY(digest_sha256(record, words.held));
        }
    } else {
        return err;
    }
    *ret = words;
    return ERR_OK;
}

enum err
s6_hold_record(struct flow *f, const struct store_row *row, const uint8_t held[static 32],
               struct span *ret)
{
    for (uint64_t n = row->decisions; n-- > 0;) {
        const size_t mark = f->room.len;
        uint8_t hash[32];
        struct span record;
        const enum err err = store_part_get(f->store, row->id, STORE_RECORD, n, &f->room, &record);
        if (err == ERR_OK) {
            TRY(digest_sha256(record, hash));
            if (memcmp(hash, held, sizeof(hash)) == 0) {
                *ret = record;
                return ERR_OK;
            }
        } else if (err != ERR_NOT_FOUND) {
            return err;
        }
        f->room.len = mark;
    }
    return ERR_NOT_FOUND;
}

/* The number of the next `approval` entry; the one before may still have to be appended. */
enum err
s6_hold_count(struct flow *f, const struct store_row *row, uint64_t *ret_n, bool *ret_pending)
{
    struct store_entry entry;
    bool pending = false;
    for (uint64_t n = 0;; n++) {
        const size_t mark = f->room.len;
        const enum err err =
            store_entry_get(f->store, row->id, ENTRY_APPROVAL, n, &f->room, &entry);
        f->room.len = mark;
        if (err == ERR_NOT_FOUND) {
            *ret_n = n;
            *ret_pending = pending;
            return ERR_OK;
        }
        TRY(err);
        pending = entry.index == STORE_NONE;
    }
}

static enum err
s6_blob_put(struct flow *f, const struct store_row *row, uint64_t n, bool complete,
            const uint8_t held[static 32], struct span notes, struct span note)
{
    uint8_t *blob = NULL;
    size_t at = S6_BLOB_HEAD;
    TRY(room_take(&f->room, S6_BLOB_HEAD + notes.len + 1 + note.len, &blob));
    blob[0] = complete ? 1 : 0;
    memcpy(blob + 1, held, 32);
    if (notes.len > 0)
        memcpy(blob + at, notes.ptr, notes.len);
    at += notes.len;
    if (notes.len > 0 && note.len > 0)
        blob[at++] = 0;
    if (note.len > 0)
        memcpy(blob + at, note.ptr, note.len);
    at += note.len;
    return store_part_put(f->store, row->id, STORE_APPROVAL, n, span_of(blob, at));
}

static enum err
s6_fill_word(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct s6_hold_word *w = arg;
    const struct store_row *row = &run->row;
    const struct store_entry entry = {.kind = ENTRY_APPROVAL, .n = w->n, .bytes = w->answer->entry};
    struct s6_hold_words before;
    TRY(s6_hold_words(f, row, &before));
    TRY(s6_blob_put(f, row, row->decisions, w->answer->complete != 0, before.held, before.notes,
                    w->note));
    TRY(store_part_put(f->store, row->id, STORE_HOLD, row->n, w->answer->hold));
    return store_entry_put(f->store, row->id, &entry);
}

enum err
s6_hold_word(struct flow *f, struct flow_run *run, const struct s6_hold_word *word)
{
    const bool out = run->row.direction == DIRECTION_EXPORT;
    return flow_run_save(f, run, out ? FLOW_X6_APPROVING : FLOW_M6_APPROVING, s6_fill_word, word);
}

void
s6_hold_append(struct flow *f, struct flow_run *run)
{
    uint64_t n = 0;
    bool pending = false;
    if (s6_hold_count(f, &run->row, &n, &pending) != ERR_OK || !pending)
        flow_run_retry(f, run);
    else
        s6_log_entry(f, run, ENTRY_APPROVAL, n - 1);
}

struct s6_logged {
    uint64_t n;
    const struct p_appended *appended;
    bool decide;
};

static enum err
s6_fill_word_logged(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct s6_logged *l = arg;
    TRY(store_entry_logged(f->store, run->row.id, ENTRY_APPROVAL, l->n, l->appended->index,
                           l->appended->leaf));
    return l->decide ? s5_decide_reopen(f, run, NULL) : ERR_OK;
}

void
s6_hold_appended(struct flow *f, struct flow_run *run, const struct p_appended *p)
{
    const bool out = run->row.direction == DIRECTION_EXPORT;
    struct s6_hold_words words;
    struct s6_logged logged = {.appended = p};
    bool pending = false;
    enum err err = s6_hold_count(f, &run->row, &logged.n, &pending);
    if (err == ERR_OK)
        err = s6_hold_words(f, &run->row, &words);
    if (err != ERR_OK || !pending) {
        if (err == ERR_IO)
            flow_run_dead(f);
        else
            flow_run_retry(f, run);
        return;
    }
    logged.n--;
    logged.decide = words.complete;
    const enum flow_state next = words.complete ? (out ? FLOW_X4_RESERVED : FLOW_M5_INSPECTED)
                                                : (out ? FLOW_X6_HELD : FLOW_M6_HELD);
    if (flow_run_save(f, run, next, s6_fill_word_logged, &logged) != ERR_OK && !f->dead)
        flow_run_retry(f, run);
}

/* A decision that rested on approvals and must be made again rests on them again, while they last.
 */
enum err
s6_hold_carry(struct flow *f, const struct flow_run *run)
{
    struct span blob;
    if (run->row.verdict != VERDICT_ALLOW)
        return ERR_OK;
    const enum err err =
        store_part_get(f->store, run->row.id, STORE_APPROVAL, run->row.n, &f->room, &blob);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    return store_part_put(f->store, run->row.id, STORE_APPROVAL, run->row.decisions, blob);
}
