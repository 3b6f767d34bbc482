/* SPDX-License-Identifier: Apache-2.0 */
/* Judge as a process. */
#ifndef TDZ_GATEWAY_JUDGE_JUDGE_ROLE_H
#define TDZ_GATEWAY_JUDGE_JUDGE_ROLE_H

#include "gateway/core/rolemain.h"

extern const struct role_ops judge_role_ops;

#endif
