/* SPDX-License-Identifier: Apache-2.0 */
/* Why not cJSON: see docs/adr/0002. The reader is one loop over bytes with an explicit stack, so
 * that depth costs no machine stack, and it never looks behind the input's end. */
#include "schemas/json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "schemas/text.h"

struct json_cursor {
    struct json_doc *doc;
    size_t at;
    size_t depth;
    uint32_t open[JSON_DEPTH_MAX]; /* node indices of the open arrays and objects */
    const char *why;
};

static enum err
json_stop(struct json_cursor *c, enum err code, const char *why)
{
    c->why = why;
    return code;
}

static void
json_space(struct json_cursor *c)
{
    const struct span in = c->doc->input;
    while (c->at < in.len) {
        const uint8_t b = in.ptr[c->at];
        if (b != ' ' && b != '\t' && b != '\n' && b != '\r')
            return;
        c->at++;
    }
}

static enum err
json_node_add(struct json_cursor *c, enum json_type type, struct json_node **ret)
{
    struct json_doc *doc = c->doc;
    if (doc->node_count == doc->node_cap)
        return json_stop(c, ERR_FULL, "more values than the limit");
    struct json_node *node = &doc->nodes[doc->node_count++];
    *node = (struct json_node){.type = type, .offset = (uint32_t)c->at};
    node->next = (uint32_t)doc->node_count;
    *ret = node;
    return ERR_OK;
}

static enum err
json_hex4(struct json_cursor *c, uint32_t *ret)
{
    const struct span in = c->doc->input;
    uint8_t raw[2];
    if (in.len - c->at < 4)
        return json_stop(c, ERR_SHORT, "an escape ends early");
    if (text_unhex(span_of(in.ptr + c->at, 4), true, raw, 2) != ERR_OK)
        return json_stop(c, ERR_SYNTAX, "\\u needs four hex digits");
    *ret = (uint32_t)raw[0] << 8 | raw[1];
    c->at += 4;
    return ERR_OK;
}

static size_t
json_utf8_put(uint32_t scalar, uint8_t out[static 4])
{
    if (scalar < 0x80) {
        out[0] = (uint8_t)scalar;
        return 1;
    }
    if (scalar < 0x800) {
        out[0] = (uint8_t)(0xc0U | scalar >> 6);
        out[1] = (uint8_t)(0x80U | (scalar & 63U));
        return 2;
    }
    if (scalar < 0x10000) {
        out[0] = (uint8_t)(0xe0U | scalar >> 12);
        out[1] = (uint8_t)(0x80U | (scalar >> 6 & 63U));
        out[2] = (uint8_t)(0x80U | (scalar & 63U));
        return 3;
    }
    out[0] = (uint8_t)(0xf0U | scalar >> 18);
    out[1] = (uint8_t)(0x80U | (scalar >> 12 & 63U));
    out[2] = (uint8_t)(0x80U | (scalar >> 6 & 63U));
    out[3] = (uint8_t)(0x80U | (scalar & 63U));
    return 4;
}

/* The scalar of an escape whose letter is at c->at. */
static enum err
json_escape(struct json_cursor *c, uint32_t *ret)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    const struct span in = c->doc->input;
    if (c->at >= in.len)
        return json_stop(c, ERR_SHORT, "an escape ends early");
    const uint8_t letter = in.ptr[c->at++];
    if (letter != 'u') {
        for (size_t i = 0; i < sizeof(letters) - 1; i++) {
            if ((uint8_t)letters[i] == letter) {
                *ret = (uint8_t)values[i];
                return ERR_OK;
            }
        }
        return json_stop(c, ERR_SYNTAX, "no such escape");
    }
    uint32_t high = 0;
    TRY(json_hex4(c, &high));
    if (high == 0)
        return json_stop(c, ERR_SYNTAX, "NUL in a string");
    if (high >= 0xdc00 && high <= 0xdfff)
        return json_stop(c, ERR_UTF8, "a lone surrogate");
    if (high < 0xd800 || high > 0xdbff) {
        *ret = high;
        return ERR_OK;
    }
    if (in.len - c->at < 2 || in.ptr[c->at] != '\\' || in.ptr[c->at + 1] != 'u')
        return json_stop(c, ERR_UTF8, "a lone surrogate");
    c->at += 2;
    uint32_t low = 0;
    TRY(json_hex4(c, &low));
    if (low < 0xdc00 || low > 0xdfff)
        return json_stop(c, ERR_UTF8, "a lone surrogate");
    *ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return ERR_OK;
}

static enum err
json_text_put(struct json_cursor *c, struct span bytes)
{
    struct json_doc *doc = c->doc;
    if (bytes.len > doc->text_cap - doc->text_len)
        return json_stop(c, ERR_FULL, "more text than the limit");
    if (bytes.len > 0)
        memcpy(doc->text + doc->text_len, bytes.ptr, bytes.len);
    doc->text_len += bytes.len;
    return ERR_OK;
}

/* A string whose opening quote is at c->at: a view of the input unless it has escapes. */
static enum err
json_string(struct json_cursor *c, struct span *ret)
{
    struct json_doc *doc = c->doc;
    const struct span in = doc->input;
    const size_t text_start = doc->text_len;
    bool copied = false;
    c->at++;
    size_t run = c->at;
    while (c->at < in.len) {
        const uint8_t b = in.ptr[c->at];
        if (b == '"') {
            const struct span tail = span_of(in.ptr + run, c->at - run);
            *ret = tail;
            if (copied) {
                TRY(json_text_put(c, tail));
                *ret = span_of(doc->text + text_start, doc->text_len - text_start);
            }
            c->at++;
            return ERR_OK;
        }
        if (b < 0x20)
            return json_stop(c, ERR_SYNTAX, "a control character in a string");
        if (b == '\\') {
            uint32_t scalar = 0;
            uint8_t utf8[4];
            TRY(json_text_put(c, span_of(in.ptr + run, c->at - run)));
            c->at++;
            TRY(json_escape(c, &scalar));
            TRY(json_text_put(c, span_of(utf8, json_utf8_put(scalar, utf8))));
            copied = true;
            run = c->at;
        } else if (b < 0x80) {
            c->at++;
        } else {
            uint32_t scalar = 0;
            if (text_utf8_next(in, &c->at, &scalar) != ERR_OK)
                return json_stop(c, ERR_UTF8, "ill-formed UTF-8 in a string");
        }
    }
    return json_stop(c, ERR_SHORT, "a string without its closing quote");
}

static enum err
json_integer(struct json_cursor *c, int64_t *ret)
{
    const struct span in = c->doc->input;
    const bool negative = in.ptr[c->at] == '-';
    if (negative)
        c->at++;
    const size_t start = c->at;
    int64_t value = 0;
    while (c->at < in.len && in.ptr[c->at] >= '0' && in.ptr[c->at] <= '9') {
        value = value * 10 + (in.ptr[c->at] - '0');
        if (value > JSON_INT_MAX)
            return json_stop(c, ERR_RANGE, "an integer beyond 2^53-1");
        c->at++;
    }
    if (c->at == start)
        return json_stop(c, ERR_SYNTAX, "a number without digits");
    if (c->at - start > 1 && in.ptr[start] == '0')
        return json_stop(c, ERR_SYNTAX, "a number with a leading zero");
    if (negative && value == 0)
        return json_stop(c, ERR_SYNTAX, "minus zero");
    if (c->at < in.len && (in.ptr[c->at] == '.' || in.ptr[c->at] == 'e' || in.ptr[c->at] == 'E'))
        return json_stop(c, ERR_SYNTAX, "fractions and exponents are not allowed");
    *ret = negative ? -value : value;
    return ERR_OK;
}

static enum err
json_word(struct json_cursor *c, struct json_node *node)
{
    static const struct {
        const char *word;
        enum json_type type;
        int64_t number;
    } words[] = {{"true", JSON_BOOL, 1}, {"false", JSON_BOOL, 0}, {"null", JSON_NULL, 0}};
    const struct span left = span_from(c->doc->input, c->at);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_starts(left, span_str(words[i].word))) {
            node->type = words[i].type;
            node->number = words[i].number;
            c->at += strlen(words[i].word);
            return ERR_OK;
        }
    }
    return json_stop(c, ERR_SYNTAX, "no JSON value begins here");
}

/* Reads the value at c->at; an array or object is opened and left on the stack. */
static enum err
json_begin(struct json_cursor *c)
{
    struct json_doc *doc = c->doc;
    if (c->at >= doc->input.len)
        return json_stop(c, ERR_SHORT, "the input ends where a value must be");
    struct json_node *node = NULL;
    TRY(json_node_add(c, JSON_NULL, &node));
    const uint8_t b = doc->input.ptr[c->at];
    if (b == '"') {
        node->type = JSON_STRING;
        return json_string(c, &node->text);
    }
    if (b == '-' || (b >= '0' && b <= '9')) {
        node->type = JSON_INT;
        return json_integer(c, &node->number);
    }
    if (b != '{' && b != '[')
        return json_word(c, node);
    if (c->depth == JSON_DEPTH_MAX)
        return json_stop(c, ERR_DEPTH, "nested too deeply");
    node->type = b == '{' ? JSON_OBJECT : JSON_ARRAY;
    c->open[c->depth++] = (uint32_t)(node - doc->nodes);
    c->at++;
    return ERR_OK;
}

/* Quadratic in the members of one object, which are few; the whole input is at most 1 MiB. */
static bool
json_key_seen(const struct json_doc *doc, const struct json_node *object, struct span key)
{
    uint32_t at = (uint32_t)(object - doc->nodes) + 1;
    for (uint32_t i = 0; i < object->count; i++) {
        if (span_eq(doc->nodes[at].text, key))
            return true;
        at = doc->nodes[at + 1].next;
    }
    return false;
}

/* A key and its colon, inside object. */
static enum err
json_key(struct json_cursor *c, uint32_t object)
{
    struct json_doc *doc = c->doc;
    if (c->at >= doc->input.len)
        return json_stop(c, ERR_SHORT, "the input ends inside an object");
    if (doc->input.ptr[c->at] != '"')
        return json_stop(c, ERR_SYNTAX, "a member name in quotes must be here");
    const size_t start = c->at;
    struct json_node *node = NULL;
    TRY(json_node_add(c, JSON_STRING, &node));
    TRY(json_string(c, &node->text));
    if (doc->nodes[object].count >= 4096)
        return json_stop(c, ERR_FULL, "more members than the limit");
    if (json_key_seen(doc, &doc->nodes[object], node->text)) {
        c->at = start;
        return json_stop(c, ERR_DUPLICATE, "this member occurs twice");
    }
    json_space(c);
    if (c->at >= doc->input.len)
        return json_stop(c, ERR_SHORT, "the input ends inside an object");
    if (doc->input.ptr[c->at] != ':')
        return json_stop(c, ERR_SYNTAX, "a colon must be here");
    c->at++;
    json_space(c);
    return ERR_OK;
}

/* Inside the innermost open container: closes it, or reads up to and into its next value. */
static enum err
json_step(struct json_cursor *c)
{
    struct json_doc *doc = c->doc;
    const uint32_t index = c->open[c->depth - 1];
    const bool is_object = doc->nodes[index].type == JSON_OBJECT;
    json_space(c);
    if (c->at >= doc->input.len)
        return json_stop(c, ERR_SHORT, "the input ends inside an array or object");
    if (doc->input.ptr[c->at] == (is_object ? '}' : ']')) {
        c->at++;
        doc->nodes[index].next = (uint32_t)doc->node_count;
        c->depth--;
        return ERR_OK;
    }
    if (doc->nodes[index].count > 0) {
        if (doc->input.ptr[c->at] != ',')
            return json_stop(c, ERR_SYNTAX, "a comma or the end must be here");
        c->at++;
        json_space(c);
    }
    if (is_object)
        TRY(json_key(c, index));
    doc->nodes[index].count++;
    return json_begin(c);
}

static enum err
json_run(struct json_cursor *c)
{
    json_space(c);
    TRY(json_begin(c));
    while (c->depth > 0)
        TRY(json_step(c));
    json_space(c);
    return c->at == c->doc->input.len ? ERR_OK
                                      : json_stop(c, ERR_TRAILING, "bytes after the value");
}

enum err
json_read(struct json_doc *doc, struct span input, struct fault *ret_fault)
{
    assert(doc->nodes != NULL && doc->node_cap > 0);
    doc->input = input;
    doc->node_count = 0;
    doc->text_len = 0;
    if (input.len > JSON_BYTES_MAX) {
        json_fault(input, 0, ERR_TOO_LARGE, "the document is larger than 1 MiB", ret_fault);
        return ERR_TOO_LARGE;
    }
    struct json_cursor c = {.doc = doc, .why = ""};
    const enum err err = json_run(&c);
    if (err != ERR_OK)
        json_fault(input, c.at, err, c.why, ret_fault);
    return err;
}

enum err
json_load(struct json_doc *doc, struct span input, struct fault *ret_fault)
{
    *doc = (struct json_doc){0};
    if (input.len > JSON_BYTES_MAX) {
        json_fault(input, 0, ERR_TOO_LARGE, "the document is larger than 1 MiB", ret_fault);
        return ERR_TOO_LARGE;
    }
    /* Two bytes ("1,") are the least a node can take. */
    doc->node_cap = input.len / 2 + 2;
    doc->text_cap = input.len + 1;
    doc->nodes = calloc(doc->node_cap, sizeof(*doc->nodes));
    doc->text = calloc(doc->text_cap, 1);
    if (doc->nodes == NULL || doc->text == NULL) {
        json_free(doc);
        return ERR_NOMEM;
    }
    const enum err err = json_read(doc, input, ret_fault);
    if (err != ERR_OK)
        json_free(doc);
    return err;
}

void
json_free(struct json_doc *doc)
{
    free(doc->nodes);
    free(doc->text);
    *doc = (struct json_doc){0};
}

const struct json_node *
json_first(const struct json_doc *doc, const struct json_node *parent)
{
    assert(parent->type == JSON_ARRAY || parent->type == JSON_OBJECT);
    return parent->count == 0 ? NULL : &doc->nodes[(size_t)(parent - doc->nodes) + 1];
}

const struct json_node *
json_value(const struct json_doc *doc, const struct json_node *key)
{
    assert(key->type == JSON_STRING);
    return &doc->nodes[(size_t)(key - doc->nodes) + 1];
}

const struct json_node *
json_next(const struct json_doc *doc, const struct json_node *parent, const struct json_node *node)
{
    const struct json_node *last = parent->type == JSON_OBJECT ? json_value(doc, node) : node;
    return last->next >= parent->next ? NULL : &doc->nodes[last->next];
}

const struct json_node *
json_get(const struct json_doc *doc, const struct json_node *object, const char *key)
{
    assert(object->type == JSON_OBJECT);
    const struct json_node *k = json_first(doc, object);
    for (; k != NULL; k = json_next(doc, object, k))
        if (span_eq_str(k->text, key))
            return json_value(doc, k);
    return NULL;
}

void
json_fault(struct span input, size_t offset, enum err code, const char *where,
           struct fault *ret_fault)
{
    if (ret_fault == NULL)
        return;
    struct fault f = {.code = code, .line = 1, .column = 1, .offset = offset};
    const size_t end = offset < input.len ? offset : input.len;
    for (size_t i = 0; i < end; i++) {
        f.column++;
        if (input.ptr[i] == '\n') {
            f.line++;
            f.column = 1;
        }
    }
    (void)snprintf(f.where, sizeof(f.where), "%s", where);
    *ret_fault = f;
}

enum err
json_fail(const struct json_doc *doc, const struct json_node *node, enum err code,
          const char *where, struct fault *ret_fault)
{
    json_fault(doc->input, node->offset, code, where, ret_fault);
    return code;
}

enum err
json_need(const struct json_doc *doc, const struct json_node *object, const char *key,
          enum json_type type, const struct json_node **ret, struct fault *ret_fault)
{
    const struct json_node *value = json_get(doc, object, key);
    if (value == NULL)
        return json_fail(doc, object, ERR_MISSING, key, ret_fault);
    if (value->type != type)
        return json_fail(doc, value, ERR_TYPE, key, ret_fault);
    *ret = value;
    return ERR_OK;
}

enum err
json_need_str(const struct json_doc *doc, const struct json_node *object, const char *key,
              size_t max, struct span *ret, struct fault *ret_fault)
{
    const struct json_node *value = NULL;
    TRY(json_need(doc, object, key, JSON_STRING, &value, ret_fault));
    if (value->text.len > max)
        return json_fail(doc, value, ERR_RANGE, key, ret_fault);
    *ret = value->text;
    return ERR_OK;
}

enum err
json_need_int(const struct json_doc *doc, const struct json_node *object, const char *key,
              int64_t low, int64_t high, int64_t *ret, struct fault *ret_fault)
{
    const struct json_node *value = NULL;
    TRY(json_need(doc, object, key, JSON_INT, &value, ret_fault));
    if (value->number < low || value->number > high)
        return json_fail(doc, value, ERR_RANGE, key, ret_fault);
    *ret = value->number;
    return ERR_OK;
}

enum err
json_need_bool(const struct json_doc *doc, const struct json_node *object, const char *key,
               bool *ret, struct fault *ret_fault)
{
    const struct json_node *value = NULL;
    TRY(json_need(doc, object, key, JSON_BOOL, &value, ret_fault));
    *ret = value->number != 0;
    return ERR_OK;
}

enum err
json_may_str(const struct json_doc *doc, const struct json_node *object, const char *key,
             size_t max, struct fault *ret_fault)
{
    struct span text;
    if (json_get(doc, object, key) == NULL)
        return ERR_OK;
    return json_need_str(doc, object, key, max, &text, ret_fault);
}

enum err
json_only(const struct json_doc *doc, const struct json_node *object, const char *const *names,
          size_t name_count, struct fault *ret_fault)
{
    assert(object->type == JSON_OBJECT);
    const struct json_node *k = json_first(doc, object);
    for (; k != NULL; k = json_next(doc, object, k)) {
        bool known = false;
        for (size_t i = 0; i < name_count && !known; i++)
            known = span_eq_str(k->text, names[i]);
        if (!known)
            return json_fail(doc, k, ERR_UNKNOWN_FIELD, "unknown member", ret_fault);
    }
    return ERR_OK;
}
