/* SPDX-License-Identifier: Apache-2.0 */
/* The part of store.h about operators' adjustments of counters. Errors as there. */
#ifndef TDZ_GATEWAY_CLERK_STORE_ADJUST_H
#define TDZ_GATEWAY_CLERK_STORE_ADJUST_H

#include "gateway/clerk/store.h"

/* An operator's adjustment; note: SHA-256 of its signed text. Counts once it is logged. */
struct store_adjust {
    uint8_t note[32];
    char exporter[128];
    uint64_t year;
    int64_t pi;
    int64_t spi;
    bool opening; /* the balance itself: replaces an earlier one */
    bool known;
    struct span entry;
    struct span text;
};
/* ERR_EXISTS: that note is there. */
MUST_USE enum err store_adjust_put(struct store *s, const struct store_adjust *a);
MUST_USE enum err store_adjust_logged(struct store *s, const uint8_t note[static 32],
                                      uint64_t index);
/* The oldest that is not logged. ERR_NOT_FOUND. */
MUST_USE enum err store_adjust_next(struct store *s, struct room *room, struct store_adjust *ret);
/* Of what is logged, personal and sensitive: the newest opening, and the sum of the others. */
MUST_USE enum err store_adjust_sum(struct store *s, const char *exporter, uint64_t year,
                                   int64_t ret_opening[static 2], int64_t ret_adjusted[static 2]);
/* Calls fn for every exporter (NULL: all) and year (0: all) with a count, reservation or
 * adjustment; fn must not write. */
MUST_USE enum err store_count_list(struct store *s, const char *exporter, uint64_t year,
                                   uint32_t limit,
                                   enum err (*fn)(void *ctx, const char *exporter, uint64_t year),
                                   void *ctx);

#endif
