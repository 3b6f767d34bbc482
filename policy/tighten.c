/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/tighten.h"

#include <stdlib.h>

#include "schemas/canon.h"

/* One of the two documents with room for the canonical form of a part, which is never longer than
 * the part itself. */
struct tighten_side {
    struct json_doc doc;
    char *room;
    size_t cap;
};

struct tighten {
    struct tighten_side before;
    struct tighten_side after;
    struct fault *fault;
};

static enum err
tighten_open(struct tighten_side *side, struct span bytes)
{
    side->cap = bytes.len + 16;
    side->room = malloc(side->cap);
    return side->room == NULL ? ERR_NOMEM : json_load(&side->doc, bytes, NULL);
}

static void
tighten_close(struct tighten_side *side)
{
    json_free(&side->doc);
    free(side->room);
}

static bool
tighten_canon(struct tighten_side *side, const struct json_node *node, struct span *ret)
{
    struct canon w;
    canon_init(&w, side->room, side->cap);
    canon_node(&w, &side->doc, node);
    return canon_finish(&w, ret) == ERR_OK;
}

/* Two values, or two absent members. */
static bool
tighten_same(struct tighten *t, const struct json_node *before, const struct json_node *after)
{
    struct span a;
    struct span b;
    if (before == NULL || after == NULL)
        return before == after;
    return tighten_canon(&t->before, before, &a) && tighten_canon(&t->after, after, &b) &&
           span_eq(a, b);
}

static enum err
tighten_stop(const struct tighten *t, const struct json_node *node, const char *where)
{
    return json_fail(&t->after.doc, node == NULL ? &t->after.doc.nodes[0] : node, ERR_DENIED, where,
                     t->fault);
}

static enum err
tighten_head(struct tighten *t)
{
    static const char *const fixed[] = {"id",     "zone",       "direction",
                                        "closed", "vocabulary", "corridor"};
    const struct json_node *before = &t->before.doc.nodes[0];
    const struct json_node *after = &t->after.doc.nodes[0];
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        const struct json_node *now = json_get(&t->after.doc, after, fixed[i]);
        if (!tighten_same(t, json_get(&t->before.doc, before, fixed[i]), now))
            return tighten_stop(t, now, "an emergency cannot change what the document is for");
    }
    return ERR_OK;
}

/* The value of the member of that name; NULL when there is none. */
static const struct json_node *
tighten_member(const struct json_doc *doc, const struct json_node *object, struct span name)
{
    const struct json_node *n = json_first(doc, object);
    for (; n != NULL; n = json_next(doc, object, n))
        if (span_eq(n->text, name))
            return json_value(doc, n);
    return NULL;
}

/* Every member that was there is there, unchanged: rules that stay read them. */
static enum err
tighten_members(struct tighten *t, const char *key, const char *where)
{
    const struct json_node *before = json_get(&t->before.doc, &t->before.doc.nodes[0], key);
    const struct json_node *after = json_get(&t->after.doc, &t->after.doc.nodes[0], key);
    if (before == NULL || before->count == 0)
        return ERR_OK;
    if (after == NULL)
        return tighten_stop(t, NULL, where);
    const struct json_node *k = json_first(&t->before.doc, before);
    for (; k != NULL; k = json_next(&t->before.doc, before, k)) {
        const struct json_node *now = tighten_member(&t->after.doc, after, k->text);
        if (!tighten_same(t, json_value(&t->before.doc, k), now))
            return tighten_stop(t, now == NULL ? after : now, where);
    }
    return ERR_OK;
}

static const struct json_node *
tighten_rule(const struct json_doc *doc, struct span id)
{
    const struct json_node *rules = json_get(doc, &doc->nodes[0], "rules");
    const struct json_node *rule = json_first(doc, rules);
    for (; rule != NULL; rule = json_next(doc, rules, rule)) {
        const struct json_node *have = json_get(doc, rule, "id");
        if (have != NULL && span_eq(have->text, id))
            return rule;
    }
    return NULL;
}

/* Every permit was there; everything else that was there still is. */
static enum err
tighten_rules(struct tighten *t, const struct source *before, const struct source *after)
{
    for (size_t i = 0; i < after->rule_count; i++) {
        const struct source_rule *rule = &after->rules[i];
        const struct json_node *now = tighten_rule(&t->after.doc, rule->id);
        if (rule->effect == SOURCE_PERMIT &&
            !tighten_same(t, tighten_rule(&t->before.doc, rule->id), now))
            return tighten_stop(t, now, "an emergency cannot add or change a permit");
    }
    for (size_t i = 0; i < before->rule_count; i++) {
        const struct source_rule *rule = &before->rules[i];
        const struct json_node *now = tighten_rule(&t->after.doc, rule->id);
        if (rule->effect != SOURCE_PERMIT &&
            !tighten_same(t, tighten_rule(&t->before.doc, rule->id), now))
            return tighten_stop(t, now, "an emergency cannot remove or change this rule");
    }
    return ERR_OK;
}

/* What a rule that stays tells people is what two persons signed: its text is the same, or as
 * absent. Texts that no rule uses may go, and new ones may come for new rules. */
static enum err
tighten_texts(struct tighten *t, const struct source *after)
{
    const struct json_node *old = json_get(&t->before.doc, &t->before.doc.nodes[0], "texts");
    const struct json_node *new = json_get(&t->after.doc, &t->after.doc.nodes[0], "texts");
    for (size_t i = 0; i < after->rule_count; i++) {
        const struct source_rule *rule = &after->rules[i];
        if (tighten_rule(&t->before.doc, rule->id) == NULL)
            continue;
        const struct json_node *was = tighten_member(&t->before.doc, old, rule->why);
        const struct json_node *now = tighten_member(&t->after.doc, new, rule->why);
        if (!tighten_same(t, was, now))
            return tighten_stop(t, now == NULL ? new : now,
                                "an emergency cannot change what a rule tells people");
    }
    return ERR_OK;
}

static enum err
tighten_run(struct tighten *t, const struct source *before, const struct source *after)
{
    TRY(tighten_head(t));
    /* Outside its time the document before it is in force as it was. */
    if (after->from_ms < before->from_ms || after->until_ms > before->until_ms)
        return tighten_stop(t, json_get(&t->after.doc, &t->after.doc.nodes[0], "effective"),
                            "an emergency cannot be in force when the document before it is not");
    TRY(tighten_members(t, "lists", "an emergency cannot change or remove a list"));
    TRY(tighten_members(t, "counters", "an emergency cannot change or remove a counter"));
    TRY(tighten_rules(t, before, after));
    return tighten_texts(t, after);
}

enum err
tighten_check(const struct tighten_doc *before, const struct tighten_doc *after,
              struct fault *ret_fault)
{
    struct tighten t = {.fault = ret_fault};
    enum err err = tighten_open(&t.before, before->bytes);
    if (err == ERR_OK)
        err = tighten_open(&t.after, after->bytes);
    if (err == ERR_OK)
        err = tighten_run(&t, before->source, after->source);
    tighten_close(&t.before);
    tighten_close(&t.after);
    return err;
}
