/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of a log folder in their order. It takes the log as it is: verify it first. */
#ifndef TDZ_TOOLS_AUDIT_WALK_H
#define TDZ_TOOLS_AUDIT_WALK_H

#include "tools/audit_log.h"
#include "tools/cli.h"

/* Called for every entry; an error ends the walk and is its result. */
typedef enum err (*audit_visit)(void *ctx, uint64_t index, struct span leaf,
                                const struct entry *entry);

/* Up to the size its checkpoint says. ERR_NOT_FOUND, ERR_IO: a file; the errors of the readers and
 * of visit. log is the caller's memory. */
MUST_USE enum err audit_walk(struct audit_log *log, const char *path, audit_visit visit, void *ctx);

/* True if the folder has what only logs have. */
bool audit_walk_is_log(const char *path);

/* The same; prints otherwise: the caller returns CLI_UNREACHABLE. */
bool audit_walk_must_be_log(const struct cli *cli, const char *path);

#endif
