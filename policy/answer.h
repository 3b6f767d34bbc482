/* SPDX-License-Identifier: Apache-2.0 */
/* The decision as the API tells it to a partner: which rules, by which articles, in which words,
 * and which fact would have helped. Spec: http-api.md "decision". */
#ifndef TDZ_POLICY_ANSWER_H
#define TDZ_POLICY_ANSWER_H

#include "policy/decide.h"

/* {"missing":[{"fact","would_help"}],"obligations":{…},"policies":[…],"reason","record":"sha256:…",
 * "rules":[{"cite","effect","id","why":{"en","ms","zh"}}],"unknown":[…],"verdict"}, canonical.
 * would_help is true when a rule that stands between this decision and an allow was left undecided
 * for want of that fact. A text without one of the languages says it in English; one that does not
 * exist says its own name. record_sha256 is the SHA-256 of the record's bytes. ERR_FULL, ERR_UTF8.
 */
MUST_USE enum err answer_write(const struct decision *d, const uint8_t record_sha256[static 32],
                               char *buf, size_t cap, struct span *ret);

#endif
