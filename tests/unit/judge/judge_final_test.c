/* SPDX-License-Identifier: Apache-2.0 */
/* Final decisions that are not what the documents alone say: others' reservations, obligations that
 * were not performed, and approvals. */
#include "tests/unit/judge/judgecase.h"

#define RULE(id, effect, more, when)                                                        \
    "{\"id\":\"" id "\",\"effect\":\"" effect "\"," more                                    \
    "\"to\":[\"CN\"],\"classes\":[\"personal\"],\"when\":" when ",\"cite\":[\"t\"],"        \
    "\"certainty\":\"primary\",\"reviewed_on\":\"2026-11-01\",\"review_days\":365,\"why\":" \
    "\"t.duty\"}"
#define LIMIT RULE("t.limit", "forbid", "", "{\"ge\":[\"count.pi.after\",10]}")
#define REVIEW \
    RULE("t.review", "hold", "\"release\":\"zone-authority\",", "{\"ge\":[\"count.spi.after\",7]}")
#define REVIEW_NEW                                                  \
    RULE("t.review-new", "hold", "\"release\":\"zone-authority\",", \
         "{\"ge\":[\"count.spi.after\",6]}")
#define REVIEW2                                                                \
    RULE("t.review", "hold", "\"release\":\"zone-authority+zone-authority\",", \
         "{\"ge\":[\"count.spi.after\",7]}")
#define MASK                                                                                   \
    "{\"id\":\"t.mask\",\"effect\":\"oblige\",\"to\":[\"CN\"],\"classes\":[\"personal\"],"     \
    "\"do\":[{\"mask\":{\"fields\":[\"email\"]}}],\"cite\":[\"t\"],\"certainty\":\"primary\"," \
    "\"reviewed_on\":\"2026-11-01\",\"review_days\":365,\"why\":\"t.duty\"}"

static const char *packs;

/* A fresh judge under those rules, which holds the evidence of a preflighted, sealed export. */
static void
begin(const char *rules)
{
    struct p_preflighted told;
    struct p_pre pre;
    const struct p_preflight p = preflight_good();
    if (my.book != NULL)
        kit_stop(&my);
    my.file_count = 0;
    kit_rules = rules;
    kit_files(&my, packs, "my", &my, &cn);
    kit_start(&my, "my-cyberjaya");
    CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, transfer, nothing), ERR_OK);
    CHECK(ANSWER(&my, preflighted, &told) && told.verdict == VERDICT_ALLOW);
    CHECK_EQ(payload_pre_get(SAID(my.to_keeper), &pre), ERR_OK);
    CHECK_EQ(offer_hash(pre.manifest, offer_id), ERR_OK);
    findings =
        inspect(told.spec, table, sizeof(table) - 1, report, sizeof(report), leaves, &leaves_len);
    const struct p_sealed s = sealed_good();
    CHECK_EQ(TELL(&my, ROLE_SEALER, SEALED, sealed, &s, transfer, nothing), ERR_OK);
    CHECK_EQ(tell_findings(&my, ROLE_INSPECTOR, 0), ERR_OK);
}

static uint8_t
permitted(void)
{
    struct p_permit p = {.verdict = 0xff};
    CHECK_EQ(my.to_keeper.type, MSG_PERMIT);
    CHECK_EQ(payload_permit_get(SAID(my.to_keeper), &p), ERR_OK);
    return p.verdict;
}

static bool
has(struct span json, const char *part)
{
    const bool found = memmem(json.ptr, json.len, part, strlen(part)) != NULL;
    if (!found)
        printf("# no %s in %.*s\n", part, (int)json.len, (const char *)json.ptr);
    return found;
}

static void
test_pending(void)
{
    struct p_decide q;
    TEST("a count over the limit is a denial")
    {
        begin(LIMIT);
        q = decide_good(DIRECTION_EXPORT, 0);
        q.after_pi = 10;
        const struct p_decided told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_DENY && permitted() == VERDICT_DENY);
        CHECK(has(told.record, "\"t.limit\""));
    }
    TEST("and a hold while others' reservations may still be given back")
    {
        q.n = 1;
        q.pending_others = 1;
        const struct p_decided told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_HOLD && permitted() == VERDICT_HOLD);
        CHECK(has(told.entry, "\"verdict\":\"hold\"") && has(told.decision, "review"));
    }
    TEST("what is denied whatever the count is not held for it")
    {
        begin(
            RULE("t.never", "forbid", "", "{\"eq\":[\"declared.contradicted\",false]}") "," LIMIT);
        q = decide_good(DIRECTION_EXPORT, 0);
        q.after_pi = 10;
        q.pending_others = 1;
        CHECK_EQ(decide(&my, &q).verdict, VERDICT_DENY);
        begin(LIMIT);
        q = decide_good(DIRECTION_EXPORT, 0);
        q.after_pi = 9;
        CHECK_EQ(decide(&my, &q).verdict, VERDICT_ALLOW);
        q.n = 1;
        q.pending_others = 2;
        CHECK_EQ(TELL(&my, ROLE_CLERK, DECIDE, decide, &q, transfer, nothing), ERR_RANGE);
    }
}

#define ENVELOPE_FIELDS                                                            \
    "\"mykad\",\"name\",\"birth_date\",\"phone\",\"email\",\"sex\",\"diagnosis\"," \
    "\"icd10\",\"stage\",\"treatment\",\"visit_date\",\"ward\",\"hospital\""
#define ENVELOPE(persons)                                             \
    "{\"purposes\":[\"research\"],\"recipients\":[\"lab-shanghai\"]," \
    "\"fields\":[" ENVELOPE_FIELDS "],\"persons\":" persons "}"

/* The verdict when clerk says that so many crossed under the approval, this dataset included. */
static uint8_t
debited(const char *envelope, const char *approval, uint64_t after)
{
    uint8_t pair[40];
    struct p_decide q;
    kit_envelope = envelope;
    begin(NULL);
    kit_envelope = NULL;
    q = decide_good(DIRECTION_EXPORT, 0);
    CHECK_EQ(text_unhex(span_str(approval), false, pair, 32), ERR_OK);
    for (size_t k = 0; k < 8; k++)
        pair[32 + k] = (uint8_t)(after >> 8 * k);
    q.debits = span_of(pair, sizeof(pair));
    const struct p_decided told = decide(&my, &q);
    CHECK_EQ(told.err, 0);
    return told.verdict;
}

static void
test_counts(void)
{
    static const char cited[] = "828112a0934b18e7e8f69f6c5310bbc2315c06bf743812d94991748555c09d15";
    static const char other[] = "0000000000000000000000000000000000000000000000000000000000000001";
    struct p_decide q;
    TEST("a count beyond every number is over the limit, not around the end of it")
    {
        static const uint64_t counts[] = {
            10,        JSON_INT_MAX, (uint64_t)JSON_INT_MAX + 1, INT64_MAX, (uint64_t)INT64_MAX + 1,
            UINT64_MAX};
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
            begin(LIMIT);
            q = decide_good(DIRECTION_EXPORT, 0);
            q.after_pi = counts[i];
            CHECK_EQ(decide(&my, &q).verdict, VERDICT_DENY);
        }
    }
    TEST("an approval lets exactly its persons cross, one more and any more than that do not")
    {
        CHECK_EQ(debited(ENVELOPE("100"), cited, 100), VERDICT_ALLOW);
        CHECK_EQ(debited(ENVELOPE("100"), cited, 101), VERDICT_DENY);
        CHECK_EQ(debited(ENVELOPE("0"), cited, 0), VERDICT_ALLOW);
        CHECK_EQ(debited(ENVELOPE("0"), cited, 1), VERDICT_DENY);
        CHECK_EQ(debited(ENVELOPE("9007199254740990"), cited, JSON_INT_MAX - 1), VERDICT_ALLOW);
        CHECK_EQ(debited(ENVELOPE("9007199254740990"), cited, JSON_INT_MAX), VERDICT_DENY);
        CHECK_EQ(debited(ENVELOPE("9007199254740990"), cited, UINT64_MAX), VERDICT_DENY);
        CHECK_EQ(debited(ENVELOPE("100"), cited, (uint64_t)INT64_MAX + 1), VERDICT_DENY);
    }
    TEST("a debit that clerk does not say, or says of another approval, lets nobody cross")
    {
        CHECK(debited(ENVELOPE("100"), other, 1) != VERDICT_ALLOW);
        kit_envelope = ENVELOPE("100");
        begin(NULL);
        kit_envelope = NULL;
        q = decide_good(DIRECTION_EXPORT, 0);
        CHECK(decide(&my, &q).verdict != VERDICT_ALLOW);
        uint8_t cut[39] = {0};
        CHECK_EQ(text_unhex(span_str(cited), false, cut, 32), ERR_OK);
        q.n = 1;
        q.debits = span_of(cut, sizeof(cut));
        CHECK(decide(&my, &q).verdict != VERDICT_ALLOW);
    }
    TEST("without an envelope nothing is debited, and the same export crosses")
    {
        CHECK_EQ(debited(NULL, other, UINT64_MAX), VERDICT_ALLOW);
    }
}

static void
test_performed(void)
{
    struct p_decide q;
    TEST("an obligation in force now that was not performed from the first row denies")
    {
        struct judge_book *fresh = NULL;
        struct fault fault = {.code = ERR_OK};
        begin(NULL);
        my.file_count = 0;
        kit_rules = MASK;
        kit_files(&my, packs, "my", &my, &cn);
        CHECK_EQ(judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, my.files, my.file_count,
                                &fresh, &fault),
                 ERR_OK);
        CHECK(judge_activate(&my.j, fresh, NOW_MS));
        judge_book_free(my.book);
        my.book = fresh;
        q = decide_good(DIRECTION_EXPORT, 0);
        const struct p_decided told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_DENY && permitted() == VERDICT_DENY);
        CHECK(has(told.decision, "obligation-not-performed"));
        CHECK(has(told.entry, "\"reason\":\"obligation-not-performed\""));
    }
    TEST("performed from the first row under the same document, it allows")
    {
        begin(MASK);
        q = decide_good(DIRECTION_EXPORT, 0);
        CHECK_EQ(decide(&my, &q).verdict, VERDICT_ALLOW);
        CHECK(memmem(leaves, leaves_len, "a@b.org", 7) == NULL);
    }
}

/* tdz.approval/1 of this transfer's held decision. */
static struct span
approval(const struct sign_key *key, const struct p_decided *held, const uint8_t record[32],
         const char *verdict)
{
    char text[1024];
    char id[33];
    char seal[65];
    char decision[65];
    CHECK_EQ(text_hex(span_of(transfer, 16), id, sizeof(id)), ERR_OK);
    CHECK_EQ(text_hex(span_of(held->seal_hash, 32), seal, sizeof(seal)), ERR_OK);
    CHECK_EQ(text_hex(span_of(record, 32), decision, sizeof(decision)), ERR_OK);
    const int n = snprintf(text, sizeof(text),
                           "tdz.approval/1\n{\"decision\":\"%s\",\"expires\":%lld,\"reason\":\"r\","
                           "\"seal\":\"%s\",\"transfer\":\"%s\",\"verdict\":\"%s\"}\n",
                           decision, (long long)(NOW_MS / 1000 + 600), seal, id, verdict);
    return kit_note(key, "operator", text, (size_t)n);
}

/* Clerk brings the record that operators speak about. */
static enum err
bring(struct span record, const uint8_t hash[32])
{
    struct p_held p;
    memcpy(p.held, hash, 32);
    return TELL(&my, ROLE_CLERK, HELD, held, &p, transfer, record);
}

static struct p_decided
held(const char *rules, struct p_decide *q, uint8_t record[32])
{
    begin(rules);
    *q = decide_good(DIRECTION_EXPORT, 0);
    q->after_spi = 7;
    const struct p_decided told = decide(&my, q);
    CHECK(told.err == 0 && told.verdict == VERDICT_HOLD && permitted() == VERDICT_HOLD);
    CHECK_EQ(digest_sha256(told.record, record), ERR_OK);
    CHECK_EQ(bring(kit_copy(told.record), record), ERR_OK);
    q->n = 1;
    memcpy(q->held, record, 32);
    return told;
}

static void
test_approval(void)
{
    struct p_decide q;
    uint8_t record[32];
    TEST("an operator's approval of the held decision lifts the hold, and the entry says so")
    {
        const struct p_decided hold = held(REVIEW, &q, record);
        q.approval = approval(&my.operator_key, &hold, record, "approve");
        const struct p_decided told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_ALLOW && permitted() == VERDICT_ALLOW);
        CHECK(has(told.entry, "\"phase\":\"approved\"") && has(told.entry, "\"n\":1"));
    }
    TEST("a refusal denies")
    {
        const struct p_decided hold = held(REVIEW, &q, record);
        q.approval = approval(&my.operator_key, &hold, record, "refuse");
        const struct p_decided told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_DENY && permitted() == VERDICT_DENY);
        CHECK(has(told.entry, "\"phase\":\"approved\""));
    }
    TEST("an approval of another decision, by another zone or of no sense leaves it held")
    {
        for (unsigned i = 0; i < 4; i++) {
            const struct p_decided hold = held(REVIEW, &q, record);
            if (i == 0)
                q.approval = approval(&cn.operator_key, &hold, record, "approve");
            if (i == 1)
                q.approval = SPAN_LIT("yes");
            record[0] ^= 1;
            if (i == 2)
                q.approval = approval(&my.operator_key, &hold, record, "approve");
            /* What the note names is not what held it, whatever clerk says. */
            if (i == 3) {
                q.approval = approval(&my.operator_key, &hold, record, "approve");
                memcpy(q.held, record, 32);
            }
            const struct p_decided told = decide(&my, &q);
            CHECK(told.err == 0 && told.verdict == VERDICT_HOLD && permitted() == VERDICT_HOLD);
            CHECK(has(told.entry, "\"phase\":\"final\""));
        }
    }
    TEST("where two persons are asked for, one does not release, not by saying it twice either")
    {
        static char twice[16384];
        const struct p_decided hold = held(REVIEW2, &q, record);
        const struct span one = approval(&my.operator_key, &hold, record, "approve");
        CHECK(has(hold.hold, "\"missing\":[\"zone-authority\",\"zone-authority\"]"));
        CHECK(2 * one.len + 1 < sizeof(twice));
        memcpy(twice, one.ptr, one.len);
        memcpy(twice + one.len + 1, one.ptr, one.len);
        q.approval = span_of(twice, 2 * one.len + 1);
        const struct p_decided told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_HOLD && permitted() == VERDICT_HOLD);
    }
    TEST("no approval lifts a hold for others' reservations")
    {
        const struct p_decided hold = held(REVIEW "," LIMIT, &q, record);
        q.approval = approval(&my.operator_key, &hold, record, "approve");
        q.after_pi = 10;
        q.pending_others = 1;
        const struct p_decided told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_HOLD && permitted() == VERDICT_HOLD);
    }
    TEST("no approval lifts a denial")
    {
        const struct p_decided hold = held(REVIEW "," LIMIT, &q, record);
        q.approval = approval(&my.operator_key, &hold, record, "approve");
        q.after_pi = 10;
        const struct p_decided told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_DENY && permitted() == VERDICT_DENY);
    }
}

/* A judge that was restarted, perhaps under other rules, and has the evidence again. */
static void
again(const char *rules, struct p_decide *q, uint16_t n)
{
    const struct p_decide before = *q;
    begin(rules);
    *q = before;
    q->n = n;
    memcpy(q->offer_hash, offer_id, 32);
}

/* A held decision of a judge of before, and an operator's word on it. */
static struct span
held_before(struct p_decide *q, uint8_t record[32])
{
    const struct p_decided hold = held(REVIEW, q, record);
    const struct span bytes = kit_copy(hold.record);
    q->approval = approval(&my.operator_key, &hold, record, "approve");
    return bytes;
}

static void
test_held(void)
{
    struct p_decide q;
    struct p_decided told;
    struct span before;
    uint8_t record[32];
    uint8_t other[32];
    TEST("a judge that was restarted releases what the record holds that the words name")
    {
        before = held_before(&q, record);
        again(REVIEW, &q, 1);
        CHECK_EQ(bring(before, record), ERR_OK);
        told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_ALLOW && permitted() == VERDICT_ALLOW);
    }
    TEST("a rule that holds now and did not then is not released by them, whatever clerk says")
    {
        before = held_before(&q, record);
        again(REVIEW "," REVIEW_NEW, &q, 2);
        CHECK_EQ(bring(before, record), ERR_OK);
        told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_HOLD && permitted() == VERDICT_HOLD);
        CHECK(has(told.entry, "\"phase\":\"final\""));
    }
    TEST("words on a record that nobody brought, or on one brought before another, do not count")
    {
        before = held_before(&q, record);
        again(REVIEW, &q, 1);
        told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_HOLD);
        CHECK_EQ(digest_sha256(SPAN_LIT("{\"rules\":{}}"), other), ERR_OK);
        again(REVIEW, &q, 1);
        CHECK_EQ(bring(before, record), ERR_OK);
        CHECK_EQ(bring(SPAN_LIT("{\"rules\":{}}"), other), ERR_OK);
        told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_HOLD);
    }
    TEST("a refusal needs the record too, and then it denies")
    {
        const struct p_decided hold = held(REVIEW, &q, record);
        before = kit_copy(hold.record);
        q.approval = approval(&my.operator_key, &hold, record, "refuse");
        again(REVIEW, &q, 1);
        CHECK_EQ(bring(before, record), ERR_OK);
        told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_DENY);
    }
    TEST("bytes that are not the record named, and a record that is none, are clerk's violation")
    {
        static const char *const wrong[] = {"[]",
                                            "{",
                                            "{}",
                                            "{\"rules\":[]}",
                                            "{\"rules\":{\"hold\":1}}",
                                            "{\"rules\":{\"hold\":[1]}}",
                                            "{\"rules\":{\"hold\":[\"\"]}}",
                                            "{\"policy\":1,\"rules\":{}}",
                                            "{\"policy\":{},\"rules\":{}}"};
        before = held_before(&q, record);
        record[0] ^= 1;
        CHECK_EQ(bring(before, record), ERR_CONFLICT);
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            CHECK_EQ(digest_sha256(span_str(wrong[i]), other), ERR_OK);
            CHECK(bring(span_str(wrong[i]), other) != ERR_OK);
        }
        record[0] ^= 1;
        told = decide(&my, &q); /* what was brought before still stands */
        CHECK(told.err == 0 && told.verdict == VERDICT_ALLOW);
    }
    TEST("a record of a transfer that is not here is left, for clerk brings the evidence first")
    {
        const uint8_t unknown[16] = {0x77};
        struct p_held p;
        memcpy(p.held, record, 32);
        CHECK_EQ(TELL(&my, ROLE_CLERK, HELD, held, &p, unknown, before), ERR_OK);
        CHECK_EQ(TELL(&my, ROLE_KEEPER, HELD, held, &p, transfer, before), ERR_PROTOCOL);
    }
}

/* The judge reloads without the files whose names hold that text. */
static void
reload_without(const char *name)
{
    struct judge_book_file kept[KIT_FILES];
    struct judge_book *fresh = NULL;
    struct fault fault = {.code = ERR_OK};
    size_t count = 0;
    for (size_t i = 0; i < my.file_count; i++)
        if (memmem(my.files[i].name.ptr, my.files[i].name.len, name, strlen(name)) == NULL)
            kept[count++] = my.files[i];
    CHECK(count < my.file_count);
    CHECK_EQ(judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, kept, count, &fresh, &fault),
             ERR_OK);
    if (fresh == NULL)
        return;
    (void)judge_activate(&my.j, fresh, my.now_ms);
    judge_book_free(my.book);
    my.book = fresh;
}

static void
test_gone(void)
{
    struct p_decide q;
    struct p_decided told;
    TEST("an agreement that went since the upload began is said to be gone, for good")
    {
        begin(LIMIT);
        reload_without("oncology");
        my.to_keeper.type = MSG_NONE; /* of the reload */
        q = decide_good(DIRECTION_EXPORT, 0);
        CHECK_EQ(decide(&my, &q).err, (uint16_t)-ERR_DENIED);
        CHECK_EQ(my.to_keeper.type, MSG_NONE);
    }
    TEST("a party that went is a denial for want of a basis, with its entry")
    {
        begin(LIMIT);
        reload_without("lab-shanghai");
        q = decide_good(DIRECTION_EXPORT, 0);
        told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_DENY && permitted() == VERDICT_DENY);
        CHECK(has(told.entry, "\"reason\":\"no-basis\""));
    }
    TEST("others' reservations do not make a hold of it")
    {
        q.n = 1;
        q.pending_others = 1;
        told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_DENY);
    }
    TEST("nor do operators' words on a hold of before")
    {
        uint8_t record[32];
        (void)held(REVIEW, &q, record);
        const struct p_decided hold = held(REVIEW, &q, record);
        q.approval = approval(&my.operator_key, &hold, record, "approve");
        reload_without("lab-shanghai");
        told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_DENY);
        CHECK(has(told.entry, "\"reason\":\"no-basis\""));
    }
    TEST("without any document in force nothing is decided, for good")
    {
        begin(LIMIT);
        reload_without("my-export");
        q = decide_good(DIRECTION_EXPORT, 0);
        CHECK_EQ(decide(&my, &q).err, (uint16_t)-ERR_DENIED);
    }
    TEST("an agreement that has ended is a denial for want of a basis")
    {
        begin(LIMIT);
        my.now_ms = INT64_C(2000000000000);
        q = decide_good(DIRECTION_EXPORT, 0);
        told = decide(&my, &q);
        CHECK(told.err == 0 && told.verdict == VERDICT_DENY);
        CHECK(has(told.entry, "\"reason\":\"no-basis\""));
    }
}

int
main(int argc, char **argv)
{
    if (argc != 2 || crypto_init() != ERR_OK)
        return 1;
    packs = argv[1];
    kit_keys(&my, 1);
    kit_keys(&cn, 101);
    test_pending();
    test_counts();
    test_performed();
    test_approval();
    test_held();
    test_gone();
    kit_stop(&my);
    return test_end();
}
