/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals before the first byte, reloads, documents that do not count. */
#include "crypto/th.h"
#include "tests/unit/judge/judgerevision.h"
#include "tests/unit/judge/judgezone.h"

static struct kit my;
static struct kit cn;
static const uint8_t transfer[16] = {0xaa, 2};
static const struct span nothing = {NULL, 0};

/* A dataset of personal claims, from the zone whose law counts persons. */
static struct p_preflight
preflight_claims(uint64_t persons)
{
    return (struct p_preflight){.partner = SPAN_LIT("insurer-sh"),
                                .agreement = SPAN_LIT("claims-2026"),
                                .name = SPAN_LIT("claims.csv"),
                                .length = UINT64_MAX,
                                .counters = 1,
                                .count_pi = persons,
                                .count_spi = persons};
}

static void
test_deny(void)
{
    static struct entry_scratch scratch;
    struct p_preflighted told;
    struct p_preflight p = preflight_claims(5000000);
    struct entry e;
    struct span word;
    TEST("a refusal before the first byte is an entry, and nothing goes to keeper")
    {
        CHECK_EQ(TELL(&cn, ROLE_CLERK, PREFLIGHT, preflight, &p, transfer, nothing), ERR_OK);
        CHECK(ANSWER(&cn, preflighted, &told) && told.verdict == VERDICT_DENY);
        CHECK(told.code.len == 0 && told.spec.len == 0 && told.decision.len > 0);
        CHECK_EQ(cn.to_keeper.type, MSG_NONE);
        CHECK_EQ(entry_read(told.entry, true, &scratch, &e, NULL), ERR_OK);
        CHECK(e.kind == ENTRY_DECISION && e.n == 0);
        CHECK(entry_get_str(&e, "phase", &word) == ERR_OK && span_eq_str(word, "preflight"));
        CHECK(entry_get_str(&e, "verdict", &word) == ERR_OK && span_eq_str(word, "deny"));
        CHECK(told.salts.len > 0);
    }
    TEST("a dry question is answered and leaves no entry")
    {
        const uint8_t zero[16] = {0};
        p.dry = 1;
        CHECK_EQ(TELL(&cn, ROLE_CLERK, PREFLIGHT, preflight, &p, zero, nothing), ERR_OK);
        CHECK(ANSWER(&cn, preflighted, &told) && told.verdict == VERDICT_DENY);
        CHECK(told.entry.len == 0 && told.salts.len == 0 && told.decision.len > 0);
        p = preflight_claims(10);
        p.dry = 1;
        CHECK_EQ(TELL(&cn, ROLE_CLERK, PREFLIGHT, preflight, &p, zero, nothing), ERR_OK);
        CHECK(ANSWER(&cn, preflighted, &told) && told.verdict == VERDICT_ALLOW);
        CHECK_EQ(cn.to_keeper.type, MSG_NONE);
    }
    TEST("a keeper that is not there is an answer, and asking again works")
    {
        p.dry = 0;
        cn.keeper_err = ERR_ROLE_LOST;
        CHECK_EQ(TELL(&cn, ROLE_CLERK, PREFLIGHT, preflight, &p, transfer, nothing), ERR_OK);
        CHECK(ANSWER(&cn, preflighted, &told) && span_eq_str(told.code, "internal"));
        cn.keeper_err = ERR_OK;
        CHECK_EQ(TELL(&cn, ROLE_CLERK, PREFLIGHT, preflight, &p, transfer, nothing), ERR_OK);
        CHECK(ANSWER(&cn, preflighted, &told) && told.verdict == VERDICT_ALLOW);
        CHECK_EQ(cn.to_keeper.type, MSG_PRE);
    }
}

/* An offer of the other zone under an agreement that we do not have. */
static void
test_import_deny(void)
{
    static struct entry_scratch scratch;
    static uint8_t record[65536];
    static char text[MANIFEST_BYTES_MAX];
    const uint8_t id[16] = {0xdd};
    struct p_import_checked told;
    struct p_pre_import pre;
    struct offer o = {.sigs = {.count = 0}};
    struct manifest m = {.src = SPAN_LIT("my-cyberjaya"),
                         .dst = SPAN_LIT("cn-lingang"),
                         .dataset = SPAN_LIT("x.csv"),
                         .agreement = SPAN_LIT("unheard-of"),
                         .sender = SPAN_LIT("hospital-kl"),
                         .legal_basis = SPAN_LIT("consent"),
                         .label = {SPAN_LIT("business")},
                         .label_count = 1,
                         .recipient_count = 1,
                         .created = NOW_MS / 1000,
                         .not_after = NOW_MS / 1000 + 100,
                         .plaintext_len = 1,
                         .suite = 1,
                         .facts = SPAN_LIT("{}"),
                         .performed = SPAN_LIT("{}")};
    struct p_import_offer p = {.peer = SPAN_LIT("my-cyberjaya")};
    TEST("an offer under an unknown agreement is refused with an entry for the receipt")
    {
        struct entry e;
        struct span word;
        memcpy(m.transfer, id, 16);
        CHECK_EQ(judge_book_kem(cn.book, SPAN_LIT("cn-lingang"), NOW_MS / 1000, m.recipient, 1), 1);
        CHECK_EQ(manifest_write(&m, text, sizeof(text), &o.manifest), ERR_OK);
        CHECK_EQ(offer_sign(&o, SUITE_AES_256_GCM, &my.gateway), ERR_OK);
        CHECK_EQ(offer_encode(&o, record, sizeof(record), &p.offer), ERR_OK);
        CHECK_EQ(TELL(&cn, ROLE_CLERK, IMPORT_OFFER, import_offer, &p, id, nothing), ERR_OK);
        CHECK(ANSWER(&cn, import_checked, &told));
        CHECK_EQ(told.err, 0);
        CHECK_EQ(told.verdict, VERDICT_DENY);
        CHECK_EQ(entry_read(told.entry, true, &scratch, &e, NULL), ERR_OK);
        CHECK_EQ(e.kind, ENTRY_RECEIVED);
        CHECK(entry_get_str(&e, "reason", &word) == ERR_OK && span_eq_str(word, "no-basis"));
        CHECK_EQ(cn.to_keeper.type, MSG_PRE_IMPORT);
        CHECK_EQ(payload_pre_import_get(SAID(cn.to_keeper), &pre), ERR_OK);
        uint8_t leaf[32];
        CHECK_EQ(digest_leaf(told.entry, leaf), ERR_OK);
        CHECK(pre.verdict == VERDICT_DENY && memcmp(pre.leaf, leaf, 32) == 0);
    }
    TEST("it is refused the same way again, with the same entry")
    {
        static uint8_t first[MSG_PAYLOAD_MAX];
        const size_t len = cn.answer.len;
        memcpy(first, cn.answer.body, len);
        CHECK_EQ(TELL(&cn, ROLE_CLERK, IMPORT_OFFER, import_offer, &p, id, nothing), ERR_OK);
        CHECK(cn.answer.len == len && memcmp(first, cn.answer.body, len) == 0);
    }
}

static void
test_reload(void)
{
    struct judge_book *fresh = NULL;
    struct fault fault = {.code = ERR_OK};
    struct p_policy_epoch epoch;
    struct p_policies told;
    TEST("the documents in force are told as entries, and the epoch to keeper")
    {
        static struct entry_scratch scratch;
        struct entry e;
        judge_tell_policies(&my.j, NOW_MS);
        CHECK_EQ(payload_policies_get(SAID(my.to_clerk), &told), ERR_OK);
        CHECK_EQ(entry_read(told.entry, true, &scratch, &e, NULL), ERR_OK);
        CHECK_EQ(e.kind, ENTRY_POLICY);
        CHECK_EQ(judge_tell_register(&my.j, 0, NOW_MS), 0);
        CHECK_EQ(my.to_clerk.type, MSG_POLICIES);
        CHECK_EQ(payload_policies_get(SAID(my.to_clerk), &told), ERR_OK);
        CHECK_EQ(entry_read(told.entry, true, &scratch, &e, NULL), ERR_OK);
        CHECK_EQ(e.kind, ENTRY_PARTNER);
        judge_tell_epoch(&my.j);
        CHECK(my.to_keeper.type == MSG_POLICY_EPOCH &&
              payload_policy_epoch_get(SAID(my.to_keeper), &epoch) == ERR_OK);
        CHECK_EQ(epoch.policy_epoch, 7);
    }
    TEST("a reload raises the epoch only when a document changed")
    {
        CHECK_EQ(judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, my.files, my.file_count,
                                &fresh, &fault),
                 ERR_OK);
        CHECK(!judge_activate(&my.j, fresh, NOW_MS) && my.j.policy_epoch == 7);
        judge_book_free(my.book);
        my.book = fresh;
        CHECK_EQ(judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, my.files,
                                my.file_count - 2, &fresh, &fault),
                 ERR_OK);
        CHECK(judge_activate(&my.j, fresh, 7500) && my.j.policy_epoch == 8);
        judge_book_free(my.book);
        my.book = fresh;
    }
}

static void
test_activation(void)
{
    static struct entry_scratch scratch;
    struct judge_book *old = NULL;
    struct judge_book *fresh = NULL;
    struct fault fault = {.code = ERR_OK};
    struct p_policies told;
    struct entry e;
    struct span word;
    kit_add_policy(&my, "my-export-2.json", kit_second_revision(my.files[2].bytes));
    TEST("a revision replaces the one before it, and only forwards")
    {
        CHECK_EQ(judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, my.files,
                                my.file_count - 2, &old, &fault),
                 ERR_OK);
        CHECK_EQ(judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, my.files, my.file_count,
                                &fresh, &fault),
                 ERR_OK);
        CHECK_EQ(judge_book_succeeds(old, fresh, NOW_MS, &fault), ERR_OK);
        CHECK_EQ(judge_book_succeeds(fresh, old, NOW_MS, &fault), ERR_DENIED);
        CHECK(strstr(fault.where, "downgrade") != NULL);
        judge_book_free(fresh);
    }
    TEST("what was activated for later begins at its time, under a new epoch, and is logged")
    {
        /* The note of the kit is from 1970; the time is set where the reader would have. */
        CHECK_EQ(judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, my.files, my.file_count,
                                &fresh, &fault),
                 ERR_OK);
        fresh->reg.activate_ms[fresh->reg.policy_count - 1] = NOW_MS + 5000;
        (void)judge_activate(&my.j, fresh, NOW_MS);
        judge_book_free(my.book);
        my.book = fresh;
        const uint32_t epoch = my.j.policy_epoch;
        CHECK_EQ(judge_follow(&my.j, NOW_MS), NOW_MS + 5000);
        CHECK_EQ(judge_follow(&my.j, NOW_MS + 4999), NOW_MS + 5000);
        CHECK_EQ(my.j.policy_epoch, epoch);
        CHECK_EQ(payload_policies_get(SAID(my.to_clerk), &told), ERR_OK);
        CHECK_EQ(entry_read(told.entry, true, &scratch, &e, NULL), ERR_OK);
        CHECK(entry_get_str(&e, "action", &word) == ERR_OK && span_eq_str(word, "schedule"));
        my.to_keeper.type = MSG_NONE;
        CHECK_EQ(judge_follow(&my.j, NOW_MS + 5000), INT64_MAX);
        CHECK(my.j.policy_epoch > epoch && my.to_keeper.type == MSG_POLICY_EPOCH);
        CHECK_EQ(payload_policies_get(SAID(my.to_clerk), &told), ERR_OK);
        CHECK_EQ(entry_read(told.entry, true, &scratch, &e, NULL), ERR_OK);
        CHECK(entry_get_str(&e, "action", &word) == ERR_OK && span_eq_str(word, "activate"));
        CHECK_EQ(told.policy_epoch, my.j.policy_epoch);
    }
    my.file_count -= 2;
    judge_book_free(old);
}

static void
test_book(void)
{
    struct judge_book *b = NULL;
    struct fault fault = {.code = ERR_OK};
    TEST("a document without a note of our operator stops the book and is named")
    {
        struct judge_book_file changed[KIT_FILES];
        memcpy(changed, my.files, sizeof(changed));
        changed[3].bytes = SPAN_LIT("");
        CHECK(judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, changed, my.file_count, &b,
                             &fault) != ERR_OK);
        CHECK(strncmp(fault.where, "my-export.json", 14) == 0);
        changed[3] = cn.files[3];
        changed[3].name = my.files[3].name;
        CHECK(judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, changed, my.file_count, &b,
                             &fault) != ERR_OK);
    }
    TEST("without vocabulary, trust, zone or a valid operator key there is no book")
    {
        CHECK_EQ(judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, my.files, 1, &b, &fault),
                 ERR_MISSING);
        CHECK_EQ(
            judge_book_new(SPAN_LIT("nowhere"), NOW_MS / 1000, my.files, my.file_count, &b, &fault),
            ERR_NOT_FOUND);
        CHECK_EQ(judge_book_new(SPAN_LIT("my-cyberjaya"), 0, my.files, my.file_count, &b, &fault),
                 ERR_KEY_UNKNOWN);
    }
}

static enum err
approve(const struct sign_key *key, const char *verdict, uint8_t first, int64_t expires,
        bool *ret_approve)
{
    const uint8_t seal[32] = {5};
    const struct judge_held held = {transfer, seal, seal};
    struct judge_vote vote = {.approve = *ret_approve};
    char text[1024];
    char id[33];
    char hex[65];
    uint8_t other[16];
    memcpy(other, transfer, 16);
    other[0] = first;
    CHECK_EQ(text_hex(span_of(other, 16), id, sizeof(id)), ERR_OK);
    CHECK_EQ(text_hex(span_of(seal, 32), hex, sizeof(hex)), ERR_OK);
    const int n = snprintf(text, sizeof(text),
                           "tdz.approval/1\n{\"decision\":\"%s\",\"expires\":%lld,\"reason\":\"r\","
                           "\"seal\":\"%s\",\"transfer\":\"%s\",\"verdict\":\"%s\"}\n",
                           hex, (long long)expires, hex, id, verdict);
    const struct span note = kit_note(key, "operator", text, (size_t)n);
    const enum err err = judge_approval_check(&my.j, &held, note, NOW_MS, &vote);
    *ret_approve = vote.approve;
    return err;
}

static void
test_approval(void)
{
    bool yes = false;
    TEST("an operator of this zone approves or refuses this transfer, for a time")
    {
        CHECK_EQ(approve(&my.operator_key, "approve", 0xaa, NOW_MS / 1000 + 9, &yes), ERR_OK);
        CHECK(yes);
        CHECK_EQ(approve(&my.operator_key, "refuse", 0xaa, NOW_MS / 1000 + 9, &yes), ERR_OK);
        CHECK(!yes);
    }
    TEST("another signer, transfer, time or word is no approval")
    {
        CHECK(approve(&cn.operator_key, "approve", 0xaa, NOW_MS / 1000 + 9, &yes) != ERR_OK);
        CHECK_EQ(approve(&my.operator_key, "approve", 0xab, NOW_MS / 1000 + 9, &yes), ERR_CONFLICT);
        CHECK_EQ(approve(&my.operator_key, "approve", 0xaa, NOW_MS / 1000, &yes), ERR_EXPIRED);
        CHECK_EQ(approve(&my.operator_key, "maybe", 0xaa, NOW_MS / 1000 + 9, &yes), ERR_NOT_FOUND);
    }
}

int
main(int argc, char **argv)
{
    if (argc != 2 || crypto_init() != ERR_OK)
        return 1;
    kit_keys(&my, 1);
    kit_keys(&cn, 101);
    kit_files(&my, argv[1], "my", &my, &cn);
    kit_files(&cn, argv[1], "cn", &my, &cn);
    kit_start(&my, "my-cyberjaya");
    kit_start(&cn, "cn-lingang");
    test_deny();
    test_import_deny();
    test_approval();
    test_reload();
    test_activation();
    test_book();
    kit_stop(&my);
    kit_stop(&cn);
    return test_end();
}
