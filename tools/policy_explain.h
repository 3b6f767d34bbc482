/* SPDX-License-Identifier: Apache-2.0 */
/* Why a decision is what it is, and what would make it another. */
#ifndef TDZ_TOOLS_POLICY_EXPLAIN_H
#define TDZ_TOOLS_POLICY_EXPLAIN_H

#include "policy/cells.h"
#include "tools/policy_files.h"

enum policy_explain_word {
#define WORD(name, en, ms, zh) POLICY_EXPLAIN_##name,
#include "tools/policy_explain.def"
#undef WORD
    POLICY_EXPLAIN_WORDS
};

enum policy_explain_lang { POLICY_EXPLAIN_EN, POLICY_EXPLAIN_MS, POLICY_EXPLAIN_ZH };

/* Sets of changes are tried up to this size, so many decisions, and so many are shown. */
enum { POLICY_EXPLAIN_SET_MAX = 3, POLICY_EXPLAIN_TRIES_MAX = 200000 };
enum { POLICY_EXPLAIN_SHOWN_MAX = 8, POLICY_EXPLAIN_OPTIONS_MAX = 512 };

/* One thing that could be otherwise: a fact in another cell, or a label less. */
struct policy_explain_option {
    bool is_label;
    size_t label; /* index into the facts' labels */
    size_t attr;  /* of cells */
    size_t cell;
    size_t rank; /* who can change it: sender, register, counter, gateway */
};

struct policy_explain_change {
    size_t option[POLICY_EXPLAIN_SET_MAX];
    size_t count;
    enum decide_verdict verdict;
};

struct policy_explain {
    const struct cli *cli;
    enum policy_explain_lang lang;
    struct policy_files files;
    struct cells cells;
    bool has_cells;
    int64_t now_ms;
    struct json_doc json; /* the input */
    struct facts facts;
    struct facts other; /* with changes */
    struct decision decision;
    struct decision tried;
    struct policy_explain_option options[POLICY_EXPLAIN_OPTIONS_MAX];
    size_t option_count;
    struct policy_explain_change changes[POLICY_EXPLAIN_SHOWN_MAX];
    size_t change_count;
    size_t tries;
    bool unfinished; /* there are changes that were not tried */
    char text[1 << 20];
};

const char *policy_explain_word(const struct policy_explain *t, enum policy_explain_word word);

/* True if the rule is in force and the input in its scope. */
bool policy_explain_in_scope(const struct policy_explain *t, const struct source *doc,
                             const struct source_rule *rule);

/* Prints the condition of a rule as a tree with what each part came to. */
void policy_explain_trace(const struct policy_explain *t, const struct source *doc,
                          const struct source_rule *rule);

/* Fills t->changes with the smallest sets of changes that lead to a better verdict, those to allow
 * and those of few changes first. Where t->unfinished, others might do as well. */
MUST_USE enum err policy_explain_find(struct policy_explain *t);

/* Prints one of them. */
void policy_explain_print(const struct policy_explain *t, const struct policy_explain_change *c);

/* The number that an option sets a fact to: of the cell's the nearest to what it is. */
int64_t policy_explain_number(const struct policy_explain *t,
                              const struct policy_explain_option *o);

#endif
