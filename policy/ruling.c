/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ruling.h"

#include <assert.h>

#include "policy/decide_inner.h"

enum err
ruling_begin(struct ruling *r, const struct compiled *const *docs, size_t count,
             const struct facts *f, bool preflight, struct decision *out)
{
    const struct source *sources[DECIDE_DOCS_MAX] = {NULL};
    if (count > DECIDE_DOCS_MAX)
        return ERR_FULL;
    for (size_t i = 0; i < count; i++)
        sources[i] = docs[i]->doc;
    TRY(decide_sort(sources, count, out->docs));
    out->doc_count = count;
    out->preflight = preflight;
    out->facts = f;
    r->doc_count = count;
    r->out = out;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            if (docs[k]->doc == out->docs[i])
                coded_make(&r->doc[i].coded, docs[k], f, preflight);
    const struct vocab *v = out->docs[0]->vocab;
    const struct facts_entry *to = facts_get(f, SPAN_LIT("to"));
    r->to_is_known = to != NULL && to->type == FACTS_TEXT && vocab_zone(v, to->text) != VOCAB_NONE;
    r->has_unknown_label = false;
    for (size_t i = 0; i < f->label_count; i++)
        r->has_unknown_label = r->has_unknown_label || vocab_class(v, f->label[i]) == VOCAB_NONE;
    return ERR_OK;
}

/* Of the rows alive, those that codes leave true and those they leave unknown. */
struct ruling_word {
    uint64_t holds;
    uint64_t unknown;
};

static struct ruling_word
ruling_word(const struct compiled *c, const uint32_t *at, size_t word, uint64_t alive)
{
    struct compiled_cell all = {0};
    const struct compiled_use *use = &c->uses[c->use_begin[word]];
    const struct compiled_use *end = alive == 0 ? use : &c->uses[c->use_begin[word + 1]];
    for (; use < end; use++) {
        const struct compiled_cell *cell = &c->cells[use->cell + at[use->column]];
        all.fails |= cell->fails;
        all.unknown |= cell->unknown;
    }
    alive &= ~all.fails;
    return (struct ruling_word){.holds = alive & ~all.unknown, .unknown = alive & all.unknown};
}

/* The values of all rules in force: of its rows the largest counts. A permit whose review is
 * overdue is unknown at the most. */
static void
ruling_values(const struct coded *q, const uint32_t *at, size_t stretch, uint64_t *holds,
              uint64_t *unknown)
{
    const struct compiled *c = q->doc;
    for (size_t w = 0; w < c->rule_words; w++)
        holds[w] = unknown[w] = 0;
    for (size_t w = c->rule_words; w < c->words; w++) {
        const struct ruling_word rows = ruling_word(c, at, w, q->scope[w]);
        const uint16_t *rule = &c->row_rule[(w - c->rule_words) * 64];
        for (uint64_t left = rows.holds; left != 0; left &= left - 1) {
            const unsigned bit = rule[__builtin_ctzll(left)];
            holds[bit / 64] |= UINT64_C(1) << (bit % 64);
        }
        for (uint64_t left = rows.unknown; left != 0; left &= left - 1) {
            const unsigned bit = rule[__builtin_ctzll(left)];
            unknown[bit / 64] |= UINT64_C(1) << (bit % 64);
        }
    }
    const uint64_t *in_force = &c->in_force[stretch * c->rule_words];
    const uint64_t *stale = &c->stale[stretch * c->rule_words];
    for (size_t w = 0; w < c->rule_words; w++) {
        const uint64_t alive = q->scope[w] & in_force[w];
        const struct ruling_word first = ruling_word(c, at, w, alive);
        const uint64_t some = (holds[w] & alive) | first.holds;
        holds[w] = some & ~stale[w];
        unknown[w] = ((unknown[w] & alive) | first.unknown | some) & ~holds[w];
    }
}

/* What fires, by policy.md 3.5.5 and at preflight by design.md 3.3: a permit if it may become true,
 * an oblige if it may become other than false, forbid and hold if they cannot become false. */
static void
ruling_doc_decide(struct ruling_doc *d, int64_t now_ms)
{
    const struct compiled *c = d->coded.doc;
    const size_t stretch = compiled_stretch(c, now_ms);
    uint64_t low[COMPILED_RULE_WORDS];
    uint64_t low_unknown[COMPILED_RULE_WORDS];
    uint64_t high[COMPILED_RULE_WORDS];
    uint64_t high_unknown[COMPILED_RULE_WORDS];
    const uint64_t *best = low;
    const uint64_t *best_unknown = low_unknown;
    ruling_values(&d->coded, d->coded.low, stretch, low, low_unknown);
    if (d->coded.has_open) {
        ruling_values(&d->coded, d->coded.high, stretch, high, high_unknown);
        best = high;
        best_unknown = high_unknown;
    }
    for (size_t w = 0; w < c->rule_words; w++) {
        const uint64_t never_false = low[w] | low_unknown[w];
        const uint64_t maybe = best[w] | best_unknown[w];
        d->certain[w] = low[w];
        d->possible[w] = never_false;
        d->undecided[w] = maybe & ~low[w];
        d->fired[w] = ((c->effect[SOURCE_FORBID][w] | c->effect[SOURCE_HOLD][w]) & never_false) |
                      (c->effect[SOURCE_OBLIGE][w] & maybe) |
                      (c->effect[SOURCE_PERMIT][w] & best[w]);
    }
}

static bool
ruling_any(const struct ruling_doc *d, enum source_effect effect)
{
    uint64_t any = 0;
    for (size_t w = 0; w < d->coded.doc->rule_words; w++)
        any |= d->fired[w] & d->coded.doc->effect[effect][w];
    return any != 0;
}

/* Marks the labels that fired permits cover; true if that is all of them. */
static bool
ruling_cover(struct ruling_doc *d)
{
    const struct compiled *c = d->coded.doc;
    bool all = true;
    for (size_t k = 0; k < 4; k++) {
        d->covered.word[k] = 0;
        for (uint64_t left = d->coded.labels.word[k]; left != 0; left &= left - 1) {
            const uint32_t class = (uint32_t)(k * 64) + (uint32_t)__builtin_ctzll(left);
            const uint64_t *hits = &c->classes[class * c->words];
            uint64_t any = 0;
            for (size_t w = 0; w < c->rule_words; w++)
                any |= d->fired[w] & c->effect[SOURCE_PERMIT][w] & hits[w];
            if (any != 0)
                vocab_set_add(&d->covered, class);
            all = all && any != 0;
        }
    }
    return all;
}

/* Merges what fired obliges ask for. */
static void
ruling_merge_some(const struct ruling *r, bool certain_only)
{
    struct obligation_set *set = &r->out->obligations;
    obligation_set_init(set);
    for (size_t i = 0; i < r->doc_count; i++) {
        const struct ruling_doc *d = &r->doc[i];
        const struct compiled *c = d->coded.doc;
        for (size_t w = 0; w < c->rule_words; w++) {
            uint64_t left = d->fired[w] & c->effect[SOURCE_OBLIGE][w];
            left &= certain_only ? d->possible[w] : UINT64_MAX;
            for (; left != 0; left &= left - 1) {
                const struct source_rule *rule = c->rules[w * 64 + (size_t)__builtin_ctzll(left)];
                for (size_t k = 0; k < rule->duty_count; k++)
                    obligation_set_add(set, &rule->duties[k]);
            }
        }
    }
    obligation_set_close(set);
}

/* At preflight an oblige that fired may yet fall silent: a conflict that needs it is not certain,
 * and then only the certain ones are asked for. */
static void
ruling_merge(struct ruling *r)
{
    const struct obligation_set *set = &r->out->obligations;
    ruling_merge_some(r, false);
    if (r->out->preflight && (set->conflict || set->unsupported))
        ruling_merge_some(r, true);
    r->merged = true;
}

/* Obligations decide only what nothing else has denied, and those of one document that join whole
 * cannot deny at all. */
static bool
ruling_needs_merge(const struct ruling *r, const struct decide_found *found)
{
    if (found->has_unknown_label || found->has_forbid || found->has_uncovered)
        return false;
    return r->doc_count > 1 || !r->doc[0].coded.doc->duties_join;
}

void
ruling_decide(struct ruling *r, int64_t now_ms)
{
    struct decision *out = r->out;
    struct decide_found found = {.has_unknown_label = r->has_unknown_label,
                                 .to_is_known = r->to_is_known};
    for (size_t i = 0; i < r->doc_count; i++) {
        struct ruling_doc *d = &r->doc[i];
        ruling_doc_decide(d, now_ms);
        const bool all = ruling_cover(d);
        found.has_forbid = found.has_forbid || ruling_any(d, SOURCE_FORBID);
        found.has_hold = found.has_hold || ruling_any(d, SOURCE_HOLD);
        found.has_closed = found.has_closed || d->coded.doc->doc->is_closed;
        found.has_uncovered = found.has_uncovered || (d->coded.doc->doc->is_closed && !all);
    }
    out->now_ms = now_ms;
    out->obligations.conflict = false;
    out->obligations.unsupported = false;
    r->merged = false;
    if (ruling_needs_merge(r, &found))
        ruling_merge(r);
    decide_result(out, &found);
}

static void
ruling_fill_fired(const struct ruling *r, const struct ruling_doc *d)
{
    const struct compiled *c = d->coded.doc;
    for (size_t w = 0; w < c->rule_words; w++) {
        for (uint64_t left = d->fired[w]; left != 0; left &= left - 1) {
            const unsigned bit = (unsigned)__builtin_ctzll(left);
            const struct decide_fired fired = {.doc = c->doc,
                                               .rule = c->rules[w * 64 + bit],
                                               .on_unknown = (d->certain[w] >> bit & 1) == 0,
                                               .may_lapse = (d->possible[w] >> bit & 1) == 0};
            decide_fire(r->out, &fired);
        }
    }
}

static void
ruling_fill_uncovered(const struct ruling *r, const struct ruling_doc *d)
{
    const struct source *doc = d->coded.doc->doc;
    const struct facts *f = r->out->facts;
    for (size_t i = 0; doc->is_closed && i < f->label_count; i++) {
        const uint32_t class = vocab_class(doc->vocab, f->label[i]);
        if (class == VOCAB_NONE || !vocab_set_has(&d->covered, class))
            decide_note_uncovered(r->out, f->label[i]);
    }
}

/* True if a known fact more could change what an undecided rule stands in the way of. */
static bool
ruling_helps(const struct ruling_doc *d, const struct source_rule *rule, bool fired)
{
    uint64_t open = 0;
    switch (rule->effect) {
    case SOURCE_FORBID:
    case SOURCE_HOLD:
        return fired;
    case SOURCE_PERMIT:
        for (size_t k = 0; k < 4; k++)
            open |= rule->classes.word[k] & d->coded.labels.word[k] & ~d->covered.word[k];
        return open != 0;
    case SOURCE_OBLIGE:
        break;
    }
    return false;
}

/* Every unknown attribute that an undecided rule reads, whether or not it mattered. */
static enum err
ruling_fill_unknown(const struct ruling *r, const struct ruling_doc *d)
{
    const struct compiled *c = d->coded.doc;
    uint64_t read[COMPILED_ATTR_WORDS] = {0};
    uint64_t helps[COMPILED_ATTR_WORDS] = {0};
    for (size_t w = 0; w < c->rule_words; w++) {
        for (uint64_t left = d->undecided[w]; left != 0; left &= left - 1) {
            const unsigned bit = (unsigned)__builtin_ctzll(left);
            const uint64_t *reads = &c->reads[(w * 64 + bit) * COMPILED_ATTR_WORDS];
            const bool would_help =
                ruling_helps(d, c->rules[w * 64 + bit], (d->fired[w] >> bit & 1) != 0);
            for (size_t k = 0; k < COMPILED_ATTR_WORDS; k++) {
                read[k] |= reads[k] & d->coded.unknown[k];
                helps[k] |= would_help ? reads[k] & d->coded.unknown[k] : 0;
            }
        }
    }
    for (size_t i = 0; i < c->doc->attr_count; i++)
        if ((read[i / 64] >> (i % 64) & 1) != 0)
            TRY(decide_note_unknown(r->out, c->doc->attrs[i].name,
                                    (helps[i / 64] >> (i % 64) & 1) != 0));
    return ERR_OK;
}

enum err
ruling_fill(struct ruling *r)
{
    decide_begin(r->out, r->out->facts, r->out->now_ms, r->out->preflight);
    if (!r->merged)
        ruling_merge(r);
    for (size_t i = 0; i < r->doc_count; i++) {
        ruling_fill_fired(r, &r->doc[i]);
        ruling_fill_uncovered(r, &r->doc[i]);
        TRY(ruling_fill_unknown(r, &r->doc[i]));
    }
    decide_end(r->out);
    return ERR_OK;
}

enum err
ruling_run(struct ruling *r, const struct compiled *const *docs, size_t count,
           const struct facts *f, int64_t now_ms, bool preflight, struct decision *ret)
{
    TRY(ruling_begin(r, docs, count, f, preflight, ret));
    ruling_decide(r, now_ms);
    return ruling_fill(r);
}
