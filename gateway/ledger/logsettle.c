/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/logsettle.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/ledger/logstore_priv.h"

static_assert((size_t)LOGSTORE_BUFFER >= (size_t)TILE_WIDTH * (2 + ENTRY_BYTES_MAX),
              "a full bundle fits the buffer of a batch");

/* Partial tiles may go once the full one is there; a log that publishes often would otherwise keep
 * hundreds of copies. What cannot be removed does no harm. */
static void
remove_partials(struct logstore *log, const char *path)
{
    char folder[TILE_PATH_MAX + 2];
    (void)snprintf(folder, sizeof(folder), "%s.p", path);
    const int fd = openat(log->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir))
        if (d->d_name[0] != '.')
            (void)unlinkat(fd, d->d_name, 0);
    (void)closedir(dir);
    (void)unlinkat(log->dir, folder, AT_REMOVEDIR);
}

enum err
logsettle_tile(struct logstore *log, const struct tile *tile, struct span bytes)
{
    char path[TILE_PATH_MAX];
    TRY(tile_path(tile, path));
    TRY(logstore_fail(log, logio_replace(log->io, log->dir, path, bytes)));
    if (tile->width == TILE_WIDTH)
        remove_partials(log, path);
    return ERR_OK;
}

enum err
logsettle_bundle(struct logstore *log, uint64_t first, unsigned width, struct span *ret)
{
    size_t len = 0;
    for (unsigned i = 0; i < width; i++) {
        size_t leaf_len = 0;
        TRY(logstore_get(log, first + i, log->window, LOGSTORE_WINDOW, &leaf_len));
        TRY(tile_entry_put(span_of(log->window, leaf_len), log->buffer, LOGSTORE_BUFFER, &len));
    }
    *ret = span_of(log->buffer, len);
    return ERR_OK;
}

enum err
logsettle_run(struct logstore *log)
{
    struct tile tile;
    struct span bytes;
    TRY(log->broken);
    while (logtiles_waiting(&log->tiles, &tile, &bytes)) {
        TRY(logsettle_tile(log, &tile, bytes));
        if (tile.level == 0) {
            struct tile bundle = tile;
            bundle.level = TILE_ENTRIES;
            TRY(logsettle_bundle(log, tile.index * TILE_WIDTH, TILE_WIDTH, &bytes));
            TRY(logsettle_tile(log, &bundle, bytes));
        }
        logtiles_written(&log->tiles, &tile);
    }
    return ERR_OK;
}
