/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer on its way to a peer: ask, offer, seal, runs of groups, ready. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/body.h"
#include "crypto/leaftree.h"
#include "crypto/seal.h"
#include "gateway/link/corridor_json.h"
#include "gateway/link/outbound_priv.h"
#include "schemas/text.h"

enum { FORWARD_TARGET_MAX = 128, FORWARD_SEAL_PREFIX = 4 };

static void
forward_drop(struct forward *f)
{
    struct outbound *o = f->owner;
    struct forward **link = &o->forwards;
    outbound_call_cancel(o, f);
    while (*link != f)
        link = &(*link)->next;
    *link = f->next;
    o->forward_count--;
    (void)close(f->body_fd);
    (void)close(f->groups_fd);
    free(f->records);
    free(f);
}

void
outbound_forward_free_all(struct outbound *o)
{
    while (o->forwards != NULL)
        forward_drop(o->forwards);
}

static struct forward *
forward_find(const struct outbound *o, const uint8_t transfer[static 16])
{
    for (struct forward *f = o->forwards; f != NULL; f = f->next) {
        if (memcmp(f->transfer, transfer, sizeof(f->transfer)) == 0)
            return f;
    }
    return NULL;
}

static void
forward_tell(const struct forward *f, enum forward_stage stage, struct span parcel,
             const char *detail)
{
    const struct outbound_out *out = &f->owner->config.out;
    const struct p_forward_state state = {
        .stage = (uint8_t)stage, .groups = f->acked, .parcel = parcel, .detail = span_str(detail)};
    out->state(out->ctx, f->transfer, &state);
}

/* Records into one block: OFFER, then SEAL with its length as it is sent. */
static enum err
forward_fill(struct forward *f, const struct p_forward *p)
{
    struct seal seal;
    TRY(seal_decode(p->seal, &seal));
    if (p->offer.len == 0 || seal.plain_len > BODY_PLAIN_MAX ||
        memcmp(seal.offer_hash, p->offer_hash, sizeof(seal.offer_hash)) != 0 ||
        body_bytes(seal.plain_len) != p->body_len)
        return ERR_RANGE;
    f->records = malloc(p->offer.len + FORWARD_SEAL_PREFIX + p->seal.len);
    if (f->records == NULL)
        return ERR_NOMEM;
    memcpy(f->records, p->offer.ptr, p->offer.len);
    uint8_t *at = f->records + p->offer.len;
    for (size_t i = 0; i < FORWARD_SEAL_PREFIX; i++)
        at[i] = (uint8_t)(p->seal.len >> (8 * (FORWARD_SEAL_PREFIX - 1 - i)));
    memcpy(at + FORWARD_SEAL_PREFIX, p->seal.ptr, p->seal.len);
    f->offer_len = p->offer.len;
    f->seal_len = p->seal.len;
    f->body_len = p->body_len;
    f->chunks = seal.chunk_count;
    f->groups = (seal.chunk_count + BODY_GROUP_CHUNKS - 1) / BODY_GROUP_CHUNKS;
    memcpy(f->offer_hash, p->offer_hash, sizeof(f->offer_hash));
    return ERR_OK;
}

static void
forward_append(struct outbound *o, struct forward *f)
{
    struct forward **link = &o->forwards;
    while (*link != NULL)
        link = &(*link)->next;
    *link = f;
    o->forward_count++;
}

enum err
outbound_forward(struct outbound *o, const uint8_t transfer[static 16],
                 const struct p_forward *forward, int body_fd, int groups_fd, bool has_go,
                 int64_t now_ms)
{
    struct forward *old = forward_find(o, transfer);
    struct forward *f = NULL;
    enum err err = ERR_OK;
    o->now_ms = now_ms;
    const bool is_same =
        old != NULL && memcmp(old->offer_hash, forward->offer_hash, sizeof(old->offer_hash)) == 0;
    if (old != NULL && !is_same)
        forward_drop(old);
    if (!is_same && o->forward_count >= o->config.transfers_max)
        err = ERR_FULL;
    if (!is_same && err == ERR_OK)
        f = calloc(1, sizeof(*f));
    if (!is_same && err == ERR_OK)
        err = f == NULL ? ERR_NOMEM : forward_fill(f, forward);
    if (is_same || err != ERR_OK) {
        (void)close(body_fd);
        (void)close(groups_fd);
        if (f != NULL)
            free(f->records);
        free(f);
        return err;
    }
    f->owner = o;
    f->body_fd = body_fd;
    f->groups_fd = groups_fd;
    f->has_go = has_go;
    f->retry_ms = o->config.retry_min_ms;
    memcpy(f->transfer, transfer, sizeof(f->transfer));
    forward_append(o, f);
    outbound_forward_run(o);
    return ERR_OK;
}

void
outbound_go(struct outbound *o, const uint8_t transfer[static 16],
            const uint8_t offer_hash[static 32], int64_t now_ms)
{
    struct forward *f = forward_find(o, transfer);
    o->now_ms = now_ms;
    if (f != NULL && memcmp(f->offer_hash, offer_hash, sizeof(f->offer_hash)) == 0) {
        f->has_go = true;
        outbound_forward_run(o);
    }
}

void
outbound_stop(struct outbound *o, const uint8_t transfer[static 16])
{
    struct forward *f = forward_find(o, transfer);
    if (f != NULL)
        forward_drop(f);
}

void
outbound_forget(struct outbound *o)
{
    outbound_forward_free_all(o);
}

/* Steps. */

static enum err
forward_call(struct forward *f, struct call *c, enum http_method method, const char *what,
             uint64_t length)
{
    char target[FORWARD_TARGET_MAX];
    char id[33];
    if (text_hex(span_of(f->transfer, sizeof(f->transfer)), id, sizeof(id)) != ERR_OK)
        id[0] = 0;
    (void)snprintf(target, sizeof(target), "/corridor/v1/transfers/%s%s", id, what);
    c->forward = f;
    memcpy(c->transfer, f->transfer, sizeof(c->transfer));
    return outbound_call_begin(f->owner, c, method, target, length, "application/octet-stream");
}

static enum err
forward_head(struct call *c, const uint8_t *ptr, size_t len)
{
    c->head = malloc(len);
    if (c->head == NULL)
        return ERR_NOMEM;
    memcpy(c->head, ptr, len);
    c->head_len = len;
    return ERR_OK;
}

static enum err
forward_send_offer(struct forward *f)
{
    struct call c = {.kind = CALL_OFFER, .file = -1};
    TRY(forward_head(&c, f->records, f->offer_len));
    return forward_call(f, &c, HTTP_PUT, "/offer", f->offer_len);
}

static enum err
forward_send_seal(struct forward *f)
{
    struct call c = {.kind = CALL_SEAL, .file = f->groups_fd};
    const size_t head = FORWARD_SEAL_PREFIX + f->seal_len;
    c.file_end = f->groups * LEAFTREE_HASH_BYTES;
    TRY(forward_head(&c, f->records + f->offer_len, head));
    return forward_call(f, &c, HTTP_PUT, "/seal", head + c.file_end);
}

static uint64_t
forward_offset(const struct forward *f, uint64_t group)
{
    return group >= f->groups ? f->body_len : body_chunk_offset(group * BODY_GROUP_CHUNKS);
}

static enum err
forward_send_run(struct forward *f)
{
    struct call c = {.kind = CALL_BODY, .file = f->body_fd, .first = f->next_group};
    const uint64_t left = f->groups - f->next_group;
    const uint64_t count = left < OUTBOUND_RUN_GROUPS ? left : OUTBOUND_RUN_GROUPS;
    char what[40];
    c.file_at = forward_offset(f, f->next_group);
    c.file_end = forward_offset(f, f->next_group + count);
    (void)snprintf(what, sizeof(what), "/body/%" PRIu64, f->next_group);
    TRY(forward_call(f, &c, HTTP_PUT, what, c.file_end - c.file_at));
    f->next_group += count;
    f->runs++;
    return ERR_OK;
}

static void
forward_step(struct forward *f, enum forward_step step)
{
    struct call c = {.kind = CALL_STATE, .file = -1};
    enum err err = ERR_OK;
    f->step = step;
    if (step == FORWARD_ASK)
        err = forward_call(f, &c, HTTP_GET, "", 0);
    else if (step == FORWARD_OFFER)
        err = forward_send_offer(f);
    else if (step == FORWARD_SEAL)
        err = forward_send_seal(f);
    while (err == ERR_OK && step == FORWARD_BODY && f->runs < OUTBOUND_RUNS_MAX &&
           f->next_group < f->groups)
        err = forward_send_run(f);
    /* No connection for it, or no room: begin again when there is. */
    if (err != ERR_OK && f->runs == 0) {
        f->step = FORWARD_WAIT;
        f->retry_at = f->owner->now_ms + f->retry_ms;
    }
}

static void
forward_pause(struct forward *f, const char *detail)
{
    const struct outbound_config *config = &f->owner->config;
    outbound_call_cancel(f->owner, f);
    f->step = FORWARD_WAIT;
    f->runs = 0;
    f->retry_at = f->owner->now_ms + f->retry_ms;
    f->retry_ms = f->retry_ms > config->retry_max_ms / 2 ? config->retry_max_ms : f->retry_ms * 2;
    forward_tell(f, FORWARD_UNREACHABLE, span_of(NULL, 0), detail);
}

static void
forward_ready(struct forward *f)
{
    f->acked = f->groups;
    forward_tell(f, FORWARD_READY, span_of(NULL, 0), "");
    forward_drop(f);
}

/* The peer has more than the body: clerk knows what, or has to find out. */
static void
forward_taken(struct forward *f)
{
    f->acked = f->groups;
    forward_tell(f, FORWARD_TAKEN, span_of(NULL, 0), "");
    forward_drop(f);
}

/* The body from the first group the peer does not hold. */
static void
forward_begin_body(struct forward *f, uint64_t held)
{
    if (held > f->groups) {
        forward_pause(f, "the peer claims more groups than there are");
        return;
    }
    f->acked = held;
    f->next_group = held;
    f->runs = 0;
    forward_tell(f, FORWARD_SEALED, span_of(NULL, 0), "");
    if (held == f->groups)
        forward_ready(f);
    else
        forward_step(f, FORWARD_BODY);
}

static void
forward_refused(struct forward *f, const struct call *c)
{
    if (c->status == 403 && c->kind == CALL_OFFER && c->answer_len > 0) {
        forward_tell(f, FORWARD_REFUSED, span_of(c->answer, c->answer_len), "");
        forward_drop(f);
        return;
    }
    char detail[64];
    (void)snprintf(detail, sizeof(detail), "the peer answered %u", (unsigned)c->status);
    forward_pause(f, c->status == 0 ? "the peer did not answer" : detail);
}

static void
forward_on_state(struct forward *f, const struct call *c)
{
    struct corridor_json_status s = {0};
    if (c->status == 404)
        s.state = CORRIDOR_JSON_NONE; /* it does not know the transfer */
    else if (c->status != 200 ||
             corridor_json_state_read(span_of(c->answer, c->answer_len), &s) != ERR_OK) {
        forward_refused(f, c);
        return;
    }
    if (s.state == CORRIDOR_JSON_COMPLETE)
        forward_ready(f);
    else if (s.state == CORRIDOR_JSON_RELEASED || s.has_receipt)
        forward_taken(f);
    else
        forward_step(f, FORWARD_OFFER); /* also when done: was it refused? */
}

static void
forward_on_offer(struct forward *f, const struct call *c)
{
    struct corridor_json_status s;
    if (c->status != 200 ||
        corridor_json_state_read(span_of(c->answer, c->answer_len), &s) != ERR_OK) {
        forward_refused(f, c);
        return;
    }
    forward_tell(f, FORWARD_OFFERED, span_of(NULL, 0), "");
    if (s.state == CORRIDOR_JSON_RELEASED)
        forward_taken(f);
    else if (s.state >= CORRIDOR_JSON_COMPLETE)
        forward_ready(f);
    else
        forward_step(f, FORWARD_SEAL);
}

static void
forward_on_seal(struct forward *f, const struct call *c)
{
    struct corridor_json_status s;
    if (c->status != 200 ||
        corridor_json_state_read(span_of(c->answer, c->answer_len), &s) != ERR_OK)
        forward_refused(f, c);
    else if (s.state >= CORRIDOR_JSON_COMPLETE)
        forward_ready(f);
    else
        forward_begin_body(f, s.groups);
}

static void
forward_on_body(struct forward *f, const struct call *c)
{
    uint64_t held = 0;
    if (c->status != 200 ||
        corridor_json_groups_read(span_of(c->answer, c->answer_len), &held) != ERR_OK ||
        held > f->groups) {
        forward_refused(f, c);
        return;
    }
    f->runs--;
    f->retry_ms = f->owner->config.retry_min_ms; /* it moves */
    if (held > f->acked)
        f->acked = held;
    if (f->acked == f->groups) {
        forward_ready(f);
    } else if (f->next_group == f->groups && f->runs == 0) {
        forward_pause(f, "the peer does not hold what it acknowledged");
    } else {
        forward_tell(f, FORWARD_SENDING, span_of(NULL, 0), "");
        forward_step(f, FORWARD_BODY);
    }
}

void
outbound_forward_answer(struct forward *f, const struct call *c)
{
    if (c->kind == CALL_STATE)
        forward_on_state(f, c);
    else if (c->kind == CALL_OFFER)
        forward_on_offer(f, c);
    else if (c->kind == CALL_SEAL)
        forward_on_seal(f, c);
    else if (c->kind == CALL_BODY)
        forward_on_body(f, c);
}

void
outbound_forward_run(struct outbound *o)
{
    size_t active = 0;
    if (!o->is_up || o->http == NULL)
        return;
    for (const struct forward *f = o->forwards; f != NULL; f = f->next)
        active += f->step != FORWARD_WAIT;
    for (struct forward *f = o->forwards; f != NULL && active < OUTBOUND_ACTIVE_MAX; f = f->next) {
        if (f->step != FORWARD_WAIT || !f->has_go || o->now_ms < f->retry_at)
            continue;
        forward_step(f, FORWARD_ASK);
        active += f->step != FORWARD_WAIT;
    }
}

void
outbound_forward_lost(struct outbound *o)
{
    for (struct call *c = o->calls; c != NULL; c = c->next) {
        c->is_over = c->is_over || c->forward != NULL;
        c->forward = NULL;
    }
    for (struct forward *f = o->forwards; f != NULL; f = f->next) {
        const bool was_active = f->step != FORWARD_WAIT;
        f->step = FORWARD_WAIT;
        f->runs = 0;
        f->retry_at = o->now_ms;
        if (was_active)
            forward_tell(f, FORWARD_UNREACHABLE, span_of(NULL, 0), o->detail);
    }
}
