/* SPDX-License-Identifier: Apache-2.0 */
/* Each function reads one part of the document and refuses what schemas/policy.schema.json refuses,
 * and beyond it what only the vocabulary can tell. */
#include "policy/source.h"

#include <assert.h>

#include "policy/approvers.h"
#include "policy/condition.h"
#include "schemas/text.h"

static const char *const source_effect_names[] = {"forbid", "hold", "oblige", "permit"};
static const char *const source_certainties[] = {"", "primary", "secondary", "uncertain"};

struct source_load {
    struct source *s;
    const struct json_doc *doc;
    struct fault *fault;
};

static enum err
source_stop(const struct source_load *l, const struct json_node *node, enum err code,
            const char *where)
{
    return json_fail(l->doc, node, code, where, l->fault);
}

/* ^[a-z0-9][a-z0-9.-]{0,63}$ */
static bool
source_is_slug(struct span s)
{
    if (s.len == 0 || s.len > 64 || s.ptr[0] == '.' || s.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        const uint8_t b = s.ptr[i];
        if (!((b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '.' || b == '-'))
            return false;
    }
    return true;
}

static enum err
source_hash(const struct source_load *l, const struct json_node *node, uint8_t out[static 32])
{
    const struct span head = SPAN_LIT("sha256:");
    if (node->type != JSON_STRING)
        return source_stop(l, node, ERR_TYPE, "a hash is a string");
    if (!span_starts(node->text, head) ||
        text_unhex(span_from(node->text, head.len), false, out, 32) != ERR_OK)
        return source_stop(l, node, ERR_SYNTAX, "a hash is sha256: and 64 lower-case hex digits");
    return ERR_OK;
}

/* An optional point in time; *out stays when the member is absent. */
static enum err
source_time(const struct source_load *l, const struct json_node *object, const char *key,
            bool date_ok, int64_t *out)
{
    const struct json_node *node = json_get(l->doc, object, key);
    if (node == NULL)
        return ERR_OK;
    if (node->type != JSON_STRING)
        return source_stop(l, node, ERR_TYPE, "a time is a string");
    if (text_parse_time(node->text, date_ok, out) != ERR_OK)
        return source_stop(l, node, ERR_SYNTAX, "a time is written as 2026-11-22T00:00:00+08:00");
    return ERR_OK;
}

/* A string member of 1..max bytes, copied; absent only if optional. */
static enum err
source_string(const struct source_load *l, const struct json_node *object, const char *key,
              size_t max, bool optional, struct span *ret)
{
    struct span text;
    if (optional && json_get(l->doc, object, key) == NULL)
        return ERR_OK;
    TRY(json_need_str(l->doc, object, key, max, &text, l->fault));
    return arena_text(&l->s->arena, text, ret);
}

static enum err
source_slug(const struct source_load *l, const struct json_node *object, const char *key,
            struct span *ret)
{
    struct span text;
    TRY(json_need_str(l->doc, object, key, SOURCE_TEXT_MAX, &text, l->fault));
    if (!source_is_slug(text))
        return source_stop(l, json_get(l->doc, object, key), ERR_SYNTAX,
                           "an id must match [a-z0-9][a-z0-9.-]{0,63}");
    return arena_text(&l->s->arena, text, ret);
}

/* Checks a member that is a list of at least one string, none twice. */
static enum err
source_names(const struct source_load *l, const struct json_node *object, const char *key,
             const struct json_node **ret)
{
    const struct json_node *list = NULL;
    TRY(json_need(l->doc, object, key, JSON_ARRAY, &list, l->fault));
    if (list->count == 0)
        return source_stop(l, list, ERR_RANGE, "a list has at least one name");
    if (list->count > VOCAB_VALUES_MAX)
        return source_stop(l, list, ERR_FULL, "more names than the limit of 1024");
    const struct json_node *n = json_first(l->doc, list);
    for (; n != NULL; n = json_next(l->doc, list, n)) {
        if (n->type != JSON_STRING)
            return source_stop(l, n, ERR_TYPE, "a list of strings must be here");
        const struct json_node *m = json_first(l->doc, list);
        for (; m != n; m = json_next(l->doc, list, m))
            if (span_eq(m->text, n->text))
                return source_stop(l, n, ERR_DUPLICATE, "this name occurs twice");
    }
    *ret = list;
    return ERR_OK;
}

static enum err
source_read_to(const struct source_load *l, const struct json_node *rule, struct vocab_set *ret)
{
    const struct vocab *v = l->s->vocab;
    const struct json_node *list = NULL;
    TRY(source_names(l, rule, "to", &list));
    const struct json_node *n = json_first(l->doc, list);
    for (; n != NULL; n = json_next(l->doc, list, n)) {
        const uint32_t zone = vocab_zone(v, n->text);
        if (zone == VOCAB_NONE)
            return source_stop(l, n, ERR_NOT_FOUND, "this zone is not declared");
        for (uint32_t i = 0; i < v->zone_count; i++)
            if (vocab_zone_under(v, i, zone))
                vocab_set_add(ret, i);
    }
    return ERR_OK;
}

static enum err
source_read_classes(const struct source_load *l, const struct json_node *rule, const char *key,
                    struct vocab_set *ret)
{
    const struct vocab *v = l->s->vocab;
    const struct json_node *list = NULL;
    TRY(source_names(l, rule, key, &list));
    const struct json_node *n = json_first(l->doc, list);
    for (; n != NULL; n = json_next(l->doc, list, n)) {
        const uint32_t top = vocab_class(v, n->text);
        if (top == VOCAB_NONE)
            return source_stop(l, n, ERR_NOT_FOUND, "this class is not declared");
        for (uint32_t i = 0; i < v->class_count; i++)
            if (vocab_class_under(v, i, top))
                vocab_set_add(ret, i);
    }
    return ERR_OK;
}

static enum err
source_read_duties(const struct source_load *l, const struct json_node *rule, struct source_rule *r)
{
    const struct json_node *list = json_get(l->doc, rule, "do");
    if ((list != NULL) != (r->effect == SOURCE_OBLIGE))
        return source_stop(l, list == NULL ? rule : list, ERR_CONFLICT,
                           "do belongs to oblige, and oblige needs it");
    if (list == NULL)
        return ERR_OK;
    if (list->type != JSON_ARRAY)
        return source_stop(l, list, ERR_TYPE, "do is a list of obligations");
    if (list->count == 0 || list->count > OBLIGATION_KINDS_MAX)
        return source_stop(l, list, ERR_RANGE, "do has 1 to 16 obligations");
    struct obligation *duties = arena_take(&l->s->arena, list->count, sizeof(*duties));
    if (duties == NULL)
        return ERR_NOMEM;
    const struct json_node *n = json_first(l->doc, list);
    for (; n != NULL; n = json_next(l->doc, list, n))
        TRY(obligation_read(l->s->vocab, &l->s->arena, l->doc, n, &duties[r->duty_count++],
                            l->fault));
    r->duties = duties;
    return ERR_OK;
}

/* reviewed_on, review_days, certainty, note. */
static enum err
source_read_review(const struct source_load *l, const struct json_node *rule, struct source_rule *r)
{
    const struct json_node *days_node = json_get(l->doc, rule, "review_days");
    int64_t reviewed_ms = INT64_MIN;
    struct span text = {0};
    TRY(source_time(l, rule, "reviewed_on", true, &reviewed_ms));
    if (days_node != NULL) {
        int64_t days = 0;
        TRY(json_need_int(l->doc, rule, "review_days", 1, 36500, &days, l->fault));
        if (reviewed_ms == INT64_MIN)
            return source_stop(l, days_node, ERR_MISSING, "review_days without reviewed_on");
        r->stale_ms = reviewed_ms + days * INT64_C(86400000);
    }
    TRY(source_string(l, rule, "certainty", 32, true, &text));
    if (text.ptr != NULL) {
        size_t at = 1;
        while (at < 4 && !span_eq_str(text, source_certainties[at]))
            at++;
        if (at == 4)
            return source_stop(l, json_get(l->doc, rule, "certainty"), ERR_NOT_FOUND,
                               "certainty is primary, secondary or uncertain");
        r->certainty = (enum source_certainty)at;
    }
    text = (struct span){0};
    return source_string(l, rule, "note", SOURCE_TEXT_MAX, true, &text);
}

static enum err
source_read_cites(const struct source_load *l, const struct json_node *rule, struct source_rule *r)
{
    const struct json_node *list = NULL;
    TRY(source_names(l, rule, "cite", &list));
    if (list->count > SOURCE_CITES_MAX)
        return source_stop(l, list, ERR_FULL, "more than 16 citations");
    struct span *cites = arena_take(&l->s->arena, list->count, sizeof(*cites));
    if (cites == NULL)
        return ERR_NOMEM;
    const struct json_node *n = json_first(l->doc, list);
    for (; n != NULL; n = json_next(l->doc, list, n))
        TRY(arena_text(&l->s->arena, n->text, &cites[r->cite_count++]));
    r->cites = cites;
    return source_string(l, rule, "why", SOURCE_TEXT_MAX, false, &r->why);
}

/* id, effect, and what the effect asks for. */
static enum err
source_read_effect(const struct source_load *l, const struct json_node *rule, struct source_rule *r)
{
    struct span text;
    TRY(source_slug(l, rule, "id", &r->id));
    TRY(json_need_str(l->doc, rule, "effect", 32, &text, l->fault));
    size_t effect = 0;
    while (effect < 4 && !span_eq_str(text, source_effect_names[effect]))
        effect++;
    const struct json_node *node = json_get(l->doc, rule, "effect");
    if (effect == 4)
        return source_stop(l, node, ERR_NOT_FOUND, "effect is permit, forbid, hold or oblige");
    r->effect = (enum source_effect)effect;
    if (r->effect == SOURCE_PERMIT && !l->s->is_closed)
        return source_stop(l, node, ERR_CONFLICT, "an overlay (closed false) cannot permit");
    const struct json_node *release = json_get(l->doc, rule, "release");
    if ((release != NULL) != (r->effect == SOURCE_HOLD))
        return source_stop(l, release == NULL ? rule : release, ERR_CONFLICT,
                           "release belongs to hold, and hold needs it");
    TRY(source_string(l, rule, "release", 64, true, &r->release));
    const enum err err = release == NULL ? ERR_OK : approvers_check(r->release);
    if (err != ERR_OK)
        return source_stop(l, release, err, "release is one to four roles joined by '+'");
    return source_read_duties(l, rule, r);
}

static enum err
source_read_rule(const struct source_load *l, const struct json_node *rule, struct source_rule *r)
{
    static const char *const fields[] = {"id",        "effect",      "to",          "classes",
                                         "except",    "when",        "from",        "until",
                                         "certainty", "do",          "release",     "cite",
                                         "why",       "reviewed_on", "review_days", "note"};
    struct vocab_set except = {0};
    if (rule->type != JSON_OBJECT)
        return source_stop(l, rule, ERR_TYPE, "a rule is an object");
    TRY(json_only(l->doc, rule, fields, sizeof(fields) / sizeof(fields[0]), l->fault));
    *r = (struct source_rule){.from_ms = INT64_MIN, .until_ms = INT64_MAX, .stale_ms = INT64_MAX};
    TRY(source_read_effect(l, rule, r));
    TRY(source_read_to(l, rule, &r->to));
    TRY(source_read_classes(l, rule, "classes", &r->classes));
    if (json_get(l->doc, rule, "except") != NULL)
        TRY(source_read_classes(l, rule, "except", &except));
    for (size_t i = 0; i < 4; i++)
        r->classes.word[i] &= ~except.word[i];
    TRY(source_time(l, rule, "from", true, &r->from_ms));
    TRY(source_time(l, rule, "until", true, &r->until_ms));
    TRY(source_read_review(l, rule, r));
    TRY(source_read_cites(l, rule, r));
    const struct json_node *when = json_get(l->doc, rule, "when");
    return when == NULL ? ERR_OK : condition_read(l->s, l->doc, when, r, l->fault);
}

/* Where id belongs among the count rules that order sorts. */
static size_t
source_place(const struct source_rule *rules, const uint16_t *order, size_t count, struct span id)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const bool is_after = span_cmp(rules[order[middle]].id, id) < 0;
        low = is_after ? middle + 1 : low;
        high = is_after ? high : middle;
    }
    return low;
}

/* Rules are read in the order of the file, which counts their lines on the way, and sorted by
 * index: a thousand of them are moved once. */
static enum err
source_read_rules(const struct source_load *l)
{
    struct source *s = l->s;
    const struct json_node *list = NULL;
    uint32_t line = 1;
    size_t seen = 0;
    TRY(json_need(l->doc, &l->doc->nodes[0], "rules", JSON_ARRAY, &list, l->fault));
    if (list->count > SOURCE_RULES_MAX)
        return source_stop(l, list, ERR_FULL, "more rules than the limit of 1024");
    struct source_rule *rules = arena_take(&s->arena, list->count, sizeof(*rules));
    uint16_t *order = arena_take(&s->arena, list->count, sizeof(*order));
    s->rules = arena_take(&s->arena, list->count, sizeof(*s->rules));
    s->attrs = arena_take(&s->arena, SOURCE_ATTRS_MAX, sizeof(*s->attrs));
    if (rules == NULL || order == NULL || s->rules == NULL || s->attrs == NULL)
        return ERR_NOMEM;
    const struct json_node *n = json_first(l->doc, list);
    for (; n != NULL; n = json_next(l->doc, list, n)) {
        struct source_rule *r = &rules[s->rule_count];
        TRY(source_read_rule(l, n, r));
        for (; seen < n->offset; r->line = line)
            line += l->doc->input.ptr[seen++] == '\n' ? 1 : 0;
        const size_t at = source_place(rules, order, s->rule_count, r->id);
        if (at < s->rule_count && span_eq(rules[order[at]].id, r->id))
            return source_stop(l, json_get(l->doc, n, "id"), ERR_DUPLICATE,
                               "another rule has this id");
        memmove(order + at + 1, order + at, (s->rule_count - at) * sizeof(*order));
        order[at] = (uint16_t)s->rule_count++;
    }
    for (size_t i = 0; i < s->rule_count; i++)
        s->rules[i] = rules[order[i]];
    return ERR_OK;
}

static enum err
source_read_lists(const struct source_load *l)
{
    static const char *const fields[] = {"id", "sha256"};
    struct source *s = l->s;
    const struct json_node *object = json_get(l->doc, &l->doc->nodes[0], "lists");
    if (object == NULL)
        return ERR_OK;
    if (object->type != JSON_OBJECT)
        return source_stop(l, object, ERR_TYPE, "lists is an object");
    if (object->count > SOURCE_LISTS_MAX)
        return source_stop(l, object, ERR_FULL, "more than 32 lists");
    s->lists = arena_take(&s->arena, object->count, sizeof(*s->lists));
    if (s->lists == NULL)
        return ERR_NOMEM;
    const struct json_node *k = json_first(l->doc, object);
    for (; k != NULL; k = json_next(l->doc, object, k)) {
        struct source_list *list = &s->lists[s->list_count];
        const struct json_node *spec = json_value(l->doc, k);
        const struct json_node *hash = NULL;
        if (!vocab_is_name(k->text))
            return source_stop(l, k, ERR_SYNTAX, "a name must match [A-Za-z0-9_.-]{1,64}");
        if (spec->type != JSON_OBJECT)
            return source_stop(l, spec, ERR_TYPE, "a list is named by an object");
        TRY(json_only(l->doc, spec, fields, 2, l->fault));
        TRY(arena_text(&s->arena, k->text, &list->alias));
        TRY(source_slug(l, spec, "id", &list->id));
        TRY(json_need(l->doc, spec, "sha256", JSON_STRING, &hash, l->fault));
        list->has_sha256 = !span_eq(hash->text, SPAN_LIT("\xe2\x80\xa6"));
        if (list->has_sha256)
            TRY(source_hash(l, hash, list->sha256));
        s->list_count++;
    }
    return ERR_OK;
}

static enum err
source_read_counter_classes(const struct source_load *l, const struct json_node *spec,
                            const char *key, struct span out[static 8], size_t *out_count)
{
    const struct json_node *list = NULL;
    if (json_get(l->doc, spec, key) == NULL)
        return ERR_OK;
    TRY(source_names(l, spec, key, &list));
    if (list->count > 8)
        return source_stop(l, list, ERR_FULL, "more than 8 classes");
    const struct json_node *n = json_first(l->doc, list);
    for (; n != NULL; n = json_next(l->doc, list, n)) {
        const uint32_t class = vocab_class(l->s->vocab, n->text);
        if (class == VOCAB_NONE)
            return source_stop(l, n, ERR_NOT_FOUND, "this class is not declared");
        out[(*out_count)++] = l->s->vocab->classes[class].name;
    }
    return ERR_OK;
}

/* What a counter counts is the gateway's to know: only distinct persons by exporter and calendar
 * year exist, other kinds are refused rather than counted wrongly. */
static enum err
source_read_counter(const struct source_load *l, const struct json_node *spec,
                    struct source_counter *c)
{
    static const char *const fields[] = {"counts", "per", "classes", "except", "window", "tz"};
    struct span text;
    const struct json_node *per = NULL;
    if (spec->type != JSON_OBJECT)
        return source_stop(l, spec, ERR_TYPE, "a counter is an object");
    TRY(json_only(l->doc, spec, fields, 6, l->fault));
    TRY(json_need_str(l->doc, spec, "counts", 64, &text, l->fault));
    if (!span_eq_str(text, "distinct_subjects"))
        return source_stop(l, json_get(l->doc, spec, "counts"), ERR_NOT_FOUND,
                           "counts is distinct_subjects");
    TRY(source_names(l, spec, "per", &per));
    if (per->count != 1 || !span_eq_str(json_first(l->doc, per)->text, "exporter"))
        return source_stop(l, per, ERR_NOT_FOUND, "per is [\"exporter\"]");
    TRY(json_need_str(l->doc, spec, "window", 64, &text, l->fault));
    if (!span_eq_str(text, "calendar_year"))
        return source_stop(l, json_get(l->doc, spec, "window"), ERR_NOT_FOUND,
                           "window is calendar_year");
    TRY(json_need_str(l->doc, spec, "tz", 64, &text, l->fault));
    if (!span_eq_str(text, "Asia/Shanghai") && !span_eq_str(text, "Asia/Kuala_Lumpur"))
        return source_stop(l, json_get(l->doc, spec, "tz"), ERR_NOT_FOUND,
                           "tz is Asia/Shanghai or Asia/Kuala_Lumpur (both UTC+8)");
    if (json_get(l->doc, spec, "classes") == NULL)
        return source_stop(l, spec, ERR_MISSING, "classes");
    TRY(source_read_counter_classes(l, spec, "classes", c->classes, &c->class_count));
    return source_read_counter_classes(l, spec, "except", c->except, &c->except_count);
}

static enum err
source_read_counters(const struct source_load *l)
{
    struct source *s = l->s;
    const struct json_node *object = json_get(l->doc, &l->doc->nodes[0], "counters");
    if (object == NULL)
        return ERR_OK;
    if (object->type != JSON_OBJECT)
        return source_stop(l, object, ERR_TYPE, "counters is an object");
    if (object->count > SOURCE_COUNTERS_MAX)
        return source_stop(l, object, ERR_FULL, "more than 32 counters");
    s->counters = arena_take(&s->arena, object->count, sizeof(*s->counters));
    if (s->counters == NULL)
        return ERR_NOMEM;
    const struct json_node *k = json_first(l->doc, object);
    for (; k != NULL; k = json_next(l->doc, object, k)) {
        struct source_counter *c = &s->counters[s->counter_count];
        if (!vocab_is_name(k->text))
            return source_stop(l, k, ERR_SYNTAX, "a name must match [A-Za-z0-9_.-]{1,64}");
        TRY(arena_text(&s->arena, k->text, &c->name));
        TRY(source_read_counter(l, json_value(l->doc, k), c));
        s->counter_count++;
    }
    return ERR_OK;
}

static enum err
source_read_texts(const struct source_load *l)
{
    static const char *const fields[] = {"en", "ms", "zh"};
    struct source *s = l->s;
    const struct json_node *object = NULL;
    TRY(json_need(l->doc, &l->doc->nodes[0], "texts", JSON_OBJECT, &object, l->fault));
    s->texts = arena_take(&s->arena, object->count, sizeof(*s->texts));
    if (s->texts == NULL)
        return ERR_NOMEM;
    const struct json_node *k = json_first(l->doc, object);
    for (; k != NULL; k = json_next(l->doc, object, k)) {
        struct source_text *t = &s->texts[s->text_count];
        const struct json_node *spec = json_value(l->doc, k);
        if (spec->type != JSON_OBJECT)
            return source_stop(l, spec, ERR_TYPE, "a text is an object of en, ms and zh");
        TRY(json_only(l->doc, spec, fields, 3, l->fault));
        TRY(arena_text(&s->arena, k->text, &t->name));
        TRY(source_string(l, spec, "en", SOURCE_TEXT_MAX, true, &t->en));
        TRY(source_string(l, spec, "ms", SOURCE_TEXT_MAX, true, &t->ms));
        TRY(source_string(l, spec, "zh", SOURCE_TEXT_MAX, true, &t->zh));
        s->text_count++;
    }
    return ERR_OK;
}

/* "<id>/<revision>" of the vocabulary the document was written for. */
static enum err
source_check_vocabulary(const struct source_load *l)
{
    const struct vocab *v = l->s->vocab;
    const struct json_node *root = &l->doc->nodes[0];
    struct span text;
    uint64_t revision = 0;
    TRY(json_need_str(l->doc, root, "vocabulary", 128, &text, l->fault));
    if (text.len <= v->id.len + 1 || !span_starts(text, v->id) || text.ptr[v->id.len] != '/' ||
        text_parse_u64(span_from(text, v->id.len + 1), JSON_INT_MAX, &revision) != ERR_OK ||
        (int64_t)revision != v->revision)
        return source_stop(l, json_get(l->doc, root, "vocabulary"), ERR_VERSION,
                           "written for another vocabulary than the one given");
    return ERR_OK;
}

/* The other zone of a document that two zones agreed on. */
static enum err
source_read_corridor(const struct source_load *l, const struct json_node *root)
{
    struct source *s = l->s;
    const struct json_node *node = json_get(l->doc, root, "corridor");
    if (node == NULL)
        return ERR_OK;
    TRY(source_string(l, root, "corridor", VOCAB_NAME_MAX, false, &s->corridor));
    if (vocab_zone(s->vocab, s->corridor) == VOCAB_NONE)
        return source_stop(l, node, ERR_NOT_FOUND, "this zone is not declared");
    if (span_eq(s->corridor, s->zone))
        return source_stop(l, node, ERR_CONFLICT, "a corridor has another zone at its other end");
    return ERR_OK;
}

static enum err
source_read_head(const struct source_load *l)
{
    static const char *const fields[] = {"format",     "id",        "revision", "previous", "zone",
                                         "direction",  "closed",    "lists",    "counters", "rules",
                                         "vocabulary", "effective", "texts",    "corridor"};
    static const char *const times[] = {"from", "until"};
    const struct json_doc *doc = l->doc;
    const struct json_node *root = &doc->nodes[0];
    const struct json_node *effective = NULL;
    struct source *s = l->s;
    struct span text;
    if (root->type != JSON_OBJECT)
        return source_stop(l, root, ERR_TYPE, "a policy is an object");
    TRY(json_need_str(doc, root, "format", 64, &text, l->fault));
    if (!span_eq_str(text, "tdz.policy/1"))
        return source_stop(l, json_get(doc, root, "format"), ERR_VERSION,
                           "format must be tdz.policy/1");
    TRY(json_only(doc, root, fields, sizeof(fields) / sizeof(fields[0]), l->fault));
    TRY(source_slug(l, root, "id", &s->id));
    TRY(json_need_int(doc, root, "revision", 1, JSON_INT_MAX, &s->revision, l->fault));
    if (json_get(doc, root, "previous") != NULL) {
        TRY(source_hash(l, json_get(doc, root, "previous"), s->previous));
        s->has_previous = true;
    }
    TRY(source_string(l, root, "zone", VOCAB_NAME_MAX, false, &s->zone));
    if (vocab_zone(s->vocab, s->zone) == VOCAB_NONE)
        return source_stop(l, json_get(doc, root, "zone"), ERR_NOT_FOUND,
                           "this zone is not declared");
    TRY(source_read_corridor(l, root));
    TRY(json_need_str(doc, root, "direction", 64, &text, l->fault));
    s->is_import = span_eq_str(text, "import");
    if (!s->is_import && !span_eq_str(text, "export"))
        return source_stop(l, json_get(doc, root, "direction"), ERR_NOT_FOUND,
                           "direction is export or import");
    TRY(json_need_bool(doc, root, "closed", &s->is_closed, l->fault));
    TRY(source_check_vocabulary(l));
    TRY(json_need(doc, root, "effective", JSON_OBJECT, &effective, l->fault));
    TRY(json_only(doc, effective, times, 2, l->fault));
    if (json_get(doc, effective, "from") == NULL)
        return source_stop(l, effective, ERR_MISSING, "from");
    s->until_ms = INT64_MAX;
    TRY(source_time(l, effective, "from", false, &s->from_ms));
    return source_time(l, effective, "until", false, &s->until_ms);
}

static enum err
source_read_doc(const struct source_load *l)
{
    TRY(source_read_head(l));
    TRY(source_read_lists(l));
    TRY(source_read_counters(l));
    TRY(source_read_texts(l));
    return source_read_rules(l);
}

enum err
source_read(struct source *s, const struct vocab *v, struct span input,
            const uint8_t sha256[static 32], struct fault *ret_fault)
{
    struct json_doc doc;
    *s = (struct source){.vocab = v};
    arena_init(&s->arena);
    memcpy(s->sha256, sha256, sizeof(s->sha256));
    TRY(json_load(&doc, input, ret_fault));
    const struct source_load load = {.s = s, .doc = &doc, .fault = ret_fault};
    const enum err err = source_read_doc(&load);
    json_free(&doc);
    if (err != ERR_OK)
        source_finish(s);
    return err;
}

void
source_finish(struct source *s)
{
    arena_finish(&s->arena);
    *s = (struct source){0};
}

const char *
source_effect_name(enum source_effect effect)
{
    return source_effect_names[effect];
}
