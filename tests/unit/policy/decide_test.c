/* SPDX-License-Identifier: Apache-2.0 */
/* What the oracle cannot see from outside: bounds, misuse, and the merge of obligations. */
#include "policy/decide.h"
#include "policy/record.h"
#include "tests/test.h"

static const char vocabulary[] =
    "{\"format\":\"tdz.vocab/1\",\"id\":\"v\",\"revision\":3,\"zones\":{\"a\":null},\"classes\":{"
    "\"x\":null},\"attributes\":{\"to\":{\"type\":\"zone\",\"source\":\"route\"},\"labels\":{"
    "\"type\":\"labels\",\"source\":\"manifest\"},\"i\":{\"type\":\"int\",\"source\":\"register\"},"
    "\"t\":{\"type\":\"bool\",\"source\":\"gateway\"}},\"obligations\":{\"encrypt\":{\"phase\":"
    "\"stream\"},\"mask\":{\"phase\":\"after\"},\"notify\":{\"phase\":\"after\"}}}";

static struct vocab vocab;
static struct vocab other;
static struct source doc[DECIDE_DOCS_MAX + 1];
static struct facts facts;
static struct decision decision;

/* Reads a document whose rules are given into doc[at]. */
static void
make(size_t at, const char *id, const char *rules, const struct vocab *v)
{
    static char text[8192];
    const uint8_t hash[32] = {(uint8_t)at};
    struct fault fault = {0};
    (void)snprintf(text, sizeof(text),
                   "{\"format\":\"tdz.policy/1\",\"id\":\"%s\",\"revision\":1,\"zone\":\"a\","
                   "\"direction\":\"export\",\"closed\":true,\"vocabulary\":\"v/3\","
                   "\"effective\":{\"from\":\"2025-01-01T00:00:00Z\"},\"texts\":{},\"rules\":[%s]}",
                   id, rules);
    CHECK_EQ(source_read(&doc[at], v, span_str(text), hash, &fault), ERR_OK);
}

static enum err
run(size_t count, bool preflight)
{
    static const struct source *docs[DECIDE_DOCS_MAX + 1];
    for (size_t i = 0; i < count; i++)
        docs[i] = &doc[i];
    const struct decide_request q = {.docs = docs,
                                     .doc_count = count,
                                     .now_ms = INT64_C(1790000000000),
                                     .facts = &facts,
                                     .preflight = preflight};
    return decide_run(&q, &decision);
}

#define PERMIT                                                                                 \
    "{\"id\":\"p\",\"effect\":\"permit\",\"to\":[\"a\"],\"classes\":[\"x\"],\"cite\":[\"L\"]," \
    "\"why\":\"w\"}"
#define OBLIGE(id, duty)                                                                     \
    ",{\"id\":\"" id "\",\"effect\":\"oblige\",\"to\":[\"a\"],\"classes\":[\"x\"],\"cite\":" \
    "[\"L\"],\"why\":\"w\",\"do\":[" duty "]}"
#define SOME(id, effect, rest)                                                         \
    "{\"id\":\"" id "\",\"effect\":\"" effect "\",\"to\":[\"a\"],\"classes\":[\"x\"]," \
    "\"cite\":[\"L\"],\"why\":\"w\"," rest "}"
#define SUITES(list) "{\"encrypt\":{\"suites\":[" list "]}}"

#define LAPSING SUITES("\"chacha20-poly1305\"")

static void
finish(size_t count)
{
    for (size_t i = 0; i < count; i++)
        source_finish(&doc[i]);
}

int
main(void)
{
    static const uint8_t hash_a[32] = {1};
    static const uint8_t hash_b[32] = {2};
    char small[64];
    struct span text;
    if (vocab_read(&vocab, span_str(vocabulary), hash_a, NULL) != ERR_OK ||
        vocab_read(&other, span_str(vocabulary), hash_b, NULL) != ERR_OK)
        return 1;
    facts_init(&facts);
    CHECK_EQ(facts_text(&facts, SPAN_LIT("to"), SPAN_LIT("a"), VOCAB_ROUTE), ERR_OK);
    CHECK_EQ(facts_label(&facts, SPAN_LIT("x")), ERR_OK);

    TEST("misuse is an error, not a decision")
    {
        CHECK_EQ(run(0, false), ERR_MISSING);
        make(0, "d", PERMIT, &vocab);
        make(1, "d", PERMIT, &vocab);
        CHECK_EQ(run(1, false), ERR_OK);
        CHECK_EQ(run(2, false), ERR_DUPLICATE);
        source_finish(&doc[1]);
        make(1, "e", PERMIT, &other);
        CHECK_EQ(run(2, false), ERR_CONFLICT);
        CHECK_EQ(run(DECIDE_DOCS_MAX + 1, false), ERR_FULL);
        CHECK_EQ(run(1, false), ERR_OK);
        CHECK_EQ(record_write(&decision, (struct span){0}, small, sizeof(small), &text), ERR_FULL);
        finish(2);
    }
    TEST("the lowest suite of the intersection seals, an empty one is a conflict")
    {
        make(0, "d",
             PERMIT OBLIGE("o1", SUITES("\"chacha20-poly1305\",\"aes-256-gcm\""))
                 OBLIGE("o2", SUITES("\"chacha20-poly1305\"")),
             &vocab);
        CHECK_EQ(run(1, false), ERR_OK);
        CHECK(decision.verdict == DECIDE_ALLOW && obligation_suite(&decision.obligations) == 2);
        finish(1);
        make(0, "d",
             PERMIT OBLIGE("o1", SUITES("\"aes-256-gcm\""))
                 OBLIGE("o2", SUITES("\"chacha20-poly1305\"")),
             &vocab);
        CHECK_EQ(run(1, false), ERR_OK);
        CHECK_EQ(decision.reason, DECIDE_OBLIGATION_CONFLICT);
        finish(1);
        make(0, "d", PERMIT OBLIGE("o1", SUITES("\"sm4-gcm\"")), &vocab);
        CHECK_EQ(run(1, false), ERR_OK);
        CHECK_EQ(decision.reason, DECIDE_OBLIGATION_UNSUPPORTED);
        finish(1);
    }
    TEST("a kind in a phase this build does not perform it in is unsupported")
    {
        make(0, "d", PERMIT OBLIGE("o1", "{\"mask\":{\"fields\":[\"m\"]}}"), &vocab);
        CHECK_EQ(run(1, false), ERR_OK);
        CHECK_EQ(decision.reason, DECIDE_OBLIGATION_UNSUPPORTED);
        finish(1);
    }
    TEST("a value from a weaker source than declared stays unknown")
    {
        make(0, "d", SOME("p", "permit", "\"when\":{\"eq\":[\"i\",1]}"), &vocab);
        CHECK_EQ(facts_int(&facts, SPAN_LIT("i"), 1, VOCAB_MANIFEST), ERR_OK);
        CHECK_EQ(run(1, false), ERR_OK);
        CHECK(decision.verdict == DECIDE_DENY && decision.unknown_count == 1);
        CHECK(span_eq_str(decision.unknown[0].name, "i") && decision.unknown[0].would_help);
        CHECK_EQ(facts_int(&facts, SPAN_LIT("i"), 1, VOCAB_REGISTER), ERR_OK);
        CHECK_EQ(run(1, false), ERR_OK);
        CHECK_EQ(decision.verdict, DECIDE_ALLOW);
        /* A weaker voice does not change what a stronger one said. */
        CHECK_EQ(facts_int(&facts, SPAN_LIT("i"), 2, VOCAB_MANIFEST), ERR_OK);
        CHECK_EQ(run(1, false), ERR_OK);
        CHECK_EQ(decision.verdict, DECIDE_ALLOW);
        finish(1);
    }
    TEST("an oblige that the stream may silence makes no conflict at preflight")
    {
        static const char lapse[] = PERMIT OBLIGE("o1", SUITES("\"aes-256-gcm\"")) "," SOME(
            "o2", "oblige", "\"when\":{\"eq\":[\"t\",true]},\"do\":[" LAPSING "]");
        make(0, "d", lapse, &vocab);
        CHECK_EQ(run(1, true), ERR_OK);
        CHECK(decision.verdict == DECIDE_ALLOW && obligation_suite(&decision.obligations) == 1);
        CHECK_EQ(run(1, false), ERR_OK);
        CHECK_EQ(decision.reason, DECIDE_OBLIGATION_CONFLICT);
        finish(1);
    }
    TEST("facts and labels are bounded")
    {
        static char names[FACTS_MAX + 2][8];
        enum err err = ERR_OK;
        for (size_t i = 0; i < FACTS_MAX + 2 && err == ERR_OK; i++) {
            (void)snprintf(names[i], sizeof(names[i]), "n%zu", i);
            err = facts_bool(&facts, span_str(names[i]), true, VOCAB_GATEWAY);
        }
        CHECK_EQ(err, ERR_FULL);
        err = ERR_OK;
        for (size_t i = 0; i < FACTS_MAX + 2 && err == ERR_OK; i++)
            err = facts_label(&facts, span_str(names[i]));
        CHECK_EQ(err, ERR_FULL);
        CHECK(facts.label_count == FACTS_LABELS_MAX && facts.count == FACTS_MAX);
    }
    vocab_finish(&vocab);
    vocab_finish(&other);
    return test_end();
}
