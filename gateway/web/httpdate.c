/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web/httpdate.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "schemas/text.h"

enum { DAY_S = 86400 };

struct span
httpdate_put(uint64_t unix_s, char ret[static HTTPDATE_BYTES])
{
    static const char days[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char iso[21]; /* "1994-11-06T08:49:37Z" */
    char text[64];
    /* Not gmtime_r, which looks for the time zone's file: a sandboxed process must not. */
    const enum err err = text_time_s((int64_t)unix_s, iso);
    assert(err == ERR_OK);
    const int month = (iso[5] - '0') * 10 + iso[6] - '0';
    const int n = snprintf(text, sizeof(text), "%s, %.2s %s %.4s %.8s GMT",
                           days[unix_s / DAY_S % 7], iso + 8, months[month - 1], iso, iso + 11);
    assert(n == HTTPDATE_BYTES);
    memcpy(ret, text, HTTPDATE_BYTES);
    return span_of(ret, HTTPDATE_BYTES);
}
