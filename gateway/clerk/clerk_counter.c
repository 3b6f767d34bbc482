/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/clerk_counter.h"

#include "gateway/clerk/counter.h"
#include "gateway/clerk/query_args.h"
#include "gateway/clerk/store_adjust.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/stages.h"
#include "gateway/net/identity.h"
#include "schemas/text.h"

#include <stdio.h>

enum { COUNTER_JSON_MAX = 256 * 1024 };
enum { ADJUST_CHECK, ADJUST_APPEND };

/* -- what stands --------------------------------------------------------------------------------*/

struct counter_list {
    struct flow *f;
    struct canon w;
    uint64_t over; /* at or above a level */
};

static void
counter_kind_put(const struct counter_standing *s, unsigned k, struct canon *w)
{
    canon_object(w);
    canon_member_int(w, "adjusted", s->adjusted[k]);
    canon_member_int(w, "opening", s->opening[k]);
    canon_member_int(w, "persons", (int64_t)s->persons[k]);
    canon_member_int(w, "reserved", (int64_t)s->reserved[k]);
    canon_member_int(w, "rows", (int64_t)s->rows[k]);
    canon_member_int(w, "value", (int64_t)s->value[k]);
    canon_end(w);
}

static enum err
counter_row(void *ctx, const char *exporter, uint64_t year)
{
    struct counter_list *list = ctx;
    const size_t mark = list->f->room.len;
    struct counter_standing s;
    TRY(counter_stand(list->f->store, exporter, year, &list->f->room, &s));
    list->f->room.len = mark;
    canon_object(&list->w);
    canon_member_str(&list->w, "exporter", exporter);
    canon_key(&list->w, "pi");
    counter_kind_put(&s, COUNTER_PI, &list->w);
    canon_key(&list->w, "spi");
    counter_kind_put(&s, COUNTER_SPI, &list->w);
    canon_member_int(&list->w, "year", (int64_t)year);
    canon_end(&list->w);
    return ERR_OK;
}

static enum err
counter_json(struct flow *f, const char *exporter, uint64_t year, struct span *ret)
{
    struct counter_list list = {.f = f};
    uint8_t *out = NULL;
    TRY(room_take(&f->room, COUNTER_JSON_MAX, &out));
    canon_init(&list.w, (char *)out, COUNTER_JSON_MAX);
    canon_object(&list.w);
    canon_key(&list.w, "counters");
    canon_array(&list.w);
    TRY(store_count_list(f->store, exporter, year, CLERK_COUNTER_LIST_MAX, counter_row, &list));
    canon_end(&list.w);
    canon_member_bool(&list.w, "known", !f->counters_unknown);
    canon_key(&list.w, "levels");
    canon_object(&list.w);
    canon_member_int(&list.w, "pi", (int64_t)f->config.warn_pi);
    canon_member_int(&list.w, "spi", (int64_t)f->config.warn_spi);
    canon_end(&list.w);
    canon_member_int(&list.w, "year", (int64_t)counter_year(flow_run_wall(f)));
    canon_end(&list.w);
    return canon_finish(&list.w, ret);
}

void
clerk_counter_show(struct flow *f, const struct chan_ticket *t, const struct p_query *p)
{
    uint8_t buf[QUERY_ARGS_VALUE_MAX];
    char exporter[128] = "";
    struct span text;
    struct span body;
    uint64_t year = 0;
    enum err err = query_args_get(p->args, "exporter", buf, sizeof(buf), &text);
    if (err == ERR_OK && text.len < sizeof(exporter))
        (void)snprintf(exporter, sizeof(exporter), "%.*s", (int)text.len, (const char *)text.ptr);
    if (err == ERR_OK || err == ERR_NOT_FOUND)
        err = query_args_get(p->args, "year", buf, sizeof(buf), &text);
    if (err == ERR_OK)
        err = text_parse_u64(text, 9999, &year);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        flow_reply_code(f, t, NULL, "bad-request",
                        SPAN_LIT("query: year is a number, exporter a name"), SPAN_LIT(""));
    else if (counter_json(f, exporter[0] == 0 ? NULL : exporter, year, &body) != ERR_OK)
        flow_reply_code(f, t, NULL, "internal", SPAN_LIT(""), SPAN_LIT(""));
    else
        flow_reply_json(f, t, NULL, 200, body, 0, SPAN_LIT(""));
}

/* -- warning levels -----------------------------------------------------------------------------*/

static enum err
counter_over(void *ctx, const char *exporter, uint64_t year)
{
    struct counter_list *list = ctx;
    const uint64_t levels[COUNTER_KINDS] = {list->f->config.warn_pi, list->f->config.warn_spi};
    uint64_t base[COUNTER_KINDS];
    TRY(counter_base(list->f->store, exporter, year, base));
    for (unsigned k = 0; k < COUNTER_KINDS; k++)
        list->over += levels[k] > 0 && base[k] >= levels[k] ? 1 : 0;
    return ERR_OK;
}

void
clerk_counter_watch(struct flow *f, const uint8_t *transfer)
{
    struct counter_list list = {.f = f};
    const uint64_t year = counter_year(flow_run_wall(f));
    const enum err err = store_count_list(f->store, NULL, year, UINT32_MAX, counter_over, &list);
    if (err != ERR_OK) {
        if (err == ERR_IO)
            flow_run_dead(f);
        return;
    }
    if (f->is_watching && list.over > f->stats.counters_over)
        f->out.notice(f->out.ctx, FLOW_NOTICE_COUNTER, transfer, list.over);
    f->is_watching = true;
    f->stats.counters_over = list.over;
}

/* -- adjustments --------------------------------------------------------------------------------*/

void
clerk_counter_ask(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
                  enum role_id from)
{
    const bool large = p->body.len > CLERK_COUNTER_NOTE_MAX;
    if (p->role != IDENTITY_OPERATOR) {
        flow_reply_code(f, t, NULL, "role-not-allowed", SPAN_LIT(""), SPAN_LIT(""));
        return;
    }
    if (p->body.len == 0 || large) {
        flow_reply_code(f, t, NULL, large ? "too-large" : "bad-request", SPAN_LIT(""),
                        SPAN_LIT(""));
        return;
    }
    struct flow_job *job = flow_job_begin(f, JOB_ADJUST, NULL, p->body, t);
    if (job == NULL) {
        flow_reply_code(f, t, NULL, "internal", SPAN_LIT(""), SPAN_LIT(""));
        return;
    }
    job->a = f->from_index;
    job->c = from;
}

static void
adjust_end(struct flow *f, struct flow_job *job, const char *code, struct span detail)
{
    if (job->has_ticket)
        flow_reply_code(f, &job->ticket, NULL, code, detail, SPAN_LIT(""));
    flow_job_free(job);
}

static void
adjust_append(struct flow *f, struct flow_job *job)
{
    struct store_adjust a;
    struct span body;
    enum err err = store_adjust_next(f->store, &f->room, &a);
    if (err == ERR_NOT_FOUND) {
        flow_job_free(job); /* another job has done it */
        return;
    }
    const struct p_append ask = {.kind = ENTRY_COUNTER, .entry = a.entry};
    if (err == ERR_OK)
        err = f->log_state == LOG_QUARANTINED
                  ? ERR_AGAIN
                  : payload_append_put(&ask, f->tx, sizeof(f->tx), &body);
    if (err == ERR_IO) {
        flow_run_dead(f);
    } else if (err != ERR_OK) {
        flow_job_retry(f, job);
    } else {
        memcpy(job->hash, a.note, sizeof(job->hash));
        flow_job_ask(f, job, ROLE_LEDGER, 0, MSG_APPEND, body);
    }
}

void
clerk_counter_drive(struct flow *f, struct flow_job *job)
{
    const struct p_note_ask ask = {.what = NOTE_COUNTER, .note = job->kept};
    struct span body;
    if (job->step == ADJUST_APPEND)
        adjust_append(f, job);
    else if (payload_note_ask_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK)
        adjust_end(f, job, "internal", SPAN_LIT(""));
    else
        flow_job_ask(f, job, ROLE_JUDGE, 0, MSG_NOTE_ASK, body);
}

void
clerk_counter_failed(struct flow *f, struct flow_job *job)
{
    if (job->step == ADJUST_APPEND)
        flow_job_retry(f, job);
    else
        adjust_end(f, job, "internal", SPAN_LIT(""));
}

static bool
adjust_is_running(const struct flow *f)
{
    for (size_t i = 0; i < FLOW_JOBS_MAX; i++) {
        if (f->jobs[i].kind == JOB_ADJUST && f->jobs[i].step == ADJUST_APPEND)
            return true;
    }
    return false;
}

void
clerk_counter_resume(struct flow *f)
{
    const size_t mark = f->room.len;
    struct store_adjust a;
    if (adjust_is_running(f))
        return;
    const enum err err = store_adjust_next(f->store, &f->room, &a);
    f->room.len = mark;
    if (err == ERR_IO)
        flow_run_dead(f);
    struct flow_job *job = err == ERR_OK ? flow_job_new(f, JOB_ADJUST, NULL) : NULL;
    if (job != NULL)
        job->step = ADJUST_APPEND;
}

/* Stores what judge has checked; the entry goes to the log from there. */
static enum err
adjust_store(struct flow *f, const struct flow_job *job, const struct p_note_answer *p)
{
    struct store_adjust a = {.year = p->year,
                             .pi = (int64_t)p->pi,
                             .spi = (int64_t)p->spi,
                             .opening = p->opening != 0,
                             .known = p->known != 0,
                             .entry = p->entry,
                             .text = job->kept};
    if (p->exporter.len >= sizeof(a.exporter))
        return ERR_RANGE;
    (void)snprintf(a.exporter, sizeof(a.exporter), "%.*s", (int)p->exporter.len,
                   (const char *)p->exporter.ptr);
    memcpy(a.note, p->note_hash, sizeof(a.note));
    TRY(store_begin(f->store));
    return store_end(f->store, store_adjust_put(f->store, &a));
}

static void
adjust_answer(struct flow *f, struct flow_job *job)
{
    struct span body;
    if (job->has_ticket && counter_json(f, NULL, counter_year(flow_run_wall(f)), &body) == ERR_OK)
        flow_reply_json(f, &job->ticket, NULL, 200, body, 0, SPAN_LIT(""));
    flow_job_free(job);
}

static enum err
adjust_checked(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_note_answer p;
    char code[64];
    TRY(payload_note_answer_get(m->body, &p));
    if (p.code.len >= sizeof(code))
        return ERR_RANGE;
    if (p.code.len > 0) {
        (void)snprintf(code, sizeof(code), "%.*s", (int)p.code.len, (const char *)p.code.ptr);
        adjust_end(f, job, code, p.detail);
        return ERR_OK;
    }
    const enum err err = adjust_store(f, job, &p);
    if (err == ERR_IO)
        flow_run_dead(f);
    if (err == ERR_EXISTS) {
        adjust_answer(f, job); /* the same note again changes nothing */
    } else if (err != ERR_OK) {
        adjust_end(f, job, "internal", SPAN_LIT(""));
    } else {
        job->step = ADJUST_APPEND;
        job->conv.due_ms = 0;
        f->again = true;
    }
    return ERR_OK;
}

/* The log has it: it counts from now on. */
static enum err
adjust_logged(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_appended p;
    struct store_adjust a;
    enum err err = s6_log_read(f, m, &p);
    if (err == ERR_AGAIN || err == ERR_CONFLICT) {
        flow_job_retry(f, job);
        return ERR_OK;
    }
    TRY(err);
    err = store_adjust_next(f->store, &f->room, &a);
    if (err == ERR_OK && memcmp(a.note, job->hash, sizeof(a.note)) != 0)
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        adjust_answer(f, job);
        return ERR_OK;
    }
    if (err == ERR_OK)
        err = store_begin(f->store);
    if (err == ERR_OK)
        err = store_adjust_logged(f->store, a.note, p.index);
    if (err == ERR_OK && a.known)
        err = store_meta_put(f->store, "counters_unknown", 0);
    if (err == ERR_OK)
        err = store_commit(f->store);
    if (err != ERR_OK) {
        flow_run_dead(f);
        return ERR_OK;
    }
    if (a.known)
        f->counters_unknown = false;
    clerk_counter_watch(f, NULL);
    f->refill = true; /* the next one, and what was held for it */
    adjust_answer(f, job);
    return ERR_OK;
}

enum err
clerk_counter_answer(struct flow *f, struct flow_job *job, const struct msg *m)
{
    if (job->step == ADJUST_CHECK && m->type == MSG_NOTE_ANSWER)
        return adjust_checked(f, job, m);
    if (job->step == ADJUST_APPEND && m->type == MSG_APPENDED)
        return adjust_logged(f, job, m);
    return ERR_PROTOCOL;
}
