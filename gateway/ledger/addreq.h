/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a witness's add-checkpoint request. Spec: C2SP tlog-witness v1.0.0. */
#ifndef TDZ_GATEWAY_LEDGER_ADDREQ_H
#define TDZ_GATEWAY_LEDGER_ADDREQ_H

#include "crypto/tlog.h"
#include "schemas/error.h"
#include "schemas/span.h"

/* "old N", at most 63 lines of base64 hashes, a blank line; the rest is the signed note, a view of
 * in. ERR_SYNTAX; ERR_RANGE: N is beyond TLOG_SIZE_MAX; ERR_FULL: a line holds more than a hash. */
MUST_USE enum err addreq_parse(struct span in, uint64_t *ret_old, struct tlog_proof *ret_proof,
                               struct span *ret_note);

#endif
