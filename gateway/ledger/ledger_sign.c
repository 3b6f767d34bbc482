/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of our own log: keeper signs each as a consistent successor of the last one, then it
 * is published. Only a confirmed log is signed. */
#include "crypto/checkpoint.h"
#include "gateway/core/fault.h"
#include "gateway/ledger/ledger_part.h"
#include "gateway/ledger/ledger_witness.h"
#include "schemas/text.h"

enum { SIGN_PAUSE_MS = 500 };

/* The Ed25519 signature of our key on note. */
static enum err
sign_of_note(const struct ledger *l, struct span input, uint8_t ret[static 64])
{
    struct note note;
    uint8_t raw[NOTE_ID_LEN + 64];
    size_t len = 0;
    TRY(note_parse(input, &note));
    for (size_t i = 0; i < note.sig_count; i++) {
        const struct note_sig *sig = &note.sig[i];
        if (!note_sig_names(sig, &l->config.log.key) || sig->len != 64)
            continue;
        TRY(text_unbase64(sig->base64, false, raw, sizeof(raw), &len));
        if (len != sizeof(raw))
            return ERR_SYNTAX;
        memcpy(ret, raw + NOTE_ID_LEN, 64);
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

enum err
ledger_sign_load(struct ledger *l)
{
    size_t len = 0;
    const enum err err = logpublish_read(l->log, l->text, sizeof(l->text), &len);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(err);
    TRY(sign_of_note(l, span_of(l->text, len), l->sig));
    l->has_sig = true;
    return ERR_OK;
}

/* What keeper is to sign: the present head, from what it signed last. False: nothing. */
static bool
sign_wanted(struct ledger *l, struct logstore_head *ret_old, struct logstore_head *ret_new)
{
    logstore_head(l->log, ret_new);
    struct logstore_head published;
    logpublish_head(l->log, &published);
    *ret_old = l->keeper_knows ? l->keeper_last : published;
    /* Signed and not published, when the disk was full: once more. */
    return !l->keeper_knows || ret_new->size > published.size || l->keeper_size == 0;
}

static enum err
sign_ask(struct ledger *l, const struct logstore_head *old, const struct logstore_head *head)
{
    struct tlog_proof proof;
    struct span body;
    struct p_checkpoint_sign p = {.size = head->size, .old_size = old->size};
    TRY(ledger_check(l, logstore_consistency(l->log, old->size, head->size, &proof)));
    memcpy(p.root, head->root.b, sizeof(p.root));
    memcpy(p.old_root, old->root.b, sizeof(p.old_root));
    if (l->has_sig)
        p.old_sig = span_of(l->sig, sizeof(l->sig));
    p.consistency = span_of(proof.hash, proof.count * TLOG_HASH_LEN);
    TRY(payload_checkpoint_sign_put(&p, l->tx, sizeof(l->tx), &body));
    return l->out.ask(l->out.ctx, ROLE_KEEPER, MSG_CHECKPOINT_SIGN, body, LEDGER_TAG_SIGN);
}

void
ledger_sign_next(struct ledger *l)
{
    struct logstore_head old;
    struct logstore_head head;
    if (l->state != LOG_CONFIRMED || l->sign_busy || !l->keeper_there || l->dead)
        return;
    if (l->mono_ms < l->sign_ms || !sign_wanted(l, &old, &head))
        return;
    if (old.size == 0 && tlog_empty_root(&old.root) != ERR_OK)
        return;
    l->sign_ms = l->mono_ms + SIGN_PAUSE_MS;
    if (sign_ask(l, &old, &head) != ERR_OK)
        return;
    l->sign_ms = 0;
    l->sign_busy = true;
    l->sign_size = head.size;
}

/* Keeper remembers another checkpoint than the folder: one that was signed and never published, or
 * one of a log that this folder is an old copy of. */
static void
sign_conflict(struct ledger *l, uint64_t size)
{
    struct logstore_head head;
    struct logstore_head last = {.size = size};
    logstore_head(l->log, &head);
    if (size > head.size || (l->keeper_knows && size == l->keeper_last.size)) {
        ledger_quarantine(l, SPAN_LIT("keeper"), size);
        return;
    }
    if (ledger_check(l, logstore_root(l->log, size, &last.root)) != ERR_OK)
        return;
    l->keeper_last = last;
    l->keeper_knows = true;
    l->sign_ms = 0;
}

static enum err
sign_publish(struct ledger *l, const struct p_checkpoint_signed *p)
{
    char note[CHECKPOINT_MAX];
    uint8_t sig[64];
    size_t len = 0;
    if (p->size != l->sign_size || p->line.len >= NOTE_LINE_MAX)
        return ERR_PROTOCOL;
    TRY(note_join(SPAN_LIT("-\n"), p->line, note, sizeof(note), &len));
    TRY(sign_of_note(l, span_of(note, len), sig));
    FAULT_POINT(ledger_signed);
    const enum err err = ledger_check(l, logpublish_checkpoint(l->log, p->size, sig));
    if (err == ERR_SIGNATURE)
        return err;
    if (err != ERR_OK) { /* the disk is full: entries are durable, publishing waits */
        l->out.note(l->out.ctx, EVENT_LOG_PUBLISH, span_str(error_name(err)), p->size);
        l->sign_ms = l->mono_ms + SIGN_PAUSE_MS;
    } else {
        FAULT_POINT(ledger_published);
        memcpy(l->sig, sig, sizeof(sig));
        l->has_sig = true;
    }
    l->keeper_knows = true;
    l->keeper_size = p->size;
    l->keeper_last.size = p->size;
    return ledger_check(l, logstore_root(l->log, p->size, &l->keeper_last.root));
}

enum err
ledger_sign_answer(struct ledger *l, enum err err, enum msg_type type, struct span body)
{
    struct p_checkpoint_signed p;
    l->sign_busy = false;
    if (err != ERR_OK) {
        l->sign_ms = l->mono_ms + SIGN_PAUSE_MS;
        return ERR_OK;
    }
    if (type != MSG_CHECKPOINT_SIGNED)
        return ERR_PROTOCOL;
    TRY(payload_checkpoint_signed_get(body, &p));
    if (l->state != LOG_CONFIRMED)
        return ERR_OK;
    if (p.err == (uint16_t)-ERR_CONFLICT) {
        sign_conflict(l, p.size);
    } else if (p.err != 0) {
        l->out.note(l->out.ctx, EVENT_LOG_PUBLISH, SPAN_LIT("keeper"), p.err);
        l->sign_ms = l->mono_ms + SIGN_PAUSE_MS;
    } else {
        TRY(sign_publish(l, &p));
        ledger_prove_ready(l);
        ledger_tell_state(l, ROLE_DESK);
        ledger_witness_offer(l);
    }
    ledger_sign_next(l);
    return ERR_OK;
}
