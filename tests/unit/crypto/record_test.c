/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoders and verifiers of OFFER, SEAL, RELEASE and RECEIPT refuse, code by code. The
 * records are those of the oracle's files, changed field by field. */
#include "tests/test.h"
#include "tests/unit/crypto/pipeline.h"

#include "crypto/x25519.h"

static struct {
    struct pipeline *p;
    struct vec_file v;
    uint8_t buf[RELEASE_BYTES_MAX + 1];
    size_t len;
} record_test;

/* A fresh copy of record type in buf. */
static uint8_t *
record_test_copy(enum framing_type type)
{
    const struct span s = record_test.p->record[type];
    memcpy(record_test.buf, s.ptr, s.len);
    record_test.len = s.len;
    return record_test.buf;
}

static struct span
record_test_span(void)
{
    return span_of(record_test.buf, record_test.len);
}

static void
record_test_sigs(void)
{
    struct sign_key keys[5];
    uint8_t digest[32] = {7};
    struct sigs sigs = {0};
    uint8_t raw[SIGS_BYTES_MAX];
    struct wire_writer w;
    struct wire_reader r;
    struct span bytes;
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++)
        pipeline_key(names[i], &keys[i]);
    TEST("four keys may sign, each once")
    {
        wire_writer_init(&w, raw, sizeof(raw));
        sigs_put(&w, &sigs);
        CHECK_EQ(wire_writer_finish(&w, &bytes), ERR_RANGE);
        for (size_t i = 0; i < 4; i++) {
            CHECK_EQ(sigs_add(&sigs, SIGS_SEAL, SUITE_AES_256_GCM, digest, &keys[i]), ERR_OK);
            if (i < 3)
                CHECK_EQ(sigs_add(&sigs, SIGS_SEAL, SUITE_AES_256_GCM, digest, &keys[i]),
                         ERR_DUPLICATE);
        }
        CHECK_EQ(sigs_add(&sigs, SIGS_SEAL, SUITE_AES_256_GCM, digest, &keys[4]), ERR_FULL);
        wire_writer_init(&w, raw, sizeof(raw));
        sigs_put(&w, &sigs);
        CHECK_EQ(wire_writer_finish(&w, &bytes), ERR_OK);
        CHECK_EQ(bytes.len, 1 + 4 * (1 + 32 + 2 + 64));
    }
    TEST("a signature counts for its key, kind, suite and digest only")
    {
        const struct sign_pub known[] = {keys[4].pub, keys[2].pub};
        size_t by = 9;
        CHECK_EQ(sigs_verify(&sigs, SIGS_SEAL, SUITE_AES_256_GCM, digest, known, 2, &by), ERR_OK);
        CHECK_EQ(by, 1);
        CHECK_EQ(sigs_verify(&sigs, SIGS_SEAL, SUITE_AES_256_GCM, digest, known, 1, &by),
                 ERR_KEY_UNKNOWN);
        CHECK_EQ(sigs_verify(&sigs, SIGS_SEAL, SUITE_AES_256_GCM, digest, NULL, 0, &by),
                 ERR_KEY_UNKNOWN);
        for (int kind = SIGS_OFFER; kind <= SIGS_RECEIPT; kind++)
            CHECK_EQ(
                sigs_verify(&sigs, (enum sigs_kind)kind, SUITE_AES_256_GCM, digest, known, 2, NULL),
                kind == SIGS_SEAL ? ERR_OK : ERR_SIGNATURE);
        CHECK_EQ(sigs_verify(&sigs, SIGS_SEAL, SUITE_CHACHA20_POLY1305, digest, known, 2, NULL),
                 ERR_SIGNATURE);
        digest[0] ^= 1;
        CHECK_EQ(sigs_verify(&sigs, SIGS_SEAL, SUITE_AES_256_GCM, digest, known, 2, NULL),
                 ERR_SIGNATURE);
        digest[0] ^= 1;
        sigs.one[2].alg = SIGN_ECDSA_P256; /* the key says Ed25519 */
        CHECK_EQ(sigs_verify(&sigs, SIGS_SEAL, SUITE_AES_256_GCM, digest, known, 2, NULL),
                 ERR_SIGNATURE);
        sigs.one[2].alg = SIGN_ED25519;
    }
    TEST("one bad signature of a known key spoils the good ones")
    {
        const struct sign_pub known[] = {keys[0].pub, keys[1].pub};
        sigs.one[1].sig[5] ^= 1;
        CHECK_EQ(sigs_verify(&sigs, SIGS_SEAL, SUITE_AES_256_GCM, digest, known, 2, NULL),
                 ERR_SIGNATURE);
        CHECK_EQ(sigs_verify(&sigs, SIGS_SEAL, SUITE_AES_256_GCM, digest, known, 1, NULL), ERR_OK);
    }
    TEST("vectors of wrong number, algorithm, length or a doubled key are refused")
    {
        const struct {
            size_t at;
            uint8_t value;
            enum err want;
        } bad[] = {{0, 0, ERR_RANGE},       {0, 5, ERR_RANGE},       {0, 3, ERR_TRAILING},
                   {1, 0, ERR_UNSUPPORTED}, {1, 3, ERR_UNSUPPORTED}, {1, 2, ERR_OK},
                   {35, 63, ERR_SYNTAX},    {35, 65, ERR_SYNTAX},    {34, 1, ERR_SYNTAX}};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            struct sigs got;
            const uint8_t was = raw[bad[i].at];
            raw[bad[i].at] = bad[i].value;
            wire_reader_init(&r, bytes);
            sigs_get(&r, &got);
            CHECK_EQ(wire_reader_finish(&r), bad[i].want);
            raw[bad[i].at] = was;
        }
        struct sigs got;
        memcpy(raw + 1 + 99 + 1, raw + 1 + 1, 32);
        wire_reader_init(&r, bytes);
        sigs_get(&r, &got);
        CHECK_EQ(wire_reader_finish(&r), ERR_DUPLICATE);
    }
}

static void
record_test_offer(void)
{
    struct pipeline *p = record_test.p;
    struct offer offer;
    struct json_doc doc;
    struct span out;
    TEST("an OFFER too long, cut or continued is refused")
    {
        uint8_t *b = record_test_copy(FRAMING_OFFER);
        CHECK_EQ(offer_decode(record_test_span(), &offer), ERR_OK);
        record_test.len++;
        CHECK_EQ(offer_decode(record_test_span(), &offer), ERR_TRAILING);
        record_test.len -= 2;
        CHECK_EQ(offer_decode(record_test_span(), &offer), ERR_SHORT);
        b[1] = 1;
        b[3] = 1;
        CHECK_EQ(offer_decode(record_test_span(), &offer), ERR_TOO_LARGE);
        static uint8_t big[OFFER_MANIFEST_MAX + 1];
        offer.manifest = span_of(big, sizeof(big));
        CHECK_EQ(offer_encode(&offer, big, sizeof(big), &out), ERR_TOO_LARGE);
        CHECK_EQ(offer_manifest(offer.manifest, &p->scratch, &doc, NULL), ERR_TOO_LARGE);
        offer = p->offer;
        CHECK_EQ(offer_encode(&offer, record_test.buf, 100, &out), ERR_FULL);
        offer.sigs.count = 0;
        CHECK_EQ(offer_encode(&offer, record_test.buf, sizeof(record_test.buf), &out), ERR_RANGE);
        CHECK_EQ(offer_verify(&p->offer, p->suite, p->second, 1, NULL), ERR_KEY_UNKNOWN);
    }
    TEST("a manifest is a canonical object of at most eight levels")
    {
        static const struct {
            const char *text;
            enum err want;
        } cases[] = {
            {"{}", ERR_OK},
            {"{\"a\":1,\"b\":[true,null]}", ERR_OK},
            {"{\"b\":1,\"a\":1}", ERR_NOT_CANONICAL},
            {"{\"a\": 1}", ERR_NOT_CANONICAL},
            {"{\"a\":\"\\u0041\"}", ERR_NOT_CANONICAL},
            {"{\"a\":1,\"a\":1}", ERR_DUPLICATE},
            {"{\"a\":1.5}", ERR_SYNTAX},
            {"{}\n", ERR_NOT_CANONICAL},
            {"[]", ERR_TYPE},
            {"1", ERR_TYPE},
            {"", ERR_SHORT},
            {"{\"a\":[[[[[[[1]]]]]]]}", ERR_OK},
            {"{\"a\":[[[[[[[[1]]]]]]]]}", ERR_DEPTH},
            {"{\"a\":[[[[[[[1]]]]]]],\"b\":[[[[[[[1]]]]]]]}", ERR_OK},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            const enum err err = offer_manifest(span_str(cases[i].text), &p->scratch, &doc, NULL);
            if (err != cases[i].want)
                printf("# %s\n", cases[i].text);
            CHECK_EQ(err, cases[i].want);
        }
    }
}

static void
record_test_seal(void)
{
    struct pipeline *p = record_test.p;
    struct seal seal;
    struct span out;
    TEST("a SEAL of another version, suite, flags or chunk count is refused")
    {
        static const struct {
            size_t at;
            uint8_t flip;
            enum err want;
        } bad[] = {{0, 1, ERR_VERSION},     {1, 4, ERR_UNSUPPORTED}, {2, 1, ERR_UNSUPPORTED},
                   {3, 1, ERR_UNSUPPORTED}, {99, 1, ERR_RANGE},      {92, 1, ERR_RANGE},
                   {100, 0x80, ERR_RANGE},  {105, 1, ERR_RANGE},     {148, 0xff, ERR_RANGE}};
        uint8_t *b = record_test_copy(FRAMING_SEAL);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            b[bad[i].at] ^= bad[i].flip;
            CHECK_EQ(seal_decode(record_test_span(), &seal), bad[i].want);
            b[bad[i].at] ^= bad[i].flip;
        }
        CHECK_EQ(seal_decode(span_of(b, 147), &seal), ERR_SHORT);
        CHECK_EQ(seal_decode(span_of(b, record_test.len + 1), &seal), ERR_TRAILING);
    }
    TEST("a SEAL with a wrong count is not written, nor into too little room")
    {
        seal = p->seal;
        CHECK_EQ(seal_encode(&seal, record_test.buf, 200, &out), ERR_FULL);
        seal.chunk_count++;
        CHECK_EQ(seal_encode(&seal, record_test.buf, sizeof(record_test.buf), &out), ERR_RANGE);
        CHECK_EQ(seal_hash(&seal, record_test.buf), ERR_RANGE);
        CHECK_EQ(seal_verify(&p->seal, p->release_key, 1, NULL), ERR_KEY_UNKNOWN);
    }
}

static void
record_test_release(void)
{
    struct pipeline *p = record_test.p;
    static struct release release;
    struct span out;
    const size_t wrap = 40 + p->release.verdict.len; /* offset of the first wrap: mode base */
    const size_t second = wrap + RELEASE_WRAP_BYTES; /* mode psk */
    const struct {
        size_t at;
        uint8_t flip;
        enum err want;
    } bad[] = {{0, 1, ERR_VERSION},
               {1, 4, ERR_UNSUPPORTED},
               {3, 0x10, ERR_RANGE},
               {2, 1, ERR_RANGE},
               {37, 1, ERR_TOO_LARGE},
               {wrap, 1, ERR_UNSUPPORTED},
               {wrap + 3, 2, ERR_UNSUPPORTED},
               {wrap + 5, 1, ERR_UNSUPPORTED}, /* 0x0003 becomes 0x0002, AES-256-GCM */
               {wrap + 6, 2, ERR_UNSUPPORTED},
               {wrap + 7 + 32, 1, ERR_SYNTAX}, /* psk_id in mode base */
               {wrap + 7 + 64 + 1, 1, ERR_SYNTAX},
               {wrap + 7 + 64 + 2 + 32 + 1, 1, ERR_SYNTAX}};
    TEST("a RELEASE of another version, suite, number or form of wraps is refused")
    {
        uint8_t *b = record_test_copy(FRAMING_RELEASE);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            b[bad[i].at] ^= bad[i].flip;
            CHECK_EQ(release_decode(record_test_span(), &release), bad[i].want);
            b[bad[i].at] ^= bad[i].flip;
        }
        CHECK_EQ(release_decode(span_of(b, wrap + 3), &release), ERR_SHORT);
        CHECK_EQ(release_decode(span_of(b, record_test.len + 1), &release), ERR_TRAILING);
        memcpy(b + second + 7, b + wrap + 7, 32);
        CHECK_EQ(release_decode(record_test_span(), &release), ERR_DUPLICATE);
    }
    TEST("a RELEASE too long or into too little room is not written")
    {
        release = p->release;
        CHECK_EQ(release_encode(&release, record_test.buf, 60, &out), ERR_FULL);
        release.verdict = span_of(record_test.buf, RELEASE_VERDICT_MAX + 1);
        CHECK_EQ(release_encode(&release, record_test.buf, sizeof(record_test.buf), &out),
                 ERR_TOO_LARGE);
        CHECK_EQ(release_hash(&release, record_test.buf), ERR_TOO_LARGE);
        CHECK_EQ(release_verify(&p->release, p->gateway, 1, NULL), ERR_KEY_UNKNOWN);
    }
}

static void
record_test_unwrap(void)
{
    struct pipeline *p = record_test.p;
    static struct release release;
    struct secret32 dek;
    struct secret32 other;
    struct seal seal;
    uint8_t pk[32];
    struct release_psk wrong = p->corridor;
    wrong.id[0] ^= 1;
    key_random(other.bytes, 32);
    TEST("a data key is given to its recipients only")
    {
        CHECK_EQ(release_unwrap(&p->release, &p->seal, &p->sk, NULL, &dek), ERR_OK);
        CHECK_EQ(release_unwrap(&p->release, &p->seal, &other, NULL, &dek), ERR_NOT_FOUND);
        CHECK_EQ(release_unwrap(&p->release, &p->seal, &p->sk_psk, NULL, &dek), ERR_KEY_UNKNOWN);
        CHECK_EQ(release_unwrap(&p->release, &p->seal, &p->sk_psk, &wrong, &dek), ERR_KEY_UNKNOWN);
        wrong = p->corridor;
        wrong.psk = &other;
        CHECK_EQ(release_unwrap(&p->release, &p->seal, &p->sk_psk, &wrong, &dek), ERR_AUTH);
        release = p->release;
        release.wrap_count = 0;
        CHECK_EQ(release_unwrap(&release, &p->seal, &p->sk, NULL, &dek), ERR_DENIED);
    }
    TEST("a wrap is of no use for another seal, suite, verdict or recipient")
    {
        seal = p->seal;
        seal.sealed_at++;
        CHECK_EQ(release_unwrap(&p->release, &seal, &p->sk, NULL, &dek), ERR_CONFLICT);
        release = p->release;
        CHECK_EQ(seal_hash(&seal, release.seal_hash), ERR_OK);
        CHECK_EQ(release_unwrap(&release, &seal, &p->sk, NULL, &dek), ERR_AUTH);
        release = p->release;
        release.suite = SUITE_AES_256_GCM;
        CHECK_EQ(release_unwrap(&release, &p->seal, &p->sk, NULL, &dek), ERR_CONFLICT);
        release = p->release;
        release.verdict = SPAN_LIT("{\"decision\":\"deny\"}");
        CHECK_EQ(release_unwrap(&release, &p->seal, &p->sk, NULL, &dek), ERR_AUTH);
        release = p->release;
        memcpy(release.wrap[0].ct, release.wrap[1].ct, sizeof(release.wrap[0].ct));
        CHECK_EQ(release_unwrap(&release, &p->seal, &p->sk, NULL, &dek), ERR_AUTH);
    }
    TEST("only the data key that the seal commits to is wrapped, once per recipient")
    {
        release = p->release;
        CHECK_EQ(release_unwrap(&p->release, &p->seal, &p->sk, NULL, &dek), ERR_OK);
        CHECK_EQ(x25519_public(&p->sk, pk), ERR_OK);
        CHECK_EQ(release_wrap(&release, &p->seal, &dek, pk, NULL), ERR_DUPLICATE);
        CHECK_EQ(release_wrap(&release, &p->seal, &other, pk, NULL), ERR_AUTH);
        CHECK_EQ(release_wrap(&release, &seal, &dek, pk, NULL), ERR_CONFLICT);
        memset(pk, 0, sizeof(pk));
        CHECK_EQ(release_wrap(&release, &p->seal, &dek, pk, NULL), ERR_CRYPTO);
        CHECK_EQ(release.wrap_count, 2);
        for (uint8_t i = 0; i < RELEASE_WRAPS_MAX - 2; i++) {
            other.bytes[1] = (uint8_t)(i + 1);
            CHECK_EQ(x25519_public(&other, pk), ERR_OK);
            CHECK_EQ(release_wrap(&release, &p->seal, &dek, pk, NULL), ERR_OK);
        }
        CHECK_EQ(release_wrap(&release, &p->seal, &dek, pk, NULL), ERR_FULL);
        CHECK_EQ(release_unwrap(&release, &p->seal, &other, NULL, &dek), ERR_OK);
    }
}

static void
record_test_receipt(void)
{
    struct pipeline *p = record_test.p;
    struct receipt receipt;
    struct span out;
    TEST("a RECEIPT of another version, suite or status is refused")
    {
        uint8_t *b = record_test_copy(FRAMING_RECEIPT);
        for (unsigned status = 0; status < 10; status++) {
            b[3] = (uint8_t)status;
            const bool known = status >= 1 && status <= 7;
            CHECK_EQ(receipt_decode(record_test_span(), &receipt),
                     status == 1 ? ERR_SYNTAX : (known ? ERR_OK : ERR_RANGE));
        }
        b[3] = 1;
        memset(b + 52, 0, 32); /* a refused offer has no release */
        CHECK_EQ(receipt_decode(record_test_span(), &receipt), ERR_OK);
        b[2] = 1;
        CHECK_EQ(receipt_decode(record_test_span(), &receipt), ERR_RANGE);
        b[1] = 9;
        CHECK_EQ(receipt_decode(record_test_span(), &receipt), ERR_UNSUPPORTED);
        b[0] = 2;
        CHECK_EQ(receipt_decode(record_test_span(), &receipt), ERR_VERSION);
        CHECK_EQ(receipt_decode(span_of(b, 163), &receipt), ERR_SHORT);
        (void)record_test_copy(FRAMING_RECEIPT);
        record_test.len++;
        CHECK_EQ(receipt_decode(record_test_span(), &receipt), ERR_TRAILING);
    }
    TEST("held is not final, delivered follows, the others end a transfer")
    {
        for (int status = 1; status <= 7; status++)
            CHECK_EQ(receipt_is_final((enum receipt_status)status), status != 2 && status != 7);
    }
    TEST("a RECEIPT that nobody could read is not written")
    {
        receipt = p->receipt;
        CHECK_EQ(receipt_encode(&receipt, record_test.buf, 170, &out), ERR_FULL);
        receipt.status = RECEIPT_OFFER_REFUSED;
        CHECK_EQ(receipt_encode(&receipt, record_test.buf, sizeof(record_test.buf), &out),
                 ERR_SYNTAX);
        CHECK_EQ(receipt_verify(&p->receipt, p->gateway, 1, NULL), ERR_KEY_UNKNOWN);
    }
}

int
main(int argc, char **argv)
{
    size_t len = 0;
    record_test.p = pipeline_new();
    record_test.v = vec_open(argc > 1 ? argv[1] : "", "tdzc/full-2.tdzc");
    if (pipeline_open(record_test.p, record_test.v.all, &len) != ERR_OK)
        vec_die("does not open", "tdzc/full-2.tdzc");
    record_test_sigs();
    record_test_offer();
    record_test_seal();
    record_test_release();
    record_test_unwrap();
    record_test_receipt();
    vec_close(&record_test.v);
    free(record_test.p);
    return test_end();
}
