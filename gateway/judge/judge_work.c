/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that preflight, import and final decision have in common: facts, record, entry. */
#include <assert.h>

#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/th.h"
#include "gateway/judge/judge_inner.h"
#include "policy/answer.h"
#include "schemas/text.h"

enum { JUDGE_COMMITS_MAX = 5, JUDGE_TEXT_MAX = 512, JUDGE_DEBIT_BYTES = 32 + 8 };

/* A fact by the gateway's hand, if the vocabulary knows it. */
static bool
judge_knows(const struct judge *j, const char *name)
{
    return vocab_attr(&j->book->vocab, span_str(name)) != NULL;
}

static enum err
judge_fact_count(struct judge *j, const char *name, uint64_t value, enum vocab_source source)
{
    const int64_t number = value > JSON_INT_MAX ? JSON_INT_MAX : (int64_t)value;
    return judge_knows(j, name) ? facts_int(&j->work->facts, span_str(name), number, source)
                                : ERR_OK;
}

/* What crossed under the approval, this dataset included; false when clerk does not say. */
static bool
judge_debit_after(const struct judge_asked *q, const uint8_t approval[static 32], uint64_t *ret)
{
    *ret = 0;
    if (q->no_debits)
        return true;
    for (size_t at = 0; at + JUDGE_DEBIT_BYTES <= q->debits.len; at += JUDGE_DEBIT_BYTES) {
        const uint8_t *pair = q->debits.ptr + at;
        if (memcmp(pair, approval, 32) != 0)
            continue;
        for (size_t k = 0; k < 8; k++)
            *ret |= (uint64_t)pair[32 + k] << 8 * k;
        return true;
    }
    return false;
}

/* What the tightest envelope has left. Not known at preflight, nor when one of them is not: the
 * rules then refuse. */
static enum err
judge_facts_debits(struct judge *j, const struct judge_asked *q)
{
    const struct agreement *a = q->agreement;
    int64_t left = JSON_INT_MAX;
    bool any = false;
    for (size_t i = 0; i < a->evidence_count; i++) {
        const struct agreement_evidence *e =
            agreement_debit(a, i, q->now_ms, (int64_t)j->crossing_margin_s * 1000);
        uint64_t after = 0;
        if (e == NULL)
            continue;
        if (q->seen == NULL || !judge_debit_after(q, e->sha256, &after))
            return ERR_OK;
        const int64_t used = after > JSON_INT_MAX ? JSON_INT_MAX : (int64_t)after;
        const int64_t here = e->envelope.persons_max - used;
        left = here < left ? here : left;
        any = true;
    }
    if (!any || !judge_knows(j, "envelope.persons_left"))
        return ERR_OK;
    return facts_int(&j->work->facts, SPAN_LIT("envelope.persons_left"), left, VOCAB_GATEWAY);
}

static enum err
judge_facts_seen(struct judge *j, const struct judge_asked *q)
{
    struct facts *f = &j->work->facts;
    const struct report_side *seen = q->seen;
    for (unsigned i = 0; i < LABEL_COUNT; i++)
        if ((seen->labels & LABEL_BIT(i)) != 0)
            TRY(facts_label(f, span_str(label_name((enum label)i))));
    if (seen->coverage == FINDINGS_OPAQUE)
        TRY(facts_label(f, span_str(label_name(LABEL_OPAQUE))));
    if (judge_knows(j, "declared.contradicted"))
        TRY(facts_bool(f, SPAN_LIT("declared.contradicted"), seen->contradicted || q->contradicted,
                       VOCAB_GATEWAY));
    if (judge_knows(j, "coverage"))
        TRY(facts_text(f, SPAN_LIT("coverage"), span_str(findings_coverage_name(seen->coverage)),
                       VOCAB_GATEWAY));
    TRY(judge_fact_count(j, "dataset.rows", seen->rows, VOCAB_GATEWAY));
    TRY(judge_fact_count(j, "dataset.persons", seen->persons_upper, VOCAB_GATEWAY));
    return judge_fact_count(j, "dataset.persons_sensitive", seen->sensitive, VOCAB_GATEWAY);
}

static enum err
judge_facts(struct judge *j, const struct judge_asked *q)
{
    struct judge_work *w = j->work;
    struct facts *f = &w->facts;
    facts_init(f);
    if (!span_is_empty(q->facts)) {
        struct json_doc doc = {.nodes = w->fact_nodes,
                               .node_cap = JUDGE_FACTS_NODES_MAX,
                               .text = w->fact_text,
                               .text_cap = sizeof(w->fact_text)};
        TRY(json_read(&doc, q->facts, NULL));
        TRY(facts_read(f, &j->book->vocab, &doc, &doc.nodes[0], VOCAB_MANIFEST, NULL));
    }
    TRY(register_facts(&j->book->reg, q->agreement, q->now_ms, (int64_t)j->crossing_margin_s * 1000,
                       f));
    if (judge_knows(j, "from"))
        TRY(facts_text(f, SPAN_LIT("from"), q->agreement->from, VOCAB_ROUTE));
    for (size_t i = 0; i < q->label_count; i++)
        TRY(facts_label(f, q->labels[i]));
    if (q->counters) {
        TRY(judge_fact_count(j, "count.pi.after", q->pi, VOCAB_COUNTER));
        TRY(judge_fact_count(j, "count.spi.after", q->spi, VOCAB_COUNTER));
    }
    TRY(judge_facts_debits(j, q));
    return q->seen == NULL ? ERR_OK : judge_facts_seen(j, q);
}

/* An encryption to another zone than the one it goes to cannot be performed. */
static void
judge_check_zone(struct judge *j, const struct judge_asked *q)
{
    struct decision *d = &j->work->decision;
    const struct obligation_field *zone =
        obligation_field(obligation_find(&d->obligations, "encrypt"), "to_zone");
    if (d->verdict == DECIDE_DENY || zone == NULL || span_eq(zone->text, q->agreement->to))
        return;
    d->verdict = DECIDE_DENY;
    d->reason = DECIDE_OBLIGATION_UNSUPPORTED;
}

enum err
judge_rule(struct judge *j, bool is_import, bool preflight, int64_t now_ms)
{
    struct judge_work *w = j->work;
    struct register_active active;
    TRY(register_active(&j->book->reg, is_import, now_ms, &active));
    return ruling_run(&w->ruling, active.docs, active.doc_count, &w->facts, now_ms, preflight,
                      &w->decision);
}

enum err
judge_evaluate(struct judge *j, const struct judge_asked *q)
{
    TRY(judge_facts(j, q));
    TRY(judge_rule(j, q->is_import, q->preflight, q->now_ms));
    judge_check_zone(j, q);
    return ERR_OK;
}

enum err
judge_words_make(struct judge *j, struct judge_words *ret)
{
    struct judge_work *w = j->work;
    const struct span from_facts = {NULL, 0};
    TRY(record_write(&w->decision, from_facts, w->record, sizeof(w->record), &ret->record));
    TRY(digest_sha256(ret->record, ret->record_hash));
    return answer_write(&w->decision, ret->record_hash, w->answer, sizeof(w->answer),
                        &ret->decision);
}

/* Sorted names of the facts' labels. */
static size_t
judge_sort_labels(const struct facts *f, struct span *out)
{
    for (size_t i = 0; i < f->label_count; i++) {
        size_t at = i;
        for (; at > 0 && span_cmp(out[at - 1], f->label[i]) > 0; at--)
            out[at] = out[at - 1];
        out[at] = f->label[i];
    }
    return f->label_count;
}

struct judge_commit {
    const char *field;
    struct span value;
    uint8_t salt[32];
    uint8_t hash[32];
};

/* What is committed to, sorted by field: evidence.c of schemas opens it with the salts. */
static enum err
judge_commits_make(const struct judge_entry *e, char hash_text[static 72],
                   struct judge_commit commits[static JUDGE_COMMITS_MAX], struct canon *salts)
{
    memcpy(hash_text, "sha256:", 7);
    TRY(text_hex(span_of(e->record_hash, 32), hash_text + 7, 65));
    commits[0] = (struct judge_commit){.field = "agreement", .value = e->agreement};
    commits[1] = (struct judge_commit){.field = "name", .value = e->name};
    commits[2] = (struct judge_commit){.field = "recipient", .value = e->recipient};
    commits[3] = (struct judge_commit){.field = "record", .value = span_str(hash_text)};
    commits[4] = (struct judge_commit){.field = "sender", .value = e->sender};
    canon_array(salts);
    for (size_t i = 0; i < JUDGE_COMMITS_MAX; i++) {
        struct judge_commit *c = &commits[i];
        key_random(c->salt, sizeof(c->salt));
        TRY(TH(c->hash, "tdz/v1/commit", span_str(c->field), span_of(c->salt, 32), c->value));
        canon_object(salts);
        canon_member_str(salts, "field", c->field);
        canon_member_hex(salts, "salt", span_of(c->salt, 32));
        canon_member_span(salts, "value", c->value);
        canon_end(salts);
    }
    canon_end(salts);
    return ERR_OK;
}

static enum err
judge_entry_decision(struct judge *j, const struct judge_entry *e, const struct entry_head *head,
                     const struct entry_commits *commits, struct span *ret)
{
    struct judge_work *w = j->work;
    const struct decision *d = &w->decision;
    uint8_t policies[DECIDE_DOCS_MAX][ENTRY_HASH_LEN];
    struct span labels[FACTS_LABELS_MAX];
    const struct entry_counter counters[2] = {{SPAN_LIT("pi"), e->pi}, {SPAN_LIT("spi"), e->spi}};
    for (size_t i = 0; i < d->doc_count; i++)
        memcpy(policies[i], d->docs[i]->sha256, ENTRY_HASH_LEN);
    const struct entry_decision decision = {
        .phase = span_str(e->phase),
        .verdict = span_str(decide_verdict_name(d->verdict)),
        .reason = span_str(decide_reason_name(d->reason)),
        .record = commits->record,
        .policies = (const uint8_t(*)[ENTRY_HASH_LEN])policies,
        .policy_count = d->doc_count,
        .labels = labels,
        .label_count = judge_sort_labels(&w->facts, labels),
        .counters = counters,
        .counter_count = e->counters ? 2 : 0,
        .from = e->from,
        .to = e->to,
        .suite = e->suite,
        .bytes = e->bytes,
        .offer = e->offer,
        .seal = e->seal,
        .root = e->root,
        .commit = *commits,
    };
    return entry_write_decision(head, &decision, w->entry, sizeof(w->entry), ret);
}

enum err
judge_entry_make(struct judge *j, const struct judge_entry *e, struct judge_leaf *ret)
{
    struct judge_work *w = j->work;
    struct judge_commit commits[JUDGE_COMMITS_MAX];
    char hash_text[72];
    struct canon salts;
    const struct entry_head head = {
        .time_ms = e->now_ms, .transfer = e->transfer, .has_n = true, .n = e->n};
    canon_init(&salts, w->salts, sizeof(w->salts));
    TRY(judge_commits_make(e, hash_text, commits, &salts));
    const struct entry_commits hashes = {.agreement = commits[0].hash,
                                         .name = commits[1].hash,
                                         .recipient = commits[2].hash,
                                         .record = commits[3].hash,
                                         .sender = commits[4].hash};
    if (e->kind == ENTRY_RECEIVED) {
        const struct entry_received received = {
            .verdict = span_str(decide_verdict_name(w->decision.verdict)),
            .reason = span_str(decide_reason_name(w->decision.reason)),
            .seal = e->seal,
            .release = e->release,
            .commit = hashes,
            .peer = e->peer};
        TRY(entry_write_received(&head, &received, w->entry, sizeof(w->entry), &ret->entry));
    } else {
        TRY(judge_entry_decision(j, e, &head, &hashes, &ret->entry));
    }
    TRY(canon_finish(&salts, &ret->salts));
    TRY(digest_leaf(ret->entry, ret->leaf));
    if (e->now_ms > j->last_ms)
        j->last_ms = e->now_ms;
    return ERR_OK;
}

/* True if some declared column is to be changed. */
static bool
judge_spec_acts(const struct inspectspec *spec)
{
    for (size_t i = 0; i < spec->fields.field_count; i++)
        if (spec->actions[i] != TRANSFORM_NONE)
            return true;
    return false;
}

enum err
judge_spec_make(struct judge *j, bool is_import, const struct agreement *a, struct span performed,
                struct span *ret_spec, uint8_t ret_hash[static 32])
{
    struct judge_work *w = j->work;
    struct json_doc doc;
    struct span spec;
    TRY(json_load(&doc, a->bytes, NULL));
    const enum err err =
        inspectspec_write(is_import, performed, &doc, w->spec_json, sizeof(w->spec_json), &spec);
    json_free(&doc);
    TRY(err);
    TRY(inspectspec_read(spec, &w->spec_scratch, &w->spec, NULL));
    /* Columns are changed in tables only. */
    if (judge_spec_acts(&w->spec) && a->format != AGREEMENT_CSV)
        return ERR_UNSUPPORTED;
    TRY(digest_sha256(spec, ret_hash));
    *ret_spec = spec;
    return ERR_OK;
}

bool
judge_spec_is_changed(enum err err)
{
    return err == ERR_UNSUPPORTED || err == ERR_NOT_FOUND || err == ERR_TYPE || err == ERR_MISSING;
}

/* True if m's signature, manifest and dates are those of a genuine offer of zone. */
enum err
judge_offer_read(struct judge *j, struct span zone, struct span bytes, int64_t now_ms,
                 struct manifest *ret, struct span *ret_facts, struct span *ret_performed,
                 uint8_t ret_hash[static 32])
{
    struct judge_work *w = j->work;
    struct sign_pub keys[TRUST_KEYS_MAX];
    struct offer offer;
    struct json_doc doc;
    const struct json_node *facts = NULL;
    const struct json_node *performed = NULL;
    struct canon out;
    enum suite suite;
    size_t signer = 0;
    TRY(offer_decode(bytes, &offer));
    TRY(offer_manifest(offer.manifest, &w->offer, &doc, NULL));
    TRY(manifest_read(&doc, ret, &facts, &performed, NULL));
    TRY(suite_from_u8(ret->suite, &suite));
    const size_t count =
        judge_book_signers(j->book, zone, TRUST_GATEWAY, now_ms / 1000, keys, TRUST_KEYS_MAX);
    TRY(offer_verify(&offer, suite, keys, count, &signer));
    canon_init(&out, w->facts_json, sizeof(w->facts_json));
    canon_node(&out, &doc, facts);
    TRY(canon_finish(&out, ret_facts));
    canon_init(&out, w->performed, sizeof(w->performed));
    canon_node(&out, &doc, performed);
    TRY(canon_finish(&out, ret_performed));
    return offer_hash(offer.manifest, ret_hash);
}
