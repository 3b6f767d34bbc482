/* SPDX-License-Identifier: Apache-2.0 */
/* NOTE_ASK: an operator's signed note, checked before clerk keeps it. Approvals are checked again
 * when judge decides; what is said here only spares operators a decision that could not follow.
 * Spec: docs/PROCESSES.md, Notes of operators. */
#include "crypto/digest.h"
#include "gateway/judge/judge_inner.h"
#include "schemas/text.h"

enum { JUDGE_NOTE_NAME_MAX = 127 };
/* More persons than live: an adjustment beyond is a mistake. */
static const int64_t JUDGE_NOTE_PERSONS_MAX = INT64_C(10000000000);

static struct json_doc
judge_note_doc(struct judge *j)
{
    return (struct json_doc){.nodes = j->work->duty_nodes,
                             .node_cap = JUDGE_FACTS_NODES_MAX,
                             .text = j->work->duty_text,
                             .text_cap = sizeof(j->work->duty_text)};
}

static enum err
judge_note_reply(struct judge *j, const struct p_note_answer *answer)
{
    struct span body;
    const enum err put = payload_note_answer_put(answer, j->scratch, sizeof(j->scratch), &body);
    return judge_reply(j, MSG_NOTE_ANSWER, put, body);
}

/* Why a note does not count, in words of ours. */
static enum err
judge_note_refuse(struct judge *j, enum err why)
{
    struct p_note_answer answer = {.code = SPAN_LIT("note-refused")};
    if (why == ERR_EXPIRED) {
        answer.detail = SPAN_LIT("the note has expired");
    } else if (why == ERR_CONFLICT) {
        answer.detail = SPAN_LIT("the note is about another transfer, seal or decision");
    } else if (why == ERR_SIGNATURE || why == ERR_KEY_UNKNOWN) {
        answer.detail = SPAN_LIT("no operator of this zone whose key is valid now signed the note");
    } else {
        answer.code = SPAN_LIT("bad-request");
        answer.detail = SPAN_LIT("the body is not a signed note of the format expected here");
    }
    return judge_note_reply(j, &answer);
}

static const uint8_t *
judge_note_keyid(const struct judge *j, size_t signer)
{
    return j->book->operator_keys[signer]->keyid;
}

/* -- approvals
 * -----------------------------------------------------------------------------------*/

/* The hold with these votes; complete: nobody's word is missing. */
static enum err
judge_note_hold(struct judge *j, struct span hold, const struct judge_votes *votes,
                struct span *ret, bool *ret_complete)
{
    struct json_doc doc = judge_note_doc(j);
    const struct json_node *rules = NULL;
    struct approvers places;
    struct canon w;
    bool complete = true;
    TRY(json_read(&doc, hold, NULL));
    if (doc.nodes[0].type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need(&doc, &doc.nodes[0], "rules", JSON_ARRAY, &rules, NULL));
    canon_init(&w, j->work->hold, sizeof(j->work->hold));
    canon_object(&w);
    judge_hold_votes(j, votes, &w);
    canon_key(&w, "rules");
    canon_array(&w);
    const struct json_node *rule = json_first(&doc, rules);
    for (; rule != NULL; rule = json_next(&doc, rules, rule)) {
        struct span release;
        struct span id;
        if (rule->type != JSON_OBJECT)
            return ERR_TYPE;
        TRY(json_need_str(&doc, rule, "release", 64, &release, NULL));
        TRY(json_need_str(&doc, rule, "rule", 512, &id, NULL));
        complete = complete && judge_votes_missing(j, votes, release, &places) == 0;
        judge_hold_rule(j, votes, release, NULL, id, &w);
    }
    canon_end(&w);
    canon_end(&w);
    *ret_complete = complete;
    return canon_finish(&w, ret);
}

static enum err
judge_note_approval(struct judge *j, const struct judge_in *in, const struct p_note_ask *p)
{
    const struct judge_held held = {in->transfer, p->seal_hash, p->held};
    const struct entry_head head = {
        .time_ms = judge_now(j, in), .transfer = in->transfer, .has_n = true, .n = p->n};
    struct judge_votes *votes = &j->work->votes;
    struct p_note_answer answer = {0};
    struct judge_vote vote;
    bool complete = false;
    const enum err err = judge_approval_check(j, &held, p->note, head.time_ms, &vote);
    if (err != ERR_OK)
        return judge_note_refuse(j, err);
    judge_votes_read(j, &held, p->notes, head.time_ms, votes);
    answer.repeated = judge_votes_add(j, votes, &vote) ? 0 : 1;
    answer.verdict = vote.approve ? 1 : 0;
    TRY(digest_sha256(p->note, answer.note_hash));
    TRY(judge_note_hold(j, p->hold, votes, &answer.hold, &complete));
    answer.complete = complete || votes->refused ? 1 : 0;
    TRY(entry_write_approval(&head, vote.approve ? SPAN_LIT("approve") : SPAN_LIT("refuse"),
                             p->held, answer.note_hash, judge_note_keyid(j, vote.signer),
                             j->work->entry, sizeof(j->work->entry), &answer.entry));
    return judge_note_reply(j, &answer);
}

/* -- counters
 * ------------------------------------------------------------------------------------*/

struct judge_note_adjust {
    struct entry_adjust entry;
    struct span exporter; /* in the scratch of the reader */
};

/* {"expires","exporter","id","known","kind","pi","reason","spi","year"}; id makes two notes that
 * say the same two adjustments. */
static enum err
judge_note_adjust_body(struct json_doc *doc, struct span json, int64_t now_ms,
                       struct judge_note_adjust *ret)
{
    static const char *const names[] = {"expires", "exporter", "id",  "kind", "known",
                                        "pi",      "reason",   "spi", "year"};
    struct span word;
    int64_t year = 0;
    int64_t ends = 0;
    TRY(json_read(doc, json, NULL));
    const struct json_node *root = &doc->nodes[0];
    if (root->type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_only(doc, root, names, sizeof(names) / sizeof(names[0]), NULL));
    TRY(json_need_str(doc, root, "exporter", JUDGE_NOTE_NAME_MAX, &ret->exporter, NULL));
    TRY(json_need_str(doc, root, "id", JUDGE_NOTE_NAME_MAX, &word, NULL));
    TRY(json_need_str(doc, root, "reason", 1024, &word, NULL));
    TRY(json_need_str(doc, root, "kind", 16, &word, NULL));
    ret->entry.opening = span_eq_str(word, "opening");
    if (!ret->entry.opening && !span_eq_str(word, "adjust"))
        return ERR_RANGE;
    TRY(json_need_bool(doc, root, "known", &ret->entry.known, NULL));
    TRY(json_need_int(doc, root, "year", 1970, 9999, &year, NULL));
    const int64_t low = ret->entry.opening ? 0 : -JUDGE_NOTE_PERSONS_MAX;
    TRY(json_need_int(doc, root, "pi", low, JUDGE_NOTE_PERSONS_MAX, &ret->entry.pi, NULL));
    TRY(json_need_int(doc, root, "spi", low, JUDGE_NOTE_PERSONS_MAX, &ret->entry.spi, NULL));
    ret->entry.year = (uint64_t)year;
    if (ret->exporter.len == 0)
        return ERR_RANGE;
    return judge_approval_expires(doc, now_ms, &ends);
}

static enum err
judge_note_counter(struct judge *j, const struct judge_in *in, const struct p_note_ask *p)
{
    struct json_doc doc = judge_note_doc(j);
    const struct entry_head head = {.time_ms = judge_now(j, in)};
    struct judge_note_adjust adjust = {0};
    struct p_note_answer answer = {0};
    struct span json;
    size_t signer = 0;
    enum err err = judge_approval_open(j, p->note, SPAN_LIT("tdz.counter/1\n"), &signer, &json);
    if (err == ERR_OK)
        err = judge_note_adjust_body(&doc, json, head.time_ms, &adjust);
    if (err != ERR_OK)
        return judge_note_refuse(j, err);
    TRY(digest_sha256(p->note, answer.note_hash));
    adjust.entry.note = answer.note_hash;
    adjust.entry.keyid = judge_note_keyid(j, signer);
    answer.exporter = adjust.exporter;
    answer.year = adjust.entry.year;
    answer.pi = (uint64_t)adjust.entry.pi;
    answer.spi = (uint64_t)adjust.entry.spi;
    answer.opening = adjust.entry.opening ? 1 : 0;
    answer.known = adjust.entry.known ? 1 : 0;
    TRY(entry_write_counter(&head, &adjust.entry, j->work->entry, sizeof(j->work->entry),
                            &answer.entry));
    return judge_note_reply(j, &answer);
}

enum err
judge_note_handle(struct judge *j, const struct judge_in *in)
{
    struct p_note_ask p;
    TRY(payload_note_ask_get(in->body, &p));
    if (p.what == NOTE_APPROVAL)
        return judge_note_approval(j, in, &p);
    return p.what == NOTE_COUNTER ? judge_note_counter(j, in, &p) : ERR_RANGE;
}
