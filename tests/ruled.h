/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two decisions are the same in everything that is read of them. */
#ifndef TDZ_TESTS_RULED_H
#define TDZ_TESTS_RULED_H

#include "policy/answer.h"
#include "policy/record.h"

enum { RULED_BYTES_MAX = 8 << 20 };

static bool
ruled_same_parts(const struct decision *a, const struct decision *b)
{
    if (a->verdict != b->verdict || a->reason != b->reason || a->doc_count != b->doc_count ||
        a->fired_count != b->fired_count || a->uncovered_count != b->uncovered_count ||
        a->unknown_count != b->unknown_count || a->now_ms != b->now_ms ||
        a->preflight != b->preflight || a->facts != b->facts)
        return false;
    for (size_t i = 0; i < a->doc_count; i++)
        if (a->docs[i] != b->docs[i])
            return false;
    for (size_t i = 0; i < a->fired_count; i++)
        if (a->fired[i].rule != b->fired[i].rule || a->fired[i].doc != b->fired[i].doc ||
            a->fired[i].on_unknown != b->fired[i].on_unknown ||
            a->fired[i].may_lapse != b->fired[i].may_lapse)
            return false;
    for (size_t i = 0; i < a->uncovered_count; i++)
        if (!span_eq(a->uncovered[i], b->uncovered[i]))
            return false;
    for (size_t i = 0; i < a->unknown_count; i++)
        if (!span_eq(a->unknown[i].name, b->unknown[i].name) ||
            a->unknown[i].would_help != b->unknown[i].would_help)
            return false;
    return true;
}

/* Also the obligations, unless they conflict: then nobody reads them. */
__attribute__((unused)) static bool
ruled_same(const struct decision *a, const struct decision *b)
{
    static char left[RECORD_BYTES_MAX];
    static char right[RECORD_BYTES_MAX];
    struct canon x;
    struct canon y;
    struct span s = {0};
    struct span t = {0};
    if (!ruled_same_parts(a, b) || a->obligations.conflict != b->obligations.conflict ||
        a->obligations.unsupported != b->obligations.unsupported)
        return false;
    if (a->obligations.conflict || a->obligations.unsupported)
        return true;
    canon_init(&x, left, sizeof(left));
    canon_init(&y, right, sizeof(right));
    obligation_set_write(&a->obligations, &x);
    obligation_set_write(&b->obligations, &y);
    return canon_finish(&x, &s) == canon_finish(&y, &t) && span_eq(s, t);
}

#endif
