/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/certmake.h"

#include <stdlib.h>

#include "crypto/key.h"
#include "crypto/ossl.h"

#define ERR_STATE openssl_err_state_type
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

struct certmake_ca {
    X509 *cert;
    EVP_PKEY *key;
};

static void
certmake_cert_drop(X509 **cert)
{
    X509_free(*cert);
}

static void
certmake_key_drop(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void
certmake_bio_drop(BIO **bio)
{
    (void)BIO_free(*bio);
}

#define CERT_CLEAN __attribute__((cleanup(certmake_cert_drop)))
#define PKEY_CLEAN __attribute__((cleanup(certmake_key_drop)))
#define BIO_CLEAN __attribute__((cleanup(certmake_bio_drop)))

/* Serial: 120 random bits below a zero byte; validity from an hour ago, for clocks that differ. */
static enum err
certmake_blank(const char *common_name, unsigned days, EVP_PKEY *key, X509 **ret)
{
    X509 *cert CERT_CLEAN = X509_new();
    if (cert == NULL)
        return ERR_NOMEM;
    uint8_t serial[15];
    key_random(serial, sizeof(serial));
    serial[0] |= 1;
    BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
    const bool numbered =
        number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    X509_NAME *name = X509_get_subject_name(cert);
    if (!numbered || X509_set_version(cert, 2) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(cert), -3600) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(cert), (long)days * 86400) == NULL ||
        X509_set_pubkey(cert, key) != 1 ||
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                   -1, -1, 0) != 1)
        return ERR_CRYPTO;
    *ret = cert;
    cert = NULL;
    return ERR_OK;
}

static enum err
certmake_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&ctx);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (extension == NULL)
        return ERR_SYNTAX;
    const int added = X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    return added == 1 ? ERR_OK : ERR_CRYPTO;
}

static enum err
certmake_pem(X509 *cert, EVP_PKEY *key, char cert_pem[static CERTMAKE_PEM_MAX],
             char key_pem[static CERTMAKE_PEM_MAX])
{
    BIO *cert_bio BIO_CLEAN = BIO_new(BIO_s_mem());
    BIO *key_bio BIO_CLEAN = BIO_new(BIO_s_secmem());
    if (cert_bio == NULL || key_bio == NULL)
        return ERR_NOMEM;
    if (PEM_write_bio_X509(cert_bio, cert) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return ERR_CRYPTO;
    const int cert_len = BIO_read(cert_bio, cert_pem, CERTMAKE_PEM_MAX - 1);
    const int key_len = BIO_read(key_bio, key_pem, CERTMAKE_PEM_MAX - 1);
    if (cert_len <= 0 || key_len <= 0 || BIO_pending(cert_bio) > 0 || BIO_pending(key_bio) > 0)
        return ERR_FULL;
    cert_pem[cert_len] = '\0';
    key_pem[key_len] = '\0';
    return ERR_OK;
}

static enum err
certmake_key(EVP_PKEY **ret)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL)
        return ERR_CRYPTO;
    *ret = key;
    return ERR_OK;
}

enum err
certmake_ca_new(const char *common_name, unsigned days, struct certmake_ca **ret)
{
    EVP_PKEY *key PKEY_CLEAN = NULL;
    X509 *cert CERT_CLEAN = NULL;
    TRY(certmake_key(&key));
    TRY(certmake_blank(common_name, days, key, &cert));
    if (X509_set_issuer_name(cert, X509_get_subject_name(cert)) != 1)
        return ERR_CRYPTO;
    TRY(certmake_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
    TRY(certmake_extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign"));
    TRY(certmake_extend(cert, cert, NID_subject_key_identifier, "hash"));
    if (X509_sign(cert, key, EVP_sha256()) == 0)
        return ERR_CRYPTO;
    struct certmake_ca *ca = calloc(1, sizeof(*ca));
    if (ca == NULL)
        return ERR_NOMEM;
    ca->cert = cert;
    ca->key = key;
    cert = NULL;
    key = NULL;
    *ret = ca;
    return ERR_OK;
}

enum err
certmake_ca_load(struct span cert_pem, struct span key_pem, struct certmake_ca **ret)
{
    if (cert_pem.len > CERTMAKE_PEM_MAX || key_pem.len > CERTMAKE_PEM_MAX)
        return ERR_SYNTAX;
    BIO *cert_bio BIO_CLEAN = BIO_new_mem_buf(cert_pem.ptr, (int)cert_pem.len);
    BIO *key_bio BIO_CLEAN = BIO_new_mem_buf(key_pem.ptr, (int)key_pem.len);
    if (cert_bio == NULL || key_bio == NULL)
        return ERR_NOMEM;
    X509 *cert CERT_CLEAN = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    EVP_PKEY *key PKEY_CLEAN = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    if (cert == NULL || key == NULL || X509_check_private_key(cert, key) != 1)
        return ERR_SYNTAX;
    struct certmake_ca *ca = calloc(1, sizeof(*ca));
    if (ca == NULL)
        return ERR_NOMEM;
    ca->cert = cert;
    ca->key = key;
    cert = NULL;
    key = NULL;
    *ret = ca;
    return ERR_OK;
}

void
certmake_ca_free(struct certmake_ca *ca)
{
    if (ca == NULL)
        return;
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
    free(ca);
}

enum err
certmake_ca_pem(const struct certmake_ca *ca, char cert[static CERTMAKE_PEM_MAX],
                char key[static CERTMAKE_PEM_MAX])
{
    return certmake_pem(ca->cert, ca->key, cert, key);
}

enum err
certmake_leaf(const struct certmake_ca *ca, const char *common_name, const char *alt_names,
              unsigned uses, unsigned days, char cert[static CERTMAKE_PEM_MAX],
              char key[static CERTMAKE_PEM_MAX])
{
    static const char *const usage[4] = {NULL, "serverAuth", "clientAuth", "serverAuth,clientAuth"};
    if (uses == 0 || uses > 3)
        return ERR_RANGE;
    EVP_PKEY *pkey PKEY_CLEAN = NULL;
    X509 *x509 CERT_CLEAN = NULL;
    TRY(certmake_key(&pkey));
    TRY(certmake_blank(common_name, days, pkey, &x509));
    if (X509_set_issuer_name(x509, X509_get_subject_name(ca->cert)) != 1)
        return ERR_CRYPTO;
    TRY(certmake_extend(x509, ca->cert, NID_basic_constraints, "critical,CA:FALSE"));
    TRY(certmake_extend(x509, ca->cert, NID_key_usage, "critical,digitalSignature"));
    TRY(certmake_extend(x509, ca->cert, NID_ext_key_usage, usage[uses]));
    TRY(certmake_extend(x509, ca->cert, NID_subject_key_identifier, "hash"));
    TRY(certmake_extend(x509, ca->cert, NID_authority_key_identifier, "keyid"));
    TRY(certmake_extend(x509, ca->cert, NID_subject_alt_name, alt_names));
    if (X509_sign(x509, ca->key, EVP_sha256()) == 0)
        return ERR_CRYPTO;
    return certmake_pem(x509, pkey, cert, key);
}
