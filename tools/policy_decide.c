/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy decide: the decision that documents give on an input object, as its canonical record.
 * What the gateway decides from the same documents and facts is the same bytes. Spec: cli.md. */
#include <stdlib.h>

#include "policy/record.h"
#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/policy_files.h"

/* A batch of 10^6 inputs of usual size. */
enum { DECIDE_INPUT_MAX = 1 << 30 };

struct decide_tool {
    const struct cli *cli;
    struct policy_files files;
    int64_t now_ms;
    bool preflight;
    struct facts facts;
    struct decision decision;
    char input[6 * JSON_BYTES_MAX];
    char record[RECORD_BYTES_MAX + 6 * JSON_BYTES_MAX];
};

/* Decides on one input object, which begins at line `line` of its file, and prints the record. */
static int
decide_one(struct decide_tool *t, const char *path, struct span text, uint32_t line)
{
    struct json_doc doc;
    struct fault fault = {0};
    struct canon w;
    struct span input;
    struct span record;
    enum err err = json_load(&doc, text, &fault);
    facts_init(&t->facts);
    if (err == ERR_OK)
        err = facts_input(&t->facts, &doc, &doc.nodes[0], &fault);
    if (err == ERR_OK) {
        const struct decide_request q = {.docs = t->files.docs,
                                         .doc_count = t->files.doc_count,
                                         .lists = t->files.lists,
                                         .list_count = t->files.list_count,
                                         .now_ms = t->now_ms,
                                         .facts = &t->facts,
                                         .preflight = t->preflight};
        err = decide_run(&q, &t->decision);
    }
    if (err == ERR_OK) {
        canon_init(&w, t->input, sizeof(t->input));
        canon_node(&w, &doc, &doc.nodes[0]);
        err = canon_finish(&w, &input);
    }
    if (err == ERR_OK)
        err = record_write(&t->decision, input, t->record, sizeof(t->record), &record);
    if (err == ERR_OK) {
        (void)fwrite(record.ptr, 1, record.len, stdout);
        (void)fputc('\n', stdout);
    }
    json_free(&doc);
    fault.line += fault.line > 0 ? line - 1 : 0;
    return err == ERR_OK ? CLI_DONE : policy_files_bad(t->cli, path, err, &fault);
}

static int
decide_all(struct decide_tool *t, const char *path, bool batch)
{
    char *bytes = NULL;
    size_t len = 0;
    int code = CLI_DONE;
    if (!cli_must_read(t->cli, path, batch ? DECIDE_INPUT_MAX : JSON_BYTES_MAX, &bytes, &len))
        return CLI_UNREACHABLE;
    if (!batch) {
        code = decide_one(t, path, span_of(bytes, len), 1);
    } else {
        size_t at = 0;
        for (uint32_t line = 1; at < len && code == CLI_DONE; line++) {
            const char *end = memchr(bytes + at, '\n', len - at);
            const size_t stop = end == NULL ? len : (size_t)(end - bytes);
            code = decide_one(t, path, span_of(bytes + at, stop - at), line);
            at = stop + 1;
        }
    }
    free(bytes);
    if (fflush(stdout) != 0 && code == CLI_DONE) {
        cli_say(t->cli, "writing the record failed");
        code = CLI_UNREACHABLE;
    }
    return code;
}

static int
decide_setup(struct decide_tool *t)
{
    const char *value = NULL;
    int at = 0;
    if (cli_value(t->cli, "--now") == NULL || cli_value(t->cli, "--input") == NULL)
        return cli_usage(t->cli, "--policy, --now and --input are needed");
    int code = policy_files_now(t->cli, &t->now_ms);
    if (code == CLI_DONE)
        code = policy_files_options(&t->files);
    while (code == CLI_DONE && (value = cli_next_operand(t->cli, &at)) != NULL)
        code = policy_files_policy(&t->files, value);
    if (code == CLI_DONE && t->files.doc_count == 0)
        code = cli_usage(t->cli, "--policy, --now and --input are needed");
    return code == CLI_DONE ? policy_files_check(&t->files, 0) : code;
}

int
policy_decide_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "policy decide", &cli))
        return CLI_USAGE;
    struct decide_tool *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    t->cli = &cli;
    t->files.cli = &cli;
    t->preflight = cli_has(&cli, "--preflight");
    int code = decide_setup(t);
    if (code == CLI_DONE)
        code = decide_all(t, cli_value(&cli, "--input"), cli_has(&cli, "--batch"));
    policy_files_finish(&t->files);
    free(t);
    return code;
}
