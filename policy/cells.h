/* SPDX-License-Identifier: Apache-2.0 */
/* The values of every attribute that documents read, cut into cells: values of one cell make every
 * comparison of every document come out alike, so one value stands for all. This is what makes
 * exhaustive answers finite. Allocates; for tools, not for deciding. Spec: background/policy.md 4,
 * "Exhaustive analysis". */
#ifndef TDZ_POLICY_CELLS_H
#define TDZ_POLICY_CELLS_H

#include "policy/decide.h"

/* Attributes of all documents together; cells of one attribute. */
enum { CELLS_ATTRS_MAX = 1024, CELLS_PER_ATTR_MAX = 4096 };

enum cells_truth { CELLS_FALSE, CELLS_UNKNOWN, CELLS_TRUE };

/* The first cell of each attribute is its absence. */
struct cells_cell {
    bool is_absent;
    bool is_rest; /* of a string: every text that nothing mentions */
    int64_t low;  /* of a number: both inclusive; of a bool: equal, 0 or 1 */
    int64_t high;
    struct span *texts; /* of an enum, string or zone: all of them, sorted; of the rest one */
    size_t text_count;
};

struct cells_attr {
    struct span name;
    enum vocab_type type;
    struct cells_cell *cell;
    size_t cell_count;
};

/* Attributes sorted by name. Spans point into the documents, their vocabulary and lists. */
struct cells {
    const struct source *const *docs;
    size_t doc_count;
    const struct decide_list *lists;
    size_t list_count;
    struct cells_attr *attrs;
    size_t attr_count;
    struct arena arena;
};

/* Cuts the attributes that docs read. docs are of one vocabulary; they and lists (as in
 * decide_request) must outlive c. cells_finish gives the memory back. ERR_FULL over a maximum,
 * ERR_NOMEM. */
MUST_USE enum err cells_make(struct cells *c, const struct source *const *docs, size_t doc_count,
                             const struct decide_list *lists, size_t list_count);
void cells_finish(struct cells *c);

/* Index of the attribute of that name; attr_count if no condition reads it. */
size_t cells_attr(const struct cells *c, struct span name);

/* Index of the cell that a fact's value is in: 0, absent, for none (NULL) and for a value that the
 * attribute cannot have. */
size_t cells_find(const struct cells *c, size_t attr, const struct facts_entry *e);

/* What a comparison of doc comes to in a cell of its attribute. */
enum cells_truth cells_truth(const struct cells *c, const struct source *doc,
                             const struct source_step *step, const struct cells_cell *cell);

/* Adds a value of the cell to f, as trusted as the gateway's own: of a number the one nearest to
 * `near`. Nothing for absence. ERR_FULL. */
MUST_USE enum err cells_fact(const struct cells *c, size_t attr, size_t cell, int64_t near,
                             struct facts *f);

#endif
