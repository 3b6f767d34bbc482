/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/loop.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

struct loop {
    struct event_base *base;
    size_t things; /* watches, timers and deferred calls not freed yet */
};

struct loop_watch {
    struct loop *loop;
    struct event *event;
    void (*fn)(void *ctx, unsigned events);
    void *ctx;
    int fd;
    unsigned wanted;
    bool is_signal;
};

struct loop_timer {
    struct loop *loop;
    struct event *event;
    void (*fn)(void *ctx);
    void *ctx;
};

struct loop_defer {
    struct loop *loop;
    struct event *event;
    void (*fn)(void *ctx);
    void *ctx;
};

enum err
loop_new(struct loop **ret)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return ERR_NOMEM;
    /* The environment must not choose how a role polls. */
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
    (void)event_config_avoid_method(config, "select");
    (void)event_config_avoid_method(config, "poll");
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    if (base == NULL)
        return ERR_SYS;
    struct loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL) {
        event_base_free(base);
        return ERR_NOMEM;
    }
    loop->base = base;
    *ret = loop;
    return ERR_OK;
}

void
loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    assert(loop->things == 0);
    event_base_free(loop->base);
    free(loop);
}

enum err
loop_run(struct loop *loop)
{
    return event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? ERR_SYS : ERR_OK;
}

enum err
loop_run_once(struct loop *loop, bool wait)
{
    const int flags = EVLOOP_ONCE | (wait ? 0 : EVLOOP_NONBLOCK);
    return event_base_loop(loop->base, flags) < 0 ? ERR_SYS : ERR_OK;
}

void
loop_stop(struct loop *loop)
{
    (void)event_base_loopbreak(loop->base);
}

static void
loop_watch_fire(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *watch = arg;
    (void)fd;
    unsigned events = watch->is_signal ? LOOP_READ : 0;
    if ((what & EV_READ) != 0)
        events |= LOOP_READ;
    if ((what & EV_WRITE) != 0)
        events |= LOOP_WRITE;
    watch->fn(watch->ctx, events); /* may free the watch: nothing may follow */
}

static enum err
loop_watch_make(struct loop *loop, int fd, bool is_signal, void (*fn)(void *ctx, unsigned events),
                void *ctx, struct loop_watch **ret)
{
    assert(fn != NULL && fd >= 0);
    struct loop_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return ERR_NOMEM;
    *watch = (struct loop_watch){.loop = loop, .fn = fn, .ctx = ctx, .fd = fd};
    watch->is_signal = is_signal;
    const short what = is_signal ? EV_SIGNAL | EV_PERSIST : EV_PERSIST;
    watch->event = event_new(loop->base, fd, what, loop_watch_fire, watch);
    if (watch->event == NULL) {
        free(watch);
        return ERR_NOMEM;
    }
    loop->things++;
    *ret = watch;
    return ERR_OK;
}

enum err
loop_watch_new(struct loop *loop, int fd, void (*fn)(void *ctx, unsigned events), void *ctx,
               struct loop_watch **ret)
{
    return loop_watch_make(loop, fd, false, fn, ctx, ret);
}

enum err
loop_watch_set(struct loop_watch *watch, unsigned events)
{
    assert(!watch->is_signal);
    if (events == watch->wanted)
        return ERR_OK;
    if (watch->wanted != 0 && event_del(watch->event) != 0)
        return ERR_SYS;
    watch->wanted = 0;
    if (events == 0)
        return ERR_OK;
    const int what = EV_PERSIST | ((events & LOOP_READ) != 0 ? EV_READ : 0) |
                     ((events & LOOP_WRITE) != 0 ? EV_WRITE : 0);
    if (event_assign(watch->event, watch->loop->base, watch->fd, (short)what, loop_watch_fire,
                     watch) != 0)
        return ERR_SYS;
    if (event_add(watch->event, NULL) != 0)
        return ERR_SYS;
    watch->wanted = events;
    return ERR_OK;
}

void
loop_watch_free(struct loop_watch *watch)
{
    if (watch == NULL)
        return;
    assert(watch->loop->things > 0);
    watch->loop->things--;
    event_free(watch->event);
    free(watch);
}

static void
loop_timer_fire(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *timer = arg;
    (void)fd;
    (void)what;
    timer->fn(timer->ctx);
}

enum err
loop_timer_new(struct loop *loop, void (*fn)(void *ctx), void *ctx, struct loop_timer **ret)
{
    assert(fn != NULL);
    struct loop_timer *timer = calloc(1, sizeof(*timer));
    if (timer == NULL)
        return ERR_NOMEM;
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .ctx = ctx};
    timer->event = event_new(loop->base, -1, 0, loop_timer_fire, timer);
    if (timer->event == NULL) {
        free(timer);
        return ERR_NOMEM;
    }
    loop->things++;
    *ret = timer;
    return ERR_OK;
}

enum err
loop_timer_set(struct loop_timer *timer, uint32_t delay_ms)
{
    const struct timeval delay = {.tv_sec = delay_ms / 1000,
                                  .tv_usec = (suseconds_t)(delay_ms % 1000) * 1000};
    return event_add(timer->event, &delay) == 0 ? ERR_OK : ERR_SYS;
}

void
loop_timer_clear(struct loop_timer *timer)
{
    (void)event_del(timer->event);
}

bool
loop_timer_is_set(const struct loop_timer *timer)
{
    return event_pending(timer->event, EV_TIMEOUT, NULL) != 0;
}

void
loop_timer_free(struct loop_timer *timer)
{
    if (timer == NULL)
        return;
    assert(timer->loop->things > 0);
    timer->loop->things--;
    event_free(timer->event);
    free(timer);
}

static void
loop_defer_fire(evutil_socket_t fd, short what, void *arg)
{
    struct loop_defer *defer = arg;
    (void)fd;
    (void)what;
    defer->fn(defer->ctx);
}

enum err
loop_defer_new(struct loop *loop, void (*fn)(void *ctx), void *ctx, struct loop_defer **ret)
{
    assert(fn != NULL);
    struct loop_defer *defer = calloc(1, sizeof(*defer));
    if (defer == NULL)
        return ERR_NOMEM;
    *defer = (struct loop_defer){.loop = loop, .fn = fn, .ctx = ctx};
    defer->event = event_new(loop->base, -1, 0, loop_defer_fire, defer);
    if (defer->event == NULL) {
        free(defer);
        return ERR_NOMEM;
    }
    loop->things++;
    *ret = defer;
    return ERR_OK;
}

void
loop_defer_post(struct loop_defer *defer)
{
    event_active(defer->event, EV_TIMEOUT, 1);
}

void
loop_defer_free(struct loop_defer *defer)
{
    if (defer == NULL)
        return;
    assert(defer->loop->things > 0);
    defer->loop->things--;
    event_free(defer->event);
    free(defer);
}

enum err
loop_signal_new(struct loop *loop, int number, void (*fn)(void *ctx, unsigned events), void *ctx,
                struct loop_watch **ret)
{
    struct loop_watch *watch = NULL;
    TRY(loop_watch_make(loop, number, true, fn, ctx, &watch));
    if (event_add(watch->event, NULL) != 0) {
        loop_watch_free(watch);
        return ERR_SYS;
    }
    *ret = watch;
    return ERR_OK;
}
