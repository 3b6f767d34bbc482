/* SPDX-License-Identifier: Apache-2.0 */
/* A witness's signature on a checkpoint, with the time at which it was made.
 * Spec: C2SP tlog-cosignature v1.0.1. */
#ifndef TDZ_CRYPTO_COSIGN_H
#define TDZ_CRYPTO_COSIGN_H

#include "crypto/note.h"
#include "schemas/error.h"
#include "schemas/span.h"

/* A checkpoint's text: origin, size, root and few extension lines. */
enum { COSIGN_TEXT_MAX = 4096, COSIGN_MESSAGE_MAX = COSIGN_TEXT_MAX + 64 };
/* u64 time, Ed25519 signature. */
enum { COSIGN_SIG_LEN = 8 + 64 };

/* The bytes that are signed: two header lines and the checkpoint's text. ERR_TOO_LARGE, ERR_RANGE
 * (time beyond 2^63-1). */
MUST_USE enum err cosign_message(uint64_t time, struct span text,
                                 uint8_t out[static COSIGN_MESSAGE_MAX], struct span *ret);

/* Verifies sig (COSIGN_SIG_LEN bytes, as in a note line behind the key id) of pub on text and gives
 * its time. ERR_SIGNATURE, ERR_TOO_LARGE. */
MUST_USE enum err cosign_verify(const uint8_t pub[static NOTE_PUB_LEN], struct span text,
                                struct span sig, uint64_t *ret_time);

/* The note line of a cosignature whose Ed25519 signature over cosign_message was made elsewhere
 * (by the process that holds the key). ERR_TYPE: key is no cosigner's. */
MUST_USE enum err cosign_line(const struct note_key *key, uint64_t time, const uint8_t sig[64],
                              char out[static NOTE_LINE_MAX], size_t *ret_len);

#endif
