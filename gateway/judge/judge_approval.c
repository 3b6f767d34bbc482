/* SPDX-License-Identifier: Apache-2.0 */
/* Operators' words on a held transfer: signed notes of two lines, the format and the JSON. Who may
 * release is said by the rules that hold it, in which roles a person acts by the trust file.
 * Spec: formats.md Trust and evidence (tdz.approval/1), Policy (release). */
#include "crypto/digest.h"
#include "gateway/judge/judge_inner.h"
#include "policy/approvers.h"
#include "schemas/text.h"

enum { JUDGE_APPROVAL_NODES_MAX = 64, JUDGE_APPROVAL_BYTES_MAX = 8192 };

/* A member of 32 bytes as hex, with or without "sha256:". */
static enum err
judge_approval_hash(const struct json_doc *doc, const char *key, uint8_t ret[static 32])
{
    const struct span prefix = SPAN_LIT("sha256:");
    struct span text;
    TRY(json_need_str(doc, &doc->nodes[0], key, 71, &text, NULL));
    return text_unhex(span_starts(text, prefix) ? span_from(text, prefix.len) : text, false, ret,
                      32);
}

enum err
judge_approval_expires(const struct json_doc *doc, int64_t now_ms, int64_t *ret_ms)
{
    const struct json_node *node = json_get(doc, &doc->nodes[0], "expires");
    int64_t ms = 0;
    if (node == NULL)
        return ERR_MISSING;
    if (node->type == JSON_INT)
        ms = node->number > INT64_MAX / 1000 ? INT64_MAX : node->number * 1000;
    else if (node->type == JSON_STRING)
        TRY(text_parse_time(node->text, false, &ms));
    else
        return ERR_TYPE;
    *ret_ms = ms;
    return ms > now_ms ? ERR_OK : ERR_EXPIRED;
}

static enum err
judge_approval_body(const struct judge_held *h, struct span json, int64_t now_ms,
                    struct judge_vote *vote)
{
    static const char *const names[] = {"decision", "expires",  "reason",
                                        "seal",     "transfer", "verdict"};
    struct json_node nodes[JUDGE_APPROVAL_NODES_MAX];
    uint8_t text[JUDGE_APPROVAL_BYTES_MAX];
    struct json_doc doc = {.nodes = nodes,
                           .node_cap = JUDGE_APPROVAL_NODES_MAX,
                           .text = text,
                           .text_cap = sizeof(text)};
    struct span word;
    uint8_t hash[32];
    uint8_t transfer[16];
    TRY(json_read(&doc, json, NULL));
    if (nodes[0].type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_only(&doc, &nodes[0], names, sizeof(names) / sizeof(names[0]), NULL));
    TRY(json_need_str(&doc, &nodes[0], "transfer", 32, &word, NULL));
    TRY(text_unhex(word, false, transfer, sizeof(transfer)));
    TRY(judge_approval_hash(&doc, "seal", hash));
    if (memcmp(transfer, h->transfer, sizeof(transfer)) != 0 || memcmp(hash, h->seal_hash, 32) != 0)
        return ERR_CONFLICT;
    TRY(judge_approval_hash(&doc, "decision", hash));
    if (memcmp(hash, h->record_hash, 32) != 0)
        return ERR_CONFLICT;
    TRY(judge_approval_expires(&doc, now_ms, &vote->expires_ms));
    TRY(json_need_str(&doc, &nodes[0], "verdict", 8, &word, NULL));
    vote->approve = span_eq_str(word, "approve");
    return vote->approve || span_eq_str(word, "refuse") ? ERR_OK : ERR_NOT_FOUND;
}

enum err
judge_approval_open(const struct judge *j, struct span bytes, struct span format,
                    size_t *ret_signer, struct span *ret_json)
{
    struct note note;
    struct note_signers signers;
    TRY(note_parse(bytes, &note));
    if (!span_starts(note.text, format) || note.text.len > JUDGE_APPROVAL_BYTES_MAX)
        return ERR_VERSION;
    if (note.text.len == format.len)
        return ERR_MISSING;
    TRY(note_verify(&note, j->book->operators, j->book->operator_count, &signers));
    *ret_signer = signers.by[0].key;
    *ret_json = span_of(note.text.ptr + format.len, note.text.len - format.len - 1);
    return ERR_OK;
}

enum err
judge_approval_check(const struct judge *j, const struct judge_held *h, struct span bytes,
                     int64_t now_ms, struct judge_vote *ret)
{
    struct judge_vote vote = {0};
    struct span json;
    TRY(judge_approval_open(j, bytes, SPAN_LIT("tdz.approval/1\n"), &vote.signer, &json));
    TRY(judge_approval_body(h, json, now_ms, &vote));
    *ret = vote;
    return ERR_OK;
}

/* -- votes together
 * ------------------------------------------------------------------------------*/

static bool
judge_votes_same(const struct judge *j, size_t a, size_t b)
{
    return strcmp(j->book->operators[a].name, j->book->operators[b].name) == 0;
}

bool
judge_votes_add(const struct judge *j, struct judge_votes *votes, const struct judge_vote *vote)
{
    for (size_t i = 0; i < votes->count; i++) {
        if (judge_votes_same(j, votes->by[i].signer, vote->signer) &&
            votes->by[i].approve == vote->approve)
            return false;
    }
    if (votes->count == JUDGE_VOTES_MAX)
        return false;
    votes->by[votes->count++] = *vote;
    votes->refused = votes->refused || !vote->approve;
    return true;
}

void
judge_votes_read(const struct judge *j, const struct judge_held *h, struct span notes,
                 int64_t now_ms, struct judge_votes *ret)
{
    *ret = (struct judge_votes){0};
    while (notes.len > 0) {
        const uint8_t *end = memchr(notes.ptr, 0, notes.len);
        const size_t len = end == NULL ? notes.len : (size_t)(end - notes.ptr);
        struct judge_vote vote;
        /* What does not count (any more) is as if it had not been said. */
        if (judge_approval_check(j, h, span_of(notes.ptr, len), now_ms, &vote) == ERR_OK)
            (void)judge_votes_add(j, ret, &vote);
        notes = span_from(notes, end == NULL ? len : len + 1);
    }
}

struct judge_voters {
    const struct judge *j;
    const struct judge_votes *votes;
};

static bool
judge_votes_may(const void *ctx, size_t person, struct span role)
{
    const struct judge_voters *v = ctx;
    const struct judge_vote *vote = &v->votes->by[person];
    return vote->approve &&
           trust_key_acts(&v->j->book->trust, v->j->book->operator_keys[vote->signer], role);
}

unsigned
judge_votes_missing(const struct judge *j, const struct judge_votes *votes, struct span release,
                    struct approvers *ret_places)
{
    const struct judge_voters voters = {j, votes};
    if (approvers_parse(release, ret_places) != ERR_OK)
        return 1; /* no such rule is in a book: nobody may release it */
    return approvers_missing(ret_places, votes->count, judge_votes_may, &voters);
}

/* -- what holds
 * ----------------------------------------------------------------------------------*/

bool
judge_hold_met(const struct judge *j, const struct judge_case *c, const struct judge_votes *votes)
{
    const struct decision *d = &j->work->decision;
    struct approvers places;
    for (size_t i = 0; i < d->fired_count; i++) {
        if (d->fired[i].rule->effect == SOURCE_HOLD &&
            (!judge_held_names(c, &d->fired[i]) ||
             judge_votes_missing(j, votes, d->fired[i].rule->release, &places) != 0))
            return false;
    }
    return votes->count > 0;
}

/* {"missing":[...],"release":...,"rule":...}; rule as in the decision, or empty. */
void
judge_hold_rule(const struct judge *j, const struct judge_votes *votes, struct span release,
                const struct decide_fired *fired, struct span rule, struct canon *w)
{
    struct approvers places = {0};
    const unsigned missing = judge_votes_missing(j, votes, release, &places);
    canon_object(w);
    canon_key(w, "missing");
    canon_array(w);
    for (size_t i = 0; i < places.count; i++) {
        if ((missing >> i & 1) != 0)
            canon_string(w, places.role[i]);
    }
    canon_end(w);
    canon_member_span(w, "release", release);
    canon_key(w, "rule");
    if (fired != NULL)
        record_rule_id(&j->work->decision, fired, false, w);
    else
        canon_string(w, rule);
    canon_end(w);
}

void
judge_hold_votes(const struct judge *j, const struct judge_votes *votes, struct canon *w)
{
    canon_key(w, "approvals");
    canon_array(w);
    for (size_t i = 0; i < votes->count; i++) {
        const struct judge_vote *v = &votes->by[i];
        char text[25];
        canon_object(w);
        canon_key(w, "expires");
        if (text_time_ms(v->expires_ms, text) == ERR_OK)
            canon_str(w, text);
        else
            canon_null(w);
        canon_member_str(w, "operator", j->book->operators[v->signer].name);
        canon_member_str(w, "verdict", v->approve ? "approve" : "refuse");
        canon_end(w);
    }
    canon_end(w);
}

/* Who may release what this decision holds. A hold that no rule made (the clock, others'
 * reservations) any operator may have decided again. */
enum err
judge_hold_write(struct judge *j, struct span *ret)
{
    struct judge_work *w = j->work;
    const struct decision *d = &w->decision;
    const struct judge_votes none = {0};
    struct canon out;
    size_t shown = 0;
    canon_init(&out, w->hold, sizeof(w->hold));
    canon_object(&out);
    judge_hold_votes(j, &none, &out);
    canon_key(&out, "rules");
    canon_array(&out);
    for (size_t i = 0; i < d->fired_count && shown < JUDGE_HOLD_RULES_MAX; i++) {
        if (d->fired[i].rule->effect != SOURCE_HOLD)
            continue;
        judge_hold_rule(j, &none, d->fired[i].rule->release, &d->fired[i], (struct span){0}, &out);
        shown++;
    }
    if (shown == 0)
        judge_hold_rule(j, &none, SPAN_LIT("operator"), NULL, SPAN_LIT("gateway"), &out);
    canon_end(&out);
    canon_end(&out);
    return canon_finish(&out, ret);
}
