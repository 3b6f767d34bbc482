/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/h2stream.h"

#include <assert.h>
#include <stdlib.h>

#include "schemas/text.h"

enum {
    H2STREAM_FIELD_OVERHEAD = 32, /* RFC 9113 6.5.2 */
    H2STREAM_BUFFER_FIRST = 16 * 1024,
};

enum err
h2stream_new(int32_t id, struct h2stream **ret_stream)
{
    struct h2stream *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    s->id = id;
    s->bytes = malloc(HTTP_HEAD_BYTES_MAX);
    if (s->bytes == NULL) {
        free(s);
        return ERR_NOMEM;
    }
    *ret_stream = s;
    return ERR_OK;
}

void
h2stream_free(struct h2stream *s)
{
    if (s == NULL)
        return;
    if (s->in.ptr != NULL)
        explicit_bzero(s->in.ptr, s->in.len); /* a partner's plaintext */
    free(s->in.ptr);
    free(s->out.ptr);
    free(s->bytes);
    free(s);
}

static struct span
h2stream_keep(struct h2stream *s, struct span text)
{
    assert(text.len <= HTTP_HEAD_BYTES_MAX - s->bytes_len);
    uint8_t *to = s->bytes + s->bytes_len;
    if (text.len > 0)
        memcpy(to, text.ptr, text.len);
    s->bytes_len += text.len;
    return span_of(to, text.len);
}

static void
h2stream_pseudo(struct h2stream *s, struct span name, struct span value)
{
    struct http_request *r = &s->head;
    if (span_eq_str(name, ":method")) {
        s->has_method = http_method_of(value, &r->method) == ERR_OK;
    } else if (span_eq_str(name, ":path")) {
        r->target = h2stream_keep(s, value); /* checked when the method is known */
    } else if (span_eq_str(name, ":authority")) {
        r->authority = h2stream_keep(s, value);
        s->is_bad = s->is_bad || !http_is_authority(value);
    } else if (span_eq_str(name, ":scheme")) {
        s->is_bad = s->is_bad || !span_eq_str(value, "https");
    } else {
        s->is_bad = true;
    }
}

void
h2stream_field(struct h2stream *s, struct span name, struct span value,
               const struct http_limits *limits)
{
    struct http_request *r = &s->head;
    s->head_size += name.len + value.len + H2STREAM_FIELD_OVERHEAD;
    s->fields++;
    if (s->head_size > limits->head_bytes_max || s->head_size > HTTP_HEAD_BYTES_MAX)
        s->is_too_large = true;
    if (s->is_too_large || s->is_bad)
        return;
    if (name.len > 0 && name.ptr[0] == ':') {
        h2stream_pseudo(s, name, value);
        return;
    }
    if (!http_is_name(name) || !http_is_value(value)) {
        s->is_bad = true;
    } else if (span_eq_str(name, "host")) {
        if (!span_is_empty(r->authority) && !span_eq(r->authority, value))
            s->is_bad = true;
        else if (!http_is_authority(value))
            s->is_bad = true;
        else
            r->authority = h2stream_keep(s, value);
    } else if (r->header_count >= limits->headers_max || r->header_count >= HTTP_HEADERS_MAX) {
        s->is_too_large = true;
    } else {
        if (span_eq_str(name, "content-length")) {
            s->is_bad = r->has_length || text_parse_u64(value, INT64_MAX, &r->length) != ERR_OK;
            r->has_length = true;
        }
        if (span_eq_str(name, "expect"))
            r->expect_continue = span_eq_str(value, "100-continue");
        struct http_header *h = &r->headers[r->header_count++];
        h->name = h2stream_keep(s, name);
        h->value = h2stream_keep(s, value);
    }
}

bool
h2stream_is_good(struct h2stream *s, bool has_body, enum problem_code *ret_code)
{
    struct http_request *r = &s->head;
    *ret_code = PROBLEM_BAD_REQUEST;
    if (s->is_too_large) {
        *ret_code = PROBLEM_HEADERS_TOO_LARGE;
        return false;
    }
    if (s->is_bad || span_is_empty(r->authority))
        return false;
    if (!s->has_method) {
        *ret_code = PROBLEM_NOT_IMPLEMENTED;
        return false;
    }
    const enum err err = http_target(r, r->target);
    if (err == ERR_TOO_LARGE)
        *ret_code = PROBLEM_URI_TOO_LONG;
    if (err != ERR_OK)
        return false;
    r->has_body = has_body;
    r->expect_continue = r->expect_continue && has_body;
    if (!has_body) {
        r->has_length = true;
        r->length = 0;
    }
    return true;
}

enum err
h2stream_push(struct h2stream_buffer *b, struct span bytes)
{
    if (bytes.len == 0)
        return ERR_OK;
    if (b->at > 0 && b->cap - b->len < bytes.len) {
        memmove(b->ptr, b->ptr + b->at, b->len - b->at);
        b->len -= b->at;
        b->at = 0;
    }
    if (b->cap - b->len < bytes.len) {
        size_t cap = b->cap == 0 ? H2STREAM_BUFFER_FIRST : b->cap;
        while (cap - b->len < bytes.len)
            cap *= 2;
        uint8_t *ptr = realloc(b->ptr, cap);
        if (ptr == NULL)
            return ERR_NOMEM;
        b->ptr = ptr;
        b->cap = cap;
    }
    memcpy(b->ptr + b->len, bytes.ptr, bytes.len);
    b->len += bytes.len;
    return ERR_OK;
}

struct span
h2stream_peek(const struct h2stream_buffer *b)
{
    return b->len == 0 ? span_of(NULL, 0) : span_of(b->ptr + b->at, b->len - b->at);
}

void
h2stream_pop(struct h2stream_buffer *b, size_t len)
{
    assert(len <= b->len - b->at);
    b->at += len;
    if (b->at == b->len) {
        b->at = 0;
        b->len = 0;
    }
}
