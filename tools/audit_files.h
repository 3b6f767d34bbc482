/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a log folder that the signed tree does not need: older partial tiles and bundles,
 * and what the log's owner cosigned for others. */
#ifndef TDZ_TOOLS_AUDIT_FILES_H
#define TDZ_TOOLS_AUDIT_FILES_H

#include "tools/audit_log.h"

/* Partial files must be prefixes of the tree's tiles; witness notes must be checkpoints of the
 * origin in their name, under keys when pinned. Reports what is not. */
void audit_files_check(struct audit_log *log, const struct audit_keys *keys);

#endif
