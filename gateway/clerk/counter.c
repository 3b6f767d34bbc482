/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/counter.h"

#include <assert.h>
#include <stdio.h>

#include "gateway/clerk/store_adjust.h"
#include "schemas/text.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "shards are little-endian on disk");

enum { COUNTER_MAGIC = 0x505a4454, COUNTER_VERSION = 1, COUNTER_HEAD_BYTES = 40 };
enum { COUNTER_NAME_MAX = 192 };

uint64_t
counter_year(int64_t wall_ms)
{
    int64_t days = (wall_ms / 1000 + INT64_C(8) * 3600) / 86400;
    uint64_t year = 1970;
    for (;;) {
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        const int64_t length = leap ? 366 : 365;
        if (days < length)
            return year;
        days -= length;
        year++;
    }
}

static bool
counter_is_set(const uint64_t *persons, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (persons[i - 1] >= persons[i])
            return false;
    }
    return true;
}

enum err
counter_read(struct span bytes, struct counter_set *ret)
{
    struct {
        uint32_t magic;
        uint32_t version;
        uint64_t count[COUNTER_KINDS];
        uint64_t rows[COUNTER_KINDS];
    } head;
    static_assert(sizeof(head) == COUNTER_HEAD_BYTES, "the head has no padding");
    if (bytes.len < sizeof(head))
        return ERR_SHORT;
    assert(((uintptr_t)bytes.ptr & 7) == 0);
    memcpy(&head, bytes.ptr, sizeof(head));
    if (head.magic != COUNTER_MAGIC || head.version != COUNTER_VERSION)
        return ERR_VERSION;
    const uint64_t room = (bytes.len - sizeof(head)) / sizeof(uint64_t);
    if (head.count[0] > room || head.count[1] > room - head.count[0])
        return ERR_SHORT;
    if (bytes.len != sizeof(head) + (head.count[0] + head.count[1]) * sizeof(uint64_t))
        return ERR_TRAILING;
    struct counter_set set = {0};
    const void *first = bytes.ptr + sizeof(head);
    set.kind[0].persons = first;
    set.kind[1].persons = set.kind[0].persons + head.count[0];
    for (size_t k = 0; k < COUNTER_KINDS; k++) {
        set.kind[k].count = (size_t)head.count[k];
        set.kind[k].rows = head.rows[k];
        if (head.rows[k] > COUNTER_ROWS_MAX)
            return ERR_RANGE;
        if (!counter_is_set(set.kind[k].persons, set.kind[k].count))
            return ERR_NOT_CANONICAL;
    }
    *ret = set;
    return ERR_OK;
}

/* Merges a and b into out (room for both); returns the size of the union. */
static size_t
counter_union(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count, uint64_t *out)
{
    size_t i = 0;
    size_t j = 0;
    size_t count = 0;
    while (i < a_count || j < b_count) {
        if (j == b_count || (i < a_count && a[i] < b[j])) {
            out[count++] = a[i++];
        } else if (i == a_count || b[j] < a[i]) {
            out[count++] = b[j++];
        } else {
            out[count++] = a[i++];
            j++;
        }
    }
    return count;
}

/* How many of a are not in b. */
static size_t
counter_missing(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count)
{
    size_t missing = 0;
    size_t j = 0;
    for (size_t i = 0; i < a_count; i++) {
        while (j < b_count && b[j] < a[i])
            j++;
        if (j == b_count || b[j] != a[i])
            missing++;
    }
    return missing;
}

/* The end of the run of persons from `at` whose highest byte is shard. */
static size_t
counter_run(const uint64_t *persons, size_t count, size_t at, uint64_t shard)
{
    while (at < count && persons[at] >> 56 == shard)
        at++;
    return at;
}

static enum err
counter_shard(struct store *s, const char *exporter, uint64_t year, unsigned kind, uint64_t shard,
              struct room *room, const uint64_t **ret_persons, size_t *ret_count)
{
    struct span bytes = {0};
    const enum err err = store_shard_get(s, exporter, year, kind, (unsigned)shard, room, &bytes);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *ret_persons = (const void *)bytes.ptr;
    *ret_count = bytes.len / sizeof(uint64_t);
    return ERR_OK;
}

/* Members of `persons` that the committed set does not hold. */
static enum err
counter_new(struct store *s, const char *exporter, uint64_t year, unsigned kind,
            const uint64_t *persons, size_t count, struct room *room, uint64_t *ret)
{
    uint64_t missing = 0;
    for (size_t at = 0; at < count;) {
        const size_t end = counter_run(persons, count, at, persons[at] >> 56);
        const size_t mark = room->len;
        const uint64_t *have = NULL;
        size_t have_count = 0;
        TRY(counter_shard(s, exporter, year, kind, persons[at] >> 56, room, &have, &have_count));
        missing += counter_missing(persons + at, end - at, have, have_count);
        room->len = mark;
        at = end;
    }
    *ret = missing;
    return ERR_OK;
}

static enum err
counter_set_of(struct store *s, const uint8_t id[static 16], struct room *room,
               struct counter_set *ret)
{
    struct span bytes = {0};
    TRY(store_part_get(s, id, STORE_PERSONS, 0, room, &bytes));
    return counter_read(bytes, ret);
}

/* True if transfer id debits approval; every transfer does for NULL. */
static enum err
counter_debits(struct store *s, const uint8_t id[static 16], const uint8_t *approval,
               struct room *room, bool *ret)
{
    struct span bytes = {0};
    bool found = approval == NULL;
    const size_t mark = room->len;
    if (!found) {
        const enum err err = store_part_get(s, id, STORE_DEBITS, 0, room, &bytes);
        if (err != ERR_OK && err != ERR_NOT_FOUND)
            return err;
        for (size_t at = 0; !found && at + COUNTER_DEBIT_BYTES <= bytes.len;
             at += COUNTER_DEBIT_BYTES)
            found = memcmp(bytes.ptr + at, approval, COUNTER_DEBIT_BYTES) == 0;
        room->len = mark;
    }
    *ret = found;
    return ERR_OK;
}

/* Everything reserved by others than `own` (that debit approval, if not NULL), one kind, merged;
 * rows summed. */
static enum err
counter_others(struct store *s, const uint8_t (*ids)[16], size_t id_count, const uint8_t *own,
               const uint8_t *approval, unsigned kind, struct room *room, struct counter_kind *ret)
{
    struct counter_kind all = {0};
    for (size_t i = 0; i < id_count; i++) {
        struct counter_set set = {0};
        uint8_t *out = NULL;
        bool debits = false;
        if (own != NULL && memcmp(ids[i], own, 16) == 0)
            continue;
        TRY(counter_debits(s, ids[i], approval, room, &debits));
        if (!debits)
            continue;
        TRY(counter_set_of(s, ids[i], room, &set));
        TRY(room_take(room, (all.count + set.kind[kind].count) * sizeof(uint64_t), &out));
        uint64_t *merged = (void *)out;
        all.count = counter_union(all.persons, all.count, set.kind[kind].persons,
                                  set.kind[kind].count, merged);
        all.persons = merged;
        all.rows += set.kind[kind].rows;
    }
    *ret = all;
    return ERR_OK;
}

enum err
counter_base(struct store *s, const char *exporter, uint64_t year,
             uint64_t ret[static COUNTER_KINDS])
{
    int64_t opening[COUNTER_KINDS];
    int64_t adjusted[COUNTER_KINDS];
    TRY(store_adjust_sum(s, exporter, year, opening, adjusted));
    for (unsigned k = 0; k < COUNTER_KINDS; k++) {
        uint64_t rows = 0;
        uint64_t persons = 0;
        TRY(store_count_get(s, exporter, year, k, &rows, &persons));
        const int64_t sum = (int64_t)(persons + rows) + opening[k] + adjusted[k];
        ret[k] = sum < 0 ? 0 : (uint64_t)sum;
    }
    return ERR_OK;
}

/* own may be NULL: what stands without it. */
static enum err
counter_sum(struct store *s, const uint8_t *own, const char *exporter, uint64_t year,
            struct room *room, struct counter_value *ret)
{
    uint8_t(*ids)[16] = NULL;
    uint8_t *memory = NULL;
    size_t id_count = 0;
    struct counter_value value = {0};
    struct counter_set set = {0};
    TRY(room_take(room, sizeof(*ids) * COUNTER_PENDING_MAX, &memory));
    ids = (void *)memory;
    const enum err listed =
        store_reserve_list(s, exporter, year, ids, COUNTER_PENDING_MAX, &id_count);
    if (listed != ERR_OK)
        return listed == ERR_FULL ? ERR_AGAIN : listed;
    if (own != NULL)
        TRY(counter_set_of(s, own, room, &set));
    uint64_t base[COUNTER_KINDS];
    TRY(counter_base(s, exporter, year, base));
    for (unsigned k = 0; k < COUNTER_KINDS; k++) {
        const size_t mark = room->len;
        const struct counter_kind *mine = &set.kind[k];
        struct counter_kind others = {0};
        uint64_t alone = 0;
        uint64_t together = 0;
        uint8_t *out = NULL;
        TRY(counter_others(s, (const uint8_t(*)[16])ids, id_count, own, NULL, k, room, &others));
        TRY(room_take(room, (others.count + mine->count) * sizeof(uint64_t), &out));
        uint64_t *merged = (void *)out;
        const size_t count =
            counter_union(others.persons, others.count, mine->persons, mine->count, merged);
        TRY(counter_new(s, exporter, year, k, mine->persons, mine->count, room, &alone));
        TRY(counter_new(s, exporter, year, k, merged, count, room, &together));
        value.after[k] = base[k] + together + mine->rows + others.rows;
        if (together + others.rows > alone)
            value.pending_others = true;
        room->len = mark;
    }
    *ret = value;
    return ERR_OK;
}

enum err
counter_reserve(struct store *s, const uint8_t id[static 16], const char *exporter, uint64_t year,
                struct room *room, struct counter_value *ret)
{
    TRY(store_reserve_put(s, id, exporter, year));
    return counter_sum(s, id, exporter, year, room, ret);
}

enum err
counter_value(struct store *s, const uint8_t id[static 16], const char *exporter, uint64_t year,
              struct room *room, struct counter_value *ret)
{
    return counter_sum(s, id, exporter, year, room, ret);
}

enum err
counter_present(struct store *s, const char *exporter, uint64_t year, struct room *room,
                struct counter_value *ret)
{
    return counter_sum(s, NULL, exporter, year, room, ret);
}

enum err
counter_stand(struct store *s, const char *exporter, uint64_t year, struct room *room,
              struct counter_standing *ret)
{
    struct counter_standing stand = {0};
    struct counter_value value;
    uint64_t base[COUNTER_KINDS];
    TRY(counter_present(s, exporter, year, room, &value));
    TRY(counter_base(s, exporter, year, base));
    TRY(store_adjust_sum(s, exporter, year, stand.opening, stand.adjusted));
    for (unsigned k = 0; k < COUNTER_KINDS; k++) {
        TRY(store_count_get(s, exporter, year, k, &stand.rows[k], &stand.persons[k]));
        stand.value[k] = value.after[k];
        stand.reserved[k] = value.after[k] - base[k];
    }
    *ret = stand;
    return ERR_OK;
}

static enum err
counter_commit_kind(struct store *s, const char *exporter, uint64_t year, unsigned kind,
                    const struct counter_kind *set, struct room *room)
{
    uint64_t rows = 0;
    uint64_t persons = 0;
    TRY(store_count_get(s, exporter, year, kind, &rows, &persons));
    for (size_t at = 0; at < set->count;) {
        const uint64_t shard = set->persons[at] >> 56;
        const size_t end = counter_run(set->persons, set->count, at, shard);
        const size_t mark = room->len;
        const uint64_t *have = NULL;
        size_t have_count = 0;
        uint8_t *out = NULL;
        TRY(counter_shard(s, exporter, year, kind, shard, room, &have, &have_count));
        TRY(room_take(room, (have_count + end - at) * sizeof(uint64_t), &out));
        const size_t count =
            counter_union(have, have_count, set->persons + at, end - at, (void *)out);
        if (count != have_count)
            TRY(store_shard_put(s, exporter, year, kind, (unsigned)shard,
                                span_of(out, count * sizeof(uint64_t))));
        persons += count - have_count;
        room->len = mark;
        at = end;
    }
    rows = set->rows > COUNTER_SUM_MAX - rows ? COUNTER_SUM_MAX : rows + set->rows;
    return store_count_put(s, exporter, year, kind, rows, persons);
}

/* The name under which the committed persons of an approval are kept: no partner's name has a
 * slash. Their year is 0, as an approval's ceiling has none. */
static enum err
counter_debit_name(const char *exporter, const uint8_t approval[static 32],
                   char name[static COUNTER_NAME_MAX])
{
    char hex[65];
    TRY(text_hex(span_of(approval, 32), hex, sizeof(hex)));
    const int len = snprintf(name, COUNTER_NAME_MAX, "%s/%s", exporter, hex);
    return len < 0 || len >= COUNTER_NAME_MAX ? ERR_FULL : ERR_OK;
}

enum err
counter_debit(struct store *s, const uint8_t id[static 16], const char *exporter, uint64_t year,
              const uint8_t approval[static 32], struct room *room, uint64_t *ret_after)
{
    char name[COUNTER_NAME_MAX];
    const size_t mark = room->len;
    struct counter_set set = {0};
    struct counter_kind others = {0};
    uint8_t *memory = NULL;
    uint8_t *out = NULL;
    size_t id_count = 0;
    uint64_t rows = 0;
    uint64_t persons = 0;
    uint64_t together = 0;
    TRY(counter_debit_name(exporter, approval, name));
    TRY(room_take(room, (size_t)16 * COUNTER_PENDING_MAX, &memory));
    uint8_t(*ids)[16] = (void *)memory;
    const enum err listed =
        store_reserve_list(s, exporter, year, ids, COUNTER_PENDING_MAX, &id_count);
    if (listed != ERR_OK)
        return listed == ERR_FULL ? ERR_AGAIN : listed;
    TRY(counter_set_of(s, id, room, &set));
    TRY(counter_others(s, (const uint8_t(*)[16])ids, id_count, id, approval, COUNTER_PI, room,
                       &others));
    const struct counter_kind *mine = &set.kind[COUNTER_PI];
    TRY(room_take(room, (others.count + mine->count) * sizeof(uint64_t), &out));
    uint64_t *merged = (void *)out;
    const size_t count =
        counter_union(others.persons, others.count, mine->persons, mine->count, merged);
    TRY(store_count_get(s, name, 0, COUNTER_PI, &rows, &persons));
    TRY(counter_new(s, name, 0, COUNTER_PI, merged, count, room, &together));
    *ret_after = persons + rows + together + mine->rows + others.rows;
    room->len = mark;
    return ERR_OK;
}

static enum err
counter_commit_debits(struct store *s, const uint8_t id[static 16], const char *exporter,
                      const struct counter_kind *set, struct room *room)
{
    char name[COUNTER_NAME_MAX];
    struct span bytes = {0};
    const enum err err = store_part_get(s, id, STORE_DEBITS, 0, room, &bytes);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    for (size_t at = 0; at + COUNTER_DEBIT_BYTES <= bytes.len; at += COUNTER_DEBIT_BYTES) {
        TRY(counter_debit_name(exporter, bytes.ptr + at, name));
        TRY(counter_commit_kind(s, name, 0, COUNTER_PI, set, room));
    }
    return ERR_OK;
}

enum err
counter_commit(struct store *s, const uint8_t id[static 16], const char *exporter,
               struct room *room)
{
    struct counter_set set = {0};
    uint64_t year = 0;
    TRY(store_reserve_get(s, id, &year));
    TRY(counter_set_of(s, id, room, &set));
    for (unsigned k = 0; k < COUNTER_KINDS; k++)
        TRY(counter_commit_kind(s, exporter, year, k, &set.kind[k], room));
    TRY(counter_commit_debits(s, id, exporter, &set.kind[COUNTER_PI], room));
    return counter_drop(s, id);
}

enum err
counter_drop(struct store *s, const uint8_t id[static 16])
{
    TRY(store_part_del(s, id, STORE_PERSONS));
    return store_reserve_del(s, id);
}
