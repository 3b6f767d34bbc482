/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader of a whole container in memory, as tests need it: framing, records, links between
 * them, signatures by the known keys, data key, every chunk, root. Writes out only what a careful
 * recipient would publish: *ret_len is set when everything was found good. */
#ifndef TDZ_TESTS_UNIT_CRYPTO_PIPELINE_H
#define TDZ_TESTS_UNIT_CRYPTO_PIPELINE_H

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "crypto/framing.h"
#include "crypto/leaftree.h"
#include "crypto/offer.h"
#include "crypto/ossl.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "tests/vec.h"

enum { PIPELINE_PLAIN_MAX = 65536 };

struct pipeline {
    struct sign_pub gateway[1];
    struct sign_pub second[1];
    struct sign_pub release_key[1];
    struct sign_pub destination[1];
    struct secret32 sk;     /* mode base */
    struct secret32 sk_psk; /* mode psk */
    struct secret32 psk;
    struct release_psk corridor;
    struct span record[FRAMING_RECEIPT + 1];
    struct offer offer;
    uint8_t offer_hash[32];
    struct seal seal;
    struct release release;
    struct receipt receipt;
    enum suite suite;
    uint8_t plain[PIPELINE_PLAIN_MAX];
    struct offer_scratch scratch;
};

/* SHAKE256("tdzc-full/" name), as tests/oracle/container.py makes keys. */
__attribute__((unused)) static void
pipeline_shake(const char *name, uint8_t *out, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_shake256(), NULL) != 1 ||
        EVP_DigestUpdate(ctx, "tdzc-full/", 10) != 1 ||
        EVP_DigestUpdate(ctx, name, strlen(name)) != 1 || EVP_DigestFinalXOF(ctx, out, len) != 1)
        vec_die("SHAKE256", name);
    EVP_MD_CTX_free(ctx);
}

__attribute__((unused)) static void
pipeline_key(const char *name, struct sign_key *ret)
{
    uint8_t seed[32];
    pipeline_shake(name, seed, 32);
    if (sign_key_init(ret, seed) != ERR_OK)
        vec_die("sign_key_init", name);
}

__attribute__((unused)) static struct pipeline *
pipeline_new(void)
{
    struct sign_key key;
    struct pipeline *p = calloc(1, sizeof(*p));
    if (p == NULL || crypto_init() != ERR_OK)
        vec_die("pipeline", "set-up");
    pipeline_key("gateway", &key);
    p->gateway[0] = key.pub;
    pipeline_key("second", &key);
    p->second[0] = key.pub;
    pipeline_key("release", &key);
    p->release_key[0] = key.pub;
    pipeline_key("destination", &key);
    p->destination[0] = key.pub;
    pipeline_shake("recipient", p->sk.bytes, 32);
    pipeline_shake("recipient/psk", p->sk_psk.bytes, 32);
    pipeline_shake("psk", p->psk.bytes, 32);
    p->corridor.psk = &p->psk;
    pipeline_shake("psk_id", p->corridor.id, 32);
    return p;
}

__attribute__((unused)) static enum err
pipeline_frame(struct pipeline *p, struct span file)
{
    struct framing_reader r;
    struct span left = file;
    enum framing_event event = FRAMING_START;
    framing_reader_init(&r);
    memset(p->record, 0, sizeof(p->record));
    while (event != FRAMING_MORE) {
        size_t used = 0;
        struct span bytes;
        TRY(framing_feed(&r, left, &used, &bytes, &event));
        left = span_from(left, used);
        if (event == FRAMING_BYTES) /* the file is one span, so a record is too */
            p->record[r.type] = bytes;
    }
    p->suite = r.suite;
    TRY(framing_end(&r));
    return framing_has(&r, FRAMING_RECEIPT) ? ERR_OK : ERR_SHORT;
}

__attribute__((unused)) static enum err
pipeline_records(struct pipeline *p)
{
    struct json_doc doc;
    uint8_t hash[32];
    TRY(offer_decode(p->record[FRAMING_OFFER], &p->offer));
    TRY(offer_manifest(p->offer.manifest, &p->scratch, &doc, NULL));
    TRY(offer_verify(&p->offer, p->suite, p->gateway, 1, NULL));
    TRY(offer_hash(p->offer.manifest, p->offer_hash));
    TRY(seal_decode(p->record[FRAMING_SEAL], &p->seal));
    if (p->seal.suite != p->suite ||
        !span_eq(span_of(p->seal.offer_hash, 32), span_of(p->offer_hash, 32)))
        return ERR_CONFLICT;
    TRY(seal_verify(&p->seal, p->gateway, 1, NULL));
    if (p->seal.sigs.count > 1) /* each signature has its reader */
        TRY(seal_verify(&p->seal, p->second, 1, NULL));
    TRY(release_decode(p->record[FRAMING_RELEASE], &p->release));
    TRY(release_verify(&p->release, p->release_key, 1, NULL));
    TRY(receipt_decode(p->record[FRAMING_RECEIPT], &p->receipt));
    TRY(receipt_verify(&p->receipt, p->destination, 1, NULL));
    TRY(seal_hash(&p->seal, hash));
    if (!span_eq(span_of(hash, 32), span_of(p->receipt.seal_hash, 32)))
        return ERR_CONFLICT;
    TRY(release_hash(&p->release, hash));
    return span_eq(span_of(hash, 32), span_of(p->receipt.release_hash, 32)) ? ERR_OK : ERR_CONFLICT;
}

__attribute__((unused)) static enum err
pipeline_body(struct pipeline *p, const struct secret32 *dek)
{
    const struct span body = p->record[FRAMING_BODY];
    struct body_opener o;
    struct leaftree tree;
    uint8_t leaf[32];
    uint8_t group[32];
    bool full = false;
    if (p->seal.plain_len > PIPELINE_PLAIN_MAX || body.len != body_bytes(p->seal.plain_len))
        return ERR_RANGE;
    if (!span_eq(span_of(body.ptr, BODY_PREFIX_BYTES), span_of(p->seal.prefix, BODY_PREFIX_BYTES)))
        return ERR_CONFLICT;
    leaftree_init(&tree);
    TRY(body_opener_init(&o, p->suite, dek, body.ptr, p->offer_hash, p->seal.plain_len));
    enum err err = ERR_OK;
    for (uint64_t i = 0; err == ERR_OK && i < p->seal.chunk_count; i++) {
        size_t len = 0;
        size_t got = 0;
        err = body_chunk_sealed_len(p->seal.plain_len, i, &len);
        const struct span sealed = span_of(body.ptr + body_chunk_offset(i), len);
        if (err == ERR_OK)
            err = body_open_chunk(&o, i, sealed, NULL, p->plain + i * BODY_CHUNK_BYTES,
                                  BODY_CHUNK_BYTES, &got);
        if (err == ERR_OK)
            err = digest_leaf(sealed, leaf);
        if (err == ERR_OK)
            err = leaftree_add(&tree, leaf, group, &full);
    }
    body_opener_finish(&o);
    TRY(err);
    TRY(leaftree_root(&tree, leaf));
    return span_eq(span_of(leaf, 32), span_of(p->seal.root, 32)) ? ERR_OK : ERR_PROOF;
}

__attribute__((unused)) static enum err
pipeline_open(struct pipeline *p, struct span file, size_t *ret_len)
{
    struct secret32 dek;
    TRY(pipeline_frame(p, file));
    TRY(pipeline_records(p));
    TRY(release_unwrap(&p->release, &p->seal, &p->sk, NULL, &dek));
    if (p->release.wrap_count > 1)
        TRY(release_unwrap(&p->release, &p->seal, &p->sk_psk, &p->corridor, &dek));
    TRY(pipeline_body(p, &dek));
    *ret_len = (size_t)p->seal.plain_len;
    return ERR_OK;
}

#endif
