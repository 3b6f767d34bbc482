/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: query_args_get */
/* A value is never longer than what it was decoded from, nor than its room. */
#include "fuzz/fuzz.h"
#include "gateway/clerk/query_args.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const names[] = {"since", "state", "limit", "before", "idempotency_key"};
    uint8_t buf[QUERY_ARGS_VALUE_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct span value = {0};
        if (query_args_get(span_of(data, len), names[i], buf, sizeof(buf), &value) != ERR_OK)
            continue;
        FUZZ_MUST(value.ptr == buf && value.len <= sizeof(buf));
        FUZZ_MUST(value.len + 1 + span_str(names[i]).len <= len);
    }
    return 0;
}
