/* SPDX-License-Identifier: Apache-2.0 */
/* GET of a dataset that arrived. Conditions and ranges need its size and root, which clerk knows;
 * a digest that was asked for is computed in a first pass over the plaintext (kept for the next
 * request), because a digest after the data would have to be a trailer that most clients drop. */
#include <inttypes.h>
#include <stdio.h>

#include "crypto/digest.h"
#include "gateway/edge/edge_priv.h"
#include "schemas/json.h"
#include "schemas/text.h"

enum { EDGE_ITEM_NODES = 2048, EDGE_ITEM_MS = 30000 };

static void edge_data_pull(struct edge_exchange *x);

void
edge_etag(struct reply *r, const uint8_t root[static 32])
{
    char hex[65];
    char tag[68];
    if (text_hex(span_of(root, 32), hex, sizeof(hex)) != ERR_OK)
        return;
    (void)snprintf(tag, sizeof(tag), "\"%s\"", hex);
    reply_header(r, "etag", span_str(tag));
}

static const struct edge_digest *
edge_digest_of(const struct edge *e, const uint8_t transfer[static 16])
{
    for (size_t i = 0; i < EDGE_DIGESTS_MAX; i++) {
        if (e->digests[i].used && memcmp(e->digests[i].transfer, transfer, 16) == 0)
            return &e->digests[i];
    }
    return NULL;
}

/* -- what is sent
 * --------------------------------------------------------------------------------*/

/* RFC 6266, RFC 8187: the name in UTF-8, everything but letters, digits and "-._" escaped. */
static void
edge_data_name(struct reply *r, struct span name)
{
    char text[64 + 3 * 255];
    size_t len = (size_t)snprintf(text, sizeof(text), "attachment; filename*=UTF-8''");
    for (size_t i = 0; i < name.len && len + 4 < sizeof(text); i++) {
        const uint8_t c = name.ptr[i];
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
        len += (size_t)snprintf(text + len, sizeof(text) - len, plain ? "%c" : "%%%02X", c);
    }
    reply_header(r, "content-disposition", span_of(text, len));
}

static void
edge_data_digest(struct edge_exchange *x)
{
    char base64[64];
    char value[96];
    size_t len = 0;
    const struct edge_digest *d = edge_digest_of(x->edge, x->transfer);
    if (!x->wants_digest || d == NULL ||
        text_base64(span_of(d->sha256, 32), false, base64, sizeof(base64), &len) != ERR_OK)
        return;
    (void)snprintf(value, sizeof(value), "sha-256=:%s:", base64);
    reply_header(&x->reply, "repr-digest", span_str(value));
}

/* What every answer about the dataset says of it; the entity tag is there already. */
static void
edge_data_about(struct edge_exchange *x, struct span name)
{
    edge_data_name(&x->reply, name);
    edge_data_digest(x);
    reply_header(&x->reply, "accept-ranges", SPAN_LIT("bytes"));
    reply_header(&x->reply, "cache-control", SPAN_LIT("private, no-store"));
}

static void
edge_data_go(void *ctx, const struct p_pull_go *go)
{
    struct edge_exchange *x = ctx;
    char range[80];
    const uint64_t length = go->total == 0 ? 0 : go->last - go->first + 1;
    const bool partial = x->range.kind != FIELD_RANGE_NONE;
    edge_etag(&x->reply, go->root);
    edge_data_about(x, go->name);
    if (partial) {
        (void)snprintf(range, sizeof(range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, go->first,
                       go->last, go->total);
        reply_header(&x->reply, "content-range", span_str(range));
    }
    (void)reply_open(&x->reply, partial ? 206 : 200, "application/octet-stream", length);
}

static enum err
edge_data_bytes(void *ctx, struct span bytes, size_t *ret_len)
{
    struct edge_exchange *x = ctx;
    return x->reply.port->write(x->reply.conn, x->reply.stream, bytes, ret_len);
}

static void
edge_data_end(void *ctx, enum err err)
{
    struct edge_exchange *x = ctx;
    x->pull = NULL;
    if (err == ERR_OK)
        err = x->reply.port->finish(x->reply.conn, x->reply.stream);
    if (err == ERR_OK || x->is_over)
        return;
    if (x->reply.is_begun)
        reply_abort(&x->reply); /* cut: the client must not take it for whole */
    else
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
}

static void
edge_data_refused(void *ctx, const struct p_answer *p, struct msg *m)
{
    struct edge_exchange *x = ctx;
    x->pull = NULL;
    edge_answer(x, x->transfer, p, m);
}

/* -- the first pass
 * ------------------------------------------------------------------------------*/

static void
edge_hash_go(void *ctx, const struct p_pull_go *go)
{
    (void)ctx;
    (void)go;
}

static enum err
edge_hash_bytes(void *ctx, struct span bytes, size_t *ret_len)
{
    struct edge_exchange *x = ctx;
    TRY(digest_update(x->hash, bytes));
    *ret_len = bytes.len;
    return ERR_OK;
}

static void
edge_hash_end(void *ctx, enum err err)
{
    struct edge_exchange *x = ctx;
    struct edge *e = x->edge;
    struct edge_digest *d = &e->digests[e->digest_next];
    struct edge_digest fresh = {.used = true};
    x->pull = NULL;
    if (err == ERR_OK)
        err = digest_final(x->hash, fresh.sha256, sizeof(fresh.sha256));
    if (err != ERR_OK) {
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
        return;
    }
    memcpy(fresh.transfer, x->transfer, sizeof(fresh.transfer));
    *d = fresh;
    e->digest_next = (e->digest_next + 1) % EDGE_DIGESTS_MAX;
    edge_data_pull(x);
}

static void
edge_data_pull(struct edge_exchange *x)
{
    struct edge *e = x->edge;
    const bool hash = x->wants_digest && edge_digest_of(e, x->transfer) == NULL;
    const struct pull_sink sink = {x, hash ? edge_hash_go : edge_data_go,
                                   hash ? edge_hash_bytes : edge_data_bytes,
                                   hash ? edge_hash_end : edge_data_end, edge_data_refused};
    struct p_pull_open open = {.partner = span_str(x->who->name),
                               .first = hash ? 0 : x->first,
                               .last = hash ? UINT64_MAX : x->last};
    memcpy(open.cert, x->who->fingerprint, sizeof(open.cert));
    enum err err = ERR_OK;
    if (hash && x->hash == NULL)
        err = digest_new(DIGEST_SHA256, &x->hash);
    if (err == ERR_OK)
        err = pull_new(&e->pulls, x->transfer, &open, &sink, &x->pull);
    if (err != ERR_OK)
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
}

/* -- conditions and ranges
 * -----------------------------------------------------------------------*/

/* What clerk says of the dataset. */
struct edge_item {
    char root[65];
    uint8_t name[FIELD_KEY_MAX];
    size_t name_len;
    uint64_t total;
};

/* HEAD: the fields of the answer to GET. Nothing is opened, so no digest is made for it. */
static void
edge_data_head(struct edge_exchange *x, const struct edge_item *item)
{
    edge_data_about(x, span_of(item->name, item->name_len));
    if (reply_open(&x->reply, 200, "application/octet-stream", item->total))
        (void)!x->reply.port->finish(x->reply.conn, x->reply.stream);
}

/* RFC 9110 13.2.2: If-Match, If-None-Match, then If-Range with Range. */
static void
edge_data_conditions(struct edge_exchange *x, const struct edge_item *item)
{
    struct span value;
    char text[40];
    char tag[68];
    const struct span root = span_str(item->root);
    (void)snprintf(tag, sizeof(tag), "\"%s\"", item->root);
    if (http_header_get(x->head, "if-match", &value) != ERR_NOT_FOUND &&
        !field_has_etag(x->head, "if-match", false, root)) {
        edge_refuse(x, PROBLEM_PRECONDITION_FAILED, span_of(NULL, 0));
        return;
    }
    if (field_has_etag(x->head, "if-none-match", true, root)) {
        reply_header(&x->reply, "etag", span_str(tag));
        reply_header(&x->reply, "cache-control", SPAN_LIT("private, no-store"));
        reply_send(&x->reply, 304, NULL, span_of(NULL, 0));
        return;
    }
    if (x->head->method == HTTP_HEAD) {
        reply_header(&x->reply, "etag", span_str(tag));
        edge_data_head(x, item);
        return;
    }
    if (http_header_get(x->head, "if-range", &value) != ERR_NOT_FOUND &&
        !field_is_etag(x->head, "if-range", root))
        x->range.kind = FIELD_RANGE_NONE;
    if (field_range_of(&x->range, item->total, &x->first, &x->last) != ERR_OK) {
        (void)snprintf(text, sizeof(text), "bytes */%" PRIu64, item->total);
        reply_header(&x->reply, "content-range", span_str(text));
        edge_refuse(x, PROBLEM_RANGE_NOT_SATISFIABLE, span_of(NULL, 0));
        return;
    }
    if (x->range.kind == FIELD_RANGE_NONE)
        x->last = UINT64_MAX;
    edge_data_pull(x);
}

static enum err
edge_data_item_of(const struct json_doc *doc, struct edge_item *ret)
{
    struct span root;
    struct span name;
    int64_t bytes = 0;
    if (doc->nodes[0].type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need_str(doc, &doc->nodes[0], "root", sizeof(ret->root) - 1, &root, NULL));
    TRY(json_need_str(doc, &doc->nodes[0], "name", sizeof(ret->name), &name, NULL));
    TRY(json_need_int(doc, &doc->nodes[0], "bytes", 0, JSON_INT_MAX, &bytes, NULL));
    (void)snprintf(ret->root, sizeof(ret->root), "%.*s", (int)root.len, (const char *)root.ptr);
    if (name.len > 0)
        memcpy(ret->name, name.ptr, name.len);
    ret->name_len = name.len;
    ret->total = (uint64_t)bytes;
    return ERR_OK;
}

/* Out of the transfer object. */
static enum err
edge_data_item(const struct p_answer *p, struct edge_item *ret)
{
    struct json_doc doc;
    TRY(json_load(&doc, p->body, NULL));
    const enum err err = edge_data_item_of(&doc, ret);
    json_free(&doc);
    return err;
}

static enum err
edge_data_known(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct edge_exchange *x = ctx;
    struct p_answer p;
    struct edge_item item = {.total = 0};
    (void)chan;
    x->asked = NULL;
    if (err != ERR_OK) {
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
        return ERR_OK;
    }
    err = answer->type == MSG_ANSWER ? payload_answer_get(answer->body, &p) : ERR_PROTOCOL;
    if (err != ERR_OK) {
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
        return err;
    }
    if (p.status != 200 || p.code.len > 0)
        edge_answer(x, answer->transfer, &p, answer);
    else if (edge_data_item(&p, &item) == ERR_OK)
        edge_data_conditions(x, &item);
    else if (x->head->method == HTTP_HEAD)
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
    else
        edge_data_pull(x); /* too long for a message, or no root: the whole is always right */
    return ERR_OK;
}

void
edge_data(struct edge_exchange *x)
{
    struct span value;
    const struct http_request *h = x->head;
    if (field_transfer(x->params[0], x->transfer) != ERR_OK) {
        edge_refuse(x, PROBLEM_NOT_FOUND, span_of(NULL, 0));
        return;
    }
    x->last = UINT64_MAX;
    x->wants_digest = field_wants_sha256(h);
    field_range(h, &x->range);
    if (h->method == HTTP_GET && x->range.kind == FIELD_RANGE_NONE &&
        http_header_get(h, "if-match", &value) == ERR_NOT_FOUND &&
        http_header_get(h, "if-none-match", &value) == ERR_NOT_FOUND) {
        edge_data_pull(x);
        return;
    }
    edge_query_then(x, QUERY_INBOX_ITEM, span_of(NULL, 0), 0, edge_data_known);
}
