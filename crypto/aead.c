/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/aead.h"

#include "crypto/ossl.h"

#include <assert.h>
#include <stdlib.h>

struct aead {
    EVP_CIPHER_CTX *ctx;
    enum aead_alg alg;
    enum aead_use use;
    bool has_key;
};

static struct {
    EVP_CIPHER *aes_256_gcm;
    EVP_CIPHER *chacha20_poly1305;
} aead_fetched;

enum err
aead_init(void)
{
    if (aead_fetched.aes_256_gcm == NULL)
        aead_fetched.aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (aead_fetched.chacha20_poly1305 == NULL)
        aead_fetched.chacha20_poly1305 = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    return aead_fetched.aes_256_gcm != NULL && aead_fetched.chacha20_poly1305 != NULL ? ERR_OK
                                                                                      : ERR_CRYPTO;
}

static const EVP_CIPHER *
aead_cipher(enum aead_alg alg)
{
    return alg == AEAD_AES_256_GCM ? aead_fetched.aes_256_gcm : aead_fetched.chacha20_poly1305;
}

enum err
aead_new(enum aead_alg alg, enum aead_use use, struct aead **ret)
{
    if (aead_cipher(alg) == NULL)
        return ERR_STATE;
    struct aead *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    a->alg = alg;
    a->use = use;
    a->ctx = EVP_CIPHER_CTX_new();
    if (a->ctx == NULL) {
        aead_free(a);
        return ERR_NOMEM;
    }
    *ret = a;
    return ERR_OK;
}

void
aead_free(struct aead *a)
{
    if (a == NULL)
        return;
    EVP_CIPHER_CTX_free(a->ctx); /* cleanses the key schedule */
    free(a);
}

enum err
aead_key(struct aead *a, const uint8_t key[static 32])
{
    const int enc = a->use == AEAD_SEAL ? 1 : 0;
    a->has_key = EVP_CipherInit_ex2(a->ctx, aead_cipher(a->alg), key, NULL, enc, NULL) == 1;
    return a->has_key ? ERR_OK : ERR_CRYPTO;
}

void
aead_forget(struct aead *a)
{
    (void)EVP_CIPHER_CTX_reset(a->ctx);
    a->has_key = false;
}

static enum err
aead_check(const struct aead *a, enum aead_use use, struct span aad, struct span in)
{
    if (!a->has_key || a->use != use)
        return ERR_STATE;
    if (in.len > AEAD_BYTES_MAX || aad.len > AEAD_BYTES_MAX)
        return ERR_RANGE;
    return ERR_OK;
}

/* Sets the nonce, runs aad and in through the cipher; writes in.len bytes to out. */
static bool
aead_run(struct aead *a, const uint8_t *nonce, struct span aad, struct span in, uint8_t *out)
{
    int len = 0;
    if (EVP_CipherInit_ex2(a->ctx, NULL, NULL, nonce, -1, NULL) != 1)
        return false;
    if (aad.len > 0 && EVP_CipherUpdate(a->ctx, NULL, &len, aad.ptr, (int)aad.len) != 1)
        return false;
    if (in.len == 0)
        return true;
    return EVP_CipherUpdate(a->ctx, out, &len, in.ptr, (int)in.len) == 1 && (size_t)len == in.len;
}

enum err
aead_seal(struct aead *a, const uint8_t nonce[static 12], struct span aad, struct span in,
          uint8_t *out, size_t cap)
{
    TRY(aead_check(a, AEAD_SEAL, aad, in));
    if (cap < in.len + AEAD_TAG_BYTES)
        return ERR_FULL;
    uint8_t none[AEAD_TAG_BYTES];
    int len = 0;
    if (!aead_run(a, nonce, aad, in, out) || EVP_CipherFinal_ex(a->ctx, none, &len) != 1)
        return ERR_CRYPTO;
    assert(len == 0);
    if (EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_BYTES, out + in.len) != 1)
        return ERR_CRYPTO;
    return ERR_OK;
}

enum err
aead_open(struct aead *a, const uint8_t nonce[static 12], struct span aad, struct span in,
          uint8_t *out, size_t cap)
{
    TRY(aead_check(a, AEAD_OPEN, aad, in));
    if (in.len < AEAD_TAG_BYTES)
        return ERR_AUTH;
    const size_t body_len = in.len - AEAD_TAG_BYTES;
    if (cap < body_len)
        return ERR_FULL;
    uint8_t tag[AEAD_TAG_BYTES];
    uint8_t none[AEAD_TAG_BYTES];
    int len = 0;
    memcpy(tag, in.ptr + body_len, sizeof(tag));
    const bool ran = aead_run(a, nonce, aad, span_of(in.ptr, body_len), out) &&
                     EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_BYTES, tag) == 1;
    if (ran && EVP_CipherFinal_ex(a->ctx, none, &len) == 1)
        return ERR_OK;
    if (body_len > 0)
        key_wipe(out, body_len); /* unverified plaintext */
    return ran ? ERR_AUTH : ERR_CRYPTO;
}
