/* SPDX-License-Identifier: Apache-2.0 */
/* tdz.evidence/1 of a transfer: assembled from what is stored, with fresh proofs from ledger. */
#ifndef TDZ_GATEWAY_CLERK_CLERK_EVIDENCE_H
#define TDZ_GATEWAY_CLERK_CLERK_EVIDENCE_H

#include "gateway/flow/flow_run.h"

/* A preflight denial whose log nobody cosigned is served as it is after this time. */
enum { CLERK_EVIDENCE_ALONE_MS = 60 * 1000 };

void clerk_evidence_ask(struct flow *f, const struct chan_ticket *t, const struct store_row *row,
                        enum role_id from);
void clerk_evidence_drive(struct flow *f, struct flow_job *job);
MUST_USE enum err clerk_evidence_answer(struct flow *f, struct flow_job *job, const struct msg *m);

#endif
