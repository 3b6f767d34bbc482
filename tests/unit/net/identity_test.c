/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/identity.h"

#include "tests/test.h"

static enum err
parse(const char *text)
{
    struct identity id;
    return identity_parse(span_str(text), &id);
}

int
main(void)
{
    struct identity id;

    TEST("a good name of each role is read")
    {
        CHECK_EQ(identity_parse(SPAN_LIT("spiffe://my-cyberjaya/partner/hospital-kl"), &id),
                 ERR_OK);
        CHECK_EQ(id.role, IDENTITY_PARTNER);
        CHECK(strcmp(id.zone, "my-cyberjaya") == 0 && strcmp(id.name, "hospital-kl") == 0);
        CHECK_EQ(identity_parse(SPAN_LIT("spiffe://cn-lingang/operator/op-cn-1"), &id), ERR_OK);
        CHECK_EQ(id.role, IDENTITY_OPERATOR);
        CHECK_EQ(identity_parse(SPAN_LIT("spiffe://z/auditor/a.b_c"), &id), ERR_OK);
        CHECK_EQ(id.role, IDENTITY_AUDITOR);
        CHECK_EQ(identity_parse(SPAN_LIT("spiffe://z/peer/gw1"), &id), ERR_OK);
        CHECK_EQ(id.role, IDENTITY_PEER);
    }
    TEST("everything that is not exactly the form is refused")
    {
        static const char *const bad[] = {"",
                                          "spiffe:",
                                          "spiffe://",
                                          "spiffe://z",
                                          "spiffe://z/peer",
                                          "spiffe://z/peer/",
                                          "spiffe:///peer/a",
                                          "spiffe://z//a",
                                          "spiffe://z/peer/a/",
                                          "spiffe://z/peer/a/b",
                                          "spiffe://z/Peer/a",
                                          "SPIFFE://z/peer/a",
                                          "Spiffe://z/peer/a",
                                          "http://z/peer/a",
                                          "spiffe://Z/peer/a",
                                          "spiffe://z./peer/a",
                                          "spiffe://z:443/peer/a",
                                          "spiffe://u@z/peer/a",
                                          "spiffe://z/peer/a?b",
                                          "spiffe://z/peer/a#b",
                                          "spiffe://z/peer/%61",
                                          "spiffe://z/peer/a%00",
                                          "spiffe://z/peer/A",
                                          "spiffe://z/peer/.a",
                                          "spiffe://z/peer/..",
                                          "spiffe://z/peer/-a",
                                          "spiffe://-z/peer/a",
                                          "spiffe://z-/peer/a",
                                          "spiffe://z/admin/a",
                                          "spiffe://z/peers/a",
                                          " spiffe://z/peer/a",
                                          "spiffe://z/peer/a ",
                                          "spiffe://z/peer/\xc3\xa9",
                                          "spiffe://z_y/peer/a"};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            const bool refused = parse(bad[i]) == ERR_SYNTAX;
            if (!refused)
                printf("# accepted: number %zu\n", i);
            CHECK(refused);
        }
    }
    TEST("a NUL inside a name is refused, not the end of it")
    {
        static const char text[] = "spiffe://z/peer/a\0b";
        CHECK_EQ(identity_parse(span_of(text, sizeof(text) - 1), &id), ERR_SYNTAX);
    }
    TEST("parts of 63 bytes are read and of 64 refused")
    {
        char text[256];
        (void)snprintf(text, sizeof(text), "spiffe://z/peer/%063d", 0);
        CHECK_EQ(parse(text), ERR_OK);
        (void)snprintf(text, sizeof(text), "spiffe://z/peer/%064d", 0);
        CHECK_EQ(parse(text), ERR_TOO_LARGE);
        (void)snprintf(text, sizeof(text), "spiffe://%064d/peer/a", 0);
        CHECK_EQ(parse(text), ERR_TOO_LARGE);
        (void)snprintf(text, sizeof(text), "spiffe://z/peer/%0200d", 0);
        CHECK_EQ(parse(text), ERR_TOO_LARGE);
    }
    TEST("a refused name leaves the result alone")
    {
        id.role = IDENTITY_PEER;
        CHECK_EQ(identity_parse(SPAN_LIT("spiffe://z/partner/A"), &id), ERR_SYNTAX);
        CHECK_EQ(id.role, IDENTITY_PEER);
        CHECK(strcmp(identity_role_text(IDENTITY_AUDITOR), "auditor") == 0);
        CHECK(strcmp(identity_role_text((enum identity_role)3), "none") == 0);
    }
    return test_end();
}
