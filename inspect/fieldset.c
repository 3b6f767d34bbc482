/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/fieldset.h"

#include <assert.h>

static const char *const fieldset_formats[] = {
    [FIELDSET_CSV] = "csv",   [FIELDSET_NDJSON] = "ndjson", [FIELDSET_JSON] = "json",
    [FIELDSET_TEXT] = "text", [FIELDSET_OPAQUE] = "opaque",
};

void
fieldset_init(struct fieldset *f)
{
    f->format = FIELDSET_CSV;
    f->additional = true;
    f->field_count = 0;
    f->text_len = 0;
    f->bytes_max = UINT64_MAX;
    f->rows_max = UINT64_MAX;
    f->persons_max = UINT64_MAX;
}

struct span
fieldset_name(const struct fieldset *f, size_t i)
{
    assert(i < f->field_count);
    return span_of(f->text + f->fields[i].name_at, f->fields[i].name_len);
}

static uint8_t
fieldset_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

size_t
fieldset_find(const struct fieldset *f, struct span name)
{
    for (size_t i = 0; i < f->field_count; i++) {
        const struct span own = fieldset_name(f, i);
        size_t k = 0;
        while (k < own.len && own.len == name.len &&
               fieldset_lower(own.ptr[k]) == fieldset_lower(name.ptr[k]))
            k++;
        if (own.len == name.len && k == own.len)
            return i;
    }
    return FIELDSET_MAX;
}

static enum err
fieldset_format_read(struct fieldset *f, const struct json_doc *doc, const struct json_node *node,
                     struct fault *ret_fault)
{
    struct span name;
    TRY(json_need_str(doc, node, "format", 64, &name, ret_fault));
    for (unsigned i = 0; i < sizeof(fieldset_formats) / sizeof(fieldset_formats[0]); i++) {
        if (span_eq_str(name, fieldset_formats[i])) {
            f->format = (enum fieldset_format)i;
            return ERR_OK;
        }
    }
    return json_fail(doc, json_get(doc, node, "format"), ERR_NOT_FOUND, "format", ret_fault);
}

/* Every member must be known, a description, or an extension. */
static enum err
fieldset_members(const struct json_doc *doc, const struct json_node *field, struct fault *ret_fault)
{
    static const char *const known[] = {"name", "type", "pseudonymised", "description"};
    for (const struct json_node *key = json_first(doc, field); key != NULL;
         key = json_next(doc, field, key)) {
        bool ok = span_starts(key->text, SPAN_LIT("x-"));
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            ok = ok || span_eq_str(key->text, known[i]);
        if (!ok)
            return json_fail(doc, key, ERR_UNKNOWN_FIELD, "schema field", ret_fault);
    }
    return ERR_OK;
}

static enum err
fieldset_name_read(struct fieldset *f, const struct json_doc *doc, const struct json_node *node,
                   struct fieldset_field *field, struct fault *ret_fault)
{
    struct span name;
    struct span type;
    TRY(json_need_str(doc, node, "name", FIELDSET_NAME_MAX, &name, ret_fault));
    TRY(json_need_str(doc, node, "type", 64, &type, ret_fault));
    const struct json_node *at = json_get(doc, node, "name");
    if (name.len == 0)
        return json_fail(doc, at, ERR_RANGE, "name", ret_fault);
    if (fieldset_find(f, name) != FIELDSET_MAX)
        return json_fail(doc, at, ERR_DUPLICATE, "name", ret_fault);
    if (f->field_count == FIELDSET_MAX || FIELDSET_TEXT_MAX - f->text_len < name.len)
        return json_fail(doc, at, ERR_FULL, "fields", ret_fault);
    field->name_at = (uint32_t)f->text_len;
    field->name_len = (uint32_t)name.len;
    memcpy(f->text + f->text_len, name.ptr, name.len);
    f->text_len += name.len;
    return ERR_OK;
}

static enum err
fieldset_field_read(struct fieldset *f, const struct json_doc *doc, const struct json_node *node,
                    struct fault *ret_fault)
{
    struct fieldset_field field = {.ident = IDENT_NONE};
    struct span text;
    enum label label = LABEL_BUSINESS;
    enum ident ident = IDENT_NONE;
    if (node->type != JSON_OBJECT)
        return json_fail(doc, node, ERR_TYPE, "fields", ret_fault);
    TRY(fieldset_members(doc, node, ret_fault));
    TRY(fieldset_name_read(f, doc, node, &field, ret_fault));
    TRY(json_need_str(doc, node, "x-class", 64, &text, ret_fault));
    if (label_find(text, &label) != ERR_OK)
        return json_fail(doc, json_get(doc, node, "x-class"), ERR_NOT_FOUND, "x-class", ret_fault);
    const struct json_node *ident_node = json_get(doc, node, "x-identifier");
    if (ident_node != NULL) {
        TRY(json_need_str(doc, node, "x-identifier", 64, &text, ret_fault));
        if (ident_find(text, &ident) != ERR_OK)
            return json_fail(doc, ident_node, ERR_NOT_FOUND, "x-identifier", ret_fault);
    }
    if (json_get(doc, node, "pseudonymised") != NULL)
        TRY(json_need_bool(doc, node, "pseudonymised", &field.pseudonymised, ret_fault));
    field.label = (uint8_t)label;
    field.ident = (uint8_t)ident;
    f->fields[f->field_count++] = field;
    return ERR_OK;
}

enum err
fieldset_read(struct fieldset *f, const struct json_doc *doc, const struct json_node *node,
              struct fault *ret_fault)
{
    static const char *const names[] = {"format", "fields", "additional"};
    const struct json_node *fields = NULL;
    struct span additional;
    if (node->type != JSON_OBJECT)
        return json_fail(doc, node, ERR_TYPE, "schema", ret_fault);
    TRY(json_only(doc, node, names, 3, ret_fault));
    TRY(fieldset_format_read(f, doc, node, ret_fault));
    TRY(json_need_str(doc, node, "additional", 64, &additional, ret_fault));
    f->additional = span_eq_str(additional, "allow");
    if (!f->additional && !span_eq_str(additional, "refuse"))
        return json_fail(doc, json_get(doc, node, "additional"), ERR_NOT_FOUND, "additional",
                         ret_fault);
    TRY(json_need(doc, node, "fields", JSON_ARRAY, &fields, ret_fault));
    f->field_count = 0;
    f->text_len = 0;
    for (const struct json_node *field = json_first(doc, fields); field != NULL;
         field = json_next(doc, fields, field))
        TRY(fieldset_field_read(f, doc, field, ret_fault));
    return ERR_OK;
}

enum err
fieldset_ceilings(struct fieldset *f, const struct json_doc *doc, const struct json_node *node,
                  struct fault *ret_fault)
{
    static const char *const names[] = {"bytes", "rows", "persons"};
    uint64_t *const out[] = {&f->bytes_max, &f->rows_max, &f->persons_max};
    if (node->type != JSON_OBJECT)
        return json_fail(doc, node, ERR_TYPE, "ceilings", ret_fault);
    TRY(json_only(doc, node, names, 3, ret_fault));
    for (size_t i = 0; i < 3; i++) {
        int64_t value = 0;
        if (json_get(doc, node, names[i]) == NULL)
            continue;
        TRY(json_need_int(doc, node, names[i], 0, JSON_INT_MAX, &value, ret_fault));
        *out[i] = (uint64_t)value;
    }
    return ERR_OK;
}

static enum err
fieldset_from(struct fieldset *f, const struct json_doc *doc, struct fault *ret_fault)
{
    const struct json_node *root = &doc->nodes[0];
    if (root->type != JSON_OBJECT)
        return json_fail(doc, root, ERR_TYPE, "schema", ret_fault);
    const struct json_node *schema = json_get(doc, root, "schema");
    if (schema == NULL)
        return fieldset_read(f, doc, root, ret_fault);
    const struct json_node *ceilings = json_get(doc, root, "ceilings");
    if (ceilings != NULL)
        TRY(fieldset_ceilings(f, doc, ceilings, ret_fault));
    return fieldset_read(f, doc, schema, ret_fault);
}

enum err
fieldset_load(struct fieldset *f, struct span json, struct fault *ret_fault)
{
    struct json_doc doc = {0};
    fieldset_init(f);
    TRY(json_load(&doc, json, ret_fault));
    const enum err err = fieldset_from(f, &doc, ret_fault);
    json_free(&doc);
    return err;
}
