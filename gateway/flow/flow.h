/* SPDX-License-Identifier: Apache-2.0 */
/* The engine that drives every transfer from durable state to durable state. It knows the store,
 * the spool and the messages, but no process: messages leave through struct flow_outbound, and
 * what comes in is handed to flow_message, flow_answer, flow_lost, flow_new_peer and flow_tick.
 * Nothing is told to anybody before it is stored (flow_run_save is the only writer of states).
 * After any restart flow_start reads the rows that are not at rest and goes on with each.
 *
 * Set-up allocates; afterwards only messages that wait for their other half are copied to the heap
 * (at most two per transfer under way). Spec: design.md 5, docs/PROCESSES.md. */
#ifndef TDZ_GATEWAY_FLOW_FLOW_H
#define TDZ_GATEWAY_FLOW_FLOW_H

#include "gateway/clerk/store.h"
#include "gateway/core/chan.h"
#include "gateway/core/msg.h"
#include "gateway/core/payload.h"

enum { FLOW_PEERS_MAX = 16, FLOW_VKEYS_MAX = 32 };
enum { FLOW_RUNS_MAX = 1024 }; /* transfers in conversation at a time; more wait in the store */
enum { FLOW_JOBS_MAX = 1024 }; /* pulls, errands, questions and long polls at a time */

/* What the operator's log should hear. */
enum flow_notice {
    FLOW_NOTICE_RECOVERED,   /* rows were taken up again after a start */
    FLOW_NOTICE_UNPROVED,    /* a RELEASE that no logged decision allows; value: what is wrong */
    FLOW_NOTICE_BEHIND,      /* the log knows more than this database: counters are unknown */
    FLOW_NOTICE_QUARANTINED, /* uploads are refused */
    FLOW_NOTICE_SWEPT,       /* spool files of nobody were removed */
    FLOW_NOTICE_DAMAGED,     /* a body cannot be opened: it is not what was sealed */
    FLOW_NOTICE_REFUSED,     /* an import was given up here; value: the error that does not pass */
    FLOW_NOTICE_CONFLICT,    /* other bytes for a step that is stored */
    FLOW_NOTICE_OVERTAKEN, /* the peer has a RELEASE that this database does not know: it is old */
    FLOW_NOTICE_LOST,      /* a transfer is given up: what it needs is in no copy of the database */
    FLOW_NOTICE_COUNTER,   /* a counter of distinct persons passed its warning level */
    FLOW_NOTICE_DUTY,      /* settled, and someone must be notified; value: within hours */
    FLOW_NOTICE_SUCCEEDED, /* the log follows a lost one; value: entries to say again */
    FLOW_NOTICE_STORE,     /* the database or the spool failed: the process must end */
};

/* The engine's way out. All are required. Messages may be refused (ERR_ROLE_LOST, ERR_FULL): the
 * engine tries again later. */
struct flow_outbound {
    void *ctx;
    int64_t (*wall_ms)(void *ctx);
    int64_t (*mono_ms)(void *ctx);
    enum err (*random)(void *ctx, uint8_t *out, size_t len);
    enum err (*tell)(void *ctx, enum role_id role, unsigned index, const struct msg *m);
    /* The answer, or why there is none, comes as flow_answer(tag), never from within this call. */
    enum err (*ask)(void *ctx, enum role_id role, unsigned index, const struct msg *m,
                    uint64_t tag);
    enum err (*answer)(void *ctx, const struct chan_ticket *ticket, const struct msg *m);
    /* The generation of a role's instance, 0 while it is not there. */
    uint32_t (*generation)(void *ctx, enum role_id role, unsigned index);
    unsigned (*instances)(void *ctx, enum role_id role);
    /* About to enter state (stored false), or state is durable and nobody was told (true). */
    void (*fault)(void *ctx, enum flow_state state, bool stored);
    void (*notice)(void *ctx, enum flow_notice notice, const uint8_t *transfer, uint64_t value);
};

struct flow_config {
    char zone[64];
    char origin[256];
    struct {
        char zone[64];
    } peers[FLOW_PEERS_MAX];
    size_t peer_count;
    uint64_t dataset_bytes_max;
    uint64_t spool_bytes_max;
    uint64_t spool_peer_bytes_max;
    uint32_t uploads_per_partner;
    uint32_t name_bytes_max;
    uint32_t role_ms;
    uint32_t retry_min_ms;
    uint32_t retry_max_ms;
    uint32_t retain_days;
    uint64_t warn_pi; /* warning levels of counters; 0: none */
    uint64_t warn_spi;
    uint32_t offer_valid_s;
    int64_t idempotency_ms;
    const char *vkeys[FLOW_VKEYS_MAX]; /* of all zones' logs; the caller's, as long as the engine */
    size_t vkey_count;
};

/* Numbers for desk. */
struct flow_stats {
    uint64_t settled, denied, failed, expired, imported, refused, pulled, runs, jobs;
    uint64_t counters_over; /* exporters and kinds of this year at or over their warning level */
    unsigned log_state;
    bool counters_unknown;
};

struct flow;

/* Keeps store (not owned), out (copied) and spool_dir (not owned). ERR_NOMEM. */
MUST_USE enum err flow_new(struct store *store, int spool_dir, const struct flow_config *config,
                           const struct flow_outbound *out, struct flow **ret);
void flow_free(struct flow *f);

/* Sweeps the spool, takes up rows, tells ledger the head that was seen last. ERR_IO. */
MUST_USE enum err flow_start(struct flow *f);

/* A message that is no answer. from, index: the sender; ticket: how to answer a question (NULL for
 * a tell). Descriptors are taken with msg_take_fd. An error means that the sender broke the rules.
 */
MUST_USE enum err flow_message(struct flow *f, enum role_id from, unsigned index,
                               const struct chan_ticket *ticket, struct msg *m);
/* The end of the question tag: an answer with err ERR_OK, or m NULL. An error returned counts with
 * an answer only: it broke the rules. */
MUST_USE enum err flow_answer(struct flow *f, uint64_t tag, enum err err, struct msg *m);
void flow_lost(struct flow *f, enum role_id role, unsigned index);
void flow_new_peer(struct flow *f, enum role_id role, unsigned index);
/* Does what is due; returns milliseconds until it wants to be called again (at most 1000). */
uint32_t flow_tick(struct flow *f);
void flow_reload(struct flow *f, const struct flow_config *config);
/* No new transfers; true when none is being received any more. */
void flow_drain(struct flow *f);
bool flow_is_drained(const struct flow *f);
void flow_stats(const struct flow *f, struct flow_stats *ret);
/* True once the database or spool failed: nothing is done any more and the process must end. */
bool flow_is_dead(const struct flow *f);

#endif
