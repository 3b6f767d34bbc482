/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/ledger_peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/checkpoint.h"
#include "crypto/digest.h"
#include "crypto/proof.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "gateway/core/fault.h"
#include "gateway/ledger/addreq.h"
#include "gateway/ledger/ledger_origin.h"
#include "gateway/ledger/ledger_part.h"
#include "gateway/ledger/ledger_witness.h"
#include "schemas/text.h"

/* A checkpoint that was found good and waits for keeper's line. */
struct ledger_cosign {
    struct note_key key;
    struct logstore_head head;
    char note[LOGWITNESS_NOTE_MAX];
    size_t note_len;
};

/* What a job found out. status: of a WITNESS_ASK; stored: 409 says it. */
struct peer_result {
    enum err err;
    uint16_t status;
    uint64_t stored;
    struct p_peer_verified verified;
    char origin[NOTE_NAME_MAX + 1];
    struct span line;
};

enum err
ledger_peer_load(struct ledger *l)
{
    l->cosign = calloc(1, sizeof(*l->cosign));
    return l->cosign == NULL ? ERR_NOMEM : ERR_OK;
}

void
ledger_peer_free(struct ledger *l)
{
    for (size_t i = 0; i < l->origin_count; i++)
        logheads_close(l->origins[i]);
    for (size_t i = 0; i < l->job_count; i++)
        free(l->jobs[(l->job_first + i) % LEDGER_JOBS_MAX].body);
    free(l->cosign);
}

static enum err
peer_heads(struct ledger *l, struct span origin, struct logheads **ret)
{
    for (size_t i = 0; i < l->origin_count; i++)
        if (logheads_is(l->origins[i], origin)) {
            *ret = l->origins[i];
            return ERR_OK;
        }
    if (l->origin_count == LEDGER_ORIGINS_MAX)
        return ERR_FULL;
    TRY(ledger_check(l, logheads_open(l->log, origin, ret)));
    l->origins[l->origin_count++] = *ret;
    return ERR_OK;
}

/* -- a peer's log forks ------------------------------------------------------------------------*/

/* Under its own log key the peer said two things that cannot both be true, or gave no proof that
 * they can. */
static void
peer_fork(struct ledger *l, struct span zone, struct span origin, uint64_t stored, uint64_t size)
{
    struct ledger_peer *peer = ledger_witness_peer(l, zone);
    char detail[250];
    l->out.note(l->out.ctx, EVENT_WITNESS_FORK, zone, size);
    if (peer == NULL || l->state == LOG_QUARANTINED ||
        (peer->incident_ms != 0 && l->mono_ms - peer->incident_ms < LEDGER_INCIDENT_MS))
        return;
    peer->incident_ms = l->mono_ms;
    const int n = snprintf(detail, sizeof(detail), "%.*s: size %" PRIu64 " after %" PRIu64,
                           (int)origin.len, (const char *)origin.ptr, size, stored);
    if (n > 0 && (size_t)n < sizeof(detail))
        ledger_append_incident(l, NULL, 0, SPAN_LIT("fork"), span_of(detail, (size_t)n));
}

/* -- consistency -------------------------------------------------------------------------------*/

/* head against what we cosigned for origin. *ret_newer: it is to be cosigned and stored. ERR_PROOF:
 * it forks or is not proved; ERR_STATE: old_size is not where we are; ERR_AGAIN: it is older than
 * what we hold and was not seen before. */
static enum err
peer_consistent(struct ledger *l, struct span origin, const struct logstore_head *head,
                uint64_t old_size, const struct tlog_proof *proof, struct logstore_head *ret_stored,
                bool *ret_newer)
{
    struct logheads *heads = NULL;
    TRY(ledger_check(l, logwitness_head(l->log, origin, ret_stored)));
    *ret_newer = head->size > ret_stored->size;
    if (head->size == ret_stored->size)
        return tlog_hash_eq(&head->root, &ret_stored->root) ? ERR_OK : ERR_PROOF;
    if (head->size < ret_stored->size) {
        TRY(peer_heads(l, origin, &heads));
        return logheads_has(heads, head) ? ERR_OK : ERR_AGAIN;
    }
    if (old_size != ret_stored->size)
        return ERR_STATE;
    return tlog_check_consistency(old_size, &ret_stored->root, head->size, &head->root, proof->hash,
                                  proof->count);
}

static enum err
peer_hashes(struct span bytes, struct tlog_proof *ret)
{
    if (bytes.len % TLOG_HASH_LEN != 0 || bytes.len / TLOG_HASH_LEN > TLOG_PROOF_MAX)
        return ERR_PROOF;
    ret->count = bytes.len / TLOG_HASH_LEN;
    memcpy(ret->hash, bytes.ptr, bytes.len);
    return ERR_OK;
}

/* Has keeper cosign what is in l->cosign. */
static enum err
peer_ask_cosign(struct ledger *l)
{
    const struct ledger_cosign *c = l->cosign;
    struct p_cosign p = {.origin = span_str(c->key.name),
                         .size = c->head.size,
                         .time = (uint64_t)(l->wall_ms / 1000)};
    struct span body;
    memcpy(p.root, c->head.root.b, sizeof(p.root));
    TRY(payload_cosign_put(&p, l->tx, sizeof(l->tx), &body));
    return l->out.ask(l->out.ctx, ROLE_KEEPER, MSG_COSIGN, body, LEDGER_TAG_COSIGN);
}

static enum err
peer_take_note(struct ledger *l, const struct note_key *key, const struct logstore_head *head,
               struct span note)
{
    struct ledger_cosign *c = l->cosign;
    if (note.len > sizeof(c->note) - NOTE_LINE_MAX)
        return ERR_TOO_LARGE;
    c->key = *key;
    c->head = *head;
    memcpy(c->note, note.ptr, note.len);
    c->note_len = note.len;
    return ERR_OK;
}

/* -- PEER_VERIFY -------------------------------------------------------------------------------*/

static enum err
peer_receipt_signed(struct ledger *l, const struct ledger_zone *zone, const struct receipt *r)
{
    const int64_t now = l->wall_ms / 1000;
    enum err last = ERR_KEY_UNKNOWN;
    for (size_t i = 0; i < zone->gateway_count; i++) {
        const struct ledger_sign_key *key = &zone->gateways[i];
        size_t which = 0;
        if (now < key->not_before || now > key->not_after)
            continue;
        const enum err err = receipt_verify(r, &key->pub, 1, &which);
        if (err == ERR_OK)
            return ERR_OK;
        last = err;
    }
    return last;
}

/* The kind and verdict of the entry that a receipt of that status rests on. */
static bool
peer_receipt_kind(enum receipt_status status, const struct entry *e, uint8_t verdict)
{
    const bool received = e->kind == ENTRY_RECEIVED;
    switch (status) {
    case RECEIPT_OFFER_REFUSED:
    case RECEIPT_REFUSED:
        return received && verdict == VERDICT_DENY;
    case RECEIPT_HELD:
        return received && verdict == VERDICT_HOLD;
    case RECEIPT_ACCEPTED:
        return received && verdict == VERDICT_ALLOW;
    case RECEIPT_WITHDRAWN:
    case RECEIPT_EXPIRED:
        return e->kind == ENTRY_REFUSED || received;
    case RECEIPT_DELIVERED:
        return e->kind == ENTRY_DELIVERED;
    }
    return false;
}

/* The receipt is signed by that zone's gateway and speaks of exactly this entry. */
static enum err
peer_receipt(struct ledger *l, const struct ledger_zone *zone, const struct p_peer_verify *p,
             const struct entry *e, const struct ledger_facts *facts,
             const struct p_peer_verified *v)
{
    struct receipt r;
    static const uint8_t none[32];
    if (p->receipt.len == 0)
        return ERR_OK;
    TRY(receipt_decode(p->receipt, &r));
    if (memcmp(r.leaf_hash, v->leaf, 32) != 0 || memcmp(r.transfer, e->transfer, 16) != 0 ||
        !ledger_origin_receipt(zone, &r, v->origin, v->index))
        return ERR_CONFLICT;
    if (!peer_receipt_kind(r.status, e, facts->verdict))
        return ERR_CONFLICT;
    if (e->kind == ENTRY_RECEIVED && r.status != RECEIPT_OFFER_REFUSED &&
        memcmp(facts->seal_hash, none, 32) != 0 && memcmp(facts->seal_hash, r.seal_hash, 32) != 0)
        return ERR_CONFLICT;
    return peer_receipt_signed(l, zone, &r);
}

/* The RELEASE of the body that this decision is about, signed by that zone: a body is never given
 * up for the sake of one that somebody on the way made or spoilt. Keys that were replaced since
 * count, for a RELEASE never expires. */
static enum err
peer_release(struct ledger *l, const struct ledger_zone *zone, const struct p_peer_verify *p,
             const struct entry *e, const struct ledger_facts *facts)
{
    struct release r;
    enum err last = ERR_KEY_UNKNOWN;
    if (p->release.len == 0)
        return ERR_OK;
    TRY(release_decode(p->release, &r));
    if (e->kind != ENTRY_DECISION || memcmp(r.seal_hash, facts->seal_hash, 32) != 0)
        return ERR_CONFLICT;
    for (size_t i = 0; i < zone->release_count; i++) {
        size_t which = 0;
        if (l->wall_ms / 1000 < zone->releases[i].not_before)
            continue;
        const enum err err = release_verify(&r, &zone->releases[i].pub, 1, &which);
        if (err == ERR_OK)
            return ERR_OK;
        last = err;
    }
    return last;
}

/* The entry: of this transfer, in the form of an entry; fills what clerk and keeper are told. */
static enum err
peer_entry(struct ledger *l, const struct ledger_job *job, const struct ledger_zone *zone,
           const struct p_peer_verify *p, struct p_peer_verified *v)
{
    struct entry e;
    struct ledger_facts facts;
    TRY(entry_read(p->entry, false, l->scratch, &e, NULL));
    if (!e.has_transfer || memcmp(e.transfer, job->transfer, 16) != 0)
        return ERR_CONFLICT;
    TRY(ledger_prove_facts(&e, &facts));
    v->kind = (uint8_t)e.kind;
    v->verdict = facts.verdict;
    memcpy(v->offer_hash, facts.offer_hash, 32);
    memcpy(v->seal_hash, facts.seal_hash, 32);
    TRY(peer_release(l, zone, p, &e, &facts));
    return peer_receipt(l, zone, p, &e, &facts, v);
}

/* Our line under the checkpoint of origin that was cosigned last: the last line, by peer_store. */
static enum err
peer_stored_line(struct ledger *l, struct span origin, struct span *ret)
{
    size_t len = 0;
    TRY(ledger_check(l, logwitness_read(l->log, origin, l->text, LOGWITNESS_NOTE_MAX + 1, &len)));
    if (len < 2 || l->text[len - 1] != '\n')
        return ERR_SYNTAX;
    const char *before = memrchr(l->text, '\n', len - 1);
    const size_t at = before == NULL ? 0 : (size_t)(before - l->text) + 1;
    *ret = span_of(l->text + at, len - at);
    return ERR_OK;
}

/* ERR_OK with *ret_newer: keeper's line is needed first. */
static enum err
peer_verify(struct ledger *l, const struct ledger_job *job, struct peer_result *r, bool *ret_newer)
{
    struct p_peer_verify p;
    struct proof proof;
    struct note_signers by;
    struct checkpoint c;
    struct tlog_proof consistency;
    struct tlog_hash leaf;
    struct note_key key;
    struct logstore_head stored;
    TRY(payload_peer_verify_get(span_of(job->body, job->len), &p));
    const struct ledger_zone *zone = ledger_trust_zone(l->trust, p.peer);
    if (zone == NULL || ledger_witness_peer(l, p.peer) == NULL)
        return ERR_KEY_UNKNOWN;
    TRY(peer_hashes(p.consistency, &consistency));
    TRY(tlog_leaf_hash(p.entry, &leaf));
    TRY(proof_verify(p.proof, &leaf, zone->logs, zone->log_count, &proof, &by, &c));
    if (c.extension.len > 0)
        return ERR_UNSUPPORTED;
    TRY(ledger_trust_log(zone, c.origin, &key));
    const struct logstore_head head = {.size = c.size, .root = c.root};
    memcpy(r->origin, key.name, sizeof(r->origin));
    r->verified.origin = span_str(r->origin);
    r->verified.index = proof.index;
    memcpy(r->verified.leaf, leaf.b, sizeof(r->verified.leaf));
    TRY(peer_entry(l, job, zone, &p, &r->verified));
    const enum err err =
        peer_consistent(l, c.origin, &head, p.old_size, &consistency, &stored, ret_newer);
    if (err == ERR_PROOF)
        peer_fork(l, p.peer, c.origin, stored.size, head.size);
    TRY(err);
    if (*ret_newer)
        return peer_take_note(l, &key, &head, proof.checkpoint);
    /* Cosigned a moment ago, when the peer asked its witness: evidence shows that line. */
    return head.size == stored.size ? peer_stored_line(l, c.origin, &r->line) : ERR_OK;
}

static void
peer_verify_done(struct ledger *l, const struct ledger_job *job, struct peer_result *r)
{
    struct p_peer_verify p;
    struct p_peer_verified v = r->verified;
    struct span body;
    if (r->err == ERR_OK && v.kind == ENTRY_DECISION &&
        payload_peer_verify_get(span_of(job->body, job->len), &p) == ERR_OK) {
        struct p_peer_logged logged = {.peer = p.peer, .verdict = v.verdict};
        memcpy(logged.leaf, v.leaf, 32);
        memcpy(logged.offer_hash, v.offer_hash, 32);
        memcpy(logged.seal_hash, v.seal_hash, 32);
        r->err = payload_peer_logged_put(&logged, l->tx, sizeof(l->tx), &body);
        if (r->err == ERR_OK)
            r->err = l->out.send(l->out.ctx, ROLE_KEEPER, MSG_PEER_LOGGED, job->transfer, body);
    }
    if (r->err != ERR_OK)
        v = (struct p_peer_verified){.err = (uint16_t)-r->err};
    else
        v.cosignature = r->line;
    const enum err put = payload_peer_verified_put(&v, l->tx, sizeof(l->tx), &body);
    (void)!ledger_reply(l, &job->ticket, MSG_PEER_VERIFIED, put, body);
}

/* -- WITNESS_ASK -------------------------------------------------------------------------------*/

/* Sets r->status to other than 0 when it is answered without a cosignature. */
static enum err
peer_add(struct ledger *l, const struct p_witness_ask *p, struct peer_result *r)
{
    struct tlog_proof proof;
    struct span input = {0};
    struct note note;
    struct note_signers by;
    struct checkpoint c;
    struct note_key key;
    struct logstore_head stored;
    uint64_t old_size = 0;
    bool newer = false;
    const struct ledger_zone *zone = ledger_trust_zone(l->trust, p->peer);
    r->status = 400;
    TRY(addreq_parse(p->body, &old_size, &proof, &input));
    TRY(note_parse(input, &note));
    TRY(checkpoint_parse(note.text, &c));
    r->status = 404;
    if (zone == NULL || ledger_witness_peer(l, p->peer) == NULL)
        return ERR_KEY_UNKNOWN;
    TRY(ledger_trust_log(zone, c.origin, &key));
    r->status = 403;
    TRY(checkpoint_open(input, zone->logs, zone->log_count, &note, &by, &c));
    if (c.extension.len > 0)
        return ERR_UNSUPPORTED;
    r->status = 400;
    if (old_size > c.size)
        return ERR_RANGE;
    r->status = 500;
    const struct logstore_head head = {.size = c.size, .root = c.root};
    const enum err err = peer_consistent(l, c.origin, &head, old_size, &proof, &stored, &newer);
    r->stored = stored.size;
    if (err == ERR_PROOF)
        peer_fork(l, p->peer, c.origin, stored.size, head.size);
    r->status = old_size != stored.size || (err == ERR_PROOF && !newer) ? 409
                : err == ERR_PROOF                                      ? 422
                                                                        : 500;
    TRY(err);
    if (r->status == 409)
        return ERR_STATE;
    TRY(peer_take_note(l, &key, &head, input));
    r->status = 0;
    return ERR_OK;
}

/* GET .../<hex>/checkpoint: what we hold for a trusted origin of that hash. */
static void
peer_latest(struct ledger *l, struct span path, struct peer_result *r)
{
    static const struct span head = {(const uint8_t *)"/tlog/witness/", 14};
    static const struct span tail = {(const uint8_t *)"/checkpoint", 11};
    uint8_t want[32];
    uint8_t hash[32];
    size_t len = 0;
    r->status = 404;
    if (path.len != head.len + 64 + tail.len || memcmp(path.ptr, head.ptr, head.len) != 0 ||
        memcmp(path.ptr + head.len + 64, tail.ptr, tail.len) != 0 ||
        text_unhex(span_of(path.ptr + head.len, 64), false, want, sizeof(want)) != ERR_OK)
        return;
    for (size_t z = 0; z < l->trust->zone_count; z++)
        for (size_t i = 0; i < l->trust->zones[z].log_count; i++) {
            const struct span origin = span_str(l->trust->zones[z].logs[i].name);
            if (digest_sha256(origin, hash) != ERR_OK || memcmp(hash, want, 32) != 0)
                continue;
            const enum err err = ledger_check(
                l, logwitness_read(l->log, origin, l->text, LOGWITNESS_NOTE_MAX + 1, &len));
            r->status = err == ERR_OK ? 200 : err == ERR_NOT_FOUND ? 404 : 500;
            r->line = span_of(l->text, err == ERR_OK ? len : 0);
            return;
        }
}

static enum err
peer_ask(struct ledger *l, const struct ledger_job *job, struct peer_result *r, bool *ret_newer)
{
    struct p_witness_ask p;
    TRY(payload_witness_ask_get(span_of(job->body, job->len), &p));
    if (p.call == WITNESS_LATEST) {
        peer_latest(l, p.path, r);
        return ERR_OK;
    }
    const enum err err = peer_add(l, &p, r);
    *ret_newer = err == ERR_OK;
    return err;
}

static void
peer_ask_done(struct ledger *l, const struct ledger_job *job, const struct peer_result *r)
{
    char size[24];
    struct p_witness_answer p = {.status = r->status, .body = r->line};
    struct span body;
    if (r->status == 409) {
        const int n = snprintf(size, sizeof(size), "%" PRIu64 "\n", r->stored);
        p.body = span_of(size, n > 0 ? (size_t)n : 0);
    }
    const enum err put = payload_witness_answer_put(&p, l->tx, sizeof(l->tx), &body);
    (void)!ledger_reply(l, &job->ticket, MSG_WITNESS_ANSWER, put, body);
}

/* -- jobs in turn ------------------------------------------------------------------------------*/

static void
peer_done(struct ledger *l, struct peer_result *r)
{
    struct ledger_job *job = &l->jobs[l->job_first];
    if (job->type == MSG_PEER_VERIFY)
        peer_verify_done(l, job, r);
    else
        peer_ask_done(l, job, r);
    free(job->body);
    job->body = NULL;
    l->job_first = (l->job_first + 1) % LEDGER_JOBS_MAX;
    l->job_count--;
    l->job_busy = false;
}

/* Runs the first job. True when it is through; false when keeper was asked. */
static bool
peer_run(struct ledger *l)
{
    const struct ledger_job *job = &l->jobs[l->job_first];
    struct peer_result r = {.err = ERR_OK};
    bool newer = false;
    r.err = job->type == MSG_PEER_VERIFY ? peer_verify(l, job, &r, &newer)
                                         : peer_ask(l, job, &r, &newer);
    if (r.err == ERR_OK && newer) {
        r.err = peer_ask_cosign(l);
        r.status = 503; /* keeper is not there */
        l->job_busy = r.err == ERR_OK;
    }
    if (l->job_busy)
        return false;
    if (!l->dead)
        peer_done(l, &r);
    return true;
}

void
ledger_peer_next(struct ledger *l)
{
    while (l->job_count > 0 && !l->job_busy && !l->dead)
        if (!peer_run(l))
            return;
}

enum err
ledger_peer_job(struct ledger *l, const struct ledger_in *in)
{
    struct p_peer_verify verify;
    struct p_witness_ask ask;
    struct ledger_job job = {.type = in->type, .ticket = in->ticket, .len = in->body.len};
    struct peer_result full = {.err = ERR_AGAIN, .status = 503};
    if (in->type == MSG_PEER_VERIFY)
        TRY(payload_peer_verify_get(in->body, &verify));
    else
        TRY(payload_witness_ask_get(in->body, &ask));
    if (in->type == MSG_WITNESS_ASK && ask.call != WITNESS_LATEST && ask.call != WITNESS_ADD)
        return ERR_RANGE;
    memcpy(job.transfer, in->transfer, sizeof(job.transfer));
    job.body = l->job_count == LEDGER_JOBS_MAX ? NULL : malloc(in->body.len);
    if (job.body == NULL) {
        if (in->type == MSG_PEER_VERIFY)
            peer_verify_done(l, &job, &full);
        else
            peer_ask_done(l, &job, &full);
        return ERR_OK;
    }
    memcpy(job.body, in->body.ptr, in->body.len);
    l->jobs[(l->job_first + l->job_count++) % LEDGER_JOBS_MAX] = job;
    ledger_peer_next(l);
    return ERR_OK;
}

/* Stores the note with our line, and remembers its head; only then the line may leave. */
static enum err
peer_store(struct ledger *l, struct span line)
{
    struct ledger_cosign *c = l->cosign;
    struct logheads *heads = NULL;
    struct logstore_head before;
    if (line.len == 0 || line.len > NOTE_LINE_MAX)
        return ERR_PROTOCOL;
    FAULT_POINT(ledger_witness_signed);
    memcpy(c->note + c->note_len, line.ptr, line.len);
    TRY(peer_heads(l, span_str(c->key.name), &heads));
    TRY(ledger_check(l, logwitness_head(l->log, span_str(c->key.name), &before)));
    TRY(ledger_check(l, logheads_add(heads, &c->head)));
    TRY(ledger_check(l,
                     logwitness_store(l->log, &c->key, span_of(c->note, c->note_len + line.len))));
    FAULT_POINT(ledger_witness_stored);
    l->cosigned++;
    return before.size > 0 ? ERR_OK : ledger_origin_seen(l, span_str(c->key.name));
}

enum err
ledger_peer_cosigned(struct ledger *l, enum err err, enum msg_type type, struct span body)
{
    struct p_cosigned p = {0};
    char line[NOTE_LINE_MAX];
    if (!l->job_busy || (err == ERR_OK && type != MSG_COSIGNED))
        return ERR_PROTOCOL;
    if (err == ERR_OK)
        TRY(payload_cosigned_get(body, &p));
    if (err == ERR_OK && p.line.len > sizeof(line))
        return ERR_PROTOCOL;
    if (err == ERR_OK && p.err != 0)
        err = ERR_AGAIN;
    if (err == ERR_OK)
        err = peer_store(l, p.line);
    if (l->dead)
        return ERR_OK;
    struct peer_result r = {.err = err, .status = err == ERR_OK ? 200 : 503};
    if (err == ERR_OK) {
        memcpy(line, p.line.ptr, p.line.len);
        r.line = span_of(line, p.line.len);
    }
    /* What was found out before is found out again: nothing moved meanwhile. */
    if (err == ERR_OK && l->jobs[l->job_first].type == MSG_PEER_VERIFY) {
        bool newer = false;
        r.err = peer_verify(l, &l->jobs[l->job_first], &r, &newer);
    }
    peer_done(l, &r);
    ledger_peer_next(l);
    return ERR_OK;
}
