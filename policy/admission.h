/* SPDX-License-Identifier: Apache-2.0 */
/* What a document must keep to be put into force, beyond what makes it readable: an operator may
 * write and try a policy that lacks it, a gateway does not decide by it. At set-up only. */
#ifndef TDZ_POLICY_ADMISSION_H
#define TDZ_POLICY_ADMISSION_H

#include "policy/source.h"

/* Checks s, read from bytes, which is to count from from_ms on (its activation or its effective
 * date, whichever is later). ERR_RANGE: its time is over by then, it would never be in force.
 * ERR_DENIED: a permit of uncertain law (law that is not certain holds or forbids, it does not
 * permit), or a counter that gateways do not keep as the document says. The place is in ret_fault,
 * which may be NULL. */
MUST_USE enum err admission_check(const struct source *s, struct span bytes, int64_t from_ms,
                                  struct fault *ret_fault);

#endif
