/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: agreement_read agreement_facts agreement_labels facts_load */
#include "fuzz/policyfix.h"
#include "policy/agreement.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct facts f;
    struct agreement a;
    struct fault fault = {0};
    const enum err err =
        agreement_read(&a, policyfix_vocab(), span_of(data, len), (const uint8_t[32]){0}, &fault);
    if (err != ERR_OK) {
        FUZZ_MUST(err == ERR_NOMEM || (fault.code == err && fault.line > 0 && fault.column > 0));
        return 0;
    }
    facts_init(&f);
    FUZZ_MUST(agreement_facts(&a, INT64_C(1790000000000), AGREEMENT_MARGIN_MS, &f) == ERR_OK);
    FUZZ_MUST(agreement_labels(&a, &f) == ERR_OK && f.label_count > 0);
    FUZZ_MUST(agreement_check_valid(&a, a.valid_to_ms, 0) == ERR_EXPIRED);
    agreement_finish(&a);
    return 0;
}
