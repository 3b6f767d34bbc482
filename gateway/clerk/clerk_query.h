/* SPDX-License-Identifier: Apache-2.0 */
/* What edge and desk ask clerk: transfers, inbox, dry decisions, holds and approvals; also the
 * small conversations that belong to no transfer. Who may see what is decided here: partners see
 * their own, operators and auditors everything. Spec: http-api.md. */
#ifndef TDZ_GATEWAY_CLERK_CLERK_QUERY_H
#define TDZ_GATEWAY_CLERK_CLERK_QUERY_H

#include "gateway/flow/flow_run.h"

enum { CLERK_QUERY_LIMIT = 50, CLERK_QUERY_LIMIT_MAX = 500 };

/* An error: the asker broke the rules. */
MUST_USE enum err clerk_query_in(struct flow *f, enum role_id from, const struct chan_ticket *t,
                                 const struct msg *m);
/* Reads since, state, limit, before of a list. An error is the client's. */
MUST_USE enum err clerk_query_filter(struct span args, struct store_filter *filter);
/* JOB_WAIT, JOB_DRY, JOB_NOTE. */
void clerk_query_drive(struct flow *f, struct flow_job *job);
MUST_USE enum err clerk_query_answer(struct flow *f, struct flow_job *job, const struct msg *m);
/* An entry without a transfer (policy, agreement, partner): appended once. */
MUST_USE enum err clerk_query_note(struct flow *f, struct span entry);
/* The state object of the corridor; parcel may be empty. */
void clerk_query_corridor(struct flow *f, const struct chan_ticket *t, const struct store_row *row,
                          struct span parcel);
/* Forgets Idempotency-Keys that are too old. */
void clerk_query_clean(struct flow *f);

#endif
