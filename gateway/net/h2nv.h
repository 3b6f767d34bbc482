/* SPDX-License-Identifier: Apache-2.0 */
/* Our headers in nghttp2's form. Views, not copies: nghttp2 copies when they are submitted. */
#ifndef TDZ_GATEWAY_NET_H2NV_H
#define TDZ_GATEWAY_NET_H2NV_H

#include <nghttp2/nghttp2.h>

#include "gateway/net/http.h"

nghttp2_nv h2nv_of(struct span name, struct span value);

/* status, headers and, if with_length, content-length; returns how many. */
size_t h2nv_response(const struct http_response *r, bool with_length, char status[static 4],
                     char length[static 24],
                     nghttp2_nv ret_nv[static HTTP_RESPONSE_HEADERS_MAX + 2]);

#endif
