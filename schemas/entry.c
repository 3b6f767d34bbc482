/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/entry.h"

#include <assert.h>

#include "schemas/text.h"

/* What a member of data may be. */
enum entry_type {
    FIELD_HASH,    /* 64 hex digits */
    FIELD_WORD,    /* one of the words, or any text up to 256 bytes when there are none */
    FIELD_U64,     /* decimal in quotes */
    FIELD_INT,     /* integer from 0 on */
    FIELD_DIGESTS, /* list of "sha256:<hex>" */
    FIELD_WORDS,   /* list of texts */
    FIELD_HASHES,  /* object of hashes */
    FIELD_COUNTS,  /* object of decimals in quotes */
    FIELD_PEER,    /* {index, leaf, origin} */
    FIELD_HEX,     /* bytes in hex */
};

enum { FIELD_TEXT_MAX = 256, FIELD_LIST_MAX = 256 };

struct entry_field {
    const char *key;
    enum entry_type type;
    bool required;
    const char *words; /* separated by one space, with one at both ends */
};

static const struct entry_field genesis_fields[] = {
    {"key", FIELD_WORD, true, NULL},
    {"note", FIELD_HASH, false, NULL},
    {"origin", FIELD_WORD, true, NULL},
    {"prev", FIELD_PEER, false, NULL},
};
static const struct entry_field decision_fields[] = {
    {"bytes", FIELD_U64, false, NULL},
    {"commit", FIELD_HASHES, true, NULL},
    {"counters", FIELD_COUNTS, false, NULL},
    {"from", FIELD_WORD, true, NULL},
    {"labels", FIELD_WORDS, true, NULL},
    {"offer", FIELD_HASH, false, NULL},
    {"phase", FIELD_WORD, true, " preflight final approved "},
    {"policies", FIELD_DIGESTS, true, NULL},
    {"reason", FIELD_WORD, true, NULL},
    {"record", FIELD_HASH, true, NULL},
    {"root", FIELD_HASH, false, NULL},
    {"seal", FIELD_HASH, false, NULL},
    {"suite", FIELD_INT, false, NULL},
    {"to", FIELD_WORD, true, NULL},
    {"verdict", FIELD_WORD, true, " allow hold deny "},
};
static const struct entry_field received_fields[] = {
    {"commit", FIELD_HASHES, true, NULL}, {"peer", FIELD_PEER, false, NULL},
    {"reason", FIELD_WORD, false, NULL},  {"release", FIELD_HASH, true, NULL},
    {"seal", FIELD_HASH, true, NULL},     {"verdict", FIELD_WORD, true, " allow hold deny "},
};
static const struct entry_field settled_fields[] = {
    {"peer", FIELD_PEER, true, NULL},
    {"receipt", FIELD_HASH, true, NULL},
};
static const struct entry_field delivered_fields[] = {
    {"peer", FIELD_PEER, false, NULL},
    {"receipt", FIELD_HASH, true, NULL},
};
static const struct entry_field refused_fields[] = {
    {"by", FIELD_WORD, true, " peer operator timeout sender "},
    {"peer", FIELD_PEER, false, NULL},
    {"reason", FIELD_WORD, true, NULL},
};
static const struct entry_field opened_fields[] = {
    {"commit", FIELD_HASHES, true, NULL},
    {"day", FIELD_WORD, true, NULL},
};
static const struct entry_field erased_fields[] = {
    {"index", FIELD_INT, true, NULL},
    {"origin", FIELD_WORD, false, NULL},
};
static const struct entry_field approval_fields[] = {
    {"decision", FIELD_HASH, true, NULL},
    {"keyid", FIELD_HASH, true, NULL},
    {"note", FIELD_HASH, true, NULL},
    {"verdict", FIELD_WORD, true, " approve refuse "},
};
static const struct entry_field counter_fields[] = {
    {"action", FIELD_WORD, true, " adjust opening "},
    {"keyid", FIELD_HASH, true, NULL},
    {"known", FIELD_WORD, true, " no yes "},
    {"note", FIELD_HASH, true, NULL},
    {"pi", FIELD_WORD, true, NULL},
    {"spi", FIELD_WORD, true, NULL},
    {"year", FIELD_U64, true, NULL},
};
static const struct entry_field document_fields[] = {
    {"action", FIELD_WORD, true, " activate retire schedule "},
    {"activation", FIELD_HASH, false, NULL},
    {"epoch", FIELD_U64, true, NULL},
    {"id", FIELD_WORD, true, NULL},
    {"sha256", FIELD_HASH, true, NULL},
};
static const struct entry_field key_fields[] = {
    {"alg", FIELD_WORD, true, NULL},
    {"keyid", FIELD_HASH, true, NULL},
    {"pub", FIELD_HEX, true, NULL},
    {"role", FIELD_WORD, true, NULL},
    {"status", FIELD_WORD, true, " active retired revoked "},
};
static const struct entry_field incident_fields[] = {
    {"code", FIELD_WORD, true, NULL},
    {"detail", FIELD_WORD, false, NULL},
};

/* transfer: the kind is about one transfer and must name it. Kinds without fields are written by
 * later parts of the product; their data is any object. */
static const struct {
    const char *name;
    bool transfer;
    const struct entry_field *fields;
    size_t field_count;
} kinds[ENTRY_KIND_END] = {
#define FIELDS(list) (list), sizeof(list) / sizeof((list)[0])
    [ENTRY_OTHER] = {"other", false, NULL, 0},
    [ENTRY_GENESIS] = {"genesis", false, FIELDS(genesis_fields)},
    [ENTRY_DECISION] = {"decision", true, FIELDS(decision_fields)},
    [ENTRY_AHEAD] = {"ahead", true, NULL, 0},
    [ENTRY_RECEIVED] = {"received", true, FIELDS(received_fields)},
    [ENTRY_SETTLED] = {"settled", true, FIELDS(settled_fields)},
    [ENTRY_REFUSED] = {"refused", true, FIELDS(refused_fields)},
    [ENTRY_OPENED] = {"opened", true, FIELDS(opened_fields)},
    [ENTRY_DELIVERED] = {"delivered", true, FIELDS(delivered_fields)},
    [ENTRY_ERASED] = {"erased", true, FIELDS(erased_fields)},
    [ENTRY_APPROVAL] = {"approval", true, FIELDS(approval_fields)},
    [ENTRY_POLICY] = {"policy", false, FIELDS(document_fields)},
    [ENTRY_KEY] = {"key", false, FIELDS(key_fields)},
    [ENTRY_ROSTER] = {"roster", false, NULL, 0},
    [ENTRY_PARTNER] = {"partner", false, FIELDS(document_fields)},
    [ENTRY_AGREEMENT] = {"agreement", false, FIELDS(document_fields)},
    [ENTRY_COUNTER] = {"counter", false, FIELDS(counter_fields)},
    [ENTRY_RECONCILED] = {"reconciled", false, NULL, 0},
    [ENTRY_CANARY] = {"canary", false, NULL, 0},
    [ENTRY_SEALED] = {"sealed", false, NULL, 0},
    [ENTRY_INCIDENT] = {"incident", false, FIELDS(incident_fields)},
#undef FIELDS
};

const char *
entry_kind_name(enum entry_kind kind)
{
    return kind < ENTRY_KIND_END ? kinds[kind].name : kinds[ENTRY_OTHER].name;
}

static enum entry_kind
entry_kind_of(struct span name)
{
    for (unsigned i = ENTRY_GENESIS; i < ENTRY_KIND_END; i++)
        if (span_eq_str(name, kinds[i].name))
            return (enum entry_kind)i;
    return ENTRY_OTHER;
}

static bool
entry_word_in(struct span text, const char *words)
{
    const struct span all = span_str(words);
    if (text.len == 0 || memchr(text.ptr, ' ', text.len) != NULL)
        return false;
    for (size_t at = 0; at + text.len + 2 <= all.len; at++)
        if (all.ptr[at] == ' ' && all.ptr[at + 1 + text.len] == ' ' &&
            span_eq(span_of(all.ptr + at + 1, text.len), text))
            return true;
    return false;
}

static enum err
entry_check_hash(const struct json_node *node)
{
    uint8_t hash[ENTRY_HASH_LEN];
    if (node->type != JSON_STRING)
        return ERR_TYPE;
    return text_unhex(node->text, false, hash, sizeof(hash));
}

static enum err
entry_check_hex(const struct json_node *node)
{
    uint8_t bytes[FIELD_TEXT_MAX];
    if (node->type != JSON_STRING)
        return ERR_TYPE;
    if (node->text.len > 2 * sizeof(bytes))
        return ERR_RANGE;
    return text_unhex(node->text, false, bytes, node->text.len / 2);
}

static enum err
entry_check_u64(const struct json_node *node)
{
    uint64_t value = 0;
    if (node->type != JSON_STRING)
        return ERR_TYPE;
    return text_parse_u64(node->text, UINT64_MAX, &value);
}

static enum err
entry_check_text(const struct json_node *node, const char *words)
{
    if (node->type != JSON_STRING)
        return ERR_TYPE;
    if (node->text.len == 0 || node->text.len > FIELD_TEXT_MAX)
        return ERR_RANGE;
    return words == NULL || entry_word_in(node->text, words) ? ERR_OK : ERR_RANGE;
}

static enum err
entry_check_digest(const struct json_node *node)
{
    uint8_t hash[ENTRY_HASH_LEN];
    if (node->type != JSON_STRING)
        return ERR_TYPE;
    if (!span_starts(node->text, SPAN_LIT("sha256:")))
        return ERR_SYNTAX;
    return text_unhex(span_from(node->text, 7), false, hash, sizeof(hash));
}

static enum err
entry_check_peer(const struct json_doc *doc, const struct json_node *node)
{
    const struct json_node *member = NULL;
    int64_t index = 0;
    static const char *const names[] = {"index", "leaf", "origin"};
    if (node->type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_only(doc, node, names, 3, NULL));
    TRY(json_need_int(doc, node, "index", 0, JSON_INT_MAX, &index, NULL));
    TRY(json_need(doc, node, "leaf", JSON_STRING, &member, NULL));
    TRY(entry_check_hash(member));
    TRY(json_need(doc, node, "origin", JSON_STRING, &member, NULL));
    return entry_check_text(member, NULL);
}

/* Every element of a list, or every value of an object. */
static enum err
entry_check_all(const struct json_doc *doc, const struct json_node *node, enum entry_type type)
{
    const bool is_object = type == FIELD_HASHES || type == FIELD_COUNTS;
    if (node->type != (is_object ? JSON_OBJECT : JSON_ARRAY))
        return ERR_TYPE;
    if (node->count > FIELD_LIST_MAX)
        return ERR_RANGE;
    const struct json_node *item = json_first(doc, node);
    for (; item != NULL; item = json_next(doc, node, item)) {
        if (type == FIELD_HASHES)
            TRY(entry_check_hash(json_value(doc, item)));
        else if (type == FIELD_COUNTS)
            TRY(entry_check_u64(json_value(doc, item)));
        else if (type == FIELD_DIGESTS)
            TRY(entry_check_digest(item));
        else
            TRY(entry_check_text(item, NULL));
    }
    return ERR_OK;
}

static enum err
entry_check_field(const struct json_doc *doc, const struct json_node *node,
                  const struct entry_field *field)
{
    switch (field->type) {
    case FIELD_HASH:
        return entry_check_hash(node);
    case FIELD_WORD:
        return entry_check_text(node, field->words);
    case FIELD_U64:
        return entry_check_u64(node);
    case FIELD_INT:
        if (node->type != JSON_INT)
            return ERR_TYPE;
        return node->number < 0 ? ERR_RANGE : ERR_OK;
    case FIELD_HEX:
        return entry_check_hex(node);
    case FIELD_PEER:
        return entry_check_peer(doc, node);
    case FIELD_DIGESTS:
    case FIELD_WORDS:
    case FIELD_HASHES:
    case FIELD_COUNTS:
        return entry_check_all(doc, node, field->type);
    }
    return ERR_BUG;
}

static enum err
entry_check_data(const struct entry *entry, bool own, struct fault *ret_fault)
{
    const struct json_doc *doc = entry->doc;
    const char *names[16];
    const size_t count = kinds[entry->kind].field_count;
    assert(count <= sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < count; i++) {
        const struct entry_field *field = &kinds[entry->kind].fields[i];
        names[i] = field->key;
        const struct json_node *node = json_get(doc, entry->data, field->key);
        if (node == NULL && field->required)
            return json_fail(doc, entry->data, ERR_MISSING, field->key, ret_fault);
        const enum err err = node == NULL ? ERR_OK : entry_check_field(doc, node, field);
        if (err != ERR_OK)
            return json_fail(doc, node, err, field->key, ret_fault);
    }
    return own && count > 0 ? json_only(doc, entry->data, names, count, ret_fault) : ERR_OK;
}

static enum err
entry_read_time(const struct json_doc *doc, const struct json_node *root, int64_t *ret_ms,
                struct fault *ret_fault)
{
    struct span time;
    char again[25];
    TRY(json_need_str(doc, root, "time", 24, &time, ret_fault));
    if (text_parse_time(time, false, ret_ms) != ERR_OK || text_time_ms(*ret_ms, again) != ERR_OK ||
        !span_eq_str(time, again))
        return json_fail(doc, json_get(doc, root, "time"), ERR_SYNTAX, "time", ret_fault);
    return ERR_OK;
}

/* The members around data. */
static enum err
entry_read_head(const struct json_doc *doc, bool own, struct entry *e, struct fault *ret_fault)
{
    static const char *const names[] = {"data", "format", "kind", "n", "time", "transfer"};
    const struct json_node *root = &doc->nodes[0];
    struct span text;
    int64_t n = 0;
    if (root->type != JSON_OBJECT)
        return json_fail(doc, root, ERR_TYPE, "entry", ret_fault);
    TRY(json_need_str(doc, root, "format", 64, &text, ret_fault));
    if (!span_eq_str(text, "tdz.entry/1"))
        return json_fail(doc, json_get(doc, root, "format"), ERR_VERSION, "format", ret_fault);
    TRY(json_only(doc, root, names, 6, ret_fault));
    TRY(json_need_str(doc, root, "kind", 32, &e->kind_text, ret_fault));
    e->kind = entry_kind_of(e->kind_text);
    if (own && e->kind == ENTRY_OTHER)
        return json_fail(doc, json_get(doc, root, "kind"), ERR_UNKNOWN_FIELD, "kind", ret_fault);
    TRY(entry_read_time(doc, root, &e->time_ms, ret_fault));
    TRY(json_need(doc, root, "data", JSON_OBJECT, &e->data, ret_fault));
    e->has_n = json_get(doc, root, "n") != NULL;
    if (e->has_n)
        TRY(json_need_int(doc, root, "n", 0, ENTRY_N_MAX, &n, ret_fault));
    e->n = (uint32_t)n;
    e->has_transfer = json_get(doc, root, "transfer") != NULL;
    if (!e->has_transfer && kinds[e->kind].transfer)
        return json_fail(doc, root, ERR_MISSING, "transfer", ret_fault);
    if (!e->has_transfer)
        return ERR_OK;
    TRY(json_need_str(doc, root, "transfer", 32, &text, ret_fault));
    const enum err err = text_unhex(text, false, e->transfer, sizeof(e->transfer));
    return err == ERR_OK
               ? ERR_OK
               : json_fail(doc, json_get(doc, root, "transfer"), err, "transfer", ret_fault);
}

enum err
entry_read(struct span leaf, bool own, struct entry_scratch *scratch, struct entry *ret,
           struct fault *ret_fault)
{
    struct entry e = {.kind = ENTRY_OTHER};
    if (leaf.len > ENTRY_BYTES_MAX) {
        json_fault(leaf, 0, ERR_TOO_LARGE, "an entry is at most 16 KiB", ret_fault);
        return ERR_TOO_LARGE;
    }
    scratch->doc = (struct json_doc){.nodes = scratch->nodes,
                                     .node_cap = ENTRY_NODES_MAX,
                                     .text = scratch->text,
                                     .text_cap = sizeof(scratch->text)};
    TRY(json_read(&scratch->doc, leaf, ret_fault));
    e.doc = &scratch->doc;
    TRY(entry_read_head(e.doc, own, &e, ret_fault));
    TRY(entry_check_data(&e, own, ret_fault));
    const enum err err = canon_check(&scratch->doc, scratch->canon, sizeof(scratch->canon));
    if (err != ERR_OK)
        return json_fail(e.doc, &e.doc->nodes[0], err, "entry", ret_fault);
    *ret = e;
    return ERR_OK;
}

enum err
entry_get_str(const struct entry *entry, const char *key, struct span *ret)
{
    return json_need_str(entry->doc, entry->data, key, ENTRY_BYTES_MAX, ret, NULL);
}

enum err
entry_get_hash(const struct entry *entry, const char *key, uint8_t ret[static ENTRY_HASH_LEN])
{
    struct span text;
    TRY(entry_get_str(entry, key, &text));
    return text_unhex(text, false, ret, ENTRY_HASH_LEN);
}

enum err
entry_get_commit(const struct entry *entry, const char *field, uint8_t ret[static ENTRY_HASH_LEN])
{
    const struct json_node *commit = NULL;
    struct span text;
    TRY(json_need(entry->doc, entry->data, "commit", JSON_OBJECT, &commit, NULL));
    TRY(json_need_str(entry->doc, commit, field, 2 * ENTRY_HASH_LEN, &text, NULL));
    return text_unhex(text, false, ret, ENTRY_HASH_LEN);
}

enum err
entry_get_place(const struct entry *entry, const char *key, struct entry_place *ret)
{
    const struct json_node *place = NULL;
    struct entry_place got;
    struct span hex;
    int64_t index = 0;
    TRY(json_need(entry->doc, entry->data, key, JSON_OBJECT, &place, NULL));
    TRY(json_need_int(entry->doc, place, "index", 0, JSON_INT_MAX, &index, NULL));
    TRY(json_need_str(entry->doc, place, "leaf", 2 * ENTRY_HASH_LEN, &hex, NULL));
    TRY(text_unhex(hex, false, got.leaf, ENTRY_HASH_LEN));
    TRY(json_need_str(entry->doc, place, "origin", FIELD_TEXT_MAX, &got.origin, NULL));
    got.index = (uint64_t)index;
    *ret = got;
    return ERR_OK;
}
