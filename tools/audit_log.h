/* SPDX-License-Identifier: Apache-2.0 */
/* A log folder, read and checked without believing anything in it. Nothing is written. */
#ifndef TDZ_TOOLS_AUDIT_LOG_H
#define TDZ_TOOLS_AUDIT_LOG_H

#include "crypto/checkpoint.h"
#include "crypto/tile.h"
#include "schemas/entry.h"
#include "tools/audit_keys.h"
#include "tools/audit_report.h"

enum { AUDIT_PATH_MAX = 4096, AUDIT_BUNDLE_MAX = TILE_WIDTH * (2 + TILE_ENTRY_MAX) };

struct audit_origins; /* audit_origin.h */

/* Memory for one log at a time, about 17 MiB, whatever the log's size. */
struct audit_log {
    struct audit_origins *origins; /* of the run; kept from log to log */
    const char *path;
    struct audit_report *report;
    struct span origin;
    uint64_t size;
    struct tlog_hash root;
    bool entries_true; /* the entries, not the level 0 tiles, lead to the root */
    unsigned missing_run;
    char note[NOTE_SIGS_MAX * 4096];
    uint8_t bundle[AUDIT_BUNDLE_MAX];
    uint8_t other[AUDIT_BUNDLE_MAX];
    struct entry_scratch scratch;
    /* The growing tiles of a walk, one a level. */
    unsigned width[TILE_LEVEL_MAX + 1];
    uint8_t level[TILE_LEVEL_MAX + 1][TILE_BYTES];
};

/* Verifies the log at path under keys. keys without pin gains what is found in the folder. log is
 * the caller's memory, its content is overwritten. */
void audit_log_verify(struct audit_log *log, const char *path, struct audit_keys *keys,
                      struct audit_report *report);

/* Reads path/name into buf; *ret_len. ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_IO. */
MUST_USE enum err audit_log_load(const char *path, const char *name, uint8_t *buf, size_t cap,
                                 size_t *ret_len);

/* Loads tile (or bundle) in its width, or from the full file when the partial one is gone; *ret is
 * what belongs to the width for hash tiles, the whole file for bundles. name gets the file's. */
MUST_USE enum err audit_log_tile(const struct audit_log *log, struct tile tile, uint8_t *buf,
                                 struct span *ret, char name[static TILE_PATH_MAX]);

#endif
