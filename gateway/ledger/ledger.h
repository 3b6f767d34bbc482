/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger: the one writer of this gateway's transfer log, its face to the other roles, and the
 * witness of the peers' logs. This is the engine without process, loop or clock; ledger_role.c
 * joins it to channels. It holds no key: keeper signs what ledger shows to be consistent.
 *
 * One batch is one fdatasync and it is waited for here: nothing else of this process could go on
 * meanwhile, because every answer depends on it, and what comes in waits in the channels and makes
 * the next batch. Other roles are other processes and are not held up.
 *
 * Spec: design.md 5, docs/PROCESSES.md "Log states", transfer-log.md 2, C2SP tlog-witness. */
#ifndef TDZ_GATEWAY_LEDGER_LEDGER_H
#define TDZ_GATEWAY_LEDGER_LEDGER_H

#include "crypto/sign.h"
#include "gateway/core/chan.h"
#include "gateway/core/config.h"
#include "gateway/core/oplog.h"
#include "gateway/core/payload.h"
#include "gateway/ledger/logheads.h"
#include "gateway/ledger/logpublish.h"
#include "gateway/ledger/logwitness.h"
#include "schemas/trust.h"

enum {
    LEDGER_PROVES_MAX = 1024, /* questions that wait for a checkpoint */
    LEDGER_ORIGINS_MAX = 32,  /* foreign logs whose verified checkpoints are remembered */
    LEDGER_UNSEEN_MAX = 4096, /* more entries behind clerk's head are not counted */
    LEDGER_JOBS_MAX = 64,     /* checks of peers that wait for their turn */
    LEDGER_FLOOR_MAX = 128,   /* policy documents that judge must not fall behind */
    LEDGER_ARENA = LOGSTORE_BATCH_BYTES - 16384,
    LEDGER_RETRY_MIN_MS = 200, /* first pause before a peer's witness is asked again */
    LEDGER_RETRY_MAX_MS = 5000,
    LEDGER_ADD_GAP_MS = 100,             /* checkpoints go to one witness at most this often */
    LEDGER_INCIDENT_MS = 60 * 60 * 1000, /* one incident of a kind and peer in this time */
};

/* What trust says of one zone. */
struct ledger_sign_key {
    struct sign_pub pub;
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
};
struct ledger_zone {
    char name[64];
    size_t log_count;
    struct note_key logs[TRUST_LOGS_MAX];
    size_t witness_count;
    struct note_key witnesses[TRUST_WITNESSES_MAX];
    size_t gateway_count;
    struct ledger_sign_key gateways[TRUST_KEYS_MAX];
    size_t release_count;
    struct ledger_sign_key releases[TRUST_KEYS_MAX];
};
struct ledger_trust {
    size_t zone_count;
    struct ledger_zone zones[TRUST_ZONES_MAX];
};

/* How ledger speaks. transfer may be NULL; fd -1: none (it stays the caller's). An error of send or
 * ask means that the role is not there or its queue is full; ask's answer comes to
 * ledger_answered with tag. note: a line for the operator's log. */
struct ledger_out {
    void *ctx;
    enum err (*send)(void *ctx, enum role_id role, enum msg_type type, const uint8_t *transfer,
                     struct span body);
    enum err (*answer)(void *ctx, const struct chan_ticket *ticket, enum msg_type type,
                       struct span body, int fd);
    enum err (*ask)(void *ctx, enum role_id role, enum msg_type type, struct span body,
                    uint32_t tag);
    void (*note)(void *ctx, enum event_id event, struct span what, uint64_t number);
};

struct ledger_in {
    enum msg_type type;
    enum role_id from;
    uint8_t transfer[16];
    struct span body;
    struct chan_ticket ticket; /* of a question */
};

struct ledger_pending {
    struct chan_ticket ticket;
    struct logstore_item item;
    bool closing;
};

struct ledger_prove {
    struct chan_ticket ticket;
    struct logindex_key key;
    uint64_t index;
};

/* A PEER_VERIFY or WITNESS_ASK that is checked in turn: one at a time, because keeper's cosignature
 * is waited for in the middle. body is owned. */
struct ledger_job {
    enum msg_type type;
    struct chan_ticket ticket;
    uint8_t transfer[16];
    uint8_t *body;
    size_t len;
};

/* One peer zone as a witness of ours, and as a log we witness. */
struct ledger_peer {
    char zone[64];
    bool up;
    bool asking;               /* a WITNESS_CALL is under way */
    bool told_prev;            /* it was asked what it cosigned last of the log before this one */
    bool answered;             /* it has said what it cosigned last, and that was true */
    bool want_late;            /* latest is to be asked again before the next add */
    uint64_t size;             /* of our log, that its witness holds */
    uint64_t cosigned;         /* the largest of ours whose cosignature is in the file */
    struct logstore_head sent; /* what the running add offers */
    int64_t next_ms;
    uint32_t pause_ms;
    int64_t cosigned_ms; /* monotonic, of the last good cosignature */
    int64_t incident_ms;
    bool has_clock; /* since it came up it cosigned something of ours */
    bool is_apart;  /* and its time then was far from ours */
};

/* A policy document that was in force or scheduled under the newest epoch the log has of its id. */
struct ledger_floor {
    char id[65];
    uint64_t epoch;
    uint8_t sha256[32];
};

struct ledger_config {
    struct logstore_config log; /* key is overwritten from trust */
    char zone[64];
    char origin[NOTE_NAME_MAX + 1];
    uint32_t batch_ms;
    uint32_t checkpoint_s;
    struct span succession; /* the note of files.succession, for ledger_open only; may be empty */
    size_t peer_count;
    char peers[CONFIG_PEERS_MAX][64];
};

/* The log before this one, as the genesis names it; size 0: there was none. */
struct ledger_prev {
    char origin[NOTE_NAME_MAX + 1];
    uint64_t size;
    struct tlog_hash root;
    bool has_key; /* trust still has it */
    struct note_key key;
};

struct ledger {
    struct ledger_config config;
    struct ledger_out out;
    struct logstore *log;
    struct ledger_trust *trust;
    struct entry_scratch *scratch;
    int64_t wall_ms;
    int64_t mono_ms;
    enum log_state state;
    struct ledger_note *note; /* while the log is opened */
    struct ledger_prev prev;
    uint8_t succeeds; /* enum ledger_succeeds: what clerk is told */
    uint8_t waits;    /* the same, not told before a peer was asked about the log before */
    bool head_seen;
    bool compared;   /* this clerk's head was held against the log */
    uint64_t unseen; /* entries about transfers behind it */
    bool dead;       /* ERR_IO: the process must end */
    /* the batch under collection */
    uint8_t *arena;
    size_t arena_len;
    size_t pending_count;
    struct ledger_pending pending[LOGSTORE_BATCH_MAX];
    size_t last_batch;
    int64_t flush_ms;
    /* checkpoints */
    bool sign_busy;
    bool keeper_there;
    bool keeper_knows;                /* it signed, or took over, a checkpoint since it started */
    uint64_t keeper_size;             /* the last size it signed since then */
    struct logstore_head keeper_last; /* where its next consistency proof must start */
    bool has_sig;
    uint8_t sig[64]; /* ours on the published checkpoint */
    uint64_t sign_size;
    int64_t sign_ms; /* no new try before */
    size_t prove_count;
    struct ledger_prove *proves;
    /* peers */
    struct ledger_peer peers[CONFIG_PEERS_MAX];
    size_t peer_count;
    size_t job_first;
    size_t job_count;
    bool job_busy;
    struct ledger_job jobs[LEDGER_JOBS_MAX];
    struct ledger_cosign *cosign; /* of the job under way */
    bool clock_suspect;           /* by what the peers' cosignatures say */
    int64_t clock_incident_ms;
    size_t floor_count;
    struct ledger_floor floor[LEDGER_FLOOR_MAX];
    size_t origin_count;
    struct logheads *origins[LEDGER_ORIGINS_MAX];
    /* counters for desk */
    uint64_t batches;
    uint64_t appended;
    uint64_t refused;
    uint64_t proved;
    uint64_t cosigned;
    uint8_t tx[MSG_PAYLOAD_MAX];
    char text[128 * 1024];
};

/* Tags of questions. */
enum {
    LEDGER_TAG_SIGN = 1,
    LEDGER_TAG_COSIGN = 2,
    LEDGER_TAG_LATEST = 256,
    LEDGER_TAG_ADD = 512,
    LEDGER_TAG_PREV = 768,
};

/* Opens the log named by config with the key that trust gives its origin, and writes its genesis
 * entry if it is new. wall_ms is the time of that entry. ERR_KEY_UNKNOWN: trust has no such log
 * key in our zone; ERR_CONFIG: it must not begin, or not with this note (ledger_origin.h), or the
 * folder holds another log; errors of trust_load, logstore_open and logstore_append. */
MUST_USE enum err ledger_open(const struct ledger_config *config, struct span trust,
                              const struct ledger_out *out, int64_t wall_ms, struct ledger **ret);
void ledger_close(struct ledger *l);

/* The time of everything that follows. */
void ledger_clock(struct ledger *l, int64_t wall_ms, int64_t mono_ms);

/* Handles one message. An error is a violation by its sender. Afterwards, and after ledger_answered
 * and ledger_tick, l->dead says that a sync failed: the process must end at once. */
MUST_USE enum err ledger_handle(struct ledger *l, const struct ledger_in *in);
/* The answer to an ask of ours; err other than ERR_OK: there is none. An error returned is a
 * violation by who answered. */
MUST_USE enum err ledger_answered(struct ledger *l, uint32_t tag, enum err err, enum msg_type type,
                                  struct span body);
/* Does what is due. */
void ledger_tick(struct ledger *l);
/* When ledger_tick wants to be called, on the monotonic clock; INT64_MAX: not by time. */
int64_t ledger_due_ms(const struct ledger *l);
void ledger_lost(struct ledger *l, enum role_id role);
void ledger_new_peer(struct ledger *l, enum role_id role);
/* New trust (checked first: an error keeps the old one) and intervals. */
MUST_USE enum err ledger_reload(struct ledger *l, struct span trust, uint32_t batch_ms,
                                uint32_t checkpoint_s);

#endif
