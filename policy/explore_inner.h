/* SPDX-License-Identifier: Apache-2.0 */
/* Between explore_*.c: one destination, label and stretch of time of a problem. */
#ifndef TDZ_POLICY_EXPLORE_INNER_H
#define TDZ_POLICY_EXPLORE_INNER_H

#include "policy/explore.h"

/* A rule as rows: it fires when one of its rows has no dead comparison. Rules of both sides that
 * say the same are one. */
struct explore_active {
    const struct explore_rule *from;
    uint32_t sides;
    uint32_t groups;
    uint32_t *rows;
    size_t row_count;
};

/* Rows are bits; what a cell of an attribute kills is a mask of them. */
struct explore_table {
    const struct explore_problem *problem;
    struct explore_active *active;
    size_t active_count;
    size_t row_count;
    size_t words;     /* of a mask of rows */
    uint64_t **dead;  /* by attribute: cell_count masks, or NULL when no row reads it */
    uint64_t **touch; /* by attribute: rows that it can kill */
    size_t *order;    /* attributes to be fixed, in this order */
    size_t order_count;
    uint64_t **complete; /* by position 0..order_count: rows that read nothing from there on */
    struct arena arena;
};

/* Builds the table of the active rules (indices into p->rules). ERR_FULL, ERR_NOMEM. */
MUST_USE enum err explore_table_make(struct explore_table *t, const struct explore_problem *p,
                                     const uint32_t *active, size_t active_count);
void explore_table_finish(struct explore_table *t);

/* Node 0 is nothing, further nodes below terminals are pairs of outcomes, others branch. */
struct explore_node {
    bool is_terminal;
    uint32_t a; /* outcomes of a terminal */
    uint32_t b;
    uint32_t position; /* in the order */
    uint32_t child;    /* first of cell_count entries of children */
};

struct explore_graph {
    struct explore_node *nodes;
    size_t node_count;
    size_t node_cap;
    uint32_t *children;
    size_t child_count;
    size_t child_cap;
    struct explore_outcome *outcomes;
    size_t outcome_count;
    size_t outcome_cap;
    uint32_t root;
    struct arena arena;
};

/* Follows every input through the table. ERR_FULL, ERR_NOMEM. */
MUST_USE enum err explore_graph_make(struct explore_graph *g, const struct explore_table *t);
void explore_graph_finish(struct explore_graph *g);

/* Calls see for every path from the root to an outcome; *ret_stopped when see said stop. scope has
 * zones, labels and times set. */
MUST_USE enum err explore_walk(const struct explore_graph *g, const struct explore_table *t,
                               struct explore_region *scope, explore_see see, void *context,
                               bool *ret_stopped);

#endif
