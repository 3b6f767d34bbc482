/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/seal.h"

#include "crypto/th.h"

#include <assert.h>

enum { SEAL_VERSION = 1 };

static enum err
seal_check_counts(const struct seal *seal)
{
    if (seal->plain_len > BODY_PLAIN_MAX)
        return ERR_RANGE;
    return seal->chunk_count == body_chunk_count(seal->plain_len) ? ERR_OK : ERR_RANGE;
}

enum err
seal_head(const struct seal *seal, uint8_t ret_head[static 148])
{
    struct wire_writer w;
    struct span head;
    TRY(seal_check_counts(seal));
    wire_writer_init(&w, ret_head, SEAL_HEAD_BYTES);
    wire_put_u8(&w, SEAL_VERSION);
    wire_put_u8(&w, (uint8_t)seal->suite);
    wire_put_u16(&w, 0);
    wire_put_bytes(&w, span_of(seal->offer_hash, sizeof(seal->offer_hash)));
    wire_put_bytes(&w, span_of(seal->prefix, sizeof(seal->prefix)));
    wire_put_u64(&w, seal->chunk_count);
    wire_put_u64(&w, seal->plain_len);
    wire_put_bytes(&w, span_of(seal->root, sizeof(seal->root)));
    wire_put_u64(&w, seal->sealed_at);
    TRY(wire_writer_finish(&w, &head));
    assert(head.len == SEAL_HEAD_BYTES);
    return ERR_OK;
}

enum err
seal_hash(const struct seal *seal, uint8_t ret_hash[static 32])
{
    uint8_t head[SEAL_HEAD_BYTES];
    TRY(seal_head(seal, head));
    return TH(ret_hash, "tdz/v1/seal", span_of(head, sizeof(head)));
}

enum err
seal_decode(struct span in, struct seal *ret)
{
    struct wire_reader r;
    struct seal got;
    wire_reader_init(&r, in);
    const uint8_t version = wire_get_u8(&r);
    const uint8_t suite = wire_get_u8(&r);
    const uint16_t flags = wire_get_u16(&r);
    wire_get_copy(&r, got.offer_hash, sizeof(got.offer_hash));
    wire_get_copy(&r, got.prefix, sizeof(got.prefix));
    got.chunk_count = wire_get_u64(&r);
    got.plain_len = wire_get_u64(&r);
    wire_get_copy(&r, got.root, sizeof(got.root));
    got.sealed_at = wire_get_u64(&r);
    TRY(r.err);
    if (version != SEAL_VERSION)
        return ERR_VERSION;
    TRY(suite_from_u8(suite, &got.suite));
    if (flags != 0)
        return ERR_UNSUPPORTED;
    TRY(seal_check_counts(&got));
    sigs_get(&r, &got.sigs);
    TRY(wire_reader_finish(&r));
    *ret = got;
    return ERR_OK;
}

enum err
seal_encode(const struct seal *seal, uint8_t *buf, size_t cap, struct span *ret_bytes)
{
    uint8_t head[SEAL_HEAD_BYTES];
    struct wire_writer w;
    TRY(seal_head(seal, head));
    wire_writer_init(&w, buf, cap);
    wire_put_bytes(&w, span_of(head, sizeof(head)));
    sigs_put(&w, &seal->sigs);
    return wire_writer_finish(&w, ret_bytes);
}

enum err
seal_sign(struct seal *seal, const struct sign_key *key)
{
    uint8_t hash[32];
    TRY(seal_hash(seal, hash));
    return sigs_add(&seal->sigs, SIGS_SEAL, seal->suite, hash, key);
}

enum err
seal_verify(const struct seal *seal, const struct sign_pub *keys, size_t key_count, size_t *ret_key)
{
    uint8_t hash[32];
    TRY(seal_hash(seal, hash));
    return sigs_verify(&seal->sigs, SIGS_SEAL, seal->suite, hash, keys, key_count, ret_key);
}
