/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: facts_read facts_input facts_write */
/* What a partner sends never sets what only a stronger source may say, and what was taken is
 * written so that reading it again gives the same bytes. */
#include "fuzz/policyfix.h"
#include "policy/facts.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct facts f;
    static char once[8 << 20];
    static char twice[8 << 20];
    struct json_doc doc;
    struct json_doc back;
    struct canon w;
    struct span first;
    struct span second;
    if (len > 65536 || json_load(&doc, span_of(data, len), NULL) != ERR_OK)
        return 0;
    facts_init(&f);
    if (facts_read(&f, policyfix_vocab(), &doc, &doc.nodes[0], VOCAB_MANIFEST, NULL) == ERR_OK) {
        for (size_t i = 0; i < f.count; i++)
            FUZZ_MUST(vocab_attr(policyfix_vocab(), f.entry[i].name)->source == VOCAB_MANIFEST);
        canon_init(&w, once, sizeof(once));
        facts_write(&f, &w);
        FUZZ_MUST(canon_finish(&w, &first) == ERR_OK);
        FUZZ_MUST(json_load(&back, first, NULL) == ERR_OK);
        facts_init(&f);
        FUZZ_MUST(facts_input(&f, &back, &back.nodes[0], NULL) == ERR_OK);
        canon_init(&w, twice, sizeof(twice));
        facts_write(&f, &w);
        FUZZ_MUST(canon_finish(&w, &second) == ERR_OK && span_eq(first, second));
        json_free(&back);
    }
    json_free(&doc);
    return 0;
}
