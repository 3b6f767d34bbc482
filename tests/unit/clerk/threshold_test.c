/* SPDX-License-Identifier: Apache-2.0 */
/* Counters at thresholds of law: transfers side by side, deaths, refusals and lost receipts; and
 * what operators correct by signed notes. */
#include "gateway/clerk/counter.h"
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

static struct world w;

static size_t
reserved(void)
{
    static uint8_t ids[64][16];
    size_t count = 0;
    CHECK_EQ(store_reserve_list(w.store, "acme", counter_year(w.wall_ms), ids, 64, &count), ERR_OK);
    return count;
}

static void
settle(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        world_pass(&w, 1100);
        world_run(&w);
    }
}

/* Up to limit - 1 persons before; then uploads of three new ones each, all at once. */
static void
race(uint64_t limit, size_t uploads, size_t fit)
{
    world_start(&w);
    w.limit_pi = limit;
    const size_t base = world_upload(&w, "base.csv", "", 0, limit - 1 - 3 * fit, 1);
    world_run(&w);
    CHECK_EQ(w.items[base].status, 201);
    for (uint64_t i = 0; i < uploads; i++)
        (void)world_upload(&w, "one.csv", "", 2 * limit + i * 3, 3, 1);
    world_run(&w);
    settle(25);
    size_t allowed = 0;
    for (size_t i = 1; i < w.item_count; i++) {
        const enum flow_shown shown = world_row(&w, i).shown;
        CHECK(shown == FLOW_SHOWN_SETTLED || shown == FLOW_SHOWN_DENIED);
        allowed += shown == FLOW_SHOWN_SETTLED ? 1 : 0;
    }
    CHECK_EQ(allowed, fit);
    CHECK_EQ(world_counted(&w), limit - 1);
    CHECK_EQ(reserved(), 0);
    CHECK_EQ(w.broken, 0);
    world_stop(&w);
}

static void
test_races(void)
{
    TEST("parallel transfers at 9,999 of 10,000 never pass it, and as many cross as fit")
    {
        race(10000, 24, 5);
    }
    TEST("parallel transfers at 99,999 of 100,000 never pass it, and as many cross as fit")
    {
        race(100000, 24, 5);
    }
    TEST("an approval does not carry a transfer over a threshold that others' reservations reach")
    {
        world_start(&w);
        w.limit_pi = 15;
        w.silent_peer = true;
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X7_FORWARDING);
        const size_t b = world_upload(&w, "b.csv", "", 100, 10, 1);
        world_run(&w);
        CHECK_EQ(world_row(&w, b).state, FLOW_X6_HELD);
        w.silent_peer = false;
        settle(60);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_SETTLED);
        CHECK_EQ(world_row(&w, b).shown, FLOW_SHOWN_DENIED);
        CHECK_EQ(world_counted(&w), 10);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_deaths(void)
{
    static const enum flow_state states[] = {FLOW_X3_SEALED, FLOW_X4_RESERVED,   FLOW_X5_DECIDED,
                                             FLOW_X6_LOGGED, FLOW_X7_FORWARDING, FLOW_X8_RELEASED};
    TEST("a clerk killed at any state before the release leaks no reservation")
    {
        for (unsigned at = 0; at < 2 * sizeof(states) / sizeof(states[0]); at++) {
            for (unsigned deny = 0; deny < 2; deny++) {
                world_start(&w);
                w.verdict = deny ? VERDICT_DENY : VERDICT_ALLOW;
                w.crash_state = (int)states[at / 2];
                w.crash_stored = at % 2 != 0;
                w.can_crash = true;
                const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
                world_run(&w);
                w.can_crash = false;
                settle(3);
                const struct store_row row = world_row(&w, a);
                CHECK_EQ(reserved(), 0);
                CHECK_EQ(world_counted(&w), row.shown == FLOW_SHOWN_SETTLED ? 10 : 0);
                CHECK_EQ(w.broken, 0);
                world_stop(&w);
            }
        }
    }
    TEST("a refusal by the importer gives nothing back, also to a clerk that was restarted")
    {
        world_start(&w);
        w.receipt = 4;
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_DENIED);
        CHECK_EQ(world_counted(&w), 10);
        world_reopen(&w);
        CHECK_EQ(world_counted(&w), 10);
        CHECK_EQ(reserved(), 0);
        world_stop(&w);
    }
    TEST("a receipt that never comes gives nothing back, and the same persons again count once")
    {
        world_start(&w);
        w.receipt_lost = true;
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X8_RELEASED);
        CHECK(w.items[a].released);
        world_reopen(&w);
        world_pass(&w, INT64_C(9) * 86400000);
        settle(3);
        CHECK_EQ(world_row(&w, a).state, FLOW_X8_RELEASED);
        CHECK_EQ(world_counted(&w), 10);
        CHECK_EQ(reserved(), 0);
        w.receipt_lost = false;
        const size_t b = world_upload(&w, "b.csv", "", 5, 10, 1);
        world_run(&w);
        settle(60);
        CHECK_EQ(world_row(&w, b).shown, FLOW_SHOWN_SETTLED);
        CHECK_EQ(world_counted(&w), 15);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

/* A note as judge reads it here. */
static uint16_t
adjust(size_t item, const char *note, const struct p_note_answer *says)
{
    w.note = note;
    w.adjust = *says;
    world_query(&w, item, QUERY_ADJUST, IDENTITY_OPERATOR);
    world_run(&w);
    return w.items[item].status;
}

static void
test_adjust(void)
{
    const uint64_t year = 2026;
    struct p_note_answer says = {
        .exporter = SPAN_LIT("acme"), .pi = 100, .spi = 7, .opening = 1, .entry = SPAN_LIT("{}")};
    TEST("an opening balance and corrections count from their log entry on, each note once")
    {
        world_start(&w);
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        says.year = counter_year(w.wall_ms);
        const size_t before = w.log_count;
        CHECK_EQ(adjust(a, "opening", &says), 200);
        CHECK_EQ(world_counted(&w), 110);
        CHECK_EQ(w.log_count, before + 1);
        CHECK_EQ(adjust(a, "opening", &says), 200);
        CHECK_EQ(world_counted(&w), 110);
        CHECK_EQ(w.log_count, before + 1);
        says.opening = 0;
        says.pi = (uint64_t)-30;
        CHECK_EQ(adjust(a, "less", &says), 200);
        CHECK_EQ(world_counted(&w), 80);
        says.pi = (uint64_t)-1000;
        CHECK_EQ(adjust(a, "far less", &says), 200);
        CHECK_EQ(world_counted(&w), 0);
        says.opening = 1;
        says.pi = 2000;
        CHECK_EQ(adjust(a, "another opening", &says), 200);
        CHECK_EQ(world_counted(&w), 980);
        world_reopen(&w);
        CHECK_EQ(world_counted(&w), 980);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("another year and another exporter are left alone")
    {
        world_start(&w);
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        says = (struct p_note_answer){.exporter = SPAN_LIT("acme"), .year = year - 1, .pi = 5};
        says.entry = SPAN_LIT("{}");
        CHECK_EQ(adjust(a, "last year", &says), 200);
        says.exporter = SPAN_LIT("zeta");
        says.year = counter_year(w.wall_ms);
        CHECK_EQ(adjust(a, "zeta", &says), 200);
        CHECK_EQ(world_counted(&w), 10);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a note that does not count changes nothing; only operators send one")
    {
        world_start(&w);
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        const size_t before = w.log_count;
        CHECK_EQ(adjust(a, "bad", &says), 403);
        CHECK_EQ(adjust(a, "", &says), 400);
        w.note = "good";
        world_query(&w, a, QUERY_ADJUST, IDENTITY_AUDITOR);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 403);
        world_query(&w, a, QUERY_COUNTERS, IDENTITY_PARTNER);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 403);
        world_query(&w, a, QUERY_COUNTERS, IDENTITY_AUDITOR);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 200);
        CHECK(world_counted(&w) == 10 && w.log_count == before);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("counters that a restore made unknown are known again by a note that says so")
    {
        world_start(&w);
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        w.flow->counters_unknown = true;
        says.known = 0;
        CHECK_EQ(adjust(a, "more", &says), 200);
        CHECK(w.flow->counters_unknown);
        says.known = 1;
        CHECK_EQ(adjust(a, "all is right", &says), 200);
        CHECK(!w.flow->counters_unknown);
        world_reopen(&w);
        CHECK(!w.flow->counters_unknown);
        world_stop(&w);
    }
    TEST("operators are warned once when a level is reached, and the metric stays")
    {
        world_start(&w);
        w.flow->config.warn_pi = 15;
        const unsigned before = w.notices[FLOW_NOTICE_COUNTER];
        (void)world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.notices[FLOW_NOTICE_COUNTER], before);
        (void)world_upload(&w, "b.csv", "", 10, 5, 1);
        world_run(&w);
        CHECK_EQ(w.notices[FLOW_NOTICE_COUNTER], before + 1);
        (void)world_upload(&w, "c.csv", "", 20, 5, 1);
        world_run(&w);
        CHECK_EQ(w.notices[FLOW_NOTICE_COUNTER], before + 1);
        struct flow_stats stats;
        flow_stats(w.flow, &stats);
        CHECK_EQ(stats.counters_over, 1);
        world_stop(&w);
    }
}

int
main(void)
{
    test_races();
    test_deaths();
    test_adjust();
    return test_end();
}
