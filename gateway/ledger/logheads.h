/* SPDX-License-Identifier: Apache-2.0 */
/* Which checkpoints of a foreign origin were found to be in line with each other, beside the last
 * one (logwitness.h): a parcel that was verified once is believed again after a restart, when the
 * witness's memory has moved on. A ring of records in one file, each made durable by one fdatasync:
 *   u64 size | root[32] | u32 crc32c of the 40 bytes before it
 * A torn record is no record. Losing one costs a new proof, never a wrong belief. */
#ifndef TDZ_GATEWAY_LEDGER_LOGHEADS_H
#define TDZ_GATEWAY_LEDGER_LOGHEADS_H

#include "gateway/ledger/logstore.h"

enum { LOGHEADS_MAX = 4096, LOGHEADS_RECORD = 44 };

struct logheads;

/* The memory of origin below witness/. log must outlive it. ERR_NOMEM, ERR_IO, ERR_NO_SPACE. */
MUST_USE enum err logheads_open(struct logstore *log, struct span origin, struct logheads **ret);
void logheads_close(struct logheads *heads);

bool logheads_is(const struct logheads *heads, struct span origin);
bool logheads_has(const struct logheads *heads, const struct logstore_head *head);
/* Durable when it returns; the oldest gives way. ERR_NO_SPACE, ERR_IO (the log ends). */
MUST_USE enum err logheads_add(struct logheads *heads, const struct logstore_head *head);

#endif
