/* SPDX-License-Identifier: Apache-2.0 */
/* Operators' adjustments of counters, in SQLite. One counts from the moment its entry is logged. */
#include "gateway/clerk/store_adjust.h"
#include "gateway/clerk/store_stmt.h"

#include <assert.h>
#include <stdio.h>

enum { STORE_NOTE_BYTES = 32 };

enum err
store_adjust_put(struct store *s, const struct store_adjust *a)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_ADJUST_PUT, STORE_BLOB(span_of(a->note, STORE_NOTE_BYTES)),
                     STORE_TEXT(a->exporter), STORE_INT(a->year), STORE_INT(a->pi),
                     STORE_INT(a->spi), STORE_INT(a->opening ? 1 : 0), STORE_INT(a->known ? 1 : 0),
                     STORE_BLOB(a->entry), STORE_BLOB(a->text));
}

enum err
store_adjust_logged(struct store *s, const uint8_t note[static 32], uint64_t index)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_ADJUST_LOGGED, STORE_BLOB(span_of(note, STORE_NOTE_BYTES)),
                     STORE_INT(index));
}

/* A whole row; views of the statement are copied. */
static enum err
adjust_read(struct store *s, enum store_sql sql, struct room *room, struct store_adjust *ret)
{
    struct store_adjust a = {0};
    TRY(store_stmt_copy(s, sql, 0, a.note, sizeof(a.note)));
    const struct span exporter = store_stmt_bytes(s, sql, 1);
    if (exporter.len >= sizeof(a.exporter))
        return ERR_VERSION;
    (void)snprintf(a.exporter, sizeof(a.exporter), "%.*s", (int)exporter.len,
                   (const char *)exporter.ptr);
    a.year = (uint64_t)store_stmt_int(s, sql, 2);
    a.pi = store_stmt_int(s, sql, 3);
    a.spi = store_stmt_int(s, sql, 4);
    a.opening = store_stmt_int(s, sql, 5) != 0;
    a.known = store_stmt_int(s, sql, 6) != 0;
    TRY(room_copy(room, store_stmt_bytes(s, sql, 7), &a.entry));
    TRY(room_copy(room, store_stmt_bytes(s, sql, 8), &a.text));
    *ret = a;
    return ERR_OK;
}

enum err
store_adjust_next(struct store *s, struct room *room, struct store_adjust *ret)
{
    TRY(store_stmt_first(s, STORE_SQL_ADJUST_NEXT, NULL, 0));
    const enum err err = adjust_read(s, STORE_SQL_ADJUST_NEXT, room, ret);
    store_stmt_end(s, STORE_SQL_ADJUST_NEXT);
    return err;
}

enum err
store_adjust_sum(struct store *s, const char *exporter, uint64_t year,
                 int64_t ret_opening[static 2], int64_t ret_adjusted[static 2])
{
    TRY(STORE_FIRST(s, STORE_SQL_ADJUST_SUM, STORE_TEXT(exporter), STORE_INT(year)));
    for (int k = 0; k < 2; k++) {
        ret_opening[k] = store_stmt_int(s, STORE_SQL_ADJUST_SUM, k);
        ret_adjusted[k] = store_stmt_int(s, STORE_SQL_ADJUST_SUM, 2 + k);
    }
    store_stmt_end(s, STORE_SQL_ADJUST_SUM);
    return ERR_OK;
}

enum err
store_count_list(struct store *s, const char *exporter, uint64_t year, uint32_t limit,
                 enum err (*fn)(void *ctx, const char *exporter, uint64_t year), void *ctx)
{
    const struct store_arg who =
        exporter == NULL ? (struct store_arg){STORE_ARG_NULL, 0, {0}} : STORE_TEXT(exporter);
    enum err err = STORE_FIRST(s, STORE_SQL_COUNT_LIST, who, STORE_INT(year), STORE_INT(limit));
    while (err == ERR_OK) {
        char name[128];
        const struct span text = store_stmt_bytes(s, STORE_SQL_COUNT_LIST, 0);
        err = text.len < sizeof(name) ? ERR_OK : ERR_VERSION;
        if (err == ERR_OK) {
            (void)snprintf(name, sizeof(name), "%.*s", (int)text.len, (const char *)text.ptr);
            err = fn(ctx, name, (uint64_t)store_stmt_int(s, STORE_SQL_COUNT_LIST, 1));
        }
        if (err != ERR_OK) {
            store_stmt_end(s, STORE_SQL_COUNT_LIST);
            return err;
        }
        err = store_stmt_next(s, STORE_SQL_COUNT_LIST);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}
