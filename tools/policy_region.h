/* SPDX-License-Identifier: Apache-2.0 */
/* Regions of inputs (policy/explore.h) in words and as JSON, and their examples checked by an
 * ordinary decision: what the exhaustive analysis says is never shown unchecked. */
#ifndef TDZ_TOOLS_POLICY_REGION_H
#define TDZ_TOOLS_POLICY_REGION_H

#include "policy/explore.h"
#include "schemas/canon.h"
#include "tools/policy_files.h"

enum { POLICY_REGION_TEXT_MAX = 256 << 10 };

/* Memory of examples. A question about certain values has its examples with these: they are in the
 * cells that the region has. */
struct policy_region {
    const struct facts_entry *asked; /* NULL when asked_count is 0 */
    size_t asked_count;
    struct facts facts;
    struct decision decision;
    char text[POLICY_REGION_TEXT_MAX];
};

/* An instant of the region: its beginning, else just before its end, else 1970. */
int64_t policy_region_time(const struct explore_region *r);

/* "to": …, "when": … of a region as members of the open object, in order; the caller writes what
 * sorts before "from" and after "when". */
void policy_region_write(const struct explore_problem *p, const struct explore_region *r,
                         struct canon *w);

/* The same on standard output, a line each, indented by three spaces. */
void policy_region_print(const struct explore_problem *p, const struct explore_region *r);

/* Decides on an example of the region, with what is asked in it, and compares with expect.
 * ERR_BUG: the decision is another; ERR_FULL. The example is in m->facts, the decision in
 * m->decision. */
MUST_USE enum err policy_region_check(struct policy_region *m, const struct explore_problem *p,
                                      const struct explore_region *r,
                                      const struct source *const *docs, size_t doc_count,
                                      const struct explore_outcome *expect);

/* The example of the last check, as canonical JSON in m->text. */
MUST_USE enum err policy_region_example(struct policy_region *m, struct span *ret);

#endif
