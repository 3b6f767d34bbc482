/* SPDX-License-Identifier: Apache-2.0 */
/* TCP as the corridor wants it: no delay, little unsent data, keepalive, BBR where the host allows
 * it. Spec: push-wan-scale-operations.md 3. */
#ifndef TDZ_GATEWAY_LINK_LINK_SOCKET_H
#define TDZ_GATEWAY_LINK_LINK_SOCKET_H

#include "gateway/net/conn.h"

/* A non-blocking socket on its way to a numeric address. ERR_SYNTAX: not an address; ERR_SYS. */
MUST_USE enum err link_socket_connect(const char *address, uint16_t port, int *ret_fd);
/* What became of it, when it is writable. ERR_IO: refused, or no way there. */
MUST_USE enum err link_socket_connected(int fd);
/* *ret_bbr: false where the host does not offer it; the kernel's default stays then. */
void link_socket_tune(int fd, bool *ret_bbr);
/* Moves bytes of the socket whose descriptor *ctx (int) holds. */
struct conn_io link_socket_io(int *fd);

#endif
