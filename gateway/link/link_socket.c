/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link/link_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LINK_SOCKET_UNSENT = 256 * 1024, /* so that what is cancelled does not fill the path */
    LINK_SOCKET_IDLE_S = 30,
    LINK_SOCKET_PROBE_S = 10,
    LINK_SOCKET_PROBES = 4,
};

static enum err
link_socket_address(const char *address, uint16_t port, struct sockaddr_storage *ret,
                    socklen_t *ret_len)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        memcpy(ret, &v4, sizeof(v4));
        *ret_len = sizeof(v4);
        return ERR_OK;
    }
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1) {
        memcpy(ret, &v6, sizeof(v6));
        *ret_len = sizeof(v6);
        return ERR_OK;
    }
    return ERR_SYNTAX;
}

enum err
link_socket_connect(const char *address, uint16_t port, int *ret_fd)
{
    struct sockaddr_storage at;
    socklen_t len = 0;
    TRY(link_socket_address(address, port, &at, &len));
    const int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_SYS;
    if (connect(fd, (const struct sockaddr *)&at, len) != 0 && errno != EINPROGRESS) {
        (void)close(fd);
        return ERR_SYS;
    }
    *ret_fd = fd;
    return ERR_OK;
}

enum err
link_socket_connected(int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)
        return ERR_IO;
    return ERR_OK;
}

void
link_socket_tune(int fd, bool *ret_bbr)
{
    static const struct {
        int level;
        int name;
        int value;
    } options[] = {{IPPROTO_TCP, TCP_NODELAY, 1},
                   {IPPROTO_TCP, TCP_NOTSENT_LOWAT, LINK_SOCKET_UNSENT},
                   {SOL_SOCKET, SO_KEEPALIVE, 1},
                   {IPPROTO_TCP, TCP_KEEPIDLE, LINK_SOCKET_IDLE_S},
                   {IPPROTO_TCP, TCP_KEEPINTVL, LINK_SOCKET_PROBE_S},
                   {IPPROTO_TCP, TCP_KEEPCNT, LINK_SOCKET_PROBES}};
    /* Each helps where it is; the corridor works without. */
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        (void)!setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                          sizeof(options[i].value));
    *ret_bbr = setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3) == 0;
}

static enum err
link_socket_recv(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len)
{
    const ssize_t got = recv(*(const int *)ctx, buf, cap, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_IO;
    if (got == 0)
        return ERR_CLOSED;
    *ret_len = (size_t)got;
    return ERR_OK;
}

static enum err
link_socket_send(void *ctx, struct span bytes, size_t *ret_len)
{
    const ssize_t put = send(*(const int *)ctx, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_IO;
    *ret_len = (size_t)put;
    return ERR_OK;
}

struct conn_io
link_socket_io(int *fd)
{
    return (struct conn_io){.recv = link_socket_recv, .send = link_socket_send, .ctx = fd};
}
