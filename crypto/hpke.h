/* SPDX-License-Identifier: Apache-2.0 */
/* HPKE (RFC 9180), single shot, modes base and psk, one suite: DHKEM(X25519, HKDF-SHA256) 0x0020,
 * HKDF-SHA256 0x0001, ChaCha20-Poly1305 0x0003. Containers of suites 1 and 2 both wrap with it.
 * Needs mac_init and aead_init (ERR_STATE). */
#ifndef TDZ_CRYPTO_HPKE_H
#define TDZ_CRYPTO_HPKE_H

#include "crypto/key.h"

enum {
    HPKE_KEM = 0x0020,
    HPKE_KDF = 0x0001,
    HPKE_AEAD = 0x0003,
    HPKE_ENC_BYTES = 32,
    HPKE_TAG_BYTES = 16,
    HPKE_PSK_BYTES_MIN = 32, /* RFC 9180 5.1.2: a psk of 32 bytes of entropy or more */
    HPKE_TEXT_MAX = 65536,
};

enum hpke_mode { HPKE_BASE = 0, HPKE_PSK = 1 };

/* A pre-shared key and its name; psk is secret, both are views. */
struct hpke_psk {
    struct span psk;
    struct span id;
};

/* Seals text (at most HPKE_TEXT_MAX) to the public key pk under info and aad; psk NULL is mode
 * base. Writes ret_enc[32] and text.len + 16 bytes to ct, whose room is cap. ERR_FULL, ERR_RANGE
 * (text too long; psk too short or its id empty), ERR_CRYPTO (pk of small order), ERR_NOMEM. */
MUST_USE enum err hpke_seal(const uint8_t pk[static 32], struct span info,
                            const struct hpke_psk *psk, struct span aad, struct span text,
                            uint8_t ret_enc[static 32], uint8_t *ct, size_t cap);

/* The inverse with the private key sk: writes ct.len - 16 bytes to out, whose room is cap. ERR_AUTH
 * when anything (key, enc, info, psk, aad, ct) is not that of the sender; then out is wiped. */
MUST_USE enum err hpke_open(const struct secret32 *sk, const uint8_t enc[static 32],
                            struct span info, const struct hpke_psk *psk, struct span aad,
                            struct span ct, uint8_t *out, size_t cap);

#endif
