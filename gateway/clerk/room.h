/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for what is read from the store while one event is handled: filled from the front, emptied
 * as a whole. The memory is the owner's. */
#ifndef TDZ_GATEWAY_CLERK_ROOM_H
#define TDZ_GATEWAY_CLERK_ROOM_H

#include "schemas/error.h"
#include "schemas/span.h"

struct room {
    uint8_t *buf;
    size_t cap;
    size_t len;
};

/* The next len bytes, aligned to 8. ERR_FULL. */
static inline MUST_USE enum err
room_take(struct room *room, size_t len, uint8_t **ret)
{
    const size_t at = (room->len + 7) & ~(size_t)7;
    if (at > room->cap || len > room->cap - at)
        return ERR_FULL;
    *ret = room->buf + at;
    room->len = at + len;
    return ERR_OK;
}

/* A copy of bytes in room. ERR_FULL. */
static inline MUST_USE enum err
room_copy(struct room *room, struct span bytes, struct span *ret)
{
    uint8_t *to = NULL;
    TRY(room_take(room, bytes.len, &to));
    if (bytes.len > 0)
        memcpy(to, bytes.ptr, bytes.len);
    *ret = span_of(to, bytes.len);
    return ERR_OK;
}

#endif
