/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/report.h"

#include <stdio.h>

#include "crypto/digest.h"
#include "schemas/text.h"

#define REPORT_FORMAT "tdz.inspected/1"

/* What report_observed spends; commas and the rest of the object are the last 2 KiB
 * of REPORT_OBSERVED_MAX. */
enum {
    OBSERVED_PLAIN_BYTES = 6 * 1024,
    OBSERVED_TELLING_BYTES = 8 * 1024,
    OBSERVED_RULES_BYTES = 2 * 1024
};

static enum err
report_put(struct canon *w, const char *key, const struct findings *f, char *scratch, size_t cap)
{
    struct span json;
    canon_key(w, key);
    if (f == NULL) {
        canon_null(w);
        return ERR_OK;
    }
    TRY(findings_json(f, scratch, cap, &json));
    canon_raw(w, json);
    return ERR_OK;
}

/* findings_json with the stage named out: the same stream under its other name. */
static enum err
report_put_same(struct canon *w, const struct findings *f, char *scratch, size_t cap)
{
    static const char stage_in[] = "\"stage\":\"in\"}";
    static const char stage_out[] = "\"stage\":\"out\"}";
    struct span json;
    canon_key(w, "out");
    TRY(findings_json(f, scratch, cap, &json));
    /* stage is the last member in byte order. */
    const size_t tail = sizeof(stage_in) - 1;
    if (json.len < tail || memcmp(json.ptr + json.len - tail, stage_in, tail) != 0)
        return ERR_BUG;
    const size_t head = json.len - tail;
    if (cap - head < sizeof(stage_out))
        return ERR_FULL;
    memcpy(scratch + head, stage_out, sizeof(stage_out) - 1);
    canon_raw(w, span_of(scratch, head + sizeof(stage_out) - 1));
    return ERR_OK;
}

enum err
report_write(const struct findings *in, const struct findings *out,
             const uint8_t spec_hash[static 32], uint64_t bytes_in, uint64_t bytes_out, char *buf,
             size_t cap, char *scratch, struct span *ret)
{
    struct canon w;
    canon_init(&w, buf, cap);
    canon_object(&w);
    canon_member_int(&w, "bytes_in", (int64_t)bytes_in);
    canon_member_int(&w, "bytes_out", (int64_t)bytes_out);
    canon_member_str(&w, "format", REPORT_FORMAT);
    TRY(report_put(&w, "in", in, scratch, cap));
    if (out == NULL && in != NULL)
        TRY(report_put_same(&w, in, scratch, cap));
    else
        TRY(report_put(&w, "out", out, scratch, cap));
    canon_member_hex(&w, "spec", span_of(spec_hash, 32));
    canon_end(&w);
    return canon_finish(&w, ret);
}

struct report_reader {
    const struct json_doc *doc;
    bool (*known)(const void *ctx, struct span name);
    const void *ctx;
    struct fault *fault;
};

static enum err
report_u64(const struct report_reader *r, const struct json_node *object, const char *key,
           uint64_t *ret)
{
    int64_t value = 0;
    TRY(json_need_int(r->doc, object, key, 0, JSON_INT_MAX, &value, r->fault));
    *ret = (uint64_t)value;
    return ERR_OK;
}

static enum err
report_hash(const struct report_reader *r, const struct json_node *object, const char *key,
            uint8_t ret[static 32])
{
    struct span text;
    TRY(json_need_str(r->doc, object, key, 64, &text, r->fault));
    if (text_unhex(text, false, ret, 32) != ERR_OK)
        return json_fail(r->doc, object, ERR_SYNTAX, "a digest is 64 digits", r->fault);
    return ERR_OK;
}

/* A label by name or null. */
static enum err
report_label_or_null(const struct report_reader *r, const struct json_node *object, const char *key)
{
    const struct json_node *node = json_get(r->doc, object, key);
    enum label label;
    if (node == NULL)
        return json_fail(r->doc, object, ERR_MISSING, key, r->fault);
    if (node->type == JSON_NULL)
        return ERR_OK;
    if (node->type != JSON_STRING || label_find(node->text, &label) != ERR_OK)
        return json_fail(r->doc, node, ERR_NOT_FOUND, "no label", r->fault);
    return ERR_OK;
}

static enum err
report_name(const struct report_reader *r, const struct json_node *node, int64_t ordinal)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "#%lld", (long long)ordinal);
    if (node == NULL || node->type != JSON_STRING)
        return ERR_TYPE;
    if (ordinal > 0 ? span_eq_str(node->text, text) : span_starts(node->text, SPAN_LIT("#")))
        return ERR_OK;
    return r->known(r->ctx, node->text)
               ? ERR_OK
               : json_fail(r->doc, node, ERR_NOT_FOUND, "no declared column", r->fault);
}

static enum err
report_column(const struct report_reader *r, const struct json_node *c)
{
    static const char *const names[] = {"action",   "cells",   "declared", "llr_mnat", "name",
                                        "observed", "ordinal", "passes",   "type"};
    struct span text;
    uint64_t number = 0;
    int64_t ordinal = 0;
    enum transform action;
    enum ident ident;
    if (c->type != JSON_OBJECT)
        return json_fail(r->doc, c, ERR_TYPE, "a column is an object", r->fault);
    TRY(json_only(r->doc, c, names, sizeof(names) / sizeof(names[0]), r->fault));
    TRY(json_need_str(r->doc, c, "action", 16, &text, r->fault));
    if (!span_eq_str(text, "none"))
        TRY(transform_find(text, &action));
    TRY(report_u64(r, c, "cells", &number));
    TRY(report_u64(r, c, "passes", &number));
    TRY(report_label_or_null(r, c, "declared"));
    TRY(report_label_or_null(r, c, "observed"));
    TRY(json_need_int(r->doc, c, "ordinal", 1, INSPECTION_COLUMNS_MAX + 1, &ordinal, r->fault));
    const struct json_node *type = json_get(r->doc, c, "type");
    if (type == NULL || (type->type != JSON_NULL &&
                         (type->type != JSON_STRING || ident_find(type->text, &ident) != ERR_OK)))
        return json_fail(r->doc, c, ERR_NOT_FOUND, "no identifier type", r->fault);
    return report_name(r, json_get(r->doc, c, "name"), ordinal);
}

static enum err
report_columns(const struct report_reader *r, const struct json_node *side)
{
    const struct json_node *list = NULL;
    TRY(json_need(r->doc, side, "columns", JSON_ARRAY, &list, r->fault));
    const struct json_node *n = json_first(r->doc, list);
    for (; n != NULL; n = json_next(r->doc, list, n))
        TRY(report_column(r, n));
    return ERR_OK;
}

static enum err
report_contradictions(const struct report_reader *r, const struct json_node *side)
{
    const struct json_node *list = NULL;
    TRY(json_need(r->doc, side, "contradictions", JSON_ARRAY, &list, r->fault));
    const struct json_node *n = json_first(r->doc, list);
    for (; n != NULL; n = json_next(r->doc, list, n)) {
        struct span rule;
        bool found = false;
        if (n->type != JSON_OBJECT)
            return json_fail(r->doc, n, ERR_TYPE, "a contradiction is an object", r->fault);
        TRY(json_need_str(r->doc, n, "rule", 32, &rule, r->fault));
        for (unsigned i = 0; i < FINDINGS_RULE_COUNT; i++)
            found = found || span_eq_str(rule, findings_rule_name(i));
        if (!found)
            return json_fail(r->doc, n, ERR_NOT_FOUND, "no rule", r->fault);
        const struct json_node *column = json_get(r->doc, n, "column");
        if (column == NULL || column->type != JSON_NULL)
            TRY(report_name(r, column, 0));
    }
    return ERR_OK;
}

static enum err
report_labels(const struct report_reader *r, const struct json_node *side, uint32_t *ret)
{
    const struct json_node *list = NULL;
    uint32_t labels = 0;
    TRY(json_need(r->doc, side, "labels", JSON_ARRAY, &list, r->fault));
    const struct json_node *n = json_first(r->doc, list);
    for (; n != NULL; n = json_next(r->doc, list, n)) {
        enum label label;
        if (n->type != JSON_STRING || label_find(n->text, &label) != ERR_OK)
            return json_fail(r->doc, n, ERR_NOT_FOUND, "no label", r->fault);
        if (labels >= LABEL_BIT(label))
            return json_fail(r->doc, n, ERR_DUPLICATE, "labels come in order", r->fault);
        labels |= LABEL_BIT(label);
    }
    *ret = labels;
    return ERR_OK;
}

static enum err
report_reasons(const struct report_reader *r, const struct json_node *side)
{
    const struct json_node *list = NULL;
    unsigned next = 0;
    TRY(json_need(r->doc, side, "reasons", JSON_ARRAY, &list, r->fault));
    const struct json_node *n = json_first(r->doc, list);
    for (; n != NULL; n = json_next(r->doc, list, n)) {
        if (n->type != JSON_STRING)
            return json_fail(r->doc, n, ERR_TYPE, "a reason is a word", r->fault);
        while (next < FINDINGS_REASON_COUNT && !span_eq_str(n->text, findings_reason_name(next)))
            next++;
        if (next++ >= FINDINGS_REASON_COUNT)
            return json_fail(r->doc, n, ERR_NOT_FOUND, "no reason, or not in order", r->fault);
    }
    return ERR_OK;
}

static enum err
report_coverage(const struct report_reader *r, const struct json_node *side,
                enum findings_coverage *ret)
{
    struct span text;
    TRY(json_need_str(r->doc, side, "coverage", 16, &text, r->fault));
    for (unsigned i = 0; i <= FINDINGS_OPAQUE; i++) {
        if (span_eq_str(text, findings_coverage_name((enum findings_coverage)i))) {
            *ret = (enum findings_coverage)i;
            return ERR_OK;
        }
    }
    return json_fail(r->doc, side, ERR_NOT_FOUND, "no coverage", r->fault);
}

static enum err
report_persons(const struct report_reader *r, const struct json_node *side, struct report_side *ret)
{
    static const char *const names[] = {"lower", "sensitive", "unidentified", "upper"};
    const struct json_node *persons = NULL;
    uint64_t unidentified = 0;
    TRY(json_need(r->doc, side, "persons", JSON_OBJECT, &persons, r->fault));
    TRY(json_only(r->doc, persons, names, sizeof(names) / sizeof(names[0]), r->fault));
    TRY(report_u64(r, persons, "lower", &ret->persons_lower));
    TRY(report_u64(r, persons, "sensitive", &ret->sensitive));
    TRY(report_u64(r, persons, "unidentified", &unidentified));
    return report_u64(r, persons, "upper", &ret->persons_upper);
}

static enum err
report_side_read(const struct report_reader *r, const struct json_node *node, const char *stage,
                 struct report_side *ret)
{
    static const char *const names[] = {
        "bytes",  "columns",   "contradicted", "contradictions", "coverage", "format",  "kind",
        "labels", "performed", "persons",      "reasons",        "rows",     "ruleset", "stage"};
    struct span text;
    TRY(json_only(r->doc, node, names, sizeof(names) / sizeof(names[0]), r->fault));
    TRY(json_need_str(r->doc, node, "format", 32, &text, r->fault));
    if (!span_eq_str(text, "tdz.findings/1"))
        return json_fail(r->doc, node, ERR_VERSION, "format is tdz.findings/1", r->fault);
    TRY(json_need_str(r->doc, node, "stage", 8, &text, r->fault));
    if (!span_eq_str(text, stage))
        return json_fail(r->doc, node, ERR_NOT_FOUND, "another stage", r->fault);
    TRY(json_need_str(r->doc, node, "kind", 32, &text, r->fault));
    TRY(report_columns(r, node));
    TRY(report_contradictions(r, node));
    TRY(report_reasons(r, node));
    TRY(report_labels(r, node, &ret->labels));
    TRY(report_coverage(r, node, &ret->coverage));
    TRY(report_persons(r, node, ret));
    TRY(json_need_bool(r->doc, node, "contradicted", &ret->contradicted, r->fault));
    TRY(json_need_bool(r->doc, node, "performed", &ret->performed, r->fault));
    TRY(report_u64(r, node, "bytes", &ret->bytes));
    TRY(report_u64(r, node, "rows", &ret->rows));
    TRY(report_hash(r, node, "ruleset", ret->ruleset));
    ret->present = true;
    ret->node = node;
    return ERR_OK;
}

/* The whole input is canonical, so the bytes of a value are those the writer made. */
static enum err
report_digest(const struct json_doc *doc, struct report_side *side, char *buf, size_t cap)
{
    struct canon w;
    struct span json;
    canon_init(&w, buf, cap);
    canon_node(&w, doc, side->node);
    TRY(canon_finish(&w, &json));
    return digest_sha256(json, side->digest);
}

enum err
report_read(struct span input, bool (*known)(const void *ctx, struct span name), const void *ctx,
            struct report_scratch *scratch, struct report *ret, struct fault *ret_fault)
{
    static const char *const names[] = {"bytes_in", "bytes_out", "format", "in", "out", "spec"};
    struct report_reader r = {.doc = &ret->doc, .known = known, .ctx = ctx, .fault = ret_fault};
    const struct json_node *node = NULL;
    struct span text;
    *ret = (struct report){.doc = {.nodes = scratch->nodes,
                                   .node_cap = REPORT_NODES_MAX,
                                   .text = scratch->text,
                                   .text_cap = sizeof(scratch->text)}};
    TRY(json_read(&ret->doc, input, ret_fault));
    TRY(canon_check(&ret->doc, scratch->canon, sizeof(scratch->canon)));
    const struct json_node *root = &ret->doc.nodes[0];
    if (root->type != JSON_OBJECT)
        return json_fail(&ret->doc, root, ERR_TYPE, "a report is an object", ret_fault);
    TRY(json_only(&ret->doc, root, names, sizeof(names) / sizeof(names[0]), ret_fault));
    TRY(json_need_str(&ret->doc, root, "format", 32, &text, ret_fault));
    if (!span_eq_str(text, REPORT_FORMAT))
        return json_fail(&ret->doc, root, ERR_VERSION, "format is " REPORT_FORMAT, ret_fault);
    TRY(report_u64(&r, root, "bytes_in", &ret->bytes_in));
    TRY(report_u64(&r, root, "bytes_out", &ret->bytes_out));
    TRY(report_hash(&r, root, "spec", ret->spec_hash));
    node = json_get(&ret->doc, root, "in");
    if (node == NULL)
        return json_fail(&ret->doc, root, ERR_MISSING, "in", ret_fault);
    if (node->type != JSON_NULL) {
        TRY(json_need(&ret->doc, root, "in", JSON_OBJECT, &node, ret_fault));
        TRY(report_side_read(&r, node, "in", &ret->in));
        TRY(report_digest(&ret->doc, &ret->in, scratch->canon, sizeof(scratch->canon)));
    }
    TRY(json_need(&ret->doc, root, "out", JSON_OBJECT, &node, ret_fault));
    TRY(report_side_read(&r, node, "out", &ret->out));
    return report_digest(&ret->doc, &ret->out, scratch->canon, sizeof(scratch->canon));
}

static void
report_copy(const struct json_doc *doc, const struct json_node *object, const char *key,
            struct canon *w)
{
    canon_key(w, key);
    canon_node(w, doc, json_get(doc, object, key));
}

/* Whether a column says more than that it is there: one of a type, or other than declared. */
static bool
report_telling(const struct report *r, const struct json_node *column)
{
    const struct json_node *declared = json_get(&r->doc, column, "declared");
    const struct json_node *observed = json_get(&r->doc, column, "observed");
    const struct json_node *type = json_get(&r->doc, column, "type");
    return type->type != JSON_NULL || declared->type != observed->type ||
           (declared->type == JSON_STRING && !span_eq(declared->text, observed->text));
}

/* The members of node that keys names, if they fit in what is left of *room bytes. */
static bool
report_tell(const struct json_doc *doc, const struct json_node *node, const char *const *keys,
            size_t count, size_t *room, struct canon *w)
{
    const struct canon before = *w;
    canon_object(w);
    for (size_t i = 0; i < count; i++)
        report_copy(doc, node, keys[i], w);
    canon_end(w);
    if (w->err != ERR_OK || w->len - before.len > *room) {
        *w = before;
        return false;
    }
    *room -= w->len - before.len;
    return true;
}

/* Columns in their order. Those that say something have a room of their own, so that a wide table
 * of plain ones does not crowd them out. */
static void
report_tell_columns(const struct report *r, const struct json_node *columns, struct canon *w)
{
    static const char *const keys[] = {"declared", "name", "observed", "type"};
    size_t plain = OBSERVED_PLAIN_BYTES;
    size_t telling = OBSERVED_TELLING_BYTES;
    uint64_t omitted = 0;
    canon_key(w, "columns");
    canon_array(w);
    const struct json_node *c = json_first(&r->doc, columns);
    for (; c != NULL; c = json_next(&r->doc, columns, c))
        if (!report_tell(&r->doc, c, keys, sizeof(keys) / sizeof(keys[0]),
                         report_telling(r, c) ? &telling : &plain, w))
            omitted++;
    canon_end(w);
    if (omitted > 0)
        canon_member_int(w, "columns_omitted", (int64_t)omitted);
}

static void
report_tell_contradictions(const struct report *r, const struct json_node *list, struct canon *w)
{
    static const char *const keys[] = {"column", "rule"};
    size_t room = OBSERVED_RULES_BYTES;
    const struct json_node *c = json_first(&r->doc, list);
    if (c == NULL)
        return;
    canon_key(w, "contradictions");
    canon_array(w);
    for (; c != NULL; c = json_next(&r->doc, list, c))
        if (!report_tell(&r->doc, c, keys, sizeof(keys) / sizeof(keys[0]), &room, w))
            break;
    canon_end(w);
}

void
report_observed(const struct report *r, const struct report_side *side, struct canon *w)
{
    canon_object(w);
    report_tell_columns(r, json_get(&r->doc, side->node, "columns"), w);
    report_tell_contradictions(r, json_get(&r->doc, side->node, "contradictions"), w);
    report_copy(&r->doc, side->node, "coverage", w);
    report_copy(&r->doc, side->node, "labels", w);
    canon_key(w, "persons");
    canon_object(w);
    canon_member_int(w, "lower", (int64_t)side->persons_lower);
    canon_member_int(w, "upper", (int64_t)side->persons_upper);
    canon_end(w);
    report_copy(&r->doc, side->node, "reasons", w);
    report_copy(&r->doc, side->node, "rows", w);
    canon_end(w);
}
