/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS private key that is somewhere else: an OpenSSL provider whose only private operation calls
 * back for a signature. Seen by tlsctx.c only. */
#ifndef TDZ_GATEWAY_NET_TLSKEY_H
#define TDZ_GATEWAY_NET_TLSKEY_H

#include "schemas/error.h"
#include "schemas/span.h"

struct evp_pkey_st;     /* EVP_PKEY */
struct ossl_lib_ctx_st; /* OSSL_LIB_CTX */

/* Asks the holder of the key to sign tbs (the whole CertificateVerify input, RFC 8446 4.4.3) with
 * ECDSA P-256 and SHA-256, DER form, at most cap bytes. Blocking, with a deadline of its own; any
 * error fails the handshake. */
struct tlskey_signer {
    enum err (*sign)(void *ctx, struct span tbs, uint8_t *sig, size_t cap, size_t *ret_len);
    void *ctx; /* must outlive every key made with it */
};

/* One library context a process, with OpenSSL's default provider and ours; load it before the
 * sandbox closes. ERR_CRYPTO, ERR_NOMEM. */
struct tlskey_lib;
MUST_USE enum err tlskey_lib_new(struct tlskey_lib **ret_lib);
void tlskey_lib_free(struct tlskey_lib *lib);
struct ossl_lib_ctx_st *tlskey_lib_ctx(const struct tlskey_lib *lib);

/* A private key handle whose public half is that of public (P-256 or ERR_UNSUPPORTED), owned by
 * the caller (EVP_PKEY_free). ERR_CRYPTO. */
MUST_USE enum err tlskey_new(const struct tlskey_lib *lib, const struct tlskey_signer *signer,
                             const struct evp_pkey_st *public_key, struct evp_pkey_st **ret_key);

#endif
