/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link/inbound.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/link/corridor_json.h"
#include "gateway/link/inbound_priv.h"

enum err
inbound_new(const struct inbound_config *config, struct inbound **ret)
{
    struct inbound *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return ERR_NOMEM;
    in->config = *config;
    in->slots = calloc(config->transfers_max, sizeof(in->slots[0]));
    if (in->slots == NULL) {
        free(in);
        return ERR_NOMEM;
    }
    *ret = in;
    return ERR_OK;
}

void
inbound_free(struct inbound *in)
{
    if (in == NULL)
        return;
    while (in->requests != NULL)
        inbound_request_drop(in->requests);
    for (size_t i = 0; i < in->config.transfers_max; i++)
        intake_free(in->slots[i].intake);
    free(in->slots);
    free(in);
}

/* Requests. */

static struct inbound_request *
inbound_request_find(struct inbound *in, const void *conn, uint32_t stream)
{
    for (struct inbound_request *r = in->requests; r != NULL; r = r->next) {
        if (r->conn == conn && r->stream == stream && !r->is_over)
            return r;
    }
    return NULL;
}

void
inbound_request_drop(struct inbound_request *r)
{
    struct inbound_request **link = &r->owner->requests;
    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
    if (r->writer != NULL && r->slot != NULL)
        intake_writer_finish(r->writer);
    free(r->writer);
    free(r->buf);
    reply_finish(&r->reply);
    free(r);
}

void
inbound_enter(struct inbound *in)
{
    in->depth++;
}

/* Giving a stream up ends it from within the call, so requests are freed here only. One whose
 * connection is gone may still wait for an answer. */
void
inbound_leave(struct inbound *in)
{
    struct inbound_request *next = NULL;
    if (--in->depth > 0)
        return;
    for (struct inbound_request *r = in->requests; r != NULL; r = next) {
        next = r->next;
        if (r->is_over && !r->is_asked)
            inbound_request_drop(r);
    }
}

void
inbound_request_loose(struct inbound_request *r)
{
    if (r->writer != NULL && r->slot != NULL)
        intake_writer_finish(r->writer);
    free(r->writer);
    r->writer = NULL;
    r->slot = NULL;
    r->is_listing = false;
}

void
inbound_request_status(struct inbound_request *r, uint16_t status)
{
    inbound_request_loose(r);
    if (r->is_over || r->reply.is_begun)
        return;
    if (status == 503)
        reply_header(&r->reply, "retry-after", SPAN_LIT("1"));
    reply_send(&r->reply, status, NULL, span_of(NULL, 0));
}

void
inbound_request_json(struct inbound_request *r, uint16_t status, struct span json)
{
    if (!r->is_over && !r->reply.is_begun)
        reply_send(&r->reply, status, "application/json", json);
}

/* Said once, then the connection ends. */
static void
inbound_request_hostile(struct inbound_request *r, enum err why, const char *detail)
{
    struct inbound *in = r->owner;
    void *conn = r->conn;
    char peer[64];
    memcpy(peer, r->peer, sizeof(peer));
    inbound_request_loose(r);
    if (!r->is_over && !r->reply.is_begun)
        reply_code(&r->reply, PROBLEM_BAD_REQUEST, span_str(detail));
    in->config.out.end(in->config.out.ctx, conn, peer, why);
}

/* What went wrong with bytes that were to be kept. */
void
inbound_request_failed(struct inbound_request *r, enum err err)
{
    struct inbound *in = r->owner;
    if (err == ERR_IO) {
        in->config.out.disk_failed(in->config.out.ctx);
        inbound_request_status(r, 503);
    } else if (err == ERR_AUTH) {
        inbound_request_hostile(r, err, "A group does not hash to its root in the sealed list.");
    } else if (err == ERR_PROOF) {
        inbound_request_hostile(r, err, "The list of groups does not fold to the root of SEAL.");
    } else if (err == ERR_TRAILING || err == ERR_SHORT) {
        inbound_request_hostile(r, err, "The body has not the length that SEAL says.");
    } else if (err == ERR_NO_SPACE) {
        inbound_request_status(r, 507);
    } else {
        inbound_request_status(r, 503);
    }
}

/* Intakes. */

struct inbound_slot *
inbound_slot_find(struct inbound *in, const char *peer, const uint8_t transfer[static 16])
{
    for (size_t i = 0; i < in->config.transfers_max; i++) {
        struct inbound_slot *s = &in->slots[i];
        if (s->intake != NULL && memcmp(s->transfer, transfer, sizeof(s->transfer)) == 0 &&
            strcmp(s->peer, peer) == 0)
            return s;
    }
    return NULL;
}

/* Ends the requests that feed slot, and closes its files. */
void
inbound_slot_drop(struct inbound *in, struct inbound_slot *slot, const struct inbound_request *but)
{
    for (struct inbound_request *r = in->requests; r != NULL; r = r->next) {
        if (r->slot == slot && r != but)
            inbound_request_status(r, 503);
    }
    intake_free(slot->intake);
    memset(slot, 0, sizeof(*slot));
}

/* A free slot; the one unused longest goes when all are taken. Its peer sends SEAL again and goes
 * on where it was: what is durable stays in the files. */
struct inbound_slot *
inbound_slot_new(struct inbound *in)
{
    struct inbound_slot *oldest = &in->slots[0];
    for (size_t i = 0; i < in->config.transfers_max; i++) {
        struct inbound_slot *s = &in->slots[i];
        if (s->intake == NULL)
            return s;
        if (s->used < oldest->used)
            oldest = s;
    }
    inbound_slot_drop(in, oldest, NULL);
    return oldest;
}

void
inbound_forget(struct inbound *in)
{
    inbound_enter(in);
    for (size_t i = 0; i < in->config.transfers_max; i++) {
        if (in->slots[i].intake != NULL)
            inbound_slot_drop(in, &in->slots[i], NULL);
    }
    inbound_leave(in);
}

/* What is durable: to clerk first, then to the peer. */
void
inbound_slot_tell(struct inbound *in, const struct inbound_slot *slot)
{
    const struct p_body_state state = {.groups = intake_held(slot->intake),
                                       .complete = intake_is_complete(slot->intake)};
    in->config.out.body_state(in->config.out.ctx, slot->transfer, &state);
}

/* Bodies. */

static void
inbound_seal_data(struct inbound_request *r, struct span data)
{
    if (r->is_listing) {
        const enum err err = intake_list_feed(&r->list, data);
        if (err != ERR_OK)
            inbound_request_failed(r, err);
        return;
    }
    /* At most what was granted: the length, then the record. */
    assert(data.len <= r->cap - r->len);
    memcpy(r->buf + r->len, data.ptr, data.len);
    r->len += data.len;
    if (r->len == INBOUND_SEAL_PREFIX) {
        const uint32_t len = (uint32_t)r->buf[0] << 24 | (uint32_t)r->buf[1] << 16 |
                             (uint32_t)r->buf[2] << 8 | r->buf[3];
        if (len == 0 || len > INBOUND_SEAL_MAX || len > r->length - INBOUND_SEAL_PREFIX) {
            inbound_request_failed(r, ERR_TRAILING);
            return;
        }
        r->seal_len = len;
        inbound_request_grant(r, len);
    } else if (r->len == INBOUND_SEAL_PREFIX + r->seal_len) {
        inbound_ask_clerk(r, CORRIDOR_SEAL);
    }
}

static void
inbound_on_data(struct inbound_request *r, struct span data)
{
    r->owner->bytes += data.len;
    if (r->reply.is_begun)
        return;
    if (r->route.kind == INBOUND_SEAL) {
        inbound_seal_data(r, data);
    } else if (r->route.kind == INBOUND_BODY) {
        const enum err err = r->slot == NULL ? ERR_CANCELLED : intake_writer_feed(r->writer, data);
        if (err != ERR_OK)
            inbound_request_failed(r, err);
    } else if (data.len > r->cap - r->len) {
        inbound_request_status(r, 413);
    } else {
        memcpy(r->buf + r->len, data.ptr, data.len);
        r->len += data.len;
    }
}

static void
inbound_seal_end(struct inbound_request *r)
{
    if (!r->is_listing) {
        inbound_request_failed(r, ERR_SHORT);
        return;
    }
    inbound_request_listed(r);
}

static void
inbound_body_end(struct inbound_request *r)
{
    struct inbound *in = r->owner;
    struct inbound_slot *slot = r->slot;
    char text[64];
    struct span json;
    const enum err err = slot == NULL ? ERR_CANCELLED : intake_writer_end(r->writer);
    if (err != ERR_OK) {
        inbound_request_failed(r, err);
        return;
    }
    slot->used = ++in->uses;
    inbound_slot_tell(in, slot);
    const uint64_t held = intake_held(slot->intake);
    const bool is_complete = intake_is_complete(slot->intake);
    inbound_request_loose(r);
    if (corridor_json_groups_write(held, text, sizeof(text), &json) == ERR_OK)
        inbound_request_json(r, 200, json);
    if (is_complete)
        inbound_slot_drop(in, slot, NULL);
}

static void
inbound_on_end(struct inbound_request *r)
{
    if (r->reply.is_begun)
        return;
    switch (r->route.kind) {
    case INBOUND_HELLO:
        inbound_hello(r);
        break;
    case INBOUND_OFFER:
        inbound_ask_clerk(r, CORRIDOR_OFFER);
        break;
    case INBOUND_RELEASE:
        inbound_ask_clerk(r, CORRIDOR_RELEASE);
        break;
    case INBOUND_RECEIPT:
        inbound_ask_clerk(r, CORRIDOR_RECEIPT);
        break;
    case INBOUND_STATE:
        inbound_ask_clerk(r, CORRIDOR_STATE);
        break;
    case INBOUND_SEAL:
        inbound_seal_end(r);
        break;
    case INBOUND_BODY:
        inbound_body_end(r);
        break;
    case INBOUND_WITNESS_ADD:
        inbound_ask_ledger(r, WITNESS_ADD);
        break;
    case INBOUND_WITNESS_LATEST:
        inbound_ask_ledger(r, WITNESS_LATEST);
        break;
    case INBOUND_LOG:
        inbound_ask_log(r);
        break;
    }
}

static void
inbound_on_event(struct inbound_request *r, const struct http_event *event)
{
    switch (event->type) {
    case HTTP_EVENT_DATA:
        inbound_on_data(r, event->data);
        break;
    case HTTP_EVENT_END:
        inbound_on_end(r);
        break;
    case HTTP_EVENT_WRITABLE:
        reply_writable(&r->reply);
        break;
    case HTTP_EVENT_DONE:
    case HTTP_EVENT_ABORT:
        r->is_over = true;
        inbound_request_loose(r);
        break;
    case HTTP_EVENT_HEAD:
        break;
    }
}

void
inbound_event(struct inbound *in, void *conn, const char *peer, const struct http_event *event)
{
    inbound_enter(in);
    if (event->type == HTTP_EVENT_HEAD) {
        inbound_head(in, conn, peer, event);
    } else {
        struct inbound_request *r = inbound_request_find(in, conn, event->stream);
        if (r != NULL)
            inbound_on_event(r, event);
    }
    inbound_leave(in);
}

size_t
inbound_request_count(const struct inbound *in)
{
    size_t count = 0;
    for (const struct inbound_request *r = in->requests; r != NULL; r = r->next)
        count++;
    return count;
}

size_t
inbound_intake_count(const struct inbound *in)
{
    size_t count = 0;
    for (size_t i = 0; i < in->config.transfers_max; i++)
        count += in->slots[i].intake != NULL;
    return count;
}

uint64_t
inbound_bytes(const struct inbound *in)
{
    return in->bytes;
}
