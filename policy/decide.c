/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/decide.h"

#include <assert.h>

#include "policy/decide_inner.h"
#include "policy/evaluate.h"

/* What is known of one document while it is evaluated. */
struct decide_doc {
    struct evaluate evaluate;
    struct vocab_set covered;
};

/* Facts shared by all documents. */
struct decide_run {
    const struct decide_request *q;
    struct decision *out;
    const struct vocab *vocab;
    struct vocab_set labels;
    uint32_t to; /* VOCAB_NONE when unknown */
    struct decide_found found;
};

static const char *const decide_verdict_names[] = {"deny", "hold", "allow"};
static const char *const decide_reason_names[] = {"permitted",
                                                  "review",
                                                  "forbidden",
                                                  "no-basis",
                                                  "unlabelled",
                                                  "unknown-label",
                                                  "obligation-conflict",
                                                  "obligation-unsupported",
                                                  "obligation-not-performed"};

/* The order of a record: effect, then <policy>/<rule> byte by byte. */
static int
decide_fired_order(const struct decide_fired *a, const struct decide_fired *b)
{
    if (a->rule->effect != b->rule->effect)
        return a->rule->effect < b->rule->effect ? -1 : 1;
    const struct span x = a->doc->id;
    const struct span y = b->doc->id;
    if (!span_eq(x, y)) {
        /* The ids differ: where one is the head of the other, its next byte is the slash. */
        const size_t common = x.len < y.len ? x.len : y.len;
        const int order = memcmp(x.ptr, y.ptr, common);
        if (order != 0)
            return order;
        return x.len < y.len ? '/' - y.ptr[common] : x.ptr[common] - '/';
    }
    return span_cmp(a->rule->id, b->rule->id);
}

void
decide_fire(struct decision *out, const struct decide_fired *fired)
{
    size_t at = out->fired_count;
    assert(at < DECIDE_RULES_MAX);
    for (; at > 0 && decide_fired_order(&out->fired[at - 1], fired) > 0; at--)
        out->fired[at] = out->fired[at - 1];
    out->fired[at] = *fired;
    out->fired_count++;
}

enum err
decide_note_unknown(struct decision *out, struct span name, bool would_help)
{
    size_t at = 0;
    while (at < out->unknown_count && span_cmp(out->unknown[at].name, name) < 0)
        at++;
    if (at < out->unknown_count && span_eq(out->unknown[at].name, name)) {
        out->unknown[at].would_help = out->unknown[at].would_help || would_help;
        return ERR_OK;
    }
    if (out->unknown_count == DECIDE_UNKNOWN_MAX)
        return ERR_FULL;
    for (size_t i = out->unknown_count; i > at; i--)
        out->unknown[i] = out->unknown[i - 1];
    out->unknown[at] = (struct decide_unknown){.name = name, .would_help = would_help};
    out->unknown_count++;
    return ERR_OK;
}

/* Every unknown attribute that rule reads, whether or not it mattered. */
static enum err
decide_note_rule(struct decision *out, const struct evaluate *e, const struct source_rule *rule,
                 bool would_help)
{
    for (size_t i = 0; i < rule->step_count; i++) {
        const struct source_step *step = &rule->steps[i];
        if (step->op == SOURCE_NOT || step->op == SOURCE_AND || step->op == SOURCE_OR)
            continue;
        if (!e->value[step->attr].is_known)
            TRY(decide_note_unknown(out, e->doc->attrs[step->attr].name, would_help));
    }
    return ERR_OK;
}

static bool
decide_set_and(const struct vocab_set *a, const struct vocab_set *b, struct vocab_set *out)
{
    uint64_t any = 0;
    for (size_t i = 0; i < 4; i++) {
        out->word[i] = a->word[i] & b->word[i];
        any |= out->word[i];
    }
    return any != 0;
}

/* True if rule is considered (policy.md 3.5.4); its labels are the hits. */
static bool
decide_considers(const struct decide_run *r, const struct source *doc,
                 const struct source_rule *rule, struct vocab_set *ret_hits)
{
    const int64_t now = r->q->now_ms;
    if (now < doc->from_ms || now >= doc->until_ms || now < rule->from_ms || now >= rule->until_ms)
        return false;
    if (r->to == VOCAB_NONE || !vocab_set_has(&rule->to, r->to))
        return false;
    return decide_set_and(&rule->classes, &r->labels, ret_hits);
}

/* True if a fired rule of that range has its effect (3.5.5), at preflight by design.md 3.3. */
static bool
decide_fires(const struct source_rule *rule, struct evaluate_range range)
{
    switch (rule->effect) {
    case SOURCE_PERMIT:
        return range.high == EVALUATE_TRUE;
    case SOURCE_FORBID:
    case SOURCE_HOLD:
        return range.low >= EVALUATE_UNKNOWN;
    case SOURCE_OBLIGE:
        return range.high >= EVALUATE_UNKNOWN;
    }
    return true;
}

/* A permit whose review is overdue counts as unknown: nothing the stream brings makes it true. */
static struct evaluate_range
decide_range(const struct decide_run *r, const struct evaluate *e, const struct source_rule *rule)
{
    struct evaluate_range range = evaluate_rule(e, rule);
    if (rule->effect == SOURCE_PERMIT && r->q->now_ms >= rule->stale_ms) {
        range.high = range.high == EVALUATE_TRUE ? EVALUATE_UNKNOWN : range.high;
        range.low = range.low == EVALUATE_TRUE ? EVALUATE_UNKNOWN : range.low;
    }
    return range;
}

/* Fires the rules of one document and marks what its permits cover. */
static void
decide_doc_fire(struct decide_run *r, struct decide_doc *d)
{
    const struct source *doc = d->evaluate.doc;
    for (size_t i = 0; i < doc->rule_count; i++) {
        const struct source_rule *rule = &doc->rules[i];
        struct vocab_set hits;
        if (!decide_considers(r, doc, rule, &hits))
            continue;
        const struct evaluate_range range = decide_range(r, &d->evaluate, rule);
        if (!decide_fires(rule, range))
            continue;
        decide_fire(r->out, &(struct decide_fired){.doc = doc,
                                                   .rule = rule,
                                                   .on_unknown = range.low != EVALUATE_TRUE,
                                                   .may_lapse = range.low == EVALUATE_FALSE});
        r->found.has_forbid = r->found.has_forbid || rule->effect == SOURCE_FORBID;
        r->found.has_hold = r->found.has_hold || rule->effect == SOURCE_HOLD;
        for (size_t k = 0; rule->effect == SOURCE_PERMIT && k < 4; k++)
            d->covered.word[k] |= hits.word[k];
    }
}

void
decide_note_uncovered(struct decision *out, struct span label)
{
    size_t at = 0;
    while (at < out->uncovered_count && span_cmp(out->uncovered[at], label) < 0)
        at++;
    if (at < out->uncovered_count && span_eq(out->uncovered[at], label))
        return;
    assert(out->uncovered_count < FACTS_LABELS_MAX);
    for (size_t i = out->uncovered_count; i > at; i--)
        out->uncovered[i] = out->uncovered[i - 1];
    out->uncovered[at] = label;
    out->uncovered_count++;
}

/* The labels that no permit of a closed document covered. */
static void
decide_doc_uncovered(struct decide_run *r, const struct decide_doc *d)
{
    const struct facts *f = r->q->facts;
    if (!d->evaluate.doc->is_closed)
        return;
    r->found.has_closed = true;
    for (size_t i = 0; i < f->label_count; i++) {
        const uint32_t class = vocab_class(r->vocab, f->label[i]);
        if (class == VOCAB_NONE || !vocab_set_has(&d->covered, class))
            decide_note_uncovered(r->out, f->label[i]);
    }
}

/* Collects what the rules of one document that ended unknown did not know. */
static enum err
decide_doc_unknown(struct decide_run *r, const struct decide_doc *d)
{
    const struct source *doc = d->evaluate.doc;
    for (size_t i = 0; i < doc->rule_count; i++) {
        const struct source_rule *rule = &doc->rules[i];
        struct vocab_set hits;
        bool helps = false;
        if (!decide_considers(r, doc, rule, &hits))
            continue;
        const struct evaluate_range range = decide_range(r, &d->evaluate, rule);
        if (range.low == range.high && range.low != EVALUATE_UNKNOWN)
            continue;
        if (rule->effect == SOURCE_PERMIT)
            for (size_t k = 0; k < 4; k++)
                helps = helps || (hits.word[k] & ~d->covered.word[k]) != 0;
        if (rule->effect == SOURCE_FORBID || rule->effect == SOURCE_HOLD)
            helps = decide_fires(rule, range);
        TRY(decide_note_rule(r->out, &d->evaluate, rule, helps));
    }
    return ERR_OK;
}

static enum err
decide_doc(struct decide_run *r, const struct source *doc)
{
    struct decide_doc d;
    evaluate_begin(&d.evaluate, doc, r->q);
    d.covered = (struct vocab_set){0};
    decide_doc_fire(r, &d);
    decide_doc_uncovered(r, &d);
    return decide_doc_unknown(r, &d);
}

/* Merges what the fired obliges ask for. */
static void
decide_merge(const struct decision *out, bool certain_only, struct obligation_set *set)
{
    obligation_set_init(set);
    for (size_t i = 0; i < out->fired_count; i++) {
        const struct decide_fired *fired = &out->fired[i];
        if (fired->rule->effect != SOURCE_OBLIGE || (certain_only && fired->may_lapse))
            continue;
        for (size_t k = 0; k < fired->rule->duty_count; k++)
            obligation_set_add(set, &fired->rule->duties[k]);
    }
    obligation_set_close(set);
}

/* At preflight an oblige that fired on unknown may fall silent when the stream has been seen: a
 * conflict that needs it is not certain, and then only the certain ones are asked for. */
static void
decide_obligations(struct decision *out)
{
    struct obligation_set *set = &out->obligations;
    decide_merge(out, false, set);
    if (out->preflight && (set->conflict || set->unsupported))
        decide_merge(out, true, set);
}

static void
decide_set(struct decision *out, enum decide_verdict verdict, enum decide_reason reason)
{
    out->verdict = verdict;
    out->reason = reason;
}

void
decide_result(struct decision *out, const struct decide_found *found)
{
    if (out->facts->label_count == 0)
        decide_set(out, DECIDE_DENY, DECIDE_UNLABELLED);
    else if (found->has_unknown_label)
        decide_set(out, DECIDE_DENY, DECIDE_UNKNOWN_LABEL);
    else if (found->has_forbid)
        decide_set(out, DECIDE_DENY, DECIDE_FORBIDDEN);
    else if (found->has_uncovered || (!found->has_closed && !found->to_is_known))
        /* Overlays alone permit nothing that goes nobody knows where. */
        decide_set(out, DECIDE_DENY, DECIDE_NO_BASIS);
    else if (out->obligations.conflict)
        decide_set(out, DECIDE_DENY, DECIDE_OBLIGATION_CONFLICT);
    else if (out->obligations.unsupported)
        decide_set(out, DECIDE_DENY, DECIDE_OBLIGATION_UNSUPPORTED);
    else if (found->has_hold)
        decide_set(out, DECIDE_HOLD, DECIDE_REVIEW);
    else
        decide_set(out, DECIDE_ALLOW, DECIDE_PERMITTED);
}

void
decide_end(struct decision *out)
{
    for (size_t i = 0; out->verdict == DECIDE_ALLOW && i < out->unknown_count; i++)
        out->unknown[i].would_help = false;
}

enum err
decide_sort(const struct source *const *docs, size_t count, const struct source **sorted)
{
    size_t rules = 0;
    if (count == 0)
        return ERR_MISSING;
    if (count > DECIDE_DOCS_MAX)
        return ERR_FULL;
    for (size_t i = 0; i < count; i++) {
        const struct source *doc = docs[i];
        size_t at = i;
        for (; at > 0 && span_cmp(sorted[at - 1]->id, doc->id) > 0; at--)
            sorted[at] = sorted[at - 1];
        if (at > 0 && span_eq(sorted[at - 1]->id, doc->id))
            return ERR_DUPLICATE;
        sorted[at] = doc;
        rules += doc->rule_count;
        if (memcmp(doc->vocab->sha256, docs[0]->vocab->sha256, 32) != 0)
            return ERR_CONFLICT;
    }
    return rules > DECIDE_RULES_MAX ? ERR_FULL : ERR_OK;
}

void
decide_begin(struct decision *out, const struct facts *facts, int64_t now_ms, bool preflight)
{
    out->fired_count = 0;
    out->uncovered_count = 0;
    out->unknown_count = 0;
    out->facts = facts;
    out->now_ms = now_ms;
    out->preflight = preflight;
}

enum err
decide_run(const struct decide_request *q, struct decision *ret)
{
    TRY(decide_sort(q->docs, q->doc_count, ret->docs));
    ret->doc_count = q->doc_count;
    struct decide_run r = {.q = q, .out = ret, .vocab = q->docs[0]->vocab, .to = VOCAB_NONE};
    decide_begin(ret, q->facts, q->now_ms, q->preflight);
    const struct facts_entry *to = facts_get(q->facts, SPAN_LIT("to"));
    if (to != NULL && to->type == FACTS_TEXT)
        r.to = vocab_zone(r.vocab, to->text);
    for (size_t i = 0; i < q->facts->label_count; i++) {
        const uint32_t class = vocab_class(r.vocab, q->facts->label[i]);
        if (class == VOCAB_NONE)
            r.found.has_unknown_label = true;
        else
            vocab_set_add(&r.labels, class);
    }
    for (size_t i = 0; i < ret->doc_count; i++)
        TRY(decide_doc(&r, ret->docs[i]));
    decide_obligations(ret);
    r.found.has_uncovered = ret->uncovered_count > 0;
    r.found.to_is_known = r.to != VOCAB_NONE;
    decide_result(ret, &r.found);
    decide_end(ret);
    return ERR_OK;
}

const char *
decide_verdict_name(enum decide_verdict verdict)
{
    return decide_verdict_names[verdict];
}

const char *
decide_reason_name(enum decide_reason reason)
{
    return decide_reason_names[reason];
}
