/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/x25519.h"
#include "tests/test.h"
#include "tests/vec.h"

int
main(int argc, char **argv)
{
    TEST("X25519 agrees with every Wycheproof case and refuses the zero secret")
    {
        struct vec_file v = vec_open_json(argc > 1 ? argv[1] : "", "wycheproof/x25519_test.json");
        size_t zero = 0;
        size_t count = 0;
        VEC_EACH_TEST(&v)
        {
            struct secret32 sk;
            struct secret32 got;
            uint8_t pk[32];
            uint8_t shared[32];
            CHECK_EQ(vec_hex(&v, test, "private", sk.bytes, 32).len, 32);
            CHECK_EQ(vec_hex(&v, test, "public", pk, 32).len, 32);
            const struct span want = vec_hex(&v, test, "shared", shared, 32);
            const bool is_zero = key_is_zero(want);
            const enum err err = x25519_derive(&sk, pk, &got);
            CHECK_EQ(err, is_zero ? ERR_CRYPTO : ERR_OK);
            CHECK(err != ERR_OK || span_eq(want, span_of(got.bytes, 32)));
            zero += is_zero ? 1 : 0;
            count++;
        }
        CHECK_EQ(count, 518);
        CHECK_EQ(zero, 31);
        vec_close(&v);
    }
    TEST("a public key is that of RFC 9180 A.1.1")
    {
        struct secret32 sk;
        uint8_t pk[32];
        (void)vec_unhex(
            span_str("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736"), sk.bytes,
            32);
        CHECK_EQ(x25519_public(&sk, pk), ERR_OK);
        CHECK(vec_is(span_of(pk, 32),
                     "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"));
    }
    return test_end();
}
