/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes about files: what an operator signs so that a policy, an agreement, a partner or a
 * list counts. The note stands beside the file as <file>.note; its text is two lines, the format
 * name and {"file":"sha256:<hex>","name":"<file name>"}. Spec: formats.md, first paragraph. */
#ifndef TDZ_CRYPTO_FILENOTE_H
#define TDZ_CRYPTO_FILENOTE_H

#include "crypto/note.h"

enum { FILENOTE_NAME_MAX = 200, FILENOTE_FORMAT_MAX = 40, FILENOTE_TEXT_MAX = 512 };

/* The text to sign for a file of that name and content. format is our own literal. ERR_SYNTAX: a
 * name with bytes outside [A-Za-z0-9._-]; ERR_RANGE: too long; ERR_CRYPTO. */
MUST_USE enum err filenote_text(const char *format, struct span name, struct span file,
                                char out[static FILENOTE_TEXT_MAX], size_t *ret_len);

/* That note is about exactly this file, name and format, and who of keys signed it. ERR_SIGNATURE,
 * ERR_KEY_UNKNOWN, ERR_CONFLICT (another file, name or format), and errors of note_parse. */
MUST_USE enum err filenote_check(struct span note, const char *format, struct span name,
                                 struct span file, const struct note_key *keys, size_t key_count,
                                 struct note_signers *ret);

#endif
