/* SPDX-License-Identifier: Apache-2.0 */
/* The spool folder: two files a container, NAME.body and NAME.groups, with random names. Clerk
 * creates, opens and unlinks them and passes descriptors; it never reads one. */
#ifndef TDZ_GATEWAY_CLERK_SPOOL_H
#define TDZ_GATEWAY_CLERK_SPOOL_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { SPOOL_STEM_BYTES = 40, SPOOL_FILES = 2 };

/* Makes two new empty files and syncs the folder. name[16]: random bytes that become the stem.
 * dir: the folder, open (O_PATH is enough). ret_fds: read-write, the caller's. ERR_EXISTS,
 * ERR_NO_SPACE, ERR_IO. */
MUST_USE enum err spool_create(int dir, const uint8_t name[static 16],
                               char ret_stem[static SPOOL_STEM_BYTES], int ret_fds[static 2]);
/* ERR_NOT_FOUND, ERR_IO. */
MUST_USE enum err spool_open(int dir, const char *stem, bool writable, int ret_fds[static 2]);
/* Files that are gone already are fine; syncs the folder. ERR_IO. */
MUST_USE enum err spool_remove(int dir, const char *stem);
/* Removes every file of the spool that keep(ctx, stem) does not want, counts them. ERR_IO. */
MUST_USE enum err spool_sweep(int dir, bool (*keep)(void *ctx, const char *stem), void *ctx,
                              size_t *ret_removed);

#endif
