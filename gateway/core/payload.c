/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/payload.h"

#include "schemas/wire.h"

/* A payload travels in one message, so no vector is longer than one. */
enum { PAYLOAD_VEC_MAX = 64 * 1024 };

#define PUT_U8(field) wire_put_u8(&w, p->field);
#define PUT_U16(field) wire_put_u16(&w, p->field);
#define PUT_U32(field) wire_put_u32(&w, p->field);
#define PUT_U64(field) wire_put_u64(&w, p->field);
#define PUT_B32(field) wire_put_bytes(&w, span_of(p->field, 32));
#define PUT_VEC(field) wire_put_vec32(&w, p->field);
#define PUT(kind, field) PUT_##kind(field)

#define GET_U8(field) out.field = wire_get_u8(&r);
#define GET_U16(field) out.field = wire_get_u16(&r);
#define GET_U32(field) out.field = wire_get_u32(&r);
#define GET_U64(field) out.field = wire_get_u64(&r);
#define GET_B32(field) wire_get_copy(&r, out.field, 32);
#define GET_VEC(field) out.field = wire_get_vec32(&r, PAYLOAD_VEC_MAX);
#define GET(kind, field) GET_##kind(field)

#define PAYLOAD_CODEC(NAME, name)                                                     \
    enum err payload_##name##_put(const struct p_##name *p, uint8_t *buf, size_t cap, \
                                  struct span *ret)                                   \
    {                                                                                 \
        struct wire_writer w;                                                         \
        wire_writer_init(&w, buf, cap);                                               \
        P_##NAME(PUT) return wire_writer_finish(&w, ret);                             \
    }                                                                                 \
    enum err payload_##name##_get(struct span in, struct p_##name *ret)               \
    {                                                                                 \
        struct wire_reader r;                                                         \
        struct p_##name out = {0};                                                    \
        wire_reader_init(&r, in);                                                     \
        P_##NAME(GET) TRY(wire_reader_finish(&r));                                    \
        *ret = out;                                                                   \
        return ERR_OK;                                                                \
    }
PAYLOAD_LIST(PAYLOAD_CODEC)
