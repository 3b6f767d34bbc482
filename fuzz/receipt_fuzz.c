/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: receipt_decode receipt_encode */
/* What receipt_decode accepts has one form: receipt_encode makes the same bytes again. */
#include "crypto/receipt.h"
#include "fuzz/fuzz.h"

static struct receipt record;
static uint8_t again[RECEIPT_BYTES_MAX];

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span bytes;
    if (receipt_decode(span_of(data, len), &record) != ERR_OK)
        return 0;
    FUZZ_MUST(record.sigs.count >= 1 && record.sigs.count <= SIGS_MAX);
    FUZZ_MUST(receipt_encode(&record, again, sizeof(again), &bytes) == ERR_OK);
    FUZZ_MUST(span_eq(bytes, span_of(data, len)));
    return 0;
}
