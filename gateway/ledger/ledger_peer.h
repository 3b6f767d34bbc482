/* SPDX-License-Identifier: Apache-2.0 */
/* We as the witness of the peers' logs: PEER_VERIFY of clerk, WITNESS_ASK of link, in turn. */
#ifndef TDZ_GATEWAY_LEDGER_LEDGER_PEER_H
#define TDZ_GATEWAY_LEDGER_LEDGER_PEER_H

#include "gateway/ledger/ledger.h"

/* Reads what was verified before. ERR_IO, ERR_NOMEM. */
MUST_USE enum err ledger_peer_load(struct ledger *l);
void ledger_peer_free(struct ledger *l);
/* Takes a question in turn; answers "not now" when too many wait. */
MUST_USE enum err ledger_peer_job(struct ledger *l, const struct ledger_in *in);
/* Goes on with the next job, if keeper is there. */
void ledger_peer_next(struct ledger *l);
MUST_USE enum err ledger_peer_cosigned(struct ledger *l, enum err err, enum msg_type type,
                                       struct span body);

#endif
