/* SPDX-License-Identifier: Apache-2.0 */
/* What a new judge must not fall behind: the policy documents that the log says were in force, or
 * scheduled, under the newest epoch it has of each id. Spec: docs/adr/0009. */
#ifndef TDZ_GATEWAY_LEDGER_LEDGER_FLOOR_H
#define TDZ_GATEWAY_LEDGER_LEDGER_FLOOR_H

#include "gateway/ledger/ledger.h"

/* From the entries that are there. Errors of logstore_get. */
MUST_USE enum err ledger_floor_load(struct ledger *l);
/* A `policy` entry that was appended; others, and what this build cannot read, are passed over. */
void ledger_floor_take(struct ledger *l, struct span leaf);
void ledger_floor_tell(struct ledger *l);

#endif
