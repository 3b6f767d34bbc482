/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/bytemask.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

__extension__ typedef unsigned __int128 bytemask_wide;

static void
bytemask_plain(const uint8_t *in, uint8_t delimiter, struct bytemask *ret)
{
    *ret = (struct bytemask){0};
    for (unsigned k = 0; k < BYTEMASK_BYTES; k++) {
        const uint8_t c = in[k];
        const uint64_t bit = UINT64_C(1) << k;
        const bool odd = c == '@' || c == 0xc2 || c == 0xe2 || c == 0xe3 || c == 0xef;
        ret->end |= c == delimiter || c == '\r' || c == '\n' ? bit : 0;
        ret->digit |= c >= '0' && c <= '9' ? bit : 0;
        ret->gap |= c == ' ' || c == '-' ? bit : 0;
        ret->hyphen |= c == '-' ? bit : 0;
        ret->key |= c == 'A' ? bit : 0;
        ret->odd |= odd ? bit : 0;
    }
}

static bool
bytemask_is_clean(uint8_t c)
{
    return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

#if defined(__x86_64__)

/* One name for each instruction that both widths have. */
#define BYTEMASK_SIXTEEN(x) _mm_set1_epi8((char)(x))
#define BYTEMASK_THIRTY_TWO(x) _mm256_set1_epi8((char)(x))

/* The masks of one vector at shift within its block. */
static inline void
bytemask_sse2_part(const uint8_t *in, uint8_t delimiter, unsigned shift, struct bytemask *ret)
{
    const __m128i x = _mm_loadu_si128((const __m128i_u *)in);
    const __m128i newline = _mm_or_si128(_mm_cmpeq_epi8(x, BYTEMASK_SIXTEEN('\n')),
                                         _mm_cmpeq_epi8(x, BYTEMASK_SIXTEEN('\r')));
    const __m128i end = _mm_or_si128(newline, _mm_cmpeq_epi8(x, BYTEMASK_SIXTEEN(delimiter)));
    /* c - '0' <= 9 without sign: the lesser of it and 9 is it. */
    const __m128i value = _mm_sub_epi8(x, BYTEMASK_SIXTEEN('0'));
    const __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(value, BYTEMASK_SIXTEEN(9)), value);
    const __m128i hyphen = _mm_cmpeq_epi8(x, BYTEMASK_SIXTEEN('-'));
    const __m128i gap = _mm_or_si128(hyphen, _mm_cmpeq_epi8(x, BYTEMASK_SIXTEEN(' ')));
    const __m128i key = _mm_cmpeq_epi8(x, BYTEMASK_SIXTEEN('A'));
    /* E2 and E3 differ in the last bit. */
    const __m128i pair =
        _mm_cmpeq_epi8(_mm_or_si128(x, BYTEMASK_SIXTEEN(1)), BYTEMASK_SIXTEEN(0xe3));
    const __m128i single = _mm_or_si128(_mm_cmpeq_epi8(x, BYTEMASK_SIXTEEN(0xc2)),
                                        _mm_cmpeq_epi8(x, BYTEMASK_SIXTEEN(0xef)));
    const __m128i odd =
        _mm_or_si128(_mm_or_si128(pair, single), _mm_cmpeq_epi8(x, BYTEMASK_SIXTEEN('@')));
    ret->end |= (uint64_t)(uint32_t)_mm_movemask_epi8(end) << shift;
    ret->digit |= (uint64_t)(uint32_t)_mm_movemask_epi8(digit) << shift;
    ret->gap |= (uint64_t)(uint32_t)_mm_movemask_epi8(gap) << shift;
    ret->hyphen |= (uint64_t)(uint32_t)_mm_movemask_epi8(hyphen) << shift;
    ret->key |= (uint64_t)(uint32_t)_mm_movemask_epi8(key) << shift;
    ret->odd |= (uint64_t)(uint32_t)_mm_movemask_epi8(odd) << shift;
}

static void
bytemask_sse2(const uint8_t *in, size_t count, uint8_t delimiter, struct bytemask *ret)
{
    for (size_t b = 0; b < count; b++) {
        struct bytemask m = {0};
        for (unsigned k = 0; k < BYTEMASK_BYTES; k += 16)
            bytemask_sse2_part(in + b * BYTEMASK_BYTES + k, delimiter, k, &m);
        ret[b] = m;
    }
}

__attribute__((target("avx2"))) static inline void
bytemask_avx2_part(const uint8_t *in, uint8_t delimiter, unsigned shift, struct bytemask *ret)
{
    const __m256i x = _mm256_loadu_si256((const __m256i_u *)in);
    const __m256i newline = _mm256_or_si256(_mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO('\n')),
                                            _mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO('\r')));
    const __m256i end =
        _mm256_or_si256(newline, _mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO(delimiter)));
    const __m256i value = _mm256_sub_epi8(x, BYTEMASK_THIRTY_TWO('0'));
    const __m256i digit = _mm256_cmpeq_epi8(_mm256_min_epu8(value, BYTEMASK_THIRTY_TWO(9)), value);
    const __m256i hyphen = _mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO('-'));
    const __m256i gap = _mm256_or_si256(hyphen, _mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO(' ')));
    const __m256i key = _mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO('A'));
    const __m256i pair =
        _mm256_cmpeq_epi8(_mm256_or_si256(x, BYTEMASK_THIRTY_TWO(1)), BYTEMASK_THIRTY_TWO(0xe3));
    const __m256i single = _mm256_or_si256(_mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO(0xc2)),
                                           _mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO(0xef)));
    const __m256i odd = _mm256_or_si256(_mm256_or_si256(pair, single),
                                        _mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO('@')));
    ret->end |= (uint64_t)(uint32_t)_mm256_movemask_epi8(end) << shift;
    ret->digit |= (uint64_t)(uint32_t)_mm256_movemask_epi8(digit) << shift;
    ret->gap |= (uint64_t)(uint32_t)_mm256_movemask_epi8(gap) << shift;
    ret->hyphen |= (uint64_t)(uint32_t)_mm256_movemask_epi8(hyphen) << shift;
    ret->key |= (uint64_t)(uint32_t)_mm256_movemask_epi8(key) << shift;
    ret->odd |= (uint64_t)(uint32_t)_mm256_movemask_epi8(odd) << shift;
}

__attribute__((target("avx2"))) static void
bytemask_avx2(const uint8_t *in, size_t count, uint8_t delimiter, struct bytemask *ret)
{
    for (size_t b = 0; b < count; b++) {
        struct bytemask m = {0};
        bytemask_avx2_part(in + b * BYTEMASK_BYTES, delimiter, 0, &m);
        bytemask_avx2_part(in + b * BYTEMASK_BYTES + 32, delimiter, 32, &m);
        ret[b] = m;
    }
}

/* All ones where x is not clean. Signed, so that bytes from 0x80 are less than a space. */
__attribute__((target("avx2"))) static inline __m256i
bytemask_avx2_dirt(__m256i x)
{
    const __m256i line = _mm256_or_si256(_mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO('\n')),
                                         _mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO('\r')));
    const __m256i space = _mm256_or_si256(_mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO('\t')),
                                          _mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO('\f')));
    const __m256i low = _mm256_cmpgt_epi8(BYTEMASK_THIRTY_TWO(0x20), x);
    return _mm256_or_si256(_mm256_andnot_si256(_mm256_or_si256(line, space), low),
                           _mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO(0x7f)));
}

__attribute__((target("avx2"))) static size_t
bytemask_avx2_clean(const uint8_t *in, size_t count)
{
    for (size_t b = 0; b < count; b++) {
        const __m256i x = _mm256_loadu_si256((const __m256i_u *)(in + b * BYTEMASK_BYTES));
        const __m256i y = _mm256_loadu_si256((const __m256i_u *)(in + b * BYTEMASK_BYTES + 32));
        if (_mm256_movemask_epi8(_mm256_or_si256(bytemask_avx2_dirt(x), bytemask_avx2_dirt(y))) !=
            0)
            return b;
    }
    return count;
}

__attribute__((target("avx2,popcnt"))) static size_t
bytemask_avx2_lines(const uint8_t *in, size_t count)
{
    size_t lines = 0;
    for (size_t b = 0; b < count * 2; b++) {
        const __m256i x = _mm256_loadu_si256((const __m256i_u *)(in + b * 32));
        const int hit = _mm256_movemask_epi8(_mm256_cmpeq_epi8(x, BYTEMASK_THIRTY_TWO('\n')));
        lines += (size_t)__builtin_popcount((uint32_t)hit);
    }
    return lines;
}

#endif

bool
bytemask_can(enum bytemask_way way)
{
#if defined(__x86_64__)
    if (way == BYTEMASK_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
    return true;
#else
    return way == BYTEMASK_PLAIN;
#endif
}

enum bytemask_way
bytemask_best(void)
{
    if (bytemask_can(BYTEMASK_AVX2))
        return BYTEMASK_AVX2;
    return bytemask_can(BYTEMASK_SSE2) ? BYTEMASK_SSE2 : BYTEMASK_PLAIN;
}

void
bytemask_make(enum bytemask_way way, const uint8_t *in, size_t count, uint8_t delimiter,
              struct bytemask *ret)
{
#if defined(__x86_64__)
    if (way == BYTEMASK_AVX2) {
        bytemask_avx2(in, count, delimiter, ret);
        return;
    }
    if (way == BYTEMASK_SSE2) {
        bytemask_sse2(in, count, delimiter, ret);
        return;
    }
#endif
    (void)way;
    for (size_t b = 0; b < count; b++)
        bytemask_plain(in + b * BYTEMASK_BYTES, delimiter, &ret[b]);
}

static bytemask_wide
bytemask_join(uint64_t low, uint64_t high)
{
    return (bytemask_wide)high << 64 | low;
}

static inline uint64_t
bytemask_hot_one(const struct bytemask *m, const struct bytemask *next, bool before)
{
    uint64_t hot = m->odd;
    if (m->digit != 0) {
        /* Bit k of run_n: n digits begin there. */
        const bytemask_wide digit = bytemask_join(m->digit, next->digit);
        const bytemask_wide gap = bytemask_join(m->gap, next->gap);
        const bytemask_wide run2 = digit & digit >> 1;
        const bytemask_wide run4 = run2 & run2 >> 2;
        const bytemask_wide run12 = run4 & run4 >> 4 & run4 >> 8;
        /* The groups of tokscan.c begin with four digits and four more, or six and two. */
        const bytemask_wide four = run4 & gap >> 4 & run4 >> 5;
        const bytemask_wide six = run4 & run2 >> 4 & gap >> 6 & run2 >> 7;
        const uint64_t start = ~(m->digit << 1 | (before ? 1U : 0U));
        hot |= (uint64_t)(run12 | four | six) & start;
    }
    if ((m->key | m->hyphen) != 0) {
        /* AKIA and ASIA; five hyphens of a border. */
        const bytemask_wide key = bytemask_join(m->key, next->key);
        const bytemask_wide hyphen = bytemask_join(m->hyphen, next->hyphen);
        const bytemask_wide two = hyphen & hyphen >> 1;
        hot |= (uint64_t)((key & key >> 3) | (two & two >> 2 & hyphen >> 4));
    }
    return hot;
}

uint64_t
bytemask_hot(const struct bytemask *m, const struct bytemask *next, bool before)
{
    return bytemask_hot_one(m, next, before);
}

void
bytemask_hot_all(const struct bytemask *m, size_t count, bool before, uint64_t *ret)
{
    for (size_t b = 0; b < count; b++) {
        ret[b] = bytemask_hot_one(&m[b], &m[b + 1], before);
        before = m[b].digit >> 63 != 0;
    }
}

size_t
bytemask_clean(enum bytemask_way way, struct span text)
{
    size_t at = 0;
#if defined(__x86_64__)
    if (way == BYTEMASK_AVX2)
        return bytemask_avx2_clean(text.ptr, text.len / BYTEMASK_BYTES) * BYTEMASK_BYTES;
#endif
    (void)way;
    while (at < text.len && bytemask_is_clean(text.ptr[at]))
        at++;
    return at;
}

size_t
bytemask_lines(enum bytemask_way way, struct span text)
{
    size_t lines = 0;
    size_t at = 0;
#if defined(__x86_64__)
    if (way == BYTEMASK_AVX2) {
        lines = bytemask_avx2_lines(text.ptr, text.len / BYTEMASK_BYTES);
        at = text.len - text.len % BYTEMASK_BYTES;
    }
#endif
    (void)way;
    for (; at < text.len; at++)
        lines += text.ptr[at] == '\n' ? 1 : 0;
    return lines;
}
