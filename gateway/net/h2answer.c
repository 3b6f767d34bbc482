/* SPDX-License-Identifier: Apache-2.0 */
/* Responses on their way into nghttp2. */
#include "gateway/net/h2nv.h"
#include "gateway/net/h2server_priv.h"

static ssize_t
h2answer_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t cap, uint32_t *flags,
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

void
h2answer_resume(struct h2server *s, struct h2stream *stream)
{
    if (stream->is_deferred) {
        stream->is_deferred = false;
        (void)nghttp2_session_resume_data(s->session, stream->id);
    }
    h2server_wake(s);
}

enum err
h2answer_submit(struct h2server *s, struct h2stream *stream, const struct http_response *r)
{
    nghttp2_nv nv[HTTP_RESPONSE_HEADERS_MAX + 2];
    char status[4];
    char length[24];
    const bool with_length = r->has_length && r->status != 204 && r->status != 304;
    const size_t count = h2nv_response(r, with_length, status, length, nv);
    const nghttp2_data_provider provider = {.source = {.ptr = stream},
                                            .read_callback = h2answer_read};
    stream->answer = H2STREAM_STARTED;
    stream->answer_has_body = http_response_has_body(stream->head.method, r->status);
    stream->answer_is_known = r->has_length;
    stream->answer_left = r->length;
    return nghttp2_submit_response(s->session, stream->id, nv, count,
                                   stream->answer_has_body ? &provider : NULL) == 0
               ? ERR_OK
               : ERR_NOMEM;
}

void
h2answer_refuse(struct h2server *s, struct h2stream *stream, enum problem_code code,
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
    if (h2answer_submit(s, stream, &r) != ERR_OK)
        h2server_rst(s, stream->id, NGHTTP2_INTERNAL_ERROR);
    stream->answer = H2STREAM_FINISHED;
}
