/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer offers: is it genuine, do we know the agreement, do our own import documents let it
 * in. The exporter's words count as declarations, our register as the facts. */
#include "crypto/digest.h"
#include "gateway/core/clock.h"
#include "gateway/judge/judge_inner.h"
#include "inspect/ruleset.h"

struct judge_offered {
    const struct judge_in *in;
    const struct p_import_offer *p;
    struct manifest m;
    struct span facts;
    struct span performed;
    const struct agreement *agreement; /* NULL: not known on this side */
    int64_t now_ms;
    struct p_import_checked answer;
    struct judge_words words;
    struct judge_leaf leaf;
};

/* An offer that is addressed and dated rightly. */
static enum err
judge_import_address(const struct judge *j, const struct judge_offered *o)
{
    const struct manifest *m = &o->m;
    const int64_t now_s = o->now_ms / 1000;
    uint8_t ours[TRUST_KEYS_MAX][32];
    if (!span_eq(m->src, o->p->peer) || !span_eq_str(m->dst, j->zone) ||
        span_eq_str(m->src, j->zone))
        return ERR_DENIED;
    if (memcmp(m->transfer, o->in->transfer, sizeof(m->transfer)) != 0)
        return ERR_CONFLICT;
    if (m->created > now_s + CLOCK_SUSPECT_MS / 1000)
        return ERR_NOT_YET;
    if (m->not_after <= now_s)
        return ERR_EXPIRED;
    const size_t count = judge_book_kem(j->book, span_str(j->zone), now_s, ours, TRUST_KEYS_MAX);
    for (size_t i = 0; i < m->recipient_count; i++)
        for (size_t k = 0; k < count; k++)
            if (memcmp(m->recipient[i], ours[k], 32) == 0)
                return ERR_OK;
    return ERR_KEY_UNKNOWN;
}

/* Our copy of the agreement, if it is about the same parties. */
static const struct agreement *
judge_import_agreement(const struct judge *j, const struct manifest *m)
{
    const struct agreement *a = register_agreement(&j->book->reg, m->agreement);
    if (a == NULL || !span_eq(a->from, m->src) || !span_eq(a->to, m->dst) ||
        !span_eq(a->sender, m->sender))
        return NULL;
    return a;
}

/* Runs the import documents. An agreement that is unknown or not in force here, or a party nobody
 * registered, is a refusal for want of a basis, whatever a permit would say. */
static enum err
judge_import_run(struct judge *j, struct judge_offered *o, uint8_t ret_spec[static 32])
{
    struct judge_work *w = j->work;
    const struct agreement unknown = {.from = o->m.src, .to = o->m.dst, .vocab = &j->book->vocab};
    const struct judge_asked q = {.is_import = true,
                                  .preflight = true,
                                  .agreement = o->agreement == NULL ? &unknown : o->agreement,
                                  .facts = o->facts,
                                  .labels = o->m.label,
                                  .label_count = o->m.label_count,
                                  .now_ms = o->now_ms};
    enum err err = judge_evaluate(j, &q);
    if (err == ERR_NOT_FOUND || err == ERR_NOT_YET || err == ERR_EXPIRED) {
        TRY(judge_rule(j, true, true, o->now_ms));
        w->decision.verdict = DECIDE_DENY;
        w->decision.reason = DECIDE_NO_BASIS;
        return ERR_OK;
    }
    TRY(err);
    if (w->decision.verdict == DECIDE_DENY)
        return ERR_OK;
    err = judge_spec_make(j, true, o->agreement, o->performed, &o->answer.spec, ret_spec);
    if (!judge_spec_is_changed(err))
        return err;
    o->answer.spec = (struct span){NULL, 0};
    w->decision.verdict = DECIDE_DENY;
    w->decision.reason = DECIDE_OBLIGATION_UNSUPPORTED;
    return ERR_OK;
}

/* As in RECEIPT 1: the offer stands for the seal that never came, and no release did. */
static enum err
judge_import_entry(struct judge *j, struct judge_offered *o)
{
    static const uint8_t no_release[32] = {0};
    const struct judge_entry e = {.kind = ENTRY_RECEIVED,
                                  .transfer = o->in->transfer,
                                  .agreement = o->m.agreement,
                                  .sender = o->m.sender,
                                  .recipient =
                                      o->agreement == NULL ? SPAN_LIT("") : o->agreement->recipient,
                                  .name = o->m.dataset,
                                  .record_hash = o->words.record_hash,
                                  .seal = o->answer.offer_hash,
                                  .release = no_release,
                                  .now_ms = o->now_ms};
    TRY(judge_entry_make(j, &e, &o->leaf));
    o->answer.entry = o->leaf.entry;
    o->answer.salts = o->leaf.salts;
    return ERR_OK;
}

static enum err
judge_import_keep(struct judge *j, struct judge_offered *o, const uint8_t question[static 32],
                  const uint8_t spec_hash[static 32])
{
    struct judge_case *c = judge_case_new(j, o->in->transfer);
    const struct judge_inputs inputs = {.agreement = o->m.agreement,
                                        .sender = o->m.sender,
                                        .name = o->m.dataset,
                                        .facts = o->facts,
                                        .performed = o->performed,
                                        .labels = o->m.label,
                                        .label_count = o->m.label_count};
    struct span body;
    TRY(judge_case_inputs(c, &inputs));
    memcpy(c->pre_question, question, 32);
    memcpy(c->spec_hash, spec_hash, 32);
    if (o->agreement != NULL)
        memcpy(c->agreement_sha256, o->agreement->sha256, 32);
    memcpy(c->offer_hash, o->answer.offer_hash, 32);
    memcpy(c->peer_ruleset, o->m.ruleset_hash, 32);
    memcpy(c->peer, o->m.src.ptr, o->m.src.len);
    c->direction = DIRECTION_IMPORT;
    c->suite = o->m.suite;
    c->has_offer = o->answer.verdict != VERDICT_DENY;
    struct p_pre_import told = {.verdict = o->answer.verdict,
                                .peer = o->p->peer,
                                .agreement = o->m.agreement,
                                .sender = o->m.sender,
                                .suite = o->m.suite};
    memcpy(told.offer_hash, o->answer.offer_hash, 32);
    if (o->answer.verdict == VERDICT_DENY)
        memcpy(told.leaf, o->leaf.leaf, 32);
    TRY(payload_pre_import_put(&told, j->scratch, sizeof(j->scratch), &body));
    TRY(judge_blob_set(&c->pre_told, body));
    enum err err = j->out.send(j->out.ctx, ROLE_KEEPER, MSG_PRE_IMPORT, c->transfer, body);
    TRY(err == ERR_FULL ? ERR_AGAIN : err); /* its queue, not ours, which stays full */
    err = payload_import_checked_put(&o->answer, j->scratch, sizeof(j->scratch), &body);
    TRY(err == ERR_FULL ? ERR_TOO_LARGE : err);
    TRY(judge_blob_set(&c->pre_answer, body));
    return judge_reply(j, MSG_IMPORT_CHECKED, ERR_OK, body);
}

static enum err
judge_import_check(struct judge *j, struct judge_offered *o, const uint8_t question[static 32])
{
    struct judge_work *w = j->work;
    uint8_t spec_hash[32] = {0};
    if (o->p->peer.len >= sizeof(((struct judge_case *)NULL)->peer))
        return ERR_RANGE;
    TRY(judge_offer_read(j, o->p->peer, o->p->offer, o->now_ms, &o->m, &o->facts, &o->performed,
                         o->answer.offer_hash));
    TRY(judge_import_address(j, o));
    o->agreement = judge_import_agreement(j, &o->m);
    TRY(judge_import_run(j, o, spec_hash));
    TRY(judge_words_make(j, &o->words));
    o->answer.verdict = (uint8_t)w->decision.verdict;
    o->answer.decision = o->words.decision;
    o->answer.record = o->words.record;
    o->answer.agreement = o->m.agreement;
    o->answer.sender = o->m.sender;
    o->answer.name = o->m.dataset;
    o->answer.not_after = (uint64_t)o->m.not_after;
    o->answer.bytes_max = UINT64_MAX;
    if (o->agreement != NULL) {
        o->answer.recipient = o->agreement->recipient;
        if (o->agreement->bytes_max != AGREEMENT_NO_CEILING)
            o->answer.bytes_max = (uint64_t)o->agreement->bytes_max;
    }
    const struct obligation_field *days =
        obligation_field(obligation_find(&w->decision.obligations, "retain"), "max_days");
    if (w->decision.verdict != DECIDE_DENY && days != NULL)
        o->answer.retain_days = (uint32_t)days->number;
    if (w->decision.verdict == DECIDE_DENY)
        TRY(judge_import_entry(j, o));
    return judge_import_keep(j, o, question, spec_hash);
}

/* The answer that was given stands: a refusal, or as long as the agreement reads as it did. What
 * was let in by another is looked at again, and inspected by what the agreement says now. */
static bool
judge_import_stands(const struct judge *j, const struct judge_case *c,
                    const uint8_t question[static 32])
{
    return c != NULL && c->pre_answer.len > 0 && memcmp(c->pre_question, question, 32) == 0 &&
           (!c->has_offer || judge_case_is_current(j, c));
}

enum err
judge_import_handle(struct judge *j, const struct judge_in *in)
{
    struct p_import_offer p;
    uint8_t question[32];
    struct span body;
    TRY(payload_import_offer_get(in->body, &p));
    TRY(digest_sha256(in->body, question));
    const struct judge_case *c = judge_case_find(j, in->transfer);
    if (judge_import_stands(j, c, question)) {
        (void)j->out.send(j->out.ctx, ROLE_KEEPER, MSG_PRE_IMPORT, c->transfer,
                          judge_blob_span(&c->pre_told));
        return judge_reply(j, MSG_IMPORT_CHECKED, ERR_OK, judge_blob_span(&c->pre_answer));
    }
    struct judge_offered o = {.in = in, .p = &p, .now_ms = judge_now(j, in)};
    const enum err err = j->floor_met ? judge_import_check(j, &o, question) : ERR_AGAIN;
    if (err == ERR_OK)
        return ERR_OK;
    /* The offer is what is wrong, not clerk who showed it. */
    const struct p_import_checked answer = {
        .err = (uint16_t)-err, .verdict = VERDICT_DENY, .detail = span_str(error_text(err))};
    const enum err put = payload_import_checked_put(&answer, j->scratch, sizeof(j->scratch), &body);
    return judge_reply(j, MSG_IMPORT_CHECKED, put, body);
}
