/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>

/* Large enough that a usual document takes few blocks. */
enum { ARENA_BLOCK_BYTES = 32 << 10 };

struct arena_block {
    struct arena_block *older;
    size_t cap;
    alignas(max_align_t) uint8_t bytes[];
};

void
arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void
arena_finish(struct arena *a)
{
    struct arena_block *block = a->head;
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    *a = (struct arena){0};
}

void *
arena_take(struct arena *a, size_t count, size_t size)
{
    size_t bytes = 0;
    assert(size > 0);
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > ARENA_BYTES_MAX)
        return NULL;
    bytes = (bytes + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (bytes > ARENA_BYTES_MAX - a->taken)
        return NULL;
    if (a->head == NULL || bytes > a->block_left) {
        const size_t cap = bytes > ARENA_BLOCK_BYTES ? bytes : ARENA_BLOCK_BYTES;
        struct arena_block *block = calloc(1, sizeof(*block) + cap);
        if (block == NULL)
            return NULL;
        block->older = a->head;
        block->cap = cap;
        a->head = block;
        a->block_left = cap;
    }
    void *piece = a->head->bytes + (a->head->cap - a->block_left);
    a->block_left -= bytes;
    a->taken += bytes;
    return piece;
}

enum err
arena_text(struct arena *a, struct span text, struct span *ret)
{
    uint8_t *copy = arena_take(a, text.len + 1, 1);
    if (copy == NULL)
        return ERR_NOMEM;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    *ret = span_of(copy, text.len);
    return ERR_OK;
}
