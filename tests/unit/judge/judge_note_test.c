/* SPDX-License-Identifier: Apache-2.0 */
/* NOTE_ASK: operators' words on holds and counters before clerk keeps them. */
#include "tests/unit/judge/judgezone.h"

#define PERSONS_MAX "10000000000"

static struct kit my;
static struct kit cn;
static const uint8_t transfer[16] = {0xaa, 1};
static const struct span nothing = {NULL, 0};
static const uint8_t seal[32] = {5};
static const uint8_t record[32] = {6};
static const char one[] = "{\"approvals\":[],\"rules\":[{\"missing\":[\"a\"],\"release\":\"a\","
                          "\"rule\":\"p/h\"}]}";
static const char two[] = "{\"approvals\":[],\"rules\":[{\"missing\":[\"a\",\"b\"],\"release\":"
                          "\"a+b\",\"rule\":\"p/h\"}]}";
static struct entry_scratch scratch_entry;

/* The approval note of a verdict with one member said otherwise (NULL: none). */
static struct span
word(const struct sign_key *key, const char *who, const char *verdict, const char *member,
     const char *value)
{
    static const char *const names[] = {"decision", "expires",  "reason",
                                        "seal",     "transfer", "verdict"};
    char values[6][128];
    char text[2048] = "tdz.approval/1\n{";
    size_t at = strlen(text);
    CHECK_EQ(text_hex(span_of(record, 32), values[0] + 1, 65), ERR_OK);
    (void)snprintf(values[1], sizeof(values[1]), "%lld", (long long)(NOW_MS / 1000 + 60));
    (void)snprintf(values[2], sizeof(values[2]), "\"r\"");
    CHECK_EQ(text_hex(span_of(seal, 32), values[3] + 1, 65), ERR_OK);
    CHECK_EQ(text_hex(span_of(transfer, 16), values[4] + 1, 33), ERR_OK);
    (void)snprintf(values[5], sizeof(values[5]), "\"%s\"", verdict);
    values[0][0] = values[3][0] = values[4][0] = '"';
    memcpy(values[0] + 65, "\"", 2);
    memcpy(values[3] + 65, "\"", 2);
    memcpy(values[4] + 33, "\"", 2);
    for (size_t i = 0; i < 6; i++) {
        const bool other = member != NULL && strcmp(member, names[i]) == 0;
        if (other && value == NULL)
            continue;
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\"%s\":%s",
                               text[at - 1] == '{' ? "" : ",", names[i], other ? value : values[i]);
    }
    if (member != NULL && strcmp(member, "more") == 0)
        at += (size_t)snprintf(text + at, sizeof(text) - at, ",\"more\":%s", value);
    at += (size_t)snprintf(text + at, sizeof(text) - at, "}\n");
    return kit_note(key, who, text, at);
}

static struct p_note_ask
approval(struct span note, const char *hold, struct span notes)
{
    struct p_note_ask p = {
        .what = NOTE_APPROVAL, .n = 2, .hold = span_str(hold), .notes = notes, .note = note};
    memcpy(p.seal_hash, seal, 32);
    memcpy(p.held, record, 32);
    return p;
}

/* Judge's answer; err 0xff in verdict when it is none. */
static struct p_note_answer
told(const struct p_note_ask *p)
{
    struct p_note_answer a = {.verdict = 0xff};
    CHECK_EQ(TELL(&my, ROLE_CLERK, NOTE_ASK, note_ask, p, transfer, nothing), ERR_OK);
    CHECK_EQ(my.answer.type, MSG_NOTE_ANSWER);
    CHECK(ANSWER(&my, note_answer, &a));
    return a;
}

static bool
has(struct span text, const char *part)
{
    const bool found = text.len > 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
    if (!found)
        printf("# no %s in %.*s\n", part, (int)text.len, (const char *)text.ptr);
    return found;
}

/* Refused with that code, and nothing is there to append. */
static bool
refused(const struct p_note_ask *p, const char *code, const char *detail)
{
    const struct p_note_answer a = told(p);
    return span_eq_str(a.code, code) && has(a.detail, detail) && a.entry.len == 0 &&
           a.complete == 0;
}

static void
test_approval(void)
{
    struct p_note_ask p;
    struct p_note_answer a;
    struct entry e;
    TEST("a word that counts has its entry, and the hold tells who spoke and who is missing")
    {
        p = approval(word(&my.operator_key, "operator", "approve", NULL, NULL), one, nothing);
        a = told(&p);
        CHECK(a.code.len == 0 && a.verdict == 1 && a.complete == 1 && a.repeated == 0);
        CHECK_EQ(entry_read(a.entry, true, &scratch_entry, &e, NULL), ERR_OK);
        CHECK(e.kind == ENTRY_APPROVAL && e.has_transfer && e.n == 2);
        CHECK(has(a.hold, "\"operator\":\"operator\"") && has(a.hold, "\"missing\":[]") &&
              has(a.hold, "\"rule\":\"p/h\""));
    }
    TEST("of two persons the first is not enough, the second is, the first again is no news")
    {
        const struct span first = p.note;
        p = approval(first, two, nothing);
        a = told(&p);
        CHECK(a.verdict == 1 && a.complete == 0 && has(a.hold, "\"missing\":[\"b\"]"));
        p = approval(word(&my.approver_key, "approver", "approve", NULL, NULL), two, first);
        CHECK(told(&p).complete == 1);
        p = approval(first, two, first);
        a = told(&p);
        CHECK(a.repeated == 1 && a.complete == 0);
    }
    TEST("one refusal is complete, whoever has not spoken")
    {
        p = approval(word(&my.approver_key, "approver", "refuse", NULL, NULL), two, nothing);
        a = told(&p);
        CHECK(a.verdict == 0 && a.complete == 1 && has(a.entry, "\"refuse\""));
    }
    TEST("words of before that have ended, or are about something else, are not counted")
    {
        const struct span old = word(&my.approver_key, "approver", "approve", "expires", "5");
        p = approval(word(&my.operator_key, "operator", "approve", NULL, NULL), two, old);
        CHECK(told(&p).complete == 0);
        p.notes = word(&my.approver_key, "approver", "approve", "seal", "\"00\"");
        CHECK(told(&p).complete == 0);
    }
}

static void
test_not_counted(void)
{
    static const struct {
        const char *member;
        const char *value; /* NULL: left out */
        const char *code;
        const char *detail;
    } table[] = {
        {"expires", "1", "note-refused", "expired"},
        {"expires", "\"2020-01-01T00:00:00Z\"", "note-refused", "expired"},
        {"expires", "\"tomorrow\"", "bad-request", "format"},
        {"expires", "true", "bad-request", "format"},
        {"expires", NULL, "bad-request", "format"},
        {"seal", "\"0000000000000000000000000000000000000000000000000000000000000000\"",
         "note-refused", "another"},
        {"decision", "\"sha256:00000000000000000000000000000000000000000000000000000000000000aa\"",
         "note-refused", "another"},
        {"transfer", "\"00000000000000000000000000000000\"", "note-refused", "another"},
        {"transfer", "\"00\"", "bad-request", "format"},
        {"seal", "7", "bad-request", "format"},
        {"decision", NULL, "bad-request", "format"},
        {"verdict", "\"allow\"", "bad-request", "format"},
        {"verdict", NULL, "bad-request", "format"},
        {"more", "1", "bad-request", "format"},
    };
    TEST("a note that is about something else, has ended or is no note is refused with a reason")
    {
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
            const struct p_note_ask p = approval(
                word(&my.operator_key, "operator", "approve", table[i].member, table[i].value), one,
                nothing);
            CHECK(refused(&p, table[i].code, table[i].detail));
        }
    }
    TEST("so is one by somebody who is no operator here, or under a signature that is not theirs")
    {
        struct p_note_ask p =
            approval(word(&cn.operator_key, "operator", "approve", NULL, NULL), one, nothing);
        CHECK(refused(&p, "note-refused", "no operator"));
        p.note = word(&my.gateway, "gateway", "approve", NULL, NULL);
        CHECK(refused(&p, "note-refused", "no operator"));
        p.note = word(&my.operator_key, "operator", "approve", NULL, NULL);
        ((uint8_t *)(uintptr_t)p.note.ptr)[30] ^= 1;
        CHECK(refused(&p, "note-refused", "no operator"));
    }
    TEST("the format's line without a second one, and a note of the other format, are no word")
    {
        static const char head[] = "tdz.approval/1\n";
        static const char other[] = "tdz.counter/1\n{}\n";
        struct p_note_ask p =
            approval(kit_note(&my.operator_key, "operator", head, sizeof(head) - 1), one, nothing);
        CHECK(refused(&p, "bad-request", "format"));
        p.note = kit_note(&my.operator_key, "operator", other, sizeof(other) - 1);
        CHECK(refused(&p, "bad-request", "format"));
        p.note = SPAN_LIT("approve");
        CHECK(refused(&p, "bad-request", "format"));
    }
    TEST("a hold that clerk cannot have stored is its violation, and so is another kind of note")
    {
        struct p_note_ask p =
            approval(word(&my.operator_key, "operator", "approve", NULL, NULL), "[]", nothing);
        CHECK_EQ(TELL(&my, ROLE_CLERK, NOTE_ASK, note_ask, &p, transfer, nothing), ERR_TYPE);
        p.hold = SPAN_LIT("{\"rules\":[7]}");
        CHECK_EQ(TELL(&my, ROLE_CLERK, NOTE_ASK, note_ask, &p, transfer, nothing), ERR_TYPE);
        p.hold = SPAN_LIT("{\"rules\":[{\"release\":\"a\"}]}");
        CHECK_EQ(TELL(&my, ROLE_CLERK, NOTE_ASK, note_ask, &p, transfer, nothing), ERR_MISSING);
        p.hold = SPAN_LIT("{]");
        CHECK_EQ(TELL(&my, ROLE_CLERK, NOTE_ASK, note_ask, &p, transfer, nothing), ERR_SYNTAX);
        p.what = 3;
        CHECK_EQ(TELL(&my, ROLE_CLERK, NOTE_ASK, note_ask, &p, transfer, nothing), ERR_RANGE);
        CHECK_EQ(TELL(&my, ROLE_LEDGER, NOTE_ASK, note_ask, &p, transfer, nothing), ERR_PROTOCOL);
    }
    TEST("a release that no rule can have is met by nobody")
    {
        struct p_note_ask p =
            approval(word(&my.operator_key, "operator", "approve", NULL, NULL),
                     "{\"rules\":[{\"release\":\"a+b+c+d+e\",\"rule\":\"r\"}]}", nothing);
        CHECK(told(&p).complete == 0);
    }
}

/* A counter note with kind, known, year, pi and spi as they are written. */
static struct p_note_ask
counter(const char *kind, const char *known, const char *year, const char *pi, const char *spi,
        const char *more)
{
    char text[1024];
    const int n = snprintf(text, sizeof(text),
                           "tdz.counter/1\n{\"expires\":%lld,\"exporter\":\"hospital-kl\","
                           "\"id\":\"1\",\"kind\":%s,\"known\":%s,\"pi\":%s,\"reason\":\"r\","
                           "\"spi\":%s,\"year\":%s%s}\n",
                           (long long)(NOW_MS / 1000 + 60), kind, known, pi, spi, year, more);
    CHECK(n > 0 && (size_t)n < sizeof(text));
    return (struct p_note_ask){.what = NOTE_COUNTER,
                               .note = kit_note(&my.operator_key, "operator", text, (size_t)n)};
}

static void
test_counter(void)
{
    static const char *const wrong[][6] = {
        {"\"adjust\"", "false", "2026", "10000000001", "0", ""},
        {"\"adjust\"", "false", "2026", "0", "-10000000001", ""},
        {"\"adjust\"", "false", "2026", "9223372036854775808", "0", ""},
        {"\"adjust\"", "false", "2026", "1.5", "0", ""},
        {"\"opening\"", "false", "2026", "-1", "0", ""},
        {"\"opening\"", "false", "2026", "0", "-1", ""},
        {"\"adjust\"", "false", "1969", "0", "0", ""},
        {"\"adjust\"", "false", "10000", "0", "0", ""},
        {"\"adjust\"", "1", "2026", "0", "0", ""},
        {"\"reset\"", "false", "2026", "0", "0", ""},
        {"7", "false", "2026", "0", "0", ""},
        {"\"adjust\"", "false", "2026", "0", "0", ",\"more\":1"},
        {"\"adjust\"", "false", "2026", "0", "0", ",\"pi\":1"},
    };
    struct entry e;
    TEST("an adjustment is told to clerk with its sign, and its entry is of the format")
    {
        const struct p_note_ask p =
            counter("\"adjust\"", "false", "2026", "-" PERSONS_MAX, PERSONS_MAX, "");
        const struct p_note_answer a = told(&p);
        CHECK(a.code.len == 0 && a.opening == 0 && a.known == 0 && a.year == 2026);
        CHECK((int64_t)a.pi == -INT64_C(10000000000) && a.spi == UINT64_C(10000000000));
        CHECK(span_eq_str(a.exporter, "hospital-kl"));
        CHECK_EQ(entry_read(a.entry, true, &scratch_entry, &e, NULL), ERR_OK);
        CHECK(e.kind == ENTRY_COUNTER && !e.has_transfer);
        CHECK(has(a.entry, "\"pi\":\"-" PERSONS_MAX "\"") &&
              has(a.entry, "\"spi\":\"" PERSONS_MAX "\""));
    }
    TEST("an opening balance is a number of persons, and may say that counters are known")
    {
        const struct p_note_ask p = counter("\"opening\"", "true", "9999", "0", "3", "");
        const struct p_note_answer a = told(&p);
        CHECK(a.code.len == 0 && a.opening == 1 && a.known == 1 && a.pi == 0 && a.spi == 3);
    }
    TEST("numbers, years and words beyond what they can be are refused")
    {
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            const char *const *w = wrong[i];
            const struct p_note_ask p = counter(w[0], w[1], w[2], w[3], w[4], w[5]);
            CHECK(refused(&p, "bad-request", "format"));
        }
    }
    TEST("an approval is no word on counters, nor is a note of another zone's operator")
    {
        struct p_note_ask p = {.what = NOTE_COUNTER,
                               .note = word(&my.operator_key, "operator", "approve", NULL, NULL)};
        CHECK(refused(&p, "bad-request", "format"));
        p.note = word(&cn.operator_key, "operator", "approve", NULL, NULL);
        CHECK(told(&p).code.len > 0);
    }
    TEST("a counter note that ends now has ended")
    {
        const struct p_note_ask p = counter("\"adjust\"", "false", "2026", "1", "1", "");
        my.now_ms = NOW_MS + 59999;
        CHECK(told(&p).code.len == 0);
        my.now_ms = NOW_MS + 60000;
        CHECK(refused(&p, "note-refused", "expired"));
        my.now_ms = NOW_MS;
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
    kit_start(&my, "my-cyberjaya");
    test_approval();
    test_not_counted();
    test_counter();
    kit_stop(&my);
    return test_end();
}
