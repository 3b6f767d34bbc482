/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and SHA-512 by OpenSSL, fetched once a process, and the two hashes of RFC 6962 trees.
 * digest_init allocates; one-shot calls use a transient context inside OpenSSL and are safe from
 * any thread after digest_init. Before digest_init everything returns ERR_STATE; ERR_CRYPTO means
 * that OpenSSL refused (in practice: no memory). */
#ifndef TDZ_CRYPTO_DIGEST_H
#define TDZ_CRYPTO_DIGEST_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { DIGEST_SHA256_BYTES = 32, DIGEST_SHA512_BYTES = 64 };

enum digest_alg { DIGEST_SHA256, DIGEST_SHA512 };

/* Fetches the algorithms; call it once in a process before it enters its sandbox. Calling it again
 * does nothing. ERR_CRYPTO when OpenSSL offers no such algorithm. */
MUST_USE enum err digest_init(void);

MUST_USE enum err digest_sha256(struct span in, uint8_t ret_digest[static 32]);
MUST_USE enum err digest_sha512(struct span in, uint8_t ret_digest[static 64]);

/* SHA-256 of the concatenation of part_count spans. */
MUST_USE enum err digest_sha256_parts(const struct span *parts, size_t part_count,
                                      uint8_t ret_digest[static 32]);

/* SHA-256(0x00 || data): a leaf. Spec: RFC 6962 2.1. */
MUST_USE enum err digest_leaf(struct span data, uint8_t ret_digest[static 32]);

/* SHA-256(0x01 || left || right): an interior node. ret_digest may be left or right. */
MUST_USE enum err digest_node(const uint8_t left[static 32], const uint8_t right[static 32],
                              uint8_t ret_digest[static 32]);

/* A running hash; opaque, on the heap, for set-up and reuse: after digest_final call digest_reset.
 */
struct digest;

/* ERR_NOMEM, ERR_STATE, ERR_CRYPTO. The caller frees *ret with digest_free (NULL is fine). */
MUST_USE enum err digest_new(enum digest_alg alg, struct digest **ret);
void digest_free(struct digest *d);

/* Starts again with the empty message. */
MUST_USE enum err digest_reset(struct digest *d);

/* ERR_STATE after digest_final without digest_reset. */
MUST_USE enum err digest_update(struct digest *d, struct span bytes);

/* Writes 32 or 64 bytes by algorithm; cap is the room in ret_digest (ERR_FULL). */
MUST_USE enum err digest_final(struct digest *d, uint8_t *ret_digest, size_t cap);

#endif
