/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of compiling, and what the oracle's small documents cannot show of deciding by it. */
#include "policy/ruling.h"

#include <stdarg.h>
#include <stdlib.h>

#include "tests/ruled.h"
#include "tests/test.h"

/* The linker puts these before the allocator (meson.build). */
static size_t taken;
static size_t taken_most = SIZE_MAX; /* one more is refused */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *
__wrap_malloc(size_t size)
{
    return taken++ < taken_most ? __real_malloc(size) : NULL;
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return taken++ < taken_most ? __real_calloc(count, size) : NULL;
}

void *
__wrap_realloc(void *old, size_t size)
{
    return taken++ < taken_most ? __real_realloc(old, size) : NULL;
}

static char text[JSON_BYTES_MAX];
static size_t text_len;
static struct vocab vocab;
static struct source doc;
static struct compiled compiled;
static struct facts facts;
static struct decision plain;
static struct decision fast;
static struct ruling ruling;
static struct fault fault;

__attribute__((format(printf, 1, 2))) static void
say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text + text_len, sizeof(text) - text_len, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof(text) - text_len)
        text_len += (size_t)n;
}

/* Attributes i, i0 to i39 are numbers, s0 to s39 strings, t is seen by the gateway. */
static void
make_vocabulary(void)
{
    static const uint8_t hash[32] = {1};
    text_len = 0;
    say("{\"format\":\"tdz.vocab/1\",\"id\":\"v\",\"revision\":3,\"zones\":{\"a\":null},"
        "\"classes\":{\"x\":null},\"attributes\":{\"to\":{\"type\":\"zone\",\"source\":\"route\"},"
        "\"labels\":{\"type\":\"labels\",\"source\":\"manifest\"},"
        "\"t\":{\"type\":\"bool\",\"source\":\"gateway\"},"
        "\"i\":{\"type\":\"int\",\"source\":\"register\"}");
    for (int i = 0; i < 40; i++)
        say(",\"i%d\":{\"type\":\"int\",\"source\":\"register\"},"
            "\"s%d\":{\"type\":\"string\",\"source\":\"manifest\"}",
            i, i);
    say("},\"obligations\":{}}");
    CHECK_EQ(vocab_read(&vocab, span_of(text, text_len), hash, &fault), ERR_OK);
}

static void
begin(void)
{
    text_len = 0;
    say("{\"format\":\"tdz.policy/1\",\"id\":\"d\",\"revision\":1,\"zone\":\"a\",\"direction\":"
        "\"export\",\"closed\":true,\"vocabulary\":\"v/3\",\"effective\":{\"from\":"
        "\"2025-01-01T00:00:00Z\"},\"texts\":{},\"lists\":{");
    for (int i = 0; i < SOURCE_LISTS_MAX; i++)
        say("%s\"l%d\":{\"id\":\"l%d\",\"sha256\":\"\xe2\x80\xa6\"}", i == 0 ? "" : ",", i, i);
    say("},\"rules\":[\n");
}

static void
rule(int n, const char *effect)
{
    say("%s{\"id\":\"r%d\",\"effect\":\"%s\",\"to\":[\"a\"],\"classes\":[\"x\"],\"cite\":[\"L\"],"
        "\"why\":\"w\"",
        n == 0 ? "" : ",\n", n, effect);
}

static enum err
compile(void)
{
    static const uint8_t hash[32] = {2};
    say("]}");
    enum err err = source_read(&doc, &vocab, span_of(text, text_len), hash, &fault);
    CHECK_EQ(err, ERR_OK);
    if (err != ERR_OK)
        return err;
    err = compiled_make(&compiled, &doc, NULL, 0, &fault);
    if (err != ERR_OK)
        source_finish(&doc);
    return err;
}

static void
finish(void)
{
    compiled_finish(&compiled);
    source_finish(&doc);
}

/* Both ways to a decision at now_ms, and that they agree. */
static enum decide_verdict
decide(int64_t now_ms, bool preflight)
{
    const struct source *docs[1] = {&doc};
    const struct compiled *rules[1] = {&compiled};
    const struct decide_request q = {
        .docs = docs, .doc_count = 1, .now_ms = now_ms, .facts = &facts, .preflight = preflight};
    CHECK_EQ(decide_run(&q, &plain), ERR_OK);
    CHECK_EQ(ruling_run(&ruling, rules, 1, &facts, now_ms, preflight, &fast), ERR_OK);
    CHECK(ruled_same(&plain, &fast));
    return fast.verdict;
}

/* all of so many any of two: twelve are 4096 rows. */
static void
explode(int any)
{
    say(",\"when\":{\"all\":[");
    for (int i = 0; i < any; i++)
        say("%s{\"any\":[{\"eq\":[\"i%d\",1]},{\"not\":{\"lt\":[\"i%d\",7]}}]}", i == 0 ? "" : ",",
            i, i);
}

static void
test_rows(void)
{
    TEST("4096 rows compile, one more is refused at its rule")
    {
        begin();
        rule(0, "permit");
        explode(12);
        say("]}}");
        CHECK_EQ(compile(), ERR_OK);
        CHECK_EQ(rows_measure(&doc.rules[0]).rows, 4096);
        CHECK_EQ(rows_measure(&doc.rules[0]).literals, 4096 * 12);
        CHECK_EQ(decide(INT64_C(1790000000000), false), DECIDE_DENY);
        CHECK_EQ(fast.unknown_count, 12);
        for (int i = 0; i < 12; i++) {
            static char names[12][8];
            (void)snprintf(names[i], sizeof(names[i]), "i%d", i);
            CHECK_EQ(facts_int(&facts, span_str(names[i]), i % 2 == 0 ? 1 : 7, VOCAB_REGISTER),
                     ERR_OK);
        }
        CHECK_EQ(decide(INT64_C(1790000000000), false), DECIDE_ALLOW);
        CHECK_EQ(facts_int(&facts, SPAN_LIT("i5"), 6, VOCAB_REGISTER), ERR_OK);
        CHECK_EQ(decide(INT64_C(1790000000000), false), DECIDE_DENY);
        finish();
        begin();
        rule(0, "permit");
        explode(12);
        say("]}}");
        rule(1, "forbid");
        say("}");
        CHECK_EQ(compile(), ERR_FULL);
        CHECK(fault.code == ERR_FULL && fault.line == 2);
        CHECK(strstr(fault.where, "d/r0: any and all") != NULL);
    }
    TEST("rows that repeat too many comparisons are refused")
    {
        begin();
        rule(0, "permit");
        explode(12);
        for (int i = 0; i < 60; i++)
            say(",{\"gt\":[\"i\",%d]}", i);
        say("]}}");
        CHECK_EQ(compile(), ERR_FULL);
        CHECK(strstr(fault.where, "comparisons") != NULL);
    }
    TEST("not turns all into any, and an any of many is many rows")
    {
        begin();
        rule(0, "permit");
        say(",\"when\":{\"not\":{\"all\":[");
        for (int i = 0; i < 200; i++)
            say("%s{\"eq\":[\"i\",%d]}", i == 0 ? "" : ",", i);
        say("]}}}");
        CHECK_EQ(compile(), ERR_OK);
        CHECK_EQ(rows_measure(&doc.rules[0]).rows, 200);
        CHECK_EQ(decide(INT64_C(1790000000000), false), DECIDE_DENY);
        CHECK_EQ(facts_int(&facts, SPAN_LIT("i"), 77, VOCAB_REGISTER), ERR_OK);
        CHECK_EQ(decide(INT64_C(1790000000000), false), DECIDE_ALLOW);
        finish();
    }
}

static void
test_tables(void)
{
    TEST("more columns, codes or cells than a table has are refused")
    {
        begin();
        rule(0, "permit");
        say(",\"when\":{\"any\":[");
        for (int i = 0; i < 40 * SOURCE_LISTS_MAX; i++)
            say("%s{\"listed\":[\"s%d\",\"l%d\"]}", i == 0 ? "" : ",", i / 32, i % 32);
        say("]}}");
        CHECK_EQ(compile(), ERR_FULL);
        begin();
        rule(0, "permit");
        say(",\"when\":{\"all\":[");
        for (int i = 0; i < 32768; i++)
            say("%s{\"eq\":[\"i\",%d]}", i == 0 ? "" : ",", 2 * i);
        say("]}}");
        CHECK_EQ(compile(), ERR_FULL);
        begin();
        for (int n = 0; n < SOURCE_RULES_MAX; n++) {
            rule(n, "permit");
            say(",\"when\":{\"all\":[");
            for (int i = 0; i < 32; i++)
                say("%s{\"eq\":[\"i%d\",%d]}", i == 0 ? "" : ",", i, 2 * n);
            say("]}}");
        }
        CHECK_EQ(compile(), ERR_FULL);
        CHECK(strstr(fault.where, "16 MiB") != NULL);
    }
    TEST("rows over an attribute with many thresholds are refused before they take long")
    {
        begin();
        rule(0, "permit");
        explode(11);
        say("]}}");
        rule(1, "forbid");
        say(",\"when\":{\"all\":[");
        for (int i = 0; i < 7000; i++)
            say("%s{\"not\":{\"eq\":[\"i0\",%d]}}", i == 0 ? "" : ",", 2 * i);
        say("]}}");
        CHECK_EQ(compile(), ERR_FULL);
        CHECK(strstr(fault.where, "d/r0: too many rows") != NULL ||
              strstr(fault.where, "d/r1: too many rows") != NULL);
    }
    TEST("1024 rules decide as they do one by one, and take no memory")
    {
        static const char *const effects[] = {"permit", "hold", "permit", "permit"};
        begin();
        for (int n = 0; n < SOURCE_RULES_MAX; n++) {
            rule(n, effects[n % 4]);
            say("%s,\"when\":{\"any\":[{\"eq\":[\"i%d\",%d]},{\"eq\":[\"s%d\",\"q%d\"]}]}}",
                n % 4 == 1 ? ",\"release\":\"zone-authority\"" : "", n % 40, n, n % 40, n % 7);
        }
        taken = 0;
        CHECK_EQ(compile(), ERR_OK);
        CHECK(taken > 0);
        taken = 0;
        for (int n = 0; n < 50; n++) {
            static char value[8];
            (void)snprintf(value, sizeof(value), "q%d", n % 9);
            CHECK_EQ(facts_int(&facts, SPAN_LIT("i7"), 40 * n + 7, VOCAB_REGISTER), ERR_OK);
            CHECK_EQ(facts_text(&facts, SPAN_LIT("s9"), span_str(value), VOCAB_MANIFEST), ERR_OK);
            CHECK_EQ(decide(INT64_C(1790000000000), n % 2 == 1), plain.verdict);
        }
        CHECK_EQ(taken, 0);
        finish();
    }
}

static void
test_memory(void)
{
    TEST("a document that memory runs out for is not compiled, wherever that happens")
    {
        enum err err = ERR_NOMEM;
        size_t most = 0;
        begin();
        rule(0, "permit");
        explode(12);
        say("]}}");
        CHECK_EQ(compile(), ERR_OK);
        compiled_finish(&compiled);
        for (; err == ERR_NOMEM && most < 1000; most++) {
            taken = 0;
            taken_most = most;
            err = compiled_make(&compiled, &doc, NULL, 0, &fault);
            taken_most = SIZE_MAX;
        }
        CHECK_EQ(err, ERR_OK);
        CHECK(most > 3);
        CHECK_EQ(decide(INT64_C(1790000000000), false), DECIDE_DENY);
        finish();
    }
}

static void
test_clock(void)
{
    TEST("one coded request is decided again as the clock goes on")
    {
        const struct compiled *rules[1] = {&compiled};
        /* 2026-01-01, 2026-02-01 and 2026-03-02 (reviewed in January, for 60 days). */
        static const int64_t turn[] = {INT64_C(1767225600000), INT64_C(1769904000000),
                                       INT64_C(1772409600000)};
        begin();
        rule(0, "permit");
        say(",\"from\":\"2026-01-01T00:00:00Z\",\"reviewed_on\":\"2026-01-01\","
            "\"review_days\":60}");
        rule(1, "forbid");
        say(",\"from\":\"2026-02-01T00:00:00Z\",\"until\":\"2026-02-01T00:00:01Z\"}");
        CHECK_EQ(compile(), ERR_OK);
        CHECK_EQ(ruling_begin(&ruling, rules, 1, &facts, false, &fast), ERR_OK);
        static const struct {
            int64_t at;
            enum decide_reason reason;
        } when[] = {{-1, DECIDE_NO_BASIS}, {0, DECIDE_PERMITTED},  {-1, DECIDE_PERMITTED},
                    {0, DECIDE_FORBIDDEN}, {-1, DECIDE_PERMITTED}, {0, DECIDE_NO_BASIS}};
        for (size_t i = 0; i < 6; i++) {
            ruling_decide(&ruling, turn[i / 2] + when[i].at);
            CHECK_EQ(fast.reason, when[i].reason);
        }
        for (size_t i = 0; i < 6; i++)
            CHECK(decide(turn[i / 2] + when[i].at, false) <= DECIDE_ALLOW);
        finish();
    }
}

int
main(void)
{
    make_vocabulary();
    facts_init(&facts);
    CHECK_EQ(facts_text(&facts, SPAN_LIT("to"), SPAN_LIT("a"), VOCAB_ROUTE), ERR_OK);
    CHECK_EQ(facts_label(&facts, SPAN_LIT("x")), ERR_OK);
    test_rows();
    test_tables();
    test_memory();
    test_clock();
    vocab_finish(&vocab);
    return test_end();
}
