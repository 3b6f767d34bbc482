/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/codes.h"

#include <assert.h>
#include <stdlib.h>

enum { CODES_NONE = UINT16_MAX };

struct codes_build {
    const struct source *doc;
    struct codes *out;
    struct arena *arena;
    struct arena *scratch;
    const struct decide_list *lists;
    size_t list_count;
    /* By attribute and (list + 1; 0: the value itself): the column, or CODES_NONE. */
    uint16_t *column_of;
    struct codes_leaves leaves;
};

/* Whether a step compares: all but and, or, not. */
static bool
codes_is_leaf(const struct source_step *step)
{
    return step->op != SOURCE_AND && step->op != SOURCE_OR && step->op != SOURCE_NOT;
}

static size_t
codes_slot(const struct codes_build *b, const struct source_step *step)
{
    const size_t wide = b->doc->list_count + 1;
    return step->attr * wide + (step->op == SOURCE_LISTED ? (size_t)step->list + 1 : 0);
}

static int
codes_number_order(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int
codes_text_order(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

/* How many of the sorted points are not above number. */
static size_t
codes_points_below(const struct codes_column *c, int64_t number)
{
    size_t low = 0;
    size_t high = c->point_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (c->points[middle] <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The index of text among the sorted texts, or their count. */
static size_t
codes_text(const struct codes_column *c, struct span text)
{
    size_t low = 0;
    size_t high = c->text_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = span_cmp(c->texts[middle], text);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return c->text_count;
}

/* Values that code_of has an entry for: nothing for a bool, a number or a list. */
static size_t
codes_value_count(const struct codes_column *c, const struct vocab *v)
{
    if (c->is_listed)
        return 0;
    switch (c->type) {
    case VOCAB_ENUM:
        return c->text_count;
    case VOCAB_STRING:
        return c->text_count + 1;
    case VOCAB_ZONE:
        return v->zone_count;
    case VOCAB_BOOL:
    case VOCAB_INT:
    case VOCAB_LABELS:
        break;
    }
    return 0;
}

static const struct list *
codes_list(const struct codes_build *b, size_t list)
{
    for (size_t i = 0; i < b->list_count; i++)
        if ((b->lists[i].doc == NULL || b->lists[i].doc == b->doc) &&
            span_eq(b->lists[i].alias, b->doc->lists[list].alias))
            return b->lists[i].list;
    return NULL;
}

/* The columns of one attribute: its value, then the lists. */
static enum err
codes_add_columns(struct codes_build *b, uint16_t attr)
{
    for (size_t i = 0; i <= b->doc->list_count; i++) {
        uint16_t *slot = &b->column_of[attr * (b->doc->list_count + 1) + i];
        if (*slot == CODES_NONE)
            continue;
        if (b->out->count == CODES_COLUMNS_MAX)
            return ERR_FULL;
        *slot = (uint16_t)b->out->count;
        struct codes_column *c = &b->out->columns[b->out->count++];
        c->attr = attr;
        c->type = b->doc->attrs[attr].type;
        c->is_listed = i > 0;
        c->list = i > 0 ? codes_list(b, i - 1) : NULL;
    }
    return ERR_OK;
}

static enum err
codes_find_columns(struct codes_build *b)
{
    const struct source *doc = b->doc;
    const size_t slots = doc->attr_count * (doc->list_count + 1);
    uint16_t order[SOURCE_ATTRS_MAX];
    size_t used = 0;
    b->column_of = arena_take(b->scratch, slots, sizeof(*b->column_of));
    if (b->column_of == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < slots; i++)
        b->column_of[i] = CODES_NONE;
    for (size_t r = 0; r < doc->rule_count; r++)
        for (size_t i = 0; i < doc->rules[r].step_count; i++)
            if (codes_is_leaf(&doc->rules[r].steps[i])) {
                uint16_t *slot = &b->column_of[codes_slot(b, &doc->rules[r].steps[i])];
                used += *slot == CODES_NONE ? 1 : 0;
                *slot = 0;
            }
    b->out->columns = arena_take(b->arena, used, sizeof(*b->out->columns));
    if (b->out->columns == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < doc->attr_count; i++) {
        size_t at = i;
        for (; at > 0 && span_cmp(doc->attrs[order[at - 1]].name, doc->attrs[i].name) > 0; at--)
            order[at] = order[at - 1];
        order[at] = (uint16_t)i;
    }
    for (size_t i = 0; i < doc->attr_count; i++)
        TRY(codes_add_columns(b, order[i]));
    return ERR_OK;
}

/* Adds what one comparison compares with to its column; without room there, only counts. */
static void
codes_note_step(struct codes_build *b, const struct source_step *step)
{
    struct codes_column *c = &b->out->columns[b->column_of[codes_slot(b, step)]];
    if (c->is_listed)
        return;
    if (c->type == VOCAB_STRING) {
        const size_t count = step->op == SOURCE_IN ? step->value_count : 1;
        for (size_t i = 0; c->texts != NULL && i < count; i++)
            c->texts[c->text_count + i] = step->op == SOURCE_IN ? step->values[i] : step->text;
        c->text_count += count;
    }
    if (c->type != VOCAB_INT)
        return;
    /* le and gt turn where the next number begins, eq at both. */
    const bool at = step->op != SOURCE_LE && step->op != SOURCE_GT;
    const bool after = step->op != SOURCE_LT && step->op != SOURCE_GE;
    if (at && c->points != NULL)
        c->points[c->point_count] = step->number;
    c->point_count += at ? 1 : 0;
    if (after && c->points != NULL)
        c->points[c->point_count] = step->number + 1;
    c->point_count += after ? 1 : 0;
}

static void
codes_note_steps(struct codes_build *b)
{
    for (size_t r = 0; r < b->doc->rule_count; r++)
        for (size_t i = 0; i < b->doc->rules[r].step_count; i++)
            if (codes_is_leaf(&b->doc->rules[r].steps[i]))
                codes_note_step(b, &b->doc->rules[r].steps[i]);
}

static void
codes_sort(struct codes_column *c)
{
    size_t kept = 0;
    if (c->point_count > 0)
        qsort(c->points, c->point_count, sizeof(*c->points), codes_number_order);
    for (size_t i = 0; i < c->point_count; i++)
        if (kept == 0 || c->points[kept - 1] != c->points[i])
            c->points[kept++] = c->points[i];
    c->point_count = kept;
    kept = 0;
    if (c->type != VOCAB_STRING)
        return;
    if (c->text_count > 0)
        qsort(c->texts, c->text_count, sizeof(*c->texts), codes_text_order);
    for (size_t i = 0; i < c->text_count; i++)
        if (kept == 0 || !span_eq(c->texts[kept - 1], c->texts[i]))
            c->texts[kept++] = c->texts[i];
    c->text_count = kept;
}

/* Thresholds and texts, sorted and each once. */
static enum err
codes_collect(struct codes_build *b)
{
    codes_note_steps(b);
    for (size_t i = 0; i < b->out->count; i++) {
        struct codes_column *c = &b->out->columns[i];
        c->points = arena_take(b->arena, c->point_count, sizeof(*c->points));
        c->texts = arena_take(b->arena, c->text_count, sizeof(*c->texts));
        if (c->points == NULL || c->texts == NULL)
            return ERR_NOMEM;
        c->point_count = 0;
        c->text_count = 0;
    }
    codes_note_steps(b);
    for (size_t i = 0; i < b->out->count; i++) {
        struct codes_column *c = &b->out->columns[i];
        codes_sort(c);
        if (c->type == VOCAB_ENUM) {
            c->texts = b->doc->attrs[c->attr].declared->values;
            c->text_count = b->doc->attrs[c->attr].declared->value_count;
        }
    }
    return ERR_OK;
}

static size_t
codes_value(const struct codes_build *b, const struct codes_column *c, struct span text)
{
    return c->type == VOCAB_ZONE ? vocab_zone(b->doc->vocab, text) : codes_text(c, text);
}

/* The values of a name column for which a comparison is true. */
static size_t
codes_true_values(const struct codes_build *b, const struct codes_column *c,
                  const struct source_step *step, uint32_t out[static VOCAB_VALUES_MAX])
{
    const struct vocab *v = b->doc->vocab;
    size_t count = 0;
    if (step->op == SOURCE_UNDER) {
        for (uint32_t i = 0; i < v->zone_count; i++)
            if (vocab_zone_under(v, i, step->zone))
                out[count++] = i;
    } else if (step->op == SOURCE_IN) {
        for (size_t i = 0; i < step->value_count; i++)
            out[count++] = (uint32_t)codes_value(b, c, step->values[i]);
    } else {
        out[count++] = (uint32_t)codes_value(b, c, step->text);
    }
    return count;
}

/* The classes of the values of one column, refined by one comparison after another. */
struct codes_classes {
    uint32_t *of;     /* by value */
    uint32_t *size;   /* by class, as are the others */
    uint32_t *hits;   /* values hit by the comparison at hand */
    uint32_t *moved;  /* the class that the hit ones go to, or 0 */
    uint32_t *origin; /* the class that a new one was parted from */
    uint32_t count;
};

/* Parts every class of which some values, but not all, are hit. */
static void
codes_refine(struct codes_classes *k, const uint32_t *hit, size_t count)
{
    const uint32_t before = k->count;
    for (size_t i = 0; i < count; i++)
        k->hits[k->of[hit[i]]]++;
    for (size_t i = 0; i < count; i++) {
        const uint32_t class = k->of[hit[i]];
        if (k->hits[class] == k->size[class])
            continue;
        if (k->moved[class] == 0) {
            k->origin[k->count] = class;
            k->moved[class] = k->count++;
        }
        k->of[hit[i]] = k->moved[class];
        k->size[k->moved[class]]++;
    }
    for (uint32_t i = before; i < k->count; i++) {
        k->size[k->origin[i]] -= k->size[i];
        k->moved[k->origin[i]] = 0;
        k->hits[k->origin[i]] = 0;
    }
    for (size_t i = 0; i < count; i++)
        k->hits[k->of[hit[i]]] = 0;
}

static enum err
codes_classes_init(const struct codes_build *b, size_t values, struct codes_classes *ret)
{
    struct codes_classes k = {.count = 1};
    k.of = arena_take(b->scratch, values, sizeof(*k.of));
    k.size = arena_take(b->scratch, values, sizeof(*k.size));
    k.hits = arena_take(b->scratch, values, sizeof(*k.hits));
    k.moved = arena_take(b->scratch, values, sizeof(*k.moved));
    k.origin = arena_take(b->scratch, values, sizeof(*k.origin));
    if (k.of == NULL || k.size == NULL || k.hits == NULL || k.moved == NULL || k.origin == NULL)
        return ERR_NOMEM;
    if (values > 0)
        k.size[0] = (uint32_t)values;
    *ret = k;
    return ERR_OK;
}

/* Names that no comparison tells apart share a code. */
static enum err
codes_classify(const struct codes_build *b)
{
    struct codes_classes *all = arena_take(b->scratch, b->out->count, sizeof(struct codes_classes));
    uint32_t hit[VOCAB_VALUES_MAX];
    if (all == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < b->out->count; i++)
        TRY(codes_classes_init(b, codes_value_count(&b->out->columns[i], b->doc->vocab), &all[i]));
    for (size_t r = 0; r < b->doc->rule_count; r++)
        for (size_t i = 0; i < b->doc->rules[r].step_count; i++) {
            const struct source_step *step = &b->doc->rules[r].steps[i];
            if (!codes_is_leaf(step))
                continue;
            const size_t at = b->column_of[codes_slot(b, step)];
            const struct codes_column *c = &b->out->columns[at];
            if (codes_value_count(c, b->doc->vocab) > 0)
                codes_refine(&all[at], hit, codes_true_values(b, c, step, hit));
        }
    for (size_t i = 0; i < b->out->count; i++) {
        struct codes_column *c = &b->out->columns[i];
        const size_t values = codes_value_count(c, b->doc->vocab);
        c->count = CODES_FIRST + all[i].count;
        if (c->type == VOCAB_BOOL || (c->is_listed && c->list != NULL))
            c->count = CODES_FIRST + 2;
        else if (c->type == VOCAB_INT)
            c->count = (uint32_t)(CODES_FIRST + c->point_count + 1);
        if (c->count > UINT16_MAX)
            return ERR_FULL;
        c->code_of = arena_take(b->arena, values, sizeof(*c->code_of));
        if (c->code_of == NULL)
            return ERR_NOMEM;
        for (size_t k = 0; k < values; k++)
            c->code_of[k] = (uint16_t)(CODES_FIRST + all[i].of[k]);
    }
    return ERR_OK;
}

/* The codes for which an ordering or an equality of numbers is true. */
static void
codes_leaf_number(const struct codes_column *c, const struct source_step *step,
                  struct codes_leaf *leaf)
{
    const bool inclusive = step->op == SOURCE_LE || step->op == SOURCE_GT;
    const size_t turn = codes_points_below(c, step->number + (inclusive ? 1 : 0));
    leaf->low = CODES_FIRST;
    leaf->high = c->count;
    if (step->op == SOURCE_LT || step->op == SOURCE_LE) {
        leaf->high = (uint32_t)(CODES_FIRST + turn);
    } else {
        leaf->low = (uint32_t)(CODES_FIRST + turn);
        if (step->op == SOURCE_EQ)
            leaf->high = leaf->low + 1;
    }
}

static enum err
codes_leaf_make(const struct codes_build *b, const struct source_step *step,
                struct codes_leaf *leaf)
{
    uint32_t value[VOCAB_VALUES_MAX];
    leaf->column = b->column_of[codes_slot(b, step)];
    const struct codes_column *c = &b->out->columns[leaf->column];
    leaf->is_lost = c->is_listed && c->list == NULL;
    if (c->is_listed) {
        leaf->low = CODES_FIRST + 1;
        leaf->high = CODES_FIRST + 2;
        return ERR_OK;
    }
    if (c->type == VOCAB_INT) {
        codes_leaf_number(c, step, leaf);
        return ERR_OK;
    }
    if (c->type == VOCAB_BOOL) {
        leaf->low = CODES_FIRST + (step->number != 0 ? 1U : 0U);
        leaf->high = leaf->low + 1;
        return ERR_OK;
    }
    const size_t count = codes_true_values(b, c, step, value);
    uint16_t *also = arena_take(b->scratch, count, sizeof(*also));
    if (also == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        also[i] = c->code_of[value[i]];
    leaf->also = also;
    leaf->also_count = count;
    return ERR_OK;
}

static enum err
codes_leaves(struct codes_build *b)
{
    const struct source *doc = b->doc;
    size_t total = 0;
    for (size_t r = 0; r < doc->rule_count; r++)
        total += doc->rules[r].step_count;
    b->leaves.begin = arena_take(b->scratch, doc->rule_count, sizeof(*b->leaves.begin));
    b->leaves.leaf = arena_take(b->scratch, total, sizeof(*b->leaves.leaf));
    if (b->leaves.begin == NULL || b->leaves.leaf == NULL)
        return ERR_NOMEM;
    total = 0;
    for (size_t r = 0; r < doc->rule_count; r++) {
        b->leaves.begin[r] = (uint32_t)total;
        for (size_t i = 0; i < doc->rules[r].step_count; i++, total++)
            if (codes_is_leaf(&doc->rules[r].steps[i]))
                TRY(codes_leaf_make(b, &doc->rules[r].steps[i], &b->leaves.leaf[total]));
    }
    return ERR_OK;
}

enum err
codes_make(struct codes *c, struct arena *arena, struct arena *scratch, const struct source *doc,
           const struct decide_list *lists, size_t list_count, struct codes_leaves *ret_leaves)
{
    struct codes_build b = {.doc = doc,
                            .out = c,
                            .arena = arena,
                            .scratch = scratch,
                            .lists = lists,
                            .list_count = list_count};
    *c = (struct codes){0};
    TRY(codes_find_columns(&b));
    TRY(codes_collect(&b));
    TRY(codes_classify(&b));
    TRY(codes_leaves(&b));
    *ret_leaves = b.leaves;
    return ERR_OK;
}

uint16_t
codes_number(const struct codes_column *column, int64_t number)
{
    if (number > JSON_INT_MAX || number < -JSON_INT_MAX)
        return CODES_UNKNOWN;
    return (uint16_t)(CODES_FIRST + codes_points_below(column, number));
}

/* The code of a text, of which it is known that the attribute can have it. */
static uint16_t
codes_of_text(const struct codes_column *c, struct span text, size_t value)
{
    if (!c->is_listed)
        return c->code_of[value];
    return c->list != NULL && list_has(c->list, text) ? CODES_FIRST + 1 : CODES_FIRST;
}

uint16_t
codes_find(const struct codes_column *column, const struct vocab *v, const struct facts_entry *e)
{
    size_t value = 0;
    switch (column->type) {
    case VOCAB_BOOL:
        if (e->type != FACTS_BOOL)
            return CODES_UNKNOWN;
        return e->number != 0 ? CODES_FIRST + 1 : CODES_FIRST;
    case VOCAB_INT:
        return e->type == FACTS_INT ? codes_number(column, e->number) : CODES_UNKNOWN;
    case VOCAB_ENUM:
        value = e->type == FACTS_TEXT ? codes_text(column, e->text) : column->text_count;
        return value < column->text_count ? codes_of_text(column, e->text, value) : CODES_UNKNOWN;
    case VOCAB_STRING:
        if (e->type != FACTS_TEXT || e->text.len > VOCAB_STRING_MAX)
            return CODES_UNKNOWN;
        return codes_of_text(column, e->text, column->is_listed ? 0 : codes_text(column, e->text));
    case VOCAB_ZONE:
        value = e->type == FACTS_TEXT ? vocab_zone(v, e->text) : VOCAB_NONE;
        return value != VOCAB_NONE ? codes_of_text(column, e->text, value) : CODES_UNKNOWN;
    case VOCAB_LABELS:
        break;
    }
    return CODES_UNKNOWN;
}
