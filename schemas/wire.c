/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/wire.h"

#include <assert.h>

void
wire_reader_init(struct wire_reader *r, struct span in)
{
    assert(in.ptr != NULL || in.len == 0);
    *r = (struct wire_reader){.in = in, .at = 0, .err = ERR_OK};
}

struct span
wire_get_bytes(struct wire_reader *r, size_t len)
{
    assert(r->at <= r->in.len);
    if (r->err != ERR_OK)
        return (struct span){NULL, 0};
    if (len > r->in.len - r->at) {
        r->err = ERR_SHORT;
        return (struct span){NULL, 0};
    }
    const struct span out = {r->in.ptr + r->at, len};
    r->at += len;
    return out;
}

static uint64_t
wire_get_be(struct wire_reader *r, size_t width)
{
    const struct span bytes = wire_get_bytes(r, width);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++)
        value = value << 8 | bytes.ptr[i];
    return value;
}

uint8_t
wire_get_u8(struct wire_reader *r)
{
    return (uint8_t)wire_get_be(r, 1);
}

uint16_t
wire_get_u16(struct wire_reader *r)
{
    return (uint16_t)wire_get_be(r, 2);
}

uint32_t
wire_get_u32(struct wire_reader *r)
{
    return (uint32_t)wire_get_be(r, 4);
}

uint64_t
wire_get_u64(struct wire_reader *r)
{
    return wire_get_be(r, 8);
}

void
wire_get_copy(struct wire_reader *r, uint8_t *out, size_t len)
{
    const struct span bytes = wire_get_bytes(r, len);
    if (bytes.len == len && len > 0)
        memcpy(out, bytes.ptr, len);
    else
        memset(out, 0, len);
}

static struct span
wire_get_vec(struct wire_reader *r, uint64_t len, size_t max)
{
    if (r->err == ERR_OK && len > max)
        r->err = ERR_TOO_LARGE;
    return wire_get_bytes(r, (size_t)len);
}

struct span
wire_get_vec16(struct wire_reader *r, size_t max)
{
    return wire_get_vec(r, wire_get_be(r, 2), max);
}

struct span
wire_get_vec32(struct wire_reader *r, size_t max)
{
    return wire_get_vec(r, wire_get_be(r, 4), max);
}

size_t
wire_left(const struct wire_reader *r)
{
    return r->err == ERR_OK ? r->in.len - r->at : 0;
}

enum err
wire_reader_finish(const struct wire_reader *r)
{
    if (r->err != ERR_OK)
        return r->err;
    return r->at == r->in.len ? ERR_OK : ERR_TRAILING;
}

void
wire_writer_init(struct wire_writer *w, uint8_t *buf, size_t cap)
{
    assert(buf != NULL || cap == 0);
    *w = (struct wire_writer){.buf = buf, .cap = cap, .len = 0, .err = ERR_OK};
}

void
wire_put_bytes(struct wire_writer *w, struct span bytes)
{
    assert(w->len <= w->cap);
    if (w->err != ERR_OK)
        return;
    if (bytes.len > w->cap - w->len) {
        w->err = ERR_FULL;
        return;
    }
    if (bytes.len > 0)
        memcpy(w->buf + w->len, bytes.ptr, bytes.len);
    w->len += bytes.len;
}

static void
wire_put_be(struct wire_writer *w, uint64_t value, size_t width)
{
    uint8_t bytes[8];
    assert(width <= sizeof(bytes));
    for (size_t i = 0; i < width; i++)
        bytes[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    wire_put_bytes(w, span_of(bytes, width));
}

void
wire_put_u8(struct wire_writer *w, uint8_t value)
{
    wire_put_be(w, value, 1);
}

void
wire_put_u16(struct wire_writer *w, uint16_t value)
{
    wire_put_be(w, value, 2);
}

void
wire_put_u32(struct wire_writer *w, uint32_t value)
{
    wire_put_be(w, value, 4);
}

void
wire_put_u64(struct wire_writer *w, uint64_t value)
{
    wire_put_be(w, value, 8);
}

static void
wire_put_vec(struct wire_writer *w, struct span bytes, uint64_t max, size_t width)
{
    if (w->err == ERR_OK && bytes.len > max)
        w->err = ERR_RANGE;
    wire_put_be(w, bytes.len, width);
    wire_put_bytes(w, bytes);
}

void
wire_put_vec16(struct wire_writer *w, struct span bytes)
{
    wire_put_vec(w, bytes, UINT16_MAX, 2);
}

void
wire_put_vec32(struct wire_writer *w, struct span bytes)
{
    wire_put_vec(w, bytes, UINT32_MAX, 4);
}

enum err
wire_writer_finish(const struct wire_writer *w, struct span *ret)
{
    if (w->err != ERR_OK)
        return w->err;
    *ret = span_of(w->buf, w->len);
    return ERR_OK;
}
