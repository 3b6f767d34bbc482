/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_walk.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static enum err
audit_walk_bundle(struct audit_log *log, uint64_t n, audit_visit visit, void *ctx)
{
    struct tile tile;
    struct span bundle;
    struct span leaf;
    struct entry entry;
    char name[TILE_PATH_MAX];
    size_t at = 0;
    TRY(tile_for_node(TILE_ENTRIES, n * TILE_WIDTH, log->size, &tile));
    TRY(audit_log_tile(log, tile, log->bundle, &bundle, name));
    for (unsigned i = 0; i < tile.width; i++) {
        TRY(tile_entry_next(bundle, &at, &leaf));
        TRY(entry_read(leaf, false, &log->scratch, &entry, NULL));
        TRY(visit(ctx, n * TILE_WIDTH + i, leaf, &entry));
    }
    return ERR_OK;
}

enum err
audit_walk(struct audit_log *log, const char *path, audit_visit visit, void *ctx)
{
    struct note note;
    struct checkpoint c;
    size_t len = 0;
    log->path = path;
    TRY(audit_log_load(path, "checkpoint", (uint8_t *)log->note, sizeof(log->note), &len));
    TRY(note_parse(span_of(log->note, len), &note));
    TRY(checkpoint_parse(note.text, &c));
    log->size = c.size;
    for (uint64_t n = 0; n * TILE_WIDTH < log->size; n++)
        TRY(audit_walk_bundle(log, n, visit, ctx));
    return ERR_OK;
}

bool
audit_walk_is_log(const char *path)
{
    static const char *const names[] = {"checkpoint", "log.vkey", "tile"};
    char name[AUDIT_PATH_MAX];
    struct stat st;
    for (size_t i = 0; i < 3; i++) {
        const int len = snprintf(name, sizeof(name), "%s/%s", path, names[i]);
        if (len > 0 && (size_t)len < sizeof(name) && stat(name, &st) == 0)
            return true;
    }
    return false;
}

bool
audit_walk_must_be_log(const struct cli *cli, const char *path)
{
    struct stat st;
    if (audit_walk_is_log(path))
        return true;
    cli_say(cli, "%s: %s: a log is a folder with checkpoint, log.vkey and tile", path,
            stat(path, &st) == 0 ? "not a log" : strerrordesc_np(errno));
    return false;
}
