/* SPDX-License-Identifier: Apache-2.0 */
/* Folders and files that a tool writes: whole, with the mode it says, under a root it was given. */
#ifndef TDZ_TOOLS_OUTDIR_H
#define TDZ_TOOLS_OUTDIR_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { OUTDIR_PATH_MAX = 4096 };

/* "root/a/b" from printf parts into path[OUTDIR_PATH_MAX]. ERR_TOO_LARGE. */
MUST_USE enum err outdir_path(char path[static OUTDIR_PATH_MAX], const char *root,
                              const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Makes path and what is above it; what exists is fine. ERR_IO (errno says why). */
MUST_USE enum err outdir_make(const char *path, unsigned mode);

/* Writes a file anew (temporary, synced, renamed), its folder made first. ERR_IO. */
MUST_USE enum err outdir_write(const char *path, unsigned mode, struct span bytes);

/* True if something is at path. */
bool outdir_exists(const char *path);

#endif
