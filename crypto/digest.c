/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include "crypto/ossl.h"

#include <assert.h>
#include <stdlib.h>

struct digest {
    EVP_MD_CTX *ctx;
    enum digest_alg alg;
    bool open;
};

/* Fetching takes locks and a property query each time in OpenSSL 3.0, so it is done once. */
static struct {
    EVP_MD *sha256;
    EVP_MD *sha512;
} digest_fetched;

enum err
digest_init(void)
{
    if (digest_fetched.sha256 == NULL)
        digest_fetched.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (digest_fetched.sha512 == NULL)
        digest_fetched.sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
    return digest_fetched.sha256 != NULL && digest_fetched.sha512 != NULL ? ERR_OK : ERR_CRYPTO;
}

static size_t
digest_size(enum digest_alg alg)
{
    return alg == DIGEST_SHA256 ? DIGEST_SHA256_BYTES : DIGEST_SHA512_BYTES;
}

static enum err
digest_run(const EVP_MD *md, const struct span *parts, size_t part_count, uint8_t *ret_digest)
{
    if (md == NULL)
        return ERR_STATE;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL)
        return ERR_NOMEM;
    bool ok = EVP_DigestInit_ex2(ctx, md, NULL) == 1;
    for (size_t i = 0; ok && i < part_count; i++)
        ok = parts[i].len == 0 || EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len) == 1;
    uint8_t out[DIGEST_SHA512_BYTES];
    unsigned len = 0;
    ok = ok && EVP_DigestFinal_ex(ctx, out, &len) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return ERR_CRYPTO;
    assert(len <= sizeof(out));
    memcpy(ret_digest, out, len);
    return ERR_OK;
}

enum err
digest_sha256(struct span in, uint8_t ret_digest[static 32])
{
    return digest_run(digest_fetched.sha256, &in, 1, ret_digest);
}

enum err
digest_sha512(struct span in, uint8_t ret_digest[static 64])
{
    return digest_run(digest_fetched.sha512, &in, 1, ret_digest);
}

enum err
digest_sha256_parts(const struct span *parts, size_t part_count, uint8_t ret_digest[static 32])
{
    assert(parts != NULL || part_count == 0);
    return digest_run(digest_fetched.sha256, parts, part_count, ret_digest);
}

enum err
digest_leaf(struct span data, uint8_t ret_digest[static 32])
{
    const struct span parts[] = {span_of("\x00", 1), data};
    return digest_run(digest_fetched.sha256, parts, 2, ret_digest);
}

enum err
digest_node(const uint8_t left[static 32], const uint8_t right[static 32],
            uint8_t ret_digest[static 32])
{
    uint8_t bytes[1 + 2 * DIGEST_SHA256_BYTES] = {0x01};
    memcpy(bytes + 1, left, DIGEST_SHA256_BYTES);
    memcpy(bytes + 1 + DIGEST_SHA256_BYTES, right, DIGEST_SHA256_BYTES);
    const struct span part = span_of(bytes, sizeof(bytes));
    return digest_run(digest_fetched.sha256, &part, 1, ret_digest);
}

enum err
digest_new(enum digest_alg alg, struct digest **ret)
{
    if (digest_fetched.sha256 == NULL || digest_fetched.sha512 == NULL)
        return ERR_STATE;
    struct digest *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return ERR_NOMEM;
    d->alg = alg;
    d->ctx = EVP_MD_CTX_new();
    const enum err err = d->ctx == NULL ? ERR_NOMEM : digest_reset(d);
    if (err != ERR_OK) {
        digest_free(d);
        return err;
    }
    *ret = d;
    return ERR_OK;
}

void
digest_free(struct digest *d)
{
    if (d == NULL)
        return;
    EVP_MD_CTX_free(d->ctx);
    free(d);
}

enum err
digest_reset(struct digest *d)
{
    const EVP_MD *md = d->alg == DIGEST_SHA256 ? digest_fetched.sha256 : digest_fetched.sha512;
    d->open = EVP_DigestInit_ex2(d->ctx, md, NULL) == 1;
    return d->open ? ERR_OK : ERR_CRYPTO;
}

enum err
digest_update(struct digest *d, struct span bytes)
{
    if (!d->open)
        return ERR_STATE;
    if (bytes.len == 0)
        return ERR_OK;
    return EVP_DigestUpdate(d->ctx, bytes.ptr, bytes.len) == 1 ? ERR_OK : ERR_CRYPTO;
}

enum err
digest_final(struct digest *d, uint8_t *ret_digest, size_t cap)
{
    if (!d->open)
        return ERR_STATE;
    if (cap < digest_size(d->alg))
        return ERR_FULL;
    d->open = false;
    return EVP_DigestFinal_ex(d->ctx, ret_digest, NULL) == 1 ? ERR_OK : ERR_CRYPTO;
}
