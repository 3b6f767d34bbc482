/* SPDX-License-Identifier: Apache-2.0 */
/* What operators, auditors and machines may ask of desk, and the answers. No sockets, no clock:
 * desk_role.c brings them. Spec: http-api.md Desk listener. */
#ifndef TDZ_GATEWAY_DESK_DESK_H
#define TDZ_GATEWAY_DESK_DESK_H

#include "gateway/core/chan.h"
#include "gateway/core/loop.h"
#include "gateway/desk/vitals.h"
#include "gateway/net/identity.h"
#include "gateway/web/reply.h"
#include "gateway/web/route.h"

enum { DESK_BODY_MAX = 16 * 1024 };

enum desk_route {
#define DESK_ROUTE(NAME, methods, pattern, roles, plain, body_max) DESK_ROUTE_##NAME,
#include "gateway/desk/desk_route.def"
#undef DESK_ROUTE
    DESK_ROUTE_COUNT
};

struct desk_exchange;

struct desk {
    struct loop *loop;
    struct chan *(*chan)(void *ctx, enum role_id role, unsigned index);
    int64_t (*now_ms)(void *ctx);
    void *ctx;
    uint32_t role_ms;
    struct vitals vitals;
    bool is_asking_status;
    bool is_asking_clerk;
    uint64_t requests;
    struct desk_exchange *exchanges;
    struct desk_exchange *over;
    struct loop_defer *reaper;
    char *text; /* VITALS_METRICS_MAX */
};

/* loop, chan, now_ms, ctx and role_ms are set by the caller. ERR_NOMEM. */
MUST_USE enum err desk_init(struct desk *d);
/* No stream may be open any more. */
void desk_finish(struct desk *d);

/* One event of one connection; is_plain: of the cleartext port. */
void desk_event(struct desk *d, const struct reply_port *port, void *conn,
                const struct identity *who, bool is_plain, const struct http_event *event);
/* LEDGER_STATE, LEDGER_PEER, PEER_STATE. An error is a violation. */
MUST_USE enum err desk_message(struct desk *d, struct msg *m);
/* Asks warden and clerk how they are, unless the last question is still open. */
void desk_poll(struct desk *d);

#endif
