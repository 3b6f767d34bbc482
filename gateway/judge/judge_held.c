/* SPDX-License-Identifier: Apache-2.0 */
/* HELD: the record of a decision that operators speak about. Their notes name it by its digest, so
 * its bytes are theirs and not clerk's; the rules that hold in it are those that their words
 * release. A rule is named by document and id, without the revision: a decision that comes too late
 * is made again under newer documents. */
#include <stdlib.h>

#include "crypto/digest.h"
#include "gateway/judge/judge_inner.h"

/* The document whose rules a record names without one; empty when each is named with its own. */
static enum err
judge_held_document(const struct json_doc *doc, struct span *ret)
{
    const struct json_node *policy = json_get(doc, &doc->nodes[0], "policy");
    *ret = (struct span){NULL, 0};
    if (policy == NULL)
        return ERR_OK;
    return policy->type != JSON_OBJECT ? ERR_TYPE : json_need_str(doc, policy, "id", 64, ret, NULL);
}

/* Appends "document/rule" and a NUL at *at; with out NULL counts only. */
static void
judge_held_put(uint8_t *out, size_t *at, struct span document, struct span rule)
{
    const struct span parts[3] = {document, document.len > 0 ? SPAN_LIT("/") : document, rule};
    for (size_t i = 0; i < 3; i++) {
        if (out != NULL && parts[i].len > 0)
            memcpy(out + *at, parts[i].ptr, parts[i].len);
        *at += parts[i].len;
    }
    if (out != NULL)
        out[*at] = 0;
    (*at)++;
}

/* The rules that hold, each as document/rule with a NUL behind it. */
static enum err
judge_held_rules(const struct json_doc *doc, uint8_t *out, size_t *ret_len)
{
    const struct json_node *rules = NULL;
    struct span document;
    size_t at = 0;
    if (doc->nodes[0].type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(judge_held_document(doc, &document));
    TRY(json_need(doc, &doc->nodes[0], "rules", JSON_OBJECT, &rules, NULL));
    const struct json_node *hold = json_get(doc, rules, "hold");
    if (hold != NULL && hold->type != JSON_ARRAY)
        return ERR_TYPE;
    const struct json_node *rule = hold == NULL ? NULL : json_first(doc, hold);
    for (; rule != NULL; rule = json_next(doc, hold, rule)) {
        struct span id = rule->text;
        if (rule->type != JSON_STRING || id.len == 0 || memchr(id.ptr, 0, id.len) != NULL)
            return ERR_TYPE;
        if (id.ptr[id.len - 1] == '?') /* it held on a fact that was not known */
            id.len--;
        judge_held_put(out, &at, document, id);
    }
    *ret_len = at;
    return ERR_OK;
}

static enum err
judge_held_take(struct judge_case *c, const struct json_doc *doc)
{
    size_t len = 0;
    TRY(judge_held_rules(doc, NULL, &len));
    uint8_t *out = malloc(len + 1);
    if (out == NULL)
        return ERR_NOMEM;
    const enum err err = judge_held_rules(doc, out, &len);
    if (err != ERR_OK) {
        free(out);
        return err;
    }
    free(c->held_rules.ptr);
    c->held_rules = (struct judge_blob){.ptr = out, .len = len};
    return ERR_OK;
}

enum err
judge_held_handle(struct judge *j, const struct judge_in *in)
{
    struct p_held p;
    struct json_doc doc;
    uint8_t hash[32];
    TRY(payload_held_get(in->body, &p));
    TRY(digest_sha256(in->file, hash));
    if (memcmp(hash, p.held, 32) != 0)
        return ERR_CONFLICT;
    struct judge_case *c = judge_case_find(j, in->transfer);
    if (c == NULL)
        return ERR_OK; /* judge was restarted; clerk brings the evidence, then this again */
    TRY(json_load(&doc, in->file, NULL));
    const enum err err = judge_held_take(c, &doc);
    json_free(&doc);
    TRY(err);
    memcpy(c->held, hash, 32);
    c->has_held = true;
    return ERR_OK;
}

bool
judge_held_names(const struct judge_case *c, const struct decide_fired *fired)
{
    const struct span id = fired->rule->id;
    const struct span document = fired->doc->id;
    struct span rest = judge_blob_span(&c->held_rules);
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.ptr, 0, rest.len);
        if (end == NULL)
            return false;
        const size_t len = (size_t)(end - rest.ptr);
        if (len == document.len + 1 + id.len && memcmp(rest.ptr, document.ptr, document.len) == 0 &&
            rest.ptr[document.len] == '/' &&
            memcmp(rest.ptr + document.len + 1, id.ptr, id.len) == 0)
            return true;
        rest = span_from(rest, len + 1);
    }
    return false;
}
