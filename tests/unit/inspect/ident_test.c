/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/ident.h"
#include "inspect/label.h"
#include "tests/test.h"

static bool
canon_is(enum ident ident, const char *value, const char *want)
{
    uint8_t out[64];
    size_t len = 0;
    return ident_canonical(ident, span_str(value), out, sizeof(out), &len) == ERR_OK &&
           span_eq_str(span_of(out, len), want);
}

static bool
mykad(const char *digits)
{
    return ident_mykad_valid((const uint8_t *)digits);
}

static bool
prc(const char *text)
{
    return ident_prc_valid((const uint8_t *)text);
}

static void
test_numbers(void)
{
    TEST("a MyKad needs a real date and one of 85 places")
    {
        CHECK(mykad("900101145678"));
        CHECK(mykad("000229015678"));  /* 2000 was a leap year */
        CHECK(!mykad("010229015678")); /* neither 1901 nor 2001 was */
        CHECK(!mykad("901301145678"));
        CHECK(!mykad("900431145678"));
        CHECK(!mykad("900100145678"));
        unsigned places = 0;
        for (unsigned place = 0; place < 100; place++) {
            char digits[16];
            (void)snprintf(digits, sizeof(digits), "900101%02u5678", place);
            places += mykad(digits) ? 1 : 0;
        }
        CHECK_EQ(places, 85);
    }
    TEST("3.1 % of all 12 digit strings are formally MyKads")
    {
        unsigned long valid = 0;
        char digits[16] = "";
        for (unsigned head = 0; head < 1000000; head += 7) {
            for (unsigned place = 0; place < 100; place += 3) {
                (void)snprintf(digits, sizeof(digits), "%06u%02u0000", head, place);
                valid += mykad(digits) ? 1 : 0;
            }
        }
        const unsigned long all = (1000000 + 6) / 7 * 34;
        CHECK(valid * 1000 > all * 29 && valid * 1000 < all * 33);
    }
    TEST("times and company numbers are told by their digits")
    {
        CHECK(ident_mykad_is_time((const uint8_t *)"251231235959"));
        CHECK(ident_mykad_is_time((const uint8_t *)"201212312359"));
        CHECK(!ident_mykad_is_time((const uint8_t *)"251231246000"));
        CHECK(!ident_mykad_is_time((const uint8_t *)"900101145678"));
        CHECK(ident_mykad_is_time((const uint8_t *)"900101145558"));
        CHECK(ident_mykad_is_company((const uint8_t *)"201901000005"));
        CHECK(!ident_mykad_is_company((const uint8_t *)"201907000005"));
        CHECK(!ident_mykad_is_company((const uint8_t *)"211901000005"));
    }
    TEST("a resident number has province, date and check of GB 11643")
    {
        CHECK(prc("11010519491231002X")); /* the standard's own example */
        CHECK(prc("440524188001010014")); /* and its other */
        CHECK(!prc("110105194912310021"));
        CHECK(!prc("11010519491331002X"));
        CHECK(!prc("01010519491231002X"));
        for (size_t i = 0; i < 17; i++) {
            char text[20] = "11010519491231002X";
            text[i] = text[i] == '9' ? '8' : (char)(text[i] + 1);
            CHECK(!prc(text));
        }
    }
    TEST("permits of Hong Kong, Macau, Taiwan and permanent residents are resident numbers")
    {
        static const char *const head[] = {"81000019900101001", "82000019900101001",
                                           "83000019900101001", "93115619900101001",
                                           "81000119900101001", "91715619900101001"};
        for (size_t i = 0; i < 6; i++) {
            char text[20];
            (void)snprintf(text, sizeof(text), "%s%c", head[i],
                           (char)ident_prc_check((const uint8_t *)head[i]));
            CHECK(prc(text) == (i < 4));
        }
    }
    TEST("the old form of 15 digits is widened with its check")
    {
        uint8_t wide[18];
        CHECK(ident_prc15_valid((const uint8_t *)"110105491231002"));
        CHECK(!ident_prc15_valid((const uint8_t *)"110105491331002"));
        CHECK(!ident_prc15_valid((const uint8_t *)"990105491231002"));
        ident_prc15_widen((const uint8_t *)"110105491231002", wide);
        CHECK(memcmp(wide, "11010519491231002X", 18) == 0);
    }
    TEST("cards need an issuer, its length and the Luhn check")
    {
        CHECK(ident_card_valid(SPAN_LIT("4111111111111111")));
        CHECK(ident_card_valid(SPAN_LIT("5500000000000004")));
        CHECK(ident_card_valid(SPAN_LIT("2223003122003222")));
        CHECK(ident_card_valid(SPAN_LIT("378282246310005")));
        CHECK(ident_card_valid(SPAN_LIT("3530111333300000")));
        CHECK(ident_card_valid(SPAN_LIT("6011111111111117")));
        CHECK(ident_card_valid(SPAN_LIT("6200000000000005")));
        CHECK(!ident_card_valid(SPAN_LIT("4111111111111112")));
        CHECK(!ident_card_valid(SPAN_LIT("1111111111111117")));
        CHECK(!ident_card_valid(SPAN_LIT("411111111111")));
        CHECK(ident_luhn(SPAN_LIT("79927398713")) && !ident_luhn(SPAN_LIT("79927398710")));
    }
    TEST("an address has a local part and a host of two labels")
    {
        CHECK(ident_email_valid(SPAN_LIT("a.b+c@mail.example.com")));
        CHECK(ident_email_valid(SPAN_LIT("a@b.co")));
        CHECK(!ident_email_valid(SPAN_LIT("a@b")));
        CHECK(!ident_email_valid(SPAN_LIT("a@b.c0m")));
        CHECK(!ident_email_valid(SPAN_LIT(".a@b.com")));
        CHECK(!ident_email_valid(SPAN_LIT("a..b@c.com")));
        CHECK(!ident_email_valid(SPAN_LIT("a@-b.com")));
        CHECK(!ident_email_valid(SPAN_LIT("a@b..com")));
        CHECK(!ident_email_valid(SPAN_LIT("a@@b.com")));
        CHECK(!ident_email_valid(SPAN_LIT("nobody.example.com")));
    }
}

int
main(void)
{
    test_numbers();
    TEST("equal identifiers have one canonical form")
    {
        CHECK(canon_is(IDENT_MYKAD, " 900101-14-5678 ", "900101145678"));
        CHECK(canon_is(IDENT_MYKAD, "901399 99 5678", "901399995678")); /* shape, not validity */
        CHECK(canon_is(IDENT_MYKAD, "9001-01", "9001-01"));
        CHECK(canon_is(IDENT_PRC_ID, "110105 19491231 002x", "11010519491231002X"));
        CHECK(canon_is(IDENT_PRC_ID, "110105491231002", "11010519491231002X"));
        CHECK(canon_is(IDENT_CARD, "4111 1111-1111 1111", "4111111111111111"));
        CHECK(canon_is(IDENT_EMAIL, "A.B@Example.COM", "a.b@example.com"));
        CHECK(canon_is(IDENT_NONE, " A-1 ", "A-1"));
        CHECK(canon_is(IDENT_PERSON_NAME, "Siti  Aminah", "Siti  Aminah"));
        uint8_t out[4];
        size_t len = 9;
        CHECK_EQ(ident_canonical(IDENT_NONE, SPAN_LIT("12345"), out, sizeof(out), &len), ERR_FULL);
        CHECK_EQ(len, 9);
    }
    TEST("types and labels are found by name, others are not")
    {
        enum ident ident = IDENT_NONE;
        enum label label = LABEL_COUNT;
        for (unsigned i = 0; i < IDENT_COUNT; i++)
            CHECK(ident_find(span_str(ident_name((enum ident)i)), &ident) == ERR_OK &&
                  (unsigned)ident == i);
        for (unsigned i = 0; i < LABEL_COUNT; i++)
            CHECK(label_find(span_str(label_name((enum label)i)), &label) == ERR_OK &&
                  (unsigned)label == i);
        CHECK_EQ(ident_find(SPAN_LIT("nric"), &ident), ERR_NOT_FOUND);
        CHECK_EQ(label_find(SPAN_LIT("Personal"), &label), ERR_NOT_FOUND);
        for (unsigned i = 1; i < LABEL_COUNT; i++)
            CHECK(strcmp(label_name((enum label)(i - 1)), label_name((enum label)i)) < 0);
    }
    TEST("a label covers itself, its parents and business")
    {
        CHECK_EQ(label_close(LABEL_BIT(LABEL_HEALTH)), LABEL_BIT(LABEL_HEALTH) |
                                                           LABEL_BIT(LABEL_SENSITIVE_PERSONAL) |
                                                           LABEL_BIT(LABEL_PERSONAL));
        CHECK(label_covers(LABEL_HEALTH, LABEL_BIT(LABEL_PERSONAL)));
        CHECK(label_covers(LABEL_PERSONAL, LABEL_BIT(LABEL_QUASI)));
        CHECK(!label_covers(LABEL_PERSONAL, LABEL_BIT(LABEL_SENSITIVE_PERSONAL)));
        CHECK(!label_covers(LABEL_BUSINESS, LABEL_BIT(LABEL_QUASI)));
        CHECK(!label_covers(LABEL_HEALTH, LABEL_BIT(LABEL_CREDENTIAL)));
        CHECK_EQ(label_top(LABEL_BIT(LABEL_PERSONAL) | LABEL_BIT(LABEL_CREDENTIAL)),
                 LABEL_CREDENTIAL);
        CHECK_EQ(label_top(0), LABEL_BUSINESS);
    }
    return test_end();
}
