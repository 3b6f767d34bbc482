/* SPDX-License-Identifier: Apache-2.0 */
/* The one layout of policy files: members in a fixed order, a value on one line where it fits, one
 * space a level, brackets closed where they end. Values never change. */
#ifndef TDZ_TOOLS_POLICY_FMT_H
#define TDZ_TOOLS_POLICY_FMT_H

#include "schemas/json.h"

/* Lays doc out in memory that the caller frees with free(). The result ends in a newline, reads
 * back as the same value, and is its own layout. ERR_VERSION: a file of no format that has a
 * layout; ERR_NOMEM. */
MUST_USE enum err policy_fmt_write(const struct json_doc *doc, char **ret_text, size_t *ret_len);

#endif
