/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer may ask, from method and path. Pure; spans are views into the path. */
#ifndef TDZ_GATEWAY_LINK_INBOUND_ROUTE_H
#define TDZ_GATEWAY_LINK_INBOUND_ROUTE_H

#include "gateway/net/http.h"

enum inbound_kind {
    INBOUND_HELLO,
    INBOUND_OFFER,
    INBOUND_SEAL,
    INBOUND_BODY,
    INBOUND_RELEASE,
    INBOUND_RECEIPT,
    INBOUND_STATE,
    INBOUND_WITNESS_ADD,
    INBOUND_WITNESS_LATEST,
    INBOUND_LOG,
};

struct inbound_route {
    enum inbound_kind kind;
    uint8_t transfer[16]; /* zeros where there is none */
    uint64_t first;       /* INBOUND_BODY: the first group */
    struct span path;     /* as asked; INBOUND_LOG: below the log folder */
};

/* ERR_NOT_FOUND: no such address; ERR_UNSUPPORTED: another method; ERR_VERSION: another version of
 * the corridor's protocol. */
MUST_USE enum err inbound_route_find(enum http_method method, struct span path,
                                     struct inbound_route *ret);

#endif
