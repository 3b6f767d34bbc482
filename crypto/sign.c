/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sign.h"

#include "crypto/digest.h"
#include "crypto/ossl.h"

#include <assert.h>
#include <sodium.h>

static_assert(SIGN_SEED_BYTES == crypto_sign_SEEDBYTES, "libsodium's seed");
static_assert(SIGN_ED25519_PUB_BYTES == crypto_sign_PUBLICKEYBYTES, "libsodium's public key");
static_assert(SIGN_ED25519_BYTES == crypto_sign_BYTES, "libsodium's signature");
static_assert(sizeof(struct secret64) == crypto_sign_SECRETKEYBYTES, "libsodium's secret key");

void
sign_key_wipe(struct sign_key *key)
{
    key_wipe(key, sizeof(*key));
}

enum err
sign_init(void)
{
    TRY(key_init());
    return digest_init();
}

enum err
sign_keyid(struct span pub, uint8_t ret_keyid[static 32])
{
    const struct span parts[] = {span_of("tdz/v1/keyid", 13), pub}; /* with its NUL */
    return digest_sha256_parts(parts, 2, ret_keyid);
}

enum err
sign_alg_from_u8(uint8_t number, enum sign_alg *ret)
{
    if (number != SIGN_ED25519 && number != SIGN_ECDSA_P256)
        return ERR_UNSUPPORTED;
    *ret = (enum sign_alg)number;
    return ERR_OK;
}

/* An EVP_PKEY of an uncompressed point; OpenSSL checks that it is on the curve. */
static enum err
sign_p256_load(struct span raw, EVP_PKEY **ret)
{
    char group[] = "P-256";
    uint8_t point[SIGN_P256_PUB_BYTES];
    assert(raw.len == sizeof(point));
    memcpy(point, raw.ptr, sizeof(point));
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx == NULL)
        return ERR_NOMEM;
    EVP_PKEY *pkey = NULL;
    const bool ok = EVP_PKEY_fromdata_init(ctx) == 1 &&
                    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!ok)
        return ERR_CRYPTO;
    *ret = pkey;
    return ERR_OK;
}

enum err
sign_pub_init(struct sign_pub *pub, enum sign_alg alg, struct span raw)
{
    const size_t want = alg == SIGN_ED25519 ? SIGN_ED25519_PUB_BYTES : SIGN_P256_PUB_BYTES;
    if (raw.len != want)
        return ERR_RANGE;
    if (alg == SIGN_ECDSA_P256) {
        EVP_PKEY *pkey = NULL;
        if (raw.ptr[0] != 0x04) /* one form only, so that a key has one id */
            return ERR_CRYPTO;
        TRY(sign_p256_load(raw, &pkey));
        EVP_PKEY_free(pkey);
    }
    struct sign_pub made = {.alg = alg, .pub_len = raw.len};
    memcpy(made.pub, raw.ptr, raw.len);
    TRY(sign_keyid(raw, made.keyid));
    *pub = made;
    return ERR_OK;
}

enum err
sign_key_init(struct sign_key *ret, const uint8_t seed[static 32])
{
    struct sign_key SIGN_KEY_CLEAN made = {0};
    uint8_t pub[SIGN_ED25519_PUB_BYTES];
    if (crypto_sign_seed_keypair(pub, made.secret.bytes, seed) != 0)
        return ERR_CRYPTO;
    TRY(sign_pub_init(&made.pub, SIGN_ED25519, span_of(pub, sizeof(pub))));
    *ret = made;
    return ERR_OK;
}

enum err
sign_ed25519(const struct sign_key *key, struct span msg, uint8_t ret_sig[static 64])
{
    unsigned long long len = 0;
    if (crypto_sign_detached(ret_sig, &len, msg.ptr, msg.len, key->secret.bytes) != 0)
        return ERR_CRYPTO;
    assert(len == SIGN_ED25519_BYTES);
    return ERR_OK;
}

enum err
sign_ed25519_verify(const uint8_t pub[static 32], struct span msg, struct span sig)
{
    if (sig.len != SIGN_ED25519_BYTES)
        return ERR_SIGNATURE;
    return crypto_sign_verify_detached(sig.ptr, msg.ptr, msg.len, pub) == 0 ? ERR_OK
                                                                            : ERR_SIGNATURE;
}

static enum err
sign_p256_verify(const struct sign_pub *pub, struct span msg, struct span sig)
{
    EVP_PKEY *pkey = NULL;
    if (sig.len > SIGN_P256_BYTES_MAX)
        return ERR_SIGNATURE;
    TRY(sign_p256_load(span_of(pub->pub, pub->pub_len), &pkey));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        EVP_PKEY_free(pkey);
        return ERR_NOMEM;
    }
    const bool valid = EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, pkey, NULL) == 1 &&
                       EVP_DigestVerify(ctx, sig.ptr, sig.len, msg.ptr, msg.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return valid ? ERR_OK : ERR_SIGNATURE;
}

enum err
sign_verify(const struct sign_pub *pub, struct span msg, struct span sig)
{
    if (pub->alg == SIGN_ECDSA_P256)
        return sign_p256_verify(pub, msg, sig);
    assert(pub->alg == SIGN_ED25519 && pub->pub_len == SIGN_ED25519_PUB_BYTES);
    return sign_ed25519_verify(pub->pub, msg, sig);
}
