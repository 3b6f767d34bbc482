/* SPDX-License-Identifier: Apache-2.0 */
/* Readers and writers of binary records: big-endian, bounded, with a sticky error, so that a
 * record is read or written straight through and checked once at the end. */
#ifndef TDZ_SCHEMAS_WIRE_H
#define TDZ_SCHEMAS_WIRE_H

#include "schemas/error.h"
#include "schemas/span.h"

/* Reads from bytes owned by the caller. After an error every get returns zero or an empty span. */
struct wire_reader {
    struct span in;
    size_t at;
    enum err err;
};

/* Writes into caller's memory of cap bytes. After an error nothing more is written. */
struct wire_writer {
    uint8_t *buf;
    size_t cap;
    size_t len;
    enum err err;
};

void wire_reader_init(struct wire_reader *r, struct span in);
uint8_t wire_get_u8(struct wire_reader *r);
uint16_t wire_get_u16(struct wire_reader *r);
uint32_t wire_get_u32(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
/* The next len bytes as a view into the input; ERR_SHORT sticks when there are fewer. */
struct span wire_get_bytes(struct wire_reader *r, size_t len);
/* Copies exactly len bytes to out (zeros after an error). */
void wire_get_copy(struct wire_reader *r, uint8_t *out, size_t len);
/* A u16 or u32 length and that many bytes; ERR_TOO_LARGE sticks when the length exceeds max. */
struct span wire_get_vec16(struct wire_reader *r, size_t max);
struct span wire_get_vec32(struct wire_reader *r, size_t max);
size_t wire_left(const struct wire_reader *r);
/* ERR_OK if all was read without error and nothing is left; else the first error or ERR_TRAILING.
 */
MUST_USE enum err wire_reader_finish(const struct wire_reader *r);

void wire_writer_init(struct wire_writer *w, uint8_t *buf, size_t cap);
void wire_put_u8(struct wire_writer *w, uint8_t value);
void wire_put_u16(struct wire_writer *w, uint16_t value);
void wire_put_u32(struct wire_writer *w, uint32_t value);
void wire_put_u64(struct wire_writer *w, uint64_t value);
void wire_put_bytes(struct wire_writer *w, struct span bytes);
/* ERR_RANGE sticks when bytes is longer than the length field can say. */
void wire_put_vec16(struct wire_writer *w, struct span bytes);
void wire_put_vec32(struct wire_writer *w, struct span bytes);
/* The bytes written so far; *ret is set only when no error stuck (ERR_FULL, ERR_RANGE). */
MUST_USE enum err wire_writer_finish(const struct wire_writer *w, struct span *ret);

#endif
