/* SPDX-License-Identifier: Apache-2.0 */
/* One response under way: a head with its fields, and a body from memory or from a file that is
 * written as the connection has room. Owned by whoever answers the request; the connection is
 * reached through a port, so that handlers can be tested without one. */
#ifndef TDZ_GATEWAY_WEB_REPLY_H
#define TDZ_GATEWAY_WEB_REPLY_H

#include "gateway/net/http.h"
#include "schemas/problem.h"

/* The consumer's side of a connection, as in gateway/net/conn.h. */
struct reply_port {
    enum err (*grant)(void *conn, uint32_t stream, uint64_t bytes);
    enum err (*inform)(void *conn, uint32_t stream, const struct http_response *response);
    enum err (*respond)(void *conn, uint32_t stream, const struct http_response *response);
    enum err (*write)(void *conn, uint32_t stream, struct span bytes, size_t *ret_len);
    enum err (*finish)(void *conn, uint32_t stream);
    enum err (*reset)(void *conn, uint32_t stream);
};

enum { REPLY_HEADERS_MAX = 16, REPLY_TEXT_MAX = 2048 };
/* A body in memory; what is longer comes as a file. */
enum { REPLY_BODY_MAX = 2 * 1024 * 1024 };

struct reply {
    const struct reply_port *port;
    void *conn;
    uint32_t stream;
    bool is_begun; /* a head was sent, or the stream was given up: nothing more may be */
    bool is_head;  /* HEAD: lengths are named, no body is sent */
    struct http_header headers[REPLY_HEADERS_MAX];
    size_t header_count;
    char text[REPLY_TEXT_MAX]; /* values of headers */
    size_t text_len;
    uint8_t *body; /* owned; NULL when there is none or it is a file */
    size_t body_len;
    size_t body_at;
    int file; /* owned; -1: none */
    uint64_t file_len;
    uint64_t file_at;
};

void reply_init(struct reply *r, const struct reply_port *port, void *conn, uint32_t stream,
                bool is_head);
/* Frees body and file; does nothing to the stream. */
void reply_finish(struct reply *r);

/* Adds a field before the head is sent; value is copied. Fields that do not fit, or are no field
 * values, are left out: they are all additions to an answer that stands without them. name is a
 * literal in lower case. */
void reply_header(struct reply *r, const char *name, struct span value);

/* Sends the head with content type (NULL: none) and as much of the body as there is room for;
 * the rest on reply_writable. A reply that cannot be made gives the stream up. */
void reply_send(struct reply *r, uint16_t status, const char *type, struct span body);
/* The same with the len bytes of file (owned from now on, also on failure). */
void reply_send_file(struct reply *r, uint16_t status, const char *type, int file, uint64_t len);
/* Sends the head only: the caller writes len bytes through the port and finishes. False: the
 * stream is gone. */
bool reply_open(struct reply *r, uint16_t status, const char *type, uint64_t len);
/* A problem document of the table. */
void reply_problem(struct reply *r, const struct problem *problem);
void reply_code(struct reply *r, enum problem_code code, struct span detail);
/* There is room again. */
void reply_writable(struct reply *r);
/* Gives the stream up. */
void reply_abort(struct reply *r);

#endif
