/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger as a process. */
#ifndef TDZ_GATEWAY_LEDGER_LEDGER_ROLE_H
#define TDZ_GATEWAY_LEDGER_LEDGER_ROLE_H

#include "gateway/core/rolemain.h"

extern const struct role_ops ledger_role_ops;

#endif
