/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/tlsctx.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/net/identity.h"
#include "gateway/net/tlsossl.h"

/* Root, one intermediate and the leaf: the profile has no longer chain. */
enum { TLSCTX_DEPTH_MAX = 2, TLSCTX_PEM_MAX = 1 << 20 };

struct tlsctx_root {
    char zone[IDENTITY_PART_MAX + 1];
    X509 *ca;
};

struct tlsctx {
    SSL_CTX *ssl;
    const struct tlskey_lib *lib;
    bool is_server;
    uint64_t rekey_bytes;
    size_t alpn_len;
    uint8_t alpn[16]; /* wire form: length, name, … in order of preference */
    size_t root_count;
    struct tlsctx_root roots[TLSCTX_ZONES_MAX];
};

static enum err
tlsctx_bio(struct span pem, BIO **ret_bio)
{
    if (pem.len == 0 || pem.len > TLSCTX_PEM_MAX)
        return ERR_SYNTAX;
    *ret_bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    return *ret_bio == NULL ? ERR_NOMEM : ERR_OK;
}

static X509 *
tlsctx_next_cert(const struct tlskey_lib *lib, BIO *bio)
{
    X509 *cert = X509_new_ex(tlskey_lib_ctx(lib), NULL);
    if (cert != NULL && PEM_read_bio_X509(bio, &cert, NULL, NULL) == NULL) {
        X509_free(cert);
        cert = NULL;
    }
    ERR_clear_error();
    return cert;
}

/* The server's choice among what the client offered (RFC 7301 3.2). */
static int
tlsctx_select_alpn(SSL *ssl, const unsigned char **ret_out, unsigned char *ret_len,
                   const unsigned char *in, unsigned int in_len, void *arg)
{
    const struct tlsctx *ctx = arg;
    (void)ssl;
    unsigned char *choice = NULL;
    if (SSL_select_next_proto(&choice, ret_len, ctx->alpn, (unsigned)ctx->alpn_len, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret_out = choice;
    return SSL_TLSEXT_ERR_OK;
}

static void
tlsctx_add_alpn(struct tlsctx *ctx, const char *name)
{
    const size_t len = strlen(name);
    assert(ctx->alpn_len + 1 + len <= sizeof(ctx->alpn));
    ctx->alpn[ctx->alpn_len] = (uint8_t)len;
    memcpy(ctx->alpn + ctx->alpn_len + 1, name, len);
    ctx->alpn_len += 1 + len;
}

static bool
tlsctx_configure(struct tlsctx *ctx)
{
    SSL_CTX *ssl = ctx->ssl;
    if (SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) != 1)
        return false;
    (void)SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    (void)SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_security_level(ssl, 2);
    SSL_CTX_set_verify_depth(ssl, TLSCTX_DEPTH_MAX);
    SSL_CTX_set_max_cert_list(ssl, 64 * 1024);
    /* OpenSSL's macros cast const away from lists they only read. */
    char hybrid[] = "X25519MLKEM768:X25519:P-256";
    char curves[] = "X25519:P-256";
    char signatures[] = "ECDSA+SHA256:ECDSA+SHA384:ed25519:rsa_pss_rsae_sha256:RSA+SHA256";
    /* The hybrid group where the library has it (OpenSSL 3.5), else the curves alone. */
    const bool groups =
        SSL_CTX_set1_groups_list(ssl, hybrid) == 1 || SSL_CTX_set1_groups_list(ssl, curves) == 1;
    ERR_clear_error();
    if (!groups || SSL_CTX_set_num_tickets(ssl, 0) != 1 || SSL_CTX_set_max_early_data(ssl, 0) != 1)
        return false;
    if (SSL_CTX_set1_sigalgs_list(ssl, signatures) != 1)
        return false;
    if (ctx->is_server)
        SSL_CTX_set_alpn_select_cb(ssl, tlsctx_select_alpn, ctx);
    else if (SSL_CTX_set_alpn_protos(ssl, ctx->alpn, (unsigned)ctx->alpn_len) != 0)
        return false;
    return SSL_CTX_set_ciphersuites(ssl, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:"
                                         "TLS_CHACHA20_POLY1305_SHA256") == 1;
}

static enum err
tlsctx_use_cert(struct tlsctx *ctx, const struct tlsctx_profile *profile)
{
    BIO *bio = NULL;
    TRY(tlsctx_bio(profile->cert_pem, &bio));
    X509 *leaf = tlsctx_next_cert(ctx->lib, bio);
    EVP_PKEY *key = NULL;
    enum err err = ERR_SYNTAX;
    if (leaf != NULL)
        err = tlskey_new(ctx->lib, &profile->signer, X509_get0_pubkey(leaf), &key);
    if (err == ERR_OK &&
        (SSL_CTX_use_certificate(ctx->ssl, leaf) != 1 ||
         SSL_CTX_use_PrivateKey(ctx->ssl, key) != 1 || SSL_CTX_check_private_key(ctx->ssl) != 1))
        err = ERR_CRYPTO;
    X509_free(leaf);
    EVP_PKEY_free(key);
    for (int i = 0; err == ERR_OK && i < TLSCTX_DEPTH_MAX; i++) {
        X509 *link = tlsctx_next_cert(ctx->lib, bio);
        if (link == NULL)
            break;
        if (SSL_CTX_add1_chain_cert(ctx->ssl, link) != 1)
            err = ERR_CRYPTO;
        X509_free(link);
    }
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

enum err
tlsctx_new(const struct tlsctx_profile *profile, struct tlsctx **ret_ctx)
{
    assert(profile->offer_h2 || profile->offer_http1);
    struct tlsctx *ctx = calloc(1, sizeof(*ctx));
    if (ctx == NULL)
        return ERR_NOMEM;
    ctx->lib = profile->lib;
    ctx->is_server = profile->is_server;
    ctx->rekey_bytes =
        profile->rekey_bytes != 0 ? profile->rekey_bytes : (uint64_t)TLSCTX_REKEY_BYTES_GIB << 30;
    if (profile->offer_h2)
        tlsctx_add_alpn(ctx, "h2");
    if (profile->offer_http1)
        tlsctx_add_alpn(ctx, "http/1.1");
    ctx->ssl = SSL_CTX_new_ex(tlskey_lib_ctx(profile->lib), NULL,
                              profile->is_server ? TLS_server_method() : TLS_client_method());
    enum err err = ctx->ssl == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK && !tlsctx_configure(ctx))
        err = ERR_CRYPTO;
    if (err == ERR_OK)
        err = tlsctx_use_cert(ctx, profile);
    ERR_clear_error();
    if (err != ERR_OK) {
        tlsctx_free(ctx);
        return err;
    }
    *ret_ctx = ctx;
    return ERR_OK;
}

static void
tlsctx_free_roots(struct tlsctx_root *roots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        X509_free(roots[i].ca);
}

void
tlsctx_free(struct tlsctx *ctx)
{
    if (ctx == NULL)
        return;
    tlsctx_free_roots(ctx->roots, ctx->root_count);
    SSL_CTX_free(ctx->ssl);
    free(ctx);
}

static enum err
tlsctx_add_crl(X509_STORE *store, struct span pem, X509 *ca)
{
    BIO *bio = NULL;
    TRY(tlsctx_bio(pem, &bio));
    X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    BIO_free(bio);
    enum err err = ERR_SYNTAX;
    if (crl != NULL) {
        const bool is_its = X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) == 0;
        if (!is_its || X509_CRL_verify(crl, X509_get0_pubkey(ca)) != 1)
            err = ERR_CONFIG;
        else
            err = X509_STORE_add_crl(store, crl) == 1 ? ERR_OK : ERR_CRYPTO;
    }
    X509_CRL_free(crl);
    ERR_clear_error();
    return err;
}

static enum err
tlsctx_add_zone(const struct tlskey_lib *lib, X509_STORE *store, const struct tlsctx_zone *zone,
                struct tlsctx_root *root)
{
    if (zone->zone.len == 0 || zone->zone.len > IDENTITY_PART_MAX)
        return ERR_CONFIG;
    BIO *bio = NULL;
    TRY(tlsctx_bio(zone->ca_pem, &bio));
    root->ca = tlsctx_next_cert(lib, bio);
    X509 *second = tlsctx_next_cert(lib, bio);
    BIO_free(bio);
    const bool only_one = second == NULL;
    X509_free(second);
    if (root->ca == NULL)
        return ERR_SYNTAX;
    if (!only_one)
        return ERR_CONFIG;
    memcpy(root->zone, zone->zone.ptr, zone->zone.len);
    root->zone[zone->zone.len] = 0;
    if (X509_STORE_add_cert(store, root->ca) != 1)
        return ERR_CRYPTO;
    return zone->crl_pem.len == 0 ? ERR_OK : tlsctx_add_crl(store, zone->crl_pem, root->ca);
}

/* Two zones with one name, or one authority for two zones, would let one speak as the other. */
static bool
tlsctx_is_ambiguous(const struct tlsctx_root *roots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            if (strcmp(roots[i].zone, roots[j].zone) == 0 ||
                X509_cmp(roots[i].ca, roots[j].ca) == 0)
                return true;
        }
    }
    return false;
}

static enum err
tlsctx_build(const struct tlskey_lib *lib, X509_STORE *store, const struct tlsctx_zone *zones,
             size_t count, struct tlsctx_root *roots)
{
    for (size_t i = 0; i < count; i++) {
        if ((zones[i].crl_pem.len == 0) != (zones[0].crl_pem.len == 0))
            return ERR_CONFIG;
        TRY(tlsctx_add_zone(lib, store, &zones[i], &roots[i]));
    }
    if (tlsctx_is_ambiguous(roots, count))
        return ERR_CONFIG;
    if (zones[0].crl_pem.len > 0 && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) != 1)
        return ERR_CRYPTO;
    return ERR_OK;
}

/* The names of the authorities, so that a client with several certificates sends the right one. */
static enum err
tlsctx_name_authorities(struct tlsctx *ctx)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    if (names == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < ctx->root_count; i++) {
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(ctx->roots[i].ca));
        if (name == NULL || sk_X509_NAME_push(names, name) <= 0) {
            X509_NAME_free(name);
            sk_X509_NAME_pop_free(names, X509_NAME_free);
            return ERR_NOMEM;
        }
    }
    SSL_CTX_set_client_CA_list(ctx->ssl, names);
    return ERR_OK;
}

enum err
tlsctx_trust(struct tlsctx *ctx, const struct tlsctx_zone *zones, size_t count)
{
    if (count == 0 || count > TLSCTX_ZONES_MAX)
        return ERR_CONFIG;
    struct tlsctx_root roots[TLSCTX_ZONES_MAX];
    memset(roots, 0, sizeof(roots));
    X509_STORE *store = X509_STORE_new();
    if (store == NULL)
        return ERR_NOMEM;
    const enum err err = tlsctx_build(ctx->lib, store, zones, count, roots);
    ERR_clear_error();
    if (err != ERR_OK) {
        tlsctx_free_roots(roots, count);
        X509_STORE_free(store);
        return err;
    }
    SSL_CTX_set_cert_store(ctx->ssl, store); /* takes the store; frees the old one */
    tlsctx_free_roots(ctx->roots, ctx->root_count);
    memcpy(ctx->roots, roots, sizeof(roots));
    ctx->root_count = count;
    return ctx->is_server ? tlsctx_name_authorities(ctx) : ERR_OK;
}

struct ssl_ctx_st *
tlsctx_ssl(const struct tlsctx *ctx)
{
    return ctx->ssl;
}

bool
tlsctx_is_server(const struct tlsctx *ctx)
{
    return ctx->is_server;
}

uint64_t
tlsctx_rekey_bytes(const struct tlsctx *ctx)
{
    return ctx->rekey_bytes;
}

const char *
tlsctx_zone_of(const struct tlsctx *ctx, const struct x509_st *root)
{
    for (size_t i = 0; i < ctx->root_count; i++) {
        if (X509_cmp(ctx->roots[i].ca, root) == 0)
            return ctx->roots[i].zone;
    }
    return NULL;
}

struct ossl_lib_ctx_st *
tlsctx_lib_ctx(const struct tlsctx *ctx)
{
    return tlskey_lib_ctx(ctx->lib);
}
