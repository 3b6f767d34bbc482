/* SPDX-License-Identifier: Apache-2.0 */
/* What holds between the policy documents of a register: each revision follows from the one before
 * it, an emergency only tightens, every list is there under its hash; and between two registers:
 * what was activated does not go away. At set-up only. Spec: policy.md 3.5.10. */
#ifndef TDZ_POLICY_LINEAGE_H
#define TDZ_POLICY_LINEAGE_H

#include "policy/register.h"

/* True if s can never again be in force: a newer revision of r covers the rest of its time, or its
 * time is over. */
bool lineage_is_spent(const struct register_set *r, size_t policy, int64_t now_ms);

/* Checks the documents of r among each other; the bytes given to register_add must still be there.
 * On error *ret_policy is the document at fault and ret_fault the place in it. The lowest revision
 * that is here may follow one that is not. ERR_CONFLICT: previous is not the hash of the revision
 * before it, it is of another zone or direction, it is activated before it, or a list is here with
 * another hash than the document names; ERR_NOT_FOUND: a list is not here, or an emergency has
 * nothing to be compared with; ERR_DENIED: an emergency that may loosen; those of admission_check
 * for a document that may yet be in force, or never could; ERR_NOMEM. */
MUST_USE enum err lineage_check(const struct register_set *r, int64_t now_ms, size_t *ret_policy,
                                struct fault *ret_fault);

/* That `after` may take the place of `before`: the newest revision of every document, and every
 * other one that may still be in force, is there with the same bytes, or is followed by a revision
 * that names it as `previous` and is in force for all the time it has left (the old one is gone
 * when the vocabulary changes). ERR_DENIED: neither, which would be a downgrade; *ret_policy is the
 * document of `before`. */
MUST_USE enum err lineage_succeeds(const struct register_set *before,
                                   const struct register_set *after, int64_t now_ms,
                                   size_t *ret_policy);

#endif
