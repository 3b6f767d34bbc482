/* SPDX-License-Identifier: Apache-2.0 */
/* What is printed from a program's table: help for people, mdoc for man, bash for completion. */
#include "tools/cli_print.h"

#include "tdz_config.h"

#include <ctype.h>

static bool
in_family(const struct cli_entry *entry, const char *family)
{
    if (family == NULL)
        return true;
    const size_t len = strlen(family);
    return strncmp(entry->name, family, len) == 0 && entry->name[len] == ' ';
}

static const struct cli_entry *
table_end(void)
{
    return cli_program.entries + cli_program.entry_count;
}

void
cli_print_overview(FILE *out, const char *family)
{
    fprintf(out, "usage: %s COMMAND [OPTION...] [OPERAND...]\n%s\n", cli_program.name,
            cli_program.summary);
    for (const struct cli_entry *e = cli_program.entries; e < table_end(); e++) {
        if (e->kind == CLI_GROUP && family == NULL)
            fprintf(out, "\n%s:\n", e->name);
        if (e->kind == CLI_COMMAND && in_family(e, family))
            fprintf(out, "  %-18s %s\n", e->name, e->help);
    }
    fprintf(out, "\n%s COMMAND --help shows a command's options; %s --version the version.\n",
            cli_program.name, cli_program.name);
}

void
cli_print_command(FILE *out, const struct cli_entry *command)
{
    fprintf(out, "usage: %s %s%s%s\n%s\n", cli_program.name, command->name,
            command->synopsis[0] == '\0' ? "" : " ", command->synopsis, command->help);
    bool options = false;
    bool exits = false;
    for (const struct cli_entry *e = command + 1; e < table_end(); e++) {
        if (e->kind == CLI_COMMAND || e->kind == CLI_GROUP)
            break;
        if (e->kind == CLI_OPTION) {
            fprintf(out, "%s  %-24s %s\n", options ? "" : "\noptions:\n", e->name, e->help);
            options = true;
        } else {
            fprintf(out, "%s  %-24s %s\n", exits ? "" : "\nexit codes:\n", e->name, e->help);
            exits = true;
        }
    }
    if (!exits)
        fprintf(out, "\nexit codes: 0 done, 1 refused or found wrong, 2 usage or bad input,\n"
                     "            3 could not reach or read something\n");
}

/* mdoc: a leading dot or quote would be a macro, a backslash an escape. */
static void
man_text(FILE *out, const char *text)
{
    if (text[0] == '.' || text[0] == '\'')
        fputs("\\&", out);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
    }
    fputc('\n', out);
}

static void
man_command(FILE *out, const struct cli_entry *command)
{
    fprintf(out, ".Ss %s %s\n.D1 ", cli_program.name, command->name);
    fprintf(out, "%s %s ", cli_program.name, command->name);
    man_text(out, command->synopsis);
    man_text(out, command->help);
    bool open = false;
    for (const struct cli_entry *e = command + 1; e < table_end(); e++) {
        if (e->kind == CLI_COMMAND || e->kind == CLI_GROUP)
            break;
        if (!open)
            fputs(".Bl -tag -width Ds\n", out);
        open = true;
        fputs(e->kind == CLI_EXIT ? ".It Exit " : ".It ", out);
        man_text(out, e->name);
        man_text(out, e->help);
    }
    if (open)
        fputs(".El\n", out);
}

void
cli_print_man(FILE *out)
{
    fprintf(out, ".Dd $Mdocdate$\n.Dt ");
    for (const char *c = cli_program.name; *c != '\0'; c++)
        fputc(toupper((unsigned char)*c), out);
    fprintf(out, " 1\n.Os \"TDZ Gateway %s\"\n.Sh NAME\n.Nm %s\n.Nd %s\n", TDZ_VERSION,
            cli_program.name, cli_program.summary);
    fputs(".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar option ...\n.Op Ar operand ...\n", out);
    fputs(".Sh DESCRIPTION\n", out);
    fputs("Results go to standard output, messages to standard error.\n", out);
    for (const struct cli_entry *e = cli_program.entries; e < table_end(); e++)
        if (e->kind == CLI_COMMAND)
            man_command(out, e);
    fputs(".Sh EXIT STATUS\n", out);
    fputs("0 done, 1 refused or found wrong, 2 usage or bad input,\n", out);
    fputs("3 could not reach or read something.\n", out);
}

static void
completion_words(FILE *out, const struct cli_entry *command)
{
    for (const struct cli_entry *e = command + 1; e < table_end(); e++) {
        if (e->kind == CLI_COMMAND || e->kind == CLI_GROUP)
            break;
        if (e->kind == CLI_OPTION)
            fprintf(out, "%.*s ", (int)strcspn(e->name, " "), e->name);
    }
    fputs("--help", out);
}

void
cli_print_completion(FILE *out)
{
    const char *name = cli_program.name;
    fputs("# bash completion, generated from the table of the program's commands\n_", out);
    for (const char *c = name; *c != '\0'; c++)
        fputc(isalnum((unsigned char)*c) ? *c : '_', out);
    fputs("() {\n    local cur=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]:-}"
          " second=${COMP_WORDS[2]:-} words=\n    COMPREPLY=()\n    if [ \"$COMP_CWORD\" -eq 1 ]; "
          "then\n        words=\"",
          out);
    for (const struct cli_entry *e = cli_program.entries; e < table_end(); e++)
        if (e->kind == CLI_COMMAND)
            fprintf(out, "%.*s ", (int)strcspn(e->name, " "), e->name);
    fputs("--help --version\"\n    else\n        case \"$first $second\" in\n", out);
    /* Two-word commands first: their patterns are the narrower ones. */
    for (int pass = 0; pass < 2; pass++)
        for (const struct cli_entry *e = cli_program.entries; e < table_end(); e++) {
            const bool two = e->kind == CLI_COMMAND && strchr(e->name, ' ') != NULL;
            if (e->kind != CLI_COMMAND || two != (pass == 0))
                continue;
            fprintf(out, "        \"%s%s) words=\"", e->name, two ? "\"" : " \"*");
            completion_words(out, e);
            fputs("\" ;;\n", out);
        }
    for (const struct cli_entry *e = cli_program.entries; e < table_end(); e++) {
        const char *space = e->kind == CLI_COMMAND ? strchr(e->name, ' ') : NULL;
        if (space != NULL)
            fprintf(out, "        \"%.*s \"*) words+=\" %s\" ;;&\n", (int)(space - e->name),
                    e->name, space + 1);
    }
    fputs("        esac\n    fi\n"
          "    while IFS= read -r word; do COMPREPLY+=(\"$word\"); done < <(\n"
          "        compgen -W \"$words\" -- \"$cur\"\n"
          "        case $cur in -*) ;; *) [ \"$COMP_CWORD\" -eq 1 ] || compgen -f -- \"$cur\" ;; "
          "esac)\n}\ncomplete -o filenames -F _",
          out);
    for (const char *c = name; *c != '\0'; c++)
        fputc(isalnum((unsigned char)*c) ? *c : '_', out);
    fprintf(out, " %s\n", name);
}
