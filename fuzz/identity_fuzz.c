/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: identity_parse */
/* What is accepted writes back to exactly the bytes that were read. */
#include <stdio.h>

#include "fuzz/fuzz.h"
#include "gateway/net/identity.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct identity id;
    char text[IDENTITY_URI_MAX + 1];
    const struct span uri = span_of(data, len);
    if (identity_parse(uri, &id) != ERR_OK)
        return 0;
    const int n = snprintf(text, sizeof(text), "spiffe://%s/%s/%s", id.zone,
                           identity_role_text(id.role), id.name);
    FUZZ_MUST(n > 0 && (size_t)n < sizeof(text));
    FUZZ_MUST(span_eq_str(uri, text));
    return 0;
}
