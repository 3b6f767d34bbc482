/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/canon.h"
#include "tests/test.h"

int
main(void)
{
    char buf[256];
    char scratch[256];
    struct canon w;
    struct span out;
    struct json_doc doc;

    TEST("keys in order give canonical bytes")
    {
        canon_init(&w, buf, sizeof(buf));
        canon_object(&w);
        canon_member_int(&w, "a", -5);
        canon_key(&w, "b");
        canon_array(&w);
        canon_bool(&w, true);
        canon_null(&w);
        canon_str(&w, "q\"\\\n\x01");
        canon_end(&w);
        canon_member_hex(&w, "c", SPAN_LIT("\x0f\xf0"));
        canon_key(&w, "d");
        canon_u64_str(&w, UINT64_MAX);
        canon_end(&w);
        CHECK_EQ(canon_finish(&w, &out), ERR_OK);
        CHECK(span_eq_str(out, "{\"a\":-5,\"b\":[true,null,\"q\\\"\\\\\\n\\u0001\"],\"c\":\"0ff0\","
                               "\"d\":\"18446744073709551615\"}"));
    }
    TEST("a key out of order is an error")
    {
        canon_init(&w, buf, sizeof(buf));
        canon_object(&w);
        canon_member_int(&w, "b", 1);
        canon_member_int(&w, "a", 1);
        canon_end(&w);
        CHECK_EQ(canon_finish(&w, &out), ERR_NOT_CANONICAL);
    }
    TEST("a key twice is an error")
    {
        canon_init(&w, buf, sizeof(buf));
        canon_object(&w);
        canon_member_int(&w, "a", 1);
        canon_member_int(&w, "a", 1);
        canon_end(&w);
        CHECK_EQ(canon_finish(&w, &out), ERR_NOT_CANONICAL);
    }
    TEST("an object left open, a value without key and a second root are errors")
    {
        canon_init(&w, buf, sizeof(buf));
        canon_object(&w);
        CHECK_EQ(canon_finish(&w, &out), ERR_STATE);
        canon_init(&w, buf, sizeof(buf));
        canon_object(&w);
        canon_int(&w, 1);
        canon_end(&w);
        CHECK_EQ(canon_finish(&w, &out), ERR_STATE);
        canon_init(&w, buf, sizeof(buf));
        canon_int(&w, 1);
        canon_int(&w, 1);
        CHECK_EQ(canon_finish(&w, &out), ERR_STATE);
    }
    TEST("text that does not fit and text that is no UTF-8 are errors")
    {
        canon_init(&w, buf, 4);
        canon_str(&w, "abc");
        CHECK_EQ(canon_finish(&w, &out), ERR_FULL);
        canon_init(&w, buf, sizeof(buf));
        canon_str(&w, "\xff");
        CHECK_EQ(canon_finish(&w, &out), ERR_UTF8);
    }
    TEST("a parsed value is written sorted, without white space")
    {
        CHECK_EQ(
            json_load(&doc, SPAN_LIT("{ \"b\" : [ 1 , {\"y\":1,\"x\":2} ] , \"a\" : \"\" }"), NULL),
            ERR_OK);
        canon_init(&w, buf, sizeof(buf));
        canon_node(&w, &doc, doc.nodes);
        CHECK_EQ(canon_finish(&w, &out), ERR_OK);
        CHECK(span_eq_str(out, "{\"a\":\"\",\"b\":[1,{\"x\":2,\"y\":1}]}"));
        CHECK_EQ(canon_check(&doc, scratch, sizeof(scratch)), ERR_NOT_CANONICAL);
        json_free(&doc);
    }
    TEST("canonical bytes pass the check that foreign bytes fail")
    {
        CHECK_EQ(json_load(&doc, SPAN_LIT("{\"a\":[],\"b\":{}}"), NULL), ERR_OK);
        CHECK_EQ(canon_check(&doc, scratch, sizeof(scratch)), ERR_OK);
        json_free(&doc);
        CHECK_EQ(json_load(&doc, SPAN_LIT("{\"a\":\"\\u0041\"}"), NULL), ERR_OK);
        CHECK_EQ(canon_check(&doc, scratch, sizeof(scratch)), ERR_NOT_CANONICAL);
        json_free(&doc);
    }
    return test_end();
}
