/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures for the log: checkpoints of our own origin, only ever a consistent successor of what
 * was signed before; cosignatures of other origins, never of a smaller tree; and the facts that
 * entries are in our log, each under a root that was signed here. */
#include <assert.h>

#include "crypto/checkpoint.h"
#include "crypto/cosign.h"
#include "gateway/keeper/keeper.h"

static struct keeper_root *
keeper_root_of(struct keeper *k, uint64_t size)
{
    for (size_t i = 0; i < k->root_count; i++)
        if (k->roots[i].size == size)
            return &k->roots[i];
    return NULL;
}

static void
keeper_root_add(struct keeper *k, uint64_t size, const struct tlog_hash *root)
{
    if (keeper_root_of(k, size) != NULL)
        return;
    if (k->root_count == KEEPER_ROOTS_MAX) {
        memmove(&k->roots[0], &k->roots[1], sizeof(k->roots[0]) * (KEEPER_ROOTS_MAX - 1));
        k->root_count--;
    }
    k->roots[k->root_count++] = (struct keeper_root){.size = size, .root = *root};
}

/* Splits n x 32 bytes into hashes. */
static enum err
keeper_hashes(struct span bytes, struct tlog_proof *ret)
{
    if (bytes.len % TLOG_HASH_LEN != 0 || bytes.len / TLOG_HASH_LEN > TLOG_PROOF_MAX)
        return ERR_PROOF;
    ret->count = bytes.len / TLOG_HASH_LEN;
    for (size_t i = 0; i < ret->count; i++)
        memcpy(ret->hash[i].b, bytes.ptr + i * TLOG_HASH_LEN, TLOG_HASH_LEN);
    return ERR_OK;
}

/* After a restart keeper believes the last checkpoint it signed when its own signature is shown. A
 * log that never had one starts at size 0. */
static enum err
keeper_adopt(struct keeper *k, const struct p_checkpoint_sign *p, const struct tlog_hash *old_root)
{
    if (k->has_signed)
        return ERR_OK;
    if (p->old_size > 0) {
        char text[CHECKPOINT_TEXT_MAX];
        size_t len = 0;
        TRY(checkpoint_text(span_str(k->log_vkey.name), p->old_size, old_root, text, &len));
        TRY(sign_ed25519_verify(k->log_vkey.pub, span_of(text, len), p->old_sig));
    }
    keeper_root_add(k, p->old_size, old_root);
    k->has_signed = true;
    return ERR_OK;
}

static enum err
keeper_checkpoint_line(struct keeper *k, const struct p_checkpoint_sign *p,
                       char line[static NOTE_LINE_MAX], size_t *ret_len)
{
    struct tlog_hash old_root;
    struct tlog_hash root;
    struct tlog_proof proof;
    memcpy(old_root.b, p->old_root, TLOG_HASH_LEN);
    memcpy(root.b, p->root, TLOG_HASH_LEN);
    TRY(keeper_hashes(p->consistency, &proof));
    TRY(keeper_adopt(k, p, &old_root));
    assert(k->root_count > 0);
    const struct keeper_root *last = &k->roots[k->root_count - 1];
    if (last->size != p->old_size || !tlog_hash_eq(&last->root, &old_root))
        return ERR_CONFLICT;
    TRY(tlog_check_consistency(p->old_size, &old_root, p->size, &root, proof.hash, proof.count));
    char text[CHECKPOINT_TEXT_MAX];
    size_t text_len = 0;
    uint8_t sig[64];
    TRY(checkpoint_text(span_str(k->log_vkey.name), p->size, &root, text, &text_len));
    TRY(sign_ed25519(&k->secrets->log, span_of(text, text_len), sig));
    TRY(note_line(&k->log_vkey, span_of(sig, sizeof(sig)), line, ret_len));
    keeper_root_add(k, p->size, &root);
    return ERR_OK;
}

static enum err
keeper_checkpoint_sign(struct keeper *k, const struct keeper_in *in)
{
    struct p_checkpoint_sign p;
    struct span body;
    char line[NOTE_LINE_MAX];
    size_t len = 0;
    TRY(payload_checkpoint_sign_get(in->body, &p));
    const enum err err = keeper_checkpoint_line(k, &p, line, &len);
    struct p_checkpoint_signed answer = {
        .err = (uint16_t)-err, .size = p.size, .line = span_of(line, err == ERR_OK ? len : 0)};
    /* A ledger that was restarted before it published what was signed finds its way from here. */
    if (err == ERR_CONFLICT && k->root_count > 0)
        answer.size = k->roots[k->root_count - 1].size;
    const enum err put =
        payload_checkpoint_signed_put(&answer, k->scratch, sizeof(k->scratch), &body);
    return keeper_reply(k, MSG_CHECKPOINT_SIGNED, put, body);
}

static struct keeper_origin *
keeper_origin_of(struct keeper *k, struct span name)
{
    for (size_t i = 0; i < k->origin_count; i++)
        if (span_eq_str(name, k->origins[i].name))
            return &k->origins[i];
    if (k->origin_count == KEEPER_ORIGINS_MAX || name.len > NOTE_NAME_MAX || name.len == 0)
        return NULL;
    struct keeper_origin *origin = &k->origins[k->origin_count++];
    *origin = (struct keeper_origin){.size = 0};
    memcpy(origin->name, name.ptr, name.len);
    return origin;
}

static enum err
keeper_cosign_line(struct keeper *k, const struct p_cosign *p, char line[static NOTE_LINE_MAX],
                   size_t *ret_len)
{
    if (!note_name_ok(p->origin) || span_eq_str(p->origin, k->log_vkey.name))
        return ERR_DENIED;
    struct keeper_origin *origin = keeper_origin_of(k, p->origin);
    if (origin == NULL)
        return ERR_FULL;
    struct tlog_hash root;
    memcpy(root.b, p->root, TLOG_HASH_LEN);
    if (p->size < origin->size)
        return ERR_CONFLICT;
    if (p->size == origin->size && origin->size > 0 && !tlog_hash_eq(&root, &origin->root))
        return ERR_CONFLICT;
    char text[CHECKPOINT_TEXT_MAX];
    size_t text_len = 0;
    uint8_t message[COSIGN_MESSAGE_MAX];
    uint8_t sig[64];
    struct span to_sign;
    TRY(checkpoint_text(p->origin, p->size, &root, text, &text_len));
    TRY(cosign_message(p->time, span_of(text, text_len), message, &to_sign));
    TRY(sign_ed25519(&k->secrets->witness, to_sign, sig));
    TRY(cosign_line(&k->witness_vkey, p->time, sig, line, ret_len));
    origin->size = p->size;
    origin->root = root;
    return ERR_OK;
}

static enum err
keeper_cosign(struct keeper *k, const struct keeper_in *in)
{
    struct p_cosign p;
    struct span body;
    char line[NOTE_LINE_MAX];
    size_t len = 0;
    TRY(payload_cosign_get(in->body, &p));
    const enum err err = keeper_cosign_line(k, &p, line, &len);
    const struct p_cosigned answer = {.err = (uint16_t)-err,
                                      .line = span_of(line, err == ERR_OK ? len : 0)};
    const enum err put = payload_cosigned_put(&answer, k->scratch, sizeof(k->scratch), &body);
    return keeper_reply(k, MSG_COSIGNED, put, body);
}

/* A fact with a proof that does not hold is a lie of ledger: a violation. A size that was never
 * signed here (before our restart) is only unknown: ledger proves again under the next root. */
static enum err
keeper_logged(struct keeper *k, const struct keeper_in *in)
{
    struct p_logged p;
    struct tlog_proof proof;
    struct tlog_hash leaf;
    TRY(payload_logged_get(in->body, &p));
    TRY(keeper_hashes(p.proof, &proof));
    const struct keeper_root *root = keeper_root_of(k, p.size);
    if (root == NULL)
        return ERR_OK;
    memcpy(leaf.b, p.leaf, TLOG_HASH_LEN);
    TRY(tlog_check_inclusion(&leaf, p.index, p.size, &root->root, proof.hash, proof.count));
    struct case_logged logged = {.kind = p.kind, .n = p.n, .verdict = p.verdict, .index = p.index};
    memcpy(logged.seal_hash, p.seal_hash, sizeof(logged.seal_hash));
    memcpy(logged.leaf, p.leaf, sizeof(logged.leaf));
    cases_logged_add(keeper_log_case(k, in->transfer), &logged);
    return ERR_OK;
}

enum err
keeper_log_handle(struct keeper *k, const struct keeper_in *in)
{
    if (in->type == MSG_CHECKPOINT_SIGN)
        return keeper_checkpoint_sign(k, in);
    if (in->type == MSG_COSIGN)
        return keeper_cosign(k, in);
    if (in->type == MSG_LOGGED)
        return keeper_logged(k, in);
    return ERR_PROTOCOL;
}
