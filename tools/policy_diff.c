/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy diff: every input for which two versions of a policy come to something else. Spec:
 * cli.md; background/policy.md 2, 4. */
#include <stdio.h>
#include <stdlib.h>

#include "schemas/text.h"
#include "tools/commands.h"
#include "tools/policy_log.h"
#include "tools/policy_region.h"

enum { POLICY_DIFF_LIMIT = 100 };

struct policy_diff {
    const struct cli *cli;
    struct policy_files files; /* OLD, NEW, then what stands beside both */
    struct cells cells;
    bool has_cells;
    struct explore_rule rules[EXPLORE_RULES_MAX];
    struct explore_problem problem;
    struct policy_region region;
    const struct source *side[2][DECIDE_DOCS_MAX];
    size_t side_count;
    uint64_t limit;
    uint64_t found;
    struct decision decision[2];
    size_t replayed; /* logged decisions of OLD, and how many NEW decides otherwise */
    size_t hit;
    char line[4 * POLICY_REGION_TEXT_MAX];
    enum err err;
};

static void
policy_diff_outcome(struct canon *w, const char *key, const struct explore_outcome *o)
{
    canon_key(w, key);
    canon_object(w);
    if (o->verdict != DECIDE_DENY) {
        canon_key(w, "obligations");
        canon_raw(w, o->obligations);
    }
    canon_member_str(w, "verdict", decide_verdict_name(o->verdict));
    canon_end(w);
}

static enum err
policy_diff_json(struct policy_diff *t, const struct explore_region *r, struct span example)
{
    struct canon w;
    struct span out;
    char now[25];
    TRY(text_time_ms(policy_region_time(r), now));
    canon_init(&w, t->line, sizeof(t->line));
    canon_object(&w);
    canon_key(&w, "example");
    canon_object(&w);
    canon_key(&w, "input");
    canon_raw(&w, example);
    canon_member_str(&w, "now", now);
    canon_end(&w);
    policy_diff_outcome(&w, "new", &r->outcome[1]);
    policy_diff_outcome(&w, "old", &r->outcome[0]);
    canon_key(&w, "region");
    canon_object(&w);
    policy_region_write(&t->problem, r, &w);
    canon_end(&w);
    canon_end(&w);
    TRY(canon_finish(&w, &out));
    printf("%.*s\n", (int)out.len, (const char *)out.ptr);
    return ERR_OK;
}

static void
policy_diff_print(const char *word, const struct explore_outcome *o)
{
    printf("   %s: %s%s%.*s\n", word, decide_verdict_name(o->verdict),
           o->obligations.len > 0 ? " " : "", (int)o->obligations.len,
           (const char *)o->obligations.ptr);
}

static bool
policy_diff_see(void *context, const struct explore_region *r)
{
    struct policy_diff *t = context;
    struct span example = {0};
    if (t->found == t->limit) {
        t->found++;
        return false;
    }
    t->found++;
    for (size_t i = 2; i-- > 0 && t->err == ERR_OK;)
        t->err = policy_region_check(&t->region, &t->problem, r, t->side[i], t->side_count,
                                     &r->outcome[i]);
    if (t->err == ERR_OK)
        t->err = policy_region_example(&t->region, &example);
    if (t->err == ERR_OK && cli_has(t->cli, "--json"))
        t->err = policy_diff_json(t, r, example);
    else if (t->err == ERR_OK) {
        printf("%llu.\n", (unsigned long long)t->found);
        policy_region_print(&t->problem, r);
        policy_diff_print("old", &r->outcome[0]);
        policy_diff_print("new", &r->outcome[1]);
        printf("   for example: %.*s\n", (int)example.len, (const char *)example.ptr);
    }
    return t->err == ERR_OK;
}

/* OLD for one side, NEW for the other, the rest for both. */
static enum err
policy_diff_prepare(struct policy_diff *t)
{
    struct explore_problem *p = &t->problem;
    const struct policy_files *f = &t->files;
    TRY(cells_make(&t->cells, f->docs, f->doc_count, f->lists, f->list_count));
    t->has_cells = true;
    *p = (struct explore_problem){.cells = &t->cells, .question = EXPLORE_DIFFER};
    for (uint32_t i = 0; i < f->vocab.zone_count; i++)
        vocab_set_add(&p->zones, i);
    for (uint32_t i = 0; i < f->vocab.class_count; i++)
        vocab_set_add(&p->labels, i);
    TRY(explore_add_doc(p, t->rules, f->docs[0], 1, 0));
    TRY(explore_add_doc(p, t->rules, f->docs[1], 2, 0));
    t->side[0][0] = f->docs[0];
    t->side[1][0] = f->docs[1];
    t->side_count = 1;
    for (unsigned i = 2; i < f->doc_count; i++) {
        TRY(explore_add_doc(p, t->rules, f->docs[i], 3, i - 1));
        t->side[0][t->side_count] = f->docs[i];
        t->side[1][t->side_count++] = f->docs[i];
    }
    /* Compared is what they say while both are meant to be in force. */
    p->from_ms =
        f->docs[0]->from_ms > f->docs[1]->from_ms ? f->docs[0]->from_ms : f->docs[1]->from_ms;
    p->until_ms = INT64_MAX;
    return ERR_OK;
}

/* The obligations of a decision, canonical; empty on deny. */
static enum err
policy_diff_duties(struct policy_diff *t, size_t side, struct span *ret)
{
    const size_t half = sizeof(t->line) / 2;
    struct canon w;
    *ret = (struct span){0};
    if (t->decision[side].verdict == DECIDE_DENY)
        return ERR_OK;
    canon_init(&w, t->line + side * half, half);
    obligation_set_write(&t->decision[side].obligations, &w);
    return canon_finish(&w, ret);
}

/* A transfer that OLD decided on: what both say of it. */
static enum err
policy_diff_replay(void *context, const struct policy_log_record *r)
{
    struct policy_diff *t = context;
    struct span duties[2];
    if (!policy_log_is_by(r, t->files.docs[0]->id))
        return ERR_OK;
    for (size_t i = 0; i < 2; i++) {
        TRY(policy_log_decide(r, &t->files, t->side[i], t->side_count, &t->region.facts,
                              &t->decision[i]));
        policy_log_rule(r, &t->files.vocab, &t->decision[i]);
        TRY(policy_diff_duties(t, i, &duties[i]));
    }
    t->replayed++;
    if (t->decision[0].verdict == t->decision[1].verdict && span_eq(duties[0], duties[1]))
        return ERR_OK;
    t->hit++;
    const char *was = decide_verdict_name(t->decision[0].verdict);
    const char *is = decide_verdict_name(t->decision[1].verdict);
    if (cli_has(t->cli, "--json"))
        printf("{\"new\":\"%s\",\"now\":\"%.*s\",\"old\":\"%s\",\"record\":\"%s\"}\n", is,
               (int)r->now.len, (const char *)r->now.ptr, was, r->sha256);
    else
        printf("logged %.*s %s: %s, would be %s%s\n", (int)r->now.len, (const char *)r->now.ptr,
               r->sha256, was, is, was == is ? " with other obligations" : "");
    return ERR_OK;
}

static int
policy_diff_log(struct policy_diff *t)
{
    const char *folder = cli_value(t->cli, "--replay");
    if (folder == NULL)
        return CLI_DONE;
    const int code = policy_log_read(t->cli, folder, policy_diff_replay, t);
    if (code == CLI_DONE && !cli_has(t->cli, "--json"))
        printf("of %zu logged decisions %zu would differ\n", t->replayed, t->hit);
    return code;
}

static int
policy_diff_run(struct policy_diff *t)
{
    enum err err = policy_diff_prepare(t);
    int code = CLI_DONE;
    if (err == ERR_OK && cli_value(t->cli, "--now") != NULL) {
        code = policy_files_now(t->cli, &t->problem.from_ms);
        t->problem.until_ms = t->problem.from_ms + 1;
    }
    if (code != CLI_DONE)
        return code;
    if (err == ERR_OK)
        err = explore_run(&t->problem, policy_diff_see, t);
    err = err == ERR_OK ? t->err : err;
    if (err != ERR_OK) {
        cli_say(t->cli, "no answer: %s", error_text(err));
        return CLI_UNREACHABLE;
    }
    if (t->found > t->limit)
        cli_say(t->cli, "more than %llu regions: give --limit to see more",
                (unsigned long long)t->limit);
    else if (t->found == 0 && !cli_has(t->cli, "--json"))
        printf("no input is decided otherwise\n");
    code = policy_diff_log(t);
    return code != CLI_DONE ? code : (t->found == 0 ? CLI_DONE : CLI_REFUSED);
}

static int
policy_diff_load(struct policy_diff *t)
{
    const char *path = NULL;
    int at = 0;
    int code = policy_files_vocab(&t->files, cli_value(t->cli, "--vocab"));
    while (code == CLI_DONE && (path = cli_next_operand(t->cli, &at)) != NULL)
        code = policy_files_policy(&t->files, path);
    if (code == CLI_DONE)
        code = policy_files_options(&t->files);
    if (code == CLI_DONE)
        code = policy_files_check(&t->files, 2);
    if (code == CLI_DONE &&
        !cli_number(t->cli, "--limit", 1, 1000000, POLICY_DIFF_LIMIT, &t->limit))
        code = CLI_USAGE;
    return code;
}

int
policy_diff_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "policy diff", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) != 2)
        return cli_usage(&cli, "give two files, OLD and NEW");
    struct policy_diff *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    t->cli = &cli;
    t->files.cli = &cli;
    int code = policy_diff_load(t);
    if (code == CLI_DONE)
        code = policy_diff_run(t);
    if (t->has_cells)
        cells_finish(&t->cells);
    policy_files_finish(&t->files);
    free(t);
    return fflush(stdout) == 0 ? code : CLI_UNREACHABLE;
}
