/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: nametest_has_identifier normal_text tokscan_next hotword_find normal_utf8_feed */
/* The scanner of short text: what it reports lies inside the text, and the running UTF-8 check
 * agrees with the one of schemas/. */
#include "fuzz/fuzz.h"
#include "inspect/nametest.h"
#include "inspect/normal.h"
#include "inspect/tokscan.h"
#include "schemas/text.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t normal[NORMAL_MAX];
    static uint16_t map[NORMAL_MAX + 1];
    struct tokscan scan;
    struct token token;
    enum ident ident = IDENT_NONE;
    const struct span in = span_of(data, len);
    if (len > NORMAL_MAX)
        return 0;
    struct normal_utf8 utf8 = {0};
    normal_utf8_feed(&utf8, in);
    normal_utf8_finish(&utf8);
    FUZZ_MUST((utf8.invalid == 0) == text_is_utf8(in));
    const size_t normal_len = normal_text(in, normal, map);
    FUZZ_MUST(normal_len <= len && map[normal_len] == len);
    tokscan_reset(&scan);
    tokscan_feed(&scan, span_of(normal, normal_len), map, 0, 0, true);
    uint64_t end = 0;
    bool any_sure = false;
    while (tokscan_next(&scan, &token)) {
        FUZZ_MUST(token.len > 0 && token.offset + token.len <= len);
        FUZZ_MUST((token.pass & ~token.shape) == 0 && token.shape != 0);
        if (token.at != SIZE_MAX) {
            FUZZ_MUST(token.offset >= end);
            end = token.offset + token.len;
        }
        any_sure = any_sure || (token.pass != 0 && token.strength == TOKSCAN_SURE);
    }
    const bool found = nametest_has_identifier(in, &ident);
    FUZZ_MUST(found || !any_sure);
    FUZZ_MUST(found == (ident != IDENT_NONE));
    return 0;
}
