/* SPDX-License-Identifier: Apache-2.0 */
/* Everybody but clerk, for tests of the engine: roles that answer, a client, a peer zone, a log. It
 * checks as it goes that nothing is told before it is stored and that no state goes back. */
#ifndef TDZ_TESTS_UNIT_CLERK_WORLD_H
#define TDZ_TESTS_UNIT_CLERK_WORLD_H

#include "gateway/flow/flow_run.h"

enum { WORLD_EVENTS = 4096, WORLD_TRANSFERS = 1024, WORLD_LOG = 8192 };

/* Something on its way to clerk. */
struct world_event {
    bool used;
    bool is_answer;
    uint64_t tag;
    enum err err;
    enum role_id from;
    unsigned index;
    bool asks;
    uint32_t client;
    enum msg_type type;
    uint8_t transfer[16];
    size_t len;
    uint8_t *body;
    bool fds;
    uint64_t persons_first;
    uint64_t persons_count;
};

struct world_entry {
    uint8_t transfer[16];
    uint8_t kind;
    uint64_t n;
    uint8_t *bytes;
    size_t len;
    uint8_t verdict;
};

/* One upload of a client, or one import from the peer. */
struct world_item {
    bool import;
    uint8_t id[16]; /* export: as clerk named it */
    bool known;
    uint16_t status; /* of the last ANSWER */
    char code[64];
    uint8_t flags;
    char link[256];
    bool replayed;
    bool ended;
    uint64_t first, count; /* persons */
    char key[32];
    enum flow_shown shown;
    bool released;     /* RELEASE arrived at the peer */
    unsigned receipts; /* of the importer, seen by the peer */
    unsigned peer_step;
    uint8_t question[32]; /* that judge decided under question_n - 1 for this life of clerk */
    unsigned question_n;
    uint32_t question_life;
};

struct world {
    char folder[64];
    struct store *store;
    struct flow *flow;
    int spool_dir;
    int64_t wall_ms;
    int64_t mono_ms;
    uint32_t generation;
    uint64_t seed;
    struct world_event events[WORLD_EVENTS];
    struct world_entry log[WORLD_LOG];
    size_t log_count;
    struct world_item items[WORLD_TRANSFERS];
    size_t item_count;
    /* knobs */
    bool can_crash;
    bool crashed;
    int crash_state; /* -1: by chance crash_ppm */
    bool crash_stored;
    uint32_t crash_ppm;
    uint32_t lost_ppm;
    uint32_t twice_ppm;
    uint64_t limit_pi; /* judge denies at this many */
    uint8_t preflight;
    uint8_t verdict;        /* of final decisions, when under the limit */
    uint8_t import_verdict; /* of the peer about our exports, and of our judge about imports */
    uint16_t receipt;       /* status the peer answers with */
    bool judge_forgets;
    const char *note;            /* what is posted; NULL: "signed note" */
    const char *args;            /* of queries; NULL: none */
    struct p_note_answer adjust; /* what judge reads in a note about counters */
    unsigned approvers;          /* different notes that release a hold; 0 is 1 */
    const char *decides;         /* the decision of every DECIDED; NULL: one without duties */
    uint16_t judge_says;         /* err of every DECIDED */
    unsigned judge_times;        /* so many of them, then no more; 0: all */
    bool inspector_silent;
    unsigned permits_lost; /* so many of keeper's, after judge decided */
    bool judge_lost; /* when it is to decide on an import: it knows no offer until shown it again */
    bool wrap_expires;
    bool silent_peer;
    bool receipt_lost; /* the peer takes the release, and nothing is heard of it */
    bool upload_breaks;
    bool keeper_forgets; /* with each crash: it knows no offer until judge tells it again */
    bool keeper_forgot;
    bool peer_lost_body; /* the peer lacks groups it acknowledged until they are sent again */
    unsigned forwards;   /* questions to link to carry a body */
    uint16_t outcome;
    unsigned crashes;
    unsigned broken; /* rules that clerk broke */
    uint16_t corridor_status;
    char corridor_said[256];
    unsigned opened_before_log;
    unsigned pulls;
    unsigned unwraps;
    uint16_t unwrap_says;      /* err of the next UNWRAPPED */
    uint16_t unwrap_stuck;     /* err of every one, when not 0 */
    uint16_t opened_says;      /* err of every OPENED of an import */
    uint16_t inspect_says;     /* err of every INSPECTED of an import */
    uint16_t sign_says;        /* err of every SEAL_SIGNED */
    uint16_t seal_says;        /* err of every SEAL_CHECKED */
    uint16_t verify_says;      /* err of the next PEER_VERIFIED */
    uint16_t verify_stuck;     /* err of every one, when not 0 */
    const char *spec;          /* of an offer that is checked again; NULL: as at first */
    const char *recipient;     /* likewise */
    char inspected_by[64];     /* the specification that an inspector was told last */
    uint16_t checked_says;     /* err of IMPORT_CHECKED once keeper forgot the offer */
    bool checked_denies;       /* or its verdict is a denial */
    bool checked_recovers;     /* but not the second time */
    uint8_t held_told[32];     /* the record that HELD named last */
    bool verify_denies;        /* the proved decision about an import is a denial */
    uint16_t receipt_says;     /* err of the next RECEIPT_SIGNED */
    uint16_t receipt_lost_key; /* err of every one about receipt_never */
    uint16_t receipt_never;    /* a status, or 0 */
    bool body_damaged;         /* OPENED never succeeds */
    bool peer_stops;           /* the peer sends nothing more by itself */
    bool other_release;        /* the peer sends another RELEASE than before */
    bool retired[8];
    const char *origin;   /* of the log */
    const char *former;   /* the log before it; NULL: none */
    uint64_t former_size; /* entries of it that were witnessed */
    uint8_t succeeds;     /* what ledger tells a database of the former */
    bool came_over;
    unsigned crash_append;       /* clerk dies when that many more entries are in the log, untold */
    const char *lost_with_crash; /* the next crash takes the log too, and this one follows it */
    /* What a log that is ahead of a database that was opened again says, and what the peer does. */
    bool halts;      /* world_run returns when it crashed */
    uint64_t unseen; /* entries the database lacks; 0: it is not ahead */
    uint16_t story_err;
    bool story_cut; /* the list ends in the middle of an entry */
    uint32_t story_decisions;
    uint8_t story[32768];
    size_t story_len;
    unsigned story_asks;
    uint16_t stand_status;  /* of PARCEL_STATE; 0: nobody answers */
    uint8_t stand;          /* enum stand */
    uint16_t stand_receipt; /* 0: none with it */
    unsigned stand_asks;
    unsigned notices[16]; /* how often, by enum flow_notice */
};

void world_start(struct world *w);
void world_stop(struct world *w);
/* A fresh clerk on what is on disk, after a crash or an orderly stop. */
void world_reopen(struct world *w);
/* The log is lost behind its first `size` entries; origin follows it. Reopen then. */
void world_lose_log(struct world *w, const char *origin, uint64_t size, uint8_t succeeds);
/* A client uploads `count` persons from `first`; key may be "". Returns the item's number. */
size_t world_upload(struct world *w, const char *name, const char *key, uint64_t first,
                    uint64_t count, uint8_t fingerprint);
/* The peer sends a transfer. */
size_t world_import(struct world *w);
/* A query of the partner about item; its answer is in the item. */
void world_query(struct world *w, size_t item, uint8_t what, uint8_t role);
void world_pull(struct world *w, size_t item, const char *party);
/* Delivers what is on its way, in random order, and lets time pass, until nothing is left. */
void world_run(struct world *w);
void world_pass(struct world *w, int64_t ms);
/* Delivers only requests of clients, not what roles say. */
void world_requests(struct world *w);
/* Entries of kind that the log has for the item. */
unsigned world_logged(const struct world *w, size_t item, uint8_t kind);
/* The row of the item. */
struct store_row world_row(struct world *w, size_t item);
/* Whether clerk stores that part of the item (0 where it has no n). */
bool world_has_part(struct world *w, size_t item, enum store_part what, uint64_t n);
/* Files in the spool. */
size_t world_spool_files(const struct world *w);
/* Persons that acme has crossed or reserved this year. */
uint64_t world_counted(struct world *w);
uint64_t world_random(struct world *w);
void world_check(struct world *w);

/* Adds an entry to the story of item: its bytes are a real entry. verdict and reason where the kind
 * has them; by: who refused. */
void world_story(struct world *w, size_t item, uint8_t kind, uint16_t n, const char *verdict,
                 const char *by);
void world_say_story(struct world *w, uint64_t tag, const struct msg *m);
void world_say_stand(struct world *w, uint64_t tag, const struct msg *m);

/* Between the files of the world. */
extern struct world_event *world_last;
struct world_event *world_push(struct world *w, const uint8_t *transfer, enum msg_type type,
                               struct span body);
void world_hash_of(const uint8_t id[static 16], uint8_t mark, uint8_t out[static 32]);
struct world_item *world_item_of(struct world *w, const uint8_t *id);
struct world_entry *world_entry_of(struct world *w, const uint8_t *id, uint8_t kind, uint64_t n);
void world_broke(struct world *w, const char *what);
int world_memfd_of(const void *bytes, size_t len);
/* A request of the peer zone; and its next one on the path of item. */
void world_peer_asks(struct world *w, struct world_item *item, uint8_t what, struct span body);
void world_peer_next(struct world *w, struct world_item *item);
void world_receipt_bytes(struct world *w, const uint8_t *id, uint16_t status, uint8_t *buf,
                         size_t cap, struct span *ret);
/* The peer's word about an export. */
void world_peer_receipt(struct world *w, const uint8_t *id, uint16_t status);
bool world_chance(struct world *w, uint32_t ppm);
enum err world_ask(void *ctx, enum role_id role, unsigned index, const struct msg *m, uint64_t tag);
enum err world_tell(void *ctx, enum role_id role, unsigned index, const struct msg *m);

#define TELL(w, role_, index_, transfer_, TYPE, name, p)                                        \
    do {                                                                                        \
        uint8_t tell_buf_[MSG_PAYLOAD_MAX];                                                     \
        struct span tell_body_;                                                                 \
        assert(payload_##name##_put((p), tell_buf_, sizeof(tell_buf_), &tell_body_) == ERR_OK); \
        struct world_event *tell_e_ = world_push((w), (transfer_), MSG_##TYPE, tell_body_);     \
        tell_e_->from = (role_);                                                                \
        tell_e_->index = (index_);                                                              \
        world_last = tell_e_;                                                                   \
    } while (0)

#define ANSWER(w, tag_, transfer_, TYPE, name, p)                                            \
    do {                                                                                     \
        uint8_t ans_buf_[MSG_PAYLOAD_MAX];                                                   \
        struct span ans_body_;                                                               \
        assert(payload_##name##_put((p), ans_buf_, sizeof(ans_buf_), &ans_body_) == ERR_OK); \
        struct world_event *ans_e_ = world_push((w), (transfer_), MSG_##TYPE, ans_body_);    \
        ans_e_->is_answer = true;                                                            \
        ans_e_->tag = (tag_);                                                                \
    } while (0)

#endif
