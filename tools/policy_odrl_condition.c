/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "schemas/text.h"
#include "tools/policy_odrl.h"

/* Comparisons and their opposites. */
static const struct {
    const char *name;
    const char *is;
    const char *is_not;
} policy_odrl_operators[] = {
    {"eq", "eq", "neq"},
    {"lt", "lt", "gteq"},
    {"le", "lteq", "gt"},
    {"gt", "gt", "lteq"},
    {"ge", "gteq", "lt"},
    {"in", "isAnyOf", "isNoneOf"},
    {"under", "isPartOf", "tdz:isNotPartOf"},
    {"listed", "tdz:isListed", "tdz:isNotListed"},
};

/* An all or any that is being written. */
struct policy_odrl_frame {
    const struct json_node *list;
    const struct json_node *child;
    bool negated;
};

static void
policy_odrl_name(const char *prefix, struct span name, struct canon *w)
{
    char text[512];
    const int len =
        snprintf(text, sizeof(text), "%s%.*s", prefix, (int)name.len, (const char *)name.ptr);
    canon_string(w, span_of(text, len < 0 || (size_t)len >= sizeof(text) ? 0 : (size_t)len));
}

/* The list by name and hash: what a reader looks up. */
static void
policy_odrl_list(const struct source *doc, struct span alias, struct canon *w)
{
    for (size_t i = 0; i < doc->list_count; i++) {
        char hash[7 + 64 + 1] = "sha256:";
        const struct source_list *list = &doc->lists[i];
        if (!span_eq(list->alias, alias))
            continue;
        canon_object(w);
        canon_key(w, "@id");
        policy_odrl_name("urn:tdz:list:", list->id, w);
        if (list->has_sha256 &&
            text_hex(span_of(list->sha256, 32), hash + 7, sizeof(hash) - 7) == ERR_OK)
            canon_member_str(w, "tdz:sha256", hash);
        canon_end(w);
    }
}

/* The counter whose value the fact is; empty if it is no counter's. */
static struct span
policy_odrl_counter(struct span fact)
{
    const struct span head = SPAN_LIT("count.");
    const struct span tail = SPAN_LIT(".after");
    if (fact.len <= head.len + tail.len || !span_starts(fact, head) ||
        !span_eq(span_from(fact, fact.len - tail.len), tail))
        return (struct span){0};
    return span_of(fact.ptr + head.len, fact.len - head.len - tail.len);
}

static void
policy_odrl_leaf(const struct json_doc *json, const struct source *doc, const char *op,
                 const struct json_node *pair, bool negated, struct canon *w)
{
    const struct json_node *name = json_first(json, pair);
    const struct json_node *value = json_next(json, pair, name);
    const struct span counter = policy_odrl_counter(name->text);
    size_t at = 0;
    while (strcmp(policy_odrl_operators[at].name, op) != 0)
        at++;
    canon_object(w);
    canon_key(w, "leftOperand");
    if (counter.len > 0)
        canon_str(w, POLICY_ODRL_COUNTER);
    else
        policy_odrl_name("tdz:", name->text, w);
    canon_member_str(w, "operator",
                     negated ? policy_odrl_operators[at].is_not : policy_odrl_operators[at].is);
    canon_key(w, "rightOperand");
    if (strcmp(op, "listed") == 0)
        policy_odrl_list(doc, value->text, w);
    else
        canon_node(w, json, value);
    if (counter.len > 0)
        canon_member_span(w, "tdz:counter", counter);
    canon_end(w);
}

void
policy_odrl_condition(const struct json_doc *json, const struct source *doc,
                      const struct json_node *node, struct canon *w)
{
    struct policy_odrl_frame frame[JSON_DEPTH_MAX + 1];
    size_t depth = 0;
    bool negated = false;
    while (node != NULL) {
        const struct json_node *key = json_first(json, node);
        const struct json_node *value = json_value(json, key);
        if (span_eq_str(key->text, "not")) {
            negated = !negated;
            node = value;
            continue;
        }
        const bool all = span_eq_str(key->text, "all");
        if (all || span_eq_str(key->text, "any")) {
            canon_object(w);
            canon_key(w, all != negated ? "and" : "or");
            canon_array(w);
            frame[depth++] = (struct policy_odrl_frame){value, NULL, negated};
        } else {
            char op[16] = "";
            if (key->text.len < sizeof(op))
                memcpy(op, key->text.ptr, key->text.len);
            policy_odrl_leaf(json, doc, op, value, negated, w);
        }
        node = NULL;
        while (depth > 0 && node == NULL) {
            struct policy_odrl_frame *f = &frame[depth - 1];
            f->child =
                f->child == NULL ? json_first(json, f->list) : json_next(json, f->list, f->child);
            node = f->child;
            negated = f->negated;
            if (node != NULL)
                break;
            canon_end(w);
            canon_end(w);
            depth--;
        }
    }
}
