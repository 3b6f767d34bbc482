/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of transfers in SQLite. */
#include "gateway/clerk/store_stmt.h"

#include <assert.h>

/* Fills args[0..] from row in the order of the columns; returns how many. */
static size_t
row_args(const struct store_row *row, struct store_arg args[static STORE_ARGS_MAX])
{
    size_t count = 0;
    args[count++] = STORE_ID(row->id);
    args[count++] = STORE_TEXT(flow_state_name(row->state));
    args[count++] = STORE_INT(row->shown);
#define ROW_U64(field) args[count++] = STORE_INT(row->field);
#define ROW_I64(field) args[count++] = STORE_INT(row->field);
#define ROW_BYTES(field, len) args[count++] = STORE_BLOB(span_of(row->field, (len)));
#define ROW_TEXT(field, cap) args[count++] = STORE_TEXT(row->field);
#include "gateway/clerk/row.def"
#undef ROW_U64
#undef ROW_I64
#undef ROW_BYTES
#undef ROW_TEXT
    return count;
}

static enum err
row_text(struct store *s, enum store_sql sql, int column, char *out, size_t cap)
{
    const struct span text = store_stmt_bytes(s, sql, column);
    if (text.len >= cap)
        return ERR_VERSION;
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return ERR_OK;
}

/* Reads a row from a statement whose columns are seq and $C. */
static enum err
row_read(struct store *s, enum store_sql sql, struct store_row *row)
{
    int column = 0;
    row->seq = (uint64_t)store_stmt_int(s, sql, column++);
    TRY(store_stmt_copy(s, sql, column++, row->id, sizeof(row->id)));
    if (flow_state_parse(store_stmt_bytes(s, sql, column++), &row->state) != ERR_OK)
        return ERR_VERSION;
    const int64_t shown = store_stmt_int(s, sql, column++);
    if (shown < 0 || shown >= FLOW_SHOWN_COUNT)
        return ERR_VERSION;
    row->shown = (enum flow_shown)shown;
#define ROW_U64(field) row->field = (uint64_t)store_stmt_int(s, sql, column++);
#define ROW_I64(field) row->field = store_stmt_int(s, sql, column++);
#define ROW_BYTES(field, len) TRY(store_stmt_copy(s, sql, column++, row->field, (len)));
#define ROW_TEXT(field, cap) TRY(row_text(s, sql, column++, row->field, (cap)));
#include "gateway/clerk/row.def"
#undef ROW_U64
#undef ROW_I64
#undef ROW_BYTES
#undef ROW_TEXT
    return ERR_OK;
}

/* Reads the one row of a statement that was stepped, and ends it. */
static enum err
row_only(struct store *s, enum store_sql sql, struct store_row *ret)
{
    const enum err err = row_read(s, sql, ret);
    store_stmt_end(s, sql);
    return err;
}

enum err
store_row_put(struct store *s, struct store_row *row)
{
    struct store_arg args[STORE_ARGS_MAX];
    const size_t count = row_args(row, args);
    assert(s->open);
    if (row->seq != 0)
        return store_stmt_run(s, STORE_SQL_ROW_UPDATE, args, count);
    TRY(store_stmt_run(s, STORE_SQL_ROW_INSERT, args, count));
    TRY(STORE_FIRST(s, STORE_SQL_ROW_GET, STORE_ID(row->id)));
    row->seq = (uint64_t)store_stmt_int(s, STORE_SQL_ROW_GET, 0);
    store_stmt_end(s, STORE_SQL_ROW_GET);
    return ERR_OK;
}

enum err
store_row_get(struct store *s, const uint8_t id[static 16], struct store_row *ret)
{
    TRY(STORE_FIRST(s, STORE_SQL_ROW_GET, STORE_ID(id)));
    return row_only(s, STORE_SQL_ROW_GET, ret);
}

enum err
store_row_same(struct store *s, const struct store_row *like, int64_t since_ms,
               struct store_row *ret)
{
    TRY(STORE_FIRST(s, STORE_SQL_ROW_SAME, STORE_TEXT(like->party), STORE_TEXT(like->agreement),
                    STORE_BLOB(span_of(like->digest, sizeof(like->digest))), STORE_INT(since_ms),
                    STORE_TEXT(like->name)));
    return row_only(s, STORE_SQL_ROW_SAME, ret);
}

enum err
store_row_due(struct store *s, int64_t now_ms, uint8_t (*ret_ids)[16], size_t cap,
              size_t *ret_count)
{
    size_t count = 0;
    enum err err = STORE_FIRST(s, STORE_SQL_ROW_DUE, STORE_INT(now_ms), STORE_INT(cap));
    while (err == ERR_OK && count < cap) {
        err = store_stmt_copy(s, STORE_SQL_ROW_DUE, 0, ret_ids[count], 16);
        if (err != ERR_OK)
            break;
        count++;
        err = store_stmt_next(s, STORE_SQL_ROW_DUE);
    }
    store_stmt_end(s, STORE_SQL_ROW_DUE);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *ret_count = count;
    return ERR_OK;
}

enum err
store_row_list(struct store *s, const struct store_filter *filter,
               enum err (*fn)(void *ctx, const struct store_row *row), void *ctx)
{
    struct store_row row = {0};
    const struct store_arg party = filter->party == NULL
                                       ? (struct store_arg){STORE_ARG_NULL, 0, {0}}
                                       : STORE_TEXT(filter->party);
    const uint64_t before = filter->before_seq > INT64_MAX ? INT64_MAX : filter->before_seq;
    /* "held" is one word for two states. */
    const int shown_too = filter->shown == FLOW_SHOWN_HELD ? FLOW_SHOWN_HELD_AGAIN : filter->shown;
    enum err err =
        STORE_FIRST(s, STORE_SQL_ROW_LIST, party, STORE_INT(before), STORE_INT(filter->direction),
                    STORE_INT(filter->shown), STORE_INT(shown_too), STORE_INT(filter->since_ms),
                    STORE_INT(filter->inbox ? 1 : 0), STORE_INT(filter->limit));
    while (err == ERR_OK) {
        err = row_read(s, STORE_SQL_ROW_LIST, &row);
        if (err == ERR_OK)
            err = fn(ctx, &row);
        if (err != ERR_OK) {
            store_stmt_end(s, STORE_SQL_ROW_LIST);
            return err;
        }
        err = store_stmt_next(s, STORE_SQL_ROW_LIST);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err
store_spool_use(struct store *s, const char *peer, uint64_t *ret_all, uint64_t *ret_peer)
{
    TRY(STORE_FIRST(s, STORE_SQL_SPOOL_USE, STORE_TEXT(peer == NULL ? "" : peer)));
    *ret_all = (uint64_t)store_stmt_int(s, STORE_SQL_SPOOL_USE, 0);
    *ret_peer = (uint64_t)store_stmt_int(s, STORE_SQL_SPOOL_USE, 1);
    store_stmt_end(s, STORE_SQL_SPOOL_USE);
    return ERR_OK;
}

enum err
store_spool_list(struct store *s, enum err (*fn)(void *ctx, const char *stem), void *ctx)
{
    enum err err = store_stmt_first(s, STORE_SQL_SPOOL_LIST, NULL, 0);
    while (err == ERR_OK) {
        char stem[sizeof(((struct store_row *)0)->spool)];
        err = row_text(s, STORE_SQL_SPOOL_LIST, 0, stem, sizeof(stem));
        if (err == ERR_OK)
            err = fn(ctx, stem);
        if (err != ERR_OK) {
            store_stmt_end(s, STORE_SQL_SPOOL_LIST);
            return err;
        }
        err = store_stmt_next(s, STORE_SQL_SPOOL_LIST);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err
store_row_newest(struct store *s, uint64_t *ret_seq)
{
    TRY(store_stmt_first(s, STORE_SQL_ROW_NEWEST, NULL, 0));
    *ret_seq = (uint64_t)store_stmt_int(s, STORE_SQL_ROW_NEWEST, 0);
    store_stmt_end(s, STORE_SQL_ROW_NEWEST);
    return ERR_OK;
}

enum err
store_row_wake(struct store *s)
{
    assert(s->open);
    return store_stmt_run(s, STORE_SQL_ROW_WAKE, NULL, 0);
}

enum err
store_row_open(struct store *s, enum direction direction, uint64_t *ret_count)
{
    TRY(STORE_FIRST(s, STORE_SQL_ROW_OPEN, STORE_INT(direction), STORE_INT(FLOW_SHOWN_FAILED)));
    *ret_count = (uint64_t)store_stmt_int(s, STORE_SQL_ROW_OPEN, 0);
    store_stmt_end(s, STORE_SQL_ROW_OPEN);
    return ERR_OK;
}
