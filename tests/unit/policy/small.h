/* SPDX-License-Identifier: Apache-2.0 */
/* A small vocabulary and documents of it, for tests that look at all inputs at once. */
#ifndef TDZ_TESTS_UNIT_POLICY_SMALL_H
#define TDZ_TESTS_UNIT_POLICY_SMALL_H

#include <stdio.h>
#include <stdlib.h>

#include "policy/source.h"
#include "tests/test.h"

static const char small_text[] =
    "{\"format\":\"tdz.vocab/1\",\"id\":\"v\",\"revision\":1,"
    "\"zones\":{\"a\":null,\"b\":null,\"b1\":\"b\"},"
    "\"classes\":{\"x\":null,\"y\":\"x\",\"business\":null},\"attributes\":{"
    "\"to\":{\"type\":\"zone\",\"source\":\"route\"},"
    "\"labels\":{\"type\":\"labels\",\"source\":\"manifest\"},"
    "\"e\":{\"type\":\"enum\",\"values\":[\"p\",\"q\",\"r\"],\"source\":\"manifest\"},"
    "\"i\":{\"type\":\"int\",\"source\":\"counter\"},"
    "\"g\":{\"type\":\"bool\",\"source\":\"gateway\"},"
    "\"s\":{\"type\":\"string\",\"source\":\"manifest\"}},"
    "\"obligations\":{\"retain\":{\"phase\":\"recipient\"},\"encrypt\":{\"phase\":\"stream\"}}}";

static const struct vocab *
small_vocab(void)
{
    static struct vocab v;
    static bool ready;
    static const uint8_t sha256[32];
    if (!ready)
        CHECK_EQ(vocab_read(&v, span_str(small_text), sha256, NULL), ERR_OK);
    ready = true;
    return &v;
}

/* A rule for destination b; more is what stands between its classes and its reason, with a comma
 * behind. */
#define SMALL_RULE(id, effect, more)                                                        \
    "{\"id\":\"" id "\",\"effect\":\"" effect "\",\"classes\":[\"x\"],\"to\":[\"b\"]," more \
    "\"cite\":[\"L\"],\"why\":\"w\"}"

/* A document of rules; the text is kept as long as the process. */
static void
small_doc(struct source *ret, const char *id, bool closed, const char *rules)
{
    static const uint8_t sha256[32];
    struct fault fault = {.code = ERR_OK};
    struct small_text {
        struct small_text *next;
        char text[];
    };
    static struct small_text *kept;
    const size_t cap = strlen(rules) + 1024;
    struct small_text *keep = malloc(sizeof(*keep) + cap);
    if (keep == NULL)
        exit(1);
    keep->next = kept;
    kept = keep;
    char *text = keep->text;
    const int n = snprintf(text, cap,
                           "{\"format\":\"tdz.policy/1\",\"id\":\"%s\",\"revision\":1,"
                           "\"vocabulary\":\"v/1\",\"zone\":\"a\",\"direction\":\"export\","
                           "\"closed\":%s,\"effective\":{\"from\":\"2026-01-01T00:00:00Z\"},"
                           "\"lists\":{\"n\":{\"id\":\"n\",\"sha256\":\"\u2026\"}},"
                           "\"counters\":{},\"rules\":[%s],\"texts\":{\"w\":{\"en\":\"why\"}}}",
                           id, closed ? "true" : "false", rules);
    const enum err err = source_read(ret, small_vocab(), span_of(text, (size_t)n), sha256, &fault);
    if (err != ERR_OK) {
        printf("Bail out! %s %s at %u:%u\n", error_name(err), fault.where, fault.line,
               fault.column);
        exit(1);
    }
}

#endif
