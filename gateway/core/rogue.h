/* SPDX-License-Identifier: Apache-2.0 */
/* Test builds only: what a captured role would say. A fault point rogue_* armed with :err or :errs
 * turns the process it names hostile: a message on its way out is changed or held back, or a
 * message heard is followed by one that the role has no right to send. Everything else of the role
 * stays as it is, so that the others are shown to check for themselves. What cannot be said from
 * outside (the ring, the inspector's report) asks rogue_acts where it is made. Each act and what it
 * got are told in the operator's log (event ROGUE), the act before it is done: its role may be
 * ended at once. In other builds there is nothing of this. Spec: design.md 4, invariants;
 * docs/PROCESSES.md, what each checks. */
#ifndef TDZ_GATEWAY_CORE_ROGUE_H
#define TDZ_GATEWAY_CORE_ROGUE_H

#include "gateway/core/chan.h"
#include "gateway/core/fault.h"
#include "tdz_config.h"

#if TDZ_FAULTS
/* Passes a point; true, and told, if this process now does what it names. */
bool rogue_acts(enum fault_id point);
/* chan of this process is open. */
void rogue_meet(struct chan *chan);
/* m is about to leave: may change it (body becomes a view of static memory until the next call).
 * False: it is held back. self: the role of this process. */
bool rogue_may_send(enum role_id self, struct chan *chan, struct msg *m);
/* m came in and is good; its handler runs after this. */
void rogue_heard(enum role_id self, struct chan *chan, const struct msg *m);
#endif

#endif
