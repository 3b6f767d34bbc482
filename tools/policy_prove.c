/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy prove: whether any input at all lets a class of data through to a zone. Spec: cli.md;
 * background/policy.md 2 (4), 4. */
#include <stdio.h>
#include <stdlib.h>

#include "schemas/text.h"
#include "tools/commands.h"
#include "tools/policy_region.h"

enum { POLICY_PROVE_WORDS_MAX = 64, POLICY_PROVE_ASKED_MAX = POLICY_PROVE_WORDS_MAX / 2 };

struct policy_prove {
    const struct cli *cli;
    struct policy_files files;
    struct cells cells;
    bool has_cells;
    struct explore_rule rules[EXPLORE_RULES_MAX];
    struct explore_problem problem;
    uint32_t fixed[CELLS_ATTRS_MAX];
    struct facts_entry asked[POLICY_PROVE_ASKED_MAX]; /* the values of the sentence */
    char asked_text[POLICY_PROVE_ASKED_MAX][VOCAB_STRING_MAX];
    struct policy_region region;
    char line[2 * POLICY_REGION_TEXT_MAX];
    bool found;
    enum err err;
};

/* The words of a sentence. */
struct policy_words {
    struct span word[POLICY_PROVE_WORDS_MAX];
    size_t count;
    size_t at;
};

static bool
policy_prove_split(const char *text, struct policy_words *w)
{
    const struct span s = span_str(text);
    size_t at = 0;
    while (at < s.len) {
        size_t end = at;
        while (end < s.len && s.ptr[end] != ' ')
            end++;
        if (end > at && w->count == POLICY_PROVE_WORDS_MAX)
            return false;
        if (end > at)
            w->word[w->count++] = span_of(s.ptr + at, end - at);
        at = end + 1;
    }
    return true;
}

static bool
policy_prove_next(struct policy_words *w, const char *word)
{
    if (w->at == w->count || !span_eq_str(w->word[w->at], word))
        return false;
    w->at++;
    return true;
}

/* The next word as a name; the empty span when there is none. */
static struct span
policy_prove_name(struct policy_words *w)
{
    return w->at < w->count ? w->word[w->at++] : (struct span){0};
}

/* LABEL and everything under it; ZONE and everything under it. */
static int
policy_prove_scope(struct policy_prove *t, struct span label, struct span zone)
{
    const struct vocab *v = &t->files.vocab;
    const uint32_t class = vocab_class(v, label);
    const uint32_t to = vocab_zone(v, zone);
    if (class == VOCAB_NONE)
        return cli_usage(t->cli, "the vocabulary declares no class '%.*s'", (int)label.len,
                         (const char *)label.ptr);
    if (to == VOCAB_NONE)
        return cli_usage(t->cli, "the vocabulary declares no zone '%.*s'", (int)zone.len,
                         (const char *)zone.ptr);
    for (uint32_t i = 0; i < v->class_count; i++)
        if (vocab_class_under(v, i, class))
            vocab_set_add(&t->problem.labels, i);
    for (uint32_t i = 0; i < v->zone_count; i++)
        if (vocab_zone_under(v, i, to))
            vocab_set_add(&t->problem.zones, i);
    return CLI_DONE;
}

/* Reads a value that is JSON or a bare word; ret's text is copied to buf. False if a text is longer
 * than any attribute can have it. */
static bool
policy_prove_value(struct span value, char buf[static VOCAB_STRING_MAX], struct facts_entry *ret)
{
    struct json_doc doc = {0};
    struct facts_entry e = {.type = FACTS_TEXT, .source = VOCAB_GATEWAY, .text = value};
    if (json_load(&doc, value, NULL) == ERR_OK) {
        const struct json_node *n = &doc.nodes[0];
        e.number = n->number;
        if (n->type == JSON_BOOL || n->type == JSON_INT)
            e.type = n->type == JSON_BOOL ? FACTS_BOOL : FACTS_INT;
        else if (n->type == JSON_STRING)
            e.text = n->text;
    }
    const bool fits = e.text.len <= VOCAB_STRING_MAX;
    if (fits && e.text.len > 0)
        memcpy(buf, e.text.ptr, e.text.len);
    e.text = span_of(buf, fits ? e.text.len : 0);
    json_free(&doc);
    *ret = e;
    return fits;
}

/* NAME=VALUE: only inputs with that value. What no condition reads narrows nothing, and is in the
 * witness all the same. */
static int
policy_prove_where(struct policy_prove *t, struct span fact)
{
    size_t equals = 0;
    const size_t at = t->region.asked_count;
    struct facts_entry *e = &t->asked[at];
    while (equals < fact.len && fact.ptr[equals] != '=')
        equals++;
    const struct span name = span_of(fact.ptr, equals);
    const struct span value = span_from(fact, equals + 1);
    const struct vocab_attr *declared = vocab_attr(&t->files.vocab, name);
    const size_t attr = cells_attr(&t->cells, name);
    if (span_eq_str(name, "to") || span_eq_str(name, "labels"))
        return cli_usage(t->cli, "'%.*s' is what LABEL and ZONE say", (int)name.len,
                         (const char *)name.ptr);
    if (attr == t->cells.attr_count && declared == NULL)
        return cli_usage(t->cli, "the vocabulary declares no fact '%.*s'", (int)name.len,
                         (const char *)name.ptr);
    for (size_t i = 0; i < at; i++)
        if (span_eq(t->asked[i].name, name))
            return cli_usage(t->cli, "'%.*s' is asked for twice", (int)name.len,
                             (const char *)name.ptr);
    bool fits = at < POLICY_PROVE_ASKED_MAX && policy_prove_value(value, t->asked_text[at], e);
    const size_t cell = fits && attr < t->cells.attr_count ? cells_find(&t->cells, attr, e) : 0;
    if (attr < t->cells.attr_count)
        fits = cell != 0;
    else
        fits = fits && facts_fits(&t->files.vocab, declared, e);
    if (!fits)
        return cli_usage(t->cli, "'%.*s' is not a value of '%.*s'", (int)value.len,
                         (const char *)value.ptr, (int)name.len, (const char *)name.ptr);
    e->name = name;
    t->region.asked = t->asked;
    t->region.asked_count++;
    if (attr < t->cells.attr_count)
        t->fixed[attr] = (uint32_t)cell;
    return CLI_DONE;
}

/* no path from LABEL to ZONE [without OBLIGATION] [where NAME=VALUE [and NAME=VALUE]...] */
static int
policy_prove_read(struct policy_prove *t, const char *sentence)
{
    struct policy_words w = {0};
    const bool good = policy_prove_split(sentence, &w) && policy_prove_next(&w, "no") &&
                      policy_prove_next(&w, "path") && policy_prove_next(&w, "from");
    const struct span label = policy_prove_name(&w);
    const bool has_to = policy_prove_next(&w, "to");
    const struct span zone = policy_prove_name(&w);
    if (!good || !has_to || zone.len == 0)
        return cli_usage(t->cli, "a sentence begins with: no path from LABEL to ZONE");
    int code = policy_prove_scope(t, label, zone);
    if (code == CLI_DONE && policy_prove_next(&w, "without")) {
        t->problem.without = policy_prove_name(&w);
        if (vocab_obligation(&t->files.vocab, t->problem.without) == NULL)
            return cli_usage(t->cli, "the vocabulary declares no obligation '%.*s'",
                             (int)t->problem.without.len, (const char *)t->problem.without.ptr);
    }
    if (code == CLI_DONE && policy_prove_next(&w, "where")) {
        do
            code = policy_prove_where(t, policy_prove_name(&w));
        while (code == CLI_DONE && policy_prove_next(&w, "and"));
    }
    if (code == CLI_DONE && w.at < w.count)
        return cli_usage(t->cli, "'%.*s' is not understood", (int)w.word[w.at].len,
                         (const char *)w.word[w.at].ptr);
    return code;
}

static void
policy_prove_json(struct policy_prove *t, const struct explore_region *r, struct span example)
{
    struct canon w;
    struct span out;
    char now[25];
    canon_init(&w, t->line, sizeof(t->line));
    canon_object(&w);
    canon_member_bool(&w, "proved", r == NULL);
    if (r != NULL) {
        canon_key(&w, "region");
        canon_object(&w);
        policy_region_write(&t->problem, r, &w);
        canon_end(&w);
        canon_key(&w, "witness");
        canon_object(&w);
        canon_key(&w, "input");
        canon_raw(&w, example);
        if (text_time_ms(policy_region_time(r), now) == ERR_OK)
            canon_member_str(&w, "now", now);
        canon_key(&w, "obligations");
        canon_raw(&w, r->outcome[0].obligations);
        canon_member_str(&w, "verdict", decide_verdict_name(r->outcome[0].verdict));
        canon_end(&w);
    }
    canon_end(&w);
    t->err = canon_finish(&w, &out);
    if (t->err == ERR_OK)
        printf("%.*s\n", (int)out.len, (const char *)out.ptr);
}

static bool
policy_prove_see(void *context, const struct explore_region *r)
{
    struct policy_prove *t = context;
    struct span example = {0};
    char now[25] = "";
    t->found = true;
    t->err = policy_region_check(&t->region, &t->problem, r, t->files.docs, t->files.doc_count,
                                 &r->outcome[0]);
    if (t->err == ERR_OK)
        t->err = policy_region_example(&t->region, &example);
    if (t->err == ERR_OK)
        t->err = text_time_ms(policy_region_time(r), now);
    if (t->err != ERR_OK)
        return false;
    if (cli_has(t->cli, "--json")) {
        policy_prove_json(t, r, example);
        return false;
    }
    printf("not so: these inputs get %s\n", decide_verdict_name(r->outcome[0].verdict));
    policy_region_print(&t->problem, r);
    printf("   with obligations %.*s\n", (int)r->outcome[0].obligations.len,
           (const char *)r->outcome[0].obligations.ptr);
    printf("   for example, at %s: %.*s\n", now, (int)example.len, (const char *)example.ptr);
    return false;
}

static int
policy_prove_run(struct policy_prove *t, const char *sentence)
{
    struct explore_problem *p = &t->problem;
    enum err err = cells_make(&t->cells, t->files.docs, t->files.doc_count, t->files.lists,
                              t->files.list_count);
    t->has_cells = err == ERR_OK;
    *p = (struct explore_problem){.cells = &t->cells, .question = EXPLORE_PASSES};
    p->from_ms = INT64_MIN;
    p->until_ms = INT64_MAX;
    p->fixed = t->fixed;
    for (size_t i = 0; i < CELLS_ATTRS_MAX; i++)
        t->fixed[i] = EXPLORE_FREE;
    for (size_t i = 0; err == ERR_OK && i < t->files.doc_count; i++)
        err = explore_add_doc(p, t->rules, t->files.docs[i], 1, (unsigned)i);
    int code = err == ERR_OK ? policy_prove_read(t, sentence) : CLI_DONE;
    if (code == CLI_DONE && err == ERR_OK && cli_value(t->cli, "--now") != NULL) {
        code = policy_files_now(t->cli, &p->from_ms);
        p->until_ms = p->from_ms + 1;
    }
    if (code != CLI_DONE)
        return code;
    if (err == ERR_OK)
        err = explore_run(p, policy_prove_see, t);
    err = err == ERR_OK ? t->err : err;
    if (err != ERR_OK) {
        cli_say(t->cli, "no answer: %s", error_text(err));
        return CLI_UNREACHABLE;
    }
    if (!t->found && cli_has(t->cli, "--json"))
        policy_prove_json(t, NULL, (struct span){0});
    else if (!t->found)
        printf("proved: %s\n", sentence);
    return t->found ? CLI_REFUSED : CLI_DONE;
}

int
policy_prove_main(int argc, char **argv)
{
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "policy prove", &cli))
        return CLI_USAGE;
    const char *sentence = cli_next_operand(&cli, &at);
    if (cli_operand_count(&cli) != 1)
        return cli_usage(&cli, "give one sentence, in quotes");
    struct policy_prove *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    t->cli = &cli;
    t->files.cli = &cli;
    int code = policy_files_options(&t->files);
    if (code == CLI_DONE && t->files.doc_count == 0)
        code = cli_usage(&cli, "name at least one --policy");
    if (code == CLI_DONE)
        code = policy_files_check(&t->files, 0);
    if (code == CLI_DONE)
        code = policy_prove_run(t, sentence);
    if (t->has_cells)
        cells_finish(&t->cells);
    policy_files_finish(&t->files);
    free(t);
    return fflush(stdout) == 0 ? code : CLI_UNREACHABLE;
}
