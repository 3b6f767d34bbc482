/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sigs.h"

#include <assert.h>

enum { SIGS_MESSAGE_MAX = 64, SIGS_P256_BYTES_MIN = 8 };

static const char *
sigs_kind_name(enum sigs_kind kind)
{
    switch (kind) {
    case SIGS_OFFER:
        return "offer";
    case SIGS_SEAL:
        return "seal";
    case SIGS_RELEASE:
        return "release";
    case SIGS_RECEIPT:
        return "receipt";
    }
    return "";
}

static enum err
sigs_message(enum sigs_kind kind, enum suite suite, const uint8_t *digest,
             uint8_t buf[static SIGS_MESSAGE_MAX], struct span *ret)
{
    struct wire_writer w;
    wire_writer_init(&w, buf, SIGS_MESSAGE_MAX);
    wire_put_bytes(&w, SPAN_LIT("tdz/v1/sig/"));
    wire_put_bytes(&w, span_str(sigs_kind_name(kind)));
    wire_put_u8(&w, 0);
    wire_put_u8(&w, (uint8_t)suite);
    wire_put_bytes(&w, span_of(digest, 32));
    return wire_writer_finish(&w, ret);
}

static bool
sigs_is_keyid(const uint8_t *a, const uint8_t *b)
{
    return span_eq(span_of(a, SIGN_KEYID_BYTES), span_of(b, SIGN_KEYID_BYTES));
}

static bool
sigs_has(const struct sigs *sigs, const uint8_t *keyid)
{
    for (size_t i = 0; i < sigs->count; i++)
        if (sigs_is_keyid(sigs->one[i].keyid, keyid))
            return true;
    return false;
}

static enum err
sigs_get_one(struct wire_reader *r, struct sigs *sigs)
{
    struct sigs_one one = {.alg = SIGN_ED25519};
    const uint8_t alg = wire_get_u8(r);
    wire_get_copy(r, one.keyid, sizeof(one.keyid));
    const uint16_t len = wire_get_u16(r);
    TRY(r->err);
    TRY(sign_alg_from_u8(alg, &one.alg));
    const size_t least = one.alg == SIGN_ED25519 ? SIGN_ED25519_BYTES : SIGS_P256_BYTES_MIN;
    const size_t most = one.alg == SIGN_ED25519 ? SIGN_ED25519_BYTES : SIGN_P256_BYTES_MAX;
    if (len < least || len > most)
        return ERR_SYNTAX;
    if (sigs_has(sigs, one.keyid))
        return ERR_DUPLICATE;
    one.len = len;
    wire_get_copy(r, one.sig, len);
    TRY(r->err);
    sigs->one[sigs->count++] = one;
    return ERR_OK;
}

void
sigs_get(struct wire_reader *r, struct sigs *ret)
{
    struct sigs got = {0};
    const uint8_t count = wire_get_u8(r);
    enum err err = r->err;
    if (err == ERR_OK && (count < 1 || count > SIGS_MAX))
        err = ERR_RANGE;
    for (size_t i = 0; err == ERR_OK && i < count; i++)
        err = sigs_get_one(r, &got);
    if (r->err == ERR_OK)
        r->err = err;
    *ret = got;
}

void
sigs_put(struct wire_writer *w, const struct sigs *sigs)
{
    assert(sigs->count <= SIGS_MAX);
    if (sigs->count == 0 && w->err == ERR_OK)
        w->err = ERR_RANGE;
    wire_put_u8(w, (uint8_t)sigs->count);
    for (size_t i = 0; i < sigs->count; i++) {
        wire_put_u8(w, (uint8_t)sigs->one[i].alg);
        wire_put_bytes(w, span_of(sigs->one[i].keyid, SIGN_KEYID_BYTES));
        wire_put_vec16(w, span_of(sigs->one[i].sig, sigs->one[i].len));
    }
}

enum err
sigs_add(struct sigs *sigs, enum sigs_kind kind, enum suite suite, const uint8_t digest[static 32],
         const struct sign_key *key)
{
    uint8_t buf[SIGS_MESSAGE_MAX];
    struct span message;
    struct sigs_one one = {.alg = SIGN_ED25519, .len = SIGN_ED25519_BYTES};
    assert(sigs->count <= SIGS_MAX && key->pub.alg == SIGN_ED25519);
    if (sigs->count == SIGS_MAX)
        return ERR_FULL;
    if (sigs_has(sigs, key->pub.keyid))
        return ERR_DUPLICATE;
    TRY(sigs_message(kind, suite, digest, buf, &message));
    TRY(sign_ed25519(key, message, one.sig));
    memcpy(one.keyid, key->pub.keyid, sizeof(one.keyid));
    sigs->one[sigs->count++] = one;
    return ERR_OK;
}

enum err
sigs_verify(const struct sigs *sigs, enum sigs_kind kind, enum suite suite,
            const uint8_t digest[static 32], const struct sign_pub *keys, size_t key_count,
            size_t *ret_key)
{
    uint8_t buf[SIGS_MESSAGE_MAX];
    struct span message;
    size_t judged = 0;
    size_t first = 0;
    assert(sigs->count <= SIGS_MAX);
    TRY(sigs_message(kind, suite, digest, buf, &message));
    for (size_t i = 0; i < sigs->count; i++) {
        const struct sigs_one *one = &sigs->one[i];
        for (size_t k = 0; k < key_count; k++) {
            if (!sigs_is_keyid(one->keyid, keys[k].keyid))
                continue;
            if (one->alg != keys[k].alg)
                return ERR_SIGNATURE;
            TRY(sign_verify(&keys[k], message, span_of(one->sig, one->len)));
            first = judged == 0 ? k : first;
            judged++;
        }
    }
    if (judged == 0)
        return ERR_KEY_UNKNOWN;
    if (ret_key != NULL)
        *ret_key = first;
    return ERR_OK;
}
