/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web/route.h"

#include "tests/test.h"

#define GET ROUTE_METHOD(HTTP_GET)
#define PUT ROUTE_METHOD(HTTP_PUT)

static const struct route table[] = {
    {GET, "/v1", 1},
    {GET, "/v1/things/{id}", 1},
    {PUT, "/v1/things/{id}", 2},
    {GET, "/v1/things/{id}/parts/{name}", 1},
    {GET, "/tile/{path*}", 1},
};

static struct route_match match;

static enum err
find(enum http_method method, const char *path)
{
    memset(&match, 0, sizeof(match));
    return route_find(table, sizeof(table) / sizeof(table[0]), method, span_str(path), &match);
}

int
main(void)
{
    TEST("a path leads to its row, with its parameters as they were sent")
    {
        CHECK_EQ(find(HTTP_GET, "/v1"), ERR_OK);
        CHECK_EQ(match.index, 0);
        CHECK_EQ(find(HTTP_GET, "/v1/things/a%2Fb"), ERR_OK);
        CHECK_EQ(match.index, 1);
        CHECK(span_eq_str(match.params[0], "a%2Fb"));
        CHECK_EQ(find(HTTP_GET, "/v1/things/x/parts/y"), ERR_OK);
        CHECK_EQ(match.index, 3);
        CHECK(span_eq_str(match.params[0], "x") && span_eq_str(match.params[1], "y"));
    }
    TEST("one path may have a row for each method, and all of them are allowed")
    {
        char allow[ROUTE_ALLOW_MAX];
        CHECK_EQ(find(HTTP_PUT, "/v1/things/a"), ERR_OK);
        CHECK_EQ(match.index, 2);
        CHECK_EQ(find(HTTP_DELETE, "/v1/things/a"), ERR_UNSUPPORTED);
        CHECK_EQ(match.allowed, GET | PUT);
        CHECK(span_eq_str(route_allow(match.allowed, allow), "GET, PUT"));
        CHECK_EQ(route_allow(0, allow).len, 0);
        CHECK(span_eq_str(route_allow(~0U, allow), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    }
    TEST("a tail takes every segment that is left")
    {
        CHECK_EQ(find(HTTP_GET, "/tile/0/x001/067.p/5"), ERR_OK);
        CHECK(span_eq_str(match.params[0], "0/x001/067.p/5"));
        CHECK_EQ(find(HTTP_GET, "/tile/"), ERR_NOT_FOUND);
        CHECK_EQ(find(HTTP_GET, "/tile"), ERR_NOT_FOUND);
    }
    TEST("nothing else is there")
    {
        static const char *const none[] = {"",
                                           "*",
                                           "/",
                                           "/v1/",
                                           "//v1",
                                           "/V1",
                                           "/v1x",
                                           "/v1/things",
                                           "/v1/things/",
                                           "/v1/things/a/",
                                           "/v1/things//parts/b",
                                           "/v1//things/a",
                                           "/v1/things/a/parts/b/c",
                                           "v1"};
        for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
            CHECK_EQ(find(HTTP_GET, none[i]), ERR_NOT_FOUND);
    }
    return test_end();
}
