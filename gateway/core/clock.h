/* SPDX-License-Identifier: Apache-2.0 */
/* The only source of time. Deadlines use the monotonic clock, records the wall clock. Builds with
 * faults let a test move the wall clock of one process (fault action skew). */
#ifndef TDZ_GATEWAY_CORE_CLOCK_H
#define TDZ_GATEWAY_CORE_CLOCK_H

#include "schemas/error.h"
#include "schemas/span.h"

/* A wall clock further than this from where boot time says it must be is not believed. Spec:
 * design.md 5, Time. */
enum { CLOCK_SUSPECT_MS = 5 * 60 * 1000 };

/* Milliseconds since 1970-01-01 UTC. */
int64_t clock_wall_ms(void);

/* Milliseconds on a clock that never goes back (CLOCK_MONOTONIC). */
int64_t clock_mono_ms(void);

/* Milliseconds since boot, suspended time included (CLOCK_BOOTTIME). */
int64_t clock_boot_ms(void);

/* Where wall and boot time stood together, taken once when a role starts. */
struct clock_guard {
    int64_t wall_ms;
    int64_t boot_ms;
};

void clock_guard_init(struct clock_guard *ret_guard);

/* Wall minus where it should be, in ms (positive: the wall clock is ahead). */
int64_t clock_guard_drift_ms(const struct clock_guard *guard);

/* True if the drift is larger than CLOCK_SUSPECT_MS either way. */
bool clock_guard_is_suspect(const struct clock_guard *guard);

/* The same rule on given numbers, for peers' times: true if |a - b| > CLOCK_SUSPECT_MS. */
bool clock_apart(int64_t a_ms, int64_t b_ms);

/* Moves this process's wall clock by delta_ms more. ERR_UNSUPPORTED unless built with faults. */
MUST_USE enum err clock_skew_add(int64_t delta_ms);

#endif
