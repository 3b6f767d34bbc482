/* SPDX-License-Identifier: Apache-2.0 */
/* Macs under the evidence key of a container: how inspector and sealer mark what clerk may keep for
 * a judge or keeper that was restarted. Spec: docs/PROCESSES.md, Formats between processes. */
#ifndef TDZ_GATEWAY_CORE_ATTEST_H
#define TDZ_GATEWAY_CORE_ATTEST_H

#include "crypto/key.h"
#include "gateway/core/payload.h"

/* Over every field of SEALED but the mac itself. ERR_RANGE: salt_commit is not 56 bytes. */
MUST_USE enum err attest_sealed(const struct secret32 *key, const struct p_sealed *p,
                                uint8_t ret_mac[static 32]);

/* Over the hash of findings. ERR_CRYPTO. */
MUST_USE enum err attest_findings(const struct secret32 *key,
                                  const uint8_t findings_hash[static 32],
                                  uint8_t ret_mac[static 32]);

/* ERR_AUTH unless p carries the mac of its fields. */
MUST_USE enum err attest_sealed_check(const struct secret32 *key, const struct p_sealed *p);

#endif
