/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures. Ed25519 by libsodium signs and is the only verifier of evidence, because libraries
 * disagree about edge cases; its verdicts are pinned by tests. ECDSA P-256 (alg 2: SHA-256, DER) is
 * verified by OpenSSL for signatures of other products and never made here.
 * Spec: container-and-keys.md 2.2, 2.7; formats.md Container. */
#ifndef TDZ_CRYPTO_SIGN_H
#define TDZ_CRYPTO_SIGN_H

#include "crypto/key.h"

enum sign_alg { SIGN_ED25519 = 1, SIGN_ECDSA_P256 = 2 };

enum {
    SIGN_SEED_BYTES = 32,
    SIGN_ED25519_PUB_BYTES = 32,
    SIGN_ED25519_BYTES = 64,
    SIGN_P256_PUB_BYTES = 65, /* 0x04 || X || Y */
    SIGN_P256_BYTES_MAX = 72, /* DER of two 256-bit integers */
    SIGN_BYTES_MAX = 72,
    SIGN_KEYID_BYTES = 32,
};

/* A verification key with its id. pub_len is 32 (Ed25519) or 65 (P-256). Public. */
struct sign_pub {
    enum sign_alg alg;
    size_t pub_len;
    uint8_t pub[SIGN_P256_PUB_BYTES];
    uint8_t keyid[SIGN_KEYID_BYTES];
};

/* A signing key: the seed and the public key (libsodium's secret key form), and its public side. */
struct sign_key {
    struct secret64 secret;
    struct sign_pub pub;
};

void sign_key_wipe(struct sign_key *key);
#define SIGN_KEY_CLEAN __attribute__((cleanup(sign_key_wipe)))

/* Starts libsodium and fetches what P-256 needs. ERR_CRYPTO. */
MUST_USE enum err sign_init(void);

/* SHA-256("tdz/v1/keyid" || 0x00 || raw public key). ERR_STATE, ERR_CRYPTO as digest.h. */
MUST_USE enum err sign_keyid(struct span pub, uint8_t ret_keyid[static 32]);

/* Checked: ERR_UNSUPPORTED for a number that is not an algorithm of this build. */
MUST_USE enum err sign_alg_from_u8(uint8_t number, enum sign_alg *ret);

/* raw has the length of its algorithm (ERR_RANGE); a P-256 point must be on the curve (ERR_CRYPTO).
 * An Ed25519 key is taken as it is: verification refuses bad points. */
MUST_USE enum err sign_pub_init(struct sign_pub *pub, enum sign_alg alg, struct span raw);

/* The Ed25519 key pair of a seed[32]. The caller wipes *ret with sign_key_wipe. */
MUST_USE enum err sign_key_init(struct sign_key *ret, const uint8_t seed[static 32]);

/* An Ed25519 signature over msg. ERR_CRYPTO. */
MUST_USE enum err sign_ed25519(const struct sign_key *key, struct span msg,
                               uint8_t ret_sig[static 64]);

/* ERR_SIGNATURE unless sig is a valid signature of msg under pub, of any length. */
MUST_USE enum err sign_verify(const struct sign_pub *pub, struct span msg, struct span sig);

/* The Ed25519 verification under a raw public key. ERR_SIGNATURE. */
MUST_USE enum err sign_ed25519_verify(const uint8_t pub[static 32], struct span msg,
                                      struct span sig);

#endif
