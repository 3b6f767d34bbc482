/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TDZ_GATEWAY_SEALER_SEALER_ROLE_H
#define TDZ_GATEWAY_SEALER_SEALER_ROLE_H

#include "gateway/core/rolemain.h"

/* Seals and opens bodies: bytes in from rings or files, out to files or rings. No grants. */
extern const struct role_ops sealer_role_ops;

#endif
