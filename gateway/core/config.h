/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of one gateway, format tdz.config/1: one JSON object, every key in config.def
 * with its default, range and the roles that may see it. The warden reads the file; a role gets a
 * slice with its own keys only, and reading another key is a bug that ends it. */
#ifndef TDZ_GATEWAY_CORE_CONFIG_H
#define TDZ_GATEWAY_CORE_CONFIG_H

#include "gateway/core/role.h"

enum config_key {
#define CONFIG_INT(NAME, path, def, low, high, roles, what) CONFIG_##NAME,
#define CONFIG_STR(NAME, path, def, len_max, roles, what) CONFIG_##NAME,
#include "gateway/core/config.def"
#undef CONFIG_INT
#undef CONFIG_STR
    CONFIG_KEY_COUNT
};

enum { CONFIG_FILE_MAX = 256 * 1024 };
enum { CONFIG_PEERS_MAX = 16 };
enum { CONFIG_STR_MAX = 1024 };
enum { CONFIG_TEXT_MAX = 24 * 1024 };
enum { CONFIG_SLICE_MAX = 48 * 1024 };

/* Another gateway. host is an address or a name the warden resolves; addresses come resolved in
 * `address`. Strings are NUL terminated. */
struct config_peer {
    char zone[64];
    char gateway[64];
    char host[256];
    uint16_t port;
    char address[64]; /* numeric, "" when the name did not resolve */
};

struct config_value {
    bool visible;
    int64_t number;
    uint32_t text_at; /* offset into text, NUL terminated */
    uint32_t text_len;
};

struct config {
    struct config_value values[CONFIG_KEY_COUNT];
    struct config_peer peers[CONFIG_PEERS_MAX];
    size_t peer_count;
    bool peers_visible;
    char text[CONFIG_TEXT_MAX];
    size_t text_len;
};

/* Reads a file's bytes; ret_fault (line, column, key) on error. ERR_CONFIG with the reason in
 * where, or the reader's own error (ERR_SYNTAX, ERR_DUPLICATE, ERR_UNKNOWN_FIELD, ERR_MISSING,
 * ERR_TYPE, ERR_RANGE, ERR_VERSION, ERR_TOO_LARGE, ERR_FULL). ret is about 40 KiB: not on the
 * stack of a deep call. */
MUST_USE enum err config_read(struct span json, struct config *ret, struct fault *ret_fault);

/* The value of a key; a key this role may not see is a bug (assert). */
int64_t config_int(const struct config *c, enum config_key key);
bool config_bool(const struct config *c, enum config_key key);
/* NUL terminated, owned by c; "" when the key is optional and absent. */
const char *config_str(const struct config *c, enum config_key key);
size_t config_peer_count(const struct config *c);
const struct config_peer *config_peer(const struct config *c, size_t i);
/* The peer of that zone, or NULL. */
const struct config_peer *config_peer_zone(const struct config *c, struct span zone);

/* "limits.header_bytes"; static text. */
const char *config_path(enum config_key key);

/* How many instances of a role the configuration starts. */
unsigned config_instances(const struct config *c, enum role_id role);

/* The slice of one role, for CONFIG and RELOAD. ERR_FULL. */
MUST_USE enum err config_slice(const struct config *c, enum role_id role, uint8_t *buf, size_t cap,
                               size_t *ret_len);
/* ERR_PROTOCOL, ERR_SHORT, ERR_TRAILING: not a slice (a bug of the warden). */
MUST_USE enum err config_from_slice(struct span slice, struct config *ret);

/* Splits "host:port" or "[v6]:port"; port 1..65535 (0 allowed if any_port). ERR_SYNTAX. */
MUST_USE enum err config_address(struct span text, bool any_port, char host[static 256],
                                 uint16_t *ret_port);

#endif
