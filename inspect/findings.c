/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/findings.h"

#include <assert.h>
#include <stdio.h>

#include "crypto/digest.h"
#include "inspect/inner.h"
#include "inspect/ruleset.h"

static const char *const findings_coverages[] = {
    [FINDINGS_FULL] = "full", [FINDINGS_PARTIAL] = "partial", [FINDINGS_OPAQUE] = "opaque"};

static const char *const findings_reasons[FINDINGS_REASON_COUNT] = {
    [FINDINGS_BINARY] = "binary",
    [FINDINGS_CONTROL_BYTES] = "control-bytes",
    [FINDINGS_FIELD_TOO_LONG] = "field-too-long",
    [FINDINGS_FORMAT_NOT_READ] = "format-not-read",
    [FINDINGS_HEADER_TOO_LONG] = "header-too-long",
    [FINDINGS_IRREGULAR_QUOTING] = "irregular-quoting",
    [FINDINGS_NUMBER_UNDECIDED] = "number-undecided",
    [FINDINGS_TOO_MANY_COLUMNS] = "too-many-columns",
    [FINDINGS_UNTERMINATED_QUOTE] = "unterminated-quote",
    [FINDINGS_UTF8_INVALID] = "utf8-invalid",
};

/* Index i is the rule of bit i. */
static const char *const findings_rules[FINDINGS_RULE_COUNT] = {
    "undeclared",    "class",           "identifier",  "pseudonymised",
    "ceiling-bytes", "ceiling-persons", "ceiling-rows"};

static const char *const findings_kinds[] = {
    [FINDINGS_TABLE] = "csv", [FINDINGS_TEXT] = "text", [FINDINGS_UNREAD] = "opaque"};

const char *
findings_coverage_name(enum findings_coverage coverage)
{
    assert((unsigned)coverage <= FINDINGS_OPAQUE);
    return findings_coverages[coverage];
}

const char *
findings_reason_name(unsigned reason)
{
    assert(reason < FINDINGS_REASON_COUNT);
    return findings_reasons[reason];
}

const char *
findings_rule_name(unsigned rule)
{
    assert(rule < FINDINGS_RULE_COUNT);
    return findings_rules[rule];
}

struct span
findings_column_name(const struct findings *f, const struct findings_column *column,
                     char scratch[static 8])
{
    if (column->field != FIELDSET_MAX && f->fields != NULL)
        return fieldset_name(f->fields, column->field);
    const int len = snprintf(scratch, 8, "#%u", (unsigned)column->ordinal);
    assert(len > 0 && len < 8);
    return span_of(scratch, (size_t)len);
}

const struct findings *
findings_of(const struct inspection *i)
{
    return i->mode == INNER_DONE && i->failed == ERR_OK ? &i->findings : NULL;
}

enum err
findings_as_out(const struct inspection *i, struct findings *ret)
{
    const struct findings *f = findings_of(i);
    if (f == NULL || !i->identity)
        return ERR_STATE;
    *ret = *f;
    ret->stage = INSPECTION_OUT;
    return ERR_OK;
}

enum err
findings_persons(struct inspection *i, bool sensitive, const uint64_t **ret, size_t *ret_len)
{
    if (findings_of(i) == NULL)
        return ERR_STATE;
    *ret_len = conclude_view(i, sensitive, ret);
    return ERR_OK;
}

/* A text has no columns; what was found in it is in the labels. */
static size_t
findings_columns(const struct findings *f)
{
    return f->kind == FINDINGS_TABLE ? f->column_count : 0;
}

static void
findings_label(struct canon *w, const char *key, uint8_t label)
{
    canon_key(w, key);
    if (label < LABEL_COUNT)
        canon_str(w, label_name((enum label)label));
    else
        canon_null(w);
}

static void
findings_type(struct canon *w, uint8_t ident)
{
    canon_key(w, "type");
    if (ident < IDENT_COUNT)
        canon_str(w, ident_name((enum ident)ident));
    else
        canon_null(w);
}

static void
findings_column_json(const struct findings *f, const struct findings_column *c, struct canon *w)
{
    char scratch[8];
    canon_object(w);
    canon_member_str(w, "action", transform_name((enum transform)c->action));
    canon_member_int(w, "cells", (int64_t)c->cells);
    findings_label(w, "declared", c->declared);
    canon_member_int(w, "llr_mnat", c->llr_mnat);
    canon_member_span(w, "name", findings_column_name(f, c, scratch));
    findings_label(w, "observed", c->observed);
    canon_member_int(w, "ordinal", c->ordinal);
    canon_member_int(w, "passes", (int64_t)c->passes);
    findings_type(w, c->ident);
    canon_end(w);
}

static void
findings_contradiction(struct canon *w, struct span column, unsigned rule)
{
    canon_object(w);
    canon_key(w, "column");
    if (column.len > 0)
        canon_string(w, column);
    else
        canon_null(w);
    canon_member_str(w, "rule", findings_rule_name(rule));
    canon_end(w);
}

static void
findings_contradictions(const struct findings *f, struct canon *w)
{
    char scratch[8];
    const unsigned ceilings =
        FINDINGS_CEILING_BYTES | FINDINGS_CEILING_PERSONS | FINDINGS_CEILING_ROWS;
    canon_key(w, "contradictions");
    canon_array(w);
    for (size_t k = 0; k < f->column_count; k++)
        for (unsigned rule = 0; rule < FINDINGS_RULE_COUNT; rule++)
            if (((unsigned)f->columns[k].rules & 1U << rule) != 0)
                findings_contradiction(w, findings_column_name(f, &f->columns[k], scratch), rule);
    for (unsigned rule = 0; rule < FINDINGS_RULE_COUNT; rule++)
        if (((unsigned)f->rules & ceilings & 1U << rule) != 0)
            findings_contradiction(w, span_of("", 0), rule);
    canon_end(w);
}

static void
findings_labels(const struct findings *f, struct canon *w)
{
    canon_key(w, "labels");
    canon_array(w);
    for (unsigned i = 0; i < LABEL_COUNT; i++)
        if ((f->labels & LABEL_BIT(i)) != 0)
            canon_str(w, label_name((enum label)i));
    canon_end(w);
}

static void
findings_reason_list(const struct findings *f, struct canon *w)
{
    canon_key(w, "reasons");
    canon_array(w);
    for (unsigned i = 0; i < FINDINGS_REASON_COUNT; i++)
        if ((f->reasons >> i & 1U) != 0)
            canon_str(w, findings_reasons[i]);
    canon_end(w);
}

enum err
findings_json(const struct findings *f, char *buf, size_t cap, struct span *ret_json)
{
    struct canon w;
    uint8_t ruleset[32];
    TRY(ruleset_digest(ruleset));
    canon_init(&w, buf, cap);
    canon_object(&w);
    canon_member_int(&w, "bytes", (int64_t)f->bytes);
    canon_key(&w, "columns");
    canon_array(&w);
    for (size_t k = 0; k < findings_columns(f); k++)
        findings_column_json(f, &f->columns[k], &w);
    canon_end(&w);
    canon_member_bool(&w, "contradicted", f->rules != 0);
    findings_contradictions(f, &w);
    canon_member_str(&w, "coverage", findings_coverage_name(f->coverage));
    canon_member_str(&w, "format", "tdz.findings/1");
    canon_member_str(&w, "kind", f->opaque != NULL ? f->opaque : findings_kinds[f->kind]);
    findings_labels(f, &w);
    canon_member_bool(&w, "performed", f->performed);
    canon_key(&w, "persons");
    canon_object(&w);
    canon_member_int(&w, "lower", (int64_t)f->persons_lower);
    canon_member_int(&w, "sensitive", (int64_t)f->sensitive_upper);
    canon_member_int(&w, "unidentified", (int64_t)f->unidentified);
    canon_member_int(&w, "upper", (int64_t)f->persons_upper);
    canon_end(&w);
    findings_reason_list(f, &w);
    canon_member_int(&w, "rows", (int64_t)f->rows);
    canon_member_hex(&w, "ruleset", span_of(ruleset, sizeof(ruleset)));
    canon_member_str(&w, "stage", f->stage == INSPECTION_IN ? "in" : "out");
    canon_end(&w);
    return canon_finish(&w, ret_json);
}

enum err
findings_digest(const struct findings *f, char *buf, size_t cap, uint8_t ret_digest[static 32])
{
    struct span json;
    TRY(findings_json(f, buf, cap, &json));
    return digest_sha256(json, ret_digest);
}

void
findings_observed(const struct findings *f, struct canon *w)
{
    char scratch[8];
    canon_object(w);
    canon_key(w, "columns");
    canon_array(w);
    for (size_t k = 0; k < findings_columns(f); k++) {
        const struct findings_column *c = &f->columns[k];
        canon_object(w);
        findings_label(w, "declared", c->declared);
        canon_member_span(w, "name", findings_column_name(f, c, scratch));
        findings_label(w, "observed", c->observed);
        findings_type(w, c->ident);
        canon_end(w);
    }
    canon_end(w);
    canon_member_str(w, "coverage", findings_coverage_name(f->coverage));
    findings_labels(f, w);
    canon_key(w, "persons");
    canon_object(w);
    canon_member_int(w, "lower", (int64_t)f->persons_lower);
    canon_member_int(w, "upper", (int64_t)f->persons_upper);
    canon_end(w);
    findings_reason_list(f, w);
    canon_member_int(w, "rows", (int64_t)f->rows);
    canon_end(w);
}
