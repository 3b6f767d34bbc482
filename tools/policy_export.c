/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy export-odrl: a document as ODRL on standard output. Spec: cli.md. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/commands.h"
#include "tools/policy_files.h"
#include "tools/policy_odrl.h"

/* Duties are repeated under every permission they meet: a small document can grow a lot. */
enum { POLICY_EXPORT_MAX = 64 << 20 };

static enum err
policy_export_write(struct span input, const struct source *doc)
{
    struct json_doc json;
    struct canon w;
    struct span out;
    TRY(json_load(&json, input, NULL));
    char *buf = malloc(POLICY_EXPORT_MAX);
    enum err err = buf == NULL ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK) {
        canon_init(&w, buf, POLICY_EXPORT_MAX);
        policy_odrl_write(&json, doc, &w);
        err = canon_finish(&w, &out);
    }
    if (err == ERR_OK) {
        (void)fwrite(out.ptr, 1, out.len, stdout);
        (void)fputc('\n', stdout);
    }
    free(buf);
    json_free(&json);
    return err;
}

int
policy_export_main(int argc, char **argv)
{
    struct cli cli;
    char *bytes = NULL;
    size_t len = 0;
    int at = 0;
    if (!cli_parse(argc, argv, "policy export-odrl", &cli))
        return CLI_USAGE;
    const char *path = cli_next_operand(&cli, &at);
    if (cli_operand_count(&cli) != 1)
        return cli_usage(&cli, "give one policy file");
    struct policy_files *files = calloc(1, sizeof(*files));
    if (files == NULL) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    files->cli = &cli;
    int code = policy_files_options(files);
    if (code == CLI_DONE)
        code = policy_files_policy(files, path);
    if (code == CLI_DONE && !cli_must_read(&cli, path, JSON_BYTES_MAX, &bytes, &len))
        code = CLI_UNREACHABLE;
    if (code == CLI_DONE) {
        const enum err err = policy_export_write(span_of(bytes, len), files->docs[0]);
        if (err != ERR_OK) {
            cli_say(&cli, "%s: %s", path, error_text(err));
            code = CLI_USAGE;
        }
    }
    free(bytes);
    policy_files_finish(files);
    free(files);
    return fflush(stdout) == 0 ? code : CLI_UNREACHABLE;
}
