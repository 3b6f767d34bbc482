/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/decisions as clerk hears it: a body of any shape is answered, and says what an upload of
 * the same would hear. */
#include "gateway/net/identity.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

#include <stdio.h>

static struct world w;
static char body[2048];

/* The status of the answer; its code is in the item. */
static uint16_t
asked(size_t item, const char *json)
{
    w.note = json;
    world_query(&w, item, QUERY_DECISION, IDENTITY_PARTNER);
    world_run(&w);
    return w.items[item].status;
}

static const char *
named(const char *name, unsigned repeat, const char *more)
{
    size_t len = (size_t)snprintf(body, sizeof(body), "{\"agreement\":\"a\",\"name\":\"");
    for (unsigned i = 0; i < repeat; i++)
        len += (size_t)snprintf(body + len, sizeof(body) - len, "%s", name);
    (void)snprintf(body + len, sizeof(body) - len, "\"%s}", more);
    return body;
}

static void
test_shapes(size_t a)
{
    static const char *const wrong[] = {"[]",
                                        "\"x\"",
                                        "7",
                                        "null",
                                        "{",
                                        "{}",
                                        "{\"agreement\":\"a\"}",
                                        "{\"name\":\"x\"}",
                                        "{\"agreement\":[],\"name\":\"x\"}",
                                        "{\"agreement\":\"a\",\"name\":{}}",
                                        "{\"agreement\":\"a\",\"agreement\":\"b\",\"name\":\"x\"}",
                                        "{\"agreement\":\"a\",\"name\":\"x\",\"length\":\"5\"}",
                                        "{\"agreement\":\"a\",\"name\":\"x\",\"length\":-5}",
                                        "{\"agreement\":\"a\",\"name\":\"x\",\"length\":null}",
                                        "{\"agreement\":\"a\",\"name\":\"x\"}x"};
    TEST("a body that is no question is refused, and clerk lives")
    {
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            CHECK_EQ(asked(a, wrong[i]), 400);
            CHECK(strcmp(w.items[a].code, "bad-request") == 0);
        }
        CHECK_EQ(asked(a, "{\"agreement\":\"a\",\"name\":\"x.csv\"}"), 200);
    }
}

static void
test_refusals(size_t a)
{
    TEST("a name that an upload is refused for is refused here")
    {
        static const struct {
            const char *name;
            unsigned repeat;
            const char *code;
        } names[] = {{"", 1, "bad-name"},    {".hidden", 1, "bad-name"}, {"a/b", 1, "bad-name"},
                     {"..", 1, "bad-name"},  {"a\\n", 1, "bad-name"},    {"n", 256, "bad-name"},
                     {"n", 1500, "bad-name"}};
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            CHECK_EQ(asked(a, named(names[i].name, names[i].repeat, "")), 400);
            CHECK(strcmp(w.items[a].code, names[i].code) == 0);
        }
        CHECK_EQ(asked(a, named("n", 255, "")), 200);
        CHECK_EQ(asked(a, named("mail ali@example.com.csv", 1, "")), 403);
        CHECK(strcmp(w.items[a].code, "name-contains-identifier") == 0);
    }
    TEST("so are facts with an identifier, a length over the limit and no agreement")
    {
        CHECK_EQ(asked(a, named("x", 1, ",\"facts\":{\"note\":\"ali@example.com\"}")), 403);
        CHECK(strcmp(w.items[a].code, "name-contains-identifier") == 0);
        CHECK_EQ(asked(a, named("x", 1, ",\"length\":1048577")), 413);
        CHECK(strcmp(w.items[a].code, "too-large") == 0);
        CHECK_EQ(asked(a, named("x", 1, ",\"length\":1048576")), 200);
        CHECK_EQ(asked(a, "{\"agreement\":\"\",\"name\":\"x\"}"), 404);
        CHECK(strcmp(w.items[a].code, "unknown-agreement") == 0);
    }
}

int
main(void)
{
    world_start(&w);
    const size_t a = world_upload(&w, "table.csv", "", 0, 1, 1);
    world_run(&w);
    test_shapes(a);
    test_refusals(a);
    TEST("judge was asked nothing that it could take amiss")
    {
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    return test_end();
}
