/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a log's checkpoint: origin, size, root. Spec: C2SP tlog-checkpoint v1.0.0. */
#ifndef TDZ_CRYPTO_CHECKPOINT_H
#define TDZ_CRYPTO_CHECKPOINT_H

#include "crypto/note.h"
#include "crypto/tlog.h"
#include "schemas/error.h"
#include "schemas/span.h"

/* Origin, a decimal, base64 of a hash, three newlines, NUL. */
enum { CHECKPOINT_TEXT_MAX = NOTE_NAME_MAX + 1 + 20 + 1 + 44 + 1 + 1 };
/* A whole checkpoint of ours with as many lines as a note may have. */
enum { CHECKPOINT_MAX = CHECKPOINT_TEXT_MAX + 1 + NOTE_SIGS_MAX * NOTE_LINE_MAX };

struct checkpoint {
    struct span origin; /* view into the text */
    uint64_t size;
    struct tlog_hash root;
    struct span extension; /* lines after the third, usually none; not audited by anybody */
};

/* Reads the text of a note. ERR_SYNTAX, ERR_RANGE (size beyond TLOG_SIZE_MAX). An empty tree's root
 * must be the empty root: ERR_PROOF. */
MUST_USE enum err checkpoint_parse(struct span text, struct checkpoint *ret);

/* Writes the text without extension lines, NUL terminated. ERR_SYNTAX: origin is no key name. */
MUST_USE enum err checkpoint_text(struct span origin, uint64_t size, const struct tlog_hash *root,
                                  char out[static CHECKPOINT_TEXT_MAX], size_t *ret_len);

/* note_parse, note_verify and checkpoint_parse in one step, and one of the signers must be a
 * NOTE_ED25519 key named as the origin: ERR_KEY_UNKNOWN otherwise. Other errors as theirs. */
MUST_USE enum err checkpoint_open(struct span input, const struct note_key *keys, size_t key_count,
                                  struct note *ret_note, struct note_signers *ret_signers,
                                  struct checkpoint *ret);

#endif
