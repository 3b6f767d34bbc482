/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a stream through an inspection, split as the test likes, and keeps what came out; and makes
 * identifiers whose truth is known. */
#ifndef TDZ_TESTS_UNIT_INSPECT_INSPECTED_H
#define TDZ_TESTS_UNIT_INSPECT_INSPECTED_H

#include <stdarg.h>

#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/mac.h"
#include "inspect/findings.h"
#include "inspect/persons.h"
#include "tests/test.h"

enum { INSPECTED_OUT_MAX = 4 << 20 };

static const uint8_t inspected_key[32] = {1, 2, 3};
static struct inspection *inspected;
static uint8_t inspected_out[INSPECTED_OUT_MAX];
static size_t inspected_out_len;
static char inspected_json[FINDINGS_JSON_MAX];
static uint64_t inspected_seed = 1;

/* xorshift64*: the same numbers in every run. */
__attribute__((unused)) static uint64_t
inspected_random(uint64_t below)
{
    inspected_seed ^= inspected_seed >> 12;
    inspected_seed ^= inspected_seed << 25;
    inspected_seed ^= inspected_seed >> 27;
    return (inspected_seed * UINT64_C(2685821657736338717) >> 11) % below;
}

__attribute__((unused)) static bool
inspected_setup(void)
{
    return digest_init() == ERR_OK && mac_init() == ERR_OK && key_init() == ERR_OK &&
           inspection_new(PERSONS_MAX, &inspected) == ERR_OK;
}

/* Feeds in pieces of piece bytes (0: all at once; random up to -piece if negative) into output
 * rooms of room bytes. NULL when the inspection fails. */
__attribute__((unused)) static const struct findings *
inspected_run(const struct inspection_config *config, struct span in, long piece, size_t room)
{
    enum err err = inspection_start(inspected, config);
    size_t len = 0;
    inspected_out_len = 0;
    while (err == ERR_OK && in.len > 0) {
        size_t take = piece == 0 ? in.len : (size_t)(piece > 0 ? piece : -piece);
        if (piece < 0)
            take = 1 + (size_t)inspected_random((uint64_t)take);
        struct span now = span_of(in.ptr, take < in.len ? take : in.len);
        do {
            size_t used = 0;
            err = inspection_feed(inspected, now, &used, inspected_out + inspected_out_len, room,
                                  &len);
            if (err != ERR_OK && err != ERR_AGAIN)
                return NULL;
            now = span_from(now, used);
            in = span_from(in, used);
            inspected_out_len += len;
            if (inspected_out_len + room > sizeof(inspected_out))
                return NULL;
        } while (err == ERR_AGAIN);
    }
    do {
        err = inspection_finish(inspected, inspected_out + inspected_out_len, room, &len);
        inspected_out_len += len;
    } while (err == ERR_AGAIN && inspected_out_len + room <= sizeof(inspected_out));
    return err == ERR_OK ? findings_of(inspected) : NULL;
}

__attribute__((unused)) static const struct findings *
inspected_plain(const struct fieldset *fields, struct span in)
{
    const struct inspection_config config = {.fields = fields, .counting_key = inspected_key};
    return inspected_run(&config, in, 0, INSPECTED_OUT_MAX / 2);
}

/* The evidence as JSON, NUL terminated; empty when there is none. */
__attribute__((unused)) static const char *
inspected_evidence(const struct findings *f)
{
    struct span json;
    if (f == NULL || findings_json(f, inspected_json, sizeof(inspected_json) - 1, &json) != ERR_OK)
        return "";
    inspected_json[json.len] = '\0';
    return inspected_json;
}

struct inspected_text {
    char *buf;
    size_t cap;
    size_t len;
};

__attribute__((unused, format(printf, 2, 3))) static void
inspected_put(struct inspected_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(t->buf + t->len, t->cap - t->len, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < t->cap - t->len)
        t->len += (size_t)n;
}

__attribute__((unused)) static struct span
inspected_span(const struct inspected_text *t)
{
    return span_of(t->buf, t->len);
}

/* A MyKad of a person born 1950 to 1999 in one of the states 01 to 16. */
__attribute__((unused)) static void
inspected_mykad(struct inspected_text *t, bool hyphens)
{
    const unsigned year = 50 + (unsigned)inspected_random(50);
    const unsigned month = 1 + (unsigned)inspected_random(12);
    const unsigned day = 1 + (unsigned)inspected_random(28);
    const unsigned place = 1 + (unsigned)inspected_random(16);
    const unsigned serial = (unsigned)inspected_random(10000);
    const char *mark = hyphens ? "-" : "";
    inspected_put(t, "%02u%02u%02u%s%02u%s%04u", year, month, day, mark, place, mark, serial);
}

__attribute__((unused)) static void
inspected_prc(struct inspected_text *t)
{
    char digits[40];
    const unsigned year = 1950 + (unsigned)inspected_random(55);
    const unsigned month = 1 + (unsigned)inspected_random(12);
    const unsigned day = 1 + (unsigned)inspected_random(28);
    (void)snprintf(digits, sizeof(digits), "310115%04u%02u%02u%03u", year, month, day,
                   (unsigned)inspected_random(1000));
    inspected_put(t, "%.17s%c", digits, (char)ident_prc_check((const uint8_t *)digits));
}

/* A card of 16 digits that begins with 4. */
__attribute__((unused)) static void
inspected_card(struct inspected_text *t)
{
    char digits[40];
    const unsigned long long number = inspected_random(100000000000000ULL);
    (void)snprintf(digits, sizeof(digits), "4%014llu0", number);
    for (char check = '0'; check <= '9'; check++) {
        digits[15] = check;
        if (ident_luhn(span_of(digits, 16)))
            break;
    }
    inspected_put(t, "%.16s", digits);
}

#endif
