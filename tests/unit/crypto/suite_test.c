/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hpke.h"
#include "crypto/suite.h"
#include "tests/test.h"

int
main(void)
{
    TEST("exactly two of the 256 numbers are suites")
    {
        for (unsigned n = 0; n < 256; n++) {
            enum suite s = SUITE_AES_256_GCM;
            const bool known = n == 1 || n == 2;
            CHECK_EQ(suite_from_u8((uint8_t)n, &s), known ? ERR_OK : ERR_UNSUPPORTED);
            CHECK(!known || (unsigned)s == n);
        }
    }
    TEST("names of policies lead to suites, exactly")
    {
        enum suite s = SUITE_AES_256_GCM;
        CHECK_EQ(suite_from_name(SPAN_LIT("chacha20-poly1305"), &s), ERR_OK);
        CHECK_EQ(s, SUITE_CHACHA20_POLY1305);
        CHECK_EQ(suite_from_name(SPAN_LIT("aes-256-gcm"), &s), ERR_OK);
        CHECK_EQ(s, SUITE_AES_256_GCM);
        CHECK_EQ(suite_from_name(SPAN_LIT("AES-256-GCM"), &s), ERR_UNSUPPORTED);
        CHECK_EQ(suite_from_name(SPAN_LIT("aes-256-gcm "), &s), ERR_UNSUPPORTED);
        CHECK_EQ(suite_from_name(SPAN_LIT(""), &s), ERR_UNSUPPORTED);
        CHECK_EQ(suite_from_name(SPAN_LIT("sm4-gcm"), &s), ERR_UNSUPPORTED);
    }
    TEST("both suites wrap with X25519, HKDF-SHA-256, ChaCha20-Poly1305")
    {
        for (int n = 1; n <= 2; n++) {
            const struct suite_info *info = suite_info((enum suite)n);
            CHECK_EQ(info->suite, n);
            CHECK(info->hpke_kem == 0x20 && info->hpke_kdf == 1 && info->hpke_aead == 3);
        }
        CHECK_EQ(suite_info(SUITE_AES_256_GCM)->aead, AEAD_AES_256_GCM);
        CHECK_EQ(suite_info(SUITE_CHACHA20_POLY1305)->aead, AEAD_CHACHA20_POLY1305);
    }
    return test_end();
}
