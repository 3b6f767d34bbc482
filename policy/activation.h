/* SPDX-License-Identifier: Apache-2.0 */
/* The activation of a policy document (tdz.activation/1): a signed note beside the file that names
 * its hash and the time from which it counts. Author and approver are two operators of the zone; a
 * document of a corridor also needs an operator of the other zone; one that can only tighten may be
 * activated by its author alone. No allocation. Spec: policy.md 3.1, 3.5.10; docs/adr/0008. */
#ifndef TDZ_POLICY_ACTIVATION_H
#define TDZ_POLICY_ACTIVATION_H

#include "crypto/note.h"
#include "policy/source.h"
#include "schemas/trust.h"

enum { ACTIVATION_TEXT_MAX = 4096, ACTIVATION_REASON_MAX = 1024, ACTIVATION_NODES_MAX = 32 };
enum { ACTIVATION_KEYS_MAX = 128 };

/* What is signed. Spans are views of what it was read from. */
struct activation {
    int64_t activate_ms; /* whole seconds */
    struct span author;  /* name of an operator's key */
    bool emergency;      /* signed by the author alone: may only tighten */
    struct span id;
    uint8_t policy[32];
    struct span reason; /* empty when absent; an emergency has one */
    int64_t revision;
    uint8_t vocabulary[32];
    struct span zone;
};

/* An operator's key and when it may sign. zone is a view of the trust bundle. */
struct activation_key {
    struct note_key key;
    struct span zone;
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
};

/* Memory of a reader. */
struct activation_scratch {
    struct json_node nodes[ACTIVATION_NODES_MAX];
    uint8_t text[ACTIVATION_TEXT_MAX];
    char canon[ACTIVATION_TEXT_MAX];
};

/* The operators' keys of all zones that are not revoked; trust must outlive them. ERR_FULL: more
 * than cap. Keys of other algorithms are left out. */
MUST_USE enum err activation_keys(const struct trust *trust, struct activation_key *ret, size_t cap,
                                  size_t *ret_count);

/* The text to sign: format, newline, canonical JSON, newline. ERR_RANGE: a time or number no entry
 * can hold, a reason over ACTIVATION_REASON_MAX; ERR_UTF8; ERR_FULL. */
MUST_USE enum err activation_text(const struct activation *a, char out[static ACTIVATION_TEXT_MAX],
                                  size_t *ret_len);

/* Splits and reads a note; nothing is verified. ret and ret_note are views of bytes and scratch.
 * ret_fault has line and column in bytes. ERR_VERSION (another format), ERR_NOT_CANONICAL,
 * ERR_MISSING, ERR_TYPE, ERR_RANGE, ERR_SYNTAX, ERR_UNKNOWN_FIELD, ERR_TOO_LARGE, ERR_UTF8 and the
 * others of json_read and note_parse. */
MUST_USE enum err activation_read(struct span bytes, struct activation_scratch *scratch,
                                  struct activation *ret, struct note *ret_note,
                                  struct fault *ret_fault);

/* That a is about s, and that note bears the signatures it needs from keys valid at its time.
 * ERR_CONFLICT: another document, revision or zone; ERR_VERSION: signed for other bytes of the
 * vocabulary; ERR_SIGNATURE: a line of a known key does not verify; ERR_KEY_UNKNOWN: the author's
 * is missing; ERR_DENIED: the approver's or, for a corridor, the other zone's is missing, or an
 * emergency without a reason. An emergency is not compared with what it replaces: tighten.h. */
MUST_USE enum err activation_check(const struct activation *a, const struct note *note,
                                   const struct source *s, const struct activation_key *keys,
                                   size_t key_count, struct fault *ret_fault);

#endif
