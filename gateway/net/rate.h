/* SPDX-License-Identifier: Apache-2.0 */
/* Two small measures against peers that waste our time: a token bucket for events, and a meter for
 * a least number of bytes a second. Time comes in as milliseconds of a monotonic clock. */
#ifndef TDZ_GATEWAY_NET_RATE_H
#define TDZ_GATEWAY_NET_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate_bucket {
    uint64_t level_milli; /* thousandths of a token */
    uint32_t burst;
    uint32_t per_s;
    int64_t last_ms;
};

/* A full bucket of burst tokens that gains per_s tokens a second. */
void rate_bucket_init(struct rate_bucket *b, uint32_t burst, uint32_t per_s, int64_t now_ms);
/* Takes cost tokens; false, and nothing is taken, when there are fewer. */
bool rate_bucket_take(struct rate_bucket *b, uint32_t cost, int64_t now_ms);

/* Runs while we wait for the other side and stands still while the other side waits for us. */
struct rate_meter {
    bool is_running;
    int64_t start_ms;
    uint64_t bytes;
};

void rate_meter_run(struct rate_meter *m, bool waiting, int64_t now_ms);
void rate_meter_add(struct rate_meter *m, uint64_t bytes);
/* True when a whole window of grace_ms went by in which fewer than min_per_s bytes a second came;
 * a window that was good enough starts the next. min_per_s 0: never. */
bool rate_meter_is_slow(struct rate_meter *m, uint32_t min_per_s, uint32_t grace_ms,
                        int64_t now_ms);
/* When rate_meter_is_slow wants to be asked again; INT64_MAX while it stands still. */
int64_t rate_meter_deadline(const struct rate_meter *m, uint32_t grace_ms);

#endif
