/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules of inspection this build applies, as one digest: two findings are comparable only
 * under equal digests. Spec: classification.md 4 (g). */
#ifndef TDZ_INSPECT_RULESET_H
#define TDZ_INSPECT_RULESET_H

#include "schemas/error.h"

/* Raised with every change of a rule, threshold or table that may change a finding. */
#define RULESET_NAME "tdz-rules/2"

/* SHA-256 over the name, the identifier types with their labels and the words of context. ERR_STATE
 * before digest_init, ERR_CRYPTO, ERR_NOMEM. */
MUST_USE enum err ruleset_digest(uint8_t ret_digest[static 32]);

#endif
