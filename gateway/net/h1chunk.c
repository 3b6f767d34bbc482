/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/h1chunk.h"

#include <assert.h>

#include "gateway/net/http.h"

void
h1chunk_init(struct h1chunk *c)
{
    memset(c, 0, sizeof(*c));
}

static int
h1chunk_hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum err
h1chunk_on_size(struct h1chunk *c, struct span line)
{
    uint64_t size = 0;
    size_t at = 0;
    while (at < line.len && at <= H1CHUNK_DIGITS && h1chunk_hex(line.ptr[at]) >= 0)
        size = size << 4 | (uint64_t)h1chunk_hex(line.ptr[at++]);
    const struct span extension = span_from(line, at);
    c->extension_bytes += extension.len;
    if (at == 0 || at > H1CHUNK_DIGITS || c->extension_bytes > H1CHUNK_EXTENSION_BYTES)
        return ERR_SYNTAX;
    if (extension.len > 0 && (extension.ptr[0] != ';' || !http_is_value(extension)))
        return ERR_SYNTAX;
    c->left = size;
    c->state = size == 0 ? H1CHUNK_TRAILER : H1CHUNK_DATA;
    return ERR_OK;
}

/* Checked like a header, then forgotten. */
static enum err
h1chunk_on_trailer(struct h1chunk *c, struct span line)
{
    if (line.len == 0) {
        c->state = H1CHUNK_DONE;
        return ERR_OK;
    }
    c->trailer_bytes += line.len + 2;
    const uint8_t *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL || !http_is_token(span_of(line.ptr, (size_t)(colon - line.ptr))))
        return ERR_SYNTAX;
    return c->trailer_bytes > H1CHUNK_TRAILER_BYTES ? ERR_TOO_LARGE : ERR_OK;
}

static enum err
h1chunk_on_line(struct h1chunk *c)
{
    const struct span line = span_of(c->line, c->line_len);
    c->line_len = 0;
    switch (c->state) {
    case H1CHUNK_SIZE:
        return h1chunk_on_size(c, line);
    case H1CHUNK_TRAILER:
        return h1chunk_on_trailer(c, line);
    case H1CHUNK_END:
        c->state = H1CHUNK_SIZE;
        return line.len == 0 ? ERR_OK : ERR_SYNTAX;
    case H1CHUNK_DATA:
    case H1CHUNK_DONE:
        break;
    }
    return ERR_BUG;
}

enum err
h1chunk_feed(struct h1chunk *c, struct span in, size_t *ret_len)
{
    size_t at = 0;
    while (at < in.len && c->state != H1CHUNK_DATA && c->state != H1CHUNK_DONE) {
        const uint8_t byte = in.ptr[at++];
        const bool after_cr = c->line_len > 0 && c->line[c->line_len - 1] == '\r';
        /* A lone CR or LF is read as a line end by some and not by others. */
        if ((byte == '\n') != after_cr || byte == 0 || c->line_len == H1CHUNK_LINE_MAX)
            return ERR_SYNTAX;
        /* Behind a chunk nothing but its CRLF may come: say so at once, not after a line. */
        if (c->state == H1CHUNK_END && byte != '\r' && byte != '\n')
            return ERR_SYNTAX;
        if (byte != '\n') {
            c->line[c->line_len++] = byte;
            continue;
        }
        c->line_len--; /* the CR */
        TRY(h1chunk_on_line(c));
    }
    *ret_len = at;
    return ERR_OK;
}

void
h1chunk_taken(struct h1chunk *c, uint64_t len)
{
    assert(c->state == H1CHUNK_DATA && len <= c->left);
    c->left -= len;
    if (c->left == 0)
        c->state = H1CHUNK_END;
}
