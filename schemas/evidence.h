/* SPDX-License-Identifier: Apache-2.0 */
/* tdz.evidence/1: what proves one transfer to somebody who has neither log: the leaves of both
 * zones with their proofs, the container's records, decision records, disclosed salts, log keys.
 * Spec: formats.md Trust and evidence. */
#ifndef TDZ_SCHEMAS_EVIDENCE_H
#define TDZ_SCHEMAS_EVIDENCE_H

#include "schemas/error.h"
#include "schemas/json.h"
#include "schemas/span.h"

enum {
    EVIDENCE_ENTRIES_MAX = 64,
    EVIDENCE_RECORDS_MAX = 16,
    EVIDENCE_SALTS_MAX = 128,
    EVIDENCE_KEYS_MAX = 32,
};

struct evidence_entry {
    struct span zone;
    struct span origin;
    struct span kind;
    uint64_t index;
    struct span leaf;  /* the exact bytes */
    struct span proof; /* tlog-proof text */
};

struct evidence_record {
    uint8_t sha256[32];
    struct span body; /* bytes of a tdz.decision/1 */
};

/* The value behind a commitment: TH("tdz/v1/commit", field, salt, value). */
struct evidence_salt {
    struct span zone;
    uint64_t index;
    struct span field;
    uint8_t salt[32];
    struct span value;
};

/* Everything but hashes is a view. An empty container span stands for null. */
struct evidence {
    uint8_t transfer[16];
    struct span state;
    size_t entry_count;
    struct evidence_entry entries[EVIDENCE_ENTRIES_MAX];
    struct span offer;
    struct span seal;
    struct span release;
    struct span receipt;
    size_t record_count;
    struct evidence_record records[EVIDENCE_RECORDS_MAX];
    size_t salt_count;
    struct evidence_salt salts[EVIDENCE_SALTS_MAX];
    size_t key_count;
    struct span keys[EVIDENCE_KEYS_MAX]; /* vkeys */
    struct json_doc doc;                 /* of evidence_load */
    uint8_t *bytes;                      /* decoded base64, of evidence_load */
};

/* Reads a file; ret is views into memory that evidence_free releases, and into input. Keep ret off
 * the stack. ret_fault may be NULL. Errors: those of json_load, ERR_VERSION, ERR_MISSING, ERR_TYPE,
 * ERR_RANGE, ERR_SYNTAX, ERR_UNKNOWN_FIELD, ERR_FULL, ERR_NOMEM. */
MUST_USE enum err evidence_load(struct span input, struct evidence *ret, struct fault *ret_fault);
void evidence_free(struct evidence *evidence);

/* Writes canonical JSON; doc and bytes of e are not looked at. scratch holds the base64 of the
 * longest value (4/3 of it). ERR_FULL, ERR_UTF8, ERR_RANGE. */
MUST_USE enum err evidence_write(const struct evidence *e, char *scratch, size_t scratch_cap,
                                 char *out, size_t cap, struct span *ret);

#endif
