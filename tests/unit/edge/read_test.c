/* SPDX-License-Identifier: Apache-2.0 */
/* What is read through edge: questions to clerk, pulls with a sealer played by the test. */
#include "gateway/edge/edge.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/unit/edge/edgekit.h"

#define ID "00112233445566778899aabbccddeeff"
#define DATA "/v1/inbox/" ID "/data"
#define ROOT "abababababababababababababababababababababababababababababababab"

static struct edgekit kit;
static const uint8_t id[16] = {0,    0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                               0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

static void
done(uint32_t n)
{
    edgekit_event(&kit, n, HTTP_EVENT_DONE, ERR_OK);
    edgekit_run(&kit);
}

static struct p_query
asked(void)
{
    struct p_query q = {0};
    const struct edgekit_heard *h = &kit.heard[ROLE_CLERK];
    CHECK_EQ(h->type, MSG_QUERY);
    CHECK_EQ(payload_query_get(span_of(h->body, h->len), &q), ERR_OK);
    CHECK(span_eq_str(q.party, "hospital-kl"));
    CHECK_EQ(q.role, IDENTITY_PARTNER);
    CHECK_EQ(q.cert[0], 7);
    return q;
}

static int
file_of(struct span bytes)
{
    const int fd = memfd_create("test", MFD_CLOEXEC);
    CHECK(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    return fd;
}

/* -- questions */

static void
test_queries(void)
{
    static const struct {
        const char *target;
        enum query_kind what;
        bool named;
    } rows[] = {{"/v1/transfers?limit=3", QUERY_TRANSFERS, false},
                {"/v1/transfers/" ID, QUERY_TRANSFER, true},
                {"/v1/transfers/" ID "/receipt", QUERY_RECEIPT, true},
                {"/v1/inbox", QUERY_INBOX, false},
                {"/v1/inbox/" ID, QUERY_INBOX_ITEM, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        TEST("a question reaches clerk with who asks and what about")
        {
            edgekit_request(&kit, 1, HTTP_GET, rows[i].target, "");
            const struct p_query q = asked();
            CHECK_EQ(q.what, rows[i].what);
            CHECK_EQ(q.wait_ms, 0);
            CHECK(span_eq_str(q.args, i == 0 ? "limit=3" : ""));
            CHECK_EQ(memcmp(kit.heard[ROLE_CLERK].transfer, id, 16) == 0, rows[i].named);
            edgekit_says(&kit, NULL, 200, "", "{\"a\":1}", 0);
            CHECK_EQ(kit.streams[1].status, 200);
            CHECK(edgekit_has(&kit, 1, "cache-control: no-store\n"));
            CHECK(edgekit_body_has(&kit, 1, "{\"a\":1}"));
            done(1);
        }
    }
    TEST("a long poll waits as long as was asked, never over a minute")
    {
        edgekit_request(&kit, 1, HTTP_GET, "/v1/transfers/" ID, "prefer: wait=3000\n");
        CHECK_EQ(asked().wait_ms, 60000);
        edgekit_says(&kit, NULL, 404, "not-found", "", 0);
        CHECK_EQ(kit.streams[1].status, 404);
        done(1);
    }
    TEST("an id that is none is not found without asking")
    {
        const unsigned before = kit.heard[ROLE_CLERK].count;
        edgekit_request(&kit, 1, HTTP_GET, "/v1/transfers/xyz", "");
        CHECK_EQ(kit.streams[1].status, 404);
        done(1);
        edgekit_request(&kit, 1, HTTP_POST, "/v1/inbox/xyz/ack", "");
        CHECK_EQ(kit.streams[1].status, 404);
        done(1);
        CHECK_EQ(kit.heard[ROLE_CLERK].count, before);
    }
    TEST("an acknowledgement has no body, and the next page is named")
    {
        edgekit_request(&kit, 1, HTTP_POST, "/v1/inbox/" ID "/ack", "");
        CHECK_EQ(asked().what, QUERY_ACK);
        edgekit_says(&kit, NULL, 204, "", "", 0);
        CHECK_EQ(kit.streams[1].status, 204);
        CHECK(strstr(kit.streams[1].headers, "content-type") == NULL);
        done(1);
        edgekit_request(&kit, 1, HTTP_GET, "/v1/inbox", "");
        uint8_t buf[256];
        struct span body;
        const struct p_answer p = {.status = 200,
                                   .body = SPAN_LIT("{}"),
                                   .link = SPAN_LIT("</v1/inbox?before=4>; rel=\"next\"")};
        CHECK_EQ(payload_answer_put(&p, buf, sizeof(buf), &body), ERR_OK);
        edgekit_answer(&kit, ROLE_CLERK, MSG_ANSWER, NULL, body, -1);
        CHECK(edgekit_has(&kit, 1, "link: </v1/inbox?before=4>; rel=\"next\"\n"));
        done(1);
    }
    TEST("an answer too long for a message comes as a file and leaves as there is room")
    {
        static char text[200000];
        uint8_t buf[256];
        struct span body;
        const struct p_answer p = {.status = 200};
        memset(text, 'x', sizeof(text));
        edgekit_request(&kit, 1, HTTP_GET, "/v1/transfers", "");
        kit.streams[1].room = 1000;
        const int fd = file_of(span_of(text, sizeof(text)));
        CHECK_EQ(payload_answer_put(&p, buf, sizeof(buf), &body), ERR_OK);
        edgekit_answer(&kit, ROLE_CLERK, MSG_ANSWER, NULL, body, fd);
        (void)close(fd);
        CHECK_EQ(kit.streams[1].length, sizeof(text));
        CHECK_EQ(kit.streams[1].body_len, 1000);
        kit.streams[1].room = SIZE_MAX;
        edgekit_event(&kit, 1, HTTP_EVENT_WRITABLE, ERR_OK);
        CHECK_EQ(kit.streams[1].body_len, sizeof(text));
        CHECK(kit.streams[1].finished);
        done(1);
    }
    TEST("a client that leaves is not answered, and clerk's late word hurts nobody")
    {
        edgekit_request(&kit, 1, HTTP_GET, "/v1/inbox", "");
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_says(&kit, NULL, 200, "", "{}", 0);
        CHECK_EQ(kit.streams[1].status, 0);
        CHECK(edge_is_idle(kit.edge));
    }
}

static void
decide(const char *headers, const char *body)
{
    edgekit_upload(&kit, 1, HTTP_POST, "/v1/decisions", headers, strlen(body));
    if (kit.streams[1].open && strlen(body) > 0)
        edgekit_data(&kit, 1, span_str(body));
    if (kit.streams[1].status == 0)
        edgekit_event(&kit, 1, HTTP_EVENT_END, ERR_OK);
    edgekit_run(&kit);
}

static void
test_decisions(void)
{
    TEST("a dry run takes its JSON to clerk")
    {
        decide("content-type: application/json; charset=utf-8\n", "{\"agreement\":\"a\"}");
        CHECK_EQ(asked().what, QUERY_DECISION);
        CHECK(span_eq_str(asked().body, "{\"agreement\":\"a\"}"));
        edgekit_says(&kit, NULL, 200, "", "{\"verdict\":\"allow\"}", 0);
        CHECK(edgekit_body_has(&kit, 1, "allow"));
        done(1);
    }
    TEST("a partner asks so often and then waits; another partner does not wait for it")
    {
        decide("", "");
        CHECK_EQ(kit.streams[1].status, 400);
        done(1);
        decide("", "{}");
        CHECK_EQ(kit.streams[1].status, 429);
        CHECK(edgekit_has(&kit, 1, "retry-after: "));
        done(1);
        memcpy(kit.who.name, "lab", 4);
        decide("content-type: text/csv\n", "{}");
        CHECK_EQ(kit.streams[1].status, 415);
        done(1);
        memcpy(kit.who.name, "hospital-kl", 12);
        kit.now_ms += 1000;
        decide("", "{}");
        CHECK_EQ(kit.streams[1].status, 0);
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_run(&kit);
    }
    TEST("a question larger than its limit is refused by its length, or when it shows")
    {
        static const uint8_t block[EDGE_BODY_MAX + 1];
        kit.now_ms += 10000;
        edgekit_upload(&kit, 1, HTTP_POST, "/v1/decisions", "", EDGE_BODY_MAX + 1);
        CHECK_EQ(kit.streams[1].status, 413);
        done(1);
        edgekit_upload(&kit, 1, HTTP_POST, "/v1/decisions", "", UINT64_MAX);
        edgekit_data(&kit, 1, span_of(block, sizeof(block)));
        CHECK_EQ(kit.streams[1].status, 413);
        done(1);
    }
}

/* -- pulls */

static struct p_pull_open
pulled(void)
{
    struct p_pull_open p = {0};
    const struct edgekit_heard *h = &kit.heard[ROLE_CLERK];
    CHECK_EQ(h->type, MSG_PULL_OPEN);
    CHECK_EQ(payload_pull_open_get(span_of(h->body, h->len), &p), ERR_OK);
    CHECK(span_eq_str(p.partner, "hospital-kl"));
    CHECK(memcmp(h->transfer, id, 16) == 0);
    return p;
}

static void
grant(uint32_t number, uint64_t first, uint64_t last, uint64_t total)
{
    struct p_pull_go p = {.pull = number,
                          .first = first,
                          .last = last,
                          .total = total,
                          .name = SPAN_LIT("r\xc3\xa9sum\xc3\xa9 1.csv")};
    uint8_t buf[256];
    struct span body;
    memset(p.root, 0xab, sizeof(p.root));
    CHECK_EQ(payload_pull_go_put(&p, buf, sizeof(buf), &body), ERR_OK);
    edgekit_answer(&kit, ROLE_CLERK, MSG_PULL_GO, NULL, body, -1);
}

/* The sealer's end of a ring that it sends for the pull. */
static struct ring *
supply(uint32_t number)
{
    struct ring *ring = NULL;
    int fds[RING_FDS];
    const struct p_ring_pull p = {.pull = number};
    uint8_t buf[64];
    struct msg m = {.type = MSG_RING_PULL, .fd_count = RING_FDS};
    CHECK_EQ(ring_create(2, &ring), ERR_OK);
    ring_fds(ring, fds);
    memcpy(m.fds, fds, sizeof(fds));
    memcpy(m.transfer, id, sizeof(id));
    CHECK_EQ(payload_ring_pull_put(&p, buf, sizeof(buf), &m.body), ERR_OK);
    CHECK_EQ(chan_send(kit.from[ROLE_SEALER], &m), ERR_OK);
    edgekit_run(&kit);
    return ring;
}

static void
pour(struct ring *ring, const char *text)
{
    CHECK_EQ(ring_write(ring, span_str(text)), ERR_OK);
    edgekit_run(&kit);
}

static struct p_pull_end
ended(void)
{
    struct p_pull_end p = {0};
    const struct edgekit_heard *h = &kit.heard[ROLE_CLERK];
    CHECK_EQ(h->type, MSG_PULL_END);
    CHECK_EQ(payload_pull_end_get(span_of(h->body, h->len), &p), ERR_OK);
    return p;
}

static void
say_item(void)
{
    edgekit_says(&kit, NULL, 200, "", "{\"bytes\":10,\"name\":\"a b\",\"root\":\"" ROOT "\"}", 0);
}

static void
test_pull(void)
{
    TEST("a pull is granted by clerk, filled by a sealer and told as complete")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "");
        CHECK_EQ(pulled().first, 0);
        CHECK_EQ(pulled().last, UINT64_MAX);
        grant(3, 0, 9, 10);
        CHECK_EQ(kit.streams[1].status, 200);
        CHECK_EQ(kit.streams[1].length, 10);
        CHECK(edgekit_has(&kit, 1, "etag: \"" ROOT "\"\n"));
        CHECK(edgekit_has(&kit, 1, "accept-ranges: bytes\n"));
        CHECK(edgekit_has(&kit, 1, "filename*=UTF-8''r%C3%A9sum%C3%A9%201.csv\n"));
        struct ring *ring = supply(3);
        pour(ring, "01234");
        pour(ring, "56789");
        CHECK(!kit.streams[1].finished);
        CHECK_EQ(ring_eof(ring), ERR_OK);
        edgekit_run(&kit);
        CHECK(edgekit_body_has(&kit, 1, "0123456789"));
        CHECK(kit.streams[1].finished);
        CHECK(ended().pull == 3 && ended().complete == 1);
        ring_free(ring);
        done(1);
    }
    TEST("a ring that comes before clerk's word waits for it")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "");
        struct ring *ring = supply(4);
        pour(ring, "0123456789");
        CHECK_EQ(ring_eof(ring), ERR_OK);
        grant(4, 0, 9, 10);
        CHECK(edgekit_body_has(&kit, 1, "0123456789"));
        CHECK_EQ(ended().complete, 1);
        ring_free(ring);
        done(1);
    }
    TEST("plaintext is taken as fast as the client takes it")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "");
        kit.streams[1].room = 3;
        grant(5, 0, 9, 10);
        struct ring *ring = supply(5);
        pour(ring, "0123456789");
        CHECK_EQ(ring_eof(ring), ERR_OK);
        edgekit_run(&kit);
        CHECK_EQ(kit.streams[1].body_len, 3);
        CHECK(!kit.streams[1].finished);
        kit.streams[1].room = SIZE_MAX;
        edgekit_event(&kit, 1, HTTP_EVENT_WRITABLE, ERR_OK);
        edgekit_run(&kit);
        CHECK_EQ(kit.streams[1].body_len, 10);
        CHECK(kit.streams[1].finished);
        ring_free(ring);
        done(1);
    }
    TEST("an empty dataset is a whole one")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "");
        grant(6, 0, 0, 0);
        CHECK_EQ(kit.streams[1].length, 0);
        struct ring *ring = supply(6);
        CHECK_EQ(ring_eof(ring), ERR_OK);
        edgekit_run(&kit);
        CHECK(kit.streams[1].finished);
        CHECK_EQ(ended().complete, 1);
        ring_free(ring);
        done(1);
    }
    TEST("plaintext that is cut never looks whole to the client")
    {
        for (int how = 0; how < 3; how++) {
            edgekit_request(&kit, 1, HTTP_GET, DATA, "");
            grant(7, 0, 9, 10);
            struct ring *ring = supply(7);
            if (how == 2)
                pour(ring, "0123456789+"); /* more than was granted */
            else
                pour(ring, "01234");
            if (how == 0)
                ring_abort(ring);
            if (how == 1)
                CHECK_EQ(ring_eof(ring), ERR_OK);
            edgekit_run(&kit);
            /* What came until then was sent, and then the stream was reset. */
            edgekit_run(&kit);
            CHECK(kit.streams[1].reset && !kit.streams[1].finished);
            CHECK_EQ(ended().complete, 0);
            ring_free(ring);
        }
        CHECK(edge_is_idle(kit.edge));
    }
    TEST("a client that leaves stops the sealer")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "");
        grant(8, 0, 9, 10);
        struct ring *ring = supply(8);
        pour(ring, "01234");
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_run(&kit);
        CHECK_EQ(ring_write(ring, SPAN_LIT("x")), ERR_CANCELLED);
        CHECK_EQ(ended().complete, 0);
        ring_free(ring);
        CHECK(edge_is_idle(kit.edge));
    }
    TEST("and so does one that leaves before clerk's word")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "");
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        grant(9, 0, 9, 10);
        CHECK(ended().pull == 9 && ended().complete == 0);
    }
    TEST("clerk's refusal is the answer")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "");
        edgekit_says(&kit, NULL, 404, "not-found", "", 0);
        CHECK_EQ(kit.streams[1].status, 404);
        done(1);
    }
    TEST("a ring nobody waits for is dropped, a second one for a pull is a violation")
    {
        struct ring *stray = supply(40);
        CHECK_EQ(kit.violations, 0);
        ring_free(stray);
        edgekit_request(&kit, 1, HTTP_GET, DATA, "");
        grant(10, 0, 9, 10);
        struct ring *ring = supply(10);
        struct ring *second = supply(10);
        CHECK_EQ(kit.violations, 1);
        ring_free(second);
        ring_free(ring);
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_replace(&kit, ROLE_SEALER);
        kit.violations = 0;
    }
}

static void
test_ranges(void)
{
    TEST("a range is asked for with the size known, and answered 206")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "range: bytes=-4\n");
        CHECK_EQ(asked().what, QUERY_INBOX_ITEM);
        say_item();
        CHECK_EQ(pulled().first, 6);
        CHECK_EQ(pulled().last, 9);
        grant(11, 6, 9, 10);
        CHECK_EQ(kit.streams[1].status, 206);
        CHECK_EQ(kit.streams[1].length, 4);
        CHECK(edgekit_has(&kit, 1, "content-range: bytes 6-9/10\n"));
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_run(&kit);
    }
    TEST("a range outside is 416 with the size, and nothing is opened")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "range: bytes=10-\n");
        say_item();
        CHECK_EQ(kit.streams[1].status, 416);
        CHECK(edgekit_has(&kit, 1, "content-range: bytes */10\n"));
        CHECK_EQ(kit.heard[ROLE_CLERK].type, MSG_QUERY);
        done(1);
    }
    TEST("If-Range of another root gets the whole, of this root the range")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "range: bytes=1-2\nif-range: \"cd\"\n");
        say_item();
        CHECK(pulled().first == 0 && pulled().last == UINT64_MAX);
        grant(12, 0, 9, 10);
        CHECK_EQ(kit.streams[1].status, 200);
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_run(&kit);
        edgekit_request(&kit, 1, HTTP_GET, DATA, "range: bytes=1-2\nif-range: \"" ROOT "\"\n");
        say_item();
        CHECK(pulled().first == 1 && pulled().last == 2);
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_says(&kit, NULL, 404, "not-found", "", 0);
    }
    TEST("who has the dataset already is told so, and nothing is opened")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "if-none-match: \"" ROOT "\"\n");
        say_item();
        CHECK_EQ(kit.streams[1].status, 304);
        CHECK(edgekit_has(&kit, 1, "etag: \"" ROOT "\"\n"));
        CHECK(edgekit_has(&kit, 1, "cache-control: private, no-store\n"));
        CHECK_EQ(kit.heard[ROLE_CLERK].type, MSG_QUERY);
        done(1);
        edgekit_request(&kit, 1, HTTP_GET, DATA, "if-none-match: \"x\", W/\"" ROOT "\"\n");
        say_item();
        CHECK_EQ(kit.streams[1].status, 304);
        done(1);
    }
    TEST("who wants only what it has is told when it is another, and nothing is opened")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "if-match: W/\"" ROOT "\"\nrange: bytes=0-1\n");
        say_item();
        CHECK_EQ(kit.streams[1].status, 412);
        CHECK(edgekit_body_has(&kit, 1, "\"code\":\"precondition-failed\""));
        CHECK_EQ(kit.heard[ROLE_CLERK].type, MSG_QUERY);
        done(1);
        edgekit_request(&kit, 1, HTTP_GET, DATA, "if-match: \"" ROOT "\"\n");
        say_item();
        CHECK(pulled().first == 0 && pulled().last == UINT64_MAX);
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_says(&kit, NULL, 404, "not-found", "", 0);
    }
    TEST("HEAD says what GET would, whatever its Range, and nothing is opened")
    {
        edgekit_request(&kit, 1, HTTP_HEAD, DATA, "range: bytes=90-\n");
        say_item();
        CHECK_EQ(kit.streams[1].status, 200);
        CHECK(kit.streams[1].has_length && kit.streams[1].length == 10);
        CHECK(kit.streams[1].finished && kit.streams[1].body_len == 0);
        CHECK(edgekit_has(&kit, 1, "etag: \"" ROOT "\"\n"));
        CHECK(edgekit_has(&kit, 1, "accept-ranges: bytes\n"));
        CHECK(edgekit_has(&kit, 1, "content-type: application/octet-stream\n"));
        CHECK(edgekit_has(&kit, 1, "content-disposition: attachment; filename*=UTF-8''a%20b\n"));
        CHECK_EQ(kit.heard[ROLE_CLERK].type, MSG_QUERY);
        done(1);
        edgekit_request(&kit, 1, HTTP_HEAD, DATA, "");
        edgekit_says(&kit, NULL, 404, "not-found", "", 0);
        CHECK_EQ(kit.streams[1].status, 404);
        done(1);
    }
    TEST("a condition on something that is not there is answered by clerk")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "range: bytes=0-1\n");
        edgekit_says(&kit, NULL, 404, "not-found", "", 0);
        CHECK_EQ(kit.streams[1].status, 404);
        done(1);
    }
}

static void
test_digest(void)
{
    static const char sha[] =
        "repr-digest: sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:\n";
    TEST("a digest that is wanted is computed in a first pass over the whole")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "want-repr-digest: sha-256=1\n");
        CHECK(pulled().first == 0 && pulled().last == UINT64_MAX);
        grant(20, 0, 9, 10);
        CHECK_EQ(kit.streams[1].status, 0);
        struct ring *ring = supply(20);
        pour(ring, "0123456789");
        CHECK_EQ(ring_eof(ring), ERR_OK);
        edgekit_run(&kit);
        ring_free(ring);
        CHECK_EQ(kit.streams[1].body_len, 0);
        CHECK_EQ(kit.heard[ROLE_CLERK].type, MSG_PULL_OPEN);
        grant(21, 0, 9, 10);
        CHECK_EQ(kit.streams[1].status, 200);
        CHECK(edgekit_has(&kit, 1, sha));
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_run(&kit);
    }
    TEST("and is known the next time, also for a range: it is of the whole")
    {
        edgekit_request(&kit, 1, HTTP_GET, DATA, "want-repr-digest: sha-256=1\nrange: bytes=0-0\n");
        say_item();
        CHECK(pulled().first == 0 && pulled().last == 0);
        grant(22, 0, 0, 10);
        CHECK_EQ(kit.streams[1].status, 206);
        CHECK(edgekit_has(&kit, 1, sha));
        edgekit_event(&kit, 1, HTTP_EVENT_ABORT, ERR_CLOSED);
        edgekit_run(&kit);
    }
    TEST("a first pass that is cut gives no digest and no data")
    {
        const char *const other = "/v1/inbox/ff112233445566778899aabbccddeeff/data";
        edgekit_request(&kit, 1, HTTP_GET, other, "want-repr-digest: sha-256=1\n");
        edgekit_says(&kit, NULL, 503, "quarantined", "", 0);
        CHECK_EQ(kit.streams[1].status, 503);
        done(1);
        CHECK(edge_is_idle(kit.edge));
    }
}

int
main(void)
{
    edgekit_start(&kit);
    test_queries();
    test_decisions();
    test_pull();
    test_ranges();
    test_digest();
    edgekit_finish(&kit);
    return test_end();
}
