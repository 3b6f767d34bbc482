/* SPDX-License-Identifier: Apache-2.0 */
/* Agreements, partners, lists and the register that holds them, read from the sandbox's files. */
#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "crypto/sign.h"
#include "inspect/fieldset.h"
#include "policy/answer.h"
#include "policy/record.h"
#include "policy/register.h"
#include "policy/ruling.h"
#include "schemas/text.h"
#include "tests/activated.h"
#include "tests/slurp.h"
#include "tests/unit/policy/refuse.h"

#define NOW INT64_C(1795400000000) /* 2026-11-22 */

static const char vocabulary[] =
    "{\"format\":\"tdz.vocab/1\",\"id\":\"v\",\"revision\":3,\"zones\":{\"a\":null,\"b\":null},"
    "\"classes\":{\"x\":null,\"business\":null,\"opaque\":null},\"attributes\":{"
    "\"to\":{\"type\":\"zone\",\"source\":\"route\"},"
    "\"labels\":{\"type\":\"labels\",\"source\":\"manifest\"},"
    "\"purpose\":{\"type\":\"enum\",\"values\":[\"p\",\"q\"],\"source\":\"manifest\"},"
    "\"exporter.k\":{\"type\":\"bool\",\"source\":\"register\"},"
    "\"recipient.k\":{\"type\":\"bool\",\"source\":\"register\"},"
    "\"g\":{\"type\":\"bool\",\"source\":\"gateway\"},"
    "\"recipient.id\":{\"type\":\"string\",\"source\":\"route\"},"
    "\"envelope.within\":{\"type\":\"bool\",\"source\":\"register\"},"
    "\"envelope.persons_left\":{\"type\":\"int\",\"source\":\"counter\"},"
    "\"evidence.tia.days_left\":{\"type\":\"int\",\"source\":\"register\"},"
    "\"evidence.tia.age_days\":{\"type\":\"int\",\"source\":\"register\"}},\"obligations\":{}}";

#define HASH64 "0000000000000000000000000000000000000000000000000000000000000000"
static const char agreement_good[] =
    "{\"format\":\"tdz.agreement/1\",\"id\":\"ag\",\"from\":\"a\",\"to\":\"b\",\"sender\":\"s\",\n"
    "\"recipient\":\"r\",\"purpose\":\"p\",\"basis\":\"c\",\"release_mode\":\"hold\",\n"
    "\"valid_from\":\"2026-01-01\",\"valid_to\":\"2027-01-01T00:00:00+08:00\",\n"
    "\"facts\":{\"exporter.k\":true},\n"
    "\"evidence\":[{\"kind\":\"tia\",\"ref\":\"T-1\",\"sha256\":\"sha256:" HASH64 "\",\n"
    "\"issued\":\"2026-11-01\",\"expires\":\"2026-12-01\",\"scope\":\"all\"}],\n"
    "\"ceilings\":{\"bytes\":100,\"persons\":7},\n"
    "\"schema\":{\"format\":\"csv\",\"fields\":[{\"name\":\"n\",\"type\":\"string\","
    "\"x-class\":\"x\",\"x-identifier\":\"email\"}],\n"
    "\"additional\":\"refuse\"}}";

#define ENVELOPE(more) "{\"purposes\":[\"p\"],\"recipients\":[\"r\"],\"fields\":[\"n\"]," more "}"
static const struct refuse agreement_bad[] = {
    {"tdz.agreement/1\"", "tdz.agreement/1\",^\"extra\":1", ERR_UNKNOWN_FIELD},
    {"\"tdz.agreement/1\"", "^\"tdz.agreement/2\"", ERR_VERSION},
    {"\"id\":\"ag\"", "\"id\":^\"a g\"", ERR_SYNTAX},
    {"\"to\":\"b\"", "\"to\":^\"a\"", ERR_CONFLICT},
    {"\"to\":\"b\"", "\"to\":^\"c\"", ERR_NOT_FOUND},
    {"\"purpose\":\"p\"", "\"purpose\":^\"z\"", ERR_NOT_FOUND},
    {"\"sender\":\"s\"", "\"sender\":^\"\"", ERR_RANGE},
    {"\"release_mode\":\"hold\"", "\"release_mode\":^\"now\"", ERR_NOT_FOUND},
    {"\"2026-01-01\"", "^\"2026-13-01\"", ERR_SYNTAX},
    {"\"2027-01-01T00:00:00+08:00\"", "^\"2025-01-01\"", ERR_CONFLICT},
    {"{\"exporter.k\":true}", "{\"exporter.k\":^1}", ERR_TYPE},
    {"{\"exporter.k\":true}", "{^\"exporter.z\":true}", ERR_NOT_FOUND},
    {"{\"exporter.k\":true}", "{^\"g\":true}", ERR_DENIED},
    {"{\"exporter.k\":true}", "{^\"evidence.tia.days_left\":9}", ERR_DENIED},
    {"{\"exporter.k\":true}", "{^\"envelope.within\":true}", ERR_DENIED},
    {"{\"exporter.k\":true}", "{^\"labels\":[]}", ERR_DENIED},
    {"\"sha256:" HASH64 "\"", "^\"sha256:00\"", ERR_SYNTAX},
    {"\"expires\":\"2026-12-01\"", "\"expires\":^\"2026-10-01\"", ERR_CONFLICT},
    {"\"scope\":\"all\"}", "\"scope\":\"all\",\"envelope\":^1}", ERR_TYPE},
    {"\"scope\":\"all\"}", "\"scope\":\"all\",\"envelope\":" ENVELOPE("^\"x\":1") "}",
     ERR_UNKNOWN_FIELD},
    {"\"scope\":\"all\"}", "\"scope\":\"all\",\"envelope\":" ENVELOPE("\"persons\":^-1") "}",
     ERR_RANGE},
    {"\"scope\":\"all\"}", "\"scope\":\"all\",\"envelope\":^{\"purposes\":[\"p\"]}}", ERR_MISSING},
    {"\"scope\":\"all\"}", "\"scope\":\"all\",\"envelope\":{\"purposes\":^[]}}", ERR_RANGE},
    {"\"scope\":\"all\"}", "\"scope\":\"all\",\"envelope\":{\"purposes\":[^\"\"]}}", ERR_RANGE},
    {"\"scope\":\"all\"}", "\"scope\":\"all\",\"envelope\":{\"purposes\":[^1]}}", ERR_TYPE},
    {"\"scope\":\"all\"}", "\"scope\":\"all\",\"envelope\":{\"purposes\":[\"p\",^\"p\"]}}",
     ERR_DUPLICATE},
    {"\"persons\":7", "\"persons\":^-1", ERR_RANGE},
    {"\"persons\":7", "^\"people\":7", ERR_UNKNOWN_FIELD},
    {"\"format\":\"csv\"", "\"format\":^\"xls\"", ERR_NOT_FOUND},
    {"\"x-class\":\"x\"", "\"x-class\":^\"z\"", ERR_NOT_FOUND},
    {"\"x-identifier\":\"email\"}",
     "\"x-identifier\":\"email\"},{\"name\":^\"n\",\"type\":\"t\","
     "\"x-class\":\"x\"}",
     ERR_DUPLICATE},
    {"\"additional\":\"refuse\"", "\"additional\":^\"maybe\"", ERR_NOT_FOUND},
    {"\"fields\":[{", "\"fields\":[^1,{", ERR_TYPE},
};

static const char party_good[] =
    "{\"format\":\"tdz.partner/1\",\"name\":\"s\",\"zone\":\"a\",\n"
    "\"spiffe\":[\"spiffe://a/partner/s\"],\"facts\":{\"exporter.k\":false,\"recipient.k\":true}}";

static const struct refuse party_bad[] = {
    {"\"tdz.partner/1\"", "^\"tdz.party/1\"", ERR_VERSION},
    {"\"name\":\"s\"", "\"name\":^\"s/t\"", ERR_SYNTAX},
    {"\"zone\":\"a\"", "\"zone\":^\"z\"", ERR_NOT_FOUND},
    {"\"zone\":\"a\"", "\"zone\":\"a\",^\"zones\":1", ERR_UNKNOWN_FIELD},
    {"\"spiffe://a/partner/s\"", "^\"spiffe://b/partner/s\"", ERR_SYNTAX},
    {"\"spiffe://a/partner/s\"", "^\"spiffe://a/operator/s\"", ERR_SYNTAX},
    {"\"spiffe://a/partner/s\"", "^\"spiffe://a/partner/\"", ERR_SYNTAX},
    {"\"spiffe://a/partner/s\"", "\"spiffe://a/partner/s\",^\"spiffe://a/partner/s\"",
     ERR_DUPLICATE},
    {"[\"spiffe://a/partner/s\"]", "^[]", ERR_RANGE},
    {"[\"spiffe://a/partner/s\"]", "[^7]", ERR_TYPE},
    {"\"exporter.k\":false", "^\"g\":true", ERR_DENIED},
    {"{\"format\":\"tdz.partner/1\",\"name\":\"s\",", "^{\"format\":\"tdz.partner/1\",",
     ERR_MISSING},
};

static const char list_good[] =
    "{\"format\":\"tdz.list/1\",\"id\":\"neg\",\"values\":[\"b\",\"a\",\"c\"]}";

static const struct refuse list_bad[] = {
    {"\"tdz.list/1\"", "^\"tdz.list/2\"", ERR_VERSION},
    {"\"id\":\"neg\"", "\"id\":^\"n g\"", ERR_SYNTAX},
    {"\"id\":\"neg\"", "\"id\":\"neg\",^\"ids\":1", ERR_UNKNOWN_FIELD},
    {"\"c\"]", "^\"b\"]", ERR_DUPLICATE},
    {"\"c\"]", "^\"\"]", ERR_RANGE},
    {"\"c\"]", "^5]", ERR_TYPE},
    {",\"values\":[\"b\",\"a\",\"c\"]", ",\"values\":^7", ERR_TYPE},
};

static const uint8_t zero[32];
static struct vocab vocab;

static enum err
read_agreement(struct span input, struct fault *fault)
{
    struct agreement a;
    const enum err err = agreement_read(&a, &vocab, input, zero, fault);
    if (err == ERR_OK)
        agreement_finish(&a);
    return err;
}

static enum err
read_party(struct span input, struct fault *fault)
{
    struct party p;
    const enum err err = party_read(&p, &vocab, input, zero, fault);
    if (err == ERR_OK)
        party_finish(&p);
    return err;
}

static enum err
read_list(struct span input, struct fault *fault)
{
    struct list list;
    const enum err err = list_read(&list, input, zero, fault);
    if (err == ERR_OK)
        list_finish(&list);
    return err;
}

static int64_t
fact_of(const struct facts *f, const char *name)
{
    const struct facts_entry *e = facts_get(f, span_str(name));
    return e == NULL ? INT64_MIN : e->number;
}

static void
test_agreement_facts(void)
{
    static struct facts f;
    struct agreement a;
    const int64_t day = INT64_C(86400000);
    int64_t expires = 0;
    CHECK_EQ(text_parse_time(SPAN_LIT("2026-12-01"), true, &expires), ERR_OK);
    CHECK_EQ(agreement_read(&a, &vocab, span_str(agreement_good), zero, NULL), ERR_OK);
    TEST("an agreement states where to, why, and how long its evidence lasts beyond the margin")
    {
        const struct {
            int64_t now;
            int64_t left;
        } cases[] = {
            {expires - AGREEMENT_MARGIN_MS - 1, 0},
            {expires - AGREEMENT_MARGIN_MS, -1},
            {expires - AGREEMENT_MARGIN_MS - day, 0},
            {expires - AGREEMENT_MARGIN_MS - day - 1, 1},
            {expires + day, -2},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            facts_init(&f);
            CHECK_EQ(agreement_facts(&a, cases[i].now, AGREEMENT_MARGIN_MS, &f), ERR_OK);
            CHECK_EQ(fact_of(&f, "evidence.tia.days_left"), cases[i].left);
        }
        CHECK(span_eq_str(facts_get(&f, SPAN_LIT("to"))->text, "b"));
        CHECK(span_eq_str(facts_get(&f, SPAN_LIT("purpose"))->text, "p"));
        CHECK(facts_get(&f, SPAN_LIT("basis")) == NULL); /* not in this vocabulary */
        CHECK_EQ(fact_of(&f, "exporter.k"), 1);
    }
    TEST("evidence that is not yet issued does not count")
    {
        facts_init(&f);
        CHECK_EQ(agreement_facts(&a, a.evidence[0].issued_ms - 1, 0, &f), ERR_OK);
        CHECK(facts_get(&f, SPAN_LIT("evidence.tia.days_left")) == NULL);
    }
    TEST("an agreement is valid from its first moment to the margin before its last")
    {
        CHECK_EQ(agreement_check_valid(&a, a.valid_from_ms - 1, 0), ERR_NOT_YET);
        CHECK_EQ(agreement_check_valid(&a, a.valid_from_ms, 0), ERR_OK);
        CHECK_EQ(agreement_check_valid(&a, a.valid_to_ms - 5001, 5000), ERR_OK);
        CHECK_EQ(agreement_check_valid(&a, a.valid_to_ms - 5000, 5000), ERR_EXPIRED);
        CHECK(a.bytes_max == 100 && a.persons_max == 7 && a.rows_max == AGREEMENT_NO_CEILING);
    }
    agreement_finish(&a);
}

/* The good agreement with another end of its evidence; the envelope names purpose, recipient and
 * field, or others. */
static enum err
with_envelope(struct agreement *a, const char *tail)
{
    static char text[4096];
    const char *at = strstr(agreement_good, "\"scope\":\"all\"}");
    (void)snprintf(text, sizeof(text), "%.*s\"scope\":\"all\",\"envelope\":%s%s",
                   (int)(at - agreement_good), agreement_good, tail,
                   at + strlen("\"scope\":\"all\""));
    return agreement_read(a, &vocab, span_str(text), zero, NULL);
}

static void
test_envelope(void)
{
    static struct facts f;
    struct agreement a;
    int64_t now = 0;
    CHECK_EQ(text_parse_time(SPAN_LIT("2026-11-22"), true, &now), ERR_OK);
    TEST("an agreement without an envelope is within, and has no ceiling to keep")
    {
        facts_init(&f);
        CHECK_EQ(agreement_read(&a, &vocab, span_str(agreement_good), zero, NULL), ERR_OK);
        CHECK_EQ(agreement_facts(&a, now, 0, &f), ERR_OK);
        CHECK_EQ(fact_of(&f, "envelope.within"), 1);
        CHECK_EQ(fact_of(&f, "envelope.persons_left"), JSON_INT_MAX);
        CHECK(span_eq_str(facts_get(&f, SPAN_LIT("recipient.id"))->text, "r"));
        CHECK(agreement_debit(&a, 0, now, 0) == NULL);
        agreement_finish(&a);
    }
    TEST("purpose, recipient and fields beyond the envelope are told")
    {
        static const struct {
            const char *envelope;
            int64_t within;
        } cases[] = {
            {"{\"purposes\":[\"q\",\"p\"],\"recipients\":[\"r\"],\"fields\":[\"n\"]}", 1},
            {"{\"purposes\":[\"q\"],\"recipients\":[\"r\"],\"fields\":[\"n\"]}", 0},
            {"{\"purposes\":[\"p\"],\"recipients\":[\"R\"],\"fields\":[\"n\"]}", 0},
            {"{\"purposes\":[\"p\"],\"recipients\":[\"r\"],\"fields\":[\"m\"]}", 0},
        };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            facts_init(&f);
            CHECK_EQ(with_envelope(&a, cases[i].envelope), ERR_OK);
            CHECK_EQ(agreement_facts(&a, now, 0, &f), ERR_OK);
            CHECK_EQ(fact_of(&f, "envelope.within"), cases[i].within);
            CHECK_EQ(fact_of(&f, "envelope.persons_left"), JSON_INT_MAX);
            a.additional = true;
            facts_init(&f);
            CHECK_EQ(agreement_facts(&a, now, 0, &f), ERR_OK);
            CHECK_EQ(fact_of(&f, "envelope.within"), 0);
            agreement_finish(&a);
        }
    }
    TEST("a ceiling of persons is for the gateway to keep, as long as its evidence is valid")
    {
        facts_init(&f);
        CHECK_EQ(with_envelope(&a, ENVELOPE("\"persons\":12")), ERR_OK);
        CHECK_EQ(agreement_facts(&a, now, 0, &f), ERR_OK);
        CHECK_EQ(fact_of(&f, "envelope.within"), 1);
        CHECK(facts_get(&f, SPAN_LIT("envelope.persons_left")) == NULL);
        const struct agreement_evidence *e = agreement_debit(&a, 0, now, 0);
        CHECK(e != NULL && e->envelope.persons_max == 12);
        CHECK(agreement_debit(&a, 0, e->issued_ms - 1, 0) == NULL);
        CHECK(agreement_debit(&a, 0, e->expires_ms - 1, 0) == e);
        CHECK(agreement_debit(&a, 0, e->expires_ms - 1, 1) == NULL);
        facts_init(&f);
        CHECK_EQ(agreement_facts(&a, e->expires_ms, 0, &f), ERR_OK);
        CHECK_EQ(fact_of(&f, "envelope.persons_left"), JSON_INT_MAX);
        CHECK_EQ(fact_of(&f, "evidence.tia.days_left"), -1);
        agreement_finish(&a);
    }
}

/* One operator's key and the register of my-cyberjaya with the sandbox's files. */
static struct {
    struct sign_key key;
    struct note_key note;
} operator_, approver;

static enum err
add_file(struct register_set *r, enum register_kind kind, const char *name, struct span bytes,
         const struct note_key *keys, size_t count)
{
    char text[FILENOTE_TEXT_MAX];
    char line[NOTE_LINE_MAX];
    char note[FILENOTE_TEXT_MAX + NOTE_LINE_MAX + 8];
    uint8_t sig[64];
    size_t text_len = 0;
    size_t line_len = 0;
    size_t note_len = 0;
    TRY(filenote_text(register_format(kind), span_str(name), bytes, text, &text_len));
    TRY(sign_ed25519(&operator_.key, span_of(text, text_len), sig));
    TRY(note_line(&operator_.note, span_of(sig, 64), line, &line_len));
    TRY(note_join(span_of(text, text_len), span_of(line, line_len), note, sizeof(note), &note_len));
    const struct register_file file = {span_str(name), bytes, span_of(note, note_len)};
    return register_add(r, kind, &file, keys, count, NULL);
}

/* With its activation by two operators. */
static enum err
add_policy(struct register_set *r, struct span bytes)
{
    const struct activated_person people[] = {{"my-cyberjaya/op-my-1", &operator_.key},
                                              {"my-cyberjaya/op-my-2", &approver.key}};
    const struct activation_key keys[] = {{operator_.note, r->zone, 0, INT64_MAX},
                                          {approver.note, r->zone, 0, INT64_MAX}};
    char note[ACTIVATED_BYTES_MAX];
    bool in_note = false;
    const size_t len = activated_note(r->vocab, bytes, NOW, people, 2, note);
    const struct register_file file = {SPAN_LIT("p.json"), bytes, span_of(note, len)};
    return register_add_policy(r, &file, keys, 2, &in_note, NULL);
}

static uint8_t file_bytes[65536];

static const char *const sandbox[][2] = {
    {"partners", "hospital-kl"},      {"partners", "lab-shanghai"},
    {"partners", "carmaker-sh"},      {"partners", "carmaker-my"},
    {"partners", "insurer-sh"},       {"partners", "insurer-kl"},
    {"agreements", "claims-2026"},    {"agreements", "oncology-2026"},
    {"agreements", "open-data"},      {"agreements", "vehicle-2026"},
    {"agreements", "telemetry-2026"}, {"agreements", "weights-2026"},
};

static void
fill_register(struct register_set *r, const char *packs)
{
    static struct fieldset fields;
    char name[80];
    for (size_t i = 0; i < sizeof(sandbox) / sizeof(sandbox[0]); i++) {
        struct fault fault = {0};
        const bool is_party = sandbox[i][0][0] == 'p';
        const struct span bytes = slurp(file_bytes, sizeof(file_bytes), packs, "sandbox/%s/%s.json",
                                        sandbox[i][0], sandbox[i][1]);
        CHECK(bytes.ptr != NULL);
        (void)snprintf(name, sizeof(name), "%s.json", sandbox[i][1]);
        CHECK_EQ(add_file(r, is_party ? REGISTER_PARTNER : REGISTER_AGREEMENT, name, bytes,
                          &operator_.note, 1),
                 ERR_OK);
        CHECK_EQ(add_file(r, is_party ? REGISTER_PARTNER : REGISTER_AGREEMENT, name, bytes,
                          &operator_.note, 1),
                 ERR_EXISTS);
        fieldset_init(&fields);
        if (!is_party && fieldset_load(&fields, bytes, &fault) != ERR_OK) {
            const bool inspection_reads_it = false;
            CHECK(inspection_reads_it);
            printf("# %s: %u:%u %s\n", name, fault.line, fault.column, fault.where);
        }
    }
    static const char *const policies[] = {"my-export", "my-import"};
    for (size_t i = 0; i < 2; i++) {
        const struct span bytes =
            slurp(file_bytes, sizeof(file_bytes), packs, "%s.json", policies[i]);
        CHECK_EQ(add_policy(r, bytes), ERR_OK);
        CHECK_EQ(add_policy(r, bytes), ERR_EXISTS);
    }
    const struct span foreign = slurp(file_bytes, sizeof(file_bytes), packs, "cn-export.json");
    CHECK_EQ(add_policy(r, foreign), ERR_DENIED);
}

/* The decision on an agreement from the register, its record and its answer. */
static enum decide_verdict
decide_on(const struct register_set *r, const char *agreement, const char *sent, bool contradicted,
          struct span *ret_answer)
{
    static struct decision d;
    static struct facts f;
    static char record[RECORD_BYTES_MAX];
    static char answer[65536];
    static struct register_active active;
    static struct ruling ruling;
    struct json_doc doc;
    struct span text;
    uint8_t sha256[32];
    const struct agreement *a = register_agreement(r, span_str(agreement));
    facts_init(&f);
    CHECK(a != NULL);
    CHECK_EQ(register_facts(r, a, NOW, AGREEMENT_MARGIN_MS, &f), ERR_OK);
    CHECK_EQ(json_load(&doc, span_str(sent), NULL), ERR_OK);
    CHECK_EQ(facts_read(&f, r->vocab, &doc, &doc.nodes[0], VOCAB_MANIFEST, NULL), ERR_OK);
    CHECK_EQ(facts_bool(&f, SPAN_LIT("declared.contradicted"), contradicted, VOCAB_GATEWAY),
             ERR_OK);
    CHECK_EQ(register_active(r, false, NOW, &active), ERR_OK);
    CHECK_EQ(ruling_run(&ruling, active.docs, active.doc_count, &f, NOW, false, &d), ERR_OK);
    CHECK_EQ(record_write(&d, (struct span){0}, record, sizeof(record), &text), ERR_OK);
    CHECK_EQ(digest_sha256(text, sha256), ERR_OK);
    CHECK_EQ(answer_write(&d, sha256, answer, sizeof(answer), ret_answer), ERR_OK);
    CHECK_EQ(answer_write(&d, sha256, answer, 100, &text), ERR_FULL);
    CHECK_EQ(answer_write(&d, sha256, answer, sizeof(answer), ret_answer), ERR_OK);
    json_free(&doc);
    return d.verdict;
}

static bool
has(struct span text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* A register of its own with a document of 8192 rows. */
static void
test_explosion(const struct vocab *core)
{
    static struct register_set r;
    static char text[8192];
    struct fault fault = {0};
    size_t len = 0;
    CHECK_EQ(register_init(&r, core, SPAN_LIT("my-cyberjaya")), ERR_OK);
    len +=
        (size_t)snprintf(text, sizeof(text),
                         "{\"format\":\"tdz.policy/1\",\"id\":\"wide\",\"revision\":1,"
                         "\"zone\":\"my-cyberjaya\",\"direction\":\"export\",\"closed\":true,"
                         "\"vocabulary\":\"%.*s/%lld\",\"effective\":{\"from\":"
                         "\"2025-01-01T00:00:00Z\"},\"texts\":{},\"rules\":["
                         "\n\n{\"id\":\"p\",\"effect\":\"permit\",\"to\":[\"cn-lingang\"],"
                         "\"classes\":[\"personal\"],\"cite\":[\"L\"],\"why\":\"w\","
                         "\"when\":{\"all\":[",
                         (int)core->id.len, (const char *)core->id.ptr, (long long)core->revision);
    for (int i = 0; i < 13; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "%s{\"any\":[{\"eq\":[\"to\",\"cn-lingang\"]},"
                                "{\"eq\":[\"to\",\"my-cyberjaya\"]}]}",
                                i == 0 ? "" : ",");
    len += (size_t)snprintf(text + len, sizeof(text) - len, "]}}]}");
    CHECK_EQ(add_policy(&r, span_of(text, len)), ERR_OK);
    CHECK_EQ(register_compile(&r, &fault), ERR_FULL);
    CHECK(fault.code == ERR_FULL && fault.line == 3 && strstr(fault.where, "wide/p") != NULL);
    register_finish(&r);
}

static void
test_register(const char *packs)
{
    static struct register_set r;
    static struct register_active active;
    struct vocab core;
    struct span answer = {0};
    const struct span bytes = slurp(file_bytes, sizeof(file_bytes), packs, "tdz-core.json");
    CHECK_EQ(vocab_read(&core, bytes, zero, NULL), ERR_OK);
    CHECK_EQ(register_init(&r, &core, SPAN_LIT("nowhere")), ERR_NOT_FOUND);
    CHECK_EQ(register_init(&r, &core, SPAN_LIT("my-cyberjaya")), ERR_OK);
    TEST("a register without a closed document lets nothing cross")
    {
        CHECK_EQ(register_active(&r, false, NOW, &active), ERR_NOT_FOUND);
    }
    TEST("the sandbox's files are taken once, inspection reads their schemas")
    {
        fill_register(&r, packs);
    }
    TEST("policies decide once they are compiled, and a document too large for that is named")
    {
        CHECK_EQ(register_active(&r, false, NOW, &active), ERR_STATE);
        CHECK_EQ(register_compile(&r, NULL), ERR_OK);
        CHECK_EQ(register_active(&r, false, NOW, &active), ERR_OK);
        CHECK_EQ(active.doc_count, 1);
        test_explosion(&core);
    }
    TEST("a file whose note no operator signed is not taken")
    {
        struct note_key stranger = operator_.note;
        CHECK_EQ(note_key_init(SPAN_LIT("stranger"), NOTE_ED25519, zero, &stranger), ERR_OK);
        CHECK_EQ(add_file(&r, REGISTER_LIST, "l.json", span_str(list_good), &stranger, 1),
                 ERR_KEY_UNKNOWN);
        CHECK_EQ(add_file(&r, REGISTER_LIST, "l.json", span_str(list_good), &operator_.note, 1),
                 ERR_OK);
    }
    TEST("partners are found by name and by certificate")
    {
        const struct party *p =
            register_partner(&r, SPAN_LIT("my-cyberjaya"), SPAN_LIT("hospital-kl"));
        CHECK(p != NULL);
        CHECK(register_by_spiffe(&r, SPAN_LIT("spiffe://my-cyberjaya/partner/hospital-kl")) == p);
        CHECK(register_partner(&r, SPAN_LIT("cn-lingang"), SPAN_LIT("hospital-kl")) == NULL);
        CHECK(register_agreement(&r, SPAN_LIT("nothing")) == NULL);
    }
    TEST("oncology-2026 is allowed with its duties")
    {
        CHECK_EQ(decide_on(&r, "oncology-2026", "{}", false, &answer), DECIDE_ALLOW);
        CHECK(has(answer, "\"verdict\":\"allow\"") && has(answer, "\"tokenise\":{\"fields\":["));
    }
    TEST("telemetry-2026 that is contradicted is denied by a rule with article and words")
    {
        CHECK_EQ(decide_on(&r, "telemetry-2026", "{}", true, &answer), DECIDE_DENY);
        CHECK(has(answer, "\"id\":\"my-export/my.contradicted\"") ||
              has(answer, "\"id\":\"my.contradicted\""));
        CHECK(has(answer, "MY-PDPA s.129") && has(answer, "\"obligations\":{}"));
        CHECK(has(answer, "\"zh\":\"") && has(answer, "\"reason\":\"forbidden\""));
    }
    TEST("a partner cannot set what the register or the gateway says, and is told")
    {
        CHECK_EQ(
            decide_on(&r, "telemetry-2026",
                      "{\"declared.contradicted\":false,\"exporter.ciio\":true,\"nonsense\":1}",
                      true, &answer),
            DECIDE_DENY);
        CHECK(has(answer, "{\"fact\":\"declared.contradicted\",\"would_help\":false}"));
        CHECK(has(answer, "{\"fact\":\"exporter.ciio\",\"would_help\":false}"));
        CHECK(has(answer, "{\"fact\":\"nonsense\",\"would_help\":false}"));
    }
    TEST("an agreement is refused before and after its time")
    {
        static struct facts f;
        const struct agreement *a = register_agreement(&r, SPAN_LIT("open-data"));
        facts_init(&f);
        CHECK_EQ(register_facts(&r, a, a->valid_from_ms - 1, 0, &f), ERR_NOT_YET);
        CHECK_EQ(register_facts(&r, a, a->valid_to_ms, 0, &f), ERR_EXPIRED);
    }
    register_finish(&r);
    vocab_finish(&core);
}

int
main(int argc, char **argv)
{
    const uint8_t seed[32] = {42};
    const uint8_t approver_seed[32] = {43};
    if (argc != 2 || crypto_init() != ERR_OK || sign_key_init(&operator_.key, seed) != ERR_OK ||
        note_key_init(SPAN_LIT("my-cyberjaya/op-my-1"), NOTE_ED25519, operator_.key.pub.pub,
                      &operator_.note) != ERR_OK ||
        sign_key_init(&approver.key, approver_seed) != ERR_OK ||
        note_key_init(SPAN_LIT("my-cyberjaya/op-my-2"), NOTE_ED25519, approver.key.pub.pub,
                      &approver.note) != ERR_OK ||
        vocab_read(&vocab, span_str(vocabulary), zero, NULL) != ERR_OK)
        return 1;
    TEST("every fault of an agreement is refused with its line and column")
    {
        REFUSE_ALL(agreement_good, agreement_bad, read_agreement);
    }
    TEST("every fault of a partner is refused with its line and column")
    {
        REFUSE_ALL(party_good, party_bad, read_party);
    }
    TEST("every fault of a list is refused with its line and column")
    {
        REFUSE_ALL(list_good, list_bad, read_list);
    }
    test_agreement_facts();
    test_envelope();
    test_register(argv[1]);
    vocab_finish(&vocab);
    sign_key_wipe(&operator_.key);
    sign_key_wipe(&approver.key);
    return test_end();
}
