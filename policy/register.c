/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/register.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/digest.h"

static const char *const register_formats[] = {"tdz.partner/1", "tdz.agreement/1", "tdz.list/1"};

const char *
register_format(enum register_kind kind)
{
    return register_formats[kind];
}

enum err
register_init(struct register_set *r, const struct vocab *v, struct span zone)
{
    const uint32_t index = vocab_zone(v, zone);
    if (index == VOCAB_NONE)
        return ERR_NOT_FOUND;
    *r = (struct register_set){.vocab = v, .zone = v->zones[index].name};
    return ERR_OK;
}

void
register_finish(struct register_set *r)
{
    for (size_t i = 0; i < r->partner_count; i++) {
        party_finish(r->partners[i]);
        free(r->partners[i]);
    }
    for (size_t i = 0; i < r->agreement_count; i++) {
        agreement_finish(r->agreements[i]);
        free(r->agreements[i]);
    }
    for (size_t i = 0; i < r->policy_count; i++) {
        if (r->compiled[i] != NULL)
            compiled_finish(r->compiled[i]);
        free(r->compiled[i]);
        source_finish(r->policies[i]);
        free(r->policies[i]);
    }
    for (size_t i = 0; i < r->list_count; i++) {
        list_finish(r->lists[i]);
        free(r->lists[i]);
    }
    *r = (struct register_set){0};
}

static enum err
register_add_partner(struct register_set *r, struct span bytes, const uint8_t sha256[static 32],
                     struct fault *ret_fault)
{
    if (r->partner_count == REGISTER_PARTNERS_MAX)
        return ERR_FULL;
    struct party *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ERR_NOMEM;
    enum err err = party_read(p, r->vocab, bytes, sha256, ret_fault);
    if (err == ERR_OK && register_partner(r, p->zone, p->name) != NULL)
        err = ERR_EXISTS;
    for (size_t i = 0; err == ERR_OK && i < p->spiffe_count; i++)
        if (register_by_spiffe(r, p->spiffe[i]) != NULL)
            err = ERR_EXISTS;
    if (err == ERR_OK) {
        r->partners[r->partner_count++] = p;
        return ERR_OK;
    }
    party_finish(p);
    free(p);
    return err;
}

static enum err
register_add_agreement(struct register_set *r, struct span bytes, const uint8_t sha256[static 32],
                       struct fault *ret_fault)
{
    if (r->agreement_count == REGISTER_AGREEMENTS_MAX)
        return ERR_FULL;
    struct agreement *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    enum err err = agreement_read(a, r->vocab, bytes, sha256, ret_fault);
    if (err == ERR_OK && register_agreement(r, a->id) != NULL)
        err = ERR_EXISTS;
    if (err == ERR_OK) {
        r->agreements[r->agreement_count++] = a;
        return ERR_OK;
    }
    agreement_finish(a);
    free(a);
    return err;
}

static enum err
register_fail(enum err code, uint32_t line, const char *where, struct fault *ret_fault)
{
    if (ret_fault != NULL) {
        *ret_fault = (struct fault){.code = code, .line = line, .column = 1};
        (void)snprintf(ret_fault->where, sizeof(ret_fault->where), "%s", where);
    }
    return code;
}

static enum err
register_check_policy(const struct register_set *r, const struct source *s, struct fault *ret_fault)
{
    if (!span_eq(s->zone, r->zone))
        return register_fail(ERR_DENIED, 1, "it is a document of another zone", ret_fault);
    if (!source_is_complete(s))
        return register_fail(ERR_DENIED, 1, "a list it names has no hash", ret_fault);
    for (size_t i = 0; i < r->policy_count; i++)
        if (span_eq(r->policies[i]->id, s->id) && r->policies[i]->revision == s->revision)
            return register_fail(ERR_EXISTS, 1, "this id and revision is here twice", ret_fault);
    return ERR_OK;
}

/* Reads note as the activation of s, which becomes the next policy of r. */
static enum err
register_activate(struct register_set *r, struct source *s, const struct register_file *file,
                  const struct activation_key *keys, size_t key_count, struct fault *ret_fault)
{
    struct activation_scratch scratch;
    struct activation a;
    struct note note;
    const size_t at = r->policy_count;
    if (file->note.len == 0)
        return register_fail(ERR_DENIED, 1, "nobody activated it: no note beside it", ret_fault);
    TRY(activation_read(file->note, &scratch, &a, &note, ret_fault));
    TRY(activation_check(&a, &note, s, keys, key_count, ret_fault));
    TRY(digest_sha256(file->note, r->activation[at]));
    r->activate_ms[at] = a.activate_ms;
    r->emergency[at] = a.emergency;
    r->policy_bytes[at] = file->bytes;
    r->policies[at] = s;
    r->policy_count++;
    return ERR_OK;
}

enum err
register_add_policy(struct register_set *r, const struct register_file *file,
                    const struct activation_key *keys, size_t key_count, bool *ret_in_note,
                    struct fault *ret_fault)
{
    uint8_t sha256[32];
    *ret_in_note = false;
    TRY(digest_sha256(file->bytes, sha256));
    if (r->policy_count == REGISTER_POLICIES_MAX)
        return register_fail(ERR_FULL, 1, "more policy files than the limit of 64", ret_fault);
    struct source *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    enum err err = source_read(s, r->vocab, file->bytes, sha256, ret_fault);
    if (err == ERR_OK)
        err = register_check_policy(r, s, ret_fault);
    if (err == ERR_OK) {
        *ret_in_note = true;
        err = register_activate(r, s, file, keys, key_count, ret_fault);
    }
    if (err == ERR_OK)
        return ERR_OK;
    source_finish(s);
    free(s);
    return err;
}

static enum err
register_add_list(struct register_set *r, struct span bytes, const uint8_t sha256[static 32],
                  struct fault *ret_fault)
{
    if (r->list_count == REGISTER_LISTS_MAX)
        return ERR_FULL;
    struct list *list = calloc(1, sizeof(*list));
    if (list == NULL)
        return ERR_NOMEM;
    enum err err = list_read(list, bytes, sha256, ret_fault);
    for (size_t i = 0; err == ERR_OK && i < r->list_count; i++)
        if (memcmp(r->lists[i]->sha256, sha256, 32) == 0)
            err = ERR_EXISTS;
    if (err == ERR_OK) {
        r->lists[r->list_count++] = list;
        return ERR_OK;
    }
    list_finish(list);
    free(list);
    return err;
}

/* Says of a file that its note does not make it count, and why. */
static enum err
register_note_fail(const struct register_file *file, enum err err, struct fault *ret_fault)
{
    const char *why = "its note cannot be read: sign it anew";
    if (file->note.len == 0)
        why = "no note beside it: an operator signs one";
    else if (err == ERR_CONFLICT)
        why = "its note is about other bytes, name or format: sign it anew";
    else if (err == ERR_KEY_UNKNOWN)
        why = "its note is by nobody who is an operator of this zone now";
    if (ret_fault == NULL)
        return err;
    *ret_fault = (struct fault){.code = err, .line = 1, .column = 1};
    (void)snprintf(ret_fault->where, sizeof(ret_fault->where), "%s", why);
    return err;
}

enum err
register_add(struct register_set *r, enum register_kind kind, const struct register_file *file,
             const struct note_key *keys, size_t key_count, struct fault *ret_fault)
{
    struct note_signers signers;
    uint8_t sha256[32];
    const enum err err = filenote_check(file->note, register_formats[kind], file->name, file->bytes,
                                        keys, key_count, &signers);
    if (err != ERR_OK)
        return register_note_fail(file, err, ret_fault);
    TRY(digest_sha256(file->bytes, sha256));
    switch (kind) {
    case REGISTER_PARTNER:
        return register_add_partner(r, file->bytes, sha256, ret_fault);
    case REGISTER_AGREEMENT:
        return register_add_agreement(r, file->bytes, sha256, ret_fault);
    case REGISTER_LIST:
        return register_add_list(r, file->bytes, sha256, ret_fault);
    }
    return ERR_BUG;
}

const struct party *
register_partner(const struct register_set *r, struct span zone, struct span name)
{
    for (size_t i = 0; i < r->partner_count; i++)
        if (span_eq(r->partners[i]->name, name) && span_eq(r->partners[i]->zone, zone))
            return r->partners[i];
    return NULL;
}

const struct party *
register_by_spiffe(const struct register_set *r, struct span id)
{
    for (size_t i = 0; i < r->partner_count; i++)
        if (party_has_spiffe(r->partners[i], id))
            return r->partners[i];
    return NULL;
}

const struct agreement *
register_agreement(const struct register_set *r, struct span id)
{
    for (size_t i = 0; i < r->agreement_count; i++)
        if (span_eq(r->agreements[i]->id, id))
            return r->agreements[i];
    return NULL;
}

static const struct list *
register_list(const struct register_set *r, const struct source_list *wanted)
{
    for (size_t i = 0; wanted->has_sha256 && i < r->list_count; i++)
        if (memcmp(r->lists[i]->sha256, wanted->sha256, 32) == 0)
            return r->lists[i];
    return NULL;
}

/* A document whose list is not here compiles all the same: what it looks up there is unknown. */
static enum err
register_compile_one(const struct register_set *r, const struct source *s, struct compiled *c,
                     struct fault *ret_fault)
{
    struct decide_list lists[SOURCE_LISTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < s->list_count; i++) {
        const struct list *list = register_list(r, &s->lists[i]);
        if (list != NULL)
            lists[count++] =
                (struct decide_list){.alias = s->lists[i].alias, .list = list, .doc = s};
    }
    return compiled_make(c, s, lists, count, ret_fault);
}

enum err
register_compile(struct register_set *r, struct fault *ret_fault)
{
    for (size_t i = 0; i < r->policy_count; i++) {
        if (r->compiled[i] != NULL)
            continue;
        struct compiled *c = calloc(1, sizeof(*c));
        if (c == NULL)
            return ERR_NOMEM;
        const enum err err = register_compile_one(r, r->policies[i], c, ret_fault);
        if (err != ERR_OK) {
            free(c);
            return err;
        }
        r->compiled[i] = c;
    }
    return ERR_OK;
}

static bool
register_in_force(const struct register_set *r, size_t i, bool is_import, int64_t now_ms)
{
    const struct source *s = r->policies[i];
    return s->is_import == is_import && now_ms >= r->activate_ms[i] && now_ms >= s->from_ms &&
           now_ms < s->until_ms;
}

bool
register_is_active(const struct register_set *r, size_t policy, int64_t now_ms)
{
    const struct source *s = r->policies[policy];
    if (!register_in_force(r, policy, s->is_import, now_ms))
        return false;
    for (size_t i = 0; i < r->policy_count; i++)
        if (span_eq(r->policies[i]->id, s->id) && r->policies[i]->revision > s->revision &&
            register_in_force(r, i, s->is_import, now_ms))
            return false;
    return true;
}

int64_t
register_next_change(const struct register_set *r, int64_t now_ms)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < r->policy_count; i++) {
        const int64_t at[3] = {r->activate_ms[i], r->policies[i]->from_ms,
                               r->policies[i]->until_ms};
        for (size_t k = 0; k < 3; k++)
            if (at[k] > now_ms && at[k] < next)
                next = at[k];
    }
    return next;
}

enum err
register_active(const struct register_set *r, bool is_import, int64_t now_ms,
                struct register_active *ret)
{
    bool closed = false;
    struct register_active active = {.doc_count = 0};
    for (size_t i = 0; i < r->policy_count; i++) {
        const struct source *s = r->policies[i];
        if (s->is_import != is_import || !register_is_active(r, i, now_ms))
            continue;
        if (active.doc_count == DECIDE_DOCS_MAX)
            return ERR_FULL;
        if (r->compiled[i] == NULL)
            return ERR_STATE;
        active.docs[active.doc_count++] = r->compiled[i];
        closed = closed || s->is_closed;
    }
    if (!closed)
        return ERR_NOT_FOUND;
    *ret = active;
    return ERR_OK;
}

enum err
register_facts(const struct register_set *r, const struct agreement *a, int64_t now_ms,
               int64_t margin_ms, struct facts *f)
{
    const struct party *sender = register_partner(r, a->from, a->sender);
    const struct party *recipient = register_partner(r, a->to, a->recipient);
    TRY(agreement_check_valid(a, now_ms, margin_ms));
    if (sender == NULL || recipient == NULL)
        return ERR_NOT_FOUND;
    TRY(party_facts_exporter(sender, f));
    TRY(party_facts_recipient(recipient, f));
    TRY(agreement_facts(a, now_ms, margin_ms, f));
    return agreement_labels(a, f);
}
