/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/rate.h"

void
rate_bucket_init(struct rate_bucket *b, uint32_t burst, uint32_t per_s, int64_t now_ms)
{
    *b = (struct rate_bucket){
        .level_milli = (uint64_t)burst * 1000, .burst = burst, .per_s = per_s, .last_ms = now_ms};
}

bool
rate_bucket_take(struct rate_bucket *b, uint32_t cost, int64_t now_ms)
{
    const uint64_t full = (uint64_t)b->burst * 1000;
    if (now_ms > b->last_ms) {
        /* One token a second is one thousandth a millisecond. An hour fills any bucket. */
        const int64_t passed = now_ms - b->last_ms < 3600000 ? now_ms - b->last_ms : 3600000;
        b->level_milli += (uint64_t)passed * b->per_s;
        if (b->level_milli > full)
            b->level_milli = full;
        b->last_ms = now_ms;
    }
    const uint64_t need = (uint64_t)cost * 1000;
    if (b->level_milli < need)
        return false;
    b->level_milli -= need;
    return true;
}

void
rate_meter_run(struct rate_meter *m, bool waiting, int64_t now_ms)
{
    if (waiting == m->is_running)
        return;
    *m = (struct rate_meter){.is_running = waiting, .start_ms = now_ms};
}

void
rate_meter_add(struct rate_meter *m, uint64_t bytes)
{
    m->bytes += bytes;
}

bool
rate_meter_is_slow(struct rate_meter *m, uint32_t min_per_s, uint32_t grace_ms, int64_t now_ms)
{
    if (!m->is_running || min_per_s == 0 || now_ms - m->start_ms < (int64_t)grace_ms)
        return false;
    const uint64_t passed_ms = (uint64_t)(now_ms - m->start_ms);
    if (m->bytes < (uint64_t)min_per_s * passed_ms / 1000)
        return true;
    *m = (struct rate_meter){.is_running = true, .start_ms = now_ms};
    return false;
}

int64_t
rate_meter_deadline(const struct rate_meter *m, uint32_t grace_ms)
{
    return m->is_running ? m->start_ms + (int64_t)grace_ms : INT64_MAX;
}
