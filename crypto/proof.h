/* SPDX-License-Identifier: Apache-2.0 */
/* A proof file: that an entry is at an index of a log, under a checkpoint with its signatures, to
 * be checked off line. Spec: C2SP tlog-proof ("c2sp.org/tlog-proof@v1"). */
#ifndef TDZ_CRYPTO_PROOF_H
#define TDZ_CRYPTO_PROOF_H

#include "crypto/checkpoint.h"
#include "crypto/note.h"
#include "crypto/tlog.h"
#include "schemas/error.h"
#include "schemas/span.h"

/* Header, extra of 4 KiB, index, hashes, checkpoint. Notes with post-quantum lines still fit. */
enum { PROOF_BYTES_MAX = 128 * 1024 };
/* What proof_write needs for a checkpoint of CHECKPOINT_MAX bytes. */
enum { PROOF_TEXT_MAX = 64 + TLOG_PROOF_MAX * 45 + CHECKPOINT_MAX + 2 };

struct proof {
    struct span extra; /* base64, not authenticated by anything: never trust it */
    uint64_t index;
    struct tlog_proof path;
    struct span checkpoint; /* the signed note, verbatim */
};

/* ERR_TOO_LARGE, ERR_VERSION (first line), ERR_SYNTAX, ERR_RANGE, ERR_FULL (too many hashes). The
 * checkpoint inside is not looked at. */
MUST_USE enum err proof_parse(struct span input, struct proof *ret);

/* Writes a proof without extra, NUL terminated. ERR_FULL. */
MUST_USE enum err proof_write(uint64_t index, const struct tlog_proof *path, struct span checkpoint,
                              char *out, size_t cap, size_t *ret_len);

/* Parses input, opens its checkpoint under keys and checks that leaf is at the index. Errors as
 * proof_parse, checkpoint_open and tlog_check_inclusion. */
MUST_USE enum err proof_verify(struct span input, const struct tlog_hash *leaf,
                               const struct note_key *keys, size_t key_count, struct proof *ret,
                               struct note_signers *ret_signers, struct checkpoint *ret_checkpoint);

#endif
