/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/spool.h"

#include "schemas/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { SPOOL_HEX_BYTES = 32, SPOOL_NAME_MAX = 64 };

static const char *const spool_suffix[SPOOL_FILES] = {"body", "groups"};

static void
spool_name(const char *stem, int which, char out[static SPOOL_NAME_MAX])
{
    (void)snprintf(out, SPOOL_NAME_MAX, "%.*s.%s", SPOOL_STEM_BYTES - 1, stem, spool_suffix[which]);
}

static enum err
spool_err(void)
{
    switch (errno) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    default:
        return ERR_IO;
    }
}

/* The folder's entries are on disk when this returns. */
static enum err
spool_sync(int dir)
{
    const int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    const enum err err = fsync(fd) == 0 ? ERR_OK : ERR_IO;
    (void)close(fd);
    return err;
}

static void
spool_close(int fds[static 2])
{
    for (int i = 0; i < SPOOL_FILES; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
        fds[i] = -1;
    }
}

static enum err
spool_open_as(int dir, const char *stem, int flags, int ret_fds[static 2])
{
    int fds[SPOOL_FILES] = {-1, -1};
    for (int i = 0; i < SPOOL_FILES; i++) {
        char name[SPOOL_NAME_MAX];
        spool_name(stem, i, name);
        fds[i] = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fds[i] < 0) {
            const enum err err = spool_err();
            spool_close(fds);
            return err;
        }
    }
    memcpy(ret_fds, fds, sizeof(fds));
    return ERR_OK;
}

enum err
spool_create(int dir, const uint8_t name[static 16], char ret_stem[static SPOOL_STEM_BYTES],
             int ret_fds[static 2])
{
    char stem[SPOOL_STEM_BYTES];
    int fds[SPOOL_FILES] = {-1, -1};
    TRY(text_hex(span_of(name, 16), stem, sizeof(stem)));
    enum err err = spool_open_as(dir, stem, O_RDWR | O_CREAT | O_EXCL, fds);
    if (err == ERR_OK)
        err = spool_sync(dir);
    if (err != ERR_OK) {
        spool_close(fds);
        return err;
    }
    memcpy(ret_stem, stem, sizeof(stem));
    memcpy(ret_fds, fds, sizeof(fds));
    return ERR_OK;
}

enum err
spool_open(int dir, const char *stem, bool writable, int ret_fds[static 2])
{
    return spool_open_as(dir, stem, writable ? O_RDWR : O_RDONLY, ret_fds);
}

enum err
spool_remove(int dir, const char *stem)
{
    for (int i = 0; i < SPOOL_FILES; i++) {
        char name[SPOOL_NAME_MAX];
        spool_name(stem, i, name);
        if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
            return ERR_IO;
    }
    return spool_sync(dir);
}

/* The stem of a file of ours: 32 hex digits and a known suffix. */
static bool
spool_is_ours(const char *name, char stem[static SPOOL_STEM_BYTES])
{
    uint8_t raw[16];
    const struct span text = span_str(name);
    if (text.len < SPOOL_HEX_BYTES + 1 || name[SPOOL_HEX_BYTES] != '.')
        return false;
    if (text_unhex(span_of(text.ptr, SPOOL_HEX_BYTES), false, raw, sizeof(raw)) != ERR_OK)
        return false;
    const struct span suffix = span_from(text, SPOOL_HEX_BYTES + 1);
    if (!span_eq_str(suffix, spool_suffix[0]) && !span_eq_str(suffix, spool_suffix[1]))
        return false;
    memcpy(stem, name, SPOOL_HEX_BYTES);
    stem[SPOOL_HEX_BYTES] = 0;
    return true;
}

enum err
spool_sweep(int dir, bool (*keep)(void *ctx, const char *stem), void *ctx, size_t *ret_removed)
{
    const int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    DIR *list = fdopendir(fd);
    if (list == NULL) {
        (void)close(fd);
        return ERR_IO;
    }
    size_t removed = 0;
    enum err err = ERR_OK;
    for (const struct dirent *e = readdir(list); e != NULL && err == ERR_OK; e = readdir(list)) {
        char stem[SPOOL_STEM_BYTES];
        if (!spool_is_ours(e->d_name, stem) || keep(ctx, stem))
            continue;
        if (unlinkat(dir, e->d_name, 0) != 0)
            err = ERR_IO;
        removed++;
    }
    (void)closedir(list);
    if (err == ERR_OK && removed > 0)
        err = spool_sync(dir);
    if (err == ERR_OK)
        *ret_removed = removed;
    return err;
}
