/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/facts.h"

#include <assert.h>

void
facts_init(struct facts *f)
{
    f->count = 0;
    f->label_count = 0;
    f->ignored_count = 0;
}

static size_t
facts_place(const struct facts *f, struct span name, bool *ret_found)
{
    size_t low = 0;
    size_t high = f->count;
    *ret_found = false;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = span_cmp(f->entry[middle].name, name);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct facts_entry *
facts_get(const struct facts *f, struct span name)
{
    bool found = false;
    const size_t at = facts_place(f, name, &found);
    return found ? &f->entry[at] : NULL;
}

static enum err
facts_put(struct facts *f, const struct facts_entry *e)
{
    bool found = false;
    const size_t at = facts_place(f, e->name, &found);
    if (found) {
        if (e->source >= f->entry[at].source)
            f->entry[at] = *e;
        return ERR_OK;
    }
    if (f->count == FACTS_MAX)
        return ERR_FULL;
    for (size_t i = f->count; i > at; i--)
        f->entry[i] = f->entry[i - 1];
    f->entry[at] = *e;
    f->count++;
    return ERR_OK;
}

enum err
facts_bool(struct facts *f, struct span name, bool value, enum vocab_source source)
{
    return facts_put(
        f, &(struct facts_entry){
               .name = name, .type = FACTS_BOOL, .source = source, .number = value ? 1 : 0});
}

enum err
facts_int(struct facts *f, struct span name, int64_t value, enum vocab_source source)
{
    return facts_put(f, &(struct facts_entry){
                            .name = name, .type = FACTS_INT, .source = source, .number = value});
}

enum err
facts_text(struct facts *f, struct span name, struct span value, enum vocab_source source)
{
    return facts_put(f, &(struct facts_entry){
                            .name = name, .type = FACTS_TEXT, .source = source, .text = value});
}

enum err
facts_label(struct facts *f, struct span name)
{
    for (size_t i = 0; i < f->label_count; i++)
        if (span_eq(f->label[i], name))
            return ERR_OK;
    if (f->label_count == FACTS_LABELS_MAX)
        return ERR_FULL;
    f->label[f->label_count++] = name;
    return ERR_OK;
}

/* The value at node as an entry of that name. */
static struct facts_entry
facts_entry_of(struct span name, const struct json_node *node, enum vocab_source source)
{
    struct facts_entry e = {.name = name, .type = FACTS_OTHER, .source = source};
    switch (node->type) {
    case JSON_BOOL:
        e.type = FACTS_BOOL;
        e.number = node->number;
        break;
    case JSON_INT:
        e.type = FACTS_INT;
        e.number = node->number;
        break;
    case JSON_STRING:
        e.type = FACTS_TEXT;
        e.text = node->text;
        break;
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return e;
}

bool
facts_fits(const struct vocab *v, const struct vocab_attr *attr, const struct facts_entry *e)
{
    switch (attr->type) {
    case VOCAB_BOOL:
        return e->type == FACTS_BOOL;
    case VOCAB_INT:
        return e->type == FACTS_INT;
    case VOCAB_ENUM:
        return e->type == FACTS_TEXT && vocab_has_value(attr, e->text);
    case VOCAB_STRING:
        return e->type == FACTS_TEXT && e->text.len <= VOCAB_STRING_MAX;
    case VOCAB_ZONE:
        return e->type == FACTS_TEXT && vocab_zone(v, e->text) != VOCAB_NONE;
    case VOCAB_LABELS:
        return false;
    }
    return false;
}

enum err
facts_read(struct facts *f, const struct vocab *v, const struct json_doc *doc,
           const struct json_node *object, enum vocab_source source, struct fault *ret_fault)
{
    if (object->type != JSON_OBJECT)
        return json_fail(doc, object, ERR_TYPE, "facts are an object", ret_fault);
    const struct json_node *k = json_first(doc, object);
    for (; k != NULL; k = json_next(doc, object, k)) {
        const struct facts_entry e = facts_entry_of(k->text, json_value(doc, k), source);
        const struct vocab_attr *attr = vocab_attr(v, k->text);
        const bool taken = attr != NULL && attr->source <= source && facts_fits(v, attr, &e) &&
                           !span_eq_str(k->text, "to");
        if (taken && facts_put(f, &e) != ERR_OK)
            return json_fail(doc, k, ERR_FULL, "more facts than the limit of 320", ret_fault);
        if (!taken && f->ignored_count == FACTS_IGNORED_MAX)
            return json_fail(doc, k, ERR_FULL, "more than 64 facts that do not count", ret_fault);
        if (!taken)
            f->ignored[f->ignored_count++] = k->text;
    }
    return ERR_OK;
}

static enum err
facts_input_labels(struct facts *f, const struct json_doc *doc, const struct json_node *list,
                   struct fault *ret_fault)
{
    if (list->type != JSON_ARRAY)
        return ERR_OK;
    const struct json_node *n = json_first(doc, list);
    for (; n != NULL; n = json_next(doc, list, n)) {
        if (n->type != JSON_STRING) {
            f->label_count = 0;
            return ERR_OK;
        }
        if (facts_label(f, n->text) != ERR_OK)
            return json_fail(doc, n, ERR_FULL, "more labels than the limit of 256", ret_fault);
    }
    return ERR_OK;
}

enum err
facts_input(struct facts *f, const struct json_doc *doc, const struct json_node *object,
            struct fault *ret_fault)
{
    if (object->type != JSON_OBJECT)
        return json_fail(doc, object, ERR_TYPE, "an input is an object", ret_fault);
    const struct json_node *k = json_first(doc, object);
    for (; k != NULL; k = json_next(doc, object, k)) {
        const struct json_node *value = json_value(doc, k);
        if (span_eq_str(k->text, "labels")) {
            TRY(facts_input_labels(f, doc, value, ret_fault));
            continue;
        }
        const struct facts_entry e = facts_entry_of(k->text, value, VOCAB_GATEWAY);
        if (facts_put(f, &e) != ERR_OK)
            return json_fail(doc, k, ERR_FULL, "more facts than the limit of 320", ret_fault);
    }
    return ERR_OK;
}

static void
facts_write_labels(const struct facts *f, struct canon *w)
{
    canon_key(w, "labels");
    canon_array(w);
    for (size_t i = 0; i < f->label_count; i++)
        canon_string(w, f->label[i]);
    canon_end(w);
}

static void
facts_write_entry(const struct facts_entry *e, struct canon *w)
{
    canon_key_span(w, e->name);
    switch (e->type) {
    case FACTS_BOOL:
        canon_bool(w, e->number != 0);
        return;
    case FACTS_INT:
        canon_int(w, e->number);
        return;
    case FACTS_TEXT:
        canon_string(w, e->text);
        return;
    case FACTS_OTHER:
        canon_null(w);
        return;
    }
}

void
facts_write(const struct facts *f, struct canon *w)
{
    bool labels_written = false;
    canon_object(w);
    for (size_t i = 0; i < f->count; i++) {
        if (!labels_written && span_cmp(f->entry[i].name, SPAN_LIT("labels")) > 0) {
            facts_write_labels(f, w);
            labels_written = true;
        }
        facts_write_entry(&f->entry[i], w);
    }
    if (!labels_written)
        facts_write_labels(f, w);
    canon_end(w);
}

void
facts_write_source(const struct facts *f, enum vocab_source source, struct canon *w)
{
    canon_object(w);
    for (size_t i = 0; i < f->count; i++)
        if (f->entry[i].source == source)
            facts_write_entry(&f->entry[i], w);
    canon_end(w);
}

/* What the register's documents come to at a time, which only the gateway works out: a register
 * that could state it would make expired evidence valid. */
static bool
facts_is_measured(struct span name)
{
    return span_starts(name, SPAN_LIT("evidence.")) || span_starts(name, SPAN_LIT("envelope."));
}

enum err
facts_load(struct arena *arena, const struct vocab *v, const struct json_doc *doc,
           const struct json_node *object, struct facts_entry **ret_entries, size_t *ret_count,
           struct fault *ret_fault)
{
    if (object->type != JSON_OBJECT)
        return json_fail(doc, object, ERR_TYPE, "facts are an object", ret_fault);
    if (object->count > FACTS_MAX)
        return json_fail(doc, object, ERR_FULL, "more facts than the limit of 320", ret_fault);
    struct facts_entry *entries = arena_take(arena, object->count, sizeof(*entries));
    size_t count = 0;
    if (entries == NULL)
        return ERR_NOMEM;
    const struct json_node *k = json_first(doc, object);
    for (; k != NULL; k = json_next(doc, object, k)) {
        const struct json_node *value = json_value(doc, k);
        const struct vocab_attr *attr = vocab_attr(v, k->text);
        struct facts_entry e = facts_entry_of(k->text, value, VOCAB_REGISTER);
        if (attr == NULL)
            return json_fail(doc, k, ERR_NOT_FOUND, "the vocabulary declares no such attribute",
                             ret_fault);
        if (attr->source > VOCAB_REGISTER || attr->type == VOCAB_LABELS ||
            facts_is_measured(k->text))
            return json_fail(doc, k, ERR_DENIED, "only the gateway may say this", ret_fault);
        if (!facts_fits(v, attr, &e))
            return json_fail(doc, value, ERR_TYPE, "not a value of this attribute", ret_fault);
        e.name = attr->name;
        if (e.type == FACTS_TEXT)
            TRY(arena_text(arena, e.text, &e.text));
        entries[count++] = e;
    }
    *ret_entries = entries;
    *ret_count = count;
    return ERR_OK;
}

enum err
facts_apply(struct facts *f, const struct facts_entry *entries, size_t count, struct span prefix)
{
    for (size_t i = 0; i < count; i++)
        if (span_starts(entries[i].name, prefix))
            TRY(facts_put(f, &entries[i]));
    return ERR_OK;
}
