/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/cells.h"

#include <assert.h>
#include <stdlib.h>

/* What only the cutting of one attribute needs. */
struct cells_cut {
    struct cells *c;
    struct cells_attr *attr;
    int64_t *points; /* where a cell of a number begins */
    size_t point_count;
    struct span *texts; /* candidates of a name */
    size_t text_count;
    size_t text_cap;
};

static bool
cells_is_leaf(const struct source_step *step)
{
    return step->op != SOURCE_NOT && step->op != SOURCE_AND && step->op != SOURCE_OR;
}

static const struct list *
cells_list(const struct cells *c, const struct source *doc, size_t list)
{
    for (size_t i = 0; i < c->list_count; i++)
        if ((c->lists[i].doc == NULL || c->lists[i].doc == doc) &&
            span_eq(c->lists[i].alias, doc->lists[list].alias))
            return c->lists[i].list;
    return NULL;
}

static enum cells_truth
cells_of(bool is_true)
{
    return is_true ? CELLS_TRUE : CELLS_FALSE;
}

static bool
cells_is_among(const struct span *texts, size_t count, struct span text)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(texts[i], text))
            return true;
    return false;
}

/* A comparison of a name. */
static enum cells_truth
cells_text_truth(const struct cells *c, const struct source *doc, const struct source_step *step,
                 struct span text)
{
    if (step->op == SOURCE_IN)
        return cells_of(cells_is_among(step->values, step->value_count, text));
    if (step->op == SOURCE_EQ)
        return cells_of(span_eq(step->text, text));
    if (step->op == SOURCE_LISTED) {
        const struct list *list = cells_list(c, doc, step->list);
        return list == NULL ? CELLS_UNKNOWN : cells_of(list_has(list, text));
    }
    assert(step->op == SOURCE_UNDER);
    const uint32_t zone = vocab_zone(doc->vocab, text);
    assert(zone != VOCAB_NONE);
    return cells_of(vocab_zone_under(doc->vocab, zone, step->zone));
}

enum cells_truth
cells_truth(const struct cells *c, const struct source *doc, const struct source_step *step,
            const struct cells_cell *cell)
{
    if (cell->is_absent)
        return CELLS_UNKNOWN;
    if (cell->text_count > 0)
        return cells_text_truth(c, doc, step, cell->texts[0]);
    switch (step->op) {
    case SOURCE_EQ:
        return cells_of(cell->low == step->number && cell->high == step->number);
    case SOURCE_LT:
        return cells_of(cell->high < step->number);
    case SOURCE_LE:
        return cells_of(cell->high <= step->number);
    case SOURCE_GT:
        return cells_of(cell->low > step->number);
    case SOURCE_GE:
        return cells_of(cell->low >= step->number);
    case SOURCE_IN:
    case SOURCE_UNDER:
    case SOURCE_LISTED:
    case SOURCE_NOT:
    case SOURCE_AND:
    case SOURCE_OR:
        break;
    }
    assert(false);
    return CELLS_UNKNOWN;
}

/* True if two names come out alike in every comparison of every document with this attribute. */
static bool
cells_alike(const struct cells_cut *cut, struct span a, struct span b)
{
    const struct cells *c = cut->c;
    for (size_t d = 0; d < c->doc_count; d++) {
        const struct source *doc = c->docs[d];
        for (size_t r = 0; r < doc->rule_count; r++)
            for (size_t i = 0; i < doc->rules[r].step_count; i++) {
                const struct source_step *step = &doc->rules[r].steps[i];
                if (cells_is_leaf(step) && span_eq(doc->attrs[step->attr].name, cut->attr->name) &&
                    cells_text_truth(c, doc, step, a) != cells_text_truth(c, doc, step, b))
                    return false;
            }
    }
    return true;
}

static int
cells_order(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static int
cells_number_order(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static enum err
cells_add_text(struct cells_cut *cut, struct span text)
{
    if (cut->text_count == cut->text_cap) {
        const size_t cap = 2 * cut->text_cap + 64;
        struct span *grown = realloc(cut->texts, cap * sizeof(*grown));
        if (grown == NULL)
            return ERR_NOMEM;
        cut->texts = grown;
        cut->text_cap = cap;
    }
    cut->texts[cut->text_count++] = text;
    return ERR_OK;
}

static enum err
cells_add_point(struct cells_cut *cut, int64_t at)
{
    if (at <= -JSON_INT_MAX || at > JSON_INT_MAX)
        return ERR_OK;
    if (cut->point_count == CELLS_PER_ATTR_MAX)
        return ERR_FULL;
    for (size_t i = 0; i < cut->point_count; i++)
        if (cut->points[i] == at)
            return ERR_OK;
    cut->points[cut->point_count++] = at;
    return ERR_OK;
}

/* The places where the comparison changes: first numbers of a new cell, or names it mentions. */
static enum err
cells_add_step(struct cells_cut *cut, const struct source *doc, const struct source_step *step)
{
    const struct list *list = NULL;
    switch (step->op) {
    case SOURCE_LT:
    case SOURCE_GE:
        return cells_add_point(cut, step->number);
    case SOURCE_LE:
    case SOURCE_GT:
        return cells_add_point(cut, step->number + 1);
    case SOURCE_EQ:
        if (cut->attr->type != VOCAB_INT)
            return cells_add_text(cut, step->text);
        TRY(cells_add_point(cut, step->number));
        return cells_add_point(cut, step->number + 1);
    case SOURCE_IN:
        for (size_t i = 0; i < step->value_count; i++)
            TRY(cells_add_text(cut, step->values[i]));
        return ERR_OK;
    case SOURCE_LISTED:
        list = cells_list(cut->c, doc, step->list);
        for (size_t i = 0; list != NULL && i < list->value_count; i++)
            TRY(cells_add_text(cut, list->values[i]));
        return ERR_OK;
    case SOURCE_UNDER:
    case SOURCE_NOT:
    case SOURCE_AND:
    case SOURCE_OR:
        break;
    }
    return ERR_OK;
}

static enum err
cells_add_steps(struct cells_cut *cut)
{
    const struct cells *c = cut->c;
    for (size_t d = 0; d < c->doc_count; d++) {
        const struct source *doc = c->docs[d];
        for (size_t r = 0; r < doc->rule_count; r++)
            for (size_t i = 0; i < doc->rules[r].step_count; i++) {
                const struct source_step *step = &doc->rules[r].steps[i];
                if (cells_is_leaf(step) && span_eq(doc->attrs[step->attr].name, cut->attr->name))
                    TRY(cells_add_step(cut, doc, step));
            }
    }
    return ERR_OK;
}

static struct cells_cell *
cells_new(struct cells_attr *attr)
{
    if (attr->cell_count == CELLS_PER_ATTR_MAX)
        return NULL;
    struct cells_cell *cell = &attr->cell[attr->cell_count++];
    *cell = (struct cells_cell){0};
    return cell;
}

static enum err
cells_cut_numbers(struct cells_cut *cut)
{
    int64_t low = -JSON_INT_MAX;
    TRY(cells_add_steps(cut));
    qsort(cut->points, cut->point_count, sizeof(*cut->points), cells_number_order);
    for (size_t i = 0; i <= cut->point_count; i++) {
        struct cells_cell *cell = cells_new(cut->attr);
        if (cell == NULL)
            return ERR_FULL;
        cell->low = low;
        cell->high = i == cut->point_count ? JSON_INT_MAX : cut->points[i] - 1;
        low = cell->high + 1;
    }
    return ERR_OK;
}

/* Puts candidate texts, sorted and unique, into cells of those alike. */
static enum err
cells_group(struct cells_cut *cut)
{
    struct cells_attr *attr = cut->attr;
    for (size_t i = 0; i < cut->text_count; i++) {
        size_t at = 1;
        if (i > 0 && span_eq(cut->texts[i - 1], cut->texts[i]))
            continue;
        while (at < attr->cell_count && !cells_alike(cut, attr->cell[at].texts[0], cut->texts[i]))
            at++;
        if (at == attr->cell_count) {
            struct cells_cell *cell = cells_new(attr);
            if (cell == NULL)
                return ERR_FULL;
            cell->texts = arena_take(&cut->c->arena, cut->text_count - i, sizeof(*cell->texts));
            if (cell->texts == NULL)
                return ERR_NOMEM;
        }
        struct cells_cell *cell = &attr->cell[at];
        /* Room was taken for all texts from its first one on. */
        cell->texts[cell->text_count++] = cut->texts[i];
    }
    return ERR_OK;
}

/* A text that nothing mentions: "other", or the first of "other0", "other1"… that is free. */
static enum err
cells_rest(struct cells_cut *cut)
{
    uint8_t *text = arena_take(&cut->c->arena, 16, 1);
    struct span *texts = arena_take(&cut->c->arena, 1, sizeof(*texts));
    struct cells_cell *cell = cells_new(cut->attr);
    if (text == NULL || texts == NULL)
        return ERR_NOMEM;
    if (cell == NULL)
        return ERR_FULL;
    memcpy(text, "other", 5);
    *texts = span_of(text, 5);
    for (size_t n = 0; cells_is_among(cut->texts, cut->text_count, *texts); n++) {
        size_t rest = n;
        size_t len = 5;
        do {
            text[len++] = (uint8_t)('0' + rest % 10);
            rest /= 10;
        } while (rest > 0 && len < 16);
        *texts = span_of(text, len);
    }
    cell->is_rest = true;
    cell->texts = texts;
    cell->text_count = 1;
    return ERR_OK;
}

static enum err
cells_cut_names(struct cells_cut *cut)
{
    const struct vocab *v = cut->c->docs[0]->vocab;
    const struct vocab_attr *declared = vocab_attr(v, cut->attr->name);
    enum err err = ERR_OK;
    if (cut->attr->type == VOCAB_ENUM)
        for (size_t i = 0; err == ERR_OK && i < declared->value_count; i++)
            err = cells_add_text(cut, declared->values[i]);
    else if (cut->attr->type == VOCAB_ZONE)
        for (size_t i = 0; err == ERR_OK && i < v->zone_count; i++)
            err = cells_add_text(cut, v->zones[i].name);
    else
        err = cells_add_steps(cut);
    if (err == ERR_OK && cut->text_count > 0)
        qsort(cut->texts, cut->text_count, sizeof(*cut->texts), cells_order);
    if (err == ERR_OK)
        err = cells_group(cut);
    if (err == ERR_OK && cut->attr->type == VOCAB_STRING)
        err = cells_rest(cut);
    return err;
}

static enum err
cells_cut(struct cells *c, struct cells_attr *attr)
{
    struct cells_cut cut = {.c = c, .attr = attr};
    enum err err = ERR_OK;
    struct cells_cell *scratch = calloc(CELLS_PER_ATTR_MAX, sizeof(*scratch));
    cut.points = calloc(CELLS_PER_ATTR_MAX, sizeof(*cut.points));
    attr->cell = scratch;
    if (scratch == NULL || cut.points == NULL) {
        err = ERR_NOMEM;
    } else {
        cells_new(attr)->is_absent = true;
        if (attr->type == VOCAB_INT)
            err = cells_cut_numbers(&cut);
        else if (attr->type != VOCAB_BOOL)
            err = cells_cut_names(&cut);
        for (int64_t i = 0; attr->type == VOCAB_BOOL && i < 2; i++) {
            struct cells_cell *cell = cells_new(attr);
            cell->low = i;
            cell->high = i;
        }
        attr->cell = arena_take(&c->arena, attr->cell_count, sizeof(*attr->cell));
        if (attr->cell == NULL)
            err = ERR_NOMEM;
        else
            memcpy(attr->cell, scratch, attr->cell_count * sizeof(*attr->cell));
    }
    free(scratch);
    free(cut.points);
    free(cut.texts);
    return err;
}

/* Adds the attributes of one document that are new. */
static enum err
cells_add_doc(struct cells *c, const struct source *doc)
{
    for (size_t i = 0; i < doc->attr_count; i++) {
        size_t at = c->attr_count;
        if (cells_attr(c, doc->attrs[i].name) < c->attr_count)
            continue;
        if (c->attr_count == CELLS_ATTRS_MAX)
            return ERR_FULL;
        for (; at > 0 && span_cmp(c->attrs[at - 1].name, doc->attrs[i].name) > 0; at--)
            c->attrs[at] = c->attrs[at - 1];
        c->attrs[at] = (struct cells_attr){.name = doc->attrs[i].name, .type = doc->attrs[i].type};
        c->attr_count++;
    }
    return ERR_OK;
}

static enum err
cells_fill(struct cells *c)
{
    c->attrs = arena_take(&c->arena, CELLS_ATTRS_MAX, sizeof(*c->attrs));
    if (c->attrs == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->doc_count; i++)
        TRY(cells_add_doc(c, c->docs[i]));
    for (size_t i = 0; i < c->attr_count; i++)
        TRY(cells_cut(c, &c->attrs[i]));
    return ERR_OK;
}

enum err
cells_make(struct cells *c, const struct source *const *docs, size_t doc_count,
           const struct decide_list *lists, size_t list_count)
{
    *c = (struct cells){
        .docs = docs, .doc_count = doc_count, .lists = lists, .list_count = list_count};
    arena_init(&c->arena);
    const enum err err = cells_fill(c);
    if (err != ERR_OK)
        cells_finish(c);
    return err;
}

void
cells_finish(struct cells *c)
{
    arena_finish(&c->arena);
    *c = (struct cells){0};
}

size_t
cells_attr(const struct cells *c, struct span name)
{
    for (size_t i = 0; i < c->attr_count; i++)
        if (span_eq(c->attrs[i].name, name))
            return i;
    return c->attr_count;
}

size_t
cells_find(const struct cells *c, size_t attr, const struct facts_entry *e)
{
    const struct cells_attr *a = &c->attrs[attr];
    const bool is_text = a->type != VOCAB_BOOL && a->type != VOCAB_INT;
    const enum facts_type want =
        is_text ? FACTS_TEXT : (a->type == VOCAB_BOOL ? FACTS_BOOL : FACTS_INT);
    size_t rest = 0;
    if (e == NULL || e->type != want || (is_text && e->text.len > VOCAB_STRING_MAX))
        return 0;
    for (size_t i = 1; i < a->cell_count; i++) {
        const struct cells_cell *cell = &a->cell[i];
        if (!is_text && e->number >= cell->low && e->number <= cell->high)
            return i;
        if (is_text && !cell->is_rest && cells_is_among(cell->texts, cell->text_count, e->text))
            return i;
        rest = cell->is_rest ? i : rest;
    }
    return rest;
}

enum err
cells_fact(const struct cells *c, size_t attr, size_t cell, int64_t near, struct facts *f)
{
    const struct cells_attr *a = &c->attrs[attr];
    const struct cells_cell *v = &a->cell[cell];
    if (v->is_absent)
        return ERR_OK;
    if (a->type == VOCAB_BOOL)
        return facts_bool(f, a->name, v->low != 0, VOCAB_GATEWAY);
    if (a->type != VOCAB_INT)
        return facts_text(f, a->name, v->texts[0], VOCAB_GATEWAY);
    const int64_t number = near < v->low ? v->low : (near > v->high ? v->high : near);
    return facts_int(f, a->name, number, VOCAB_GATEWAY);
}
