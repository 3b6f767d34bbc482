/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_walk.h"

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
