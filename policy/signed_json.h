/* SPDX-License-Identifier: Apache-2.0 */
/* A signed note of two lines: the name of a format and one value as canonical JSON. One value has
 * one form, so that what was signed is what it says. No allocation. Spec: docs/adr/0008, 0009. */
#ifndef TDZ_POLICY_SIGNED_JSON_H
#define TDZ_POLICY_SIGNED_JSON_H

#include "crypto/note.h"
#include "schemas/json.h"

/* A kind of such notes. Words are for who wrote a wrong one. */
struct signed_json {
    const char *format;         /* the first line, with its newline */
    size_t text_max;            /* bytes of both lines */
    const char *when_no_note;   /* what it is, of bytes that are no note */
    const char *when_no_format; /* of a note of another format */
    const char *when_too_large; /* of a text over text_max */
    /* Reads the members of doc into the value; lines of the fault count from the JSON's first. */
    enum err (*members)(const struct json_doc *doc, void *value, struct fault *ret_fault);
    /* Writes both lines of the value, in canonical form, to out (text_max bytes). */
    enum err (*text)(const void *value, char *out, size_t *ret_len);
};

/* Sets a fault on a line of the note, and returns code. */
enum err signed_json_stop(uint32_t line, enum err code, const char *where, struct fault *ret_fault);

/* Splits a note and reads its value; nothing is verified. doc has the reader's memory, canon holds
 * text_max bytes; value and ret_note are views of bytes and of doc's memory. ERR_VERSION (another
 * format), ERR_TOO_LARGE, ERR_NOT_CANONICAL; those of note_parse, json_read and members. */
MUST_USE enum err signed_json_read(const struct signed_json *kind, struct span bytes,
                                   struct json_doc *doc, char *canon, void *value,
                                   struct note *ret_note, struct fault *ret_fault);

#endif
