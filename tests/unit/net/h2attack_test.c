/* SPDX-License-Identifier: Apache-2.0 */
/* The attack table: what a hostile peer may make an HTTP/2 server do before it is sent away. */
#include "tests/unit/net/h2peer.h"

/* Offers up to count units, one by one; returns how many were taken before the end. */
static unsigned
offer(unsigned count, void (*unit)(unsigned))
{
    for (unsigned i = 0; i < count; i++) {
        unit(i);
        if (flow() != ERR_OK || h2server_is_closing(h2))
            return i;
        got_len = got_len > sizeof(got) / 2 ? 0 : got_len;
    }
    return count;
}

static void
unit_rapid_reset(unsigned i)
{
    request(1 + 2 * i, "GET", "/", true);
    frame_u32(RST_STREAM, 1 + 2 * i, 8);
}

static void
unit_made_you_reset(unsigned i)
{
    request(1 + 2 * i, "PUT", "/", false);
    frame_u32(WINDOW_UPDATE, 1 + 2 * i, 0);
}

static void
unit_bad_head(unsigned i)
{
    head("GET", "/");
    field("connection", "close");
    send_head(1 + 2 * i, true);
}

static void
unit_ping(unsigned i)
{
    (void)i;
    frame(PING, 0, 0, "01234567", 8);
}

static void
unit_settings(unsigned i)
{
    (void)i;
    frame(SETTINGS, 0, 0, NULL, 0);
}

static void
unit_empty_data(unsigned i)
{
    if (i == 0)
        request(1, "PUT", "/", false);
    frame(DATA, 0, 1, NULL, 0);
}

static void
unit_priority(unsigned i)
{
    (void)i;
    frame(PRIORITY, 0, 1, "\0\0\0\3\1", 5);
}

static void
unit_unknown(unsigned i)
{
    (void)i;
    frame(0x42, 0, 0, "x", 1);
}

static void
unit_tiny_window(unsigned i)
{
    if (i == 0)
        request(1, "PUT", "/", false);
    frame_u32(WINDOW_UPDATE, 1, 1);
}

static void
unit_empty_continuation(unsigned i)
{
    if (i == 0) {
        head("GET", "/");
        frame(HEADERS, END_STREAM, 1, block.bytes, block.len);
    }
    frame(CONTINUATION, 0, 1, NULL, 0);
}

static void
unit_continuation(unsigned i)
{
    if (i == 0) {
        head("GET", "/");
        frame(HEADERS, END_STREAM, 1, block.bytes, block.len);
    }
    block.len = 0;
    char value[400];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = 0;
    field("x", value);
    frame(CONTINUATION, 0, 1, block.bytes, block.len);
}

static void
check_attack(const char *name, void (*unit)(unsigned), unsigned low, unsigned high)
{
    start(0, false);
    const unsigned taken = offer(20000, unit);
    if (taken < low || taken > high)
        printf("# %s: %u taken\n", name, taken);
    CHECK(taken >= low && taken <= high);
    CHECK(h2server_is_closing(h2));
    CHECK(look().goaway != UINT32_MAX);
    stop();
}

static void
test_attacks(void)
{
    TEST("the attack table: each flood ends the connection at its limit, never before its burst")
    {
        check_attack("rapid reset", unit_rapid_reset, 999, 1001);
        check_attack("made you reset", unit_made_you_reset, 0, 1001);
        check_attack("bad heads", unit_bad_head, 900, 1001);
        check_attack("ping", unit_ping, 95, 100);
        check_attack("settings", unit_settings, 30, 100);
        check_attack("empty data", unit_empty_data, 95, 100);
        check_attack("priority", unit_priority, 95, 100);
        check_attack("unknown frames", unit_unknown, 95, 100);
        check_attack("tiny window updates", unit_tiny_window, 95, 100);
        check_attack("continuation", unit_continuation, 1, 16);
        check_attack("empty continuation", unit_empty_continuation, 1, 9);
    }
    TEST("a calm peer that pings every twenty seconds is never punished")
    {
        start(0, false);
        request(1, "PUT", "/", false);
        for (int i = 0; i < 1000; i++) {
            now += 20000;
            unit_ping(0);
            CHECK_EQ(flow(), ERR_OK);
        }
        stop();
    }
    TEST("more than a hundred streams at once are refused, the hundred go on")
    {
        start(HTTP_CREDIT_ALL, true);
        frame(SETTINGS, ACK, 0, NULL, 0);
        for (uint32_t i = 0; i < 101; i++)
            request(1 + 2 * i, "PUT", "/", false);
        (void)flow();
        CHECK_EQ(rec.heads, 100);
        stop();
    }
    TEST("an HPACK bomb is decoded no further than its limit and then ends the connection")
    {
        static char value[4000];
        memset(value, 'b', sizeof(value) - 1);
        start(0, false);
        head("GET", "/");
        block.bytes[block.len++] = 0x40; /* with indexing: entry 62 */
        hpack_string("x", 1);
        hpack_string(value, strlen(value));
        send_head(1, true);
        CHECK_EQ(flow(), ERR_OK);
        CHECK_EQ(rec.heads, 1);
        uint32_t stream = 3;
        enum err err = ERR_OK;
        for (; err == ERR_OK && stream < 100; stream += 2) {
            head("GET", "/");
            memset(block.bytes + block.len, 0xbe, 3000);
            block.len += 3000;
            send_head(stream, true);
            err = flow();
        }
        CHECK_EQ(err, ERR_PROTOCOL);
        CHECK_EQ(stream, 9);
        CHECK_EQ(look().goaway, ENHANCE_YOUR_CALM);
        stop();
    }
}

int
main(void)
{
    test_attacks();
    return test_end();
}
