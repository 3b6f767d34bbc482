/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/vocab.h"

#include <assert.h>

static const char *const vocab_type_names[] = {"bool", "int", "enum", "string", "zone", "labels"};
static const char *const vocab_source_names[] = {"manifest", "register", "route", "counter",
                                                 "gateway"};
static const char *const vocab_phase_names[] = {"stream", "decision", "recipient", "after"};

struct vocab_load {
    struct vocab *v;
    const struct json_doc *doc;
    struct fault *fault;
};

static enum err
vocab_stop(const struct vocab_load *l, const struct json_node *node, enum err code,
           const char *where)
{
    return json_fail(l->doc, node, code, where, l->fault);
}

bool
vocab_is_name(struct span name)
{
    if (name.len == 0 || name.len > VOCAB_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t b = name.ptr[i];
        const bool alnum =
            (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9');
        if (!alnum && b != '_' && b != '.' && b != '-')
            return false;
    }
    return true;
}

/* The index of text among names, or VOCAB_NONE. */
static uint32_t
vocab_word(struct span text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq_str(text, names[i]))
            return (uint32_t)i;
    return VOCAB_NONE;
}

static uint32_t
vocab_find(const struct vocab_node *nodes, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(nodes[i].name, name))
            return (uint32_t)i;
    return VOCAB_NONE;
}

/* Walks up from below; bounded by the number of nodes because the forest has no cycle. */
static bool
vocab_under(const struct vocab_node *nodes, size_t count, uint32_t below, uint32_t above)
{
    assert(below < count && above < count);
    for (size_t i = 0; i < count && below != VOCAB_NONE; i++) {
        if (below == above)
            return true;
        below = nodes[below].parent;
    }
    return false;
}

/* {"name": "parent" | null, …} into a forest. */
static enum err
vocab_read_forest(const struct vocab_load *l, const char *key, size_t max,
                  struct vocab_node **ret_nodes, size_t *ret_count)
{
    const struct json_node *object = NULL;
    TRY(json_need(l->doc, &l->doc->nodes[0], key, JSON_OBJECT, &object, l->fault));
    if (object->count == 0)
        return vocab_stop(l, object, ERR_MISSING, key);
    if (object->count > max)
        return vocab_stop(l, object, ERR_FULL, "more names than the limit of 256");
    struct vocab_node *nodes = arena_take(&l->v->arena, object->count, sizeof(*nodes));
    if (nodes == NULL)
        return ERR_NOMEM;
    size_t count = 0;
    const struct json_node *k = json_first(l->doc, object);
    for (; k != NULL; k = json_next(l->doc, object, k)) {
        if (!vocab_is_name(k->text))
            return vocab_stop(l, k, ERR_SYNTAX, "a name must match [A-Za-z0-9_.-]{1,64}");
        TRY(arena_text(&l->v->arena, k->text, &nodes[count++].name));
    }
    size_t at = 0;
    for (k = json_first(l->doc, object); k != NULL; k = json_next(l->doc, object, k), at++) {
        const struct json_node *parent = json_value(l->doc, k);
        nodes[at].parent = VOCAB_NONE;
        if (parent->type == JSON_NULL)
            continue;
        if (parent->type != JSON_STRING)
            return vocab_stop(l, parent, ERR_TYPE, "a parent is a name or null");
        nodes[at].parent = vocab_find(nodes, count, parent->text);
        if (nodes[at].parent == VOCAB_NONE)
            return vocab_stop(l, parent, ERR_NOT_FOUND, "this parent is not declared");
    }
    at = 0;
    for (k = json_first(l->doc, object); k != NULL; k = json_next(l->doc, object, k), at++) {
        uint32_t up = nodes[at].parent;
        for (size_t steps = 0; up != VOCAB_NONE; up = nodes[up].parent)
            if (steps++ == count)
                return vocab_stop(l, k, ERR_CONFLICT, "its parents form a cycle");
    }
    *ret_nodes = nodes;
    *ret_count = count;
    return ERR_OK;
}

static enum err
vocab_read_values(const struct vocab_load *l, const struct json_node *spec, struct vocab_attr *attr)
{
    const struct json_node *values = json_get(l->doc, spec, "values");
    if (attr->type != VOCAB_ENUM)
        return values == NULL ? ERR_OK
                              : vocab_stop(l, values, ERR_UNKNOWN_FIELD, "values only with enum");
    TRY(json_need(l->doc, spec, "values", JSON_ARRAY, &values, l->fault));
    if (values->count == 0 || values->count > VOCAB_VALUES_MAX)
        return vocab_stop(l, values, ERR_RANGE, "an enum has 1 to 1024 values");
    attr->values = arena_take(&l->v->arena, values->count, sizeof(*attr->values));
    if (attr->values == NULL)
        return ERR_NOMEM;
    const struct json_node *n = json_first(l->doc, values);
    for (; n != NULL; n = json_next(l->doc, values, n)) {
        if (n->type != JSON_STRING)
            return vocab_stop(l, n, ERR_TYPE, "an enum value is a string");
        if (n->text.len == 0 || n->text.len > VOCAB_STRING_MAX)
            return vocab_stop(l, n, ERR_RANGE, "an enum value has 1 to 256 bytes");
        size_t at = attr->value_count;
        while (at > 0 && span_cmp(attr->values[at - 1], n->text) > 0) {
            attr->values[at] = attr->values[at - 1];
            at--;
        }
        if (at > 0 && span_eq(attr->values[at - 1], n->text))
            return vocab_stop(l, n, ERR_DUPLICATE, "this value occurs twice");
        TRY(arena_text(&l->v->arena, n->text, &attr->values[at]));
        attr->value_count++;
    }
    return ERR_OK;
}

static enum err
vocab_read_attr(const struct vocab_load *l, const struct json_node *key, struct vocab_attr *attr)
{
    static const char *const fields[] = {"type", "source", "values", "note"};
    const struct json_node *spec = json_value(l->doc, key);
    struct span text;
    if (!vocab_is_name(key->text))
        return vocab_stop(l, key, ERR_SYNTAX, "a name must match [A-Za-z0-9_.-]{1,64}");
    if (spec->type != JSON_OBJECT)
        return vocab_stop(l, spec, ERR_TYPE, "an attribute is an object");
    TRY(json_only(l->doc, spec, fields, sizeof(fields) / sizeof(fields[0]), l->fault));
    TRY(json_may_str(l->doc, spec, "note", VOCAB_NOTE_MAX, l->fault));
    TRY(arena_text(&l->v->arena, key->text, &attr->name));
    TRY(json_need_str(l->doc, spec, "type", VOCAB_NAME_MAX, &text, l->fault));
    const uint32_t type = vocab_word(text, vocab_type_names, 6);
    if (type == VOCAB_NONE)
        return vocab_stop(l, json_get(l->doc, spec, "type"), ERR_NOT_FOUND,
                          "type is bool, int, enum, string, zone or labels");
    TRY(json_need_str(l->doc, spec, "source", VOCAB_NAME_MAX, &text, l->fault));
    const uint32_t source = vocab_word(text, vocab_source_names, 5);
    if (source == VOCAB_NONE)
        return vocab_stop(l, json_get(l->doc, spec, "source"), ERR_NOT_FOUND,
                          "source is manifest, register, route, counter or gateway");
    attr->type = (enum vocab_type)type;
    attr->source = (enum vocab_source)source;
    const bool is_labels = span_eq_str(attr->name, "labels");
    if (is_labels != (attr->type == VOCAB_LABELS))
        return vocab_stop(l, spec, ERR_CONFLICT, "labels, and only it, is of type labels");
    if (span_eq_str(attr->name, "to") && attr->type != VOCAB_ZONE)
        return vocab_stop(l, spec, ERR_CONFLICT, "the attribute to is of type zone");
    return vocab_read_values(l, spec, attr);
}

static enum err
vocab_read_attrs(const struct vocab_load *l)
{
    struct vocab *v = l->v;
    const struct json_node *object = NULL;
    TRY(json_need(l->doc, &l->doc->nodes[0], "attributes", JSON_OBJECT, &object, l->fault));
    if (object->count > VOCAB_ATTRS_MAX)
        return vocab_stop(l, object, ERR_FULL, "more attributes than the limit of 256");
    v->attrs = arena_take(&v->arena, object->count, sizeof(*v->attrs));
    if (v->attrs == NULL)
        return ERR_NOMEM;
    const struct json_node *k = json_first(l->doc, object);
    for (; k != NULL; k = json_next(l->doc, object, k))
        TRY(vocab_read_attr(l, k, &v->attrs[v->attr_count++]));
    if (vocab_attr(v, SPAN_LIT("to")) == NULL || vocab_attr(v, SPAN_LIT("labels")) == NULL)
        return vocab_stop(l, object, ERR_MISSING, "the attributes to and labels must be declared");
    return ERR_OK;
}

static enum err
vocab_read_obligations(const struct vocab_load *l)
{
    static const char *const fields[] = {"phase", "note"};
    struct vocab *v = l->v;
    const struct json_node *object = NULL;
    TRY(json_need(l->doc, &l->doc->nodes[0], "obligations", JSON_OBJECT, &object, l->fault));
    if (object->count > VOCAB_OBLIGATIONS_MAX)
        return vocab_stop(l, object, ERR_FULL, "more obligations than the limit of 32");
    v->obligations = arena_take(&v->arena, object->count, sizeof(*v->obligations));
    if (v->obligations == NULL)
        return ERR_NOMEM;
    const struct json_node *k = json_first(l->doc, object);
    for (; k != NULL; k = json_next(l->doc, object, k)) {
        struct vocab_obligation *o = &v->obligations[v->obligation_count];
        const struct json_node *spec = json_value(l->doc, k);
        struct span text;
        if (!vocab_is_name(k->text))
            return vocab_stop(l, k, ERR_SYNTAX, "a name must match [A-Za-z0-9_.-]{1,64}");
        if (spec->type != JSON_OBJECT)
            return vocab_stop(l, spec, ERR_TYPE, "an obligation is an object");
        TRY(json_only(l->doc, spec, fields, 2, l->fault));
        TRY(json_may_str(l->doc, spec, "note", VOCAB_NOTE_MAX, l->fault));
        TRY(json_need_str(l->doc, spec, "phase", VOCAB_NAME_MAX, &text, l->fault));
        const uint32_t phase = vocab_word(text, vocab_phase_names, 4);
        if (phase == VOCAB_NONE)
            return vocab_stop(l, json_get(l->doc, spec, "phase"), ERR_NOT_FOUND,
                              "phase is stream, decision, recipient or after");
        o->phase = (enum vocab_phase)phase;
        TRY(arena_text(&v->arena, k->text, &o->name));
        v->obligation_count++;
    }
    return ERR_OK;
}

static enum err
vocab_read_doc(const struct vocab_load *l)
{
    static const char *const fields[] = {"format",  "id",         "revision",    "zones",
                                         "classes", "attributes", "obligations", "note"};
    const struct json_doc *doc = l->doc;
    const struct json_node *root = &doc->nodes[0];
    struct vocab *v = l->v;
    struct span text;
    if (root->type != JSON_OBJECT)
        return vocab_stop(l, root, ERR_TYPE, "a vocabulary is an object");
    TRY(json_need_str(doc, root, "format", VOCAB_NAME_MAX, &text, l->fault));
    if (!span_eq_str(text, "tdz.vocab/1"))
        return vocab_stop(l, json_get(doc, root, "format"), ERR_VERSION,
                          "format must be tdz.vocab/1");
    TRY(json_only(doc, root, fields, sizeof(fields) / sizeof(fields[0]), l->fault));
    TRY(json_may_str(doc, root, "note", VOCAB_NOTE_MAX, l->fault));
    TRY(json_need_str(doc, root, "id", VOCAB_NAME_MAX, &text, l->fault));
    if (!vocab_is_name(text))
        return vocab_stop(l, json_get(doc, root, "id"), ERR_SYNTAX,
                          "an id must match [A-Za-z0-9_.-]{1,64}");
    TRY(arena_text(&v->arena, text, &v->id));
    TRY(json_need_int(doc, root, "revision", 1, JSON_INT_MAX, &v->revision, l->fault));
    TRY(vocab_read_forest(l, "zones", VOCAB_ZONES_MAX, &v->zones, &v->zone_count));
    TRY(vocab_read_forest(l, "classes", VOCAB_CLASSES_MAX, &v->classes, &v->class_count));
    TRY(vocab_read_attrs(l));
    return vocab_read_obligations(l);
}

enum err
vocab_read(struct vocab *v, struct span input, const uint8_t sha256[static 32],
           struct fault *ret_fault)
{
    struct json_doc doc;
    *v = (struct vocab){0};
    arena_init(&v->arena);
    memcpy(v->sha256, sha256, sizeof(v->sha256));
    TRY(json_load(&doc, input, ret_fault));
    const struct vocab_load load = {.v = v, .doc = &doc, .fault = ret_fault};
    const enum err err = vocab_read_doc(&load);
    json_free(&doc);
    if (err != ERR_OK)
        vocab_finish(v);
    return err;
}

void
vocab_finish(struct vocab *v)
{
    arena_finish(&v->arena);
    *v = (struct vocab){0};
}

uint32_t
vocab_zone(const struct vocab *v, struct span name)
{
    return vocab_find(v->zones, v->zone_count, name);
}

uint32_t
vocab_class(const struct vocab *v, struct span name)
{
    return vocab_find(v->classes, v->class_count, name);
}

const struct vocab_attr *
vocab_attr(const struct vocab *v, struct span name)
{
    for (size_t i = 0; i < v->attr_count; i++)
        if (span_eq(v->attrs[i].name, name))
            return &v->attrs[i];
    return NULL;
}

const struct vocab_obligation *
vocab_obligation(const struct vocab *v, struct span name)
{
    for (size_t i = 0; i < v->obligation_count; i++)
        if (span_eq(v->obligations[i].name, name))
            return &v->obligations[i];
    return NULL;
}

bool
vocab_zone_under(const struct vocab *v, uint32_t below, uint32_t above)
{
    return vocab_under(v->zones, v->zone_count, below, above);
}

bool
vocab_class_under(const struct vocab *v, uint32_t below, uint32_t above)
{
    return vocab_under(v->classes, v->class_count, below, above);
}

bool
vocab_has_value(const struct vocab_attr *attr, struct span value)
{
    for (size_t i = 0; i < attr->value_count; i++)
        if (span_eq(attr->values[i], value))
            return true;
    return false;
}

const char *
vocab_source_name(enum vocab_source source)
{
    return vocab_source_names[source];
}
