/* SPDX-License-Identifier: Apache-2.0 */
/* Keeper as a process: key files in, messages in and out. What it does is keeper.h. */
#include "gateway/keeper/keeper_role.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "crypto/x25519.h"
#include "gateway/keeper/keeper.h"

enum { KEEPER_TLS_PEM_MAX = 8192 };

struct keeper_role {
    struct rolemain *rm;
    struct keeper engine;
    struct chan_ticket question;
    bool is_question;
};

static enum err
keeper_role_send(void *ctx, enum role_id role, unsigned index, uint32_t generation,
                 enum msg_type type, const uint8_t transfer[static 16], struct span body)
{
    struct keeper_role *r = ctx;
    struct chan *chan = rolemain_chan(r->rm, role, index);
    if (chan == NULL || !chan_is_open(chan))
        return ERR_ROLE_LOST;
    if (generation != 0 && chan_incarnation(chan) != generation)
        return ERR_ROLE_LOST;
    struct msg m = {.type = type, .body = body};
    memcpy(m.transfer, transfer, sizeof(m.transfer));
    const enum err err = chan_send(chan, &m);
    if (err == ERR_FULL)
        OPLOG(r->rm->log, EVENT_CHANNEL_FULL, OPLOG_STR("role", role_name(role)));
    return err;
}

static enum err
keeper_role_answer(void *ctx, enum msg_type type, struct span body)
{
    struct keeper_role *r = ctx;
    assert(r->is_question);
    const struct msg m = {.type = type, .body = body};
    return chan_answer(&r->question, &m);
}

/* One 32 byte file of the key set, by its name. */
static enum err
keeper_role_seed(struct grant *grants, size_t count, const char *name, struct secret32 *ret)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        uint8_t buf[33];
        if (grants[i].kind != GRANT_KEY || !span_eq_str(span_str(grants[i].label), name))
            continue;
        const enum err err = rolemain_read(&grants[i], buf, sizeof(buf), &len);
        if (err == ERR_OK && len == sizeof(ret->bytes))
            memcpy(ret->bytes, buf, sizeof(ret->bytes));
        key_wipe(buf, sizeof(buf));
        TRY(err);
        return len == sizeof(ret->bytes) ? ERR_OK : ERR_CONFIG;
    }
    return ERR_NOT_FOUND;
}

static enum err
keeper_role_sign_key(struct grant *grants, size_t count, const char *name, struct sign_key *ret)
{
    struct secret32 seed SECRET32_CLEAN;
    TRY(keeper_role_seed(grants, count, name, &seed));
    return sign_key_init(ret, seed.bytes);
}

static enum err
keeper_role_tls(struct grant *grants, size_t count, struct tlssign_key **ret)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t pem[KEEPER_TLS_PEM_MAX];
        size_t len = 0;
        if (grants[i].kind != GRANT_KEY || !span_eq_str(span_str(grants[i].label), "tls.key"))
            continue;
        enum err err = rolemain_read(&grants[i], pem, sizeof(pem), &len);
        if (err == ERR_OK)
            err = tlssign_new(span_of(pem, len), ret);
        key_wipe(pem, sizeof(pem));
        return err;
    }
    return ERR_NOT_FOUND;
}

static enum err
keeper_role_secrets(struct keeper_secrets *s, struct grant *grants, size_t count)
{
    TRY(keeper_role_sign_key(grants, count, "gateway.key", &s->gateway));
    TRY(keeper_role_sign_key(grants, count, "release.key", &s->release));
    TRY(keeper_role_sign_key(grants, count, "log.key", &s->log));
    TRY(keeper_role_sign_key(grants, count, "witness.key", &s->witness));
    TRY(keeper_role_seed(grants, count, "kem.key", &s->kem));
    TRY(keeper_role_seed(grants, count, "storage.key", &s->storage));
    TRY(keeper_role_seed(grants, count, "counting.key", &s->counting));
    TRY(keeper_role_seed(grants, count, "token.key", &s->token));
    TRY(x25519_public(&s->kem, s->kem_pub));
    return sign_keyid(span_of(s->kem_pub, sizeof(s->kem_pub)), s->kem_keyid);
}

static enum err
keeper_role_ring(struct keeper *k, struct grant *grants, size_t count)
{
    const struct grant *g = rolemain_grant(grants, count, GRANT_PEER_KEYS);
    size_t len = 0;
    if (g == NULL)
        return ERR_NOT_FOUND;
    uint8_t *buf = malloc(KEYRING_BYTES_MAX);
    struct keyring *fresh = calloc(1, sizeof(*fresh));
    enum err err = buf == NULL || fresh == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK)
        err = rolemain_read(g, buf, KEYRING_BYTES_MAX, &len);
    if (err == ERR_OK)
        err = keyring_decode(span_of(buf, len), fresh);
    if (err == ERR_OK)
        k->ring = *fresh;
    free(fresh);
    free(buf);
    return err;
}

/* Names of the log key and the cosigner: the origin, and <zone>/<gateway>/witness. */
static enum err
keeper_role_names(struct keeper *k, const struct config *config)
{
    char witness[NOTE_NAME_MAX + 1];
    const int n = snprintf(witness, sizeof(witness), "%s/%s/witness",
                           config_str(config, CONFIG_ZONE), config_str(config, CONFIG_GATEWAY));
    if (n < 0 || (size_t)n >= sizeof(witness))
        return ERR_CONFIG;
    (void)snprintf(k->zone, sizeof(k->zone), "%s", config_str(config, CONFIG_ZONE));
    TRY(note_key_init(span_str(config_str(config, CONFIG_ORIGIN)), NOTE_ED25519,
                      k->secrets->log.pub.pub, &k->log_vkey));
    return note_key_init(span_str(witness), NOTE_COSIGNATURE, k->secrets->witness.pub.pub,
                         &k->witness_vkey);
}

static enum err
keeper_role_setup(struct rolemain *rm, struct grant *grants, size_t grant_count, void **ret_ctx)
{
    void *block = NULL;
    TRY(crypto_init());
    struct keeper_role *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    struct keeper *k = &r->engine;
    r->rm = rm;
    k->out = (struct keeper_out){r, keeper_role_send, keeper_role_answer};
    k->verdict_max_age_s = (uint32_t)config_int(rm->config, CONFIG_VERDICT_MAX_AGE_S);
    /* One process, one key set: what is allocated here lives until the process ends. */
    TRY(key_block_new(sizeof(*k->secrets), &block));
    k->secrets = block;
    TRY(keeper_role_secrets(k->secrets, grants, grant_count));
    TRY(keeper_role_names(k, rm->config));
    TRY(keeper_role_tls(grants, grant_count, &k->tls));
    TRY(keeper_role_ring(k, grants, grant_count));
    TRY(cases_new(&k->cases));
    const int fd = rolemain_take(rolemain_grant(grants, grant_count, GRANT_SPOOL_KEYS));
    if (fd < 0)
        return ERR_NOT_FOUND;
    TRY(spoolkeys_open(fd, &k->secrets->storage, &k->spool));
    *ret_ctx = r;
    return ERR_OK;
}

static enum err
keeper_role_message(struct rolemain *rm, struct chan *chan, struct msg *m)
{
    struct keeper_role *r = rm->ctx;
    struct keeper_in in = {.type = m->type,
                           .from = chan_role(chan),
                           .from_index = chan_index(chan),
                           .body = m->body,
                           .now_s = (uint64_t)(clock_wall_ms() / 1000)};
    memcpy(in.transfer, m->transfer, sizeof(in.transfer));
    const struct msg_rule *rule = msg_rule_of(m->type);
    assert(rule != NULL);
    r->is_question = (rule->flags & MSG_F_ASK) != 0;
    if (r->is_question)
        r->question = chan_ticket_of(chan, m);
    const enum err err = keeper_handle(&r->engine, &in);
    /* A role that died or whose queue is full is no fault of the one who asked. */
    return err == ERR_ROLE_LOST || err == ERR_FULL ? ERR_OK : err;
}

static enum err
keeper_role_reload(struct rolemain *rm, const struct config *config, struct grant *grants,
                   size_t grant_count, struct fault *ret_fault)
{
    struct keeper_role *r = rm->ctx;
    (void)ret_fault;
    TRY(keeper_role_ring(&r->engine, grants, grant_count));
    r->engine.verdict_max_age_s = (uint32_t)config_int(config, CONFIG_VERDICT_MAX_AGE_S);
    return ERR_OK;
}

const struct role_ops keeper_role_ops = {
    .role = ROLE_KEEPER,
    .setup = keeper_role_setup,
    .on_message = keeper_role_message,
    .on_reload = keeper_role_reload,
};
