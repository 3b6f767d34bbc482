/* SPDX-License-Identifier: Apache-2.0 */
/* The peer listener's requests: offers, seals, runs of groups, releases, receipts, states, witness
 * calls, the public part of the log. Small bodies go to clerk or ledger as they are and the answer
 * comes back later; runs of groups go through an intake into clerk's files. No process, no loop, no
 * socket: requests come as events of a connection, questions leave through struct inbound_out.
 * Spec: docs/PROCESSES.md Corridor, http-api.md Peer listener. */
#ifndef TDZ_GATEWAY_LINK_INBOUND_H
#define TDZ_GATEWAY_LINK_INBOUND_H

#include "gateway/core/payload.h"
#include "gateway/net/http.h"
#include "gateway/web/reply.h"

enum {
    INBOUND_SMALL_MAX = 56 * 1024, /* an offer, parcel, SEAL or checkpoint request */
    INBOUND_BODIES_PER_PEER = 32,  /* runs of groups under way at a time, 256 KiB each */
    INBOUND_REQUESTS_PER_PEER = 256,
};

struct inbound;
struct inbound_request;

/* ask_*: the answer goes to inbound_*_answer with the request, exactly once, also when the request
 * is over by then; after an error it does not come, and the peer is told 503. */
struct inbound_out {
    enum err (*ask_clerk)(void *ctx, struct inbound_request *r, const uint8_t transfer[static 16],
                          const struct p_corridor_in *question);
    enum err (*ask_ledger)(void *ctx, struct inbound_request *r,
                           const struct p_witness_ask *question);
    enum err (*ask_log)(void *ctx, struct inbound_request *r, const struct p_log_read *question);
    void (*body_state)(void *ctx, const uint8_t transfer[static 16],
                       const struct p_body_state *state);
    /* The peer did what an honest one does not: refuse is sent, end the connection after it. */
    void (*end)(void *ctx, void *conn, const char *peer, enum err why);
    /* fsync or a write failed for no reason but the disk: nothing is known about it any more. */
    void (*disk_failed)(void *ctx);
    void *ctx;
};

struct inbound_config {
    const char *zone; /* ours, for hello; the strings outlive the engine */
    const char *gateway;
    size_t transfers_max;
    const struct reply_port *port;
    struct inbound_out out;
};

/* ERR_NOMEM. */
MUST_USE enum err inbound_new(const struct inbound_config *config, struct inbound **ret);
/* Requests must be over (their connections freed) and answers not come any more. */
void inbound_free(struct inbound *in);

/* An event of a connection of peer (a configured zone). conn is what port is called with. */
void inbound_event(struct inbound *in, void *conn, const char *peer,
                   const struct http_event *event);

/* err not ERR_OK: no answer came. body_fd and groups_fd: -1, or owned by the engine from now on. */
void inbound_clerk_answer(struct inbound_request *r, enum err err,
                          const struct p_corridor_answer *answer, int body_fd, int groups_fd);
void inbound_ledger_answer(struct inbound_request *r, enum err err,
                           const struct p_witness_answer *answer);
/* fd: the file, or -1; owned. */
void inbound_log_answer(struct inbound_request *r, enum err err, const struct p_log_data *answer,
                        int fd);

/* Clerk is a new process: it decides about every transfer anew. */
void inbound_forget(struct inbound *in);

size_t inbound_request_count(const struct inbound *in);
size_t inbound_intake_count(const struct inbound *in);
uint64_t inbound_bytes(const struct inbound *in);

#endif
