/* SPDX-License-Identifier: Apache-2.0 */
/* A document compiled for deciding: a bit for each rule, in the order of a record, and for each
 * code of each attribute the rules that it makes false and those it leaves unknown. Made once, when
 * a document is activated; read-only afterwards, so any number of readers may share it. Spec:
 * background/policy.md 4; docs/adr/0007-compiled-policy.md. */
#ifndef TDZ_POLICY_COMPILED_H
#define TDZ_POLICY_COMPILED_H

#include <assert.h>

#include "policy/codes.h"
#include "policy/rows.h"

/* Words of 64 rules, and of 64 rules and rows: the first row of a rule has the bit of the rule, all
 * further rows of the document follow. */
enum { COMPILED_RULE_WORDS = SOURCE_RULES_MAX / 64 };
enum { COMPILED_WORDS_MAX = COMPILED_RULE_WORDS + ROWS_MAX / 64 };
enum { COMPILED_ATTR_WORDS = SOURCE_ATTRS_MAX / 64 };
/* 16 MiB of table, and what filling it may take: codes of a comparison's attribute, added up over
 * the comparisons of all rows: no document may hold up judge for long. */
enum { COMPILED_CELLS_MAX = 1 << 20, COMPILED_WORK_MAX = 1 << 28 };

static_assert(SOURCE_ATTRS_MAX % 64 == 0, "a set of attributes is whole words");

/* What one code of one column does to 64 rows. */
struct compiled_cell {
    uint64_t fails;   /* makes them false */
    uint64_t unknown; /* leaves them unknown, at the most */
};

/* One column that rows of a word read: the cell of a code is cells[cell + code * stride], with the
 * stride of the column. The words that read a column lie side by side, a stride for each code, so
 * that one decision reads whole lines of memory. */
struct compiled_use {
    uint32_t column;
    uint32_t cell;
};

struct compiled {
    const struct source *doc;
    struct codes codes;
    const struct source_rule **rules; /* by bit: sorted by effect, then id */
    size_t rule_words;
    size_t words; /* also those of further rows */
    struct compiled_cell *cells;
    struct compiled_use *uses;
    uint32_t *use_begin; /* by word; words + 1 of them */
    uint32_t *stride;    /* by column: how many words read it */
    uint16_t *row_rule;  /* of further rows: the bit of their rule */
    uint64_t *to;        /* words a zone: rows of the rules whose `to` it is under */
    uint64_t *classes;   /* words a class: rows of the rules that hit it */
    int64_t *times;      /* sorted; between two of them, the same rules are in force */
    size_t time_count;
    uint64_t *in_force; /* rule_words a stretch of time, time_count + 1 of them */
    uint64_t *stale;    /* likewise: permits whose review is overdue */
    uint64_t effect[4][COMPILED_RULE_WORDS];
    uint64_t *reads;  /* by bit, COMPILED_ATTR_WORDS each: attributes that the rule reads */
    bool duties_join; /* all obligations of the document together are performable */
    struct arena arena;
};

/* Compiles doc, which must outlive c, with the lists it names (as in decide_request; they must
 * outlive c too). compiled_finish gives the memory back. ret_fault (may be NULL) names the line of
 * the rule that is at fault. ERR_FULL: more than ROWS_MAX rows or ROWS_LITERALS_MAX comparisons in
 * them, more columns than CODES_COLUMNS_MAX, tables over COMPILED_CELLS_MAX, or more than
 * COMPILED_WORK_MAX to do; ERR_NOMEM. */
MUST_USE enum err compiled_make(struct compiled *c, const struct source *doc,
                                const struct decide_list *lists, size_t list_count,
                                struct fault *ret_fault);
void compiled_finish(struct compiled *c);

/* The stretch of time that now_ms is in: an index into in_force and stale. */
size_t compiled_stretch(const struct compiled *c, int64_t now_ms);

#endif
