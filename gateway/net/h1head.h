/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1.1 request: the strictest reading of RFC 9112, so that no server beside us
 * can see another message in the same bytes. */
#ifndef TDZ_GATEWAY_NET_H1HEAD_H
#define TDZ_GATEWAY_NET_H1HEAD_H

#include "gateway/net/http.h"

struct h1head {
    struct http_request request;
    bool is_chunked;
    bool wants_close;
};

/* Reads one head: bytes is everything from the method to the empty line, both included; names are
 * lowered in place and the request's spans point into it. On refusal *ret_code says how to answer,
 * and the connection must be closed. ERR_SYNTAX (bad-request, length-required), ERR_TOO_LARGE
 * (headers-too-large, uri-too-long), ERR_UNSUPPORTED (not-implemented). */
MUST_USE enum err h1head_parse(uint8_t *bytes, size_t len, const struct http_limits *limits,
                               struct h1head *ret_head, enum problem_code *ret_code);

#endif
