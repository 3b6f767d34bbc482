/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: source_read condition_read obligation_read decide_run compiled_make ruling_run */
/* Targets: record_write answer_write admission_check */
/* Whatever document is accepted decides every small request, compiled as it does plain, and its
 * record is canonical. */
#include "fuzz/policyfix.h"
#include "policy/admission.h"
#include "policy/answer.h"
#include "policy/record.h"
#include "policy/ruling.h"
#include "tests/ruled.h"

static char record[RECORD_BYTES_MAX];
static char answer[8 << 20];
static char scratch[RECORD_BYTES_MAX];

/* c is NULL for a document that is too large to compile. */
static void
source_decide(const struct source *s, const struct compiled *c, const struct facts *f,
              bool preflight)
{
    static struct decision d;
    static struct decision fast;
    static struct ruling ruling;
    const struct source *docs[1] = {s};
    const struct decide_request q = {.docs = docs,
                                     .doc_count = 1,
                                     .now_ms = INT64_C(1790000000000),
                                     .facts = f,
                                     .preflight = preflight};
    struct span text;
    struct json_doc doc;
    const enum err err = decide_run(&q, &d);
    FUZZ_MUST(err == ERR_OK || err == ERR_FULL);
    if (c != NULL)
        FUZZ_MUST(ruling_run(&ruling, &c, 1, f, q.now_ms, preflight, &fast) == err &&
                  (err != ERR_OK || ruled_same(&d, &fast)));
    if (err != ERR_OK ||
        record_write(&d, (struct span){0}, record, sizeof(record), &text) != ERR_OK)
        return;
    FUZZ_MUST(json_load(&doc, text, NULL) == ERR_OK);
    FUZZ_MUST(canon_check(&doc, scratch, sizeof(scratch)) == ERR_OK);
    json_free(&doc);
    FUZZ_MUST(answer_write(&d, s->sha256, answer, sizeof(answer), &text) == ERR_OK);
    FUZZ_MUST(json_load(&doc, text, NULL) != ERR_SYNTAX);
    json_free(&doc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct facts f;
    struct source s;
    struct compiled compiled;
    const struct compiled *c = &compiled;
    struct fault fault = {0};
    const enum err err =
        source_read(&s, policyfix_vocab(), span_of(data, len), (const uint8_t[32]){0}, &fault);
    if (err != ERR_OK) {
        FUZZ_MUST(err == ERR_NOMEM || (fault.code == err && fault.line > 0 && fault.column > 0));
        return 0;
    }
    const enum err admitted =
        admission_check(&s, span_of(data, len), INT64_C(1790000000000), &fault);
    FUZZ_MUST(admitted == ERR_OK || admitted == ERR_NOMEM ||
              ((admitted == ERR_DENIED || admitted == ERR_RANGE) && fault.code == admitted &&
               fault.line > 0 && fault.column > 0));
    const enum err big = compiled_make(&compiled, &s, NULL, 0, &fault);
    FUZZ_MUST(big == ERR_OK || big == ERR_NOMEM || (big == ERR_FULL && fault.line > 0));
    c = big == ERR_OK ? c : NULL;
    facts_init(&f);
    FUZZ_MUST(facts_text(&f, SPAN_LIT("to"), SPAN_LIT("b"), VOCAB_ROUTE) == ERR_OK);
    FUZZ_MUST(facts_label(&f, SPAN_LIT("y")) == ERR_OK);
    source_decide(&s, c, &f, false);
    source_decide(&s, c, &f, true);
    FUZZ_MUST(facts_int(&f, SPAN_LIT("i"), 5, VOCAB_REGISTER) == ERR_OK);
    FUZZ_MUST(facts_bool(&f, SPAN_LIT("g"), true, VOCAB_GATEWAY) == ERR_OK);
    FUZZ_MUST(facts_text(&f, SPAN_LIT("e"), SPAN_LIT("p"), VOCAB_MANIFEST) == ERR_OK);
    source_decide(&s, c, &f, false);
    if (c != NULL)
        compiled_finish(&compiled);
    source_finish(&s);
    return 0;
}
