/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/edge/pull.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/core/ring.h"
#include "schemas/problem.h"

enum { PULL_GRACE_MS = 60000 };

struct pull {
    struct pull_host *host;
    struct pull *next;
    struct pull **link;
    struct pull_sink sink;
    bool has_sink;
    bool is_granted; /* PULL_GO came */
    bool is_blocked; /* the sink has no room */
    bool is_busy;    /* within go of the sink: it may leave, but not be freed */
    uint8_t transfer[16];
    uint32_t number;
    uint64_t left; /* bytes still to come */
    struct ring *ring;
    struct loop_watch *watch;
    struct loop_timer *timer; /* until the ring comes */
    size_t held_at;
    size_t held_len;
    uint8_t *held; /* one slot, RING_SLOT_BYTES */
};

static void
pull_free(struct pull *p)
{
    struct pull_host *host = p->host;
    *p->link = p->next;
    if (p->next != NULL)
        p->next->link = p->link;
    host->count--;
    loop_watch_free(p->watch);
    loop_timer_free(p->timer);
    ring_free(p->ring);
    if (p->held != NULL)
        explicit_bzero(p->held, RING_SLOT_BYTES);
    free(p->held);
    free(p);
}

/* Clerk forgets the pull; a sealer that still works on it hears of it by the ring. */
static void
pull_tell_end(struct pull *p, bool complete)
{
    const struct p_pull_end end = {.pull = p->number, .complete = complete ? 1 : 0};
    struct msg m = {.type = MSG_PULL_END};
    uint8_t body[16];
    struct chan *clerk = p->host->chan(p->host->ctx, ROLE_CLERK, 0);
    memcpy(m.transfer, p->transfer, sizeof(m.transfer));
    if (!complete && p->ring != NULL)
        ring_abort(p->ring);
    /* A clerk that cannot be told is new and knows of no pull. */
    if (clerk != NULL && payload_pull_end_put(&end, body, sizeof(body), &m.body) == ERR_OK)
        (void)!chan_send(clerk, &m);
}

static void
pull_finish(struct pull *p, enum err err)
{
    const struct pull_sink sink = p->sink;
    const bool had = p->has_sink;
    pull_tell_end(p, err == ERR_OK);
    pull_free(p);
    if (had)
        sink.end(sink.ctx, err);
}

/* Gives what is held to the sink. ERR_AGAIN: it has no room. */
static enum err
pull_give(struct pull *p)
{
    while (p->held_at < p->held_len) {
        size_t len = 0;
        TRY(p->sink.bytes(p->sink.ctx, span_of(p->held + p->held_at, p->held_len - p->held_at),
                          &len));
        p->held_at += len;
        p->left -= len;
        p->host->bytes_out += len;
    }
    return ERR_OK;
}

static enum err
pull_step(struct pull *p)
{
    bool eof = false;
    TRY(pull_give(p));
    p->held_at = 0;
    p->held_len = 0;
    TRY(ring_read(p->ring, p->held, RING_SLOT_BYTES, &p->held_len, &eof));
    if (p->held_len > p->left)
        return ERR_PROTOCOL;
    if (!eof)
        return ERR_OK;
    return p->left == 0 ? ERR_CLOSED : ERR_SHORT;
}

static void
pull_pump(struct pull *p)
{
    enum err err = ERR_OK;
    p->is_blocked = false;
    while (err == ERR_OK)
        err = pull_step(p);
    if (err == ERR_AGAIN) {
        p->is_blocked = p->held_at < p->held_len;
        /* With the sink full the ring is left alone, or its eventfd would spin. */
        if (loop_watch_set(p->watch, p->is_blocked ? 0 : LOOP_READ) == ERR_OK)
            return;
        err = ERR_SYS;
    }
    pull_finish(p, err == ERR_CLOSED ? ERR_OK : err);
}

static void
pull_on_data(void *ctx, unsigned events)
{
    struct pull *p = ctx;
    (void)events;
    ring_ack(p->ring);
    if (!p->is_blocked)
        pull_pump(p);
}

void
pull_writable(struct pull *p)
{
    if (p->is_blocked)
        pull_pump(p);
}

/* -- the ring
 * ------------------------------------------------------------------------------------*/

static enum err
pull_attach(struct pull *p, const int fds[static RING_FDS])
{
    TRY(ring_attach(
        fds, p->host->ring_slots > RING_SLOTS_DEFAULT ? p->host->ring_slots : RING_SLOTS_DEFAULT,
        &p->ring));
    loop_timer_clear(p->timer);
    p->held = malloc(RING_SLOT_BYTES);
    if (p->held == NULL)
        return ERR_NOMEM;
    TRY(loop_watch_new(p->host->loop, ring_wait_fd(p->ring), pull_on_data, p, &p->watch));
    return loop_watch_set(p->watch, LOOP_READ);
}

static void
pull_join(struct pull *p, const int fds[static RING_FDS])
{
    const enum err err = pull_attach(p, fds);
    if (err == ERR_OK)
        pull_pump(p); /* slots may be there already */
    else
        pull_finish(p, err);
}

static struct pull_waiting *
pull_find_waiting(struct pull_host *host, const uint8_t transfer[static 16], uint32_t number)
{
    for (size_t i = 0; i < PULL_RINGS_WAITING_MAX; i++) {
        struct pull_waiting *w = &host->waiting[i];
        if (w->used && w->number == number && memcmp(w->transfer, transfer, 16) == 0)
            return w;
    }
    return NULL;
}

static void
pull_drop_waiting(struct pull_waiting *w)
{
    for (size_t i = 0; i < RING_FDS; i++)
        (void)close(w->fds[i]);
    w->used = false;
}

/* The ring came before clerk's word, which travels another way. */
static void
pull_keep_ring(struct pull_host *host, struct msg *m, uint32_t number)
{
    struct pull_waiting *free_slot = NULL;
    bool expected = false;
    for (const struct pull *p = host->first; p != NULL && !expected; p = p->next)
        expected = !p->is_granted && memcmp(p->transfer, m->transfer, sizeof(p->transfer)) == 0;
    for (size_t i = 0; i < PULL_RINGS_WAITING_MAX && free_slot == NULL; i++)
        free_slot = host->waiting[i].used ? NULL : &host->waiting[i];
    if (!expected || free_slot == NULL)
        return; /* its descriptors are closed with the message; the sealer sees nobody read */
    free_slot->used = true;
    free_slot->number = number;
    memcpy(free_slot->transfer, m->transfer, sizeof(free_slot->transfer));
    for (size_t i = 0; i < RING_FDS; i++)
        free_slot->fds[i] = msg_take_fd(m, i);
}

enum err
pull_on_ring(struct pull_host *host, struct msg *m)
{
    struct p_ring_pull ring;
    int fds[RING_FDS];
    TRY(payload_ring_pull_get(m->body, &ring));
    for (struct pull *p = host->first; p != NULL; p = p->next) {
        if (!p->is_granted || p->number != ring.pull ||
            memcmp(p->transfer, m->transfer, sizeof(p->transfer)) != 0)
            continue;
        if (p->ring != NULL)
            return ERR_STATE;
        for (size_t i = 0; i < RING_FDS; i++)
            fds[i] = msg_take_fd(m, i);
        pull_join(p, fds);
        return ERR_OK;
    }
    pull_keep_ring(host, m, ring.pull);
    return ERR_OK;
}

/* -- clerk
 * ---------------------------------------------------------------------------------------*/

static void
pull_refused(struct pull *p, const struct p_answer *said, struct msg *m)
{
    const struct problem_info *info = problem_get(PROBLEM_INTERNAL);
    const struct p_answer own = {
        .status = info->status, .code = span_str(info->code), .retry_after_s = 2};
    const struct pull_sink sink = p->sink;
    const bool had = p->has_sink;
    pull_free(p);
    if (had)
        sink.refused(sink.ctx, said == NULL ? &own : said, m);
}

/* The ring did not come. */
static void
pull_on_time(void *ctx)
{
    pull_finish(ctx, ERR_TIMEOUT);
}

static enum err
pull_granted(struct pull *p, const struct p_pull_go *go)
{
    if (go->total > 0 && (go->first > go->last || go->last >= go->total))
        return ERR_RANGE;
    p->is_granted = true;
    p->number = go->pull;
    p->left = go->total == 0 ? 0 : go->last - go->first + 1;
    return loop_timer_set(p->timer, PULL_GRACE_MS);
}

static enum err
pull_on_answer(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct pull *p = ctx;
    struct p_answer said;
    struct p_pull_go go;
    (void)chan;
    if (err != ERR_OK) {
        pull_refused(p, NULL, NULL);
        return ERR_OK;
    }
    if (answer->type == MSG_ANSWER) {
        err = payload_answer_get(answer->body, &said);
        pull_refused(p, err == ERR_OK ? &said : NULL, err == ERR_OK ? answer : NULL);
        return err;
    }
    err = answer->type == MSG_PULL_GO ? payload_pull_go_get(answer->body, &go) : ERR_PROTOCOL;
    if (err == ERR_OK)
        err = pull_granted(p, &go);
    if (err != ERR_OK) {
        pull_refused(p, NULL, NULL);
        return err;
    }
    p->is_busy = true;
    if (p->has_sink)
        p->sink.go(p->sink.ctx, &go);
    p->is_busy = false;
    if (!p->has_sink) {
        pull_finish(p, ERR_CANCELLED);
        return ERR_OK;
    }
    struct pull_waiting *w = pull_find_waiting(p->host, p->transfer, p->number);
    if (w != NULL) {
        w->used = false;
        pull_join(p, w->fds);
    }
    return ERR_OK;
}

enum err
pull_new(struct pull_host *host, const uint8_t transfer[static 16], const struct p_pull_open *open,
         const struct pull_sink *sink, struct pull **ret)
{
    struct msg m = {.type = MSG_PULL_OPEN};
    uint8_t body[512];
    struct chan *clerk = host->chan(host->ctx, ROLE_CLERK, 0);
    if (host->count >= host->pulls_max)
        return ERR_FULL;
    if (clerk == NULL)
        return ERR_ROLE_LOST;
    TRY(payload_pull_open_put(open, body, sizeof(body), &m.body));
    memcpy(m.transfer, transfer, sizeof(m.transfer));
    struct pull *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ERR_NOMEM;
    p->host = host;
    p->sink = *sink;
    p->has_sink = true;
    memcpy(p->transfer, transfer, sizeof(p->transfer));
    p->next = host->first;
    p->link = &host->first;
    if (p->next != NULL)
        p->next->link = &p->next;
    host->first = p;
    host->count++;
    enum err err = loop_timer_new(host->loop, pull_on_time, p, &p->timer);
    if (err == ERR_OK)
        err = chan_ask(clerk, &m, 0, pull_on_answer, p, NULL);
    if (err != ERR_OK) {
        pull_free(p);
        return err;
    }
    *ret = p;
    return ERR_OK;
}

void
pull_leave(struct pull *p)
{
    p->has_sink = false;
    if (p->is_granted && !p->is_busy)
        pull_finish(p, ERR_CANCELLED);
}

void
pull_free_all(struct pull_host *host)
{
    while (host->first != NULL)
        pull_free(host->first);
    for (size_t i = 0; i < PULL_RINGS_WAITING_MAX; i++) {
        if (host->waiting[i].used)
            pull_drop_waiting(&host->waiting[i]);
    }
}
