/* SPDX-License-Identifier: Apache-2.0 */
/* The two formats that judge and inspector share, read from what is not right. */
#include "inspect/report.h"

#include "crypto/crypto.h"
#include "inspect/inspectspec.h"
#include "schemas/text.h"
#include "tests/test.h"

#include <stdio.h>

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

enum { WIDE = 1025 };

static char text[1024 * 1024];
static char told[REPORT_OBSERVED_MAX];

static bool
anything(const void *ctx, struct span name)
{
    (void)ctx;
    (void)name;
    return true;
}

/* A report of WIDE columns with names of 255 bytes; every step-th one holds an identifier, and all
 * of those contradict. labels and reasons are the insides of the two lists. */
static struct span
wide(unsigned step, const char *labels, const char *reasons)
{
    static const char head[] =
        "{\"bytes_in\":1,\"bytes_out\":1,\"format\":\"tdz.inspected/1\",\"in\":null,"
        "\"out\":{\"bytes\":1,\"columns\":[";
    static const char column[] =
        "%s{\"action\":\"none\",\"cells\":1,\"declared\":\"business\",\"llr_mnat\":0,"
        "\"name\":\"%0255u\",\"observed\":\"%s\",\"ordinal\":%u,\"passes\":0,\"type\":%s}";
    static const char tail[] =
        "],\"coverage\":\"full\",\"format\":\"tdz.findings/1\",\"kind\":\"csv\",\"labels\":[%s],"
        "\"performed\":true,\"persons\":{\"lower\":0,\"sensitive\":0,\"unidentified\":0,"
        "\"upper\":3},\"reasons\":[%s],\"rows\":7,\"ruleset\":\"%064u\",\"stage\":\"out\"},"
        "\"spec\":\"%064u\"}";
    size_t len = (size_t)snprintf(text, sizeof(text), "%s", head);
    for (unsigned i = 1; i <= WIDE; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, column, i > 1 ? "," : "", i,
                                i % step == 0 ? "personal" : "business", i,
                                i % step == 0 ? "\"email\"" : "null");
    len += (size_t)snprintf(text + len, sizeof(text) - len,
                            "],\"contradicted\":true,\"contradictions\":[");
    for (unsigned i = step; i <= WIDE; i += step)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "%s{\"column\":\"%0255u\",\"rule\":\"class\"}", i > step ? "," : "",
                                i);
    len += (size_t)snprintf(text + len, sizeof(text) - len, tail, labels, reasons, 0U, 0U);
    return span_of(text, len);
}

/* Members of a list of the object told; its first one's column name in *ret_first. */
static int64_t
list_len(const struct json_doc *doc, const char *key, const char *name, uint64_t *ret_first)
{
    const struct json_node *list = json_get(doc, &doc->nodes[0], key);
    int64_t count = 0;
    if (list == NULL)
        return -1;
    const struct json_node *n = json_first(doc, list);
    if (n != NULL) {
        struct span digits = json_get(doc, n, name)->text;
        while (digits.len > 1 && digits.ptr[0] == '0')
            digits = span_of(digits.ptr + 1, digits.len - 1);
        CHECK_EQ(text_parse_u64(digits, UINT64_MAX, ret_first), ERR_OK);
    }
    for (; n != NULL; n = json_next(doc, list, n))
        count++;
    return count;
}

static void
test_wide(void)
{
    TEST("a table of the most columns is told in the room a message has for it")
    {
        struct canon w;
        struct span json;
        struct json_doc doc;
        uint64_t first = 0;
        int64_t omitted = 0;
        CHECK_EQ(
            report_read(wide(1000, "\"personal\"", ""), anything, NULL, &scratch, &report, NULL),
            ERR_OK);
        canon_init(&w, told, sizeof(told));
        report_observed(&report, &report.out, &w);
        CHECK_EQ(canon_finish(&w, &json), ERR_OK);
        CHECK_EQ(json_load(&doc, json, NULL), ERR_OK);
        const int64_t listed = list_len(&doc, "columns", "name", &first);
        CHECK(listed > 10 && first == 1);
        CHECK_EQ(json_need_int(&doc, &doc.nodes[0], "columns_omitted", 1, WIDE, &omitted, NULL),
                 ERR_OK);
        CHECK_EQ(listed + omitted, WIDE);
        json_free(&doc);
    }
    TEST("the column in which something was found is told among a thousand plain ones before it")
    {
        struct canon w;
        struct span json;
        struct json_doc doc;
        uint64_t first = 0;
        canon_init(&w, told, sizeof(told));
        report_observed(&report, &report.out, &w);
        CHECK_EQ(canon_finish(&w, &json), ERR_OK);
        CHECK_EQ(json_load(&doc, json, NULL), ERR_OK);
        CHECK_EQ(list_len(&doc, "contradictions", "column", &first), 1);
        CHECK_EQ(first, 1000);
        const struct json_node *columns = json_get(&doc, &doc.nodes[0], "columns");
        const struct json_node *last = NULL;
        const struct json_node *n = json_first(&doc, columns);
        for (; n != NULL; n = json_next(&doc, columns, n))
            last = n;
        CHECK(last != NULL && span_eq_str(json_get(&doc, last, "observed")->text, "personal"));
        json_free(&doc);
    }
    TEST("a table in which every column contradicts is told in the same room")
    {
        struct canon w;
        struct span json;
        struct json_doc doc;
        uint64_t first = 0;
        CHECK_EQ(report_read(wide(1, "\"personal\"", ""), anything, NULL, &scratch, &report, NULL),
                 ERR_OK);
        canon_init(&w, told, sizeof(told));
        report_observed(&report, &report.out, &w);
        CHECK_EQ(canon_finish(&w, &json), ERR_OK);
        CHECK_EQ(json_load(&doc, json, NULL), ERR_OK);
        CHECK(list_len(&doc, "columns", "name", &first) > 10 && first == 1);
        CHECK(list_len(&doc, "contradictions", "column", &first) > 5 && first == 1);
        json_free(&doc);
    }
    TEST("labels and reasons come once, in the order of their vocabulary")
    {
        CHECK_EQ(report_read(wide(9, "\"business\",\"personal\"", "\"binary\",\"utf8-invalid\""),
                             anything, NULL, &scratch, &report, NULL),
                 ERR_OK);
        CHECK_EQ(report_read(wide(9, "\"personal\",\"business\"", ""), anything, NULL, &scratch,
                             &report, NULL),
                 ERR_DUPLICATE);
        CHECK_EQ(report_read(wide(9, "\"personal\",\"personal\"", ""), anything, NULL, &scratch,
                             &report, NULL),
                 ERR_DUPLICATE);
        CHECK_EQ(report_read(wide(9, "", "\"binary\",\"binary\""), anything, NULL, &scratch,
                             &report, NULL),
                 ERR_NOT_FOUND);
        CHECK_EQ(report_read(wide(9, "", "7"), anything, NULL, &scratch, &report, NULL), ERR_TYPE);
    }
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
    test_wide();
    return test_end();
}
