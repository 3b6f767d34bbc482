/* SPDX-License-Identifier: Apache-2.0 */
/* Log folders that were copied or damaged. */
#include "gateway/ledger/logstore.h"

#include "crypto/digest.h"
#include "gateway/ledger/logpublish.h"
#include "gateway/ledger/segment.h"
#include <fcntl.h>

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

int
main(int argc, char **argv)
{
    (void)argv;
    if (argc != 2 || digest_init() != ERR_OK || sign_init() != ERR_OK)
        return 2;
    damages();
    return test_end();
}
