/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "tests/test.h"
#include "tests/vec.h"

static void
digest_test_oneshot(void)
{
    uint8_t out[64];
    TEST("SHA-256 and SHA-512 give the answers of FIPS 180")
    {
        CHECK_EQ(digest_sha256(SPAN_LIT("abc"), out), ERR_OK);
        CHECK(vec_is(span_of(out, 32),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
        CHECK_EQ(digest_sha256(span_of(NULL, 0), out), ERR_OK);
        CHECK(vec_is(span_of(out, 32),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
        CHECK_EQ(digest_sha512(SPAN_LIT("abc"), out), ERR_OK);
        CHECK(vec_is(span_of(out, 64),
                     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"));
    }
    TEST("parts hash as their concatenation")
    {
        uint8_t whole[32];
        const struct span parts[] = {SPAN_LIT("a"), SPAN_LIT(""), SPAN_LIT("bc")};
        CHECK_EQ(digest_sha256_parts(parts, 3, out), ERR_OK);
        CHECK_EQ(digest_sha256(SPAN_LIT("abc"), whole), ERR_OK);
        CHECK(span_eq(span_of(out, 32), span_of(whole, 32)));
    }
    TEST("leaf and node hashes have the prefixes of RFC 6962")
    {
        uint8_t left[32];
        uint8_t right[32];
        CHECK_EQ(digest_leaf(span_of(NULL, 0), left), ERR_OK);
        CHECK(vec_is(span_of(left, 32),
                     "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"));
        CHECK_EQ(digest_leaf(span_of("\x00", 1), right), ERR_OK);
        CHECK(vec_is(span_of(right, 32),
                     "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"));
        CHECK_EQ(digest_node(left, right, out), ERR_OK);
        CHECK(vec_is(span_of(out, 32),
                     "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"));
        CHECK_EQ(digest_node(left, right, left), ERR_OK); /* in place */
        CHECK(span_eq(span_of(out, 32), span_of(left, 32)));
    }
}

static void
digest_test_running(void)
{
    uint8_t out[64];
    struct digest *d = NULL;
    TEST("a running hash gives the one-shot answer, twice after a reset")
    {
        CHECK_EQ(digest_new(DIGEST_SHA256, &d), ERR_OK);
        for (int round = 0; round < 2; round++) {
            CHECK_EQ(digest_update(d, SPAN_LIT("ab")), ERR_OK);
            CHECK_EQ(digest_update(d, SPAN_LIT("")), ERR_OK);
            CHECK_EQ(digest_update(d, SPAN_LIT("c")), ERR_OK);
            CHECK_EQ(digest_final(d, out, 31), ERR_FULL);
            CHECK_EQ(digest_final(d, out, 32), ERR_OK);
            CHECK(vec_is(span_of(out, 32),
                         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
            CHECK_EQ(digest_update(d, SPAN_LIT("c")), ERR_STATE);
            CHECK_EQ(digest_final(d, out, 32), ERR_STATE);
            CHECK_EQ(digest_reset(d), ERR_OK);
        }
        digest_free(d);
        digest_free(NULL);
    }
    TEST("a running SHA-512 needs 64 bytes of room")
    {
        CHECK_EQ(digest_new(DIGEST_SHA512, &d), ERR_OK);
        CHECK_EQ(digest_final(d, out, 63), ERR_FULL);
        CHECK_EQ(digest_final(d, out, 64), ERR_OK);
        CHECK(vec_is(span_of(out, 4), "cf83e135"));
        digest_free(d);
    }
}

int
main(void)
{
    uint8_t out[32];
    struct digest *d = NULL;
    TEST("nothing works before the algorithms are fetched")
    {
        CHECK_EQ(digest_sha256(SPAN_LIT("abc"), out), ERR_STATE);
        CHECK_EQ(digest_leaf(SPAN_LIT("abc"), out), ERR_STATE);
        CHECK_EQ(digest_new(DIGEST_SHA256, &d), ERR_STATE);
    }
    TEST("fetching twice is harmless")
    {
        CHECK_EQ(digest_init(), ERR_OK);
        CHECK_EQ(digest_init(), ERR_OK);
    }
    digest_test_oneshot();
    digest_test_running();
    return test_end();
}
