/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/tokscan.h"

#include "inspect/colstat.h"
#include "inspect/hotword.h"
#include "inspect/nametest.h"
#include "inspect/normal.h"
#include "tests/test.h"

/* The passing types of the tokens of text, in order, as letters; lower case when bare. */
static const char *
scan(const char *text)
{
    static char found[64];
    static const char letters[] = "PMCEKA";
    struct tokscan s;
    struct token t;
    size_t len = 0;
    tokscan_reset(&s);
    tokscan_feed(&s, span_str(text), NULL, 0, 0, true);
    while (tokscan_next(&s, &t) && len < 60)
        for (unsigned i = 0; i < IDENT_FOUND_COUNT; i++)
            if ((t.pass & IDENT_BIT(i)) != 0)
                found[len++] = (char)(letters[i] + (t.strength == TOKSCAN_BARE ? 32 : 0));
    if (tokscan_finish(&s, strlen(text), &t))
        found[len++] = 'K';
    found[len] = '\0';
    return found;
}

static bool
finds(const char *text, const char *want)
{
    const char *got = scan(text);
    if (strcmp(got, want) != 0)
        printf("# %s: %s\n", text, got);
    return strcmp(got, want) == 0;
}

/* The place of the only token. */
static bool
place(const char *text, uint64_t offset, uint64_t len)
{
    struct tokscan s;
    struct token t = {0};
    tokscan_reset(&s);
    tokscan_feed(&s, span_str(text), NULL, 100, 0, true);
    return tokscan_next(&s, &t) && t.offset == 100 + offset && t.len == len;
}

static void
test_tokens(void)
{
    TEST("numbers are found by length, groups and check")
    {
        CHECK(finds("900101145678", "m"));
        CHECK(finds("900101-14-5678", "M"));
        CHECK(finds("900101 14 5678", "M"));
        CHECK(finds("11010519491231002X", "P"));
        CHECK(finds("11010519491231002x,", "P"));
        CHECK(finds("110105 19491231 002X", "P"));
        CHECK(finds("110105491231002", "p"));
        CHECK(finds("4111111111111111", "c"));
        CHECK(finds("4111-1111-1111-1111", "C"));
        CHECK(finds("3782 822463 10005", "C"));
        CHECK(finds("x 900101-14-5678, 11010519491231002X; a@b.com", "MPE"));
    }
    TEST("what belongs to something longer is no identifier")
    {
        CHECK(finds("1900101145678", ""));
        CHECK(finds("a900101145678", ""));
        CHECK(finds("900101145678b", ""));
        CHECK(finds("3.900101145678", ""));
        CHECK(finds("900101145678.5", ""));
        CHECK(finds("55-900101-14-5678", ""));
        CHECK(finds("900101-14-5678-9", ""));
        CHECK(finds("123e4567-e89b-12d3-a456-900101145678", ""));
        CHECK(finds("900101145678@x", ""));
        CHECK(finds("4111 1111,1111 1111", ""));
        CHECK(finds("4111-1111 1111-1111", ""));
        CHECK(finds("AKIAIOSFODNN7EXAMPLEX", ""));
        CHECK(finds("xAKIAIOSFODNN7EXAMPLE", ""));
        CHECK(finds("-----BEGIN PUBLIC KEY-----", ""));
    }
    TEST("words and marks beside a number do not hide it")
    {
        CHECK(finds("IC-900101145678", "m"));
        CHECK(finds("ic_900101145678.csv", "m"));
        CHECK(finds("(900101145678)", "m"));
        CHECK(finds("\xe8\xba\xab\xe4\xbb\xbd\xe8\xaf\x81"
                    "11010519491231002X"
                    "\xe3\x80\x82",
                    "P"));
        CHECK(finds("mailto:a.b@c.example?x", "E"));
        CHECK(finds("<a.b@c.example>.", "E"));
        CHECK(finds("id=AKIAIOSFODNN7EXAMPLE;", "A"));
    }
    TEST("private keys run from border to border, or to the end")
    {
        CHECK(finds("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n", "K"));
        CHECK(finds("-----BEGIN EC PRIVATE KEY-----\nMII", "K"));
        CHECK(finds("-----BEGIN ENCRYPTED PRIVATE KEY-----x-----BEGIN RSA PRIVATE KEY-----", "KK"));
        CHECK(place("a\n-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n", 2, 57));
    }
    TEST("places are those of the identifier alone")
    {
        CHECK(place(" 900101-14-5678 ", 1, 14));
        CHECK(place("x 11010519491231002X.", 2, 18));
        CHECK(place("<a.b@c.example>.", 1, 13));
    }
}

static void
test_names(void)
{
    enum ident ident = IDENT_NONE;
    TEST("a name with an identifier is refused, a name with a date or number is not")
    {
        CHECK(nametest_has_identifier(SPAN_LIT("patient 900101-14-5678.csv"), &ident));
        CHECK_EQ(ident, IDENT_MYKAD);
        CHECK(nametest_has_identifier(SPAN_LIT("scan_11010519491231002X"), &ident));
        CHECK_EQ(ident, IDENT_PRC_ID);
        CHECK(nametest_has_identifier(SPAN_LIT("for ali@example.com"), NULL));
        CHECK(nametest_has_identifier(SPAN_LIT("900101145678.csv"), NULL));
        CHECK(nametest_has_identifier(SPAN_LIT("AKIAIOSFODNN7EXAMPLE"), NULL));
        CHECK(nametest_has_identifier(SPAN_LIT("-----BEGIN PRIVATE KEY-----"), NULL));
        CHECK(nametest_has_identifier(SPAN_LIT("\xef\xbc\x99"
                                               "00101-14-5678"),
                                      NULL));
        CHECK(!nametest_has_identifier(SPAN_LIT("export-2026-11-22.csv"), NULL));
        CHECK(!nametest_has_identifier(SPAN_LIT("run 261122021900"), NULL));
        CHECK(!nametest_has_identifier(SPAN_LIT("dosm_prices_district_selected.csv"), NULL));
        CHECK(!nametest_has_identifier(SPAN_LIT(""), NULL));
        static uint8_t large[NAMETEST_MAX + 1];
        CHECK(nametest_has_identifier(span_of(large, sizeof(large)), NULL));
        CHECK(!nametest_has_identifier(span_of(large, NAMETEST_MAX), NULL));
    }
    TEST("words of three languages name a type")
    {
        CHECK_EQ(hotword_find(SPAN_LIT("NRIC")) & IDENT_BIT(IDENT_MYKAD), IDENT_BIT(IDENT_MYKAD));
        CHECK(hotword_find(SPAN_LIT("No. KP pesakit")) != 0);
        CHECK(hotword_find(SPAN_LIT("patient_ic_no")) != 0);
        CHECK(hotword_find(SPAN_LIT("patientIC")) != 0);
        CHECK(hotword_find(SPAN_LIT("\xe8\xba\xab\xe4\xbb\xbd\xe8\xaf\x81\xe5\x8f\xb7")) != 0);
        CHECK((hotword_find(SPAN_LIT("\xe9\x93\xb6\xe8\xa1\x8c\xe5\x8d\xa1")) &
               IDENT_BIT(IDENT_CARD)) != 0);
        CHECK_EQ(hotword_find(SPAN_LIT("public topic metric")), 0);
        CHECK_EQ(hotword_find(SPAN_LIT("discard cardinal")), 0);
        CHECK_EQ(hotword_find(SPAN_LIT("")), 0);
    }
}

static void
test_text(void)
{
    TEST("full-width forms fold to ASCII and keep their places")
    {
        uint8_t out[64];
        uint16_t map[65];
        const struct span in =
            SPAN_LIT("a\xef\xbc\x91\xe2\x80\x8b\xc2\xa0\xe2\x80\x93z\xe4\xb8\xad");
        CHECK(normal_needed(in));
        const size_t len = normal_text(in, out, map);
        CHECK(span_eq(span_of(out, len), SPAN_LIT("a1 -z\xe4\xb8\xad")));
        CHECK(map[1] == 1 && map[2] == 7 && map[3] == 9 && map[4] == 12 && map[len] == in.len);
        CHECK(!normal_needed(SPAN_LIT("plain \xe4\xb8\xad\xe6\x96\x87")));
    }
    TEST("ill-formed UTF-8 and control bytes are counted over any split")
    {
        static const struct {
            const char *text;
            uint64_t invalid;
            uint64_t control;
        } form[] = {
            {"plain text that is long enough for words\r\n\t", 0, 0},
            {"\xe4\xb8\xad\xf0\x9f\x98\x80\xc3\xa9", 0, 0},
            {"\xc0\x80", 2, 0},
            {"\xed\xa0\x80", 3, 0},
            {"\xe4\xb8", 1, 0},
            {"\xe4\xb8zzzzzzzzzzzzzz\xff", 2, 0},
            {"aaaaaaaaaaaaaaaa\x01\x7f\x1b", 0, 3},
            {"\xf4\x90\x80\x80", 4, 0},
        };
        for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
            const struct span in = span_str(form[i].text);
            for (size_t cut = 0; cut <= in.len; cut++) {
                struct normal_utf8 u = {0};
                normal_utf8_feed(&u, span_of(in.ptr, cut));
                normal_utf8_feed(&u, span_from(in, cut));
                normal_utf8_finish(&u);
                CHECK_EQ(u.invalid, form[i].invalid);
                CHECK_EQ(u.control, form[i].control);
            }
        }
    }
}

int
main(void)
{
    test_tokens();
    test_names();
    test_text();
    TEST("a column without tokens says nothing")
    {
        struct colstat c = {0};
        for (unsigned i = 0; i < IDENT_FOUND_COUNT; i++) {
            CHECK_EQ(colstat_llr(&c, (enum ident)i), 0);
            CHECK_EQ(colstat_need(&c, (enum ident)i, true), COLSTAT_NONE);
            CHECK(!colstat_is_dead(&c, (enum ident)i));
        }
    }
    return test_end();
}
