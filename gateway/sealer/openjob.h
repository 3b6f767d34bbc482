/* SPDX-License-Identifier: Apache-2.0 */
/* One container being opened: for an inspection the whole body, re-hashed against its root; for a
 * pull a range of it. Plaintext leaves in pieces that the caller asks for, so that a slow reader
 * holds nothing but its own piece. Spec: design.md 3 Import, Pull. */
#ifndef TDZ_GATEWAY_SEALER_OPENJOB_H
#define TDZ_GATEWAY_SEALER_OPENJOB_H

#include "crypto/body.h"
#include "crypto/leaftree.h"
#include "gateway/core/payload.h"

struct openjob;

/* The most openjob_next writes at once: as many whole chunks as one ring slot takes. */
enum { OPENJOB_PIECE_BYTES = 4 * BODY_CHUNK_BYTES };

/* Opens with what keeper said (the fields of OPEN_KEY). body_fd is owned from now on, also on
 * error. first and last bound the plaintext of a pull (last UINT64_MAX: to the end); an inspection
 * takes all. ERR_AUTH (the key is not that of this body), ERR_RANGE (first beyond the end),
 * ERR_UNSUPPORTED (suite), ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err openjob_new(const struct p_open_key *key, int body_fd, uint64_t first,
                              uint64_t last, struct openjob **ret);
void openjob_free(struct openjob *job);

/* The next plaintext into out[OPENJOB_PIECE_BYTES]; *ret_len 0 means that all is through. ERR_AUTH:
 * a chunk or, at the end of an inspection, the root is not what was sealed; ERR_IO, ERR_SHORT (the
 * file ends early), ERR_STATE after an error. out is wiped after an error. */
MUST_USE enum err openjob_next(struct openjob *job, uint8_t *out, size_t *ret_len);

/* The root over what an inspection read; valid after openjob_next gave 0 bytes. */
void openjob_root(const struct openjob *job, uint8_t ret_root[static 32]);

#endif
