/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope of an approval: what a security assessment, a filed contract or a certificate allows
 * and nothing beyond (CN-NDSR art. 38). It stands in the evidence that names the approval, as the
 * optional member
 *   "envelope":{"purposes":[…],"recipients":[…],"fields":[…],"persons":N}
 * of which persons may be absent. Its validity is that of the evidence. Every transfer debits the
 * persons; agreements that cite the same document (one sha256) share one envelope. Spec:
 * background/peers-and-law.md 3.2; formats.md "Agreement and partner". */
#ifndef TDZ_POLICY_ENVELOPE_H
#define TDZ_POLICY_ENVELOPE_H

#include "policy/arena.h"
#include "schemas/json.h"

enum { ENVELOPE_LIST_MAX = 1024 };
#define ENVELOPE_NO_CEILING INT64_MAX

struct envelope_list {
    struct span *items;
    size_t count;
};

struct envelope {
    struct envelope_list purposes;
    struct envelope_list recipients; /* partners */
    struct envelope_list fields;     /* names of the agreement's schema */
    int64_t persons_max;             /* ENVELOPE_NO_CEILING when it has none */
};

/* Reads node strictly; memory is arena's. Errors with line and column: ERR_TYPE, ERR_MISSING,
 * ERR_UNKNOWN_FIELD, ERR_RANGE (an empty list, a value of 0 or over 256 bytes, persons below 0),
 * ERR_DUPLICATE, ERR_FULL (over ENVELOPE_LIST_MAX values), ERR_NOMEM. */
MUST_USE enum err envelope_read(struct arena *arena, const struct json_doc *doc,
                                const struct json_node *node, struct envelope *ret,
                                struct fault *ret_fault);

bool envelope_list_has(const struct envelope_list *list, struct span value);

#endif
