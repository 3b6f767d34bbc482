/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/tlssign.h"

#include <assert.h>
#include <stdlib.h>

#include "crypto/ossl.h"

enum { TLSSIGN_PAD = 64, TLSSIGN_CERT_MAX = 1 << 20 };

struct tlssign_key {
    EVP_PKEY *pkey;
    EVP_MD *sha256;
    uint8_t point[TLSSIGN_PUB_LEN];
};

static bool
tlssign_is_for(struct span after_pad, struct span context)
{
    if (!span_starts(after_pad, context))
        return false;
    const struct span rest = span_from(after_pad, context.len);
    return (rest.len == 1 + 32 || rest.len == 1 + 48) && rest.ptr[0] == 0;
}

enum err
tlssign_check(struct span tbs, unsigned sides)
{
    if (tbs.len < TLSSIGN_PAD)
        return ERR_DENIED;
    for (size_t i = 0; i < TLSSIGN_PAD; i++) {
        if (tbs.ptr[i] != 0x20)
            return ERR_DENIED;
    }
    const struct span rest = span_from(tbs, TLSSIGN_PAD);
    if ((sides & TLSSIGN_SERVER) != 0 &&
        tlssign_is_for(rest, SPAN_LIT("TLS 1.3, server CertificateVerify")))
        return ERR_OK;
    if ((sides & TLSSIGN_CLIENT) != 0 &&
        tlssign_is_for(rest, SPAN_LIT("TLS 1.3, client CertificateVerify")))
        return ERR_OK;
    return ERR_DENIED;
}

/* A key file of a service never asks for a passphrase. */
static int
tlssign_no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)ctx;
    return -1;
}

static enum err
tlssign_load(struct tlssign_key *key, struct span pem)
{
    if (pem.len == 0 || pem.len > 16384)
        return ERR_SYNTAX;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (bio == NULL)
        return ERR_NOMEM;
    key->pkey = PEM_read_bio_PrivateKey(bio, NULL, tlssign_no_passphrase, NULL);
    BIO_free(bio);
    ERR_clear_error();
    if (key->pkey == NULL)
        return ERR_SYNTAX;
    char group[32];
    size_t len = 0;
    if (EVP_PKEY_get_utf8_string_param(key->pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                       &len) != 1 ||
        !span_eq_str(span_of(group, len), "prime256v1"))
        return ERR_UNSUPPORTED;
    if (EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, key->point,
                                        sizeof(key->point), &len) != 1 ||
        len != TLSSIGN_PUB_LEN)
        return ERR_UNSUPPORTED;
    key->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    return key->sha256 == NULL ? ERR_CRYPTO : ERR_OK;
}

enum err
tlssign_new(struct span pem, struct tlssign_key **ret_key)
{
    struct tlssign_key *key = calloc(1, sizeof(*key));
    if (key == NULL)
        return ERR_NOMEM;
    const enum err err = tlssign_load(key, pem);
    ERR_clear_error();
    if (err != ERR_OK) {
        tlssign_free(key);
        return err;
    }
    *ret_key = key;
    return ERR_OK;
}

void
tlssign_free(struct tlssign_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey); /* wipes the private number */
    EVP_MD_free(key->sha256);
    free(key);
}

static enum err
tlssign_fits_cert(const struct tlssign_key *key, const X509 *cert, int64_t now_s)
{
    time_t now = (time_t)now_s;
    if (EVP_PKEY_eq(X509_get0_pubkey(cert), key->pkey) != 1)
        return ERR_CONFLICT;
    if (now_s == 0)
        return ERR_OK;
    if (X509_cmp_time(X509_get0_notBefore(cert), &now) >= 0)
        return ERR_NOT_YET;
    return X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0 ? ERR_EXPIRED : ERR_OK;
}

enum err
tlssign_fits(const struct tlssign_key *key, struct span cert_pem, int64_t now_s)
{
    if (cert_pem.len == 0 || cert_pem.len > TLSSIGN_CERT_MAX)
        return ERR_SYNTAX;
    BIO *bio = BIO_new_mem_buf(cert_pem.ptr, (int)cert_pem.len);
    if (bio == NULL)
        return ERR_NOMEM;
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    const enum err err = cert == NULL ? ERR_SYNTAX : tlssign_fits_cert(key, cert, now_s);
    X509_free(cert);
    ERR_clear_error();
    return err;
}

void
tlssign_public(const struct tlssign_key *key, uint8_t ret_point[static TLSSIGN_PUB_LEN])
{
    memcpy(ret_point, key->point, TLSSIGN_PUB_LEN);
}

enum err
tlssign_sign(const struct tlssign_key *key, unsigned sides, struct span tbs, uint8_t *sig,
             size_t cap, size_t *ret_len)
{
    TRY(tlssign_check(tbs, sides));
    if (cap < TLSSIGN_SIG_MAX)
        return ERR_FULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL)
        return ERR_NOMEM;
    size_t len = cap;
    const bool ok = EVP_DigestSignInit(ctx, NULL, key->sha256, NULL, key->pkey) == 1 &&
                    EVP_DigestSign(ctx, sig, &len, tbs.ptr, tbs.len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    if (!ok)
        return ERR_CRYPTO;
    assert(len <= TLSSIGN_SIG_MAX);
    *ret_len = len;
    return ERR_OK;
}
