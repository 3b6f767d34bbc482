/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger as a process: the log folder in, messages in and out. What it does is ledger.h. */
#include "gateway/ledger/ledger_role.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "gateway/ledger/ledger.h"

enum { LEDGER_TRUST_MAX = 8 << 20, LEDGER_ASKS = 64 };

/* Which question of ours an answer belongs to. */
struct ledger_asked {
    struct ledger_role *role;
    uint32_t tag;
    bool used;
};

struct ledger_role {
    struct rolemain *rm;
    struct ledger *engine;
    struct loop_timer *timer;
    struct ledger_asked asked[LEDGER_ASKS];
};

/* After a failed sync nobody knows what is on disk: nothing more may be said by this process. */
static void
ledger_role_settle(struct ledger_role *r)
{
    if (r->engine->dead)
        abort();
    const int64_t due = ledger_due_ms(r->engine);
    const int64_t now = clock_mono_ms();
    if (due == INT64_MAX)
        loop_timer_clear(r->timer);
    else if (loop_timer_set(r->timer, due <= now          ? 0
                                      : due - now > 60000 ? 60000
                                                          : (uint32_t)(due - now)) != ERR_OK)
        abort();
}

static void
ledger_role_clock(struct ledger_role *r)
{
    ledger_clock(r->engine, clock_wall_ms(), clock_mono_ms());
}

static void
ledger_role_timer(void *ctx)
{
    struct ledger_role *r = ctx;
    ledger_role_clock(r);
    ledger_tick(r->engine);
    ledger_role_settle(r);
}

/* -- out ---------------------------------------------------------------------------------------*/

static enum err
ledger_role_send(void *ctx, enum role_id role, enum msg_type type, const uint8_t *transfer,
                 struct span body)
{
    struct ledger_role *r = ctx;
    struct chan *chan = rolemain_chan(r->rm, role, 0);
    struct msg m = {.type = type, .body = body};
    if (chan == NULL || !chan_is_open(chan))
        return ERR_ROLE_LOST;
    if (transfer != NULL)
        memcpy(m.transfer, transfer, sizeof(m.transfer));
    const enum err err = chan_send(chan, &m);
    if (err == ERR_FULL)
        OPLOG(r->rm->log, EVENT_CHANNEL_FULL, OPLOG_STR("role", role_name(role)));
    return err;
}

static enum err
ledger_role_reply(void *ctx, const struct chan_ticket *ticket, enum msg_type type, struct span body,
                  int fd)
{
    const struct msg m = {.type = type, .body = body, .fds = {fd}, .fd_count = fd >= 0 ? 1 : 0};
    (void)ctx;
    return chan_answer(ticket, &m);
}

static enum err
ledger_role_answered(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    struct ledger_asked *asked = ctx;
    struct ledger_role *r = asked->role;
    (void)chan;
    asked->used = false;
    ledger_role_clock(r);
    const enum err bad =
        ledger_answered(r->engine, asked->tag, err, answer == NULL ? MSG_NONE : answer->type,
                        answer == NULL ? SPAN_LIT("") : answer->body);
    ledger_role_settle(r);
    return bad;
}

static enum err
ledger_role_ask(void *ctx, enum role_id role, enum msg_type type, struct span body, uint32_t tag)
{
    struct ledger_role *r = ctx;
    struct chan *chan = rolemain_chan(r->rm, role, 0);
    const struct msg m = {.type = type, .body = body};
    const uint32_t ms = (uint32_t)config_int(r->rm->config, CONFIG_TIMEOUT_ROLE_MS);
    if (chan == NULL || !chan_is_open(chan))
        return ERR_ROLE_LOST;
    for (size_t i = 0; i < LEDGER_ASKS; i++) {
        struct ledger_asked *asked = &r->asked[i];
        if (asked->used)
            continue;
        *asked = (struct ledger_asked){.role = r, .tag = tag, .used = true};
        const enum err err = chan_ask(chan, &m, ms, ledger_role_answered, asked, NULL);
        asked->used = err == ERR_OK;
        return err;
    }
    return ERR_FULL;
}

static void
ledger_role_note(void *ctx, enum event_id event, struct span what, uint64_t number)
{
    struct ledger_role *r = ctx;
    OPLOG(r->rm->log, event, OPLOG_SPAN("what", what), OPLOG_INT("number", (int64_t)number));
}

/* -- life --------------------------------------------------------------------------------------*/

static enum err
ledger_role_file(const struct grant *grant, uint8_t **ret, size_t *ret_len)
{
    size_t size = 0;
    if (grant == NULL)
        return ERR_NOT_FOUND;
    TRY(rolemain_size(grant, &size));
    if (size > LEDGER_TRUST_MAX)
        return ERR_TOO_LARGE;
    uint8_t *buf = malloc(size + 1);
    if (buf == NULL)
        return ERR_NOMEM;
    const enum err err = rolemain_read(grant, buf, size + 1, ret_len);
    if (err != ERR_OK)
        free(buf);
    else
        *ret = buf;
    return err;
}

static enum err
ledger_role_config(const struct rolemain *rm, struct ledger_config *ret)
{
    const struct config *c = rm->config;
    (void)snprintf(ret->zone, sizeof(ret->zone), "%s", config_str(c, CONFIG_ZONE));
    const char *origin = config_str(c, CONFIG_ORIGIN);
    if (strlen(origin) >= sizeof(ret->origin))
        return ERR_CONFIG;
    (void)snprintf(ret->origin, sizeof(ret->origin), "%s", origin);
    ret->batch_ms = (uint32_t)config_int(c, CONFIG_LOG_BATCH_MS);
    ret->checkpoint_s = (uint32_t)config_int(c, CONFIG_CHECKPOINT_S);
    ret->peer_count = config_peer_count(c);
    for (size_t i = 0; i < ret->peer_count; i++)
        (void)snprintf(ret->peers[i], sizeof(ret->peers[i]), "%s", config_peer(c, i)->zone);
    return ERR_OK;
}

static enum err
ledger_role_open(struct ledger_role *r, struct grant *grants, size_t grant_count)
{
    struct ledger_config config = {.log = {.has_dir = true}};
    const struct ledger_out out = {r, ledger_role_send, ledger_role_reply, ledger_role_ask,
                                   ledger_role_note};
    const struct grant *dir = rolemain_grant(grants, grant_count, GRANT_DIR_LOG);
    uint8_t *trust = NULL;
    uint8_t *note = NULL;
    size_t len = 0;
    size_t note_len = 0;
    if (dir == NULL)
        return ERR_NOT_FOUND;
    /* Opened again for reading by the engine; the grant itself is closed by rolemain. */
    config.log.dir = dir->fd;
    TRY(ledger_role_config(r->rm, &config));
    TRY(ledger_role_file(rolemain_grant(grants, grant_count, GRANT_TRUST), &trust, &len));
    enum err err =
        ledger_role_file(rolemain_grant(grants, grant_count, GRANT_SUCCESSION), &note, &note_len);
    config.succession = span_of(note, note_len);
    if (err == ERR_OK || err == ERR_NOT_FOUND)
        err = ledger_open(&config, span_of(trust, len), &out, clock_wall_ms(), &r->engine);
    free(note);
    free(trust);
    return err;
}

static enum err
ledger_role_setup(struct rolemain *rm, struct grant *grants, size_t grant_count, void **ret_ctx)
{
    TRY(crypto_init());
    /* One process, one log: what is allocated here lives until the process ends. */
    struct ledger_role *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->rm = rm;
    TRY(loop_timer_new(rm->loop, ledger_role_timer, r, &r->timer));
    const enum err err = ledger_role_open(r, grants, grant_count);
    if (err != ERR_OK)
        OPLOG(rm->log, EVENT_LOG_OPEN, OPLOG_ERR(err));
    *ret_ctx = r;
    return err;
}

static enum err
ledger_role_message(struct rolemain *rm, struct chan *chan, struct msg *m)
{
    struct ledger_role *r = rm->ctx;
    struct ledger_in in = {.type = m->type, .from = chan_role(chan), .body = m->body};
    memcpy(in.transfer, m->transfer, sizeof(in.transfer));
    in.ticket = chan_ticket_of(chan, m);
    ledger_role_clock(r);
    const enum err err = ledger_handle(r->engine, &in);
    ledger_role_settle(r);
    return err;
}

static void
ledger_role_lost(struct rolemain *rm, struct chan *chan)
{
    struct ledger_role *r = rm->ctx;
    ledger_role_clock(r);
    ledger_lost(r->engine, chan_role(chan));
    ledger_role_settle(r);
}

static void
ledger_role_new(struct rolemain *rm, struct chan *chan)
{
    struct ledger_role *r = rm->ctx;
    ledger_role_clock(r);
    ledger_new_peer(r->engine, chan_role(chan));
    ledger_role_settle(r);
}

static enum err
ledger_role_reload(struct rolemain *rm, const struct config *config, struct grant *grants,
                   size_t grant_count, struct fault *ret_fault)
{
    struct ledger_role *r = rm->ctx;
    uint8_t *trust = NULL;
    size_t len = 0;
    (void)ret_fault;
    TRY(ledger_role_file(rolemain_grant(grants, grant_count, GRANT_TRUST), &trust, &len));
    const enum err err = ledger_reload(r->engine, span_of(trust, len),
                                       (uint32_t)config_int(config, CONFIG_LOG_BATCH_MS),
                                       (uint32_t)config_int(config, CONFIG_CHECKPOINT_S));
    free(trust);
    return err;
}

static void
ledger_role_stop(struct rolemain *rm)
{
    struct ledger_role *r = rm->ctx;
    ledger_role_clock(r);
    r->engine->flush_ms = 0;
    ledger_tick(r->engine);
    if (r->engine->dead)
        abort();
}

static size_t
ledger_role_stats(struct rolemain *rm, char *out, size_t cap)
{
    const struct ledger *l = ((struct ledger_role *)rm->ctx)->engine;
    struct logstore_head head;
    struct logstore_head published;
    logstore_head(l->log, &head);
    logpublish_head(l->log, &published);
    const int n =
        snprintf(out, cap,
                 "log_state %d\nlog_size %" PRIu64 "\nlog_published %" PRIu64
                 "\nlog_batches %" PRIu64 "\nlog_appended %" PRIu64 "\nlog_refused %" PRIu64
                 "\nlog_proved %" PRIu64 "\nlog_cosigned %" PRIu64 "\n",
                 (int)l->state, head.size, published.size, l->batches, l->appended, l->refused,
                 l->proved, l->cosigned);
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

const struct role_ops ledger_role_ops = {
    .role = ROLE_LEDGER,
    .setup = ledger_role_setup,
    .on_message = ledger_role_message,
    .on_peer_lost = ledger_role_lost,
    .on_peer_new = ledger_role_new,
    .on_reload = ledger_role_reload,
    .on_stop = ledger_role_stop,
    .on_stats = ledger_role_stats,
};
