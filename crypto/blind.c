/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/blind.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>

uint64_t
blind_u64(const uint8_t key[static 32], uint8_t domain, struct span value)
{
    uint8_t message[BLIND_VALUE_MAX + 1];
    uint8_t hash[16]; /* the least length of the library; the first half is used */
    assert(value.len <= BLIND_VALUE_MAX);
    message[0] = domain;
    memcpy(message + 1, value.ptr, value.len);
    const int failed =
        crypto_generichash_blake2b(hash, sizeof(hash), message, value.len + 1, key, 32);
    assert(failed == 0);
    uint64_t pseudonym = 0;
    for (size_t i = 0; i < 8; i++)
        pseudonym = pseudonym << 8 | hash[i];
    return pseudonym;
}

/* BLAKE2b of RFC 7693 over four messages side by side, a message a lane. The library hashes one at
 * a time and compresses the key anew for each; a stream may hold a million persons. blind_test
 * compares every length with the library. */
typedef uint64_t blind_four __attribute__((vector_size(32)));
typedef uint32_t blind_halves __attribute__((vector_size(32)));
typedef uint8_t blind_bytes __attribute__((vector_size(32)));

static const uint64_t blind_iv[8] = {UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b),
                                     UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
                                     UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
                                     UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179)};

static const uint8_t blind_sigma[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                            {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                            {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                            {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                            {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                            {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                            {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                            {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                            {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                            {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

#define BLIND_INLINE static inline __attribute__((always_inline))

/* Rotations to the right by whole bytes are shuffles. */
BLIND_INLINE void
blind_turn_32(blind_four *x)
{
    const blind_halves h = (blind_halves)*x;
    *x = (blind_four)__builtin_shufflevector(h, h, 1, 0, 3, 2, 5, 4, 7, 6);
}

BLIND_INLINE void
blind_turn_24(blind_four *x)
{
    const blind_bytes b = (blind_bytes)*x;
    *x = (blind_four)__builtin_shufflevector(b, b, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9,
                                             10, 19, 20, 21, 22, 23, 16, 17, 18, 27, 28, 29, 30, 31,
                                             24, 25, 26);
}

BLIND_INLINE void
blind_turn_16(blind_four *x)
{
    const blind_bytes b = (blind_bytes)*x;
    *x = (blind_four)__builtin_shufflevector(b, b, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15,
                                             8, 9, 18, 19, 20, 21, 22, 23, 16, 17, 26, 27, 28, 29,
                                             30, 31, 24, 25);
}

BLIND_INLINE void
blind_mix(blind_four *a, blind_four *b, blind_four *c, blind_four *d, const blind_four *x,
          const blind_four *y)
{
    *a += *b + *x;
    *d ^= *a;
    blind_turn_32(d);
    *c += *d;
    *b ^= *c;
    blind_turn_24(b);
    *a += *b + *y;
    *d ^= *a;
    blind_turn_16(d);
    *c += *d;
    *b ^= *c;
    *b = *b >> 63 ^ (*b + *b);
}

struct blind_block {
    blind_four m[16];  /* words of the message */
    blind_four length; /* bytes so far, this block included */
    blind_four last;   /* all ones in the last block */
};

/* One compression; the lanes of h are the lanes of the block. */
BLIND_INLINE void
blind_compress_body(blind_four h[static 8], const struct blind_block *block)
{
    blind_four v[16];
    const blind_four *m = block->m;
    for (size_t i = 0; i < 8; i++) {
        v[i] = h[i];
        v[i + 8] = (blind_four){blind_iv[i], blind_iv[i], blind_iv[i], blind_iv[i]};
    }
    v[12] ^= block->length;
    v[14] ^= block->last;
    for (size_t round = 0; round < 12; round++) {
        const uint8_t *s = blind_sigma[round % 10];
        blind_mix(&v[0], &v[4], &v[8], &v[12], &m[s[0]], &m[s[1]]);
        blind_mix(&v[1], &v[5], &v[9], &v[13], &m[s[2]], &m[s[3]]);
        blind_mix(&v[2], &v[6], &v[10], &v[14], &m[s[4]], &m[s[5]]);
        blind_mix(&v[3], &v[7], &v[11], &v[15], &m[s[6]], &m[s[7]]);
        blind_mix(&v[0], &v[5], &v[10], &v[15], &m[s[8]], &m[s[9]]);
        blind_mix(&v[1], &v[6], &v[11], &v[12], &m[s[10]], &m[s[11]]);
        blind_mix(&v[2], &v[7], &v[8], &v[13], &m[s[12]], &m[s[13]]);
        blind_mix(&v[3], &v[4], &v[9], &v[14], &m[s[14]], &m[s[15]]);
    }
    for (size_t i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void
blind_compress_avx2(blind_four h[static 8], const struct blind_block *block)
{
    blind_compress_body(h, block);
}
#endif

static void
blind_compress_plain(blind_four h[static 8], const struct blind_block *block)
{
    blind_compress_body(h, block);
}

static void
blind_compress(blind_four h[static 8], const struct blind_block *block)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        blind_compress_avx2(h, block);
        return;
    }
#endif
    blind_compress_plain(h, block);
}

/* Words are little-endian in BLAKE2b. */
static uint64_t
blind_word(const uint8_t *bytes)
{
    uint64_t word = 0;
    memcpy(&word, bytes, 8);
    return le64toh(word);
}

void
blind_begin(const uint8_t key[static 32], struct blind_state *ret)
{
    blind_four h[8];
    struct blind_block block = {.length = {128, 128, 128, 128}};
    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < BLIND_LANES; k++)
            h[i][k] = blind_iv[i];
    /* Depth and fanout 1, a key of 32 bytes, a hash of 16. */
    for (size_t k = 0; k < BLIND_LANES; k++)
        h[0][k] ^= 0x01012010U;
    for (size_t w = 0; w < 4; w++)
        for (size_t k = 0; k < BLIND_LANES; k++)
            block.m[w][k] = blind_word(key + 8 * w);
    blind_compress(h, &block);
    for (size_t i = 0; i < 8; i++)
        ret->h[i] = h[i][0];
    explicit_bzero(&block, sizeof(block));
    explicit_bzero(h, sizeof(h));
}

void
blind_lanes(const struct blind_state *s, const uint8_t domains[static BLIND_LANES],
            const struct span values[static BLIND_LANES], uint64_t ret[static BLIND_LANES])
{
    blind_four h[8];
    struct blind_block block = {.last = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    uint8_t message[BLIND_SHORT_MAX + 1];
    for (size_t i = 0; i < 8; i++)
        h[i] = (blind_four){s->h[i], s->h[i], s->h[i], s->h[i]};
    for (size_t k = 0; k < BLIND_LANES; k++) {
        const size_t len = values[k].len;
        assert(len <= BLIND_SHORT_MAX);
        memset(message, 0, (len + 8) / 8 * 8);
        message[0] = domains[k];
        if (len > 0)
            memcpy(message + 1, values[k].ptr, len);
        for (size_t w = 0; w * 8 <= len; w++)
            block.m[w][k] = blind_word(message + 8 * w);
        block.length[k] = 128 + len + 1;
    }
    blind_compress(h, &block);
    for (size_t k = 0; k < BLIND_LANES; k++)
        ret[k] = __builtin_bswap64(h[0][k]);
    explicit_bzero(&block, sizeof(block));
    explicit_bzero(message, sizeof(message));
}
