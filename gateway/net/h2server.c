/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/h2server.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "gateway/net/h2nv.h"
#include "gateway/net/h2stream.h"

enum {
    H2SERVER_OUT_BYTES = 256 * 1024,
    H2SERVER_OUT_FILL = 128 * 1024, /* stop asking nghttp2 for more beyond this */
    H2SERVER_CONTINUATIONS_MAX = 8,
    H2SERVER_TOO_LARGE_MAX = 3, /* heads beyond the limit, then the connection ends */
    H2SERVER_TINY_UPDATE = 64,  /* a WINDOW_UPDATE below this is work without gain */
    H2SERVER_HEAD_FACTOR = 4,   /* beyond limit times this a head is not even decoded further */
    H2SERVER_RTT_SLACK_MS = 5,
    H2SERVER_FRAME_TYPES = 10, /* RFC 9113 types are below this */
    H2SERVER_OUTBOUND_ACKS = 64,
    H2SERVER_LINGER_MS = 1000, /* after an answer before the end of the request */
};

struct h2server {
    struct h2server_config config;
    nghttp2_session *session;
    struct h2stream *streams;
    size_t stream_count;
    struct rate_bucket resets;
    struct rate_bucket glitches;
    unsigned too_large;
    uint32_t breach; /* error code of the GOAWAY to send; 0: none */
    bool has_settings;
    bool is_busy; /* inside feed or run: no wake needed */
    bool is_terminated;
    bool is_draining;
    int32_t window; /* of the connection */
    uint64_t budgeted;
    int64_t now_ms;
    int64_t since_ms; /* start, or end of the last stream */
    int64_t head_since_ms;
    bool in_head;
    int64_t ping_ms;
    int64_t rtt_ms;      /* 0: not yet measured */
    struct span pending; /* from nghttp2, not yet in out */
    size_t out_at;
    size_t out_len;
    uint8_t out[H2SERVER_OUT_BYTES];
};

struct h2server_config
h2server_config_default(void)
{
    return (struct h2server_config){.limits = http_limits_default(),
                                    .streams_max = 100,
                                    .stream_window = 256 * 1024,
                                    .connection_window = 1024 * 1024,
                                    .window_max = 32 * 1024 * 1024,
                                    .reset_burst = 1000,
                                    .reset_per_s = 33,
                                    .glitch_burst = 100,
                                    .glitch_per_s = 10};
}

static void
h2server_wake(struct h2server *s)
{
    if (!s->is_busy && s->config.wake != NULL)
        s->config.wake(s->config.wake_ctx);
}

static struct h2stream *
h2server_find(const struct h2server *s, int32_t id)
{
    return id <= 0 ? NULL : nghttp2_session_get_stream_user_data(s->session, id);
}

static void
h2server_emit(struct h2server *s, struct h2stream *stream, enum http_event_type type,
              struct span data, enum err reason)
{
    const struct http_event event = {.type = type,
                                     .stream = (uint32_t)stream->id,
                                     .head = &stream->head,
                                     .data = data,
                                     .reason = reason};
    s->config.sink.event(s->config.sink.ctx, &event);
}

static void
h2server_end(struct h2server *s, struct h2stream *stream, enum http_event_type type,
             enum err reason)
{
    if (!stream->is_open)
        return;
    stream->is_open = false;
    h2server_emit(s, stream, type, span_of(NULL, 0), reason);
}

static void
h2server_rst(struct h2server *s, int32_t id, uint32_t code)
{
    (void)nghttp2_submit_rst_stream(s->session, NGHTTP2_FLAG_NONE, id, code);
}

/* What leaves towards the consumer opens the windows again, and nothing else does. */
static void
h2server_consumed(struct h2server *s, const struct h2stream *stream, size_t len)
{
    if (stream->is_open)
        (void)nghttp2_session_consume(s->session, stream->id, len);
    else
        (void)nghttp2_session_consume_connection(s->session, len);
}

/* A window is too small when its peer fills it within about one round trip. Growth is paid from
 * the budget of the process; the connection's window bounds what all its streams can hold. */
static void
h2server_grow(struct h2server *s, struct h2stream *stream, size_t len)
{
    stream->given += len;
    if (stream->given < (uint64_t)stream->window)
        return;
    const int64_t passed = s->now_ms - stream->given_since_ms;
    const int64_t limit = s->rtt_ms + s->rtt_ms / 2 + H2SERVER_RTT_SLACK_MS;
    stream->given = 0;
    stream->given_since_ms = s->now_ms;
    if (s->rtt_ms == 0 || passed > limit || stream->window >= (int32_t)s->config.window_max)
        return;
    const uint64_t doubled = (uint64_t)stream->window * 2;
    const int32_t target =
        (int32_t)(doubled < s->config.window_max ? doubled : s->config.window_max);
    if (target > s->window) {
        const uint64_t more = (uint64_t)(target - s->window);
        struct h2server_budget *budget = s->config.budget;
        if (budget->used + more > budget->limit)
            return;
        budget->used += more;
        s->budgeted += more;
        s->window = target;
        (void)nghttp2_session_set_local_window_size(s->session, NGHTTP2_FLAG_NONE, 0, target);
    }
    stream->window = target;
    (void)nghttp2_session_set_local_window_size(s->session, NGHTTP2_FLAG_NONE, stream->id, target);
}

static size_t
h2server_give(struct h2server *s, struct h2stream *stream, struct span data)
{
    const size_t len = data.len < stream->credit ? data.len : (size_t)stream->credit;
    if (len == 0)
        return 0;
    if (stream->credit != HTTP_CREDIT_ALL)
        stream->credit -= len;
    h2server_emit(s, stream, HTTP_EVENT_DATA, span_of(data.ptr, len), ERR_OK);
    h2server_consumed(s, stream, len);
    h2server_grow(s, stream, len);
    return len;
}

/* Hands on what waited for credit, then the end. */
static void
h2server_deliver(struct h2server *s, struct h2stream *stream)
{
    while (stream->is_open && stream->credit > 0 && h2stream_peek(&stream->in).len > 0)
        h2stream_pop(&stream->in, h2server_give(s, stream, h2stream_peek(&stream->in)));
    if (stream->is_open && stream->end_received && !stream->end_given &&
        h2stream_peek(&stream->in).len == 0) {
        stream->end_given = true;
        h2server_emit(s, stream, HTTP_EVENT_END, span_of(NULL, 0), ERR_OK);
    }
}

/* Answers. */

static ssize_t
h2server_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t cap, uint32_t *flags,
              nghttp2_data_source *source, void *ctx)
{
    struct h2stream *stream = source->ptr;
    (void)session;
    (void)id;
    (void)ctx;
    const struct span have = h2stream_peek(&stream->out);
    const size_t len = have.len < cap ? have.len : cap;
    if (len > 0)
        memcpy(buf, have.ptr, len);
    if (len > 0)
        h2stream_pop(&stream->out, len);
    rate_meter_add(&stream->out_meter, len);
    if (len == have.len && stream->answer == H2STREAM_FINISHED) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)len;
    }
    if (len == 0) {
        stream->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)len;
}

static void
h2server_resume(struct h2server *s, struct h2stream *stream)
{
    if (stream->is_deferred) {
        stream->is_deferred = false;
        (void)nghttp2_session_resume_data(s->session, stream->id);
    }
    h2server_wake(s);
}

static enum err
h2server_submit(struct h2server *s, struct h2stream *stream, const struct http_response *r)
{
    nghttp2_nv nv[HTTP_RESPONSE_HEADERS_MAX + 2];
    char status[4];
    char length[24];
    const size_t count = h2nv_response(r, r->has_length && r->status != 204, status, length, nv);
    const nghttp2_data_provider provider = {.source = {.ptr = stream},
                                            .read_callback = h2server_read};
    stream->answer = H2STREAM_STARTED;
    stream->answer_has_body = http_response_has_body(stream->head.method, r->status);
    stream->answer_is_known = r->has_length;
    stream->answer_left = r->length;
    return nghttp2_submit_response(s->session, stream->id, nv, count,
                                   stream->answer_has_body ? &provider : NULL) == 0
               ? ERR_OK
               : ERR_NOMEM;
}

/* Answers in the engine's own words; the consumer hears of the stream only as ABORT. */
static void
h2server_refuse(struct h2server *s, struct h2stream *stream, enum problem_code code,
                enum err reason)
{
    const struct problem problem = {.code = code};
    char buf[PROBLEM_BYTES_MAX];
    struct span body;
    h2server_end(s, stream, HTTP_EVENT_ABORT, reason);
    const struct http_header type = {SPAN_LIT("content-type"),
                                     SPAN_LIT("application/problem+json")};
    if (stream->answer != H2STREAM_NONE ||
        problem_write(&problem, buf, sizeof(buf), &body) != ERR_OK ||
        h2stream_push(&stream->out, body) != ERR_OK) {
        h2server_rst(s, stream->id, NGHTTP2_CANCEL);
        return;
    }
    const struct http_response r = {.status = problem_get(code)->status,
                                    .headers = &type,
                                    .header_count = 1,
                                    .has_length = true,
                                    .length = body.len};
    if (h2server_submit(s, stream, &r) != ERR_OK)
        h2server_rst(s, stream->id, NGHTTP2_INTERNAL_ERROR);
    stream->answer = H2STREAM_FINISHED;
}

/* Input, as nghttp2 calls it. A breach ends the feed at once. */

static int
h2server_breached(struct h2server *s, uint32_t code)
{
    if (s->breach == 0)
        s->breach = code;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int
h2server_on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *ctx)
{
    struct h2server *s = ctx;
    (void)session;
    const bool is_cheap = hd->type == NGHTTP2_PING || hd->type == NGHTTP2_SETTINGS ||
                          hd->type == NGHTTP2_PRIORITY || hd->type >= H2SERVER_FRAME_TYPES;
    if (is_cheap && !rate_bucket_take(&s->glitches, 1, s->now_ms))
        return h2server_breached(s, NGHTTP2_ENHANCE_YOUR_CALM);
    return 0;
}

/* Frames of types we do not know: counted above, their payload skipped. */
static int
h2server_on_unknown(nghttp2_session *session, const nghttp2_frame_hd *hd, const uint8_t *data,
                    size_t len, void *ctx)
{
    (void)session;
    (void)hd;
    (void)data;
    (void)len;
    (void)ctx;
    return NGHTTP2_ERR_CANCEL;
}

static int
h2server_on_unknown_end(nghttp2_session *session, void **payload, const nghttp2_frame_hd *hd,
                        void *ctx)
{
    (void)session;
    (void)payload;
    (void)hd;
    (void)ctx;
    return NGHTTP2_ERR_CANCEL;
}

static int
h2server_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2server *s = ctx;
    s->in_head = true;
    s->head_since_ms = s->now_ms;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0; /* trailers: decoded, not used */
    struct h2stream *stream = NULL;
    if (h2stream_new(frame->hd.stream_id, &stream) != ERR_OK)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    stream->window = (int32_t)s->config.stream_window;
    stream->given_since_ms = s->now_ms;
    stream->next = s->streams;
    s->streams = stream;
    s->stream_count++;
    return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
}

static int
h2server_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                   size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                   void *ctx)
{
    struct h2server *s = ctx;
    struct h2stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)flags;
    if (stream == NULL || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    h2stream_field(stream, span_of(name, name_len), span_of(value, value_len), &s->config.limits);
    if (stream->head_size > (size_t)H2SERVER_HEAD_FACTOR * HTTP_HEAD_BYTES_MAX &&
        ++s->too_large < H2SERVER_TOO_LARGE_MAX)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return s->too_large >= H2SERVER_TOO_LARGE_MAX ? h2server_breached(s, NGHTTP2_ENHANCE_YOUR_CALM)
                                                  : 0;
}

static int
h2server_on_head(struct h2server *s, struct h2stream *stream, bool has_body)
{
    enum problem_code code = PROBLEM_BAD_REQUEST;
    stream->has_head = true;
    if (!h2stream_is_good(stream, has_body, &code)) {
        if (stream->is_too_large && ++s->too_large >= H2SERVER_TOO_LARGE_MAX)
            return h2server_breached(s, NGHTTP2_ENHANCE_YOUR_CALM);
        h2server_refuse(s, stream, code, ERR_PROTOCOL);
        return 0;
    }
    stream->is_open = true;
    h2server_emit(s, stream, HTTP_EVENT_HEAD, span_of(NULL, 0), ERR_OK);
    return 0;
}

static int
h2server_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2server *s = ctx;
    struct h2stream *stream = h2server_find(s, frame->hd.stream_id);
    const bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool is_glitch = false;
    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        s->has_settings = true;
        break;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && s->rtt_ms == 0)
            s->rtt_ms = s->now_ms > s->ping_ms ? s->now_ms - s->ping_ms : 1;
        break;
    case NGHTTP2_RST_STREAM:
        if (!rate_bucket_take(&s->resets, 1, s->now_ms))
            return h2server_breached(s, NGHTTP2_ENHANCE_YOUR_CALM);
        break;
    case NGHTTP2_WINDOW_UPDATE:
        is_glitch = frame->window_update.window_size_increment < H2SERVER_TINY_UPDATE;
        break;
    case NGHTTP2_DATA:
        is_glitch = frame->hd.length <= frame->data.padlen && !is_end;
        break;
    case NGHTTP2_HEADERS:
        s->in_head = false;
        if (stream != NULL && !stream->has_head && h2server_on_head(s, stream, !is_end) != 0)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        break;
    default:
        break;
    }
    if (is_glitch && !rate_bucket_take(&s->glitches, 1, s->now_ms))
        return h2server_breached(s, NGHTTP2_ENHANCE_YOUR_CALM);
    if (stream != NULL && is_end &&
        (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
        stream->end_received = true;
        h2server_deliver(s, stream);
    }
    return 0;
}

static int
h2server_on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                 size_t len, void *ctx)
{
    struct h2server *s = ctx;
    struct h2stream *stream = h2server_find(s, id);
    (void)flags;
    if (stream == NULL || !stream->is_open) {
        (void)nghttp2_session_consume_connection(session, len); /* nobody wants it any more */
        return 0;
    }
    rate_meter_add(&stream->in_meter, len);
    struct span rest = span_of(data, len);
    if (h2stream_peek(&stream->in).len == 0)
        rest = span_from(rest, h2server_give(s, stream, rest));
    if (!stream->is_open) {
        (void)nghttp2_session_consume_connection(session, rest.len);
        return 0;
    }
    if (h2stream_push(&stream->in, rest) != ERR_OK)
        return h2server_breached(s, NGHTTP2_INTERNAL_ERROR);
    return 0;
}

static int
h2server_on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct h2server *s = ctx;
    struct h2stream *stream = h2server_find(s, id);
    if (stream == NULL)
        return 0;
    s->in_head = s->in_head && stream->has_head;
    const size_t waiting = h2stream_peek(&stream->in).len;
    if (waiting > 0)
        (void)nghttp2_session_consume_connection(session, waiting);
    (void)nghttp2_session_set_stream_user_data(session, id, NULL);
    struct h2stream **link = &s->streams;
    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    s->stream_count--;
    s->since_ms = s->now_ms;
    const bool is_done = code == NGHTTP2_NO_ERROR && stream->answer == H2STREAM_FINISHED;
    h2server_end(s, stream, is_done ? HTTP_EVENT_DONE : HTTP_EVENT_ABORT,
                 is_done ? ERR_OK : ERR_CANCELLED);
    h2stream_free(stream);
    return 0;
}

static int
h2server_on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2server *s = ctx;
    (void)session;
    if (frame->hd.type == NGHTTP2_RST_STREAM && !rate_bucket_take(&s->resets, 1, s->now_ms))
        return h2server_breached(s, NGHTTP2_ENHANCE_YOUR_CALM);
    const bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
                        (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS);
    struct h2stream *stream = h2server_find(s, frame->hd.stream_id);
    /* RFC 9113 8.1: the rest of the request is then not wanted. The reset that says so waits a
     * while, because clients in the middle of an upload (curl 7.88) take it for a failure and lose
     * the answer before it; most stop by themselves. */
    if (is_end && stream != NULL && !stream->end_received) {
        stream->linger_at_ms = s->now_ms + H2SERVER_LINGER_MS;
        h2server_end(s, stream, HTTP_EVENT_DONE, ERR_OK);
    }
    return 0;
}

/* The connection. */

static enum err
h2server_start(struct h2server *s)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, s->config.streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, s->config.stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, s->config.limits.head_bytes_max},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
    struct h2server_budget *budget = s->config.budget;
    s->window = NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE;
    if (budget->used + s->config.connection_window <= budget->limit) {
        budget->used += s->config.connection_window;
        s->budgeted = s->config.connection_window;
        s->window = (int32_t)s->config.connection_window;
    }
    s->ping_ms = s->now_ms;
    if (nghttp2_submit_settings(s->session, NGHTTP2_FLAG_NONE, settings,
                                sizeof(settings) / sizeof(settings[0])) != 0 ||
        nghttp2_session_set_local_window_size(s->session, NGHTTP2_FLAG_NONE, 0, s->window) != 0 ||
        nghttp2_submit_ping(s->session, NGHTTP2_FLAG_NONE, NULL) != 0)
        return ERR_NOMEM;
    return ERR_OK;
}

static enum err
h2server_open(struct h2server *s)
{
    nghttp2_session_callbacks *cb = NULL;
    nghttp2_option *option = NULL;
    if (nghttp2_session_callbacks_new(&cb) != 0)
        return ERR_NOMEM;
    if (nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(cb);
        return ERR_NOMEM;
    }
    nghttp2_session_callbacks_set_on_begin_frame_callback(cb, h2server_on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, h2server_on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, h2server_on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, h2server_on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, h2server_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, h2server_on_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, h2server_on_sent);
    nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(cb, h2server_on_unknown);
    nghttp2_session_callbacks_set_unpack_extension_callback(cb, h2server_on_unknown_end);
    /* nghttp2 passes over types nobody asked for without a word, so ask for all. */
    for (unsigned type = H2SERVER_FRAME_TYPES; type <= UINT8_MAX; type++)
        nghttp2_option_set_user_recv_extension_type(option, (uint8_t)type);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_continuations(option, H2SERVER_CONTINUATIONS_MAX);
    nghttp2_option_set_max_outbound_ack(option, H2SERVER_OUTBOUND_ACKS);
    nghttp2_option_set_stream_reset_rate_limit(option, s->config.reset_burst,
                                               s->config.reset_per_s);
    const int result = nghttp2_session_server_new2(&s->session, cb, s, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(cb);
    return result == 0 ? h2server_start(s) : ERR_NOMEM;
}

enum err
h2server_new(const struct h2server_config *config, int64_t now_ms, struct h2server **ret_server)
{
    struct h2server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    s->config = *config;
    s->now_ms = now_ms;
    s->since_ms = now_ms;
    rate_bucket_init(&s->resets, config->reset_burst, config->reset_per_s, now_ms);
    rate_bucket_init(&s->glitches, config->glitch_burst, config->glitch_per_s, now_ms);
    const enum err err = h2server_open(s);
    if (err != ERR_OK) {
        h2server_free(s);
        return err;
    }
    *ret_server = s;
    return ERR_OK;
}

static void
h2server_abort_all(struct h2server *s, enum err reason)
{
    for (struct h2stream *stream = s->streams; stream != NULL; stream = stream->next)
        h2server_end(s, stream, HTTP_EVENT_ABORT, reason);
}

void
h2server_free(struct h2server *s)
{
    if (s == NULL)
        return;
    s->is_busy = true;
    h2server_abort_all(s, ERR_CLOSED);
    nghttp2_session_del(s->session);
    while (s->streams != NULL) {
        struct h2stream *next = s->streams->next;
        h2stream_free(s->streams);
        s->streams = next;
    }
    s->config.budget->used -= s->budgeted;
    free(s);
}

static void
h2server_terminate(struct h2server *s, uint32_t code, enum err reason)
{
    if (s->is_terminated)
        return;
    s->is_terminated = true;
    (void)nghttp2_session_terminate_session(s->session, code);
    h2server_abort_all(s, reason);
}

enum err
h2server_feed(struct h2server *s, struct span in, int64_t now_ms)
{
    s->now_ms = now_ms;
    if (s->is_terminated)
        return ERR_OK; /* what still comes is not read */
    s->is_busy = true;
    const ssize_t used = nghttp2_session_mem_recv(s->session, in.ptr, in.len);
    s->is_busy = false;
    if (used >= 0 && s->breach == 0)
        return ERR_OK;
    h2server_terminate(s, s->breach != 0 ? s->breach : NGHTTP2_PROTOCOL_ERROR, ERR_PROTOCOL);
    return ERR_PROTOCOL;
}

void
h2server_eof(struct h2server *s)
{
    h2server_terminate(s, NGHTTP2_NO_ERROR, ERR_SHORT);
}

static size_t
h2server_room(struct h2server *s)
{
    if (s->out_at > 0) {
        memmove(s->out, s->out + s->out_at, s->out_len - s->out_at);
        s->out_len -= s->out_at;
        s->out_at = 0;
    }
    return H2SERVER_OUT_BYTES - s->out_len;
}

/* Many frames in one buffer, so that they share TLS records and system calls. */
static void
h2server_fill(struct h2server *s)
{
    while (s->out_len - s->out_at < H2SERVER_OUT_FILL) {
        if (s->pending.len == 0) {
            const uint8_t *ptr = NULL;
            const ssize_t len = nghttp2_session_mem_send(s->session, &ptr);
            if (len < 0 && !s->is_terminated) {
                h2server_terminate(s, s->breach != 0 ? s->breach : NGHTTP2_INTERNAL_ERROR,
                                   ERR_PROTOCOL);
                continue; /* the GOAWAY is still to be sent */
            }
            if (len <= 0)
                return;
            s->pending = span_of(ptr, (size_t)len);
        }
        const size_t room = h2server_room(s);
        const size_t len = s->pending.len < room ? s->pending.len : room;
        memcpy(s->out + s->out_len, s->pending.ptr, len);
        s->out_len += len;
        s->pending = span_from(s->pending, len);
    }
}

void
h2server_run(struct h2server *s, int64_t now_ms)
{
    s->now_ms = now_ms;
    s->is_busy = true;
    for (struct h2stream *stream = s->streams; stream != NULL; stream = stream->next) {
        h2server_deliver(s, stream);
        const bool waits = stream->is_open && stream->credit > 0 && !stream->end_received;
        rate_meter_run(&stream->in_meter, waits, now_ms);
        rate_meter_run(&stream->out_meter, h2stream_peek(&stream->out).len > 0, now_ms);
    }
    h2server_fill(s);
    for (struct h2stream *stream = s->streams; stream != NULL; stream = stream->next) {
        if (stream->is_open && stream->wants_writable && h2stream_peek(&stream->out).len == 0) {
            stream->wants_writable = false;
            h2server_emit(s, stream, HTTP_EVENT_WRITABLE, span_of(NULL, 0), ERR_OK);
        }
    }
    h2server_fill(s);
    if (s->is_draining && s->stream_count == 0)
        h2server_terminate(s, NGHTTP2_NO_ERROR, ERR_CLOSED);
    h2server_fill(s);
    if (!s->is_terminated && nghttp2_session_want_read(s->session) == 0) {
        s->is_terminated = true; /* by nghttp2 itself, for a connection error it saw */
        h2server_abort_all(s, ERR_PROTOCOL);
    }
    s->is_busy = false;
}

struct span
h2server_out(const struct h2server *s)
{
    return span_of(s->out + s->out_at, s->out_len - s->out_at);
}

void
h2server_out_taken(struct h2server *s, size_t len)
{
    assert(len <= s->out_len - s->out_at);
    s->out_at += len;
}

bool
h2server_wants_run(const struct h2server *s)
{
    for (const struct h2stream *stream = s->streams; stream != NULL; stream = stream->next) {
        if (stream->is_open && stream->credit > 0 && h2stream_peek(&stream->in).len > 0)
            return true;
    }
    return s->pending.len > 0 || nghttp2_session_want_write(s->session) != 0;
}

bool
h2server_is_closing(const struct h2server *s)
{
    return s->is_terminated ||
           (nghttp2_session_want_read(s->session) == 0 && !h2server_wants_run(s));
}

void
h2server_drain(struct h2server *s)
{
    if (s->is_draining || s->is_terminated)
        return;
    s->is_draining = true;
    (void)nghttp2_submit_goaway(s->session, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(s->session),
                                NGHTTP2_NO_ERROR, NULL, 0);
    h2server_wake(s);
}

bool
h2server_is_idle(const struct h2server *s)
{
    return s->stream_count == 0 && s->out_len == s->out_at;
}

static int64_t
h2server_idle_at(const struct h2server *s)
{
    const struct http_limits *l = &s->config.limits;
    if (s->in_head)
        return s->head_since_ms + l->head_ms;
    return s->stream_count > 0 ? INT64_MAX
                               : s->since_ms + (s->has_settings ? l->idle_ms : l->head_ms);
}

void
h2server_tick(struct h2server *s, int64_t now_ms)
{
    const struct http_limits *l = &s->config.limits;
    s->now_ms = now_ms;
    s->is_busy = true;
    for (struct h2stream *stream = s->streams; stream != NULL; stream = stream->next) {
        if (stream->linger_at_ms != 0 && now_ms >= stream->linger_at_ms) {
            stream->linger_at_ms = 0;
            h2server_rst(s, stream->id, NGHTTP2_NO_ERROR);
        } else if (rate_meter_is_slow(&stream->out_meter, l->min_out_rate, l->rate_ms, now_ms)) {
            h2server_end(s, stream, HTTP_EVENT_ABORT, ERR_TIMEOUT);
            h2server_rst(s, stream->id, NGHTTP2_CANCEL);
        } else if (rate_meter_is_slow(&stream->in_meter, l->min_in_rate, l->rate_ms, now_ms)) {
            rate_meter_run(&stream->in_meter, false, now_ms);
            h2server_refuse(s, stream, PROBLEM_TOO_SLOW, ERR_TIMEOUT);
        }
    }
    if (now_ms >= h2server_idle_at(s))
        h2server_terminate(s, s->in_head ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_NO_ERROR,
                           ERR_TIMEOUT);
    s->is_busy = false;
}

int64_t
h2server_deadline(const struct h2server *s)
{
    int64_t at = h2server_idle_at(s);
    for (const struct h2stream *stream = s->streams; stream != NULL; stream = stream->next) {
        const int64_t in = rate_meter_deadline(&stream->in_meter, s->config.limits.rate_ms);
        const int64_t out = rate_meter_deadline(&stream->out_meter, s->config.limits.rate_ms);
        at = in < at ? in : at;
        at = out < at ? out : at;
        if (stream->linger_at_ms != 0 && stream->linger_at_ms < at)
            at = stream->linger_at_ms;
    }
    return at;
}

/* The consumer's side. */

static struct h2stream *
h2server_open_stream(const struct h2server *s, uint32_t id)
{
    struct h2stream *stream = id > INT32_MAX ? NULL : h2server_find(s, (int32_t)id);
    return stream != NULL && stream->is_open ? stream : NULL;
}

enum err
h2server_grant(struct h2server *s, uint32_t id, uint64_t bytes)
{
    struct h2stream *stream = h2server_open_stream(s, id);
    if (stream == NULL)
        return ERR_NOT_FOUND;
    const uint64_t left = HTTP_CREDIT_ALL - stream->credit;
    stream->credit = bytes > left ? HTTP_CREDIT_ALL : stream->credit + bytes;
    h2server_wake(s);
    return ERR_OK;
}

enum err
h2server_inform(struct h2server *s, uint32_t id, const struct http_response *response)
{
    struct h2stream *stream = h2server_open_stream(s, id);
    if (stream == NULL)
        return ERR_NOT_FOUND;
    TRY(http_response_check(response));
    if (!http_may_inform(&stream->head, response->status))
        return ERR_DENIED;
    if (stream->answer != H2STREAM_NONE)
        return ERR_STATE;
    nghttp2_nv nv[HTTP_RESPONSE_HEADERS_MAX + 2];
    char status[4];
    char length[24];
    const size_t count = h2nv_response(response, false, status, length, nv);
    if (nghttp2_submit_headers(s->session, NGHTTP2_FLAG_NONE, stream->id, NULL, nv, count, NULL) !=
        0)
        return ERR_NOMEM;
    h2server_wake(s);
    return ERR_OK;
}

enum err
h2server_respond(struct h2server *s, uint32_t id, const struct http_response *response)
{
    struct h2stream *stream = h2server_open_stream(s, id);
    if (stream == NULL)
        return ERR_NOT_FOUND;
    TRY(http_response_check(response));
    if (response->status < 200)
        return ERR_RANGE;
    if (stream->answer != H2STREAM_NONE)
        return ERR_STATE;
    TRY(h2server_submit(s, stream, response));
    h2server_wake(s);
    return ERR_OK;
}

enum err
h2server_write(struct h2server *s, uint32_t id, struct span bytes, size_t *ret_len)
{
    struct h2stream *stream = h2server_open_stream(s, id);
    if (stream == NULL)
        return ERR_NOT_FOUND;
    if (stream->answer != H2STREAM_STARTED)
        return ERR_STATE;
    if (stream->answer_is_known && bytes.len > stream->answer_left)
        return ERR_RANGE;
    size_t len = bytes.len;
    if (stream->answer_has_body && len > 0) {
        const size_t held = h2stream_peek(&stream->out).len;
        const size_t room = H2STREAM_OUT_BYTES - held;
        stream->wants_writable = room < len;
        if (room == 0)
            return ERR_AGAIN;
        len = len < room ? len : room;
        TRY(h2stream_push(&stream->out, span_of(bytes.ptr, len)));
        h2server_resume(s, stream);
    }
    stream->answer_left -= stream->answer_is_known ? len : 0;
    *ret_len = len;
    return ERR_OK;
}

enum err
h2server_finish(struct h2server *s, uint32_t id)
{
    struct h2stream *stream = h2server_open_stream(s, id);
    if (stream == NULL)
        return ERR_NOT_FOUND;
    if (stream->answer != H2STREAM_STARTED)
        return ERR_STATE;
    if (stream->answer_has_body && stream->answer_is_known && stream->answer_left > 0) {
        h2server_end(s, stream, HTTP_EVENT_ABORT, ERR_SHORT);
        h2server_rst(s, stream->id, NGHTTP2_INTERNAL_ERROR);
        h2server_wake(s);
        return ERR_SHORT;
    }
    stream->answer = H2STREAM_FINISHED;
    h2server_resume(s, stream);
    return ERR_OK;
}

enum err
h2server_reset(struct h2server *s, uint32_t id)
{
    struct h2stream *stream = h2server_open_stream(s, id);
    if (stream == NULL)
        return ERR_NOT_FOUND;
    h2server_end(s, stream, HTTP_EVENT_ABORT, ERR_CANCELLED);
    h2server_rst(s, stream->id, NGHTTP2_INTERNAL_ERROR);
    h2server_wake(s);
    return ERR_OK;
}
