/* SPDX-License-Identifier: Apache-2.0 */
/* The channels between children: a socket pair each, handed over when either of the two starts.
 *
 * Clerk names edges, inspectors and sealers to the others by index and incarnation, and whoever
 * hears of one must be able to reach it. So clerk gets its channel to such a process last, when
 * all its other peers have said that theirs is open: a transfer cannot be given to an inspector
 * that edge or keeper has not heard of yet. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_PAIRS_H
#define TDZ_GATEWAY_WARDEN_WARDEN_PAIRS_H

#include "gateway/warden/warden.h"

/* Gives child, which was just started, and every living peer their new channels, clerk's as said
 * above excepted. A peer that cannot take its end is ended. ERR_SYS, or what child's own channel
 * says: ERR_FULL, ERR_ROLE_LOST. */
MUST_USE enum err warden_pairs_make(struct warden_child *child);

/* CHANNEL_OPEN from child. ERR_SHORT, ERR_TRAILING, ERR_RANGE, ERR_PROTOCOL: not
 * that message. */
MUST_USE enum err warden_pairs_opened(struct warden_child *child, const struct msg *m);

/* Lets clerk hear of child when its peers have; or WARDEN_KNOWN_MS after its start, since one peer
 * that hangs must not take every inspector away. */
void warden_pairs_tick(struct warden_child *child, int64_t now_ms);

#endif
