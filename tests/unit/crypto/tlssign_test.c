/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/tlssign.h"

#include "crypto/certmake.h"
#include "crypto/ossl.h"
#include "tests/test.h"

#include <time.h>

enum { TBS_MAX = 64 + 40 + 64 };

static struct span
tbs(uint8_t buf[static TBS_MAX], const char *context, size_t hash_len)
{
    const size_t len = strlen(context);
    memset(buf, 0x20, 64);
    memcpy(buf + 64, context, len);
    buf[64 + len] = 0;
    memset(buf + 65 + len, 0xa5, hash_len);
    return span_of(buf, 65 + len + hash_len);
}

static struct span
new_pem(const char *type, const char *group, char *buf, size_t cap, EVP_PKEY **ret_key)
{
    EVP_PKEY *key = group == NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type)
                                  : EVP_PKEY_Q_keygen(NULL, NULL, type, group);
    BIO *bio = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    const int len = BIO_read(bio, buf, (int)cap);
    BIO_free(bio);
    if (ret_key != NULL)
        *ret_key = key;
    else
        EVP_PKEY_free(key);
    return span_of(buf, (size_t)len);
}

static void
test_fits(void)
{
    enum { DAY_S = 24 * 3600 };
    static char cert[2][CERTMAKE_PEM_MAX];
    static char pem[2][CERTMAKE_PEM_MAX];
    struct certmake_ca *ca = NULL;
    struct tlssign_key *key = NULL;
    struct timespec at;
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &at), 0);
    const int64_t now = (int64_t)at.tv_sec;
    CHECK_EQ(certmake_ca_new("a zone", 30, &ca), ERR_OK);
    for (size_t i = 0; i < 2; i++)
        CHECK_EQ(certmake_leaf(ca, "gw1", "DNS:localhost", CERTMAKE_SERVER, 10, cert[i], pem[i]),
                 ERR_OK);
    CHECK_EQ(tlssign_new(span_str(pem[0]), &key), ERR_OK);
    TEST("a certificate fits its own key, and no other")
    {
        CHECK_EQ(tlssign_fits(key, span_str(cert[0]), 0), ERR_OK);
        CHECK_EQ(tlssign_fits(key, span_str(cert[1]), 0), ERR_CONFLICT);
        CHECK_EQ(tlssign_fits(key, span_str(cert[1]), now + 40 * DAY_S), ERR_CONFLICT);
    }
    TEST("a certificate counts in its time, or at any when none is asked about")
    {
        CHECK_EQ(tlssign_fits(key, span_str(cert[0]), now + 60), ERR_OK);
        CHECK_EQ(tlssign_fits(key, span_str(cert[0]), now + 9 * DAY_S), ERR_OK);
        CHECK_EQ(tlssign_fits(key, span_str(cert[0]), now + 11 * DAY_S), ERR_EXPIRED);
        CHECK_EQ(tlssign_fits(key, span_str(cert[0]), now - 30 * DAY_S), ERR_NOT_YET);
    }
    TEST("what is no certificate is called so")
    {
        CHECK_EQ(tlssign_fits(key, span_of(NULL, 0), 0), ERR_SYNTAX);
        CHECK_EQ(tlssign_fits(key, SPAN_LIT("x"), 0), ERR_SYNTAX);
        CHECK_EQ(tlssign_fits(key, span_str(pem[0]), 0), ERR_SYNTAX);
        CHECK_EQ(tlssign_fits(key, span_of(cert[0], strlen(cert[0]) / 2), 0), ERR_SYNTAX);
    }
    tlssign_free(key);
    certmake_ca_free(ca);
}

int
main(void)
{
    uint8_t buf[TBS_MAX];
    char pem[1024];
    uint8_t sig[TLSSIGN_SIG_MAX];
    size_t len = 0;
    const char *const server = "TLS 1.3, server CertificateVerify";
    const char *const client = "TLS 1.3, client CertificateVerify";
    const unsigned both = TLSSIGN_SERVER | TLSSIGN_CLIENT;

    TEST("the input of either end is recognised, for that end only")
    {
        CHECK_EQ(tlssign_check(tbs(buf, server, 32), TLSSIGN_SERVER), ERR_OK);
        CHECK_EQ(tlssign_check(tbs(buf, server, 48), both), ERR_OK);
        CHECK_EQ(tlssign_check(tbs(buf, client, 48), TLSSIGN_CLIENT), ERR_OK);
        CHECK_EQ(tlssign_check(tbs(buf, server, 48), TLSSIGN_CLIENT), ERR_DENIED);
        CHECK_EQ(tlssign_check(tbs(buf, client, 32), TLSSIGN_SERVER), ERR_DENIED);
        CHECK_EQ(tlssign_check(tbs(buf, client, 32), 0), ERR_DENIED);
    }
    TEST("anything else is refused, at every length and with every byte of the frame changed")
    {
        const struct span good = tbs(buf, server, 32);
        for (size_t cut = 0; cut < good.len; cut++)
            CHECK_EQ(tlssign_check(span_of(buf, cut), both), ERR_DENIED);
        CHECK_EQ(tlssign_check(span_of(buf, good.len + 1), both), ERR_DENIED);
        for (size_t i = 0; i < good.len - 32; i++) {
            buf[i] ^= 1;
            CHECK_EQ(tlssign_check(good, both), ERR_DENIED);
            buf[i] ^= 1;
        }
        CHECK_EQ(tlssign_check(tbs(buf, "tdz/v1/seal", 32), both), ERR_DENIED);
        CHECK_EQ(tlssign_check(tbs(buf, server, 31), both), ERR_DENIED);
        CHECK_EQ(tlssign_check(tbs(buf, server, 64), both), ERR_DENIED);
    }
    TEST("a signature made here verifies with OpenSSL, and only the right input is signed")
    {
        struct tlssign_key *key = NULL;
        EVP_PKEY *oracle = NULL;
        uint8_t point[TLSSIGN_PUB_LEN];
        CHECK_EQ(tlssign_new(new_pem("EC", "P-256", pem, sizeof(pem), &oracle), &key), ERR_OK);
        const struct span good = tbs(buf, client, 48);
        CHECK_EQ(tlssign_sign(key, both, good, sig, sizeof(sig), &len), ERR_OK);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        CHECK_EQ(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, oracle), 1);
        CHECK_EQ(EVP_DigestVerify(ctx, sig, len, good.ptr, good.len), 1);
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(oracle);
        tlssign_public(key, point);
        CHECK_EQ(point[0], 4);
        CHECK_EQ(tlssign_sign(key, TLSSIGN_SERVER, good, sig, sizeof(sig), &len), ERR_DENIED);
        CHECK_EQ(tlssign_sign(key, both, SPAN_LIT("x"), sig, sizeof(sig), &len), ERR_DENIED);
        CHECK_EQ(tlssign_sign(key, both, good, sig, sizeof(sig) - 1, &len), ERR_FULL);
        tlssign_free(key);
        tlssign_free(NULL);
    }
    TEST("keys of another kind, and no keys, are refused")
    {
        struct tlssign_key *key = NULL;
        CHECK_EQ(tlssign_new(new_pem("EC", "P-384", pem, sizeof(pem), NULL), &key),
                 ERR_UNSUPPORTED);
        CHECK_EQ(tlssign_new(new_pem("ED25519", NULL, pem, sizeof(pem), NULL), &key),
                 ERR_UNSUPPORTED);
        CHECK_EQ(tlssign_new(SPAN_LIT("-----BEGIN PRIVATE KEY-----\n"), &key), ERR_SYNTAX);
        CHECK_EQ(tlssign_new(SPAN_LIT(""), &key), ERR_SYNTAX);
        CHECK(key == NULL);
    }
    test_fits();
    return test_end();
}
