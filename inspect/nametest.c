/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/nametest.h"

#include "inspect/hotword.h"
#include "inspect/normal.h"
#include "inspect/tokscan.h"

/* There is no column to ask: a bare number counts when nothing else explains it. */
static bool
nametest_counts(struct span text, const struct token *t, uint32_t *ret_set)
{
    *ret_set = t->pass;
    if (t->pass == 0)
        return false;
    if (t->strength != TOKSCAN_BARE)
        return true;
    const size_t from = t->at > HOTWORD_BEFORE ? t->at - HOTWORD_BEFORE : 0;
    const uint32_t words = hotword_find(span_of(text.ptr + from, t->at - from)) & t->pass;
    if (words != 0) {
        *ret_set = words;
        return true;
    }
    *ret_set = t->pass & IDENT_BIT(IDENT_MYKAD);
    return *ret_set != 0 && !t->is_time && !t->is_company;
}

bool
nametest_has_identifier(struct span text, enum ident *ret_ident)
{
    uint8_t normal[NORMAL_MAX];
    uint16_t map[NORMAL_MAX + 1];
    struct tokscan scan;
    struct token token;
    uint32_t set = 0;
    if (text.len > NAMETEST_MAX) {
        if (ret_ident != NULL)
            *ret_ident = IDENT_NONE;
        return true;
    }
    const struct span plain = span_of(normal, normal_text(text, normal, map));
    tokscan_reset(&scan);
    tokscan_feed(&scan, plain, map, 0, 0, true);
    bool found = false;
    while (!found && tokscan_next(&scan, &token))
        found = nametest_counts(plain, &token, &set);
    if (!found && tokscan_finish(&scan, text.len, &token)) {
        set = token.pass;
        found = true;
    }
    if (found && ret_ident != NULL)
        *ret_ident = (enum ident)__builtin_ctz(set);
    return found;
}
