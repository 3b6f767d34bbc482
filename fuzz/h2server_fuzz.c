/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: h2server_feed h2stream_field */
/* The first byte is the size of the pieces; bytes behind the preface are the fuzzer's. Every stream
 * ends exactly once, data never exceeds credit, and the budget is given back. */
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "gateway/net/h2server.h"

enum { CREDIT = 5000 };

struct tally {
    struct h2server *h2;
    uint64_t heads;
    uint64_t lasts;
    uint64_t data;
};

static void
on_event(void *ctx, const struct http_event *event)
{
    struct tally *t = ctx;
    const struct http_response ok = {.status = 200};
    size_t len = 0;
    switch (event->type) {
    case HTTP_EVENT_HEAD:
        t->heads++;
        FUZZ_MUST(http_is_authority(event->head->authority));
        FUZZ_MUST(h2server_grant(t->h2, event->stream, CREDIT) == ERR_OK);
        break;
    case HTTP_EVENT_DATA:
        t->data += event->data.len;
        FUZZ_MUST(event->data.len > 0 && t->data <= t->heads * CREDIT);
        break;
    case HTTP_EVENT_END:
        FUZZ_MUST(h2server_respond(t->h2, event->stream, &ok) == ERR_OK);
        FUZZ_MUST(h2server_write(t->h2, event->stream, SPAN_LIT("ok"), &len) == ERR_OK);
        FUZZ_MUST(h2server_finish(t->h2, event->stream) == ERR_OK);
        break;
    case HTTP_EVENT_WRITABLE:
        break;
    case HTTP_EVENT_DONE:
    case HTTP_EVENT_ABORT:
        t->lasts++;
        break;
    }
}

static void
drain(struct tally *t, int64_t now)
{
    do {
        h2server_out_taken(t->h2, h2server_out(t->h2).len);
        h2server_run(t->h2, now);
    } while (h2server_out(t->h2).len > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1 || len > 65536)
        return 0;
    struct tally t = {0};
    struct h2server_budget budget = {.limit = 4 << 20};
    struct h2server_config config = h2server_config_default();
    config.sink = (struct http_sink){on_event, &t};
    config.budget = &budget;
    FUZZ_MUST(h2server_new(&config, 0, &t.h2) == ERR_OK);
    FUZZ_MUST(h2server_feed(t.h2, SPAN_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0) == ERR_OK);
    struct span in = span_of(data + 1, len - 1);
    int64_t now = 0;
    while (in.len > 0 && !h2server_is_closing(t.h2)) {
        const size_t piece = (size_t)data[0] * 16 + 1;
        const size_t take = in.len < piece ? in.len : piece;
        const enum err err = h2server_feed(t.h2, span_of(in.ptr, take), now);
        drain(&t, now);
        FUZZ_MUST(err == ERR_OK || h2server_is_closing(t.h2));
        in = span_from(in, take);
        now += 7;
        h2server_tick(t.h2, now);
    }
    drain(&t, now);
    h2server_free(t.h2);
    FUZZ_MUST(t.heads == t.lasts && budget.used == 0);
    return 0;
}
