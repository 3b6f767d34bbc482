/* SPDX-License-Identifier: Apache-2.0 */
/* tdz receipt: the evidence of a transfer, byte for byte as the gateway gives it. */
#include "tools/commands.h"
#include "tools/outfile.h"
#include "tools/partner.h"

#include <errno.h>

static int
save(const struct cli *cli, const struct partner_answer *answer, const char *path)
{
    struct outfile file;
    if (answer->http.status != 200)
        return partner_refused(cli, answer);
    if (!span_eq_str(partner_member(answer, "format"), "tdz.evidence/1")) {
        cli_say(cli, "the gateway's answer is not tdz.evidence/1");
        return CLI_UNREACHABLE;
    }
    enum err err = outfile_open(path, &file);
    if (err == ERR_OK) {
        err = outfile_write(&file, span_of(answer->http.body, answer->http.body_len));
        if (err == ERR_OK)
            err = outfile_commit(&file);
        else
            outfile_drop(&file);
    }
    if (err == ERR_OK)
        return CLI_DONE;
    cli_say(cli, "%s: %s", path, err == ERR_SYS ? strerrordesc_np(errno) : error_text(err));
    return CLI_UNREACHABLE;
}

int
cmd_receipt_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "receipt", &cli))
        return CLI_USAGE;
    const char *id = partner_id(&cli);
    if (id == NULL)
        return CLI_USAGE;
    int code = CLI_UNREACHABLE;
    struct httpc *http = profile_open(&cli, &code);
    if (http == NULL)
        return code;
    char path[PARTNER_PATH_MAX];
    struct partner_answer answer;
    const char *out = cli_value(&cli, "-o");
    (void)snprintf(path, sizeof(path), "/v1/transfers/%s/receipt", id);
    if (partner_get(&cli, http, path, NULL, &answer))
        code = save(&cli, &answer, out == NULL ? "-" : out);
    else
        code = CLI_UNREACHABLE;
    partner_done(&answer);
    httpc_free(http);
    return code;
}
