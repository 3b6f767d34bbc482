/* SPDX-License-Identifier: Apache-2.0 */
/* Judge: signed documents in, verdicts out. It says whether a container may be made (PREFLIGHT),
 * whether it may be released (DECIDE), and the same of what a peer offers; it builds record, entry
 * and salts of every decision, and tells keeper what was permitted. It holds no key, sees no
 * payload, and believes findings only from the inspector or by keeper's word. This is the engine
 * without process, loop or clock; judge_role.c joins it to channels.
 * Spec: design.md 3, 4, 5; docs/PROCESSES.md; formats.md Policy, Log. */
#ifndef TDZ_GATEWAY_JUDGE_JUDGE_H
#define TDZ_GATEWAY_JUDGE_JUDGE_H

#include "gateway/core/msg.h"
#include "gateway/core/payload.h"
#include "gateway/judge/judge_book.h"

/* What judge says. send: an error means that the role is not there. answer: to the question being
 * handled, once. */
struct judge_out {
    void *ctx;
    enum err (*send)(void *ctx, enum role_id role, enum msg_type type,
                     const uint8_t transfer[static 16], struct span body);
    enum err (*answer)(void *ctx, enum msg_type type, struct span body);
};

/* One message. file: the content of its descriptor, empty without one. */
struct judge_in {
    enum msg_type type;
    enum role_id from;
    uint8_t transfer[16];
    struct span body;
    struct span file;
    int64_t now_ms; /* wall clock, Unix milliseconds */
    bool clock_suspect;
};

struct judge_case;
struct judge_work;

struct judge {
    struct judge_out out;
    const struct judge_book *book;
    char zone[64];
    uint32_t policy_epoch;
    bool clock_told;                      /* by ledger: no peer agrees with our clock */
    bool in_force[REGISTER_POLICIES_MAX]; /* policies of book, at the time of judge_follow */
    bool floor_told;                      /* by ledger: what the book must not be behind */
    bool floor_met;                       /* it is not; nothing is decided or told before */
    uint8_t *floor;                       /* documents of P_POLICY_FLOOR */
    size_t floor_len;
    bool followed;              /* in_force was filled once */
    int64_t next_change_ms;     /* when others will be in force */
    uint32_t facts_max;         /* bytes of a request's facts */
    uint32_t offer_valid_s;     /* not_after minus created */
    uint32_t verdict_max_age_s; /* a permit's life */
    uint32_t crossing_margin_s; /* how long evidence must last beyond now */
    int64_t last_ms;            /* time of the last entry made: policy time never goes back */
    struct judge_case *cases;
    size_t case_count;
    uint64_t clock; /* of use, for eviction */
    struct judge_work *work;
    uint8_t scratch[MSG_PAYLOAD_MAX];
};

/* case_max transfers at once; book must outlive j or be replaced by judge_book_set. ERR_NOMEM. */
MUST_USE enum err judge_init(struct judge *j, const struct judge_book *book, size_t case_max,
                             uint32_t policy_epoch);
void judge_finish(struct judge *j);

/* Handles one message. Any error is a violation by its sender. Never asserts on input. */
MUST_USE enum err judge_handle(struct judge *j, const struct judge_in *in);

/* That book has what ledger said judge must have (true before it said so). ERR_DENIED, with the
 * document in ret_fault, which may be NULL. */
MUST_USE enum err judge_floor_check(const struct judge *j, const struct judge_book *book,
                                    struct fault *ret_fault);
/* Another book, which must outlive j; the caller may free the old one. True if a document changed:
 * the epoch is raised, keeper and clerk are told, and clerk is to be told the register. */
bool judge_activate(struct judge *j, const struct judge_book *book, int64_t now_ms);
/* Takes note of the policies in force at now. If they are others than before (an activation of the
 * future that begins, a document that ends), the epoch is raised and keeper and clerk are told.
 * judge_handle does so before every message. Returns when to call again: INT64_MAX for never. */
int64_t judge_follow(struct judge *j, int64_t now_ms);
/* The epoch to keeper: at start, at a reload, when keeper is new. */
void judge_tell_epoch(struct judge *j);
/* The policies to clerk as an entry each: in force, or activated for later. */
void judge_tell_policies(struct judge *j, int64_t now_ms);
/* Agreements and partners from number `from` on, as an entry each, to clerk: at most
 * JUDGE_TELL_BURST of them, so that its queue is not flooded. Returns where to go on, 0 at the end.
 */
enum { JUDGE_TELL_BURST = 64 };
size_t judge_tell_register(struct judge *j, size_t from, int64_t now_ms);
/* Clerk is a new process: what it did not store it asks again, and then gets new bytes. */
void judge_forget_answers(struct judge *j);

#endif
