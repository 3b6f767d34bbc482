/* SPDX-License-Identifier: Apache-2.0 */
/* One peer on the loop: connects, reconnects with back-off, pumps; what is said is outbound.h. */
#ifndef TDZ_GATEWAY_LINK_LINK_PEER_H
#define TDZ_GATEWAY_LINK_LINK_PEER_H

#include "gateway/core/rolemain.h"
#include "gateway/link/outbound.h"
#include "gateway/net/tlsctx.h"

struct link_peer;

/* tls and rm outlive it. ERR_NOMEM. */
MUST_USE enum err link_peer_new(struct rolemain *rm, const struct config_peer *config,
                                struct tlsctx *tls, const struct outbound_out *out,
                                struct link_peer **ret);
void link_peer_free(struct link_peer *p);
void link_peer_start(struct link_peer *p);
/* A new address of the same gateway; the connection that is there stays. */
void link_peer_move(struct link_peer *p, const struct config_peer *config);
/* Ends the connection if its certificate would not be accepted now. */
void link_peer_recheck(struct link_peer *p);
struct outbound *link_peer_outbound(struct link_peer *p);
const char *link_peer_zone(const struct link_peer *p);
const char *link_peer_gateway(const struct link_peer *p);
/* Something was begun or is due: timers are set anew. */
void link_peer_wake(struct link_peer *p);

#endif
