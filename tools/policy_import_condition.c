/* SPDX-License-Identifier: Apache-2.0 */
/* Constraints of ODRL as conditions: what policy_odrl_condition.c writes, the other way. */
#include <stdio.h>

#include "tools/policy_import.h"
#include "tools/policy_odrl.h"

enum { POLICY_IMPORT_FACT_MAX = 256 };

/* The fact of a left operand: a counter's is named beside it. */
static enum err
policy_import_fact(struct policy_import *t, const struct json_node *c,
                   char buf[static POLICY_IMPORT_FACT_MAX], struct span *ret)
{
    struct span left;
    struct span counter;
    TRY(json_need_str(&t->json, c, "leftOperand", POLICY_IMPORT_FACT_MAX, &left, &t->fault));
    if (!span_eq_str(left, POLICY_ODRL_COUNTER)) {
        if (json_get(&t->json, c, "tdz:counter") != NULL)
            return policy_import_stop(t, json_get(&t->json, c, "tdz:counter"), ERR_CONFLICT,
                                      "tdz:counter belongs to " POLICY_ODRL_COUNTER);
        return policy_import_after(t, c, "leftOperand", "tdz:", ret);
    }
    TRY(json_need_str(&t->json, c, "tdz:counter", VOCAB_NAME_MAX, &counter, &t->fault));
    const int len = snprintf(buf, POLICY_IMPORT_FACT_MAX, "count.%.*s.after", (int)counter.len,
                             (const char *)counter.ptr);
    *ret = span_of(buf, len < 0 ? 0 : (size_t)len);
    return ERR_OK;
}

/* One comparison: {"op": ["fact", value]}, negated where ODRL has the opposite. */
static enum err
policy_import_leaf(struct policy_import *t, const struct json_node *c)
{
    static const char *const ops[][3] = {{"eq", "eq", ""},
                                         {"neq", "eq", "not"},
                                         {"lt", "lt", ""},
                                         {"lteq", "le", ""},
                                         {"gt", "gt", ""},
                                         {"gteq", "ge", ""},
                                         {"isAnyOf", "in", ""},
                                         {"isNoneOf", "in", "not"},
                                         {"isPartOf", "under", ""},
                                         {"tdz:isNotPartOf", "under", "not"},
                                         {"tdz:isListed", "listed", ""},
                                         {"tdz:isNotListed", "listed", "not"}};
    static const char *const fields[] = {"leftOperand", "operator", "rightOperand", "tdz:counter"};
    static const char *const names[] = {"@id", "tdz:sha256"};
    const size_t count = sizeof(ops) / sizeof(ops[0]);
    char buf[POLICY_IMPORT_FACT_MAX];
    struct span fact;
    struct span op;
    size_t at = 0;
    TRY(json_only(&t->json, c, fields, 4, &t->fault));
    TRY(policy_import_fact(t, c, buf, &fact));
    TRY(json_need_str(&t->json, c, "operator", 64, &op, &t->fault));
    while (at < count && !span_eq_str(op, ops[at][0]))
        at++;
    const struct json_node *right = json_get(&t->json, c, "rightOperand");
    if (at == count || right == NULL)
        return policy_import_stop(t, json_get(&t->json, c, "operator"), ERR_UNSUPPORTED,
                                  "no operator of the profile");
    if (ops[at][2][0] != 0) {
        canon_object(&t->w);
        canon_key(&t->w, "not");
    }
    canon_object(&t->w);
    canon_key(&t->w, ops[at][1]);
    canon_array(&t->w);
    canon_string(&t->w, fact);
    if (strcmp(ops[at][1], "listed") == 0) {
        struct span id;
        if (right->type != JSON_OBJECT)
            return policy_import_stop(t, right, ERR_TYPE, "a list is an object");
        TRY(json_only(&t->json, right, names, 2, &t->fault));
        TRY(policy_import_after(t, right, "@id", "urn:tdz:list:", &id));
        canon_string(&t->w, id);
    } else {
        canon_node(&t->w, &t->json, right);
    }
    canon_end(&t->w);
    canon_end(&t->w);
    if (ops[at][2][0] != 0)
        canon_end(&t->w);
    return ERR_OK;
}

/* Opens {"all": [ or {"any": [ for a logical constraint; its parts in *ret. */
static enum err
policy_import_open(struct policy_import *t, const struct json_node *c, const struct json_node **ret)
{
    const struct json_node *all = json_get(&t->json, c, "and");
    const struct json_node *any = json_get(&t->json, c, "or");
    const struct json_node *list = all == NULL ? any : all;
    if (c->count != 1 || list->type != JSON_ARRAY || list->count == 0)
        return policy_import_stop(t, c, ERR_SYNTAX, "and, or have a list of constraints");
    canon_object(&t->w);
    canon_key(&t->w, all == NULL ? "any" : "all");
    canon_array(&t->w);
    *ret = list;
    return ERR_OK;
}

enum err
policy_import_condition(struct policy_import *t, const struct json_node *c)
{
    const struct json_node *list[JSON_DEPTH_MAX + 1];
    const struct json_node *child[JSON_DEPTH_MAX + 1];
    size_t depth = 0;
    while (c != NULL) {
        if (c->type != JSON_OBJECT)
            return policy_import_stop(t, c, ERR_TYPE, "a constraint is an object");
        if (json_get(&t->json, c, "and") == NULL && json_get(&t->json, c, "or") == NULL) {
            TRY(policy_import_leaf(t, c));
        } else {
            TRY(policy_import_open(t, c, &list[depth]));
            child[depth++] = NULL;
        }
        c = NULL;
        while (depth > 0 && c == NULL) {
            child[depth - 1] = child[depth - 1] == NULL
                                   ? json_first(&t->json, list[depth - 1])
                                   : json_next(&t->json, list[depth - 1], child[depth - 1]);
            c = child[depth - 1];
            if (c == NULL) {
                canon_end(&t->w);
                canon_end(&t->w);
                depth--;
            }
        }
    }
    return ERR_OK;
}
