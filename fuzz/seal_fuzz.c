/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: seal_decode seal_encode */
/* What seal_decode accepts has one form: seal_encode makes the same bytes again. */
#include "crypto/seal.h"
#include "fuzz/fuzz.h"

static struct seal record;
static uint8_t again[SEAL_BYTES_MAX];

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span bytes;
    if (seal_decode(span_of(data, len), &record) != ERR_OK)
        return 0;
    FUZZ_MUST(record.sigs.count >= 1 && record.sigs.count <= SIGS_MAX);
    FUZZ_MUST(seal_encode(&record, again, sizeof(again), &bytes) == ERR_OK);
    FUZZ_MUST(span_eq(bytes, span_of(data, len)));
    return 0;
}
