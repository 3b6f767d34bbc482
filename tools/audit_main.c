/* SPDX-License-Identifier: Apache-2.0 */
/* tdz-audit: the auditor's program. No network, no gateway, and nothing is written. */
#include "tools/audit_verify.h"
#include "tools/cli.h"

#define GROUP CLI_TABLE_GROUP
#define COMMAND CLI_TABLE_COMMAND
#define OPTION CLI_TABLE_OPTION
#define OPTIONS CLI_TABLE_OPTIONS
#define EXIT CLI_TABLE_EXIT
static const struct cli_entry audit_entries[] = {
#include "tools/audit_commands.def"
};

const struct cli_program cli_program = {
    .name = "tdz-audit",
    .summary = "verify the transfer logs of trusted data zones off line",
    .entries = audit_entries,
    .entry_count = sizeof(audit_entries) / sizeof(audit_entries[0]),
};

int
main(int argc, char **argv)
{
    return cli_run(argc, argv);
}
