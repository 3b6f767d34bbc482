/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/succession.h"

#include "policy/approvers.h"
#include "policy/signed_json.h"
#include "schemas/canon.h"
#include "schemas/text.h"

static const char succession_format[] = "tdz.origin/1\n";
enum { SUCCESSION_FORMAT_LEN = sizeof(succession_format) - 1, SUCCESSION_ZONE_MAX = 160 };

enum err
succession_text(const struct succession *s, char out[static SUCCESSION_TEXT_MAX], size_t *ret_len)
{
    struct canon w;
    struct span json;
    char time[21];
    if (s->reason.len == 0 || s->reason.len > SUCCESSION_REASON_MAX)
        return ERR_RANGE;
    TRY(text_time_s(s->time_s, time));
    canon_init(&w, out + SUCCESSION_FORMAT_LEN, SUCCESSION_TEXT_MAX - SUCCESSION_FORMAT_LEN - 1);
    canon_object(&w);
    canon_member_span(&w, "checkpoint", s->checkpoint);
    canon_member_span(&w, "key", s->key);
    canon_member_span(&w, "origin", s->origin);
    canon_member_span(&w, "previous", s->previous);
    canon_member_span(&w, "reason", s->reason);
    canon_member_str(&w, "time", time);
    canon_member_span(&w, "zone", s->zone);
    canon_end(&w);
    const enum err err = canon_finish(&w, &json);
    if (err != ERR_OK)
        return err == ERR_FULL ? ERR_TOO_LARGE : err;
    memcpy(out, succession_format, SUCCESSION_FORMAT_LEN);
    out[SUCCESSION_FORMAT_LEN + json.len] = '\n';
    *ret_len = SUCCESSION_FORMAT_LEN + json.len + 1;
    return ERR_OK;
}

static enum err
succession_members(const struct json_doc *doc, void *value, struct fault *ret_fault)
{
    struct succession *s = value;
    static const char *const names[] = {"checkpoint", "key",  "origin", "previous",
                                        "reason",     "time", "zone"};
    const struct json_node *root = &doc->nodes[0];
    struct span time;
    int64_t ms = 0;
    if (root->type != JSON_OBJECT)
        return json_fail(doc, root, ERR_TYPE, "a succession is an object", ret_fault);
    TRY(json_only(doc, root, names, sizeof(names) / sizeof(names[0]), ret_fault));
    TRY(json_need_str(doc, root, "checkpoint", CHECKPOINT_MAX, &s->checkpoint, ret_fault));
    TRY(json_need_str(doc, root, "key", NOTE_VKEY_MAX, &s->key, ret_fault));
    TRY(json_need_str(doc, root, "origin", NOTE_NAME_MAX, &s->origin, ret_fault));
    TRY(json_need_str(doc, root, "previous", NOTE_NAME_MAX, &s->previous, ret_fault));
    TRY(json_need_str(doc, root, "reason", SUCCESSION_REASON_MAX, &s->reason, ret_fault));
    TRY(json_need_str(doc, root, "time", 20, &time, ret_fault));
    if (text_parse_time(time, false, &ms) != ERR_OK)
        return json_fail(doc, json_get(doc, root, "time"), ERR_SYNTAX, "time", ret_fault);
    s->time_s = ms / 1000;
    TRY(json_need_str(doc, root, "zone", SUCCESSION_ZONE_MAX, &s->zone, ret_fault));
    return s->reason.len > 0 ? ERR_OK
                             : json_fail(doc, json_get(doc, root, "reason"), ERR_RANGE,
                                         "a succession says its reason", ret_fault);
}

static enum err
succession_canon(const void *value, char *out, size_t *ret_len)
{
    return succession_text(value, out, ret_len);
}

static const struct signed_json succession_note = {
    .format = succession_format,
    .text_max = SUCCESSION_TEXT_MAX,
    .when_no_note = "a succession is a signed note",
    .when_no_format = "format is tdz.origin/1",
    .when_too_large = "one line of at most 12 KiB",
    .members = succession_members,
    .text = succession_canon,
};

enum err
succession_read(struct span bytes, struct succession_scratch *scratch, struct succession *ret,
                struct note *ret_note, struct fault *ret_fault)
{
    struct json_doc doc = {.nodes = scratch->nodes,
                           .node_cap = SUCCESSION_NODES_MAX,
                           .text = scratch->text,
                           .text_cap = sizeof(scratch->text)};
    return signed_json_read(&succession_note, bytes, &doc, scratch->canon, ret, ret_note,
                            ret_fault);
}

/* -- the old log -------------------------------------------------------------------------------*/

/* The log key of that name; keys of types that this build does not know are none. */
static enum err
succession_log(const struct trust_zone *zone, struct span origin, struct note_key *ret)
{
    for (size_t i = 0; i < zone->log_count; i++) {
        struct note_key key;
        if (note_key_parse(zone->logs[i], &key) != ERR_OK || key.type != NOTE_ED25519 ||
            !span_eq_str(origin, key.name))
            continue;
        *ret = key;
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

/* Appends the witness keys of the other zones that have a line under note. */
static size_t
succession_witnesses(const struct trust *trust, const struct trust_zone *own,
                     const struct note *note, struct note_key keys[static NOTE_SIGS_MAX],
                     size_t count)
{
    for (size_t z = 0; z < trust->zone_count; z++) {
        const struct trust_zone *zone = &trust->zones[z];
        for (size_t i = 0; zone != own && i < zone->witness_count; i++) {
            struct note_key key;
            if (note_key_parse(zone->witnesses[i], &key) == ERR_OK && key.type == NOTE_COSIGNATURE)
                (void)note_keys_add(note, &key, keys, &count);
        }
    }
    return count;
}

enum err
succession_checkpoint(const struct trust *trust, struct span zone, struct span origin,
                      struct span checkpoint, struct succession_old *ret, struct fault *ret_fault)
{
    const struct trust_zone *own = trust_find(trust, zone);
    struct note_key keys[NOTE_SIGS_MAX];
    struct note_signers by;
    struct checkpoint c;
    struct note note;
    bool of_log = false;
    bool cosigned = false;
    *ret = (struct succession_old){.size = 0};
    if (own == NULL || succession_log(own, origin, &keys[0]) != ERR_OK)
        return signed_json_stop(2, ERR_NOT_FOUND,
                                "the trust file has no key of the previous origin", ret_fault);
    ret->key = keys[0];
    enum err err = note_parse(checkpoint, &note);
    if (err == ERR_OK)
        err = checkpoint_parse(note.text, &c);
    if (err != ERR_OK)
        return signed_json_stop(2, err, "checkpoint is not one", ret_fault);
    if (!span_eq(c.origin, origin) || c.extension.len > 0)
        return signed_json_stop(2, ERR_CONFLICT, "checkpoint is not of the previous origin",
                                ret_fault);
    if (c.size == 0)
        return signed_json_stop(2, ERR_RANGE, "checkpoint is of an empty log", ret_fault);
    err = note_verify(&note, keys, succession_witnesses(trust, own, &note, keys, 1), &by);
    if (err != ERR_OK && err != ERR_KEY_UNKNOWN)
        return signed_json_stop(2, err, "a signature of checkpoint does not verify", ret_fault);
    for (size_t i = 0; err == ERR_OK && i < by.count; i++) {
        of_log = of_log || by.by[i].key == 0;
        if (by.by[i].key == 0 || (cosigned && by.by[i].time <= ret->cosigned_s))
            continue;
        cosigned = true;
        ret->cosigned_s = by.by[i].time;
        memcpy(ret->cosigner, keys[by.by[i].key].name, sizeof(ret->cosigner));
    }
    if (!of_log)
        return signed_json_stop(2, ERR_KEY_UNKNOWN,
                                "checkpoint is not signed by the previous log's key", ret_fault);
    if (!cosigned)
        return signed_json_stop(2, ERR_KEY_UNKNOWN,
                                "checkpoint is not cosigned by a witness of another zone",
                                ret_fault);
    ret->size = c.size;
    ret->root = c.root;
    return ERR_OK;
}

/* -- who signed --------------------------------------------------------------------------------*/

/* The lines that count: keys of the zone's operators, and which person each is of. */
struct succession_people {
    const struct trust *trust;
    size_t key_count;
    struct note_key keys[NOTE_SIGS_MAX];
    const struct trust_key *of[NOTE_SIGS_MAX];
    size_t person[NOTE_SIGS_MAX]; /* of keys[i]; below key_count */
    bool signed_by[NOTE_SIGS_MAX];
};

static bool
succession_may(const void *ctx, size_t person, struct span role)
{
    const struct succession_people *p = ctx;
    for (size_t i = 0; i < p->key_count; i++)
        if (p->signed_by[i] && p->person[i] == person && trust_key_acts(p->trust, p->of[i], role))
            return true;
    return false;
}

static bool
succession_is_key(const struct trust_key *key, int64_t at, struct note_key *ret)
{
    uint8_t pub[NOTE_PUB_LEN];
    return key->role == TRUST_OPERATOR && key->status != TRUST_REVOKED &&
           span_eq_str(key->alg, "ed25519") && at >= key->not_before && at < key->not_after &&
           text_unhex(key->pub, false, pub, sizeof(pub)) == ERR_OK &&
           note_key_init(key->name, NOTE_ED25519, pub, ret) == ERR_OK;
}

/* A person is a name, and a key is one person's whatever names it has. */
static void
succession_persons(struct succession_people *p)
{
    for (size_t i = 0; i < p->key_count; i++) {
        p->person[i] = i;
        for (size_t k = 0; k < i; k++) {
            const size_t mine = p->person[i];
            if (strcmp(p->keys[k].name, p->keys[i].name) != 0 &&
                memcmp(p->keys[k].pub, p->keys[i].pub, NOTE_PUB_LEN) != 0)
                continue;
            for (size_t all = 0; all <= i; all++)
                if (p->person[all] == mine)
                    p->person[all] = p->person[k];
        }
    }
}

static enum err
succession_signed(const struct succession *s, const struct note *note, const struct trust *trust,
                  const struct trust_zone *zone, struct fault *ret_fault)
{
    struct succession_people p = {.trust = trust};
    struct note_signers by;
    struct approvers places;
    for (size_t i = 0; i < zone->key_count; i++) {
        struct note_key key;
        if (succession_is_key(&zone->keys[i], s->time_s, &key) &&
            note_keys_add(note, &key, p.keys, &p.key_count))
            p.of[p.key_count - 1] = &zone->keys[i];
    }
    enum err err = note_verify(note, p.keys, p.key_count, &by);
    if (err == ERR_KEY_UNKNOWN)
        return signed_json_stop(4, err, "no operator of the zone has signed it", ret_fault);
    if (err != ERR_OK)
        return signed_json_stop(4, err, "a signature does not verify", ret_fault);
    for (size_t i = 0; i < by.count; i++)
        p.signed_by[by.by[i].key] = true;
    succession_persons(&p);
    TRY(approvers_parse(SPAN_LIT(SUCCESSION_RELEASE), &places));
    if (approvers_missing(&places, p.key_count, succession_may, &p) != 0)
        return signed_json_stop(
            4, ERR_DENIED, "two persons must sign it, one as zone-authority and one as operator",
            ret_fault);
    return ERR_OK;
}

enum err
succession_check(const struct succession *s, const struct note *note, const struct trust *trust,
                 struct span zone, struct span origin, struct succession_old *ret,
                 struct fault *ret_fault)
{
    const struct trust_zone *own = trust_find(trust, zone);
    struct note_key key;
    struct note_key said;
    if (own == NULL || !span_eq(s->zone, zone))
        return signed_json_stop(2, ERR_CONFLICT, "zone is another one than the gateway's",
                                ret_fault);
    if (span_eq(s->previous, s->origin))
        return signed_json_stop(2, ERR_CONFLICT, "origin and previous are the same", ret_fault);
    if (!span_eq(s->origin, origin))
        return signed_json_stop(2, ERR_CONFLICT, "origin is another one than the gateway's",
                                ret_fault);
    if (succession_log(own, origin, &key) != ERR_OK)
        return signed_json_stop(2, ERR_NOT_FOUND, "the trust file has no key of the origin",
                                ret_fault);
    if (note_key_parse(s->key, &said) != ERR_OK || memcmp(&said, &key, sizeof(key)) != 0)
        return signed_json_stop(2, ERR_CONFLICT, "key is not the one the trust file has",
                                ret_fault);
    TRY(succession_checkpoint(trust, zone, s->previous, s->checkpoint, ret, ret_fault));
    return succession_signed(s, note, trust, own, ret_fault);
}
