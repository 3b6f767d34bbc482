/* SPDX-License-Identifier: Apache-2.0 */
/* Import 8, pull: a recipient reads what arrived. The entry `opened` (one per identity and day) is
 * in the log, and proved to keeper, before a sealer gets the key and the first byte leaves. */
#include "crypto/th.h"
#include "gateway/clerk/spool.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/restored.h"
#include "schemas/canon.h"
#include "schemas/entry.h"
#include "schemas/text.h"

#include <unistd.h>

enum { PULL_NOTE, PULL_APPEND, PULL_PROVE, PULL_KEY, PULL_RUNS };
enum { I8_DAY_MS = 86400000, I8_SALT_BYTES = 32 };

/* What a job keeps: the question, as it came. a, c: who asked (index, role); b: pull number. */
static enum err
pull_question(const struct flow_job *job, struct p_pull_open *ret)
{
    return payload_pull_open_get(job->kept, ret);
}

static void
pull_refuse(struct flow *f, struct flow_job *job, const char *code)
{
    if (job->has_ticket)
        flow_reply_code(f, &job->ticket, job->id, code, SPAN_LIT(""), SPAN_LIT(""));
    flow_job_free(job);
}

static bool
pull_is_readable(const struct store_row *row)
{
    return row->direction == DIRECTION_IMPORT && row->spool[0] != 0 &&
           (row->state == FLOW_M7_SETTLED || row->state == FLOW_M9_ACKED ||
            row->state == FLOW_M9_LOGGED || row->state == FLOW_M9_DELIVERED);
}

/* One disclosure, as judge writes its own: [{"field","salt","value"}]. */
static enum err
pull_salts(struct flow *f, const char *field, const uint8_t salt[static 32], struct span value,
           struct span *ret)
{
    struct canon w;
    uint8_t *out = NULL;
    const size_t cap = 256 + 6 * value.len;
    TRY(room_take(&f->room, cap, &out));
    canon_init(&w, (char *)out, cap);
    canon_array(&w);
    canon_object(&w);
    canon_member_str(&w, "field", field);
    canon_member_hex(&w, "salt", span_of(salt, I8_SALT_BYTES));
    canon_member_span(&w, "value", value);
    canon_end(&w);
    canon_end(&w);
    return canon_finish(&w, ret);
}

static enum err
pull_entry(struct flow *f, const struct store_row *row, int64_t now, struct store_entry *ret)
{
    const struct entry_head head = {
        .time_ms = now, .transfer = row->id, .has_n = true, .n = (uint32_t)row->opens};
    uint8_t salt[I8_SALT_BYTES];
    uint8_t commit[32];
    char day[25];
    uint8_t *out = NULL;
    TRY(f->out.random(f->out.ctx, salt, sizeof(salt)));
    TRY(TH(commit, "tdz/v1/commit", SPAN_LIT("recipient"), span_of(salt, sizeof(salt)),
           span_str(row->party)));
    TRY(text_time_ms(now, day));
    TRY(room_take(&f->room, ENTRY_BYTES_MAX, &out));
    TRY(entry_write_opened(&head, commit, span_of(day, 10), (char *)out, ENTRY_BYTES_MAX,
                           &ret->bytes));
    ret->kind = ENTRY_OPENED;
    ret->n = row->opens;
    return pull_salts(f, "recipient", salt, span_str(row->party), &ret->salts);
}

/* The entry of this identity and day: there, or stored now. */
static enum err
pull_note(struct flow *f, struct flow_job *job, const struct p_pull_open *p, uint64_t *ret_n)
{
    const int64_t now = flow_run_wall(f);
    const uint64_t day = (uint64_t)(now / I8_DAY_MS);
    struct store_row row;
    struct store_entry entry = {0};
    const enum err err = store_opened_get(f->store, job->id, p->cert, day, ret_n);
    if (err != ERR_NOT_FOUND)
        return err;
    struct flow_run *run = flow_run_find(f, job->id);
    if (run == NULL)
        return ERR_AGAIN;
    row = run->row;
    TRY(pull_entry(f, &row, now, &entry));
    row.opens++;
    TRY(store_begin(f->store));
    enum err put = store_entry_put(f->store, job->id, &entry);
    if (put == ERR_OK)
        put = store_opened_put(f->store, job->id, p->cert, day, entry.n);
    if (put == ERR_OK)
        put = store_row_put(f->store, &row);
    TRY(store_end(f->store, put));
    run->row.opens = row.opens;
    *ret_n = entry.n;
    return ERR_OK;
}

static void
pull_ask_append(struct flow *f, struct flow_job *job, uint64_t n)
{
    struct store_entry entry;
    struct p_append ask = {.kind = ENTRY_OPENED, .n = (uint16_t)n};
    const struct p_prove prove = {.kind = ENTRY_OPENED, .n = (uint16_t)n};
    struct span body;
    if (store_entry_get(f->store, job->id, ENTRY_OPENED, n, &f->room, &entry) != ERR_OK) {
        pull_refuse(f, job, "internal");
        return;
    }
    ask.entry = entry.bytes;
    job->step = entry.index == STORE_NONE ? PULL_APPEND : PULL_PROVE;
    if (job->step == PULL_APPEND && payload_append_put(&ask, f->tx, sizeof(f->tx), &body) == ERR_OK)
        flow_job_ask(f, job, ROLE_LEDGER, 0, MSG_APPEND, body);
    else if (job->step == PULL_PROVE &&
             payload_prove_put(&prove, f->tx, sizeof(f->tx), &body) == ERR_OK)
        flow_job_ask(f, job, ROLE_LEDGER, 0, MSG_PROVE, body);
    else
        pull_refuse(f, job, "internal");
}

/* -- opening */

static enum err
pull_open_body(struct flow *f, struct flow_job *job, const struct store_row *row,
               const struct p_pull_open *p)
{
    struct p_body_open open = {.purpose = OPEN_PULL,
                               .target = (uint8_t)job->a,
                               .target_gen =
                                   f->out.generation(f->out.ctx, ROLE_EDGE, (unsigned)job->a),
                               .pull = (uint32_t)job->b,
                               .first = p->first,
                               .last = p->last};
    struct msg m = {.type = MSG_BODY_OPEN, .fd_count = 2};
    if (open.last >= row->bytes)
        open.last = row->bytes == 0 ? 0 : row->bytes - 1;
    memcpy(m.transfer, row->id, sizeof(m.transfer));
    memcpy(open.offer_hash, row->offer_hash, sizeof(open.offer_hash));
    TRY(payload_body_open_put(&open, f->tx, sizeof(f->tx), &m.body));
    TRY(spool_open(f->spool_dir, row->spool, false, m.fds));
    const enum err err = f->out.tell(f->out.ctx, ROLE_SEALER, job->peer.index, &m);
    (void)close(m.fds[0]);
    (void)close(m.fds[1]);
    return err;
}

static enum err
pull_ask_key(struct flow *f, struct flow_job *job, const struct store_row *row)
{
    struct p_key_give ask = {.purpose = KEY_INBOX,
                             .sealer = job->peer.index,
                             .sealer_gen = job->peer.gen,
                             .pull = (uint32_t)job->b};
    struct span body;
    memcpy(ask.offer_hash, row->offer_hash, sizeof(ask.offer_hash));
    TRY(store_part_get(f->store, row->id, STORE_INBOX, 0, &f->room, &ask.wrapped));
    TRY(store_part_get(f->store, row->id, STORE_SEAL, 0, &f->room, &ask.seal));
    TRY(payload_key_give_put(&ask, f->tx, sizeof(f->tx), &body));
    job->step = PULL_KEY;
    flow_job_ask(f, job, ROLE_KEEPER, 0, MSG_KEY_GIVE, body);
    return ERR_OK;
}

static void
pull_start(struct flow *f, struct flow_job *job)
{
    struct p_pull_open p;
    struct store_row row;
    enum err err = store_row_get(f->store, job->id, &row);
    if (err == ERR_OK && !pull_is_readable(&row))
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        err = pull_question(job, &p);
    if (err == ERR_OK)
        err = flow_pool_sealer(f, &job->peer);
    if (err == ERR_OK)
        err = pull_open_body(f, job, &row, &p);
    if (err == ERR_OK)
        err = pull_ask_key(f, job, &row);
    if (err != ERR_OK)
        pull_refuse(f, job, err == ERR_NOT_FOUND ? "not-found" : "internal");
}

static void
pull_go(struct flow *f, struct flow_job *job)
{
    struct p_pull_open p;
    struct store_row row;
    struct p_pull_go go = {.pull = (uint32_t)job->b};
    struct msg m = {.type = MSG_PULL_GO};
    if (pull_question(job, &p) != ERR_OK || store_row_get(f->store, job->id, &row) != ERR_OK) {
        pull_refuse(f, job, "internal");
        return;
    }
    go.first = p.first;
    go.last = p.last >= row.bytes ? (row.bytes == 0 ? 0 : row.bytes - 1) : p.last;
    go.total = row.bytes;
    go.name = span_str(row.name);
    memcpy(go.root, row.root, sizeof(go.root));
    memcpy(job->ticket.transfer, job->id, sizeof(job->ticket.transfer));
    job->step = PULL_RUNS;
    job->conv.due_ms = INT64_MAX;
    f->stats.pulled++;
    if (payload_pull_go_put(&go, f->tx, sizeof(f->tx), &m.body) != ERR_OK ||
        f->out.answer(f->out.ctx, &job->ticket, &m) != ERR_OK)
        flow_job_free(job);
    else
        job->has_ticket = false;
}

/* -- the conversation */

enum err
i8_pull_open(struct flow *f, unsigned edge, const struct chan_ticket *t, struct msg *m)
{
    struct p_pull_open p;
    struct store_row row;
    TRY(payload_pull_open_get(m->body, &p));
    const enum err err = store_row_get(f->store, m->transfer, &row);
    const char *code = NULL;
    if (err != ERR_OK || row.direction != DIRECTION_IMPORT || !span_eq_str(p.partner, row.party) ||
        !pull_is_readable(&row))
        code = "not-found"; /* also when it is another's: nobody learns what others got */
    else if (f->log_state == LOG_QUARANTINED)
        code = "quarantined";
    else if (restored_waits(f, &row) ||
             (row.wake_ms == 0 && row.state != FLOW_M9_ACKED && row.state != FLOW_M9_LOGGED))
        code = "log-unavailable"; /* it may have been erased since this copy was taken */
    else if (p.first > p.last || (p.first >= row.bytes && p.first != 0))
        code = "range-not-satisfiable";
    struct flow_job *job =
        code == NULL ? flow_job_begin(f, JOB_PULL, m->transfer, m->body, t) : NULL;
    if (job == NULL) {
        flow_reply_code(f, t, NULL, code == NULL ? "internal" : code, SPAN_LIT(""), SPAN_LIT(""));
        return ERR_OK;
    }
    job->a = edge;
    job->b = ++f->next_pull;
    job->c = ROLE_EDGE;
    return ERR_OK;
}

void
i8_pull_drive(struct flow *f, struct flow_job *job)
{
    struct p_pull_open p;
    uint64_t n = 0;
    if (job->step == PULL_RUNS)
        return;
    const enum err err = pull_question(job, &p) != ERR_OK ? ERR_BUG : pull_note(f, job, &p, &n);
    if (err == ERR_IO)
        flow_run_dead(f);
    else if (err != ERR_OK)
        pull_refuse(f, job, "internal");
    else
        pull_ask_append(f, job, n);
    if (job->kind == JOB_PULL)
        job->until_ms = (int64_t)n;
}

static enum err
pull_appended(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_appended p;
    const uint64_t n = (uint64_t)job->until_ms; /* the entry that was asked for */
    enum err err = s6_log_read(f, m, &p);
    if (err == ERR_AGAIN || err == ERR_CONFLICT) {
        pull_refuse(f, job, "log-unavailable");
        return ERR_OK;
    }
    TRY(err);
    err = store_begin(f->store);
    if (err == ERR_OK)
        err = store_entry_logged(f->store, job->id, ENTRY_OPENED, n, p.index, p.leaf);
    err = store_end(f->store, err);
    if (err != ERR_OK) {
        if (err == ERR_IO)
            flow_run_dead(f);
        pull_refuse(f, job, "internal");
        return ERR_OK;
    }
    pull_ask_append(f, job, n);
    return ERR_OK;
}

enum err
i8_pull_answer(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_proved proved;
    struct p_key_given given;
    if (job->step == PULL_APPEND && m->type == MSG_APPENDED)
        return pull_appended(f, job, m);
    if (job->step == PULL_PROVE && m->type == MSG_PROVED) {
        TRY(payload_proved_get(m->body, &proved));
        if (proved.err != 0)
            pull_refuse(f, job, "log-unavailable");
        else
            pull_start(f, job);
        return ERR_OK;
    }
    if (job->step == PULL_KEY && m->type == MSG_KEY_GIVEN) {
        TRY(payload_key_given_get(m->body, &given));
        if (given.err != 0)
            pull_refuse(f, job, "internal");
        else
            pull_go(f, job);
        return ERR_OK;
    }
    return ERR_PROTOCOL;
}

void
i8_pull_end(struct flow *f, uint32_t pull)
{
    for (size_t i = 0; i < FLOW_JOBS_MAX; i++) {
        struct flow_job *job = &f->jobs[i];
        if (job->kind == JOB_PULL && job->b == pull && job->step == PULL_RUNS)
            flow_job_free(job);
    }
}
