/* SPDX-License-Identifier: Apache-2.0 */
/* The token scanner: one pass over a piece of text that stops at digit runs, '@', key prefixes and
 * PEM borders, dispatches on length and checks. It never joins what a comma, a letter or a line
 * break separates. Spec: classification.md 0.1, 2.1. */
#ifndef TDZ_INSPECT_TOKSCAN_H
#define TDZ_INSPECT_TOKSCAN_H

#include "inspect/ident.h"

/* A token is decided from this many bytes after its start; longer runs are no identifier. Text that
 * is continued is scanned up to here before its end, the rest belongs to the next call. */
enum { TOKSCAN_AHEAD = 512 };

/* How much a single passing token says without its column. */
enum tokscan_strength {
    TOKSCAN_BARE = 1,    /* digits without separators: the column decides */
    TOKSCAN_GROUPED = 2, /* written in the groups people write it in */
    TOKSCAN_SURE = 3,    /* its check or form leaves no doubt */
};

struct token {
    uint32_t shape; /* IDENT_BITs whose length and alphabet fit */
    uint32_t pass;  /* those whose validator accepts it, a subset of shape */
    enum tokscan_strength strength;
    bool is_time;    /* mykad shape: could be a time */
    bool is_company; /* mykad shape: could be a company number */
    bool is_old_prc; /* prc_id shape of 15 digits */
    size_t at;       /* in the scanned text; SIZE_MAX for a private key begun in earlier text */
    uint64_t offset; /* as stored */
    uint64_t len;    /* as stored */
    uint8_t canon[IDENT_EMAIL_MAX];
    size_t canon_len; /* 0 for private keys */
};

/* One field or file. base is the stored offset of text[0]; map (may be NULL: identity) gives the
 * stored index of every text index up to and including text.len. */
struct tokscan {
    struct span text;
    const uint16_t *map;
    uint64_t base;
    size_t at;
    size_t floor;          /* no token begins before it */
    uint64_t floor_offset; /* the same as stored, over the whole field */
    size_t stop;
    size_t block; /* the block of text that hot speaks of, SIZE_MAX: none */
    uint64_t hot; /* where a token may begin, a bit a byte */
    bool pem_open;
    uint64_t pem_offset;
};

/* Starts a field: no open private key. */
void tokscan_reset(struct tokscan *s);

/* Gives the next piece of the field. Scanning begins at from; what lies before is looked back at.
 * is_last: nothing of the field follows. text must outlive the calls of tokscan_next. */
void tokscan_feed(struct tokscan *s, struct span text, const uint16_t *map, uint64_t base,
                  size_t from, bool is_last);

/* The next token, false when the piece is done; s->at is then where the next piece must begin. */
bool tokscan_next(struct tokscan *s, struct token *ret);

/* A whole text of digits (a last X after 17) between ends of fields: what tokscan_next would find
 * in it, without the search. False, and nothing is written, when text is none, or not 12 to 19
 * long. offset: of its first byte as stored. */
bool tokscan_plain(struct span text, uint64_t offset, struct token *ret);

/* After the last piece: the private key whose end never came, if one is open. */
bool tokscan_finish(struct tokscan *s, uint64_t end_offset, struct token *ret);

#endif
