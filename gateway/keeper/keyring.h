/* SPDX-License-Identifier: Apache-2.0 */
/* The public keys of all zones as keeper knows them: typed rows that the warden makes from the
 * trust file, because keeper parses no JSON. Rows are looked up by key id; a key counts only in its
 * role, its zone, its dates and while it is active. Spec: design.md 4, Keys; formats.md Trust. */
#ifndef TDZ_GATEWAY_KEEPER_KEYRING_H
#define TDZ_GATEWAY_KEEPER_KEYRING_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { KEYRING_KEYS_MAX = 256, KEYRING_ZONE_MAX = 63, KEYRING_BYTES_MAX = 64 * 1024 };

enum keyring_role { KEYRING_GATEWAY = 1, KEYRING_RELEASE = 2, KEYRING_KEM = 3 };

struct keyring_key {
    char zone[KEYRING_ZONE_MAX + 1];
    enum keyring_role role;
    uint8_t alg; /* 1 Ed25519, 2 ECDSA P-256; 0 for KEM keys (X25519) */
    bool active;
    uint8_t keyid[32];
    uint8_t pub[65];
    uint8_t pub_len;
    uint64_t not_before; /* Unix seconds */
    uint64_t not_after;
};

struct keyring {
    size_t count;
    struct keyring_key keys[KEYRING_KEYS_MAX];
};

/* ERR_FULL. */
MUST_USE enum err keyring_add(struct keyring *ring, const struct keyring_key *key);

/* The bytes that travel from warden to keeper. ERR_FULL. */
MUST_USE enum err keyring_encode(const struct keyring *ring, uint8_t *buf, size_t cap,
                                 struct span *ret);

/* ERR_VERSION, ERR_SHORT, ERR_TRAILING, ERR_RANGE, ERR_FULL. */
MUST_USE enum err keyring_decode(struct span in, struct keyring *ret);

/* The key of that id in zone and role, valid at now_s (Unix seconds) whether active or not when
 * active_only is false. NULL if there is none. */
const struct keyring_key *keyring_find(const struct keyring *ring, struct span zone,
                                       enum keyring_role role, const uint8_t keyid[static 32],
                                       uint64_t now_s, bool active_only);

#endif
