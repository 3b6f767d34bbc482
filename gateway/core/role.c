/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/role.h"

#include <assert.h>

struct role_row {
    const char *name;
    unsigned instances_max;
    bool restartable;
};

static const struct role_row role_rows[ROLE_COUNT] = {
#define ROLE(NAME, name, instances_max, restartable) {#name, (instances_max), (restartable) != 0},
#include "gateway/core/role.def"
#undef ROLE
};

const char *
role_name(enum role_id id)
{
    assert(id < ROLE_COUNT);
    return role_rows[id].name;
}

unsigned
role_instances_max(enum role_id id)
{
    assert(id < ROLE_COUNT);
    assert(role_rows[id].instances_max <= ROLE_INDEX_MAX);
    return role_rows[id].instances_max;
}

bool
role_is_restartable(enum role_id id)
{
    assert(id < ROLE_COUNT);
    return role_rows[id].restartable;
}

enum err
role_parse(struct span name, enum role_id *ret)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        if (span_eq_str(name, role_rows[i].name)) {
            *ret = (enum role_id)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum err
role_from_u8(uint8_t value, enum role_id *ret)
{
    if (value >= ROLE_COUNT)
        return ERR_RANGE;
    *ret = (enum role_id)value;
    return ERR_OK;
}
