/* SPDX-License-Identifier: Apache-2.0 */
/* A profile: whom a command speaks as, and to which gateway. A folder with url (of operators and
 * auditors also desk_url), cert.pem, key.pem and ca.pem, or the options that stand for them. */
#ifndef TDZ_TOOLS_PROFILE_H
#define TDZ_TOOLS_PROFILE_H

#include "tools/cli.h"
#include "tools/httpc.h"

/* A client for --profile DIR, or --url, --cert, --key and --ca. NULL after printing why, with
 * *ret_exit set: CLI_USAGE (an option or a file of the profile is missing, no https:// URL) or
 * CLI_UNREACHABLE (a file cannot be read). */
struct httpc *profile_open(const struct cli *cli, int *ret_exit);

/* The same with the URL in another file of the profile than "url": "desk_url". */
struct httpc *profile_open_at(const struct cli *cli, const char *file, int *ret_exit);

#endif
