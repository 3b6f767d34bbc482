/* SPDX-License-Identifier: Apache-2.0 */
/* A policy document (tdz.policy/1) read strictly into typed rules, with conditions as straight
 * programs over the document's own table of attributes. What decide.c evaluates and what a later
 * compiler turns into bit sets. Spec: background/policy.md 3.1-3.5; formats.md "Policy". */
#ifndef TDZ_POLICY_SOURCE_H
#define TDZ_POLICY_SOURCE_H

#include "policy/obligation.h"
#include "policy/vocab.h"

enum { SOURCE_RULES_MAX = 1024, SOURCE_ATTRS_MAX = 320, SOURCE_STEPS_MAX = 65536 };
enum { SOURCE_LISTS_MAX = 32, SOURCE_COUNTERS_MAX = 32, SOURCE_CITES_MAX = 16 };
enum { SOURCE_TEXT_MAX = 4096 };

enum source_effect { SOURCE_FORBID, SOURCE_HOLD, SOURCE_OBLIGE, SOURCE_PERMIT };
enum source_certainty { SOURCE_UNSAID, SOURCE_PRIMARY, SOURCE_SECONDARY, SOURCE_UNCERTAIN };

/* Leaves read one attribute; AND, OR and NOT combine what is on the evaluation stack. */
enum source_op {
    SOURCE_EQ,
    SOURCE_IN,
    SOURCE_LT,
    SOURCE_LE,
    SOURCE_GT,
    SOURCE_GE,
    SOURCE_UNDER,
    SOURCE_LISTED,
    SOURCE_NOT,
    SOURCE_AND,
    SOURCE_OR,
};

struct source_step {
    enum source_op op;
    uint16_t attr;  /* of a leaf: index into source.attrs */
    uint16_t list;  /* SOURCE_LISTED: index into source.lists */
    uint32_t zone;  /* SOURCE_UNDER */
    int64_t number; /* bool or int compared with */
    struct span text;
    const struct span *values; /* SOURCE_IN */
    size_t value_count;
};

/* An attribute the document's conditions read. */
struct source_attr {
    struct span name;
    enum vocab_type type;
    enum vocab_source source;
    const struct vocab_attr *declared; /* NULL: a counter of this document */
};

/* The programs of rules that have no `when` are empty: always true. */
struct source_rule {
    struct span id;
    enum source_effect effect;
    struct vocab_set to;      /* zones under one of `to` */
    struct vocab_set classes; /* classes under `classes` and not under `except` */
    int64_t from_ms;          /* INT64_MIN when unbounded */
    int64_t until_ms;         /* INT64_MAX when unbounded */
    int64_t stale_ms;         /* reviewed_on + review_days; INT64_MAX when unbounded */
    enum source_certainty certainty;
    const struct source_step *steps;
    size_t step_count;
    struct span release; /* of a hold */
    const struct obligation *duties;
    size_t duty_count;
    const struct span *cites;
    size_t cite_count;
    struct span why; /* name of a text */
    uint32_t line;   /* where the rule begins in its file, from 1 */
};

struct source_list {
    struct span alias; /* as conditions name it */
    struct span id;
    bool has_sha256; /* false for "…": such a document never activates */
    uint8_t sha256[32];
};

struct source_counter {
    struct span name; /* x of count.x.after */
    struct span classes[8];
    size_t class_count;
    struct span except[8];
    size_t except_count;
};

struct source_text {
    struct span name;
    struct span en; /* empty when the document has none */
    struct span ms;
    struct span zh;
};

struct source {
    struct span id;
    int64_t revision;
    struct span zone;
    struct span corridor; /* the other zone, whose operator must sign it too; empty when none */
    bool is_import;
    bool is_closed;
    int64_t from_ms;
    int64_t until_ms;
    bool has_previous;
    uint8_t previous[32];
    uint8_t sha256[32];
    const struct vocab *vocab;
    struct source_rule *rules; /* sorted by id */
    size_t rule_count;
    struct source_attr *attrs;
    size_t attr_count;
    struct source_list *lists;
    size_t list_count;
    struct source_counter *counters;
    size_t counter_count;
    struct source_text *texts;
    size_t text_count;
    size_t step_total;
    struct arena arena;
};

/* Reads the exact bytes of a policy file whose SHA-256 is sha256[32]. v must outlive s; the input
 * may go. source_finish gives the memory back. Errors, each with line and column in ret_fault:
 * those of json_read; ERR_VERSION (another format, or another vocabulary than v), ERR_MISSING,
 * ERR_TYPE, ERR_RANGE, ERR_UNKNOWN_FIELD, ERR_DUPLICATE (a rule id, a name in a list), ERR_SYNTAX
 * (slug, hash, time, not exactly one operator), ERR_NOT_FOUND (an attribute, class, zone, list,
 * enum value or obligation nobody declared), ERR_CONFLICT (do without oblige or the reverse,
 * release without hold or the reverse, a permit in an overlay, an operator on a type it has no
 * meaning for), ERR_FULL (over a maximum), ERR_NOMEM. */
MUST_USE enum err source_read(struct source *s, const struct vocab *v, struct span input,
                              const uint8_t sha256[static 32], struct fault *ret_fault);
void source_finish(struct source *s);

/* True if every list it names has a hash: only such a document may be activated. */
bool source_is_complete(const struct source *s);

const struct source_text *source_text(const struct source *s, struct span name);

/* "permit", "forbid", "hold", "oblige": static text. */
const char *source_effect_name(enum source_effect effect);

#endif
