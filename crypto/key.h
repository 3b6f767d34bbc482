/* SPDX-License-Identifier: Apache-2.0 */
/* Secret bytes: where they live, how they are compared, made and wiped. By libsodium.
 *
 * Secrets live in struct secret32 or secret64, either in an arena (long-lived: locked, guarded,
 * left out of core dumps, zeroed in a forked child) or on a stack with SECRET_CLEAN, which wipes
 * them when the block ends. They are compared with key_equal only and never printed. */
#ifndef TDZ_CRYPTO_KEY_H
#define TDZ_CRYPTO_KEY_H

#include "schemas/error.h"
#include "schemas/span.h"

struct secret32 {
    uint8_t bytes[32];
};

struct secret64 {
    uint8_t bytes[64];
};

/* Starts libsodium; call it once in a process before it enters its sandbox (it may open a random
 * device). Calling it again does nothing. ERR_CRYPTO. */
MUST_USE enum err key_init(void);

/* Fills out with len unpredictable bytes of the kernel's generator. It cannot fail: libsodium ends
 * the process when the kernel has no randomness, because no caller could go on safely. */
void key_random(uint8_t *out, size_t len);

/* Overwrites memory in a way the compiler does not remove. */
void key_wipe(void *secret, size_t len);

/* Equality in time that depends on the lengths only. */
bool key_equal(struct span a, struct span b);

/* True if all bytes are zero, in time that depends on the length only. */
bool key_is_zero(struct span a);

void key_secret32_wipe(struct secret32 *s);
void key_secret64_wipe(struct secret64 *s);

/* struct secret32 SECRET32_CLEAN dek; is wiped on every way out of its block. */
#define SECRET32_CLEAN __attribute__((cleanup(key_secret32_wipe)))
#define SECRET64_CLEAN __attribute__((cleanup(key_secret64_wipe)))

/* Locked memory for long-lived secrets: slots of KEY_SLOT_BYTES, one allocation at set-up. */
enum { KEY_SLOT_BYTES = 64, KEY_SLOTS_MAX = 16384 };

struct key_arena;

/* slot_count in [1, KEY_SLOTS_MAX] (ERR_RANGE). Fails closed: ERR_NO_SPACE when the memory cannot
 * be locked (RLIMIT_MEMLOCK too small), ERR_SYS when it cannot be kept from forked children,
 * ERR_NOMEM. The caller frees *ret with key_arena_free, which wipes every slot; a forked child must
 * not, its copy is zeros. */
MUST_USE enum err key_arena_new(size_t slot_count, struct key_arena **ret);
void key_arena_free(struct key_arena *arena);

/* A zeroed slot, owned by the caller until key_arena_give, which wipes it. ERR_FULL. */
MUST_USE enum err key_arena_take(struct key_arena *arena, struct secret64 **ret);

/* slot must come from key_arena_take of the same arena and be given once (asserted). NULL is fine.
 */
void key_arena_give(struct key_arena *arena, struct secret64 *slot);

size_t key_arena_used(const struct key_arena *arena);

/* One zeroed block of locked memory for a struct of long-lived secrets, 1 to 64 KiB (ERR_RANGE),
 * protected like an arena; other errors as key_arena_new. */
enum { KEY_BLOCK_BYTES_MAX = 65536 };
MUST_USE enum err key_block_new(size_t bytes, void **ret);
void key_block_free(void *block);

#endif
