/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/trust.h"

#include "schemas/text.h"

enum { VKEY_TEXT_MAX = 4096, PEM_MAX = 256 * 1024, WORD_MAX = 160, PUB_HEX_MAX = 4096 };

static const char *const role_names[] = {"gateway", "release", "kem", "operator"};

static enum err
read_strings(const struct json_doc *doc, const struct json_node *object, const char *key,
             struct span *out, size_t cap, size_t *ret_count, struct fault *ret_fault)
{
    const struct json_node *list = NULL;
    size_t count = 0;
    TRY(json_need(doc, object, key, JSON_ARRAY, &list, ret_fault));
    const struct json_node *item = json_first(doc, list);
    for (; item != NULL; item = json_next(doc, list, item)) {
        if (count == cap)
            return json_fail(doc, item, ERR_FULL, key, ret_fault);
        if (item->type != JSON_STRING)
            return json_fail(doc, item, ERR_TYPE, key, ret_fault);
        if (item->text.len == 0 || item->text.len > VKEY_TEXT_MAX)
            return json_fail(doc, item, ERR_RANGE, key, ret_fault);
        out[count++] = item->text;
    }
    *ret_count = count;
    return ERR_OK;
}

/* A time is Unix seconds or RFC 3339 text. */
static enum err
read_time(const struct json_doc *doc, const struct json_node *object, const char *key, int64_t *ret,
          struct fault *ret_fault)
{
    const struct json_node *node = json_get(doc, object, key);
    int64_t ms = 0;
    if (node == NULL)
        return json_fail(doc, object, ERR_MISSING, key, ret_fault);
    if (node->type == JSON_INT) {
        *ret = node->number;
        return ERR_OK;
    }
    if (node->type != JSON_STRING)
        return json_fail(doc, node, ERR_TYPE, key, ret_fault);
    const enum err err = text_parse_time(node->text, true, &ms);
    if (err != ERR_OK)
        return json_fail(doc, node, err, key, ret_fault);
    *ret = ms / 1000;
    return ERR_OK;
}

static enum err
read_role(const struct json_doc *doc, const struct json_node *object, enum trust_role *ret,
          struct fault *ret_fault)
{
    struct span text;
    TRY(json_need_str(doc, object, "role", WORD_MAX, &text, ret_fault));
    for (unsigned i = 0; i < 4; i++) {
        if (span_eq_str(text, role_names[i])) {
            *ret = (enum trust_role)i;
            return ERR_OK;
        }
    }
    return json_fail(doc, json_get(doc, object, "role"), ERR_RANGE, "role", ret_fault);
}

/* A word that is none of these is refused: a misspelt "revoked" must not let a key count. */
static enum err
read_status(const struct json_doc *doc, const struct json_node *object, enum trust_status *ret,
            struct fault *ret_fault)
{
    static const char *const words[] = {
        [TRUST_ACTIVE] = "active", [TRUST_RETIRED] = "retired", [TRUST_REVOKED] = "revoked"};
    struct span text;
    TRY(json_need_str(doc, object, "status", WORD_MAX, &text, ret_fault));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (span_eq_str(text, words[i])) {
            *ret = (enum trust_status)i;
            return ERR_OK;
        }
    }
    return json_fail(doc, json_get(doc, object, "status"), ERR_RANGE,
                     "status must be active, retired or revoked", ret_fault);
}

/* The roles of an operator; other keys have none. */
static enum err
read_roles(const struct json_doc *doc, const struct json_node *node, struct trust_key *key,
           struct fault *ret_fault)
{
    const struct json_node *list = json_get(doc, node, "roles");
    if (list == NULL)
        return ERR_OK;
    if (list->type != JSON_ARRAY || key->role != TRUST_OPERATOR)
        return json_fail(doc, list, ERR_TYPE, "roles", ret_fault);
    if (list->count > TRUST_KEY_ROLES_MAX)
        return json_fail(doc, list, ERR_FULL, "roles", ret_fault);
    const struct json_node *item = json_first(doc, list);
    for (; item != NULL; item = json_next(doc, list, item)) {
        if (item->type != JSON_STRING)
            return json_fail(doc, item, ERR_TYPE, "roles", ret_fault);
        if (item->text.len == 0 || item->text.len > WORD_MAX)
            return json_fail(doc, item, ERR_RANGE, "roles", ret_fault);
    }
    key->roles = list;
    return ERR_OK;
}

static enum err
read_key(const struct json_doc *doc, const struct json_node *node, struct trust_key *ret,
         struct fault *ret_fault)
{
    static const char *const names[] = {"role",      "alg",    "keyid",      "pub",  "name",
                                        "not_after", "status", "not_before", "roles"};
    struct trust_key key = {.role = TRUST_GATEWAY};
    struct span text;
    if (node->type != JSON_OBJECT)
        return json_fail(doc, node, ERR_TYPE, "keys", ret_fault);
    TRY(json_only(doc, node, names, 9, ret_fault));
    TRY(read_role(doc, node, &key.role, ret_fault));
    TRY(json_need_str(doc, node, "alg", WORD_MAX, &key.alg, ret_fault));
    TRY(json_need_str(doc, node, "keyid", 64, &text, ret_fault));
    enum err err = text_unhex(text, false, key.keyid, sizeof(key.keyid));
    if (err != ERR_OK)
        return json_fail(doc, json_get(doc, node, "keyid"), err, "keyid", ret_fault);
    TRY(json_need_str(doc, node, "pub", PUB_HEX_MAX, &key.pub, ret_fault));
    for (size_t i = 0; i < key.pub.len; i += 2) {
        uint8_t byte = 0;
        err = key.pub.len % 2 != 0 ? ERR_SYNTAX
                                   : text_unhex(span_of(key.pub.ptr + i, 2), false, &byte, 1);
        if (err != ERR_OK)
            return json_fail(doc, json_get(doc, node, "pub"), err, "pub", ret_fault);
    }
    TRY(read_time(doc, node, "not_before", &key.not_before, ret_fault));
    TRY(read_time(doc, node, "not_after", &key.not_after, ret_fault));
    TRY(read_status(doc, node, &key.status, ret_fault));
    if (json_get(doc, node, "name") != NULL)
        TRY(json_need_str(doc, node, "name", WORD_MAX, &key.name, ret_fault));
    TRY(read_roles(doc, node, &key, ret_fault));
    *ret = key;
    return ERR_OK;
}

static enum err
read_zone(const struct json_doc *doc, const struct json_node *name, struct trust_zone *zone,
          struct fault *ret_fault)
{
    static const char *const names[] = {"ca_pem", "logs", "witness", "keys"};
    const struct json_node *node = json_value(doc, name);
    const struct json_node *keys = NULL;
    *zone = (struct trust_zone){.name = name->text};
    if (name->text.len == 0 || name->text.len > WORD_MAX)
        return json_fail(doc, name, ERR_RANGE, "zones", ret_fault);
    if (node->type != JSON_OBJECT)
        return json_fail(doc, node, ERR_TYPE, "zones", ret_fault);
    TRY(json_only(doc, node, names, 4, ret_fault));
    TRY(json_need_str(doc, node, "ca_pem", PEM_MAX, &zone->ca_pem, ret_fault));
    TRY(read_strings(doc, node, "logs", zone->logs, TRUST_LOGS_MAX, &zone->log_count, ret_fault));
    TRY(read_strings(doc, node, "witness", zone->witnesses, TRUST_WITNESSES_MAX,
                     &zone->witness_count, ret_fault));
    TRY(json_need(doc, node, "keys", JSON_ARRAY, &keys, ret_fault));
    const struct json_node *item = json_first(doc, keys);
    for (; item != NULL; item = json_next(doc, keys, item)) {
        if (zone->key_count == TRUST_KEYS_MAX)
            return json_fail(doc, item, ERR_FULL, "keys", ret_fault);
        TRY(read_key(doc, item, &zone->keys[zone->key_count], ret_fault));
        zone->key_count++;
    }
    return ERR_OK;
}

const struct trust_zone *
trust_find(const struct trust *trust, struct span name)
{
    for (size_t i = 0; i < trust->zone_count; i++)
        if (span_eq(trust->zones[i].name, name))
            return &trust->zones[i];
    return NULL;
}

static enum err
read_quorum(struct trust *trust, const struct json_node *object, struct fault *ret_fault)
{
    const struct json_doc *doc = &trust->doc;
    const struct json_node *key = json_first(doc, object);
    for (; key != NULL; key = json_next(doc, object, key)) {
        const struct trust_zone *found = trust_find(trust, key->text);
        struct span names[TRUST_ZONES_MAX];
        char text[WORD_MAX + 1];
        if (found == NULL || key->text.len > WORD_MAX)
            return json_fail(doc, key, ERR_NOT_FOUND, "quorum", ret_fault);
        struct trust_zone *zone = &trust->zones[found - trust->zones];
        memcpy(text, key->text.ptr, key->text.len);
        text[key->text.len] = '\0';
        TRY(read_strings(doc, object, text, names, TRUST_ZONES_MAX, &zone->quorum_count,
                         ret_fault));
        for (size_t i = 0; i < zone->quorum_count; i++) {
            found = trust_find(trust, names[i]);
            if (found == NULL)
                return json_fail(doc, json_value(doc, key), ERR_NOT_FOUND, "quorum", ret_fault);
            zone->quorum[i] = (size_t)(found - trust->zones);
        }
    }
    return ERR_OK;
}

static enum err
read_all(struct trust *trust, struct fault *ret_fault)
{
    static const char *const names[] = {"format", "zones", "quorum"};
    const struct json_doc *doc = &trust->doc;
    const struct json_node *root = &doc->nodes[0];
    const struct json_node *zones = NULL;
    const struct json_node *quorum = NULL;
    struct span format;
    if (root->type != JSON_OBJECT)
        return json_fail(doc, root, ERR_TYPE, "trust", ret_fault);
    TRY(json_need_str(doc, root, "format", WORD_MAX, &format, ret_fault));
    if (!span_eq_str(format, "tdz.trust/1"))
        return json_fail(doc, json_get(doc, root, "format"), ERR_VERSION, "format", ret_fault);
    TRY(json_only(doc, root, names, 3, ret_fault));
    TRY(json_need(doc, root, "zones", JSON_OBJECT, &zones, ret_fault));
    const struct json_node *zone = json_first(doc, zones);
    for (; zone != NULL; zone = json_next(doc, zones, zone)) {
        if (trust->zone_count == TRUST_ZONES_MAX)
            return json_fail(doc, zone, ERR_FULL, "zones", ret_fault);
        TRY(read_zone(doc, zone, &trust->zones[trust->zone_count], ret_fault));
        trust->zone_count++;
    }
    TRY(json_need(doc, root, "quorum", JSON_OBJECT, &quorum, ret_fault));
    return read_quorum(trust, quorum, ret_fault);
}

/* The JSON inside a signed note, or the input itself. */
static struct span
body_of(struct span input)
{
    const struct span first = SPAN_LIT("tdz.trust/1\n");
    if (!span_starts(input, first))
        return input;
    const struct span rest = span_from(input, first.len);
    const uint8_t *end = rest.len == 0 ? NULL : memchr(rest.ptr, '\n', rest.len);
    return end == NULL ? rest : span_of(rest.ptr, (size_t)(end - rest.ptr));
}

enum err
trust_load(struct span input, struct trust *ret, struct fault *ret_fault)
{
    *ret = (struct trust){.zone_count = 0};
    TRY(json_load(&ret->doc, body_of(input), ret_fault));
    const enum err err = read_all(ret, ret_fault);
    if (err != ERR_OK)
        trust_free(ret);
    return err;
}

void
trust_free(struct trust *trust)
{
    json_free(&trust->doc);
    trust->zone_count = 0;
}

bool
trust_key_acts(const struct trust *trust, const struct trust_key *key, struct span role)
{
    if (key->role != TRUST_OPERATOR)
        return false;
    if (key->roles == NULL || span_eq_str(role, "operator"))
        return true;
    const struct json_node *item = json_first(&trust->doc, key->roles);
    for (; item != NULL; item = json_next(&trust->doc, key->roles, item))
        if (span_eq(item->text, role))
            return true;
    return false;
}
