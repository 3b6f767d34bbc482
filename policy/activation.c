/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/activation.h"

#include "policy/signed_json.h"
#include "schemas/canon.h"
#include "schemas/text.h"

static const char activation_format[] = "tdz.activation/1\n";
enum { ACTIVATION_FORMAT_LEN = sizeof(activation_format) - 1 };

enum err
activation_keys(const struct trust *trust, struct activation_key *ret, size_t cap,
                size_t *ret_count)
{
    size_t count = 0;
    for (size_t z = 0; z < trust->zone_count; z++) {
        const struct trust_zone *zone = &trust->zones[z];
        for (size_t i = 0; i < zone->key_count; i++) {
            const struct trust_key *key = &zone->keys[i];
            uint8_t pub[NOTE_PUB_LEN];
            if (key->role != TRUST_OPERATOR || key->status == TRUST_REVOKED ||
                !span_eq_str(key->alg, "ed25519") ||
                text_unhex(key->pub, false, pub, sizeof(pub)) != ERR_OK)
                continue;
            if (count == cap)
                return ERR_FULL;
            ret[count] = (struct activation_key){
                .zone = zone->name, .not_before = key->not_before, .not_after = key->not_after};
            TRY(note_key_init(key->name, NOTE_ED25519, pub, &ret[count].key));
            count++;
        }
    }
    *ret_count = count;
    return ERR_OK;
}

static void
activation_hash(struct canon *w, const char *key, const uint8_t hash[static 32])
{
    char text[7 + 65] = "sha256:";
    if (text_hex(span_of(hash, 32), text + 7, sizeof(text) - 7) == ERR_OK)
        canon_member_str(w, key, text);
}

enum err
activation_text(const struct activation *a, char out[static ACTIVATION_TEXT_MAX], size_t *ret_len)
{
    struct canon w;
    struct span json;
    char time[21];
    if (a->activate_ms % 1000 != 0 || a->revision < 1 || a->reason.len > ACTIVATION_REASON_MAX)
        return ERR_RANGE;
    TRY(text_time_s(a->activate_ms / 1000, time));
    canon_init(&w, out + ACTIVATION_FORMAT_LEN, ACTIVATION_TEXT_MAX - ACTIVATION_FORMAT_LEN - 1);
    canon_object(&w);
    canon_member_str(&w, "activate_at", time);
    canon_member_span(&w, "author", a->author);
    canon_member_bool(&w, "emergency", a->emergency);
    canon_member_span(&w, "id", a->id);
    activation_hash(&w, "policy", a->policy);
    if (a->reason.len > 0)
        canon_member_span(&w, "reason", a->reason);
    canon_member_int(&w, "revision", a->revision);
    activation_hash(&w, "vocabulary", a->vocabulary);
    canon_member_span(&w, "zone", a->zone);
    canon_end(&w);
    TRY(canon_finish(&w, &json));
    memcpy(out, activation_format, ACTIVATION_FORMAT_LEN);
    out[ACTIVATION_FORMAT_LEN + json.len] = '\n';
    *ret_len = ACTIVATION_FORMAT_LEN + json.len + 1;
    return ERR_OK;
}

static enum err
activation_get_hash(const struct json_doc *doc, const char *key, uint8_t ret[static 32],
                    struct fault *ret_fault)
{
    const struct span head = SPAN_LIT("sha256:");
    struct span text;
    TRY(json_need_str(doc, &doc->nodes[0], key, 71, &text, ret_fault));
    if (!span_starts(text, head) || text_unhex(span_from(text, head.len), false, ret, 32) != ERR_OK)
        return json_fail(doc, json_get(doc, &doc->nodes[0], key), ERR_SYNTAX,
                         "a hash is sha256: and 64 lower-case hex digits", ret_fault);
    return ERR_OK;
}

static enum err
activation_members(const struct json_doc *doc, void *value, struct fault *ret_fault)
{
    struct activation *a = value;
    static const char *const names[] = {"activate_at", "author",   "emergency",  "id",  "policy",
                                        "reason",      "revision", "vocabulary", "zone"};
    const struct json_node *root = &doc->nodes[0];
    struct span time;
    if (root->type != JSON_OBJECT)
        return json_fail(doc, root, ERR_TYPE, "an activation is an object", ret_fault);
    TRY(json_only(doc, root, names, sizeof(names) / sizeof(names[0]), ret_fault));
    TRY(json_need_str(doc, root, "activate_at", 32, &time, ret_fault));
    if (text_parse_time(time, false, &a->activate_ms) != ERR_OK)
        return json_fail(doc, json_get(doc, root, "activate_at"), ERR_SYNTAX,
                         "a time is written as 2026-11-22T00:00:00Z", ret_fault);
    TRY(json_need_str(doc, root, "author", NOTE_NAME_MAX, &a->author, ret_fault));
    TRY(json_need_bool(doc, root, "emergency", &a->emergency, ret_fault));
    TRY(json_need_str(doc, root, "id", 64, &a->id, ret_fault));
    TRY(activation_get_hash(doc, "policy", a->policy, ret_fault));
    a->reason = (struct span){NULL, 0};
    if (json_get(doc, root, "reason") != NULL)
        TRY(json_need_str(doc, root, "reason", ACTIVATION_REASON_MAX, &a->reason, ret_fault));
    TRY(json_need_int(doc, root, "revision", 1, JSON_INT_MAX, &a->revision, ret_fault));
    TRY(activation_get_hash(doc, "vocabulary", a->vocabulary, ret_fault));
    return json_need_str(doc, root, "zone", VOCAB_NAME_MAX, &a->zone, ret_fault);
}

static enum err
activation_canon(const void *value, char *out, size_t *ret_len)
{
    return activation_text(value, out, ret_len);
}

static const struct signed_json activation_note = {
    .format = activation_format,
    .text_max = ACTIVATION_TEXT_MAX,
    .when_no_note = "an activation is a signed note",
    .when_no_format = "format must be tdz.activation/1",
    .when_too_large = "one line of at most 4 KiB",
    .members = activation_members,
    .text = activation_canon,
};

enum err
activation_read(struct span bytes, struct activation_scratch *scratch, struct activation *ret,
                struct note *ret_note, struct fault *ret_fault)
{
    struct json_doc doc = {.nodes = scratch->nodes,
                           .node_cap = ACTIVATION_NODES_MAX,
                           .text = scratch->text,
                           .text_cap = sizeof(scratch->text)};
    return signed_json_read(&activation_note, bytes, &doc, scratch->canon, ret, ret_note,
                            ret_fault);
}

/* Who signed, of those that could. */
struct activation_lines {
    struct note_key keys[NOTE_SIGS_MAX];
    const struct activation_key *of[NOTE_SIGS_MAX];
    struct note_signers signers;
};

static enum err
activation_signers(const struct activation *a, const struct note *note,
                   const struct activation_key *keys, size_t key_count,
                   struct activation_lines *ret)
{
    const int64_t at = a->activate_ms / 1000;
    size_t count = 0;
    for (size_t i = 0; i < key_count; i++) {
        const bool valid = at >= keys[i].not_before && at < keys[i].not_after;
        if (valid && note_keys_add(note, &keys[i].key, ret->keys, &count))
            ret->of[count - 1] = &keys[i];
    }
    return note_verify(note, ret->keys, count, &ret->signers);
}

static enum err
activation_people(const struct activation *a, const struct source *s,
                  const struct activation_lines *lines, struct fault *ret_fault)
{
    const struct activation_key *author = NULL;
    bool approved = false;
    bool other_zone = false;
    for (size_t i = 0; i < lines->signers.count; i++) {
        const struct activation_key *key = lines->of[lines->signers.by[i].key];
        if (span_eq(key->zone, a->zone) && span_eq_str(a->author, key->key.name))
            author = key;
    }
    if (author == NULL)
        return signed_json_stop(4, ERR_KEY_UNKNOWN, "its author has not signed it", ret_fault);
    for (size_t i = 0; i < lines->signers.count; i++) {
        const struct activation_key *key = lines->of[lines->signers.by[i].key];
        const bool same_person = strcmp(key->key.name, author->key.name) == 0 ||
                                 memcmp(key->key.pub, author->key.pub, NOTE_PUB_LEN) == 0;
        approved = approved || (span_eq(key->zone, a->zone) && !same_person);
        other_zone = other_zone || (span_eq(key->zone, s->corridor) && !same_person);
    }
    if (a->emergency)
        return a->reason.len > 0
                   ? ERR_OK
                   : signed_json_stop(2, ERR_DENIED, "an emergency says its reason", ret_fault);
    if (!approved)
        return signed_json_stop(4, ERR_DENIED, "a second operator of the zone must sign it",
                                ret_fault);
    if (s->corridor.len > 0 && !other_zone)
        return signed_json_stop(4, ERR_DENIED, "an operator of the other zone must sign it too",
                                ret_fault);
    return ERR_OK;
}

enum err
activation_check(const struct activation *a, const struct note *note, const struct source *s,
                 const struct activation_key *keys, size_t key_count, struct fault *ret_fault)
{
    struct activation_lines lines;
    if (memcmp(a->policy, s->sha256, 32) != 0)
        return signed_json_stop(2, ERR_CONFLICT, "policy is the hash of another document",
                                ret_fault);
    if (!span_eq(a->id, s->id) || a->revision != s->revision || !span_eq(a->zone, s->zone))
        return signed_json_stop(2, ERR_CONFLICT, "id, revision or zone is not the document's",
                                ret_fault);
    if (memcmp(a->vocabulary, s->vocab->sha256, 32) != 0)
        return signed_json_stop(2, ERR_VERSION, "signed for another vocabulary", ret_fault);
    const enum err err = activation_signers(a, note, keys, key_count, &lines);
    if (err == ERR_KEY_UNKNOWN)
        return signed_json_stop(4, err, "its author has not signed it", ret_fault);
    if (err != ERR_OK)
        return signed_json_stop(4, err, "a signature does not verify", ret_fault);
    return activation_people(a, s, &lines, ret_fault);
}
