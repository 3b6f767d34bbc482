/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader takes for the same number: full-width forms become ASCII, no-break and ideographic
 * spaces become spaces, zero-width characters vanish. And the running UTF-8 check.
 * Spec: classification.md 3 (encodings). */
#ifndef TDZ_INSPECT_NORMAL_H
#define TDZ_INSPECT_NORMAL_H

#include "schemas/error.h"
#include "schemas/span.h"

/* The longest piece that is normalised at once. */
enum { NORMAL_MAX = 8192 };

/* True if text holds anything that normal_text would change. */
bool normal_needed(struct span text);

/* Writes the normal form of text (at most NORMAL_MAX bytes, asserted) to out[text.len] and to
 * map[text.len + 1] the index in text of every byte of out, last the end. Returns its length. */
size_t normal_text(struct span text, uint8_t *out, uint16_t *map);

/* Running check of UTF-8 over any split. invalid counts ill-formed bytes, control the control bytes
 * other than tab, line feed, form feed, carriage return. Zeroed = start. */
struct normal_utf8 {
    uint32_t state;
    uint64_t invalid;
    uint64_t control;
};

void normal_utf8_feed(struct normal_utf8 *u, struct span bytes);
/* A sequence cut off by the end counts as one more. */
void normal_utf8_finish(struct normal_utf8 *u);

#endif
