/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between roles: one SOCK_SEQPACKET datagram each, a fixed header, a payload written with
 * schemas/wire.h, and descriptors by SCM_RIGHTS. The table of what may be said is msg.def; this
 * file turns it into an enum and checks every message against it, both when it is sent (a bug of
 * ours) and when it is received (a violation by the sender, who is ended for it).
 *
 * A row of msg.def:
 *   MSG(NAME, number, from, to, bytes_max, fds, flags)
 *     from, to   sets of roles: ROLES(EDGE) | ROLES(LINK), ROLES_CHILDREN, ROLES_ALL
 *     bytes_max  largest payload, at most MSG_PAYLOAD_MAX
 *     fds        how many descriptors come with it: exactly, or at most with MSG_F_FDS_UPTO
 *     flags      one of MSG_F_TELL, MSG_F_ASK, MSG_F_ANSWER, MSG_F_EITHER, and modifiers
 * A socketpair exists between two roles exactly when a row names them (either way); a second one
 * exists when a row with MSG_F_BLOCKING does, and such rows travel only there.
 * Spec: design.md 4, docs/PROCESSES.md. */
#ifndef TDZ_GATEWAY_CORE_MSG_H
#define TDZ_GATEWAY_CORE_MSG_H

#include "gateway/core/role.h"

enum { MSG_VERSION = 1 };
/* u16 version, u16 type, u32 generation, u32 seq, u32 re, transfer[16], u32 len. */
enum { MSG_HEADER_BYTES = 36 };
/* Below the smallest default socket buffer with room for the header; larger things go by memfd. */
enum { MSG_PAYLOAD_MAX = 60 * 1024 };
enum { MSG_BYTES_MAX = MSG_HEADER_BYTES + MSG_PAYLOAD_MAX };
enum { MSG_FDS_MAX = 8 };
enum { MSG_TRANSFER_BYTES = 16 };

enum {
    MSG_F_TELL = 1,      /* neither asks nor answers: re is 0 */
    MSG_F_ASK = 2,       /* a question: re is 0, an answer is expected */
    MSG_F_ANSWER = 4,    /* an answer: re names the question's seq */
    MSG_F_EITHER = 8,    /* may be told or answer (re may be 0 or not) */
    MSG_F_FDS_UPTO = 16, /* fewer descriptors than the column says are allowed */
    MSG_F_BLOCKING = 32, /* travels only on the pair's second channel, asked blocking */
    MSG_F_TRANSFER = 64, /* the transfer field must not be all zero */
};

enum msg_type {
    MSG_NONE = 0,
#define MSG(NAME, number, from, to, bytes_max, fds, flags) MSG_##NAME = (number),
#include "gateway/core/msg.def"
#undef MSG
};

/* One message, received or to be sent. Received: body is a view valid until the handler returns;
 * descriptors the handler did not take with msg_take_fd are closed after it. Sent: body and fds
 * stay the caller's (descriptors are duplicated by the kernel or the queue). */
struct msg {
    enum msg_type type;
    uint32_t generation; /* set by chan; of the channel */
    uint32_t seq;        /* set by chan; counts from 1 per direction and generation */
    uint32_t re;         /* the seq answered; 0 = not an answer */
    uint8_t transfer[MSG_TRANSFER_BYTES]; /* all zero when none is meant */
    struct span body;
    int fds[MSG_FDS_MAX];
    size_t fd_count;
};

/* What a row of the table says. */
struct msg_rule {
    const char *name;
    uint16_t number;
    uint32_t from;
    uint32_t to;
    uint32_t bytes_max;
    uint8_t fds;
    uint8_t flags;
};

/* The rows in table order; *ret_count of them. */
const struct msg_rule *msg_rules(size_t *ret_count);

/* The row of a number from the wire, or NULL. */
const struct msg_rule *msg_rule_of(uint32_t number);

/* The name in msg.def, or "?" for a type that is not in it. Static text. */
const char *msg_name(enum msg_type type);

/* True if some row lets a and b talk (either way) on their ordinary / blocking channel. */
bool msg_pair_allowed(enum role_id a, enum role_id b, bool blocking);

/* True if a row with MSG_F_BLOCKING asks from `from` to `to`. */
bool msg_asks_blocking(enum role_id from, enum role_id to);

/* Checks m against the table for a message of from to to. ERR_PROTOCOL: type unknown, pair not
 * allowed, wrong channel (blocking), re missing or too much, transfer missing, descriptor count
 * wrong. ERR_TOO_LARGE: payload beyond its row. */
MUST_USE enum err msg_check(const struct msg *m, enum role_id from, enum role_id to, bool blocking);

/* Writes header and payload into buf[MSG_BYTES_MAX] or larger. ERR_FULL when cap is too small. */
MUST_USE enum err msg_encode(const struct msg *m, uint8_t *buf, size_t cap, size_t *ret_len);

/* Reads a datagram; body becomes a view into in, fds are left empty. ERR_SHORT, ERR_TRAILING
 * (length field and datagram disagree), ERR_VERSION, ERR_PROTOCOL (no such type). */
MUST_USE enum err msg_decode(struct span in, struct msg *ret);

/* Takes descriptor i out of m: the caller owns it now. -1 if there is none. */
int msg_take_fd(struct msg *m, size_t i);

/* Closes the descriptors still in m. */
void msg_close_fds(struct msg *m);

#endif
