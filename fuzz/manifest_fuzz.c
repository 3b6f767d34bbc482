/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: manifest_read manifest_write */
/* What is read from canonical bytes is written as the same bytes. */
#include "fuzz/fuzz.h"
#include "policy/manifest.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char scratch[4 * MANIFEST_BYTES_MAX];
    static char facts[4 * MANIFEST_BYTES_MAX];
    static char performed[4 * MANIFEST_BYTES_MAX];
    static char out[4 * MANIFEST_BYTES_MAX];
    static struct manifest m;
    const struct json_node *facts_node = NULL;
    const struct json_node *performed_node = NULL;
    struct json_doc doc;
    struct canon w;
    struct span again;
    if (len > MANIFEST_BYTES_MAX || json_load(&doc, span_of(data, len), NULL) != ERR_OK)
        return 0;
    struct fault fault = {0};
    const bool canonical = canon_check(&doc, scratch, sizeof(scratch)) == ERR_OK;
    const enum err err = manifest_read(&doc, &m, &facts_node, &performed_node, &fault);
    FUZZ_MUST(err == ERR_OK || (fault.code == err && fault.line > 0));
    if (err == ERR_OK && canonical) {
        canon_init(&w, facts, sizeof(facts));
        canon_node(&w, &doc, facts_node);
        FUZZ_MUST(canon_finish(&w, &m.facts) == ERR_OK);
        canon_init(&w, performed, sizeof(performed));
        canon_node(&w, &doc, performed_node);
        FUZZ_MUST(canon_finish(&w, &m.performed) == ERR_OK);
        FUZZ_MUST(manifest_write(&m, out, sizeof(out), &again) == ERR_OK);
        FUZZ_MUST(span_eq(again, span_of(data, len)));
    }
    json_free(&doc);
    return 0;
}
