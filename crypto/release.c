/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/release.h"

#include "crypto/digest.h"
#include "crypto/hpke_kat.h"
#include "crypto/release_kat.h"
#include "crypto/th.h"
#include "crypto/x25519.h"

#include <assert.h>

enum { RELEASE_VERSION = 1, RELEASE_INFO_MAX = 160 };

static void
release_put_wrap(struct wire_writer *w, const struct suite_info *suite,
                 const struct release_wrap *wrap)
{
    wire_put_u16(w, suite->hpke_kem);
    wire_put_u16(w, suite->hpke_kdf);
    wire_put_u16(w, suite->hpke_aead);
    wire_put_u8(w, (uint8_t)wrap->mode);
    wire_put_bytes(w, span_of(wrap->recipient, sizeof(wrap->recipient)));
    wire_put_bytes(w, span_of(wrap->psk_id, sizeof(wrap->psk_id)));
    wire_put_vec16(w, span_of(wrap->enc, sizeof(wrap->enc)));
    wire_put_vec16(w, span_of(wrap->ct, sizeof(wrap->ct)));
}

/* What comes before the verdict: 40 bytes. */
static void
release_put_head(struct wire_writer *w, const struct release *release)
{
    wire_put_u8(w, RELEASE_VERSION);
    wire_put_u8(w, (uint8_t)release->suite);
    wire_put_u16(w, (uint16_t)release->wrap_count);
    wire_put_bytes(w, span_of(release->seal_hash, sizeof(release->seal_hash)));
    wire_put_u32(w, (uint32_t)release->verdict.len);
}

enum err
release_hash(const struct release *release, uint8_t ret_hash[static 32])
{
    uint8_t label_len[1] = {sizeof("tdz/v1/release") - 1};
    uint8_t len[8];
    uint8_t head[40];
    uint8_t wraps[RELEASE_WRAPS_MAX * RELEASE_WRAP_BYTES];
    struct wire_writer w;
    struct span head_bytes;
    struct span wrap_bytes;
    struct span len_bytes;
    if (release->verdict.len > RELEASE_VERDICT_MAX)
        return ERR_TOO_LARGE;
    assert(release->wrap_count <= RELEASE_WRAPS_MAX);
    wire_writer_init(&w, head, sizeof(head));
    release_put_head(&w, release);
    TRY(wire_writer_finish(&w, &head_bytes));
    wire_writer_init(&w, wraps, sizeof(wraps));
    for (size_t i = 0; i < release->wrap_count; i++)
        release_put_wrap(&w, suite_info(release->suite), &release->wrap[i]);
    TRY(wire_writer_finish(&w, &wrap_bytes));
    wire_writer_init(&w, len, sizeof(len));
    wire_put_u64(&w, head_bytes.len + release->verdict.len + wrap_bytes.len);
    TRY(wire_writer_finish(&w, &len_bytes));
    /* TH with its one part in three pieces, so that nothing of 64 KiB is copied. */
    const struct span parts[] = {span_of(label_len, 1),
                                 SPAN_LIT("tdz/v1/release"),
                                 len_bytes,
                                 head_bytes,
                                 release->verdict,
                                 wrap_bytes};
    return digest_sha256_parts(parts, 6, ret_hash);
}

static bool
release_has(const struct release *release, const uint8_t *recipient, size_t *ret_index)
{
    for (size_t i = 0; i < release->wrap_count; i++) {
        if (span_eq(span_of(release->wrap[i].recipient, SIGN_KEYID_BYTES),
                    span_of(recipient, SIGN_KEYID_BYTES))) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static enum err
release_get_wrap(struct wire_reader *r, struct release *release)
{
    struct release_wrap wrap = {.mode = HPKE_BASE};
    const struct suite_info *suite = suite_info(release->suite);
    size_t index = 0;
    const uint16_t kem = wire_get_u16(r);
    const uint16_t kdf = wire_get_u16(r);
    const uint16_t aead = wire_get_u16(r);
    const uint8_t mode = wire_get_u8(r);
    wire_get_copy(r, wrap.recipient, sizeof(wrap.recipient));
    wire_get_copy(r, wrap.psk_id, sizeof(wrap.psk_id));
    const uint16_t enc_len = wire_get_u16(r);
    TRY(r->err);
    if (kem != suite->hpke_kem || kdf != suite->hpke_kdf || aead != suite->hpke_aead)
        return ERR_UNSUPPORTED;
    if (mode != HPKE_BASE && mode != HPKE_PSK)
        return ERR_UNSUPPORTED;
    wrap.mode = (enum hpke_mode)mode;
    if (mode == HPKE_BASE && !key_is_zero(span_of(wrap.psk_id, sizeof(wrap.psk_id))))
        return ERR_SYNTAX;
    if (enc_len != sizeof(wrap.enc))
        return ERR_SYNTAX;
    wire_get_copy(r, wrap.enc, sizeof(wrap.enc));
    const uint16_t ct_len = wire_get_u16(r);
    TRY(r->err);
    if (ct_len != sizeof(wrap.ct))
        return ERR_SYNTAX;
    wire_get_copy(r, wrap.ct, sizeof(wrap.ct));
    TRY(r->err);
    if (release_has(release, wrap.recipient, &index))
        return ERR_DUPLICATE;
    release->wrap[release->wrap_count++] = wrap;
    return ERR_OK;
}

enum err
release_decode(struct span in, struct release *ret)
{
    struct wire_reader r;
    struct release got = {.suite = SUITE_AES_256_GCM};
    wire_reader_init(&r, in);
    const uint8_t version = wire_get_u8(&r);
    const uint8_t suite = wire_get_u8(&r);
    const uint16_t wrap_count = wire_get_u16(&r);
    wire_get_copy(&r, got.seal_hash, sizeof(got.seal_hash));
    TRY(r.err);
    if (version != RELEASE_VERSION)
        return ERR_VERSION;
    TRY(suite_from_u8(suite, &got.suite));
    if (wrap_count > RELEASE_WRAPS_MAX)
        return ERR_RANGE;
    got.verdict = wire_get_vec32(&r, RELEASE_VERDICT_MAX);
    TRY(r.err);
    for (size_t i = 0; i < wrap_count; i++)
        TRY(release_get_wrap(&r, &got));
    sigs_get(&r, &got.sigs);
    TRY(wire_reader_finish(&r));
    *ret = got;
    return ERR_OK;
}

enum err
release_encode(const struct release *release, uint8_t *buf, size_t cap, struct span *ret_bytes)
{
    struct wire_writer w;
    if (release->verdict.len > RELEASE_VERDICT_MAX)
        return ERR_TOO_LARGE;
    assert(release->wrap_count <= RELEASE_WRAPS_MAX);
    wire_writer_init(&w, buf, cap);
    release_put_head(&w, release);
    wire_put_bytes(&w, release->verdict);
    for (size_t i = 0; i < release->wrap_count; i++)
        release_put_wrap(&w, suite_info(release->suite), &release->wrap[i]);
    sigs_put(&w, &release->sigs);
    return wire_writer_finish(&w, ret_bytes);
}

/* "tdz/v1/dek" || 0x00 || offer_hash || seal_hash || TH("tdz/v1/verdict", verdict) || recipient */
static enum err
release_info(const struct release *release, const struct seal *seal, const uint8_t *recipient,
             uint8_t buf[static RELEASE_INFO_MAX], struct span *ret)
{
    struct wire_writer w;
    uint8_t verdict_hash[32];
    TRY(TH(verdict_hash, "tdz/v1/verdict", release->verdict));
    wire_writer_init(&w, buf, RELEASE_INFO_MAX);
    wire_put_bytes(&w, SPAN_LIT("tdz/v1/dek"));
    wire_put_u8(&w, 0);
    wire_put_bytes(&w, span_of(seal->offer_hash, sizeof(seal->offer_hash)));
    wire_put_bytes(&w, span_of(release->seal_hash, sizeof(release->seal_hash)));
    wire_put_bytes(&w, span_of(verdict_hash, sizeof(verdict_hash)));
    wire_put_bytes(&w, span_of(recipient, SIGN_KEYID_BYTES));
    return wire_writer_finish(&w, ret);
}

static enum err
release_check_seal(const struct release *release, const struct seal *seal)
{
    uint8_t hash[32];
    if (release->suite != seal->suite)
        return ERR_CONFLICT;
    TRY(seal_hash(seal, hash));
    const bool same = span_eq(span_of(hash, 32), span_of(release->seal_hash, 32));
    return same ? ERR_OK : ERR_CONFLICT;
}

/* ERR_AUTH unless dek is the key that seal's body commits to. */
static enum err
release_check_commit(const struct seal *seal, const struct secret32 *dek)
{
    struct body_keys keys;
    TRY(body_derive(seal->suite, dek, seal->prefix, seal->offer_hash, &keys));
    const bool same = key_equal(span_of(keys.commit, sizeof(keys.commit)),
                                span_of(seal->prefix + BODY_SALT_BYTES, BODY_COMMIT_BYTES));
    body_keys_wipe(&keys);
    return same ? ERR_OK : ERR_AUTH;
}

enum err
release_kat_wrap(struct release *release, const struct seal *seal, const struct secret32 *dek,
                 const uint8_t pk[static 32], const struct release_psk *psk,
                 const struct secret32 *ephemeral)
{
    struct release_wrap wrap = {.mode = psk == NULL ? HPKE_BASE : HPKE_PSK};
    uint8_t buf[RELEASE_INFO_MAX];
    struct span info;
    size_t index = 0;
    struct hpke_psk shared;
    if (release->wrap_count >= RELEASE_WRAPS_MAX)
        return ERR_FULL;
    TRY(release_check_seal(release, seal));
    TRY(release_check_commit(seal, dek));
    TRY(sign_keyid(span_of(pk, X25519_BYTES), wrap.recipient));
    if (release_has(release, wrap.recipient, &index))
        return ERR_DUPLICATE;
    if (psk != NULL) {
        memcpy(wrap.psk_id, psk->id, sizeof(wrap.psk_id));
        shared.psk = span_of(psk->psk->bytes, sizeof(psk->psk->bytes));
        shared.id = span_of(wrap.psk_id, sizeof(wrap.psk_id));
    }
    TRY(release_info(release, seal, wrap.recipient, buf, &info));
    TRY(hpke_kat_seal(ephemeral, pk, info, psk == NULL ? NULL : &shared, span_of(NULL, 0),
                      span_of(dek->bytes, sizeof(dek->bytes)), wrap.enc, wrap.ct, sizeof(wrap.ct)));
    release->wrap[release->wrap_count++] = wrap;
    return ERR_OK;
}

enum err
release_wrap(struct release *release, const struct seal *seal, const struct secret32 *dek,
             const uint8_t pk[static 32], const struct release_psk *psk)
{
    struct secret32 SECRET32_CLEAN ephemeral;
    key_random(ephemeral.bytes, sizeof(ephemeral.bytes));
    return release_kat_wrap(release, seal, dek, pk, psk, &ephemeral);
}

enum err
release_unwrap(const struct release *release, const struct seal *seal, const struct secret32 *sk,
               const struct release_psk *psk, struct secret32 *ret_dek)
{
    uint8_t pk[X25519_BYTES];
    uint8_t keyid[SIGN_KEYID_BYTES];
    uint8_t buf[RELEASE_INFO_MAX];
    struct span info;
    size_t index = 0;
    struct hpke_psk shared;
    struct secret32 SECRET32_CLEAN dek = {{0}};
    if (release->wrap_count == 0)
        return ERR_DENIED;
    TRY(release_check_seal(release, seal));
    TRY(x25519_public(sk, pk));
    TRY(sign_keyid(span_of(pk, sizeof(pk)), keyid));
    if (!release_has(release, keyid, &index))
        return ERR_NOT_FOUND;
    const struct release_wrap *wrap = &release->wrap[index];
    const bool with_psk = wrap->mode == HPKE_PSK;
    if (with_psk) {
        if (psk == NULL || !span_eq(span_of(psk->id, 32), span_of(wrap->psk_id, 32)))
            return ERR_KEY_UNKNOWN;
        shared.psk = span_of(psk->psk->bytes, sizeof(psk->psk->bytes));
        shared.id = span_of(wrap->psk_id, sizeof(wrap->psk_id));
    }
    TRY(release_info(release, seal, keyid, buf, &info));
    TRY(hpke_open(sk, wrap->enc, info, with_psk ? &shared : NULL, span_of(NULL, 0),
                  span_of(wrap->ct, sizeof(wrap->ct)), dek.bytes, sizeof(dek.bytes)));
    TRY(release_check_commit(seal, &dek));
    *ret_dek = dek;
    return ERR_OK;
}

enum err
release_sign(struct release *release, const struct sign_key *key)
{
    uint8_t hash[32];
    TRY(release_hash(release, hash));
    return sigs_add(&release->sigs, SIGS_RELEASE, release->suite, hash, key);
}

enum err
release_verify(const struct release *release, const struct sign_pub *keys, size_t key_count,
               size_t *ret_key)
{
    uint8_t hash[32];
    TRY(release_hash(release, hash));
    return sigs_verify(&release->sigs, SIGS_RELEASE, release->suite, hash, keys, key_count,
                       ret_key);
}
