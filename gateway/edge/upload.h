/* SPDX-License-Identifier: Apache-2.0 */
/* One dataset on its way in: from the question to clerk to clerk's last answer. It does not know
 * HTTP: whoever carries the request feeds it and hears from it through a sink, and may leave at any
 * time; the upload then ends by itself. Bytes go into ring A in whole slots; credit is given for
 * what the ring has room for and no more. */
#ifndef TDZ_GATEWAY_EDGE_UPLOAD_H
#define TDZ_GATEWAY_EDGE_UPLOAD_H

#include "gateway/core/chan.h"
#include "gateway/core/loop.h"
#include "gateway/core/payload.h"
#include "gateway/edge/field.h"

struct upload;

/* What all uploads of a process share. Lives as long as they. */
struct upload_host {
    struct loop *loop;
    /* The channel to an instance, or NULL. */
    struct chan *(*chan)(void *ctx, enum role_id role, unsigned index);
    void *ctx;
    size_t ring_slots;
    size_t uploads_max;
    uint32_t role_ms; /* how long another role may take */
    struct upload *first;
    size_t count;
    uint64_t bytes_in; /* since the start */
};

/* Called from the loop, from upload_data or upload_end; after answer the upload is forgotten. */
struct upload_sink {
    void *ctx;
    /* The transfer exists: the body is welcome. */
    void (*go)(void *ctx);
    void (*credit)(void *ctx, uint64_t bytes);
    /* p is a view; m (may be NULL) holds the descriptor of a long body. transfer: all zero when
     * none was made. */
    void (*answer)(void *ctx, const uint8_t transfer[static 16], const struct p_answer *p,
                   struct msg *m);
};

struct upload_request {
    struct p_upload_open open;
    struct field_digest declared;
    uint32_t wait_ms;
    struct upload_sink sink;
};

/* Asks clerk. ERR_FULL: too many open, or the channel is full; ERR_ROLE_LOST: no clerk;
 * ERR_TOO_LARGE: the request does not fit a message; ERR_NOMEM, ERR_CRYPTO, ERR_SYS. */
MUST_USE enum err upload_new(struct upload_host *host, const struct upload_request *request,
                             struct upload **ret);
/* Bytes of the body, never more than credit was given for. */
void upload_data(struct upload *u, struct span bytes);
/* The body is complete. */
void upload_end(struct upload *u);
/* The request is gone: outcome tells clerk why, when the body was not complete. */
void upload_leave(struct upload *u, enum upload_outcome outcome);
/* SHA-256 of the body, once it is complete. */
const uint8_t *upload_sha256(const struct upload *u);

/* UPLOAD_STOP from clerk. ERR_SYNTAX and the like: a violation. */
MUST_USE enum err upload_on_stop(struct upload_host *host, struct msg *m);
/* A new clerk is there: asks again for the answers that were lost. */
void upload_on_clerk(struct upload_host *host);
/* Frees every upload without a word: the process ends. */
void upload_free_all(struct upload_host *host);

#endif
