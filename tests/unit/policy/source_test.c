/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/source.h"
#include "tests/unit/policy/refuse.h"

static const char vocabulary[] =
    "{\"format\":\"tdz.vocab/1\",\"id\":\"v\",\"revision\":3,\"zones\":{\"a\":null,\"b\":null},"
    "\"classes\":{\"x\":null,\"y\":\"x\"},\"attributes\":{\"to\":{\"type\":\"zone\",\"source\":"
    "\"route\"},\"labels\":{\"type\":\"labels\",\"source\":\"manifest\"},\"e\":{\"type\":\"enum\","
    "\"values\":[\"p\",\"q\"],\"source\":\"manifest\"},\"i\":{\"type\":\"int\",\"source\":"
    "\"register\"},\"t\":{\"type\":\"bool\",\"source\":\"gateway\"},\"s\":{\"type\":\"string\","
    "\"source\":\"manifest\"}},\"obligations\":{\"retain\":{\"phase\":\"recipient\"},\"encrypt\":{"
    "\"phase\":\"stream\"},\"mask\":{\"phase\":\"stream\"},\"brand\":{\"phase\":\"stream\"}}}";

static const char good[] =
    "{\"format\":\"tdz.policy/1\",\"id\":\"doc\",\"revision\":2,\"zone\":\"a\",\n"
    "\"direction\":\"export\",\"closed\":true,\"vocabulary\":\"v/3\",\n"
    "\"effective\":{\"from\":\"2025-01-01T00:00:00+08:00\"},\n"
    "\"lists\":{\"neg\":{\"id\":\"neg-1\",\"sha256\":\"\xe2\x80\xa6\"}},\n"
    "\"counters\":{\"pi\":{\"counts\":\"distinct_subjects\",\"per\":[\"exporter\"],"
    "\"classes\":[\"x\"],"
    "\"window\":\"calendar_year\",\"tz\":\"Asia/Shanghai\"}},\n"
    "\"rules\":[\n"
    "{\"id\":\"r2\",\"effect\":\"permit\",\"to\":[\"b\"],\"classes\":[\"x\"],"
    "\"cite\":[\"L 1\"],\"why\":\"w\","
    "\"reviewed_on\":\"2026-01-01\",\"review_days\":30,\"certainty\":\"primary\",\n"
    "\"when\":{\"all\":[{\"eq\":[\"e\",\"p\"]},{\"not\":{\"listed\":[\"s\",\"neg\"]}},\n"
    "{\"any\":[{\"lt\":[\"count.pi.after\",5]},{\"in\":[\"e\",[\"q\"]]}]},"
    "{\"under\":[\"to\",\"b\"]}]}},\n"
    "{\"id\":\"r1\",\"effect\":\"oblige\",\"to\":[\"b\"],\"classes\":[\"x\"],"
    "\"except\":[\"y\"],\"do\":[\n"
    "{\"retain\":{\"max_days\":9}}],\"cite\":[\"L 2\"],\"why\":\"w\","
    "\"from\":\"2026-01-01T00:00:00Z\"},\n"
    "{\"id\":\"r3\",\"effect\":\"hold\",\"to\":[\"a\"],\"classes\":[\"y\"],\"release\":\"boss\","
    "\"cite\":[\"L 3\"],\"why\":\"w\"}],\n"
    "\"texts\":{\"w\":{\"en\":\"why\",\"zh\":\"\xe4\xb8\xba\"}}}";

static const uint8_t hash[32] = {1};
static struct vocab vocab;

static enum err
read_source(struct span input, struct fault *fault)
{
    struct source s;
    const enum err err = source_read(&s, &vocab, input, hash, fault);
    if (err == ERR_OK)
        source_finish(&s);
    return err;
}

#define WHEN "\"when\":{\"all\":[{\"eq\":[\"e\",\"p\"]}"
#define DO "{\"retain\":{\"max_days\":9}}"

static const struct refuse bad[] = {
    {"\"zone\":\"a\"", "\"zone\":\"a\",\"corridor\":^\"q\"", ERR_NOT_FOUND},
    {"\"zone\":\"a\"", "\"zone\":\"a\",\"corridor\":^\"a\"", ERR_CONFLICT},
    {"\"zone\":\"a\"", "\"zone\":\"a\",\"corridor\":^7", ERR_TYPE},
    {"\"tdz.policy/1\"", "^\"tdz.policy/2\"", ERR_VERSION},
    {"\"v/3\"", "^\"v/4\"", ERR_VERSION},
    {"\"v/3\"", "^\"w/3\"", ERR_VERSION},
    {"\"boss\"", "^\"boss+\"", ERR_SYNTAX},
    {"\"boss\"", "^\"a+b+c+d+e\"", ERR_FULL},
    {"\"id\":\"doc\"", "\"id\":^\"Doc\"", ERR_SYNTAX},
    {"\"id\":\"doc\"", "\"id\":^\"-doc\"", ERR_SYNTAX},
    {"\"revision\":2", "\"revision\":^0", ERR_RANGE},
    {"\"revision\":2", "\"revision\":2,\"previous\":^\"sha256:00\"", ERR_SYNTAX},
    {"\"zone\":\"a\"", "\"zone\":^\"c\"", ERR_NOT_FOUND},
    {"\"direction\":\"export\"", "\"direction\":^\"outward\"", ERR_NOT_FOUND},
    {"\"closed\":true", "\"closed\":^1", ERR_TYPE},
    {"\"closed\":true", "\"closed\":true,^\"open\":true", ERR_UNKNOWN_FIELD},
    {"{\"from\":\"2025-01-01T00:00:00+08:00\"}", "^{}", ERR_MISSING},
    {"\"2025-01-01T00:00:00+08:00\"", "^\"2025-01-01\"", ERR_SYNTAX},
    {"\"2025-01-01T00:00:00+08:00\"", "^\"2025-02-30T00:00:00Z\"", ERR_SYNTAX},
    {"\"\xe2\x80\xa6\"", "^\"...\"", ERR_SYNTAX},
    {"\"neg-1\"", "^\"Neg\"", ERR_SYNTAX},
    {"\"distinct_subjects\"", "^\"rows\"", ERR_NOT_FOUND},
    {"\"tz\":\"Asia/Shanghai\"", "\"tz\":^\"UTC\"", ERR_NOT_FOUND},
    {"\"permit\"", "^\"allow\"", ERR_NOT_FOUND},
    {"\"closed\":true,"
     "\"vocabulary\":\"v/3\",\n\"effective\":{\"from\":\"2025-01-01T00:00:00+08:00\"},\n"
     "\"lists\":{\"neg\":{\"id\":\"neg-1\","
     "\"sha256\":\"\xe2\x80\xa6\"}},\n\"counters\":{\"pi\":{\"counts\":"
     "\"distinct_subjects\",\"per\":[\"exporter\"],\"classes\":[\"x\"],"
     "\"window\":\"calendar_year\","
     "\"tz\":\"Asia/Shanghai\"}},\n\"rules\":[\n{\"id\":\"r2\",\"effect\":",
     "\"closed\":false,"
     "\"vocabulary\":\"v/3\",\n\"effective\":{\"from\":\"2025-01-01T00:00:00Z\"},\n"
     "\"lists\":{\"neg\":{\"id\":\"neg-1\","
     "\"sha256\":\"\xe2\x80\xa6\"}},\n\"counters\":{\"pi\":{\"counts\":"
     "\"distinct_subjects\",\"per\":[\"exporter\"],\"classes\":[\"x\"],"
     "\"window\":\"calendar_year\","
     "\"tz\":\"Asia/Shanghai\"}},\n\"rules\":[\n{\"id\":\"r2\",\"effect\":^",
     ERR_CONFLICT},
    {"\"to\":[\"b\"]", "\"to\":[^\"c\"]", ERR_NOT_FOUND},
    {"\"to\":[\"b\"]", "\"to\":^[]", ERR_RANGE},
    {"\"to\":[\"b\"]", "\"to\":[\"b\",^\"b\"]", ERR_DUPLICATE},
    {"\"to\":[\"b\"]", "\"to\":^\"b\"", ERR_TYPE},
    {"\"classes\":[\"x\"],\"cite\"", "\"classes\":[^\"z\"],\"cite\"", ERR_NOT_FOUND},
    {"\"except\":[\"y\"]", "\"except\":[^\"z\"]", ERR_NOT_FOUND},
    {"\"cite\":[\"L 1\"]", "\"cite\":^[]", ERR_RANGE},
    {"{\"id\":\"r1\"", "{\"id\":^\"r2\"", ERR_DUPLICATE},
    {"\"2026-01-01\"", "^\"1 January\"", ERR_SYNTAX},
    {"\"reviewed_on\":\"2026-01-01\",\"review_days\":30", "\"review_days\":^30", ERR_MISSING},
    {"\"review_days\":30", "\"review_days\":^0", ERR_RANGE},
    {"\"certainty\":\"primary\"", "\"certainty\":^\"sure\"", ERR_NOT_FOUND},
    {"\"effect\":\"oblige\",\"to\":[\"b\"],\"classes\":[\"x\"],\"except\":[\"y\"],\"do\":",
     "\"effect\":\"forbid\",\"to\":[\"b\"],\"classes\":[\"x\"],\"except\":[\"y\"],\"do\":^",
     ERR_CONFLICT},
    {"{\"id\":\"r1\",\"effect\":\"oblige\",\"to\":[\"b\"],\"classes\":[\"x\"],"
     "\"except\":[\"y\"],\"do\":[\n" DO "]",
     "^{\"id\":\"r1\",\"effect\":\"oblige\",\"to\":[\"b\"],\"classes\":[\"x\"]", ERR_CONFLICT},
    {"{\"id\":\"r3\",\"effect\":\"hold\",\"to\":[\"a\"],\"classes\":[\"y\"],\"release\":\"boss\"",
     "^{\"id\":\"r3\",\"effect\":\"hold\",\"to\":[\"a\"],\"classes\":[\"y\"]", ERR_CONFLICT},
    {"\"do\":[\n", "\"release\":^\"boss\",\"do\":[\n", ERR_CONFLICT},
    {"\"do\":[\n" DO "]", "\"do\":^[]", ERR_RANGE},
    {DO, "{^\"keep\":{\"max_days\":9}}", ERR_NOT_FOUND},
    {DO, "^{}", ERR_SYNTAX},
    {DO, "{\"retain\":^{}}", ERR_MISSING},
    {DO, "{\"retain\":{\"max_days\":^\"9\"}}", ERR_TYPE},
    {DO, "{\"retain\":{\"max_days\":^-1}}", ERR_RANGE},
    {DO, "{\"retain\":{\"max_days\":^null}}", ERR_TYPE},
    {DO, "{\"mask\":{\"fields\":[\"m\",^\"m\"]}}", ERR_DUPLICATE},
    {DO, "{\"encrypt\":{\"to_zone\":^\"c\",\"suites\":[\"aes-256-gcm\"]}}", ERR_NOT_FOUND},
    {DO, "{\"brand\":^{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1}}", ERR_FULL},
    {WHEN, "\"when\":{\"all\":[{\"eq\":[^\"z\",\"p\"]}", ERR_NOT_FOUND},
    {WHEN, "\"when\":{\"all\":[{\"eq\":[\"e\",^\"z\"]}", ERR_NOT_FOUND},
    {WHEN, "\"when\":{\"all\":[{\"eq\":[\"e\",^true]}", ERR_TYPE},
    {WHEN, "\"when\":{\"all\":[{\"eq\":^[\"e\"]}", ERR_SYNTAX},
    {WHEN, "\"when\":{\"all\":[{\"eq\":[\"t\",^\"true\"]}", ERR_TYPE},
    {WHEN, "\"when\":{\"all\":[{\"eq\":[\"labels\",^\"x\"]}", ERR_CONFLICT},
    {WHEN, "\"when\":{\"all\":[{\"lt\":[^\"e\",1]}", ERR_CONFLICT},
    {WHEN, "\"when\":{\"all\":[{\"lt\":[\"i\",^\"1\"]}", ERR_TYPE},
    {WHEN, "\"when\":{\"all\":[{\"lt\":[^\"count.spi.after\",1]}", ERR_NOT_FOUND},
    {WHEN, "\"when\":{\"all\":[{\"in\":[\"e\",^[]]}", ERR_RANGE},
    {WHEN, "\"when\":{\"all\":[{\"in\":[\"e\",[\"p\",^\"p\"]]}", ERR_DUPLICATE},
    {WHEN, "\"when\":{\"all\":[{\"in\":[\"i\",[^\"p\"]]}", ERR_CONFLICT},
    {WHEN, "\"when\":{\"all\":[{\"under\":[\"e\",^\"b\"]}", ERR_CONFLICT},
    {WHEN, "\"when\":{\"all\":[{\"under\":[\"to\",^\"c\"]}", ERR_NOT_FOUND},
    {WHEN, "\"when\":{\"all\":[{\"listed\":[\"s\",^\"pos\"]}", ERR_NOT_FOUND},
    {WHEN, "\"when\":{\"all\":[{\"listed\":[\"i\",^\"neg\"]}", ERR_CONFLICT},
    {WHEN, "\"when\":{\"all\":[{^\"has\":[\"e\",\"p\"]}", ERR_UNKNOWN_FIELD},
    {WHEN, "\"when\":{\"all\":[^{\"eq\":[\"e\",\"p\"],\"in\":[\"e\",[\"p\"]]}", ERR_SYNTAX},
    {WHEN, "\"when\":{\"all\":[^{}", ERR_SYNTAX},
    {"{\"any\":[{\"lt\":[\"count.pi.after\",5]},{\"in\":[\"e\",[\"q\"]]}]}", "{\"any\":^[]}",
     ERR_RANGE},
    {"{\"any\":[{\"lt\":[\"count.pi.after\",5]},{\"in\":[\"e\",[\"q\"]]}]}", "{\"not\":^[]}",
     ERR_TYPE},
    {"\"texts\":{\"w\":{\"en\":\"why\"", "\"texts\":{\"w\":{^\"fr\":\"why\"", ERR_UNKNOWN_FIELD},
    {"\"revision\":2", "\"revision\":2^.0", ERR_SYNTAX},
    {"\"revision\":2", "\"revision\":2,^\"revision\":2", ERR_DUPLICATE},
};

int
main(void)
{
    struct source s;
    if (vocab_read(&vocab, span_str(vocabulary), hash, NULL) != ERR_OK)
        return 1;

    TEST("a document is read into rules sorted by id")
    {
        CHECK_EQ(source_read(&s, &vocab, span_str(good), hash, NULL), ERR_OK);
        CHECK_EQ(s.rule_count, 3);
        CHECK(span_eq_str(s.rules[0].id, "r1") && span_eq_str(s.rules[2].id, "r3"));
        CHECK(s.rules[0].effect == SOURCE_OBLIGE && s.rules[0].duty_count == 1);
        CHECK(vocab_set_has(&s.rules[0].classes, 0) && !vocab_set_has(&s.rules[0].classes, 1));
        CHECK(vocab_set_has(&s.rules[1].classes, 1));
        CHECK_EQ(s.rules[0].from_ms / 1000, 1767225600);
        CHECK_EQ(s.rules[1].stale_ms / 1000, 1767225600 + 30 * 86400);
        CHECK(s.rules[1].certainty == SOURCE_PRIMARY && s.rules[0].stale_ms == INT64_MAX);
        /* eq, listed, not, and, lt, in, or, and, under, and. */
        CHECK_EQ(s.rules[1].step_count, 10);
        CHECK(s.rules[1].steps[2].op == SOURCE_NOT && s.rules[1].steps[6].op == SOURCE_OR);
        CHECK_EQ(s.rules[1].line, 7);
        CHECK(span_eq_str(s.rules[2].release, "boss"));
        CHECK_EQ(s.attr_count, 4);
        const struct source_text *w = source_text(&s, SPAN_LIT("w"));
        CHECK(w != NULL && span_eq_str(w->en, "why") && w->ms.len == 0);
        CHECK(source_text(&s, SPAN_LIT("v")) == NULL);
        CHECK(strcmp(source_effect_name(SOURCE_HOLD), "hold") == 0);
        source_finish(&s);
    }
    TEST("a document whose list has no hash is not complete")
    {
        CHECK_EQ(source_read(&s, &vocab, span_str(good), hash, NULL), ERR_OK);
        CHECK(!source_is_complete(&s));
        s.lists[0].has_sha256 = true;
        CHECK(source_is_complete(&s));
        source_finish(&s);
    }
    TEST("every fault is refused with its line and column")
    {
        REFUSE_ALL(good, bad, read_source);
    }
    TEST("1024 rules are read and one more is not")
    {
        enum { CAP = 256 * 1024 };
        char *text = malloc(CAP);
        for (size_t count = 1024; text != NULL && count <= 1025; count++) {
            struct fault fault = {0};
            size_t n = (size_t)snprintf(
                text, CAP,
                "{\"format\":\"tdz.policy/1\",\"id\":\"d\",\"revision\":1,\"zone\":\"a\","
                "\"direction\":"
                "\"export\",\"closed\":true,\"vocabulary\":\"v/3\",\"effective\":{\"from\":"
                "\"2025-01-01T00:00:00Z\"},\"texts\":{},\"rules\":[");
            for (size_t i = 0; i < count; i++)
                n += (size_t)snprintf(text + n, CAP - n,
                                      "%s{\"id\":\"r%zu\",\"effect\":\"permit\",\"to\":[\"a\"],"
                                      "\"classes\":[\"x\"],\"cite\":[\"L\"],\"why\":\"w\"}",
                                      i == 0 ? "" : ",", i);
            n += (size_t)snprintf(text + n, CAP - n, "]}");
            CHECK_EQ(read_source(span_of(text, n), &fault), count == 1024 ? ERR_OK : ERR_FULL);
        }
        free(text);
    }
    vocab_finish(&vocab);
    return test_end();
}
