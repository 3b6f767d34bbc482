/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/mac.h"
#include "crypto/ossl.h"
#include "tests/test.h"
#include "tests/vec.h"

static const char *mac_test_folder;

static bool
mac_test_valid(const struct vec_file *v, const struct json_node *test)
{
    return span_eq_str(vec_text(v, test, "result"), "valid");
}

static void
mac_test_hmac(void)
{
    struct vec_file v = vec_open_json(mac_test_folder, "wycheproof/hmac_sha256_test.json");
    size_t count = 0;
    TEST("HMAC-SHA-256 agrees with every Wycheproof case, cut tags included")
    {
        VEC_EACH_TEST(&v)
        {
            uint8_t key[512];
            uint8_t msg[1024];
            uint8_t tag[32];
            uint8_t got[32];
            const struct span k = vec_hex(&v, test, "key", key, sizeof(key));
            const struct span m = vec_hex(&v, test, "msg", msg, sizeof(msg));
            const struct span t = vec_hex(&v, test, "tag", tag, sizeof(tag));
            const struct span parts[] = {span_of(m.ptr, m.len / 2), span_from(m, m.len / 2)};
            CHECK_EQ(mac_sha256(k, parts, 2, got), ERR_OK);
            CHECK(span_eq(t, span_of(got, t.len)) == mac_test_valid(&v, test));
            count++;
        }
        CHECK_EQ(count, 174);
    }
    vec_close(&v);
}

/* The extract step for SHA-512, which the product does not have. */
static void
mac_test_extract512(struct span salt, struct span ikm, uint8_t prk[static 64])
{
    static const uint8_t zeros[64] = {0};
    size_t len = 0;
    const struct span key = salt.len == 0 ? span_of(zeros, 64) : salt;
    if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA512", NULL, key.ptr, key.len, ikm.ptr, ikm.len, prk, 64,
                  &len) == NULL ||
        len != 64)
        vec_die("HMAC-SHA-512", "EVP_Q_mac");
}

static void
mac_test_hkdf(const char *name, bool wide, size_t want_count)
{
    struct vec_file v = vec_open_json(mac_test_folder, name);
    size_t count = 0;
    VEC_EACH_TEST(&v)
    {
        uint8_t ikm[512];
        uint8_t salt[512];
        uint8_t info[1024];
        uint8_t okm[MAC_HKDF_SHA512_MAX];
        uint8_t got[MAC_HKDF_SHA512_MAX + 1];
        uint8_t prk[64];
        const struct span i = vec_hex(&v, test, "ikm", ikm, sizeof(ikm));
        const struct span s = vec_hex(&v, test, "salt", salt, sizeof(salt));
        const struct span f = vec_hex(&v, test, "info", info, sizeof(info));
        const struct span want = vec_hex(&v, test, "okm", okm, sizeof(okm));
        const size_t size = (size_t)vec_get(&v, test, "size")->number;
        enum err err = ERR_OK;
        CHECK(size <= sizeof(got));
        if (wide) {
            mac_test_extract512(s, i, prk);
            err = mac_hkdf_expand_sha512(span_of(prk, 64), f, got, size);
        } else {
            CHECK_EQ(mac_hkdf_extract_sha256(s, &i, 1, prk), ERR_OK);
            err = mac_hkdf_expand_sha256(span_of(prk, 32), f, got, size);
        }
        CHECK_EQ(err, mac_test_valid(&v, test) ? ERR_OK : ERR_RANGE);
        CHECK(err != ERR_OK || span_eq(want, span_of(got, size)));
        count++;
    }
    CHECK_EQ(count, want_count);
    vec_close(&v);
}

int
main(int argc, char **argv)
{
    uint8_t out[64];
    const struct span abc = SPAN_LIT("abc");
    mac_test_folder = argc > 1 ? argv[1] : "";
    TEST("nothing works before the algorithms are fetched")
    {
        CHECK_EQ(mac_sha256(abc, &abc, 1, out), ERR_STATE);
        CHECK_EQ(mac_hkdf_extract_sha256(abc, &abc, 1, out), ERR_STATE);
        CHECK_EQ(mac_hkdf_expand_sha512(abc, abc, out, 32), ERR_STATE);
        CHECK_EQ(mac_init(), ERR_OK);
        CHECK_EQ(mac_init(), ERR_OK);
    }
    mac_test_hmac();
    TEST("HKDF-SHA-256 agrees with every Wycheproof case")
    mac_test_hkdf("wycheproof/hkdf_sha256_test.json", false, 86);
    TEST("HKDF-Expand-SHA-512 agrees with every Wycheproof case")
    mac_test_hkdf("wycheproof/hkdf_sha512_test.json", true, 83);
    TEST("lengths outside HKDF's bounds are refused")
    {
        static const uint8_t big[MAC_HKDF_INFO_MAX + 1] = {0};
        const struct span prk = span_of(big, 32);
        CHECK_EQ(mac_hkdf_expand_sha256(prk, abc, out, 0), ERR_RANGE);
        CHECK_EQ(mac_hkdf_expand_sha256(span_of(big, 31), abc, out, 1), ERR_RANGE);
        CHECK_EQ(mac_hkdf_expand_sha256(prk, span_of(big, sizeof(big)), out, 1), ERR_RANGE);
        CHECK_EQ(mac_hkdf_expand_sha256(prk, span_of(big, sizeof(big) - 1), out, 1), ERR_OK);
        CHECK_EQ(mac_hkdf_expand_sha512(span_of(big, 0), abc, out, 1), ERR_RANGE);
        CHECK_EQ(mac_hkdf_expand_sha512(prk, span_of(big, sizeof(big)), out, 1), ERR_RANGE);
        CHECK_EQ(mac_hkdf_expand_sha512(prk, span_of(big, sizeof(big) - 1), out, 1), ERR_OK);
    }
    return test_end();
}
