/* SPDX-License-Identifier: Apache-2.0 */
/* The lanes against OpenSSL, leaf by leaf: every count of leaves, every length around the borders
 * of a block, the length of a sealed chunk, mixed lengths. */
#include "crypto/leafhash.h"

#include "crypto/digest.h"
#include "tests/test.h"
#include "tests/vec.h"

enum { LEAFHASH_TEST_COUNT = 35, LEAFHASH_TEST_LEN = 16400 };

static uint8_t leafhash_test_bytes[LEAFHASH_TEST_COUNT * LEAFHASH_TEST_LEN];

/* count leaves whose lengths are len, or len + i % 3 when mixed. */
static void
leafhash_test_run(size_t count, size_t len, bool mixed)
{
    struct span leaves[LEAFHASH_TEST_COUNT];
    uint8_t got[LEAFHASH_TEST_COUNT][32];
    uint8_t want[32];
    for (size_t i = 0; i < count; i++)
        leaves[i] =
            span_of(leafhash_test_bytes + i * (len + 3), len + (mixed && i > 20 ? i % 3 : 0));
    CHECK_EQ(leafhash_many(leafhash_best(), leaves, count, got), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(digest_leaf(leaves[i], want), ERR_OK);
        if (!span_eq(span_of(want, 32), span_of(got[i], 32))) {
            printf("# count %zu length %zu leaf %zu\n", count, len, i);
            CHECK(false);
        }
    }
}

int
main(void)
{
    uint32_t x = 1;
    uint8_t out[1][32];
    const struct span one = SPAN_LIT("one");
    for (size_t i = 0; i < sizeof(leafhash_test_bytes); i++) {
        x = x * 1664525 + 1013904223;
        leafhash_test_bytes[i] = (uint8_t)(x >> 24);
    }
    printf("# kernel %d\n", (int)leafhash_best());
    TEST("nothing is hashed before the algorithms are fetched")
    {
        CHECK_EQ(leafhash_many(LEAFHASH_PORTABLE, &one, 1, out), ERR_STATE);
        CHECK_EQ(digest_init(), ERR_OK);
    }
    TEST("every count of leaves has the hashes of OpenSSL")
    for (size_t count = 0; count <= LEAFHASH_TEST_COUNT; count++)
        leafhash_test_run(count, 200, false);
    TEST("every length up to three blocks and a half has the hashes of OpenSSL")
    for (size_t len = 0; len < 224; len++)
        leafhash_test_run(16, len, false);
    TEST("sealed chunks, whole and odd, have the hashes of OpenSSL")
    {
        leafhash_test_run(34, LEAFHASH_TEST_LEN, false);
        leafhash_test_run(17, 16399, false);
        leafhash_test_run(13, 777, false);
    }
    TEST("leaves of mixed lengths have the hashes of OpenSSL")
    for (size_t len = 50; len < 70; len++)
        leafhash_test_run(LEAFHASH_TEST_COUNT, len, true);
    TEST("the portable kernel is OpenSSL's answer too")
    {
        uint8_t want[32];
        CHECK_EQ(leafhash_many(LEAFHASH_PORTABLE, &one, 1, out), ERR_OK);
        CHECK_EQ(digest_leaf(one, want), ERR_OK);
        CHECK(span_eq(span_of(want, 32), span_of(out[0], 32)));
    }
    return test_end();
}
