/* SPDX-License-Identifier: Apache-2.0 */
/* Sealers and openers: limits, misuse, and the stream cases of the age testkit (C2SP/CCTV, files
 * stream_*) in our format: what a holder of the key could write, against an honest SEAL. */
#include "crypto/body.h"

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "tests/test.h"

static struct {
    struct secret32 dek;
    uint8_t salt[BODY_SALT_BYTES];
    uint8_t offer_hash[32];
    uint8_t prefix[BODY_PREFIX_BYTES];
    uint8_t plain[BODY_CHUNK_BYTES];
    uint8_t out[BODY_SEALED_BYTES + 1];
} body_test;

/* A chunk of plain_len bytes sealed at index by hand, so that also wrong streams can be made.
 * Returns its bytes in body_test.out. */
static struct span
body_test_chunk(enum suite suite, uint64_t index, size_t plain_len)
{
    struct body_keys keys;
    struct aead *aead = NULL;
    uint8_t nonce[12];
    CHECK_EQ(body_derive(suite, &body_test.dek, body_test.salt, body_test.offer_hash, &keys),
             ERR_OK);
    memcpy(nonce, keys.base_nonce, 12);
    nonce[11] ^= (uint8_t)index;
    CHECK_EQ(aead_new(suite_info(suite)->aead, AEAD_SEAL, &aead), ERR_OK);
    CHECK_EQ(aead_key(aead, keys.key.bytes), ERR_OK);
    CHECK_EQ(aead_seal(aead, nonce, span_of(NULL, 0), span_of(body_test.plain, plain_len),
                       body_test.out, sizeof(body_test.out)),
             ERR_OK);
    aead_free(aead);
    body_keys_wipe(&keys);
    return span_of(body_test.out, plain_len + BODY_TAG_BYTES);
}

struct body_case {
    const char *name;   /* of the age testkit */
    uint64_t plain_len; /* what SEAL says */
    uint64_t index;     /* of the chunk that is offered */
    uint64_t sealed_as; /* index it was sealed at */
    size_t len;         /* plaintext bytes in it */
    size_t cut;         /* bytes cut off its end */
    size_t more;        /* bytes added */
    enum err want;
};

static void
body_test_age(enum suite suite)
{
    static const struct body_case cases[] = {
        {"stream_empty_payload", 0, 0, 0, 0, 0, 0, ERR_OK},
        {"stream_no_chunks", 0, 0, 0, 0, 16, 0, ERR_SHORT},
        {"stream_missing_tag", 1, 0, 0, 1, 16, 0, ERR_SHORT},
        {"stream_short_chunk", 17, 0, 0, 17, 1, 0, ERR_SHORT},
        {"stream_trailing_garbage_short", 1, 0, 0, 1, 0, 1, ERR_TRAILING},
        {"stream_trailing_garbage_long", 1, 0, 0, 1, 0, 200, ERR_TRAILING},
        {"stream_last_chunk_empty", 16384, 1, 1, 0, 0, 0, ERR_OK}, /* ours must have it */
        {"stream_last_chunk_full", 16384, 1, 1, 16384, 0, 0, ERR_TRAILING},
        {"stream_last_chunk_full_second", 16384, 2, 2, 0, 0, 0, ERR_RANGE},
        {"stream_no_final", 16385, 0, 0, 1, 0, 0, ERR_SHORT},
        {"stream_no_final_full", 16384, 1, 1, 0, 16, 0, ERR_SHORT},
        {"stream_two_chunks", 16385, 1, 1, 1, 0, 0, ERR_OK},
        {"stream_no_final_two_chunks", 32769, 1, 1, 1, 0, 0, ERR_SHORT},
        {"stream_two_final_chunks", 1, 1, 1, 1, 0, 0, ERR_RANGE},
        {"stream_two_final_chunks_second", 16385, 2, 2, 1, 0, 0, ERR_RANGE},
        {"stream_two_final_chunks_full", 16385, 1, 1, 16384, 0, 0, ERR_TRAILING},
        {"stream_short_second_chunk", 40000, 1, 1, 16383, 0, 0, ERR_SHORT},
        {"stream_bad_tag", 1, 0, 1, 1, 0, 0, ERR_AUTH},
        {"stream_bad_tag_second_chunk", 16385, 1, 0, 1, 0, 0, ERR_AUTH},
        {"stream_bad_tag_second_chunk_full", 40000, 1, 0, 16384, 0, 0, ERR_AUTH},
        {"stream_three_chunks", 32769, 2, 2, 1, 0, 0, ERR_OK},
    };
    static uint8_t out[BODY_CHUNK_BYTES];
    static uint8_t sealed[BODY_SEALED_BYTES + 256];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct body_case *c = &cases[i];
        struct body_opener o;
        size_t len = 0;
        CHECK_EQ(body_opener_init(&o, suite, &body_test.dek, body_test.prefix, body_test.offer_hash,
                                  c->plain_len),
                 ERR_OK);
        const struct span made = body_test_chunk(suite, c->sealed_as, c->len);
        memcpy(sealed, made.ptr, made.len);
        const struct span given = span_of(sealed, made.len - c->cut + c->more);
        const enum err err = body_open_chunk(&o, c->index, given, NULL, out, sizeof(out), &len);
        if (err != c->want)
            printf("# %s\n", c->name);
        CHECK_EQ(err, c->want);
        CHECK(err != ERR_OK || len == c->len);
        body_opener_finish(&o);
    }
}

static void
body_test_sealer(enum suite suite)
{
    struct body_sealer s;
    const struct span whole = span_of(body_test.plain, BODY_CHUNK_BYTES);
    CHECK_EQ(body_sealer_init(&s, suite, &body_test.dek, body_test.salt, body_test.offer_hash),
             ERR_OK);
    memcpy(body_test.prefix, s.prefix, sizeof(s.prefix));
    CHECK(memcmp(s.prefix, body_test.salt, BODY_SALT_BYTES) == 0);
    CHECK_EQ(body_seal_chunk(&s, span_of(body_test.plain, BODY_CHUNK_BYTES + 1), body_test.out,
                             sizeof(body_test.out)),
             ERR_RANGE);
    CHECK_EQ(body_seal_chunk(&s, whole, body_test.out, BODY_SEALED_BYTES - 1), ERR_FULL);
    CHECK(s.next == 0);
    CHECK_EQ(body_seal_chunk(&s, whole, body_test.out, BODY_SEALED_BYTES), ERR_OK);
    CHECK_EQ(body_seal_chunk(&s, span_of(NULL, 0), body_test.out, 16), ERR_OK);
    CHECK(s.next == 2 && s.done && s.plain_len == BODY_CHUNK_BYTES);
    CHECK_EQ(body_seal_chunk(&s, span_of(NULL, 0), body_test.out, 16), ERR_STATE);
    s.done = false;
    s.next = BODY_CHUNKS_MAX - 1; /* only the short chunk has room */
    CHECK_EQ(body_seal_chunk(&s, whole, body_test.out, BODY_SEALED_BYTES), ERR_RANGE);
    CHECK_EQ(body_seal_chunk(&s, span_of(body_test.plain, 5), body_test.out, 21), ERR_OK);
    s.done = false;
    CHECK_EQ(body_seal_chunk(&s, span_of(body_test.plain, 5), body_test.out, 21), ERR_RANGE);
    body_sealer_finish(&s);
    CHECK_EQ(body_seal_chunk(&s, span_of(body_test.plain, 5), body_test.out, 21), ERR_STATE);
    CHECK(key_is_zero(span_of(&s, sizeof(s))));
}

static void
body_test_commit(enum suite suite)
{
    const enum suite other =
        suite == SUITE_AES_256_GCM ? SUITE_CHACHA20_POLY1305 : SUITE_AES_256_GCM;
    struct body_opener o;
    struct secret32 dek = body_test.dek;
    uint8_t *const fields[] = {dek.bytes, body_test.prefix, body_test.offer_hash};
    const size_t lens[] = {32, BODY_PREFIX_BYTES, 32};
    for (size_t f = 0; f < 3; f++) {
        for (size_t bit = 0; bit < lens[f] * 8; bit++) {
            fields[f][bit / 8] ^= (uint8_t)(1U << bit % 8);
            CHECK_EQ(body_opener_init(&o, suite, &dek, body_test.prefix, body_test.offer_hash, 5),
                     ERR_AUTH);
            fields[f][bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
    CHECK_EQ(body_opener_init(&o, other, &dek, body_test.prefix, body_test.offer_hash, 5),
             ERR_AUTH);
    CHECK_EQ(body_opener_init(&o, suite, &dek, body_test.prefix, body_test.offer_hash,
                              BODY_PLAIN_MAX + 1),
             ERR_RANGE);
}

static void
body_test_leaf(enum suite suite)
{
    struct body_opener o;
    uint8_t leaf[32];
    uint8_t out[8];
    size_t len = 0;
    const struct span sealed = body_test_chunk(suite, 0, 5);
    CHECK_EQ(body_opener_init(&o, suite, &body_test.dek, body_test.prefix, body_test.offer_hash, 5),
             ERR_OK);
    CHECK_EQ(digest_leaf(sealed, leaf), ERR_OK);
    CHECK_EQ(body_open_chunk(&o, 0, sealed, leaf, out, 4, &len), ERR_FULL);
    CHECK_EQ(body_open_chunk(&o, 0, sealed, leaf, out, 5, &len), ERR_OK);
    CHECK(len == 5 && memcmp(out, body_test.plain, 5) == 0);
    leaf[31] ^= 1;
    CHECK_EQ(body_open_chunk(&o, 0, sealed, leaf, out, 5, &len), ERR_PROOF);
    body_test.out[0] ^= 1;
    CHECK_EQ(body_open_chunk(&o, 0, sealed, NULL, out, 5, &len), ERR_AUTH);
    CHECK(key_is_zero(span_of(out, 5)));
    body_opener_finish(&o);
    CHECK_EQ(body_open_chunk(&o, 0, sealed, NULL, out, 5, &len), ERR_STATE);
}

int
main(void)
{
    struct body_sealer s;
    size_t len = 0;
    for (size_t i = 0; i < sizeof(body_test.plain); i++)
        body_test.plain[i] = (uint8_t)(i * 7 + 3);
    TEST("no sealer before the layer is ready")
    {
        CHECK_EQ(body_sealer_init(&s, SUITE_AES_256_GCM, &body_test.dek, body_test.salt,
                                  body_test.offer_hash),
                 ERR_STATE);
        CHECK_EQ(crypto_init(), ERR_OK);
    }
    key_random(body_test.dek.bytes, 32);
    TEST("counts, lengths and offsets follow the plaintext's length")
    {
        CHECK(body_chunk_count(0) == 1 && body_chunk_count(16383) == 1);
        CHECK(body_chunk_count(16384) == 2 && body_chunk_count(BODY_PLAIN_MAX) == BODY_CHUNKS_MAX);
        CHECK(body_bytes(0) == 72 && body_bytes(16384) == 56 + 16400 + 16);
        CHECK(body_chunk_offset(0) == 56 && body_chunk_offset(3) == 56 + 3 * 16400);
        CHECK_EQ(body_chunk_sealed_len(16384, 1, &len), ERR_OK);
        CHECK_EQ(len, 16);
        CHECK_EQ(body_chunk_sealed_len(16384, 0, &len), ERR_OK);
        CHECK_EQ(len, 16400);
        CHECK_EQ(body_chunk_sealed_len(16384, 2, &len), ERR_RANGE);
    }
    for (int n = 1; n <= 2; n++) {
        const enum suite suite = (enum suite)n;
        TEST("a sealer goes up to its short chunk and no further")
        body_test_sealer(suite);
        TEST("another key, salt, commitment, offer or suite fails before the first chunk")
        body_test_commit(suite);
        TEST("the stream cases of the age testkit have their verdicts")
        body_test_age(suite);
        TEST("a chunk must have the leaf that is expected of it")
        body_test_leaf(suite);
    }
    return test_end();
}
