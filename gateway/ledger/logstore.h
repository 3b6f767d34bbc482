/* SPDX-License-Identifier: Apache-2.0 */
/* The log engine: one folder, one process, entries durable by one fdatasync a batch. It knows no
 * keys and no messages; what to sign goes out, the signed note comes back (logpublish.h).
 *
 * Folder: checkpoint, log.vkey, tile/ as C2SP tlog-tiles; witness/<hex>/checkpoint; segments/, the
 * truth, from which all else is rebuilt; private/ (0700).
 *
 * After an fdatasync or fsync has failed nobody knows what is on disk: every later call returns
 * ERR_IO and the process must end. Spec: transfer-log.md 2, design.md 5. */
#ifndef TDZ_GATEWAY_LEDGER_LOGSTORE_H
#define TDZ_GATEWAY_LEDGER_LOGSTORE_H

#include "crypto/checkpoint.h"
#include "crypto/note.h"
#include "crypto/tlog.h"
#include "gateway/ledger/logindex.h"
#include "gateway/ledger/logio.h"
#include "schemas/entry.h"

enum { LOGSTORE_BATCH_MAX = 256, LOGSTORE_BATCH_BYTES = 4 << 20 };
#define LOGSTORE_SEGMENT_BYTES (UINT64_C(64) << 20)

struct logstore;

struct logstore_config {
    const char *path;       /* the folder; made with its parents' last part if create */
    bool has_dir;           /* dir is the folder, already open (O_PATH is enough); path is not */
    int dir;                /* used; it stays the caller's */
    struct note_key key;    /* of the log; its name is the origin */
    bool create;            /* make the folder when it is not there */
    uint64_t segment_bytes; /* 0: LOGSTORE_SEGMENT_BYTES; at least a batch of one largest entry */
    const struct logio *io; /* NULL: logio_system; must outlive the log */
};

/* An entry to append. Entries with a transfer are unique by key. */
struct logstore_item {
    struct span leaf;
    bool has_transfer;
    struct logindex_key key;
};

/* What became of it: index and leaf hash, when err is ERR_OK; known when the same bytes were there
 * before. ERR_CONFLICT: the key was used with other bytes, by the entry at index. ERR_RANGE: empty
 * or longer than ENTRY_BYTES_MAX. */
struct logstore_result {
    enum err err;
    bool known;
    uint64_t index;
    struct tlog_hash leaf;
};

/* Where the log stands. */
struct logstore_head {
    uint64_t size;
    struct tlog_hash root;
};

/* Opens, recovers and locks. What an unfinished batch left is cut off; missing tiles are written
 * again. Errors: ERR_STATE (another process has it), ERR_NOT_FOUND, ERR_CONFIG (log.vkey is of
 * another key, segment_bytes too small), ERR_VERSION (segments of another format), ERR_NO_SPACE (no
 * room for the segment held in reserve), ERR_NOMEM, ERR_IO. A checkpoint in the folder that the
 * entries do not bear out, or damage inside what was acknowledged, opens the log quarantined: with
 * the entries up to there. */
MUST_USE enum err logstore_open(const struct logstore_config *config, struct logstore **ret);
void logstore_close(struct logstore *log);

/* The item of a leaf that this build writes. Errors as entry_read. */
MUST_USE enum err logstore_item(struct span leaf, struct entry_scratch *scratch,
                                struct logstore_item *ret);

/* Appends 1..LOGSTORE_BATCH_MAX items as one batch; when it returns ERR_OK, those whose result is
 * ERR_OK are durable. closing: only entries that end transfers, which may use the reserve. On any
 * other error nothing was appended: ERR_NO_SPACE (before anything is written), ERR_QUARANTINE,
 * ERR_TOO_LARGE (more than LOGSTORE_BATCH_BYTES), ERR_RANGE (count), ERR_FULL, ERR_NOMEM; and
 * ERR_IO, after which the state on disk is unknown. */
MUST_USE enum err logstore_append(struct logstore *log, const struct logstore_item *items,
                                  size_t count, bool closing, struct logstore_result *results);

void logstore_head(const struct logstore *log, struct logstore_head *ret);
bool logstore_quarantined(const struct logstore *log);
/* For a ledger that learns from a peer or the clerk that this folder is an old copy. */
void logstore_quarantine(struct logstore *log);

/* The bytes of entry index; out of ENTRY_BYTES_MAX is always enough. ERR_NOT_FOUND, ERR_FULL. */
MUST_USE enum err logstore_get(struct logstore *log, uint64_t index, uint8_t *out, size_t cap,
                               size_t *ret_len);

/* The index of the entry with that key. ERR_NOT_FOUND. */
MUST_USE enum err logstore_find(struct logstore *log, const struct logindex_key *key,
                                uint64_t *ret);

/* How many entries from index on name a transfer and are no incident, or are about a counter; not
 * more than max. */
MUST_USE enum err logstore_transfers_since(struct logstore *log, uint64_t index, uint64_t max,
                                           uint64_t *ret);

/* The index of the i-th last `policy` entry that was there when the log was opened, 0 the last of
 * them; of the last LOGSTORE_POLICIES. ERR_NOT_FOUND. */
enum { LOGSTORE_POLICIES = 512 };
MUST_USE enum err logstore_policy(const struct logstore *log, size_t i, uint64_t *ret);

/* For a tree of size leaves, at most the present size (ERR_RANGE). */
MUST_USE enum err logstore_root(struct logstore *log, uint64_t size, struct tlog_hash *ret);
MUST_USE enum err logstore_inclusion(struct logstore *log, uint64_t index, uint64_t size,
                                     struct tlog_proof *ret);
MUST_USE enum err logstore_consistency(struct logstore *log, uint64_t old_size, uint64_t new_size,
                                       struct tlog_proof *ret);

#endif
