/* SPDX-License-Identifier: Apache-2.0 */
/* Logs that follow each other, in SQLite: which one heads are of, and what must be said again. */
#include "gateway/clerk/store_again.h"
#include "gateway/clerk/store_stmt.h"
#include "schemas/entry.h"

#include <assert.h>
#include <stdio.h>

void
store_origin_set(struct store *s, const char *origin)
{
    (void)snprintf(s->head_origin, sizeof(s->head_origin), "%s", origin);
    s->head_new = true;
}

const char *
store_origin(const struct store *s)
{
    return s->head_origin;
}

enum err
store_again_begin(struct store *s, const char *former, uint64_t size, const char *origin)
{
    static const uint8_t none[32];
    const int64_t witnessed = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    assert(s->open);
    TRY(STORE_RUN(s, STORE_SQL_AGAIN_ENTRIES, STORE_INT(witnessed), STORE_INT(FLOW_SHOWN_FAILED)));
    TRY(STORE_RUN(s, STORE_SQL_AGAIN_ADJUSTMENTS, STORE_INT(witnessed), STORE_INT(ENTRY_COUNTER)));
    TRY(STORE_RUN(s, STORE_SQL_FORMER_ENTRIES, STORE_TEXT(former)));
    TRY(STORE_RUN(s, STORE_SQL_FORMER_ROWS, STORE_TEXT(former), STORE_INT(STORE_NONE)));
    TRY(store_stmt_run(s, STORE_SQL_FORMER_ADJUSTMENTS, NULL, 0));
    TRY(store_stmt_run(s, STORE_SQL_FORMER_NOTED, NULL, 0));
    store_head_set(s, 0, none);
    store_origin_set(s, origin);
    return ERR_OK;
}

enum err
store_again_next(struct store *s, struct room *room, struct store_again *ret)
{
    const enum store_sql sql = STORE_SQL_AGAIN_NEXT;
    struct store_again again = {0};
    TRY(store_stmt_first(s, sql, NULL, 0));
    enum err err = ERR_OK;
    again.seq = store_stmt_int(s, sql, 0);
    again.has_transfer = !store_stmt_is_null(s, sql, 1);
    if (again.has_transfer)
        err = store_stmt_copy(s, sql, 1, again.transfer, sizeof(again.transfer));
    again.kind = (uint8_t)store_stmt_int(s, sql, 2);
    again.n = (uint64_t)store_stmt_int(s, sql, 3);
    if (err == ERR_OK)
        err = room_copy(room, store_stmt_bytes(s, sql, 4), &again.bytes);
    store_stmt_end(s, sql);
    if (err == ERR_OK)
        *ret = again;
    return err;
}

enum err
store_again_done(struct store *s, int64_t seq)
{
    assert(s->open);
    return STORE_RUN(s, STORE_SQL_AGAIN_DONE, STORE_INT(seq));
}
