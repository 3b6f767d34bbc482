/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: policy_test_case cells_make cells_find facts_input */
/* The cases of a test file on one small policy. A case that is refused has its place in the file;
 * what one says on standard output goes nowhere. */
#include "fuzz/policyfix.h"
#include "tools/policy_test.h"

const struct cli_program cli_program = {"fuzz", "", NULL, 0};

static const char policy_text[] =
    "{\"format\":\"tdz.policy/1\",\"id\":\"p\",\"revision\":1,\"vocabulary\":\"v/1\",\"zone\""
    ":\"a\",\"direction\":\"export\",\"closed\":true,\"effective\":{\"from\":\"2020-01-01T00:"
    "00:00Z\"},\"lists\":{},\"counters\":{},\"rules\":[{\"id\":\"small\",\"effect\":\"permit"
    "\",\"classes\":[\"x\"],\"to\":[\"b\"],\"when\":{\"lt\":[\"i\",5]},\"cite\":[\"L\"],\"why"
    "\":\"w\"},{\"id\":\"keep\",\"effect\":\"oblige\",\"classes\":[\"x\"],\"to\":[\"b\"],\"do"
    "\":[{\"retain\":{\"max_days\":3}}],\"cite\":[\"L\"],\"why\":\"w\"},{\"id\":\"not-q\",\"e"
    "ffect\":\"forbid\",\"classes\":[\"x\"],\"to\":[\"b\"],\"when\":{\"eq\":[\"e\",\"q\"]},\""
    "cite\":[\"L\"],\"why\":\"w\"}],\"texts\":{\"w\":{\"en\":\"why\"}}}";

static struct policy_test t;

/* The policy, and room to mark what is covered. */
static void
setup(void)
{
    static const uint8_t sha256[32];
    struct fault fault = {0};
    const enum err err =
        source_read(&t.files.doc[0], policyfix_vocab(), span_str(policy_text), sha256, &fault);
    if (err != ERR_OK)
        fprintf(stderr, "%s: %s at %u\n", error_name(err), fault.where, fault.column);
    FUZZ_MUST(err == ERR_OK);
    t.path = "input";
    t.files.vocab = *policyfix_vocab();
    t.files.docs[0] = &t.files.doc[0];
    t.files.doc_count = 1;
    FUZZ_MUST(cells_make(&t.cells, t.files.docs, 1, NULL, 0) == ERR_OK);
    t.first_cell = calloc(t.cells.attr_count + 1, sizeof(*t.first_cell));
    FUZZ_MUST(t.first_cell != NULL);
    for (size_t i = 0; i < t.cells.attr_count; i++) {
        t.first_cell[i] = t.cell_total;
        t.cell_total += t.cells.attrs[i].cell_count;
    }
    t.cover_count = t.files.doc[0].rule_count;
    t.cover = calloc(t.cover_count, sizeof(*t.cover));
    FUZZ_MUST(t.cover != NULL);
    for (size_t i = 0; i < t.cover_count; i++) {
        t.cover[i].doc = t.files.docs[0];
        t.cover[i].rule = &t.files.doc[0].rules[i];
        t.cover[i].tried = calloc(t.cell_total + 1, sizeof(bool));
        FUZZ_MUST(t.cover[i].tried != NULL);
    }
}

static void
cases(void)
{
    const struct json_node *root = &t.json.nodes[0];
    const struct json_node *list = json_get(&t.json, root, "cases");
    t.given = json_get(&t.json, root, "given");
    if ((t.given != NULL && t.given->type != JSON_OBJECT) || list == NULL ||
        list->type != JSON_ARRAY)
        return;
    const struct json_node *n = json_first(&t.json, list);
    for (; n != NULL; n = json_next(&t.json, list, n)) {
        struct fault fault = {0};
        const enum err err = policy_test_case(&t, n, &fault);
        FUZZ_MUST(err == ERR_OK || err == ERR_NOMEM || (fault.code != ERR_OK && fault.line > 0));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;
    static FILE *nowhere;
    if (!ready) {
        setup();
        nowhere = fopen("/dev/null", "w");
        FUZZ_MUST(nowhere != NULL);
    }
    ready = true;
    t.now_ms = INT64_C(1790000000000);
    if (json_load(&t.json, span_of(data, len), NULL) != ERR_OK)
        return 0;
    FILE *out = stdout;
    stdout = nowhere;
    if (t.json.nodes[0].type == JSON_OBJECT)
        cases();
    stdout = out;
    json_free(&t.json);
    return 0;
}
