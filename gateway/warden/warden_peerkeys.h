/* SPDX-License-Identifier: Apache-2.0 */
/* The trust file as keeper may see it: typed rows, because keeper parses no JSON. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_PEERKEYS_H
#define TDZ_GATEWAY_WARDEN_WARDEN_PEERKEYS_H

#include "schemas/error.h"
#include "schemas/span.h"

/* Reads a tdz.trust/1 bundle and writes the rows of gateway/keeper/keyring.h into buf. ret_fault
 * (may be NULL) says where the bundle is wrong. Errors of trust_load; ERR_UNSUPPORTED for an
 * algorithm that is not of this build; ERR_RANGE, ERR_FULL. */
MUST_USE enum err warden_peerkeys(struct span trust_json, uint8_t *buf, size_t cap,
                                  struct span *ret, struct fault *ret_fault);

#endif
