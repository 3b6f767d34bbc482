/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: from the `when` of a rule to a straight postfix program. Spec: background/policy.md
 * 3.5.3. */
#ifndef TDZ_POLICY_CONDITION_H
#define TDZ_POLICY_CONDITION_H

#include "policy/source.h"

/* Nesting is bounded by JSON_DEPTH_MAX; AND and OR combine as they go, so a program never has more
 * than one value a level waiting. */
enum { CONDITION_STACK_MAX = JSON_DEPTH_MAX + 2 };

/* Reads the condition at node of doc into rule's steps, adding to s->attrs what it reads. s->lists
 * and s->counters are read already; s->attrs has room for SOURCE_ATTRS_MAX. Errors as source_read.
 */
MUST_USE enum err condition_read(struct source *s, const struct json_doc *doc,
                                 const struct json_node *node, struct source_rule *rule,
                                 struct fault *ret_fault);

#endif
