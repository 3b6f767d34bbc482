/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/json.h"
#include "tests/test.h"

static struct json_node nodes[64];
static uint8_t text[256];

static enum err
parse(struct json_doc *doc, const char *input, struct fault *fault)
{
    *doc = (struct json_doc){.nodes = nodes, .node_cap = 64, .text = text, .text_cap = 256};
    return json_read(doc, span_str(input), fault);
}

static const struct {
    const char *input;
    enum err err;
    uint32_t line;
    uint32_t column;
} bad[] = {
    {"{\"a\":1,\"a\":2}", ERR_DUPLICATE, 1, 8},
    {"{\"a\":1,\"\\u0061\":2}", ERR_DUPLICATE, 1, 8},
    {"{\"a\":1} x", ERR_TRAILING, 1, 9},
    {"{\"a\":01}", ERR_SYNTAX, 1, 8},
    {"{\"a\":1.0}", ERR_SYNTAX, 1, 7},
    {"{\"a\":1e400}", ERR_SYNTAX, 1, 7},
    {"{\"a\":-0}", ERR_SYNTAX, 1, 8},
    {"{\"a\":9007199254740992}", ERR_RANGE, 1, 21},
    {"{\"a\":\"\\u0000\"}", ERR_SYNTAX, 1, 13},
    {"{\"a\":\"\\ud800\"}", ERR_UTF8, 1, 13},
    {"{\"a\":\"\xff\"}", ERR_UTF8, 1, 7},
    {"\xef\xbb\xbf{}", ERR_SYNTAX, 1, 1},
    {"{\n\"a\":\n}", ERR_SYNTAX, 3, 1},
    {"[1,]", ERR_SYNTAX, 1, 4},
    {"{\"a\" 1}", ERR_SYNTAX, 1, 6},
    {"{'a':1}", ERR_SYNTAX, 1, 2},
    {"", ERR_SHORT, 1, 1},
    {"[", ERR_SHORT, 1, 2},
    {"\"a", ERR_SHORT, 1, 3},
    {"\"a\nb\"", ERR_SYNTAX, 1, 3},
    {"nul", ERR_SYNTAX, 1, 1},
    {"[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]", ERR_DEPTH, 1, 17},
};

int
main(void)
{
    struct json_doc doc;
    struct fault fault;

    TEST("a document is read into nodes in document order")
    {
        CHECK_EQ(parse(&doc, "{\"b\":[1,-2,true,null],\"a\\n\":\"x\\u00e9\\ud83d\\ude00\"}", NULL),
                 ERR_OK);
        const struct json_node *root = &doc.nodes[0];
        CHECK_EQ(root->type, JSON_OBJECT);
        CHECK_EQ(root->count, 2);
        const struct json_node *b = json_get(&doc, root, "b");
        CHECK(b != NULL && b->type == JSON_ARRAY && b->count == 4);
        const struct json_node *one = json_first(&doc, b);
        CHECK_EQ(one->number, 1);
        const struct json_node *two = json_next(&doc, b, one);
        CHECK_EQ(two->number, -2);
        const struct json_node *a = json_get(&doc, root, "a\n");
        CHECK(a != NULL && span_eq_str(a->text, "x\xc3\xa9\xf0\x9f\x98\x80"));
        CHECK(json_get(&doc, root, "B") == NULL);
    }
    TEST("the largest safe integers are kept exactly")
    {
        CHECK_EQ(parse(&doc, "[9007199254740991,-9007199254740991]", NULL), ERR_OK);
        CHECK(doc.nodes[1].number == JSON_INT_MAX && doc.nodes[2].number == -JSON_INT_MAX);
    }
    TEST("every trap of lenient readers is refused with line and column")
    {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            fault = (struct fault){0};
            const enum err err = parse(&doc, bad[i].input, &fault);
            if (err != bad[i].err || fault.line != bad[i].line || fault.column != bad[i].column)
                printf("# case %zu: %s at %u:%u (%s)\n", i, error_name(err), fault.line,
                       fault.column, fault.where);
            CHECK(err == bad[i].err && fault.line == bad[i].line && fault.column == bad[i].column);
        }
    }
    TEST("nested containers up to the depth limit are read")
    {
        CHECK_EQ(parse(&doc, "[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]", NULL), ERR_OK);
    }
    TEST("more nodes than the caller gave are an error, not an overflow")
    {
        doc = (struct json_doc){.nodes = nodes, .node_cap = 3, .text = text, .text_cap = 8};
        CHECK_EQ(json_read(&doc, SPAN_LIT("[1,2,3]"), NULL), ERR_FULL);
    }
    TEST("typed access names the member that is missing or wrong")
    {
        struct span s;
        int64_t n = 0;
        bool flag = false;
        CHECK_EQ(parse(&doc, "{\"s\":\"abc\",\"n\":5,\"f\":true}", NULL), ERR_OK);
        CHECK_EQ(json_need_str(&doc, doc.nodes, "s", 3, &s, NULL), ERR_OK);
        CHECK_EQ(json_need_str(&doc, doc.nodes, "s", 2, &s, NULL), ERR_RANGE);
        CHECK_EQ(json_need_int(&doc, doc.nodes, "n", 0, 5, &n, NULL), ERR_OK);
        CHECK_EQ(json_need_int(&doc, doc.nodes, "n", 0, 4, &n, &fault), ERR_RANGE);
        CHECK_EQ(fault.column, 16);
        CHECK_EQ(json_need_bool(&doc, doc.nodes, "f", &flag, NULL), ERR_OK);
        CHECK_EQ(json_need_bool(&doc, doc.nodes, "n", &flag, &fault), ERR_TYPE);
        CHECK_EQ(json_need_bool(&doc, doc.nodes, "x", &flag, &fault), ERR_MISSING);
        CHECK(strcmp(fault.where, "x") == 0);
    }
    TEST("a member for people may be absent, else it is a string of bounded size")
    {
        CHECK_EQ(parse(&doc, "{\"s\":\"abc\",\"n\":5}", NULL), ERR_OK);
        CHECK_EQ(json_may_str(&doc, doc.nodes, "x", 3, NULL), ERR_OK);
        CHECK_EQ(json_may_str(&doc, doc.nodes, "s", 3, NULL), ERR_OK);
        CHECK_EQ(json_may_str(&doc, doc.nodes, "s", 2, NULL), ERR_RANGE);
        CHECK_EQ(json_may_str(&doc, doc.nodes, "n", 3, NULL), ERR_TYPE);
    }
    TEST("members outside a format are refused")
    {
        static const char *const names[] = {"a", "b"};
        CHECK_EQ(parse(&doc, "{\"a\":1,\"c\":2}", NULL), ERR_OK);
        CHECK_EQ(json_only(&doc, doc.nodes, names, 2, &fault), ERR_UNKNOWN_FIELD);
        CHECK_EQ(fault.column, 8);
    }
    return test_end();
}
