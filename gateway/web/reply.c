/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { REPLY_FILE_BLOCK = 8192, REPLY_DETAIL_MAX = 1024 };

void
reply_init(struct reply *r, const struct reply_port *port, void *conn, uint32_t stream,
           bool is_head)
{
    memset(r, 0, sizeof(*r));
    r->port = port;
    r->conn = conn;
    r->stream = stream;
    r->is_head = is_head;
    r->file = -1;
}

void
reply_finish(struct reply *r)
{
    free(r->body);
    r->body = NULL;
    if (r->file >= 0)
        (void)close(r->file);
    r->file = -1;
}

void
reply_header(struct reply *r, const char *name, struct span value)
{
    if (r->header_count == REPLY_HEADERS_MAX || value.len > REPLY_TEXT_MAX - r->text_len ||
        !http_is_value(value))
        return;
    char *copy = r->text + r->text_len;
    if (value.len > 0)
        memcpy(copy, value.ptr, value.len);
    r->text_len += value.len;
    r->headers[r->header_count++] = (struct http_header){span_str(name), span_of(copy, value.len)};
}

void
reply_abort(struct reply *r)
{
    r->is_begun = true;
    /* ERR_NOT_FOUND: it is over already. */
    (void)!r->port->reset(r->conn, r->stream);
}

static enum err
reply_push_memory(struct reply *r)
{
    while (r->body_at < r->body_len) {
        size_t len = 0;
        TRY(r->port->write(r->conn, r->stream,
                           span_of(r->body + r->body_at, r->body_len - r->body_at), &len));
        r->body_at += len;
    }
    return ERR_OK;
}

static enum err
reply_push_file(struct reply *r)
{
    uint8_t block[REPLY_FILE_BLOCK];
    while (r->file_at < r->file_len) {
        const uint64_t left = r->file_len - r->file_at;
        const size_t want = left < sizeof(block) ? (size_t)left : sizeof(block);
        const ssize_t got = pread(r->file, block, want, (off_t)r->file_at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_IO;
        size_t len = 0;
        TRY(r->port->write(r->conn, r->stream, span_of(block, (size_t)got), &len));
        r->file_at += len;
    }
    return ERR_OK;
}

void
reply_writable(struct reply *r)
{
    enum err err = reply_push_memory(r);
    if (err == ERR_OK && r->file >= 0)
        err = reply_push_file(r);
    if (err == ERR_AGAIN)
        return;
    if (err == ERR_OK)
        err = r->port->finish(r->conn, r->stream);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        reply_abort(r);
}

bool
reply_open(struct reply *r, uint16_t status, const char *type, uint64_t len)
{
    if (r->is_begun)
        return false;
    if (type != NULL)
        reply_header(r, "content-type", span_str(type));
    const struct http_response head = {.status = status,
                                       .headers = r->headers,
                                       .header_count = r->header_count,
                                       .has_length = true,
                                       .length = len};
    r->is_begun = true;
    const enum err err = r->port->respond(r->conn, r->stream, &head);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        reply_abort(r);
    return err == ERR_OK;
}

static void
reply_begin(struct reply *r, uint16_t status, const char *type, uint64_t len)
{
    if (!reply_open(r, status, type, len))
        return;
    if (r->is_head) {
        r->body_at = r->body_len;
        r->file_at = r->file_len;
    }
    reply_writable(r);
}

void
reply_send(struct reply *r, uint16_t status, const char *type, struct span body)
{
    if (r->is_begun)
        return;
    if (body.len > 0) {
        r->body = body.len <= REPLY_BODY_MAX ? malloc(body.len) : NULL;
        if (r->body == NULL) {
            reply_abort(r);
            return;
        }
        memcpy(r->body, body.ptr, body.len);
    }
    r->body_len = body.len;
    reply_begin(r, status, type, body.len);
}

void
reply_send_file(struct reply *r, uint16_t status, const char *type, int file, uint64_t len)
{
    if (r->is_begun) {
        (void)close(file);
        return;
    }
    r->file = file;
    r->file_len = len;
    reply_begin(r, status, type, len);
}

void
reply_problem(struct reply *r, const struct problem *problem)
{
    struct problem p = *problem;
    const size_t cap = PROBLEM_BYTES_MAX + REPLY_DETAIL_MAX + p.decision.len;
    struct span body;
    if (r->is_begun)
        return;
    if (p.detail.len > REPLY_DETAIL_MAX)
        p.detail = span_of(NULL, 0);
    char *buf = malloc(cap);
    enum err err = buf == NULL ? ERR_NOMEM : problem_write(&p, buf, cap, &body);
    if (err == ERR_UTF8) {
        p.detail = span_of(NULL, 0);
        err = problem_write(&p, buf, cap, &body);
    }
    if (err == ERR_OK)
        reply_send(r, problem_get(p.code)->status, "application/problem+json", body);
    else
        reply_abort(r);
    free(buf);
}

void
reply_code(struct reply *r, enum problem_code code, struct span detail)
{
    const struct problem problem = {.code = code, .detail = detail};
    reply_problem(r, &problem);
}
