/* SPDX-License-Identifier: Apache-2.0 */
/* What clerk relies on from its database, whichever it is: run it with another store_open to judge
 * another implementation. */
#include "gateway/clerk/store.h"
#include "tests/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static uint8_t memory[1 << 20];

static struct room
fresh(void)
{
    return (struct room){memory, sizeof(memory), 0};
}

static struct store *
open_store(void)
{
    struct store *s = NULL;
    CHECK_EQ(store_open(folder, &s), ERR_OK);
    return s;
}

static struct store_row
row_of(uint8_t id, const char *party)
{
    struct store_row row = {.state = FLOW_X1_CREATED, .wake_ms = STORE_NEVER};
    memset(row.id, id, sizeof(row.id));
    (void)snprintf(row.party, sizeof(row.party), "%s", party);
    (void)snprintf(row.agreement, sizeof(row.agreement), "open-data");
    (void)snprintf(row.name, sizeof(row.name), "set-%u", id);
    (void)snprintf(row.peer, sizeof(row.peer), "cn-lingang");
    row.bytes = STORE_NONE;
    row.created_ms = 1000 + id;
    row.updated_ms = row.created_ms;
    memset(row.digest, id, sizeof(row.digest));
    memset(row.root, 0xaa, sizeof(row.root));
    return row;
}

static void
put(struct store *s, struct store_row *row)
{
    CHECK_EQ(store_begin(s), ERR_OK);
    CHECK_EQ(store_row_put(s, row), ERR_OK);
    CHECK_EQ(store_commit(s), ERR_OK);
}

static size_t listed;
static uint64_t listed_seq[16];

static enum err
count_row(void *ctx, const struct store_row *row)
{
    (void)ctx;
    if (listed < 16)
        listed_seq[listed] = row->seq;
    listed++;
    return ERR_OK;
}

static enum err
refuse_row(void *ctx, const struct store_row *row)
{
    (void)ctx;
    (void)row;
    return ERR_CANCELLED;
}

static enum err
count_stem(void *ctx, const char *stem)
{
    (void)ctx;
    CHECK(strcmp(stem, "abc") == 0);
    listed++;
    return ERR_OK;
}

static void
test_rows(void)
{
    struct store_row a = row_of(1, "acme");
    struct store_row b = row_of(2, "acme");
    struct store_row got = {0};
    TEST("a new row gets its place in the order and every column comes back")
    {
        struct store *s = open_store();
        put(s, &a);
        put(s, &b);
        CHECK(a.seq > 0 && b.seq > a.seq);
        CHECK_EQ(store_row_get(s, a.id, &got), ERR_OK);
        CHECK(memcmp(&got, &a, sizeof(a)) == 0);
        a.state = FLOW_X7_FORWARDING;
        a.shown = FLOW_SHOWN_FORWARDING;
        a.wake_ms = 5;
        put(s, &a);
        CHECK_EQ(store_row_get(s, a.id, &got), ERR_OK);
        CHECK(memcmp(&got, &a, sizeof(a)) == 0);
        store_close(s);
    }
    TEST("a second row of the same id is refused, and an unknown id is not found")
    {
        struct store *s = open_store();
        struct store_row again = row_of(1, "other");
        struct store_row none = row_of(9, "other");
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_row_put(s, &again), ERR_EXISTS);
        store_rollback(s);
        CHECK_EQ(store_row_get(s, none.id, &got), ERR_NOT_FOUND);
        store_close(s);
    }
    TEST("due rows are those whose time has come, the longest waiting first")
    {
        struct store *s = open_store();
        uint8_t ids[4][16];
        size_t count = 9;
        b.wake_ms = 3;
        put(s, &b);
        CHECK_EQ(store_row_due(s, 2, ids, 4, &count), ERR_OK);
        CHECK_EQ(count, 0);
        CHECK_EQ(store_row_due(s, 5, ids, 4, &count), ERR_OK);
        CHECK_EQ(count, 2);
        CHECK(memcmp(ids[0], b.id, 16) == 0 && memcmp(ids[1], a.id, 16) == 0);
        CHECK_EQ(store_row_due(s, 5, ids, 1, &count), ERR_OK);
        CHECK_EQ(count, 1);
        store_close(s);
    }
    TEST("the same dataset is found by party, agreement, name and digest within its time")
    {
        struct store *s = open_store();
        struct store_row like = row_of(2, "acme");
        CHECK_EQ(store_row_same(s, &like, 0, &got), ERR_OK);
        CHECK(memcmp(got.id, b.id, 16) == 0);
        CHECK_EQ(store_row_same(s, &like, 1003, &got), ERR_NOT_FOUND);
        (void)snprintf(like.name, sizeof(like.name), "another");
        CHECK_EQ(store_row_same(s, &like, 0, &got), ERR_NOT_FOUND);
        like = row_of(2, "acme");
        b.state = FLOW_XF_FAILED;
        put(s, &b);
        CHECK_EQ(store_row_same(s, &like, 0, &got), ERR_NOT_FOUND);
        b.sealed = 1;
        put(s, &b);
        CHECK_EQ(store_row_same(s, &like, 0, &got), ERR_OK);
        store_close(s);
    }
}

static void
test_lists(void)
{
    struct store_filter all = {
        .party = "acme", .direction = -1, .shown = -1, .before_seq = UINT64_MAX, .limit = 10};
    TEST("a list is one party's, newest first, and pages by the row before")
    {
        struct store *s = open_store();
        struct store_row c = row_of(3, "zeta");
        put(s, &c);
        listed = 0;
        CHECK_EQ(store_row_list(s, &all, count_row, NULL), ERR_OK);
        CHECK_EQ(listed, 2);
        CHECK(listed_seq[0] > listed_seq[1]);
        all.before_seq = listed_seq[0];
        listed = 0;
        CHECK_EQ(store_row_list(s, &all, count_row, NULL), ERR_OK);
        CHECK_EQ(listed, 1);
        all.before_seq = UINT64_MAX;
        all.party = NULL;
        listed = 0;
        CHECK_EQ(store_row_list(s, &all, count_row, NULL), ERR_OK);
        CHECK_EQ(listed, 3);
        CHECK_EQ(store_row_list(s, &all, refuse_row, NULL), ERR_CANCELLED);
        store_close(s);
    }
    TEST("a list filters by direction, shown state, time and inbox")
    {
        struct store *s = open_store();
        struct store_row in = row_of(4, "zeta");
        in.direction = DIRECTION_IMPORT;
        in.state = FLOW_M7_SETTLED;
        in.shown = FLOW_SHOWN_SETTLED;
        (void)snprintf(in.spool, sizeof(in.spool), "abc");
        in.body_bytes = 700;
        put(s, &in);
        all.party = "zeta";
        listed = 0;
        all.inbox = true;
        CHECK_EQ(store_row_list(s, &all, count_row, NULL), ERR_OK);
        CHECK_EQ(listed, 1);
        all.inbox = false;
        all.direction = DIRECTION_EXPORT;
        all.shown = FLOW_SHOWN_RECEIVING;
        all.since_ms = 1003;
        listed = 0;
        CHECK_EQ(store_row_list(s, &all, count_row, NULL), ERR_OK);
        CHECK_EQ(listed, 1);
        all.since_ms = 1004;
        listed = 0;
        CHECK_EQ(store_row_list(s, &all, count_row, NULL), ERR_OK);
        CHECK_EQ(listed, 0);
        store_close(s);
    }
    TEST("spool use and spool names count the rows that have a body")
    {
        struct store *s = open_store();
        uint64_t whole = 0;
        uint64_t peer = 0;
        uint64_t count = 0;
        CHECK_EQ(store_spool_use(s, "cn-lingang", &whole, &peer), ERR_OK);
        CHECK(whole == 700 && peer == 700);
        CHECK_EQ(store_spool_use(s, "my-perlis", &whole, &peer), ERR_OK);
        CHECK(whole == 700 && peer == 0);
        listed = 0;
        CHECK_EQ(store_spool_list(s, count_stem, NULL), ERR_OK);
        CHECK_EQ(listed, 1);
        CHECK_EQ(store_row_open(s, DIRECTION_EXPORT, &count), ERR_OK);
        CHECK_EQ(count, 3);
        store_close(s);
    }
}

static void
test_parts(void)
{
    const struct store_row a = row_of(1, "acme");
    TEST("a part is kept by what and n, is replaced, and is gone when deleted")
    {
        struct store *s = open_store();
        struct room room = fresh();
        struct span got = {0};
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_part_put(s, a.id, STORE_WRAPPED, 0, SPAN_LIT("k1")), ERR_OK);
        CHECK_EQ(store_part_put(s, a.id, STORE_WRAPPED, 0, SPAN_LIT("KEYKEYKEYKEYKEY")), ERR_OK);
        CHECK_EQ(store_part_put(s, a.id, STORE_OFFER, 1, SPAN_LIT("")), ERR_OK);
        CHECK_EQ(store_commit(s), ERR_OK);
        CHECK_EQ(store_part_get(s, a.id, STORE_WRAPPED, 0, &room, &got), ERR_OK);
        CHECK(span_eq_str(got, "KEYKEYKEYKEYKEY"));
        store_close(s); /* the key reaches the database itself */
        s = open_store();
        CHECK_EQ(store_part_get(s, a.id, STORE_OFFER, 1, &room, &got), ERR_OK);
        CHECK_EQ(got.len, 0);
        CHECK_EQ(store_part_get(s, a.id, STORE_OFFER, 0, &room, &got), ERR_NOT_FOUND);
        room.cap = room.len + 3;
        CHECK_EQ(store_part_get(s, a.id, STORE_WRAPPED, 0, &room, &got), ERR_FULL);
        room = fresh();
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_part_del(s, a.id, STORE_WRAPPED), ERR_OK);
        CHECK_EQ(store_commit(s), ERR_OK);
        CHECK_EQ(store_part_get(s, a.id, STORE_WRAPPED, 0, &room, &got), ERR_NOT_FOUND);
        store_close(s);
    }
    TEST("after the database is closed no byte of a deleted key is left in its files")
    {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/clerk.db", folder);
        FILE *file = fopen(path, "rb");
        CHECK(file != NULL);
        const size_t len = fread(memory, 1, sizeof(memory), file);
        (void)fclose(file);
        CHECK(len > 4096);
        CHECK(memmem(memory, len, "cn-lingang", 10) != NULL);
        CHECK(memmem(memory, len, "KEYKEY", 6) == NULL);
        (void)snprintf(path, sizeof(path), "%s/clerk.db-wal", folder);
        CHECK(access(path, F_OK) != 0);
    }
    TEST("a part of no transfer is refused")
    {
        struct store *s = open_store();
        const struct store_row none = row_of(99, "x");
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_part_put(s, none.id, STORE_OFFER, 0, SPAN_LIT("x")), ERR_EXISTS);
        store_rollback(s);
        store_close(s);
    }
}

static void
test_entries(void)
{
    const struct store_row a = row_of(1, "acme");
    const struct store_entry one = {
        .kind = 2, .n = 1, .bytes = SPAN_LIT("{}"), .salts = SPAN_LIT("s")};
    struct store_entry other = one;
    other.bytes = SPAN_LIT("{1}");
    TEST("an entry is stored once: the same bytes again are fine, others are a conflict")
    {
        struct store *s = open_store();
        uint64_t pending = 0;
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_entry_put(s, a.id, &one), ERR_OK);
        CHECK_EQ(store_entry_put(s, a.id, &one), ERR_OK);
        CHECK_EQ(store_entry_put(s, a.id, &other), ERR_CONFLICT);
        CHECK_EQ(store_commit(s), ERR_OK);
        CHECK_EQ(store_entry_pending(s, &pending), ERR_OK);
        CHECK_EQ(pending, 1);
        store_close(s);
    }
    TEST("an entry remembers where it was logged, and lists come in the order of the log")
    {
        struct store *s = open_store();
        struct room room = fresh();
        struct store_entry got[4];
        size_t count = 0;
        uint64_t pending = 9;
        uint8_t leaf[32] = {7};
        other.n = 2;
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_entry_put(s, a.id, &other), ERR_OK);
        CHECK_EQ(store_entry_logged(s, a.id, 2, 2, 5, leaf), ERR_OK);
        CHECK_EQ(store_commit(s), ERR_OK);
        CHECK_EQ(store_entry_list(s, a.id, &room, got, 4, &count), ERR_OK);
        CHECK_EQ(count, 2);
        CHECK(got[0].index == 5 && got[0].leaf[0] == 7 && got[0].n == 2);
        CHECK(got[1].index == STORE_NONE && span_eq_str(got[1].salts, "s"));
        CHECK_EQ(store_entry_list(s, a.id, &room, got, 1, &count), ERR_FULL);
        CHECK_EQ(store_entry_get(s, a.id, 2, 1, &room, &got[0]), ERR_OK);
        CHECK_EQ(store_entry_get(s, a.id, 3, 1, &room, &got[0]), ERR_NOT_FOUND);
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_entry_logged(s, a.id, 2, 1, 6, leaf), ERR_OK);
        CHECK_EQ(store_commit(s), ERR_OK);
        CHECK_EQ(store_entry_pending(s, &pending), ERR_OK);
        CHECK_EQ(pending, 0);
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_entry_forget(s, a.id), ERR_OK);
        CHECK_EQ(store_commit(s), ERR_OK);
        CHECK_EQ(store_entry_get(s, a.id, 2, 1, &room, &got[0]), ERR_OK);
        CHECK(got[0].salts.len == 0 && got[0].bytes.len > 0);
        store_close(s);
    }
}

static void
test_adopt(void)
{
    const struct store_row a = row_of(1, "acme");
    struct store_entry mine = {.kind = 4, .bytes = SPAN_LIT("{}"), .salts = SPAN_LIT("s")};
    struct store_entry said = {.kind = 4, .index = 9, .leaf = {3}, .bytes = SPAN_LIT("{}")};
    struct store_entry got;
    TEST("what the log has replaces what was made again; the same bytes keep their salts")
    {
        struct store *s = open_store();
        struct room room = fresh();
        uint64_t before = 0;
        uint64_t after = 0;
        CHECK_EQ(store_entry_pending(s, &before), ERR_OK);
        for (uint64_t n = 0; n < 3; n++) {
            said.n = n;
            mine.n = n;
            said.bytes = n == 0 ? SPAN_LIT("{}") : SPAN_LIT("{1}");
            CHECK_EQ(store_begin(s), ERR_OK);
            if (n < 2)
                CHECK_EQ(store_entry_put(s, a.id, &mine), ERR_OK);
            CHECK_EQ(store_entry_adopt(s, a.id, &said), ERR_OK);
            CHECK_EQ(store_commit(s), ERR_OK);
            CHECK_EQ(store_entry_get(s, a.id, 4, n, &room, &got), ERR_OK);
            CHECK(span_eq(got.bytes, said.bytes) && got.index == 9 && got.leaf[0] == 3);
            CHECK_EQ(got.salts.len, n == 0 ? 1 : 0);
        }
        CHECK_EQ(store_entry_pending(s, &after), ERR_OK);
        CHECK_EQ(after, before);
        CHECK_EQ(store_begin(s), ERR_OK);
        mine.n = 1;
        CHECK_EQ(store_entry_put(s, a.id, &mine), ERR_CONFLICT);
        store_rollback(s);
        store_close(s);
    }
}

static void
test_idempotency(void)
{
    const struct store_row a = row_of(1, "acme");
    struct store_idem idem = {.fingerprint = {1}, .created_ms = 100};
    memcpy(idem.transfer, a.id, 16);
    TEST("an idempotency key is one party's, keeps its first answer and ends after its time")
    {
        struct store *s = open_store();
        struct room room = fresh();
        struct store_idem got = {0};
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_idem_put(s, "acme", SPAN_LIT("k\0y"), &idem), ERR_OK);
        CHECK_EQ(store_idem_put(s, "acme", SPAN_LIT("k\0y"), &idem), ERR_EXISTS);
        CHECK_EQ(store_idem_put(s, "zeta", SPAN_LIT("k\0y"), &idem), ERR_OK);
        CHECK_EQ(store_idem_answer(s, a.id, 201, SPAN_LIT(""), SPAN_LIT("{}")), ERR_OK);
        CHECK_EQ(store_idem_answer(s, a.id, 403, SPAN_LIT("denied"), SPAN_LIT("no")), ERR_OK);
        CHECK_EQ(store_commit(s), ERR_OK);
        CHECK_EQ(store_idem_get(s, "acme", SPAN_LIT("k\0y"), 100, &room, &got), ERR_OK);
        CHECK(got.status == 201 && span_eq_str(got.body, "{}") && got.code.len == 0);
        CHECK(got.fingerprint[0] == 1 && memcmp(got.transfer, a.id, 16) == 0);
        CHECK_EQ(store_idem_get(s, "acme", SPAN_LIT("k"), 0, &room, &got), ERR_NOT_FOUND);
        CHECK_EQ(store_idem_get(s, "acme", SPAN_LIT("k\0y"), 101, &room, &got), ERR_NOT_FOUND);
        store_close(s);
    }
    TEST("keys are freed by transfer and by age")
    {
        struct store *s = open_store();
        struct room room = fresh();
        struct store_idem got = {0};
        const struct span key = SPAN_LIT("k\0y");
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_idem_expire(s, 100), ERR_OK);
        CHECK_EQ(store_idem_get(s, "acme", key, 0, &room, &got), ERR_OK);
        CHECK_EQ(store_idem_expire(s, 101), ERR_OK);
        CHECK_EQ(store_idem_get(s, "acme", key, 0, &room, &got), ERR_NOT_FOUND);
        CHECK_EQ(store_idem_put(s, "acme", key, &idem), ERR_OK);
        CHECK_EQ(store_idem_free(s, a.id), ERR_OK);
        CHECK_EQ(store_idem_get(s, "acme", key, 0, &room, &got), ERR_NOT_FOUND);
        CHECK_EQ(store_commit(s), ERR_OK);
        store_close(s);
    }
}

static void
test_small(void)
{
    const struct store_row a = row_of(1, "acme");
    TEST("one opening a day and identity, errands until done, notes once, facts by name")
    {
        struct store *s = open_store();
        struct store_errand errand = {.status = 3, .kind = 4, .n = 1};
        struct store_errand got[2];
        size_t count = 0;
        uint64_t n = 0;
        memcpy(errand.transfer, a.id, 16);
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_opened_put(s, a.id, a.root, 5, 1), ERR_OK);
        CHECK_EQ(store_opened_put(s, a.id, a.root, 5, 2), ERR_EXISTS);
        CHECK_EQ(store_opened_get(s, a.id, a.root, 5, &n), ERR_OK);
        CHECK_EQ(n, 1);
        CHECK_EQ(store_opened_get(s, a.id, a.root, 6, &n), ERR_NOT_FOUND);
        CHECK_EQ(store_errand_put(s, &errand), ERR_OK);
        CHECK_EQ(store_errand_put(s, &errand), ERR_OK);
        CHECK_EQ(store_errand_list(s, got, 2, &count), ERR_OK);
        CHECK(count == 1 && got[0].status == 3 && got[0].kind == 4);
        CHECK_EQ(store_errand_del(s, a.id, 3), ERR_OK);
        CHECK_EQ(store_errand_list(s, got, 2, &count), ERR_OK);
        CHECK_EQ(count, 0);
        CHECK_EQ(store_noted_get(s, 1, SPAN_LIT("{}")), ERR_NOT_FOUND);
        CHECK_EQ(store_noted_put(s, 1, SPAN_LIT("{}")), ERR_OK);
        CHECK_EQ(store_noted_put(s, 1, SPAN_LIT("{}")), ERR_OK);
        CHECK_EQ(store_noted_get(s, 1, SPAN_LIT("{}")), ERR_OK);
        CHECK_EQ(store_meta_get(s, "x", &n), ERR_NOT_FOUND);
        CHECK_EQ(store_meta_put(s, "x", 7), ERR_OK);
        CHECK_EQ(store_meta_get(s, "x", &n), ERR_OK);
        CHECK_EQ(n, 7);
        CHECK_EQ(store_commit(s), ERR_OK);
        store_close(s);
    }
    TEST("what was rolled back, or open when the process ended, is not there")
    {
        struct store *s = open_store();
        uint64_t n = 0;
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK(store_is_open(s));
        CHECK_EQ(store_meta_put(s, "x", 8), ERR_OK);
        store_rollback(s);
        CHECK(!store_is_open(s));
        CHECK_EQ(store_meta_get(s, "x", &n), ERR_OK);
        CHECK_EQ(n, 7);
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_meta_put(s, "x", 9), ERR_OK);
        store_close(s);
        s = open_store();
        CHECK_EQ(store_meta_get(s, "x", &n), ERR_OK);
        CHECK_EQ(n, 7);
        store_close(s);
    }
    TEST("the head of the log goes into every commit")
    {
        struct store *s = open_store();
        uint64_t size = 0;
        uint8_t root[32] = {0};
        const uint8_t seen[32] = {3, 4};
        CHECK_EQ(store_head_get(s, &size, root), ERR_NOT_FOUND);
        store_head_set(s, 11, seen);
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_commit(s), ERR_OK);
        store_close(s);
        s = open_store();
        CHECK_EQ(store_head_get(s, &size, root), ERR_OK);
        CHECK(size == 11 && memcmp(root, seen, 32) == 0);
        store_close(s);
    }
}

/* The largest file that this process may write; 0: any. */
static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void
test_ends(void)
{
    uint64_t value = 0;
    TEST("what cannot be committed is rolled back, and the next transaction begins as ever")
    {
        struct store *s = open_store();
        (void)signal(SIGXFSZ, SIG_IGN);
        for (unsigned by_end = 0; by_end < 2; by_end++) {
            CHECK_EQ(store_begin(s), ERR_OK);
            CHECK_EQ(store_meta_put(s, "full", 1), ERR_OK);
            limit_files(1);
            const enum err err = by_end != 0 ? store_end(s, ERR_OK) : store_commit(s);
            limit_files(0);
            CHECK(err == ERR_IO || err == ERR_NO_SPACE);
            CHECK(!store_is_open(s));
            CHECK_EQ(store_meta_get(s, "full", &value), ERR_NOT_FOUND);
        }
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_meta_put(s, "full", 2), ERR_OK);
        CHECK_EQ(store_end(s, ERR_OK), ERR_OK);
        CHECK(store_meta_get(s, "full", &value) == ERR_OK && value == 2);
        store_close(s);
    }
    TEST("a transaction ends as its steps did: an error of theirs rolls it back and is returned")
    {
        struct store *s = open_store();
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_meta_put(s, "step", 1), ERR_OK);
        CHECK_EQ(store_end(s, ERR_CONFLICT), ERR_CONFLICT);
        CHECK(!store_is_open(s));
        CHECK_EQ(store_meta_get(s, "step", &value), ERR_NOT_FOUND);
        CHECK_EQ(store_end(s, ERR_RANGE), ERR_RANGE);
        store_close(s);
    }
}

static void
test_open(void)
{
    TEST("two clerks cannot have one database, and a folder that is not there is an error")
    {
        struct store *s = open_store();
        struct store *t = NULL;
        CHECK_EQ(store_open(folder, &t), ERR_IO);
        CHECK_EQ(store_open("/nonexistent", &t), ERR_IO);
        store_close(s);
        store_close(NULL);
    }
    TEST("a database of a newer program is refused, not touched")
    {
        char path[128];
        uint8_t version[4] = {0};
        struct store *s = NULL;
        (void)snprintf(path, sizeof(path), "%s/clerk.db", folder);
        const int fd = open(path, O_RDWR | O_CLOEXEC);
        CHECK(fd >= 0);
        CHECK(pread(fd, version, 4, 60) == 4); /* user_version of the SQLite file format */
        CHECK(version[3] >= 1);
        version[2] = 1;
        CHECK(pwrite(fd, version, 4, 60) == 4);
        CHECK_EQ(store_open(folder, &s), ERR_VERSION);
        version[2] = 0;
        CHECK(pwrite(fd, version, 4, 60) == 4);
        (void)close(fd);
        s = open_store();
        store_close(s);
    }
}

int
main(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/tdz-store-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    test_rows();
    test_lists();
    test_parts();
    test_entries();
    test_adopt();
    test_idempotency();
    test_small();
    test_ends();
    test_open();
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/clerk.db", folder);
    (void)unlink(path);
    (void)rmdir(folder);
    return test_end();
}
