/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/envelope.h"

enum { ENVELOPE_TEXT_MAX = 256 };

bool
envelope_list_has(const struct envelope_list *list, struct span value)
{
    for (size_t i = 0; i < list->count; i++)
        if (span_eq(list->items[i], value))
            return true;
    return false;
}

static enum err
envelope_read_list(struct arena *arena, const struct json_doc *doc, const struct json_node *object,
                   const char *key, struct envelope_list *ret, struct fault *ret_fault)
{
    const struct json_node *list = NULL;
    TRY(json_need(doc, object, key, JSON_ARRAY, &list, ret_fault));
    if (list->count == 0)
        return json_fail(doc, list, ERR_RANGE, "an approval of nothing", ret_fault);
    if (list->count > ENVELOPE_LIST_MAX)
        return json_fail(doc, list, ERR_FULL, "more values than the limit of 1024", ret_fault);
    ret->count = 0;
    ret->items = arena_take(arena, list->count, sizeof(*ret->items));
    if (ret->items == NULL)
        return ERR_NOMEM;
    const struct json_node *n = json_first(doc, list);
    for (; n != NULL; n = json_next(doc, list, n)) {
        if (n->type != JSON_STRING)
            return json_fail(doc, n, ERR_TYPE, "a string must be here", ret_fault);
        if (n->text.len == 0 || n->text.len > ENVELOPE_TEXT_MAX)
            return json_fail(doc, n, ERR_RANGE, "a value has 1 to 256 bytes", ret_fault);
        if (envelope_list_has(ret, n->text))
            return json_fail(doc, n, ERR_DUPLICATE, "this value occurs twice", ret_fault);
        TRY(arena_text(arena, n->text, &ret->items[ret->count]));
        ret->count++;
    }
    return ERR_OK;
}

enum err
envelope_read(struct arena *arena, const struct json_doc *doc, const struct json_node *node,
              struct envelope *ret, struct fault *ret_fault)
{
    static const char *const fields[] = {"purposes", "recipients", "fields", "persons"};
    struct envelope e = {.persons_max = ENVELOPE_NO_CEILING};
    if (node->type != JSON_OBJECT)
        return json_fail(doc, node, ERR_TYPE, "an envelope is an object", ret_fault);
    TRY(json_only(doc, node, fields, sizeof(fields) / sizeof(fields[0]), ret_fault));
    TRY(envelope_read_list(arena, doc, node, "purposes", &e.purposes, ret_fault));
    TRY(envelope_read_list(arena, doc, node, "recipients", &e.recipients, ret_fault));
    TRY(envelope_read_list(arena, doc, node, "fields", &e.fields, ret_fault));
    if (json_get(doc, node, "persons") != NULL)
        TRY(json_need_int(doc, node, "persons", 0, JSON_INT_MAX, &e.persons_max, ret_fault));
    *ret = e;
    return ERR_OK;
}
