/* SPDX-License-Identifier: Apache-2.0 */
/* A permit: what judge said about one sealed body, authenticated by keeper for itself, so that
 * clerk can keep it with the decision and show it again after keeper was restarted. Clerk can
 * neither make nor change one. Spec: docs/PROCESSES.md, Export. */
#ifndef TDZ_GATEWAY_KEEPER_PERMIT_H
#define TDZ_GATEWAY_KEEPER_PERMIT_H

#include "crypto/key.h"
#include "gateway/core/payload.h"

enum { PERMIT_BYTES_MAX = 16 * 1024 };

/* transfer and the payload of PERMIT under mac key: what PERMITTED carries. ERR_FULL, ERR_CRYPTO.
 */
MUST_USE enum err permit_make(const struct secret32 *key, const uint8_t transfer[static 16],
                              const struct p_permit *p, uint8_t *buf, size_t cap, struct span *ret);

/* Checks that token is one of ours for transfer; views in *ret point into token. ERR_AUTH, and
 * ERR_SHORT or ERR_TRAILING for bytes that are no token at all. */
MUST_USE enum err permit_open(const struct secret32 *key, const uint8_t transfer[static 16],
                              struct span token, struct p_permit *ret);

#endif
