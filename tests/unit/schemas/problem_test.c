/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/problem.h"

#include "schemas/canon.h"
#include "schemas/json.h"
#include "schemas/text.h"
#include "tests/test.h"

static bool
has_letter_above(struct span s, uint32_t floor)
{
    size_t at = 0;
    while (at < s.len) {
        uint32_t scalar = 0;
        if (text_utf8_next(s, &at, &scalar) != ERR_OK)
            return false;
        if (scalar >= floor)
            return true;
    }
    return false;
}

static void
check_every_code(void)
{
    for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
        const struct problem_info *info = problem_get((enum problem_code)i);
        CHECK(strlen(info->code) > 0 && strlen(info->title) > 0);
        CHECK(strlen(info->en) > 10 && strlen(info->ms) > 10 && strlen(info->zh) > 10);
        CHECK(strcmp(info->en, info->ms) != 0);
        CHECK(has_letter_above(span_str(info->zh), 0x4e00));
        CHECK(!has_letter_above(span_str(info->ms), 0x80));
        enum problem_code found = PROBLEM_COUNT;
        CHECK_EQ(problem_find(span_str(info->code), &found), ERR_OK);
        CHECK_EQ(found, i);
    }
}

/* How often a full stop of any script ends a sentence, a colon counting as one: what is wrong, and
 * then what to do. */
static unsigned
clauses(const char *text)
{
    static const char *const ends[] = {". ", ": ", "; ", "。", "：", "，请"};
    const size_t len = strlen(text);
    unsigned count = text[len - 1] == '.' ? 1 : 0;
    for (size_t at = 0; at < len; at++)
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
            if (strncmp(text + at, ends[i], strlen(ends[i])) == 0)
                count++;
    return count;
}

static void
check_next_step(void)
{
    for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
        const struct problem_info *info = problem_get((enum problem_code)i);
        CHECK(clauses(info->en) >= 2);
        CHECK(clauses(info->ms) >= 2);
        CHECK(clauses(info->zh) >= 2);
    }
}

static void
check_retry_rule(void)
{
    for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
        const struct problem_info *info = problem_get((enum problem_code)i);
        const bool transient = (info->status >= 500 && info->status != 501) ||
                               info->status == 423 || info->status == 429 || info->status == 409;
        CHECK_EQ(info->retryable, transient);
        CHECK(info->status >= 400 && info->status < 600);
    }
}

static void
check_every_body(void)
{
    for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
        const struct problem p = {.code = (enum problem_code)i};
        char buf[PROBLEM_BYTES_MAX];
        char scratch[PROBLEM_BYTES_MAX];
        struct span body;
        CHECK_EQ(problem_write(&p, buf, sizeof(buf), &body), ERR_OK);
        struct json_doc doc;
        CHECK_EQ(json_load(&doc, body, NULL), ERR_OK);
        CHECK_EQ(canon_check(&doc, scratch, sizeof(scratch)), ERR_OK);
        struct span code;
        int64_t status = 0;
        CHECK_EQ(json_need_str(&doc, &doc.nodes[0], "code", 64, &code, NULL), ERR_OK);
        CHECK(span_eq_str(code, problem_get(p.code)->code));
        CHECK_EQ(json_need_int(&doc, &doc.nodes[0], "status", 400, 599, &status, NULL), ERR_OK);
        json_free(&doc);
    }
}

int
main(void)
{
    char buf[PROBLEM_BYTES_MAX];
    struct span body;

    TEST("every code has a title and a text in English, Malay and Chinese")
    {
        check_every_code();
    }
    TEST("every text says what is wrong and then what to do, in every language")
    {
        check_next_step();
    }
    TEST("a code is retryable exactly when client libraries retry its status")
    {
        check_retry_rule();
    }
    TEST("every code gives a canonical problem document")
    {
        check_every_body();
    }
    TEST("a problem is written to the letter")
    {
        const struct problem p = {.code = PROBLEM_NOT_YOURS, .detail = SPAN_LIT("upload 7")};
        CHECK_EQ(problem_write(&p, buf, sizeof(buf), &body), ERR_OK);
        CHECK(span_eq_str(
            body, "{\"code\":\"not-yours\",\"detail\":\"upload 7\",\"message\":{\"en\":\"This "
                  "object belongs to another organisation. Check the identifier, or connect with "
                  "the profile of the organisation it belongs to.\",\"ms\":\"Objek ini milik "
                  "organisasi lain. Semak pengecamnya, atau sambung dengan profil organisasi yang "
                  "memilikinya.\",\"zh\":\"该对象属于其他机构。请核对标识，或使用所属机构的配置目录"
                  "连接。\"},\"retryable\":false,\"status\":403,"
                  "\"title\":\"Belongs to another organisation\","
                  "\"type\":\"urn:tdz:problem:not-yours\"}"));
    }
    TEST("decision and extra members stand in their sorted places")
    {
        const struct problem_extra extra[] = {
            {"aaa", SPAN_LIT("1")}, {"expected-offset", SPAN_LIT("7")}, {"zzz", SPAN_LIT("null")}};
        const struct problem p = {.code = PROBLEM_DENIED,
                                  .decision = SPAN_LIT("{\"verdict\":\"deny\"}"),
                                  .extra = extra,
                                  .extra_count = 3};
        CHECK_EQ(problem_write(&p, buf, sizeof(buf), &body), ERR_OK);
        CHECK(span_starts(
            body,
            SPAN_LIT("{\"aaa\":1,\"code\":\"denied\",\"decision\":{\"verdict\":\"deny\"},\"det")));
        CHECK(memmem(body.ptr, body.len, "\"expected-offset\":7,\"message\"", 29) != NULL);
        CHECK(memmem(body.ptr, body.len, ",\"zzz\":null}", 12) != NULL);
    }
    TEST("unsorted extra members, a repeated key, ill text and a short buffer are refused")
    {
        const struct problem_extra unsorted[] = {{"b", SPAN_LIT("1")}, {"a", SPAN_LIT("1")}};
        const struct problem_extra repeated[] = {{"status", SPAN_LIT("1")}};
        struct problem p = {.code = PROBLEM_DENIED, .extra = unsorted, .extra_count = 2};
        CHECK_EQ(problem_write(&p, buf, sizeof(buf), &body), ERR_NOT_CANONICAL);
        p = (struct problem){.code = PROBLEM_DENIED, .extra = repeated, .extra_count = 1};
        CHECK_EQ(problem_write(&p, buf, sizeof(buf), &body), ERR_NOT_CANONICAL);
        p = (struct problem){.code = PROBLEM_DENIED, .detail = SPAN_LIT("\xff")};
        CHECK_EQ(problem_write(&p, buf, sizeof(buf), &body), ERR_UTF8);
        p = (struct problem){.code = PROBLEM_DENIED};
        CHECK_EQ(problem_write(&p, buf, 40, &body), ERR_FULL);
        p.extra_count = PROBLEM_EXTRA_MAX + 1;
        CHECK_EQ(problem_write(&p, buf, sizeof(buf), &body), ERR_FULL);
    }
    TEST("a code that is not in the table is not found")
    {
        enum problem_code code = PROBLEM_COUNT;
        CHECK_EQ(problem_find(SPAN_LIT("nope"), &code), ERR_NOT_FOUND);
        CHECK_EQ(problem_find(SPAN_LIT(""), &code), ERR_NOT_FOUND);
    }
    return test_end();
}
