/* SPDX-License-Identifier: Apache-2.0 */
/* The unique index of a log: (transfer, kind, n) -> entry index, in memory, 8 bytes a slot. A slot
 * keeps 32 bits of the key, so a find may name a wrong entry: the caller compares the entry itself
 * and asks for the next one. */
#ifndef TDZ_GATEWAY_LEDGER_LOGINDEX_H
#define TDZ_GATEWAY_LEDGER_LOGINDEX_H

#include "schemas/error.h"
#include "schemas/span.h"

struct logindex_key {
    uint8_t transfer[16];
    uint8_t kind;
    uint32_t n;
};

struct logindex_slot {
    uint32_t tag;
    uint32_t entry; /* entry index + 1; 0 is free */
};

struct logindex {
    struct logindex_slot *slots;
    size_t cap; /* a power of two */
    size_t count;
};

/* Room for about capacity entries; it grows by doubling. ERR_NOMEM. */
MUST_USE enum err logindex_init(struct logindex *index, size_t capacity);
void logindex_finish(struct logindex *index);

/* Makes room for count more, so that logindex_put cannot fail. ERR_NOMEM, ERR_FULL (2^31 entries).
 */
MUST_USE enum err logindex_reserve(struct logindex *index, size_t count);

/* entry must be below 2^32 - 1 and room reserved (asserted). */
void logindex_put(struct logindex *index, const struct logindex_key *key, uint64_t entry);

/* Steps through the entries that may have key: *at is 0 at first. False at the end. */
bool logindex_next(const struct logindex *index, const struct logindex_key *key, size_t *at,
                   uint64_t *ret_entry);

#endif
