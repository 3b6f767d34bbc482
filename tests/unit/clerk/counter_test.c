/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/counter.h"
#include "tests/test.h"

#include <stdio.h>
#include <unistd.h>

enum { SET_MAX = 10100 };

static char folder[64];
static uint64_t memory[1 << 18];
static uint64_t image[5 + 2 * SET_MAX];

static struct room
fresh(void)
{
    return (struct room){(uint8_t *)memory, sizeof(memory), 0};
}

/* Spreads numbers over all shards, keeping their order. */
static uint64_t
person(uint64_t i)
{
    return i * UINT64_C(1826000000000000) + 17;
}

/* The person set of persons [first, first+count) as personal, the first spi of them sensitive. */
static struct span
set_of(uint64_t first, uint64_t count, uint64_t spi, uint64_t rows)
{
    const uint32_t head[2] = {0x505a4454, 1};
    memcpy(image, head, 8);
    image[1] = count;
    image[2] = spi;
    image[3] = rows;
    image[4] = 0;
    for (uint64_t i = 0; i < count; i++)
        image[5 + i] = person(first + i);
    for (uint64_t i = 0; i < spi; i++)
        image[5 + count + i] = person(first + i);
    return span_of(image, 40 + 8 * (count + spi));
}

static struct store_row
transfer(struct store *s, uint8_t id, struct span set)
{
    struct store_row row = {.state = FLOW_X3_SEALED, .wake_ms = STORE_NEVER};
    memset(row.id, id, sizeof(row.id));
    CHECK_EQ(store_row_put(s, &row), ERR_OK);
    CHECK_EQ(store_part_put(s, row.id, STORE_PERSONS, 0, set), ERR_OK);
    return row;
}

static void
test_read(void)
{
    struct counter_set set = {0};
    TEST("a person set is read, and anything malformed in it is refused")
    {
        struct span good = set_of(1, 3, 2, 7);
        CHECK_EQ(counter_read(good, &set), ERR_OK);
        CHECK(set.kind[0].count == 3 && set.kind[1].count == 2 && set.kind[0].rows == 7);
        CHECK_EQ(counter_read(span_of(good.ptr, 39), &set), ERR_SHORT);
        CHECK_EQ(counter_read(span_of(good.ptr, good.len - 8), &set), ERR_SHORT);
        CHECK_EQ(counter_read(span_of(good.ptr, good.len + 8), &set), ERR_TRAILING);
        image[6] = image[5];
        CHECK_EQ(counter_read(good, &set), ERR_NOT_CANONICAL);
        good = set_of(1, 3, 2, 7);
        image[1] = UINT64_MAX;
        CHECK_EQ(counter_read(good, &set), ERR_SHORT);
        good = set_of(1, 3, 2, 7);
        image[0] ^= 1;
        CHECK_EQ(counter_read(good, &set), ERR_VERSION);
    }
    TEST("more rows than a dataset can have are refused: a sum that wraps would count nobody")
    {
        CHECK_EQ(counter_read(set_of(1, 3, 2, COUNTER_ROWS_MAX), &set), ERR_OK);
        CHECK_EQ(counter_read(set_of(1, 3, 2, COUNTER_ROWS_MAX + 1), &set), ERR_RANGE);
        CHECK_EQ(counter_read(set_of(1, 3, 2, UINT64_MAX), &set), ERR_RANGE);
        const struct span other = set_of(1, 3, 2, 0);
        image[4] = UINT64_MAX; /* rows with sensitive data */
        CHECK_EQ(counter_read(other, &set), ERR_RANGE);
    }
    TEST("the year of a crossing is that of UTC+8")
    {
        /* 2026-12-31T15:59:59.999Z and one millisecond later. */
        CHECK_EQ(counter_year(INT64_C(1798732799999)), 2026);
        CHECK_EQ(counter_year(INT64_C(1798732800000)), 2027);
        CHECK_EQ(counter_year(0), 1970);
        /* 2028-02-29 and 2028-12-31 of a leap year. */
        CHECK_EQ(counter_year(INT64_C(1835366400000)), 2028);
        CHECK_EQ(counter_year(INT64_C(1861804799000)), 2028);
    }
}

static void
test_races(struct store *s)
{
    struct counter_value value = {0};
    struct room room = fresh();
    TEST("a set counts each person once, also those that crossed before")
    {
        CHECK_EQ(store_begin(s), ERR_OK);
        const struct store_row a = transfer(s, 1, set_of(0, 9998, 100, 0));
        CHECK_EQ(counter_reserve(s, a.id, "acme", 2026, &room, &value), ERR_OK);
        CHECK(value.after[0] == 9998 && value.after[1] == 100 && !value.pending_others);
        CHECK_EQ(counter_commit(s, a.id, "acme", &room), ERR_OK);
        CHECK_EQ(store_commit(s), ERR_OK);
        room = fresh();
        CHECK_EQ(counter_present(s, "acme", 2026, &room, &value), ERR_OK);
        CHECK(value.after[0] == 9998 && value.after[1] == 100);
        CHECK_EQ(counter_present(s, "acme", 2025, &room, &value), ERR_OK);
        CHECK_EQ(value.after[0], 0);
        CHECK_EQ(counter_present(s, "zeta", 2026, &room, &value), ERR_OK);
        CHECK_EQ(value.after[0], 0);
    }
    TEST("two transfers near a threshold see each other's reservation, and say so")
    {
        room = fresh();
        CHECK_EQ(store_begin(s), ERR_OK);
        const struct store_row b = transfer(s, 2, set_of(9990, 9, 0, 0));
        CHECK_EQ(counter_reserve(s, b.id, "acme", 2026, &room, &value), ERR_OK);
        CHECK(value.after[0] == 9999 && !value.pending_others);
        const struct store_row c = transfer(s, 3, set_of(9999, 1, 0, 0));
        CHECK_EQ(counter_reserve(s, c.id, "acme", 2026, &room, &value), ERR_OK);
        CHECK(value.after[0] == 10000 && value.pending_others);
        /* c shares b's new person: then b does not lift it. */
        const struct store_row d = transfer(s, 4, set_of(9998, 1, 0, 0));
        CHECK_EQ(counter_reserve(s, d.id, "acme", 2026, &room, &value), ERR_OK);
        CHECK(value.after[0] == 10000 && value.pending_others);
        CHECK_EQ(counter_drop(s, c.id), ERR_OK);
        CHECK_EQ(counter_value(s, d.id, "acme", 2026, &room, &value), ERR_OK);
        CHECK(value.after[0] == 9999 && !value.pending_others);
        CHECK_EQ(counter_commit(s, b.id, "acme", &room), ERR_OK);
        CHECK_EQ(counter_commit(s, d.id, "acme", &room), ERR_OK);
        CHECK_EQ(counter_present(s, "acme", 2026, &room, &value), ERR_OK);
        CHECK_EQ(value.after[0], 9999);
        CHECK_EQ(store_commit(s), ERR_OK);
    }
    TEST("rows without a strong identifier count one each and a commit happens once")
    {
        room = fresh();
        CHECK_EQ(store_begin(s), ERR_OK);
        const struct store_row e = transfer(s, 5, set_of(0, 10, 0, 5));
        CHECK_EQ(counter_reserve(s, e.id, "acme", 2026, &room, &value), ERR_OK);
        CHECK_EQ(value.after[0], 10004);
        CHECK_EQ(counter_commit(s, e.id, "acme", &room), ERR_OK);
        CHECK_EQ(counter_commit(s, e.id, "acme", &room), ERR_NOT_FOUND);
        CHECK_EQ(counter_present(s, "acme", 2026, &room, &value), ERR_OK);
        CHECK_EQ(value.after[0], 10004);
        CHECK_EQ(store_commit(s), ERR_OK);
    }
    TEST("a counter at its end stays there: what is added never makes it less")
    {
        room = fresh();
        CHECK_EQ(store_begin(s), ERR_OK);
        CHECK_EQ(store_count_put(s, "full", 2026, COUNTER_PI, COUNTER_SUM_MAX - 3, 0), ERR_OK);
        const struct store_row f = transfer(s, 60, set_of(0, 1, 0, 5));
        CHECK_EQ(counter_reserve(s, f.id, "full", 2026, &room, &value), ERR_OK);
        CHECK(value.after[0] == COUNTER_SUM_MAX + 3);
        CHECK_EQ(counter_commit(s, f.id, "full", &room), ERR_OK);
        CHECK_EQ(counter_present(s, "full", 2026, &room, &value), ERR_OK);
        CHECK(value.after[0] == COUNTER_SUM_MAX + 1); /* rows at their end, and the one person */
        CHECK_EQ(store_commit(s), ERR_OK);
    }
    TEST("a reservation moves to another year and needs a stored set and room")
    {
        room = fresh();
        CHECK_EQ(store_begin(s), ERR_OK);
        const struct store_row f = transfer(s, 6, set_of(20000, 4, 4, 0));
        CHECK_EQ(counter_reserve(s, f.id, "acme", 2026, &room, &value), ERR_OK);
        CHECK_EQ(counter_reserve(s, f.id, "acme", 2027, &room, &value), ERR_OK);
        CHECK_EQ(value.after[0], 4);
        CHECK_EQ(counter_present(s, "acme", 2026, &room, &value), ERR_OK);
        CHECK_EQ(value.after[0], 10004);
        struct room small = {(uint8_t *)memory, 64, 0};
        CHECK_EQ(counter_value(s, f.id, "acme", 2027, &small, &value), ERR_FULL);
        CHECK_EQ(store_part_del(s, f.id, STORE_PERSONS), ERR_OK);
        CHECK_EQ(counter_value(s, f.id, "acme", 2027, &room, &value), ERR_NOT_FOUND);
        store_rollback(s);
    }
}

static uint64_t
debit_of(struct store *s, const uint8_t id[static 16], const char *exporter, uint8_t approval)
{
    uint8_t sha256[32];
    uint64_t after = 0;
    struct room room = fresh();
    memset(sha256, approval, sizeof(sha256));
    CHECK_EQ(counter_debit(s, id, exporter, 2026, sha256, &room, &after), ERR_OK);
    return after;
}

static void
test_debits(struct store *s)
{
    uint8_t both[64];
    struct counter_value value = {0};
    struct room room = fresh();
    memset(both, 1, 32);
    memset(both + 32, 2, 32);
    TEST("an approval is debited by every transfer under it, each person once, in all years")
    {
        CHECK_EQ(store_begin(s), ERR_OK);
        const struct store_row a = transfer(s, 11, set_of(0, 10, 0, 1));
        CHECK_EQ(store_part_put(s, a.id, STORE_DEBITS, 0, span_of(both, 64)), ERR_OK);
        CHECK_EQ(counter_reserve(s, a.id, "debit", 2026, &room, &value), ERR_OK);
        CHECK(debit_of(s, a.id, "debit", 1) == 11 && debit_of(s, a.id, "debit", 2) == 11);
        CHECK_EQ(counter_commit(s, a.id, "debit", &room), ERR_OK);
        const struct store_row b = transfer(s, 12, set_of(5, 10, 0, 0));
        CHECK_EQ(store_part_put(s, b.id, STORE_DEBITS, 0, span_of(both, 32)), ERR_OK);
        CHECK_EQ(counter_reserve(s, b.id, "debit", 2026, &room, &value), ERR_OK);
        CHECK(debit_of(s, b.id, "debit", 1) == 16);
        /* Another transfer sees b's reservation under the approval that b debits only. */
        const struct store_row c = transfer(s, 13, set_of(100, 1, 0, 0));
        CHECK_EQ(store_part_put(s, c.id, STORE_DEBITS, 0, span_of(both, 64)), ERR_OK);
        CHECK_EQ(counter_reserve(s, c.id, "debit", 2026, &room, &value), ERR_OK);
        CHECK(debit_of(s, c.id, "debit", 1) == 17 && debit_of(s, c.id, "debit", 2) == 12);
        CHECK_EQ(counter_drop(s, b.id), ERR_OK);
        CHECK(debit_of(s, c.id, "debit", 1) == 12);
        /* The year's own counter is another's; so is the approval of another exporter. */
        CHECK_EQ(counter_reserve(s, c.id, "debit", 2027, &room, &value), ERR_OK);
        CHECK_EQ(value.after[0], 1);
        CHECK(debit_of(s, c.id, "other", 1) == 1 && debit_of(s, c.id, "debit", 3) == 1);
        CHECK_EQ(counter_commit(s, c.id, "debit", &room), ERR_OK);
        const struct store_row d = transfer(s, 14, set_of(100, 1, 0, 0));
        CHECK(debit_of(s, d.id, "debit", 1) == 12);
        uint64_t after = 0;
        CHECK_EQ(counter_debit(s, a.id, "debit", 2026, both, &room, &after), ERR_NOT_FOUND);
        struct room small = {(uint8_t *)memory, 64, 0};
        CHECK_EQ(counter_debit(s, d.id, "debit", 2026, both, &small, &after), ERR_FULL);
        store_rollback(s);
    }
}

static void
test_many(struct store *s)
{
    TEST("more reservations than the limit wait their turn")
    {
        struct counter_value value = {0};
        struct room room = fresh();
        enum err err = ERR_OK;
        CHECK_EQ(store_begin(s), ERR_OK);
        for (uint32_t i = 0; i <= COUNTER_PENDING_MAX; i++) {
            struct store_row row = {.state = FLOW_X3_SEALED, .wake_ms = STORE_NEVER};
            memcpy(row.id, &i, sizeof(i));
            row.id[15] = 0xee;
            CHECK_EQ(store_row_put(s, &row), ERR_OK);
            CHECK_EQ(store_reserve_put(s, row.id, "many", 2026), ERR_OK);
        }
        err = counter_present(s, "many", 2026, &room, &value);
        CHECK_EQ(err, ERR_AGAIN);
        store_rollback(s);
    }
}

int
main(void)
{
    struct store *s = NULL;
    (void)snprintf(folder, sizeof(folder), "/tmp/tdz-counter-XXXXXX");
    if (mkdtemp(folder) == NULL || store_open(folder, &s) != ERR_OK)
        return 1;
    test_read();
    test_races(s);
    test_debits(s);
    test_many(s);
    store_close(s);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/clerk.db", folder);
    (void)unlink(path);
    (void)rmdir(folder);
    return test_end();
}
