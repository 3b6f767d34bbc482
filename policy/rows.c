/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rows.h"

#include <assert.h>

#include "policy/condition.h"

/* The size of a part as it stands and negated: negated, and is or and or is and. */
struct rows_pair {
    struct rows_size as[2];
};

static size_t
rows_most(size_t n, size_t max)
{
    return n < max ? n : max;
}

static struct rows_size
rows_join(struct rows_size a, struct rows_size b)
{
    return (struct rows_size){
        .rows = rows_most(a.rows + b.rows, ROWS_MAX + 1),
        .literals = rows_most(a.literals + b.literals, ROWS_LITERALS_MAX + 1),
    };
}

/* Every row of one with every row of the other. Factors are bounded, so products fit. */
static struct rows_size
rows_cross(struct rows_size a, struct rows_size b)
{
    return (struct rows_size){
        .rows = rows_most(a.rows * b.rows, ROWS_MAX + 1),
        .literals = rows_most(a.literals * b.rows + b.literals * a.rows, ROWS_LITERALS_MAX + 1),
    };
}

struct rows_size
rows_measure(const struct source_rule *rule)
{
    struct rows_pair stack[CONDITION_STACK_MAX];
    size_t depth = 0;
    if (rule->step_count == 0)
        return (struct rows_size){.rows = 1, .literals = 0};
    for (size_t i = 0; i < rule->step_count; i++) {
        const enum source_op op = rule->steps[i].op;
        if (op == SOURCE_NOT) {
            assert(depth >= 1);
            const struct rows_size kept = stack[depth - 1].as[0];
            stack[depth - 1].as[0] = stack[depth - 1].as[1];
            stack[depth - 1].as[1] = kept;
        } else if (op == SOURCE_AND || op == SOURCE_OR) {
            assert(depth >= 2);
            const struct rows_pair b = stack[--depth];
            const struct rows_pair a = stack[depth - 1];
            const size_t cross = op == SOURCE_AND ? 0 : 1;
            stack[depth - 1].as[cross] = rows_cross(a.as[cross], b.as[cross]);
            stack[depth - 1].as[1 - cross] = rows_join(a.as[1 - cross], b.as[1 - cross]);
        } else {
            assert(depth < CONDITION_STACK_MAX);
            stack[depth++] = (struct rows_pair){{{1, 1}, {1, 1}}};
        }
    }
    assert(depth == 1);
    return stack[0].as[0];
}

void
rows_prepare(const struct source_rule *rule, struct rows_node *nodes)
{
    for (size_t i = 0; i < rule->step_count; i++) {
        const enum source_op op = rule->steps[i].op;
        struct rows_node *n = &nodes[i];
        if (op == SOURCE_NOT) {
            assert(i >= 1);
            const struct rows_node *a = &nodes[i - 1];
            *n = (struct rows_node){.begin = a->begin, .rows = {a->rows[1], a->rows[0]}};
        } else if (op == SOURCE_AND || op == SOURCE_OR) {
            assert(i >= 2 && nodes[i - 1].begin >= 1);
            const struct rows_node *b = &nodes[i - 1];
            const struct rows_node *a = &nodes[b->begin - 1];
            const size_t cross = op == SOURCE_AND ? 0 : 1;
            const size_t product = (size_t)a->rows[cross] * b->rows[cross];
            const size_t sum = (size_t)a->rows[1 - cross] + b->rows[1 - cross];
            n->begin = a->begin;
            n->rows[cross] = (uint32_t)rows_most(product, ROWS_MAX + 1);
            n->rows[1 - cross] = (uint32_t)rows_most(sum, ROWS_MAX + 1);
        } else {
            *n = (struct rows_node){.begin = (uint32_t)i, .rows = {1, 1}};
        }
    }
}

/* A part of the condition that a row passes through: which of its own rows is meant. */
struct rows_place {
    uint32_t step;
    uint32_t row;
    bool negated;
};

/* Puts the parts of an and or or that row `at.row` of it passes through onto the stack: one of each
 * side where rows are crossed, else the side that has it. The last put is the right one. */
static size_t
rows_split(const struct rows_node *nodes, bool is_and, struct rows_place at,
           struct rows_place *stack)
{
    const uint32_t right = at.step - 1;
    const uint32_t left = nodes[right].begin - 1;
    const uint32_t left_rows = nodes[left].rows[at.negated];
    const uint32_t right_rows = nodes[right].rows[at.negated];
    if (is_and != at.negated) {
        stack[0] = (struct rows_place){left, at.row / right_rows, at.negated};
        stack[1] = (struct rows_place){right, at.row % right_rows, at.negated};
        return 2;
    }
    if (at.row < left_rows)
        stack[0] = (struct rows_place){left, at.row, at.negated};
    else
        stack[0] = (struct rows_place){right, at.row - left_rows, at.negated};
    return 1;
}

size_t
rows_list(const struct source_rule *rule, const struct rows_node *nodes, size_t row,
          struct rows_literal *out)
{
    /* The right side is walked first, so only the left sides of the open levels wait. */
    struct rows_place stack[CONDITION_STACK_MAX + 1];
    size_t depth = 0;
    size_t count = 0;
    if (rule->step_count == 0)
        return 0;
    const uint32_t last = (uint32_t)rule->step_count - 1;
    assert(row < nodes[last].rows[0] && nodes[last].rows[0] <= ROWS_MAX);
    stack[depth++] = (struct rows_place){last, (uint32_t)row, false};
    while (depth > 0) {
        const struct rows_place at = stack[--depth];
        const enum source_op op = rule->steps[at.step].op;
        assert(depth < CONDITION_STACK_MAX);
        if (op == SOURCE_NOT)
            stack[depth++] = (struct rows_place){at.step - 1, at.row, !at.negated};
        else if (op == SOURCE_AND || op == SOURCE_OR)
            depth += rows_split(nodes, op == SOURCE_AND, at, &stack[depth]);
        else
            out[count++] = (struct rows_literal){at.step, at.negated};
    }
    return count;
}
