/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/crypto.h"
#include "crypto/hpke.h"
#include "crypto/hpke_kat.h"
#include "tests/test.h"
#include "tests/vec.h"

/* The text of one "Setup Information" section of the RFC's file: from its mode line of our AEAD up
 * to the next section. */
static struct span
hpke_test_section(struct span all, int aead, int mode)
{
    char head[64];
    const int n =
        snprintf(head, sizeof(head), "mode: %d\nkem_id: 32\nkdf_id: 1\naead_id: %d\n", mode, aead);
    const uint8_t *start = memmem(all.ptr, all.len, head, (size_t)n);
    if (start == NULL)
        vec_die("no section", head);
    const struct span rest = span_from(all, (size_t)(start - all.ptr));
    const uint8_t *end = memmem(rest.ptr, rest.len, "### ", 4);
    const uint8_t *messages = memmem(rest.ptr, rest.len, "#### Exported", 13);
    return end == NULL || messages == NULL ? rest : span_of(start, (size_t)(messages - start));
}

/* The first value "name: hex" of the section; the hex may be broken over lines. */
static struct span
hpke_test_field(struct span section, const char *name, uint8_t *out, size_t cap)
{
    char label[64];
    char hex[1024];
    size_t len = 0;
    const int n = snprintf(label, sizeof(label), "\n%s:", name);
    const uint8_t *at = memmem(section.ptr, section.len, label, (size_t)n);
    if (at == NULL)
        vec_die("no field", name);
    struct span rest = span_from(section, (size_t)(at - section.ptr) + (size_t)n);
    for (size_t i = 0; i < rest.len && len < sizeof(hex); i++) {
        const char c = (char)rest.ptr[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) {
            /* a letter that begins the next name is followed by ':' before the line ends */
            const uint8_t *eol = memchr(rest.ptr + i, '\n', rest.len - i);
            const size_t line = eol == NULL ? rest.len - i : (size_t)(eol - rest.ptr) - i;
            if ((i > 0 && rest.ptr[i - 1] == '\n' && memchr(rest.ptr + i, ':', line) != NULL))
                break;
            hex[len++] = c;
        } else if (c != '\n' && c != ' ') {
            break;
        }
    }
    return vec_unhex(span_of(hex, len), out, cap);
}

static void
hpke_test_rfc(struct span all, int mode)
{
    const struct span section = hpke_test_section(all, 3, mode);
    uint8_t info[64];
    uint8_t pk[32];
    uint8_t enc[32];
    uint8_t pt[64];
    uint8_t aad[32];
    uint8_t ct[96];
    uint8_t psk[64];
    uint8_t psk_id[64];
    uint8_t got[96];
    uint8_t got_enc[32];
    struct secret32 ephemeral;
    struct secret32 sk;
    CHECK_EQ(hpke_test_field(section, "skEm", ephemeral.bytes, 32).len, 32);
    CHECK_EQ(hpke_test_field(section, "skRm", sk.bytes, 32).len, 32);
    CHECK_EQ(hpke_test_field(section, "pkRm", pk, 32).len, 32);
    CHECK_EQ(hpke_test_field(section, "enc", enc, 32).len, 32);
    const struct span i = hpke_test_field(section, "info", info, sizeof(info));
    const struct span p = hpke_test_field(section, "pt", pt, sizeof(pt));
    const struct span a = hpke_test_field(section, "aad", aad, sizeof(aad));
    const struct span c = hpke_test_field(section, "ct", ct, sizeof(ct));
    struct hpke_psk shared;
    const struct hpke_psk *use = NULL;
    if (mode == HPKE_PSK) {
        shared.psk = hpke_test_field(section, "psk", psk, sizeof(psk));
        shared.id = hpke_test_field(section, "psk_id", psk_id, sizeof(psk_id));
        use = &shared;
    }
    CHECK_EQ(c.len, p.len + HPKE_TAG_BYTES);
    CHECK_EQ(hpke_kat_seal(&ephemeral, pk, i, use, a, p, got_enc, got, sizeof(got)), ERR_OK);
    CHECK(span_eq(c, span_of(got, c.len)));
    CHECK(span_eq(span_of(enc, 32), span_of(got_enc, 32)));
    CHECK_EQ(hpke_open(&sk, enc, i, use, a, c, got, sizeof(got)), ERR_OK);
    CHECK(span_eq(p, span_of(got, p.len)));
    if (use != NULL)
        CHECK_EQ(hpke_open(&sk, enc, i, NULL, a, c, got, sizeof(got)), ERR_AUTH);
}

static void
hpke_test_refusals(void)
{
    const struct span info = SPAN_LIT("info");
    const struct span none = span_of(NULL, 0);
    struct secret32 sk;
    struct secret32 other;
    uint8_t pk[32];
    uint8_t enc[32];
    uint8_t ct[64];
    uint8_t out[64];
    static const uint8_t zeros[33] = {0};
    key_random(sk.bytes, 32);
    key_random(other.bytes, 32);
    static const uint8_t base[32] = {9};
    TEST("what is sealed to a key opens with it, and two seals differ")
    {
        uint8_t enc2[32];
        uint8_t ct2[64];
        uint8_t probe[64];
        /* the public key of sk, by the sealing of an empty text with sk as the ephemeral key */
        CHECK_EQ(hpke_kat_seal(&sk, base, info, NULL, none, none, pk, probe, 16), ERR_OK);
        CHECK_EQ(hpke_seal(pk, info, NULL, none, SPAN_LIT("abc"), enc, ct, 19), ERR_OK);
        CHECK_EQ(hpke_seal(pk, info, NULL, none, SPAN_LIT("abc"), enc2, ct2, 19), ERR_OK);
        CHECK(!span_eq(span_of(enc, 32), span_of(enc2, 32)));
        CHECK_EQ(hpke_open(&sk, enc, info, NULL, none, span_of(ct, 19), out, 3), ERR_OK);
        CHECK(memcmp(out, "abc", 3) == 0);
    }
    TEST("another key, info, aad, enc or ciphertext does not open")
    {
        const struct span c = span_of(ct, 19);
        CHECK_EQ(hpke_open(&other, enc, info, NULL, none, c, out, 3), ERR_AUTH);
        CHECK_EQ(hpke_open(&sk, enc, SPAN_LIT("infp"), NULL, none, c, out, 3), ERR_AUTH);
        CHECK_EQ(hpke_open(&sk, enc, info, NULL, SPAN_LIT("a"), c, out, 3), ERR_AUTH);
        CHECK_EQ(hpke_open(&sk, enc, info, NULL, none, span_of(ct, 18), out, 3), ERR_AUTH);
        CHECK_EQ(hpke_open(&sk, enc, info, NULL, none, span_of(ct, 15), out, 3), ERR_AUTH);
        CHECK_EQ(hpke_open(&sk, zeros, info, NULL, none, c, out, 3), ERR_AUTH);
        for (size_t bit = 0; bit < 19 * 8; bit++) {
            ct[bit / 8] ^= (uint8_t)(1U << bit % 8);
            CHECK_EQ(hpke_open(&sk, enc, info, NULL, none, c, out, 3), ERR_AUTH);
            ct[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        for (size_t bit = 0; bit < 255; bit++) { /* bit 255 is masked by X25519 but bound by kem */
            enc[bit / 8] ^= (uint8_t)(1U << bit % 8);
            CHECK_EQ(hpke_open(&sk, enc, info, NULL, none, c, out, 3), ERR_AUTH);
            enc[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        enc[31] ^= 0x80;
        CHECK_EQ(hpke_open(&sk, enc, info, NULL, none, c, out, 3), ERR_AUTH);
        enc[31] ^= 0x80;
    }
    TEST("keys of small order, short psk, missing psk id and small buffers are refused")
    {
        const struct hpke_psk weak = {span_of(zeros, 31), SPAN_LIT("id")};
        const struct hpke_psk anon = {span_of(zeros, 32), span_of(NULL, 0)};
        static uint8_t big[HPKE_TEXT_MAX + 17];
        CHECK_EQ(hpke_seal(zeros, info, NULL, none, none, enc, ct, 16), ERR_CRYPTO);
        CHECK_EQ(hpke_seal(pk, info, &weak, none, none, enc, ct, 16), ERR_RANGE);
        CHECK_EQ(hpke_seal(pk, info, &anon, none, none, enc, ct, 16), ERR_RANGE);
        CHECK_EQ(hpke_open(&sk, enc, info, &weak, none, span_of(ct, 19), out, 3), ERR_RANGE);
        CHECK_EQ(hpke_seal(pk, info, NULL, none, none, enc, ct, 15), ERR_FULL);
        CHECK_EQ(
            hpke_seal(pk, info, NULL, none, span_of(big, HPKE_TEXT_MAX + 1), enc, big, sizeof(big)),
            ERR_RANGE);
        CHECK_EQ(hpke_open(&sk, enc, info, NULL, none, span_of(big, sizeof(big)), big, sizeof(big)),
                 ERR_RANGE);
        CHECK_EQ(hpke_open(&sk, enc, info, NULL, none, span_of(ct, 19), out, 2), ERR_FULL);
    }
}

int
main(int argc, char **argv)
{
    uint8_t enc[32];
    uint8_t ct[16];
    struct vec_file v = vec_open(argc > 1 ? argv[1] : "", "hpke/rfc9180-x25519.txt");
    TEST("nothing is sealed before the layer is ready")
    {
        static const uint8_t base[32] = {9};
        const struct span none = span_of(NULL, 0);
        CHECK_EQ(hpke_seal(base, none, NULL, none, none, enc, ct, 16), ERR_STATE);
        CHECK_EQ(crypto_init(), ERR_OK);
        CHECK_EQ(crypto_init(), ERR_OK);
    }
    TEST("mode base reproduces the vectors of RFC 9180 A.2.1")
    hpke_test_rfc(v.all, HPKE_BASE);
    TEST("mode psk reproduces the vectors of RFC 9180 A.2.2")
    hpke_test_rfc(v.all, HPKE_PSK);
    hpke_test_refusals();
    vec_close(&v);
    return test_end();
}
