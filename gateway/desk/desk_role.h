/* SPDX-License-Identifier: Apache-2.0 */
/* Desk as a role: the listener of operators and auditors, and the loopback port for machines. */
#ifndef TDZ_GATEWAY_DESK_DESK_ROLE_H
#define TDZ_GATEWAY_DESK_DESK_ROLE_H

#include "gateway/core/rolemain.h"

extern const struct role_ops desk_role_ops;

#endif
