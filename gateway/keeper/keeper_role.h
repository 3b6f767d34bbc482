/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TDZ_GATEWAY_KEEPER_KEEPER_ROLE_H
#define TDZ_GATEWAY_KEEPER_KEEPER_ROLE_H

#include "gateway/core/rolemain.h"

/* Keeper as a process. Grants: KEY (the files of the key set), PEER_KEYS, SPOOL_KEYS. */
extern const struct role_ops keeper_role_ops;

#endif
