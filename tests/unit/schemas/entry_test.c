/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/entry.h"
#include "tests/test.h"

static struct entry_scratch scratch;
static char buf[ENTRY_BYTES_MAX + 64];
static const uint8_t transfer[16] = {0xab, 1, 2, 3};
static const uint8_t h1[32] = {1};
static const uint8_t h2[32] = {2};
static const struct entry_head head = {
    .time_ms = 1795313940123, .transfer = transfer, .has_n = true};
static const struct entry_head bare = {.time_ms = 1795313940123};
static const struct entry_peer peer = {
    .origin = {(const uint8_t *)"cn/gw1/2026h2", 13}, .index = 9, .leaf = h1};

#define H1 "0100000000000000000000000000000000000000000000000000000000000000"
#define TAIL \
    "\"time\":\"2026-11-22T02:19:00.123Z\",\"transfer\":\"ab010203000000000000000000000000\"}"

static struct entry_decision
a_decision(void)
{
    static const uint8_t policies[2][32] = {{3}, {4}};
    static const struct span labels[] = {{(const uint8_t *)"health", 6},
                                         {(const uint8_t *)"personal", 8}};
    static const struct entry_counter counters[] = {{{(const uint8_t *)"persons", 7}, 41}};
    return (struct entry_decision){
        .phase = SPAN_LIT("final"),
        .verdict = SPAN_LIT("allow"),
        .reason = SPAN_LIT("permitted"),
        .record = h1,
        .policies = policies,
        .policy_count = 2,
        .labels = labels,
        .label_count = 2,
        .counters = counters,
        .counter_count = 1,
        .from = SPAN_LIT("my-cyberjaya"),
        .to = SPAN_LIT("cn-lingang"),
        .suite = 1,
        .bytes = UINT64_MAX,
        .offer = h1,
        .seal = h2,
        .root = h2,
        .commit = {.agreement = h1, .name = h1, .recipient = h2, .record = h1, .sender = h2}};
}

static void
reads_back(enum err err, struct span leaf, enum entry_kind kind)
{
    struct entry e;
    struct fault fault = {.code = ERR_OK};
    CHECK_EQ(err, ERR_OK);
    if (err != ERR_OK)
        return;
    const enum err read = entry_read(leaf, true, &scratch, &e, &fault);
    if (read != ERR_OK)
        printf("# %s: %s in %s\n", entry_kind_name(kind), error_name(read), fault.where);
    CHECK_EQ(read, ERR_OK);
    CHECK_EQ(e.kind, kind);
    CHECK(span_eq_str(e.kind_text, entry_kind_name(kind)));
    CHECK_EQ(e.time_ms, 1795313940123);
}

static void
writers(void)
{
    struct span leaf;
    struct entry e;
    struct entry_decision d = a_decision();
    struct entry_received r = {.verdict = SPAN_LIT("allow"),
                               .seal = h1,
                               .release = h2,
                               .commit = {.record = h2},
                               .peer = peer};
    TEST("every kind of a first crossing is written so that the strict reader takes it")
    {
        reads_back(entry_write_decision(&head, &d, buf, sizeof(buf), &leaf), leaf, ENTRY_DECISION);
        reads_back(entry_write_received(&head, &r, buf, sizeof(buf), &leaf), leaf, ENTRY_RECEIVED);
        reads_back(entry_write_receipt(&head, ENTRY_SETTLED, h1, &peer, buf, sizeof(buf), &leaf),
                   leaf, ENTRY_SETTLED);
        reads_back(entry_write_receipt(&head, ENTRY_DELIVERED, h1, NULL, buf, sizeof(buf), &leaf),
                   leaf, ENTRY_DELIVERED);
        reads_back(entry_write_refused(&head, SPAN_LIT("peer"), SPAN_LIT("forbidden"), &peer, buf,
                                       sizeof(buf), &leaf),
                   leaf, ENTRY_REFUSED);
        reads_back(entry_write_opened(&head, h1, SPAN_LIT("2026-11-22"), buf, sizeof(buf), &leaf),
                   leaf, ENTRY_OPENED);
        reads_back(entry_write_erased(&head, 7, SPAN_LIT("my/gw1/2026h2"), buf, sizeof(buf), &leaf),
                   leaf, ENTRY_ERASED);
        reads_back(entry_write_erased(&head, 7, (struct span){NULL, 0}, buf, sizeof(buf), &leaf),
                   leaf, ENTRY_ERASED);
        reads_back(
            entry_write_approval(&head, SPAN_LIT("approve"), h1, h2, h1, buf, sizeof(buf), &leaf),
            leaf, ENTRY_APPROVAL);
        const struct entry_adjust adjust = {
            .year = 2026, .pi = -5, .spi = 7, .known = true, .note = h1, .keyid = h2};
        reads_back(entry_write_counter(&bare, &adjust, buf, sizeof(buf), &leaf), leaf,
                   ENTRY_COUNTER);
        static const enum entry_kind documents[] = {ENTRY_POLICY, ENTRY_AGREEMENT, ENTRY_PARTNER};
        struct entry_document document = {
            .id = SPAN_LIT("id"), .action = SPAN_LIT("activate"), .sha256 = h1, .epoch = 3};
        for (size_t i = 0; i < 3; i++)
            reads_back(
                entry_write_document(&bare, documents[i], &document, buf, sizeof(buf), &leaf), leaf,
                documents[i]);
        document.activation = h2;
        document.action = SPAN_LIT("schedule");
        reads_back(entry_write_document(&bare, ENTRY_POLICY, &document, buf, sizeof(buf), &leaf),
                   leaf, ENTRY_POLICY);
        reads_back(entry_write_key(&bare, SPAN_LIT("log"), SPAN_LIT("ed25519"), h1, span_of(h2, 32),
                                   SPAN_LIT("active"), buf, sizeof(buf), &leaf),
                   leaf, ENTRY_KEY);
        reads_back(entry_write_incident(&bare, SPAN_LIT("clock-suspect"), SPAN_LIT("x"), buf,
                                        sizeof(buf), &leaf),
                   leaf, ENTRY_INCIDENT);
        reads_back(entry_write_genesis(&bare, SPAN_LIT("o"), SPAN_LIT("o+1+k"), &peer, h1, buf,
                                       sizeof(buf), &leaf),
                   leaf, ENTRY_GENESIS);
    }
    TEST("a genesis names the log before it, its last checkpoint and who said so")
    {
        struct entry_place place;
        uint8_t note[32];
        CHECK_EQ(entry_write_genesis(&bare, SPAN_LIT("o"), SPAN_LIT("o+1+k"), &peer, h2, buf,
                                     sizeof(buf), &leaf),
                 ERR_OK);
        CHECK_EQ(entry_read(leaf, true, &scratch, &e, NULL), ERR_OK);
        CHECK_EQ(entry_get_place(&e, "prev", &place), ERR_OK);
        CHECK(span_eq(place.origin, peer.origin) && place.index == peer.index &&
              memcmp(place.leaf, peer.leaf, 32) == 0);
        CHECK(entry_get_hash(&e, "note", note) == ERR_OK && memcmp(note, h2, 32) == 0);
        CHECK_EQ(entry_get_place(&e, "peer", &place), ERR_MISSING);
        CHECK_EQ(entry_get_place(&e, "key", &place), ERR_TYPE);
        CHECK_EQ(entry_write_genesis(&bare, SPAN_LIT("o"), SPAN_LIT("o+1+k"), NULL, NULL, buf,
                                     sizeof(buf), &leaf),
                 ERR_OK);
        CHECK_EQ(entry_read(leaf, true, &scratch, &e, NULL), ERR_OK);
        CHECK_EQ(entry_get_place(&e, "prev", &place), ERR_MISSING);
    }
    TEST("a settled entry has exactly the bytes of the format")
    {
        CHECK_EQ(entry_write_receipt(&head, ENTRY_SETTLED, h1, &peer, buf, sizeof(buf), &leaf), 0);
        CHECK(span_eq_str(leaf,
                          "{\"data\":{\"peer\":{\"index\":9,\"leaf\":\"" H1
                          "\",\"origin\":\"cn/gw1/2026h2\"},\"receipt\":\"" H1
                          "\"},\"format\":\"tdz.entry/1\",\"kind\":\"settled\",\"n\":0," TAIL));
    }
    TEST("what was written is found again")
    {
        uint8_t hash[32];
        struct span text;
        CHECK_EQ(entry_write_decision(&head, &d, buf, sizeof(buf), &leaf), ERR_OK);
        CHECK_EQ(entry_read(leaf, true, &scratch, &e, NULL), ERR_OK);
        CHECK(e.has_transfer && memcmp(e.transfer, transfer, 16) == 0 && e.has_n && e.n == 0);
        CHECK_EQ(entry_get_str(&e, "bytes", &text), ERR_OK);
        CHECK(span_eq_str(text, "18446744073709551615"));
        CHECK_EQ(entry_get_hash(&e, "seal", hash), ERR_OK);
        CHECK(memcmp(hash, h2, 32) == 0);
        CHECK_EQ(entry_get_commit(&e, "sender", hash), ERR_OK);
        CHECK(memcmp(hash, h2, 32) == 0);
        CHECK_EQ(entry_get_hash(&e, "absent", hash), ERR_MISSING);
        CHECK_EQ(entry_get_hash(&e, "commit", hash), ERR_TYPE);
        CHECK_EQ(entry_get_hash(&e, "from", hash), ERR_SYNTAX);
        CHECK_EQ(entry_get_commit(&e, "nobody", hash), ERR_MISSING);
    }
    TEST("a wrong kind, a wrong time, bad text and a small buffer are errors of the writers")
    {
        const struct entry_head past = {.time_ms = -1};
        const struct entry_head many = {.has_n = true, .n = ENTRY_N_MAX + 1};
        CHECK_EQ(entry_write_receipt(&head, ENTRY_KEY, h1, NULL, buf, sizeof(buf), &leaf),
                 ERR_TYPE);
        const struct entry_document document = {
            .id = SPAN_LIT("i"), .action = SPAN_LIT("retire"), .sha256 = h1, .epoch = 1};
        CHECK_EQ(entry_write_document(&bare, ENTRY_KEY, &document, buf, sizeof(buf), &leaf),
                 ERR_TYPE);
        CHECK_EQ(entry_write_erased(&past, 1, SPAN_LIT(""), buf, sizeof(buf), &leaf), ERR_RANGE);
        CHECK_EQ(entry_write_erased(&many, 1, SPAN_LIT(""), buf, sizeof(buf), &leaf), ERR_RANGE);
        CHECK_EQ(entry_write_erased(&head, UINT64_MAX, SPAN_LIT(""), buf, sizeof(buf), &leaf),
                 ERR_RANGE);
        CHECK_EQ(
            entry_write_incident(&bare, SPAN_LIT("\xff"), SPAN_LIT(""), buf, sizeof(buf), &leaf),
            ERR_UTF8);
        CHECK_EQ(entry_write_decision(&head, &d, buf, 100, &leaf), ERR_FULL);
        static char wide[40000];
        static char long_text[20000];
        memset(long_text, 'x', sizeof(long_text));
        CHECK_EQ(entry_write_incident(&bare, span_of(long_text, sizeof(long_text)), SPAN_LIT(""),
                                      wide, sizeof(wide), &leaf),
                 ERR_TOO_LARGE);
    }
}

#define E(data, kind) "{\"data\":" data ",\"format\":\"tdz.entry/1\",\"kind\":\"" kind "\"," TAIL
#define HASH "\"" H1 "\""

static const struct {
    const char *leaf;
    enum err err;
} bad[] = {
    {E("{\"index\":1}", "erased") " ", ERR_NOT_CANONICAL},
    {E("{\"index\": 1}", "erased"), ERR_NOT_CANONICAL},
    {"[]", ERR_TYPE},
    {"{}", ERR_MISSING},
    {"{\"format\":\"tdz.entry/2\"}", ERR_VERSION},
    {E("{}", "erased"), ERR_MISSING},
    {E("{\"index\":\"1\"}", "erased"), ERR_TYPE},
    {E("{\"index\":-1}", "erased"), ERR_RANGE},
    {E("{\"index\":1.5}", "erased"), ERR_SYNTAX},
    {E("{\"index\":1,\"more\":1}", "erased"), ERR_UNKNOWN_FIELD},
    {E("{\"index\":1}", "hoped"), ERR_UNKNOWN_FIELD},
    {E("[]", "erased"), ERR_TYPE},
    {E("{\"by\":\"nobody\",\"reason\":\"x\"}", "refused"), ERR_RANGE},
    {E("{\"by\":\"peer operator\",\"reason\":\"x\"}", "refused"), ERR_RANGE},
    {E("{\"by\":\"peer\",\"reason\":\"\"}", "refused"), ERR_RANGE},
    {E("{\"peer\":{\"index\":1,\"leaf\":" HASH "},\"receipt\":" HASH "}", "settled"), ERR_MISSING},
    {E("{\"peer\":{\"index\":1,\"leaf\":\"aa\",\"origin\":\"x\"},\"receipt\":" HASH "}", "settled"),
     ERR_SYNTAX},
    {E("{\"receipt\":" HASH "}", "settled"), ERR_MISSING},
    {E("{\"commit\":{\"recipient\":1},\"day\":\"d\"}", "opened"), ERR_TYPE},
    {"{\"data\":{\"index\":1},\"format\":\"tdz.entry/1\",\"kind\":\"erased\",\"n\":1000001," TAIL,
     ERR_RANGE},
    {"{\"data\":{\"index\":1},\"format\":\"tdz.entry/1\",\"kind\":\"erased\","
     "\"time\":\"2026-11-22T02:19:00.123Z\"}",
     ERR_MISSING},
    {"{\"data\":{\"index\":1},\"format\":\"tdz.entry/1\",\"kind\":\"erased\","
     "\"time\":\"2026-11-22T02:19:00Z\",\"transfer\":\"ab010203000000000000000000000000\"}",
     ERR_SYNTAX},
    {"{\"data\":{\"index\":1},\"format\":\"tdz.entry/1\",\"kind\":\"erased\","
     "\"time\":\"2026-11-22T02:19:00.123Z\",\"transfer\":\"AB010203000000000000000000000000\"}",
     ERR_SYNTAX},
    {"{\"data\":{},\"extra\":1,\"format\":\"tdz.entry/1\"}", ERR_UNKNOWN_FIELD},
};

int
main(void)
{
    struct entry e;
    struct fault fault;
    writers();
    TEST("a leaf that is not to the letter is refused")
    {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            const enum err err = entry_read(span_str(bad[i].leaf), true, &scratch, &e, &fault);
            if (err != bad[i].err)
                printf("# case %zu: %s (%s)\n", i, error_name(err), fault.where);
            CHECK_EQ(err, bad[i].err);
            CHECK_EQ(fault.code, bad[i].err);
        }
        static char big[ENTRY_BYTES_MAX + 1];
        CHECK_EQ(entry_read(span_of(big, sizeof(big)), true, &scratch, &e, NULL), ERR_TOO_LARGE);
    }
    TEST("an auditor reads kinds and members of later versions")
    {
        CHECK_EQ(entry_read(span_str(E("{\"index\":1}", "hoped")), false, &scratch, &e, NULL),
                 ERR_OK);
        CHECK_EQ(e.kind, ENTRY_OTHER);
        CHECK_EQ(entry_read(span_str(E("{\"index\":1,\"more\":1}", "erased")), false, &scratch, &e,
                            NULL),
                 ERR_OK);
        CHECK(strcmp(entry_kind_name(ENTRY_KIND_END), "other") == 0);
    }
    return test_end();
}
