/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/warden/warden_child.h"
#include "gateway/warden/warden_load.h"
#include "gateway/warden/warden_pairs.h"
#include "gateway/warden/warden_status.h"
#include "gateway/warden/warden_violation.h"
#include "schemas/wire.h"
#include "tdz_config.h"

/* Runs fn for every slot that exists. */
static void
warden_each(struct warden *w, void (*fn)(struct warden_child *child))
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (unsigned i = 0; i < ROLE_INDEX_MAX; i++) {
            if (w->children[role][i] != NULL)
                fn(w->children[role][i]);
        }
    }
}

static size_t
warden_count(struct warden *w, bool (*is)(const struct warden_child *child))
{
    size_t count = 0;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (unsigned i = 0; i < ROLE_INDEX_MAX; i++)
            count += w->children[role][i] != NULL && is(w->children[role][i]) ? 1 : 0;
    }
    return count;
}

static bool
warden_is_alive(const struct warden_child *child)
{
    return child->pid != 0;
}

static bool
warden_is_unready(const struct warden_child *child)
{
    return child->phase < WARDEN_READY;
}

static bool
warden_is_undrained(const struct warden_child *child)
{
    return child->pid != 0 && child->phase != WARDEN_DRAINED;
}

static void
warden_tell_stop(struct warden_child *child)
{
    warden_child_tell(child, MSG_STOP);
}

static void
warden_tell_drain(struct warden_child *child)
{
    warden_child_tell(child, MSG_DRAIN);
}

static void
warden_stop(struct warden *w, int status)
{
    if (w->stopping)
        return;
    w->stopping = true;
    w->status = status;
    w->deadline_ms = clock_mono_ms() + WARDEN_STOP_MS;
    OPLOG(&w->log, EVENT_GATEWAY_STOP, OPLOG_INT("status", status));
    warden_each(w, warden_tell_stop);
    if (warden_count(w, warden_is_alive) == 0)
        loop_stop(w->loop);
}

/* ---- what children say ---- */

static void
warden_start_child(struct warden_child *child)
{
    if (child->phase != WARDEN_READY)
        return;
    warden_child_tell(child, MSG_START);
    child->phase = WARDEN_RUNNING;
}

static enum err
warden_on_ready(struct warden_child *child, const struct msg *m)
{
    struct warden *w = child->warden;
    struct wire_reader r;
    wire_reader_init(&r, m->body);
    child->sandboxed = wire_get_u8(&r) == 1;
    child->landlock_abi = wire_get_u32(&r);
    TRY(wire_reader_finish(&r));
    if (child->phase != WARDEN_SETTING)
        return ERR_PROTOCOL;
    child->phase = WARDEN_READY;
    OPLOG(&w->log, EVENT_ROLE_READY, OPLOG_STR("child", role_name(child->role)),
          OPLOG_INT("child_index", child->index), OPLOG_INT("pid", child->pid),
          OPLOG_INT("seccomp", child->sandboxed), OPLOG_INT("landlock", child->landlock_abi));
    if (w->started) {
        warden_start_child(child);
        if (w->draining)
            warden_child_tell(child, MSG_DRAIN);
        return ERR_OK;
    }
    if (warden_count(w, warden_is_unready) != 0)
        return ERR_OK;
    w->started = true;
    warden_each(w, warden_start_child);
    OPLOG(&w->log, EVENT_GATEWAY_READY, OPLOG_INT("pid", getpid()));
    return ERR_OK;
}

static enum err
warden_on_message(void *ctx, struct chan *chan, struct msg *m)
{
    struct warden_child *child = ctx;
    switch ((unsigned)m->type) {
    case MSG_HELLO:
        return ERR_OK;
    case MSG_CHANNEL_OPEN:
        return warden_pairs_opened(child, m);
    case MSG_READY:
        return warden_on_ready(child, m);
    case MSG_DRAINED:
        child->phase = WARDEN_DRAINED;
        return ERR_OK;
    case MSG_VIOLATION:
        return warden_violation_heard(child, m);
    case MSG_STATS:
        child->stats_len = m->body.len;
        memcpy(child->stats, m->body.ptr, m->body.len);
        return ERR_OK;
    case MSG_STATUS_ASK:
        return warden_status_answer(child->warden, chan, m);
    default:
        return ERR_PROTOCOL;
    }
}

static void
warden_on_lost(void *ctx, struct chan *chan)
{
    struct warden_child *child = ctx;
    (void)chan;
    /* A child that closed its channel but lives would be out of reach. */
    if (child->pid != 0 && !child->replacing && !child->warden->stopping)
        child->since_ms = clock_mono_ms();
}

static void
warden_on_broken(void *ctx, struct chan *chan, enum err why, uint32_t type)
{
    struct warden_child *child = ctx;
    (void)chan;
    OPLOG(&child->warden->log, EVENT_ROLE_VIOLATION, OPLOG_STR("child", role_name(child->role)),
          OPLOG_INT("child_index", child->index), OPLOG_ERR(why), OPLOG_INT("type", type));
    warden_child_kill(child);
}

/* ---- ends and restarts ---- */

/* Notes a crash; true if this child dies too often. */
static bool
warden_is_looping(struct warden_child *child, int64_t now_ms)
{
    const size_t at = child->crash_count % WARDEN_CRASHES_MAX;
    const int64_t oldest = child->crashes_ms[at];
    child->crashes_ms[at] = now_ms;
    child->crash_count++;
    return child->crash_count > WARDEN_CRASHES_MAX && now_ms - oldest < WARDEN_CRASH_WINDOW_MS;
}

/* Crashes within the window double the pause. */
static int64_t
warden_backoff(const struct warden_child *child, int64_t now_ms)
{
    int64_t pause = WARDEN_BACKOFF_MIN_MS;
    for (size_t i = 0; i < WARDEN_CRASHES_MAX && i + 1 < child->crash_count; i++) {
        if (now_ms - child->crashes_ms[i] < WARDEN_CRASH_WINDOW_MS)
            pause *= 2;
    }
    return pause < WARDEN_BACKOFF_MAX_MS ? pause : WARDEN_BACKOFF_MAX_MS;
}

static void
warden_crashed(struct warden_child *child, int status, int64_t now_ms)
{
    struct warden *w = child->warden;
    const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (number == SIGKILL)
        fault_role_killed(w->fault_spec);
    OPLOG(&w->log, EVENT_ROLE_LOST, OPLOG_STR("child", role_name(child->role)),
          OPLOG_INT("child_index", child->index), OPLOG_INT("signal", number),
          OPLOG_STR("signal_name", number == 0 ? "" : sigabbrev_np(number)),
          OPLOG_INT("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1));
    const bool looping = warden_is_looping(child, now_ms);
    child->down_until_ms = now_ms + warden_backoff(child, now_ms);
    if (w->started && !looping)
        return;
    OPLOG(&w->log, w->started ? EVENT_ROLE_CRASH_LOOP : EVENT_START_FAILED,
          OPLOG_STR("child", role_name(child->role)), OPLOG_INT("child_index", child->index));
    warden_stop(w, 1);
}

static void
warden_ended(struct warden_child *child, int status)
{
    struct warden *w = child->warden;
    const int64_t now_ms = clock_mono_ms();
    const bool orderly =
        WIFEXITED(status) && WEXITSTATUS(status) == 0 && child->phase >= WARDEN_RUNNING;
    const bool replaced = child->replacing || orderly;
    child->pid = 0;
    child->phase = WARDEN_DOWN;
    child->down_until_ms = now_ms;
    child->restarts++;
    child->lost_by = NULL;
    chan_close(child->chan);
    if (w->stopping)
        return;
    if (!replaced) {
        warden_crashed(child, status, now_ms);
        return;
    }
    OPLOG(&w->log, EVENT_ROLE_REPLACED, OPLOG_STR("child", role_name(child->role)),
          OPLOG_INT("child_index", child->index));
}

static struct warden_child *
warden_of_pid(struct warden *w, pid_t pid)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (unsigned i = 0; i < ROLE_INDEX_MAX; i++) {
            struct warden_child *child = w->children[role][i];
            if (child != NULL && child->pid == pid)
                return child;
        }
    }
    return NULL;
}

static void
warden_reap(struct warden *w)
{
    int status = 0;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    while (pid > 0) {
        struct warden_child *child = warden_of_pid(w, pid);
        if (child != NULL)
            warden_ended(child, status);
        pid = waitpid(-1, &status, WNOHANG);
    }
    if (w->stopping && warden_count(w, warden_is_alive) == 0)
        loop_stop(w->loop);
}

static void
warden_tick_child(struct warden_child *child)
{
    struct warden *w = child->warden;
    const int64_t now_ms = clock_mono_ms();
    if (child->pid == 0) {
        if (!w->stopping && !w->draining && now_ms >= child->down_until_ms &&
            warden_child_start(child) != ERR_OK)
            warden_child_kill(child);
        return;
    }
    if (child->phase == WARDEN_GIVING)
        warden_child_give(child, &w->files, w->config);
    else if (child->reloading)
        warden_child_give(child, w->reloaded.grants == NULL ? &w->files : &w->reloaded,
                          w->judging ? w->config_next : w->config);
    warden_violation_tick(child, now_ms);
    warden_pairs_tick(child, now_ms);
    const int64_t ready_ms = config_int(w->config, CONFIG_TIMEOUT_READY_MS);
    if (child->phase < WARDEN_READY && now_ms - child->since_ms > ready_ms) {
        OPLOG(&w->log, EVENT_ROLE_UNREADY, OPLOG_STR("child", role_name(child->role)),
              OPLOG_INT("child_index", child->index));
        warden_child_kill(child);
    }
    /* Its channel is closed, it is not: give it a moment to end, then end it. */
    if (!chan_is_open(child->chan) && now_ms - child->since_ms > WARDEN_STOP_MS)
        warden_child_kill(child);
}

static void warden_on_hup(void *ctx, unsigned events);

static void
warden_on_tick(void *ctx)
{
    struct warden *w = ctx;
    const int64_t now_ms = clock_mono_ms();
    warden_each(w, warden_tick_child);
    if (w->hup_again && !w->stopping)
        warden_on_hup(w, 0);
    if (w->stopping && now_ms >= w->deadline_ms)
        warden_each(w, warden_child_kill);
    const bool drained = warden_count(w, warden_is_undrained) == 0;
    if (w->draining && !w->stopping && (drained || now_ms >= w->deadline_ms))
        warden_stop(w, 0);
    warden_reap(w);
    (void)!loop_timer_set(w->tick, WARDEN_TICK_MS);
}

/* ---- signals ---- */

static void
warden_on_term(void *ctx, unsigned events)
{
    struct warden *w = ctx;
    (void)events;
    if (w->draining || w->stopping)
        return;
    w->draining = true;
    const int64_t drain_s = config_int(w->config, CONFIG_DRAIN_S);
    w->deadline_ms = clock_mono_ms() + drain_s * 1000;
    OPLOG(&w->log, EVENT_GATEWAY_DRAIN, OPLOG_INT("drain_s", drain_s));
    if (!w->started)
        warden_stop(w, 0);
    else
        warden_each(w, warden_tell_drain);
}

static void
warden_on_child(void *ctx, unsigned events)
{
    (void)events;
    warden_reap(ctx);
}

/* What cannot change without a restart. */
static const char *
warden_fixed_change(const struct config *a, const struct config *b)
{
    static const enum config_key fixed[] = {
        CONFIG_ZONE,        CONFIG_GATEWAY,      CONFIG_ORIGIN,    CONFIG_USER,
        CONFIG_LISTEN_PEER, CONFIG_LISTEN_DESK,  CONFIG_DIR_STATE, CONFIG_LISTEN_PARTNER,
        CONFIG_DIR_SPOOL,   CONFIG_LISTEN_PLAIN, CONFIG_DIR_LOG};
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (strcmp(config_str(a, fixed[i]), config_str(b, fixed[i])) != 0)
            return config_path(fixed[i]);
    }
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        if (config_instances(a, (enum role_id)role) != config_instances(b, (enum role_id)role))
            return role_name((enum role_id)role);
    }
    return config_bool(a, CONFIG_SANDBOX) != config_bool(b, CONFIG_SANDBOX)
               ? config_path(CONFIG_SANDBOX)
               : NULL;
}

static void
warden_reload_child(struct warden_child *child)
{
    struct warden *w = child->warden;
    /* Landlock holds the peers' ports, so a link with other peers is a new link. */
    const bool peers_changed =
        w->config->peer_count != w->config_next->peer_count ||
        memcmp(w->config->peers, w->config_next->peers, sizeof(w->config->peers)) != 0;
    if (child->role == ROLE_LINK && peers_changed && child->pid != 0) {
        child->replacing = true;
        warden_child_kill(child);
        return;
    }
    if (child->phase >= WARDEN_READY) {
        child->grant_at = 0;
        child->reloading = true;
    }
}

/* The reload is taken: every role gets its files, and those that start later too. */
static void
warden_adopt(struct warden *w)
{
    warden_each(w, warden_reload_child);
    if (w->judging)
        w->children[ROLE_JUDGE][0]->reloading = false; /* it has them */
    struct config *was = w->config;
    w->config = w->config_next;
    w->config_next = was;
    /* Listeners stay: they are moved from the old set, for roles that start later. */
    warden_files_keep_listeners(&w->files, &w->reloaded);
    OPLOG(&w->log, EVENT_CONFIG_RELOADED, OPLOG_STR("file", w->config_path));
}

void
warden_judged(struct warden *w, bool is_good)
{
    if (!w->judging)
        return;
    if (!is_good)
        OPLOG(&w->log, EVENT_CONFIG_KEPT, OPLOG_STR("file", w->config_path));
    if (!is_good)
        warden_files_finish(&w->reloaded);
    else
        warden_adopt(w);
    w->judging = false;
}

static bool
warden_is_reloading(const struct warden_child *child)
{
    return child->pid != 0 && child->reloading;
}

static void
warden_on_hup(void *ctx, unsigned events)
{
    struct warden *w = ctx;
    struct fault fault;
    struct warden_files files = {.grants = NULL};
    (void)events;
    w->hup_again = w->judging || warden_count(w, warden_is_reloading) > 0;
    if (w->hup_again)
        return;
    enum err err = warden_files_config(w->config_path, w->config_next, &fault);
    const char *fixed = err == ERR_OK ? warden_fixed_change(w->config, w->config_next) : NULL;
    if (err == ERR_OK && fixed == NULL) {
        warden_files_resolve(w->config_next);
        err = warden_files_open(&files, w->config_next, w->base_fd, &w->account);
    }
    if (err != ERR_OK || fixed != NULL) {
        const bool opened = files.problem[0] != '\0';
        OPLOG(&w->log, EVENT_CONFIG_BAD, OPLOG_STR("file", w->config_path), OPLOG_ERR(err),
              OPLOG_INT("line", opened || fixed != NULL ? 0 : fault.line),
              OPLOG_INT("column", opened || fixed != NULL ? 0 : fault.column),
              OPLOG_STR("where", fixed != NULL ? fixed : (opened ? files.problem : fault.where)),
              OPLOG_STR("why", fixed != NULL ? "changes only with a restart" : ""));
        warden_files_finish(&files);
        return;
    }
    warden_files_finish(&w->reloaded);
    w->reloaded = files;
    /* Judge reads the whole register or refuses it, before anybody else sees anything of it. One
     * that is not up has no say: it starts with what is there. */
    struct warden_child *judge = w->children[ROLE_JUDGE][0];
    w->judging = judge->pid != 0 && judge->phase >= WARDEN_READY;
    if (w->judging)
        warden_reload_child(judge);
    else
        warden_adopt(w);
}

/* ---- start ---- */

int
warden_check(const char *config_path)
{
    struct warden *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return 1;
    w->config_path = config_path;
    int status = warden_load_run(w);
    if (status == 0)
        status = warden_load_valid(w);
    if (status == 0)
        (void)printf("%s: ok\n", config_path);
    warden_load_free(w);
    return status;
}

static enum err
warden_make(struct warden *w)
{
    TRY(loop_new(&w->loop));
    TRY(loop_timer_new(w->loop, warden_on_tick, w, &w->tick));
    TRY(loop_signal_new(w->loop, SIGTERM, warden_on_term, w, &w->signals[0]));
    TRY(loop_signal_new(w->loop, SIGINT, warden_on_term, w, &w->signals[1]));
    TRY(loop_signal_new(w->loop, SIGHUP, warden_on_hup, w, &w->signals[2]));
    TRY(loop_signal_new(w->loop, SIGCHLD, warden_on_child, w, &w->signals[3]));
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        const enum role_id id = (enum role_id)role;
        for (unsigned i = 0; id != ROLE_WARDEN && i < config_instances(w->config, id); i++) {
            struct warden_child *child = NULL;
            TRY(warden_child_new(w, id, i, &child));
            child->host.on_message = warden_on_message;
            child->host.on_lost = warden_on_lost;
            child->host.on_violation = warden_on_broken;
            w->children[role][i] = child;
        }
    }
    return loop_timer_set(w->tick, 0);
}

int
warden_run(const char *config_path, char *const *envp)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct warden *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return 1;
    w->config_path = config_path;
    w->fault_spec = fault_spec(envp);
    oplog_init(&w->log, STDERR_FILENO, ROLE_WARDEN, 0);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    int status = warden_load_run(w);
    if (status == 0 && warden_files_listen(&w->files, w->config) != ERR_OK) {
        (void)fprintf(stderr, "%s: %s\n", config_path, w->files.problem);
        status = 3;
    }
    if (status != 0) {
        warden_load_free(w);
        return status;
    }
    OPLOG(&w->log, EVENT_GATEWAY_START, OPLOG_STR("version", TDZ_VERSION),
          OPLOG_STR("zone", config_str(w->config, CONFIG_ZONE)),
          OPLOG_STR("gateway", config_str(w->config, CONFIG_GATEWAY)));
    if (!config_bool(w->config, CONFIG_SANDBOX))
        OPLOG(&w->log, EVENT_SANDBOX_OFF, OPLOG_STR("where", "everywhere"));
    warden_load_pid_file(w);
    const enum err err = warden_make(w) == ERR_OK ? loop_run(w->loop) : ERR_SYS;
    if (err != ERR_OK) {
        OPLOG(&w->log, EVENT_START_FAILED, OPLOG_ERR(err));
        return 1;
    }
    return w->status;
}
