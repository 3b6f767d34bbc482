/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of distinct persons as operators see and correct them: what stands for each exporter and
 * year, opening balances and adjustments by signed notes that judge checks, and warning levels.
 * Spec: design.md 5 Counters; docs/OPERATIONS.md. */
#ifndef TDZ_GATEWAY_CLERK_CLERK_COUNTER_H
#define TDZ_GATEWAY_CLERK_CLERK_COUNTER_H

#include "gateway/flow/flow_run.h"

enum { CLERK_COUNTER_NOTE_MAX = 4096, CLERK_COUNTER_LIST_MAX = 500 };

/* QUERY_COUNTERS. */
void clerk_counter_show(struct flow *f, const struct chan_ticket *t, const struct p_query *p);
/* QUERY_ADJUST: JOB_ADJUST asks judge, stores, appends; the numbers change when it is logged. */
void clerk_counter_ask(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
                       enum role_id from);
void clerk_counter_drive(struct flow *f, struct flow_job *job);
MUST_USE enum err clerk_counter_answer(struct flow *f, struct flow_job *job, const struct msg *m);
/* Its question failed: a stored one is tried again, the other's asker is told. */
void clerk_counter_failed(struct flow *f, struct flow_job *job);
/* Takes up a stored adjustment that is not logged yet, if nobody does. */
void clerk_counter_resume(struct flow *f);
/* Counts what of this year is at or over its warning level; tells when there is more than before.
 * transfer: what just crossed, or NULL. */
void clerk_counter_watch(struct flow *f, const uint8_t *transfer);

#endif
