/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy simulate: what policies would have decided on transfers that were decided on already.
 * Spec: cli.md. */
#include <stdio.h>
#include <stdlib.h>

#include "schemas/canon.h"
#include "tools/commands.h"
#include "tools/policy_log.h"

struct policy_simulate {
    const struct cli *cli;
    struct policy_files files;
    struct facts facts;
    struct decision decision;
    size_t decided;
    size_t refused;  /* would be denied, were not */
    size_t admitted; /* would not be denied, were */
    size_t other;    /* hold instead of allow, or other obligations */
    char was[64 << 10];
    char is[64 << 10];
    char line[160 << 10];
};

/* Obligations as text, "{}" on deny. */
static enum err
policy_simulate_texts(struct policy_simulate *s, const struct policy_log_record *r,
                      struct span *ret_was, struct span *ret_is)
{
    struct canon w;
    *ret_was = SPAN_LIT("{}");
    *ret_is = SPAN_LIT("{}");
    if (r->obligations != NULL) {
        canon_init(&w, s->was, sizeof(s->was));
        canon_node(&w, r->json, r->obligations);
        TRY(canon_finish(&w, ret_was));
    }
    if (s->decision.verdict == DECIDE_DENY)
        return ERR_OK;
    canon_init(&w, s->is, sizeof(s->is));
    obligation_set_write(&s->decision.obligations, &w);
    return canon_finish(&w, ret_is);
}

static enum err
policy_simulate_print(struct policy_simulate *s, const struct policy_log_record *r, struct span was,
                      struct span is)
{
    const char *now = decide_verdict_name(s->decision.verdict);
    struct canon w;
    struct span out;
    if (!cli_has(s->cli, "--json")) {
        printf("%.*s %s: %.*s, would be %s (%s)%s\n", (int)r->now.len, (const char *)r->now.ptr,
               r->sha256, (int)r->result.len, (const char *)r->result.ptr, now,
               decide_reason_name(s->decision.reason),
               span_eq_str(r->result, now) ? " with other obligations" : "");
        return ERR_OK;
    }
    canon_init(&w, s->line, sizeof(s->line));
    canon_object(&w);
    canon_member_span(&w, "now", r->now);
    canon_member_span(&w, "old", r->result);
    canon_key(&w, "old_obligations");
    canon_raw(&w, was);
    canon_member_str(&w, "reason", decide_reason_name(s->decision.reason));
    canon_member_str(&w, "record", r->sha256);
    canon_key(&w, "would_be");
    canon_str(&w, now);
    canon_key(&w, "would_be_obligations");
    canon_raw(&w, is);
    canon_end(&w);
    TRY(canon_finish(&w, &out));
    printf("%.*s\n", (int)out.len, (const char *)out.ptr);
    return ERR_OK;
}

static enum err
policy_simulate_see(void *context, const struct policy_log_record *r)
{
    struct policy_simulate *s = context;
    struct span was;
    struct span is;
    bool ours = false;
    for (size_t i = 0; i < s->files.doc_count; i++)
        ours = ours || policy_log_is_by(r, s->files.docs[i]->id);
    if (!ours)
        return ERR_OK;
    TRY(policy_log_decide(r, &s->files, s->files.docs, s->files.doc_count, &s->facts,
                          &s->decision));
    policy_log_rule(r, &s->files.vocab, &s->decision);
    TRY(policy_simulate_texts(s, r, &was, &is));
    s->decided++;
    if (span_eq_str(r->result, decide_verdict_name(s->decision.verdict)) && span_eq(was, is))
        return ERR_OK;
    if (s->decision.verdict == DECIDE_DENY)
        s->refused++;
    else if (span_eq_str(r->result, "deny"))
        s->admitted++;
    else
        s->other++;
    return policy_simulate_print(s, r, was, is);
}

int
policy_simulate_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "policy simulate", &cli))
        return CLI_USAGE;
    const char *folder = cli_value(&cli, "--log");
    if (folder == NULL || cli_value(&cli, "--policy") == NULL || cli_operand_count(&cli) > 0)
        return cli_usage(&cli, "--log and --policy are needed");
    struct policy_simulate *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    s->cli = &cli;
    s->files.cli = &cli;
    int code = policy_files_options(&s->files);
    if (code == CLI_DONE)
        code = policy_files_check(&s->files, 0);
    if (code == CLI_DONE)
        code = policy_log_read(&cli, folder, policy_simulate_see, s);
    if (code == CLI_DONE && !cli_has(&cli, "--json"))
        printf("%zu decisions: %zu would be refused, %zu would no longer be, %zu would go "
               "otherwise\n",
               s->decided, s->refused, s->admitted, s->other);
    policy_files_finish(&s->files);
    free(s);
    return fflush(stdout) == 0 ? code : CLI_UNREACHABLE;
}
