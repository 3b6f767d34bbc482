/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SQLite store share. sqlite3.h stays in those files. */
#ifndef TDZ_GATEWAY_CLERK_STORE_STMT_H
#define TDZ_GATEWAY_CLERK_STORE_STMT_H

#include "gateway/clerk/store.h"

struct sqlite3;
struct sqlite3_stmt;

enum store_sql {
#define STORE_SQL(NAME, sql) STORE_SQL_##NAME,
#include "gateway/clerk/store_sql.def"
#undef STORE_SQL
    STORE_SQL_COUNT
};

struct store {
    struct sqlite3 *db;
    struct sqlite3_stmt *stmt[STORE_SQL_COUNT];
    bool open;
    bool head_new;
    uint64_t head_size;
    uint8_t head_root[32];
    char head_origin[STORE_ORIGIN_MAX];
};

/* One parameter of a statement. */
struct store_arg {
    enum { STORE_ARG_INT, STORE_ARG_BLOB, STORE_ARG_TEXT, STORE_ARG_NULL } kind;
    int64_t number;
    struct span bytes;
};

#define STORE_INT(value) ((struct store_arg){STORE_ARG_INT, (int64_t)(value), {0}})
#define STORE_BLOB(span_) ((struct store_arg){STORE_ARG_BLOB, 0, (span_)})
#define STORE_ID(ptr_) STORE_BLOB(span_of((ptr_), STORE_ID_BYTES))
#define STORE_TEXT(text) ((struct store_arg){STORE_ARG_TEXT, 0, span_str(text)})

enum { STORE_ARGS_MAX = 64 };

/* Binds args and makes the first step. ERR_OK: a row is there, read it, then store_stmt_end.
 * ERR_NOT_FOUND: done without a row. ERR_EXISTS: a constraint. ERR_IO, ERR_NO_SPACE, ERR_NOMEM. In
 * all cases but ERR_OK the statement is reset. */
MUST_USE enum err store_stmt_first(struct store *s, enum store_sql sql,
                                   const struct store_arg *args, size_t arg_count);
/* The next row: ERR_OK or, reset, ERR_NOT_FOUND or an error. */
MUST_USE enum err store_stmt_next(struct store *s, enum store_sql sql);
void store_stmt_end(struct store *s, enum store_sql sql);
/* Runs a statement that gives no row. */
MUST_USE enum err store_stmt_run(struct store *s, enum store_sql sql, const struct store_arg *args,
                                 size_t arg_count);
int64_t store_stmt_int(struct store *s, enum store_sql sql, int column);
bool store_stmt_is_null(struct store *s, enum store_sql sql, int column);
/* A view until the next step. */
struct span store_stmt_bytes(struct store *s, enum store_sql sql, int column);
/* Copies exactly len bytes. ERR_VERSION when the column holds another number. */
MUST_USE enum err store_stmt_copy(struct store *s, enum store_sql sql, int column, void *out,
                                  size_t len);

#define STORE_FIRST(s, sql, ...)                                          \
    store_stmt_first((s), (sql), (const struct store_arg[]){__VA_ARGS__}, \
                     sizeof((const struct store_arg[]){__VA_ARGS__}) / sizeof(struct store_arg))
#define STORE_RUN(s, sql, ...)                                          \
    store_stmt_run((s), (sql), (const struct store_arg[]){__VA_ARGS__}, \
                   sizeof((const struct store_arg[]){__VA_ARGS__}) / sizeof(struct store_arg))

#endif
