/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/query_args.h"

#include "schemas/text.h"

static enum err
args_decode(struct span in, uint8_t *buf, size_t cap, struct span *ret)
{
    size_t len = 0;
    for (size_t at = 0; at < in.len; at++) {
        uint8_t byte = in.ptr[at];
        if (byte == '%') {
            if (in.len - at < 3)
                return ERR_SYNTAX;
            TRY(text_unhex(span_of(in.ptr + at + 1, 2), true, &byte, 1));
            at += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        if (len == cap)
            return ERR_FULL;
        buf[len++] = byte;
    }
    *ret = span_of(buf, len);
    return ERR_OK;
}

enum err
query_args_get(struct span args, const char *name, uint8_t *buf, size_t cap, struct span *ret)
{
    const struct span wanted = span_str(name);
    while (args.len > 0) {
        const uint8_t *end = memchr(args.ptr, '&', args.len);
        const size_t len = end == NULL ? args.len : (size_t)(end - args.ptr);
        const struct span pair = span_of(args.ptr, len);
        if (pair.len > wanted.len && span_starts(pair, wanted) && pair.ptr[wanted.len] == '=')
            return args_decode(span_from(pair, wanted.len + 1), buf, cap, ret);
        args = span_from(args, len + 1);
    }
    return ERR_NOT_FOUND;
}
