/* SPDX-License-Identifier: Apache-2.0 */
/* Two judges, one a zone, over the packs of the tree; the test plays every other role. */
#include "crypto/release.h"
#include "crypto/th.h"
#include "tests/unit/judge/judgecase.h"

static uint8_t offer_record[65536];
static struct span offer;

static void
test_preflight(void)
{
    struct p_preflighted told;
    struct p_preflight p = preflight_good();
    struct p_pre pre;
    static uint8_t first[MSG_PAYLOAD_MAX];
    TEST("a dataset under its agreement may be sent, and keeper is told what to sign")
    {
        struct offer o = {.sigs = {.count = 0}};
        CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, transfer, nothing), ERR_OK);
        CHECK(ANSWER(&my, preflighted, &told) && told.verdict == VERDICT_ALLOW);
        CHECK(told.code.len == 0 && told.entry.len == 0 && told.suite == 1);
        CHECK(span_eq_str(told.recipient, "lab-shanghai") && told.retain_days == 90);
        CHECK_EQ(my.to_keeper.type, MSG_PRE);
        CHECK_EQ(payload_pre_get(SAID(my.to_keeper), &pre), ERR_OK);
        CHECK(span_eq_str(pre.to_zone, "cn-lingang") && span_eq_str(pre.exporter, "hospital-kl"));
        CHECK(pre.recipients.len == 32 && pre.verdict == VERDICT_ALLOW && pre.policy_epoch == 7);
        o.manifest = pre.manifest;
        CHECK_EQ(offer_sign(&o, SUITE_AES_256_GCM, &my.gateway), ERR_OK);
        CHECK_EQ(offer_encode(&o, offer_record, sizeof(offer_record), &offer), ERR_OK);
        CHECK_EQ(offer_hash(pre.manifest, offer_id), ERR_OK);
        findings = inspect(told.spec, table, sizeof(table) - 1, report, sizeof(report), leaves,
                           &leaves_len);
    }
    TEST("the same question gets the same bytes, another transfer other ones")
    {
        memcpy(first, my.answer.body, my.answer.len);
        const size_t len = my.answer.len;
        my.to_keeper.type = MSG_NONE;
        CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, transfer, nothing), ERR_OK);
        CHECK(my.answer.len == len && memcmp(first, my.answer.body, len) == 0);
        CHECK_EQ(my.to_keeper.type, MSG_PRE);
    }
    TEST("who may not ask is told which of the reasons it is, and keeper hears nothing")
    {
        static const struct {
            const char *partner;
            const char *agreement;
            const char *facts;
            const char *code;
        } cases[] = {
            {"nobody", "oncology-2026", "{}", "identity-unknown"},
            {"lab-shanghai", "oncology-2026", "{}", "identity-unknown"},
            {"spiffe://cn-lingang/partner/lab-shanghai", "oncology-2026", "{}", "identity-unknown"},
            {"hospital-kl", "no-such", "{}", "unknown-agreement"},
            {"insurer-kl", "oncology-2026", "{}", "not-yours"},
            {"hospital-kl", "oncology-2026", "[]", "bad-facts"},
            {"hospital-kl", "oncology-2026", "{", "bad-facts"},
            {"hospital-kl", "oncology-2026", "{\"a\":1,\"a\":2}", "bad-facts"},
        };
        my.to_keeper.type = MSG_NONE;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            const uint8_t other[16] = {0xbb};
            p.partner = span_str(cases[i].partner);
            p.agreement = span_str(cases[i].agreement);
            p.facts = span_str(cases[i].facts);
            CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, other, nothing), ERR_OK);
            CHECK(ANSWER(&my, preflighted, &told) && told.verdict == VERDICT_DENY);
            CHECK(span_eq_str(told.code, cases[i].code));
        }
        CHECK_EQ(my.to_keeper.type, MSG_NONE);
    }
    TEST("an agreement that has ended or has not begun is no basis")
    {
        const uint8_t other[16] = {0xbc};
        p = preflight_good();
        my.now_ms = INT64_C(1767100000000);
        CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, other, nothing), ERR_OK);
        CHECK(ANSWER(&my, preflighted, &told) && span_eq_str(told.code, "unknown-agreement"));
        my.now_ms = INT64_C(2000000000000);
        CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, other, nothing), ERR_OK);
        CHECK(ANSWER(&my, preflighted, &told) && span_eq_str(told.code, "unknown-agreement"));
        my.now_ms = NOW_MS;
    }
    TEST("malformed questions are violations")
    {
        const uint8_t zero[16] = {0};
        CHECK_EQ(kit_tell(&my, ROLE_CLERK, MSG_PREFLIGHT, transfer, SPAN_LIT("x"), nothing),
                 ERR_SHORT);
        CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, zero, nothing), ERR_PROTOCOL);
        CHECK_EQ(TELL(&my, ROLE_EDGE, PREFLIGHT, preflight, &p, transfer, nothing), ERR_PROTOCOL);
        p.dry = 2;
        CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, transfer, nothing), ERR_RANGE);
    }
}

/* The entry is one that our ledger takes, and the salts open its commitments. */
static void
check_entry(struct p_decided *told, enum entry_kind kind, const char *phase)
{
    static struct entry_scratch entry_scratch;
    static struct json_node nodes[256];
    static uint8_t text[8192];
    struct json_doc doc = {.nodes = nodes, .node_cap = 256, .text = text, .text_cap = 8192};
    struct entry e;
    struct span word;
    CHECK_EQ(entry_read(told->entry, true, &entry_scratch, &e, NULL), ERR_OK);
    CHECK(e.kind == kind && memcmp(e.transfer, transfer, 16) == 0);
    if (phase != NULL)
        CHECK(entry_get_str(&e, "phase", &word) == ERR_OK && span_eq_str(word, phase));
    CHECK_EQ(json_read(&doc, told->salts, NULL), ERR_OK);
    const struct json_node *n = json_first(&doc, &nodes[0]);
    size_t opened = 0;
    for (; n != NULL; n = json_next(&doc, &nodes[0], n), opened++) {
        uint8_t salt[32];
        uint8_t want[32];
        uint8_t have[32];
        char field[32];
        const struct span name = json_get(&doc, n, "field")->text;
        CHECK_EQ(text_unhex(json_get(&doc, n, "salt")->text, false, salt, 32), ERR_OK);
        (void)snprintf(field, sizeof(field), "%.*s", (int)name.len, (const char *)name.ptr);
        CHECK_EQ(entry_get_commit(&e, field, want), ERR_OK);
        CHECK_EQ(
            TH(have, "tdz/v1/commit", name, span_of(salt, 32), json_get(&doc, n, "value")->text),
            ERR_OK);
        CHECK(memcmp(have, want, 32) == 0);
    }
    CHECK_EQ(opened, 5);
}

static struct span permit_verdict;

static void
test_decide(void)
{
    const struct p_decide p = decide_good(DIRECTION_EXPORT, 0);
    struct p_sealed s = sealed_good();
    struct p_permit permit;
    struct p_decided told;
    TEST("without findings and a sealed body there is nothing to decide on")
    {
        CHECK_EQ(decide(&my, &p).err, (uint16_t)-ERR_NOT_FOUND);
        CHECK_EQ(tell_findings(&my, ROLE_INSPECTOR, 0), ERR_OK);
        CHECK_EQ(decide(&my, &p).err, (uint16_t)-ERR_NOT_FOUND);
    }
    TEST("findings of another inspector, of another hash or from another role do not count")
    {
        CHECK_EQ(tell_findings(&my, ROLE_INSPECTOR, 1), ERR_CONFLICT);
        CHECK_EQ(tell_findings(&my, ROLE_CLERK, 0), ERR_PROTOCOL);
        report[findings.len - 3] ^= 1;
        CHECK(report_read(findings, any_name, NULL, &scratch, &seen, NULL) == ERR_OK);
        CHECK_EQ(tell_findings(&my, ROLE_INSPECTOR, 0), ERR_CONFLICT);
        report[findings.len - 3] ^= 1;
    }
    TEST("what was inspected is what is sealed, or it is not decided on")
    {
        s.plaintext_len = 1;
        CHECK_EQ(TELL(&my, ROLE_SEALER, SEALED, sealed, &s, transfer, nothing), ERR_OK);
        CHECK_EQ(decide(&my, &p).err, (uint16_t)-ERR_NOT_FOUND);
        s = sealed_good();
        CHECK_EQ(TELL(&my, ROLE_SEALER, SEALED, sealed, &s, transfer, nothing), ERR_CONFLICT);
    }
    TEST("findings and seal give a verdict, an entry that opens, and a permit for its leaf")
    {
        uint8_t leaf[32];
        struct p_preflight again = preflight_good();
        again.epoch = 1;
        CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &again, transfer, nothing), ERR_OK);
        struct p_pre pre;
        struct offer o = {.sigs = {.count = 0}};
        uint8_t old[32];
        memcpy(old, offer_id, 32);
        CHECK_EQ(payload_pre_get(SAID(my.to_keeper), &pre), ERR_OK);
        o.manifest = pre.manifest;
        CHECK_EQ(offer_sign(&o, SUITE_AES_256_GCM, &my.gateway), ERR_OK);
        CHECK_EQ(offer_encode(&o, offer_record, sizeof(offer_record), &offer), ERR_OK);
        CHECK_EQ(offer_hash(pre.manifest, offer_id), ERR_OK);
        CHECK(memcmp(old, offer_id, 32) != 0);
        s = sealed_good();
        CHECK_EQ(TELL(&my, ROLE_SEALER, SEALED, sealed, &s, transfer, nothing), ERR_OK);
        CHECK_EQ(tell_findings(&my, ROLE_INSPECTOR, 0), ERR_OK);
        const struct p_decide q = decide_good(DIRECTION_EXPORT, 0);
        told = decide(&my, &q);
        CHECK_EQ(told.err, 0);
        CHECK_EQ(told.verdict, VERDICT_ALLOW);
        check_entry(&told, ENTRY_DECISION, "final");
        CHECK_EQ(my.to_keeper.type, MSG_PERMIT);
        CHECK_EQ(payload_permit_get(SAID(my.to_keeper), &permit), ERR_OK);
        CHECK_EQ(digest_leaf(told.entry, leaf), ERR_OK);
        CHECK(memcmp(leaf, permit.leaf, 32) == 0 && permit.verdict == VERDICT_ALLOW);
        CHECK(memcmp(permit.seal_hash, told.seal_hash, 32) == 0);
        CHECK(permit.expires == permit.decided_at + 900 && permit.policy_epoch == 7);
        CHECK(span_eq_str(permit.to_zone, "cn-lingang") && permit.recipients.len == 32);
        permit_verdict = kit_copy(permit.verdict_json);
    }
    TEST("n distinguishes: the same question is answered alike, other bytes under it are refused")
    {
        static uint8_t first[MSG_PAYLOAD_MAX];
        struct p_decide q = decide_good(DIRECTION_EXPORT, 0);
        const size_t len = my.answer.len;
        memcpy(first, my.answer.body, len);
        (void)decide(&my, &q);
        CHECK(my.answer.len == len && memcmp(first, my.answer.body, len) == 0);
        q.after_pi++;
        CHECK_EQ(decide(&my, &q).err, (uint16_t)-ERR_CONFLICT);
        q.n = 1;
        CHECK_EQ(decide(&my, &q).err, 0);
        CHECK(my.answer.len != len || memcmp(first, my.answer.body, len) != 0);
    }
    TEST("a clock that is not believed turns allow into hold")
    {
        const struct p_decide q = decide_good(DIRECTION_EXPORT, 2);
        my.suspect = true;
        CHECK_EQ(decide(&my, &q).verdict, VERDICT_HOLD);
        my.suspect = false;
    }
    TEST("so does ledger's word that no peer agrees with it, until it says otherwise")
    {
        struct p_clock_told word = {.suspect = 1};
        CHECK_EQ(TELL(&my, ROLE_LEDGER, CLOCK_TOLD, clock_told, &word, transfer, nothing), ERR_OK);
        const struct p_decide held = decide_good(DIRECTION_EXPORT, 3);
        CHECK_EQ(decide(&my, &held).verdict, VERDICT_HOLD);
        word.suspect = 0;
        CHECK_EQ(TELL(&my, ROLE_LEDGER, CLOCK_TOLD, clock_told, &word, transfer, nothing), ERR_OK);
        const struct p_decide good = decide_good(DIRECTION_EXPORT, 4);
        CHECK_EQ(decide(&my, &good).verdict, VERDICT_ALLOW);
        word.suspect = 2;
        CHECK_EQ(TELL(&my, ROLE_LEDGER, CLOCK_TOLD, clock_told, &word, transfer, nothing),
                 ERR_RANGE);
        word.suspect = 1;
        CHECK_EQ(TELL(&my, ROLE_CLERK, CLOCK_TOLD, clock_told, &word, transfer, nothing),
                 ERR_PROTOCOL);
    }
}

static void
test_restart(void)
{
    struct p_evidence e = {.direction = DIRECTION_EXPORT,
                           .offer = offer,
                           .partner = SPAN_LIT("hospital-kl"),
                           .agreement = SPAN_LIT("oncology-2026"),
                           .name = SPAN_LIT("2026-06.csv"),
                           .facts = SPAN_LIT("{}")};
    static uint8_t sealed[512];
    struct p_vouched v = {.sealed = {NULL, 0}};
    const struct p_sealed s = sealed_good();
    const struct p_decide q = decide_good(DIRECTION_EXPORT, 3);
    CHECK_EQ(digest_sha256(findings, e.findings_hash), ERR_OK);
    CHECK_EQ(payload_sealed_put(&s, sealed, sizeof(sealed), &v.sealed), ERR_OK);
    memcpy(v.offer_hash, offer_id, 32);
    memcpy(v.findings_hash, e.findings_hash, 32);
    TEST("after a restart clerk's evidence counts with keeper's word only, in any order")
    {
        for (int order = 0; order < 2; order++) {
            kit_stop(&my);
            kit_start(&my, "my-cyberjaya");
            CHECK_EQ(decide(&my, &q).err, (uint16_t)-ERR_NOT_FOUND);
            if (order == 1)
                CHECK_EQ(TELL(&my, ROLE_KEEPER, VOUCHED, vouched, &v, transfer, nothing), ERR_OK);
            CHECK_EQ(TELL(&my, ROLE_CLERK, EVIDENCE, evidence, &e, transfer, findings), ERR_OK);
            if (order == 0) {
                CHECK_EQ(decide(&my, &q).err, (uint16_t)-ERR_NOT_FOUND);
                CHECK_EQ(TELL(&my, ROLE_KEEPER, VOUCHED, vouched, &v, transfer, nothing), ERR_OK);
            }
            struct p_decided told = decide(&my, &q);
            CHECK(told.err == 0 && told.verdict == VERDICT_ALLOW);
        }
    }
    TEST(
        "a report that names a column by what is in it is never decided on, whoever vouches for it")
    {
        static uint8_t text[sizeof(report)];
        struct p_evidence worded = e;
        struct p_vouched vouched = v;
        memcpy(text, findings.ptr, findings.len);
        uint8_t *at = memmem(text, findings.len, "\"name\":\"", 8);
        CHECK(at != NULL);
        at[8] = 'Q';
        const struct span file = span_of(text, findings.len);
        CHECK_EQ(digest_sha256(file, worded.findings_hash), ERR_OK);
        memcpy(vouched.findings_hash, worded.findings_hash, 32);
        kit_stop(&my);
        kit_start(&my, "my-cyberjaya");
        CHECK_EQ(TELL(&my, ROLE_CLERK, EVIDENCE, evidence, &worded, transfer, file), ERR_OK);
        CHECK_EQ(TELL(&my, ROLE_KEEPER, VOUCHED, vouched, &vouched, transfer, nothing), ERR_OK);
        CHECK_EQ(decide(&my, &q).err, (uint16_t)-ERR_SYNTAX);
        kit_stop(&my);
        kit_start(&my, "my-cyberjaya");
        CHECK_EQ(TELL(&my, ROLE_CLERK, EVIDENCE, evidence, &e, transfer, findings), ERR_OK);
        CHECK_EQ(TELL(&my, ROLE_KEEPER, VOUCHED, vouched, &v, transfer, nothing), ERR_OK);
        CHECK_EQ(decide(&my, &q).err, 0);
    }
    TEST("after a restart an agreement that is gone is said to be gone, not forgotten")
    {
        struct judge_book_file all[KIT_FILES];
        const size_t count = my.file_count;
        memcpy(all, my.files, sizeof(all));
        my.file_count = 0;
        for (size_t i = 0; i < count; i++)
            if (memmem(all[i].name.ptr, all[i].name.len, "oncology", 8) == NULL)
                my.files[my.file_count++] = all[i];
        for (int floorless = 0; floorless < 2; floorless++) {
            kit_stop(&my);
            kit_floorless = floorless != 0;
            kit_start(&my, "my-cyberjaya");
            CHECK_EQ(TELL(&my, ROLE_CLERK, EVIDENCE, evidence, &e, transfer, findings), ERR_OK);
            CHECK_EQ(TELL(&my, ROLE_KEEPER, VOUCHED, vouched, &v, transfer, nothing), ERR_OK);
            /* While documents are missing this one may be among them. */
            CHECK_EQ(decide(&my, &q).err,
                     (uint16_t)(floorless != 0 ? -ERR_NOT_FOUND : -ERR_DENIED));
        }
        kit_floorless = false;
        memcpy(my.files, all, sizeof(all));
        my.file_count = count;
        kit_stop(&my);
        kit_start(&my, "my-cyberjaya");
    }
    TEST("nor is evidence of one whose columns are others by now decided on")
    {
        static uint8_t text[1 << 15];
        struct span *file = NULL;
        struct span *note = NULL;
        for (size_t i = 0; i < my.file_count; i++) {
            file = span_eq_str(my.files[i].name, "oncology-2026.json") ? &my.files[i].bytes : file;
            note = span_eq_str(my.files[i].name, "oncology-2026.json.note") ? &my.files[i].bytes
                                                                            : note;
        }
        CHECK(file != NULL && note != NULL && file->len < sizeof(text));
        const struct span before = *file;
        const struct span before_note = *note;
        memcpy(text, file->ptr, file->len);
        uint8_t *at = memmem(text, file->len, "\"ward\"", 6);
        CHECK(at != NULL);
        at[1] = 'c';
        char words[FILENOTE_TEXT_MAX];
        size_t len = 0;
        *file = span_of(text, file->len);
        CHECK_EQ(
            filenote_text("tdz.agreement/1", SPAN_LIT("oncology-2026.json"), *file, words, &len),
            ERR_OK);
        *note = kit_note(&my.operator_key, "operator", words, len);
        kit_stop(&my);
        kit_start(&my, "my-cyberjaya");
        CHECK_EQ(TELL(&my, ROLE_CLERK, EVIDENCE, evidence, &e, transfer, findings), ERR_OK);
        CHECK_EQ(TELL(&my, ROLE_KEEPER, VOUCHED, vouched, &v, transfer, nothing), ERR_OK);
        const uint16_t said = decide(&my, &q).err;
        CHECK(said == (uint16_t)-ERR_DENIED || said == (uint16_t)-ERR_SYNTAX);
        *file = before;
        *note = before_note;
        kit_stop(&my);
        kit_start(&my, "my-cyberjaya");
        CHECK_EQ(TELL(&my, ROLE_CLERK, EVIDENCE, evidence, &e, transfer, findings), ERR_OK);
        CHECK_EQ(TELL(&my, ROLE_KEEPER, VOUCHED, vouched, &v, transfer, nothing), ERR_OK);
        CHECK_EQ(decide(&my, &q).err, 0);
    }
    TEST("evidence that is not what it says is clerk's violation")
    {
        struct p_evidence bad = e;
        bad.findings_hash[0] ^= 1;
        CHECK_EQ(TELL(&my, ROLE_CLERK, EVIDENCE, evidence, &bad, transfer, findings), ERR_CONFLICT);
        bad = e;
        bad.name = SPAN_LIT("other.csv");
        CHECK_EQ(TELL(&my, ROLE_CLERK, EVIDENCE, evidence, &bad, transfer, findings), ERR_CONFLICT);
        bad = e;
        bad.direction = DIRECTION_IMPORT;
        CHECK_EQ(TELL(&my, ROLE_CLERK, EVIDENCE, evidence, &bad, transfer, findings), ERR_STATE);
    }
}

static uint8_t release_record[8192];

static void
test_import(void)
{
    struct p_import_offer p = {.peer = SPAN_LIT("my-cyberjaya"), .offer = offer};
    struct p_import_checked told;
    struct p_opened opened = {.root = {8}, .purpose = OPEN_INSPECT};
    struct release release = {.suite = SUITE_AES_256_GCM, .verdict = permit_verdict};
    struct p_decide q = decide_good(DIRECTION_IMPORT, 0);
    memcpy(opened.offer_hash, offer_id, 32);
    TEST("a genuine offer is checked by our own documents, and keeper hears the verdict")
    {
        size_t len = 0;
        static uint8_t out[65536];
        CHECK_EQ(TELL(&cn, ROLE_CLERK, IMPORT_OFFER, import_offer, &p, transfer, nothing), ERR_OK);
        CHECK(ANSWER(&cn, import_checked, &told) && told.err == 0);
        CHECK_EQ(told.verdict, VERDICT_ALLOW);
        CHECK(span_eq_str(told.recipient, "lab-shanghai") && cn.to_keeper.type == MSG_PRE_IMPORT);
        CHECK(memcmp(told.offer_hash, offer_id, 32) == 0);
        findings =
            inspect(told.spec, (const char *)leaves, leaves_len, report, sizeof(report), out, &len);
    }
    TEST("an offer with another signature, sender or time is refused without an entry")
    {
        const uint8_t other[16] = {0xcc};
        offer_record[offer.len - 1] ^= 1;
        CHECK_EQ(TELL(&cn, ROLE_CLERK, IMPORT_OFFER, import_offer, &p, other, nothing), ERR_OK);
        CHECK(ANSWER(&cn, import_checked, &told) && told.err == (uint16_t)-ERR_SIGNATURE);
        offer_record[offer.len - 1] ^= 1;
        CHECK_EQ(TELL(&cn, ROLE_CLERK, IMPORT_OFFER, import_offer, &p, other, nothing), ERR_OK);
        CHECK(ANSWER(&cn, import_checked, &told) && told.err == (uint16_t)-ERR_CONFLICT);
        CHECK_EQ(TELL(&my, ROLE_CLERK, IMPORT_OFFER, import_offer, &p, other, nothing), ERR_OK);
        CHECK(ANSWER(&my, import_checked, &told) && told.err == (uint16_t)-ERR_DENIED);
        cn.now_ms = NOW_MS + INT64_C(30) * 86400000;
        CHECK_EQ(TELL(&cn, ROLE_CLERK, IMPORT_OFFER, import_offer, &p, other, nothing), ERR_OK);
        CHECK(ANSWER(&cn, import_checked, &told) && told.err != 0);
        cn.now_ms = NOW_MS;
    }
    TEST("our own inspection decides, and `received` names the peer's entry")
    {
        struct span bytes;
        CHECK_EQ(tell_findings(&cn, ROLE_INSPECTOR, 0), ERR_OK);
        CHECK_EQ(release_sign(&release, &my.release), ERR_OK);
        CHECK_EQ(release_encode(&release, release_record, sizeof(release_record), &bytes), ERR_OK);
        q.counters = 0;
        q.release = bytes;
        q.peer_origin = SPAN_LIT("my-cyberjaya/gw1/2026h2");
        q.peer_index = 12;
        CHECK_EQ(decide(&cn, &q).err, (uint16_t)-ERR_NOT_FOUND);
        CHECK_EQ(TELL(&cn, ROLE_SEALER, OPENED, opened, &opened, transfer, nothing), ERR_OK);
        struct p_decided decided = decide(&cn, &q);
        CHECK_EQ(decided.err, 0);
        CHECK_EQ(decided.verdict, VERDICT_ALLOW);
        check_entry(&decided, ENTRY_RECEIVED, NULL);
        CHECK(memcmp(decided.seal_hash, release.seal_hash, 32) == 0);
    }
    TEST("an exporter that sealed another observation than ours is refused")
    {
        static char lie[8192];
        struct span bytes;
        memcpy(lie, permit_verdict.ptr, permit_verdict.len);
        char *at = memmem(lie, permit_verdict.len, "observed_out\":\"", 15);
        CHECK(at != NULL);
        at[15] = at[15] == '0' ? '1' : '0';
        release = (struct release){.suite = SUITE_AES_256_GCM,
                                   .verdict = span_of(lie, permit_verdict.len)};
        CHECK_EQ(release_sign(&release, &my.release), ERR_OK);
        CHECK_EQ(release_encode(&release, release_record, sizeof(release_record), &bytes), ERR_OK);
        q.n = 1;
        q.release = bytes;
        CHECK_EQ(decide(&cn, &q).verdict, VERDICT_DENY);
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
    test_preflight();
    test_decide();
    test_restart();
    test_import();
    kit_stop(&my);
    kit_stop(&cn);
    return test_end();
}
