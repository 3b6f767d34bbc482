/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/h2client.h"

#include <assert.h>
#include <inttypes.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/net/h2nv.h"
#include "gateway/net/h2stream.h"
#include "schemas/text.h"

enum {
    H2CLIENT_OUT_BYTES = 256 * 1024,
    H2CLIENT_OUT_FILL = 128 * 1024,
    H2CLIENT_CONTINUATIONS_MAX = 8,
    H2CLIENT_NV_MAX = HTTP_RESPONSE_HEADERS_MAX + 5,
};

struct h2client_stream {
    struct h2client_stream *next;
    int32_t id;
    bool is_open; /* END or ABORT was not given */
    bool has_final;
    bool end_received;
    bool is_deferred;
    bool is_bad;
    bool is_closed; /* for nghttp2; its windows are settled */
    uint64_t credit;
    struct h2client_body body;
    void *tag;
    size_t bytes_len;
    struct h2client_response response;
    struct h2stream_buffer in;
    uint8_t bytes[HTTP_HEAD_BYTES_MAX];
};

struct h2client {
    struct h2client_config config;
    nghttp2_session *session;
    struct h2client_stream *streams;
    size_t stream_count;
    bool is_busy;
    bool is_terminated;
    bool is_going_away;
    bool in_ping;
    int64_t now_ms;
    int64_t heard_ms; /* the peer's last byte */
    int64_t ping_ms;
    int64_t rtt_ms;
    size_t out_at;
    size_t out_len;
    uint8_t out[H2CLIENT_OUT_BYTES];
};

struct h2client_config
h2client_config_default(void)
{
    return (struct h2client_config){.stream_window = 256 * 1024,
                                    .connection_window = 1024 * 1024,
                                    .ping_ms = 20000,
                                    .ping_wait_ms = 15000};
}

static void
h2client_wake(struct h2client *c)
{
    if (!c->is_busy && c->config.wake != NULL)
        c->config.wake(c->config.wake_ctx);
}

static void
h2client_emit(struct h2client *c, struct h2client_stream *s, enum h2client_event_type type,
              struct span data, enum err reason)
{
    const struct h2client_event event = {.type = type,
                                         .stream = (uint32_t)s->id,
                                         .tag = s->tag,
                                         .response = &s->response,
                                         .data = data,
                                         .reason = reason};
    c->config.event(c->config.event_ctx, &event);
}

static void
h2client_end(struct h2client *c, struct h2client_stream *s, enum h2client_event_type type,
             enum err reason)
{
    if (!s->is_open)
        return;
    s->is_open = false;
    h2client_emit(c, s, type, span_of(NULL, 0), reason);
}

static void
h2client_abort_all(struct h2client *c, enum err reason)
{
    for (struct h2client_stream *s = c->streams; s != NULL; s = s->next)
        h2client_end(c, s, H2CLIENT_ABORT, reason);
}

static struct h2client_stream *
h2client_find(const struct h2client *c, int32_t id)
{
    return id <= 0 ? NULL : nghttp2_session_get_stream_user_data(c->session, id);
}

/* Hands on what is granted; what left opens the windows. */
static void
h2client_deliver(struct h2client *c, struct h2client_stream *s)
{
    while (s->is_open && s->credit > 0 && h2stream_peek(&s->in).len > 0) {
        struct span data = h2stream_peek(&s->in);
        data.len = data.len < s->credit ? data.len : (size_t)s->credit;
        s->credit -= s->credit == HTTP_CREDIT_ALL ? 0 : data.len;
        h2client_emit(c, s, H2CLIENT_DATA, data, ERR_OK);
        h2stream_pop(&s->in, data.len);
        if (!s->is_closed)
            (void)nghttp2_session_consume(c->session, s->id, data.len);
    }
    if (s->end_received && s->has_final && h2stream_peek(&s->in).len == 0)
        h2client_end(c, s, H2CLIENT_END, ERR_OK);
}

static int
h2client_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                   size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                   void *ctx)
{
    struct h2client_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    const struct span n = span_of(name, name_len);
    const struct span v = span_of(value, value_len);
    uint64_t status = 0;
    (void)flags;
    (void)ctx;
    if (s == NULL || s->has_final)
        return 0; /* trailers are not used */
    if (span_eq_str(n, ":status")) {
        s->is_bad = text_parse_u64(v, 599, &status) != ERR_OK || status < 100;
        s->response.status = (uint16_t)status;
        s->response.header_count = 0; /* of an informational response before */
        s->bytes_len = 0;
        return 0;
    }
    if (s->response.header_count >= HTTP_HEADERS_MAX ||
        n.len + v.len > sizeof(s->bytes) - s->bytes_len) {
        s->is_bad = true;
        return 0;
    }
    struct http_header *h = &s->response.headers[s->response.header_count++];
    memcpy(s->bytes + s->bytes_len, n.ptr, n.len);
    h->name = span_of(s->bytes + s->bytes_len, n.len);
    s->bytes_len += n.len;
    if (v.len > 0)
        memcpy(s->bytes + s->bytes_len, v.ptr, v.len);
    h->value = span_of(s->bytes + s->bytes_len, v.len);
    s->bytes_len += v.len;
    return 0;
}

static void
h2client_on_head(struct h2client *c, struct h2client_stream *s)
{
    if (s->has_final || (!s->is_bad && s->response.status < 200))
        return;
    if (s->is_bad) {
        h2client_end(c, s, H2CLIENT_ABORT, ERR_PROTOCOL);
        (void)nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, s->id,
                                        NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    s->has_final = true;
    h2client_emit(c, s, H2CLIENT_HEAD, span_of(NULL, 0), ERR_OK);
}

static int
h2client_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2client *c = ctx;
    struct h2client_stream *s = h2client_find(c, frame->hd.stream_id);
    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        c->is_going_away = true;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && c->in_ping) {
        c->in_ping = false;
        c->rtt_ms = c->now_ms > c->ping_ms ? c->now_ms - c->ping_ms : 1;
    }
    if (s == NULL || !s->is_open)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS)
        h2client_on_head(c, s);
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        s->end_received = true;
        h2client_deliver(c, s);
    }
    return 0;
}

static int
h2client_on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                 size_t len, void *ctx)
{
    struct h2client *c = ctx;
    struct h2client_stream *s = h2client_find(c, id);
    (void)flags;
    if (s == NULL || !s->is_open) {
        (void)nghttp2_session_consume_connection(session, len);
        return 0;
    }
    if (h2stream_push(&s->in, span_of(data, len)) != ERR_OK)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    h2client_deliver(c, s);
    return 0;
}

static void
h2client_drop(struct h2client *c, struct h2client_stream *s)
{
    struct h2client_stream **link = &c->streams;
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    c->stream_count--;
    free(s->in.ptr);
    free(s);
}

/* A response that is whole but not yet all granted outlives its stream. */
static int
h2client_on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct h2client *c = ctx;
    struct h2client_stream *s = h2client_find(c, id);
    if (s == NULL)
        return 0;
    const size_t waiting = h2stream_peek(&s->in).len;
    s->is_closed = true;
    (void)nghttp2_session_set_stream_user_data(session, id, NULL);
    if (waiting > 0)
        (void)nghttp2_session_consume_connection(session, waiting);
    const bool is_whole = s->end_received && s->has_final;
    if (s->is_open && is_whole && waiting > 0)
        return 0; /* h2client_run ends it */
    (void)code;
    h2client_end(c, s, is_whole ? H2CLIENT_END : H2CLIENT_ABORT, is_whole ? ERR_OK : ERR_CANCELLED);
    h2client_drop(c, s);
    return 0;
}

static ssize_t
h2client_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t cap, uint32_t *flags,
              nghttp2_data_source *source, void *ctx)
{
    struct h2client_stream *s = source->ptr;
    size_t len = 0;
    bool is_end = false;
    (void)session;
    (void)id;
    (void)ctx;
    if (!s->is_open)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const enum err err = s->body.read(s->body.ctx, buf, cap, &len, &is_end);
    if (err == ERR_AGAIN) {
        s->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (err != ERR_OK || len > cap || (len == 0 && !is_end))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (is_end)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

static enum err
h2client_start(struct h2client *c)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, c->config.stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_BYTES_MAX}};
    if (nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
                                sizeof(settings) / sizeof(settings[0])) != 0 ||
        nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0,
                                              (int32_t)c->config.connection_window) != 0)
        return ERR_NOMEM;
    return ERR_OK;
}

static enum err
h2client_open(struct h2client *c)
{
    nghttp2_session_callbacks *cb = NULL;
    nghttp2_option *option = NULL;
    if (nghttp2_session_callbacks_new(&cb) != 0)
        return ERR_NOMEM;
    if (nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(cb);
        return ERR_NOMEM;
    }
    nghttp2_session_callbacks_set_on_header_callback(cb, h2client_on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, h2client_on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, h2client_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, h2client_on_close);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_continuations(option, H2CLIENT_CONTINUATIONS_MAX);
    const int result = nghttp2_session_client_new2(&c->session, cb, c, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(cb);
    return result == 0 ? h2client_start(c) : ERR_NOMEM;
}

enum err
h2client_new(const struct h2client_config *config, int64_t now_ms, struct h2client **ret_client)
{
    struct h2client *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    c->config = *config;
    c->now_ms = now_ms;
    c->heard_ms = now_ms;
    const enum err err = h2client_open(c);
    if (err != ERR_OK) {
        h2client_free(c);
        return err;
    }
    *ret_client = c;
    return ERR_OK;
}

void
h2client_free(struct h2client *c)
{
    if (c == NULL)
        return;
    c->is_busy = true;
    h2client_abort_all(c, ERR_CLOSED);
    nghttp2_session_del(c->session);
    while (c->streams != NULL)
        h2client_drop(c, c->streams);
    free(c);
}

bool
h2client_can_begin(const struct h2client *c)
{
    return !c->is_terminated && !c->is_going_away &&
           nghttp2_session_check_request_allowed(c->session) != 0;
}

static size_t
h2client_fields(const struct h2client_request *r, char length[static 24], nghttp2_nv *nv)
{
    size_t count = 0;
    nv[count++] = h2nv_of(SPAN_LIT(":method"), span_str(http_method_text(r->method)));
    nv[count++] = h2nv_of(SPAN_LIT(":scheme"), SPAN_LIT("https"));
    nv[count++] = h2nv_of(SPAN_LIT(":authority"), r->authority);
    nv[count++] = h2nv_of(SPAN_LIT(":path"), r->target);
    for (size_t i = 0; i < r->header_count; i++)
        nv[count++] = h2nv_of(r->headers[i].name, r->headers[i].value);
    if (r->has_length) {
        (void)snprintf(length, 24, "%" PRIu64, r->length);
        nv[count++] = h2nv_of(SPAN_LIT("content-length"), span_str(length));
    }
    return count;
}

enum err
h2client_begin(struct h2client *c, const struct h2client_request *request, uint32_t *ret_stream)
{
    const struct http_response as_response = {
        .status = 200, .headers = request->headers, .header_count = request->header_count};
    struct http_request target = {.method = request->method};
    TRY(http_response_check(&as_response));
    TRY(http_target(&target, request->target));
    if (!http_is_authority(request->authority))
        return ERR_SYNTAX;
    if (!h2client_can_begin(c))
        return ERR_CLOSED;
    struct h2client_stream *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    nghttp2_nv nv[H2CLIENT_NV_MAX];
    char length[24];
    const size_t count = h2client_fields(request, length, nv);
    const nghttp2_data_provider provider = {.source = {.ptr = s}, .read_callback = h2client_read};
    s->body = request->body;
    s->tag = request->tag;
    s->is_open = true;
    s->id = nghttp2_submit_request(c->session, NULL, nv, count,
                                   request->has_body ? &provider : NULL, s);
    if (s->id < 0) {
        free(s);
        return ERR_NOMEM;
    }
    s->next = c->streams;
    c->streams = s;
    c->stream_count++;
    *ret_stream = (uint32_t)s->id;
    h2client_wake(c);
    return ERR_OK;
}

/* Also finds a request that waits for its turn, and one whose stream is closed already. */
static struct h2client_stream *
h2client_request_of(const struct h2client *c, uint32_t id)
{
    for (struct h2client_stream *s = c->streams; s != NULL; s = s->next) {
        if ((uint32_t)s->id == id && s->is_open)
            return s;
    }
    return NULL;
}

enum err
h2client_grant(struct h2client *c, uint32_t stream, uint64_t bytes)
{
    struct h2client_stream *s = h2client_request_of(c, stream);
    if (s == NULL)
        return ERR_NOT_FOUND;
    s->credit = bytes > HTTP_CREDIT_ALL - s->credit ? HTTP_CREDIT_ALL : s->credit + bytes;
    h2client_wake(c);
    return ERR_OK;
}

enum err
h2client_resume(struct h2client *c, uint32_t stream)
{
    struct h2client_stream *s = h2client_request_of(c, stream);
    if (s == NULL)
        return ERR_NOT_FOUND;
    if (s->is_deferred) {
        s->is_deferred = false;
        (void)nghttp2_session_resume_data(c->session, s->id);
        h2client_wake(c);
    }
    return ERR_OK;
}

enum err
h2client_cancel(struct h2client *c, uint32_t stream)
{
    struct h2client_stream *s = h2client_request_of(c, stream);
    if (s == NULL)
        return ERR_NOT_FOUND;
    h2client_end(c, s, H2CLIENT_ABORT, ERR_CANCELLED);
    (void)nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
    h2client_wake(c);
    return ERR_OK;
}

static void
h2client_terminate(struct h2client *c, uint32_t code, enum err reason)
{
    if (c->is_terminated)
        return;
    c->is_terminated = true;
    (void)nghttp2_session_terminate_session(c->session, code);
    h2client_abort_all(c, reason);
}

enum err
h2client_feed(struct h2client *c, struct span in, int64_t now_ms)
{
    c->now_ms = now_ms;
    c->heard_ms = now_ms;
    if (c->is_terminated)
        return ERR_OK;
    c->is_busy = true;
    const ssize_t used = nghttp2_session_mem_recv(c->session, in.ptr, in.len);
    c->is_busy = false;
    if (used >= 0)
        return ERR_OK;
    h2client_terminate(c, NGHTTP2_PROTOCOL_ERROR, ERR_PROTOCOL);
    return ERR_PROTOCOL;
}

void
h2client_eof(struct h2client *c)
{
    h2client_terminate(c, NGHTTP2_NO_ERROR, ERR_SHORT);
}

static void
h2client_fill(struct h2client *c)
{
    if (c->out_at > 0) {
        memmove(c->out, c->out + c->out_at, c->out_len - c->out_at);
        c->out_len -= c->out_at;
        c->out_at = 0;
    }
    /* One frame of nghttp2 is far smaller than the room left beyond the mark. */
    while (c->out_len < H2CLIENT_OUT_FILL) {
        const uint8_t *ptr = NULL;
        const ssize_t len = nghttp2_session_mem_send(c->session, &ptr);
        if (len <= 0)
            return;
        assert((size_t)len <= H2CLIENT_OUT_BYTES - c->out_len);
        memcpy(c->out + c->out_len, ptr, (size_t)len);
        c->out_len += (size_t)len;
    }
}

void
h2client_run(struct h2client *c, int64_t now_ms)
{
    c->now_ms = now_ms;
    c->is_busy = true;
    struct h2client_stream *next = NULL;
    for (struct h2client_stream *s = c->streams; s != NULL; s = next) {
        next = s->next;
        h2client_deliver(c, s);
        if (s->is_closed && !s->is_open)
            h2client_drop(c, s);
    }
    h2client_fill(c);
    if (!c->is_terminated && nghttp2_session_want_read(c->session) == 0 &&
        nghttp2_session_want_write(c->session) == 0) {
        c->is_terminated = true; /* by nghttp2 itself, or after the peer's GOAWAY */
        h2client_abort_all(c, c->is_going_away ? ERR_CLOSED : ERR_PROTOCOL);
    }
    c->is_busy = false;
}

struct span
h2client_out(const struct h2client *c)
{
    return span_of(c->out + c->out_at, c->out_len - c->out_at);
}

void
h2client_out_taken(struct h2client *c, size_t len)
{
    assert(len <= c->out_len - c->out_at);
    c->out_at += len;
}

bool
h2client_wants_run(const struct h2client *c)
{
    for (const struct h2client_stream *s = c->streams; s != NULL; s = s->next) {
        if (s->is_open && s->credit > 0 && h2stream_peek(&s->in).len > 0)
            return true;
    }
    return nghttp2_session_want_write(c->session) != 0;
}

bool
h2client_is_closing(const struct h2client *c)
{
    return c->is_terminated;
}

size_t
h2client_open_count(const struct h2client *c)
{
    return c->stream_count;
}

enum err
h2client_tick(struct h2client *c, int64_t now_ms)
{
    c->now_ms = now_ms;
    if (c->in_ping && now_ms - c->ping_ms >= (int64_t)c->config.ping_wait_ms) {
        h2client_terminate(c, NGHTTP2_NO_ERROR, ERR_TIMEOUT);
        return ERR_TIMEOUT;
    }
    if (!c->in_ping && !c->is_terminated && now_ms - c->heard_ms >= (int64_t)c->config.ping_ms &&
        nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL) == 0) {
        c->in_ping = true;
        c->ping_ms = now_ms;
        h2client_wake(c);
    }
    return ERR_OK;
}

int64_t
h2client_deadline(const struct h2client *c)
{
    return c->in_ping ? c->ping_ms + c->config.ping_wait_ms : c->heard_ms + c->config.ping_ms;
}

int64_t
h2client_rtt(const struct h2client *c)
{
    return c->rtt_ms;
}
