/* SPDX-License-Identifier: Apache-2.0 */
/* Keepers of two zones, and what a test says to them in every other role. */
#ifndef TDZ_TESTS_UNIT_KEEPER_KEEPERKIT_H
#define TDZ_TESTS_UNIT_KEEPER_KEEPERKIT_H

#include "gateway/keeper/keeper.h"

#include <sys/mman.h>

#include "crypto/body.h"
#include "crypto/checkpoint.h"
#include "crypto/crypto.h"
#include "crypto/leaftree.h"
#include "crypto/offer.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "crypto/x25519.h"
#include "gateway/core/attest.h"
#include "schemas/entry.h"
#include "tests/test.h"

enum { NOW = 1795313940 };

struct said {
    enum msg_type type;
    size_t len;
    uint8_t body[MSG_PAYLOAD_MAX];
};

struct zone {
    struct keeper k;
    struct said answer;
    struct said to_clerk;
    struct said to_judge;
    struct said to_sealer;
    struct said to_inspector;
    uint64_t log_size;
    struct tlog_hash log_root;
};

static struct zone my;
static struct zone cn;
static const uint8_t transfer[16] = {0xaa, 1};
static const char manifest[] = "{\"transfer\":\"aa01\"}";
static uint8_t scratch[MSG_PAYLOAD_MAX];

static void
keep(struct said *said, enum msg_type type, struct span body)
{
    said->type = type;
    said->len = body.len;
    memcpy(said->body, body.ptr, body.len);
}

static enum err
on_send(void *ctx, enum role_id role, unsigned index, uint32_t generation, enum msg_type type,
        const uint8_t id[static 16], struct span body)
{
    struct zone *z = ctx;
    (void)index;
    (void)generation;
    (void)id;
    if (role == ROLE_CLERK)
        keep(&z->to_clerk, type, body);
    if (role == ROLE_JUDGE)
        keep(&z->to_judge, type, body);
    if (role == ROLE_SEALER)
        keep(&z->to_sealer, type, body);
    if (role == ROLE_INSPECTOR)
        keep(&z->to_inspector, type, body);
    return ERR_OK;
}

static enum err
on_answer(void *ctx, enum msg_type type, struct span body)
{
    keep(&((struct zone *)ctx)->answer, type, body);
    return ERR_OK;
}

static enum err
tell(struct zone *z, enum role_id from, enum msg_type type, struct span body, uint64_t now_s)
{
    struct keeper_in in = {.type = type, .from = from, .body = body, .now_s = now_s};
    memcpy(in.transfer, transfer, sizeof(transfer));
    memset(&z->answer, 0, sizeof(z->answer));
    return keeper_handle(&z->k, &in);
}

/* Encodes *p with payload_<name>_put and tells it. */
#define TELL(z, from, TYPE, name, p)                                                       \
    __extension__({                                                                        \
        struct span body_;                                                                 \
        const enum err put_ = payload_##name##_put((p), scratch, sizeof(scratch), &body_); \
        put_ != ERR_OK ? put_ : tell((z), (from), MSG_##TYPE, body_, NOW);                 \
    })

#define ANSWER(z, name, p) \
    (payload_##name##_get(span_of((z)->answer.body, (z)->answer.len), (p)) == ERR_OK)

static void
zone_start(struct zone *z, const char *name, uint8_t seed)
{
    struct keeper *k = &z->k;
    void *block = NULL;
    uint8_t s[32] = {seed};
    CHECK_EQ(key_block_new(sizeof(*k->secrets), &block), ERR_OK);
    k->secrets = block;
    CHECK_EQ(sign_key_init(&k->secrets->gateway, s), ERR_OK);
    s[1] = 1;
    CHECK_EQ(sign_key_init(&k->secrets->release, s), ERR_OK);
    s[1] = 2;
    CHECK_EQ(sign_key_init(&k->secrets->log, s), ERR_OK);
    s[1] = 3;
    CHECK_EQ(sign_key_init(&k->secrets->witness, s), ERR_OK);
    memset(k->secrets->kem.bytes, seed, 32);
    memset(k->secrets->storage.bytes, seed + 100, 32);
    CHECK_EQ(x25519_public(&k->secrets->kem, k->secrets->kem_pub), ERR_OK);
    CHECK_EQ(sign_keyid(span_of(k->secrets->kem_pub, 32), k->secrets->kem_keyid), ERR_OK);
    CHECK_EQ(note_key_init(span_str(name), NOTE_ED25519, k->secrets->log.pub.pub, &k->log_vkey),
             ERR_OK);
    CHECK_EQ(note_key_init(SPAN_LIT("w"), NOTE_COSIGNATURE, k->secrets->witness.pub.pub,
                           &k->witness_vkey),
             ERR_OK);
    CHECK_EQ(cases_new(&k->cases), ERR_OK);
    CHECK_EQ(spoolkeys_open(memfd_create("spool", 0), &k->secrets->storage, &k->spool), ERR_OK);
    k->out = (struct keeper_out){z, on_send, on_answer};
    k->verdict_max_age_s = 900;
    k->policy_epoch = 5;
}

static void
trust(struct zone *z, const char *zone, enum keyring_role role, const uint8_t *pub, uint8_t alg)
{
    struct keyring_key key = {
        .role = role, .alg = alg, .active = true, .pub_len = 32, .not_after = UINT64_MAX};
    (void)snprintf(key.zone, sizeof(key.zone), "%s", zone);
    memcpy(key.pub, pub, 32);
    CHECK_EQ(sign_keyid(span_of(pub, 32), key.keyid), ERR_OK);
    CHECK_EQ(keyring_add(&z->k.ring, &key), ERR_OK);
}

/* Appends leaf as the only new entry of a log and has the checkpoint signed; then proves it. */
static enum err
log_leaf(struct zone *z, uint8_t kind, uint16_t n, uint8_t verdict, const uint8_t leaf[32])
{
    struct p_checkpoint_sign sign = {.size = z->log_size + 1, .old_size = z->log_size};
    struct p_checkpoint_signed done;
    struct p_logged logged = {
        .kind = kind, .n = n, .index = z->log_size, .size = z->log_size + 1, .verdict = verdict};
    struct tlog_hash hash;
    struct tlog_hash root;
    memcpy(hash.b, leaf, 32);
    if (z->log_size == 0) {
        root = hash;
        CHECK_EQ(tlog_empty_root(&z->log_root), ERR_OK);
    } else {
        CHECK_EQ(z->log_size, 1);
        CHECK_EQ(tlog_node_hash(&z->log_root, &hash, &root), ERR_OK);
        sign.consistency = span_of(hash.b, 32);
        logged.proof = span_of(z->log_root.b, 32);
    }
    const struct tlog_hash old = z->log_root;
    memcpy(sign.old_root, old.b, 32);
    memcpy(sign.root, root.b, 32);
    CHECK_EQ(TELL(z, ROLE_LEDGER, CHECKPOINT_SIGN, checkpoint_sign, &sign), ERR_OK);
    CHECK(ANSWER(z, checkpoint_signed, &done) && done.err == 0);
    z->log_size++;
    z->log_root = root;
    memcpy(logged.leaf, leaf, 32);
    if (z->log_size == 2)
        logged.proof = span_of(old.b, 32);
    return TELL(z, ROLE_LEDGER, LOGGED, logged, &logged);
}

#endif
