/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: proof_parse proof_write */
/* A proof without extra data is written back the same. */
#include "crypto/proof.h"
#include "fuzz/fuzz.h"

static char text[PROOF_BYTES_MAX + 2];

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct proof p;
    size_t text_len = 0;
    const struct span input = span_of(data, len);
    if (proof_parse(input, &p) != ERR_OK)
        return 0;
    FUZZ_MUST(p.path.count <= TLOG_PROOF_MAX && p.index <= TLOG_SIZE_MAX);
    FUZZ_MUST(p.checkpoint.len > 0 && p.checkpoint.ptr + p.checkpoint.len == data + len);
    if (p.extra.ptr != NULL)
        return 0;
    FUZZ_MUST(proof_write(p.index, &p.path, p.checkpoint, text, sizeof(text), &text_len) == 0);
    FUZZ_MUST(span_eq(span_of(text, text_len), input));
    return 0;
}
