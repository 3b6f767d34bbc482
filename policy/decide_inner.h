/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ways to a decision have in common: decide.c walks the documents as they were read,
 * ruling.c runs their compiled form. The parts of a decision are written here, in order. */
#ifndef TDZ_POLICY_DECIDE_INNER_H
#define TDZ_POLICY_DECIDE_INNER_H

#include "policy/decide.h"

/* Sorts docs by id into sorted, which has room for DECIDE_DOCS_MAX. Errors as decide_run. */
MUST_USE enum err decide_sort(const struct source *const *docs, size_t count,
                              const struct source **sorted);

/* Makes out the decision on facts at now_ms of which nothing is known yet but its documents. */
void decide_begin(struct decision *out, const struct facts *facts, int64_t now_ms, bool preflight);

/* Each puts one thing into its place; names and labels that are there already are kept once. */
void decide_fire(struct decision *out, const struct decide_fired *fired);
void decide_note_uncovered(struct decision *out, struct span label);
/* ERR_FULL: DECIDE_UNKNOWN_MAX are there. */
MUST_USE enum err decide_note_unknown(struct decision *out, struct span name, bool would_help);

/* What the verdict follows from besides obligations. */
struct decide_found {
    bool has_unknown_label;
    bool has_closed;
    bool has_forbid;
    bool has_hold;
    bool has_uncovered;
    bool to_is_known;
};

/* Verdict and reason in the order of policy.md 3.5.6; out->obligations are merged. */
void decide_result(struct decision *out, const struct decide_found *found);

/* On allow nothing unknown would help. */
void decide_end(struct decision *out);

#endif
