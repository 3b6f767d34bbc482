/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/clerk_query.h"

#include "gateway/clerk/clerk_counter.h"
#include "gateway/clerk/clerk_dry.h"
#include "gateway/clerk/clerk_evidence.h"
#include "gateway/clerk/clerk_hold.h"
#include "gateway/clerk/query_args.h"
#include "gateway/clerk/row_page.h"
#include "gateway/clerk/transfer_json.h"
#include "gateway/flow/flow_job.h"
#include "gateway/flow/stages.h"
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "schemas/text.h"

#include <stdio.h>

/* -- rights */

static bool
query_sees_all(const struct p_query *p)
{
    return p->role == IDENTITY_OPERATOR || p->role == IDENTITY_AUDITOR;
}

/* The row of the question, if this party may see it. */
static enum err
query_row(struct flow *f, const struct p_query *p, const uint8_t id[static 16],
          struct store_row *ret)
{
    TRY(store_row_get(f->store, id, ret));
    return query_sees_all(p) || span_eq_str(p->party, ret->party) ? ERR_OK : ERR_NOT_FOUND;
}

static void
query_answer_row(struct flow *f, const struct chan_ticket *t, const struct store_row *row)
{
    struct span body;
    if (transfer_json_write(f, row, &body) == ERR_OK)
        flow_reply_json(f, t, row->id, 200, body, 0, SPAN_LIT(""));
    else
        flow_reply_code(f, t, row->id, "internal", SPAN_LIT(""), SPAN_LIT(""));
}

/* -- lists */

static enum err
query_number(struct span args, const char *name, uint64_t max, uint64_t *io_value)
{
    uint8_t buf[QUERY_ARGS_VALUE_MAX];
    struct span text;
    const enum err err = query_args_get(args, name, buf, sizeof(buf), &text);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    return text_parse_u64(text, max, io_value);
}

/* Reads since, state, limit, before. An error is the client's. */
enum err
clerk_query_filter(struct span args, struct store_filter *filter)
{
    uint8_t buf[QUERY_ARGS_VALUE_MAX];
    struct span text;
    enum flow_shown shown = FLOW_SHOWN_RECEIVING;
    uint64_t limit = CLERK_QUERY_LIMIT;
    filter->before_seq = UINT64_MAX;
    TRY(query_number(args, "limit", CLERK_QUERY_LIMIT_MAX, &limit));
    TRY(query_number(args, "before", INT64_MAX, &filter->before_seq));
    if (limit == 0)
        return ERR_RANGE;
    filter->limit = (uint32_t)limit;
    enum err err = query_args_get(args, "since", buf, sizeof(buf), &text);
    if (err == ERR_OK)
        err = text_parse_time(text, true, &filter->since_ms);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    err = query_args_get(args, "state", buf, sizeof(buf), &text);
    if (err == ERR_OK)
        err = flow_state_word_parse(text, &shown) == ERR_OK ? ERR_OK : ERR_SYNTAX;
    if (err == ERR_OK)
        filter->shown = (int)shown;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static void
query_list(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
           struct store_filter *filter, const char *path)
{
    const struct row_page page = {path, "transfers", transfer_json_put};
    char party[128];
    if (p->party.len >= sizeof(party) || clerk_query_filter(p->args, filter) != ERR_OK) {
        flow_reply_code(
            f, t, NULL, "bad-request",
            SPAN_LIT("query: since is a time (RFC 3339), state a state, limit 1 to 500"),
            SPAN_LIT(""));
        return;
    }
    (void)snprintf(party, sizeof(party), "%.*s", (int)p->party.len, (const char *)p->party.ptr);
    filter->party = query_sees_all(p) ? NULL : party;
    row_page_answer(f, t, filter, &page);
}

/* GET /v1/transfers?idempotency_key=: the one transfer made with it. */
static bool
query_by_key(struct flow *f, const struct chan_ticket *t, const struct p_query *p)
{
    uint8_t key[QUERY_ARGS_VALUE_MAX];
    char party[128];
    struct span text;
    struct span body;
    struct store_idem idem;
    struct store_row row;
    struct canon w;
    uint8_t *out = NULL;
    const int64_t since = flow_run_wall(f) - f->config.idempotency_ms;
    if (query_args_get(p->args, "idempotency_key", key, sizeof(key), &text) != ERR_OK ||
        p->party.len >= sizeof(party))
        return false;
    (void)snprintf(party, sizeof(party), "%.*s", (int)p->party.len, (const char *)p->party.ptr);
    if (room_take(&f->room, TRANSFER_JSON_MAX, &out) != ERR_OK)
        return false;
    canon_init(&w, (char *)out, TRANSFER_JSON_MAX);
    canon_object(&w);
    canon_key(&w, "transfers");
    canon_array(&w);
    enum err err = store_idem_get(f->store, party, text, since, &f->room, &idem);
    if (err == ERR_OK)
        err = store_row_get(f->store, idem.transfer, &row);
    if (err == ERR_OK)
        err = transfer_json_put(f, &row, &w);
    canon_end(&w);
    canon_end(&w);
    if ((err != ERR_OK && err != ERR_NOT_FOUND) || canon_finish(&w, &body) != ERR_OK)
        flow_reply_code(f, t, NULL, "internal", SPAN_LIT(""), SPAN_LIT(""));
    else
        flow_reply_json(f, t, NULL, 200, body, 0, SPAN_LIT(""));
    return true;
}

/* -- one transfer */

static void
query_transfer(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
               const uint8_t id[static 16], enum role_id from)
{
    struct store_row row;
    const bool inbox = p->what == QUERY_INBOX_ITEM;
    const enum err err = query_row(f, p, id, &row);
    const bool arrived =
        err == ERR_OK && (row.state == FLOW_M7_SETTLED || row.state == FLOW_M9_ACKED ||
                          row.state == FLOW_M9_LOGGED || row.state == FLOW_M9_DELIVERED);
    if (err != ERR_OK || (inbox && !arrived)) {
        flow_reply_code(f, t, NULL, "not-found", SPAN_LIT(""), SPAN_LIT(""));
        return;
    }
    const bool waits = p->wait_ms > 0 && !flow_state_is_final(row.shown);
    struct flow_job *job = waits ? flow_job_new(f, JOB_WAIT, id) : NULL;
    if (job == NULL) {
        query_answer_row(f, t, &row);
        return;
    }
    job->ticket = *t;
    job->has_ticket = true;
    job->a = f->from_index;
    job->b = (uint64_t)row.shown;
    job->c = from;
    job->until_ms =
        flow_run_mono(f) + (p->wait_ms > FLOW_WAIT_MAX_MS ? FLOW_WAIT_MAX_MS : p->wait_ms);
    job->conv.due_ms = job->until_ms;
}

static void
query_ack(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
          const uint8_t id[static 16])
{
    struct store_row row;
    struct flow_run *run = NULL;
    const bool found = query_row(f, p, id, &row) == ERR_OK && span_eq_str(p->party, row.party) &&
                       row.direction == DIRECTION_IMPORT &&
                       (row.shown == FLOW_SHOWN_SETTLED || row.shown == FLOW_SHOWN_DELIVERED);
    if (found)
        run = flow_run_find(f, id);
    if (!found)
        flow_reply_code(f, t, NULL, "not-found", SPAN_LIT(""), SPAN_LIT(""));
    else if (run == NULL || !i9_erase_ack(f, run))
        flow_reply_code(f, t, id, "internal", SPAN_LIT(""), SPAN_LIT(""));
    else
        flow_reply_json(f, t, id, 204, SPAN_LIT(""), 0, SPAN_LIT(""));
}

/* -- notes */

/* The data of a canonical entry: everything before its time. */
static struct span
note_data(struct span entry)
{
    static const char mark[] = ",\"format\":\"tdz.entry/1\"";
    const uint8_t *at = memmem(entry.ptr, entry.len, mark, sizeof(mark) - 1);
    return at == NULL ? entry : span_of(entry.ptr, (size_t)(at - entry.ptr));
}

static enum err
note_kind(struct flow *f, struct span bytes, uint8_t *ret)
{
    struct entry entry;
    uint8_t *memory = NULL;
    TRY(room_take(&f->room, sizeof(struct entry_scratch), &memory));
    TRY(entry_read(bytes, true, (struct entry_scratch *)(void *)memory, &entry, NULL));
    *ret = (uint8_t)entry.kind;
    return ERR_OK;
}

enum err
clerk_query_note(struct flow *f, struct span entry)
{
    uint8_t kind = 0;
    TRY(note_kind(f, entry, &kind));
    if (store_noted_get(f->store, kind, note_data(entry)) == ERR_OK)
        return ERR_OK;
    for (size_t i = 0; i < FLOW_JOBS_MAX; i++) {
        if (f->jobs[i].kind == JOB_NOTE && span_eq(note_data(f->jobs[i].kept), note_data(entry)))
            return ERR_OK;
    }
    struct flow_job *job = flow_job_begin(f, JOB_NOTE, NULL, entry, NULL);
    if (job != NULL) /* else judge says it again when it starts */
        job->a = kind;
    return ERR_OK;
}

static void
note_drive(struct flow *f, struct flow_job *job)
{
    const struct p_append ask = {.kind = (uint8_t)job->a, .entry = job->kept};
    struct span body;
    if (payload_append_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK)
        flow_job_free(job);
    else
        flow_job_ask(f, job, ROLE_LEDGER, 0, MSG_APPEND, body);
}

static enum err
note_appended(struct flow *f, struct flow_job *job, const struct msg *m)
{
    struct p_appended p;
    enum err err = s6_log_read(f, m, &p);
    if (err == ERR_AGAIN || err == ERR_CONFLICT) {
        flow_job_retry(f, job);
        return ERR_OK;
    }
    TRY(err);
    err = store_begin(f->store);
    if (err == ERR_OK)
        err = store_noted_put(f->store, (uint8_t)job->a, note_data(job->kept));
    if (err == ERR_OK)
        err = store_commit(f->store);
    if (err != ERR_OK)
        flow_run_dead(f);
    flow_job_free(job);
    return ERR_OK;
}

/* -- dispatch */

void
clerk_query_drive(struct flow *f, struct flow_job *job)
{
    struct store_row row;
    if (job->kind == JOB_NOTE) {
        note_drive(f, job);
        return;
    }
    if (job->kind != JOB_WAIT)
        return;
    const struct chan_ticket t = job->ticket;
    if (store_row_get(f->store, job->id, &row) == ERR_OK)
        query_answer_row(f, &t, &row);
    else
        flow_reply_code(f, &t, NULL, "not-found", SPAN_LIT(""), SPAN_LIT(""));
    flow_job_free(job);
}

enum err
clerk_query_answer(struct flow *f, struct flow_job *job, const struct msg *m)
{
    if (job->kind == JOB_DRY && m->type == MSG_PREFLIGHTED)
        return clerk_dry_answer(f, job, m);
    if (job->kind == JOB_NOTE && m->type == MSG_APPENDED)
        return note_appended(f, job, m);
    return ERR_PROTOCOL;
}

static void
query_health(struct flow *f, const struct chan_ticket *t)
{
    static const char *const words[] = {"unconfirmed", "confirmed", "quarantined"};
    struct canon w;
    char text[256];
    struct span body;
    canon_init(&w, text, sizeof(text));
    canon_object(&w);
    canon_member_bool(&w, "counters_unknown", f->counters_unknown);
    canon_member_bool(&w, "draining", f->draining);
    canon_member_str(&w, "log", f->log_known ? words[f->log_state] : "unavailable");
    canon_member_int(&w, "runs", (int64_t)f->stats.runs);
    canon_end(&w);
    if (canon_finish(&w, &body) == ERR_OK)
        flow_reply_json(f, t, NULL, 200, body, 0, SPAN_LIT(""));
}

static void
query_lists(struct flow *f, const struct chan_ticket *t, const struct p_query *p)
{
    struct store_filter filter = {.direction = -1, .shown = -1};
    const char *path = "/v1/transfers";
    if (p->what == QUERY_INBOX) {
        filter.inbox = true;
        path = "/v1/inbox";
    } else if (p->what == QUERY_AUDIT) {
        path = "/v1/audit/transfers";
    }
    if (p->what == QUERY_AUDIT && !query_sees_all(p))
        flow_reply_code(f, t, NULL, "role-not-allowed", SPAN_LIT(""), SPAN_LIT(""));
    else if (p->what != QUERY_TRANSFERS || !query_by_key(f, t, p))
        query_list(f, t, p, &filter, path);
}

/* What only operators and auditors ask. */
static void
query_operators(struct flow *f, const struct chan_ticket *t, const struct p_query *p,
                const uint8_t id[static 16], enum role_id from)
{
    if (!query_sees_all(p))
        flow_reply_code(f, t, NULL, "role-not-allowed", SPAN_LIT(""), SPAN_LIT(""));
    else if (p->what == QUERY_HOLDS)
        clerk_hold_list(f, t, p);
    else if (p->what == QUERY_HOLD)
        clerk_hold_show(f, t, p, id);
    else if (p->what == QUERY_COUNTERS)
        clerk_counter_show(f, t, p);
    else if (p->what == QUERY_ADJUST)
        clerk_counter_ask(f, t, p, from);
    else
        clerk_hold_ask(f, t, p, id, from);
}

enum err
clerk_query_in(struct flow *f, enum role_id from, const struct chan_ticket *t, const struct msg *m)
{
    struct p_query p;
    TRY(payload_query_get(m->body, &p));
    if (p.what == QUERY_HEALTH && from == ROLE_DESK) {
        query_health(f, t); /* desk asks for itself: nobody's role */
        return ERR_OK;
    }
    if (p.role != IDENTITY_PARTNER && !query_sees_all(&p))
        return ERR_RANGE;
    switch (p.what) {
    case QUERY_TRANSFER:
    case QUERY_INBOX_ITEM:
        query_transfer(f, t, &p, m->transfer, from);
        return ERR_OK;
    case QUERY_TRANSFERS:
    case QUERY_INBOX:
    case QUERY_AUDIT:
        query_lists(f, t, &p);
        return ERR_OK;
    case QUERY_RECEIPT: {
        struct store_row row;
        if (query_row(f, &p, m->transfer, &row) != ERR_OK)
            flow_reply_code(f, t, NULL, "not-found", SPAN_LIT(""), SPAN_LIT(""));
        else
            clerk_evidence_ask(f, t, &row, from);
        return ERR_OK;
    }
    case QUERY_ACK:
        query_ack(f, t, &p, m->transfer);
        return ERR_OK;
    case QUERY_DECISION:
        clerk_dry_ask(f, t, &p, from);
        return ERR_OK;
    case QUERY_HOLDS:
    case QUERY_HOLD:
    case QUERY_APPROVAL:
    case QUERY_COUNTERS:
    case QUERY_ADJUST:
        query_operators(f, t, &p, m->transfer, from);
        return ERR_OK;
    default:
        return ERR_RANGE;
    }
}

/* -- the corridor's state, and housekeeping */

/* An offer that is refused and not receipted yet counts as offered: who heard that it were released
 * would hold the body to be here, and release. */
static const char *
query_corridor_word(const struct store_row *row)
{
    static const uint8_t no_release[32] = {0};
    if (flow_state_is_final(row->shown))
        return "done";
    if (memcmp(row->release_hash, no_release, sizeof(no_release)) != 0)
        return "released";
    if (row->state == FLOW_M2_RECEIVING)
        return "receiving";
    return row->state == FLOW_M3_COMPLETE ? "complete" : "offered";
}

void
clerk_query_corridor(struct flow *f, const struct chan_ticket *t, const struct store_row *row,
                     struct span parcel)
{
    struct canon w;
    struct span body;
    uint8_t *out = NULL;
    uint8_t *text = NULL;
    const size_t cap = parcel.len * 4 / 3 + 256;
    size_t len = 0;
    if (room_take(&f->room, cap, &out) != ERR_OK || room_take(&f->room, cap, &text) != ERR_OK ||
        text_base64(parcel, false, (char *)text, cap, &len) != ERR_OK) {
        flow_reply_corridor(f, t, 503, SPAN_LIT(""), NULL, NULL);
        return;
    }
    canon_init(&w, (char *)out, cap);
    canon_object(&w);
    canon_member_int(&w, "groups", (int64_t)row->groups);
    canon_key(&w, "receipt");
    if (parcel.len == 0)
        canon_null(&w);
    else
        canon_string(&w, span_of(text, len));
    canon_member_str(&w, "state", query_corridor_word(row));
    canon_end(&w);
    if (canon_finish(&w, &body) == ERR_OK)
        flow_reply_corridor(f, t, 200, body, row, NULL);
    else
        flow_reply_corridor(f, t, 503, SPAN_LIT(""), NULL, NULL);
}

void
clerk_query_clean(struct flow *f)
{
    enum err err = store_begin(f->store);
    if (err == ERR_OK)
        err = store_idem_expire(f->store, flow_run_wall(f) - f->config.idempotency_ms);
    err = store_end(f->store, err);
    if (err == ERR_IO)
        flow_run_dead(f);
}
