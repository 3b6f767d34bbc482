/* SPDX-License-Identifier: Apache-2.0 */
/* Link as a process: the peer listener and one warm connection to each configured peer, around
 * inbound.h and outbound.h. */
#ifndef TDZ_GATEWAY_LINK_LINK_ROLE_H
#define TDZ_GATEWAY_LINK_LINK_ROLE_H

#include "gateway/core/rolemain.h"

extern const struct role_ops link_role_ops;

#endif
