/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/parcel.h"

#include "schemas/wire.h"

enum err
parcel_write(const struct parcel *parcel, uint8_t *buf, size_t cap, struct span *ret)
{
    struct wire_writer w;
    wire_writer_init(&w, buf, cap < PARCEL_BYTES_MAX ? cap : PARCEL_BYTES_MAX);
    wire_put_u16(&w, PARCEL_VERSION);
    wire_put_u8(&w, (uint8_t)parcel->kind);
    wire_put_vec32(&w, parcel->record);
    wire_put_vec32(&w, parcel->entry);
    wire_put_vec32(&w, parcel->proof);
    wire_put_u64(&w, parcel->old_size);
    wire_put_vec32(&w, parcel->consistency);
    wire_put_vec32(&w, parcel->cosignature);
    return wire_writer_finish(&w, ret);
}

enum err
parcel_read(struct span in, struct parcel *ret)
{
    struct wire_reader r;
    struct parcel parcel = {0};
    if (in.len > PARCEL_BYTES_MAX)
        return ERR_TOO_LARGE;
    wire_reader_init(&r, in);
    const uint16_t version = wire_get_u16(&r);
    const uint8_t kind = wire_get_u8(&r);
    parcel.record = wire_get_vec32(&r, PARCEL_BYTES_MAX);
    parcel.entry = wire_get_vec32(&r, PARCEL_BYTES_MAX);
    parcel.proof = wire_get_vec32(&r, PARCEL_BYTES_MAX);
    parcel.old_size = wire_get_u64(&r);
    parcel.consistency = wire_get_vec32(&r, PARCEL_CONSISTENCY_MAX);
    parcel.cosignature = wire_get_vec32(&r, PARCEL_BYTES_MAX);
    if (in.len >= 2 && version != PARCEL_VERSION)
        return ERR_VERSION;
    TRY(wire_reader_finish(&r));
    if (kind != PARCEL_RELEASE && kind != PARCEL_RECEIPT)
        return ERR_RANGE;
    if (parcel.consistency.len % 32 != 0 || parcel.record.len == 0 || parcel.entry.len == 0)
        return ERR_RANGE;
    parcel.kind = (enum parcel_kind)kind;
    *ret = parcel;
    return ERR_OK;
}
