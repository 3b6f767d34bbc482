/* SPDX-License-Identifier: Apache-2.0 */
/* Short conversations that leave a transfer's state alone or change it once: verifying what a peer
 * sent, carrying a receipt, a pull, a long poll, evidence. A job lost in a restart is begun again
 * by whoever wanted it; errands are in the store. */
#ifndef TDZ_GATEWAY_FLOW_FLOW_JOB_H
#define TDZ_GATEWAY_FLOW_FLOW_JOB_H

#include "gateway/flow/flow_run.h"

enum flow_job_kind {
    JOB_NONE,
    JOB_RECEIPT,
    JOB_RELEASE,
    JOB_ERRAND,
    JOB_PULL,
    JOB_DRY,
    JOB_WAIT,
    JOB_EVIDENCE,
    JOB_STATE,
    JOB_NOTE,
    JOB_HOLD,
    JOB_ADJUST,
    JOB_AGAIN
};

struct flow_job {
    enum flow_job_kind kind;
    unsigned step;
    struct flow_conv conv;
    uint8_t id[16];
    bool has_ticket;
    struct chan_ticket ticket;
    int64_t until_ms;
    struct span kept; /* heap: the message it began with */
    struct span more; /* heap: what it gathers */
    uint64_t a, b, c; /* by kind */
    uint8_t hash[32];
    struct flow_peer peer;
};

/* A fresh job, driven in this turn. id NULL: of no transfer. NULL: FLOW_JOBS_MAX are in use. */
struct flow_job *flow_job_new(struct flow *f, enum flow_job_kind kind, const uint8_t *id);
/* The same with a copy of the message it begins with in kept. ticket: who waits for its end, or
 * NULL. NULL: no job or no memory is left. */
struct flow_job *flow_job_begin(struct flow *f, enum flow_job_kind kind, const uint8_t *id,
                                struct span message, const struct chan_ticket *ticket);
void flow_job_free(struct flow_job *job);
void flow_job_ask(struct flow *f, struct flow_job *job, enum role_id role, unsigned index,
                  enum msg_type type, struct span body);
void flow_job_retry(struct flow *f, struct flow_job *job);
void flow_job_drive(struct flow *f, struct flow_job *job);
MUST_USE enum err flow_job_answer(struct flow *f, struct flow_job *job, struct msg *m);
/* Takes up the errands of the store that nobody runs. */
void flow_job_errands(struct flow *f);
/* A question of the job failed: try again, or give it up. */
void flow_job_failed(struct flow *f, struct flow_job *job, enum err err);
/* An operator's word on that transfer waits. */
bool flow_job_speaks(const struct flow *f, const uint8_t id[static 16]);
/* Such a word is looked at again at once. */
void flow_job_hurry(struct flow *f, const uint8_t id[static 16]);

#endif
