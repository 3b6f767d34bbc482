/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: counter_read */
/* A set that is read lies whole within its bytes and is sorted. */
#include "fuzz/fuzz.h"
#include "gateway/clerk/counter.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint64_t aligned[8192];
    struct counter_set set;
    if (len > sizeof(aligned))
        return 0;
    if (len > 0)
        memcpy(aligned, data, len);
    if (counter_read(span_of(aligned, len), &set) != ERR_OK)
        return 0;
    FUZZ_MUST(40 + 8 * (set.kind[0].count + set.kind[1].count) == len);
    for (unsigned k = 0; k < COUNTER_KINDS; k++) {
        FUZZ_MUST(set.kind[k].rows <= COUNTER_ROWS_MAX);
        for (size_t i = 1; i < set.kind[k].count; i++)
            FUZZ_MUST(set.kind[k].persons[i - 1] < set.kind[k].persons[i]);
    }
    return 0;
}
