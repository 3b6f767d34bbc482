/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal says of columns: those observed as another class than the agreement declares, by
 * declared name or ordinal, never by content. */
#include "gateway/flow/stages.h"
#include "schemas/json.h"

#include <stdio.h>

enum { COLUMNS_TOLD = 8, COLUMNS_TEXT_MAX = 1024 };

/* One column's words behind text[*len], if it differs. Nothing when they do not fit. */
static enum err
columns_one(const struct json_doc *doc, const struct json_node *column, char *text, size_t *len,
            size_t *told)
{
    struct span name;
    struct span declared;
    struct span observed;
    if (column->type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need_str(doc, column, "name", 256, &name, NULL));
    TRY(json_need_str(doc, column, "declared", 64, &declared, NULL));
    TRY(json_need_str(doc, column, "observed", 64, &observed, NULL));
    if (span_eq(declared, observed) || *told == COLUMNS_TOLD)
        return ERR_OK;
    const int n = snprintf(
        text + *len, COLUMNS_TEXT_MAX - *len, "%scolumn %.*s: declared %.*s, observed %.*s",
        *told == 0 ? "" : "; ", (int)name.len, (const char *)name.ptr, (int)declared.len,
        (const char *)declared.ptr, (int)observed.len, (const char *)observed.ptr);
    if (n > 0 && (size_t)n < COLUMNS_TEXT_MAX - *len) {
        *len += (size_t)n;
        *told += 1;
    }
    return ERR_OK;
}

enum err
flow_columns(struct flow *f, const struct store_row *row, struct span *ret)
{
    struct json_doc doc = {0};
    const struct json_node *columns = NULL;
    struct span observed;
    uint8_t *nodes = NULL;
    uint8_t *text = NULL;
    size_t len = 0;
    size_t told = 0;
    *ret = (struct span){0};
    const enum err err =
        store_part_get(f->store, row->id, STORE_OBSERVED, row->n, &f->room, &observed);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && observed.len == 0))
        return ERR_OK; /* refused before the stream */
    TRY(err);
    doc.node_cap = observed.len / 2 + 2;
    doc.text_cap = observed.len + 1;
    TRY(room_take(&f->room, doc.node_cap * sizeof(*doc.nodes), &nodes));
    TRY(room_take(&f->room, doc.text_cap, &doc.text));
    TRY(room_take(&f->room, COLUMNS_TEXT_MAX, &text));
    doc.nodes = (void *)nodes;
    TRY(json_read(&doc, observed, NULL));
    if (doc.nodes[0].type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need(&doc, &doc.nodes[0], "columns", JSON_ARRAY, &columns, NULL));
    const struct json_node *column = json_first(&doc, columns);
    for (; column != NULL; column = json_next(&doc, columns, column))
        TRY(columns_one(&doc, column, (char *)text, &len, &told));
    *ret = span_of(text, len);
    return ERR_OK;
}
