/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of edge share: one exchange is one request and its answer. */
#ifndef TDZ_GATEWAY_EDGE_EDGE_PRIV_H
#define TDZ_GATEWAY_EDGE_EDGE_PRIV_H

#include "gateway/edge/edge.h"
#include "gateway/edge/pull.h"

/* A request from HEAD to DONE or ABORT. The request's head belongs to the connection and is good
 * until then. An exchange that is over stays until the loop's next turn: whoever is above us on the
 * stack may still look at it. */
struct edge_exchange {
    struct edge *edge;
    struct edge_exchange *next;
    struct edge_exchange **link;
    const struct http_request *head;
    const struct identity *who;
    struct reply reply;
    enum partner_route route;
    struct span params[ROUTE_PARAMS_MAX];
    uint8_t transfer[16];
    bool is_over;
    bool is_received; /* END came */
    uint8_t *body;    /* of a POST */
    size_t body_len;
    size_t body_max;
    size_t discarded;
    struct chan *asked; /* the question under way, NULL: none */
    uint32_t asked_seq;
    struct upload *upload;
    bool wants_digest;
    bool is_async;
    struct pull *pull;
    struct field_range range;
    uint64_t first; /* of the bytes asked for */
    uint64_t last;
    struct digest *hash; /* of a first pass */
};

/* A digest that was computed for somebody. A transfer's bytes never change. */
struct edge_digest {
    bool used;
    uint8_t transfer[16];
    uint8_t sha256[32];
};

struct edge_party {
    char name[IDENTITY_PART_MAX + 1];
    struct rate_bucket bucket;
    int64_t used_ms;
};

struct edge {
    struct edge_config config;
    struct upload_host uploads;
    struct pull_host pulls;
    struct edge_exchange *exchanges; /* open */
    struct edge_exchange *over;
    struct loop_defer *reaper;
    struct edge_party parties[EDGE_PARTIES_MAX];
    struct edge_digest digests[EDGE_DIGESTS_MAX];
    size_t digest_next;
    struct edge_stats stats;
    bool is_draining;
    uint8_t tx[MSG_PAYLOAD_MAX];
};

/* Answers with a problem of ours. */
void edge_refuse(struct edge_exchange *x, enum problem_code code, struct span detail);
/* Answers with what clerk said. */
void edge_answer(struct edge_exchange *x, const uint8_t transfer[static 16],
                 const struct p_answer *p, struct msg *m);
/* Asks role; fn is called unless the exchange is over before. False: it was refused. */
bool edge_ask(struct edge_exchange *x, enum role_id role, const struct msg *m, uint32_t deadline_ms,
              CHAN_ANSWER_FN(fn));
/* Asks clerk's QUERY what; its ANSWER is the answer. */
void edge_query(struct edge_exchange *x, enum query_kind what, struct span body, uint32_t wait_ms);
/* The same with an ear of its own for the answer. */
void edge_query_then(struct edge_exchange *x, enum query_kind what, struct span body,
                     uint32_t wait_ms, CHAN_ANSWER_FN(fn));
/* The field etag of a root. */
void edge_etag(struct reply *r, const uint8_t root[static 32]);

/* edge_put.c */
void edge_put_begin(struct edge_exchange *x);
/* edge_data.c, edge_doc.c, edge_get.c: handlers of partner_route.def. */
void edge_service(struct edge_exchange *x);
void edge_openapi(struct edge_exchange *x);
void edge_decisions(struct edge_exchange *x);
void edge_transfers(struct edge_exchange *x);
void edge_transfer(struct edge_exchange *x);
void edge_receipt(struct edge_exchange *x);
void edge_inbox(struct edge_exchange *x);
void edge_inbox_item(struct edge_exchange *x);
void edge_data(struct edge_exchange *x);
void edge_ack(struct edge_exchange *x);
void edge_log(struct edge_exchange *x);

#endif
