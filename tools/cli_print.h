/* SPDX-License-Identifier: Apache-2.0 */
/* The pages printed from a program's table. */
#ifndef TDZ_TOOLS_CLI_PRINT_H
#define TDZ_TOOLS_CLI_PRINT_H

#include "tools/cli.h"

/* The one-screen list of commands; only those that begin with family unless it is NULL. */
void cli_print_overview(FILE *out, const char *family);

/* Synopsis, help, options and exit codes of one command. */
void cli_print_command(FILE *out, const struct cli_entry *command);

#endif
