/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/framing.h"

#include "crypto/body.h"
#include "crypto/offer.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "crypto/seal.h"

#include <assert.h>

enum { FRAMING_VERSION = 1 };

/* What a type may be long, and which records must come before it. */
struct framing_rule {
    const char *name;
    uint64_t least;
    uint64_t most;
    unsigned needs;
};

static const struct framing_rule *
framing_rule(enum framing_type type)
{
    static const struct framing_rule rules[] = {
        [FRAMING_OFFER] = {"OFFER", 4 + SIGS_BYTES_MIN, OFFER_BYTES_MAX, 0},
        [FRAMING_BODY] = {"BODY", BODY_PREFIX_BYTES + BODY_TAG_BYTES,
                          BODY_PREFIX_BYTES + BODY_CHUNKS_MAX * BODY_SEALED_BYTES - 1,
                          1U << FRAMING_OFFER},
        [FRAMING_SEAL] = {"SEAL", SEAL_HEAD_BYTES + SIGS_BYTES_MIN, SEAL_BYTES_MAX,
                          1U << FRAMING_BODY},
        [FRAMING_RELEASE] = {"RELEASE", 40 + SIGS_BYTES_MIN, RELEASE_BYTES_MAX, 1U << FRAMING_SEAL},
        [FRAMING_RECEIPT] = {"RECEIPT", RECEIPT_HEAD_BYTES + SIGS_BYTES_MIN, RECEIPT_BYTES_MAX,
                             1U << FRAMING_OFFER},
    };
    return &rules[type];
}

const char *
framing_type_name(enum framing_type type)
{
    return framing_rule(type)->name;
}

void
framing_reader_init(struct framing_reader *r)
{
    *r = (struct framing_reader){.suite = SUITE_AES_256_GCM, .type = FRAMING_OFFER};
}

static enum err
framing_parse_start(struct framing_reader *r)
{
    const uint8_t *h = r->head;
    if (!span_eq(span_of(h, 4), SPAN_LIT("TDZC")))
        return ERR_SYNTAX;
    if (h[4] != FRAMING_VERSION)
        return ERR_VERSION;
    TRY(suite_from_u8(h[5], &r->suite));
    if (h[6] != 0 || h[7] != 0)
        return ERR_SYNTAX;
    r->started = true;
    return ERR_OK;
}

static enum err
framing_parse_head(struct framing_reader *r)
{
    struct wire_reader w;
    wire_reader_init(&w, span_of(r->head, FRAMING_HEAD_BYTES));
    const uint8_t number = wire_get_u8(&w);
    const uint8_t zero8 = wire_get_u8(&w);
    const uint16_t zero16 = wire_get_u16(&w);
    const uint64_t len = wire_get_u64(&w);
    TRY(wire_reader_finish(&w));
    if (number < FRAMING_OFFER || number > FRAMING_RECEIPT)
        return ERR_UNSUPPORTED;
    if (zero8 != 0 || zero16 != 0)
        return ERR_SYNTAX;
    const enum framing_type type = (enum framing_type)number;
    const struct framing_rule *rule = framing_rule(type);
    /* no record of this or a later type yet, and all it needs */
    if (r->seen >> number != 0 || (r->seen & rule->needs) != rule->needs)
        return ERR_PROTOCOL;
    if (len < rule->least || len > rule->most)
        return ERR_RANGE;
    r->seen |= 1U << number;
    r->type = type;
    r->record_len = len;
    r->record_at = r->offset;
    r->left = len;
    r->in_record = true;
    return ERR_OK;
}

/* Collects a head of want bytes; true when it is whole. */
static bool
framing_collect(struct framing_reader *r, struct span in, size_t want, size_t *ret_used)
{
    assert(r->have < want && want <= sizeof(r->head));
    const size_t need = want - r->have;
    const size_t take = in.len < need ? in.len : need;
    if (take > 0)
        memcpy(r->head + r->have, in.ptr, take);
    r->have += take;
    r->offset += take;
    *ret_used = take;
    if (r->have < want)
        return false;
    r->have = 0;
    return true;
}

enum err
framing_feed(struct framing_reader *r, struct span in, size_t *ret_used, struct span *ret_bytes,
             enum framing_event *ret_event)
{
    TRY(r->err);
    *ret_used = 0;
    *ret_event = FRAMING_MORE;
    if (r->in_record && r->left == 0) {
        r->in_record = false;
        *ret_event = FRAMING_DONE;
        return ERR_OK;
    }
    if (in.len == 0)
        return ERR_OK;
    if (r->in_record) {
        const size_t take = in.len < r->left ? in.len : (size_t)r->left;
        *ret_bytes = span_of(in.ptr, take);
        *ret_used = take;
        *ret_event = FRAMING_BYTES;
        return framing_skip(r, take);
    }
    if (framing_has(r, FRAMING_RECEIPT))
        return r->err = ERR_TRAILING;
    if (!framing_collect(r, in, r->started ? FRAMING_HEAD_BYTES : FRAMING_START_BYTES, ret_used))
        return ERR_OK;
    *ret_event = r->started ? FRAMING_RECORD : FRAMING_START;
    r->err = r->started ? framing_parse_head(r) : framing_parse_start(r);
    return r->err;
}

enum err
framing_skip(struct framing_reader *r, uint64_t len)
{
    TRY(r->err);
    if (!r->in_record)
        return ERR_STATE;
    if (len > r->left)
        return ERR_RANGE;
    r->left -= len;
    r->offset += len;
    return ERR_OK;
}

enum err
framing_end(const struct framing_reader *r)
{
    TRY(r->err);
    /* A complete last record may not have been reported as FRAMING_DONE yet. */
    const bool between = r->have == 0 && (!r->in_record || r->left == 0);
    return between && framing_has(r, FRAMING_OFFER) ? ERR_OK : ERR_SHORT;
}

bool
framing_has(const struct framing_reader *r, enum framing_type type)
{
    return (r->seen >> type & 1U) != 0;
}

void
framing_put_start(struct wire_writer *w, enum suite suite)
{
    wire_put_bytes(w, SPAN_LIT("TDZC"));
    wire_put_u8(w, FRAMING_VERSION);
    wire_put_u8(w, (uint8_t)suite);
    wire_put_u16(w, 0);
}

void
framing_put_head(struct wire_writer *w, enum framing_type type, uint64_t len)
{
    wire_put_u8(w, (uint8_t)type);
    wire_put_u8(w, 0);
    wire_put_u16(w, 0);
    wire_put_u64(w, len);
}
