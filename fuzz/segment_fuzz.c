/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: segment_read_head segment_read segment_write_record segment_write_trailer */
/* A segment as it may be found on a disk. The CRCs are set right before it is read, or a fuzzer
 * would see nothing but the first of them: where an item says that it begins, its CRC is made to
 * fit. What is read lies within the bytes and is written back the same. */
#include "fuzz/fuzz.h"
#include "gateway/ledger/segment.h"

enum { BYTES_MAX = 8192 };

static uint32_t
u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Makes the CRC of the item that says it begins at bytes[at] the one that fits. */
static void
mend(const struct crc *crc, uint32_t seed, uint8_t *bytes, size_t len, size_t at)
{
    if (len - at < SEGMENT_TRAILER)
        return;
    const uint32_t first = u32_at(bytes + at);
    if (first != UINT32_MAX && first > SEGMENT_LEAF_MAX)
        return;
    const size_t total = first == UINT32_MAX ? (size_t)SEGMENT_TRAILER : SEGMENT_RECORD + first;
    if (total > len - at)
        return;
    uint32_t sum = crc_add(crc, seed, span_of(bytes + at, 4));
    sum = crc_add(crc, sum, span_of(bytes + at + 8, total - 8));
    for (size_t i = 0; i < 4; i++)
        bytes[at + 4 + i] = (uint8_t)(sum >> (24 - 8 * i));
}

/* Writes what was read again; it must be what is at bytes[from, to). */
static void
written_same(const struct crc *crc, uint32_t seed, struct span bytes, size_t from, size_t to,
             enum segment_item item, const struct segment_record *record, uint64_t size,
             const struct tlog_hash *root)
{
    static uint8_t out[BYTES_MAX + SEGMENT_TRAILER];
    size_t len = 0;
    const uint8_t *flags = bytes.ptr + from + 17;
    /* Of the flags one is meant, and the two bytes after them say nothing. */
    if (item == SEGMENT_IS_RECORD && (flags[0] > 1 || flags[1] != 0 || flags[2] != 0))
        return;
    if (item == SEGMENT_IS_RECORD)
        segment_write_record(crc, seed, record, out, sizeof(out), &len);
    else
        segment_write_trailer(crc, seed, size, root, out, sizeof(out), &len);
    FUZZ_MUST(len == to - from && memcmp(out, bytes.ptr + from, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct crc crc;
    static bool ready;
    static uint8_t bytes[BYTES_MAX];
    struct segment_head head;
    struct tlog_hash root = {{0}};
    size_t at = 0;
    if (!ready)
        crc_init(&crc);
    ready = true;
    if (len < SEGMENT_HEADER || len > sizeof(bytes))
        return 0;
    memcpy(bytes, data, len);
    if (segment_read_head(&crc, bytes, &head) == ERR_OK)
        FUZZ_MUST(memcmp(bytes, "TDZSEG1\n", 8) == 0);
    const uint32_t seed = segment_seed(&crc, u32_at(bytes + 20), &root);
    const struct span in = span_of(bytes + SEGMENT_HEADER, len - SEGMENT_HEADER);
    for (;;) {
        struct segment_record record;
        struct tlog_hash hash;
        uint64_t size = 0;
        size_t need = 0;
        const size_t from = at;
        mend(&crc, seed, bytes + SEGMENT_HEADER, in.len, at);
        const enum segment_item item =
            segment_read(&crc, seed, in, &at, &record, &size, &hash, &need);
        FUZZ_MUST(at <= in.len);
        if (item == SEGMENT_END) {
            FUZZ_MUST(at == from);
            break;
        }
        FUZZ_MUST(at > from);
        if (item == SEGMENT_IS_RECORD)
            FUZZ_MUST(record.leaf.ptr >= in.ptr && record.leaf.len <= SEGMENT_LEAF_MAX &&
                      record.leaf.ptr + record.leaf.len <= in.ptr + in.len);
        written_same(&crc, seed, in, from, at, item, &record, size, &hash);
    }
    return 0;
}
