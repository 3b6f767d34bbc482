/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams with descriptors on a SOCK_SEQPACKET socket: what the socket does not take at once
 * waits, in order, within a fixed budget. For chan.c only. */
#ifndef TDZ_GATEWAY_CORE_CHAN_QUEUE_H
#define TDZ_GATEWAY_CORE_CHAN_QUEUE_H

#include "gateway/core/chan.h"

struct chan_queued {
    uint32_t at;
    uint32_t len;
    uint32_t fd_count;
    int fds[MSG_FDS_MAX]; /* duplicates, owned by the queue */
};

/* Waiting messages: items in a ring of descriptors, bytes in one buffer that is filled upwards and
 * moved down when its end is reached. */
struct chan_queue {
    uint8_t *buf; /* CHAN_QUEUE_BYTES */
    size_t start;
    size_t end;
    size_t bytes;              /* end - start */
    struct chan_queued *items; /* CHAN_QUEUE_COUNT */
    size_t first;
    size_t count;
    size_t fd_count;
};

/* ERR_NOMEM. */
MUST_USE enum err chan_queue_init(struct chan_queue *q);
void chan_queue_finish(struct chan_queue *q);
void chan_queue_clear(struct chan_queue *q);

/* Sends at once, or keeps a copy (descriptors duplicated). ERR_FULL: budget. ERR_ROLE_LOST: the
 * other end is closed. ERR_SYS: no descriptor left. */
MUST_USE enum err chan_queue_send(struct chan_queue *q, int fd, struct span datagram,
                                  const int *fds, size_t fd_count);

/* Sends what waits, as far as the socket takes it. ERR_ROLE_LOST. */
MUST_USE enum err chan_queue_flush(struct chan_queue *q, int fd);

/* Takes one datagram with its descriptors into m->fds (the caller's to close, also on an error).
 * ERR_AGAIN; ERR_CLOSED: the other end is gone; ERR_PROTOCOL: cut off, too many descriptors, or
 * other ancillary data. */
MUST_USE enum err chan_queue_receive(int fd, uint8_t *buf, size_t cap, struct msg *m,
                                     size_t *ret_len);

#endif
