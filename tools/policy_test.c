/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy test: runs test files and tells what they leave untried. Spec: cli.md. */
#include "tools/policy_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "schemas/canon.h"
#include "schemas/text.h"
#include "tools/commands.h"

enum { POLICY_TEST_PATH_MAX = 4096 };

/* name as seen from the folder of the test file. */
static bool
policy_test_path(const struct policy_test *t, struct span name, char out[static 4096])
{
    const char *slash = strrchr(t->path, '/');
    const bool is_root = name.len > 0 && name.ptr[0] == '/';
    const size_t folder = slash == NULL || is_root ? 0 : (size_t)(slash - t->path) + 1;
    const int len = snprintf(out, POLICY_TEST_PATH_MAX, "%.*s%.*s", (int)folder, t->path,
                             (int)name.len, (const char *)name.ptr);
    return len > 0 && len < POLICY_TEST_PATH_MAX && memchr(name.ptr, 0, name.len) == NULL;
}

/* Prints a fault of the test file itself. */
static int
policy_test_bad(const struct policy_test *t, const struct json_node *node, enum err err,
                const char *where)
{
    struct fault fault = {0};
    return policy_files_bad(t->cli, t->path, json_fail(&t->json, node, err, where, &fault), &fault);
}

static int
policy_test_policies(struct policy_test *t, const struct json_node *list)
{
    char path[POLICY_TEST_PATH_MAX];
    int code = CLI_DONE;
    if (list == NULL || list->type != JSON_ARRAY || list->count == 0)
        return policy_test_bad(t, &t->json.nodes[0], ERR_MISSING, "policies: a list of files");
    const struct json_node *n = json_first(&t->json, list);
    for (; n != NULL && code == CLI_DONE; n = json_next(&t->json, list, n)) {
        if (n->type != JSON_STRING || !policy_test_path(t, n->text, path))
            return policy_test_bad(t, n, ERR_TYPE, "the name of a file must be here");
        code = policy_files_policy(&t->files, path);
    }
    return code;
}

static int
policy_test_lists(struct policy_test *t, const struct json_node *object)
{
    char path[POLICY_TEST_PATH_MAX];
    int code = CLI_DONE;
    if (object == NULL)
        return CLI_DONE;
    if (object->type != JSON_OBJECT)
        return policy_test_bad(t, object, ERR_TYPE, "lists is an object of files");
    const struct json_node *k = json_first(&t->json, object);
    for (; k != NULL && code == CLI_DONE; k = json_next(&t->json, object, k)) {
        const struct json_node *file = json_value(&t->json, k);
        if (file->type != JSON_STRING || !policy_test_path(t, file->text, path))
            return policy_test_bad(t, file, ERR_TYPE, "the name of a file must be here");
        code = policy_files_list(&t->files, k->text, path);
    }
    return code;
}

/* The members of the file but its cases. */
static int
policy_test_head(struct policy_test *t)
{
    static const char *const fields[] = {"format", "vocabulary", "policies", "lists",
                                         "now",    "given",      "cases",    "note"};
    const struct json_node *root = &t->json.nodes[0];
    struct fault fault = {0};
    struct span format;
    char path[POLICY_TEST_PATH_MAX];
    if (root->type != JSON_OBJECT)
        return policy_test_bad(t, root, ERR_TYPE, "a test file is an object");
    enum err err = json_need_str(&t->json, root, "format", 64, &format, &fault);
    if (err == ERR_OK && !span_eq_str(format, "tdz.policytest/1"))
        return policy_test_bad(t, json_get(&t->json, root, "format"), ERR_VERSION,
                               "format must be tdz.policytest/1");
    if (err == ERR_OK)
        err = json_only(&t->json, root, fields, 8, &fault);
    if (err != ERR_OK)
        return policy_files_bad(t->cli, t->path, err, &fault);
    const struct json_node *now = json_get(&t->json, root, "now");
    if (now == NULL || now->type != JSON_STRING ||
        text_parse_time(now->text, false, &t->now_ms) != ERR_OK)
        return policy_test_bad(t, now == NULL ? root : now, ERR_SYNTAX, "now is a time");
    t->given = json_get(&t->json, root, "given");
    if (t->given != NULL && t->given->type != JSON_OBJECT)
        return policy_test_bad(t, t->given, ERR_TYPE, "given is an object");
    const struct json_node *vocab = json_get(&t->json, root, "vocabulary");
    if (vocab != NULL && (vocab->type != JSON_STRING || !policy_test_path(t, vocab->text, path)))
        return policy_test_bad(t, vocab, ERR_TYPE, "the name of a file must be here");
    int code = policy_files_vocab(&t->files, vocab == NULL ? NULL : path);
    if (code == CLI_DONE)
        code = policy_test_policies(t, json_get(&t->json, root, "policies"));
    return code == CLI_DONE ? policy_test_lists(t, json_get(&t->json, root, "lists")) : code;
}

static enum err
policy_test_cover_make(struct policy_test *t)
{
    TRY(cells_make(&t->cells, t->files.docs, t->files.doc_count, t->files.lists,
                   t->files.list_count));
    t->has_cells = true;
    t->first_cell = calloc(t->cells.attr_count + 1, sizeof(*t->first_cell));
    if (t->first_cell == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->cells.attr_count; i++) {
        t->first_cell[i] = t->cell_total;
        t->cell_total += t->cells.attrs[i].cell_count;
    }
    size_t rules = 0;
    for (size_t d = 0; d < t->files.doc_count; d++)
        rules += t->files.doc[d].rule_count;
    t->cover = calloc(rules + 1, sizeof(*t->cover));
    if (t->cover == NULL)
        return ERR_NOMEM;
    for (size_t d = 0; d < t->files.doc_count; d++)
        for (size_t i = 0; i < t->files.doc[d].rule_count; i++) {
            struct policy_test_cover *c = &t->cover[t->cover_count];
            c->doc = &t->files.doc[d];
            c->rule = &t->files.doc[d].rules[i];
            c->tried = calloc(t->cell_total + 1, sizeof(*c->tried));
            if (c->tried == NULL)
                return ERR_NOMEM;
            t->cover_count++;
        }
    return ERR_OK;
}

static bool
policy_test_reads(const struct policy_test_cover *c, struct span name)
{
    for (size_t i = 0; i < c->rule->step_count; i++) {
        const struct source_step *step = &c->rule->steps[i];
        if (step->op != SOURCE_NOT && step->op != SOURCE_AND && step->op != SOURCE_OR &&
            span_eq(c->doc->attrs[step->attr].name, name))
            return true;
    }
    return false;
}

static void
policy_test_print_cell(const struct policy_test_cover *c, const struct cells_attr *attr,
                       const struct cells_cell *cell)
{
    printf("   %.*s: not tried with %.*s ", (int)c->rule->id.len, (const char *)c->rule->id.ptr,
           (int)attr->name.len, (const char *)attr->name.ptr);
    if (cell->is_absent)
        printf("not known\n");
    else if (attr->type == VOCAB_BOOL)
        printf("%s\n", cell->low != 0 ? "true" : "false");
    else if (attr->type == VOCAB_INT)
        printf("from %lld to %lld\n", (long long)cell->low, (long long)cell->high);
    else if (cell->is_rest)
        printf("any text that is not mentioned\n");
    else
        printf("%.*s%s\n", (int)cell->texts[0].len, (const char *)cell->texts[0].ptr,
               cell->text_count > 1 ? " or one like it" : "");
}

struct policy_test_sum
policy_test_sum(const struct policy_test *t, bool list)
{
    struct policy_test_sum sum = {.rules = t->cover_count};
    for (size_t i = 0; i < t->cover_count; i++) {
        const struct policy_test_cover *c = &t->cover[i];
        sum.fired += c->fired ? 1 : 0;
        sum.silent += c->silent ? 1 : 0;
        if (list && (!c->fired || !c->silent))
            printf("   %.*s: no case says that it %s\n", (int)c->rule->id.len,
                   (const char *)c->rule->id.ptr,
                   c->fired ? "stays silent" : (c->silent ? "fires" : "fires or stays silent"));
        for (size_t a = 0; a < t->cells.attr_count; a++) {
            if (!policy_test_reads(c, t->cells.attrs[a].name))
                continue;
            for (size_t k = 0; k < t->cells.attrs[a].cell_count; k++) {
                sum.cells++;
                if (c->tried[t->first_cell[a] + k])
                    sum.tried++;
                else if (list)
                    policy_test_print_cell(c, &t->cells.attrs[a], &t->cells.attrs[a].cell[k]);
            }
        }
    }
    return sum;
}

static void
policy_test_json(const struct policy_test *t, const struct policy_test_sum *sum)
{
    char line[2 * POLICY_TEST_PATH_MAX + 512];
    struct canon w;
    struct span out;
    canon_init(&w, line, sizeof(line));
    canon_object(&w);
    canon_member_int(&w, "cases", (int64_t)t->cases);
    canon_member_int(&w, "cells", (int64_t)sum->cells);
    canon_member_int(&w, "cells_tried", (int64_t)sum->tried);
    canon_member_int(&w, "failed", (int64_t)t->failed);
    canon_member_str(&w, "file", t->path);
    canon_member_int(&w, "rules", (int64_t)sum->rules);
    canon_member_int(&w, "rules_fired", (int64_t)sum->fired);
    canon_member_int(&w, "rules_silent", (int64_t)sum->silent);
    canon_end(&w);
    if (canon_finish(&w, &out) == ERR_OK)
        printf("%.*s\n", (int)out.len, (const char *)out.ptr);
}

/* Prints the totals; CLI_REFUSED when a case failed or the coverage asked for is not there. */
static int
policy_test_report(const struct policy_test *t, uint64_t percent)
{
    const struct policy_test_sum sum = policy_test_sum(t, cli_has(t->cli, "--missing"));
    const bool rules = sum.fired == sum.rules && sum.silent == sum.rules;
    const bool cells = sum.tried * 100 >= sum.cells * percent;
    if (cli_has(t->cli, "--json"))
        policy_test_json(t, &sum);
    else
        printf("%s: %zu of %zu cases pass; of %zu rules %zu fire and %zu stay silent; %zu of %zu "
               "cells tried\n",
               t->path, t->cases - t->failed, t->cases, sum.rules, sum.fired, sum.silent, sum.tried,
               sum.cells);
    if (cli_has(t->cli, "--rules") && !rules)
        cli_say(t->cli, "%s: not every rule has a case that it fires and one that it does not",
                t->path);
    if (!cells)
        cli_say(t->cli, "%s: fewer than %llu%% of the cells are tried", t->path,
                (unsigned long long)percent);
    return t->failed > 0 || (cli_has(t->cli, "--rules") && !rules) || !cells ? CLI_REFUSED
                                                                             : CLI_DONE;
}

static int
policy_test_cases(struct policy_test *t)
{
    struct fault fault = {0};
    const struct json_node *list = json_get(&t->json, &t->json.nodes[0], "cases");
    if (list == NULL || list->type != JSON_ARRAY)
        return policy_test_bad(t, &t->json.nodes[0], ERR_MISSING, "cases: a list");
    enum err err = policy_test_cover_make(t);
    const struct json_node *n = json_first(&t->json, list);
    for (; n != NULL && err == ERR_OK; n = json_next(&t->json, list, n))
        err = policy_test_case(t, n, &fault);
    return err == ERR_OK ? CLI_DONE : policy_files_bad(t->cli, t->path, err, &fault);
}

static int
policy_test_file(const struct cli *cli, const char *path, uint64_t percent)
{
    char *bytes = NULL;
    size_t len = 0;
    struct fault fault = {0};
    struct policy_test *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        cli_say(cli, "%s", error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    t->cli = cli;
    t->files.cli = cli;
    t->path = path;
    int code = CLI_UNREACHABLE;
    if (cli_must_read(cli, path, JSON_BYTES_MAX, &bytes, &len)) {
        const enum err err = json_load(&t->json, span_of(bytes, len), &fault);
        code = err == ERR_OK ? policy_test_head(t) : policy_files_bad(cli, path, err, &fault);
        if (code == CLI_DONE)
            code = policy_test_cases(t);
        if (code == CLI_DONE)
            code = policy_test_report(t, percent);
        if (err == ERR_OK)
            json_free(&t->json);
    }
    for (size_t i = 0; i < t->cover_count; i++)
        free(t->cover[i].tried);
    free(t->cover);
    free(t->first_cell);
    if (t->has_cells)
        cells_finish(&t->cells);
    policy_files_finish(&t->files);
    free(bytes);
    free(t);
    return code;
}

int
policy_test_main(int argc, char **argv)
{
    struct cli cli;
    const char *path = NULL;
    uint64_t percent = 0;
    int at = 0;
    int worst = CLI_DONE;
    if (!cli_parse(argc, argv, "policy test", &cli) ||
        !cli_number(&cli, "--cells", 0, 100, 0, &percent))
        return CLI_USAGE;
    if (cli_operand_count(&cli) == 0)
        return cli_usage(&cli, "name at least one test file");
    while ((path = cli_next_operand(&cli, &at)) != NULL) {
        const int code = policy_test_file(&cli, path, percent);
        worst = code > worst ? code : worst;
    }
    return fflush(stdout) == 0 ? worst : CLI_UNREACHABLE;
}
