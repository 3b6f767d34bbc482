/* SPDX-License-Identifier: Apache-2.0 */
/* What partners may ask and how they are answered: requests in, messages to the other roles out,
 * answers back. Edge parses and never decides; it names only uploads, pulls and objects of the
 * identity on the connection. No sockets here: edge_role.c brings connections and channels, tests
 * bring doubles. Spec: http-api.md, docs/PROCESSES.md. */
#ifndef TDZ_GATEWAY_EDGE_EDGE_H
#define TDZ_GATEWAY_EDGE_EDGE_H

#include "gateway/core/chan.h"
#include "gateway/core/loop.h"
#include "gateway/edge/upload.h"
#include "gateway/net/identity.h"
#include "gateway/net/rate.h"
#include "gateway/web/reply.h"
#include "gateway/web/route.h"

enum {
    EDGE_BODY_MAX = 48 * 1024, /* of a JSON request: fits a message with room for the rest */
    EDGE_DISCARD_MAX = 64 * 1024,
    EDGE_PARTIES_MAX = 256, /* partners whose rate is remembered */
    EDGE_DIGESTS_MAX = 64,  /* digests of datasets that were computed for somebody */
};

enum partner_route {
#define PARTNER_ROUTE(NAME, methods, pattern, roles, body_max, handler) PARTNER_ROUTE_##NAME,
#include "gateway/edge/partner_route.def"
#undef PARTNER_ROUTE
    PARTNER_ROUTE_COUNT
};

/* The rows of partner_route.def. */
const struct route *edge_routes(void);

struct edge_config {
    struct loop *loop;
    struct chan *(*chan)(void *ctx, enum role_id role, unsigned index);
    int64_t (*now_ms)(void *ctx); /* monotonic */
    void *ctx;
    char zone[64];
    char gateway[64];
    uint64_t dataset_bytes_max;
    uint32_t name_bytes_max;
    uint32_t facts_bytes_max;
    uint32_t decisions_rate;
    uint32_t role_ms;
    size_t ring_slots;
    size_t transfers_max;
};

struct edge_stats {
    uint64_t requests;
    uint64_t uploads_open;
    uint64_t pulls_open;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t refused; /* problems answered by edge or others */
};

struct edge;

/* Copies config. crypto is up. ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err edge_new(const struct edge_config *config, struct edge **ret);
/* No stream may be open any more. */
void edge_free(struct edge *e);
/* New limits; what is under way keeps its own. */
void edge_reconfigure(struct edge *e, const struct edge_config *config);

/* One event of one connection. who: the identity of its certificate, good while the connection is.
 */
void edge_event(struct edge *e, const struct reply_port *port, void *conn,
                const struct identity *who, const struct http_event *event);

/* Messages that answer no question: UPLOAD_STOP, RING_PULL. An error is a violation. */
MUST_USE enum err edge_message(struct edge *e, struct chan *chan, struct msg *m);
/* A role's process is new. */
void edge_new_peer(struct edge *e, const struct chan *chan);

/* New requests are refused 503 draining; true from edge_is_idle when nothing is under way. */
void edge_drain(struct edge *e);
bool edge_is_idle(const struct edge *e);
void edge_stats(const struct edge *e, struct edge_stats *ret);

#endif
