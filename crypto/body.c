/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/body.h"

#include "crypto/digest.h"
#include "crypto/mac.h"
#include "schemas/wire.h"

#include <assert.h>

enum { BODY_INFO_MAX = 160, BODY_DERIVED_BYTES = AEAD_KEY_BYTES + AEAD_NONCE_BYTES + 32 };

static_assert(BODY_GROUP_BYTES == 1049600, "container-and-keys.md 2.3");

uint64_t
body_chunk_count(uint64_t plain_len)
{
    assert(plain_len <= BODY_PLAIN_MAX);
    return plain_len / BODY_CHUNK_BYTES + 1;
}

uint64_t
body_bytes(uint64_t plain_len)
{
    return BODY_PREFIX_BYTES + plain_len + body_chunk_count(plain_len) * BODY_TAG_BYTES;
}

uint64_t
body_chunk_offset(uint64_t index)
{
    assert(index < BODY_CHUNKS_MAX);
    return BODY_PREFIX_BYTES + index * BODY_SEALED_BYTES;
}

enum err
body_chunk_sealed_len(uint64_t plain_len, uint64_t index, size_t *ret)
{
    const uint64_t last = body_chunk_count(plain_len) - 1;
    if (index > last)
        return ERR_RANGE;
    *ret =
        index < last ? BODY_SEALED_BYTES : (size_t)(plain_len % BODY_CHUNK_BYTES) + BODY_TAG_BYTES;
    return ERR_OK;
}

void
body_keys_wipe(struct body_keys *keys)
{
    key_wipe(keys, sizeof(*keys));
}

enum err
body_derive(enum suite suite, const struct secret32 *dek, const uint8_t salt[static 24],
            const uint8_t offer_hash[static 32], struct body_keys *ret)
{
    uint8_t bytes[BODY_INFO_MAX];
    uint8_t okm[BODY_DERIVED_BYTES];
    struct wire_writer w;
    struct span info;
    wire_writer_init(&w, bytes, sizeof(bytes));
    wire_put_bytes(&w, SPAN_LIT("c2sp.org/chunked-encryption@v1+"));
    wire_put_bytes(&w, span_str(suite_info(suite)->kdf_name));
    wire_put_u8(&w, 0);
    wire_put_bytes(&w, span_of(salt, BODY_SALT_BYTES));
    wire_put_bytes(&w, SPAN_LIT("tdz/v1"));
    wire_put_u8(&w, 0);
    wire_put_bytes(&w, span_of(offer_hash, 32));
    TRY(wire_writer_finish(&w, &info));
    TRY(mac_hkdf_expand_sha512(span_of(dek->bytes, sizeof(dek->bytes)), info, okm, sizeof(okm)));
    memcpy(ret->key.bytes, okm, AEAD_KEY_BYTES);
    memcpy(ret->base_nonce, okm + AEAD_KEY_BYTES, AEAD_NONCE_BYTES);
    memcpy(ret->commit, okm + AEAD_KEY_BYTES + AEAD_NONCE_BYTES, BODY_COMMIT_BYTES);
    key_wipe(okm, sizeof(okm));
    return ERR_OK;
}

/* base XOR be96(index) */
static void
body_nonce(const uint8_t *base, uint64_t index, uint8_t ret_nonce[static 12])
{
    memcpy(ret_nonce, base, AEAD_NONCE_BYTES);
    for (size_t i = 0; i < 8; i++)
        ret_nonce[4 + i] ^= (uint8_t)(index >> (56 - 8 * i));
}

enum err
body_sealer_init(struct body_sealer *s, enum suite suite, const struct secret32 *dek,
                 const uint8_t salt[static 24], const uint8_t offer_hash[static 32])
{
    struct body_keys __attribute__((cleanup(body_keys_wipe))) keys;
    struct body_sealer made = {0};
    TRY(body_derive(suite, dek, salt, offer_hash, &keys));
    TRY(aead_new(suite_info(suite)->aead, AEAD_SEAL, &made.aead));
    const enum err err = aead_key(made.aead, keys.key.bytes);
    if (err != ERR_OK) {
        aead_free(made.aead);
        return err;
    }
    memcpy(made.base_nonce, keys.base_nonce, sizeof(made.base_nonce));
    memcpy(made.prefix, salt, BODY_SALT_BYTES);
    memcpy(made.prefix + BODY_SALT_BYTES, keys.commit, BODY_COMMIT_BYTES);
    *s = made;
    return ERR_OK;
}

void
body_sealer_finish(struct body_sealer *s)
{
    aead_free(s->aead);
    key_wipe(s, sizeof(*s));
}

enum err
body_seal_chunk(struct body_sealer *s, struct span plain, uint8_t *out, size_t cap)
{
    if (s->done || s->aead == NULL)
        return ERR_STATE;
    if (plain.len > BODY_CHUNK_BYTES || s->next >= BODY_CHUNKS_MAX)
        return ERR_RANGE;
    if (plain.len == BODY_CHUNK_BYTES && s->next == BODY_CHUNKS_MAX - 1)
        return ERR_RANGE; /* no room left for the short chunk */
    if (cap < plain.len + BODY_TAG_BYTES)
        return ERR_FULL;
    uint8_t nonce[AEAD_NONCE_BYTES];
    body_nonce(s->base_nonce, s->next, nonce);
    /* Counted before it is used: after a failure this nonce is never taken again. */
    s->next++;
    s->done = plain.len < BODY_CHUNK_BYTES;
    s->plain_len += plain.len;
    const enum err err = aead_seal(s->aead, nonce, span_of(NULL, 0), plain, out, cap);
    if (err != ERR_OK)
        s->done = true;
    return err;
}

enum err
body_opener_init(struct body_opener *o, enum suite suite, const struct secret32 *dek,
                 const uint8_t prefix[static 56], const uint8_t offer_hash[static 32],
                 uint64_t plain_len)
{
    struct body_keys __attribute__((cleanup(body_keys_wipe))) keys;
    struct body_opener made = {.plain_len = plain_len};
    if (plain_len > BODY_PLAIN_MAX)
        return ERR_RANGE;
    TRY(body_derive(suite, dek, prefix, offer_hash, &keys));
    if (!key_equal(span_of(keys.commit, sizeof(keys.commit)),
                   span_of(prefix + BODY_SALT_BYTES, BODY_COMMIT_BYTES)))
        return ERR_AUTH;
    TRY(aead_new(suite_info(suite)->aead, AEAD_OPEN, &made.aead));
    const enum err err = aead_key(made.aead, keys.key.bytes);
    if (err != ERR_OK) {
        aead_free(made.aead);
        return err;
    }
    memcpy(made.base_nonce, keys.base_nonce, sizeof(made.base_nonce));
    *o = made;
    return ERR_OK;
}

void
body_opener_finish(struct body_opener *o)
{
    aead_free(o->aead);
    key_wipe(o, sizeof(*o));
}

enum err
body_open_chunk(struct body_opener *o, uint64_t index, struct span sealed, const uint8_t *leaf,
                uint8_t *out, size_t cap, size_t *ret_len)
{
    size_t want = 0;
    uint8_t nonce[AEAD_NONCE_BYTES];
    if (o->aead == NULL)
        return ERR_STATE;
    TRY(body_chunk_sealed_len(o->plain_len, index, &want));
    if (sealed.len != want)
        return sealed.len < want ? ERR_SHORT : ERR_TRAILING;
    if (leaf != NULL) {
        uint8_t got[DIGEST_SHA256_BYTES];
        TRY(digest_leaf(sealed, got));
        if (!span_eq(span_of(got, sizeof(got)), span_of(leaf, sizeof(got))))
            return ERR_PROOF;
    }
    body_nonce(o->base_nonce, index, nonce);
    TRY(aead_open(o->aead, nonce, span_of(NULL, 0), sealed, out, cap));
    *ret_len = want - BODY_TAG_BYTES;
    return ERR_OK;
}
