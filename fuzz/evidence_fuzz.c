/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: evidence_load evidence_write */
/* What is read can be written, and what is written reads back to the same bytes. */
#include "fuzz/fuzz.h"
#include "schemas/evidence.h"

enum { INPUT_MAX = 256 * 1024 };

static struct evidence evidence;
static char scratch[2 * INPUT_MAX];
static char first[8 * INPUT_MAX];
static char second[8 * INPUT_MAX];

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span once;
    struct span twice;
    if (len > INPUT_MAX / 4)
        return 0;
    if (evidence_load(span_of(data, len), &evidence, NULL) != ERR_OK)
        return 0;
    FUZZ_MUST(evidence_write(&evidence, scratch, sizeof(scratch), first, sizeof(first), &once) ==
              ERR_OK);
    evidence_free(&evidence);
    if (once.len > JSON_BYTES_MAX)
        return 0;
    FUZZ_MUST(evidence_load(once, &evidence, NULL) == ERR_OK);
    FUZZ_MUST(evidence_write(&evidence, scratch, sizeof(scratch), second, sizeof(second), &twice) ==
              ERR_OK);
    FUZZ_MUST(span_eq(once, twice));
    evidence_free(&evidence);
    return 0;
}
