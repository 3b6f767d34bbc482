/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/query_args.h"
#include "tests/test.h"

static enum err
get(const char *args, const char *name, const char *wanted)
{
    uint8_t buf[8];
    struct span value = {0};
    const enum err err = query_args_get(span_str(args), name, buf, sizeof(buf), &value);
    CHECK(err != ERR_OK || span_eq_str(value, wanted));
    return err;
}

int
main(void)
{
    TEST("a value is found by its whole name, wherever it stands")
    {
        CHECK_EQ(get("state=held", "state", "held"), ERR_OK);
        CHECK_EQ(get("a=1&state=held&b=2", "state", "held"), ERR_OK);
        CHECK_EQ(get("xstate=1&state=2", "state", "2"), ERR_OK);
        CHECK_EQ(get("state2=1&&state=", "state", ""), ERR_OK);
        CHECK_EQ(get("state=1&state=2", "state", "1"), ERR_OK);
    }
    TEST("percent escapes and plus are decoded once")
    {
        CHECK_EQ(get("k=a%26b%3Dc", "k", "a&b=c"), ERR_OK);
        CHECK_EQ(get("k=a+b%2b", "k", "a b+"), ERR_OK);
        CHECK_EQ(get("k=%2525", "k", "%25"), ERR_OK);
    }
    TEST("what is not there, is broken or is too long says so")
    {
        CHECK_EQ(get("", "k", ""), ERR_NOT_FOUND);
        CHECK_EQ(get("k", "k", ""), ERR_NOT_FOUND);
        CHECK_EQ(get("kk=1", "k", ""), ERR_NOT_FOUND);
        CHECK_EQ(get("k=%2", "k", ""), ERR_SYNTAX);
        CHECK_EQ(get("k=%zz", "k", ""), ERR_SYNTAX);
        CHECK_EQ(get("k=12345678", "k", "12345678"), ERR_OK);
        CHECK_EQ(get("k=123456789", "k", ""), ERR_FULL);
    }
    return test_end();
}
