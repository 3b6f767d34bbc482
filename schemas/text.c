/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/text.h"

#include <assert.h>
#include <stdio.h>

enum err
text_utf8_next(struct span s, size_t *at, uint32_t *ret_scalar)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    assert(*at < s.len);
    const uint8_t lead = s.ptr[*at];
    size_t width = 1;
    uint32_t scalar = lead;
    if (lead >= 0xf0 && lead <= 0xf4) {
        width = 4;
        scalar = lead & 0x07U;
    } else if (lead >= 0xe0 && lead < 0xf0) {
        width = 3;
        scalar = lead & 0x0fU;
    } else if (lead >= 0xc2 && lead < 0xe0) {
        width = 2;
        scalar = lead & 0x1fU;
    } else if (lead >= 0x80) {
        return ERR_UTF8;
    }
    if (width > s.len - *at)
        return ERR_UTF8;
    for (size_t i = 1; i < width; i++) {
        const uint8_t next = s.ptr[*at + i];
        if ((next & 0xc0U) != 0x80U)
            return ERR_UTF8;
        scalar = scalar << 6 | (next & 0x3fU);
    }
    if (scalar < least[width] || scalar > 0x10ffff || (scalar >= 0xd800 && scalar <= 0xdfff))
        return ERR_UTF8;
    *at += width;
    *ret_scalar = scalar;
    return ERR_OK;
}

bool
text_is_utf8(struct span s)
{
    size_t at = 0;
    uint32_t scalar = 0;
    while (at < s.len)
        if (text_utf8_next(s, &at, &scalar) != ERR_OK)
            return false;
    return true;
}

enum err
text_hex(struct span in, char *out, size_t cap)
{
    static const char digits[] = "0123456789abcdef";
    if (cap < 1 || in.len > (cap - 1) / 2)
        return ERR_FULL;
    for (size_t i = 0; i < in.len; i++) {
        out[2 * i] = digits[in.ptr[i] >> 4];
        out[2 * i + 1] = digits[in.ptr[i] & 15];
    }
    out[2 * in.len] = '\0';
    return ERR_OK;
}

static int
text_hex_value(uint8_t c, bool any_case)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (any_case && c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum err
text_unhex(struct span in, bool any_case, uint8_t *out, size_t out_len)
{
    if (in.len % 2 != 0 || in.len / 2 != out_len)
        return ERR_SYNTAX;
    for (size_t i = 0; i < out_len; i++) {
        const int high = text_hex_value(in.ptr[2 * i], any_case);
        const int low = text_hex_value(in.ptr[2 * i + 1], any_case);
        if (high < 0 || low < 0)
            return ERR_SYNTAX;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return ERR_OK;
}

enum err
text_base64(struct span in, bool url, char *out, size_t cap, size_t *ret_len)
{
    static const char std_digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char url_digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *digits = url ? url_digits : std_digits;
    size_t len = 0;
    if (in.len > SIZE_MAX / 2 || cap < (in.len + 2) / 3 * 4 + 1)
        return ERR_FULL;
    for (size_t i = 0; i < in.len; i += 3) {
        const size_t left = in.len - i;
        const uint32_t group = (uint32_t)in.ptr[i] << 16 |
                               (left > 1 ? (uint32_t)in.ptr[i + 1] << 8 : 0) |
                               (left > 2 ? (uint32_t)in.ptr[i + 2] : 0);
        const size_t used = left > 2 ? 4 : left + 1;
        for (size_t k = 0; k < used; k++)
            out[len++] = digits[group >> (18 - 6 * k) & 63];
        for (size_t k = used; k < 4 && !url; k++)
            out[len++] = '=';
    }
    out[len] = '\0';
    *ret_len = len;
    return ERR_OK;
}

static int
text_base64_value(uint8_t c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    if (c == (url ? '_' : '/'))
        return 63;
    return -1;
}

enum err
text_unbase64(struct span in, bool url, uint8_t *out, size_t cap, size_t *ret_len)
{
    size_t digits = in.len;
    if (!url) {
        if (in.len % 4 != 0)
            return ERR_SYNTAX;
        while (digits > 0 && in.len - digits < 2 && in.ptr[digits - 1] == '=')
            digits--;
    }
    if (digits % 4 == 1)
        return ERR_SYNTAX;
    size_t len = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < digits; i++) {
        const int value = text_base64_value(in.ptr[i], url);
        if (value < 0)
            return ERR_SYNTAX;
        bits = (bits << 6 | (uint32_t)value) & 0xffffffU;
        held += 6;
        if (held >= 8) {
            held -= 8;
            if (len == cap)
                return ERR_FULL;
            out[len++] = (uint8_t)(bits >> held);
        }
    }
    if ((bits & ((1U << held) - 1)) != 0)
        return ERR_SYNTAX;
    *ret_len = len;
    return ERR_OK;
}

/* Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant's civil day count). */
static int64_t
text_days(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t yoe = y - era * 400;
    const int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void
text_civil(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day)
{
    const int64_t z = days + 719468;
    const int64_t era = z / 146097;
    const int64_t doe = z - era * 146097;
    const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const int64_t mp = (5 * doy + 2) / 153;
    *ret_day = doy - (153 * mp + 2) / 5 + 1;
    *ret_month = mp < 10 ? mp + 3 : mp - 9;
    *ret_year = yoe + era * 400 + (*ret_month <= 2 ? 1 : 0);
}

enum err
text_time_ms(int64_t unix_ms, char out[static 25])
{
    const int64_t last = INT64_C(253402300799999);
    if (unix_ms < 0 || unix_ms > last)
        return ERR_RANGE;
    char whole[21];
    TRY(text_time_s(unix_ms / 1000, whole));
    whole[19] = '\0';
    const int n = snprintf(out, 25, "%s.%03uZ", whole, (unsigned)(unix_ms % 1000));
    assert(n == 24);
    return ERR_OK;
}

enum err
text_time_s(int64_t unix_s, char out[static 21])
{
    if (unix_s < 0 || unix_s > INT64_C(253402300799))
        return ERR_RANGE;
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    text_civil(unix_s / 86400, &year, &month, &day);
    const unsigned second = (unsigned)(unix_s % 86400);
    const int n = snprintf(out, 21, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000U,
                           (unsigned)month % 100U, (unsigned)day % 100U, second / 3600,
                           second / 60 % 60, second % 60);
    assert(n == 20);
    return ERR_OK;
}

/* Reads width digits at *at and checks that the number is within [low, high]. */
static enum err
text_field(struct span in, size_t *at, size_t width, int64_t low, int64_t high, int64_t *ret)
{
    int64_t value = 0;
    if (width > in.len - *at)
        return ERR_SYNTAX;
    for (size_t i = 0; i < width; i++) {
        const uint8_t c = in.ptr[*at + i];
        if (c < '0' || c > '9')
            return ERR_SYNTAX;
        value = value * 10 + (c - '0');
    }
    if (value < low || value > high)
        return ERR_SYNTAX;
    *at += width;
    *ret = value;
    return ERR_OK;
}

static enum err
text_char(struct span in, size_t *at, char want)
{
    if (*at >= in.len || in.ptr[*at] != (uint8_t)want)
        return ERR_SYNTAX;
    *at += 1;
    return ERR_OK;
}

static enum err
text_fraction(struct span in, size_t *at, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (*at >= in.len || in.ptr[*at] != '.')
        return ERR_OK;
    *at += 1;
    int64_t scale = 100;
    size_t digits = 0;
    while (*at < in.len && in.ptr[*at] >= '0' && in.ptr[*at] <= '9') {
        *ret_ms += (in.ptr[*at] - '0') * scale;
        scale /= 10;
        *at += 1;
        digits++;
    }
    return digits == 0 || digits > 9 ? ERR_SYNTAX : ERR_OK;
}

static enum err
text_offset(struct span in, size_t *at, int64_t *ret_seconds)
{
    if (*at >= in.len)
        return ERR_SYNTAX;
    const uint8_t sign = in.ptr[*at];
    *at += 1;
    if (sign == 'Z') {
        *ret_seconds = 0;
        return ERR_OK;
    }
    if (sign != '+' && sign != '-')
        return ERR_SYNTAX;
    int64_t hours = 0;
    int64_t minutes = 0;
    TRY(text_field(in, at, 2, 0, 23, &hours));
    TRY(text_char(in, at, ':'));
    TRY(text_field(in, at, 2, 0, 59, &minutes));
    *ret_seconds = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return ERR_OK;
}

enum err
text_parse_time(struct span in, bool date_ok, int64_t *ret_unix_ms)
{
    static const int64_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    size_t at = 0;
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    TRY(text_field(in, &at, 4, 1970, 9999, &year));
    TRY(text_char(in, &at, '-'));
    TRY(text_field(in, &at, 2, 1, 12, &month));
    TRY(text_char(in, &at, '-'));
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    const int64_t last = month == 2 && leap ? 29 : month_days[month - 1];
    TRY(text_field(in, &at, 2, 1, last, &day));
    const int64_t midnight = text_days(year, month, day) * 86400;
    if (date_ok && at == in.len) {
        *ret_unix_ms = midnight * 1000;
        return ERR_OK;
    }
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t ms = 0;
    int64_t offset = 0;
    TRY(text_char(in, &at, 'T'));
    TRY(text_field(in, &at, 2, 0, 23, &hour));
    TRY(text_char(in, &at, ':'));
    TRY(text_field(in, &at, 2, 0, 59, &minute));
    TRY(text_char(in, &at, ':'));
    TRY(text_field(in, &at, 2, 0, 59, &second));
    TRY(text_fraction(in, &at, &ms));
    TRY(text_offset(in, &at, &offset));
    if (at != in.len)
        return ERR_SYNTAX;
    *ret_unix_ms = (midnight + hour * 3600 + minute * 60 + second - offset) * 1000 + ms;
    return ERR_OK;
}

enum err
text_parse_u64(struct span in, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    if (in.len == 0 || (in.len > 1 && in.ptr[0] == '0'))
        return ERR_SYNTAX;
    for (size_t i = 0; i < in.len; i++) {
        if (in.ptr[i] < '0' || in.ptr[i] > '9')
            return ERR_SYNTAX;
        const uint64_t digit = (uint64_t)(in.ptr[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return ERR_RANGE;
        value = value * 10 + digit;
    }
    if (value > max)
        return ERR_RANGE;
    *ret = value;
    return ERR_OK;
}
