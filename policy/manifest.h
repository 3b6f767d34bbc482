/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest of an OFFER: what the sending gateway declares and signs about one transfer, and
 * what the importing gateway needs to decide for itself. Spec: container-and-keys.md 2.2;
 * formats.md "Container". */
#ifndef TDZ_POLICY_MANIFEST_H
#define TDZ_POLICY_MANIFEST_H

#include "schemas/canon.h"
#include "schemas/json.h"

enum { MANIFEST_BYTES_MAX = 65536, MANIFEST_LABELS_MAX = 64, MANIFEST_RECIPIENTS_MAX = 4 };
/* not_after is at most this long after created. */
enum { MANIFEST_LIFE_MAX_S = 30 * 86400 };
#define MANIFEST_LENGTH_UNKNOWN (-1)

/* Texts are views: of the caller's memory when writing, of the parsed document when read. Times are
 * Unix seconds. */
struct manifest {
    uint8_t transfer[16];
    struct span src; /* zones */
    struct span dst;
    struct span dataset; /* its name, 1 to 255 bytes */
    struct span agreement;
    struct span sender;       /* partner */
    uint8_t schema_id[32];    /* SHA-256 of the agreement file, whose schema the dataset has */
    uint8_t ruleset_hash[32]; /* of the inspection rules */
    uint8_t policy_hash[32];  /* of the preflight record */
    struct span legal_basis;
    struct span label[MANIFEST_LABELS_MAX]; /* sorted, unique, at least one */
    size_t label_count;
    uint8_t recipient[MANIFEST_RECIPIENTS_MAX][32]; /* key ids, at least one */
    size_t recipient_count;
    int64_t created;
    int64_t not_after;
    int64_t plaintext_len; /* MANIFEST_LENGTH_UNKNOWN when the stream is transformed */
    uint8_t suite;         /* 1 or 2 */
    bool ciphertext_ahead;
    struct span facts;     /* canonical JSON object: what the sender states */
    struct span performed; /* canonical JSON object: stream obligations and their parameters */
};

/* Writes the canonical manifest; *ret views buf. Labels may come unsorted and are not changed.
 * ERR_RANGE: a field outside its range (no label, no recipient, life over 30 days, suite);
 * ERR_FULL; ERR_UTF8. facts and performed must be canonical objects. */
MUST_USE enum err manifest_write(const struct manifest *m, char *buf, size_t cap, struct span *ret);

/* Takes the fields of a manifest whose bytes were read into doc (crypto/offer.h checks that they
 * are canonical). Views point into doc. ret_facts and ret_performed are the nodes of these two
 * objects; the spans in m stay empty. Errors with line and column: ERR_TYPE, ERR_MISSING,
 * ERR_RANGE, ERR_UNKNOWN_FIELD, ERR_SYNTAX (hex), ERR_VERSION, ERR_DUPLICATE and ERR_NOT_CANONICAL
 * (labels twice or unsorted), ERR_FULL. */
MUST_USE enum err manifest_read(const struct json_doc *doc, struct manifest *ret,
                                const struct json_node **ret_facts,
                                const struct json_node **ret_performed, struct fault *ret_fault);

#endif
