/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/roles.h"

#include <assert.h>

#include "gateway/clerk/clerk_role.h"
#include "gateway/edge/edge_role.h"
#include "gateway/inspector/inspector_role.h"
#include "gateway/judge/judge_role.h"
#include "gateway/keeper/keeper_role.h"
#include "gateway/ledger/ledger_role.h"
#include "gateway/link/link_role.h"
#include "gateway/sealer/sealer_role.h"

/* A role without code of its own yet: it starts, is sandboxed, and passes over what it is told. */
static enum err
roles_setup_idle(struct rolemain *rm, struct grant *grants, size_t grant_count, void **ret_ctx)
{
    (void)rm;
    (void)grants;
    (void)grant_count;
    *ret_ctx = NULL;
    return ERR_OK;
}

static enum err
roles_message_idle(struct rolemain *rm, struct chan *chan, struct msg *m)
{
    (void)rm;
    (void)chan;
    (void)m;
    return ERR_OK;
}

static const struct role_ops roles_table[ROLE_COUNT] = {
#define ROLE(NAME, name, instances_max, restartable) \
    [ROLE_##NAME] = {                                \
        .role = ROLE_##NAME, .setup = roles_setup_idle, .on_message = roles_message_idle},
#include "gateway/core/role.def"
#undef ROLE
};

const struct role_ops *
roles_ops(enum role_id role)
{
    assert(role < ROLE_COUNT && role != ROLE_WARDEN);
    if (role == ROLE_CLERK)
        return &clerk_role_ops;
    if (role == ROLE_EDGE)
        return &edge_role_ops;
    if (role == ROLE_INSPECTOR)
        return &inspector_role_ops;
    if (role == ROLE_JUDGE)
        return &judge_role_ops;
    if (role == ROLE_KEEPER)
        return &keeper_role_ops;
    if (role == ROLE_LEDGER)
        return &ledger_role_ops;
    if (role == ROLE_LINK)
        return &link_role_ops;
    if (role == ROLE_SEALER)
        return &sealer_role_ops;
    return &roles_table[role];
}
