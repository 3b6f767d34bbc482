/* SPDX-License-Identifier: Apache-2.0 */
/* Splits a problem by destination, label and time, and walks the diagram of each part. */
#include "policy/explore.h"

#include <assert.h>
#include <stdlib.h>

#include "policy/explore_inner.h"

/* Zones, or labels, that every rule of a problem treats alike. */
struct explore_kin {
    struct vocab_set set;
    uint32_t first;
};

struct explore_parts {
    const struct explore_problem *problem;
    const struct vocab *vocab;
    struct explore_kin *zones;
    size_t zone_count;
    struct explore_kin *labels;
    size_t label_count;
    int64_t *times; /* where the rules in force change */
    size_t time_count;
    uint32_t *active; /* rules in force in the part at hand */
    size_t active_count;
    uint32_t *before; /* those of the stretch before */
    size_t before_count;
    explore_see see;
    void *context;
    uint32_t *fixed;
    bool stopped;
};

/* True if rules tell the zones (or labels) a and b apart; a condition may, of zones. */
static bool
explore_kin_eq(const struct explore_parts *s, bool is_zone, uint32_t a, uint32_t b)
{
    const struct explore_problem *p = s->problem;
    for (size_t i = 0; i < p->rule_count; i++) {
        const struct source_rule *r = p->rules[i].rule;
        const struct vocab_set *set = is_zone ? &r->to : &r->classes;
        if (vocab_set_has(set, a) != vocab_set_has(set, b))
            return false;
    }
    const size_t to = cells_attr(p->cells, SPAN_LIT("to"));
    if (!is_zone || to == p->cells->attr_count)
        return true;
    const struct facts_entry x = {.type = FACTS_TEXT, .text = s->vocab->zones[a].name};
    const struct facts_entry y = {.type = FACTS_TEXT, .text = s->vocab->zones[b].name};
    return cells_find(p->cells, to, &x) == cells_find(p->cells, to, &y);
}

static size_t
explore_kin_make(const struct explore_parts *s, bool is_zone, struct explore_kin *kin)
{
    const size_t count = is_zone ? s->vocab->zone_count : s->vocab->class_count;
    const struct vocab_set *wanted = is_zone ? &s->problem->zones : &s->problem->labels;
    size_t kin_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t at = 0;
        if (!vocab_set_has(wanted, i))
            continue;
        while (at < kin_count && !explore_kin_eq(s, is_zone, kin[at].first, i))
            at++;
        if (at == kin_count)
            kin[kin_count++] = (struct explore_kin){.first = i};
        vocab_set_add(&kin[at].set, i);
    }
    return kin_count;
}

static void
explore_time_add(struct explore_parts *s, int64_t at)
{
    const struct explore_problem *p = s->problem;
    size_t i = s->time_count;
    if (at <= p->from_ms || at >= p->until_ms)
        return;
    for (size_t k = 0; k < s->time_count; k++)
        if (s->times[k] == at)
            return;
    for (; i > 0 && s->times[i - 1] > at; i--)
        s->times[i] = s->times[i - 1];
    s->times[i] = at;
    s->time_count++;
}

/* The rules that count for a zone, a label and the stretch of time that begins at from. */
static size_t
explore_in_force(const struct explore_parts *s, uint32_t zone, uint32_t label, int64_t from,
                 uint32_t *out)
{
    size_t count = 0;
    for (uint32_t i = 0; i < s->problem->rule_count; i++) {
        const struct explore_rule *r = &s->problem->rules[i];
        const bool now = from >= r->doc->from_ms && from < r->doc->until_ms &&
                         from >= r->rule->from_ms && from < r->rule->until_ms;
        /* A permit whose review is overdue counts as unknown, which permits nothing. */
        const bool stale = r->rule->effect == SOURCE_PERMIT && from >= r->rule->stale_ms;
        if (now && !stale && vocab_set_has(&r->rule->to, zone) &&
            vocab_set_has(&r->rule->classes, label))
            out[count++] = i;
    }
    return count;
}

/* The rules of one part, all its inputs. */
static enum err
explore_part(struct explore_parts *s, struct explore_region *scope)
{
    struct explore_problem p = *s->problem;
    struct explore_table table;
    struct explore_graph graph;
    p.fixed = s->fixed;
    TRY(explore_table_make(&table, &p, s->before, s->before_count));
    enum err err = explore_graph_make(&graph, &table);
    if (err == ERR_OK) {
        err = explore_walk(&graph, &table, scope, s->see, s->context, &s->stopped);
        explore_graph_finish(&graph);
    }
    explore_table_finish(&table);
    return err;
}

/* Fixes the attribute `to`, where conditions read it, to the zone. */
static bool
explore_fix(const struct explore_parts *s, uint32_t zone)
{
    const struct explore_problem *p = s->problem;
    const size_t to = cells_attr(p->cells, SPAN_LIT("to"));
    for (size_t i = 0; i < p->cells->attr_count; i++)
        s->fixed[i] = p->fixed == NULL ? EXPLORE_FREE : p->fixed[i];
    if (to == p->cells->attr_count)
        return true;
    const struct facts_entry e = {.type = FACTS_TEXT, .text = s->vocab->zones[zone].name};
    const uint32_t cell = (uint32_t)cells_find(p->cells, to, &e);
    if (s->fixed[to] != EXPLORE_FREE && s->fixed[to] != cell)
        return false;
    s->fixed[to] = cell;
    return true;
}

/* All stretches of time of one zone and label; neighbours with the same rules are one. */
static enum err
explore_times(struct explore_parts *s, const struct explore_kin *zone,
              const struct explore_kin *label)
{
    const struct explore_problem *p = s->problem;
    struct explore_region scope = {.zones = zone->set, .labels = label->set, .from_ms = p->from_ms};
    if (!explore_fix(s, zone->first))
        return ERR_OK;
    s->before_count = explore_in_force(s, zone->first, label->first, p->from_ms, s->before);
    for (size_t i = 0; i <= s->time_count && !s->stopped; i++) {
        const int64_t end = i == s->time_count ? p->until_ms : s->times[i];
        bool same = i < s->time_count;
        if (same) {
            s->active_count = explore_in_force(s, zone->first, label->first, end, s->active);
            same = s->active_count == s->before_count &&
                   memcmp(s->active, s->before, s->before_count * sizeof(*s->before)) == 0;
        }
        if (same)
            continue;
        scope.until_ms = end;
        TRY(explore_part(s, &scope));
        uint32_t *kept = s->before;
        s->before = s->active;
        s->before_count = s->active_count;
        s->active = kept;
        scope.from_ms = end;
    }
    return ERR_OK;
}

static enum err
explore_all(struct explore_parts *s)
{
    const struct explore_problem *p = s->problem;
    for (size_t i = 0; i < p->rule_count; i++) {
        explore_time_add(s, p->rules[i].doc->from_ms);
        explore_time_add(s, p->rules[i].doc->until_ms);
        explore_time_add(s, p->rules[i].rule->from_ms);
        explore_time_add(s, p->rules[i].rule->until_ms);
        if (p->rules[i].rule->effect == SOURCE_PERMIT)
            explore_time_add(s, p->rules[i].rule->stale_ms);
    }
    s->zone_count = explore_kin_make(s, true, s->zones);
    s->label_count = explore_kin_make(s, false, s->labels);
    for (size_t z = 0; z < s->zone_count; z++)
        for (size_t l = 0; l < s->label_count && !s->stopped; l++)
            TRY(explore_times(s, &s->zones[z], &s->labels[l]));
    return ERR_OK;
}

enum err
explore_run(const struct explore_problem *p, explore_see see, void *context)
{
    struct explore_parts s = {.problem = p, .see = see, .context = context};
    enum err err = ERR_NOMEM;
    if (p->rule_count == 0 || p->from_ms >= p->until_ms)
        return ERR_OK;
    s.vocab = p->rules[0].doc->vocab;
    s.zones = calloc(VOCAB_ZONES_MAX, sizeof(*s.zones));
    s.labels = calloc(VOCAB_CLASSES_MAX, sizeof(*s.labels));
    s.times = calloc(5 * p->rule_count, sizeof(*s.times));
    s.active = calloc(p->rule_count, sizeof(*s.active));
    s.before = calloc(p->rule_count, sizeof(*s.before));
    s.fixed = calloc(CELLS_ATTRS_MAX, sizeof(*s.fixed));
    if (s.zones != NULL && s.labels != NULL && s.times != NULL && s.active != NULL &&
        s.before != NULL && s.fixed != NULL)
        err = explore_all(&s);
    free(s.zones);
    free(s.labels);
    free(s.times);
    free(s.active);
    free(s.before);
    free(s.fixed);
    return err;
}

enum err
explore_add_doc(struct explore_problem *p, struct explore_rule *list, const struct source *doc,
                uint32_t sides, unsigned group)
{
    static const enum explore_role roles[] = {[SOURCE_FORBID] = EXPLORE_BLOCK,
                                              [SOURCE_HOLD] = EXPLORE_HOLD,
                                              [SOURCE_OBLIGE] = EXPLORE_DUTY,
                                              [SOURCE_PERMIT] = EXPLORE_GRANT};
    uint32_t groups = 0;
    for (unsigned side = 0; side < 2; side++)
        if ((sides >> side & 1) != 0)
            groups |= 1U << (16 * side + group);
    assert(group < 16);
    if (doc->rule_count > EXPLORE_RULES_MAX - p->rule_count)
        return ERR_FULL;
    for (size_t i = 0; i < doc->rule_count; i++)
        list[p->rule_count++] = (struct explore_rule){
            .doc = doc,
            .rule = &doc->rules[i],
            .role = roles[doc->rules[i].effect],
            .strict = doc->rules[i].effect == SOURCE_PERMIT,
            .sides = sides,
            .groups = doc->rules[i].effect == SOURCE_PERMIT ? groups : 0,
        };
    p->rules = list;
    for (unsigned side = 0; doc->is_closed && side < 2; side++)
        if ((sides >> side & 1) != 0)
            p->need[side] |= 1U << (16 * side + group);
    return ERR_OK;
}

enum err
explore_witness(const struct explore_problem *p, const struct explore_region *region,
                struct facts *f)
{
    const struct vocab *v = p->rules[0].doc->vocab;
    const size_t to = cells_attr(p->cells, SPAN_LIT("to"));
    uint32_t zone = 0;
    uint32_t label = 0;
    while (!vocab_set_has(&region->zones, zone))
        zone++;
    while (!vocab_set_has(&region->labels, label))
        label++;
    facts_init(f);
    TRY(facts_text(f, SPAN_LIT("to"), v->zones[zone].name, VOCAB_GATEWAY));
    TRY(facts_label(f, v->classes[label].name));
    for (size_t i = 0; p->fixed != NULL && i < p->cells->attr_count; i++)
        if (i != to && p->fixed[i] != EXPLORE_FREE)
            TRY(cells_fact(p->cells, i, p->fixed[i], 0, f));
    for (size_t i = 0; i < region->attr_count; i++) {
        const size_t attr = region->attrs[i];
        size_t cell = p->cells->attrs[attr].cell_count;
        for (size_t k = p->cells->attrs[attr].cell_count; k-- > 1;)
            cell = region->cells[i][k] ? k : cell;
        if (cell < p->cells->attrs[attr].cell_count)
            TRY(cells_fact(p->cells, attr, cell, 0, f));
    }
    return ERR_OK;
}
