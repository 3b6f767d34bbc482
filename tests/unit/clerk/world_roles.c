/* SPDX-License-Identifier: Apache-2.0 */
/* The roles' side of the world: what each says to what clerk asks and tells. */
#include "tests/unit/clerk/world.h"

#include "crypto/digest.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "gateway/core/parcel.h"
#include "schemas/entry.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORLD_BYTES = 1000 };

/* -- what roles say */

static void
say_preflight(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_preflight p;
    assert(payload_preflight_get(m->body, &p) == ERR_OK);
    if (span_is_empty(p.name))
        world_broke(w, "a preflight without a name");
    struct p_preflighted r = {.verdict = w->preflight,
                              .decision = SPAN_LIT("{\"verdict\":\"x\"}"),
                              .record = SPAN_LIT("{}"),
                              .entry = SPAN_LIT("{\"preflight\":1}"),
                              .spec = SPAN_LIT("{}"),
                              .to_zone = SPAN_LIT("cn-lingang"),
                              .recipient = SPAN_LIT("hospital"),
                              .suite = 1,
                              .bytes_max = 1 << 20};
    ANSWER(w, tag, m->transfer, PREFLIGHTED, preflighted, &r);
    if (w->preflight == VERDICT_DENY || p.dry != 0)
        return;
    struct p_offered o = {.offer = SPAN_LIT("OFFER"), .wrapped = SPAN_LIT("WRAPPED-DATA-KEY")};
    world_hash_of(m->transfer, 'o', o.offer_hash);
    TELL(w, ROLE_KEEPER, 0, m->transfer, OFFERED, offered, &o);
}

/* Judge's rules for operators' notes here: each other text is another person; "refuse..." refuses,
 * "bad..." does not count. */
static unsigned
note_count(struct span notes)
{
    unsigned count = notes.len == 0 ? 0 : 1;
    for (size_t i = 0; i < notes.len; i++)
        count += notes.ptr[i] == 0 ? 1 : 0;
    return count;
}

static bool
note_has(struct span notes, const char *text)
{
    return notes.len > 0 && memmem(notes.ptr, notes.len, text, strlen(text)) != NULL;
}

static void
say_note(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_note_ask p;
    char text[64];
    assert(payload_note_ask_get(m->body, &p) == ERR_OK);
    struct p_note_answer r = {.hold = SPAN_LIT("{\"approvals\":[1],\"rules\":[]}")};
    if (p.what == NOTE_COUNTER) {
        r = w->adjust;
        memcpy(r.note_hash, p.note.ptr, p.note.len < 32 ? p.note.len : 32);
    }
    if (span_starts(p.note, SPAN_LIT("bad"))) {
        r.code = SPAN_LIT("note-refused");
    } else if (p.what == NOTE_APPROVAL) {
        r.repeated = p.notes.len >= p.note.len &&
                             memmem(p.notes.ptr, p.notes.len, p.note.ptr, p.note.len) != NULL
                         ? 1
                         : 0;
        r.verdict = span_starts(p.note, SPAN_LIT("refuse")) ? 0 : 1;
        r.complete =
            r.verdict == 0 || note_count(p.notes) + 1 >= (w->approvers == 0 ? 1 : w->approvers);
        (void)snprintf(text, sizeof(text), "{\"word\":%u}", p.n);
        r.entry = span_str(text);
    }
    ANSWER(w, tag, m->transfer, NOTE_ANSWER, note_answer, &r);
}

/* Judge answers a question again, but no other one of the same clerk under the same number. */
static bool
is_consistent(struct world *w, struct world_item *item, unsigned n, struct span question)
{
    uint8_t digest[32];
    assert(digest_sha256(question, digest) == ERR_OK);
    if (item->question_n == n + 1 && item->question_life == w->generation)
        return memcmp(item->question, digest, sizeof(digest)) == 0;
    memcpy(item->question, digest, sizeof(digest));
    item->question_n = n + 1;
    item->question_life = w->generation;
    return true;
}

static void
say_decide(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_decide p;
    char text[64];
    assert(payload_decide_get(m->body, &p) == ERR_OK);
    struct p_decided r = {.n = p.n,
                          .decision =
                              span_str(w->decides != NULL ? w->decides : "{\"verdict\":\"y\"}"),
                          .record = SPAN_LIT("{}"),
                          .observed = SPAN_LIT("{}")};
    if (w->judge_says != 0) {
        r.err = w->judge_says;
        if (w->judge_times > 0 && --w->judge_times == 0)
            w->judge_says = 0;
        ANSWER(w, tag, m->transfer, DECIDED, decided, &r);
        return;
    }
    const bool lost = w->judge_lost && p.direction == DIRECTION_IMPORT;
    struct world_item *item = world_item_of(w, m->transfer);
    if (w->judge_forgets || lost) {
        w->judge_forgets = false;
        item->question_n = 0;
        r.err = (uint16_t)-ERR_NOT_FOUND;
        ANSWER(w, tag, m->transfer, DECIDED, decided, &r);
        return;
    }
    if (!is_consistent(w, item, p.n, m->body)) {
        r.err = (uint16_t)-ERR_CONFLICT;
        ANSWER(w, tag, m->transfer, DECIDED, decided, &r);
        return;
    }
    r.verdict = p.direction == DIRECTION_IMPORT ? w->import_verdict : w->verdict;
    if (p.direction == DIRECTION_EXPORT && p.after_pi >= w->limit_pi)
        r.verdict = p.pending_others != 0 ? VERDICT_HOLD : VERDICT_DENY;
    static const uint8_t no_record[32];
    if (p.approval.len > 0 && memcmp(p.held, no_record, 32) == 0)
        world_broke(w, "notes without the decision they are about");
    if (p.approval.len > 0 && memcmp(p.held, w->held_told, sizeof(w->held_told)) != 0)
        world_broke(w, "notes without the record they are about");
    if (r.verdict == VERDICT_HOLD && note_count(p.approval) >= (w->approvers ? w->approvers : 1))
        r.verdict = VERDICT_ALLOW;
    if (note_has(p.approval, "refuse"))
        r.verdict = VERDICT_DENY;
    if (r.verdict == VERDICT_HOLD)
        r.hold = SPAN_LIT("{\"approvals\":[],\"rules\":[]}");
    (void)snprintf(text, sizeof(text), "{\"d\":%u,\"v\":%u}", p.n, r.verdict);
    const struct world_entry *had = world_entry_of(
        w, m->transfer, p.direction == DIRECTION_EXPORT ? ENTRY_DECISION : ENTRY_RECEIVED, p.n);
    r.entry = span_str(text);
    if (had != NULL)
        world_broke(w, "asked for a decision that is in the log already");
    world_hash_of(m->transfer, 's', r.seal_hash);
    ANSWER(w, tag, m->transfer, DECIDED, decided, &r);
    if (w->permits_lost > 0 && w->permits_lost-- > 0)
        return;
    struct p_permitted permit = {.n = p.n, .permit = SPAN_LIT("PERMIT")};
    memcpy(permit.offer_hash, p.offer_hash, 32);
    TELL(w, ROLE_KEEPER, 0, m->transfer, PERMITTED, permitted, &permit);
}

static void
say_append(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_append p;
    struct p_appended r = {0};
    uint8_t memory[20000];
    struct room room = {memory, sizeof(memory), 0};
    struct store_entry stored;
    static const uint8_t zero[16];
    assert(payload_append_get(m->body, &p) == ERR_OK);
    const bool noted = memcmp(m->transfer, zero, 16) == 0;
    if (!noted && (store_entry_get(w->store, m->transfer, p.kind, p.n, &room, &stored) != ERR_OK ||
                   !span_eq(stored.bytes, p.entry)))
        world_broke(w, "an entry went to the log before it was stored");
    struct p_appended again = {.err = (uint16_t)-ERR_AGAIN};
    if (w->former != NULL && !w->came_over) {
        ANSWER(w, tag, m->transfer, APPENDED, appended, &again);
        return;
    }
    struct world_entry *e = noted ? NULL : world_entry_of(w, m->transfer, p.kind, p.n);
    if (e == NULL) {
        assert(w->log_count < WORLD_LOG);
        e = &w->log[w->log_count++];
        memcpy(e->transfer, m->transfer, 16);
        e->kind = p.kind;
        e->n = p.n;
        e->bytes = malloc(p.entry.len + 1);
        e->len = p.entry.len;
        memcpy(e->bytes, p.entry.ptr, p.entry.len);
        e->bytes[e->len] = 0;
        const char *v = strstr((const char *)e->bytes, "\"v\":");
        e->verdict = v == NULL ? 0 : (uint8_t)(v[4] - '0');
    } else if (!span_eq(span_of(e->bytes, e->len), p.entry)) {
        world_broke(w, "other bytes for an entry that is in the log");
    }
    if (w->crash_append > 0 && --w->crash_append == 0) {
        w->crashed = true;
        w->flow->dead = true;
        return;
    }
    r.index = (uint64_t)(e - w->log);
    r.size = w->log_count;
    world_hash_of(e->transfer, 'l', r.leaf);
    ANSWER(w, tag, m->transfer, APPENDED, appended, &r);
}

void
world_receipt_bytes(struct world *w, const uint8_t *id, uint16_t status, uint8_t *buf, size_t cap,
                    struct span *ret)
{
    struct receipt r = {
        .suite = SUITE_AES_256_GCM, .status = (enum receipt_status)status, .received_at = 5};
    (void)w;
    memcpy(r.transfer, id, 16);
    world_hash_of(id, status == 1 ? 'o' : 's', r.seal_hash);
    if (status != 1)
        world_hash_of(id, 'r', r.release_hash);
    r.sigs.count = 1;
    r.sigs.one[0].alg = SIGN_ED25519;
    r.sigs.one[0].len = 64;
    assert(receipt_encode(&r, buf, cap, ret) == ERR_OK);
}

void
world_peer_receipt(struct world *w, const uint8_t *id, uint16_t status)
{
    uint8_t record[1024];
    uint8_t bytes[4096];
    struct parcel parcel = {
        .kind = PARCEL_RECEIPT, .entry = SPAN_LIT("{\"their\":1}"), .proof = SPAN_LIT("p")};
    struct p_corridor_in in = {.peer = SPAN_LIT("cn-lingang"), .what = CORRIDOR_RECEIPT};
    world_receipt_bytes(w, id, status, record, sizeof(record), &parcel.record);
    assert(parcel_write(&parcel, bytes, sizeof(bytes), &in.body) == ERR_OK);
    TELL(w, ROLE_LINK, 0, id, CORRIDOR_IN, corridor_in, &in);
    world_last->asks = true;
}

static void
say_parcel(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_parcel_send p;
    struct world_item *item = world_item_of(w, m->transfer);
    struct store_row row;
    assert(payload_parcel_send_get(m->body, &p) == ERR_OK);
    assert(store_row_get(w->store, m->transfer, &row) == ERR_OK);
    struct p_parcel_sent r = {.what = p.what, .status = w->silent_peer ? 503 : 202};
    if (p.what == PARCEL_STATE) {
        world_say_stand(w, tag, m);
        return;
    }
    if (p.what == PARCEL_RELEASE && w->peer_lost_body)
        r.status = 409;
    ANSWER(w, tag, m->transfer, PARCEL_SENT, parcel_sent, &r);
    if (p.what == PARCEL_RECEIPT) {
        if (item != NULL)
            item->receipts++;
        return;
    }
    if (world_entry_of(w, m->transfer, ENTRY_DECISION, row.n) == NULL ||
        world_entry_of(w, m->transfer, ENTRY_DECISION, row.n)->verdict != VERDICT_ALLOW)
        world_broke(w, "a release left without a logged allow");
    if (row.state < FLOW_X8_RELEASED)
        world_broke(w, "a release left before it was stored");
    if (item != NULL)
        item->released = true;
    if (!w->silent_peer && !w->peer_lost_body && !w->receipt_lost)
        world_peer_receipt(w, m->transfer, w->receipt);
}

static void
say_verify(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_peer_verified r = {.origin = SPAN_LIT("cn-lingang/gw1/2026h2"),
                                .index = 4,
                                .kind = ENTRY_RECEIVED,
                                .verdict = VERDICT_ALLOW};
    const struct world_item *item = world_item_of(w, m->transfer);
    const bool import = item != NULL && item->import;
    r.err = w->verify_stuck != 0 ? w->verify_stuck : w->verify_says;
    w->verify_says = 0;
    if (import)
        r.kind = ENTRY_DECISION;
    if (import && w->verify_denies)
        r.verdict = VERDICT_DENY;
    if (!import)
        r.verdict = w->receipt == 3 || w->receipt == 7 ? VERDICT_ALLOW
                    : w->receipt == 2                  ? VERDICT_HOLD
                                                       : VERDICT_DENY;
    world_hash_of(m->transfer, 'o', r.offer_hash);
    world_hash_of(m->transfer, 's', r.seal_hash);
    ANSWER(w, tag, m->transfer, PEER_VERIFIED, peer_verified, &r);
}

static void
say_proof(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_proof_ask p;
    struct p_proof r = {.proof = SPAN_LIT("p"), .cosigned = 1};
    assert(payload_proof_ask_get(m->body, &p) == ERR_OK);
    const struct world_entry *e = world_entry_of(w, m->transfer, p.kind, p.n);
    if (e == NULL) {
        if (w->former == NULL || w->came_over)
            world_broke(w, "asked for the proof of an entry that is not logged");
        r.err = (uint16_t)-ERR_NOT_FOUND;
    } else {
        r.entry = span_of(e->bytes, e->len);
    }
    ANSWER(w, tag, m->transfer, PROOF, proof, &r);
}

static void
say_wrap(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_wrap p;
    struct p_wrapped r = {.release = SPAN_LIT("RELEASE")};
    assert(payload_wrap_get(m->body, &p) == ERR_OK);
    if (p.permit.len == 0 || p.seal.len == 0 || p.wrapped.len == 0)
        world_broke(w, "a wrap was asked for without what it rests on");
    const struct world_entry *e = world_entry_of(w, m->transfer, ENTRY_DECISION, p.n);
    if (e == NULL || e->verdict != VERDICT_ALLOW)
        world_broke(w, "asked to wrap without a logged allow");
    if (w->wrap_expires) {
        w->wrap_expires = false;
        r.err = (uint16_t)-ERR_EXPIRED;
        r.release = SPAN_LIT("");
    }
    world_hash_of(m->transfer, 'r', r.release_hash);
    ANSWER(w, tag, m->transfer, WRAPPED, wrapped, &r);
}

static void
say_unwrap(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_unwrap p;
    struct p_unwrapped r = {.held = SPAN_LIT("HELD-DATA-KEY")};
    assert(payload_unwrap_get(m->body, &p) == ERR_OK);
    r.err = w->unwrap_stuck != 0 ? w->unwrap_stuck : w->unwrap_says;
    w->unwrap_says = 0;
    w->unwraps++;
    if (r.err != 0)
        r.held = SPAN_LIT("");
    ANSWER(w, tag, m->transfer, UNWRAPPED, unwrapped, &r);
    if (r.err != 0)
        return;
    struct p_opened o = {.purpose = OPEN_INSPECT};
    struct p_inspected i = {.bytes_in = WORLD_BYTES, .bytes_out = WORLD_BYTES};
    memcpy(o.offer_hash, p.offer_hash, 32);
    memcpy(i.offer_hash, p.offer_hash, 32);
    memset(o.root, 'R', 32);
    o.err = w->body_damaged ? (uint16_t)-ERR_AUTH : w->opened_says;
    i.err = w->inspect_says;
    TELL(w, ROLE_SEALER, p.sealer, m->transfer, OPENED, opened, &o);
    if (w->inspector_silent)
        return;
    TELL(w, ROLE_INSPECTOR, p.inspector, m->transfer, INSPECTED, inspected, &i);
    world_last->fds = i.err == 0;
}

static void
say_receipt(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_receipt_sign p;
    uint8_t record[1024];
    struct p_receipt_signed r = {0};
    assert(payload_receipt_sign_get(m->body, &p) == ERR_OK);
    const uint8_t kind = p.status == 7   ? ENTRY_DELIVERED
                         : p.status == 6 ? ENTRY_REFUSED
                                         : ENTRY_RECEIVED;
    /* What keeper needs for each (gateway/core/payload.def). */
    if ((p.status >= 5) != (p.release.len > 0) ||
        (p.status >= 2 && p.status <= 4 && p.permit.len == 0) || (p.status == 3 && p.held.len == 0))
        world_broke(w, "a receipt was asked for without what it rests on");
    bool logged = false;
    for (size_t i = 0; i < w->log_count; i++)
        logged =
            logged || (w->log[i].kind == kind && memcmp(w->log[i].transfer, m->transfer, 16) == 0);
    if (!logged)
        world_broke(w, "asked for a receipt before its entry was logged");
    world_receipt_bytes(w, m->transfer, p.status, record, sizeof(record), &r.receipt);
    if (p.status == 3)
        r.inbox = SPAN_LIT("INBOX-DATA-KEY");
    if (w->receipt_says != 0)
        r = (struct p_receipt_signed){.err = w->receipt_says};
    w->receipt_says = 0;
    if (w->receipt_never != 0 && p.status == w->receipt_never)
        r = (struct p_receipt_signed){.err = w->receipt_lost_key};
    ANSWER(w, tag, m->transfer, RECEIPT_SIGNED, receipt_signed, &r);
}

static void
say_checked(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_import_checked r = {.verdict = w->preflight,
                                 .entry = SPAN_LIT("{\"r\":0,\"v\":0}"),
                                 .decision = SPAN_LIT("{}"),
                                 .record = SPAN_LIT("{}"),
                                 .spec = SPAN_LIT("{}"),
                                 .agreement = SPAN_LIT("oncology"),
                                 .sender = SPAN_LIT("clinic"),
                                 .recipient = SPAN_LIT("acme"),
                                 .name = SPAN_LIT("in"),
                                 .bytes_max = 1 << 20};
    r.not_after = (uint64_t)(w->wall_ms / 1000) + 86400;
    w->keeper_forgot = false;
    if (w->unwraps > 0)
        w->judge_lost = false;
    if (w->unwraps > 0) {
        r.err = w->checked_says;
        r.verdict = w->checked_denies ? VERDICT_DENY : r.verdict;
        w->checked_says = w->checked_recovers ? 0 : w->checked_says;
        r.spec = span_str(w->spec != NULL ? w->spec : "{}");
        r.recipient = span_str(w->recipient != NULL ? w->recipient : "acme");
    }
    world_hash_of(m->transfer, 'o', r.offer_hash);
    ANSWER(w, tag, m->transfer, IMPORT_CHECKED, import_checked, &r);
}

static void
say_seal_checked(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_seal_checked r = {.chunks = 1, .plaintext_len = WORLD_BYTES};
    world_hash_of(m->transfer, 's', r.seal_hash);
    memset(r.root, 'R', 32);
    if (w->keeper_forgot || w->seal_says != 0)
        r = (struct p_seal_checked){.err =
                                        w->keeper_forgot ? (uint16_t)-ERR_NOT_FOUND : w->seal_says};
    ANSWER(w, tag, m->transfer, SEAL_CHECKED, seal_checked, &r);
}

static void
say_small(struct world *w, uint64_t tag, const struct msg *m)
{
    struct p_key_given given = {0};
    struct p_vouch_done vouched = {0};
    struct p_proved proved = {0};
    struct p_seal_signed seal = {.seal = SPAN_LIT("SEAL")};
    struct p_go_told told = {0};
    struct p_go_ask go;
    switch ((unsigned)m->type) {
    case MSG_KEY_GIVE:
        ANSWER(w, tag, m->transfer, KEY_GIVEN, key_given, &given);
        return;
    case MSG_VOUCH:
        ANSWER(w, tag, m->transfer, VOUCH_DONE, vouch_done, &vouched);
        return;
    case MSG_STORY_ASK:
        world_say_story(w, tag, m);
        return;
    case MSG_PROVE:
        ANSWER(w, tag, m->transfer, PROVED, proved, &proved);
        return;
    case MSG_SEAL_SIGN:
        world_hash_of(m->transfer, 's', seal.seal_hash);
        seal.err = w->sign_says;
        ANSWER(w, tag, m->transfer, SEAL_SIGNED, seal_signed, &seal);
        return;
    case MSG_GO_ASK:
        assert(payload_go_ask_get(m->body, &go) == ERR_OK);
        if (world_entry_of(w, m->transfer, ENTRY_DECISION, go.n) == NULL) {
            if (w->former == NULL || w->came_over)
                world_broke(w, "asked for GO without a logged decision");
            told.err = (uint16_t)-ERR_DENIED;
        }
        ANSWER(w, tag, m->transfer, GO_TOLD, go_told, &told);
        return;
    default:
        printf("# nobody answers %s\n", msg_name(m->type));
        abort();
    }
}

/* -- clerk's way out */

enum err
world_ask(void *ctx, enum role_id role, unsigned index, const struct msg *m, uint64_t tag)
{
    struct world *w = ctx;
    (void)index;
    assert(msg_rule_of((uint32_t)m->type) != NULL);
    assert((msg_rule_of((uint32_t)m->type)->to & ROLE_BIT(role)) != 0);
    if (w->crashed)
        return ERR_ROLE_LOST;
    if (world_chance(w, w->lost_ppm)) {
        struct world_event *e = world_push(w, m->transfer, m->type, SPAN_LIT(""));
        e->is_answer = true;
        e->tag = tag;
        e->err = ERR_ROLE_LOST;
        return ERR_OK;
    }
    switch ((unsigned)m->type) {
    case MSG_PREFLIGHT:
        say_preflight(w, tag, m);
        return ERR_OK;
    case MSG_NOTE_ASK:
        say_note(w, tag, m);
        return ERR_OK;
    case MSG_DECIDE:
        say_decide(w, tag, m);
        return ERR_OK;
    case MSG_APPEND:
        say_append(w, tag, m);
        return ERR_OK;
    case MSG_PARCEL_SEND:
        say_parcel(w, tag, m);
        return ERR_OK;
    case MSG_PEER_VERIFY:
        say_verify(w, tag, m);
        return ERR_OK;
    case MSG_PROOF_ASK:
        say_proof(w, tag, m);
        return ERR_OK;
    case MSG_WRAP:
        say_wrap(w, tag, m);
        return ERR_OK;
    case MSG_UNWRAP:
        say_unwrap(w, tag, m);
        return ERR_OK;
    case MSG_RECEIPT_SIGN:
        say_receipt(w, tag, m);
        return ERR_OK;
    case MSG_IMPORT_OFFER:
        say_checked(w, tag, m);
        return ERR_OK;
    case MSG_SEAL_CHECK:
        say_seal_checked(w, tag, m);
        return ERR_OK;
    default:
        say_small(w, tag, m);
        return ERR_OK;
    }
}

/* The bytes that come with HELD are the record it names. */
static void
say_held(struct world *w, const struct msg *m)
{
    struct p_held p;
    uint8_t bytes[4096];
    uint8_t hash[32];
    assert(payload_held_get(m->body, &p) == ERR_OK && m->fd_count == 1);
    const ssize_t len = pread(m->fds[0], bytes, sizeof(bytes), 0);
    assert(len > 0 && digest_sha256(span_of(bytes, (size_t)len), hash) == ERR_OK);
    if (memcmp(hash, p.held, sizeof(hash)) != 0)
        world_broke(w, "another record than the one it names");
    memcpy(w->held_told, p.held, sizeof(w->held_told));
}

static void
keep_spec(struct world *w, const struct msg *m)
{
    struct p_inspect_open p;
    assert(payload_inspect_open_get(m->body, &p) == ERR_OK);
    (void)snprintf(w->inspected_by, sizeof(w->inspected_by), "%.*s", (int)p.spec.len,
                   p.spec.len == 0 ? "" : (const char *)p.spec.ptr);
}

/* A log that follows another one. */
static void
say_head(struct world *w, const struct msg *m)
{
    struct p_head_seen p;
    struct p_ledger_state s = {.state = LOG_CONFIRMED, .size = w->log_count};
    assert(payload_head_seen_get(m->body, &p) == ERR_OK);
    w->came_over = span_eq_str(p.origin, w->origin);
    if (w->came_over && p.size > w->log_count)
        world_broke(w, "a head that the log never had");
    s.compared = w->came_over;
    s.succeeds = w->came_over ? 0 : w->succeeds;
    s.prev_origin = span_str(w->former);
    s.prev_size = w->former_size;
    TELL(w, ROLE_LEDGER, 0, NULL, LEDGER_STATE, ledger_state, &s);
}

enum err
world_tell(void *ctx, enum role_id role, unsigned index, const struct msg *m)
{
    struct world *w = ctx;
    assert((msg_rule_of((uint32_t)m->type)->to & ROLE_BIT(role)) != 0);
    if (w->crashed)
        return ERR_ROLE_LOST;
    if (m->type == MSG_RETIRE)
        w->retired[index] = true;
    if (m->type == MSG_HELD)
        say_held(w, m);
    if (m->type == MSG_INSPECT_OPEN)
        keep_spec(w, m);
    if (m->type == MSG_HEAD_SEEN && w->former != NULL)
        say_head(w, m);
    w->forwards += m->type == MSG_FORWARD;
    if (m->type == MSG_FORWARD && w->forwards > 1)
        w->peer_lost_body = false;
    if (m->type == MSG_FORWARD && !w->silent_peer) {
        struct p_forward_state r = {.stage = FORWARD_READY, .groups = 1};
        TELL(w, ROLE_LINK, 0, m->transfer, FORWARD_STATE, forward_state, &r);
    }
    return ERR_OK;
}
