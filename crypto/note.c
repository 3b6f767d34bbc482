/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/note.h"

#include <assert.h>
#include <stdio.h>

#include "crypto/cosign.h"
#include "crypto/digest.h"
#include "crypto/sign.h"
#include "schemas/text.h"

/* U+2014 and a space begin a signature line. */
#define NOTE_DASH SPAN_LIT("\xe2\x80\x94 ")

/* White space as Unicode has it, for names. */
static bool
note_is_space(uint32_t scalar)
{
    if (scalar == 0x20 || (scalar >= 0x09 && scalar <= 0x0d) || scalar == 0x85 || scalar == 0xa0)
        return true;
    if (scalar >= 0x2000 && scalar <= 0x200a)
        return true;
    return scalar == 0x1680 || scalar == 0x2028 || scalar == 0x2029 || scalar == 0x202f ||
           scalar == 0x205f || scalar == 0x3000;
}

/* A name inside a foreign note may be longer than ours. */
static bool
note_name_chars_ok(struct span name)
{
    size_t at = 0;
    while (at < name.len) {
        uint32_t scalar = 0;
        if (text_utf8_next(name, &at, &scalar) != ERR_OK)
            return false;
        if (scalar < 0x20 || scalar == 0x7f || scalar == '+' || note_is_space(scalar))
            return false;
    }
    return name.len > 0;
}

bool
note_name_ok(struct span name)
{
    return name.len <= NOTE_NAME_MAX && note_name_chars_ok(name);
}

enum err
note_key_init(struct span name, uint8_t type, const uint8_t pub[NOTE_PUB_LEN], struct note_key *ret)
{
    if (!note_name_ok(name))
        return ERR_SYNTAX;
    if (type != NOTE_ED25519 && type != NOTE_COSIGNATURE)
        return ERR_UNSUPPORTED;
    struct note_key key = {.type = type};
    const uint8_t middle[2] = {'\n', type};
    const struct span parts[3] = {name, span_of(middle, 2), span_of(pub, NOTE_PUB_LEN)};
    uint8_t hash[32];
    TRY(digest_sha256_parts(parts, 3, hash));
    memcpy(key.name, name.ptr, name.len);
    memcpy(key.id, hash, NOTE_ID_LEN);
    memcpy(key.pub, pub, NOTE_PUB_LEN);
    *ret = key;
    return ERR_OK;
}

enum err
note_key_parse(struct span vkey, struct note_key *ret)
{
    uint8_t id[NOTE_ID_LEN];
    uint8_t raw[1 + NOTE_PUB_LEN + 3];
    size_t raw_len = 0;
    const uint8_t *plus = vkey.len == 0 ? NULL : memchr(vkey.ptr, '+', vkey.len);
    if (plus == NULL)
        return ERR_SYNTAX;
    const struct span name = span_of(vkey.ptr, (size_t)(plus - vkey.ptr));
    const struct span rest = span_from(vkey, name.len + 1);
    if (!note_name_ok(name) || rest.len < 10 || rest.ptr[8] != '+')
        return ERR_SYNTAX;
    TRY(text_unhex(span_of(rest.ptr, 8), false, id, sizeof(id)));
    const struct span base64 = span_from(rest, 9);
    if (base64.len != 44)
        return base64.len > 44 ? ERR_UNSUPPORTED : ERR_SYNTAX;
    TRY(text_unbase64(base64, false, raw, sizeof(raw), &raw_len));
    if (raw_len != 1 + NOTE_PUB_LEN)
        return ERR_SYNTAX;
    struct note_key key;
    TRY(note_key_init(name, raw[0], raw + 1, &key));
    if (memcmp(key.id, id, sizeof(id)) != 0) /* public */
        return ERR_KEY_UNKNOWN;
    *ret = key;
    return ERR_OK;
}

enum err
note_key_text(const struct note_key *key, char out[static NOTE_VKEY_MAX])
{
    uint8_t raw[1 + NOTE_PUB_LEN];
    char id[2 * NOTE_ID_LEN + 1];
    char base64[45];
    size_t len = 0;
    raw[0] = key->type;
    memcpy(raw + 1, key->pub, NOTE_PUB_LEN);
    TRY(text_hex(span_of(key->id, NOTE_ID_LEN), id, sizeof(id)));
    TRY(text_base64(span_of(raw, sizeof(raw)), false, base64, sizeof(base64), &len));
    const int n = snprintf(out, NOTE_VKEY_MAX, "%s+%s+%s", key->name, id, base64);
    assert(n > 0 && n < NOTE_VKEY_MAX);
    return ERR_OK;
}

/* Decodes base64 of any length piece by piece: only the first bytes are kept. */
static enum err
note_decode(struct span base64, uint8_t *head, size_t head_cap, size_t *ret_len)
{
    uint8_t piece[3 * 256 + 3];
    size_t total = 0;
    for (size_t at = 0; at < base64.len;) {
        const size_t left = base64.len - at;
        const size_t take = left < 1024 ? left : 1024;
        size_t len = 0;
        TRY(text_unbase64(span_of(base64.ptr + at, take), false, piece, sizeof(piece), &len));
        at += take;
        if (at < base64.len && len != take / 4 * 3)
            return ERR_SYNTAX;
        for (size_t i = 0; i < len && total + i < head_cap; i++)
            head[total + i] = piece[i];
        total += len;
    }
    *ret_len = total;
    return ERR_OK;
}

/* line is a signature line without its newline. */
static enum err
note_parse_line(struct span line, struct note_sig *ret)
{
    size_t len = 0;
    if (!span_starts(line, NOTE_DASH))
        return ERR_SYNTAX;
    const struct span rest = span_from(line, NOTE_DASH.len);
    const uint8_t *space = rest.len == 0 ? NULL : memchr(rest.ptr, ' ', rest.len);
    if (space == NULL)
        return ERR_SYNTAX;
    struct note_sig sig = {.name = span_of(rest.ptr, (size_t)(space - rest.ptr))};
    sig.base64 = span_from(rest, sig.name.len + 1);
    if (!note_name_chars_ok(sig.name))
        return ERR_SYNTAX;
    TRY(note_decode(sig.base64, sig.id, sizeof(sig.id), &len));
    if (len <= NOTE_ID_LEN)
        return ERR_SYNTAX;
    sig.len = len - NOTE_ID_LEN;
    *ret = sig;
    return ERR_OK;
}

/* The offset of the last blank line's newline that ends the text: input[at] and input[at + 1] are
 * newlines. */
static enum err
note_find_split(struct span input, size_t *ret)
{
    for (size_t at = input.len; at >= 2; at--) {
        if (input.ptr[at - 2] == '\n' && input.ptr[at - 1] == '\n') {
            *ret = at - 2;
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}

enum err
note_parse(struct span input, struct note *ret)
{
    size_t split = 0;
    if (input.len > NOTE_BYTES_MAX)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < input.len; i++)
        if (input.ptr[i] < 0x20 && input.ptr[i] != '\n')
            return ERR_SYNTAX;
    if (!text_is_utf8(input))
        return ERR_UTF8;
    if (input.len == 0 || input.ptr[input.len - 1] != '\n')
        return ERR_SYNTAX;
    TRY(note_find_split(input, &split));
    struct note note = {.text = span_of(input.ptr, split + 1)};
    struct span rest = span_from(input, split + 2);
    if (span_is_empty(rest))
        return ERR_SYNTAX;
    while (!span_is_empty(rest)) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        assert(end != NULL);
        const struct span line = span_of(rest.ptr, (size_t)(end - rest.ptr));
        if (note.sig_count == NOTE_SIGS_MAX)
            return ERR_FULL;
        TRY(note_parse_line(line, &note.sig[note.sig_count]));
        note.sig_count++;
        rest = span_from(rest, line.len + 1);
    }
    *ret = note;
    return ERR_OK;
}

bool
note_sig_names(const struct note_sig *sig, const struct note_key *key)
{
    /* Names and ids of keys are public. */
    return memcmp(sig->id, key->id, NOTE_ID_LEN) == 0 && span_eq_str(sig->name, key->name);
}

bool
note_has_line(const struct note *note, const struct note_key *key)
{
    for (size_t i = 0; i < note->sig_count; i++)
        if (note_sig_names(&note->sig[i], key))
            return true;
    return false;
}

bool
note_keys_add(const struct note *note, const struct note_key *key,
              struct note_key keys[static NOTE_SIGS_MAX], size_t *io_count)
{
    if (*io_count == NOTE_SIGS_MAX || !note_has_line(note, key))
        return false;
    for (size_t i = 0; i < *io_count; i++) /* all of it is public */
        if (memcmp(keys[i].id, key->id, NOTE_ID_LEN) == 0 && strcmp(keys[i].name, key->name) == 0)
            return false;
    keys[(*io_count)++] = *key;
    return true;
}

/* The one key of that name and id; *ret is key_count when there is none. */
static enum err
note_find_key(const struct note_sig *sig, const struct note_key *keys, size_t key_count,
              size_t *ret)
{
    size_t found = key_count;
    for (size_t i = 0; i < key_count; i++) {
        if (!note_sig_names(sig, &keys[i]))
            continue;
        if (found != key_count)
            return ERR_DUPLICATE;
        found = i;
    }
    *ret = found;
    return ERR_OK;
}

static enum err
note_verify_line(struct span text, const struct note_sig *sig, const struct note_key *key,
                 uint64_t *ret_time)
{
    uint8_t raw[NOTE_ID_LEN + COSIGN_SIG_LEN];
    size_t len = 0;
    const size_t want = key->type == NOTE_COSIGNATURE ? COSIGN_SIG_LEN : 64;
    if (sig->len != want)
        return ERR_SIGNATURE;
    TRY(note_decode(sig->base64, raw, sizeof(raw), &len));
    assert(len == NOTE_ID_LEN + want);
    const struct span body = span_of(raw + NOTE_ID_LEN, want);
    if (key->type == NOTE_COSIGNATURE)
        return cosign_verify(key->pub, text, body, ret_time);
    *ret_time = 0;
    return sign_ed25519_verify(key->pub, text, body);
}

enum err
note_verify(const struct note *note, const struct note_key *keys, size_t key_count,
            struct note_signers *ret)
{
    struct note_signers signers = {.count = 0};
    for (size_t i = 0; i < note->sig_count; i++) {
        struct note_signer by = {.key = key_count};
        TRY(note_find_key(&note->sig[i], keys, key_count, &by.key));
        bool seen = by.key == key_count;
        for (size_t k = 0; k < signers.count && !seen; k++)
            seen = signers.by[k].key == by.key;
        if (seen)
            continue;
        TRY(note_verify_line(note->text, &note->sig[i], &keys[by.key], &by.time));
        signers.by[signers.count++] = by;
    }
    if (signers.count == 0)
        return ERR_KEY_UNKNOWN;
    *ret = signers;
    return ERR_OK;
}

enum err
note_line(const struct note_key *key, struct span sig, char out[static NOTE_LINE_MAX],
          size_t *ret_len)
{
    uint8_t raw[NOTE_ID_LEN + COSIGN_SIG_LEN];
    char base64[105];
    size_t len = 0;
    if (sig.len != (key->type == NOTE_COSIGNATURE ? COSIGN_SIG_LEN : 64U))
        return ERR_RANGE;
    memcpy(raw, key->id, NOTE_ID_LEN);
    memcpy(raw + NOTE_ID_LEN, sig.ptr, sig.len);
    TRY(text_base64(span_of(raw, NOTE_ID_LEN + sig.len), false, base64, sizeof(base64), &len));
    const int n = snprintf(out, NOTE_LINE_MAX, "\xe2\x80\x94 %s %s\n", key->name, base64);
    assert(n > 0 && n < NOTE_LINE_MAX);
    *ret_len = (size_t)n;
    return ERR_OK;
}

enum err
note_join(struct span text, struct span lines, char *out, size_t cap, size_t *ret_len)
{
    if (cap < 1 || text.len >= cap - 1 || lines.len >= cap - 1 - text.len)
        return ERR_FULL;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\n';
    memcpy(out + text.len + 1, lines.ptr, lines.len);
    *ret_len = text.len + 1 + lines.len;
    out[*ret_len] = '\0';
    return ERR_OK;
}
