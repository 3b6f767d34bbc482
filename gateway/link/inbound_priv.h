/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the inbound engine share. */
#ifndef TDZ_GATEWAY_LINK_INBOUND_PRIV_H
#define TDZ_GATEWAY_LINK_INBOUND_PRIV_H

#include "gateway/link/inbound.h"
#include "gateway/link/inbound_route.h"
#include "gateway/link/intake.h"

enum { INBOUND_SEAL_PREFIX = 4, INBOUND_SEAL_MAX = 16 * 1024 };

/* A body that is coming in. intake NULL: free. */
struct inbound_slot {
    struct intake *intake;
    uint8_t transfer[16];
    char peer[64];
    uint64_t used; /* larger: later */
};

struct inbound_request {
    struct inbound_request *next;
    struct inbound *owner;
    void *conn;
    uint32_t stream;
    char peer[64];
    struct inbound_route route;
    bool is_over;    /* the connection knows it no more */
    bool is_asked;   /* an answer of clerk or ledger will come */
    bool is_listing; /* slot and list are set: group roots follow */
    uint64_t length; /* of the body */
    uint8_t *buf;    /* a small body, or SEAL with its length */
    size_t cap;
    size_t len;
    size_t seal_len;
    struct inbound_slot *slot;
    struct intake_list list;
    struct intake_writer *writer;
    struct reply reply;
};

struct inbound {
    struct inbound_config config;
    struct inbound_request *requests;
    struct inbound_slot *slots;
    uint64_t uses;
    unsigned depth; /* of calls into the engine */
    uint64_t bytes;
};

void inbound_head(struct inbound *in, void *conn, const char *peer, const struct http_event *event);
void inbound_hello(struct inbound_request *r);
void inbound_ask_clerk(struct inbound_request *r, enum corridor_kind what);
void inbound_ask_ledger(struct inbound_request *r, enum witness_call call);
void inbound_ask_log(struct inbound_request *r);

void inbound_enter(struct inbound *in);
void inbound_leave(struct inbound *in);
void inbound_request_drop(struct inbound_request *r);
void inbound_request_loose(struct inbound_request *r);
void inbound_request_status(struct inbound_request *r, uint16_t status);
void inbound_request_json(struct inbound_request *r, uint16_t status, struct span json);
void inbound_request_failed(struct inbound_request *r, enum err err);
void inbound_request_grant(struct inbound_request *r, uint64_t bytes);
/* The last byte of a SEAL request is in. */
void inbound_request_listed(struct inbound_request *r);

struct inbound_slot *inbound_slot_find(struct inbound *in, const char *peer,
                                       const uint8_t transfer[static 16]);
struct inbound_slot *inbound_slot_new(struct inbound *in);
void inbound_slot_drop(struct inbound *in, struct inbound_slot *slot,
                       const struct inbound_request *but);
void inbound_slot_tell(struct inbound *in, const struct inbound_slot *slot);

#endif
