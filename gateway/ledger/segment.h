/* SPDX-License-Identifier: Apache-2.0 */
/* The files that are the truth of a log: preallocated segments of batches. A batch is records and
 * a trailer, written by one pwrite and made durable by one fdatasync.
 *
 *   header   64 B  "TDZSEG1\n" | u64 number | u64 first entry | root[32] before it | u32 0 | u32
 * crc record         u32 len | u32 crc | u64 index | u8 kind | u8 flags | u16 0 | u32 n |
 *                  transfer[16] | len bytes; flags 1: transfer is meant
 *   trailer        u32 0xffffffff | u32 crc | u64 size | root[32]
 *
 * Every CRC-32C of a batch starts from the CRC of the state before the batch (size and root), so
 * that what a torn batch left behind can never be taken for part of a later one. */
#ifndef TDZ_GATEWAY_LEDGER_SEGMENT_H
#define TDZ_GATEWAY_LEDGER_SEGMENT_H

#include "crypto/tlog.h"
#include "gateway/ledger/crc.h"
#include "gateway/ledger/logindex.h"
#include "schemas/error.h"
#include "schemas/span.h"

enum {
    SEGMENT_HEADER = 64,
    SEGMENT_RECORD = 40,
    SEGMENT_TRAILER = 48,
    SEGMENT_LEAF_MAX = 65535,
    SEGMENT_BATCH_MAX = 256,
    SEGMENT_NAME_MAX = 32,
};

struct segment_head {
    uint64_t number;
    uint64_t first;
    struct tlog_hash root;
};

struct segment_record {
    uint64_t index;
    bool has_transfer;
    struct logindex_key key;
    struct span leaf;
};

/* "segments/000007.seg". */
void segment_name(uint64_t number, char out[static SEGMENT_NAME_MAX]);

void segment_write_head(const struct crc *crc, const struct segment_head *head,
                        uint8_t out[static SEGMENT_HEADER]);
/* ERR_VERSION (no segment), ERR_IO (damaged). */
MUST_USE enum err segment_read_head(const struct crc *crc, const uint8_t in[static SEGMENT_HEADER],
                                    struct segment_head *ret);

/* The CRC from which those of the next batch start. */
uint32_t segment_seed(const struct crc *crc, uint64_t size, const struct tlog_hash *root);

/* Append to out at *len; out has room (asserted). */
void segment_write_record(const struct crc *crc, uint32_t seed, const struct segment_record *record,
                          uint8_t *out, size_t cap, size_t *len);
void segment_write_trailer(const struct crc *crc, uint32_t seed, uint64_t size,
                           const struct tlog_hash *root, uint8_t *out, size_t cap, size_t *len);

/* What is at bytes[*at]: a record, or a trailer. */
enum segment_item { SEGMENT_END, SEGMENT_IS_RECORD, SEGMENT_IS_TRAILER };

/* Reads one item and moves *at past it. SEGMENT_END: nothing valid begins here (zeros, a torn or a
 * stale write, or the end of bytes). *ret_need is then how many bytes from *at on would be needed
 * to be sure, 0 when more bytes would not help. */
enum segment_item segment_read(const struct crc *crc, uint32_t seed, struct span bytes, size_t *at,
                               struct segment_record *ret_record, uint64_t *ret_size,
                               struct tlog_hash *ret_root, size_t *ret_need);

#endif
