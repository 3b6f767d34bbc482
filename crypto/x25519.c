/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/x25519.h"

#include "crypto/ossl.h"

enum err
x25519_public(const struct secret32 *sk, uint8_t ret_pk[static 32])
{
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, sk->bytes, sizeof(sk->bytes));
    size_t len = X25519_BYTES;
    const bool ok = key != NULL && EVP_PKEY_get_raw_public_key(key, ret_pk, &len) == 1;
    EVP_PKEY_free(key);
    return ok && len == X25519_BYTES ? ERR_OK : ERR_CRYPTO;
}

enum err
x25519_derive(const struct secret32 *sk, const uint8_t pk[static 32], struct secret32 *ret)
{
    struct secret32 SECRET32_CLEAN shared = {{0}};
    size_t len = sizeof(shared.bytes);
    EVP_PKEY *own =
        EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, sk->bytes, sizeof(sk->bytes));
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, pk, X25519_BYTES);
    EVP_PKEY_CTX *ctx = own == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    const bool ok = ctx != NULL && peer != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
                    EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
                    EVP_PKEY_derive(ctx, shared.bytes, &len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(own);
    /* OpenSSL refuses a zero secret by itself; the rule is ours, so it is checked here too. */
    if (!ok || len != sizeof(shared.bytes) || key_is_zero(span_of(shared.bytes, len)))
        return ERR_CRYPTO;
    *ret = shared;
    return ERR_OK;
}
