/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a channel: opening, closing, receiving, open questions. What is waiting to be sent is in
 * chan_queue.c. */
#include "gateway/core/chan.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/core/chan_queue.h"
#include "gateway/core/clock.h"
#include "gateway/core/rogue.h"

static_assert((CHAN_ASKED_MAX & (CHAN_ASKED_MAX - 1)) == 0, "CHAN_ASKED_MAX is a power of two");

struct chan_question {
    uint32_t seq; /* 0 = free: seq never is */
    CHAN_ANSWER_FN(fn);
    void *ctx;
    int64_t deadline_ms; /* monotonic; 0 = none */
};

struct chan {
    struct chan_host *host;
    enum role_id role;
    unsigned index;
    bool blocking;      /* the pair's second channel */
    bool asks_blocking; /* and we are the asking side of it: not watched */
    int fd;
    uint32_t generation;
    uint32_t incarnation;
    uint32_t tx_seq;
    uint32_t rx_seq;
    struct loop_watch *watch;
    struct loop_timer *timer;
    struct chan_queue queue;
    struct chan_question asked[CHAN_ASKED_MAX]; /* at seq modulo its size */
    size_t asked_count;
};

/* Later in serial arithmetic: counters of a channel that lives for years may wrap. */
static bool
chan_seq_after(uint32_t a, uint32_t b)
{
    return a != b && a - b < UINT32_C(1) << 31;
}

static void chan_expire(void *ctx);

enum err
chan_new(struct chan_host *host, enum role_id peer, unsigned index, bool blocking,
         struct chan **ret)
{
    assert(peer < ROLE_COUNT && index < ROLE_INDEX_MAX);
    struct chan *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    *c = (struct chan){.host = host, .role = peer, .index = index, .blocking = blocking};
    c->fd = -1;
    c->asks_blocking = blocking && msg_asks_blocking(host->self, peer);
    enum err err = chan_queue_init(&c->queue);
    if (err == ERR_OK)
        err = loop_timer_new(host->loop, chan_expire, c, &c->timer);
    if (err != ERR_OK) {
        chan_free(c);
        return err;
    }
    *ret = c;
    return ERR_OK;
}

void
chan_free(struct chan *chan)
{
    if (chan == NULL)
        return;
    chan_close(chan);
    chan_queue_finish(&chan->queue);
    loop_timer_free(chan->timer);
    free(chan);
}

static void chan_ready(void *ctx, unsigned events);

static unsigned
chan_hears(const struct chan *chan)
{
    return chan->host->is_deaf && chan->role != ROLE_WARDEN ? 0 : LOOP_READ;
}

enum err
chan_listen(struct chan *chan)
{
    if (chan->watch == NULL)
        return ERR_OK;
    return loop_watch_set(chan->watch,
                          LOOP_READ | (chan->queue.count > 0 ? (unsigned)LOOP_WRITE : 0U));
}

enum err
chan_open(struct chan *chan, int fd, uint32_t generation)
{
    assert(fd >= 0);
    chan_close(chan);
    chan->fd = fd;
    chan->generation = generation;
    chan->incarnation = generation;
    chan->tx_seq = 0;
    chan->rx_seq = 0;
#if TDZ_FAULTS
    rogue_meet(chan);
#endif
    if (chan->asks_blocking)
        return ERR_OK;
    enum err err = loop_watch_new(chan->host->loop, fd, chan_ready, chan, &chan->watch);
    if (err == ERR_OK)
        err = loop_watch_set(chan->watch, chan_hears(chan));
    if (err != ERR_OK)
        chan_close(chan);
    return err;
}

void
chan_close(struct chan *chan)
{
    if (chan->fd < 0)
        return;
    loop_watch_free(chan->watch);
    chan->watch = NULL;
    (void)close(chan->fd);
    chan->fd = -1;
    loop_timer_clear(chan->timer);
    chan_queue_clear(&chan->queue);
    for (size_t i = 0; i < CHAN_ASKED_MAX && chan->asked_count > 0; i++) {
        const struct chan_question q = chan->asked[i];
        if (q.seq == 0)
            continue;
        chan->asked[i] = (struct chan_question){.seq = 0};
        chan->asked_count--;
        /* Whatever it returns: there is no sender left to blame. */
        (void)!q.fn(q.ctx, chan, ERR_ROLE_LOST, NULL);
    }
    assert(chan->asked_count == 0);
}

bool
chan_is_open(const struct chan *chan)
{
    return chan->fd >= 0;
}

bool
chan_is_blocking(const struct chan *chan)
{
    return chan->blocking;
}

enum role_id
chan_role(const struct chan *chan)
{
    return chan->role;
}

unsigned
chan_index(const struct chan *chan)
{
    return chan->index;
}

uint32_t
chan_generation(const struct chan *chan)
{
    return chan->generation;
}

uint32_t
chan_incarnation(const struct chan *chan)
{
    return chan->incarnation;
}

void
chan_set_incarnation(struct chan *chan, uint32_t incarnation)
{
    chan->incarnation = incarnation;
}

size_t
chan_queued(const struct chan *chan)
{
    return chan->queue.bytes;
}

size_t
chan_asked(const struct chan *chan)
{
    return chan->asked_count;
}

static uint32_t
chan_next_seq(const struct chan *chan)
{
    return chan->tx_seq == UINT32_MAX ? 1 : chan->tx_seq + 1;
}

/* Checks, stamps and encodes m as number seq into the host's buffer. */
static enum err
chan_stamp(struct chan *chan, const struct msg *m, uint32_t seq, size_t *ret_len)
{
    struct msg out = *m;
    if (chan->fd < 0)
        return ERR_ROLE_LOST;
#if TDZ_FAULTS
    if (!rogue_may_send(chan->host->self, chan, &out)) {
        *ret_len = 0;
        return ERR_OK;
    }
#endif
    TRY(msg_check(m, chan->host->self, chan->role, chan->blocking));
    out.generation = chan->generation;
    out.seq = seq;
    return msg_encode(&out, chan->host->tx, sizeof(chan->host->tx), ret_len);
}

static enum err
chan_send_as(struct chan *chan, const struct msg *m, uint32_t seq)
{
    size_t len = 0;
    TRY(chan_stamp(chan, m, seq, &len));
    if (len == 0)
        return ERR_OK; /* held back by a hostile role of a test */
    TRY(chan_queue_send(&chan->queue, chan->fd, span_of(chan->host->tx, len), m->fds, m->fd_count));
    chan->tx_seq = seq;
    if (chan->watch != NULL && chan->queue.count > 0)
        return loop_watch_set(chan->watch, chan_hears(chan) | LOOP_WRITE);
    return ERR_OK;
}

enum err
chan_send(struct chan *chan, const struct msg *m)
{
    assert(!chan->asks_blocking);
    return chan_send_as(chan, m, chan_next_seq(chan));
}

#if TDZ_FAULTS
void
chan_send_rogue(struct chan *chan, enum msg_type type)
{
    struct msg m = {.type = type, .generation = chan->generation, .seq = chan_next_seq(chan)};
    size_t len = 0;
    if (msg_encode(&m, chan->host->tx, sizeof(chan->host->tx), &len) == ERR_OK)
        (void)!chan_queue_send(&chan->queue, chan->fd, span_of(chan->host->tx, len), NULL, 0);
}
#endif

/* Arms the channel's timer for the nearest deadline. */
static void
chan_schedule(struct chan *chan, int64_t now_ms)
{
    int64_t nearest = 0;
    for (size_t i = 0; i < CHAN_ASKED_MAX; i++) {
        const struct chan_question *q = &chan->asked[i];
        if (q->seq != 0 && q->deadline_ms != 0 && (nearest == 0 || q->deadline_ms < nearest))
            nearest = q->deadline_ms;
    }
    if (nearest == 0)
        return;
    const int64_t left = nearest > now_ms ? nearest - now_ms : 0;
    (void)!loop_timer_set(chan->timer, (uint32_t)left);
}

static void
chan_expire(void *ctx)
{
    struct chan *chan = ctx;
    const int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < CHAN_ASKED_MAX; i++) {
        const struct chan_question q = chan->asked[i];
        if (q.seq == 0 || q.deadline_ms == 0 || q.deadline_ms > now_ms)
            continue;
        chan->asked[i] = (struct chan_question){.seq = 0};
        chan->asked_count--;
        (void)!q.fn(q.ctx, chan, ERR_TIMEOUT, NULL);
    }
    chan_schedule(chan, now_ms);
}

enum err
chan_ask(struct chan *chan, const struct msg *m, uint32_t deadline_ms, CHAN_ANSWER_FN(fn),
         void *ctx, uint32_t *ret_seq)
{
    assert(fn != NULL && !chan->asks_blocking);
    if (chan->asked_count == CHAN_ASKED_MAX)
        return ERR_FULL;
    /* Numbers whose place is taken by an old open question are skipped. */
    uint32_t seq = chan_next_seq(chan);
    while (seq == 0 || chan->asked[seq % CHAN_ASKED_MAX].seq != 0)
        seq++;
    TRY(chan_send_as(chan, m, seq));
    struct chan_question *q = &chan->asked[seq % CHAN_ASKED_MAX];
    *q = (struct chan_question){.seq = seq, .fn = fn, .ctx = ctx};
    chan->asked_count++;
    if (deadline_ms != 0) {
        const int64_t now_ms = clock_mono_ms();
        q->deadline_ms = now_ms + deadline_ms;
        if (!loop_timer_is_set(chan->timer))
            (void)!loop_timer_set(chan->timer, deadline_ms);
        else
            chan_schedule(chan, now_ms);
    }
    if (ret_seq != NULL)
        *ret_seq = seq;
    return ERR_OK;
}

void
chan_cancel(struct chan *chan, uint32_t seq)
{
    struct chan_question *q = &chan->asked[seq % CHAN_ASKED_MAX];
    if (seq == 0 || q->seq != seq)
        return;
    *q = (struct chan_question){.seq = 0};
    chan->asked_count--;
}

struct chan_ticket
chan_ticket_of(struct chan *chan, const struct msg *question)
{
    struct chan_ticket ticket = {
        .chan = chan, .generation = chan->generation, .seq = question->seq};
    memcpy(ticket.transfer, question->transfer, sizeof(ticket.transfer));
    return ticket;
}

enum err
chan_answer(const struct chan_ticket *ticket, const struct msg *answer)
{
    struct msg out = *answer;
    if (!chan_is_open(ticket->chan) || ticket->chan->generation != ticket->generation)
        return ERR_ROLE_LOST;
    out.re = ticket->seq;
    memcpy(out.transfer, ticket->transfer, sizeof(out.transfer));
    return chan_send(ticket->chan, &out);
}

static void
chan_violated(struct chan *chan, enum err why, uint32_t type)
{
    chan_close(chan);
    chan->host->on_violation(chan->host->ctx, chan, why, type);
}

/* Hands an answer to its question; an answer nobody waits for any more is dropped. */
static enum err
chan_take_answer(struct chan *chan, struct msg *m)
{
    struct chan_question *q = &chan->asked[m->re % CHAN_ASKED_MAX];
    if (chan_seq_after(m->re, chan->tx_seq))
        return ERR_PROTOCOL;
    if (q->seq != m->re)
        return ERR_OK;
    const struct chan_question was = *q;
    *q = (struct chan_question){.seq = 0};
    chan->asked_count--;
    return was.fn(was.ctx, chan, ERR_OK, m);
}

/* Decodes and checks a datagram; on ERR_OK *ret is safe to hand to a role. */
static enum err
chan_check(const struct chan *chan, struct span datagram, struct msg *ret)
{
    int fds[MSG_FDS_MAX];
    const size_t fd_count = ret->fd_count;
    memcpy(fds, ret->fds, sizeof(fds));
    struct msg m = {.type = MSG_NONE};
    TRY(msg_decode(datagram, &m));
    memcpy(m.fds, fds, sizeof(fds));
    m.fd_count = fd_count;
    ret->type = m.type;
    TRY(msg_check(&m, chan->role, chan->host->self, chan->blocking));
    if (m.generation != chan->generation || !chan_seq_after(m.seq, chan->rx_seq))
        return ERR_PROTOCOL;
    *ret = m;
    return ERR_OK;
}

static void
chan_deliver(struct chan *chan, struct span datagram, struct msg *m)
{
    const uint32_t generation = chan->generation;
    enum err err = chan_check(chan, datagram, m);
    if (err == ERR_OK) {
        chan->rx_seq = m->seq;
#if TDZ_FAULTS
        rogue_heard(chan->host->self, chan, m);
#endif
        err = m->re != 0 ? chan_take_answer(chan, m)
                         : chan->host->on_message(chan->host->ctx, chan, m);
    }
    msg_close_fds(m);
    /* The handler may have closed or reopened the channel: then its verdict is about the past. */
    if (err != ERR_OK && chan_is_open(chan) && chan->generation == generation)
        chan_violated(chan, err, (uint32_t)m->type);
}

static void
chan_lost(struct chan *chan)
{
    chan_close(chan);
    chan->host->on_lost(chan->host->ctx, chan);
}

/* Takes one datagram. False when there is nothing more to take now. */
static bool
chan_receive(struct chan *chan)
{
    struct msg m = {.type = MSG_NONE};
    size_t len = 0;
    const enum err err =
        chan_queue_receive(chan->fd, chan->host->rx, sizeof(chan->host->rx), &m, &len);
    if (err == ERR_AGAIN)
        return false;
    if (err == ERR_CLOSED) {
        chan_lost(chan);
        return false;
    }
    if (err != ERR_OK) {
        msg_close_fds(&m);
        chan_violated(chan, err, 0);
        return false;
    }
    chan_deliver(chan, span_of(chan->host->rx, len), &m);
    return true;
}

static void
chan_ready(void *ctx, unsigned events)
{
    struct chan *chan = ctx;
    const uint32_t generation = chan->generation;
    if ((events & LOOP_WRITE) != 0) {
        /* A dead peer is noticed by reading, after everything it said was heard. */
        (void)!chan_queue_flush(&chan->queue, chan->fd);
        if (chan->queue.count == 0)
            (void)!loop_watch_set(chan->watch, chan_hears(chan));
    }
    if ((events & LOOP_READ) == 0)
        return;
    for (unsigned i = 0; i < CHAN_READ_BURST; i++) {
        if (!chan_receive(chan))
            return;
        if (!chan_is_open(chan) || chan->generation != generation)
            return;
    }
}

/* Waits until fd is ready for events or deadline_ms (monotonic) has passed. */
static enum err
chan_poll(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        const int64_t left = deadline_ms - clock_mono_ms();
        if (left <= 0)
            return ERR_TIMEOUT;
        struct pollfd p = {.fd = fd, .events = events};
        const int n = poll(&p, 1, (int)left);
        if (n > 0)
            return ERR_OK;
        if (n < 0 && errno != EINTR)
            return ERR_SYS;
    }
}

/* Takes the answer to seq; answers to questions that timed out before are skipped. */
static enum err
chan_blocking_take(struct chan *chan, uint32_t seq, uint8_t *buf, size_t buf_len, struct msg *ret)
{
    struct msg m = {.type = MSG_NONE};
    size_t len = 0;
    TRY(chan_queue_receive(chan->fd, buf, buf_len, &m, &len));
    enum err err = chan_check(chan, span_of(buf, len), &m);
    if (err == ERR_OK && m.re == 0)
        err = ERR_PROTOCOL;
    msg_close_fds(&m);
    TRY(err);
    chan->rx_seq = m.seq;
    if (m.re != seq)
        return chan_seq_after(m.re, seq) ? ERR_PROTOCOL : ERR_AGAIN;
    *ret = m;
    return ERR_OK;
}

static enum err
chan_blocking_wait(struct chan *chan, uint32_t seq, int64_t deadline_ms, uint8_t *buf,
                   size_t buf_len, struct msg *ret)
{
    for (;;) {
        TRY(chan_poll(chan->fd, POLLIN, deadline_ms));
        const enum err err = chan_blocking_take(chan, seq, buf, buf_len, ret);
        if (err != ERR_AGAIN)
            return err;
    }
}

enum err
chan_call_blocking(struct chan *chan, const struct msg *m, uint32_t deadline_ms, uint8_t *buf,
                   size_t buf_len, struct msg *ret_answer)
{
    assert(chan->asks_blocking && buf_len >= MSG_BYTES_MAX);
    const int64_t deadline = clock_mono_ms() + deadline_ms;
    const uint32_t seq = chan_next_seq(chan);
    size_t len = 0;
    if (m->fd_count != 0)
        return ERR_PROTOCOL;
    TRY(chan_stamp(chan, m, seq, &len));
    enum err err = ERR_AGAIN;
    while (err == ERR_AGAIN) {
        const ssize_t n = send(chan->fd, chan->host->tx, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        err = n == (ssize_t)len ? ERR_OK
                                : (errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_ROLE_LOST);
        if (err == ERR_AGAIN && chan_poll(chan->fd, POLLOUT, deadline) != ERR_OK)
            return ERR_TIMEOUT;
    }
    if (err == ERR_OK) {
        chan->tx_seq = seq;
        err = chan_blocking_wait(chan, seq, deadline, buf, buf_len, ret_answer);
    }
    if (err == ERR_OK || err == ERR_TIMEOUT)
        return err;
    chan_close(chan);
    return err == ERR_CLOSED ? ERR_ROLE_LOST : err;
}
