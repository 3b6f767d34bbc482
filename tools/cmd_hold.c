/* SPDX-License-Identifier: Apache-2.0 */
/* tdz hold: what a gateway holds, and an operator's signed word on it. */
#include <stdlib.h>

#include "schemas/canon.h"
#include "tools/commands.h"
#include "tools/opnote.h"

enum { HOLD_LINE_MAX = 1 << 20, HOLD_REASON_MAX = 1024, HOLD_NOTE_JSON_MAX = 3072 };

static struct span
hold_str(const struct json_doc *doc, const struct json_node *object, const char *key)
{
    const struct json_node *node =
        object != NULL && object->type == JSON_OBJECT ? json_get(doc, object, key) : NULL;
    return node != NULL && node->type == JSON_STRING ? node->text : SPAN_LIT("");
}

static const struct json_node *
hold_child(const struct json_doc *doc, const struct json_node *object, const char *key,
           enum json_type type)
{
    const struct json_node *node =
        object != NULL && object->type == JSON_OBJECT ? json_get(doc, object, key) : NULL;
    return node != NULL && node->type == type ? node : NULL;
}

static void
hold_line(const char *label, struct span text)
{
    fputs(label, stdout);
    partner_put(stdout, text);
    fputc('\n', stdout);
}

static void
hold_words(const struct json_doc *doc, const struct json_node *array)
{
    const struct json_node *item = array == NULL ? NULL : json_first(doc, array);
    for (bool first = true; item != NULL; item = json_next(doc, array, item), first = false) {
        if (!first)
            fputs(", ", stdout);
        if (item->type == JSON_STRING)
            partner_put(stdout, item->text);
    }
}

/* The roles nobody has filled yet, over all rules. */
static size_t
hold_missing(const struct json_doc *doc, const struct json_node *hold, bool print)
{
    const struct json_node *release = hold_child(doc, hold, "release", JSON_OBJECT);
    const struct json_node *rules = hold_child(doc, release, "rules", JSON_ARRAY);
    const struct json_node *rule = rules == NULL ? NULL : json_first(doc, rules);
    size_t count = 0;
    for (; rule != NULL; rule = json_next(doc, rules, rule)) {
        const struct json_node *missing = hold_child(doc, rule, "missing", JSON_ARRAY);
        if (missing == NULL || missing->count == 0)
            continue;
        count += missing->count;
        if (!print)
            continue;
        fputs("needs      ", stdout);
        hold_words(doc, missing);
        hold_line(" for rule ", hold_str(doc, rule, "rule"));
    }
    return count;
}

static void
hold_print_rules(const struct json_doc *doc, const struct json_node *decision)
{
    static const char *const tongues[] = {"en", "ms", "zh"};
    const struct json_node *rules = hold_child(doc, decision, "rules", JSON_ARRAY);
    const struct json_node *rule = rules == NULL ? NULL : json_first(doc, rules);
    for (; rule != NULL; rule = json_next(doc, rules, rule)) {
        const struct json_node *why = hold_child(doc, rule, "why", JSON_OBJECT);
        if (!span_eq_str(hold_str(doc, rule, "effect"), "hold"))
            continue;
        hold_line("rule       ", hold_str(doc, rule, "id"));
        fputs("  cites    ", stdout);
        hold_words(doc, hold_child(doc, rule, "cite", JSON_ARRAY));
        fputc('\n', stdout);
        for (size_t i = 0; i < sizeof(tongues) / sizeof(tongues[0]); i++) {
            printf("  %s       ", tongues[i]);
            hold_line("", hold_str(doc, why, tongues[i]));
        }
    }
}

static void
hold_print(const struct json_doc *doc, const struct json_node *hold)
{
    static const char *const keys[] = {"transfer", "direction", "state",     "agreement",
                                       "name",     "sender",    "recipient", "from",
                                       "to",       "since",     "expires"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        printf("%-11s", keys[i]);
        hold_line("", hold_str(doc, hold, keys[i]));
    }
    hold_print_rules(doc, hold_child(doc, hold, "decision", JSON_OBJECT));
    const struct json_node *release = hold_child(doc, hold, "release", JSON_OBJECT);
    const struct json_node *words = hold_child(doc, release, "approvals", JSON_ARRAY);
    const struct json_node *word = words == NULL ? NULL : json_first(doc, words);
    for (; word != NULL; word = json_next(doc, words, word)) {
        fputs("said       ", stdout);
        partner_put(stdout, hold_str(doc, word, "operator"));
        fputs(": ", stdout);
        partner_put(stdout, hold_str(doc, word, "verdict"));
        hold_line(" until ", hold_str(doc, word, "expires"));
    }
    (void)hold_missing(doc, hold, true);
}

static int
hold_print_json(const struct json_doc *doc, const struct json_node *hold)
{
    struct canon w;
    struct span line;
    char *buf = malloc(HOLD_LINE_MAX);
    if (buf == NULL)
        return CLI_UNREACHABLE;
    canon_init(&w, buf, HOLD_LINE_MAX);
    canon_node(&w, doc, hold);
    const bool good = canon_finish(&w, &line) == ERR_OK;
    if (good)
        printf("%.*s\n", (int)line.len, (const char *)line.ptr);
    free(buf);
    return good ? CLI_DONE : CLI_UNREACHABLE;
}

/* -- list
 * ----------------------------------------------------------------------------------------*/

static void
hold_print_row(const struct json_doc *doc, const struct json_node *hold)
{
    static const char *const keys[] = {"transfer", "direction", "since",
                                       "expires",  "agreement", "name"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (i > 0)
            fputs("  ", stdout);
        partner_put(stdout, hold_str(doc, hold, keys[i]));
    }
    printf("  needs %zu\n", hold_missing(doc, hold, false));
}

/* One page; path becomes the next one's. */
static int
hold_page(const struct cli *cli, struct httpc *http, char path[static PARTNER_PATH_MAX],
          bool *ret_more)
{
    struct partner_answer answer;
    int code = CLI_DONE;
    *ret_more = false;
    if (!partner_get(cli, http, path, NULL, &answer)) {
        partner_done(&answer);
        return CLI_UNREACHABLE;
    }
    const struct json_node *list =
        answer.is_json ? hold_child(&answer.doc, answer.doc.nodes, "holds", JSON_ARRAY) : NULL;
    if (answer.http.status != 200) {
        code = partner_refused(cli, &answer);
    } else if (list == NULL) {
        cli_say(cli, "the gateway's answer cannot be read");
        code = CLI_UNREACHABLE;
    } else {
        const struct json_node *hold = json_first(&answer.doc, list);
        for (; hold != NULL && code == CLI_DONE; hold = json_next(&answer.doc, list, hold)) {
            if (cli_has(cli, "--json"))
                code = hold_print_json(&answer.doc, hold);
            else
                hold_print_row(&answer.doc, hold);
        }
        *ret_more = partner_next_page(&answer, path);
    }
    partner_done(&answer);
    return code;
}

int
cmd_hold_list_main(int argc, char **argv)
{
    enum { PAGES_MAX = 10000 };
    char path[PARTNER_PATH_MAX] = "/v1/holds?limit=500";
    struct cli cli;
    bool more = true;
    if (!cli_parse(argc, argv, "hold list", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) != 0)
        return cli_usage(&cli, "takes options only");
    int code = CLI_UNREACHABLE;
    struct httpc *http = opnote_desk(&cli, &code);
    if (http == NULL)
        return code;
    code = CLI_DONE;
    for (int page = 0; more && code == CLI_DONE && page < PAGES_MAX; page++)
        code = hold_page(&cli, http, path, &more);
    httpc_free(http);
    return code;
}

/* -- show
 * ----------------------------------------------------------------------------------------*/

/* The hold of id. A code other than CLI_DONE after printing why; partner_done in both cases. */
static int
hold_get(const struct cli *cli, struct httpc *http, const char *id, struct partner_answer *ret)
{
    char path[64 + PARTNER_ID_LEN];
    (void)snprintf(path, sizeof(path), "/v1/holds/%s", id);
    if (!partner_get(cli, http, path, NULL, ret))
        return CLI_UNREACHABLE;
    if (ret->http.status != 200)
        return partner_refused(cli, ret);
    if (!ret->is_json) {
        cli_say(cli, "the gateway's answer cannot be read");
        return CLI_UNREACHABLE;
    }
    return CLI_DONE;
}

int
cmd_hold_show_main(int argc, char **argv)
{
    struct partner_answer answer;
    struct cli cli;
    if (!cli_parse(argc, argv, "hold show", &cli))
        return CLI_USAGE;
    const char *id = partner_id(&cli);
    if (id == NULL)
        return CLI_USAGE;
    int code = CLI_UNREACHABLE;
    struct httpc *http = opnote_desk(&cli, &code);
    if (http == NULL)
        return code;
    code = hold_get(&cli, http, id, &answer);
    if (code == CLI_DONE && cli_has(&cli, "--json"))
        code = hold_print_json(&answer.doc, answer.doc.nodes);
    else if (code == CLI_DONE)
        hold_print(&answer.doc, answer.doc.nodes);
    partner_done(&answer);
    httpc_free(http);
    return code;
}

/* -- approve, refuse
 * -----------------------------------------------------------------------------*/

/* The note about the hold as the gateway describes it, signed. */
static int
hold_note(const struct cli *cli, const struct partner_answer *hold, const char *verdict,
          const char *expires, char buf[static OPNOTE_BYTES_MAX], struct span *ret)
{
    char json[HOLD_NOTE_JSON_MAX];
    struct canon w;
    struct span text;
    const char *id = partner_id(cli);
    const char *reason = cli_value(cli, "--reason");
    canon_init(&w, json, sizeof(json));
    canon_object(&w);
    canon_member_span(&w, "decision", partner_member(hold, "record"));
    canon_member_str(&w, "expires", expires);
    canon_member_str(&w, "reason", reason);
    canon_member_span(&w, "seal", partner_member(hold, "seal"));
    canon_member_str(&w, "transfer", id);
    canon_member_str(&w, "verdict", verdict);
    canon_end(&w);
    if (canon_finish(&w, &text) != ERR_OK)
        return cli_usage(cli, "the reason is no text of at most %d bytes", HOLD_REASON_MAX);
    return opnote_sign(cli, "tdz.approval/1", text, buf, ret);
}

static int
hold_told(const struct cli *cli, const struct partner_answer *answer, const char *verdict)
{
    if (answer->http.status == 409 && answer->is_json) {
        cli_say(cli, "this transfer is not held any more: %.*s",
                (int)partner_member(answer, "state").len,
                (const char *)partner_member(answer, "state").ptr);
        return CLI_REFUSED;
    }
    if (answer->http.status != 200 || !answer->is_json)
        return partner_refused(cli, answer);
    if (cli_has(cli, "--json"))
        return hold_print_json(&answer->doc, answer->doc.nodes);
    printf("%s: the gateway has taken the note\n", verdict);
    if (strcmp(verdict, "approve") == 0 && hold_missing(&answer->doc, answer->doc.nodes, true) == 0)
        printf("nobody's word is missing: it is decided again\n");
    return CLI_DONE;
}

static int
hold_say(int argc, char **argv, const char *words, const char *verdict)
{
    struct partner_answer hold;
    struct partner_answer answer;
    struct cli cli;
    char note[OPNOTE_BYTES_MAX];
    char path[64 + PARTNER_ID_LEN];
    char expires[21];
    struct span signed_note;
    if (!cli_parse(argc, argv, words, &cli))
        return CLI_USAGE;
    const char *id = partner_id(&cli);
    const char *reason = cli_value(&cli, "--reason");
    if (id == NULL)
        return CLI_USAGE;
    if (reason == NULL || reason[0] == 0 || strlen(reason) > HOLD_REASON_MAX)
        return cli_usage(&cli, "give --reason TEXT, at most %d bytes", HOLD_REASON_MAX);
    /* What is wrong with the command line is said before a gateway is asked. */
    if (!opnote_expires(&cli, expires))
        return CLI_USAGE;
    int code = CLI_UNREACHABLE;
    struct httpc *http = opnote_desk(&cli, &code);
    if (http == NULL)
        return code;
    code = hold_get(&cli, http, id, &hold);
    if (code == CLI_DONE)
        code = hold_note(&cli, &hold, verdict, expires, note, &signed_note);
    partner_done(&hold);
    if (code == CLI_DONE) {
        (void)snprintf(path, sizeof(path), "/v1/holds/%s/approval", id);
        code = opnote_post(&cli, http, path, signed_note, &answer)
                   ? hold_told(&cli, &answer, verdict)
                   : CLI_UNREACHABLE;
        partner_done(&answer);
    }
    httpc_free(http);
    return code;
}

int
cmd_hold_approve_main(int argc, char **argv)
{
    return hold_say(argc, argv, "hold approve", "approve");
}

int
cmd_hold_refuse_main(int argc, char **argv)
{
    return hold_say(argc, argv, "hold refuse", "refuse");
}
