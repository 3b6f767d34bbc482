/* SPDX-License-Identifier: Apache-2.0 */
/* What a column is, from counts over all of its cells: for every identifier type the likelihood of
 * the counts if the column held it (0.98 of the cells pass) against the best other explanation.
 * Integers only, so that both zones reach the same bits. Spec: classification.md 2.1, 2.2. */
#ifndef TDZ_INSPECT_COLSTAT_H
#define TDZ_INSPECT_COLSTAT_H

#include "inspect/tokscan.h"

/* Log likelihoods are thousandths of a nat. */
enum {
    COLSTAT_SURE_MNAT = 9210,  /* odds of 10,000 to 1 decide a column by itself */
    COLSTAT_WORD_MNAT = 4605,  /* what a word in the header or a declaration is worth: 100 to 1 */
    COLSTAT_DEAD_MNAT = -20000 /* with COLSTAT_DEAD_CELLS cells: the column is something else */
};
enum { COLSTAT_DEAD_CELLS = 64, COLSTAT_VETO_CELLS = 20 };

/* How strong a token must be to count in a column; more than TOKSCAN_SURE: none counts. */
enum { COLSTAT_NONE = 4 };

struct colstat {
    uint64_t cells;  /* not empty */
    uint64_t tokens; /* of a shape */
    uint64_t shape[IDENT_FOUND_COUNT];
    uint64_t pass[IDENT_FOUND_COUNT];
    uint64_t grouped[IDENT_FOUND_COUNT]; /* passing, in written groups */
    uint64_t sure[IDENT_FOUND_COUNT];    /* passing, no doubt by itself or by words beside it */
    uint64_t mykad_grouped;              /* shapes in groups, passing or not */
    uint64_t times;
    uint64_t companies;
    uint64_t old_shape; /* prc_id of 15 digits */
    uint64_t old_pass;
};

/* Counts one token; strength is the token's own, raised to TOKSCAN_SURE by words beside it. */
void colstat_add(struct colstat *c, const struct token *t, enum tokscan_strength strength);

/* The log likelihood ratio of "this column holds ident" against the best other explanation. */
int64_t colstat_llr(const struct colstat *c, enum ident ident);

/* The strength a passing token of ident needs to count in this column: TOKSCAN_BARE when the column
 * is decided, up to COLSTAT_NONE. words: header words or a declaration name the type.
 *
 * A single resident number of 18 places (check, date, province) counts by itself as long as fewer
 * than one in two such columns would show as many by chance: of random numbers 1.5e-5 pass, so one
 * pass counts among up to 33,333 numbers of 18 digits, two among 66,666. Beyond, COLSTAT_NONE: a
 * real one can no longer be told from chance, which the findings then say (number-undecided). */
unsigned colstat_need(const struct colstat *c, enum ident ident, bool words);

/* True when the column is surely not ident: bare tokens are no longer worth keeping. Words do not
 * matter here. */
bool colstat_is_dead(const struct colstat *c, enum ident ident);

/* Passing tokens that count under need. */
uint64_t colstat_counted(const struct colstat *c, enum ident ident, unsigned need);

#endif
