/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/chan_queue.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

union chan_control {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
};

enum err
chan_queue_init(struct chan_queue *q)
{
    *q = (struct chan_queue){.buf = malloc(CHAN_QUEUE_BYTES)};
    q->items = calloc(CHAN_QUEUE_COUNT, sizeof(*q->items));
    return q->buf == NULL || q->items == NULL ? ERR_NOMEM : ERR_OK;
}

void
chan_queue_finish(struct chan_queue *q)
{
    if (q->items != NULL)
        chan_queue_clear(q);
    free(q->buf);
    free(q->items);
    *q = (struct chan_queue){.buf = NULL};
}

static struct chan_queued *
chan_queue_item(const struct chan_queue *q, size_t i)
{
    return &q->items[(q->first + i) % CHAN_QUEUE_COUNT];
}

static void
chan_queue_pop(struct chan_queue *q)
{
    assert(q->count > 0);
    struct chan_queued *item = chan_queue_item(q, 0);
    assert(item->at == q->start && q->bytes >= item->len);
    for (size_t i = 0; i < item->fd_count; i++)
        (void)close(item->fds[i]);
    q->fd_count -= item->fd_count;
    q->start += item->len;
    q->bytes -= item->len;
    q->first = (q->first + 1) % CHAN_QUEUE_COUNT;
    q->count--;
    if (q->count == 0)
        q->start = q->end = 0;
}

void
chan_queue_clear(struct chan_queue *q)
{
    while (q->count > 0)
        chan_queue_pop(q);
    assert(q->bytes == 0 && q->fd_count == 0);
}

/* One datagram, without waiting. ERR_AGAIN, ERR_ROLE_LOST, ERR_SYS. */
static enum err
chan_queue_emit(int fd, struct span datagram, const int *fds, size_t fd_count)
{
    union chan_control control;
    struct iovec iov = {.iov_base = (void *)(uintptr_t)datagram.ptr, .iov_len = datagram.len};
    struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
    assert(fd_count <= MSG_FDS_MAX);
    if (fd_count > 0) {
        memset(&control, 0, sizeof(control));
        h.msg_control = control.bytes;
        h.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }
    for (;;) {
        const ssize_t n = sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0)
            return (size_t)n == datagram.len ? ERR_OK : ERR_SYS;
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == ENOBUFS)
            return ERR_AGAIN;
        return errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN ? ERR_ROLE_LOST : ERR_SYS;
    }
}

static enum err
chan_queue_dup(struct chan_queued *item, const int *fds, size_t fd_count)
{
    item->fd_count = 0;
    for (size_t i = 0; i < fd_count; i++) {
        const int copy = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            for (size_t k = 0; k < item->fd_count; k++)
                (void)close(item->fds[k]);
            return ERR_SYS;
        }
        item->fds[item->fd_count++] = copy;
    }
    return ERR_OK;
}

static void
chan_queue_move_down(struct chan_queue *q)
{
    memmove(q->buf, q->buf + q->start, q->bytes);
    for (size_t i = 0; i < q->count; i++)
        chan_queue_item(q, i)->at -= (uint32_t)q->start;
    q->start = 0;
    q->end = q->bytes;
}

static enum err
chan_queue_keep(struct chan_queue *q, struct span datagram, const int *fds, size_t fd_count)
{
    if (q->count == CHAN_QUEUE_COUNT || datagram.len > CHAN_QUEUE_BYTES - q->bytes ||
        fd_count > CHAN_QUEUE_FDS - q->fd_count)
        return ERR_FULL;
    struct chan_queued *item = chan_queue_item(q, q->count);
    TRY(chan_queue_dup(item, fds, fd_count));
    if (datagram.len > CHAN_QUEUE_BYTES - q->end)
        chan_queue_move_down(q);
    assert(datagram.len <= CHAN_QUEUE_BYTES - q->end);
    memcpy(q->buf + q->end, datagram.ptr, datagram.len);
    item->at = (uint32_t)q->end;
    item->len = (uint32_t)datagram.len;
    q->end += datagram.len;
    q->bytes += datagram.len;
    q->fd_count += fd_count;
    q->count++;
    return ERR_OK;
}

enum err
chan_queue_send(struct chan_queue *q, int fd, struct span datagram, const int *fds, size_t fd_count)
{
    if (q->count == 0) {
        const enum err err = chan_queue_emit(fd, datagram, fds, fd_count);
        if (err != ERR_AGAIN)
            return err;
    }
    return chan_queue_keep(q, datagram, fds, fd_count);
}

enum err
chan_queue_flush(struct chan_queue *q, int fd)
{
    while (q->count > 0) {
        const struct chan_queued *item = chan_queue_item(q, 0);
        const enum err err =
            chan_queue_emit(fd, span_of(q->buf + item->at, item->len), item->fds, item->fd_count);
        if (err == ERR_AGAIN)
            return ERR_OK;
        if (err == ERR_ROLE_LOST)
            return err;
        /* ERR_SYS: this one can never be sent; its asker times out rather than all behind it. */
        chan_queue_pop(q);
    }
    return ERR_OK;
}

/* Collects the descriptors of h into m. Anything unexpected: ERR_PROTOCOL, with all of them in m.
 */
static enum err
chan_queue_collect(struct msghdr *h, struct msg *m)
{
    enum err err = ERR_OK;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            err = ERR_PROTOCOL;
            continue;
        }
        const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (m->fd_count < MSG_FDS_MAX) {
                m->fds[m->fd_count++] = fd;
            } else {
                (void)close(fd);
                err = ERR_PROTOCOL;
            }
        }
    }
    return err;
}

enum err
chan_queue_receive(int fd, uint8_t *buf, size_t cap, struct msg *m, size_t *ret_len)
{
    union chan_control control;
    struct iovec iov = {.iov_base = buf, .iov_len = cap};
    struct msghdr h = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    const ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_CLOSED;
    const enum err err = chan_queue_collect(&h, m);
    TRY(err);
    if (n == 0 && m->fd_count == 0)
        return ERR_CLOSED;
    if ((h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return ERR_PROTOCOL;
    *ret_len = (size_t)n;
    return ERR_OK;
}
