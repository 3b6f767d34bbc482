/* SPDX-License-Identifier: Apache-2.0 */
/* Entries a second through ledger's engine with 1, 64 and 256 appends at hand, when an fdatasync
 * takes 5 ms more; and how many fdatasyncs a batch takes. One JSON object on standard output. */
#include <errno.h>
#include <time.h>

#include "tests/unit/ledger/ledgerdrive.h"

enum { BENCH_SYNC_MS = 5, BENCH_MS = 1500 };

static unsigned bench_syncs;

static int
bench_datasync(void *ctx, int fd)
{
    struct timespec wait = {.tv_nsec = BENCH_SYNC_MS * 1000000L};
    (void)ctx;
    bench_syncs++;
    while (nanosleep(&wait, &wait) != 0 && errno == EINTR)
        ;
    return logio_system.datasync(NULL, fd);
}

static double
bench_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* width appends wait, one batch takes them all, and again. */
static void
bench_width(unsigned width, bool last)
{
    uint64_t entries = 0;
    uint64_t number = 0;
    const uint64_t batches = kit_my.l->batches;
    const double start = bench_now();
    bench_syncs = 0;
    while (bench_now() - start < BENCH_MS / 1000.0) {
        for (unsigned i = 0; i < width; i++) {
            uint8_t id[16] = {(uint8_t)width, (uint8_t)(width >> 8)};
            number++;
            memcpy(id + 8, &number, sizeof(number));
            const struct p_append p = {
                .kind = ENTRY_DECISION, .n = 1, .entry = kit_decision(id, 1, "allow", 7)};
            if (KIT_TELL(&kit_my, ROLE_CLERK, APPEND, append, id, &p) != ERR_OK)
                abort();
        }
        kit_time(&kit_my, 3);
        entries += width;
    }
    const double seconds = bench_now() - start;
    if (kit_my.l->dead || kit_my.l->refused > 0)
        abort();
    printf("\"%u\":{\"entries_per_s\":%.1f,\"syncs_per_batch\":%.3f}%s", width,
           (double)entries / seconds, (double)bench_syncs / (double)(kit_my.l->batches - batches),
           last ? "}\n" : ",");
}

int
main(void)
{
    struct logio io = logio_system;
    io.datasync = bench_datasync;
    if (crypto_init() != ERR_OK)
        return 1;
    kit_start();
    kit_my.io = &io;
    if (kit_open(&kit_my) != ERR_OK)
        return 1;
    printf("{");
    bench_width(1, false);
    bench_width(64, false);
    bench_width(256, true);
    kit_stop();
    return 0;
}
