/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/policy_log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "schemas/evidence.h"
#include "schemas/text.h"

enum { POLICY_LOG_PATH_MAX = 4096, POLICY_LOG_FILE_MAX = 1 << 30 };

struct policy_log {
    const struct cli *cli;
    policy_log_see see;
    void *context;
    uint8_t (*seen)[32]; /* hashes of the records so far, sorted */
    size_t seen_count;
    size_t seen_cap;
    size_t file_count; /* of records, in the folder */
    struct entry_scratch scratch;
};

/* False if a record with that hash came before; notes it otherwise. */
static enum err
policy_log_is_new(struct policy_log *log, const uint8_t sha256[static 32], bool *ret)
{
    size_t low = 0;
    size_t high = log->seen_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = memcmp(log->seen[middle], sha256, 32);
        if (order == 0) {
            *ret = false;
            return ERR_OK;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (log->seen_count == log->seen_cap) {
        const size_t cap = 2 * log->seen_cap + 64;
        void *grown = realloc(log->seen, cap * 32);
        if (grown == NULL)
            return ERR_NOMEM;
        log->seen = grown;
        log->seen_cap = cap;
    }
    memmove(log->seen[low + 1], log->seen[low], (log->seen_count - low) * 32);
    memcpy(log->seen[low], sha256, 32);
    log->seen_count++;
    *ret = true;
    return ERR_OK;
}

static enum err
policy_log_take(const struct json_doc *json, struct policy_log_record *r, struct fault *fault)
{
    const struct json_node *root = &json->nodes[0];
    struct span format;
    if (root->type != JSON_OBJECT)
        return json_fail(json, root, ERR_TYPE, "a record is an object", fault);
    TRY(json_need_str(json, root, "format", 64, &format, fault));
    if (!span_eq_str(format, "tdz.decision/1"))
        return json_fail(json, root, ERR_VERSION, "format must be tdz.decision/1", fault);
    TRY(json_need(json, root, "input", JSON_OBJECT, &r->input, fault));
    TRY(json_need_str(json, root, "now", 64, &r->now, fault));
    TRY(json_need_str(json, root, "result", 64, &r->result, fault));
    TRY(json_need_str(json, root, "reason", 64, &r->reason, fault));
    if (text_parse_time(r->now, false, &r->now_ms) != ERR_OK)
        return json_fail(json, json_get(json, root, "now"), ERR_SYNTAX, "now is a time", fault);
    const struct json_node *rules = json_get(json, root, "rules");
    r->by_hold =
        rules != NULL && rules->type == JSON_OBJECT && json_get(json, rules, "hold") != NULL;
    r->json = json;
    r->obligations = json_get(json, root, "obligations");
    return ERR_OK;
}

/* One record, which begins at line `line` of its file; e is what holds it, or NULL. */
static enum err
policy_log_one(struct policy_log *log, const char *path, const struct evidence *e,
               struct span bytes, uint32_t line, struct fault *fault)
{
    struct policy_log_record r = {.path = path, .phase = "final"};
    struct json_doc json;
    uint8_t sha256[32];
    bool is_new = false;
    TRY(digest_sha256(bytes, sha256));
    TRY(text_hex(span_of(sha256, 32), r.sha256, sizeof(r.sha256)));
    TRY(policy_log_is_new(log, sha256, &is_new));
    if (!is_new)
        return ERR_OK;
    enum err err = e == NULL ? ERR_OK : recordphase_find(e, sha256, &log->scratch, r.phase);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    err = json_load(&json, bytes, fault);
    if (err == ERR_OK) {
        err = policy_log_take(&json, &r, fault);
        if (err == ERR_OK)
            err = log->see(log->context, &r);
        json_free(&json);
    }
    if (fault->line > 0)
        fault->line += line - 1;
    return err;
}

static enum err
policy_log_lines(struct policy_log *log, const char *path, struct span bytes, struct fault *fault)
{
    size_t at = 0;
    for (uint32_t line = 1; at < bytes.len; line++) {
        size_t end = at;
        while (end < bytes.len && bytes.ptr[end] != '\n')
            end++;
        if (end > at)
            TRY(policy_log_one(log, path, NULL, span_of(bytes.ptr + at, end - at), line, fault));
        at = end + 1;
    }
    return ERR_OK;
}

static enum err
policy_log_evidence(struct policy_log *log, const char *path, struct span bytes,
                    struct fault *fault)
{
    struct evidence *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return ERR_NOMEM;
    enum err err = evidence_load(bytes, e, fault);
    if (err == ERR_OK) {
        for (size_t i = 0; i < e->record_count && err == ERR_OK; i++)
            err = policy_log_one(log, path, e, e->records[i].body, 1, fault);
        evidence_free(e);
    }
    free(e);
    return err;
}

static int
policy_log_file(struct policy_log *log, const char *folder, const char *name)
{
    char path[POLICY_LOG_PATH_MAX];
    char *bytes = NULL;
    size_t len = 0;
    struct fault fault = {0};
    const struct span tail = span_str(name);
    const bool lines = tail.len > 7 && span_eq_str(span_from(tail, tail.len - 7), ".ndjson");
    const bool evidence = tail.len > 5 && span_eq_str(span_from(tail, tail.len - 5), ".json");
    if (!lines && !evidence)
        return CLI_DONE;
    log->file_count++;
    const int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof(path))
        return policy_files_bad(log->cli, name, ERR_TOO_LARGE, &fault);
    if (!cli_must_read(log->cli, path, lines ? POLICY_LOG_FILE_MAX : JSON_BYTES_MAX, &bytes, &len))
        return CLI_UNREACHABLE;
    const enum err err = lines ? policy_log_lines(log, path, span_of(bytes, len), &fault)
                               : policy_log_evidence(log, path, span_of(bytes, len), &fault);
    free(bytes);
    return err == ERR_OK ? CLI_DONE : policy_files_bad(log->cli, path, err, &fault);
}

static int
policy_log_folder(struct policy_log *log, const char *folder)
{
    struct dirent **names = NULL;
    const int count = scandir(folder, &names, NULL, alphasort);
    int code = CLI_DONE;
    if (count < 0) {
        cli_say(log->cli, "%s: %s", folder, strerrordesc_np(errno));
        return CLI_UNREACHABLE;
    }
    for (int i = 0; i < count; i++) {
        if (code == CLI_DONE)
            code = policy_log_file(log, folder, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    /* "0 decisions would differ" must not be the answer to a wrong folder. */
    if (code == CLI_DONE && log->file_count == 0) {
        cli_say(log->cli,
                "%s: no decisions in it: neither *.ndjson (tdz policy decide --batch) nor "
                "*.json (tdz receipt)",
                folder);
        code = CLI_USAGE;
    }
    return code;
}

int
policy_log_read(const struct cli *cli, const char *folder, policy_log_see see, void *context)
{
    struct policy_log *log = calloc(1, sizeof(*log));
    if (log == NULL) {
        cli_say(cli, "%s", error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    log->cli = cli;
    log->see = see;
    log->context = context;
    const int code = policy_log_folder(log, folder);
    free(log->seen);
    free(log);
    return code;
}

static bool
policy_log_has_id(const struct json_doc *json, const struct json_node *policy, struct span id)
{
    if (policy->type != JSON_OBJECT)
        return false;
    const struct json_node *node = json_get(json, policy, "id");
    return node != NULL && node->type == JSON_STRING && span_eq(node->text, id);
}

bool
policy_log_is_by(const struct policy_log_record *r, struct span id)
{
    const struct json_node *root = &r->json->nodes[0];
    const struct json_node *one = json_get(r->json, root, "policy");
    const struct json_node *several = json_get(r->json, root, "policies");
    if (one != NULL)
        return policy_log_has_id(r->json, one, id);
    const struct json_node *n =
        several == NULL || several->type != JSON_ARRAY ? NULL : json_first(r->json, several);
    for (; n != NULL; n = json_next(r->json, several, n))
        if (policy_log_has_id(r->json, n, id))
            return true;
    return false;
}

enum err
policy_log_decide(const struct policy_log_record *r, const struct policy_files *files,
                  const struct source *const *docs, size_t doc_count, struct facts *facts,
                  struct decision *ret)
{
    int64_t now = r->now_ms;
    for (size_t i = 0; i < doc_count; i++)
        now = now < docs[i]->from_ms ? docs[i]->from_ms : now;
    facts_init(facts);
    TRY(facts_input(facts, r->json, r->input, NULL));
    const struct decide_request q = {.docs = docs,
                                     .doc_count = doc_count,
                                     .lists = files->lists,
                                     .list_count = files->list_count,
                                     .now_ms = now,
                                     .facts = facts,
                                     .preflight = strcmp(r->phase, "preflight") == 0};
    return decide_run(&q, ret);
}

/* True if d asks for something to be done in the stream, beyond its encryption. */
static bool
policy_log_transforms(const struct decision *d, const struct vocab *v)
{
    for (size_t i = 0; i < d->obligations.kind_count; i++) {
        const struct span kind = d->obligations.kind[i].kind;
        const struct vocab_obligation *o = vocab_obligation(v, kind);
        if (o != NULL && o->phase == VOCAB_STREAM && !span_eq_str(kind, "encrypt"))
            return true;
    }
    return false;
}

void
policy_log_rule(const struct policy_log_record *r, const struct vocab *v, struct decision *d)
{
    const bool deny = span_eq_str(r->result, "deny");
    const bool review = span_eq_str(r->reason, "review");
    const bool approved = strcmp(r->phase, "approved") == 0;
    if (approved && d->verdict == DECIDE_HOLD && span_eq_str(r->result, "allow")) {
        d->verdict = DECIDE_ALLOW;
        d->reason = DECIDE_PERMITTED;
    } else if (deny && review && d->verdict == DECIDE_HOLD) {
        d->verdict = DECIDE_DENY;
        d->reason = DECIDE_REVIEW;
    } else if (span_eq_str(r->result, "hold") && !r->by_hold && d->verdict == DECIDE_DENY) {
        d->verdict = DECIDE_HOLD;
        d->reason = DECIDE_REVIEW;
    } else if (deny && span_eq_str(r->reason, "obligation-not-performed") &&
               d->verdict != DECIDE_DENY && policy_log_transforms(d, v)) {
        d->verdict = DECIDE_DENY;
        d->reason = DECIDE_OBLIGATION_NOT_PERFORMED;
    }
}
