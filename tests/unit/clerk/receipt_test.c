/* SPDX-License-Identifier: Apache-2.0 */
/* RECEIPT 7, the last word of a transfer: as the exporter takes it and as the importer makes it. */
#include "crypto/receipt.h"
#include "gateway/core/parcel.h"
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

static struct world w;

static size_t
settled(uint16_t receipt)
{
    world_start(&w);
    w.receipt = receipt;
    const size_t a = world_upload(&w, "table.csv", "", 0, 10, 1);
    world_run(&w);
    return a;
}

/* What the corridor answers to a receipt of status about item. */
static uint16_t
peer_says(size_t item, uint16_t status)
{
    w.corridor_status = 0;
    world_peer_receipt(&w, w.items[item].id, status);
    world_run(&w);
    return w.corridor_status;
}

/* The same with a record that change made wrong. */
static uint16_t
peer_lies(size_t item, void (*change)(struct receipt *r))
{
    uint8_t record[1024];
    uint8_t bytes[4096];
    struct span body;
    struct receipt r;
    struct parcel parcel = {
        .kind = PARCEL_RECEIPT, .entry = SPAN_LIT("{\"their\":1}"), .proof = SPAN_LIT("p")};
    world_receipt_bytes(&w, w.items[item].id, 7, record, sizeof(record), &parcel.record);
    CHECK_EQ(receipt_decode(parcel.record, &r), ERR_OK);
    change(&r);
    CHECK_EQ(receipt_encode(&r, record, sizeof(record), &parcel.record), ERR_OK);
    CHECK_EQ(parcel_write(&parcel, bytes, sizeof(bytes), &body), ERR_OK);
    w.corridor_status = 0;
    world_peer_asks(&w, &w.items[item], CORRIDOR_RECEIPT, body);
    world_run(&w);
    return w.corridor_status;
}

static void
other_transfer(struct receipt *r)
{
    r->transfer[0] ^= 1;
}

static void
other_seal(struct receipt *r)
{
    r->seal_hash[0] ^= 1;
}

static void
other_release(struct receipt *r)
{
    r->release_hash[0] ^= 1;
}

static void
test_exporter(void)
{
    TEST("after a settlement it makes the transfer delivered, logged and kept once")
    {
        const size_t a = settled(3);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(peer_says(a, 7), 200);
        CHECK_EQ(world_row(&w, a).state, FLOW_X12_DELIVERED);
        CHECK_EQ(world_row(&w, a).shown, FLOW_SHOWN_DELIVERED);
        CHECK_EQ(world_row(&w, a).receipt_status, 7);
        CHECK_EQ(world_logged(&w, a, ENTRY_DELIVERED), 1);
        CHECK(world_has_part(&w, a, STORE_RECEIPT, 3) && world_has_part(&w, a, STORE_RECEIPT, 7));
        CHECK_EQ(peer_says(a, 7), 200);
        world_reopen(&w);
        world_run(&w);
        CHECK_EQ(peer_says(a, 7), 200);
        CHECK_EQ(world_logged(&w, a, ENTRY_DELIVERED), 1);
        CHECK_EQ(world_logged(&w, a, ENTRY_SETTLED), 1);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("when it overtakes the receipt it follows, the peer is told to come again")
    {
        const size_t a = settled(2);
        CHECK_EQ(world_row(&w, a).state, FLOW_X8_RELEASED);
        CHECK_EQ(peer_says(a, 7), 503);
        CHECK_EQ(world_row(&w, a).state, FLOW_X8_RELEASED);
        CHECK_EQ(world_logged(&w, a, ENTRY_DELIVERED), 0);
        CHECK_EQ(peer_says(a, 3), 200);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(peer_says(a, 7), 200);
        CHECK_EQ(world_row(&w, a).state, FLOW_X12_DELIVERED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("what was refused is never delivered, and nothing follows a delivery")
    {
        const size_t a = settled(4);
        CHECK_EQ(world_row(&w, a).state, FLOW_XD_DENIED);
        CHECK_EQ(peer_says(a, 7), 409);
        CHECK_EQ(world_row(&w, a).state, FLOW_XD_DENIED);
        world_stop(&w);
        const size_t b = settled(3);
        CHECK_EQ(peer_says(b, 7), 200);
        CHECK_EQ(peer_says(b, 4), 409);
        CHECK_EQ(peer_says(b, 6), 409);
        CHECK_EQ(peer_says(b, 2), 200); /* held is old news, whatever came since */
        CHECK_EQ(world_row(&w, b).state, FLOW_X12_DELIVERED);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("one about another transfer, body or RELEASE is refused and changes nothing")
    {
        const size_t a = settled(3);
        CHECK_EQ(peer_lies(a, other_transfer), 400);
        CHECK_EQ(peer_lies(a, other_seal), 400);
        CHECK_EQ(peer_lies(a, other_release), 400);
        CHECK_EQ(world_row(&w, a).state, FLOW_X10_SETTLED);
        CHECK_EQ(world_logged(&w, a, ENTRY_DELIVERED), 0);
        CHECK_EQ(w.broken, 0);
        world_stop(&w);
    }
    TEST("a stop before or after each of its states loses nothing and says nothing twice")
    {
        static const enum flow_state states[] = {FLOW_X11_DELIVERING, FLOW_X12_DELIVERED};
        for (size_t i = 0; i < 4; i++) {
            const size_t a = settled(3);
            w.can_crash = true;
            w.crash_state = (int)states[i / 2];
            w.crash_stored = i % 2 == 1;
            (void)peer_says(a, 7);
            CHECK_EQ(w.crashes, 1);
            w.can_crash = false;
            CHECK_EQ(peer_says(a, 7), 200); /* as link repeats what was not answered */
            CHECK_EQ(world_row(&w, a).state, FLOW_X12_DELIVERED);
            CHECK_EQ(world_logged(&w, a, ENTRY_DELIVERED), 1);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

static size_t
acknowledged(uint16_t keeper_says)
{
    world_start(&w);
    const size_t a = world_import(&w);
    world_run(&w);
    CHECK_EQ(world_row(&w, a).state, FLOW_M7_SETTLED);
    w.receipt_says = keeper_says;
    world_query(&w, a, QUERY_ACK, IDENTITY_PARTNER);
    world_run(&w);
    return a;
}

static void
test_importer(void)
{
    TEST("an acknowledged dataset is logged delivered, and only then receipted 7, with its RELEASE")
    {
        const size_t a = acknowledged(0);
        CHECK_EQ(w.items[a].status, 204);
        CHECK_EQ(world_row(&w, a).state, FLOW_M9_DELIVERED);
        CHECK_EQ(world_row(&w, a).receipt_status, 7);
        CHECK_EQ(world_logged(&w, a, ENTRY_DELIVERED), 1);
        CHECK_EQ(w.items[a].receipts, 2);
        CHECK(world_has_part(&w, a, STORE_RECEIPT, 7));
        CHECK_EQ(w.broken, 0); /* world_roles.c: asked with the RELEASE, and after the entry */
        world_query(&w, a, QUERY_ACK, IDENTITY_PARTNER);
        world_run(&w);
        CHECK_EQ(w.items[a].status, 204);
        CHECK_EQ(world_logged(&w, a, ENTRY_DELIVERED), 1);
        CHECK_EQ(w.items[a].receipts, 2);
        world_stop(&w);
    }
    TEST("a keeper that cannot sign it now is asked again")
    {
        static const enum err why[] = {ERR_NOT_FOUND, ERR_PROOF, ERR_AGAIN};
        for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
            const size_t a = acknowledged((uint16_t)-why[i]);
            CHECK_EQ(world_row(&w, a).state, FLOW_M9_DELIVERED);
            CHECK_EQ(world_row(&w, a).receipt_status, 7);
            CHECK_EQ(w.items[a].receipts, 2);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

/* A transfer decided so, to its end; how often the operators were told of a duty. */
static unsigned
told_of_duty(const char *decides, bool import, uint16_t receipt)
{
    world_start(&w);
    w.decides = decides;
    w.receipt = receipt;
    if (import)
        (void)world_import(&w);
    else
        (void)world_upload(&w, "table.csv", "", 0, 10, 1);
    world_run(&w);
    return w.notices[FLOW_NOTICE_DUTY];
}

static void
test_duty(void)
{
    static const char notify[] =
        "{\"obligations\":{\"notify\":{\"to\":[\"office\"],\"within_hours\":360}}}";
    TEST("operators hear of a settled transfer whose decision obliges them to notify someone")
    {
        CHECK_EQ(told_of_duty(notify, false, 3), 1);
        world_stop(&w);
        CHECK_EQ(told_of_duty(notify, true, 3), 1);
        world_stop(&w);
        CHECK_EQ(told_of_duty("{\"obligations\":{\"notify\":{}}}", false, 3), 1);
        world_stop(&w);
    }
    TEST("they do not hear of one that was refused, or whose decision obliges them to nothing")
    {
        CHECK_EQ(told_of_duty(notify, false, 4), 0);
        world_stop(&w);
        CHECK_EQ(told_of_duty("{\"obligations\":{\"receipt\":{}}}", false, 3), 0);
        world_stop(&w);
        CHECK_EQ(told_of_duty("{\"obligations\":[]}", false, 3), 0);
        world_stop(&w);
    }
    TEST("a crash while it settles leaves no duty untold")
    {
        for (int stored = 0; stored < 2; stored++) {
            world_start(&w);
            w.decides = notify;
            w.receipt = 3;
            (void)world_upload(&w, "table.csv", "", 0, 10, 1);
            w.can_crash = true;
            w.crash_state = (int)FLOW_X10_SETTLED;
            w.crash_stored = stored == 1;
            world_run(&w);
            CHECK_EQ(w.crashes, 1);
            CHECK(w.notices[FLOW_NOTICE_DUTY] >= 1);
            CHECK_EQ(w.broken, 0);
            world_stop(&w);
        }
    }
}

int
main(void)
{
    test_exporter();
    test_duty();
    test_importer();
    return test_end();
}
