/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of the tools. A program is one table (tools/commands.def): commands with their
 * options; --help, the checks of options, bash completion and the man page all come from it. A
 * command is a function int x_main(int argc, char **argv) whose argv[0] is the command's last word
 * ("decide" of "tdz policy decide"); it returns an exit code of enum cli_exit. */
#ifndef TDZ_TOOLS_CLI_H
#define TDZ_TOOLS_CLI_H

#include "schemas/error.h"
#include "schemas/span.h"

#include <stdbool.h>
#include <stdio.h>

/* Spec: cli.md. */
enum cli_exit { CLI_DONE = 0, CLI_REFUSED = 1, CLI_USAGE = 2, CLI_UNREACHABLE = 3 };

enum cli_kind { CLI_GROUP, CLI_COMMAND, CLI_OPTION, CLI_EXIT };

struct cli_entry {
    enum cli_kind kind;
    const char *name;     /* title, words of the command, "--key FILE" or "-o FILE", exit code */
    const char *synopsis; /* of a command: what follows its words */
    const char *help;     /* one line */
    int (*run)(int argc, char **argv);
    bool repeats; /* an option that may be given more than once */
};

/* Rows of a table, in the order of the help page: a group's commands, a command's options. */
#define CLI_TABLE_GROUP(title) {CLI_GROUP, title, NULL, NULL, NULL, false},
#define CLI_TABLE_COMMAND(words, synopsis, help, run) \
    {CLI_COMMAND, words, synopsis, help, run, false},
#define CLI_TABLE_OPTION(name, help) {CLI_OPTION, name, NULL, help, NULL, false},
#define CLI_TABLE_OPTIONS(name, help) {CLI_OPTION, name, NULL, help, NULL, true},
#define CLI_TABLE_EXIT(code, help) {CLI_EXIT, code, NULL, help, NULL, false},

struct cli_program {
    const char *name;
    const char *summary; /* one line, for --help and the man page */
    const struct cli_entry *entries;
    size_t entry_count;
};

/* The table of this program, defined beside its main(). */
extern const struct cli_program cli_program;

/* main() of a program: finds the command, answers --help and --version, runs it. */
int cli_run(int argc, char **argv);

/* The command line of one command; a view of argv. */
struct cli {
    const struct cli_entry *command;
    int argc;
    char **argv;
};

/* Checks argv against the options of the command called words: each is of its table, has its value,
 * and is there once unless it repeats. False after printing what is wrong on stderr: the caller
 * returns CLI_USAGE. Operands and options may be mixed; "--" ends options; "--key=value" is
 * "--key value". */
bool cli_parse(int argc, char **argv, const char *words, struct cli *ret);

/* True if option name ("--json") was given. */
bool cli_has(const struct cli *cli, const char *name);

/* The value of the last option name, or NULL. */
const char *cli_value(const struct cli *cli, const char *name);

/* Steps through the values of a repeatable option, or through the operands: *at starts at 0; NULL
 * at the end. */
const char *cli_next_value(const struct cli *cli, const char *name, int *at);
const char *cli_next_operand(const struct cli *cli, int *at);

/* How many operands there are. */
size_t cli_operand_count(const struct cli *cli);

/* The value of option name as a number in [low, high], or fallback when absent. False after
 * printing what is wrong. */
bool cli_number(const struct cli *cli, const char *name, uint64_t low, uint64_t high,
                uint64_t fallback, uint64_t *ret);

/* Prints "tdz push: " and the message with a newline on stderr. */
void cli_say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As cli_say, then a line that points to --help; returns CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints "FILE:LINE:COLUMN: WHERE: SENTENCE" of a fault on stderr. */
void cli_fault(const char *file, const struct fault *fault);

/* Reads a whole file ("-" is standard input) of at most max bytes into memory the caller frees
 * with free(); a NUL follows the bytes and is not counted. Errors: ERR_NOT_FOUND, ERR_IO,
 * ERR_TOO_LARGE, ERR_NOMEM; errno is kept. */
MUST_USE enum err cli_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len);

/* As cli_read, and on error prints the reason. False: the caller returns CLI_UNREACHABLE. */
bool cli_must_read(const struct cli *cli, const char *path, size_t max, char **ret_bytes,
                   size_t *ret_len);

/* The generators behind "tdz __man" and "tdz __complete-bash": mdoc text, bash text. */
void cli_print_man(FILE *out);
void cli_print_completion(FILE *out);

#endif
