/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/evidence.h"

#include <stdlib.h>

#include "schemas/canon.h"
#include "schemas/text.h"

enum { WORD_MAX = 256, PROOF_MAX = 128 * 1024 };

/* Decoded bytes go one behind the other into memory as long as the input. */
struct reader {
    struct evidence *e;
    size_t used;
    size_t cap;
    struct fault *fault;
};

static enum err
need_str(struct reader *r, const struct json_node *object, const char *key, size_t max,
         struct span *ret)
{
    return json_need_str(&r->e->doc, object, key, max, ret, r->fault);
}

static enum err
need_hex(struct reader *r, const struct json_node *object, const char *key, uint8_t *out,
         size_t out_len)
{
    struct span text;
    TRY(need_str(r, object, key, 2 * out_len, &text));
    const enum err err = text_unhex(text, false, out, out_len);
    return err == ERR_OK
               ? ERR_OK
               : json_fail(&r->e->doc, json_get(&r->e->doc, object, key), err, key, r->fault);
}

static enum err
need_base64(struct reader *r, const struct json_node *object, const char *key, struct span *ret)
{
    struct span text;
    size_t len = 0;
    uint8_t *out = r->e->bytes + r->used;
    TRY(need_str(r, object, key, JSON_BYTES_MAX, &text));
    const enum err err = text_unbase64(text, false, out, r->cap - r->used, &len);
    if (err != ERR_OK)
        return json_fail(&r->e->doc, json_get(&r->e->doc, object, key), err, key, r->fault);
    r->used += len;
    *ret = span_of(out, len);
    return ERR_OK;
}

/* null gives the empty span. */
static enum err
maybe_base64(struct reader *r, const struct json_node *object, const char *key, struct span *ret)
{
    const struct json_node *node = json_get(&r->e->doc, object, key);
    if (node == NULL)
        return json_fail(&r->e->doc, object, ERR_MISSING, key, r->fault);
    return node->type == JSON_NULL ? ERR_OK : need_base64(r, object, key, ret);
}

static enum err
need_index(struct reader *r, const struct json_node *object, uint64_t *ret)
{
    int64_t index = 0;
    TRY(json_need_int(&r->e->doc, object, "index", 0, JSON_INT_MAX, &index, r->fault));
    *ret = (uint64_t)index;
    return ERR_OK;
}

static enum err
read_entry(struct reader *r, const struct json_node *node, size_t at)
{
    static const char *const names[] = {"index", "kind", "leaf", "origin", "proof", "zone"};
    struct evidence_entry *entry = &r->e->entries[at];
    TRY(json_only(&r->e->doc, node, names, 6, r->fault));
    TRY(need_str(r, node, "zone", WORD_MAX, &entry->zone));
    TRY(need_str(r, node, "origin", WORD_MAX, &entry->origin));
    TRY(need_str(r, node, "kind", WORD_MAX, &entry->kind));
    TRY(need_index(r, node, &entry->index));
    TRY(need_base64(r, node, "leaf", &entry->leaf));
    return need_str(r, node, "proof", PROOF_MAX, &entry->proof);
}

static enum err
read_record(struct reader *r, const struct json_node *node, size_t at)
{
    static const char *const names[] = {"body", "sha256"};
    struct evidence_record *record = &r->e->records[at];
    TRY(json_only(&r->e->doc, node, names, 2, r->fault));
    TRY(need_hex(r, node, "sha256", record->sha256, sizeof(record->sha256)));
    return need_base64(r, node, "body", &record->body);
}

static enum err
read_salt(struct reader *r, const struct json_node *node, size_t at)
{
    static const char *const names[] = {"field", "index", "salt", "value", "zone"};
    struct evidence_salt *salt = &r->e->salts[at];
    TRY(json_only(&r->e->doc, node, names, 5, r->fault));
    TRY(need_str(r, node, "field", WORD_MAX, &salt->field));
    TRY(need_index(r, node, &salt->index));
    TRY(need_hex(r, node, "salt", salt->salt, sizeof(salt->salt)));
    TRY(need_str(r, node, "value", JSON_BYTES_MAX, &salt->value));
    return need_str(r, node, "zone", WORD_MAX, &salt->zone);
}

static enum err
read_vkey(struct reader *r, const struct json_node *node, size_t at)
{
    if (node->text.len == 0 || node->text.len > 4096)
        return json_fail(&r->e->doc, node, ERR_RANGE, "keys", r->fault);
    r->e->keys[at] = node->text;
    return ERR_OK;
}

static enum err
read_list(struct reader *r, const char *key, enum json_type type, size_t max,
          enum err (*one)(struct reader *, const struct json_node *, size_t), size_t *ret_count)
{
    const struct json_doc *doc = &r->e->doc;
    const struct json_node *list = NULL;
    size_t count = 0;
    TRY(json_need(doc, &doc->nodes[0], key, JSON_ARRAY, &list, r->fault));
    const struct json_node *item = json_first(doc, list);
    for (; item != NULL; item = json_next(doc, list, item)) {
        if (count == max)
            return json_fail(doc, item, ERR_FULL, key, r->fault);
        if (item->type != type)
            return json_fail(doc, item, ERR_TYPE, key, r->fault);
        TRY(one(r, item, count));
        count++;
    }
    *ret_count = count;
    return ERR_OK;
}

static enum err
read_container(struct reader *r)
{
    static const char *const names[] = {"offer", "receipt", "release", "seal"};
    const struct json_doc *doc = &r->e->doc;
    const struct json_node *node = NULL;
    TRY(json_need(doc, &doc->nodes[0], "container", JSON_OBJECT, &node, r->fault));
    TRY(json_only(doc, node, names, 4, r->fault));
    TRY(maybe_base64(r, node, "offer", &r->e->offer));
    TRY(maybe_base64(r, node, "seal", &r->e->seal));
    TRY(maybe_base64(r, node, "release", &r->e->release));
    return maybe_base64(r, node, "receipt", &r->e->receipt);
}

static enum err
read_all(struct reader *r)
{
    static const char *const names[] = {"container", "entries", "format", "keys",
                                        "records",   "salts",   "state",  "transfer"};
    struct evidence *e = r->e;
    const struct json_node *root = &e->doc.nodes[0];
    struct span format;
    if (root->type != JSON_OBJECT)
        return json_fail(&e->doc, root, ERR_TYPE, "evidence", r->fault);
    TRY(need_str(r, root, "format", WORD_MAX, &format));
    if (!span_eq_str(format, "tdz.evidence/1"))
        return json_fail(&e->doc, json_get(&e->doc, root, "format"), ERR_VERSION, "format",
                         r->fault);
    TRY(json_only(&e->doc, root, names, 8, r->fault));
    TRY(need_hex(r, root, "transfer", e->transfer, sizeof(e->transfer)));
    TRY(need_str(r, root, "state", WORD_MAX, &e->state));
    TRY(read_list(r, "entries", JSON_OBJECT, EVIDENCE_ENTRIES_MAX, read_entry, &e->entry_count));
    TRY(read_container(r));
    TRY(read_list(r, "records", JSON_OBJECT, EVIDENCE_RECORDS_MAX, read_record, &e->record_count));
    TRY(read_list(r, "salts", JSON_OBJECT, EVIDENCE_SALTS_MAX, read_salt, &e->salt_count));
    return read_list(r, "keys", JSON_STRING, EVIDENCE_KEYS_MAX, read_vkey, &e->key_count);
}

enum err
evidence_load(struct span input, struct evidence *ret, struct fault *ret_fault)
{
    *ret = (struct evidence){.entry_count = 0};
    TRY(json_load(&ret->doc, input, ret_fault));
    struct reader r = {.e = ret, .cap = input.len + 1, .fault = ret_fault};
    ret->bytes = malloc(r.cap);
    const enum err err = ret->bytes == NULL ? ERR_NOMEM : read_all(&r);
    if (err != ERR_OK)
        evidence_free(ret);
    return err;
}

void
evidence_free(struct evidence *evidence)
{
    json_free(&evidence->doc);
    free(evidence->bytes);
    evidence->bytes = NULL;
}

struct writer {
    struct canon w;
    char *scratch;
    size_t cap;
};

static void
put_base64(struct writer *w, const char *key, struct span bytes)
{
    size_t len = 0;
    canon_key(&w->w, key);
    const enum err err = text_base64(bytes, false, w->scratch, w->cap, &len);
    if (err != ERR_OK && w->w.err == ERR_OK)
        w->w.err = err;
    canon_string(&w->w, span_of(w->scratch, err == ERR_OK ? len : 0));
}

static void
put_maybe(struct writer *w, const char *key, struct span bytes)
{
    if (!span_is_empty(bytes)) {
        put_base64(w, key, bytes);
        return;
    }
    canon_key(&w->w, key);
    canon_null(&w->w);
}

static void
put_index(struct writer *w, uint64_t index)
{
    canon_member_int(&w->w, "index", index > INT64_MAX ? INT64_MAX : (int64_t)index);
}

static void
put_entries(struct writer *w, const struct evidence *e)
{
    canon_key(&w->w, "entries");
    canon_array(&w->w);
    for (size_t i = 0; i < e->entry_count; i++) {
        const struct evidence_entry *entry = &e->entries[i];
        canon_object(&w->w);
        put_index(w, entry->index);
        canon_member_span(&w->w, "kind", entry->kind);
        put_base64(w, "leaf", entry->leaf);
        canon_member_span(&w->w, "origin", entry->origin);
        canon_member_span(&w->w, "proof", entry->proof);
        canon_member_span(&w->w, "zone", entry->zone);
        canon_end(&w->w);
    }
    canon_end(&w->w);
}

static void
put_records_and_salts(struct writer *w, const struct evidence *e)
{
    canon_key(&w->w, "records");
    canon_array(&w->w);
    for (size_t i = 0; i < e->record_count; i++) {
        canon_object(&w->w);
        put_base64(w, "body", e->records[i].body);
        canon_member_hex(&w->w, "sha256", span_of(e->records[i].sha256, 32));
        canon_end(&w->w);
    }
    canon_end(&w->w);
    canon_key(&w->w, "salts");
    canon_array(&w->w);
    for (size_t i = 0; i < e->salt_count; i++) {
        const struct evidence_salt *salt = &e->salts[i];
        canon_object(&w->w);
        canon_member_span(&w->w, "field", salt->field);
        put_index(w, salt->index);
        canon_member_hex(&w->w, "salt", span_of(salt->salt, 32));
        canon_member_span(&w->w, "value", salt->value);
        canon_member_span(&w->w, "zone", salt->zone);
        canon_end(&w->w);
    }
    canon_end(&w->w);
}

enum err
evidence_write(const struct evidence *e, char *scratch, size_t scratch_cap, char *out, size_t cap,
               struct span *ret)
{
    struct writer w = {.scratch = scratch, .cap = scratch_cap};
    canon_init(&w.w, out, cap);
    canon_object(&w.w);
    canon_key(&w.w, "container");
    canon_object(&w.w);
    put_maybe(&w, "offer", e->offer);
    put_maybe(&w, "receipt", e->receipt);
    put_maybe(&w, "release", e->release);
    put_maybe(&w, "seal", e->seal);
    canon_end(&w.w);
    put_entries(&w, e);
    canon_member_str(&w.w, "format", "tdz.evidence/1");
    canon_key(&w.w, "keys");
    canon_array(&w.w);
    for (size_t i = 0; i < e->key_count; i++)
        canon_string(&w.w, e->keys[i]);
    canon_end(&w.w);
    put_records_and_salts(&w, e);
    canon_member_span(&w.w, "state", e->state);
    canon_member_hex(&w.w, "transfer", span_of(e->transfer, sizeof(e->transfer)));
    canon_end(&w.w);
    return canon_finish(&w.w, ret);
}
