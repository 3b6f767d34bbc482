/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/clerk_hold.h"

#include "crypto/digest.h"
#include "gateway/clerk/clerk_query.h"
#include "gateway/clerk/row_page.h"
#include "gateway/clerk/transfer_json.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/restored.h"
#include "gateway/net/identity.h"
#include "schemas/text.h"

#include <stdio.h>

enum { HOLD_JSON_MAX = 128 * 1024 };

/* Of a row that was held before rules were asked who may release it. */
static const char hold_unsaid[] =
    "{\"approvals\":[],\"rules\":[{\"missing\":[\"operator\"],\"release\":\"operator\","
    "\"rule\":\"gateway\"}]}";

/* -- what operators see -------------------------------------------------------------------------*/

static bool
hold_is_listed(const struct store_row *row)
{
    return s6_hold_is(row) || row->state == FLOW_X6_APPROVING || row->state == FLOW_M6_APPROVING;
}

static enum err
hold_part(struct flow *f, const struct store_row *row, enum store_part what, struct span fallback,
          struct span *ret)
{
    const enum err err = store_part_get(f->store, row->id, what, row->n, &f->room, ret);
    if (err != ERR_NOT_FOUND)
        return err;
    *ret = fallback;
    return ERR_OK;
}

static enum err
hold_put(struct flow *f, const struct store_row *row, struct canon *w)
{
    const bool out = row->direction == DIRECTION_EXPORT;
    const struct span null = SPAN_LIT("null");
    struct s6_hold_words words;
    struct span decision;
    struct span release;
    char since[25] = "";
    char until[21] = "";
    TRY(s6_hold_words(f, row, &words));
    TRY(hold_part(f, row, STORE_DECISION, null, &decision));
    TRY(hold_part(f, row, STORE_HOLD, span_of(hold_unsaid, sizeof(hold_unsaid) - 1), &release));
    TRY(text_time_ms(row->logged_ms, since));
    TRY(text_time_s((int64_t)row->not_after, until));
    canon_object(w);
    canon_member_str(w, "agreement", row->agreement);
    canon_key(w, "decision");
    canon_raw(w, decision);
    canon_member_str(w, "direction", out ? "export" : "import");
    canon_member_str(w, "expires", until);
    canon_member_str(w, "from", out ? f->config.zone : row->peer);
    canon_member_int(w, "n", (int64_t)row->n);
    canon_member_str(w, "name", row->name);
    canon_member_str(w, "recipient", out ? row->other : row->party);
    canon_member_hex(w, "record", span_of(words.held, sizeof(words.held)));
    canon_key(w, "release");
    canon_raw(w, release);
    canon_member_hex(w, "seal", span_of(row->seal_hash, sizeof(row->seal_hash)));
    canon_member_str(w, "sender", out ? row->party : row->other);
    canon_member_str(w, "since", since);
    canon_member_str(w, "state", flow_state_word(row->shown));
    canon_member_str(w, "to", out ? row->peer : f->config.zone);
    canon_member_hex(w, "transfer", span_of(row->id, sizeof(row->id)));
    canon_end(w);
    return ERR_OK;
}

static void
hold_answer(struct flow *f, const struct chan_ticket *t, const struct store_row *row,
            uint16_t status)
{
    struct canon w;
    struct span body;
    uint8_t *out = NULL;
    enum err err = room_take(&f->room, HOLD_JSON_MAX, &out);
    if (err == ERR_OK) {
        canon_init(&w, (char *)out, HOLD_JSON_MAX);
        err = hold_put(f, row, &w);
    }
    if (err == ERR_OK)
        err = canon_finish(&w, &body);
    if (err == ERR_OK)
        flow_reply_json(f, t, row->id, status, body, 0, SPAN_LIT(""));
    else
        flow_reply_code(f, t, row->id, "internal", SPAN_LIT(""), SPAN_LIT(""));
}

static enum err
hold_list_put(struct flow *f, const struct store_row *row, struct canon *w)
{
    return hold_is_listed(row) ? hold_put(f, row, w) : ERR_OK;
}

void
clerk_hold_list(struct flow *f, const struct chan_ticket *t, const struct p_query *p)
{
    static const struct row_page page = {"/v1/holds", "holds", hold_list_put};
    struct store_filter filter = {.direction = -1};
    if (clerk_query_filter(p->args, &filter) != ERR_OK) {
        flow_reply_code(
            f, t, NULL, "bad-request",
            SPAN_LIT("query: since is a time (RFC 3339), limit 1 to 500, before a number"),
            SPAN_LIT(""));
        return;
    }
    filter.shown = FLOW_SHOWN_HELD;
    row_page_answer(f, t, &filter, &page);
}

void
clerk_hold_show(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
                const uint8_t id[static 16])
{
    struct store_row row;
    (void)p;
    if (store_row_get(f->store, id, &row) != ERR_OK || !hold_is_listed(&row))
        flow_reply_code(f, t, NULL, "not-found", SPAN_LIT(""), SPAN_LIT(""));
    else
        hold_answer(f, t, &row, 200);
}

/* -- an operator's word -------------------------------------------------------------------------*/

/* Decided, or about to be: 409 with the transfer as it stands. */
static void
hold_decided(struct flow *f, const struct chan_ticket *t, const struct store_row *row)
{
    struct span body;
    if (transfer_json_write(f, row, &body) == ERR_OK)
        flow_reply_json(f, t, row->id, 409, body, 0, SPAN_LIT(""));
    else
        flow_reply_code(f, t, row->id, "internal", SPAN_LIT(""), SPAN_LIT(""));
}

void
clerk_hold_ask(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
               const uint8_t id[static 16], enum role_id from)
{
    struct store_row row;
    if (p->role != IDENTITY_OPERATOR) {
        flow_reply_code(f, t, NULL, "role-not-allowed", SPAN_LIT(""), SPAN_LIT(""));
        return;
    }
    if (store_row_get(f->store, id, &row) != ERR_OK) {
        flow_reply_code(f, t, NULL, "not-found", SPAN_LIT(""), SPAN_LIT(""));
        return;
    }
    if (!hold_is_listed(&row)) {
        hold_decided(f, t, &row);
        return;
    }
    if (p->body.len == 0 || memchr(p->body.ptr, 0, p->body.len) != NULL) {
        flow_reply_code(f, t, id, "bad-request", SPAN_LIT("the signed note is missing"),
                        SPAN_LIT(""));
        return;
    }
    const bool large = p->body.len > CLERK_HOLD_NOTE_MAX;
    struct flow_job *job = large ? NULL : flow_job_begin(f, JOB_HOLD, id, p->body, t);
    if (job == NULL) {
        flow_reply_code(f, t, id, large ? "too-large" : "internal", SPAN_LIT(""), SPAN_LIT(""));
        return;
    }
    job->a = f->from_index;
    job->c = from;
}

static void
hold_end(struct flow *f, struct flow_job *job, const char *code, struct span detail)
{
    flow_reply_code(f, &job->ticket, job->id, code, detail, SPAN_LIT(""));
    flow_job_free(job);
}

/* What judge needs of the row as it is now. b remembers which words it had seen. */
static enum err
hold_ask_judge(struct flow *f, struct flow_job *job, const struct store_row *row)
{
    struct p_note_ask ask = {.what = NOTE_APPROVAL, .note = job->kept};
    struct s6_hold_words words;
    struct span body;
    bool pending = false;
    uint64_t n = 0;
    TRY(s6_hold_words(f, row, &words));
    TRY(s6_hold_count(f, row, &n, &pending));
    TRY(hold_part(f, row, STORE_HOLD, span_of(hold_unsaid, sizeof(hold_unsaid) - 1), &ask.hold));
    memcpy(ask.seal_hash, row->seal_hash, sizeof(ask.seal_hash));
    memcpy(ask.held, words.held, sizeof(ask.held));
    ask.notes = words.notes;
    ask.n = (uint16_t)n;
    if (words.notes.len + job->kept.len > CLERK_HOLD_NOTES_MAX)
        return ERR_TOO_LARGE;
    TRY(payload_note_ask_put(&ask, f->tx, sizeof(f->tx), &body));
    job->b = n;
    job->step = (unsigned)row->n;
    flow_job_ask(f, job, ROLE_JUDGE, 0, MSG_NOTE_ASK, body);
    return ERR_OK;
}

/* The hold may be of an older copy of the database, and decided since: no word is taken on it
 * before that is known. */
static bool
hold_is_open(const struct flow *f, const struct flow_run *run)
{
    return !restored_waits(f, &run->row) && !restored_wants(f, run);
}

static void
hold_wait(struct flow *f, struct flow_job *job, struct flow_run *run)
{
    if (run->conv.tag == 0 && run->conv.due_ms == INT64_MAX)
        flow_run_now(f, run); /* at rest: nobody else asks the log for it */
    if (job->conv.pause_ms < f->config.retry_max_ms)
        flow_job_retry(f, job);
    else
        hold_end(f, job, "internal", SPAN_LIT("it is not known yet whether it was decided"));
}

void
clerk_hold_drive(struct flow *f, struct flow_job *job)
{
    struct flow_run *run = flow_run_find(f, job->id);
    if (run == NULL) {
        hold_end(f, job, "internal", SPAN_LIT(""));
        return;
    }
    if (!hold_is_listed(&run->row)) {
        hold_decided(f, &job->ticket, &run->row);
        flow_job_free(job);
        return;
    }
    if (!hold_is_open(f, run)) {
        hold_wait(f, job, run);
        return;
    }
    if (!s6_hold_is(&run->row)) {
        flow_job_retry(f, job); /* another word is on its way to the log */
        return;
    }
    const enum err err = hold_ask_judge(f, job, &run->row);
    if (err == ERR_IO)
        flow_run_dead(f);
    else if (err != ERR_OK)
        hold_end(f, job, err == ERR_TOO_LARGE ? "too-large" : "internal", SPAN_LIT(""));
}

enum err
clerk_hold_answer(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_note_answer p;
    char code[64];
    uint64_t n = 0;
    bool pending = false;
    TRY(payload_note_answer_get(m->body, &p));
    if (p.code.len > 0) {
        if (p.code.len >= sizeof(code))
            return ERR_RANGE;
        (void)snprintf(code, sizeof(code), "%.*s", (int)p.code.len, (const char *)p.code.ptr);
        hold_end(f, job, code, p.detail);
        return ERR_OK;
    }
    struct flow_run *run = flow_run_find(f, job->id);
    if (run == NULL || s6_hold_count(f, &run->row, &n, &pending) != ERR_OK) {
        hold_end(f, job, "internal", SPAN_LIT(""));
        return ERR_OK;
    }
    /* Somebody else spoke, or it was decided, while judge looked: look again. */
    if (!hold_is_open(f, run) || !s6_hold_is(&run->row) || n != job->b ||
        (unsigned)run->row.n != job->step) {
        clerk_hold_drive(f, job);
        return ERR_OK;
    }
    const struct s6_hold_word word = {.n = n, .note = job->kept, .answer = &p};
    if (p.repeated == 0 && s6_hold_word(f, run, &word) != ERR_OK) {
        hold_end(f, job, "internal", SPAN_LIT(""));
        return ERR_OK;
    }
    hold_answer(f, &job->ticket, &run->row, 200);
    flow_job_free(job);
    return ERR_OK;
}
