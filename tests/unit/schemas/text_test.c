/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/text.h"
#include "tests/test.h"

static bool
time_is(const char *text, bool date_ok, int64_t want)
{
    int64_t ms = -1;
    return text_parse_time(span_str(text), date_ok, &ms) == ERR_OK && ms == want;
}

static bool
time_is_bad(const char *text)
{
    int64_t ms = -1;
    return text_parse_time(span_str(text), false, &ms) == ERR_SYNTAX && ms == -1;
}

static bool
base64_round(const char *plain, bool url, const char *want)
{
    char text[64];
    uint8_t back[64];
    size_t len = 0;
    if (text_base64(span_str(plain), url, text, sizeof(text), &len) != ERR_OK)
        return false;
    if (len != strlen(want) || memcmp(text, want, len) != 0)
        return false;
    if (text_unbase64(span_str(want), url, back, sizeof(back), &len) != ERR_OK)
        return false;
    return span_eq(span_of(back, len), span_str(plain));
}

int
main(void)
{
    TEST("times of RFC 3339 are read to the millisecond")
    {
        CHECK(time_is("1970-01-01T00:00:00Z", false, 0));
        CHECK(time_is("2026-11-22T02:19:00.123Z", false, INT64_C(1795313940123)));
        CHECK(time_is("2025-04-01T00:00:00+08:00", false, INT64_C(1743436800000)));
        CHECK(time_is("2000-02-29T23:59:59.9999999Z", false, INT64_C(951868799999)));
        CHECK(time_is("2026-11-22", true, INT64_C(1795305600000)));
    }
    TEST("times outside the grammar are refused")
    {
        CHECK(time_is_bad("2026-11-22"));
        CHECK(time_is_bad("2026-02-29T00:00:00Z"));
        CHECK(time_is_bad("2026-11-22T24:00:00Z"));
        CHECK(time_is_bad("2026-11-22T00:00:60Z"));
        CHECK(time_is_bad("2026-11-22T00:00:00"));
        CHECK(time_is_bad("2026-11-22T00:00:00.Z"));
        CHECK(time_is_bad("2026-11-22T00:00:00Zz"));
        CHECK(time_is_bad("2026-11-22t00:00:00Z"));
        CHECK(time_is_bad(""));
    }
    TEST("a time is written as it was read")
    {
        char ms[25];
        char s[21];
        CHECK_EQ(text_time_ms(INT64_C(1795313940123), ms), ERR_OK);
        CHECK(strcmp(ms, "2026-11-22T02:19:00.123Z") == 0);
        CHECK_EQ(text_time_s(INT64_C(951868799), s), ERR_OK);
        CHECK(strcmp(s, "2000-02-29T23:59:59Z") == 0);
        CHECK_EQ(text_time_ms(-1, ms), ERR_RANGE);
    }
    TEST("base64 of RFC 4648 round-trips in both alphabets")
    {
        CHECK(base64_round("", false, ""));
        CHECK(base64_round("f", false, "Zg=="));
        CHECK(base64_round("fo", false, "Zm8="));
        CHECK(base64_round("foobar", false, "Zm9vYmFy"));
        CHECK(base64_round("fo", true, "Zm8"));
        CHECK(base64_round("\xff\xfe\xfd", true, "__79"));
    }
    TEST("base64 that is not canonical is refused")
    {
        static const char *const bad[] = {"Zg=", "Zg", "Zh==", "Z===", "Zm9v\n", "Zm 9v", "===="};
        uint8_t back[16];
        size_t len = 0;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            CHECK_EQ(text_unbase64(span_str(bad[i]), false, back, sizeof(back), &len), ERR_SYNTAX);
        CHECK_EQ(text_unbase64(span_str("Zm8="), true, back, sizeof(back), &len), ERR_SYNTAX);
    }
    TEST("hex is lower case unless asked otherwise")
    {
        uint8_t two[2];
        char text[5];
        CHECK_EQ(text_unhex(SPAN_LIT("00ff"), false, two, 2), ERR_OK);
        CHECK_EQ(text_unhex(SPAN_LIT("00FF"), false, two, 2), ERR_SYNTAX);
        CHECK_EQ(text_unhex(SPAN_LIT("00FF"), true, two, 2), ERR_OK);
        CHECK_EQ(text_unhex(SPAN_LIT("00f"), false, two, 2), ERR_SYNTAX);
        CHECK_EQ(text_hex(span_of(two, 2), text, sizeof(text)), ERR_OK);
        CHECK(strcmp(text, "00ff") == 0);
        CHECK_EQ(text_hex(span_of(two, 2), text, 4), ERR_FULL);
    }
    TEST("ill-formed UTF-8 is seen")
    {
        CHECK(text_is_utf8(SPAN_LIT("Kuala Lumpur \xe4\xb8\xb4\xe6\xb8\xaf \xf0\x9f\x98\x80")));
        CHECK(!text_is_utf8(SPAN_LIT("\xc0\x80")));
        CHECK(!text_is_utf8(SPAN_LIT("\xed\xa0\x80")));
        CHECK(!text_is_utf8(SPAN_LIT("\xf4\x90\x80\x80")));
        CHECK(!text_is_utf8(SPAN_LIT("\xe4\xb8")));
        CHECK(!text_is_utf8(SPAN_LIT("\x80")));
    }
    TEST("decimals have no sign, no leading zero and a limit")
    {
        uint64_t n = 0;
        CHECK_EQ(text_parse_u64(SPAN_LIT("18446744073709551615"), UINT64_MAX, &n), ERR_OK);
        CHECK_EQ(text_parse_u64(SPAN_LIT("18446744073709551616"), UINT64_MAX, &n), ERR_RANGE);
        CHECK_EQ(text_parse_u64(SPAN_LIT("11"), 10, &n), ERR_RANGE);
        CHECK_EQ(text_parse_u64(SPAN_LIT("01"), 10, &n), ERR_SYNTAX);
        CHECK_EQ(text_parse_u64(SPAN_LIT("-1"), 10, &n), ERR_SYNTAX);
        CHECK_EQ(text_parse_u64(SPAN_LIT(""), 10, &n), ERR_SYNTAX);
    }
    return test_end();
}
