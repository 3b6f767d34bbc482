/* SPDX-License-Identifier: Apache-2.0 */
/* How a log begins: as a first one, or after one that is lost (tdz.origin/1). Before anything is
 * written the note is checked, and an empty log of a gateway that had one before is refused without
 * it. Spec: docs/adr/0009, docs/PROCESSES.md "Log states". */
#ifndef TDZ_GATEWAY_LEDGER_LEDGER_ORIGIN_H
#define TDZ_GATEWAY_LEDGER_LEDGER_ORIGIN_H

#include "crypto/receipt.h"
#include "gateway/ledger/ledger.h"

/* Where the folder keeps the note. */
#define LEDGER_ORIGIN_FILE "succession"

/* Checks what can be checked without opening the log: the note of the configuration (empty: none)
 * against trust, zone and origin when the folder is new, and that it may begin without one.
 * ERR_CONFIG after a line in the operator's log; ERR_NOMEM. */
MUST_USE enum err ledger_origin_check(struct ledger *l, struct span trust);

/* The log is open: an empty one gets its genesis, one that has it must be what the note says
 * (ERR_CONFIG after a line in the operator's log). Errors of logstore_append. */
MUST_USE enum err ledger_origin_open(struct ledger *l, struct span trust);
void ledger_origin_free(struct ledger *l);

/* The first checkpoint of a peer's log was cosigned: if we cosigned another log of that gateway,
 * one `incident` says how far. Errors of logwitness_head. */
MUST_USE enum err ledger_origin_seen(struct ledger *l, struct span origin);

/* True if the receipt rests on the entry at index of origin: it names that place, or one in another
 * log of that zone, which is lost: what was said there is said again, and the leaf binds. */
bool ledger_origin_receipt(const struct ledger_zone *zone, const struct receipt *r,
                           struct span origin, uint64_t index);

/* True when the log began after another, which is l->prev. */
bool ledger_origin_has(const struct ledger *l);

#endif
