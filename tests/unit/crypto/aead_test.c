/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/aead.h"
#include "tests/test.h"
#include "tests/vec.h"

static const char *aead_test_folder;

/* Cases with another key, nonce or tag size than ours cannot be asked of this API; they are counted
 * so that none disappears. */
static void
aead_test_wycheproof(const char *name, enum aead_alg alg, size_t want_run, size_t want_outside)
{
    struct vec_file v = vec_open_json(aead_test_folder, name);
    struct aead *seal = NULL;
    struct aead *open = NULL;
    size_t run = 0;
    size_t outside = 0;
    CHECK_EQ(aead_new(alg, AEAD_SEAL, &seal), ERR_OK);
    CHECK_EQ(aead_new(alg, AEAD_OPEN, &open), ERR_OK);
    VEC_EACH_TEST(&v)
    {
        uint8_t key[64];
        uint8_t nonce[512];
        uint8_t aad[1024];
        uint8_t msg[2048];
        uint8_t ct[2048];
        uint8_t out[2048];
        if (vec_get(&v, group, "keySize")->number != 256 ||
            vec_get(&v, group, "ivSize")->number != 96 ||
            vec_get(&v, group, "tagSize")->number != 128) {
            outside++;
            continue;
        }
        run++;
        (void)vec_hex(&v, test, "key", key, sizeof(key));
        (void)vec_hex(&v, test, "iv", nonce, sizeof(nonce));
        const struct span a = vec_hex(&v, test, "aad", aad, sizeof(aad));
        const struct span m = vec_hex(&v, test, "msg", msg, sizeof(msg));
        struct span c = vec_hex(&v, test, "ct", ct, sizeof(ct));
        c.len += vec_hex(&v, test, "tag", ct + c.len, sizeof(ct) - c.len).len;
        const bool valid = span_eq_str(vec_text(&v, test, "result"), "valid");
        CHECK_EQ(aead_key(seal, key), ERR_OK);
        CHECK_EQ(aead_key(open, key), ERR_OK);
        for (int again = 0; again < 2; again++) { /* the second time with the nonce only */
            CHECK_EQ(aead_seal(seal, nonce, a, m, out, sizeof(out)), ERR_OK);
            CHECK(span_eq(c, span_of(out, m.len + AEAD_TAG_BYTES)) == valid);
            memset(out, 0xa5, sizeof(out));
            CHECK_EQ(aead_open(open, nonce, a, c, out, sizeof(out)), valid ? ERR_OK : ERR_AUTH);
            CHECK(valid ? span_eq(m, span_of(out, m.len)) : key_is_zero(span_of(out, m.len)));
        }
    }
    CHECK_EQ(run, want_run);
    CHECK_EQ(outside, want_outside);
    aead_free(seal);
    aead_free(open);
    vec_close(&v);
}

static void
aead_test_states(enum aead_alg alg)
{
    static const uint8_t key[32] = {1};
    static const uint8_t nonce[12] = {2};
    const struct span none = span_of(NULL, 0);
    uint8_t buf[64] = {0};
    struct aead *a = NULL;
    CHECK_EQ(aead_new(alg, AEAD_SEAL, &a), ERR_OK);
    CHECK_EQ(aead_seal(a, nonce, none, none, buf, sizeof(buf)), ERR_STATE);
    CHECK_EQ(aead_key(a, key), ERR_OK);
    CHECK_EQ(aead_open(a, nonce, none, span_of(buf, 16), buf, sizeof(buf)), ERR_STATE);
    CHECK_EQ(aead_seal(a, nonce, none, SPAN_LIT("abc"), buf, 18), ERR_FULL);
    CHECK_EQ(aead_seal(a, nonce, none, span_of(buf, (size_t)AEAD_BYTES_MAX + 1), buf, SIZE_MAX),
             ERR_RANGE);
    memcpy(buf, "abc", 3);
    CHECK_EQ(aead_seal(a, nonce, none, span_of(buf, 3), buf, 19), ERR_OK); /* in place */
    aead_forget(a);
    CHECK_EQ(aead_seal(a, nonce, none, none, buf, sizeof(buf)), ERR_STATE);
    aead_free(a);
    CHECK_EQ(aead_new(alg, AEAD_OPEN, &a), ERR_OK);
    CHECK_EQ(aead_key(a, key), ERR_OK);
    CHECK_EQ(aead_open(a, nonce, none, span_of(buf, 15), buf, sizeof(buf)), ERR_AUTH);
    CHECK_EQ(aead_open(a, nonce, none, span_of(buf, 19), buf, 2), ERR_FULL);
    CHECK_EQ(aead_open(a, nonce, none, span_of(buf, 19), buf, 3), ERR_OK); /* in place */
    CHECK(memcmp(buf, "abc", 3) == 0);
    aead_free(a);
    aead_free(NULL);
}

int
main(int argc, char **argv)
{
    struct aead *a = NULL;
    aead_test_folder = argc > 1 ? argv[1] : "";
    TEST("no context before the ciphers are fetched")
    {
        CHECK_EQ(aead_new(AEAD_AES_256_GCM, AEAD_SEAL, &a), ERR_STATE);
        CHECK_EQ(aead_init(), ERR_OK);
        CHECK_EQ(aead_init(), ERR_OK);
    }
    TEST("AES-256-GCM agrees with every Wycheproof case of our sizes")
    aead_test_wycheproof("wycheproof/aes_gcm_test.json", AEAD_AES_256_GCM, 66, 250);
    TEST("ChaCha20-Poly1305 agrees with every Wycheproof case of our sizes")
    aead_test_wycheproof("wycheproof/chacha20_poly1305_test.json", AEAD_CHACHA20_POLY1305, 316, 9);
    TEST("AES-256-GCM contexts refuse wrong use, wrong room, wrong length")
    aead_test_states(AEAD_AES_256_GCM);
    TEST("ChaCha20-Poly1305 contexts refuse wrong use, wrong room, wrong length")
    aead_test_states(AEAD_CHACHA20_POLY1305);
    return test_end();
}
