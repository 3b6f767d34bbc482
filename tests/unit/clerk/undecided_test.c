/* SPDX-License-Identifier: Apache-2.0 */
/* What judge will never decide ends, and says why: its agreement went, or what would be written
 * down does not fit. */
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

static struct world w;

/* What judge says, and what is said then. */
static const struct {
    enum err err;
    uint16_t status;
    const char *code;
    const char *reason;
} ends[] = {
    {ERR_DENIED, 404, "unknown-agreement", "no-basis"},
    {ERR_FULL, 413, "too-large", "decision-too-large"},
    {ERR_TOO_LARGE, 413, "too-large", "decision-too-large"},
};
enum { ENDS = sizeof(ends) / sizeof(ends[0]) };

static void
test_export(void)
{
    TEST("an export that judge never decides on ends with a problem code, and leaves nothing")
    {
        for (size_t i = 0; i < ENDS; i++) {
            world_start(&w);
            w.judge_says = (uint16_t)-ends[i].err;
            const size_t a = world_upload(&w, "table.csv", "key", 0, 10, 1);
            world_run(&w);
            const struct store_row row = world_row(&w, a);
            CHECK_EQ(w.items[a].status, ends[i].status);
            CHECK(strcmp(w.items[a].code, ends[i].code) == 0);
            CHECK(row.state == FLOW_XF_FAILED && strcmp(row.reason, ends[i].code) == 0);
            CHECK_EQ(world_counted(&w), 0);
            CHECK(!world_has_part(&w, a, STORE_WRAPPED, 0));
            CHECK_EQ(world_spool_files(&w), 0);
            CHECK_EQ(w.log_count, 0);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
    TEST("one that was held gets its end in the log, which has the hold")
    {
        for (size_t i = 0; i < ENDS; i++) {
            world_start(&w);
            w.verdict = VERDICT_HOLD;
            const size_t a = world_upload(&w, "table.csv", "key", 0, 10, 1);
            world_run(&w);
            CHECK_EQ(world_row(&w, a).state, FLOW_X6_HELD);
            w.judge_says = (uint16_t)-ends[i].err;
            w.note = "yes";
            world_query(&w, a, QUERY_APPROVAL, IDENTITY_OPERATOR);
            world_run(&w);
            const struct store_row row = world_row(&w, a);
            CHECK(row.state == FLOW_XF_FAILED && strcmp(row.reason, ends[i].code) == 0);
            CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
            CHECK_EQ(world_logged(&w, a, ENTRY_DECISION), 1);
            CHECK_EQ(world_counted(&w), 0);
            CHECK(!world_has_part(&w, a, STORE_WRAPPED, 0));
            CHECK_EQ(world_spool_files(&w), 0);
            CHECK(!w.items[a].released);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

static void
test_import(void)
{
    TEST("an import that judge never decides on is refused, and the peer learns it")
    {
        for (size_t i = 0; i < ENDS; i++) {
            world_start(&w);
            w.judge_says = (uint16_t)-ends[i].err;
            const size_t b = world_import(&w);
            world_run(&w);
            const struct store_row row = world_row(&w, b);
            CHECK(row.state == FLOW_MF_FAILED && strcmp(row.reason, ends[i].reason) == 0);
            CHECK_EQ(row.receipt_status, 6);
            CHECK(w.items[b].receipts > 0);
            CHECK_EQ(world_logged(&w, b, ENTRY_REFUSED), 1);
            CHECK_EQ(world_logged(&w, b, ENTRY_RECEIVED), 0);
            CHECK(!world_has_part(&w, b, STORE_HELD, 0) && !world_has_part(&w, b, STORE_INBOX, 0));
            CHECK_EQ(world_spool_files(&w), 0);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

static void
test_later(void)
{
    TEST("what may be decided when it is asked again is asked again")
    {
        const enum err transient[] = {ERR_AGAIN, ERR_NOMEM, ERR_CLOCK, ERR_CRYPTO};
        for (size_t i = 0; i < sizeof(transient) / sizeof(transient[0]); i++) {
            world_start(&w);
            w.judge_says = (uint16_t)-transient[i];
            const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
            const size_t b = world_import(&w);
            world_run(&w);
            CHECK_EQ(world_row(&w, a).state, FLOW_X4_RESERVED);
            CHECK_EQ(world_row(&w, b).state, FLOW_M5_INSPECTED);
            w.judge_says = 0;
            world_run(&w);
            CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
            CHECK_EQ(world_row(&w, b).state, FLOW_M7_SETTLED);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

static void
test_again(void)
{
    TEST("a question whose answer was lost is asked again as it was, whatever was counted since")
    {
        world_start(&w);
        w.permits_lost = 1;
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        const size_t b = world_upload(&w, "b.csv", "", 20, 10, 2);
        world_run(&w);
        CHECK_EQ(w.permits_lost, 0);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(world_row(&w, b).state, FLOW_X10_SETTLED);
        CHECK_EQ(world_counted(&w), 20);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("an export whose SEAL keeper does not sign ends with its offer, and gives back")
    {
        world_start(&w);
        w.sign_says = (uint16_t)-ERR_KEY_UNKNOWN;
        const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_X6_LOGGED);
        world_pass(&w, 604800 * INT64_C(1000));
        world_run(&w);
        const struct store_row row = world_row(&w, a);
        CHECK(row.state == FLOW_XE_EXPIRED && strcmp(row.reason, "offer-expired") == 0);
        CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
        CHECK_EQ(world_counted(&w), 0);
        CHECK_EQ(world_spool_files(&w), 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("an export that judge refuses to decide on, again and again, ends and gives back")
    {
        for (unsigned held = 0; held < 2; held++) {
            world_start(&w);
            w.verdict = held != 0 ? VERDICT_HOLD : VERDICT_ALLOW;
            w.judge_says = held != 0 ? 0 : (uint16_t)-ERR_CONFLICT;
            const size_t a = world_upload(&w, "a.csv", "", 0, 10, 1);
            world_run(&w);
            if (held != 0) {
                CHECK_EQ(world_row(&w, a).state, FLOW_X6_HELD);
                w.judge_says = (uint16_t)-ERR_CONFLICT;
                world_query(&w, a, QUERY_APPROVAL, IDENTITY_OPERATOR);
                world_run(&w);
            }
            CHECK_EQ(world_row(&w, a).state, FLOW_XF_FAILED);
            CHECK_EQ(world_counted(&w), 0);
            CHECK_EQ(world_spool_files(&w), 0);
            CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), held);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

int
main(void)
{
    test_again();
    test_export();
    test_import();
    test_later();
    return test_end();
}
