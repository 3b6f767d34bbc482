/* SPDX-License-Identifier: Apache-2.0 */
/* One case: its input, the decision on it, and what was expected. */
#include <stdio.h>
#include <stdlib.h>

#include "schemas/canon.h"
#include "schemas/text.h"
#include "tools/policy_test.h"

enum { POLICY_TEST_NAMES_MAX = 2 * FACTS_MAX };

struct policy_test_member {
    struct span name;
    const struct json_node *value;
};

static void
policy_test_say(struct policy_test *t, const struct json_node *at, struct span name,
                const char *what)
{
    struct fault place = {.line = 1, .column = 1};
    json_fault(t->json.input, at->offset, ERR_OK, "", &place);
    printf("%s:%u:%u: not ok: %.*s: %s\n", t->path, place.line, place.column, (int)name.len,
           (const char *)name.ptr, what);
}

static int
policy_test_order(const void *a, const void *b)
{
    const struct policy_test_member *x = a;
    const struct policy_test_member *y = b;
    return span_cmp(x->name, y->name);
}

static bool
policy_test_names(const struct policy_test *t, const struct json_node *list, struct span name)
{
    const struct json_node *n = list == NULL ? NULL : json_first(&t->json, list);
    for (; n != NULL; n = json_next(&t->json, list, n))
        if (n->type == JSON_STRING && span_eq(n->text, name))
            return true;
    return false;
}

/* The members of `given` of the file that the case does not say otherwise, then its own. */
static enum err
policy_test_collect(const struct policy_test *t, const struct json_node *node,
                    struct policy_test_member *m, size_t *ret_count, struct fault *ret_fault)
{
    const struct json_node *own = json_get(&t->json, node, "given");
    const struct json_node *absent = json_get(&t->json, node, "absent");
    const struct json_node *from[2] = {t->given, own};
    size_t count = 0;
    if (own != NULL && own->type != JSON_OBJECT)
        return json_fail(&t->json, own, ERR_TYPE, "given is an object", ret_fault);
    if (absent != NULL && absent->type != JSON_ARRAY)
        return json_fail(&t->json, absent, ERR_TYPE, "absent is a list of names", ret_fault);
    for (size_t i = 0; i < 2; i++) {
        const struct json_node *k = from[i] == NULL ? NULL : json_first(&t->json, from[i]);
        for (; k != NULL; k = json_next(&t->json, from[i], k)) {
            bool replaced = policy_test_names(t, absent, k->text);
            const struct json_node *o = i == 0 && own != NULL ? json_first(&t->json, own) : NULL;
            for (; o != NULL && !replaced; o = json_next(&t->json, own, o))
                replaced = span_eq(o->text, k->text);
            if (replaced)
                continue;
            if (count == POLICY_TEST_NAMES_MAX)
                return json_fail(&t->json, k, ERR_FULL, "more facts than the limit", ret_fault);
            m[count++] = (struct policy_test_member){k->text, json_value(&t->json, k)};
        }
    }
    if (count > 0)
        qsort(m, count, sizeof(*m), policy_test_order);
    *ret_count = count;
    return ERR_OK;
}

/* The case's input as JSON text in t->input. */
static enum err
policy_test_input(struct policy_test *t, const struct json_node *node, struct span *ret,
                  struct fault *ret_fault)
{
    struct policy_test_member member[POLICY_TEST_NAMES_MAX];
    struct canon w;
    size_t count = 0;
    TRY(policy_test_collect(t, node, member, &count, ret_fault));
    canon_init(&w, t->input, sizeof(t->input));
    canon_object(&w);
    for (size_t i = 0; i < count; i++) {
        canon_key_span(&w, member[i].name);
        canon_node(&w, &t->json, member[i].value);
    }
    canon_end(&w);
    const enum err err = canon_finish(&w, ret);
    return err == ERR_OK ? ERR_OK : json_fail(&t->json, node, err, "its input", ret_fault);
}

/* True if a rule written as in a record ("id", "policy/id", "id?") is the one that fired. */
static bool
policy_test_is(const struct policy_test *t, struct span name, const struct source *doc,
               const struct source_rule *rule)
{
    if (t->files.doc_count > 1) {
        if (!span_starts(name, doc->id) || name.len <= doc->id.len || name.ptr[doc->id.len] != '/')
            return false;
        name = span_from(name, doc->id.len + 1);
    }
    if (name.len > 0 && name.ptr[name.len - 1] == '?')
        name.len--;
    return span_eq(name, rule->id);
}

/* The rule that a name in a test file means; NULL if there is none. */
static struct policy_test_cover *
policy_test_rule(const struct policy_test *t, struct span name)
{
    for (size_t i = 0; i < t->cover_count; i++)
        if (policy_test_is(t, name, t->cover[i].doc, t->cover[i].rule))
            return &t->cover[i];
    return NULL;
}

static const struct decide_fired *
policy_test_fired(const struct policy_test *t, const struct policy_test_cover *c)
{
    for (size_t i = 0; i < t->decision.fired_count; i++)
        if (t->decision.fired[i].rule == c->rule)
            return &t->decision.fired[i];
    return NULL;
}

/* fires, silent: names of rules. *pass turns false when one did otherwise. */
static enum err
policy_test_rules(struct policy_test *t, const struct json_node *list, bool fires, struct span name,
                  bool *pass, struct fault *ret_fault)
{
    if (list->type != JSON_ARRAY)
        return json_fail(&t->json, list, ERR_TYPE, "a list of rules must be here", ret_fault);
    const struct json_node *n = json_first(&t->json, list);
    for (; n != NULL; n = json_next(&t->json, list, n)) {
        char what[256];
        const struct policy_test_cover *c =
            n->type == JSON_STRING ? policy_test_rule(t, n->text) : NULL;
        if (c == NULL)
            return json_fail(&t->json, n, ERR_NOT_FOUND, "the policies have no such rule",
                             ret_fault);
        const struct decide_fired *fired = policy_test_fired(t, c);
        const bool on_unknown = n->text.ptr[n->text.len - 1] == '?';
        if (fires ? fired != NULL && (!on_unknown || fired->on_unknown) : fired == NULL)
            continue;
        (void)snprintf(what, sizeof(what), "rule %.*s %s", (int)n->text.len,
                       (const char *)n->text.ptr,
                       !fires          ? "fired"
                       : fired == NULL ? "did not fire"
                                       : "fired, but on known facts");
        policy_test_say(t, n, name, what);
        *pass = false;
    }
    return ERR_OK;
}

static enum err
policy_test_word(struct policy_test *t, const struct json_node *expect, const char *key,
                 const char *got, struct span name, bool *pass, struct fault *ret_fault)
{
    const struct json_node *node = json_get(&t->json, expect, key);
    char what[256];
    if (node == NULL)
        return ERR_OK;
    if (node->type != JSON_STRING)
        return json_fail(&t->json, node, ERR_TYPE, "a string must be here", ret_fault);
    if (span_eq_str(node->text, got))
        return ERR_OK;
    (void)snprintf(what, sizeof(what), "%s is %s (%s), not %.*s", key, got,
                   decide_reason_name(t->decision.reason), (int)node->text.len,
                   (const char *)node->text.ptr);
    policy_test_say(t, node, name, what);
    *pass = false;
    return ERR_OK;
}

/* {"kind": {parameters} | null}: the kinds named are these, or are not there. */
static enum err
policy_test_duties(struct policy_test *t, const struct json_node *object, struct span name,
                   bool *pass, struct fault *ret_fault)
{
    static const char deny[] = "{}";
    struct json_doc got = {0};
    struct canon w;
    struct span text = span_of(deny, 2);
    if (object->type != JSON_OBJECT)
        return json_fail(&t->json, object, ERR_TYPE, "obligations are an object", ret_fault);
    if (t->decision.verdict != DECIDE_DENY) {
        canon_init(&w, t->text, sizeof(t->text));
        obligation_set_write(&t->decision.obligations, &w);
        TRY(canon_finish(&w, &text));
    }
    TRY(json_load(&got, text, ret_fault));
    const struct json_node *k = json_first(&t->json, object);
    for (; k != NULL; k = json_next(&t->json, object, k)) {
        char key[VOCAB_NAME_MAX + 1] = "";
        char a[4096];
        char b[4096];
        char what[8192 + 256];
        struct span x = {0};
        struct span y = {0};
        if (k->text.len <= VOCAB_NAME_MAX)
            memcpy(key, k->text.ptr, k->text.len);
        const struct json_node *is = json_get(&got, &got.nodes[0], key);
        canon_init(&w, a, sizeof(a));
        canon_node(&w, &t->json, json_value(&t->json, k));
        enum err err = canon_finish(&w, &x);
        canon_init(&w, b, sizeof(b));
        if (is == NULL)
            canon_null(&w);
        else
            canon_node(&w, &got, is);
        err = err == ERR_OK ? canon_finish(&w, &y) : err;
        if (err != ERR_OK) {
            json_free(&got);
            return json_fail(&t->json, k, err, "this obligation", ret_fault);
        }
        if (span_eq(x, y))
            continue;
        (void)snprintf(what, sizeof(what), "obligation %s is %.*s, not %.*s", key, (int)y.len,
                       (const char *)y.ptr, (int)x.len, (const char *)x.ptr);
        policy_test_say(t, k, name, what);
        *pass = false;
    }
    json_free(&got);
    return ERR_OK;
}

/* unknown: exactly these facts were wanted and not there. uncovered: exactly these labels. */
static enum err
policy_test_list(struct policy_test *t, const struct json_node *expect, const char *key,
                 struct span name, bool *pass, struct fault *ret_fault)
{
    const struct json_node *list = json_get(&t->json, expect, key);
    const bool is_unknown = strcmp(key, "unknown") == 0;
    const struct decision *d = &t->decision;
    const size_t count = is_unknown ? d->unknown_count : d->uncovered_count;
    bool same = true;
    if (list == NULL)
        return ERR_OK;
    if (list->type != JSON_ARRAY)
        return json_fail(&t->json, list, ERR_TYPE, "a list of names must be here", ret_fault);
    same = list->count == count;
    for (size_t i = 0; i < count; i++)
        same =
            same && policy_test_names(t, list, is_unknown ? d->unknown[i].name : d->uncovered[i]);
    if (same)
        return ERR_OK;
    char what[1024];
    size_t len = (size_t)snprintf(what, sizeof(what), "%s is", key);
    for (size_t i = 0; i < count && len < sizeof(what) - VOCAB_NAME_MAX - 2; i++) {
        const struct span n = is_unknown ? d->unknown[i].name : d->uncovered[i];
        len += (size_t)snprintf(what + len, sizeof(what) - len, " %.*s", (int)n.len,
                                (const char *)n.ptr);
    }
    policy_test_say(t, list, name, what);
    *pass = false;
    return ERR_OK;
}

static enum err
policy_test_expect(struct policy_test *t, const struct json_node *expect, struct span name,
                   bool *pass, struct fault *ret_fault)
{
    static const char *const fields[] = {"result",      "reason",  "fires",    "silent",
                                         "obligations", "unknown", "uncovered"};
    const struct decision *d = &t->decision;
    const struct json_node *member = NULL;
    TRY(json_only(&t->json, expect, fields, 7, ret_fault));
    if (expect->count == 0)
        return json_fail(&t->json, expect, ERR_MISSING, "a case expects something", ret_fault);
    TRY(policy_test_word(t, expect, "result", decide_verdict_name(d->verdict), name, pass,
                         ret_fault));
    TRY(policy_test_word(t, expect, "reason", decide_reason_name(d->reason), name, pass,
                         ret_fault));
    if ((member = json_get(&t->json, expect, "fires")) != NULL)
        TRY(policy_test_rules(t, member, true, name, pass, ret_fault));
    if ((member = json_get(&t->json, expect, "silent")) != NULL)
        TRY(policy_test_rules(t, member, false, name, pass, ret_fault));
    if ((member = json_get(&t->json, expect, "obligations")) != NULL)
        TRY(policy_test_duties(t, member, name, pass, ret_fault));
    TRY(policy_test_list(t, expect, "unknown", name, pass, ret_fault));
    return policy_test_list(t, expect, "uncovered", name, pass, ret_fault);
}

/* True if the rule is in force and the input in its scope. */
static bool
policy_test_in_scope(const struct policy_test *t, const struct policy_test_cover *c, int64_t now)
{
    const struct vocab *v = &t->files.vocab;
    const struct facts_entry *to = facts_get(&t->facts, SPAN_LIT("to"));
    const uint32_t zone =
        to == NULL || to->type != FACTS_TEXT ? VOCAB_NONE : vocab_zone(v, to->text);
    if (zone == VOCAB_NONE || !vocab_set_has(&c->rule->to, zone) || now < c->rule->from_ms ||
        now >= c->rule->until_ms || now < c->doc->from_ms || now >= c->doc->until_ms)
        return false;
    for (size_t i = 0; i < t->facts.label_count; i++) {
        const uint32_t class = vocab_class(v, t->facts.label[i]);
        if (class != VOCAB_NONE && vocab_set_has(&c->rule->classes, class))
            return true;
    }
    return false;
}

/* Marks what a case that passes has tried. */
static void
policy_test_mark(struct policy_test *t, const struct json_node *expect, int64_t now)
{
    const struct json_node *lists[2] = {json_get(&t->json, expect, "fires"),
                                        json_get(&t->json, expect, "silent")};
    for (size_t i = 0; i < 2; i++) {
        const struct json_node *n = lists[i] == NULL ? NULL : json_first(&t->json, lists[i]);
        for (; n != NULL; n = json_next(&t->json, lists[i], n)) {
            struct policy_test_cover *c = policy_test_rule(t, n->text);
            c->fired = c->fired || i == 0;
            c->silent = c->silent || i == 1;
        }
    }
    for (size_t i = 0; i < t->cover_count; i++) {
        if (!policy_test_in_scope(t, &t->cover[i], now))
            continue;
        for (size_t a = 0; a < t->cells.attr_count; a++) {
            const struct facts_entry *e = facts_get(&t->facts, t->cells.attrs[a].name);
            t->cover[i].tried[t->first_cell[a] + cells_find(&t->cells, a, e)] = true;
        }
    }
}

enum err
policy_test_case(struct policy_test *t, const struct json_node *node, struct fault *ret_fault)
{
    static const char *const fields[] = {"name", "given", "absent", "now", "expect", "note"};
    const struct json_node *expect = NULL;
    const struct json_node *when = NULL;
    struct json_doc doc;
    struct span name;
    struct span input;
    int64_t now = t->now_ms;
    bool pass = true;
    if (node->type != JSON_OBJECT)
        return json_fail(&t->json, node, ERR_TYPE, "a case is an object", ret_fault);
    TRY(json_only(&t->json, node, fields, 6, ret_fault));
    TRY(json_need_str(&t->json, node, "name", VOCAB_NOTE_MAX, &name, ret_fault));
    TRY(json_need(&t->json, node, "expect", JSON_OBJECT, &expect, ret_fault));
    when = json_get(&t->json, node, "now");
    if (when != NULL &&
        (when->type != JSON_STRING || text_parse_time(when->text, false, &now) != ERR_OK))
        return json_fail(&t->json, when, ERR_SYNTAX, "now is a time", ret_fault);
    TRY(policy_test_input(t, node, &input, ret_fault));
    TRY(json_load(&doc, input, ret_fault));
    facts_init(&t->facts);
    enum err err = facts_input(&t->facts, &doc, &doc.nodes[0], ret_fault);
    const struct decide_request q = {.docs = t->files.docs,
                                     .doc_count = t->files.doc_count,
                                     .lists = t->files.lists,
                                     .list_count = t->files.list_count,
                                     .now_ms = now,
                                     .facts = &t->facts};
    if (err == ERR_OK)
        err = decide_run(&q, &t->decision);
    if (err == ERR_OK)
        err = policy_test_expect(t, expect, name, &pass, ret_fault);
    if (err == ERR_OK && pass)
        policy_test_mark(t, expect, now);
    json_free(&doc);
    t->cases++;
    t->failed += pass ? 0 : 1;
    return err;
}
