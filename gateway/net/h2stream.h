/* SPDX-License-Identifier: Apache-2.0 */
/* One stream of an HTTP/2 server: the head being built, bytes of the body that arrived before they
 * were granted, and bytes of the response that wait for the peer's window. No nghttp2 here. */
#ifndef TDZ_GATEWAY_NET_H2STREAM_H
#define TDZ_GATEWAY_NET_H2STREAM_H

#include "gateway/net/http.h"
#include "gateway/net/rate.h"

enum { H2STREAM_OUT_BYTES = 128 * 1024, H2STREAM_PROBLEM_ROOM = 8 * 1024 };

enum h2stream_answer { H2STREAM_NONE, H2STREAM_STARTED, H2STREAM_FINISHED };

/* Bytes in a buffer that grows on demand up to a limit its user enforces. */
struct h2stream_buffer {
    uint8_t *ptr;
    size_t at;
    size_t len;
    size_t cap;
};

struct h2stream {
    struct h2stream *next;
    int32_t id;
    struct http_request head;
    uint8_t *bytes; /* what the head's spans point into */
    size_t bytes_len;
    size_t head_size; /* as RFC 9113 6.5.2 counts */
    size_t fields;
    bool has_head; /* all of the head has arrived */
    bool is_too_large;
    bool is_bad;
    bool has_method;
    bool is_open; /* HEAD was given, DONE or ABORT was not */
    bool end_received;
    bool end_given;
    bool is_deferred; /* nghttp2 waits for more of the response */
    bool wants_writable;
    uint64_t credit;
    uint64_t given; /* since the window was last looked at */
    int64_t given_since_ms;
    int32_t window;
    enum h2stream_answer answer;
    bool answer_has_body;
    bool answer_is_known;
    uint64_t answer_left;
    struct h2stream_buffer in;
    struct h2stream_buffer out;
    int64_t linger_at_ms; /* answered early: when to stop waiting for the rest; 0: not so */
    struct rate_meter in_meter;
    struct rate_meter out_meter;
};

/* ERR_NOMEM. */
MUST_USE enum err h2stream_new(int32_t id, struct h2stream **ret_stream);
void h2stream_free(struct h2stream *s);

/* Adds a field of the request's head; what is wrong with it is kept in is_bad and is_too_large. */
void h2stream_field(struct h2stream *s, struct span name, struct span value,
                    const struct http_limits *limits);
/* Looks at the whole: true if it may be given to a consumer; else *ret_code says how to answer. */
bool h2stream_is_good(struct h2stream *s, bool has_body, enum problem_code *ret_code);

/* ERR_NOMEM. */
MUST_USE enum err h2stream_push(struct h2stream_buffer *b, struct span bytes);
struct span h2stream_peek(const struct h2stream_buffer *b);
void h2stream_pop(struct h2stream_buffer *b, size_t len);

#endif
