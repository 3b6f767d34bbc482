/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/admission.h"

/* The counters that gateways keep (design.md 5): persons of whom personal data crossed, and those
 * of them of whom sensitive data did. The first may be declared without the second: it counts more
 * persons then than the document asks for, which tightens. */
static const struct {
    const char *name;
    const char *class;
    const char *except; /* NULL: none */
} admission_counters[] = {{"pi", "personal", "sensitive_personal"},
                          {"spi", "sensitive_personal", NULL}};

static bool
admission_keeps(const struct source_counter *c)
{
    for (size_t i = 0; i < sizeof(admission_counters) / sizeof(admission_counters[0]); i++) {
        const char *except = admission_counters[i].except;
        if (span_eq_str(c->name, admission_counters[i].name))
            return c->class_count == 1 && span_eq_str(c->classes[0], admission_counters[i].class) &&
                   (c->except_count == 0 ||
                    (c->except_count == 1 && except != NULL && span_eq_str(c->except[0], except)));
    }
    return false;
}

/* The rule or counter of that name, and in it member key if that is not NULL. */
static const struct json_node *
admission_node(const struct json_doc *doc, const char *list, struct span name, const char *key)
{
    const struct json_node *object = json_get(doc, &doc->nodes[0], list);
    const struct json_node *found = NULL;
    const struct json_node *n = object == NULL ? NULL : json_first(doc, object);
    for (; n != NULL; n = json_next(doc, object, n)) {
        const bool is_rule = object->type == JSON_ARRAY;
        if (span_eq(is_rule ? json_get(doc, n, "id")->text : n->text, name))
            found = n;
    }
    return found == NULL || key == NULL ? found : json_get(doc, found, key);
}

static enum err
admission_find(const struct source *s, const struct json_doc *doc, int64_t from_ms,
               struct fault *ret_fault)
{
    if (from_ms >= s->until_ms)
        return json_fail(doc, json_get(doc, &doc->nodes[0], "effective"), ERR_RANGE,
                         "it would never be in force: its time is over when it begins to count",
                         ret_fault);
    for (size_t i = 0; i < s->rule_count; i++) {
        const struct source_rule *rule = &s->rules[i];
        if (rule->effect == SOURCE_PERMIT && rule->certainty == SOURCE_UNCERTAIN)
            return json_fail(doc, admission_node(doc, "rules", rule->id, "certainty"), ERR_DENIED,
                             "a rule of uncertain law does not permit: it must hold", ret_fault);
    }
    for (size_t i = 0; i < s->counter_count; i++)
        if (!admission_keeps(&s->counters[i]))
            return json_fail(
                doc, admission_node(doc, "counters", s->counters[i].name, NULL), ERR_DENIED,
                "gateways keep pi (personal) and spi (sensitive_personal) only", ret_fault);
    return ERR_OK;
}

enum err
admission_check(const struct source *s, struct span bytes, int64_t from_ms, struct fault *ret_fault)
{
    struct json_doc doc;
    TRY(json_load(&doc, bytes, ret_fault));
    const enum err err = admission_find(s, &doc, from_ms, ret_fault);
    json_free(&doc);
    return err;
}
