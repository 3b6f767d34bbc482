/* SPDX-License-Identifier: Apache-2.0 */
/* The leaves of the transfer log: tdz.entry/1, canonical JSON of at most 16 KiB. The reader checks
 * the bytes are canonical and the members of the kinds it knows; the writers make the kinds that a
 * first crossing needs. No personal data, names or content hashes belong here: such values stand
 * as salted commitments, which the caller makes (crypto/commit.h). No allocation.
 * Spec: formats.md Log. */
#ifndef TDZ_SCHEMAS_ENTRY_H
#define TDZ_SCHEMAS_ENTRY_H

#include "schemas/canon.h"
#include "schemas/error.h"
#include "schemas/json.h"
#include "schemas/span.h"

enum { ENTRY_BYTES_MAX = 16384, ENTRY_NODES_MAX = 1024 };
enum { ENTRY_HASH_LEN = 32, ENTRY_TRANSFER_LEN = 16 };
enum { ENTRY_N_MAX = 1000000 };

/* Kinds are never renumbered: the number is part of a log's unique index on disk. */
enum entry_kind {
    ENTRY_OTHER = 0, /* a kind of a later version: read, not judged */
    ENTRY_GENESIS = 1,
    ENTRY_DECISION = 2,
    ENTRY_AHEAD = 3,
    ENTRY_RECEIVED = 4,
    ENTRY_SETTLED = 5,
    ENTRY_REFUSED = 6,
    ENTRY_OPENED = 7,
    ENTRY_DELIVERED = 8,
    ENTRY_ERASED = 9,
    ENTRY_APPROVAL = 10,
    ENTRY_POLICY = 11,
    ENTRY_KEY = 12,
    ENTRY_ROSTER = 13,
    ENTRY_PARTNER = 14,
    ENTRY_AGREEMENT = 15,
    ENTRY_COUNTER = 16,
    ENTRY_RECONCILED = 17,
    ENTRY_CANARY = 18,
    ENTRY_SEALED = 19,
    ENTRY_INCIDENT = 20,
    ENTRY_KIND_END = 21,
};

/* The memory of a reader: about 90 KiB. One leaf at a time. */
struct entry_scratch {
    struct json_node nodes[ENTRY_NODES_MAX];
    uint8_t text[ENTRY_BYTES_MAX];
    char canon[ENTRY_BYTES_MAX];
    struct json_doc doc;
};

/* Views into the scratch and the leaf. */
struct entry {
    enum entry_kind kind;
    struct span kind_text;
    int64_t time_ms;
    bool has_transfer;
    uint8_t transfer[ENTRY_TRANSFER_LEN];
    bool has_n;
    uint32_t n;
    const struct json_doc *doc;
    const struct json_node *data;
};

/* "decision"; "other" for ENTRY_OTHER. */
const char *entry_kind_name(enum entry_kind kind);

/* Reads a leaf. own: it is to be appended by this build, so unknown kinds and members are refused
 * as well (ERR_UNKNOWN_FIELD); an auditor reads with own false. ret_fault may be NULL. Errors:
 * ERR_TOO_LARGE, ERR_NOT_CANONICAL, ERR_VERSION (format), those of json_read, and for members
 * ERR_MISSING, ERR_TYPE, ERR_RANGE, ERR_SYNTAX. */
MUST_USE enum err entry_read(struct span leaf, bool own, struct entry_scratch *scratch,
                             struct entry *ret, struct fault *ret_fault);

/* A member of data: text, or 32 bytes from hex. ERR_MISSING, ERR_TYPE, ERR_SYNTAX. */
MUST_USE enum err entry_get_str(const struct entry *entry, const char *key, struct span *ret);
MUST_USE enum err entry_get_hash(const struct entry *entry, const char *key,
                                 uint8_t ret[static ENTRY_HASH_LEN]);

/* data.commit.<field> of a decision or received entry. Errors as above. */
MUST_USE enum err entry_get_commit(const struct entry *entry, const char *field,
                                   uint8_t ret[static ENTRY_HASH_LEN]);

/* What every entry carries. transfer[16] or NULL. */
struct entry_head {
    int64_t time_ms;
    const uint8_t *transfer;
    bool has_n;
    uint32_t n;
};

/* Commitments of 32 bytes, NULL where none is made. */
struct entry_commits {
    const uint8_t *agreement;
    const uint8_t *name;
    const uint8_t *recipient;
    const uint8_t *record;
    const uint8_t *sender;
};

/* The entry of the other zone that this one answers; leaf[32]. */
struct entry_peer {
    struct span origin;
    uint64_t index;
    const uint8_t *leaf;
};

struct entry_counter {
    struct span name;
    uint64_t value;
};

/* Lists are sorted by the caller. Hash pointers (32 bytes) may be NULL where the value does not
 * exist yet, suite is 0 then. policies are 32-byte document digests, one after the other. */
struct entry_decision {
    struct span phase;   /* preflight, final, approved */
    struct span verdict; /* allow, hold, deny */
    struct span reason;
    const uint8_t *record;
    const uint8_t (*policies)[ENTRY_HASH_LEN];
    size_t policy_count;
    const struct span *labels;
    size_t label_count;
    const struct entry_counter *counters; /* sorted by name */
    size_t counter_count;
    struct span from;
    struct span to;
    unsigned suite;
    uint64_t bytes;
    const uint8_t *offer;
    const uint8_t *seal;
    const uint8_t *root;
    struct entry_commits commit;
};

/* Writers: canonical bytes in out, a view of them in *ret. ERR_FULL (cap), ERR_RANGE (time, n),
 * ERR_UTF8, ERR_TOO_LARGE (more than ENTRY_BYTES_MAX). */
MUST_USE enum err entry_write_decision(const struct entry_head *head,
                                       const struct entry_decision *d, char *out, size_t cap,
                                       struct span *ret);
struct entry_received {
    struct span verdict;
    struct span reason; /* empty: left out */
    const uint8_t *seal;
    const uint8_t *release;
    struct entry_commits commit;
    struct entry_peer peer; /* origin empty: left out (an offer refused, before its decision) */
};
MUST_USE enum err entry_write_received(const struct entry_head *head,
                                       const struct entry_received *r, char *out, size_t cap,
                                       struct span *ret);

/* kind is ENTRY_SETTLED or ENTRY_DELIVERED (ERR_TYPE). peer may be NULL for delivered. */
MUST_USE enum err entry_write_receipt(const struct entry_head *head, enum entry_kind kind,
                                      const uint8_t receipt[static ENTRY_HASH_LEN],
                                      const struct entry_peer *peer, char *out, size_t cap,
                                      struct span *ret);

/* by: peer, operator, timeout, sender. peer may be NULL. */
MUST_USE enum err entry_write_refused(const struct entry_head *head, struct span by,
                                      struct span reason, const struct entry_peer *peer, char *out,
                                      size_t cap, struct span *ret);

/* recipient: commitment to the identity that opens; day: "2026-11-22". */
MUST_USE enum err entry_write_opened(const struct entry_head *head,
                                     const uint8_t recipient[static ENTRY_HASH_LEN],
                                     struct span day, char *out, size_t cap, struct span *ret);

/* index: the entry whose salts are gone; origin: of the log it is in, empty when it is this one. */
MUST_USE enum err entry_write_erased(const struct entry_head *head, uint64_t index,
                                     struct span origin, char *out, size_t cap, struct span *ret);

/* note: SHA-256 of the signed approval; keyid of its signer. verdict: approve, refuse. */
MUST_USE enum err entry_write_approval(const struct entry_head *head, struct span verdict,
                                       const uint8_t decision[static ENTRY_HASH_LEN],
                                       const uint8_t note[static ENTRY_HASH_LEN],
                                       const uint8_t keyid[static ENTRY_HASH_LEN], char *out,
                                       size_t cap, struct span *ret);

/* An operator's word on a counter of distinct persons. note: SHA-256 of the signed tdz.counter/1,
 * which names the exporter; keyid of its signer. opening: the numbers are the balance with which
 * the year began here, else they are added. known: all counters of this gateway are right from then
 * on. A note whose entry is there twice counts once. */
struct entry_adjust {
    bool opening;
    bool known;
    uint64_t year;
    int64_t pi;
    int64_t spi;
    const uint8_t *note;
    const uint8_t *keyid;
};
MUST_USE enum err entry_write_counter(const struct entry_head *head, const struct entry_adjust *a,
                                      char *out, size_t cap, struct span *ret);

/* A document of the register (ENTRY_POLICY, ENTRY_AGREEMENT, ENTRY_PARTNER; else ERR_TYPE) with its
 * digest; action: activate (in force from this epoch on), schedule (activated for later), retire
 * (no longer in force). epoch is the policy epoch from then on; the documents in force are those
 * that `activate` names with the newest epoch. activation: SHA-256 of a policy's activation note,
 * or NULL. */
struct entry_document {
    struct span id;
    struct span action;
    const uint8_t *sha256;
    const uint8_t *activation;
    uint64_t epoch;
};
MUST_USE enum err entry_write_document(const struct entry_head *head, enum entry_kind kind,
                                       const struct entry_document *d, char *out, size_t cap,
                                       struct span *ret);

/* A public key of this gateway; pub is its raw bytes; status: active, retired, revoked. */
MUST_USE enum err entry_write_key(const struct entry_head *head, struct span role, struct span alg,
                                  const uint8_t keyid[static ENTRY_HASH_LEN], struct span pub,
                                  struct span status, char *out, size_t cap, struct span *ret);

/* code: a word of ours (clock-suspect, witness-silent, fork, ...); detail: our own text, empty to
 * leave out. */
MUST_USE enum err entry_write_incident(const struct entry_head *head, struct span code,
                                       struct span detail, char *out, size_t cap, struct span *ret);

/* The first entry of a log: its origin and vkey. prev (NULL for a first log) is the last cosigned
 * checkpoint of the log before: origin, size as index, root as leaf; note: SHA-256 of the
 * tdz.origin/1 that says so, NULL without prev. */
MUST_USE enum err entry_write_genesis(const struct entry_head *head, struct span origin,
                                      struct span vkey, const struct entry_peer *prev,
                                      const uint8_t *note, char *out, size_t cap, struct span *ret);

/* A member of data that names an entry or checkpoint of a log ("peer", "prev"). origin is a view,
 * leaf is copied. ERR_MISSING; ERR_TYPE, ERR_RANGE, ERR_SYNTAX as entry_read. */
struct entry_place {
    struct span origin;
    uint64_t index;
    uint8_t leaf[ENTRY_HASH_LEN];
};
MUST_USE enum err entry_get_place(const struct entry *entry, const char *key,
                                  struct entry_place *ret);

#endif
