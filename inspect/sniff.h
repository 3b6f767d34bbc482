/* SPDX-License-Identifier: Apache-2.0 */
/* What the head of a stream says about the whole: a table (with which delimiter, with a header or
 * not), text, or something this build does not read. Spec: classification.md 3. */
#ifndef TDZ_INSPECT_SNIFF_H
#define TDZ_INSPECT_SNIFF_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { SNIFF_HEAD_BYTES = 64 * 1024, SNIFF_CELLS_MAX = 1024 };

enum sniff_kind { SNIFF_TABLE, SNIFF_TEXT, SNIFF_OPAQUE };

struct sniff {
    enum sniff_kind kind;
    const char *opaque; /* static name of the format when opaque, else NULL */
    bool is_readable;   /* opaque, but text: it is searched all the same */
    uint8_t delimiter;  /* of a table */
    bool has_quotes;    /* a table of one column that is a list of lines has none */
    size_t bom;         /* bytes of byte order mark before the first record: 0 or 3 */
    size_t cell_count;  /* of the first record of a table, at most SNIFF_CELLS_MAX */
    bool is_cut;        /* the first record does not end within the head */
    bool looks_headed;  /* judged by the cells alone; a declared name in them overrules */
    struct span *cells; /* the caller's: views of head, without quotes and outer spaces */
};

/* Judges head, the first SNIFF_HEAD_BYTES of a stream or all of it (is_all). want_table: the
 * agreement declares a table, so any text is read as one. cells: room for those of the first
 * record; kept in ret->cells. */
void sniff_head(struct span head, bool is_all, bool want_table,
                struct span cells[static SNIFF_CELLS_MAX], struct sniff *ret);

#endif
