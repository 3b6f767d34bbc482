/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy lint: what a file of any format of policy/ says wrong, and what it says in vain. Spec:
 * cli.md; background/policy.md 2, 3. */
#include "tools/policy_lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/agreement.h"
#include "policy/manifest.h"
#include "policy/party.h"
#include "schemas/canon.h"
#include "tools/commands.h"

enum { POLICY_LINT_DETAIL_MAX = 512 };

static const struct {
    const char *code;
    enum policy_lint_level level;
    const char *sentence;
} policy_lint_table[POLICY_LINT_COUNT] = {
#define LINT(name, code, level, sentence) {code, POLICY_LINT_##level, sentence},
#include "tools/policy_lint.def"
#undef LINT
};

static const char *const policy_lint_levels[] = {"note", "warning", "error"};

static void
policy_lint_json(const struct policy_lint *l, enum policy_lint_code code, const struct fault *place,
                 const char *detail)
{
    char line[8 * POLICY_LINT_DETAIL_MAX + 2 * 4096];
    struct canon w;
    struct span out;
    canon_init(&w, line, sizeof(line));
    canon_object(&w);
    canon_member_str(&w, "code", policy_lint_table[code].code);
    canon_member_int(&w, "column", place->column);
    canon_member_str(&w, "detail", detail);
    canon_member_str(&w, "file", l->path);
    canon_member_str(&w, "level", policy_lint_levels[policy_lint_table[code].level]);
    canon_member_int(&w, "line", place->line);
    canon_member_str(&w, "sentence", policy_lint_table[code].sentence);
    canon_end(&w);
    if (canon_finish(&w, &out) == ERR_OK)
        printf("%.*s\n", (int)out.len, (const char *)out.ptr);
    else
        cli_say(l->files->cli, "%s: a finding cannot be written as JSON", l->path);
}

static void
policy_lint_print(struct policy_lint *l, enum policy_lint_code code, const struct fault *place,
                  const char *detail)
{
    l->findings++;
    l->errors += policy_lint_table[code].level == POLICY_LINT_ERROR ? 1 : 0;
    if (l->as_json) {
        policy_lint_json(l, code, place, detail);
        return;
    }
    printf("%s:%u:%u: %s: %s%s%s [%s]\n", l->path, place->line, place->column,
           policy_lint_levels[policy_lint_table[code].level], policy_lint_table[code].sentence,
           detail[0] == 0 ? "" : ": ", detail, policy_lint_table[code].code);
}

void
policy_lint_say(struct policy_lint *l, enum policy_lint_code code, const struct json_node *node,
                const char *detail, ...)
{
    char text[POLICY_LINT_DETAIL_MAX];
    struct fault place = {.line = 1, .column = 1};
    va_list args;
    va_start(args, detail);
    const int len = vsnprintf(text, sizeof(text), detail, args);
    va_end(args);
    if (len < 0)
        text[0] = 0;
    if (node != NULL)
        json_fault(l->json.input, node->offset, ERR_OK, "", &place);
    policy_lint_print(l, code, &place, text);
}

static void
policy_lint_refuse(struct policy_lint *l, enum err err, const struct fault *fault)
{
    char text[POLICY_LINT_DETAIL_MAX];
    struct fault place = {.line = 1, .column = 1};
    if (fault->code != ERR_OK)
        place = *fault;
    const bool has_where = fault->code != ERR_OK && fault->where[0] != 0;
    const int len = snprintf(text, sizeof(text), "%s%s%s", has_where ? fault->where : "",
                             has_where ? ": " : "", error_text(err));
    if (len < 0)
        text[0] = 0;
    policy_lint_print(l, POLICY_LINT_REFUSED, &place, text);
}

const struct json_node *
policy_lint_node(const struct policy_lint *l, const struct source_rule *rule)
{
    const struct json_node *rules = json_get(&l->json, &l->json.nodes[0], "rules");
    const struct json_node *n = json_first(&l->json, rules);
    for (; n != NULL; n = json_next(&l->json, rules, n))
        if (span_eq(json_get(&l->json, n, "id")->text, rule->id))
            return n;
    return NULL;
}

static enum err
policy_lint_policy(struct policy_lint *l, struct span input, const uint8_t sha256[static 32],
                   struct fault *fault)
{
    struct source doc;
    TRY(source_read(&doc, &l->files->vocab, input, sha256, fault));
    l->doc = &doc;
    policy_lint_rules(l);
    policy_lint_reach(l);
    l->doc = NULL;
    source_finish(&doc);
    return ERR_OK;
}

static enum err
policy_lint_agreement(struct policy_lint *l, struct span input, const uint8_t sha256[static 32],
                      struct fault *fault)
{
    struct agreement a;
    TRY(agreement_read(&a, &l->files->vocab, input, sha256, fault));
    const struct json_node *root = &l->json.nodes[0];
    if (l->now_ms >= a.valid_to_ms)
        policy_lint_say(l, POLICY_LINT_EXPIRED, json_get(&l->json, root, "valid_to"), "valid_to");
    const struct json_node *list = json_get(&l->json, root, "evidence");
    const struct json_node *n = json_first(&l->json, list);
    for (size_t i = 0; i < a.evidence_count; i++, n = json_next(&l->json, list, n))
        if (l->now_ms >= a.evidence[i].expires_ms)
            policy_lint_say(l, POLICY_LINT_EXPIRED, json_get(&l->json, n, "expires"),
                            "evidence %.*s", (int)a.evidence[i].kind.len,
                            (const char *)a.evidence[i].kind.ptr);
    agreement_finish(&a);
    return ERR_OK;
}

static enum err
policy_lint_manifest(struct policy_lint *l, struct span input, struct fault *fault)
{
    struct manifest m;
    const struct json_node *facts = NULL;
    const struct json_node *performed = NULL;
    TRY(manifest_read(&l->json, &m, &facts, &performed, fault));
    char *scratch = malloc(6 * input.len + 1);
    if (scratch == NULL)
        return ERR_NOMEM;
    const enum err err = canon_check(&l->json, scratch, 6 * input.len + 1);
    free(scratch);
    return err == ERR_OK ? ERR_OK
                         : json_fail(&l->json, &l->json.nodes[0], err, "a manifest", fault);
}

/* The other formats: nothing to find but what their reader refuses. */
static enum err
policy_lint_other(struct policy_lint *l, struct span format, struct span input,
                  const uint8_t sha256[static 32], struct fault *fault)
{
    if (span_eq_str(format, "tdz.vocab/1")) {
        struct vocab v;
        TRY(vocab_read(&v, input, sha256, fault));
        vocab_finish(&v);
        return ERR_OK;
    }
    if (span_eq_str(format, "tdz.list/1")) {
        struct list list;
        TRY(list_read(&list, input, sha256, fault));
        list_finish(&list);
        return ERR_OK;
    }
    if (span_eq_str(format, "tdz.partner/1")) {
        struct party p;
        TRY(party_read(&p, &l->files->vocab, input, sha256, fault));
        party_finish(&p);
        return ERR_OK;
    }
    policy_lint_say(l, POLICY_LINT_FORMAT, &l->json.nodes[0], "%.*s", (int)format.len,
                    (const char *)format.ptr);
    return ERR_OK;
}

/* The member that says what a file is. */
static struct span
policy_lint_format(const struct json_doc *json)
{
    const struct json_node *root = &json->nodes[0];
    const struct json_node *format = NULL;
    if (root->type == JSON_OBJECT)
        format = json_get(json, root, "format");
    if (format == NULL && root->type == JSON_OBJECT)
        format = json_get(json, root, "schema");
    return format != NULL && format->type == JSON_STRING ? format->text : SPAN_LIT("");
}

static int
policy_lint_file(struct policy_lint *l, const char *path)
{
    char *bytes = NULL;
    struct span input;
    uint8_t sha256[32];
    struct fault fault = {0};
    l->path = path;
    const int code = policy_files_bytes(l->files->cli, path, &bytes, &input, sha256);
    if (code == CLI_DONE) {
        enum err err = json_load(&l->json, input, &fault);
        const struct span format = err == ERR_OK ? policy_lint_format(&l->json) : SPAN_LIT("");
        if (err != ERR_OK)
            l->json = (struct json_doc){0};
        else if (span_eq_str(format, "tdz.policy/1"))
            err = policy_lint_policy(l, input, sha256, &fault);
        else if (span_eq_str(format, "tdz.agreement/1"))
            err = policy_lint_agreement(l, input, sha256, &fault);
        else if (span_eq_str(format, "tdz.manifest/1"))
            err = policy_lint_manifest(l, input, &fault);
        else
            err = policy_lint_other(l, format, input, sha256, &fault);
        if (err != ERR_OK)
            policy_lint_refuse(l, err, &fault);
        json_free(&l->json);
        l->json = (struct json_doc){0};
    }
    free(bytes);
    return code;
}

int
policy_lint_main(int argc, char **argv)
{
    struct cli cli;
    const char *path = NULL;
    int at = 0;
    if (!cli_parse(argc, argv, "policy lint", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) == 0)
        return cli_usage(&cli, "name at least one file");
    struct policy_files *files = calloc(1, sizeof(*files));
    if (files == NULL) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    files->cli = &cli;
    struct policy_lint l = {.files = files, .as_json = cli_has(&cli, "--json")};
    int code = policy_files_now(&cli, &l.now_ms);
    if (code == CLI_DONE)
        code = policy_files_options(files);
    while (code == CLI_DONE && (path = cli_next_operand(&cli, &at)) != NULL)
        code = policy_lint_file(&l, path);
    policy_files_finish(files);
    free(files);
    if (code == CLI_DONE && l.errors > 0)
        code = CLI_REFUSED;
    return fflush(stdout) == 0 ? code : CLI_UNREACHABLE;
}
