/* SPDX-License-Identifier: Apache-2.0 */
/* A result file that appears whole or not at all, and never in place of another. */
#ifndef TDZ_TOOLS_OUTFILE_H
#define TDZ_TOOLS_OUTFILE_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { OUTFILE_PATH_MAX = 4096 };

struct outfile {
    int fd;
    char path[OUTFILE_PATH_MAX];
    char part[OUTFILE_PATH_MAX]; /* the name until it is complete; empty for standard output */
};

/* Starts path ("-": standard output), readable by the owner only. Errors: ERR_EXISTS, ERR_SYS with
 * errno, ERR_TOO_LARGE (the path). */
MUST_USE enum err outfile_open(const char *path, struct outfile *ret);

/* Appends. ERR_IO, ERR_NO_SPACE with errno. */
MUST_USE enum err outfile_write(struct outfile *f, struct span bytes);

/* Makes the file durable and gives it its name. ERR_EXISTS when the name was taken meanwhile,
 * ERR_IO. In every case f is closed and, on error, the partial file gone. */
MUST_USE enum err outfile_commit(struct outfile *f);

/* Closes and removes the partial file; does nothing after outfile_commit. */
void outfile_drop(struct outfile *f);

#endif
