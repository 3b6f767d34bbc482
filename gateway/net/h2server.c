/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/h2server.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/net/h2nv.h"
#include "gateway/net/h2server_priv.h"

enum {
    H2SERVER_OUT_FILL = 128 * 1024, /* stop asking nghttp2 for more beyond this */
    H2SERVER_CONTINUATIONS_MAX = 8,
    H2SERVER_OUTBOUND_ACKS = 64,
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
    h2input_callbacks(cb, option);
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
        h2window_deliver(s, stream);
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
            h2answer_refuse(s, stream, PROBLEM_TOO_SLOW, ERR_TIMEOUT);
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
    TRY(h2answer_submit(s, stream, response));
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
        h2answer_resume(s, stream);
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
    h2answer_resume(s, stream);
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
