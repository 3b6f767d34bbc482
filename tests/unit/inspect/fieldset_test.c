/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/fieldset.h"

#include "crypto/mac.h"
#include "inspect/transform.h"
#include "tests/test.h"

static struct fieldset fields;
static char text[4 << 20];

static enum err
load(const char *json)
{
    struct fault fault = {0};
    const enum err err = fieldset_load(&fields, span_str(json), &fault);
    return err == ERR_OK || fault.code == err ? err : ERR_BUG;
}

#define SCHEMA(fields) "{\"format\":\"csv\",\"additional\":\"refuse\",\"fields\":[" fields "]}"
#define FIELD(more) "{\"name\":\"a\",\"type\":\"string\",\"x-class\":\"personal\"" more "}"

/* The actions of the three fields below as a number: first field is the highest digit. */
static int
selected(enum transform transform, const char *selector)
{
    uint8_t actions[FIELDSET_MAX] = {0};
    if (transform_select(&fields, transform, span_str(selector), actions) != ERR_OK)
        return -1;
    return actions[0] * 100 + actions[1] * 10 + actions[2];
}

static void
test_errors(void)
{
    TEST("what is wrong with a schema has a place and a code")
    {
        CHECK_EQ(load("[]"), ERR_TYPE);
        CHECK_EQ(load("{"), ERR_SHORT);
        CHECK_EQ(load("{\"format\":\"csv\",\"additional\":\"refuse\"}"), ERR_MISSING);
        CHECK_EQ(load("{\"format\":\"xls\",\"additional\":\"refuse\",\"fields\":[]}"),
                 ERR_NOT_FOUND);
        CHECK_EQ(load("{\"format\":\"csv\",\"additional\":\"maybe\",\"fields\":[]}"),
                 ERR_NOT_FOUND);
        CHECK_EQ(load(SCHEMA("1")), ERR_TYPE);
        CHECK_EQ(load(SCHEMA(FIELD(",\"size\":1"))), ERR_UNKNOWN_FIELD);
        CHECK_EQ(load(SCHEMA(FIELD(",\"x-identifier\":\"nric\""))), ERR_NOT_FOUND);
        CHECK_EQ(load(SCHEMA(FIELD(",\"pseudonymised\":1"))), ERR_TYPE);
        CHECK_EQ(load(SCHEMA("{\"name\":\"a\",\"type\":\"s\",\"x-class\":\"secret\"}")),
                 ERR_NOT_FOUND);
        CHECK_EQ(load(SCHEMA("{\"name\":\"\",\"type\":\"s\",\"x-class\":\"quasi\"}")), ERR_RANGE);
        CHECK_EQ(load(SCHEMA(FIELD("") ",{\"name\":\"A\",\"type\":\"s\",\"x-class\":\"quasi\"}")),
                 ERR_DUPLICATE);
        CHECK_EQ(load("{\"ceilings\":{\"rows\":-1},\"schema\":" SCHEMA("") "}"), ERR_RANGE);
        CHECK_EQ(load("{\"ceilings\":{\"tons\":1},\"schema\":" SCHEMA("") "}"), ERR_UNKNOWN_FIELD);
    }
    TEST("more fields than the limit are refused")
    {
        size_t len = (size_t)snprintf(text, sizeof(text),
                                      "{\"format\":\"csv\",\"additional\":\"refuse\",\"fields\":[");
        for (unsigned i = 0; i <= FIELDSET_MAX; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len,
                                    "%s{\"name\":\"c%u\",\"type\":\"s\",\"x-class\":\"quasi\"}",
                                    i == 0 ? "" : ",", i);
        (void)snprintf(text + len, sizeof(text) - len, "]}");
        CHECK_EQ(load(text), ERR_FULL);
    }
}

int
main(void)
{
    TEST("a schema is read alone or inside its agreement")
    {
        CHECK_EQ(load(SCHEMA(FIELD(",\"x-identifier\":\"mykad\",\"x-purpose\":\"p\""))), ERR_OK);
        CHECK(fields.field_count == 1 && !fields.additional && fields.format == FIELDSET_CSV);
        CHECK(fields.fields[0].ident == IDENT_MYKAD && fields.fields[0].label == LABEL_PERSONAL);
        CHECK(fields.rows_max == UINT64_MAX);
        CHECK_EQ(load("{\"id\":\"x\",\"ceilings\":{\"bytes\":1,\"rows\":2,\"persons\":3},"
                      "\"schema\":{\"format\":\"opaque\",\"additional\":\"allow\",\"fields\":[]}}"),
                 ERR_OK);
        CHECK(fields.bytes_max == 1 && fields.rows_max == 2 && fields.persons_max == 3);
        CHECK(fields.additional && fields.format == FIELDSET_OPAQUE && fields.field_count == 0);
    }
    test_errors();
    TEST("selectors name types, classes with what implies them, and columns")
    {
        CHECK_EQ(load(SCHEMA("{\"name\":\"ic\",\"type\":\"s\",\"x-class\":\"personal\","
                             "\"x-identifier\":\"mykad\"},"
                             "{\"name\":\"ill\",\"type\":\"s\",\"x-class\":\"health\"},"
                             "{\"name\":\"n\",\"type\":\"s\",\"x-class\":\"business\"}")),
                 ERR_OK);
        CHECK_EQ(selected(TRANSFORM_TOKENISE, "mykad"), 200);
        CHECK_EQ(selected(TRANSFORM_MASK, "class:personal"), 110);
        CHECK_EQ(selected(TRANSFORM_DROP, "class:sensitive_personal"), 40);
        CHECK_EQ(selected(TRANSFORM_REDACT, "column:N"), 3);
        CHECK_EQ(selected(TRANSFORM_REDACT, "column:none"), 0);
        CHECK_EQ(selected(TRANSFORM_REDACT, "email"), 0);
        CHECK_EQ(selected(TRANSFORM_REDACT, "class:nothing"), -1);
        CHECK_EQ(selected(TRANSFORM_REDACT, "nothing"), -1);
        enum transform transform = TRANSFORM_NONE;
        CHECK_EQ(transform_find(SPAN_LIT("none"), &transform), ERR_NOT_FOUND);
        CHECK_EQ(transform_find(SPAN_LIT("drop"), &transform), ERR_OK);
    }
    TEST("of two actions on a column the stronger is performed")
    {
        uint8_t actions[FIELDSET_MAX] = {0};
        CHECK_EQ(transform_select(&fields, TRANSFORM_REDACT, SPAN_LIT("mykad"), actions), ERR_OK);
        CHECK_EQ(transform_select(&fields, TRANSFORM_MASK, SPAN_LIT("column:ic"), actions), ERR_OK);
        CHECK_EQ(actions[0], TRANSFORM_REDACT);
    }
    TEST("masks keep two characters, not two bytes")
    {
        uint8_t out[64];
        size_t len = transform_mask(SPAN_LIT("\xe9\xbb\x84\xe5\xbf\x97\xe5\xbc\xba"), false, out);
        CHECK(span_eq(span_of(out, len), SPAN_LIT("*\xe5\xbf\x97\xe5\xbc\xba")));
        len = transform_mask(SPAN_LIT("a\"\"b\"\""), true, out);
        CHECK(span_eq(span_of(out, len), SPAN_LIT("**b\"\"")));
        CHECK(transform_is_masked(span_of(out, len), true));
        CHECK(!transform_is_masked(SPAN_LIT("abcd"), false));
        len = transform_mask(SPAN_LIT("ab"), false, out);
        CHECK(span_eq(span_of(out, len), SPAN_LIT("ab")));
    }
    TEST("tokens need the crypto layer, a bounded value and have one form")
    {
        const uint8_t key[TRANSFORM_KEY_BYTES] = {1};
        uint8_t token[TRANSFORM_TOKEN_BYTES];
        CHECK_EQ(transform_token(key, IDENT_MYKAD, SPAN_LIT("900101145678"), token), ERR_STATE);
        CHECK_EQ(mac_init(), ERR_OK);
        CHECK_EQ(transform_token(key, IDENT_MYKAD, SPAN_LIT("900101145678"), token), ERR_OK);
        CHECK(transform_is_token(span_of(token, sizeof(token))));
        CHECK(!transform_is_token(SPAN_LIT("tkn_ABCDEFGHIJKLMNOPQRSTUVWXYZ")));
        memset(text, 'x', 8193);
        CHECK_EQ(transform_token(key, IDENT_NONE, span_of(text, 8193), token), ERR_TOO_LARGE);
    }
    return test_end();
}
