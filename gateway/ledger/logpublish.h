/* SPDX-License-Identifier: Apache-2.0 */
/* What others see of a log: tiles, bundles, the signed checkpoint with its cosignatures. The key is
 * elsewhere: logpublish_ask says what to sign, logpublish_checkpoint takes the signature. */
#ifndef TDZ_GATEWAY_LEDGER_LOGPUBLISH_H
#define TDZ_GATEWAY_LEDGER_LOGPUBLISH_H

#include "gateway/ledger/logstore.h"

/* text is what the log's key signs; proof leads from the checkpoint in the folder to it. */
struct logpublish_ask {
    struct logstore_head old;
    struct logstore_head head;
    struct tlog_proof proof;
    char text[CHECKPOINT_TEXT_MAX];
    size_t text_len;
};

/* What to sign now. ERR_AGAIN: nothing was appended since the published checkpoint. Errors as
 * logstore_append. */
MUST_USE enum err logpublish_ask(struct logstore *log, struct logpublish_ask *ret);

/* Publishes the checkpoint of size with its Ed25519 signature: tiles first, then the file. size may
 * be behind the log by now, but not behind the published checkpoint (ERR_STATE), nor beyond the log
 * (ERR_RANGE). ERR_SIGNATURE; others as logstore_append. */
MUST_USE enum err logpublish_checkpoint(struct logstore *log, uint64_t size, const uint8_t sig[64]);

/* Adds a witness's line to the published checkpoint, or replaces its older one. line is one whole
 * signature line of key, a cosigner's. ERR_SIGNATURE: it is none on this text (also when the
 * checkpoint has moved on); ERR_TYPE: key is no cosigner's; ERR_STATE: nothing is published;
 * ERR_FULL; ERR_SYNTAX. */
MUST_USE enum err logpublish_cosignature(struct logstore *log, const struct note_key *key,
                                         struct span line);

/* The published checkpoint file, NUL terminated. ERR_NOT_FOUND, ERR_FULL. */
MUST_USE enum err logpublish_read(struct logstore *log, char *out, size_t cap, size_t *ret_len);

/* The published checkpoint's size and root; size 0 before the first. */
void logpublish_head(const struct logstore *log, struct logstore_head *ret);

/* The proof file of entry index under the published checkpoint. ERR_RANGE: it is not in it yet;
 * ERR_NOT_FOUND, ERR_FULL. PROOF_TEXT_MAX is always enough. */
MUST_USE enum err logpublish_proof(struct logstore *log, uint64_t index, char *out, size_t cap,
                                   size_t *ret_len);

/* Opens a public file (checkpoint, log.vkey, a name as tile_path writes it; the caller checks that)
 * read-only: *ret_fd is the caller's. ERR_NOT_FOUND, ERR_RANGE (path too long), ERR_IO. */
MUST_USE enum err logpublish_open(const struct logstore *log, struct span path, int *ret_fd,
                                  uint64_t *ret_bytes);

#endif
