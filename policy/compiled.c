/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/compiled.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct compiled_build {
    struct compiled *out;
    const struct source *doc;
    struct arena scratch;
    struct codes_leaves leaves;
    struct rows_node *nodes; /* of the rule at hand */
    struct rows_literal *literals;
    uint16_t *order;     /* by bit: index into the document's rules */
    uint32_t *row_count; /* by bit */
    uint32_t *row_begin; /* by bit: where its further rows begin, from 0 */
    size_t further;      /* rows beyond the first of their rule */
    uint8_t *truth;      /* by code, of the comparison at hand */
};

/* As much of an id as leaves room for what is wrong. */
static int
compiled_id_len(struct span id)
{
    return id.len < 20 ? (int)id.len : 20;
}

static enum err
compiled_stop(const struct source *doc, const struct source_rule *rule, const char *where,
              struct fault *ret_fault)
{
    if (ret_fault != NULL) {
        *ret_fault =
            (struct fault){.code = ERR_FULL, .line = rule == NULL ? 1 : rule->line, .column = 1};
        (void)snprintf(ret_fault->where, sizeof(ret_fault->where), "%.*s%s%.*s: %s",
                       compiled_id_len(doc->id), (const char *)doc->id.ptr, rule == NULL ? "" : "/",
                       rule == NULL ? 0 : compiled_id_len(rule->id),
                       rule == NULL ? "" : (const char *)rule->id.ptr, where);
    }
    return ERR_FULL;
}

/* Rules by effect, then id: the document has them by id. */
static enum err
compiled_order(struct compiled_build *b)
{
    const struct source *doc = b->doc;
    size_t bit = 0;
    size_t steps = 0;
    b->order = arena_take(&b->scratch, doc->rule_count, sizeof(*b->order));
    b->row_count = arena_take(&b->scratch, doc->rule_count, sizeof(*b->row_count));
    b->row_begin = arena_take(&b->scratch, doc->rule_count, sizeof(*b->row_begin));
    b->out->rules = arena_take(&b->out->arena, doc->rule_count, sizeof(*b->out->rules));
    if (b->order == NULL || b->row_count == NULL || b->row_begin == NULL || b->out->rules == NULL)
        return ERR_NOMEM;
    for (unsigned effect = 0; effect < 4; effect++)
        for (size_t i = 0; i < doc->rule_count; i++) {
            if (doc->rules[i].effect != effect)
                continue;
            b->out->effect[effect][bit / 64] |= UINT64_C(1) << (bit % 64);
            b->out->rules[bit] = &doc->rules[i];
            b->order[bit++] = (uint16_t)i;
            steps = doc->rules[i].step_count > steps ? doc->rules[i].step_count : steps;
        }
    assert(bit == doc->rule_count);
    b->nodes = arena_take(&b->scratch, steps, sizeof(*b->nodes));
    b->literals = arena_take(&b->scratch, steps, sizeof(*b->literals));
    return b->nodes == NULL || b->literals == NULL ? ERR_NOMEM : ERR_OK;
}

/* Counts rows, and gives each further one its bit. */
static enum err
compiled_rows(struct compiled_build *b, struct fault *ret_fault)
{
    struct compiled *c = b->out;
    size_t literals = 0;
    for (size_t bit = 0; bit < b->doc->rule_count; bit++) {
        const struct rows_size size = rows_measure(c->rules[bit]);
        literals += size.literals;
        b->row_count[bit] = (uint32_t)size.rows;
        b->row_begin[bit] = (uint32_t)b->further;
        b->further += size.rows - 1;
        if (b->further + b->doc->rule_count > ROWS_MAX)
            return compiled_stop(b->doc, c->rules[bit],
                                 "any and all multiply to more than 4096 rows", ret_fault);
        if (literals > ROWS_LITERALS_MAX)
            return compiled_stop(b->doc, c->rules[bit],
                                 "any and all repeat more than 262144 comparisons", ret_fault);
    }
    c->rule_words = (b->doc->rule_count + 63) / 64;
    c->words = c->rule_words + (b->further + 63) / 64;
    c->row_rule = arena_take(&c->arena, (c->words - c->rule_words) * 64, sizeof(*c->row_rule));
    if (c->row_rule == NULL)
        return ERR_NOMEM;
    for (size_t bit = 0; bit < b->doc->rule_count; bit++)
        for (uint32_t i = 1; i < b->row_count[bit]; i++)
            c->row_rule[b->row_begin[bit] + i - 1] = (uint16_t)bit;
    return ERR_OK;
}

/* The bit of a row: its word and place there. */
static size_t
compiled_bit(const struct compiled_build *b, size_t rule, size_t row)
{
    return row == 0 ? rule : b->out->rule_words * 64 + b->row_begin[rule] + row - 1;
}

/* Marks in used, words x columns, which columns the rows of a word may read. */
static enum err
compiled_used(struct compiled_build *b, uint8_t *used)
{
    struct compiled *c = b->out;
    c->reads = arena_take(&c->arena, b->doc->rule_count * COMPILED_ATTR_WORDS, sizeof(*c->reads));
    if (c->reads == NULL)
        return ERR_NOMEM;
    for (size_t bit = 0; bit < b->doc->rule_count; bit++) {
        const struct source_rule *rule = c->rules[bit];
        const struct codes_leaf *leaf = &b->leaves.leaf[b->leaves.begin[b->order[bit]]];
        const size_t first = b->row_count[bit] > 1 ? compiled_bit(b, bit, 1) / 64 : 1;
        const size_t last =
            b->row_count[bit] > 1 ? compiled_bit(b, bit, b->row_count[bit] - 1) / 64 : 0;
        for (size_t i = 0; i < rule->step_count; i++) {
            const enum source_op op = rule->steps[i].op;
            if (op == SOURCE_NOT || op == SOURCE_AND || op == SOURCE_OR)
                continue;
            const uint16_t attr = rule->steps[i].attr;
            c->reads[bit * COMPILED_ATTR_WORDS + attr / 64] |= UINT64_C(1) << (attr % 64);
            used[bit / 64 * c->codes.count + leaf[i].column] = 1;
            for (size_t w = first; w <= last; w++)
                used[w * c->codes.count + leaf[i].column] = 1;
        }
    }
    return ERR_OK;
}

/* Refuses what would take too long: many rows over an attribute with many thresholds. */
static enum err
compiled_work(const struct compiled_build *b, struct fault *ret_fault)
{
    size_t work = 0;
    for (size_t bit = 0; bit < b->doc->rule_count; bit++) {
        const struct source_rule *rule = b->out->rules[bit];
        const struct codes_leaf *leaf = &b->leaves.leaf[b->leaves.begin[b->order[bit]]];
        size_t most = 0;
        for (size_t i = 0; i < rule->step_count; i++) {
            const enum source_op op = rule->steps[i].op;
            if (op == SOURCE_NOT || op == SOURCE_AND || op == SOURCE_OR)
                continue;
            const size_t codes = b->out->codes.columns[leaf[i].column].count;
            most = codes > most ? codes : most;
        }
        work += rows_measure(rule).literals * most;
        if (work > COMPILED_WORK_MAX)
            return compiled_stop(b->doc, rule, "too many rows over too many different values",
                                 ret_fault);
    }
    return ERR_OK;
}

/* Uses of a word are sorted by column; NULL when it does not read that one. */
static struct compiled_use *
compiled_find_use(const struct compiled *c, size_t word, uint32_t column)
{
    size_t low = c->use_begin[word];
    size_t high = c->use_begin[word + 1];
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (c->uses[middle].column == column)
            return &c->uses[middle];
        if (c->uses[middle].column < column)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Places the cells of a column from cell on; how many there are. */
static size_t
compiled_place(const struct compiled *c, uint32_t column, uint32_t cell)
{
    c->stride[column] = 0;
    for (size_t w = 0; w < c->words; w++) {
        struct compiled_use *use = compiled_find_use(c, w, column);
        if (use != NULL)
            use->cell = cell + c->stride[column]++;
    }
    return (size_t)c->stride[column] * c->codes.columns[column].count;
}

/* Room for the cells of every column in every word that reads it. */
static enum err
compiled_uses(struct compiled_build *b, struct fault *ret_fault)
{
    struct compiled *c = b->out;
    uint8_t *used = arena_take(&b->scratch, c->words * c->codes.count, 1);
    size_t uses = 0;
    size_t cells = 0;
    if (used == NULL)
        return ERR_NOMEM;
    TRY(compiled_used(b, used));
    for (size_t i = 0; i < c->words * c->codes.count; i++) {
        uses += used[i];
        cells += used[i] != 0 ? c->codes.columns[i % c->codes.count].count : 0;
    }
    if (cells > COMPILED_CELLS_MAX)
        return compiled_stop(b->doc, NULL, "its conditions compile to tables of more than 16 MiB",
                             ret_fault);
    c->use_begin = arena_take(&c->arena, c->words + 1, sizeof(*c->use_begin));
    c->uses = arena_take(&c->arena, uses, sizeof(*c->uses));
    c->stride = arena_take(&c->arena, c->codes.count, sizeof(*c->stride));
    c->cells = arena_take(&c->arena, cells, sizeof(*c->cells));
    if (c->use_begin == NULL || c->uses == NULL || c->stride == NULL || c->cells == NULL)
        return ERR_NOMEM;
    uses = 0;
    cells = 0;
    for (size_t w = 0; w < c->words; w++) {
        c->use_begin[w] = (uint32_t)uses;
        for (size_t i = 0; i < c->codes.count; i++)
            if (used[w * c->codes.count + i] != 0)
                c->uses[uses++].column = (uint32_t)i;
    }
    c->use_begin[c->words] = (uint32_t)uses;
    for (size_t i = 0; i < c->codes.count; i++)
        cells += compiled_place(c, (uint32_t)i, (uint32_t)cells);
    return ERR_OK;
}

/* One comparison of the row at bit, on every code of its column. */
static void
compiled_put(struct compiled_build *b, size_t bit, const struct codes_leaf *leaf, bool negated)
{
    const struct compiled *c = b->out;
    const uint32_t count = c->codes.columns[leaf->column].count;
    const struct compiled_use *use = compiled_find_use(c, bit / 64, leaf->column);
    assert(use != NULL);
    struct compiled_cell *cells = &c->cells[use->cell];
    const size_t stride = c->stride[leaf->column];
    const uint64_t mask = UINT64_C(1) << (bit % 64);
    cells[CODES_UNKNOWN].unknown |= mask;
    if (leaf->is_lost) {
        for (uint32_t i = 0; i < count; i++)
            cells[i * stride].unknown |= mask;
        return;
    }
    cells[CODES_OPEN_LOW * stride].fails |= mask;
    memset(b->truth, 0, count);
    memset(b->truth + leaf->low, 1, leaf->high - leaf->low);
    for (size_t i = 0; i < leaf->also_count; i++)
        b->truth[leaf->also[i]] = 1;
    for (uint32_t i = CODES_FIRST; i < count; i++)
        if ((b->truth[i] != 0) == negated)
            cells[i * stride].fails |= mask;
}

static enum err
compiled_fill(struct compiled_build *b)
{
    const struct compiled *c = b->out;
    b->truth = arena_take(&b->scratch, UINT16_MAX + 1, 1);
    if (b->truth == NULL)
        return ERR_NOMEM;
    for (size_t bit = 0; bit < b->doc->rule_count; bit++) {
        const struct source_rule *rule = c->rules[bit];
        const struct codes_leaf *leaf = &b->leaves.leaf[b->leaves.begin[b->order[bit]]];
        rows_prepare(rule, b->nodes);
        for (size_t row = 0; row < b->row_count[bit]; row++) {
            const size_t count = rows_list(rule, b->nodes, row, b->literals);
            for (size_t i = 0; i < count; i++)
                compiled_put(b, compiled_bit(b, bit, row), &leaf[b->literals[i].step],
                             b->literals[i].negated);
        }
    }
    return ERR_OK;
}

/* The masks of all rows whose rules have index in the set that set_of gives. */
static void
compiled_scope_set(const struct compiled_build *b, size_t index, bool is_zone, uint64_t *mask)
{
    for (size_t bit = 0; bit < b->doc->rule_count; bit++) {
        const struct source_rule *rule = b->out->rules[bit];
        if (!vocab_set_has(is_zone ? &rule->to : &rule->classes, (uint32_t)index))
            continue;
        for (size_t row = 0; row < b->row_count[bit]; row++) {
            const size_t at = compiled_bit(b, bit, row);
            mask[at / 64] |= UINT64_C(1) << (at % 64);
        }
    }
}

static enum err
compiled_scope(struct compiled_build *b)
{
    struct compiled *c = b->out;
    const struct vocab *v = b->doc->vocab;
    c->to = arena_take(&c->arena, v->zone_count * c->words, sizeof(*c->to));
    c->classes = arena_take(&c->arena, v->class_count * c->words, sizeof(*c->classes));
    if (c->to == NULL || c->classes == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < v->zone_count; i++)
        compiled_scope_set(b, i, true, &c->to[i * c->words]);
    for (size_t i = 0; i < v->class_count; i++)
        compiled_scope_set(b, i, false, &c->classes[i * c->words]);
    return ERR_OK;
}

static int
compiled_time_order(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

size_t
compiled_stretch(const struct compiled *c, int64_t now_ms)
{
    size_t low = 0;
    size_t high = c->time_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (c->times[middle] <= now_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Adds the times at which rules begin and end to be in force, and permits to be stale. */
static enum err
compiled_times(struct compiled_build *b)
{
    struct compiled *c = b->out;
    size_t count = 0;
    size_t kept = 0;
    c->times = arena_take(&c->arena, 2 + 3 * b->doc->rule_count, sizeof(*c->times));
    if (c->times == NULL)
        return ERR_NOMEM;
    c->times[count++] = b->doc->from_ms;
    c->times[count++] = b->doc->until_ms;
    for (size_t bit = 0; bit < b->doc->rule_count; bit++) {
        c->times[count++] = c->rules[bit]->from_ms;
        c->times[count++] = c->rules[bit]->until_ms;
        c->times[count++] = c->rules[bit]->stale_ms;
    }
    qsort(c->times, count, sizeof(*c->times), compiled_time_order);
    for (size_t i = 0; i < count; i++)
        /* Before the beginning of time and after its end nothing turns. */
        if (c->times[i] != INT64_MIN && c->times[i] != INT64_MAX &&
            (kept == 0 || c->times[kept - 1] != c->times[i]))
            c->times[kept++] = c->times[i];
    c->time_count = kept;
    return ERR_OK;
}

static enum err
compiled_clock(struct compiled_build *b)
{
    struct compiled *c = b->out;
    TRY(compiled_times(b));
    const size_t stretches = c->time_count + 1;
    c->in_force = arena_take(&c->arena, stretches * c->rule_words, sizeof(*c->in_force));
    c->stale = arena_take(&c->arena, stretches * c->rule_words, sizeof(*c->stale));
    if (c->in_force == NULL || c->stale == NULL)
        return ERR_NOMEM;
    for (size_t k = 0; k < stretches; k++) {
        const int64_t now = k == 0 ? INT64_MIN : c->times[k - 1];
        for (size_t bit = 0; bit < b->doc->rule_count; bit++) {
            const struct source_rule *rule = c->rules[bit];
            const uint64_t mask = UINT64_C(1) << (bit % 64);
            if (now >= b->doc->from_ms && now < b->doc->until_ms && now >= rule->from_ms &&
                now < rule->until_ms)
                c->in_force[k * c->rule_words + bit / 64] |= mask;
            if (rule->effect == SOURCE_PERMIT && now >= rule->stale_ms)
                c->stale[k * c->rule_words + bit / 64] |= mask;
        }
    }
    return ERR_OK;
}

/* Adding an obligation can make a conflict but never mend one, so what joins whole joins in part.
 */
static enum err
compiled_duties(struct compiled_build *b)
{
    struct obligation_set *set = arena_take(&b->scratch, 1, sizeof(*set));
    if (set == NULL)
        return ERR_NOMEM;
    obligation_set_init(set);
    for (size_t i = 0; i < b->doc->rule_count; i++)
        for (size_t k = 0; k < b->doc->rules[i].duty_count; k++)
            obligation_set_add(set, &b->doc->rules[i].duties[k]);
    obligation_set_close(set);
    b->out->duties_join = !set->conflict && !set->unsupported;
    return ERR_OK;
}

static enum err
compiled_build(struct compiled_build *b, const struct decide_list *lists, size_t list_count,
               struct fault *ret_fault)
{
    struct compiled *c = b->out;
    TRY(compiled_order(b));
    TRY(compiled_rows(b, ret_fault));
    const enum err err =
        codes_make(&c->codes, &c->arena, &b->scratch, b->doc, lists, list_count, &b->leaves);
    if (err == ERR_FULL)
        return compiled_stop(b->doc, NULL, "its conditions compare too many different things",
                             ret_fault);
    TRY(err);
    TRY(compiled_work(b, ret_fault));
    TRY(compiled_uses(b, ret_fault));
    TRY(compiled_fill(b));
    TRY(compiled_scope(b));
    TRY(compiled_clock(b));
    return compiled_duties(b);
}

enum err
compiled_make(struct compiled *c, const struct source *doc, const struct decide_list *lists,
              size_t list_count, struct fault *ret_fault)
{
    struct compiled_build b = {.out = c, .doc = doc};
    *c = (struct compiled){.doc = doc};
    arena_init(&c->arena);
    arena_init(&b.scratch);
    const enum err err = compiled_build(&b, lists, list_count, ret_fault);
    arena_finish(&b.scratch);
    if (err != ERR_OK)
        compiled_finish(c);
    return err;
}

void
compiled_finish(struct compiled *c)
{
    arena_finish(&c->arena);
    *c = (struct compiled){0};
}
