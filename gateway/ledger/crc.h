/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli) of a log's records: it finds torn writes, it is no protection against
 * anybody. Spec: RFC 3720 B.4. */
#ifndef TDZ_GATEWAY_LEDGER_CRC_H
#define TDZ_GATEWAY_LEDGER_CRC_H

#include "schemas/span.h"

/* Tables for four bytes a step, filled once by crc_init. */
struct crc {
    uint32_t table[4][256];
};

void crc_init(struct crc *crc);

/* Continues from the CRC of what came before (0 at the start). */
uint32_t crc_add(const struct crc *crc, uint32_t before, struct span bytes);

#endif
