/* SPDX-License-Identifier: Apache-2.0 */
/* The two formats that judge and inspector share, read from what is not right. */
#include "inspect/report.h"

#include "crypto/crypto.h"
#include "inspect/inspectspec.h"
#include "tests/test.h"

#define SCHEMA                                                                                   \
    "\"schema\":{\"additional\":\"refuse\",\"fields\":[{\"name\":\"email\",\"type\":\"string\"," \
    "\"x-class\":\"personal\",\"x-identifier\":\"email\"}],\"format\":\"csv\"}"
#define SPEC(actions, direction, format)                                  \
    "{\"actions\":" actions ",\"ceilings\":{},\"direction\":\"" direction \
    "\",\"format\":\"" format "\"," SCHEMA "}"

static struct inspectspec_scratch spec_scratch;
static struct inspectspec spec;
static struct report_scratch scratch;
static struct report report;

static enum err
read_spec(const char *text)
{
    return inspectspec_read(span_str(text), &spec_scratch, &spec, NULL);
}

static bool
nothing(const void *ctx, struct span name)
{
    (void)ctx;
    (void)name;
    return false;
}

static enum err
covers(const char *want, bool *ret)
{
    struct json_doc doc;
    CHECK(json_load(&doc, span_str(want), NULL) == ERR_OK);
    const enum err err = inspectspec_covers(&spec, &doc, &doc.nodes[0], ret, NULL);
    json_free(&doc);
    return err;
}

int
main(void)
{
    bool is = false;
    if (crypto_init() != ERR_OK)
        return 1;
    TEST("a specification says what to do with each declared column")
    {
        CHECK_EQ(read_spec(SPEC("{\"mask\":{\"fields\":[\"email\"]}}", "export", "tdz.inspect/1")),
                 ERR_OK);
        CHECK(spec.fields.field_count == 1 && spec.actions[0] == TRANSFORM_MASK);
        CHECK(!spec.is_import);
    }
    TEST("what is performed covers the same and less, never more")
    {
        CHECK(covers("{\"encrypt\":{}}", &is) == ERR_OK && is);
        CHECK(covers("{\"mask\":{\"fields\":[\"class:personal\"]}}", &is) == ERR_OK && is);
        CHECK(covers("{\"redact\":{\"fields\":[\"email\"]}}", &is) == ERR_OK && !is);
        CHECK_EQ(covers("{\"burn\":{\"fields\":[]}}", &is), ERR_UNSUPPORTED);
        CHECK_EQ(covers("{\"mask\":{\"fields\":[7]}}", &is), ERR_TYPE);
        CHECK_EQ(covers("[]", &is), ERR_TYPE);
    }
    TEST("a specification that is not one is refused by its reason")
    {
        static char huge[INSPECTSPEC_BYTES_MAX + 2];
        memset(huge, ' ', sizeof(huge) - 1);
        CHECK_EQ(read_spec(huge), ERR_TOO_LARGE);
        CHECK_EQ(read_spec("[]"), ERR_TYPE);
        CHECK_EQ(read_spec("{\"x\":1}"), ERR_UNKNOWN_FIELD);
        CHECK_EQ(read_spec("{"), ERR_SHORT);
        CHECK_EQ(read_spec(SPEC("{}", "export", "tdz.inspect/2")), ERR_VERSION);
        CHECK_EQ(read_spec(SPEC("{}", "sideways", "tdz.inspect/1")), ERR_NOT_FOUND);
        CHECK_EQ(read_spec(SPEC("{\"mask\":{\"fields\":[\"x\"]}}", "import", "tdz.inspect/1")),
                 ERR_NOT_FOUND);
        CHECK_EQ(read_spec(SPEC("{\"mask\":{}}", "import", "tdz.inspect/1")), ERR_MISSING);
    }
    TEST("a report that is not canonical or not of this format is refused")
    {
        CHECK_EQ(report_read(SPAN_LIT("{ }"), nothing, NULL, &scratch, &report, NULL),
                 ERR_NOT_CANONICAL);
        CHECK_EQ(report_read(SPAN_LIT("[]"), nothing, NULL, &scratch, &report, NULL), ERR_TYPE);
        CHECK_EQ(
            report_read(SPAN_LIT("{\"format\":\"x\"}"), nothing, NULL, &scratch, &report, NULL),
            ERR_VERSION);
        CHECK_EQ(report_read(SPAN_LIT("{\"format\":\"tdz.inspected/1\"}"), nothing, NULL, &scratch,
                             &report, NULL),
                 ERR_MISSING);
    }
    return test_end();
}
