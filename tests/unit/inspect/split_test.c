/* SPDX-License-Identifier: Apache-2.0 */
/* The result of an inspection depends on the bytes, never on how they came or left. */
#include "tests/unit/inspect/inspected.h"

enum { TEXT_MAX = 300 * 1024 };

static char text[TEXT_MAX];
static char evidence[FINDINGS_JSON_MAX];
static uint8_t output[INSPECTED_OUT_MAX];
static struct fieldset fields;
static uint8_t actions[FIELDSET_MAX];

static const char *const schema =
    "{\"format\":\"csv\",\"additional\":\"allow\",\"fields\":["
    "{\"name\":\"ic\",\"type\":\"string\",\"x-class\":\"personal\",\"x-identifier\":\"mykad\"},"
    "{\"name\":\"mail\",\"type\":\"string\",\"x-class\":\"personal\",\"x-identifier\":\"email\"},"
    "{\"name\":\"name\",\"type\":\"string\",\"x-class\":\"personal\"},"
    "{\"name\":\"note\",\"type\":\"string\",\"x-class\":\"health\"},"
    "{\"name\":\"gone\",\"type\":\"string\",\"x-class\":\"business\"}]}";

static bool
prepare(void)
{
    struct fault fault;
    memset(actions, 0, sizeof(actions));
    return fieldset_load(&fields, span_str(schema), &fault) == ERR_OK &&
           transform_select(&fields, TRANSFORM_TOKENISE, SPAN_LIT("mykad"), actions) == ERR_OK &&
           transform_select(&fields, TRANSFORM_MASK, SPAN_LIT("email"), actions) == ERR_OK &&
           transform_select(&fields, TRANSFORM_REDACT, SPAN_LIT("column:name"), actions) ==
               ERR_OK &&
           transform_select(&fields, TRANSFORM_DROP, SPAN_LIT("column:gone"), actions) == ERR_OK;
}

/* Runs in one piece, then with the given pieces and rooms: evidence and output must be the same. */
static bool
same(const struct inspection_config *config, struct span in, long piece, size_t room)
{
    const char *now = inspected_evidence(inspected_run(config, in, 0, 1 << 20));
    if (now[0] == '\0')
        return false;
    memcpy(evidence, now, strlen(now) + 1);
    memcpy(output, inspected_out, inspected_out_len);
    const size_t len = inspected_out_len;
    now = inspected_evidence(inspected_run(config, in, piece, room));
    if (strcmp(now, evidence) != 0)
        printf("# piece %ld room %zu\n# %s\n# %s\n", piece, room, evidence, now);
    return strcmp(now, evidence) == 0 && len == inspected_out_len &&
           memcmp(output, inspected_out, len) == 0;
}

/* A field out of the parts that make parsers stumble. */
static void
odd_field(struct inspected_text *t)
{
    static const char *const part[] = {
        "",
        "\"\"",
        "\"a\"\"b\"",
        "\"x,y\"",
        "\"l1\r\nl2\"",
        "a\"b",
        "\"q\"z",
        "  ",
        " 1 ",
        "a@b.example.com",
        "\"a@b.my\"",
        "\xe9\xbb\x84",
        "\xef\xbc\x91\xef\xbc\x92",
        "\xff",
        "-----BEGIN PRIVATE KEY-----",
        "\"-----END PRIVATE KEY-----\"",
        "AKIAIOSFODNN7EXAMPLE",
        "4111 1111 1111 1111",
        "11010519491231002X",
        "110105491231002",
        "\"",
        "1,2",
        "\t",
        "|",
    };
    const size_t n = sizeof(part) / sizeof(part[0]);
    const uint64_t pick = inspected_random(n + 6);
    if (pick < n)
        inspected_put(t, "%s", part[pick]);
    else if (pick < n + 3)
        inspected_mykad(t, pick == n);
    else
        inspected_prc(t);
}

static struct span
odd_table(size_t rows)
{
    static const char *const end[] = {"\n", "\r\n", "\r", "\n\n", ",\n"};
    struct inspected_text t = {.buf = text, .cap = sizeof(text)};
    if (inspected_random(2) == 0)
        inspected_put(&t, "\xef\xbb\xbf");
    if (inspected_random(4) != 0)
        inspected_put(&t, "%s",
                      inspected_random(2) == 0 ? "ic,mail,name,note,gone\r\n"
                                               : "gone,ic,\"mail\",name,x,note\n");
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < 5; column++) {
            inspected_put(&t, "%s", column == 0 ? "" : ",");
            odd_field(&t);
        }
        inspected_put(&t, "%s", end[inspected_random(8) < 7 ? 0 : inspected_random(5)]);
    }
    return inspected_span(&t);
}

/* Prose longer than several windows, with identifiers at random places. */
static struct span
long_text(size_t words)
{
    struct inspected_text t = {.buf = text, .cap = sizeof(text)};
    for (size_t i = 0; i < words; i++) {
        const uint64_t pick = inspected_random(40);
        if (pick == 0)
            odd_field(&t);
        else if (pick == 1)
            inspected_prc(&t);
        else
            inspected_put(&t, "word%u", (unsigned)inspected_random(1000));
        inspected_put(&t, "%s", inspected_random(12) == 0 ? ".\n" : " ");
    }
    return inspected_span(&t);
}

int
main(void)
{
    const struct inspection_config plain = {.counting_key = inspected_key};
    const struct inspection_config acting = {.fields = &fields,
                                             .actions = actions,
                                             .token_key = inspected_key,
                                             .counting_key = inspected_key};
    TEST("set-up") CHECK(inspected_setup() && prepare());
    TEST("tables of odd fields give the same evidence and output in pieces of one byte")
    {
        for (unsigned round = 0; round < 150; round++) {
            const struct span in = odd_table(1 + inspected_random(30));
            CHECK(same(&plain, in, 1, 1));
            CHECK(same(&acting, in, 1, 1));
        }
    }
    TEST("and in random pieces and rooms")
    {
        for (unsigned round = 0; round < 150; round++) {
            const struct span in = odd_table(1 + inspected_random(60));
            CHECK(same(&plain, in, -40, 1 + (size_t)inspected_random(50)));
            CHECK(same(&acting, in, -200, 1 + (size_t)inspected_random(100)));
        }
    }
    TEST("every cut in two gives the same")
    {
        const struct span in = odd_table(12);
        for (size_t cut = 1; cut < in.len; cut++)
            CHECK(same(&acting, in, (long)cut, 1 << 16));
    }
    TEST("tables longer than the head and text longer than the window as well")
    {
        for (unsigned round = 0; round < 6; round++) {
            struct span in = odd_table(1500 + inspected_random(500));
            CHECK(same(&acting, in, -9000, 1000 + (size_t)inspected_random(9000)));
            CHECK(same(&plain, in, -70000, 1 << 16));
            in = long_text(20000);
            CHECK(same(&plain, in, -9000, 1 << 16));
            CHECK(same(&plain, in, 1 + (long)inspected_random(50), 1 << 16));
        }
    }
    TEST("fields longer than the window as well")
    {
        for (unsigned round = 0; round < 10; round++) {
            struct inspected_text t = {.buf = text, .cap = sizeof(text)};
            inspected_put(&t, "ic,mail,name,note,gone\n");
            for (unsigned row = 0; row < 4; row++) {
                inspected_put(&t, "a,b,c,\"");
                const uint64_t words = 500 + inspected_random(3000);
                for (uint64_t i = 0; i < words; i++)
                    inspected_put(&t, inspected_random(50) == 0 ? "\"\"" : "w%u ",
                                  (unsigned)inspected_random(999));
                inspected_prc(&t);
                inspected_put(&t, "\",%s\n", "x");
            }
            CHECK(same(&acting, inspected_span(&t), -3000, 1 << 16));
            CHECK(same(&acting, inspected_span(&t), 7, 1 << 16));
        }
    }
    TEST("what is not changed leaves as it came")
    {
        for (unsigned round = 0; round < 50; round++) {
            const struct span in = odd_table(50);
            CHECK(inspected_run(&plain, in, -100, 64) != NULL);
            CHECK(span_eq(in, span_of(inspected_out, inspected_out_len)));
        }
    }
    inspection_free(inspected);
    return test_end();
}
