/* SPDX-License-Identifier: Apache-2.0 */
/* The inspector as a process. */
#ifndef TDZ_GATEWAY_INSPECTOR_INSPECTOR_ROLE_H
#define TDZ_GATEWAY_INSPECTOR_INSPECTOR_ROLE_H

#include "gateway/core/rolemain.h"

extern const struct role_ops inspector_role_ops;

#endif
