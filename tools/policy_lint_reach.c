/* SPDX-License-Identifier: Apache-2.0 */
/* What only trying every input shows: rules that never fire, never count, or say nothing new, and
 * obligations that cannot be met together. */
#include <stdlib.h>

#include "policy/rows.h"
#include "schemas/canon.h"
#include "tools/policy_lint.h"
#include "tools/policy_region.h"

/* Each rule is tried against all others: documents beyond this take too long. */
enum { POLICY_LINT_RULES_MAX = 256, POLICY_LINT_DUTIES_MAX = 64 << 10 };

struct policy_reach {
    struct policy_lint *l;
    struct cells cells;
    struct explore_rule *rules;
    struct policy_region *region;
    const struct source *docs[1];
    bool found;
    bool too_large;
    char duties[2][POLICY_LINT_DUTIES_MAX];
};

static bool
policy_lint_found(void *context, const struct explore_region *region)
{
    struct policy_reach *s = context;
    (void)region;
    s->found = true;
    return false;
}

/* A question about the rules that are added to it. */
static struct explore_problem
policy_lint_problem(const struct policy_reach *s)
{
    const struct source *doc = s->l->doc;
    struct explore_problem p = {.cells = &s->cells, .rules = s->rules, .need = {1, 0}};
    p.question = EXPLORE_PASSES;
    p.from_ms = doc->from_ms;
    p.until_ms = doc->until_ms;
    for (uint32_t i = 0; i < doc->vocab->zone_count; i++)
        vocab_set_add(&p.zones, i);
    for (uint32_t i = 0; i < doc->vocab->class_count; i++)
        vocab_set_add(&p.labels, i);
    return p;
}

static void
policy_lint_ask(struct policy_reach *s, struct explore_problem *p, const struct source_rule *rule,
                enum explore_role role, bool strict)
{
    s->rules[p->rule_count++] = (struct explore_rule){.doc = s->l->doc,
                                                      .rule = rule,
                                                      .role = role,
                                                      .strict = strict,
                                                      .sides = 1,
                                                      .groups = role == EXPLORE_GRANT ? 1 : 0};
}

/* True if some input answers the question; also when it is too large to be answered. */
static bool
policy_lint_answer(struct policy_reach *s, const struct explore_problem *p)
{
    s->found = false;
    if (explore_run(p, policy_lint_found, s) == ERR_OK)
        return s->found;
    s->too_large = true;
    return true;
}

static bool
policy_lint_overlap(const struct source_rule *a, const struct source_rule *b)
{
    uint64_t to = 0;
    uint64_t classes = 0;
    for (size_t i = 0; i < 4; i++) {
        to |= a->to.word[i] & b->to.word[i];
        classes |= a->classes.word[i] & b->classes.word[i];
    }
    return to != 0 && classes != 0;
}

/* `do` of a rule in canonical form; the empty span without one. */
static struct span
policy_lint_duties(struct policy_reach *s, const struct source_rule *r, size_t which)
{
    const struct json_node *node = policy_lint_node(s->l, r);
    const struct json_node *list = json_get(&s->l->json, node, "do");
    struct canon w;
    struct span out = {0};
    if (list == NULL)
        return out;
    canon_init(&w, s->duties[which], sizeof(s->duties[which]));
    canon_node(&w, &s->l->json, list);
    return canon_finish(&w, &out) == ERR_OK ? out : (struct span){0};
}

/* True if b, when it fires, makes a superfluous. */
static bool
policy_lint_like(struct policy_reach *s, const struct source_rule *a, const struct source_rule *b)
{
    return a != b && a->effect == b->effect && policy_lint_overlap(a, b) &&
           span_eq(a->release, b->release) &&
           span_eq(policy_lint_duties(s, a, 0), policy_lint_duties(s, b, 1));
}

/* True if the rule can be tried: its rows are not too many. Says so otherwise. */
static bool
policy_lint_fits(struct policy_reach *s, const struct source_rule *r, bool say)
{
    const struct rows_size size = rows_measure(r);
    const bool fits = size.rows <= ROWS_MAX && size.literals <= ROWS_LITERALS_MAX;
    if (!fits && say)
        policy_lint_say(s->l, POLICY_LINT_ROW_EXPLOSION, policy_lint_node(s->l, r), "%.*s",
                        (int)r->id.len, (const char *)r->id.ptr);
    return fits;
}

static bool
policy_lint_has_scope(const struct policy_reach *s, const struct source_rule *r)
{
    const struct source *doc = s->l->doc;
    const int64_t from = r->from_ms > doc->from_ms ? r->from_ms : doc->from_ms;
    const int64_t until = r->until_ms < doc->until_ms ? r->until_ms : doc->until_ms;
    return policy_lint_overlap(r, r) && from < until;
}

static void
policy_lint_tell(struct policy_reach *s, enum policy_lint_code code, const struct source_rule *r)
{
    const struct json_node *node = policy_lint_node(s->l, r);
    const struct json_node *when = json_get(&s->l->json, node, "when");
    policy_lint_say(s->l, code, when == NULL ? node : when, "%.*s", (int)r->id.len,
                    (const char *)r->id.ptr);
}

static void
policy_lint_try(struct policy_reach *s, const struct source_rule *r)
{
    const struct source *doc = s->l->doc;
    const bool permits = r->effect == SOURCE_PERMIT;
    struct explore_problem p = policy_lint_problem(s);
    policy_lint_ask(s, &p, r, EXPLORE_GRANT, true);
    if (!policy_lint_answer(s, &p)) {
        policy_lint_tell(s, POLICY_LINT_UNREACHABLE, r);
        return;
    }
    p = policy_lint_problem(s);
    policy_lint_ask(s, &p, r, EXPLORE_GRANT, true);
    for (size_t i = 0; permits && i < doc->rule_count; i++)
        if (doc->rules[i].effect == SOURCE_FORBID && policy_lint_overlap(r, &doc->rules[i]) &&
            policy_lint_fits(s, &doc->rules[i], false))
            policy_lint_ask(s, &p, &doc->rules[i], EXPLORE_BLOCK, false);
    if (permits && !policy_lint_answer(s, &p)) {
        policy_lint_tell(s, POLICY_LINT_CONTRADICTORY, r);
        return;
    }
    p = policy_lint_problem(s);
    policy_lint_ask(s, &p, r, EXPLORE_GRANT, permits);
    for (size_t i = 0; i < doc->rule_count; i++)
        if (policy_lint_like(s, r, &doc->rules[i]) && policy_lint_fits(s, &doc->rules[i], false))
            policy_lint_ask(s, &p, &doc->rules[i], EXPLORE_BLOCK, permits);
    if (p.rule_count > 1 && !policy_lint_answer(s, &p))
        policy_lint_tell(s, POLICY_LINT_SHADOWED, r);
}

/* Looks for an input that is refused for nothing but obligations that contradict each other; those
 * that this build cannot perform are told by rule. */
static bool
policy_lint_clash(void *context, const struct explore_region *region)
{
    struct policy_reach *s = context;
    struct span example = {0};
    const struct explore_problem p = {.cells = &s->cells, .rules = s->rules};
    if (policy_region_check(s->region, &p, region, s->docs, 1, &region->outcome[0]) != ERR_OK ||
        s->region->decision.reason != DECIDE_OBLIGATION_CONFLICT ||
        policy_region_example(s->region, &example) != ERR_OK)
        return true;
    policy_lint_say(s->l, POLICY_LINT_CONFLICT,
                    json_get(&s->l->json, &s->l->json.nodes[0], "rules"), "for example %.*s",
                    (int)example.len, (const char *)example.ptr);
    return false;
}

static void
policy_lint_clashes(struct policy_reach *s)
{
    struct explore_problem p = policy_lint_problem(s);
    p.need[0] = 0;
    p.question = EXPLORE_CLASHES;
    for (size_t i = 0; i < s->l->doc->rule_count; i++)
        if (!policy_lint_fits(s, &s->l->doc->rules[i], false))
            return;
    if (explore_add_doc(&p, s->rules, s->l->doc, 1, 0) != ERR_OK ||
        explore_run(&p, policy_lint_clash, s) != ERR_OK)
        s->too_large = true;
}

/* True if the rule looks up a list that was not given: whether it fires cannot be told. */
static bool
policy_lint_is_blind(const struct policy_reach *s, const struct source_rule *r)
{
    const struct policy_files *f = s->l->files;
    for (size_t i = 0; i < r->step_count; i++) {
        bool given = r->steps[i].op != SOURCE_LISTED;
        for (size_t k = 0; k < f->list_count && !given; k++)
            given = span_eq(f->lists[k].alias, s->l->doc->lists[r->steps[i].list].alias);
        if (!given)
            return true;
    }
    return false;
}

static void
policy_lint_all(struct policy_reach *s)
{
    const struct source *doc = s->l->doc;
    for (size_t i = 0; i < doc->rule_count; i++) {
        const bool fits = policy_lint_fits(s, &doc->rules[i], true);
        if (fits && doc->rule_count <= POLICY_LINT_RULES_MAX &&
            policy_lint_has_scope(s, &doc->rules[i]) && !policy_lint_is_blind(s, &doc->rules[i]))
            policy_lint_try(s, &doc->rules[i]);
    }
    if (doc->rule_count <= POLICY_LINT_RULES_MAX)
        policy_lint_clashes(s);
    else
        s->too_large = true;
}

void
policy_lint_reach(struct policy_lint *l)
{
    struct policy_reach *s = calloc(1, sizeof(*s));
    struct explore_rule *rules = calloc(EXPLORE_RULES_MAX, sizeof(*rules));
    struct policy_region *region = calloc(1, sizeof(*region));
    bool too_large = true;
    if (s != NULL && rules != NULL && region != NULL) {
        *s = (struct policy_reach){.l = l, .rules = rules, .region = region, .docs = {l->doc}};
        if (cells_make(&s->cells, s->docs, 1, l->files->lists, l->files->list_count) == ERR_OK) {
            policy_lint_all(s);
            too_large = s->too_large;
            cells_finish(&s->cells);
        }
    }
    if (too_large)
        policy_lint_say(l, POLICY_LINT_TOO_LARGE, NULL, "%s", "");
    free(region);
    free(rules);
    free(s);
}
