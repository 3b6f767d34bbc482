/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/condition.h"

#include <assert.h>

struct condition_frame {
    const struct json_node *value; /* array of all/any, object of not */
    const struct json_node *child; /* last child begun; NULL before the first */
    enum source_op op;
    uint32_t done;
};

struct condition_load {
    struct source *s;
    const struct json_doc *doc;
    struct fault *fault;
    struct source_step *steps;
    size_t step_count;
    size_t step_cap;
    struct condition_frame frame[JSON_DEPTH_MAX];
    size_t depth;
};

static const struct {
    const char *name;
    enum source_op op;
} condition_ops[] = {
    {"all", SOURCE_AND}, {"any", SOURCE_OR},      {"not", SOURCE_NOT},       {"eq", SOURCE_EQ},
    {"in", SOURCE_IN},   {"lt", SOURCE_LT},       {"le", SOURCE_LE},         {"gt", SOURCE_GT},
    {"ge", SOURCE_GE},   {"under", SOURCE_UNDER}, {"listed", SOURCE_LISTED},
};

static enum err
condition_stop(const struct condition_load *l, const struct json_node *node, enum err code,
               const char *where)
{
    return json_fail(l->doc, node, code, where, l->fault);
}

/* True if name is count.<x>.after for a counter x of the document. */
static bool
condition_is_counter(const struct source *s, struct span name)
{
    const struct span head = SPAN_LIT("count.");
    const struct span tail = SPAN_LIT(".after");
    if (name.len <= head.len + tail.len || !span_starts(name, head) ||
        !span_eq(span_from(name, name.len - tail.len), tail))
        return false;
    const struct span x = span_of(name.ptr + head.len, name.len - head.len - tail.len);
    for (size_t i = 0; i < s->counter_count; i++)
        if (span_eq(s->counters[i].name, x))
            return true;
    return false;
}

/* The index in s->attrs of the attribute that node names, added if it is new there. */
static enum err
condition_attr(const struct condition_load *l, const struct json_node *node, uint16_t *ret)
{
    struct source *s = l->s;
    if (node->type != JSON_STRING)
        return condition_stop(l, node, ERR_TYPE, "the name of an attribute must be here");
    for (size_t i = 0; i < s->attr_count; i++) {
        if (span_eq(s->attrs[i].name, node->text)) {
            *ret = (uint16_t)i;
            return ERR_OK;
        }
    }
    const struct vocab_attr *declared = vocab_attr(s->vocab, node->text);
    if (declared == NULL && !condition_is_counter(s, node->text))
        return condition_stop(l, node, ERR_NOT_FOUND, "the vocabulary declares no such attribute");
    if (s->attr_count == SOURCE_ATTRS_MAX)
        return condition_stop(l, node, ERR_FULL, "more attributes than the limit of 320");
    struct source_attr *attr = &s->attrs[s->attr_count];
    TRY(arena_text(&s->arena, node->text, &attr->name));
    attr->declared = declared;
    attr->type = declared == NULL ? VOCAB_INT : declared->type;
    attr->source = declared == NULL ? VOCAB_COUNTER : declared->source;
    *ret = (uint16_t)s->attr_count++;
    return ERR_OK;
}

/* A string compared with an enum, string or zone attribute. */
static enum err
condition_text(const struct condition_load *l, const struct source_attr *attr,
               const struct json_node *node, struct span *ret)
{
    if (node->type != JSON_STRING)
        return condition_stop(l, node, ERR_TYPE, "a string must be here");
    switch (attr->type) {
    case VOCAB_ENUM:
        if (!vocab_has_value(attr->declared, node->text))
            return condition_stop(l, node, ERR_NOT_FOUND, "not a value of this attribute");
        break;
    case VOCAB_ZONE:
        if (vocab_zone(l->s->vocab, node->text) == VOCAB_NONE)
            return condition_stop(l, node, ERR_NOT_FOUND, "this zone is not declared");
        break;
    case VOCAB_STRING:
        if (node->text.len > VOCAB_STRING_MAX)
            return condition_stop(l, node, ERR_RANGE, "a string has at most 256 bytes");
        break;
    case VOCAB_BOOL:
    case VOCAB_INT:
    case VOCAB_LABELS:
        return condition_stop(l, node, ERR_CONFLICT, "this attribute is not compared with text");
    }
    return arena_text(&l->s->arena, node->text, ret);
}

static enum err
condition_eq(const struct condition_load *l, const struct source_attr *attr,
             const struct json_node *node, struct source_step *step)
{
    if (attr->type == VOCAB_LABELS)
        return condition_stop(l, node, ERR_CONFLICT, "labels are scoped by classes, not compared");
    if (attr->type != VOCAB_BOOL && attr->type != VOCAB_INT)
        return condition_text(l, attr, node, &step->text);
    if (node->type != (attr->type == VOCAB_BOOL ? JSON_BOOL : JSON_INT))
        return condition_stop(l, node, ERR_TYPE,
                              attr->type == VOCAB_BOOL ? "true or false must be here"
                                                       : "an integer must be here");
    step->number = node->number;
    return ERR_OK;
}

static enum err
condition_in(const struct condition_load *l, const struct source_attr *attr,
             const struct json_node *node, struct source_step *step)
{
    if (node->type != JSON_ARRAY)
        return condition_stop(l, node, ERR_TYPE, "a list of strings must be here");
    if (node->count == 0)
        return condition_stop(l, node, ERR_RANGE, "a list has at least one value");
    if (node->count > VOCAB_VALUES_MAX)
        return condition_stop(l, node, ERR_FULL, "more values than the limit of 1024");
    struct span *values = arena_take(&l->s->arena, node->count, sizeof(*values));
    if (values == NULL)
        return ERR_NOMEM;
    const struct json_node *n = json_first(l->doc, node);
    for (; n != NULL; n = json_next(l->doc, node, n)) {
        TRY(condition_text(l, attr, n, &values[step->value_count]));
        for (size_t i = 0; i < step->value_count; i++)
            if (span_eq(values[i], n->text))
                return condition_stop(l, n, ERR_DUPLICATE, "this value occurs twice");
        step->value_count++;
    }
    step->values = values;
    return ERR_OK;
}

static enum err
condition_under(const struct condition_load *l, const struct source_attr *attr,
                const struct json_node *node, struct source_step *step)
{
    if (attr->type != VOCAB_ZONE)
        return condition_stop(l, node, ERR_CONFLICT, "under needs an attribute of type zone");
    TRY(condition_text(l, attr, node, &step->text));
    step->zone = vocab_zone(l->s->vocab, node->text);
    return ERR_OK;
}

static enum err
condition_listed(const struct condition_load *l, const struct source_attr *attr,
                 const struct json_node *node, struct source_step *step)
{
    if (attr->type != VOCAB_STRING && attr->type != VOCAB_ENUM)
        return condition_stop(l, node, ERR_CONFLICT, "listed needs a string attribute");
    if (node->type != JSON_STRING)
        return condition_stop(l, node, ERR_TYPE, "the name of a list must be here");
    for (size_t i = 0; i < l->s->list_count; i++) {
        if (span_eq(l->s->lists[i].alias, node->text)) {
            step->list = (uint16_t)i;
            return ERR_OK;
        }
    }
    return condition_stop(l, node, ERR_NOT_FOUND, "lists has no such list");
}

static enum err
condition_emit(struct condition_load *l, const struct source_step *step)
{
    if (l->s->step_total == SOURCE_STEPS_MAX)
        return ERR_FULL;
    assert(l->step_count < l->step_cap);
    l->steps[l->step_count++] = *step;
    l->s->step_total++;
    return ERR_OK;
}

/* A leaf: ["attribute", value]. */
static enum err
condition_leaf(struct condition_load *l, enum source_op op, const struct json_node *value)
{
    struct source_step step = {.op = op};
    if (value->type != JSON_ARRAY)
        return condition_stop(l, value, ERR_TYPE, "[attribute, value] must be here");
    if (value->count != 2)
        return condition_stop(l, value, ERR_SYNTAX, "[attribute, value] has two elements");
    const struct json_node *name = json_first(l->doc, value);
    const struct json_node *with = json_next(l->doc, value, name);
    TRY(condition_attr(l, name, &step.attr));
    const struct source_attr *attr = &l->s->attrs[step.attr];
    switch (op) {
    case SOURCE_EQ:
        TRY(condition_eq(l, attr, with, &step));
        break;
    case SOURCE_IN:
        TRY(condition_in(l, attr, with, &step));
        break;
    case SOURCE_UNDER:
        TRY(condition_under(l, attr, with, &step));
        break;
    case SOURCE_LISTED:
        TRY(condition_listed(l, attr, with, &step));
        break;
    case SOURCE_LT:
    case SOURCE_LE:
    case SOURCE_GT:
    case SOURCE_GE:
        if (attr->type != VOCAB_INT)
            return condition_stop(l, name, ERR_CONFLICT, "an order needs an integer attribute");
        TRY(condition_eq(l, attr, with, &step));
        break;
    case SOURCE_NOT:
    case SOURCE_AND:
    case SOURCE_OR:
        assert(false);
    }
    if (condition_emit(l, &step) != ERR_OK)
        return condition_stop(l, value, ERR_FULL, "more conditions than the limit of 65536");
    return ERR_OK;
}

/* Begins the condition at node: a leaf is read, all, any and not are opened. */
static enum err
condition_begin(struct condition_load *l, const struct json_node *node)
{
    if (node->type != JSON_OBJECT)
        return condition_stop(l, node, ERR_TYPE, "a condition is an object");
    if (node->count != 1)
        return condition_stop(l, node, ERR_SYNTAX, "a condition has exactly one operator");
    const struct json_node *key = json_first(l->doc, node);
    const struct json_node *value = json_value(l->doc, key);
    size_t at = 0;
    while (at < sizeof(condition_ops) / sizeof(condition_ops[0]) &&
           !span_eq_str(key->text, condition_ops[at].name))
        at++;
    if (at == sizeof(condition_ops) / sizeof(condition_ops[0]))
        return condition_stop(l, key, ERR_UNKNOWN_FIELD, "no such operator");
    const enum source_op op = condition_ops[at].op;
    if (op != SOURCE_AND && op != SOURCE_OR && op != SOURCE_NOT)
        return condition_leaf(l, op, value);
    if (op != SOURCE_NOT && value->type != JSON_ARRAY)
        return condition_stop(l, value, ERR_TYPE, "a list of conditions must be here");
    if (op != SOURCE_NOT && value->count == 0)
        return condition_stop(l, value, ERR_RANGE, "a list has at least one condition");
    assert(l->depth < JSON_DEPTH_MAX);
    l->frame[l->depth++] = (struct condition_frame){.value = value, .op = op};
    return ERR_OK;
}

/* Continues the innermost open operator: its next child, or its end. */
static enum err
condition_step(struct condition_load *l)
{
    struct condition_frame *f = &l->frame[l->depth - 1];
    const struct source_step step = {.op = f->op};
    const struct json_node *next = NULL;
    bool emit = false;
    if (f->op == SOURCE_NOT) {
        next = f->done == 0 ? f->value : NULL;
        emit = f->done == 1;
    } else {
        next = f->done == 0 ? json_first(l->doc, f->value) : json_next(l->doc, f->value, f->child);
        emit = f->done >= 2;
    }
    if (emit && condition_emit(l, &step) != ERR_OK)
        return condition_stop(l, f->value, ERR_FULL, "more conditions than the limit of 65536");
    if (next == NULL) {
        l->depth--;
        return ERR_OK;
    }
    f->done++;
    f->child = next;
    return condition_begin(l, next);
}

enum err
condition_read(struct source *s, const struct json_doc *doc, const struct json_node *node,
               struct source_rule *rule, struct fault *ret_fault)
{
    /* A leaf has one object of its own; an operator emits at most once for each of its children. */
    size_t cap = 1;
    for (size_t i = (size_t)(node - doc->nodes); i < node->next; i++)
        cap += doc->nodes[i].type == JSON_OBJECT ? 2 : 0;
    struct condition_load l = {.s = s, .doc = doc, .fault = ret_fault, .step_cap = cap};
    l.steps = arena_take(&s->arena, cap, sizeof(*l.steps));
    if (l.steps == NULL)
        return ERR_NOMEM;
    TRY(condition_begin(&l, node));
    while (l.depth > 0)
        TRY(condition_step(&l));
    rule->steps = l.steps;
    rule->step_count = l.step_count;
    return ERR_OK;
}
