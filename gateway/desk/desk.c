/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/desk/desk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schemas/text.h"

enum { DESK_ARGS_MAX = 256 };
enum { DESK_POLL_MS = 3000, DESK_DISCARD_MAX = 16 * 1024 };

struct desk_exchange {
    struct desk *desk;
    struct desk_exchange *next;
    struct desk_exchange **link;
    struct reply reply;
    enum desk_route route;
    const struct identity *who;
    uint8_t transfer[16];
    struct chan *asked;
    uint32_t asked_seq;
    size_t args_len;
    char args[DESK_ARGS_MAX];
    size_t body_len;
    uint8_t body[DESK_BODY_MAX];
};

static const struct route desk_table[DESK_ROUTE_COUNT] = {
#define DESK_ROUTE(NAME, methods, pattern, roles, plain, body_max) {methods, pattern, roles},
#include "gateway/desk/desk_route.def"
#undef DESK_ROUTE
};

static const struct {
    bool plain;
    size_t body_max;
} desk_rules[DESK_ROUTE_COUNT] = {
#define DESK_ROUTE(NAME, methods, pattern, roles, plain, body_max) {plain, body_max},
#include "gateway/desk/desk_route.def"
#undef DESK_ROUTE
};

static void
desk_reap(void *ctx)
{
    struct desk *d = ctx;
    while (d->over != NULL) {
        struct desk_exchange *x = d->over;
        d->over = x->next;
        reply_finish(&x->reply);
        free(x);
    }
}

enum err
desk_init(struct desk *d)
{
    vitals_init(&d->vitals);
    d->text = malloc(VITALS_METRICS_MAX);
    if (d->text == NULL)
        return ERR_NOMEM;
    return loop_defer_new(d->loop, desk_reap, d, &d->reaper);
}

void
desk_finish(struct desk *d)
{
    assert(d->exchanges == NULL);
    desk_reap(d);
    loop_defer_free(d->reaper);
    vitals_finish(&d->vitals);
    free(d->text);
}

/* -- how the others are
 * --------------------------------------------------------------------------*/

static enum err
desk_on_status(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct desk *d = ctx;
    (void)chan;
    d->is_asking_status = false;
    if (err != ERR_OK)
        return ERR_OK;
    if (answer->type != MSG_STATUS)
        return ERR_PROTOCOL;
    /* A status that cannot be read goes stale, and health says so. */
    (void)!vitals_status(&d->vitals, answer->body, d->now_ms(d->ctx));
    return ERR_OK;
}

static enum err
desk_on_clerk(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct desk *d = ctx;
    struct p_answer p;
    (void)chan;
    d->is_asking_clerk = false;
    if (err != ERR_OK)
        return ERR_OK;
    if (answer->type != MSG_ANSWER)
        return ERR_PROTOCOL;
    TRY(payload_answer_get(answer->body, &p));
    vitals_clerk(&d->vitals, p.status, p.body, d->now_ms(d->ctx));
    return ERR_OK;
}

void
desk_poll(struct desk *d)
{
    const struct msg status = {.type = MSG_STATUS_ASK};
    const struct p_query query = {.what = QUERY_HEALTH};
    struct msg health = {.type = MSG_QUERY};
    uint8_t body[256];
    struct chan *warden = d->chan(d->ctx, ROLE_WARDEN, 0);
    struct chan *clerk = d->chan(d->ctx, ROLE_CLERK, 0);
    if (!d->is_asking_status && warden != NULL)
        d->is_asking_status =
            chan_ask(warden, &status, DESK_POLL_MS, desk_on_status, d, NULL) == ERR_OK;
    if (!d->is_asking_clerk && clerk != NULL &&
        payload_query_put(&query, body, sizeof(body), &health.body) == ERR_OK)
        d->is_asking_clerk =
            chan_ask(clerk, &health, DESK_POLL_MS, desk_on_clerk, d, NULL) == ERR_OK;
}

enum err
desk_message(struct desk *d, struct msg *m)
{
    struct p_ledger_state state;
    struct p_ledger_peer log_peer;
    struct p_peer_state peer;
    switch ((unsigned)m->type) {
    case MSG_LEDGER_STATE:
        TRY(payload_ledger_state_get(m->body, &state));
        return vitals_log(&d->vitals, &state);
    case MSG_LEDGER_PEER:
        TRY(payload_ledger_peer_get(m->body, &log_peer));
        return vitals_log_peer(&d->vitals, &log_peer);
    case MSG_PEER_STATE:
        TRY(payload_peer_state_get(m->body, &peer));
        return vitals_peer(&d->vitals, &peer);
    default:
        return ERR_PROTOCOL;
    }
}

/* -- answers
 * -------------------------------------------------------------------------------------*/

static void
desk_health(struct desk_exchange *x)
{
    struct desk *d = x->desk;
    const int64_t now = d->now_ms(d->ctx);
    const bool ready = vitals_is_ready(&d->vitals, now);
    const bool good = x->route == DESK_ROUTE_LIVE ||
                      (x->route == DESK_ROUTE_STARTUP ? d->vitals.was_ready : ready);
    struct span body;
    reply_header(&x->reply, "cache-control", SPAN_LIT("no-store"));
    if (vitals_health(&d->vitals, now, d->text, VITALS_METRICS_MAX, &body) != ERR_OK)
        reply_code(&x->reply, PROBLEM_INTERNAL, span_of(NULL, 0));
    else
        reply_send(&x->reply, good ? 200 : 503, "application/json", body);
}

static void
desk_metrics(struct desk_exchange *x)
{
    struct desk *d = x->desk;
    struct span body;
    reply_header(&x->reply, "cache-control", SPAN_LIT("no-store"));
    if (vitals_metrics(&d->vitals, d->now_ms(d->ctx), d->text, VITALS_METRICS_MAX, &body) != ERR_OK)
        reply_code(&x->reply, PROBLEM_INTERNAL, span_of(NULL, 0));
    else
        reply_send(&x->reply, 200, "text/plain; version=0.0.4; charset=utf-8", body);
}

/* Clerk's JSON: in the message, or in a file when it is long. */
static void
desk_send(struct desk_exchange *x, struct msg *answer, const struct p_answer *p)
{
    struct stat st;
    const int fd = msg_take_fd(answer, 0);
    reply_header(&x->reply, "cache-control", SPAN_LIT("no-store"));
    if (p->link.len > 0)
        reply_header(&x->reply, "link", p->link);
    if (fd < 0) {
        reply_send(&x->reply, p->status, p->body.len == 0 ? NULL : "application/json", p->body);
    } else if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0) {
        reply_send_file(&x->reply, p->status, "application/json", fd, (uint64_t)st.st_size);
    } else {
        (void)close(fd);
        reply_code(&x->reply, PROBLEM_INTERNAL, span_of(NULL, 0));
    }
}

static enum err
desk_on_clerk_answer(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct desk_exchange *x = ctx;
    struct p_answer p;
    struct problem problem = {.code = PROBLEM_INTERNAL};
    (void)chan;
    x->asked = NULL;
    if (err == ERR_OK)
        err = answer->type == MSG_ANSWER ? payload_answer_get(answer->body, &p) : ERR_PROTOCOL;
    else
        answer = NULL;
    if (err != ERR_OK) {
        reply_problem(&x->reply, &problem);
        return answer == NULL ? ERR_OK : err;
    }
    if (p.code.len == 0 && p.status >= 200 && p.status <= 499) {
        desk_send(x, answer, &p);
        return ERR_OK;
    }
    if (problem_find(p.code, &problem.code) == ERR_OK)
        problem.detail = p.detail;
    reply_problem(&x->reply, &problem);
    return ERR_OK;
}

/* What clerk is asked for the exchange. */
static void
desk_ask(struct desk_exchange *x, enum query_kind what)
{
    struct desk *d = x->desk;
    uint8_t body[DESK_BODY_MAX + 1024];
    struct p_query p = {.what = (uint8_t)what,
                        .role = (uint8_t)x->who->role,
                        .party = span_str(x->who->name),
                        .args = span_of(x->args, x->args_len),
                        .body = span_of(x->body, x->body_len)};
    struct msg m = {.type = MSG_QUERY};
    struct chan *clerk = d->chan(d->ctx, ROLE_CLERK, 0);
    memcpy(p.cert, x->who->fingerprint, sizeof(p.cert));
    memcpy(m.transfer, x->transfer, sizeof(m.transfer));
    if (clerk == NULL || payload_query_put(&p, body, sizeof(body), &m.body) != ERR_OK ||
        chan_ask(clerk, &m, d->role_ms, desk_on_clerk_answer, x, &x->asked_seq) != ERR_OK) {
        reply_code(&x->reply, PROBLEM_INTERNAL, span_of(NULL, 0));
        return;
    }
    x->asked = clerk;
}

/* -- requests
 * ------------------------------------------------------------------------------------*/

static void
desk_refuse(struct desk_exchange *x, enum problem_code code)
{
    reply_code(&x->reply, code, span_of(NULL, 0));
}

static void
desk_begin(struct desk_exchange *x, const struct http_request *head, bool is_plain)
{
    struct route_match match = {0};
    char allow[ROUTE_ALLOW_MAX];
    const enum err err = route_find(desk_table, DESK_ROUTE_COUNT, head->method, head->path, &match);
    if (err == ERR_UNSUPPORTED) {
        reply_header(&x->reply, "allow", route_allow(match.allowed, allow));
        desk_refuse(x, PROBLEM_METHOD_NOT_ALLOWED);
        return;
    }
    if (err != ERR_OK || (is_plain && !desk_rules[match.index].plain)) {
        desk_refuse(x, PROBLEM_NOT_FOUND);
        return;
    }
    x->route = (enum desk_route)match.index;
    if (!is_plain && ((unsigned)x->who->role & desk_table[match.index].roles) == 0) {
        desk_refuse(x, PROBLEM_ROLE_NOT_ALLOWED);
        return;
    }
    if ((x->route == DESK_ROUTE_APPROVAL || x->route == DESK_ROUTE_HOLD) &&
        text_unhex(match.params[0], false, x->transfer, sizeof(x->transfer)) != ERR_OK) {
        desk_refuse(x, PROBLEM_NOT_FOUND);
        return;
    }
    if (head->query.len > sizeof(x->args)) {
        desk_refuse(x, PROBLEM_URI_TOO_LONG);
        return;
    }
    if (head->query.len > 0)
        memcpy(x->args, head->query.ptr, head->query.len);
    x->args_len = head->query.len;
    if (!head->has_body)
        return;
    const size_t most = desk_rules[match.index].body_max;
    if (head->has_length && head->length > (most > 0 ? most : DESK_DISCARD_MAX)) {
        desk_refuse(x, PROBLEM_TOO_LARGE);
        return;
    }
    if (head->expect_continue) {
        const struct http_response go_on = {.status = 100};
        (void)!x->reply.port->inform(x->reply.conn, x->reply.stream, &go_on);
    }
    if (x->reply.port->grant(x->reply.conn, x->reply.stream, DESK_DISCARD_MAX + 1) != ERR_OK)
        reply_abort(&x->reply);
}

static void
desk_data(struct desk_exchange *x, struct span data)
{
    if (x->reply.is_begun)
        return;
    if (data.len > sizeof(x->body) - x->body_len) {
        desk_refuse(x, PROBLEM_TOO_LARGE);
        return;
    }
    memcpy(x->body + x->body_len, data.ptr, data.len);
    x->body_len += data.len;
}

static void
desk_end(struct desk_exchange *x)
{
    if (x->reply.is_begun)
        return;
    switch (x->route) {
    case DESK_ROUTE_LIVE:
    case DESK_ROUTE_READY:
    case DESK_ROUTE_STARTUP:
        desk_health(x);
        break;
    case DESK_ROUTE_METRICS:
        desk_metrics(x);
        break;
    case DESK_ROUTE_HOLDS:
        desk_ask(x, QUERY_HOLDS);
        break;
    case DESK_ROUTE_HOLD:
        desk_ask(x, QUERY_HOLD);
        break;
    case DESK_ROUTE_COUNTERS:
        desk_ask(x, QUERY_COUNTERS);
        break;
    case DESK_ROUTE_ADJUST:
        desk_ask(x, QUERY_ADJUST);
        break;
    case DESK_ROUTE_APPROVAL:
        desk_ask(x, QUERY_APPROVAL);
        break;
    case DESK_ROUTE_COUNT:
        break;
    }
}

static void
desk_open(struct desk *d, const struct reply_port *port, void *conn, const struct identity *who,
          bool is_plain, const struct http_event *event)
{
    struct desk_exchange *x = calloc(1, sizeof(*x));
    if (x == NULL) {
        (void)!port->reset(conn, event->stream);
        return;
    }
    d->requests++;
    x->desk = d;
    x->who = who;
    reply_init(&x->reply, port, conn, event->stream, event->head->method == HTTP_HEAD);
    x->next = d->exchanges;
    x->link = &d->exchanges;
    if (x->next != NULL)
        x->next->link = &x->next;
    d->exchanges = x;
    desk_begin(x, event->head, is_plain);
}

static void
desk_close(struct desk_exchange *x)
{
    struct desk *d = x->desk;
    if (x->asked != NULL)
        chan_cancel(x->asked, x->asked_seq);
    x->asked = NULL;
    *x->link = x->next;
    if (x->next != NULL)
        x->next->link = x->link;
    x->next = d->over;
    d->over = x;
    loop_defer_post(d->reaper);
}

void
desk_event(struct desk *d, const struct reply_port *port, void *conn, const struct identity *who,
           bool is_plain, const struct http_event *event)
{
    struct desk_exchange *x = d->exchanges;
    if (event->type == HTTP_EVENT_HEAD) {
        desk_open(d, port, conn, who, is_plain, event);
        return;
    }
    while (x != NULL && (x->reply.conn != conn || x->reply.stream != event->stream))
        x = x->next;
    if (x == NULL)
        return;
    switch (event->type) {
    case HTTP_EVENT_HEAD:
        break;
    case HTTP_EVENT_DATA:
        desk_data(x, event->data);
        break;
    case HTTP_EVENT_END:
        desk_end(x);
        break;
    case HTTP_EVENT_WRITABLE:
        reply_writable(&x->reply);
        break;
    case HTTP_EVENT_DONE:
    case HTTP_EVENT_ABORT:
        desk_close(x);
        break;
    }
}
