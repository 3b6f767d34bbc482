/* SPDX-License-Identifier: Apache-2.0 */
/* The hold queue as operators see it: what is held here and could be released here, since when and
 * until when, by which rules, who may release it and who has spoken; and their signed words, which
 * judge checks. Spec: docs/OPERATIONS.md. */
#ifndef TDZ_GATEWAY_CLERK_CLERK_HOLD_H
#define TDZ_GATEWAY_CLERK_CLERK_HOLD_H

#include "gateway/flow/flow_run.h"

/* A signed note is small; so are all of one hold, which travel in one message. */
enum { CLERK_HOLD_NOTE_MAX = 4096, CLERK_HOLD_NOTES_MAX = 24 * 1024 };

/* QUERY_HOLDS and QUERY_HOLD. */
void clerk_hold_list(struct flow *f, const struct chan_ticket *t, const struct p_query *p);
void clerk_hold_show(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
                     const uint8_t id[static 16]);
/* QUERY_APPROVAL: asks judge (JOB_HOLD). from: who asked. */
void clerk_hold_ask(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
                    const uint8_t id[static 16], enum role_id from);
void clerk_hold_drive(struct flow *f, struct flow_job *job);
MUST_USE enum err clerk_hold_answer(struct flow *f, struct flow_job *job, const struct msg *m);

#endif
