/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: addreq_parse */
/* What was read, written again, is what was sent. */
#include <inttypes.h>
#include <stdio.h>

#include "fuzz/fuzz.h"
#include "gateway/ledger/addreq.h"
#include "schemas/text.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char out[32 + TLOG_PROOF_MAX * 45 + 2];
    struct tlog_proof proof;
    struct span note;
    uint64_t old_size = 0;
    size_t len = 0;
    if (addreq_parse(span_of(data, size), &old_size, &proof, &note) != ERR_OK)
        return 0;
    FUZZ_MUST(proof.count <= TLOG_PROOF_MAX && note.len <= size);
    size_t at = (size_t)snprintf(out, sizeof(out), "old %" PRIu64 "\n", old_size);
    for (size_t i = 0; i < proof.count; i++) {
        FUZZ_MUST(text_base64(span_of(proof.hash[i].b, 32), false, out + at, sizeof(out) - at,
                              &len) == ERR_OK);
        at += len;
        out[at++] = '\n';
    }
    out[at++] = '\n';
    FUZZ_MUST(at + note.len == size && memcmp(out, data, at) == 0);
    return 0;
}
