/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts and RELEASEs of the other zone as ledger believes them, and what the peer's cosignatures
 * say of our clock. */
#include "crypto/digest.h"
#include "tests/unit/ledger/ledgerdrive.h"

static const uint8_t id_a[16] = {0xaa, 1};
static const uint8_t id_b[16] = {0xbb, 2};
static const uint8_t seal[32] = {5};
static const uint8_t release_id[32] = {6};

static void
append(const uint8_t id[static 16], uint8_t kind, uint16_t n, struct span entry)
{
    struct p_appended a = {.err = UINT16_MAX};
    const struct p_append p = {.kind = kind, .n = n, .entry = entry};
    CHECK_EQ(KIT_TELL(&kit_cn, ROLE_CLERK, APPEND, append, id, &p), ERR_OK);
    kit_time(&kit_cn, 3);
    CHECK(kit_cn.answer.type == MSG_APPENDED && KIT_ANSWER(&kit_cn, appended, &a) && a.err == 0);
    kit_pump(1500);
}

static void
received(const uint8_t id[static 16], uint16_t n, const char *verdict)
{
    char text[4096];
    struct span leaf = {0};
    const struct entry_head head = {
        .time_ms = (int64_t)KIT_WALL * 1000, .transfer = id, .has_n = true, .n = n};
    const struct entry_received r = {
        .verdict = span_str(verdict), .seal = seal, .release = release_id};
    CHECK_EQ(entry_write_received(&head, &r, text, sizeof(text), &leaf), ERR_OK);
    append(id, ENTRY_RECEIVED, n, leaf);
}

/* The entry's parcel for the other zone, as clerk there shows it to ledger. */
static struct p_peer_verify
parcel(const uint8_t id[static 16], uint8_t kind, uint16_t n)
{
    static uint8_t kept[MSG_PAYLOAD_MAX];
    struct p_proof proof = {.err = UINT16_MAX};
    const struct p_proof_ask ask = {.kind = kind, .n = n, .peer = span_str(kit_my.name)};
    CHECK_EQ(KIT_TELL(&kit_cn, ROLE_CLERK, PROOF_ASK, proof_ask, id, &ask), ERR_OK);
    memcpy(kept, kit_cn.answer.body, kit_cn.answer.len);
    CHECK(payload_proof_get(span_of(kept, kit_cn.answer.len), &proof) == ERR_OK && proof.err == 0);
    return (struct p_peer_verify){.peer = span_str(kit_cn.name),
                                  .entry = proof.entry,
                                  .proof = proof.proof,
                                  .old_size = proof.old_size,
                                  .consistency = proof.consistency};
}

static struct p_peer_verified
verify(const uint8_t id[static 16], const struct p_peer_verify *p)
{
    struct p_peer_verified got = {.err = UINT16_MAX};
    kit_my.answer.type = MSG_NONE;
    CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, PEER_VERIFY, peer_verify, id, p), ERR_OK);
    while (kit_step(&kit_my))
        ;
    CHECK(kit_my.answer.type == MSG_PEER_VERIFIED && KIT_ANSWER(&kit_my, peer_verified, &got));
    return got;
}

/* The receipt that fits what was verified. */
static struct receipt
receipt_for(const uint8_t id[static 16], enum receipt_status status,
            const struct p_peer_verified *v, const struct p_peer_verify *p)
{
    struct receipt r = {.suite = SUITE_AES_256_GCM,
                        .status = status,
                        .received_at = KIT_WALL,
                        .log_index = v->index};
    memcpy(r.transfer, id, 16);
    memcpy(r.seal_hash, seal, 32);
    memcpy(r.release_hash, release_id, 32);
    CHECK_EQ(digest_sha256(span_str(kit_cn.origin), r.origin_hash), ERR_OK);
    CHECK_EQ(digest_leaf(p->entry, r.leaf_hash), ERR_OK);
    return r;
}

/* What ledger says of p with r, signed by key (NULL: as it is). */
static uint16_t
with(const uint8_t id[static 16], struct p_peer_verify *p, struct receipt *r,
     const struct sign_key *key)
{
    uint8_t bytes[1024];
    if (key != NULL)
        CHECK_EQ(receipt_sign(r, key), ERR_OK);
    CHECK_EQ(receipt_encode(r, bytes, sizeof(bytes), &p->receipt), ERR_OK);
    return verify(id, p).err;
}

static void
receipts(void)
{
    const struct sign_key *gateway = &kit_cn.k.secrets->gateway;
    struct p_peer_verify p;
    struct p_peer_verified v;
    struct receipt good;
    struct receipt r;
    TEST("a receipt signed by that zone's gateway for exactly this entry is believed")
    {
        received(id_a, 1, "allow");
        p = parcel(id_a, ENTRY_RECEIVED, 1);
        v = verify(id_a, &p);
        CHECK(v.err == 0 && v.kind == ENTRY_RECEIVED && v.verdict == VERDICT_ALLOW);
        good = receipt_for(id_a, RECEIPT_ACCEPTED, &v, &p);
        r = good;
        CHECK_EQ(with(id_a, &p, &r, gateway), 0);
    }
    TEST("one of another index, leaf, log, transfer or seal is not")
    {
        r = good;
        r.log_index++;
        CHECK_EQ(with(id_a, &p, &r, gateway), (uint16_t)-ERR_CONFLICT);
        r = good;
        r.leaf_hash[0] ^= 1;
        CHECK_EQ(with(id_a, &p, &r, gateway), (uint16_t)-ERR_CONFLICT);
        r = good;
        r.origin_hash[31] ^= 1;
        CHECK_EQ(with(id_a, &p, &r, gateway), (uint16_t)-ERR_CONFLICT);
        r = good;
        r.transfer[3] ^= 1;
        CHECK_EQ(with(id_a, &p, &r, gateway), (uint16_t)-ERR_CONFLICT);
        r = good;
        r.seal_hash[0] ^= 1;
        CHECK_EQ(with(id_a, &p, &r, gateway), (uint16_t)-ERR_CONFLICT);
    }
    TEST("nor one that says another thing than the entry")
    {
        static const enum receipt_status other[] = {RECEIPT_HELD, RECEIPT_REFUSED,
                                                    RECEIPT_DELIVERED};
        for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
            r = good;
            r.status = other[i];
            CHECK_EQ(with(id_a, &p, &r, gateway), (uint16_t)-ERR_CONFLICT);
        }
    }
    TEST("nor one of another key, changed after it was signed, or no receipt at all")
    {
        r = good;
        CHECK_EQ(with(id_a, &p, &r, &kit_my.k.secrets->gateway), (uint16_t)-ERR_KEY_UNKNOWN);
        r = good;
        CHECK_EQ(with(id_a, &p, &r, &kit_cn.k.secrets->log), (uint16_t)-ERR_KEY_UNKNOWN);
        r = good;
        CHECK_EQ(receipt_sign(&r, gateway), ERR_OK);
        r.received_at++;
        CHECK_EQ(with(id_a, &p, &r, NULL), (uint16_t)-ERR_SIGNATURE);
        p.receipt = SPAN_LIT("no receipt");
        CHECK(verify(id_a, &p).err != 0);
    }
    TEST("a hold, a refusal and a delivery each have their own")
    {
        received(id_b, 1, "hold");
        p = parcel(id_b, ENTRY_RECEIVED, 1);
        v = verify(id_b, &p);
        r = receipt_for(id_b, RECEIPT_HELD, &v, &p);
        CHECK_EQ(with(id_b, &p, &r, gateway), 0);
        received(id_b, 2, "deny");
        p = parcel(id_b, ENTRY_RECEIVED, 2);
        v = verify(id_b, &p);
        r = receipt_for(id_b, RECEIPT_REFUSED, &v, &p);
        CHECK_EQ(with(id_b, &p, &r, gateway), 0);
        r = receipt_for(id_b, RECEIPT_ACCEPTED, &v, &p);
        CHECK_EQ(with(id_b, &p, &r, gateway), (uint16_t)-ERR_CONFLICT);
        char text[4096];
        struct span leaf = {0};
        const struct entry_head head = {.time_ms = (int64_t)KIT_WALL * 1000, .transfer = id_a};
        CHECK_EQ(entry_write_receipt(&head, ENTRY_DELIVERED, seal, NULL, text, sizeof(text), &leaf),
                 ERR_OK);
        append(id_a, ENTRY_DELIVERED, 0, leaf);
        p = parcel(id_a, ENTRY_DELIVERED, 0);
        v = verify(id_a, &p);
        CHECK(v.err == 0 && v.kind == ENTRY_DELIVERED);
        r = receipt_for(id_a, RECEIPT_DELIVERED, &v, &p);
        CHECK_EQ(with(id_a, &p, &r, gateway), 0);
        r = receipt_for(id_a, RECEIPT_ACCEPTED, &v, &p);
        CHECK_EQ(with(id_a, &p, &r, gateway), (uint16_t)-ERR_CONFLICT);
    }
}

/* What ledger says of p with a RELEASE, signed by key (NULL: as it is). */
static uint16_t
with_release(const uint8_t id[static 16], struct p_peer_verify *p, struct release *r,
             const struct sign_key *key)
{
    static uint8_t bytes[4096];
    if (key != NULL)
        CHECK_EQ(release_sign(r, key), ERR_OK);
    CHECK_EQ(release_encode(r, bytes, sizeof(bytes), &p->release), ERR_OK);
    return verify(id, p).err;
}

static void
releases(void)
{
    const struct sign_key *key = &kit_cn.k.secrets->release;
    struct release good = {.suite = SUITE_AES_256_GCM, .verdict = SPAN_LIT("{}")};
    struct p_peer_verify p;
    struct p_peer_verified v;
    struct release r;
    TEST("a RELEASE signed by that zone's release key for the decided seal is believed")
    {
        CHECK_EQ(kit_append(&kit_cn, id_b, 3, "allow", 7).err, 0);
        kit_pump(1500);
        p = parcel(id_b, ENTRY_DECISION, 3);
        v = verify(id_b, &p);
        CHECK(v.err == 0 && v.verdict == VERDICT_ALLOW);
        memcpy(good.seal_hash, v.seal_hash, 32);
        r = good;
        CHECK_EQ(with_release(id_b, &p, &r, key), 0);
        CHECK_EQ(kit_my.to_keeper.type, MSG_PEER_LOGGED);
    }
    TEST("one spoilt on the way, of another key, or of a revoked one is not, true proof or no")
    {
        kit_my.to_keeper.type = MSG_NONE;
        r = good;
        CHECK_EQ(release_sign(&r, key), ERR_OK);
        r.verdict = SPAN_LIT("[]");
        CHECK_EQ(with_release(id_b, &p, &r, NULL), (uint16_t)-ERR_SIGNATURE);
        r = good;
        CHECK_EQ(with_release(id_b, &p, &r, &kit_cn.k.secrets->gateway),
                 (uint16_t)-ERR_KEY_UNKNOWN);
        r = good;
        CHECK_EQ(with_release(id_b, &p, &r, &kit_my.k.secrets->release),
                 (uint16_t)-ERR_KEY_UNKNOWN);
        r = good;
        CHECK_EQ(with_release(id_b, &p, &r, &kit_cn.revoked), (uint16_t)-ERR_KEY_UNKNOWN);
        CHECK_EQ(kit_my.to_keeper.type, MSG_NONE); /* keeper hears nothing of it */
    }
    TEST("nor one of another seal, with an entry that is no decision, or none at all")
    {
        r = good;
        r.seal_hash[0] ^= 1;
        CHECK_EQ(with_release(id_b, &p, &r, key), (uint16_t)-ERR_CONFLICT);
        p.release = SPAN_LIT("no release");
        CHECK(verify(id_b, &p).err != 0);
        p = parcel(id_a, ENTRY_RECEIVED, 1);
        r = good;
        memcpy(r.seal_hash, seal, 32);
        CHECK_EQ(with_release(id_a, &p, &r, key), (uint16_t)-ERR_CONFLICT);
    }
}

static unsigned
told(void)
{
    struct p_clock_told p = {.suspect = 0xff};
    CHECK_EQ(kit_my.to_judge.type, MSG_CLOCK_TOLD);
    CHECK_EQ(payload_clock_told_get(span_of(kit_my.to_judge.body, kit_my.to_judge.len), &p),
             ERR_OK);
    return p.suspect;
}

/* A new checkpoint of ours, cosigned. */
static void
cosigned(uint32_t n)
{
    struct logstore_head head;
    struct logstore_head published;
    CHECK_EQ(kit_append(&kit_my, id_a, n, "allow", 7).err, 0);
    kit_pump(3000);
    logstore_head(kit_my.l->log, &head);
    logpublish_head(kit_my.l->log, &published);
    CHECK_EQ(published.size, head.size);
    CHECK_EQ(kit_my.l->peers[0].cosigned, head.size);
}

static void
clocks(void)
{
    struct logstore_head before;
    struct logstore_head after;
    TEST("a peer whose cosignature is of our time says nothing against our clock")
    {
        cosigned(20);
        CHECK(told() == 0 && kit_my.notes[EVENT_CLOCK_SUSPECT] == 0);
    }
    TEST("one far ahead or behind is kept, for our log did not fork, but our clock is suspect")
    {
        static const int64_t skews[] = {6 * 60 * 1000, -6 * 60 * 1000};
        logstore_head(kit_my.l->log, &before);
        for (size_t i = 0; i < 2; i++) {
            kit_cn.skew_ms = skews[i];
            cosigned(30 + 2 * (uint32_t)i);
            CHECK_EQ(told(), 1);
            kit_cn.skew_ms = 0;
            cosigned(31 + 2 * (uint32_t)i);
            CHECK_EQ(told(), 0);
        }
        CHECK_EQ(kit_my.notes[EVENT_CLOCK_SUSPECT], 2);
    }
    TEST("it is one incident an hour, and a new judge hears of it")
    {
        logstore_head(kit_my.l->log, &after);
        CHECK_EQ(after.size, before.size + 4 + 1);
        kit_my.to_judge.count = 0;
        ledger_new_peer(kit_my.l, ROLE_JUDGE);
        CHECK_EQ(kit_my.to_judge.count, 0); /* nothing is suspect now */
        kit_cn.skew_ms = INT64_C(1) << 40;
        cosigned(40);
        kit_my.to_judge.count = 0;
        ledger_new_peer(kit_my.l, ROLE_JUDGE);
        CHECK(kit_my.to_judge.count == 1 && told() == 1);
    }
    TEST("of several peers one that agrees is enough: then the others are wrong")
    {
        struct ledger_peer *second = &kit_my.l->peers[1];
        memset(second, 0, sizeof(*second));
        (void)snprintf(second->zone, sizeof(second->zone), "my-perlis");
        second->up = true;
        second->has_clock = true;
        second->next_ms = INT64_MAX;
        kit_my.l->peer_count = 2;
        cosigned(41);
        CHECK_EQ(told(), 0);
        second->up = false;
        cosigned(42);
        CHECK_EQ(told(), 1);
        kit_my.l->peer_count = 1;
        kit_cn.skew_ms = 0;
    }
}

int
main(void)
{
    CHECK_EQ(crypto_init(), ERR_OK);
    kit_start();
    (void)kit_open(&kit_my);
    (void)kit_open(&kit_cn);
    kit_confirm();
    clocks();
    receipts();
    releases();
    kit_stop();
    return test_end();
}
