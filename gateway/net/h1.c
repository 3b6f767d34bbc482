/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/h1.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/net/h1chunk.h"
#include "gateway/net/h1head.h"
#include "gateway/net/rate.h"

enum {
    H1_CHUNK_OVERHEAD = 8 + 4, /* size line and closing CRLF of a chunk we write */
    H1_LAST_CHUNK = 5,
};

enum h1_state {
    H1_HEAD,
    H1_FIXED, /* body of known length */
    H1_CHUNKED,
    H1_COMPLETE, /* request read, response under way */
    H1_CLOSING,
};

enum h1_answer { H1_NONE, H1_STARTED, H1_FINISHED };

struct h1 {
    struct http_limits limits;
    struct http_sink sink;
    enum h1_state state;
    enum h1_answer answer;
    bool is_open; /* HEAD was given, DONE or ABORT was not */
    bool is_draining;
    bool wants_writable;
    bool answer_chunked;
    bool answer_has_body;
    uint64_t answer_left;
    uint32_t stream;
    uint64_t credit;
    uint64_t left;    /* of the fixed body */
    enum err fault;   /* why the engine refused */
    bool idle;        /* between requests, no byte of the next one yet */
    int64_t since_ms; /* of the first byte of the head, or of the idle time */
    struct rate_meter in_meter;
    struct h1head head;
    size_t head_len;
    size_t out_at;
    size_t out_len;
    struct h1chunk chunk;
    uint8_t head_bytes[HTTP_HEAD_BYTES_MAX];
    uint8_t out[H1_OUT_BYTES];
};

static void
h1_emit(struct h1 *h, enum http_event_type type, struct span data, enum err reason)
{
    const struct http_event event = {.type = type,
                                     .stream = h->stream,
                                     .head = &h->head.request,
                                     .data = data,
                                     .reason = reason};
    h->sink.event(h->sink.ctx, &event);
}

/* Ends the stream for the consumer, once. */
static void
h1_end(struct h1 *h, enum http_event_type type, enum err reason)
{
    if (!h->is_open)
        return;
    h->is_open = false;
    h1_emit(h, type, span_of(NULL, 0), reason);
}

enum err
h1_new(const struct http_limits *limits, const struct http_sink *sink, int64_t now_ms,
       struct h1 **ret_h1)
{
    assert(limits->head_bytes_max <= HTTP_HEAD_BYTES_MAX);
    assert(limits->headers_max <= HTTP_HEADERS_MAX);
    struct h1 *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return ERR_NOMEM;
    h->limits = *limits;
    h->sink = *sink;
    h->since_ms = now_ms;
    *ret_h1 = h;
    return ERR_OK;
}

void
h1_free(struct h1 *h)
{
    if (h == NULL)
        return;
    h->state = H1_CLOSING;
    h1_end(h, HTTP_EVENT_ABORT, ERR_CLOSED);
    free(h);
}

/* Output. */

static size_t
h1_room(struct h1 *h)
{
    if (h->out_at > 0) {
        memmove(h->out, h->out + h->out_at, h->out_len - h->out_at);
        h->out_len -= h->out_at;
        h->out_at = 0;
    }
    return H1_OUT_BYTES - h->out_len;
}

/* The caller has checked that there is room. */
static void
h1_put(struct h1 *h, struct span bytes)
{
    assert(bytes.len <= H1_OUT_BYTES - h->out_len);
    if (bytes.len > 0)
        memcpy(h->out + h->out_len, bytes.ptr, bytes.len);
    h->out_len += bytes.len;
}

static size_t
h1_head_size(const struct http_response *r)
{
    size_t size = 256; /* status line and the headers we add */
    for (size_t i = 0; i < r->header_count; i++)
        size += r->headers[i].name.len + r->headers[i].value.len + 4;
    return size;
}

static void
h1_put_head(struct h1 *h, const struct http_response *r, bool is_final)
{
    char line[128];
    int len = snprintf(line, sizeof(line), "HTTP/1.1 %u %s\r\n", (unsigned)r->status,
                       http_status_text(r->status));
    h1_put(h, span_of(line, (size_t)len));
    for (size_t i = 0; i < r->header_count; i++) {
        h1_put(h, r->headers[i].name);
        h1_put(h, SPAN_LIT(": "));
        h1_put(h, r->headers[i].value);
        h1_put(h, SPAN_LIT("\r\n"));
    }
    /* RFC 9110 8.6: not with 204, and in a 304 it would be the length of a 200. */
    if (is_final && r->has_length && r->status != 204 && r->status != 304) {
        len = snprintf(line, sizeof(line), "content-length: %" PRIu64 "\r\n", r->length);
        h1_put(h, span_of(line, (size_t)len));
    }
    if (is_final && h->answer_chunked)
        h1_put(h, SPAN_LIT("transfer-encoding: chunked\r\n"));
    if (is_final && (h->is_draining || h->head.wants_close || h->state == H1_CLOSING))
        h1_put(h, SPAN_LIT("connection: close\r\n"));
    h1_put(h, SPAN_LIT("\r\n"));
}

/* Closes after what is in out; an open request is aborted. */
static void
h1_close(struct h1 *h, enum err reason)
{
    h->state = H1_CLOSING;
    h1_end(h, HTTP_EVENT_ABORT, reason);
}

/* Refuses in the engine's own words what the consumer shall not have to answer. */
static void
h1_refuse(struct h1 *h, enum problem_code code, enum err reason)
{
    const struct problem problem = {.code = code};
    char buf[PROBLEM_BYTES_MAX];
    struct span body;
    h->state = H1_CLOSING;
    h->fault = reason;
    if (h->answer == H1_NONE && h1_room(h) > PROBLEM_BYTES_MAX + 512 &&
        problem_write(&problem, buf, sizeof(buf), &body) == ERR_OK) {
        const struct http_header type = {SPAN_LIT("content-type"),
                                         SPAN_LIT("application/problem+json")};
        const struct http_response r = {.status = problem_get(code)->status,
                                        .headers = &type,
                                        .header_count = 1,
                                        .has_length = true,
                                        .length = body.len};
        h->answer_chunked = false;
        h1_put_head(h, &r, true);
        h1_put(h, body);
        h->answer = H1_FINISHED;
    }
    h1_end(h, HTTP_EVENT_ABORT, reason);
}

struct span
h1_out(const struct h1 *h)
{
    return span_of(h->out + h->out_at, h->out_len - h->out_at);
}

/* When the response has left: the next request, or the end. */
static void
h1_settle(struct h1 *h, int64_t now_ms)
{
    if (h->answer != H1_FINISHED || h->out_len != 0)
        return;
    const bool keep = h->state == H1_COMPLETE && !h->is_draining && !h->head.wants_close;
    if (!keep)
        h->state = H1_CLOSING;
    h1_end(h, HTTP_EVENT_DONE, ERR_OK);
    if (!keep)
        return;
    h->state = H1_HEAD;
    h->answer = H1_NONE;
    h->head_len = 0;
    h->idle = true;
    h->since_ms = now_ms;
}

void
h1_out_taken(struct h1 *h, size_t len, int64_t now_ms)
{
    assert(len <= h->out_len - h->out_at);
    h->out_at += len;
    if (h->out_at < h->out_len)
        return;
    h->out_at = 0;
    h->out_len = 0;
    h1_settle(h, now_ms);
    if (h->wants_writable && h->is_open && h->answer == H1_STARTED) {
        h->wants_writable = false;
        h1_emit(h, HTTP_EVENT_WRITABLE, span_of(NULL, 0), ERR_OK);
    }
}

/* Input. */

static void
h1_complete(struct h1 *h)
{
    h->state = H1_COMPLETE;
    h1_emit(h, HTTP_EVENT_END, span_of(NULL, 0), ERR_OK);
}

static void
h1_begin(struct h1 *h)
{
    enum problem_code code = PROBLEM_BAD_REQUEST;
    h->stream++;
    h->answer = H1_NONE;
    h->answer_chunked = false;
    h->wants_writable = false;
    h->credit = 0;
    h1chunk_init(&h->chunk);
    if (h1head_parse(h->head_bytes, h->head_len, &h->limits, &h->head, &code) != ERR_OK) {
        h1_refuse(h, code, ERR_PROTOCOL);
        return;
    }
    h->is_open = true;
    h->left = h->head.request.length;
    h->state = h->head.is_chunked ? H1_CHUNKED : H1_FIXED;
    h1_emit(h, HTTP_EVENT_HEAD, span_of(NULL, 0), ERR_OK);
    if (h->state != H1_CLOSING && !h->head.request.has_body)
        h1_complete(h);
}

/* Collects a head byte by byte: a lone CR or LF ends it at once, not at the deadline. */
static size_t
h1_feed_head(struct h1 *h, struct span in, int64_t now_ms)
{
    for (size_t i = 0; i < in.len; i++) {
        const uint8_t c = in.ptr[i];
        const uint8_t last = h->head_len == 0 ? 0 : h->head_bytes[h->head_len - 1];
        if (h->idle) {
            h->idle = false;
            h->since_ms = now_ms;
        }
        if ((c == '\n') != (last == '\r') || c == 0) {
            h->head.wants_close = true;
            h1_refuse(h, PROBLEM_BAD_REQUEST, ERR_PROTOCOL);
            return i + 1;
        }
        h->head_bytes[h->head_len++] = c;
        /* RFC 9112 2.2: one empty line before a request is passed over. */
        if (h->head_len == 2 && c == '\n') {
            h->head_len = 0;
            h->head_bytes[0] = 0;
            continue;
        }
        if (h->head_len >= 4 && c == '\n' && h->head_bytes[h->head_len - 3] == '\n') {
            h1_begin(h);
            return i + 1;
        }
        if (h->head_len == h->limits.head_bytes_max) {
            const bool in_line = memchr(h->head_bytes, '\n', h->head_len) == NULL;
            h1_refuse(h, in_line ? PROBLEM_URI_TOO_LONG : PROBLEM_HEADERS_TOO_LARGE, ERR_PROTOCOL);
            return i + 1;
        }
    }
    return in.len;
}

/* Gives as much of in as is due and granted. */
static size_t
h1_feed_data(struct h1 *h, struct span in, uint64_t left)
{
    uint64_t len = in.len < left ? in.len : left;
    len = len < h->credit ? len : h->credit;
    if (len == 0)
        return 0;
    if (h->credit != HTTP_CREDIT_ALL)
        h->credit -= len;
    rate_meter_add(&h->in_meter, len);
    if (h->state == H1_FIXED)
        h->left -= len;
    else
        h1chunk_taken(&h->chunk, len);
    h1_emit(h, HTTP_EVENT_DATA, span_of(in.ptr, (size_t)len), ERR_OK);
    if (h->state == H1_FIXED && h->left == 0)
        h1_complete(h);
    return (size_t)len;
}

static size_t
h1_feed_chunked(struct h1 *h, struct span in)
{
    if (h->chunk.state == H1CHUNK_DATA)
        return h1_feed_data(h, in, h->chunk.left);
    size_t used = 0;
    const enum err err = h1chunk_feed(&h->chunk, in, &used);
    if (err != ERR_OK) {
        h1_refuse(h, err == ERR_TOO_LARGE ? PROBLEM_HEADERS_TOO_LARGE : PROBLEM_BAD_REQUEST,
                  ERR_PROTOCOL);
        return in.len;
    }
    if (h->chunk.state == H1CHUNK_DONE)
        h1_complete(h);
    return used;
}

static size_t
h1_step(struct h1 *h, struct span in, int64_t now_ms)
{
    switch (h->state) {
    case H1_HEAD:
        return h1_feed_head(h, in, now_ms);
    case H1_FIXED:
        return h1_feed_data(h, in, h->left);
    case H1_CHUNKED:
        return h1_feed_chunked(h, in);
    case H1_CLOSING:
        return in.len;
    case H1_COMPLETE:
        break;
    }
    return 0;
}

static bool
h1_is_in_body(const struct h1 *h)
{
    return h->state == H1_FIXED || h->state == H1_CHUNKED;
}

static void
h1_meter(struct h1 *h, int64_t now_ms)
{
    rate_meter_run(&h->in_meter, h1_is_in_body(h) && h->credit > 0, now_ms);
}

enum err
h1_feed(struct h1 *h, struct span in, int64_t now_ms, size_t *ret_len)
{
    size_t used = 0;
    while (used < in.len) {
        const size_t step = h1_step(h, span_from(in, used), now_ms);
        used += step;
        if (h->fault != ERR_OK) {
            *ret_len = in.len;
            return h->fault;
        }
        if (step == 0)
            break;
    }
    h1_meter(h, now_ms);
    *ret_len = used;
    return ERR_OK;
}

void
h1_eof(struct h1 *h)
{
    if (h->state == H1_COMPLETE) {
        h->is_draining = true; /* the answer can still be read */
        return;
    }
    h1_close(h, ERR_SHORT);
}

bool
h1_is_closing(const struct h1 *h)
{
    return h->state == H1_CLOSING;
}

void
h1_drain(struct h1 *h)
{
    h->is_draining = true;
    if (h->state == H1_HEAD && h->idle)
        h->state = H1_CLOSING;
}

bool
h1_is_idle(const struct h1 *h)
{
    return !h->is_open && h->out_len == 0;
}

void
h1_tick(struct h1 *h, int64_t now_ms)
{
    const struct http_limits *l = &h->limits;
    h1_meter(h, now_ms);
    if (h->state == H1_HEAD && now_ms - h->since_ms >= (h->idle ? l->idle_ms : l->head_ms)) {
        if (h->idle || h->head_len == 0)
            h->state = H1_CLOSING;
        else
            h1_refuse(h, PROBLEM_REQUEST_TIMEOUT, ERR_TIMEOUT);
    }
    if (rate_meter_is_slow(&h->in_meter, l->min_in_rate, l->rate_ms, now_ms))
        h1_refuse(h, PROBLEM_TOO_SLOW, ERR_TIMEOUT);
    h1_meter(h, now_ms);
}

int64_t
h1_deadline(const struct h1 *h)
{
    int64_t at = rate_meter_deadline(&h->in_meter, h->limits.rate_ms);
    if (h->state == H1_HEAD) {
        const int64_t head = h->since_ms + (h->idle ? h->limits.idle_ms : h->limits.head_ms);
        at = head < at ? head : at;
    }
    return at;
}

/* The consumer's side. */

static bool
h1_is_stream(const struct h1 *h, uint32_t stream)
{
    return h->is_open && stream == h->stream;
}

enum err
h1_grant(struct h1 *h, uint32_t stream, uint64_t bytes)
{
    if (!h1_is_stream(h, stream))
        return ERR_NOT_FOUND;
    h->credit = bytes > HTTP_CREDIT_ALL - h->credit ? HTTP_CREDIT_ALL : h->credit + bytes;
    return ERR_OK;
}

enum err
h1_inform(struct h1 *h, uint32_t stream, const struct http_response *response)
{
    if (!h1_is_stream(h, stream))
        return ERR_NOT_FOUND;
    TRY(http_response_check(response));
    if (!http_may_inform(&h->head.request, response->status))
        return ERR_DENIED;
    if (h->answer != H1_NONE)
        return ERR_STATE;
    if (h1_room(h) < h1_head_size(response))
        return ERR_AGAIN;
    h1_put_head(h, response, false);
    return ERR_OK;
}

enum err
h1_respond(struct h1 *h, uint32_t stream, const struct http_response *response)
{
    if (!h1_is_stream(h, stream))
        return ERR_NOT_FOUND;
    TRY(http_response_check(response));
    if (response->status < 200)
        return ERR_RANGE;
    if (h->answer != H1_NONE)
        return ERR_STATE;
    if (h1_room(h) < h1_head_size(response))
        return ERR_FULL;
    /* An answer before the end of the body says that the rest is not wanted. */
    if (h1_is_in_body(h) && h->head.request.has_body)
        h->is_draining = true;
    h->answer = H1_STARTED;
    h->answer_has_body = http_response_has_body(h->head.request.method, response->status);
    h->answer_chunked = h->answer_has_body && !response->has_length;
    h->answer_left = response->length;
    h1_put_head(h, response, true);
    return ERR_OK;
}

enum err
h1_write(struct h1 *h, uint32_t stream, struct span bytes, size_t *ret_len)
{
    if (!h1_is_stream(h, stream))
        return ERR_NOT_FOUND;
    if (h->answer != H1_STARTED)
        return ERR_STATE;
    if (!h->answer_chunked && bytes.len > h->answer_left)
        return ERR_RANGE;
    size_t len = bytes.len;
    if (h->answer_has_body && len > 0) {
        const size_t overhead = h->answer_chunked ? H1_CHUNK_OVERHEAD + H1_LAST_CHUNK : 0;
        const size_t room = h1_room(h);
        h->wants_writable = room < len + overhead;
        if (room <= overhead)
            return ERR_AGAIN;
        len = len < room - overhead ? len : room - overhead;
        char line[16];
        if (h->answer_chunked) {
            const int n = snprintf(line, sizeof(line), "%zx\r\n", len);
            h1_put(h, span_of(line, (size_t)n));
        }
        h1_put(h, span_of(bytes.ptr, len));
        if (h->answer_chunked)
            h1_put(h, SPAN_LIT("\r\n"));
    }
    if (!h->answer_chunked)
        h->answer_left -= len;
    *ret_len = len;
    return ERR_OK;
}

enum err
h1_finish(struct h1 *h, uint32_t stream)
{
    if (!h1_is_stream(h, stream))
        return ERR_NOT_FOUND;
    if (h->answer != H1_STARTED)
        return ERR_STATE;
    if (h->answer_has_body && !h->answer_chunked && h->answer_left > 0) {
        h1_close(h, ERR_SHORT);
        return ERR_SHORT;
    }
    if (h->answer_chunked) /* h1_write always leaves room for it */
        h1_put(h, SPAN_LIT("0\r\n\r\n"));
    h->answer = H1_FINISHED;
    return ERR_OK;
}

enum err
h1_reset(struct h1 *h, uint32_t stream)
{
    if (!h1_is_stream(h, stream))
        return ERR_NOT_FOUND;
    h1_close(h, ERR_CANCELLED);
    return ERR_OK;
}
