/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that servers have read in more than one way, and what ours must make of them. */
#ifndef TDZ_TESTS_UNIT_NET_H1CORPUS_H
#define TDZ_TESTS_UNIT_NET_H1CORPUS_H

#include "schemas/span.h"

#define HOST "Host: gw\r\n"

struct attack {
    int status; /* 0: must be read as count whole requests */
    unsigned count;
    struct span bytes;
};

/* A span in a static initializer. */
#define BYTES(literal)                                  \
    {                                                   \
        (const uint8_t *)(literal), sizeof(literal) - 1 \
    }

static const struct attack corpus[] = {
    {0, 1, BYTES("GET / HTTP/1.1\r\n" HOST "\r\n")},
    {0, 1, BYTES("\r\nGET /a?b=c HTTP/1.1\r\nhOsT:gw:443\r\nX: \t y \t\r\n\r\n")},
    {0, 1, BYTES("PUT /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc")},
    {0, 1,
     BYTES("PUT /x HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n"
           "\r\n")},
    {0, 1,
     BYTES("PUT /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
           "000a;name=\"v\"\r\n0123456789\r\n1\r\nx\r\n0\r\nTrailer: t\r\n\r\n")},
    {0, 2, BYTES("GET /1 HTTP/1.1\r\n" HOST "\r\nPOST /2 HTTP/1.1\r\n" HOST "\r\n")},
    {0, 1, BYTES("OPTIONS * HTTP/1.1\r\n" HOST "\r\n")},
    {0, 1, BYTES("GET https://gw/x HTTP/1.1\r\n" HOST "\r\n")},
    {0, 1, BYTES("GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n")},
    /* CL.TE, TE.CL, TE.TE, CL.CL */
    {400, 0,
     BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"
           "\r\n0\r\n\r\nG")},
    {400, 0,
     BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"
           "\r\n1\r\nG\r\n0\r\n\r\n")},
    {400, 0,
     BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
           "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n")},
    {501, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n")},
    {501, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n")},
    {501, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n")},
    {501, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")},
    {400, 0,
     BYTES("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
           "chunked\r\n\r\n0\r\n\r\n")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "X: y\nTransfer-Encoding: chunked\r\n\r\n")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "X: y\rTransfer-Encoding: chunked\r\n\r\n")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\nabc")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n\r\nabc")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 3 3\r\n\r\nabc")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\nabc")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n")},
    {400, 0, BYTES("POST / HTTP/1.1\r\n" HOST "Content_Length : 3\r\n\r\nabc")},
    /* line ends, folds, NUL */
    {400, 0, BYTES("GET / HTTP/1.1\nHost: gw\n\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\n" HOST "X\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\n" HOST ": v\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\n" HOST "X\x80: v\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\r\n" HOST "\r\n")},
    /* host */
    {400, 0, BYTES("GET / HTTP/1.1\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\n" HOST HOST "\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\nHost: u@gw\r\n\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1\r\nHost: gw/x\r\n\r\n")},
    {400, 0, BYTES("GET https://other/x HTTP/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET http://gw/x HTTP/1.1\r\n" HOST "\r\n")},
    /* request line */
    {400, 0, BYTES("GET  / HTTP/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET / HTTP/1.1 \r\n" HOST "\r\n")},
    {400, 0, BYTES("GET / HTTP/1.0\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET / HTTP/2.0\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET / http/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET /\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET / x HTTP/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET x HTTP/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET * HTTP/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET /#f HTTP/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET /\x7f HTTP/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("G(T / HTTP/1.1\r\n" HOST "\r\n")},
    {501, 0, BYTES("BREW / HTTP/1.1\r\n" HOST "\r\n")},
    {501, 0, BYTES("CONNECT gw:443 HTTP/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
    {501, 0, BYTES("GET / HTTP/1.1\r\n" HOST "Upgrade: h2c\r\n\r\n")},
    {411, 0, BYTES("PUT / HTTP/1.1\r\n" HOST "\r\n")},
    {411, 0, BYTES("PATCH / HTTP/1.1\r\n" HOST "\r\n")},
    {400, 0, BYTES("PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: wonders\r\n\r\nx")},
    /* chunks */
    {400, 1, BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n\r\n")},
    {400, 1, BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\n")},
    {400, 1, BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n")},
    {400, 1, BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n")},
    {400, 1, BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\na\r\n")},
    {400, 1, BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\naX\r\n")},
    {400, 1, BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n")},
    {400, 1, BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;\x01\r\na")},
    {400, 1, BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;a\rb\r\na")},
    {400, 1,
     BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
           "1000000000000000\r\na")},
    {400, 1, BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\nX y\r\n\r\n")},
    {400, 1,
     BYTES("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n X: y\r\n\r\n")},
    /* a good request, then poison: the good one is served, the second refused */
    {400, 1, BYTES("GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n\r\n")},
};

#endif
