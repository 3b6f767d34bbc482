/* SPDX-License-Identifier: Apache-2.0 */
/* A record that crosses the corridor with the proof that it was logged:
 *   u16 version 1 | u8 kind | vec32 record | vec32 entry | vec32 tlog-proof text | u64 old_size |
 *   vec32 consistency (n x 32) | vec32 cosignature line (may be empty)
 * Spec: docs/PROCESSES.md, Formats between processes. */
#ifndef TDZ_GATEWAY_CORE_PARCEL_H
#define TDZ_GATEWAY_CORE_PARCEL_H

#include "gateway/core/payload.h"

enum { PARCEL_VERSION = 1 };
/* A parcel travels in one message. Consistency proofs have at most 2 x 64 hashes. */
enum { PARCEL_BYTES_MAX = 56 * 1024, PARCEL_CONSISTENCY_MAX = 128 * 32 };

/* Views into the parcel's bytes. */
struct parcel {
    enum parcel_kind kind;
    struct span record;
    struct span entry;
    struct span proof;
    uint64_t old_size;
    struct span consistency;
    struct span cosignature;
};

/* ERR_FULL: more than cap or PARCEL_BYTES_MAX. */
MUST_USE enum err parcel_write(const struct parcel *parcel, uint8_t *buf, size_t cap,
                               struct span *ret);
/* Reads hostile bytes, which must outlive ret. ERR_VERSION, ERR_RANGE (kind; consistency that is
 * not whole hashes; no record or entry), ERR_SHORT, ERR_TRAILING, ERR_TOO_LARGE. */
MUST_USE enum err parcel_read(struct span in, struct parcel *ret);

#endif
