/* SPDX-License-Identifier: Apache-2.0 */
/* The note that begins a log after one that is lost (tdz.origin/1): it names the old origin, its
 * last checkpoint that another zone cosigned, and the origin that follows. Two persons of the zone
 * sign it, one as zone-authority, one as operator. No allocation. Spec: docs/adr/0009. */
#ifndef TDZ_POLICY_SUCCESSION_H
#define TDZ_POLICY_SUCCESSION_H

#include "crypto/checkpoint.h"
#include "crypto/note.h"
#include "schemas/trust.h"

enum {
    SUCCESSION_TEXT_MAX = 12288,
    SUCCESSION_NOTE_MAX = SUCCESSION_TEXT_MAX + 1 + NOTE_SIGS_MAX * NOTE_LINE_MAX,
    SUCCESSION_REASON_MAX = 1024,
    SUCCESSION_NODES_MAX = 32,
};

/* The places that two persons fill; policy/approvers.h. */
#define SUCCESSION_RELEASE "zone-authority+operator"

/* What is signed. Spans are views of what it was read from. */
struct succession {
    struct span checkpoint; /* whole note: text, the log's line, at least one cosignature */
    struct span key;        /* vkey of origin */
    struct span origin;
    struct span previous;
    struct span reason;
    int64_t time_s;
    struct span zone;
};

/* Memory of a reader. */
struct succession_scratch {
    struct json_node nodes[SUCCESSION_NODES_MAX];
    uint8_t text[SUCCESSION_TEXT_MAX];
    char canon[SUCCESSION_TEXT_MAX];
};

/* The old log as its last checkpoint shows it. */
struct succession_old {
    struct note_key key;
    uint64_t size;
    struct tlog_hash root;
    char cosigner[NOTE_NAME_MAX + 1]; /* of the newest cosignature by another zone */
    uint64_t cosigned_s;
};

/* The two lines that are signed. ERR_RANGE (reason empty or too long, time), ERR_TOO_LARGE,
 * ERR_UTF8. */
MUST_USE enum err succession_text(const struct succession *s, char out[static SUCCESSION_TEXT_MAX],
                                  size_t *ret_len);

/* Reads a note; nothing is verified yet. ret views scratch. Errors with line and column: those of
 * note_parse and json_read, ERR_VERSION, ERR_TOO_LARGE, ERR_MISSING, ERR_TYPE, ERR_RANGE,
 * ERR_SYNTAX, ERR_UNKNOWN_FIELD, ERR_NOT_CANONICAL. */
MUST_USE enum err succession_read(struct span bytes, struct succession_scratch *scratch,
                                  struct succession *ret, struct note *ret_note,
                                  struct fault *ret_fault);

/* A checkpoint of zone's log origin: under the key trust has for it and cosigned by a witness of
 * another zone. ERR_KEY_UNKNOWN: one of the two is missing; ERR_NOT_FOUND: trust has no such log;
 * ERR_CONFLICT: it is of another origin; ERR_RANGE: of an empty log; errors of note_verify and
 * checkpoint_parse. ret_fault says which in words. */
MUST_USE enum err succession_checkpoint(const struct trust *trust, struct span zone,
                                        struct span origin, struct span checkpoint,
                                        struct succession_old *ret, struct fault *ret_fault);

/* Everything that the note must be for a gateway of zone whose log is origin: ERR_CONFLICT (another
 * zone, origin or key than these, or the same origin before and after), ERR_KEY_UNKNOWN and
 * ERR_DENIED (who signed), ERR_SIGNATURE, and those of succession_checkpoint. ret_fault says which
 * in words. */
MUST_USE enum err succession_check(const struct succession *s, const struct note *note,
                                   const struct trust *trust, struct span zone, struct span origin,
                                   struct succession_old *ret, struct fault *ret_fault);

#endif
