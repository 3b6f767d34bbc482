/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/roles.h"

#include <assert.h>

#include "gateway/clerk/clerk_role.h"
#include "gateway/desk/desk_role.h"
#include "gateway/edge/edge_role.h"
#include "gateway/inspector/inspector_role.h"
#include "gateway/judge/judge_role.h"
#include "gateway/keeper/keeper_role.h"
#include "gateway/ledger/ledger_role.h"
#include "gateway/link/link_role.h"
#include "gateway/sealer/sealer_role.h"

static const struct role_ops *const roles_table[ROLE_COUNT] = {
    [ROLE_CLERK] = &clerk_role_ops,   [ROLE_DESK] = &desk_role_ops,
    [ROLE_EDGE] = &edge_role_ops,     [ROLE_INSPECTOR] = &inspector_role_ops,
    [ROLE_JUDGE] = &judge_role_ops,   [ROLE_KEEPER] = &keeper_role_ops,
    [ROLE_LEDGER] = &ledger_role_ops, [ROLE_LINK] = &link_role_ops,
    [ROLE_SEALER] = &sealer_role_ops,
};

const struct role_ops *
roles_ops(enum role_id role)
{
    assert(role < ROLE_COUNT && role != ROLE_WARDEN);
    return roles_table[role];
}
