/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the outbound engine share. */
#ifndef TDZ_GATEWAY_LINK_OUTBOUND_PRIV_H
#define TDZ_GATEWAY_LINK_OUTBOUND_PRIV_H

#include "gateway/link/outbound.h"

enum call_kind {
    CALL_HELLO,
    CALL_PARCEL,
    CALL_WITNESS,
    CALL_STATE,
    CALL_OFFER,
    CALL_SEAL,
    CALL_BODY,
};

/* One request. Its body is head, then [file_at, file_end) of a file that the transfer owns. */
struct call {
    struct call *next;
    struct outbound *owner;
    enum call_kind kind;
    uint32_t stream;
    int64_t due_ms;
    struct forward *forward; /* NULL: none, or it does not want the answer any more */
    struct outbound_ticket ticket;
    uint8_t detail; /* parcel_kind, witness_call */
    uint64_t first; /* CALL_BODY */
    uint8_t transfer[16];
    uint8_t *head;
    size_t head_len;
    size_t head_at;
    int file;
    uint64_t file_at;
    uint64_t file_end;
    uint16_t status;
    bool is_over;
    size_t answer_len;
    size_t answer_cap;
    uint8_t *answer;
};

enum forward_step { FORWARD_WAIT, FORWARD_ASK, FORWARD_OFFER, FORWARD_SEAL, FORWARD_BODY };

struct forward {
    struct forward *next;
    struct outbound *owner;
    uint8_t transfer[16];
    uint8_t offer_hash[32];
    bool has_go;
    enum forward_step step;
    int64_t retry_at; /* FORWARD_WAIT: not before */
    uint32_t retry_ms;
    uint8_t *records; /* OFFER, then u32 length and SEAL */
    size_t offer_len;
    size_t seal_len;
    int body_fd;
    int groups_fd;
    uint64_t body_len;
    uint64_t chunks;
    uint64_t groups;
    uint64_t next_group; /* the first not yet asked to be sent on this connection */
    uint64_t acked;
    unsigned runs; /* under way */
};

struct outbound {
    struct outbound_config config;
    struct h2client *http; /* NULL: no connection */
    bool is_up;
    bool was_told;
    bool wants_close;
    char detail[128];
    struct call *calls;
    size_t call_count;
    struct forward *forwards; /* in the order they came */
    size_t forward_count;
    uint64_t bytes;
    int64_t now_ms;
    uint8_t scratch[64 * 1024];
};

/* Adds a request; head is owned from now on, also on error. ERR_CLOSED: no connection for it;
 * ERR_FULL, ERR_NOMEM. */
MUST_USE enum err outbound_call_begin(struct outbound *o, struct call *fields,
                                      enum http_method method, const char *target, uint64_t length,
                                      const char *type);
/* The transfer does not want its requests any more. */
void outbound_call_cancel(struct outbound *o, const struct forward *f);
void outbound_tell_peer(struct outbound *o);

/* An answer to one of its requests; status 0: none came. */
void outbound_forward_answer(struct forward *f, const struct call *c);
void outbound_forward_run(struct outbound *o);
/* The connection is gone: all begin again when there is another. */
void outbound_forward_lost(struct outbound *o);
void outbound_forward_free_all(struct outbound *o);

#endif
