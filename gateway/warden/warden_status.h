/* SPDX-License-Identifier: Apache-2.0 */
/* What desk may know about the processes of this gateway. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_STATUS_H
#define TDZ_GATEWAY_WARDEN_WARDEN_STATUS_H

#include "gateway/warden/warden.h"

/* Answers a STATUS_ASK with canonical JSON: {"roles":[{"index","landlock","phase","pid","restarts",
 * "role","seccomp","stats"}],"sandbox","version"}. ERR_FULL, ERR_ROLE_LOST. */
MUST_USE enum err warden_status_answer(struct warden *w, struct chan *chan,
                                       const struct msg *question);

#endif
