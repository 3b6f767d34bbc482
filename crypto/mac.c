/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/mac.h"

#include "crypto/key.h"
#include "crypto/ossl.h"

#include <assert.h>

static struct {
    EVP_MAC_CTX *hmac_sha256; /* has its digest set; duplicated for each use */
    EVP_KDF *hkdf;
} mac_fetched;

enum err
mac_init(void)
{
    if (mac_fetched.hkdf == NULL)
        mac_fetched.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    if (mac_fetched.hmac_sha256 == NULL) {
        char name[] = "SHA256";
        const OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
            OSSL_PARAM_construct_end(),
        };
        EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        EVP_MAC_CTX *ctx = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
        EVP_MAC_free(hmac); /* the context holds its own reference */
        if (ctx == NULL || EVP_MAC_CTX_set_params(ctx, params) != 1) {
            EVP_MAC_CTX_free(ctx);
            return ERR_CRYPTO;
        }
        mac_fetched.hmac_sha256 = ctx;
    }
    return mac_fetched.hkdf != NULL ? ERR_OK : ERR_CRYPTO;
}

enum err
mac_sha256(struct span key, const struct span *parts, size_t part_count, uint8_t ret_mac[static 32])
{
    if (mac_fetched.hmac_sha256 == NULL)
        return ERR_STATE;
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(mac_fetched.hmac_sha256);
    if (ctx == NULL)
        return ERR_NOMEM;
    static const uint8_t none[1] = {0};
    uint8_t out[MAC_SHA256_BYTES];
    size_t len = 0;
    /* A NULL key would mean "keep the last key", so an empty one needs an address. */
    bool ok = EVP_MAC_init(ctx, key.len == 0 ? none : key.ptr, key.len, NULL) == 1;
    for (size_t i = 0; ok && i < part_count; i++)
        ok = parts[i].len == 0 || EVP_MAC_update(ctx, parts[i].ptr, parts[i].len) == 1;
    ok = ok && EVP_MAC_final(ctx, out, &len, sizeof(out)) == 1 && len == sizeof(out);
    EVP_MAC_CTX_free(ctx);
    if (ok)
        memcpy(ret_mac, out, sizeof(out));
    key_wipe(out, sizeof(out));
    return ok ? ERR_OK : ERR_CRYPTO;
}

enum err
mac_hkdf_extract_sha256(struct span salt, const struct span *ikm_parts, size_t part_count,
                        uint8_t ret_prk[static 32])
{
    static const uint8_t zeros[MAC_SHA256_BYTES] = {0};
    return mac_sha256(salt.len == 0 ? span_of(zeros, sizeof(zeros)) : salt, ikm_parts, part_count,
                      ret_prk);
}

static enum err
mac_expand(const char *digest, struct span prk, struct span info, uint8_t *out, size_t out_len)
{
    if (mac_fetched.hkdf == NULL)
        return ERR_STATE;
    char name[8];
    const size_t name_len = strlen(digest);
    assert(name_len < sizeof(name));
    memcpy(name, digest, name_len + 1);
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    /* OSSL_PARAM has no const; OpenSSL copies from these and never writes. */
    union {
        const uint8_t *in;
        uint8_t *param;
    } prk_ptr = {prk.ptr}, info_ptr = {info.ptr};
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, name_len),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, prk_ptr.param, prk.len),
        info.len == 0
            ? OSSL_PARAM_construct_end()
            : OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info_ptr.param, info.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(mac_fetched.hkdf);
    if (ctx == NULL)
        return ERR_NOMEM;
    const bool ok = EVP_KDF_derive(ctx, out, out_len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    if (!ok)
        key_wipe(out, out_len);
    return ok ? ERR_OK : ERR_CRYPTO;
}

enum err
mac_hkdf_expand_sha256(struct span prk, struct span info, uint8_t *out, size_t out_len)
{
    if (prk.len < MAC_SHA256_BYTES || info.len > MAC_HKDF_INFO_MAX || out_len < 1 ||
        out_len > MAC_HKDF_SHA256_MAX)
        return ERR_RANGE;
    return mac_expand("SHA256", prk, info, out, out_len);
}

enum err
mac_hkdf_expand_sha512(struct span prk, struct span info, uint8_t *out, size_t out_len)
{
    if (prk.len < 1 || info.len > MAC_HKDF_INFO_MAX || out_len < 1 || out_len > MAC_HKDF_SHA512_MAX)
        return ERR_RANGE;
    return mac_expand("SHA512", prk, info, out, out_len);
}
