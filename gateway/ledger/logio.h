/* SPDX-License-Identifier: Apache-2.0 */
/* The calls with which a log makes things durable, behind pointers, so that a test can count and
 * order them, cut the power between them and fill the disk. Everything else (open, read, mkdir) is
 * called directly. */
#ifndef TDZ_GATEWAY_LEDGER_LOGIO_H
#define TDZ_GATEWAY_LEDGER_LOGIO_H

#include <sys/types.h>

#include "schemas/error.h"
#include "schemas/span.h"

/* Each returns 0 or an errno value. write writes all of len bytes at offset. rename and remove take
 * names relative to dir. */
struct logio {
    void *ctx;
    int (*allocate)(void *ctx, int fd, off_t len);
    int (*write)(void *ctx, int fd, const void *bytes, size_t len, off_t offset);
    int (*datasync)(void *ctx, int fd);
    int (*sync)(void *ctx, int fd);
    int (*rename)(void *ctx, int dir, const char *from, const char *to);
};

/* The system's own calls. */
extern const struct logio logio_system;

/* ERR_NO_SPACE for ENOSPC and EDQUOT, ERR_IO for any other error, ERR_OK for 0. */
MUST_USE enum err logio_error(int errnum);

/* Makes path hold exactly bytes, whole or not at all: "<path>.tmp", fsync, rename, fsync of the
 * folder; missing folders are made. path is relative to dir. ERR_IO, ERR_NO_SPACE, ERR_RANGE (path
 * too long). */
MUST_USE enum err logio_replace(const struct logio *io, int dir, const char *path,
                                struct span bytes);

/* Makes the folders above path, and syncs the folder of each one made. */
MUST_USE enum err logio_parents(const struct logio *io, int dir, const char *path);

/* Reads the whole of path. ERR_NOT_FOUND, ERR_TOO_LARGE (more than cap), ERR_IO. */
MUST_USE enum err logio_load(int dir, const char *path, uint8_t *out, size_t cap, size_t *ret_len);

/* Reads exactly len bytes at offset. ERR_SHORT at the end of the file, ERR_IO. */
MUST_USE enum err logio_read(int fd, uint8_t *out, size_t len, off_t offset);

#endif
