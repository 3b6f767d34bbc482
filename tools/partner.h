/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of partners share: questions to the gateway, its answers, and how they are
 * shown. */
#ifndef TDZ_TOOLS_PARTNER_H
#define TDZ_TOOLS_PARTNER_H

#include "schemas/json.h"
#include "tools/cli.h"
#include "tools/httpc.h"
#include "tools/profile.h"

enum { PARTNER_FACTS_MAX = 16 * 1024 };
enum { PARTNER_PATH_MAX = 4096 };
enum { PARTNER_ID_LEN = 32 };

/* An answer, with its body read when it is JSON. */
struct partner_answer {
    struct httpc_response http;
    struct json_doc doc;
    bool is_json; /* doc holds an object */
};

/* The path of the page that a Link header names as the next one; false when there is none. */
bool partner_next_page(const struct partner_answer *answer, char path[static PARTNER_PATH_MAX]);

/* GET path with one optional header. False after printing why (transport only): the caller returns
 * CLI_UNREACHABLE. partner_done ends the answer in both cases. */
bool partner_get(const struct cli *cli, struct httpc *c, const char *path, const char *header,
                 struct partner_answer *ret);

/* Runs any request, as partner_get. */
bool partner_do(const struct cli *cli, struct httpc *c, const struct httpc_request *request,
                struct partner_answer *ret);
void partner_done(struct partner_answer *answer);

/* The string member key of the answer's object; the empty span when there is none. */
struct span partner_member(const struct partner_answer *answer, const char *key);

/* The exit code of a status that is not 2xx, after printing the problem in words. */
int partner_refused(const struct cli *cli, const struct partner_answer *answer);

/* Rules with why and cite, missing facts and open attributes of a decision, on stderr. */
void partner_explain(const struct json_doc *doc, const struct json_node *decision);

/* The exit code of a transfer in state: 1 for denied, failed, expired. */
int partner_exit_of_state(struct span state);

/* True when no later state can follow that --wait waits for. */
bool partner_is_final(struct span state);

/* Prints "ID  STATE  AGREEMENT  NAME" and what else is known of a transfer, on stdout. */
void partner_print_transfer(const struct json_doc *doc, const struct json_node *transfer);

/* Waits (long-polls) until the transfer is final; prints it, as JSON when asked. Returns an exit
 * code. */
int partner_wait(const struct cli *cli, struct httpc *c, const char *id);

/* True when id is 32 lower-case hex digits; prints otherwise. */
bool partner_check_id(const struct cli *cli, const char *id);

/* The transfer that is the one operand; NULL after printing what is wrong: the caller returns
 * CLI_USAGE. */
const char *partner_id(const struct cli *cli);

/* The --fact options as canonical JSON: true, false and integers as such, all else as strings.
 * False after printing what is wrong. */
bool partner_facts(const struct cli *cli, char buf[static PARTNER_FACTS_MAX], struct span *ret);

/* Appends text to path with everything but unreserved characters escaped. ERR_FULL. */
MUST_USE enum err partner_escape(struct span text, char *buf, size_t cap);

/* Writes text to out with control characters (of any peer) replaced. */
void partner_put(FILE *out, struct span text);

#endif
