/* SPDX-License-Identifier: Apache-2.0 */
/* Judge as a process: signed files in, messages in and out. What it does is judge.h. */
#include "gateway/judge/judge_role.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "gateway/judge/judge.h"
#include "inspect/report.h"

/* Documents to clerk go in bursts with a pause, so that other messages fit between them. */
enum { JUDGE_TELL_PAUSE_MS = 20 };
/* The wall clock may be set: it is looked at this often. */
enum { JUDGE_FOLLOW_MAX_MS = 1000 };

struct judge_role {
    struct rolemain *rm;
    struct judge engine;
    struct judge_book *book;
    struct loop_timer *tell_timer;
    struct loop_timer *follow_timer;
    size_t tell_at;
    bool started;
    bool was_suspect;
    unsigned refused; /* reloads */
    struct chan_ticket question;
    bool is_question;
    uint8_t file[REPORT_BYTES_MAX];
};

static enum err
judge_role_send(void *ctx, enum role_id role, enum msg_type type, const uint8_t transfer[static 16],
                struct span body)
{
    struct judge_role *r = ctx;
    struct chan *chan = rolemain_chan(r->rm, role, 0);
    if (chan == NULL || !chan_is_open(chan))
        return ERR_ROLE_LOST;
    struct msg m = {.type = type, .body = body};
    memcpy(m.transfer, transfer, sizeof(m.transfer));
    const enum err err = chan_send(chan, &m);
    if (err == ERR_FULL)
        OPLOG(r->rm->log, EVENT_CHANNEL_FULL, OPLOG_STR("role", role_name(role)));
    return err;
}

static enum err
judge_role_answer(void *ctx, enum msg_type type, struct span body)
{
    struct judge_role *r = ctx;
    assert(r->is_question);
    const struct msg m = {.type = type, .body = body};
    return chan_answer(&r->question, &m);
}

/* The kind of document a grant is; false: nothing for the book. */
static bool
judge_role_kind(enum grant_kind grant, enum judge_book_kind *ret)
{
    static const struct {
        enum grant_kind grant;
        enum judge_book_kind kind;
    } kinds[] = {
        {GRANT_VOCABULARY, JUDGE_BOOK_VOCABULARY},
        {GRANT_TRUST, JUDGE_BOOK_TRUST},
        {GRANT_PARTNER, JUDGE_BOOK_PARTNER},
        {GRANT_AGREEMENT, JUDGE_BOOK_AGREEMENT},
        {GRANT_LIST, JUDGE_BOOK_LIST},
        {GRANT_POLICY, JUDGE_BOOK_POLICY},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].grant == grant) {
            *ret = kinds[i].kind;
            return true;
        }
    }
    return false;
}

/* Reads every document into memory of its own; *ret_count of files are to be freed. */
static enum err
judge_role_files(struct grant *grants, size_t grant_count, struct judge_book_file *files,
                 size_t *ret_count)
{
    *ret_count = 0;
    for (size_t i = 0; i < grant_count; i++) {
        enum judge_book_kind kind;
        size_t size = 0;
        size_t len = 0;
        if (!judge_role_kind(grants[i].kind, &kind))
            continue;
        TRY(rolemain_size(&grants[i], &size));
        uint8_t *bytes = malloc(size + 1);
        if (bytes == NULL)
            return ERR_NOMEM;
        files[(*ret_count)++] = (struct judge_book_file){
            .kind = kind, .name = span_str(grants[i].label), .bytes = span_of(bytes, 0)};
        TRY(rolemain_read(&grants[i], bytes, size + 1, &len));
        files[*ret_count - 1].bytes.len = len;
    }
    return ERR_OK;
}

static enum err
judge_role_book(const struct config *config, struct grant *grants, size_t grant_count,
                struct judge_book **ret, struct fault *ret_fault)
{
    size_t count = 0;
    struct judge_book_file *files = calloc(grant_count + 1, sizeof(*files));
    if (files == NULL)
        return ERR_NOMEM;
    enum err err = judge_role_files(grants, grant_count, files, &count);
    if (err == ERR_OK)
        err = judge_book_new(span_str(config_str(config, CONFIG_ZONE)), clock_wall_ms() / 1000,
                             files, count, ret, ret_fault);
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)files[i].bytes.ptr);
    free(files);
    return err;
}

static void
judge_role_limits(struct judge *j, const struct config *config)
{
    j->facts_max = (uint32_t)config_int(config, CONFIG_LIMIT_FACTS_BYTES);
    j->offer_valid_s = (uint32_t)config_int(config, CONFIG_OFFER_VALID_S);
    j->verdict_max_age_s = (uint32_t)config_int(config, CONFIG_VERDICT_MAX_AGE_S);
    j->crossing_margin_s = (uint32_t)config_int(config, CONFIG_CROSSING_MARGIN_S);
}

static void
judge_role_tell(void *ctx)
{
    struct judge_role *r = ctx;
    r->tell_at = judge_tell_register(&r->engine, r->tell_at, clock_wall_ms());
    if (r->tell_at != 0 && loop_timer_set(r->tell_timer, JUDGE_TELL_PAUSE_MS) != ERR_OK)
        OPLOG(r->rm->log, EVENT_INTERNAL, OPLOG_STR("what", "timer"));
}

static void
judge_role_tell_all(struct judge_role *r)
{
    judge_tell_policies(&r->engine, clock_wall_ms());
    r->tell_at = 0;
    judge_role_tell(r);
}

/* What was activated for later comes into force while nobody asks anything, too. */
static void
judge_role_follow(void *ctx)
{
    struct judge_role *r = ctx;
    const int64_t now = clock_wall_ms();
    const int64_t left = judge_follow(&r->engine, now) - now;
    const int64_t wait = left < JUDGE_FOLLOW_MAX_MS ? left : JUDGE_FOLLOW_MAX_MS;
    if (loop_timer_set(r->follow_timer, (uint32_t)(wait > 1 ? wait : 1)) != ERR_OK)
        OPLOG(r->rm->log, EVENT_INTERNAL, OPLOG_STR("what", "timer"));
}

static enum err
judge_role_setup(struct rolemain *rm, struct grant *grants, size_t grant_count, void **ret_ctx)
{
    struct fault fault = {.code = ERR_OK};
    TRY(crypto_init());
    struct judge_role *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->rm = rm;
    const enum err err = judge_role_book(rm->config, grants, grant_count, &r->book, &fault);
    if (err != ERR_OK) {
        OPLOG(rm->log, EVENT_JUDGE_DOCUMENT_BAD, OPLOG_ERR(err), OPLOG_STR("where", fault.where),
              OPLOG_INT("line", fault.line), OPLOG_INT("column", fault.column));
        return err;
    }
    /* A restarted judge must never bring back an epoch of before, whose permits would live again:
     * epochs of a process begin at the second it starts. */
    const int64_t epoch = clock_wall_ms() / 1000;
    const size_t cases = (size_t)config_int(rm->config, CONFIG_LIMIT_TRANSFERS_OPEN) * 2;
    TRY(judge_init(&r->engine, r->book, cases,
                   epoch > 0 && epoch < UINT32_MAX ? (uint32_t)epoch : 1));
    r->engine.out = (struct judge_out){r, judge_role_send, judge_role_answer};
    judge_role_limits(&r->engine, rm->config);
    TRY(loop_timer_new(rm->loop, judge_role_tell, r, &r->tell_timer));
    TRY(loop_timer_new(rm->loop, judge_role_follow, r, &r->follow_timer));
    *ret_ctx = r;
    return ERR_OK;
}

static enum err
judge_role_start(struct rolemain *rm)
{
    struct judge_role *r = rm->ctx;
    r->started = true;
    judge_tell_epoch(&r->engine);
    judge_role_follow(r);
    return ERR_OK;
}

static void
judge_role_peer_new(struct rolemain *rm, struct chan *chan)
{
    struct judge_role *r = rm->ctx;
    if (!r->started)
        return;
    if (chan_role(chan) == ROLE_KEEPER)
        judge_tell_epoch(&r->engine);
    if (chan_role(chan) == ROLE_CLERK) {
        judge_forget_answers(&r->engine);
        if (r->engine.floor_met)
            judge_role_tell_all(r);
    }
}

/* The whole content of a descriptor another role made: copied once, whatever it does meanwhile. */
static enum err
judge_role_read(int fd, uint8_t *buf, size_t cap, size_t *ret_len)
{
    size_t len = 0;
    while (len < cap) {
        const ssize_t n = pread(fd, buf + len, cap - len, (off_t)len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return ERR_OK;
}

static bool
judge_role_is_suspect(struct judge_role *r)
{
    const bool is = clock_guard_is_suspect(&r->rm->guard);
    if (is && !r->was_suspect)
        OPLOG(r->rm->log, EVENT_CLOCK_SUSPECT,
              OPLOG_INT("drift_ms", clock_guard_drift_ms(&r->rm->guard)));
    r->was_suspect = is;
    return is;
}

/* Ledger has said what judge must have. */
static void
judge_role_floor(struct judge_role *r)
{
    struct fault fault = {.code = ERR_OK};
    if (judge_floor_check(&r->engine, r->book, &fault) == ERR_OK) {
        judge_role_tell_all(r);
        judge_role_follow(r);
        return;
    }
    OPLOG(r->rm->log, EVENT_JUDGE_DOCUMENT_BAD, OPLOG_ERR(fault.code),
          OPLOG_STR("where", fault.where), OPLOG_INT("line", fault.line),
          OPLOG_INT("column", fault.column));
}

static enum err
judge_role_message(struct rolemain *rm, struct chan *chan, struct msg *m)
{
    struct judge_role *r = rm->ctx;
    struct judge_in in = {.type = m->type,
                          .from = chan_role(chan),
                          .body = m->body,
                          .now_ms = clock_wall_ms(),
                          .clock_suspect = judge_role_is_suspect(r)};
    memcpy(in.transfer, m->transfer, sizeof(in.transfer));
    if (m->fd_count > 0) {
        size_t len = 0;
        TRY(judge_role_read(m->fds[0], r->file, sizeof(r->file), &len));
        in.file = span_of(r->file, len);
    }
    const struct msg_rule *rule = msg_rule_of(m->type);
    assert(rule != NULL);
    r->is_question = (rule->flags & MSG_F_ASK) != 0;
    if (r->is_question)
        r->question = chan_ticket_of(chan, m);
    const bool met = r->engine.floor_met;
    const enum err err = judge_handle(&r->engine, &in);
    if (in.type == MSG_POLICY_FLOOR && err == ERR_OK && !met)
        judge_role_floor(r);
    /* A role that died, a queue or our own memory that is full: no fault of the one who spoke. */
    return err == ERR_ROLE_LOST || err == ERR_FULL || err == ERR_NOMEM ? ERR_OK : err;
}

static enum err
judge_role_reload(struct rolemain *rm, const struct config *config, struct grant *grants,
                  size_t grant_count, struct fault *ret_fault)
{
    struct judge_role *r = rm->ctx;
    struct judge_book *fresh = NULL;
    const int64_t now = clock_wall_ms();
    enum err err = judge_role_book(config, grants, grant_count, &fresh, ret_fault);
    if (err == ERR_OK)
        err = r->engine.floor_met ? judge_book_succeeds(r->book, fresh, now, ret_fault)
                                  : judge_floor_check(&r->engine, fresh, ret_fault);
    if (err != ERR_OK) {
        judge_book_free(fresh);
        r->refused++;
        OPLOG(rm->log, EVENT_JUDGE_DOCUMENT_BAD, OPLOG_ERR(err),
              OPLOG_STR("where", ret_fault->where), OPLOG_INT("line", ret_fault->line),
              OPLOG_INT("column", ret_fault->column));
        return err;
    }
    struct judge_book *old = r->book;
    r->book = fresh;
    const bool was_met = r->engine.floor_met;
    const bool changed = judge_activate(&r->engine, fresh, now);
    judge_book_free(old);
    if (changed || was_met != r->engine.floor_met) {
        r->tell_at = 0;
        judge_role_tell(r);
        judge_role_follow(r);
    }
    OPLOG(rm->log, EVENT_JUDGE_ACTIVATED, OPLOG_INT("policy_epoch", r->engine.policy_epoch),
          OPLOG_INT("changed", changed));
    judge_role_limits(&r->engine, config);
    return ERR_OK;
}

static size_t
judge_role_stats(struct rolemain *rm, char *out, size_t cap)
{
    const struct judge_role *r = rm->ctx;
    size_t in_force = 0;
    for (size_t i = 0; i < r->engine.book->reg.policy_count; i++)
        in_force += r->engine.in_force[i] ? 1 : 0;
    const int n = snprintf(out, cap, "policy_epoch %u\npolicies_in_force %zu\nrefused_total %u\n",
                           (unsigned)r->engine.policy_epoch, in_force, r->refused);
    return n < 0 || (size_t)n >= cap ? 0 : (size_t)n;
}

const struct role_ops judge_role_ops = {
    .role = ROLE_JUDGE,
    .setup = judge_role_setup,
    .start = judge_role_start,
    .on_message = judge_role_message,
    .on_peer_new = judge_role_peer_new,
    .on_reload = judge_role_reload,
    .on_stats = judge_role_stats,
};
