/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one loaded document: taken piece by piece while it is read, given back at once. The
 * only place of policy/ that allocates, and only at set-up: a decision never does. */
#ifndef TDZ_POLICY_ARENA_H
#define TDZ_POLICY_ARENA_H

#include "schemas/error.h"
#include "schemas/span.h"

/* One document of JSON_BYTES_MAX becomes at most this much in memory. */
enum { ARENA_BYTES_MAX = 24 << 20 };

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t block_left;
    size_t taken;
};

void arena_init(struct arena *a);
/* Gives everything back; a is as after arena_init. */
void arena_finish(struct arena *a);

/* count zeroed elements of size bytes, aligned for any type; NULL when there is no memory or the
 * document passed ARENA_BYTES_MAX. count 0 gives a pointer that may not be read. */
void *arena_take(struct arena *a, size_t count, size_t size);

/* A copy of text that lives as long as the arena. ERR_NOMEM. */
MUST_USE enum err arena_text(struct arena *a, struct span text, struct span *ret);

#endif
