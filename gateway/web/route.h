/* SPDX-License-Identifier: Apache-2.0 */
/* A table of addresses: which method on which path is for whom. Pure. The tables are the role's
 * own (gateway/edge/partner_route.def, gateway/desk/desk_route.def). */
#ifndef TDZ_GATEWAY_WEB_ROUTE_H
#define TDZ_GATEWAY_WEB_ROUTE_H

#include "gateway/net/http.h"

enum { ROUTE_PARAMS_MAX = 2, ROUTE_ALLOW_MAX = 64 };

/* A set of enum http_method. */
#define ROUTE_METHOD(method) (1U << (unsigned)(method))

/* pattern: "/v1/inbox/{id}/data": a {name} stands for one segment that is not empty, {name*} at the
 * end for one or more. roles: a set of enum identity_role. */
struct route {
    unsigned methods;
    const char *pattern;
    unsigned roles;
};

/* Parameters are views into path, escapes as sent. */
struct route_match {
    size_t index;
    unsigned allowed; /* every method the path has, whether or not it matched */
    struct span params[ROUTE_PARAMS_MAX];
};

/* The row for method and path. ERR_NOT_FOUND: no row has this path; ERR_UNSUPPORTED: rows have it,
 * but not with this method (ret_match->allowed is set). */
MUST_USE enum err route_find(const struct route *routes, size_t count, enum http_method method,
                             struct span path, struct route_match *ret_match);

/* "GET, HEAD" for the Allow field, in the order of enum http_method. */
struct span route_allow(unsigned methods, char out[static ROUTE_ALLOW_MAX]);

#endif
