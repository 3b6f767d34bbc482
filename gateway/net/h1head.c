/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/h1head.h"

#include <strings.h>

#include "schemas/text.h"

/* What the framing headers said, gathered while the list is read. */
struct h1head_seen {
    unsigned host;
    unsigned length;
    unsigned coding;
    bool is_absolute;
};

static enum err
h1head_refuse(enum problem_code code, enum problem_code *ret_code)
{
    *ret_code = code;
    switch (problem_get(code)->status) {
    case 414:
    case 431:
        return ERR_TOO_LARGE;
    case 501:
        return ERR_UNSUPPORTED;
    default:
        return ERR_SYNTAX;
    }
}

/* The next line without its CRLF; every line of a complete head has one. A lone CR or LF, or a
 * NUL, anywhere in it is an attempt to be read in two ways. */
static bool
h1head_line(uint8_t *bytes, size_t len, size_t *at, uint8_t **ret_line, size_t *ret_len)
{
    uint8_t *start = bytes + *at;
    uint8_t *end = memchr(start, '\n', len - *at);
    if (end == NULL || end == start || end[-1] != '\r')
        return false;
    const size_t line_len = (size_t)(end - start) - 1;
    if (memchr(start, '\r', line_len) != NULL || memchr(start, 0, line_len) != NULL)
        return false;
    *ret_line = start;
    *ret_len = line_len;
    *at += line_len + 2;
    return true;
}

static bool
h1head_has_prefix(struct span s, const char *prefix)
{
    const size_t len = strlen(prefix);
    return s.len >= len && strncasecmp((const char *)s.ptr, prefix, len) == 0;
}

/* origin-form, asterisk-form, or https absolute-form; CONNECT and authority-form are not ours. */
static enum err
h1head_target(struct http_request *r, struct span target, struct h1head_seen *seen,
              enum problem_code *ret_code)
{
    if (h1head_has_prefix(target, "https://")) {
        struct span rest = span_from(target, 8);
        const uint8_t *slash = rest.len == 0 ? NULL : memchr(rest.ptr, '/', rest.len);
        if (slash == NULL)
            return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
        r->authority = span_of(rest.ptr, (size_t)(slash - rest.ptr));
        seen->is_absolute = true;
        if (!http_is_authority(r->authority))
            return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
        target = span_from(rest, r->authority.len);
    }
    const enum err err = http_target(r, target);
    if (err == ERR_TOO_LARGE)
        return h1head_refuse(PROBLEM_URI_TOO_LONG, ret_code);
    return err == ERR_OK ? ERR_OK : h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
}

static enum err
h1head_request_line(struct http_request *r, struct span line, struct h1head_seen *seen,
                    enum problem_code *ret_code)
{
    const uint8_t *first = line.len == 0 ? NULL : memchr(line.ptr, ' ', line.len);
    if (first == NULL)
        return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
    const struct span method = span_of(line.ptr, (size_t)(first - line.ptr));
    const struct span rest = span_from(line, method.len + 1);
    const uint8_t *second = rest.len == 0 ? NULL : memchr(rest.ptr, ' ', rest.len);
    if (second == NULL || !http_is_token(method))
        return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
    const struct span target = span_of(rest.ptr, (size_t)(second - rest.ptr));
    if (!span_eq_str(span_from(rest, target.len + 1), "HTTP/1.1"))
        return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
    if (http_method_of(method, &r->method) != ERR_OK)
        return h1head_refuse(PROBLEM_NOT_IMPLEMENTED, ret_code);
    return h1head_target(r, target, seen, ret_code);
}

static struct span
h1head_trim(struct span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = span_from(s, 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static bool
h1head_eq_any_case(struct span s, const char *text)
{
    return s.len == strlen(text) && h1head_has_prefix(s, text);
}

/* connection: a list; only close matters, and what it may name is not ours to forward. */
static bool
h1head_lists_close(struct span value)
{
    while (value.len > 0) {
        const uint8_t *comma = memchr(value.ptr, ',', value.len);
        const size_t len = comma == NULL ? value.len : (size_t)(comma - value.ptr);
        if (h1head_eq_any_case(h1head_trim(span_of(value.ptr, len)), "close"))
            return true;
        value = span_from(value, comma == NULL ? len : len + 1);
    }
    return false;
}

/* The headers that decide where the message ends, or that change the protocol. *ret_keep is false
 * for those the consumer does not see. */
static enum err
h1head_framing(struct h1head *head, struct http_header h, struct h1head_seen *seen, bool *ret_keep,
               enum problem_code *ret_code)
{
    struct http_request *r = &head->request;
    *ret_keep = true;
    if (span_eq_str(h.name, "host")) {
        *ret_keep = false;
        const bool differs = seen->is_absolute && !span_eq(h.value, r->authority);
        if (++seen->host > 1 || !http_is_authority(h.value) || differs)
            return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
        r->authority = h.value;
    } else if (span_eq_str(h.name, "content-length")) {
        uint64_t length = 0;
        if (++seen->length > 1 || text_parse_u64(h.value, INT64_MAX, &length) != ERR_OK)
            return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
        r->has_length = true;
        r->length = length;
    } else if (span_eq_str(h.name, "transfer-encoding")) {
        if (++seen->coding > 1)
            return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
        if (!h1head_eq_any_case(h.value, "chunked"))
            return h1head_refuse(PROBLEM_NOT_IMPLEMENTED, ret_code);
        head->is_chunked = true;
    } else if (span_eq_str(h.name, "connection")) {
        head->wants_close = head->wants_close || h1head_lists_close(h.value);
    } else if (span_eq_str(h.name, "upgrade") || span_eq_str(h.name, "http2-settings")) {
        return h1head_refuse(PROBLEM_NOT_IMPLEMENTED, ret_code);
    } else if (span_eq_str(h.name, "expect")) {
        if (!h1head_eq_any_case(h.value, "100-continue"))
            return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
        r->expect_continue = true;
    }
    return ERR_OK;
}

static enum err
h1head_field(struct h1head *head, uint8_t *line, size_t len, const struct http_limits *limits,
             struct h1head_seen *seen, enum problem_code *ret_code)
{
    struct http_request *r = &head->request;
    /* A leading blank is obs-fold; a blank before the colon is in no token. */
    const uint8_t *colon = memchr(line, ':', len);
    if (colon == NULL || !http_is_token(span_of(line, (size_t)(colon - line))))
        return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
    const size_t name_len = (size_t)(colon - line);
    for (size_t i = 0; i < name_len; i++) {
        if (line[i] >= 'A' && line[i] <= 'Z')
            line[i] = (uint8_t)(line[i] + ('a' - 'A'));
    }
    const struct http_header h = {span_of(line, name_len),
                                  h1head_trim(span_of(colon + 1, len - name_len - 1))};
    if (!http_is_value(h.value))
        return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
    bool keep = false;
    TRY(h1head_framing(head, h, seen, &keep, ret_code));
    if (!keep)
        return ERR_OK;
    if (r->header_count >= limits->headers_max || r->header_count >= HTTP_HEADERS_MAX)
        return h1head_refuse(PROBLEM_HEADERS_TOO_LARGE, ret_code);
    r->headers[r->header_count++] = h;
    return ERR_OK;
}

static enum err
h1head_body(struct h1head *head, const struct h1head_seen *seen, enum problem_code *ret_code)
{
    struct http_request *r = &head->request;
    if (seen->host != 1 || (seen->length > 0 && seen->coding > 0))
        return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
    const bool needs_length = r->method == HTTP_PUT || r->method == HTTP_PATCH;
    if (needs_length && seen->length == 0 && seen->coding == 0)
        return h1head_refuse(PROBLEM_LENGTH_REQUIRED, ret_code);
    if (!head->is_chunked && !r->has_length)
        r->has_length = true; /* RFC 9112 6.3: neither given is a body of zero */
    r->has_body = head->is_chunked || r->length > 0;
    r->expect_continue = r->expect_continue && r->has_body;
    return ERR_OK;
}

enum err
h1head_parse(uint8_t *bytes, size_t len, const struct http_limits *limits, struct h1head *ret_head,
             enum problem_code *ret_code)
{
    struct h1head_seen seen = {0};
    uint8_t *line = NULL;
    size_t line_len = 0;
    size_t at = 0;
    memset(ret_head, 0, sizeof(*ret_head));
    if (!h1head_line(bytes, len, &at, &line, &line_len))
        return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
    TRY(h1head_request_line(&ret_head->request, span_of(line, line_len), &seen, ret_code));
    for (;;) {
        if (at >= len || !h1head_line(bytes, len, &at, &line, &line_len))
            return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
        if (line_len == 0)
            break;
        TRY(h1head_field(ret_head, line, line_len, limits, &seen, ret_code));
    }
    if (at != len)
        return h1head_refuse(PROBLEM_BAD_REQUEST, ret_code);
    return h1head_body(ret_head, &seen, ret_code);
}
