/* SPDX-License-Identifier: Apache-2.0 */
/* Between policy_import*.c: one ODRL file on its way to an overlay. */
#ifndef TDZ_TOOLS_POLICY_IMPORT_H
#define TDZ_TOOLS_POLICY_IMPORT_H

#include "schemas/canon.h"
#include "tools/policy_files.h"

enum { POLICY_IMPORT_RULES_MAX = SOURCE_RULES_MAX, POLICY_IMPORT_MAX = 4 << 20 };

struct policy_import {
    const struct cli *cli;
    struct policy_files files;
    struct json_doc json;
    struct fault fault;
    struct canon w;
    const char *id; /* of the overlay it becomes */
    uint64_t revision;
    const struct json_node *rule[POLICY_IMPORT_RULES_MAX];
    bool forbids[POLICY_IMPORT_RULES_MAX];
    size_t rule_count;
    char out[POLICY_IMPORT_MAX];
};

/* Fills t->fault with a place. Returns err. */
enum err policy_import_stop(struct policy_import *t, const struct json_node *node, enum err err,
                            const char *where);

/* The text behind prefix of a string member. ERR_UNSUPPORTED: it begins otherwise. */
MUST_USE enum err policy_import_after(struct policy_import *t, const struct json_node *object,
                                      const char *key, const char *prefix, struct span *ret);

/* Writes the `when` that a constraint means. ERR_UNSUPPORTED: it is not of the profile. */
MUST_USE enum err policy_import_condition(struct policy_import *t, const struct json_node *c);

/* The overlay that the ODRL Set in t->json means, canonical, in t->out; id and revision must be
 * set. ERR_UNSUPPORTED: not of the profile; ERR_DENIED: it permits; ERR_FULL; those of the readers.
 * All with a place in t->fault. */
MUST_USE enum err policy_import_write(struct policy_import *t, struct span *ret);

#endif
