/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum err
outfile_open(const char *path, struct outfile *ret)
{
    struct outfile f = {.fd = -1};
    if (strcmp(path, "-") == 0) {
        f.fd = STDOUT_FILENO;
        *ret = f;
        return ERR_OK;
    }
    struct stat st;
    if (lstat(path, &st) == 0)
        return ERR_EXISTS;
    const int len = snprintf(f.path, sizeof(f.path), "%s", path);
    const int part_len = snprintf(f.part, sizeof(f.part), "%s.part.XXXXXX", path);
    if (len >= OUTFILE_PATH_MAX || part_len >= OUTFILE_PATH_MAX)
        return ERR_TOO_LARGE;
    f.fd = mkostemp(f.part, O_CLOEXEC);
    if (f.fd < 0)
        return ERR_SYS;
    *ret = f;
    return ERR_OK;
}

enum err
outfile_write(struct outfile *f, struct span bytes)
{
    while (bytes.len > 0) {
        const ssize_t put = write(f->fd, bytes.ptr, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_IO;
        bytes = span_from(bytes, (size_t)put);
    }
    return ERR_OK;
}

enum err
outfile_commit(struct outfile *f)
{
    if (f->part[0] == '\0') {
        f->fd = -1;
        return ERR_OK;
    }
    enum err err = fsync(f->fd) == 0 ? ERR_OK : ERR_IO;
    if (err == ERR_OK && renameat2(AT_FDCWD, f->part, AT_FDCWD, f->path, RENAME_NOREPLACE) != 0)
        err = errno == EEXIST ? ERR_EXISTS : ERR_IO;
    if (err == ERR_OK)
        f->part[0] = '\0';
    outfile_drop(f);
    return err;
}

void
outfile_drop(struct outfile *f)
{
    if (f->part[0] != '\0')
        (void)unlink(f->part);
    if (f->fd > STDERR_FILENO)
        (void)close(f->fd);
    *f = (struct outfile){.fd = -1};
}
