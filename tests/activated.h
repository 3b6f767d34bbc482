/* SPDX-License-Identifier: Apache-2.0 */
/* Activations as operators sign them, for tests. */
#ifndef TDZ_TESTS_ACTIVATED_H
#define TDZ_TESTS_ACTIVATED_H

#include "crypto/digest.h"
#include "crypto/sign.h"
#include "policy/activation.h"
#include "tests/test.h"

enum { ACTIVATED_BYTES_MAX = ACTIVATION_TEXT_MAX + 4 * NOTE_LINE_MAX };

struct activated_person {
    const char *name;
    const struct sign_key *key;
};

/* The note of text with a line of each person; its length. */
static size_t
activated_sign(const char *text, size_t text_len, const struct activated_person *people,
               size_t count, char out[static ACTIVATED_BYTES_MAX])
{
    char lines[4 * NOTE_LINE_MAX];
    size_t lines_len = 0;
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        struct note_key key;
        uint8_t sig[64];
        char line[NOTE_LINE_MAX];
        size_t line_len = 0;
        CHECK_EQ(
            note_key_init(span_str(people[i].name), NOTE_ED25519, people[i].key->pub.pub, &key),
            ERR_OK);
        CHECK_EQ(sign_ed25519(people[i].key, span_of(text, text_len), sig), ERR_OK);
        CHECK_EQ(note_line(&key, span_of(sig, 64), line, &line_len), ERR_OK);
        memcpy(lines + lines_len, line, line_len);
        lines_len += line_len;
    }
    CHECK_EQ(note_join(span_of(text, text_len), span_of(lines, lines_len), out, ACTIVATED_BYTES_MAX,
                       &len),
             ERR_OK);
    return len;
}

/* What an author says about the policy in bytes, written for the vocabulary v. */
static struct activation
activated_about(const struct vocab *v, struct span bytes, const char *author, int64_t activate_ms)
{
    static char names[8][2][128];
    static size_t used;
    char(*mine)[128] = names[used++ % 8];
    struct activation a = {.activate_ms = activate_ms, .author = span_str(author)};
    struct source s;
    uint8_t sha256[32];
    CHECK_EQ(digest_sha256(bytes, sha256), ERR_OK);
    CHECK_EQ(source_read(&s, v, bytes, sha256, NULL), ERR_OK);
    a.id = span_of(mine[0], s.id.len);
    a.zone = span_of(mine[1], s.zone.len);
    a.revision = s.revision;
    memcpy(mine[0], s.id.ptr, s.id.len);
    memcpy(mine[1], s.zone.ptr, s.zone.len);
    memcpy(a.policy, sha256, 32);
    memcpy(a.vocabulary, v->sha256, 32);
    source_finish(&s);
    return a;
}

/* The activation of the policy in bytes, signed by people, the first of whom is the author. */
static size_t
activated_note(const struct vocab *v, struct span bytes, int64_t activate_ms,
               const struct activated_person *people, size_t count,
               char out[static ACTIVATED_BYTES_MAX])
{
    const struct activation a = activated_about(v, bytes, people[0].name, activate_ms);
    char text[ACTIVATION_TEXT_MAX];
    size_t len = 0;
    CHECK_EQ(activation_text(&a, text, &len), ERR_OK);
    return activated_sign(text, len, people, count, out);
}

#endif
