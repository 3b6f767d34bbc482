/* SPDX-License-Identifier: Apache-2.0 */
/* Operators' words on a held transfer: what a signed note says, whose words count together, and
 * whether they are all that the rules ask for. Spec: formats.md Trust and evidence. */
#ifndef TDZ_GATEWAY_JUDGE_JUDGE_APPROVAL_H
#define TDZ_GATEWAY_JUDGE_JUDGE_APPROVAL_H

#include "gateway/judge/judge.h"
#include "policy/approvers.h"
#include "policy/decide.h"
#include "schemas/canon.h"

/* What an approval must be about. */
struct judge_held {
    const uint8_t *transfer;    /* [16] */
    const uint8_t *seal_hash;   /* [32] */
    const uint8_t *record_hash; /* [32], of the decision that holds it */
};

/* One person's word. signer: index of the book's. */
struct judge_vote {
    size_t signer;
    bool approve;
    int64_t expires_ms;
};

/* Of different persons (a person is the name of its key), or of one who changed its mind. */
enum { JUDGE_VOTES_MAX = 2 * JUDGE_BOOK_KEYS_MAX };
struct judge_votes {
    size_t count;
    bool refused;
    struct judge_vote by[JUDGE_VOTES_MAX];
};
/* More rules that hold one transfer are decided on, but not told. */
enum { JUDGE_HOLD_RULES_MAX = 16 };

/* The JSON line of an operator's note of that format ("x/1\n") and who signed it. ERR_SYNTAX and
 * the like of note_parse, ERR_VERSION, ERR_MISSING (no line after the format), ERR_SIGNATURE,
 * ERR_KEY_UNKNOWN. */
MUST_USE enum err judge_approval_open(const struct judge *j, struct span note, struct span format,
                                      size_t *ret_signer, struct span *ret_json);
/* The member "expires" (Unix seconds or RFC 3339) of an object. ERR_EXPIRED, ERR_MISSING, ERR_TYPE.
 */
MUST_USE enum err judge_approval_expires(const struct json_doc *doc, int64_t now_ms,
                                         int64_t *ret_ms);
/* What an approval note says. ERR_EXPIRED, ERR_CONFLICT (another transfer, seal or decision),
 * ERR_NOT_FOUND (no such verdict), those of judge_approval_open and of json_read. */
MUST_USE enum err judge_approval_check(const struct judge *j, const struct judge_held *held,
                                       struct span note, int64_t now_ms, struct judge_vote *ret);
/* False: this person said so before, or too many did. */
bool judge_votes_add(const struct judge *j, struct judge_votes *votes,
                     const struct judge_vote *vote);
/* Notes with a NUL between two; those that do not count now are left out. */
void judge_votes_read(const struct judge *j, const struct judge_held *held, struct span notes,
                      int64_t now_ms, struct judge_votes *ret);
/* Places of a rule's release that stay empty, a bit each. */
unsigned judge_votes_missing(const struct judge *j, const struct judge_votes *votes,
                             struct span release, struct approvers *ret_places);
/* True if the votes release every rule that holds in work->decision: who they are is what the rule
 * asks for, and the record they speak about (of c) was held by it too. */
struct judge_case;
bool judge_hold_met(const struct judge *j, const struct judge_case *c,
                    const struct judge_votes *votes);
/* The `hold` of P_DECIDED for work->decision, in work->hold; and its parts. */
MUST_USE enum err judge_hold_write(struct judge *j, struct span *ret);
void judge_hold_votes(const struct judge *j, const struct judge_votes *votes, struct canon *w);
void judge_hold_rule(const struct judge *j, const struct judge_votes *votes, struct span release,
                     const struct decide_fired *fired, struct span rule, struct canon *w);

#endif
