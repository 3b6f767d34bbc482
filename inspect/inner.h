/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of an inspection share; nothing outside inspect/ includes it. */
#ifndef TDZ_INSPECT_INNER_H
#define TDZ_INSPECT_INNER_H

#include "crypto/blind.h"
#include "inspect/colstat.h"
#include "inspect/csvread.h"
#include "inspect/findings.h"
#include "inspect/inspection.h"
#include "inspect/normal.h"
#include "inspect/persons.h"
#include "inspect/sniff.h"

/* A window holds a cell, or a part of a longer one, with the part before it that tokens look back
 * at. All of it is scanned at once, at places fixed by the content alone. */
enum { INNER_WINDOW = NORMAL_MAX, INNER_BACK = 128 };
/* Bytes taken from the input between two looks at the output's room. */
enum { INNER_SLICE = 8 * 1024 };
/* A slice may leave as it came, behind one replaced cell. */
enum { INNER_SPILL = INNER_SLICE + INNER_WINDOW + 64 };

/* The types that name persons come first in enum ident: their bits index the row histogram, with
 * one more bit for a row that is personal by declaration. */
enum { INNER_PERSON_TYPES = 4, INNER_ROW_KINDS = 1 << (INNER_PERSON_TYPES + 1) };
enum { INNER_DECLARED_BIT = 1 << INNER_PERSON_TYPES };

/* The domain of crypto/blind.h that seeds the table of persons; types are the other domains. */
enum { INNER_SEED_DOMAIN = 255 };

struct inner_column {
    struct colstat stat;
    uint32_t words;   /* IDENT_BITs that the header speaks of */
    uint16_t field;   /* index in the fieldset, FIELDSET_MAX: undeclared */
    uint8_t action;   /* enum transform */
    uint8_t dead;     /* IDENT_BITs whose bare tokens are no longer kept */
    bool is_personal; /* declared personal without an identifier that is found */
    bool is_named;    /* the sender named it: it is there even when every cell is empty */
    uint64_t failed;  /* cells that fail the declared identifier */
    uint64_t undone;  /* cells that do not show what the action leaves */
    uint64_t tentative[INNER_PERSON_TYPES]; /* bare passing tokens counted before the end */
    uint64_t late[INNER_PERSON_TYPES];      /* bare passing tokens after the column was dead */
};

/* Addresses of mail on their way to the persons: they are hashed together. */
struct inner_mail {
    size_t count;
    uint8_t text[BLIND_LANES][BLIND_SHORT_MAX];
    uint8_t len[BLIND_LANES];
    uint16_t tag[BLIND_LANES];
};

enum inner_mode { INNER_IDLE, INNER_HEAD, INNER_TABLE, INNER_TEXT, INNER_BINARY, INNER_DONE };

struct inspection {
    struct inspection_config config;
    uint8_t token_key[TRANSFORM_KEY_BYTES];
    uint8_t counting_key[INSPECTION_KEY_BYTES];
    enum inner_mode mode;
    bool identity;
    bool finishing;
    enum err failed;

    /* Input. */
    uint8_t *head; /* [SNIFF_HEAD_BYTES] from the first byte until it was parsed, else NULL */
    size_t head_len;
    size_t head_at;  /* replayed */
    uint64_t offset; /* of the next byte to be parsed */
    uint64_t bytes;
    struct normal_utf8 utf8;
    struct sniff sniff;
    struct csvread csv;

    /* The field being read. */
    uint8_t *window;   /* [INNER_WINDOW] */
    size_t window_top; /* bytes ever written, to be wiped; so below */
    size_t window_len;
    size_t window_at;       /* scanned up to here */
    uint64_t window_offset; /* of window[0] */
    uint64_t field_len;
    struct tokscan scan;
    struct token token;   /* the one at hand */
    uint32_t cell_pass;   /* IDENT_BITs that passed in this cell */
    size_t column;        /* of the cell, clamped to the table */
    size_t column_number; /* as it is */
    uint64_t cell_number;
    bool row_filled;
    unsigned row_kind;
    bool in_header;

    /* Output. */
    uint8_t *out;
    size_t out_cap;
    size_t out_len;
    uint8_t *spill; /* [INNER_SPILL] */
    size_t spill_top;
    size_t spill_len;
    size_t spill_at;
    bool suppressed;    /* the field's bytes do not leave */
    bool row_has_field; /* a field of this row has left */

    /* Normalisation. */
    uint8_t *normal;      /* [INNER_WINDOW] */
    uint16_t *normal_map; /* [INNER_WINDOW + 1] */
    size_t normal_top;

    /* What was seen. */
    bool headed;
    uint64_t rows;
    uint32_t reasons; /* FINDINGS_REASON bits */
    uint64_t row_kinds[INNER_ROW_KINDS];
    size_t column_count;                      /* in use, the shared one included */
    size_t column_room;                       /* of columns, which grows as they appear */
    struct inner_column *columns;             /* the shared one at INSPECTION_COLUMNS_MAX */
    struct findings_column *findings_columns; /* made at the end */
    struct blind_state blind;
    struct inner_mail mail;
    struct persons *persons;
    struct inspection_room *room; /* of window, normal, spill */
    uint32_t person_types;        /* whose hashes are the persons counted */
    uint32_t sensitive_types;     /* whose hashes are those with sensitive data */
    bool all_sensitive;
    struct findings findings;
};

/* inspection.c: makes columns[0] to columns[column] exist; false, and i->failed set, when there is
 * no memory. Moves the columns. */
bool inspection_reserve(struct inspection *i, size_t column);

/* cell.c: the content of fields. */
void cell_start(struct inspection *i, size_t column_number);
void cell_piece(struct inspection *i, struct span piece, uint64_t offset);
/* The last piece. The whole cell is then piece, if the window was empty, else the window; a cell
 * longer than the window has no whole: *ret_whole is false. */
void cell_end(struct inspection *i, struct span piece, uint64_t offset, bool quoted,
              struct span *ret_cell, bool *ret_whole);
/* Counts the cell in its column (i->column) and compares it with what is declared and expected. */
void cell_count(struct inspection *i, struct span cell, bool whole, bool quoted);
/* A whole cell that is plain digits, within the columns in use: all of cell_start to cell_end.
 * False, and nothing has changed, when it is anything else. */
bool cell_plain(struct inspection *i, struct span cell, uint64_t offset, bool quoted);
void cell_row_end(struct inspection *i);
/* Hashes the addresses of mail that wait, before the persons are settled. */
void cell_mail_flush(struct inspection *i);
/* The canonical form, in text, of a number that was added to the persons as value. */
struct span cell_digits(unsigned type, uint64_t value, uint8_t text[static 20]);

/* emit.c: what leaves. */
bool emit_is_wanted(const struct inspection *i);
void emit_bytes(struct inspection *i, struct span bytes);
/* Moves what waits in the spill to the caller's buffer; true when nothing waits any more. */
bool emit_drain(struct inspection *i);
/* What the column's action makes of the cell (as stored, within its quotes if quoted). whole: cell
 * is all of it. Sets i->failed when a token cannot be made. */
void emit_cell(struct inspection *i, struct inner_column *column, struct span cell, bool whole,
               bool quoted);

/* table.c: the records of a table. */
void table_start(struct inspection *i);
/* Reads bytes from the front of in, stops early when output waits; returns how many. */
size_t table_run(struct inspection *i, struct span in);
void table_finish(struct inspection *i);

/* Blocks of bytemask.h looked at together: their masks stay in the nearest cache. */
enum { INNER_LOOK = 128 };

/* A look at the input of one table_run, whole blocks of it; in.len 0: none yet. */
struct tablefast {
    struct span in;
    size_t at;     /* where the next field begins */
    size_t hot_at; /* the first hot place from there on, in.len when there is none */
    bool is_cut;   /* the field at at does not end within in */
    uint64_t end[INNER_LOOK];
    uint64_t hot[INNER_LOOK];
};

/* tablefast.c: reads whole fields of in from at on, where a field begins; returns where it stopped,
 * at itself when the next field is not for it. The output is the input, and this is no header. */
size_t tablefast_run(struct inspection *i, struct tablefast *t, struct span in, size_t at);

/* conclude.c: decides every column and fills i->findings. */
void conclude_findings(struct inspection *i);
/* The hashes of all persons counted or of those with sensitive data, as persons_select. */
size_t conclude_view(struct inspection *i, bool sensitive, const uint64_t **ret);

#endif
