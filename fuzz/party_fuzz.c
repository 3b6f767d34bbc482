/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: party_read facts_load */
#include "fuzz/policyfix.h"
#include "policy/party.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct party p;
    struct fault fault = {0};
    const enum err err =
        party_read(&p, policyfix_vocab(), span_of(data, len), (const uint8_t[32]){0}, &fault);
    if (err != ERR_OK) {
        FUZZ_MUST(err == ERR_NOMEM || (fault.code == err && fault.line > 0 && fault.column > 0));
        return 0;
    }
    FUZZ_MUST(p.spiffe_count > 0 && party_has_spiffe(&p, p.spiffe[0]));
    party_finish(&p);
    return 0;
}
