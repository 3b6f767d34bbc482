/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 signing for the process that holds the key. The process that speaks TLS sends the whole
 * message to be signed; nothing is signed that is not a CertificateVerify input, so whoever owns
 * the network process cannot obtain any other signature with this key. Allocates in tlssign_new
 * only. */
#ifndef TDZ_CRYPTO_TLSSIGN_H
#define TDZ_CRYPTO_TLSSIGN_H

#include "schemas/error.h"
#include "schemas/span.h"

/* Which end of a connection this key may speak for; a bit mask. */
enum { TLSSIGN_SERVER = 1, TLSSIGN_CLIENT = 2 };

/* The longest DER signature of P-256, and the bytes of an uncompressed point. */
enum { TLSSIGN_SIG_MAX = 72, TLSSIGN_PUB_LEN = 65 };

struct tlssign_key;

/* ERR_DENIED unless tbs is what RFC 8446 4.4.3 has an end in sides sign: 64 spaces, the context
 * string, one zero, a transcript hash of 32 or 48 bytes, and nothing more. */
MUST_USE enum err tlssign_check(struct span tbs, unsigned sides);

/* A P-256 private key from PEM (PKCS#8 or SEC1), in the caller's ownership. ERR_SYNTAX: no key can
 * be read; ERR_UNSUPPORTED: it is not P-256; ERR_NOMEM. */
MUST_USE enum err tlssign_new(struct span pem, struct tlssign_key **ret_key);
void tlssign_free(struct tlssign_key *key);

/* The public point, uncompressed. */
void tlssign_public(const struct tlssign_key *key, uint8_t ret_point[static TLSSIGN_PUB_LEN]);

/* That the first certificate of cert_pem is this key's and valid at now_s (seconds since 1970; 0:
 * at any time). ERR_SYNTAX: no certificate can be read; ERR_CONFLICT: it is of another key;
 * ERR_NOT_YET, ERR_EXPIRED; ERR_NOMEM. */
MUST_USE enum err tlssign_fits(const struct tlssign_key *key, struct span cert_pem, int64_t now_s);

/* ECDSA with SHA-256 over tbs, in DER, after tlssign_check. ERR_DENIED; ERR_FULL: cap is less than
 * TLSSIGN_SIG_MAX; ERR_CRYPTO. */
MUST_USE enum err tlssign_sign(const struct tlssign_key *key, unsigned sides, struct span tbs,
                               uint8_t *sig, size_t cap, size_t *ret_len);

#endif
