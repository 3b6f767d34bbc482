/* SPDX-License-Identifier: Apache-2.0 */
/* One child: start, hand-over, end. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_CHILD_H
#define TDZ_GATEWAY_WARDEN_WARDEN_CHILD_H

#include "gateway/warden/warden.h"

/* Makes the slot of an instance. ERR_NOMEM. */
MUST_USE enum err warden_child_new(struct warden *w, enum role_id role, unsigned index,
                                   struct warden_child **ret);

/* Starts its process and gives it and all living peers their new channels. ERR_SYS. */
MUST_USE enum err warden_child_start(struct warden_child *child);

/* Hands over as many grants as the channel takes, then CONFIG or RELOAD. Called again until done.
 */
void warden_child_give(struct warden_child *child, const struct warden_files *files,
                       const struct config *config);

/* Sends a message without a body; a child that cannot be told is killed. */
void warden_child_tell(struct warden_child *child, enum msg_type type);

void warden_child_kill(struct warden_child *child);

#endif
