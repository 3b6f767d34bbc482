/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/edge/field.h"

#include "tests/test.h"

#define EMPTY_256 "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
#define ZERO_256 "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
#define EMPTY_512                                                                               \
    "sha-512=:z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6" \
    "+SfaPg==:"

/* A head of up to three fields; NULL values are not there. */
static struct http_request head;

static const struct http_request *
with(const char *name, const char *a, const char *b)
{
    memset(&head, 0, sizeof(head));
    if (a != NULL)
        head.headers[head.header_count++] = (struct http_header){span_str(name), span_str(a)};
    if (b != NULL)
        head.headers[head.header_count++] = (struct http_header){span_str(name), span_str(b)};
    head.headers[head.header_count++] =
        (struct http_header){SPAN_LIT("user-agent"), SPAN_LIT("wait=3, sha-256=1")};
    return &head;
}

static bool
prefers(const char *a, const char *b, bool async, bool has_wait, uint32_t wait_s)
{
    struct field_prefer p;
    field_prefer(with("prefer", a, b), &p);
    return p.respond_async == async && p.has_wait == has_wait && p.wait_s == wait_s;
}

static void
test_prefer(void)
{
    TEST("preferences are read from one field or several")
    {
        CHECK(prefers(NULL, NULL, false, false, FIELD_WAIT_DEFAULT_S));
        CHECK(prefers("respond-async", NULL, true, false, FIELD_WAIT_DEFAULT_S));
        CHECK(prefers("wait=30", NULL, false, true, 30));
        CHECK(prefers("respond-async, wait=0", NULL, true, true, 0));
        CHECK(prefers("Respond-Async", "WAIT = \"7\"", true, true, 7));
        CHECK(prefers("return=minimal; foo=\"a,wait=9\", wait=5;x=1", NULL, false, true, 5));
    }
    TEST("of a preference given twice the first counts, and a long wait is cut")
    {
        CHECK(prefers("wait=1, wait=2", "wait=3", false, true, 1));
        CHECK(prefers("wait=61", NULL, false, true, FIELD_WAIT_MAX_S));
    }
    TEST("a preference that cannot be read is none")
    {
        CHECK(prefers("wait=", "wait=-1", false, false, FIELD_WAIT_DEFAULT_S));
        CHECK(prefers("wait=1.5", "wait", false, false, FIELD_WAIT_DEFAULT_S));
        CHECK(prefers("wait=99999999999999999999", ",,;=\"", false, false, FIELD_WAIT_DEFAULT_S));
        CHECK(prefers("xrespond-async", "respond-asyncx", false, false, FIELD_WAIT_DEFAULT_S));
    }
}

static enum err
digest(const char *a, const char *b, struct field_digest *ret)
{
    return field_digest(with("repr-digest", a, b), "repr-digest", ret);
}

static void
test_digest(void)
{
    struct field_digest d;
    TEST("digests of both algorithms are read, others are passed over")
    {
        CHECK_EQ(digest(EMPTY_256, EMPTY_512, &d), ERR_OK);
        CHECK(d.has_sha256 && d.has_sha512 && d.sha256[0] == 0xe3 && d.sha512[0] == 0xcf);
        CHECK_EQ(digest("md5=:AAAAAAAAAAAAAAAAAAAAAA==:, " EMPTY_256 ";p=1", NULL, &d), ERR_OK);
        CHECK(d.has_sha256 && !d.has_sha512 && d.sha256[31] == 0x55);
        CHECK_EQ(digest(NULL, NULL, &d), ERR_OK);
        CHECK(!d.has_sha256 && !d.has_sha512);
        CHECK_EQ(digest(EMPTY_256, EMPTY_256, &d), ERR_OK);
    }
    TEST("a digest that cannot be read is refused")
    {
        static const char *const bad[] = {
            "",
            "sha-256",
            "sha-256=",
            "sha-256=::",
            "SHA-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
            "-sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
            "sha 256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
            "sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU:",
            "sha-256=:AAAA:",
            "sha-512=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
            "=:AAAA:",
            "sha-256=:",
        };
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            CHECK_EQ(digest(bad[i], NULL, &d), ERR_SYNTAX);
        CHECK_EQ(digest(EMPTY_256, ZERO_256, &d), ERR_DUPLICATE);
    }
    TEST("Repr-Digest and Content-Digest are one statement, or a contradiction")
    {
        with("repr-digest", EMPTY_256, NULL);
        head.headers[1] = (struct http_header){SPAN_LIT("content-digest"), SPAN_LIT(EMPTY_512)};
        CHECK_EQ(field_digests(&head, &d), ERR_OK);
        CHECK(d.has_sha256 && d.has_sha512);
        head.headers[1].value = SPAN_LIT(ZERO_256);
        CHECK_EQ(field_digests(&head, &d), ERR_CONFLICT);
        head.headers[1].value = SPAN_LIT("sha-256=1");
        CHECK_EQ(field_digests(&head, &d), ERR_SYNTAX);
    }
    TEST("a wish for sha-256 needs a weight above zero")
    {
        CHECK(field_wants_sha256(with("want-repr-digest", "sha-256=10", NULL)));
        CHECK(field_wants_sha256(with("want-repr-digest", "sha-512=3, sha-256=1", NULL)));
        CHECK(!field_wants_sha256(with("want-repr-digest", "sha-256=0", "sha-256")));
        CHECK(!field_wants_sha256(with("want-repr-digest", "sha-512=1", "sha-256=x")));
        CHECK(!field_wants_sha256(with("want-repr-digest", NULL, NULL)));
    }
}

/* The range's bytes of total as "first-last", "none" when it is ignored, "416". */
static const char *
range(const char *value, uint64_t total)
{
    static char text[64];
    struct field_range r;
    uint64_t first = 0;
    uint64_t last = 0;
    field_range(with("range", value, NULL), &r);
    if (r.kind == FIELD_RANGE_NONE)
        return "none";
    if (field_range_of(&r, total, &first, &last) != ERR_OK)
        return "416";
    (void)snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)first,
                   (unsigned long long)last);
    return text;
}

static void
test_range(void)
{
    static const struct {
        const char *value;
        const char *want;
    } rows[] = {
        {"bytes=0-0", "0-0"},
        {"bytes=5-", "5-9"},
        {"bytes=2-4", "2-4"},
        {"Bytes=9-99", "9-9"},
        {"bytes=-3", "7-9"},
        {"bytes=-99", "0-9"},
        {"bytes=0-18446744073709551615", "0-9"},
        {"bytes=10-", "416"},
        {"bytes=10-12", "416"},
        {"bytes=-0", "416"},
        {"bytes=4-2", "none"},
        {"bytes=0-1,3-4", "none"},
        {"bytes=", "none"},
        {"bytes=-", "none"},
        {"bytes", "none"},
        {"bytes=a-b", "none"},
        {"bytes=1-2-3", "none"},
        {"bytes=0-18446744073709551616", "none"},
        {"lines=1-2", "none"},
        {NULL, "none"},
    };
    TEST("one range of bytes is read, everything else is ignored or out of range")
    {
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            const char *got = range(rows[i].value, 10);
            if (strcmp(got, rows[i].want) != 0)
                printf("# %s: %s\n", rows[i].value, got);
            CHECK(strcmp(got, rows[i].want) == 0);
        }
    }
    TEST("of an empty dataset there is no range, but a whole")
    {
        struct field_range r = {.kind = FIELD_RANGE_NONE};
        uint64_t first = 1;
        uint64_t last = 1;
        CHECK(strcmp(range("bytes=0-", 0), "416") == 0);
        CHECK(strcmp(range("bytes=-1", 0), "416") == 0);
        CHECK_EQ(field_range_of(&r, 0, &first, &last), ERR_OK);
        CHECK(first == 0 && last == 0);
    }
    TEST("If-Range is one entity tag, compared strongly")
    {
        const struct span root = SPAN_LIT("ab12");
        CHECK(field_is_etag(with("if-range", "\"ab12\"", NULL), "if-range", root));
        CHECK(!field_is_etag(with("if-range", "W/\"ab12\"", NULL), "if-range", root));
        CHECK(!field_is_etag(with("if-range", "ab12", NULL), "if-range", root));
        CHECK(!field_is_etag(with("if-range", "\"ab13\"", NULL), "if-range", root));
        CHECK(!field_is_etag(with("if-range", "\"ab12\", \"x\"", NULL), "if-range", root));
        CHECK(!field_is_etag(with("if-range", "*", NULL), "if-range", root));
        CHECK(!field_is_etag(with("if-range", NULL, NULL), "if-range", root));
    }
    TEST("a list of entity tags is compared strongly or weakly, over all its fields")
    {
        static const char name[] = "if-none-match";
        const struct span root = SPAN_LIT("ab12");
        CHECK(field_has_etag(with(name, "\"x\", \"ab12\"", NULL), name, false, root));
        CHECK(field_has_etag(with(name, "\"x\"", "\"ab12\""), name, false, root));
        CHECK(field_has_etag(with(name, "*", NULL), name, false, root));
        CHECK(field_has_etag(with(name, "\"x\", W/\"ab12\"", NULL), name, true, root));
        CHECK(!field_has_etag(with(name, "W/\"ab12\"", NULL), name, false, root));
        CHECK(!field_has_etag(with(name, "ab12, \"ab13\"", NULL), name, true, root));
        CHECK(!field_has_etag(with(name, "\"*\"", NULL), name, true, root));
        CHECK(!field_has_etag(with(name, NULL, NULL), name, true, root));
    }
}

static void
test_names(void)
{
    struct span got;
    uint8_t buf[64];
    char longest[300];
    TEST("an Idempotency-Key is printable and given once")
    {
        CHECK_EQ(field_key(with("idempotency-key", "abc 1", NULL), &got), ERR_OK);
        CHECK(span_eq_str(got, "abc 1"));
        CHECK_EQ(field_key(with("idempotency-key", "\"q\"", NULL), &got), ERR_OK);
        CHECK(span_eq_str(got, "q"));
        CHECK_EQ(field_key(with("idempotency-key", NULL, NULL), &got), ERR_OK);
        CHECK_EQ(got.len, 0);
        CHECK_EQ(field_key(with("idempotency-key", "a", "b"), &got), ERR_DUPLICATE);
        CHECK_EQ(field_key(with("idempotency-key", "", NULL), &got), ERR_SYNTAX);
        CHECK_EQ(field_key(with("idempotency-key", "a\tb", NULL), &got), ERR_SYNTAX);
        CHECK_EQ(field_key(with("idempotency-key", "\xc3\xa9", NULL), &got), ERR_SYNTAX);
        memset(longest, 'k', sizeof(longest));
        longest[255] = 0;
        CHECK_EQ(field_key(with("idempotency-key", longest, NULL), &got), ERR_OK);
        longest[255] = 'k';
        longest[256] = 0;
        CHECK_EQ(field_key(with("idempotency-key", longest, NULL), &got), ERR_SYNTAX);
    }
    TEST("facts are base64url of UTF-8 within the limit, {} when there are none")
    {
        CHECK_EQ(field_facts(with("tdz-facts", "eyJrIjoxfQ", NULL), 7, buf, sizeof(buf), &got),
                 ERR_OK);
        CHECK(span_eq_str(got, "{\"k\":1}"));
        CHECK_EQ(field_facts(with("tdz-facts", NULL, NULL), 7, buf, sizeof(buf), &got), ERR_OK);
        CHECK(span_eq_str(got, "{}"));
        CHECK_EQ(field_facts(with("tdz-facts", "eyJrIjoxfQ", NULL), 6, buf, sizeof(buf), &got),
                 ERR_TOO_LARGE);
        CHECK_EQ(field_facts(with("tdz-facts", "eyJrIjoxfQ==", NULL), 60, buf, 60, &got),
                 ERR_SYNTAX);
        CHECK_EQ(field_facts(with("tdz-facts", "e+/r", NULL), 60, buf, 60, &got), ERR_SYNTAX);
        CHECK_EQ(field_facts(with("tdz-facts", "", NULL), 60, buf, 60, &got), ERR_SYNTAX);
        CHECK_EQ(field_facts(with("tdz-facts", "_w", NULL), 60, buf, 60, &got), ERR_UTF8);
        CHECK_EQ(field_facts(with("tdz-facts", "e30", "e30"), 60, buf, 60, &got), ERR_DUPLICATE);
        memset(longest, 'A', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = 0;
        CHECK_EQ(field_facts(with("tdz-facts", longest, NULL), 60, buf, 60, &got), ERR_TOO_LARGE);
    }
    TEST("path segments lose their escapes, names keep to their rules")
    {
        CHECK_EQ(field_segment(SPAN_LIT("a%20b%C3%a9"), buf, sizeof(buf), &got), ERR_OK);
        CHECK(span_eq_str(got, "a b\xc3\xa9"));
        CHECK(field_is_name(got, 5) && !field_is_name(got, 4));
        CHECK_EQ(field_segment(SPAN_LIT("a%2"), buf, sizeof(buf), &got), ERR_SYNTAX);
        CHECK_EQ(field_segment(SPAN_LIT("a%zz"), buf, sizeof(buf), &got), ERR_SYNTAX);
        CHECK_EQ(field_segment(SPAN_LIT("a%00b"), buf, sizeof(buf), &got), ERR_SYNTAX);
        CHECK_EQ(field_segment(SPAN_LIT("abcd"), buf, 3, &got), ERR_FULL);
        CHECK_EQ(field_segment(SPAN_LIT("a%2Fb"), buf, sizeof(buf), &got), ERR_OK);
        CHECK(!field_is_name(got, 255));
        CHECK(!field_is_name(SPAN_LIT(""), 255) && !field_is_name(SPAN_LIT(".x"), 255));
        CHECK(!field_is_name(SPAN_LIT("a\x01"), 255) && !field_is_name(SPAN_LIT("a\x7f"), 255));
        CHECK(!field_is_name(SPAN_LIT("a\xc2\x85"), 255) && !field_is_name(SPAN_LIT("\xff"), 255));
        CHECK(field_is_name(SPAN_LIT("x.csv"), 255));
    }
    TEST("a transfer is named by 32 lower-case digits")
    {
        uint8_t id[16];
        CHECK_EQ(field_transfer(SPAN_LIT("00112233445566778899aabbccddeeff"), id), ERR_OK);
        CHECK(id[1] == 0x11 && id[15] == 0xff);
        CHECK_EQ(field_transfer(SPAN_LIT("00112233445566778899AABBCCDDEEFF"), id), ERR_SYNTAX);
        CHECK_EQ(field_transfer(SPAN_LIT("00112233445566778899aabbccddeef"), id), ERR_SYNTAX);
        CHECK_EQ(field_transfer(SPAN_LIT("00112233445566778899aabbccddeeffa"), id), ERR_SYNTAX);
        CHECK_EQ(field_transfer(SPAN_LIT("00112233445566778899aabbccddeefg"), id), ERR_SYNTAX);
    }
}

int
main(void)
{
    test_prefer();
    test_digest();
    test_range();
    test_names();
    return test_end();
}
