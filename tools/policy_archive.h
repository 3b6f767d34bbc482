/* SPDX-License-Identifier: Apache-2.0 */
/* The archive of what a zone decided by: archive/ of its policies folder, where tdz-audit replay
 * finds every document under its hash. Spec: docs/adr/0008. */
#ifndef TDZ_TOOLS_POLICY_ARCHIVE_H
#define TDZ_TOOLS_POLICY_ARCHIVE_H

#include "tools/zonebook.h"

/* Keeps the vocabulary of z and, of its register r, every policy with its activation and every
 * list: <sha256>.json and <sha256 of the policy>.json.activation. What is there stays as it is.
 * Errors: those of outdir_path, outdir_write and digest_sha256. */
MUST_USE enum err policy_archive_fill(const struct zonebook *z, const struct register_set *r);

#endif
