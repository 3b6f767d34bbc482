/* SPDX-License-Identifier: Apache-2.0 */
/* tdz.trust/1: whose signatures count, zone by zone. Read from a file or from the body of a signed
 * note; verifying that note is the caller's affair. Spec: formats.md Trust and evidence. */
#ifndef TDZ_SCHEMAS_TRUST_H
#define TDZ_SCHEMAS_TRUST_H

#include "schemas/error.h"
#include "schemas/json.h"
#include "schemas/span.h"

/* A corridor has few zones; a zone has one log a gateway and half-year and keeps old ones. */
enum {
    TRUST_ZONES_MAX = 16,
    TRUST_LOGS_MAX = 64,
    TRUST_WITNESSES_MAX = 16,
    TRUST_KEYS_MAX = 64,
    TRUST_KEY_ROLES_MAX = 16,
};

enum trust_role { TRUST_GATEWAY, TRUST_RELEASE, TRUST_KEM, TRUST_OPERATOR };
enum trust_status { TRUST_ACTIVE, TRUST_RETIRED, TRUST_REVOKED };

struct trust_key {
    enum trust_role role;
    struct span alg;
    uint8_t keyid[32];
    struct span pub;    /* hex as written, an even number of digits */
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
    enum trust_status status;
    struct span name; /* empty when absent */
    /* An operator's: an array of the roles in which its holder may release what policy holds. NULL
     * when absent: all of them. */
    const struct json_node *roles;
};

struct trust_zone {
    struct span name;
    struct span ca_pem;
    size_t log_count;
    struct span logs[TRUST_LOGS_MAX]; /* vkeys as written */
    size_t witness_count;
    struct span witnesses[TRUST_WITNESSES_MAX];
    size_t key_count;
    struct trust_key keys[TRUST_KEYS_MAX];
    /* Zones whose cosignature this zone's checkpoints need: indices into trust.zones. */
    size_t quorum_count;
    size_t quorum[TRUST_ZONES_MAX];
};

/* Views into doc, which trust_load allocated and trust_free releases. The input must outlive it. */
struct trust {
    struct json_doc doc;
    size_t zone_count;
    struct trust_zone zones[TRUST_ZONES_MAX];
};

/* Reads the JSON, or a signed note of it ("tdz.trust/1", a line of JSON, signatures). ret is large
 * (about 100 KiB); keep it off the stack. ret_fault may be NULL. Errors: those of json_load,
 * ERR_VERSION, ERR_MISSING, ERR_TYPE, ERR_RANGE, ERR_SYNTAX, ERR_UNKNOWN_FIELD, ERR_FULL (more
 * items than the maxima), ERR_NOT_FOUND (a quorum names a zone that is not there). */
MUST_USE enum err trust_load(struct span input, struct trust *ret, struct fault *ret_fault);
void trust_free(struct trust *trust);

/* True if the holder of an operator's key may act in role: key->roles is absent or names it, or
 * role is "operator". */
bool trust_key_acts(const struct trust *trust, const struct trust_key *key, struct span role);

/* The zone of that name, or NULL. */
const struct trust_zone *trust_find(const struct trust *trust, struct span name);

#endif
