/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/problem.h"

#include <assert.h>
#include <stdio.h>

#include "schemas/canon.h"

static const struct problem_info problem_table[PROBLEM_COUNT] = {
#define PROBLEM(name, code, status, retryable, title, en, ms, zh) \
    [PROBLEM_##name] = {code, status, retryable, title, en, ms, zh},
#include "schemas/problem.def"
#undef PROBLEM
};

const struct problem_info *
problem_get(enum problem_code code)
{
    assert((unsigned)code < PROBLEM_COUNT);
    return &problem_table[code];
}

enum err
problem_find(struct span s, enum problem_code *ret_code)
{
    for (unsigned i = 0; i < PROBLEM_COUNT; i++) {
        if (span_eq_str(s, problem_table[i].code)) {
            *ret_code = (enum problem_code)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

/* The writer wants keys in order, so extra members are merged in before each standard one. */
static void
problem_extra_before(struct canon *w, const struct problem *p, size_t *next, const char *key)
{
    while (*next < p->extra_count &&
           (key == NULL || span_cmp(span_str(p->extra[*next].key), span_str(key)) < 0)) {
        canon_key(w, p->extra[*next].key);
        canon_raw(w, p->extra[*next].json);
        (*next)++;
    }
    if (key != NULL)
        canon_key(w, key);
}

enum err
problem_write(const struct problem *p, char *buf, size_t cap, struct span *ret_body)
{
    if (p->extra_count > PROBLEM_EXTRA_MAX)
        return ERR_FULL;
    const struct problem_info *info = problem_get(p->code);
    char type[64];
    const int type_len = snprintf(type, sizeof(type), "urn:tdz:problem:%s", info->code);
    assert(type_len > 0 && (size_t)type_len < sizeof(type));

    struct canon w;
    size_t next = 0;
    canon_init(&w, buf, cap);
    canon_object(&w);
    problem_extra_before(&w, p, &next, "code");
    canon_str(&w, info->code);
    if (!span_is_empty(p->decision)) {
        problem_extra_before(&w, p, &next, "decision");
        canon_raw(&w, p->decision);
    }
    problem_extra_before(&w, p, &next, "detail");
    canon_string(&w, span_is_empty(p->detail) ? span_str(info->en) : p->detail);
    problem_extra_before(&w, p, &next, "message");
    canon_object(&w);
    canon_member_str(&w, "en", info->en);
    canon_member_str(&w, "ms", info->ms);
    canon_member_str(&w, "zh", info->zh);
    canon_end(&w);
    problem_extra_before(&w, p, &next, "retryable");
    canon_bool(&w, info->retryable);
    problem_extra_before(&w, p, &next, "status");
    canon_int(&w, info->status);
    problem_extra_before(&w, p, &next, "title");
    canon_str(&w, info->title);
    problem_extra_before(&w, p, &next, "type");
    canon_str(&w, type);
    problem_extra_before(&w, p, &next, NULL);
    canon_end(&w);
    return canon_finish(&w, ret_body);
}
