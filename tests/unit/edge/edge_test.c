/* SPDX-License-Identifier: Apache-2.0 */
/* The path of a PUT through edge, with clerk and inspector played by the test. */
#include "gateway/edge/edge.h"

#include <unistd.h>

#include "crypto/digest.h"
#include "tests/test.h"
#include "tests/unit/edge/edgekit.h"

#define PATH "/v1/agreements/open-data/datasets/table%20one.csv"

static struct edgekit kit;
static uint8_t scratch[MSG_PAYLOAD_MAX];

/* Clerk lets the last UPLOAD_OPEN go on, as transfer. */
static void
go(const char *transfer, uint64_t bytes_max)
{
    struct p_upload_go p = {.inspector_gen = chan_generation(kit.to[ROLE_INSPECTOR]),
                            .bytes_max = bytes_max};
    struct span body;
    memset(p.offer_hash, 9, sizeof(p.offer_hash));
    CHECK_EQ(payload_upload_go_put(&p, scratch, sizeof(scratch), &body), ERR_OK);
    edgekit_answer(&kit, ROLE_CLERK, MSG_UPLOAD_GO, transfer, body, -1);
}

/* The inspector's end of the ring it was last sent. */
static struct ring *
take_ring(void)
{
    struct ring *ring = NULL;
    struct edgekit_heard *h = &kit.heard[ROLE_INSPECTOR];
    CHECK_EQ(h->type, MSG_RING_UPLOAD);
    CHECK_EQ(h->fd_count, RING_FDS);
    CHECK_EQ(ring_attach(h->fds, 4, &ring), ERR_OK);
    return ring;
}

static struct p_upload_end
end_told(void)
{
    struct p_upload_end end = {0};
    const struct edgekit_heard *h = &kit.heard[ROLE_CLERK];
    CHECK_EQ(h->type, MSG_UPLOAD_END);
    CHECK_EQ(payload_upload_end_get(span_of(h->body, h->len), &end), ERR_OK);
    return end;
}

static void
test_happy(void)
{
    static uint8_t buf[RING_SLOT_BYTES];
    size_t len = 0;
    bool eof = false;
    edgekit_start(&kit);
    TEST("a PUT asks clerk with everything the request says")
    {
        struct p_upload_open open;
        edgekit_upload(&kit, 1, HTTP_PUT, PATH,
                       "tdz-facts: eyJrIjoxfQ\nidempotency-key: abc-1\nexpect: 100-continue\n"
                       "content-length: 5\nprefer: wait=7\n",
                       5);
        const struct edgekit_heard *h = &kit.heard[ROLE_CLERK];
        CHECK_EQ(h->type, MSG_UPLOAD_OPEN);
        CHECK_EQ(payload_upload_open_get(span_of(h->body, h->len), &open), ERR_OK);
        CHECK(span_eq_str(open.partner, "hospital-kl"));
        CHECK(span_eq_str(open.agreement, "open-data"));
        CHECK(span_eq_str(open.name, "table one.csv"));
        CHECK(span_eq_str(open.facts, "{\"k\":1}"));
        CHECK(span_eq_str(open.idempotency_key, "abc-1"));
        CHECK_EQ(open.length, 5);
        CHECK_EQ(open.cert[0], 7);
        CHECK_EQ(kit.streams[1].informs, 0);
        CHECK_EQ(kit.streams[1].granted, 0);
    }
    TEST("100 and credit follow clerk's word, not before")
    {
        go("T1", 100);
        CHECK_EQ(kit.streams[1].informs, 1);
        CHECK_EQ(kit.streams[1].granted, 2 * RING_SLOT_BYTES);
    }
    TEST("the body reaches the inspector and its end reaches clerk with its digest")
    {
        uint8_t digest[32];
        struct ring *ring = take_ring();
        edgekit_data(&kit, 1, SPAN_LIT("hel"));
        edgekit_data(&kit, 1, SPAN_LIT("lo"));
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_run(&kit);
        CHECK_EQ(ring_read(ring, buf, sizeof(buf), &len, &eof), ERR_OK);
        CHECK(len == 5 && memcmp(buf, "hello", 5) == 0);
        CHECK_EQ(ring_read(ring, buf, sizeof(buf), &len, &eof), ERR_OK);
        CHECK(eof);
        ring_free(ring);
        const struct p_upload_end end = end_told();
        CHECK_EQ(digest_sha256(SPAN_LIT("hello"), digest), ERR_OK);
        CHECK(memcmp(digest, end.sha256, 32) == 0);
        CHECK_EQ(end.outcome, UPLOAD_COMPLETE);
        CHECK_EQ(end.bytes, 5);
        CHECK_EQ(end.wait_ms, 7000);
        CHECK(kit.heard[ROLE_CLERK].transfer[1] == '1');
    }
    TEST("clerk's answer becomes the response, with its names")
    {
        edgekit_says(&kit, "T1", 201, "", "{\"state\":\"settled\"}",
                     ANSWER_TRANSFER | ANSWER_LOCATION);
        CHECK_EQ(kit.streams[1].status, 201);
        CHECK(edgekit_has(&kit, 1, "tdz-transfer: 54310000000000000000000000000000\n"));
        CHECK(edgekit_has(&kit, 1, "location: /v1/transfers/54310000000000000000000000000000\n"));
        CHECK(edgekit_has(&kit, 1, "content-type: application/json\n"));
        CHECK(edgekit_body_has(&kit, 1, "{\"state\":\"settled\"}"));
        CHECK(kit.streams[1].finished);
        edgekit_event(&kit, 1, HTTP_EVENT_DONE, ERR_OK);
        CHECK(edge_is_idle(kit.edge));
    }
    edgekit_finish(&kit);
}

int
main(void)
{
    test_happy();
    return test_end();
}
