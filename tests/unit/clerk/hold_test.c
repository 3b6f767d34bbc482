/* SPDX-License-Identifier: Apache-2.0 */
/* The hold queue: who is asked, whose word counts, what a crash between may lose, and that nothing
 * is released by less than the rules ask for. Judge is played by world_roles.c. */
#include "gateway/clerk/counter.h"
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

static struct world w;

/* A held export (or import) that needs that many notes. */
static size_t
held(bool import, unsigned approvers)
{
    world_start(&w);
    w.approvers = approvers;
    w.verdict = VERDICT_HOLD;
    w.import_verdict = import ? VERDICT_HOLD : VERDICT_ALLOW;
    const size_t item = import ? world_import(&w) : world_upload(&w, "a.csv", "", 0, 10, 1);
    world_run(&w);
    CHECK_EQ(world_row(&w, item).state, import ? FLOW_M6_HELD : FLOW_X6_HELD);
    return item;
}

static uint16_t
say(size_t item, const char *note)
{
    w.note = note;
    world_query(&w, item, QUERY_APPROVAL, IDENTITY_OPERATOR);
    world_run(&w);
    return w.items[item].status;
}

static void
test_two(bool import)
{
    const enum flow_state rests = import ? FLOW_M6_HELD : FLOW_X6_HELD;
    TEST("of two persons the first is logged and holds on, the second releases")
    {
        const size_t a = held(import, 2);
        CHECK_EQ(say(a, "yes, one"), 200);
        CHECK_EQ(world_row(&w, a).state, rests);
        CHECK_EQ(world_logged(&w, a, ENTRY_APPROVAL), 1);
        CHECK_EQ(say(a, "yes, two"), 200);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_SETTLED);
        CHECK_EQ(world_logged(&w, a, ENTRY_APPROVAL), 2);
        CHECK_EQ(world_logged(&w, a, import ? ENTRY_RECEIVED : ENTRY_DECISION), 2);
        CHECK_EQ(say(a, "yes, three"), 409);
        CHECK_EQ(world_logged(&w, a, ENTRY_APPROVAL), 2);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("the same person twice is answered alike, is not logged again and releases nothing")
    {
        const size_t a = held(import, 2);
        CHECK_EQ(say(a, "yes, one"), 200);
        CHECK_EQ(say(a, "yes, one"), 200);
        CHECK_EQ(world_row(&w, a).state, rests);
        CHECK_EQ(world_logged(&w, a, ENTRY_APPROVAL), 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a note that does not count is refused and leaves the hold as it was")
    {
        const size_t a = held(import, 1);
        CHECK_EQ(say(a, "bad note"), 403);
        CHECK(strcmp(w.items[a].code, "note-refused") == 0);
        CHECK_EQ(say(a, ""), 400);
        static char large[5000];
        memset(large, 'x', sizeof(large) - 1);
        CHECK_EQ(say(a, large), 413);
        CHECK_EQ(world_row(&w, a).state, rests);
        CHECK_EQ(world_logged(&w, a, ENTRY_APPROVAL), 0);
        CHECK_EQ(say(a, "yes"), 200);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_SETTLED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("one refusal is enough: it is logged, and key and body are destroyed")
    {
        const size_t a = held(import, 2);
        CHECK_EQ(say(a, "yes, one"), 200);
        CHECK_EQ(say(a, "refuse"), 200);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_DENIED);
        CHECK_EQ(world_logged(&w, a, ENTRY_APPROVAL), 2);
        CHECK(!world_has_part(&w, a, STORE_WRAPPED, 0) && !world_has_part(&w, a, STORE_HELD, 0) &&
              !world_has_part(&w, a, STORE_INBOX, 0));
        CHECK_EQ(world_row(&w, a).spool[0], 0);
        CHECK_EQ(world_counted(&w), 0);
        CHECK_EQ(say(a, "yes, two"), 409);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_eyes(void)
{
    TEST("operators and auditors see the queue, only operators speak, partners do neither")
    {
        const size_t a = held(false, 1);
        const uint8_t looks[] = {QUERY_HOLDS, QUERY_HOLD};
        for (size_t i = 0; i < 2; i++) {
            world_query(&w, a, looks[i], IDENTITY_PARTNER);
            world_run(&w);
            CHECK_EQ(w.items[a].status, 403);
            world_query(&w, a, looks[i], IDENTITY_AUDITOR);
            world_run(&w);
            CHECK_EQ(w.items[a].status, 200);
        }
        world_query(&w, a, QUERY_APPROVAL, IDENTITY_AUDITOR);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 403);
        CHECK_EQ(say(a, "yes"), 200);
        world_query(&w, a, QUERY_HOLD, IDENTITY_OPERATOR);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 404);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_again(void)
{
    TEST("a release that came too late is decided again on the same words")
    {
        const size_t a = held(false, 1);
        w.wrap_expires = true;
        CHECK_EQ(say(a, "yes"), 200);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_SETTLED);
        CHECK_EQ(world_logged(&w, a, ENTRY_DECISION), 3);
        CHECK_EQ(world_logged(&w, a, ENTRY_APPROVAL), 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("words on one decision do not count for the next hold of the same transfer")
    {
        const size_t a = held(false, 2);
        w.approvers = 3; /* the rules changed between the first word and the second */
        CHECK_EQ(say(a, "yes, one"), 200);
        w.approvers = 2;
        w.note = "yes, two";
        world_query(&w, a, QUERY_APPROVAL, IDENTITY_OPERATOR);
        world_requests(&w);
        w.approvers = 3;
        world_run(&w);
        const enum flow_shown shown = world_row(&w, a).shown;
        CHECK(shown == FLOW_SHOWN_HELD);
        CHECK(!w.items[a].released);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_crashes(bool import)
{
    const enum flow_state states[] = {import ? FLOW_M6_APPROVING : FLOW_X6_APPROVING,
                                      import ? FLOW_M5_INSPECTED : FLOW_X4_RESERVED,
                                      import ? FLOW_M6_DECIDED : FLOW_X5_DECIDED};
    TEST("a crash at any state between a word and its decision loses no word that was answered")
    {
        for (unsigned at = 0; at < 6; at++) {
            const size_t a = held(import, 1);
            w.crash_state = (int)states[at / 2];
            w.crash_stored = at % 2 != 0;
            w.can_crash = true;
            const uint16_t status = say(a, "yes");
            w.can_crash = false;
            CHECK_EQ(w.crashes, 1);
            /* Stored is taken, answered or not; what was not stored the operator says again. */
            if (at == 0) {
                CHECK_EQ(world_row(&w, a).state, import ? FLOW_M6_HELD : FLOW_X6_HELD);
                CHECK(status != 200);
                CHECK_EQ(say(a, "yes"), 200);
            }
            CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_SETTLED);
            CHECK_EQ(world_logged(&w, a, ENTRY_APPROVAL), 1);
            CHECK_EQ(w.broken, 0);
            if (test_state.current_failed)
                printf("# at %s, %s\n", flow_state_name(states[at / 2]),
                       at % 2 ? "stored" : "before");
            world_stop(&w);
        }
    }
}

int
main(void)
{
    test_two(false);
    test_two(true);
    test_eyes();
    test_again();
    test_crashes(false);
    test_crashes(true);
    return test_end();
}
