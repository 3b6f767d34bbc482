/* SPDX-License-Identifier: Apache-2.0 */
/* Two zones, each with the real keeper and the real ledger; clerk, desk and link are the test. What
 * ledger asks waits in a queue until kit_pump carries it, so that a test can stop in between. */
#ifndef TDZ_TESTS_UNIT_LEDGER_LEDGERKIT_H
#define TDZ_TESTS_UNIT_LEDGER_LEDGERKIT_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "gateway/keeper/keeper.h"
#include "gateway/ledger/ledger.h"
#include "schemas/text.h"
#include "tests/test.h"

enum { KIT_QUEUE = 64, KIT_WALL = 1795313940 };
enum { KIT_WITNESS = 1 << 30 }; /* ticket numbers of the other zone's witness calls */

struct kit_said {
    enum msg_type type;
    size_t len;
    int fd;
    unsigned count;
    uint8_t body[MSG_PAYLOAD_MAX];
};

struct kit_asked {
    enum role_id role;
    enum msg_type type;
    uint32_t tag;
    size_t len;
    uint8_t body[MSG_PAYLOAD_MAX];
};

struct kit_zone {
    const char *name;
    char path[256];
    char origin[64];
    char next[64];          /* an origin that trust has beside it; empty: none */
    struct span succession; /* the note of the configuration */
    char told[256];         /* what of the last LOG_SUCCESSION */
    struct kit_zone *peer;
    struct keeper k;
    struct sign_key revoked; /* a release key of before */
    struct ledger *l;
    bool keeper_up;
    bool link_up;
    int64_t mono_ms;
    int64_t skew_ms; /* of the wall clock */
    const struct logio *io;
    size_t asked_count;
    struct kit_asked asked[KIT_QUEUE];
    struct kit_said answer;    /* the last to clerk */
    struct kit_said to_clerk;  /* the last LEDGER_STATE */
    struct kit_said to_link;   /* the last GO */
    struct kit_said to_keeper; /* the last LOGGED or PEER_LOGGED */
    struct kit_said to_judge;  /* the last CLOCK_TOLD */
    struct kit_said floor;     /* the last POLICY_FLOOR */
    struct kit_said from_keeper;
    struct kit_said calls; /* the last WITNESS_CALL */
    unsigned answers;
    enum err keeper_err;
    unsigned cosigned;
    unsigned latest;
    unsigned notes[EVENT_COUNT];
};

static struct kit_zone kit_my;
static struct kit_zone kit_cn;
static uint8_t kit_tx[MSG_PAYLOAD_MAX];
static char kit_trust[16384];

static void
kit_keep(struct kit_said *said, enum msg_type type, struct span body)
{
    said->type = type;
    said->len = body.len;
    said->count++;
    if (body.len > 0)
        memcpy(said->body, body.ptr, body.len);
}

static int
kit_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void
kit_remove(struct kit_zone *z)
{
    (void)nftw(z->path, kit_unlink, 16, FTW_DEPTH | FTW_PHYS);
    cases_free(z->k.cases);
    z->k.cases = NULL;
}

/* -- keeper ------------------------------------------------------------------------------------*/

static enum err
kit_keeper_send(void *ctx, enum role_id role, unsigned index, uint32_t generation,
                enum msg_type type, const uint8_t id[static 16], struct span body)
{
    (void)ctx, (void)role, (void)index, (void)generation, (void)type, (void)id, (void)body;
    return ERR_OK;
}

static enum err
kit_keeper_answer(void *ctx, enum msg_type type, struct span body)
{
    kit_keep(&((struct kit_zone *)ctx)->from_keeper, type, body);
    return ERR_OK;
}

/* A fresh process with the same keys: it remembers nothing. */
static void
kit_keeper_start(struct kit_zone *z, uint8_t seed)
{
    struct keeper *k = &z->k;
    void *block = NULL;
    uint8_t s[32] = {seed};
    char witness[64];
    cases_free(k->cases); /* the secrets stay: a child cannot free what the fork wiped */
    memset(k, 0, sizeof(*k));
    if (key_block_new(sizeof(*k->secrets), &block) != ERR_OK)
        abort();
    k->secrets = block;
    CHECK_EQ(sign_key_init(&k->secrets->gateway, s), ERR_OK);
    s[1] = 2;
    CHECK_EQ(sign_key_init(&k->secrets->log, s), ERR_OK);
    s[1] = 3;
    CHECK_EQ(sign_key_init(&k->secrets->witness, s), ERR_OK);
    s[1] = 4;
    CHECK_EQ(sign_key_init(&k->secrets->release, s), ERR_OK);
    s[1] = 5;
    CHECK_EQ(sign_key_init(&z->revoked, s), ERR_OK);
    (void)snprintf(witness, sizeof(witness), "%s/gw1/witness", z->name);
    CHECK_EQ(
        note_key_init(span_str(z->origin), NOTE_ED25519, k->secrets->log.pub.pub, &k->log_vkey),
        ERR_OK);
    CHECK_EQ(note_key_init(span_str(witness), NOTE_COSIGNATURE, k->secrets->witness.pub.pub,
                           &k->witness_vkey),
             ERR_OK);
    CHECK_EQ(cases_new(&k->cases), ERR_OK);
    k->out = (struct keeper_out){z, kit_keeper_send, kit_keeper_answer};
}

static enum err
kit_keeper_tell(struct kit_zone *z, enum msg_type type, const uint8_t *transfer, struct span body)
{
    struct keeper_in in = {
        .type = type, .from = ROLE_LEDGER, .body = body, .now_s = (uint64_t)KIT_WALL};
    if (transfer != NULL)
        memcpy(in.transfer, transfer, 16);
    return keeper_handle(&z->k, &in);
}

/* -- ledger ------------------------------------------------------------------------------------*/

static enum err
kit_send(void *ctx, enum role_id role, enum msg_type type, const uint8_t *transfer,
         struct span body)
{
    struct kit_zone *z = ctx;
    if (role == ROLE_KEEPER) {
        if (!z->keeper_up)
            return ERR_ROLE_LOST;
        kit_keep(&z->to_keeper, type, body);
        z->keeper_err = kit_keeper_tell(z, type, transfer, body);
    } else if (role == ROLE_LINK) {
        if (!z->link_up)
            return ERR_ROLE_LOST;
        kit_keep(&z->to_link, type, body);
    } else if (role == ROLE_JUDGE) {
        kit_keep(type == MSG_POLICY_FLOOR ? &z->floor : &z->to_judge, type, body);
    } else if (role == ROLE_CLERK && type == MSG_LEDGER_STATE) {
        kit_keep(&z->to_clerk, type, body);
    }
    return ERR_OK;
}

static enum err
kit_answer(void *ctx, const struct chan_ticket *ticket, enum msg_type type, struct span body,
           int fd)
{
    struct kit_zone *z = ctx;
    struct p_witness_answer a;
    struct p_witness_result r;
    struct span out;
    if (type != MSG_WITNESS_ANSWER || ticket->seq < KIT_WITNESS) {
        kit_keep(&z->answer, type, body);
        z->answer.fd = fd >= 0 ? dup(fd) : -1;
        z->answers++;
        return ERR_OK;
    }
    /* The answer of this zone's witness goes back to the zone that asked. */
    const uint32_t tag = ticket->seq - KIT_WITNESS;
    if (payload_witness_answer_get(body, &a) != ERR_OK)
        abort();
    z->cosigned += a.status == 200 && tag >= LEDGER_TAG_ADD && tag < LEDGER_TAG_PREV ? 1 : 0;
    z->latest += tag < LEDGER_TAG_ADD ? 1 : 0;
    r = (struct p_witness_result){.peer = span_str(z->name), .status = a.status, .body = a.body};
    static uint8_t tx[MSG_PAYLOAD_MAX];
    if (payload_witness_result_put(&r, tx, sizeof(tx), &out) != ERR_OK)
        abort();
    CHECK_EQ(ledger_answered(z->peer->l, tag, ERR_OK, MSG_WITNESS_RESULT, out), ERR_OK);
    return ERR_OK;
}

static enum err
kit_ask(void *ctx, enum role_id role, enum msg_type type, struct span body, uint32_t tag)
{
    struct kit_zone *z = ctx;
    if ((role == ROLE_KEEPER && !z->keeper_up) || (role == ROLE_LINK && !z->link_up) ||
        z->asked_count == KIT_QUEUE)
        return ERR_ROLE_LOST;
    struct kit_asked *a = &z->asked[z->asked_count++];
    a->role = role;
    a->type = type;
    a->tag = tag;
    a->len = body.len;
    memcpy(a->body, body.ptr, body.len);
    return ERR_OK;
}

static void
kit_note(void *ctx, enum event_id event, struct span what, uint64_t number)
{
    struct kit_zone *z = ctx;
    (void)number;
    z->notes[event]++;
    if (event == EVENT_LOG_SUCCESSION)
        (void)snprintf(z->told, sizeof(z->told), "%.*s", (int)what.len, (const char *)what.ptr);
}

#endif
