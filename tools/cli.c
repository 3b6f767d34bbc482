/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatch, checks of options, and help. The printed forms for other programs (man page,
 * completion) are in cli_print.c. */
#include "tools/cli.h"

#include "schemas/text.h"
#include "tdz_config.h"
#include "tools/cli_print.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLI_WORDS_MAX = 3 };
enum { CLI_READ_STEP = 64 * 1024 };

/* One step through argv: an option with its value (NULL when it takes none), or an operand. */
struct cli_item {
    const struct cli_entry *option;
    const char *value;
    const char *unknown; /* an option that is not in the table */
    bool missing;        /* an option whose value is not there */
};

/* How many arguments of argv (from at) the words of command take; 0 when they differ. */
static int
words_match(const char *words, int argc, char **argv, int at)
{
    const char *rest = words;
    for (int used = 0; used < CLI_WORDS_MAX && at + used < argc; used++) {
        const size_t len = strcspn(rest, " ");
        if (!span_eq(span_of(rest, len), span_str(argv[at + used])))
            return 0;
        if (rest[len] == '\0')
            return used + 1;
        rest += len + 1;
    }
    return 0;
}

static const struct cli_entry *
command_find(int argc, char **argv, int *ret_used)
{
    const struct cli_entry *best = NULL;
    int best_used = 0;
    for (size_t i = 0; i < cli_program.entry_count; i++) {
        const struct cli_entry *entry = &cli_program.entries[i];
        const int used = entry->kind == CLI_COMMAND ? words_match(entry->name, argc, argv, 1) : 0;
        if (used > best_used) {
            best = entry;
            best_used = used;
        }
    }
    *ret_used = best_used;
    return best;
}

static bool
asks_help(int argc, char **argv, int from)
{
    for (int i = from; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

/* "policy" of "policy decide": not a command by itself, but its help is a list. */
static bool
is_family(const char *word)
{
    const size_t len = strlen(word);
    for (size_t i = 0; i < cli_program.entry_count; i++) {
        const struct cli_entry *entry = &cli_program.entries[i];
        if (entry->kind == CLI_COMMAND && strncmp(entry->name, word, len) == 0 &&
            entry->name[len] == ' ')
            return true;
    }
    return false;
}

static int
run_general(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--version") == 0) {
        printf("%s %s\n", cli_program.name, TDZ_VERSION);
        return CLI_DONE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0) {
        cli_print_overview(stdout, NULL);
        return CLI_DONE;
    }
    if (strcmp(word, "__man") == 0) {
        cli_print_man(stdout);
        return CLI_DONE;
    }
    if (strcmp(word, "__complete-bash") == 0) {
        cli_print_completion(stdout);
        return CLI_DONE;
    }
    if (word[0] != '\0' && is_family(word)) {
        const bool help = asks_help(argc, argv, 2);
        if (!help && argc > 2)
            fprintf(stderr, "%s: no command '%s %s'\n", cli_program.name, word, argv[2]);
        cli_print_overview(help ? stdout : stderr, word);
        return help ? CLI_DONE : CLI_USAGE;
    }
    if (word[0] == '\0') {
        fprintf(stderr, "%s: a command is missing\n", cli_program.name);
        cli_print_overview(stderr, NULL);
        return CLI_USAGE;
    }
    /* The list of all commands would push the sentence off the screen. */
    fprintf(stderr, "%s: no %s '%s'\nsee: %s --help\n", cli_program.name,
            word[0] == '-' ? "option" : "command", word, cli_program.name);
    return CLI_USAGE;
}

int
cli_run(int argc, char **argv)
{
    int used = 0;
    const struct cli_entry *command = command_find(argc, argv, &used);
    if (command == NULL)
        return run_general(argc, argv);
    if (asks_help(argc, argv, 1 + used)) {
        cli_print_command(stdout, command);
        return CLI_DONE;
    }
    const int code = command->run(argc - used, argv + used);
    /* Results that did not reach their file or pipe are not results. */
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        fprintf(stderr, "%s: cannot write the result: %s\n", cli_program.name,
                strerrordesc_np(errno));
        return code == CLI_DONE ? CLI_UNREACHABLE : code;
    }
    return code;
}

/* The option of command that arg names, and its inline value. */
static const struct cli_entry *
option_find(const struct cli_entry *command, const char *arg, const char **ret_value)
{
    const struct cli_entry *end = cli_program.entries + cli_program.entry_count;
    const size_t len = strcspn(arg, "=");
    for (const struct cli_entry *e = command + 1; e < end && e->kind != CLI_COMMAND; e++) {
        const size_t name_len = strcspn(e->name, " ");
        if (e->kind != CLI_OPTION || !span_eq(span_of(e->name, name_len), span_of(arg, len)))
            continue;
        *ret_value = arg[len] == '=' ? arg + len + 1 : NULL;
        return e;
    }
    return NULL;
}

static bool
takes_value(const struct cli_entry *option)
{
    return strchr(option->name, ' ') != NULL;
}

/* The item at *at, which moves past it. False at the end. */
static bool
next_item(const struct cli *cli, int *at, bool *operands_only, struct cli_item *ret)
{
    *ret = (struct cli_item){0};
    if (*at < cli->argc && !*operands_only && strcmp(cli->argv[*at], "--") == 0) {
        *operands_only = true;
        (*at)++;
    }
    if (*at >= cli->argc)
        return false;
    const char *arg = cli->argv[(*at)++];
    if (*operands_only || arg[0] != '-' || arg[1] == '\0') {
        ret->value = arg;
        return true;
    }
    ret->option = option_find(cli->command, arg, &ret->value);
    if (ret->option == NULL)
        ret->unknown = arg;
    else if (!takes_value(ret->option))
        ret->unknown = ret->value != NULL ? arg : NULL;
    else if (ret->value == NULL && *at < cli->argc)
        ret->value = cli->argv[(*at)++];
    else if (ret->value == NULL)
        ret->missing = true;
    return true;
}

/* How often option stands on the command line. */
static size_t
times_given(const struct cli *cli, const struct cli_entry *option)
{
    int at = 1;
    size_t count = 0;
    bool operands_only = false;
    struct cli_item item;
    while (next_item(cli, &at, &operands_only, &item))
        count += item.option == option ? 1 : 0;
    return count;
}

bool
cli_parse(int argc, char **argv, const char *words, struct cli *ret)
{
    struct cli cli = {.argc = argc, .argv = argv};
    for (size_t i = 0; i < cli_program.entry_count && cli.command == NULL; i++) {
        const struct cli_entry *entry = &cli_program.entries[i];
        if (entry->kind == CLI_COMMAND && strcmp(entry->name, words) == 0)
            cli.command = entry;
    }
    if (cli.command == NULL)
        abort(); /* a command that is not in its own table is our bug */
    int at = 1;
    bool operands_only = false;
    struct cli_item item;
    while (next_item(&cli, &at, &operands_only, &item)) {
        if (item.unknown != NULL) {
            (void)cli_usage(&cli, "no option '%s'", item.unknown);
            return false;
        }
        if (item.missing) {
            (void)cli_usage(&cli, "'%s': the value is missing", item.option->name);
            return false;
        }
        /* Which of two values was meant, nobody can tell. */
        if (item.option != NULL && !item.option->repeats && times_given(&cli, item.option) > 1) {
            (void)cli_usage(&cli, "'%s' is given twice: give it once", item.option->name);
            return false;
        }
    }
    *ret = cli;
    return true;
}

static bool
is_named(const struct cli_entry *option, const char *name)
{
    return option != NULL && span_eq_str(span_of(option->name, strcspn(option->name, " ")), name);
}

bool
cli_has(const struct cli *cli, const char *name)
{
    int at = 1;
    bool operands_only = false;
    struct cli_item item;
    while (next_item(cli, &at, &operands_only, &item))
        if (is_named(item.option, name))
            return true;
    return false;
}

/* Steps to the next item that is option name, or an operand when name is NULL. *state counts the
 * items seen, so that a caller's 0 is the start. */
static const char *
next_of(const struct cli *cli, const char *name, int *state)
{
    int at = 1;
    int seen = 0;
    bool operands_only = false;
    struct cli_item item;
    /* Whether "--" was passed is part of the position, so each call walks from the start: a command
     * line is short. */
    while (next_item(cli, &at, &operands_only, &item)) {
        if (seen++ < *state)
            continue;
        const bool wanted = name == NULL ? item.option == NULL : is_named(item.option, name);
        if (wanted) {
            *state = seen;
            return item.value;
        }
    }
    *state = seen;
    return NULL;
}

const char *
cli_next_value(const struct cli *cli, const char *name, int *at)
{
    return next_of(cli, name, at);
}

const char *
cli_next_operand(const struct cli *cli, int *at)
{
    return next_of(cli, NULL, at);
}

const char *
cli_value(const struct cli *cli, const char *name)
{
    const char *value = NULL;
    int at = 1;
    bool operands_only = false;
    struct cli_item item;
    while (next_item(cli, &at, &operands_only, &item))
        if (is_named(item.option, name))
            value = item.value;
    return value;
}

size_t
cli_operand_count(const struct cli *cli)
{
    size_t count = 0;
    int at = 1;
    bool operands_only = false;
    struct cli_item item;
    while (next_item(cli, &at, &operands_only, &item))
        count += item.option == NULL ? 1 : 0;
    return count;
}

bool
cli_number(const struct cli *cli, const char *name, uint64_t low, uint64_t high, uint64_t fallback,
           uint64_t *ret)
{
    const char *text = cli_value(cli, name);
    uint64_t value = fallback;
    if (text != NULL && (text_parse_u64(span_str(text), high, &value) != ERR_OK || value < low)) {
        (void)cli_usage(cli, "%s %s: not a number from %llu to %llu", name, text,
                        (unsigned long long)low, (unsigned long long)high);
        return false;
    }
    *ret = value;
    return true;
}

__attribute__((format(printf, 2, 0))) static void
say(const struct cli *cli, const char *format, va_list args)
{
    fprintf(stderr, "%s %s: ", cli_program.name, cli->command->name);
    (void)vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void
cli_say(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(cli, format, args);
    va_end(args);
}

int
cli_usage(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(cli, format, args);
    va_end(args);
    fprintf(stderr, "see: %s %s --help\n", cli_program.name, cli->command->name);
    return CLI_USAGE;
}

void
cli_fault(const char *file, const struct fault *fault)
{
    fprintf(stderr, "%s:%u:%u: %s%s%s\n", file, fault->line, fault->column, fault->where,
            fault->where[0] == '\0' ? "" : ": ", error_text(fault->code));
}

static enum err
read_all(int fd, size_t max, char **ret_bytes, size_t *ret_len)
{
    char *bytes = NULL;
    size_t len = 0;
    size_t cap = 0;
    enum err err = ERR_OK;
    for (;;) {
        if (cap - len < 2) {
            cap = cap * 2 + CLI_READ_STEP;
            char *grown = realloc(bytes, cap);
            if (grown == NULL) {
                err = ERR_NOMEM;
                break;
            }
            bytes = grown;
        }
        const ssize_t got = read(fd, bytes + len, cap - len - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            err = got < 0 ? ERR_IO : ERR_OK;
            break;
        }
        len += (size_t)got;
        if (len > max) {
            err = ERR_TOO_LARGE;
            break;
        }
    }
    if (err != ERR_OK) {
        free(bytes);
        return err;
    }
    bytes[len] = '\0';
    *ret_bytes = bytes;
    *ret_len = len;
    return ERR_OK;
}

enum err
cli_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, max, ret_bytes, ret_len);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    const enum err err = read_all(fd, max, ret_bytes, ret_len);
    const int saved = errno;
    (void)close(fd);
    errno = saved;
    return err;
}

bool
cli_must_read(const struct cli *cli, const char *path, size_t max, char **ret_bytes,
              size_t *ret_len)
{
    const enum err err = cli_read(path, max, ret_bytes, ret_len);
    if (err == ERR_OK)
        return true;
    if (err == ERR_TOO_LARGE)
        cli_say(cli, "%s: larger than %zu bytes", path, max);
    else if (err == ERR_NOMEM)
        cli_say(cli, "%s: %s", path, error_text(err));
    else
        cli_say(cli, "%s: %s", path, strerrordesc_np(errno));
    return false;
}
