/* SPDX-License-Identifier: Apache-2.0 */
/* The one JSON reader of the product: strict, bounded, no allocation, with a position for every
 * value. It refuses what lenient readers let through: duplicate keys, a byte order mark, ill-formed
 * UTF-8, NUL and lone surrogates in escapes, trailing bytes, fractions and exponents, integers
 * beyond 2^53-1, nesting beyond JSON_DEPTH_MAX, input beyond the caller's limit.
 *
 * A document is a flat array of nodes in document order. The children of an object alternate key,
 * value; node->next is the index of the first node after the value's whole subtree. */
#ifndef TDZ_SCHEMAS_JSON_H
#define TDZ_SCHEMAS_JSON_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { JSON_DEPTH_MAX = 16 };
enum { JSON_BYTES_MAX = 1 << 20 };
#define JSON_INT_MAX INT64_C(9007199254740991)

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_node {
    enum json_type type;
    uint32_t offset;  /* of the value's first byte in the input */
    uint32_t next;    /* index of the node after this value's subtree */
    uint32_t count;   /* elements of an array, members of an object */
    int64_t number;   /* JSON_INT: the value; JSON_BOOL: 0 or 1 */
    struct span text; /* JSON_STRING: decoded; a view of the input or of json_doc.text */
};

/* All memory is the caller's and must outlive the document; text holds decoded escapes and never
 * needs more than the input's length. */
struct json_doc {
    struct span input;
    struct json_node *nodes;
    size_t node_cap;
    size_t node_count;
    uint8_t *text;
    size_t text_cap;
    size_t text_len;
};

/* Reads input into doc, whose nodes, node_cap, text and text_cap the caller has set. Node 0 is the
 * root. ret_fault (may be NULL) is written on error only. Errors: ERR_SYNTAX, ERR_UTF8,
 * ERR_DUPLICATE, ERR_DEPTH, ERR_RANGE, ERR_TRAILING, ERR_SHORT, ERR_TOO_LARGE (input longer than
 * JSON_BYTES_MAX), ERR_FULL (more nodes or text than the caller gave). Spec: policy.md 3.7. */
MUST_USE enum err json_read(struct json_doc *doc, struct span input, struct fault *ret_fault);

/* As json_read, in memory allocated for the purpose; json_free releases it (and accepts a zeroed
 * doc). input must outlive the document. For set-up and tools, not for the data path. */
MUST_USE enum err json_load(struct json_doc *doc, struct span input, struct fault *ret_fault);
void json_free(struct json_doc *doc);

/* The value of member key of object, or NULL if absent. object must be a JSON_OBJECT of doc. */
const struct json_node *json_get(const struct json_doc *doc, const struct json_node *object,
                                 const char *key);

/* Iteration: the first child of an array or object (a key node), or NULL; the sibling after node
 * within parent, or NULL. For objects step from a key to its value with json_value. */
const struct json_node *json_first(const struct json_doc *doc, const struct json_node *parent);
const struct json_node *json_next(const struct json_doc *doc, const struct json_node *parent,
                                  const struct json_node *node);
const struct json_node *json_value(const struct json_doc *doc, const struct json_node *key);

/* Typed access to a required member. On error fault names the key and the place: ERR_MISSING,
 * ERR_TYPE, ERR_RANGE (json_need_int outside [low, high]; json_need_str longer than max). */
MUST_USE enum err json_need(const struct json_doc *doc, const struct json_node *object,
                            const char *key, enum json_type type, const struct json_node **ret,
                            struct fault *ret_fault);
MUST_USE enum err json_need_str(const struct json_doc *doc, const struct json_node *object,
                                const char *key, size_t max, struct span *ret,
                                struct fault *ret_fault);
MUST_USE enum err json_need_int(const struct json_doc *doc, const struct json_node *object,
                                const char *key, int64_t low, int64_t high, int64_t *ret,
                                struct fault *ret_fault);
MUST_USE enum err json_need_bool(const struct json_doc *doc, const struct json_node *object,
                                 const char *key, bool *ret, struct fault *ret_fault);

/* For a member that nobody but people reads: ERR_TYPE or ERR_RANGE unless it is absent or a string
 * of at most max bytes. */
MUST_USE enum err json_may_str(const struct json_doc *doc, const struct json_node *object,
                               const char *key, size_t max, struct fault *ret_fault);

/* ERR_UNKNOWN_FIELD if object has a member whose key is not in names (name_count of them). */
MUST_USE enum err json_only(const struct json_doc *doc, const struct json_node *object,
                            const char *const *names, size_t name_count, struct fault *ret_fault);

/* Fills ret_fault (may be NULL) with code, the line and column of offset in input, and where. */
void json_fault(struct span input, size_t offset, enum err code, const char *where,
                struct fault *ret_fault);

/* The fault of a node of doc. Returns code, for use in a return statement. */
enum err json_fail(const struct json_doc *doc, const struct json_node *node, enum err code,
                   const char *where, struct fault *ret_fault);

#endif
