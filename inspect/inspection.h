/* SPDX-License-Identifier: Apache-2.0 */
/* The inspection of one stream: bytes in, evidence out, and on the way the stream obligations. The
 * result depends on the bytes only, never on how they were split.
 *
 *   inspection_new -> inspection_start -> inspection_feed* -> inspection_finish (until it is not
 *   ERR_AGAIN) -> findings.h -> inspection_start ...
 *
 * An open stream holds what its content needs and no more: its columns as they appear (at most
 * INSPECTION_COLUMNS_MAX + 1), persons as they are seen, the first 64 KiB until they were judged.
 * A table of 15 columns and few persons is resident in less than 64 KiB, any stream in less than
 * 256 KiB, columns and persons aside. Where nothing is transformed (inspection_is_identity) one
 * inspection gives both evidences (findings_as_out), so a second one is not needed.
 *
 * digest_init, mac_init and key_init of crypto/ come first. Spec: design.md 3 step 4,
 * classification.md 2 to 5, formats.md Obligations of v1. */
#ifndef TDZ_INSPECT_INSPECTION_H
#define TDZ_INSPECT_INSPECTION_H

#include "inspect/tokscan.h"
#include "inspect/transform.h"

struct inspection;

/* INSPECTION_IN sees what the sender gave and performs the actions. INSPECTION_OUT sees what they
 * made of it: it performs nothing and expects what they leave. */
enum inspection_stage { INSPECTION_IN, INSPECTION_OUT };

/* Columns beyond these share one entry and make the coverage partial. */
enum { INSPECTION_COLUMNS_MAX = 1024, INSPECTION_KEY_BYTES = 32 };
/* A longer field of a table makes the coverage partial; it is searched all the same. */
enum { INSPECTION_FIELD_MAX = 1 << 20 };

/* One passing token with its place, for tools: column index (0-based), cell number over the stream,
 * the token. Called in the order of the stream. */
typedef void inspection_sink(void *ctx, size_t column, uint64_t cell, const struct token *token);

struct inspection_config {
    enum inspection_stage stage;
    const struct fieldset *fields; /* NULL: nothing is declared; must outlive the stream */
    const uint8_t *actions;      /* enum transform of every field (transform_select); NULL: none */
    const uint8_t *token_key;    /* [32], needed when actions tokenise; copied */
    const uint8_t *counting_key; /* [32]; copied */
    inspection_sink *sink;       /* NULL in the gateway */
    void *sink_ctx;
};

/* With a person set of at most persons_max entries (1 to PERSONS_MAX). ERR_RANGE, ERR_NOMEM. The
 * caller frees *ret. */
MUST_USE enum err inspection_new(size_t persons_max, struct inspection **ret);
/* Wipes keys and buffers. NULL is fine. */
void inspection_free(struct inspection *i);

/* Begins a stream; an earlier one is forgotten, its memory wiped and given back. ERR_MISSING: a key
 * is NULL that is needed. ERR_NOMEM. */
MUST_USE enum err inspection_start(struct inspection *i, const struct inspection_config *config);

/* True if the stream leaves as it came: no action applies. Known at the start. Then out may be NULL
 * and feed consumes everything. */
bool inspection_is_identity(const struct inspection *i);

/* Takes in (any split) and writes what leaves to out[cap]. *ret_used bytes of in were taken,
 * *ret_len bytes written; both are written on ERR_OK and ERR_AGAIN. ERR_AGAIN: out is full, drain
 * it and call again with the rest of in (which may be empty). ERR_OK: all of in was taken.
 * ERR_STATE: not started, or finished. ERR_CRYPTO: a token could not be made; ERR_NOMEM: no memory
 * for another column or person; the stream is lost. */
MUST_USE enum err inspection_feed(struct inspection *i, struct span in, size_t *ret_used,
                                  uint8_t *out, size_t cap, size_t *ret_len);

/* The end of the stream: writes what is left. ERR_AGAIN: drain out and call again. ERR_OK: done,
 * the evidence is there. ERR_STATE: not started. ERR_CRYPTO, ERR_NOMEM. */
MUST_USE enum err inspection_finish(struct inspection *i, uint8_t *out, size_t cap,
                                    size_t *ret_len);

#endif
