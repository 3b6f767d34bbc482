/* SPDX-License-Identifier: Apache-2.0 */
/* tdz log vkey: what a trust file says of the log that a configuration names. */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "tools/commands.h"
#include "tools/logconfig.h"

int
log_vkey_main(int argc, char **argv)
{
    struct cli cli;
    char vkey[NOTE_VKEY_MAX];
    if (!cli_parse(argc, argv, "log vkey", &cli))
        return CLI_USAGE;
    const char *config = cli_value(&cli, "--config");
    if (config == NULL || cli_operand_count(&cli) != 0)
        return cli_usage(&cli, "--config CONFIG is needed");
    struct logconfig *c = calloc(1, sizeof(*c));
    if (c == NULL || crypto_init() != ERR_OK) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        free(c);
        return CLI_UNREACHABLE;
    }
    int code = logconfig_open(c, &cli, config);
    if (code == CLI_DONE)
        code = logconfig_vkey(c, &cli, vkey);
    if (code == CLI_DONE)
        (void)printf("%s\n", vkey);
    logconfig_finish(c);
    free(c);
    return code;
}
