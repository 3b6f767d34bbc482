/* SPDX-License-Identifier: Apache-2.0 */
/* The line of one signer under a note (background/container-and-keys.md, signed notes). */
#ifndef TDZ_TOOLS_NOTESIGN_H
#define TDZ_TOOLS_NOTESIGN_H

#include "crypto/note.h"
#include "crypto/sign.h"

/* Appends the line of who, made with key, to lines[cap], of which *len bytes are used. text ends
 * with a newline. ERR_FULL (cap; nothing is appended); those of sign_ed25519 and note_line. */
MUST_USE enum err notesign_add(const struct sign_key *key, const struct note_key *who,
                               struct span text, char *lines, size_t cap, size_t *len);

/* Writes the note of text with the lines that are there (count whole ones, or empty) and, after
 * them, the line of who. text and lines may not overlap out. ERR_FULL (out, or NOTE_SIGS_MAX lines
 * are there); those of notesign_add. */
MUST_USE enum err notesign_join(const struct sign_key *key, const struct note_key *who,
                                struct span text, struct span lines, size_t count, char *out,
                                size_t cap, size_t *ret_len);

#endif
