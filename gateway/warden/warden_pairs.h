/* SPDX-License-Identifier: Apache-2.0 */
/* The channels between children: a socket pair each, handed over when either of the two starts. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_PAIRS_H
#define TDZ_GATEWAY_WARDEN_WARDEN_PAIRS_H

#include "gateway/warden/warden.h"

/* Gives child, which was just started, and every living peer their new channels. A peer that
 * cannot take its end is ended. ERR_SYS, or what child's own channel says: ERR_FULL, ERR_ROLE_LOST.
 */
MUST_USE enum err warden_pairs_make(struct warden_child *child);

#endif
