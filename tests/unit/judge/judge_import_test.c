/* SPDX-License-Identifier: Apache-2.0 */
/* An import whose agreement reads otherwise by the time it is decided on: what was let in and
 * inspected by the old columns is let in and inspected by the new ones, or refused. */
#include "crypto/release.h"
#include "tests/unit/judge/judgecase.h"

static const char *packs;
static uint8_t offer_record[65536];
static uint8_t release_record[8192];
static struct p_import_offer offered;
static struct span permitted; /* the exporter's verdict */
static struct p_decide question;
static struct p_import_checked told;
static uint8_t body[65536]; /* what was opened: the exporter's output */
static size_t body_len;

/* my exports a table; cn has let its offer in, and RELEASE is here. */
static void
begin(void)
{
    const struct p_preflight p = preflight_good();
    struct release release = {.suite = SUITE_AES_256_GCM};
    struct offer o = {.sigs = {.count = 0}};
    struct p_preflighted let;
    struct p_permit permit;
    struct p_pre pre;
    offered.peer = SPAN_LIT("my-cyberjaya");
    if (my.book != NULL) {
        kit_stop(&my);
        kit_stop(&cn);
    }
    my.file_count = cn.file_count = 0;
    kit_files(&my, packs, "my", &my, &cn);
    kit_files(&cn, packs, "cn", &my, &cn);
    kit_start(&my, "my-cyberjaya");
    kit_start(&cn, "cn-lingang");
    CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, transfer, nothing), ERR_OK);
    CHECK(ANSWER(&my, preflighted, &let) && let.verdict == VERDICT_ALLOW);
    CHECK_EQ(payload_pre_get(SAID(my.to_keeper), &pre), ERR_OK);
    o.manifest = pre.manifest;
    CHECK_EQ(offer_sign(&o, SUITE_AES_256_GCM, &my.gateway), ERR_OK);
    CHECK_EQ(offer_encode(&o, offer_record, sizeof(offer_record), &offered.offer), ERR_OK);
    CHECK_EQ(offer_hash(pre.manifest, offer_id), ERR_OK);
    findings =
        inspect(let.spec, table, sizeof(table) - 1, report, sizeof(report), leaves, &leaves_len);
    const struct p_sealed s = sealed_good();
    const struct p_decide q = decide_good(DIRECTION_EXPORT, 0);
    CHECK_EQ(TELL(&my, ROLE_SEALER, SEALED, sealed, &s, transfer, nothing), ERR_OK);
    CHECK_EQ(tell_findings(&my, ROLE_INSPECTOR, 0), ERR_OK);
    CHECK_EQ(decide(&my, &q).verdict, VERDICT_ALLOW);
    CHECK_EQ(payload_permit_get(SAID(my.to_keeper), &permit), ERR_OK);
    permitted = kit_copy(permit.verdict_json);
    release.verdict = permitted;
    question = decide_good(DIRECTION_IMPORT, 0);
    question.counters = 0;
    question.peer_origin = SPAN_LIT("my-cyberjaya/gw1/2026h2");
    CHECK_EQ(release_sign(&release, &my.release), ERR_OK);
    CHECK_EQ(release_encode(&release, release_record, sizeof(release_record), &question.release),
             ERR_OK);
    memcpy(body, leaves, leaves_len);
    body_len = leaves_len;
}

static struct p_import_checked
check_offer(void)
{
    struct p_import_checked p = {.err = 0xffff};
    CHECK_EQ(TELL(&cn, ROLE_CLERK, IMPORT_OFFER, import_offer, &offered, transfer, nothing),
             ERR_OK);
    CHECK(ANSWER(&cn, import_checked, &p));
    p.spec = kit_copy(p.spec);
    return p;
}

/* An inspector reads the body by spec, a sealer says that it opened. */
static void
look(struct span spec)
{
    static uint8_t out[65536];
    size_t len = 0;
    struct p_opened opened = {.root = {8}, .purpose = OPEN_INSPECT};
    memcpy(opened.offer_hash, offer_id, 32);
    findings = inspect(spec, (const char *)body, body_len, report, sizeof(report), out, &len);
    CHECK_EQ(TELL(&cn, ROLE_SEALER, OPENED, opened, &opened, transfer, nothing), ERR_OK);
}

/* Operators put another document in the place of the agreement: every `old` in it is `new`. NULL:
 * the register is only read again. */
static void
reload(struct kit *k, const char *zone, const char *old, const char *new)
{
    struct judge_book *fresh = NULL;
    struct fault fault = {.code = ERR_OK};
    for (size_t i = 0; old != NULL && i < k->file_count; i++) {
        static char text[1 << 15];
        size_t at = 0;
        if (k->files[i].kind != JUDGE_BOOK_AGREEMENT ||
            memmem(k->files[i].name.ptr, k->files[i].name.len, "oncology", 8) == NULL)
            continue;
        const char *from = (const char *)k->files[i].bytes.ptr;
        const char *end = from + k->files[i].bytes.len;
        while (from < end) {
            const bool here =
                (size_t)(end - from) >= strlen(old) && memcmp(from, old, strlen(old)) == 0;
            const char *put = here ? new : from;
            const size_t len = here ? strlen(new) : 1;
            memcpy(text + at, put, len);
            at += len;
            from += here ? strlen(old) : 1;
        }
        const size_t last = k->file_count;
        kit_add(k, JUDGE_BOOK_AGREEMENT, "tdz.agreement/1", "oncology-2026.json",
                kit_copy(span_of(text, at)));
        memcpy(&k->files[i], &k->files[last], 2 * sizeof(k->files[0])); /* and its note */
        k->file_count = last;
        break;
    }
    CHECK_EQ(judge_book_new(span_str(zone), NOW_MS / 1000, k->files, k->file_count, &fresh, &fault),
             ERR_OK);
    if (fresh == NULL) {
        printf("# %s %u:%u\n", fault.where, fault.line, fault.column);
        return;
    }
    CHECK_EQ(judge_activate(&k->j, fresh, k->now_ms), old != NULL);
    judge_book_free(k->book);
    k->book = fresh;
}

#define OLD_COLUMN "\"ward\""
#define NEW_COLUMN "\"unit\""

static void
test_same(void)
{
    TEST("a register that is read again and says the same changes nothing for an import")
    {
        begin();
        told = check_offer();
        look(told.spec);
        CHECK_EQ(tell_findings(&cn, ROLE_INSPECTOR, 0), ERR_OK);
        reload(&cn, "cn-lingang", NULL, NULL);
        const struct p_decided d = decide(&cn, &question);
        CHECK(d.err == 0 && d.verdict == VERDICT_ALLOW);
    }
}

static void
test_columns(void)
{
    TEST("findings of columns that the agreement does not declare any more are not decided on")
    {
        begin();
        told = check_offer();
        CHECK(told.err == 0 && told.verdict == VERDICT_ALLOW);
        look(told.spec);
        CHECK_EQ(tell_findings(&cn, ROLE_INSPECTOR, 0), ERR_OK);
        reload(&cn, "cn-lingang", OLD_COLUMN, NEW_COLUMN);
        CHECK_EQ(decide(&cn, &question).err, (uint16_t)-ERR_NOT_FOUND);
    }
    TEST("the offer is let in again by the agreement that is in force now, and inspected by it")
    {
        const struct p_import_checked again = check_offer();
        CHECK(again.err == 0 && again.verdict == VERDICT_ALLOW);
        CHECK(again.spec.len > 0 && !span_eq(again.spec, told.spec));
        CHECK_EQ(decide(&cn, &question).err, (uint16_t)-ERR_NOT_FOUND);
        CHECK_EQ(cn.to_keeper.type, MSG_PRE_IMPORT);
        look(told.spec); /* of the attempt before, which was on its way */
        CHECK_EQ(tell_findings(&cn, ROLE_INSPECTOR, 0), ERR_OK);
        CHECK_EQ(decide(&cn, &question).err, (uint16_t)-ERR_NOT_FOUND);
        look(again.spec);
        CHECK_EQ(tell_findings(&cn, ROLE_INSPECTOR, 0), ERR_OK);
        const struct p_decided d = decide(&cn, &question);
        CHECK_EQ(d.err, 0);
        CHECK(memmem(d.observed.ptr, d.observed.len, "#12", 3) != NULL); /* the undeclared ward */
    }
    TEST("nor are they the inspector's fault when they come after the reload")
    {
        begin();
        told = check_offer();
        look(told.spec);
        reload(&cn, "cn-lingang", OLD_COLUMN, NEW_COLUMN);
        CHECK_EQ(tell_findings(&cn, ROLE_INSPECTOR, 0), ERR_OK);
        CHECK_EQ(decide(&cn, &question).err, (uint16_t)-ERR_NOT_FOUND);
    }
    TEST("another document under that name is another agreement, though its columns are the same")
    {
        begin();
        told = check_offer();
        look(told.spec);
        CHECK_EQ(tell_findings(&cn, ROLE_INSPECTOR, 0), ERR_OK);
        reload(&cn, "cn-lingang", "\"ward\", \"type\": \"string\"",
               "\"ward\", \"type\":  \"string\"");
        CHECK_EQ(decide(&cn, &question).err, (uint16_t)-ERR_NOT_FOUND);
        CHECK_EQ(check_offer().err, 0);
        look(told.spec);
        CHECK_EQ(tell_findings(&cn, ROLE_INSPECTOR, 0), ERR_OK);
        CHECK_EQ(decide(&cn, &question).verdict, VERDICT_ALLOW);
    }
}

static void
test_unreadable(void)
{
    TEST("a column that the agreement never declared is the inspector's breach")
    {
        begin();
        told = check_offer();
        look(told.spec);
        uint8_t *at = memmem(report, findings.len, OLD_COLUMN, strlen(OLD_COLUMN));
        CHECK(at != NULL);
        if (at != NULL)
            memcpy(at, "\"xard\"", 6);
        CHECK(tell_findings(&cn, ROLE_INSPECTOR, 0) != ERR_OK);
        CHECK_EQ(decide(&cn, &question).err, (uint16_t)-ERR_NOT_FOUND);
    }
    TEST("an export whose columns went is refused for its agreement, not for its inspection")
    {
        begin();
        const struct p_decide q = decide_good(DIRECTION_EXPORT, 1);
        CHECK_EQ(decide(&my, &q).verdict, VERDICT_ALLOW);
        reload(&my, "my-cyberjaya", OLD_COLUMN, NEW_COLUMN);
        CHECK_EQ(decide(&my, &q).err, (uint16_t)-ERR_DENIED);
    }
}

static void
test_verdict(void)
{
    TEST("a RELEASE that is signed and holds no verdict, or no allow, breaks the protocol")
    {
        static const char *const words[] = {"{}", "[",
                                            "{\"decision\":\"hold\",\"observed_out\":\"x\"}"};
        begin();
        told = check_offer();
        look(told.spec);
        CHECK_EQ(tell_findings(&cn, ROLE_INSPECTOR, 0), ERR_OK);
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            struct release release = {.suite = SUITE_AES_256_GCM, .verdict = span_str(words[i])};
            CHECK_EQ(release_sign(&release, &my.release), ERR_OK);
            CHECK_EQ(
                release_encode(&release, release_record, sizeof(release_record), &question.release),
                ERR_OK);
            CHECK_EQ(decide(&cn, &question).err, (uint16_t)-ERR_PROTOCOL);
        }
    }
    TEST("one that a key signed which does not count is said to be so")
    {
        struct release release = {.suite = SUITE_AES_256_GCM, .verdict = permitted};
        CHECK_EQ(release_sign(&release, &my.gateway), ERR_OK);
        CHECK_EQ(
            release_encode(&release, release_record, sizeof(release_record), &question.release),
            ERR_OK);
        CHECK_EQ(decide(&cn, &question).err, (uint16_t)-ERR_KEY_UNKNOWN);
    }
    TEST("a keeper whose queue is full is no record that is too long: it is asked again")
    {
        struct release release = {.suite = SUITE_AES_256_GCM, .verdict = permitted};
        CHECK_EQ(release_sign(&release, &my.release), ERR_OK);
        CHECK_EQ(
            release_encode(&release, release_record, sizeof(release_record), &question.release),
            ERR_OK);
        cn.keeper_err = ERR_FULL;
        CHECK_EQ(decide(&cn, &question).err, (uint16_t)-ERR_AGAIN);
        cn.keeper_err = ERR_OK;
        CHECK_EQ(decide(&cn, &question).verdict, VERDICT_ALLOW);
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
    test_same();
    test_columns();
    test_unreadable();
    test_verdict();
    kit_stop(&my);
    kit_stop(&cn);
    return test_end();
}
