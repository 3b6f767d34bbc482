/* SPDX-License-Identifier: Apache-2.0 */
/* Flow control: what the consumer has taken opens the windows again, and they grow with the round
 * trip as far as the budget of the process goes. */
#include "gateway/net/h2server_priv.h"

enum { H2WINDOW_RTT_SLACK_MS = 5 };

/* What leaves towards the consumer opens the windows again, and nothing else does. */
static void
h2window_consumed(struct h2server *s, const struct h2stream *stream, size_t len)
{
    if (stream->is_open)
        (void)nghttp2_session_consume(s->session, stream->id, len);
    else
        (void)nghttp2_session_consume_connection(s->session, len);
}

/* A window is too small when its peer fills it within about one round trip. Growth is paid from
 * the budget of the process; the connection's window bounds what all its streams can hold. */
static void
h2window_grow(struct h2server *s, struct h2stream *stream, size_t len)
{
    stream->given += len;
    if (stream->given < (uint64_t)stream->window)
        return;
    const int64_t passed = s->now_ms - stream->given_since_ms;
    const int64_t limit = s->rtt_ms + s->rtt_ms / 2 + H2WINDOW_RTT_SLACK_MS;
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

size_t
h2window_give(struct h2server *s, struct h2stream *stream, struct span data)
{
    const size_t len = data.len < stream->credit ? data.len : (size_t)stream->credit;
    if (len == 0)
        return 0;
    if (stream->credit != HTTP_CREDIT_ALL)
        stream->credit -= len;
    h2server_emit(s, stream, HTTP_EVENT_DATA, span_of(data.ptr, len), ERR_OK);
    h2window_consumed(s, stream, len);
    h2window_grow(s, stream, len);
    return len;
}

void
h2window_deliver(struct h2server *s, struct h2stream *stream)
{
    while (stream->is_open && stream->credit > 0 && h2stream_peek(&stream->in).len > 0)
        h2stream_pop(&stream->in, h2window_give(s, stream, h2stream_peek(&stream->in)));
    if (stream->is_open && stream->end_received && !stream->end_given &&
        h2stream_peek(&stream->in).len == 0) {
        stream->end_given = true;
        h2server_emit(s, stream, HTTP_EVENT_END, span_of(NULL, 0), ERR_OK);
    }
}
