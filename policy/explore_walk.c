/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of a diagram: children that lead to the same node are one step with several cells. */
#include <stdlib.h>

#include "policy/explore_inner.h"

struct explore_stop {
    uint32_t node;
    size_t next;  /* cell to go on with */
    bool *chosen; /* cells of the step taken */
};

struct explore_path {
    const struct explore_graph *g;
    const struct explore_table *t;
    struct explore_stop *stop;
    size_t depth;
    size_t *attrs;
    const bool **cells;
    struct explore_region *region;
};

static size_t
explore_attr_of(const struct explore_path *p, uint32_t node)
{
    return p->t->order[p->g->nodes[node].position];
}

/* Takes the next step out of the innermost node: the cells from `next` on that lead where the first
 * of them does, if no earlier cell led there. False: none is left. */
static bool
explore_next(struct explore_path *p, uint32_t *ret_node)
{
    struct explore_stop *stop = &p->stop[p->depth - 1];
    const size_t cells = p->t->problem->cells->attrs[explore_attr_of(p, stop->node)].cell_count;
    const uint32_t *child = &p->g->children[p->g->nodes[stop->node].child];
    for (; stop->next < cells; stop->next++) {
        const uint32_t to = child[stop->next];
        bool seen = to == 0;
        for (size_t i = 0; i < stop->next && !seen; i++)
            seen = child[i] == to;
        if (seen)
            continue;
        for (size_t i = 0; i < cells; i++)
            stop->chosen[i] = child[i] == to;
        stop->next++;
        *ret_node = to;
        return true;
    }
    return false;
}

static enum err
explore_enter(struct explore_path *p, uint32_t node)
{
    struct explore_stop *stop = &p->stop[p->depth];
    if (stop->chosen == NULL)
        stop->chosen = calloc(CELLS_PER_ATTR_MAX, sizeof(*stop->chosen));
    if (stop->chosen == NULL)
        return ERR_NOMEM;
    stop->node = node;
    stop->next = 0;
    p->attrs[p->depth] = explore_attr_of(p, node);
    p->cells[p->depth] = stop->chosen;
    p->depth++;
    return ERR_OK;
}

static bool
explore_report(struct explore_path *p, uint32_t node, explore_see see, void *context)
{
    const struct explore_node *n = &p->g->nodes[node];
    p->region->attr_count = p->depth;
    p->region->attrs = p->attrs;
    p->region->cells = p->cells;
    p->region->outcome[0] = p->g->outcomes[n->a];
    p->region->outcome[1] = p->g->outcomes[n->b];
    return see(context, p->region);
}

static enum err
explore_paths(struct explore_path *p, explore_see see, void *context, bool *ret_stopped)
{
    uint32_t node = p->g->root;
    if (p->g->nodes[node].is_terminal) {
        *ret_stopped = !explore_report(p, node, see, context);
        return ERR_OK;
    }
    TRY(explore_enter(p, node));
    while (p->depth > 0 && !*ret_stopped) {
        if (!explore_next(p, &node)) {
            p->depth--;
            continue;
        }
        if (p->g->nodes[node].is_terminal)
            *ret_stopped = !explore_report(p, node, see, context);
        else
            TRY(explore_enter(p, node));
    }
    return ERR_OK;
}

enum err
explore_walk(const struct explore_graph *g, const struct explore_table *t,
             struct explore_region *scope, explore_see see, void *context, bool *ret_stopped)
{
    const size_t depth = t->order_count + 1;
    struct explore_path p = {.g = g, .t = t, .region = scope};
    enum err err = ERR_NOMEM;
    if (g->root == 0)
        return ERR_OK;
    p.stop = calloc(depth, sizeof(*p.stop));
    p.attrs = calloc(depth, sizeof(*p.attrs));
    p.cells = calloc(depth, sizeof(const bool *));
    if (p.stop != NULL && p.attrs != NULL && p.cells != NULL)
        err = explore_paths(&p, see, context, ret_stopped);
    for (size_t i = 0; p.stop != NULL && i < depth; i++)
        free(p.stop[i].chosen);
    free(p.stop);
    free(p.attrs);
    free(p.cells);
    return err;
}
