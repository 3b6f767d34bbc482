/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/colstat.h"

#include <assert.h>

/* ln of a probability and of its complement, in thousandths. */
struct colstat_odds {
    int32_t yes;
    int32_t no;
};

/* The explanations of a column of 12 digits, and how often each makes a cell pass the MyKad's
 * rules, look like a time, look like a company number. The shares are those of classification.md
 * 2.1 and 2.2: 0.98 0.35 0.004 | 0.79 0.999 0.02 | 0.85 0.086 0.999 | 0.031 0.086 0.0012. */
enum { COLSTAT_MYKAD, COLSTAT_TIME, COLSTAT_COMPANY, COLSTAT_RANDOM, COLSTAT_HYPOTHESES };
static const struct {
    struct colstat_odds pass;
    struct colstat_odds time;
    struct colstat_odds company;
} colstat_twelve[COLSTAT_HYPOTHESES] = {
    [COLSTAT_MYKAD] = {{-20, -3912}, {-1050, -431}, {-5521, -4}},
    [COLSTAT_TIME] = {{-236, -1561}, {-1, -6908}, {-3912, -20}},
    [COLSTAT_COMPANY] = {{-163, -1897}, {-2453, -90}, {-1, -6908}},
    [COLSTAT_RANDOM] = {{-3474, -31}, {-2453, -90}, {-6725, -1}},
};

/* Gain of a passing and of a failing cell: ln(0.98 / p), ln(0.02 / (1 - p)). */
static const struct colstat_odds colstat_prc18 = {11087, -3912}; /* p = 1.5e-5 */
static const struct colstat_odds colstat_prc15 = {4428, -3900};  /* p = 1.17e-2 */
static const struct colstat_odds colstat_card = {3709, -3888};   /* p = 2.4e-2 */

void
colstat_add(struct colstat *c, const struct token *t, enum tokscan_strength strength)
{
    c->tokens++;
    for (unsigned i = 0; i < IDENT_FOUND_COUNT; i++) {
        if ((t->shape & IDENT_BIT(i)) == 0)
            continue;
        const bool pass = (t->pass & IDENT_BIT(i)) != 0;
        if (i == IDENT_MYKAD) {
            c->times += t->is_time ? 1 : 0;
            c->companies += t->is_company ? 1 : 0;
            c->mykad_grouped += t->strength == TOKSCAN_GROUPED ? 1 : 0;
        }
        if (i == IDENT_PRC_ID && t->is_old_prc) {
            c->old_shape++;
            c->old_pass += pass ? 1 : 0;
        }
        c->shape[i]++;
        c->pass[i] += pass ? 1 : 0;
        c->grouped[i] += pass && strength == TOKSCAN_GROUPED ? 1 : 0;
        c->sure[i] += pass && strength == TOKSCAN_SURE ? 1 : 0;
    }
}

static int64_t
colstat_sum(struct colstat_odds odds, uint64_t yes, uint64_t all)
{
    return (int64_t)yes * odds.yes + (int64_t)(all - yes) * odds.no;
}

static int64_t
colstat_mykad_llr(const struct colstat *c)
{
    int64_t best = INT64_MIN;
    int64_t mykad = 0;
    const uint64_t all = c->shape[IDENT_MYKAD];
    for (unsigned h = 0; h < COLSTAT_HYPOTHESES; h++) {
        const int64_t sum = colstat_sum(colstat_twelve[h].pass, c->pass[IDENT_MYKAD], all) +
                            colstat_sum(colstat_twelve[h].time, c->times, all) +
                            colstat_sum(colstat_twelve[h].company, c->companies, all);
        if (h == COLSTAT_MYKAD)
            mykad = sum;
        else if (sum > best)
            best = sum;
    }
    return mykad - best;
}

int64_t
colstat_llr(const struct colstat *c, enum ident ident)
{
    assert((unsigned)ident < IDENT_FOUND_COUNT);
    if (c->shape[ident] == 0)
        return 0;
    switch ((unsigned)ident) {
    case IDENT_MYKAD:
        return colstat_mykad_llr(c);
    case IDENT_PRC_ID:
        return colstat_sum(colstat_prc18, c->pass[ident] - c->old_pass,
                           c->shape[ident] - c->old_shape) +
               colstat_sum(colstat_prc15, c->old_pass, c->old_shape);
    case IDENT_CARD:
        return colstat_sum(colstat_card, c->pass[ident], c->shape[ident]);
    default:
        return COLSTAT_SURE_MNAT;
    }
}

/* True if the passes of a large column are no more than chance explains. Then a passing cell is not
 * evidence by itself. per_million: the share of random tokens that pass. */
static bool
colstat_is_chance(uint64_t pass, uint64_t shape, uint64_t per_million)
{
    return shape >= COLSTAT_VETO_CELLS && pass * 500000 <= shape * per_million;
}

static bool
colstat_is_veto(const struct colstat *c, enum ident ident)
{
    if (ident == IDENT_MYKAD)
        return colstat_is_chance(c->pass[ident], c->shape[ident], 31000);
    if (ident == IDENT_CARD)
        return colstat_is_chance(c->pass[ident], c->shape[ident], 24000);
    if (ident == IDENT_PRC_ID)
        return colstat_is_chance(c->pass[ident] - c->old_pass, c->shape[ident] - c->old_shape, 15);
    return false;
}

unsigned
colstat_need(const struct colstat *c, enum ident ident, bool words)
{
    if (c->pass[ident] == 0)
        return COLSTAT_NONE;
    const int64_t llr = colstat_llr(c, ident);
    /* People, not clocks and registers, write 6-2-4: the groups speak like a header word. */
    const bool groups = ident == IDENT_MYKAD && c->mykad_grouped * 2 > c->shape[ident];
    if (llr >= COLSTAT_SURE_MNAT)
        return TOKSCAN_BARE;
    if ((words || groups) && llr + COLSTAT_WORD_MNAT >= 0)
        return TOKSCAN_BARE;
    if (colstat_is_veto(c, ident))
        return ident == IDENT_PRC_ID && !words ? COLSTAT_NONE : TOKSCAN_SURE;
    if (c->grouped[ident] > 0)
        return TOKSCAN_GROUPED;
    return c->sure[ident] > 0 ? TOKSCAN_SURE : COLSTAT_NONE;
}

bool
colstat_is_dead(const struct colstat *c, enum ident ident)
{
    return c->shape[ident] >= COLSTAT_DEAD_CELLS && colstat_llr(c, ident) < COLSTAT_DEAD_MNAT;
}

uint64_t
colstat_counted(const struct colstat *c, enum ident ident, unsigned need)
{
    if (need <= TOKSCAN_BARE)
        return c->pass[ident];
    return (need <= TOKSCAN_GROUPED ? c->grouped[ident] : 0) +
           (need <= TOKSCAN_SURE ? c->sure[ident] : 0);
}
