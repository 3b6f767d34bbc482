/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind the commands of tdz, declared from the table. */
#ifndef TDZ_TOOLS_COMMANDS_H
#define TDZ_TOOLS_COMMANDS_H

#define GROUP(title)
#define COMMAND(words, synopsis, help, function) int function(int argc, char **argv);
#define OPTION(name, help)
#define OPTIONS(name, help)
#define EXIT(code, help)
#include "tools/commands.def"
#undef GROUP
#undef COMMAND
#undef OPTION
#undef OPTIONS
#undef EXIT

#endif
