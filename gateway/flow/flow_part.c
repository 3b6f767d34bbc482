/* SPDX-License-Identifier: Apache-2.0 */
/* Stored JSON of a transfer, read again. */
#include "gateway/flow/stages.h"

enum err
flow_part_json(struct flow *f, const struct store_row *row, enum store_part what, uint64_t n,
               struct json_doc *ret)
{
    struct span bytes;
    uint8_t *nodes = NULL;
    struct json_doc doc = {0};
    TRY(store_part_get(f->store, row->id, what, n, &f->room, &bytes));
    if (bytes.len == 0)
        return ERR_NOT_FOUND;
    doc.node_cap = bytes.len / 2 + 2;
    doc.text_cap = bytes.len + 1;
    TRY(room_take(&f->room, doc.node_cap * sizeof(*doc.nodes), &nodes));
    TRY(room_take(&f->room, doc.text_cap, &doc.text));
    doc.nodes = (void *)nodes;
    TRY(json_read(&doc, bytes, NULL));
    if (doc.nodes[0].type != JSON_OBJECT)
        return ERR_TYPE;
    *ret = doc;
    return ERR_OK;
}
