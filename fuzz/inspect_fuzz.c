/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: inspection_start inspection_feed inspection_finish findings_json sniff_head csvread_next
 * tokscan_next transform_mask */
/* The first byte chooses actions and declaration, the second seeds the cuts; the rest is a stream.
 * Cut anyhow, into any room, it must give the evidence and the output of one piece. */
#include "crypto/digest.h"
#include "crypto/mac.h"
#include "fuzz/fuzz.h"
#include "inspect/findings.h"
#include "inspect/persons.h"

enum { INPUT_MAX = 256 * 1024, OUT_MAX = 20 * INPUT_MAX };

struct run {
    uint8_t out[OUT_MAX];
    size_t len;
    char json[FINDINGS_JSON_MAX];
    struct span evidence;
};

static struct inspection *inspection;
static struct fieldset fields;
static uint8_t actions[FIELDSET_MAX];
static struct run whole;
static struct run cut;
static uint32_t seed;

static uint32_t
next(uint32_t below)
{
    seed = seed * 1664525U + 1013904223U;
    return (seed >> 8) % below;
}

static void
once(void)
{
    static const char *const schema =
        "{\"format\":\"csv\",\"additional\":\"allow\",\"fields\":["
        "{\"name\":\"a\",\"type\":\"s\",\"x-class\":\"personal\",\"x-identifier\":\"mykad\"},"
        "{\"name\":\"b\",\"type\":\"s\",\"x-class\":\"personal\",\"x-identifier\":\"email\"},"
        "{\"name\":\"c\",\"type\":\"s\",\"x-class\":\"health\",\"pseudonymised\":true},"
        "{\"name\":\"d\",\"type\":\"s\",\"x-class\":\"business\"}]}";
    if (inspection != NULL)
        return;
    FUZZ_MUST(digest_init() == ERR_OK && mac_init() == ERR_OK);
    FUZZ_MUST(fieldset_load(&fields, span_str(schema), NULL) == ERR_OK);
    FUZZ_MUST(inspection_new(10000, &inspection) == ERR_OK);
}

static void
run(const struct inspection_config *config, struct span in, bool cuts, struct run *ret)
{
    enum err err = inspection_start(inspection, config);
    size_t len = 0;
    FUZZ_MUST(err == ERR_OK);
    ret->len = 0;
    while (in.len > 0) {
        const size_t take = cuts ? 1 + next(in.len > 4096 ? 9000 : 40) : in.len;
        struct span now = span_of(in.ptr, take < in.len ? take : in.len);
        do {
            size_t used = 0;
            const size_t room = cuts ? 1 + next(in.len > 4096 ? 9000 : 60) : OUT_MAX - ret->len;
            FUZZ_MUST(room <= OUT_MAX - ret->len);
            err = inspection_feed(inspection, now, &used, ret->out + ret->len, room, &len);
            FUZZ_MUST(err == ERR_OK || (err == ERR_AGAIN && cuts));
            FUZZ_MUST(used <= now.len && len <= room);
            now = span_from(now, used);
            in = span_from(in, used);
            ret->len += len;
        } while (err == ERR_AGAIN);
    }
    do {
        const size_t room = cuts ? 1 + next(50) : OUT_MAX - ret->len;
        FUZZ_MUST(room <= OUT_MAX - ret->len);
        err = inspection_finish(inspection, ret->out + ret->len, room, &len);
        ret->len += len;
    } while (err == ERR_AGAIN);
    FUZZ_MUST(err == ERR_OK);
    const struct findings *f = findings_of(inspection);
    FUZZ_MUST(f != NULL && f->persons_lower <= f->persons_upper);
    FUZZ_MUST(findings_json(f, ret->json, sizeof(ret->json), &ret->evidence) == ERR_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t key[32] = {9};
    once();
    if (len < 2 || len > INPUT_MAX)
        return 0;
    seed = data[1];
    for (size_t i = 0; i < 4; i++)
        actions[i] = (uint8_t)((data[0] & 0x40U) != 0 ? (data[0] >> i) % 5 : 0);
    const struct span in = span_of(data + 2, len - 2);
    const struct inspection_config config = {
        .stage = (data[0] & 0x20U) != 0 ? INSPECTION_OUT : INSPECTION_IN,
        .fields = (data[0] & 0x80U) != 0 ? &fields : NULL,
        .actions = actions,
        .token_key = key,
        .counting_key = key,
    };
    run(&config, in, false, &whole);
    if (inspection_is_identity(inspection))
        FUZZ_MUST(span_eq(span_of(whole.out, whole.len), in));
    run(&config, in, true, &cut);
    FUZZ_MUST(span_eq(whole.evidence, cut.evidence));
    FUZZ_MUST(span_eq(span_of(whole.out, whole.len), span_of(cut.out, cut.len)));
    return 0;
}
