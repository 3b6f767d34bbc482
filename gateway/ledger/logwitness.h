/* SPDX-License-Identifier: Apache-2.0 */
/* What this gateway cosigned for others: the last checkpoint of each foreign origin, on disk before
 * the signature is given away. Spec: C2SP tlog-witness v1.0.0, design.md 5. */
#ifndef TDZ_GATEWAY_LEDGER_LOGWITNESS_H
#define TDZ_GATEWAY_LEDGER_LOGWITNESS_H

#include "gateway/ledger/logstore.h"

/* A witness's memory of one origin is at most this long. */
enum { LOGWITNESS_NOTE_MAX = 64 * 1024 };

/* The stored checkpoint of origin, NUL terminated. ERR_NOT_FOUND, ERR_FULL, ERR_IO. */
MUST_USE enum err logwitness_read(struct logstore *log, struct span origin, char *out, size_t cap,
                                  size_t *ret_len);

/* Its size and root; size 0 and the empty root when there is none. */
MUST_USE enum err logwitness_head(struct logstore *log, struct span origin,
                                  struct logstore_head *ret);

/* Checks an add-checkpoint request against the memory: note must open under key (the foreign log's,
 * whose name is the origin) and be a consistent, not smaller successor of old_size, which must be
 * what is stored: ERR_STATE otherwise (answer 409 with logwitness_head). ERR_PROOF (422), ERR_RANGE
 * (old_size beyond the new size), errors of checkpoint_open. *ret is the checkpoint to cosign. */
MUST_USE enum err logwitness_check(struct logstore *log, const struct note_key *key,
                                   struct span note, uint64_t old_size,
                                   const struct tlog_proof *proof, struct logstore_head *ret);

/* Persists the note (with our line in it) as the memory of its origin; only then may the line leave
 * this gateway. The same request twice stores twice the same. ERR_STATE: it is smaller than, or
 * forks from, what is stored; ERR_TOO_LARGE; as checkpoint_open; as logstore_append. */
MUST_USE enum err logwitness_store(struct logstore *log, const struct note_key *key,
                                   struct span note);

/* A small file below witness/ of the caller's naming, whole or not at all; NUL terminated when
 * read. ERR_NOT_FOUND, ERR_FULL, ERR_IO; as logstore_append. */
MUST_USE enum err logwitness_load(struct logstore *log, const char *path, char *out, size_t cap,
                                  size_t *ret_len);
MUST_USE enum err logwitness_save(struct logstore *log, const char *path, struct span bytes);

#endif
