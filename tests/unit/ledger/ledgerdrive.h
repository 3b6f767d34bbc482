/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and drives the two zones of ledgerkit.h. */
#ifndef TDZ_TESTS_UNIT_LEDGER_LEDGERDRIVE_H
#define TDZ_TESTS_UNIT_LEDGER_LEDGERDRIVE_H

#include "tests/unit/ledger/ledgertrust.h"

static void
kit_carry(struct kit_zone *z, const struct kit_asked *a)
{
    const struct span body = span_of(a->body, a->len);
    struct p_witness_call call;
    struct p_witness_ask ask;
    struct ledger_in in = {.type = MSG_WITNESS_ASK, .from = ROLE_LINK};
    if (a->role == ROLE_KEEPER) {
        z->keeper_err = kit_keeper_tell(z, a->type, NULL, body);
        CHECK_EQ(z->keeper_err, ERR_OK);
        CHECK_EQ(ledger_answered(z->l, a->tag, ERR_OK, z->from_keeper.type,
                                 span_of(z->from_keeper.body, z->from_keeper.len)),
                 ERR_OK);
        return;
    }
    kit_keep(&z->calls, a->type, body);
    if (payload_witness_call_get(body, &call) != ERR_OK)
        abort();
    if (z->peer->l == NULL || !z->peer->link_up) {
        CHECK_EQ(ledger_answered(z->l, a->tag, ERR_TIMEOUT, MSG_NONE, body), ERR_OK);
        return;
    }
    ask = (struct p_witness_ask){
        .peer = span_str(z->name), .call = call.call, .path = call.path, .body = call.body};
    static uint8_t tx[MSG_PAYLOAD_MAX];
    if (payload_witness_ask_put(&ask, tx, sizeof(tx), &in.body) != ERR_OK)
        abort();
    in.ticket.seq = KIT_WITNESS + a->tag;
    CHECK_EQ(ledger_handle(z->peer->l, &in), ERR_OK);
}

/* Carries the oldest question. False when there is none. */
static bool
kit_step(struct kit_zone *z)
{
    static struct kit_asked a;
    if (z->asked_count == 0)
        return false;
    a = z->asked[0];
    z->asked_count--;
    memmove(&z->asked[0], &z->asked[1], sizeof(a) * z->asked_count);
    kit_carry(z, &a);
    return true;
}

static void
kit_time(struct kit_zone *z, int64_t ms)
{
    z->mono_ms += ms;
    if (z->l == NULL)
        return;
    ledger_clock(z->l, (int64_t)KIT_WALL * 1000 + z->mono_ms + z->skew_ms, z->mono_ms);
    ledger_tick(z->l);
}

/* Until nobody asks anything any more, ms later. */
static void
kit_pump(int64_t ms)
{
    for (int64_t t = 0; t <= ms; t += 10) {
        kit_time(&kit_my, 10);
        kit_time(&kit_cn, 10);
        for (bool more = true; more;) {
            more = kit_my.l != NULL && kit_step(&kit_my);
            more = (kit_cn.l != NULL && kit_step(&kit_cn)) || more;
        }
    }
}

static enum err
kit_open(struct kit_zone *z)
{
    struct ledger_config config = {
        .log = {.path = z->path, .create = true, .segment_bytes = 1 << 20, .io = z->io},
        .batch_ms = 2,
        .checkpoint_s = 10,
        .peer_count = 1};
    const struct ledger_out out = {z, kit_send, kit_answer, kit_ask, kit_note};
    (void)snprintf(config.zone, sizeof(config.zone), "%s", z->name);
    (void)snprintf(config.origin, sizeof(config.origin), "%s", z->origin);
    (void)snprintf(config.peers[0], sizeof(config.peers[0]), "%s", z->peer->name);
    config.succession = z->succession;
    const enum err err = ledger_open(&config, span_str(kit_trust), &out,
                                     (int64_t)KIT_WALL * 1000 + z->mono_ms, &z->l);
    if (err == ERR_OK) {
        kit_time(z, 10);
        ledger_new_peer(z->l, ROLE_KEEPER);
    }
    return err;
}

static void
kit_close(struct kit_zone *z)
{
    ledger_close(z->l);
    z->l = NULL;
    z->asked_count = 0;
}

static void
kit_zone_init(struct kit_zone *z, struct kit_zone *peer, const char *name, uint8_t seed)
{
    memset(z, 0, sizeof(*z));
    z->name = name;
    z->peer = peer;
    z->keeper_up = true;
    z->link_up = true;
    z->mono_ms = 100000;
    (void)snprintf(z->origin, sizeof(z->origin), "%s/gw1/2026h2", name);
    (void)snprintf(z->path, sizeof(z->path), "ledger-%d-%u-XXXXXX", (int)getpid(), seed);
    if (mkdtemp(z->path) == NULL)
        abort();
    kit_keeper_start(z, seed);
}

static void
kit_start(void)
{
    kit_zone_init(&kit_my, &kit_cn, "my-cyberjaya", 1);
    kit_zone_init(&kit_cn, &kit_my, "cn-lingang", 2);
    kit_write_trust();
}

static void
kit_stop(void)
{
    kit_close(&kit_my);
    kit_close(&kit_cn);
    kit_remove(&kit_my);
    kit_remove(&kit_cn);
}

/* Tells z's ledger *p as role from, and gives the result. */
#define KIT_TELL(z, role, TYPE, name_, id, p)                                                \
    __extension__({                                                                          \
        struct ledger_in in_ = {.type = MSG_##TYPE, .from = (role)};                         \
        memcpy(in_.transfer, (id), 16);                                                      \
        const enum err put_ = payload_##name_##_put((p), kit_tx, sizeof(kit_tx), &in_.body); \
        put_ != ERR_OK ? put_ : ledger_handle((z)->l, &in_);                                 \
    })
#define KIT_ANSWER(z, name_, p) \
    (payload_##name_##_get(span_of((z)->answer.body, (z)->answer.len), (p)) == ERR_OK)

static const uint8_t kit_none[16];

static void
kit_link_up(struct kit_zone *z, bool up)
{
    const struct p_peer_state p = {.peer = span_str(z->peer->name), .up = up};
    CHECK_EQ(KIT_TELL(z, ROLE_LINK, PEER_STATE, peer_state, kit_none, &p), ERR_OK);
}

static void
kit_head_seen(struct kit_zone *z, const struct logstore_head *head)
{
    struct p_head_seen p = {.size = head == NULL ? 0 : head->size};
    if (head != NULL)
        memcpy(p.root, head->root.b, 32);
    CHECK_EQ(KIT_TELL(z, ROLE_CLERK, HEAD_SEEN, head_seen, kit_none, &p), ERR_OK);
}

/* A decision of that verdict for offer and seal {o}; returns its bytes in a static. */
static struct span
kit_decision(const uint8_t id[static 16], uint32_t n, const char *verdict, uint8_t o)
{
    static char text[4096];
    static uint8_t hash[32];
    struct span leaf = {0};
    memset(hash, o, sizeof(hash));
    const struct entry_head head = {
        .time_ms = (int64_t)KIT_WALL * 1000, .transfer = id, .has_n = true, .n = n};
    const struct entry_decision d = {.phase = SPAN_LIT("final"),
                                     .verdict = span_str(verdict),
                                     .reason = SPAN_LIT("r"),
                                     .record = hash,
                                     .from = SPAN_LIT("my-cyberjaya"),
                                     .to = SPAN_LIT("cn-lingang"),
                                     .suite = 1,
                                     .offer = hash,
                                     .seal = hash,
                                     .root = hash,
                                     .commit = {.agreement = hash}};
    CHECK_EQ(entry_write_decision(&head, &d, text, sizeof(text), &leaf), ERR_OK);
    return leaf;
}

/* Appends a decision and waits for its batch. */
__attribute__((unused)) static struct p_appended
kit_append(struct kit_zone *z, const uint8_t id[static 16], uint32_t n, const char *verdict,
           uint8_t o)
{
    struct p_appended a = {.err = UINT16_MAX};
    const struct p_append p = {
        .kind = ENTRY_DECISION, .n = (uint16_t)n, .entry = kit_decision(id, n, verdict, o)};
    CHECK_EQ(KIT_TELL(z, ROLE_CLERK, APPEND, append, id, &p), ERR_OK);
    kit_time(z, 3);
    CHECK(z->answer.type == MSG_APPENDED && KIT_ANSWER(z, appended, &a));
    return a;
}

/* Both zones up and confirmed. */
__attribute__((unused)) static void
kit_confirm(void)
{
    kit_link_up(&kit_my, true);
    kit_link_up(&kit_cn, true);
    kit_head_seen(&kit_my, NULL);
    kit_head_seen(&kit_cn, NULL);
    kit_pump(500);
}

#endif
