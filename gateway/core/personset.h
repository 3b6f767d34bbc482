/* SPDX-License-Identifier: Apache-2.0 */
/* The person set of one transfer as it goes from the inspector to clerk, in a sealed memfd:
 *   u32 "TDZP" | u32 1 | u64 n_pi | u64 n_spi | u64 rows_pi | u64 rows_spi | n_pi u64 | n_spi u64
 * in host order; each list sorted and unique. rows_*: rows without a strong identifier, which count
 * one each. The hashes are keyed, and personal data all the same: clear them when they are not
 * needed any more. Spec: docs/PROCESSES.md, Formats between processes. */
#ifndef TDZ_GATEWAY_CORE_PERSONSET_H
#define TDZ_GATEWAY_CORE_PERSONSET_H

#include "schemas/error.h"
#include "schemas/span.h"

/* Above every threshold of law; a stream with more is refused. */
enum { PERSONSET_MAX = 1250000 };
enum { PERSONSET_HEAD_BYTES = 40 };

struct personset {
    const uint64_t *pi; /* distinct persons */
    size_t pi_count;
    const uint64_t *spi; /* of these, those with sensitive data */
    size_t spi_count;
    uint64_t rows_pi;
    uint64_t rows_spi;
    uint64_t *memory; /* of personset_load */
};

/* A new sealed memfd with that set, owned by the caller. ERR_RANGE: a list over PERSONSET_MAX;
 * ERR_SYS. */
MUST_USE enum err personset_store(const struct personset *set, int *ret_fd);

/* Copies the set out of a memfd that another role made; fd stays the caller's. personset_free gives
 * the memory back. ERR_PROTOCOL: not this format, another size than it says, lists unsorted, over
 * the limit, or spi longer than pi; ERR_IO, ERR_NOMEM. */
MUST_USE enum err personset_load(int fd, struct personset *ret);

/* Wipes and frees what personset_load allocated; a zeroed set is fine. */
void personset_free(struct personset *set);

#endif
