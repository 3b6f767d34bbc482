/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/role.h"

#include "tests/test.h"

int
main(void)
{
    TEST("every role is found by its name and number, and nothing else is")
    {
        enum role_id id = ROLE_WARDEN;
        for (unsigned i = 0; i < ROLE_COUNT; i++) {
            CHECK_EQ(role_parse(span_str(role_name((enum role_id)i)), &id), ERR_OK);
            CHECK_EQ(id, i);
            CHECK_EQ(role_from_u8((uint8_t)i, &id), ERR_OK);
            CHECK(role_instances_max(id) >= 1 && role_instances_max(id) <= ROLE_INDEX_MAX);
            CHECK(role_is_restartable(id) == (id != ROLE_WARDEN));
        }
        CHECK_EQ(role_parse(SPAN_LIT("edgy"), &id), ERR_NOT_FOUND);
        CHECK_EQ(role_parse(SPAN_LIT(""), &id), ERR_NOT_FOUND);
        CHECK_EQ(role_from_u8(ROLE_COUNT, &id), ERR_RANGE);
    }
    return test_end();
}
