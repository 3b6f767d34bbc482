/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: h1_feed h1head_parse h1chunk_feed */
/* The first byte is the size of the pieces the rest is fed in: the events must be the same as those
 * of the rest fed whole, and every stream must end exactly once. */
#include "fuzz/fuzz.h"
#include "gateway/net/h1.h"

struct tally {
    struct h1 *h1;
    uint64_t events; /* hash of all events, data joined */
    uint64_t data;   /* bytes of the stream under way */
    uint32_t open;
};

static void
mix(struct tally *t, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < len; i++)
        t->events = (t->events ^ p[i]) * UINT64_C(1099511628211);
}

static void
on_event(void *ctx, const struct http_event *event)
{
    struct tally *t = ctx;
    const struct http_response ok = {.status = 204};
    if (event->type == HTTP_EVENT_DATA) {
        FUZZ_MUST(t->open == event->stream && event->data.len > 0);
        t->data += event->data.len;
        mix(t, event->data.ptr, event->data.len);
        return;
    }
    mix(t, &event->type, sizeof(event->type));
    if (event->type == HTTP_EVENT_HEAD) {
        FUZZ_MUST(t->open == 0);
        t->open = event->stream;
        t->data = 0;
        for (size_t i = 0; i < event->head->header_count; i++) {
            FUZZ_MUST(http_is_name(event->head->headers[i].name));
            FUZZ_MUST(http_is_value(event->head->headers[i].value));
        }
        mix(t, event->head->target.ptr, event->head->target.len);
        FUZZ_MUST(http_is_authority(event->head->authority));
        FUZZ_MUST(h1_grant(t->h1, event->stream, HTTP_CREDIT_ALL) == ERR_OK);
        return;
    }
    FUZZ_MUST(t->open == event->stream);
    if (event->type == HTTP_EVENT_END) {
        FUZZ_MUST(!event->head->has_length || event->head->length == t->data);
        FUZZ_MUST(h1_respond(t->h1, event->stream, &ok) == ERR_OK);
        FUZZ_MUST(h1_finish(t->h1, event->stream) == ERR_OK);
    } else {
        FUZZ_MUST(event->type == HTTP_EVENT_DONE || event->type == HTTP_EVENT_ABORT);
        t->open = 0;
    }
}

static uint64_t
run(struct span in, size_t piece)
{
    struct tally t = {.events = 1};
    const struct http_limits limits = http_limits_default();
    const struct http_sink sink = {on_event, &t};
    FUZZ_MUST(h1_new(&limits, &sink, 0, &t.h1) == ERR_OK);
    while (in.len > 0 && !h1_is_closing(t.h1)) {
        size_t used = 0;
        const size_t len = in.len < piece ? in.len : piece;
        const enum err err = h1_feed(t.h1, span_of(in.ptr, len), 0, &used);
        FUZZ_MUST(used <= len && (used > 0 || err == ERR_OK));
        FUZZ_MUST(err == ERR_OK || h1_is_closing(t.h1));
        const size_t out = h1_out(t.h1).len;
        mix(&t, h1_out(t.h1).ptr, out);
        h1_out_taken(t.h1, out, 0);
        FUZZ_MUST(used > 0 || out > 0);
        in = span_from(in, used);
    }
    h1_free(t.h1);
    FUZZ_MUST(t.open == 0);
    return t.events;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1 || len > 65536)
        return 0;
    const struct span in = span_of(data + 1, len - 1);
    FUZZ_MUST(run(in, SIZE_MAX) == run(in, (size_t)data[0] + 1));
    return 0;
}
