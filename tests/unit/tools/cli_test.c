/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cli.h"

#include "tests/test.h"

#include <unistd.h>

static int ran_argc;
static const char *ran_word;

static int
note_main(int argc, char **argv)
{
    ran_argc = argc;
    ran_word = argv[0];
    return CLI_REFUSED;
}

static const struct cli_entry entries[] = {
    CLI_TABLE_GROUP("partners") CLI_TABLE_COMMAND("push", "FILE --agreement A", "send a dataset",
                                                  note_main)
        CLI_TABLE_OPTION("--agreement ID", "under which it is sent")
            CLI_TABLE_OPTIONS("--fact K=V", "a fact about it; may repeat")
                CLI_TABLE_OPTION("--json", "print the transfer as JSON")
                    CLI_TABLE_OPTION("-o FILE", "write there") CLI_TABLE_GROUP("operators")
                        CLI_TABLE_COMMAND("policy decide", "--policy P", "one decision", note_main)
                            CLI_TABLE_OPTION("--policy FILE", "a policy")
                                CLI_TABLE_EXIT("0", "whatever the verdict")};

const struct cli_program cli_program = {"demo", "a program of this test", entries,
                                        sizeof(entries) / sizeof(entries[0])};

enum { OUT_MAX = 8192 };
static char out_text[OUT_MAX];

/* The words of line as an argument vector, in memory of this file. */
static int line_argc;
static char **
line_argv(const char *line)
{
    static char text[256];
    static char *argv[16];
    (void)snprintf(text, sizeof(text), "%s", line);
    line_argc = 0;
    for (char *at = text; at != NULL && *at != '\0'; line_argc++) {
        argv[line_argc] = at;
        at = strchr(at, ' ');
        if (at != NULL)
            *at++ = '\0';
    }
    argv[line_argc] = NULL;
    return argv;
}

/* Runs the command line, with what it prints on stream kept in out_text. */
static int
run(FILE *stream, const char *line)
{
    (void)fflush(stream);
    const int saved = dup(fileno(stream));
    FILE *file = tmpfile();
    if (saved < 0 || file == NULL || dup2(fileno(file), fileno(stream)) < 0)
        abort();
    char **argv = line_argv(line);
    const int code = cli_run(line_argc, argv);
    (void)fflush(stream);
    rewind(file);
    out_text[fread(out_text, 1, OUT_MAX - 1, file)] = '\0';
    (void)fclose(file);
    (void)dup2(saved, fileno(stream));
    (void)close(saved);
    return code;
}

static bool
parse(struct cli *cli, const char *line)
{
    FILE *null = freopen("/dev/null", "w", stderr);
    char **argv = line_argv(line);
    return null != NULL && cli_parse(line_argc, argv, "push", cli);
}

static void
test_dispatch(void)
{
    TEST("a command gets the arguments from its last word on")
    {
        CHECK_EQ(run(stdout, "demo policy decide --policy p"), CLI_REFUSED);
        CHECK_EQ(ran_argc, 3);
        CHECK(strcmp(ran_word, "decide") == 0);
        CHECK_EQ(run(stdout, "demo push f"), CLI_REFUSED);
        CHECK(ran_argc == 2 && strcmp(ran_word, "push") == 0);
    }
    TEST("help is one screen and goes to standard output")
    {
        CHECK_EQ(run(stdout, "demo --help"), CLI_DONE);
        CHECK(strstr(out_text, "operators:\n  policy decide") != NULL);
        CHECK_EQ(run(stdout, "demo push --help"), CLI_DONE);
        CHECK(strstr(out_text, "usage: demo push FILE --agreement A\n") != NULL);
        CHECK(strstr(out_text, "  --fact K=V") != NULL);
        CHECK(strstr(out_text, "--policy") == NULL);
        CHECK(strstr(out_text, "exit codes: 0 done") != NULL);
    }
    TEST("the first word of a family lists its commands")
    {
        CHECK_EQ(run(stdout, "demo policy --help"), CLI_DONE);
        CHECK(strstr(out_text, "policy decide") != NULL && strstr(out_text, "push") == NULL);
    }
    TEST("an unknown command, option or family member is a usage error on stderr")
    {
        CHECK_EQ(run(stderr, "demo fly"), CLI_USAGE);
        CHECK(strstr(out_text, "no command 'fly'\nsee: demo --help\n") != NULL);
        CHECK_EQ(run(stderr, "demo --fly"), CLI_USAGE);
        CHECK(strstr(out_text, "no option '--fly'\nsee: demo --help\n") != NULL);
        CHECK_EQ(run(stderr, "demo policy fly"), CLI_USAGE);
        CHECK(strstr(out_text, "no command 'policy fly'") != NULL);
        CHECK_EQ(run(stderr, "demo"), CLI_USAGE);
    }
    TEST("the version is printed")
    {
        CHECK_EQ(run(stdout, "demo --version"), CLI_DONE);
        CHECK(strncmp(out_text, "demo ", 5) == 0);
    }
    TEST("man page and completion name every command and option")
    {
        CHECK_EQ(run(stdout, "demo __man"), CLI_DONE);
        CHECK(strstr(out_text, ".Dt DEMO 1") != NULL);
        CHECK(strstr(out_text, ".It \\-\\-agreement ID") != NULL);
        CHECK_EQ(run(stdout, "demo __complete-bash"), CLI_DONE);
        CHECK(strstr(out_text, "\"policy decide\") words=\"--policy --help\"") != NULL);
        CHECK(strstr(out_text, "complete -o filenames -F _demo demo") != NULL);
    }
}

static void
test_options(void)
{
    struct cli cli;
    TEST("options and operands mix, with inline and separate values")
    {
        CHECK(parse(&cli, "push a -o x b --json --agreement=y -- --json"));
        CHECK(strcmp(cli_value(&cli, "--agreement"), "y") == 0);
        CHECK(strcmp(cli_value(&cli, "-o"), "x") == 0);
        CHECK(cli_has(&cli, "--json") && !cli_has(&cli, "--fact"));
        CHECK_EQ(cli_operand_count(&cli), 3);
        int at = 0;
        CHECK(strcmp(cli_next_operand(&cli, &at), "a") == 0);
        CHECK(strcmp(cli_next_operand(&cli, &at), "b") == 0);
        CHECK(strcmp(cli_next_operand(&cli, &at), "--json") == 0);
        CHECK(cli_next_operand(&cli, &at) == NULL);
        CHECK(cli_next_operand(&cli, &at) == NULL);
    }
    TEST("a repeatable option gives its values in order")
    {
        CHECK(parse(&cli, "push --fact a=1 f --fact=b=2"));
        int at = 0;
        CHECK(strcmp(cli_next_value(&cli, "--fact", &at), "a=1") == 0);
        CHECK(strcmp(cli_next_value(&cli, "--fact", &at), "b=2") == 0);
        CHECK(cli_next_value(&cli, "--fact", &at) == NULL);
    }
    TEST("a lone dash is an operand")
    {
        CHECK(parse(&cli, "push - -o -"));
        CHECK_EQ(cli_operand_count(&cli), 1);
        CHECK(strcmp(cli_value(&cli, "-o"), "-") == 0);
    }
    TEST("unknown options, missing values and values of flags are refused")
    {
        CHECK(!parse(&cli, "push --fly"));
        CHECK(!parse(&cli, "push --agreement"));
        CHECK(!parse(&cli, "push --json=yes"));
        CHECK(!parse(&cli, "push --policy of-another-command"));
        CHECK(!parse(&cli, "push --agree x"));
    }
    TEST("an option that does not repeat is there once")
    {
        CHECK(!parse(&cli, "push a --agreement x --agreement y"));
        CHECK(!parse(&cli, "push a --agreement=x --agreement=x"));
        CHECK(!parse(&cli, "push a --json --json"));
        CHECK(parse(&cli, "push a --json --agreement --json -- --json"));
        CHECK(strcmp(cli_value(&cli, "--agreement"), "--json") == 0);
    }
    TEST("numbers are bounded and written in full")
    {
        uint64_t n = 0;
        CHECK(parse(&cli, "push --agreement 70"));
        CHECK(cli_number(&cli, "--agreement", 1, 70, 5, &n) && n == 70);
        CHECK(!cli_number(&cli, "--agreement", 1, 69, 5, &n));
        CHECK(!cli_number(&cli, "--agreement", 71, 100, 5, &n));
        CHECK(cli_number(&cli, "-o", 1, 69, 5, &n) && n == 5);
        CHECK(parse(&cli, "push --agreement 7x"));
        CHECK(!cli_number(&cli, "--agreement", 1, 70, 5, &n));
    }
}

static void
test_files(void)
{
    TEST("a file is read whole up to its limit")
    {
        char path[] = "/tmp/cli_test.XXXXXX";
        const int fd = mkstemp(path);
        char *bytes = NULL;
        size_t len = 0;
        CHECK(fd >= 0 && write(fd, "abc", 3) == 3);
        CHECK_EQ(cli_read(path, 3, &bytes, &len), ERR_OK);
        CHECK(len == 3 && bytes != NULL && strcmp(bytes, "abc") == 0);
        free(bytes);
        CHECK_EQ(cli_read(path, 2, &bytes, &len), ERR_TOO_LARGE);
        (void)close(fd);
        (void)unlink(path);
        CHECK_EQ(cli_read(path, 3, &bytes, &len), ERR_NOT_FOUND);
        CHECK_EQ(cli_read("/", 3, &bytes, &len), ERR_IO);
    }
}

int
main(void)
{
    test_dispatch();
    test_options();
    test_files();
    return test_end();
}
