/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/vocab.h"
#include "tests/unit/policy/refuse.h"

static const char good[] =
    "{\"format\":\"tdz.vocab/1\",\"id\":\"v\",\"revision\":1,\n"
    "\"zones\":{\"b\":\"a\",\"a\":null},\n"
    "\"classes\":{\"x\":null,\"y\":\"x\",\"z\":\"y\"},\n"
    "\"attributes\":{\"to\":{\"type\":\"zone\",\"source\":\"route\"},\n"
    "\"labels\":{\"type\":\"labels\",\"source\":\"manifest\"},\n"
    "\"e\":{\"type\":\"enum\",\"values\":[\"q\",\"p\"],\"source\":\"manifest\"}},\n"
    "\"obligations\":{\"retain\":{\"phase\":\"recipient\"}}}";

static const uint8_t hash[32] = {7};

static enum err
read_vocab(struct span input, struct fault *fault)
{
    struct vocab v;
    const enum err err = vocab_read(&v, input, hash, fault);
    if (err == ERR_OK)
        vocab_finish(&v);
    return err;
}

static const struct refuse bad[] = {
    {"{\"format\":\"tdz.vocab/1\"", "{\"format\":^\"tdz.vocab/2\"", ERR_VERSION},
    {"{\"format\":\"tdz.vocab/1\",", "^{", ERR_MISSING},
    {"\"revision\":1", "\"revision\":^0", ERR_RANGE},
    {"\"revision\":1", "\"revision\":^\"1\"", ERR_TYPE},
    {"\"revision\":1", "\"revision\":1,^\"more\":1", ERR_UNKNOWN_FIELD},
    {"\"revision\":1", "\"revision\":1,^\"revision\":1", ERR_DUPLICATE},
    {"\"id\":\"v\"", "\"id\":^\"a b\"", ERR_SYNTAX},
    {"\"b\":\"a\"", "\"b\":^\"c\"", ERR_NOT_FOUND},
    {"\"b\":\"a\"", "\"b\":^1", ERR_TYPE},
    {"\"b\":\"a\",\"a\":null", "^\"b\":\"a\",\"a\":\"b\"", ERR_CONFLICT},
    {"\"b\":\"a\"", "^\"b b\":\"a\"", ERR_SYNTAX},
    {"{\"b\":\"a\",\"a\":null}", "^{}", ERR_MISSING},
    {"\"type\":\"zone\"", "\"type\":^\"zones\"", ERR_NOT_FOUND},
    {"\"source\":\"route\"", "\"source\":^\"rumour\"", ERR_NOT_FOUND},
    {"\"to\":{\"type\":\"zone\"", "\"to\":^{\"type\":\"bool\"", ERR_CONFLICT},
    {"\"labels\":{\"type\":\"labels\"", "\"labels\":^{\"type\":\"string\"", ERR_CONFLICT},
    {"\"attributes\":{\"to\":", "\"attributes\":^{\"tu\":", ERR_MISSING},
    {"\"values\":[\"q\",\"p\"]", "\"values\":[\"q\",^\"q\"]", ERR_DUPLICATE},
    {"\"values\":[\"q\",\"p\"]", "\"values\":^[]", ERR_RANGE},
    {"\"values\":[\"q\",\"p\"]", "\"values\":[\"q\",^1]", ERR_TYPE},
    {"\"type\":\"enum\",\"values\":", "\"type\":\"int\",\"values\":^", ERR_UNKNOWN_FIELD},
    {"\"phase\":\"recipient\"", "\"phase\":^\"never\"", ERR_NOT_FOUND},
    {"{\"phase\":\"recipient\"}", "^7", ERR_TYPE},
    {"}}}", "}}^", ERR_SHORT},
    {"}}}", "}}}^x", ERR_TRAILING},
};

int
main(void)
{
    struct vocab v;

    TEST("a vocabulary is read into trees and types")
    {
        CHECK_EQ(vocab_read(&v, span_str(good), hash, NULL), ERR_OK);
        CHECK(span_eq_str(v.id, "v") && v.revision == 1 && v.sha256[0] == 7);
        CHECK_EQ(v.zone_count, 2);
        CHECK_EQ(v.class_count, 3);
        const uint32_t a = vocab_zone(&v, SPAN_LIT("a"));
        const uint32_t b = vocab_zone(&v, SPAN_LIT("b"));
        CHECK(vocab_zone_under(&v, b, a) && vocab_zone_under(&v, a, a));
        CHECK(!vocab_zone_under(&v, a, b));
        CHECK(
            vocab_class_under(&v, vocab_class(&v, SPAN_LIT("z")), vocab_class(&v, SPAN_LIT("x"))));
        CHECK(vocab_class(&v, SPAN_LIT("Z")) == VOCAB_NONE);
        const struct vocab_attr *e = vocab_attr(&v, SPAN_LIT("e"));
        CHECK(e != NULL && e->type == VOCAB_ENUM && e->source == VOCAB_MANIFEST);
        CHECK(e != NULL && vocab_has_value(e, SPAN_LIT("p")) && !vocab_has_value(e, SPAN_LIT("P")));
        CHECK(vocab_attr(&v, SPAN_LIT("f")) == NULL);
        CHECK(vocab_obligation(&v, SPAN_LIT("retain"))->phase == VOCAB_RECIPIENT);
        CHECK(vocab_obligation(&v, SPAN_LIT("mask")) == NULL);
        CHECK(strcmp(vocab_source_name(VOCAB_GATEWAY), "gateway") == 0);
        vocab_finish(&v);
    }
    TEST("sets hold every index up to 255")
    {
        struct vocab_set set = {0};
        for (uint32_t i = 0; i < 256; i += 51)
            vocab_set_add(&set, i);
        for (uint32_t i = 0; i < 256; i++)
            CHECK(vocab_set_has(&set, i) == (i % 51 == 0));
    }
    TEST("names are 1 to 64 of a small alphabet")
    {
        CHECK(vocab_is_name(SPAN_LIT("CN-LG.a_1")) && !vocab_is_name(SPAN_LIT("")));
        CHECK(!vocab_is_name(SPAN_LIT("a/b")) && !vocab_is_name(SPAN_LIT("\xc3\xa9")));
    }
    TEST("every fault is refused with its line and column")
    {
        REFUSE_ALL(good, bad, read_vocab);
    }
    return test_end();
}
