/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server connection: bytes in, events out, responses in, bytes out. No sockets and no
 * clock; requests are served one after the other, pipelined ones wait in the owner's input. */
#ifndef TDZ_GATEWAY_NET_H1_H
#define TDZ_GATEWAY_NET_H1_H

#include "gateway/net/http.h"

/* Room for a response's head and its body in transit; a chunk never exceeds it. */
enum { H1_OUT_BYTES = 128 * 1024 };

struct h1;

/* ERR_NOMEM. */
MUST_USE enum err h1_new(const struct http_limits *limits, const struct http_sink *sink,
                         int64_t now_ms, struct h1 **ret_h1);
/* Gives ABORT with ERR_CLOSED for an open request, then frees. NULL is accepted. */
void h1_free(struct h1 *h);

/* Takes bytes of the client. *ret_len may be less than in.len: the rest is to be offered again
 * after credit, or after the response under way has left. ERR_PROTOCOL: the client broke the
 * protocol; a refusal may wait in h1_out and the connection is closing. ERR_TIMEOUT: it was closed
 * by a deadline before. */
MUST_USE enum err h1_feed(struct h1 *h, struct span in, int64_t now_ms, size_t *ret_len);
/* The client sent its last byte. An unfinished request is aborted with ERR_SHORT; the answer
 * to a finished one is still sent. */
void h1_eof(struct h1 *h);

/* Bytes for the client, valid until the next call. Taking the last of them, or none when there are
 * none, ends a finished response (DONE) or lets a waiting one go on (WRITABLE). */
struct span h1_out(const struct h1 *h);
void h1_out_taken(struct h1 *h, size_t len, int64_t now_ms);

/* The connection is to be closed as soon as h1_out is empty; what still comes is discarded. */
bool h1_is_closing(const struct h1 *h);
/* No more requests are taken after the one under way. */
void h1_drain(struct h1 *h);
bool h1_is_idle(const struct h1 *h);

/* Applies deadlines; h1_deadline says when next (INT64_MAX: never). */
void h1_tick(struct h1 *h, int64_t now_ms);
int64_t h1_deadline(const struct h1 *h);

/* The consumer's side. stream must be that of the request under way, or ERR_NOT_FOUND. */

/* Room for bytes more of the body. */
MUST_USE enum err h1_grant(struct h1 *h, uint32_t stream, uint64_t bytes);
/* A 100 or 104 before the response. ERR_DENIED: this client must not be sent it; ERR_STATE: the
 * response has begun; ERR_AGAIN: no room, drop it; and as http_response_check. */
MUST_USE enum err h1_inform(struct h1 *h, uint32_t stream, const struct http_response *response);
/* The head of the response. ERR_STATE: it was sent; ERR_FULL: larger than the buffer. */
MUST_USE enum err h1_respond(struct h1 *h, uint32_t stream, const struct http_response *response);
/* Some or all of bytes; after ERR_AGAIN or less than all comes WRITABLE. ERR_STATE: no head yet, or
 * finished; ERR_RANGE: more than the length said. */
MUST_USE enum err h1_write(struct h1 *h, uint32_t stream, struct span bytes, size_t *ret_len);
/* The response is complete. ERR_SHORT: less than its length was written; the connection closes so
 * that the client sees it, and ABORT comes. */
MUST_USE enum err h1_finish(struct h1 *h, uint32_t stream);
/* Gives the request up: the connection closes after what is in h1_out. ABORT comes. */
MUST_USE enum err h1_reset(struct h1 *h, uint32_t stream);

#endif
