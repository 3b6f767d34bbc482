/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/leafhash.h"

#include "crypto/digest.h"

#include <assert.h>

/* Below this many leaves of one length the idle lanes cost more than they win: 16 lanes hash about
 * twice as fast as one leaf after the other. */
enum { LEAFHASH_LANES_MIN = 10 };

enum { LEAFHASH_BLOCK_BYTES = 64 };

#if defined(__x86_64__)
#include <immintrin.h>

#define LEAFHASH_AVX512_CODE __attribute__((target("avx512f,avx512bw")))

static const uint32_t leafhash_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t leafhash_iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/* Rows of 16 words become columns: out[i] holds word i of all lanes. */
LEAFHASH_AVX512_CODE static void
leafhash_transpose(__m512i v[16])
{
    __m512i t[16];
    for (size_t i = 0; i < 16; i += 4) { /* 4x4 within the 128-bit parts */
        const __m512i a = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        const __m512i b = _mm512_unpackhi_epi32(v[i], v[i + 1]);
        const __m512i c = _mm512_unpacklo_epi32(v[i + 2], v[i + 3]);
        const __m512i d = _mm512_unpackhi_epi32(v[i + 2], v[i + 3]);
        t[i] = _mm512_unpacklo_epi64(a, c);
        t[i + 1] = _mm512_unpackhi_epi64(a, c);
        t[i + 2] = _mm512_unpacklo_epi64(b, d);
        t[i + 3] = _mm512_unpackhi_epi64(b, d);
    }
    for (size_t i = 0; i < 4; i++) { /* then the parts */
        const __m512i a = _mm512_shuffle_i32x4(t[i], t[4 + i], 0x88);
        const __m512i b = _mm512_shuffle_i32x4(t[i], t[4 + i], 0xdd);
        const __m512i c = _mm512_shuffle_i32x4(t[8 + i], t[12 + i], 0x88);
        const __m512i d = _mm512_shuffle_i32x4(t[8 + i], t[12 + i], 0xdd);
        v[i] = _mm512_shuffle_i32x4(a, c, 0x88);
        v[8 + i] = _mm512_shuffle_i32x4(a, c, 0xdd);
        v[4 + i] = _mm512_shuffle_i32x4(b, d, 0x88);
        v[12 + i] = _mm512_shuffle_i32x4(b, d, 0xdd);
    }
}

LEAFHASH_AVX512_CODE static inline __m512i
leafhash_xor3(__m512i a, __m512i b, __m512i c)
{
    return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

/* One block of each lane. Spec: FIPS 180-4 6.2.2. */
LEAFHASH_AVX512_CODE static void
leafhash_block(__m512i state[8], const uint8_t *const block[LEAFHASH_LANES])
{
    const __m512i swap =
        _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
    __m512i w[16];
    __m512i s[8];
    for (size_t i = 0; i < 16; i++)
        w[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(block[i]), swap);
    leafhash_transpose(w);
    for (size_t i = 0; i < 8; i++)
        s[i] = state[i];
    for (size_t r = 0; r < 64; r++) {
        __m512i *wr = &w[r % 16];
        if (r >= 16) {
            const __m512i w15 = w[(r + 1) % 16];
            const __m512i w2 = w[(r + 14) % 16];
            const __m512i s0 = leafhash_xor3(_mm512_ror_epi32(w15, 7), _mm512_ror_epi32(w15, 18),
                                             _mm512_srli_epi32(w15, 3));
            const __m512i s1 = leafhash_xor3(_mm512_ror_epi32(w2, 17), _mm512_ror_epi32(w2, 19),
                                             _mm512_srli_epi32(w2, 10));
            *wr =
                _mm512_add_epi32(_mm512_add_epi32(*wr, s0), _mm512_add_epi32(w[(r + 9) % 16], s1));
        }
        const __m512i sum1 = leafhash_xor3(_mm512_ror_epi32(s[4], 6), _mm512_ror_epi32(s[4], 11),
                                           _mm512_ror_epi32(s[4], 25));
        const __m512i choose = _mm512_ternarylogic_epi32(s[4], s[5], s[6], 0xca);
        const __m512i k = _mm512_set1_epi32((int)leafhash_k[r]);
        const __m512i t1 = _mm512_add_epi32(_mm512_add_epi32(s[7], sum1),
                                            _mm512_add_epi32(choose, _mm512_add_epi32(k, *wr)));
        const __m512i sum0 = leafhash_xor3(_mm512_ror_epi32(s[0], 2), _mm512_ror_epi32(s[0], 13),
                                           _mm512_ror_epi32(s[0], 22));
        const __m512i major = _mm512_ternarylogic_epi32(s[0], s[1], s[2], 0xe8);
        s[7] = s[6];
        s[6] = s[5];
        s[5] = s[4];
        s[4] = _mm512_add_epi32(s[3], t1);
        s[3] = s[2];
        s[2] = s[1];
        s[1] = s[0];
        s[0] = _mm512_add_epi32(t1, _mm512_add_epi32(sum0, major));
    }
    for (size_t i = 0; i < 8; i++)
        state[i] = _mm512_add_epi32(state[i], s[i]);
}

/* Up to 16 leaves of one length. The message is 0x00 || leaf, so block b > 0 is leaf[64 b - 1 ..]
 * where it lies; the first and the last ones are put together in edge. */
LEAFHASH_AVX512_CODE static void
leafhash_lanes(const struct span *leaves, size_t count, uint8_t (*ret_hash)[32])
{
    uint8_t edge[LEAFHASH_LANES][LEAFHASH_BLOCK_BYTES];
    const uint8_t *block[LEAFHASH_LANES];
    uint32_t words[8][LEAFHASH_LANES];
    __m512i state[8];
    const size_t len = leaves[0].len;
    const size_t message = len + 1;
    const size_t total = (message + 9 + LEAFHASH_BLOCK_BYTES - 1) / LEAFHASH_BLOCK_BYTES;
    for (size_t i = 0; i < 8; i++)
        state[i] = _mm512_set1_epi32((int)leafhash_iv[i]);
    for (size_t b = 0; b < total; b++) {
        const size_t from = b * LEAFHASH_BLOCK_BYTES; /* in the message */
        const bool inside = b > 0 && from + LEAFHASH_BLOCK_BYTES <= message;
        for (size_t lane = 0; lane < LEAFHASH_LANES; lane++) {
            const uint8_t *leaf = leaves[lane < count ? lane : 0].ptr;
            block[lane] = inside ? leaf + from - 1 : edge[lane];
            if (inside)
                continue;
            memset(edge[lane], 0, LEAFHASH_BLOCK_BYTES);
            const size_t skip = b == 0 ? 1 : 0; /* the 0x00 of the message */
            const size_t at = from + skip - 1;  /* in the leaf */
            const size_t room = LEAFHASH_BLOCK_BYTES - skip;
            const size_t left = at < len ? len - at : 0;
            const size_t take = left < room ? left : room;
            if (take > 0)
                memcpy(edge[lane] + skip, leaf + at, take);
            if (from <= message && message < from + LEAFHASH_BLOCK_BYTES)
                edge[lane][message - from] = 0x80;
            for (size_t i = 0; b == total - 1 && i < 8; i++)
                edge[lane][56 + i] = (uint8_t)((uint64_t)message * 8 >> (56 - 8 * i));
        }
        leafhash_block(state, block);
    }
    for (size_t i = 0; i < 8; i++)
        _mm512_storeu_si512(words[i], state[i]);
    for (size_t lane = 0; lane < count; lane++)
        for (size_t i = 0; i < 32; i++)
            ret_hash[lane][i] = (uint8_t)(words[i / 4][lane] >> (24 - 8 * (i % 4)));
}

enum leafhash_kernel
leafhash_best(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
               ? LEAFHASH_AVX512
               : LEAFHASH_PORTABLE;
}

#else

enum leafhash_kernel
leafhash_best(void)
{
    return LEAFHASH_PORTABLE;
}

/* Never reached: leafhash_best offers no other kernel on this processor. */
static void
leafhash_lanes(const struct span *leaves, size_t count, uint8_t (*ret_hash)[32])
{
    (void)leaves;
    (void)count;
    (void)ret_hash;
    assert(false);
}

#endif

/* Leaves from the first on that have its length, at most the lanes. */
static size_t
leafhash_run(const struct span *leaves, size_t leaf_count)
{
    size_t run = 1;
    while (run < leaf_count && run < LEAFHASH_LANES && leaves[run].len == leaves[0].len)
        run++;
    return run;
}

enum err
leafhash_many(enum leafhash_kernel kernel, const struct span *leaves, size_t leaf_count,
              uint8_t (*ret_hash)[32])
{
    assert(kernel == LEAFHASH_PORTABLE || kernel == leafhash_best());
    for (size_t at = 0; at < leaf_count;) {
        const size_t run = leafhash_run(leaves + at, leaf_count - at);
        if (kernel == LEAFHASH_AVX512 && run >= LEAFHASH_LANES_MIN) {
            leafhash_lanes(leaves + at, run, ret_hash + at);
        } else {
            for (size_t i = at; i < at + run; i++)
                TRY(digest_leaf(leaves[i], ret_hash[i]));
        }
        at += run;
    }
    return ERR_OK;
}
