/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/notesign.h"

enum err
notesign_add(const struct sign_key *key, const struct note_key *who, struct span text, char *lines,
             size_t cap, size_t *len)
{
    char line[NOTE_LINE_MAX];
    uint8_t sig[64];
    size_t line_len = 0;
    TRY(sign_ed25519(key, text, sig));
    TRY(note_line(who, span_of(sig, sizeof(sig)), line, &line_len));
    if (line_len > cap - *len)
        return ERR_FULL;
    memcpy(lines + *len, line, line_len);
    *len += line_len;
    return ERR_OK;
}

enum err
notesign_join(const struct sign_key *key, const struct note_key *who, struct span text,
              struct span lines, size_t count, char *out, size_t cap, size_t *ret_len)
{
    char all[NOTE_SIGS_MAX * NOTE_LINE_MAX];
    size_t len = lines.len;
    if (len > sizeof(all) || count == NOTE_SIGS_MAX)
        return ERR_FULL;
    if (len > 0)
        memcpy(all, lines.ptr, len);
    TRY(notesign_add(key, who, text, all, sizeof(all), &len));
    return note_join(text, span_of(all, len), out, cap, ret_len);
}
