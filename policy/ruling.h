/* SPDX-License-Identifier: Apache-2.0 */
/* The decision by compiled documents: the same as decide_run's on the documents themselves, byte
 * for byte of its record, without allocation. A verdict comes first, from masks alone; which rules
 * fired and what was unknown is written out only when it is asked for. Spec: background/policy.md
 * 3.5, 4. */
#ifndef TDZ_POLICY_RULING_H
#define TDZ_POLICY_RULING_H

#include "policy/coded.h"

/* What one document says: a bit for each of its rules. */
struct ruling_doc {
    struct coded coded;
    uint64_t fired[COMPILED_RULE_WORDS];
    uint64_t certain[COMPILED_RULE_WORDS];   /* true whatever open attributes turn out to be */
    uint64_t possible[COMPILED_RULE_WORDS];  /* not false for every value of them */
    uint64_t undecided[COMPILED_RULE_WORDS]; /* ended unknown, or would with some value */
    struct vocab_set covered;                /* labels that its permits cover */
};

/* About 150 KiB: not for the stack. */
struct ruling {
    struct ruling_doc doc[DECIDE_DOCS_MAX]; /* sorted by id */
    size_t doc_count;
    bool has_unknown_label;
    bool to_is_known;
    bool merged; /* out->obligations are those of this decision */
    struct decision *out;
};

/* Codes f for docs, which are all of one vocabulary; docs, f and out must outlive r. Errors as
 * decide_run, and nothing of r may be used after one. */
MUST_USE enum err ruling_begin(struct ruling *r, const struct compiled *const *docs, size_t count,
                               const struct facts *f, bool preflight, struct decision *out);

/* Decides at now_ms, as often as wanted: out->verdict and out->reason. */
void ruling_decide(struct ruling *r, int64_t now_ms);

/* Completes out for what ruling_decide found last. ERR_FULL: as decide_run. */
MUST_USE enum err ruling_fill(struct ruling *r);

/* All three. */
MUST_USE enum err ruling_run(struct ruling *r, const struct compiled *const *docs, size_t count,
                             const struct facts *f, int64_t now_ms, bool preflight,
                             struct decision *ret);

#endif
