/* SPDX-License-Identifier: Apache-2.0 */
/* A rule's condition as rows: an `any` of `all`s of single comparisons, each plain or negated (its
 * disjunctive normal form). In strong Kleene logic the value of the condition is the largest of its
 * rows, and that of a row the smallest of its comparisons: and and or distribute, not turns them
 * into each other, so nothing is lost and nothing may be simplified that is true only in two-valued
 * logic. Spec: background/policy.md 3.5.3, 4. */
#ifndef TDZ_POLICY_ROWS_H
#define TDZ_POLICY_ROWS_H

#include "policy/source.h"

/* Per document. The literals of a row count once a row: they are what compiling takes time for. */
enum { ROWS_MAX = 4096, ROWS_LITERALS_MAX = 1 << 18 };

/* How many rows a condition has, and how many comparisons are in them all. More than a maximum is
 * the maximum + 1. */
struct rows_size {
    size_t rows;
    size_t literals;
};

/* A condition that is always true has one row without comparisons. */
struct rows_size rows_measure(const struct source_rule *rule);

/* What is known of the part of a condition that ends at one of its steps. */
struct rows_node {
    uint32_t begin;   /* its first step */
    uint32_t rows[2]; /* as it stands, and negated; up to ROWS_MAX + 1 */
};

struct rows_literal {
    uint32_t step; /* a comparison of the rule */
    bool negated;
};

/* Fills nodes, one a step of rule. */
void rows_prepare(const struct source_rule *rule, struct rows_node *nodes);

/* The comparisons of row `row` of a rule that rows_measure finds within ROWS_MAX; out has room for
 * rule->step_count. Returns how many. */
size_t rows_list(const struct source_rule *rule, const struct rows_node *nodes, size_t row,
                 struct rows_literal *out);

#endif
