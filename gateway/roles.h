/* SPDX-License-Identifier: Apache-2.0 */
/* Which code each role runs. */
#ifndef TDZ_GATEWAY_ROLES_H
#define TDZ_GATEWAY_ROLES_H

#include "gateway/core/rolemain.h"

/* The operations of a role, never of the warden. */
const struct role_ops *roles_ops(enum role_id role);

#endif
