/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/record.h"

#include <assert.h>
#include <stdio.h>

#include "schemas/text.h"

static void
record_hash(const uint8_t sha256[static 32], struct canon *w)
{
    char text[7 + 64 + 1] = "sha256:";
    const enum err err = text_hex(span_of(sha256, 32), text + 7, sizeof(text) - 7);
    assert(err == ERR_OK);
    canon_str(w, text);
}

void
record_document(const struct source *doc, struct canon *w)
{
    canon_object(w);
    canon_member_span(w, "id", doc->id);
    canon_member_int(w, "revision", doc->revision);
    canon_key(w, "sha256");
    record_hash(doc->sha256, w);
    canon_end(w);
}

void
record_rule_id(const struct decision *d, const struct decide_fired *fired, bool mark,
               struct canon *w)
{
    /* Two slugs of 64 bytes, a slash, a mark. */
    char id[64 + 1 + 64 + 1 + 1];
    const bool several = d->doc_count > 1;
    const int len =
        snprintf(id, sizeof(id), "%.*s%s%.*s%s", several ? (int)fired->doc->id.len : 0,
                 (const char *)fired->doc->id.ptr, several ? "/" : "", (int)fired->rule->id.len,
                 (const char *)fired->rule->id.ptr, mark && fired->on_unknown ? "?" : "");
    assert(len > 0 && (size_t)len < sizeof(id));
    canon_str(w, id);
}

static void
record_rules(const struct decision *d, struct canon *w)
{
    size_t at = 0;
    canon_object(w);
    while (at < d->fired_count) {
        const enum source_effect effect = d->fired[at].rule->effect;
        canon_key(w, source_effect_name(effect));
        canon_array(w);
        for (; at < d->fired_count && d->fired[at].rule->effect == effect; at++)
            record_rule_id(d, &d->fired[at], true, w);
        canon_end(w);
    }
    canon_end(w);
}

static enum err
record_now(const struct decision *d, struct canon *w)
{
    char text[25];
    if (d->now_ms % 1000 == 0)
        TRY(text_time_s(d->now_ms / 1000, text));
    else
        TRY(text_time_ms(d->now_ms, text));
    canon_member_str(w, "now", text);
    return ERR_OK;
}

static void
record_documents(const struct decision *d, struct canon *w)
{
    if (d->doc_count == 1) {
        canon_key(w, "policy");
        record_document(d->docs[0], w);
        return;
    }
    canon_key(w, "policies");
    canon_array(w);
    for (size_t i = 0; i < d->doc_count; i++)
        record_document(d->docs[i], w);
    canon_end(w);
}

enum err
record_write(const struct decision *d, struct span input, char *buf, size_t cap, struct span *ret)
{
    struct canon w;
    assert(d->doc_count > 0);
    canon_init(&w, buf, cap);
    canon_object(&w);
    canon_member_str(&w, "format", "tdz.decision/1");
    canon_key(&w, "input");
    if (span_is_empty(input))
        facts_write(d->facts, &w);
    else
        canon_raw(&w, input);
    TRY(record_now(d, &w));
    if (d->verdict != DECIDE_DENY) {
        canon_key(&w, "obligations");
        obligation_set_write(&d->obligations, &w);
    }
    record_documents(d, &w);
    canon_member_str(&w, "reason", decide_reason_name(d->reason));
    canon_member_str(&w, "result", decide_verdict_name(d->verdict));
    canon_key(&w, "rules");
    record_rules(d, &w);
    canon_member_str(&w, "semantics", "tdz.sem/1");
    if (d->verdict == DECIDE_DENY && d->uncovered_count > 0) {
        canon_key(&w, "uncovered");
        canon_array(&w);
        for (size_t i = 0; i < d->uncovered_count; i++)
            canon_string(&w, d->uncovered[i]);
        canon_end(&w);
    }
    canon_key(&w, "unknown");
    canon_array(&w);
    for (size_t i = 0; i < d->unknown_count; i++)
        canon_string(&w, d->unknown[i].name);
    canon_end(&w);
    canon_key(&w, "vocabulary");
    record_hash(d->docs[0]->vocab->sha256, &w);
    canon_end(&w);
    return canon_finish(&w, ret);
}
