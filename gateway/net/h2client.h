/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/2 client connection over nghttp2, for the corridor: many requests at once, bodies pulled
 * from a callback as the peer's window opens, responses under credit, PING to see that the path
 * lives. Bytes in, bytes out; no sockets, no clock. */
#ifndef TDZ_GATEWAY_NET_H2CLIENT_H
#define TDZ_GATEWAY_NET_H2CLIENT_H

#include "gateway/net/http.h"

struct h2client_response {
    uint16_t status;
    size_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
};

enum h2client_event_type {
    H2CLIENT_HEAD,  /* the response begins: response, valid until END or ABORT returns */
    H2CLIENT_DATA,  /* bytes of it, never more than was granted: data */
    H2CLIENT_END,   /* last: it is complete */
    H2CLIENT_ABORT, /* last: it will not be: reason */
};

struct h2client_event {
    enum h2client_event_type type;
    uint32_t stream;
    void *tag; /* of the request */
    const struct h2client_response *response;
    struct span data;
    enum err reason; /* ERR_CANCELLED: reset, by either side; ERR_CLOSED, ERR_SHORT, ERR_TIMEOUT,
                      * ERR_PROTOCOL: the connection's end */
};

struct h2client_config {
    void (*event)(void *ctx, const struct h2client_event *event);
    void *event_ctx;
    void (*wake)(void *ctx); /* something is to be sent although no byte came; may be NULL */
    void *wake_ctx;
    uint32_t stream_window;
    uint32_t connection_window;
    uint32_t ping_ms;      /* a PING when so long nothing came */
    uint32_t ping_wait_ms; /* and the end when its answer does not come */
};

/* 256 KiB, 1 MiB, 20 s, 15 s. */
struct h2client_config h2client_config_default(void);

/* What the body is read from. ERR_AGAIN: nothing now, h2client_resume follows; any other error
 * resets the stream. *ret_end with the last bytes (of which there may be none). */
struct h2client_body {
    enum err (*read)(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len, bool *ret_end);
    void *ctx;
};

struct h2client_request {
    enum http_method method;
    struct span authority;
    struct span target;
    const struct http_header *headers; /* lower-case names; copied */
    size_t header_count;               /* <= HTTP_RESPONSE_HEADERS_MAX */
    bool has_body;
    bool has_length;
    uint64_t length;
    struct h2client_body body; /* its ctx lives until END or ABORT */
    void *tag;
};

struct h2client;

/* ERR_NOMEM. */
MUST_USE enum err h2client_new(const struct h2client_config *config, int64_t now_ms,
                               struct h2client **ret_client);
/* Every open request gets ABORT with ERR_CLOSED. NULL is accepted. */
void h2client_free(struct h2client *c);

/* Begins a request; more than the peer allows at once wait. ERR_SYNTAX, ERR_FULL: as
 * http_response_check, for its headers; ERR_CLOSED: no new requests on this connection (open
 * another); ERR_NOMEM. */
MUST_USE enum err h2client_begin(struct h2client *c, const struct h2client_request *request,
                                 uint32_t *ret_stream);
/* ERR_NOT_FOUND: the request is over. */
MUST_USE enum err h2client_grant(struct h2client *c, uint32_t stream, uint64_t bytes);
MUST_USE enum err h2client_resume(struct h2client *c, uint32_t stream);
/* No more of it; ABORT with ERR_CANCELLED comes at once. */
MUST_USE enum err h2client_cancel(struct h2client *c, uint32_t stream);

/* As in h2server.h. ERR_PROTOCOL: the peer broke the protocol; the connection is closing. */
MUST_USE enum err h2client_feed(struct h2client *c, struct span in, int64_t now_ms);
void h2client_eof(struct h2client *c);
void h2client_run(struct h2client *c, int64_t now_ms);
struct span h2client_out(const struct h2client *c);
void h2client_out_taken(struct h2client *c, size_t len);
bool h2client_wants_run(const struct h2client *c);

/* False once the peer said GOAWAY or the connection is closing. */
bool h2client_can_begin(const struct h2client *c);
bool h2client_is_closing(const struct h2client *c);
size_t h2client_open_count(const struct h2client *c);
/* ERR_TIMEOUT: the peer does not answer; all requests are aborted, close at once. */
MUST_USE enum err h2client_tick(struct h2client *c, int64_t now_ms);
int64_t h2client_deadline(const struct h2client *c);
/* Milliseconds of the last PING's round trip; 0: not measured. */
int64_t h2client_rtt(const struct h2client *c);

#endif
