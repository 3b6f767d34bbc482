/* SPDX-License-Identifier: Apache-2.0 */
/* What one person alone may not change of a document in force. */
#include "crypto/crypto.h"
#include "crypto/digest.h"
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
    test_words();
    vocab_finish(&vocab);
    return test_end();
}
