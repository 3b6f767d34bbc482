/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lineage.h"

#include "policy/admission.h"
#include "policy/tighten.h"

/* The revision of document i that comes next below it; r->policy_count when there is none here. */
static size_t
lineage_before(const struct register_set *r, size_t i)
{
    const struct source *s = r->policies[i];
    size_t best = r->policy_count;
    for (size_t k = 0; k < r->policy_count; k++) {
        const struct source *o = r->policies[k];
        if (span_eq(o->id, s->id) && o->revision < s->revision &&
            (best == r->policy_count || o->revision > r->policies[best]->revision))
            best = k;
    }
    return best;
}

static bool
lineage_is_newest(const struct register_set *r, size_t i)
{
    for (size_t k = 0; k < r->policy_count; k++)
        if (span_eq(r->policies[k]->id, r->policies[i]->id) &&
            r->policies[k]->revision > r->policies[i]->revision)
            return false;
    return true;
}

static int64_t
lineage_from(const struct register_set *r, size_t i)
{
    const int64_t from = r->policies[i]->from_ms;
    return from > r->activate_ms[i] ? from : r->activate_ms[i];
}

bool
lineage_is_spent(const struct register_set *r, size_t policy, int64_t now_ms)
{
    const struct source *s = r->policies[policy];
    const int64_t from = lineage_from(r, policy) > now_ms ? lineage_from(r, policy) : now_ms;
    if (s->until_ms <= now_ms)
        return true;
    for (size_t k = 0; k < r->policy_count; k++) {
        const struct source *o = r->policies[k];
        if (span_eq(o->id, s->id) && o->is_import == s->is_import && o->revision > s->revision &&
            lineage_from(r, k) <= from && o->until_ms >= s->until_ms)
            return true;
    }
    return false;
}

/* The fault of member key of document i, or of its first byte. */
static enum err
lineage_stop(const struct register_set *r, size_t i, const char *key, enum err code,
             const char *where, struct fault *ret_fault)
{
    struct json_doc doc;
    if (json_load(&doc, r->policy_bytes[i], ret_fault) != ERR_OK)
        return code;
    const struct json_node *node = json_get(&doc, &doc.nodes[0], key);
    (void)json_fail(&doc, node == NULL ? &doc.nodes[0] : node, code, where, ret_fault);
    json_free(&doc);
    return code;
}

static enum err
lineage_lists(const struct register_set *r, size_t i, struct fault *ret_fault)
{
    const struct source *s = r->policies[i];
    for (size_t k = 0; k < s->list_count; k++) {
        const struct source_list *want = &s->lists[k];
        bool same_id = false;
        bool found = false;
        for (size_t n = 0; n < r->list_count; n++) {
            const struct list *list = r->lists[n];
            same_id = same_id || span_eq(list->id, want->id);
            found = found ||
                    (span_eq(list->id, want->id) && memcmp(list->sha256, want->sha256, 32) == 0);
        }
        if (!found && same_id)
            return lineage_stop(r, i, "lists", ERR_CONFLICT,
                                "a list is here with another hash than the one named", ret_fault);
        if (!found)
            return lineage_stop(r, i, "lists", ERR_NOT_FOUND, "a list it names is not here",
                                ret_fault);
    }
    return ERR_OK;
}

static enum err
lineage_emergency(const struct register_set *r, size_t i, size_t before, struct fault *ret_fault)
{
    const struct source *s = r->policies[i];
    /* An overlay nobody had before holds no permit: it is an addition as a whole. */
    if (before == r->policy_count && !s->is_closed && !s->has_previous)
        return ERR_OK;
    if (before == r->policy_count)
        return lineage_stop(r, i, "previous", ERR_NOT_FOUND,
                            "an emergency is compared with the document before it: not here",
                            ret_fault);
    const struct tighten_doc was = {r->policies[before], r->policy_bytes[before]};
    const struct tighten_doc is = {s, r->policy_bytes[i]};
    return tighten_check(&was, &is, ret_fault);
}

static enum err
lineage_one(const struct register_set *r, size_t i, int64_t now_ms, struct fault *ret_fault)
{
    const struct source *s = r->policies[i];
    const size_t before = lineage_before(r, i);
    if (before < r->policy_count) {
        const struct source *was = r->policies[before];
        if (was->is_import != s->is_import)
            return lineage_stop(r, i, "direction", ERR_CONFLICT,
                                "the revision before it is of the other direction", ret_fault);
        if (!s->has_previous || memcmp(s->previous, was->sha256, 32) != 0)
            return lineage_stop(r, i, "previous", ERR_CONFLICT,
                                "previous must be the hash of the revision before it", ret_fault);
        if (r->activate_ms[i] < r->activate_ms[before])
            return lineage_stop(r, i, "revision", ERR_CONFLICT,
                                "it is activated before the revision it follows", ret_fault);
    }
    const bool spent = lineage_is_spent(r, i, now_ms);
    if (!spent || lineage_from(r, i) >= s->until_ms)
        TRY(admission_check(s, r->policy_bytes[i], lineage_from(r, i), ret_fault));
    if (r->emergency[i] && !(spent && before == r->policy_count))
        TRY(lineage_emergency(r, i, before, ret_fault));
    return spent ? ERR_OK : lineage_lists(r, i, ret_fault);
}

enum err
lineage_check(const struct register_set *r, int64_t now_ms, size_t *ret_policy,
              struct fault *ret_fault)
{
    for (size_t i = 0; i < r->policy_count; i++) {
        *ret_policy = i;
        TRY(lineage_one(r, i, now_ms, ret_fault));
    }
    return ERR_OK;
}

/* True if a document of `after` names document i of `before` as the one it follows, and is in force
 * for all the time that one has left. */
static bool
lineage_is_followed(const struct register_set *before, size_t i, const struct register_set *after,
                    int64_t now_ms)
{
    const struct source *s = before->policies[i];
    const int64_t from = lineage_from(before, i) > now_ms ? lineage_from(before, i) : now_ms;
    for (size_t k = 0; k < after->policy_count; k++) {
        const struct source *o = after->policies[k];
        if (span_eq(o->id, s->id) && o->revision > s->revision && o->has_previous &&
            memcmp(o->previous, s->sha256, 32) == 0 && lineage_from(after, k) <= from &&
            o->until_ms >= s->until_ms)
            return true;
    }
    return false;
}

enum err
lineage_succeeds(const struct register_set *before, const struct register_set *after,
                 int64_t now_ms, size_t *ret_policy)
{
    for (size_t i = 0; i < before->policy_count; i++) {
        bool found = lineage_is_followed(before, i, after, now_ms);
        for (size_t k = 0; k < after->policy_count; k++)
            found =
                found || memcmp(after->policies[k]->sha256, before->policies[i]->sha256, 32) == 0;
        *ret_policy = i;
        if (!found && (lineage_is_newest(before, i) || !lineage_is_spent(before, i, now_ms)))
            return ERR_DENIED;
    }
    return ERR_OK;
}
