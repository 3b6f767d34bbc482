/* SPDX-License-Identifier: Apache-2.0 */
/* How fast an inspection reads: scan_bench [MIB [ROUNDS]] makes a personal table, the same with
 * addresses of mail, telemetry and prose of that size, none of which repeats, inspects each in
 * blocks of 64 KiB and prints the best of the rounds in GB per CPU second, beside a plain read of
 * the same buffer in words of 64 bits. One JSON object on standard output. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/mac.h"
#include "inspect/findings.h"
#include "inspect/ident.h"
#include "inspect/persons.h"

enum { BENCH_BLOCK = 64 * 1024, BENCH_ROW_MAX = 4096 };

struct corpus {
    uint8_t *buf;
    size_t cap;
    size_t len;
    uint64_t seed;
};

static volatile uint64_t bench_sink;

static uint64_t
below(struct corpus *c, uint64_t n)
{
    c->seed ^= c->seed >> 12;
    c->seed ^= c->seed << 25;
    c->seed ^= c->seed >> 27;
    return (c->seed * UINT64_C(2685821657736338717) >> 11) % n;
}

__attribute__((format(printf, 2, 3))) static void
put(struct corpus *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf((char *)c->buf + c->len, c->cap - c->len, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < c->cap - c->len)
        c->len += (size_t)n;
}

static unsigned
pick(struct corpus *c, unsigned n)
{
    return (unsigned)below(c, n);
}

static const char *
word(struct corpus *c)
{
    static const char *const words[] = {
        "the",      "of",    "and",      "patient", "was",     "seen",      "in",     "a",
        "clinic",   "with",  "no",       "history", "for",     "Kuala",     "Lumpur", "report",
        "analysis", "which", "results",  "after",   "between", "treatment", "may",    "continue",
        "however",  "they",  "measured", "value",   "An",      "increase",  "it",     "is"};
    return words[below(c, sizeof(words) / sizeof(words[0]))];
}

static void
put_name(struct corpus *c)
{
    static const char *const names[] = {"Siti", "Aminah", "Tan", "Wei", "Kumar", "Ahmad",
                                        "Lim",  "Farah",  "Ng",  "Raj", "Hafiz", "Mei"};
    put(c, "%s %s %s", names[below(c, 12)], names[below(c, 12)], names[below(c, 12)]);
}

static void
put_prc(struct corpus *c)
{
    char digits[64];
    (void)snprintf(digits, sizeof(digits), "310115%04u%02u%02u%03u", 1950 + pick(c, 55),
                   1 + pick(c, 12), 1 + pick(c, 28), pick(c, 1000));
    put(c, "%.17s%c", digits, (char)ident_prc_check((const uint8_t *)digits));
}

/* One identifier of 12 or 18 digits in 65 bytes. */
static void
personal_row(struct corpus *c, size_t row, bool mail)
{
    put(c, "%zu,", row + 1);
    put_name(c);
    put(c, ",%02u%02u%02u%02u%04u,", 50 + pick(c, 50), 1 + pick(c, 12), 1 + pick(c, 28),
        1 + pick(c, 16), pick(c, 10000));
    put_prc(c);
    put(c, ",01%u-%07u,", pick(c, 10), pick(c, 10000000));
    if (mail)
        put(c, "user%u.%zu@mail%u.example.com,", pick(c, 10000), row, pick(c, 50));
    put(c, "\"%u Jalan %s, %05u Selangor\",%c%02u.%u,2026-%02u-%02u,%u.%02u\n", 1 + pick(c, 200),
        word(c), pick(c, 100000), 'A' + (char)pick(c, 20), pick(c, 100), pick(c, 10),
        1 + pick(c, 12), 1 + pick(c, 28), pick(c, 5000), pick(c, 100));
}

static void
personal_table(struct corpus *c)
{
    put(c, "no,name,ic_no,id_card,phone,address,diagnosis,visit,amount\n");
    for (size_t row = 0; c->cap - c->len > BENCH_ROW_MAX; row++)
        personal_row(c, row, false);
}

static void
contacts_table(struct corpus *c)
{
    put(c, "no,name,ic_no,id_card,phone,mail,address,diagnosis,visit,amount\n");
    for (size_t row = 0; c->cap - c->len > BENCH_ROW_MAX; row++)
        personal_row(c, row, true);
}

static void
telemetry_table(struct corpus *c)
{
    put(c, "time,device,seq,temperature,pressure,vibration,state\n");
    for (size_t row = 0; c->cap - c->len > BENCH_ROW_MAX; row++)
        put(c, "2026-11-%02uT%02u:%02u:%02u.%03uZ,press-%03u,%zu,%u.%02u,%u.%03u,0.%05u,%s\n",
            1 + pick(c, 28), pick(c, 24), pick(c, 60), pick(c, 60), pick(c, 1000), pick(c, 400),
            row, 20 + pick(c, 60), pick(c, 100), 1 + pick(c, 8), pick(c, 1000), pick(c, 100000),
            pick(c, 50) == 0 ? "warn" : "ok");
}

static void
prose(struct corpus *c)
{
    while (c->cap - c->len > BENCH_ROW_MAX) {
        for (unsigned i = 8 + pick(c, 90); i > 0; i--)
            put(c, "%s%s", word(c), pick(c, 12) == 0 ? ", " : " ");
        if (pick(c, 8) == 0)
            put(c, "in %u ", 1990 + pick(c, 40));
        put(c, "%s.\n%s", word(c), pick(c, 5) == 0 ? "\n" : "");
    }
}

static double
cpu_seconds(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double
read_once(const struct corpus *c)
{
    const double start = cpu_seconds();
    uint64_t sum = 0;
    for (size_t i = 0; c->len - i >= 8; i += 8) {
        uint64_t x = 0;
        memcpy(&x, c->buf + i, 8);
        sum += x;
        __asm__ volatile("" : "+r"(sum)); /* one word after the other, as a plain loop reads */
    }
    bench_sink = sum;
    return cpu_seconds() - start;
}

static bool
scan_once(struct inspection *inspection, const struct corpus *c, double *ret_seconds)
{
    static const uint8_t key[32] = {1};
    const struct inspection_config config = {.counting_key = key};
    size_t used = 0;
    size_t len = 0;
    const double start = cpu_seconds();
    if (inspection_start(inspection, &config) != ERR_OK)
        return false;
    for (size_t at = 0; at < c->len; at += BENCH_BLOCK) {
        const size_t take = c->len - at < BENCH_BLOCK ? c->len - at : BENCH_BLOCK;
        if (inspection_feed(inspection, span_of(c->buf + at, take), &used, NULL, 0, &len) != ERR_OK)
            return false;
    }
    if (inspection_finish(inspection, NULL, 0, &len) != ERR_OK)
        return false;
    *ret_seconds = cpu_seconds() - start;
    return true;
}

static bool
bench(struct inspection *inspection, struct corpus *c, const char *name, unsigned rounds,
      void (*make)(struct corpus *c))
{
    double scan = 1e9;
    double plain = 1e9;
    double now = 0;
    c->len = 0;
    c->seed = 88172645463325252U;
    make(c);
    for (unsigned i = 0; i < rounds; i++) {
        if (!scan_once(inspection, c, &now))
            return false;
        scan = now < scan ? now : scan;
        now = read_once(c);
        plain = now < plain ? now : plain;
    }
    const struct findings *f = findings_of(inspection);
    printf("\"%s\":{\"scan\":%.3f,\"read\":%.3f,\"rows\":%llu,\"persons_upper\":%llu}", name,
           (double)c->len / scan * 1e-9, (double)c->len / plain * 1e-9, (unsigned long long)f->rows,
           (unsigned long long)f->persons_upper);
    return true;
}

/* The number in text, 0 when it is none. */
static size_t
number(const char *text)
{
    size_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (size_t)(*text - '0');
    return *text == '\0' ? value : 0;
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*make)(struct corpus *c);
    } cases[] = {{"personal", personal_table},
                 {"contacts", contacts_table},
                 {"telemetry", telemetry_table},
                 {"prose", prose}};
    struct inspection *inspection = NULL;
    const size_t mib = argc > 1 ? number(argv[1]) : 256;
    const size_t rounds = argc > 2 ? number(argv[2]) : 3;
    if (mib < 1 || mib > 1024 || rounds < 1 || rounds > 100) {
        fprintf(stderr, "usage: scan_bench [MIB [ROUNDS]]\n");
        return 2;
    }
    struct corpus c = {.cap = mib << 20};
    c.buf = malloc(c.cap);
    if (c.buf == NULL || digest_init() != ERR_OK || key_init() != ERR_OK || mac_init() != ERR_OK ||
        inspection_new(PERSONS_MAX, &inspection) != ERR_OK)
        return 1;
    printf("{\"unit\":\"GB per CPU second\",\"mib\":%zu,", mib);
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof(cases) / sizeof(cases[0]); i++) {
        ok = bench(inspection, &c, cases[i].name, (unsigned)rounds, cases[i].make);
        printf("%s", i + 1 < sizeof(cases) / sizeof(cases[0]) ? "," : "}\n");
    }
    inspection_free(inspection);
    free(c.buf);
    return ok ? 0 : 1;
}
