/* SPDX-License-Identifier: Apache-2.0 */
/* The peers as witnesses of our log: what each holds of it, and every new checkpoint offered to it.
 * Spec: C2SP tlog-witness, docs/PROCESSES.md "Log states". */
#ifndef TDZ_GATEWAY_LEDGER_LEDGER_WITNESS_H
#define TDZ_GATEWAY_LEDGER_LEDGER_WITNESS_H

#include "gateway/ledger/ledger.h"

/* Reads what every peer has cosigned of ours; quarantines when this folder does not bear it out.
 * ERR_IO. */
MUST_USE enum err ledger_witness_load(struct ledger *l);
/* NULL if unknown. */
struct ledger_peer *ledger_witness_peer(struct ledger *l, struct span zone);
MUST_USE enum err ledger_witness_peer_state(struct ledger *l, const struct ledger_in *in);
/* Link is gone: nobody is reachable. */
void ledger_witness_down(struct ledger *l);
/* Offers the published checkpoint to every peer that is up, as far as the rate allows. */
void ledger_witness_offer(struct ledger *l);
void ledger_witness_tick(struct ledger *l);
int64_t ledger_witness_due_ms(const struct ledger *l);
MUST_USE enum err ledger_witness_answer(struct ledger *l, uint32_t tag, enum err err,
                                        enum msg_type type, struct span body);
/* Tells judge whether the peers' cosignatures bear out our wall clock. */
void ledger_witness_tell_clock(struct ledger *l);

#endif
