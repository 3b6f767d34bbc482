/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/inspectspec.h"

#define INSPECTSPEC_FORMAT "tdz.inspect/1"

enum err
inspectspec_write(bool is_import, struct span actions, const struct json_doc *agreement, char *buf,
                  size_t cap, struct span *ret)
{
    const struct json_node *root = &agreement->nodes[0];
    const struct json_node *schema = NULL;
    const struct json_node *ceilings = NULL;
    struct canon w;
    if (agreement->node_count == 0 || root->type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need(agreement, root, "schema", JSON_OBJECT, &schema, NULL));
    TRY(json_need(agreement, root, "ceilings", JSON_OBJECT, &ceilings, NULL));
    canon_init(&w, buf, cap);
    canon_object(&w);
    canon_key(&w, "actions");
    canon_raw(&w, actions);
    canon_key(&w, "ceilings");
    canon_node(&w, agreement, ceilings);
    canon_member_str(&w, "direction", is_import ? "import" : "export");
    canon_member_str(&w, "format", INSPECTSPEC_FORMAT);
    canon_key(&w, "schema");
    canon_node(&w, agreement, schema);
    canon_end(&w);
    return canon_finish(&w, ret);
}

/* Raises actions by one obligation, {"fields":[selector…], …}. */
static enum err
inspectspec_one(const struct fieldset *f, enum transform transform, const struct json_doc *doc,
                const struct json_node *params, uint8_t *actions, struct fault *ret_fault)
{
    const struct json_node *fields = NULL;
    if (params->type != JSON_OBJECT)
        return json_fail(doc, params, ERR_TYPE, "the parameters are an object", ret_fault);
    TRY(json_need(doc, params, "fields", JSON_ARRAY, &fields, ret_fault));
    const struct json_node *n = json_first(doc, fields);
    for (; n != NULL; n = json_next(doc, fields, n)) {
        if (n->type != JSON_STRING)
            return json_fail(doc, n, ERR_TYPE, "a selector is a string", ret_fault);
        const enum err err = transform_select(f, transform, n->text, actions);
        if (err != ERR_OK)
            return json_fail(doc, n, err, "a selector names a type, class or column", ret_fault);
    }
    return ERR_OK;
}

static enum err
inspectspec_actions(const struct fieldset *f, const struct json_doc *doc,
                    const struct json_node *object, uint8_t *actions, struct fault *ret_fault)
{
    memset(actions, TRANSFORM_NONE, FIELDSET_MAX);
    if (object->type != JSON_OBJECT)
        return json_fail(doc, object, ERR_TYPE, "actions are an object", ret_fault);
    const struct json_node *k = json_first(doc, object);
    for (; k != NULL; k = json_next(doc, object, k)) {
        enum transform transform = TRANSFORM_NONE;
        /* The sealer's work, on every stream. */
        if (span_eq_str(k->text, "encrypt"))
            continue;
        if (transform_find(k->text, &transform) != ERR_OK)
            return json_fail(doc, k, ERR_UNSUPPORTED, "no action of this build", ret_fault);
        TRY(inspectspec_one(f, transform, doc, json_value(doc, k), actions, ret_fault));
    }
    return ERR_OK;
}

enum err
inspectspec_read(struct span input, struct inspectspec_scratch *scratch, struct inspectspec *ret,
                 struct fault *ret_fault)
{
    static const char *const names[] = {"actions", "ceilings", "direction", "format", "schema"};
    struct json_doc doc = {.nodes = scratch->nodes,
                           .node_cap = INSPECTSPEC_NODES_MAX,
                           .text = scratch->text,
                           .text_cap = INSPECTSPEC_BYTES_MAX};
    const struct json_node *node = NULL;
    struct span text;
    if (input.len > INSPECTSPEC_BYTES_MAX)
        return ERR_TOO_LARGE;
    TRY(json_read(&doc, input, ret_fault));
    const struct json_node *root = &doc.nodes[0];
    if (root->type != JSON_OBJECT)
        return json_fail(&doc, root, ERR_TYPE, "a specification is an object", ret_fault);
    TRY(json_only(&doc, root, names, sizeof(names) / sizeof(names[0]), ret_fault));
    TRY(json_need_str(&doc, root, "format", 64, &text, ret_fault));
    if (!span_eq_str(text, INSPECTSPEC_FORMAT))
        return json_fail(&doc, root, ERR_VERSION, "format is " INSPECTSPEC_FORMAT, ret_fault);
    TRY(json_need_str(&doc, root, "direction", 16, &text, ret_fault));
    ret->is_import = span_eq_str(text, "import");
    if (!ret->is_import && !span_eq_str(text, "export"))
        return json_fail(&doc, root, ERR_NOT_FOUND, "direction is export or import", ret_fault);
    fieldset_init(&ret->fields);
    TRY(json_need(&doc, root, "schema", JSON_OBJECT, &node, ret_fault));
    TRY(fieldset_read(&ret->fields, &doc, node, ret_fault));
    TRY(json_need(&doc, root, "ceilings", JSON_OBJECT, &node, ret_fault));
    TRY(fieldset_ceilings(&ret->fields, &doc, node, ret_fault));
    TRY(json_need(&doc, root, "actions", JSON_OBJECT, &node, ret_fault));
    return inspectspec_actions(&ret->fields, &doc, node, ret->actions, ret_fault);
}

enum err
inspectspec_covers(const struct inspectspec *have, const struct json_doc *doc,
                   const struct json_node *want, bool *ret_covers, struct fault *ret_fault)
{
    uint8_t actions[FIELDSET_MAX];
    TRY(inspectspec_actions(&have->fields, doc, want, actions, ret_fault));
    bool covers = true;
    for (size_t i = 0; i < have->fields.field_count; i++)
        covers = covers && actions[i] <= have->actions[i];
    *ret_covers = covers;
    return ERR_OK;
}
