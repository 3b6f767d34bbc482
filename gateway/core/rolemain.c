/* SPDX-License-Identifier: Apache-2.0 */
/* A role from its first instruction to its last. Descriptor 3 is the channel to the warden. */
#include "gateway/core/rolemain.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/core/sandbox.h"
#include "schemas/wire.h"

enum { ROLEMAIN_WARDEN_FD = 3, ROLEMAIN_FIRST_FREE_FD = 4 };
enum { ROLEMAIN_STATS_MAX = 4096, ROLEMAIN_FLUSH_MS = 2000 };
enum { CHANNEL_OPEN_BYTES = 7 };

enum rolemain_phase { ROLEMAIN_CONFIGURING, ROLEMAIN_WAITING, ROLEMAIN_RUNNING };

struct rolemain_state {
    struct rolemain rm;
    const struct role_ops *ops;
    struct chan_host host;
    struct oplog log;
    enum rolemain_phase phase;
    int status;
    int64_t leave_ms; /* monotonic; when waiting queues are given up */
    bool draining;
    struct chan *warden;
    /* By kind of channel (0 ordinary, 1 blocking), role and index; NULL where msg.def has no pair.
     */
    struct chan *chans[2][ROLE_COUNT][ROLE_INDEX_MAX];
    struct config *config_next; /* of a CONFIG or RELOAD being read */
    struct config *config_now;
    struct grant *grants; /* GRANTS_MAX */
    size_t grant_count;
    struct loop_timer *stats;
    struct loop_timer *leave;
};

static void
rolemain_exit(struct rolemain_state *s, int status)
{
    s->status = status;
    loop_stop(s->rm.loop);
}

struct chan *
rolemain_chan(struct rolemain *rm, enum role_id role, unsigned index)
{
    assert(role < ROLE_COUNT && index < ROLE_INDEX_MAX);
    return role == ROLE_WARDEN ? rm->state->warden : rm->state->chans[0][role][index];
}

struct chan *
rolemain_chan_blocking(struct rolemain *rm, enum role_id role, unsigned index)
{
    assert(role < ROLE_COUNT && index < ROLE_INDEX_MAX);
    return rm->state->chans[1][role][index];
}

unsigned
rolemain_instances(const struct rolemain *rm, enum role_id role)
{
    return config_instances(rm->config, role);
}

struct grant *
rolemain_grant(struct grant *grants, size_t grant_count, enum grant_kind kind)
{
    for (size_t i = 0; i < grant_count; i++) {
        if (grants[i].kind == kind)
            return &grants[i];
    }
    return NULL;
}

int
rolemain_take(struct grant *g)
{
    if (g == NULL)
        return -1;
    const int fd = g->fd;
    g->fd = -1;
    return fd;
}

enum err
rolemain_size(const struct grant *g, size_t *ret_size)
{
    struct stat st;
    if (g->fd < 0 || fstat(g->fd, &st) != 0 || st.st_size < 0)
        return ERR_IO;
    *ret_size = (size_t)st.st_size;
    return ERR_OK;
}

enum err
rolemain_read(const struct grant *g, uint8_t *buf, size_t cap, size_t *ret_len)
{
    size_t size = 0;
    size_t done = 0;
    TRY(rolemain_size(g, &size));
    if (size > cap)
        return ERR_TOO_LARGE;
    while (done < size) {
        const ssize_t n = pread(g->fd, buf + done, size - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO;
        done += (size_t)n;
    }
    *ret_len = size;
    return ERR_OK;
}

static void
rolemain_close_grants(struct rolemain_state *s)
{
    for (size_t i = 0; i < s->grant_count; i++) {
        if (s->grants[i].fd >= 0)
            (void)close(s->grants[i].fd);
        s->grants[i].fd = -1;
    }
    s->grant_count = 0;
}

static enum err
rolemain_tell(struct rolemain_state *s, enum msg_type type, struct span body)
{
    const struct msg m = {.type = type, .body = body};
    return chan_send(s->warden, &m);
}

/* Names the peer of a channel that broke the rules or was closed; the warden judges. */
static void
rolemain_accuse(struct rolemain_state *s, const struct chan *chan, enum err why, uint32_t type)
{
    uint8_t buf[16];
    struct wire_writer w;
    struct span body;
    wire_writer_init(&w, buf, sizeof(buf));
    wire_put_u8(&w, (uint8_t)chan_role(chan));
    wire_put_u8(&w, (uint8_t)chan_index(chan));
    wire_put_u32(&w, chan_generation(chan));
    wire_put_u16(&w, (uint16_t)-why);
    wire_put_u16(&w, (uint16_t)type);
    if (wire_writer_finish(&w, &body) == ERR_OK)
        (void)!rolemain_tell(s, MSG_VIOLATION, body);
}

static void
rolemain_on_lost(void *ctx, struct chan *chan)
{
    struct rolemain_state *s = ctx;
    if (chan == s->warden) {
        /* Without a warden nobody could restart or stop us. */
        rolemain_exit(s, 1);
        return;
    }
    rolemain_accuse(s, chan, ERR_CLOSED, 0);
    /* Before set-up is done there is nobody to hear of it. */
    if (s->phase != ROLEMAIN_CONFIGURING && s->ops->on_peer_lost != NULL && !chan_is_blocking(chan))
        s->ops->on_peer_lost(&s->rm, chan);
}

static void
rolemain_on_violation(void *ctx, struct chan *chan, enum err why, uint32_t type)
{
    struct rolemain_state *s = ctx;
    if (chan == s->warden) {
        rolemain_exit(s, 1);
        return;
    }
    OPLOG(&s->log, EVENT_MESSAGE_BAD, OPLOG_STR("from", role_name(chan_role(chan))),
          OPLOG_INT("from_index", chan_index(chan)), OPLOG_INT("type", type), OPLOG_ERR(why));
    rolemain_accuse(s, chan, why, type);
    /* Before set-up is done there is nobody to hear of it. */
    if (s->phase != ROLEMAIN_CONFIGURING && s->ops->on_peer_lost != NULL && !chan_is_blocking(chan))
        s->ops->on_peer_lost(&s->rm, chan);
}

/* CHANNEL: u8 role, u8 index, u8 blocking, u32 generation, u32 incarnation of that peer, and the
 * socket. Answered with CHANNEL_OPEN, the first four of them: the warden lets clerk name that peer
 * to us only then. */
static enum err
rolemain_on_channel(struct rolemain_state *s, struct msg *m)
{
    struct wire_reader r;
    enum role_id role = ROLE_WARDEN;
    wire_reader_init(&r, m->body);
    const uint8_t role_byte = wire_get_u8(&r);
    const uint8_t index = wire_get_u8(&r);
    const uint8_t blocking = wire_get_u8(&r);
    const uint32_t generation = wire_get_u32(&r);
    const uint32_t incarnation = wire_get_u32(&r);
    TRY(wire_reader_finish(&r));
    TRY(role_from_u8(role_byte, &role));
    if (index >= ROLE_INDEX_MAX || blocking > 1 || s->chans[blocking][role][index] == NULL)
        return ERR_PROTOCOL;
    struct chan *chan = s->chans[blocking][role][index];
    /* The old process may be replaced before its end was noticed: the role hears lost, then new. */
    const bool was_open = chan_is_open(chan);
    chan_close(chan);
    if (was_open && blocking == 0 && s->phase == ROLEMAIN_RUNNING && s->ops->on_peer_lost != NULL)
        s->ops->on_peer_lost(&s->rm, chan);
    TRY(chan_open(chan, msg_take_fd(m, 0), generation));
    chan_set_incarnation(chan, incarnation);
    if (blocking == 0 && s->phase == ROLEMAIN_RUNNING && s->ops->on_peer_new != NULL)
        s->ops->on_peer_new(&s->rm, chan);
    return rolemain_tell(s, MSG_CHANNEL_OPEN, span_of(m->body.ptr, CHANNEL_OPEN_BYTES));
}

/* GRANT: u8 kind, vec16 label, and the descriptor. */
static enum err
rolemain_on_grant(struct rolemain_state *s, struct msg *m)
{
    struct wire_reader r;
    wire_reader_init(&r, m->body);
    const uint8_t kind = wire_get_u8(&r);
    const struct span label = wire_get_vec16(&r, GRANT_LABEL_MAX);
    TRY(wire_reader_finish(&r));
    if (kind >= GRANT_COUNT || s->grant_count == GRANTS_MAX)
        return ERR_PROTOCOL;
    struct grant *g = &s->grants[s->grant_count++];
    memset(g, 0, sizeof(*g));
    g->kind = (enum grant_kind)kind;
    g->fd = msg_take_fd(m, 0);
    if (label.len > 0)
        memcpy(g->label, label.ptr, label.len);
    return ERR_OK;
}

static void
rolemain_swap_config(struct rolemain_state *s)
{
    struct config *was = s->config_now;
    s->config_now = s->config_next;
    s->config_next = was;
    s->rm.config = s->config_now;
}

/* What the sandbox is built from, noted before set-up may take the descriptors. */
static void
rolemain_plan(const struct rolemain_state *s, struct sandbox_plan *plan)
{
    *plan = (struct sandbox_plan){.role = s->rm.role};
    for (size_t i = 0; i < s->grant_count; i++) {
        const enum grant_kind kind = s->grants[i].kind;
        const bool is_dir =
            kind == GRANT_DIR_STATE || kind == GRANT_DIR_SPOOL || kind == GRANT_DIR_LOG;
        if (is_dir && plan->dir_count < SANDBOX_DIRS_MAX)
            plan->dirs[plan->dir_count++] = s->grants[i].fd;
    }
    for (size_t i = 0; s->rm.role == ROLE_LINK && i < config_peer_count(s->config_now); i++)
        plan->ports[plan->port_count++] = config_peer(s->config_now, i)->port;
}

static enum err
rolemain_sandbox(struct rolemain_state *s, const struct sandbox_plan *plan)
{
    struct sandbox_report report = {0};
    if (!config_bool(s->config_now, CONFIG_SANDBOX)) {
        OPLOG(&s->log, EVENT_SANDBOX_OFF, OPLOG_STR("where", role_name(s->rm.role)));
        return ERR_OK;
    }
    TRY(sandbox_enter(plan, &report));
    s->rm.sandboxed = report.seccomp;
    s->rm.landlock_abi = report.landlock_abi;
    return ERR_OK;
}

static enum err
rolemain_ready(struct rolemain_state *s)
{
    uint8_t buf[8];
    struct wire_writer w;
    struct span body;
    wire_writer_init(&w, buf, sizeof(buf));
    wire_put_u8(&w, s->rm.sandboxed ? 1 : 0);
    wire_put_u32(&w, s->rm.landlock_abi);
    TRY(wire_writer_finish(&w, &body));
    return rolemain_tell(s, MSG_READY, body);
}

/* CONFIG closes the hand-over: set-up, then the sandbox, then READY. A failure here is not the
 * warden's fault, so it ends this process with a line that says which step. */
static enum err
rolemain_on_config(struct rolemain_state *s, const struct msg *m)
{
    const char *step = "slice";
    struct sandbox_plan plan;
    enum err err = config_from_slice(m->body, s->config_next);
    if (err == ERR_OK) {
        rolemain_swap_config(s);
        rolemain_plan(s, &plan);
        step = "setup";
        err = s->ops->setup(&s->rm, s->grants, s->grant_count, &s->rm.ctx);
    }
    if (err == ERR_OK) {
        step = "sandbox";
        err = rolemain_sandbox(s, &plan);
    }
    rolemain_close_grants(s);
    FAULT_POINT(role_ready);
    if (err == ERR_OK) {
        step = "ready";
        s->phase = ROLEMAIN_WAITING;
        err = rolemain_ready(s);
    }
    if (err != ERR_OK) {
        OPLOG(&s->log, EVENT_START_FAILED, OPLOG_STR("step", step), OPLOG_ERR(err),
              OPLOG_STR("errno", errno == 0 ? "" : strerrorname_np(errno)));
        rolemain_exit(s, 1);
    }
    return ERR_OK;
}

#if TDZ_FAULTS
/* Test builds: what a captured role would send. CHECKPOINT_SIGN is ledger's alone. */
static void
rolemain_rogue(struct rolemain_state *s)
{
    struct chan *keeper = s->chans[0][ROLE_KEEPER][0];
    struct chan *clerk = s->chans[0][ROLE_CLERK][0];
    struct chan *victim = keeper != NULL ? keeper : clerk;
    if (victim != NULL && chan_is_open(victim))
        chan_send_rogue(victim, MSG_CHECKPOINT_SIGN);
}
#endif

/* Peers that ran before us have spoken already; now there is somebody to hear it. */
static enum err
rolemain_listen(struct rolemain_state *s)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            for (unsigned i = 0; i < ROLE_INDEX_MAX; i++) {
                struct chan *chan = s->chans[kind][role][i];
                if (chan != NULL && chan_is_open(chan))
                    TRY(chan_listen(chan));
            }
        }
    }
    return ERR_OK;
}

static enum err
rolemain_on_start(struct rolemain_state *s)
{
    s->phase = ROLEMAIN_RUNNING;
    s->host.is_deaf = false;
    FAULT_POINT(role_started);
    if (s->ops->on_peer_new != NULL) {
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            for (unsigned i = 0; i < ROLE_INDEX_MAX; i++) {
                struct chan *chan = s->chans[0][role][i];
                if (chan != NULL && chan_is_open(chan))
                    s->ops->on_peer_new(&s->rm, chan);
            }
        }
    }
    const enum err err = s->ops->start == NULL ? ERR_OK : s->ops->start(&s->rm);
    if (err != ERR_OK) {
        OPLOG(&s->log, EVENT_START_FAILED, OPLOG_STR("step", "start"), OPLOG_ERR(err));
        rolemain_exit(s, 1);
    }
#if TDZ_FAULTS
    if (FAULT_ERR(role_rogue) != ERR_OK)
        rolemain_rogue(s);
#endif
    TRY(rolemain_listen(s));
    return loop_timer_set(s->stats, ROLEMAIN_STATS_MS);
}

static enum err
rolemain_on_reload(struct rolemain_state *s, struct msg *m)
{
    struct fault fault = {.code = ERR_OK};
    const struct chan_ticket ticket = chan_ticket_of(s->warden, m);
    FAULT_POINT(role_reload);
    enum err err = config_from_slice(m->body, s->config_next);
    if (err == ERR_OK && s->ops->on_reload != NULL)
        err = s->ops->on_reload(&s->rm, s->config_next, s->grants, s->grant_count, &fault);
    rolemain_close_grants(s);
    if (err == ERR_OK)
        rolemain_swap_config(s);
    uint8_t buf[256];
    struct wire_writer w;
    struct msg answer = {.type = MSG_RELOADED};
    fault.where[sizeof(fault.where) - 1] = '\0';
    wire_writer_init(&w, buf, sizeof(buf));
    wire_put_u16(&w, (uint16_t)-err);
    wire_put_u32(&w, fault.line);
    wire_put_u32(&w, fault.column);
    wire_put_vec16(&w, span_str(fault.where));
    TRY(wire_writer_finish(&w, &answer.body));
    return chan_answer(&ticket, &answer);
}

static enum err
rolemain_on_drain(struct rolemain_state *s)
{
    FAULT_POINT(role_drain);
    s->draining = true;
    if (s->ops->on_drain != NULL)
        s->ops->on_drain(&s->rm);
    else
        rolemain_drained(&s->rm);
    return ERR_OK;
}

static enum err
rolemain_on_stop(struct rolemain_state *s)
{
    if (s->ops->on_stop != NULL)
        s->ops->on_stop(&s->rm);
    rolemain_exit(s, 0);
    return ERR_OK;
}

static enum err
rolemain_on_warden(struct rolemain_state *s, struct msg *m)
{
    const bool configuring = s->phase == ROLEMAIN_CONFIGURING;
    if (m->type == MSG_CHANNEL)
        return rolemain_on_channel(s, m);
    if (m->type == MSG_GRANT)
        return rolemain_on_grant(s, m);
    if (m->type == MSG_CONFIG && configuring)
        return rolemain_on_config(s, m);
    if (m->type == MSG_START && s->phase == ROLEMAIN_WAITING)
        return rolemain_on_start(s);
    if (m->type == MSG_RELOAD && !configuring)
        return rolemain_on_reload(s, m);
    if (m->type == MSG_DRAIN)
        return rolemain_on_drain(s);
    if (m->type == MSG_STOP)
        return rolemain_on_stop(s);
    return ERR_PROTOCOL;
}

static enum err
rolemain_on_message(void *ctx, struct chan *chan, struct msg *m)
{
    struct rolemain_state *s = ctx;
    if (chan == s->warden)
        return rolemain_on_warden(s, m);
    FAULT_POINT(role_message);
    if (s->ops->on_message == NULL)
        return ERR_PROTOCOL;
    return s->ops->on_message(&s->rm, chan, m);
}

static void
rolemain_on_stats(void *ctx)
{
    struct rolemain_state *s = ctx;
    char text[ROLEMAIN_STATS_MAX];
    size_t len = 0;
    if (s->ops->on_stats != NULL)
        len = s->ops->on_stats(&s->rm, text, sizeof(text));
    assert(len <= sizeof(text));
    if (len > 0)
        (void)!rolemain_tell(s, MSG_STATS, span_of(text, len));
    (void)!loop_timer_set(s->stats, ROLEMAIN_STATS_MS);
}

void
rolemain_drained(struct rolemain *rm)
{
    struct rolemain_state *s = rm->state;
    if (!s->draining)
        return;
    s->draining = false;
    (void)!rolemain_tell(s, MSG_DRAINED, span_of(NULL, 0));
}

static bool
rolemain_is_flushed(const struct rolemain_state *s)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (unsigned i = 0; i < ROLE_INDEX_MAX; i++) {
            const struct chan *chan = s->chans[0][role][i];
            if (chan != NULL && chan_queued(chan) > 0)
                return false;
        }
    }
    return true;
}

/* Leaves when the queues are empty, or after ROLEMAIN_FLUSH_MS whatever waits. */
static void
rolemain_on_leave(void *ctx)
{
    struct rolemain_state *s = ctx;
    if (rolemain_is_flushed(s) || clock_mono_ms() >= s->leave_ms)
        rolemain_exit(s, 0);
    else
        (void)!loop_timer_set(s->leave, 10);
}

void
rolemain_replace(struct rolemain *rm)
{
    rm->state->leave_ms = clock_mono_ms() + ROLEMAIN_FLUSH_MS;
    (void)!loop_timer_set(rm->state->leave, 0);
}

static enum err
rolemain_open_chans(struct rolemain_state *s)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        for (unsigned role = 0; role < ROLE_COUNT; role++) {
            const enum role_id peer = (enum role_id)role;
            if (peer == ROLE_WARDEN || !msg_pair_allowed(s->rm.role, peer, kind == 1))
                continue;
            for (unsigned i = 0; i < role_instances_max(peer); i++)
                TRY(chan_new(&s->host, peer, i, kind == 1, &s->chans[kind][role][i]));
        }
    }
    TRY(chan_new(&s->host, ROLE_WARDEN, 0, false, &s->warden));
    return chan_open(s->warden, ROLEMAIN_WARDEN_FD, 1);
}

static enum err
rolemain_prepare(struct rolemain_state *s, const struct role_ops *ops, unsigned index)
{
    s->ops = ops;
    s->rm.role = ops->role;
    s->rm.index = index;
    s->rm.state = s;
    s->rm.log = &s->log;
    oplog_init(&s->log, STDERR_FILENO, ops->role, index);
    FAULT_POINT(role_begin);
    clock_guard_init(&s->rm.guard);
    TRY(sandbox_early(ROLEMAIN_FIRST_FREE_FD));
    TRY(loop_new(&s->rm.loop));
    s->host.loop = s->rm.loop;
    s->host.self = ops->role;
    s->host.self_index = index;
    s->host.ctx = s;
    s->host.is_deaf = true;
    s->host.on_message = rolemain_on_message;
    s->host.on_lost = rolemain_on_lost;
    s->host.on_violation = rolemain_on_violation;
    s->config_now = calloc(1, sizeof(*s->config_now));
    s->config_next = calloc(1, sizeof(*s->config_next));
    s->grants = calloc(GRANTS_MAX, sizeof(*s->grants));
    if (s->config_now == NULL || s->config_next == NULL || s->grants == NULL)
        return ERR_NOMEM;
    TRY(loop_timer_new(s->rm.loop, rolemain_on_stats, s, &s->stats));
    TRY(loop_timer_new(s->rm.loop, rolemain_on_leave, s, &s->leave));
    TRY(rolemain_open_chans(s));
    return rolemain_tell(s, MSG_HELLO, span_of(NULL, 0));
}

int
rolemain_run(const struct role_ops *ops, unsigned index)
{
    assert(ops->setup != NULL && ops->role != ROLE_WARDEN && index < ROLE_INDEX_MAX);
    struct rolemain_state *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return 1;
    enum err err = rolemain_prepare(s, ops, index);
    if (err == ERR_OK)
        err = loop_run(s->rm.loop);
    if (err != ERR_OK) {
        OPLOG(&s->log, EVENT_START_FAILED, OPLOG_STR("step", "prepare"), OPLOG_ERR(err));
        return 1;
    }
    /* Nothing is freed and no channel closed: the end of the process does both at once, and peers
     * must not see a closed channel of a living process. */
    return s->status;
}
