/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/policy_files.h"

#include <stdlib.h>
#include <time.h>

#include "crypto/digest.h"
#include "schemas/text.h"
#include "tools/corevocab.h"

int
policy_files_bad(const struct cli *cli, const char *path, enum err err, const struct fault *fault)
{
    if (fault->code != ERR_OK)
        cli_fault(path, fault);
    else
        cli_say(cli, "%s: %s", path, error_text(err));
    return CLI_USAGE;
}

static int
policy_files_hash(const struct cli *cli, const char *path, struct span bytes,
                  uint8_t sha256[static 32])
{
    if (digest_init() == ERR_OK && digest_sha256(bytes, sha256) == ERR_OK)
        return CLI_DONE;
    cli_say(cli, "%s: %s", path, error_text(ERR_CRYPTO));
    return CLI_UNREACHABLE;
}

int
policy_files_bytes(const struct cli *cli, const char *path, char **ret_bytes, struct span *ret,
                   uint8_t sha256[static 32])
{
    size_t len = 0;
    if (!cli_must_read(cli, path, JSON_BYTES_MAX, ret_bytes, &len))
        return CLI_UNREACHABLE;
    *ret = span_of(*ret_bytes, len);
    return policy_files_hash(cli, path, *ret, sha256);
}

/* The vocabulary that comes with the product. */
static int
policy_files_built_in(struct policy_files *f)
{
    struct fault fault = {0};
    const enum err err = corevocab_init(&f->vocab, &fault);
    f->has_vocab = err == ERR_OK;
    return err == ERR_OK ? CLI_DONE : policy_files_bad(f->cli, COREVOCAB_NAME, err, &fault);
}

int
policy_files_vocab(struct policy_files *f, const char *path)
{
    char *bytes = NULL;
    struct span input;
    uint8_t sha256[32];
    struct fault fault = {0};
    if (f->has_vocab)
        return CLI_DONE;
    if (path == NULL)
        return policy_files_built_in(f);
    int code = policy_files_bytes(f->cli, path, &bytes, &input, sha256);
    if (code == CLI_DONE) {
        const enum err err = vocab_read(&f->vocab, input, sha256, &fault);
        code = err == ERR_OK ? CLI_DONE : policy_files_bad(f->cli, path, err, &fault);
        f->has_vocab = err == ERR_OK;
    }
    free(bytes);
    return code;
}

int
policy_files_policy(struct policy_files *f, const char *path)
{
    char *bytes = NULL;
    struct span input;
    uint8_t sha256[32];
    struct fault fault = {0};
    if (f->doc_count == DECIDE_DOCS_MAX)
        return cli_usage(f->cli, "more than %d policies", DECIDE_DOCS_MAX);
    int code = policy_files_bytes(f->cli, path, &bytes, &input, sha256);
    if (code == CLI_DONE) {
        struct source *doc = &f->doc[f->doc_count];
        const enum err err = source_read(doc, &f->vocab, input, sha256, &fault);
        code = err == ERR_OK ? CLI_DONE : policy_files_bad(f->cli, path, err, &fault);
        if (err == ERR_OK)
            f->docs[f->doc_count++] = doc;
    }
    free(bytes);
    return code;
}

int
policy_files_list(struct policy_files *f, struct span alias, const char *path)
{
    char *bytes = NULL;
    struct span input;
    uint8_t sha256[32];
    struct fault fault = {0};
    if (f->list_count == SOURCE_LISTS_MAX)
        return cli_usage(f->cli, "more than %d lists", SOURCE_LISTS_MAX);
    int code = policy_files_bytes(f->cli, path, &bytes, &input, sha256);
    if (code == CLI_DONE) {
        struct list *list = &f->list[f->list_count];
        const enum err err = list_read(list, input, sha256, &fault);
        code = err == ERR_OK ? CLI_DONE : policy_files_bad(f->cli, path, err, &fault);
        char *name = err == ERR_OK ? malloc(alias.len + 1) : NULL;
        if (err == ERR_OK && name == NULL) {
            list_finish(list);
            code = policy_files_bad(f->cli, path, ERR_NOMEM, &fault);
        } else if (err == ERR_OK) {
            memcpy(name, alias.ptr, alias.len);
            f->alias[f->list_count] = name;
            f->lists[f->list_count++] = (struct decide_list){span_of(name, alias.len), list, NULL};
        }
    }
    free(bytes);
    return code;
}

int
policy_files_options(struct policy_files *f)
{
    const char *value = NULL;
    int at = 0;
    int code = policy_files_vocab(f, cli_value(f->cli, "--vocab"));
    while (code == CLI_DONE && (value = cli_next_value(f->cli, "--policy", &at)) != NULL)
        code = policy_files_policy(f, value);
    at = 0;
    while (code == CLI_DONE && (value = cli_next_value(f->cli, "--list", &at)) != NULL) {
        const char *equals = strchr(value, '=');
        if (equals == NULL || equals == value || equals[1] == 0)
            return cli_usage(f->cli, "--list takes ID=FILE, not '%s'", value);
        code = policy_files_list(f, span_of(value, (size_t)(equals - value)), equals + 1);
    }
    return code;
}

static bool
policy_files_uses(const struct policy_files *f, struct span alias)
{
    for (size_t i = 0; i < f->doc_count; i++)
        for (size_t k = 0; k < f->docs[i]->list_count; k++)
            if (span_eq(f->docs[i]->lists[k].alias, alias))
                return true;
    return false;
}

int
policy_files_check(const struct policy_files *f, size_t apart)
{
    for (size_t i = 0; i < f->doc_count; i++)
        for (size_t k = 0; k < i; k++)
            if (i >= apart && span_eq(f->docs[i]->id, f->docs[k]->id))
                return cli_usage(f->cli, "two of the policies have the id '%.*s'",
                                 (int)f->docs[i]->id.len, (const char *)f->docs[i]->id.ptr);
    for (size_t i = 0; i < f->list_count; i++) {
        const struct span alias = f->lists[i].alias;
        if (!policy_files_uses(f, alias))
            cli_say(f->cli, "--list: no policy has a list of the name '%.*s': it is not used",
                    (int)alias.len, (const char *)alias.ptr);
        for (size_t k = 0; k < i; k++)
            if (span_eq(f->lists[k].alias, alias))
                return cli_usage(f->cli, "--list: '%.*s' is given twice", (int)alias.len,
                                 (const char *)alias.ptr);
    }
    return CLI_DONE;
}

int
policy_files_now(const struct cli *cli, int64_t *ret_ms)
{
    const char *now = cli_value(cli, "--now");
    struct timespec at;
    if (now != NULL) {
        if (text_parse_time(span_str(now), false, ret_ms) == ERR_OK)
            return CLI_DONE;
        return cli_usage(cli, "--now takes a time as 2026-11-22T02:19:00Z, not '%s'", now);
    }
    if (clock_gettime(CLOCK_REALTIME, &at) != 0 || at.tv_sec < 0) {
        cli_say(cli, "the clock of this machine cannot be read: give --now");
        return CLI_UNREACHABLE;
    }
    *ret_ms = (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
    return CLI_DONE;
}

void
policy_files_finish(struct policy_files *f)
{
    for (size_t i = 0; i < f->doc_count; i++)
        source_finish(&f->doc[i]);
    for (size_t i = 0; i < f->list_count; i++) {
        list_finish(&f->list[i]);
        free(f->alias[i]);
    }
    if (f->has_vocab)
        vocab_finish(&f->vocab);
}
