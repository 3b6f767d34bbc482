/* SPDX-License-Identifier: Apache-2.0 */
/* The chunked coding of HTTP/1.1 bodies (RFC 9112 7.1), read strictly: size lines, extensions and
 * trailers are bounded; nothing in extensions or trailers is used. */
#ifndef TDZ_GATEWAY_NET_H1CHUNK_H
#define TDZ_GATEWAY_NET_H1CHUNK_H

#include "schemas/error.h"
#include "schemas/span.h"

enum {
    H1CHUNK_LINE_MAX = 1024,        /* a size line or one trailer line */
    H1CHUNK_EXTENSION_BYTES = 4096, /* extensions of one body */
    H1CHUNK_TRAILER_BYTES = 4096,   /* trailers of one body */
    H1CHUNK_DIGITS = 15,            /* of a size: below 2^60, so that sums cannot overflow */
};

enum h1chunk_state { H1CHUNK_SIZE, H1CHUNK_DATA, H1CHUNK_END, H1CHUNK_TRAILER, H1CHUNK_DONE };

struct h1chunk {
    enum h1chunk_state state;
    uint64_t left; /* in H1CHUNK_DATA: bytes of the chunk still to come */
    size_t extension_bytes;
    size_t trailer_bytes;
    size_t line_len;
    uint8_t line[H1CHUNK_LINE_MAX];
};

void h1chunk_init(struct h1chunk *c);
/* Takes framing until data begins or the body is done; call when state is neither. ERR_SYNTAX,
 * ERR_TOO_LARGE: trailers. */
MUST_USE enum err h1chunk_feed(struct h1chunk *c, struct span in, size_t *ret_len);
/* The owner has taken len <= left bytes of the chunk. */
void h1chunk_taken(struct h1chunk *c, uint64_t len);

#endif
