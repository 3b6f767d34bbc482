/* SPDX-License-Identifier: Apache-2.0 */
/* The exact set of persons seen in one stream: 64-bit keyed hashes, each with a tag that says where
 * it came from, because whether a column counts is known only at its end. Memory is reserved at
 * set-up and touched as the set grows. Spec: classification.md 5, design.md 5 Counters. */
#ifndef TDZ_INSPECT_PERSONS_H
#define TDZ_INSPECT_PERSONS_H

#include "schemas/error.h"
#include "schemas/span.h"

/* Above every threshold of law; then the set is saturated and only counts. */
enum { PERSONS_MAX = 1250000 };

struct persons;

/* A set of at most max entries (1 to PERSONS_MAX, ERR_RANGE). ERR_NOMEM. The caller frees it with
 * persons_free (NULL is fine), which wipes what was stored. */
MUST_USE enum err persons_new(size_t max, struct persons **ret);
void persons_free(struct persons *p);

/* Empties the set for another stream. */
void persons_reset(struct persons *p);

/* Adds (hash, tag) unless it is in the set. After max entries a new one is only counted as lost. */
void persons_add(struct persons *p, uint64_t hash, uint16_t tag);

/* How many additions found no room. */
uint64_t persons_lost(const struct persons *p);

/* Entries whose tag keep accepts, distinct by hash, sorted, as a view that stays valid until the
 * next call for the same set. May be called again with another filter, but persons_add may not be
 * called after it (asserted) until persons_reset. */
size_t persons_select(struct persons *p, bool (*keep)(const void *ctx, uint16_t tag),
                      const void *ctx, const uint64_t **ret);

/* Sorts values ascending, drops repeats, returns how many are left. No recursion, no allocation. */
size_t persons_sort(uint64_t *values, size_t len);

/* The union of two sorted arrays of distinct values in out (room for both); returns its length. */
size_t persons_union(const uint64_t *a, size_t a_len, const uint64_t *b, size_t b_len,
                     uint64_t *out);

#endif
