/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/receipt.h"

#include "crypto/th.h"

#include <assert.h>

enum { RECEIPT_VERSION = 1 };
static_assert(RECEIPT_HEAD_BYTES == 4 + 16 + 32 + 32 + 8 + 8 + 32 + 32, "formats.md Container");

bool
receipt_is_final(enum receipt_status status)
{
    return status != RECEIPT_HELD && status != RECEIPT_DELIVERED;
}

static enum err
receipt_check(const struct receipt *receipt)
{
    const unsigned status = (unsigned)receipt->status;
    if (status < RECEIPT_OFFER_REFUSED || status > RECEIPT_DELIVERED)
        return ERR_RANGE;
    if (receipt->status == RECEIPT_OFFER_REFUSED &&
        !key_is_zero(span_of(receipt->release_hash, sizeof(receipt->release_hash))))
        return ERR_SYNTAX;
    return ERR_OK;
}

static enum err
receipt_head(const struct receipt *receipt, uint8_t ret_head[static RECEIPT_HEAD_BYTES])
{
    struct wire_writer w;
    struct span head;
    TRY(receipt_check(receipt));
    wire_writer_init(&w, ret_head, RECEIPT_HEAD_BYTES);
    wire_put_u8(&w, RECEIPT_VERSION);
    wire_put_u8(&w, (uint8_t)receipt->suite);
    wire_put_u16(&w, (uint16_t)receipt->status);
    wire_put_bytes(&w, span_of(receipt->transfer, sizeof(receipt->transfer)));
    wire_put_bytes(&w, span_of(receipt->seal_hash, sizeof(receipt->seal_hash)));
    wire_put_bytes(&w, span_of(receipt->release_hash, sizeof(receipt->release_hash)));
    wire_put_u64(&w, receipt->received_at);
    wire_put_u64(&w, receipt->log_index);
    wire_put_bytes(&w, span_of(receipt->origin_hash, sizeof(receipt->origin_hash)));
    wire_put_bytes(&w, span_of(receipt->leaf_hash, sizeof(receipt->leaf_hash)));
    TRY(wire_writer_finish(&w, &head));
    assert(head.len == RECEIPT_HEAD_BYTES);
    return ERR_OK;
}

enum err
receipt_hash(const struct receipt *receipt, uint8_t ret_hash[static 32])
{
    uint8_t head[RECEIPT_HEAD_BYTES];
    TRY(receipt_head(receipt, head));
    return TH(ret_hash, "tdz/v1/receipt", span_of(head, sizeof(head)));
}

enum err
receipt_decode(struct span in, struct receipt *ret)
{
    struct wire_reader r;
    struct receipt got;
    wire_reader_init(&r, in);
    const uint8_t version = wire_get_u8(&r);
    const uint8_t suite = wire_get_u8(&r);
    const uint16_t status = wire_get_u16(&r);
    wire_get_copy(&r, got.transfer, sizeof(got.transfer));
    wire_get_copy(&r, got.seal_hash, sizeof(got.seal_hash));
    wire_get_copy(&r, got.release_hash, sizeof(got.release_hash));
    got.received_at = wire_get_u64(&r);
    got.log_index = wire_get_u64(&r);
    wire_get_copy(&r, got.origin_hash, sizeof(got.origin_hash));
    wire_get_copy(&r, got.leaf_hash, sizeof(got.leaf_hash));
    TRY(r.err);
    if (version != RECEIPT_VERSION)
        return ERR_VERSION;
    TRY(suite_from_u8(suite, &got.suite));
    if (status < RECEIPT_OFFER_REFUSED || status > RECEIPT_DELIVERED)
        return ERR_RANGE;
    got.status = (enum receipt_status)status;
    TRY(receipt_check(&got));
    sigs_get(&r, &got.sigs);
    TRY(wire_reader_finish(&r));
    *ret = got;
    return ERR_OK;
}

enum err
receipt_encode(const struct receipt *receipt, uint8_t *buf, size_t cap, struct span *ret_bytes)
{
    uint8_t head[RECEIPT_HEAD_BYTES];
    struct wire_writer w;
    TRY(receipt_head(receipt, head));
    wire_writer_init(&w, buf, cap);
    wire_put_bytes(&w, span_of(head, sizeof(head)));
    sigs_put(&w, &receipt->sigs);
    return wire_writer_finish(&w, ret_bytes);
}

enum err
receipt_sign(struct receipt *receipt, const struct sign_key *key)
{
    uint8_t hash[32];
    TRY(receipt_hash(receipt, hash));
    return sigs_add(&receipt->sigs, SIGS_RECEIPT, receipt->suite, hash, key);
}

enum err
receipt_verify(const struct receipt *receipt, const struct sign_pub *keys, size_t key_count,
               size_t *ret_key)
{
    uint8_t hash[32];
    TRY(receipt_hash(receipt, hash));
    return sigs_verify(&receipt->sigs, SIGS_RECEIPT, receipt->suite, hash, keys, key_count,
                       ret_key);
}
