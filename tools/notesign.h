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

#endif
