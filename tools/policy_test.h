/* SPDX-License-Identifier: Apache-2.0 */
/* A test file of policies (tdz.policytest/1): inputs with what must come of them. Format:
 * docs/POLICY.md, schemas/policytest.schema.json. */
#ifndef TDZ_TOOLS_POLICY_TEST_H
#define TDZ_TOOLS_POLICY_TEST_H

#include "policy/cells.h"
#include "tools/policy_files.h"

enum { POLICY_TEST_INPUT_MAX = 1 << 20 };

/* How well the cases of a file cover its policies. A rule is fired, or silent, when a case that
 * passes says so of it; a cell of a rule is tried when a case has the rule in its scope and the
 * fact in the cell. */
struct policy_test_cover {
    const struct source *doc;
    const struct source_rule *rule;
    bool fired;
    bool silent;
    bool *tried; /* by attribute of the cells, then cell: first_cell of each */
};

struct policy_test {
    const struct cli *cli;
    const char *path;
    struct json_doc json;
    struct policy_files files;
    struct cells cells;
    bool has_cells;
    size_t *first_cell; /* by attribute */
    size_t cell_total;
    struct policy_test_cover *cover;
    size_t cover_count;
    int64_t now_ms;
    const struct json_node *given;
    size_t cases;
    size_t failed;
    struct facts facts;
    struct decision decision;
    char input[POLICY_TEST_INPUT_MAX];
    char text[64 << 10];
};

/* Totals of one file. */
struct policy_test_sum {
    size_t rules;
    size_t fired;
    size_t silent;
    size_t cells; /* of all rules together */
    size_t tried;
};

/* Runs the case at node and marks what it covers. Prints why it fails. ERR_OK also when it fails;
 * an error is one of the file, with its place. */
MUST_USE enum err policy_test_case(struct policy_test *t, const struct json_node *node,
                                   struct fault *ret_fault);

/* Sums up; with list also prints each rule and cell that is not covered. */
struct policy_test_sum policy_test_sum(const struct policy_test *t, bool list);

#endif
