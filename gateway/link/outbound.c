/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link/outbound.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/link/corridor_json.h"
#include "gateway/link/outbound_priv.h"
#include "schemas/text.h"

enum { OUTBOUND_CALL_MS = 60 * 1000, OUTBOUND_BODY_MS = 15 * 60 * 1000, OUTBOUND_TARGET_MAX = 160 };

enum err
outbound_new(const struct outbound_config *config, struct outbound **ret)
{
    struct outbound *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return ERR_NOMEM;
    o->config = *config;
    *ret = o;
    return ERR_OK;
}

/* Requests. */

static void
outbound_call_drop(struct call *c)
{
    struct call **link = &c->owner->calls;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    c->owner->call_count--;
    free(c->head);
    free(c->answer);
    free(c);
}

void
outbound_free(struct outbound *o)
{
    if (o == NULL)
        return;
    outbound_forward_free_all(o);
    while (o->calls != NULL)
        outbound_call_drop(o->calls);
    free(o);
}

static enum err
outbound_read_file(struct call *c, uint8_t *buf, size_t cap, size_t *ret_len)
{
    const uint64_t left = c->file_end - c->file_at;
    const size_t want = left < cap ? (size_t)left : cap;
    ssize_t got = 0;
    do {
        got = pread(c->file, buf, want, (off_t)c->file_at);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return ERR_IO;
    c->file_at += (uint64_t)got;
    *ret_len = (size_t)got;
    return ERR_OK;
}

static enum err
outbound_read(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len, bool *ret_end)
{
    struct call *c = ctx;
    size_t len = 0;
    if (c->head_at < c->head_len) {
        len = c->head_len - c->head_at < cap ? c->head_len - c->head_at : cap;
        memcpy(buf, c->head + c->head_at, len);
        c->head_at += len;
    } else if (c->forward != NULL && c->file_at < c->file_end) {
        TRY(outbound_read_file(c, buf, cap, &len));
    } else if (c->file_at < c->file_end) {
        return ERR_CANCELLED; /* the transfer, and its files, are gone */
    }
    c->owner->bytes += len;
    *ret_len = len;
    *ret_end = c->head_at == c->head_len && c->file_at == c->file_end;
    return ERR_OK;
}

enum err
outbound_call_begin(struct outbound *o, struct call *fields, enum http_method method,
                    const char *target, uint64_t length, const char *type)
{
    const bool has_body = method != HTTP_GET;
    struct call *c = NULL;
    if (o->http == NULL || o->wants_close || !h2client_can_begin(o->http)) {
        free(fields->head);
        return ERR_CLOSED;
    }
    if (o->call_count < OUTBOUND_CALLS_MAX)
        c = malloc(sizeof(*c));
    if (c == NULL) {
        free(fields->head);
        return ERR_FULL;
    }
    *c = *fields;
    c->owner = o;
    c->due_ms = o->now_ms + (c->kind == CALL_BODY ? OUTBOUND_BODY_MS : OUTBOUND_CALL_MS);
    c->next = o->calls;
    o->calls = c;
    o->call_count++;
    const struct http_header headers[] = {{SPAN_LIT("content-type"), span_str(type)}};
    const struct http_header hello = {SPAN_LIT("tdz-corridor"), SPAN_LIT("1-1")};
    const struct h2client_request request = {
        .method = method,
        .authority = span_str(o->config.authority),
        .target = span_str(target),
        .headers = c->kind == CALL_HELLO ? &hello : headers,
        .header_count = c->kind == CALL_HELLO || has_body ? 1 : 0,
        .has_body = has_body,
        .has_length = has_body,
        .length = length,
        .body = {outbound_read, c},
        .tag = c,
    };
    enum err err = h2client_begin(o->http, &request, &c->stream);
    if (err == ERR_OK)
        err = h2client_grant(o->http, c->stream, OUTBOUND_ANSWER_MAX + 1);
    if (err != ERR_OK) {
        outbound_call_drop(c);
        return err;
    }
    return ERR_OK;
}

void
outbound_call_cancel(struct outbound *o, const struct forward *f)
{
    for (struct call *c = o->calls; c != NULL; c = c->next) {
        if (c->forward != f)
            continue;
        c->forward = NULL;
        c->is_over = true;
    }
    /* Each cancel gives an ABORT at once, which frees the call: begin again after each. */
    struct call *c = o->calls;
    while (c != NULL) {
        if (c->is_over && c->forward == NULL && o->http != NULL && c->stream != 0) {
            const uint32_t stream = c->stream;
            c->stream = 0;
            (void)!h2client_cancel(o->http, stream);
            c = o->calls;
        } else {
            c = c->next;
        }
    }
}

/* Hello. */

void
outbound_tell_peer(struct outbound *o)
{
    const struct p_peer_state state = {
        .peer = span_str(o->config.zone), .up = o->is_up, .detail = span_str(o->detail)};
    o->config.out.peer_state(o->config.out.ctx, &state);
}

static void
outbound_set(struct outbound *o, bool is_up, const char *detail)
{
    const bool changed = !o->was_told || o->is_up != is_up ||
                         (!is_up && strncmp(o->detail, detail, sizeof(o->detail) - 1) != 0);
    o->is_up = is_up;
    (void)snprintf(o->detail, sizeof(o->detail), "%s", detail);
    o->was_told = true;
    if (changed)
        outbound_tell_peer(o);
}

static const char *
outbound_hello_check(const struct outbound *o, const struct call *c)
{
    struct corridor_json_hello hello;
    if (c->status == 426)
        return "the peer refuses our version of the corridor";
    if (c->status != 200 ||
        corridor_json_hello_read(span_of(c->answer, c->answer_len), &hello) != ERR_OK)
        return "the peer does not answer hello";
    if (hello.high < CORRIDOR_JSON_VERSION_LOW || hello.low > CORRIDOR_JSON_VERSION_HIGH)
        return "the peer's version of the corridor is not ours";
    if (strcmp(hello.zone, o->config.zone) != 0 || strcmp(hello.gateway, o->config.gateway) != 0)
        return "another gateway answers there";
    return NULL;
}

static void
outbound_hello_answer(struct outbound *o, const struct call *c)
{
    const char *fault = outbound_hello_check(o, c);
    if (fault == NULL) {
        outbound_set(o, true, "");
        outbound_forward_run(o);
        return;
    }
    o->wants_close = true;
    outbound_set(o, false, fault);
}

void
outbound_connected(struct outbound *o, struct h2client *http, int64_t now_ms)
{
    struct call c = {.kind = CALL_HELLO, .file = -1};
    o->http = http;
    o->wants_close = false;
    o->now_ms = now_ms;
    if (outbound_call_begin(o, &c, HTTP_GET, "/corridor/v1/hello", 0, "") != ERR_OK)
        o->wants_close = true;
}

void
outbound_lost(struct outbound *o, const char *why, int64_t now_ms)
{
    o->now_ms = now_ms;
    o->http = NULL;
    /* A refusal said more than the end of its connection. */
    if (!o->wants_close || o->is_up)
        outbound_set(o, false, why);
    o->wants_close = false;
    outbound_forward_lost(o);
}

bool
outbound_is_up(const struct outbound *o)
{
    return o->is_up;
}

const char *
outbound_detail(const struct outbound *o)
{
    return o->detail;
}

bool
outbound_wants_close(const struct outbound *o)
{
    return o->http != NULL && (o->wants_close || !h2client_can_begin(o->http)) &&
           o->call_count == 0;
}

/* Parcels and witness calls. */

/* How the peer says that the transfer stands, and the receipt it has for it. */
static struct span
outbound_stand(struct outbound *o, struct span answer)
{
    struct corridor_json_status status;
    struct span receipt = {0};
    static_assert((int)STAND_DONE == (int)CORRIDOR_JSON_DONE, "the words of the corridor");
    if (corridor_json_state_read(answer, &status) != ERR_OK)
        return receipt;
    o->scratch[0] = (uint8_t)status.state;
    const enum err err =
        corridor_json_receipt_read(answer, o->scratch + 1, CORRIDOR_JSON_PARCEL_MAX, &receipt);
    return span_of(o->scratch, 1 + (err == ERR_OK ? receipt.len : 0));
}

static void
outbound_say(struct outbound *o, const struct call *c)
{
    struct span body = span_of(c->answer, c->answer_len);
    if (c->kind == CALL_PARCEL) {
        if (c->detail == PARCEL_STATE)
            body = c->status == 200 ? outbound_stand(o, body) : SPAN_LIT("");
        const struct p_parcel_sent sent = {.what = c->detail, .status = c->status, .body = body};
        o->config.out.parcel_sent(o->config.out.ctx, &c->ticket, &sent);
    } else if (c->kind == CALL_WITNESS) {
        const struct p_witness_result result = {
            .peer = span_str(o->config.zone), .call = c->detail, .status = c->status, .body = body};
        o->config.out.witness_result(o->config.out.ctx, &c->ticket, &result);
    }
}

/* Begins a call with a copy of body; what cannot be begun is answered with status 0. */
static void
outbound_ask(struct outbound *o, struct call *c, enum http_method method, const char *target,
             struct span body, const char *type)
{
    enum err err = ERR_CLOSED;
    c->file = -1;
    if (o->is_up) {
        c->head = malloc(body.len + 1);
        c->head_len = body.len;
        if (c->head != NULL && body.len > 0)
            memcpy(c->head, body.ptr, body.len);
        err =
            c->head == NULL ? ERR_NOMEM : outbound_call_begin(o, c, method, target, body.len, type);
    }
    if (err != ERR_OK) {
        c->answer_len = 0;
        c->answer = NULL;
        outbound_say(o, c);
    }
}

void
outbound_parcel(struct outbound *o, const uint8_t transfer[static 16],
                const struct p_parcel_send *send, const struct outbound_ticket *ticket,
                int64_t now_ms)
{
    struct call c = {.kind = CALL_PARCEL, .detail = send->what, .ticket = *ticket};
    char target[OUTBOUND_TARGET_MAX];
    char id[33];
    o->now_ms = now_ms;
    if (text_hex(span_of(transfer, 16), id, sizeof(id)) != ERR_OK)
        id[0] = 0;
    (void)snprintf(target, sizeof(target), "/corridor/v1/transfers/%s%s", id,
                   send->what == PARCEL_STATE     ? ""
                   : send->what == PARCEL_RELEASE ? "/release"
                                                  : "/receipt");
    outbound_ask(o, &c, send->what == PARCEL_STATE ? HTTP_GET : HTTP_PUT, target, send->parcel,
                 "application/octet-stream");
}

void
outbound_witness(struct outbound *o, const struct p_witness_call *call,
                 const struct outbound_ticket *ticket, int64_t now_ms)
{
    struct call c = {.kind = CALL_WITNESS, .detail = call->call, .ticket = *ticket};
    char target[OUTBOUND_TARGET_MAX];
    o->now_ms = now_ms;
    (void)snprintf(target, sizeof(target), "%.*s", (int)call->path.len,
                   (const char *)call->path.ptr);
    outbound_ask(o, &c, call->call == WITNESS_ADD ? HTTP_POST : HTTP_GET, target, call->body,
                 "text/plain");
}

/* Answers. */

static void
outbound_over(struct call *c)
{
    struct outbound *o = c->owner;
    struct forward *f = c->forward;
    /* Off the list of those under way before anybody begins another. */
    c->stream = 0;
    if (c->kind == CALL_HELLO)
        outbound_hello_answer(o, c);
    else if (f != NULL)
        outbound_forward_answer(f, c);
    else
        outbound_say(o, c);
    outbound_call_drop(c);
    outbound_forward_run(o);
}

static enum err
outbound_keep(struct call *c, struct span data)
{
    if (data.len > OUTBOUND_ANSWER_MAX - c->answer_len)
        return ERR_TOO_LARGE;
    if (c->answer_len + data.len > c->answer_cap) {
        size_t cap = c->answer_cap == 0 ? 1024 : c->answer_cap;
        while (cap < c->answer_len + data.len)
            cap *= 2;
        uint8_t *grown = realloc(c->answer, cap);
        if (grown == NULL)
            return ERR_NOMEM;
        c->answer = grown;
        c->answer_cap = cap;
    }
    memcpy(c->answer + c->answer_len, data.ptr, data.len);
    c->answer_len += data.len;
    return ERR_OK;
}

void
outbound_event(void *ctx, const struct h2client_event *event)
{
    struct outbound *o = ctx;
    struct call *c = event->tag;
    switch (event->type) {
    case H2CLIENT_HEAD:
        c->status = event->response->status;
        break;
    case H2CLIENT_DATA:
        if (event->data.len > 0 && outbound_keep(c, event->data) != ERR_OK)
            (void)!h2client_cancel(o->http, event->stream);
        break;
    case H2CLIENT_END:
        outbound_over(c);
        break;
    case H2CLIENT_ABORT:
        c->status = 0;
        c->answer_len = 0;
        outbound_over(c);
        break;
    }
}

void
outbound_tick(struct outbound *o, int64_t now_ms)
{
    o->now_ms = now_ms;
    struct call *c = o->calls;
    while (c != NULL) {
        if (o->http != NULL && c->stream != 0 && now_ms >= c->due_ms) {
            const uint32_t stream = c->stream;
            c->stream = 0;
            (void)!h2client_cancel(o->http, stream);
            c = o->calls;
        } else {
            c = c->next;
        }
    }
    outbound_forward_run(o);
}

int64_t
outbound_deadline(const struct outbound *o)
{
    int64_t at = INT64_MAX;
    for (const struct call *c = o->calls; c != NULL; c = c->next)
        at = c->stream != 0 && c->due_ms < at ? c->due_ms : at;
    for (const struct forward *f = o->forwards; f != NULL; f = f->next) {
        if (o->is_up && f->has_go && f->step == FORWARD_WAIT && f->retry_at > o->now_ms &&
            f->retry_at < at)
            at = f->retry_at;
    }
    return at;
}

size_t
outbound_forward_count(const struct outbound *o)
{
    return o->forward_count;
}

uint64_t
outbound_bytes(const struct outbound *o)
{
    return o->bytes;
}
