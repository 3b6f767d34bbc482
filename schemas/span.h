/* SPDX-License-Identifier: Apache-2.0 */
/* A span is a view of bytes somebody else owns: a pointer and a length, passed by value. It is
 * never NUL terminated and its bytes are hostile until a parser has said otherwise. */
#ifndef TDZ_SCHEMAS_SPAN_H
#define TDZ_SCHEMAS_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *ptr;
    size_t len;
};

/* A span over a string literal, without its NUL. */
#define SPAN_LIT(literal) ((struct span){(const uint8_t *)("" literal), sizeof(literal) - 1})

static inline struct span
span_of(const void *ptr, size_t len)
{
    return (struct span){(const uint8_t *)ptr, len};
}

/* A span over a NUL terminated string of our own (never of a peer). NULL gives the empty span. */
static inline struct span
span_str(const char *text)
{
    return (struct span){(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
}

static inline bool
span_is_empty(struct span s)
{
    return s.len == 0;
}

/* Equality of public bytes; secrets are compared by crypto/key.h. */
static inline bool
span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool
span_eq_str(struct span a, const char *text)
{
    return span_eq(a, span_str(text));
}

/* Byte order; on a common prefix the shorter is smaller (the order of RFC 8785 for ASCII keys). */
static inline int
span_cmp(struct span a, struct span b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0)
        return order;
    return a.len == b.len ? 0 : (a.len < b.len ? -1 : 1);
}

static inline bool
span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* The bytes of s from offset on; the empty span when offset is past the end. */
static inline struct span
span_from(struct span s, size_t offset)
{
    if (offset >= s.len)
        return (struct span){s.ptr + s.len, 0};
    return (struct span){s.ptr + offset, s.len - offset};
}

#endif
