/* SPDX-License-Identifier: Apache-2.0 */
/* SEAL, the record that pins a body: 148 bytes || sigs. Spec: container-and-keys.md 2.4. */
#ifndef TDZ_CRYPTO_SEAL_H
#define TDZ_CRYPTO_SEAL_H

#include "crypto/body.h"
#include "crypto/sigs.h"

enum { SEAL_HEAD_BYTES = 148, SEAL_BYTES_MAX = SEAL_HEAD_BYTES + SIGS_BYTES_MAX };

struct seal {
    enum suite suite;
    uint8_t offer_hash[32];
    uint8_t prefix[BODY_PREFIX_BYTES]; /* salt || commit */
    uint64_t chunk_count;
    uint64_t plain_len;
    uint8_t root[32];
    uint64_t sealed_at; /* Unix seconds */
    struct sigs sigs;
};

/* The 148 bytes that are hashed. ERR_RANGE when chunk_count is not that of plain_len. */
MUST_USE enum err seal_head(const struct seal *seal, uint8_t ret_head[static 148]);

/* TH("tdz/v1/seal", head). */
MUST_USE enum err seal_hash(const struct seal *seal, uint8_t ret_hash[static 32]);

/* ERR_SHORT, ERR_TRAILING, ERR_VERSION (first byte), ERR_UNSUPPORTED (suite; any flag: none is
 * defined), ERR_RANGE (chunk_count is not plain_len / 16384 + 1, or over the limit), and as
 * sigs_get. */
MUST_USE enum err seal_decode(struct span in, struct seal *ret);
MUST_USE enum err seal_encode(const struct seal *seal, uint8_t *buf, size_t cap,
                              struct span *ret_bytes);

MUST_USE enum err seal_sign(struct seal *seal, const struct sign_key *key);
MUST_USE enum err seal_verify(const struct seal *seal, const struct sign_pub *keys,
                              size_t key_count, size_t *ret_key);

#endif
