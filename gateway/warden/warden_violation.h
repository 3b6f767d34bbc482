/* SPDX-License-Identifier: Apache-2.0 */
/* What one child says against another, and which of the two is ended for it. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_VIOLATION_H
#define TDZ_GATEWAY_WARDEN_WARDEN_VIOLATION_H

#include "gateway/warden/warden.h"

/* VIOLATION from child. Of a process that is gone already nothing is held; a closed channel is
 * judged WARDEN_LOST_MS later, by warden_violation_tick. ERR_SHORT, ERR_TRAILING, ERR_RANGE,
 * ERR_PROTOCOL: not that message. */
MUST_USE enum err warden_violation_heard(struct warden_child *child, const struct msg *m);

/* Judges the channel that child reported closed: if both its ends live on with it, somebody closed
 * it who had no reason to. */
void warden_violation_tick(struct warden_child *child, int64_t now_ms);

#endif
