/* SPDX-License-Identifier: Apache-2.0 */
/* tdz status: one transfer, now or when it has ended. */
#include "tools/commands.h"
#include "tools/partner.h"

int
cmd_status_main(int argc, char **argv)
{
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "status", &cli))
        return CLI_USAGE;
    const char *id = cli_next_operand(&cli, &at);
    if (id == NULL || cli_operand_count(&cli) != 1)
        return cli_usage(&cli, "give one transfer ID");
    if (!partner_check_id(&cli, id))
        return CLI_USAGE;
    int code = CLI_UNREACHABLE;
    struct httpc *http = profile_open(&cli, &code);
    if (http != NULL)
        code = partner_wait(&cli, http, id);
    httpc_free(http);
    return code;
}
