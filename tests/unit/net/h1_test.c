/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/h1.h"

#include <stdlib.h>

#include "tests/test.h"
#include "tests/unit/net/h1corpus.h"
#include "tests/unit/net/httprec.h"

static struct httprec rec;
static struct h1 *h;
static char sent[256 * 1024]; /* what the client received */
static size_t sent_len;
static int64_t now;

static enum err
op_grant(void *engine, uint32_t stream, uint64_t bytes)
{
    return h1_grant(engine, stream, bytes);
}

static enum err
op_respond(void *engine, uint32_t stream, const struct http_response *response)
{
    return h1_respond(engine, stream, response);
}

static enum err
op_write(void *engine, uint32_t stream, struct span bytes, size_t *ret_len)
{
    return h1_write(engine, stream, bytes, ret_len);
}

static enum err
op_finish(void *engine, uint32_t stream)
{
    return h1_finish(engine, stream);
}

static const struct httprec_ops ops = {op_grant, op_respond, op_write, op_finish};

static void
start(uint64_t credit, bool answers)
{
    const struct http_limits limits = http_limits_default();
    const struct http_sink sink = {httprec_event, &rec};
    now = 1000;
    CHECK_EQ(h1_new(&limits, &sink, now, &h), ERR_OK);
    httprec_reset(&rec);
    rec.ops = &ops;
    rec.engine = h;
    rec.credit = credit;
    rec.answers = answers;
    rec.early = false;
    sent_len = 0;
    sent[0] = 0;
}

static void
flush(void)
{
    const struct span out = h1_out(h);
    CHECK(out.len < sizeof(sent) - sent_len);
    if (out.len > 0)
        memcpy(sent + sent_len, out.ptr, out.len);
    sent_len += out.len;
    sent[sent_len] = 0;
    h1_out_taken(h, out.len, now);
}

/* Feeds all of in, flushing between; what is left over is returned. */
static size_t
feed(struct span in)
{
    for (;;) {
        size_t used = 0;
        if (h1_feed(h, in, now, &used) != ERR_OK) {
            flush();
            return 0;
        }
        flush();
        in = span_from(in, used);
        if (in.len == 0 || used == 0)
            return in.len;
    }
}

static void
stop(void)
{
    h1_free(h);
    h = NULL;
}

static int
status_of(const char *text)
{
    return strncmp(text, "HTTP/1.1 ", 9) == 0
               ? (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0')
               : 0;
}

/* Runs one connection; 0 when it was not refused, else the status of the last answer. */
static int
refusal_of(struct span in)
{
    start(HTTP_CREDIT_ALL, true);
    (void)feed(in);
    const char *last = sent;
    for (const char *at = sent; at != NULL; at = strstr(at + 1, "HTTP/1.1 "))
        last = at;
    const int status = h1_is_closing(h) ? status_of(last) : 0;
    stop();
    return status;
}

/* The same events whatever the cuts: at every place, and byte by byte. */
static void
check_splits(struct span in)
{
    static char whole[HTTPREC_TEXT_MAX];
    static char whole_sent[sizeof(sent)];
    start(HTTP_CREDIT_ALL, true);
    (void)feed(in);
    stop();
    memcpy(whole, rec.text, rec.len + 1);
    memcpy(whole_sent, sent, sent_len + 1);
    for (size_t cut = 0; cut <= in.len; cut++) {
        start(HTTP_CREDIT_ALL, true);
        if (cut == in.len) {
            for (size_t i = 0; i < in.len; i++)
                (void)feed(span_of(in.ptr + i, 1));
        } else if (feed(span_of(in.ptr, cut)) == 0) {
            (void)feed(span_from(in, cut));
        }
        stop();
        CHECK(strcmp(rec.text, whole) == 0);
        CHECK(strcmp(sent, whole_sent) == 0);
    }
}

static void
test_corpus(void)
{
    TEST("each message of the smuggling corpus is read one way or refused")
    {
        for (size_t i = 0; i < sizeof(corpus) / sizeof(corpus[0]); i++) {
            const int status = refusal_of(corpus[i].bytes);
            if (status != corpus[i].status || rec.heads != corpus[i].count)
                printf("# case %zu: %d, %u requests: %.60s\n", i, status, rec.heads,
                       (const char *)corpus[i].bytes.ptr);
            CHECK_EQ(status, corpus[i].status);
            CHECK_EQ(rec.heads, corpus[i].count);
            CHECK_EQ(rec.dones + rec.aborts, rec.heads);
        }
    }
    TEST("every cut of every message of the corpus gives the same events and answers")
    {
        for (size_t i = 0; i < sizeof(corpus) / sizeof(corpus[0]); i++)
            check_splits(corpus[i].bytes);
    }
}

/* A request whose headers take about bytes, in count fields. */
static int
refusal_of_size(size_t bytes, unsigned count, bool in_target)
{
    static char text[40000];
    size_t len = 0;
    len += (size_t)snprintf(text, sizeof(text), "GET /");
    for (size_t i = 0; in_target && i < bytes; i++)
        text[len++] = 'a';
    len += (size_t)snprintf(text + len, sizeof(text) - len, " HTTP/1.1\r\n" HOST);
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "X%u: ", i);
        for (size_t j = 0; !in_target && j < bytes / count; j++)
            text[len++] = 'v';
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
    }
    len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
    return refusal_of(span_of(text, len));
}

static void
test_limits(void)
{
    TEST("64 headers pass and 65 do not, 16 KiB of head pass and more do not")
    {
        CHECK_EQ(refusal_of_size(64, 64, false), 0);
        CHECK_EQ(refusal_of_size(65, 65, false), 431);
        CHECK_EQ(refusal_of_size(16000, 10, false), 0);
        CHECK_EQ(refusal_of_size(16384, 10, false), 431);
        CHECK_EQ(refusal_of_size(8000, 0, true), 0);
        CHECK_EQ(refusal_of_size(8192, 0, true), 414);
        CHECK_EQ(refusal_of_size(20000, 0, true), 414);
    }
    TEST("chunk extensions and trailers are bounded")
    {
        static char text[20000];
        size_t len = (size_t)snprintf(
            text, sizeof(text), "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
        const size_t body = len;
        for (int i = 0; i < 10; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "1;%0500d\r\nx\r\n", 0);
        CHECK_EQ(refusal_of(span_of(text, len)), 400);
        CHECK_EQ(rec.data_bytes, 8);
        len = body;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "1;%01100d\r\nx\r\n", 0);
        CHECK_EQ(refusal_of(span_of(text, len)), 400);
        len = body + (size_t)snprintf(text + body, sizeof(text) - body, "0\r\n");
        for (int i = 0; i < 10; i++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "T: %0500d\r\n", 0);
        CHECK_EQ(refusal_of(span_of(text, len)), 431);
    }
}

static void
test_credit(void)
{
    const struct span body = SPAN_LIT("0123456789");
    size_t used = 0;
    TEST("nothing of a body is read beyond the credit")
    {
        start(0, true);
        CHECK_EQ(feed(SPAN_LIT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n")), 0);
        CHECK_EQ(h1_feed(h, body, now, &used), ERR_OK);
        CHECK_EQ(used, 0);
        CHECK_EQ(h1_grant(h, 1, 4), ERR_OK);
        CHECK_EQ(h1_feed(h, body, now, &used), ERR_OK);
        CHECK_EQ(used, 4);
        CHECK_EQ(h1_grant(h, 1, 1), ERR_OK);
        CHECK_EQ(h1_grant(h, 1, HTTP_CREDIT_ALL), ERR_OK);
        CHECK_EQ(feed(span_from(body, 4)), 0);
        CHECK(strstr(rec.text, "\n0123456789\nEND\nDONE\n") != NULL);
        CHECK_EQ(h1_grant(h, 1, 1), ERR_NOT_FOUND);
        stop();
    }
    TEST("a pipelined request waits for the response before it")
    {
        start(HTTP_CREDIT_ALL, false);
        const struct span two =
            SPAN_LIT("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n");
        const size_t left = feed(two);
        CHECK(left > 0);
        CHECK_EQ(rec.heads, 1);
        const struct http_response r = {.status = 204};
        CHECK_EQ(h1_respond(h, 1, &r), ERR_OK);
        CHECK_EQ(h1_finish(h, 1), ERR_OK);
        CHECK_EQ(h1_feed(h, span_from(two, two.len - left), now, &used), ERR_OK);
        CHECK_EQ(used, 0);
        flush();
        CHECK_EQ(rec.dones, 1);
        CHECK_EQ(feed(span_from(two, two.len - left)), 0);
        CHECK_EQ(rec.heads, 2);
        CHECK(!h1_is_closing(h));
        stop();
        CHECK_EQ(rec.aborts, 1);
        CHECK_EQ(rec.last_reason, ERR_CLOSED);
    }
}

static void
test_responses(void)
{
    size_t len = 0;
    TEST("a response of unknown length is chunked, and HEAD has none")
    {
        const struct http_response r = {.status = 200};
        start(0, false);
        CHECK_EQ(feed(SPAN_LIT("GET / HTTP/1.1\r\n" HOST "\r\n")), 0);
        CHECK_EQ(h1_write(h, 1, SPAN_LIT("x"), &len), ERR_STATE);
        CHECK_EQ(h1_finish(h, 1), ERR_STATE);
        CHECK_EQ(h1_respond(h, 1, &r), ERR_OK);
        CHECK_EQ(h1_respond(h, 1, &r), ERR_STATE);
        CHECK_EQ(h1_write(h, 1, SPAN_LIT("hello world"), &len), ERR_OK);
        CHECK_EQ(h1_finish(h, 1), ERR_OK);
        CHECK_EQ(h1_write(h, 1, SPAN_LIT("x"), &len), ERR_STATE);
        flush();
        CHECK(strcmp(sent, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                           "b\r\nhello world\r\n0\r\n\r\n") == 0);
        sent_len = 0;
        CHECK_EQ(feed(SPAN_LIT("HEAD / HTTP/1.1\r\n" HOST "Connection: a, Close\r\n\r\n")), 0);
        const struct http_response known = {.status = 200, .has_length = true, .length = 5};
        CHECK_EQ(h1_respond(h, 2, &known), ERR_OK);
        CHECK_EQ(h1_finish(h, 2), ERR_OK);
        flush();
        CHECK(strcmp(sent, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n") ==
              0);
        CHECK(h1_is_closing(h));
        CHECK_EQ(rec.dones, 2);
        stop();
    }
    TEST("a body shorter or longer than its length never looks complete")
    {
        const struct http_response r = {.status = 200, .has_length = true, .length = 5};
        start(0, false);
        CHECK_EQ(feed(SPAN_LIT("GET / HTTP/1.1\r\n" HOST "\r\n")), 0);
        CHECK_EQ(h1_respond(h, 1, &r), ERR_OK);
        CHECK_EQ(h1_write(h, 1, SPAN_LIT("123456"), &len), ERR_RANGE);
        CHECK_EQ(h1_write(h, 1, SPAN_LIT("1234"), &len), ERR_OK);
        CHECK_EQ(h1_finish(h, 1), ERR_SHORT);
        CHECK(h1_is_closing(h));
        CHECK_EQ(rec.last_reason, ERR_SHORT);
        stop();
    }
    TEST("a response that would split the message is refused")
    {
        const struct http_header split = {SPAN_LIT("x"), SPAN_LIT("a\r\nb: c")};
        const struct http_header name = {SPAN_LIT("X"), SPAN_LIT("a")};
        const struct http_header ours = {SPAN_LIT("content-length"), SPAN_LIT("1")};
        struct http_response r = {.status = 200, .headers = &split, .header_count = 1};
        start(0, false);
        CHECK_EQ(feed(SPAN_LIT("GET / HTTP/1.1\r\n" HOST "\r\n")), 0);
        CHECK_EQ(h1_respond(h, 1, &r), ERR_SYNTAX);
        r.headers = &name;
        CHECK_EQ(h1_respond(h, 1, &r), ERR_SYNTAX);
        r.headers = &ours;
        CHECK_EQ(h1_respond(h, 1, &r), ERR_SYNTAX);
        r = (struct http_response){.status = 99};
        CHECK_EQ(h1_respond(h, 1, &r), ERR_RANGE);
        r = (struct http_response){.status = 100};
        CHECK_EQ(h1_respond(h, 1, &r), ERR_RANGE);
        r = (struct http_response){.status = 200, .header_count = HTTP_RESPONSE_HEADERS_MAX + 1};
        CHECK_EQ(h1_respond(h, 1, &r), ERR_FULL);
        CHECK_EQ(h1_respond(h, 2, &r), ERR_NOT_FOUND);
        stop();
    }
    TEST("a large response waits for room and says when to go on")
    {
        static uint8_t block[H1_OUT_BYTES];
        const struct http_response r = {.status = 200};
        start(0, false);
        CHECK_EQ(feed(SPAN_LIT("GET / HTTP/1.1\r\n" HOST "\r\n")), 0);
        CHECK_EQ(h1_respond(h, 1, &r), ERR_OK);
        CHECK_EQ(h1_write(h, 1, span_of(block, sizeof(block)), &len), ERR_OK);
        CHECK(len < sizeof(block));
        CHECK_EQ(h1_write(h, 1, span_of(block, 1), &len), ERR_AGAIN);
        CHECK(strstr(rec.text, "WRITABLE") == NULL);
        flush();
        CHECK(strstr(rec.text, "WRITABLE") != NULL);
        CHECK_EQ(h1_write(h, 1, span_of(block, 1), &len), ERR_OK);
        CHECK_EQ(h1_finish(h, 1), ERR_OK);
        flush();
        CHECK_EQ(rec.dones, 1);
        stop();
    }
}

static void
test_early_and_inform(void)
{
    const struct http_response hundred = {.status = 100};
    const struct http_response resume = {.status = 104};
    TEST("100 goes to those who wait for it, 104 to those who know it")
    {
        start(0, false);
        CHECK_EQ(feed(SPAN_LIT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n")), 0);
        CHECK_EQ(h1_inform(h, 1, &hundred), ERR_DENIED);
        CHECK_EQ(h1_inform(h, 1, &resume), ERR_DENIED);
        stop();
        start(0, false);
        CHECK_EQ(feed(SPAN_LIT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n"
                               "Expect: 100-Continue\r\nUpload-Draft-Interop-Version: 8\r\n\r\n")),
                 0);
        CHECK_EQ(h1_inform(h, 1, &hundred), ERR_OK);
        CHECK_EQ(h1_inform(h, 1, &resume), ERR_OK);
        CHECK_EQ(h1_inform(h, 2, &resume), ERR_NOT_FOUND);
        flush();
        CHECK(strcmp(sent, "HTTP/1.1 100 Continue\r\n\r\n"
                           "HTTP/1.1 104 Upload Resumption Supported\r\n\r\n") == 0);
        const struct http_response ok = {.status = 200, .has_length = true};
        CHECK_EQ(h1_respond(h, 1, &ok), ERR_OK);
        CHECK_EQ(h1_inform(h, 1, &resume), ERR_STATE);
        stop();
    }
    TEST("an answer before the end of the body closes the connection after it")
    {
        start(0, false);
        rec.early = true;
        CHECK_EQ(feed(SPAN_LIT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc")), 0);
        CHECK(strstr(sent, "connection: close\r\n") != NULL);
        CHECK(h1_is_closing(h));
        CHECK_EQ(rec.dones, 1);
        stop();
    }
    TEST("an answer at the head of a request without body keeps the connection")
    {
        start(0, false);
        rec.early = true;
        CHECK_EQ(feed(SPAN_LIT("GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST "\r\n")), 0);
        CHECK(strstr(sent, "connection: close") == NULL);
        CHECK_EQ(rec.dones, 2);
        CHECK(!h1_is_closing(h) && h1_is_idle(h));
        h1_drain(h);
        CHECK(h1_is_closing(h));
        stop();
    }
    TEST("a consumer that gives up closes the connection without an answer")
    {
        start(0, false);
        CHECK_EQ(feed(SPAN_LIT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n")), 0);
        CHECK_EQ(h1_reset(h, 7), ERR_NOT_FOUND);
        CHECK_EQ(h1_reset(h, 1), ERR_OK);
        flush();
        CHECK(h1_is_closing(h) && sent_len == 0);
        CHECK_EQ(rec.last_reason, ERR_CANCELLED);
        stop();
    }
}

static void
test_ends_and_deadlines(void)
{
    TEST("a body that is cut is aborted, never ended")
    {
        start(HTTP_CREDIT_ALL, true);
        CHECK_EQ(feed(SPAN_LIT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc")), 0);
        h1_eof(h);
        CHECK_EQ(rec.last_reason, ERR_SHORT);
        CHECK_EQ(rec.ends, 0);
        stop();
        start(HTTP_CREDIT_ALL, true);
        CHECK_EQ(feed(SPAN_LIT("PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\n0\r\n")),
                 0);
        h1_eof(h);
        CHECK_EQ(rec.ends, 0);
        CHECK_EQ(rec.last_reason, ERR_SHORT);
        stop();
    }
    TEST("a client that ends its side after the request still gets the answer")
    {
        start(0, false);
        CHECK_EQ(feed(SPAN_LIT("GET / HTTP/1.1\r\n" HOST "\r\n")), 0);
        h1_eof(h);
        CHECK_EQ(rec.aborts, 0);
        const struct http_response r = {.status = 204};
        CHECK_EQ(h1_respond(h, 1, &r), ERR_OK);
        CHECK_EQ(h1_finish(h, 1), ERR_OK);
        flush();
        CHECK(rec.dones == 1 && h1_is_closing(h));
        stop();
    }
    TEST("a head must be complete within ten seconds of its first byte, drip or not")
    {
        start(0, true);
        for (int i = 0; i < 9; i++) {
            CHECK_EQ(feed(SPAN_LIT("G")), 0);
            now += 1000;
            h1_tick(h, now);
            CHECK(!h1_is_closing(h));
        }
        CHECK_EQ(h1_deadline(h), 11000);
        now += 1000;
        h1_tick(h, now);
        flush();
        CHECK_EQ(status_of(sent), 408);
        CHECK(h1_is_closing(h));
        stop();
        start(0, true);
        h1_tick(h, now + 10000);
        flush();
        CHECK(h1_is_closing(h) && sent_len == 0);
        stop();
    }
    TEST("an idle connection is closed after a minute without a word")
    {
        start(0, true);
        CHECK_EQ(feed(SPAN_LIT("GET / HTTP/1.1\r\n" HOST "\r\n")), 0);
        sent_len = 0;
        h1_tick(h, now + 59999);
        CHECK(!h1_is_closing(h));
        h1_tick(h, now + 60000);
        CHECK(h1_is_closing(h) && sent_len == 0);
        stop();
    }
    TEST("a body below the least rate is refused, but not while we withhold credit")
    {
        size_t used = 0;
        start(0, true);
        CHECK_EQ(feed(SPAN_LIT("PUT / HTTP/1.1\r\n" HOST "Content-Length: 9999\r\n\r\n")), 0);
        h1_tick(h, now + 100000);
        CHECK(!h1_is_closing(h));
        CHECK_EQ(h1_grant(h, 1, 5000), ERR_OK);
        now += 100000;
        h1_tick(h, now);
        static const uint8_t block[1280];
        now += 9999;
        CHECK_EQ(h1_feed(h, span_of(block, sizeof(block)), now, &used), ERR_OK);
        now += 1;
        h1_tick(h, now);
        CHECK(!h1_is_closing(h));
        CHECK_EQ(h1_feed(h, span_of(block, sizeof(block) - 1), now, &used), ERR_OK);
        CHECK_EQ(h1_deadline(h), now + 10000);
        h1_tick(h, now + 10000);
        flush();
        CHECK_EQ(status_of(sent), 503);
        CHECK(h1_is_closing(h));
        CHECK_EQ(rec.last_reason, ERR_TIMEOUT);
        CHECK_EQ(h1_feed(h, span_of(block, 1), now, &used), ERR_TIMEOUT);
        stop();
    }
}

int
main(void)
{
    test_corpus();
    test_limits();
    test_credit();
    test_responses();
    test_early_and_inform();
    test_ends_and_deadlines();
    return test_end();
}
