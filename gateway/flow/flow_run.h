/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the engine: transfers in conversation (runs), and what the stages need from it; short
 * conversations beside them are jobs (flow_job.h). Only files of this folder and of gateway/clerk
 * include it. */
#ifndef TDZ_GATEWAY_FLOW_FLOW_RUN_H
#define TDZ_GATEWAY_FLOW_FLOW_RUN_H

#include "gateway/flow/flow.h"

enum { FLOW_ROOM_BYTES = 48 << 20 }; /* the largest person set and what goes with it */
enum { FLOW_FINDINGS_MAX = 1 << 20 };
enum { FLOW_PERSONS_MAX = 40 << 20 };
enum { FLOW_WAIT_MAX_MS = 60 * 1000 };

/* An open question and when to try again. */
struct flow_conv {
    uint64_t tag;      /* 0 = none is open */
    int64_t due_ms;    /* monotonic; INT64_MAX = until an event */
    uint32_t pause_ms; /* the last pause; doubles */
};

/* What came in since the run was loaded or entered its state. */
enum {
    RUN_CHECKED = 1 << 0,
    RUN_OFFERED = 1 << 1,
    RUN_ENDED = 1 << 2,
    RUN_INSPECTED = 1 << 3,
    RUN_SEALED = 1 << 4,
    RUN_DECIDED = 1 << 5,
    RUN_PERMITTED = 1 << 6,
    RUN_PROVED = 1 << 7,
    RUN_GONE = 1 << 8, /* ledger told link GO */
    RUN_READY = 1 << 9,
    RUN_OPENED = 1 << 10,
    RUN_UNWRAPPED = 1 << 11,
    RUN_VOUCHED = 1 << 12,
    RUN_SENT = 1 << 13,
    RUN_RECHECK = 1 << 14, /* keeper forgot: judge and ledger must tell it again */
    RUN_RESEND = 1 << 15,  /* released, and the peer no longer has the whole body */
    RUN_FETCH = 1 << 16,   /* ended by the log's word: its receipt is asked for */
};

/* Copies of messages that wait for their other half. */
enum flow_keep {
    KEEP_OPEN,
    KEEP_CHECKED,
    KEEP_OFFERED,
    KEEP_SEALED,
    KEEP_ASKED, /* the question to judge that has no answer yet */
    KEEP_DECIDED,
    KEEP_PERMIT,
    KEEP_UNWRAPPED,
    KEEP_STORY,
    KEEP_STAND,
    KEEP_COUNT
};

/* An instance of a role at one life. */
struct flow_peer {
    bool bound;
    uint8_t index;
    uint32_t gen;
};

struct flow_run {
    bool used;
    uint32_t flags;
    uint32_t tries; /* failed attempts at the present state */
    /* Of an import since it was released: bodies that did not open, answers that asking again will
     * not change, attempts to open it that were lost, times that its offer had to be told again. */
    uint32_t damages;
    uint32_t refusals;
    uint32_t losses;
    uint32_t recalls;
    bool is_due; /* it was woken for its time, and that waits for the log */
    bool known;  /* what the log says of it was taken into account (restored.h) */
    bool doubt;  /* the log has something else than is stored here */
    struct flow_conv conv;
    struct store_row row;
    struct flow_peer edge;
    struct flow_peer inspector;
    struct flow_peer sealer;
    bool has_open; /* the question that made the transfer waits for its answer */
    bool has_put;  /* the PUT waits for its answer, until put_ms */
    struct chan_ticket open;
    struct chan_ticket put;
    int64_t put_ms;
    struct span kept[KEEP_COUNT]; /* heap */
    int fds[2];                   /* findings, persons; or body, groups on their way */
    uint64_t bytes_in;
    uint64_t bytes_out;
};

struct flow_job; /* flow_job.h */

struct flow_inspector {
    uint32_t gen;
    uint32_t transfers;
    bool retiring;
    char partner[128];
};

struct flow {
    struct store *store;
    int spool_dir;
    struct flow_config config;
    struct flow_outbound out;
    struct flow_run *runs;
    struct flow_job *jobs;
    uint32_t serial; /* of the last question: a late answer to an earlier one is not taken */
    struct flow_inspector inspectors[ROLE_INDEX_MAX];
    unsigned next_sealer;
    enum log_state log_state;
    bool log_known;
    bool counters_unknown;
    bool compared;     /* with the log, since this process began */
    bool saying_again; /* in the log that follows a lost one; all else that ledger is asked waits */
    uint64_t start_seq;  /* of the newest row when this process began */
    uint64_t behind_seq; /* rows up to this one were in a copy that the log is ahead of; 0: none */
    bool draining;
    bool is_watching; /* stats.counters_over was computed once */
    bool dead;
    bool again;  /* something became due while it was handled */
    bool refill; /* rows may be waiting in the store */
    uint32_t next_pull;
    unsigned from_index; /* who sent the message that is handled */
    int64_t refill_ms;
    int64_t clean_ms;
    struct flow_stats stats;
    struct room room;
    uint8_t tx[MSG_PAYLOAD_MAX];
};

/* -- runs (flow_run.c) -------------------------------------------------------------------------*/

/* A fresh run, or NULL when FLOW_RUNS_MAX are in use. */
struct flow_run *flow_run_new(struct flow *f);
/* The run of a transfer in memory or, loaded, from the store. NULL: unknown (or no room). */
struct flow_run *flow_run_find(struct flow *f, const uint8_t id[static 16]);
struct flow_run *flow_run_live(struct flow *f, const uint8_t id[static 16]); /* in memory only */
void flow_run_free(struct flow *f, struct flow_run *run);

/* Keeps a copy of bytes, replacing what was kept there. ERR_NOMEM. */
MUST_USE enum err flow_run_keep(struct flow_run *run, enum flow_keep what, struct span bytes);
void flow_run_drop(struct flow_run *run, enum flow_keep what);

/* Enters state: begins a transaction, lets fill write what the state stands on, writes the row,
 * commits; fault points before and after. On any error nothing changed; ERR_IO ends the engine. */
typedef enum err flow_run_fill(struct flow *f, struct flow_run *run, const void *arg);
MUST_USE enum err flow_run_save(struct flow *f, struct flow_run *run, enum flow_state state,
                                flow_run_fill *fill, const void *arg);

/* Asks for the run; sets its conversation; failures to send are retried later by themselves. */
void flow_run_ask(struct flow *f, struct flow_run *run, enum role_id role, unsigned index,
                  enum msg_type type, struct span body);
/* Tells role[index] about the run's transfer. */
MUST_USE enum err flow_run_tell(struct flow *f, const struct flow_run *run, enum role_id role,
                                unsigned index, enum msg_type type, struct span body,
                                const int *fds, size_t fd_count);
/* Tries the state again after a pause that doubles (retry_min_ms to retry_max_ms). */
void flow_run_retry(struct flow *f, struct flow_run *run);
/* Wait for an event, at most ms (UINT32_MAX: no limit); then the state is tried again. */
void flow_run_wait(struct flow *f, struct flow_run *run, uint32_t ms);
/* Drive it in this turn. */
void flow_run_now(struct flow *f, struct flow_run *run);

/* The database or spool failed: nothing is done any more. */
void flow_run_dead(struct flow *f);

/* -- pool (flow_pool.c) ------------------------------------------------------------------------*/

/* Binds an inspector for partner and a sealer. ERR_AGAIN: none is free now. */
MUST_USE enum err flow_pool_take(struct flow *f, struct flow_run *run, const char *partner);
/* Lets them go; an inspector without transfers is retired. */
void flow_pool_give(struct flow *f, struct flow_run *run);
/* Tells the instances that serve run to drop it; they stay bound. */
void flow_pool_abort(struct flow *f, struct flow_run *run);
/* A sealer alone, round robin. ERR_AGAIN. */
MUST_USE enum err flow_pool_sealer(struct flow *f, struct flow_peer *ret);
bool flow_pool_is(const struct flow_peer *peer, struct flow *f, enum role_id role, unsigned index);

/* -- the log as a whole (flow_log.c) -----------------------------------------------------------*/

/* LEDGER_STATE: what may go on, and whether log and database agree. */
MUST_USE enum err flow_log_state(struct flow *f, const struct msg *m);
/* Tells a fresh ledger the head that was seen last. */
void flow_log_hello(struct flow *f, unsigned index);

/* -- answers (flow_reply.c) --------------------------------------------------------------------*/

/* Answers ticket with a problem code (status from the catalogue). id NULL: no transfer to name. */
void flow_reply_code(struct flow *f, const struct chan_ticket *ticket, const uint8_t *id,
                     const char *code, struct span detail, struct span body);
void flow_reply_json(struct flow *f, const struct chan_ticket *ticket, const uint8_t *id,
                     uint16_t status, struct span body, uint8_t flags, struct span link);
/* The answer a PUT gets for the row as it stands, kept for its Idempotency-Key; sent if somebody
 * waits. timeout false: only when it is held or final. */
void flow_reply_put(struct flow *f, struct flow_run *run, bool timeout);
/* The answer a stored row gets now, to a request that repeats the one it was made for. */
void flow_reply_row(struct flow *f, const struct chan_ticket *ticket, const struct store_row *row);
/* The stored answer of an Idempotency-Key that was a problem. */
void flow_reply_stored(struct flow *f, const struct chan_ticket *ticket,
                       const struct store_idem *idem);
/* Answers a corridor request. */
void flow_reply_corridor(struct flow *f, const struct chan_ticket *ticket, uint16_t status,
                         struct span body, const struct store_row *row, const int *fds);

/* Bytes of a memfd copied into f->room. ERR_TOO_LARGE, ERR_IO, ERR_FULL. */
MUST_USE enum err flow_reply_read(struct flow *f, int fd, size_t max, struct span *ret);
/* A sealed memfd with bytes; the caller closes it. ERR_SYS. */
MUST_USE enum err flow_reply_memfd(struct span bytes, int *ret_fd);
int64_t flow_run_mono(const struct flow *f);
int64_t flow_run_wall(const struct flow *f);

#endif
