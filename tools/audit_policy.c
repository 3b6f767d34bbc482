/* SPDX-License-Identifier: Apache-2.0 */
/* tdz-audit policy: the documents that were in force at a time, from the `policy` entries of a
 * log: those that `activate` names with the newest epoch of then. Spec: cli.md; transfer-log.md
 * S7; docs/adr/0008. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "schemas/text.h"
#include "tools/audit_documents.h"
#include "tools/audit_verify.h"
#include "tools/audit_walk.h"
#include "tools/cli.h"

enum { POLICY_ROWS_MAX = 256, POLICY_ID_MAX = 64 };

struct policy_row {
    char id[POLICY_ID_MAX + 1];
    uint8_t sha256[32];
    int64_t since_ms;
    uint64_t index;
};

struct policy_at {
    const struct cli *cli;
    int64_t at_ms;
    uint64_t epoch;
    size_t count;
    struct policy_row rows[POLICY_ROWS_MAX];
    struct audit_documents documents;
};

static enum err
policy_visit(void *ctx, uint64_t index, struct span leaf, const struct entry *entry)
{
    struct policy_at *p = ctx;
    struct span action;
    struct span text;
    struct span id;
    uint64_t epoch = 0;
    (void)leaf;
    if (entry->kind != ENTRY_POLICY || entry->time_ms > p->at_ms)
        return ERR_OK;
    TRY(entry_get_str(entry, "action", &action));
    TRY(entry_get_str(entry, "epoch", &text));
    TRY(entry_get_str(entry, "id", &id));
    TRY(text_parse_u64(text, UINT64_MAX, &epoch));
    if (!span_eq_str(action, "activate") || epoch < p->epoch || id.len > POLICY_ID_MAX)
        return ERR_OK;
    if (epoch > p->epoch)
        p->count = 0;
    p->epoch = epoch;
    if (p->count == POLICY_ROWS_MAX)
        return ERR_FULL;
    struct policy_row *row = &p->rows[p->count];
    *row = (struct policy_row){.since_ms = entry->time_ms, .index = index};
    memcpy(row->id, id.ptr, id.len);
    TRY(entry_get_hash(entry, "sha256", row->sha256));
    p->count++;
    return ERR_OK;
}

static int
policy_order(const void *a, const void *b)
{
    const struct policy_row *x = a;
    const struct policy_row *y = b;
    const int order = strcmp(x->id, y->id);
    return order != 0 ? order : memcmp(x->sha256, y->sha256, 32);
}

/* Two lines of a log may tell the same: a gateway says it again when its clerk was restarted. */
static void
policy_unique(struct policy_at *p)
{
    size_t kept = 0;
    if (p->count > 1)
        qsort(p->rows, p->count, sizeof(p->rows[0]), policy_order);
    for (size_t i = 0; i < p->count; i++)
        if (kept == 0 || policy_order(&p->rows[kept - 1], &p->rows[i]) != 0)
            p->rows[kept++] = p->rows[i];
    p->count = kept;
}

static int
policy_print(struct policy_at *p)
{
    const bool json = cli_has(p->cli, "--json");
    const bool archive = cli_value(p->cli, "--documents") != NULL;
    int code = CLI_DONE;
    for (size_t i = 0; i < p->count; i++) {
        const struct policy_row *row = &p->rows[i];
        const struct audit_document *file = audit_documents_find(&p->documents, row->sha256);
        char hex[65];
        char since[25];
        if (text_hex(span_of(row->sha256, 32), hex, sizeof(hex)) != ERR_OK ||
            text_time_ms(row->since_ms, since) != ERR_OK)
            return CLI_USAGE;
        const char *path = file != NULL ? file->path : archive ? "missing" : "";
        if (json)
            (void)printf("{\"epoch\":%" PRIu64 ",\"found\":%s,\"id\":\"%s\",\"index\":%" PRIu64
                         ",\"sha256\":\"%s\",\"since\":\"%s\"}\n",
                         p->epoch, file != NULL ? "true" : "false", row->id, row->index, hex,
                         since);
        else
            (void)printf("%-24s sha256:%s  epoch %" PRIu64 " since %s  %s\n", row->id, hex,
                         p->epoch, since, path);
        if (archive && file == NULL)
            code = CLI_REFUSED;
    }
    return code;
}

static int
policy_run(struct policy_at *p)
{
    const char *at = cli_value(p->cli, "--at");
    const char *value = NULL;
    int next = 0;
    const char *path = cli_next_operand(p->cli, &next);
    if (at == NULL || path == NULL || cli_operand_count(p->cli) != 1)
        return cli_usage(p->cli, "--at TIME and one log folder are needed");
    if (text_parse_time(span_str(at), false, &p->at_ms) != ERR_OK)
        return cli_usage(p->cli, "--at takes a time as 2026-11-22T02:19:00Z, not '%s'", at);
    next = 0;
    while ((value = cli_next_value(p->cli, "--documents", &next)) != NULL) {
        const enum err err = audit_documents_add(&p->documents, value);
        if (err != ERR_OK) {
            cli_say(p->cli, "%s: %s", value, error_text(err));
            return CLI_UNREACHABLE;
        }
    }
    if (!audit_walk_must_be_log(p->cli, path))
        return CLI_UNREACHABLE;
    struct audit_log *log = calloc(1, sizeof(*log));
    const enum err err = log == NULL ? ERR_NOMEM : audit_walk(log, path, policy_visit, p);
    free(log);
    if (err != ERR_OK) {
        cli_say(p->cli, "%s: %s (tdz-audit verify names the file and entry)", path,
                error_text(err));
        return CLI_UNREACHABLE;
    }
    policy_unique(p);
    if (p->count > 0)
        return policy_print(p);
    cli_say(p->cli, "%s: no policy was in force then", path);
    return CLI_REFUSED;
}

int
audit_policy_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "policy", &cli))
        return CLI_USAGE;
    struct policy_at *p = calloc(1, sizeof(*p));
    if (p == NULL || crypto_init() != ERR_OK) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        free(p);
        return CLI_UNREACHABLE;
    }
    p->cli = &cli;
    const int code = policy_run(p);
    audit_documents_finish(&p->documents);
    free(p);
    return code;
}
