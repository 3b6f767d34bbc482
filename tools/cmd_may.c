/* SPDX-License-Identifier: Apache-2.0 */
/* tdz may: the decision an upload would get before its first byte. */
#include "schemas/canon.h"
#include "tools/commands.h"
#include "tools/partner.h"

enum { BODY_MAX = PARTNER_FACTS_MAX + 4096 };
enum { REQUEST_S = 60 };

/* A dry run need not have a dataset yet; no rule reads its name. */
static const char may_name[] = "dataset";

/* The request body. False after printing why. */
static bool
write_body(const struct cli *cli, const char *agreement, char buf[static BODY_MAX],
           struct span *ret)
{
    char json[PARTNER_FACTS_MAX];
    struct span facts;
    uint64_t length = 0;
    struct canon w;
    if (!partner_facts(cli, json, &facts) ||
        !cli_number(cli, "--length", 0, (uint64_t)JSON_INT_MAX, 0, &length))
        return false;
    canon_init(&w, buf, BODY_MAX);
    canon_object(&w);
    canon_member_str(&w, "agreement", agreement);
    canon_key(&w, "facts");
    canon_raw(&w, facts);
    if (cli_value(cli, "--length") != NULL)
        canon_member_int(&w, "length", (int64_t)length);
    canon_member_str(&w, "name",
                     cli_value(cli, "--name") == NULL ? may_name : cli_value(cli, "--name"));
    canon_end(&w);
    const enum err err = canon_finish(&w, ret);
    if (err != ERR_OK)
        (void)cli_usage(cli, "agreement or name: %s", error_text(err));
    return err == ERR_OK;
}

static int
show(const struct cli *cli, const struct partner_answer *answer)
{
    if (answer->http.status != 200)
        return partner_refused(cli, answer);
    const struct span verdict = partner_member(answer, "verdict");
    if (verdict.len == 0) {
        cli_say(cli, "the gateway's answer cannot be read");
        return CLI_UNREACHABLE;
    }
    if (cli_has(cli, "--json")) {
        printf("%s\n", answer->http.body);
    } else {
        partner_put(stdout, verdict);
        fputc('\n', stdout);
        /* The verdict before its reasons, also where both go to one file. */
        (void)fflush(stdout);
        partner_explain(&answer->doc, answer->doc.nodes);
    }
    return span_eq_str(verdict, "deny") ? CLI_REFUSED : CLI_DONE;
}

int
cmd_may_main(int argc, char **argv)
{
    struct cli cli;
    char buf[BODY_MAX];
    struct span body;
    if (!cli_parse(argc, argv, "may", &cli))
        return CLI_USAGE;
    const char *agreement = cli_value(&cli, "--agreement");
    if (agreement == NULL)
        return cli_usage(&cli, "give --agreement");
    if (cli_operand_count(&cli) != 0)
        return cli_usage(&cli, "takes options only");
    if (!write_body(&cli, agreement, buf, &body))
        return CLI_USAGE;
    int code = CLI_UNREACHABLE;
    struct httpc *http = profile_open(&cli, &code);
    if (http == NULL)
        return code;
    static const char *const headers[] = {"Content-Type: application/json"};
    const struct httpc_request request = {.method = "POST",
                                          .path = "/v1/decisions",
                                          .headers = headers,
                                          .header_count = 1,
                                          .body = body,
                                          .body_fd = -1,
                                          .timeout_s = REQUEST_S};
    struct partner_answer answer;
    code = partner_do(&cli, http, &request, &answer) ? show(&cli, &answer) : CLI_UNREACHABLE;
    partner_done(&answer);
    httpc_free(http);
    return code;
}
