/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/config.h"

#include <assert.h>
#include <stdio.h>

#include "schemas/json.h"
#include "schemas/text.h"
#include "schemas/wire.h"
#include "tdz_config.h"

struct config_rule {
    const char *path;
    bool is_int;
    const char *text_default; /* NULL: required */
    int64_t int_default;
    int64_t low;
    int64_t high; /* of a text: most bytes */
    uint32_t roles;
};

static const struct config_rule config_rules[CONFIG_KEY_COUNT] = {
#define CONFIG_INT(NAME, path, def, low, high, roles, what) \
    {path, true, NULL, (def), (low), (high), (roles)},
#define CONFIG_STR(NAME, path, def, len_max, roles, what) \
    {path, false, (def), 0, 0, (len_max), (roles)},
#include "gateway/core/config.def"
#undef CONFIG_INT
#undef CONFIG_STR
};

/* Who may see the list of peers: those who verify, decide on or talk to them. */
enum {
    CONFIG_PEERS_ROLES = ROLES(LINK) | ROLES(KEEPER) | ROLES(LEDGER) | ROLES(JUDGE) | ROLES(CLERK) |
                         ROLES(DESK) | ROLES(EDGE)
};

/* A key's path as object and member; object is empty for a member of the root. */
static void
config_split(const char *path, struct span *ret_object, struct span *ret_member)
{
    const struct span whole = span_str(path);
    *ret_object = span_of(path, 0);
    *ret_member = whole;
    for (size_t i = 0; i < whole.len; i++) {
        if (whole.ptr[i] == '.') {
            *ret_object = span_of(whole.ptr, i);
            *ret_member = span_from(whole, i + 1);
        }
    }
}

static const struct json_node *
config_member(const struct json_doc *doc, const struct json_node *object, struct span key)
{
    for (const struct json_node *k = json_first(doc, object); k != NULL;
         k = json_next(doc, object, k)) {
        if (span_eq(k->text, key))
            return json_value(doc, k);
    }
    return NULL;
}

/* Copies text with a NUL into c->text. */
static enum err
config_keep(struct config *c, struct config_value *value, struct span text)
{
    if (text.len >= sizeof(c->text) - c->text_len)
        return ERR_FULL;
    value->text_at = (uint32_t)c->text_len;
    value->text_len = (uint32_t)text.len;
    if (text.len > 0)
        memcpy(c->text + c->text_len, text.ptr, text.len);
    c->text_len += text.len;
    c->text[c->text_len++] = '\0';
    return ERR_OK;
}

static enum err
config_take_int(const struct json_doc *doc, const struct config_rule *rule,
                const struct json_node *node, struct config_value *value, struct fault *ret_fault)
{
    const bool is_bool = rule->low == 0 && rule->high == 1;
    if (node->type != (is_bool ? JSON_BOOL : JSON_INT))
        return json_fail(doc, node, ERR_TYPE, rule->path, ret_fault);
    if (node->number < rule->low || node->number > rule->high)
        return json_fail(doc, node, ERR_RANGE, rule->path, ret_fault);
    value->number = node->number;
    return ERR_OK;
}

static enum err
config_take_str(const struct json_doc *doc, const struct config_rule *rule,
                const struct json_node *node, struct config *c, struct config_value *value,
                struct fault *ret_fault)
{
    if (node->type != JSON_STRING)
        return json_fail(doc, node, ERR_TYPE, rule->path, ret_fault);
    if (node->text.len > (size_t)rule->high || (node->text.len == 0 && rule->text_default == NULL))
        return json_fail(doc, node, ERR_RANGE, rule->path, ret_fault);
    if (config_keep(c, value, node->text) != ERR_OK)
        return json_fail(doc, node, ERR_FULL, rule->path, ret_fault);
    return ERR_OK;
}

static enum err
config_take(const struct json_doc *doc, enum config_key key, struct config *c,
            struct fault *ret_fault)
{
    const struct config_rule *rule = &config_rules[key];
    struct config_value *value = &c->values[key];
    struct span object_name = {0};
    struct span member = {0};
    config_split(rule->path, &object_name, &member);
    const struct json_node *object = &doc->nodes[0];
    if (object_name.len > 0)
        object = config_member(doc, &doc->nodes[0], object_name);
    const struct json_node *node = object == NULL ? NULL : config_member(doc, object, member);
    value->visible = true;
    value->number = rule->int_default;
    if (node != NULL && rule->is_int)
        return config_take_int(doc, rule, node, value, ret_fault);
    if (node != NULL)
        return config_take_str(doc, rule, node, c, value, ret_fault);
    if (rule->is_int)
        return ERR_OK;
    if (rule->text_default == NULL)
        return json_fail(doc, object == NULL ? &doc->nodes[0] : object, ERR_MISSING, rule->path,
                         ret_fault);
    return config_keep(c, value, span_str(rule->text_default));
}

/* True if some key lives at object.member (object may be empty), or below object when member is
 * empty. */
static bool
config_known(struct span object, struct span member)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        struct span has_object = {0};
        struct span has_member = {0};
        config_split(config_rules[i].path, &has_object, &has_member);
        if (span_eq(has_object, object) && (member.len == 0 || span_eq(has_member, member)))
            return true;
    }
    return false;
}

/* Every member must be a key of the table: a misspelt limit must not silently be its default. */
static enum err
config_only_known(const struct json_doc *doc, const struct json_node *object,
                  struct fault *ret_fault)
{
    for (const struct json_node *k = json_first(doc, object); k != NULL;
         k = json_next(doc, object, k)) {
        if (span_eq_str(k->text, "format") || span_eq_str(k->text, "peers") ||
            (k->text.len > 0 && config_known(span_of(NULL, 0), k->text)))
            continue;
        const struct json_node *value = json_value(doc, k);
        if (k->text.len == 0 || !config_known(k->text, span_of(NULL, 0)))
            return json_fail(doc, k, ERR_UNKNOWN_FIELD, "this key is not known", ret_fault);
        if (value->type != JSON_OBJECT)
            return json_fail(doc, value, ERR_TYPE, "an object must be here", ret_fault);
        for (const struct json_node *m = json_first(doc, value); m != NULL;
             m = json_next(doc, value, m)) {
            if (!config_known(k->text, m->text))
                return json_fail(doc, m, ERR_UNKNOWN_FIELD, "this key is not known", ret_fault);
        }
    }
    return ERR_OK;
}

static enum err
config_copy(const struct json_doc *doc, const struct json_node *object, const char *key, char *out,
            size_t cap, struct fault *ret_fault)
{
    struct span text = {0};
    TRY(json_need_str(doc, object, key, cap - 1, &text, ret_fault));
    if (text.len == 0 || memchr(text.ptr, '\0', text.len) != NULL)
        return json_fail(doc, object, ERR_RANGE, key, ret_fault);
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return ERR_OK;
}

static enum err
config_take_peer(const struct json_doc *doc, const struct json_node *node, struct config *c,
                 struct fault *ret_fault)
{
    static const char *const names[] = {"zone", "gateway", "host", "port"};
    if (node->type != JSON_OBJECT)
        return json_fail(doc, node, ERR_TYPE, "a peer is an object", ret_fault);
    if (c->peer_count == CONFIG_PEERS_MAX)
        return json_fail(doc, node, ERR_FULL, "more peers than the limit", ret_fault);
    TRY(json_only(doc, node, names, sizeof(names) / sizeof(names[0]), ret_fault));
    struct config_peer *peer = &c->peers[c->peer_count];
    memset(peer, 0, sizeof(*peer));
    int64_t port = 0;
    TRY(config_copy(doc, node, "zone", peer->zone, sizeof(peer->zone), ret_fault));
    TRY(config_copy(doc, node, "gateway", peer->gateway, sizeof(peer->gateway), ret_fault));
    TRY(config_copy(doc, node, "host", peer->host, sizeof(peer->host), ret_fault));
    TRY(json_need_int(doc, node, "port", 1, 65535, &port, ret_fault));
    peer->port = (uint16_t)port;
    for (size_t i = 0; i < c->peer_count; i++) {
        if (strcmp(c->peers[i].zone, peer->zone) == 0 &&
            strcmp(c->peers[i].gateway, peer->gateway) == 0)
            return json_fail(doc, node, ERR_DUPLICATE, "this peer is listed twice", ret_fault);
    }
    if (strcmp(peer->zone, config_str(c, CONFIG_ZONE)) == 0)
        return json_fail(doc, node, ERR_CONFIG, "a peer is in another zone", ret_fault);
    c->peer_count++;
    return ERR_OK;
}

static enum err
config_take_peers(const struct json_doc *doc, struct config *c, struct fault *ret_fault)
{
    const struct json_node *list = json_get(doc, &doc->nodes[0], "peers");
    c->peers_visible = true;
    if (list == NULL)
        return ERR_OK;
    if (list->type != JSON_ARRAY)
        return json_fail(doc, list, ERR_TYPE, "peers is a list", ret_fault);
    for (const struct json_node *n = json_first(doc, list); n != NULL; n = json_next(doc, list, n))
        TRY(config_take_peer(doc, n, c, ret_fault));
    return ERR_OK;
}

/* The node of a key that is present, for the position of an error; the root otherwise. */
static const struct json_node *
config_node(const struct json_doc *doc, enum config_key key)
{
    struct span object_name = {0};
    struct span member = {0};
    config_split(config_rules[key].path, &object_name, &member);
    const struct json_node *object = &doc->nodes[0];
    if (object_name.len > 0)
        object = config_member(doc, object, object_name);
    const struct json_node *node = object == NULL ? NULL : config_member(doc, object, member);
    return node == NULL ? &doc->nodes[0] : node;
}

static bool
config_is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static enum err
config_check_listen(const struct json_doc *doc, const struct config *c, struct fault *ret_fault)
{
    static const enum config_key keys[] = {CONFIG_LISTEN_PARTNER, CONFIG_LISTEN_PEER,
                                           CONFIG_LISTEN_DESK, CONFIG_LISTEN_PLAIN};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char host[256];
        uint16_t port = 0;
        const char *text = config_str(c, keys[i]);
        if (text[0] == '\0')
            continue;
        if (config_address(span_str(text), false, host, &port) != ERR_OK)
            return json_fail(doc, config_node(doc, keys[i]), ERR_CONFIG,
                             "an address is host:port or [v6]:port", ret_fault);
        if (keys[i] == CONFIG_LISTEN_PLAIN && !config_is_loopback(host))
            return json_fail(doc, config_node(doc, keys[i]), ERR_CONFIG,
                             "cleartext listens on loopback only", ret_fault);
    }
    return ERR_OK;
}

static enum err
config_check(const struct json_doc *doc, const struct config *c, struct fault *ret_fault)
{
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_value *v = &c->values[i];
        if (!config_rules[i].is_int && strlen(c->text + v->text_at) != v->text_len)
            return json_fail(doc, config_node(doc, (enum config_key)i), ERR_CONFIG, "NUL in a text",
                             ret_fault);
    }
    TRY(config_check_listen(doc, c, ret_fault));
    if (config_int(c, CONFIG_TIMEOUT_RETRY_MIN_MS) > config_int(c, CONFIG_TIMEOUT_RETRY_MAX_MS))
        return json_fail(doc, config_node(doc, CONFIG_TIMEOUT_RETRY_MAX_MS), ERR_CONFIG,
                         "retry_max_ms is below retry_min_ms", ret_fault);
    if (!config_bool(c, CONFIG_SANDBOX) && TDZ_SANDBOX_STRICT)
        return json_fail(doc, config_node(doc, CONFIG_SANDBOX), ERR_CONFIG,
                         "this build has no way to run without its sandbox", ret_fault);
    return ERR_OK;
}

static enum err
config_read_doc(const struct json_doc *doc, struct config *ret, struct fault *ret_fault)
{
    struct span format = {0};
    if (doc->nodes[0].type != JSON_OBJECT)
        return json_fail(doc, &doc->nodes[0], ERR_TYPE, "the configuration is an object",
                         ret_fault);
    TRY(json_need_str(doc, &doc->nodes[0], "format", 64, &format, ret_fault));
    if (!span_eq_str(format, "tdz.config/1"))
        return json_fail(doc, json_get(doc, &doc->nodes[0], "format"), ERR_VERSION,
                         "format must be tdz.config/1", ret_fault);
    TRY(config_only_known(doc, &doc->nodes[0], ret_fault));
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
        TRY(config_take(doc, (enum config_key)i, ret, ret_fault));
    TRY(config_take_peers(doc, ret, ret_fault));
    return config_check(doc, ret, ret_fault);
}

enum err
config_read(struct span json, struct config *ret, struct fault *ret_fault)
{
    struct json_doc doc = {.nodes = NULL};
    memset(ret, 0, sizeof(*ret));
    if (json.len > CONFIG_FILE_MAX) {
        json_fault(json, 0, ERR_TOO_LARGE, "the configuration file", ret_fault);
        return ERR_TOO_LARGE;
    }
    const enum err err = json_load(&doc, json, ret_fault);
    if (err != ERR_OK)
        return err;
    const enum err read = config_read_doc(&doc, ret, ret_fault);
    json_free(&doc);
    return read;
}

static const struct config_value *
config_value(const struct config *c, enum config_key key, bool is_int)
{
    assert(key < CONFIG_KEY_COUNT);
    assert(config_rules[key].is_int == is_int);
    assert(c->values[key].visible);
    return &c->values[key];
}

int64_t
config_int(const struct config *c, enum config_key key)
{
    return config_value(c, key, true)->number;
}

bool
config_bool(const struct config *c, enum config_key key)
{
    return config_int(c, key) != 0;
}

const char *
config_str(const struct config *c, enum config_key key)
{
    return c->text + config_value(c, key, false)->text_at;
}

size_t
config_peer_count(const struct config *c)
{
    assert(c->peers_visible);
    return c->peer_count;
}

const struct config_peer *
config_peer(const struct config *c, size_t i)
{
    assert(c->peers_visible && i < c->peer_count);
    return &c->peers[i];
}

const struct config_peer *
config_peer_zone(const struct config *c, struct span zone)
{
    assert(c->peers_visible);
    for (size_t i = 0; i < c->peer_count; i++) {
        if (span_eq_str(zone, c->peers[i].zone))
            return &c->peers[i];
    }
    return NULL;
}

const char *
config_path(enum config_key key)
{
    assert(key < CONFIG_KEY_COUNT);
    return config_rules[key].path;
}

unsigned
config_instances(const struct config *c, enum role_id role)
{
    assert(role < ROLE_COUNT);
    if (role == ROLE_EDGE)
        return (unsigned)config_int(c, CONFIG_EDGE_WORKERS);
    if (role == ROLE_INSPECTOR)
        return (unsigned)config_int(c, CONFIG_INSPECTOR_POOL);
    if (role == ROLE_SEALER)
        return (unsigned)config_int(c, CONFIG_SEALER_WORKERS);
    return 1;
}

static void
config_put_peer(struct wire_writer *w, const struct config_peer *peer)
{
    wire_put_vec16(w, span_str(peer->zone));
    wire_put_vec16(w, span_str(peer->gateway));
    wire_put_vec16(w, span_str(peer->host));
    wire_put_vec16(w, span_str(peer->address));
    wire_put_u16(w, peer->port);
}

/* Slice: u16 keys, keys x {u16 key, u64 number or vec16 text}, u8 peers visible, u16 peers. */
enum err
config_slice(const struct config *c, enum role_id role, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct wire_writer w;
    struct span out;
    uint16_t count = 0;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
        count = (uint16_t)(count + ((config_rules[i].roles & ROLE_BIT(role)) != 0 ? 1U : 0U));
    wire_writer_init(&w, buf, cap);
    wire_put_u16(&w, count);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_value *v = &c->values[i];
        if ((config_rules[i].roles & ROLE_BIT(role)) == 0)
            continue;
        wire_put_u16(&w, (uint16_t)i);
        if (config_rules[i].is_int)
            wire_put_u64(&w, (uint64_t)v->number);
        else
            wire_put_vec16(&w, span_of(c->text + v->text_at, v->text_len));
    }
    const bool peers = (CONFIG_PEERS_ROLES & ROLE_BIT(role)) != 0;
    wire_put_u8(&w, peers ? 1 : 0);
    wire_put_u16(&w, peers ? (uint16_t)c->peer_count : 0);
    for (size_t i = 0; peers && i < c->peer_count; i++)
        config_put_peer(&w, &c->peers[i]);
    TRY(wire_writer_finish(&w, &out));
    *ret_len = out.len;
    return ERR_OK;
}

static enum err
config_get_text(struct wire_reader *r, char *out, size_t cap)
{
    const struct span text = wire_get_vec16(r, cap - 1);
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return r->err;
}

static enum err
config_get_peer(struct wire_reader *r, struct config_peer *peer)
{
    TRY(config_get_text(r, peer->zone, sizeof(peer->zone)));
    TRY(config_get_text(r, peer->gateway, sizeof(peer->gateway)));
    TRY(config_get_text(r, peer->host, sizeof(peer->host)));
    TRY(config_get_text(r, peer->address, sizeof(peer->address)));
    peer->port = wire_get_u16(r);
    return r->err;
}

static enum err
config_get_value(struct wire_reader *r, struct config *c)
{
    const uint16_t key = wire_get_u16(r);
    if (r->err != ERR_OK)
        return r->err;
    if (key >= CONFIG_KEY_COUNT || c->values[key].visible)
        return ERR_PROTOCOL;
    c->values[key].visible = true;
    if (!config_rules[key].is_int)
        return config_keep(c, &c->values[key], wire_get_vec16(r, CONFIG_STR_MAX));
    c->values[key].number = (int64_t)wire_get_u64(r);
    return r->err;
}

enum err
config_from_slice(struct span slice, struct config *ret)
{
    struct wire_reader r;
    memset(ret, 0, sizeof(*ret));
    wire_reader_init(&r, slice);
    const uint16_t count = wire_get_u16(&r);
    for (uint16_t i = 0; i < count; i++)
        TRY(config_get_value(&r, ret));
    ret->peers_visible = wire_get_u8(&r) == 1;
    const uint16_t peers = wire_get_u16(&r);
    if (peers > CONFIG_PEERS_MAX)
        return ERR_PROTOCOL;
    for (uint16_t i = 0; i < peers; i++)
        TRY(config_get_peer(&r, &ret->peers[i]));
    ret->peer_count = peers;
    return wire_reader_finish(&r);
}

enum err
config_address(struct span text, bool any_port, char host[static 256], uint16_t *ret_port)
{
    size_t colon = text.len;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ':')
            colon = i;
    }
    if (colon == text.len)
        return ERR_SYNTAX;
    struct span name = span_of(text.ptr, colon);
    const bool bracketed = name.len >= 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    if (bracketed)
        name = span_of(name.ptr + 1, name.len - 2);
    if (name.len == 0 || name.len > 255 || memchr(name.ptr, '\0', name.len) != NULL)
        return ERR_SYNTAX;
    if (!bracketed && memchr(name.ptr, ':', name.len) != NULL)
        return ERR_SYNTAX;
    uint64_t port = 0;
    if (text_parse_u64(span_from(text, colon + 1), 65535, &port) != ERR_OK)
        return ERR_SYNTAX;
    if (port == 0 && !any_port)
        return ERR_SYNTAX;
    memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    *ret_port = (uint16_t)port;
    return ERR_OK;
}
