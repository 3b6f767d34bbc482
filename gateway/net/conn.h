/* SPDX-License-Identifier: Apache-2.0 */
/* One accepted connection: transport, TLS, and HTTP/1.1 or HTTP/2 over it, with every deadline. It
 * owns no socket and knows no loop: bytes move through two functions, and the owner calls pump when
 * the socket is ready, when woken, and at the deadline. */
#ifndef TDZ_GATEWAY_NET_CONN_H
#define TDZ_GATEWAY_NET_CONN_H

#include "gateway/net/h2server.h"
#include "gateway/net/identity.h"
#include "gateway/net/tlsctx.h"

/* Moving bytes without blocking. ERR_AGAIN: not now; ERR_CLOSED: recv only, the peer's end;
 * ERR_IO: broken. */
struct conn_io {
    enum err (*recv)(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len);
    enum err (*send)(void *ctx, struct span bytes, size_t *ret_len);
    void *ctx;
};

struct conn_config {
    struct tlsctx *tls; /* a server's; NULL: cleartext HTTP/1.1 (a loopback listener only) */
    unsigned roles;     /* of enum identity_role: others are answered 403 role-not-allowed */
    uint32_t handshake_ms;
    uint32_t linger_ms; /* how long the peer may go on sending after our last byte */
    /* Limits, budget, the consumer's sink, and wake: called when pump is due for no event of the
     * socket. */
    struct h2server_config http;
};

enum { CONN_WANTS_READ = 1, CONN_WANTS_WRITE = 2 };

struct conn;

/* 10 s, 2 s, h2server_config_default; tls, roles, sink, wake and budget are left to set. */
struct conn_config conn_config_default(void);

/* Copies config and io. ERR_NOMEM. */
MUST_USE enum err conn_new(const struct conn_config *config, const struct conn_io *io,
                           int64_t now_ms, struct conn **ret_conn);
/* Open streams get ABORT. NULL is accepted. */
void conn_free(struct conn *c);

/* Moves what can be moved and applies deadlines. Any result but ERR_OK is the end; free it.
 * ERR_CLOSED: in order; ERR_SHORT: the peer's bytes were cut; ERR_PROTOCOL: TLS failed, or the
 * first byte was not TLS (nothing was sent then); ERR_TIMEOUT; ERR_IO; ERR_NOMEM. */
MUST_USE enum err conn_pump(struct conn *c, int64_t now_ms);
/* Which readiness to wait for, of CONN_WANTS_*. */
unsigned conn_wants(const struct conn *c);
/* When to pump at the latest; INT64_MAX: never. */
int64_t conn_deadline(const struct conn *c);

/* No new requests; the connection ends when those under way are done. */
void conn_drain(struct conn *c);
/* Verifies the peer's certificate under the trust in force now. ERR_DENIED: end the connection. */
MUST_USE enum err conn_recheck(struct conn *c);

/* Who the peer is, for the consumer's events; zeroed when there is no TLS. */
const struct identity *conn_identity(const struct conn *c);
bool conn_is_h2(const struct conn *c);
/* Names of the alerts, for the log line ("none"). */
const char *conn_alert_sent(const struct conn *c);
const char *conn_alert_received(const struct conn *c);

/* The consumer's side: as in h1.h and h2server.h. */
MUST_USE enum err conn_grant(struct conn *c, uint32_t stream, uint64_t bytes);
MUST_USE enum err conn_inform(struct conn *c, uint32_t stream,
                              const struct http_response *response);
MUST_USE enum err conn_respond(struct conn *c, uint32_t stream,
                               const struct http_response *response);
MUST_USE enum err conn_write(struct conn *c, uint32_t stream, struct span bytes, size_t *ret_len);
MUST_USE enum err conn_finish(struct conn *c, uint32_t stream);
MUST_USE enum err conn_reset(struct conn *c, uint32_t stream);
/* A whole answer from the table of problems. Errors as conn_respond, conn_write, problem_write. */
MUST_USE enum err conn_problem(struct conn *c, uint32_t stream, const struct problem *problem);

#endif
