/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of one listening socket: accepts within a limit, pumps each connection when its
 * socket, a wake-up or a deadline says so, and ends it. What is asked on them goes to the owner's
 * sink, with the client it came from. */
#ifndef TDZ_GATEWAY_WEB_SERVER_H
#define TDZ_GATEWAY_WEB_SERVER_H

#include "gateway/core/loop.h"
#include "gateway/core/oplog.h"
#include "gateway/core/rolemain.h"
#include "gateway/net/conn.h"
#include "gateway/web/reply.h"

struct server_client;

struct server_config {
    struct loop *loop;
    struct oplog *log;
    int fd;                  /* listening, non-blocking; owned by the listener */
    struct conn_config conn; /* tls, roles, limits, budget; sink and wake are set here */
    size_t clients_max;
    size_t party_max; /* of them, those of one identity; 0: no share, or no identities */
    void (*event)(void *ctx, struct server_client *client, const struct http_event *event);
    void *ctx;
};

struct server;

/* Copies config; accepts nothing before server_start. ERR_NOMEM, ERR_SYS; the descriptor is the
 * caller's again then. */
MUST_USE enum err server_new(const struct server_config *config, struct server **ret);
/* Ends every connection at once (their streams get ABORT), then frees. NULL is fine. */
void server_free(struct server *l);
MUST_USE enum err server_start(struct server *l);

/* Stops accepting; connections end when their requests are done. */
void server_drain(struct server *l);
size_t server_client_count(const struct server *l);
/* Connections accepted, and refused in the TLS handshake, since the start. */
uint64_t server_accepted(const struct server *l);
uint64_t server_failed(const struct server *l);

/* For connections accepted from now on. tls outlives them. */
void server_set_tls(struct server *l, struct tlsctx *tls);
/* Checks every connection against the trust in force now and ends those it does not hold for. */
void server_recheck(struct server *l);

/* One connection: no new requests, and its end when those under way are done. */
void server_end(struct server_client *client);

const struct identity *server_identity(const struct server_client *client);
/* How a reply reaches client: the conn of the port is the client. */
const struct reply_port *server_port(void);

/* The connection's limits from a role's configuration. */
void server_limits(const struct config *config, struct conn_config *ret);

/* A server context from CERT, TRUST and CRL grants: certificates of the authority of `zone` only
 * are accepted, for HTTP/1.1 and HTTP/2. signer outlives it. ERR_NOT_FOUND: a grant or the zone is
 * missing; others as tlsctx_new, tlsctx_trust, trust_load. */
MUST_USE enum err server_tls(const struct tlskey_lib *lib, struct tlskey_signer signer,
                             const char *zone, struct grant *grants, size_t grant_count,
                             struct tlsctx **ret);

#endif
