/* SPDX-License-Identifier: Apache-2.0 */
/* Codes: for each attribute of a document the few things its conditions can tell apart, numbered. A
 * number becomes the index of the stretch between two thresholds, a name the index of the values
 * treated alike, and each list that an attribute is looked up in is a column of its own: in or out.
 * Spec: background/policy.md 4. */
#ifndef TDZ_POLICY_CODES_H
#define TDZ_POLICY_CODES_H

#include "policy/decide.h"

/* Columns of a document; cells of its table are bounded too (compiled.h). */
enum { CODES_COLUMNS_MAX = 1024 };

/* The same in every column. A value is CODES_FIRST or more. */
enum codes_special {
    CODES_UNKNOWN,
    CODES_OPEN_LOW,  /* at preflight, without a value: every comparison at its lowest */
    CODES_OPEN_HIGH, /* and at its highest */
    CODES_FIRST,
};

struct codes_column {
    uint16_t attr; /* index into the document's attrs */
    enum vocab_type type;
    bool is_listed;          /* whether the value is in a list, not the value */
    const struct list *list; /* NULL: not readable, so every comparison is unknown */
    uint32_t count;          /* codes */
    int64_t *points;         /* of VOCAB_INT: sorted, code = CODES_FIRST + points not above */
    size_t point_count;
    struct span *texts; /* of VOCAB_STRING: sorted; of VOCAB_ENUM: the declared values */
    size_t text_count;
    uint16_t *code_of; /* by text or zone; the last of a VOCAB_STRING is any other text */
};

/* Columns are sorted by the name of their attribute. */
struct codes {
    struct codes_column *columns;
    size_t count;
};

/* One comparison: it is true for the codes of [low, high) and for those of also. */
struct codes_leaf {
    uint16_t column;
    bool is_lost; /* reads a list that is not there */
    uint32_t low;
    uint32_t high;
    const uint16_t *also;
    size_t also_count;
};

/* Comparison i of rule r of the document is leaves[begin[r] + i]; other steps are left empty. */
struct codes_leaves {
    struct codes_leaf *leaf;
    uint32_t *begin;
};

/* Reads the conditions of doc. What stays is taken from arena, what only compiling needs from
 * scratch. lists as in decide_request. ERR_FULL: more than CODES_COLUMNS_MAX columns, or a column
 * with more codes than 65535; ERR_NOMEM. */
MUST_USE enum err codes_make(struct codes *c, struct arena *arena, struct arena *scratch,
                             const struct source *doc, const struct decide_list *lists,
                             size_t list_count, struct codes_leaves *ret_leaves);

/* The code of the value that e gives to column, CODES_UNKNOWN if it is not one that the attribute
 * can have. The source of e is the caller's to check. */
uint16_t codes_find(const struct codes_column *column, const struct vocab *v,
                    const struct facts_entry *e);
/* The same for a number of a VOCAB_INT column that is not listed. */
uint16_t codes_number(const struct codes_column *column, int64_t number);

#endif
