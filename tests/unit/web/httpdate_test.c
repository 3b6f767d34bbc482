/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web/httpdate.h"

#include "tests/test.h"

static bool
is(uint64_t unix_s, const char *want)
{
    char text[HTTPDATE_BYTES];
    return span_eq_str(httpdate_put(unix_s, text), want);
}

int
main(void)
{
    TEST("the example of RFC 9110 is written as it stands there")
    {
        CHECK(is(784111777, "Sun, 06 Nov 1994 08:49:37 GMT"));
    }
    TEST("so are the first second, a leap day, a year's end and the last year of four digits")
    {
        CHECK(is(0, "Thu, 01 Jan 1970 00:00:00 GMT"));
        CHECK(is(1709164800, "Thu, 29 Feb 2024 00:00:00 GMT"));
        CHECK(is(1798761599, "Thu, 31 Dec 2026 23:59:59 GMT"));
        CHECK(is(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"));
    }
    return test_end();
}
