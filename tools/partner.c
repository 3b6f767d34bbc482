/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation of a partner with a gateway, and how its answers read. */
#include "tools/partner.h"

#include "schemas/canon.h"
#include "schemas/text.h"
#include "tools/remedy.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum { REQUEST_S = 120 };
enum { WAIT_S = 30 };
enum { WAIT_PAUSE_MS = 200 };
enum { FACTS_COUNT_MAX = 64 };

bool
partner_do(const struct cli *cli, struct httpc *c, const struct httpc_request *request,
           struct partner_answer *ret)
{
    *ret = (struct partner_answer){0};
    const enum err err = httpc_do(c, request, &ret->http);
    if (err != ERR_OK) {
        cli_say(cli, "%s: %s: %s", httpc_url(c), httpc_what(c), httpc_detail(c));
        if (httpc_next(c)[0] != '\0')
            fprintf(stderr, "  %s\n", httpc_next(c));
        return false;
    }
    const struct span body = span_of(ret->http.body, ret->http.body_len);
    ret->is_json =
        json_load(&ret->doc, body, NULL) == ERR_OK && ret->doc.nodes[0].type == JSON_OBJECT;
    return true;
}

bool
partner_next_page(const struct partner_answer *answer, char path[static PARTNER_PATH_MAX])
{
    const char *link = httpc_header(&answer->http, "link");
    if (link == NULL || link[0] != '<' || strstr(link, "rel=\"next\"") == NULL)
        return false;
    const size_t len = strcspn(link + 1, ">");
    /* Only a path of this gateway: the page is asked for with our certificate. */
    if (link[1] != '/' || link[1 + len] != '>' || len >= PARTNER_PATH_MAX)
        return false;
    (void)snprintf(path, PARTNER_PATH_MAX, "%.*s", (int)len, link + 1);
    return true;
}

bool
partner_get(const struct cli *cli, struct httpc *c, const char *path, const char *header,
            struct partner_answer *ret)
{
    const struct httpc_request request = {.method = "GET",
                                          .path = path,
                                          .headers = &header,
                                          .header_count = header == NULL ? 0 : 1,
                                          .body_fd = -1,
                                          .timeout_s = REQUEST_S};
    return partner_do(cli, c, &request, ret);
}

void
partner_done(struct partner_answer *answer)
{
    json_free(&answer->doc);
    httpc_finish(&answer->http);
    *answer = (struct partner_answer){0};
}

static struct span
string_of(const struct json_doc *doc, const struct json_node *object, const char *key)
{
    const struct json_node *node =
        object != NULL && object->type == JSON_OBJECT ? json_get(doc, object, key) : NULL;
    return node != NULL && node->type == JSON_STRING ? node->text : span_of(NULL, 0);
}

static const struct json_node *
child_of(const struct json_doc *doc, const struct json_node *object, const char *key,
         enum json_type type)
{
    const struct json_node *node =
        object != NULL && object->type == JSON_OBJECT ? json_get(doc, object, key) : NULL;
    return node != NULL && node->type == type ? node : NULL;
}

struct span
partner_member(const struct partner_answer *answer, const char *key)
{
    return answer->is_json ? string_of(&answer->doc, answer->doc.nodes, key) : span_of(NULL, 0);
}

void
partner_put(FILE *out, struct span text)
{
    /* What another party wrote must not move the cursor or change colours. */
    size_t at = 0;
    while (at < text.len) {
        const size_t from = at;
        uint32_t scalar = 0;
        if (text_utf8_next(text, &at, &scalar) != ERR_OK) {
            at = from + 1;
            fputc('?', out);
        } else if (scalar < 0x20 || (scalar >= 0x7f && scalar < 0xa0) ||
                   (scalar >= 0x202a && scalar <= 0x202e) ||
                   (scalar >= 0x2066 && scalar <= 0x2069)) {
            fputc('?', out);
        } else {
            (void)fwrite(text.ptr + from, 1, at - from, out);
        }
    }
}

static void
put_line(FILE *out, const char *label, struct span text)
{
    if (text.len == 0)
        return;
    fputs(label, out);
    partner_put(out, text);
    fputc('\n', out);
}

/* "a, b" of an array of strings. */
static void
put_list(FILE *out, const char *label, const struct json_doc *doc, const struct json_node *array)
{
    if (array == NULL || array->count == 0)
        return;
    fputs(label, out);
    const struct json_node *first = json_first(doc, array);
    for (const struct json_node *n = first; n != NULL; n = json_next(doc, array, n)) {
        if (n != first)
            fputs("; ", out);
        if (n->type == JSON_STRING)
            partner_put(out, n->text);
    }
    fputc('\n', out);
}

void
partner_explain(const struct json_doc *doc, const struct json_node *decision)
{
    put_line(stderr, "  verdict: ", string_of(doc, decision, "verdict"));
    put_line(stderr, "  reason: ", string_of(doc, decision, "reason"));
    /* What also permits or obliges is no answer to why something is forbidden. */
    const bool forbidden = span_eq_str(string_of(doc, decision, "reason"), "forbidden");
    const struct json_node *rules = child_of(doc, decision, "rules", JSON_ARRAY);
    const struct json_node *rule = rules == NULL ? NULL : json_first(doc, rules);
    for (; rule != NULL; rule = json_next(doc, rules, rule)) {
        const struct json_node *why = child_of(doc, rule, "why", JSON_OBJECT);
        if (forbidden && !span_eq_str(string_of(doc, rule, "effect"), "forbid"))
            continue;
        put_line(stderr, "  rule: ", string_of(doc, rule, "id"));
        put_line(stderr, "    effect: ", string_of(doc, rule, "effect"));
        put_line(stderr, "    why: ", string_of(doc, why, "en"));
        put_list(stderr, "    cites: ", doc, child_of(doc, rule, "cite", JSON_ARRAY));
    }
    remedy_print(doc, decision, stderr);
}

/* Columns that show more than was declared. */
static void
put_columns(const struct json_doc *doc, const struct json_node *observed)
{
    const struct json_node *columns = child_of(doc, observed, "columns", JSON_ARRAY);
    const struct json_node *column = columns == NULL ? NULL : json_first(doc, columns);
    for (; column != NULL; column = json_next(doc, columns, column)) {
        const struct span declared = string_of(doc, column, "declared");
        const struct span seen = string_of(doc, column, "observed");
        if (seen.len == 0 || span_eq(seen, declared))
            continue;
        fputs("  column ", stderr);
        partner_put(stderr, string_of(doc, column, "name"));
        fputs(": declared ", stderr);
        partner_put(stderr, declared.len == 0 ? SPAN_LIT("nothing") : declared);
        fputs(", observed ", stderr);
        partner_put(stderr, seen);
        put_line(stderr, ", type ", string_of(doc, column, "type"));
        if (string_of(doc, column, "type").len == 0)
            fputc('\n', stderr);
    }
}

static int
exit_of_status(long status)
{
    if (status >= 500 || status == 423 || status == 429)
        return CLI_UNREACHABLE;
    return status == 400 || status == 404 || status == 405 ? CLI_USAGE : CLI_REFUSED;
}

int
partner_refused(const struct cli *cli, const struct partner_answer *answer)
{
    const struct json_doc *doc = &answer->doc;
    const struct json_node *root = answer->is_json ? doc->nodes : NULL;
    const char *transfer = httpc_header(&answer->http, "tdz-transfer");
    const char *later = httpc_header(&answer->http, "retry-after");
    const struct span code = string_of(doc, root, "code");
    const struct span title = string_of(doc, root, "title");
    fprintf(stderr, "%s %s: the gateway answered %ld ", cli_program.name, cli->command->name,
            answer->http.status);
    partner_put(stderr, code.len > 0 ? code : title);
    fputc('\n', stderr);
    const struct span words = string_of(doc, child_of(doc, root, "message", JSON_OBJECT), "en");
    put_line(stderr, "  ", words.len > 0 ? words : title);
    /* Without anything to add, a gateway says the general text here. */
    if (!span_eq(string_of(doc, root, "detail"), words))
        put_line(stderr, "  detail: ", string_of(doc, root, "detail"));
    const struct json_node *decision = child_of(doc, root, "decision", JSON_OBJECT);
    if (decision != NULL)
        partner_explain(doc, decision);
    put_columns(doc, child_of(doc, root, "observed", JSON_OBJECT));
    if (transfer != NULL)
        put_line(stderr, "  transfer: ", span_str(transfer));
    const struct json_node *again = child_of(doc, root, "retryable", JSON_BOOL);
    if (later != NULL)
        put_line(stderr, "  try again after (s): ", span_str(later));
    else if (again != NULL && again->number == 1)
        fputs("  the same request may succeed later\n", stderr);
    return exit_of_status(answer->http.status);
}

int
partner_exit_of_state(struct span state)
{
    const bool bad = span_eq_str(state, "denied") || span_eq_str(state, "failed") ||
                     span_eq_str(state, "expired");
    return bad ? CLI_REFUSED : CLI_DONE;
}

bool
partner_is_final(struct span state)
{
    return partner_exit_of_state(state) != CLI_DONE || span_eq_str(state, "settled") ||
           span_eq_str(state, "delivered");
}

static void
put_entry(const char *label, const struct json_doc *doc, const struct json_node *log)
{
    const struct json_node *index = child_of(doc, log, "index", JSON_INT);
    if (index == NULL)
        return;
    fputs(label, stdout);
    partner_put(stdout, string_of(doc, log, "origin"));
    printf(" entry %lld\n", (long long)index->number);
}

void
partner_print_transfer(const struct json_doc *doc, const struct json_node *transfer)
{
    const struct json_node *bytes = child_of(doc, transfer, "bytes", JSON_INT);
    put_line(stdout, "transfer   ", string_of(doc, transfer, "id"));
    put_line(stdout, "state      ", string_of(doc, transfer, "state"));
    put_line(stdout, "name       ", string_of(doc, transfer, "name"));
    put_line(stdout, "agreement  ", string_of(doc, transfer, "agreement"));
    put_line(stdout, "from       ", string_of(doc, transfer, "from"));
    put_line(stdout, "to         ", string_of(doc, transfer, "to"));
    put_line(stdout, "recipient  ", string_of(doc, transfer, "recipient"));
    put_line(stdout, "updated    ", string_of(doc, transfer, "updated"));
    if (bytes != NULL)
        printf("bytes      %lld\n", (long long)bytes->number);
    put_line(stdout, "root       ", string_of(doc, transfer, "root"));
    put_entry("log        ", doc, child_of(doc, transfer, "log", JSON_OBJECT));
    put_entry("peer log   ", doc, child_of(doc, transfer, "peer_log", JSON_OBJECT));
}

/* What a person needs beside the transfer when it was denied. */
static void
put_reasons(const struct json_doc *doc, const struct json_node *transfer)
{
    const struct json_node *import = child_of(doc, transfer, "import_decision", JSON_OBJECT);
    const struct json_node *own = child_of(doc, transfer, "decision", JSON_OBJECT);
    if (own != NULL && !span_eq_str(string_of(doc, own, "verdict"), "allow"))
        partner_explain(doc, own);
    if (import != NULL && !span_eq_str(string_of(doc, import, "verdict"), "allow")) {
        fputs("  decided by the importing zone:\n", stderr);
        partner_explain(doc, import);
    }
    put_columns(doc, child_of(doc, transfer, "observed", JSON_OBJECT));
}

int
partner_wait(const struct cli *cli, struct httpc *c, const char *id)
{
    char path[PARTNER_PATH_MAX];
    char prefer[32];
    (void)snprintf(path, sizeof(path), "/v1/transfers/%s", id);
    (void)snprintf(prefer, sizeof(prefer), "Prefer: wait=%d", WAIT_S);
    const bool waits = cli_has(cli, "--wait");
    for (bool first = true;; first = false) {
        struct partner_answer answer;
        const bool came = partner_get(cli, c, path, first ? NULL : prefer, &answer);
        const bool good = came && answer.http.status == 200 && answer.is_json;
        const struct span state = partner_member(&answer, "state");
        if (good && waits && !partner_is_final(state)) {
            partner_done(&answer);
            /* A gateway that does not hold the answer back must not be asked in a tight loop. */
            (void)poll(NULL, 0, WAIT_PAUSE_MS);
            continue;
        }
        int code = CLI_UNREACHABLE;
        if (good) {
            code = partner_exit_of_state(state);
            if (cli_has(cli, "--json"))
                printf("%s\n", answer.http.body);
            else
                partner_print_transfer(&answer.doc, answer.doc.nodes);
            if (code != CLI_DONE)
                put_reasons(&answer.doc, answer.doc.nodes);
        } else if (came) {
            code = partner_refused(cli, &answer);
        }
        partner_done(&answer);
        return code;
    }
}

bool
partner_check_id(const struct cli *cli, const char *id)
{
    uint8_t bytes[PARTNER_ID_LEN / 2];
    if (text_unhex(span_str(id), false, bytes, sizeof(bytes)) == ERR_OK)
        return true;
    (void)cli_usage(cli, "'%s' is not a transfer: 32 lower-case hex digits", id);
    return false;
}

const char *
partner_id(const struct cli *cli)
{
    int at = 0;
    const char *id = cli_next_operand(cli, &at);
    if (id == NULL || cli_operand_count(cli) != 1) {
        (void)cli_usage(cli, "give one transfer ID (32 hex digits, as push printed it)");
        return NULL;
    }
    return partner_check_id(cli, id) ? id : NULL;
}

enum err
partner_escape(struct span text, char *buf, size_t cap)
{
    size_t len = strlen(buf);
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (cap - len < 4)
            return ERR_FULL;
        if (isalnum(c) || (c != 0 && strchr("-._~", c) != NULL))
            buf[len++] = (char)c;
        else
            len += (size_t)snprintf(buf + len, cap - len, "%%%02X", c);
        buf[len] = '\0';
    }
    return ERR_OK;
}

static struct span
fact_key(const char *fact)
{
    return span_of(fact, strcspn(fact, "="));
}

static int
by_key(const void *a, const void *b)
{
    return span_cmp(fact_key(*(const char *const *)a), fact_key(*(const char *const *)b));
}

static void
put_fact(struct canon *w, const char *value)
{
    uint64_t number = 0;
    const bool minus = value[0] == '-' && value[1] != '0';
    const struct span digits = span_str(minus ? value + 1 : value);
    if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
        canon_bool(w, value[0] == 't');
    else if (text_parse_u64(digits, (uint64_t)JSON_INT_MAX, &number) == ERR_OK)
        canon_int(w, minus ? -(int64_t)number : (int64_t)number);
    else
        canon_str(w, value);
}

bool
partner_facts(const struct cli *cli, char buf[static PARTNER_FACTS_MAX], struct span *ret)
{
    const char *facts[FACTS_COUNT_MAX];
    size_t count = 0;
    int at = 0;
    struct canon w;
    const char *fact = cli_next_value(cli, "--fact", &at);
    for (; fact != NULL; fact = cli_next_value(cli, "--fact", &at)) {
        if (fact[0] == '=' || strchr(fact, '=') == NULL) {
            (void)cli_usage(cli, "--fact takes NAME=VALUE, not '%s'", fact);
            return false;
        }
        if (count == FACTS_COUNT_MAX) {
            (void)cli_usage(cli, "--fact %s: at most %d facts are stated", fact, FACTS_COUNT_MAX);
            return false;
        }
        facts[count++] = fact;
    }
    qsort(facts, count, sizeof(facts[0]), by_key);
    canon_init(&w, buf, PARTNER_FACTS_MAX);
    canon_object(&w);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && span_eq(fact_key(facts[i - 1]), fact_key(facts[i]))) {
            (void)cli_usage(cli, "--fact %s: this fact is stated twice: state it once", facts[i]);
            return false;
        }
        canon_key_span(&w, fact_key(facts[i]));
        put_fact(&w, strchr(facts[i], '=') + 1);
    }
    canon_end(&w);
    const enum err err = canon_finish(&w, ret);
    if (err != ERR_OK)
        (void)cli_usage(cli, "--fact: the facts cannot be sent: %s", error_text(err));
    return err == ERR_OK;
}
