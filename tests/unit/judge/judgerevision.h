/* SPDX-License-Identifier: Apache-2.0 */
/* A revision that follows a policy of judgezone.h. */
#ifndef TDZ_TESTS_UNIT_JUDGE_JUDGEREVISION_H
#define TDZ_TESTS_UNIT_JUDGE_JUDGEREVISION_H

#include "tests/unit/judge/judgezone.h"

/* The second revision of a pack: the same content, as a rollback has it. */
static struct span
kit_second_revision(struct span first)
{
    static char text[1 << 17];
    char hex[65];
    uint8_t sha256[32];
    const char *at = memmem(first.ptr, first.len, "\"revision\": 1,", 14);
    CHECK(at != NULL);
    CHECK_EQ(digest_sha256(first, sha256), ERR_OK);
    CHECK_EQ(text_hex(span_of(sha256, 32), hex, sizeof(hex)), ERR_OK);
    const size_t head = at == NULL ? 0 : (size_t)(at - (const char *)first.ptr);
    const int n =
        snprintf(text, sizeof(text), "%.*s\"revision\": 2, \"previous\": \"sha256:%s\",%.*s",
                 (int)head, (const char *)first.ptr, hex, (int)(first.len - head - 14),
                 (const char *)first.ptr + head + 14);
    return kit_copy(span_of(text, (size_t)n));
}

#endif
