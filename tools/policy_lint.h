/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks of tdz policy lint share: the file at hand, and where findings go. */
#ifndef TDZ_TOOLS_POLICY_LINT_H
#define TDZ_TOOLS_POLICY_LINT_H

#include "tools/policy_files.h"

enum policy_lint_level { POLICY_LINT_NOTE, POLICY_LINT_WARNING, POLICY_LINT_ERROR };

enum policy_lint_code {
#define LINT(name, code, level, sentence) POLICY_LINT_##name,
#include "tools/policy_lint.def"
#undef LINT
    POLICY_LINT_COUNT
};

struct policy_lint {
    struct policy_files *files; /* vocabulary and lists */
    const char *path;
    struct json_doc json; /* of the file at hand, for places */
    const struct source *doc;
    int64_t now_ms;
    bool as_json;
    size_t errors;
    size_t findings;
};

/* Reports a finding at a node of l->json (NULL: at the start of the file). detail may be empty. */
void policy_lint_say(struct policy_lint *l, enum policy_lint_code code,
                     const struct json_node *node, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));

/* The object of rule in l->json. */
const struct json_node *policy_lint_node(const struct policy_lint *l,
                                         const struct source_rule *rule);

/* The checks of one rule after the other, and of what rules use. */
void policy_lint_rules(struct policy_lint *l);

/* The checks that try every input. */
void policy_lint_reach(struct policy_lint *l);

#endif
