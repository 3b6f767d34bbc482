/* SPDX-License-Identifier: Apache-2.0 */
/* Two ledgers with their keepers witness each other; the test is clerk, desk and link. */
#include "tests/unit/ledger/ledgerdrive.h"

#include "crypto/proof.h"
#include "schemas/wire.h"

static const uint8_t id_a[16] = {0xaa, 1};
static const uint8_t id_b[16] = {0xbb, 2};

static void
confirmed_alike(void)
{
    struct logstore_head a;
    struct logstore_head b;
    TEST("both zones of a first start confirm within a second and cosign each other")
    {
        kit_start();
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        CHECK_EQ(kit_open(&kit_cn), ERR_OK);
        CHECK_EQ(kit_my.l->state, LOG_UNCONFIRMED);
        kit_confirm();
        CHECK_EQ(kit_my.l->state, LOG_CONFIRMED);
        CHECK_EQ(kit_cn.l->state, LOG_CONFIRMED);
        logpublish_head(kit_my.l->log, &a);
        logpublish_head(kit_cn.l->log, &b);
        CHECK_EQ(a.size, 1); /* genesis */
        CHECK_EQ(b.size, 1);
        CHECK_EQ(kit_my.l->peers[0].cosigned, 1);
        CHECK_EQ(kit_cn.l->peers[0].cosigned, 1);
        kit_stop();
    }
    TEST("without the clerk's word, or with no peer up, a log stays unconfirmed and takes entries")
    {
        kit_start();
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        CHECK_EQ(kit_open(&kit_cn), ERR_OK);
        kit_head_seen(&kit_my, NULL);
        kit_pump(1000);
        CHECK_EQ(kit_my.l->state, LOG_UNCONFIRMED);
        CHECK_EQ(kit_append(&kit_my, id_a, 1, "allow", 7).err, 0);
        kit_pump(100);
        logpublish_head(kit_my.l->log, &a);
        CHECK_EQ(a.size, 0);
        kit_link_up(&kit_cn, true);
        kit_pump(1000);
        CHECK_EQ(kit_cn.l->peers[0].answered, true);
        CHECK_EQ(kit_cn.l->state, LOG_UNCONFIRMED);
        kit_stop();
    }
}

static struct p_proved
prove(struct kit_zone *z, const uint8_t id[static 16], uint8_t kind, uint16_t n)
{
    struct p_proved got = {.err = UINT16_MAX};
    const struct p_prove p = {.kind = kind, .n = n};
    z->answer.type = MSG_NONE;
    CHECK_EQ(KIT_TELL(z, ROLE_CLERK, PROVE, prove, id, &p), ERR_OK);
    kit_pump(20);
    CHECK(z->answer.type == MSG_NONE || KIT_ANSWER(z, proved, &got));
    return got;
}

static void
appends(void)
{
    TEST("an entry is durable when APPENDED comes; the same bytes get the same index")
    {
        const struct p_appended first = kit_append(&kit_my, id_a, 1, "allow", 7);
        const struct p_appended again = kit_append(&kit_my, id_a, 1, "allow", 7);
        CHECK_EQ(first.err, 0);
        CHECK_EQ(first.index, 1);
        CHECK_EQ(first.size, 2);
        CHECK_EQ(again.err, 0);
        CHECK_EQ(again.index, 1);
        CHECK_EQ(again.size, 2);
    }
    TEST("other bytes under the same identity are a conflict and one incident")
    {
        struct logstore_head head;
        struct entry e;
        uint8_t leaf[ENTRY_BYTES_MAX];
        size_t len = 0;
        CHECK_EQ(kit_append(&kit_my, id_a, 1, "deny", 7).err, (uint16_t)-ERR_CONFLICT);
        CHECK_EQ(kit_append(&kit_my, id_a, 1, "hold", 7).err, (uint16_t)-ERR_CONFLICT);
        logstore_head(kit_my.l->log, &head);
        CHECK_EQ(head.size, 3);
        CHECK_EQ(logstore_get(kit_my.l->log, 2, leaf, sizeof(leaf), &len), ERR_OK);
        CHECK_EQ(entry_read(span_of(leaf, len), true, kit_my.l->scratch, &e, NULL), ERR_OK);
        CHECK_EQ(e.kind, ENTRY_INCIDENT);
    }
    TEST("a clerk that saw less is told how many entries about transfers it missed, to the entry")
    {
        struct p_ledger_state state;
        ledger_new_peer(kit_my.l, ROLE_CLERK);
        CHECK(payload_ledger_state_get(span_of(kit_my.to_clerk.body, kit_my.to_clerk.len),
                                       &state) == ERR_OK &&
              state.compared == 0);
        kit_head_seen(&kit_my, NULL); /* nothing; genesis and incident are no transfer's */
        CHECK(payload_ledger_state_get(span_of(kit_my.to_clerk.body, kit_my.to_clerk.len),
                                       &state) == ERR_OK &&
              state.compared == 1 && state.unseen == 1);
        struct logstore_head head;
        logstore_head(kit_my.l->log, &head);
        kit_head_seen(&kit_my, &head);
        CHECK(payload_ledger_state_get(span_of(kit_my.to_clerk.body, kit_my.to_clerk.len),
                                       &state) == ERR_OK &&
              state.compared == 1 && state.unseen == 0);
        uint64_t count = 9;
        CHECK_EQ(logstore_transfers_since(kit_my.l->log, 0, 0, &count), ERR_OK);
        CHECK_EQ(count, 0);
    }
    TEST("what is no entry of this build, or not what the message says, is refused")
    {
        struct p_appended got;
        struct p_append p = {.kind = ENTRY_DECISION, .n = 2, .entry = SPAN_LIT("{}")};
        CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, APPEND, append, id_a, &p), ERR_OK);
        CHECK(KIT_ANSWER(&kit_my, appended, &got) && got.err != 0);
        p.entry = kit_decision(id_a, 3, "allow", 7);
        CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, APPEND, append, id_a, &p), ERR_OK);
        CHECK(KIT_ANSWER(&kit_my, appended, &got) && got.err == (uint16_t)-ERR_TYPE);
        p.n = 3;
        CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, APPEND, append, id_b, &p), ERR_OK);
        CHECK(KIT_ANSWER(&kit_my, appended, &got) && got.err == (uint16_t)-ERR_TYPE);
        const struct ledger_in bad = {.type = MSG_APPEND, .from = ROLE_CLERK};
        CHECK(ledger_handle(kit_my.l, &bad) != ERR_OK);
        const struct ledger_in foreign = {.type = MSG_GO, .from = ROLE_CLERK};
        CHECK_EQ(ledger_handle(kit_my.l, &foreign), ERR_PROTOCOL);
    }
}

static struct p_story
story(const uint8_t id[static 16])
{
    struct p_story got = {.err = UINT16_MAX};
    const struct p_story_ask ask = {0};
    CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, STORY_ASK, story_ask, id, &ask), ERR_OK);
    CHECK(kit_my.answer.type == MSG_STORY && KIT_ANSWER(&kit_my, story, &got));
    return got;
}

static void
stories(void)
{
    static const uint8_t id[16] = {0xcc, 3};
    static const uint8_t nobody[16] = {0xdd, 4};
    TEST("a clerk hears the last decision about a transfer, where it is, and how many there were")
    {
        struct wire_reader r;
        (void)kit_append(&kit_my, id, 0, "hold", 7);
        const struct p_appended last = kit_append(&kit_my, id, 1, "allow", 7);
        const struct p_story got = story(id);
        CHECK(got.err == 0 && got.decisions == 2 && got.opens == 0);
        wire_reader_init(&r, got.entries);
        CHECK_EQ(wire_get_u8(&r), ENTRY_DECISION);
        CHECK_EQ(wire_get_u16(&r), 1);
        CHECK_EQ(wire_get_u64(&r), last.index);
        CHECK(span_eq(wire_get_vec32(&r, ENTRY_BYTES_MAX), kit_decision(id, 1, "allow", 7)));
        CHECK_EQ(wire_reader_finish(&r), ERR_OK);
    }
    TEST("of a transfer that the log does not name there is nothing to hear")
    {
        const struct p_story got = story(nobody);
        CHECK(got.err == 0 && got.decisions == 0 && got.entries.len == 0);
    }
    TEST("a question that is none is a violation, and nobody but clerk may ask it")
    {
        CHECK_EQ(msg_rule_of(MSG_STORY_ASK)->from, ROLE_BIT(ROLE_CLERK));
        const struct ledger_in bad = {.type = MSG_STORY_ASK, .from = ROLE_CLERK};
        CHECK(ledger_handle(kit_my.l, &bad) != ERR_OK);
    }
    TEST("a quarantined log tells nothing")
    {
        const enum log_state before = kit_my.l->state;
        kit_my.l->state = LOG_QUARANTINED;
        const struct p_story got = story(id);
        CHECK(got.err == (uint16_t)-ERR_QUARANTINE && got.entries.len == 0);
        kit_my.l->state = before;
    }
}

static void
proofs(void)
{
    struct p_go_told told;
    struct p_proof proof;
    struct p_go_ask go = {.n = 1};
    memset(go.offer_hash, 7, 32);
    TEST("PROVE tells keeper LOGGED under a root that it signed, also a restarted keeper")
    {
        kit_pump(200);
        CHECK_EQ(prove(&kit_my, id_a, ENTRY_DECISION, 1).err, 0);
        CHECK_EQ(kit_my.to_keeper.type, MSG_LOGGED);
        CHECK_EQ(kit_my.keeper_err, ERR_OK);
        const struct keeper_case *c = keeper_log_case(&kit_my.k, id_a);
        CHECK_EQ(c->logged_count, 1);
        CHECK_EQ(c->logged[0].verdict, VERDICT_ALLOW);
        CHECK_EQ(c->logged[0].index, 1);
        ledger_lost(kit_my.l, ROLE_KEEPER);
        kit_keeper_start(&kit_my, 1);
        ledger_new_peer(kit_my.l, ROLE_KEEPER);
        CHECK_EQ(prove(&kit_my, id_a, ENTRY_DECISION, 1).err, 0);
        CHECK_EQ(keeper_log_case(&kit_my.k, id_a)->logged_count, 1);
        CHECK_EQ(prove(&kit_my, id_b, ENTRY_DECISION, 1).err, (uint16_t)-ERR_NOT_FOUND);
    }
    TEST("PROVE waits for the checkpoint of a fresh entry")
    {
        CHECK_EQ(kit_append(&kit_my, id_b, 1, "hold", 8).err, 0);
        CHECK_EQ(prove(&kit_my, id_b, ENTRY_DECISION, 1).err, 0);
        CHECK_EQ(keeper_log_case(&kit_my.k, id_b)->logged[0].verdict, VERDICT_HOLD);
    }
    TEST("GO is told only for a logged decision that allows and names this offer")
    {
        CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, GO_ASK, go_ask, id_a, &go), ERR_OK);
        CHECK(KIT_ANSWER(&kit_my, go_told, &told) && told.err == 0);
        CHECK_EQ(kit_my.to_link.type, MSG_GO);
        CHECK_EQ(kit_my.to_link.count, 1);
        go.offer_hash[0] = 0;
        CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, GO_ASK, go_ask, id_a, &go), ERR_OK);
        CHECK(KIT_ANSWER(&kit_my, go_told, &told) && told.err == (uint16_t)-ERR_DENIED);
        memset(go.offer_hash, 8, 32);
        CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, GO_ASK, go_ask, id_b, &go), ERR_OK);
        CHECK(KIT_ANSWER(&kit_my, go_told, &told) && told.err == (uint16_t)-ERR_DENIED);
        go.n = 9;
        CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, GO_ASK, go_ask, id_a, &go), ERR_OK);
        CHECK(KIT_ANSWER(&kit_my, go_told, &told) && told.err == (uint16_t)-ERR_DENIED);
        CHECK_EQ(kit_my.to_link.count, 1);
    }
    TEST("a proof file verifies off line and carries the peer's cosignature")
    {
        struct note_key keys[2] = {kit_my.k.log_vkey, kit_cn.k.witness_vkey};
        struct proof parsed;
        struct note_signers by;
        struct checkpoint c;
        struct tlog_hash leaf;
        const struct p_proof_ask ask = {.kind = ENTRY_DECISION, .n = 1};
        kit_pump(500);
        CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, PROOF_ASK, proof_ask, id_a, &ask), ERR_OK);
        CHECK(KIT_ANSWER(&kit_my, proof, &proof) && proof.err == 0 && proof.cosigned == 1);
        CHECK_EQ(tlog_leaf_hash(proof.entry, &leaf), ERR_OK);
        CHECK_EQ(proof_verify(proof.proof, &leaf, keys, 2, &parsed, &by, &c), ERR_OK);
        CHECK_EQ(by.count, 2);
    }
}

/* The parcel fields of an entry of z for its peer, in statics. */
static struct p_peer_verify
parcel_of(struct kit_zone *z, const uint8_t id[static 16], uint8_t kind)
{
    static uint8_t kept[MSG_PAYLOAD_MAX];
    struct p_proof proof = {0};
    const struct p_proof_ask ask = {.kind = kind, .n = 1, .peer = span_str(z->peer->name)};
    CHECK_EQ(KIT_TELL(z, ROLE_CLERK, PROOF_ASK, proof_ask, id, &ask), ERR_OK);
    memcpy(kept, z->answer.body, z->answer.len);
    CHECK(payload_proof_get(span_of(kept, z->answer.len), &proof) == ERR_OK);
    CHECK_EQ(proof.err, 0);
    return (struct p_peer_verify){.peer = span_str(z->name),
                                  .entry = proof.entry,
                                  .proof = proof.proof,
                                  .old_size = proof.old_size,
                                  .consistency = proof.consistency};
}

static struct p_peer_verified
verify(struct kit_zone *z, const uint8_t id[static 16], const struct p_peer_verify *p)
{
    struct p_peer_verified got = {.err = UINT16_MAX};
    z->answer.type = MSG_NONE;
    CHECK_EQ(KIT_TELL(z, ROLE_CLERK, PEER_VERIFY, peer_verify, id, p), ERR_OK);
    while (kit_step(z))
        ;
    CHECK(z->answer.type == MSG_PEER_VERIFIED && KIT_ANSWER(z, peer_verified, &got));
    return got;
}

static void
peers(void)
{
    struct p_peer_verify p;
    struct p_peer_verified got = {.err = UINT16_MAX};
    struct logstore_head stored;
    TEST("a peer's decision is verified, stored, cosigned, and told to keeper")
    {
        kit_link_up(&kit_my, false); /* the parcel brings the checkpoint, not add */
        CHECK_EQ(kit_append(&kit_my, id_b, 2, "allow", 9).err, 0);
        while (kit_step(&kit_my))
            ;
        p = parcel_of(&kit_my, id_a, ENTRY_DECISION);
        got = verify(&kit_cn, id_a, &p);
        CHECK_EQ(got.err, 0);
        CHECK_EQ(got.kind, ENTRY_DECISION);
        CHECK_EQ(got.verdict, VERDICT_ALLOW);
        CHECK_EQ(got.offer_hash[5], 7);
        CHECK(got.cosignature.len > 0);
        CHECK_EQ(kit_cn.to_keeper.type, MSG_PEER_LOGGED);
        CHECK_EQ(kit_cn.keeper_err, ERR_OK);
        CHECK_EQ(logwitness_head(kit_cn.l->log, span_str(kit_my.origin), &stored), ERR_OK);
        CHECK_EQ(stored.size, 5);
    }
    TEST("a checkpoint that was cosigned before its parcel came has the same line")
    {
        char line[NOTE_LINE_MAX];
        const size_t len = got.cosignature.len;
        CHECK(len > 0 && len <= sizeof(line));
        memcpy(line, got.cosignature.ptr, len);
        got = verify(&kit_cn, id_a, &p);
        CHECK_EQ(got.err, 0);
        CHECK(span_eq(got.cosignature, span_of(line, len)));
    }
    TEST("the same parcel is believed again after the witness has moved on and was restarted")
    {
        static uint8_t kept[MSG_PAYLOAD_MAX];
        struct p_peer_verify old;
        struct span bytes;
        CHECK_EQ(payload_peer_verify_put(&p, kept, sizeof(kept), &bytes), ERR_OK);
        kit_link_up(&kit_my, true);
        CHECK_EQ(kit_append(&kit_my, id_b, 3, "allow", 9).err, 0);
        kit_pump(500);
        CHECK_EQ(logwitness_head(kit_cn.l->log, span_str(kit_my.origin), &stored), ERR_OK);
        CHECK_EQ(stored.size, 6);
        kit_close(&kit_cn);
        CHECK_EQ(kit_open(&kit_cn), ERR_OK);
        CHECK_EQ(payload_peer_verify_get(bytes, &old), ERR_OK);
        got = verify(&kit_cn, id_a, &old);
        CHECK_EQ(got.err, 0);
        CHECK_EQ(got.cosignature.len, 0);
        p = old;
    }
    TEST("a changed entry, another transfer, an unknown zone and a bad proof are refused")
    {
        struct p_peer_verify bad = p;
        CHECK_EQ(verify(&kit_cn, id_b, &p).err, (uint16_t)-ERR_CONFLICT);
        bad.peer = SPAN_LIT("nowhere");
        CHECK_EQ(verify(&kit_cn, id_a, &bad).err, (uint16_t)-ERR_KEY_UNKNOWN);
        bad = p;
        bad.entry.len--;
        CHECK_EQ(verify(&kit_cn, id_a, &bad).err, (uint16_t)-ERR_PROOF);
        bad = p;
        bad.consistency = SPAN_LIT("short");
        CHECK_EQ(verify(&kit_cn, id_a, &bad).err, (uint16_t)-ERR_PROOF);
        bad.proof = SPAN_LIT("no proof");
        bad.consistency = SPAN_LIT("");
        CHECK(verify(&kit_cn, id_a, &bad).err != 0);
    }
}

int
main(void)
{
    CHECK_EQ(crypto_init(), ERR_OK);
    confirmed_alike();
    kit_start();
    (void)kit_open(&kit_my);
    (void)kit_open(&kit_cn);
    kit_confirm();
    appends();
    proofs();
    peers();
    stories();
    kit_stop();
    return test_end();
}
