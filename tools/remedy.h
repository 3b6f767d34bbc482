/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done about the facts that a decision did not have: who may state one follows from its
 * source in the vocabulary. Spec: http-api.md (decision), docs/POLICY.md ("How to read a
 * refusal"). */
#ifndef TDZ_TOOLS_REMEDY_H
#define TDZ_TOOLS_REMEDY_H

#include "schemas/json.h"

#include <stdio.h>

/* Prints a line for each kind of fact that is there among missing and unknown of decision:
 *   - would help, and a partner may state it: as an option --fact;
 *   - would help, and only the register can hold it: whom to ask;
 *   - only the data, the route, the counters or the gateway can tell;
 *   - was stated, and does not count.
 * Names of facts come from a gateway and are printed as partner_put does. */
void remedy_print(const struct json_doc *doc, const struct json_node *decision, FILE *out);

#endif
