/* SPDX-License-Identifier: Apache-2.0 */
/* The documents judge decides by: the vocabulary, the trust file, and every policy, list, agreement
 * and partner whose note an operator of our zone signed. A book is read whole or not at all and
 * never changes; a reload makes another one. Spec: formats.md Policy, Trust. */
#ifndef TDZ_GATEWAY_JUDGE_JUDGE_BOOK_H
#define TDZ_GATEWAY_JUDGE_JUDGE_BOOK_H

#include "crypto/sign.h"
#include "policy/lineage.h"
#include "schemas/trust.h"

enum { JUDGE_BOOK_KEYS_MAX = 32, JUDGE_BOOK_FILES_MAX = 4096 };

enum judge_book_kind {
    JUDGE_BOOK_VOCABULARY,
    JUDGE_BOOK_TRUST,
    JUDGE_BOOK_PARTNER,
    JUDGE_BOOK_AGREEMENT,
    JUDGE_BOOK_LIST,
    JUDGE_BOOK_POLICY,
};

/* A file, the note beside it (<name>.note) or the activation beside a policy (<name>.activation);
 * bytes are needed during judge_book_new only. */
struct judge_book_file {
    enum judge_book_kind kind;
    struct span name;
    struct span bytes;
};

struct judge_book {
    char zone[64];
    uint8_t digest[32]; /* over all documents: equal when nothing changed */
    struct vocab vocab;
    struct register_set reg;
    struct trust trust;
    uint8_t *trust_bytes;
    const struct trust_zone *own;
    struct note_key operators[JUDGE_BOOK_KEYS_MAX];
    const struct trust_key *operator_keys[JUDGE_BOOK_KEYS_MAX]; /* of operators[i] */
    size_t operator_count;
    struct activation_key activators[ACTIVATION_KEYS_MAX]; /* operators of all zones */
    size_t activator_count;
};

/* Reads and verifies everything. now_s: which operator keys are valid. ERR_MISSING: no vocabulary
 * or no trust; ERR_NOT_FOUND: the zone is in neither; ERR_KEY_UNKNOWN, ERR_SIGNATURE, ERR_CONFLICT:
 * a file without a good note; ERR_NOMEM; the errors of the readers, of register_add_policy and of
 * lineage_check. ret_fault.where names the file and the reason, line and column the place in it. */
MUST_USE enum err judge_book_new(struct span zone, int64_t now_s,
                                 const struct judge_book_file *files, size_t count,
                                 struct judge_book **ret, struct fault *ret_fault);
void judge_book_free(struct judge_book *b);

/* That after may replace before: nothing that was activated is gone. ERR_DENIED. */
MUST_USE enum err judge_book_succeeds(const struct judge_book *before,
                                      const struct judge_book *after, int64_t now_ms,
                                      struct fault *ret_fault);

/* Keys of a zone for a purpose that may verify at now: not revoked, within their dates. */
size_t judge_book_signers(const struct judge_book *b, struct span zone, enum trust_role role,
                          int64_t now_s, struct sign_pub *ret, size_t cap);
/* Key ids of the zone's active KEM keys, at most cap. */
size_t judge_book_kem(const struct judge_book *b, struct span zone, int64_t now_s,
                      uint8_t (*ret)[32], size_t cap);

#endif
