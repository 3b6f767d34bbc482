/* SPDX-License-Identifier: Apache-2.0 */
/* Input, as nghttp2 calls it. What only costs us is counted; a breach ends the feed at once. */
#include "gateway/net/h2server_priv.h"

enum {
    H2INPUT_TOO_LARGE_MAX = 3, /* heads beyond the limit, then the connection ends */
    H2INPUT_TINY_UPDATE = 64,  /* a WINDOW_UPDATE below this is work without gain */
    H2INPUT_HEAD_FACTOR = 4,   /* beyond limit times this a head is not even decoded further */
    H2INPUT_FRAME_TYPES = 10,  /* RFC 9113 types are below this */
    H2INPUT_LINGER_MS = 1000,  /* after an answer before the end of the request */
};

static int
h2input_breached(struct h2server *s, uint32_t code)
{
    if (s->breach == 0)
        s->breach = code;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int
h2input_on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *ctx)
{
    struct h2server *s = ctx;
    (void)session;
    const bool is_cheap = hd->type == NGHTTP2_PING || hd->type == NGHTTP2_SETTINGS ||
                          hd->type == NGHTTP2_PRIORITY || hd->type >= H2INPUT_FRAME_TYPES;
    if (is_cheap && !rate_bucket_take(&s->glitches, 1, s->now_ms))
        return h2input_breached(s, NGHTTP2_ENHANCE_YOUR_CALM);
    return 0;
}

/* Frames of types we do not know: counted above, their payload skipped. */
static int
h2input_on_unknown(nghttp2_session *session, const nghttp2_frame_hd *hd, const uint8_t *data,
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
h2input_on_unknown_end(nghttp2_session *session, void **payload, const nghttp2_frame_hd *hd,
                       void *ctx)
{
    (void)session;
    (void)payload;
    (void)hd;
    (void)ctx;
    return NGHTTP2_ERR_CANCEL;
}

static int
h2input_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
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
h2input_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                  size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *ctx)
{
    struct h2server *s = ctx;
    struct h2stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)flags;
    if (stream == NULL || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    h2stream_field(stream, span_of(name, name_len), span_of(value, value_len), &s->config.limits);
    if (stream->head_size > (size_t)H2INPUT_HEAD_FACTOR * HTTP_HEAD_BYTES_MAX &&
        ++s->too_large < H2INPUT_TOO_LARGE_MAX)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return s->too_large >= H2INPUT_TOO_LARGE_MAX ? h2input_breached(s, NGHTTP2_ENHANCE_YOUR_CALM)
                                                 : 0;
}

static int
h2input_on_head(struct h2server *s, struct h2stream *stream, bool has_body)
{
    enum problem_code code = PROBLEM_BAD_REQUEST;
    stream->has_head = true;
    if (!h2stream_is_good(stream, has_body, &code)) {
        if (stream->is_too_large && ++s->too_large >= H2INPUT_TOO_LARGE_MAX)
            return h2input_breached(s, NGHTTP2_ENHANCE_YOUR_CALM);
        h2answer_refuse(s, stream, code, ERR_PROTOCOL);
        return 0;
    }
    stream->is_open = true;
    h2server_emit(s, stream, HTTP_EVENT_HEAD, span_of(NULL, 0), ERR_OK);
    return 0;
}

static int
h2input_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
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
            return h2input_breached(s, NGHTTP2_ENHANCE_YOUR_CALM);
        break;
    case NGHTTP2_WINDOW_UPDATE:
        is_glitch = frame->window_update.window_size_increment < H2INPUT_TINY_UPDATE;
        break;
    case NGHTTP2_DATA:
        is_glitch = frame->hd.length <= frame->data.padlen && !is_end;
        break;
    case NGHTTP2_HEADERS:
        s->in_head = false;
        if (stream != NULL && !stream->has_head && h2input_on_head(s, stream, !is_end) != 0)
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        break;
    default:
        break;
    }
    if (is_glitch && !rate_bucket_take(&s->glitches, 1, s->now_ms))
        return h2input_breached(s, NGHTTP2_ENHANCE_YOUR_CALM);
    if (stream != NULL && is_end &&
        (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
        stream->end_received = true;
        h2window_deliver(s, stream);
    }
    return 0;
}

static int
h2input_on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
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
        rest = span_from(rest, h2window_give(s, stream, rest));
    if (!stream->is_open) {
        (void)nghttp2_session_consume_connection(session, rest.len);
        return 0;
    }
    if (h2stream_push(&stream->in, rest) != ERR_OK)
        return h2input_breached(s, NGHTTP2_INTERNAL_ERROR);
    return 0;
}

static int
h2input_on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
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
h2input_on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct h2server *s = ctx;
    (void)session;
    if (frame->hd.type == NGHTTP2_RST_STREAM && !rate_bucket_take(&s->resets, 1, s->now_ms))
        return h2input_breached(s, NGHTTP2_ENHANCE_YOUR_CALM);
    const bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
                        (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS);
    struct h2stream *stream = h2server_find(s, frame->hd.stream_id);
    /* RFC 9113 8.1: the rest of the request is then not wanted. The reset that says so waits a
     * while, because clients in the middle of an upload (curl 7.88) take it for a failure and lose
     * the answer before it; most stop by themselves. */
    if (is_end && stream != NULL && !stream->end_received) {
        stream->linger_at_ms = s->now_ms + H2INPUT_LINGER_MS;
        h2server_end(s, stream, HTTP_EVENT_DONE, ERR_OK);
    }
    return 0;
}

void
h2input_callbacks(nghttp2_session_callbacks *cb, nghttp2_option *option)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(cb, h2input_on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, h2input_on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, h2input_on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, h2input_on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, h2input_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, h2input_on_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, h2input_on_sent);
    nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(cb, h2input_on_unknown);
    nghttp2_session_callbacks_set_unpack_extension_callback(cb, h2input_on_unknown_end);
    /* nghttp2 passes over types nobody asked for without a word, so ask for all. */
    for (unsigned type = H2INPUT_FRAME_TYPES; type <= UINT8_MAX; type++)
        nghttp2_option_set_user_recv_extension_type(option, (uint8_t)type);
}
