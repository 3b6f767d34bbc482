/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explore_inner.h"

#include <assert.h>
#include <stdlib.h>

#include "policy/rows.h"

/* A row while it is read: for each attribute of the cells, which cells kill it. */
struct explore_row {
    uint32_t first; /* of its entries */
    uint32_t count;
};

/* One attribute of one row. */
struct explore_entry {
    uint32_t attr;
    const uint64_t *dead; /* cells, as bits */
};

struct explore_load {
    struct explore_table *t;
    const struct cells *cells;
    struct explore_row *rows;
    struct explore_entry *entries;
    size_t entry_count;
    size_t entry_cap;
    uint32_t *heads; /* hash table of rows */
    uint32_t *next;
    struct rows_node *nodes;
    struct rows_literal *literals;
    uint64_t **scratch; /* by attribute: cells dead for the row at hand, or NULL */
};

enum { EXPLORE_HEADS = 1 << 14 };
#define EXPLORE_NO_ROW UINT32_MAX

static size_t
explore_cell_words(const struct cells *c, size_t attr)
{
    return (c->attrs[attr].cell_count + 63) / 64;
}

static uint32_t
explore_row_hash(const struct explore_load *l, const struct explore_entry *e, size_t count)
{
    uint64_t h = 1469598103934665603U;
    for (size_t i = 0; i < count; i++) {
        h = (h ^ e[i].attr) * 1099511628211U;
        for (size_t w = 0; w < explore_cell_words(l->cells, e[i].attr); w++)
            h = (h ^ e[i].dead[w]) * 1099511628211U;
    }
    return (uint32_t)(h ^ h >> 29) % EXPLORE_HEADS;
}

static bool
explore_row_eq(const struct explore_load *l, const struct explore_row *row,
               const struct explore_entry *e, size_t count)
{
    if (row->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct explore_entry *x = &l->entries[row->first + i];
        if (x->attr != e[i].attr ||
            memcmp(x->dead, e[i].dead, explore_cell_words(l->cells, x->attr) * 8) != 0)
            return false;
    }
    return true;
}

/* The number of the row with these entries, added if it is new. */
static enum err
explore_row_find(struct explore_load *l, const struct explore_entry *e, size_t count, uint32_t *ret)
{
    const uint32_t head = explore_row_hash(l, e, count);
    for (uint32_t i = l->heads[head]; i != EXPLORE_NO_ROW; i = l->next[i]) {
        if (explore_row_eq(l, &l->rows[i], e, count)) {
            *ret = i;
            return ERR_OK;
        }
    }
    if (l->t->row_count == EXPLORE_ROWS_MAX)
        return ERR_FULL;
    if (l->entry_cap - l->entry_count < count) {
        const size_t cap = 2 * l->entry_cap + count;
        struct explore_entry *grown = realloc(l->entries, cap * sizeof(*grown));
        if (grown == NULL)
            return ERR_NOMEM;
        l->entries = grown;
        l->entry_cap = cap;
    }
    const uint32_t row = (uint32_t)l->t->row_count++;
    l->rows[row] = (struct explore_row){(uint32_t)l->entry_count, (uint32_t)count};
    for (size_t i = 0; i < count; i++) {
        const size_t words = explore_cell_words(l->cells, e[i].attr);
        uint64_t *dead = arena_take(&l->t->arena, words, sizeof(*dead));
        if (dead == NULL)
            return ERR_FULL;
        memcpy(dead, e[i].dead, words * sizeof(*dead));
        l->entries[l->entry_count++] = (struct explore_entry){e[i].attr, dead};
    }
    l->next[row] = l->heads[head];
    l->heads[head] = row;
    *ret = row;
    return ERR_OK;
}

/* Marks the cells in which a comparison keeps its row from firing. */
static void
explore_mark(const struct explore_load *l, const struct explore_rule *r,
             const struct rows_literal *lit, uint64_t *dead)
{
    const struct source_step *step = &r->rule->steps[lit->step];
    const size_t attr = cells_attr(l->cells, r->doc->attrs[step->attr].name);
    for (size_t i = 0; i < l->cells->attrs[attr].cell_count; i++) {
        enum cells_truth truth =
            cells_truth(l->cells, r->doc, step, &l->cells->attrs[attr].cell[i]);
        if (lit->negated)
            truth = (enum cells_truth)(CELLS_TRUE - truth);
        if (truth == CELLS_FALSE || (r->strict && truth == CELLS_UNKNOWN))
            dead[i / 64] |= UINT64_C(1) << (i % 64);
    }
}

/* One row of a rule into the pool. EXPLORE_NO_ROW: it is dead whatever the input. */
static enum err
explore_add_row(struct explore_load *l, const struct explore_rule *r, size_t row, uint32_t *ret)
{
    const struct cells *c = l->cells;
    struct explore_entry e[SOURCE_ATTRS_MAX];
    size_t count = 0;
    bool is_dead = false;
    const size_t literals = rows_list(r->rule, l->nodes, row, l->literals);
    for (size_t i = 0; i < literals; i++) {
        const struct source_step *step = &r->rule->steps[l->literals[i].step];
        const size_t attr = cells_attr(c, r->doc->attrs[step->attr].name);
        assert(attr < c->attr_count);
        explore_mark(l, r, &l->literals[i], l->scratch[attr]);
    }
    for (uint32_t a = 0; a < c->attr_count; a++) {
        size_t dead = 0;
        for (size_t w = 0; w < explore_cell_words(c, a); w++)
            dead += (size_t)__builtin_popcountll(l->scratch[a][w]);
        const uint32_t fixed =
            l->t->problem->fixed == NULL ? EXPLORE_FREE : l->t->problem->fixed[a];
        if (fixed != EXPLORE_FREE && (l->scratch[a][fixed / 64] >> (fixed % 64) & 1) != 0)
            dead = c->attrs[a].cell_count;
        else if (fixed != EXPLORE_FREE)
            dead = 0;
        is_dead = is_dead || dead == c->attrs[a].cell_count;
        if (dead > 0 && count < SOURCE_ATTRS_MAX)
            e[count++] = (struct explore_entry){a, l->scratch[a]};
    }
    enum err err = ERR_OK;
    *ret = EXPLORE_NO_ROW;
    if (!is_dead)
        err = explore_row_find(l, e, count, ret);
    for (size_t a = 0; a < c->attr_count; a++)
        memset(l->scratch[a], 0, explore_cell_words(c, a) * sizeof(uint64_t));
    return err;
}

static bool
explore_same_duties(const struct source_rule *a, const struct source_rule *b)
{
    if (a->duty_count != b->duty_count)
        return false;
    for (size_t i = 0; i < a->duty_count; i++) {
        const struct obligation *x = &a->duties[i];
        const struct obligation *y = &b->duties[i];
        if (!span_eq(x->kind, y->kind) || x->supported != y->supported ||
            x->param_count != y->param_count)
            return false;
        for (size_t k = 0; k < x->param_count; k++) {
            const struct obligation_param *p = &x->params[k];
            const struct obligation_param *q = &y->params[k];
            if (!span_eq(p->name, q->name) || p->type != q->type || p->number != q->number ||
                !span_eq(p->text, q->text) || p->list_count != q->list_count)
                return false;
            for (size_t v = 0; v < p->list_count; v++)
                if (!span_eq(p->list[v], q->list[v]))
                    return false;
        }
    }
    return true;
}

/* True if another active rule says the same: then it also speaks for this one's sides. */
static bool
explore_merge(struct explore_table *t, const struct explore_active *new)
{
    for (size_t i = 0; i < t->active_count; i++) {
        struct explore_active *a = &t->active[i];
        if (a->from->role != new->from->role || a->row_count != new->row_count ||
            memcmp(a->rows, new->rows, a->row_count * sizeof(*a->rows)) != 0)
            continue;
        if (a->from->role == EXPLORE_DUTY && !explore_same_duties(a->from->rule, new->from->rule))
            continue;
        a->sides |= new->sides;
        a->groups |= new->groups;
        return true;
    }
    return false;
}

static int
explore_number_order(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static enum err
explore_add_rule(struct explore_load *l, const struct explore_rule *r)
{
    struct explore_table *t = l->t;
    struct explore_active a = {.from = r, .sides = r->sides, .groups = r->groups};
    const struct rows_size size = rows_measure(r->rule);
    if (size.rows > ROWS_MAX || size.literals > ROWS_LITERALS_MAX)
        return ERR_FULL;
    a.rows = arena_take(&t->arena, size.rows, sizeof(*a.rows));
    if (a.rows == NULL)
        return ERR_FULL;
    rows_prepare(r->rule, l->nodes);
    for (size_t i = 0; i < size.rows; i++) {
        uint32_t row = EXPLORE_NO_ROW;
        TRY(explore_add_row(l, r, i, &row));
        bool have = row == EXPLORE_NO_ROW;
        for (size_t k = 0; k < a.row_count && !have; k++)
            have = a.rows[k] == row;
        if (!have)
            a.rows[a.row_count++] = row;
    }
    qsort(a.rows, a.row_count, sizeof(*a.rows), explore_number_order);
    if (a.row_count > 0 && !explore_merge(t, &a))
        t->active[t->active_count++] = a;
    return ERR_OK;
}

/* Masks of rows by attribute and cell. */
static enum err
explore_masks(struct explore_load *l)
{
    struct explore_table *t = l->t;
    const struct cells *c = l->cells;
    t->words = (t->row_count + 63) / 64;
    for (uint32_t row = 0; row < t->row_count; row++) {
        for (size_t i = 0; i < l->rows[row].count; i++) {
            const struct explore_entry *e = &l->entries[l->rows[row].first + i];
            const size_t cells = c->attrs[e->attr].cell_count;
            if (t->problem->fixed != NULL && t->problem->fixed[e->attr] != EXPLORE_FREE)
                continue;
            if (t->dead[e->attr] == NULL) {
                t->dead[e->attr] = arena_take(&t->arena, cells * t->words, sizeof(uint64_t));
                t->touch[e->attr] = arena_take(&t->arena, t->words, sizeof(uint64_t));
                if (t->dead[e->attr] == NULL || t->touch[e->attr] == NULL)
                    return ERR_FULL;
            }
            t->touch[e->attr][row / 64] |= UINT64_C(1) << (row % 64);
            for (size_t k = 0; k < cells; k++)
                if ((e->dead[k / 64] >> (k % 64) & 1) != 0)
                    t->dead[e->attr][k * t->words + row / 64] |= UINT64_C(1) << (row % 64);
        }
    }
    return ERR_OK;
}

/* What is known of rows while attributes are put in order. */
struct explore_open {
    bool begun;
    uint32_t left; /* attributes it reads that have no place yet */
};

/* How many rows begin with an attribute, less those that end with it: fewer open rows at a time
 * means fewer different states. */
static int64_t
explore_cost(const struct explore_table *t, const struct explore_open *rows, size_t attr)
{
    int64_t cost = 0;
    for (size_t row = 0; row < t->row_count; row++) {
        if ((t->touch[attr][row / 64] >> (row % 64) & 1) == 0)
            continue;
        cost += rows[row].begun ? 0 : 1;
        cost -= rows[row].left == 1 ? 2 : 0;
    }
    return cost;
}

static enum err
explore_place(struct explore_table *t)
{
    const size_t attrs = t->problem->cells->attr_count;
    bool placed[CELLS_ATTRS_MAX] = {false};
    struct explore_open *rows = arena_take(&t->arena, t->row_count, sizeof(*rows));
    if (rows == NULL)
        return ERR_FULL;
    for (size_t a = 0; a < attrs; a++)
        for (size_t row = 0; t->touch[a] != NULL && row < t->row_count; row++)
            rows[row].left += (uint32_t)(t->touch[a][row / 64] >> (row % 64) & 1);
    for (;;) {
        size_t best = attrs;
        int64_t best_cost = INT64_MAX;
        for (size_t a = 0; a < attrs; a++) {
            const bool waits = !placed[a] && t->touch[a] != NULL;
            const int64_t cost = waits ? explore_cost(t, rows, a) : INT64_MAX;
            if (cost < best_cost) {
                best = a;
                best_cost = cost;
            }
        }
        if (best == attrs)
            return ERR_OK;
        placed[best] = true;
        t->order[t->order_count++] = best;
        for (size_t row = 0; row < t->row_count; row++) {
            if ((t->touch[best][row / 64] >> (row % 64) & 1) == 0)
                continue;
            rows[row].begun = true;
            rows[row].left--;
        }
    }
}

static enum err
explore_complete(struct explore_table *t)
{
    t->complete = arena_take(&t->arena, t->order_count + 1, sizeof(*t->complete));
    if (t->complete == NULL)
        return ERR_FULL;
    for (size_t i = 0; i <= t->order_count; i++) {
        t->complete[i] = arena_take(&t->arena, t->words, sizeof(uint64_t));
        if (t->complete[i] == NULL)
            return ERR_FULL;
        memset(t->complete[i], 0xff, t->words * sizeof(uint64_t));
        for (size_t k = i; k < t->order_count; k++)
            for (size_t w = 0; w < t->words; w++)
                t->complete[i][w] &= ~t->touch[t->order[k]][w];
    }
    return ERR_OK;
}

static enum err
explore_load_all(struct explore_load *l, const uint32_t *active, size_t active_count)
{
    struct explore_table *t = l->t;
    const size_t attrs = l->cells->attr_count;
    t->active = arena_take(&t->arena, active_count, sizeof(*t->active));
    t->dead = arena_take(&t->arena, attrs, sizeof(*t->dead));
    t->touch = arena_take(&t->arena, attrs, sizeof(*t->touch));
    t->order = arena_take(&t->arena, attrs, sizeof(*t->order));
    l->scratch = arena_take(&t->arena, attrs, sizeof(*l->scratch));
    if (t->active == NULL || t->dead == NULL || t->touch == NULL || t->order == NULL ||
        l->scratch == NULL)
        return ERR_FULL;
    for (size_t a = 0; a < attrs; a++) {
        l->scratch[a] = arena_take(&t->arena, explore_cell_words(l->cells, a), sizeof(uint64_t));
        if (l->scratch[a] == NULL)
            return ERR_FULL;
    }
    memset(l->heads, 0xff, EXPLORE_HEADS * sizeof(*l->heads));
    for (size_t i = 0; i < active_count; i++)
        TRY(explore_add_rule(l, &t->problem->rules[active[i]]));
    TRY(explore_masks(l));
    TRY(explore_place(t));
    return explore_complete(t);
}

enum err
explore_table_make(struct explore_table *t, const struct explore_problem *p, const uint32_t *active,
                   size_t active_count)
{
    struct explore_load l = {.t = t, .cells = p->cells};
    enum err err = ERR_NOMEM;
    *t = (struct explore_table){.problem = p};
    arena_init(&t->arena);
    l.rows = calloc(EXPLORE_ROWS_MAX, sizeof(*l.rows));
    l.next = calloc(EXPLORE_ROWS_MAX, sizeof(*l.next));
    l.heads = calloc(EXPLORE_HEADS, sizeof(*l.heads));
    l.nodes = calloc(SOURCE_STEPS_MAX, sizeof(*l.nodes));
    l.literals = calloc(SOURCE_STEPS_MAX, sizeof(*l.literals));
    if (l.rows != NULL && l.next != NULL && l.heads != NULL && l.nodes != NULL &&
        l.literals != NULL)
        err = explore_load_all(&l, active, active_count);
    free(l.rows);
    free(l.next);
    free(l.heads);
    free(l.nodes);
    free(l.literals);
    free(l.entries);
    if (err != ERR_OK)
        explore_table_finish(t);
    return err;
}

void
explore_table_finish(struct explore_table *t)
{
    arena_finish(&t->arena);
    *t = (struct explore_table){0};
}
