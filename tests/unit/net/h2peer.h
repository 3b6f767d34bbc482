/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/2 peer made of bytes: frames and header blocks by hand, so that it can do what no
 * library would, and a reader of the frames the server sends. One server at a time. */
#ifndef TDZ_TESTS_UNIT_NET_H2PEER_H
#define TDZ_TESTS_UNIT_NET_H2PEER_H

#include "gateway/net/h2server.h"
#include "tests/test.h"
#include "tests/unit/net/h2bytes.h"
#include "tests/unit/net/httprec.h"

static struct httprec rec;
static struct h2server *h2;
static struct h2server_budget budget;
static int64_t now;
static bool woken;
static uint8_t got[8 << 20]; /* from the server */
static size_t got_len;

UNUSED static enum err
op_grant(void *engine, uint32_t stream, uint64_t bytes)
{
    return h2server_grant(engine, stream, bytes);
}

UNUSED static enum err
op_respond(void *engine, uint32_t stream, const struct http_response *response)
{
    return h2server_respond(engine, stream, response);
}

UNUSED static enum err
op_write(void *engine, uint32_t stream, struct span bytes, size_t *ret_len)
{
    return h2server_write(engine, stream, bytes, ret_len);
}

UNUSED static enum err
op_finish(void *engine, uint32_t stream)
{
    return h2server_finish(engine, stream);
}

static const struct httprec_ops ops = {op_grant, op_respond, op_write, op_finish};

UNUSED static void
on_wake(void *ctx)
{
    (void)ctx;
    woken = true;
}

UNUSED static void
start_with(const struct h2server_config *base, uint64_t credit, bool answers)
{
    struct h2server_config config = *base;
    now = 1000;
    budget = (struct h2server_budget){.limit = 128 << 20};
    config.sink = (struct http_sink){httprec_event, &rec};
    config.wake = on_wake;
    config.budget = &budget;
    CHECK_EQ(h2server_new(&config, now, &h2), ERR_OK);
    httprec_reset(&rec);
    rec.ops = &ops;
    rec.engine = h2;
    rec.credit = credit;
    rec.answers = answers;
    rec.early = false;
    wire_len = 0;
    got_len = 0;
    woken = false;
    put("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    frame(SETTINGS, 0, 0, NULL, 0);
}

UNUSED static void
start(uint64_t credit, bool answers)
{
    const struct h2server_config config = h2server_config_default();
    start_with(&config, credit, answers);
}

UNUSED static void
drain(void)
{
    for (;;) {
        h2server_run(h2, now);
        const struct span out = h2server_out(h2);
        if (out.len == 0)
            return;
        CHECK(out.len <= sizeof(got) - got_len);
        memcpy(got + got_len, out.ptr, out.len);
        got_len += out.len;
        h2server_out_taken(h2, out.len);
    }
}

UNUSED static enum err
flow(void)
{
    const enum err err = h2server_feed(h2, span_of(wire, wire_len), now);
    wire_len = 0;
    drain();
    return err;
}

UNUSED static void
stop(void)
{
    h2server_free(h2);
    h2 = NULL;
    CHECK_EQ(budget.used, 0);
    CHECK_EQ(rec.dones + rec.aborts, rec.heads);
}

struct seen {
    unsigned frames[16];
    uint32_t goaway; /* its error code */
    uint64_t data;   /* bytes of DATA */
    uint64_t connection_update;
    uint64_t stream_update;
    unsigned ends;
    uint32_t last_rst;
    char head_text[4096]; /* the bytes of all HEADERS, for literal search */
    size_t head_len;
};

UNUSED static struct seen
look(void)
{
    struct seen seen = {.goaway = UINT32_MAX, .last_rst = UINT32_MAX};
    size_t at = 0;
    while (got_len - at >= 9) {
        const uint8_t *f = got + at;
        const size_t len = (size_t)f[0] << 16 | (size_t)f[1] << 8 | f[2];
        const uint8_t *p = f + 9;
        const uint32_t stream =
            (uint32_t)f[5] << 24 | (uint32_t)f[6] << 16 | (uint32_t)f[7] << 8 | f[8];
        CHECK(at + 9 + len <= got_len && f[3] < 16);
        seen.frames[f[3]]++;
        const uint32_t first =
            len < 4 ? 0 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        if (f[3] == GOAWAY)
            seen.goaway = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7];
        if (f[3] == DATA)
            seen.data += len;
        if (f[3] == RST_STREAM)
            seen.last_rst = first;
        if (f[3] == WINDOW_UPDATE && stream == 0)
            seen.connection_update += first;
        if (f[3] == WINDOW_UPDATE && stream != 0)
            seen.stream_update += first;
        if ((f[3] == DATA || f[3] == HEADERS) && (f[4] & END_STREAM) != 0)
            seen.ends++;
        at += 9 + len;
    }
    return seen;
}

UNUSED static int
status_of_head(void)
{
    static const struct {
        const char *digits;
        int status;
    } known[] = {{"431", 431}, {"501", 501}, {"414", 414}, {"400", 400}, {"503", 503}};
    /* nghttp2 may Huffman-code: find the problem's own text in DATA instead */
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        char text[32];
        const int n = snprintf(text, sizeof(text), "\"status\":%s", known[i].digits);
        if (memmem(got, got_len, text, (size_t)n) != NULL)
            return known[i].status;
    }
    return 0;
}

#endif
