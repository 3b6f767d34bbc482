/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4180 as a pull parser over any split of the input, one field at a time, without unescaping:
 * a doubled quote stays doubled, so that every byte keeps its place. Lines end with LF, CR LF or
 * CR. What the RFC does not allow is read as Python's csv module reads it, and reported.
 * Spec: RFC 4180 2, classification.md 3. */
#ifndef TDZ_INSPECT_CSVREAD_H
#define TDZ_INSPECT_CSVREAD_H

#include "schemas/error.h"
#include "schemas/span.h"

enum csvread_kind {
    CSVREAD_PIECE, /* a part of a field that goes on in the next input */
    CSVREAD_FIELD, /* the last part of a field, which may be all of it */
};

struct csvread_event {
    enum csvread_kind kind;
    struct span piece; /* content as stored, without the enclosing quotes; a view of the input */
    bool quoted;
    bool ends_record;
    bool ends_input; /* by the end of input, not by a terminator */
};

enum csvread_state { CSVREAD_START, CSVREAD_PLAIN, CSVREAD_QUOTED, CSVREAD_QUOTE };

struct csvread {
    enum csvread_state state;
    uint8_t delimiter;
    bool has_quotes;
    bool quoted;
    bool after_cr;     /* a line feed now belongs to the record before */
    bool in_record;    /* the record has begun: input or a delimiter was seen */
    bool irregular;    /* text after a closing quote was seen, ever */
    bool unterminated; /* the input ended inside quotes */
};

void csvread_init(struct csvread *r, uint8_t delimiter, bool has_quotes);

/* True if the next byte begins a field (or is the line feed of a CR LF, which csvread_next skips
 * first: see after_cr). */
bool csvread_at_start(const struct csvread *r);

/* Reads in from *at, which moves past what was used, up to the next event; false when the input is
 * used up without one. */
bool csvread_next(struct csvread *r, struct span in, size_t *at, struct csvread_event *ret);

/* The end of input: the event that closes an open record, if there is one. Its piece is empty. */
bool csvread_finish(struct csvread *r, struct csvread_event *ret);

/* Without outer spaces and tabs. */
struct span csvread_trim(struct span cell);

#endif
