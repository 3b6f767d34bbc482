/* SPDX-License-Identifier: Apache-2.0 */
/* How a request begins, what it asks of clerk and ledger, and what becomes of the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/link/corridor_json.h"
#include "gateway/link/inbound_priv.h"
#include "gateway/net/identity.h"

void
inbound_request_grant(struct inbound_request *r, uint64_t bytes)
{
    /* ERR_NOT_FOUND: the stream is over, its ABORT follows. */
    (void)!r->owner->config.port->grant(r->conn, r->stream, bytes);
}

void
inbound_hello(struct inbound_request *r)
{
    char text[CORRIDOR_JSON_HELLO_MAX];
    struct span json;
    if (corridor_json_hello_write(r->owner->config.zone, r->owner->config.gateway, text,
                                  sizeof(text), &json) == ERR_OK)
        inbound_request_json(r, 200, json);
    else
        inbound_request_status(r, 503);
}

/* A peer that speaks no version of ours is told which we speak, and the connection ends. */
static void
inbound_refuse_version(struct inbound_request *r)
{
    const struct inbound_out *out = &r->owner->config.out;
    char text[CORRIDOR_JSON_HELLO_MAX];
    struct span json = {0};
    if (corridor_json_hello_write(r->owner->config.zone, r->owner->config.gateway, text,
                                  sizeof(text), &json) != ERR_OK)
        json = span_of(NULL, 0);
    inbound_request_json(r, 426, json);
    out->end(out->ctx, r->conn, r->peer, ERR_VERSION);
}

static bool
inbound_is_below(const struct http_request *head)
{
    struct span value;
    uint32_t low = 0;
    uint32_t high = 0;
    const enum err err = http_header_get(head, "tdz-corridor", &value);
    if (err == ERR_NOT_FOUND)
        return false; /* the path says version 1 */
    return err != ERR_OK || corridor_json_versions(value, &low, &high) != ERR_OK ||
           high < CORRIDOR_JSON_VERSION_LOW || low > CORRIDOR_JSON_VERSION_HIGH;
}

static void
inbound_head_body(struct inbound_request *r)
{
    struct inbound *in = r->owner;
    struct inbound_slot *slot = inbound_slot_find(in, r->peer, r->route.transfer);
    uint64_t count = 0;
    size_t under_way = 0;
    for (const struct inbound_request *o = in->requests; o != NULL; o = o->next)
        under_way += o->writer != NULL && strcmp(o->peer, r->peer) == 0;
    if (slot == NULL || !intake_is_listed(slot->intake)) {
        inbound_request_status(r, 409); /* SEAL first, also after a restart of ours */
        return;
    }
    if (intake_run(slot->intake, r->route.first, r->length, &count) != ERR_OK) {
        inbound_request_failed(r, ERR_TRAILING);
        return;
    }
    if (under_way >= INBOUND_BODIES_PER_PEER) {
        inbound_request_status(r, 503);
        return;
    }
    r->writer = calloc(1, sizeof(*r->writer));
    if (r->writer == NULL ||
        intake_writer_init(r->writer, slot->intake, r->route.first, count) != ERR_OK) {
        inbound_request_status(r, 503);
        return;
    }
    r->slot = slot;
    slot->used = ++in->uses;
    inbound_request_grant(r, r->length);
}

static bool
inbound_has_body(enum inbound_kind kind)
{
    return kind == INBOUND_OFFER || kind == INBOUND_SEAL || kind == INBOUND_BODY ||
           kind == INBOUND_RELEASE || kind == INBOUND_RECEIPT || kind == INBOUND_WITNESS_ADD;
}

static void
inbound_head_small(struct inbound_request *r)
{
    const bool is_seal = r->route.kind == INBOUND_SEAL;
    if (!is_seal && r->length > INBOUND_SMALL_MAX) {
        inbound_request_status(r, 413);
        return;
    }
    r->cap = is_seal ? INBOUND_SEAL_PREFIX + INBOUND_SEAL_MAX : (size_t)r->length;
    r->buf = malloc(r->cap + 1);
    if (r->buf == NULL) {
        inbound_request_status(r, 503);
        return;
    }
    if (is_seal && r->length < INBOUND_SEAL_PREFIX)
        inbound_request_failed(r, ERR_SHORT);
    else
        inbound_request_grant(r, is_seal ? INBOUND_SEAL_PREFIX : r->length);
}

static void
inbound_begin(struct inbound_request *r, const struct http_request *head)
{
    const enum err err = inbound_route_find(head->method, head->path, &r->route);
    if (err == ERR_VERSION || (err == ERR_OK && inbound_is_below(head))) {
        inbound_refuse_version(r);
    } else if (err == ERR_UNSUPPORTED) {
        reply_code(&r->reply, PROBLEM_METHOD_NOT_ALLOWED, span_of(NULL, 0));
    } else if (err != ERR_OK || head->query.len > 0) {
        reply_code(&r->reply, PROBLEM_NOT_FOUND, span_of(NULL, 0));
    } else if (!inbound_has_body(r->route.kind)) {
        if (head->has_body)
            reply_code(&r->reply, PROBLEM_BAD_REQUEST, SPAN_LIT("This address takes no body."));
    } else if (!head->has_body || !head->has_length) {
        reply_code(&r->reply, PROBLEM_LENGTH_REQUIRED, span_of(NULL, 0));
    } else {
        r->length = head->length;
        if (r->route.kind == INBOUND_BODY)
            inbound_head_body(r);
        else
            inbound_head_small(r);
    }
}

void
inbound_head(struct inbound *in, void *conn, const char *peer, const struct http_event *event)
{
    struct reply refusal;
    size_t count = 0;
    for (const struct inbound_request *o = in->requests; o != NULL; o = o->next)
        count += strcmp(o->peer, peer) == 0;
    struct inbound_request *r = count < INBOUND_REQUESTS_PER_PEER ? calloc(1, sizeof(*r)) : NULL;
    if (r == NULL) {
        reply_init(&refusal, in->config.port, conn, event->stream, false);
        reply_code(&refusal, PROBLEM_RATE_LIMITED, span_of(NULL, 0));
        reply_finish(&refusal);
        return;
    }
    r->owner = in;
    r->conn = conn;
    r->stream = event->stream;
    (void)snprintf(r->peer, sizeof(r->peer), "%s", peer);
    reply_init(&r->reply, in->config.port, conn, event->stream, event->head->method == HTTP_HEAD);
    r->next = in->requests;
    in->requests = r;
    inbound_begin(r, event->head);
}

/* Questions. */

static void
inbound_asked(struct inbound_request *r, enum err err)
{
    r->is_asked = err == ERR_OK;
    if (err != ERR_OK)
        inbound_request_status(r, 503);
}

void
inbound_ask_clerk(struct inbound_request *r, enum corridor_kind what)
{
    const struct inbound_out *out = &r->owner->config.out;
    const struct p_corridor_in question = {
        .peer = span_str(r->peer), .what = (uint8_t)what, .body = span_of(r->buf, r->len)};
    inbound_asked(r, out->ask_clerk(out->ctx, r, r->route.transfer, &question));
}

void
inbound_ask_ledger(struct inbound_request *r, enum witness_call call)
{
    const struct inbound_out *out = &r->owner->config.out;
    const struct p_witness_ask question = {.peer = span_str(r->peer),
                                           .call = (uint8_t)call,
                                           .path = r->route.path,
                                           .body = span_of(r->buf, r->len)};
    inbound_asked(r, out->ask_ledger(out->ctx, r, &question));
}

void
inbound_ask_log(struct inbound_request *r)
{
    const struct inbound_out *out = &r->owner->config.out;
    const struct p_log_read question = {
        .path = r->route.path, .role = IDENTITY_PEER, .party = span_str(r->peer)};
    inbound_asked(r, out->ask_log(out->ctx, r, &question));
}

/* Answers. */

/* True when nobody waits for it any more. */
static bool
inbound_answered(struct inbound_request *r)
{
    r->is_asked = false;
    return r->is_over;
}

static bool
inbound_is_status(uint16_t status)
{
    return status >= 200 && status <= 599;
}

/* SEAL is accepted: the group list goes into clerk's files. */
static enum err
inbound_seal_files(struct inbound_request *r, const struct p_corridor_answer *answer, int body_fd,
                   int groups_fd)
{
    struct inbound *in = r->owner;
    struct intake *intake = NULL;
    const struct span seal = span_of(r->buf + INBOUND_SEAL_PREFIX, r->seal_len);
    TRY(intake_new(seal, answer->root, answer->body_len, body_fd, groups_fd, &intake));
    const uint64_t list = intake_groups(intake) * LEAFTREE_HASH_BYTES;
    if (r->length != INBOUND_SEAL_PREFIX + r->seal_len + list) {
        intake_free(intake);
        return ERR_TRAILING;
    }
    struct inbound_slot *slot = inbound_slot_find(in, r->peer, r->route.transfer);
    if (slot != NULL)
        inbound_slot_drop(in, slot, r);
    else
        slot = inbound_slot_new(in);
    slot->intake = intake;
    slot->used = ++in->uses;
    memcpy(slot->transfer, r->route.transfer, sizeof(slot->transfer));
    memcpy(slot->peer, r->peer, sizeof(slot->peer));
    r->slot = slot;
    r->is_listing = true;
    intake_list_init(&r->list, intake);
    inbound_request_grant(r, list);
    return ERR_OK;
}

void
inbound_request_listed(struct inbound_request *r)
{
    struct inbound *in = r->owner;
    struct inbound_slot *slot = r->slot;
    char text[128];
    struct span json;
    const enum err err = slot == NULL ? ERR_CANCELLED : intake_list_end(&r->list);
    if (err != ERR_OK) {
        inbound_request_failed(r, err);
        return;
    }
    const bool is_complete = intake_is_complete(slot->intake);
    inbound_slot_tell(in, slot);
    if (corridor_json_state_write(intake_held(slot->intake),
                                  is_complete ? CORRIDOR_JSON_COMPLETE : CORRIDOR_JSON_RECEIVING,
                                  text, sizeof(text), &json) == ERR_OK)
        inbound_request_json(r, 200, json);
    inbound_request_loose(r);
    if (is_complete)
        inbound_slot_drop(in, slot, NULL);
}

static void
inbound_pass_on(struct inbound_request *r, uint16_t status, struct span body)
{
    const char *type = "application/octet-stream";
    if (body.len == 0) {
        inbound_request_status(r, status);
        return;
    }
    if (r->route.kind == INBOUND_WITNESS_ADD || r->route.kind == INBOUND_WITNESS_LATEST)
        type = status == 409 ? "text/x.tlog.size" : "text/plain";
    else if (body.ptr[0] == '{')
        type = "application/json";
    if (!r->reply.is_begun)
        reply_send(&r->reply, status, type, body);
}

static void
inbound_clerk_said(struct inbound_request *r, enum err err, const struct p_corridor_answer *answer,
                   int body_fd, int groups_fd)
{
    const bool has_files = err == ERR_OK && body_fd >= 0 && groups_fd >= 0 &&
                           answer->status == 200 && r->route.kind == INBOUND_SEAL;
    char text[128];
    struct span json;
    if (inbound_answered(r) || !has_files) {
        if (body_fd >= 0)
            (void)close(body_fd);
        if (groups_fd >= 0)
            (void)close(groups_fd);
    }
    if (r->is_over)
        return;
    if (err != ERR_OK || !inbound_is_status(answer->status)) {
        inbound_request_status(r, 503);
    } else if (has_files) {
        err = inbound_seal_files(r, answer, body_fd, groups_fd);
        if (err != ERR_OK)
            inbound_request_failed(r, err);
    } else if (r->route.kind == INBOUND_SEAL && answer->status == 200 && answer->body.len == 0) {
        /* No files: clerk has the whole body. */
        if (corridor_json_state_write(answer->groups, CORRIDOR_JSON_COMPLETE, text, sizeof(text),
                                      &json) == ERR_OK)
            inbound_request_json(r, 200, json);
    } else {
        inbound_pass_on(r, answer->status, answer->body);
    }
}

void
inbound_clerk_answer(struct inbound_request *r, enum err err,
                     const struct p_corridor_answer *answer, int body_fd, int groups_fd)
{
    struct inbound *in = r->owner;
    inbound_enter(in);
    inbound_clerk_said(r, err, answer, body_fd, groups_fd);
    inbound_leave(in);
}

void
inbound_ledger_answer(struct inbound_request *r, enum err err,
                      const struct p_witness_answer *answer)
{
    struct inbound *in = r->owner;
    inbound_enter(in);
    if (!inbound_answered(r)) {
        if (err != ERR_OK || !inbound_is_status(answer->status))
            inbound_request_status(r, 503);
        else
            inbound_pass_on(r, answer->status, answer->body);
    }
    inbound_leave(in);
}

void
inbound_log_answer(struct inbound_request *r, enum err err, const struct p_log_data *answer, int fd)
{
    struct inbound *in = r->owner;
    inbound_enter(in);
    if (inbound_answered(r)) {
        if (fd >= 0)
            (void)close(fd);
    } else if (fd >= 0) {
        reply_send_file(&r->reply, 200, "application/octet-stream", fd, answer->bytes);
    } else if (err == ERR_OK && answer->err == (uint16_t)-ERR_NOT_FOUND) {
        reply_code(&r->reply, PROBLEM_NOT_FOUND, span_of(NULL, 0));
    } else {
        inbound_request_status(r, 503);
    }
    inbound_leave(in);
}
