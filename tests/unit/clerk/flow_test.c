/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as a whole, with everybody else played by world.c: each end a transfer can have, each
 * recovery, and random histories with crashes at every durable step. */
#include "gateway/clerk/counter.h"
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

#include <fcntl.h>
#include <unistd.h>

static struct world w;

static void
test_export(void)
{
    TEST("an allowed upload is sealed, decided, logged, released, receipted and answered 201")
    {
        world_start(&w);
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 201);
        CHECK_EQ(w.items[a].flags, ANSWER_TRANSFER | ANSWER_LOCATION);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(world_logged(&w, a, ENTRY_DECISION), 1);
        CHECK_EQ(world_logged(&w, a, ENTRY_SETTLED), 1);
        CHECK_EQ(world_counted(&w), 10);
        CHECK(!world_has_part(&w, a, STORE_WRAPPED, 0) && !world_has_part(&w, a, STORE_PERSONS, 0));
        CHECK_EQ(world_spool_files(&w), 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a preflight denial exists, is logged and is answered 403 before a byte")
    {
        world_start(&w);
        w.preflight = VERDICT_DENY;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 403);
        CHECK(strcmp(w.items[a].code, "denied") == 0);
        CHECK_EQ(w.items[a].flags, ANSWER_TRANSFER);
        CHECK_EQ(world_row(&w, a).state, FLOW_XD_DENIED);
        CHECK_EQ(world_logged(&w, a, ENTRY_DECISION), 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a final denial destroys key and body and gives the counters back")
    {
        world_start(&w);
        w.verdict = VERDICT_DENY;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 403);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_DENIED);
        CHECK(!world_has_part(&w, a, STORE_WRAPPED, 0) && !world_has_part(&w, a, STORE_PERSONS, 0));
        CHECK_EQ(world_counted(&w), 0);
        CHECK_EQ(world_spool_files(&w), 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a held transfer answers 202 and goes on with an operator's approval, once")
    {
        world_start(&w);
        w.verdict = VERDICT_HOLD;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 202);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_HELD);
        CHECK_EQ(world_counted(&w), 10);
        world_query(&w, a, QUERY_APPROVAL, IDENTITY_PARTNER);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 403);
        world_query(&w, a, QUERY_APPROVAL, IDENTITY_OPERATOR);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 200);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(world_logged(&w, a, ENTRY_DECISION), 2);
        world_query(&w, a, QUERY_APPROVAL, IDENTITY_OPERATOR);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 409);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a hold that nobody approves expires with a refused entry and no key")
    {
        world_start(&w);
        w.verdict = VERDICT_HOLD;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        world_pass(&w, INT64_C(8) * 86400000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_EXPIRED);
        CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
        CHECK(!world_has_part(&w, a, STORE_WRAPPED, 0));
        CHECK_EQ(world_counted(&w), 0);
        CHECK_EQ(world_spool_files(&w), 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_peer(void)
{
    TEST("a peer that is down makes 202, and the transfer settles when it is back")
    {
        world_start(&w);
        w.silent_peer = true;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 202);
        CHECK_EQ(world_row(&w, a).state, FLOW_X7_FORWARDING);
        w.silent_peer = false;
        world_pass(&w, 61000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a peer that lost the end of the body after it was released gets it again")
    {
        world_start(&w);
        w.peer_lost_body = true;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.forwards, 2);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("what the importer refuses is denied, and stays counted because it was released")
    {
        world_start(&w);
        w.receipt = 4;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 403);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_DENIED);
        CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
        CHECK_EQ(world_counted(&w), 10);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("what the importer holds is shown held, and settles with its next receipt")
    {
        world_start(&w);
        w.receipt = 2;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 202);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_HELD_AGAIN);
        w.receipt = 3;
        world_reopen(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a permit too old to wrap is decided and logged again under the next n")
    {
        world_start(&w);
        w.wrap_expires = true;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 201);
        CHECK_EQ(world_logged(&w, a, ENTRY_DECISION), 2);
        CHECK_EQ(world_row(&w, a).n, 1);
        CHECK_EQ(world_counted(&w), 10);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a judge that forgot is given the evidence that keeper vouches for")
    {
        world_start(&w);
        w.judge_forgets = true;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 201);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static enum err
end_from(const uint8_t transfer[static 16], unsigned edge, struct chan *chan)
{
    const struct p_upload_end p = {.outcome = UPLOAD_ABORTED};
    struct msg m = {.type = MSG_UPLOAD_END};
    const struct chan_ticket t = {.chan = chan, .seq = w.generation};
    uint8_t buf[128];
    memcpy(m.transfer, transfer, 16);
    CHECK_EQ(payload_upload_end_put(&p, buf, sizeof(buf), &m.body), ERR_OK);
    return flow_message(w.flow, ROLE_EDGE, edge, &t, &m);
}

static void
test_ends(void)
{
    TEST("an edge that ends a transfer nobody gave it broke the rules, and nothing changes")
    {
        const uint8_t made_up[16] = {0x0b, 0xad};
        uint8_t byte = 0;
        struct chan *other = (struct chan *)&byte; /* only compared */
        world_start(&w);
        const size_t b = world_import(&w);
        world_run(&w);
        w.inspector_silent = true;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        struct flow_run *run = flow_run_live(w.flow, w.items[a].id);
        CHECK(run != NULL && run->row.state == FLOW_X2_RECEIVING);
        run->has_put = true; /* its edge still waits */
        run->put_ms = INT64_MAX;
        CHECK_EQ(end_from(made_up, 0, NULL), ERR_DENIED);
        CHECK_EQ(end_from(w.items[b].id, 0, NULL), ERR_DENIED);
        CHECK_EQ(end_from(w.items[a].id, 1, NULL), ERR_DENIED);
        CHECK_EQ(end_from(w.items[a].id, 0, other), ERR_DENIED);
        CHECK_EQ(world_row(&w, a).state, FLOW_X2_RECEIVING);
        world_stop(&w);
    }
    TEST("who ended it may ask again, also a clerk that was restarted meanwhile")
    {
        world_start(&w);
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(end_from(w.items[a].id, 0, NULL), ERR_OK);
        world_reopen(&w);
        CHECK_EQ(end_from(w.items[a].id, 0, NULL), ERR_OK);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        world_stop(&w);
    }
    TEST("findings that never come end the upload, with nothing left of it")
    {
        world_start(&w);
        w.inspector_silent = true;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X2_RECEIVING);
        world_pass(&w, 11 * 60 * 1000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_XF_FAILED);
        CHECK(strcmp(world_row(&w, a).reason, "inspector-failed") == 0);
        CHECK(!world_has_part(&w, a, STORE_WRAPPED, 0));
        CHECK_EQ(world_spool_files(&w), 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a report that judge cannot read ends the upload, and its persons are given back")
    {
        world_start(&w);
        w.judge_says = (uint16_t)-ERR_SYNTAX;
        const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 503);
        CHECK(strcmp(w.items[a].code, "inspector-failed") == 0);
        CHECK_EQ(world_row(&w, a).state, FLOW_XF_FAILED);
        CHECK_EQ(world_counted(&w), 0);
        CHECK(!world_has_part(&w, a, STORE_WRAPPED, 0) &&
              !world_has_part(&w, a, STORE_FINDINGS, 0));
        CHECK(!world_has_part(&w, a, STORE_PERSONS, 0));
        CHECK_EQ(world_spool_files(&w), 0);
        CHECK_EQ(w.log_count, 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_requests(void)
{
    TEST("a broken upload fails, leaves nothing, and frees its key")
    {
        world_start(&w);
        w.outcome = UPLOAD_DIGEST_MISMATCH;
        const size_t a = world_upload(&w, "table.csv", "k", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 400);
        CHECK(strcmp(w.items[a].code, "digest-mismatch") == 0);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_FAILED);
        CHECK(!world_has_part(&w, a, STORE_WRAPPED, 0));
        CHECK_EQ(w.log_count, 0);
        CHECK_EQ(world_spool_files(&w), 0);
        w.outcome = UPLOAD_COMPLETE;
        const size_t b = world_upload(&w, "table.csv", "k", 0, 10, 2);
        world_run(&w);
        CHECK_EQ(w.items[b].status, 201);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("one key: the same request is replayed, another is 422, a running one 409")
    {
        world_start(&w);
        w.silent_peer = true;
        const size_t a = world_upload(&w, "table.csv", "k", 0, 10, 1);
        const size_t b = world_upload(&w, "table.csv", "k", 0, 10, 1);
        for (unsigned i = 0; i < 3; i++)
            world_pass(&w, 1);
        world_run(&w);
        const size_t first = w.items[a].status == 202 ? a : b;
        const size_t second = first == a ? b : a;
        CHECK_EQ(w.items[first].status, 202);
        CHECK_EQ(w.items[second].status, 409);
        const size_t c = world_upload(&w, "table.csv", "k", 0, 10, 1);
        const size_t d = world_upload(&w, "other.csv", "k", 0, 10, 2);
        world_run(&w);
        CHECK_EQ(w.items[c].status, 202);
        CHECK((w.items[c].flags & ANSWER_REPLAYED) != 0);
        CHECK(memcmp(w.items[c].id, w.items[first].id, 16) == 0);
        CHECK_EQ(w.items[d].status, 422);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("names are refused for what they are, before anybody is asked")
    {
        static const struct {
            const char *name;
            uint16_t status;
        } names[] = {{"", 400},          {".hidden", 400},  {"a/b", 400},
                     {"tab\there", 400}, {"\xc3\x28", 400}, {"mail ali@example.com.csv", 403},
                     {"fine.csv", 201}};
        world_start(&w);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            const size_t a = world_upload(&w, names[i].name, "", 0, 1, 1);
            world_run(&w);
            CHECK_EQ(w.items[a].status, names[i].status);
        }
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a quarantined log and a draining gateway refuse uploads with 503")
    {
        world_start(&w);
        w.flow->log_state = LOG_QUARANTINED;
        size_t a = world_upload(&w, "a.csv", "", 0, 1, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 503);
        CHECK(strcmp(w.items[a].code, "quarantined") == 0);
        w.flow->log_state = LOG_CONFIRMED;
        CHECK(flow_is_drained(w.flow));
        flow_drain(w.flow);
        a = world_upload(&w, "a.csv", "", 0, 1, 1);
        world_run(&w);
        CHECK(strcmp(w.items[a].code, "draining") == 0);
        world_stop(&w);
    }
    TEST("a spool without room refuses with 507, counting what is still being received")
    {
        world_start(&w);
        w.flow->config.spool_bytes_max = 1500;
        const size_t a = world_upload(&w, "a.csv", "", 0, 1, 1);
        const size_t b = world_upload(&w, "b.csv", "", 0, 1, 1);
        world_requests(&w);
        CHECK_EQ(w.items[a].status + w.items[b].status, 507);
        world_run(&w);
        CHECK_EQ(w.items[a].status + w.items[b].status, 507 + 201);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("an unconfirmed log accepts and logs, and releases nothing until it is confirmed")
    {
        world_start(&w);
        w.flow->log_state = LOG_UNCONFIRMED;
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 202);
        CHECK(!w.items[a].released);
        CHECK_EQ(world_logged(&w, a, ENTRY_DECISION), 1);
        w.flow->log_state = LOG_CONFIRMED;
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_crashes(void)
{
    TEST("a crash before or after any state ends every transfer exactly once")
    {
        for (unsigned state = 0; state < FLOW_STATE_COUNT * 2; state++) {
            world_start(&w);
            w.crash_state = (int)(state / 2);
            w.crash_stored = state % 2 != 0;
            w.can_crash = true;
            const bool deny = state / 2 == FLOW_XP_REFUSED || state / 2 == FLOW_MP_REFUSED;
            w.preflight = deny ? VERDICT_DENY : VERDICT_ALLOW;
            const size_t a = world_upload(&w, "a.csv", "k", 0, 10, 1);
            const size_t b = world_import(&w);
            world_run(&w);
            w.can_crash = false;
            const bool failed = world_row(&w, a).shown == FLOW_SHOWN_FAILED ||
                                world_row(&w, a).state == FLOW_STATE_COUNT;
            /* A crash ends the uploads that were still being received; nothing was promised. */
            const bool lost_early = w.crashes > 0 && w.items[a].status / 100 != 2;
            CHECK(failed
                      ? lost_early
                      : world_row(&w, a).shown == (deny ? FLOW_SHOWN_DENIED : FLOW_SHOWN_SETTLED));
            CHECK_EQ(world_row(&w, b).shown, deny ? FLOW_SHOWN_DENIED : FLOW_SHOWN_SETTLED);
            CHECK_EQ(world_counted(&w), failed || deny ? 0 : 10);
            CHECK_EQ(world_spool_files(&w), deny ? 0 : 2);
            CHECK_EQ(w.broken, 0);
            if (test_state.current_failed) {
                printf("# at %s %s\n", flow_state_name((enum flow_state)(state / 2)),
                       state % 2 ? "stored" : "before");
                world_stop(&w);
                break;
            }
            world_stop(&w);
        }
    }
}

/* Everything known of an item when nothing moves any more. */
static void
judge_item(size_t i, uint64_t *io_expected)
{
    const struct store_row row = world_row(&w, i);
    if (row.state == FLOW_STATE_COUNT) {
        CHECK(!w.items[i].ended || w.items[i].status >= 400);
        return;
    }
    CHECK(flow_state_is_final(row.shown));
    if (!flow_state_is_final(row.shown))
        printf("# item %zu rests at %s\n", i, flow_state_name(row.state));
    const unsigned ends = world_logged(&w, i, ENTRY_SETTLED) + world_logged(&w, i, ENTRY_REFUSED);
    if (row.shown == FLOW_SHOWN_SETTLED && !w.items[i].import)
        CHECK_EQ(ends, 1);
    if (row.shown == FLOW_SHOWN_FAILED)
        CHECK_EQ(world_logged(&w, i, ENTRY_DECISION), 0);
    if (row.shown == FLOW_SHOWN_DENIED || row.shown == FLOW_SHOWN_FAILED)
        CHECK(!world_has_part(&w, i, STORE_WRAPPED, 0) && !world_has_part(&w, i, STORE_HELD, 0) &&
              !world_has_part(&w, i, STORE_INBOX, 0) && row.spool[0] == 0);
    if (w.items[i].status == 201)
        CHECK_EQ(row.shown, FLOW_SHOWN_SETTLED);
    if (w.items[i].released)
        *io_expected += w.items[i].count;
}

static void
test_random(void)
{
    TEST("random histories with crashes, lost roles and repeated messages keep every promise")
    {
        for (uint64_t seed = 1; seed <= 12 && !test_state.current_failed; seed++) {
            uint64_t expected = 0;
            world_start(&w);
            w.seed = seed * UINT64_C(0x9e3779b97f4a7c15);
            w.can_crash = true;
            w.crash_ppm = 8000;
            w.lost_ppm = 20000;
            w.twice_ppm = 50000;
            for (unsigned round = 0; round < 5; round++) {
                w.verdict = round == 3 ? VERDICT_DENY : VERDICT_ALLOW;
                w.import_verdict = round == 2 ? VERDICT_DENY : VERDICT_ALLOW;
                w.receipt = round == 1 ? 4 : 3;
                for (uint64_t i = 0; i < 6; i++) {
                    (void)world_upload(&w, "a.csv", "", (round * 6 + i) * 100, 7, 1);
                    if (i % 2 == 0)
                        (void)world_import(&w);
                }
                world_run(&w);
            }
            w.can_crash = false;
            w.lost_ppm = 0;
            w.receipt = 3;
            for (unsigned i = 0; i < 4; i++) {
                world_pass(&w, 61000);
                world_run(&w);
            }
            for (size_t i = 0; i < w.item_count; i++)
                judge_item(i, &expected);
            CHECK_EQ(world_counted(&w), expected);
            CHECK_EQ(w.broken, 0);
            CHECK(w.crashes > 0);
            if (test_state.current_failed)
                printf("# seed %llu, %u crashes\n", (unsigned long long)seed, w.crashes);
            world_stop(&w);
        }
    }
}

static void
test_counters(void)
{
    TEST("parallel transfers around 9,999 of 10,000 never pass it together, and none is lost")
    {
        world_start(&w);
        w.limit_pi = 10000;
        const size_t first = world_upload(&w, "base.csv", "", 0, 9990, 1);
        world_run(&w);
        CHECK_EQ(w.items[first].status, 201);
        size_t allowed = 0;
        for (uint64_t i = 0; i < 12; i++)
            (void)world_upload(&w, "one.csv", "", 20000 + i * 3, 3, 1);
        world_run(&w);
        for (unsigned i = 0; i < 20; i++) {
            world_pass(&w, 1100);
            world_run(&w);
        }
        for (size_t i = 1; i < w.item_count; i++) {
            const enum flow_shown shown = world_row(&w, i).shown;
            CHECK(shown == FLOW_SHOWN_SETTLED || shown == FLOW_SHOWN_DENIED);
            allowed += shown == FLOW_SHOWN_SETTLED ? 1 : 0;
        }
        CHECK_EQ(allowed, 3);
        CHECK_EQ(world_counted(&w), 9999);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a transfer that crosses in the new year of UTC+8 counts there")
    {
        world_start(&w);
        w.wall_ms = INT64_C(1798732800000) - 3000; /* 2026-12-31T23:59:57+08:00 */
        w.silent_peer = true;
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        w.silent_peer = false;
        world_pass(&w, 61000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(counter_year(w.wall_ms), 2027);
        CHECK_EQ(world_counted(&w), 10);
        CHECK_EQ(world_logged(&w, a, ENTRY_DECISION), 2);
        uint64_t rows = 0;
        uint64_t persons = 9;
        CHECK_EQ(store_count_get(w.store, "acme", 2026, 0, &rows, &persons), ERR_OK);
        CHECK_EQ(persons, 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a log that knows more than the database makes the counters unknown, for good")
    {
        world_start(&w);
        struct msg m = {.type = MSG_LEDGER_STATE};
        struct p_ledger_state p = {.state = LOG_CONFIRMED, .size = 500};
        uint8_t buf[256];
        for (unsigned i = 0; i < 3; i++) {
            /* Before it is compared; a log of entries that are no transfers'; one more of ours. */
            p.compared = i > 0;
            p.unseen = i > 1;
            CHECK_EQ(payload_ledger_state_put(&p, buf, sizeof(buf), &m.body), ERR_OK);
            w.flow->compared = false;
            CHECK_EQ(flow_message(w.flow, ROLE_LEDGER, 0, NULL, &m), ERR_OK);
            CHECK_EQ(w.flow->compared, i > 0);
            CHECK_EQ(w.flow->counters_unknown, i > 1);
        }
        w.log_count = 0;
        world_reopen(&w);
        CHECK(w.flow->counters_unknown);
        world_stop(&w);
    }
}

int
main(void)
{
    test_export();
    test_peer();
    test_requests();
    test_ends();
    test_counters();
    test_crashes();
    test_random();
    return test_end();
}
