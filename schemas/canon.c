/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/canon.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "schemas/text.h"

void
canon_init(struct canon *w, char *buf, size_t cap)
{
    assert(buf != NULL || cap == 0);
    *w = (struct canon){.buf = buf, .cap = cap};
}

static void
canon_stick(struct canon *w, enum err err)
{
    if (w->err == ERR_OK)
        w->err = err;
}

static void
canon_put(struct canon *w, const void *bytes, size_t len)
{
    if (w->err != ERR_OK)
        return;
    if (len > w->cap - w->len) {
        w->err = ERR_FULL;
        return;
    }
    if (len > 0)
        memcpy(w->buf + w->len, bytes, len);
    w->len += len;
}

/* Called before every value: writes the comma and checks that a value may be here. */
static void
canon_value(struct canon *w)
{
    if (w->depth == 0) {
        if (w->level[0].has_items)
            canon_stick(w, ERR_STATE);
        w->level[0].has_items = true;
        return;
    }
    struct canon_level *level = &w->level[w->depth];
    if (level->is_object) {
        if (!level->has_key)
            canon_stick(w, ERR_STATE);
        level->has_key = false;
        return;
    }
    if (level->has_items)
        canon_put(w, ",", 1);
    level->has_items = true;
}

static void
canon_open(struct canon *w, bool is_object)
{
    canon_value(w);
    if (w->depth == JSON_DEPTH_MAX) {
        canon_stick(w, ERR_DEPTH);
        return;
    }
    w->level[++w->depth] = (struct canon_level){.is_object = is_object};
    canon_put(w, is_object ? "{" : "[", 1);
}

void
canon_object(struct canon *w)
{
    canon_open(w, true);
}

void
canon_array(struct canon *w)
{
    canon_open(w, false);
}

void
canon_end(struct canon *w)
{
    if (w->depth == 0 || w->level[w->depth].has_key) {
        canon_stick(w, ERR_STATE);
        return;
    }
    canon_put(w, w->level[w->depth].is_object ? "}" : "]", 1);
    w->depth--;
}

static void
canon_escaped(struct canon *w, struct span text)
{
    static const char short_from[] = "\"\\\b\t\n\f\r";
    static const char short_to[] = "\"\\btnfr";
    size_t run = 0;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t b = text.ptr[i];
        if (b >= 0x20 && b != '"' && b != '\\')
            continue;
        canon_put(w, text.ptr + run, i - run);
        run = i + 1;
        const char *found = b == 0 ? NULL : strchr(short_from, b);
        if (found != NULL) {
            const char pair[2] = {'\\', short_to[found - short_from]};
            canon_put(w, pair, 2);
        } else {
            char code[8];
            (void)snprintf(code, sizeof(code), "\\u%04x", b);
            canon_put(w, code, 6);
        }
    }
    if (run < text.len)
        canon_put(w, text.ptr + run, text.len - run);
}

static void
canon_key_raw(struct canon *w, struct span key)
{
    struct canon_level *level = &w->level[w->depth];
    if (w->depth == 0 || !level->is_object || level->has_key) {
        canon_stick(w, ERR_STATE);
        return;
    }
    if (level->has_items)
        canon_put(w, ",", 1);
    canon_put(w, "\"", 1);
    level->key_at = w->len;
    canon_escaped(w, key);
    level->key_len = w->err == ERR_OK ? w->len - level->key_at : 0;
    canon_put(w, "\":", 2);
    level->has_items = true;
    level->has_key = true;
}

void
canon_key_span(struct canon *w, struct span key)
{
    struct canon_level *level = &w->level[w->depth];
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] < 0x20 || key.ptr[i] > 0x7e || key.ptr[i] == '"' || key.ptr[i] == '\\')
            canon_stick(w, ERR_NOT_CANONICAL);
    if (w->err == ERR_OK && level->has_items &&
        span_cmp(span_of(w->buf + level->key_at, level->key_len), key) >= 0)
        canon_stick(w, ERR_NOT_CANONICAL);
    canon_key_raw(w, key);
}

void
canon_key(struct canon *w, const char *key)
{
    canon_key_span(w, span_str(key));
}

void
canon_string(struct canon *w, struct span text)
{
    canon_value(w);
    if (!text_is_utf8(text))
        canon_stick(w, ERR_UTF8);
    canon_put(w, "\"", 1);
    canon_escaped(w, text);
    canon_put(w, "\"", 1);
}

void
canon_str(struct canon *w, const char *text)
{
    canon_string(w, span_str(text));
}

void
canon_int(struct canon *w, int64_t value)
{
    char digits[24];
    canon_value(w);
    if (value > JSON_INT_MAX || value < -JSON_INT_MAX)
        canon_stick(w, ERR_RANGE);
    const int n = snprintf(digits, sizeof(digits), "%" PRId64, value);
    canon_put(w, digits, (size_t)n);
}

void
canon_u64_str(struct canon *w, uint64_t value)
{
    char digits[24];
    canon_value(w);
    const int n = snprintf(digits, sizeof(digits), "\"%" PRIu64 "\"", value);
    canon_put(w, digits, (size_t)n);
}

void
canon_bool(struct canon *w, bool value)
{
    canon_value(w);
    canon_put(w, value ? "true" : "false", value ? 4 : 5);
}

void
canon_null(struct canon *w)
{
    canon_value(w);
    canon_put(w, "null", 4);
}

void
canon_hex(struct canon *w, struct span bytes)
{
    static const char digits[] = "0123456789abcdef";
    canon_value(w);
    canon_put(w, "\"", 1);
    for (size_t i = 0; i < bytes.len; i++) {
        const char pair[2] = {digits[bytes.ptr[i] >> 4], digits[bytes.ptr[i] & 15]};
        canon_put(w, pair, 2);
    }
    canon_put(w, "\"", 1);
}

void
canon_raw(struct canon *w, struct span json)
{
    canon_value(w);
    canon_put(w, json.ptr, json.len);
}

/* Order of RFC 8785 3.2.3: by UTF-16 code units, which differs from byte order only where a
 * surrogate pair meets U+E000..U+FFFF. Both inputs are well-formed. */
static int
canon_key_order(struct span a, struct span b)
{
    size_t i = 0;
    size_t k = 0;
    while (i < a.len && k < b.len) {
        uint32_t x = 0;
        uint32_t y = 0;
        const enum err ex = text_utf8_next(a, &i, &x);
        const enum err ey = text_utf8_next(b, &k, &y);
        assert(ex == ERR_OK && ey == ERR_OK);
        if (x == y)
            continue;
        const uint32_t ux = x >= 0x10000 ? 0xd800 + ((x - 0x10000) >> 10) : x;
        const uint32_t uy = y >= 0x10000 ? 0xd800 + ((y - 0x10000) >> 10) : y;
        if (ux != uy)
            return ux < uy ? -1 : 1;
        return x < y ? -1 : 1;
    }
    if (i == a.len && k == b.len)
        return 0;
    return i == a.len ? -1 : 1;
}

/* The member of object whose key follows after (NULL: the smallest key). */
static const struct json_node *
canon_next_key(const struct json_doc *doc, const struct json_node *object,
               const struct json_node *after)
{
    const struct json_node *best = NULL;
    const struct json_node *k = json_first(doc, object);
    for (; k != NULL; k = json_next(doc, object, k)) {
        if (after != NULL && canon_key_order(k->text, after->text) <= 0)
            continue;
        if (best == NULL || canon_key_order(k->text, best->text) < 0)
            best = k;
    }
    return best;
}

static void
canon_leaf(struct canon *w, const struct json_node *node)
{
    switch (node->type) {
    case JSON_NULL:
        canon_null(w);
        return;
    case JSON_BOOL:
        canon_bool(w, node->number != 0);
        return;
    case JSON_INT:
        canon_int(w, node->number);
        return;
    case JSON_STRING:
        canon_string(w, node->text);
        return;
    case JSON_ARRAY:
        canon_array(w);
        return;
    case JSON_OBJECT:
        canon_object(w);
        return;
    }
}

void
canon_node(struct canon *w, const struct json_doc *doc, const struct json_node *node)
{
    struct {
        const struct json_node *parent;
        const struct json_node *last;
    } stack[JSON_DEPTH_MAX + 1];
    size_t depth = 0;
    canon_leaf(w, node);
    if (node->type == JSON_ARRAY || node->type == JSON_OBJECT) {
        stack[depth].parent = node;
        stack[depth++].last = NULL;
    }
    while (depth > 0 && w->err == ERR_OK) {
        const struct json_node *parent = stack[depth - 1].parent;
        const struct json_node *last = stack[depth - 1].last;
        const struct json_node *value = NULL;
        if (parent->type == JSON_OBJECT) {
            last = canon_next_key(doc, parent, last);
            if (last != NULL) {
                canon_key_raw(w, last->text);
                value = json_value(doc, last);
            }
        } else {
            last = last == NULL ? json_first(doc, parent) : json_next(doc, parent, last);
            value = last;
        }
        if (value == NULL) {
            canon_end(w);
            depth--;
            continue;
        }
        stack[depth - 1].last = last;
        canon_leaf(w, value);
        if (value->type == JSON_ARRAY || value->type == JSON_OBJECT) {
            stack[depth].parent = value;
            stack[depth++].last = NULL;
        }
    }
}

void
canon_member_str(struct canon *w, const char *key, const char *text)
{
    canon_key(w, key);
    canon_str(w, text);
}

void
canon_member_span(struct canon *w, const char *key, struct span text)
{
    canon_key(w, key);
    canon_string(w, text);
}

void
canon_member_int(struct canon *w, const char *key, int64_t value)
{
    canon_key(w, key);
    canon_int(w, value);
}

void
canon_member_bool(struct canon *w, const char *key, bool value)
{
    canon_key(w, key);
    canon_bool(w, value);
}

void
canon_member_hex(struct canon *w, const char *key, struct span bytes)
{
    canon_key(w, key);
    canon_hex(w, bytes);
}

enum err
canon_finish(const struct canon *w, struct span *ret)
{
    if (w->err != ERR_OK)
        return w->err;
    if (w->depth != 0 || !w->level[0].has_items)
        return ERR_STATE;
    *ret = span_of(w->buf, w->len);
    return ERR_OK;
}

enum err
canon_check(const struct json_doc *doc, char *scratch, size_t scratch_cap)
{
    struct canon w;
    struct span text;
    canon_init(&w, scratch, scratch_cap);
    canon_node(&w, doc, &doc->nodes[0]);
    const enum err err = canon_finish(&w, &text);
    if (err == ERR_FULL)
        return ERR_NOT_CANONICAL;
    TRY(err);
    return span_eq(text, doc->input) ? ERR_OK : ERR_NOT_CANONICAL;
}
