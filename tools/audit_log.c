/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/audit_files.h"
#include "tools/audit_origin.h"

/* Bundles. */
enum { MISSING_MAX = 1024 };

enum err
audit_log_load(const char *path, const char *name, uint8_t *buf, size_t cap, size_t *ret_len)
{
    char full[AUDIT_PATH_MAX];
    struct stat st;
    const int n = snprintf(full, sizeof(full), "%s/%s", path, name);
    if (n < 0 || (size_t)n >= sizeof(full))
        return ERR_IO;
    /* O_NONBLOCK: a pipe in a foreign folder is no file, and nothing to wait for. */
    const int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    size_t len = 0;
    enum err err = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? ERR_OK : ERR_IO;
    while (err == ERR_OK) {
        if (len == cap) {
            err = st.st_size > (off_t)cap ? ERR_TOO_LARGE : ERR_OK;
            break;
        }
        const ssize_t got = read(fd, buf + len, cap - len);
        if (got < 0)
            err = ERR_IO;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    (void)close(fd);
    if (err == ERR_OK)
        *ret_len = len;
    return err;
}

enum err
audit_log_tile(const struct audit_log *log, struct tile tile, uint8_t *buf, struct span *ret,
               char name[static TILE_PATH_MAX])
{
    size_t len = 0;
    const unsigned width = tile.width;
    TRY(tile_path(&tile, name));
    enum err err = audit_log_load(log->path, name, buf, AUDIT_BUNDLE_MAX, &len);
    if (err == ERR_NOT_FOUND && width < TILE_WIDTH) {
        char full[TILE_PATH_MAX];
        tile.width = TILE_WIDTH;
        TRY(tile_path(&tile, full));
        err = audit_log_load(log->path, full, buf, AUDIT_BUNDLE_MAX, &len);
        if (err == ERR_OK)
            memcpy(name, full, TILE_PATH_MAX);
    }
    TRY(err);
    if (tile.level != TILE_ENTRIES && len != (size_t)tile.width * TLOG_HASH_LEN)
        return len < (size_t)tile.width * TLOG_HASH_LEN ? ERR_SHORT : ERR_TRAILING;
    *ret = span_of(buf, tile.level == TILE_ENTRIES ? len : (size_t)width * TLOG_HASH_LEN);
    return ERR_OK;
}

/* "path/name" for a report. */
static const char *
full_name(const struct audit_log *log, const char *name, char out[static AUDIT_PATH_MAX])
{
    (void)snprintf(out, AUDIT_PATH_MAX, "%s/%s", log->path, name);
    return out;
}

static void
fail(struct audit_log *log, const char *name, int64_t index, const char *code, enum err err)
{
    char file[AUDIT_PATH_MAX];
    audit_report_err(log->report, full_name(log, name, file), index, code, err);
}

/* What an entry must be beyond its hash: those that claim to be of our format must be of it, and
 * all of a pinned log's. */
static void
check_entry(struct audit_log *log, const char *name, uint64_t index, struct span leaf, bool pinned)
{
    struct entry entry;
    struct fault fault;
    if (!pinned && !span_starts(leaf, SPAN_LIT("{\"data\":")))
        return;
    const enum err err = entry_read(leaf, false, &log->scratch, &entry, &fault);
    if (err != ERR_OK)
        fail(log, name, (int64_t)index, "entry", err);
}

/* The leaf hashes of tile number n as its level 0 tile has them, NULL after a report. */
static const struct tlog_hash *
tile_hashes(struct audit_log *log, uint64_t n, bool report)
{
    struct tile tile;
    struct span bytes;
    char name[TILE_PATH_MAX];
    if (tile_for_node(0, n * TILE_WIDTH, log->size, &tile) != ERR_OK)
        return NULL;
    const enum err err = audit_log_tile(log, tile, log->other, &bytes, name);
    if (err == ERR_OK)
        return (const struct tlog_hash *)(const void *)log->other;
    if (report)
        fail(log, name, (int64_t)(n * TILE_WIDTH), err == ERR_NOT_FOUND ? "missing" : "tile", err);
    return NULL;
}

/* Compares the finished tile of level with its file. */
static void
compare_tile(struct audit_log *log, int level, uint64_t index, unsigned width)
{
    const struct tile tile = {.level = level, .index = index, .width = width};
    struct span bytes;
    char name[TILE_PATH_MAX];
    const uint64_t per = UINT64_C(1) << (TILE_HEIGHT * level);
    const enum err err = audit_log_tile(log, tile, log->other, &bytes, name);
    if (err != ERR_OK) {
        fail(log, name, (int64_t)(index * TILE_WIDTH * per),
             err == ERR_NOT_FOUND ? "missing" : "tile", err);
        return;
    }
    for (unsigned i = 0; i < width; i++)
        if (memcmp(bytes.ptr + (size_t)i * TLOG_HASH_LEN,
                   log->level[level] + (size_t)i * TLOG_HASH_LEN, TLOG_HASH_LEN) != 0)
            fail(log, name, (int64_t)((index * TILE_WIDTH + i) * per), "tile", ERR_PROOF);
}

/* A tlog_store: builds the tiles of every level and compares each one that is full. */
static enum err
grow_tiles(void *ctx, unsigned height, uint64_t index, const struct tlog_hash *hash)
{
    struct audit_log *log = ctx;
    if (height % TILE_HEIGHT != 0)
        return ERR_OK;
    const unsigned level = height / TILE_HEIGHT;
    memcpy(log->level[level] + (size_t)log->width[level] * TLOG_HASH_LEN, hash->b, TLOG_HASH_LEN);
    log->width[level]++;
    if (log->width[level] == TILE_WIDTH) {
        compare_tile(log, (int)level, index / TILE_WIDTH, TILE_WIDTH);
        log->width[level] = 0;
    }
    return ERR_OK;
}

/* Checks the entries of bundle n and adds their leaf hashes to edge. A missing or short bundle is
 * one failure; its other hashes then come from the tile, so that the walk can go on. */
static enum err
walk_bundle(struct audit_log *log, uint64_t n, struct tlog_edge *edge, bool say, bool pinned,
            tlog_store *store)
{
    struct tile tile;
    struct span bundle = {NULL, 0};
    struct span entry;
    char name[TILE_PATH_MAX];
    size_t at = 0;
    const uint64_t first = n * TILE_WIDTH;
    TRY(tile_for_node(TILE_ENTRIES, first, log->size, &tile));
    enum err err = audit_log_tile(log, tile, log->bundle, &bundle, name);
    const bool whole = strstr(name, ".p/") != NULL || tile.width == TILE_WIDTH;
    const struct tlog_hash *hashes = tile_hashes(log, n, false);
    log->missing_run = err == ERR_NOT_FOUND && hashes == NULL ? log->missing_run + 1 : 0;
    for (unsigned i = 0; i < tile.width; i++) {
        struct tlog_hash leaf = {{0}};
        if (err == ERR_OK)
            err = tile_entry_next(bundle, &at, &entry);
        if (err == ERR_OK) {
            TRY(tlog_leaf_hash(entry, &leaf));
            if (say && hashes != NULL && !tlog_hash_eq(&leaf, &hashes[i]) && !log->entries_true)
                fail(log, name, (int64_t)(first + i), "leaf-hash", ERR_PROOF);
            else if (say)
                check_entry(log, name, first + i, entry, pinned);
        } else if (hashes != NULL) {
            leaf = hashes[i];
        }
        if (say && err != ERR_OK && bundle.len != SIZE_MAX) {
            fail(log, name, (int64_t)(first + i), err == ERR_NOT_FOUND ? "missing" : "bundle", err);
            bundle.len = SIZE_MAX; /* said once */
        }
        /* compare_tile reads into the memory of hashes: the last hash of a tile comes last. */
        TRY(tlog_edge_append(edge, &leaf, store, log));
    }
    if (say && err == ERR_OK && whole && at != bundle.len)
        fail(log, name, (int64_t)(first + tile.width - 1), "bundle", ERR_TRAILING);
    return ERR_OK;
}

/* The root that the level 0 tiles lead to; false when one of them is not there. */
static bool
root_of_tiles(struct audit_log *log, struct tlog_hash *ret)
{
    struct tlog_edge edge;
    tlog_edge_init(&edge);
    for (uint64_t n = 0; n * TILE_WIDTH < log->size; n++) {
        const struct tlog_hash *hashes = tile_hashes(log, n, false);
        if (hashes == NULL)
            return false;
        for (unsigned i = 0; i < TILE_WIDTH && edge.size < log->size; i++)
            if (tlog_edge_append(&edge, &hashes[i], NULL, NULL) != ERR_OK)
                return false;
    }
    return tlog_edge_root(&edge, ret) == ERR_OK;
}

/* Walks all bundles. A log that claims entries without end is left when a quarter of a million in
 * a row are not there. */
static enum err
walk_all(struct audit_log *log, bool say, bool pinned, tlog_store *store, struct tlog_hash *ret)
{
    struct tlog_edge edge;
    tlog_edge_init(&edge);
    log->missing_run = 0;
    for (uint64_t n = 0; n * TILE_WIDTH < log->size; n++) {
        TRY(walk_bundle(log, n, &edge, say, pinned, store));
        if (log->missing_run > MISSING_MAX)
            return ERR_NOT_FOUND;
    }
    return tlog_edge_root(&edge, ret);
}

/* The tiles of every level above 0 from those of level 0, which lead to the signed root. */
static enum err
grow_from_tiles(struct audit_log *log)
{
    struct tlog_edge edge;
    tlog_edge_init(&edge);
    for (uint64_t n = 0; n * TILE_WIDTH < log->size; n++) {
        struct tlog_hash leaf[TILE_WIDTH];
        const struct tlog_hash *hashes = tile_hashes(log, n, false);
        if (hashes == NULL)
            return ERR_IO;
        memcpy(leaf, hashes, sizeof(leaf));
        for (unsigned i = 0; i < TILE_WIDTH && edge.size < log->size; i++)
            TRY(tlog_edge_append(&edge, &leaf[i], grow_tiles, log));
    }
    return ERR_OK;
}

/* Every entry re-hashed, every tile compared with the hashes that lead to the signed root. Which of
 * entries and tiles do so decides which of the two is named when they differ; both, when neither
 * does. */
static enum err
check_tree(struct audit_log *log, bool pinned)
{
    struct tlog_hash root;
    const bool tiles_true = root_of_tiles(log, &root) && tlog_hash_eq(&root, &log->root);
    log->entries_true = false;
    if (!tiles_true) {
        TRY(walk_all(log, false, pinned, NULL, &root));
        log->entries_true = tlog_hash_eq(&root, &log->root);
    }
    TRY(walk_all(log, true, pinned, tiles_true ? NULL : grow_tiles, &root));
    log->report->entries += log->size;
    if (!tiles_true && !log->entries_true)
        fail(log, "checkpoint", AUDIT_NO_INDEX, "root", ERR_PROOF);
    if (tiles_true)
        TRY(grow_from_tiles(log));
    for (int level = 0; level <= TILE_LEVEL_MAX; level++)
        if (log->width[level] > 0)
            compare_tile(log, level, tile_nodes(level, log->size) / TILE_WIDTH, log->width[level]);
    return ERR_OK;
}

/* Adds the vkeys found in the folder; when pinned they are only compared. */
static void
find_keys(struct audit_log *log, struct audit_keys *keys)
{
    DIR *dir = opendir(log->path);
    for (const struct dirent *d = dir == NULL ? NULL : readdir(dir); d != NULL; d = readdir(dir)) {
        size_t len = 0;
        struct note_key key;
        if (strstr(d->d_name, "vkey") == NULL)
            continue;
        enum err err = audit_log_load(log->path, d->d_name, log->other, 4096, &len);
        struct span vkey = span_of(log->other, len);
        while (vkey.len > 0 && vkey.ptr[vkey.len - 1] == '\n')
            vkey.len--;
        if (err == ERR_OK)
            err = note_key_parse(vkey, &key);
        if (err == ERR_OK && !keys->pinned)
            err = audit_keys_add(keys, vkey);
        bool known = !keys->pinned;
        for (size_t i = 0; i < keys->count && !known; i++)
            known = memcmp(&keys->key[i], &key, sizeof(key)) == 0;
        if (err == ERR_OK && !known)
            err = ERR_KEY_UNKNOWN;
        if (err != ERR_OK)
            fail(log, d->d_name, AUDIT_NO_INDEX, "vkey", err);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

void
audit_log_verify(struct audit_log *log, const char *path, struct audit_keys *keys,
                 struct audit_report *report)
{
    struct note note;
    struct note_signers by;
    struct checkpoint c;
    char file[AUDIT_PATH_MAX];
    size_t len = 0;
    struct audit_origins *origins = log->origins;
    memset(log, 0, sizeof(*log));
    log->origins = origins;
    log->path = path;
    log->report = report;
    find_keys(log, keys);
    enum err err =
        audit_log_load(path, "checkpoint", (uint8_t *)log->note, sizeof(log->note), &len);
    if (err == ERR_OK)
        err = checkpoint_open(span_of(log->note, len), keys->key, keys->count, &note, &by, &c);
    if (err != ERR_OK) {
        fail(log, "checkpoint", AUDIT_NO_INDEX, err == ERR_NOT_FOUND ? "missing" : "checkpoint",
             err);
        /* Even without a believable root every file can be compared with the others. */
        if (note_parse(span_of(log->note, len), &note) != ERR_OK ||
            checkpoint_parse(note.text, &c) != ERR_OK)
            return;
        by.count = 0;
    } else {
        report->checkpoints++;
        audit_keys_quorum(keys, c.origin, &by, full_name(log, "checkpoint", file), report);
    }
    log->origin = c.origin;
    log->size = c.size;
    log->root = c.root;
    err = check_tree(log, keys->pinned);
    if (err != ERR_OK)
        fail(log, "tile", AUDIT_NO_INDEX, "tree", err);
    audit_origin_log(log, keys);
    audit_files_check(log, keys);
}
