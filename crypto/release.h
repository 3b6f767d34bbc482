/* SPDX-License-Identifier: Apache-2.0 */
/* RELEASE, the record that gives the data key away, or says that nobody gets it:
 *   u8 1 || u8 suite || u16 nwrap || seal_hash[32] || u32 vlen || verdict ||
 *   nwrap x { u16 kem || u16 kdf || u16 aead || u8 mode || recipient[32] || psk_id[32] ||
 *             u16 elen || enc || u16 clen || ct } || sigs
 * Each wrap is HPKE over the data key with empty aad; info binds offer, seal, verdict, recipient.
 * Spec: container-and-keys.md 2.5; formats.md Container. */
#ifndef TDZ_CRYPTO_RELEASE_H
#define TDZ_CRYPTO_RELEASE_H

#include "crypto/hpke.h"
#include "crypto/seal.h"

enum {
    RELEASE_WRAPS_MAX = 16, /* recipients of one container */
    RELEASE_VERDICT_MAX = 65536,
    RELEASE_CT_BYTES = 32 + HPKE_TAG_BYTES,
    RELEASE_WRAP_BYTES = 7 + 32 + 32 + 2 + HPKE_ENC_BYTES + 2 + RELEASE_CT_BYTES,
    RELEASE_BYTES_MAX =
        40 + RELEASE_VERDICT_MAX + RELEASE_WRAPS_MAX * RELEASE_WRAP_BYTES + SIGS_BYTES_MAX,
};

struct release_wrap {
    enum hpke_mode mode;
    uint8_t recipient[SIGN_KEYID_BYTES]; /* sign_keyid of the X25519 public key */
    uint8_t psk_id[32];                  /* zeros in mode base */
    uint8_t enc[HPKE_ENC_BYTES];
    uint8_t ct[RELEASE_CT_BYTES];
};

/* nwrap 0 is a denial or a withdrawal. */
struct release {
    enum suite suite;
    uint8_t seal_hash[32];
    struct span verdict; /* a view; strict JSON that upper layers read */
    size_t wrap_count;
    struct release_wrap wrap[RELEASE_WRAPS_MAX];
    struct sigs sigs;
};

/* A pre-shared key of the corridor for mode psk. */
struct release_psk {
    const struct secret32 *psk;
    uint8_t id[32];
};

/* TH("tdz/v1/release", everything before sigs). */
MUST_USE enum err release_hash(const struct release *release, uint8_t ret_hash[static 32]);

/* in must outlive *ret. ERR_SHORT, ERR_TRAILING, ERR_TOO_LARGE (verdict), ERR_VERSION,
 * ERR_UNSUPPORTED (suite, kem, kdf, aead or mode that is not of this suite), ERR_RANGE (nwrap),
 * ERR_SYNTAX (elen, clen; psk_id in mode base not zeros), ERR_DUPLICATE (recipient twice), and as
 * sigs_get. */
MUST_USE enum err release_decode(struct span in, struct release *ret);
MUST_USE enum err release_encode(const struct release *release, uint8_t *buf, size_t cap,
                                 struct span *ret_bytes);

/* Wraps dek for the X25519 key pk[32] and appends the wrap. seal_hash and verdict of release must
 * be set before and not change after. psk NULL is mode base. ERR_FULL, ERR_DUPLICATE (recipient),
 * ERR_AUTH when dek does not reproduce the commit of seal, ERR_CONFLICT when seal is not the one
 * release names, and as hpke_seal. */
MUST_USE enum err release_wrap(struct release *release, const struct seal *seal,
                               const struct secret32 *dek, const uint8_t pk[static 32],
                               const struct release_psk *psk);

/* The data key for the holder of sk. Checks that release names this seal (ERR_CONFLICT) and suite
 * (ERR_CONFLICT), has a wrap for sk's public key (ERR_DENIED when it has none at all, ERR_NOT_FOUND
 * when none for this key), that the wrap opens, and that the key reproduces the commit of seal
 * (both ERR_AUTH). A wrap in mode psk needs psk with its id (ERR_KEY_UNKNOWN). Signatures are not
 * checked here: verify SEAL and RELEASE first. The caller wipes *ret_dek. */
MUST_USE enum err release_unwrap(const struct release *release, const struct seal *seal,
                                 const struct secret32 *sk, const struct release_psk *psk,
                                 struct secret32 *ret_dek);

MUST_USE enum err release_sign(struct release *release, const struct sign_key *key);
MUST_USE enum err release_verify(const struct release *release, const struct sign_pub *keys,
                                 size_t key_count, size_t *ret_key);

#endif
