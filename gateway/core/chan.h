/* SPDX-License-Identifier: Apache-2.0 */
/* One end of the socketpair to one other role instance. A chan is a slot that lives as long as the
 * process: when the peer dies it is closed, when the warden brings the new one it is opened again
 * with another generation, and the pointer stays good. Sending never blocks: what the socket does
 * not take is queued within a budget, and beyond it the caller gets ERR_FULL. Receiving checks
 * every message against msg.def, its generation and its sequence; a violation closes the channel
 * and is reported to the warden, which ends the sender. The receiver lives.
 *
 * Set-up allocates; sending and receiving do not. Spec: design.md 4, Messages. */
#ifndef TDZ_GATEWAY_CORE_CHAN_H
#define TDZ_GATEWAY_CORE_CHAN_H

#include "gateway/core/loop.h"
#include "gateway/core/msg.h"
#include "tdz_config.h"

enum { CHAN_QUEUE_BYTES = 256 * 1024 }; /* waiting bytes per channel, headers included */
enum { CHAN_QUEUE_COUNT = 512 };        /* waiting messages per channel */
enum { CHAN_QUEUE_FDS = 64 };           /* waiting descriptors per channel */
enum { CHAN_ASKED_MAX = 1024 };         /* open questions per channel; a power of two */
enum { CHAN_READ_BURST = 32 }; /* messages taken per turn, so that no peer starves others */

struct chan;

/* Called once per question: with err ERR_OK and the answer (of any type msg.def lets the peer
 * answer with: check answer->type), or with answer NULL and ERR_ROLE_LOST (the peer died),
 * ERR_TIMEOUT, ERR_CANCELLED. What it returns counts only with an answer: anything but ERR_OK is a
 * violation by the peer (wrong answer type, nonsense in it) and ends it. */
#define CHAN_ANSWER_FN(name) \
    enum err (*name)(void *ctx, struct chan *chan, enum err err, struct msg *answer)

/* What all channels of one process share. The callbacks run from the loop. */
struct chan_host {
    struct loop *loop;
    enum role_id self;
    unsigned self_index;
    void *ctx;
    /* While set nothing is read from any channel but the warden's: a peer may speak before this
     * process is ready to hear. chan_listen ends it for one channel. */
    bool is_deaf;
    /* A message that is not an answer to an open question. ERR_OK, or any error = the sender broke
     * the rules (channel closed, reported). Take descriptors with msg_take_fd. */
    enum err (*on_message)(void *ctx, struct chan *chan, struct msg *m);
    /* The peer closed or died; open questions were failed already; the chan is closed. */
    void (*on_lost)(void *ctx, struct chan *chan);
    /* The peer broke the rules; the chan is closed. type is the number it used (0 = unreadable). */
    void (*on_violation)(void *ctx, struct chan *chan, enum err why, uint32_t type);
    uint8_t rx[MSG_BYTES_MAX + 1]; /* one byte more shows an oversized datagram */
    uint8_t tx[MSG_BYTES_MAX];
};

/* A closed channel to instance index of role peer. blocking: the pair's second channel; on the
 * asking side (msg_asks_blocking) it is used with chan_call_blocking only and never watched. Keeps
 * host, which must outlive it. ERR_NOMEM. */
MUST_USE enum err chan_new(struct chan_host *host, enum role_id peer, unsigned index, bool blocking,
                           struct chan **ret);
void chan_free(struct chan *chan);

/* Starts a generation on fd (non-blocking SOCK_SEQPACKET socket; owned by chan from now on, also on
 * error). A chan that is open is closed first, as if the peer had died. ERR_SYS, ERR_NOMEM. */
MUST_USE enum err chan_open(struct chan *chan, int fd, uint32_t generation);

/* Closes; open questions fail with ERR_ROLE_LOST from within this call. No callback of host. */
void chan_close(struct chan *chan);

/* Reads what waited while the host was deaf, and whatever comes. ERR_SYS, ERR_NOMEM. */
MUST_USE enum err chan_listen(struct chan *chan);

bool chan_is_open(const struct chan *chan);
bool chan_is_blocking(const struct chan *chan);
enum role_id chan_role(const struct chan *chan);
unsigned chan_index(const struct chan *chan);
uint32_t chan_generation(const struct chan *chan);
/* Which process of that role and index it is: one number for all who talk to it, so that one role
 * can name it to another (the fields inspector_gen, sealer_gen, source_gen, target_gen). A
 * generation names one socketpair only. chan_open sets it to the generation. */
uint32_t chan_incarnation(const struct chan *chan);
void chan_set_incarnation(struct chan *chan, uint32_t incarnation);
/* Bytes waiting to be sent, and room left within the budget. */
size_t chan_queued(const struct chan *chan);

/* Sends m (type, re, transfer, body, fds; generation and seq are set here). ERR_FULL: budget used
 * up, nothing was sent. ERR_ROLE_LOST: the peer is not there. ERR_PROTOCOL, ERR_TOO_LARGE: m is
 * not in the table (a bug of ours; nothing sent). ERR_SYS: descriptors could not be duplicated. */
MUST_USE enum err chan_send(struct chan *chan, const struct msg *m);

/* Sends a question and remembers it: fn is called exactly once, from the loop, unless this returns
 * an error. deadline_ms from now, 0 = none. ret_seq (may be NULL) names it for chan_cancel.
 * ERR_FULL also when CHAN_ASKED_MAX questions are open. Other errors as chan_send. */
MUST_USE enum err chan_ask(struct chan *chan, const struct msg *m, uint32_t deadline_ms,
                           CHAN_ANSWER_FN(fn), void *ctx, uint32_t *ret_seq);

/* Forgets a question: fn is not called any more; a late answer is dropped. */
void chan_cancel(struct chan *chan, uint32_t seq);

#if TDZ_FAULTS
/* Test builds only: sends an empty message of type whatever msg.def says, as a captured role
 * would. */
void chan_send_rogue(struct chan *chan, enum msg_type type);
#endif

/* Number of open questions. */
size_t chan_asked(const struct chan *chan);

/* How to answer a question later, after its message is gone. */
struct chan_ticket {
    struct chan *chan;
    uint32_t generation;
    uint32_t seq;
    uint8_t transfer[MSG_TRANSFER_BYTES];
};

struct chan_ticket chan_ticket_of(struct chan *chan, const struct msg *question);

/* Sends answer (type, body, fds; re and transfer are taken from the ticket). ERR_ROLE_LOST when the
 * asker of that generation is gone: nobody waits any more, drop it. Other errors as chan_send. */
MUST_USE enum err chan_answer(const struct chan_ticket *ticket, const struct msg *answer);

/* Asks on a blocking channel and waits for the answer, at most deadline_ms: for TLS signing by
 * edge, link and desk only. Descriptors are not carried. buf[MSG_BYTES_MAX] or larger holds the
 * answer, of which ret_answer->body is a view. ERR_TIMEOUT (the channel stays usable; a late answer
 * is skipped by the next call), ERR_ROLE_LOST and ERR_PROTOCOL from the answer (the channel is
 * closed until the warden brings a new one), ERR_PROTOCOL, ERR_TOO_LARGE on m. */
MUST_USE enum err chan_call_blocking(struct chan *chan, const struct msg *m, uint32_t deadline_ms,
                                     uint8_t *buf, size_t buf_len, struct msg *ret_answer);

#endif
