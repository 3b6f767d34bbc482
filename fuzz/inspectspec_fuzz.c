/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: inspectspec_read */
/* What is accepted has one action a declared column, and only actions this build performs. */
#include "fuzz/fuzz.h"
#include "inspect/inspectspec.h"

static struct inspectspec_scratch scratch;
static struct inspectspec spec;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (inspectspec_read(span_of(data, len), &scratch, &spec, NULL) != ERR_OK)
        return 0;
    FUZZ_MUST(spec.fields.field_count <= FIELDSET_MAX);
    for (size_t i = 0; i < FIELDSET_MAX; i++) {
        FUZZ_MUST(spec.actions[i] <= TRANSFORM_DROP);
        FUZZ_MUST(i < spec.fields.field_count || spec.actions[i] == TRANSFORM_NONE);
    }
    return 0;
}
