/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_files.h"

#include <dirent.h>
#include <fts.h>
#include <stdio.h>

#include "crypto/digest.h"
#include "schemas/text.h"
#include "tools/audit_origin.h"

static void
fail(struct audit_log *log, const char *name, int64_t index, const char *code, enum err err)
{
    char file[AUDIT_PATH_MAX];
    (void)snprintf(file, sizeof(file), "%s/%s", log->path, name);
    audit_report_err(log->report, file, index, code, err);
}

/* The index of the entry in which two bundles first differ. */
static uint64_t
differing_entry(struct span a, struct span b, uint64_t first)
{
    size_t at = 0;
    struct span x;
    struct span y;
    for (size_t from = 0;; from = at) {
        size_t other = from;
        if (tile_entry_next(a, &at, &x) != ERR_OK || tile_entry_next(b, &other, &y) != ERR_OK ||
            other != at || !span_eq(x, y))
            return first;
        first++;
    }
}

/* A partial file narrower than what the tree has now. name is the tile's path. */
static void
check_partial(struct audit_log *log, const char *name, const struct tile *tile)
{
    struct tile now;
    struct span old;
    struct span bytes;
    char now_name[TILE_PATH_MAX];
    size_t len = 0;
    const uint64_t first = tile->index * TILE_WIDTH;
    if (tile_for_node(tile->level, first, log->size, &now) != ERR_OK || now.width < tile->width)
        return; /* beyond the checkpoint: nothing signed speaks about it */
    if (now.width == tile->width)
        return; /* compared with the tree already */
    enum err err = audit_log_load(log->path, name, log->bundle, AUDIT_BUNDLE_MAX, &len);
    old = span_of(log->bundle, len);
    if (err == ERR_OK)
        err = audit_log_tile(log, now, log->other, &bytes, now_name);
    const uint64_t per = tile->level <= 0 ? 1 : UINT64_C(1) << (TILE_HEIGHT * tile->level);
    if (err != ERR_OK) {
        fail(log, name, (int64_t)(first * per), "partial", err);
        return;
    }
    if (tile->level == TILE_ENTRIES) {
        const bool same = span_starts(bytes, old) && tile_bundle_check(old, tile->width) == ERR_OK;
        if (!same)
            fail(log, name, (int64_t)differing_entry(old, bytes, first), "partial", ERR_PROOF);
        return;
    }
    if (len != (size_t)tile->width * TLOG_HASH_LEN) {
        fail(log, name, (int64_t)(first * per), "partial", ERR_RANGE);
        return;
    }
    for (size_t i = 0; i < tile->width; i++)
        if (memcmp(old.ptr + i * TLOG_HASH_LEN, bytes.ptr + i * TLOG_HASH_LEN, TLOG_HASH_LEN) != 0)
            fail(log, name, (int64_t)((first + i) * per), "partial", ERR_PROOF);
}

static void
check_tiles(struct audit_log *log)
{
    char top[AUDIT_PATH_MAX];
    char *roots[2] = {top, NULL};
    const size_t prefix = strlen(log->path) + 1;
    (void)snprintf(top, sizeof(top), "%s/tile", log->path);
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (const FTSENT *f = walk == NULL ? NULL : fts_read(walk); f != NULL; f = fts_read(walk)) {
        struct tile tile;
        const char *name = f->fts_path + prefix;
        const size_t len = strlen(name);
        if (f->fts_info != FTS_F)
            continue;
        if (len > 4 && strcmp(name + len - 4, ".tmp") == 0)
            continue; /* left by a crash, part of nothing */
        if (tile_parse_path(span_of(name, len), &tile) != ERR_OK)
            fail(log, name, AUDIT_NO_INDEX, "unexpected", ERR_SYNTAX);
        else if (tile.width < TILE_WIDTH)
            check_partial(log, name, &tile);
    }
    if (walk != NULL)
        (void)fts_close(walk);
}

/* One note that was cosigned for another log; name is witness/<hex>/checkpoint. */
static void
check_witness(struct audit_log *log, const char *hex, const char *name,
              const struct audit_keys *keys)
{
    struct note note;
    struct note_signers by;
    struct checkpoint c;
    uint8_t hash[32];
    char want[65];
    size_t len = 0;
    enum err err = audit_log_load(log->path, name, log->bundle, AUDIT_BUNDLE_MAX, &len);
    if (err == ERR_OK)
        err = note_parse(span_of(log->bundle, len), &note);
    if (err == ERR_OK)
        err = checkpoint_parse(note.text, &c);
    if (err == ERR_OK)
        err = digest_sha256(c.origin, hash);
    if (err == ERR_OK)
        err = text_hex(span_of(hash, sizeof(hash)), want, sizeof(want));
    if (err == ERR_OK && strcmp(want, hex) != 0)
        err = ERR_CONFLICT;
    if (err == ERR_OK && keys->pinned) {
        err = checkpoint_open(span_of(log->bundle, len), keys->key, keys->count, &note, &by, &c);
        if (err == ERR_OK) {
            log->report->checkpoints++;
            for (size_t i = 0; i < by.count; i++)
                log->report->cosignatures +=
                    keys->key[by.by[i].key].type == NOTE_COSIGNATURE ? 1 : 0;
        }
    }
    if (err != ERR_OK)
        fail(log, name, AUDIT_NO_INDEX, "witness", err);
    else
        audit_origin_witness(log, name, &c);
}

void
audit_files_check(struct audit_log *log, const struct audit_keys *keys)
{
    char folder[AUDIT_PATH_MAX];
    check_tiles(log);
    (void)snprintf(folder, sizeof(folder), "%s/witness", log->path);
    DIR *dir = opendir(folder);
    for (const struct dirent *d = dir == NULL ? NULL : readdir(dir); d != NULL; d = readdir(dir)) {
        char name[512];
        if (d->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof(name), "witness/%s/checkpoint", d->d_name);
        check_witness(log, d->d_name, name, keys);
    }
    if (dir != NULL)
        (void)closedir(dir);
}
