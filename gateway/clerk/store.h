/* SPDX-License-Identifier: Apache-2.0 */
/* Everything clerk must remember: the one storage interface, with one implementation a file
 * (store_sqlite.c). All changes happen between store_begin and store_commit; a commit is on disk
 * when it returns, and it also records the head of the transfer log that clerk saw last, so that a
 * log that went back, or a database that did, is noticed. One caller, one thread.
 *
 * Errors of all calls: ERR_IO when the database failed (the caller must end the process: what is
 * on disk is no longer known), ERR_FULL when memory given by the caller is too small, ERR_NO_SPACE
 * when the disk is full; others where named. Spec: design.md 5, 6. */
#ifndef TDZ_GATEWAY_CLERK_STORE_H
#define TDZ_GATEWAY_CLERK_STORE_H

#include "gateway/clerk/room.h"
#include "gateway/core/payload.h"
#include "gateway/flow/flow_state.h"
#include "schemas/error.h"
#include "schemas/span.h"

enum { STORE_ID_BYTES = 16, STORE_ORIGIN_MAX = 256 };
#define STORE_NONE UINT64_MAX
#define STORE_NEVER INT64_MAX

/* One transfer. Texts are NUL terminated. */
struct store_row {
    uint8_t id[STORE_ID_BYTES];
    uint64_t seq; /* order of creation in this database, from 1; 0 = not stored yet */
    enum flow_state state;
    enum flow_shown shown;
#define ROW_U64(field) uint64_t field;
#define ROW_I64(field) int64_t field;
#define ROW_BYTES(field, len) uint8_t field[len];
#define ROW_TEXT(field, cap) char field[cap];
#include "gateway/clerk/row.def"
#undef ROW_U64
#undef ROW_I64
#undef ROW_BYTES
#undef ROW_TEXT
};

/* Byte strings of a transfer, by (what, n): n is the decision's number where there are several, the
 * status of a receipt, else 0. Numbers are stored. */
enum store_part {
    STORE_OFFER = 1,     /* OFFER record */
    STORE_WRAPPED = 2,   /* export: the data key under the spool key */
    STORE_FACTS = 3,     /* facts as sent */
    STORE_SPEC = 4,      /* tdz.inspect/1 */
    STORE_FINDINGS = 5,  /* tdz.findings/1 */
    STORE_PERSONS = 6,   /* person set, kept until it is committed or given up */
    STORE_SEALED = 7,    /* payload of SEALED */
    STORE_SEAL = 8,      /* SEAL record */
    STORE_DECISION = 9,  /* n: decision of the API */
    STORE_RECORD = 10,   /* n: tdz.decision/1 */
    STORE_OBSERVED = 11, /* n: observed of the API */
    STORE_PERMIT = 12,   /* n: keeper's permit */
    STORE_RELEASE = 13,  /* RELEASE record */
    STORE_RECEIPT = 14,  /* n = status: RECEIPT record */
    STORE_PARCEL = 15,   /* n = status or 0 (release): parcel the peer sent */
    STORE_HELD = 16,     /* import: data key under a spool key until the receipt */
    STORE_INBOX = 17,    /* import: data key under the storage key */
    STORE_APPROVAL = 18, /* n: operators' words for decision n (s6_hold.c) */
    STORE_COSIGNED = 19, /* n as STORE_PARCEL: our line under that parcel's checkpoint */
    STORE_HOLD = 20,     /* n: who may release what decision n holds, and who spoke */
    STORE_DEBITS = 21,   /* export: sha256[32] of each approval whose envelope it debits */
};

/* An entry clerk appends: its exact bytes before, its place after. index STORE_NONE: not yet. */
struct store_entry {
    uint8_t kind; /* enum entry_kind */
    uint64_t n;
    struct span bytes;
    struct span salts;
    uint64_t index;
    uint8_t leaf[32];
    struct span origin; /* of the log index is in; empty: the present one */
};

/* An Idempotency-Key. status 0: no answer yet. */
struct store_idem {
    uint8_t fingerprint[32];
    uint8_t transfer[STORE_ID_BYTES];
    uint64_t status;
    int64_t created_ms;
    struct span code;
    struct span body;
};

/* A receipt or other record that must reach the peer: repeated until it says 2xx. */
struct store_errand {
    uint8_t transfer[STORE_ID_BYTES];
    uint64_t status; /* RECEIPT status */
    uint8_t kind;    /* entry whose proof goes with it */
    uint64_t n;
};

/* Which rows a list wants. Newest first. */
struct store_filter {
    const char *party;   /* required unless NULL = everybody's */
    int direction;       /* enum direction, -1 both */
    int shown;           /* enum flow_shown, -1 all */
    bool inbox;          /* settled or delivered imports only */
    int64_t since_ms;    /* updated at or after */
    uint64_t before_seq; /* created before that row; UINT64_MAX = from the newest */
    uint32_t limit;
};

struct store;

/* Opens or creates the database clerk.db in folder (path, kept only during the call), brings its
 * schema up to date and takes it for this process alone. ERR_VERSION: written by a newer program.
 * ERR_IO, ERR_NOMEM. Allocates; steady state does not but inside SQLite. */
MUST_USE enum err store_open(const char *folder, struct store **ret);
/* Rolls back what is open. NULL is fine. */
void store_close(struct store *s);

MUST_USE enum err store_begin(struct store *s);
/* What cannot be committed is rolled back: nothing is open afterwards, whatever is returned. */
MUST_USE enum err store_commit(struct store *s);
/* Harmless when nothing is open. */
void store_rollback(struct store *s);
/* The end of a transaction whose steps came to err: commits if that is ERR_OK, else rolls back and
 * returns it. */
MUST_USE enum err store_end(struct store *s, enum err err);
/* True between begin and commit or rollback. */
bool store_is_open(const struct store *s);

/* The head of the log as last seen; goes into every commit. */
void store_head_set(struct store *s, uint64_t size, const uint8_t root[static 32]);
/* ERR_NOT_FOUND: this database never saw the log. */
MUST_USE enum err store_head_get(struct store *s, uint64_t *ret_size, uint8_t ret_root[static 32]);

/* Small facts by name. ERR_NOT_FOUND. */
MUST_USE enum err store_meta_put(struct store *s, const char *name, uint64_t value);
MUST_USE enum err store_meta_get(struct store *s, const char *name, uint64_t *ret_value);

/* Inserts (seq 0: assigned and set in row) or updates. ERR_EXISTS: insert of an id that is there.
 */
MUST_USE enum err store_row_put(struct store *s, struct store_row *row);
/* ERR_NOT_FOUND. ERR_VERSION: a state this program does not know. */
MUST_USE enum err store_row_get(struct store *s, const uint8_t id[static 16],
                                struct store_row *ret);
/* The newest export of (party, agreement, name, digest) created at or after since_ms that did not
 * fail before it was sealed. ERR_NOT_FOUND. */
MUST_USE enum err store_row_same(struct store *s, const struct store_row *like, int64_t since_ms,
                                 struct store_row *ret);
/* Ids of rows with wake_ms <= now_ms, the longest waiting first. */
MUST_USE enum err store_row_due(struct store *s, int64_t now_ms, uint8_t (*ret_ids)[16], size_t cap,
                                size_t *ret_count);
/* Rows that filter wants, one call of fn each; fn must not write. */
MUST_USE enum err store_row_list(struct store *s, const struct store_filter *filter,
                                 enum err (*fn)(void *ctx, const struct store_row *row), void *ctx);
/* Bytes that sealed or promised bodies hold: all, and of one peer's offers (peer NULL: 0). */
MUST_USE enum err store_spool_use(struct store *s, const char *peer, uint64_t *ret_all,
                                  uint64_t *ret_peer);
/* Calls fn with every spool stem in use. */
MUST_USE enum err store_spool_list(struct store *s, enum err (*fn)(void *ctx, const char *stem),
                                   void *ctx);
/* Rows not final of this direction, for stats. */
MUST_USE enum err store_row_open(struct store *s, enum direction direction, uint64_t *ret_count);

/* The seq of the newest row, 0 when there is none. */
MUST_USE enum err store_row_newest(struct store *s, uint64_t *ret_seq);
/* Every transfer that the log may know more of is due at once. */
MUST_USE enum err store_row_wake(struct store *s);

MUST_USE enum err store_part_put(struct store *s, const uint8_t id[static 16], enum store_part what,
                                 uint64_t n, struct span bytes);
/* Bytes are copied into room. ERR_NOT_FOUND. */
MUST_USE enum err store_part_get(struct store *s, const uint8_t id[static 16], enum store_part what,
                                 uint64_t n, struct room *room, struct span *ret);
/* Overwritten with zeros on disk (secure_delete). Absent is fine. All n. */
MUST_USE enum err store_part_del(struct store *s, const uint8_t id[static 16],
                                 enum store_part what);

/* ERR_CONFLICT: other bytes under the same (transfer, kind, n). The same bytes are fine. */
MUST_USE enum err store_entry_put(struct store *s, const uint8_t id[static 16],
                                  const struct store_entry *entry);
/* The log has these bytes under (transfer, kind, n) at that place: they replace what is stored,
 * whose salts are kept only when it is the same. */
MUST_USE enum err store_entry_adopt(struct store *s, const uint8_t id[static 16],
                                    const struct store_entry *entry);
MUST_USE enum err store_entry_logged(struct store *s, const uint8_t id[static 16], uint8_t kind,
                                     uint64_t n, uint64_t index, const uint8_t leaf[static 32]);
/* ERR_NOT_FOUND. */
MUST_USE enum err store_entry_get(struct store *s, const uint8_t id[static 16], uint8_t kind,
                                  uint64_t n, struct room *room, struct store_entry *ret);
/* In order of index, those without one last. */
MUST_USE enum err store_entry_list(struct store *s, const uint8_t id[static 16], struct room *room,
                                   struct store_entry *ret, size_t cap, size_t *ret_count);
/* Forgets the salts of all entries of the transfer: nothing in them can be disclosed any more. */
MUST_USE enum err store_entry_forget(struct store *s, const uint8_t id[static 16]);
/* Entries with no index yet, those of adjustments too. */
MUST_USE enum err store_entry_pending(struct store *s, uint64_t *ret_count);

/* ERR_EXISTS when the key is there. */
MUST_USE enum err store_idem_put(struct store *s, const char *party, struct span key,
                                 const struct store_idem *idem);
/* ERR_NOT_FOUND also when it is older than since_ms. */
MUST_USE enum err store_idem_get(struct store *s, const char *party, struct span key,
                                 int64_t since_ms, struct room *room, struct store_idem *ret);
/* Keeps the answer for every key of the transfer that has none yet. */
MUST_USE enum err store_idem_answer(struct store *s, const uint8_t id[static 16], uint64_t status,
                                    struct span code, struct span body);
MUST_USE enum err store_idem_free(struct store *s, const uint8_t id[static 16]);
MUST_USE enum err store_idem_expire(struct store *s, int64_t before_ms);

/* One entry `opened` per transfer, identity and day. ERR_EXISTS. */
MUST_USE enum err store_opened_put(struct store *s, const uint8_t id[static 16],
                                   const uint8_t cert[static 32], uint64_t day, uint64_t n);
/* ERR_NOT_FOUND. */
MUST_USE enum err store_opened_get(struct store *s, const uint8_t id[static 16],
                                   const uint8_t cert[static 32], uint64_t day, uint64_t *ret_n);

MUST_USE enum err store_errand_put(struct store *s, const struct store_errand *errand);
MUST_USE enum err store_errand_del(struct store *s, const uint8_t id[static 16], uint64_t status);
MUST_USE enum err store_errand_list(struct store *s, struct store_errand *ret, size_t cap,
                                    size_t *ret_count);

/* Entries without a transfer (policies and the like) that are logged already, by their data. */
MUST_USE enum err store_noted_put(struct store *s, uint8_t kind, struct span data);
/* ERR_NOT_FOUND. */
MUST_USE enum err store_noted_get(struct store *s, uint8_t kind, struct span data);

/* Sets of persons: sorted u64 in 256 shards by their highest byte, little-endian on disk. kind 0
 * personal, 1 sensitive. ERR_NOT_FOUND: an empty shard. */
MUST_USE enum err store_shard_put(struct store *s, const char *exporter, uint64_t year,
                                  unsigned kind, unsigned shard, struct span sorted);
MUST_USE enum err store_shard_get(struct store *s, const char *exporter, uint64_t year,
                                  unsigned kind, unsigned shard, struct room *room,
                                  struct span *ret);
/* Rows without a strong identifier, and the distinct persons in all shards. Absent = 0, 0. */
MUST_USE enum err store_count_put(struct store *s, const char *exporter, uint64_t year,
                                  unsigned kind, uint64_t rows, uint64_t persons);
MUST_USE enum err store_count_get(struct store *s, const char *exporter, uint64_t year,
                                  unsigned kind, uint64_t *ret_rows, uint64_t *ret_persons);
/* Reservations: the set itself is STORE_PERSONS of the transfer. */
MUST_USE enum err store_reserve_put(struct store *s, const uint8_t id[static 16],
                                    const char *exporter, uint64_t year);
MUST_USE enum err store_reserve_del(struct store *s, const uint8_t id[static 16]);
/* ERR_NOT_FOUND. */
MUST_USE enum err store_reserve_get(struct store *s, const uint8_t id[static 16],
                                    uint64_t *ret_year);
/* Ids of the transfers that hold one of (exporter, year). ERR_FULL when there are more than cap. */
MUST_USE enum err store_reserve_list(struct store *s, const char *exporter, uint64_t year,
                                     uint8_t (*ret_ids)[16], size_t cap, size_t *ret_count);

#endif
