/* SPDX-License-Identifier: Apache-2.0 */
/* The small JSON documents of the corridor. Readers take a peer's bytes: strict, bounded, no
 * member beyond those named. Spec: docs/PROCESSES.md Corridor. */
#ifndef TDZ_GATEWAY_LINK_CORRIDOR_JSON_H
#define TDZ_GATEWAY_LINK_CORRIDOR_JSON_H

#include "schemas/error.h"
#include "schemas/span.h"

/* The corridor's protocol: what this build speaks; a peer below the floor is refused. */
enum { CORRIDOR_JSON_VERSION_LOW = 1, CORRIDOR_JSON_VERSION_HIGH = 1 };
enum { CORRIDOR_JSON_BYTES_MAX = 96 * 1024, CORRIDOR_JSON_HELLO_MAX = 256 };
enum { CORRIDOR_JSON_PARCEL_MAX = 56 * 1024 };

/* What a peer holds of a transfer; RECEIVING and below: more is to be sent. */
enum corridor_json_state {
    CORRIDOR_JSON_NONE,
    CORRIDOR_JSON_OFFERED,
    CORRIDOR_JSON_RECEIVING,
    CORRIDOR_JSON_COMPLETE,
    CORRIDOR_JSON_RELEASED,
    CORRIDOR_JSON_DONE,
};

struct corridor_json_hello {
    char zone[64];
    char gateway[64];
    uint32_t low;
    uint32_t high;
};

/* ERR_FULL. */
MUST_USE enum err corridor_json_hello_write(const char *zone, const char *gateway, char *buf,
                                            size_t cap, struct span *ret);
/* ERR_SYNTAX for anything that is not the document; ERR_TOO_LARGE. */
MUST_USE enum err corridor_json_hello_read(struct span in, struct corridor_json_hello *ret);

struct corridor_json_status {
    uint64_t groups;
    enum corridor_json_state state;
    bool has_receipt;
};

/* {"groups","receipt":null,"state"}; ERR_FULL. */
MUST_USE enum err corridor_json_state_write(uint64_t groups, enum corridor_json_state state,
                                            char *buf, size_t cap, struct span *ret);
/* ERR_SYNTAX; ERR_TOO_LARGE; ERR_NOMEM. */
MUST_USE enum err corridor_json_state_read(struct span in, struct corridor_json_status *ret);

/* The parcel in a state document's receipt, decoded into out. ERR_NOT_FOUND: it has none.
 * ERR_SYNTAX (also when it is no base64 of at most cap bytes); ERR_TOO_LARGE; ERR_NOMEM. */
MUST_USE enum err corridor_json_receipt_read(struct span in, uint8_t *out, size_t cap,
                                             struct span *ret);

/* {"groups":n}, the answer to a run of groups. */
MUST_USE enum err corridor_json_groups_write(uint64_t groups, char *buf, size_t cap,
                                             struct span *ret);
MUST_USE enum err corridor_json_groups_read(struct span in, uint64_t *ret_groups);

/* "1-1", the versions a client sends with hello (header tdz-corridor). ERR_SYNTAX. */
MUST_USE enum err corridor_json_versions(struct span text, uint32_t *ret_low, uint32_t *ret_high);

#endif
