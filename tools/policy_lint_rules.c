/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen in a policy document without trying inputs. */
#include "inspect/transform.h"
#include "schemas/text.h"
#include "tools/policy_lint.h"

#define POLICY_LINT_SOON_MS (INT64_C(30) * 86400000)

/* The member key of a rule's object, or the object when it has none. */
static const struct json_node *
policy_lint_member(const struct policy_lint *l, const struct json_node *rule, const char *key)
{
    const struct json_node *member = json_get(&l->json, rule, key);
    return member == NULL ? rule : member;
}

static bool
policy_lint_is_empty(const struct vocab_set *set)
{
    return (set->word[0] | set->word[1] | set->word[2] | set->word[3]) == 0;
}

/* When it is valid, and who looks at it again. */
static void
policy_lint_times(struct policy_lint *l, const struct source_rule *r, const struct json_node *node)
{
    const struct source *doc = l->doc;
    const int64_t from = r->from_ms > doc->from_ms ? r->from_ms : doc->from_ms;
    const int64_t until = r->until_ms < doc->until_ms ? r->until_ms : doc->until_ms;
    if (from >= until)
        policy_lint_say(l, POLICY_LINT_NEVER_VALID, policy_lint_member(l, node, "until"), "%s", "");
    else if (l->now_ms >= r->until_ms)
        policy_lint_say(l, POLICY_LINT_EXPIRED, json_get(&l->json, node, "until"), "%.*s",
                        (int)r->id.len, (const char *)r->id.ptr);
    if (r->stale_ms == INT64_MAX)
        policy_lint_say(l, POLICY_LINT_NO_REVIEW, node, "%.*s", (int)r->id.len,
                        (const char *)r->id.ptr);
    else if (l->now_ms >= r->stale_ms)
        policy_lint_say(l, POLICY_LINT_STALE, json_get(&l->json, node, "reviewed_on"), "%.*s",
                        (int)r->id.len, (const char *)r->id.ptr);
    else if (l->now_ms >= r->stale_ms - POLICY_LINT_SOON_MS)
        policy_lint_say(l, POLICY_LINT_REVIEW_SOON, json_get(&l->json, node, "reviewed_on"), "%.*s",
                        (int)r->id.len, (const char *)r->id.ptr);
}

/* What a refused partner and an auditor read. */
static void
policy_lint_words(struct policy_lint *l, const struct source_rule *r, const struct json_node *node)
{
    const struct source_text *t = source_text(l->doc, r->why);
    const struct json_node *why = json_get(&l->json, node, "why");
    if (t == NULL || t->en.len == 0) {
        policy_lint_say(l, POLICY_LINT_NO_TEXT, why, "%.*s", (int)r->why.len,
                        (const char *)r->why.ptr);
    } else {
        if (t->ms.len == 0)
            policy_lint_say(l, POLICY_LINT_NO_TRANSLATION, why, "ms");
        if (t->zh.len == 0)
            policy_lint_say(l, POLICY_LINT_NO_TRANSLATION, why, "zh");
    }
    for (size_t i = 0; i < r->cite_count; i++)
        if (r->cites[i].len == 0)
            policy_lint_say(l, POLICY_LINT_NO_CITATION, json_get(&l->json, node, "cite"), "%.*s",
                            (int)r->id.len, (const char *)r->id.ptr);
    if (r->certainty == SOURCE_UNSAID)
        policy_lint_say(l, POLICY_LINT_NO_CERTAINTY, node, "%.*s", (int)r->id.len,
                        (const char *)r->id.ptr);
    if (r->certainty == SOURCE_UNCERTAIN && r->effect == SOURCE_PERMIT)
        policy_lint_say(l, POLICY_LINT_UNCERTAIN_PERMIT, json_get(&l->json, node, "certainty"),
                        "%.*s", (int)r->id.len, (const char *)r->id.ptr);
}

/* Selectors that are neither an identifier type, a class of labels nor a column: a gateway refuses
 * what it cannot find the columns of. */
static void
policy_lint_selectors(struct policy_lint *l, const struct obligation *o,
                      const struct json_node *node)
{
    static const struct fieldset none;
    enum transform transform = TRANSFORM_NONE;
    uint8_t actions[1] = {0};
    if (transform_find(o->kind, &transform) != ERR_OK)
        return;
    for (size_t p = 0; p < o->param_count; p++)
        for (size_t i = 0; span_eq_str(o->params[p].name, "fields") && i < o->params[p].list_count;
             i++)
            if (transform_select(&none, transform, o->params[p].list[i], actions) != ERR_OK)
                policy_lint_say(l, POLICY_LINT_UNSUPPORTED, json_get(&l->json, node, "do"), "%.*s",
                                (int)o->params[p].list[i].len,
                                (const char *)o->params[p].list[i].ptr);
}

static void
policy_lint_rule(struct policy_lint *l, const struct source_rule *r)
{
    const struct json_node *node = policy_lint_node(l, r);
    policy_lint_times(l, r, node);
    policy_lint_words(l, r, node);
    if (policy_lint_is_empty(&r->classes))
        policy_lint_say(l, POLICY_LINT_EMPTY_SCOPE, policy_lint_member(l, node, "except"), "%.*s",
                        (int)r->id.len, (const char *)r->id.ptr);
    for (size_t i = 0; i < r->duty_count; i++) {
        if (!r->duties[i].supported)
            policy_lint_say(l, POLICY_LINT_UNSUPPORTED, json_get(&l->json, node, "do"), "%.*s",
                            (int)r->duties[i].kind.len, (const char *)r->duties[i].kind.ptr);
        policy_lint_selectors(l, &r->duties[i], node);
    }
}

static bool
policy_lint_has_list(const struct source *doc, size_t list)
{
    for (size_t i = 0; i < doc->rule_count; i++)
        for (size_t k = 0; k < doc->rules[i].step_count; k++)
            if (doc->rules[i].steps[k].op == SOURCE_LISTED && doc->rules[i].steps[k].list == list)
                return true;
    return false;
}

/* True if a condition reads count.<name>.after, or an obligation counts it. */
static bool
policy_lint_has_counter(const struct source *doc, struct span name)
{
    const struct span head = SPAN_LIT("count.");
    for (size_t i = 0; i < doc->attr_count; i++) {
        const struct span attr = doc->attrs[i].name;
        if (span_starts(attr, head) && span_starts(span_from(attr, head.len), name) &&
            span_eq_str(span_from(attr, head.len + name.len), ".after"))
            return true;
    }
    for (size_t i = 0; i < doc->rule_count; i++)
        for (size_t k = 0; k < doc->rules[i].duty_count; k++) {
            const struct obligation *o = &doc->rules[i].duties[k];
            for (size_t p = 0; span_eq_str(o->kind, "count") && p < o->param_count; p++)
                for (size_t v = 0; v < o->params[p].list_count; v++)
                    if (span_eq(o->params[p].list[v], name))
                        return true;
        }
    return false;
}

static void
policy_lint_lists(struct policy_lint *l)
{
    const struct source *doc = l->doc;
    const struct json_node *root = &l->json.nodes[0];
    const struct json_node *object = json_get(&l->json, root, "lists");
    const struct json_node *k = object == NULL ? NULL : json_first(&l->json, object);
    for (size_t i = 0; k != NULL; i++, k = json_next(&l->json, object, k)) {
        if (!policy_lint_has_list(doc, i))
            policy_lint_say(l, POLICY_LINT_UNUSED_LIST, k, "%.*s", (int)k->text.len,
                            (const char *)k->text.ptr);
        if (!doc->lists[i].has_sha256)
            policy_lint_say(l, POLICY_LINT_NO_HASH, k, "%.*s", (int)k->text.len,
                            (const char *)k->text.ptr);
    }
    object = json_get(&l->json, root, "counters");
    k = object == NULL ? NULL : json_first(&l->json, object);
    for (; k != NULL; k = json_next(&l->json, object, k))
        if (!policy_lint_has_counter(doc, k->text))
            policy_lint_say(l, POLICY_LINT_UNUSED_COUNTER, k, "%.*s", (int)k->text.len,
                            (const char *)k->text.ptr);
}

static void
policy_lint_texts(struct policy_lint *l)
{
    const struct source *doc = l->doc;
    const struct json_node *object = json_get(&l->json, &l->json.nodes[0], "texts");
    const struct json_node *k = json_first(&l->json, object);
    for (; k != NULL; k = json_next(&l->json, object, k)) {
        bool used = false;
        for (size_t i = 0; i < doc->rule_count && !used; i++)
            used = span_eq(doc->rules[i].why, k->text);
        if (!used)
            policy_lint_say(l, POLICY_LINT_UNUSED_TEXT, k, "%.*s", (int)k->text.len,
                            (const char *)k->text.ptr);
    }
}

void
policy_lint_rules(struct policy_lint *l)
{
    const struct json_node *until = NULL;
    const struct json_node *effective = json_get(&l->json, &l->json.nodes[0], "effective");
    until = json_get(&l->json, effective, "until");
    if (until != NULL && l->now_ms >= l->doc->until_ms)
        policy_lint_say(l, POLICY_LINT_EXPIRED, until, "the document");
    for (size_t i = 0; i < l->doc->rule_count; i++)
        policy_lint_rule(l, &l->doc->rules[i]);
    policy_lint_lists(l);
    policy_lint_texts(l);
}
