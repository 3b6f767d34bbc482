/* SPDX-License-Identifier: Apache-2.0 */
/* The database of one clerk in SQLite: opening, migrations, statements, transactions. Write-ahead
 * log with synchronous FULL: a commit is on disk when it returns. secure_delete: a deleted key is
 * overwritten, in the write-ahead log at the next checkpoint. Exclusive locking: one clerk. */
#include "gateway/clerk/store_stmt.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { STORE_SQL_BYTES_MAX = 4096, STORE_PATH_MAX = 4096 };

static const char *const store_sql_text[STORE_SQL_COUNT] = {
#define STORE_SQL(NAME, sql) [STORE_SQL_##NAME] = (sql),
#include "gateway/clerk/store_sql.def"
#undef STORE_SQL
};

static const char store_columns[] = "id, state, shown"
#define ROW_U64(field) ", " #field
#define ROW_I64(field) ", " #field
#define ROW_BYTES(field, len) ", " #field
#define ROW_TEXT(field, cap) ", " #field
#include "gateway/clerk/row.def"
#undef ROW_U64
#undef ROW_I64
#undef ROW_BYTES
#undef ROW_TEXT
    ;

enum {
    STORE_COLUMN_COUNT = 3
#define ROW_U64(field) +1
#define ROW_I64(field) +1
#define ROW_BYTES(field, len) +1
#define ROW_TEXT(field, cap) +1
#include "gateway/clerk/row.def"
#undef ROW_U64
#undef ROW_I64
#undef ROW_BYTES
#undef ROW_TEXT
};
static_assert((int)STORE_COLUMN_COUNT <= (int)STORE_ARGS_MAX, "a row must fit into one statement");

static enum err
store_err(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
        return ERR_OK;
    case SQLITE_DONE:
        return ERR_NOT_FOUND;
    case SQLITE_CONSTRAINT:
        return ERR_EXISTS;
    case SQLITE_FULL:
        return ERR_NO_SPACE;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

/* -- statements --------------------------------------------------------------------------------*/

static int
store_bind(struct sqlite3_stmt *st, int at, const struct store_arg *arg)
{
    static const char empty[] = "";
    const void *ptr = arg->bytes.ptr == NULL ? (const void *)empty : (const void *)arg->bytes.ptr;
    switch (arg->kind) {
    case STORE_ARG_INT:
        return sqlite3_bind_int64(st, at, arg->number);
    case STORE_ARG_BLOB:
        return sqlite3_bind_blob64(st, at, ptr, arg->bytes.len, SQLITE_STATIC);
    case STORE_ARG_TEXT:
        return sqlite3_bind_text64(st, at, ptr, arg->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case STORE_ARG_NULL:
        return sqlite3_bind_null(st, at);
    }
    return SQLITE_MISUSE;
}

enum err
store_stmt_first(struct store *s, enum store_sql sql, const struct store_arg *args,
                 size_t arg_count)
{
    struct sqlite3_stmt *st = s->stmt[sql];
    assert(arg_count <= STORE_ARGS_MAX);
    for (size_t i = 0; i < arg_count; i++) {
        const int rc = store_bind(st, (int)i + 1, &args[i]);
        if (rc != SQLITE_OK)
            return store_err(rc);
    }
    return store_stmt_next(s, sql);
}

enum err
store_stmt_next(struct store *s, enum store_sql sql)
{
    const enum err err = store_err(sqlite3_step(s->stmt[sql]));
    if (err != ERR_OK)
        store_stmt_end(s, sql);
    return err;
}

void
store_stmt_end(struct store *s, enum store_sql sql)
{
    /* The result only repeats the error of the step before, which was handled there. */
    (void)sqlite3_reset(s->stmt[sql]);
    (void)sqlite3_clear_bindings(s->stmt[sql]);
}

enum err
store_stmt_run(struct store *s, enum store_sql sql, const struct store_arg *args, size_t arg_count)
{
    const enum err err = store_stmt_first(s, sql, args, arg_count);
    if (err == ERR_OK)
        store_stmt_end(s, sql);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

int64_t
store_stmt_int(struct store *s, enum store_sql sql, int column)
{
    return sqlite3_column_int64(s->stmt[sql], column);
}

bool
store_stmt_is_null(struct store *s, enum store_sql sql, int column)
{
    return sqlite3_column_type(s->stmt[sql], column) == SQLITE_NULL;
}

struct span
store_stmt_bytes(struct store *s, enum store_sql sql, int column)
{
    const void *ptr = sqlite3_column_blob(s->stmt[sql], column);
    const int len = sqlite3_column_bytes(s->stmt[sql], column);
    return span_of(ptr, ptr == NULL || len < 0 ? 0 : (size_t)len);
}

enum err
store_stmt_copy(struct store *s, enum store_sql sql, int column, void *out, size_t len)
{
    const struct span bytes = store_stmt_bytes(s, sql, column);
    if (bytes.len != len)
        return ERR_VERSION;
    if (len > 0)
        memcpy(out, bytes.ptr, len);
    return ERR_OK;
}

/* -- opening -----------------------------------------------------------------------------------*/

static enum err
store_text(const struct store *s, const char *sql)
{
    return store_err(sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static enum err
store_pragma_int(const struct store *s, const char *sql, int64_t *ret)
{
    struct sqlite3_stmt *st = NULL;
    TRY(store_err(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL)));
    const enum err err = store_err(sqlite3_step(st));
    if (err == ERR_OK)
        *ret = sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    return err;
}

static enum err
store_migrate(const struct store *s)
{
    static const struct {
        int64_t version;
        const char *sql;
    } steps[] = {
#define SCHEMA(version, ...) {(version), __VA_ARGS__},
#include "gateway/clerk/schema.def"
#undef SCHEMA
    };
    const size_t count = sizeof(steps) / sizeof(steps[0]);
    int64_t have = 0;
    TRY(store_pragma_int(s, "PRAGMA user_version", &have));
    if (have < 0 || have > steps[count - 1].version)
        return ERR_VERSION;
    for (size_t i = 0; i < count; i++) {
        char mark[64];
        if (steps[i].version <= have)
            continue;
        (void)snprintf(mark, sizeof(mark), "PRAGMA user_version = %lld",
                       (long long)steps[i].version);
        TRY(store_text(s, "BEGIN IMMEDIATE"));
        TRY(store_text(s, steps[i].sql));
        TRY(store_text(s, mark));
        TRY(store_text(s, "COMMIT"));
    }
    return ERR_OK;
}

/* Writes sql with $C and $M replaced. */
static enum err
store_expand(const char *sql, char *out, size_t cap)
{
    size_t len = 0;
    for (const char *at = sql; *at != 0; at++) {
        int wrote = 0;
        if (at[0] == '$' && at[1] == 'C') {
            wrote = snprintf(out + len, cap - len, "%s", store_columns);
            at++;
        } else if (at[0] == '$' && at[1] == 'M') {
            at++;
            for (int i = 1; i <= STORE_COLUMN_COUNT; i++) {
                const int more = snprintf(out + len + (size_t)wrote, cap - len - (size_t)wrote,
                                          i == 1 ? "?%d" : ", ?%d", i);
                wrote += more;
                if (len + (size_t)wrote >= cap)
                    return ERR_FULL;
            }
        } else {
            wrote = snprintf(out + len, cap - len, "%c", *at);
        }
        if (wrote < 0 || (size_t)wrote >= cap - len)
            return ERR_FULL;
        len += (size_t)wrote;
    }
    return ERR_OK;
}

static enum err
store_prepare(struct store *s)
{
    for (size_t i = 0; i < STORE_SQL_COUNT; i++) {
        char sql[STORE_SQL_BYTES_MAX];
        TRY(store_expand(store_sql_text[i], sql, sizeof(sql)));
        TRY(store_err(
            sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt[i], NULL)));
    }
    return ERR_OK;
}

/* SQLite would resolve every link of a path, /proc/self/fd/N among them, and open what that gives
 * by its name. Ours are opened as they are. */
static int
store_full_path(sqlite3_vfs *vfs, const char *name, int cap, char *out)
{
    (void)vfs;
    const int n = snprintf(out, (size_t)cap, "%s", name);
    return n < 0 || n >= cap ? SQLITE_CANTOPEN : SQLITE_OK;
}

/* SQLite's own way to files in all but that. */
static const char *
store_vfs(void)
{
    static sqlite3_vfs vfs;
    if (vfs.zName != NULL)
        return vfs.zName;
    const sqlite3_vfs *own = sqlite3_vfs_find(NULL);
    if (own == NULL)
        return NULL;
    vfs = *own;
    vfs.pNext = NULL;
    vfs.zName = "tdz";
    vfs.xFullPathname = store_full_path;
    if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
        vfs.zName = NULL;
    return vfs.zName;
}

static enum err
store_origin_read(struct store *s)
{
    TRY(store_stmt_first(s, STORE_SQL_HEAD_GET, NULL, 0));
    const struct span origin = store_stmt_bytes(s, STORE_SQL_HEAD_GET, 2);
    const bool fits = origin.len < sizeof(s->head_origin);
    if (fits && origin.len > 0)
        memcpy(s->head_origin, origin.ptr, origin.len);
    store_stmt_end(s, STORE_SQL_HEAD_GET);
    return fits ? ERR_OK : ERR_VERSION;
}

static enum err
store_setup(struct store *s, const char *path)
{
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int64_t sync = 0;
    int64_t secure = 0;
    const char *vfs = store_vfs();
    if (vfs == NULL)
        return ERR_SYS;
    TRY(store_err(sqlite3_open_v2(path, &s->db, flags, vfs)));
    TRY(store_text(s, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                      "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                      "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                      "PRAGMA cache_size = -4096; PRAGMA trusted_schema = OFF;"
                      "PRAGMA busy_timeout = 2000"));
    TRY(store_pragma_int(s, "PRAGMA synchronous", &sync));
    TRY(store_pragma_int(s, "PRAGMA secure_delete", &secure));
    if (sync != 2 || secure != 1)
        return ERR_UNSUPPORTED;
    TRY(store_migrate(s));
    TRY(store_prepare(s));
    const enum err err = store_head_get(s, &s->head_size, s->head_root);
    return err == ERR_NOT_FOUND ? ERR_OK : err == ERR_OK ? store_origin_read(s) : err;
}

enum err
store_open(const char *folder, struct store **ret)
{
    char path[STORE_PATH_MAX];
    const int len = snprintf(path, sizeof(path), "%s/clerk.db", folder);
    if (len < 0 || (size_t)len >= sizeof(path))
        return ERR_FULL;
    struct store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    const enum err err = store_setup(s, path);
    if (err != ERR_OK) {
        store_close(s);
        return err == ERR_NOT_FOUND ? ERR_IO : err;
    }
    *ret = s;
    return ERR_OK;
}

void
store_close(struct store *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < STORE_SQL_COUNT; i++)
        (void)sqlite3_finalize(s->stmt[i]);
    /* Closing rolls back an open transaction and folds the write-ahead log into the database. */
    (void)sqlite3_close(s->db);
    free(s);
}

/* -- transactions ------------------------------------------------------------------------------*/

enum err
store_begin(struct store *s)
{
    assert(!s->open);
    TRY(store_stmt_run(s, STORE_SQL_BEGIN, NULL, 0));
    s->open = true;
    return ERR_OK;
}

static enum err
store_commit_all(struct store *s)
{
    if (s->head_new)
        TRY(STORE_RUN(s, STORE_SQL_HEAD_PUT, STORE_INT(s->head_size),
                      STORE_BLOB(span_of(s->head_root, sizeof(s->head_root))),
                      STORE_TEXT(s->head_origin)));
    return store_stmt_run(s, STORE_SQL_COMMIT, NULL, 0);
}

enum err
store_commit(struct store *s)
{
    assert(s->open);
    const enum err err = store_commit_all(s);
    if (err != ERR_OK) {
        store_stmt_end(s, STORE_SQL_COMMIT);
        store_rollback(s);
        return err;
    }
    s->open = false;
    s->head_new = false;
    return ERR_OK;
}

enum err
store_end(struct store *s, enum err err)
{
    if (err == ERR_OK)
        return store_commit(s);
    store_rollback(s);
    return err;
}

void
store_rollback(struct store *s)
{
    if (!s->open)
        return;
    /* After an error SQLite may have rolled back by itself; then this one fails, and may. */
    if (store_stmt_run(s, STORE_SQL_ROLLBACK, NULL, 0) != ERR_OK)
        store_stmt_end(s, STORE_SQL_ROLLBACK);
    s->open = false;
}

bool
store_is_open(const struct store *s)
{
    return s->open;
}

void
store_head_set(struct store *s, uint64_t size, const uint8_t root[static 32])
{
    s->head_new = true;
    s->head_size = size;
    memcpy(s->head_root, root, sizeof(s->head_root));
}

enum err
store_head_get(struct store *s, uint64_t *ret_size, uint8_t ret_root[static 32])
{
    TRY(store_stmt_first(s, STORE_SQL_HEAD_GET, NULL, 0));
    const uint64_t size = (uint64_t)store_stmt_int(s, STORE_SQL_HEAD_GET, 0);
    const enum err err = store_stmt_copy(s, STORE_SQL_HEAD_GET, 1, ret_root, 32);
    store_stmt_end(s, STORE_SQL_HEAD_GET);
    if (err == ERR_OK)
        *ret_size = size;
    return err;
}

enum err
store_meta_put(struct store *s, const char *name, uint64_t value)
{
    return STORE_RUN(s, STORE_SQL_META_PUT, STORE_TEXT(name), STORE_INT(value));
}

enum err
store_meta_get(struct store *s, const char *name, uint64_t *ret_value)
{
    TRY(STORE_FIRST(s, STORE_SQL_META_GET, STORE_TEXT(name)));
    *ret_value = (uint64_t)store_stmt_int(s, STORE_SQL_META_GET, 0);
    store_stmt_end(s, STORE_SQL_META_GET);
    return ERR_OK;
}
