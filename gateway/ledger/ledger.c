/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "gateway/ledger/ledger_floor.h"
#include "gateway/ledger/ledger_origin.h"
#include "gateway/ledger/ledger_part.h"
#include "gateway/ledger/ledger_peer.h"
#include "gateway/ledger/ledger_witness.h"

enum err
ledger_check(struct ledger *l, enum err err)
{
    if (err == ERR_IO && !l->dead) {
        l->dead = true;
        l->out.note(l->out.ctx, EVENT_LOG_BROKEN, SPAN_LIT(""), 0);
    }
    return err;
}

enum err
ledger_reply(struct ledger *l, const struct chan_ticket *ticket, enum msg_type type, enum err put,
             struct span body)
{
    TRY(put);
    const enum err err = l->out.answer(l->out.ctx, ticket, type, body, -1);
    return err == ERR_ROLE_LOST || err == ERR_FULL ? ERR_OK : err;
}

/* -- what clerk and desk are told --------------------------------------------------------------*/

void
ledger_tell_state(struct ledger *l, enum role_id role)
{
    struct p_ledger_state p = {.state = (uint8_t)l->state,
                               .compared = l->compared ? 1 : 0,
                               .unseen = l->unseen,
                               .succeeds = l->succeeds,
                               .prev_origin = span_str(l->prev.origin),
                               .prev_size = l->prev.size};
    struct logstore_head head;
    struct span body;
    logstore_head(l->log, &head);
    p.size = head.size;
    memcpy(p.root, head.root.b, sizeof(p.root));
    if (payload_ledger_state_put(&p, l->tx, sizeof(l->tx), &body) == ERR_OK)
        (void)!l->out.send(l->out.ctx, role, MSG_LEDGER_STATE, NULL, body);
}

void
ledger_tell_peer(struct ledger *l, enum role_id role, const struct ledger_peer *peer)
{
    const struct p_ledger_peer p = {.peer = span_str(peer->zone),
                                    .state = (uint8_t)(peer->up ? 1 + peer->answered : 0),
                                    .cosigned_size = peer->cosigned};
    struct span body;
    if (payload_ledger_peer_put(&p, l->tx, sizeof(l->tx), &body) == ERR_OK)
        (void)!l->out.send(l->out.ctx, role, MSG_LEDGER_PEER, NULL, body);
}

static void
tell_both(struct ledger *l)
{
    ledger_tell_state(l, ROLE_CLERK);
    ledger_tell_state(l, ROLE_DESK);
}

/* -- states ------------------------------------------------------------------------------------*/

void
ledger_quarantine(struct ledger *l, struct span why, uint64_t size)
{
    if (l->state == LOG_QUARANTINED)
        return;
    l->state = LOG_QUARANTINED;
    logstore_quarantine(l->log);
    l->out.note(l->out.ctx, EVENT_LOG_QUARANTINED, why, size);
    ledger_append_flush(l);
    ledger_prove_ready(l);
    tell_both(l);
}

void
ledger_confirm(struct ledger *l)
{
    bool heard = l->peer_count == 0;
    struct logstore_head head;
    if (l->state != LOG_UNCONFIRMED || !l->head_seen)
        return;
    for (size_t i = 0; i < l->peer_count; i++)
        heard = heard || l->peers[i].answered;
    if (!heard)
        return;
    l->state = LOG_CONFIRMED;
    logstore_head(l->log, &head);
    l->out.note(l->out.ctx, EVENT_LOG_CONFIRMED, SPAN_LIT(""), head.size);
    tell_both(l);
    ledger_sign_next(l);
    ledger_witness_offer(l);
}

bool
ledger_holds(struct ledger *l, const struct logstore_head *head)
{
    struct tlog_hash root;
    if (head->size == 0)
        return true;
    const enum err err = ledger_check(l, logstore_root(l->log, head->size, &root));
    return err == ERR_OK && tlog_hash_eq(&root, &head->root);
}

/* A database of the log before this one; one without an origin saw no log, or one before this. What
 * it saw is whole when it is not behind what the genesis names. */
static enum ledger_succeeds
head_succeeds(const struct ledger *l, struct span origin, const struct logstore_head *head)
{
    if (!ledger_origin_has(l) || (origin.len > 0 && !span_eq_str(origin, l->prev.origin)))
        return LEDGER_SUCCEEDS_NOT;
    const bool same = head->size == l->prev.size && tlog_hash_eq(&head->root, &l->prev.root);
    return head->size > l->prev.size || same ? LEDGER_SUCCEEDS_WHOLE : LEDGER_SUCCEEDS_OLDER;
}

/* A database that came over does not go back: a genesis that names too little must be found out
 * before. */
void
ledger_succeed(struct ledger *l)
{
    bool asked = l->peer_count == 0 || !l->prev.has_key;
    for (size_t i = 0; i < l->peer_count; i++)
        asked = asked || l->peers[i].told_prev;
    if (!asked || l->waits == LEDGER_SUCCEEDS_NOT || l->state == LOG_QUARANTINED)
        return;
    l->succeeds = l->waits;
    l->waits = LEDGER_SUCCEEDS_NOT;
    ledger_tell_state(l, ROLE_CLERK); /* it comes over and says HEAD_SEEN again */
}

/* Clerk's database remembers more of the log, or another log: this folder is an old copy. */
static enum err
handle_head_seen(struct ledger *l, const struct ledger_in *in)
{
    struct p_head_seen p;
    TRY(payload_head_seen_get(in->body, &p));
    struct logstore_head head = {.size = p.size};
    memcpy(head.root.b, p.root, sizeof(head.root.b));
    const bool ours = span_eq_str(p.origin, l->config.origin);
    l->succeeds = LEDGER_SUCCEEDS_NOT;
    l->waits = (uint8_t)(ours ? LEDGER_SUCCEEDS_NOT : head_succeeds(l, p.origin, &head));
    if (l->waits != LEDGER_SUCCEEDS_NOT) {
        l->head_seen = false;
        ledger_succeed(l);
        return ERR_OK;
    }
    if ((!ours && p.origin.len > 0) || !ledger_holds(l, &head)) {
        ledger_quarantine(l, SPAN_LIT("clerk"), p.size);
        return ERR_OK;
    }
    const enum err err =
        ledger_check(l, logstore_transfers_since(l->log, p.size, LEDGER_UNSEEN_MAX, &l->unseen));
    if (err != ERR_OK)
        return l->dead ? ERR_OK : err;
    l->compared = true;
    ledger_tell_state(l, ROLE_CLERK);
    l->head_seen = true;
    ledger_confirm(l);
    return ERR_OK;
}

/* -- messages ----------------------------------------------------------------------------------*/

static enum err
handle(struct ledger *l, const struct ledger_in *in)
{
    switch ((unsigned)in->type) {
    case MSG_APPEND:
        return ledger_append(l, in);
    case MSG_PROVE:
        return ledger_prove(l, in);
    case MSG_GO_ASK:
        return ledger_prove_go(l, in);
    case MSG_PROOF_ASK:
        return ledger_prove_file(l, in);
    case MSG_STORY_ASK:
        return ledger_story(l, in);
    case MSG_LOG_READ:
        return ledger_prove_read(l, in);
    case MSG_HEAD_SEEN:
        return handle_head_seen(l, in);
    case MSG_PEER_STATE:
        return ledger_witness_peer_state(l, in);
    case MSG_PEER_VERIFY:
    case MSG_WITNESS_ASK:
        return ledger_peer_job(l, in);
    default:
        return ERR_PROTOCOL;
    }
}

enum err
ledger_handle(struct ledger *l, const struct ledger_in *in)
{
    if (l->dead)
        return ERR_OK;
    /* Everything but another entry sees what was appended before it. */
    if (in->type != MSG_APPEND)
        ledger_append_flush(l);
    const enum err err = l->dead ? ERR_OK : handle(l, in);
    return l->dead ? ERR_OK : err;
}

static enum err
answered(struct ledger *l, uint32_t tag, enum err err, enum msg_type type, struct span body)
{
    if (tag == LEDGER_TAG_SIGN)
        return ledger_sign_answer(l, err, type, body);
    if (tag == LEDGER_TAG_COSIGN)
        return ledger_peer_cosigned(l, err, type, body);
    return ledger_witness_answer(l, tag, err, type, body);
}

enum err
ledger_answered(struct ledger *l, uint32_t tag, enum err err, enum msg_type type, struct span body)
{
    const enum err bad = l->dead ? ERR_OK : answered(l, tag, err, type, body);
    return l->dead ? ERR_OK : bad;
}

void
ledger_clock(struct ledger *l, int64_t wall_ms, int64_t mono_ms)
{
    l->wall_ms = wall_ms;
    l->mono_ms = mono_ms;
}

void
ledger_tick(struct ledger *l)
{
    if (l->dead)
        return;
    if (l->pending_count > 0 && l->mono_ms >= l->flush_ms)
        ledger_append_flush(l);
    ledger_sign_next(l);
    ledger_witness_tick(l);
}

int64_t
ledger_due_ms(const struct ledger *l)
{
    int64_t due = l->pending_count > 0 ? l->flush_ms : INT64_MAX;
    if (l->sign_ms > l->mono_ms && l->sign_ms < due)
        due = l->sign_ms;
    const int64_t peers = ledger_witness_due_ms(l);
    return peers < due ? peers : due;
}

void
ledger_lost(struct ledger *l, enum role_id role)
{
    if (role == ROLE_KEEPER) {
        l->keeper_there = false;
        l->keeper_knows = false;
        l->keeper_size = 0;
    }
    if (role == ROLE_LINK)
        ledger_witness_down(l);
}

void
ledger_new_peer(struct ledger *l, enum role_id role)
{
    if (role == ROLE_KEEPER) {
        ledger_lost(l, role);
        l->keeper_there = true;
        l->sign_ms = 0;
        ledger_sign_next(l);
        ledger_peer_next(l);
    }
    if (role == ROLE_JUDGE)
        ledger_floor_tell(l);
    if (role == ROLE_JUDGE && l->clock_suspect)
        ledger_witness_tell_clock(l);
    if (role != ROLE_CLERK && role != ROLE_DESK)
        return;
    if (role == ROLE_CLERK) {
        l->compared = false;
        l->succeeds = LEDGER_SUCCEEDS_NOT;
        l->waits = LEDGER_SUCCEEDS_NOT;
    }
    ledger_tell_state(l, role);
    for (size_t i = 0; i < l->peer_count; i++)
        ledger_tell_peer(l, role, &l->peers[i]);
}

/* -- life --------------------------------------------------------------------------------------*/

static enum err
open_log(struct ledger *l, struct span trust)
{
    struct logstore_head head;
    const struct ledger_zone *own = NULL;
    TRY(ledger_trust_load(trust, l->config.zone, l->config.origin, &l->trust));
    own = ledger_trust_zone(l->trust, span_str(l->config.zone));
    if (own == NULL)
        return ERR_KEY_UNKNOWN;
    TRY(ledger_trust_log(own, span_str(l->config.origin), &l->config.log.key));
    TRY(ledger_origin_check(l, trust));
    const enum err err = logstore_open(&l->config.log, &l->log);
    if (err == ERR_CONFIG)
        l->out.note(l->out.ctx, EVENT_LOG_SUCCESSION,
                    SPAN_LIT("the log folder holds a log of another origin or key"), 0);
    TRY(err);
    TRY(ledger_origin_open(l, trust));
    logstore_head(l->log, &head);
    TRY(ledger_floor_load(l));
    TRY(ledger_sign_load(l));
    TRY(ledger_peer_load(l));
    TRY(ledger_witness_load(l));
    if (logstore_quarantined(l->log))
        ledger_quarantine(l, SPAN_LIT("folder"), head.size);
    return ERR_OK;
}

enum err
ledger_open(const struct ledger_config *config, struct span trust, const struct ledger_out *out,
            int64_t wall_ms, struct ledger **ret)
{
    struct ledger *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NOMEM;
    l->config = *config;
    l->out = *out;
    l->wall_ms = wall_ms;
    l->arena = malloc(LEDGER_ARENA);
    l->scratch = malloc(sizeof(*l->scratch));
    l->proves = calloc(LEDGER_PROVES_MAX, sizeof(*l->proves));
    enum err err = l->arena == NULL || l->scratch == NULL || l->proves == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK)
        err = open_log(l, trust);
    if (err != ERR_OK) {
        ledger_close(l);
        return err;
    }
    *ret = l;
    return ERR_OK;
}

void
ledger_close(struct ledger *l)
{
    if (l == NULL)
        return;
    ledger_origin_free(l);
    ledger_peer_free(l);
    logstore_close(l->log);
    free(l->trust);
    free(l->proves);
    free(l->scratch);
    free(l->arena);
    free(l);
}

enum err
ledger_reload(struct ledger *l, struct span trust, uint32_t batch_ms, uint32_t checkpoint_s)
{
    struct ledger_trust *fresh = NULL;
    struct note_key key;
    TRY(ledger_trust_load(trust, l->config.zone, l->config.origin, &fresh));
    const struct ledger_zone *own = ledger_trust_zone(fresh, span_str(l->config.zone));
    enum err err =
        own == NULL ? ERR_KEY_UNKNOWN : ledger_trust_log(own, span_str(l->config.origin), &key);
    /* A new log key means a new origin, which is a restart with another configuration. */
    if (err == ERR_OK && memcmp(key.pub, l->config.log.key.pub, sizeof(key.pub)) != 0)
        err = ERR_CONFIG;
    if (err != ERR_OK) {
        free(fresh);
        return err;
    }
    free(l->trust);
    l->trust = fresh;
    l->config.batch_ms = batch_ms;
    l->config.checkpoint_s = checkpoint_s;
    return ERR_OK;
}
