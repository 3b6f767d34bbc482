/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to one peer: hello on a new connection, the transfers clerk forwards, parcels, witness
 * calls. A transfer is asked for first, then offered, sealed, and sent in runs of groups, several
 * at a time; whatever breaks, it goes on at the groups the peer has acknowledged. No process, no
 * loop, no socket: the owner brings connections and time. Nothing of a transfer is sent before
 * outbound_go. Spec: docs/PROCESSES.md Corridor. */
#ifndef TDZ_GATEWAY_LINK_OUTBOUND_H
#define TDZ_GATEWAY_LINK_OUTBOUND_H

#include "gateway/core/payload.h"
#include "gateway/net/h2client.h"

enum {
    OUTBOUND_ACTIVE_MAX = 16, /* transfers sent to one peer at a time; others wait their turn */
    OUTBOUND_RUN_GROUPS = 4,  /* groups in one request: 4 MiB */
    OUTBOUND_RUNS_MAX = 4,    /* requests of one transfer under way */
    OUTBOUND_CALLS_MAX = 512, /* requests open or waiting, all kinds */
    OUTBOUND_ANSWER_MAX = 96 * 1024,
};

/* A question of clerk or ledger that a call answers; plain data, kept by the call. */
struct outbound_ticket {
    uint8_t bytes[64];
};

struct outbound_out {
    void (*state)(void *ctx, const uint8_t transfer[static 16],
                  const struct p_forward_state *state);
    void (*parcel_sent)(void *ctx, const struct outbound_ticket *ticket,
                        const struct p_parcel_sent *sent);
    void (*witness_result)(void *ctx, const struct outbound_ticket *ticket,
                           const struct p_witness_result *result);
    /* up, or down with detail; told on changes only. */
    void (*peer_state)(void *ctx, const struct p_peer_state *state);
    void *ctx;
};

struct outbound_config {
    const char *zone;    /* the peer's; strings outlive the engine */
    const char *gateway; /* whose answer to hello must name both */
    const char *authority;
    size_t transfers_max;
    uint32_t retry_min_ms;
    uint32_t retry_max_ms;
    struct outbound_out out;
};

struct outbound;

/* ERR_NOMEM. */
MUST_USE enum err outbound_new(const struct outbound_config *config, struct outbound **ret);
void outbound_free(struct outbound *o);

/* The event callback of the connection's h2client_config; ctx is the outbound. */
void outbound_event(void *ctx, const struct h2client_event *event);

/* A connection is there (TLS is through): hello goes out. http lives until outbound_lost. */
void outbound_connected(struct outbound *o, struct h2client *http, int64_t now_ms);
/* It is over: call this, then free it (its requests get their ABORT). why goes into PEER_STATE. */
void outbound_lost(struct outbound *o, const char *why, int64_t now_ms);
bool outbound_is_up(const struct outbound *o);
/* The connection is of no use (hello failed, no new requests): the owner closes it. */
bool outbound_wants_close(const struct outbound *o);
const char *outbound_detail(const struct outbound *o);

/* Repeats are idempotent; another offer hash takes the place of the first. Descriptors are owned
 * from now on, also on error. ERR_FULL; ERR_RANGE: sizes do not agree; ERR_NOMEM; errors of
 * seal_decode. */
MUST_USE enum err outbound_forward(struct outbound *o, const uint8_t transfer[static 16],
                                   const struct p_forward *forward, int body_fd, int groups_fd,
                                   bool has_go, int64_t now_ms);
void outbound_go(struct outbound *o, const uint8_t transfer[static 16],
                 const uint8_t offer_hash[static 32], int64_t now_ms);
void outbound_stop(struct outbound *o, const uint8_t transfer[static 16]);
/* Clerk is a new process: nothing it asked before counts. */
void outbound_forget(struct outbound *o);

/* Answered once, with status 0 when the peer cannot be reached or does not answer. */
void outbound_parcel(struct outbound *o, const uint8_t transfer[static 16],
                     const struct p_parcel_send *send, const struct outbound_ticket *ticket,
                     int64_t now_ms);
void outbound_witness(struct outbound *o, const struct p_witness_call *call,
                      const struct outbound_ticket *ticket, int64_t now_ms);

/* Applies deadlines and takes up what waited. */
void outbound_tick(struct outbound *o, int64_t now_ms);
int64_t outbound_deadline(const struct outbound *o);
size_t outbound_forward_count(const struct outbound *o);
uint64_t outbound_bytes(const struct outbound *o);

#endif
