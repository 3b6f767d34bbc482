/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy explain: a decision in words of three languages, rule by rule, with the comparisons
 * that led there and the changes that would lead elsewhere. Spec: cli.md. */
#include "tools/policy_explain.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/record.h"
#include "schemas/canon.h"
#include "schemas/text.h"
#include "tools/commands.h"

static const char *const policy_explain_words[][3] = {
#define WORD(name, en, ms, zh) {en, ms, zh},
#include "tools/policy_explain.def"
#undef WORD
};
static const char *const policy_explain_langs[] = {"en", "ms", "zh"};

const char *
policy_explain_word(const struct policy_explain *t, enum policy_explain_word word)
{
    return policy_explain_words[word][t->lang];
}

static const struct decide_fired *
policy_explain_fired(const struct policy_explain *t, const struct source_rule *rule)
{
    for (size_t i = 0; i < t->decision.fired_count; i++)
        if (t->decision.fired[i].rule == rule)
            return &t->decision.fired[i];
    return NULL;
}

/* The rule's text in the language, else in English, else its name. */
static struct span
policy_explain_why(const struct policy_explain *t, const struct source *doc,
                   const struct source_rule *rule)
{
    const struct source_text *text = source_text(doc, rule->why);
    if (text == NULL)
        return rule->why;
    const struct span by_lang[] = {text->en, text->ms, text->zh};
    if (by_lang[t->lang].len > 0)
        return by_lang[t->lang];
    return text->en.len > 0 ? text->en : rule->why;
}

static void
policy_explain_rule(const struct policy_explain *t, const struct source *doc,
                    const struct source_rule *rule)
{
    const struct decide_fired *fired = policy_explain_fired(t, rule);
    const struct span why = policy_explain_why(t, doc, rule);
    printf("  %s ", source_effect_name(rule->effect));
    if (t->files.doc_count > 1)
        printf("%.*s/", (int)doc->id.len, (const char *)doc->id.ptr);
    printf("%.*s", (int)rule->id.len, (const char *)rule->id.ptr);
    if (fired != NULL && fired->on_unknown)
        printf(" (%s)", policy_explain_word(t, POLICY_EXPLAIN_ON_UNKNOWN));
    if (fired == NULL && rule->effect == SOURCE_PERMIT && t->now_ms >= rule->stale_ms)
        printf(" (%s)", policy_explain_word(t, POLICY_EXPLAIN_OVERDUE));
    printf(": %.*s", (int)why.len, (const char *)why.ptr);
    for (size_t i = 0; i < rule->cite_count; i++)
        printf("%s%.*s", i == 0 ? " [" : "; ", (int)rule->cites[i].len,
               (const char *)rule->cites[i].ptr);
    printf("%s\n", rule->cite_count > 0 ? "]" : "");
    policy_explain_trace(t, doc, rule);
}

/* The rules in scope that fired, or those that did not. */
static void
policy_explain_rules(const struct policy_explain *t, bool fired)
{
    bool first = true;
    for (size_t d = 0; d < t->decision.doc_count; d++) {
        const struct source *doc = t->decision.docs[d];
        for (size_t i = 0; i < doc->rule_count; i++) {
            const struct source_rule *rule = &doc->rules[i];
            if (!policy_explain_in_scope(t, doc, rule) ||
                (policy_explain_fired(t, rule) != NULL) != fired)
                continue;
            if (first)
                printf("\n%s\n", policy_explain_word(t, fired ? POLICY_EXPLAIN_BECAUSE
                                                              : POLICY_EXPLAIN_SILENT));
            first = false;
            policy_explain_rule(t, doc, rule);
        }
    }
}

static enum err
policy_explain_duties(struct policy_explain *t)
{
    struct canon w;
    struct span out;
    canon_init(&w, t->text, sizeof(t->text));
    obligation_set_write(&t->decision.obligations, &w);
    TRY(canon_finish(&w, &out));
    if (t->decision.verdict != DECIDE_DENY && out.len > 2)
        printf("\n%s\n  %.*s\n", policy_explain_word(t, POLICY_EXPLAIN_OBLIGATIONS), (int)out.len,
               (const char *)out.ptr);
    return ERR_OK;
}

static void
policy_explain_changes(const struct policy_explain *t)
{
    if (t->decision.verdict == DECIDE_ALLOW)
        return;
    printf("\n%s\n", policy_explain_word(t, POLICY_EXPLAIN_WOULD_HELP));
    for (size_t i = 0; i < t->change_count; i++)
        policy_explain_print(t, &t->changes[i]);
    if (t->change_count == 0)
        printf("  %s\n", policy_explain_word(t, t->unfinished ? POLICY_EXPLAIN_NOT_FOUND
                                                              : POLICY_EXPLAIN_NO_HELP));
}

static enum err
policy_explain_show(struct policy_explain *t)
{
    static const enum policy_explain_word verdicts[] = {POLICY_EXPLAIN_DENY, POLICY_EXPLAIN_HOLD,
                                                        POLICY_EXPLAIN_ALLOW};
    char now[25];
    TRY(text_time_ms(t->now_ms, now));
    printf("%s: %s (%s, %s)\n", policy_explain_word(t, verdicts[t->decision.verdict]),
           policy_explain_word(
               t, (enum policy_explain_word)(POLICY_EXPLAIN_PERMITTED + (int)t->decision.reason)),
           decide_reason_name(t->decision.reason), now);
    return ERR_OK;
}

/* The labels without a permit, on one line. */
static void
policy_explain_uncovered(const struct policy_explain *t)
{
    const struct decision *d = &t->decision;
    if (d->verdict != DECIDE_DENY || d->uncovered_count == 0)
        return;
    printf("%s:", policy_explain_word(t, POLICY_EXPLAIN_UNCOVERED));
    for (size_t i = 0; i < d->uncovered_count; i++)
        printf(" %.*s", (int)d->uncovered[i].len, (const char *)d->uncovered[i].ptr);
    printf("\n");
}

static void
policy_explain_json_change(const struct policy_explain *t, const struct policy_explain_change *c,
                           struct canon *w)
{
    canon_object(w);
    canon_key(w, "changes");
    canon_array(w);
    for (size_t i = 0; i < c->count; i++) {
        const struct policy_explain_option *o = &t->options[c->option[i]];
        canon_object(w);
        if (o->is_label) {
            canon_member_span(w, "without_label", t->facts.label[o->label]);
        } else {
            const struct cells_attr *attr = &t->cells.attrs[o->attr];
            const struct cells_cell *cell = &attr->cell[o->cell];
            canon_member_span(w, "fact", attr->name);
            if (attr->type == VOCAB_INT)
                canon_member_int(w, "value", policy_explain_number(t, o));
            else if (attr->type == VOCAB_BOOL)
                canon_member_bool(w, "value", cell->low != 0);
            else
                canon_member_span(w, "value", cell->texts[0]);
        }
        canon_end(w);
    }
    canon_end(w);
    canon_member_str(w, "verdict", decide_verdict_name(c->verdict));
    canon_end(w);
}

static enum err
policy_explain_json(struct policy_explain *t)
{
    struct canon w;
    struct span record;
    struct span input;
    struct span out;
    char *buf = malloc(RECORD_BYTES_MAX + 12 * JSON_BYTES_MAX);
    if (buf == NULL)
        return ERR_NOMEM;
    canon_init(&w, t->text, sizeof(t->text));
    canon_node(&w, &t->json, &t->json.nodes[0]);
    enum err err = canon_finish(&w, &input);
    const size_t half = RECORD_BYTES_MAX + 6 * JSON_BYTES_MAX;
    if (err == ERR_OK)
        err = record_write(&t->decision, input, buf, half, &record);
    if (err == ERR_OK) {
        canon_init(&w, buf + half, RECORD_BYTES_MAX + 12 * JSON_BYTES_MAX - half);
        canon_object(&w);
        canon_member_bool(&w, "complete", !t->unfinished);
        canon_key(&w, "counterfactuals");
        canon_array(&w);
        for (size_t i = 0; i < t->change_count; i++)
            policy_explain_json_change(t, &t->changes[i], &w);
        canon_end(&w);
        canon_key(&w, "record");
        canon_raw(&w, record);
        canon_end(&w);
        err = canon_finish(&w, &out);
    }
    if (err == ERR_OK)
        printf("%.*s\n", (int)out.len, (const char *)out.ptr);
    free(buf);
    return err;
}

static enum err
policy_explain_run(struct policy_explain *t)
{
    const struct decide_request q = {.docs = t->files.docs,
                                     .doc_count = t->files.doc_count,
                                     .lists = t->files.lists,
                                     .list_count = t->files.list_count,
                                     .now_ms = t->now_ms,
                                     .facts = &t->facts};
    TRY(cells_make(&t->cells, t->files.docs, t->files.doc_count, t->files.lists,
                   t->files.list_count));
    t->has_cells = true;
    TRY(decide_run(&q, &t->decision));
    TRY(policy_explain_find(t));
    if (cli_has(t->cli, "--json"))
        return policy_explain_json(t);
    TRY(policy_explain_show(t));
    policy_explain_uncovered(t);
    policy_explain_rules(t, true);
    policy_explain_rules(t, false);
    TRY(policy_explain_duties(t));
    policy_explain_changes(t);
    return ERR_OK;
}

static int
policy_explain_input(struct policy_explain *t, const char *path)
{
    char *bytes = NULL;
    size_t len = 0;
    struct fault fault = {0};
    if (!cli_must_read(t->cli, path, JSON_BYTES_MAX, &bytes, &len))
        return CLI_UNREACHABLE;
    facts_init(&t->facts);
    enum err err = json_load(&t->json, span_of(bytes, len), &fault);
    if (err == ERR_OK)
        err = facts_input(&t->facts, &t->json, &t->json.nodes[0], &fault);
    int code = CLI_DONE;
    if (err != ERR_OK) {
        code = policy_files_bad(t->cli, path, err, &fault);
    } else {
        err = policy_explain_run(t);
        if (err != ERR_OK) {
            cli_say(t->cli, "%s: %s", path, error_text(err));
            code = CLI_UNREACHABLE;
        }
    }
    json_free(&t->json);
    free(bytes);
    return code;
}

static int
policy_explain_setup(struct policy_explain *t)
{
    const char *lang = cli_value(t->cli, "--lang");
    size_t at = 0;
    while (lang != NULL && at < 3 && strcmp(lang, policy_explain_langs[at]) != 0)
        at++;
    if (at == 3)
        return cli_usage(t->cli, "--lang takes en, ms or zh, not '%s'", lang);
    t->lang = (enum policy_explain_lang)at;
    if (cli_value(t->cli, "--input") == NULL || cli_value(t->cli, "--policy") == NULL)
        return cli_usage(t->cli, "--policy and --input are needed");
    int code = policy_files_now(t->cli, &t->now_ms);
    if (code == CLI_DONE)
        code = policy_files_options(&t->files);
    return code == CLI_DONE ? policy_files_check(&t->files, 0) : code;
}

int
policy_explain_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "policy explain", &cli))
        return CLI_USAGE;
    struct policy_explain *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    t->cli = &cli;
    t->files.cli = &cli;
    int code = policy_explain_setup(t);
    if (code == CLI_DONE)
        code = policy_explain_input(t, cli_value(&cli, "--input"));
    if (t->has_cells)
        cells_finish(&t->cells);
    policy_files_finish(&t->files);
    free(t);
    return fflush(stdout) == 0 ? code : CLI_UNREACHABLE;
}
