/* SPDX-License-Identifier: Apache-2.0 */
/* tdz-audit replay: every decision of evidence files again, from archived documents, byte for byte.
 * Where a gateway ruled otherwise than the documents alone (an approval, an obligation that was not
 * performed, others' pending reservations, a suspect clock), the record is made again with that
 * ruling and counted apart; nothing else is excused. Spec: policy.md 2 (6); cli.md. */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "policy/record.h"
#include "schemas/entry.h"
#include "schemas/evidence.h"
#include "schemas/text.h"
#include "tools/audit_documents.h"
#include "tools/audit_verify.h"
#include "tools/cli.h"
#include "tools/recordphase.h"

enum { REPLAY_EVIDENCE_MAX = 64 << 20 };

/* Why a record says something else than its documents. */
enum replay_ruling { RULED_BY_DOCUMENTS, APPROVED, PENDING, NOT_PERFORMED, CLOCK, RULING_END };
static const char *const replay_rulings[RULING_END] = {"documents", "approved", "pending",
                                                       "not_performed", "clock"};

struct replay {
    const struct cli *cli;
    bool json;
    struct audit_documents documents;
    struct evidence file;
    struct entry_scratch scratch;
    struct facts facts;
    struct decision decision;
    struct json_doc doc; /* of the record at hand */
    char record[RECORD_BYTES_MAX + 6 * JSON_BYTES_MAX];
    char input[6 * JSON_BYTES_MAX];
    size_t files;
    size_t decisions;
    size_t failures;
    size_t ruled[RULING_END];
};

/* A failure, one line each; path and the record's hash name it. */
static void
replay_fail(struct replay *r, const char *path, const uint8_t sha256[static 32], const char *code,
            const char *detail)
{
    char hex[65] = "";
    (void)!text_hex(span_of(sha256, 32), hex, sizeof(hex));
    r->failures++;
    if (r->json)
        (void)printf("{\"code\":\"%s\",\"detail\":\"%s\",\"record\":\"sha256:%s\"}\n", code, detail,
                     hex);
    else
        (void)printf("%s: record sha256:%s: %s: %s\n", path, hex, code, detail);
}

static enum err
replay_hash(const struct json_doc *doc, const struct json_node *object, const char *key,
            uint8_t ret[static 32])
{
    const struct span head = SPAN_LIT("sha256:");
    struct span text;
    TRY(json_need_str(doc, object, key, 71, &text, NULL));
    return span_starts(text, head) ? text_unhex(span_from(text, head.len), false, ret, 32)
                                   : ERR_SYNTAX;
}

/* A document with the lists it names. */
static enum err
replay_document(struct replay *r, const struct json_node *object, const struct vocab *v,
                struct decide_request *q, const struct source **docs, struct decide_list *lists)
{
    const struct source *s = NULL;
    uint8_t sha256[32];
    if (object->type != JSON_OBJECT || q->doc_count == DECIDE_DOCS_MAX)
        return ERR_TYPE;
    TRY(replay_hash(&r->doc, object, "sha256", sha256));
    TRY(audit_documents_source(&r->documents, sha256, v, &s));
    docs[q->doc_count++] = s;
    for (size_t i = 0; i < s->list_count; i++) {
        const struct list *list = NULL;
        if (q->list_count == SOURCE_LISTS_MAX)
            return ERR_FULL;
        if (!s->lists[i].has_sha256)
            continue;
        TRY(audit_documents_list(&r->documents, s->lists[i].sha256, &list));
        lists[q->list_count++] =
            (struct decide_list){.alias = s->lists[i].alias, .list = list, .doc = s};
    }
    return ERR_OK;
}

/* What the gateway itself adds to every decision: data is encrypted to the zone it goes to. */
static void
replay_check_zone(struct replay *r)
{
    struct decision *d = &r->decision;
    const struct obligation_field *zone =
        obligation_field(obligation_find(&d->obligations, "encrypt"), "to_zone");
    const struct facts_entry *to = facts_get(&r->facts, SPAN_LIT("to"));
    if (d->verdict == DECIDE_DENY || zone == NULL || (to != NULL && span_eq(zone->text, to->text)))
        return;
    d->verdict = DECIDE_DENY;
    d->reason = DECIDE_OBLIGATION_UNSUPPORTED;
}

/* The ruling that turns what the documents say into what the record says; false: there is none. */
static bool
replay_rule(struct replay *r, const char *phase, enum replay_ruling *ret)
{
    const struct json_node *root = &r->doc.nodes[0];
    struct decision *d = &r->decision;
    struct span result;
    struct span reason;
    if (json_need_str(&r->doc, root, "result", 16, &result, NULL) != ERR_OK ||
        json_need_str(&r->doc, root, "reason", 64, &reason, NULL) != ERR_OK)
        return false;
    const bool approved = strcmp(phase, "approved") == 0;
    const bool deny = span_eq_str(result, "deny");
    const bool hold = span_eq_str(result, "hold");
    const bool review = span_eq_str(reason, "review");
    *ret = RULED_BY_DOCUMENTS;
    if (span_eq_str(result, decide_verdict_name(d->verdict)) &&
        span_eq_str(reason, decide_reason_name(d->reason)))
        return true;
    if (d->verdict != DECIDE_DENY && deny && span_eq_str(reason, "obligation-not-performed")) {
        d->reason = DECIDE_OBLIGATION_NOT_PERFORMED;
        d->verdict = DECIDE_DENY;
        *ret = NOT_PERFORMED;
    } else if (approved && d->verdict == DECIDE_HOLD && span_eq_str(result, "allow")) {
        d->reason = DECIDE_PERMITTED;
        d->verdict = DECIDE_ALLOW;
        *ret = APPROVED;
    } else if (approved && deny && review) {
        d->reason = DECIDE_REVIEW;
        d->verdict = DECIDE_DENY;
        *ret = APPROVED;
    } else if (hold && review) {
        *ret = d->verdict == DECIDE_DENY ? PENDING : CLOCK;
        d->reason = DECIDE_REVIEW;
        d->verdict = DECIDE_HOLD;
    } else {
        return false;
    }
    return true;
}

static enum err
replay_decide(struct replay *r, const char *phase)
{
    const struct json_node *root = &r->doc.nodes[0];
    const struct source *docs[DECIDE_DOCS_MAX];
    struct decide_list lists[SOURCE_LISTS_MAX];
    struct decide_request q = {.docs = docs,
                               .lists = lists,
                               .facts = &r->facts,
                               .preflight = strcmp(phase, "preflight") == 0};
    const struct vocab *v = NULL;
    const struct json_node *node = NULL;
    struct span now;
    uint8_t sha256[32];
    TRY(replay_hash(&r->doc, root, "vocabulary", sha256));
    TRY(audit_documents_vocab(&r->documents, sha256, &v));
    TRY(json_need_str(&r->doc, root, "now", 32, &now, NULL));
    TRY(text_parse_time(now, false, &q.now_ms));
    node = json_get(&r->doc, root, "policy");
    if (node != NULL) {
        TRY(replay_document(r, node, v, &q, docs, lists));
    } else {
        TRY(json_need(&r->doc, root, "policies", JSON_ARRAY, &node, NULL));
        const struct json_node *one = json_first(&r->doc, node);
        for (; one != NULL; one = json_next(&r->doc, node, one))
            TRY(replay_document(r, one, v, &q, docs, lists));
    }
    TRY(json_need(&r->doc, root, "input", JSON_OBJECT, &node, NULL));
    facts_init(&r->facts);
    TRY(facts_input(&r->facts, &r->doc, node, NULL));
    TRY(decide_run(&q, &r->decision));
    replay_check_zone(r);
    return ERR_OK;
}

/* The record again, from what was decided. */
static enum err
replay_write(struct replay *r, struct span *ret)
{
    struct canon w;
    struct span input;
    const struct json_node *node = json_get(&r->doc, &r->doc.nodes[0], "input");
    canon_init(&w, r->input, sizeof(r->input));
    canon_node(&w, &r->doc, node);
    TRY(canon_finish(&w, &input));
    return record_write(&r->decision, input, r->record, sizeof(r->record), ret);
}

static void
replay_record(struct replay *r, const char *path, const struct evidence_record *record)
{
    char phase[RECORDPHASE_MAX] = "";
    char detail[96] = "";
    uint8_t sha256[32];
    enum replay_ruling ruling = RULED_BY_DOCUMENTS;
    struct span again = {NULL, 0};
    r->decisions++;
    enum err err = digest_sha256(record->body, sha256);
    if (err != ERR_OK || memcmp(sha256, record->sha256, 32) != 0) {
        replay_fail(r, path, record->sha256, "hash", "the record is not what its hash says");
        return;
    }
    err = recordphase_find(&r->file, sha256, &r->scratch, phase);
    if (err != ERR_OK) {
        replay_fail(r, path, sha256, "not-logged", "no entry of the log commits to it");
        return;
    }
    err = json_load(&r->doc, record->body, NULL);
    if (err == ERR_OK && r->doc.nodes[0].type != JSON_OBJECT)
        err = ERR_TYPE;
    if (err == ERR_OK)
        err = replay_decide(r, phase);
    if (err == ERR_NOT_FOUND)
        replay_fail(r, path, sha256, "document-missing",
                    "a vocabulary, policy or list it names is in no folder given");
    else if (err != ERR_OK)
        replay_fail(r, path, sha256, "unreadable", error_text(err));
    else if (!replay_rule(r, phase, &ruling) || replay_write(r, &again) != ERR_OK)
        replay_fail(r, path, sha256, "differs", "its documents decide otherwise");
    else if (!span_eq(again, record->body)) {
        size_t at = 0;
        while (at < again.len && at < record->body.len && again.ptr[at] == record->body.ptr[at])
            at++;
        (void)snprintf(detail, sizeof(detail), "byte %zu is another", at);
        replay_fail(r, path, sha256, "differs", detail);
    } else {
        r->ruled[ruling]++;
    }
    json_free(&r->doc);
}

/* One evidence file. */
static int
replay_file(struct replay *r, const char *path)
{
    struct fault fault = {.code = ERR_OK};
    char *bytes = NULL;
    size_t len = 0;
    if (!cli_must_read(r->cli, path, REPLAY_EVIDENCE_MAX, &bytes, &len))
        return CLI_UNREACHABLE;
    const enum err err = evidence_load(span_of(bytes, len), &r->file, &fault);
    if (err != ERR_OK) {
        cli_fault(path, &fault);
        free(bytes);
        return CLI_USAGE;
    }
    r->files++;
    for (size_t i = 0; i < r->file.record_count; i++)
        replay_record(r, path, &r->file.records[i]);
    evidence_free(&r->file);
    free(bytes);
    return CLI_DONE;
}

/* A file, or every *.json below a folder. */
static int
replay_path(struct replay *r, const char *path)
{
    char *copy = strdup(path);
    char *paths[] = {copy, NULL};
    struct stat st;
    int code = CLI_DONE;
    FTS *tree = copy == NULL || stat(path, &st) != 0
                    ? NULL
                    : fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (tree == NULL) {
        cli_say(r->cli, "%s: %s", path, strerrordesc_np(errno));
        code = CLI_UNREACHABLE;
    }
    for (FTSENT *e = NULL; code == CLI_DONE && (e = fts_read(tree)) != NULL;) {
        const size_t n = strlen(e->fts_name);
        const bool named = n > 5 && strcmp(e->fts_name + n - 5, ".json") == 0;
        if (e->fts_info == FTS_F && (named || e->fts_level == 0))
            code = replay_file(r, e->fts_path);
    }
    if (tree != NULL)
        (void)fts_close(tree);
    free(copy);
    return code;
}

static int
replay_report(const struct replay *r)
{
    size_t equal = 0;
    for (size_t i = 0; i < RULING_END; i++)
        equal += r->ruled[i];
    if (r->json)
        (void)printf("{\"decisions\":%zu,\"equal\":%zu,\"failures\":%zu,\"files\":%zu,\"ok\":%s,"
                     "\"ruled\":{",
                     r->decisions, equal, r->failures, r->files,
                     r->failures == 0 ? "true" : "false");
    else
        (void)printf("%zu decisions of %zu files: %zu made again byte for byte, %zu not",
                     r->decisions, r->files, equal, r->failures);
    static const enum replay_ruling order[] = {APPROVED, CLOCK, NOT_PERFORMED, PENDING};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (r->json)
            (void)printf("%s\"%s\":%zu", i == 0 ? "" : ",", replay_rulings[order[i]],
                         r->ruled[order[i]]);
        else if (r->ruled[order[i]] > 0)
            (void)printf("; %zu as the gateway ruled (%s)", r->ruled[order[i]],
                         replay_rulings[order[i]]);
    (void)printf(r->json ? "}}\n" : "\n");
    return r->failures == 0 ? CLI_DONE : CLI_REFUSED;
}

static int
replay_run(struct replay *r)
{
    const char *value = NULL;
    int code = CLI_DONE;
    int at = 0;
    if (cli_operand_count(r->cli) == 0 || cli_value(r->cli, "--documents") == NULL)
        return cli_usage(r->cli, "--documents DIR and the evidence to replay are needed");
    while (code == CLI_DONE && (value = cli_next_value(r->cli, "--documents", &at)) != NULL) {
        const enum err err = audit_documents_add(&r->documents, value);
        if (err != ERR_OK) {
            cli_say(r->cli, "%s: %s", value, error_text(err));
            code = CLI_UNREACHABLE;
        }
    }
    at = 0;
    while (code == CLI_DONE && (value = cli_next_operand(r->cli, &at)) != NULL)
        code = replay_path(r, value);
    return code == CLI_DONE ? replay_report(r) : code;
}

int
audit_replay_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "replay", &cli))
        return CLI_USAGE;
    struct replay *r = calloc(1, sizeof(*r));
    if (r == NULL || crypto_init() != ERR_OK) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        free(r);
        return CLI_UNREACHABLE;
    }
    r->cli = &cli;
    r->json = cli_has(&cli, "--json");
    const int code = replay_run(r);
    audit_documents_finish(&r->documents);
    free(r);
    return code;
}
