/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/segment.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "schemas/wire.h"

#define SEGMENT_MAGIC SPAN_LIT("TDZSEG1\n")
#define TRAILER_MARK UINT32_MAX

static_assert(8 + 8 + 8 + TLOG_HASH_LEN + 4 + 4 == SEGMENT_HEADER, "header of a segment");
static_assert(4 + 4 + 8 + 1 + 1 + 2 + 4 + 16 == SEGMENT_RECORD, "record of a segment");
static_assert(4 + 4 + 8 + TLOG_HASH_LEN == SEGMENT_TRAILER, "trailer of a batch");

void
segment_name(uint64_t number, char out[static SEGMENT_NAME_MAX])
{
    const int n = snprintf(out, SEGMENT_NAME_MAX, "segments/%06" PRIu64 ".seg", number % 1000000);
    assert(n > 0 && n < SEGMENT_NAME_MAX);
}

void
segment_write_head(const struct crc *crc, const struct segment_head *head,
                   uint8_t out[static SEGMENT_HEADER])
{
    struct wire_writer w;
    wire_writer_init(&w, out, SEGMENT_HEADER);
    wire_put_bytes(&w, SEGMENT_MAGIC);
    wire_put_u64(&w, head->number);
    wire_put_u64(&w, head->first);
    wire_put_bytes(&w, span_of(head->root.b, TLOG_HASH_LEN));
    wire_put_u32(&w, 0);
    wire_put_u32(&w, crc_add(crc, 0, span_of(out, SEGMENT_HEADER - 4)));
    assert(w.err == ERR_OK && w.len == SEGMENT_HEADER);
}

enum err
segment_read_head(const struct crc *crc, const uint8_t in[static SEGMENT_HEADER],
                  struct segment_head *ret)
{
    struct wire_reader r;
    struct segment_head head;
    wire_reader_init(&r, span_of(in, SEGMENT_HEADER));
    if (!span_eq(wire_get_bytes(&r, SEGMENT_MAGIC.len), SEGMENT_MAGIC))
        return ERR_VERSION;
    head.number = wire_get_u64(&r);
    head.first = wire_get_u64(&r);
    wire_get_copy(&r, head.root.b, TLOG_HASH_LEN);
    (void)wire_get_u32(&r);
    if (wire_get_u32(&r) != crc_add(crc, 0, span_of(in, SEGMENT_HEADER - 4)))
        return ERR_IO;
    *ret = head;
    return ERR_OK;
}

uint32_t
segment_seed(const struct crc *crc, uint64_t size, const struct tlog_hash *root)
{
    uint8_t state[8 + TLOG_HASH_LEN];
    struct wire_writer w;
    wire_writer_init(&w, state, sizeof(state));
    wire_put_u64(&w, size);
    wire_put_bytes(&w, span_of(root->b, TLOG_HASH_LEN));
    return crc_add(crc, 0, span_of(state, sizeof(state)));
}

/* The CRC of an item covers its first word and all that follows its CRC field. */
static uint32_t
item_crc(const struct crc *crc, uint32_t seed, struct span item)
{
    const uint32_t c = crc_add(crc, seed, span_of(item.ptr, 4));
    return crc_add(crc, c, span_from(item, 8));
}

static void
put_crc(uint32_t value, uint8_t *item)
{
    struct wire_writer w;
    wire_writer_init(&w, item + 4, 4);
    wire_put_u32(&w, value);
}

void
segment_write_record(const struct crc *crc, uint32_t seed, const struct segment_record *record,
                     uint8_t *out, size_t cap, size_t *len)
{
    struct wire_writer w;
    assert(record->leaf.len <= SEGMENT_LEAF_MAX && *len <= cap);
    wire_writer_init(&w, out + *len, cap - *len);
    wire_put_u32(&w, (uint32_t)record->leaf.len);
    wire_put_u32(&w, 0);
    wire_put_u64(&w, record->index);
    wire_put_u8(&w, record->key.kind);
    wire_put_u8(&w, record->has_transfer ? 1 : 0);
    wire_put_u16(&w, 0);
    wire_put_u32(&w, record->key.n);
    wire_put_bytes(&w, span_of(record->key.transfer, sizeof(record->key.transfer)));
    wire_put_bytes(&w, record->leaf);
    assert(w.err == ERR_OK);
    put_crc(item_crc(crc, seed, span_of(out + *len, w.len)), out + *len);
    *len += w.len;
}

void
segment_write_trailer(const struct crc *crc, uint32_t seed, uint64_t size,
                      const struct tlog_hash *root, uint8_t *out, size_t cap, size_t *len)
{
    struct wire_writer w;
    assert(*len <= cap);
    wire_writer_init(&w, out + *len, cap - *len);
    wire_put_u32(&w, TRAILER_MARK);
    wire_put_u32(&w, 0);
    wire_put_u64(&w, size);
    wire_put_bytes(&w, span_of(root->b, TLOG_HASH_LEN));
    assert(w.err == ERR_OK && w.len == SEGMENT_TRAILER);
    put_crc(item_crc(crc, seed, span_of(out + *len, w.len)), out + *len);
    *len += w.len;
}

enum segment_item
segment_read(const struct crc *crc, uint32_t seed, struct span bytes, size_t *at,
             struct segment_record *ret_record, uint64_t *ret_size, struct tlog_hash *ret_root,
             size_t *ret_need)
{
    struct wire_reader r;
    const struct span rest = span_from(bytes, *at);
    *ret_need = SEGMENT_TRAILER;
    if (rest.len < SEGMENT_TRAILER)
        return SEGMENT_END;
    wire_reader_init(&r, rest);
    const uint32_t first = wire_get_u32(&r);
    const uint32_t sum = wire_get_u32(&r);
    const bool is_trailer = first == TRAILER_MARK;
    *ret_need = 0;
    if (!is_trailer && (first == 0 || first > SEGMENT_LEAF_MAX))
        return SEGMENT_END;
    const size_t total = is_trailer ? (size_t)SEGMENT_TRAILER : SEGMENT_RECORD + (size_t)first;
    *ret_need = total;
    if (rest.len < total)
        return SEGMENT_END;
    *ret_need = 0;
    if (item_crc(crc, seed, span_of(rest.ptr, total)) != sum)
        return SEGMENT_END;
    *at += total;
    if (is_trailer) {
        *ret_size = wire_get_u64(&r);
        wire_get_copy(&r, ret_root->b, TLOG_HASH_LEN);
        return SEGMENT_IS_TRAILER;
    }
    ret_record->index = wire_get_u64(&r);
    ret_record->key.kind = wire_get_u8(&r);
    ret_record->has_transfer = wire_get_u8(&r) == 1;
    (void)wire_get_u16(&r);
    ret_record->key.n = wire_get_u32(&r);
    wire_get_copy(&r, ret_record->key.transfer, sizeof(ret_record->key.transfer));
    ret_record->leaf = wire_get_bytes(&r, first);
    return SEGMENT_IS_RECORD;
}
