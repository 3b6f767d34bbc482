/* SPDX-License-Identifier: Apache-2.0 */
/* What others are told about entries that are in the log: LOGGED to keeper under a root it signed,
 * GO to link for a logged decision, proof files to clerk, public files to auditors and peers. */
#include <unistd.h>

#include "crypto/proof.h"
#include "crypto/tile.h"
#include "gateway/ledger/ledger_part.h"
#include "gateway/ledger/ledger_witness.h"
#include "gateway/net/identity.h"

/* -- entries -----------------------------------------------------------------------------------*/

static enum err
prove_hash(const struct entry *entry, const char *key, uint8_t ret[static 32])
{
    const enum err err = entry_get_hash(entry, key, ret);
    if (err == ERR_MISSING)
        memset(ret, 0, 32);
    return err == ERR_MISSING ? ERR_OK : err;
}

enum err
ledger_prove_facts(const struct entry *entry, struct ledger_facts *ret)
{
    struct ledger_facts f = {.verdict = VERDICT_DENY};
    struct span word;
    if (entry->kind == ENTRY_DECISION || entry->kind == ENTRY_RECEIVED) {
        TRY(entry_get_str(entry, "verdict", &word));
        f.verdict = span_eq_str(word, "allow")  ? VERDICT_ALLOW
                    : span_eq_str(word, "hold") ? VERDICT_HOLD
                                                : VERDICT_DENY;
        TRY(prove_hash(entry, "offer", f.offer_hash));
        TRY(prove_hash(entry, "seal", f.seal_hash));
    }
    *ret = f;
    return ERR_OK;
}

/* Entry index in l->text, read into l->scratch. */
static enum err
prove_entry(struct ledger *l, uint64_t index, struct entry *ret, struct span *ret_leaf)
{
    size_t len = 0;
    TRY(ledger_check(l, logstore_get(l->log, index, (uint8_t *)l->text, sizeof(l->text), &len)));
    TRY(entry_read(span_of(l->text, len), false, l->scratch, ret, NULL));
    *ret_leaf = span_of(l->text, len);
    return ERR_OK;
}

static struct logindex_key
prove_key(const struct ledger_in *in, uint8_t kind, uint32_t n)
{
    struct logindex_key key = {.kind = kind, .n = n};
    memcpy(key.transfer, in->transfer, sizeof(key.transfer));
    return key;
}

/* -- LOGGED ------------------------------------------------------------------------------------*/

static enum err
prove_answer(struct ledger *l, const struct chan_ticket *ticket, enum err err, uint64_t index)
{
    const struct p_proved p = {.err = (uint16_t)-err, .index = index};
    struct span body;
    const enum err put = payload_proved_put(&p, l->tx, sizeof(l->tx), &body);
    return ledger_reply(l, ticket, MSG_PROVED, put, body);
}

/* The fact and its proof, under the last root that the present keeper signed. */
static enum err
prove_tell(struct ledger *l, const struct logindex_key *key, uint64_t index)
{
    struct entry entry;
    struct ledger_facts facts;
    struct tlog_hash leaf;
    struct tlog_proof proof;
    struct span bytes;
    struct span body;
    struct p_logged p = {
        .kind = key->kind, .n = (uint16_t)key->n, .index = index, .size = l->keeper_size};
    TRY(prove_entry(l, index, &entry, &bytes));
    TRY(ledger_prove_facts(&entry, &facts));
    TRY(tlog_leaf_hash(bytes, &leaf));
    TRY(ledger_check(l, logstore_inclusion(l->log, index, l->keeper_size, &proof)));
    p.verdict = facts.verdict;
    p.proof = span_of(proof.hash, proof.count * TLOG_HASH_LEN);
    memcpy(p.leaf, leaf.b, sizeof(p.leaf));
    memcpy(p.offer_hash, facts.offer_hash, sizeof(p.offer_hash));
    memcpy(p.seal_hash, facts.seal_hash, sizeof(p.seal_hash));
    TRY(payload_logged_put(&p, l->tx, sizeof(l->tx), &body));
    return l->out.send(l->out.ctx, ROLE_KEEPER, MSG_LOGGED, key->transfer, body);
}

/* Waits for the next checkpoint; the same question twice waits once, for the later asker. */
static enum err
prove_wait(struct ledger *l, const struct ledger_in *in, const struct logindex_key *key,
           uint64_t index)
{
    struct ledger_prove *slot = NULL;
    for (size_t i = 0; i < l->prove_count && slot == NULL; i++)
        if (l->proves[i].index == index)
            slot = &l->proves[i];
    if (slot == NULL && l->prove_count == LEDGER_PROVES_MAX)
        return prove_answer(l, &in->ticket, ERR_AGAIN, index);
    if (slot == NULL)
        slot = &l->proves[l->prove_count++];
    *slot = (struct ledger_prove){.ticket = in->ticket, .key = *key, .index = index};
    ledger_sign_next(l);
    return ERR_OK;
}

enum err
ledger_prove(struct ledger *l, const struct ledger_in *in)
{
    struct p_prove p;
    uint64_t index = 0;
    TRY(payload_prove_get(in->body, &p));
    const struct logindex_key key = prove_key(in, p.kind, p.n);
    if (l->state == LOG_QUARANTINED)
        return prove_answer(l, &in->ticket, ERR_QUARANTINE, 0);
    enum err err = ledger_check(l, logstore_find(l->log, &key, &index));
    if (err != ERR_OK)
        return prove_answer(l, &in->ticket, err, 0);
    if (index >= l->keeper_size)
        return prove_wait(l, in, &key, index);
    err = prove_tell(l, &key, index);
    l->proved += err == ERR_OK ? 1 : 0;
    return prove_answer(l, &in->ticket, err, index);
}

void
ledger_prove_ready(struct ledger *l)
{
    size_t kept = 0;
    const size_t count = l->prove_count;
    for (size_t i = 0; i < count; i++) {
        const struct ledger_prove prove = l->proves[i];
        if (prove.index >= l->keeper_size && l->state != LOG_QUARANTINED) {
            l->proves[kept++] = prove;
            continue;
        }
        const enum err err =
            l->state == LOG_QUARANTINED ? ERR_QUARANTINE : prove_tell(l, &prove.key, prove.index);
        l->proved += err == ERR_OK ? 1 : 0;
        (void)!prove_answer(l, &prove.ticket, err, prove.index);
    }
    l->prove_count = kept;
}

/* -- GO ----------------------------------------------------------------------------------------*/

/* A durable decision n of this transfer allows and names this offer. */
static enum err
prove_go_check(struct ledger *l, const struct ledger_in *in, const struct p_go_ask *p)
{
    const struct logindex_key key = prove_key(in, ENTRY_DECISION, p->n);
    struct entry entry;
    struct ledger_facts facts;
    struct span leaf;
    uint64_t index = 0;
    if (l->state == LOG_QUARANTINED)
        return ERR_QUARANTINE;
    TRY(ledger_check(l, logstore_find(l->log, &key, &index)));
    TRY(prove_entry(l, index, &entry, &leaf));
    TRY(ledger_prove_facts(&entry, &facts));
    if (facts.verdict != VERDICT_ALLOW || memcmp(facts.offer_hash, p->offer_hash, 32) != 0)
        return ERR_DENIED;
    return ERR_OK;
}

enum err
ledger_prove_go(struct ledger *l, const struct ledger_in *in)
{
    struct p_go_ask p;
    struct p_go go;
    struct span body;
    TRY(payload_go_ask_get(in->body, &p));
    enum err err = prove_go_check(l, in, &p);
    if (err == ERR_NOT_FOUND)
        err = ERR_DENIED;
    memcpy(go.offer_hash, p.offer_hash, sizeof(go.offer_hash));
    if (err == ERR_OK) {
        TRY(payload_go_put(&go, l->tx, sizeof(l->tx), &body));
        err = l->out.send(l->out.ctx, ROLE_LINK, MSG_GO, in->transfer, body);
    }
    const struct p_go_told told = {.err = (uint16_t)-err};
    const enum err put = payload_go_told_put(&told, l->tx, sizeof(l->tx), &body);
    return ledger_reply(l, &in->ticket, MSG_GO_TOLD, put, body);
}

/* -- proof files -------------------------------------------------------------------------------*/

/* Fills p with views of proof_text and leaf. */
static enum err
prove_file_fill(struct ledger *l, const struct ledger_in *in, const struct p_proof_ask *ask,
                char *text, struct tlog_proof *consistency, struct p_proof *ret)
{
    const struct logindex_key key = prove_key(in, ask->kind, ask->n);
    struct logstore_head published;
    size_t len = 0;
    size_t text_len = 0;
    if (l->state != LOG_CONFIRMED)
        return l->state == LOG_QUARANTINED ? ERR_QUARANTINE : ERR_AGAIN;
    TRY(ledger_check(l, logstore_find(l->log, &key, &ret->index)));
    logpublish_head(l->log, &published);
    if (ret->index >= published.size)
        return ERR_AGAIN;
    const struct ledger_peer *peer = ledger_witness_peer(l, ask->peer);
    if (peer == NULL && ask->peer.len > 0)
        return ERR_NOT_FOUND;
    if (peer != NULL) {
        ret->old_size = peer->size < published.size ? peer->size : published.size;
        ret->cosigned = peer->cosigned == published.size ? 1 : 0;
        TRY(ledger_check(l,
                         logstore_consistency(l->log, ret->old_size, published.size, consistency)));
        ret->consistency = span_of(consistency->hash, consistency->count * TLOG_HASH_LEN);
    }
    for (size_t i = 0; i < l->peer_count && peer == NULL; i++)
        ret->cosigned |= l->peers[i].cosigned == published.size ? 1 : 0;
    TRY(ledger_check(l,
                     logstore_get(l->log, ret->index, (uint8_t *)l->text, sizeof(l->text), &len)));
    TRY(ledger_check(l, logpublish_proof(l->log, ret->index, text, PROOF_TEXT_MAX + 1, &text_len)));
    ret->entry = span_of(l->text, len);
    ret->proof = span_of(text, text_len);
    return ERR_OK;
}

enum err
ledger_prove_file(struct ledger *l, const struct ledger_in *in)
{
    static char text[PROOF_TEXT_MAX + 1];
    struct p_proof_ask ask;
    struct tlog_proof consistency;
    struct p_proof p = {0};
    struct span body;
    TRY(payload_proof_ask_get(in->body, &ask));
    const enum err err = prove_file_fill(l, in, &ask, text, &consistency, &p);
    if (err != ERR_OK)
        p = (struct p_proof){.err = (uint16_t)-err};
    const enum err put = payload_proof_put(&p, l->tx, sizeof(l->tx), &body);
    return ledger_reply(l, &in->ticket, MSG_PROOF, put, body);
}

/* -- public files ------------------------------------------------------------------------------*/

/* Peers see checkpoints and hashes; entries are for auditors and operators of this zone. */
static enum err
prove_path(enum role_id from, const struct p_log_read *p)
{
    struct tile tile;
    const bool own =
        from == ROLE_EDGE && (p->role == IDENTITY_AUDITOR || p->role == IDENTITY_OPERATOR);
    const bool peer = from == ROLE_LINK || p->role == IDENTITY_PEER;
    if (!own && !peer)
        return ERR_DENIED;
    if (span_eq_str(p->path, "checkpoint"))
        return ERR_OK;
    if (span_eq_str(p->path, "log.vkey"))
        return ERR_OK;
    if (tile_parse_path(p->path, &tile) != ERR_OK)
        return ERR_NOT_FOUND;
    return tile.level == TILE_ENTRIES && !own ? ERR_DENIED : ERR_OK;
}

enum err
ledger_prove_read(struct ledger *l, const struct ledger_in *in)
{
    struct p_log_read p;
    struct p_log_data data = {0};
    struct span body;
    int fd = -1;
    TRY(payload_log_read_get(in->body, &p));
    enum err err = prove_path(in->from, &p);
    if (err == ERR_OK)
        err = logpublish_open(l->log, p.path, &fd, &data.bytes);
    data.err = (uint16_t)-err;
    const enum err put = payload_log_data_put(&data, l->tx, sizeof(l->tx), &body);
    enum err sent = put;
    if (put == ERR_OK)
        sent = l->out.answer(l->out.ctx, &in->ticket, MSG_LOG_DATA, body, fd);
    if (fd >= 0)
        (void)close(fd);
    return sent == ERR_ROLE_LOST || sent == ERR_FULL ? ERR_OK : sent;
}
