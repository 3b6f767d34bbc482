/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/persons.h"

#include "crypto/blind.h"
#include "tests/test.h"

enum { VALUES_MAX = 200000 };

static uint64_t values[VALUES_MAX];
static uint64_t sorted[VALUES_MAX];
static uint64_t both[2 * VALUES_MAX];
static uint64_t seed = 7;

static uint64_t
random_u64(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * UINT64_C(2685821657736338717);
}

static int
order(const void *a, const void *b)
{
    uint64_t x = 0;
    uint64_t y = 0;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : (x > y ? 1 : 0);
}

/* The count by the C library's sort: what persons_sort must agree with. */
static size_t
reference(uint64_t *out, const uint64_t *in, size_t len)
{
    size_t kept = 0;
    memcpy(out, in, len * sizeof(*in));
    qsort(out, len, sizeof(*out), order);
    for (size_t i = 0; i < len; i++)
        if (kept == 0 || out[kept - 1] != out[i])
            out[kept++] = out[i];
    return kept;
}

static bool
all(const void *ctx, uint16_t tag)
{
    (void)ctx;
    return tag != 0;
}

static bool
odd(const void *ctx, uint16_t tag)
{
    (void)ctx;
    return tag % 2 == 1;
}

static void
test_set(struct persons *p)
{
    const uint64_t *view = NULL;
    TEST("the set counts as an exact sort does, at every size and any share of repeats")
    {
        for (size_t len = 1; len <= VALUES_MAX; len = len * 3 + 1) {
            const uint64_t range = 1 + random_u64() % (2 * len);
            persons_reset(p);
            for (size_t i = 0; i < len; i++) {
                values[i] = random_u64() % range * UINT64_C(0x9e3779b97f4a7c15);
                persons_add(p, values[i], (uint16_t)(1 + i % 5));
            }
            const size_t want = reference(sorted, values, len);
            const size_t got = persons_select(p, all, NULL, &view);
            CHECK(got == want && memcmp(view, sorted, got * sizeof(*view)) == 0);
            CHECK_EQ(persons_lost(p), 0);
        }
    }
    TEST("a filter sees tags")
    {
        persons_reset(p);
        persons_add(p, 5, 1);
        persons_add(p, 5, 2);
        persons_add(p, 6, 2);
        persons_add(p, 0, 3);
        CHECK_EQ(persons_select(p, all, NULL, &view), 3);
        uint64_t kinds[4];
        persons_tally(p, 0, 3, kinds);
        CHECK(kinds[0] == 0 && kinds[1] == 1 && kinds[2] == 2 && kinds[3] == 1);
        persons_tally(p, 2, 3, kinds);
        CHECK(kinds[0] == 3 && kinds[1] == 0);
        CHECK_EQ(persons_select(p, odd, NULL, &view), 2);
        CHECK(view[0] == 0 && view[1] == 5);
    }
}

int
main(void)
{
    struct persons *p = NULL;
    const uint64_t *view = NULL;
    TEST("a set holds up to 1.25 million, not none and not more")
    {
        CHECK_EQ(persons_new(0, &p), ERR_RANGE);
        CHECK_EQ(persons_new(PERSONS_MAX + 1, &p), ERR_RANGE);
        CHECK(p == NULL);
        CHECK_EQ(persons_new(PERSONS_MAX, &p), ERR_OK);
    }
    test_set(p);
    persons_free(p);
    TEST("a full set counts what it cannot keep")
    {
        CHECK_EQ(persons_new(3000, &p), ERR_OK);
        for (uint64_t i = 0; i < 5000; i++)
            persons_add(p, i * UINT64_C(0x9e3779b97f4a7c15), 1);
        persons_add(p, 0, 1);
        CHECK_EQ(persons_lost(p), 2000);
        CHECK_EQ(persons_select(p, all, NULL, &view), 3000);
        persons_free(p);
        persons_free(NULL);
    }
    TEST("the union of sorted sets is exact, in either order")
    {
        for (size_t round = 0; round < 200; round++) {
            const size_t a = random_u64() % 50;
            const size_t b = random_u64() % 50;
            for (size_t i = 0; i < a + b; i++)
                values[i] = random_u64() % 60;
            const size_t want = reference(sorted, values, a + b);
            const size_t a_len = persons_sort(values, a);
            const size_t b_len = persons_sort(values + a, b);
            size_t got = persons_union(values, a_len, values + a, b_len, both);
            CHECK(got == want && memcmp(both, sorted, got * sizeof(*both)) == 0);
            got = persons_union(values + a, b_len, values, a_len, both);
            CHECK(got == want && memcmp(both, sorted, got * sizeof(*both)) == 0);
        }
    }
    TEST("pseudonyms depend on key, domain and value, and are keyed BLAKE2b")
    {
        const uint8_t a[32] = {1};
        const uint8_t b[32] = {2};
        const uint64_t one = blind_u64(a, 1, SPAN_LIT("900101145678"));
        CHECK(one == blind_u64(a, 1, SPAN_LIT("900101145678")));
        CHECK(one != blind_u64(b, 1, SPAN_LIT("900101145678")));
        CHECK(one != blind_u64(a, 2, SPAN_LIT("900101145678")));
        CHECK(one != blind_u64(a, 1, SPAN_LIT("900101145679")));
        CHECK(one == UINT64_C(0x89aeac56bc242f1c)); /* Python's hashlib.blake2b */
    }
    return test_end();
}
