/* SPDX-License-Identifier: Apache-2.0 */
/* A disk for tests of the log engine: it works on real files, counts and orders the durable calls,
 * and can fail them, fill up, or lose power. Losing power keeps any subset of what was not synced:
 * every 16 bytes of a write and every rename survive or not by themselves. */
#ifndef TDZ_TESTS_UNIT_LEDGER_LOGDISK_H
#define TDZ_TESTS_UNIT_LEDGER_LOGDISK_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/ledger/logio.h"

enum { DISK_UNDO_MAX = 4096, DISK_GRAIN = 16 };

struct disk_undo {
    bool is_rename;
    dev_t dev;
    ino_t ino; /* of the file written, or of the folder of a rename */
    int fd;    /* own descriptor of that file or folder */
    off_t offset;
    size_t len;
    uint8_t *old; /* bytes before; of a rename: the target's content, NULL if there was none */
    char from[256];
    char to[256];
};

struct disk {
    struct logio io;
    unsigned writes;
    unsigned datasyncs;
    unsigned syncs;
    unsigned renames;
    unsigned calls;
    unsigned cut_at;    /* calls from here on fail with EIO; 0: never */
    unsigned fail_sync; /* this datasync or sync fails; 0: none */
    bool full;          /* allocate, and writes to new files, find no space */
    size_t undo_count;
    struct disk_undo undo[DISK_UNDO_MAX];
};

__attribute__((unused)) static uint64_t
disk_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static bool
disk_dead(struct disk *d)
{
    d->calls++;
    return d->cut_at != 0 && d->calls >= d->cut_at;
}

static struct disk_undo *
disk_note(struct disk *d, int fd)
{
    struct stat st;
    if (d->undo_count == DISK_UNDO_MAX || fstat(fd, &st) != 0)
        abort();
    struct disk_undo *u = &d->undo[d->undo_count++];
    memset(u, 0, sizeof(*u));
    u->dev = st.st_dev;
    u->ino = st.st_ino;
    u->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return u;
}

static void
disk_drop(struct disk_undo *u)
{
    (void)close(u->fd);
    free(u->old);
    u->old = NULL;
    u->fd = -1;
}

/* What was done to that file or folder is durable. */
static void
disk_settle(struct disk *d, int fd)
{
    struct stat st;
    size_t kept = 0;
    if (fstat(fd, &st) != 0)
        abort();
    for (size_t i = 0; i < d->undo_count; i++) {
        struct disk_undo *u = &d->undo[i];
        if (u->dev == st.st_dev && u->ino == st.st_ino)
            disk_drop(u);
        else
            d->undo[kept++] = *u;
    }
    d->undo_count = kept;
}

static int
disk_allocate(void *ctx, int fd, off_t len)
{
    struct disk *d = ctx;
    if (disk_dead(d))
        return EIO;
    return d->full ? ENOSPC : logio_system.allocate(NULL, fd, len);
}

static int
disk_write(void *ctx, int fd, const void *bytes, size_t len, off_t offset)
{
    struct disk *d = ctx;
    struct stat st;
    d->writes++;
    if (d->full && fstat(fd, &st) == 0 && st.st_size < offset + (off_t)len)
        return ENOSPC;
    struct disk_undo *u = disk_note(d, fd);
    u->offset = offset;
    u->len = len;
    u->old = calloc(1, len + 1);
    const ssize_t n = pread(fd, u->old, len, offset);
    (void)n;
    const bool dead = disk_dead(d);
    const int err = logio_system.write(NULL, fd, bytes, len, offset);
    return dead ? EIO : err;
}

static int
disk_sync_any(struct disk *d, int fd)
{
    if (disk_dead(d) || d->datasyncs + d->syncs == d->fail_sync)
        return EIO;
    disk_settle(d, fd);
    return 0;
}

static int
disk_datasync(void *ctx, int fd)
{
    struct disk *d = ctx;
    d->datasyncs++;
    return disk_sync_any(d, fd);
}

static int
disk_sync(void *ctx, int fd)
{
    struct disk *d = ctx;
    d->syncs++;
    return disk_sync_any(d, fd);
}

static int
disk_rename(void *ctx, int dir, const char *from, const char *to)
{
    struct disk *d = ctx;
    char parent[256];
    d->renames++;
    if (disk_dead(d))
        return EIO;
    (void)snprintf(parent, sizeof(parent), "%s", to);
    char *slash = strrchr(parent, '/');
    (void)snprintf(slash == NULL ? parent : slash, 2, "%s", slash == NULL ? "." : "");
    const int folder = openat(dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct disk_undo *u = disk_note(d, folder);
    (void)close(folder);
    u->is_rename = true;
    (void)snprintf(u->from, sizeof(u->from), "%s", from);
    (void)snprintf(u->to, sizeof(u->to), "%s", to);
    u->old = malloc(1 << 20);
    if (logio_load(dir, to, u->old, 1 << 20, &u->len) != ERR_OK) {
        free(u->old);
        u->old = NULL;
    }
    return logio_system.rename(NULL, dir, from, to);
}

__attribute__((unused)) static void
disk_init(struct disk *d)
{
    memset(d, 0, sizeof(*d));
    d->io = (struct logio){d, disk_allocate, disk_write, disk_datasync, disk_sync, disk_rename};
}

/* Forgets what was not synced, as it stands. */
__attribute__((unused)) static void
disk_finish(struct disk *d)
{
    while (d->undo_count > 0)
        disk_drop(&d->undo[--d->undo_count]);
}

static void
disk_unwrite(struct disk_undo *u, uint64_t *seed)
{
    for (size_t at = 0; at < u->len; at += DISK_GRAIN) {
        const size_t n = u->len - at < DISK_GRAIN ? u->len - at : DISK_GRAIN;
        if (disk_random(seed) % 2 == 0 &&
            pwrite(u->fd, u->old + at, n, u->offset + (off_t)at) != (ssize_t)n)
            continue; /* a file opened for reading only: nothing to take back */
    }
}

/* The power goes: part of what was not synced is taken back. path is the log's folder. The log must
 * be closed after it. */
__attribute__((unused)) static void
disk_power_cut(struct disk *d, const char *path, uint64_t *seed)
{
    const int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (d->undo_count > 0) {
        struct disk_undo *u = &d->undo[--d->undo_count];
        if (!u->is_rename) {
            disk_unwrite(u, seed);
        } else if (disk_random(seed) % 2 == 0) {
            (void)unlinkat(dir, u->to, 0);
            const int fd =
                u->old == NULL ? -1 : openat(dir, u->to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
            if (fd >= 0 && write(fd, u->old, u->len) != (ssize_t)u->len)
                abort();
            if (fd >= 0)
                (void)close(fd);
        }
        disk_drop(u);
    }
    (void)close(dir);
}

#endif
