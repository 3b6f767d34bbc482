/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/manifest.h"

#include "schemas/text.h"

#define MANIFEST_SCHEMA "tdz.manifest/1"

enum { MANIFEST_NAME_MAX = 64, MANIFEST_DATASET_MAX = 255 };

static bool
manifest_in_range(const struct manifest *m)
{
    if (m->label_count == 0 || m->label_count > MANIFEST_LABELS_MAX)
        return false;
    if (m->recipient_count == 0 || m->recipient_count > MANIFEST_RECIPIENTS_MAX)
        return false;
    if (m->suite != 1 && m->suite != 2)
        return false;
    if (m->created < 0 || m->not_after <= m->created ||
        m->not_after - m->created > MANIFEST_LIFE_MAX_S)
        return false;
    return m->plaintext_len >= MANIFEST_LENGTH_UNKNOWN && m->dataset.len > 0 &&
           m->dataset.len <= MANIFEST_DATASET_MAX && m->facts.len > 0 && m->performed.len > 0;
}

/* The label that follows after in byte order; NULL after the last. */
static const struct span *
manifest_next_label(const struct manifest *m, const struct span *after)
{
    const struct span *best = NULL;
    for (size_t i = 0; i < m->label_count; i++) {
        if (after != NULL && span_cmp(m->label[i], *after) <= 0)
            continue;
        if (best == NULL || span_cmp(m->label[i], *best) < 0)
            best = &m->label[i];
    }
    return best;
}

static void
manifest_write_labels(const struct manifest *m, struct canon *w)
{
    canon_key(w, "label");
    canon_array(w);
    const struct span *label = manifest_next_label(m, NULL);
    for (; label != NULL; label = manifest_next_label(m, label))
        canon_string(w, *label);
    canon_end(w);
}

enum err
manifest_write(const struct manifest *m, char *buf, size_t cap, struct span *ret)
{
    struct canon w;
    if (!manifest_in_range(m))
        return ERR_RANGE;
    canon_init(&w, buf, cap);
    canon_object(&w);
    canon_member_span(&w, "agreement", m->agreement);
    canon_member_bool(&w, "ciphertext_ahead", m->ciphertext_ahead);
    canon_member_int(&w, "created", m->created);
    canon_member_span(&w, "dataset", m->dataset);
    canon_member_span(&w, "dst", m->dst);
    canon_key(&w, "facts");
    canon_raw(&w, m->facts);
    manifest_write_labels(m, &w);
    canon_member_span(&w, "legal_basis", m->legal_basis);
    canon_member_int(&w, "not_after", m->not_after);
    canon_key(&w, "performed");
    canon_raw(&w, m->performed);
    if (m->plaintext_len != MANIFEST_LENGTH_UNKNOWN)
        canon_member_int(&w, "plaintext_len", m->plaintext_len);
    canon_member_hex(&w, "policy_hash", span_of(m->policy_hash, 32));
    canon_key(&w, "recipients");
    canon_array(&w);
    for (size_t i = 0; i < m->recipient_count; i++)
        canon_hex(&w, span_of(m->recipient[i], 32));
    canon_end(&w);
    canon_member_hex(&w, "ruleset_hash", span_of(m->ruleset_hash, 32));
    canon_member_str(&w, "schema", MANIFEST_SCHEMA);
    canon_member_hex(&w, "schema_id", span_of(m->schema_id, 32));
    canon_member_span(&w, "sender", m->sender);
    canon_member_span(&w, "src", m->src);
    canon_member_int(&w, "suite", m->suite);
    canon_member_hex(&w, "transfer", span_of(m->transfer, 16));
    canon_end(&w);
    return canon_finish(&w, ret);
}

/* A required text of 1..max bytes. */
static enum err
manifest_text(const struct json_doc *doc, const char *key, size_t max, struct span *ret,
              struct fault *ret_fault)
{
    TRY(json_need_str(doc, &doc->nodes[0], key, max, ret, ret_fault));
    if (ret->len == 0)
        return json_fail(doc, json_get(doc, &doc->nodes[0], key), ERR_RANGE, key, ret_fault);
    return ERR_OK;
}

static enum err
manifest_hex(const struct json_doc *doc, const struct json_node *node, uint8_t *out, size_t len,
             struct fault *ret_fault)
{
    if (node->type != JSON_STRING)
        return json_fail(doc, node, ERR_TYPE, "lower-case hex must be here", ret_fault);
    if (text_unhex(node->text, false, out, len) != ERR_OK)
        return json_fail(doc, node, ERR_SYNTAX, "lower-case hex of the right length must be here",
                         ret_fault);
    return ERR_OK;
}

static enum err
manifest_hash(const struct json_doc *doc, const char *key, uint8_t *out, size_t len,
              struct fault *ret_fault)
{
    const struct json_node *node = NULL;
    TRY(json_need(doc, &doc->nodes[0], key, JSON_STRING, &node, ret_fault));
    return manifest_hex(doc, node, out, len, ret_fault);
}

static enum err
manifest_read_labels(const struct json_doc *doc, struct manifest *m, struct fault *ret_fault)
{
    const struct json_node *list = NULL;
    TRY(json_need(doc, &doc->nodes[0], "label", JSON_ARRAY, &list, ret_fault));
    if (list->count == 0)
        return json_fail(doc, list, ERR_RANGE, "label", ret_fault);
    if (list->count > MANIFEST_LABELS_MAX)
        return json_fail(doc, list, ERR_FULL, "more than 64 labels", ret_fault);
    const struct json_node *n = json_first(doc, list);
    for (; n != NULL; n = json_next(doc, list, n)) {
        if (n->type != JSON_STRING)
            return json_fail(doc, n, ERR_TYPE, "a label is a string", ret_fault);
        if (n->text.len == 0 || n->text.len > MANIFEST_NAME_MAX)
            return json_fail(doc, n, ERR_RANGE, "a label has 1 to 64 bytes", ret_fault);
        const int order =
            m->label_count == 0 ? -1 : span_cmp(m->label[m->label_count - 1], n->text);
        if (order == 0)
            return json_fail(doc, n, ERR_DUPLICATE, "this label occurs twice", ret_fault);
        if (order > 0)
            return json_fail(doc, n, ERR_NOT_CANONICAL, "labels are sorted", ret_fault);
        m->label[m->label_count++] = n->text;
    }
    return ERR_OK;
}

static enum err
manifest_read_recipients(const struct json_doc *doc, struct manifest *m, struct fault *ret_fault)
{
    const struct json_node *list = NULL;
    TRY(json_need(doc, &doc->nodes[0], "recipients", JSON_ARRAY, &list, ret_fault));
    if (list->count == 0)
        return json_fail(doc, list, ERR_RANGE, "recipients", ret_fault);
    if (list->count > MANIFEST_RECIPIENTS_MAX)
        return json_fail(doc, list, ERR_FULL, "more than 4 recipients", ret_fault);
    const struct json_node *n = json_first(doc, list);
    for (; n != NULL; n = json_next(doc, list, n)) {
        TRY(manifest_hex(doc, n, m->recipient[m->recipient_count], 32, ret_fault));
        m->recipient_count++;
    }
    return ERR_OK;
}

/* Times, sizes and switches. */
static enum err
manifest_read_numbers(const struct json_doc *doc, struct manifest *m, struct fault *ret_fault)
{
    const struct json_node *root = &doc->nodes[0];
    int64_t suite = 0;
    TRY(json_need_int(doc, root, "created", 0, JSON_INT_MAX, &m->created, ret_fault));
    TRY(json_need_int(doc, root, "not_after", 0, JSON_INT_MAX, &m->not_after, ret_fault));
    if (m->not_after <= m->created || m->not_after - m->created > MANIFEST_LIFE_MAX_S)
        return json_fail(doc, json_get(doc, root, "not_after"), ERR_RANGE,
                         "not_after is within 30 days after created", ret_fault);
    TRY(json_need_int(doc, root, "suite", 1, 2, &suite, ret_fault));
    m->suite = (uint8_t)suite;
    m->plaintext_len = MANIFEST_LENGTH_UNKNOWN;
    if (json_get(doc, root, "plaintext_len") != NULL)
        TRY(json_need_int(doc, root, "plaintext_len", 0, JSON_INT_MAX, &m->plaintext_len,
                          ret_fault));
    return json_need_bool(doc, root, "ciphertext_ahead", &m->ciphertext_ahead, ret_fault);
}

static enum err
manifest_read_texts(const struct json_doc *doc, struct manifest *m, struct fault *ret_fault)
{
    TRY(manifest_hash(doc, "transfer", m->transfer, sizeof(m->transfer), ret_fault));
    TRY(manifest_hash(doc, "schema_id", m->schema_id, 32, ret_fault));
    TRY(manifest_hash(doc, "ruleset_hash", m->ruleset_hash, 32, ret_fault));
    TRY(manifest_hash(doc, "policy_hash", m->policy_hash, 32, ret_fault));
    TRY(manifest_text(doc, "src", MANIFEST_NAME_MAX, &m->src, ret_fault));
    TRY(manifest_text(doc, "dst", MANIFEST_NAME_MAX, &m->dst, ret_fault));
    TRY(manifest_text(doc, "dataset", MANIFEST_DATASET_MAX, &m->dataset, ret_fault));
    TRY(manifest_text(doc, "agreement", MANIFEST_NAME_MAX, &m->agreement, ret_fault));
    TRY(manifest_text(doc, "sender", MANIFEST_NAME_MAX, &m->sender, ret_fault));
    return manifest_text(doc, "legal_basis", 256, &m->legal_basis, ret_fault);
}

enum err
manifest_read(const struct json_doc *doc, struct manifest *ret, const struct json_node **ret_facts,
              const struct json_node **ret_performed, struct fault *ret_fault)
{
    static const char *const fields[] = {
        "agreement",   "ciphertext_ahead", "created",      "dataset",   "dst",    "facts",
        "label",       "legal_basis",      "not_after",    "performed", "schema", "plaintext_len",
        "policy_hash", "recipients",       "ruleset_hash", "schema_id", "sender", "src",
        "suite",       "transfer"};
    const struct json_node *root = &doc->nodes[0];
    const struct json_node *facts = NULL;
    const struct json_node *performed = NULL;
    struct manifest m = {0};
    struct span schema;
    if (root->type != JSON_OBJECT)
        return json_fail(doc, root, ERR_TYPE, "a manifest is an object", ret_fault);
    TRY(json_need_str(doc, root, "schema", MANIFEST_NAME_MAX, &schema, ret_fault));
    if (!span_eq_str(schema, MANIFEST_SCHEMA))
        return json_fail(doc, json_get(doc, root, "schema"), ERR_VERSION,
                         "schema is " MANIFEST_SCHEMA, ret_fault);
    TRY(json_only(doc, root, fields, sizeof(fields) / sizeof(fields[0]), ret_fault));
    TRY(manifest_read_texts(doc, &m, ret_fault));
    TRY(manifest_read_labels(doc, &m, ret_fault));
    TRY(manifest_read_recipients(doc, &m, ret_fault));
    TRY(manifest_read_numbers(doc, &m, ret_fault));
    TRY(json_need(doc, root, "facts", JSON_OBJECT, &facts, ret_fault));
    TRY(json_need(doc, root, "performed", JSON_OBJECT, &performed, ret_fault));
    *ret = m;
    *ret_facts = facts;
    *ret_performed = performed;
    return ERR_OK;
}
