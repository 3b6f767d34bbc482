/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: release_decode release_encode */
/* What release_decode accepts has one form: release_encode makes the same bytes again. */
#include "crypto/release.h"
#include "fuzz/fuzz.h"

static struct release record;
static uint8_t again[RELEASE_BYTES_MAX];

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span bytes;
    if (release_decode(span_of(data, len), &record) != ERR_OK)
        return 0;
    FUZZ_MUST(record.sigs.count >= 1 && record.sigs.count <= SIGS_MAX);
    FUZZ_MUST(release_encode(&record, again, sizeof(again), &bytes) == ERR_OK);
    FUZZ_MUST(span_eq(bytes, span_of(data, len)));
    return 0;
}
