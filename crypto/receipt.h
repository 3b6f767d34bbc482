/* SPDX-License-Identifier: Apache-2.0 */
/* RECEIPT, what the destination says has become of a transfer: 164 bytes || sigs.
 *   u8 1 || u8 suite || u16 status || transfer[16] || seal_hash[32] || release_hash[32] ||
 *   u64 received_at || u64 log_index || SHA-256(origin)[32] || leaf_hash[32] || sigs
 * Spec: formats.md Container. */
#ifndef TDZ_CRYPTO_RECEIPT_H
#define TDZ_CRYPTO_RECEIPT_H

#include "crypto/sigs.h"

enum {
    RECEIPT_HEAD_BYTES = 164,
    RECEIPT_BYTES_MAX = RECEIPT_HEAD_BYTES + SIGS_BYTES_MAX,
};

enum receipt_status {
    RECEIPT_OFFER_REFUSED = 1, /* seal_hash holds the offer hash, release_hash zeros */
    RECEIPT_HELD = 2,          /* not final */
    RECEIPT_ACCEPTED = 3,
    RECEIPT_REFUSED = 4, /* and destroyed */
    RECEIPT_WITHDRAWN = 5,
    RECEIPT_EXPIRED = 6, /* of the verdict */
    RECEIPT_DELIVERED = 7,
};

struct receipt {
    enum suite suite;
    enum receipt_status status;
    uint8_t transfer[16];
    uint8_t seal_hash[32];
    uint8_t release_hash[32];
    uint64_t received_at; /* Unix seconds */
    uint64_t log_index;
    uint8_t origin_hash[32];
    uint8_t leaf_hash[32];
    struct sigs sigs;
};

/* Everything but held (2) and delivered (7) ends a transfer; 7 follows 3. */
bool receipt_is_final(enum receipt_status status);

/* TH("tdz/v1/receipt", everything before sigs). */
MUST_USE enum err receipt_hash(const struct receipt *receipt, uint8_t ret_hash[static 32]);

/* ERR_SHORT, ERR_TRAILING, ERR_VERSION, ERR_UNSUPPORTED (suite), ERR_RANGE (status), ERR_SYNTAX
 * (a refused offer with a release hash), and as sigs_get. */
MUST_USE enum err receipt_decode(struct span in, struct receipt *ret);
MUST_USE enum err receipt_encode(const struct receipt *receipt, uint8_t *buf, size_t cap,
                                 struct span *ret_bytes);

MUST_USE enum err receipt_sign(struct receipt *receipt, const struct sign_key *key);
MUST_USE enum err receipt_verify(const struct receipt *receipt, const struct sign_pub *keys,
                                 size_t key_count, size_t *ret_key);

#endif
