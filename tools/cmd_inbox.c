/* SPDX-License-Identifier: Apache-2.0 */
/* tdz inbox: what arrived for this partner. */
#include "tools/cmd_inbox.h"

#include "schemas/canon.h"
#include "tools/commands.h"

#include <stdlib.h>

enum { LINE_BYTES_MAX = 1 << 20 };
/* A gateway that pages for ever must not hold a tool for ever. */
enum { PAGES_MAX = 10000 };

int
cmd_inbox_walk(const struct cli *cli, struct httpc *http, cmd_inbox_fn each, void *ctx)
{
    char path[PARTNER_PATH_MAX] = "/v1/inbox?limit=500";
    bool more = true;
    int code = CLI_DONE;
    for (int page = 0; more && code == CLI_DONE && page < PAGES_MAX; page++) {
        struct partner_answer answer;
        more = false;
        const bool came = partner_get(cli, http, path, NULL, &answer);
        const struct json_node *list =
            came && answer.is_json ? json_get(&answer.doc, answer.doc.nodes, "transfers") : NULL;
        if (!came) {
            code = CLI_UNREACHABLE;
        } else if (answer.http.status != 200) {
            code = partner_refused(cli, &answer);
        } else if (list == NULL || list->type != JSON_ARRAY) {
            cli_say(cli, "the gateway's answer cannot be read");
            code = CLI_UNREACHABLE;
        } else {
            const struct json_node *n = json_first(&answer.doc, list);
            for (; n != NULL; n = json_next(&answer.doc, list, n))
                if (n->type == JSON_OBJECT)
                    each(ctx, &answer.doc, n);
            more = partner_next_page(&answer, path);
        }
        partner_done(&answer);
    }
    return code;
}

static void
print_field(const struct json_doc *doc, const struct json_node *transfer, const char *key)
{
    const struct json_node *node = json_get(doc, transfer, key);
    if (node != NULL && node->type == JSON_STRING)
        partner_put(stdout, node->text);
    else if (node != NULL && node->type == JSON_INT)
        printf("%lld", (long long)node->number);
    else
        fputc('-', stdout);
}

static void
print_row(void *ctx, const struct json_doc *doc, const struct json_node *transfer)
{
    static const char *const keys[] = {"id", "state", "created", "bytes", "agreement", "name"};
    (void)ctx;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (i > 0)
            fputs("  ", stdout);
        print_field(doc, transfer, keys[i]);
    }
    fputc('\n', stdout);
}

static void
print_json(void *ctx, const struct json_doc *doc, const struct json_node *transfer)
{
    struct canon w;
    struct span line;
    canon_init(&w, ctx, LINE_BYTES_MAX);
    canon_node(&w, doc, transfer);
    if (canon_finish(&w, &line) == ERR_OK)
        printf("%.*s\n", (int)line.len, (const char *)line.ptr);
}

int
cmd_inbox_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "inbox", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) != 0)
        return cli_usage(&cli, "takes options only");
    int code = CLI_UNREACHABLE;
    struct httpc *http = profile_open(&cli, &code);
    if (http == NULL)
        return code;
    char *line = malloc(LINE_BYTES_MAX);
    if (line == NULL)
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
    else
        code = cmd_inbox_walk(&cli, http, cli_has(&cli, "--json") ? print_json : print_row, line);
    free(line);
    httpc_free(http);
    return code;
}
