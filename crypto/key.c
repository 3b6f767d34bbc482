/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static_assert(sizeof(struct secret64) == KEY_SLOT_BYTES, "a slot holds one secret64");
static_assert(sizeof(struct secret32) == 32, "no padding that could hold a secret");

struct key_arena {
    struct secret64 *slots; /* sodium_malloc: guard pages around, locked */
    bool *taken;
    size_t slot_count;
    size_t used;
};

enum err
key_init(void)
{
    return sodium_init() < 0 ? ERR_CRYPTO : ERR_OK;
}

void
key_random(uint8_t *out, size_t len)
{
    assert(out != NULL || len == 0);
    randombytes_buf(out, len);
}

void
key_wipe(void *secret, size_t len)
{
    sodium_memzero(secret, len);
}

bool
key_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
key_is_zero(struct span a)
{
    return sodium_is_zero(a.ptr, a.len) == 1;
}

void
key_secret32_wipe(struct secret32 *s)
{
    sodium_memzero(s->bytes, sizeof(s->bytes));
}

void
key_secret64_wipe(struct secret64 *s)
{
    sodium_memzero(s->bytes, sizeof(s->bytes));
}

/* sodium_malloc ignores a failing mlock, and knows nothing of fork. */
static enum err
key_arena_protect(void *mem, size_t bytes)
{
    if (sodium_mlock(mem, bytes) != 0)
        return ERR_NO_SPACE;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t lead = (uintptr_t)mem % page;
    uint8_t *start = (uint8_t *)mem - lead;
    const size_t whole = (lead + bytes + page - 1) / page * page;
    if (madvise(start, whole, MADV_WIPEONFORK) != 0 || madvise(start, whole, MADV_DONTDUMP) != 0)
        return ERR_SYS;
    return ERR_OK;
}

enum err
key_arena_new(size_t slot_count, struct key_arena **ret)
{
    if (slot_count < 1 || slot_count > KEY_SLOTS_MAX)
        return ERR_RANGE;
    TRY(key_init());
    struct key_arena *arena = calloc(1, sizeof(*arena));
    if (arena == NULL)
        return ERR_NOMEM;
    const size_t bytes = slot_count * sizeof(struct secret64);
    arena->slot_count = slot_count;
    arena->taken = calloc(slot_count, sizeof(*arena->taken));
    arena->slots = sodium_malloc(bytes);
    enum err err = arena->taken == NULL || arena->slots == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK)
        err = key_arena_protect(arena->slots, bytes);
    if (err != ERR_OK) {
        key_arena_free(arena);
        return err;
    }
    sodium_memzero(arena->slots, bytes);
    *ret = arena;
    return ERR_OK;
}

void
key_arena_free(struct key_arena *arena)
{
    if (arena == NULL)
        return;
    sodium_free(arena->slots); /* wipes, unlocks */
    free(arena->taken);
    free(arena);
}

enum err
key_arena_take(struct key_arena *arena, struct secret64 **ret)
{
    assert(arena->used <= arena->slot_count);
    for (size_t i = 0; i < arena->slot_count; i++) {
        if (arena->taken[i])
            continue;
        arena->taken[i] = true;
        arena->used++;
        *ret = &arena->slots[i];
        return ERR_OK;
    }
    return ERR_FULL;
}

void
key_arena_give(struct key_arena *arena, struct secret64 *slot)
{
    if (slot == NULL)
        return;
    assert(slot >= arena->slots && slot < arena->slots + arena->slot_count);
    const size_t index = (size_t)(slot - arena->slots);
    assert(arena->taken[index]);
    sodium_memzero(slot, sizeof(*slot));
    arena->taken[index] = false;
    arena->used--;
}

size_t
key_arena_used(const struct key_arena *arena)
{
    return arena->used;
}

enum err
key_block_new(size_t bytes, void **ret)
{
    if (bytes < 1 || bytes > KEY_BLOCK_BYTES_MAX)
        return ERR_RANGE;
    TRY(key_init());
    void *block = sodium_malloc(bytes);
    if (block == NULL)
        return ERR_NOMEM;
    const enum err err = key_arena_protect(block, bytes);
    if (err != ERR_OK) {
        sodium_free(block);
        return err;
    }
    sodium_memzero(block, bytes);
    *ret = block;
    return ERR_OK;
}

void
key_block_free(void *block)
{
    sodium_free(block);
}
