/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 1, accept: what a partner wants to send is checked against limits, names and earlier
 * requests, then preflight asks judge. Nothing is stored before judge and keeper have answered;
 * then X1 holds the row, the Idempotency-Key, the OFFER and the wrapped data key, or XP the denial
 * that is to be logged. */
#include "gateway/clerk/counter.h"
#include "gateway/flow/stages.h"
#include "inspect/nametest.h"
#include "schemas/entry.h"
#include "schemas/text.h"

enum { S1_KEY_MAX = 255, S1_FACTS_NODES = 4096 };

/* Copies text of a message into a row's field. ERR_RANGE: too long, or with a NUL. */
static enum err
s1_text(struct span text, char *out, size_t cap)
{
    if (text.len >= cap || (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL))
        return ERR_RANGE;
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return ERR_OK;
}

/* Declared lengths of the uploads that are not sealed yet; their files count only then. */
static uint64_t
s1_bytes_under_way(const struct flow *f)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < FLOW_RUNS_MAX; i++) {
        const struct flow_run *run = &f->runs[i];
        if (run->used && run->row.direction == DIRECTION_EXPORT && run->row.sealed == 0 &&
            run->row.state <= FLOW_X2_RECEIVING && run->row.bytes != STORE_NONE)
            bytes += run->row.bytes; /* each at most limits.dataset_bytes */
    }
    return bytes;
}

/* http-api.md, Names. */
static bool
s1_is_name(struct span name, size_t bytes_max)
{
    if (name.len == 0 || name.len > bytes_max || name.ptr[0] == '.')
        return false;
    for (size_t at = 0; at < name.len;) {
        uint32_t scalar = 0;
        if (text_utf8_next(name, &at, &scalar) != ERR_OK)
            return false;
        if (scalar < 0x20 || (scalar >= 0x7f && scalar < 0xa0) || scalar == '/')
            return false;
    }
    return true;
}

/* Is there an identifier in a string of the facts? What is no JSON is judge's to refuse. */
static bool
s1_facts_identify(struct flow *f, struct span facts)
{
    struct json_doc doc = {.node_cap = S1_FACTS_NODES, .text_cap = facts.len};
    const size_t mark = f->room.len;
    uint8_t *nodes = NULL;
    bool found = false;
    if (facts.len == 0 ||
        room_take(&f->room, sizeof(struct json_node) * S1_FACTS_NODES, &nodes) != ERR_OK ||
        room_take(&f->room, facts.len, &doc.text) != ERR_OK)
        return facts.len != 0;
    doc.nodes = (void *)nodes;
    if (json_read(&doc, facts, NULL) == ERR_OK) {
        for (size_t i = 0; i < doc.node_count && !found; i++)
            found = doc.nodes[i].type == JSON_STRING &&
                    nametest_has_identifier(doc.nodes[i].text, NULL);
    }
    f->room.len = mark;
    return found;
}

static size_t
s1_uploads_of(const struct flow *f, const char *party)
{
    size_t count = 0;
    for (size_t i = 0; i < FLOW_RUNS_MAX; i++) {
        const struct flow_run *run = &f->runs[i];
        const bool open = run->row.seq == 0 || run->row.state == FLOW_X1_CREATED ||
                          run->row.state == FLOW_X2_RECEIVING;
        if (run->used && run->row.direction == DIRECTION_EXPORT && open &&
            strcmp(run->row.party, party) == 0)
            count++;
    }
    return count;
}

const char *
s1_accept_refusal(struct flow *f, struct span name, struct span facts, uint64_t length)
{
    if (!s1_is_name(name, f->config.name_bytes_max))
        return "bad-name";
    if (nametest_has_identifier(name, NULL) || s1_facts_identify(f, facts))
        return "name-contains-identifier";
    return length != STORE_NONE && length > f->config.dataset_bytes_max ? "too-large" : NULL;
}

/* The code with which an upload is refused before anybody is asked; NULL: none. */
static const char *
s1_refusal(struct flow *f, const struct p_upload_open *p, const struct store_row *row)
{
    uint64_t used = 0;
    uint64_t peer = 0;
    if (f->log_state == LOG_QUARANTINED)
        return "quarantined";
    if (f->draining)
        return "draining";
    if (f->out.generation(f->out.ctx, ROLE_LEDGER, 0) == 0)
        return "log-unavailable";
    const char *code = s1_accept_refusal(f, p->name, p->facts, p->length);
    if (code != NULL)
        return code;
    if (s1_uploads_of(f, row->party) >= f->config.uploads_per_partner)
        return "too-many-uploads";
    if (store_spool_use(f->store, NULL, &used, &peer) != ERR_OK)
        return "internal";
    used += s1_bytes_under_way(f);
    const uint64_t wanted = p->length == STORE_NONE ? 0 : p->length;
    if (used >= f->config.spool_bytes_max || wanted > f->config.spool_bytes_max - used)
        return "spool-full";
    return NULL;
}

/* Answers a request that was made before. True when it did. */
static bool
s1_replay(struct flow *f, const struct chan_ticket *t, const struct p_upload_open *p,
          const struct store_row *row)
{
    const int64_t since = flow_run_wall(f) - f->config.idempotency_ms;
    struct store_idem idem;
    struct store_row first;
    char code[64];
    const enum err err =
        store_idem_get(f->store, row->party, p->idempotency_key, since, &f->room, &idem);
    if (err == ERR_NOT_FOUND)
        return false;
    if (err != ERR_OK) {
        flow_reply_code(f, t, NULL, "internal", SPAN_LIT(""), SPAN_LIT(""));
        return true;
    }
    if (memcmp(idem.fingerprint, p->fingerprint, sizeof(idem.fingerprint)) != 0)
        flow_reply_code(f, t, NULL, "idempotency-mismatch", SPAN_LIT(""), SPAN_LIT(""));
    else if (idem.status == 0 && store_row_get(f->store, idem.transfer, &first) == ERR_OK &&
             (flow_state_is_final(first.shown) || first.shown == FLOW_SHOWN_HELD ||
              first.shown == FLOW_SHOWN_HELD_AGAIN))
        flow_reply_row(f, t, &first); /* a stop came between its end and its answer */
    else if (idem.status == 0)
        flow_reply_code(f, t, idem.transfer, "idempotency-in-progress", SPAN_LIT(""), SPAN_LIT(""));
    else if (idem.code.len > 0 && s1_text(idem.code, code, sizeof(code)) == ERR_OK)
        flow_reply_stored(f, t, &idem);
    else
        flow_reply_json(f, t, idem.transfer, (uint16_t)idem.status, idem.body,
                        ANSWER_LOCATION | ANSWER_REPLAYED, SPAN_LIT(""));
    return true;
}

/* Without a key: the same dataset within the time is the first transfer. */
static bool
s1_same(struct flow *f, const struct chan_ticket *t, const struct store_row *row)
{
    static const uint8_t zero[32] = {0};
    struct store_row first;
    const int64_t since = flow_run_wall(f) - f->config.idempotency_ms;
    if (memcmp(row->digest, zero, sizeof(zero)) == 0 ||
        store_row_same(f->store, row, since, &first) != ERR_OK)
        return false;
    flow_reply_row(f, t, &first);
    return true;
}

static enum err
s1_row(const struct p_upload_open *p, struct store_row *row)
{
    row->direction = DIRECTION_EXPORT;
    row->bytes = p->length;
    memcpy(row->cert, p->cert, sizeof(row->cert));
    if (p->digest.len != 0 && p->digest.len != sizeof(row->digest))
        return ERR_RANGE;
    if (p->digest.len != 0)
        memcpy(row->digest, p->digest.ptr, sizeof(row->digest));
    if (p->idempotency_key.len > S1_KEY_MAX)
        return ERR_RANGE;
    TRY(s1_text(p->partner, row->party, sizeof(row->party)));
    return row->party[0] == 0 ? ERR_RANGE : ERR_OK;
}

static void
s1_preflight(struct flow *f, struct flow_run *run, const struct p_upload_open *p)
{
    struct counter_value value = {0};
    struct p_preflight ask = {.partner = p->partner,
                              .agreement = p->agreement,
                              .name = p->name,
                              .facts = p->facts,
                              .length = p->length};
    struct span body;
    const enum err err =
        counter_present(f->store, run->row.party, counter_year(flow_run_wall(f)), &f->room, &value);
    memcpy(ask.cert, p->cert, sizeof(ask.cert));
    if (err == ERR_OK && !f->counters_unknown) {
        ask.counters = 1;
        ask.count_pi = value.after[COUNTER_PI];
        ask.count_spi = value.after[COUNTER_SPI];
    }
    if (payload_preflight_put(&ask, f->tx, sizeof(f->tx), &body) != ERR_OK) {
        s1_accept_drop(f, run, "bad-request");
        return;
    }
    flow_run_ask(f, run, ROLE_JUDGE, 0, MSG_PREFLIGHT, body);
    if (run->conv.tag == 0)
        s1_accept_drop(f, run, "internal");
}

enum err
s1_accept_open(struct flow *f, unsigned edge, const struct chan_ticket *t, struct msg *m)
{
    struct p_upload_open p;
    struct store_row row = {0};
    TRY(payload_upload_open_get(m->body, &p));
    TRY(s1_row(&p, &row)); /* an edge that sends these is broken */
    if (s1_text(p.name, row.name, sizeof(row.name)) != ERR_OK) {
        flow_reply_code(f, t, NULL, "bad-name", SPAN_LIT(""), SPAN_LIT(""));
        return ERR_OK;
    }
    if (s1_text(p.agreement, row.agreement, sizeof(row.agreement)) != ERR_OK) {
        flow_reply_code(f, t, NULL, "unknown-agreement", SPAN_LIT(""), SPAN_LIT(""));
        return ERR_OK;
    }
    if (p.idempotency_key.len > 0 ? s1_replay(f, t, &p, &row) : s1_same(f, t, &row))
        return ERR_OK;
    const char *code = s1_refusal(f, &p, &row);
    struct flow_run *run = code == NULL ? flow_run_new(f) : NULL;
    if (run == NULL) {
        flow_reply_code(f, t, NULL, code == NULL ? "too-many-uploads" : code, SPAN_LIT(""),
                        SPAN_LIT(""));
        return ERR_OK;
    }
    row.log_index = run->row.log_index;
    row.peer_index = run->row.peer_index;
    row.wake_ms = STORE_NEVER;
    row.retain_ms = STORE_NEVER;
    run->row = row;
    run->edge =
        (struct flow_peer){true, (uint8_t)edge, f->out.generation(f->out.ctx, ROLE_EDGE, edge)};
    run->has_open = true;
    run->open = *t;
    if (f->out.random(f->out.ctx, run->row.id, sizeof(run->row.id)) != ERR_OK ||
        flow_run_keep(run, KEEP_OPEN, m->body) != ERR_OK) {
        s1_accept_drop(f, run, "internal");
        return ERR_OK;
    }
    s1_preflight(f, run, &p);
    return ERR_OK;
}

void
s1_accept_drop(struct flow *f, struct flow_run *run, const char *code)
{
    if (run->has_open)
        flow_reply_code(f, &run->open, NULL, code, SPAN_LIT(""), SPAN_LIT(""));
    run->has_open = false;
    flow_run_free(f, run);
}

/* -- what judge and keeper said */

static enum err
s1_store_key(struct flow *f, const struct flow_run *run, const struct p_upload_open *open)
{
    struct store_idem idem = {.created_ms = run->row.created_ms};
    if (open->idempotency_key.len == 0)
        return ERR_OK;
    memcpy(idem.fingerprint, open->fingerprint, sizeof(idem.fingerprint));
    memcpy(idem.transfer, run->row.id, sizeof(idem.transfer));
    return store_idem_put(f->store, run->row.party, open->idempotency_key, &idem);
}

/* What both X1 and XP stand on. */
static enum err
s1_store_common(struct flow *f, struct flow_run *run, const struct p_upload_open *open,
                const struct p_preflighted *p)
{
    struct store_row *row = &run->row;
    TRY(s1_text(p->to_zone, row->peer, sizeof(row->peer)));
    TRY(s1_text(p->recipient, row->other, sizeof(row->other)));
    row->policy_epoch = p->policy_epoch;
    row->verdict = p->verdict;
    TRY(store_part_put(f->store, row->id, STORE_FACTS, 0, open->facts));
    TRY(store_part_put(f->store, row->id, STORE_DECISION, 0, p->decision));
    return s1_store_key(f, run, open);
}

static enum err
s1_fill_refused(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_preflighted *p = arg;
    const struct store_entry entry = {.kind = ENTRY_DECISION, .bytes = p->entry, .salts = p->salts};
    struct p_upload_open open;
    TRY(payload_upload_open_get(run->kept[KEEP_OPEN], &open));
    TRY(s1_store_common(f, run, &open, p));
    run->row.decisions = 1;
    TRY(store_part_put(f->store, run->row.id, STORE_RECORD, 0, p->record));
    return store_entry_put(f->store, run->row.id, &entry);
}

static enum err
s1_fill_created(struct flow *f, struct flow_run *run, const void *arg)
{
    const struct p_offered *offered = arg;
    struct store_row *row = &run->row;
    struct p_upload_open open;
    struct p_preflighted p;
    TRY(payload_upload_open_get(run->kept[KEEP_OPEN], &open));
    TRY(payload_preflighted_get(run->kept[KEEP_CHECKED], &p));
    TRY(s1_store_common(f, run, &open, &p));
    if (p.debits.len % COUNTER_DEBIT_BYTES != 0 ||
        p.debits.len > COUNTER_DEBITS_MAX * COUNTER_DEBIT_BYTES)
        return ERR_RANGE;
    if (p.debits.len > 0)
        TRY(store_part_put(f->store, row->id, STORE_DEBITS, 0, p.debits));
    row->suite = p.suite;
    row->retain_days = p.retain_days;
    row->reserved_at = p.bytes_max; /* until sealed: the most it may have */
    row->not_after = (uint64_t)(row->created_ms / 1000) + f->config.offer_valid_s;
    row->epoch = offered->epoch;
    memcpy(row->offer_hash, offered->offer_hash, sizeof(row->offer_hash));
    TRY(store_part_put(f->store, row->id, STORE_SPEC, 0, p.spec));
    TRY(store_part_put(f->store, row->id, STORE_OFFER, 0, offered->offer));
    return store_part_put(f->store, row->id, STORE_WRAPPED, 0, offered->wrapped);
}

/* Both halves are here: judge's verdict and keeper's OFFER. */
static enum err
s1_join(struct flow *f, struct flow_run *run)
{
    const unsigned both = RUN_CHECKED | RUN_OFFERED;
    struct p_offered offered;
    if ((run->flags & both) != both)
        return ERR_OK;
    TRY(payload_offered_get(run->kept[KEEP_OFFERED], &offered));
    if (offered.err != 0) {
        s1_accept_drop(f, run, "internal");
        return ERR_OK;
    }
    const enum err err = flow_run_save(f, run, FLOW_X1_CREATED, s1_fill_created, &offered);
    if (err == ERR_EXISTS)
        s1_accept_drop(f, run, "idempotency-in-progress"); /* the same key, a moment earlier */
    else if (err != ERR_OK && !f->dead)
        s1_accept_drop(f, run, err == ERR_NO_SPACE ? "spool-full" : "internal");
    return ERR_OK;
}

enum err
s1_accept_preflighted(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_preflighted p;
    char code[64];
    TRY(payload_preflighted_get(m->body, &p));
    if (p.verdict > VERDICT_ALLOW)
        return ERR_RANGE;
    if (p.code.len > 0) {
        TRY(s1_text(p.code, code, sizeof(code)));
        if (run->has_open)
            flow_reply_code(f, &run->open, NULL, code, p.detail, SPAN_LIT(""));
        run->has_open = false;
        flow_run_free(f, run);
        return ERR_OK;
    }
    if (p.verdict == VERDICT_DENY) {
        const enum err err = flow_run_save(f, run, FLOW_XP_REFUSED, s1_fill_refused, &p);
        if (err != ERR_OK && !f->dead)
            s1_accept_drop(f, run, err == ERR_EXISTS ? "idempotency-in-progress" : "internal");
        return ERR_OK;
    }
    run->flags |= RUN_CHECKED;
    if (flow_run_keep(run, KEEP_CHECKED, m->body) != ERR_OK) {
        s1_accept_drop(f, run, "internal");
        return ERR_OK;
    }
    flow_run_wait(f, run, f->config.role_ms);
    return s1_join(f, run);
}

enum err
s1_accept_offered(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_offered p;
    TRY(payload_offered_get(m->body, &p));
    if (run->row.seq != 0 || (run->flags & RUN_OFFERED) != 0)
        return ERR_OK;
    if (flow_run_keep(run, KEEP_OFFERED, m->body) != ERR_OK)
        return ERR_OK; /* the wait for it ends */
    run->flags |= RUN_OFFERED;
    return s1_join(f, run);
}
