/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads and everything that can happen to them, with clerk and inspector played by the test. */
#include "gateway/edge/upload.h"

#include "tests/test.h"
#include "tests/unit/edge/edgekit.h"

#define PATH "/v1/agreements/open-data/datasets/t.csv"
#define LENGTH "content-length: 5\n"

static struct edgekit kit;
static uint8_t slot[RING_SLOT_BYTES];

/* An upload of length bytes on stream 1 that clerk let go on; returns the inspector's ring. */
static struct ring *
start(const char *headers, uint64_t length, uint64_t bytes_max)
{
    edgekit_upload(&kit, 1, HTTP_PUT, PATH, headers, length);
    edgekit_go(&kit, "T1", bytes_max);
    return edgekit_ring(&kit);
}

static enum err
take(struct ring *ring, size_t *ret_len, bool *ret_eof)
{
    const enum err err = ring_read(ring, slot, sizeof(slot), ret_len, ret_eof);
    edgekit_run(&kit);
    return err;
}

static enum err
look(struct ring *ring)
{
    size_t len = 0;
    bool eof = false;
    return take(ring, &len, &eof);
}

static void
finish(uint32_t n)
{
    edgekit_event(&kit, n, HTTP_EVENT_DONE, ERR_OK);
    edgekit_run(&kit);
}

static void
stop(const char *transfer, const char *code)
{
    const struct p_upload_stop p = {.code = span_str(code), .detail = SPAN_LIT("because")};
    uint8_t buf[128];
    struct span body;
    CHECK_EQ(payload_upload_stop_put(&p, buf, sizeof(buf), &body), ERR_OK);
    edgekit_tell(&kit, ROLE_CLERK, MSG_UPLOAD_STOP, transfer, body, NULL, 0);
}

#define SHA512_EMPTY                                                                             \
    "sha-512=:z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+" \
    "SfaPg==:"
#define SHA512_HELLO                                                                            \
    "sha-512=:m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9z" \
    "vN7AQw==:"
#define SHA256_HELLO "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"

/* What clerk hears of a PUT with these fields: the fingerprint is in *ret. */
static size_t
declared(const char *headers, uint8_t ret[static 32], uint8_t digest[static 32])
{
    const struct edgekit_heard *h = &kit.heard[ROLE_CLERK];
    struct p_upload_open open = {0};
    edgekit_upload(&kit, 1, HTTP_PUT, PATH, headers, 5);
    CHECK_EQ(payload_upload_open_get(span_of(h->body, h->len), &open), ERR_OK);
    memcpy(ret, open.fingerprint, 32);
    memset(digest, 0, 32);
    if (open.digest.len == 32)
        memcpy(digest, open.digest.ptr, 32);
    const size_t len = open.digest.len;
    edgekit_says(&kit, "T1", 503, "draining", "", 0);
    finish(1);
    return len;
}

static void
test_declared(void)
{
    TEST("requests with other declared digests are other requests, whichever algorithm")
    {
        static const char *const fields[] = {LENGTH, "repr-digest: " SHA256_HELLO "\n" LENGTH,
                                             "repr-digest: " SHA512_HELLO "\n" LENGTH,
                                             "repr-digest: " SHA512_EMPTY "\n" LENGTH};
        enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };
        uint8_t prints[FIELDS][32];
        uint8_t digests[FIELDS][32];
        for (size_t i = 0; i < FIELDS; i++) {
            CHECK_EQ(declared(fields[i], prints[i], digests[i]), i == 0 ? 0 : 32);
            for (size_t j = 0; j < i; j++) {
                CHECK(memcmp(prints[i], prints[j], 32) != 0);
                CHECK(memcmp(digests[i], digests[j], 32) != 0);
            }
        }
    }
    TEST("and the same digest in another field, or beside another, is the same request")
    {
        uint8_t a[32];
        uint8_t b[32];
        uint8_t digest[32];
        CHECK_EQ(declared("repr-digest: " SHA512_HELLO "\n" LENGTH, a, digest), 32);
        CHECK_EQ(declared("content-digest: " SHA512_HELLO "\n" LENGTH, b, digest), 32);
        CHECK(memcmp(a, b, 32) == 0);
        CHECK_EQ(declared("repr-digest: " SHA256_HELLO "\n" LENGTH, a, digest), 32);
        CHECK_EQ(declared("repr-digest: " SHA512_HELLO ", " SHA256_HELLO "\n" LENGTH, b, digest),
                 32);
        CHECK(memcmp(a, b, 32) == 0);
    }
}

static void
test_answers(void)
{
    size_t len = 0;
    bool eof = false;
    TEST("a preflight refusal is answered before a byte of body, with the decision")
    {
        edgekit_upload(&kit, 1, HTTP_PUT, PATH, "expect: 100-continue\n" LENGTH, 5);
        edgekit_says(&kit, "T1", 403, "denied", "{\"verdict\":\"deny\"}", ANSWER_TRANSFER);
        CHECK_EQ(kit.streams[1].status, 403);
        CHECK_EQ(kit.streams[1].informs + kit.streams[1].granted, 0);
        CHECK(edgekit_body_has(&kit, 1, "\"decision\":{\"verdict\":\"deny\"}"));
        CHECK(edgekit_has(&kit, 1, "tdz-transfer: 5431"));
        CHECK(strstr(kit.streams[1].headers, "location:") == NULL);
        finish(1);
    }
    TEST("a stored answer says that it is one")
    {
        edgekit_upload(&kit, 1, HTTP_PUT, PATH, "idempotency-key: k\n" LENGTH, 5);
        edgekit_says(&kit, "T1", 202, "", "{}",
                     ANSWER_TRANSFER | ANSWER_LOCATION | ANSWER_REPLAYED);
        CHECK_EQ(kit.streams[1].status, 202);
        CHECK(edgekit_has(&kit, 1, "idempotency-replayed: true\n"));
        finish(1);
    }
    TEST("who prefers not to wait makes clerk answer at once, and who wants a digest gets one")
    {
        struct ring *ring =
            start("prefer: respond-async\nwant-repr-digest: sha-256=1\n" LENGTH, 5, 100);
        edgekit_data(&kit, 1, SPAN_LIT("hello"));
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_run(&kit);
        CHECK_EQ(edgekit_end(&kit).wait_ms, 0);
        edgekit_says(&kit, "T1", 202, "", "{}", ANSWER_TRANSFER | ANSWER_LOCATION);
        CHECK(edgekit_has(&kit, 1, "preference-applied: respond-async\n"));
        CHECK(edgekit_has(&kit, 1,
                          "repr-digest: sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:\n"));
        ring_free(ring);
        finish(1);
    }
    TEST("an empty dataset has an end and no slot")
    {
        struct ring *ring = start("content-length: 0\n", 0, 100);
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_run(&kit);
        CHECK_EQ(take(ring, &len, &eof), ERR_OK);
        CHECK(eof);
        CHECK_EQ(edgekit_end(&kit).outcome, UPLOAD_COMPLETE);
        CHECK_EQ(edgekit_end(&kit).bytes, 0);
        edgekit_says(&kit, "T1", 201, "", "{}", ANSWER_TRANSFER);
        ring_free(ring);
        finish(1);
    }
    TEST("an empty dataset whose end comes before clerk's word is sent too")
    {
        edgekit_upload(&kit, 1, HTTP_PUT, PATH, "content-length: 0\n", 0);
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_go(&kit, "T1", 100);
        CHECK_EQ(edgekit_end(&kit).outcome, UPLOAD_COMPLETE);
        edgekit_says(&kit, "T1", 201, "", "{}", ANSWER_TRANSFER);
        CHECK_EQ(kit.streams[1].status, 201);
        finish(1);
    }
}

static void
test_pressure(void)
{
    size_t len = 0;
    bool eof = false;
    TEST("credit is what the ring has room for, and comes back slot by slot")
    {
        static const uint8_t block[RING_SLOT_BYTES];
        struct ring *ring = start("", UINT64_MAX, 1 << 20);
        CHECK_EQ(kit.streams[1].granted, 2 * RING_SLOT_BYTES);
        edgekit_data(&kit, 1, span_of(block, 1000));
        CHECK_EQ(look(ring), ERR_AGAIN); /* a slot is sent when it is full */
        edgekit_data(&kit, 1, span_of(block, RING_SLOT_BYTES));
        edgekit_data(&kit, 1, span_of(block, RING_SLOT_BYTES - 1000));
        CHECK_EQ(kit.streams[1].granted, 0);
        CHECK_EQ(take(ring, &len, &eof), ERR_OK);
        CHECK_EQ(len, RING_SLOT_BYTES);
        CHECK_EQ(kit.streams[1].granted, RING_SLOT_BYTES);
        edgekit_data(&kit, 1, span_of(block, 10));
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_run(&kit);
        /* The last slot is in, the end has no room yet: clerk is told only with it. */
        CHECK(kit.heard[ROLE_CLERK].type == MSG_UPLOAD_OPEN);
        CHECK_EQ(look(ring), ERR_OK);
        CHECK_EQ(edgekit_end(&kit).bytes, 2 * RING_SLOT_BYTES + 10);
        CHECK_EQ(take(ring, &len, &eof), ERR_OK);
        CHECK(len == 10 && !eof);
        CHECK_EQ(take(ring, &len, &eof), ERR_OK);
        CHECK(eof);
        edgekit_says(&kit, "T1", 201, "", "{}", ANSWER_TRANSFER);
        ring_free(ring);
        finish(1);
    }
    TEST("as many uploads as are allowed, and no more")
    {
        edgekit_upload(&kit, 7, HTTP_PUT, PATH, LENGTH, 5);
        for (uint32_t n = 1; n < 7; n++)
            edgekit_upload(&kit, n, HTTP_PUT, PATH, LENGTH, 5);
        struct edge_stats stats;
        edge_stats(kit.edge, &stats);
        CHECK_EQ(stats.uploads_open, 7);
        edgekit_event(&kit, 7, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_upload(&kit, 7, HTTP_PUT, PATH, LENGTH, 5);
        CHECK_EQ(kit.streams[7].status, 0);
        edgekit_event(&kit, 7, HTTP_EVENT_ABORT, ERR_CLOSED);
        /* Nobody waits for those two any more, but clerk may still let them go on. */
        edgekit_upload(&kit, 7, HTTP_PUT, PATH, LENGTH, 5);
        CHECK_EQ(kit.streams[7].status, 503);
        CHECK(edgekit_body_has(&kit, 7, "too-many-uploads"));
        finish(7);
        for (uint32_t n = 1; n < 7; n++)
            edgekit_event(&kit, n, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_replace(&kit, ROLE_CLERK);
        CHECK(edge_is_idle(kit.edge));
    }
}

static void
test_cuts(void)
{
    static const struct {
        enum err reason;
        enum upload_outcome outcome;
    } rows[] = {{ERR_SHORT, UPLOAD_ABORTED},
                {ERR_CLOSED, UPLOAD_ABORTED},
                {ERR_TIMEOUT, UPLOAD_TOO_SLOW},
                {ERR_PROTOCOL, UPLOAD_MALFORMED}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        TEST("a body that is cut short ends its transfer, and clerk hears why")
        {
            struct ring *ring = start(LENGTH, 5, 100);
            edgekit_data(&kit, 1, SPAN_LIT("he"));
            edgekit_event(&kit, 1, HTTP_EVENT_ABORT, rows[i].reason);
            edgekit_run(&kit);
            /* Clerk first: an inspector that heard of it could be the first to tell. */
            CHECK_EQ(look(ring), ERR_AGAIN);
            CHECK_EQ(edgekit_end(&kit).outcome, rows[i].outcome);
            CHECK(!edge_is_idle(kit.edge));
            edgekit_says(&kit, "T1", 400, "bad-request", "", ANSWER_TRANSFER);
            CHECK_EQ(look(ring), ERR_CANCELLED);
            CHECK_EQ(kit.streams[1].status, 0);
            CHECK(edge_is_idle(kit.edge));
            ring_free(ring);
        }
    }
    TEST("a client that left before clerk's word leaves no transfer behind")
    {
        const unsigned rings = kit.heard[ROLE_INSPECTOR].count;
        edgekit_upload(&kit, 1, HTTP_PUT, PATH, LENGTH, 5);
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_go(&kit, "T1", 100);
        CHECK_EQ(edgekit_end(&kit).outcome, UPLOAD_ABORTED);
        CHECK_EQ(kit.heard[ROLE_INSPECTOR].count, rings);
        edgekit_says(&kit, "T1", 400, "bad-request", "", 0);
        CHECK(edge_is_idle(kit.edge));
    }
    TEST("a client that leaves after its last byte does not stop the transfer")
    {
        struct ring *ring = start(LENGTH, 5, 100);
        edgekit_data(&kit, 1, SPAN_LIT("hello"));
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_run(&kit);
        CHECK_EQ(edgekit_end(&kit).outcome, UPLOAD_COMPLETE);
        CHECK_EQ(look(ring), ERR_OK);
        edgekit_says(&kit, "T1", 201, "", "{}", ANSWER_TRANSFER);
        CHECK(edge_is_idle(kit.edge));
        ring_free(ring);
    }
    TEST("bytes with another digest than declared never have an end for the inspector")
    {
        struct ring *ring = start(
            "repr-digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:\n" LENGTH, 5, 100);
        edgekit_data(&kit, 1, SPAN_LIT("hello"));
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_run(&kit);
        CHECK_EQ(look(ring), ERR_AGAIN);
        CHECK_EQ(edgekit_end(&kit).outcome, UPLOAD_DIGEST_MISMATCH);
        edgekit_says(&kit, "T1", 400, "digest-mismatch", "", ANSWER_TRANSFER);
        CHECK_EQ(look(ring), ERR_CANCELLED);
        CHECK_EQ(kit.streams[1].status, 400);
        ring_free(ring);
        finish(1);
    }
    TEST("a declared sha-512 is checked too")
    {
        struct ring *ring =
            start("content-digest: sha-512=:z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+"
                  "DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==:\n" LENGTH,
                  5, 100);
        edgekit_data(&kit, 1, SPAN_LIT("hello"));
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_run(&kit);
        CHECK_EQ(edgekit_end(&kit).outcome, UPLOAD_DIGEST_MISMATCH);
        edgekit_says(&kit, "T1", 400, "digest-mismatch", "", ANSWER_TRANSFER);
        ring_free(ring);
        finish(1);
    }
    TEST("a body without length is cut where the agreement's ceiling is")
    {
        struct ring *ring = start("", UINT64_MAX, 4);
        edgekit_data(&kit, 1, SPAN_LIT("hello"));
        edgekit_run(&kit);
        CHECK_EQ(edgekit_end(&kit).outcome, UPLOAD_TOO_LARGE);
        CHECK_EQ(look(ring), ERR_AGAIN);
        edgekit_says(&kit, "T1", 413, "too-large", "", ANSWER_TRANSFER);
        CHECK_EQ(look(ring), ERR_CANCELLED);
        CHECK_EQ(kit.streams[1].status, 413);
        edgekit_data(&kit, 1, SPAN_LIT("more")); /* is thrown away */
        ring_free(ring);
        finish(1);
    }
}

static void
test_roles(void)
{
    TEST("clerk stops an upload in the middle: its word is the answer")
    {
        struct ring *ring = start(LENGTH, 5, 100);
        const unsigned told = kit.heard[ROLE_CLERK].count;
        stop("T2", "spool-full"); /* somebody else's */
        CHECK_EQ(kit.streams[1].status, 0);
        stop("T1", "inspector-failed");
        CHECK_EQ(kit.streams[1].status, 503);
        CHECK(edgekit_has(&kit, 1, "retry-after: 2\n"));
        CHECK(edgekit_has(&kit, 1, "tdz-transfer: 5431"));
        CHECK(edgekit_body_has(&kit, 1, "\"detail\":\"because\""));
        CHECK_EQ(look(ring), ERR_CANCELLED);
        CHECK_EQ(kit.heard[ROLE_CLERK].count, told); /* who stopped it needs no word of its end */
        ring_free(ring);
        finish(1);
        CHECK(edge_is_idle(kit.edge));
    }
    TEST("a stop that crosses the end of the body is passed over: the answer is on its way")
    {
        struct ring *ring = start(LENGTH, 5, 100);
        edgekit_data(&kit, 1, SPAN_LIT("hello"));
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_run(&kit);
        stop("T1", "inspector-failed");
        CHECK_EQ(kit.streams[1].status, 0);
        edgekit_says(&kit, "T1", 503, "inspector-failed", "", ANSWER_TRANSFER);
        CHECK_EQ(kit.streams[1].status, 503);
        ring_free(ring);
        finish(1);
    }
    TEST("an inspector that gives up is left to clerk to explain")
    {
        struct ring *ring = start("", UINT64_MAX, 1 << 20);
        ring_abort(ring);
        static const uint8_t block[RING_SLOT_BYTES];
        edgekit_data(&kit, 1, span_of(block, sizeof(block)));
        edgekit_data(&kit, 1, span_of(block, sizeof(block)));
        CHECK_EQ(kit.streams[1].status, 0);
        stop("T1", "inspector-failed");
        CHECK_EQ(kit.streams[1].status, 503);
        ring_free(ring);
        finish(1);
    }
    TEST("and when clerk stays silent the client hears it all the same")
    {
        kit.config.role_ms = 20;
        edge_reconfigure(kit.edge, &kit.config);
        edgekit_upload(&kit, 1, HTTP_PUT, PATH, LENGTH, 5);
        chan_set_incarnation(kit.to[ROLE_INSPECTOR], 77);
        const struct p_upload_go p = {.inspector_gen = 76, .bytes_max = 9};
        uint8_t buf[128];
        struct span body;
        const unsigned rings = kit.heard[ROLE_INSPECTOR].count;
        CHECK_EQ(payload_upload_go_put(&p, buf, sizeof(buf), &body), ERR_OK);
        edgekit_answer(&kit, ROLE_CLERK, MSG_UPLOAD_GO, "T1", body, -1);
        CHECK_EQ(kit.heard[ROLE_INSPECTOR].count, rings); /* another process than clerk meant */
        edgekit_hear(&kit, ROLE_CLERK);
        CHECK_EQ(edgekit_end(&kit).outcome, UPLOAD_ABORTED);
        CHECK_EQ(kit.streams[1].status, 503);
        CHECK(edgekit_body_has(&kit, 1, "inspector-failed"));
        edgekit_says(&kit, "T1", 400, "bad-request", "", 0);
        finish(1);
        CHECK(edge_is_idle(kit.edge));
    }
    TEST("a clerk that dies after the body is asked again when it is back")
    {
        struct ring *ring = start(LENGTH, 5, 100);
        edgekit_data(&kit, 1, SPAN_LIT("hello"));
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_run(&kit);
        const unsigned told = kit.heard[ROLE_CLERK].count;
        edgekit_replace(&kit, ROLE_CLERK);
        CHECK_EQ(kit.heard[ROLE_CLERK].count, told + 1);
        CHECK_EQ(edgekit_end(&kit).outcome, UPLOAD_COMPLETE);
        edgekit_says(&kit, "T1", 202, "", "{}", ANSWER_TRANSFER | ANSWER_LOCATION);
        CHECK_EQ(kit.streams[1].status, 202);
        ring_free(ring);
        finish(1);
    }
    TEST("a clerk that dies during the body loses the transfer: the client may send it again")
    {
        struct ring *ring = start(LENGTH, 5, 100);
        edgekit_replace(&kit, ROLE_CLERK);
        CHECK_EQ(kit.streams[1].status, 500);
        CHECK(edgekit_body_has(&kit, 1, "\"retryable\":true"));
        CHECK_EQ(look(ring), ERR_AGAIN);
        CHECK_EQ(edgekit_end(&kit).outcome, UPLOAD_ABORTED);
        edgekit_says(&kit, "T1", 400, "bad-request", "", 0);
        CHECK_EQ(look(ring), ERR_CANCELLED);
        ring_free(ring);
        finish(1);
        CHECK(edge_is_idle(kit.edge));
    }
    TEST("a clerk that dies before its word is no reason to wait")
    {
        edgekit_upload(&kit, 1, HTTP_PUT, PATH, LENGTH, 5);
        edgekit_replace(&kit, ROLE_CLERK);
        CHECK_EQ(kit.streams[1].status, 500);
        finish(1);
        CHECK(edge_is_idle(kit.edge));
    }
    TEST("nonsense in an answer ends clerk, and the client is told to come again")
    {
        edgekit_upload(&kit, 1, HTTP_PUT, PATH, LENGTH, 5);
        edgekit_answer(&kit, ROLE_CLERK, MSG_UPLOAD_GO, "T1", SPAN_LIT("short"), -1);
        CHECK_EQ(kit.violations, 1);
        CHECK_EQ(kit.streams[1].status, 500);
        finish(1);
        CHECK(edge_is_idle(kit.edge));
    }
}

int
main(void)
{
    edgekit_start(&kit);
    test_declared();
    test_answers();
    test_pressure();
    test_cuts();
    test_roles();
    edgekit_finish(&kit);
    return test_end();
}
