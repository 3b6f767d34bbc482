/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/policy_odrl.h"

#include <stdio.h>
#include <stdlib.h>

#include "schemas/text.h"

struct policy_odrl {
    const struct json_doc *json;
    const struct source *doc;
    struct canon *w;
};

/* The object of a rule in its file. */
static const struct json_node *
policy_odrl_node(const struct policy_odrl *o, const struct source_rule *rule)
{
    const struct json_node *rules = json_get(o->json, &o->json->nodes[0], "rules");
    const struct json_node *n = json_first(o->json, rules);
    while (n != NULL && !span_eq(json_get(o->json, n, "id")->text, rule->id))
        n = json_next(o->json, rules, n);
    return n;
}

static void
policy_odrl_classes(const struct policy_odrl *o, const struct json_node *rule, const char *key,
                    const char *op)
{
    const struct json_node *list = json_get(o->json, rule, key);
    if (list == NULL)
        return;
    canon_object(o->w);
    canon_member_str(o->w, "leftOperand", "tdz:dataClass");
    canon_member_str(o->w, "operator", op);
    canon_key(o->w, "rightOperand");
    canon_node(o->w, o->json, list);
    canon_end(o->w);
}

/* {"@type": "AssetCollection", "refinement": classes and their exceptions}. */
static void
policy_odrl_target(const struct policy_odrl *o, const struct json_node *rule)
{
    canon_key(o->w, "target");
    canon_object(o->w);
    canon_member_str(o->w, "@type", "AssetCollection");
    canon_key(o->w, "refinement");
    canon_array(o->w);
    policy_odrl_classes(o, rule, "classes", "isAnyOf");
    policy_odrl_classes(o, rule, "except", "isNoneOf");
    canon_end(o->w);
    canon_member_str(o->w, "source", "urn:tdz:dataset");
    canon_end(o->w);
}

static void
policy_odrl_instant(const struct policy_odrl *o, const char *op, int64_t ms)
{
    char text[25];
    if (ms == INT64_MIN || ms == INT64_MAX)
        return;
    canon_object(o->w);
    canon_member_str(o->w, "leftOperand", "dateTime");
    canon_member_str(o->w, "operator", op);
    canon_key(o->w, "rightOperand");
    canon_object(o->w);
    canon_member_str(o->w, "@type", "xsd:dateTime");
    if (text_time_ms(ms, text) == ERR_OK)
        canon_member_str(o->w, "@value", text);
    else
        o->w->err = ERR_RANGE;
    canon_end(o->w);
    canon_end(o->w);
}

/* "delete" within so many days: the elapsed time of the core vocabulary. */
static void
policy_odrl_elapsed(const struct policy_odrl *o, const struct json_node *duty)
{
    const struct json_node *key = json_first(o->json, duty);
    const struct json_node *days = json_get(o->json, json_value(o->json, key), "max_days");
    char text[32];
    if (!span_eq_str(key->text, "retain") || days == NULL)
        return;
    const int len = snprintf(text, sizeof(text), "P%lldD", (long long)days->number);
    canon_object(o->w);
    canon_member_str(o->w, "leftOperand", "elapsedTime");
    canon_member_str(o->w, "operator", "lteq");
    canon_key(o->w, "rightOperand");
    canon_object(o->w);
    canon_member_str(o->w, "@type", "xsd:duration");
    canon_member_span(o->w, "@value", span_of(text, len < 0 ? 0 : (size_t)len));
    canon_end(o->w);
    canon_end(o->w);
}

static void
policy_odrl_zones(const struct policy_odrl *o, const struct json_node *to)
{
    const struct json_node *n = json_first(o->json, to);
    if (to->count > 1) {
        canon_object(o->w);
        canon_key(o->w, "or");
        canon_array(o->w);
    }
    for (; n != NULL; n = json_next(o->json, to, n)) {
        canon_object(o->w);
        canon_member_str(o->w, "leftOperand", "spatial");
        canon_member_str(o->w, "operator", "isPartOf");
        canon_key(o->w, "rightOperand");
        canon_string(o->w, n->text);
        canon_end(o->w);
    }
    if (to->count > 1) {
        canon_end(o->w);
        canon_end(o->w);
    }
}

/* Destination, time and condition, and the time that a duty has (NULL: none); all must hold. */
static void
policy_odrl_constraint(const struct policy_odrl *o, const struct source_rule *r,
                       const struct json_node *rule, const struct json_node *duty,
                       bool with_classes)
{
    const struct json_node *when = json_get(o->json, rule, "when");
    canon_key(o->w, "constraint");
    canon_array(o->w);
    if (with_classes) {
        policy_odrl_classes(o, rule, "classes", "isAnyOf");
        policy_odrl_classes(o, rule, "except", "isNoneOf");
    }
    policy_odrl_zones(o, json_get(o->json, rule, "to"));
    policy_odrl_instant(o, "gteq", r->from_ms);
    policy_odrl_instant(o, "lt", r->until_ms);
    if (when != NULL)
        policy_odrl_condition(o->json, o->doc, when, o->w);
    if (duty != NULL)
        policy_odrl_elapsed(o, duty);
    canon_end(o->w);
}

/* What is cited, who releases a hold, and why in English. */
static void
policy_odrl_words(const struct policy_odrl *o, const struct source_rule *r)
{
    const struct source_text *text = source_text(o->doc, r->why);
    canon_key(o->w, "tdz:cite");
    canon_array(o->w);
    for (size_t i = 0; i < r->cite_count; i++)
        canon_string(o->w, r->cites[i]);
    canon_end(o->w);
    if (r->effect == SOURCE_HOLD)
        canon_member_span(o->w, "tdz:releasedBy", r->release);
    if (text != NULL && text->en.len > 0)
        canon_member_span(o->w, "tdz:why", text->en);
}

/* Of a rule; of the part-th of several duties of one rule: what has one uid is one thing to a
 * reader of linked data. */
static void
policy_odrl_uid(const struct policy_odrl *o, const struct source_rule *r, size_t part)
{
    char text[256];
    char number[24] = "";
    if (part > 0)
        (void)snprintf(number, sizeof(number), "%zu:", part);
    const int len =
        snprintf(text, sizeof(text), "urn:tdz:rule:%.*s:%s%.*s", (int)o->doc->id.len,
                 (const char *)o->doc->id.ptr, number, (int)r->id.len, (const char *)r->id.ptr);
    canon_member_span(o->w, "uid", span_of(text, len < 0 ? 0 : (size_t)len));
}

/* The action of an obligation: the core vocabulary's where it has one, else the profile's. */
static void
policy_odrl_action(const struct policy_odrl *o, struct span kind)
{
    static const char *const core[][2] = {
        {"mask", "anonymize"}, {"notify", "inform"}, {"retain", "delete"}};
    char text[128];
    for (size_t i = 0; i < 3; i++) {
        if (span_eq_str(kind, core[i][0])) {
            canon_member_str(o->w, "action", core[i][1]);
            return;
        }
    }
    const int len = snprintf(text, sizeof(text), "tdz:%.*s", (int)kind.len, (const char *)kind.ptr);
    canon_member_span(o->w, "action", span_of(text, len < 0 ? 0 : (size_t)len));
}

/* One duty a kind. node is {"kind": {parameters}}, or NULL for a hold; part as in policy_odrl_uid.
 */
static void
policy_odrl_duty(const struct policy_odrl *o, const struct source_rule *r,
                 const struct json_node *rule, const struct json_node *node, size_t part,
                 bool alone)
{
    canon_object(o->w);
    if (node == NULL)
        canon_member_str(o->w, "action", "tdz:obtainRelease");
    else
        policy_odrl_action(o, json_first(o->json, node)->text);
    policy_odrl_constraint(o, r, rule, node, !alone);
    if (alone)
        policy_odrl_target(o, rule);
    policy_odrl_words(o, r);
    if (node != NULL) {
        canon_key(o->w, "tdz:with");
        canon_node(o->w, o->json, json_value(o->json, json_first(o->json, node)));
    }
    policy_odrl_uid(o, r, part);
    canon_end(o->w);
}

static void
policy_odrl_duties(const struct policy_odrl *o, const struct source_rule *r, bool alone)
{
    if (r->effect != SOURCE_HOLD && r->effect != SOURCE_OBLIGE)
        return;
    const struct json_node *rule = policy_odrl_node(o, r);
    const struct json_node *list = json_get(o->json, rule, "do");
    if (r->effect == SOURCE_HOLD)
        policy_odrl_duty(o, r, rule, NULL, 0, alone);
    const struct json_node *n = list == NULL ? NULL : json_first(o->json, list);
    for (size_t part = 1; n != NULL; n = json_next(o->json, list, n), part++)
        policy_odrl_duty(o, r, rule, n, list->count > 1 ? part : 0, alone);
}

static bool
policy_odrl_meet(const struct source_rule *a, const struct source_rule *b)
{
    uint64_t to = 0;
    uint64_t classes = 0;
    for (size_t i = 0; i < 4; i++) {
        to |= a->to.word[i] & b->to.word[i];
        classes |= a->classes.word[i] & b->classes.word[i];
    }
    return to != 0 && classes != 0 && a->from_ms < b->until_ms && b->from_ms < a->until_ms;
}

/* A permission with the duties that may come with it, or a prohibition. */
static void
policy_odrl_rule(const struct policy_odrl *o, const struct source_rule *r)
{
    const struct json_node *rule = policy_odrl_node(o, r);
    canon_object(o->w);
    canon_member_str(o->w, "action", "transfer");
    policy_odrl_constraint(o, r, rule, NULL, false);
    if (r->effect == SOURCE_PERMIT) {
        canon_key(o->w, "duty");
        canon_array(o->w);
        for (size_t i = 0; i < o->doc->rule_count; i++)
            if (policy_odrl_meet(r, &o->doc->rules[i]))
                policy_odrl_duties(o, &o->doc->rules[i], false);
        canon_end(o->w);
    }
    policy_odrl_target(o, rule);
    policy_odrl_words(o, r);
    policy_odrl_uid(o, r, 0);
    canon_end(o->w);
}

static void
policy_odrl_rules(const struct policy_odrl *o, const char *key, enum source_effect effect)
{
    canon_key(o->w, key);
    canon_array(o->w);
    for (size_t i = 0; i < o->doc->rule_count; i++)
        if (o->doc->rules[i].effect == effect)
            policy_odrl_rule(o, &o->doc->rules[i]);
    canon_end(o->w);
}

static void
policy_odrl_context(const struct policy_odrl *o)
{
    canon_key(o->w, "@context");
    canon_array(o->w);
    canon_str(o->w, "http://www.w3.org/ns/odrl.jsonld");
    canon_object(o->w);
    canon_member_str(o->w, "tdz", POLICY_ODRL_PROFILE "#");
    canon_end(o->w);
    canon_end(o->w);
    canon_member_str(o->w, "@type", "Set");
    /* Its default, invalid, would void the whole where a forbid overrides a permit. */
    canon_member_str(o->w, "conflict", "prohibit");
}

void
policy_odrl_write(const struct json_doc *json, const struct source *doc, struct canon *w)
{
    const struct policy_odrl o = {.json = json, .doc = doc, .w = w};
    char uid[128];
    const int len = snprintf(uid, sizeof(uid), "urn:tdz:policy:%.*s:%lld", (int)doc->id.len,
                             (const char *)doc->id.ptr, (long long)doc->revision);
    canon_object(w);
    policy_odrl_context(&o);
    canon_key(w, "constraint");
    canon_array(w);
    policy_odrl_instant(&o, "gteq", doc->from_ms);
    policy_odrl_instant(&o, "lt", doc->until_ms);
    canon_end(w);
    canon_key(w, "obligation");
    canon_array(w);
    for (size_t i = 0; !doc->is_closed && i < doc->rule_count; i++)
        policy_odrl_duties(&o, &doc->rules[i], true);
    canon_end(w);
    policy_odrl_rules(&o, "permission", SOURCE_PERMIT);
    canon_member_str(w, "profile", POLICY_ODRL_PROFILE);
    policy_odrl_rules(&o, "prohibition", SOURCE_FORBID);
    canon_member_bool(w, "tdz:closed", doc->is_closed);
    if (json_get(json, &json->nodes[0], "counters") != NULL) {
        canon_key(w, "tdz:counters");
        canon_node(w, json, json_get(json, &json->nodes[0], "counters"));
    }
    canon_member_str(w, "tdz:direction", doc->is_import ? "import" : "export");
    canon_member_span(w, "tdz:vocabulary", json_get(json, &json->nodes[0], "vocabulary")->text);
    canon_member_span(w, "tdz:zone", doc->zone);
    canon_member_span(w, "uid", span_of(uid, len < 0 ? 0 : (size_t)len));
    canon_end(w);
}
