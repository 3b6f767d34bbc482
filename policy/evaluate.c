/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evaluate.h"

#include <assert.h>

#include "policy/condition.h"

static bool
evaluate_type(const struct vocab *v, const struct source_attr *attr, const struct facts_entry *e,
              struct evaluate_value *out)
{
    switch (attr->type) {
    case VOCAB_BOOL:
        out->number = e->number;
        return e->type == FACTS_BOOL;
    case VOCAB_INT:
        out->number = e->number;
        return e->type == FACTS_INT && e->number <= JSON_INT_MAX && e->number >= -JSON_INT_MAX;
    case VOCAB_ENUM:
        out->text = e->text;
        return e->type == FACTS_TEXT && vocab_has_value(attr->declared, e->text);
    case VOCAB_STRING:
        out->text = e->text;
        return e->type == FACTS_TEXT && e->text.len <= VOCAB_STRING_MAX;
    case VOCAB_ZONE:
        out->text = e->text;
        out->zone = e->type == FACTS_TEXT ? vocab_zone(v, e->text) : VOCAB_NONE;
        return out->zone != VOCAB_NONE;
    case VOCAB_LABELS:
        return false;
    }
    return false;
}

void
evaluate_begin(struct evaluate *e, const struct source *doc, const struct decide_request *q)
{
    e->doc = doc;
    e->request = q;
    for (size_t i = 0; i < doc->attr_count; i++) {
        const struct source_attr *attr = &doc->attrs[i];
        const struct facts_entry *entry = facts_get(q->facts, attr->name);
        struct evaluate_value value = {0};
        value.is_known = entry != NULL && entry->source >= attr->source &&
                         evaluate_type(doc->vocab, attr, entry, &value);
        /* A value that is there but does not count is not open: the stream will not mend it. */
        value.is_open = q->preflight && entry == NULL && attr->source == VOCAB_GATEWAY;
        e->value[i] = value;
    }
    for (size_t i = 0; i < doc->list_count; i++) {
        e->list[i] = NULL;
        for (size_t k = 0; k < q->list_count && e->list[i] == NULL; k++)
            if ((q->lists[k].doc == NULL || q->lists[k].doc == doc) &&
                span_eq(q->lists[k].alias, doc->lists[i].alias))
                e->list[i] = q->lists[k].list;
    }
}

static enum evaluate_truth
evaluate_of(bool is_true)
{
    return is_true ? EVALUATE_TRUE : EVALUATE_FALSE;
}

static bool
evaluate_in(const struct source_step *step, struct span text)
{
    for (size_t i = 0; i < step->value_count; i++)
        if (span_eq(step->values[i], text))
            return true;
    return false;
}

static enum evaluate_truth
evaluate_leaf(const struct evaluate *e, const struct source_step *step)
{
    const struct evaluate_value *value = &e->value[step->attr];
    const enum vocab_type type = e->doc->attrs[step->attr].type;
    if (!value->is_known)
        return EVALUATE_UNKNOWN;
    switch (step->op) {
    case SOURCE_EQ:
        if (type == VOCAB_BOOL || type == VOCAB_INT)
            return evaluate_of(value->number == step->number);
        return evaluate_of(span_eq(value->text, step->text));
    case SOURCE_IN:
        return evaluate_of(evaluate_in(step, value->text));
    case SOURCE_LT:
        return evaluate_of(value->number < step->number);
    case SOURCE_LE:
        return evaluate_of(value->number <= step->number);
    case SOURCE_GT:
        return evaluate_of(value->number > step->number);
    case SOURCE_GE:
        return evaluate_of(value->number >= step->number);
    case SOURCE_UNDER:
        return evaluate_of(vocab_zone_under(e->doc->vocab, value->zone, step->zone));
    case SOURCE_LISTED:
        if (e->list[step->list] == NULL)
            return EVALUATE_UNKNOWN;
        return evaluate_of(list_has(e->list[step->list], value->text));
    case SOURCE_NOT:
    case SOURCE_AND:
    case SOURCE_OR:
        break;
    }
    assert(false);
    return EVALUATE_UNKNOWN;
}

/* An open attribute can make its leaf false or true; a list that cannot be read stays unknown
 * whatever the stream brings. */
static struct evaluate_range
evaluate_leaf_range(const struct evaluate *e, const struct source_step *step)
{
    const bool lost = step->op == SOURCE_LISTED && e->list[step->list] == NULL;
    if (e->value[step->attr].is_open && !lost)
        return (struct evaluate_range){EVALUATE_FALSE, EVALUATE_TRUE};
    const enum evaluate_truth truth = evaluate_leaf(e, step);
    return (struct evaluate_range){truth, truth};
}

static enum evaluate_truth
evaluate_pick(enum source_op op, enum evaluate_truth a, enum evaluate_truth b)
{
    const bool first = op == SOURCE_AND ? a < b : a > b;
    return first ? a : b;
}

struct evaluate_range
evaluate_rule(const struct evaluate *e, const struct source_rule *rule)
{
    struct evaluate_range stack[CONDITION_STACK_MAX];
    size_t depth = 0;
    if (rule->step_count == 0)
        return (struct evaluate_range){EVALUATE_TRUE, EVALUATE_TRUE};
    for (size_t i = 0; i < rule->step_count; i++) {
        const struct source_step *step = &rule->steps[i];
        if (step->op == SOURCE_NOT) {
            assert(depth >= 1);
            const struct evaluate_range a = stack[depth - 1];
            stack[depth - 1].low = (enum evaluate_truth)(EVALUATE_TRUE - a.high);
            stack[depth - 1].high = (enum evaluate_truth)(EVALUATE_TRUE - a.low);
        } else if (step->op == SOURCE_AND || step->op == SOURCE_OR) {
            assert(depth >= 2);
            const struct evaluate_range b = stack[--depth];
            const struct evaluate_range a = stack[depth - 1];
            stack[depth - 1].low = evaluate_pick(step->op, a.low, b.low);
            stack[depth - 1].high = evaluate_pick(step->op, a.high, b.high);
        } else {
            assert(depth < CONDITION_STACK_MAX);
            stack[depth++] = evaluate_leaf_range(e, step);
        }
    }
    assert(depth == 1);
    return stack[0];
}
