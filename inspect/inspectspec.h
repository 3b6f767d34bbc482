/* SPDX-License-Identifier: Apache-2.0 */
/* tdz.inspect/1: what judge tells the inspector to look for and to do, as canonical JSON:
 *   {"actions":{"mask":{"fields":[…]},…},"ceilings":{…},"direction":"export|import",
 *    "format":"tdz.inspect/1","schema":{…}}
 * actions are the merged stream obligations as in an OFFER's `performed`: to be performed on
 * export, expected to be visible on import. schema and ceilings are the agreement's own objects.
 * Spec: docs/PROCESSES.md, Formats between processes. */
#ifndef TDZ_INSPECT_INSPECTSPEC_H
#define TDZ_INSPECT_INSPECTSPEC_H

#include "inspect/transform.h"
#include "schemas/canon.h"

enum { INSPECTSPEC_BYTES_MAX = 48 * 1024, INSPECTSPEC_NODES_MAX = 12 * 1024 };

/* About 80 KiB: not for the stack. */
struct inspectspec {
    bool is_import;
    struct fieldset fields;
    uint8_t actions[FIELDSET_MAX]; /* enum transform, by field */
};

/* Memory to read one in; about 560 KiB. */
struct inspectspec_scratch {
    struct json_node nodes[INSPECTSPEC_NODES_MAX];
    uint8_t text[INSPECTSPEC_BYTES_MAX];
};

/* Writes the specification for the agreement that doc was read from; actions is a canonical
 * object. ERR_MISSING, ERR_TYPE: doc is no agreement; ERR_FULL: it does not fit cap. */
MUST_USE enum err inspectspec_write(bool is_import, struct span actions,
                                    const struct json_doc *agreement, char *buf, size_t cap,
                                    struct span *ret);

/* Reads one; nothing in ret points into input or scratch. ERR_TOO_LARGE (over
 * INSPECTSPEC_BYTES_MAX), ERR_VERSION, ERR_UNSUPPORTED (an action this build does not perform),
 * ERR_NOT_FOUND (a selector or direction that is none), and those of json_read and fieldset.h. */
MUST_USE enum err inspectspec_read(struct span input, struct inspectspec_scratch *scratch,
                                   struct inspectspec *ret, struct fault *ret_fault);

/* True if every action of want (the canonical or any JSON object of stream obligations at node) is
 * performed at least as strongly by have on every declared column. ERR_UNSUPPORTED, ERR_NOT_FOUND,
 * ERR_TYPE: want holds what this build does not know. */
MUST_USE enum err inspectspec_covers(const struct inspectspec *have, const struct json_doc *doc,
                                     const struct json_node *want, bool *ret_covers,
                                     struct fault *ret_fault);

#endif
