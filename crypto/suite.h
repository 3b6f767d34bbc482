/* SPDX-License-Identifier: Apache-2.0 */
/* The suites of a container, one byte, never negotiated inside one. Suite 3 (SM4-GCM, SM3, SM2) and
 * the hybrids from 0x11 on are defined and not built: their numbers are refused.
 * Spec: container-and-keys.md 2.1; formats.md Container. */
#ifndef TDZ_CRYPTO_SUITE_H
#define TDZ_CRYPTO_SUITE_H

#include "crypto/aead.h"

enum suite { SUITE_AES_256_GCM = 1, SUITE_CHACHA20_POLY1305 = 2 };

struct suite_info {
    enum suite suite;
    const char *name;     /* in policies */
    const char *kdf_name; /* AEAD name in the KDF's info */
    enum aead_alg aead;
    uint16_t hpke_kem;
    uint16_t hpke_kdf;
    uint16_t hpke_aead;
};

/* Checked: ERR_UNSUPPORTED for a number that is no suite of this build. */
MUST_USE enum err suite_from_u8(uint8_t number, enum suite *ret);

/* By the policy's name, exact bytes. ERR_UNSUPPORTED. */
MUST_USE enum err suite_from_name(struct span name, enum suite *ret);

/* Static data; suite must come from one of the functions above (asserted). */
const struct suite_info *suite_info(enum suite suite);

#endif
