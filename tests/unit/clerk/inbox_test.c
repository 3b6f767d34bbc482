/* SPDX-License-Identifier: Apache-2.0 */
/* The importing side of the engine: every end an import can have, and what is left of it. */
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

#include "gateway/clerk/spool.h"

#include <assert.h>

static struct world w;

/* Bytes of salts that could still be disclosed. */
static size_t
salts(size_t item)
{
    static uint8_t memory[1 << 20];
    struct room room = {memory, sizeof(memory), 0};
    struct store_entry list[16];
    size_t count = 0;
    size_t bytes = 0;
    CHECK_EQ(store_entry_list(w.store, w.items[item].id, &room, list, 16, &count), ERR_OK);
    for (size_t i = 0; i < count; i++)
        bytes += list[i].salts.len;
    return bytes;
}

static void
test_import(void)
{
    TEST("an import is opened, inspected, decided, logged, receipted, pulled, acked and erased")
    {
        world_start(&w);
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 1);
        CHECK(world_has_part(&w, a, STORE_INBOX, 0) && !world_has_part(&w, a, STORE_HELD, 0));
        CHECK_EQ(w.items[a].receipts, 1);
        world_pull(&w, a, "zeta");
        world_run(&w);
        CHECK_EQ(w.items[a].status, 404);
        world_pull(&w, a, "acme");
        world_run(&w);
        world_pull(&w, a, "acme");
        world_run(&w);
        CHECK_EQ(w.pulls, 2);
        CHECK_EQ(w.opened_before_log, 0);
        CHECK_EQ(world_logged(&w, a, ENTRY_OPENED), 1);
        world_query(&w, a, QUERY_ACK, IDENTITY_PARTNER);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 204);
        CHECK_EQ(world_row(&w, a).state, FLOW_M9_DELIVERED);
        CHECK_EQ(w.items[a].receipts, 2);
        world_pass(&w, INT64_C(31) * 86400000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M9_ERASED);
        CHECK(!world_has_part(&w, a, STORE_INBOX, 0) && !world_has_part(&w, a, STORE_RELEASE, 0));
        CHECK_EQ(world_logged(&w, a, ENTRY_ERASED), 1);
        world_query(&w, a, QUERY_INBOX_ITEM, IDENTITY_PARTNER);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 404); /* what cannot be pulled is in no inbox */
        CHECK_EQ(salts(a), 0);
        CHECK_EQ(world_spool_files(&w), 0);
        world_pull(&w, a, "acme");
        world_run(&w);
        CHECK_EQ(w.items[a].status, 404);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a SEAL for an offer that a restarted keeper forgot is checked after judge told it again")
    {
        world_start(&w);
        w.can_crash = true;
        w.crash_state = FLOW_M1_OFFERED;
        w.crash_stored = true;
        w.keeper_forgets = true;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(w.crashes, 1);
        CHECK(!w.keeper_forgot);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("an import that is denied is never visible and leaves no key and no body")
    {
        world_start(&w);
        w.import_verdict = VERDICT_DENY;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_MD_DENIED);
        CHECK(!world_has_part(&w, a, STORE_INBOX, 0) && !world_has_part(&w, a, STORE_HELD, 0));
        CHECK(!world_has_part(&w, a, STORE_RELEASE, 0));
        CHECK_EQ(world_spool_files(&w), 0);
        world_query(&w, a, QUERY_INBOX_ITEM, IDENTITY_PARTNER);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 404);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a refused offer whose receipt is not signed yet is nothing to release for")
    {
        world_start(&w);
        w.preflight = VERDICT_DENY;
        const size_t a = world_import(&w);
        world_run(&w);
        struct store_row row = world_row(&w, a);
        CHECK_EQ(row.state, FLOW_MD_DENIED);
        row.state = FLOW_MP_REFUSED;
        row.shown = FLOW_SHOWN_RECEIVING;
        row.log_index = STORE_NONE;
        CHECK_EQ(store_begin(w.store), ERR_OK);
        CHECK_EQ(store_row_put(w.store, &row), ERR_OK);
        CHECK_EQ(store_commit(w.store), ERR_OK);
        w.peer_stops = true;
        world_peer_asks(&w, &w.items[a], CORRIDOR_STATE, SPAN_LIT(""));
        world_run(&w);
        CHECK_EQ(w.corridor_status, 200);
        CHECK(strstr(w.corridor_said, "\"state\":\"offered\"") != NULL);
        world_stop(&w);
    }
    TEST("a refused offer is logged and receipted without a byte of body")
    {
        world_start(&w);
        w.preflight = VERDICT_DENY;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_MD_DENIED);
        CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 1);
        CHECK_EQ(w.corridor_status, 403);
        CHECK_EQ(w.items[a].receipts, 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a held import sends receipt 2 and is settled by an approval")
    {
        world_start(&w);
        w.import_verdict = VERDICT_HOLD;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M6_HELD);
        CHECK(world_has_part(&w, a, STORE_HELD, 0) && !world_has_part(&w, a, STORE_INBOX, 0));
        world_query(&w, a, QUERY_APPROVAL, IDENTITY_OPERATOR);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        CHECK_EQ(w.items[a].receipts, 2);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

/* An import whose body did not open; the peer does nothing by itself. */
static size_t
damaged_once(void)
{
    world_start(&w);
    w.body_damaged = true;
    const size_t a = world_import(&w);
    world_run(&w);
    CHECK_EQ(world_row(&w, a).state, FLOW_M1_OFFERED);
    CHECK_EQ(w.items[a].receipts, 0);
    return a;
}

/* What the exporter does when it is told that the body is not there. */
static void
sent_again(size_t a)
{
    w.peer_stops = false;
    w.items[a].peer_step = 1;
    world_peer_next(&w, &w.items[a]);
    world_run(&w);
}

static void
test_ends(void)
{
    TEST("a held import that nobody approves expires with receipt 6, and nothing of it stays")
    {
        world_start(&w);
        w.import_verdict = VERDICT_HOLD;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(w.items[a].receipts, 1);
        world_pass(&w, INT64_C(2) * 86400000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_ME_EXPIRED);
        CHECK_EQ(world_row(&w, a).receipt_status, 6);
        CHECK_EQ(w.items[a].receipts, 2);
        CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
        CHECK(!world_has_part(&w, a, STORE_HELD, 0) && !world_has_part(&w, a, STORE_RELEASE, 0));
        CHECK_EQ(world_spool_files(&w), 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a release whose verdict is too old is refused with receipt 6")
    {
        world_start(&w);
        w.unwrap_says = (uint16_t)-ERR_EXPIRED;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_ME_EXPIRED);
        CHECK_EQ(w.items[a].receipts, 1);
        CHECK(!world_has_part(&w, a, STORE_RELEASE, 0) && world_spool_files(&w) == 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a keeper that forgot hears of offer and entry again before it unwraps")
    {
        world_start(&w);
        w.unwrap_says = (uint16_t)-ERR_NOT_FOUND;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        CHECK_EQ(w.unwraps, 2);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a judge that forgot hears of the offer again before it decides on the import")
    {
        world_start(&w);
        w.judge_lost = true;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        CHECK_EQ(w.unwraps, 2);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a body that does not open is asked for again, and is received when the next one does")
    {
        const size_t a = damaged_once();
        CHECK(!world_has_part(&w, a, STORE_RELEASE, 0) && world_spool_files(&w) == 0);
        CHECK_EQ(w.log_count, 0);
        w.body_damaged = false;
        sent_again(a);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 1);
        CHECK_EQ(w.items[a].receipts, 1);
        CHECK_EQ(w.broken, 1); /* the one call for an operator */
        world_stop(&w);
    }
    TEST("a body that never opens is given up, logged, destroyed and receipted 6")
    {
        const size_t a = damaged_once();
        sent_again(a);
        CHECK_EQ(world_row(&w, a).state, FLOW_MF_FAILED);
        CHECK_EQ(world_row(&w, a).receipt_status, 6);
        CHECK_EQ(w.items[a].receipts, 1);
        CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
        CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 0);
        CHECK(!world_has_part(&w, a, STORE_RELEASE, 0) && world_spool_files(&w) == 0);
        CHECK_EQ(w.broken, 2); /* a call for an operator each time */
        world_stop(&w);
    }
    TEST("a body whose files are not there is asked for again, clerk lives on")
    {
        world_start(&w);
        w.peer_stops = true;
        const size_t a = world_import(&w);
        world_run(&w);
        for (unsigned step = 1; step < 3; step++) {
            w.items[a].peer_step = step;
            world_peer_next(&w, &w.items[a]);
            if (step == 1)
                world_run(&w);
        }
        CHECK_EQ(spool_remove(w.spool_dir, world_row(&w, a).spool), ERR_OK);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M1_OFFERED);
        sent_again(a);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        CHECK_EQ(w.broken, 1);
        world_stop(&w);
    }
    TEST("an offer that does not count any more when keeper forgot it is refused with receipt 6")
    {
        static const enum err why[] = {ERR_EXPIRED, ERR_KEY_UNKNOWN};
        for (size_t i = 0; i < 3; i++) {
            world_start(&w);
            w.checked_says = i < 2 ? (uint16_t)-why[i] : 0;
            w.checked_denies = i == 2;
            w.unwrap_says = (uint16_t)-ERR_NOT_FOUND;
            const size_t a = world_import(&w);
            world_run(&w);
            CHECK_EQ(world_row(&w, a).state, FLOW_ME_EXPIRED);
            CHECK_EQ(world_row(&w, a).receipt_status, 6);
            CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
            CHECK_EQ(w.items[a].receipts, 1);
            CHECK(!world_has_part(&w, a, STORE_RELEASE, 0) && world_spool_files(&w) == 0);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
    TEST("one that judge cannot check now is asked about again")
    {
        world_start(&w);
        w.checked_says = (uint16_t)-ERR_CLOCK;
        w.checked_recovers = true;
        w.unwrap_says = (uint16_t)-ERR_NOT_FOUND;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a keeper that forgot a refused offer hears of it again and signs receipt 1")
    {
        world_start(&w);
        w.preflight = VERDICT_DENY;
        w.receipt_says = (uint16_t)-ERR_NOT_FOUND;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_MD_DENIED);
        CHECK_EQ(w.items[a].receipts, 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a RELEASE that comes after its offer lapsed is receipted as expired and destroyed")
    {
        const struct p_body_state whole = {.groups = 1, .complete = 1};
        world_start(&w);
        const size_t a = world_import(&w);
        w.peer_stops = true;
        world_run(&w);
        w.items[a].peer_step = 1;
        world_peer_next(&w, &w.items[a]);
        world_run(&w);
        TELL(&w, ROLE_LINK, 0, w.items[a].id, BODY_STATE, body_state, &whole);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M3_COMPLETE);
        world_pass(&w, INT64_C(2) * 86400000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_ME_EXPIRED);
        w.items[a].peer_step = 3;
        world_peer_next(&w, &w.items[a]);
        world_run(&w);
        CHECK_EQ(w.corridor_status, 202);
        CHECK_EQ(world_row(&w, a).state, FLOW_ME_EXPIRED);
        CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
        CHECK_EQ(w.items[a].receipts, 1);
        CHECK(!world_has_part(&w, a, STORE_RELEASE, 0) && world_spool_files(&w) == 0);
        CHECK_EQ(w.unwraps, 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("an offer that is never followed up expires without a trace in the log")
    {
        world_start(&w);
        const size_t a = world_import(&w);
        w.peer_stops = true;
        world_run(&w);
        CHECK(world_row(&w, a).state <= FLOW_M3_COMPLETE);
        world_pass(&w, INT64_C(2) * 86400000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_ME_EXPIRED);
        CHECK_EQ(w.log_count, 0);
        CHECK_EQ(world_spool_files(&w), 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

/* The answer to the peer's RELEASE, shown again. */
static uint16_t
release_again(size_t a)
{
    w.corridor_status = 0;
    w.items[a].peer_step = 3;
    world_peer_next(&w, &w.items[a]);
    world_run(&w);
    return w.corridor_status;
}

static void
test_unproved(void)
{
    TEST("a RELEASE that is not proved is refused, and the body stays closed")
    {
        world_start(&w);
        w.peer_stops = true;
        const size_t a = world_import(&w);
        for (unsigned step = 1; step <= 2; step++) {
            world_run(&w);
            w.items[a].peer_step = step;
            w.verify_says = (uint16_t)-ERR_PROOF;
            world_peer_next(&w, &w.items[a]); /* the second one says the RELEASE too */
        }
        world_run(&w);
        CHECK_EQ(w.corridor_status, 400);
        const unsigned unwraps = w.unwraps;
        w.verify_says = (uint16_t)-ERR_PROOF;
        CHECK_EQ(release_again(a), 400);
        w.verify_says = (uint16_t)-ERR_AGAIN;
        CHECK_EQ(release_again(a), 503);
        w.verify_denies = true;
        CHECK_EQ(release_again(a), 400);
        CHECK_EQ(world_row(&w, a).state, FLOW_M3_COMPLETE);
        CHECK(w.unwraps == unwraps && !world_has_part(&w, a, STORE_RELEASE, 0));
        CHECK_EQ(w.notices[FLOW_NOTICE_UNPROVED], 3);
        w.verify_denies = false;
        CHECK_EQ(release_again(a), 202);
        CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_again(void)
{
    TEST("a RELEASE that was taken is answered 202 again after it was destroyed, another 409")
    {
        world_start(&w);
        w.import_verdict = VERDICT_DENY;
        const size_t a = world_import(&w);
        world_run(&w);
        CHECK(!world_has_part(&w, a, STORE_RELEASE, 0));
        CHECK_EQ(release_again(a), 202);
        w.other_release = true;
        CHECK_EQ(release_again(a), 409);
        CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

int
main(void)
{
    test_import();
    test_ends();
    test_again();
    test_unproved();
    return test_end();
}
