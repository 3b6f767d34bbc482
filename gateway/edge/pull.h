/* SPDX-License-Identifier: Apache-2.0 */
/* One dataset on its way out: clerk grants the pull, a sealer sends a ring, its slots go to whoever
 * asked as fast as they are taken. Like an upload it knows no HTTP; the sink may leave at any
 * time. */
#ifndef TDZ_GATEWAY_EDGE_PULL_H
#define TDZ_GATEWAY_EDGE_PULL_H

#include "gateway/core/chan.h"
#include "gateway/core/loop.h"
#include "gateway/core/payload.h"

struct pull;

enum { PULL_RINGS_WAITING_MAX = 16 }; /* rings that came before their PULL_GO */

struct pull_waiting {
    bool used;
    uint8_t transfer[16];
    uint32_t number;
    int fds[3];
};

struct pull_host {
    struct loop *loop;
    struct chan *(*chan)(void *ctx, enum role_id role, unsigned index);
    void *ctx;
    size_t ring_slots;
    size_t pulls_max;
    struct pull *first;
    size_t count;
    uint64_t bytes_out;
    struct pull_waiting waiting[PULL_RINGS_WAITING_MAX];
};

struct pull_sink {
    void *ctx;
    /* Clerk's grant; the bytes first to last of total follow. */
    void (*go)(void *ctx, const struct p_pull_go *go);
    /* As conn_write: ERR_AGAIN or less than all, then pull_writable is called when there is room.
     */
    enum err (*bytes)(void *ctx, struct span bytes, size_t *ret_len);
    /* Over: ERR_OK, all bytes were taken; else they were cut short. The pull is forgotten. */
    void (*end)(void *ctx, enum err err);
    /* Refused instead of go. m may hold a descriptor; NULL: made by edge. The pull is forgotten. */
    void (*refused)(void *ctx, const struct p_answer *p, struct msg *m);
};

/* Asks clerk for bytes first to last (UINT64_MAX: to the end) of transfer. Errors as upload_new. */
MUST_USE enum err pull_new(struct pull_host *host, const uint8_t transfer[static 16],
                           const struct p_pull_open *open, const struct pull_sink *sink,
                           struct pull **ret);
void pull_writable(struct pull *p);
void pull_leave(struct pull *p);
/* RING_PULL from a sealer. */
MUST_USE enum err pull_on_ring(struct pull_host *host, struct msg *m);
void pull_free_all(struct pull_host *host);

#endif
