/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to a transfer besides its row, in SQLite: parts, entries, idempotency, openings,
 * errands; and the counters' sets. */
#include "gateway/clerk/store_stmt.h"

#include <assert.h>

static enum err
part_room(struct store *s, enum store_sql sql, int column, struct room *room, struct span *ret)
{
    return room_copy(room, store_stmt_bytes(s, sql, column), ret);
}

enum err
store_part_put(struct store *s, const uint8_t id[static 16], enum store_part what, uint64_t n,
               struct span bytes)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_PART_PUT, STORE_ID(id), STORE_INT(what), STORE_INT(n),
                     STORE_BLOB(bytes));
}

enum err
store_part_get(struct store *s, const uint8_t id[static 16], enum store_part what, uint64_t n,
               struct room *room, struct span *ret)
{
    TRY(STORE_FIRST(s, STORE_SQL_PART_GET, STORE_ID(id), STORE_INT(what), STORE_INT(n)));
    const enum err err = part_room(s, STORE_SQL_PART_GET, 0, room, ret);
    store_stmt_end(s, STORE_SQL_PART_GET);
    return err;
}

enum err
store_part_del(struct store *s, const uint8_t id[static 16], enum store_part what)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_PART_DEL, STORE_ID(id), STORE_INT(what));
}

/* -- entries -----------------------------------------------------------------------------------*/

static enum err
entry_read(struct store *s, enum store_sql sql, struct room *room, struct store_entry *ret)
{
    struct store_entry entry = {.index = STORE_NONE};
    entry.kind = (uint8_t)store_stmt_int(s, sql, 0);
    entry.n = (uint64_t)store_stmt_int(s, sql, 1);
    TRY(part_room(s, sql, 2, room, &entry.bytes));
    TRY(part_room(s, sql, 3, room, &entry.salts));
    if (!store_stmt_is_null(s, sql, 4)) {
        entry.index = (uint64_t)store_stmt_int(s, sql, 4);
        TRY(store_stmt_copy(s, sql, 5, entry.leaf, sizeof(entry.leaf)));
        TRY(part_room(s, sql, 6, room, &entry.origin));
    }
    *ret = entry;
    return ERR_OK;
}

enum err
store_entry_put(struct store *s, const uint8_t id[static 16], const struct store_entry *entry)
{
    assert(s->open);
    const enum err err =
        STORE_RUN(s, STORE_SQL_ENTRY_PUT, STORE_ID(id), STORE_INT(entry->kind), STORE_INT(entry->n),
                  STORE_BLOB(entry->bytes), STORE_BLOB(entry->salts));
    if (err != ERR_EXISTS)
        return err;
    TRY(STORE_FIRST(s, STORE_SQL_ENTRY_GET, STORE_ID(id), STORE_INT(entry->kind),
                    STORE_INT(entry->n)));
    const bool same = span_eq(store_stmt_bytes(s, STORE_SQL_ENTRY_GET, 2), entry->bytes);
    store_stmt_end(s, STORE_SQL_ENTRY_GET);
    return same ? ERR_OK : ERR_CONFLICT;
}

enum err
store_entry_adopt(struct store *s, const uint8_t id[static 16], const struct store_entry *entry)
{
    assert(s->open);
    TRY(STORE_RUN(s, STORE_SQL_ENTRY_ADOPT, STORE_ID(id), STORE_INT(entry->kind),
                  STORE_INT(entry->n), STORE_BLOB(entry->bytes)));
    return store_entry_logged(s, id, entry->kind, entry->n, entry->index, entry->leaf);
}

enum err
store_entry_logged(struct store *s, const uint8_t id[static 16], uint8_t kind, uint64_t n,
                   uint64_t index, const uint8_t leaf[static 32])
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_ENTRY_LOGGED, STORE_ID(id), STORE_INT(kind), STORE_INT(n),
                     STORE_INT(index), STORE_BLOB(span_of(leaf, 32)));
}

enum err
store_entry_get(struct store *s, const uint8_t id[static 16], uint8_t kind, uint64_t n,
                struct room *room, struct store_entry *ret)
{
    TRY(STORE_FIRST(s, STORE_SQL_ENTRY_GET, STORE_ID(id), STORE_INT(kind), STORE_INT(n)));
    const enum err err = entry_read(s, STORE_SQL_ENTRY_GET, room, ret);
    store_stmt_end(s, STORE_SQL_ENTRY_GET);
    return err;
}

enum err
store_entry_list(struct store *s, const uint8_t id[static 16], struct room *room,
                 struct store_entry *ret, size_t cap, size_t *ret_count)
{
    size_t count = 0;
    enum err err = STORE_FIRST(s, STORE_SQL_ENTRY_LIST, STORE_ID(id));
    while (err == ERR_OK) {
        err = count == cap ? ERR_FULL : entry_read(s, STORE_SQL_ENTRY_LIST, room, &ret[count]);
        if (err != ERR_OK) {
            store_stmt_end(s, STORE_SQL_ENTRY_LIST);
            return err;
        }
        count++;
        err = store_stmt_next(s, STORE_SQL_ENTRY_LIST);
    }
    if (err != ERR_NOT_FOUND)
        return err;
    *ret_count = count;
    return ERR_OK;
}

enum err
store_entry_forget(struct store *s, const uint8_t id[static 16])
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_ENTRY_FORGET, STORE_ID(id));
}

enum err
store_entry_pending(struct store *s, uint64_t *ret_count)
{
    TRY(store_stmt_first(s, STORE_SQL_ENTRY_PENDING, NULL, 0));
    *ret_count = (uint64_t)store_stmt_int(s, STORE_SQL_ENTRY_PENDING, 0);
    store_stmt_end(s, STORE_SQL_ENTRY_PENDING);
    return ERR_OK;
}

/* -- idempotency -------------------------------------------------------------------------------*/

enum err
store_idem_put(struct store *s, const char *party, struct span key, const struct store_idem *idem)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_IDEM_PUT, STORE_TEXT(party), STORE_BLOB(key),
                     STORE_BLOB(span_of(idem->fingerprint, sizeof(idem->fingerprint))),
                     STORE_ID(idem->transfer), STORE_INT(idem->status), STORE_INT(idem->created_ms),
                     STORE_BLOB(idem->code), STORE_BLOB(idem->body));
}

static enum err
idem_read(struct store *s, struct room *room, struct store_idem *ret)
{
    const enum store_sql sql = STORE_SQL_IDEM_GET;
    struct store_idem idem = {0};
    TRY(store_stmt_copy(s, sql, 0, idem.fingerprint, sizeof(idem.fingerprint)));
    TRY(store_stmt_copy(s, sql, 1, idem.transfer, sizeof(idem.transfer)));
    idem.status = (uint64_t)store_stmt_int(s, sql, 2);
    idem.created_ms = store_stmt_int(s, sql, 3);
    TRY(part_room(s, sql, 4, room, &idem.code));
    TRY(part_room(s, sql, 5, room, &idem.body));
    *ret = idem;
    return ERR_OK;
}

enum err
store_idem_get(struct store *s, const char *party, struct span key, int64_t since_ms,
               struct room *room, struct store_idem *ret)
{
    TRY(STORE_FIRST(s, STORE_SQL_IDEM_GET, STORE_TEXT(party), STORE_BLOB(key),
                    STORE_INT(since_ms)));
    const enum err err = idem_read(s, room, ret);
    store_stmt_end(s, STORE_SQL_IDEM_GET);
    return err;
}

enum err
store_idem_answer(struct store *s, const uint8_t id[static 16], uint64_t status, struct span code,
                  struct span body)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_IDEM_ANSWER, STORE_ID(id), STORE_INT(status), STORE_BLOB(code),
                     STORE_BLOB(body));
}

enum err
store_idem_free(struct store *s, const uint8_t id[static 16])
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_IDEM_FREE, STORE_ID(id));
}

enum err
store_idem_expire(struct store *s, int64_t before_ms)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_IDEM_EXPIRE, STORE_INT(before_ms));
}

/* -- openings, errands, notes ------------------------------------------------------------------*/

enum err
store_opened_put(struct store *s, const uint8_t id[static 16], const uint8_t cert[static 32],
                 uint64_t day, uint64_t n)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_OPENED_PUT, STORE_ID(id), STORE_BLOB(span_of(cert, 32)),
                     STORE_INT(day), STORE_INT(n));
}

enum err
store_opened_get(struct store *s, const uint8_t id[static 16], const uint8_t cert[static 32],
                 uint64_t day, uint64_t *ret_n)
{
    TRY(STORE_FIRST(s, STORE_SQL_OPENED_GET, STORE_ID(id), STORE_BLOB(span_of(cert, 32)),
                    STORE_INT(day)));
    *ret_n = (uint64_t)store_stmt_int(s, STORE_SQL_OPENED_GET, 0);
    store_stmt_end(s, STORE_SQL_OPENED_GET);
    return ERR_OK;
}

enum err
store_errand_put(struct store *s, const struct store_errand *errand)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_ERRAND_PUT, STORE_ID(errand->transfer), STORE_INT(errand->status),
                     STORE_INT(errand->kind), STORE_INT(errand->n));
}

enum err
store_errand_del(struct store *s, const uint8_t id[static 16], uint64_t status)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_ERRAND_DEL, STORE_ID(id), STORE_INT(status));
}

enum err
store_errand_list(struct store *s, struct store_errand *ret, size_t cap, size_t *ret_count)
{
    const enum store_sql sql = STORE_SQL_ERRAND_LIST;
    size_t count = 0;
    enum err err = STORE_FIRST(s, sql, STORE_INT(cap));
    while (err == ERR_OK && count < cap) {
        err = store_stmt_copy(s, sql, 0, ret[count].transfer, STORE_ID_BYTES);
        if (err != ERR_OK)
            break;
        ret[count].status = (uint64_t)store_stmt_int(s, sql, 1);
        ret[count].kind = (uint8_t)store_stmt_int(s, sql, 2);
        ret[count].n = (uint64_t)store_stmt_int(s, sql, 3);
        count++;
        err = store_stmt_next(s, sql);
    }
    store_stmt_end(s, sql);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *ret_count = count;
    return ERR_OK;
}

enum err
store_noted_put(struct store *s, uint8_t kind, struct span data)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_NOTED_PUT, STORE_INT(kind), STORE_BLOB(data));
}

enum err
store_noted_get(struct store *s, uint8_t kind, struct span data)
{
    TRY(STORE_FIRST(s, STORE_SQL_NOTED_GET, STORE_INT(kind), STORE_BLOB(data)));
    store_stmt_end(s, STORE_SQL_NOTED_GET);
    return ERR_OK;
}

/* -- counters ----------------------------------------------------------------------------------*/

enum err
store_shard_put(struct store *s, const char *exporter, uint64_t year, unsigned kind, unsigned shard,
                struct span sorted)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_SHARD_PUT, STORE_TEXT(exporter), STORE_INT(year), STORE_INT(kind),
                     STORE_INT(shard), STORE_BLOB(sorted));
}

enum err
store_shard_get(struct store *s, const char *exporter, uint64_t year, unsigned kind, unsigned shard,
                struct room *room, struct span *ret)
{
    TRY(STORE_FIRST(s, STORE_SQL_SHARD_GET, STORE_TEXT(exporter), STORE_INT(year), STORE_INT(kind),
                    STORE_INT(shard)));
    const enum err err = part_room(s, STORE_SQL_SHARD_GET, 0, room, ret);
    store_stmt_end(s, STORE_SQL_SHARD_GET);
    return err;
}

enum err
store_count_put(struct store *s, const char *exporter, uint64_t year, unsigned kind, uint64_t rows,
                uint64_t persons)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_COUNT_PUT, STORE_TEXT(exporter), STORE_INT(year), STORE_INT(kind),
                     STORE_INT(rows), STORE_INT(persons));
}

enum err
store_count_get(struct store *s, const char *exporter, uint64_t year, unsigned kind,
                uint64_t *ret_rows, uint64_t *ret_persons)
{
    const enum err err =
        STORE_FIRST(s, STORE_SQL_COUNT_GET, STORE_TEXT(exporter), STORE_INT(year), STORE_INT(kind));
    *ret_rows = 0;
    *ret_persons = 0;
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    *ret_rows = (uint64_t)store_stmt_int(s, STORE_SQL_COUNT_GET, 0);
    *ret_persons = (uint64_t)store_stmt_int(s, STORE_SQL_COUNT_GET, 1);
    store_stmt_end(s, STORE_SQL_COUNT_GET);
    return ERR_OK;
}

enum err
store_reserve_put(struct store *s, const uint8_t id[static 16], const char *exporter, uint64_t year)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_RESERVE_PUT, STORE_ID(id), STORE_TEXT(exporter), STORE_INT(year));
}

enum err
store_reserve_del(struct store *s, const uint8_t id[static 16])
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_RESERVE_DEL, STORE_ID(id));
}

enum err
store_reserve_get(struct store *s, const uint8_t id[static 16], uint64_t *ret_year)
{
    TRY(STORE_FIRST(s, STORE_SQL_RESERVE_GET, STORE_ID(id)));
    *ret_year = (uint64_t)store_stmt_int(s, STORE_SQL_RESERVE_GET, 0);
    store_stmt_end(s, STORE_SQL_RESERVE_GET);
    return ERR_OK;
}

enum err
store_reserve_list(struct store *s, const char *exporter, uint64_t year, uint8_t (*ret_ids)[16],
                   size_t cap, size_t *ret_count)
{
    const enum store_sql sql = STORE_SQL_RESERVE_LIST;
    size_t count = 0;
    enum err err = STORE_FIRST(s, sql, STORE_TEXT(exporter), STORE_INT(year), STORE_INT(cap + 1));
    while (err == ERR_OK) {
        err = count == cap ? ERR_FULL : store_stmt_copy(s, sql, 0, ret_ids[count], 16);
        if (err != ERR_OK) {
            store_stmt_end(s, sql);
            return err;
        }
        count++;
        err = store_stmt_next(s, sql);
    }
    if (err != ERR_NOT_FOUND)
        return err;
    *ret_count = count;
    return ERR_OK;
}
