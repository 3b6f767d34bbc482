/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/core/sandbox.h"
#include "gateway/warden/warden_pairs.h"
#include "schemas/wire.h"

enum { WARDEN_CHILD_FD = 3 };

enum err
warden_child_new(struct warden *w, enum role_id role, unsigned index, struct warden_child **ret)
{
    struct warden_child *child = calloc(1, sizeof(*child));
    if (child == NULL)
        return ERR_NOMEM;
    child->warden = w;
    child->role = role;
    child->index = index;
    child->host.loop = w->loop;
    child->host.self = ROLE_WARDEN;
    child->host.ctx = child;
    *ret = child;
    return ERR_OK;
}

/* Between fork and exec: only descriptors 0-3 survive. */
static void
warden_child_exec(const struct warden_child *child, int sock)
{
    char role[64];
    char index[32];
    char fault[FAULT_SPEC_MAX + 16];
    char again[FAULT_SPEC_MAX + 1];
    const char *spec = child->warden->fault_spec == NULL ? "" : child->warden->fault_spec;
    char name[] = "tdzd";
    char *const argv[] = {name, role, index, NULL};
    char *const no_env[] = {NULL};
    char *const fault_env[] = {fault, NULL};
    sigset_t none;
    (void)snprintf(role, sizeof(role), "--role=%s", role_name(child->role));
    (void)snprintf(index, sizeof(index), "--index=%u", child->index);
    fault_spec_again(spec, again, sizeof(again));
    (void)snprintf(fault, sizeof(fault), "TDZ_FAULT=%s", child->restarts > 0 ? again : spec);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* A gateway never outlives its warden. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        _exit(126);
    if (sock == WARDEN_CHILD_FD) {
        if (fcntl(sock, F_SETFD, 0) != 0)
            _exit(126);
    } else if (dup2(sock, WARDEN_CHILD_FD) < 0) {
        _exit(126);
    }
    if (sandbox_demote(child->role, child->warden->account.uid, child->warden->account.gid) !=
        ERR_OK)
        _exit(126);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* changing the account clears it */
    (void)execve("/proc/self/exe", argv, TDZ_FAULTS ? fault_env : no_env);
    _exit(127);
}

enum err
warden_child_start(struct warden_child *child)
{
    int ends[2];
    assert(child->pid == 0);
    if (child->chan == NULL)
        TRY(chan_new(&child->host, child->role, child->index, false, &child->chan));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return ERR_SYS;
    const pid_t pid = fork();
    if (pid == 0)
        warden_child_exec(child, ends[1]);
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        return ERR_SYS;
    }
    child->pid = pid;
    /* A judge that died over a register has not found it good. */
    if (child->role == ROLE_JUDGE)
        warden_judged(child->warden, false);
    child->incarnation = ++child->warden->incarnation;
    child->phase = WARDEN_GIVING;
    child->grant_at = 0;
    child->reloading = false;
    child->replacing = false;
    child->sandboxed = false;
    child->landlock_abi = 0;
    child->since_ms = clock_mono_ms();
    TRY(chan_open(child->chan, ends[0], 1));
    OPLOG(&child->warden->log, EVENT_ROLE_STARTED, OPLOG_STR("child", role_name(child->role)),
          OPLOG_INT("child_index", child->index), OPLOG_INT("pid", pid));
    child->is_known = false;
    return warden_pairs_make(child);
}

static enum err
warden_child_give_grant(struct warden_child *child, const struct grant *g)
{
    uint8_t buf[GRANT_LABEL_MAX + 8];
    struct wire_writer w;
    struct msg m = {.type = MSG_GRANT, .fds = {g->fd}, .fd_count = 1};
    wire_writer_init(&w, buf, sizeof(buf));
    wire_put_u8(&w, (uint8_t)g->kind);
    wire_put_vec16(&w, span_str(g->label));
    TRY(wire_writer_finish(&w, &m.body));
    return chan_send(child->chan, &m);
}

static enum err warden_child_reloaded(void *ctx, struct chan *chan, enum err err, struct msg *m);

static enum err
warden_child_give_config(struct warden_child *child, const struct config *config)
{
    uint8_t buf[CONFIG_SLICE_MAX];
    size_t len = 0;
    TRY(config_slice(config, child->role, buf, sizeof(buf), &len));
    struct msg m = {.type = MSG_CONFIG, .body = span_of(buf, len)};
    if (!child->reloading)
        return chan_send(child->chan, &m);
    m.type = MSG_RELOAD;
    const uint32_t wait_ms = (uint32_t)config_int(config, CONFIG_TIMEOUT_READY_MS);
    return chan_ask(child->chan, &m, wait_ms, warden_child_reloaded, child, NULL);
}

void
warden_child_give(struct warden_child *child, const struct warden_files *files,
                  const struct config *config)
{
    enum err err = ERR_OK;
    while (err == ERR_OK && child->grant_at < files->count) {
        const struct grant *g = &files->grants[child->grant_at];
        if ((warden_files_roles(g->kind) & ROLE_BIT(child->role)) != 0)
            err = warden_child_give_grant(child, g);
        if (err == ERR_OK)
            child->grant_at++;
    }
    if (err == ERR_OK)
        err = warden_child_give_config(child, config);
    if (err == ERR_FULL)
        return;
    if (err != ERR_OK)
        warden_child_kill(child);
    else if (child->reloading)
        child->reloading = false;
    else
        child->phase = WARDEN_SETTING;
}

/* RELOADED: u16 -err, u32 line, u32 column, vec16 where. */
static enum err
warden_child_reloaded(void *ctx, struct chan *chan, enum err err, struct msg *m)
{
    struct warden_child *child = ctx;
    struct wire_reader r;
    (void)chan;
    if (err != ERR_OK) {
        if (child->role == ROLE_JUDGE)
            warden_judged(child->warden, false);
        return ERR_OK;
    }
    wire_reader_init(&r, m->body);
    const uint16_t code = wire_get_u16(&r);
    const uint32_t line = wire_get_u32(&r);
    const uint32_t column = wire_get_u32(&r);
    const struct span where = wire_get_vec16(&r, 128);
    TRY(wire_reader_finish(&r));
    if (code != 0)
        OPLOG(&child->warden->log, EVENT_CONFIG_BAD, OPLOG_STR("child", role_name(child->role)),
              OPLOG_INT("child_index", child->index), OPLOG_ERR((enum err) - (int)code),
              OPLOG_INT("line", line), OPLOG_INT("column", column), OPLOG_SPAN("where", where));
    if (child->role == ROLE_JUDGE)
        warden_judged(child->warden, code == 0);
    return ERR_OK;
}

void
warden_child_tell(struct warden_child *child, enum msg_type type)
{
    const struct msg m = {.type = type};
    if (child->pid != 0 && chan_send(child->chan, &m) != ERR_OK)
        warden_child_kill(child);
}

void
warden_child_kill(struct warden_child *child)
{
    if (child->pid > 0)
        (void)kill(child->pid, SIGKILL);
}
