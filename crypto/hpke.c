/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hpke.h"

#include "crypto/aead.h"
#include "crypto/hpke_kat.h"
#include "crypto/mac.h"
#include "crypto/x25519.h"
#include "schemas/wire.h"

#include <assert.h>

enum { HPKE_HASH_BYTES = 32, HPKE_EXPAND_MAX = 192 };

/* suite_id of the KEM and of the whole. Spec: RFC 9180 4.1, 5.1. */
static const uint8_t hpke_kem_id[] = {'K', 'E', 'M', HPKE_KEM >> 8, HPKE_KEM & 0xff};
static const uint8_t hpke_suite_id[] = {
    'H',
    'P',
    'K',
    'E',
    HPKE_KEM >> 8,
    HPKE_KEM & 0xff,
    HPKE_KDF >> 8,
    HPKE_KDF & 0xff,
    HPKE_AEAD >> 8,
    HPKE_AEAD & 0xff,
};
#define HPKE_KEM_ID span_of(hpke_kem_id, sizeof(hpke_kem_id))
#define HPKE_SUITE_ID span_of(hpke_suite_id, sizeof(hpke_suite_id))

/* Extract(salt, "HPKE-v1" || suite_id || label || ikm). Spec: RFC 9180 4. */
static enum err
hpke_extract(struct span suite_id, struct span salt, const char *label, struct span ikm,
             struct secret32 *ret)
{
    const struct span parts[] = {SPAN_LIT("HPKE-v1"), suite_id, span_str(label), ikm};
    return mac_hkdf_extract_sha256(salt, parts, 4, ret->bytes);
}

/* Expand(prk, u16 len || "HPKE-v1" || suite_id || label || info, len). Spec: RFC 9180 4. */
static enum err
hpke_expand(struct span suite_id, const struct secret32 *prk, const char *label, struct span info,
            uint8_t *out, size_t len)
{
    uint8_t bytes[HPKE_EXPAND_MAX];
    struct wire_writer w;
    struct span labeled;
    wire_writer_init(&w, bytes, sizeof(bytes));
    wire_put_u16(&w, (uint16_t)len);
    wire_put_bytes(&w, SPAN_LIT("HPKE-v1"));
    wire_put_bytes(&w, suite_id);
    wire_put_bytes(&w, span_str(label));
    wire_put_bytes(&w, info);
    TRY(wire_writer_finish(&w, &labeled));
    return mac_hkdf_expand_sha256(span_of(prk->bytes, sizeof(prk->bytes)), labeled, out, len);
}

/* The KEM's shared secret from DH(sk, pk) and the two public values. Spec: RFC 9180 4.1. */
static enum err
hpke_kem(const struct secret32 *sk, const uint8_t *pk, const uint8_t *enc, const uint8_t *pk_r,
         struct secret32 *ret)
{
    struct secret32 SECRET32_CLEAN dh = {{0}};
    struct secret32 SECRET32_CLEAN prk = {{0}};
    uint8_t context[2 * HPKE_ENC_BYTES];
    TRY(x25519_derive(sk, pk, &dh));
    memcpy(context, enc, HPKE_ENC_BYTES);
    memcpy(context + HPKE_ENC_BYTES, pk_r, HPKE_ENC_BYTES);
    TRY(hpke_extract(HPKE_KEM_ID, span_of(NULL, 0), "eae_prk", span_of(dh.bytes, 32), &prk));
    return hpke_expand(HPKE_KEM_ID, &prk, "shared_secret", span_of(context, sizeof(context)),
                       ret->bytes, sizeof(ret->bytes));
}

/* Key and nonce of message 0. Spec: RFC 9180 5.1. */
static enum err
hpke_schedule(const struct secret32 *shared, struct span info, const struct hpke_psk *psk,
              struct secret32 *ret_key, uint8_t ret_nonce[static 12])
{
    const struct span empty = span_of(NULL, 0);
    struct secret32 psk_id_hash;
    struct secret32 info_hash;
    struct secret32 SECRET32_CLEAN secret = {{0}};
    uint8_t context[1 + 2 * HPKE_HASH_BYTES];
    TRY(hpke_extract(HPKE_SUITE_ID, empty, "psk_id_hash", psk == NULL ? empty : psk->id,
                     &psk_id_hash));
    TRY(hpke_extract(HPKE_SUITE_ID, empty, "info_hash", info, &info_hash));
    context[0] = psk == NULL ? HPKE_BASE : HPKE_PSK;
    memcpy(context + 1, psk_id_hash.bytes, HPKE_HASH_BYTES);
    memcpy(context + 1 + HPKE_HASH_BYTES, info_hash.bytes, HPKE_HASH_BYTES);
    TRY(hpke_extract(HPKE_SUITE_ID, span_of(shared->bytes, sizeof(shared->bytes)), "secret",
                     psk == NULL ? empty : psk->psk, &secret));
    const struct span ctx = span_of(context, sizeof(context));
    TRY(hpke_expand(HPKE_SUITE_ID, &secret, "key", ctx, ret_key->bytes, sizeof(ret_key->bytes)));
    return hpke_expand(HPKE_SUITE_ID, &secret, "base_nonce", ctx, ret_nonce, AEAD_NONCE_BYTES);
}

static enum err
hpke_check_psk(const struct hpke_psk *psk)
{
    if (psk == NULL)
        return ERR_OK;
    return psk->psk.len < HPKE_PSK_BYTES_MIN || psk->id.len == 0 ? ERR_RANGE : ERR_OK;
}

/* One message under the schedule of shared; sequence number 0 leaves the nonce as it is. */
static enum err
hpke_message(enum aead_use use, const struct secret32 *shared, struct span info,
             const struct hpke_psk *psk, struct span aad, struct span in, uint8_t *out, size_t cap)
{
    struct secret32 SECRET32_CLEAN key = {{0}};
    uint8_t nonce[AEAD_NONCE_BYTES];
    struct aead *aead = NULL;
    TRY(hpke_schedule(shared, info, psk, &key, nonce));
    TRY(aead_new(AEAD_CHACHA20_POLY1305, use, &aead));
    enum err err = aead_key(aead, key.bytes);
    if (err == ERR_OK)
        err = use == AEAD_SEAL ? aead_seal(aead, nonce, aad, in, out, cap)
                               : aead_open(aead, nonce, aad, in, out, cap);
    aead_free(aead);
    return err;
}

enum err
hpke_kat_seal(const struct secret32 *ephemeral, const uint8_t pk[static 32], struct span info,
              const struct hpke_psk *psk, struct span aad, struct span text,
              uint8_t ret_enc[static 32], uint8_t *ct, size_t cap)
{
    if (text.len > HPKE_TEXT_MAX)
        return ERR_RANGE;
    TRY(hpke_check_psk(psk));
    if (cap < text.len + HPKE_TAG_BYTES)
        return ERR_FULL;
    uint8_t enc[HPKE_ENC_BYTES];
    struct secret32 SECRET32_CLEAN shared = {{0}};
    TRY(x25519_public(ephemeral, enc));
    TRY(hpke_kem(ephemeral, pk, enc, pk, &shared));
    TRY(hpke_message(AEAD_SEAL, &shared, info, psk, aad, text, ct, cap));
    memcpy(ret_enc, enc, sizeof(enc));
    return ERR_OK;
}

enum err
hpke_seal(const uint8_t pk[static 32], struct span info, const struct hpke_psk *psk,
          struct span aad, struct span text, uint8_t ret_enc[static 32], uint8_t *ct, size_t cap)
{
    struct secret32 SECRET32_CLEAN ephemeral;
    key_random(ephemeral.bytes, sizeof(ephemeral.bytes));
    return hpke_kat_seal(&ephemeral, pk, info, psk, aad, text, ret_enc, ct, cap);
}

enum err
hpke_open(const struct secret32 *sk, const uint8_t enc[static 32], struct span info,
          const struct hpke_psk *psk, struct span aad, struct span ct, uint8_t *out, size_t cap)
{
    if (ct.len > HPKE_TEXT_MAX + HPKE_TAG_BYTES)
        return ERR_RANGE;
    TRY(hpke_check_psk(psk));
    uint8_t pk[X25519_BYTES];
    struct secret32 SECRET32_CLEAN shared = {{0}};
    TRY(x25519_public(sk, pk));
    /* An enc of small order gives no secret: to the recipient that is a forgery like any other. */
    const enum err err = hpke_kem(sk, enc, enc, pk, &shared);
    if (err == ERR_CRYPTO)
        return ERR_AUTH;
    TRY(err);
    return hpke_message(AEAD_OPEN, &shared, info, psk, aad, ct, out, cap);
}
