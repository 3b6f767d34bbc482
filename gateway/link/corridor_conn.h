/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to a peer gateway: transport, TLS as its client, HTTP/2. The counterpart of
 * gateway/net/conn.h: it owns no socket and knows no loop; the owner calls pump when the socket is
 * ready, when woken, and at the deadline. */
#ifndef TDZ_GATEWAY_LINK_CORRIDOR_CONN_H
#define TDZ_GATEWAY_LINK_CORRIDOR_CONN_H

#include "gateway/net/conn.h"
#include "gateway/net/h2client.h"

struct corridor_conn_config {
    struct tlsctx *tls;      /* a client's; outlives the connection */
    const char *zone;        /* whose peer must answer */
    const char *server_name; /* SNI; NULL: none */
    uint32_t handshake_ms;
    struct h2client_config http; /* wake: called when pump is due for no event of the socket */
};

struct corridor_conn;

/* Copies config and io (but not the strings). ERR_NOMEM. */
MUST_USE enum err corridor_conn_new(const struct corridor_conn_config *config,
                                    const struct conn_io *io, int64_t now_ms,
                                    struct corridor_conn **ret);
/* Open requests get ABORT. NULL is accepted. */
void corridor_conn_free(struct corridor_conn *c);

/* Moves what can be moved and applies deadlines. Any result but ERR_OK is the end; free it.
 * ERR_CLOSED: in order; ERR_SHORT; ERR_DENIED: not a peer of that zone; ERR_PROTOCOL; ERR_TIMEOUT:
 * the handshake or the path took too long; ERR_IO; ERR_NOMEM. */
MUST_USE enum err corridor_conn_pump(struct corridor_conn *c, int64_t now_ms);
unsigned corridor_conn_wants(const struct corridor_conn *c);
int64_t corridor_conn_deadline(const struct corridor_conn *c);

/* Requests begin here once the peer is who it must be; NULL before. */
struct h2client *corridor_conn_http(const struct corridor_conn *c);
/* Checks the peer's certificate under the trust in force now. ERR_DENIED: end the connection. */
MUST_USE enum err corridor_conn_recheck(struct corridor_conn *c);
const char *corridor_conn_alert_sent(const struct corridor_conn *c);
const char *corridor_conn_alert_received(const struct corridor_conn *c);

#endif
