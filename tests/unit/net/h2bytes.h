/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 frames and header blocks made by hand, into one buffer. */
#ifndef TDZ_TESTS_UNIT_NET_H2BYTES_H
#define TDZ_TESTS_UNIT_NET_H2BYTES_H

#include <stdint.h>
#include <string.h>

#include "tests/test.h"

#define UNUSED __attribute__((unused))

enum {
    DATA = 0,
    HEADERS = 1,
    PRIORITY = 2,
    RST_STREAM = 3,
    SETTINGS = 4,
    PING = 6,
    GOAWAY = 7,
    WINDOW_UPDATE = 8,
    CONTINUATION = 9,
    END_STREAM = 1,
    ACK = 1,
    END_HEADERS = 4,
    NO_ERROR = 0,
    PROTOCOL_ERROR = 1,
    ENHANCE_YOUR_CALM = 11,
};

static uint8_t wire[4 << 20]; /* to the server */
static size_t wire_len;

/* The peer's side. */

UNUSED static void
put(const void *bytes, size_t len)
{
    CHECK(len <= sizeof(wire) - wire_len);
    if (len > 0)
        memcpy(wire + wire_len, bytes, len);
    wire_len += len;
}

UNUSED static void
frame(uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t len)
{
    const uint8_t head[9] = {(uint8_t)(len >> 16),
                             (uint8_t)(len >> 8),
                             (uint8_t)len,
                             type,
                             flags,
                             (uint8_t)(stream >> 24),
                             (uint8_t)(stream >> 16),
                             (uint8_t)(stream >> 8),
                             (uint8_t)stream};
    put(head, sizeof(head));
    put(payload, len);
}

UNUSED static void
frame_u32(uint8_t type, uint32_t stream, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    frame(type, 0, stream, bytes, sizeof(bytes));
}

struct block {
    size_t len;
    uint8_t bytes[64 * 1024];
};

static struct block block;

/* HPACK literal without indexing, new name, no Huffman; lengths as 7-bit prefix integers. */
UNUSED static void
hpack_string(const char *text, size_t len)
{
    if (len < 127) {
        block.bytes[block.len++] = (uint8_t)len;
    } else {
        size_t rest = len - 127;
        block.bytes[block.len++] = 127;
        for (; rest >= 128; rest /= 128)
            block.bytes[block.len++] = (uint8_t)(rest % 128 + 128);
        block.bytes[block.len++] = (uint8_t)rest;
    }
    memcpy(block.bytes + block.len, text, len);
    block.len += len;
}

UNUSED static void
field(const char *name, const char *value)
{
    block.bytes[block.len++] = 0;
    hpack_string(name, strlen(name));
    hpack_string(value, strlen(value));
}

UNUSED static void
head(const char *method, const char *path)
{
    block.len = 0;
    field(":method", method);
    field(":scheme", "https");
    field(":authority", "gw");
    field(":path", path);
}

UNUSED static void
send_head(uint32_t stream, bool end)
{
    frame(HEADERS, END_HEADERS | (end ? END_STREAM : 0), stream, block.bytes, block.len);
}

UNUSED static void
request(uint32_t stream, const char *method, const char *path, bool end)
{
    head(method, path);
    send_head(stream, end);
}

#endif
