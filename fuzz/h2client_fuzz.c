/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: h2client_feed h2client_begin h2client_tick */
/* What a peer's gateway may answer to our requests. The first byte is the size of the pieces. Every
 * request ends exactly once, and no more data comes than was granted. */
#include "fuzz/fuzz.h"
#include "gateway/net/h2client.h"

enum { REQUESTS = 3, CREDIT = 5000, BODY = 700 };

struct tally {
    struct h2client *c;
    unsigned ends[REQUESTS];
    unsigned heads[REQUESTS];
    uint64_t data[REQUESTS];
    uint64_t sent[REQUESTS];
};

static struct tally t;

static size_t
which(const void *tag)
{
    const size_t i = (size_t)((const uint64_t *)tag - t.sent);
    FUZZ_MUST(i < REQUESTS);
    return i;
}

static void
on_event(void *ctx, const struct h2client_event *event)
{
    const size_t i = which(event->tag);
    (void)ctx;
    FUZZ_MUST(t.ends[i] == 0);
    switch (event->type) {
    case H2CLIENT_HEAD:
        t.heads[i]++;
        FUZZ_MUST(t.heads[i] == 1 && event->response->status >= 200 &&
                  event->response->status <= 999 &&
                  event->response->header_count <= HTTP_HEADERS_MAX);
        FUZZ_MUST(h2client_grant(t.c, event->stream, CREDIT) == ERR_OK);
        break;
    case H2CLIENT_DATA:
        t.data[i] += event->data.len;
        FUZZ_MUST(t.heads[i] == 1 && event->data.len > 0 && t.data[i] <= CREDIT);
        break;
    case H2CLIENT_END:
        FUZZ_MUST(t.heads[i] == 1);
        t.ends[i]++;
        break;
    case H2CLIENT_ABORT:
        FUZZ_MUST(event->reason != ERR_OK);
        t.ends[i]++;
        break;
    }
}

static enum err
body_read(void *ctx, uint8_t *buf, size_t cap, size_t *ret_len, bool *ret_end)
{
    uint64_t *sent = ctx;
    const uint64_t left = BODY - *sent;
    *ret_len = left < cap ? (size_t)left : cap;
    memset(buf, 'x', *ret_len);
    *sent += *ret_len;
    *ret_end = *sent == BODY;
    return ERR_OK;
}

static void
drain(int64_t now)
{
    do {
        h2client_out_taken(t.c, h2client_out(t.c).len);
        h2client_run(t.c, now);
    } while (h2client_out(t.c).len > 0);
}

static void
begin(size_t i)
{
    struct h2client_request request = {.method = i == 0 ? HTTP_GET : HTTP_PUT,
                                       .authority = SPAN_LIT("peer"),
                                       .target = SPAN_LIT("/corridor/v1/hello"),
                                       .has_body = i != 0,
                                       .has_length = i == 1,
                                       .length = BODY,
                                       .body = {body_read, &t.sent[i]},
                                       .tag = &t.sent[i]};
    uint32_t stream = 0;
    FUZZ_MUST(h2client_begin(t.c, &request, &stream) == ERR_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct h2client_config config = h2client_config_default();
    int64_t now = 0;
    if (len < 1 || len > 65536)
        return 0;
    memset(&t, 0, sizeof(t));
    config.event = on_event;
    FUZZ_MUST(h2client_new(&config, 0, &t.c) == ERR_OK);
    for (size_t i = 0; i < REQUESTS; i++)
        begin(i);
    drain(now);
    struct span in = span_of(data + 1, len - 1);
    while (in.len > 0 && !h2client_is_closing(t.c)) {
        const size_t piece = (size_t)data[0] * 16 + 1;
        const size_t take = in.len < piece ? in.len : piece;
        const enum err err = h2client_feed(t.c, span_of(in.ptr, take), now);
        drain(now);
        FUZZ_MUST(err == ERR_OK || h2client_is_closing(t.c));
        in = span_from(in, take);
        now += 7;
        if (h2client_tick(t.c, now) != ERR_OK)
            break;
    }
    if (data[0] % 2 == 0)
        h2client_eof(t.c);
    drain(now);
    h2client_free(t.c);
    for (size_t i = 0; i < REQUESTS; i++)
        FUZZ_MUST(t.ends[i] == 1);
    return 0;
}
