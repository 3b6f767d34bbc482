/* SPDX-License-Identifier: Apache-2.0 */
/* A list (tdz.list/1): values that `listed` conditions look up. Spec: background/policy.md 3.1;
 * formats.md "Policy". */
#ifndef TDZ_POLICY_LIST_H
#define TDZ_POLICY_LIST_H

#include "policy/arena.h"
#include "schemas/json.h"

struct list {
    struct span id;
    uint8_t sha256[32];
    struct span *values; /* sorted, unique */
    size_t value_count;
    struct arena arena;
};

/* Reads the exact bytes of a list file whose SHA-256 is sha256[32]; keeps nothing of input. Errors
 * with line and column: those of json_read; ERR_VERSION, ERR_MISSING, ERR_TYPE, ERR_RANGE (a value
 * of 0 or over 256 bytes), ERR_UNKNOWN_FIELD, ERR_DUPLICATE, ERR_SYNTAX (the id), ERR_NOMEM. */
MUST_USE enum err list_read(struct list *list, struct span input, const uint8_t sha256[static 32],
                            struct fault *ret_fault);
void list_finish(struct list *list);

bool list_has(const struct list *list, struct span value);

#endif
