/* SPDX-License-Identifier: Apache-2.0 */
/* Stage 5, decide: judge decides on findings, SEALED and the counters as reserved; keeper answers
 * the permit. Both are stored (X5) before anybody is told. A judge that was restarted is given the
 * evidence again, which keeper vouches for by its macs. Import decisions (i6) share this file. */
#include "gateway/clerk/counter.h"
#include "gateway/flow/restored.h"
#include "schemas/entry.h"

#include <unistd.h>

/* What each approval's envelope comes to with this transfer: (sha256, after), for judge. */
static enum err
s5_debits(struct flow *f, struct flow_run *run, uint64_t year, struct p_decide *ask)
{
    struct span approvals = {0};
    uint8_t *out = NULL;
    const enum err err =
        store_part_get(f->store, run->row.id, STORE_DEBITS, 0, &f->room, &approvals);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    const size_t count = approvals.len / COUNTER_DEBIT_BYTES;
    TRY(room_take(&f->room, count * (COUNTER_DEBIT_BYTES + 8), &out));
    for (size_t i = 0; i < count; i++) {
        const uint8_t *approval = approvals.ptr + i * COUNTER_DEBIT_BYTES;
        uint8_t *pair = out + i * (COUNTER_DEBIT_BYTES + 8);
        uint64_t after = 0;
        TRY(counter_debit(f->store, run->row.id, run->row.party, year, approval, &f->room, &after));
        memcpy(pair, approval, COUNTER_DEBIT_BYTES);
        for (size_t k = 0; k < 8; k++)
            pair[COUNTER_DEBIT_BYTES + k] = (uint8_t)(after >> 8 * k);
    }
    ask->debits = span_of(out, count * (COUNTER_DEBIT_BYTES + 8));
    return ERR_OK;
}

/* The counters of the question; the reservation moves when the year turned. */
static enum err
s5_counters(struct flow *f, struct flow_run *run, struct p_decide *ask)
{
    struct counter_value value = {0};
    const uint64_t year = counter_year(flow_run_wall(f));
    uint64_t reserved = 0;
    if (run->row.direction == DIRECTION_IMPORT)
        return ERR_OK;
    TRY(store_reserve_get(f->store, run->row.id, &reserved));
    if (reserved != year) {
        TRY(store_begin(f->store));
        TRY(store_end(f->store, store_reserve_put(f->store, run->row.id, run->row.party, year)));
    }
    TRY(counter_value(f->store, run->row.id, run->row.party, year, &f->room, &value));
    ask->counters = f->counters_unknown ? 0 : 1;
    ask->after_pi = f->counters_unknown ? 0 : value.after[COUNTER_PI];
    ask->after_spi = f->counters_unknown ? 0 : value.after[COUNTER_SPI];
    ask->pending_others = value.pending_others ? 1 : 0;
    run->row.pending_others = ask->pending_others;
    return f->counters_unknown ? ERR_OK : s5_debits(f, run, year, ask);
}

/* What judge needs of the peer for a `received` entry. */
static enum err
s5_of_peer(struct flow *f, struct flow_run *run, struct p_decide *ask)
{
    struct entry_peer peer;
    if (run->row.direction == DIRECTION_EXPORT)
        return ERR_OK;
    TRY(i9_erase_peer(f, &run->row, ask->peer_leaf, &peer));
    ask->peer_origin = peer.origin;
    ask->peer_index = peer.index;
    return store_part_get(f->store, run->row.id, STORE_RELEASE, 0, &f->room, &ask->release);
}

/* Judge forgets; what operators' words are about it hears before each decision on them. */
static enum err
s5_held(struct flow *f, struct flow_run *run, const struct s6_hold_words *words)
{
    struct p_held p;
    struct span record;
    struct span body;
    int fd = -1;
    memcpy(p.held, words->held, sizeof(p.held));
    TRY(s6_hold_record(f, &run->row, words->held, &record));
    TRY(payload_held_put(&p, f->tx, sizeof(f->tx), &body));
    TRY(flow_reply_memfd(record, &fd));
    const enum err err = flow_run_tell(f, run, ROLE_JUDGE, 0, MSG_HELD, body, &fd, 1);
    (void)close(fd);
    return err;
}

/* A question is kept until it is answered: counters and words move on, and judge, who may have
 * answered to a channel that is gone, takes another question under the same number for a
 * contradiction. What comes meanwhile counts from the next number on. */
static enum err
s5_ask(struct flow *f, struct flow_run *run)
{
    struct p_decide ask = {.direction = (uint8_t)run->row.direction,
                           .n = (uint16_t)run->row.decisions};
    struct span body;
    memcpy(ask.offer_hash, run->row.offer_hash, sizeof(ask.offer_hash));
    if (!f->compared)
        return ERR_AGAIN; /* whether the counters count, and what the log says, is not known yet */
    TRY(s5_of_peer(f, run, &ask));
    if (run->kept[KEEP_ASKED].ptr == NULL)
        TRY(s5_counters(f, run, &ask));
    if (run->row.decisions > 0) {
        struct s6_hold_words words;
        TRY(s6_hold_words(f, &run->row, &words));
        ask.approval = words.notes;
        memcpy(ask.held, words.held, sizeof(ask.held));
        if (words.notes.len > 0)
            TRY(s5_held(f, run, &words));
    }
    if (run->kept[KEEP_ASKED].ptr == NULL) {
        TRY(payload_decide_put(&ask, f->tx, sizeof(f->tx), &body));
        TRY(flow_run_keep(run, KEEP_ASKED, body));
    }
    flow_run_ask(f, run, ROLE_JUDGE, 0, MSG_DECIDE, run->kept[KEEP_ASKED]);
    return ERR_OK;
}

void
s5_decide_drive(struct flow *f, struct flow_run *run)
{
    run->flags &= ~(unsigned)(RUN_DECIDED | RUN_PERMITTED);
    const enum err err = s5_ask(f, run);
    if (err == ERR_IO)
        flow_run_dead(f);
    else if (err != ERR_OK)
        flow_run_retry(f, run);
}

/* What is to be stored: a decision, under n; its entry, unless that is in the log already. */
struct s5_decided {
    const struct p_decided *p;
    uint64_t n;
    bool is_said;
};

static enum err
s5_fill(struct flow *f, struct flow_run *run, const void *arg)
{
    struct store_row *row = &run->row;
    const struct s5_decided *d = arg;
    const struct p_decided *p = d->p;
    const bool out = row->direction == DIRECTION_EXPORT;
    const struct store_entry entry = {.kind = out ? ENTRY_DECISION : ENTRY_RECEIVED,
                                      .n = d->n,
                                      .bytes = p->entry,
                                      .salts = p->salts};
    struct p_permitted permit;
    TRY(payload_permitted_get(run->kept[KEEP_PERMIT], &permit));
    row->n = d->n;
    row->decisions = (uint64_t)p->n + 1;
    row->verdict = p->verdict;
    memcpy(row->seal_hash, p->seal_hash, sizeof(row->seal_hash));
    TRY(store_part_put(f->store, row->id, STORE_DECISION, d->n, p->decision));
    TRY(store_part_put(f->store, row->id, STORE_RECORD, d->n, p->record));
    TRY(store_part_put(f->store, row->id, STORE_OBSERVED, d->n, p->observed));
    TRY(store_part_put(f->store, row->id, STORE_PERMIT, d->n, permit.permit));
    if (p->hold.len > 0)
        TRY(store_part_put(f->store, row->id, STORE_HOLD, d->n, p->hold));
    return d->is_said ? ERR_OK : store_entry_put(f->store, row->id, &entry);
}

/* An import whose `received` was in the log before this database was restored is decided again, for
 * keeper's permit; what the log says stands. False: the two contradict each other, and the import
 * was ended. */
static bool
s5_agrees(struct flow *f, struct flow_run *run, struct s5_decided *d)
{
    uint64_t n = 0;
    uint8_t verdict = VERDICT_DENY;
    if (run->row.direction == DIRECTION_EXPORT || d->p->verdict == VERDICT_HOLD)
        return true;
    const enum err err = restored_received(f, &run->row, &n, &verdict);
    if (err == ERR_NOT_FOUND)
        return true;
    if (err != ERR_OK) {
        flow_run_retry(f, run);
        return false;
    }
    d->n = n;
    d->is_said = true;
    if (verdict == d->p->verdict)
        return true;
    f->out.notice(f->out.ctx, FLOW_NOTICE_CONFLICT, run->row.id, n);
    if (verdict == VERDICT_ALLOW)
        i9_erase_received(f, run, n, "contradicts-log");
    else
        i6_decide_refuse(f, run, "operator", "contradicts-log", FLOW_ME_EXPIRED);
    return false;
}

/* Judge's decision and keeper's permit for it are both here. */
static void
s5_join(struct flow *f, struct flow_run *run)
{
    const unsigned both = RUN_DECIDED | RUN_PERMITTED;
    const bool out = run->row.direction == DIRECTION_EXPORT;
    struct p_decided p;
    struct p_permitted permit;
    if ((run->flags & both) != both || payload_decided_get(run->kept[KEEP_DECIDED], &p) != ERR_OK ||
        payload_permitted_get(run->kept[KEEP_PERMIT], &permit) != ERR_OK)
        return;
    if (permit.n != p.n)
        return; /* of an earlier question; the right one comes */
    struct s5_decided decided = {.p = &p, .n = p.n};
    if (!s5_agrees(f, run, &decided))
        return;
    const enum err err =
        flow_run_save(f, run, out ? FLOW_X5_DECIDED : FLOW_M6_DECIDED, s5_fill, &decided);
    if (err == ERR_CONFLICT)
        f->out.notice(f->out.ctx, FLOW_NOTICE_CONFLICT, run->row.id, p.n);
    if (err != ERR_OK && !f->dead)
        flow_run_retry(f, run);
}

/* Judge forgot: keeper first vouches for what is stored here (export), then it gets it again. */
static void
s5_vouch(struct flow *f, struct flow_run *run)
{
    struct p_vouch ask = {0};
    struct span body;
    memcpy(ask.offer_hash, run->row.offer_hash, sizeof(ask.offer_hash));
    memcpy(ask.findings_hash, run->row.findings_hash, sizeof(ask.findings_hash));
    memcpy(ask.findings_mac, run->row.findings_mac, sizeof(ask.findings_mac));
    enum err err = store_part_get(f->store, run->row.id, STORE_WRAPPED, 0, &f->room, &ask.wrapped);
    if (err == ERR_OK)
        err = store_part_get(f->store, run->row.id, STORE_SEALED, 0, &f->room, &ask.sealed);
    if (err == ERR_OK)
        err = payload_vouch_put(&ask, f->tx, sizeof(f->tx), &body);
    if (err == ERR_OK)
        flow_run_ask(f, run, ROLE_KEEPER, 0, MSG_VOUCH, body);
    else
        flow_run_retry(f, run);
}

static enum err
s5_evidence(struct flow *f, struct flow_run *run)
{
    const struct store_row *row = &run->row;
    struct p_sealed sealed;
    struct p_evidence p = {.direction = (uint8_t)row->direction,
                           .peer = span_str(row->peer),
                           .partner = span_str(row->party),
                           .agreement = span_str(row->agreement),
                           .name = span_str(row->name),
                           .length = row->bytes,
                           .bytes_in = row->bytes};
    struct span findings;
    struct span body;
    int fd = -1;
    TRY(store_part_get(f->store, row->id, STORE_OFFER, 0, &f->room, &p.offer));
    TRY(store_part_get(f->store, row->id, STORE_FACTS, 0, &f->room, &p.facts));
    TRY(store_part_get(f->store, row->id, STORE_FINDINGS, 0, &f->room, &findings));
    TRY(store_part_get(f->store, row->id, STORE_SEALED, 0, &f->room, &body));
    TRY(payload_sealed_get(body, &sealed));
    p.bytes_out = sealed.plaintext_len;
    memcpy(p.cert, row->cert, sizeof(p.cert));
    memcpy(p.findings_hash, row->findings_hash, sizeof(p.findings_hash));
    TRY(payload_evidence_put(&p, f->tx, sizeof(f->tx), &body));
    TRY(flow_reply_memfd(findings, &fd));
    const enum err err = flow_run_tell(f, run, ROLE_JUDGE, 0, MSG_EVIDENCE, body, &fd, 1);
    (void)close(fd);
    return err;
}

enum err
s5_decide_vouched(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_vouch_done p;
    TRY(payload_vouch_done_get(m->body, &p));
    if (p.err != 0 || s5_evidence(f, run) != ERR_OK) {
        flow_run_retry(f, run);
        return ERR_OK;
    }
    run->flags |= RUN_VOUCHED;
    flow_run_wait(f, run, 1); /* VOUCHED goes from keeper to judge on its own channel */
    return ERR_OK;
}

/* What is not decided now or ever: it ends, and the sender or the peer learns why. False: it may be
 * decided when asked again. */
static bool
s5_never(struct flow *f, struct flow_run *run, uint16_t err)
{
    static const struct {
        enum err err;
        const char *code; /* of an export */
        const char *detail;
        const char *reason; /* of an import */
    } table[] = {
        /* What does not fit when judge writes it down; queues that are full are ERR_AGAIN. */
        {ERR_FULL, "too-large", "the record of the decision", "decision-too-large"},
        {ERR_TOO_LARGE, "too-large", "the record of the decision", "decision-too-large"},
        {ERR_DENIED, "unknown-agreement", "what let it in is not in force any more", "no-basis"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (err != (uint16_t)-table[i].err)
            continue;
        if (run->row.direction == DIRECTION_IMPORT)
            i5_open_never(f, run, err, table[i].reason);
        else if (run->row.decisions > 0) /* the log has a hold of it, and gets its end */
            s9_receipt_refuse(f, run, "operator", table[i].code, FLOW_XF_FAILED);
        else
            s2_receive_fail(f, run, table[i].code, span_str(table[i].detail));
        return true;
    }
    if (flow_never_passes(err) || !flow_never_said(run))
        return false;
    if (run->row.direction == DIRECTION_IMPORT)
        i5_open_never(f, run, err, flow_never_reason(err, "undecidable"));
    else if (run->row.decisions > 0)
        s9_receipt_refuse(f, run, "operator", "internal", FLOW_XF_FAILED);
    else
        s2_receive_fail(f, run, "internal", SPAN_LIT("judge cannot decide on it"));
    return true;
}

enum err
s5_decide_decided(struct flow *f, struct flow_run *run, const struct msg *m)
{
    struct p_decided p;
    TRY(payload_decided_get(m->body, &p));
    if (run->row.state != FLOW_X4_RESERVED && run->row.state != FLOW_M5_INSPECTED)
        return ERR_OK;
    if (p.err != 0)
        flow_run_drop(run, KEEP_ASKED); /* nothing was decided */
    if (p.err == (uint16_t)-ERR_NOT_FOUND) {
        if (run->row.direction == DIRECTION_IMPORT)
            i5_open_forgotten(f, run); /* judge also needs the offer before the findings */
        else if ((run->flags & RUN_VOUCHED) != 0 && run->tries % 4 != 3)
            flow_run_retry(f, run); /* VOUCHED is on its way, unless keeper died with it */
        else
            s5_vouch(f, run);
        return ERR_OK;
    }
    if (p.err == (uint16_t)-ERR_SYNTAX) {
        /* The inspector's report is none: no decision can ever rest on it. Another one may see
         * better, or the same; a third is not asked for ever. */
        if (run->row.direction == DIRECTION_IMPORT && !flow_never_said(run))
            i5_open_again(f, run);
        else if (run->row.direction == DIRECTION_IMPORT)
            i5_open_never(f, run, p.err, "inspector-failed");
        else
            s2_receive_fail(f, run, "inspector-failed", SPAN_LIT(""));
        return ERR_OK;
    }
    if (p.err != 0) {
        if (!s5_never(f, run, p.err))
            flow_run_retry(f, run);
        return ERR_OK;
    }
    if (p.verdict > VERDICT_ALLOW || p.n != run->row.decisions || p.entry.len == 0)
        return ERR_RANGE;
    if (flow_run_keep(run, KEEP_DECIDED, m->body) != ERR_OK) {
        flow_run_retry(f, run);
        return ERR_OK;
    }
    run->flags |= RUN_DECIDED;
    flow_run_wait(f, run, f->config.role_ms);
    s5_join(f, run);
    return ERR_OK;
}

enum err
s5_decide_permitted(struct flow *f, const struct msg *m)
{
    struct p_permitted p;
    TRY(payload_permitted_get(m->body, &p));
    struct flow_run *run = flow_run_live(f, m->transfer);
    if (run == NULL || (run->row.state != FLOW_X4_RESERVED && run->row.state != FLOW_M5_INSPECTED))
        return ERR_OK;
    if (memcmp(p.offer_hash, run->row.offer_hash, sizeof(p.offer_hash)) != 0)
        return ERR_OK;
    if (flow_run_keep(run, KEEP_PERMIT, m->body) != ERR_OK)
        return ERR_OK; /* the wait for it ends, then judge is asked again */
    run->flags |= RUN_PERMITTED;
    s5_join(f, run);
    return ERR_OK;
}

enum err
s5_decide_reopen(struct flow *f, struct flow_run *run, const void *arg)
{
    (void)arg;
    if (run->row.direction == DIRECTION_EXPORT)
        TRY(store_reserve_put(f->store, run->row.id, run->row.party,
                              counter_year(flow_run_wall(f))));
    return s6_hold_carry(f, run);
}

void
s5_decide_again(struct flow *f, struct flow_run *run)
{
    const bool out = run->row.direction == DIRECTION_EXPORT;
    if (flow_run_save(f, run, out ? FLOW_X4_RESERVED : FLOW_M5_INSPECTED, s5_decide_reopen, NULL) !=
            ERR_OK &&
        !f->dead)
        flow_run_retry(f, run);
}
