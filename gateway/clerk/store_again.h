/* SPDX-License-Identifier: Apache-2.0 */
/* Logs that follow each other, as the store knows them. Errors as store.h. Spec: docs/adr/0009. */
#ifndef TDZ_GATEWAY_CLERK_STORE_AGAIN_H
#define TDZ_GATEWAY_CLERK_STORE_AGAIN_H

#include "gateway/clerk/store.h"

/* The log that heads are of; "": none was seen yet. Setting it goes into the next commit. */
void store_origin_set(struct store *s, const char *origin);
const char *store_origin(const struct store *s);

/* What must be said again in the log that follows a lost one, in order. */
struct store_again {
    int64_t seq;
    bool has_transfer;
    uint8_t transfer[STORE_ID_BYTES];
    uint8_t kind;
    uint64_t n;
    struct span bytes;
};
/* The log that heads were of until now (former) is lost behind its first `size` entries, and origin
 * follows it: entries behind, those of transfers at work and those that receipts on their way rest
 * on are to be said again; all others stay in the former. The head is that of an empty log. */
MUST_USE enum err store_again_begin(struct store *s, const char *former, uint64_t size,
                                    const char *origin);
/* bytes is copied into room. ERR_NOT_FOUND: nothing is left. */
MUST_USE enum err store_again_next(struct store *s, struct room *room, struct store_again *ret);
MUST_USE enum err store_again_done(struct store *s, int64_t seq);

#endif
