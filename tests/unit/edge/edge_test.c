/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as a whole: the path of a PUT, and everything that is answered without asking anybody.
 */
#include "gateway/edge/edge.h"

#include <unistd.h>

#include "crypto/digest.h"
#include "tests/test.h"
#include "tests/unit/edge/edgekit.h"

#define PATH "/v1/agreements/open-data/datasets/table%20one.csv"

static struct edgekit kit;
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
        edgekit_go(&kit, "T1", 100);
        CHECK_EQ(kit.streams[1].informs, 1);
        CHECK_EQ(kit.streams[1].granted, 2 * RING_SLOT_BYTES);
    }
    TEST("the body reaches the inspector and its end reaches clerk with its digest")
    {
        uint8_t digest[32];
        struct ring *ring = edgekit_ring(&kit);
        edgekit_data(&kit, 1, SPAN_LIT("hel"));
        edgekit_data(&kit, 1, SPAN_LIT("lo"));
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
        edgekit_run(&kit);
        CHECK_EQ(ring_read(ring, buf, sizeof(buf), &len, &eof), ERR_OK);
        CHECK(len == 5 && memcmp(buf, "hello", 5) == 0);
        CHECK_EQ(ring_read(ring, buf, sizeof(buf), &len, &eof), ERR_OK);
        CHECK(eof);
        ring_free(ring);
        const struct p_upload_end end = edgekit_end(&kit);
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

/* A PUT of 3 bytes that is refused before clerk hears of it. */
static bool
refused(const char *target, const char *headers, uint64_t length, uint16_t status, const char *code)
{
    const unsigned before = kit.heard[ROLE_CLERK].count;
    char want[64];
    (void)snprintf(want, sizeof(want), "\"code\":\"%s\"", code);
    edgekit_upload(&kit, 1, HTTP_PUT, target, headers, length);
    const struct edgekit_stream *s = &kit.streams[1];
    const bool good = s->status == status && edgekit_body_has(&kit, 1, want) && s->finished &&
                      s->granted == 0 && s->informs == 0 && kit.heard[ROLE_CLERK].count == before &&
                      edgekit_has(&kit, 1, "content-type: application/problem+json\n");
    if (!good)
        printf("# %s %s: %u\n", target, headers, s->status);
    edgekit_event(&kit, 1, HTTP_EVENT_DONE, ERR_OK);
    edgekit_run(&kit);
    return good;
}

static void
test_refusals(void)
{
    static const char digests[] =
        "repr-digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:\n"
        "content-digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\n";
    edgekit_start(&kit);
    TEST("what a PUT says wrong is refused before clerk hears of it and before a byte of body")
    {
        CHECK(refused(PATH, "", (1 << 20) + 1, 413, "too-large"));
        CHECK(refused(PATH, "", 0, 411, "length-required"));
        CHECK(refused(PATH, "content-encoding: gzip\n", 3, 415, "unsupported-media-type"));
        CHECK(refused(PATH, "content-range: bytes 0-2/9\n", 3, 400, "bad-request"));
        CHECK(refused(PATH, "if-match: *\n", 3, 412, "precondition-failed"));
        CHECK(refused(PATH, "tdz-facts: ?\n", 3, 400, "bad-facts"));
        CHECK(refused(PATH, "idempotency-key: \n", 3, 400, "bad-request"));
        CHECK(refused(PATH, "repr-digest: sha-256=x\n", 3, 400, "bad-request"));
        CHECK(refused(PATH, digests, 3, 400, "digest-mismatch"));
        CHECK(refused("/v1/agreements/a/datasets/.x", "", 3, 400, "bad-name"));
        CHECK(refused("/v1/agreements/a/datasets/a%2Fb", "", 3, 400, "bad-name"));
        CHECK(refused("/v1/agreements/a/datasets/a%0a", "", 3, 400, "bad-name"));
        CHECK(refused("/v1/agreements/a/datasets/%ff", "", 3, 400, "bad-name"));
        CHECK(refused("/v1/agreements/%zz/datasets/a", "", 3, 404, "unknown-agreement"));
        CHECK(refused("/v1/uploads", "", 3, 404, "not-found"));
        CHECK(refused("/v1/decisions", "", 3, 405, "method-not-allowed"));
        CHECK(edge_is_idle(kit.edge));
    }
    TEST("a method that is not for an address names those that are")
    {
        edgekit_request(&kit, 2, HTTP_DELETE, "/v1/transfers", "");
        CHECK_EQ(kit.streams[2].status, 405);
        CHECK(edgekit_has(&kit, 2, "allow: GET, HEAD\n"));
        edgekit_event(&kit, 2, HTTP_EVENT_DONE, ERR_OK);
    }
    TEST("a role gets what is for it and nothing else")
    {
        kit.who.role = IDENTITY_AUDITOR;
        CHECK(refused(PATH, "", 3, 403, "role-not-allowed"));
        edgekit_request(&kit, 2, HTTP_GET, "/v1/inbox", "");
        CHECK_EQ(kit.streams[2].status, 403);
        kit.who.role = IDENTITY_PARTNER;
        edgekit_request(&kit, 3, HTTP_GET, "/log/checkpoint", "");
        CHECK_EQ(kit.streams[3].status, 403);
        CHECK_EQ(kit.heard[ROLE_LEDGER].count, 0);
        edgekit_event(&kit, 2, HTTP_EVENT_DONE, ERR_OK);
        edgekit_event(&kit, 3, HTTP_EVENT_DONE, ERR_OK);
    }
    TEST("a body nobody asked for is thrown away within bounds")
    {
        edgekit_upload(&kit, 2, HTTP_GET, "/v1", "", 5);
        edgekit_data(&kit, 2, SPAN_LIT("12345"));
        edgekit_event(&kit, 2, HTTP_EVENT_END, ERR_OK);
        CHECK_EQ(kit.streams[2].status, 200);
        CHECK(edgekit_has(&kit, 2, "link: </openapi.json>; rel=\"service-desc\"\n"));
        CHECK(edgekit_body_has(&kit, 2, "\"party\":\"hospital-kl\""));
        edgekit_event(&kit, 2, HTTP_EVENT_DONE, ERR_OK);
        edgekit_upload(&kit, 2, HTTP_GET, "/v1", "", EDGE_DISCARD_MAX + 1);
        CHECK_EQ(kit.streams[2].status, 413);
        edgekit_event(&kit, 2, HTTP_EVENT_DONE, ERR_OK);
    }
    TEST("HEAD of the description says its length and sends nothing")
    {
        edgekit_request(&kit, 2, HTTP_GET, "/openapi.json", "");
        CHECK(edgekit_body_has(&kit, 2, "\"openapi\":\"3.1.0\""));
        edgekit_request(&kit, 3, HTTP_HEAD, "/openapi.json", "");
        CHECK_EQ(kit.streams[3].length, kit.streams[2].body_len);
        CHECK_EQ(kit.streams[3].body_len, 0);
        CHECK(kit.streams[3].finished);
        edgekit_event(&kit, 2, HTTP_EVENT_DONE, ERR_OK);
        edgekit_event(&kit, 3, HTTP_EVENT_DONE, ERR_OK);
    }
    TEST("a message that is not for edge now is a violation of its sender")
    {
        const struct p_upload_stop stop = {.code = SPAN_LIT("no-such-code")};
        uint8_t buf[64];
        struct span body;
        CHECK_EQ(payload_upload_stop_put(&stop, buf, sizeof(buf), &body), ERR_OK);
        edgekit_tell(&kit, ROLE_CLERK, MSG_UPLOAD_STOP, "T9", body, NULL, 0);
        CHECK_EQ(kit.violations, 1);
        CHECK(!chan_is_open(kit.to[ROLE_CLERK]));
    }
    TEST("without a clerk, and while draining, requests are told to come again")
    {
        edgekit_upload(&kit, 2, HTTP_PUT, PATH, "", 3);
        CHECK_EQ(kit.streams[2].status, 500);
        CHECK(edgekit_has(&kit, 2, "retry-after: 2\n"));
        edge_drain(kit.edge);
        CHECK(refused(PATH, "", 3, 503, "draining"));
        edgekit_event(&kit, 2, HTTP_EVENT_DONE, ERR_OK);
        CHECK(edge_is_idle(kit.edge));
    }
    edgekit_finish(&kit);
}

int
main(void)
{
    test_happy();
    test_refusals();
    return test_end();
}
