/* SPDX-License-Identifier: Apache-2.0 */
/* The transfer log is lost and another one follows: every transfer comes to the end it would have
 * had, with what was said of it in the new log before anything else. */
#include "crypto/receipt.h"
#include "gateway/clerk/store_again.h"
#include "gateway/core/parcel.h"
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

#define OLD "my-cyberjaya/gw1/2026h2"
#define NEW "my-cyberjaya/gw1/2026h2b"

static struct world w;

static void
follow(uint64_t witnessed, uint8_t succeeds)
{
    world_lose_log(&w, NEW, witnessed, succeeds);
    world_reopen(&w);
    world_run(&w);
    CHECK(w.came_over);
    CHECK_EQ(strcmp(store_origin(w.store), NEW), 0);
}

/* An upload whose clerk dies in a state, and with it the log. */
static size_t
lost_in(enum flow_state state)
{
    world_start(&w);
    w.can_crash = true;
    w.crash_state = (int)state;
    w.crash_stored = true;
    w.lost_with_crash = NEW;
    const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
    world_run(&w);
    CHECK(w.came_over && w.crashes == 1);
    return a;
}

static void
exports(void)
{
    static const enum flow_state states[] = {FLOW_X3_SEALED,   FLOW_X4_RESERVED,   FLOW_X5_DECIDED,
                                             FLOW_X6_LOGGED,   FLOW_X7_FORWARDING, FLOW_X8_RELEASED,
                                             FLOW_X9_RECEIPTED};
    TEST("an export settles from every state; its decision is said again before it goes on")
    {
        for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
            const size_t a = lost_in(states[i]);
            CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
            CHECK_EQ(world_logged(&w, a, ENTRY_DECISION), 1);
            CHECK_EQ(world_logged(&w, a, ENTRY_SETTLED), 1);
            CHECK_EQ(w.log[0].kind, ENTRY_DECISION);
            CHECK_EQ(world_row(&w, a).origin[0], 0);
            CHECK_EQ(world_row(&w, a).log_index, 0);
            CHECK_EQ(world_counted(&w), 10);
            CHECK(!w.flow->counters_unknown);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
    TEST("what is held stays held, and its decision is in the new log")
    {
        world_start(&w);
        w.verdict = VERDICT_HOLD;
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X6_HELD);
        follow(UINT64_MAX >> 1, 1);
        CHECK_EQ(world_row(&w, a).state, FLOW_X6_HELD);
        CHECK_EQ(world_logged(&w, a, ENTRY_DECISION), 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
at_rest(void)
{
    TEST("what is at rest stays in the old log up to the witnessed checkpoint, and shows so")
    {
        world_start(&w);
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        const size_t b = world_upload(&w, "b.csv", "", 20, 10, 2);
        world_run(&w);
        CHECK_EQ(w.log_count, 4);
        follow(2, 1);
        CHECK_EQ(w.log_count, 2); /* of b: no witness saw them */
        CHECK_EQ(world_logged(&w, b, ENTRY_DECISION), 1);
        CHECK_EQ(world_logged(&w, b, ENTRY_SETTLED), 1);
        CHECK_EQ(strcmp(world_row(&w, a).origin, OLD), 0);
        CHECK_EQ(world_row(&w, b).origin[0], 0);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        const size_t c = world_upload(&w, "c.csv", "", 40, 10, 3);
        world_run(&w);
        CHECK_EQ(world_row(&w, c).state, FLOW_X10_SETTLED);
        CHECK_EQ(world_row(&w, c).origin[0], 0);
        world_reopen(&w);
        world_run(&w);
        CHECK_EQ(w.log_count, 4); /* and is not said a third time */
        CHECK_EQ(w.notices[FLOW_NOTICE_SUCCEEDED], 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("evidence of which nothing can be proved any more is refused for good")
    {
        world_start(&w);
        w.verdict = VERDICT_DENY;
        const size_t a = world_upload(&w, "a.csv", "", 20, 10, 2);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_XD_DENIED);
        follow(UINT64_MAX >> 1, 1);
        world_query(&w, a, QUERY_RECEIPT, IDENTITY_PARTNER);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 410);
        CHECK_EQ(strcmp(w.items[a].code, "proof-lost"), 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

/* The stored parcel of an import, with another proof when proof is not NULL. */
static struct span
parcel_of(size_t item, const char *proof, uint8_t out[static 8192])
{
    static uint8_t memory[1 << 16];
    struct room room = {memory, sizeof(memory), 0};
    struct span bytes = {0};
    struct parcel parcel;
    CHECK_EQ(store_part_get(w.store, w.items[item].id, STORE_PARCEL, 0, &room, &bytes), ERR_OK);
    CHECK_EQ(parcel_read(bytes, &parcel), ERR_OK);
    if (proof != NULL)
        parcel.proof = span_str(proof);
    CHECK_EQ(parcel_write(&parcel, out, 8192, &bytes), ERR_OK);
    return bytes;
}

static void
renewed(void)
{
    TEST("a RELEASE that comes again with a newer proof leaves that proof, while it is not opened")
    {
        uint8_t bytes[8192];
        uint8_t now[8192];
        world_start(&w);
        w.unwrap_stuck = (uint16_t)-ERR_NOT_FOUND; /* keeper wants to hear of it again */
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M4_RELEASED);
        w.peer_stops = true;
        const struct span newer = parcel_of(a, "newer", bytes);
        CHECK(!span_eq(parcel_of(a, NULL, now), newer));
        w.corridor_status = 0;
        world_peer_asks(&w, &w.items[a], CORRIDOR_RELEASE, newer);
        world_run(&w);
        CHECK_EQ(w.corridor_status, 202);
        CHECK(span_eq(parcel_of(a, NULL, now), newer));
        w.unwrap_stuck = 0;
        world_pass(&w, 61000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
imports(void)
{
    TEST("an import goes on, its dataset can be pulled, and its receipts rest on the new log")
    {
        world_start(&w);
        w.silent_peer = true; /* takes no receipt */
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 1);
        w.silent_peer = false;
        const unsigned before = w.items[a].receipts;
        follow(UINT64_MAX >> 1, 1);
        CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 1); /* the errand rests on it */
        CHECK(w.items[a].receipts > before);
        world_pull(&w, a, "acme");
        world_run(&w);
        CHECK(w.pulls > 0 && w.opened_before_log == 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("what is erased after says in which log its entry was")
    {
        world_start(&w);
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        world_query(&w, a, QUERY_ACK, IDENTITY_PARTNER);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M9_DELIVERED);
        follow(UINT64_MAX >> 1, 1);
        CHECK_EQ(w.log_count, 0);
        world_pass(&w, INT64_C(31) * 86400000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M9_ERASED);
        CHECK(w.log_count == 1 && w.log[0].kind == ENTRY_ERASED &&
              strstr((const char *)w.log[0].bytes, "\"origin\":\"" OLD "\"") != NULL);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
counters(void)
{
    TEST("a database that saw less than the named checkpoint does not know its counters, for good")
    {
        world_start(&w);
        (void)world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        follow(9, 2);
        CHECK(w.flow->counters_unknown && w.flow->behind_seq == 1);
        CHECK_EQ(w.notices[FLOW_NOTICE_BEHIND], 1);
        world_reopen(&w);
        CHECK(w.flow->counters_unknown);
        world_stop(&w);
    }
    TEST("an empty database under a log that follows another does not either")
    {
        world_start(&w);
        world_lose_log(&w, NEW, 5, 2);
        world_reopen(&w);
        world_run(&w);
        CHECK(w.came_over && w.flow->counters_unknown);
        world_stop(&w);
    }
    TEST("what ledger cannot say is a violation")
    {
        struct p_ledger_state p = {
            .state = LOG_UNCONFIRMED, .succeeds = 3, .prev_origin = SPAN_LIT("x")};
        struct msg m = {.type = MSG_LEDGER_STATE};
        uint8_t buf[256];
        world_start(&w);
        store_origin_set(w.store, OLD "x");
        CHECK_EQ(payload_ledger_state_put(&p, buf, sizeof(buf), &m.body), ERR_OK);
        CHECK_EQ(flow_message(w.flow, ROLE_LEDGER, 0, NULL, &m), ERR_RANGE);
        p.succeeds = 1;
        p.prev_origin = SPAN_LIT("");
        CHECK_EQ(payload_ledger_state_put(&p, buf, sizeof(buf), &m.body), ERR_OK);
        CHECK_EQ(flow_message(w.flow, ROLE_LEDGER, 0, NULL, &m), ERR_RANGE);
        p.succeeds = 0;
        p.compared = 1;
        CHECK_EQ(payload_ledger_state_put(&p, buf, sizeof(buf), &m.body), ERR_OK);
        CHECK_EQ(flow_message(w.flow, ROLE_LEDGER, 0, NULL, &m), ERR_STATE);
        world_stop(&w);
    }
}

/* Killed at random while many transfers come over. */
static void
crashes(void)
{
    TEST("killed at any time while it comes over, nothing is lost, said twice or counted twice")
    {
        for (unsigned round = 0; round < 40; round++) {
            world_start(&w);
            w.seed += round * 7919;
            w.silent_peer = round % 2 == 0;
            for (size_t i = 0; i < 6; i++)
                (void)world_upload(&w, "a.csv", "", i * 10, 10, (uint8_t)(i + 1));
            (void)world_import(&w);
            world_run(&w);
            w.silent_peer = false;
            const uint64_t counted = world_counted(&w);
            world_lose_log(&w, NEW, w.log_count / 2 + round % 3, 1);
            w.can_crash = true;
            w.crash_ppm = 60000;
            world_reopen(&w);
            world_run(&w);
            w.can_crash = false;
            world_pass(&w, 130000);
            world_run(&w);
            for (size_t i = 0; i < 6; i++)
                CHECK_EQ(world_row(&w, i).state, FLOW_X10_SETTLED);
            CHECK_EQ(world_row(&w, 6).state, FLOW_M7_SETTLED);
            CHECK_EQ(world_counted(&w), counted);
            uint64_t pending = 9;
            CHECK_EQ(store_entry_pending(w.store, &pending), ERR_OK);
            CHECK_EQ(pending, 0);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

/* Killed between what the log has and what the database knows of it. */
static void
crashed_saying(void)
{
    TEST("killed while it says again, it goes on where it was and knows its counters")
    {
        for (unsigned n = 1; n <= 6; n++) {
            world_start(&w);
            w.silent_peer = true;
            for (size_t i = 0; i < 3; i++)
                (void)world_upload(&w, "a.csv", "", i * 10, 10, (uint8_t)(i + 1));
            world_run(&w);
            w.silent_peer = false;
            world_lose_log(&w, NEW, 0, 1);
            w.crash_append = n;
            world_reopen(&w);
            world_pass(&w, 61000);
            world_run(&w);
            CHECK_EQ(w.crash_append, 0);
            for (size_t i = 0; i < 3; i++) {
                CHECK_EQ(world_row(&w, i).state, FLOW_X10_SETTLED);
                CHECK_EQ(world_logged(&w, i, ENTRY_DECISION), 1);
            }
            CHECK(!w.flow->counters_unknown);
            CHECK_EQ(w.notices[FLOW_NOTICE_SUCCEEDED], 1);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

static void
twice(void)
{
    TEST("a third log follows the second, and each row says in which its entry is")
    {
        world_start(&w);
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        follow(UINT32_MAX, 1);
        const size_t b = world_upload(&w, "b.csv", "", 20, 10, 2);
        world_run(&w);
        world_lose_log(&w, NEW "b", UINT32_MAX, 1);
        world_reopen(&w);
        world_run(&w);
        const size_t c = world_upload(&w, "c.csv", "", 40, 10, 3);
        world_run(&w);
        CHECK_EQ(strcmp(world_row(&w, a).origin, OLD), 0);
        CHECK_EQ(strcmp(world_row(&w, b).origin, NEW), 0);
        CHECK_EQ(world_row(&w, c).origin[0], 0);
        CHECK_EQ(w.log_count, 2);
        CHECK_EQ(strcmp(store_origin(w.store), NEW "b"), 0);
        CHECK(!w.flow->counters_unknown);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

int
main(void)
{
    exports();
    at_rest();
    imports();
    renewed();
    counters();
    crashes();
    crashed_saying();
    twice();
    return test_end();
}
