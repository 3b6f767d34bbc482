/* SPDX-License-Identifier: Apache-2.0 */
/* A log that knows more than the database, and a peer that is asked how a transfer stands. */
#include "gateway/core/parcel.h"
#include "schemas/entry.h"
#include "schemas/wire.h"
#include "tests/unit/clerk/world.h"

#include <assert.h>

static enum err
story_write(const struct entry_head *head, const uint8_t *id, uint8_t kind, const char *verdict,
            const char *by, char *out, size_t cap, struct span *ret)
{
    static const uint8_t hash[32] = {9};
    const struct entry_peer peer = {SPAN_LIT("cn-lingang/gw1/2026h2"), 4, hash};
    const struct entry_commits commit = {hash, hash, hash, hash, hash};
    uint8_t seal[32];
    world_hash_of(id, 's', seal);
    if (kind == ENTRY_DECISION) {
        const struct entry_decision d = {.phase = SPAN_LIT("final"),
                                         .verdict = span_str(verdict),
                                         .reason = SPAN_LIT("permitted"),
                                         .record = hash,
                                         .from = SPAN_LIT("my-cyberjaya"),
                                         .to = SPAN_LIT("cn-lingang"),
                                         .suite = 1,
                                         .offer = hash,
                                         .seal = seal,
                                         .root = hash,
                                         .commit = commit};
        return entry_write_decision(head, &d, out, cap, ret);
    }
    if (kind == ENTRY_RECEIVED) {
        const struct entry_received r = {.verdict = span_str(verdict),
                                         .seal = seal,
                                         .release = hash,
                                         .commit = commit,
                                         .peer = peer};
        return entry_write_received(head, &r, out, cap, ret);
    }
    if (kind == ENTRY_REFUSED)
        return entry_write_refused(head, span_str(by), span_str(verdict), NULL, out, cap, ret);
    if (kind == ENTRY_ERASED)
        return entry_write_erased(head, 3, SPAN_LIT("my-cyberjaya/gw1/2026h2"), out, cap, ret);
    return entry_write_receipt(head, (enum entry_kind)kind, hash, &peer, out, cap, ret);
}

void
world_story(struct world *w, size_t item, uint8_t kind, uint16_t n, const char *verdict,
            const char *by)
{
    char text[ENTRY_BYTES_MAX];
    struct span bytes;
    struct wire_writer out;
    const uint8_t *id = w->items[item].id;
    const struct entry_head head = {.time_ms = w->wall_ms, .transfer = id, .has_n = true, .n = n};
    const enum err err = story_write(&head, id, kind, verdict, by, text, sizeof(text), &bytes);
    assert(err == ERR_OK);
    wire_writer_init(&out, w->story + w->story_len, sizeof(w->story) - w->story_len);
    wire_put_u8(&out, kind);
    wire_put_u16(&out, n);
    wire_put_u64(&out, w->log_count + w->story_len);
    wire_put_vec32(&out, bytes);
    assert(out.err == ERR_OK);
    w->story_len += out.len;
    w->story_decisions += kind == ENTRY_DECISION;
}

void
world_say_story(struct world *w, uint64_t tag, const struct msg *m)
{
    const struct p_story story = {.err = w->story_err,
                                  .decisions = w->story_decisions,
                                  .entries =
                                      span_of(w->story, w->story_len - (w->story_cut ? 1 : 0))};
    w->story_asks++;
    ANSWER(w, tag, m->transfer, STORY, story, &story);
}

void
world_say_stand(struct world *w, uint64_t tag, const struct msg *m)
{
    uint8_t record[1024];
    uint8_t bytes[4096] = {w->stand};
    struct span body = span_of(bytes, 1);
    struct parcel parcel = {
        .kind = PARCEL_RECEIPT, .entry = SPAN_LIT("{\"their\":1}"), .proof = SPAN_LIT("p")};
    struct p_parcel_sent r = {.what = PARCEL_STATE, .status = w->stand_status};
    w->stand_asks++;
    if (w->stand_receipt != 0) {
        world_receipt_bytes(w, m->transfer, w->stand_receipt, record, sizeof(record),
                            &parcel.record);
        assert(parcel_write(&parcel, bytes + 1, sizeof(bytes) - 1, &body) == ERR_OK);
        body = span_of(bytes, body.len + 1);
    }
    if (w->stand_status == 200)
        r.body = body;
    ANSWER(w, tag, m->transfer, PARCEL_SENT, parcel_sent, &r);
}
