/* SPDX-License-Identifier: Apache-2.0 */
/* What is common to all connections of one listener, or of one peer we connect to: certificate,
 * signer, trusted zones. TLS 1.3 only, certificates both ways, no resumption, no early data. */
#ifndef TDZ_GATEWAY_NET_TLSCTX_H
#define TDZ_GATEWAY_NET_TLSCTX_H

#include "gateway/net/tlskey.h"
#include "schemas/error.h"
#include "schemas/span.h"

struct ssl_ctx_st; /* SSL_CTX */
struct x509_st;    /* X509 */

enum { TLSCTX_ZONES_MAX = 16, TLSCTX_REKEY_BYTES_GIB = 64 };

struct tlsctx_profile {
    const struct tlskey_lib *lib; /* outlives the ctx */
    bool is_server;
    struct span cert_pem; /* our certificate, then any intermediates; copied */
    struct tlskey_signer signer;
    bool offer_h2; /* ALPN, in this order */
    bool offer_http1;
    uint64_t rekey_bytes; /* KeyUpdate after so many bytes sent; 0: 64 GiB */
};

/* A zone whose authority is believed for that zone's names and no others. */
struct tlsctx_zone {
    struct span zone;    /* its name, copied */
    struct span ca_pem;  /* exactly one certificate */
    struct span crl_pem; /* its revocation list; empty: none. All zones have one, or none does */
};

struct tlsctx;

/* ERR_SYNTAX: the certificate cannot be read; ERR_UNSUPPORTED: its key is not P-256; ERR_CRYPTO;
 * ERR_NOMEM. No connection succeeds before tlsctx_trust. */
MUST_USE enum err tlsctx_new(const struct tlsctx_profile *profile, struct tlsctx **ret_ctx);
/* Connections keep what they need of it; free it when the last of them is freed. */
void tlsctx_free(struct tlsctx *ctx);

/* Replaces what is trusted for every handshake that has not yet verified its peer, or changes
 * nothing. ERR_SYNTAX: a certificate or list cannot be read; ERR_CONFIG: no zone, too many, a name
 * twice or too long, lists for some zones only, a list that its authority did not sign. */
MUST_USE enum err tlsctx_trust(struct tlsctx *ctx, const struct tlsctx_zone *zones, size_t count);

/* For tls.c. */
struct ssl_ctx_st *tlsctx_ssl(const struct tlsctx *ctx);
bool tlsctx_is_server(const struct tlsctx *ctx);
uint64_t tlsctx_rekey_bytes(const struct tlsctx *ctx);
/* The zone whose authority is root; NULL if none. */
const char *tlsctx_zone_of(const struct tlsctx *ctx, const struct x509_st *root);
struct ossl_lib_ctx_st *tlsctx_lib_ctx(const struct tlsctx *ctx);

#endif
