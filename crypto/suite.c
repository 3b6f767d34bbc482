/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/suite.h"

#include "crypto/hpke.h"

#include <assert.h>

static const struct suite_info suite_table[] = {
    {SUITE_AES_256_GCM, "aes-256-gcm", "AEAD_AES_256_GCM", AEAD_AES_256_GCM, HPKE_KEM, HPKE_KDF,
     HPKE_AEAD},
    {SUITE_CHACHA20_POLY1305, "chacha20-poly1305", "AEAD_CHACHA20_POLY1305", AEAD_CHACHA20_POLY1305,
     HPKE_KEM, HPKE_KDF, HPKE_AEAD},
};
enum { SUITE_COUNT = sizeof(suite_table) / sizeof(suite_table[0]) };

enum err
suite_from_u8(uint8_t number, enum suite *ret)
{
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        if ((unsigned)suite_table[i].suite == number) {
            *ret = suite_table[i].suite;
            return ERR_OK;
        }
    }
    return ERR_UNSUPPORTED;
}

enum err
suite_from_name(struct span name, enum suite *ret)
{
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        if (span_eq_str(name, suite_table[i].name)) {
            *ret = suite_table[i].suite;
            return ERR_OK;
        }
    }
    return ERR_UNSUPPORTED;
}

const struct suite_info *
suite_info(enum suite suite)
{
    const struct suite_info *found = NULL;
    for (size_t i = 0; i < SUITE_COUNT; i++)
        if (suite_table[i].suite == suite)
            found = &suite_table[i];
    assert(found != NULL);
    return found;
}
