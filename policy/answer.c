/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/answer.h"

#include <assert.h>

#include "policy/record.h"
#include "schemas/text.h"

/* The first of wanted, english and name that says something. */
static struct span
answer_words(struct span wanted, struct span english, struct span name)
{
    if (wanted.len > 0)
        return wanted;
    return english.len > 0 ? english : name;
}

static void
answer_rule(const struct decision *d, const struct decide_fired *fired, struct canon *w)
{
    const struct source_rule *rule = fired->rule;
    const struct source_text *found = source_text(fired->doc, rule->why);
    const struct source_text none = {0};
    const struct source_text *t = found == NULL ? &none : found;
    canon_object(w);
    canon_key(w, "cite");
    canon_array(w);
    for (size_t i = 0; i < rule->cite_count; i++)
        canon_string(w, rule->cites[i]);
    canon_end(w);
    canon_member_str(w, "effect", source_effect_name(rule->effect));
    canon_key(w, "id");
    record_rule_id(d, fired, false, w);
    canon_key(w, "why");
    canon_object(w);
    canon_member_span(w, "en", answer_words(t->en, t->en, rule->why));
    canon_member_span(w, "ms", answer_words(t->ms, t->en, rule->why));
    canon_member_span(w, "zh", answer_words(t->zh, t->en, rule->why));
    canon_end(w);
    canon_end(w);
}

static void
answer_fact(struct span name, bool would_help, struct canon *w)
{
    canon_object(w);
    canon_member_span(w, "fact", name);
    canon_member_bool(w, "would_help", would_help);
    canon_end(w);
}

static bool
answer_is_unknown(const struct decision *d, struct span name)
{
    for (size_t i = 0; i < d->unknown_count; i++)
        if (span_eq(d->unknown[i].name, name))
            return true;
    return false;
}

/* What was unknown, then what was sent but does not count. */
static void
answer_missing(const struct decision *d, struct canon *w)
{
    canon_array(w);
    for (size_t i = 0; i < d->unknown_count; i++)
        answer_fact(d->unknown[i].name, d->unknown[i].would_help, w);
    for (size_t i = 0; i < d->facts->ignored_count; i++)
        if (!answer_is_unknown(d, d->facts->ignored[i]))
            answer_fact(d->facts->ignored[i], false, w);
    canon_end(w);
}

enum err
answer_write(const struct decision *d, const uint8_t record_sha256[static 32], char *buf,
             size_t cap, struct span *ret)
{
    struct canon w;
    char hash[7 + 64 + 1] = "sha256:";
    TRY(text_hex(span_of(record_sha256, 32), hash + 7, sizeof(hash) - 7));
    canon_init(&w, buf, cap);
    canon_object(&w);
    canon_key(&w, "missing");
    answer_missing(d, &w);
    canon_key(&w, "obligations");
    if (d->verdict == DECIDE_DENY) {
        canon_object(&w);
        canon_end(&w);
    } else {
        obligation_set_write(&d->obligations, &w);
    }
    canon_key(&w, "policies");
    canon_array(&w);
    for (size_t i = 0; i < d->doc_count; i++)
        record_document(d->docs[i], &w);
    canon_end(&w);
    canon_member_str(&w, "reason", decide_reason_name(d->reason));
    canon_member_str(&w, "record", hash);
    canon_key(&w, "rules");
    canon_array(&w);
    for (size_t i = 0; i < d->fired_count; i++)
        answer_rule(d, &d->fired[i], &w);
    canon_end(&w);
    canon_key(&w, "unknown");
    canon_array(&w);
    for (size_t i = 0; i < d->unknown_count; i++)
        canon_string(&w, d->unknown[i].name);
    canon_end(&w);
    canon_member_str(&w, "verdict", decide_verdict_name(d->verdict));
    canon_end(&w);
    return canon_finish(&w, ret);
}
