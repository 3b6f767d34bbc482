/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/h2server.h"

#include "tests/unit/net/h2peer.h"

static void
test_requests(void)
{
    TEST("a request is given with its head, answered, and done")
    {
        start(HTTP_CREDIT_ALL, true);
        head("GET", "/a?b=c");
        field("x-one", "1");
        send_head(1, true);
        CHECK_EQ(flow(), ERR_OK);
        CHECK(strcmp(rec.text, "GET /a ? b=c @ gw body=0 known=1 length=0 expect=0\nx-one=1\nEND\n"
                               "DONE\n") == 0);
        const struct seen seen = look();
        CHECK_EQ(seen.data, 2);
        CHECK_EQ(seen.ends, 1);
        CHECK(!h2server_is_closing(h2) && h2server_is_idle(h2));
        stop();
    }
    TEST("every cut of an exchange gives the same events")
    {
        static uint8_t all[8192];
        static char whole[HTTPREC_TEXT_MAX];
        start(HTTP_CREDIT_ALL, true);
        request(1, "PUT", "/1", false);
        frame(DATA, 0, 1, "hello ", 6);
        request(3, "POST", "/2", false);
        frame(DATA, END_STREAM, 1, "world", 5);
        frame(DATA, END_STREAM, 3, "x", 1);
        const size_t len = wire_len;
        memcpy(all, wire, len);
        CHECK_EQ(flow(), ERR_OK);
        memcpy(whole, rec.text, rec.len + 1);
        CHECK_EQ(rec.dones, 2);
        stop();
        for (size_t cut = 0; cut <= len; cut++) {
            start(HTTP_CREDIT_ALL, true);
            wire_len = 0;
            const size_t step = cut == len ? 1 : SIZE_MAX;
            size_t at = cut == len ? 0 : cut;
            put(all, at);
            CHECK_EQ(flow(), ERR_OK);
            for (; at < len; at += step == 1 ? 1 : len) {
                put(all + at, step == 1 ? 1 : len - at);
                CHECK_EQ(flow(), ERR_OK);
            }
            CHECK_EQ(rec.dones, 2);
            CHECK(cut == len || cut > 150 || strlen(rec.text) == strlen(whole));
            stop();
        }
    }
    TEST("an answer before the end of the body asks for the rest not to be sent")
    {
        start(0, false);
        rec.early = true;
        request(1, "PUT", "/", false);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(rec.dones, 1);
        CHECK_EQ(look().frames[RST_STREAM], 0);
        frame(DATA, 0, 1, "late", 4); /* thrown away */
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(rec.data_bytes, 0);
        CHECK_EQ(h2server_deadline(h2), now + 1000);
        now += 1000;
        h2server_tick(h2, now);
        drain();
        CHECK_EQ(look().last_rst, NO_ERROR);
        stop();
    }
    TEST("a cancelled request is aborted, and a cut connection aborts all")
    {
        start(0, false);
        request(1, "PUT", "/", false);
        request(3, "PUT", "/", false);
        frame_u32(RST_STREAM, 1, 8);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(rec.aborts, 1);
        CHECK_EQ(rec.last_reason, ERR_CANCELLED);
        h2server_eof(h2);
        CHECK_EQ(rec.aborts, 2);
        CHECK_EQ(rec.last_reason, ERR_SHORT);
        CHECK(h2server_is_closing(h2));
        stop();
    }
}

static void
check_refused(int status)
{
    send_head(1, true);
    CHECK_EQ(flow(), ERR_OK);
    CHECK_EQ(rec.heads, 0);
    CHECK_EQ(status_of_head(), status);
    stop();
}

/* nghttp2 refuses these itself: RST_STREAM, and no request. */
static void
check_reset(void)
{
    send_head(1, true);
    CHECK_EQ(flow(), ERR_OK);
    CHECK_EQ(rec.heads, 0);
    CHECK_EQ(look().last_rst, PROTOCOL_ERROR);
    stop();
}

static void
test_heads(void)
{
    static char big[HTTP_HEAD_BYTES_MAX + 100];
    TEST("heads that another server could read otherwise are refused")
    {
        static const char *const bad_paths[] = {"x", "*", "/#f", "/a\\b"};
        for (size_t i = 0; i < sizeof(bad_paths) / sizeof(bad_paths[0]); i++) {
            start(0, false);
            head("GET", bad_paths[i]);
            if (bad_paths[i][0] == '/')
                check_refused(400);
            else
                check_reset();
        }
        static const char *const bad_fields[][2] = {
            {"connection", "close"}, {"transfer-encoding", "chunked"},
            {"upgrade", "h2c"},      {"X-Upper", "1"},
            {"x", "a\r\nb: c"},      {":path", "/2"},
            {":bad", "1"},           {"te", "gzip"},
            {"content-length", "+1"}};
        for (size_t i = 0; i < sizeof(bad_fields) / sizeof(bad_fields[0]); i++) {
            start(0, false);
            head("GET", "/");
            field(bad_fields[i][0], bad_fields[i][1]);
            check_reset();
        }
        start(0, false);
        head("GET", "/");
        field("host", "other");
        check_refused(400);
        start(0, false);
        head("BREW", "/");
        check_refused(501);
        start(0, false);
        block.len = 0;
        field(":method", "GET");
        field(":scheme", "http");
        field(":authority", "gw");
        field(":path", "/");
        check_refused(400);
        start(0, false);
        block.len = 0;
        field(":method", "GET");
        field(":scheme", "https");
        field(":path", "/");
        field(":authority", "u@gw");
        check_refused(400);
    }
    TEST("a list of 65 headers and one above 16 KiB are 431, the third ends the connection")
    {
        start(0, false);
        head("GET", "/");
        for (int i = 0; i < 65; i++)
            field("x", "1");
        check_refused(431);
        memset(big, 'v', sizeof(big) - 1);
        start(0, false);
        for (uint32_t i = 0; i < 3; i++) {
            /* split: a frame holds 16,384 bytes at most */
            head("GET", "/");
            field("x-big", big);
            frame(HEADERS, END_STREAM, 1 + 2 * i, block.bytes, 16000);
            frame(CONTINUATION, END_HEADERS, 1 + 2 * i, block.bytes + 16000, block.len - 16000);
            CHECK_EQ(flow(), i < 2 ? ERR_OK : ERR_PROTOCOL);
        }
        CHECK_EQ(rec.heads, 0);
        CHECK_EQ(look().goaway, ENHANCE_YOUR_CALM);
        CHECK(h2server_is_closing(h2));
        stop();
    }
    TEST("a body that is not as long as it said is aborted")
    {
        start(HTTP_CREDIT_ALL, true);
        head("PUT", "/");
        field("content-length", "5");
        send_head(1, false);
        frame(DATA, END_STREAM, 1, "1234", 4);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(rec.ends, 0);
        CHECK_EQ(rec.aborts, 1);
        stop();
    }
}

static void
test_windows(void)
{
    static uint8_t bytes[16384];
    struct h2server_config config = h2server_config_default();
    config.stream_window = 65535;
    config.connection_window = 65535;
    config.window_max = 65535;
    TEST("windows open as bytes leave towards the consumer, and by exactly as many")
    {
        start_with(&config, 0, false);
        request(1, "PUT", "/", false);
        for (int i = 0; i < 4; i++)
            frame(DATA, 0, 1, bytes, i < 3 ? sizeof(bytes) : sizeof(bytes) - 1);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(rec.data_bytes, 0);
        CHECK_EQ(look().stream_update, 0);
        CHECK(!h2server_wants_run(h2));
        /* Credit from outside feed: the owner is told, and the update is not forgotten. */
        woken = false;
        CHECK_EQ(h2server_grant(h2, 1, 40000), ERR_OK);
        CHECK(woken && h2server_wants_run(h2));
        drain();
        CHECK_EQ(rec.data_bytes, 40000);
        CHECK_EQ(look().stream_update, 40000);
        CHECK_EQ(look().connection_update, 40000);
        CHECK_EQ(h2server_grant(h2, 1, 40000), ERR_OK);
        drain();
        CHECK_EQ(rec.data_bytes, 65535);
        CHECK(look().stream_update <= 65535); /* nghttp2 gathers small updates */
        stop();
    }
    TEST("a peer that sends beyond the window breaks the protocol")
    {
        start_with(&config, 0, false);
        frame(SETTINGS, ACK, 0, NULL, 0);
        request(1, "PUT", "/", false);
        for (int i = 0; i < 5; i++)
            frame(DATA, 0, 1, bytes, sizeof(bytes));
        (void)flow();
        const struct seen seen = look();
        CHECK(seen.goaway != UINT32_MAX || seen.frames[RST_STREAM] > 0);
        CHECK(rec.aborts == 1);
        stop();
    }
    TEST("bytes of a stream that is gone open the connection's window again")
    {
        start_with(&config, 0, false);
        request(1, "PUT", "/", false);
        for (int i = 0; i < 3; i++)
            frame(DATA, 0, 1, bytes, sizeof(bytes));
        frame_u32(RST_STREAM, 1, 8);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(look().connection_update, 3 * sizeof(bytes));
        stop();
    }
    TEST("a window grows while its peer fills it, within the budget, and gives it back")
    {
        config.window_max = 1 << 20;
        start_with(&config, HTTP_CREDIT_ALL, false);
        now += 50;
        frame(PING, ACK, 0, "\0\0\0\0\0\0\0\0", 8); /* a round trip of 50 ms */
        request(1, "PUT", "/", false);
        for (int i = 0; i < 40; i++) {
            frame(DATA, 0, 1, bytes, sizeof(bytes));
            now += 10;
            CHECK_EQ(flow(), ERR_OK);
        }
        CHECK(budget.used >= 4 * 65535 && budget.used <= 1 << 20);
        CHECK(look().stream_update > 40 * sizeof(bytes));
        stop();
        start_with(&config, HTTP_CREDIT_ALL, false);
        budget.limit = budget.used;
        now += 50;
        frame(PING, ACK, 0, "\0\0\0\0\0\0\0\0", 8);
        request(1, "PUT", "/", false);
        for (int i = 0; i < 40; i++) {
            frame(DATA, 0, 1, bytes, sizeof(bytes));
            CHECK_EQ(flow(), ERR_OK);
        }
        CHECK_EQ(budget.used, budget.limit);
        CHECK_EQ(look().stream_update, 40 * sizeof(bytes));
        stop();
    }
}

static void
test_answers(void)
{
    static uint8_t bytes[192 * 1024];
    size_t len = 0;
    TEST("a long answer waits for the peer's window and goes on when it opens")
    {
        const struct http_response r = {.status = 200};
        start(0, false);
        request(1, "GET", "/", true);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(h2server_write(h2, 1, SPAN_LIT("x"), &len), ERR_STATE);
        CHECK_EQ(h2server_respond(h2, 1, &r), ERR_OK);
        CHECK_EQ(h2server_respond(h2, 1, &r), ERR_STATE);
        CHECK_EQ(h2server_write(h2, 1, span_of(bytes, sizeof(bytes)), &len), ERR_OK);
        CHECK(len > 65535 && len < sizeof(bytes));
        CHECK_EQ(h2server_write(h2, 1, SPAN_LIT("x"), &len), ERR_AGAIN);
        drain();
        CHECK_EQ(look().data, 65535);
        CHECK(strstr(rec.text, "WRITABLE") == NULL);
        frame_u32(WINDOW_UPDATE, 1, 1 << 20);
        frame_u32(WINDOW_UPDATE, 0, 1 << 20);
        CHECK_EQ(flow(), ERR_OK);
        CHECK(strstr(rec.text, "WRITABLE") != NULL);
        CHECK_EQ(h2server_write(h2, 1, SPAN_LIT("x"), &len), ERR_OK);
        CHECK_EQ(h2server_finish(h2, 1), ERR_OK);
        drain();
        CHECK_EQ(rec.dones, 1);
        CHECK_EQ(h2server_finish(h2, 1), ERR_NOT_FOUND);
        stop();
    }
    TEST("an answer shorter than its length never looks complete")
    {
        const struct http_response r = {.status = 200, .has_length = true, .length = 5};
        start(0, false);
        request(1, "GET", "/", true);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(h2server_respond(h2, 1, &r), ERR_OK);
        CHECK_EQ(h2server_write(h2, 1, SPAN_LIT("123456"), &len), ERR_RANGE);
        CHECK_EQ(h2server_write(h2, 1, SPAN_LIT("1234"), &len), ERR_OK);
        CHECK_EQ(h2server_finish(h2, 1), ERR_SHORT);
        drain();
        CHECK_EQ(look().ends, 0);
        CHECK_EQ(look().frames[RST_STREAM], 1);
        stop();
    }
    TEST("informational answers follow the same rule as in HTTP/1.1")
    {
        const struct http_response hundred = {.status = 100};
        const struct http_response resume = {.status = 104};
        start(0, false);
        head("PUT", "/");
        field("expect", "100-continue");
        send_head(1, false);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(h2server_inform(h2, 1, &hundred), ERR_OK);
        CHECK_EQ(h2server_inform(h2, 1, &resume), ERR_DENIED);
        CHECK_EQ(h2server_inform(h2, 3, &resume), ERR_NOT_FOUND);
        drain();
        CHECK_EQ(look().frames[HEADERS], 1);
        const struct http_response ok = {.status = 204};
        CHECK_EQ(h2server_respond(h2, 1, &hundred), ERR_RANGE);
        CHECK_EQ(h2server_respond(h2, 1, &ok), ERR_OK);
        CHECK_EQ(h2server_inform(h2, 1, &hundred), ERR_STATE);
        CHECK_EQ(h2server_reset(h2, 1), ERR_OK);
        CHECK_EQ(h2server_reset(h2, 1), ERR_NOT_FOUND);
        CHECK_EQ(rec.last_reason, ERR_CANCELLED);
        stop();
    }
}

static void
test_deadlines(void)
{
    TEST("a head in pieces, silence and idleness each have their end")
    {
        start(0, false);
        head("GET", "/");
        frame(HEADERS, END_STREAM, 1, block.bytes, block.len);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(h2server_deadline(h2), now + 10000);
        h2server_tick(h2, now + 9999);
        CHECK(!h2server_is_closing(h2));
        h2server_tick(h2, now + 10000);
        drain();
        CHECK(h2server_is_closing(h2));
        CHECK_EQ(look().goaway, ENHANCE_YOUR_CALM);
        stop();
        start(0, false);
        wire_len = 0;
        h2server_tick(h2, now + 10000);
        CHECK(h2server_is_closing(h2));
        stop();
        start(HTTP_CREDIT_ALL, true);
        request(1, "GET", "/", true);
        CHECK_EQ(flow(), ERR_OK);
        h2server_tick(h2, now + 59999);
        CHECK(!h2server_is_closing(h2));
        h2server_tick(h2, now + 60000);
        drain();
        CHECK_EQ(look().goaway, NO_ERROR);
        stop();
    }
    TEST("a body below the least rate is refused, a reader that takes nothing is dropped")
    {
        static uint8_t bytes[100000];
        size_t len = 0;
        start(HTTP_CREDIT_ALL, false);
        request(1, "PUT", "/", false);
        CHECK_EQ(flow(), ERR_OK);
        h2server_tick(h2, now + 9999);
        CHECK_EQ(rec.aborts, 0);
        h2server_tick(h2, now + 10000);
        drain();
        CHECK_EQ(rec.last_reason, ERR_TIMEOUT);
        CHECK_EQ(status_of_head(), 503);
        stop();
        start(0, false);
        const struct http_response r = {.status = 200};
        request(1, "GET", "/", true);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(h2server_respond(h2, 1, &r), ERR_OK);
        CHECK_EQ(h2server_write(h2, 1, span_of(bytes, sizeof(bytes)), &len), ERR_OK);
        drain();
        now += 10000;
        h2server_tick(h2, now); /* the window that held the first 64 KiB */
        now += 10000;
        h2server_tick(h2, now);
        CHECK_EQ(rec.last_reason, ERR_TIMEOUT);
        stop();
    }
    TEST("a draining connection finishes what it has and then ends")
    {
        start(HTTP_CREDIT_ALL, true);
        request(1, "PUT", "/", false);
        CHECK_EQ(flow(), ERR_OK);
        h2server_drain(h2);
        drain();
        CHECK(!h2server_is_closing(h2));
        frame(DATA, END_STREAM, 1, "x", 1);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(rec.dones, 1);
        CHECK(h2server_is_closing(h2));
        stop();
    }
}

int
main(void)
{
    test_requests();
    test_heads();
    test_windows();
    test_answers();
    test_deadlines();
    return test_end();
}
