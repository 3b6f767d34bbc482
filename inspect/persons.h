/* SPDX-License-Identifier: Apache-2.0 */
/* The exact set of persons seen in one stream: 64-bit values, each with a tag that says where it
 * came from, because whether a column counts is known only at its end. Only what counts is then
 * hashed, so the values may be identifiers themselves until then. An empty set holds no memory; it
 * doubles as it grows. Spec: classification.md 5, design.md 5 Counters. */
#ifndef TDZ_INSPECT_PERSONS_H
#define TDZ_INSPECT_PERSONS_H

#include "schemas/error.h"
#include "schemas/span.h"

/* Above every threshold of law; then the set is saturated and only counts. */
enum { PERSONS_MAX = 1250000 };

struct persons;

typedef bool persons_keep(const void *ctx, uint16_t tag);
/* Replaces each of values[len] by what it is to be, told by its tag. */
typedef void persons_hash(const void *ctx, uint64_t *values, const uint16_t *tags, size_t len);

/* A set of at most max entries (1 to PERSONS_MAX, ERR_RANGE). ERR_NOMEM. The caller frees it with
 * persons_free (NULL is fine), which wipes what was stored. */
MUST_USE enum err persons_new(size_t max, struct persons **ret);
void persons_free(struct persons *p);

/* Empties the set for another stream and gives its memory back, wiped. */
void persons_reset(struct persons *p);

/* The secret that places entries, before the first addition (asserted): who chooses the values must
 * not know it, or could make every addition slow. It changes no result. */
void persons_seed(struct persons *p, uint64_t seed);

/* Adds (value, tag) unless it is in the set; tag is not 0 (asserted). After max entries a new one
 * is only counted as lost; so it is when there is no memory, and persons_failed says so. */
void persons_add(struct persons *p, uint64_t value, uint16_t tag);

/* How many additions found no room. */
uint64_t persons_lost(struct persons *p);
bool persons_failed(struct persons *p);

/* Ends the additions: forgets entries whose tag keep refuses, and lets hash (may be NULL) replace
 * the others. Once, before persons_select. */
void persons_settle(struct persons *p, persons_keep *keep, persons_hash *hash, const void *ctx);

/* The values whose tag keep accepts, distinct, sorted, as a view that stays valid until the next
 * call for the same set. Settles the set as it is if that was not done; may be called again with
 * another filter, but persons_add may not be called after it (asserted) until persons_reset. */
size_t persons_select(struct persons *p, persons_keep *keep, const void *ctx, const uint64_t **ret);

/* Counts the distinct values by kind, (tag >> shift & mask), in ret[mask + 1]. After the settling
 * (asserted). */
void persons_tally(const struct persons *p, unsigned shift, unsigned mask, uint64_t *ret);

/* Sorts values ascending, drops repeats, returns how many are left. No recursion, no allocation. */
size_t persons_sort(uint64_t *values, size_t len);

/* The union of two sorted arrays of distinct values in out (room for both); returns its length. */
size_t persons_union(const uint64_t *a, size_t a_len, const uint64_t *b, size_t b_len,
                     uint64_t *out);

#endif
