/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: list_read list_has */
#include "fuzz/fuzz.h"
#include "policy/list.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct list list;
    struct fault fault = {0};
    const enum err err = list_read(&list, span_of(data, len), (const uint8_t[32]){0}, &fault);
    if (err != ERR_OK) {
        FUZZ_MUST(err == ERR_NOMEM || (fault.code == err && fault.line > 0 && fault.column > 0));
        return 0;
    }
    for (size_t i = 0; i < list.value_count; i++)
        FUZZ_MUST(list_has(&list, list.values[i]));
    list_finish(&list);
    return 0;
}
