/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy fmt: policy files in their one layout, in place. Spec: cli.md. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/policy_fmt.h"

enum { POLICY_FMT_PATH_MAX = 4096 };

/* A signed note is about exact bytes: the layout of a signed file stays. */
static bool
policy_fmt_is_signed(const char *path)
{
    static const char *const tails[] = {".note", ".activation"};
    char note[POLICY_FMT_PATH_MAX];
    bool found = false;
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        const int len = snprintf(note, sizeof(note), "%s%s", path, tails[i]);
        found = found || (len > 0 && (size_t)len < sizeof(note) && access(note, F_OK) == 0);
    }
    return found;
}

/* Writes text to a new file beside path and gives it path's name and rights: all or nothing. */
static int
policy_fmt_replace(const struct cli *cli, const char *path, struct span text)
{
    char part[POLICY_FMT_PATH_MAX];
    struct stat st;
    const int len = snprintf(part, sizeof(part), "%s.fmt-%d", path, (int)getpid());
    if (len < 0 || (size_t)len >= sizeof(part) || stat(path, &st) != 0) {
        cli_say(cli, "%s: cannot be replaced", path);
        return CLI_UNREACHABLE;
    }
    const int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777);
    bool good = fd >= 0;
    for (size_t done = 0; good && done < text.len;) {
        const ssize_t n = write(fd, text.ptr + done, text.len - done);
        if (n > 0)
            done += (size_t)n;
        good = n > 0 || (n < 0 && errno == EINTR);
    }
    good = good && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        good = false;
    if (good && rename(part, path) == 0)
        return CLI_DONE;
    cli_say(cli, "%s: %s", path, strerrordesc_np(errno));
    if (fd >= 0)
        (void)unlink(part);
    return CLI_UNREACHABLE;
}

static int
policy_fmt_file(const struct cli *cli, const char *path, struct span input, struct span text)
{
    const bool same = span_eq(input, text);
    if (strcmp(path, "-") == 0) {
        if (!cli_has(cli, "--check"))
            (void)fwrite(text.ptr, 1, text.len, stdout);
        return cli_has(cli, "--check") && !same ? CLI_REFUSED : CLI_DONE;
    }
    if (same)
        return CLI_DONE;
    printf("%s\n", path);
    if (cli_has(cli, "--check"))
        return CLI_REFUSED;
    if (policy_fmt_is_signed(path)) {
        cli_say(cli, "%s: it is signed, and its signature is about these bytes", path);
        return CLI_REFUSED;
    }
    return policy_fmt_replace(cli, path, text);
}

static int
policy_fmt_one(const struct cli *cli, const char *path)
{
    struct json_doc doc = {0};
    struct fault fault = {0};
    char *bytes = NULL;
    char *text = NULL;
    size_t len = 0;
    size_t text_len = 0;
    if (!cli_must_read(cli, path, JSON_BYTES_MAX, &bytes, &len))
        return CLI_UNREACHABLE;
    int code = CLI_USAGE;
    enum err err = json_load(&doc, span_of(bytes, len), &fault);
    if (err != ERR_OK) {
        cli_fault(path, &fault);
    } else {
        err = policy_fmt_write(&doc, &text, &text_len);
        if (err != ERR_OK)
            cli_say(cli, "%s: %s", path, error_text(err));
        else
            code = policy_fmt_file(cli, path, span_of(bytes, len), span_of(text, text_len));
        free(text);
        json_free(&doc);
    }
    free(bytes);
    return code;
}

int
policy_fmt_main(int argc, char **argv)
{
    struct cli cli;
    const char *path = NULL;
    int at = 0;
    int worst = CLI_DONE;
    if (!cli_parse(argc, argv, "policy fmt", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) == 0)
        return cli_usage(&cli, "name at least one file, or - for standard input");
    while ((path = cli_next_operand(&cli, &at)) != NULL) {
        const int code = policy_fmt_one(&cli, path);
        worst = code > worst ? code : worst;
    }
    return fflush(stdout) == 0 ? worst : CLI_UNREACHABLE;
}
