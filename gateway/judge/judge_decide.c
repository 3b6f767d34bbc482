/* SPDX-License-Identifier: Apache-2.0 */
/* The final decision: on what was seen, by the documents in force now. */
#include "crypto/digest.h"
#include "crypto/release.h"
#include "gateway/judge/judge_inner.h"
#include "inspect/ruleset.h"
#include "schemas/text.h"

struct judge_final {
    const struct judge_in *in;
    const struct p_decide *p;
    struct judge_case *c;
    const struct agreement *agreement;
    const struct report_side *seen; /* what is decided on: in, on import out */
    int64_t now_ms;
    const char *phase;
    uint8_t seal_hash[32];
    uint8_t release_hash[32];
    bool contradicted; /* the exporter's seal says something else than we see */
    struct judge_words words;
    struct judge_leaf leaf;
    struct span observed;
    struct span verdict_json;
};

static bool
judge_decide_known(const void *ctx, struct span name)
{
    const struct agreement *a = ctx;
    for (size_t i = 0; i < a->field_count; i++)
        if (span_eq(a->fields[i].name, name))
            return true;
    return false;
}

/* Evidence of this container, complete and fitting. ERR_NOT_FOUND: not here (any more); an import
 * under an agreement that reads otherwise now is offered and inspected again.
 * ERR_SYNTAX: what the inspector reported says what no report can say; asking again is no use.
 * ERR_DENIED: its agreement is gone or another one, which is as final. */
static enum err
judge_decide_evidence(struct judge *j, struct judge_final *f)
{
    const struct judge_case *c = f->c;
    struct report *r = &j->work->report;
    const bool by_word = c->has_vouch && memcmp(c->vouch_hash, c->report_hash, 32) == 0;
    if (c->report.len == 0 || !(c->report_direct || by_word))
        return ERR_NOT_FOUND;
    f->agreement = register_agreement(&j->book->reg, c->agreement);
    if (f->agreement == NULL)
        return ERR_DENIED;
    const bool is_current = judge_case_is_current(j, c);
    if (c->direction == DIRECTION_IMPORT && !is_current)
        return ERR_NOT_FOUND;
    const enum err err = report_read(judge_blob_span(&c->report), judge_decide_known, f->agreement,
                                     &j->work->report_scratch, r, NULL);
    if (err != ERR_OK)
        return err == ERR_CRYPTO || err == ERR_NOMEM ? err : is_current ? ERR_SYNTAX : ERR_DENIED;
    /* Keeper's word is about what was inspected for an agreement that reads otherwise now. */
    if (memcmp(r->spec_hash, c->spec_hash, 32) != 0)
        return c->report_direct ? ERR_NOT_FOUND : ERR_DENIED;
    if (c->direction == DIRECTION_IMPORT) {
        f->seen = &r->out;
        return c->has_opened ? ERR_OK : ERR_NOT_FOUND;
    }
    f->seen = &r->in;
    if (!c->has_seal || !r->in.present || r->bytes_out != c->seal.plain_len)
        return ERR_NOT_FOUND;
    memcpy(f->seal_hash, c->seal_hash, 32);
    return ERR_OK;
}

/* True if text is the hex of hash, with or without "sha256:". */
static bool
judge_decide_names(struct span text, const uint8_t hash[static 32])
{
    const struct span prefix = SPAN_LIT("sha256:");
    uint8_t have[32];
    const struct span hex = span_starts(text, prefix) ? span_from(text, prefix.len) : text;
    return text_unhex(hex, false, have, sizeof(have)) == ERR_OK && memcmp(have, hash, 32) == 0;
}

/* What the exporter sealed its release with. Under equal rules both zones see the same, so another
 * observation contradicts what was declared. Errors: it does not say allow, or is no verdict. */
static enum err
judge_decide_compare(struct judge *j, struct judge_final *f, struct span verdict)
{
    struct judge_work *w = j->work;
    struct json_doc doc = {.nodes = w->duty_nodes,
                           .node_cap = JUDGE_FACTS_NODES_MAX,
                           .text = w->duty_text,
                           .text_cap = sizeof(w->duty_text)};
    struct span text;
    uint8_t ruleset[32];
    TRY(json_read(&doc, verdict, NULL));
    const struct json_node *root = &doc.nodes[0];
    if (root->type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need_str(&doc, root, "decision", 8, &text, NULL));
    if (!span_eq_str(text, "allow"))
        return ERR_DENIED;
    TRY(json_need_str(&doc, root, "observed_out", 64, &text, NULL));
    TRY(ruleset_digest(ruleset));
    if (memcmp(ruleset, f->c->peer_ruleset, 32) == 0)
        f->contradicted = !judge_decide_names(text, f->seen->digest);
    return ERR_OK;
}

static enum err
judge_decide_release(struct judge *j, struct judge_final *f)
{
    struct sign_pub keys[TRUST_KEYS_MAX];
    struct release release;
    size_t signer = 0;
    if (f->c->direction != DIRECTION_IMPORT)
        return span_is_empty(f->p->release) ? ERR_OK : ERR_STATE;
    TRY(release_decode(f->p->release, &release));
    const size_t count = judge_book_signers(j->book, span_str(f->c->peer), TRUST_RELEASE,
                                            f->now_ms / 1000, keys, TRUST_KEYS_MAX);
    TRY(release_verify(&release, keys, count, &signer));
    memcpy(f->seal_hash, release.seal_hash, 32);
    TRY(release_hash(&release, f->release_hash));
    const enum err err = judge_decide_compare(j, f, release.verdict);
    /* Signed, and still not what an exporter may send: not our documents' fault, nor the report's.
     */
    return err == ERR_OK || err == ERR_CRYPTO || err == ERR_NOMEM ? err : ERR_PROTOCOL;
}

static void
judge_decide_force(struct judge *j, enum decide_verdict verdict, enum decide_reason reason)
{
    j->work->decision.verdict = verdict;
    j->work->decision.reason = reason;
}

/* Stream obligations of the decision that were not performed from the first row cannot be made up
 * for. */
static enum err
judge_decide_performed(struct judge *j, const struct judge_final *f)
{
    struct judge_work *w = j->work;
    struct decision *d = &w->decision;
    struct json_doc doc = {.nodes = w->duty_nodes,
                           .node_cap = JUDGE_FACTS_NODES_MAX,
                           .text = w->duty_text,
                           .text_cap = sizeof(w->duty_text)};
    struct canon out;
    struct span duties;
    struct span spec;
    uint8_t hash[32];
    bool covers = false;
    if (d->verdict == DECIDE_DENY)
        return ERR_OK;
    canon_init(&out, w->duties, sizeof(w->duties));
    obligation_write_phase(&d->obligations, &j->book->vocab, VOCAB_STREAM, &out);
    TRY(canon_finish(&out, &duties));
    TRY(json_read(&doc, duties, NULL));
    enum err err = judge_spec_make(j, f->c->direction == DIRECTION_IMPORT, f->agreement,
                                   f->c->performed, &spec, hash);
    if (err != ERR_OK && !judge_spec_is_changed(err))
        return err;
    err = err != ERR_OK ? err : inspectspec_covers(&w->spec, &doc, &doc.nodes[0], &covers, NULL);
    const struct obligation_field *suites =
        obligation_field(obligation_find(&d->obligations, "encrypt"), "suites");
    enum suite suite;
    bool suite_ok = suites == NULL;
    TRY(suite_from_u8(f->c->suite, &suite));
    for (size_t i = 0; suites != NULL && i < suites->list_count; i++)
        suite_ok = suite_ok || span_eq_str(suites->list[i], suite_info(suite)->name);
    if (err != ERR_OK || !covers || !suite_ok || !f->seen->performed)
        judge_decide_force(j, DECIDE_DENY, DECIDE_OBLIGATION_NOT_PERFORMED);
    return ERR_OK;
}

static struct judge_asked
judge_decide_asked(const struct judge_final *f)
{
    return (struct judge_asked){.is_import = f->c->direction == DIRECTION_IMPORT,
                                .agreement = f->agreement,
                                .facts = f->c->facts,
                                .labels = f->c->labels,
                                .label_count = f->c->label_count,
                                .counters = f->p->counters != 0,
                                .pi = f->p->after_pi,
                                .spi = f->p->after_spi,
                                .debits = f->p->debits,
                                .seen = f->seen,
                                .contradicted = f->contradicted,
                                .now_ms = f->now_ms};
}

/* The register may have changed since it was let in. A party that is gone or an agreement that is
 * not in force now is a denial for want of a basis; without documents in force (ERR_DENIED) not
 * even that can be written down. */
static enum err
judge_decide_rule(struct judge *j, const struct judge_asked *q)
{
    enum err err = judge_evaluate(j, q);
    if (err != ERR_NOT_FOUND && err != ERR_NOT_YET && err != ERR_EXPIRED)
        return err;
    err = judge_rule(j, q->is_import, false, q->now_ms);
    if (err == ERR_NOT_FOUND)
        return ERR_DENIED;
    TRY(err);
    judge_decide_force(j, DECIDE_DENY, DECIDE_NO_BASIS);
    return ERR_OK;
}

/* A deny that others' pending reservations alone cause is a hold: they may be given back. It is
 * theirs alone if the same question without any count would not be denied. */
static enum err
judge_decide_pending(struct judge *j, const struct judge_final *f)
{
    struct judge_asked q = judge_decide_asked(f);
    if (f->p->pending_others == 0 || j->work->decision.verdict != DECIDE_DENY)
        return ERR_OK;
    q.pi = 0;
    q.spi = 0;
    q.no_debits = true;
    TRY(judge_decide_rule(j, &q));
    const bool theirs = j->work->decision.verdict != DECIDE_DENY;
    q = judge_decide_asked(f);
    TRY(judge_decide_rule(j, &q));
    if (theirs)
        judge_decide_force(j, DECIDE_HOLD, DECIDE_REVIEW);
    return ERR_OK;
}

/* Operators' words. They turn what rules hold into allow when everybody said yes whom the rules ask
 * for, and never anything else into allow. */
static void
judge_decide_approved(struct judge *j, struct judge_final *f)
{
    struct judge_votes *votes = &j->work->votes;
    const struct judge_held held = {f->c->transfer, f->seal_hash, f->p->held};
    *votes = (struct judge_votes){0};
    /* The decision they are about: the one that holds it now, if this process made that one, and
     * one whose record is here in any case. */
    if (span_is_empty(f->p->approval) ||
        (f->c->has_decided && f->c->is_held && memcmp(f->c->record_hash, f->p->held, 32) != 0) ||
        !f->c->has_held || memcmp(f->c->held, f->p->held, 32) != 0)
        return;
    judge_votes_read(j, &held, f->p->approval, f->now_ms, votes);
    if (votes->refused || j->work->decision.verdict != DECIDE_HOLD ||
        !judge_hold_met(j, f->c, votes))
        return;
    f->phase = "approved";
    judge_decide_force(j, DECIDE_ALLOW, DECIDE_PERMITTED);
}

static enum err
judge_decide_run(struct judge *j, struct judge_final *f)
{
    const struct judge_asked q = judge_decide_asked(f);
    f->phase = "final";
    TRY(judge_decide_rule(j, &q));
    judge_decide_approved(j, f);
    TRY(judge_decide_pending(j, f));
    TRY(judge_decide_performed(j, f));
    /* Nobody knows what time it is, so nobody knows what is valid. */
    if ((f->in->clock_suspect || j->clock_told) && j->work->decision.verdict == DECIDE_ALLOW) {
        f->phase = "final";
        judge_decide_force(j, DECIDE_HOLD, DECIDE_REVIEW);
    }
    if (j->work->votes.refused) {
        f->phase = "approved";
        judge_decide_force(j, DECIDE_DENY, DECIDE_REVIEW);
    }
    return ERR_OK;
}

static enum err
judge_decide_entry(struct judge *j, struct judge_final *f)
{
    const struct judge_case *c = f->c;
    const bool is_import = c->direction == DIRECTION_IMPORT;
    const struct judge_entry e = {
        .kind = is_import ? ENTRY_RECEIVED : ENTRY_DECISION,
        .phase = f->phase,
        .n = f->p->n,
        .transfer = c->transfer,
        .agreement = c->agreement,
        .sender = c->sender,
        .recipient = f->agreement->recipient,
        .name = c->name,
        .record_hash = f->words.record_hash,
        .from = f->agreement->from,
        .to = f->agreement->to,
        .suite = c->suite,
        .bytes = j->work->report.bytes_in,
        .counters = f->p->counters != 0,
        .pi = f->p->after_pi,
        .spi = f->p->after_spi,
        .offer = c->offer_hash,
        .seal = f->seal_hash,
        .root = is_import ? c->opened_root : c->seal.root,
        .release = f->release_hash,
        .peer = {.origin = f->p->peer_origin, .index = f->p->peer_index, .leaf = f->p->peer_leaf},
        .now_ms = f->now_ms};
    return judge_entry_make(j, &e, &f->leaf);
}

/* What goes into RELEASE: canonical, and free of anything that is committed to with a salt. */
static enum err
judge_decide_verdict(struct judge *j, struct judge_final *f)
{
    struct judge_work *w = j->work;
    char record[7 + 65] = "sha256:";
    struct canon out;
    TRY(text_hex(span_of(f->words.record_hash, 32), record + 7, sizeof(record) - 7));
    canon_init(&out, w->verdict, sizeof(w->verdict));
    canon_object(&out);
    canon_member_int(&out, "decided_at", f->now_ms / 1000);
    canon_member_str(&out, "decision", decide_verdict_name(w->decision.verdict));
    canon_member_int(&out, "expires", f->now_ms / 1000 + j->verdict_max_age_s);
    canon_member_str(&out, "format", "tdz.verdict/1");
    canon_key(&out, "obligations");
    if (w->decision.verdict == DECIDE_DENY) {
        canon_object(&out);
        canon_end(&out);
    } else {
        obligation_set_write(&w->decision.obligations, &out);
    }
    canon_member_hex(&out, "observed_out", span_of(w->report.out.digest, 32));
    canon_member_int(&out, "policy_epoch", j->policy_epoch);
    canon_member_str(&out, "record", record);
    canon_end(&out);
    return canon_finish(&out, &f->verdict_json);
}

static enum err
judge_decide_permit(struct judge *j, struct judge_final *f)
{
    const struct judge_case *c = f->c;
    const bool is_export = c->direction == DIRECTION_EXPORT;
    struct p_permit p = {.direction = (uint8_t)c->direction,
                         .n = f->p->n,
                         .suite = c->suite,
                         .verdict = (uint8_t)j->work->decision.verdict,
                         .verdict_json = f->verdict_json,
                         .decided_at = (uint64_t)(f->now_ms / 1000),
                         .expires = (uint64_t)(f->now_ms / 1000) + j->verdict_max_age_s,
                         .policy_epoch = j->policy_epoch,
                         .to_zone = is_export ? span_str(c->peer) : SPAN_LIT(""),
                         .recipients =
                             span_of(c->recipients, is_export ? 32 * c->recipient_count : 0)};
    struct span body;
    memcpy(p.offer_hash, c->offer_hash, 32);
    memcpy(p.seal_hash, f->seal_hash, 32);
    memcpy(p.leaf, f->leaf.leaf, 32);
    TRY(payload_permit_put(&p, j->scratch, sizeof(j->scratch), &body));
    TRY(judge_blob_set(&f->c->permit, body));
    const enum err err = j->out.send(j->out.ctx, ROLE_KEEPER, MSG_PERMIT, c->transfer, body);
    return err == ERR_FULL ? ERR_AGAIN : err; /* its queue, not the record, which stays too long */
}

static enum err
judge_decide_answer(struct judge *j, struct judge_final *f, const uint8_t question[static 32])
{
    struct judge_case *c = f->c;
    struct span body;
    struct p_decided answer = {.n = f->p->n,
                               .verdict = (uint8_t)j->work->decision.verdict,
                               .decision = f->words.decision,
                               .record = f->words.record,
                               .entry = f->leaf.entry,
                               .salts = f->leaf.salts,
                               .observed = f->observed};
    memcpy(answer.seal_hash, f->seal_hash, 32);
    if (j->work->decision.verdict == DECIDE_HOLD)
        TRY(judge_hold_write(j, &answer.hold));
    TRY(payload_decided_put(&answer, j->scratch, sizeof(j->scratch), &body));
    TRY(judge_blob_set(&c->decide_answer, body));
    TRY(judge_decide_permit(j, f));
    memcpy(c->decide_question, question, 32);
    memcpy(c->record_hash, f->words.record_hash, 32);
    c->has_decided = true;
    c->is_held = j->work->decision.verdict == DECIDE_HOLD;
    c->n = f->p->n;
    return judge_reply(j, MSG_DECIDED, ERR_OK, judge_blob_span(&c->decide_answer));
}

static enum err
judge_decide_make(struct judge *j, struct judge_final *f, const uint8_t question[static 32])
{
    struct canon out;
    TRY(judge_decide_evidence(j, f));
    TRY(judge_decide_release(j, f));
    TRY(judge_decide_run(j, f));
    TRY(judge_words_make(j, &f->words));
    TRY(judge_decide_entry(j, f));
    TRY(judge_decide_verdict(j, f));
    canon_init(&out, j->work->observed, sizeof(j->work->observed));
    report_observed(&j->work->report, f->seen, &out);
    TRY(canon_finish(&out, &f->observed));
    return judge_decide_answer(j, f, question);
}

static enum err
judge_decide_fail(struct judge *j, const struct p_decide *p, enum err why)
{
    const struct p_decided answer = {.err = (uint16_t)-why, .n = p->n};
    struct span body;
    const enum err put = payload_decided_put(&answer, j->scratch, sizeof(j->scratch), &body);
    return judge_reply(j, MSG_DECIDED, put, body);
}

enum err
judge_decide_handle(struct judge *j, const struct judge_in *in)
{
    struct p_decide p;
    uint8_t question[32];
    TRY(payload_decide_get(in->body, &p));
    if (p.direction > DIRECTION_IMPORT || p.counters > 1 || p.pending_others > 1)
        return ERR_RANGE;
    TRY(digest_sha256(in->body, question));
    struct judge_case *c = judge_case_find(j, in->transfer);
    if (c == NULL || !c->has_offer || c->direction != p.direction ||
        memcmp(c->offer_hash, p.offer_hash, 32) != 0)
        return judge_decide_fail(j, &p, ERR_NOT_FOUND);
    if (c->has_decided && c->n == p.n) {
        if (memcmp(c->decide_question, question, 32) != 0)
            return judge_decide_fail(j, &p, ERR_CONFLICT);
        (void)j->out.send(j->out.ctx, ROLE_KEEPER, MSG_PERMIT, c->transfer,
                          judge_blob_span(&c->permit));
        return judge_reply(j, MSG_DECIDED, ERR_OK, judge_blob_span(&c->decide_answer));
    }
    struct judge_final f = {.in = in, .p = &p, .c = c, .now_ms = judge_now(j, in)};
    const enum err err = j->floor_met ? judge_decide_make(j, &f, question) : ERR_AGAIN;
    return err == ERR_OK ? ERR_OK : judge_decide_fail(j, &p, err);
}
