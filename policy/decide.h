/* SPDX-License-Identifier: Apache-2.0 */
/* The decision: every active document of a zone and direction over the facts of one request, in
 * three-valued logic where unknown can only tighten. Pure: no clock, no files, no allocation. Spec:
 * background/policy.md 3.5 (tdz.sem/1); design.md 3, step 3 (preflight). */
#ifndef TDZ_POLICY_DECIDE_H
#define TDZ_POLICY_DECIDE_H

#include "policy/facts.h"
#include "policy/list.h"
#include "policy/obligation.h"
#include "policy/source.h"

enum { DECIDE_DOCS_MAX = 16, DECIDE_RULES_MAX = 2048, DECIDE_UNKNOWN_MAX = 320 };

/* Lowest wins. */
enum decide_verdict { DECIDE_DENY, DECIDE_HOLD, DECIDE_ALLOW };

/* Reason codes are API (decide_reason_name). The last is given by the gateway, not here. */
enum decide_reason {
    DECIDE_PERMITTED,
    DECIDE_REVIEW,
    DECIDE_FORBIDDEN,
    DECIDE_NO_BASIS,
    DECIDE_UNLABELLED,
    DECIDE_UNKNOWN_LABEL,
    DECIDE_OBLIGATION_CONFLICT,
    DECIDE_OBLIGATION_UNSUPPORTED,
    DECIDE_OBLIGATION_NOT_PERFORMED,
};

/* A list under the name that conditions use. A gateway binds one only if its hash is the one the
 * document names (register_compile); what is not bound is unknown. */
struct decide_list {
    struct span alias;
    const struct list *list;
    const struct source *doc; /* the one document it is bound for; NULL: all */
};

struct decide_request {
    const struct source *const *docs; /* all of one vocabulary, no id twice */
    size_t doc_count;
    const struct decide_list *lists;
    size_t list_count;
    int64_t now_ms; /* policy time, UTC */
    const struct facts *facts;
    /* Before the body: attributes of source gateway without a value are open. A permit fires when
     * some value of the open ones makes it true, forbid and hold only when every value leaves them
     * true or unknown; an oblige that some value would silence never makes a conflict. So no
     * request is refused that some value of the open attributes would allow or hold. */
    bool preflight;
};

struct decide_fired {
    const struct source *doc;
    const struct source_rule *rule;
    bool on_unknown;
    bool may_lapse; /* at preflight: some value of the open attributes silences it */
};

struct decide_unknown {
    struct span name;
    bool would_help; /* a rule that stands in the way of allow was left undecided by it */
};

/* About 150 KiB: not for the stack. Spans point into the documents, the facts and the vocabulary.
 */
struct decision {
    enum decide_verdict verdict;
    enum decide_reason reason;
    const struct source *docs[DECIDE_DOCS_MAX]; /* sorted by id */
    size_t doc_count;
    struct decide_fired fired[DECIDE_RULES_MAX]; /* sorted by effect, then <policy>/<rule> */
    size_t fired_count;
    struct span uncovered[FACTS_LABELS_MAX]; /* sorted */
    size_t uncovered_count;
    struct decide_unknown unknown[DECIDE_UNKNOWN_MAX]; /* sorted */
    size_t unknown_count;
    struct obligation_set obligations; /* to be performed on allow and hold */
    const struct facts *facts;
    int64_t now_ms;
    bool preflight;
};

/* Decides. ERR_FULL: more than DECIDE_DOCS_MAX documents, DECIDE_RULES_MAX rules in all, or
 * DECIDE_UNKNOWN_MAX unknown attributes; ERR_DUPLICATE: two documents with one id; ERR_CONFLICT:
 * documents of different vocabularies; ERR_MISSING: no document. */
MUST_USE enum err decide_run(const struct decide_request *q, struct decision *ret);

/* "allow", "no-basis": static text. */
const char *decide_verdict_name(enum decide_verdict verdict);
const char *decide_reason_name(enum decide_reason reason);

#endif
