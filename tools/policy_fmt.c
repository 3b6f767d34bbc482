/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/policy_fmt.h"

#include <assert.h>
#include <stdlib.h>

#include "schemas/canon.h"

/* A value that would end beyond this column is broken over lines. */
enum { POLICY_FMT_COLUMNS = 98 };

enum policy_fmt_kind {
#define KIND(name, keys) POLICY_FMT_##name,
#define CHILD(parent, key, kind)
#define FORMAT(text, kind)
#include "tools/policy_fmt.def"
#undef KIND
#undef CHILD
#undef FORMAT
    POLICY_FMT_KINDS
};

static const char *const policy_fmt_keys[] = {
#define KIND(name, keys) keys,
#define CHILD(parent, key, kind)
#define FORMAT(text, kind)
#include "tools/policy_fmt.def"
#undef KIND
#undef CHILD
#undef FORMAT
};

static const struct {
    enum policy_fmt_kind parent;
    const char *key;
    enum policy_fmt_kind kind;
} policy_fmt_children[] = {
#define KIND(name, keys)
#define CHILD(parent, key, kind) {POLICY_FMT_##parent, key, POLICY_FMT_##kind},
#define FORMAT(text, kind)
#include "tools/policy_fmt.def"
#undef KIND
#undef CHILD
#undef FORMAT
};

static const struct {
    const char *text;
    enum policy_fmt_kind kind;
} policy_fmt_formats[] = {
#define KIND(name, keys)
#define CHILD(parent, key, kind)
#define FORMAT(text, kind) {text, POLICY_FMT_##kind},
#include "tools/policy_fmt.def"
#undef KIND
#undef CHILD
#undef FORMAT
};

/* An array or object that is being written. */
struct policy_fmt_frame {
    const struct json_node *node;
    enum policy_fmt_kind kind;
    bool broken;    /* one child a line */
    size_t first;   /* of its children in order */
    size_t written; /* children so far */
};

struct policy_fmt {
    const struct json_doc *doc;
    size_t *width;                  /* columns of each node's value on one line */
    const struct json_node **order; /* children of the open frames, as a stack */
    size_t order_count;
    char *out;
    size_t len;
    size_t cap;
    enum err err;
    size_t column;
    struct policy_fmt_frame frame[JSON_DEPTH_MAX + 1];
    size_t depth;
};

static void
policy_fmt_put(struct policy_fmt *f, struct span text)
{
    if (f->err == ERR_OK && f->cap - f->len < text.len) {
        const size_t cap = 2 * f->cap + text.len;
        char *grown = realloc(f->out, cap);
        if (grown == NULL) {
            f->err = ERR_NOMEM;
        } else {
            f->out = grown;
            f->cap = cap;
        }
    }
    if (f->err != ERR_OK)
        return;
    memcpy(f->out + f->len, text.ptr, text.len);
    f->len += text.len;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n')
            f->column = 0;
        else if ((text.ptr[i] & 0xc0) != 0x80)
            f->column++;
    }
}

static void
policy_fmt_puts(struct policy_fmt *f, const char *text)
{
    policy_fmt_put(f, span_str(text));
}

/* A value without children, as the canonical form writes it. */
static enum err
policy_fmt_scalar(const struct json_node *node, char *buf, size_t cap, struct span *ret)
{
    struct canon w;
    canon_init(&w, buf, cap);
    if (node->type == JSON_STRING)
        canon_string(&w, node->text);
    else if (node->type == JSON_INT)
        canon_int(&w, node->number);
    else if (node->type == JSON_BOOL)
        canon_bool(&w, node->number != 0);
    else
        canon_null(&w);
    return canon_finish(&w, ret);
}

static void
policy_fmt_put_scalar(struct policy_fmt *f, const struct json_node *node)
{
    char small[64];
    struct span text = {0};
    const size_t need = node->type == JSON_STRING ? 6 * node->text.len + 3 : sizeof(small);
    char *buf = need <= sizeof(small) ? small : malloc(need);
    if (buf == NULL)
        f->err = ERR_NOMEM;
    else if (f->err == ERR_OK)
        f->err = policy_fmt_scalar(node, buf, need > sizeof(small) ? need : sizeof(small), &text);
    if (f->err == ERR_OK)
        policy_fmt_put(f, text);
    if (buf != small)
        free(buf);
}

static size_t
policy_fmt_string_width(struct span text)
{
    size_t columns = 2;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t b = text.ptr[i];
        if ((b & 0xc0) != 0x80)
            columns += b == '"' || b == '\\' ? 2 : (b < 0x20 ? 6 : 1);
    }
    return columns;
}

/* Children come after their parent, so from the end every width needed is there. */
static void
policy_fmt_measure(struct policy_fmt *f)
{
    const struct json_doc *doc = f->doc;
    for (size_t i = doc->node_count; i-- > 0;) {
        const struct json_node *node = &doc->nodes[i];
        size_t width = 20;
        if (node->type == JSON_STRING) {
            width = policy_fmt_string_width(node->text);
        } else if (node->type == JSON_ARRAY || node->type == JSON_OBJECT) {
            width = 2 + (node->count > 1 ? 2 * (size_t)(node->count - 1) : 0);
            const struct json_node *n = json_first(doc, node);
            for (; n != NULL; n = json_next(doc, node, n)) {
                width += f->width[n - doc->nodes];
                if (node->type == JSON_OBJECT)
                    width += 2 + f->width[json_value(doc, n) - doc->nodes];
            }
        } else {
            char buf[32];
            struct span text = {0};
            if (policy_fmt_scalar(node, buf, sizeof(buf), &text) == ERR_OK)
                width = text.len;
        }
        f->width[i] = width;
    }
}

/* The place of key among the words of keys; behind them all if it is none. */
static size_t
policy_fmt_rank(const char *keys, struct span key)
{
    size_t rank = 0;
    while (*keys != 0) {
        size_t len = 0;
        while (keys[len] != 0 && keys[len] != ' ')
            len++;
        if (span_eq(key, span_of(keys, len)))
            return rank;
        rank++;
        keys += len + (keys[len] == ' ' ? 1 : 0);
    }
    return SIZE_MAX;
}

static enum policy_fmt_kind
policy_fmt_child(enum policy_fmt_kind parent, struct span key)
{
    for (size_t i = 0; i < sizeof(policy_fmt_children) / sizeof(policy_fmt_children[0]); i++)
        if (policy_fmt_children[i].parent == parent &&
            (policy_fmt_children[i].key[0] == 0 || span_eq_str(key, policy_fmt_children[i].key)))
            return policy_fmt_children[i].kind;
    return POLICY_FMT_OTHER;
}

/* Begins a value: a scalar is written, an array or object is opened and its children put in order.
 * Equal ranks keep their order. */
static void
policy_fmt_begin(struct policy_fmt *f, const struct json_node *node, enum policy_fmt_kind kind)
{
    if (node->type != JSON_ARRAY && node->type != JSON_OBJECT) {
        policy_fmt_put_scalar(f, node);
        return;
    }
    struct policy_fmt_frame *frame = &f->frame[f->depth++];
    *frame = (struct policy_fmt_frame){.node = node, .kind = kind, .first = f->order_count};
    frame->broken =
        node->count > 0 &&
        (f->depth == 1 || f->column + f->width[node - f->doc->nodes] > POLICY_FMT_COLUMNS);
    const struct json_node *n = json_first(f->doc, node);
    for (; n != NULL; n = json_next(f->doc, node, n)) {
        const size_t rank =
            node->type == JSON_OBJECT ? policy_fmt_rank(policy_fmt_keys[kind], n->text) : 0;
        size_t at = f->order_count++;
        for (; node->type == JSON_OBJECT && at > frame->first &&
               policy_fmt_rank(policy_fmt_keys[kind], f->order[at - 1]->text) > rank;
             at--)
            f->order[at] = f->order[at - 1];
        f->order[at] = n;
    }
    policy_fmt_puts(f, node->type == JSON_OBJECT ? "{" : "[");
}

/* The next child of the innermost open value, or its end. */
static void
policy_fmt_step(struct policy_fmt *f)
{
    struct policy_fmt_frame *frame = &f->frame[f->depth - 1];
    const bool is_object = frame->node->type == JSON_OBJECT;
    if (frame->written == frame->node->count) {
        policy_fmt_puts(f, is_object ? "}" : "]");
        f->order_count = frame->first;
        f->depth--;
        return;
    }
    const struct json_node *child = f->order[frame->first + frame->written];
    if (frame->broken) {
        policy_fmt_puts(f, frame->written > 0 ? ",\n" : "\n");
        for (size_t i = 0; i < f->depth; i++)
            policy_fmt_puts(f, " ");
    } else if (frame->written > 0) {
        policy_fmt_puts(f, ", ");
    }
    frame->written++;
    const enum policy_fmt_kind kind =
        policy_fmt_child(frame->kind, is_object ? child->text : SPAN_LIT(""));
    if (is_object) {
        policy_fmt_put_scalar(f, child);
        policy_fmt_puts(f, ": ");
        child = json_value(f->doc, child);
    }
    policy_fmt_begin(f, child, kind);
}

static enum err
policy_fmt_root(const struct json_doc *doc, enum policy_fmt_kind *ret)
{
    const struct json_node *root = &doc->nodes[0];
    const struct json_node *format =
        root->type == JSON_OBJECT ? json_get(doc, root, "format") : NULL;
    for (size_t i = 0; format != NULL && format->type == JSON_STRING &&
                       i < sizeof(policy_fmt_formats) / sizeof(policy_fmt_formats[0]);
         i++) {
        if (span_eq_str(format->text, policy_fmt_formats[i].text)) {
            *ret = policy_fmt_formats[i].kind;
            return ERR_OK;
        }
    }
    return ERR_VERSION;
}

enum err
policy_fmt_write(const struct json_doc *doc, char **ret_text, size_t *ret_len)
{
    struct policy_fmt f = {.doc = doc, .cap = 2 * doc->input.len + 64};
    enum policy_fmt_kind kind = POLICY_FMT_OTHER;
    TRY(policy_fmt_root(doc, &kind));
    f.width = calloc(doc->node_count, sizeof(*f.width));
    f.order = calloc(doc->node_count, sizeof(const struct json_node *));
    f.out = malloc(f.cap);
    if (f.width == NULL || f.order == NULL || f.out == NULL) {
        f.err = ERR_NOMEM;
    } else {
        policy_fmt_measure(&f);
        policy_fmt_begin(&f, &doc->nodes[0], kind);
        while (f.depth > 0 && f.err == ERR_OK)
            policy_fmt_step(&f);
        policy_fmt_puts(&f, "\n");
    }
    free(f.width);
    free(f.order);
    if (f.err != ERR_OK) {
        free(f.out);
        return f.err;
    }
    *ret_text = f.out;
    *ret_len = f.len;
    return ERR_OK;
}
