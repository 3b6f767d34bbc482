/* SPDX-License-Identifier: Apache-2.0 */
/* tdz status: one transfer, now or when it has ended. */
#include "tools/commands.h"
#include "tools/partner.h"

int
cmd_status_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "status", &cli))
        return CLI_USAGE;
    const char *id = partner_id(&cli);
    if (id == NULL)
        return CLI_USAGE;
    int code = CLI_UNREACHABLE;
    struct httpc *http = profile_open(&cli, &code);
    if (http != NULL)
        code = partner_wait(&cli, http, id);
    httpc_free(http);
    return code;
}
