/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/logio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOGIO_PATH_MAX = 256 };

static int
system_allocate(void *ctx, int fd, off_t len)
{
    (void)ctx;
    return posix_fallocate(fd, 0, len);
}

static int
system_write(void *ctx, int fd, const void *bytes, size_t len, off_t offset)
{
    const uint8_t *at = bytes;
    (void)ctx;
    while (len > 0) {
        const ssize_t n = pwrite(fd, at, len, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        at += n;
        offset += n;
        len -= (size_t)n;
    }
    return 0;
}

static int
system_datasync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd) == 0 ? 0 : errno;
}

static int
system_sync(void *ctx, int fd)
{
    (void)ctx;
    return fsync(fd) == 0 ? 0 : errno;
}

static int
system_rename(void *ctx, int dir, const char *from, const char *to)
{
    (void)ctx;
    return renameat(dir, from, dir, to) == 0 ? 0 : errno;
}

const struct logio logio_system = {
    .allocate = system_allocate,
    .write = system_write,
    .datasync = system_datasync,
    .sync = system_sync,
    .rename = system_rename,
};

enum err
logio_error(int errnum)
{
    if (errnum == 0)
        return ERR_OK;
    return errnum == ENOSPC || errnum == EDQUOT ? ERR_NO_SPACE : ERR_IO;
}

/* Opens the folder that holds path and syncs it. */
static enum err
sync_parent(const struct logio *io, int dir, const char *path)
{
    char parent[LOGIO_PATH_MAX];
    const char *slash = strrchr(path, '/');
    const int len = slash == NULL ? 1 : (int)(slash - path);
    (void)snprintf(parent, sizeof(parent), "%.*s", len, slash == NULL ? "." : path);
    const int fd = openat(dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    const enum err err = logio_error(io->sync(io->ctx, fd));
    (void)close(fd);
    return err;
}

enum err
logio_parents(const struct logio *io, int dir, const char *path)
{
    char part[LOGIO_PATH_MAX];
    if (strlen(path) >= sizeof(part))
        return ERR_RANGE;
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        if (mkdirat(dir, part, 0755) == 0)
            TRY(sync_parent(io, dir, part));
        else if (errno != EEXIST)
            return logio_error(errno);
    }
    return ERR_OK;
}

enum err
logio_replace(const struct logio *io, int dir, const char *path, struct span bytes)
{
    char temp[LOGIO_PATH_MAX];
    const int n = snprintf(temp, sizeof(temp), "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof(temp))
        return ERR_RANGE;
    TRY(logio_parents(io, dir, path));
    const int fd = openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return logio_error(errno);
    enum err err = logio_error(io->write(io->ctx, fd, bytes.ptr, bytes.len, 0));
    if (err == ERR_OK)
        err = logio_error(io->sync(io->ctx, fd));
    (void)close(fd);
    TRY(err);
    TRY(logio_error(io->rename(io->ctx, dir, temp, path)));
    return sync_parent(io, dir, path);
}

enum err
logio_read(int fd, uint8_t *out, size_t len, off_t offset)
{
    while (len > 0) {
        const ssize_t n = pread(fd, out, len, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? ERR_IO : ERR_SHORT;
        out += n;
        offset += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

enum err
logio_load(int dir, const char *path, uint8_t *out, size_t cap, size_t *ret_len)
{
    struct stat st;
    const int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    enum err err = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? ERR_OK : ERR_IO;
    if (err == ERR_OK && (st.st_size < 0 || (size_t)st.st_size > cap))
        err = ERR_TOO_LARGE;
    if (err == ERR_OK)
        err = logio_read(fd, out, (size_t)st.st_size, 0);
    (void)close(fd);
    TRY(err);
    *ret_len = (size_t)st.st_size;
    return ERR_OK;
}
