/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/bytemask.h"

#include "inspect/normal.h"
#include "inspect/tokscan.h"
#include "tests/unit/inspect/inspected.h"

enum { BLOCKS = 4, BYTES = BLOCKS * BYTEMASK_BYTES };

static uint8_t text[BYTES];

/* Bytes that matter, mostly; sometimes a whole identifier. */
static void
fill(size_t len)
{
    static const char marks[] = "0123456789012345678901234567890123456789 --,\r\n\"@AKIS.x\xc2\xa0"
                                "\xe2\x80\xe3\xef\xbc\x91\xe4\t\f\x7f\x01";
    for (size_t i = 0; i < len; i++) {
        const uint64_t any = inspected_random(20);
        text[i] = any == 0 ? (uint8_t)inspected_random(256)
                           : (uint8_t)marks[inspected_random(sizeof(marks) - 1)];
    }
    struct inspected_text t = {.buf = (char *)text, .cap = sizeof(text)};
    const uint64_t kind = inspected_random(8);
    t.len = inspected_random(len);
    if (t.len + 40 > len || kind > 4)
        return;
    const size_t from = t.len;
    if (kind <= 1)
        inspected_mykad(&t, kind == 1);
    else if (kind == 2)
        inspected_prc(&t);
    else if (kind == 3)
        inspected_card(&t);
    else
        inspected_put(&t, "AKIAIOSFODNN7EXAMPLE");
    if (from > 0)
        text[from - 1] = ',';
    text[t.len] = ',';
}

static bool
same_masks(enum bytemask_way way)
{
    struct bytemask plain[BLOCKS];
    struct bytemask other[BLOCKS];
    bytemask_make(BYTEMASK_PLAIN, text, BLOCKS, ';', plain);
    bytemask_make(way, text, BLOCKS, ';', other);
    const struct span all = span_of(text, BYTES);
    const size_t clean = bytemask_clean(BYTEMASK_PLAIN, all);
    const size_t seen = bytemask_clean(way, all);
    return memcmp(plain, other, sizeof(plain)) == 0 && seen <= clean &&
           clean - seen < BYTEMASK_BYTES &&
           bytemask_lines(way, all) == bytemask_lines(BYTEMASK_PLAIN, all);
}

/* Every token that the scanner finds in the first 120 bytes, byte by byte, begins at a hot place.
 */
static bool
hot_holds_tokens(enum bytemask_way way, size_t *ret_tokens)
{
    struct bytemask m[BLOCKS + 1] = {0};
    uint64_t hot[2];
    struct tokscan scan;
    struct token token;
    bytemask_make(way, text, BLOCKS, ',', m);
    hot[0] = bytemask_hot(&m[0], &m[1], false);
    hot[1] = bytemask_hot(&m[1], &m[2], m[0].digit >> 63 != 0);
    tokscan_reset(&scan);
    tokscan_feed(&scan, span_of(text, 120), NULL, 0, 0, true);
    while (tokscan_next(&scan, &token)) {
        size_t at = token.at;
        /* An address is found at its mark. */
        if (token.pass == IDENT_BIT(IDENT_EMAIL))
            while (text[at] != '@')
                at++;
        *ret_tokens += 1;
        if (at < 120 && (hot[at / 64] >> at % 64 & 1U) == 0)
            return false;
    }
    return true;
}

static bool
hot_holds_folds(enum bytemask_way way)
{
    struct bytemask m[2] = {0};
    bytemask_make(way, text, 1, ',', m);
    return !normal_needed(span_of(text, 64)) || bytemask_hot(&m[0], &m[1], false) != 0;
}

static void
test_way(enum bytemask_way way)
{
    size_t tokens = 0;
    TEST("every byte gets the bits of the plain way")
    {
        for (unsigned c = 0; c < 256; c++) {
            memset(text, 'x', sizeof(text));
            text[c % BYTES] = (uint8_t)c;
            CHECK(same_masks(way));
        }
        for (unsigned round = 0; round < 20000; round++) {
            fill(BYTES);
            CHECK(same_masks(way));
        }
    }
    TEST("nothing that is found or folded is passed over")
    {
        for (unsigned round = 0; round < 200000; round++) {
            fill(120);
            CHECK(hot_holds_tokens(way, &tokens));
            CHECK(hot_holds_folds(way));
        }
        CHECK(tokens > 50000);
    }
}

int
main(void)
{
    test_way(BYTEMASK_PLAIN);
    for (unsigned way = BYTEMASK_SSE2; way <= BYTEMASK_AVX2; way++) {
        if (bytemask_can((enum bytemask_way)way))
            test_way((enum bytemask_way)way);
        else
            test_skip("the masks of a wider processor", "this one is narrower");
    }
    TEST("the best way is one that this processor can go")
    CHECK(bytemask_can(bytemask_best()) && bytemask_can(BYTEMASK_PLAIN));
    TEST("plain text has no hot place")
    {
        struct bytemask m[BLOCKS + 1] = {0};
        memset(text, 'x', sizeof(text));
        memcpy(text, "2026-11-22T04:18:40Z,12.5,press-071,JAVA,a-b", 44);
        bytemask_make(bytemask_best(), text, BLOCKS, ',', m);
        CHECK_EQ(bytemask_hot(&m[0], &m[1], false), 0);
    }
    return test_end();
}
