/* SPDX-License-Identifier: Apache-2.0 */
/* The 16 known-answer containers: every field byte for byte, made and opened again. */
#include "crypto/body.h"
#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "crypto/leaftree.h"
#include "crypto/offer.h"
#include "crypto/ossl.h"
#include "crypto/release.h"
#include "crypto/release_kat.h"
#include "crypto/seal.h"
#include "crypto/x25519.h"
#include "tests/test.h"
#include "tests/vec.h"

enum { TDZC_PLAIN_MAX = 1048581, TDZC_BODY_MAX = 1100000 };

static struct {
    uint8_t plain[TDZC_PLAIN_MAX];
    uint8_t body[TDZC_BODY_MAX];
    uint8_t back[TDZC_PLAIN_MAX];
} tdzc_test;

static void
tdzc_test_shake(struct span text, uint8_t *out, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_shake256(), NULL) != 1 ||
        EVP_DigestUpdate(ctx, text.ptr, text.len) != 1 ||
        (len > 0 && EVP_DigestFinalXOF(ctx, out, len) != 1))
        vec_die("SHAKE256", "EVP");
    EVP_MD_CTX_free(ctx);
}

struct tdzc_case {
    const struct vec_file *v;
    const struct json_node *t;
    enum suite suite;
    struct span plain;
    struct secret32 dek;
    uint8_t salt[BODY_SALT_BYTES];
    uint8_t offer_hash[32];
    struct sign_key key;
    struct seal seal;
};

/* A field of the case equals bytes. */
static bool
tdzc_test_is(const struct tdzc_case *c, const char *name, struct span bytes)
{
    static uint8_t want[TDZC_BODY_MAX];
    return span_eq(vec_hex(c->v, c->t, name, want, sizeof(want)), bytes);
}

static void
tdzc_test_offer(struct tdzc_case *c)
{
    struct offer offer = {.manifest = vec_text(c->v, c->t, "manifest")};
    CHECK_EQ(offer_hash(offer.manifest, c->offer_hash), ERR_OK);
    CHECK(tdzc_test_is(c, "offer_hash", span_of(c->offer_hash, 32)));
    CHECK_EQ(offer_sign(&offer, c->suite, &c->key), ERR_OK);
    CHECK(tdzc_test_is(c, "offer_sig", span_of(offer.sigs.one[0].sig, 64)));
    CHECK(tdzc_test_is(c, "sign_pk", span_of(c->key.pub.pub, 32)));
    CHECK_EQ(offer_verify(&offer, c->suite, &c->key.pub, 1, NULL), ERR_OK);
}

/* Seals the body into tdzc_test.body, fills the seal. */
static void
tdzc_test_body(struct tdzc_case *c)
{
    struct body_sealer s;
    struct leaftree tree;
    uint8_t leaf[32];
    uint8_t group[32];
    uint8_t groups[4 * 32];
    size_t group_len = 0;
    size_t at = BODY_PREFIX_BYTES;
    size_t last = 0;
    bool full = false;
    leaftree_init(&tree);
    CHECK_EQ(body_sealer_init(&s, c->suite, &c->dek, c->salt, c->offer_hash), ERR_OK);
    memcpy(tdzc_test.body, s.prefix, BODY_PREFIX_BYTES);
    for (size_t done = 0; !s.done; done += BODY_CHUNK_BYTES) {
        const size_t left = c->plain.len - done;
        const size_t len = left < BODY_CHUNK_BYTES ? left : BODY_CHUNK_BYTES;
        last = at;
        CHECK(body_chunk_offset(s.next) == at);
        CHECK_EQ(body_seal_chunk(&s, span_of(c->plain.ptr + done, len), tdzc_test.body + at,
                                 sizeof(tdzc_test.body) - at),
                 ERR_OK);
        CHECK_EQ(digest_leaf(span_of(tdzc_test.body + at, len + BODY_TAG_BYTES), leaf), ERR_OK);
        CHECK_EQ(leaftree_add(&tree, leaf, group, &full), ERR_OK);
        if (full) {
            memcpy(groups + group_len, group, 32);
            group_len += 32;
        }
        at += len + BODY_TAG_BYTES;
    }
    CHECK(at == body_bytes(c->plain.len));
    c->seal = (struct seal){.suite = c->suite, .chunk_count = s.next, .plain_len = s.plain_len};
    c->seal.sealed_at = 1767225600;
    memcpy(c->seal.offer_hash, c->offer_hash, 32);
    memcpy(c->seal.prefix, s.prefix, sizeof(s.prefix));
    CHECK_EQ(leaftree_root(&tree, c->seal.root), ERR_OK);
    CHECK(tdzc_test_is(c, "body_prefix", span_of(s.prefix, sizeof(s.prefix))));
    CHECK((uint64_t)vec_get(c->v, c->t, "n_chunks")->number == s.next);
    const size_t first_end = s.next == 1 ? at : BODY_PREFIX_BYTES + BODY_SEALED_BYTES;
    CHECK(tdzc_test_is(c, "first_chunk_tag", span_of(tdzc_test.body + first_end - 16, 16)));
    /* a long last chunk is given by its tag; body_sha256 holds the rest */
    last = at - last > 64 ? at - BODY_TAG_BYTES : last;
    CHECK(tdzc_test_is(c, "last_chunk", span_of(tdzc_test.body + last, at - last)));
    CHECK_EQ(digest_sha256(span_of(tdzc_test.body, at), leaf), ERR_OK);
    CHECK(tdzc_test_is(c, "body_sha256", span_of(leaf, 32)));
    CHECK(tdzc_test_is(c, "root", span_of(c->seal.root, 32)));
    /* the list of group roots folds to the same root */
    if (leaftree_last_group(&tree, groups + group_len) == ERR_OK)
        group_len += 32;
    CHECK_EQ(leaftree_fold(span_of(groups, group_len), leaf), ERR_OK);
    CHECK(tdzc_test_is(c, "root", span_of(leaf, 32)));
    body_sealer_finish(&s);
}

static void
tdzc_test_seal(struct tdzc_case *c)
{
    uint8_t head[SEAL_HEAD_BYTES];
    uint8_t hash[32];
    uint8_t bytes[SEAL_BYTES_MAX];
    struct span encoded;
    struct seal again;
    CHECK_EQ(seal_head(&c->seal, head), ERR_OK);
    CHECK(tdzc_test_is(c, "seal", span_of(head, sizeof(head))));
    CHECK_EQ(seal_hash(&c->seal, hash), ERR_OK);
    CHECK(tdzc_test_is(c, "seal_hash", span_of(hash, 32)));
    CHECK_EQ(seal_sign(&c->seal, &c->key), ERR_OK);
    CHECK(tdzc_test_is(c, "seal_sig", span_of(c->seal.sigs.one[0].sig, 64)));
    CHECK_EQ(seal_encode(&c->seal, bytes, sizeof(bytes), &encoded), ERR_OK);
    CHECK_EQ(seal_decode(encoded, &again), ERR_OK);
    CHECK_EQ(seal_verify(&again, &c->key.pub, 1, NULL), ERR_OK);
}

static void
tdzc_test_release(const struct tdzc_case *c)
{
    struct release release = {.suite = c->suite, .verdict = vec_text(c->v, c->t, "verdict")};
    struct secret32 sk;
    struct secret32 ephemeral;
    struct secret32 dek;
    uint8_t pk[32];
    (void)vec_hex(c->v, c->t, "recipient_sk", sk.bytes, 32);
    (void)vec_hex(c->v, c->t, "ephemeral_sk", ephemeral.bytes, 32);
    CHECK_EQ(x25519_public(&sk, pk), ERR_OK);
    CHECK_EQ(seal_hash(&c->seal, release.seal_hash), ERR_OK);
    CHECK_EQ(release_kat_wrap(&release, &c->seal, &c->dek, pk, NULL, &ephemeral), ERR_OK);
    CHECK(tdzc_test_is(c, "release_enc", span_of(release.wrap[0].enc, 32)));
    CHECK(tdzc_test_is(c, "release_ct", span_of(release.wrap[0].ct, 48)));
    CHECK_EQ(release_unwrap(&release, &c->seal, &sk, NULL, &dek), ERR_OK);
    CHECK(key_equal(span_of(dek.bytes, 32), span_of(c->dek.bytes, 32)));
}

static void
tdzc_test_open(const struct tdzc_case *c)
{
    struct body_opener o;
    CHECK_EQ(body_opener_init(&o, c->suite, &c->dek, tdzc_test.body, c->offer_hash, c->plain.len),
             ERR_OK);
    for (uint64_t i = c->seal.chunk_count; i-- > 0;) { /* any order */
        size_t len = 0;
        size_t got = 0;
        CHECK_EQ(body_chunk_sealed_len(c->plain.len, i, &len), ERR_OK);
        const struct span sealed = span_of(tdzc_test.body + body_chunk_offset(i), len);
        uint8_t *out = tdzc_test.back + i * BODY_CHUNK_BYTES;
        CHECK_EQ(body_open_chunk(&o, i, sealed, NULL, out, len, &got), ERR_OK);
        CHECK_EQ(got, len - BODY_TAG_BYTES);
    }
    CHECK(span_eq(c->plain, span_of(tdzc_test.back, c->plain.len)));
    body_opener_finish(&o);
}

int
main(int argc, char **argv)
{
    struct vec_file v = vec_open_json(argc > 1 ? argv[1] : "", "tdzc/kat.json");
    size_t count = 0;
    if (crypto_init() != ERR_OK)
        vec_die("crypto_init", "failed");
    for (const struct json_node *t = json_first(&v.doc, v.doc.nodes); t != NULL;
         t = json_next(&v.doc, v.doc.nodes, t)) {
        static char names[16][128];
        char *name = names[count % 16];
        uint8_t seed[32];
        struct tdzc_case c = {.v = &v, .t = t};
        const size_t len = (size_t)vec_get(&v, t, "plaintext_len")->number;
        const struct span shake = vec_text(&v, t, "plaintext"); /* SHAKE256('...') */
        (void)snprintf(name, sizeof(names[0]), "suite %d with %zu bytes is reproduced and opened",
                       (int)vec_get(&v, t, "suite")->number, len);
        TEST(name)
        {
            CHECK(shake.len > 12 && len <= TDZC_PLAIN_MAX);
            CHECK_EQ(suite_from_u8((uint8_t)vec_get(&v, t, "suite")->number, &c.suite), ERR_OK);
            tdzc_test_shake(span_of(shake.ptr + 10, shake.len - 12), tdzc_test.plain, len);
            tdzc_test_shake(SPAN_LIT("tdzc-kat/sk"), seed, 32);
            CHECK_EQ(sign_key_init(&c.key, seed), ERR_OK);
            c.plain = span_of(tdzc_test.plain, len);
            (void)vec_hex(&v, t, "dek", c.dek.bytes, 32);
            (void)vec_hex(&v, t, "salt", c.salt, sizeof(c.salt));
            tdzc_test_offer(&c);
            tdzc_test_body(&c);
            tdzc_test_seal(&c);
            tdzc_test_release(&c);
            tdzc_test_open(&c);
        }
        count++;
    }
    TEST("there are 16 known answers")
    CHECK_EQ(count, 16);
    vec_close(&v);
    return test_end();
}
