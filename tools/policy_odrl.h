/* SPDX-License-Identifier: Apache-2.0 */
/* A policy document as ODRL 2.2 (JSON-LD) in the profile urn:tdz:odrl:1, for partners whose systems
 * read that. What decides is always the document itself. Spec: background/policy.md 3.6. */
#ifndef TDZ_TOOLS_POLICY_ODRL_H
#define TDZ_TOOLS_POLICY_ODRL_H

#include "policy/source.h"
#include "schemas/canon.h"

#define POLICY_ODRL_PROFILE "urn:tdz:odrl:1"
/* The left operand of every counter; "tdz:counter" beside it says which. Not odrl:count, which
 * counts how often a rule is used. */
#define POLICY_ODRL_COUNTER "tdz:distinctSubjectsInYear"

/* Writes the Set of a document that source_read took: json is its file, doc what was read. A permit
 * is a permission, a forbid a prohibition; obligations and holds are duties of every permission
 * whose scope meets theirs, and of an overlay, which has none, obligations of the Set. A negation
 * is written as the opposite comparisons, which in three values is the same. Errors stick to w. */
void policy_odrl_write(const struct json_doc *json, const struct source *doc, struct canon *w);

/* Writes the condition at node (a `when`) as one constraint. */
void policy_odrl_condition(const struct json_doc *json, const struct source *doc,
                           const struct json_node *node, struct canon *w);

#endif
