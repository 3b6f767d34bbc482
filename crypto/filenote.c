/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/filenote.h"

#include <assert.h>
#include <stdio.h>

#include "crypto/digest.h"
#include "schemas/text.h"

static bool
filenote_name_ok(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = name.ptr[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return name.len > 0 && name.ptr[0] != '.';
}

enum err
filenote_text(const char *format, struct span name, struct span file,
              char out[static FILENOTE_TEXT_MAX], size_t *ret_len)
{
    uint8_t digest[32];
    char hex[65];
    assert(strlen(format) <= FILENOTE_FORMAT_MAX);
    if (name.len > FILENOTE_NAME_MAX)
        return ERR_RANGE;
    if (!filenote_name_ok(name))
        return ERR_SYNTAX;
    TRY(digest_sha256(file, digest));
    TRY(text_hex(span_of(digest, sizeof(digest)), hex, sizeof(hex)));
    const int n =
        snprintf(out, FILENOTE_TEXT_MAX, "%s\n{\"file\":\"sha256:%s\",\"name\":\"%.*s\"}\n", format,
                 hex, (int)name.len, (const char *)name.ptr);
    assert(n > 0 && n < FILENOTE_TEXT_MAX);
    *ret_len = (size_t)n;
    return ERR_OK;
}

enum err
filenote_check(struct span note, const char *format, struct span name, struct span file,
               const struct note_key *keys, size_t key_count, struct note_signers *ret)
{
    struct note parsed;
    char want[FILENOTE_TEXT_MAX];
    size_t want_len = 0;
    TRY(note_parse(note, &parsed));
    TRY(filenote_text(format, name, file, want, &want_len));
    if (!span_eq(parsed.text, span_of(want, want_len)))
        return ERR_CONFLICT;
    return note_verify(&parsed, keys, key_count, ret);
}
