/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC-SHA-256 and HKDF (RFC 5869) by OpenSSL, fetched once a process. ERR_STATE before mac_init,
 * ERR_CRYPTO when OpenSSL refuses, ERR_RANGE for a length outside HKDF's bounds. */
#ifndef TDZ_CRYPTO_MAC_H
#define TDZ_CRYPTO_MAC_H

#include "schemas/error.h"
#include "schemas/span.h"

enum {
    MAC_SHA256_BYTES = 32,
    MAC_HKDF_SHA256_MAX = 255 * 32,
    MAC_HKDF_SHA512_MAX = 255 * 64,
    MAC_HKDF_INFO_MAX = 1024, /* of our longest info, with reserve; OpenSSL 3.0 stops at 1024 */
};

/* Call once before the sandbox; again does nothing. ERR_CRYPTO. */
MUST_USE enum err mac_init(void);

/* HMAC-SHA-256 over the concatenation of the parts. key may be empty. */
MUST_USE enum err mac_sha256(struct span key, const struct span *parts, size_t part_count,
                             uint8_t ret_mac[static 32]);

/* prk = HMAC(salt, ikm); an empty salt stands for 32 zero bytes. */
MUST_USE enum err mac_hkdf_extract_sha256(struct span salt, const struct span *ikm_parts,
                                          size_t part_count, uint8_t ret_prk[static 32]);

/* out_len bytes of okm, 1 to the maximum of the hash; prk at least the hash's length for SHA-256
 * as RFC 5869 asks, any length from 1 for SHA-512 (the container's DEK is a uniform 32 byte prk).
 * info at most MAC_HKDF_INFO_MAX. On error out is wiped. */
MUST_USE enum err mac_hkdf_expand_sha256(struct span prk, struct span info, uint8_t *out,
                                         size_t out_len);
MUST_USE enum err mac_hkdf_expand_sha512(struct span prk, struct span info, uint8_t *out,
                                         size_t out_len);

#endif
