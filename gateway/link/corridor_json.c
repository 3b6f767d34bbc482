/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link/corridor_json.h"

#include <stdlib.h>

#include "schemas/canon.h"
#include "schemas/json.h"
#include "schemas/text.h"

enum { CORRIDOR_JSON_NODES = 24, CORRIDOR_JSON_VERSION_MAX = 1000 };

static const char *const corridor_json_words[] = {"none",     "offered",  "receiving",
                                                  "complete", "released", "done"};

enum { CORRIDOR_JSON_WORDS = sizeof(corridor_json_words) / sizeof(corridor_json_words[0]) };

enum err
corridor_json_hello_write(const char *zone, const char *gateway, char *buf, size_t cap,
                          struct span *ret)
{
    struct canon w;
    canon_init(&w, buf, cap);
    canon_object(&w);
    canon_member_str(&w, "gateway", gateway);
    canon_key(&w, "versions");
    canon_array(&w);
    canon_int(&w, CORRIDOR_JSON_VERSION_LOW);
    canon_int(&w, CORRIDOR_JSON_VERSION_HIGH);
    canon_end(&w);
    canon_member_str(&w, "zone", zone);
    canon_end(&w);
    return canon_finish(&w, ret);
}

static enum err
corridor_json_copy(struct span text, char out[static 64])
{
    if (text.len == 0 || text.len > 63 || memchr(text.ptr, 0, text.len) != NULL)
        return ERR_SYNTAX;
    memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return ERR_OK;
}

static enum err
corridor_json_hello_fields(const struct json_doc *doc, struct corridor_json_hello *ret)
{
    static const char *const names[] = {"gateway", "versions", "zone"};
    const struct json_node *root = &doc->nodes[0];
    const struct json_node *versions = NULL;
    struct span zone;
    struct span gateway;
    if (root->type != JSON_OBJECT)
        return ERR_SYNTAX;
    TRY(json_only(doc, root, names, 3, NULL));
    TRY(json_need_str(doc, root, "gateway", 63, &gateway, NULL));
    TRY(json_need_str(doc, root, "zone", 63, &zone, NULL));
    TRY(json_need(doc, root, "versions", JSON_ARRAY, &versions, NULL));
    const struct json_node *low = json_first(doc, versions);
    const struct json_node *high = low == NULL ? NULL : json_next(doc, versions, low);
    if (versions->count != 2 || low->type != JSON_INT || high->type != JSON_INT ||
        low->number < 0 || low->number > high->number || high->number > CORRIDOR_JSON_VERSION_MAX)
        return ERR_SYNTAX;
    ret->low = (uint32_t)low->number;
    ret->high = (uint32_t)high->number;
    TRY(corridor_json_copy(zone, ret->zone));
    return corridor_json_copy(gateway, ret->gateway);
}

enum err
corridor_json_hello_read(struct span in, struct corridor_json_hello *ret)
{
    struct json_node nodes[CORRIDOR_JSON_NODES];
    uint8_t text[CORRIDOR_JSON_HELLO_MAX];
    struct corridor_json_hello hello;
    struct json_doc doc = {
        .nodes = nodes, .node_cap = CORRIDOR_JSON_NODES, .text = text, .text_cap = sizeof(text)};
    if (in.len > CORRIDOR_JSON_HELLO_MAX)
        return ERR_TOO_LARGE;
    if (json_read(&doc, in, NULL) != ERR_OK || corridor_json_hello_fields(&doc, &hello) != ERR_OK)
        return ERR_SYNTAX;
    *ret = hello;
    return ERR_OK;
}

enum err
corridor_json_state_write(uint64_t groups, enum corridor_json_state state, char *buf, size_t cap,
                          struct span *ret)
{
    struct canon w;
    canon_init(&w, buf, cap);
    canon_object(&w);
    canon_member_int(&w, "groups", (int64_t)groups);
    canon_key(&w, "receipt");
    canon_null(&w);
    canon_member_str(&w, "state", corridor_json_words[state]);
    canon_end(&w);
    return canon_finish(&w, ret);
}

static enum err
corridor_json_state_fields(const struct json_doc *doc, struct corridor_json_status *ret)
{
    static const char *const names[] = {"groups", "receipt", "state"};
    const struct json_node *root = &doc->nodes[0];
    struct span word;
    int64_t groups = 0;
    if (root->type != JSON_OBJECT)
        return ERR_SYNTAX;
    TRY(json_only(doc, root, names, 3, NULL));
    TRY(json_need_int(doc, root, "groups", 0, JSON_INT_MAX, &groups, NULL));
    TRY(json_need_str(doc, root, "state", 16, &word, NULL));
    const struct json_node *receipt = json_get(doc, root, "receipt");
    if (receipt == NULL || (receipt->type != JSON_NULL && receipt->type != JSON_STRING))
        return ERR_SYNTAX;
    for (size_t i = 0; i < CORRIDOR_JSON_WORDS; i++) {
        if (!span_eq_str(word, corridor_json_words[i]))
            continue;
        *ret = (struct corridor_json_status){.groups = (uint64_t)groups,
                                             .state = (enum corridor_json_state)i,
                                             .has_receipt = receipt->type == JSON_STRING};
        return ERR_OK;
    }
    return ERR_SYNTAX;
}

/* The document's state; with out also what its receipt is. */
static enum err
corridor_json_state_all(struct span in, struct corridor_json_status *ret, uint8_t *out, size_t cap,
                        size_t *ret_len)
{
    struct json_node nodes[CORRIDOR_JSON_NODES];
    struct json_doc doc = {.nodes = nodes, .node_cap = CORRIDOR_JSON_NODES};
    if (in.len > CORRIDOR_JSON_BYTES_MAX)
        return ERR_TOO_LARGE;
    doc.text = malloc(in.len + 1);
    doc.text_cap = in.len;
    if (doc.text == NULL)
        return ERR_NOMEM;
    enum err err = json_read(&doc, in, NULL) == ERR_OK ? ERR_OK : ERR_SYNTAX;
    if (err == ERR_OK && corridor_json_state_fields(&doc, ret) != ERR_OK)
        err = ERR_SYNTAX;
    if (err == ERR_OK && out != NULL && ret->has_receipt &&
        text_unbase64(json_get(&doc, &doc.nodes[0], "receipt")->text, false, out, cap, ret_len) !=
            ERR_OK)
        err = ERR_SYNTAX;
    free(doc.text);
    return err;
}

enum err
corridor_json_state_read(struct span in, struct corridor_json_status *ret)
{
    return corridor_json_state_all(in, ret, NULL, 0, NULL);
}

enum err
corridor_json_receipt_read(struct span in, uint8_t *out, size_t cap, struct span *ret)
{
    struct corridor_json_status status = {0};
    size_t len = 0;
    TRY(corridor_json_state_all(in, &status, out, cap, &len));
    if (!status.has_receipt)
        return ERR_NOT_FOUND;
    *ret = span_of(out, len);
    return ERR_OK;
}

enum err
corridor_json_groups_write(uint64_t groups, char *buf, size_t cap, struct span *ret)
{
    struct canon w;
    canon_init(&w, buf, cap);
    canon_object(&w);
    canon_member_int(&w, "groups", (int64_t)groups);
    canon_end(&w);
    return canon_finish(&w, ret);
}

enum err
corridor_json_groups_read(struct span in, uint64_t *ret_groups)
{
    static const char *const names[] = {"groups"};
    struct json_node nodes[CORRIDOR_JSON_NODES];
    uint8_t text[64];
    struct json_doc doc = {
        .nodes = nodes, .node_cap = CORRIDOR_JSON_NODES, .text = text, .text_cap = sizeof(text)};
    int64_t groups = 0;
    if (json_read(&doc, in, NULL) != ERR_OK || doc.nodes[0].type != JSON_OBJECT ||
        json_only(&doc, &doc.nodes[0], names, 1, NULL) != ERR_OK ||
        json_need_int(&doc, &doc.nodes[0], "groups", 0, JSON_INT_MAX, &groups, NULL) != ERR_OK)
        return ERR_SYNTAX;
    *ret_groups = (uint64_t)groups;
    return ERR_OK;
}

enum err
corridor_json_versions(struct span text, uint32_t *ret_low, uint32_t *ret_high)
{
    const uint8_t *dash = text.len == 0 ? NULL : memchr(text.ptr, '-', text.len);
    uint64_t low = 0;
    uint64_t high = 0;
    if (dash == NULL)
        return ERR_SYNTAX;
    const size_t at = (size_t)(dash - text.ptr);
    if (text_parse_u64(span_of(text.ptr, at), CORRIDOR_JSON_VERSION_MAX, &low) != ERR_OK ||
        text_parse_u64(span_from(text, at + 1), CORRIDOR_JSON_VERSION_MAX, &high) != ERR_OK ||
        low > high)
        return ERR_SYNTAX;
    *ret_low = (uint32_t)low;
    *ret_high = (uint32_t)high;
    return ERR_OK;
}
