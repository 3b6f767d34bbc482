/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/clock.h"

#include <assert.h>
#include <time.h>

#include "tdz_config.h"

#if TDZ_FAULTS
static int64_t clock_skew_ms;
#endif

static int64_t
clock_read_ms(clockid_t id)
{
    struct timespec now = {0};
    const int rc = clock_gettime(id, &now);
    assert(rc == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_wall_ms(void)
{
#if TDZ_FAULTS
    return clock_read_ms(CLOCK_REALTIME) + clock_skew_ms;
#else
    return clock_read_ms(CLOCK_REALTIME);
#endif
}

int64_t
clock_mono_ms(void)
{
    return clock_read_ms(CLOCK_MONOTONIC);
}

int64_t
clock_boot_ms(void)
{
    return clock_read_ms(CLOCK_BOOTTIME);
}

void
clock_guard_init(struct clock_guard *ret_guard)
{
    ret_guard->wall_ms = clock_wall_ms();
    ret_guard->boot_ms = clock_boot_ms();
}

int64_t
clock_guard_drift_ms(const struct clock_guard *guard)
{
    const int64_t wall = clock_wall_ms() - guard->wall_ms;
    const int64_t boot = clock_boot_ms() - guard->boot_ms;
    return wall - boot;
}

bool
clock_guard_is_suspect(const struct clock_guard *guard)
{
    return clock_apart(clock_guard_drift_ms(guard), 0);
}

bool
clock_apart(int64_t a_ms, int64_t b_ms)
{
    int64_t apart = 0;
    if (__builtin_sub_overflow(a_ms, b_ms, &apart))
        return true;
    return apart > CLOCK_SUSPECT_MS || apart < -CLOCK_SUSPECT_MS;
}

enum err
clock_skew_add(int64_t delta_ms)
{
#if TDZ_FAULTS
    clock_skew_ms += delta_ms;
    return ERR_OK;
#else
    (void)delta_ms;
    return ERR_UNSUPPORTED;
#endif
}
