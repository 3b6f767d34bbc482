/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/evidence.h"
#include "tests/test.h"

static struct evidence made;
static struct evidence got;
static char out[8192];
static char scratch[1024];

static void
replace(const char *from, const char *to, char *ret, size_t cap)
{
    const char *at = strstr(out, from);
    if (at == NULL || strlen(out) - strlen(from) + strlen(to) >= cap)
        exit(1);
    memcpy(ret, out, (size_t)(at - out));
    (void)snprintf(ret + (at - out), cap - (size_t)(at - out), "%s%s", to, at + strlen(from));
}

static const struct {
    const char *from;
    const char *to;
    enum err err;
} bad[] = {
    {"tdz.evidence/1", "tdz.evidence/2", ERR_VERSION},
    {"\"state\":\"settled\",", "", ERR_MISSING},
    {"\"state\":\"settled\"", "\"state\":1", ERR_TYPE},
    {"\"state\"", "\"State\":1,\"state\"", ERR_UNKNOWN_FIELD},
    {"\"transfer\":\"07", "\"transfer\":\"0g", ERR_SYNTAX},
    {"\"leaf\":\"bGVhZg==\"", "\"leaf\":\"bGVhZg=\"", ERR_SYNTAX},
    {"\"index\":5", "\"index\":-5", ERR_RANGE},
    {"\"offer\":\"b2ZmZXI=\"", "\"offer\":7", ERR_TYPE},
    {"\"offer\":\"b2ZmZXI=\",", "", ERR_MISSING},
    {"[\"k+1+x\"]", "[1]", ERR_TYPE},
    {"[\"k+1+x\"]", "[\"\"]", ERR_RANGE},
    {"[\"k+1+x\"]", "[\"k+1+x\"", ERR_SYNTAX},
};

int
main(void)
{
    struct span text;
    struct fault fault;
    made.transfer[0] = 7;
    made.state = SPAN_LIT("settled");
    made.entry_count = 1;
    made.entries[0] = (struct evidence_entry){SPAN_LIT("my"),       SPAN_LIT("my/gw1/2026h2"),
                                              SPAN_LIT("decision"), 5,
                                              SPAN_LIT("leaf"),     SPAN_LIT("proof\ntext\n")};
    made.offer = SPAN_LIT("offer");
    made.record_count = 1;
    made.records[0] = (struct evidence_record){{9}, SPAN_LIT("{}")};
    made.salt_count = 1;
    made.salts[0] =
        (struct evidence_salt){SPAN_LIT("my"), 5, SPAN_LIT("sender"), {8}, SPAN_LIT("hospital-kl")};
    made.key_count = 1;
    made.keys[0] = SPAN_LIT("k+1+x");

    TEST("evidence is written canonically and read back the same")
    {
        CHECK_EQ(evidence_write(&made, scratch, sizeof(scratch), out, sizeof(out), &text), ERR_OK);
        out[text.len] = '\0';
        CHECK_EQ(evidence_load(text, &got, &fault), ERR_OK);
        CHECK(got.entry_count == 1 && got.record_count == 1 && got.salt_count == 1 &&
              got.key_count == 1 && got.transfer[0] == 7);
        CHECK(span_eq_str(got.entries[0].leaf, "leaf") && got.entries[0].index == 5 &&
              span_eq_str(got.entries[0].proof, "proof\ntext\n"));
        CHECK(span_eq_str(got.offer, "offer") && span_is_empty(got.seal));
        CHECK(span_eq_str(got.records[0].body, "{}") && got.records[0].sha256[0] == 9);
        CHECK(span_eq_str(got.salts[0].value, "hospital-kl") && got.salts[0].salt[0] == 8);
        CHECK(span_eq_str(got.keys[0], "k+1+x"));
        static char again[8192];
        CHECK_EQ(evidence_write(&got, scratch, sizeof(scratch), again, sizeof(again), &text), 0);
        CHECK(span_eq(text, span_str(out)));
        evidence_free(&got);
    }
    TEST("a member that is wrong, missing or unknown is refused")
    {
        static char edited[8192];
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            replace(bad[i].from, bad[i].to, edited, sizeof(edited));
            const enum err err = evidence_load(span_str(edited), &got, &fault);
            if (err != bad[i].err)
                printf("# case %zu: %s in %s\n", i, error_name(err), fault.where);
            CHECK_EQ(err, bad[i].err);
            CHECK_EQ(fault.code, bad[i].err);
        }
        CHECK_EQ(evidence_load(SPAN_LIT("[]"), &got, NULL), ERR_TYPE);
    }
    TEST("more items than the maximum are refused")
    {
        static char many[4096];
        static char list[2048] = "[\"k+1+x\"";
        for (int i = 0; i < EVIDENCE_KEYS_MAX; i++)
            (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), ",\"k+1+x\"");
        (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "]");
        replace("[\"k+1+x\"]", list, many, sizeof(many));
        CHECK_EQ(evidence_load(span_str(many), &got, NULL), ERR_FULL);
    }
    TEST("a scratch or an output that is too small is an error")
    {
        CHECK_EQ(evidence_write(&made, scratch, 4, out, sizeof(out), &text), ERR_FULL);
        CHECK_EQ(evidence_write(&made, scratch, sizeof(scratch), out, 64, &text), ERR_FULL);
        made.state = SPAN_LIT("\xff");
        CHECK_EQ(evidence_write(&made, scratch, sizeof(scratch), out, sizeof(out), &text),
                 ERR_UTF8);
        made.state = SPAN_LIT("settled");
        made.entries[0].index = UINT64_MAX;
        CHECK_EQ(evidence_write(&made, scratch, sizeof(scratch), out, sizeof(out), &text),
                 ERR_RANGE);
    }
    return test_end();
}
