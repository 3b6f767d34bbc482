/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/clock.h"

#include "tdz_config.h"
#include "tests/test.h"

int
main(void)
{
    TEST("the clocks agree with each other and none goes back")
    {
        const int64_t wall = clock_wall_ms();
        const int64_t mono = clock_mono_ms();
        CHECK(wall > INT64_C(1700000000000) && mono > 0 && clock_boot_ms() >= mono);
        CHECK(clock_mono_ms() >= mono);
    }
    TEST("two times are apart beyond five minutes, either way, and also at the ends of the range")
    {
        CHECK(!clock_apart(1000, 1000 + CLOCK_SUSPECT_MS));
        CHECK(clock_apart(1000, 1001 + CLOCK_SUSPECT_MS));
        CHECK(clock_apart(1001 + CLOCK_SUSPECT_MS, 1000));
        CHECK(clock_apart(INT64_MIN, INT64_MAX));
    }
    TEST("a guard notices a wall clock that boot time does not explain")
    {
        struct clock_guard guard;
        clock_guard_init(&guard);
        CHECK(!clock_guard_is_suspect(&guard));
        guard.wall_ms -= CLOCK_SUSPECT_MS + 1000;
        CHECK(clock_guard_is_suspect(&guard));
        CHECK(clock_guard_drift_ms(&guard) >= CLOCK_SUSPECT_MS);
        clock_guard_init(&guard);
        guard.boot_ms -= CLOCK_SUSPECT_MS + 1000;
        CHECK(clock_guard_is_suspect(&guard));
    }
    TEST("the wall clock moves in test builds only")
    {
        const int64_t before = clock_wall_ms();
        const enum err err = clock_skew_add(3600 * 1000);
        CHECK_EQ(err, TDZ_FAULTS ? ERR_OK : ERR_UNSUPPORTED);
        CHECK((clock_wall_ms() - before >= 3600 * 1000) == (TDZ_FAULTS != 0));
    }
    return test_end();
}
