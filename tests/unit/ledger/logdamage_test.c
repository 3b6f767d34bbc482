/* SPDX-License-Identifier: Apache-2.0 */
/* Log folders that were copied or damaged. */
#include "gateway/ledger/logstore.h"

#include "crypto/digest.h"
#include "gateway/ledger/logpublish.h"
#include "gateway/ledger/segment.h"
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/slurp.h"
#include "tests/test.h"
#include "tests/unit/ledger/logkit.h"

enum { SEGMENT = 64 * 1024 };

static char text[1024];

/* Writes the first `keep` bytes of what is in `have`, without byte `gone` and with `flip` changed,
 * as the only segment; gone, flip SIZE_MAX: none. */
static void
segment_put(const struct kit *kit, const uint8_t *have, size_t keep, size_t gone, size_t flip)
{
    static uint8_t changed[SEGMENT];
    size_t len = 0;
    for (size_t i = 0; i < keep; i++)
        if (i != gone)
            changed[len++] = (uint8_t)(have[i] ^ (i == flip ? 1 : 0));
    (void)snprintf(text, sizeof(text), "%s/segments/000000.seg", kit->path);
    const int fd = open(text, O_WRONLY | O_TRUNC);
    CHECK(fd >= 0 && write(fd, changed, len) == (ssize_t)len);
    (void)close(fd);
}

/* Opens; true when that was as `quarantined` says, with that size, and, if quarantined, left the
 * segment as it was. */
static bool
opens(const struct kit *kit, bool quarantined, uint64_t size)
{
    static uint8_t before[SEGMENT + 1];
    static uint8_t after[SEGMENT + 1];
    struct logstore *log = NULL;
    struct logstore_head head;
    const struct span was = slurp(before, sizeof(before), kit->path, "segments/000000.seg");
    if (logstore_open(&kit->config, &log) != ERR_OK)
        return false;
    logstore_head(log, &head);
    const bool is = logstore_quarantined(log);
    const bool takes = kit_append(log, head.size, 1);
    logstore_close(log);
    const struct span now = slurp(after, sizeof(after), kit->path, "segments/000000.seg");
    return is == quarantined && head.size == size && takes == !is && (!is || span_eq(was, now));
}

static void
damages(void)
{
    static uint8_t whole[SEGMENT + 1];
    static uint8_t whole_again[SEGMENT + 1];
    struct kit kit;
    struct logstore *log = NULL;
    size_t end = SEGMENT;
    kit_init(&kit, "my/gw1/2026h2", 7, SEGMENT);
    if (logstore_open(&kit.config, &log) != ERR_OK)
        exit(1);
    CHECK(kit_append(log, 0, 3) && kit_append(log, 3, 4) && kit_append(log, 7, 2));
    CHECK_EQ(kit_publish(&kit, log), ERR_OK);
    logstore_close(log);
    if (slurp(whole, sizeof(whole), kit.path, "segments/000000.seg").len != SEGMENT)
        exit(1);
    while (whole[end - 1] == 0)
        end--;
    TEST("a copy without the allocated tail of its segment is the whole log, and goes on")
    {
        segment_put(&kit, whole, end, SIZE_MAX, SIZE_MAX);
        CHECK(opens(&kit, false, 9));
        CHECK_EQ(slurp(whole_again, sizeof(whole_again), kit.path, "segments/000000.seg").len,
                 SEGMENT);
        CHECK(opens(&kit, false, 10));
    }
    TEST("a log whose last batch lost its end is quarantined, and left as it was found")
    {
        segment_put(&kit, whole, end - 1, SIZE_MAX, SIZE_MAX);
        CHECK(opens(&kit, true, 7));
        segment_put(&kit, whole, SEGMENT_HEADER, SIZE_MAX, SIZE_MAX);
        CHECK(opens(&kit, true, 0));
        segment_put(&kit, whole, 0, SIZE_MAX, SIZE_MAX);
        CHECK(opens(&kit, true, 0));
    }
    TEST("a byte missing or changed in the middle: quarantined, and what follows is not wiped")
    {
        segment_put(&kit, whole, SEGMENT, end / 2, SIZE_MAX);
        CHECK(opens(&kit, true, 3));
        segment_put(&kit, whole, SEGMENT, SIZE_MAX, end / 2);
        CHECK(opens(&kit, true, 3));
        segment_put(&kit, whole, SEGMENT, SIZE_MAX, 9);
        CHECK(opens(&kit, true, 0));
    }
    TEST("put right again it is the log that was published")
    {
        segment_put(&kit, whole, SEGMENT, SIZE_MAX, SIZE_MAX);
        CHECK(opens(&kit, false, 9));
    }
    kit_remove(&kit);
}

/* -- several segments */

enum { SEGMENTS = 4 };

static uint8_t kept[SEGMENTS][SEGMENT + 1];

static void
segment_path(const struct kit *kit, unsigned number)
{
    (void)snprintf(text, sizeof(text), "%s/segments/%06u.seg", kit->path, number);
}

/* Every segment as it was kept; one of them with byte `flip` changed (SIZE_MAX: none), or gone. */
static void
segments_put(const struct kit *kit, unsigned which, size_t flip, bool gone)
{
    for (unsigned i = 0; i < SEGMENTS; i++) {
        segment_path(kit, i);
        (void)unlink(text);
        if (gone && i == which)
            continue;
        const int fd = open(text, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        CHECK(fd >= 0 && write(fd, kept[i], SEGMENT) == SEGMENT);
        if (i == which && flip != SIZE_MAX) {
            const uint8_t other = kept[i][flip] ^ 1;
            CHECK(pwrite(fd, &other, 1, (off_t)flip) == 1);
        }
        (void)close(fd);
    }
}

/* Opens quarantined, with every entry before the damage and none behind it, and leaves the segments
 * that follow as they were found. */
static bool
opens_up_to(const struct kit *kit, unsigned damaged, uint64_t least, uint64_t most)
{
    static uint8_t leaf[ENTRY_BYTES_MAX];
    static uint8_t after[SEGMENT + 1];
    struct logstore *log = NULL;
    struct logstore_head head;
    bool fine = true;
    size_t len = 0;
    if (logstore_open(&kit->config, &log) != ERR_OK)
        return false;
    logstore_head(log, &head);
    fine = logstore_quarantined(log) && head.size >= least && head.size <= most &&
           !kit_append(log, head.size, 1);
    for (uint64_t i = 0; i < head.size && fine; i++) {
        const struct logstore_item item = kit_item(i, text);
        fine = logstore_get(log, i, leaf, sizeof(leaf), &len) == ERR_OK &&
               span_eq(span_of(leaf, len), item.leaf);
    }
    logstore_close(log);
    for (unsigned i = damaged + 1; i < SEGMENTS && fine; i++) {
        fine = span_eq(slurp(after, sizeof(after), kit->path, "segments/%06u.seg", i),
                       span_of(kept[i], SEGMENT));
    }
    return fine;
}

static void
damages_before_the_end(void)
{
    struct kit kit;
    struct logstore *log = NULL;
    uint64_t size = 0;
    uint64_t first[SEGMENTS + 1] = {0};
    kit_init(&kit, "my/gw1/2026h2", 8, SEGMENT);
    if (logstore_open(&kit.config, &log) != ERR_OK)
        exit(1);
    /* The checkpoint is of the beginning: nothing but the segments says what follows. */
    CHECK(kit_append(log, 0, 10));
    CHECK_EQ(kit_publish(&kit, log), ERR_OK);
    size = 10;
    for (unsigned i = 1; i < SEGMENTS; i++) {
        struct stat st;
        for (;;) {
            segment_path(&kit, i + 1); /* the reserve of segment i */
            if (stat(text, &st) == 0)
                break;
            CHECK(kit_append(log, size, 40));
            size += 40;
        }
        first[i] = size - 40;
    }
    logstore_close(log);
    for (unsigned i = 0; i < SEGMENTS; i++) {
        CHECK_EQ(slurp(kept[i], sizeof(kept[i]), kit.path, "segments/%06u.seg", i).len, SEGMENT);
    }
    TEST("a byte changed in an earlier segment: quarantined, with the whole batches before it")
    {
        segments_put(&kit, 0, SEGMENT / 2, false);
        CHECK(opens_up_to(&kit, 0, 10, first[1] - 1));
        segments_put(&kit, 1, SEGMENT / 2, false);
        CHECK(opens_up_to(&kit, 1, first[1], first[2] - 1));
    }
    TEST("an earlier segment whose header is damaged, or that is gone, is no reserve")
    {
        for (unsigned i = 0; i + 1 < SEGMENTS; i++) {
            segments_put(&kit, i, 9, false);
            CHECK(opens_up_to(&kit, i, first[i], first[i]));
            segments_put(&kit, i, SIZE_MAX, true);
            CHECK(opens_up_to(&kit, i, first[i], first[i]));
        }
    }
    TEST("the same without the tiles, which could have led on")
    {
        struct kit tiles = kit;
        (void)snprintf(tiles.path, sizeof(tiles.path), "%.200s/tile", kit.path);
        kit_remove(&tiles);
        segments_put(&kit, 1, SEGMENT / 2, false);
        CHECK(opens_up_to(&kit, 1, first[1], first[2] - 1));
    }
    TEST("with its segments put right it opens as it was, and goes on")
    {
        segments_put(&kit, 0, SIZE_MAX, false);
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        struct logstore_head head;
        logstore_head(log, &head);
        CHECK(!logstore_quarantined(log) && head.size == size && kit_append(log, size, 3));
        logstore_close(log);
    }
    kit_remove(&kit);
}

int
main(int argc, char **argv)
{
    (void)argv;
    if (argc != 2 || digest_init() != ERR_OK || sign_init() != ERR_OK)
        return 2;
    damages();
    damages_before_the_end();
    return test_end();
}
