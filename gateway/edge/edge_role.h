/* SPDX-License-Identifier: Apache-2.0 */
/* Edge as a role: the partners' listener. */
#ifndef TDZ_GATEWAY_EDGE_EDGE_ROLE_H
#define TDZ_GATEWAY_EDGE_EDGE_ROLE_H

#include "gateway/core/rolemain.h"

extern const struct role_ops edge_role_ops;

#endif
