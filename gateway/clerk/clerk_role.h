/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TDZ_GATEWAY_CLERK_CLERK_ROLE_H
#define TDZ_GATEWAY_CLERK_CLERK_ROLE_H

#include "gateway/core/rolemain.h"

/* Clerk as a process. Grants: DIR_STATE, DIR_SPOOL, TRUST. */
extern const struct role_ops clerk_role_ops;

#endif
