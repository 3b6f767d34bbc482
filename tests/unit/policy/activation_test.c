/* SPDX-License-Identifier: Apache-2.0 */
/* Who may activate a policy document, what may follow what, and what may take its place. */
#include "crypto/crypto.h"
#include "policy/lineage.h"
#include "policy/tighten.h"
#include "schemas/text.h"
#include "tests/activated.h"

#define DAY INT64_C(86400000)
#define NOW (INT64_C(20000) * DAY)

static const char vocabulary[] =
    "{\"format\":\"tdz.vocab/1\",\"id\":\"v\",\"revision\":3,\"zones\":{\"a\":null,\"b\":null},"
    "\"classes\":{\"x\":null,\"y\":null},\"attributes\":{"
    "\"to\":{\"type\":\"zone\",\"source\":\"route\"},"
    "\"labels\":{\"type\":\"labels\",\"source\":\"manifest\"},"
    "\"code\":{\"type\":\"string\",\"source\":\"manifest\"},"
    "\"ok\":{\"type\":\"bool\",\"source\":\"manifest\"}},"
    "\"obligations\":{\"retain\":{\"phase\":\"recipient\"}}}";

static struct vocab vocab;
static struct sign_key keys[5];
static struct activation_key known[6];
enum { AUTHOR, APPROVER, FOREIGN, STRANGER, EXPIRED };
static const char *const names[] = {"ann", "bob", "chen", "mallory", "old"};

static struct activated_person
person(int i)
{
    return (struct activated_person){names[i], &keys[i]};
}

static void
setup(void)
{
    for (int i = 0; i < 5; i++) {
        const uint8_t seed[32] = {(uint8_t)(i + 1)};
        CHECK_EQ(sign_key_init(&keys[i], seed), ERR_OK);
        known[i] = (struct activation_key){.zone = i == FOREIGN ? SPAN_LIT("b") : SPAN_LIT("a"),
                                           .not_before = 0,
                                           .not_after = i == EXPIRED ? 1000 : 4000000000};
        CHECK_EQ(note_key_init(span_str(names[i]), NOTE_ED25519, keys[i].pub.pub, &known[i].key),
                 ERR_OK);
    }
    /* Ann has a second name with the same key. */
    known[5] = known[AUTHOR];
    CHECK_EQ(note_key_init(SPAN_LIT("ann-2"), NOTE_ED25519, keys[AUTHOR].pub.pub, &known[5].key),
             ERR_OK);
    known[STRANGER].zone = SPAN_LIT("c");
}

#define RULE(id, effect, more)                                                                    \
    "{\"id\":\"" id "\",\"effect\":\"" effect "\",\"to\":[\"b\"],\"classes\":[\"x\"]" more ",\"c" \
    "ite\":[\"L 1\"],\"why\":\"t\"}"
#define PERMIT RULE("p", "permit", "")
#define FORBID RULE("f", "forbid", ",\"when\":{\"eq\":[\"ok\",false]}")
#define OBLIGE RULE("o", "oblige", ",\"do\":[{\"retain\":{\"max_days\":9}}]")
#define EFFECTIVE "\"effective\":{\"from\":\"2020-01-01T00:00:00Z\"}"

/* Documents live as long as the test. */
static struct span
keep(const char *text, size_t len)
{
    static char memory[1 << 18];
    static size_t used;
    char *at = memory + used;
    if (len > sizeof(memory) - used)
        exit(1);
    memcpy(at, text, len);
    used += len;
    return span_of(at, len);
}

struct shape {
    int revision;
    const struct span *previous;
    const char *head; /* members from closed on, with a comma behind */
    const char *rules;
    const char *direction; /* NULL: export */
};

static struct span
document(const struct shape *s)
{
    char text[4096];
    char previous[128] = "";
    if (s->previous != NULL) {
        uint8_t sha256[32];
        char hex[65];
        CHECK_EQ(digest_sha256(*s->previous, sha256), ERR_OK);
        CHECK_EQ(text_hex(span_of(sha256, 32), hex, sizeof(hex)), ERR_OK);
        (void)snprintf(previous, sizeof(previous), "\"previous\":\"sha256:%s\",\n", hex);
    }
    const int len = snprintf(
        text, sizeof(text),
        "{\"format\":\"tdz.policy/1\",\"id\":\"d\",\"revision\":%d,\n%s\"zone\":\"a\","
        "\"direction\":\"%s\",\n%s\"vocabulary\":\"v/3\",\"rules\":[%s],\"texts\":{}}",
        s->revision, previous, s->direction == NULL ? "export" : s->direction, s->head, s->rules);
    return keep(text, (size_t)len);
}

#define CLOSED "\"closed\":true," EFFECTIVE ","
#define OPEN "\"closed\":false," EFFECTIVE ","

static struct span
first(void)
{
    return document(&(struct shape){1, NULL, CLOSED, PERMIT "," FORBID, NULL});
}

/* Adds bytes under an activation that people sign. edit may change what they sign. */
static struct fault told;
static bool in_note;
static enum err
add(struct register_set *r, struct span bytes, const struct activation *a,
    const struct activated_person *people, size_t count)
{
    char text[ACTIVATION_TEXT_MAX];
    char note[ACTIVATED_BYTES_MAX];
    size_t len = 0;
    TRY(activation_text(a, text, &len));
    len = activated_sign(text, len, people, count, note);
    const struct register_file file = {SPAN_LIT("d.json"), bytes, span_of(note, len)};
    told = (struct fault){.code = ERR_OK};
    return register_add_policy(r, &file, known, 6, &in_note, &told);
}

/* Added by ann and bob at a day. */
static enum err
add_plain(struct register_set *r, struct span bytes, int64_t activate_ms)
{
    const struct activated_person people[] = {person(AUTHOR), person(APPROVER)};
    const struct activation a = activated_about(&vocab, bytes, "ann", activate_ms);
    return add(r, bytes, &a, people, 2);
}

/* Added by ann alone, as an emergency. */
static enum err
add_emergency(struct register_set *r, struct span bytes)
{
    const struct activated_person people[] = {person(AUTHOR)};
    struct activation a = activated_about(&vocab, bytes, "ann", NOW);
    a.emergency = true;
    a.reason = SPAN_LIT("leak of keys at the recipient");
    return add(r, bytes, &a, people, 1);
}

static struct register_set
fresh(void)
{
    struct register_set r;
    CHECK_EQ(register_init(&r, &vocab, SPAN_LIT("a")), ERR_OK);
    return r;
}

/* What people must sign, one after the other; err for the whole. */
static enum err
signed_by(struct span bytes, const struct activated_person *people, size_t count)
{
    struct register_set r = fresh();
    const struct activation a = activated_about(&vocab, bytes, "ann", NOW);
    const enum err err = add(&r, bytes, &a, people, count);
    register_finish(&r);
    return err;
}

static void
test_people(void)
{
    const struct span d = first();
    TEST("author and approver of the zone activate a document together")
    {
        const struct activated_person two[] = {person(APPROVER), person(AUTHOR)};
        CHECK_EQ(signed_by(d, two, 2), ERR_OK);
    }
    TEST("one person is not enough, whatever else stands under the note")
    {
        const struct activated_person second = {"ann-2", &keys[AUTHOR]};
        const struct activated_person alone[] = {person(AUTHOR), second, person(FOREIGN)};
        CHECK_EQ(signed_by(d, alone, 1), ERR_DENIED);
        CHECK(in_note && told.line == 4);
        CHECK_EQ(signed_by(d, alone, 2), ERR_DENIED);
        CHECK_EQ(signed_by(d, alone, 3), ERR_DENIED);
        const struct activated_person unknown[] = {person(AUTHOR), {"nobody", &keys[STRANGER]}};
        CHECK_EQ(signed_by(d, unknown, 2), ERR_DENIED);
        const struct activated_person zone_c[] = {person(AUTHOR), person(STRANGER)};
        CHECK_EQ(signed_by(d, zone_c, 2), ERR_DENIED);
        const struct activated_person past[] = {person(AUTHOR), person(EXPIRED)};
        CHECK_EQ(signed_by(d, past, 2), ERR_DENIED);
    }
    TEST("without its author nothing is activated, nor under a signature that does not verify")
    {
        const struct activated_person other[] = {person(APPROVER)};
        CHECK_EQ(signed_by(d, other, 1), ERR_KEY_UNKNOWN);
        const struct activated_person nobody[] = {{"nobody", &keys[STRANGER]}};
        CHECK_EQ(signed_by(d, nobody, 1), ERR_KEY_UNKNOWN);
        struct register_set r = fresh();
        char note[ACTIVATED_BYTES_MAX];
        const struct activated_person two[] = {person(AUTHOR), person(APPROVER)};
        const size_t len = activated_note(&vocab, d, NOW, two, 2, note);
        note[len - 8] = note[len - 8] == 'A' ? 'B' : 'A';
        const struct register_file file = {SPAN_LIT("d.json"), d, span_of(note, len)};
        CHECK_EQ(register_add_policy(&r, &file, known, 6, &in_note, &told), ERR_SIGNATURE);
        const struct register_file bare = {SPAN_LIT("d.json"), d, {NULL, 0}};
        CHECK_EQ(register_add_policy(&r, &bare, known, 6, &in_note, &told), ERR_DENIED);
        CHECK_EQ(r.policy_count, 0);
        register_finish(&r);
    }
    TEST("a corridor's document needs an operator of the other zone too")
    {
        const struct span c =
            document(&(struct shape){1, NULL, "\"corridor\":\"b\"," CLOSED, PERMIT, NULL});
        const struct activated_person all[] = {person(AUTHOR), person(APPROVER), person(FOREIGN)};
        const struct activated_person pair[] = {person(AUTHOR), person(FOREIGN)};
        CHECK_EQ(signed_by(c, all, 3), ERR_OK);
        CHECK_EQ(signed_by(c, all, 2), ERR_DENIED);
        CHECK_EQ(signed_by(c, pair, 2), ERR_DENIED);
    }
}

static void
test_about(void)
{
    const struct activated_person two[] = {person(AUTHOR), person(APPROVER)};
    const struct span d = first();
    struct register_set r = fresh();
    TEST("an activation is about one document, revision, zone and vocabulary")
    {
        const struct activation good = activated_about(&vocab, d, "ann", NOW);
        struct activation a = good;
        a.policy[0] ^= 1;
        CHECK_EQ(add(&r, d, &a, two, 2), ERR_CONFLICT);
        a = good;
        a.revision++;
        CHECK_EQ(add(&r, d, &a, two, 2), ERR_CONFLICT);
        a = good;
        a.id = SPAN_LIT("e");
        CHECK_EQ(add(&r, d, &a, two, 2), ERR_CONFLICT);
        a = good;
        a.zone = SPAN_LIT("b");
        CHECK_EQ(add(&r, d, &a, two, 2), ERR_CONFLICT);
        a = good;
        a.vocabulary[5] ^= 1;
        CHECK_EQ(add(&r, d, &a, two, 2), ERR_VERSION);
        CHECK(told.line == 2 && in_note);
        a = good;
        a.emergency = true;
        CHECK_EQ(add(&r, d, &a, two, 2), ERR_DENIED);
        CHECK_EQ(add(&r, d, &good, two, 2), ERR_OK);
        CHECK_EQ(add(&r, d, &good, two, 2), ERR_EXISTS);
    }
    TEST("what no activation can say is not written")
    {
        char text[ACTIVATION_TEXT_MAX];
        size_t len = 0;
        struct activation a = activated_about(&vocab, d, "ann", NOW + 1);
        CHECK_EQ(activation_text(&a, text, &len), ERR_RANGE);
        a.activate_ms = NOW;
        a.revision = 0;
        CHECK_EQ(activation_text(&a, text, &len), ERR_RANGE);
        a.revision = 1;
        a.author = SPAN_LIT("\xff");
        CHECK_EQ(activation_text(&a, text, &len), ERR_UTF8);
    }
    register_finish(&r);
}

static void
test_read(void)
{
    static struct activation_scratch scratch;
    static const struct {
        const char *old;
        const char *new;
        enum err err;
        uint32_t line;
    } bad[] = {
        {"tdz.activation/1", "tdz.activation/2", ERR_VERSION, 1},
        {"\"author\":\"ann\"", "\"author\": \"ann\"", ERR_NOT_CANONICAL, 2},
        {"\"author\":\"ann\"", "\"author\":7", ERR_TYPE, 2},
        {"\"author\":\"ann\"", "\"authors\":\"ann\"", ERR_UNKNOWN_FIELD, 2},
        {"\"author\":\"ann\",", "", ERR_MISSING, 2},
        {"\"revision\":1", "\"revision\":0", ERR_RANGE, 2},
        {"\"policy\":\"sha256:", "\"policy\":\"sha512:", ERR_SYNTAX, 2},
        {"T00:00:00Z", "T00:00:00+08:00", ERR_NOT_CANONICAL, 2},
        {"T00:00:00Z", "T25:00:00Z", ERR_SYNTAX, 2},
        {"{\"activate_at\"", "[{\"activate_at\"", ERR_SHORT, 2},
        {"\n\n", "\n", ERR_SYNTAX, 1},
    };
    const struct activated_person two[] = {person(AUTHOR), person(APPROVER)};
    char good[ACTIVATED_BYTES_MAX];
    const size_t len = activated_note(&vocab, first(), NOW, two, 2, good);
    struct activation a;
    struct note note;
    TEST("an activation is read strictly, and every fault has its line")
    {
        CHECK_EQ(activation_read(span_of(good, len), &scratch, &a, &note, NULL), ERR_OK);
        CHECK(a.activate_ms == NOW && a.revision == 1 && span_eq_str(a.author, "ann"));
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            char text[ACTIVATED_BYTES_MAX + 64];
            struct fault fault = {.code = ERR_OK};
            const char *at = memmem(good, len, bad[i].old, strlen(bad[i].old));
            if (at == NULL) {
                CHECK(at != NULL);
                continue;
            }
            const char *after = at + strlen(bad[i].old);
            const int n = snprintf(text, sizeof(text), "%.*s%s%.*s", (int)(at - good), good,
                                   bad[i].new, (int)(good + len - after), after);
            const enum err err =
                activation_read(span_of(text, (size_t)n), &scratch, &a, &note, &fault);
            CHECK_EQ(err, bad[i].err);
            CHECK_EQ(fault.line, bad[i].line);
            CHECK(fault.code == err && fault.where[0] != '\0');
        }
    }
    TEST("a text beyond the limit is too large")
    {
        char text[ACTIVATION_TEXT_MAX + 256];
        char big[ACTIVATED_BYTES_MAX];
        struct fault fault = {.code = ERR_OK};
        const int n = snprintf(text, sizeof(text), "tdz.activation/1\n{\"a\":\"%04150d\"}\n", 1);
        const size_t size = activated_sign(text, (size_t)n, two, 1, big);
        CHECK_EQ(activation_read(span_of(big, size), &scratch, &a, &note, &fault), ERR_TOO_LARGE);
        CHECK_EQ(fault.line, 2);
    }
}

static enum err
tightens(struct span before, struct span after)
{
    struct source s[2];
    uint8_t sha256[32];
    const struct span bytes[2] = {before, after};
    for (size_t i = 0; i < 2; i++) {
        CHECK_EQ(digest_sha256(bytes[i], sha256), ERR_OK);
        CHECK_EQ(source_read(&s[i], &vocab, bytes[i], sha256, &told), ERR_OK);
    }
    told = (struct fault){.code = ERR_OK};
    const struct tighten_doc was = {&s[0], before};
    const struct tighten_doc is = {&s[1], after};
    const enum err err = tighten_check(&was, &is, &told);
    source_finish(&s[0]);
    source_finish(&s[1]);
    return err;
}

#define HASH "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define HASH2 "sha256:0000000000000000000000000000000000000000000000000000000000000001"
#define LISTS(hash) "\"lists\":{\"l\":{\"id\":\"l\",\"sha256\":\"" hash "\"}},"
#define COUNTERS(cls)                                                               \
    "\"counters\":{\"c\":{\"counts\":\"distinct_subjects\",\"per\":[\"exporter\"]," \
    "\"classes\":[\"" cls "\"],\"window\":\"calendar_year\",\"tz\":\"Asia/Shanghai\"}},"

static void
test_tighten(void)
{
    static const struct {
        const char *head;
        const char *rules;
        enum err err;
    } cases[] = {
        {CLOSED LISTS(HASH) COUNTERS("x"), PERMIT "," FORBID, ERR_OK},
        {CLOSED LISTS(HASH) COUNTERS("x"), FORBID "," PERMIT "," OBLIGE, ERR_OK},
        {CLOSED LISTS(HASH) COUNTERS("x"), FORBID, ERR_OK},
        {CLOSED LISTS(HASH) COUNTERS("x"), FORBID "," RULE("g", "forbid", ""), ERR_OK},
        {CLOSED LISTS(HASH) COUNTERS("x"),
         RULE("f", "forbid", ",\"when\":{\"eq\":[\"ok\",false]}") "," RULE("h", "hold",
                                                                           ",\"release\":\"zone\""),
         ERR_OK},
        {"\"closed\":true,\"effective\":{\"from\":\"2021-01-01T00:00:00Z\",\"until\":"
         "\"2030-01-01T00:00:00Z\"}," LISTS(HASH) COUNTERS("x"),
         FORBID, ERR_OK},
        /* what may loosen */
        {CLOSED LISTS(HASH) COUNTERS("x"), PERMIT, ERR_DENIED},
        {CLOSED LISTS(HASH) COUNTERS("x"), FORBID "," PERMIT "," RULE("q", "permit", ""),
         ERR_DENIED},
        {CLOSED LISTS(HASH) COUNTERS("x"),
         FORBID "," RULE("p", "permit",
                         ",\"until\":\"2029-01-01"
                         "T00:00:00Z\""),
         ERR_DENIED},
        {CLOSED LISTS(HASH) COUNTERS("x"),
         PERMIT "," RULE("f", "forbid",
                         ",\"when\":{\"eq\":[\"ok"
                         "\",true]}"),
         ERR_DENIED},
        {CLOSED LISTS(HASH) COUNTERS("x"), PERMIT "," RULE("f", "permit", ""), ERR_DENIED},
        {CLOSED LISTS(HASH2) COUNTERS("x"), FORBID, ERR_DENIED},
        {CLOSED COUNTERS("x"), FORBID, ERR_DENIED},
        {CLOSED LISTS(HASH) COUNTERS("y"), FORBID, ERR_DENIED},
        {OPEN LISTS(HASH) COUNTERS("x"), FORBID, ERR_DENIED},
        {"\"corridor\":\"b\"," CLOSED LISTS(HASH) COUNTERS("x"), FORBID, ERR_DENIED},
        {"\"closed\":true,\"effective\":{\"from\":\"2019-01-01T00:00:00Z\"}," LISTS(HASH)
             COUNTERS("x"),
         FORBID, ERR_DENIED},
    };
    const struct span before = document(
        &(struct shape){1, NULL, CLOSED LISTS(HASH) COUNTERS("x"), PERMIT "," FORBID, NULL});
    TEST("what only adds forbid, hold, oblige or takes permits away tightens; nothing else does")
    {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            const struct span after =
                document(&(struct shape){2, &before, cases[i].head, cases[i].rules, NULL});
            const enum err err = tightens(before, after);
            CHECK_EQ(err, cases[i].err);
            CHECK(err == ERR_OK || (told.line > 0 && told.where[0] != '\0'));
        }
        const struct span import = document(
            &(struct shape){2, &before, CLOSED LISTS(HASH) COUNTERS("x"), FORBID, "import"});
        CHECK_EQ(tightens(before, import), ERR_DENIED);
    }
}

static enum err
check(const struct register_set *r)
{
    size_t at = 0;
    told = (struct fault){.code = ERR_OK};
    return lineage_check(r, NOW, &at, &told);
}

static void
test_lineage(void)
{
    const struct span one = first();
    const struct span two = document(&(struct shape){2, &one, CLOSED, PERMIT, NULL});
    TEST("a revision follows the one before it by hash, in time and direction")
    {
        struct register_set r = fresh();
        CHECK_EQ(add_plain(&r, two, NOW), ERR_OK);
        CHECK_EQ(check(&r), ERR_OK);
        CHECK_EQ(add_plain(&r, one, NOW), ERR_OK);
        CHECK_EQ(check(&r), ERR_OK);
        register_finish(&r);
        static const int64_t at[] = {NOW, NOW, NOW, NOW - DAY};
        const struct span bad[] = {
            document(&(struct shape){2, NULL, CLOSED, PERMIT, NULL}),
            document(&(struct shape){2, &two, CLOSED, PERMIT, NULL}),
            document(&(struct shape){2, &one, CLOSED, PERMIT, "import"}),
            two,
        };
        for (size_t i = 0; i < 4; i++) {
            r = fresh();
            CHECK_EQ(add_plain(&r, one, NOW), ERR_OK);
            CHECK_EQ(add_plain(&r, bad[i], at[i]), ERR_OK);
            CHECK_EQ(check(&r), ERR_CONFLICT);
            CHECK(told.line > 0 && told.column > 0);
            register_finish(&r);
        }
    }
    TEST("what is admitted to no force is refused, also of the revisions to come")
    {
        struct register_set r = fresh();
        const struct span unsure = document(&(struct shape){
            2, &one, CLOSED, RULE("p", "permit", ",\"certainty\":\"uncertain\""), NULL});
        CHECK_EQ(add_plain(&r, one, NOW), ERR_OK);
        CHECK_EQ(add_plain(&r, unsure, NOW + DAY), ERR_OK);
        CHECK_EQ(check(&r), ERR_DENIED);
        CHECK(told.line > 0 && told.column > 1);
        register_finish(&r);
    }
    TEST("an emergency needs one person, and something it tightens")
    {
        struct register_set r = fresh();
        const struct span loose =
            document(&(struct shape){2, &one, CLOSED, PERMIT "," RULE("q", "permit", ""), NULL});
        const struct span tight =
            document(&(struct shape){2, &one, CLOSED, FORBID "," RULE("g", "forbid", ""), NULL});
        const struct span overlay = document(&(struct shape){1, NULL, OPEN, FORBID, NULL});
        CHECK_EQ(add_emergency(&r, tight), ERR_OK);
        CHECK_EQ(check(&r), ERR_NOT_FOUND);
        CHECK_EQ(add_plain(&r, one, NOW), ERR_OK);
        CHECK_EQ(check(&r), ERR_OK);
        register_finish(&r);
        r = fresh();
        CHECK_EQ(add_plain(&r, one, NOW), ERR_OK);
        CHECK_EQ(add_emergency(&r, loose), ERR_OK);
        CHECK_EQ(check(&r), ERR_DENIED);
        register_finish(&r);
        r = fresh();
        CHECK_EQ(add_emergency(&r, one), ERR_OK);
        CHECK_EQ(check(&r), ERR_NOT_FOUND);
        register_finish(&r);
        r = fresh();
        CHECK_EQ(add_emergency(&r, overlay), ERR_OK);
        CHECK_EQ(check(&r), ERR_OK);
        register_finish(&r);
    }
    TEST("a list must be here under the hash that is named")
    {
        struct register_set r = fresh();
        const struct span listed =
            document(&(struct shape){1, NULL, CLOSED LISTS(HASH), PERMIT, NULL});
        static struct list other = {.id = {(const uint8_t *)"l", 1}, .sha256 = {9}};
        CHECK_EQ(add_plain(&r, listed, NOW), ERR_OK);
        CHECK_EQ(check(&r), ERR_NOT_FOUND);
        r.lists[r.list_count++] = &other;
        CHECK_EQ(check(&r), ERR_CONFLICT);
        memset(other.sha256, 0, 32);
        CHECK_EQ(check(&r), ERR_OK);
        r.list_count = 0;
        register_finish(&r);
    }
}

static void
test_time(void)
{
    const struct span one = first();
    const struct span two = document(&(struct shape){2, &one, CLOSED, PERMIT, NULL});
    struct register_active active;
    TEST("an activation of the future comes into force by itself")
    {
        struct register_set r = fresh();
        CHECK_EQ(add_plain(&r, one, NOW - DAY), ERR_OK);
        CHECK_EQ(add_plain(&r, two, NOW + DAY), ERR_OK);
        CHECK_EQ(register_compile(&r, &told), ERR_OK);
        CHECK_EQ(register_active(&r, false, NOW - DAY - 1, &active), ERR_NOT_FOUND);
        CHECK_EQ(register_next_change(&r, NOW - DAY - 1), NOW - DAY);
        CHECK_EQ(register_active(&r, false, NOW, &active), ERR_OK);
        CHECK(active.doc_count == 1 && active.docs[0]->doc->revision == 1);
        CHECK_EQ(register_next_change(&r, NOW), NOW + DAY);
        CHECK(register_is_active(&r, 0, NOW) && !register_is_active(&r, 1, NOW));
        CHECK_EQ(register_active(&r, false, NOW + DAY, &active), ERR_OK);
        CHECK(active.doc_count == 1 && active.docs[0]->doc->revision == 2);
        CHECK_EQ(register_next_change(&r, NOW + DAY), INT64_MAX);
        CHECK(!lineage_is_spent(&r, 0, NOW) && lineage_is_spent(&r, 0, NOW + DAY));
        register_finish(&r);
    }
    TEST("what was activated may be added to and never taken away")
    {
        struct register_set r[3] = {fresh(), fresh(), fresh()};
        size_t at = 9;
        CHECK_EQ(add_plain(&r[0], one, NOW - DAY), ERR_OK);
        CHECK_EQ(add_plain(&r[1], one, NOW - DAY), ERR_OK);
        CHECK_EQ(add_plain(&r[1], two, NOW), ERR_OK);
        CHECK_EQ(add_plain(&r[2], two, NOW), ERR_OK);
        CHECK_EQ(lineage_succeeds(&r[0], &r[1], NOW, &at), ERR_OK);
        CHECK_EQ(lineage_succeeds(&r[1], &r[0], NOW, &at), ERR_DENIED);
        CHECK_EQ(at, 1);
        /* The first is spent only once the second is in force. */
        CHECK_EQ(lineage_succeeds(&r[1], &r[2], NOW - 1, &at), ERR_DENIED);
        CHECK_EQ(lineage_succeeds(&r[1], &r[2], NOW, &at), ERR_OK);
        for (size_t i = 0; i < 3; i++)
            register_finish(&r[i]);
    }
    TEST("a revision takes the place of the one it names, once it is in force and for as long")
    {
        static const struct {
            const char *head;
            bool names_it;
            int64_t at;
            enum err err;
        } cases[] = {
            {CLOSED, true, NOW, ERR_OK},
            {CLOSED, true, NOW + DAY, ERR_DENIED},
            {CLOSED, false, NOW, ERR_DENIED},
            {"\"closed\":true,\"effective\":{\"from\":\"2020-01-01T00:00:00Z\",\"until\":"
             "\"2030-01-01T00:00:00Z\"},",
             true, NOW, ERR_DENIED},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct register_set r[2] = {fresh(), fresh()};
            size_t at = 0;
            const struct span next = document(
                &(struct shape){2, cases[i].names_it ? &one : &two, cases[i].head, PERMIT, NULL});
            CHECK_EQ(add_plain(&r[0], one, NOW - DAY), ERR_OK);
            CHECK_EQ(add_plain(&r[1], next, cases[i].at), ERR_OK);
            CHECK_EQ(lineage_succeeds(&r[0], &r[1], NOW, &at), cases[i].err);
            register_finish(&r[0]);
            register_finish(&r[1]);
        }
    }
}

int
main(void)
{
    uint8_t sha256[32];
    if (crypto_init() != ERR_OK || digest_sha256(span_str(vocabulary), sha256) != ERR_OK ||
        vocab_read(&vocab, span_str(vocabulary), sha256, NULL) != ERR_OK)
        return 1;
    setup();
    test_people();
    test_about();
    test_read();
    test_tighten();
    test_lineage();
    test_time();
    vocab_finish(&vocab);
    return test_end();
}
