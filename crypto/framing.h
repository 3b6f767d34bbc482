/* SPDX-License-Identifier: Apache-2.0 */
/* The one-file form of a container: "TDZC" || u8 1 || u8 suite || u16 0, then records
 * { u8 type || u8 0 || u16 0 || u64 len || bytes }. Records come in the order of their types, each
 * at most once: OFFER first, SEAL after BODY, RELEASE after SEAL; RECEIPT last. Anything else, set
 * reserved bytes and bytes after the end are refused. The reader does no I/O: it is fed spans, or
 * told how many bytes of a record its caller passed over. Spec: container-and-keys.md 2. */
#ifndef TDZ_CRYPTO_FRAMING_H
#define TDZ_CRYPTO_FRAMING_H

#include "crypto/suite.h"
#include "schemas/wire.h"

enum { FRAMING_START_BYTES = 8, FRAMING_HEAD_BYTES = 12 };

enum framing_type {
    FRAMING_OFFER = 1,
    FRAMING_BODY = 2,
    FRAMING_SEAL = 3,
    FRAMING_RELEASE = 4,
    FRAMING_RECEIPT = 5,
};

enum framing_event {
    FRAMING_MORE,   /* all input is used and more is needed, or the file may end here */
    FRAMING_START,  /* suite is known */
    FRAMING_RECORD, /* a record begins: type, record_len */
    FRAMING_BYTES,  /* bytes of it: a view of the input */
    FRAMING_DONE,   /* the record is complete */
};

/* Plain data, the caller's. Read-only for him: suite, type, record_len, record_at, offset. */
struct framing_reader {
    enum suite suite;
    enum framing_type type; /* of the current or last record */
    uint64_t record_len;
    uint64_t record_at; /* offset of the record's first byte in the file */
    uint64_t offset;    /* of the next byte */
    uint64_t left;      /* bytes of the record to come */
    unsigned seen;      /* bit t: a record of type t was begun */
    bool started;
    bool in_record;
    size_t have; /* bytes in head */
    uint8_t head[FRAMING_HEAD_BYTES];
    enum err err; /* sticky */
};

void framing_reader_init(struct framing_reader *r);

/* Takes bytes of in up to the next event. *ret_used of them were used; *ret_bytes is set with
 * FRAMING_BYTES. Call again with the rest until FRAMING_MORE. Errors stick: ERR_SYNTAX (magic,
 * reserved bytes), ERR_VERSION, ERR_UNSUPPORTED (suite, type), ERR_PROTOCOL (order), ERR_RANGE
 * (length that the type cannot have), ERR_TRAILING (bytes after RECEIPT). */
MUST_USE enum err framing_feed(struct framing_reader *r, struct span in, size_t *ret_used,
                               struct span *ret_bytes, enum framing_event *ret_event);

/* Says that len bytes of the current record were passed over. ERR_RANGE when it has fewer,
 * ERR_STATE outside a record. */
MUST_USE enum err framing_skip(struct framing_reader *r, uint64_t len);

/* ERR_OK when the file may end here: between records, with an OFFER. Else ERR_SHORT, or the error
 * that stuck. */
MUST_USE enum err framing_end(const struct framing_reader *r);

/* True if a record of this type was begun. */
bool framing_has(const struct framing_reader *r, enum framing_type type);

/* The 8 bytes that begin a file, and the 12 that begin a record. */
void framing_put_start(struct wire_writer *w, enum suite suite);
void framing_put_head(struct wire_writer *w, enum framing_type type, uint64_t len);

/* "OFFER" and so on, static text. */
const char *framing_type_name(enum framing_type type);

#endif
