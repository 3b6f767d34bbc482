/* SPDX-License-Identifier: Apache-2.0 */
/* The inspector over real rings; the test is edge, sealer, keeper, clerk and judge. */
#include "tests/unit/inspector/inspectorkit.h"

static void
turns(void)
{
    for (int k = 0; k < 8; k++)
        inspector_turn(&engine, 0);
}

static uint8_t sealed[FILE_MAX];
static size_t sealed_len;

/* Everything ring B has; true at its end. */
static bool
drain(void)
{
    static uint8_t slot[RING_SLOT_BYTES];
    for (;;) {
        size_t len = 0;
        bool eof = false;
        if (seen.out == NULL || ring_read(seen.out, slot, sizeof(slot), &len, &eof) != ERR_OK)
            return false;
        if (eof)
            return true;
        CHECK(sealed_len + len <= sizeof(sealed));
        memcpy(sealed + sealed_len, slot, len);
        sealed_len += len;
    }
}

static uint32_t lcg = 7;

static uint32_t
next_number(uint32_t below)
{
    lcg = lcg * 1664525U + 1013904223U;
    return (lcg >> 8) % below;
}

/* data through the whole path in pieces of at most piece_max bytes. */
static bool
stream(struct ring *in, const char *data, size_t len, uint32_t piece_max)
{
    size_t at = 0;
    bool eof_sent = false;
    bool ended = false;
    sealed_len = 0;
    for (int k = 0; k < 100000 && !ended; k++) {
        while (at < len) {
            size_t take = 1 + next_number(piece_max);
            take = take > len - at ? len - at : take;
            if (ring_write(in, span_of(data + at, take)) != ERR_OK)
                break;
            at += take;
        }
        if (at == len && !eof_sent)
            eof_sent = ring_eof(in) == ERR_OK;
        turns();
        ended = seen.out == NULL ? seen.inspected > 0 : drain();
    }
    turns();
    return ended;
}

static char table[200000];

static size_t
make_table(void)
{
    size_t len = (size_t)snprintf(table, sizeof(table), "email,n\n");
    for (int k = 0; k < 3000; k++)
        len +=
            (size_t)snprintf(table + len, sizeof(table) - len, "p%d@example.org,%d\n", k % 40, k);
    return len;
}

static bool
any_name(const void *ctx, struct span name)
{
    (void)ctx;
    return span_eq_str(name, "email") || span_eq_str(name, "n");
}

static struct report_scratch report_scratch;
static struct report report;

static void
run(const char *spec, const char *data, size_t len, uint32_t piece_max)
{
    struct ring *in = NULL;
    restart();
    CHECK_EQ(ring_create(2, &in), ERR_OK);
    CHECK_EQ(tell_open(spec, "hospital", DIRECTION_EXPORT), ERR_OK);
    CHECK_EQ(tell_keys(1), ERR_OK);
    CHECK_EQ(tell_ring(in, ROLE_EDGE, 2, 5), ERR_OK);
    CHECK(stream(in, data, len, piece_max));
    CHECK(seen.inspected == 1 && seen.findings == 1 && seen.judge_first);
    CHECK_EQ(seen.told.err, 0);
    CHECK_EQ(report_read(span_of(seen.report, seen.report_len), any_name, NULL, &report_scratch,
                         &report, NULL),
             ERR_OK);
    CHECK_EQ(inspector_busy(&engine), 0);
    ring_free(in);
}

static void
test_streams(void)
{
    const size_t len = make_table();
    static uint8_t first[FILE_MAX];
    size_t first_len = 0;
    TEST("a table leaves as it came, with findings to judge first and persons to clerk")
    {
        struct secret32 key = {{3}};
        uint8_t mac[32];
        run(spec_table, table, len, RING_SLOT_BYTES);
        CHECK(sealed_len == len && memcmp(sealed, table, len) == 0);
        CHECK(report.bytes_in == len && report.bytes_out == len);
        CHECK_EQ(report.in.rows, 3000);
        CHECK_EQ(report.in.persons_upper, 40);
        CHECK((report.in.labels & LABEL_BIT(LABEL_PERSONAL)) != 0 && !report.in.contradicted);
        CHECK_EQ(seen.persons.pi_count, 40);
        CHECK_EQ(attest_findings(&key, seen.told.findings_hash, mac), ERR_OK);
        CHECK(memcmp(mac, seen.told.mac, 32) == 0);
        memcpy(first, seen.report, seen.report_len);
        first_len = seen.report_len;
    }
    TEST("any split of the stream gives the same findings")
    {
        for (uint32_t piece = 1; piece <= 5000; piece = piece * 5 + 2) {
            run(spec_table, table, piece < 100 ? 20000 : len, piece);
            if (piece >= 100)
                CHECK(seen.report_len == first_len && memcmp(first, seen.report, first_len) == 0);
        }
    }
    TEST("a column that is to be tokenised leaves as tokens, and is seen as such")
    {
        run(spec_token, table, len, RING_SLOT_BYTES);
        CHECK(report.in.performed && report.out.performed);
        CHECK(report.bytes_in == len && report.bytes_out == sealed_len && sealed_len > len);
        CHECK(memmem(sealed, sealed_len, "@example.org", 12) == NULL);
        CHECK(memmem(sealed, sealed_len, "tkn_", 4) != NULL);
        CHECK_EQ(seen.persons.pi_count, 40);
        memcpy(first, sealed, sealed_len);
        first_len = sealed_len;
        run(spec_token, table, len, 777);
        CHECK(sealed_len == first_len && memcmp(first, sealed, first_len) == 0);
    }
    TEST("the importer, told what was performed, sees what the exporter saw leave")
    {
        struct ring *in = NULL;
        uint8_t digest[32];
        char spec[sizeof(spec_token) + 8];
        const char *at = strstr(spec_token, "export");
        memcpy(digest, report.out.digest, 32);
        (void)snprintf(spec, sizeof(spec), "%.*simport%s", (int)(at - spec_token), spec_token,
                       at + 6);
        restart();
        CHECK_EQ(ring_create(2, &in), ERR_OK);
        CHECK_EQ(tell_ring(in, ROLE_SEALER, 2, 5), ERR_OK);
        CHECK_EQ(tell_keys(77), ERR_OK);
        CHECK_EQ(tell_open(spec, "lab", DIRECTION_IMPORT), ERR_OK);
        CHECK(stream(in, (const char *)first, first_len, 4096));
        CHECK_EQ(seen.told.err, 0);
        CHECK_EQ(report_read(span_of(seen.report, seen.report_len), any_name, NULL, &report_scratch,
                             &report, NULL),
                 ERR_OK);
        CHECK(!report.in.present && memcmp(report.out.digest, digest, 32) == 0);
        CHECK(seen.out == NULL);
        ring_free(in);
    }
    TEST("the same holds for a stream that leaves as it came")
    {
        struct ring *in = NULL;
        uint8_t digest[32];
        char spec[sizeof(spec_table) + 8];
        const char *at = strstr(spec_table, "export");
        run(spec_table, table, len, RING_SLOT_BYTES);
        memcpy(digest, report.out.digest, 32);
        (void)snprintf(spec, sizeof(spec), "%.*simport%s", (int)(at - spec_table), spec_table,
                       at + 6);
        restart();
        CHECK_EQ(ring_create(2, &in), ERR_OK);
        CHECK_EQ(tell_open(spec, "lab", DIRECTION_IMPORT), ERR_OK);
        CHECK_EQ(tell_ring(in, ROLE_SEALER, 2, 5), ERR_OK);
        CHECK_EQ(tell_keys(77), ERR_OK);
        CHECK(stream(in, table, len, 60000));
        CHECK_EQ(report_read(span_of(seen.report, seen.report_len), any_name, NULL, &report_scratch,
                             &report, NULL),
                 ERR_OK);
        CHECK(memcmp(report.out.digest, digest, 32) == 0);
        ring_free(in);
    }
}

static void
test_violations(void)
{
    struct ring *in = NULL;
    TEST("another edge's ring is that edge's violation, and a second ring too")
    {
        restart();
        CHECK_EQ(ring_create(2, &in), ERR_OK);
        CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_EXPORT), ERR_OK);
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 1, 5), ERR_DENIED);
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 2, 4), ERR_DENIED);
        CHECK_EQ(tell_ring(in, ROLE_SEALER, 2, 5), ERR_DENIED);
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 2, 5), ERR_OK);
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 2, 5), ERR_EXISTS);
    }
    TEST("a ring that came early from another edge is not used")
    {
        struct ring *mine = NULL;
        restart();
        CHECK_EQ(ring_create(2, &mine), ERR_OK);
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 1, 5), ERR_OK);
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 1, 5), ERR_EXISTS);
        CHECK_EQ(tell_ring(mine, ROLE_EDGE, 2, 5), ERR_OK);
        CHECK_EQ(tell_keys(1), ERR_OK);
        CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_EXPORT), ERR_OK);
        CHECK(stream(mine, "email,n\na@b.org,1\n", 18, 18));
        CHECK(seen.told.err == 0 && sealed_len == 18);
        ring_free(mine);
        ring_free(in);
    }
    TEST("a ring for another container of the transfer is its edge's violation")
    {
        restart();
        CHECK_EQ(ring_create(2, &in), ERR_OK);
        ring_astray = 1;
        CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_EXPORT), ERR_OK);
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 2, 5), ERR_DENIED);
        ring_astray = 0;
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 2, 5), ERR_OK);
    }
    TEST("and where it comes before clerk's word, the end of the transfer, if it is the edge named")
    {
        restart();
        ring_astray = 1;
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 1, 5), ERR_OK);
        CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_EXPORT), ERR_OK);
        CHECK(seen.inspected == 0 && inspector_busy(&engine) == 1);
        restart();
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 2, 5), ERR_OK);
        CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_EXPORT), ERR_OK);
        CHECK(seen.inspected == 1 && seen.told.err == (uint16_t)-ERR_DENIED);
        CHECK_EQ(inspector_busy(&engine), 0);
        ring_astray = 0;
        ring_free(in);
    }
    TEST("another partner, other bytes under one identity, other keys: violations of their sender")
    {
        restart();
        CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_EXPORT), ERR_OK);
        CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_EXPORT), ERR_OK);
        CHECK_EQ(tell_open(spec_table, "insurer", DIRECTION_EXPORT), ERR_DENIED);
        CHECK_EQ(tell_open(spec_token, "hospital", DIRECTION_EXPORT), ERR_CONFLICT);
        CHECK_EQ(tell_keys(1), ERR_OK);
        CHECK_EQ(tell_keys(1), ERR_OK);
        CHECK_EQ(tell_keys(9), ERR_CONFLICT);
        CHECK_EQ(tell_as(ROLE_EDGE, 0, 1, MSG_INSPECT_KEYS, SPAN_LIT(""), NULL, 0), ERR_PROTOCOL);
        CHECK_EQ(tell_as(ROLE_KEEPER, 0, 1, MSG_INSPECT_KEYS, SPAN_LIT("x"), NULL, 0), ERR_SHORT);
        CHECK_EQ(tell_as(ROLE_CLERK, 0, 1, MSG_FINDINGS, SPAN_LIT("x"), NULL, 0), ERR_PROTOCOL);
    }
    TEST("RETIRE ends the binding with the process")
    {
        const struct p_retire p = {0};
        CHECK_EQ(tell_as(ROLE_CLERK, 0, 1, MSG_RETIRE, BODY(retire, &p), NULL, 0), ERR_OK);
        CHECK(seen.retired && inspector_busy(&engine) == 0);
    }
    TEST("what is no ring is refused and ends its transfer")
    {
        struct p_ring_upload p;
        int fds[RING_FDS] = {memfd_create("x", 0), memfd_create("y", 0), memfd_create("z", 0)};
        restart();
        memcpy(p.offer_hash, offer, 32);
        CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_EXPORT), ERR_OK);
        CHECK_EQ(tell_as(ROLE_EDGE, 2, 5, MSG_RING_UPLOAD, BODY(ring_upload, &p), fds, RING_FDS),
                 ERR_PROTOCOL);
        CHECK(seen.inspected == 1 && seen.told.err == (uint16_t)-ERR_PROTOCOL);
        CHECK(strcmp(seen.code, "inspector-failed") == 0);
    }
}

static struct ring *
begin(void)
{
    struct ring *in = NULL;
    restart();
    CHECK_EQ(ring_create(2, &in), ERR_OK);
    CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_EXPORT), ERR_OK);
    CHECK_EQ(tell_keys(1), ERR_OK);
    CHECK_EQ(tell_ring(in, ROLE_EDGE, 2, 5), ERR_OK);
    CHECK_EQ(ring_write(in, SPAN_LIT("email,n\n")), ERR_OK);
    turns();
    return in;
}

/* Ring B tells the sealer that nothing good comes any more. */
static bool
sealer_sees_abort(void)
{
    static uint8_t slot[RING_SLOT_BYTES];
    size_t len = 0;
    bool eof = false;
    return ring_read(seen.out, slot, sizeof(slot), &len, &eof) == ERR_CANCELLED;
}

static void
test_failures(void)
{
    struct ring *in = NULL;
    TEST("an upload that is given up gives no findings, and the sealer hears of it")
    {
        in = begin();
        ring_abort(in);
        turns();
        CHECK(seen.inspected == 1 && seen.findings == 0);
        CHECK_EQ(seen.told.err, (uint16_t)-ERR_CANCELLED);
        CHECK(sealer_sees_abort());
        ring_free(in);
    }
    TEST("a sealer that gives up ends the transfer")
    {
        in = begin();
        ring_abort(seen.out);
        CHECK_EQ(ring_write(in, SPAN_LIT("a@b.org,1\n")), ERR_OK);
        turns();
        CHECK(seen.inspected == 1 && seen.told.err == (uint16_t)-ERR_CANCELLED);
        ring_free(in);
    }
    TEST("nonsense in a producer's indices ends its transfer, not the process")
    {
        struct stat st;
        int fds[RING_FDS];
        in = begin();
        ring_fds(in, fds);
        CHECK(fstat(fds[0], &st) == 0);
        uint8_t *map =
            mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
        CHECK(map != MAP_FAILED);
        memset(map, 0xff, 4096);
        turns();
        CHECK(seen.inspected == 1 && seen.told.err != 0 && seen.findings == 0);
        CHECK_EQ(inspector_busy(&engine), 0);
        (void)munmap(map, (size_t)st.st_size);
        ring_free(in);
    }
    TEST("clerk's abort drops the transfer without a word")
    {
        struct p_inspect_abort p;
        in = begin();
        memcpy(p.offer_hash, offer, 32);
        CHECK_EQ(tell_as(ROLE_CLERK, 0, 1, MSG_INSPECT_ABORT, BODY(inspect_abort, &p), NULL, 0),
                 ERR_OK);
        CHECK(seen.inspected == 0 && sealer_sees_abort());
        CHECK_EQ(inspector_busy(&engine), 0);
        CHECK_EQ(tell_as(ROLE_CLERK, 0, 1, MSG_INSPECT_ABORT, BODY(inspect_abort, &p), NULL, 0),
                 ERR_OK);
        ring_free(in);
    }
    TEST("a transfer fails with the edge or the sealer it depends on, and not with others")
    {
        in = begin();
        inspector_lost(&engine, ROLE_EDGE, 1);
        inspector_lost(&engine, ROLE_SEALER, 2);
        CHECK_EQ(seen.inspected, 0);
        inspector_lost(&engine, ROLE_EDGE, 2);
        CHECK(seen.inspected == 1 && seen.told.err == (uint16_t)-ERR_ROLE_LOST);
        ring_free(in);
        in = begin();
        inspector_lost(&engine, ROLE_SEALER, 3);
        CHECK_EQ(seen.inspected, 1);
        ring_free(in);
    }
    TEST("a specification that cannot be read or a sealer that is not there is an answer")
    {
        restart();
        CHECK_EQ(tell_open("{}", "hospital", DIRECTION_EXPORT), ERR_OK);
        CHECK(seen.inspected == 1 && seen.told.err != 0);
        restart();
        CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_IMPORT), ERR_OK);
        CHECK_EQ(seen.told.err, (uint16_t)-ERR_CONFLICT);
        restart();
        seen.sealer_err = ERR_ROLE_LOST;
        CHECK_EQ(ring_create(2, &in), ERR_OK);
        CHECK_EQ(tell_open(spec_table, "hospital", DIRECTION_EXPORT), ERR_OK);
        CHECK_EQ(tell_keys(1), ERR_OK);
        CHECK_EQ(tell_ring(in, ROLE_EDGE, 2, 5), ERR_OK);
        CHECK_EQ(seen.told.err, (uint16_t)-ERR_ROLE_LOST);
        ring_free(in);
    }
    TEST("the sealer that does not read holds the edge back, and nothing is lost")
    {
        const size_t len = make_table();
        size_t at = 0;
        in = begin();
        for (int k = 0; k < 50; k++) {
            while (at < len && ring_write(in, span_of(table + at, 1000)) == ERR_OK)
                at += 1000;
            turns();
        }
        /* Two slots here, two there, and one in between at most. */
        CHECK(at <= 6000);
        CHECK_EQ(inspector_busy(&engine), 1);
        ring_free(in);
    }
}

int
main(void)
{
    struct inspector none = {0};
    if (crypto_init() != ERR_OK)
        return 1;
    TEST("a table has a size")
    {
        CHECK_EQ(inspector_init(&none, 0, 2), ERR_RANGE);
        CHECK_EQ(inspector_init(&none, INSPECTOR_SLOTS_MAX + 1, 2), ERR_RANGE);
        CHECK_EQ(inspector_init(&none, 1, 0), ERR_RANGE);
    }
    test_streams();
    test_violations();
    test_failures();
    inspector_finish(&engine);
    ring_free(seen.out);
    personset_free(&seen.persons);
    return test_end();
}
