/* SPDX-License-Identifier: Apache-2.0 */
/* Every input there is, tried at once. The rules of documents are split by destination, label and
 * stretch of time; within each, attributes are fixed cell by cell (policy/cells.h), and inputs that
 * have left the same rules open are followed once. The result is a diagram whose paths are all
 * regions with an outcome that was asked for.
 *
 * One label at a time is enough: the result for several is the lowest of theirs and their
 * obligations are merged (policy.md 3.5, decomposition), so what differs or passes for a set
 * differs or passes for one of its labels.
 *
 * Allocates; for tools, not for deciding. Spec: background/policy.md 4, "Exhaustive analysis". */
#ifndef TDZ_POLICY_EXPLORE_H
#define TDZ_POLICY_EXPLORE_H

#include "policy/cells.h"
#include "policy/obligation.h"

enum { EXPLORE_RULES_MAX = 2 * DECIDE_RULES_MAX, EXPLORE_ROWS_MAX = 16384 };
/* Open states of one destination, label and time: beyond it the question is too large. */
enum { EXPLORE_STATES_MAX = 1 << 20, EXPLORE_BYTES_MAX = 384 << 20 };

/* What a rule does when it fires. */
enum explore_role { EXPLORE_GRANT, EXPLORE_BLOCK, EXPLORE_HOLD, EXPLORE_DUTY };

struct explore_rule {
    const struct source *doc;
    const struct source_rule *rule;
    enum explore_role role;
    bool strict;     /* fires on true only, as a permit; else also on unknown */
    uint32_t sides;  /* bit 0, bit 1: whose rule it is */
    uint32_t groups; /* of a GRANT: bits of the groups that it covers */
};

/* What one side comes to. Outcome 0 is deny. */
struct explore_outcome {
    enum decide_verdict verdict;
    struct span obligations; /* canonical JSON; empty on deny */
};

enum explore_question {
    EXPLORE_DIFFER,  /* where do the two sides differ */
    EXPLORE_PASSES,  /* where does side 0 not deny, without obligation `without` if that is set */
    EXPLORE_CLASHES, /* where do the obligations of side 0 alone deny */
};

struct explore_problem {
    const struct cells *cells;
    const struct explore_rule *rules;
    size_t rule_count;
    uint32_t need[2]; /* groups that each side must have covered, else it denies */
    enum explore_question question;
    struct span without;
    struct vocab_set zones;  /* destinations to look at */
    struct vocab_set labels; /* classes to look at */
    int64_t from_ms;         /* time to look at: [from, until) */
    int64_t until_ms;
    const uint32_t *fixed; /* by attribute of cells: a cell, or EXPLORE_FREE; NULL: all free */
};
#define EXPLORE_FREE UINT32_MAX

/* One region: for every destination, label and instant of its scope, and every input whose listed
 * attributes are in the listed cells, whatever the others are. Those that the problem fixes are in
 * their cells and not listed. */
struct explore_region {
    struct vocab_set zones;
    struct vocab_set labels;
    int64_t from_ms; /* INT64_MIN, INT64_MAX when unbounded */
    int64_t until_ms;
    size_t attr_count;
    const size_t *attrs;
    const bool *const *cells; /* by attribute listed: which of its cells */
    struct explore_outcome outcome[2];
};

/* Return false to stop. */
typedef bool (*explore_see)(void *context, const struct explore_region *region);

/* Calls see for every region with the outcome asked for; none: there is no such input. ERR_FULL:
 * the question is too large (states, rows, or a condition of more than ROWS_MAX rows); ERR_NOMEM.
 */
MUST_USE enum err explore_run(const struct explore_problem *p, explore_see see, void *context);

/* Adds the rules of doc to list (room for EXPLORE_RULES_MAX) in their own roles for sides; a closed
 * document needs group bit `group` covered on them. ERR_FULL. */
MUST_USE enum err explore_add_doc(struct explore_problem *p, struct explore_rule *list,
                                  const struct source *doc, uint32_t sides, unsigned group);

/* An input of the region: destination, label, and a value of every listed cell, known where the
 * region has a known one. ERR_FULL. */
MUST_USE enum err explore_witness(const struct explore_problem *p,
                                  const struct explore_region *region, struct facts *f);

#endif
