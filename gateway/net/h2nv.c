/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/h2nv.h"

#include <inttypes.h>
#include <stdio.h>

nghttp2_nv
h2nv_of(struct span name, struct span value)
{
    union {
        const uint8_t *in;
        uint8_t *out;
    } n = {name.ptr}, v = {value.ptr}; /* nghttp2's type lacks the const */
    return (nghttp2_nv){n.out, v.out, name.len, value.len, NGHTTP2_NV_FLAG_NONE};
}

size_t
h2nv_response(const struct http_response *r, bool with_length, char status[static 4],
              char length[static 24], nghttp2_nv ret_nv[static HTTP_RESPONSE_HEADERS_MAX + 2])
{
    size_t count = 0;
    (void)snprintf(status, 4, "%03u", (unsigned)r->status % 1000);
    ret_nv[count++] = h2nv_of(SPAN_LIT(":status"), span_of(status, 3));
    for (size_t i = 0; i < r->header_count; i++)
        ret_nv[count++] = h2nv_of(r->headers[i].name, r->headers[i].value);
    if (with_length) {
        (void)snprintf(length, 24, "%" PRIu64, r->length);
        ret_nv[count++] = h2nv_of(SPAN_LIT("content-length"), span_str(length));
    }
    return count;
}
