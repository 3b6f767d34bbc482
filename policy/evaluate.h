/* SPDX-License-Identifier: Apache-2.0 */
/* The value of one rule's condition in strong Kleene logic. Spec: background/policy.md 3.5.2-3. */
#ifndef TDZ_POLICY_EVALUATE_H
#define TDZ_POLICY_EVALUATE_H

#include "policy/decide.h"

/* Ordered: and is the smaller, or the larger. */
enum evaluate_truth { EVALUATE_FALSE, EVALUATE_UNKNOWN, EVALUATE_TRUE };

/* What one document's attribute is in this request. */
struct evaluate_value {
    bool is_known;
    bool is_open; /* at preflight, not known: what the stream has yet to measure */
    int64_t number;
    struct span text;
    uint32_t zone;
};

struct evaluate {
    const struct source *doc;
    const struct decide_request *request;
    struct evaluate_value value[SOURCE_ATTRS_MAX];
    const struct list *list[SOURCE_LISTS_MAX];
};

/* Types the facts of q by the attributes that doc reads, and finds its lists. */
void evaluate_begin(struct evaluate *e, const struct source *doc, const struct decide_request *q);

/* The least and the greatest value that rule's condition can take over all values of the open
 * attributes, everything else as it is. Without open attributes, so always but at preflight, both
 * are its value in Kleene logic. Leaves are bounded one by one: what two leaves exclude together is
 * not seen, so the range may be wider than the truth, never narrower. */
struct evaluate_range {
    enum evaluate_truth low;
    enum evaluate_truth high;
};
struct evaluate_range evaluate_rule(const struct evaluate *e, const struct source_rule *rule);

#endif
