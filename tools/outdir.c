/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/outdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum err
outdir_path(char path[static OUTDIR_PATH_MAX], const char *root, const char *format, ...)
{
    va_list args;
    const int n = snprintf(path, OUTDIR_PATH_MAX, "%s/", root);
    if (n < 0 || n >= OUTDIR_PATH_MAX)
        return ERR_TOO_LARGE;
    va_start(args, format);
    const int m = vsnprintf(path + n, (size_t)(OUTDIR_PATH_MAX - n), format, args);
    va_end(args);
    return m < 0 || m >= OUTDIR_PATH_MAX - n ? ERR_TOO_LARGE : ERR_OK;
}

enum err
outdir_make(const char *path, unsigned mode)
{
    char part[OUTDIR_PATH_MAX];
    const size_t len = strlen(path);
    if (len >= sizeof(part))
        return ERR_TOO_LARGE;
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, (mode_t)mode) != 0 && errno != EEXIST)
            return ERR_IO;
    }
    return ERR_OK;
}

static enum err
outdir_put(int fd, struct span bytes)
{
    size_t done = 0;
    while (done < bytes.len) {
        const ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
        if (n <= 0)
            return ERR_IO;
        done += (size_t)n;
    }
    return fsync(fd) == 0 ? ERR_OK : ERR_IO;
}

enum err
outdir_write(const char *path, unsigned mode, struct span bytes)
{
    char folder[OUTDIR_PATH_MAX];
    char temporary[OUTDIR_PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash != NULL && slash != path) {
        const int n = snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
        if (n < 0 || (size_t)n >= sizeof(folder))
            return ERR_TOO_LARGE;
        TRY(outdir_make(folder, 0755));
    }
    const int n = snprintf(temporary, sizeof(temporary), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return ERR_TOO_LARGE;
    const int fd =
        open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
    if (fd < 0)
        return ERR_IO;
    enum err err = fchmod(fd, (mode_t)mode) == 0 ? outdir_put(fd, bytes) : ERR_IO;
    if (close(fd) != 0 && err == ERR_OK)
        err = ERR_IO;
    if (err == ERR_OK && rename(temporary, path) != 0)
        err = ERR_IO;
    if (err != ERR_OK)
        (void)unlink(temporary);
    return err;
}

bool
outdir_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}
