/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/decisions: what an upload would be told at preflight, and nothing is kept of it.
 * Spec: http-api.md. */
#ifndef TDZ_GATEWAY_CLERK_CLERK_DRY_H
#define TDZ_GATEWAY_CLERK_CLERK_DRY_H

#include "gateway/flow/flow_run.h"

/* Answers t, now or when judge has: what it is asked about is a partner's text, good or not. */
void clerk_dry_ask(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
                   enum role_id from);
/* What judge said to a JOB_DRY. An error: judge broke the rules. */
MUST_USE enum err clerk_dry_answer(struct flow *f, struct flow_job *job, const struct msg *m);

#endif
