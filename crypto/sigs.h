/* SPDX-License-Identifier: Apache-2.0 */
/* The signature vector that ends every record: u8 nsig (1..4), each { u8 alg, keyid[32], u16 slen,
 * sig }, over the message "tdz/v1/sig/" || kind || 0x00 || u8 suite || digest[32].
 * Spec: container-and-keys.md 2.2; formats.md Container. */
#ifndef TDZ_CRYPTO_SIGS_H
#define TDZ_CRYPTO_SIGS_H

#include "crypto/sign.h"
#include "crypto/suite.h"
#include "schemas/wire.h"

enum {
    SIGS_MAX = 4,
    SIGS_ONE_MAX = 1 + SIGN_KEYID_BYTES + 2 + SIGN_BYTES_MAX,
    SIGS_BYTES_MIN = 1 + 1 + SIGN_KEYID_BYTES + 2,
    SIGS_BYTES_MAX = 1 + SIGS_MAX * SIGS_ONE_MAX,
};

enum sigs_kind { SIGS_OFFER, SIGS_SEAL, SIGS_RELEASE, SIGS_RECEIPT };

struct sigs_one {
    enum sign_alg alg;
    uint8_t keyid[SIGN_KEYID_BYTES];
    size_t len;
    uint8_t sig[SIGN_BYTES_MAX];
};

struct sigs {
    size_t count;
    struct sigs_one one[SIGS_MAX];
};

/* Reads a vector; the error sticks in r: ERR_RANGE (nsig), ERR_UNSUPPORTED (alg), ERR_SHORT,
 * ERR_SYNTAX (length that the algorithm cannot have), ERR_DUPLICATE (a keyid twice). */
void sigs_get(struct wire_reader *r, struct sigs *ret);

/* Writes a vector; ERR_RANGE sticks in w when there is no signature. */
void sigs_put(struct wire_writer *w, const struct sigs *sigs);

/* Signs digest for kind and suite and appends the signature. ERR_FULL (four already),
 * ERR_DUPLICATE (this key signed already), ERR_CRYPTO. */
MUST_USE enum err sigs_add(struct sigs *sigs, enum sigs_kind kind, enum suite suite,
                           const uint8_t digest[static 32], const struct sign_key *key);

/* At least one signature must be by one of keys, and every signature by one of keys must verify:
 * ERR_KEY_UNKNOWN, ERR_SIGNATURE. Signatures by other keys are not judged. *ret_key (may be NULL)
 * is the index of the key of the first judged one. */
MUST_USE enum err sigs_verify(const struct sigs *sigs, enum sigs_kind kind, enum suite suite,
                              const uint8_t digest[static 32], const struct sign_pub *keys,
                              size_t key_count, size_t *ret_key);

#endif
