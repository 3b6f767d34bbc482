/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the HTTP/2 server: the state that nghttp2's callbacks (h2input.c), the windows
 * (h2window.c), the answers (h2answer.c) and the calls of the consumer (h2server.c) share. Nobody
 * else includes it. */
#ifndef TDZ_GATEWAY_NET_H2SERVER_PRIV_H
#define TDZ_GATEWAY_NET_H2SERVER_PRIV_H

#include <nghttp2/nghttp2.h>

#include "gateway/net/h2server.h"
#include "gateway/net/h2stream.h"

enum { H2SERVER_OUT_BYTES = 256 * 1024 };

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

/* Has the connection come back to run, unless it is in the engine now. */
static inline void
h2server_wake(struct h2server *s)
{
    if (!s->is_busy && s->config.wake != NULL)
        s->config.wake(s->config.wake_ctx);
}

/* NULL: no such stream, or the connection itself. */
static inline struct h2stream *
h2server_find(const struct h2server *s, int32_t id)
{
    return id <= 0 ? NULL : nghttp2_session_get_stream_user_data(s->session, id);
}

/* Tells the consumer. */
static inline void
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

/* The last the consumer hears of it, once. */
static inline void
h2server_end(struct h2server *s, struct h2stream *stream, enum http_event_type type,
             enum err reason)
{
    if (!stream->is_open)
        return;
    stream->is_open = false;
    h2server_emit(s, stream, type, span_of(NULL, 0), reason);
}

/* Resets stream id with an error code of HTTP/2. */
static inline void
h2server_rst(struct h2server *s, int32_t id, uint32_t code)
{
    (void)nghttp2_submit_rst_stream(s->session, NGHTTP2_FLAG_NONE, id, code);
}

/* -- h2window.c: bytes of requests, by the consumer's credit and the peer's windows
 * ------------------------------------------------------------------------------------------ */

/* As much of data as the stream has credit for goes to the consumer; returns how much. */
size_t h2window_give(struct h2server *s, struct h2stream *stream, struct span data);
/* Hands on what waited for credit, then the end. */
void h2window_deliver(struct h2server *s, struct h2stream *stream);

/* -- h2answer.c: responses -----------------------------------------------------------------------
 */

/* ERR_NOMEM. */
MUST_USE enum err h2answer_submit(struct h2server *s, struct h2stream *stream,
                                  const struct http_response *r);
/* There is more of the body, or its end. */
void h2answer_resume(struct h2server *s, struct h2stream *stream);
/* Answers in the engine's own words; the consumer hears of the stream only as ABORT. */
void h2answer_refuse(struct h2server *s, struct h2stream *stream, enum problem_code code,
                     enum err reason);

/* -- h2input.c: what the peer sends, as nghttp2 tells it ------------------------------------------
 */

/* Sets every callback, and the frame types it is to be asked about. */
void h2input_callbacks(nghttp2_session_callbacks *cb, nghttp2_option *option);

#endif
