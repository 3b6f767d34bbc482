/* SPDX-License-Identifier: Apache-2.0 */
/* The inbox as `tdz inbox` lists it and `tdz pull` empties it. */
#ifndef TDZ_TOOLS_CMD_INBOX_H
#define TDZ_TOOLS_CMD_INBOX_H

#include "tools/partner.h"

typedef void (*cmd_inbox_fn)(void *ctx, const struct json_doc *doc,
                             const struct json_node *transfer);

/* Calls each for every transfer of the inbox, over all its pages. Returns CLI_DONE, or another exit
 * code after printing why. */
int cmd_inbox_walk(const struct cli *cli, struct httpc *http, cmd_inbox_fn each, void *ctx);

#endif
