/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: fieldset_load fieldset_find transform_select */
/* A schema that is read has names that are found, once each, and takes any selector; one that is
 * not has a fault inside the input. */
#include "fuzz/fuzz.h"
#include "inspect/transform.h"

static struct fieldset fields;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t actions[FIELDSET_MAX] = {0};
    struct fault fault = {0};
    const enum err err = fieldset_load(&fields, span_of(data, len), &fault);
    if (err != ERR_OK) {
        FUZZ_MUST(fault.code == err && fault.offset <= len);
        return 0;
    }
    FUZZ_MUST(fields.field_count <= FIELDSET_MAX);
    for (size_t i = 0; i < fields.field_count; i++)
        FUZZ_MUST(fieldset_find(&fields, fieldset_name(&fields, i)) == i);
    const struct span half = span_of(data, len / 2);
    const enum err chosen = transform_select(&fields, TRANSFORM_DROP, half, actions);
    FUZZ_MUST(chosen == ERR_OK || chosen == ERR_NOT_FOUND);
    return 0;
}
