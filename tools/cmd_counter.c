/* SPDX-License-Identifier: Apache-2.0 */
/* tdz counter: distinct persons by exporter and year, and signed corrections of them. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "crypto/key.h"
#include "schemas/canon.h"
#include "schemas/text.h"
#include "tools/commands.h"
#include "tools/opnote.h"

enum { COUNTER_REASON_MAX = 1024, COUNTER_NOTE_JSON_MAX = 3072, COUNTER_LINE_MAX = 1 << 20 };
/* As the gateway bounds it. */
static const uint64_t COUNTER_PERSONS_MAX = UINT64_C(10000000000);

static void
counter_kind(const struct json_doc *doc, const struct json_node *counter, const char *kind)
{
    static const char *const keys[] = {"value",   "persons",  "rows",
                                       "opening", "adjusted", "reserved"};
    const struct json_node *of = json_get(doc, counter, kind);
    printf("  %-4s", kind);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct json_node *n =
            of != NULL && of->type == JSON_OBJECT ? json_get(doc, of, keys[i]) : NULL;
        printf(" %s %lld", keys[i], n != NULL && n->type == JSON_INT ? (long long)n->number : -1);
    }
    fputc('\n', stdout);
}

static void
counter_print(const struct json_doc *doc)
{
    const struct json_node *list = json_get(doc, doc->nodes, "counters");
    const struct json_node *known = json_get(doc, doc->nodes, "known");
    const struct json_node *counter =
        list == NULL || list->type != JSON_ARRAY ? NULL : json_first(doc, list);
    for (; counter != NULL; counter = json_next(doc, list, counter)) {
        if (counter->type != JSON_OBJECT)
            continue;
        const struct json_node *name = json_get(doc, counter, "exporter");
        const struct json_node *year = json_get(doc, counter, "year");
        if (name != NULL && name->type == JSON_STRING)
            partner_put(stdout, name->text);
        printf(" %lld\n", year != NULL && year->type == JSON_INT ? (long long)year->number : 0);
        counter_kind(doc, counter, "pi");
        counter_kind(doc, counter, "spi");
    }
    if (known != NULL && known->type == JSON_BOOL && known->number == 0)
        printf("the counters are not known since a restore: what depends on them is held\n");
}

static int
counter_told(const struct cli *cli, const struct partner_answer *answer)
{
    if (answer->http.status != 200 || !answer->is_json)
        return partner_refused(cli, answer);
    if (cli_has(cli, "--json"))
        printf("%.*s\n", (int)answer->http.body_len, answer->http.body);
    else
        counter_print(&answer->doc);
    return CLI_DONE;
}

int
cmd_counter_show_main(int argc, char **argv)
{
    char path[PARTNER_PATH_MAX];
    char name[512] = "";
    struct partner_answer answer;
    struct cli cli;
    uint64_t year = 0;
    if (!cli_parse(argc, argv, "counter show", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) != 0)
        return cli_usage(&cli, "takes options only");
    if (!cli_number(&cli, "--year", 1970, 9999, 0, &year))
        return CLI_USAGE;
    const char *exporter = cli_value(&cli, "--exporter");
    if (exporter != NULL && partner_escape(span_str(exporter), name, sizeof(name)) != ERR_OK)
        return cli_usage(&cli, "the exporter's name is too long");
    (void)snprintf(path, sizeof(path), "/v1/counters?year=%llu%s%s", (unsigned long long)year,
                   exporter == NULL ? "" : "&exporter=", name);
    int code = CLI_UNREACHABLE;
    struct httpc *http = opnote_desk(&cli, &code);
    if (http == NULL)
        return code;
    code = partner_get(&cli, http, path, NULL, &answer) ? counter_told(&cli, &answer)
                                                        : CLI_UNREACHABLE;
    partner_done(&answer);
    httpc_free(http);
    return code;
}

/* "-12" or "12". False after printing what is wrong. */
static bool
counter_number(const struct cli *cli, const char *option, int64_t *ret)
{
    const char *text = cli_value(cli, option);
    const bool minus = text != NULL && text[0] == '-';
    uint64_t value = 0;
    if (text == NULL ||
        text_parse_u64(span_str(text + (minus ? 1 : 0)), COUNTER_PERSONS_MAX, &value) != ERR_OK) {
        (void)cli_usage(cli, "give %s as a number", option);
        return false;
    }
    *ret = minus ? -(int64_t)value : (int64_t)value;
    return true;
}

/* The signed note. */
static int
counter_note(const struct cli *cli, char buf[static OPNOTE_BYTES_MAX], struct span *ret)
{
    char json[COUNTER_NOTE_JSON_MAX];
    char expires[21];
    uint8_t id[16];
    struct canon w;
    struct span text;
    uint64_t year = 0;
    int64_t pi = 0;
    int64_t spi = 0;
    const char *exporter = cli_value(cli, "--exporter");
    const char *reason = cli_value(cli, "--reason");
    const bool opening = cli_has(cli, "--opening");
    if (exporter == NULL || reason == NULL || reason[0] == 0 || strlen(exporter) > 127 ||
        strlen(reason) > COUNTER_REASON_MAX || cli_value(cli, "--year") == NULL)
        return cli_usage(cli, "give --exporter NAME, --year YEAR and --reason TEXT");
    if (!cli_number(cli, "--year", 1970, 9999, 0, &year) || !counter_number(cli, "--pi", &pi) ||
        !counter_number(cli, "--spi", &spi) || !opnote_expires(cli, expires))
        return CLI_USAGE;
    if (opening && (pi < 0 || spi < 0))
        return cli_usage(cli, "an opening balance is not negative");
    if (crypto_init() != ERR_OK)
        return CLI_UNREACHABLE;
    key_random(id, sizeof(id));
    canon_init(&w, json, sizeof(json));
    canon_object(&w);
    canon_member_str(&w, "expires", expires);
    canon_member_str(&w, "exporter", exporter);
    canon_member_hex(&w, "id", span_of(id, sizeof(id)));
    canon_member_str(&w, "kind", opening ? "opening" : "adjust");
    canon_member_bool(&w, "known", cli_has(cli, "--known"));
    canon_member_int(&w, "pi", pi);
    canon_member_str(&w, "reason", reason);
    canon_member_int(&w, "spi", spi);
    canon_member_int(&w, "year", (int64_t)year);
    canon_end(&w);
    if (canon_finish(&w, &text) != ERR_OK)
        return cli_usage(cli, "the reason or the exporter's name is no text");
    return opnote_sign(cli, "tdz.counter/1", text, buf, ret);
}

int
cmd_counter_adjust_main(int argc, char **argv)
{
    char note[OPNOTE_BYTES_MAX];
    struct span signed_note;
    struct partner_answer answer;
    struct cli cli;
    if (!cli_parse(argc, argv, "counter adjust", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) != 0)
        return cli_usage(&cli, "takes options only");
    int code = counter_note(&cli, note, &signed_note);
    if (code != CLI_DONE)
        return code;
    struct httpc *http = opnote_desk(&cli, &code);
    if (http == NULL)
        return code;
    code = opnote_post(&cli, http, "/v1/counters/adjustments", signed_note, &answer)
               ? counter_told(&cli, &answer)
               : CLI_UNREACHABLE;
    partner_done(&answer);
    httpc_free(http);
    return code;
}
