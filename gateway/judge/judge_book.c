/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/judge/judge_book.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "schemas/text.h"

static bool
judge_book_ends(struct span name, struct span tail)
{
    return name.len > tail.len && span_eq(span_from(name, name.len - tail.len), tail);
}

static const struct judge_book_file *
judge_book_find(const struct judge_book_file *files, size_t count, enum judge_book_kind kind)
{
    for (size_t i = 0; i < count; i++)
        if (files[i].kind == kind)
            return &files[i];
    return NULL;
}

/* The note beside file, or the empty span. tail: what its name has more. */
static struct span
judge_book_note(const struct judge_book_file *files, size_t count,
                const struct judge_book_file *file, struct span tail)
{
    for (size_t i = 0; i < count; i++) {
        const struct span name = files[i].name;
        if (files[i].kind == file->kind && judge_book_ends(name, tail) &&
            span_eq(span_of(name.ptr, name.len - tail.len), file->name))
            return files[i].bytes;
    }
    return (struct span){NULL, 0};
}

static bool
judge_book_key_holds(const struct trust_key *key, int64_t now_s)
{
    return key->status != TRUST_REVOKED && now_s >= key->not_before && now_s < key->not_after;
}

static enum err
judge_book_operators(struct judge_book *b, int64_t now_s)
{
    for (size_t i = 0; i < b->own->key_count; i++) {
        const struct trust_key *key = &b->own->keys[i];
        uint8_t pub[32];
        if (key->role != TRUST_OPERATOR || !judge_book_key_holds(key, now_s))
            continue;
        if (b->operator_count == JUDGE_BOOK_KEYS_MAX)
            return ERR_FULL;
        if (!span_eq_str(key->alg, "ed25519") || text_unhex(key->pub, false, pub, 32) != ERR_OK)
            continue;
        TRY(note_key_init(key->name, NOTE_ED25519, pub, &b->operators[b->operator_count]));
        b->operator_keys[b->operator_count++] = key;
    }
    return b->operator_count == 0 ? ERR_KEY_UNKNOWN : ERR_OK;
}

/* "<file>: <reason>" over what the reader said. */
static enum err
judge_book_fail(struct span name, const char *tail, enum err err, const struct fault *inner,
                struct fault *ret_fault)
{
    const char *reason = inner->where[0] == '\0' ? error_text(err) : inner->where;
    struct fault out = *inner;
    out.code = err;
    /* Cut when both are long: the place says the rest. */
    const int n = snprintf(out.where, sizeof(out.where), "%.*s%s: %s", (int)name.len,
                           (const char *)name.ptr, tail, reason);
    if (n < 0)
        return err;
    if (ret_fault != NULL)
        *ret_fault = out;
    return err;
}

/* The zone of the configuration is not where it must be. */
static enum err
judge_book_lacks(const char *what, const char *zone, enum err err, struct fault *ret_fault)
{
    if (ret_fault == NULL)
        return err;
    *ret_fault = (struct fault){.code = err};
    (void)snprintf(ret_fault->where, sizeof(ret_fault->where), "zone %s is not in %s", zone, what);
    return err;
}

static enum err
judge_book_trust(struct judge_book *b, const struct judge_book_file *file, int64_t now_s,
                 struct fault *ret_fault)
{
    b->trust_bytes = calloc(file->bytes.len + 1, 1);
    if (b->trust_bytes == NULL)
        return ERR_NOMEM;
    memcpy(b->trust_bytes, file->bytes.ptr, file->bytes.len);
    struct fault inner = {.code = ERR_OK};
    enum err err = trust_load(span_of(b->trust_bytes, file->bytes.len), &b->trust, &inner);
    if (err != ERR_OK)
        return judge_book_fail(SPAN_LIT("trust bundle"), "", err, &inner, ret_fault);
    b->own = trust_find(&b->trust, span_str(b->zone));
    if (b->own == NULL)
        return judge_book_lacks("the trust bundle", b->zone, ERR_NOT_FOUND, ret_fault);
    TRY(activation_keys(&b->trust, b->activators, ACTIVATION_KEYS_MAX, &b->activator_count));
    err = judge_book_operators(b, now_s);
    return err == ERR_KEY_UNKNOWN
               ? judge_book_lacks("any operator's key that counts now", b->zone, err, ret_fault)
               : err;
}

static enum register_kind
judge_book_register_kind(enum judge_book_kind kind)
{
    switch (kind) {
    case JUDGE_BOOK_AGREEMENT:
        return REGISTER_AGREEMENT;
    case JUDGE_BOOK_LIST:
        return REGISTER_LIST;
    case JUDGE_BOOK_PARTNER:
    case JUDGE_BOOK_POLICY:
    case JUDGE_BOOK_VOCABULARY:
    case JUDGE_BOOK_TRUST:
        break;
    }
    return REGISTER_PARTNER;
}

static enum err
judge_book_add(struct judge_book *b, const struct judge_book_file *files, size_t count,
               const struct judge_book_file *file, struct fault *ret_fault)
{
    const bool is_policy = file->kind == JUDGE_BOOK_POLICY;
    const struct register_file f = {
        .name = file->name,
        .bytes = file->bytes,
        .note = judge_book_note(files, count, file,
                                is_policy ? SPAN_LIT(".activation") : SPAN_LIT(".note"))};
    struct fault inner = {.code = ERR_OK};
    bool in_note = false;
    enum err err = ERR_OK;
    if (is_policy)
        err = register_add_policy(&b->reg, &f, b->activators, b->activator_count, &in_note, &inner);
    else
        err = register_add(&b->reg, judge_book_register_kind(file->kind), &f, b->operators,
                           b->operator_count, &inner);
    return err == ERR_OK
               ? ERR_OK
               : judge_book_fail(file->name, in_note ? ".activation" : "", err, &inner, ret_fault);
}

/* What only all policies together show. */
static enum err
judge_book_lineage(struct judge_book *b, const struct judge_book_file *files, size_t count,
                   int64_t now_s, struct fault *ret_fault)
{
    struct fault inner = {.code = ERR_OK};
    size_t at = 0;
    const enum err err = lineage_check(&b->reg, now_s * 1000, &at, &inner);
    for (size_t i = 0; err != ERR_OK && i < count; i++)
        if (files[i].bytes.ptr == b->reg.policy_bytes[at].ptr)
            return judge_book_fail(files[i].name, "", err, &inner, ret_fault);
    return err;
}

/* Names that count are *.json; what an editor leaves behind does not. */
static bool
judge_book_is_document(const struct judge_book_file *file)
{
    return file->kind >= JUDGE_BOOK_PARTNER && judge_book_ends(file->name, SPAN_LIT(".json"));
}

static enum err
judge_book_fill(struct judge_book *b, int64_t now_s, const struct judge_book_file *files,
                size_t count, struct fault *ret_fault)
{
    const struct judge_book_file *vocab = judge_book_find(files, count, JUDGE_BOOK_VOCABULARY);
    const struct judge_book_file *trust = judge_book_find(files, count, JUDGE_BOOK_TRUST);
    struct digest *all = NULL;
    uint8_t sha256[32];
    if (vocab == NULL || trust == NULL)
        return ERR_MISSING;
    TRY(judge_book_trust(b, trust, now_s, ret_fault));
    TRY(digest_sha256(vocab->bytes, sha256));
    struct fault inner = {.code = ERR_OK};
    enum err err = vocab_read(&b->vocab, vocab->bytes, sha256, &inner);
    if (err != ERR_OK)
        return judge_book_fail(SPAN_LIT("vocabulary"), "", err, &inner, ret_fault);
    err = register_init(&b->reg, &b->vocab, span_str(b->zone));
    if (err == ERR_NOT_FOUND)
        return judge_book_lacks("the vocabulary", b->zone, err, ret_fault);
    TRY(err);
    TRY(digest_new(DIGEST_SHA256, &all));
    err = digest_update(all, span_of(sha256, 32));
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        if (!judge_book_is_document(&files[i]))
            continue;
        err = judge_book_add(b, files, count, &files[i], ret_fault);
        if (err == ERR_OK)
            err = digest_sha256(files[i].bytes, sha256);
        if (err == ERR_OK)
            err = digest_update(all, span_of(sha256, 32));
        if (err == ERR_OK && files[i].kind == JUDGE_BOOK_POLICY)
            err = digest_update(all, span_of(b->reg.activation[b->reg.policy_count - 1], 32));
    }
    if (err == ERR_OK)
        err = judge_book_lineage(b, files, count, now_s, ret_fault);
    if (err == ERR_OK)
        err = register_compile(&b->reg, ret_fault);
    /* The files' bytes go when this is done. */
    memset(b->reg.policy_bytes, 0, sizeof(b->reg.policy_bytes));
    if (err == ERR_OK)
        err = digest_final(all, b->digest, sizeof(b->digest));
    digest_free(all);
    return err;
}

enum err
judge_book_new(struct span zone, int64_t now_s, const struct judge_book_file *files, size_t count,
               struct judge_book **ret, struct fault *ret_fault)
{
    struct judge_book *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return ERR_NOMEM;
    if (zone.len >= sizeof(b->zone)) {
        free(b);
        return ERR_RANGE;
    }
    memcpy(b->zone, zone.ptr, zone.len);
    const enum err err = judge_book_fill(b, now_s, files, count, ret_fault);
    if (err != ERR_OK) {
        judge_book_free(b);
        return err;
    }
    *ret = b;
    return ERR_OK;
}

void
judge_book_free(struct judge_book *b)
{
    if (b == NULL)
        return;
    register_finish(&b->reg);
    vocab_finish(&b->vocab);
    trust_free(&b->trust);
    free(b->trust_bytes);
    free(b);
}

enum err
judge_book_succeeds(const struct judge_book *before, const struct judge_book *after, int64_t now_ms,
                    struct fault *ret_fault)
{
    size_t at = 0;
    const enum err err = lineage_succeeds(&before->reg, &after->reg, now_ms, &at);
    if (err != ERR_OK && ret_fault != NULL) {
        const struct source *s = before->reg.policies[at];
        *ret_fault = (struct fault){.code = err, .line = 1, .column = 1};
        (void)snprintf(ret_fault->where, sizeof(ret_fault->where),
                       "%.*s: revision %lld was activated and is gone: a downgrade", (int)s->id.len,
                       (const char *)s->id.ptr, (long long)s->revision);
    }
    return err;
}

size_t
judge_book_signers(const struct judge_book *b, struct span zone, enum trust_role role,
                   int64_t now_s, struct sign_pub *ret, size_t cap)
{
    const struct trust_zone *z = trust_find(&b->trust, zone);
    size_t count = 0;
    for (size_t i = 0; z != NULL && i < z->key_count && count < cap; i++) {
        const struct trust_key *key = &z->keys[i];
        uint8_t raw[SIGN_P256_PUB_BYTES];
        const size_t len = key->pub.len / 2;
        const enum sign_alg alg = len == SIGN_ED25519_PUB_BYTES ? SIGN_ED25519 : SIGN_ECDSA_P256;
        if (key->role != role || !judge_book_key_holds(key, now_s) || len > sizeof(raw))
            continue;
        if (text_unhex(key->pub, false, raw, len) == ERR_OK &&
            sign_pub_init(&ret[count], alg, span_of(raw, len)) == ERR_OK)
            count++;
    }
    return count;
}

size_t
judge_book_kem(const struct judge_book *b, struct span zone, int64_t now_s, uint8_t (*ret)[32],
               size_t cap)
{
    const struct trust_zone *z = trust_find(&b->trust, zone);
    size_t count = 0;
    for (size_t i = 0; z != NULL && i < z->key_count && count < cap; i++) {
        const struct trust_key *key = &z->keys[i];
        if (key->role == TRUST_KEM && key->status == TRUST_ACTIVE &&
            judge_book_key_holds(key, now_s))
            memcpy(ret[count++], key->keyid, 32);
    }
    return count;
}
