/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "crypto/sign.h"
#include "tests/test.h"
#include "tests/vec.h"

static const char *sign_test_folder;

static void
sign_test_wycheproof(const char *name, enum sign_alg alg, const char *pub_key, size_t want_count)
{
    struct vec_file v = vec_open_json(sign_test_folder, name);
    size_t count = 0;
    VEC_EACH_TEST(&v)
    {
        uint8_t raw[65];
        uint8_t msg[4096];
        uint8_t sig[8192];
        struct sign_pub pub;
        const struct json_node *key = vec_get(&v, group, "publicKey");
        CHECK_EQ(sign_pub_init(&pub, alg, vec_hex(&v, key, pub_key, raw, sizeof(raw))), ERR_OK);
        const struct span m = vec_hex(&v, test, "msg", msg, sizeof(msg));
        const struct span s = vec_hex(&v, test, "sig", sig, sizeof(sig));
        const bool valid = span_eq_str(vec_text(&v, test, "result"), "valid");
        const enum err err = sign_verify(&pub, m, s);
        if (err != (valid ? ERR_OK : ERR_SIGNATURE))
            printf("# tcId %d\n", (int)vec_get(&v, test, "tcId")->number);
        CHECK_EQ(err, valid ? ERR_OK : ERR_SIGNATURE);
        count++;
    }
    CHECK_EQ(count, want_count);
    vec_close(&v);
}

/* The rule of libsodium 1.0.18, by the flags of the vectors: A and R are canonical and not of small
 * order, and the equation holds without the cofactor. */
static bool
sign_test_cctv_rule(const struct vec_file *v, const struct json_node *t)
{
    static const char *const bad[] = {"low_order_R", "low_order_A", "low_order_residue",
                                      "non_canonical_A", "non_canonical_R"};
    const struct json_node *flags = vec_get(v, t, "flags");
    if (flags->type != JSON_ARRAY)
        return true;
    for (const struct json_node *f = json_first(&v->doc, flags); f != NULL;
         f = json_next(&v->doc, flags, f))
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            if (span_eq_str(f->text, bad[i]))
                return false;
    return true;
}

/* Each verdict follows the rule, and the digest of all is pinned: a library that judges one case in
 * another way fails here. */
static void
sign_test_cctv(void)
{
    struct vec_file v = vec_open_json(sign_test_folder, "cctv-ed25519/ed25519vectors.json");
    uint8_t verdicts[1024] = {0};
    size_t count = 0;
    size_t valid = 0;
    for (const struct json_node *t = json_first(&v.doc, v.doc.nodes); t != NULL;
         t = json_next(&v.doc, v.doc.nodes, t)) {
        uint8_t key[32];
        uint8_t sig[64];
        const struct span k = vec_hex(&v, t, "key", key, sizeof(key));
        const struct span s = vec_hex(&v, t, "sig", sig, sizeof(sig));
        CHECK_EQ(k.len, 32);
        CHECK_EQ((size_t)vec_get(&v, t, "number")->number, count);
        const enum err err = sign_ed25519_verify(key, vec_text(&v, t, "msg"), s);
        CHECK(err == ERR_OK || err == ERR_SIGNATURE);
        CHECK_EQ(err == ERR_OK, sign_test_cctv_rule(&v, t));
        verdicts[count++] = err == ERR_OK ? '1' : '0';
        valid += err == ERR_OK ? 1 : 0;
    }
    uint8_t hash[32];
    CHECK_EQ(count, 914);
    CHECK_EQ(valid, 43);
    CHECK_EQ(digest_sha256(span_of(verdicts, count), hash), ERR_OK);
    CHECK(vec_is(span_of(hash, 32),
                 "9111cd3acbe211e15031707588bc9d68cb7b0c2d8f500fad1ebfedfc4362ffab"));
    vec_close(&v);
}

static void
sign_test_ed25519(void)
{
    /* RFC 8032 7.1, TEST 2. */
    static const char *seed_hex =
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    uint8_t seed[32];
    uint8_t sig[64];
    struct sign_key key;
    TEST("an Ed25519 key pair and signature are those of RFC 8032")
    {
        (void)vec_unhex(span_str(seed_hex), seed, sizeof(seed));
        CHECK_EQ(sign_key_init(&key, seed), ERR_OK);
        CHECK(vec_is(span_of(key.pub.pub, key.pub.pub_len),
                     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
        CHECK_EQ(sign_ed25519(&key, SPAN_LIT("\x72"), sig), ERR_OK);
        CHECK(vec_is(span_of(sig, 64),
                     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"));
        CHECK_EQ(sign_verify(&key.pub, SPAN_LIT("\x72"), span_of(sig, 64)), ERR_OK);
    }
    TEST("another message, a flipped bit or another length does not verify")
    {
        CHECK_EQ(sign_verify(&key.pub, SPAN_LIT("\x73"), span_of(sig, 64)), ERR_SIGNATURE);
        CHECK_EQ(sign_verify(&key.pub, SPAN_LIT("\x72"), span_of(sig, 63)), ERR_SIGNATURE);
        CHECK_EQ(sign_verify(&key.pub, SPAN_LIT("\x72"), span_of(sig, 0)), ERR_SIGNATURE);
        for (size_t bit = 0; bit < 512; bit++) {
            sig[bit / 8] ^= (uint8_t)(1U << bit % 8);
            CHECK_EQ(sign_verify(&key.pub, SPAN_LIT("\x72"), span_of(sig, 64)), ERR_SIGNATURE);
            sig[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
    TEST("a keyid is the hash of the label, a zero byte and the raw key")
    {
        uint8_t want[32];
        uint8_t all[13 + 32] = "tdz/v1/keyid";
        memcpy(all + 13, key.pub.pub, 32);
        CHECK_EQ(digest_sha256(span_of(all, sizeof(all)), want), ERR_OK);
        CHECK(span_eq(span_of(want, 32), span_of(key.pub.keyid, 32)));
    }
    TEST("a wiped key is zeros")
    {
        sign_key_wipe(&key);
        CHECK(key_is_zero(span_of(&key, sizeof(key))));
    }
}

int
main(int argc, char **argv)
{
    struct sign_pub pub;
    enum sign_alg alg = SIGN_ED25519;
    uint8_t raw[66] = {0x04};
    sign_test_folder = argc > 1 ? argv[1] : "";
    TEST("a keyid needs the algorithms fetched")
    {
        CHECK_EQ(sign_keyid(SPAN_LIT("x"), raw + 1), ERR_STATE);
        CHECK_EQ(sign_init(), ERR_OK);
        CHECK_EQ(sign_init(), ERR_OK);
    }
    sign_test_ed25519();
    TEST("Ed25519 agrees with every Wycheproof case")
    sign_test_wycheproof("wycheproof/ed25519_test.json", SIGN_ED25519, "pk", 151);
    TEST("ECDSA P-256 agrees with every Wycheproof case")
    sign_test_wycheproof("wycheproof/ecdsa_secp256r1_sha256_test.json", SIGN_ECDSA_P256,
                         "uncompressed", 484);
    TEST("libsodium's verdicts on the 914 edge cases of CCTV are the pinned ones")
    sign_test_cctv();
    TEST("keys of a wrong length, form or off the curve are refused")
    {
        CHECK_EQ(sign_pub_init(&pub, SIGN_ED25519, span_of(raw, 31)), ERR_RANGE);
        CHECK_EQ(sign_pub_init(&pub, SIGN_ED25519, span_of(raw, 33)), ERR_RANGE);
        CHECK_EQ(sign_pub_init(&pub, SIGN_ECDSA_P256, span_of(raw, 64)), ERR_RANGE);
        memset(raw + 1, 0, sizeof(raw) - 1);
        CHECK_EQ(sign_pub_init(&pub, SIGN_ECDSA_P256, span_of(raw, 65)), ERR_CRYPTO);
        raw[0] = 0x06;
        CHECK_EQ(sign_pub_init(&pub, SIGN_ECDSA_P256, span_of(raw, 65)), ERR_CRYPTO);
    }
    TEST("numbers that are no algorithm are refused")
    {
        CHECK_EQ(sign_alg_from_u8(1, &alg), ERR_OK);
        CHECK_EQ(alg, SIGN_ED25519);
        CHECK_EQ(sign_alg_from_u8(2, &alg), ERR_OK);
        CHECK_EQ(alg, SIGN_ECDSA_P256);
        CHECK_EQ(sign_alg_from_u8(0, &alg), ERR_UNSUPPORTED);
        CHECK_EQ(sign_alg_from_u8(3, &alg), ERR_UNSUPPORTED);
    }
    return test_end();
}
