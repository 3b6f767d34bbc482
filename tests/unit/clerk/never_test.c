/* SPDX-License-Identifier: Apache-2.0 */
/* What an import waits for and what it never gets: errors that pass are asked about again and count
 * as nothing else; those that stay end it, logged, receipted and with nothing left of it. */
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

#include <assert.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct world w;

/* One import, as far as it comes. */
static size_t
import(void)
{
    const size_t a = world_import(&w);
    world_run(&w);
    return a;
}

/* Refused for that reason: the log and the peer have it, and nothing of it is here. */
static void
check_refused(size_t a, const char *reason)
{
    const struct store_row row = world_row(&w, a);
    if (strcmp(row.reason, reason) != 0)
        printf("# %s, not %s\n", row.reason, reason);
    CHECK(row.state == FLOW_MF_FAILED && strcmp(row.reason, reason) == 0);
    CHECK(row.shown == FLOW_SHOWN_FAILED && row.receipt_status == 6);
    CHECK(w.items[a].receipts > 0);
    CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 1);
    CHECK(!world_has_part(&w, a, STORE_HELD, 0) && !world_has_part(&w, a, STORE_INBOX, 0));
    CHECK(!world_has_part(&w, a, STORE_RELEASE, 0));
    CHECK_EQ(world_spool_files(&w), 0);
    CHECK_EQ(w.notices[FLOW_NOTICE_REFUSED], 1);
    world_query(&w, a, QUERY_INBOX_ITEM, IDENTITY_PARTNER);
    world_run(&w);
    CHECK_EQ(w.items[a].status, 404);
}

static void
check_settled(size_t a)
{
    CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
    CHECK(w.items[a].receipts > 0);
    CHECK_EQ(world_logged(&w, a, ENTRY_REFUSED), 0);
    CHECK_EQ(w.notices[FLOW_NOTICE_REFUSED], 0);
    CHECK_EQ(w.broken, 0);
}

static void
test_renewed(void)
{
    TEST("an import that is let in again is inspected and kept by what the agreement says now")
    {
        world_start(&w);
        w.judge_lost = true;
        w.spec = "{\"columns\":2}";
        w.recipient = "zeta";
        const size_t a = import();
        CHECK_EQ(w.unwraps, 2);
        CHECK(strcmp(w.inspected_by, w.spec) == 0);
        CHECK(strcmp(world_row(&w, a).party, "zeta") == 0);
        check_settled(a);
        world_pull(&w, a, "acme");
        world_run(&w);
        CHECK_EQ(w.items[a].status, 404);
        world_stop(&w);
    }
    TEST("under the same agreement it is inspected as before")
    {
        world_start(&w);
        w.judge_lost = true;
        const size_t a = import();
        CHECK(w.unwraps == 2 && strcmp(w.inspected_by, "{}") == 0);
        CHECK(strcmp(world_row(&w, a).party, "acme") == 0);
        check_settled(a);
        world_stop(&w);
    }
    TEST("a crash between does not bring the old specification back")
    {
        world_start(&w);
        w.judge_lost = true;
        w.spec = "{\"columns\":2}";
        w.can_crash = true;
        w.crash_state = FLOW_M5_INSPECTED;
        const size_t a = import();
        CHECK_EQ(w.crashes, 1);
        CHECK(strcmp(w.inspected_by, w.spec) == 0);
        check_settled(a);
        world_stop(&w);
    }
}

static void
test_unwrap(void)
{
    static const struct {
        enum err err;
        const char *reason;
    } ends[] = {
        {ERR_KEY_UNKNOWN, "release-untrusted"}, {ERR_KEY_REVOKED, "release-untrusted"},
        {ERR_SIGNATURE, "release-untrusted"},   {ERR_DENIED, "release-unusable"},
        {ERR_CONFLICT, "release-unusable"},     {ERR_AUTH, "release-unusable"},
        {ERR_SYNTAX, "release-unusable"},       {ERR_PROOF, "release-unusable"},
    };
    static const enum err passing[] = {ERR_ROLE_LOST, ERR_FULL, ERR_AGAIN,  ERR_NOMEM,
                                       ERR_IO,        ERR_SYS,  ERR_CRYPTO, ERR_NOT_YET};
    TEST("a RELEASE that keeper never opens is refused, for its key or for what it is")
    {
        for (size_t i = 0; i < COUNT(ends); i++) {
            world_start(&w);
            w.unwrap_stuck = (uint16_t)-ends[i].err;
            check_refused(import(), ends[i].reason);
            CHECK_EQ(w.unwraps, 3);
            CHECK_EQ(w.notices[FLOW_NOTICE_DAMAGED], 0);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
    TEST("one refusal may be of a keeper that has not read its new files yet")
    {
        for (size_t i = 0; i < COUNT(ends); i++) {
            world_start(&w);
            w.unwrap_says = (uint16_t)-ends[i].err;
            check_settled(import());
            CHECK_EQ(w.unwraps, 2);
            world_stop(&w);
        }
    }
    TEST("a keeper that cannot now is asked again, and that is no damage of the body")
    {
        for (size_t i = 0; i < COUNT(passing); i++) {
            world_start(&w);
            w.unwrap_stuck = (uint16_t)-passing[i];
            const size_t a = import();
            CHECK_EQ(world_row(&w, a).state, FLOW_M4_RELEASED);
            CHECK(w.unwraps > 8 && world_row(&w, a).epoch == 0);
            w.unwrap_stuck = 0;
            world_run(&w);
            check_settled(a);
            world_stop(&w);
        }
    }
    TEST("a stop in between takes nothing from the end it comes to")
    {
        static const enum flow_state states[] = {FLOW_MR_REFUSING, FLOW_M6_LOGGED, FLOW_MF_FAILED};
        for (size_t i = 0; i < 2 * COUNT(states); i++) {
            world_start(&w);
            w.unwrap_stuck = (uint16_t)-ERR_KEY_REVOKED;
            w.can_crash = true;
            w.crash_state = (int)states[i / 2];
            w.crash_stored = i % 2 != 0;
            const size_t a = import();
            CHECK_EQ(w.crashes, 1);
            w.notices[FLOW_NOTICE_REFUSED] = 1; /* twice when the first was not stored */
            check_refused(a, "release-untrusted");
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

static void
test_decide(void)
{
    static const struct {
        enum err err;
        unsigned unwraps;
        const char *reason;
    } ends[] = {
        {ERR_SYNTAX, 3, "inspector-failed"},     {ERR_KEY_UNKNOWN, 1, "release-untrusted"},
        {ERR_SIGNATURE, 1, "release-untrusted"}, {ERR_KEY_REVOKED, 1, "release-untrusted"},
        {ERR_PROTOCOL, 1, "release-unusable"},   {ERR_CONFLICT, 1, "undecidable"},
        {ERR_RANGE, 1, "undecidable"},           {ERR_BUG, 1, "undecidable"},
    };
    TEST("an import that judge can never decide on is refused, and says what stands in the way")
    {
        for (size_t i = 0; i < COUNT(ends); i++) {
            world_start(&w);
            w.judge_says = (uint16_t)-ends[i].err;
            const size_t a = import();
            check_refused(a, ends[i].reason);
            CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 0);
            CHECK_EQ(w.unwraps, ends[i].unwraps);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
    TEST("said twice it may still pass: another inspector sees better, judge reads its new files")
    {
        for (size_t i = 0; i < COUNT(ends); i++) {
            world_start(&w);
            w.judge_says = (uint16_t)-ends[i].err;
            w.judge_times = 2;
            check_settled(import());
            world_stop(&w);
        }
    }
    TEST("one that was held ends in the same way, after its hold")
    {
        world_start(&w);
        w.import_verdict = VERDICT_HOLD;
        const size_t a = import();
        CHECK_EQ(world_row(&w, a).state, FLOW_M6_HELD);
        w.judge_says = (uint16_t)-ERR_KEY_UNKNOWN;
        world_query(&w, a, QUERY_APPROVAL, IDENTITY_OPERATOR);
        world_run(&w);
        check_refused(a, "release-untrusted");
        CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_inspect(void)
{
    TEST("a body that no inspector comes through is refused")
    {
        static const enum err ends[] = {ERR_TOO_LARGE, ERR_UNSUPPORTED, ERR_NOMEM};
        for (size_t i = 0; i < COUNT(ends); i++) {
            world_start(&w);
            w.inspect_says = (uint16_t)-ends[i];
            check_refused(import(), "inspector-failed");
            CHECK_EQ(w.unwraps, ends[i] == ERR_NOMEM ? 8 : 3);
            CHECK(w.broken == 0 && w.notices[FLOW_NOTICE_DAMAGED] == 0);
            world_stop(&w);
        }
    }
    TEST("inspectors that are full are asked again until one has room")
    {
        world_start(&w);
        w.inspect_says = (uint16_t)-ERR_FULL;
        const size_t a = import();
        CHECK(w.unwraps > 8 && world_row(&w, a).state == FLOW_M4_RELEASED);
        w.inspect_says = 0;
        world_run(&w);
        check_settled(a);
        world_stop(&w);
    }
    TEST("findings of fewer bytes than were sealed are the inspector's fault, not the body's")
    {
        world_start(&w);
        const size_t a = world_import(&w);
        w.inspector_silent = true;
        world_run(&w);
        for (unsigned i = 0; i < 8; i++) {
            const struct flow_run *run = flow_run_live(w.flow, w.items[a].id);
            struct p_inspected p = {.bytes_in = 1, .bytes_out = 1};
            CHECK(run != NULL && run->inspector.bound && world_logged(&w, a, ENTRY_REFUSED) == 0);
            memcpy(p.offer_hash, run->row.offer_hash, 32);
            TELL(&w, ROLE_INSPECTOR, run->inspector.index, w.items[a].id, INSPECTED, inspected, &p);
            world_last->fds = true;
            world_run(&w);
        }
        check_refused(a, "inspector-failed");
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a body that ends its inspector again and again is given up; seven times it is not")
    {
        for (unsigned deaths = 7; deaths <= 8; deaths++) {
            world_start(&w);
            const size_t a = world_import(&w);
            w.inspector_silent = true;
            world_run(&w);
            for (unsigned i = 0; i < deaths; i++) {
                const struct flow_run *run = flow_run_live(w.flow, w.items[a].id);
                CHECK(run != NULL && run->inspector.bound);
                const unsigned index = run->inspector.index;
                w.inspector_silent = i + 1 < deaths;
                flow_lost(w.flow, ROLE_INSPECTOR, index);
                flow_new_peer(w.flow, ROLE_INSPECTOR, index);
                world_run(&w);
            }
            if (deaths == 8)
                check_refused(a, "inspector-failed");
            else
                check_settled(a);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
    TEST("a sealer that dies takes no blame from the body, however often")
    {
        world_start(&w);
        const size_t a = world_import(&w);
        w.inspector_silent = true;
        world_run(&w);
        for (unsigned i = 0; i < 10; i++) {
            w.inspector_silent = i < 9;
            const struct flow_run *run = flow_run_live(w.flow, w.items[a].id);
            CHECK(run != NULL && run->sealer.bound);
            flow_lost(w.flow, ROLE_SEALER, run->sealer.index);
            world_run(&w);
        }
        check_settled(a);
        world_stop(&w);
    }
    TEST("an attempt that takes too long every time is given up as well")
    {
        world_start(&w);
        const size_t a = world_import(&w);
        w.inspector_silent = true;
        for (unsigned i = 0; i < 40 && world_row(&w, a).state != FLOW_MF_FAILED; i++) {
            world_run(&w);
            world_pass(&w, 30000);
        }
        CHECK_EQ(w.unwraps, 8);
        check_refused(a, "inspector-failed");
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_opened(void)
{
    TEST("a sealer that cannot open now says nothing about the body")
    {
        static const enum err passing[] = {ERR_ROLE_LOST, ERR_NOMEM, ERR_AGAIN, ERR_CRYPTO};
        for (size_t i = 0; i < COUNT(passing); i++) {
            world_start(&w);
            w.opened_says = (uint16_t)-passing[i];
            const size_t a = import();
            CHECK(w.unwraps > 3 && world_row(&w, a).state == FLOW_M4_RELEASED);
            CHECK(world_row(&w, a).epoch == 0 && w.notices[FLOW_NOTICE_DAMAGED] == 0);
            w.opened_says = 0;
            world_run(&w);
            check_settled(a);
            world_stop(&w);
        }
    }
    TEST("one that reads something else than was sealed does, or cannot read it at all")
    {
        static const enum err damages[] = {ERR_AUTH, ERR_SHORT, ERR_IO};
        for (size_t i = 0; i < COUNT(damages); i++) {
            world_start(&w);
            w.opened_says = (uint16_t)-damages[i];
            const size_t a = import();
            w.items[a].peer_step = 1; /* it is carried once more */
            world_peer_next(&w, &w.items[a]);
            world_run(&w);
            const struct store_row row = world_row(&w, a);
            CHECK(row.state == FLOW_MF_FAILED && strcmp(row.reason, "body-damaged") == 0);
            CHECK(row.epoch == 1 && w.notices[FLOW_NOTICE_DAMAGED] == 2);
            world_stop(&w);
        }
    }
    TEST("of two that stop together, the one that began it is believed")
    {
        world_start(&w);
        w.opened_says = (uint16_t)-ERR_AUTH;
        w.inspect_says = (uint16_t)-ERR_CANCELLED;
        const size_t a = import();
        w.items[a].peer_step = 1;
        world_peer_next(&w, &w.items[a]);
        world_run(&w);
        CHECK(strcmp(world_row(&w, a).reason, "body-damaged") == 0);
        world_stop(&w);
        world_start(&w);
        w.opened_says = (uint16_t)-ERR_CANCELLED;
        w.inspect_says = (uint16_t)-ERR_TOO_LARGE;
        check_refused(import(), "inspector-failed");
        CHECK_EQ(w.notices[FLOW_NOTICE_DAMAGED], 0);
        world_stop(&w);
    }
}

static void
test_receipt(void)
{
    static const struct {
        uint16_t status;
        uint8_t verdict;
    } finals[] = {{3, VERDICT_ALLOW}, {2, VERDICT_HOLD}, {4, VERDICT_DENY}};
    TEST("a decision that keeper can never receipt is taken back with receipt 6")
    {
        static const enum err ends[] = {ERR_AUTH, ERR_NOT_FOUND, ERR_SYNTAX, ERR_DENIED};
        for (size_t i = 0; i < COUNT(finals) * COUNT(ends); i++) {
            world_start(&w);
            w.import_verdict = finals[i / COUNT(ends)].verdict;
            w.receipt_never = finals[i / COUNT(ends)].status;
            w.receipt_lost_key = (uint16_t)-ends[i % COUNT(ends)];
            const size_t a = import();
            check_refused(a, "key-lost");
            CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 1);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
    TEST("one that it cannot receipt yet is proved and asked about again")
    {
        static const enum err passing[] = {ERR_PROOF, ERR_CONFLICT, ERR_IO, ERR_FULL};
        for (size_t i = 0; i < COUNT(passing); i++) {
            world_start(&w);
            w.receipt_never = 3;
            w.receipt_lost_key = (uint16_t)-passing[i];
            const size_t a = import();
            CHECK(world_row(&w, a).state == FLOW_M6_LOGGED && w.items[a].receipts == 0);
            w.receipt_never = 0;
            world_run(&w);
            check_settled(a);
            world_stop(&w);
        }
    }
    TEST(
        "a refused offer whose receipt can never be signed ends without it, and so does a delivery")
    {
        world_start(&w);
        w.preflight = VERDICT_DENY;
        w.receipt_never = 1;
        w.receipt_lost_key = (uint16_t)-ERR_DENIED;
        size_t a = import();
        CHECK_EQ(world_row(&w, a).state, FLOW_MD_DENIED);
        CHECK(w.items[a].receipts == 0 && w.corridor_status == 503);
        CHECK_EQ(w.notices[FLOW_NOTICE_REFUSED], 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
        world_start(&w);
        w.receipt_never = 7;
        w.receipt_lost_key = (uint16_t)-ERR_DENIED;
        a = import();
        world_query(&w, a, QUERY_ACK, IDENTITY_PARTNER);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M9_DELIVERED);
        world_pass(&w, INT64_C(31) * 86400000);
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_M9_ERASED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
}

static void
test_forgotten(void)
{
    TEST("roles that forget it as soon as they are told are told again, with pauses, not for ever")
    {
        for (unsigned i = 0; i < 2; i++) {
            world_start(&w);
            w.unwrap_stuck = i == 0 ? (uint16_t)-ERR_NOT_FOUND : 0;
            w.judge_says = i == 1 ? (uint16_t)-ERR_NOT_FOUND : 0;
            const size_t a = import();
            CHECK(w.unwraps > 2 && w.unwraps < 32);
            for (unsigned k = 0; k < 8; k++)
                world_run(&w);
            CHECK_EQ(w.unwraps, 64);
            check_refused(a, "undecidable");
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

static void
test_offer(void)
{
    TEST("a SEAL that keeper cannot check now is asked for again, one that it refuses is 400")
    {
        world_start(&w);
        w.seal_says = (uint16_t)-ERR_FULL;
        const size_t a = import();
        CHECK(world_row(&w, a).state == FLOW_M1_OFFERED && w.corridor_status == 503);
        w.seal_says = (uint16_t)-ERR_DENIED;
        world_run(&w);
        CHECK(world_row(&w, a).state == FLOW_M1_OFFERED && w.corridor_status == 400);
        w.seal_says = 0;
        world_run(&w);
        check_settled(a);
        world_stop(&w);
    }
    TEST("an offer that is not let in when it is checked again is refused with receipt 1")
    {
        world_start(&w);
        w.seal_says = (uint16_t)-ERR_FULL;
        const size_t a = import();
        w.keeper_forgot = true;
        w.preflight = VERDICT_DENY;
        world_run(&w);
        CHECK_EQ(world_row(&w, a).state, FLOW_MD_DENIED);
        CHECK_EQ(world_row(&w, a).receipt_status, 1);
        CHECK_EQ(world_logged(&w, a, ENTRY_RECEIVED), 1);
        CHECK(w.items[a].receipts > 0);
        CHECK(!world_has_part(&w, a, STORE_SEAL, 0));
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a RELEASE whose proof ledger cannot follow waits for another until its offer ends")
    {
        for (unsigned late = 0; late < 2; late++) {
            world_start(&w);
            w.unwrap_stuck = (uint16_t)-ERR_NOT_FOUND;
            const size_t a = import();
            CHECK_EQ(world_row(&w, a).state, FLOW_M4_RELEASED);
            w.verify_stuck = (uint16_t)-ERR_STATE;
            world_run(&w);
            CHECK_EQ(world_row(&w, a).state, FLOW_M4_RELEASED);
            if (late != 0)
                world_pass(&w, INT64_C(2) * 86400000);
            else
                w.unwrap_stuck = w.verify_stuck = 0;
            world_run(&w);
            if (late != 0)
                check_refused(a, "release-unproved");
            else
                check_settled(a);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

int
main(void)
{
    test_renewed();
    test_unwrap();
    test_decide();
    test_inspect();
    test_opened();
    test_receipt();
    test_forgotten();
    test_offer();
    return test_end();
}
