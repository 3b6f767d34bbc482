/* SPDX-License-Identifier: Apache-2.0 */
/* What a document must keep to be put into force, and what one person alone may not change. */
#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "policy/admission.h"
#include "policy/tighten.h"
#include "tests/test.h"

#include <stdio.h>

static const char vocabulary[] =
    "{\"format\":\"tdz.vocab/1\",\"id\":\"v\",\"revision\":3,\"zones\":{\"a\":null,\"b\":null},"
    "\"classes\":{\"personal\":null,\"sensitive_personal\":\"personal\",\"x\":null},"
    "\"attributes\":{\"to\":{\"type\":\"zone\",\"source\":\"route\"},"
    "\"labels\":{\"type\":\"labels\",\"source\":\"manifest\"}},"
    "\"obligations\":{\"retain\":{\"phase\":\"recipient\"}}}";

static struct vocab vocab;
static struct fault told;
/* What a document says of its rules. */
static const char *texts = "";

#define RULE(id, effect, more)                                                                    \
    "{\"id\":\"" id "\",\"effect\":\"" effect "\",\"to\":[\"b\"],\"classes\":[\"x\"]" more ",\"c" \
    "ite\":[\"L 1\"],\"why\":\"t\"}"
#define PERMIT RULE("p", "permit", "")
#define FORBID RULE("f", "forbid", "")
#define TEXT(name, en) "\"" name "\":{\"en\":\"" en "\"}"
#define COUNTED(name, classes, except)                                                          \
    ",\"counters\":{\"" name "\":{\"counts\":\"distinct_subjects\",\"per\":[\"exporter\"],"     \
    "\"classes\":[" classes "]" except ",\"window\":\"calendar_year\",\"tz\":\"Asia/Shanghai\"" \
    "}}"
#define UNTIL(day) ",\"until\":\"" day "T00:00:00Z\""
#define PI ",\"except\":[\"sensitive_personal\"]"

/* A document that counts from 2020 on. */
struct doc {
    struct source source;
    char text[4096];
    struct span bytes;
};

static void
make(struct doc *d, const char *until, const char *counters, const char *rules)
{
    uint8_t sha256[32];
    const int len =
        snprintf(d->text, sizeof(d->text),
                 "{\"format\":\"tdz.policy/1\",\"id\":\"d\",\"revision\":1,\"zone\":\"a\","
                 "\"direction\":\"export\",\"closed\":true,\n\"effective\":{\"from\":"
                 "\"2020-01-01T00:00:00Z\"%s}%s,\"vocabulary\":\"v/3\",\n\"rules\":[%s],"
                 "\"texts\":{%s}}",
                 until, counters, rules, texts);
    d->bytes = span_of(d->text, (size_t)len);
    CHECK_EQ(digest_sha256(d->bytes, sha256), ERR_OK);
    CHECK_EQ(source_read(&d->source, &vocab, d->bytes, sha256, &told), ERR_OK);
    told = (struct fault){.code = ERR_OK};
}

#define FROM INT64_C(1577836800000) /* 2020 */

static void
test_admission(void)
{
    static const struct {
        const char *until;
        const char *counters;
        const char *rules;
        enum err err;
        uint32_t line;
    } cases[] = {
        {"", "", PERMIT, ERR_OK, 0},
        {"", "", RULE("p", "permit", ",\"certainty\":\"secondary\""), ERR_OK, 0},
        {"", "", RULE("h", "hold", ",\"release\":\"z\",\"certainty\":\"uncertain\""), ERR_OK, 0},
        {"", "", RULE("f", "forbid", ",\"certainty\":\"uncertain\""), ERR_OK, 0},
        {"", "", PERMIT "," RULE("u", "permit", ",\"certainty\":\"uncertain\""), ERR_DENIED, 3},
        {UNTIL("2020-01-02"), "", PERMIT, ERR_OK, 0},
        {UNTIL("2020-01-01"), "", PERMIT, ERR_RANGE, 2},
        {UNTIL("2019-12-31"), "", PERMIT, ERR_RANGE, 2},
        {"", COUNTED("pi", "\"personal\"", PI), PERMIT, ERR_OK, 0},
        {"", COUNTED("pi", "\"personal\"", ""), PERMIT, ERR_OK, 0},
        {"", COUNTED("spi", "\"sensitive_personal\"", ""), PERMIT, ERR_OK, 0},
        {"", COUNTED("pi", "\"sensitive_personal\"", ""), PERMIT, ERR_DENIED, 2},
        {"", COUNTED("pi", "\"personal\",\"x\"", ""), PERMIT, ERR_DENIED, 2},
        {"", COUNTED("pi", "\"personal\"", ",\"except\":[\"x\"]"), PERMIT, ERR_DENIED, 2},
        {"", COUNTED("spi", "\"personal\"", PI), PERMIT, ERR_DENIED, 2},
        {"", COUNTED("visits", "\"personal\"", PI), PERMIT, ERR_DENIED, 2},
    };
    static struct doc d;
    TEST("admitted is what can be in force, permits on certain law, and counts as gateways do")
    {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            make(&d, cases[i].until, cases[i].counters, cases[i].rules);
            CHECK_EQ(admission_check(&d.source, d.bytes, FROM, &told), cases[i].err);
            CHECK_EQ(told.line, cases[i].line);
            CHECK((told.where[0] != '\0') == (cases[i].err != ERR_OK));
            source_finish(&d.source);
        }
    }
    TEST("a document whose time is over when it is activated never begins")
    {
        make(&d, UNTIL("2020-01-02"), "", PERMIT);
        CHECK_EQ(admission_check(&d.source, d.bytes, FROM + 86399999, NULL), ERR_OK);
        CHECK_EQ(admission_check(&d.source, d.bytes, FROM + 86400000, NULL), ERR_RANGE);
        source_finish(&d.source);
    }
}

static void
test_words(void)
{
    static const struct {
        const char *before; /* rules */
        const char *texts;
        const char *rules;
        enum err err;
    } cases[] = {
        {PERMIT "," FORBID, TEXT("t", "Why.") "," TEXT("u", "Unused."), PERMIT "," FORBID, ERR_OK},
        {PERMIT "," FORBID, TEXT("t", "Why.") "," TEXT("n", "New."), FORBID, ERR_OK},
        {PERMIT, TEXT("u", "Another."), "", ERR_OK},
        {PERMIT "," FORBID, TEXT("t", "Because.") "," TEXT("u", "Unused."), PERMIT "," FORBID,
         ERR_DENIED},
        {PERMIT "," FORBID, "\"t\":{\"en\":\"Why.\",\"ms\":\"Sebab.\"}", FORBID, ERR_DENIED},
        {PERMIT "," FORBID, TEXT("u", "Unused."), FORBID, ERR_DENIED},
        {PERMIT "," FORBID, "", PERMIT "," FORBID, ERR_DENIED},
    };
    static struct doc before;
    static struct doc after;
    TEST("what stays says what it said: one person does not change the words of a rule")
    {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            texts = TEXT("t", "Why.") "," TEXT("u", "Unused.");
            make(&before, "", "", cases[i].before);
            texts = cases[i].texts;
            make(&after, "", "", cases[i].rules);
            const struct tighten_doc was = {&before.source, before.bytes};
            const struct tighten_doc is = {&after.source, after.bytes};
            CHECK_EQ(tighten_check(&was, &is, &told), cases[i].err);
            CHECK((told.line == 3) == (cases[i].err != ERR_OK));
            source_finish(&before.source);
            source_finish(&after.source);
        }
        texts = "";
    }
}

int
main(void)
{
    uint8_t sha256[32];
    const struct span text = span_str(vocabulary);
    CHECK_EQ(crypto_init(), ERR_OK);
    CHECK_EQ(digest_sha256(text, sha256), ERR_OK);
    CHECK_EQ(vocab_read(&vocab, text, sha256, &told), ERR_OK);
    test_admission();
    test_words();
    vocab_finish(&vocab);
    return test_end();
}
