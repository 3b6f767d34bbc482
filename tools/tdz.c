/* SPDX-License-Identifier: Apache-2.0 */
/* tdz: the program of partners and operators. Its commands are rows of tools/commands.def. */
#include "tools/cli.h"
#include "tools/commands.h"

#define GROUP CLI_TABLE_GROUP
#define COMMAND CLI_TABLE_COMMAND
#define OPTION CLI_TABLE_OPTION
#define OPTIONS CLI_TABLE_OPTIONS
#define EXIT CLI_TABLE_EXIT
static const struct cli_entry tdz_entries[] = {
#include "tools/commands.def"
};

const struct cli_program cli_program = {
    .name = "tdz",
    .summary = "push, pull and decide on datasets of a trusted data zone",
    .entries = tdz_entries,
    .entry_count = sizeof(tdz_entries) / sizeof(tdz_entries[0]),
};

int
main(int argc, char **argv)
{
    return cli_run(argc, argv);
}
