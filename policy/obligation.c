/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/obligation.h"

#include <assert.h>

/* The parameters of v1: which exist, of what type, which must be there. */
static const struct obligation_spec {
    const char *kind;
    const char *param;
    enum obligation_value type;
    bool required;
    bool is_zone;
} obligation_specs[] = {
    {"count", "counters", OBLIGATION_LIST, true, false},
    {"drop", "fields", OBLIGATION_LIST, true, false},
    {"drop", "key_zone", OBLIGATION_TEXT, false, true},
    {"encrypt", "suites", OBLIGATION_LIST, false, false},
    {"encrypt", "to_zone", OBLIGATION_TEXT, false, true},
    {"mask", "fields", OBLIGATION_LIST, true, false},
    {"mask", "key_zone", OBLIGATION_TEXT, false, true},
    {"notify", "to", OBLIGATION_TEXT, true, false},
    {"notify", "within_hours", OBLIGATION_INT, false, false},
    {"receipt", "of", OBLIGATION_TEXT, false, false},
    {"receipt", "within_hours", OBLIGATION_INT, false, false},
    {"redact", "fields", OBLIGATION_LIST, true, false},
    {"redact", "key_zone", OBLIGATION_TEXT, false, true},
    {"retain", "max_days", OBLIGATION_INT, true, false},
    {"tokenise", "fields", OBLIGATION_LIST, true, false},
    {"tokenise", "key_zone", OBLIGATION_TEXT, false, true},
};
enum { OBLIGATION_SPEC_COUNT = sizeof(obligation_specs) / sizeof(obligation_specs[0]) };

/* The phases in which this build performs a kind, as bits of enum vocab_phase. */
static const struct {
    const char *kind;
    unsigned phases;
} obligation_kinds[] = {
    {"count", 1U << VOCAB_DECISION | 1U << VOCAB_STREAM},
    {"drop", 1U << VOCAB_STREAM},
    {"encrypt", 1U << VOCAB_STREAM},
    {"mask", 1U << VOCAB_STREAM},
    {"no_onward", 1U << VOCAB_RECIPIENT},
    {"notify", 1U << VOCAB_AFTER},
    {"receipt", 1U << VOCAB_AFTER},
    {"redact", 1U << VOCAB_STREAM},
    {"retain", 1U << VOCAB_RECIPIENT},
    {"tokenise", 1U << VOCAB_STREAM},
};

/* By suite id - 1. */
static const char *const obligation_suites[] = {"aes-256-gcm", "chacha20-poly1305"};

/* What a gateway counts persons for, whether a document asks or not (design.md 5, Counters). */
static const char *const obligation_counters[] = {"pi", "spi"};

/* False if p is a list of counters and one of them is kept by no gateway. */
static bool
obligation_counts(struct span kind, const struct obligation_param *p)
{
    for (size_t i = 0; span_eq_str(kind, "count") && i < p->list_count; i++) {
        bool kept = false;
        for (size_t k = 0; k < sizeof(obligation_counters) / sizeof(obligation_counters[0]); k++)
            kept = kept || span_eq_str(p->list[i], obligation_counters[k]);
        if (!kept)
            return false;
    }
    return true;
}

static bool
obligation_is_known(struct span kind, enum vocab_phase phase)
{
    for (size_t i = 0; i < sizeof(obligation_kinds) / sizeof(obligation_kinds[0]); i++)
        if (span_eq_str(kind, obligation_kinds[i].kind))
            return (obligation_kinds[i].phases >> phase & 1U) != 0;
    return false;
}

static const struct obligation_spec *
obligation_spec_of(struct span kind, struct span param)
{
    for (size_t i = 0; i < OBLIGATION_SPEC_COUNT; i++)
        if (span_eq_str(kind, obligation_specs[i].kind) &&
            span_eq_str(param, obligation_specs[i].param))
            return &obligation_specs[i];
    return NULL;
}

static enum err
obligation_read_list(struct arena *arena, const struct json_doc *doc, const struct json_node *node,
                     struct obligation_param *p, struct fault *ret_fault)
{
    if (node->count == 0 || node->count > OBLIGATION_LIST_MAX)
        return json_fail(doc, node, ERR_RANGE, "a list has 1 to 64 values", ret_fault);
    struct span *list = arena_take(arena, node->count, sizeof(*list));
    if (list == NULL)
        return ERR_NOMEM;
    const struct json_node *n = json_first(doc, node);
    for (; n != NULL; n = json_next(doc, node, n)) {
        if (n->type != JSON_STRING)
            return json_fail(doc, n, ERR_TYPE, "a list of strings must be here", ret_fault);
        if (n->text.len == 0 || n->text.len > VOCAB_STRING_MAX)
            return json_fail(doc, n, ERR_RANGE, "a value has 1 to 256 bytes", ret_fault);
        size_t at = p->list_count;
        while (at > 0 && span_cmp(list[at - 1], n->text) > 0) {
            list[at] = list[at - 1];
            at--;
        }
        if (at > 0 && span_eq(list[at - 1], n->text))
            return json_fail(doc, n, ERR_DUPLICATE, "this value occurs twice", ret_fault);
        TRY(arena_text(arena, n->text, &list[at]));
        p->list_count++;
    }
    p->list = list;
    return ERR_OK;
}

/* The value of one parameter, of whatever type it is written in. */
static enum err
obligation_read_value(struct arena *arena, const struct json_doc *doc, const struct json_node *node,
                      struct obligation_param *p, struct fault *ret_fault)
{
    switch (node->type) {
    case JSON_BOOL:
        p->type = OBLIGATION_BOOL;
        p->number = node->number;
        return ERR_OK;
    case JSON_INT:
        p->type = OBLIGATION_INT;
        p->number = node->number;
        return ERR_OK;
    case JSON_STRING:
        if (node->text.len == 0 || node->text.len > VOCAB_STRING_MAX)
            return json_fail(doc, node, ERR_RANGE, "a value has 1 to 256 bytes", ret_fault);
        p->type = OBLIGATION_TEXT;
        return arena_text(arena, node->text, &p->text);
    case JSON_ARRAY:
        p->type = OBLIGATION_LIST;
        return obligation_read_list(arena, doc, node, p, ret_fault);
    case JSON_NULL:
    case JSON_OBJECT:
        break;
    }
    return json_fail(doc, node, ERR_TYPE, "a parameter is a string, integer, bool or list",
                     ret_fault);
}

static enum err
obligation_read_param(const struct vocab *v, struct arena *arena, const struct json_doc *doc,
                      const struct json_node *key, struct obligation *o, struct fault *ret_fault)
{
    const struct json_node *value = json_value(doc, key);
    struct obligation_param *p = &o->params[o->param_count];
    if (!vocab_is_name(key->text))
        return json_fail(doc, key, ERR_SYNTAX, "a name must match [A-Za-z0-9_.-]{1,64}", ret_fault);
    TRY(arena_text(arena, key->text, &p->name));
    TRY(obligation_read_value(arena, doc, value, p, ret_fault));
    const struct obligation_spec *spec = obligation_spec_of(o->kind, p->name);
    if (spec == NULL) {
        o->supported = false;
    } else if (spec->type != p->type) {
        return json_fail(doc, value, ERR_TYPE, "this parameter has another type", ret_fault);
    } else if (p->type == OBLIGATION_INT && p->number < 0) {
        return json_fail(doc, value, ERR_RANGE, "this parameter is not negative", ret_fault);
    } else if (spec->is_zone && vocab_zone(v, p->text) == VOCAB_NONE) {
        return json_fail(doc, value, ERR_NOT_FOUND, "this zone is not declared", ret_fault);
    } else if (!obligation_counts(o->kind, p)) {
        o->supported = false;
    }
    /* Kept sorted by name, so that a merged set is written in order. */
    const struct obligation_param moved = *p;
    size_t at = o->param_count;
    for (; at > 0 && span_cmp(o->params[at - 1].name, moved.name) > 0; at--)
        o->params[at] = o->params[at - 1];
    o->params[at] = moved;
    o->param_count++;
    return ERR_OK;
}

enum err
obligation_read(const struct vocab *v, struct arena *arena, const struct json_doc *doc,
                const struct json_node *node, struct obligation *ret, struct fault *ret_fault)
{
    struct obligation o = {.supported = true};
    if (node->type != JSON_OBJECT)
        return json_fail(doc, node, ERR_TYPE, "an obligation is an object", ret_fault);
    if (node->count != 1)
        return json_fail(doc, node, ERR_SYNTAX, "an obligation names exactly one kind", ret_fault);
    const struct json_node *key = json_first(doc, node);
    const struct json_node *spec = json_value(doc, key);
    const struct vocab_obligation *declared = vocab_obligation(v, key->text);
    if (declared == NULL)
        return json_fail(doc, key, ERR_NOT_FOUND, "the vocabulary declares no such obligation",
                         ret_fault);
    if (spec->type != JSON_OBJECT)
        return json_fail(doc, spec, ERR_TYPE, "the parameters are an object", ret_fault);
    if (spec->count > OBLIGATION_PARAMS_MAX)
        return json_fail(doc, spec, ERR_FULL, "more than four parameters", ret_fault);
    o.kind = declared->name;
    o.supported = obligation_is_known(o.kind, declared->phase);
    o.params = arena_take(arena, OBLIGATION_PARAMS_MAX, sizeof(*o.params));
    if (o.params == NULL)
        return ERR_NOMEM;
    const struct json_node *k = json_first(doc, spec);
    for (; k != NULL; k = json_next(doc, spec, k))
        TRY(obligation_read_param(v, arena, doc, k, &o, ret_fault));
    for (size_t i = 0; i < OBLIGATION_SPEC_COUNT; i++) {
        const struct obligation_spec *need = &obligation_specs[i];
        if (need->required && span_eq_str(o.kind, need->kind) &&
            json_get(doc, spec, need->param) == NULL)
            return json_fail(doc, spec, ERR_MISSING, need->param, ret_fault);
    }
    *ret = o;
    return ERR_OK;
}

void
obligation_set_init(struct obligation_set *set)
{
    set->kind_count = 0;
    set->conflict = false;
    set->unsupported = false;
}

/* The place of kind in the sorted set, made if it is new; NULL if the set is full. */
static struct obligation_merged *
obligation_place(struct obligation_set *set, struct span kind)
{
    size_t at = 0;
    while (at < set->kind_count && span_cmp(set->kind[at].kind, kind) < 0)
        at++;
    if (at < set->kind_count && span_eq(set->kind[at].kind, kind))
        return &set->kind[at];
    if (set->kind_count == OBLIGATION_KINDS_MAX)
        return NULL;
    for (size_t i = set->kind_count; i > at; i--)
        set->kind[i] = set->kind[i - 1];
    set->kind_count++;
    set->kind[at].kind = kind;
    set->kind[at].field_count = 0;
    return &set->kind[at];
}

static bool
obligation_list_has(const struct span *list, size_t count, struct span value)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(list[i], value))
            return true;
    return false;
}

static void
obligation_list_join(struct obligation_set *set, struct obligation_field *f,
                     const struct obligation_param *p)
{
    if (span_eq_str(f->name, "suites")) {
        size_t kept = 0;
        for (size_t i = 0; i < f->list_count; i++)
            if (obligation_list_has(p->list, p->list_count, f->list[i]))
                f->list[kept++] = f->list[i];
        f->list_count = kept;
        if (kept == 0)
            set->conflict = true;
        return;
    }
    for (size_t i = 0; i < p->list_count; i++) {
        size_t at = f->list_count;
        if (obligation_list_has(f->list, f->list_count, p->list[i]))
            continue;
        if (f->list_count == OBLIGATION_LIST_MAX) {
            set->unsupported = true;
            return;
        }
        for (; at > 0 && span_cmp(f->list[at - 1], p->list[i]) > 0; at--)
            f->list[at] = f->list[at - 1];
        f->list[at] = p->list[i];
        f->list_count++;
    }
}

static void
obligation_join(struct obligation_set *set, struct obligation_field *f,
                const struct obligation_param *p)
{
    if (f->type != p->type) {
        set->conflict = true;
        return;
    }
    switch (f->type) {
    case OBLIGATION_LIST:
        obligation_list_join(set, f, p);
        return;
    case OBLIGATION_TEXT:
        set->conflict = set->conflict || !span_eq(f->text, p->text);
        return;
    case OBLIGATION_BOOL:
        set->conflict = set->conflict || f->number != p->number;
        return;
    case OBLIGATION_INT:
        break;
    }
    if (span_starts(f->name, SPAN_LIT("max_")) || span_starts(f->name, SPAN_LIT("within_")))
        f->number = p->number < f->number ? p->number : f->number;
    else if (span_starts(f->name, SPAN_LIT("min_")))
        f->number = p->number > f->number ? p->number : f->number;
    else
        set->conflict = set->conflict || f->number != p->number;
}

static void
obligation_put(struct obligation_set *set, struct obligation_merged *m,
               const struct obligation_param *p)
{
    size_t at = 0;
    while (at < m->field_count && span_cmp(m->field[at].name, p->name) < 0)
        at++;
    if (at < m->field_count && span_eq(m->field[at].name, p->name)) {
        obligation_join(set, &m->field[at], p);
        return;
    }
    if (m->field_count == OBLIGATION_PARAMS_MAX) {
        set->unsupported = true;
        return;
    }
    for (size_t i = m->field_count; i > at; i--)
        m->field[i] = m->field[i - 1];
    m->field_count++;
    struct obligation_field *f = &m->field[at];
    f->name = p->name;
    f->type = p->type;
    f->number = p->number;
    f->text = p->text;
    f->list_count = p->list_count;
    for (size_t i = 0; i < p->list_count; i++)
        f->list[i] = p->list[i];
}

void
obligation_set_add(struct obligation_set *set, const struct obligation *o)
{
    struct obligation_merged *m = obligation_place(set, o->kind);
    if (!o->supported || m == NULL)
        set->unsupported = true;
    if (m == NULL)
        return;
    for (size_t i = 0; i < o->param_count; i++)
        obligation_put(set, m, &o->params[i]);
}

void
obligation_set_close(struct obligation_set *set)
{
    if (!set->conflict && obligation_suite(set) == 0)
        set->unsupported = true;
}

static void
obligation_write_field(const struct obligation_field *f, struct canon *w)
{
    canon_key_span(w, f->name);
    switch (f->type) {
    case OBLIGATION_INT:
        canon_int(w, f->number);
        return;
    case OBLIGATION_BOOL:
        canon_bool(w, f->number != 0);
        return;
    case OBLIGATION_TEXT:
        canon_string(w, f->text);
        return;
    case OBLIGATION_LIST:
        canon_array(w);
        for (size_t i = 0; i < f->list_count; i++)
            canon_string(w, f->list[i]);
        canon_end(w);
        return;
    }
}

static void
obligation_write_kind(const struct obligation_merged *m, struct canon *w)
{
    canon_key_span(w, m->kind);
    canon_object(w);
    for (size_t i = 0; i < m->field_count; i++)
        obligation_write_field(&m->field[i], w);
    canon_end(w);
}

void
obligation_set_write(const struct obligation_set *set, struct canon *w)
{
    canon_object(w);
    for (size_t i = 0; i < set->kind_count; i++)
        obligation_write_kind(&set->kind[i], w);
    canon_end(w);
}

void
obligation_write_phase(const struct obligation_set *set, const struct vocab *v,
                       enum vocab_phase phase, struct canon *w)
{
    canon_object(w);
    for (size_t i = 0; i < set->kind_count; i++) {
        const struct vocab_obligation *declared = vocab_obligation(v, set->kind[i].kind);
        if (declared != NULL && declared->phase == phase)
            obligation_write_kind(&set->kind[i], w);
    }
    canon_end(w);
}

const struct obligation_merged *
obligation_find(const struct obligation_set *set, const char *kind)
{
    for (size_t i = 0; i < set->kind_count; i++)
        if (span_eq_str(set->kind[i].kind, kind))
            return &set->kind[i];
    return NULL;
}

const struct obligation_field *
obligation_field(const struct obligation_merged *m, const char *name)
{
    for (size_t i = 0; m != NULL && i < m->field_count; i++)
        if (span_eq_str(m->field[i].name, name))
            return &m->field[i];
    return NULL;
}

uint8_t
obligation_suite(const struct obligation_set *set)
{
    const struct obligation_field *f = obligation_field(obligation_find(set, "encrypt"), "suites");
    if (f == NULL)
        return 1;
    for (uint8_t i = 0; i < sizeof(obligation_suites) / sizeof(obligation_suites[0]); i++)
        if (obligation_list_has(f->list, f->list_count, span_str(obligation_suites[i])))
            return (uint8_t)(i + 1);
    return 0;
}
