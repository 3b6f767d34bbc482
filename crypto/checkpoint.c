/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "schemas/text.h"

/* The line at the start of *s without its newline; *s moves behind it. */
static enum err
checkpoint_line(struct span *s, struct span *ret)
{
    const uint8_t *end = s->len == 0 ? NULL : memchr(s->ptr, '\n', s->len);
    if (end == NULL)
        return ERR_SYNTAX;
    *ret = span_of(s->ptr, (size_t)(end - s->ptr));
    *s = span_from(*s, ret->len + 1);
    return ERR_OK;
}

enum err
checkpoint_parse(struct span text, struct checkpoint *ret)
{
    struct span rest = text;
    struct span size;
    struct span root;
    struct checkpoint c = {.size = 0};
    size_t len = 0;
    uint8_t raw[TLOG_HASH_LEN + 3];
    TRY(checkpoint_line(&rest, &c.origin));
    TRY(checkpoint_line(&rest, &size));
    TRY(checkpoint_line(&rest, &root));
    if (span_is_empty(c.origin))
        return ERR_SYNTAX;
    TRY(text_parse_u64(size, TLOG_SIZE_MAX, &c.size));
    if (root.len != 44)
        return ERR_SYNTAX;
    TRY(text_unbase64(root, false, raw, sizeof(raw), &len));
    if (len != TLOG_HASH_LEN)
        return ERR_SYNTAX;
    memcpy(c.root.b, raw, TLOG_HASH_LEN);
    c.extension = rest;
    while (!span_is_empty(rest)) {
        struct span line;
        TRY(checkpoint_line(&rest, &line));
        if (span_is_empty(line))
            return ERR_SYNTAX;
    }
    struct tlog_hash empty;
    TRY(tlog_empty_root(&empty));
    if (c.size == 0 && !tlog_hash_eq(&empty, &c.root))
        return ERR_PROOF;
    *ret = c;
    return ERR_OK;
}

enum err
checkpoint_text(struct span origin, uint64_t size, const struct tlog_hash *root,
                char out[static CHECKPOINT_TEXT_MAX], size_t *ret_len)
{
    char base64[45];
    size_t len = 0;
    if (!note_name_ok(origin))
        return ERR_SYNTAX;
    TRY(text_base64(span_of(root->b, TLOG_HASH_LEN), false, base64, sizeof(base64), &len));
    const int n = snprintf(out, CHECKPOINT_TEXT_MAX, "%.*s\n%" PRIu64 "\n%s\n", (int)origin.len,
                           (const char *)origin.ptr, size, base64);
    assert(n > 0 && n < CHECKPOINT_TEXT_MAX);
    *ret_len = (size_t)n;
    return ERR_OK;
}

enum err
checkpoint_open(struct span input, const struct note_key *keys, size_t key_count,
                struct note *ret_note, struct note_signers *ret_signers, struct checkpoint *ret)
{
    struct note note;
    struct note_signers signers;
    struct checkpoint c;
    bool by_origin = false;
    TRY(note_parse(input, &note));
    TRY(note_verify(&note, keys, key_count, &signers));
    TRY(checkpoint_parse(note.text, &c));
    for (size_t i = 0; i < signers.count; i++) {
        const struct note_key *key = &keys[signers.by[i].key];
        by_origin |= key->type == NOTE_ED25519 && span_eq_str(c.origin, key->name);
    }
    if (!by_origin)
        return ERR_KEY_UNKNOWN;
    *ret_note = note;
    *ret_signers = signers;
    *ret = c;
    return ERR_OK;
}
