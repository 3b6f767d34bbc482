/* SPDX-License-Identifier: Apache-2.0 */
/* The import side of keeper's rules: no preflight or no verified export proof, no unwrap; no logged
 * received/allow, no inbox key and no receipt that says so (invariant 3). */
#include "crypto/digest.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "crypto/seal.h"
#include "gateway/keeper/keeper.h"
#include "gateway/keeper/permit.h"
#include "schemas/entry.h"

enum { DAY_S = 86400, SIGNERS_MAX = 16 };

/* The keys of zone in role, active or not: what was signed before a rotation stays valid. */
static size_t
keeper_signers(const struct keeper *k, struct span zone, enum keyring_role role, uint64_t now_s,
               struct sign_pub ret[static SIGNERS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < k->ring.count && count < SIGNERS_MAX; i++) {
        const struct keyring_key *key = &k->ring.keys[i];
        enum sign_alg alg;
        if (key->role != role || !span_eq_str(zone, key->zone) || now_s < key->not_before)
            continue;
        if (sign_alg_from_u8(key->alg, &alg) != ERR_OK)
            continue;
        if (sign_pub_init(&ret[count], alg, span_of(key->pub, key->pub_len)) == ERR_OK)
            count++;
    }
    return count;
}

static enum err
keeper_pre_import(struct keeper *k, const struct keeper_in *in)
{
    struct p_pre_import p;
    TRY(payload_pre_import_get(in->body, &p));
    if (p.verdict > VERDICT_ALLOW || p.peer.len >= 64 || p.sender.len >= 256 ||
        p.agreement.len >= 256)
        return ERR_RANGE;
    struct keeper_case *c = cases_touch(k->cases, in->transfer, p.offer_hash);
    if (c->has_offer)
        return ERR_CONFLICT;
    c->direction = DIRECTION_IMPORT;
    c->has_pre_import = true;
    c->pre_verdict = p.verdict;
    c->suite = p.suite;
    memcpy(c->pre_leaf, p.leaf, sizeof(c->pre_leaf));
    memset(c->peer, 0, sizeof(c->peer));
    memset(c->exporter, 0, sizeof(c->exporter));
    memset(c->agreement, 0, sizeof(c->agreement));
    memcpy(c->peer, p.peer.ptr, p.peer.len);
    memcpy(c->exporter, p.sender.ptr, p.sender.len);
    memcpy(c->agreement, p.agreement.ptr, p.agreement.len);
    return ERR_OK;
}

/* A SEAL of peer's for an offer that a preflight let in. */
static enum err
keeper_peer_seal(struct keeper *k, const struct keeper_in *in, struct span peer,
                 const uint8_t offer_hash[static 32], struct span record, struct seal *ret,
                 struct keeper_case **ret_case)
{
    struct sign_pub keys[SIGNERS_MAX];
    size_t signer = 0;
    struct keeper_case *c = cases_find(k->cases, in->transfer, offer_hash);
    if (c == NULL || !c->has_pre_import)
        return ERR_NOT_FOUND;
    if (c->pre_verdict == VERDICT_DENY || !span_eq_str(peer, c->peer))
        return ERR_DENIED;
    TRY(seal_decode(record, ret));
    if (!span_eq(span_of(ret->offer_hash, 32), span_of(offer_hash, 32)) ||
        (uint8_t)ret->suite != c->suite)
        return ERR_CONFLICT;
    const size_t count = keeper_signers(k, peer, KEYRING_GATEWAY, in->now_s, keys);
    TRY(seal_verify(ret, keys, count, &signer));
    *ret_case = c;
    return ERR_OK;
}

static enum err
keeper_seal_check(struct keeper *k, const struct keeper_in *in)
{
    struct p_seal_check p;
    struct p_seal_checked answer = {0};
    struct keeper_case *c = NULL;
    struct seal seal;
    struct span body;
    TRY(payload_seal_check_get(in->body, &p));
    enum err err = keeper_peer_seal(k, in, p.peer, p.offer_hash, p.seal, &seal, &c);
    if (err == ERR_OK)
        err = seal_hash(&seal, answer.seal_hash);
    if (err == ERR_OK) {
        answer.chunks = seal.chunk_count;
        answer.plaintext_len = seal.plain_len;
        memcpy(answer.root, seal.root, sizeof(answer.root));
    }
    answer.err = (uint16_t)-err;
    const enum err put = payload_seal_checked_put(&answer, k->scratch, sizeof(k->scratch), &body);
    return keeper_reply(k, MSG_SEAL_CHECKED, put, body);
}

static enum err
keeper_peer_logged(struct keeper *k, const struct keeper_in *in)
{
    struct p_peer_logged p;
    TRY(payload_peer_logged_get(in->body, &p));
    if (p.verdict > VERDICT_ALLOW)
        return ERR_RANGE;
    struct keeper_case *c = cases_touch(k->cases, in->transfer, p.offer_hash);
    c->has_peer_logged = true;
    c->peer_verdict = p.verdict;
    memcpy(c->peer_seal_hash, p.seal_hash, sizeof(c->peer_seal_hash));
    return ERR_OK;
}

static enum err
keeper_open_key(struct keeper *k, const struct keeper_in *in, const struct seal *seal,
                const struct secret32 *dek, enum open_purpose purpose, uint32_t pull,
                unsigned sealer, uint32_t sealer_gen)
{
    struct p_open_key p = {.suite = (uint8_t)seal->suite,
                           .salt_commit = span_of(seal->prefix, sizeof(seal->prefix)),
                           .chunks = seal->chunk_count,
                           .plaintext_len = seal->plain_len,
                           .purpose = (uint8_t)purpose,
                           .pull = pull};
    uint8_t buf[512];
    struct span body;
    memcpy(p.offer_hash, seal->offer_hash, sizeof(p.offer_hash));
    TRY(seal_hash(seal, p.seal_hash));
    memcpy(p.dek, dek->bytes, sizeof(p.dek));
    memcpy(p.root, seal->root, sizeof(p.root));
    enum err err = payload_open_key_put(&p, buf, sizeof(buf), &body);
    if (err == ERR_OK)
        err = k->out.send(k->out.ctx, ROLE_SEALER, sealer, sealer_gen, MSG_OPEN_KEY, in->transfer,
                          body);
    key_wipe(&p, sizeof(p));
    key_wipe(buf, sizeof(buf));
    return err;
}

static enum err
keeper_unwrap_make(struct keeper *k, const struct keeper_in *in, const struct p_unwrap *p,
                   uint8_t ret_release[static 32], uint8_t ret_held[static SPOOLKEYS_WRAP_BYTES])
{
    struct sign_pub keys[SIGNERS_MAX];
    size_t signer = 0;
    struct keeper_case *c = NULL;
    struct release release;
    struct seal seal;
    struct secret32 dek SECRET32_CLEAN;
    uint8_t hash[32];
    TRY(keeper_peer_seal(k, in, p->peer, p->offer_hash, p->seal, &seal, &c));
    TRY(seal_hash(&seal, hash));
    TRY(release_decode(p->release, &release));
    const size_t count = keeper_signers(k, p->peer, KEYRING_RELEASE, in->now_s, keys);
    TRY(release_verify(&release, keys, count, &signer));
    if (!c->has_peer_logged)
        return ERR_NOT_FOUND;
    /* Log before key: the exporter's allow of this very seal is in its log, which we cosigned. */
    if (c->peer_verdict != VERDICT_ALLOW ||
        !span_eq(span_of(c->peer_seal_hash, 32), span_of(hash, 32)))
        return ERR_PROOF;
    const enum err err = release_unwrap(&release, &seal, &k->secrets->kem, NULL, &dek);
    TRY(err == ERR_NOT_FOUND ? ERR_DENIED : err); /* no wrap for us: nothing here was forgotten */
    TRY(release_hash(&release, ret_release));
    TRY(spoolkeys_wrap(k->spool, (uint32_t)(in->now_s / DAY_S), SPOOLKEYS_HELD, in->transfer, hash,
                       &dek, ret_held));
    TRY(keeper_open_key(k, in, &seal, &dek, OPEN_INSPECT, 0, p->sealer, p->sealer_gen));
    return keeper_export_inspect_keys(k, in, c, p->inspector, p->inspector_gen);
}

static enum err
keeper_unwrap(struct keeper *k, const struct keeper_in *in)
{
    struct p_unwrap p;
    struct p_unwrapped answer = {0};
    uint8_t held[SPOOLKEYS_WRAP_BYTES];
    struct span body;
    TRY(payload_unwrap_get(in->body, &p));
    const enum err err = keeper_unwrap_make(k, in, &p, answer.release_hash, held);
    answer.err = (uint16_t)-err;
    answer.held = span_of(held, err == ERR_OK ? sizeof(held) : 0);
    const enum err put = payload_unwrapped_put(&answer, k->scratch, sizeof(k->scratch), &body);
    return keeper_reply(k, MSG_UNWRAPPED, put, body);
}

enum err
keeper_import_give_inbox(struct keeper *k, const struct keeper_in *in, const struct p_key_give *p)
{
    struct seal seal;
    struct secret32 dek SECRET32_CLEAN;
    uint8_t hash[32];
    TRY(seal_decode(p->seal, &seal));
    TRY(seal_hash(&seal, hash));
    if (cases_logged_kind(keeper_log_case(k, in->transfer), ENTRY_OPENED) == NULL)
        return ERR_PROOF;
    /* An inbox wrap exists only because received/allow was logged and receipted. */
    TRY(spoolkeys_unwrap(k->spool, p->wrapped, SPOOLKEYS_INBOX, in->transfer, hash, &dek));
    return keeper_open_key(k, in, &seal, &dek, OPEN_PULL, p->pull, p->sealer, p->sealer_gen);
}

/* The suite a receipt is signed under, and that the facts it states are logged. */
static enum err
keeper_receipt_rests(struct keeper *k, const struct keeper_in *in, const struct p_receipt_sign *p,
                     uint8_t *ret_suite)
{
    static const uint8_t verdict_of[5] = {0, 0, VERDICT_HOLD, VERDICT_ALLOW, VERDICT_DENY};
    const struct case_logged *logged = cases_logged_leaf(keeper_log_case(k, in->transfer), p->leaf);
    const struct keeper_case *c = cases_find(k->cases, in->transfer, p->offer_hash);
    if (logged == NULL)
        return ERR_PROOF;
    if (logged->index != p->log_index)
        return ERR_CONFLICT;
    if (p->status == RECEIPT_OFFER_REFUSED) {
        if (c == NULL || !c->has_pre_import)
            return ERR_NOT_FOUND;
        *ret_suite = c->suite;
        /* A judge that was restarted refuses it again, in other words than those in the log, or
         * would let it in by now: what the log says of this very offer stands. */
        const bool refused = c->pre_verdict == VERDICT_DENY &&
                             span_eq(span_of(c->pre_leaf, 32), span_of(p->leaf, 32));
        const bool said = logged->kind == ENTRY_RECEIVED && logged->verdict == VERDICT_DENY &&
                          span_eq(span_of(logged->seal_hash, 32), span_of(p->offer_hash, 32));
        return refused || said ? ERR_OK : ERR_DENIED;
    }
    if (p->status == RECEIPT_HELD || p->status == RECEIPT_ACCEPTED ||
        p->status == RECEIPT_REFUSED) {
        struct secret32 key SECRET32_CLEAN;
        struct p_permit permit;
        TRY(keeper_permit_key(k, &key));
        TRY(permit_open(&key, in->transfer, p->permit, &permit));
        *ret_suite = permit.suite;
        /* The decision of this permit; or, where clerk's database was restored, one about the same
         * seal with the same verdict that was in the log before. */
        const bool said = logged->kind == ENTRY_RECEIVED && logged->verdict == permit.verdict &&
                          span_eq(span_of(logged->seal_hash, 32), span_of(permit.seal_hash, 32));
        const bool same = (span_eq(span_of(permit.leaf, 32), span_of(p->leaf, 32)) || said) &&
                          span_eq(span_of(permit.seal_hash, 32), span_of(p->seal_hash, 32));
        return permit.direction == DIRECTION_IMPORT && same &&
                       permit.verdict == verdict_of[p->status]
                   ? ERR_OK
                   : ERR_DENIED;
    }
    struct release release;
    TRY(release_decode(p->release, &release));
    *ret_suite = (uint8_t)release.suite;
    if (p->status == RECEIPT_DELIVERED)
        return logged->kind == ENTRY_DELIVERED ? ERR_OK : ERR_DENIED;
    if (p->status == RECEIPT_WITHDRAWN && release.wrap_count != 0)
        return ERR_DENIED;
    return logged->kind == ENTRY_RECEIVED || logged->kind == ENTRY_REFUSED ? ERR_OK : ERR_DENIED;
}

static enum err
keeper_receipt_make(struct keeper *k, const struct keeper_in *in, const struct p_receipt_sign *p,
                    struct receipt *receipt, uint8_t ret_inbox[static SPOOLKEYS_WRAP_BYTES])
{
    uint8_t suite = 0;
    if (p->status < RECEIPT_OFFER_REFUSED || p->status > RECEIPT_DELIVERED)
        return ERR_RANGE;
    TRY(keeper_receipt_rests(k, in, p, &suite));
    *receipt = (struct receipt){.status = (enum receipt_status)p->status,
                                .received_at = p->received_at,
                                .log_index = p->log_index};
    TRY(suite_from_u8(suite, &receipt->suite));
    memcpy(receipt->transfer, in->transfer, sizeof(receipt->transfer));
    memcpy(receipt->seal_hash, p->status == RECEIPT_OFFER_REFUSED ? p->offer_hash : p->seal_hash,
           32);
    memcpy(receipt->release_hash, p->release_hash, 32);
    memcpy(receipt->leaf_hash, p->leaf, 32);
    TRY(digest_sha256(span_str(k->log_vkey.name), receipt->origin_hash));
    TRY(receipt_sign(receipt, &k->secrets->gateway));
    if (p->status != RECEIPT_ACCEPTED)
        return ERR_OK;
    struct secret32 dek SECRET32_CLEAN;
    TRY(spoolkeys_unwrap(k->spool, p->held, SPOOLKEYS_HELD, in->transfer, p->seal_hash, &dek));
    return spoolkeys_wrap(k->spool, (uint32_t)(in->now_s / DAY_S), SPOOLKEYS_INBOX, in->transfer,
                          p->seal_hash, &dek, ret_inbox);
}

static enum err
keeper_receipt_sign(struct keeper *k, const struct keeper_in *in)
{
    struct p_receipt_sign p;
    struct p_receipt_signed answer = {0};
    struct receipt receipt;
    uint8_t record[RECEIPT_BYTES_MAX];
    uint8_t inbox[SPOOLKEYS_WRAP_BYTES];
    struct span body;
    TRY(payload_receipt_sign_get(in->body, &p));
    enum err err = keeper_receipt_make(k, in, &p, &receipt, inbox);
    if (err == ERR_OK)
        err = receipt_encode(&receipt, record, sizeof(record), &answer.receipt);
    answer.err = (uint16_t)-err;
    if (err != ERR_OK)
        answer.receipt = (struct span){NULL, 0};
    else if (p.status == RECEIPT_ACCEPTED)
        answer.inbox = span_of(inbox, sizeof(inbox));
    const enum err put = payload_receipt_signed_put(&answer, k->scratch, sizeof(k->scratch), &body);
    return keeper_reply(k, MSG_RECEIPT_SIGNED, put, body);
}

/* The import inspection's whole body: judge rests its decision on it, keeper on judge's permit. */
static enum err
keeper_opened(struct keeper *k, const struct keeper_in *in)
{
    struct p_opened p;
    (void)k;
    TRY(payload_opened_get(in->body, &p));
    return p.purpose == OPEN_INSPECT ? ERR_OK : ERR_STATE;
}

enum err
keeper_import_handle(struct keeper *k, const struct keeper_in *in)
{
    static const struct {
        enum msg_type type;
        enum err (*handle)(struct keeper *k, const struct keeper_in *in);
    } table[] = {
        {MSG_PRE_IMPORT, keeper_pre_import},     {MSG_SEAL_CHECK, keeper_seal_check},
        {MSG_PEER_LOGGED, keeper_peer_logged},   {MSG_UNWRAP, keeper_unwrap},
        {MSG_RECEIPT_SIGN, keeper_receipt_sign}, {MSG_OPENED, keeper_opened},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].type == in->type)
            return table[i].handle(k, in);
    return ERR_PROTOCOL;
}
