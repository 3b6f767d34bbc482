/* SPDX-License-Identifier: Apache-2.0 */
/* X25519 (RFC 7748) by OpenSSL. */
#ifndef TDZ_CRYPTO_X25519_H
#define TDZ_CRYPTO_X25519_H

#include "crypto/key.h"

enum { X25519_BYTES = 32 };

/* The public key of sk; any 32 bytes are a private key. ERR_CRYPTO. */
MUST_USE enum err x25519_public(const struct secret32 *sk, uint8_t ret_pk[static 32]);

/* The shared secret; ERR_CRYPTO also when it is all zeros (pk of small order), as RFC 9180 7.1.4
 * asks. The caller wipes *ret. */
MUST_USE enum err x25519_derive(const struct secret32 *sk, const uint8_t pk[static 32],
                                struct secret32 *ret);

#endif
