/* SPDX-License-Identifier: Apache-2.0 */
/* The error answers of the HTTP interface: one table of codes (problem.def) and the writer of
 * application/problem+json (RFC 9457) in canonical form with texts in three languages. */
#ifndef TDZ_SCHEMAS_PROBLEM_H
#define TDZ_SCHEMAS_PROBLEM_H

#include "schemas/error.h"
#include "schemas/span.h"

enum problem_code {
#define PROBLEM(name, code, status, retryable, title, en, ms, zh) PROBLEM_##name,
#include "schemas/problem.def"
#undef PROBLEM
    PROBLEM_COUNT
};

/* Enough for any problem without decision and extra members, with a detail of 1 KiB. */
enum { PROBLEM_BYTES_MAX = 4096, PROBLEM_EXTRA_MAX = 8 };

struct problem_info {
    const char *code; /* stable, lower case: what programs compare */
    uint16_t status;  /* HTTP status, 400-599 */
    bool retryable;   /* the same request may succeed later, unchanged */
    const char *title;
    const char *en;
    const char *ms;
    const char *zh;
};

/* One member that the code's own document adds ("expected-offset"): key as canon_key wants it,
 * json one whole canonical value. */
struct problem_extra {
    const char *key;
    struct span json;
};

struct problem {
    enum problem_code code;
    struct span detail;   /* UTF-8, about this occurrence; empty: the English message is used */
    struct span decision; /* canonical JSON of the decision; empty: absent */
    const struct problem_extra *extra; /* sorted by key, keys unlike the standard ones */
    size_t extra_count;                /* <= PROBLEM_EXTRA_MAX */
};

/* Static facts about code, which must be less than PROBLEM_COUNT. */
const struct problem_info *problem_get(enum problem_code code);

/* The code whose text is s ("not-found"). ERR_NOT_FOUND if there is none. */
MUST_USE enum err problem_find(struct span s, enum problem_code *ret_code);

/* Writes the body of content type application/problem+json into buf. ERR_FULL: cap is too small
 * or there are more than PROBLEM_EXTRA_MAX extra members; ERR_UTF8: detail is not UTF-8;
 * ERR_NOT_CANONICAL: extra members are not sorted, or repeat a key. Spec: http-api.md, head. */
MUST_USE enum err problem_write(const struct problem *p, char *buf, size_t cap,
                                struct span *ret_body);

#endif
