/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/edge/upload.h"

#include <assert.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "gateway/core/ring.h"
#include "schemas/problem.h"

enum {
    UPLOAD_RETRY_MS = 250,
    UPLOAD_LOST_TRIES = 40, /* times UPLOAD_RETRY_MS without clerk: the client is told */
    UPLOAD_GRACE_MS = 30000,
};

enum upload_state {
    UPLOAD_IS_OPENING,   /* UPLOAD_OPEN is asked */
    UPLOAD_IS_RECEIVING, /* the body comes */
    UPLOAD_IS_CLOSING,   /* it is complete, the ring has no room for its end */
    UPLOAD_IS_STALLED,   /* the ring is of no use any more; clerk will say why */
    UPLOAD_IS_ENDED,     /* UPLOAD_END is asked, or about to be */
};

struct upload {
    struct upload_host *host;
    struct upload *next;
    struct upload **link;
    struct upload_sink sink;
    bool has_sink;
    bool is_asking;
    bool is_complete; /* the whole body was seen, possibly before GO when it is empty */
    enum upload_state state;
    enum upload_outcome outcome;
    uint8_t id[16];
    struct ring *ring;
    struct loop_watch *watch;
    struct loop_timer *timer;
    uint8_t *slot; /* reserved in the ring, fill bytes written */
    size_t fill;
    uint64_t granted;
    uint64_t received;
    uint64_t bytes_max;
    uint32_t wait_ms;
    unsigned tries;
    struct field_digest declared;
    struct digest *sha256;
    struct digest *sha512; /* NULL unless declared */
    uint8_t digest[32];
};

static void upload_ask_end(struct upload *u);

static void
upload_drop_ring(struct upload *u)
{
    loop_watch_free(u->watch);
    u->watch = NULL;
    u->slot = NULL;
    ring_free(u->ring);
    u->ring = NULL;
}

static void
upload_free(struct upload *u)
{
    struct upload_host *host = u->host;
    *u->link = u->next;
    if (u->next != NULL)
        u->next->link = u->link;
    host->count--;
    if (u->ring != NULL && u->state == UPLOAD_IS_ENDED && u->outcome != UPLOAD_COMPLETE)
        ring_abort(u->ring);
    upload_drop_ring(u);
    loop_timer_free(u->timer);
    digest_free(u->sha256);
    digest_free(u->sha512);
    free(u);
}

/* Tells the sink, once. */
static void
upload_answer(struct upload *u, const struct p_answer *p, struct msg *m)
{
    if (!u->has_sink)
        return;
    u->has_sink = false;
    u->sink.answer(u->sink.ctx, u->id, p, m);
}

static void
upload_answer_code(struct upload *u, enum problem_code code)
{
    const struct problem_info *info = problem_get(code);
    struct p_answer p = {.status = info->status, .code = span_str(info->code)};
    p.retry_after_s = info->retryable ? 2 : 0;
    p.flags = u->state == UPLOAD_IS_OPENING ? 0 : ANSWER_TRANSFER;
    upload_answer(u, &p, NULL);
}

/* -- the ring
 * ------------------------------------------------------------------------------------*/

static void
upload_give_credit(struct upload *u)
{
    const uint64_t room = (uint64_t)ring_ready(u->ring) * RING_SLOT_BYTES;
    const uint64_t used = u->fill + (u->granted - u->received);
    const uint64_t more = room > used ? room - used : 0;
    if (u->state != UPLOAD_IS_RECEIVING || !u->has_sink || more == 0)
        return;
    u->granted += more;
    u->sink.credit(u->sink.ctx, more);
}

/* The ring broke: its reader died or gave up. Clerk hears of that too, and why. */
static void
upload_stall(struct upload *u)
{
    u->state = UPLOAD_IS_STALLED;
    ring_abort(u->ring);
    upload_drop_ring(u);
    if (loop_timer_set(u->timer, u->host->role_ms) != ERR_OK)
        upload_answer_code(u, PROBLEM_INSPECTOR_FAILED);
}

static enum err
upload_flush(struct upload *u)
{
    if (u->fill > 0)
        TRY(ring_commit(u->ring, u->fill));
    u->fill = 0;
    u->slot = NULL;
    return ring_eof(u->ring);
}

/* Writes what is left and the end; ERR_AGAIN is tried again when there is room. */
static void
upload_close(struct upload *u)
{
    const enum err err = upload_flush(u);
    if (err == ERR_AGAIN)
        return;
    if (err != ERR_OK) {
        upload_stall(u);
        return;
    }
    u->state = UPLOAD_IS_ENDED;
    u->outcome = UPLOAD_COMPLETE;
    upload_ask_end(u);
}

static void
upload_on_room(void *ctx, unsigned events)
{
    struct upload *u = ctx;
    (void)events;
    ring_ack(u->ring);
    if (u->state == UPLOAD_IS_RECEIVING)
        upload_give_credit(u);
    else if (u->state == UPLOAD_IS_CLOSING)
        upload_close(u);
}

static enum err
upload_make_ring(struct upload *u, const struct p_upload_go *go)
{
    struct p_ring_upload p;
    struct msg m = {.type = MSG_RING_UPLOAD, .fd_count = RING_FDS};
    uint8_t body[64];
    struct chan *chan = go->inspector < ROLE_INDEX_MAX
                            ? u->host->chan(u->host->ctx, ROLE_INSPECTOR, go->inspector)
                            : NULL;
    if (chan == NULL || !chan_is_open(chan) || chan_incarnation(chan) != go->inspector_gen)
        return ERR_ROLE_LOST;
    TRY(ring_create(u->host->ring_slots, &u->ring));
    TRY(loop_watch_new(u->host->loop, ring_wait_fd(u->ring), upload_on_room, u, &u->watch));
    TRY(loop_watch_set(u->watch, LOOP_READ));
    memcpy(p.offer_hash, go->offer_hash, sizeof(p.offer_hash));
    TRY(payload_ring_upload_put(&p, body, sizeof(body), &m.body));
    memcpy(m.transfer, u->id, sizeof(m.transfer));
    ring_fds(u->ring, m.fds);
    return chan_send(chan, &m);
}

/* -- clerk
 * ---------------------------------------------------------------------------------------*/

static enum err
upload_on_end(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct upload *u = ctx;
    struct p_answer p;
    (void)chan;
    u->is_asking = false;
    if (err == ERR_OK &&
        (answer->type != MSG_ANSWER || payload_answer_get(answer->body, &p) != ERR_OK)) {
        upload_answer_code(u, PROBLEM_INTERNAL);
        upload_free(u);
        return ERR_PROTOCOL;
    }
    if (err == ERR_OK) {
        upload_answer(u, &p, answer);
        upload_free(u);
        return ERR_OK;
    }
    if (err == ERR_ROLE_LOST && loop_timer_set(u->timer, UPLOAD_RETRY_MS) == ERR_OK)
        return ERR_OK; /* what became of it is in clerk's rows */
    upload_answer_code(u, PROBLEM_INTERNAL);
    upload_free(u);
    return ERR_OK;
}

static void
upload_ask_end(struct upload *u)
{
    struct p_upload_end p = {
        .outcome = (uint8_t)u->outcome, .bytes = u->received, .wait_ms = u->wait_ms};
    struct msg m = {.type = MSG_UPLOAD_END};
    uint8_t body[128];
    struct chan *clerk = u->host->chan(u->host->ctx, ROLE_CLERK, 0);
    assert(!u->is_asking);
    memcpy(p.sha256, u->digest, sizeof(p.sha256));
    memcpy(m.transfer, u->id, sizeof(m.transfer));
    enum err err = payload_upload_end_put(&p, body, sizeof(body), &m.body);
    assert(err == ERR_OK);
    err = clerk == NULL ? ERR_ROLE_LOST
                        : chan_ask(clerk, &m, u->wait_ms + UPLOAD_GRACE_MS, upload_on_end, u, NULL);
    if (err == ERR_OK) {
        u->is_asking = true;
        return;
    }
    if (++u->tries < UPLOAD_LOST_TRIES && loop_timer_set(u->timer, UPLOAD_RETRY_MS) == ERR_OK)
        return;
    upload_answer_code(u, PROBLEM_INTERNAL);
    upload_free(u);
}

/* Ends it before its time. The ring stays as it is until clerk has answered: were it given up now,
 * inspector could tell clerk of that before we tell why, and the sender would hear of an inspector
 * that failed. */
static void
upload_fail(struct upload *u, enum upload_outcome outcome)
{
    u->state = UPLOAD_IS_ENDED;
    u->outcome = outcome;
    loop_timer_clear(u->timer);
    upload_ask_end(u);
}

static void
upload_on_time(void *ctx)
{
    struct upload *u = ctx;
    if (u->state == UPLOAD_IS_ENDED) {
        upload_ask_end(u);
        return;
    }
    /* Stalled, and nobody said why. */
    upload_answer_code(u, PROBLEM_INSPECTOR_FAILED);
    upload_fail(u, UPLOAD_ABORTED);
}

static enum err
upload_on_go(struct upload *u, const struct msg *answer)
{
    struct p_upload_go go;
    const enum err read = payload_upload_go_get(answer->body, &go);
    if (read != ERR_OK) {
        upload_answer_code(u, PROBLEM_INTERNAL);
        upload_free(u);
        return read;
    }
    memcpy(u->id, answer->transfer, sizeof(u->id));
    u->state = UPLOAD_IS_RECEIVING;
    u->bytes_max = go.bytes_max;
    if (!u->has_sink) {
        upload_fail(u, UPLOAD_ABORTED);
        return ERR_OK;
    }
    if (upload_make_ring(u, &go) != ERR_OK) {
        if (u->ring != NULL)
            ring_abort(u->ring);
        upload_drop_ring(u);
        u->state = UPLOAD_IS_STALLED;
        if (loop_timer_set(u->timer, u->host->role_ms) != ERR_OK)
            upload_on_time(u);
        return ERR_OK;
    }
    u->sink.go(u->sink.ctx);
    if (u->is_complete)
        upload_end(u);
    else
        upload_give_credit(u);
    return ERR_OK;
}

static enum err
upload_on_opened(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct upload *u = ctx;
    struct p_answer p;
    (void)chan;
    u->is_asking = false;
    if (err == ERR_OK && answer->type == MSG_UPLOAD_GO)
        return upload_on_go(u, answer);
    if (err == ERR_OK)
        err = answer->type == MSG_ANSWER ? payload_answer_get(answer->body, &p) : ERR_PROTOCOL;
    else
        answer = NULL;
    if (err == ERR_OK) {
        memcpy(u->id, answer->transfer, sizeof(u->id));
        upload_answer(u, &p, answer);
    } else {
        upload_answer_code(u, PROBLEM_INTERNAL);
    }
    upload_free(u);
    return answer == NULL ? ERR_OK : err;
}

/* -- the request
 * ---------------------------------------------------------------------------------*/

static enum err
upload_ask_open(struct upload *u, const struct p_upload_open *open)
{
    struct msg m = {.type = MSG_UPLOAD_OPEN};
    struct chan *clerk = u->host->chan(u->host->ctx, ROLE_CLERK, 0);
    if (clerk == NULL)
        return ERR_ROLE_LOST;
    uint8_t *body = malloc(MSG_PAYLOAD_MAX);
    if (body == NULL)
        return ERR_NOMEM;
    enum err err = payload_upload_open_put(open, body, MSG_PAYLOAD_MAX, &m.body);
    if (err == ERR_FULL)
        err = ERR_TOO_LARGE;
    if (err == ERR_OK)
        /* No deadline: an answer that came too late would be dropped, and its transfer forgotten.
         */
        err = chan_ask(clerk, &m, 0, upload_on_opened, u, NULL);
    u->is_asking = err == ERR_OK;
    free(body);
    return err;
}

enum err
upload_new(struct upload_host *host, const struct upload_request *request, struct upload **ret)
{
    if (host->count >= host->uploads_max)
        return ERR_FULL;
    struct upload *u = calloc(1, sizeof(*u));
    if (u == NULL)
        return ERR_NOMEM;
    u->host = host;
    u->sink = request->sink;
    u->declared = request->declared;
    u->wait_ms = request->wait_ms;
    u->next = host->first;
    u->link = &host->first;
    if (u->next != NULL)
        u->next->link = &u->next;
    host->first = u;
    host->count++;
    enum err err = digest_new(DIGEST_SHA256, &u->sha256);
    if (err == ERR_OK && u->declared.has_sha512)
        err = digest_new(DIGEST_SHA512, &u->sha512);
    if (err == ERR_OK)
        err = loop_timer_new(host->loop, upload_on_time, u, &u->timer);
    if (err == ERR_OK)
        err = upload_ask_open(u, &request->open);
    if (err != ERR_OK) {
        upload_free(u);
        return err;
    }
    u->has_sink = true;
    *ret = u;
    return ERR_OK;
}

static enum err
upload_put(struct upload *u, struct span bytes)
{
    TRY(digest_update(u->sha256, bytes));
    if (u->sha512 != NULL)
        TRY(digest_update(u->sha512, bytes));
    while (bytes.len > 0) {
        if (u->slot == NULL)
            TRY(ring_reserve(u->ring, &u->slot));
        const size_t room = RING_SLOT_BYTES - u->fill;
        const size_t len = bytes.len < room ? bytes.len : room;
        memcpy(u->slot + u->fill, bytes.ptr, len);
        u->fill += len;
        bytes = span_from(bytes, len);
        if (u->fill < RING_SLOT_BYTES)
            continue;
        TRY(ring_commit(u->ring, u->fill));
        u->slot = NULL;
        u->fill = 0;
    }
    return ERR_OK;
}

void
upload_data(struct upload *u, struct span bytes)
{
    u->received += bytes.len;
    u->host->bytes_in += bytes.len;
    if (u->state != UPLOAD_IS_RECEIVING)
        return;
    if (u->received > u->bytes_max) {
        upload_fail(u, UPLOAD_TOO_LARGE);
        return;
    }
    if (upload_put(u, bytes) != ERR_OK)
        upload_stall(u);
}

static bool
upload_is_true(struct upload *u)
{
    uint8_t sha512[64];
    if (digest_final(u->sha256, u->digest, sizeof(u->digest)) != ERR_OK)
        return false;
    if (u->declared.has_sha256 && memcmp(u->digest, u->declared.sha256, sizeof(u->digest)) != 0)
        return false;
    if (u->sha512 == NULL)
        return true;
    return digest_final(u->sha512, sha512, sizeof(sha512)) == ERR_OK &&
           memcmp(sha512, u->declared.sha512, sizeof(sha512)) == 0;
}

void
upload_end(struct upload *u)
{
    u->is_complete = true;
    if (u->state != UPLOAD_IS_RECEIVING)
        return;
    if (!upload_is_true(u)) {
        upload_fail(u, UPLOAD_DIGEST_MISMATCH);
        return;
    }
    u->state = UPLOAD_IS_CLOSING;
    upload_close(u);
}

void
upload_leave(struct upload *u, enum upload_outcome outcome)
{
    u->has_sink = false;
    if (u->state == UPLOAD_IS_RECEIVING || u->state == UPLOAD_IS_STALLED)
        upload_fail(u, outcome);
}

const uint8_t *
upload_sha256(const struct upload *u)
{
    return u->digest;
}

/* -- events of the process
 * -----------------------------------------------------------------------*/

enum err
upload_on_stop(struct upload_host *host, struct msg *m)
{
    struct p_upload_stop stop;
    enum problem_code code = PROBLEM_INTERNAL;
    TRY(payload_upload_stop_get(m->body, &stop));
    TRY(problem_find(stop.code, &code));
    for (struct upload *u = host->first; u != NULL; u = u->next) {
        if (u->state == UPLOAD_IS_OPENING || u->state == UPLOAD_IS_ENDED ||
            memcmp(u->id, m->transfer, sizeof(u->id)) != 0)
            continue;
        const struct problem_info *info = problem_get(code);
        const struct p_answer p = {.status = info->status,
                                   .code = stop.code,
                                   .detail = stop.detail,
                                   .retry_after_s = info->retryable ? 2 : 0,
                                   .flags = ANSWER_TRANSFER};
        if (u->ring != NULL)
            ring_abort(u->ring);
        upload_answer(u, &p, NULL);
        upload_free(u);
        break;
    }
    return ERR_OK;
}

void
upload_on_clerk(struct upload_host *host)
{
    struct upload *next = NULL;
    for (struct upload *u = host->first; u != NULL; u = next) {
        next = u->next;
        if (u->state == UPLOAD_IS_ENDED && !u->is_asking) {
            loop_timer_clear(u->timer);
            upload_ask_end(u);
        } else if (u->state != UPLOAD_IS_OPENING && u->state != UPLOAD_IS_ENDED) {
            /* A clerk that was restarted has given this transfer up. */
            upload_answer_code(u, PROBLEM_INTERNAL);
            upload_fail(u, UPLOAD_ABORTED);
        }
    }
}

void
upload_free_all(struct upload_host *host)
{
    while (host->first != NULL)
        upload_free(host->first);
}
