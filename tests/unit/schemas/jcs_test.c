/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 8785's published examples against our reader and canonical writer. */
#include "schemas/canon.h"
#include "tests/slurp.h"
#include "tests/test.h"

static uint8_t input[8192];
static uint8_t output[8192];
static char made[8192];

/* Fractions and exponents are not part of our profile: those files are refused, not rounded. The
 * one that holds nothing else of the kind is tried again with 56.0 written as an integer. */
static const struct {
    const char *name;
    bool has_fractions;
    const char *fraction;
} files[] = {
    {"arrays", false, NULL},  {"french", false, NULL}, {"structures", true, "56.0"},
    {"unicode", false, NULL}, {"values", true, NULL},  {"weird", false, NULL},
};

static void
matches(struct span in, struct span want, const char *name)
{
    struct json_doc doc;
    struct canon w;
    struct span text;
    CHECK_EQ(json_load(&doc, in, NULL), ERR_OK);
    canon_init(&w, made, sizeof(made));
    canon_node(&w, &doc, doc.nodes);
    CHECK_EQ(canon_finish(&w, &text), ERR_OK);
    if (!span_eq(text, want))
        printf("# %s differs\n", name);
    CHECK(span_eq(text, want));
    json_free(&doc);
}

int
main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    TEST("five examples are written to the byte, fractions are refused")
    {
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
            struct json_doc doc;
            const struct span in =
                slurp(input, sizeof(input), argv[1], "tlog/jcs/input/%s.json", files[i].name);
            const struct span want =
                slurp(output, sizeof(output), argv[1], "tlog/jcs/output/%s.json", files[i].name);
            CHECK(in.ptr != NULL && want.ptr != NULL);
            if (files[i].has_fractions)
                CHECK_EQ(json_load(&doc, in, NULL), ERR_SYNTAX);
            if (files[i].fraction != NULL) {
                uint8_t *at = memmem(input, in.len, files[i].fraction, 4);
                CHECK(at != NULL);
                if (at != NULL)
                    memcpy(at + 2, "  ", 2);
            }
            if (!files[i].has_fractions || files[i].fraction != NULL)
                matches(in, want, files[i].name);
        }
    }
    return test_end();
}
