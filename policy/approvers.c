/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/approvers.h"

static struct span
approvers_trim(struct span text)
{
    while (text.len > 0 && text.ptr[0] == ' ')
        text = span_from(text, 1);
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    return text;
}

enum err
approvers_parse(struct span release, struct approvers *ret)
{
    struct approvers a = {0};
    for (;;) {
        const uint8_t *plus = release.len == 0 ? NULL : memchr(release.ptr, '+', release.len);
        const size_t len = plus == NULL ? release.len : (size_t)(plus - release.ptr);
        const struct span role = approvers_trim(span_of(release.ptr, len));
        if (role.len == 0)
            return ERR_SYNTAX;
        if (a.count == APPROVERS_ROLES_MAX)
            return ERR_FULL;
        a.role[a.count++] = role;
        if (plus == NULL)
            break;
        release = span_from(release, len + 1);
    }
    *ret = a;
    return ERR_OK;
}

enum err
approvers_check(struct span release)
{
    struct approvers places;
    return approvers_parse(release, &places);
}

/* Sets of filled places that persons can reach, one bit a set: at most 2^4 sets. */
unsigned
approvers_missing(const struct approvers *a, size_t count, approvers_may *may, const void *ctx)
{
    const unsigned all = (1U << a->count) - 1;
    uint32_t reached = 1;
    if (count > APPROVERS_PERSONS_MAX)
        count = APPROVERS_PERSONS_MAX;
    for (size_t person = 0; person < count; person++) {
        uint32_t next = reached;
        for (size_t i = 0; i < a->count; i++) {
            if (!may(ctx, person, a->role[i]))
                continue;
            for (unsigned set = 0; set <= all; set++) {
                if ((reached >> set & 1) != 0)
                    next |= UINT32_C(1) << (set | 1U << i);
            }
        }
        reached = next;
    }
    unsigned best = 0;
    for (unsigned set = 0; set <= all; set++) {
        if ((reached >> set & 1) != 0 && __builtin_popcount(set) > __builtin_popcount(best))
            best = set;
    }
    return all & ~best;
}
