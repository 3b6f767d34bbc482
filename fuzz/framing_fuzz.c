/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: framing_feed framing_skip framing_end */
/* A file fed whole and fed in small pieces gives the same answer at the same offset, and every byte
 * that is used is accounted for. */
#include "crypto/framing.h"
#include "fuzz/fuzz.h"

struct outcome {
    enum err err;
    uint64_t offset;
    uint64_t body_bytes;
    size_t records;
};

static struct outcome
run(struct span in, size_t piece)
{
    struct framing_reader r;
    struct outcome o = {.err = ERR_OK};
    size_t at = 0;
    framing_reader_init(&r);
    while (o.err == ERR_OK && at < in.len) {
        struct span left = span_of(in.ptr + at, in.len - at < piece ? in.len - at : piece);
        enum framing_event event = FRAMING_START;
        while (o.err == ERR_OK && event != FRAMING_MORE) {
            size_t used = 0;
            struct span bytes = span_of(NULL, 0);
            o.err = framing_feed(&r, left, &used, &bytes, &event);
            FUZZ_MUST(used <= left.len);
            left = span_from(left, used);
            at += used;
            if (o.err != ERR_OK)
                break;
            FUZZ_MUST(r.offset == at);
            o.records += event == FRAMING_DONE ? 1 : 0;
            o.body_bytes += event == FRAMING_BYTES ? bytes.len : 0;
        }
    }
    if (o.err == ERR_OK)
        o.err = framing_end(&r);
    o.offset = r.offset;
    FUZZ_MUST(framing_end(&r) == o.err);
    FUZZ_MUST(o.records <= 5);
    return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct outcome whole = run(span_of(data, len), len == 0 ? 1 : len);
    for (size_t piece = 1; piece <= 13; piece += 6) {
        const struct outcome cut = run(span_of(data, len), piece);
        FUZZ_MUST(cut.err == whole.err && cut.offset == whole.offset);
        FUZZ_MUST(cut.body_bytes == whole.body_bytes && cut.records == whole.records);
    }
    return 0;
}
