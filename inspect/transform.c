/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/transform.h"

#include <assert.h>

#include "crypto/key.h"
#include "crypto/mac.h"

enum { TRANSFORM_VALUE_MAX = 8192 };

static const char *const transform_names[] = {
    [TRANSFORM_NONE] = "none",     [TRANSFORM_MASK] = "mask", [TRANSFORM_TOKENISE] = "tokenise",
    [TRANSFORM_REDACT] = "redact", [TRANSFORM_DROP] = "drop",
};

static const char transform_digits[] = "abcdefghijklmnopqrstuvwxyz234567";

const char *
transform_name(enum transform transform)
{
    assert((unsigned)transform <= TRANSFORM_DROP);
    return transform_names[transform];
}

enum err
transform_find(struct span name, enum transform *ret)
{
    for (unsigned i = TRANSFORM_MASK; i <= TRANSFORM_DROP; i++) {
        if (span_eq_str(name, transform_names[i])) {
            *ret = (enum transform)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

static void
transform_raise(uint8_t *action, enum transform transform)
{
    if (*action < (uint8_t)transform)
        *action = (uint8_t)transform;
}

enum err
transform_select(const struct fieldset *f, enum transform transform, struct span selector,
                 uint8_t *actions)
{
    const struct span class_prefix = SPAN_LIT("class:");
    const struct span column_prefix = SPAN_LIT("column:");
    enum label label = LABEL_BUSINESS;
    enum ident ident = IDENT_NONE;
    if (span_starts(selector, column_prefix)) {
        const size_t i = fieldset_find(f, span_from(selector, column_prefix.len));
        if (i < f->field_count)
            transform_raise(&actions[i], transform);
        return ERR_OK;
    }
    const bool by_class = span_starts(selector, class_prefix);
    if (by_class)
        TRY(label_find(span_from(selector, class_prefix.len), &label));
    else
        TRY(ident_find(selector, &ident));
    for (size_t i = 0; i < f->field_count; i++) {
        const uint32_t labels = label_close(LABEL_BIT(f->fields[i].label));
        const bool hit =
            by_class ? (labels & LABEL_BIT(label)) != 0 : f->fields[i].ident == (uint8_t)ident;
        if (hit)
            transform_raise(&actions[i], transform);
    }
    return ERR_OK;
}

enum err
transform_token(const uint8_t key[static TRANSFORM_KEY_BYTES], enum ident ident, struct span value,
                uint8_t ret_token[static TRANSFORM_TOKEN_BYTES])
{
    uint8_t canon[TRANSFORM_VALUE_MAX];
    uint8_t mac[MAC_SHA256_BYTES];
    size_t canon_len = 0;
    if (value.len > sizeof(canon))
        return ERR_TOO_LARGE;
    TRY(ident_canonical(ident, value, canon, sizeof(canon), &canon_len));
    const struct span type = ident == IDENT_NONE ? span_of("", 0) : span_str(ident_name(ident));
    const struct span parts[] = {type, span_of("", 1), span_of(canon, canon_len)};
    const enum err err = mac_sha256(span_of(key, TRANSFORM_KEY_BYTES), parts, 3, mac);
    key_wipe(canon, canon_len);
    if (err != ERR_OK)
        return err;
    memcpy(ret_token, "tkn_", 4);
    /* 128 bits in 26 digits of 5 bits; the last digit holds 3 bits and two zeros (RFC 4648 6). */
    uint32_t bits = 0;
    unsigned held = 0;
    size_t out = 4;
    for (size_t i = 0; i < 16; i++) {
        bits = (bits << 8 | mac[i]) & 0xfffU;
        held += 8;
        while (held >= 5) {
            held -= 5;
            ret_token[out++] = (uint8_t)transform_digits[bits >> held & 31U];
        }
    }
    ret_token[out++] = (uint8_t)transform_digits[bits << (5 - held) & 31U];
    assert(out == TRANSFORM_TOKEN_BYTES);
    return ERR_OK;
}

bool
transform_is_token(struct span text)
{
    if (text.len != TRANSFORM_TOKEN_BYTES || memcmp(text.ptr, "tkn_", 4) != 0)
        return false;
    for (size_t i = 4; i < text.len; i++)
        if (text.ptr[i] == 0 || strchr(transform_digits, text.ptr[i]) == NULL)
            return false;
    return true;
}

/* The bytes of the character that ends at end (exclusive) of cell. */
static size_t
transform_last(struct span cell, size_t end, bool quoted)
{
    if (quoted && end >= 2 && cell.ptr[end - 1] == '"' && cell.ptr[end - 2] == '"')
        return 2;
    size_t width = 1;
    while (width < 4 && width < end && (cell.ptr[end - width] & 0xc0U) == 0x80U)
        width++;
    return width;
}

size_t
transform_mask(struct span cell, bool quoted, uint8_t *out)
{
    size_t keep = 0;
    for (unsigned i = 0; i < 2 && keep < cell.len; i++)
        keep += transform_last(cell, cell.len - keep, quoted);
    const size_t hidden = cell.len - keep;
    size_t len = 0;
    /* One star a character: count those that end within the hidden part. */
    for (size_t end = hidden; end > 0; len++)
        end -= transform_last(cell, end, quoted);
    memset(out, '*', len);
    memmove(out + len, cell.ptr + hidden, keep);
    return len + keep;
}

bool
transform_is_masked(struct span cell, bool quoted)
{
    size_t keep = 0;
    for (unsigned i = 0; i < 2 && keep < cell.len; i++)
        keep += transform_last(cell, cell.len - keep, quoted);
    for (size_t i = 0; i < cell.len - keep; i++)
        if (cell.ptr[i] != '*')
            return false;
    return true;
}

size_t
transform_unquote(struct span cell, bool quoted, uint8_t *out)
{
    size_t len = 0;
    for (size_t i = 0; i < cell.len; i++) {
        out[len++] = cell.ptr[i];
        if (quoted && cell.ptr[i] == '"' && i + 1 < cell.len && cell.ptr[i + 1] == '"')
            i++;
    }
    return len;
}
