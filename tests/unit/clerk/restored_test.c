/* SPDX-License-Identifier: Apache-2.0 */
/* A database that is an older copy: it is stopped at each state, and the log and the peer say what
 * happened since. What the log says was said; only the peer knows of a RELEASE. */
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

#include <assert.h>

static struct world w;

struct said {
    uint8_t kind;
    const char *verdict; /* or the reason of a refusal */
    const char *by;
};

static uint16_t story_err; /* of the next one */
static bool story_cut;
static bool peer_stops;
static uint16_t unwrap_stuck;
static uint8_t verdict = VERDICT_ALLOW;
static uint8_t import_verdict = VERDICT_ALLOW;

/* A transfer that stops at state; then the log tells that of it. The peer is silent. */
static size_t
stopped(bool import, enum flow_state state, const struct said *said, size_t count)
{
    world_start(&w);
    const size_t a = import ? world_import(&w) : world_upload(&w, "t.csv", "", 0, 10, 1);
    w.verdict = verdict;
    w.import_verdict = import_verdict;
    w.can_crash = true;
    w.crash_state = (int)state;
    w.crash_stored = true;
    w.halts = true; /* what is said of it needs its name */
    world_run(&w);
    CHECK(w.crashed);
    const struct flow_run *run = NULL;
    for (size_t i = 0; i < FLOW_RUNS_MAX && run == NULL; i++)
        run = w.flow->runs[i].used ? &w.flow->runs[i] : NULL;
    CHECK(run != NULL);
    memcpy(w.items[a].id, run->row.id, 16);
    w.items[a].known = true;
    w.unseen = 100;
    w.halts = false;
    w.peer_stops = peer_stops;
    w.unwrap_stuck = unwrap_stuck;
    w.story_err = story_err;
    w.story_cut = story_cut;
    for (size_t i = 0; i < count; i++)
        world_story(&w, a, said[i].kind, (uint16_t)(said[i].kind == ENTRY_DECISION ? i : 0),
                    said[i].verdict, said[i].by);
    world_run(&w);
    CHECK_EQ(w.notices[FLOW_NOTICE_BEHIND], 1);
    return a;
}

static const struct said allowed = {ENTRY_DECISION, "allow", NULL};

static void
test_out_ends(void)
{
    static const struct {
        struct said said;
        enum flow_state end;
    } ends[] = {
        {{ENTRY_DECISION, "deny", NULL}, FLOW_XD_DENIED},
        {{ENTRY_REFUSED, "hold-expired", "timeout"}, FLOW_XE_EXPIRED},
        {{ENTRY_REFUSED, "offer-expired", "timeout"}, FLOW_XE_EXPIRED},
        {{ENTRY_REFUSED, "body-lost", "operator"}, FLOW_XF_FAILED},
        {{ENTRY_REFUSED, "verdict-expired", "peer"}, FLOW_XE_EXPIRED},
        {{ENTRY_REFUSED, "refused-on-import", "peer"}, FLOW_XD_DENIED},
        {{ENTRY_SETTLED, NULL, NULL}, FLOW_X10_SETTLED},
        {{ENTRY_DELIVERED, NULL, NULL}, FLOW_X12_DELIVERED},
    };
    static const enum flow_state states[] = {FLOW_X3_SEALED, FLOW_X4_RESERVED,   FLOW_X5_DECIDED,
                                             FLOW_X6_LOGGED, FLOW_X7_FORWARDING, FLOW_X8_RELEASED};
    TEST("an export that ended in the log has that end, at whatever state the copy was taken")
    {
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
            for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++) {
                const size_t a = stopped(false, states[k], &ends[i].said, 1);
                const bool crossed =
                    ends[i].end == FLOW_X10_SETTLED || ends[i].end == FLOW_X12_DELIVERED;
                CHECK_EQ(world_row(&w, a).state, ends[i].end);
                CHECK(!world_has_part(&w, a, STORE_WRAPPED, 0) && world_spool_files(&w) == 0);
                /* A copy of before the reservation has no persons to count; the counters are
                 * unknown. */
                const bool knew = crossed && states[k] != FLOW_X3_SEALED;
                CHECK(states[k] == FLOW_X8_RELEASED || world_counted(&w) == (knew ? 10U : 0));
                CHECK(!w.items[a].released);
                world_stop(&w);
            }
        }
    }
}

static void
test_out_released(void)
{
    TEST("an export that the log allows waits for the peer's word, then goes on where it has none")
    {
        const size_t a = stopped(false, FLOW_X4_RESERVED, &allowed, 1);
        CHECK(world_row(&w, a).state == FLOW_X4_RESERVED && w.stand_asks > 1);
        w.stand_status = 404;
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(world_row(&w, a).n, 1); /* n 0 is in the log */
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("where the peer has taken a RELEASE there is no second one, and its receipt is the end")
    {
        const size_t a = stopped(false, FLOW_X5_DECIDED, &allowed, 1);
        w.stand_status = 200;
        w.stand = STAND_RELEASED;
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X8_RELEASED);
        CHECK_EQ(w.notices[FLOW_NOTICE_OVERTAKEN], 1);
        CHECK(!w.items[a].released && world_counted(&w) == 10);
        world_peer_receipt(&w, w.items[a].id, 3);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK(!w.items[a].released);
        world_stop(&w);
    }
    TEST("a receipt that comes with the peer's word ends it at once")
    {
        const size_t a = stopped(false, FLOW_X7_FORWARDING, &allowed, 1);
        w.stand_status = 200;
        w.stand = STAND_DONE;
        w.stand_receipt = 3;
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK(!w.items[a].released);
        world_stop(&w);
    }
    TEST("a RELEASE that neither has any more is lost, and the transfer with it")
    {
        const size_t a = stopped(false, FLOW_X5_DECIDED, &allowed, 1);
        w.stand_status = 200;
        w.stand = STAND_RELEASED;
        world_run(&w);
        w.stand = STAND_RECEIVING;
        for (unsigned i = 0; i < 20; i++) {
            world_pass(&w, 60000);
            world_run(&w);
        }
        CHECK_EQ(world_row(&w, a).state, FLOW_XF_FAILED);
        CHECK(strcmp(world_row(&w, a).reason, "release-lost") == 0);
        CHECK_EQ(w.notices[FLOW_NOTICE_LOST], 1);
        world_stop(&w);
    }
    TEST("a decision of a body that the copy does not have ends it")
    {
        const size_t a = stopped(false, FLOW_X1_CREATED, &allowed, 1);
        w.stand_status = 404;
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_XF_FAILED);
        CHECK(strcmp(world_row(&w, a).reason, "body-lost") == 0);
        CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
        world_stop(&w);
    }
}

static void
test_story(void)
{
    TEST("a story that does not come or does not hold is asked for again, and nothing goes on")
    {
        const struct said none = {ENTRY_DECISION, "deny", NULL};
        for (unsigned i = 0; i < 2; i++) {
            story_err = i == 0 ? (uint16_t)-ERR_AGAIN : 0;
            story_cut = i == 1;
            const size_t a = stopped(false, FLOW_X4_RESERVED, &none, 1);
            story_err = 0;
            story_cut = false;
            CHECK(world_row(&w, a).state == FLOW_X4_RESERVED && w.story_asks > 2);
            CHECK_EQ(w.log_count, 0);
            w.story_err = 0;
            w.story_cut = false;
            world_run(&w);
            CHECK_EQ(world_row(&w, a).state, FLOW_XD_DENIED);
            world_stop(&w);
        }
    }
}

static void
test_in(void)
{
    static const struct {
        enum flow_state at;
        struct said said;
        enum flow_state end;
        const char *reason;
    } ends[] = {
        {FLOW_M2_RECEIVING, {ENTRY_ERASED, NULL, NULL}, FLOW_M9_ERASED, ""},
        {FLOW_M7_SETTLED, {ENTRY_ERASED, NULL, NULL}, FLOW_M9_ERASED, ""},
        {FLOW_M7_SETTLED, {ENTRY_DELIVERED, NULL, NULL}, FLOW_M9_DELIVERED, ""},
        {FLOW_M2_RECEIVING,
         {ENTRY_REFUSED, "offer-expired", "timeout"},
         FLOW_ME_EXPIRED,
         "offer-expired"},
        {FLOW_M4_RELEASED,
         {ENTRY_REFUSED, "verdict-expired", "timeout"},
         FLOW_ME_EXPIRED,
         "verdict-expired"},
        {FLOW_M4_RELEASED,
         {ENTRY_REFUSED, "body-damaged", "operator"},
         FLOW_MF_FAILED,
         "body-damaged"},
        {FLOW_M4_RELEASED,
         {ENTRY_REFUSED, "release-untrusted", "operator"},
         FLOW_MF_FAILED,
         "release-untrusted"},
        {FLOW_M5_INSPECTED, {ENTRY_REFUSED, "no-basis", "operator"}, FLOW_MF_FAILED, "no-basis"},
        {FLOW_M4_RELEASED, {ENTRY_RECEIVED, "allow", NULL}, FLOW_M7_SETTLED, ""},
        {FLOW_M5_INSPECTED, {ENTRY_RECEIVED, "allow", NULL}, FLOW_M7_SETTLED, ""},
        {FLOW_M6_DECIDED, {ENTRY_RECEIVED, "allow", NULL}, FLOW_M7_SETTLED, ""},
    };
    TEST("an import has the end that the log has, at whatever state the copy was taken")
    {
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
            const size_t a = stopped(true, ends[i].at, &ends[i].said, 1);
            const struct store_row row = world_row(&w, a);
            const bool here = ends[i].end == FLOW_M7_SETTLED || ends[i].end == FLOW_M9_DELIVERED;
            if (row.state != ends[i].end)
                printf("# case %zu: %s\n", i, row.reason);
            if (strcmp(row.reason, ends[i].reason) != 0)
                printf("# case %zu: %s\n", i, row.reason);
            CHECK_EQ(row.state, ends[i].end);
            CHECK(strcmp(row.reason, ends[i].reason) == 0);
            CHECK(world_has_part(&w, a, STORE_INBOX, 0) == here);
            CHECK_EQ(world_spool_files(&w), here ? 2 : 0);
            world_stop(&w);
        }
    }
}

static void
test_contradicts(void)
{
    static const struct {
        const char *said;
        uint8_t verdict; /* of judge, asked again */
        enum flow_state end;
        unsigned erased, refused;
    } cases[] = {
        {"allow", VERDICT_DENY, FLOW_M9_ERASED, 1, 0},
        {"deny", VERDICT_ALLOW, FLOW_ME_EXPIRED, 0, 1},
        {"deny", VERDICT_DENY, FLOW_MD_DENIED, 0, 0},
    };
    TEST("a `received` in the log stands: what contradicts it now ends the import, without a key")
    {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            const struct said said = {ENTRY_RECEIVED, cases[i].said, NULL};
            import_verdict = cases[i].verdict;
            const size_t a = stopped(true, FLOW_M4_RELEASED, &said, 1);
            CHECK_EQ(world_row(&w, a).state, cases[i].end);
            CHECK_EQ(world_logged(&w, a, ENTRY_ERASED), cases[i].erased);
            CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), cases[i].refused);
            CHECK(!world_has_part(&w, a, STORE_INBOX, 0) && !world_has_part(&w, a, STORE_HELD, 0));
            CHECK_EQ(world_spool_files(&w), 0);
            world_stop(&w);
        }
        import_verdict = VERDICT_ALLOW;
    }
    TEST("one that can never be opened again was received all the same: erased, not refused")
    {
        const struct said said = {ENTRY_RECEIVED, "allow", NULL};
        unwrap_stuck = (uint16_t)-ERR_KEY_REVOKED;
        const size_t a = stopped(true, FLOW_M4_RELEASED, &said, 1);
        unwrap_stuck = 0;
        CHECK_EQ(world_row(&w, a).state, FLOW_M9_ERASED);
        CHECK(strcmp(world_row(&w, a).reason, "release-untrusted") == 0);
        CHECK(world_logged(&w, a, ENTRY_REFUSED) == 0 && world_spool_files(&w) == 0);
        world_stop(&w);
    }
    TEST(
        "a copy without the RELEASE of what was received is erased when its offer ends, not before")
    {
        const struct said said = {ENTRY_RECEIVED, "allow", NULL};
        peer_stops = true;
        const size_t a = stopped(true, FLOW_M3_COMPLETE, &said, 1);
        peer_stops = false;
        CHECK_EQ(world_row(&w, a).state, FLOW_M3_COMPLETE);
        world_pass(&w, INT64_C(2) * 86400000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M9_ERASED);
        CHECK(strcmp(world_row(&w, a).reason, "key-lost") == 0);
        CHECK_EQ(w.notices[FLOW_NOTICE_LOST], 1);
        world_stop(&w);
    }
}

static void
test_holds(void)
{
    static const struct said since[] = {{ENTRY_DECISION, "hold", NULL},
                                        {ENTRY_DECISION, "allow", NULL}};
    TEST("no word is taken on a hold that was released since, and none while the peer is silent")
    {
        verdict = VERDICT_HOLD;
        const size_t a = stopped(false, FLOW_X6_HELD, since, 2);
        verdict = VERDICT_ALLOW;
        CHECK_EQ(world_row(&w, a).state, FLOW_X6_HELD);
        world_query(&w, a, QUERY_APPROVAL, IDENTITY_OPERATOR);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 500);
        CHECK_EQ(world_logged(&w, a, ENTRY_APPROVAL), 0);
        w.stand_status = 200;
        w.stand = STAND_RELEASED;
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X8_RELEASED);
        world_query(&w, a, QUERY_APPROVAL, IDENTITY_OPERATOR);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 409);
        CHECK_EQ(world_logged(&w, a, ENTRY_APPROVAL), 0);
        world_stop(&w);
    }
    TEST("a hold that ended since the copy was taken is ended once the log was heard, not before")
    {
        const struct said held = {ENTRY_DECISION, "hold", NULL};
        verdict = VERDICT_HOLD;
        story_err = (uint16_t)-ERR_AGAIN;
        const size_t a = stopped(false, FLOW_X6_HELD, &held, 1);
        world_pass(&w, INT64_C(30) * 86400000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X6_HELD);
        w.story_err = 0;
        story_err = 0;
        verdict = VERDICT_ALLOW;
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_XE_EXPIRED);
        CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
        world_stop(&w);
    }
}

int
main(void)
{
    test_out_ends();
    test_out_released();
    test_story();
    test_in();
    test_contradicts();
    test_holds();
    return test_end();
}
