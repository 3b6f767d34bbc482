/* SPDX-License-Identifier: Apache-2.0 */
/* PUT of a dataset: everything a request can be refused for before its body is wanted, then the
 * upload does the rest. 100 is sent when the transfer exists, never before. */
#include "crypto/digest.h"
#include "gateway/edge/edge_priv.h"
#include "schemas/text.h"
#include "schemas/wire.h"

#include <stdio.h>
#include <stdlib.h>

enum { EDGE_AGREEMENT_MAX = 255 };

struct edge_put_parts {
    uint8_t agreement[EDGE_AGREEMENT_MAX];
    uint8_t name[FIELD_KEY_MAX + 1];
    uint8_t facts[48 * 1024];
    uint8_t fingerprint[64 * 1024];
    uint8_t digest[32];
    struct upload_request request;
    struct field_prefer prefer;
};

/* -- the upload's side
 * ---------------------------------------------------------------------------*/

static void
edge_put_on_go(void *ctx)
{
    struct edge_exchange *x = ctx;
    const struct http_response go_on = {.status = 100};
    if (x->head->expect_continue)
        (void)!x->reply.port->inform(x->reply.conn, x->reply.stream, &go_on);
}

static void
edge_put_on_credit(void *ctx, uint64_t bytes)
{
    struct edge_exchange *x = ctx;
    (void)!x->reply.port->grant(x->reply.conn, x->reply.stream, bytes);
}

static void
edge_put_on_answer(void *ctx, const uint8_t transfer[static 16], const struct p_answer *p,
                   struct msg *m)
{
    struct edge_exchange *x = ctx;
    char base64[64];
    char value[96];
    size_t len = 0;
    struct upload *u = x->upload;
    x->upload = NULL;
    /* What was received, for a client that asked; a replayed answer is about other bytes. */
    if (u != NULL && x->wants_digest && x->is_received && (p->flags & ANSWER_REPLAYED) == 0 &&
        p->status < 300 &&
        text_base64(span_of(upload_sha256(u), 32), false, base64, sizeof(base64), &len) == ERR_OK) {
        (void)snprintf(value, sizeof(value), "sha-256=:%s:", base64);
        reply_header(&x->reply, "repr-digest", span_str(value));
    }
    edge_answer(x, transfer, p, m);
}

/* -- the request
 * ---------------------------------------------------------------------------------*/

static bool
edge_put_refuse(struct edge_exchange *x, enum problem_code code, const char *detail)
{
    edge_refuse(x, code, span_str(detail));
    return false;
}

static bool
edge_put_body(struct edge_exchange *x)
{
    struct span value;
    const struct http_request *head = x->head;
    if (http_header_get(head, "content-encoding", &value) != ERR_NOT_FOUND)
        return edge_put_refuse(x, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                               "a dataset is sent as it is: without Content-Encoding");
    /* RFC 9110 14.5: a part would be taken for the whole. */
    if (http_header_get(head, "content-range", &value) != ERR_NOT_FOUND)
        return edge_put_refuse(x, PROBLEM_BAD_REQUEST,
                               "a PUT carries a whole dataset: send no Content-Range");
    /* RFC 9110 13.1.1: nothing is there yet that a tag could match. */
    if (http_header_get(head, "if-match", &value) != ERR_NOT_FOUND)
        return edge_put_refuse(x, PROBLEM_PRECONDITION_FAILED,
                               "each PUT is a new transfer: send no If-Match");
    /* An empty dataset is possible, but has to be meant. */
    if (!head->has_body && http_header_get(head, "content-length", &value) == ERR_NOT_FOUND)
        return edge_put_refuse(x, PROBLEM_LENGTH_REQUIRED, "");
    if (head->has_length && head->length > x->edge->config.dataset_bytes_max)
        return edge_put_refuse(x, PROBLEM_TOO_LARGE, "");
    return true;
}

static bool
edge_put_names(struct edge_exchange *x, struct edge_put_parts *p)
{
    struct p_upload_open *open = &p->request.open;
    const enum err err =
        field_segment(x->params[0], p->agreement, sizeof(p->agreement), &open->agreement);
    if (err != ERR_OK || !field_is_name(open->agreement, sizeof(p->agreement)))
        return edge_put_refuse(x, PROBLEM_UNKNOWN_AGREEMENT, "");
    if (field_segment(x->params[1], p->name, sizeof(p->name), &open->name) != ERR_OK ||
        !field_is_name(open->name, x->edge->config.name_bytes_max))
        return edge_put_refuse(x, PROBLEM_BAD_NAME, "");
    return true;
}

/* The one digest by which clerk tells datasets apart: the declared sha-256, or, when only a sha-512
 * was declared, a sha-256 of that under its name. */
static enum err
edge_put_digest(struct edge_put_parts *p)
{
    const struct field_digest *d = &p->request.declared;
    uint8_t named[128];
    struct wire_writer w;
    struct span bytes;
    if (!d->has_sha256 && !d->has_sha512)
        return ERR_OK;
    if (d->has_sha256) {
        memcpy(p->digest, d->sha256, sizeof(p->digest));
    } else {
        wire_writer_init(&w, named, sizeof(named));
        wire_put_vec32(&w, SPAN_LIT("sha-512"));
        wire_put_vec32(&w, span_of(d->sha512, sizeof(d->sha512)));
        TRY(wire_writer_finish(&w, &bytes));
        TRY(digest_sha256(bytes, p->digest));
    }
    p->request.open.digest = span_of(p->digest, sizeof(p->digest));
    return ERR_OK;
}

static bool
edge_put_fields(struct edge_exchange *x, struct edge_put_parts *p)
{
    struct p_upload_open *open = &p->request.open;
    const enum err facts = field_facts(x->head, x->edge->config.facts_bytes_max, p->facts,
                                       sizeof(p->facts), &open->facts);
    if (facts != ERR_OK)
        return edge_put_refuse(x, PROBLEM_BAD_FACTS,
                               facts == ERR_TOO_LARGE ? "Tdz-Facts: too long" : "");
    if (field_key(x->head, &open->idempotency_key) != ERR_OK)
        return edge_put_refuse(x, PROBLEM_BAD_REQUEST,
                               "Idempotency-Key: one of 1 to 255 printable ASCII bytes");
    const enum err digest = field_digests(x->head, &p->request.declared);
    if (digest == ERR_CONFLICT)
        return edge_put_refuse(x, PROBLEM_DIGEST_MISMATCH,
                               "Repr-Digest and Content-Digest name different bytes");
    if (digest != ERR_OK)
        return edge_put_refuse(x, PROBLEM_BAD_REQUEST,
                               "a digest field cannot be read: send sha-256=:BASE64:");
    if (edge_put_digest(p) != ERR_OK)
        return edge_put_refuse(x, PROBLEM_INTERNAL, "");
    field_prefer(x->head, &p->prefer);
    p->request.wait_ms = p->prefer.respond_async ? 0 : p->prefer.wait_s * 1000;
    x->is_async = p->prefer.respond_async;
    x->wants_digest = field_wants_sha256(x->head);
    return true;
}

/* What makes two requests the same: method, path as sent, facts, length, digest. */
static enum err
edge_put_fingerprint(const struct edge_exchange *x, struct edge_put_parts *p)
{
    struct wire_writer w;
    struct span bytes;
    struct p_upload_open *open = &p->request.open;
    wire_writer_init(&w, p->fingerprint, sizeof(p->fingerprint));
    wire_put_vec32(&w, SPAN_LIT("PUT"));
    wire_put_vec32(&w, x->head->path);
    wire_put_vec32(&w, open->facts);
    wire_put_u64(&w, open->length);
    wire_put_vec32(&w, open->digest);
    TRY(wire_writer_finish(&w, &bytes));
    return digest_sha256(bytes, open->fingerprint);
}

static void
edge_put_open(struct edge_exchange *x, struct edge_put_parts *p)
{
    struct p_upload_open *open = &p->request.open;
    open->partner = span_str(x->who->name);
    memcpy(open->cert, x->who->fingerprint, sizeof(open->cert));
    open->length = x->head->has_length ? x->head->length : UINT64_MAX;
    p->request.sink =
        (struct upload_sink){x, edge_put_on_go, edge_put_on_credit, edge_put_on_answer};
    if (!edge_put_body(x) || !edge_put_names(x, p) || !edge_put_fields(x, p))
        return;
    enum err err = edge_put_fingerprint(x, p);
    if (err == ERR_OK)
        err = upload_new(&x->edge->uploads, &p->request, &x->upload);
    if (err == ERR_FULL)
        edge_refuse(x, PROBLEM_TOO_MANY_UPLOADS, span_of(NULL, 0));
    else if (err == ERR_TOO_LARGE)
        edge_refuse(x, PROBLEM_HEADERS_TOO_LARGE, span_of(NULL, 0));
    else if (err != ERR_OK)
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
}

void
edge_put_begin(struct edge_exchange *x)
{
    struct edge_put_parts *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
        return;
    }
    edge_put_open(x, p);
    free(p);
}
