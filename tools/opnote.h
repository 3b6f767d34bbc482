/* SPDX-License-Identifier: Apache-2.0 */
/* Notes that operators sign: the format's name, a line of canonical JSON, and a signature under the
 * operator's name as the trust file has it. */
#ifndef TDZ_TOOLS_OPNOTE_H
#define TDZ_TOOLS_OPNOTE_H

#include "tools/cli.h"
#include "tools/partner.h"

enum { OPNOTE_BYTES_MAX = 4096 };

/* A client for the desk listener of the profile's gateway (its file desk_url, or --url). NULL after
 * printing why, with *ret_exit set. */
struct httpc *opnote_desk(const struct cli *cli, int *ret_exit);

/* Signs format ("tdz.approval/1") and json with --sign-key (default: sign.key of the profile) under
 * the name --as (default: the profile folder's). *ret is in buf. Returns an exit code; prints what
 * is wrong. */
int opnote_sign(const struct cli *cli, const char *format, struct span json,
                char buf[static OPNOTE_BYTES_MAX], struct span *ret);

/* The time --valid hours from now (1 to 720; default 24), as "2026-11-22T02:19:00Z". False after
 * printing what is wrong. */
bool opnote_expires(const struct cli *cli, char ret[static 21]);

/* POSTs a note. False after printing why (transport only). partner_done ends the answer. */
bool opnote_post(const struct cli *cli, struct httpc *http, const char *path, struct span note,
                 struct partner_answer *ret);

#endif
