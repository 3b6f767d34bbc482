/* SPDX-License-Identifier: Apache-2.0 */
/* A judge that was started anew and what the log says was in force before. */
#include "schemas/wire.h"
#include "tests/unit/judge/judgerevision.h"

static struct kit my;
static struct kit cn;
static const uint8_t transfer[16] = {0xaa, 1};
static const struct span nothing = {NULL, 0};
static struct span first;  /* my-export in its revision 1 */
static struct span second; /* and the one that follows it */
static size_t first_files; /* of my.files without it */

/* What ledger says judge must have: that document of that id. */
static enum err
ask_for(const char *id, struct span document)
{
    uint8_t rows[256];
    struct wire_writer w;
    struct p_policy_floor p;
    uint8_t sha256[32];
    CHECK_EQ(digest_sha256(document, sha256), ERR_OK);
    wire_writer_init(&w, rows, sizeof(rows));
    wire_put_bytes(&w, span_of(sha256, 32));
    wire_put_u8(&w, (uint8_t)strlen(id));
    wire_put_bytes(&w, span_str(id));
    CHECK_EQ(wire_writer_finish(&w, &p.documents), ERR_OK);
    return TELL(&my, ROLE_LEDGER, POLICY_FLOOR, policy_floor, &p, kit_no_transfer, nothing);
}

static enum err
say(struct span documents)
{
    const struct p_policy_floor p = {.documents = documents};
    return TELL(&my, ROLE_LEDGER, POLICY_FLOOR, policy_floor, &p, kit_no_transfer, nothing);
}

/* The code and verdict of a preflight; verdict 0xff when there was no answer. */
static struct p_preflighted
preflight(void)
{
    struct p_preflighted told = {.verdict = 0xff};
    const struct p_preflight p = {.partner = SPAN_LIT("hospital-kl"),
                                  .agreement = SPAN_LIT("oncology-2026"),
                                  .name = SPAN_LIT("2026-06.csv"),
                                  .facts = SPAN_LIT("{}"),
                                  .length = 1000,
                                  .counters = 1};
    CHECK_EQ(TELL(&my, ROLE_CLERK, PREFLIGHT, preflight, &p, transfer, nothing), ERR_OK);
    CHECK(ANSWER(&my, preflighted, &told));
    return told;
}

/* A judge of the first files of my's folder, which ledger has not spoken to. */
static void
begin(size_t files)
{
    if (my.book != NULL)
        kit_stop(&my);
    my.file_count = files;
    my.to_clerk.type = my.to_keeper.type = MSG_NONE;
    kit_floorless = true;
    kit_start(&my, "my-cyberjaya");
}

static struct judge_book *
book_of(size_t files)
{
    struct judge_book *book = NULL;
    struct fault fault = {.code = ERR_OK};
    CHECK_EQ(
        judge_book_new(SPAN_LIT("my-cyberjaya"), NOW_MS / 1000, my.files, files, &book, &fault),
        ERR_OK);
    return book;
}

static void
test_before(void)
{
    TEST("before ledger has spoken nothing is decided, told or refused for good")
    {
        begin(first_files);
        const struct p_preflighted told = preflight();
        CHECK(span_eq_str(told.code, "log-unavailable") && told.entry.len == 0);
        judge_tell_policies(&my.j, NOW_MS);
        CHECK(my.to_clerk.type == MSG_NONE && my.to_keeper.type == MSG_NONE);
        CHECK_EQ(judge_follow(&my.j, NOW_MS), INT64_MAX);
    }
    TEST("a log without any policy asks for nothing")
    {
        CHECK_EQ(say(nothing), ERR_OK);
        CHECK(preflight().code.len == 0 && my.j.floor_met);
        judge_tell_policies(&my.j, NOW_MS);
        CHECK_EQ(my.to_clerk.type, MSG_POLICIES);
    }
    TEST("what the log names and the folder has is enough, and so is what follows it")
    {
        begin(first_files);
        CHECK_EQ(ask_for("my-export", first), ERR_OK);
        CHECK(my.j.floor_met && preflight().code.len == 0);
        begin(first_files + 2);
        CHECK_EQ(ask_for("my-export", first), ERR_OK);
        CHECK(my.j.floor_met);
    }
}

static void
test_behind(void)
{
    struct fault fault = {.code = ERR_OK};
    struct judge_book *fresh = NULL;
    TEST("a folder older than what the log names decides nothing, and says of which document")
    {
        begin(first_files);
        CHECK_EQ(ask_for("my-export", second), ERR_OK);
        CHECK(!my.j.floor_met);
        const struct p_preflighted told = preflight();
        CHECK(span_eq_str(told.code, "quarantined") && told.entry.len == 0);
        CHECK_EQ(judge_floor_check(&my.j, my.book, &fault), ERR_DENIED);
        CHECK(strncmp(fault.where, "my-export: ", 11) == 0 &&
              strstr(fault.where, "downgrade") != NULL);
    }
    TEST("nothing of it is told to clerk, or the log would name the old ones again")
    {
        judge_tell_policies(&my.j, NOW_MS);
        CHECK_EQ(judge_follow(&my.j, NOW_MS + 1000000), INT64_MAX);
        CHECK(my.to_clerk.type == MSG_NONE && my.to_keeper.type == MSG_NONE);
    }
    TEST("a reload with what is missing is taken and begins to decide; another one does not")
    {
        fresh = book_of(first_files);
        CHECK_EQ(judge_floor_check(&my.j, fresh, NULL), ERR_DENIED);
        judge_book_free(fresh);
        fresh = book_of(first_files + 2);
        CHECK_EQ(judge_floor_check(&my.j, fresh, NULL), ERR_OK);
        CHECK(judge_activate(&my.j, fresh, NOW_MS) && my.j.floor_met);
        judge_book_free(my.book);
        my.book = fresh;
        CHECK(my.to_clerk.type == MSG_POLICIES && my.to_keeper.type == MSG_POLICY_EPOCH);
        CHECK_EQ(preflight().code.len, 0);
    }
    TEST("from then on its own memory counts, whatever a ledger that was restarted says")
    {
        CHECK_EQ(ask_for("other", SPAN_LIT("of before")), ERR_OK);
        CHECK(my.j.floor_met && preflight().code.len == 0);
    }
    TEST("a document of an id that is gone is missed too")
    {
        begin(first_files + 2);
        CHECK_EQ(ask_for("gone", SPAN_LIT("x")), ERR_OK);
        CHECK(!my.j.floor_met);
        CHECK_EQ(judge_floor_check(&my.j, my.book, &fault), ERR_DENIED);
        CHECK(strncmp(fault.where, "gone: ", 6) == 0);
    }
}

static void
test_words(void)
{
    static const uint8_t row[] = {[32] = 2, 'i', 'd'};
    TEST("what is no list of documents is ledger's violation, and only ledger may say one")
    {
        begin(first_files);
        CHECK_EQ(say(span_of(row, 10)), ERR_SHORT);
        CHECK_EQ(say(span_of(row, sizeof(row) - 1)), ERR_SHORT);
        uint8_t none[33] = {0};
        CHECK_EQ(say(span_of(none, sizeof(none))), ERR_RANGE);
        CHECK(!my.j.floor_told && !my.j.floor_met);
        const struct p_policy_floor p = {.documents = nothing};
        CHECK_EQ(TELL(&my, ROLE_CLERK, POLICY_FLOOR, policy_floor, &p, kit_no_transfer, nothing),
                 ERR_PROTOCOL);
        CHECK_EQ(say(span_of(row, sizeof(row))), ERR_OK);
        CHECK(my.j.floor_told && !my.j.floor_met);
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
    first = my.files[2].bytes;
    first_files = my.file_count;
    second = kit_second_revision(first);
    kit_add_policy(&my, "my-export-2.json", second);
    test_before();
    test_behind();
    test_words();
    kit_stop(&my);
    return test_end();
}
