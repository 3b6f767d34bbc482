/* SPDX-License-Identifier: Apache-2.0 */
/* The full file vectors (made by tests/oracle/container.py) opened, made again, and mutated: every
 * change is refused and publishes nothing. `framing_test FOLDER --deep` changes every bit and cuts
 * at every length; the run without it takes a fixed sample. */
#include "tests/test.h"
#include "tests/unit/crypto/pipeline.h"

#include "crypto/release_kat.h"
#include "crypto/x25519.h"

static struct {
    struct pipeline *p;
    struct vec_file v;
    uint8_t copy[PIPELINE_PLAIN_MAX];
    struct span record[FRAMING_RECEIPT + 1]; /* of the vector */
    bool deep;
} framing_test;

static void
framing_test_load(const char *folder, int suite)
{
    char name[64];
    size_t len = 0;
    (void)snprintf(name, sizeof(name), "tdzc/full-%d.tdzc", suite);
    framing_test.v = vec_open(folder, name);
    CHECK(framing_test.v.all.len <= sizeof(framing_test.copy));
    CHECK_EQ(pipeline_open(framing_test.p, framing_test.v.all, &len), ERR_OK);
    CHECK_EQ(framing_test.p->suite, suite);
    memcpy(framing_test.record, framing_test.p->record, sizeof(framing_test.record));
    memcpy(framing_test.copy, framing_test.v.all.ptr, framing_test.v.all.len);
}

/* The copy with its first len bytes is refused. */
static bool
framing_test_refused(size_t len)
{
    size_t published = 0;
    const enum err err = pipeline_open(framing_test.p, span_of(framing_test.copy, len), &published);
    return err != ERR_OK && published == 0;
}

static size_t
framing_test_offset(enum framing_type type)
{
    return (size_t)(framing_test.record[type].ptr - framing_test.v.all.ptr);
}

/* Flips bits of [from, from + len): all, or every step-th. */
static void
framing_test_flip(size_t from, size_t len, size_t step)
{
    size_t done = 0;
    for (size_t bit = 0; bit < len * 8; bit += framing_test.deep ? 1 : step, done++) {
        uint8_t *byte = &framing_test.copy[from + bit / 8];
        *byte ^= (uint8_t)(1U << bit % 8);
        if (!framing_test_refused(framing_test.v.all.len)) {
            printf("# accepted: byte %zu bit %zu\n", from + bit / 8, bit % 8);
            CHECK(false);
        }
        *byte ^= (uint8_t)(1U << bit % 8);
    }
    CHECK(done >= len / step);
}

static void
framing_test_plain(int suite)
{
    static uint8_t want[PIPELINE_PLAIN_MAX];
    char name[32];
    size_t len = 0;
    CHECK_EQ(pipeline_open(framing_test.p, framing_test.v.all, &len), ERR_OK);
    (void)snprintf(name, sizeof(name), "plain/%d", suite);
    pipeline_shake(name, want, len);
    CHECK_EQ(len, 3 * 16384 + 777);
    CHECK(span_eq(span_of(want, len), span_of(framing_test.p->plain, len)));
}

/* Our own writers, given the same keys, make the same records. */
static void
framing_test_again(int suite)
{
    struct pipeline *p = framing_test.p;
    static uint8_t buf[RELEASE_BYTES_MAX];
    struct sign_key gateway;
    struct sign_key second;
    struct sign_key release_key;
    struct sign_key destination;
    struct secret32 dek;
    struct secret32 ephemeral;
    struct span made;
    uint8_t pk[32];
    char name[32];
    pipeline_key("gateway", &gateway);
    pipeline_key("second", &second);
    pipeline_key("release", &release_key);
    pipeline_key("destination", &destination);
    struct offer offer = {.manifest = p->offer.manifest};
    CHECK_EQ(offer_sign(&offer, p->suite, &gateway), ERR_OK);
    CHECK_EQ(offer_encode(&offer, buf, sizeof(buf), &made), ERR_OK);
    CHECK(span_eq(made, framing_test.record[FRAMING_OFFER]));
    struct seal seal = p->seal;
    seal.sigs.count = 0;
    CHECK_EQ(seal_sign(&seal, &gateway), ERR_OK);
    if (suite == 2)
        CHECK_EQ(seal_sign(&seal, &second), ERR_OK);
    CHECK_EQ(seal_encode(&seal, buf, sizeof(buf), &made), ERR_OK);
    CHECK(span_eq(made, framing_test.record[FRAMING_SEAL]));
    static struct release release;
    release = (struct release){.suite = p->suite, .verdict = p->release.verdict};
    (void)snprintf(name, sizeof(name), "dek/%d", suite);
    pipeline_shake(name, dek.bytes, 32);
    CHECK_EQ(seal_hash(&seal, release.seal_hash), ERR_OK);
    pipeline_shake("ephemeral/recipient", ephemeral.bytes, 32);
    CHECK_EQ(x25519_public(&p->sk, pk), ERR_OK);
    CHECK_EQ(release_kat_wrap(&release, &seal, &dek, pk, NULL, &ephemeral), ERR_OK);
    if (suite == 2) {
        pipeline_shake("ephemeral/recipient/psk", ephemeral.bytes, 32);
        CHECK_EQ(x25519_public(&p->sk_psk, pk), ERR_OK);
        CHECK_EQ(release_kat_wrap(&release, &seal, &dek, pk, &p->corridor, &ephemeral), ERR_OK);
    }
    CHECK_EQ(release_sign(&release, &release_key), ERR_OK);
    CHECK_EQ(release_encode(&release, buf, sizeof(buf), &made), ERR_OK);
    CHECK(span_eq(made, framing_test.record[FRAMING_RELEASE]));
    struct receipt receipt = p->receipt;
    receipt.sigs.count = 0;
    CHECK_EQ(receipt.status, RECEIPT_ACCEPTED);
    CHECK_EQ(receipt_sign(&receipt, &destination), ERR_OK);
    CHECK_EQ(receipt_encode(&receipt, buf, sizeof(buf), &made), ERR_OK);
    CHECK(span_eq(made, framing_test.record[FRAMING_RECEIPT]));
}

static void
framing_test_cuts(void)
{
    const size_t all = framing_test.v.all.len;
    const size_t body_end =
        framing_test_offset(FRAMING_BODY) + framing_test.record[FRAMING_BODY].len;
    const size_t two = body_end - 777 - 16 - BODY_SEALED_BYTES;
    TEST("a file cut anywhere is refused")
    {
        for (size_t len = 0; len < all; len += framing_test.deep ? 1 : 97)
            CHECK(framing_test_refused(len));
        for (size_t len = body_end; len < all; len += framing_test.deep ? 1 : 3)
            CHECK(framing_test_refused(len));
    }
    TEST("a body cut in its last two chunks, its length adjusted, is refused")
    {
        const size_t len_at = framing_test_offset(FRAMING_BODY) - 8;
        for (size_t cut = 1; cut <= body_end - two; cut += framing_test.deep ? 1 : 331) {
            const uint64_t len = framing_test.record[FRAMING_BODY].len - cut;
            for (size_t i = 0; i < 8; i++)
                framing_test.copy[len_at + i] = (uint8_t)(len >> (56 - 8 * i));
            memmove(framing_test.copy + body_end - cut, framing_test.v.all.ptr + body_end,
                    all - body_end);
            CHECK(framing_test_refused(all - cut));
        }
        memcpy(framing_test.copy, framing_test.v.all.ptr, all);
    }
    TEST("one byte more is refused")
    {
        framing_test.copy[all] = 0;
        CHECK(framing_test_refused(all + 1));
        CHECK(!framing_test_refused(all));
    }
}

static void
framing_test_chunks(void)
{
    uint8_t *first = framing_test.copy + framing_test_offset(FRAMING_BODY) + BODY_PREFIX_BYTES;
    const size_t all = framing_test.v.all.len;
    TEST("swapped or doubled chunks are refused")
    {
        static uint8_t hold[BODY_SEALED_BYTES];
        for (size_t a = 0; a < 3; a++) {
            for (size_t b = 0; b < 3; b++) {
                if (a == b)
                    continue;
                uint8_t *at_a = first + a * BODY_SEALED_BYTES;
                uint8_t *at_b = first + b * BODY_SEALED_BYTES;
                memcpy(hold, at_a, sizeof(hold));
                memcpy(at_a, at_b, sizeof(hold)); /* doubled */
                CHECK(framing_test_refused(all));
                memcpy(at_b, hold, sizeof(hold)); /* swapped */
                CHECK(framing_test_refused(all));
                memcpy(framing_test.copy, framing_test.v.all.ptr, all);
            }
        }
    }
    TEST("a dropped chunk, the length adjusted, is refused")
    {
        const size_t len_at = framing_test_offset(FRAMING_BODY) - 8;
        for (size_t drop = 0; drop < 3; drop++) {
            uint8_t *at = first + drop * BODY_SEALED_BYTES;
            const size_t behind = all - (size_t)(at - framing_test.copy) - BODY_SEALED_BYTES;
            const uint64_t len = framing_test.record[FRAMING_BODY].len - BODY_SEALED_BYTES;
            memmove(at, at + BODY_SEALED_BYTES, behind);
            for (size_t i = 0; i < 8; i++)
                framing_test.copy[len_at + i] = (uint8_t)(len >> (56 - 8 * i));
            CHECK(framing_test_refused(all - BODY_SEALED_BYTES));
            memcpy(framing_test.copy, framing_test.v.all.ptr, all);
        }
    }
}

static void
framing_test_suite(const char *folder, int suite)
{
    TEST("a full file of the oracle opens")
    framing_test_load(folder, suite);
    TEST("its plaintext is the expected one")
    framing_test_plain(suite);
    TEST("our writers make its records byte for byte")
    framing_test_again(suite);
    TEST("a flipped bit in the framing or in OFFER is refused")
    {
        framing_test_flip(0, FRAMING_START_BYTES + FRAMING_HEAD_BYTES, 1);
        framing_test_flip(framing_test_offset(FRAMING_OFFER),
                          framing_test.record[FRAMING_OFFER].len, 3);
    }
    TEST("a flipped bit in SEAL is refused")
    framing_test_flip(framing_test_offset(FRAMING_SEAL) - FRAMING_HEAD_BYTES,
                      framing_test.record[FRAMING_SEAL].len + FRAMING_HEAD_BYTES, 5);
    TEST("a flipped bit in RELEASE is refused")
    framing_test_flip(framing_test_offset(FRAMING_RELEASE) - FRAMING_HEAD_BYTES,
                      framing_test.record[FRAMING_RELEASE].len + FRAMING_HEAD_BYTES, 11);
    TEST("a flipped bit in RECEIPT is refused")
    framing_test_flip(framing_test_offset(FRAMING_RECEIPT) - FRAMING_HEAD_BYTES,
                      framing_test.record[FRAMING_RECEIPT].len + FRAMING_HEAD_BYTES, 11);
    TEST("a flipped bit in the body is refused") /* its four chunks are 0, 1, n-2, n-1 */
    framing_test_flip(framing_test_offset(FRAMING_BODY) - FRAMING_HEAD_BYTES,
                      framing_test.record[FRAMING_BODY].len + FRAMING_HEAD_BYTES, 1009);
    framing_test_cuts();
    framing_test_chunks();
    vec_close(&framing_test.v);
}

/* The error a head of a record gives after a START and the records before it. */
static enum err
framing_test_head(const char *before, struct span head)
{
    struct framing_reader r;
    static const uint8_t start[] = {'T', 'D', 'Z', 'C', 1, 1, 0, 0};
    static const uint64_t least[] = {0, 60, 72, 190, 90, 210};
    size_t used = 0;
    struct span bytes;
    enum framing_event event;
    framing_reader_init(&r);
    TRY(framing_feed(&r, span_of(start, 8), &used, &bytes, &event));
    for (; *before != '\0'; before++) {
        uint8_t buf[FRAMING_HEAD_BYTES];
        struct wire_writer w;
        const int type = *before - '0';
        wire_writer_init(&w, buf, sizeof(buf));
        framing_put_head(&w, (enum framing_type)type, least[type]);
        TRY(framing_feed(&r, span_of(buf, sizeof(buf)), &used, &bytes, &event));
        TRY(framing_skip(&r, least[type]));
        TRY(framing_feed(&r, span_of(buf, 0), &used, &bytes, &event));
        if (event != FRAMING_DONE)
            return ERR_BUG;
    }
    for (size_t i = 0; i < head.len; i++) /* byte by byte */
        TRY(framing_feed(&r, span_of(head.ptr + i, 1), &used, &bytes, &event));
    return framing_end(&r);
}

#define FRAMING_HEAD(type, a, b, len) SPAN_LIT(type a "\x00" b "\x00\x00\x00\x00\x00\x00" len)

static void
framing_test_rules(void)
{
    TEST("records come in order, once, after those they need")
    {
        CHECK_EQ(framing_test_head("", span_of(NULL, 0)), ERR_SHORT);
        CHECK_EQ(framing_test_head("1", span_of(NULL, 0)), ERR_OK);
        CHECK_EQ(framing_test_head("12345", span_of(NULL, 0)), ERR_OK);
        CHECK_EQ(framing_test_head("15", span_of(NULL, 0)), ERR_OK);
        CHECK_EQ(framing_test_head("2", span_of(NULL, 0)), ERR_PROTOCOL);
        CHECK_EQ(framing_test_head("11", span_of(NULL, 0)), ERR_PROTOCOL);
        CHECK_EQ(framing_test_head("13", span_of(NULL, 0)), ERR_PROTOCOL);
        CHECK_EQ(framing_test_head("124", span_of(NULL, 0)), ERR_PROTOCOL);
        CHECK_EQ(framing_test_head("1233", span_of(NULL, 0)), ERR_PROTOCOL);
        CHECK_EQ(framing_test_head("5", span_of(NULL, 0)), ERR_PROTOCOL);
        CHECK_EQ(framing_test_head("15", SPAN_LIT("x")), ERR_TRAILING);
    }
    TEST("heads with reserved bytes, unknown types and impossible lengths are refused")
    {
        CHECK_EQ(framing_test_head("", FRAMING_HEAD("\x01", "\x00", "\x00", "\x00\x40")),
                 ERR_SHORT); /* good, but its bytes are missing */
        CHECK_EQ(framing_test_head("", FRAMING_HEAD("\x01", "\x01", "\x00", "\x00\x40")),
                 ERR_SYNTAX);
        CHECK_EQ(framing_test_head("", FRAMING_HEAD("\x01", "\x00", "\x01", "\x00\x40")),
                 ERR_SYNTAX);
        CHECK_EQ(framing_test_head("", FRAMING_HEAD("\x00", "\x00", "\x00", "\x00\x40")),
                 ERR_UNSUPPORTED);
        CHECK_EQ(framing_test_head("", FRAMING_HEAD("\x06", "\x00", "\x00", "\x00\x40")),
                 ERR_UNSUPPORTED);
        CHECK_EQ(framing_test_head("", FRAMING_HEAD("\x01", "\x00", "\x00", "\x00\x03")),
                 ERR_RANGE);
        CHECK_EQ(framing_test_head("1", FRAMING_HEAD("\x02", "\x00", "\x00", "\x00\x47")),
                 ERR_RANGE); /* 71: less than a prefix and a tag */
        CHECK_EQ(framing_test_head("", FRAMING_HEAD("\x01", "\x00", "\x00", "\x00")), ERR_SHORT);
    }
    TEST("only the bytes of a record can be passed over")
    {
        struct framing_reader r;
        framing_reader_init(&r);
        CHECK_EQ(framing_skip(&r, 1), ERR_STATE);
        static const uint8_t bad[] = {'T', 'D', 'Z', 'C', 2, 1, 0, 0};
        size_t used = 0;
        struct span bytes;
        enum framing_event event;
        CHECK_EQ(framing_feed(&r, span_of(bad, 8), &used, &bytes, &event), ERR_VERSION);
        CHECK_EQ(framing_feed(&r, span_of(bad, 8), &used, &bytes, &event), ERR_VERSION);
        CHECK_EQ(framing_end(&r), ERR_VERSION);
        CHECK_EQ(framing_skip(&r, 0), ERR_VERSION);
    }
}

int
main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "";
    framing_test.deep = argc > 2 && strcmp(argv[2], "--deep") == 0;
    framing_test.p = pipeline_new();
    framing_test_suite(folder, 1);
    framing_test_suite(folder, 2);
    framing_test_rules();
    free(framing_test.p);
    return test_end();
}
