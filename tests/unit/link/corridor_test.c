/* SPDX-License-Identifier: Apache-2.0 */
/* A corridor from end to end: what one gateway forwards arrives in the other, byte for byte, over
 * breaks at any point; and what a hostile peer sends does not. */
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/test.h"
#include "tests/unit/link/linkworld.h"

enum { MIB = 1 << 20, SMALL = 1000, BIG = 19 * MIB + 12345, MIDDLE = 5 * MIB };

static struct linkworld w;
static uint8_t scratch[4 * MIB];

static void
begin(uint64_t plain_len)
{
    outbound_forget(w.out);
    inbound_forget(w.in);
    linkworld_dataset(&w, plain_len);
    linkworld_connect(&w);
    linkworld_run(&w);
}

static void
test_cross(uint64_t plain_len)
{
    begin(plain_len);
    linkworld_forward(&w, true);
    linkworld_run(&w);
    CHECK(linkworld_has_stage(&w, FORWARD_READY));
    CHECK(w.is_done);
    CHECK(linkworld_is_same(&w));
    CHECK_EQ(w.acked, w.groups);
    CHECK_EQ(outbound_forward_count(w.out), 0);
    CHECK_EQ(inbound_intake_count(w.in), 0);
    CHECK_EQ(inbound_request_count(w.in), 0);
    linkworld_cut(&w);
}

static void
test_crossings(void)
{
    TEST("a body of one short chunk crosses")
    test_cross(SMALL);
    TEST("an empty body crosses")
    test_cross(0);
    TEST("a body of many groups crosses, several runs at a time")
    test_cross(BIG);
    TEST("a body that fills its last group exactly crosses with its empty last chunk")
    test_cross(UINT64_C(64) * 16384);
}

static void
test_order(void)
{
    TEST("nothing at all is said of a transfer before ledger's GO")
    {
        begin(SMALL);
        const uint64_t before = inbound_bytes(w.in);
        linkworld_forward(&w, false);
        linkworld_run(&w);
        w.now += 5000;
        linkworld_run(&w);
        CHECK_EQ(w.in_count[CORRIDOR_STATE] + w.in_count[CORRIDOR_OFFER], 0);
        CHECK_EQ(inbound_bytes(w.in), before);
        uint8_t other[32] = {1};
        outbound_go(w.out, w.transfer, other, w.now);
        linkworld_run(&w);
        CHECK_EQ(w.in_count[CORRIDOR_STATE], 0);
        outbound_go(w.out, w.transfer, w.offer_hash, w.now);
        linkworld_run(&w);
        CHECK_EQ(w.in_count[CORRIDOR_STATE], 1);
        CHECK(linkworld_has_stage(&w, FORWARD_READY));
        linkworld_cut(&w);
    }
    TEST("a refused offer comes back with the peer's receipt, and no seal is sent")
    {
        begin(SMALL);
        w.refuses = true;
        linkworld_forward(&w, true);
        linkworld_run(&w);
        CHECK(linkworld_has_stage(&w, FORWARD_REFUSED));
        CHECK(span_eq(span_of(w.parcel, w.parcel_len), SPAN_LIT("receipt one")));
        CHECK_EQ(w.in_count[CORRIDOR_SEAL], 0);
        CHECK_EQ(outbound_forward_count(w.out), 0);
        linkworld_cut(&w);
    }
    TEST("a transfer the peer holds already is ready at once")
    {
        begin(SMALL);
        w.has_offer = w.is_done = true;
        linkworld_forward(&w, true);
        linkworld_run(&w);
        CHECK(linkworld_has_stage(&w, FORWARD_READY));
        CHECK_EQ(w.in_count[CORRIDOR_OFFER], 0);
        linkworld_cut(&w);
    }
    TEST("the same FORWARD again changes nothing, a stop ends it")
    {
        begin(MIDDLE);
        linkworld_forward(&w, false);
        linkworld_forward(&w, false);
        CHECK_EQ(outbound_forward_count(w.out), 1);
        outbound_stop(w.out, w.transfer);
        outbound_stop(w.out, w.transfer);
        CHECK_EQ(outbound_forward_count(w.out), 0);
        outbound_go(w.out, w.transfer, w.offer_hash, w.now);
        linkworld_run(&w);
        CHECK_EQ(w.in_count[CORRIDOR_STATE], 0);
        linkworld_cut(&w);
    }
}

/* Cuts after so many turns and goes on over a new connection. */
static bool
test_cut_after(unsigned turns)
{
    begin(MIDDLE);
    linkworld_forward(&w, true);
    bool was_done = false;
    for (unsigned i = 0; i < turns; i++)
        was_done = !linkworld_turn(&w);
    const uint64_t held = w.held;
    const uint64_t before = inbound_bytes(w.in);
    linkworld_cut(&w);
    w.now += 2000;
    linkworld_connect(&w);
    linkworld_run(&w);
    w.now += 2000;
    linkworld_run(&w);
    CHECK(linkworld_has_stage(&w, FORWARD_READY));
    CHECK(w.is_done);
    CHECK(linkworld_is_same(&w));
    /* Zero bytes below what was acknowledged are sent again. */
    CHECK(inbound_bytes(w.in) - before <= w.body_len - held * BODY_GROUP_BYTES + SMALL);
    linkworld_cut(&w);
    return was_done;
}

static void
test_breaks(void)
{
    TEST("a break at any point costs no byte that was acknowledged")
    {
        unsigned turns = 1;
        while (turns < 200 && !test_cut_after(turns))
            turns++;
        CHECK(turns > 5);
    }
    TEST("a restarted link goes on where the bitmap says")
    {
        begin(BIG);
        linkworld_forward(&w, true);
        while (w.held < 4 && linkworld_turn(&w))
            continue;
        CHECK(w.held >= 4);
        const uint64_t held = w.held;
        inbound_forget(w.in);
        linkworld_cut(&w);
        CHECK_EQ(inbound_intake_count(w.in), 0);
        const uint64_t before = inbound_bytes(w.in);
        w.now += 2000;
        linkworld_connect(&w);
        linkworld_run(&w);
        CHECK(linkworld_has_stage(&w, FORWARD_READY));
        CHECK(linkworld_is_same(&w));
        CHECK(inbound_bytes(w.in) - before <= w.body_len - held * BODY_GROUP_BYTES + 2 * SMALL);
        linkworld_cut(&w);
    }
}

static void
test_calls(void)
{
    const struct outbound_ticket seven = {{7}};
    const struct outbound_ticket nine = {{9}};
    struct p_parcel_send send = {.what = PARCEL_RELEASE, .parcel = SPAN_LIT("a parcel")};
    struct p_witness_call call = {.call = WITNESS_ADD,
                                  .path = SPAN_LIT("/tlog/witness/add-checkpoint"),
                                  .body = SPAN_LIT("old 0\n")};
    TEST("a release before the body is there is refused, after it taken")
    {
        begin(SMALL);
        w.has_offer = true;
        outbound_parcel(w.out, w.transfer, &send, &seven, w.now);
        linkworld_run(&w);
        CHECK_EQ(w.sent_count, 1);
        CHECK_EQ(w.sent.status, 409);
        linkworld_forward(&w, true);
        linkworld_run(&w);
        outbound_parcel(w.out, w.transfer, &send, &seven, w.now);
        linkworld_run(&w);
        CHECK_EQ(w.sent_count, 2);
        CHECK_EQ(w.sent.status, 202);
        send.what = PARCEL_RECEIPT;
        outbound_parcel(w.out, w.transfer, &send, &seven, w.now);
        linkworld_run(&w);
        CHECK_EQ(w.sent.status, 200);
        CHECK_EQ(w.in_count[CORRIDOR_RECEIPT], 1);
    }
    TEST("a witness call and its answer cross")
    {
        outbound_witness(w.out, &call, &nine, w.now);
        linkworld_run(&w);
        CHECK_EQ(w.witness_count, 1);
        CHECK_EQ(w.witness_status, 200);
        CHECK(span_eq(span_of(w.answer, w.answer_len), SPAN_LIT("cosigned\n")));
        CHECK(strcmp(w.witness_path, "/tlog/witness/add-checkpoint") == 0);
    }
    TEST("a parcel that gets no answer, or has no peer, says so once")
    {
        const unsigned before = w.sent_count;
        w.clerk_dumb = true;
        outbound_parcel(w.out, w.transfer, &send, &seven, w.now);
        linkworld_run(&w);
        CHECK_EQ(w.sent_count, before);
        w.clerk_dumb = false;
        linkworld_cut(&w);
        CHECK_EQ(w.sent_count, before + 1);
        CHECK_EQ(w.sent.status, 0);
        outbound_parcel(w.out, w.transfer, &send, &seven, w.now);
        CHECK_EQ(w.sent_count, before + 2);
        CHECK_EQ(w.sent.status, 0);
    }
}

static void
target_of(char out[static 128], const char *what)
{
    char id[33];
    for (size_t i = 0; i < 16; i++)
        (void)snprintf(id + 2 * i, 3, "%02x", w.transfer[i]);
    (void)snprintf(out, 128, "/corridor/v1/transfers/%s%s", id, what);
}

/* SEAL and list as the honest side sends them, into scratch. */
static struct span
seal_request(void)
{
    const size_t head = 4 + w.seal_len;
    scratch[0] = scratch[1] = 0;
    scratch[2] = (uint8_t)(w.seal_len >> 8);
    scratch[3] = (uint8_t)w.seal_len;
    memcpy(scratch + 4, w.seal, w.seal_len);
    const ssize_t n = pread(w.groups_fd, scratch + head, w.groups * 32, 0);
    return span_of(scratch, head + (size_t)n);
}

static struct span
group_bytes(uint64_t first)
{
    const uint64_t at = body_chunk_offset(first * BODY_GROUP_CHUNKS);
    const ssize_t n = pread(w.body_fd, scratch, BODY_GROUP_BYTES, (off_t)at);
    return span_of(scratch, (size_t)n);
}

static void
begin_sealed(void)
{
    char target[128];
    begin(MIDDLE);
    target_of(target, "/offer");
    CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, SPAN_LIT("an offer"), NULL), 200);
    target_of(target, "/seal");
    CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, seal_request(), NULL), 200);
    w.ended = 0;
}

static void
test_hostile_bodies(void)
{
    char target[128];
    TEST("a wrong group is refused, the connection ends, nothing of it counts")
    {
        begin_sealed();
        target_of(target, "/body/1");
        struct span group = group_bytes(1);
        scratch[700000] ^= 1;
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, group, NULL), 400);
        CHECK_EQ(w.ended, 1);
        CHECK_EQ(w.ended_why, ERR_AUTH);
        CHECK(w.server == NULL);
        CHECK_EQ(w.held, 0);
        linkworld_cut(&w);
    }
    TEST("a right group under another number is refused")
    {
        begin_sealed();
        target_of(target, "/body/2");
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, group_bytes(1), NULL), 400);
        CHECK_EQ(w.ended, 1);
        linkworld_cut(&w);
    }
    TEST("groups come in any order; one that is held is acknowledged and not written again")
    {
        begin_sealed();
        target_of(target, "/body/1");
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, group_bytes(1), NULL), 200);
        CHECK_EQ(w.held, 0);
        target_of(target, "/body/0");
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, group_bytes(0), NULL), 200);
        CHECK_EQ(w.held, 2);
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, group_bytes(0), NULL), 200);
        struct span group = group_bytes(0);
        scratch[5] ^= 1;
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, group, NULL), 400);
        uint8_t kept = 0;
        uint8_t sent = 0;
        CHECK(pread(w.import_body, &kept, 1, 56 + 5) == 1);
        CHECK(pread(w.body_fd, &sent, 1, 56 + 5) == 1);
        CHECK_EQ(kept, sent);
        linkworld_cut(&w);
    }
    TEST("a length that is not whole groups, or a group that is not there, is refused")
    {
        begin_sealed();
        target_of(target, "/body/0");
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, span_of(scratch, 1000), NULL), 400);
        linkworld_cut(&w);
        begin_sealed();
        target_of(target, "/body/6");
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, span_of(scratch, 1000), NULL), 400);
        linkworld_cut(&w);
    }
    TEST("groups of a transfer without SEAL are sent back to begin")
    {
        begin(MIDDLE);
        target_of(target, "/body/0");
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, group_bytes(0), NULL), 409);
        linkworld_cut(&w);
    }
}

static void
test_hostile_seals(void)
{
    char target[128];
    TEST("a list that does not fold to the root ends the connection")
    {
        begin(MIDDLE);
        w.has_offer = true;
        target_of(target, "/seal");
        struct span request = seal_request();
        scratch[request.len - 1] ^= 1;
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, request, NULL), 400);
        CHECK_EQ(w.ended_why, ERR_PROOF);
        linkworld_cut(&w);
        linkworld_connect(&w);
        linkworld_run(&w);
        target_of(target, "/body/0");
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, group_bytes(0), NULL), 409);
        linkworld_cut(&w);
    }
    TEST("a list that is too long or too short is refused before it is read")
    {
        for (int delta = -32; delta <= 32; delta += 64) {
            begin(MIDDLE);
            w.has_offer = true;
            target_of(target, "/seal");
            struct span request = seal_request();
            request.len = (size_t)((int)request.len + delta);
            CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, request, NULL), 400);
            linkworld_cut(&w);
        }
    }
    TEST("a SEAL record that is empty, huge or longer than the request is refused")
    {
        static const uint8_t lengths[3][8] = {
            {0, 0, 0, 0, 1}, {0, 1, 0, 0, 1}, {0, 0, 0, 9, 1, 2, 3, 4}};
        for (size_t i = 0; i < 3; i++) {
            begin(MIDDLE);
            target_of(target, "/seal");
            CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, span_of(lengths[i], 8), NULL), 400);
            CHECK_EQ(w.in_count[CORRIDOR_SEAL], 0);
            linkworld_cut(&w);
        }
    }
    TEST("a SEAL of an unknown transfer is what clerk says it is")
    {
        begin(MIDDLE);
        CHECK_EQ(linkworld_request(&w, HTTP_PUT,
                                   "/corridor/v1/transfers/00112233445566778899aabbccddeeff/seal",
                                   seal_request(), NULL),
                 404);
        linkworld_cut(&w);
    }
}

static void
test_addresses(void)
{
    static const struct {
        enum http_method method;
        const char *target;
        uint16_t status;
    } rows[] = {
        {HTTP_GET, "/corridor/v1/hello", 200},
        {HTTP_PUT, "/corridor/v1/hello", 405},
        {HTTP_GET, "/corridor/v1/hello?x=1", 404},
        {HTTP_GET, "/corridor/v1/transfers/0011", 404},
        {HTTP_GET, "/corridor/v1/transfers/00112233445566778899AABBCCDDEEFF", 404},
        {HTTP_GET, "/corridor/v1/transfers/00112233445566778899aabbccddeeff/x", 404},
        {HTTP_GET, "/log/checkpoint", 200},
        {HTTP_GET, "/log/tile/0/000.p/5", 200},
        {HTTP_GET, "/log/tile/entries/000", 404},
        {HTTP_GET, "/log/tile/0/../../x", 404},
        {HTTP_GET, "/v1/transfers", 404},
        {HTTP_GET, "/tlog/witness/x/checkpoint", 404},
    };
    TEST("addresses, methods and queries are those of the corridor and no others")
    {
        begin(SMALL);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            CHECK_EQ(linkworld_request(&w, rows[i].method, rows[i].target, SPAN_LIT(""), NULL),
                     rows[i].status);
        linkworld_cut(&w);
    }
    TEST("another version of the protocol is refused with 426, and the connection ends")
    {
        begin(SMALL);
        CHECK_EQ(linkworld_request(&w, HTTP_GET, "/corridor/v1/hello", SPAN_LIT(""), "0-0"), 426);
        CHECK(w.server == NULL);
        linkworld_cut(&w);
        begin(SMALL);
        CHECK_EQ(linkworld_request(&w, HTTP_GET, "/corridor/v2/hello", SPAN_LIT(""), NULL), 426);
        CHECK(w.server == NULL);
        linkworld_cut(&w);
    }
    TEST("a small body beyond its limit is 413")
    {
        char target[128];
        begin(SMALL);
        target_of(target, "/offer");
        CHECK_EQ(linkworld_request(&w, HTTP_PUT, target, span_of(scratch, 57 * 1024), NULL), 413);
        linkworld_cut(&w);
    }
}

static void
test_certificates(void)
{
    TEST("a server that is no peer of the zone hears nothing from us")
    {
        linkworld_certificates(&w, NULL, LINKWORLD_THERE "/partner");
        const unsigned up = w.up_count;
        begin(SMALL);
        CHECK_EQ(w.client_end, ERR_DENIED);
        CHECK(w.client == NULL);
        CHECK_EQ(w.up_count, up);
        linkworld_cut(&w);
    }
    TEST("a server of another zone fails the handshake")
    {
        linkworld_certificates(&w, NULL, LINKWORLD_HERE "/peer");
        begin(SMALL);
        CHECK_EQ(w.client_end, ERR_PROTOCOL);
        linkworld_cut(&w);
        linkworld_certificates(&w, NULL, LINKWORLD_THERE "/peer");
    }
    TEST("a client that is no peer is refused, and nothing of it reaches clerk")
    {
        linkworld_certificates(&w, "partners/hospital-kl", NULL);
        const unsigned up = w.up_count;
        begin(SMALL);
        linkworld_forward(&w, true);
        linkworld_run(&w);
        CHECK_EQ(w.up_count, up);
        CHECK(!outbound_is_up(w.out));
        CHECK_EQ(w.in_count[CORRIDOR_STATE] + w.in_count[CORRIDOR_OFFER], 0);
        CHECK(!linkworld_has_stage(&w, FORWARD_READY));
        linkworld_cut(&w);
    }
    TEST("a client of a zone that is no peer fails the handshake")
    {
        linkworld_certificates(&w, LINKWORLD_THERE "/peer", NULL);
        begin(SMALL);
        CHECK(w.client == NULL);
        CHECK(!outbound_is_up(w.out));
        linkworld_cut(&w);
        linkworld_certificates(&w, LINKWORLD_HERE "/peer", NULL);
    }
    TEST("with its own certificate again the corridor opens")
    {
        begin(SMALL);
        CHECK(outbound_is_up(w.out));
        linkworld_cut(&w);
        CHECK(!outbound_is_up(w.out));
    }
    TEST("a peer that falls silent is given up after its PING")
    {
        begin(SMALL);
        conn_free(w.server);
        w.server = NULL;
        w.now += 21000;
        linkworld_run(&w);
        w.now += 16000;
        linkworld_run(&w);
        CHECK(w.client == NULL);
        CHECK_EQ(w.client_end, ERR_TIMEOUT);
        linkworld_cut(&w);
    }
}

int
main(int argc, char **argv)
{
    if (argc != 2 || crypto_init() != ERR_OK)
        return 1;
    linkworld_init(&w, argv[1]);
    test_crossings();
    test_order();
    test_breaks();
    test_calls();
    test_hostile_bodies();
    test_hostile_seals();
    test_addresses();
    test_certificates();
    linkworld_finish(&w);
    return test_end();
}
