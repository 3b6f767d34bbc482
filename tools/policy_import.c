/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy import-odrl: a partner's ODRL in our profile as an overlay, which can only forbid,
 * hold and oblige. What is not understood is refused, never dropped: a constraint left out would
 * make a prohibition too wide or an obligation too narrow. Spec: background/policy.md 3.6. */
#include "tools/policy_import.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/commands.h"
#include "tools/policy_fmt.h"
#include "tools/policy_odrl.h"

enum err
policy_import_stop(struct policy_import *t, const struct json_node *node, enum err err,
                   const char *where)
{
    return json_fail(&t->json, node, err, where, &t->fault);
}

/* The text behind prefix of a string member. */
enum err
policy_import_after(struct policy_import *t, const struct json_node *object, const char *key,
                    const char *prefix, struct span *ret)
{
    struct span text;
    TRY(json_need_str(&t->json, object, key, SOURCE_TEXT_MAX, &text, &t->fault));
    if (!span_starts(text, span_str(prefix)))
        return policy_import_stop(t, json_get(&t->json, object, key), ERR_UNSUPPORTED,
                                  "not of the profile " POLICY_ODRL_PROFILE);
    *ret = span_from(text, strlen(prefix));
    return ERR_OK;
}

/* A member that must have one value. */
static enum err
policy_import_is(struct policy_import *t, const struct json_node *object, const char *key,
                 const char *value)
{
    struct span text;
    TRY(json_need_str(&t->json, object, key, SOURCE_TEXT_MAX, &text, &t->fault));
    return span_eq_str(text, value)
               ? ERR_OK
               : policy_import_stop(t, json_get(&t->json, object, key), ERR_UNSUPPORTED, value);
}

static bool
policy_import_left_is(struct policy_import *t, const struct json_node *c, const char *operand)
{
    const struct json_node *left =
        c->type == JSON_OBJECT ? json_get(&t->json, c, "leftOperand") : NULL;
    return left != NULL && left->type == JSON_STRING && span_eq_str(left->text, operand);
}

/* {"leftOperand": operand, "operator": op, "rightOperand": …}: its right side, or NULL. */
static const struct json_node *
policy_import_right(struct policy_import *t, const struct json_node *c, const char *operand,
                    const char *op)
{
    static const char *const fields[] = {"leftOperand", "operator", "rightOperand"};
    if (!policy_import_left_is(t, c, operand) ||
        json_only(&t->json, c, fields, 3, &t->fault) != ERR_OK)
        return NULL;
    const struct json_node *is = json_get(&t->json, c, "operator");
    return is != NULL && is->type == JSON_STRING && span_eq_str(is->text, op)
               ? json_get(&t->json, c, "rightOperand")
               : NULL;
}

/* The instant of a dateTime constraint with that operator as member key; absent without one. */
static enum err
policy_import_time(struct policy_import *t, const struct json_node *list, const char *op,
                   const char *key)
{
    const struct json_node *c = json_first(&t->json, list);
    bool have = false;
    for (; c != NULL; c = json_next(&t->json, list, c)) {
        const struct json_node *right = policy_import_right(t, c, "dateTime", op);
        if (right == NULL)
            continue;
        struct span text;
        if (have || right->type != JSON_OBJECT)
            return policy_import_stop(t, c, ERR_DUPLICATE, "one dateTime of each operator");
        TRY(policy_import_is(t, right, "@type", "xsd:dateTime"));
        TRY(json_need_str(&t->json, right, "@value", 64, &text, &t->fault));
        canon_member_span(&t->w, key, text);
        have = true;
    }
    return ERR_OK;
}

/* Every dateTime is one of those that policy_import_time takes; nothing else may be there if
 * only_times. */
static enum err
policy_import_times(struct policy_import *t, const struct json_node *list, bool only_times)
{
    static const char *const fields[] = {"@type", "@value"};
    const struct json_node *c = json_first(&t->json, list);
    for (; c != NULL; c = json_next(&t->json, list, c)) {
        if (!policy_import_left_is(t, c, "dateTime")) {
            if (only_times)
                return policy_import_stop(t, c, ERR_UNSUPPORTED, "only dateTime may be here");
            continue;
        }
        const struct json_node *from = policy_import_right(t, c, "dateTime", "gteq");
        const struct json_node *right =
            from == NULL ? policy_import_right(t, c, "dateTime", "lt") : from;
        if (right == NULL || right->type != JSON_OBJECT)
            return policy_import_stop(t, c, ERR_UNSUPPORTED, "dateTime gteq or lt an instant");
        TRY(json_only(&t->json, right, fields, 2, &t->fault));
    }
    return ERR_OK;
}

/* True if c says where: a spatial, or an or of spatials. */
static bool
policy_import_is_place(struct policy_import *t, const struct json_node *c)
{
    const struct json_node *any = c->type == JSON_OBJECT ? json_get(&t->json, c, "or") : NULL;
    if (any != NULL && any->type == JSON_ARRAY && any->count > 0)
        c = json_first(&t->json, any);
    return policy_import_left_is(t, c, "spatial");
}

static enum err
policy_import_to(struct policy_import *t, const struct json_node *list)
{
    const struct json_node *c = json_first(&t->json, list);
    const struct json_node *place = NULL;
    for (; c != NULL; c = json_next(&t->json, list, c)) {
        if (!policy_import_is_place(t, c))
            continue;
        if (place != NULL)
            return policy_import_stop(t, c, ERR_DUPLICATE, "one constraint says where");
        place = c;
    }
    if (place == NULL)
        return policy_import_stop(t, list, ERR_MISSING, "spatial");
    const struct json_node *any = json_get(&t->json, place, "or");
    if (any != NULL && place->count != 1)
        return policy_import_stop(t, place, ERR_UNKNOWN_FIELD, "or stands alone");
    canon_key(&t->w, "to");
    canon_array(&t->w);
    for (c = any == NULL ? place : json_first(&t->json, any); c != NULL;
         c = any == NULL ? NULL : json_next(&t->json, any, c)) {
        const struct json_node *right = policy_import_right(t, c, "spatial", "isPartOf");
        if (right == NULL || right->type != JSON_STRING)
            return policy_import_stop(t, c, ERR_UNSUPPORTED, "spatial isPartOf a zone");
        canon_string(&t->w, right->text);
    }
    canon_end(&t->w);
    return ERR_OK;
}

/* True if c is neither place nor time. */
static bool
policy_import_is_fact(struct policy_import *t, const struct json_node *c)
{
    return !policy_import_is_place(t, c) && !policy_import_left_is(t, c, "dateTime") &&
           !policy_import_left_is(t, c, "elapsedTime");
}

/* The time that a duty has says what its parameters say: it is "delete" within max_days. */
static enum err
policy_import_elapsed(struct policy_import *t, const struct json_node *rule,
                      const struct json_node *list, bool deletes)
{
    static const char *const fields[] = {"@type", "@value"};
    const struct json_node *with = json_get(&t->json, rule, "tdz:with");
    const struct json_node *days =
        with == NULL || with->type != JSON_OBJECT ? NULL : json_get(&t->json, with, "max_days");
    const struct json_node *c = json_first(&t->json, list);
    char text[32] = "";
    if (deletes && days != NULL && days->type == JSON_INT)
        (void)snprintf(text, sizeof(text), "P%lldD", (long long)days->number);
    for (; c != NULL; c = json_next(&t->json, list, c)) {
        const struct json_node *right = policy_import_right(t, c, "elapsedTime", "lteq");
        if (!policy_import_left_is(t, c, "elapsedTime"))
            continue;
        if (right == NULL || right->type != JSON_OBJECT || text[0] == 0)
            return policy_import_stop(t, c, ERR_UNSUPPORTED, "elapsedTime lteq the days of delete");
        TRY(json_only(&t->json, right, fields, 2, &t->fault));
        TRY(policy_import_is(t, right, "@type", "xsd:duration"));
        TRY(policy_import_is(t, right, "@value", text));
    }
    return ERR_OK;
}

/* What is neither place nor time; several must all hold. */
static enum err
policy_import_when(struct policy_import *t, const struct json_node *list)
{
    const struct json_node *c = json_first(&t->json, list);
    size_t count = 0;
    for (; c != NULL; c = json_next(&t->json, list, c))
        count += policy_import_is_fact(t, c) ? 1 : 0;
    if (count == 0)
        return ERR_OK;
    canon_key(&t->w, "when");
    if (count > 1) {
        canon_object(&t->w);
        canon_key(&t->w, "all");
        canon_array(&t->w);
    }
    for (c = json_first(&t->json, list); c != NULL; c = json_next(&t->json, list, c))
        if (policy_import_is_fact(t, c))
            TRY(policy_import_condition(t, c));
    if (count > 1) {
        canon_end(&t->w);
        canon_end(&t->w);
    }
    return ERR_OK;
}

/* classes or except of a target; only classes must be there. */
static enum err
policy_import_classes(struct policy_import *t, const struct json_node *target, const char *op,
                      const char *key)
{
    const struct json_node *list = NULL;
    const struct json_node *found = NULL;
    TRY(json_need(&t->json, target, "refinement", JSON_ARRAY, &list, &t->fault));
    const struct json_node *c = json_first(&t->json, list);
    for (; c != NULL; c = json_next(&t->json, list, c)) {
        const struct json_node *is = policy_import_right(t, c, "tdz:dataClass", "isAnyOf");
        const struct json_node *is_not = policy_import_right(t, c, "tdz:dataClass", "isNoneOf");
        if (is == NULL && is_not == NULL)
            return policy_import_stop(t, c, ERR_UNSUPPORTED, "tdz:dataClass isAnyOf or isNoneOf");
        const struct json_node *mine = strcmp(op, "isAnyOf") == 0 ? is : is_not;
        if (mine != NULL && found != NULL)
            return policy_import_stop(t, c, ERR_DUPLICATE, "one refinement of each operator");
        found = mine == NULL ? found : mine;
    }
    if (found != NULL) {
        canon_key(&t->w, key);
        canon_node(&t->w, &t->json, found);
    }
    return ERR_OK;
}

/* "do" of an obligation: its action and parameters; "release" of a hold is written later. */
static enum err
policy_import_do(struct policy_import *t, const struct json_node *rule, struct span action)
{
    static const char *const core[][2] = {
        {"anonymize", "mask"}, {"inform", "notify"}, {"delete", "retain"}};
    const struct json_node *with = NULL;
    struct span kind = {0};
    for (size_t i = 0; i < 3; i++)
        if (span_eq_str(action, core[i][0]))
            kind = span_str(core[i][1]);
    if (kind.len == 0 && span_starts(action, SPAN_LIT("tdz:")))
        kind = span_from(action, 4);
    if (kind.len == 0)
        return policy_import_stop(t, json_get(&t->json, rule, "action"), ERR_UNSUPPORTED,
                                  "no action of the profile");
    TRY(json_need(&t->json, rule, "tdz:with", JSON_OBJECT, &with, &t->fault));
    canon_key(&t->w, "do");
    canon_array(&t->w);
    canon_object(&t->w);
    canon_key_span(&t->w, kind);
    canon_node(&t->w, &t->json, with);
    canon_end(&t->w);
    canon_end(&t->w);
    return ERR_OK;
}

static enum err
policy_import_id(struct policy_import *t, const struct json_node *rule, size_t index)
{
    struct span uid;
    char id[160];
    size_t colon = 0;
    TRY(policy_import_after(t, rule, "uid", "urn:tdz:rule:", &uid));
    for (size_t i = 0; i < uid.len; i++)
        colon = uid.ptr[i] == ':' ? i + 1 : colon;
    /* One rule may have come as several obligations: a number keeps their ids apart. */
    const struct span name = span_from(uid, colon);
    const int len = snprintf(id, sizeof(id), "%.*s.%zu", (int)(name.len > 58 ? 58 : name.len),
                             (const char *)name.ptr, index + 1);
    canon_member_span(&t->w, "id", span_of(id, len < 0 ? 0 : (size_t)len));
    return ERR_OK;
}

static enum err
policy_import_rule(struct policy_import *t, size_t index)
{
    static const char *const fields[] = {"action",  "constraint", "target",         "tdz:cite",
                                         "tdz:why", "tdz:with",   "tdz:releasedBy", "uid"};
    static const char *const parts[] = {"@type", "refinement", "source"};
    const struct json_node *rule = t->rule[index];
    const struct json_node *list = NULL;
    const struct json_node *target = NULL;
    const struct json_node *cite = NULL;
    struct span action;
    char why[32];
    if (rule->type != JSON_OBJECT)
        return policy_import_stop(t, rule, ERR_TYPE, "a rule is an object");
    TRY(json_only(&t->json, rule, fields, 8, &t->fault));
    TRY(json_need_str(&t->json, rule, "action", 128, &action, &t->fault));
    TRY(json_need(&t->json, rule, "constraint", JSON_ARRAY, &list, &t->fault));
    TRY(json_need(&t->json, rule, "target", JSON_OBJECT, &target, &t->fault));
    TRY(json_only(&t->json, target, parts, 3, &t->fault));
    TRY(json_need(&t->json, rule, "tdz:cite", JSON_ARRAY, &cite, &t->fault));
    const bool holds = !t->forbids[index] && span_eq_str(action, "tdz:obtainRelease");
    TRY(policy_import_is(t, target, "@type", "AssetCollection"));
    TRY(policy_import_is(t, target, "source", "urn:tdz:dataset"));
    TRY(policy_import_times(t, list, false));
    TRY(policy_import_elapsed(t, rule, list, !t->forbids[index] && span_eq_str(action, "delete")));
    if ((json_get(&t->json, rule, "tdz:with") != NULL) != (!t->forbids[index] && !holds) ||
        (json_get(&t->json, rule, "tdz:releasedBy") != NULL) != holds)
        return policy_import_stop(t, rule, ERR_CONFLICT,
                                  "tdz:with is an obligation's, tdz:releasedBy a hold's");
    if (t->forbids[index] && !span_eq_str(action, "transfer"))
        return policy_import_stop(t, json_get(&t->json, rule, "action"), ERR_UNSUPPORTED,
                                  "a prohibition is of transfer");
    canon_object(&t->w);
    canon_key(&t->w, "cite");
    canon_node(&t->w, &t->json, cite);
    TRY(policy_import_classes(t, target, "isAnyOf", "classes"));
    if (!t->forbids[index] && !holds)
        TRY(policy_import_do(t, rule, action));
    canon_member_str(&t->w, "effect", t->forbids[index] ? "forbid" : (holds ? "hold" : "oblige"));
    TRY(policy_import_classes(t, target, "isNoneOf", "except"));
    TRY(policy_import_time(t, list, "gteq", "from"));
    TRY(policy_import_id(t, rule, index));
    if (holds) {
        struct span release;
        TRY(json_need_str(&t->json, rule, "tdz:releasedBy", 64, &release, &t->fault));
        canon_member_span(&t->w, "release", release);
    }
    TRY(policy_import_to(t, list));
    TRY(policy_import_time(t, list, "lt", "until"));
    TRY(policy_import_when(t, list));
    (void)snprintf(why, sizeof(why), "t.%04zu", index + 1);
    canon_member_str(&t->w, "why", why);
    canon_end(&t->w);
    return ERR_OK;
}

/* Every list that a constraint names, by its id. */
static enum err
policy_import_lists(struct policy_import *t)
{
    struct span seen[SOURCE_LISTS_MAX];
    const struct json_node *from[SOURCE_LISTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < t->json.node_count; i++) {
        const struct json_node *n = &t->json.nodes[i];
        const struct json_node *id = n->type == JSON_OBJECT ? json_get(&t->json, n, "@id") : NULL;
        const struct span head = SPAN_LIT("urn:tdz:list:");
        if (id == NULL || id->type != JSON_STRING || !span_starts(id->text, head))
            continue;
        const struct span name = span_from(id->text, head.len);
        size_t at = count;
        for (; at > 0 && span_cmp(seen[at - 1], name) > 0; at--) {
        }
        if (at > 0 && span_eq(seen[at - 1], name))
            continue;
        if (count == SOURCE_LISTS_MAX)
            return policy_import_stop(t, n, ERR_FULL, "more than 32 lists");
        memmove(&seen[at + 1], &seen[at], (count - at) * sizeof(*seen));
        memmove(&from[at + 1], &from[at], (count - at) * sizeof(const struct json_node *));
        seen[at] = name;
        from[at] = n;
        count++;
    }
    canon_key(&t->w, "lists");
    canon_object(&t->w);
    for (size_t i = 0; i < count; i++) {
        const struct json_node *hash = json_get(&t->json, from[i], "tdz:sha256");
        canon_key_span(&t->w, seen[i]);
        canon_object(&t->w);
        canon_member_span(&t->w, "id", seen[i]);
        canon_key(&t->w, "sha256");
        if (hash == NULL)
            canon_str(&t->w, "\xe2\x80\xa6");
        else
            canon_node(&t->w, &t->json, hash);
        canon_end(&t->w);
    }
    canon_end(&t->w);
    return ERR_OK;
}

static enum err
policy_import_texts(struct policy_import *t)
{
    canon_key(&t->w, "texts");
    canon_object(&t->w);
    for (size_t i = 0; i < t->rule_count; i++) {
        char why[32];
        TRY(json_may_str(&t->json, t->rule[i], "tdz:why", SOURCE_TEXT_MAX, &t->fault));
        const struct json_node *text = json_get(&t->json, t->rule[i], "tdz:why");
        if (text == NULL)
            continue;
        (void)snprintf(why, sizeof(why), "t.%04zu", i + 1);
        canon_key(&t->w, why);
        canon_object(&t->w);
        canon_member_span(&t->w, "en", text->text);
        canon_end(&t->w);
    }
    canon_end(&t->w);
    return ERR_OK;
}

/* Another context could give our names another meaning. */
static enum err
policy_import_context(struct policy_import *t)
{
    static const char ours[] =
        "[\"http://www.w3.org/ns/odrl.jsonld\",{\"tdz\":\"" POLICY_ODRL_PROFILE "#\"}]";
    const struct json_node *context = NULL;
    char text[256];
    struct canon w;
    struct span is;
    TRY(json_need(&t->json, &t->json.nodes[0], "@context", JSON_ARRAY, &context, &t->fault));
    canon_init(&w, text, sizeof(text));
    canon_node(&w, &t->json, context);
    if (canon_finish(&w, &is) != ERR_OK || !span_eq_str(is, ours))
        return policy_import_stop(t, context, ERR_UNSUPPORTED, "the context is not the profile's");
    return ERR_OK;
}

/* Collects prohibitions and obligations; anything else that could carry a rule is refused. */
static enum err
policy_import_collect(struct policy_import *t)
{
    static const char *const fields[] = {
        "@context",      "@type",          "conflict",    "constraint", "obligation",
        "permission",    "profile",        "prohibition", "tdz:closed", "tdz:counters",
        "tdz:direction", "tdz:vocabulary", "tdz:zone",    "uid"};
    static const char *const keys[] = {"prohibition", "obligation"};
    const struct json_node *root = &t->json.nodes[0];
    bool closed = true;
    if (root->type != JSON_OBJECT)
        return policy_import_stop(t, root, ERR_TYPE, "an ODRL Set is an object");
    TRY(json_only(&t->json, root, fields, sizeof(fields) / sizeof(fields[0]), &t->fault));
    TRY(policy_import_context(t));
    TRY(policy_import_is(t, root, "@type", "Set"));
    TRY(policy_import_is(t, root, "profile", POLICY_ODRL_PROFILE));
    TRY(policy_import_is(t, root, "conflict", "prohibit"));
    TRY(json_need_bool(&t->json, root, "tdz:closed", &closed, &t->fault));
    const struct json_node *permits = json_get(&t->json, root, "permission");
    if (closed || (permits != NULL && (permits->type != JSON_ARRAY || permits->count > 0)))
        return policy_import_stop(t, permits == NULL ? root : permits, ERR_DENIED,
                                  "an overlay permits nothing: what is imported must not either");
    for (size_t i = 0; i < 2; i++) {
        const struct json_node *list = NULL;
        TRY(json_need(&t->json, root, keys[i], JSON_ARRAY, &list, &t->fault));
        const struct json_node *n = json_first(&t->json, list);
        for (; n != NULL; n = json_next(&t->json, list, n)) {
            if (t->rule_count == POLICY_IMPORT_RULES_MAX)
                return policy_import_stop(t, n, ERR_FULL, "more rules than the limit of 1024");
            t->forbids[t->rule_count] = i == 0;
            t->rule[t->rule_count++] = n;
        }
    }
    return ERR_OK;
}

enum err
policy_import_write(struct policy_import *t, struct span *ret)
{
    const struct json_node *root = &t->json.nodes[0];
    const struct json_node *times = NULL;
    struct span text;
    TRY(policy_import_collect(t));
    canon_init(&t->w, t->out, sizeof(t->out));
    canon_object(&t->w);
    canon_member_bool(&t->w, "closed", false);
    if (json_get(&t->json, root, "tdz:counters") != NULL) {
        canon_key(&t->w, "counters");
        canon_node(&t->w, &t->json, json_get(&t->json, root, "tdz:counters"));
    }
    TRY(json_need_str(&t->json, root, "tdz:direction", 16, &text, &t->fault));
    canon_member_span(&t->w, "direction", text);
    canon_key(&t->w, "effective");
    canon_object(&t->w);
    TRY(json_need(&t->json, root, "constraint", JSON_ARRAY, &times, &t->fault));
    TRY(policy_import_times(t, times, true));
    TRY(policy_import_time(t, times, "gteq", "from"));
    TRY(policy_import_time(t, times, "lt", "until"));
    canon_end(&t->w);
    canon_member_str(&t->w, "format", "tdz.policy/1");
    canon_member_str(&t->w, "id", t->id);
    TRY(policy_import_lists(t));
    canon_member_int(&t->w, "revision", (int64_t)t->revision);
    canon_key(&t->w, "rules");
    canon_array(&t->w);
    for (size_t i = 0; i < t->rule_count; i++)
        TRY(policy_import_rule(t, i));
    canon_end(&t->w);
    TRY(policy_import_texts(t));
    TRY(json_need_str(&t->json, root, "tdz:vocabulary", 128, &text, &t->fault));
    canon_member_span(&t->w, "vocabulary", text);
    TRY(json_need_str(&t->json, root, "tdz:zone", 64, &text, &t->fault));
    canon_member_span(&t->w, "zone", text);
    canon_end(&t->w);
    return canon_finish(&t->w, ret);
}

/* Reads the result as a gateway would, and prints it in its layout. */
static int
policy_import_print(struct policy_import *t, const char *path, struct span result)
{
    static const uint8_t no_hash[32];
    struct source doc;
    struct json_doc json;
    char *text = NULL;
    size_t len = 0;
    enum err err = source_read(&doc, &t->files.vocab, result, no_hash, &t->fault);
    if (err != ERR_OK) {
        cli_say(t->cli, "%s: the overlay it makes is refused: %s: %s", path, t->fault.where,
                error_text(err));
        return CLI_USAGE;
    }
    source_finish(&doc);
    err = json_load(&json, result, &t->fault);
    if (err == ERR_OK) {
        err = policy_fmt_write(&json, &text, &len);
        json_free(&json);
    }
    if (err != ERR_OK)
        return policy_files_bad(t->cli, path, err, &(struct fault){0});
    (void)fwrite(text, 1, len, stdout);
    free(text);
    return CLI_DONE;
}

static int
policy_import_run(struct policy_import *t, const char *path)
{
    char *bytes = NULL;
    size_t len = 0;
    struct span result = {0};
    if (!cli_must_read(t->cli, path, JSON_BYTES_MAX, &bytes, &len))
        return CLI_UNREACHABLE;
    enum err err = json_load(&t->json, span_of(bytes, len), &t->fault);
    int code = CLI_DONE;
    if (err == ERR_OK) {
        err = policy_import_write(t, &result);
        if (err == ERR_OK)
            code = policy_import_print(t, path, result);
        json_free(&t->json);
    }
    if (err != ERR_OK)
        code = policy_files_bad(t->cli, path, err, &t->fault);
    free(bytes);
    return code;
}

int
policy_import_main(int argc, char **argv)
{
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "policy import-odrl", &cli))
        return CLI_USAGE;
    const char *path = cli_next_operand(&cli, &at);
    if (cli_operand_count(&cli) != 1 || cli_value(&cli, "--id") == NULL)
        return cli_usage(&cli, "give one ODRL file and --id");
    struct policy_import *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    t->cli = &cli;
    t->id = cli_value(&cli, "--id");
    t->files.cli = &cli;
    int code =
        cli_number(&cli, "--revision", 1, JSON_INT_MAX, 1, &t->revision) ? CLI_DONE : CLI_USAGE;
    if (code == CLI_DONE)
        code = policy_files_options(&t->files);
    if (code == CLI_DONE)
        code = policy_import_run(t, path);
    policy_files_finish(&t->files);
    free(t);
    return fflush(stdout) == 0 ? code : CLI_UNREACHABLE;
}
