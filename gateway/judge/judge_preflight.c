/* SPDX-License-Identifier: Apache-2.0 */
/* Before a byte of body: may this dataset be sent at all, and as what container. */
#include "crypto/digest.h"
#include "gateway/judge/judge_inner.h"
#include "inspect/ruleset.h"

/* An answer without a decision: why no policy ran. Text is static. */
struct judge_stop {
    const char *code;
    const char *detail;
};

enum { JUDGE_DEBITS_MAX = 8 };

struct judge_pre {
    const struct judge_in *in;
    const struct p_preflight *p;
    const struct party *sender;
    const struct agreement *agreement;
    int64_t now_ms;
    struct p_preflighted answer;
    uint8_t debits[JUDGE_DEBITS_MAX * 32];
    struct judge_words words;
    struct judge_leaf leaf;
    struct span performed;
    struct span manifest;
    struct manifest m;
};

/* The registered partner behind a certificate's name, in our zone. */
static const struct party *
judge_preflight_sender(const struct judge *j, struct span name)
{
    char id[PARTY_SPIFFE_BYTES_MAX + 1];
    const struct span scheme = SPAN_LIT("spiffe://");
    const struct span middle = SPAN_LIT("/partner/");
    const struct span zone = span_str(j->zone);
    struct span uri = name;
    if (!span_starts(name, scheme)) {
        const struct span parts[4] = {scheme, zone, middle, name};
        size_t len = 0;
        for (size_t i = 0; i < 4; i++) {
            if (parts[i].len > sizeof(id) - len)
                return NULL;
            memcpy(id + len, parts[i].ptr, parts[i].len);
            len += parts[i].len;
        }
        uri = span_of(id, len);
    }
    const struct party *party = register_by_spiffe(&j->book->reg, uri);
    return party != NULL && span_eq(party->zone, zone) ? party : NULL;
}

/* Who, under which agreement; false with the reason in ret_stop. */
static bool
judge_preflight_parties(const struct judge *j, struct judge_pre *pre, struct judge_stop *ret_stop)
{
    pre->sender = judge_preflight_sender(j, pre->p->partner);
    if (pre->sender == NULL) {
        *ret_stop =
            (struct judge_stop){"identity-unknown", "this name is not a registered partner"};
        return false;
    }
    pre->agreement = register_agreement(&j->book->reg, pre->p->agreement);
    if (pre->agreement == NULL || !span_eq_str(pre->agreement->from, j->zone)) {
        *ret_stop = (struct judge_stop){"unknown-agreement", "no such agreement from this zone"};
        return false;
    }
    if (!span_eq(pre->agreement->sender, pre->sender->name)) {
        *ret_stop = (struct judge_stop){"not-yours", "the agreement names another sender"};
        return false;
    }
    if (pre->p->facts.len > j->facts_max) {
        *ret_stop = (struct judge_stop){"bad-facts", "more bytes of facts than the limit"};
        return false;
    }
    return true;
}

static struct judge_stop
judge_preflight_why(enum err err)
{
    static const struct {
        enum err err;
        struct judge_stop stop;
    } reasons[] = {
        {ERR_NOT_YET, {"unknown-agreement", "the agreement is not valid yet"}},
        {ERR_EXPIRED, {"unknown-agreement", "the agreement has ended"}},
        {ERR_NOT_FOUND, {"denied", "no policy is in force or a party is not registered"}},
        {ERR_SYNTAX, {"bad-facts", "the facts are not JSON"}},
        {ERR_UTF8, {"bad-facts", "the facts are not UTF-8"}},
        {ERR_DEPTH, {"bad-facts", "the facts are nested too deeply"}},
        {ERR_TRAILING, {"bad-facts", "something follows the facts"}},
        {ERR_SHORT, {"bad-facts", "the facts end too early"}},
        {ERR_RANGE, {"bad-facts", "a number in the facts is out of range"}},
        {ERR_DUPLICATE, {"bad-facts", "a fact is stated twice"}},
        {ERR_TYPE, {"bad-facts", "the facts are not an object"}},
        {ERR_FULL, {"bad-facts", "more facts than the limit"}},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].err == err)
            return reasons[i].stop;
    return (struct judge_stop){"internal", "the decision could not be made"};
}

static enum err
judge_preflight_performed(struct judge *j, struct judge_pre *pre)
{
    struct judge_work *w = j->work;
    struct canon out;
    canon_init(&out, w->performed, sizeof(w->performed));
    obligation_write_phase(&w->decision.obligations, &j->book->vocab, VOCAB_STREAM, &out);
    return canon_finish(&out, &pre->performed);
}

static bool
judge_preflight_is_identity(const struct judge_work *w)
{
    for (size_t i = 0; i < w->spec.fields.field_count; i++)
        if (w->spec.actions[i] != TRANSFORM_NONE)
            return false;
    return true;
}

/* created of a container is later than of those before it: offers never repeat. */
static int64_t
judge_preflight_created(const struct judge_case *c, int64_t now_ms)
{
    const int64_t now_s = now_ms / 1000;
    return c != NULL && c->created >= now_s ? c->created + 1 : now_s;
}

static enum err
judge_preflight_manifest(struct judge *j, struct judge_pre *pre, int64_t created)
{
    struct judge_work *w = j->work;
    struct manifest *m = &pre->m;
    struct canon out;
    canon_init(&out, w->facts_json, sizeof(w->facts_json));
    facts_write_source(&w->facts, VOCAB_MANIFEST, &out);
    *m = (struct manifest){.src = span_str(j->zone),
                           .dst = pre->agreement->to,
                           .dataset = pre->p->name,
                           .agreement = pre->agreement->id,
                           .sender = pre->sender->name,
                           .legal_basis = pre->agreement->basis,
                           .created = created,
                           .not_after = created + j->offer_valid_s,
                           .plaintext_len = MANIFEST_LENGTH_UNKNOWN,
                           .suite = pre->answer.suite,
                           .performed = pre->performed};
    TRY(canon_finish(&out, &m->facts));
    memcpy(m->transfer, pre->in->transfer, sizeof(m->transfer));
    memcpy(m->schema_id, pre->agreement->sha256, sizeof(m->schema_id));
    memcpy(m->policy_hash, pre->words.record_hash, sizeof(m->policy_hash));
    TRY(ruleset_digest(m->ruleset_hash));
    if (w->facts.label_count > MANIFEST_LABELS_MAX)
        return ERR_FULL;
    m->label_count = w->facts.label_count;
    memcpy(m->label, w->facts.label, m->label_count * sizeof(m->label[0]));
    if (pre->p->length <= JSON_INT_MAX && judge_preflight_is_identity(w))
        m->plaintext_len = (int64_t)pre->p->length;
    m->recipient_count = judge_book_kem(j->book, pre->agreement->to, pre->now_ms / 1000,
                                        m->recipient, MANIFEST_RECIPIENTS_MAX);
    if (m->recipient_count == 0)
        return ERR_KEY_UNKNOWN;
    return manifest_write(m, w->manifest, sizeof(w->manifest), &pre->manifest);
}

static enum err
judge_preflight_keep(const struct judge_pre *pre, struct judge_case *c)
{
    const struct judge_inputs inputs = {.agreement = pre->agreement->id,
                                        .sender = pre->sender->name,
                                        .name = pre->p->name,
                                        .facts = pre->m.facts,
                                        .performed = pre->performed};
    TRY(judge_case_inputs(c, &inputs));
    TRY(offer_hash(pre->manifest, c->offer_hash));
    c->direction = DIRECTION_EXPORT;
    c->has_offer = true;
    c->suite = pre->answer.suite;
    c->created = pre->m.created;
    memcpy(c->peer, pre->agreement->to.ptr, pre->agreement->to.len);
    memcpy(c->recipients, pre->m.recipient, sizeof(c->recipients));
    c->recipient_count = pre->m.recipient_count;
    return ERR_OK;
}

/* PRE: what keeper signs as OFFER and makes the data key for. */
static enum err
judge_preflight_tell(struct judge *j, const struct judge_pre *pre, struct judge_case *c)
{
    struct span body;
    const struct p_pre told = {.verdict = pre->answer.verdict,
                               .epoch = pre->p->epoch,
                               .suite = c->suite,
                               .to_zone = pre->agreement->to,
                               .recipients = span_of(c->recipients, 32 * c->recipient_count),
                               .manifest = pre->manifest,
                               .not_after = (uint64_t)pre->m.not_after,
                               .agreement = pre->agreement->id,
                               .exporter = pre->sender->name,
                               .policy_epoch = j->policy_epoch};
    TRY(payload_pre_put(&told, j->scratch, sizeof(j->scratch), &body));
    TRY(judge_blob_set(&c->pre_told, body));
    return j->out.send(j->out.ctx, ROLE_KEEPER, MSG_PRE, c->transfer, body);
}

static enum err
judge_preflight_deny(struct judge *j, struct judge_pre *pre)
{
    const struct p_preflight *p = pre->p;
    const struct judge_entry e = {.kind = ENTRY_DECISION,
                                  .phase = "preflight",
                                  .transfer = pre->in->transfer,
                                  .agreement = pre->agreement->id,
                                  .sender = pre->sender->name,
                                  .recipient = pre->agreement->recipient,
                                  .name = p->name,
                                  .record_hash = pre->words.record_hash,
                                  .from = pre->agreement->from,
                                  .to = pre->agreement->to,
                                  .bytes = p->length == UINT64_MAX ? 0 : p->length,
                                  .counters = p->counters != 0,
                                  .pi = p->count_pi,
                                  .spi = p->count_spi,
                                  .now_ms = pre->now_ms};
    if (p->dry != 0)
        return ERR_OK;
    TRY(judge_entry_make(j, &e, &pre->leaf));
    pre->answer.entry = pre->leaf.entry;
    pre->answer.salts = pre->leaf.salts;
    return ERR_OK;
}

/* The approvals whose envelopes clerk has to count in. ERR_FULL: more than it can. */
static enum err
judge_preflight_debits(const struct judge *j, struct judge_pre *pre)
{
    const struct agreement *a = pre->agreement;
    size_t len = 0;
    for (size_t i = 0; i < a->evidence_count; i++) {
        const struct agreement_evidence *e =
            agreement_debit(a, i, pre->now_ms, (int64_t)j->crossing_margin_s * 1000);
        if (e == NULL)
            continue;
        if (len == sizeof(pre->debits))
            return ERR_FULL;
        memcpy(pre->debits + len, e->sha256, 32);
        len += 32;
    }
    pre->answer.debits = span_of(pre->debits, len);
    return ERR_OK;
}

/* The verdict, and what follows from it, in pre->answer. */
static enum err
judge_preflight_run(struct judge *j, struct judge_pre *pre, uint8_t ret_spec[static 32])
{
    struct judge_work *w = j->work;
    const struct p_preflight *p = pre->p;
    const struct judge_asked q = {.preflight = true,
                                  .agreement = pre->agreement,
                                  .facts = p->facts,
                                  .counters = p->counters != 0,
                                  .pi = p->count_pi,
                                  .spi = p->count_spi,
                                  .now_ms = pre->now_ms};
    TRY(judge_evaluate(j, &q));
    if (w->decision.verdict != DECIDE_DENY) {
        TRY(judge_preflight_performed(j, pre));
        const enum err err =
            judge_spec_make(j, false, pre->agreement, pre->performed, &pre->answer.spec, ret_spec);
        if (err == ERR_UNSUPPORTED || err == ERR_NOT_FOUND || err == ERR_FULL ||
            err == ERR_TOO_LARGE) {
            w->decision.verdict = DECIDE_DENY;
            w->decision.reason = DECIDE_OBLIGATION_UNSUPPORTED;
            pre->answer.spec = (struct span){NULL, 0};
        } else {
            TRY(err);
        }
    }
    TRY(judge_words_make(j, &pre->words));
    pre->answer.verdict = (uint8_t)w->decision.verdict;
    pre->answer.decision = pre->words.decision;
    pre->answer.record = pre->words.record;
    pre->answer.to_zone = pre->agreement->to;
    pre->answer.recipient = pre->agreement->recipient;
    pre->answer.policy_epoch = j->policy_epoch;
    pre->answer.bytes_max = pre->agreement->bytes_max == AGREEMENT_NO_CEILING
                                ? UINT64_MAX
                                : (uint64_t)pre->agreement->bytes_max;
    if (w->decision.verdict == DECIDE_DENY)
        return judge_preflight_deny(j, pre);
    const struct obligation_field *days =
        obligation_field(obligation_find(&w->decision.obligations, "retain"), "max_days");
    pre->answer.retain_days = days == NULL ? 0 : (uint32_t)days->number;
    pre->answer.suite = obligation_suite(&w->decision.obligations);
    return judge_preflight_debits(j, pre);
}

static enum err
judge_preflight_stop(struct judge *j, struct judge_stop why)
{
    struct span body;
    const struct p_preflighted answer = {.verdict = VERDICT_DENY,
                                         .code = span_str(why.code),
                                         .detail = span_str(why.detail),
                                         .policy_epoch = j->policy_epoch};
    const enum err put = payload_preflighted_put(&answer, j->scratch, sizeof(j->scratch), &body);
    return judge_reply(j, MSG_PREFLIGHTED, put, body);
}

/* The same question while its answer is kept. */
static enum err
judge_preflight_again(struct judge *j, const struct judge_case *c)
{
    if (c->pre_told.len > 0)
        (void)j->out.send(j->out.ctx, ROLE_KEEPER, MSG_PRE, c->transfer,
                          judge_blob_span(&c->pre_told));
    return judge_reply(j, MSG_PREFLIGHTED, ERR_OK, judge_blob_span(&c->pre_answer));
}

/* Everything that changes state, in an order that a failure leaves nothing half made: the answer's
 * bytes, the case, keeper, clerk. */
static enum err
judge_preflight_commit(struct judge *j, struct judge_pre *pre, const uint8_t question[static 32],
                       const uint8_t spec_hash[static 32])
{
    struct span body;
    struct judge_case *c = judge_case_find(j, pre->in->transfer);
    const int64_t created = judge_preflight_created(c, pre->now_ms);
    const bool goes = pre->answer.verdict != VERDICT_DENY;
    if (goes)
        TRY(judge_preflight_manifest(j, pre, created));
    if (pre->p->dry == 0) {
        c = judge_case_new(j, pre->in->transfer);
        memcpy(c->pre_question, question, 32);
        memcpy(c->spec_hash, spec_hash, 32);
        if (pre->agreement != NULL)
            memcpy(c->agreement_sha256, pre->agreement->sha256, 32);
        if (goes) {
            TRY(judge_preflight_keep(pre, c));
            TRY(judge_preflight_tell(j, pre, c));
        }
    }
    TRY(payload_preflighted_put(&pre->answer, j->scratch, sizeof(j->scratch), &body));
    if (pre->p->dry == 0)
        TRY(judge_blob_set(&c->pre_answer, body));
    return judge_reply(j, MSG_PREFLIGHTED, ERR_OK, body);
}

enum err
judge_preflight_handle(struct judge *j, const struct judge_in *in)
{
    static const uint8_t none[16] = {0};
    struct p_preflight p;
    struct judge_stop stop;
    uint8_t question[32];
    uint8_t spec_hash[32] = {0};
    TRY(payload_preflight_get(in->body, &p));
    if (p.dry > 1 || p.counters > 1 || span_is_empty(p.name))
        return ERR_RANGE;
    if (p.dry == 0 && memcmp(in->transfer, none, sizeof(none)) == 0)
        return ERR_PROTOCOL;
    TRY(digest_sha256(in->body, question));
    const struct judge_case *c = p.dry != 0 ? NULL : judge_case_find(j, in->transfer);
    if (c != NULL && c->pre_answer.len > 0 && memcmp(c->pre_question, question, 32) == 0)
        return judge_preflight_again(j, c);
    if (!j->floor_met)
        return judge_preflight_stop(
            j, j->floor_told
                   ? (struct judge_stop){"quarantined", "the policies are older than the log says"}
                   : (struct judge_stop){"log-unavailable", "the log has not been asked yet"});
    struct judge_pre pre = {.in = in, .p = &p, .now_ms = judge_now(j, in)};
    if (!judge_preflight_parties(j, &pre, &stop))
        return judge_preflight_stop(j, stop);
    enum err err = judge_preflight_run(j, &pre, spec_hash);
    if (err != ERR_OK)
        return judge_preflight_stop(j, judge_preflight_why(err));
    err = judge_preflight_commit(j, &pre, question, spec_hash);
    if (err == ERR_OK)
        return ERR_OK;
    return judge_preflight_stop(
        j, (struct judge_stop){"internal", err == ERR_KEY_UNKNOWN
                                               ? "the other zone has no active key"
                                               : "the container could not be prepared"});
}
