/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary that comes with the product (policy/packs/tdz-core.json), compiled in. */
#ifndef TDZ_TOOLS_COREVOCAB_H
#define TDZ_TOOLS_COREVOCAB_H

#include "policy/vocab.h"

/* How it is named in messages. */
#define COREVOCAB_NAME "vocabulary.json"

/* Reads it into v, which vocab_finish ends. Errors: ERR_MISSING (this build has none), ERR_CRYPTO,
 * and those of vocab_read with ret_fault's place. */
MUST_USE enum err corevocab_init(struct vocab *v, struct fault *ret_fault);

#endif
