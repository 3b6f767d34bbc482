/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/list.h"

#include <stdlib.h>

#include "policy/vocab.h"

struct list_entry {
    struct span text;
    const struct json_node *node;
};

static int
list_order(const void *a, const void *b)
{
    const struct list_entry *x = a;
    const struct list_entry *y = b;
    return span_cmp(x->text, y->text);
}

static enum err
list_read_values(struct list *list, const struct json_doc *doc, const struct json_node *values,
                 struct fault *ret_fault)
{
    struct list_entry *entries = arena_take(&list->arena, values->count, sizeof(*entries));
    list->values = arena_take(&list->arena, values->count, sizeof(*list->values));
    if (entries == NULL || list->values == NULL)
        return ERR_NOMEM;
    size_t count = 0;
    const struct json_node *n = values->count == 0 ? NULL : json_first(doc, values);
    for (; n != NULL; n = json_next(doc, values, n)) {
        if (n->type != JSON_STRING)
            return json_fail(doc, n, ERR_TYPE, "a value is a string", ret_fault);
        if (n->text.len == 0 || n->text.len > VOCAB_STRING_MAX)
            return json_fail(doc, n, ERR_RANGE, "a value has 1 to 256 bytes", ret_fault);
        entries[count].text = n->text;
        entries[count++].node = n;
    }
    if (count > 0)
        qsort(entries, count, sizeof(*entries), list_order);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && span_eq(entries[i - 1].text, entries[i].text)) {
            const struct json_node *a = entries[i - 1].node;
            const struct json_node *b = entries[i].node;
            return json_fail(doc, a->offset > b->offset ? a : b, ERR_DUPLICATE,
                             "this value occurs twice", ret_fault);
        }
        TRY(arena_text(&list->arena, entries[i].text, &list->values[list->value_count++]));
    }
    return ERR_OK;
}

static enum err
list_read_doc(struct list *list, const struct json_doc *doc, struct fault *ret_fault)
{
    static const char *const fields[] = {"format", "id", "values", "note"};
    const struct json_node *root = &doc->nodes[0];
    const struct json_node *values = NULL;
    struct span text;
    if (root->type != JSON_OBJECT)
        return json_fail(doc, root, ERR_TYPE, "a list is an object", ret_fault);
    TRY(json_need_str(doc, root, "format", 64, &text, ret_fault));
    if (!span_eq_str(text, "tdz.list/1"))
        return json_fail(doc, json_get(doc, root, "format"), ERR_VERSION,
                         "format must be tdz.list/1", ret_fault);
    TRY(json_only(doc, root, fields, 4, ret_fault));
    TRY(json_may_str(doc, root, "note", VOCAB_NOTE_MAX, ret_fault));
    TRY(json_need_str(doc, root, "id", VOCAB_NAME_MAX, &text, ret_fault));
    if (!vocab_is_name(text))
        return json_fail(doc, json_get(doc, root, "id"), ERR_SYNTAX,
                         "an id must match [A-Za-z0-9_.-]{1,64}", ret_fault);
    TRY(arena_text(&list->arena, text, &list->id));
    TRY(json_need(doc, root, "values", JSON_ARRAY, &values, ret_fault));
    return list_read_values(list, doc, values, ret_fault);
}

enum err
list_read(struct list *list, struct span input, const uint8_t sha256[static 32],
          struct fault *ret_fault)
{
    struct json_doc doc;
    *list = (struct list){0};
    arena_init(&list->arena);
    memcpy(list->sha256, sha256, sizeof(list->sha256));
    TRY(json_load(&doc, input, ret_fault));
    const enum err err = list_read_doc(list, &doc, ret_fault);
    json_free(&doc);
    if (err != ERR_OK)
        list_finish(list);
    return err;
}

void
list_finish(struct list *list)
{
    arena_finish(&list->arena);
    *list = (struct list){0};
}

bool
list_has(const struct list *list, struct span value)
{
    size_t low = 0;
    size_t high = list->value_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = span_cmp(list->values[middle], value);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
