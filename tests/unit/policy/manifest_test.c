/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/label.h"
#include "policy/manifest.h"
#include "policy/vocab.h"
#include "tests/slurp.h"
#include "tests/unit/policy/refuse.h"

#define HEX32 "abababababababababababababababababababababababababababababababab"
#define HEX16 "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

static const char good[] =
    "{\"agreement\":\"ag\",\"ciphertext_ahead\":false,\"created\":100,\"dataset\":\"d.csv\","
    "\"dst\":\"b\",\"facts\":{\"e\":\"p\"},\"label\":[\"business\",\"x\"],\"legal_basis\":\"c\","
    "\"not_after\":200,\"performed\":{\"mask\":{\"fields\":[\"m\"]}},\"plaintext_len\":5,"
    "\"policy_hash\":\"" HEX32 "\",\"recipients\":[\"" HEX32 "\"],\"ruleset_hash\":\"" HEX32 "\","
    "\"schema\":\"tdz.manifest/1\",\"schema_id\":\"" HEX32 "\",\"sender\":\"s\",\"src\":\"a\","
    "\"suite\":1,\"transfer\":\"" HEX16 "\"}";

static const struct refuse bad[] = {
    {"\"tdz.manifest/1\"", "^\"tdz.manifest/2\"", ERR_VERSION},
    {"\"agreement\":\"ag\"", "\"agreement\":^\"\"", ERR_RANGE},
    {"{\"agreement\":\"ag\",", "^{", ERR_MISSING},
    {"\"agreement\":\"ag\"", "\"agreement\":\"ag\",^\"also\":1", ERR_UNKNOWN_FIELD},
    {"\"ciphertext_ahead\":false", "\"ciphertext_ahead\":^0", ERR_TYPE},
    {"\"not_after\":200", "\"not_after\":^100", ERR_RANGE},
    {"\"not_after\":200", "\"not_after\":^2592101", ERR_RANGE},
    {"[\"business\",\"x\"]", "^[]", ERR_RANGE},
    {"[\"business\",\"x\"]", "[\"x\",^\"business\"]", ERR_NOT_CANONICAL},
    {"[\"business\",\"x\"]", "[\"x\",^\"x\"]", ERR_DUPLICATE},
    {"[\"business\",\"x\"]", "[^1]", ERR_TYPE},
    {"\"suite\":1", "\"suite\":^3", ERR_RANGE},
    {"\"" HEX16 "\"", "^\"cd\"", ERR_SYNTAX},
    {"\"recipients\":[\"" HEX32 "\"]", "\"recipients\":^[]", ERR_RANGE},
    {"\"recipients\":[\"" HEX32 "\"]", "\"recipients\":[^\"ab\"]", ERR_SYNTAX},
    {"\"recipients\":[\"" HEX32 "\"]",
     "\"recipients\":^[\"" HEX32 "\",\"" HEX32 "\",\"" HEX32 "\",\"" HEX32 "\",\"" HEX32 "\"]",
     ERR_FULL},
    {"\"facts\":{\"e\":\"p\"}", "\"facts\":^[]", ERR_TYPE},
    {"{\"agreement\":\"ag\",\"ciphertext_ahead\":false,", "^{\"agreement\":\"ag\",", ERR_MISSING},
};

static struct manifest m;

static enum err
read_manifest(struct span input, struct fault *fault)
{
    const struct json_node *facts = NULL;
    const struct json_node *performed = NULL;
    struct json_doc doc;
    TRY(json_load(&doc, input, fault));
    const enum err err = manifest_read(&doc, &m, &facts, &performed, fault);
    json_free(&doc);
    return err;
}

int
main(int argc, char **argv)
{
    static char out[MANIFEST_BYTES_MAX];
    static uint8_t file[65536];
    struct span text = {0};

    TEST("a manifest is written as the bytes it was read from")
    {
        struct json_doc doc;
        const struct json_node *facts = NULL;
        const struct json_node *performed = NULL;
        CHECK_EQ(json_load(&doc, span_str(good), NULL), ERR_OK);
        CHECK_EQ(manifest_read(&doc, &m, &facts, &performed, NULL), ERR_OK);
        CHECK(m.transfer[15] == 0xcd && m.label_count == 2 && m.recipient_count == 1);
        CHECK(m.created == 100 && m.plaintext_len == 5 && m.suite == 1);
        m.facts = SPAN_LIT("{\"e\":\"p\"}");
        m.performed = SPAN_LIT("{\"mask\":{\"fields\":[\"m\"]}}");
        const struct span first = m.label[0];
        m.label[0] = m.label[1];
        m.label[1] = first;
        CHECK_EQ(manifest_write(&m, out, sizeof(out), &text), ERR_OK);
        CHECK(span_eq_str(text, good));
        CHECK_EQ(manifest_write(&m, out, 100, &text), ERR_FULL);
        m.not_after = m.created + MANIFEST_LIFE_MAX_S;
        CHECK_EQ(manifest_write(&m, out, sizeof(out), &text), ERR_OK);
        m.not_after++;
        CHECK_EQ(manifest_write(&m, out, sizeof(out), &text), ERR_RANGE);
        m.not_after = 200;
        m.suite = 0;
        CHECK_EQ(manifest_write(&m, out, sizeof(out), &text), ERR_RANGE);
        json_free(&doc);
    }
    TEST("every fault is refused with its line and column")
    {
        REFUSE_ALL(good, bad, read_manifest);
    }
    TEST("the vocabulary of the packs has every label that inspection gives, under its parents")
    {
        static const uint8_t zero[32];
        struct vocab v;
        CHECK_EQ(argc, 2);
        text = slurp(file, sizeof(file), argv[1], "tdz-core.json");
        CHECK_EQ(vocab_read(&v, text, zero, NULL), ERR_OK);
        CHECK_EQ(v.class_count, LABEL_COUNT);
        for (unsigned i = 0; i < LABEL_COUNT; i++) {
            const uint32_t below = vocab_class(&v, span_str(label_name((enum label)i)));
            CHECK(below != VOCAB_NONE);
            for (unsigned k = 0; below != VOCAB_NONE && k < LABEL_COUNT; k++) {
                const uint32_t above = vocab_class(&v, span_str(label_name((enum label)k)));
                CHECK(vocab_class_under(&v, below, above) ==
                      ((label_close(LABEL_BIT(i)) & LABEL_BIT(k)) != 0));
            }
        }
        vocab_finish(&v);
    }
    return test_end();
}
