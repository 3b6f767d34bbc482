/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/ledger_witness.h"

#include <inttypes.h>
#include <stdio.h>

#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "gateway/core/clock.h"
#include "gateway/core/fault.h"
#include "gateway/ledger/ledger_part.h"
#include "schemas/text.h"

enum { OURS_PATH_MAX = 8 + 64 + 5 + 1 };

struct ledger_peer *
ledger_witness_peer(struct ledger *l, struct span zone)
{
    for (size_t i = 0; i < l->peer_count; i++)
        if (span_eq_str(zone, l->peers[i].zone))
            return &l->peers[i];
    return NULL;
}

/* -- what a peer cosigned of ours --------------------------------------------------------------*/

static enum err
witness_hex(struct span name, char out[static 65])
{
    uint8_t hash[32];
    TRY(digest_sha256(name, hash));
    return text_hex(span_of(hash, sizeof(hash)), out, 65);
}

/* The note with which the witness of peer answered us last. Auditors have `checkpoint`. */
static enum err
witness_path(const struct ledger_peer *peer, char out[static OURS_PATH_MAX])
{
    char hex[65];
    TRY(witness_hex(span_str(peer->zone), hex));
    (void)snprintf(out, OURS_PATH_MAX, "private/%s.ours", hex);
    return ERR_OK;
}

/* A checkpoint under our own key is a fact wherever it comes from. ERR_PROOF: this log does not
 * bear it out. */
static enum err
witness_own_note(struct ledger *l, struct span input, struct logstore_head *ret)
{
    struct note note;
    struct note_signers by;
    struct checkpoint c;
    TRY(checkpoint_open(input, &l->config.log.key, 1, &note, &by, &c));
    *ret = (struct logstore_head){.size = c.size, .root = c.root};
    return ledger_holds(l, ret) ? ERR_OK : ERR_PROOF;
}

static enum err
witness_load_one(struct ledger *l, struct ledger_peer *peer)
{
    char path[OURS_PATH_MAX];
    struct logstore_head head;
    size_t len = 0;
    TRY(witness_path(peer, path));
    enum err err = logwitness_load(l->log, path, l->text, sizeof(l->text), &len);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    err = witness_own_note(l, span_of(l->text, len), &head);
    if (err == ERR_PROOF)
        ledger_quarantine(l, SPAN_LIT("cosigned"), head.size);
    else if (err != ERR_OK)
        return ERR_IO; /* a file of ours that cannot be read is damage */
    peer->size = head.size;
    peer->cosigned = head.size;
    return ERR_OK;
}

enum err
ledger_witness_load(struct ledger *l)
{
    for (size_t i = 0; i < l->config.peer_count; i++) {
        struct ledger_peer *peer = &l->peers[l->peer_count];
        if (strcmp(l->config.peers[i], l->config.zone) == 0 ||
            ledger_witness_peer(l, span_str(l->config.peers[i])) != NULL)
            continue;
        (void)snprintf(peer->zone, sizeof(peer->zone), "%s", l->config.peers[i]);
        peer->next_ms = INT64_MAX;
        l->peer_count++;
        TRY(witness_load_one(l, peer));
    }
    return ERR_OK;
}

/* -- asking ------------------------------------------------------------------------------------*/

static void
witness_pause(struct ledger *l, struct ledger_peer *peer)
{
    const uint32_t twice = peer->pause_ms * 2;
    peer->pause_ms = twice < LEDGER_RETRY_MIN_MS ? LEDGER_RETRY_MIN_MS : twice;
    if (peer->pause_ms > LEDGER_RETRY_MAX_MS)
        peer->pause_ms = LEDGER_RETRY_MAX_MS;
    peer->next_ms = l->mono_ms + peer->pause_ms;
}

static void
witness_call(struct ledger *l, struct ledger_peer *peer, uint32_t first_tag, const char *path,
             struct span request)
{
    const enum witness_call call = first_tag == LEDGER_TAG_ADD ? WITNESS_ADD : WITNESS_LATEST;
    const struct p_witness_call p = {.peer = span_str(peer->zone),
                                     .call = (uint8_t)call,
                                     .path = span_str(path),
                                     .body = request};
    const uint32_t tag = first_tag + (uint32_t)(peer - l->peers);
    struct span body;
    if (payload_witness_call_put(&p, l->tx, sizeof(l->tx), &body) == ERR_OK &&
        l->out.ask(l->out.ctx, ROLE_LINK, MSG_WITNESS_CALL, body, tag) == ERR_OK)
        peer->asking = true;
    else
        witness_pause(l, peer);
}

/* Its last checkpoint of our log, or of the one before it. */
static void
witness_ask_latest(struct ledger *l, struct ledger_peer *peer, uint32_t first_tag)
{
    const char *origin = first_tag == LEDGER_TAG_PREV ? l->prev.origin : l->config.origin;
    char hex[65];
    char path[128];
    if (witness_hex(span_str(origin), hex) != ERR_OK)
        return;
    (void)snprintf(path, sizeof(path), "/tlog/witness/%s/checkpoint", hex);
    witness_call(l, peer, first_tag, path, SPAN_LIT(""));
}

/* "old N", the proof in base64 lines, a blank line, the checkpoint. */
static enum err
witness_add_body(struct ledger *l, uint64_t old_size, const struct logstore_head *head,
                 const struct tlog_proof *proof, size_t *ret_len)
{
    char *out = l->text;
    size_t at = 0;
    size_t len = 0;
    const size_t cap = sizeof(l->text);
    at = (size_t)snprintf(out, cap, "old %" PRIu64 "\n", old_size);
    for (size_t i = 0; i < proof->count; i++) {
        TRY(text_base64(span_of(proof->hash[i].b, TLOG_HASH_LEN), false, out + at, cap - at, &len));
        at += len;
        out[at++] = '\n';
    }
    char text[CHECKPOINT_TEXT_MAX];
    char own[NOTE_LINE_MAX];
    size_t text_len = 0;
    TRY(checkpoint_text(span_str(l->config.origin), head->size, &head->root, text, &text_len));
    TRY(note_line(&l->config.log.key, span_of(l->sig, sizeof(l->sig)), own, &len));
    const int n = snprintf(out + at, cap - at, "\n%s\n%s", text, own);
    *ret_len = at + (size_t)n;
    return ERR_OK;
}

static void
witness_ask_add(struct ledger *l, struct ledger_peer *peer)
{
    struct logstore_head head;
    struct tlog_proof proof;
    size_t len = 0;
    logpublish_head(l->log, &head);
    enum err err = ledger_check(l, logstore_consistency(l->log, peer->size, head.size, &proof));
    if (err == ERR_OK)
        err = witness_add_body(l, peer->size, &head, &proof, &len);
    if (err != ERR_OK) {
        witness_pause(l, peer);
        return;
    }
    peer->sent = head;
    witness_call(l, peer, LEDGER_TAG_ADD, "/tlog/witness/add-checkpoint", span_of(l->text, len));
}

/* Something this peer is to be asked now. */
static bool
witness_wants_add(const struct ledger *l, const struct ledger_peer *peer)
{
    struct logstore_head head;
    if (l->state != LOG_CONFIRMED || !peer->answered)
        return false;
    logpublish_head(l->log, &head);
    if (head.size == 0)
        return false;
    return head.size > peer->cosigned ||
           l->mono_ms - peer->cosigned_ms >= (int64_t)l->config.checkpoint_s * 1000;
}

static void
witness_step(struct ledger *l, struct ledger_peer *peer)
{
    if (!peer->up || peer->asking || l->dead || l->mono_ms < peer->next_ms)
        return;
    if (l->prev.has_key && !peer->told_prev)
        witness_ask_latest(l, peer, LEDGER_TAG_PREV);
    else if (!peer->answered || peer->want_late)
        witness_ask_latest(l, peer, LEDGER_TAG_LATEST);
    else if (witness_wants_add(l, peer))
        witness_ask_add(l, peer);
    else
        peer->next_ms = l->mono_ms + (int64_t)l->config.checkpoint_s * 1000;
}

void
ledger_witness_tick(struct ledger *l)
{
    for (size_t i = 0; i < l->peer_count; i++)
        witness_step(l, &l->peers[i]);
}

void
ledger_witness_offer(struct ledger *l)
{
    for (size_t i = 0; i < l->peer_count; i++) {
        struct ledger_peer *peer = &l->peers[i];
        const int64_t soon = peer->cosigned_ms + LEDGER_ADD_GAP_MS;
        if (peer->answered && peer->pause_ms == 0)
            peer->next_ms = soon > l->mono_ms && peer->cosigned_ms > 0 ? soon : l->mono_ms;
        witness_step(l, peer);
    }
}

int64_t
ledger_witness_due_ms(const struct ledger *l)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < l->peer_count; i++)
        if (l->peers[i].up && !l->peers[i].asking && l->peers[i].next_ms < due)
            due = l->peers[i].next_ms;
    /* Quarantined or unconfirmed logs have nothing to offer: latest only, in its pauses. */
    return due;
}

/* -- reachable or not --------------------------------------------------------------------------*/

static void
witness_set(struct ledger *l, struct ledger_peer *peer, bool up)
{
    if (peer->up == up)
        return;
    peer->up = up;
    peer->has_clock = false;
    peer->told_prev = false;
    peer->want_late = up; /* what it holds may have changed meanwhile */
    peer->pause_ms = 0;
    peer->next_ms = up ? l->mono_ms : INT64_MAX;
    ledger_tell_peer(l, ROLE_CLERK, peer);
    ledger_tell_peer(l, ROLE_DESK, peer);
}

enum err
ledger_witness_peer_state(struct ledger *l, const struct ledger_in *in)
{
    struct p_peer_state p;
    TRY(payload_peer_state_get(in->body, &p));
    struct ledger_peer *peer = ledger_witness_peer(l, p.peer);
    if (peer == NULL)
        return ERR_OK; /* link may know a new peer before our RELOAD */
    witness_set(l, peer, p.up != 0);
    witness_step(l, peer);
    return ERR_OK;
}

void
ledger_witness_down(struct ledger *l)
{
    for (size_t i = 0; i < l->peer_count; i++)
        witness_set(l, &l->peers[i], false);
}

/* -- answers -----------------------------------------------------------------------------------*/

/* Its last checkpoint of ours. It can only be true: it is under our own signature. */
static void
witness_latest(struct ledger *l, struct ledger_peer *peer, const struct p_witness_result *p)
{
    struct logstore_head head = {.size = 0};
    enum err err = ERR_OK;
    if (p->status == 200)
        err = witness_own_note(l, p->body, &head);
    else if (p->status != 404)
        err = ERR_AGAIN;
    if (err == ERR_PROOF) {
        ledger_quarantine(l, span_str(peer->zone), head.size);
        err = ERR_AGAIN;
    }
    if (err != ERR_OK) {
        witness_pause(l, peer);
        return;
    }
    if (head.size < peer->cosigned)
        l->out.note(l->out.ctx, EVENT_WITNESS_FORGOT, span_str(peer->zone), head.size);
    peer->size = head.size;
    peer->answered = true;
    peer->want_late = false;
    peer->pause_ms = 0;
    peer->next_ms = l->mono_ms;
    ledger_tell_peer(l, ROLE_CLERK, peer);
    ledger_tell_peer(l, ROLE_DESK, peer);
    ledger_confirm(l);
}

/* What it cosigned last of the log before this one: the genesis must not name less. */
static void
witness_prev(struct ledger *l, struct ledger_peer *peer, const struct p_witness_result *p)
{
    struct note note;
    struct note_signers by;
    struct checkpoint c = {.size = 0};
    enum err err = p->status == 404 ? ERR_OK : ERR_AGAIN;
    if (p->status == 200)
        err = checkpoint_open(p->body, &l->prev.key, 1, &note, &by, &c);
    if (err != ERR_OK) {
        witness_pause(l, peer);
        return;
    }
    if (c.size > l->prev.size || (c.size == l->prev.size && !tlog_hash_eq(&c.root, &l->prev.root)))
        ledger_quarantine(l, SPAN_LIT("previous"), c.size);
    peer->told_prev = true;
    ledger_succeed(l);
    peer->pause_ms = 0;
    peer->next_ms = l->mono_ms;
}

/* -- what time the peers have ------------------------------------------------------------------*/

void
ledger_witness_tell_clock(struct ledger *l)
{
    const struct p_clock_told p = {.suspect = l->clock_suspect};
    struct span body;
    if (payload_clock_told_put(&p, l->tx, sizeof(l->tx), &body) == ERR_OK)
        (void)!l->out.send(l->out.ctx, ROLE_JUDGE, MSG_CLOCK_TOLD, NULL, body);
}

/* peer has just cosigned, at its time. Its clock is no reason to refuse the cosignature, which says
 * that our log did not fork and says it as well with a wrong time; but it tells about our clock.
 * One peer that agrees with us is enough: then it is the others' that is wrong. */
static void
witness_clock(struct ledger *l, struct ledger_peer *peer, uint64_t time)
{
    const int64_t then = time > INT64_MAX / 1000 ? INT64_MAX : (int64_t)time * 1000;
    bool apart = false;
    bool agrees = false;
    peer->has_clock = true;
    peer->is_apart = clock_apart(l->wall_ms, then);
    for (size_t i = 0; i < l->peer_count; i++) {
        const struct ledger_peer *p = &l->peers[i];
        apart = apart || (p->up && p->has_clock && p->is_apart);
        agrees = agrees || (p->up && p->has_clock && !p->is_apart);
    }
    const bool was = l->clock_suspect;
    l->clock_suspect = apart && !agrees;
    if (l->clock_suspect && !was) {
        l->out.note(l->out.ctx, EVENT_CLOCK_SUSPECT, span_str(peer->zone), time);
        if (l->state != LOG_QUARANTINED &&
            (l->clock_incident_ms == 0 ||
             l->mono_ms - l->clock_incident_ms >= LEDGER_INCIDENT_MS)) {
            l->clock_incident_ms = l->mono_ms;
            ledger_append_incident(l, NULL, 0, SPAN_LIT("clock-suspect"), span_str(peer->zone));
        }
    }
    ledger_witness_tell_clock(l);
}

/* -- its answer to a checkpoint ----------------------------------------------------------------*/

/* The line of lines that is a good cosignature of that zone's witness on text; its key and time. */
static enum err
witness_line(const struct ledger_zone *zone, struct span text, struct span lines,
             struct note_key *ret_key, struct span *ret_line, uint64_t *ret_time)
{
    char joined[CHECKPOINT_MAX];
    struct note note;
    struct note_signers by;
    size_t len = 0;
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        if (end == NULL)
            return ERR_SYNTAX;
        const struct span line = span_of(lines.ptr, (size_t)(end + 1 - lines.ptr));
        lines = span_of(end + 1, lines.len - line.len);
        if (note_join(text, line, joined, sizeof(joined), &len) != ERR_OK ||
            note_parse(span_of(joined, len), &note) != ERR_OK ||
            note_verify(&note, zone->witnesses, zone->witness_count, &by) != ERR_OK)
            continue;
        *ret_key = zone->witnesses[by.by[0].key];
        *ret_time = by.by[0].time;
        *ret_line = line;
        return ERR_OK;
    }
    return ERR_KEY_UNKNOWN;
}

/* Keeps its cosignature: for the next start, and in the published checkpoint. */
static enum err
witness_keep(struct ledger *l, struct ledger_peer *peer, struct span lines, uint64_t *ret_time)
{
    const struct ledger_zone *zone = ledger_trust_zone(l->trust, span_str(peer->zone));
    struct logstore_head published;
    struct note_key key;
    struct span line;
    char path[OURS_PATH_MAX];
    char text[CHECKPOINT_TEXT_MAX];
    char own[NOTE_LINE_MAX];
    size_t text_len = 0;
    size_t len = 0;
    if (zone == NULL)
        return ERR_KEY_UNKNOWN;
    TRY(checkpoint_text(span_str(l->config.origin), peer->sent.size, &peer->sent.root, text,
                        &text_len));
    TRY(witness_line(zone, span_of(text, text_len), lines, &key, &line, ret_time));
    logpublish_head(l->log, &published);
    if (published.size == peer->sent.size)
        TRY(ledger_check(l, logpublish_cosignature(l->log, &key, line)));
    FAULT_POINT(ledger_cosigned_published);
    TRY(witness_path(peer, path));
    if (published.size == peer->sent.size) {
        TRY(note_line(&l->config.log.key, span_of(l->sig, sizeof(l->sig)), own, &len));
        const int n = snprintf(l->text, sizeof(l->text), "%s\n%s%.*s", text, own, (int)line.len,
                               (const char *)line.ptr);
        TRY(ledger_check(l, logwitness_save(l->log, path, span_of(l->text, (size_t)n))));
    }
    FAULT_POINT(ledger_cosigned_stored);
    return ERR_OK;
}

static void
witness_added(struct ledger *l, struct ledger_peer *peer, const struct p_witness_result *p)
{
    uint64_t size = 0;
    if (p->status == 409 && p->body.len > 0 &&
        text_parse_u64(span_of(p->body.ptr, p->body.len - 1), UINT64_MAX, &size) == ERR_OK) {
        /* It holds something else than we believed; its checkpoint says what. */
        peer->want_late = true;
        witness_pause(l, peer);
        return;
    }
    uint64_t time = 0;
    const enum err err = p->status == 200 ? witness_keep(l, peer, p->body, &time) : ERR_DENIED;
    if (err != ERR_OK) {
        l->out.note(l->out.ctx, EVENT_WITNESS_REFUSED, span_str(peer->zone), p->status);
        peer->want_late = true;
        witness_pause(l, peer);
        return;
    }
    peer->size = peer->sent.size;
    peer->cosigned = peer->sent.size;
    peer->cosigned_ms = l->mono_ms;
    peer->pause_ms = 0;
    peer->next_ms = l->mono_ms + LEDGER_ADD_GAP_MS;
    ledger_tell_peer(l, ROLE_CLERK, peer);
    ledger_tell_peer(l, ROLE_DESK, peer);
    witness_clock(l, peer, time);
}

enum err
ledger_witness_answer(struct ledger *l, uint32_t tag, enum err err, enum msg_type type,
                      struct span body)
{
    struct p_witness_result p;
    const uint32_t first = tag - tag % LEDGER_TAG_LATEST;
    const uint32_t index = tag - first;
    if (first < LEDGER_TAG_LATEST || first > LEDGER_TAG_PREV || index >= l->peer_count)
        return ERR_PROTOCOL;
    struct ledger_peer *peer = &l->peers[index];
    peer->asking = false;
    if (err != ERR_OK) {
        witness_pause(l, peer);
        return ERR_OK;
    }
    if (type != MSG_WITNESS_RESULT)
        return ERR_PROTOCOL;
    TRY(payload_witness_result_get(body, &p));
    if (!span_eq_str(p.peer, peer->zone))
        return ERR_PROTOCOL;
    if (first == LEDGER_TAG_PREV)
        witness_prev(l, peer, &p);
    else if (first == LEDGER_TAG_LATEST)
        witness_latest(l, peer, &p);
    else
        witness_added(l, peer, &p);
    witness_step(l, peer);
    return ERR_OK;
}
