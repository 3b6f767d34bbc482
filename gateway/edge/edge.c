/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/edge/edge.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "gateway/edge/edge_priv.h"
#include "schemas/text.h"

enum { EDGE_ANSWER_MAX = 1024 * 1024, EDGE_ASK_GRACE_MS = 30000 };

static const struct route edge_table[PARTNER_ROUTE_COUNT] = {
#define PARTNER_ROUTE(NAME, methods, pattern, roles, body_max, handler) {methods, pattern, roles},
#include "gateway/edge/partner_route.def"
#undef PARTNER_ROUTE
};

/* What a route reads, and who answers when it is read. */
static const struct {
    size_t body_max;
    void (*handler)(struct edge_exchange *x);
} edge_handlers[PARTNER_ROUTE_COUNT] = {
#define PARTNER_ROUTE(NAME, methods, pattern, roles, body_max, handler) {body_max, handler},
#include "gateway/edge/partner_route.def"
#undef PARTNER_ROUTE
};

const struct route *
edge_routes(void)
{
    return edge_table;
}

/* -- exchanges
 * -----------------------------------------------------------------------------------*/

static void
edge_reap(void *ctx)
{
    struct edge *e = ctx;
    while (e->over != NULL) {
        struct edge_exchange *x = e->over;
        e->over = x->next;
        reply_finish(&x->reply);
        digest_free(x->hash);
        free(x->body);
        free(x);
    }
}

static struct edge_exchange *
edge_find(struct edge *e, const void *conn, uint32_t stream)
{
    for (struct edge_exchange *x = e->exchanges; x != NULL; x = x->next) {
        if (x->reply.conn == conn && x->reply.stream == stream)
            return x;
    }
    return NULL;
}

/* The stream is over: what was begun for it ends, or goes on alone. */
static void
edge_close(struct edge_exchange *x, enum err reason)
{
    struct edge *e = x->edge;
    const enum upload_outcome outcome = reason == ERR_TIMEOUT    ? UPLOAD_TOO_SLOW
                                        : reason == ERR_PROTOCOL ? UPLOAD_MALFORMED
                                                                 : UPLOAD_ABORTED;
    x->is_over = true;
    if (x->asked != NULL)
        chan_cancel(x->asked, x->asked_seq);
    x->asked = NULL;
    if (x->upload != NULL)
        upload_leave(x->upload, outcome);
    x->upload = NULL;
    if (x->pull != NULL)
        pull_leave(x->pull);
    x->pull = NULL;
    *x->link = x->next;
    if (x->next != NULL)
        x->next->link = x->link;
    x->next = e->over;
    e->over = x;
    loop_defer_post(e->reaper);
}

void
edge_refuse(struct edge_exchange *x, enum problem_code code, struct span detail)
{
    x->edge->stats.refused++;
    if (problem_get(code)->retryable)
        reply_header(&x->reply, "retry-after", SPAN_LIT("2"));
    reply_code(&x->reply, code, detail);
}

/* -- answers of clerk
 * ----------------------------------------------------------------------------*/

static void
edge_answer_headers(struct edge_exchange *x, const uint8_t transfer[static 16],
                    const struct p_answer *p)
{
    char text[128];
    char hex[33];
    struct reply *r = &x->reply;
    const bool named = (p->flags & (ANSWER_TRANSFER | ANSWER_LOCATION)) != 0 &&
                       text_hex(span_of(transfer, 16), hex, sizeof(hex)) == ERR_OK;
    if (named)
        reply_header(r, "tdz-transfer", span_str(hex));
    if (named && (p->flags & ANSWER_LOCATION) != 0 && p->status >= 200 && p->status < 300) {
        (void)snprintf(text, sizeof(text), "/v1/transfers/%s", hex);
        reply_header(r, "location", span_str(text));
    }
    if (p->retry_after_s > 0) {
        (void)snprintf(text, sizeof(text), "%u", (unsigned)p->retry_after_s);
        reply_header(r, "retry-after", span_str(text));
    }
    if ((p->flags & ANSWER_REPLAYED) != 0)
        reply_header(r, "idempotency-replayed", SPAN_LIT("true"));
    if (p->link.len > 0)
        reply_header(r, "link", p->link);
    if (x->is_async && p->status == 202)
        reply_header(r, "preference-applied", SPAN_LIT("respond-async"));
    reply_header(r, "cache-control", SPAN_LIT("no-store"));
}

/* The file of a long body, whole. The caller frees *ret. */
static enum err
edge_read_file(int fd, uint8_t **ret, size_t *ret_len)
{
    struct stat st;
    size_t len = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0 ||
        st.st_size > EDGE_ANSWER_MAX)
        return ERR_IO;
    uint8_t *buf = malloc((size_t)st.st_size + 1);
    if (buf == NULL)
        return ERR_NOMEM;
    while (len < (size_t)st.st_size) {
        const ssize_t got = pread(fd, buf + len, (size_t)st.st_size - len, (off_t)len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            free(buf);
            return ERR_IO;
        }
        len += (size_t)got;
    }
    *ret = buf;
    *ret_len = len;
    return ERR_OK;
}

static void
edge_answer_problem(struct edge_exchange *x, const struct p_answer *p, struct span decision)
{
    struct problem problem = {.code = PROBLEM_INTERNAL, .detail = p->detail, .decision = decision};
    if (problem_find(p->code, &problem.code) != ERR_OK)
        problem = (struct problem){.code = PROBLEM_INTERNAL};
    x->edge->stats.refused++;
    reply_problem(&x->reply, &problem);
}

static bool
edge_file_size(int fd, uint64_t *ret_len)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
        return false;
    *ret_len = (uint64_t)st.st_size;
    return true;
}

void
edge_answer(struct edge_exchange *x, const uint8_t transfer[static 16], const struct p_answer *p,
            struct msg *m)
{
    int fd = m == NULL ? -1 : msg_take_fd(m, 0);
    uint8_t *read = NULL;
    size_t len = 0;
    uint64_t size = 0;
    edge_answer_headers(x, transfer, p);
    const bool good = p->code.len > 0 || (p->status >= 200 && p->status <= 299);
    if (!good || (fd >= 0 && !edge_file_size(fd, &size))) {
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
    } else if (p->code.len == 0 && fd >= 0) {
        reply_send_file(&x->reply, p->status, "application/json", fd, size);
        fd = -1;
    } else if (p->code.len == 0) {
        reply_send(&x->reply, p->status, p->body.len == 0 ? NULL : "application/json", p->body);
    } else if (fd >= 0 && edge_read_file(fd, &read, &len) != ERR_OK) {
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
    } else {
        edge_answer_problem(x, p, fd >= 0 ? span_of(read, len) : p->body);
    }
    free(read);
    if (fd >= 0)
        (void)close(fd);
}

/* -- questions
 * -----------------------------------------------------------------------------------*/

bool
edge_ask(struct edge_exchange *x, enum role_id role, const struct msg *m, uint32_t deadline_ms,
         CHAN_ANSWER_FN(fn))
{
    struct edge *e = x->edge;
    struct chan *chan = e->config.chan(e->config.ctx, role, 0);
    const enum err err =
        chan == NULL ? ERR_ROLE_LOST : chan_ask(chan, m, deadline_ms, fn, x, &x->asked_seq);
    if (err == ERR_OK) {
        x->asked = chan;
        return true;
    }
    edge_refuse(x, err == ERR_TOO_LARGE ? PROBLEM_TOO_LARGE : PROBLEM_INTERNAL, span_of(NULL, 0));
    return false;
}

static enum err
edge_on_answer(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct edge_exchange *x = ctx;
    struct p_answer p;
    (void)chan;
    x->asked = NULL;
    if (err != ERR_OK) {
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
        return ERR_OK;
    }
    err = answer->type == MSG_ANSWER ? payload_answer_get(answer->body, &p) : ERR_PROTOCOL;
    if (err == ERR_OK)
        edge_answer(x, answer->transfer, &p, answer);
    else
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
    return err;
}

void
edge_query_then(struct edge_exchange *x, enum query_kind what, struct span body, uint32_t wait_ms,
                CHAN_ANSWER_FN(fn))
{
    struct edge *e = x->edge;
    struct p_query p = {.what = (uint8_t)what,
                        .role = (uint8_t)x->who->role,
                        .party = span_str(x->who->name),
                        .args = x->head->query,
                        .body = body,
                        .wait_ms = wait_ms};
    struct msg m = {.type = MSG_QUERY};
    memcpy(p.cert, x->who->fingerprint, sizeof(p.cert));
    memcpy(m.transfer, x->transfer, sizeof(m.transfer));
    if (payload_query_put(&p, e->tx, sizeof(e->tx), &m.body) != ERR_OK) {
        edge_refuse(x, PROBLEM_TOO_LARGE, span_of(NULL, 0));
        return;
    }
    (void)edge_ask(x, ROLE_CLERK, &m, wait_ms + EDGE_ASK_GRACE_MS, fn);
}

void
edge_query(struct edge_exchange *x, enum query_kind what, struct span body, uint32_t wait_ms)
{
    edge_query_then(x, what, body, wait_ms, edge_on_answer);
}

/* -- events of connections
 * -----------------------------------------------------------------------*/

/* Reads what comes as far as it is wanted; PUT goes its own way. */
static void
edge_begin(struct edge_exchange *x)
{
    const size_t keep = edge_handlers[x->route].body_max;
    const size_t most = keep > 0 ? keep : EDGE_DISCARD_MAX;
    if (x->route == PARTNER_ROUTE_DATASET) {
        edge_put_begin(x);
        return;
    }
    if (!x->head->has_body)
        return;
    if (x->head->has_length && x->head->length > most) {
        edge_refuse(x, PROBLEM_TOO_LARGE, span_of(NULL, 0));
        return;
    }
    if (x->head->expect_continue) {
        const struct http_response go_on = {.status = 100};
        (void)!x->reply.port->inform(x->reply.conn, x->reply.stream, &go_on);
    }
    x->body_max = keep;
    x->body = keep > 0 ? malloc(keep) : NULL;
    if ((keep > 0 && x->body == NULL) ||
        x->reply.port->grant(x->reply.conn, x->reply.stream, most + 1) != ERR_OK)
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
}

static void
edge_route(struct edge_exchange *x)
{
    struct route_match match = {0};
    char allow[ROUTE_ALLOW_MAX];
    struct edge *e = x->edge;
    const enum err err =
        route_find(edge_table, PARTNER_ROUTE_COUNT, x->head->method, x->head->path, &match);
    e->stats.requests++;
    if (err == ERR_UNSUPPORTED) {
        reply_header(&x->reply, "allow", route_allow(match.allowed, allow));
        edge_refuse(x, PROBLEM_METHOD_NOT_ALLOWED, span_of(NULL, 0));
        return;
    }
    if (err != ERR_OK) {
        edge_refuse(x, PROBLEM_NOT_FOUND, span_of(NULL, 0));
        return;
    }
    x->route = (enum partner_route)match.index;
    memcpy(x->params, match.params, sizeof(x->params));
    if (((unsigned)x->who->role & edge_table[match.index].roles) == 0)
        edge_refuse(x, PROBLEM_ROLE_NOT_ALLOWED, span_of(NULL, 0));
    else if (e->is_draining)
        edge_refuse(x, PROBLEM_DRAINING, span_of(NULL, 0));
    else
        edge_begin(x);
}

static void
edge_on_head(struct edge *e, const struct reply_port *port, void *conn, const struct identity *who,
             const struct http_event *event)
{
    struct edge_exchange *x = calloc(1, sizeof(*x));
    if (x == NULL) {
        (void)!port->reset(conn, event->stream);
        return;
    }
    x->edge = e;
    x->head = event->head;
    x->who = who;
    reply_init(&x->reply, port, conn, event->stream, event->head->method == HTTP_HEAD);
    x->next = e->exchanges;
    x->link = &e->exchanges;
    if (x->next != NULL)
        x->next->link = &x->next;
    e->exchanges = x;
    edge_route(x);
}

static void
edge_on_data(struct edge_exchange *x, struct span data)
{
    if (x->upload != NULL) {
        upload_data(x->upload, data);
        return;
    }
    if (x->reply.is_begun) {
        /* Answered early: a little more is read, so that the client hears the answer. */
        return;
    }
    if (x->body == NULL) {
        x->discarded += data.len;
        if (x->discarded > EDGE_DISCARD_MAX)
            edge_refuse(x, PROBLEM_TOO_LARGE, span_of(NULL, 0));
        return;
    }
    if (data.len > x->body_max - x->body_len) {
        edge_refuse(x, PROBLEM_TOO_LARGE, span_of(NULL, 0));
        return;
    }
    memcpy(x->body + x->body_len, data.ptr, data.len);
    x->body_len += data.len;
}

static void
edge_on_end(struct edge_exchange *x)
{
    x->is_received = true;
    if (x->upload != NULL)
        upload_end(x->upload);
    else if (!x->reply.is_begun && edge_handlers[x->route].handler != NULL)
        edge_handlers[x->route].handler(x);
}

void
edge_event(struct edge *e, const struct reply_port *port, void *conn, const struct identity *who,
           const struct http_event *event)
{
    struct edge_exchange *x = NULL;
    if (event->type == HTTP_EVENT_HEAD) {
        edge_on_head(e, port, conn, who, event);
        return;
    }
    x = edge_find(e, conn, event->stream);
    if (x == NULL)
        return;
    switch (event->type) {
    case HTTP_EVENT_HEAD:
        break;
    case HTTP_EVENT_DATA:
        edge_on_data(x, event->data);
        break;
    case HTTP_EVENT_END:
        edge_on_end(x);
        break;
    case HTTP_EVENT_WRITABLE:
        if (x->pull != NULL)
            pull_writable(x->pull);
        else
            reply_writable(&x->reply);
        break;
    case HTTP_EVENT_DONE:
        edge_close(x, ERR_OK);
        break;
    case HTTP_EVENT_ABORT:
        edge_close(x, event->reason);
        break;
    }
}

/* -- life
 * ----------------------------------------------------------------------------------------*/

void
edge_reconfigure(struct edge *e, const struct edge_config *config)
{
    e->config = *config;
    e->uploads.ring_slots = config->ring_slots;
    e->uploads.uploads_max = config->transfers_max;
    e->uploads.role_ms = config->role_ms;
    e->pulls.ring_slots = config->ring_slots;
    e->pulls.pulls_max = config->transfers_max;
}

enum err
edge_new(const struct edge_config *config, struct edge **ret)
{
    struct edge *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return ERR_NOMEM;
    e->uploads.loop = config->loop;
    e->uploads.chan = config->chan;
    e->uploads.ctx = config->ctx;
    e->pulls.loop = config->loop;
    e->pulls.chan = config->chan;
    e->pulls.ctx = config->ctx;
    edge_reconfigure(e, config);
    const enum err err = loop_defer_new(config->loop, edge_reap, e, &e->reaper);
    if (err != ERR_OK) {
        free(e);
        return err;
    }
    *ret = e;
    return ERR_OK;
}

void
edge_free(struct edge *e)
{
    if (e == NULL)
        return;
    assert(e->exchanges == NULL);
    upload_free_all(&e->uploads);
    pull_free_all(&e->pulls);
    edge_reap(e);
    loop_defer_free(e->reaper);
    free(e);
}

enum err
edge_message(struct edge *e, struct chan *chan, struct msg *m)
{
    (void)chan;
    switch ((unsigned)m->type) {
    case MSG_UPLOAD_STOP:
        return upload_on_stop(&e->uploads, m);
    case MSG_RING_PULL:
        return pull_on_ring(&e->pulls, m);
    default:
        return ERR_PROTOCOL;
    }
}

void
edge_new_peer(struct edge *e, const struct chan *chan)
{
    if (chan_role(chan) == ROLE_CLERK)
        upload_on_clerk(&e->uploads);
}

void
edge_drain(struct edge *e)
{
    e->is_draining = true;
}

bool
edge_is_idle(const struct edge *e)
{
    return e->exchanges == NULL && e->uploads.count == 0;
}

void
edge_stats(const struct edge *e, struct edge_stats *ret)
{
    *ret = e->stats;
    ret->uploads_open = e->uploads.count;
    ret->pulls_open = e->pulls.count;
    ret->bytes_in = e->uploads.bytes_in;
    ret->bytes_out = e->pulls.bytes_out;
}
