/* SPDX-License-Identifier: Apache-2.0 */
/* One container being sealed: plaintext in any pieces goes in, chunks and group roots go to two
 * files, ascending, each once. One job owns a container from its first byte to its last; after any
 * error it is good for nothing but sealjob_free. Spec: design.md 3.5, container-and-keys.md 2.3. */
#ifndef TDZ_GATEWAY_SEALER_SEALJOB_H
#define TDZ_GATEWAY_SEALER_SEALJOB_H

#include "crypto/body.h"
#include "crypto/leaftree.h"
#include "gateway/core/payload.h"

struct sealjob;

/* Working memory that jobs of one process take turns with. */
enum { SEALJOB_BATCH_CHUNKS = 16, SEALJOB_OUT_BYTES = SEALJOB_BATCH_CHUNKS * BODY_SEALED_BYTES };
struct sealjob_out {
    uint8_t bytes[SEALJOB_OUT_BYTES];
};

/* Starts a container in two empty files, owned by the job from now on, also on error. dek is
 * copied into the cipher context only. ERR_NOMEM, ERR_CRYPTO, ERR_IO. */
MUST_USE enum err sealjob_new(enum suite suite, const struct secret32 *dek,
                              const uint8_t salt[static 24], const uint8_t offer_hash[static 32],
                              int body_fd, int groups_fd, struct sealjob **ret);

/* Wipes the key and closes the files; NULL is fine. */
void sealjob_free(struct sealjob *job);

/* Seals what it completes of plain; out is scratch. ERR_IO (also a full disk: ERR_NO_SPACE),
 * ERR_RANGE (more than a container holds), ERR_STATE after an error or the end. */
MUST_USE enum err sealjob_feed(struct sealjob *job, struct span plain, struct sealjob_out *out);

/* Seals the last chunk, writes the last group root and syncs both files. Fills what SEALED says
 * but the mac and sealed_at; salt_commit is a view of the job. Errors as sealjob_feed. */
MUST_USE enum err sealjob_end(struct sealjob *job, struct sealjob_out *out, struct p_sealed *ret);

#endif
