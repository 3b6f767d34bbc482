/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: checkpoint_parse checkpoint_text */
/* A checkpoint without extension lines whose origin can be a key name is written back the same. */
#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct checkpoint c;
    char text[CHECKPOINT_TEXT_MAX];
    size_t text_len = 0;
    const struct span input = span_of(data, len);
    FUZZ_MUST(digest_init() == ERR_OK);
    if (checkpoint_parse(input, &c) != ERR_OK)
        return 0;
    FUZZ_MUST(c.size <= TLOG_SIZE_MAX && c.origin.len > 0);
    if (!note_name_ok(c.origin))
        return 0;
    FUZZ_MUST(checkpoint_text(c.origin, c.size, &c.root, text, &text_len) == ERR_OK);
    FUZZ_MUST(text_len + c.extension.len == len && memcmp(text, data, text_len) == 0);
    return 0;
}
