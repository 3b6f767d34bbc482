/* SPDX-License-Identifier: Apache-2.0 */
/* Two keepers, one a zone, and a test that plays every other role, honest and hostile. */
#include "tests/unit/keeper/keeperkit.h"

static struct p_offered offered;
static uint8_t offered_bytes[4096];
static struct p_sealed sealed;
static uint8_t sealed_bytes[512];
static struct span sealed_span;
static struct p_permit permit;
static uint8_t token[4096];
static struct span token_span;
static uint8_t seal_record[SEAL_BYTES_MAX];
static struct span seal_span;
static uint8_t release_record[8192];
static struct span release_span;
static uint8_t held[SPOOLKEYS_WRAP_BYTES];

static struct p_pre
pre_good(void)
{
    return (struct p_pre){.verdict = VERDICT_ALLOW,
                          .suite = 1,
                          .to_zone = SPAN_LIT("cn"),
                          .recipients = span_of(cn.k.secrets->kem_keyid, 32),
                          .manifest = span_str(manifest),
                          .agreement = SPAN_LIT("a"),
                          .exporter = SPAN_LIT("e"),
                          .policy_epoch = 5};
}

/* What a sealer does with its key: an empty body. */
static void
seal_body(void)
{
    struct p_seal_key key;
    struct body_sealer sealer;
    struct secret32 dek;
    struct secret32 evidence;
    uint8_t chunk[BODY_SEALED_BYTES];
    CHECK_EQ(my.to_sealer.type, MSG_SEAL_KEY);
    CHECK_EQ(payload_seal_key_get(span_of(my.to_sealer.body, my.to_sealer.len), &key), ERR_OK);
    memcpy(dek.bytes, key.dek, 32);
    memcpy(evidence.bytes, key.evidence_key, 32);
    CHECK_EQ(body_sealer_init(&sealer, SUITE_AES_256_GCM, &dek, key.salt.ptr, key.offer_hash),
             ERR_OK);
    CHECK_EQ(body_seal_chunk(&sealer, SPAN_LIT("hello"), chunk, sizeof(chunk)), ERR_OK);
    sealed = (struct p_sealed){.suite = 1, .chunks = 1, .plaintext_len = 5, .sealed_at = NOW};
    memcpy(sealed.offer_hash, key.offer_hash, 32);
    static uint8_t prefix[BODY_PREFIX_BYTES];
    memcpy(prefix, sealer.prefix, sizeof(prefix));
    sealed.salt_commit = span_of(prefix, sizeof(prefix));
    struct tlog_hash leaf;
    CHECK_EQ(tlog_leaf_hash(span_of(chunk, 21), &leaf), ERR_OK);
    memcpy(sealed.root, leaf.b, 32);
    CHECK_EQ(attest_sealed(&evidence, &sealed, sealed.mac), ERR_OK);
    body_sealer_finish(&sealer);
    CHECK_EQ(payload_sealed_put(&sealed, sealed_bytes, sizeof(sealed_bytes), &sealed_span), ERR_OK);
}

static void
seal_hash_of(uint8_t out[static 32])
{
    struct seal seal = {.suite = SUITE_AES_256_GCM, .chunk_count = 1, .plain_len = 5};
    memcpy(seal.offer_hash, sealed.offer_hash, 32);
    memcpy(seal.prefix, sealed.salt_commit.ptr, BODY_PREFIX_BYTES);
    memcpy(seal.root, sealed.root, 32);
    seal.sealed_at = sealed.sealed_at;
    CHECK_EQ(seal_hash(&seal, out), ERR_OK);
}

static uint16_t
seal_sign_err(struct span permit_token)
{
    struct p_seal_sign p = {.n = 0, .permit = permit_token, .sealed = sealed_span};
    struct p_seal_signed done;
    memcpy(p.offer_hash, sealed.offer_hash, 32);
    CHECK_EQ(TELL(&my, ROLE_CLERK, SEAL_SIGN, seal_sign, &p), ERR_OK);
    CHECK(ANSWER(&my, seal_signed, &done));
    if (done.err == 0) {
        memcpy(seal_record, done.seal.ptr, done.seal.len);
        seal_span = span_of(seal_record, done.seal.len);
    }
    return done.err;
}

static uint16_t
wrap_err(uint64_t now_s)
{
    struct p_wrap p = {.n = 0, .permit = token_span, .seal = seal_span, .wrapped = offered.wrapped};
    struct p_wrapped done;
    struct span body;
    memcpy(p.offer_hash, sealed.offer_hash, 32);
    CHECK_EQ(payload_wrap_put(&p, scratch, sizeof(scratch), &body), ERR_OK);
    CHECK_EQ(tell(&my, ROLE_CLERK, MSG_WRAP, body, now_s), ERR_OK);
    CHECK(ANSWER(&my, wrapped, &done));
    if (done.err == 0) {
        memcpy(release_record, done.release.ptr, done.release.len);
        release_span = span_of(release_record, done.release.len);
    }
    return done.err;
}

static void
permit_take(uint8_t verdict)
{
    struct p_permitted told;
    permit = (struct p_permit){.direction = DIRECTION_EXPORT,
                               .suite = 1,
                               .leaf = {0x77},
                               .verdict = verdict,
                               .verdict_json = SPAN_LIT("{\"decision\":\"allow\"}"),
                               .decided_at = NOW,
                               .expires = NOW + 900,
                               .policy_epoch = 5,
                               .to_zone = SPAN_LIT("cn"),
                               .recipients = span_of(cn.k.secrets->kem_keyid, 32)};
    memcpy(permit.offer_hash, sealed.offer_hash, 32);
    seal_hash_of(permit.seal_hash);
    CHECK_EQ(TELL(&my, ROLE_JUDGE, PERMIT, permit, &permit), ERR_OK);
    CHECK_EQ(my.to_clerk.type, MSG_PERMITTED);
    CHECK_EQ(payload_permitted_get(span_of(my.to_clerk.body, my.to_clerk.len), &told), ERR_OK);
    memcpy(token, told.permit.ptr, told.permit.len);
    token_span = span_of(token, told.permit.len);
}

static void
test_export(void)
{
    struct p_key_give give = {.purpose = KEY_SEAL, .sealer = 0, .sealer_gen = 1};
    struct p_key_given given;

    TEST("without a preflight there is no sealing key")
    {
        CHECK_EQ(TELL(&my, ROLE_CLERK, KEY_GIVE, key_give, &give), ERR_OK);
        CHECK(ANSWER(&my, key_given, &given) && given.err == (uint16_t)-ERR_NOT_FOUND);
    }
    TEST("a denied preflight told to keeper is a violation, an unknown recipient an error")
    {
        struct p_pre pre = pre_good();
        static const uint8_t nobody[32] = {1};
        pre.verdict = VERDICT_DENY;
        CHECK_EQ(TELL(&my, ROLE_JUDGE, PRE, pre, &pre), ERR_DENIED);
        pre = pre_good();
        pre.recipients = span_of(nobody, 32);
        CHECK_EQ(TELL(&my, ROLE_JUDGE, PRE, pre, &pre), ERR_OK);
        CHECK_EQ(payload_offered_get(span_of(my.to_clerk.body, my.to_clerk.len), &offered), ERR_OK);
        CHECK_EQ(offered.err, (uint16_t)-ERR_KEY_UNKNOWN);
    }
    TEST("an allowed preflight gives a signed OFFER and a wrapped data key")
    {
        struct p_pre pre = pre_good();
        struct offer offer;
        size_t signer = 0;
        CHECK_EQ(TELL(&my, ROLE_JUDGE, PRE, pre, &pre), ERR_OK);
        memcpy(offered_bytes, my.to_clerk.body, my.to_clerk.len);
        CHECK_EQ(payload_offered_get(span_of(offered_bytes, my.to_clerk.len), &offered), ERR_OK);
        CHECK_EQ(offered.err, 0);
        CHECK_EQ(offer_decode(offered.offer, &offer), ERR_OK);
        CHECK_EQ(offer_verify(&offer, SUITE_AES_256_GCM, &my.k.secrets->gateway.pub, 1, &signer),
                 ERR_OK);
    }
    TEST("the data key goes to one sealer only")
    {
        memcpy(give.offer_hash, offered.offer_hash, 32);
        give.wrapped = offered.wrapped;
        CHECK_EQ(TELL(&my, ROLE_CLERK, KEY_GIVE, key_give, &give), ERR_OK);
        CHECK(ANSWER(&my, key_given, &given) && given.err == 0);
        CHECK_EQ(my.to_inspector.type, MSG_INSPECT_KEYS);
        give.sealer_gen = 2;
        CHECK_EQ(TELL(&my, ROLE_CLERK, KEY_GIVE, key_give, &give), ERR_OK);
        CHECK(ANSWER(&my, key_given, &given) && given.err == (uint16_t)-ERR_CONFLICT);
    }
    TEST("a sealer that never had the key cannot say what was sealed")
    {
        seal_body();
        CHECK_EQ(TELL(&my, ROLE_SEALER, SEALED, sealed, &sealed), ERR_OK);
        sealed.root[0] ^= 1;
        CHECK_EQ(TELL(&my, ROLE_SEALER, SEALED, sealed, &sealed), ERR_AUTH);
        sealed.root[0] ^= 1;
    }
    TEST("no SEAL signature before the decision's leaf is proved in the log")
    {
        permit_take(VERDICT_ALLOW);
        CHECK_EQ(seal_sign_err(token_span), (uint16_t)-ERR_PROOF);
    }
    TEST("a proof that does not hold is a violation of ledger")
    {
        struct p_logged lie = {.kind = ENTRY_DECISION, .leaf = {1}, .index = 0, .size = 1};
        CHECK_EQ(log_leaf(&my, ENTRY_DECISION, 0, VERDICT_ALLOW, permit.leaf), ERR_OK);
        CHECK_EQ(TELL(&my, ROLE_LEDGER, LOGGED, logged, &lie), ERR_PROOF);
    }
    TEST("a changed permit, a denying one and one of another transfer sign nothing")
    {
        token[40] ^= 1;
        CHECK_EQ(seal_sign_err(token_span), (uint16_t)-ERR_AUTH);
        token[40] ^= 1;
        permit_take(VERDICT_DENY);
        CHECK_EQ(seal_sign_err(token_span), (uint16_t)-ERR_DENIED);
        permit_take(VERDICT_HOLD);
        CHECK_EQ(seal_sign_err(token_span), (uint16_t)-ERR_DENIED);
        CHECK_EQ(seal_sign_err(SPAN_LIT("")), (uint16_t)-ERR_SHORT);
    }
    TEST("permit and proof together give the SEAL and then the RELEASE")
    {
        permit_take(VERDICT_ALLOW);
        CHECK_EQ(seal_sign_err(token_span), 0);
        CHECK_EQ(wrap_err(NOW + 10), 0);
    }
    TEST("a permit too old, of another policy or overtaken by a later decision wraps nothing")
    {
        CHECK_EQ(wrap_err(NOW + 900), (uint16_t)-ERR_EXPIRED);
        CHECK_EQ(wrap_err(NOW - 1), (uint16_t)-ERR_EXPIRED);
        my.k.policy_epoch = 6;
        CHECK_EQ(wrap_err(NOW + 10), (uint16_t)-ERR_EXPIRED);
        my.k.policy_epoch = 5;
        cases_find(my.k.cases, transfer, permit.offer_hash)->n_highest = 1;
        CHECK_EQ(wrap_err(NOW + 10), (uint16_t)-ERR_EXPIRED);
    }
}

static uint16_t
unwrap_err(struct span release)
{
    struct p_unwrap p = {.peer = SPAN_LIT("my"), .seal = seal_span, .release = release};
    struct p_unwrapped done;
    memcpy(p.offer_hash, sealed.offer_hash, 32);
    CHECK_EQ(TELL(&cn, ROLE_CLERK, UNWRAP, unwrap, &p), ERR_OK);
    CHECK(ANSWER(&cn, unwrapped, &done));
    if (done.err == 0)
        memcpy(held, done.held.ptr, sizeof(held));
    return done.err;
}

static uint16_t
receipt_err(uint16_t status, struct span permit_token, const uint8_t leaf[32], uint64_t index,
            struct p_receipt_signed *ret)
{
    struct p_receipt_sign p = {.status = status,
                               .permit = permit_token,
                               .held = span_of(held, sizeof(held)),
                               .log_index = index};
    memcpy(p.offer_hash, sealed.offer_hash, 32);
    seal_hash_of(p.seal_hash);
    memcpy(p.leaf, leaf, 32);
    CHECK_EQ(TELL(&cn, ROLE_CLERK, RECEIPT_SIGN, receipt_sign, &p), ERR_OK);
    CHECK(ANSWER(&cn, receipt_signed, ret));
    return ret->err;
}

static void
test_import(void)
{
    struct p_pre_import pre = {.verdict = VERDICT_ALLOW,
                               .peer = SPAN_LIT("my"),
                               .agreement = SPAN_LIT("a"),
                               .sender = SPAN_LIT("e"),
                               .suite = 1};
    struct p_peer_logged proof = {.peer = SPAN_LIT("my"), .verdict = VERDICT_ALLOW};
    struct p_receipt_signed receipt;
    memcpy(pre.offer_hash, sealed.offer_hash, 32);
    memcpy(proof.offer_hash, sealed.offer_hash, 32);
    seal_hash_of(proof.seal_hash);

    TEST("without a preflight of the import nothing is unwrapped")
    {
        CHECK_EQ(unwrap_err(release_span), (uint16_t)-ERR_NOT_FOUND);
    }
    TEST("without the proof of the exporter's log nothing is unwrapped")
    {
        CHECK_EQ(TELL(&cn, ROLE_JUDGE, PRE_IMPORT, pre_import, &pre), ERR_OK);
        CHECK_EQ(unwrap_err(release_span), (uint16_t)-ERR_NOT_FOUND);
    }
    TEST("a proof of another seal or of no allow unwraps nothing")
    {
        proof.seal_hash[0] ^= 1;
        CHECK_EQ(TELL(&cn, ROLE_LEDGER, PEER_LOGGED, peer_logged, &proof), ERR_OK);
        CHECK_EQ(unwrap_err(release_span), (uint16_t)-ERR_PROOF);
        proof.seal_hash[0] ^= 1;
        proof.verdict = VERDICT_HOLD;
        CHECK_EQ(TELL(&cn, ROLE_LEDGER, PEER_LOGGED, peer_logged, &proof), ERR_OK);
        CHECK_EQ(unwrap_err(release_span), (uint16_t)-ERR_PROOF);
    }
    TEST("with the proof the data key reaches the sealer, and a changed RELEASE opens nothing")
    {
        proof.verdict = VERDICT_ALLOW;
        CHECK_EQ(TELL(&cn, ROLE_LEDGER, PEER_LOGGED, peer_logged, &proof), ERR_OK);
        release_record[60] ^= 1;
        CHECK(unwrap_err(release_span) != 0);
        CHECK_EQ(cn.to_sealer.type, 0);
        release_record[60] ^= 1;
        CHECK_EQ(unwrap_err(release_span), 0);
        CHECK_EQ(cn.to_sealer.type, MSG_OPEN_KEY);
    }
    TEST("a RELEASE for another key than ours is denied, which is not that something was forgotten")
    {
        cn.k.secrets->kem.bytes[0] ^= 8;
        CHECK_EQ(unwrap_err(release_span), (uint16_t)-ERR_DENIED);
        cn.k.secrets->kem.bytes[0] ^= 8;
        CHECK_EQ(unwrap_err(release_span), 0);
    }
    TEST("no receipt of acceptance and no inbox key before received/allow is logged")
    {
        struct p_permit p = permit;
        struct p_permitted told;
        static uint8_t in_token[4096];
        p.direction = DIRECTION_IMPORT;
        p.leaf[0] = 0x88;
        CHECK_EQ(TELL(&cn, ROLE_JUDGE, PERMIT, permit, &p), ERR_OK);
        CHECK_EQ(payload_permitted_get(span_of(cn.to_clerk.body, cn.to_clerk.len), &told), ERR_OK);
        memcpy(in_token, told.permit.ptr, told.permit.len);
        const struct span t = span_of(in_token, told.permit.len);
        CHECK_EQ(receipt_err(RECEIPT_ACCEPTED, t, p.leaf, 0, &receipt), (uint16_t)-ERR_PROOF);
        CHECK_EQ(log_leaf(&cn, ENTRY_RECEIVED, 0, VERDICT_ALLOW, p.leaf), ERR_OK);
        CHECK_EQ(receipt_err(RECEIPT_REFUSED, t, p.leaf, 0, &receipt), (uint16_t)-ERR_DENIED);
        CHECK_EQ(receipt_err(RECEIPT_ACCEPTED, token_span, p.leaf, 0, &receipt),
                 (uint16_t)-ERR_AUTH);
        CHECK_EQ(receipt_err(RECEIPT_ACCEPTED, t, p.leaf, 1, &receipt), (uint16_t)-ERR_CONFLICT);
        /* An older entry of a restored database: of the same verdict about the same seal, no other.
         */
        struct case_logged said = {
            .kind = ENTRY_RECEIVED, .verdict = VERDICT_ALLOW, .leaf = {0x61}, .index = 5};
        cases_logged_add(keeper_log_case(&cn.k, transfer), &said);
        CHECK_EQ(receipt_err(RECEIPT_ACCEPTED, t, said.leaf, 5, &receipt), (uint16_t)-ERR_DENIED);
        said.leaf[0]++;
        memcpy(said.seal_hash, permit.seal_hash, 32);
        cases_logged_add(keeper_log_case(&cn.k, transfer), &said);
        CHECK_EQ(receipt_err(RECEIPT_ACCEPTED, t, said.leaf, 5, &receipt), 0);
        CHECK_EQ(receipt_err(RECEIPT_ACCEPTED, t, p.leaf, 0, &receipt), 0);
        CHECK_EQ(receipt.inbox.len, SPOOLKEYS_WRAP_BYTES);
        struct receipt record;
        size_t signer = 0;
        CHECK_EQ(receipt_decode(receipt.receipt, &record), ERR_OK);
        CHECK_EQ(receipt_verify(&record, &cn.k.secrets->gateway.pub, 1, &signer), ERR_OK);
    }
    TEST("a pull gets the key only after `opened` is logged")
    {
        struct p_key_give give = {.purpose = KEY_INBOX, .seal = seal_span, .pull = 3};
        struct p_key_given given;
        static uint8_t inbox[SPOOLKEYS_WRAP_BYTES];
        static const uint8_t opened[32] = {0x99};
        memcpy(inbox, receipt.inbox.ptr, sizeof(inbox));
        give.wrapped = span_of(inbox, sizeof(inbox));
        CHECK_EQ(TELL(&cn, ROLE_CLERK, KEY_GIVE, key_give, &give), ERR_OK);
        CHECK(ANSWER(&cn, key_given, &given) && given.err == (uint16_t)-ERR_PROOF);
        CHECK_EQ(log_leaf(&cn, ENTRY_OPENED, 0, 0, opened), ERR_OK);
        CHECK_EQ(TELL(&cn, ROLE_CLERK, KEY_GIVE, key_give, &give), ERR_OK);
        CHECK(ANSWER(&cn, key_given, &given) && given.err == 0);
    }
    TEST("an offer that a restarted judge refuses again is receipted with the entry in the log")
    {
        struct case_logged logged = {
            .kind = ENTRY_RECEIVED, .verdict = VERDICT_DENY, .leaf = {0x77}, .index = 1};
        uint8_t leaf[32];
        struct p_receipt_signed refused;
        memcpy(leaf, permit.leaf, sizeof(leaf));
        leaf[0] = 0x88; /* received/allow, logged above */
        pre.verdict = VERDICT_DENY;
        pre.leaf[0] = 0x55;
        CHECK_EQ(TELL(&cn, ROLE_JUDGE, PRE_IMPORT, pre_import, &pre), ERR_OK);
        CHECK_EQ(receipt_err(RECEIPT_OFFER_REFUSED, SPAN_LIT(""), leaf, 0, &refused),
                 (uint16_t)-ERR_DENIED);
        seal_hash_of(logged.seal_hash); /* a body that was refused, not its offer */
        cases_logged_add(keeper_log_case(&cn.k, transfer), &logged);
        CHECK_EQ(receipt_err(RECEIPT_OFFER_REFUSED, SPAN_LIT(""), logged.leaf, 1, &refused),
                 (uint16_t)-ERR_DENIED);
        logged.leaf[0] = 0x78;
        memcpy(logged.seal_hash, pre.offer_hash, 32);
        cases_logged_add(keeper_log_case(&cn.k, transfer), &logged);
        CHECK_EQ(receipt_err(RECEIPT_OFFER_REFUSED, SPAN_LIT(""), logged.leaf, 1, &refused), 0);
    }
    TEST("one that it would let in by now is refused in the log all the same, another one is not")
    {
        const uint8_t refused_leaf[32] = {0x78};
        const uint8_t other_leaf[32] = {0x77};
        struct p_receipt_signed refused;
        pre.verdict = VERDICT_ALLOW;
        CHECK_EQ(TELL(&cn, ROLE_JUDGE, PRE_IMPORT, pre_import, &pre), ERR_OK);
        CHECK_EQ(receipt_err(RECEIPT_OFFER_REFUSED, SPAN_LIT(""), other_leaf, 1, &refused),
                 (uint16_t)-ERR_DENIED);
        CHECK_EQ(receipt_err(RECEIPT_OFFER_REFUSED, SPAN_LIT(""), refused_leaf, 1, &refused), 0);
    }
}

static void
test_log(void)
{
    struct p_checkpoint_signed done;
    struct p_cosigned cosigned;

    TEST("a fork of our own log is not signed")
    {
        struct p_checkpoint_sign fork = {.size = 1, .old_size = 0, .root = {1}};
        CHECK_EQ(TELL(&my, ROLE_LEDGER, CHECKPOINT_SIGN, checkpoint_sign, &fork), ERR_OK);
        CHECK(ANSWER(&my, checkpoint_signed, &done) && done.err == (uint16_t)-ERR_CONFLICT);
    }
    TEST("a restarted keeper believes only a checkpoint with its own signature")
    {
        struct p_checkpoint_sign sign = {
            .size = 3, .old_size = 2, .old_sig = SPAN_LIT("not a signature")};
        my.k.has_signed = false;
        my.k.root_count = 0;
        CHECK_EQ(TELL(&my, ROLE_LEDGER, CHECKPOINT_SIGN, checkpoint_sign, &sign), ERR_OK);
        CHECK(ANSWER(&my, checkpoint_signed, &done) && done.err == (uint16_t)-ERR_SIGNATURE);
    }
    TEST("a foreign log is cosigned as it grows and never when it shrinks or forks")
    {
        struct p_cosign c = {.origin = SPAN_LIT("cn/gw1/2026h2"), .size = 5, .time = NOW};
        CHECK_EQ(TELL(&my, ROLE_LEDGER, COSIGN, cosign, &c), ERR_OK);
        CHECK(ANSWER(&my, cosigned, &cosigned) && cosigned.err == 0);
        c.root[0] = 1;
        CHECK_EQ(TELL(&my, ROLE_LEDGER, COSIGN, cosign, &c), ERR_OK);
        CHECK(ANSWER(&my, cosigned, &cosigned) && cosigned.err == (uint16_t)-ERR_CONFLICT);
        c.size = 4;
        CHECK_EQ(TELL(&my, ROLE_LEDGER, COSIGN, cosign, &c), ERR_OK);
        CHECK(ANSWER(&my, cosigned, &cosigned) && cosigned.err == (uint16_t)-ERR_CONFLICT);
    }
    TEST("our own origin is never cosigned as a foreign one")
    {
        struct p_cosign c = {.origin = span_str(my.k.log_vkey.name), .size = 5, .time = NOW};
        CHECK_EQ(TELL(&my, ROLE_LEDGER, COSIGN, cosign, &c), ERR_OK);
        CHECK(ANSWER(&my, cosigned, &cosigned) && cosigned.err == (uint16_t)-ERR_DENIED);
    }
    TEST("bytes that are no TLS handshake are not signed: a violation")
    {
        struct p_tls_sign p = {.tbs = SPAN_LIT("sign this, please")};
        CHECK_EQ(TELL(&my, ROLE_EDGE, TLS_SIGN, tls_sign, &p), ERR_DENIED);
    }
    TEST("a message that is no payload at all is a violation")
    {
        CHECK_EQ(tell(&my, ROLE_CLERK, MSG_WRAP, SPAN_LIT("x"), NOW), ERR_SHORT);
        CHECK_EQ(tell(&my, ROLE_CLERK, MSG_APPEND, SPAN_LIT(""), NOW), ERR_PROTOCOL);
    }
}

int
main(void)
{
    TEST("two keepers start with their keys and each other's")
    {
        CHECK_EQ(crypto_init(), ERR_OK);
        zone_start(&my, "my/gw1/2026h2", 1);
        zone_start(&cn, "cn/gw1/2026h2", 2);
        trust(&my, "cn", KEYRING_KEM, cn.k.secrets->kem_pub, 0);
        trust(&cn, "my", KEYRING_GATEWAY, my.k.secrets->gateway.pub.pub, 1);
        trust(&cn, "my", KEYRING_RELEASE, my.k.secrets->release.pub.pub, 1);
    }
    test_export();
    test_import();
    test_log();
    return test_end();
}
