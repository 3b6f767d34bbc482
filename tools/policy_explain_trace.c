/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/rows.h"
#include "tools/policy_explain.h"

bool
policy_explain_in_scope(const struct policy_explain *t, const struct source *doc,
                        const struct source_rule *rule)
{
    const struct vocab *v = doc->vocab;
    const struct facts_entry *to = facts_get(&t->facts, SPAN_LIT("to"));
    const int64_t now = t->now_ms;
    const uint32_t zone =
        to == NULL || to->type != FACTS_TEXT ? VOCAB_NONE : vocab_zone(v, to->text);
    if (zone == VOCAB_NONE || !vocab_set_has(&rule->to, zone) || now < rule->from_ms ||
        now >= rule->until_ms || now < doc->from_ms || now >= doc->until_ms)
        return false;
    for (size_t i = 0; i < t->facts.label_count; i++) {
        const uint32_t class = vocab_class(v, t->facts.label[i]);
        if (class != VOCAB_NONE && vocab_set_has(&rule->classes, class))
            return true;
    }
    return false;
}

static enum cells_truth
policy_explain_leaf(const struct policy_explain *t, const struct source *doc,
                    const struct source_step *step)
{
    const size_t attr = cells_attr(&t->cells, doc->attrs[step->attr].name);
    const struct facts_entry *e = facts_get(&t->facts, doc->attrs[step->attr].name);
    const size_t cell = cells_find(&t->cells, attr, e);
    return cells_truth(&t->cells, doc, step, &t->cells.attrs[attr].cell[cell]);
}

/* What every part of the condition comes to, by the step that ends it. */
static void
policy_explain_values(const struct policy_explain *t, const struct source *doc,
                      const struct source_rule *rule, const struct rows_node *nodes,
                      enum cells_truth *value)
{
    for (size_t i = 0; i < rule->step_count; i++) {
        const enum source_op op = rule->steps[i].op;
        if (op == SOURCE_NOT) {
            value[i] = (enum cells_truth)(CELLS_TRUE - value[i - 1]);
        } else if (op == SOURCE_AND || op == SOURCE_OR) {
            const enum cells_truth b = value[i - 1];
            const enum cells_truth a = value[nodes[i - 1].begin - 1];
            value[i] = (op == SOURCE_AND) == (a < b) ? a : b;
        } else {
            value[i] = policy_explain_leaf(t, doc, &rule->steps[i]);
        }
    }
}

static const char *
policy_explain_truth(const struct policy_explain *t, enum cells_truth truth)
{
    return policy_explain_word(t, truth == CELLS_TRUE    ? POLICY_EXPLAIN_IS_TRUE
                                  : truth == CELLS_FALSE ? POLICY_EXPLAIN_IS_FALSE
                                                         : POLICY_EXPLAIN_IS_UNKNOWN);
}

static void
policy_explain_fact(const struct policy_explain *t, struct span name)
{
    const struct facts_entry *e = facts_get(&t->facts, name);
    if (e == NULL || e->type == FACTS_OTHER)
        printf("%s", policy_explain_word(t, POLICY_EXPLAIN_IS_UNKNOWN));
    else if (e->type == FACTS_TEXT)
        printf("%.*s", (int)e->text.len, (const char *)e->text.ptr);
    else if (e->type == FACTS_BOOL)
        printf("%s", e->number != 0 ? "true" : "false");
    else
        printf("%lld", (long long)e->number);
}

/* "basis in consent, hr (is safeguards)": the comparison, and what it compares. */
static void
policy_explain_step(const struct policy_explain *t, const struct source *doc,
                    const struct source_step *step)
{
    static const char *const ops[] = {"=", "in", "<", "<=", ">", ">=", "under", "listed in"};
    const struct source_attr *attr = &doc->attrs[step->attr];
    printf("%.*s %s ", (int)attr->name.len, (const char *)attr->name.ptr, ops[step->op]);
    if (step->op == SOURCE_IN) {
        for (size_t i = 0; i < step->value_count; i++)
            printf("%s%.*s", i == 0 ? "" : ", ", (int)step->values[i].len,
                   (const char *)step->values[i].ptr);
    } else if (step->op == SOURCE_LISTED) {
        printf("%.*s", (int)doc->lists[step->list].alias.len,
               (const char *)doc->lists[step->list].alias.ptr);
    } else if (attr->type == VOCAB_BOOL) {
        printf("%s", step->number != 0 ? "true" : "false");
    } else if (attr->type == VOCAB_INT) {
        printf("%lld", (long long)step->number);
    } else {
        printf("%.*s", (int)step->text.len, (const char *)step->text.ptr);
    }
    printf(" (");
    policy_explain_fact(t, attr->name);
    printf(")");
}

/* A part that waits to be printed. */
struct policy_explain_part {
    uint32_t step;
    uint32_t depth;
    enum source_op above; /* a part of the same operator is not printed as its own */
};

static void
policy_explain_tree(const struct policy_explain *t, const struct source *doc,
                    const struct source_rule *rule, const struct rows_node *nodes,
                    const enum cells_truth *value, struct policy_explain_part *stack)
{
    size_t count = 0;
    stack[count++] = (struct policy_explain_part){(uint32_t)rule->step_count - 1, 0, SOURCE_LISTED};
    while (count > 0) {
        const struct policy_explain_part p = stack[--count];
        const struct source_step *step = &rule->steps[p.step];
        const bool joined = step->op == p.above && step->op != SOURCE_NOT;
        const bool is_leaf =
            step->op != SOURCE_NOT && step->op != SOURCE_AND && step->op != SOURCE_OR;
        const uint32_t below = p.depth + (joined ? 0 : 1);
        if (!joined) {
            printf("%*s- ", 6 + 2 * (int)p.depth, "");
            if (is_leaf)
                policy_explain_step(t, doc, step);
            else
                printf("%s",
                       policy_explain_word(t, step->op == SOURCE_NOT   ? POLICY_EXPLAIN_NOT
                                              : step->op == SOURCE_AND ? POLICY_EXPLAIN_ALL_OF
                                                                       : POLICY_EXPLAIN_ANY_OF));
            printf(": %s\n", policy_explain_truth(t, value[p.step]));
        }
        if (is_leaf)
            continue;
        stack[count++] = (struct policy_explain_part){p.step - 1, below, step->op};
        if (step->op != SOURCE_NOT)
            stack[count++] =
                (struct policy_explain_part){nodes[p.step - 1].begin - 1, below, step->op};
    }
}

void
policy_explain_trace(const struct policy_explain *t, const struct source *doc,
                     const struct source_rule *rule)
{
    if (rule->step_count == 0)
        return;
    struct rows_node *nodes = calloc(rule->step_count, sizeof(*nodes));
    enum cells_truth *value = calloc(rule->step_count, sizeof(*value));
    struct policy_explain_part *stack = calloc(rule->step_count + 1, sizeof(*stack));
    if (nodes != NULL && value != NULL && stack != NULL) {
        rows_prepare(rule, nodes);
        policy_explain_values(t, doc, rule, nodes, value);
        policy_explain_tree(t, doc, rule, nodes, value, stack);
    } else {
        cli_say(t->cli, "%s", error_text(ERR_NOMEM));
    }
    free(nodes);
    free(value);
    free(stack);
}
