/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/trust.h"
#include "tests/test.h"

#define KEYID "0900000000000000000000000000000000000000000000000000000000000000"
#define KEY                                                                               \
    "{\"role\":\"release\",\"alg\":\"ed25519\",\"keyid\":\"" KEYID "\",\"pub\":\"00ff\"," \
    "\"not_before\":1,\"not_after\":\"2027-01-01\",\"status\":\"active\",\"name\":\"r1\"}"
#define OPERATOR(roles)                                                                    \
    "{\"role\":\"operator\",\"alg\":\"ed25519\",\"keyid\":\"" KEYID "\",\"pub\":\"00ff\"," \
    "\"not_before\":1,\"not_after\":9,\"status\":\"active\"" roles "}"
#define ZONE(keys) \
    "{\"ca_pem\":\"PEM\",\"logs\":[\"l+1+x\"],\"witness\":[\"w+1+x\"],\"keys\":[" keys "]}"
#define TRUST(keys, quorum)                                                      \
    "{\"format\":\"tdz.trust/1\",\"zones\":{\"my\":" ZONE(keys) ",\"cn\":" ZONE( \
        "") "},"                                                                 \
            "\"quorum\":{" quorum "}}"

static const struct {
    const char *input;
    enum err err;
} bad[] = {
    {"[]", ERR_TYPE},
    {"{\"format\":\"tdz.trust/2\"}", ERR_VERSION},
    {"{\"format\":\"tdz.trust/1\",\"zones\":{}}", ERR_MISSING},
    {"{\"format\":\"tdz.trust/1\",\"zones\":{},\"quorum\":{},\"x\":1}", ERR_UNKNOWN_FIELD},
    {TRUST("1", ""), ERR_TYPE},
    {TRUST("{}", ""), ERR_MISSING},
    {TRUST("{\"role\":\"king\"}", ""), ERR_RANGE},
    {TRUST("{\"role\":\"kem\",\"alg\":\"x\",\"keyid\":\"09\"}", ""), ERR_SYNTAX},
    {TRUST(OPERATOR(",\"roles\":\"boss\""), ""), ERR_TYPE},
    {TRUST(OPERATOR(",\"roles\":[1]"), ""), ERR_TYPE},
    {TRUST(OPERATOR(",\"roles\":[\"\"]"), ""), ERR_RANGE},
    {TRUST(OPERATOR(",\"roles\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
                    "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]"),
           ""),
     ERR_FULL},
    {TRUST("{\"role\":\"kem\",\"alg\":\"x\",\"keyid\":\"" KEYID
           "\",\"pub\":\"00\",\"not_before\":1,"
           "\"not_after\":9,\"status\":\"active\",\"roles\":[\"boss\"]}",
           ""),
     ERR_TYPE},
    {TRUST("{\"role\":\"kem\",\"alg\":\"x\",\"keyid\":\"" KEYID
           "\",\"pub\":\"00\",\"not_before\":1,"
           "\"not_after\":9,\"status\":\"Revoked\"}",
           ""),
     ERR_RANGE},
    {TRUST(KEY, "\"my\":[\"jp\"]"), ERR_NOT_FOUND},
    {TRUST(KEY, "\"jp\":[]"), ERR_NOT_FOUND},
    {TRUST(KEY, "\"my\":\"cn\""), ERR_TYPE},
    {TRUST(KEY, "\"my\":[\"\"]"), ERR_RANGE},
    {"{", ERR_SHORT},
};

int
main(void)
{
    static struct trust t;
    struct fault fault;
    TEST("a trust file is read into zones, keys and a quorum")
    {
        CHECK_EQ(trust_load(SPAN_LIT(TRUST(KEY, "\"my\":[\"cn\"]")), &t, &fault), ERR_OK);
        CHECK_EQ(t.zone_count, 2);
        const struct trust_zone *my = trust_find(&t, SPAN_LIT("my"));
        CHECK(my != NULL && my->log_count == 1 && span_eq_str(my->logs[0], "l+1+x") &&
              my->witness_count == 1 && my->key_count == 1 && span_eq_str(my->ca_pem, "PEM"));
        CHECK(my->keys[0].role == TRUST_RELEASE && my->keys[0].keyid[0] == 9 &&
              my->keys[0].not_before == 1 && my->keys[0].not_after == 1798761600 &&
              span_eq_str(my->keys[0].name, "r1"));
        CHECK(my->quorum_count == 1 && span_eq_str(t.zones[my->quorum[0]].name, "cn"));
        CHECK(trust_find(&t, SPAN_LIT("jp")) == NULL);
        trust_free(&t);
    }
    TEST("an operator acts in the roles its key names, in all when it names none")
    {
        CHECK_EQ(trust_load(
                     SPAN_LIT(TRUST(OPERATOR("") "," OPERATOR(",\"roles\":[\"boss\"]") "," OPERATOR(
                                        ",\"roles\":[]") "," KEY,
                                    "")),
                     &t, &fault),
                 ERR_OK);
        const struct trust_key *k = trust_find(&t, SPAN_LIT("my"))->keys;
        CHECK(trust_key_acts(&t, &k[0], SPAN_LIT("boss")));
        CHECK(trust_key_acts(&t, &k[1], SPAN_LIT("boss")));
        CHECK(!trust_key_acts(&t, &k[1], SPAN_LIT("owner")));
        CHECK(trust_key_acts(&t, &k[1], SPAN_LIT("operator")));
        CHECK(!trust_key_acts(&t, &k[2], SPAN_LIT("boss")));
        CHECK(!trust_key_acts(&t, &k[3], SPAN_LIT("boss")));
        trust_free(&t);
    }
    TEST("the same inside a signed note is read too")
    {
        CHECK_EQ(
            trust_load(SPAN_LIT("tdz.trust/1\n" TRUST("", "") "\n\n\xe2\x80\x94 op AAAAAAAA\n"), &t,
                       &fault),
            ERR_OK);
        trust_free(&t);
    }
    TEST("a member that is wrong, missing or unknown is refused")
    {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            const enum err err = trust_load(span_str(bad[i].input), &t, &fault);
            if (err != bad[i].err)
                printf("# case %zu: %s in %s\n", i, error_name(err), fault.where);
            CHECK_EQ(err, bad[i].err);
        }
    }
    TEST("more zones than the maximum are refused")
    {
        static char many[8192] = "{\"format\":\"tdz.trust/1\",\"quorum\":{},\"zones\":{";
        for (int i = 0; i <= TRUST_ZONES_MAX; i++)
            (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s\"z%d\":%s",
                           i == 0 ? "" : ",", i, ZONE(""));
        (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "}}");
        CHECK_EQ(trust_load(span_str(many), &t, &fault), ERR_FULL);
    }
    return test_end();
}
