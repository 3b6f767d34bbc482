/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a text something may begin that an inspection must look at: one bit a byte, for 64 bytes
 * at a time. Most of a stream has no such place, and is passed over at the speed of this file.
 * There are three ways to make the masks (AVX2, SSE2, plain C), chosen by what the processor can,
 * and all give the same bits. Spec: classification.md 0.1, 7. */
#ifndef TDZ_INSPECT_BYTEMASK_H
#define TDZ_INSPECT_BYTEMASK_H

#include "schemas/span.h"

enum { BYTEMASK_BYTES = 64 };

/* Bit k speaks of byte k of a block. */
struct bytemask {
    uint64_t end;    /* the delimiter, CR, LF */
    uint64_t digit;  /* 0 to 9 */
    uint64_t gap;    /* space, hyphen */
    uint64_t hyphen; /* - */
    uint64_t key;    /* A */
    uint64_t odd;    /* @, and the first bytes of what normal.h folds: C2, E2, E3, EF */
};

enum bytemask_way { BYTEMASK_PLAIN, BYTEMASK_SSE2, BYTEMASK_AVX2 };

/* The best way here. */
enum bytemask_way bytemask_best(void);
/* True if this processor can go that way. */
bool bytemask_can(enum bytemask_way way);

/* The masks of count blocks at in, with that delimiter. way must be possible here. */
void bytemask_make(enum bytemask_way way, const uint8_t *in, size_t count, uint8_t delimiter,
                   struct bytemask *ret);

/* The places of block m where a token of tokscan.h may begin, or what normal.h folds: every place
 * where tokscan_next would find something, and few others. next: the block after it (all zero after
 * the last). before: the byte before the block is a digit. A run of digits counts by its start. */
uint64_t bytemask_hot(const struct bytemask *m, const struct bytemask *next, bool before);

/* The same for count blocks from m on, m[count] being the block after them. */
void bytemask_hot_all(const struct bytemask *m, size_t count, bool before, uint64_t *ret);

/* How many bytes at the front of text are printable ASCII, tab, LF, FF or CR; a whole number of
 * blocks, or less. */
size_t bytemask_clean(enum bytemask_way way, struct span text);

/* How many bytes of text are LF. */
size_t bytemask_lines(enum bytemask_way way, struct span text);

#endif
