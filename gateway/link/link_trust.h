/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the corridor believes: each configured peer's zone by that zone's authority in the trust
 * bundle, for that zone's names; never our own zone, never a zone that is no peer. */
#ifndef TDZ_GATEWAY_LINK_LINK_TRUST_H
#define TDZ_GATEWAY_LINK_LINK_TRUST_H

#include "gateway/core/rolemain.h"
#include "gateway/net/tlsctx.h"

/* A context that shows our certificate and believes the peers. For a server or for clients; HTTP/2
 * only. ERR_NOT_FOUND: a grant, or a peer's zone in the bundle, is missing; ERR_CONFIG: a
 * revocation list of no peer; as tlsctx_new, tlsctx_trust, trust_load. */
MUST_USE enum err link_trust_context(const struct tlskey_lib *lib, struct tlskey_signer signer,
                                     bool is_server, const struct config *config,
                                     struct grant *grants, size_t grant_count, struct tlsctx **ret);

/* The same for a context that is in use: replaces whom it believes, or changes nothing. */
MUST_USE enum err link_trust_update(struct tlsctx *ctx, const struct config *config,
                                    struct grant *grants, size_t grant_count);

#endif
