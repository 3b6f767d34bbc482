/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy decide: the decision that documents give on an input object, as its canonical record.
 * What the gateway decides from the same documents and facts is the same bytes. Spec: cli.md. */
#include <stdlib.h>

#include "crypto/digest.h"
#include "policy/record.h"
#include "schemas/text.h"
#include "tools/cli.h"
#include "tools/commands.h"

/* A batch of 10^6 inputs of usual size. */
enum { DECIDE_INPUT_MAX = 1 << 30 };

struct decide_tool {
    const struct cli *cli;
    struct vocab vocab;
    struct source doc[DECIDE_DOCS_MAX];
    const struct source *docs[DECIDE_DOCS_MAX];
    size_t doc_count;
    struct list list[SOURCE_LISTS_MAX];
    struct decide_list lists[SOURCE_LISTS_MAX];
    size_t list_count;
    int64_t now_ms;
    bool preflight;
    struct facts facts;
    struct decision decision;
    char input[6 * JSON_BYTES_MAX];
    char record[RECORD_BYTES_MAX + 6 * JSON_BYTES_MAX];
};

/* Prints the fault of a file; CLI_USAGE. */
static int
decide_bad(const struct decide_tool *t, const char *file, enum err err, const struct fault *fault)
{
    if (fault->code != ERR_OK)
        cli_fault(file, fault);
    else
        cli_say(t->cli, "%s: %s", file, error_text(err));
    return CLI_USAGE;
}

/* Reads a file of at most 1 MiB and its SHA-256. */
static int
decide_load(const struct decide_tool *t, const char *path, char **ret_bytes, struct span *ret,
            uint8_t sha256[static 32])
{
    size_t len = 0;
    if (!cli_must_read(t->cli, path, JSON_BYTES_MAX, ret_bytes, &len))
        return CLI_UNREACHABLE;
    *ret = span_of(*ret_bytes, len);
    if (digest_sha256(*ret, sha256) != ERR_OK) {
        cli_say(t->cli, "%s: %s", path, error_text(ERR_CRYPTO));
        return CLI_UNREACHABLE;
    }
    return CLI_DONE;
}

static int
decide_read_vocab(struct decide_tool *t, const char *path)
{
    char *bytes = NULL;
    struct span input;
    uint8_t sha256[32];
    struct fault fault = {0};
    int code = decide_load(t, path, &bytes, &input, sha256);
    if (code == CLI_DONE) {
        const enum err err = vocab_read(&t->vocab, input, sha256, &fault);
        code = err == ERR_OK ? CLI_DONE : decide_bad(t, path, err, &fault);
    }
    free(bytes);
    return code;
}

static int
decide_read_policy(struct decide_tool *t, const char *path)
{
    char *bytes = NULL;
    struct span input;
    uint8_t sha256[32];
    struct fault fault = {0};
    if (t->doc_count == DECIDE_DOCS_MAX)
        return cli_usage(t->cli, "more than %d policies", DECIDE_DOCS_MAX);
    int code = decide_load(t, path, &bytes, &input, sha256);
    if (code == CLI_DONE) {
        struct source *doc = &t->doc[t->doc_count];
        const enum err err = source_read(doc, &t->vocab, input, sha256, &fault);
        code = err == ERR_OK ? CLI_DONE : decide_bad(t, path, err, &fault);
        if (err == ERR_OK)
            t->docs[t->doc_count++] = doc;
    }
    free(bytes);
    return code;
}

/* ID=FILE. */
static int
decide_read_list(struct decide_tool *t, const char *option)
{
    const char *equals = strchr(option, '=');
    char *bytes = NULL;
    struct span input;
    uint8_t sha256[32];
    struct fault fault = {0};
    if (equals == NULL || equals == option || equals[1] == 0)
        return cli_usage(t->cli, "--list takes ID=FILE, not '%s'", option);
    if (t->list_count == SOURCE_LISTS_MAX)
        return cli_usage(t->cli, "more than %d lists", SOURCE_LISTS_MAX);
    int code = decide_load(t, equals + 1, &bytes, &input, sha256);
    if (code == CLI_DONE) {
        struct list *list = &t->list[t->list_count];
        const enum err err = list_read(list, input, sha256, &fault);
        code = err == ERR_OK ? CLI_DONE : decide_bad(t, equals + 1, err, &fault);
        if (err == ERR_OK)
            t->lists[t->list_count++] =
                (struct decide_list){span_of(option, (size_t)(equals - option)), list, NULL};
    }
    free(bytes);
    return code;
}

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
        const struct decide_request q = {.docs = t->docs,
                                         .doc_count = t->doc_count,
                                         .lists = t->lists,
                                         .list_count = t->list_count,
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
    return err == ERR_OK ? CLI_DONE : decide_bad(t, path, err, &fault);
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
    const char *now = cli_value(t->cli, "--now");
    const char *vocab = cli_value(t->cli, "--vocab");
    const char *value = NULL;
    int code = CLI_DONE;
    int at = 0;
    if (vocab == NULL || now == NULL || cli_value(t->cli, "--input") == NULL)
        return cli_usage(t->cli, "--policy, --vocab, --now and --input are needed");
    if (text_parse_time(span_str(now), false, &t->now_ms) != ERR_OK)
        return cli_usage(t->cli, "--now takes a time as 2026-11-22T02:19:00Z, not '%s'", now);
    code = decide_read_vocab(t, vocab);
    while (code == CLI_DONE && (value = cli_next_value(t->cli, "--policy", &at)) != NULL)
        code = decide_read_policy(t, value);
    at = 0;
    while (code == CLI_DONE && (value = cli_next_operand(t->cli, &at)) != NULL)
        code = decide_read_policy(t, value);
    at = 0;
    while (code == CLI_DONE && (value = cli_next_value(t->cli, "--list", &at)) != NULL)
        code = decide_read_list(t, value);
    if (code == CLI_DONE && t->doc_count == 0)
        code = cli_usage(t->cli, "--policy, --vocab, --now and --input are needed");
    return code;
}

int
policy_decide_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "policy decide", &cli))
        return CLI_USAGE;
    struct decide_tool *t = calloc(1, sizeof(*t));
    if (t == NULL || digest_init() != ERR_OK) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        free(t);
        return CLI_UNREACHABLE;
    }
    t->cli = &cli;
    t->preflight = cli_has(&cli, "--preflight");
    int code = decide_setup(t);
    if (code == CLI_DONE)
        code = decide_all(t, cli_value(&cli, "--input"), cli_has(&cli, "--batch"));
    for (size_t i = 0; i < t->doc_count; i++)
        source_finish(&t->doc[i]);
    for (size_t i = 0; i < t->list_count; i++)
        list_finish(&t->list[i]);
    vocab_finish(&t->vocab);
    free(t);
    return code;
}
