/* SPDX-License-Identifier: Apache-2.0 */
/* The roles of role.def as an enum, with their names and masks. */
#ifndef TDZ_GATEWAY_CORE_ROLE_H
#define TDZ_GATEWAY_CORE_ROLE_H

#include "schemas/error.h"
#include "schemas/span.h"

enum role_id {
#define ROLE(NAME, name, instances_max, restartable) ROLE_##NAME,
#include "gateway/core/role.def"
#undef ROLE
    ROLE_COUNT
};

/* No role has more instances than this. */
enum { ROLE_INDEX_MAX = 32 };

/* A set of roles; the columns of msg.def, config.def, grant.def and sandbox.def are written with
 * the one-letter-per-role style ROLES(EDGE) | ROLES(LINK). */
#define ROLE_BIT(id) (UINT32_C(1) << (unsigned)(id))
#define ROLES(NAME) ROLE_BIT(ROLE_##NAME)
#define ROLES_ALL ((UINT32_C(1) << (unsigned)ROLE_COUNT) - 1)
#define ROLES_NONE UINT32_C(0)
/* Everybody the warden starts. */
#define ROLES_CHILDREN (ROLES_ALL & ~ROLES(WARDEN))

/* "edge"; static text. id must be below ROLE_COUNT. */
const char *role_name(enum role_id id);

/* Largest number of instances of id (1..ROLE_INDEX_MAX). */
unsigned role_instances_max(enum role_id id);

bool role_is_restartable(enum role_id id);

/* The role of that lower-case name. ERR_NOT_FOUND. */
MUST_USE enum err role_parse(struct span name, enum role_id *ret);

/* The role of a wire byte. ERR_RANGE when there is none of that number. */
MUST_USE enum err role_from_u8(uint8_t value, enum role_id *ret);

#endif
