/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/agreement.h"

#include "schemas/text.h"

#define AGREEMENT_DAY_MS INT64_C(86400000)

static const char *const agreement_formats[] = {"csv", "ndjson", "json", "text", "opaque"};

struct agreement_load {
    struct agreement *a;
    const struct json_doc *doc;
    struct fault *fault;
};

static enum err
agreement_stop(const struct agreement_load *l, const struct json_node *node, enum err code,
               const char *where)
{
    return json_fail(l->doc, node, code, where, l->fault);
}

static enum err
agreement_text(const struct agreement_load *l, const struct json_node *object, const char *key,
               struct span *ret)
{
    struct span text;
    TRY(json_need_str(l->doc, object, key, AGREEMENT_TEXT_MAX, &text, l->fault));
    if (text.len == 0)
        return agreement_stop(l, json_get(l->doc, object, key), ERR_RANGE, key);
    return arena_text(&l->a->arena, text, ret);
}

static enum err
agreement_name(const struct agreement_load *l, const struct json_node *object, const char *key,
               struct span *ret)
{
    TRY(agreement_text(l, object, key, ret));
    if (!vocab_is_name(*ret))
        return agreement_stop(l, json_get(l->doc, object, key), ERR_SYNTAX,
                              "a name must match [A-Za-z0-9_.-]{1,64}");
    return ERR_OK;
}

static enum err
agreement_time(const struct agreement_load *l, const struct json_node *object, const char *key,
               int64_t *ret)
{
    struct span text;
    TRY(json_need_str(l->doc, object, key, 64, &text, l->fault));
    if (text_parse_time(text, true, ret) != ERR_OK)
        return agreement_stop(l, json_get(l->doc, object, key), ERR_SYNTAX,
                              "a time is written as 2026-11-22 or 2026-11-22T00:00:00+08:00");
    return ERR_OK;
}

static enum err
agreement_zone(const struct agreement_load *l, const char *key, struct span *ret)
{
    const struct json_node *root = &l->doc->nodes[0];
    struct span text;
    TRY(json_need_str(l->doc, root, key, VOCAB_NAME_MAX, &text, l->fault));
    const uint32_t zone = vocab_zone(l->a->vocab, text);
    if (zone == VOCAB_NONE)
        return agreement_stop(l, json_get(l->doc, root, key), ERR_NOT_FOUND,
                              "this zone is not declared");
    *ret = l->a->vocab->zones[zone].name;
    return ERR_OK;
}

/* purpose and basis: where the vocabulary has an enum of that name, one of its values. */
static enum err
agreement_word(const struct agreement_load *l, const char *key, struct span *ret)
{
    TRY(agreement_text(l, &l->doc->nodes[0], key, ret));
    const struct vocab_attr *attr = vocab_attr(l->a->vocab, span_str(key));
    if (attr != NULL && attr->type == VOCAB_ENUM && !vocab_has_value(attr, *ret))
        return agreement_stop(l, json_get(l->doc, &l->doc->nodes[0], key), ERR_NOT_FOUND,
                              "not a value of this attribute");
    return ERR_OK;
}

static enum err
agreement_joined(const struct agreement_load *l, struct span kind, struct span tail,
                 struct span *ret)
{
    const struct span head = SPAN_LIT("evidence.");
    uint8_t *name = arena_take(&l->a->arena, head.len + kind.len + tail.len, 1);
    if (name == NULL)
        return ERR_NOMEM;
    memcpy(name, head.ptr, head.len);
    memcpy(name + head.len, kind.ptr, kind.len);
    memcpy(name + head.len + kind.len, tail.ptr, tail.len);
    *ret = span_of(name, head.len + kind.len + tail.len);
    return ERR_OK;
}

static enum err
agreement_read_evidence(const struct agreement_load *l, const struct json_node *node,
                        struct agreement_evidence *e)
{
    static const char *const fields[] = {"kind",    "ref",   "sha256",  "issued",
                                         "expires", "scope", "envelope"};
    const struct json_node *envelope = NULL;
    const struct span head = SPAN_LIT("sha256:");
    struct span hash;
    if (node->type != JSON_OBJECT)
        return agreement_stop(l, node, ERR_TYPE, "evidence is an object");
    TRY(json_only(l->doc, node, fields, 7, l->fault));
    TRY(agreement_name(l, node, "kind", &e->kind));
    TRY(agreement_text(l, node, "ref", &e->ref));
    TRY(agreement_text(l, node, "scope", &e->scope));
    TRY(json_need_str(l->doc, node, "sha256", 128, &hash, l->fault));
    if (!span_starts(hash, head) ||
        text_unhex(span_from(hash, head.len), false, e->sha256, 32) != ERR_OK)
        return agreement_stop(l, json_get(l->doc, node, "sha256"), ERR_SYNTAX,
                              "a hash is sha256: and 64 lower-case hex digits");
    TRY(agreement_time(l, node, "issued", &e->issued_ms));
    TRY(agreement_time(l, node, "expires", &e->expires_ms));
    if (e->expires_ms <= e->issued_ms)
        return agreement_stop(l, json_get(l->doc, node, "expires"), ERR_CONFLICT,
                              "it expires before it is issued");
    envelope = json_get(l->doc, node, "envelope");
    e->has_envelope = envelope != NULL;
    if (e->has_envelope)
        TRY(envelope_read(&l->a->arena, l->doc, envelope, &e->envelope, l->fault));
    TRY(agreement_joined(l, e->kind, SPAN_LIT(".age_days"), &e->age_name));
    return agreement_joined(l, e->kind, SPAN_LIT(".days_left"), &e->left_name);
}

static enum err
agreement_read_evidences(const struct agreement_load *l)
{
    struct agreement *a = l->a;
    const struct json_node *list = NULL;
    TRY(json_need(l->doc, &l->doc->nodes[0], "evidence", JSON_ARRAY, &list, l->fault));
    if (list->count > AGREEMENT_EVIDENCE_MAX)
        return agreement_stop(l, list, ERR_FULL, "more than 32 pieces of evidence");
    a->evidence = arena_take(&a->arena, list->count, sizeof(*a->evidence));
    if (a->evidence == NULL)
        return ERR_NOMEM;
    const struct json_node *n = json_first(l->doc, list);
    for (; n != NULL; n = json_next(l->doc, list, n))
        TRY(agreement_read_evidence(l, n, &a->evidence[a->evidence_count++]));
    return ERR_OK;
}

static enum err
agreement_read_ceilings(const struct agreement_load *l)
{
    static const char *const fields[] = {"bytes", "rows", "persons"};
    struct agreement *a = l->a;
    int64_t *const values[] = {&a->bytes_max, &a->rows_max, &a->persons_max};
    const struct json_node *object = NULL;
    TRY(json_need(l->doc, &l->doc->nodes[0], "ceilings", JSON_OBJECT, &object, l->fault));
    TRY(json_only(l->doc, object, fields, 3, l->fault));
    for (size_t i = 0; i < 3; i++) {
        *values[i] = AGREEMENT_NO_CEILING;
        if (json_get(l->doc, object, fields[i]) != NULL)
            TRY(json_need_int(l->doc, object, fields[i], 0, JSON_INT_MAX, values[i], l->fault));
    }
    return ERR_OK;
}

static enum err
agreement_read_field(const struct agreement_load *l, const struct json_node *node,
                     struct agreement_field *f)
{
    static const char *const fields[] = {"name",          "type",          "x-class",
                                         "x-identifier",  "pseudonymised", "description",
                                         "x-legal-basis", "x-purpose"};
    struct agreement *a = l->a;
    struct span text;
    if (node->type != JSON_OBJECT)
        return agreement_stop(l, node, ERR_TYPE, "a field is an object");
    TRY(json_only(l->doc, node, fields, sizeof(fields) / sizeof(fields[0]), l->fault));
    TRY(json_may_str(l->doc, node, "description", VOCAB_NOTE_MAX, l->fault));
    TRY(json_may_str(l->doc, node, "x-legal-basis", VOCAB_NOTE_MAX, l->fault));
    TRY(json_may_str(l->doc, node, "x-purpose", VOCAB_NOTE_MAX, l->fault));
    TRY(agreement_text(l, node, "name", &f->name));
    TRY(agreement_text(l, node, "type", &f->type));
    TRY(json_need_str(l->doc, node, "x-class", VOCAB_NAME_MAX, &text, l->fault));
    const uint32_t class = vocab_class(a->vocab, text);
    if (class == VOCAB_NONE)
        return agreement_stop(l, json_get(l->doc, node, "x-class"), ERR_NOT_FOUND,
                              "this class is not declared");
    f->class = a->vocab->classes[class].name;
    if (json_get(l->doc, node, "x-identifier") != NULL)
        TRY(agreement_name(l, node, "x-identifier", &f->identifier));
    if (json_get(l->doc, node, "pseudonymised") != NULL)
        TRY(json_need_bool(l->doc, node, "pseudonymised", &f->pseudonymised, l->fault));
    for (size_t i = 0; i < a->field_count; i++)
        if (span_eq(a->fields[i].name, f->name))
            return agreement_stop(l, json_get(l->doc, node, "name"), ERR_DUPLICATE,
                                  "another field has this name");
    return ERR_OK;
}

static enum err
agreement_read_schema(const struct agreement_load *l)
{
    static const char *const fields[] = {"format", "fields", "additional"};
    struct agreement *a = l->a;
    const struct json_node *schema = NULL;
    const struct json_node *list = NULL;
    struct span text;
    size_t format = 0;
    TRY(json_need(l->doc, &l->doc->nodes[0], "schema", JSON_OBJECT, &schema, l->fault));
    TRY(json_only(l->doc, schema, fields, 3, l->fault));
    TRY(json_need_str(l->doc, schema, "format", 32, &text, l->fault));
    while (format < 5 && !span_eq_str(text, agreement_formats[format]))
        format++;
    if (format == 5)
        return agreement_stop(l, json_get(l->doc, schema, "format"), ERR_NOT_FOUND,
                              "format is csv, ndjson, json, text or opaque");
    a->format = (enum agreement_format)format;
    TRY(json_need_str(l->doc, schema, "additional", 32, &text, l->fault));
    a->additional = span_eq_str(text, "allow");
    if (!a->additional && !span_eq_str(text, "refuse"))
        return agreement_stop(l, json_get(l->doc, schema, "additional"), ERR_NOT_FOUND,
                              "additional is refuse or allow");
    TRY(json_need(l->doc, schema, "fields", JSON_ARRAY, &list, l->fault));
    if (list->count > AGREEMENT_FIELDS_MAX)
        return agreement_stop(l, list, ERR_FULL, "more fields than the limit of 1024");
    a->fields = arena_take(&a->arena, list->count, sizeof(*a->fields));
    if (a->fields == NULL)
        return ERR_NOMEM;
    const struct json_node *n = json_first(l->doc, list);
    for (; n != NULL; n = json_next(l->doc, list, n)) {
        TRY(agreement_read_field(l, n, &a->fields[a->field_count]));
        a->field_count++;
    }
    return ERR_OK;
}

/* Parties, words and dates. */
static enum err
agreement_read_head(const struct agreement_load *l)
{
    const struct json_node *root = &l->doc->nodes[0];
    struct agreement *a = l->a;
    struct span text;
    TRY(agreement_name(l, root, "id", &a->id));
    TRY(agreement_zone(l, "from", &a->from));
    TRY(agreement_zone(l, "to", &a->to));
    if (span_eq(a->from, a->to))
        return agreement_stop(l, json_get(l->doc, root, "to"), ERR_CONFLICT,
                              "from and to are one zone");
    TRY(agreement_name(l, root, "sender", &a->sender));
    TRY(agreement_name(l, root, "recipient", &a->recipient));
    TRY(agreement_word(l, "purpose", &a->purpose));
    TRY(agreement_word(l, "basis", &a->basis));
    TRY(json_need_str(l->doc, root, "release_mode", 32, &text, l->fault));
    a->key_last = span_eq_str(text, "key-last");
    if (!a->key_last && !span_eq_str(text, "hold"))
        return agreement_stop(l, json_get(l->doc, root, "release_mode"), ERR_NOT_FOUND,
                              "release_mode is hold or key-last");
    TRY(agreement_time(l, root, "valid_from", &a->valid_from_ms));
    TRY(agreement_time(l, root, "valid_to", &a->valid_to_ms));
    if (a->valid_to_ms <= a->valid_from_ms)
        return agreement_stop(l, json_get(l->doc, root, "valid_to"), ERR_CONFLICT,
                              "it ends before it begins");
    return ERR_OK;
}

static enum err
agreement_read_doc(const struct agreement_load *l)
{
    static const char *const fields[] = {"format",       "id",         "from",     "to",
                                         "sender",       "recipient",  "purpose",  "basis",
                                         "release_mode", "valid_from", "valid_to", "facts",
                                         "evidence",     "ceilings",   "schema",   "note"};
    const struct json_node *root = &l->doc->nodes[0];
    const struct json_node *facts = NULL;
    struct agreement *a = l->a;
    struct span text;
    if (root->type != JSON_OBJECT)
        return agreement_stop(l, root, ERR_TYPE, "an agreement is an object");
    TRY(json_need_str(l->doc, root, "format", 64, &text, l->fault));
    if (!span_eq_str(text, "tdz.agreement/1"))
        return agreement_stop(l, json_get(l->doc, root, "format"), ERR_VERSION,
                              "format must be tdz.agreement/1");
    TRY(json_only(l->doc, root, fields, sizeof(fields) / sizeof(fields[0]), l->fault));
    TRY(json_may_str(l->doc, root, "note", VOCAB_NOTE_MAX, l->fault));
    TRY(agreement_read_head(l));
    TRY(json_need(l->doc, root, "facts", JSON_OBJECT, &facts, l->fault));
    TRY(facts_load(&a->arena, a->vocab, l->doc, facts, &a->facts, &a->fact_count, l->fault));
    TRY(agreement_read_evidences(l));
    TRY(agreement_read_ceilings(l));
    return agreement_read_schema(l);
}

enum err
agreement_read(struct agreement *a, const struct vocab *v, struct span input,
               const uint8_t sha256[static 32], struct fault *ret_fault)
{
    struct json_doc doc;
    *a = (struct agreement){.vocab = v};
    arena_init(&a->arena);
    memcpy(a->sha256, sha256, sizeof(a->sha256));
    TRY(json_load(&doc, input, ret_fault));
    const struct agreement_load load = {.a = a, .doc = &doc, .fault = ret_fault};
    enum err err = agreement_read_doc(&load);
    if (err == ERR_OK)
        err = arena_text(&a->arena, input, &a->bytes);
    json_free(&doc);
    if (err != ERR_OK)
        agreement_finish(a);
    return err;
}

void
agreement_finish(struct agreement *a)
{
    arena_finish(&a->arena);
    *a = (struct agreement){0};
}

enum err
agreement_check_valid(const struct agreement *a, int64_t now_ms, int64_t margin_ms)
{
    if (now_ms < a->valid_from_ms)
        return ERR_NOT_YET;
    return a->valid_to_ms - margin_ms <= now_ms ? ERR_EXPIRED : ERR_OK;
}

/* Whole days, downward also below zero. */
static int64_t
agreement_days(int64_t ms)
{
    return ms >= 0 ? ms / AGREEMENT_DAY_MS : -((-ms + AGREEMENT_DAY_MS - 1) / AGREEMENT_DAY_MS);
}

/* True if another piece of the same kind, issued by now, is valid longer than evidence index. */
static bool
agreement_is_outlived(const struct agreement *a, size_t index, int64_t now_ms)
{
    const struct agreement_evidence *e = &a->evidence[index];
    for (size_t i = 0; i < a->evidence_count; i++) {
        const struct agreement_evidence *other = &a->evidence[i];
        if (i == index || !span_eq(other->kind, e->kind) || other->issued_ms > now_ms)
            continue;
        if (other->expires_ms > e->expires_ms || (other->expires_ms == e->expires_ms && i < index))
            return true;
    }
    return false;
}

/* Whole days that the evidence remains valid after the margin; negative: it has expired. */
static int64_t
agreement_days_left(const struct agreement_evidence *e, int64_t now_ms, int64_t margin_ms)
{
    return agreement_days(e->expires_ms - now_ms - margin_ms - 1);
}

/* True if the evidence is issued and of its kind the one that counts. */
static bool
agreement_counts(const struct agreement *a, size_t index, int64_t now_ms)
{
    return a->evidence[index].issued_ms <= now_ms && !agreement_is_outlived(a, index, now_ms);
}

const struct agreement_evidence *
agreement_debit(const struct agreement *a, size_t index, int64_t now_ms, int64_t margin_ms)
{
    const struct agreement_evidence *e = &a->evidence[index];
    if (!e->has_envelope || e->envelope.persons_max == ENVELOPE_NO_CEILING ||
        !agreement_counts(a, index, now_ms) || agreement_days_left(e, now_ms, margin_ms) < 0)
        return NULL;
    return e;
}

/* True if nothing that this agreement lets go is outside the envelope. */
static bool
agreement_is_within(const struct agreement *a, const struct envelope *e)
{
    bool within = !a->additional && envelope_list_has(&e->purposes, a->purpose) &&
                  envelope_list_has(&e->recipients, a->recipient);
    for (size_t i = 0; within && i < a->field_count; i++)
        within = envelope_list_has(&e->fields, a->fields[i].name);
    return within;
}

static enum err
agreement_fact_text(const struct agreement *a, struct facts *f, const char *name, struct span value,
                    enum vocab_source source)
{
    const struct vocab_attr *attr = vocab_attr(a->vocab, span_str(name));
    return attr == NULL ? ERR_OK : facts_text(f, attr->name, value, source);
}

static enum err
agreement_fact_int(const struct agreement *a, struct facts *f, struct span name, int64_t value,
                   enum vocab_source source)
{
    return vocab_attr(a->vocab, name) == NULL ? ERR_OK : facts_int(f, name, value, source);
}

static enum err
agreement_fact_envelopes(const struct agreement *a, int64_t now_ms, int64_t margin_ms,
                         struct facts *f)
{
    bool within = true;
    bool debits = false;
    for (size_t i = 0; i < a->evidence_count; i++) {
        const struct agreement_evidence *e = &a->evidence[i];
        debits = debits || agreement_debit(a, i, now_ms, margin_ms) != NULL;
        if (e->has_envelope && agreement_counts(a, i, now_ms) &&
            agreement_days_left(e, now_ms, margin_ms) >= 0)
            within = within && agreement_is_within(a, &e->envelope);
    }
    if (vocab_attr(a->vocab, SPAN_LIT("envelope.within")) != NULL)
        TRY(facts_bool(f, SPAN_LIT("envelope.within"), within, VOCAB_ROUTE));
    return debits ? ERR_OK
                  : agreement_fact_int(a, f, SPAN_LIT("envelope.persons_left"), JSON_INT_MAX,
                                       VOCAB_GATEWAY);
}

enum err
agreement_facts(const struct agreement *a, int64_t now_ms, int64_t margin_ms, struct facts *f)
{
    TRY(facts_text(f, SPAN_LIT("to"), a->to, VOCAB_ROUTE));
    TRY(agreement_fact_text(a, f, "agreement", a->id, VOCAB_ROUTE));
    TRY(agreement_fact_text(a, f, "exporter.id", a->sender, VOCAB_ROUTE));
    TRY(agreement_fact_text(a, f, "recipient.id", a->recipient, VOCAB_ROUTE));
    TRY(agreement_fact_text(a, f, "purpose", a->purpose, VOCAB_REGISTER));
    TRY(agreement_fact_text(a, f, "basis", a->basis, VOCAB_REGISTER));
    TRY(facts_apply(f, a->facts, a->fact_count, SPAN_LIT("")));
    for (size_t i = 0; i < a->evidence_count; i++) {
        const struct agreement_evidence *e = &a->evidence[i];
        if (!agreement_counts(a, i, now_ms))
            continue;
        TRY(agreement_fact_int(a, f, e->age_name, agreement_days(now_ms - e->issued_ms),
                               VOCAB_ROUTE));
        TRY(agreement_fact_int(a, f, e->left_name, agreement_days_left(e, now_ms, margin_ms),
                               VOCAB_ROUTE));
    }
    return agreement_fact_envelopes(a, now_ms, margin_ms, f);
}

enum err
agreement_labels(const struct agreement *a, struct facts *f)
{
    for (size_t i = 0; i < a->field_count; i++)
        TRY(facts_label(f, a->fields[i].class));
    if (a->additional || a->field_count == 0)
        TRY(facts_label(f, SPAN_LIT("business")));
    if (a->format == AGREEMENT_OPAQUE)
        TRY(facts_label(f, SPAN_LIT("opaque")));
    return ERR_OK;
}
