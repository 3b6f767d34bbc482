/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of a role: descriptors, timers, deferred calls. The only file that knows
 * libevent. Single-threaded; callbacks run one at a time, never inside a call into this file. */
#ifndef TDZ_GATEWAY_CORE_LOOP_H
#define TDZ_GATEWAY_CORE_LOOP_H

#include "schemas/error.h"
#include "schemas/span.h"

struct loop;
struct loop_watch;
struct loop_timer;
struct loop_defer;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* ERR_NOMEM or ERR_SYS (no epoll). Free watches, timers and deferred calls before the loop. */
MUST_USE enum err loop_new(struct loop **ret);
void loop_free(struct loop *loop);

/* Runs callbacks until loop_stop. ERR_SYS when the poll itself fails. */
MUST_USE enum err loop_run(struct loop *loop);
/* Runs what is ready now (waits for something first if wait) and returns. For tests. */
MUST_USE enum err loop_run_once(struct loop *loop, bool wait);
/* The current callback is the last one. */
void loop_stop(struct loop *loop);

/* Watches fd (not owned; non-blocking; must outlive the watch), level triggered: fn(ctx, events)
 * with LOOP_READ and/or LOOP_WRITE while ready. Starts with nothing wanted. A hang-up is reported
 * as ready for what is wanted. ERR_NOMEM. */
MUST_USE enum err loop_watch_new(struct loop *loop, int fd, void (*fn)(void *ctx, unsigned events),
                                 void *ctx, struct loop_watch **ret);
/* Wants exactly these events from now on (0 = none). Cheap when nothing changes. ERR_SYS. */
MUST_USE enum err loop_watch_set(struct loop_watch *watch, unsigned events);
/* May be called in its own callback; NULL is fine. Does not close the descriptor. */
void loop_watch_free(struct loop_watch *watch);

/* A one-shot timer on the monotonic clock. ERR_NOMEM. */
MUST_USE enum err loop_timer_new(struct loop *loop, void (*fn)(void *ctx), void *ctx,
                                 struct loop_timer **ret);
/* (Re)starts it: fn runs once after delay_ms (0 = in the next turn). ERR_SYS. */
MUST_USE enum err loop_timer_set(struct loop_timer *timer, uint32_t delay_ms);
void loop_timer_clear(struct loop_timer *timer);
bool loop_timer_is_set(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

/* A call made from the loop itself, after the present callback has returned: the way out of
 * re-entrance. Posting it again before it ran is one call. ERR_NOMEM. */
MUST_USE enum err loop_defer_new(struct loop *loop, void (*fn)(void *ctx), void *ctx,
                                 struct loop_defer **ret);
void loop_defer_post(struct loop_defer *defer);
void loop_defer_free(struct loop_defer *defer);

/* Signals, for the warden only (roles get their orders by message). fn runs in the loop. */
MUST_USE enum err loop_signal_new(struct loop *loop, int number,
                                  void (*fn)(void *ctx, unsigned events), void *ctx,
                                  struct loop_watch **ret);

#endif
