/* SPDX-License-Identifier: Apache-2.0 */
/* Counterfactuals: facts are moved to other cells, one, two and three at a time, and each time the
 * decision is made again. Nothing is guessed from the rules. */
#include <stdio.h>

#include "tools/policy_explain.h"

/* True if a rule that is in scope reads the attribute. */
static bool
policy_explain_reads(const struct policy_explain *t, struct span name)
{
    for (size_t d = 0; d < t->files.doc_count; d++) {
        const struct source *doc = &t->files.doc[d];
        for (size_t i = 0; i < doc->rule_count; i++) {
            const struct source_rule *r = &doc->rules[i];
            if (!policy_explain_in_scope(t, doc, r))
                continue;
            for (size_t k = 0; k < r->step_count; k++)
                if (r->steps[k].op != SOURCE_NOT && r->steps[k].op != SOURCE_AND &&
                    r->steps[k].op != SOURCE_OR && span_eq(doc->attrs[r->steps[k].attr].name, name))
                    return true;
        }
    }
    return false;
}

static void
policy_explain_offer(struct policy_explain *t, const struct policy_explain_option *o)
{
    size_t at = t->option_count;
    if (at == POLICY_EXPLAIN_OPTIONS_MAX) {
        t->unfinished = true;
        return;
    }
    for (; at > 0 && t->options[at - 1].rank > o->rank; at--)
        t->options[at] = t->options[at - 1];
    t->options[at] = *o;
    t->option_count++;
}

/* Who can change the fact; false if nobody is asked to: the destination is what was asked about,
 * and what no rule in scope reads changes nothing. */
static bool
policy_explain_rank(const struct policy_explain *t, size_t attr, size_t *ret)
{
    const struct span name = t->cells.attrs[attr].name;
    const struct vocab_attr *declared = vocab_attr(&t->files.vocab, name);
    const enum vocab_source source = declared == NULL ? VOCAB_COUNTER : declared->source;
    *ret = (size_t)source;
    return source != VOCAB_ROUTE && policy_explain_reads(t, name);
}

/* Other cells of one fact, at most share of them: the nearest to what it is first, then some spread
 * over all the others, the outermost among them. One fact of a thousand thresholds must not leave
 * the others none. */
static void
policy_explain_cells(struct policy_explain *t, size_t attr, size_t rank, size_t share)
{
    const struct cells_attr *a = &t->cells.attrs[attr];
    const struct facts_entry zero = {.type = FACTS_INT};
    const size_t now = cells_find(&t->cells, attr, facts_get(&t->facts, a->name));
    const size_t base = now == 0 && a->type == VOCAB_INT ? cells_find(&t->cells, attr, &zero) : now;
    const size_t others = a->cell_count - 1;
    const bool all = others <= share;
    const size_t step = all ? 1 : 1 + 2 * others / share;
    /* A cell on either side of base at each distance. */
    for (size_t far = 0; far < a->cell_count; far++) {
        const bool near_by = all || far <= share / 4;
        const size_t below = base >= far ? base - far : 0;
        const size_t above = base + far;
        struct policy_explain_option o = {.attr = attr, .cell = below, .rank = rank};
        if (below > 0 && below != now && (near_by || far % step == 0 || below == 1))
            policy_explain_offer(t, &o);
        o.cell = above;
        if (far > 0 && above <= others && (near_by || far % step == 0 || above == others))
            policy_explain_offer(t, &o);
    }
    t->unfinished = t->unfinished || !all;
}

/* All that could be otherwise, as far as there is room. */
static void
policy_explain_options(struct policy_explain *t)
{
    size_t facts = 0;
    size_t rank = 0;
    t->option_count = 0;
    t->unfinished = false;
    for (size_t a = 0; a < t->cells.attr_count; a++)
        facts += policy_explain_rank(t, a, &rank) ? 1 : 0;
    for (size_t i = 0; t->facts.label_count > 1 && i < t->facts.label_count; i++)
        policy_explain_offer(t, &(struct policy_explain_option){
                                    .is_label = true, .label = i, .rank = VOCAB_GATEWAY});
    const size_t room = POLICY_EXPLAIN_OPTIONS_MAX - t->option_count;
    for (size_t a = 0; a < t->cells.attr_count; a++)
        if (policy_explain_rank(t, a, &rank))
            policy_explain_cells(t, a, rank, room / facts > 8 ? room / facts - 4 : 4);
}

int64_t
policy_explain_number(const struct policy_explain *t, const struct policy_explain_option *o)
{
    const struct cells_attr *attr = &t->cells.attrs[o->attr];
    const struct cells_cell *cell = &attr->cell[o->cell];
    const struct facts_entry *e = facts_get(&t->facts, attr->name);
    const int64_t near = e == NULL || e->type != FACTS_INT ? 0 : e->number;
    return near < cell->low ? cell->low : (near > cell->high ? cell->high : near);
}

/* The verdict with the options of c in place. */
static enum err
policy_explain_try(struct policy_explain *t, struct policy_explain_change *c)
{
    t->tries++;
    t->other = t->facts;
    for (size_t i = 0; i < c->count; i++) {
        const struct policy_explain_option *o = &t->options[c->option[i]];
        if (!o->is_label) {
            TRY(cells_fact(&t->cells, o->attr, o->cell, policy_explain_number(t, o), &t->other));
            continue;
        }
        size_t kept = 0;
        for (size_t k = 0; k < t->other.label_count; k++)
            if (!span_eq(t->other.label[k], t->facts.label[o->label]))
                t->other.label[kept++] = t->other.label[k];
        t->other.label_count = kept;
    }
    const struct decide_request q = {.docs = t->files.docs,
                                     .doc_count = t->files.doc_count,
                                     .lists = t->files.lists,
                                     .list_count = t->files.list_count,
                                     .now_ms = t->now_ms,
                                     .facts = &t->other};
    TRY(decide_run(&q, &t->tried));
    c->verdict = t->tried.verdict;
    return ERR_OK;
}

/* True if b is a, or another number of the same fact: those come after the nearest. */
static bool
policy_explain_like(const struct policy_explain *t, size_t a, size_t b)
{
    const struct policy_explain_option *x = &t->options[a];
    const struct policy_explain_option *y = &t->options[b];
    return a == b || (!x->is_label && !y->is_label && x->attr == y->attr &&
                      t->cells.attrs[x->attr].type == VOCAB_INT);
}

/* True if a change that is shown already is part of c, or like a part of it, and does as well. */
static bool
policy_explain_has(const struct policy_explain *t, const struct policy_explain_change *c)
{
    for (size_t i = 0; i < t->change_count; i++) {
        const struct policy_explain_change *known = &t->changes[i];
        size_t found = 0;
        for (size_t a = 0; a < known->count; a++)
            for (size_t b = 0; b < c->count; b++)
                found += policy_explain_like(t, known->option[a], c->option[b]) ? 1 : 0;
        if (found == known->count && known->verdict >= c->verdict)
            return true;
    }
    return false;
}

static enum err
policy_explain_consider(struct policy_explain *t, struct policy_explain_change *c)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < i; k++)
            if (t->options[c->option[i]].is_label == t->options[c->option[k]].is_label &&
                !t->options[c->option[i]].is_label &&
                t->options[c->option[i]].attr == t->options[c->option[k]].attr)
                return ERR_OK; /* one fact has one value */
    if (t->change_count == POLICY_EXPLAIN_SHOWN_MAX)
        return ERR_OK;
    if (t->tries >= POLICY_EXPLAIN_TRIES_MAX) {
        t->unfinished = true;
        return ERR_OK;
    }
    TRY(policy_explain_try(t, c));
    if (c->verdict <= t->decision.verdict || policy_explain_has(t, c))
        return ERR_OK;
    size_t at = t->change_count++;
    for (; at > 0 && t->changes[at - 1].verdict < c->verdict; at--)
        t->changes[at] = t->changes[at - 1];
    t->changes[at] = *c;
    return ERR_OK;
}

/* True if something is shown that keeps all the data: leaving some out is the last resort. */
static bool
policy_explain_keeps(const struct policy_explain *t)
{
    for (size_t i = 0; i < t->change_count; i++) {
        bool keeps = true;
        for (size_t k = 0; k < t->changes[i].count; k++)
            keeps = keeps && !t->options[t->changes[i].option[k]].is_label;
        if (keeps)
            return true;
    }
    return false;
}

enum err
policy_explain_find(struct policy_explain *t)
{
    struct policy_explain_change c;
    policy_explain_options(t);
    t->change_count = 0;
    t->tries = 0;
    const size_t n = t->option_count;
    for (c.count = 1; c.count <= POLICY_EXPLAIN_SET_MAX; c.count++) {
        size_t *o = c.option;
        for (o[0] = 0; o[0] < n; o[0]++) {
            if (c.count == 1)
                TRY(policy_explain_consider(t, &c));
            for (o[1] = o[0] + 1; c.count > 1 && o[1] < n; o[1]++) {
                if (c.count == 2)
                    TRY(policy_explain_consider(t, &c));
                for (o[2] = o[1] + 1; c.count > 2 && o[2] < n; o[2]++)
                    TRY(policy_explain_consider(t, &c));
            }
        }
        if (policy_explain_keeps(t))
            return ERR_OK;
    }
    return ERR_OK;
}

static bool
policy_explain_is_count(struct span name)
{
    const struct span tail = SPAN_LIT(".after");
    return span_starts(name, SPAN_LIT("count.")) && name.len > tail.len &&
           span_eq(span_from(name, name.len - tail.len), tail);
}

static void
policy_explain_print_number(const struct policy_explain *t, const struct policy_explain_option *o)
{
    const struct cells_attr *attr = &t->cells.attrs[o->attr];
    const struct facts_entry *e = facts_get(&t->facts, attr->name);
    const int64_t to = policy_explain_number(t, o);
    printf("%lld", (long long)to);
    if (e == NULL || e->type != FACTS_INT || e->number == to)
        return;
    const long long by = (long long)(to < e->number ? e->number - to : to - e->number);
    const bool more = to > e->number;
    const enum policy_explain_word after =
        more ? POLICY_EXPLAIN_AFTER_MORE
             : (policy_explain_is_count(attr->name) ? POLICY_EXPLAIN_AFTER_PERSONS
                                                    : POLICY_EXPLAIN_AFTER_LESS);
    printf(" (%s%lld%s)",
           policy_explain_word(t, more ? POLICY_EXPLAIN_BEFORE_MORE : POLICY_EXPLAIN_BEFORE_LESS),
           by, policy_explain_word(t, after));
}

void
policy_explain_print(const struct policy_explain *t, const struct policy_explain_change *c)
{
    printf("  - ");
    for (size_t i = 0; i < c->count; i++) {
        const struct policy_explain_option *o = &t->options[c->option[i]];
        printf("%s", i == 0 ? "" : "; ");
        if (o->is_label) {
            const struct span label = t->facts.label[o->label];
            printf("%s %.*s", policy_explain_word(t, POLICY_EXPLAIN_WITHOUT), (int)label.len,
                   (const char *)label.ptr);
            continue;
        }
        const struct cells_attr *attr = &t->cells.attrs[o->attr];
        const struct cells_cell *cell = &attr->cell[o->cell];
        printf("%.*s = ", (int)attr->name.len, (const char *)attr->name.ptr);
        if (attr->type == VOCAB_INT)
            policy_explain_print_number(t, o);
        else if (attr->type == VOCAB_BOOL)
            printf("%s", cell->low != 0 ? "true" : "false");
        else
            printf("%.*s", (int)cell->texts[0].len, (const char *)cell->texts[0].ptr);
    }
    printf(", %s %s\n", policy_explain_word(t, POLICY_EXPLAIN_OR_ELSE),
           policy_explain_word(t, c->verdict == DECIDE_ALLOW ? POLICY_EXPLAIN_ALLOW
                                                             : POLICY_EXPLAIN_HOLD));
}
