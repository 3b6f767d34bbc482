/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a revision of a policy document can only tighten, seen from its structure alone: nothing
 * but new forbid, hold and oblige, and fewer permits. Adding any of the first three never raises a
 * verdict and removing a permit never covers more (policy.md 3.5, monotone edits), so no request is
 * answered more freely than before. Spec: policy.md 3.5.10. */
#ifndef TDZ_POLICY_TIGHTEN_H
#define TDZ_POLICY_TIGHTEN_H

#include "policy/source.h"

/* One document: as read, and the exact bytes it was read from. */
struct tighten_doc {
    const struct source *source;
    struct span bytes;
};

/* Compares a document with the one before it; both were read without error. Rules are the same if
 * their JSON is, whatever its layout and the order of members, and so is the text that `why` names.
 * Allowed to differ: id of revision, previous, the order of rules, a shorter `effective`; added:
 * rules but permits, lists, counters, texts; removed: permits, texts that no rule left uses.
 * ERR_DENIED for everything else, with the place in the new document;
 * ERR_NOMEM. */
MUST_USE enum err tighten_check(const struct tighten_doc *before, const struct tighten_doc *after,
                                struct fault *ret_fault);

#endif
